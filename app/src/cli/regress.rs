//! `terroir regress`: a field and measured values to a map of that value.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use terroir_engine::{JobSpec, RegressSpec, ValueModel};

use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;
use super::shard::ShardOption;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ModelChoice {
    /// Linear in the 64 numbers, with a penalty on large weights
    Ridge,
}

impl From<ModelChoice> for ValueModel {
    fn from(choice: ModelChoice) -> Self {
        match choice {
            ModelChoice::Ridge => Self::Ridge,
        }
    }
}

#[derive(Debug, Args)]
pub struct RegressArgs {
    /// The field
    #[arg(long)]
    field: PathBuf,
    /// Places with measured values: a CSV with lon and lat or x and y, or a vector file of points or polygons (FILE or FILE:LAYER)
    #[arg(long, required_unless_present = "head")]
    points: Option<String>,
    /// Column that holds the value
    #[arg(long, value_name = "COLUMN", required_unless_present = "head")]
    value: Option<String>,
    /// What the value is counted in, for example t/ha
    #[arg(long, default_value = "")]
    unit: String,
    /// Kind of regression
    #[arg(long, value_enum, default_value = "ridge")]
    model: ModelChoice,
    /// Penalty; chosen by leave-one-out errors without this
    #[arg(long)]
    lambda: Option<f64>,
    /// Parts of the blocked cross-validation; 0 does without
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Seed of the split into blocks
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Use a regression fitted before (.json) instead of fitting one
    #[arg(long, conflicts_with_all = ["points", "value", "lambda"])]
    head: Option<PathBuf>,
    /// Colour ramp of the style written beside the map
    #[arg(long, default_value = "viridis")]
    ramp: String,
    /// Where the map goes (.tif); the regression (.json) and its report go beside it
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    shard: ShardOption,
}

pub fn run(args: &RegressArgs, output: Output) -> CliResult {
    if !terroir_scene::ramp_names().contains(&args.ramp.as_str()) {
        return Err(CliError::usage(format!(
            "--ramp {}: no such ramp; known are {}.",
            args.ramp,
            terroir_scene::ramp_names().join(", ")
        )));
    }
    let spec = JobSpec::Regress(RegressSpec {
        field: args.field.clone(),
        points: args.points.clone(),
        value: args.value.clone().unwrap_or_default(),
        unit: args.unit.clone(),
        model: args.model.into(),
        lambda: args.lambda,
        folds: args.folds,
        seed: args.seed,
        head: args.head.clone(),
        ramp: args.ramp.clone(),
        out: args.out.clone(),
    });
    run_and_report(&args.shard.of(spec), output)
}
