//! `terroir time-profile`: a place through all dates of a series, as a table for people, CSV or JSON.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use terroir_scene::{Crs, Series, TimePlace, TimeQuantity, TimeReader, TimeTable, Wavelength};

use super::calc::known_index;
use super::failure::{CliError, CliResult};
use super::output::{Output, table};
use super::series::one_series;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("place").required(true))]
#[command(group = clap::ArgGroup::new("quantity").required(true).multiple(true))]
pub struct TimeProfileArgs {
    /// A folder of dated images, several files, or a stack with a date per band
    #[arg(required = true)]
    series: Vec<PathBuf>,
    /// Place as longitude and latitude, or in the system of --crs
    #[arg(
        long,
        value_name = "LON,LAT",
        allow_hyphen_values = true,
        group = "place"
    )]
    at: Option<String>,
    /// Coordinate system of --at, such as EPSG:32629; WGS 84 longitude and latitude without this
    #[arg(long, requires = "at")]
    crs: Option<String>,
    /// Place as a pixel of the first image, column and row from 0
    #[arg(long, value_name = "COL,ROW", group = "place")]
    pixel: Option<String>,
    /// Bands by wavelength (665nm) or name (B04); several with commas
    #[arg(long, group = "quantity")]
    bands: Option<String>,
    /// Spectral indices: ndvi, evi, savi, ndre, ndmi, nbr, ndwi, mndwi, ndbi, ndsi; several with commas
    #[arg(long, group = "quantity")]
    index: Option<String>,
    /// Write the table to this file (.csv)
    #[arg(long)]
    out: Option<PathBuf>,
}

pub fn run(args: &TimeProfileArgs, output: Output) -> CliResult {
    let quantities = quantities(args)?;
    let series = one_series(&args.series)?;
    let place = place(args, &series)?;
    let mut reader = TimeReader::default();
    let mut values = Vec::with_capacity(series.frames().len());
    for frame in series.frames() {
        values.push(reader.values_blocking(frame, &place, &quantities)?);
    }
    for (at, quantity) in quantities.iter().enumerate() {
        let is_known = |values: &Vec<terroir_scene::TimeValue>| {
            values.get(at).is_some_and(|value| value.value.is_some())
        };
        if !values.iter().any(is_known) {
            output.warn(&format!(
                "{} has no value on any date: the place lies outside, nothing was measured there, or the bands it needs \
                 are missing",
                quantity.label()
            ));
        }
    }
    let mut found = TimeTable {
        quantities: quantities.iter().map(TimeQuantity::label).collect(),
        rows: Vec::new(),
    };
    found.add("1", &place, &series, &values);
    if let Some(out) = &args.out {
        found.save(out)?;
        if !output.json {
            return output.print(&format!("{} ({} dates)\n", out.display(), found.rows.len()));
        }
    }
    if output.json {
        output.print_json(&as_json(&found))
    } else {
        output.print(&as_text(&found))
    }
}

fn quantities(args: &TimeProfileArgs) -> CliResult<Vec<TimeQuantity>> {
    let items = |text: &Option<String>| -> Vec<String> {
        text.iter()
            .flat_map(|text| text.split(','))
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect()
    };
    let mut all = Vec::new();
    for item in items(&args.bands) {
        let is_length = item.chars().next().is_some_and(|c| c.is_ascii_digit());
        match Wavelength::parse(&item) {
            Ok(wavelength) if is_length => all.push(TimeQuantity::Wavelength(wavelength)),
            _ => all.push(TimeQuantity::Band(item)),
        }
    }
    for item in items(&args.index) {
        let index = known_index(&item)?;
        all.push(TimeQuantity::Index(index.id.clone()));
    }
    if all.is_empty() {
        return Err(CliError::usage(
            "Name at least one band (--bands 665nm) or index (--index ndvi).",
        ));
    }
    Ok(all)
}

fn place(args: &TimeProfileArgs, series: &Series) -> CliResult<TimePlace> {
    let pair = |text: &str, option: &str| -> CliResult<(f64, f64)> {
        let numbers: Vec<f64> = text
            .split(',')
            .filter_map(|part| part.trim().parse().ok())
            .collect();
        match numbers.as_slice() {
            [x, y] if text.split(',').count() == 2 && x.is_finite() && y.is_finite() => {
                Ok((*x, *y))
            }
            _ => Err(CliError::usage(format!(
                "{option} {text}: write two numbers with a comma between them."
            ))),
        }
    };
    if let Some(text) = &args.at {
        let crs = match &args.crs {
            Some(crs) => Crs::parse(crs)?,
            None => Crs::wgs84()?,
        };
        return Ok(TimePlace {
            xy: pair(text, "--at")?,
            crs: Some(crs),
        });
    }
    let (col, row) = pair(args.pixel.as_deref().unwrap_or_default(), "--pixel")?;
    let first = series.frames().iter().find_map(|frame| frame.info.as_ref());
    let grid = first.map(|info| &info.grid);
    // The middle of the pixel, on the ground where the image has a place there.
    let middle = (col.floor() + 0.5, row.floor() + 0.5);
    let on_ground = grid.and_then(|grid| {
        let crs = grid.georef.ground_crs()?;
        Some((grid.ground_from_pixel(middle.0, middle.1)?, crs))
    });
    Ok(match on_ground {
        Some((xy, crs)) => TimePlace {
            xy,
            crs: Some(crs.clone()),
        },
        None => TimePlace {
            xy: middle,
            crs: None,
        },
    })
}

fn as_text(found: &TimeTable) -> String {
    let mut header = vec!["date", "cloud"];
    header.extend(found.quantities.iter().map(String::as_str));
    let rows: Vec<Vec<String>> =
        found
            .rows
            .iter()
            .map(|row| {
                let mut cells = vec![
                    if row.time.is_empty() {
                        row.date.clone()
                    } else {
                        format!("{} {}", row.date, row.time)
                    },
                    if row.is_hidden { "yes" } else { "" }.to_owned(),
                ];
                cells.extend(row.values.iter().map(|value| {
                    value.map_or("missing".to_owned(), |value| format!("{value:.4}"))
                }));
                cells
            })
            .collect();
    table(&header, &rows)
}

fn as_json(found: &TimeTable) -> Value {
    let rows: Vec<Value> = found
        .rows
        .iter()
        .map(|row| {
            json!({ "date": row.date, "time": row.time, "cloud": row.is_hidden, "values": row.values, "file": row.file })
        })
        .collect();
    let place = found.rows.first().map(|row| {
        json!({ "x": row.place.xy.0, "y": row.place.xy.1, "crs": row.place.crs.as_ref().map(Crs::label) })
    });
    json!({ "place": place, "quantities": found.quantities, "dates": rows })
}
