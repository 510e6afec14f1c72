//! `terroir predict`: a map from a field and a head, or from a scene and a fine-tuned model.

use std::path::PathBuf;

use clap::Args;
use terroir_engine::{JobSpec, MapSceneSpec, PredictSpec};
use terroir_scene::Raster;

use super::area::AreaOption;
use super::bands::parse_band_wavelength;
use super::companions::CompanionOption;
use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, report, run_job};
use super::output::Output;
use super::shard::ShardOption;
use super::suggest::Measure;

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// The field the map is made from
    #[arg(long, requires = "head", required_unless_present = "scene")]
    field: Option<PathBuf>,
    /// The head, made by `terroir train` on a field of the same model
    #[arg(long, requires = "field")]
    head: Option<PathBuf>,
    /// The scene a fine-tuned model maps, instead of --field and --head
    #[arg(long, requires = "model_file", conflicts_with_all = ["field", "head"])]
    scene: Option<PathBuf>,
    /// The fine-tuned model, made by `terroir finetune`
    #[arg(long, value_name = "FILE", requires = "scene")]
    model_file: Option<PathBuf>,
    /// Where the map goes (.tif); the confidence of classes goes beside it as <stem>_confidence.tif
    #[arg(long)]
    out: PathBuf,
    /// Write the probability of every class beside the map, a band each, as <stem>_probabilities.tif
    #[arg(long, requires = "head")]
    probabilities: bool,
    /// Write how unsure the head is beside the map, as <stem>_uncertainty.tif: 1 minus the lead of the first class over the
    /// second, or the spread over all classes
    #[arg(long, value_enum, requires = "head")]
    uncertainty: Option<Measure>,
    /// For a scene: `auto`, `cpu` or a name as `terroir devices` lists it
    #[arg(long, default_value = "auto")]
    device: String,
    /// For a scene: wavelengths of bands that have none or a wrong one, for example 1=490nm,4=833nm
    #[arg(
        long,
        value_name = "BAND=WAVELENGTH",
        value_delimiter = ',',
        requires = "scene"
    )]
    wavelengths: Vec<String>,
    #[command(flatten)]
    area: AreaOption,
    #[command(flatten)]
    companions: CompanionOption,
    #[command(flatten)]
    shard: ShardOption,
}

pub fn run(args: &PredictArgs, output: Output) -> CliResult {
    if let (Some(scene), Some(model_file)) = (&args.scene, &args.model_file) {
        let mut wavelengths_nm = Vec::new();
        if !args.wavelengths.is_empty() {
            let raster = Raster::open(scene)?;
            for text in &args.wavelengths {
                wavelengths_nm.push(parse_band_wavelength(text, raster.info())?);
            }
        }
        let spec = JobSpec::MapScene(MapSceneSpec {
            scene: scene.clone(),
            model_file: model_file.clone(),
            device: args.device.clone(),
            out: args.out.clone(),
            wavelengths_nm,
            aoi: args.area.spec(),
        });
        return run_with_companions(args, spec, output);
    }
    // The parser has asked for both or for a scene.
    let spec = JobSpec::Predict(PredictSpec {
        field: args.field.clone().unwrap_or_default(),
        head: args.head.clone().unwrap_or_default(),
        uncertainty: args.uncertainty.map(Into::into),
        probabilities: args.probabilities,
        out: args.out.clone(),
        aoi: args.area.spec(),
    });
    run_with_companions(args, spec, output)
}

fn run_with_companions(args: &PredictArgs, spec: JobSpec, output: Output) -> CliResult {
    let spec = args.shard.of(spec);
    if matches!(spec, JobSpec::Shard(_)) && !args.companions.beside.is_empty() {
        return Err(CliError::usage(
            "--beside is for whole maps: join the shards with `terroir merge`, then use `terroir export`.",
        ));
    }
    let mut outcome = run_job(&spec, output, &CancelFlag::on_ctrl_c()?)?;
    args.companions.add_to(&mut outcome.files)?;
    report(&outcome, output)
}
