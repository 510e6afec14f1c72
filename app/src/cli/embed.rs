//! `terroir embed`: scene to field.

use std::path::{Path, PathBuf};

use clap::Args;
use terroir_engine::{EmbedSpec, JobSpec, ModelInfo};
use terroir_scene::Raster;

use super::bands::{parse_band_wavelength, parse_bands};
use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;

#[derive(Debug, Args)]
pub struct EmbedArgs {
    /// The scene: any raster whose bands have wavelengths
    file: PathBuf,
    /// The model, as `terroir models` lists it
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
    /// Where the field goes (.tif)
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
    /// Work only inside the polygons of this vector file (`file:layer` names one of its layers); outside becomes nodata
    #[arg(long, value_name = "FILE")]
    aoi: Option<String>,
}

pub fn run(args: &EmbedArgs, output: Output) -> CliResult {
    known_model(&args.model)?;
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
    let spec = JobSpec::Embed(EmbedSpec {
        scene: args.file.clone(),
        model: args.model.clone(),
        weights: weights_of(&args.model, args.weights.as_deref(), args.untrained),
        device: args.device.clone(),
        out: args.out.clone(),
        wavelengths_nm,
        bands,
        seed: args.seed,
        aoi: args.aoi.clone(),
    });
    run_and_report(&spec, output)
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
