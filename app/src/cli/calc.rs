//! `terroir calc`: a formula over a scene's bands, or a spectral index, as a raster of its own.

use std::path::PathBuf;

use clap::Args;
use terroir_engine::{CalcSpec, JobSpec};
use terroir_scene::{Formula, Raster, SpectralIndex, spectral_index, spectral_indices};

use super::bands::parse_band_wavelength;
use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;
use super::shard::ShardOption;

#[derive(Debug, Args)]
pub struct CalcArgs {
    /// The scene: any raster GDAL opens
    file: PathBuf,
    /// The formula, for example "(nir - red) / (nir + red)" or "where(b1 > 0.3, 1, 0)"; bands are b1, b2, ..., nm665, red or a name
    #[arg(long, required_unless_present = "index", conflicts_with = "index")]
    expression: Option<String>,
    /// A spectral index instead: ndvi, evi, savi, ndre, ndmi, nbr, ndwi, mndwi, ndbi, ndsi
    #[arg(long)]
    index: Option<String>,
    /// Where the result goes (.tif)
    #[arg(long)]
    out: PathBuf,
    /// Wavelengths of bands that have none or a wrong one, for example 1=490nm,4=833nm
    #[arg(long, value_name = "BAND=WAVELENGTH", value_delimiter = ',')]
    wavelengths: Vec<String>,
    /// Colour ramp of the style written beside the result; viridis or the index's own without this
    #[arg(long)]
    ramp: Option<String>,
    #[command(flatten)]
    shard: ShardOption,
}

pub fn run(args: &CalcArgs, output: Output) -> CliResult {
    let index = args.index.as_deref().map(known_index).transpose()?;
    let (name, expression) = match (index, &args.expression) {
        (Some(index), _) => (index.name.clone(), index.formula.clone()),
        (None, Some(text)) => {
            check_formula(text)?;
            (String::new(), text.trim().to_owned())
        }
        (None, None) => return Err(CliError::usage("--expression or --index is needed.")),
    };
    let ramp = args
        .ramp
        .clone()
        .unwrap_or_else(|| index.map_or("viridis", |index| &index.ramp).to_owned());
    if !terroir_scene::ramp_names().contains(&ramp.as_str()) {
        return Err(CliError::usage(format!(
            "--ramp {ramp}: no such ramp; known are {}.",
            terroir_scene::ramp_names().join(", ")
        )));
    }
    let mut wavelengths_nm = Vec::new();
    if !args.wavelengths.is_empty() {
        let raster = Raster::open(&args.file)?;
        for text in &args.wavelengths {
            wavelengths_nm.push(parse_band_wavelength(text, raster.info())?);
        }
    }
    let spec = JobSpec::Calc(CalcSpec {
        scene: args.file.clone(),
        expression,
        name,
        out: args.out.clone(),
        wavelengths_nm,
        ramp,
    });
    run_and_report(&args.shard.of(spec), output)
}

/// An unknown index is a wrong option, told before anything is read.
pub fn known_index(id: &str) -> CliResult<&'static SpectralIndex> {
    spectral_index(id).ok_or_else(|| {
        let known: Vec<&str> = spectral_indices().iter().map(|i| i.id.as_str()).collect();
        CliError::usage(format!(
            "--index {id}: no such index; known are {}.",
            known.join(", ")
        ))
    })
}

/// A formula that cannot be read is a wrong option, shown with a mark under the place.
pub fn check_formula(text: &str) -> CliResult {
    let text = text.trim();
    match Formula::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(CliError::usage(format!(
            "--expression: {error}\n  {text}\n  {}^",
            " ".repeat(error.column)
        ))),
    }
}
