//! `terroir pretrain stp`: archives of dated scenes to the weights of an encoder of space and time.

use std::path::{Path, PathBuf};

use clap::Args;
use terroir_engine::{JobSpec, PretrainStpSpec};
use terroir_scene::ArchiveSpec;

use super::embed::known_model_of;
use super::failure::CliResult;
use super::job::run_and_report;
use super::output::Output;

#[derive(Debug, Args)]
pub struct StpArgs {
    /// Archives, one place each: a folder of dated scenes, or several folders and files joined by commas (an undated
    /// raster of elevation or classes is learnt, too); `@FILE` behind it names the raster whose pixels are used
    #[arg(required = true, value_name = "ARCHIVE")]
    archives: Vec<String>,
    /// Size of the encoder, as `terroir models` lists it
    #[arg(long, default_value = "stp-tiny")]
    model: String,
    /// Trained weights to go on from; they say which sensors the model knows
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Steps of the whole run; the rate rises over the first twentieth and then falls to zero
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Places in a draw, from different archives where there are several; at least 2, since they are kept apart
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Draws whose gradients make a step
    #[arg(long, default_value_t = 1)]
    accumulation: u64,
    /// Learning rate at the end of its rise; larger models want lower ones
    #[arg(long, default_value_t = 5e-4)]
    learning_rate: f64,
    /// Side of the crops in pixels, a multiple of 16
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// Frames a place is seen in, at most; half of them of the main sensor where there are three
    #[arg(long, default_value_t = 24)]
    frames: usize,
    /// Seed of start values, places, frames and drops
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A class raster or polygons: every class is seen equally often
    #[arg(long, value_name = "FILE")]
    strata: Option<PathBuf>,
    /// Texts about places as vectors: a CSV of x, y (degrees east and north) and the vector, or a .safetensors file with `xy`
    /// and `vectors`
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Labels to watch the run by: how often neighbours in the field agree. Nothing is learnt from them
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Keep less in memory and work more out again (gradient checkpointing)
    #[arg(long)]
    save_memory: bool,
    /// `auto`, `cpu` or a name as `terroir devices` lists it
    #[arg(long, default_value = "auto")]
    device: String,
    /// Steps between checkpoints and previews: what a crash can cost
    #[arg(long, default_value_t = 100)]
    checkpoint_every: u64,
    /// Go on with a run; all other options must be as they were, but --steps may be more
    #[arg(long)]
    resume: bool,
    /// Write the weights in half precision
    #[arg(long)]
    half: bool,
    /// Where the weights go (.safetensors); `terroir embed --weights` takes them
    #[arg(long)]
    out: PathBuf,
}

pub fn run(args: &StpArgs, output: Output) -> CliResult {
    known_model_of(&args.model, "STP")?;
    let spec = JobSpec::PretrainStp(PretrainStpSpec {
        archives: args.archives.iter().map(|text| archive_of(text)).collect(),
        model: args.model.clone(),
        weights: args.weights.clone(),
        steps: args.steps,
        batch: args.batch,
        accumulation: args.accumulation,
        learning_rate: args.learning_rate,
        side: args.size,
        frames: args.frames,
        seed: args.seed,
        strata: args.strata.clone(),
        text: args.text.clone(),
        labels: args.labels.clone(),
        saves_memory: args.save_memory,
        device: args.device.clone(),
        checkpoint_every: args.checkpoint_every,
        resume: args.resume,
        half: args.half,
        out: args.out.clone(),
    });
    run_and_report(&spec, output)
}

/// `folder`, `folder,file.tif` or `folder@reference.tif`; a path that is there as it stands is taken as it is.
pub fn archive_of(text: &str) -> ArchiveSpec {
    if Path::new(text).exists() {
        return ArchiveSpec {
            files: vec![PathBuf::from(text)],
            reference: None,
        };
    }
    let (files, reference) = match text.rsplit_once('@') {
        Some((files, reference)) => (files, Some(PathBuf::from(reference))),
        None => (text, None),
    };
    ArchiveSpec {
        files: files
            .split(',')
            .filter(|file| !file.is_empty())
            .map(PathBuf::from)
            .collect(),
        reference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_folders_lists_and_grids() {
        let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(archive_of("nowhere/a").files, paths(&["nowhere/a"]));
        let two = archive_of("nowhere/a,nowhere/b.tif@nowhere/b.tif");
        assert_eq!(two.files, paths(&["nowhere/a", "nowhere/b.tif"]));
        assert_eq!(two.reference, Some(PathBuf::from("nowhere/b.tif")));
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a,b@c");
        std::fs::create_dir(&odd).unwrap();
        assert_eq!(archive_of(&odd.display().to_string()).files, [odd]);
    }
}
