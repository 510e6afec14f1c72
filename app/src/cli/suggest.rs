//! `terroir suggest`: where to label next, by what a head fitted on the labels is unsure of.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use terroir_engine::{SuggestSpec, suggest_here};
use terroir_scene::{SuggestOptions, Uncertainty, write_suggestions};

use super::failure::{CliError, CliResult};
use super::job::CancelFlag;
use super::output::{Output, table};
use super::train::HeadChoice;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Measure {
    /// How close the second class comes to the first
    Margin,
    /// How evenly the probability is spread over all classes
    Entropy,
}

impl From<Measure> for Uncertainty {
    fn from(measure: Measure) -> Self {
        match measure {
            Measure::Margin => Self::Margin,
            Measure::Entropy => Self::Entropy,
        }
    }
}

#[derive(Debug, Args)]
pub struct SuggestArgs {
    /// The field
    #[arg(long)]
    field: PathBuf,
    /// The labels there are: GeoPackage, GeoJSON, Shapefile, CSV points, or a label raster on the field's grid
    #[arg(long)]
    labels: PathBuf,
    /// Attribute that holds the class; well-known names are tried without this
    #[arg(long)]
    class_attribute: Option<String>,
    /// Places asked for
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
    /// Kind of head whose doubt counts
    #[arg(long, value_enum, default_value = "logistic")]
    kind: HeadChoice,
    /// How doubt is measured
    #[arg(long, value_enum, default_value = "margin")]
    by: Measure,
    /// Least distance between places, pixels
    #[arg(long, default_value_t = 12)]
    apart: u32,
    /// Write the places as points (.gpkg or .csv) with an empty `class` to be filled in; without this they are only printed
    #[arg(long)]
    out: Option<PathBuf>,
}

pub fn run(args: &SuggestArgs, output: Output) -> CliResult {
    let cancel = CancelFlag::on_ctrl_c()?;
    let spec = SuggestSpec {
        field: args.field.clone(),
        labels: args.labels.clone(),
        class_attribute: args.class_attribute.clone(),
        kind: args.kind.into(),
        options: SuggestOptions {
            count: args.count as usize,
            measure: args.by.into(),
            apart_px: args.apart as usize,
        },
    };
    let found = match suggest_here(&spec, &|| cancel.is_raised()) {
        Err(_) if cancel.is_raised() => return Err(CliError::Cancelled),
        found => found?,
    };
    found.warnings.iter().for_each(|text| output.warn(text));
    if found.places.is_empty() {
        output.warn("no unlabelled place with data was found");
    }
    if let Some(out) = &args.out {
        write_suggestions(out, &found.grid, &found.classes, &found.places)?;
    }
    let name = |id: u8| {
        found
            .classes
            .iter()
            .find(|class| class.id == id)
            .map_or("", |class| class.name.as_str())
    };
    let ground = |col: usize, row: usize| {
        found
            .grid
            .ground_from_pixel(col as f64 + 0.5, row as f64 + 0.5)
    };
    if output.json {
        let places: Vec<_> = found
            .places
            .iter()
            .map(|place| {
                let (x, y) = ground(place.col, place.row).unzip();
                serde_json::json!({
                    "col": place.col, "row": place.row, "x": x, "y": y,
                    "class": name(place.class_id), "probability": place.probability,
                    "other_class": name(place.other_id), "other_probability": place.other_probability,
                    "uncertainty": place.uncertainty, "distance": place.distance,
                })
            })
            .collect();
        return output.print_json(&serde_json::json!({
            "files": args.out.iter().collect::<Vec<_>>(), "places": places,
            "sampled_pixels": found.sampled, "field_pixels": found.field_pixels,
        }));
    }
    let rows: Vec<Vec<String>> = found
        .places
        .iter()
        .map(|place| {
            let (x, y) = ground(place.col, place.row)
                .map_or((place.col as f64, place.row as f64), |place| place);
            vec![
                format!("{x}"),
                format!("{y}"),
                format!(
                    "{} {:.0} %",
                    name(place.class_id),
                    100.0 * place.probability
                ),
                format!(
                    "{} {:.0} %",
                    name(place.other_id),
                    100.0 * place.other_probability
                ),
                format!("{:.3}", place.uncertainty),
                format!("{:.3}", place.distance),
            ]
        })
        .collect();
    let mut text = table(&["x", "y", "class", "or", "doubt", "distance"], &rows);
    text += &format!(
        "{} places, from {} of {} pixels of the field\n",
        found.places.len(),
        found.sampled,
        found.field_pixels
    );
    if let Some(out) = &args.out {
        text += &format!("  {}\n", out.display());
    }
    output.print(&text)
}
