//! `terroir finetune`: scene and labels to a model with a head of its own.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use terroir_engine::{
    Augmentations, ClassWeights, FinetuneSpec, JobSpec, PatchLabel, TuneMode, TuneTask,
};
use terroir_scene::Raster;

use super::bands::{parse_band_wavelength, parse_bands};
use super::embed::{known_model_of, weights_of};
use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TaskChoice {
    /// A class for every pixel; unlabelled pixels count nothing
    Pixels,
    /// A class for every patch of the scene (--window is its side)
    Patches,
    /// A measured value for every pixel
    Values,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeChoice {
    /// One linear layer on the encoder as it is
    Probe,
    /// A feature pyramid with UPerNet on the encoder as it is
    Frozen,
    /// The same, and the last blocks of the encoder learn (--blocks)
    LastBlocks,
    /// The same, and low-rank additions to the encoder's attention learn (--rank, --alpha)
    Lora,
    /// The same, and the whole encoder learns
    Full,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PatchLabelChoice {
    /// What most of its labelled pixels are
    Majority,
    /// What the labelled pixel in its middle is
    Centre,
}

#[derive(Debug, Args)]
pub struct FinetuneArgs {
    /// The scene: any raster whose bands have wavelengths
    file: PathBuf,
    /// Labels: GeoPackage, GeoJSON, Shapefile, CSV points, or a raster on the scene's grid
    #[arg(long)]
    labels: PathBuf,
    /// Attribute that holds the class, or the value; well-known names are tried without this
    #[arg(long)]
    class_attribute: Option<String>,
    /// Where the model goes (.safetensors); its run folder lies beside it as <stem>.run
    #[arg(long)]
    out: PathBuf,
    /// What the model is to answer with
    #[arg(long, value_enum, default_value = "pixels")]
    task: TaskChoice,
    /// What learns
    #[arg(long, value_enum, default_value = "frozen")]
    mode: ModeChoice,
    /// Blocks that learn with --mode last-blocks
    #[arg(long, default_value_t = 2)]
    blocks: usize,
    /// Rank of the additions with --mode lora
    #[arg(long, default_value_t = 8)]
    rank: usize,
    /// Strength of the additions with --mode lora: they are multiplied by alpha / rank
    #[arg(long, default_value_t = 16.0)]
    alpha: f64,
    /// The encoder, as `terroir models` lists it
    #[arg(long, default_value = "dofa-tiny")]
    model: String,
    /// Trained weights of the encoder; without this the installed or built-in ones, and without those it starts untrained
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Start from untrained weights, whatever is installed
    #[arg(long, conflicts_with = "weights")]
    untrained: bool,
    /// `auto`, `cpu` or a name as `terroir devices` lists it
    #[arg(long, default_value = "auto")]
    device: String,
    /// Bands to use, by wavelength, number (from 1) or name; all usable bands without this
    #[arg(long)]
    bands: Option<String>,
    /// Wavelengths of bands that have none or a wrong one, for example 1=490nm,4=833nm
    #[arg(long, value_name = "BAND=WAVELENGTH", value_delimiter = ',')]
    wavelengths: Vec<String>,
    /// Side of what the model sees at once, in pixels of the scene [default: 56, enlarged to the model's own size]
    #[arg(long, value_name = "PIXELS")]
    window: Option<usize>,
    /// Training steps
    #[arg(long, default_value_t = 300)]
    steps: usize,
    /// Windows in a step
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Highest learning rate [default: by mode, 0.01 for probe, else 0.001 with a tenth of it for blocks that learn]
    #[arg(long)]
    rate: Option<f64>,
    /// `balanced`, `even`, or weights by class such as forest=1,water=3
    #[arg(long, default_value = "balanced", value_name = "WEIGHTS")]
    class_weights: String,
    /// Class of a patch
    #[arg(long, value_enum, default_value = "majority")]
    patch_label: PatchLabelChoice,
    /// Do not mirror windows
    #[arg(long)]
    no_flip: bool,
    /// Do not turn windows by quarters
    #[arg(long)]
    no_rotate: bool,
    /// Keep labels in the middle of windows instead of anywhere in them
    #[arg(long)]
    no_crop: bool,
    /// Leave out up to this share of the bands, others in each step
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    drop_bands: f64,
    /// One of this many spatial parts of the labels validates; 0 trains on all and keeps the last step
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Steps between two looks at the validation labels
    #[arg(long, default_value_t = 25, value_name = "STEPS")]
    check_every: usize,
    /// Looks without a better score before it stops early; 0 never does
    #[arg(long, default_value_t = 6, value_name = "CHECKS")]
    patience: usize,
    /// Seed of the split, the draws and untrained weights
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Go on with the run folder's checkpoint
    #[arg(long)]
    resume: bool,
}

pub fn run(args: &FinetuneArgs, output: Output) -> CliResult {
    known_model_of(&args.model, "DOFA")?;
    let (mut bands, mut wavelengths_nm) = (Vec::new(), Vec::new());
    if args.bands.is_some() || !args.wavelengths.is_empty() {
        let raster = Raster::open(&args.file)?;
        if let Some(text) = &args.bands {
            bands = parse_bands(text, raster.info())?;
        }
        for text in &args.wavelengths {
            wavelengths_nm.push(parse_band_wavelength(text, raster.info())?);
        }
    }
    let spec = JobSpec::Finetune(FinetuneSpec {
        scene: args.file.clone(),
        labels: args.labels.clone(),
        class_attribute: args.class_attribute.clone(),
        task: match args.task {
            TaskChoice::Pixels => TuneTask::Pixels,
            TaskChoice::Patches => TuneTask::Patches,
            TaskChoice::Values => TuneTask::Values,
        },
        mode: match args.mode {
            ModeChoice::Probe => TuneMode::Probe,
            ModeChoice::Frozen => TuneMode::Frozen,
            ModeChoice::LastBlocks => TuneMode::LastBlocks(args.blocks),
            ModeChoice::Lora => TuneMode::Lora {
                rank: args.rank,
                alpha: args.alpha,
            },
            ModeChoice::Full => TuneMode::Full,
        },
        model: args.model.clone(),
        weights: weights_of(&args.model, args.weights.as_deref(), args.untrained),
        device: args.device.clone(),
        out: args.out.clone(),
        wavelengths_nm,
        bands,
        window_px: args.window,
        steps: args.steps,
        batch: args.batch,
        learning_rate: args.rate,
        class_weights: parse_weights(&args.class_weights)?,
        patch_label: match args.patch_label {
            PatchLabelChoice::Majority => PatchLabel::Majority,
            PatchLabelChoice::Centre => PatchLabel::Centre,
        },
        augment: Augmentations {
            flip: !args.no_flip,
            rotate: !args.no_rotate,
            crop: !args.no_crop,
            drop_bands: args.drop_bands,
        },
        folds: args.folds,
        check_every: args.check_every,
        patience: args.patience,
        seed: args.seed,
        resume: args.resume,
    });
    run_and_report(&spec, output)
}

fn parse_weights(text: &str) -> CliResult<ClassWeights> {
    match text.trim() {
        "balanced" => return Ok(ClassWeights::Balanced),
        "even" => return Ok(ClassWeights::Even),
        _ => {}
    }
    let one = |item: &str| {
        let (name, weight) = item.rsplit_once('=')?;
        Some((name.trim().to_owned(), weight.trim().parse().ok()?))
    };
    text.split(',')
        .map(|item| {
            one(item).ok_or_else(|| {
                CliError::usage(format!(
                    "--class-weights {text}: write balanced, even or weights by class, for example forest=1,water=3."
                ))
            })
        })
        .collect::<CliResult<_>>()
        .map(ClassWeights::Given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_words_or_numbers_by_class() {
        assert_eq!(parse_weights("even").unwrap(), ClassWeights::Even);
        let given = vec![("bare soil".to_owned(), 2.0), ("water".to_owned(), 0.5)];
        let parsed = parse_weights("bare soil=2, water=0.5").unwrap();
        assert_eq!(parsed, ClassWeights::Given(given));
        assert!(parse_weights("forest").is_err());
        assert!(parse_weights("forest=much").is_err());
    }
}
