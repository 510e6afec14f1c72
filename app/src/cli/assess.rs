//! `terroir assess`: map against reference labels.

use std::path::PathBuf;

use clap::Args;
use terroir_engine::{AssessSpec, JobSpec};

use super::failure::CliResult;
use super::job::run_and_report;
use super::output::Output;

#[derive(Debug, Args)]
pub struct AssessArgs {
    /// The class map
    #[arg(long)]
    map: PathBuf,
    /// Reference labels: a vector file, or a class raster on the map's grid. Use labels that trained nothing
    #[arg(long)]
    reference: PathBuf,
    /// Attribute that holds the class; well-known names are tried without this
    #[arg(long)]
    class_attribute: Option<String>,
    /// The reference is a stratified random sample of this map, as `terroir sample` draws it: estimate accuracy and areas
    /// of the whole map with their intervals
    #[arg(long)]
    stratified_sample: bool,
    /// An image of the place, shown in the report beside the map
    #[arg(long, value_name = "FILE")]
    scene: Option<PathBuf>,
    /// Give kappa and MCC, too; kappa is not recommended
    #[arg(long)]
    kappa: bool,
    /// Where the report goes (.json); pages and tables go beside it
    #[arg(long)]
    out: PathBuf,
}

pub fn run(args: &AssessArgs, output: Output) -> CliResult {
    let spec = JobSpec::Assess(AssessSpec {
        map: args.map.clone(),
        reference: args.reference.clone(),
        class_attribute: args.class_attribute.clone(),
        is_stratified_sample: args.stratified_sample,
        scene: args.scene.clone(),
        with_kappa: args.kappa,
        out: args.out.clone(),
    });
    run_and_report(&spec, output)
}
