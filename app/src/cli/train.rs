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
    /// Nearest labelled pixels vote
    Knn,
    /// Random forest of 100 trees
    Forest,
    /// Small neural network with 32 hidden units
    Mlp,
}

impl From<HeadChoice> for HeadKind {
    fn from(choice: HeadChoice) -> Self {
        match choice {
            HeadChoice::Logistic => Self::Logistic,
            HeadChoice::Ridge => Self::Ridge,
            HeadChoice::Knn => Self::Neighbours,
            HeadChoice::Forest => Self::Forest,
            HeadChoice::Mlp => Self::Network,
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
    /// Parts of the blocked cross-validation; 0 does without. Where a class would be missing from training, other draws are
    /// tried, then fewer parts, then smaller blocks; last its polygons are dealt out one by one. What was changed is said
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Seed of the split into blocks, of forests and of networks
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// What a class weighs against the others, which weigh 1: CLASS=2 finds more of it; may be repeated
    #[arg(long, value_name = "CLASS=WEIGHT", value_parser = class_weight)]
    class_weight: Vec<(String, f64)>,
    /// Neighbours that vote with `--kind knn`
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=25))]
    neighbours: u32,
}

/// `CLASS=WEIGHT`; the name may hold `=`.
pub fn class_weight(text: &str) -> Result<(String, f64), String> {
    let parsed = text.rsplit_once('=').and_then(|(name, weight)| {
        let weight = weight.trim().parse::<f64>().ok()?;
        (weight.is_finite() && weight > 0.0).then(|| (name.trim().to_owned(), weight))
    });
    parsed
        .ok_or_else(|| "a class, = and a number above 0 are needed, for example Water=2".to_owned())
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
        class_weights: args.class_weight.clone(),
        neighbours: matches!(args.kind, HeadChoice::Knn).then_some(args.neighbours as usize),
    });
    run_and_report(&spec, output)
}
