//! `terroir train`: field and labels to head.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use terroir_engine::{JobSpec, TrainSpec};
use terroir_scene::HeadKind;

use super::failure::CliResult;
use super::job::run_and_report;
use super::output::Output;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum HeadChoice {
    /// Multinomial logistic regression
    Logistic,
    /// Ridge regression on class indicators
    Ridge,
}

impl From<HeadChoice> for HeadKind {
    fn from(choice: HeadChoice) -> Self {
        match choice {
            HeadChoice::Logistic => Self::Logistic,
            HeadChoice::Ridge => Self::Ridge,
        }
    }
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    /// The field, made by `terroir embed` or any 64-band field in the same coding
    #[arg(long)]
    field: PathBuf,
    /// Labels: GeoPackage, GeoJSON, Shapefile, CSV points, or a label raster on the field's grid
    #[arg(long)]
    labels: PathBuf,
    /// Attribute that holds the class; well-known names are tried without this
    #[arg(long)]
    class_attribute: Option<String>,
    /// Where the head goes (.json)
    #[arg(long)]
    out: PathBuf,
    /// Kind of head
    #[arg(long, value_enum, default_value = "logistic")]
    kind: HeadChoice,
    /// Parts of the blocked cross-validation; 0 does without
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Seed of the split into blocks
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub fn run(args: &TrainArgs, output: Output) -> CliResult {
    let spec = JobSpec::Train(TrainSpec {
        field: args.field.clone(),
        labels: args.labels.clone(),
        class_attribute: args.class_attribute.clone(),
        kind: args.kind.into(),
        out: args.out.clone(),
        folds: args.folds,
        seed: args.seed,
    });
    run_and_report(&spec, output)
}
