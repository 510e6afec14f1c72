//! `terroir pretrain kgvsf`: dated images and daily weather to the weights of a forecasting network.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use terroir_engine::{JobSpec, PretrainKgvsfSpec, WeatherArchive, WeatherUse};
use terroir_scene::WeatherSpec;

use super::embed::known_model_of;
use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;
use super::pretrain_stp::archive_of;
use super::weather_reading::WeatherReadingArgs;

#[derive(Debug, Args)]
pub struct KgvsfArgs {
    /// Places: a folder of dated images each, or several folders and files joined by commas; `@FILE` behind it names the
    /// raster whose pixels are used
    #[arg(required = true, value_name = "PLACE")]
    places: Vec<String>,
    /// Daily weather of each place, in their order; one table serves all if it is the only one
    #[arg(long, required = true, value_name = "FILE")]
    weather: Vec<PathBuf>,
    #[command(flatten)]
    reading: WeatherReadingArgs,
    /// Places that are never learnt from, to say how good the forecasts are; without any, the last fifth of the images of
    /// each place, and one in five blocks of ground where there are that many, are kept for it
    #[arg(long, value_name = "PLACE")]
    hold_out: Vec<String>,
    /// Daily weather of each place held out, in their order
    #[arg(long, value_name = "FILE")]
    hold_out_weather: Vec<PathBuf>,
    /// Size of the network, as `terroir models` lists it
    #[arg(long, default_value = "kgvsf-tiny")]
    model: String,
    /// Trained weights to go on from; they say which bands the model knows
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Wavelengths of the bands in nanometres; without them blue, green, red, near infrared and two of short-wave infrared
    #[arg(long, value_name = "NM,...", value_delimiter = ',')]
    wavelengths: Vec<f64>,
    /// What weather does: drive the forecast, be fused with the images alone, or nothing (to see what it is worth)
    #[arg(long, value_enum, default_value_t = UseOfWeather::Driver)]
    weather_use: UseOfWeather,
    /// Steps of masked reconstruction before those of forecasting
    #[arg(long, default_value_t = 0)]
    masked_steps: u64,
    /// Steps of the whole run; in each phase the rate rises over the first twentieth and then falls
    #[arg(long, default_value_t = 800, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Samples of a draw
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Draws whose gradients make a step
    #[arg(long, default_value_t = 1)]
    accumulation: u64,
    /// Learning rate at the end of its rise; without this 1e-3 for the tiny size, 3e-4 for small, 2e-4 for base
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Side of the crops in pixels; without this the model's own
    #[arg(long)]
    size: Option<usize>,
    /// Seed of start values, crops, images and turns
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Keep pixels that look like clouds no mask knew
    #[arg(long)]
    keep_odd_pixels: bool,
    /// `auto`, `cpu` or a name as `terroir devices` lists it
    #[arg(long, default_value = "auto")]
    device: String,
    /// Steps between checkpoints, and between looks at what is not learnt from
    #[arg(long, default_value_t = 100)]
    checkpoint_every: u64,
    /// Go on with a run; all other options must be as they were, but --steps may be more
    #[arg(long)]
    resume: bool,
    /// Write the weights in half precision
    #[arg(long)]
    half: bool,
    /// Where the weights go (.safetensors)
    #[arg(long)]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum UseOfWeather {
    Driver,
    Context,
    None,
}

pub fn run(args: &KgvsfArgs, output: Output) -> CliResult {
    known_model_of(&args.model, "KG-VSF")?;
    let learning_rate = args.learning_rate.unwrap_or(match args.model.as_str() {
        "kgvsf-tiny" => 1e-3,
        "kgvsf-small" => 3e-4,
        _ => 2e-4,
    });
    let spec = JobSpec::PretrainKgvsf(PretrainKgvsfSpec {
        places: with_weather(&args.places, &args.weather, &args.reading, "--weather")?,
        held_out: with_weather(
            &args.hold_out,
            &args.hold_out_weather,
            &args.reading,
            "--hold-out-weather",
        )?,
        model: args.model.clone(),
        weights: args.weights.clone(),
        wavelengths_nm: args.wavelengths.clone(),
        weather_use: match args.weather_use {
            UseOfWeather::Driver => WeatherUse::Driver,
            UseOfWeather::Context => WeatherUse::Context,
            UseOfWeather::None => WeatherUse::None,
        },
        masked_steps: args.masked_steps,
        steps: args.steps,
        batch: args.batch,
        accumulation: args.accumulation,
        learning_rate,
        side: args.size,
        seed: args.seed,
        keeps_odd_pixels: args.keep_odd_pixels,
        device: args.device.clone(),
        checkpoint_every: args.checkpoint_every,
        resume: args.resume,
        half: args.half,
        out: args.out.clone(),
    });
    run_and_report(&spec, output)
}

/// Places with their tables; a single table serves them all.
fn with_weather(
    places: &[String],
    weather: &[PathBuf],
    reading: &WeatherReadingArgs,
    option: &str,
) -> Result<Vec<WeatherArchive>, CliError> {
    let of_place = |number: usize| match weather {
        [one] => Some(one),
        several if several.len() == places.len() => several.get(number),
        _ => None,
    };
    places
        .iter()
        .enumerate()
        .map(|(number, place)| {
            let table = of_place(number).ok_or_else(|| {
                CliError::usage(format!(
                    "{} places and {} weather tables: give {option} once for each place, in their order, or once for all.",
                    places.len(),
                    weather.len()
                ))
            })?;
            Ok(WeatherArchive {
                archive: archive_of(place),
                weather: WeatherSpec {
                    path: table.clone(),
                    reading: reading.reading(),
                },
            })
        })
        .collect()
}
