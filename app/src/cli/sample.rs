//! `terroir sample`: draws a stratified random sample of a class map, to be answered and given to `terroir assess`.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;
use terroir_scene::{
    Raster, SampleDesign, SceneError, draw_validation_sample_blocking, import_labels,
    write_validation_points,
};

use super::failure::{CliError, CliResult};
use super::job::CancelFlag;
use super::output::{Output, table};

#[derive(Debug, Args)]
pub struct SampleArgs {
    /// The class map to be checked
    #[arg(long)]
    map: PathBuf,
    /// Where the points go (.gpkg or .csv): in random order and without the map's class; fill in their `class`
    #[arg(long)]
    out: PathBuf,
    /// Points in all; as many as --standard-error needs without this
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    points: Option<u32>,
    /// Wanted standard error of the overall accuracy
    #[arg(long, default_value_t = 0.01, value_parser = share, conflicts_with = "points")]
    standard_error: f64,
    /// User's accuracy you expect of the classes
    #[arg(long, default_value_t = 0.85, value_parser = share)]
    expected_accuracy: f64,
    /// Points of every class at least
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..))]
    least: u32,
    /// Labels the map was trained with: their pixels are not drawn
    #[arg(long, value_name = "FILE")]
    exclude: Option<PathBuf>,
    /// Attribute of --exclude that holds the class; well-known names are tried without this
    #[arg(long, requires = "exclude")]
    class_attribute: Option<String>,
    /// The same seed draws the same points
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("a number between 0 and 1 is needed".to_owned()),
    }
}

pub fn run(args: &SampleArgs, output: Output) -> CliResult {
    let cancel = CancelFlag::on_ctrl_c()?;
    let map = Raster::open(&args.map)?;
    let grid = &map.info().grid;
    let mut excluded = HashSet::new();
    if let Some(file) = &args.exclude {
        let (labels, report) = import_labels(file, grid, args.class_attribute.as_deref())?;
        report.notes.iter().for_each(|note| output.warn(note));
        excluded.extend(
            labels
                .pixels()
                .into_iter()
                .map(|pixel| (pixel.col, pixel.row)),
        );
    }
    let design = SampleDesign {
        points: args.points.map(|points| points as usize),
        standard_error: args.standard_error,
        expected_users: args.expected_accuracy,
        least: args.least as usize,
        seed: args.seed,
    };
    let drawn =
        draw_validation_sample_blocking(&map, &design, &excluded, &mut |_| !cancel.is_raised());
    let sample = match drawn {
        Err(SceneError::Cancelled) => return Err(CliError::Cancelled),
        drawn => drawn?,
    };
    write_validation_points(&args.out, grid, &sample.pixels)?;
    if output.json {
        let strata: Vec<_> = sample
            .strata
            .iter()
            .map(|(value, pixels, points)| {
                serde_json::json!({ "class": value, "pixels": pixels, "points": points })
            })
            .collect();
        return output.print_json(&serde_json::json!({
            "files": [args.out], "points": sample.pixels.len(), "strata": strata,
        }));
    }
    let palette = map.info().bands.first().map(|band| band.palette.as_slice());
    let name = |value: u8| {
        let entry = palette
            .unwrap_or_default()
            .iter()
            .find(|entry| entry.value == i64::from(value));
        entry.map_or_else(|| value.to_string(), |entry| entry.name.clone())
    };
    let rows: Vec<Vec<String>> = sample
        .strata
        .iter()
        .map(|(value, pixels, points)| vec![name(*value), pixels.to_string(), points.to_string()])
        .collect();
    output.print(&format!(
        "{} ({} points in random order, without the map's classes)\n{}Fill in `class`, then: terroir assess --map {} --reference {} \
         --class-attribute class --stratified-sample --out report.json\n",
        args.out.display(),
        sample.pixels.len(),
        table(&["class of the map", "pixels", "points"], &rows),
        args.map.display(),
        args.out.display(),
    ))
}
