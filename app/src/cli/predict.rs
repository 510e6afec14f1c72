//! `terroir predict`: field and head to class map and confidence.

use std::path::PathBuf;

use clap::Args;
use terroir_engine::{JobSpec, PredictSpec};

use super::failure::CliResult;
use super::job::run_and_report;
use super::output::Output;

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// The field the map is made from
    #[arg(long)]
    field: PathBuf,
    /// The head, made by `terroir train` on a field of the same model
    #[arg(long)]
    head: PathBuf,
    /// Where the map goes (.tif); the confidence goes beside it as <stem>_confidence.tif
    #[arg(long)]
    out: PathBuf,
    /// Work only inside the polygons of this vector file (`file:layer` names one of its layers); outside becomes nodata
    #[arg(long, value_name = "FILE")]
    aoi: Option<String>,
}

pub fn run(args: &PredictArgs, output: Output) -> CliResult {
    let spec = JobSpec::Predict(PredictSpec {
        field: args.field.clone(),
        head: args.head.clone(),
        out: args.out.clone(),
        aoi: args.aoi.clone(),
    });
    run_and_report(&spec, output)
}
