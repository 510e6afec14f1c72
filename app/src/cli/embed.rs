//! `terroir embed`: scene to field, or dated images to fields with a model of time or of weather.

use std::path::{Path, PathBuf};

use clap::Args;
use terroir_engine::{EmbedSeasonSpec, EmbedSpec, FORECAST_MODELS, JobSpec, ModelInfo};
use terroir_scene::{ArchiveSpec, Raster, WeatherSpec};

use super::area::AreaOption;
use super::bands::{parse_band_wavelength, parse_bands};
use super::embed_series::{self, SeriesOptions};
use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;
use super::shard::ShardOption;
use super::weather_reading::WeatherReadingArgs;

#[derive(Debug, Args)]
pub struct EmbedArgs {
    /// The scene: any raster whose bands have wavelengths. For models over time (stp, kgvsf) folders, images, stacks and
    /// products: dated images of one or several sensors
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The model, as `terroir models` lists it; stp-tiny, stp-small, stp-base and stp-paper look at series of images,
    /// kgvsf-tiny, kgvsf-small and kgvsf-base at series and the weather (--weather)
    #[arg(long, default_value = "dofa-tiny")]
    model: String,
    /// Trained weights (.pth, .safetensors or .bpk); without this those `terroir models` shows for the model
    #[arg(long, conflicts_with = "untrained")]
    weights: Option<PathBuf>,
    /// Use no weights even if some are installed: a random network, drawn from --seed
    #[arg(long)]
    untrained: bool,
    /// `auto`, `cpu` or a name as `terroir devices` lists it
    #[arg(long, default_value = "auto")]
    device: String,
    /// Where the field goes (.tif); several fields add their periods to the name
    #[arg(long)]
    out: PathBuf,
    /// Bands to use, by wavelength, number (from 1) or name; all usable bands without this
    #[arg(long)]
    bands: Option<String>,
    /// Wavelengths of bands that have none or a wrong one, for example 1=490nm,4=833nm
    #[arg(long, value_name = "BAND=WAVELENGTH", value_delimiter = ',')]
    wavelengths: Vec<String>,
    /// Seed of untrained weights
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    area: AreaOption,
    /// Daily weather of the place, for models of images and weather (kgvsf)
    #[arg(long, value_name = "FILE")]
    weather: Option<PathBuf>,
    #[command(flatten)]
    reading: WeatherReadingArgs,
    #[command(flatten)]
    shard: ShardOption,
    #[command(flatten)]
    series: SeriesOptions,
}

pub fn run(args: &EmbedArgs, output: Output) -> CliResult {
    if let Ok(model) = known_series_model(&args.model) {
        return run_series(args, model, output);
    }
    if FORECAST_MODELS.contains(&args.model.as_str()) {
        return run_season(args, output);
    }
    known_model(&args.model)?;
    if args.weather.is_some() {
        return Err(CliError::usage(format!(
            "--weather is for models of images and weather; choose one of {} (--model).",
            FORECAST_MODELS.join(", ")
        )));
    }
    if let Some(option) = args.series.first_given() {
        return Err(CliError::usage(format!(
            "{option} is for models over time; choose one of {} (--model).",
            terroir_engine::SERIES_MODELS.join(", ")
        )));
    }
    let [file] = args.files.as_slice() else {
        return Err(CliError::usage(format!(
            "{} embeds one scene at a time; name one, or choose a model over time ({}).",
            args.model,
            terroir_engine::SERIES_MODELS.join(", ")
        )));
    };
    let (mut bands, mut wavelengths_nm) = (Vec::new(), Vec::new());
    if args.bands.is_some() || !args.wavelengths.is_empty() {
        let raster = Raster::open(file)?;
        if let Some(text) = &args.bands {
            bands = parse_bands(text, raster.info())?;
        }
        for text in &args.wavelengths {
            wavelengths_nm.push(parse_band_wavelength(text, raster.info())?);
        }
    }
    let spec = JobSpec::Embed(EmbedSpec {
        scene: file.clone(),
        model: args.model.clone(),
        weights: weights_of(&args.model, args.weights.as_deref(), args.untrained),
        device: args.device.clone(),
        out: args.out.clone(),
        wavelengths_nm,
        bands,
        seed: args.seed,
        aoi: args.area.spec(),
    });
    run_and_report(&args.shard.of(spec), output)
}

fn run_season(args: &EmbedArgs, output: Output) -> CliResult {
    let model = &args.model;
    if args.shard.is_given() {
        return Err(CliError::usage(format!(
            "{model} works on small places and is not done in shards; leave --shard out."
        )));
    }
    let (support, reference) = args.series.of_one_season()?;
    let Some(weather) = &args.weather else {
        return Err(CliError::usage(format!(
            "{model} reads images and weather; name the place's daily weather (--weather)."
        )));
    };
    if args.bands.is_some() || !args.wavelengths.is_empty() {
        return Err(CliError::usage(
            "--bands and --wavelengths are for models of single scenes; models of images and weather know their bands.",
        ));
    }
    let Some(weights) = weights_of(model, args.weights.as_deref(), args.untrained) else {
        return Err(CliError::failed(format!(
            "There are no trained weights of {model} here; train some (terroir pretrain kgvsf) or name a file (--weights)."
        )));
    };
    let spec = JobSpec::EmbedSeason(EmbedSeasonSpec {
        archive: ArchiveSpec {
            files: args.files.clone(),
            reference,
        },
        weather: WeatherSpec {
            path: weather.clone(),
            reading: args.reading.reading(),
        },
        model: model.clone(),
        weights,
        support,
        device: args.device.clone(),
        out: args.out.clone(),
        aoi: args.area.spec(),
    });
    run_and_report(&spec, output)
}

fn run_series(args: &EmbedArgs, model: &str, output: Output) -> CliResult {
    if args.weather.is_some() {
        return Err(CliError::usage(format!(
            "--weather is for models of images and weather; choose one of {} (--model).",
            FORECAST_MODELS.join(", ")
        )));
    }
    if args.bands.is_some() || !args.wavelengths.is_empty() {
        return Err(CliError::usage(
            "--bands and --wavelengths are for models of single scenes; models over time know their bands.",
        ));
    }
    let common = embed_series::Common {
        files: &args.files,
        model,
        weights: args.weights.as_deref(),
        is_untrained: args.untrained,
        device: &args.device,
        out: &args.out,
        seed: args.seed,
        aoi: args.area.spec(),
    };
    embed_series::run(common, &args.series, args.shard, output)
}

/// The name of a model over time; `stp` is the smallest.
pub fn known_series_model(name: &str) -> Result<&'static str, CliError> {
    let models = terroir_engine::SERIES_MODELS;
    let found = models.iter().find(|known| **known == name);
    match found.or_else(|| models.first().filter(|_| name == "stp")) {
        Some(known) => Ok(known),
        None => Err(CliError::usage(format!(
            "--model {name}: no such model over time; known are {}.",
            models.join(", ")
        ))),
    }
}

/// The weights to use: those named, else those installed or built in, else none.
pub fn weights_of(model: &str, named: Option<&Path>, is_untrained: bool) -> Option<PathBuf> {
    match named {
        Some(path) => Some(path.to_owned()),
        None if is_untrained => None,
        None => crate::assets::weights_of_blocking(model),
    }
}

/// An unknown model is a wrong option, told before anything is read.
pub fn known_model(name: &str) -> CliResult {
    known_among(name, |_| true)
}

/// The same among the models of a family.
pub fn known_model_of(name: &str, family: &str) -> CliResult {
    known_among(name, |model| model.family == family)
}

fn known_among(name: &str, is_one: impl Fn(&ModelInfo) -> bool) -> CliResult {
    let names: Vec<String> = terroir_engine::models()
        .into_iter()
        .filter(is_one)
        .map(|model| model.name)
        .collect();
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "--model {name}: no such model; known are {}.",
        names.join(", ")
    )))
}
