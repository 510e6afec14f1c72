//! `terroir reconstruct`: what a model of time believes a sensor would have seen on a day.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use terroir_engine::{JobSpec, ReconstructSpec};
use terroir_scene::{ArchiveSpec, Period, Window};

use super::embed::{known_series_model, weights_of};
use super::embed_series::parse_window;
use super::failure::CliResult;
use super::job::run_and_report;
use super::output::Output;

#[derive(Debug, Args)]
pub struct ReconstructArgs {
    /// Folders, images, stacks or products: dated images of the sensors the model knows
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The model: stp-tiny, stp-small, stp-base or stp-paper
    #[arg(long, default_value = "stp-tiny")]
    model: String,
    /// Trained weights (.safetensors); without this those `terroir models` shows for the model
    #[arg(long, conflicts_with = "untrained")]
    weights: Option<PathBuf>,
    /// Use no weights even if some are installed: a random network, drawn from --seed
    #[arg(long)]
    untrained: bool,
    /// Sensor or map to draw, as the model calls it, for example sentinel-2
    #[arg(long)]
    source: String,
    /// The day to draw
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Date,
    /// Days whose images the model looks at, the last one not included; all of them without this
    #[arg(long, value_name = "FROM..TO")]
    support: Option<Period>,
    /// Days that are summed up, with the day to draw in them; 15 days before and after it without this
    #[arg(long, value_name = "FROM..TO")]
    valid: Option<Period>,
    /// Raster whose grid the picture has; the finest of the images' grids without this
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Only this part of the grid, in pixels from its upper left corner
    #[arg(long, value_name = "COL,ROW,WIDTH,HEIGHT", value_parser = parse_window)]
    window: Option<Window>,
    /// `auto`, `cpu` or a name as `terroir devices` lists it
    #[arg(long, default_value = "auto")]
    device: String,
    /// Seed of untrained weights
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the picture goes (.tif)
    #[arg(long)]
    out: PathBuf,
}

pub fn run(args: &ReconstructArgs, output: Output) -> CliResult {
    let model = known_series_model(&args.model)?;
    let spec = JobSpec::Reconstruct(ReconstructSpec {
        archive: ArchiveSpec {
            files: args.files.clone(),
            reference: args.reference.clone(),
        },
        model: model.to_owned(),
        weights: weights_of(model, args.weights.as_deref(), args.untrained),
        support: args.support,
        valid: args.valid,
        source: args.source.clone(),
        date: args.date,
        device: args.device.clone(),
        seed: args.seed,
        window: args.window,
        out: args.out.clone(),
    });
    run_and_report(&spec, output)
}
