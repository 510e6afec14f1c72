//! `terroir weather`: what a weather file holds day by day, what is doubtful about it, and the same as a plain table or a chart.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;
use serde_json::{Value, json};
use terroir_scene::{
    Raster, WeatherCheck, WeatherReading, WeatherTable, WeatherUnit, find_series_blocking,
    weather_svg, write_beside,
};

use super::failure::{CliError, CliResult};
use super::output::{Output, table};

#[derive(Debug, Args)]
pub struct WeatherArgs {
    /// Weather of one place: a table (CSV), a raster (NetCDF, GeoTIFF) or a folder of rasters; more files go on where the one before ends
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Dated images whose days the weather must cover: a folder, files, a stack; repeat for more
    #[arg(long, value_name = "FILE")]
    images: Vec<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Write one row a day in plain units to this file (.csv)
    #[arg(long, value_name = "FILE")]
    to_csv: Option<PathBuf>,
    /// Draw each variable over the days to this file (.svg)
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
}

/// What a person says about a weather file.
#[derive(Debug, Default, Args)]
pub struct ReadingArgs {
    /// Confirm the unit of a column, such as tmax=K or prcp=m; repeat for more. Columns are tmin, tmax, tmean, prcp, srad, vp, tdew, rh, wind, et0, swe, sm1
    #[arg(long = "unit", value_name = "NAME=UNIT")]
    units: Vec<String>,
    /// Say which column of the file holds what, such as prcp=Rain_mm; repeat for more
    #[arg(long = "column", value_name = "NAME=COLUMN")]
    columns: Vec<String>,
    /// Place in a file of several, or in a weather raster: the nearest is taken
    #[arg(long, value_name = "LON,LAT", allow_hyphen_values = true)]
    at: Option<String>,
    /// Weight several places by their distance from --at instead
    #[arg(long, requires = "at")]
    weighted: bool,
}

const KEYS: [&str; 12] = [
    "tmin", "tmax", "tmean", "prcp", "srad", "vp", "tdew", "rh", "wind", "et0", "swe", "sm1",
];

impl ReadingArgs {
    /// # Errors
    /// A name or unit that is not known, a place that is none.
    pub fn reading(&self) -> CliResult<WeatherReading> {
        let pair = |text: &str, option: &str, what: &str| -> CliResult<(String, String)> {
            let parts = text
                .split_once('=')
                .map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned()));
            match parts {
                Some((name, value)) if KEYS.contains(&name.as_str()) && !value.is_empty() => {
                    Ok((name, value))
                }
                _ => Err(CliError::usage(format!(
                    "{option} {text}: write NAME={what} with one of the names {}.",
                    KEYS.join(", ")
                ))),
            }
        };
        let mut reading = WeatherReading {
            is_weighted: self.weighted,
            ..WeatherReading::default()
        };
        for text in &self.units {
            let (name, unit) = pair(text, "--unit", "UNIT")?;
            let Some(unit) = WeatherUnit::parse(&unit) else {
                return Err(CliError::usage(format!(
                    "--unit {text}: {unit} is no unit known; write degC, K, degF, mm, m, inch, MJ/m2, W/m2, J/m2, kWh/m2, kPa, hPa, \
                     Pa, m/s, km/h, % or m3/m3."
                )));
            };
            reading.units.insert(name, unit);
        }
        for text in &self.columns {
            let (name, column) = pair(text, "--column", "COLUMN")?;
            reading.columns.insert(name, column);
        }
        if let Some(text) = &self.at {
            let numbers: Vec<f64> = text
                .split(',')
                .filter_map(|part| part.trim().parse().ok())
                .collect();
            match numbers.as_slice() {
                [longitude, latitude]
                    if text.split(',').count() == 2
                        && longitude.abs() <= 360.0
                        && latitude.abs() <= 90.0 =>
                {
                    reading.place = Some((*latitude, *longitude));
                }
                _ => {
                    return Err(CliError::usage(format!(
                        "--at {text}: write longitude and latitude in degrees with a comma between them, such as 4.35,50.85."
                    )));
                }
            }
        }
        Ok(reading)
    }
}

pub fn run(args: &WeatherArgs, output: Output) -> CliResult {
    let reading = args.reading.reading()?;
    let mut joined: Option<WeatherTable> = None;
    for file in &args.files {
        let one = WeatherTable::open_blocking(file, &reading)?;
        joined = Some(match joined {
            Some(before) => before.followed_by(&one),
            None => one,
        });
    }
    let Some(weather) = joined else {
        return Err(CliError::usage("Name a weather file."));
    };
    let images = image_days(&args.images)?;
    let checks = weather.checks(&images);
    if let Some(out) = &args.to_csv {
        if let Some(doubt) = weather.doubts.first() {
            return Err(CliError::failed(format!(
                "{}\n{}",
                doubt.question(),
                out.display()
            )));
        }
        write_beside(out, weather.csv().as_bytes())?;
        output.remark(&format!("{} ({} days)", out.display(), weather.days()));
    }
    if let Some(out) = &args.chart {
        if !out
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("svg"))
        {
            return Err(CliError::usage(format!(
                "--chart {}: name a file that ends with .svg.",
                out.display()
            )));
        }
        write_beside(out, weather_svg(&weather, &images).as_bytes())?;
        output.remark(&out.display().to_string());
    }
    if output.json {
        output.print_json(&as_json(&weather, &images, &checks, &args.files))
    } else {
        output.print(&as_text(&weather, &images, &checks, &args.files))
    }
}

/// Days with an image among files and folders.
fn image_days(files: &[PathBuf]) -> CliResult<Vec<Date>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let found = find_series_blocking(files);
    let frames = found.series.iter().flat_map(|series| &series.frames);
    let mut days: Vec<Date> = frames.filter_map(|frame| frame.date).collect();
    for path in &found.singles {
        let date = Raster::open(path)?.info().date.clone();
        days.extend(date.and_then(|date| date.parse::<Date>().ok()));
    }
    days.sort_unstable();
    days.dedup();
    if days.is_empty() {
        let place = files.first().map_or(Path::new(""), PathBuf::as_path);
        return Err(CliError::failed(format!(
            "There is no dated image here to check the weather against; give images their day (scene_2018-05-06.tif).\n{}",
            place.display()
        )));
    }
    Ok(days)
}

/// What one variable is about: days with a value, and their lowest, mean and highest.
struct Figures {
    days: usize,
    low: f64,
    mean: f64,
    high: f64,
}

fn figures(column: &[Option<f32>]) -> Option<Figures> {
    let values = || column.iter().flatten().map(|value| f64::from(*value));
    let days = values().count();
    (days > 0).then(|| Figures {
        days,
        low: values().fold(f64::INFINITY, f64::min),
        mean: values().sum::<f64>() / days as f64,
        high: values().fold(f64::NEG_INFINITY, f64::max),
    })
}

fn as_text(
    weather: &WeatherTable,
    images: &[Date],
    checks: &[WeatherCheck],
    files: &[PathBuf],
) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text += &format!("{name:<10}{value}\n");
    for file in files {
        line("File", file.display().to_string());
    }
    line("Source", weather.source.clone());
    line(
        "Days",
        format!(
            "{}, {} to {}",
            weather.days(),
            weather.first,
            weather.last()
        ),
    );
    if let Some((latitude, longitude)) = weather.place {
        let elevation = weather
            .elevation_m
            .map(|metres| format!(", {metres} m"))
            .unwrap_or_default();
        line(
            "Place",
            format!("longitude {longitude}, latitude {latitude}{elevation}"),
        );
    }
    if let (Some(first), Some(last)) = (images.first(), images.last()) {
        line("Images", format!("{}, {first} to {last}", images.len()));
    }
    let rows: Vec<Vec<String>> = weather
        .variables()
        .filter_map(|variable| {
            let column = weather.column(variable)?;
            let head = [variable.name().to_owned(), variable.unit().to_owned()];
            let figures = figures(column);
            let cells = match &figures {
                Some(f) => [f.low, f.mean, f.high].map(|value| format!("{value:.2}")),
                None => [const { String::new() }; 3],
            };
            let missing = column.len() - figures.map_or(0, |figures| figures.days);
            Some(
                head.into_iter()
                    .chain(cells)
                    .chain([missing.to_string()])
                    .collect(),
            )
        })
        .collect();
    text.push('\n');
    text += &table(
        &["variable", "unit", "lowest", "mean", "highest", "missing"],
        &rows,
    );
    if !weather.notes.is_empty() {
        text += "\nNotes\n";
        for note in &weather.notes {
            text += &format!("  {note}\n");
        }
    }
    text += "\nChecks\n";
    if checks.is_empty() {
        text += "  nothing is doubtful\n";
    }
    for check in checks {
        let sign = if check.stops { "STOP " } else { "" };
        text += &format!("  {sign}{}\n", check.what);
    }
    text
}

fn as_json(
    weather: &WeatherTable,
    images: &[Date],
    checks: &[WeatherCheck],
    files: &[PathBuf],
) -> Value {
    let variables: Vec<Value> = weather
        .variables()
        .filter_map(|variable| {
            let column = weather.column(variable)?;
            let figures = figures(column);
            Some(json!({
                "name": variable.name(),
                "unit": variable.unit(),
                "days": figures.as_ref().map_or(0, |figures| figures.days),
                "missing": column.len() - figures.as_ref().map_or(0, |figures| figures.days),
                "lowest": figures.as_ref().map(|figures| figures.low),
                "mean": figures.as_ref().map(|figures| figures.mean),
                "highest": figures.as_ref().map(|figures| figures.high),
            }))
        })
        .collect();
    let checks: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "what": check.what,
                "variable": check.variable.map(|variable| variable.name()),
                "days": check.days,
                "stops": check.stops,
                "confirm": check.doubt.as_ref().map(|doubt| json!({
                    "name": doubt.key,
                    "column": doubt.column,
                    "read_as": doubt.assumed,
                    "likely": doubt.likely,
                })),
            })
        })
        .collect();
    json!({
        "files": files,
        "source": weather.source,
        "first": weather.first,
        "last": weather.last(),
        "days": weather.days(),
        "latitude": weather.place.map(|place| place.0),
        "longitude": weather.place.map(|place| place.1),
        "elevation_m": weather.elevation_m,
        "variables": variables,
        "notes": weather.notes,
        "images": images,
        "checks": checks,
    })
}
