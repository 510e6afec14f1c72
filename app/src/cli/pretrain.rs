//! `terroir pretrain`: scenes or archives without labels to the weights of a model. DOFA here, the others in files of their own.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use terroir_engine::{JobSpec, PretrainSpec, TrainingScene};
use terroir_scene::Raster;

use super::bands::parse_band_wavelength;
use super::embed::known_model_of;
use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;
use super::pretrain_kgvsf::KgvsfArgs;
use super::pretrain_stp::StpArgs;

#[derive(Debug, Args)]
pub struct PretrainArgs {
    #[command(subcommand)]
    model: Family,
}

#[derive(Debug, Subcommand)]
enum Family {
    /// Masked pretraining of DOFA: scenes of any sensors in one run, hidden patches to be found again
    ///
    /// The run keeps its settings, its figures (metrics.jsonl), previews and the newest checkpoint in `<out>.run`.
    Dofa(Box<DofaArgs>),
    /// Pretraining of STP on archives: dated scenes of one place each, from any sensors; frames left out are to be found again
    ///
    /// The run keeps its settings, its figures (metrics.jsonl), previews and the newest checkpoint in `<out>.run`.
    Stp(Box<StpArgs>),
    /// Pretraining of KG-VSF on dated images and daily weather: from images and weather up to a day, later images are forecast
    ///
    /// What the forecasts are worth is measured on days and ground that are not learnt from, and stands in the weights' file. The
    /// run keeps its settings, its figures (metrics.jsonl), previews and the newest checkpoint in `<out>.run`.
    Kgvsf(Box<KgvsfArgs>),
}

#[derive(Debug, Args)]
struct DofaArgs {
    /// Scenes: any rasters whose bands have wavelengths
    #[arg(required = true)]
    scenes: Vec<PathBuf>,
    /// Size of the encoder, as `terroir models` lists it
    #[arg(long, default_value = "dofa-tiny")]
    model: String,
    /// Trained weights to go on from (.pth or .safetensors); without them training begins from nothing
    #[arg(long)]
    weights: Option<PathBuf>,
    /// A vision transformer in timm's key names, of the encoder's width, to learn from beside the pixels
    #[arg(long, value_name = "FILE")]
    teacher: Option<PathBuf>,
    /// Wavelengths of bands that have none or wrong ones in a scene, for example b.tif:1=490nm,2=560nm; may be given again
    #[arg(long, value_name = "SCENE:BAND=WAVELENGTH,...")]
    wavelengths: Vec<String>,
    /// Steps of the whole run; the rate rises over the first sixth and then falls to zero
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Images of a draw, all of one sensor
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Draws whose gradients make a step
    #[arg(long, default_value_t = 1)]
    accumulation: u64,
    /// Learning rate at the end of its rise
    #[arg(long, default_value_t = 5e-4)]
    learning_rate: f64,
    /// Share of the patches that is hidden
    #[arg(long, default_value_t = 0.75)]
    mask_ratio: f64,
    /// Seed of start values, crops and masks
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Side of the images in pixels, a multiple of the patch; the model's own without this
    #[arg(long)]
    size: Option<usize>,
    /// Of scenes with more bands, this many are drawn for every batch; 0 takes all
    #[arg(long, default_value_t = 32)]
    bands_a_step: usize,
    /// Tell the model wavelengths up to this many nanometres off, so that it does not learn single numbers
    #[arg(long, value_name = "NM", default_value_t = 0.0)]
    wavelength_jitter: f64,
    /// `auto`, `cpu` or a name as `terroir devices` lists it
    #[arg(long, default_value = "auto")]
    device: String,
    /// Steps between checkpoints: what a crash can cost
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

pub fn run(args: &PretrainArgs, output: Output) -> CliResult {
    let args = match &args.model {
        Family::Dofa(args) => args,
        Family::Stp(args) => return super::pretrain_stp::run(args, output),
        Family::Kgvsf(args) => return super::pretrain_kgvsf::run(args, output),
    };
    known_model_of(&args.model, "DOFA")?;
    let mut scenes: Vec<TrainingScene> = args
        .scenes
        .iter()
        .map(|path| TrainingScene {
            path: path.clone(),
            wavelengths_nm: Vec::new(),
            bands: Vec::new(),
        })
        .collect();
    for text in &args.wavelengths {
        add_wavelengths(text, &mut scenes)?;
    }
    let spec = JobSpec::Pretrain(PretrainSpec {
        scenes,
        model: args.model.clone(),
        weights: args.weights.clone(),
        teacher: args.teacher.clone(),
        steps: args.steps,
        batch: args.batch,
        accumulation: args.accumulation,
        learning_rate: args.learning_rate,
        mask_ratio: args.mask_ratio,
        seed: args.seed,
        size: args.size,
        bands_a_step: args.bands_a_step,
        wavelength_jitter_nm: args.wavelength_jitter,
        device: args.device.clone(),
        checkpoint_every: args.checkpoint_every,
        resume: args.resume,
        half: args.half,
        out: args.out.clone(),
    });
    run_and_report(&spec, output)
}

/// `b.tif:1=490nm,2=560nm` for the scene of that path or file name.
fn add_wavelengths(text: &str, scenes: &mut [TrainingScene]) -> CliResult {
    let Some((name, list)) = text.rsplit_once(':') else {
        return Err(CliError::usage(format!(
            "--wavelengths {text}: write SCENE:BAND=WAVELENGTH, for example b.tif:1=490nm,2=560nm."
        )));
    };
    let is_named = |path: &Path| path == Path::new(name) || path.file_name() == Some(name.as_ref());
    let mut named = scenes.iter_mut().filter(|scene| is_named(&scene.path));
    let (Some(scene), None) = (named.next(), named.next()) else {
        return Err(CliError::usage(format!(
            "--wavelengths {text}: {name} is not the path or file name of exactly one of the scenes."
        )));
    };
    let raster = Raster::open(&scene.path)?;
    for item in list.split(',') {
        let wavelength = parse_band_wavelength(item.trim(), raster.info())?;
        scene.wavelengths_nm.push(wavelength);
    }
    Ok(())
}
