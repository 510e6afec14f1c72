//! `terroir change`: two fields to change.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use terroir_engine::{ChangeSpec, JobSpec};
use terroir_scene::ChangeMeasure;

use super::failure::CliResult;
use super::job::run_and_report;
use super::output::Output;
use super::shard::ShardOption;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MeasureChoice {
    /// Dot product of the two vectors: 1 = no change
    Dot,
    /// (1 - dot product) / 2: 0 = no change
    Distance,
    /// Angle between the two vectors, degrees: 0 = no change
    Angle,
    /// How unusual the later year is among four or more at its pixel, in deviations
    LocalZ,
}

impl From<MeasureChoice> for ChangeMeasure {
    fn from(choice: MeasureChoice) -> Self {
        match choice {
            MeasureChoice::Dot => Self::Dot,
            MeasureChoice::Distance => Self::Distance,
            MeasureChoice::Angle => Self::Angle,
            MeasureChoice::LocalZ => Self::LocalZ,
        }
    }
}

#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// The earlier field
    #[arg(long)]
    before: PathBuf,
    /// The later field, on the same grid; it may be stored the other way up
    #[arg(long)]
    after: PathBuf,
    /// A field of another year, for local-z; may be given again
    #[arg(long, value_name = "FIELD")]
    also: Vec<PathBuf>,
    /// What is written for every pixel
    #[arg(long, value_enum, default_value = "dot")]
    measure: MeasureChoice,
    /// What counts as changed: below it for dot, above it for the others; a dot product of 0.8 and its like, a local z of 3 without this
    #[arg(long, allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// Smallest patch of change that becomes a polygon, square metres
    #[arg(long, value_name = "M2", default_value_t = ChangeSpec::LEAST_AREA_M2)]
    least_area: f64,
    /// Write no polygons
    #[arg(long)]
    no_polygons: bool,
    /// Where the raster goes (.tif); the polygons of change go beside it (.gpkg)
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    shard: ShardOption,
}

pub fn run(args: &ChangeArgs, output: Output) -> CliResult {
    let spec = JobSpec::Change(ChangeSpec {
        before: args.before.clone(),
        after: args.after.clone(),
        also: args.also.clone(),
        measure: args.measure.into(),
        threshold: args.threshold,
        least_area_m2: args.least_area,
        polygons: !args.no_polygons,
        out: args.out.clone(),
    });
    run_and_report(&args.shard.of(spec), output)
}
