//! `terroir forecast`: images of days that were not seen, or the gaps of those that were.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use terroir_engine::{
    FillSpec, ForecastMethod, ForecastSpec, JobSpec, ModelForecast, TargetDays, USUAL_HORIZON_DAYS,
    USUAL_STEP_DAYS, WhatIf,
};
use terroir_scene::{ArchiveSpec, Baseline, FutureWeather, WeatherSpec, Window};

use super::embed::{known_model_of, weights_of};
use super::embed_series::parse_window;
use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;
use super::weather_reading::{WeatherReadingArgs, parse_pair};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MethodChoice {
    /// The last clear value of each pixel
    Persistence,
    /// The value of the same day a year before
    LastYear,
    /// The mean of the same 30 days in at least two other years
    Climatology,
    /// The line between the clear values before and after; only for --fill
    Interpolation,
    /// A network that is driven by weather (--weights, --weather)
    Kgvsf,
}

impl MethodChoice {
    /// `None` for the network.
    fn rule(self) -> Option<Baseline> {
        match self {
            Self::Persistence => Some(Baseline::Persistence),
            Self::LastYear => Some(Baseline::LastYear),
            Self::Climatology => Some(Baseline::Climatology),
            Self::Interpolation => Some(Baseline::Interpolation),
            Self::Kgvsf => None,
        }
    }
}

/// What the network is given.
#[derive(Debug, Args)]
struct NetworkArgs {
    /// Trained weights (.safetensors); without this those `terroir models` shows for --model
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Size of the network whose weights are used
    #[arg(long, default_value = "kgvsf-tiny")]
    model: String,
    /// `auto`, `cpu` or a name as `terroir devices` lists it
    #[arg(long, default_value = "auto")]
    device: String,
    /// Daily weather of the place: up to the last image used, or further
    #[arg(long, value_name = "FILE")]
    weather: Option<PathBuf>,
    #[command(flatten)]
    reading: WeatherReadingArgs,
    /// Weather of the days to come; without it what the weather file knows of them, else its climatology
    #[arg(long, value_name = "FILE", conflicts_with_all = ["weather_members", "scenario"])]
    future_weather: Option<PathBuf>,
    /// The usual weather of the days to come, so many times, which gives a spread; needs three years of weather
    #[arg(long, value_name = "COUNT", conflicts_with = "scenario")]
    weather_members: Option<usize>,
    /// Seed of the members
    #[arg(long, default_value_t = 0, requires = "weather_members")]
    weather_seed: u64,
    /// The usual weather of the days to come, warmer by so many degrees and with so many times the rain: 2,0.5
    #[arg(long, value_name = "DEGREES,FACTOR", value_parser = parse_pair, allow_hyphen_values = true)]
    scenario: Option<(f64, f64)>,
    /// Once more under changed weather, beside the unchanged: warmer by so many degrees, with so many times the rain
    #[arg(long, value_name = "DEGREES,FACTOR", value_parser = parse_pair, allow_hyphen_values = true)]
    what_if: Option<(f64, f64)>,
}

impl NetworkArgs {
    fn forecast(&self) -> Result<ModelForecast, CliError> {
        known_model_of(&self.model, "KG-VSF")?;
        let Some(weights) = weights_of(&self.model, self.weights.as_deref(), false) else {
            return Err(CliError::usage(format!(
                "--method kgvsf needs trained weights, and none of {} are installed: name them (--weights), or train some (terroir pretrain kgvsf).",
                self.model
            )));
        };
        let Some(weather) = &self.weather else {
            return Err(CliError::usage(
                "--method kgvsf needs the daily weather of the place (--weather).",
            ));
        };
        let future = match (&self.future_weather, self.weather_members, self.scenario) {
            (Some(path), _, _) => Some(FutureWeather::Table(path.clone())),
            (None, Some(members), _) => Some(FutureWeather::Climatology {
                members,
                seed: self.weather_seed,
            }),
            (None, None, Some((warmer_c, rain_factor))) => Some(FutureWeather::Scenario {
                warmer_c,
                rain_factor,
            }),
            (None, None, None) => None,
        };
        Ok(ModelForecast {
            weights,
            device: self.device.clone(),
            weather: WeatherSpec {
                path: weather.clone(),
                reading: self.reading.reading(),
            },
            future,
            what_if: self.what_if.map(|(warmer_c, rain_factor)| WhatIf {
                warmer_c,
                rain_factor,
            }),
        })
    }
}

#[derive(Debug, Args)]
pub struct ForecastArgs {
    /// Dated images of one place: folders, files, stacks with a band a date
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How images are made; persistence without this, interpolation with --fill
    #[arg(long, value_enum)]
    method: Option<MethodChoice>,
    #[command(flatten)]
    network: NetworkArgs,
    /// The last day whose images are used; later ones are what the forecast is compared with
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<Date>,
    /// The days to make
    #[arg(long, value_name = "DATE,...", value_delimiter = ',', conflicts_with_all = ["every", "at_images"])]
    dates: Vec<Date>,
    /// A day every so many days after the last image; 10 without this
    #[arg(long, value_name = "DAYS", conflicts_with = "at_images")]
    every: Option<u16>,
    /// The days of the images after the last one used, so that each can be compared
    #[arg(long)]
    at_images: bool,
    /// How many days ahead at most; 60 without this
    #[arg(long, value_name = "DAYS", conflicts_with = "dates")]
    horizon: Option<u16>,
    /// Fill the gaps of the images there are (those of --dates, or all) instead of looking ahead
    #[arg(long, conflicts_with_all = ["every", "at_images", "horizon", "until", "land_cover"])]
    fill: bool,
    /// With --fill: made values also where the image shows clear ones
    #[arg(long, requires = "fill")]
    replace_seen: bool,
    /// Land cover on the same grid (codes of ESA WorldCover), so that only plants are scored by their greenness
    #[arg(long, value_name = "FILE")]
    land_cover: Option<PathBuf>,
    /// Raster whose grid is used; the finest of the images without this
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Which sensor, where the files hold images of several
    #[arg(long, value_name = "NAME")]
    sensor: Option<String>,
    /// Only this part of the grid, in pixels from its upper left corner
    #[arg(long, value_name = "COL,ROW,WIDTH,HEIGHT", value_parser = parse_window)]
    window: Option<Window>,
    /// Folder of the results: an image a day, their table, and the report
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub fn run(args: &ForecastArgs, output: Output) -> CliResult {
    let horizon = args.horizon.unwrap_or(USUAL_HORIZON_DAYS);
    let days = if args.at_images {
        TargetDays::Images { horizon }
    } else if args.dates.is_empty() || args.fill {
        TargetDays::Every {
            days: args.every.unwrap_or(USUAL_STEP_DAYS),
            horizon,
        }
    } else {
        TargetDays::Dates(args.dates.clone())
    };
    let method = args.method.unwrap_or(match args.fill {
        true => MethodChoice::Interpolation,
        false => MethodChoice::Persistence,
    });
    let method = match method.rule() {
        Some(rule) => ForecastMethod::Baseline(rule),
        None => ForecastMethod::Model(Box::new(args.network.forecast()?)),
    };
    let spec = JobSpec::Forecast(ForecastSpec {
        archive: ArchiveSpec {
            files: args.files.clone(),
            reference: args.reference.clone(),
        },
        sensor: args.sensor.clone(),
        method,
        until: args.until,
        days,
        fill: args.fill.then(|| FillSpec {
            dates: args.dates.clone(),
            replaces_seen: args.replace_seen,
        }),
        land_cover: args.land_cover.clone(),
        window: args.window,
        out: args.out.clone(),
    });
    run_and_report(&spec, output)
}
