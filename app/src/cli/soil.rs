//! `terroir soil`: stations, weather and dated images to estimates of soil moisture, their accuracy, and maps of days.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::{Date, Time};
use terroir_engine::{FORECAST_MODELS, JobSpec, SoilSpec};
use terroir_scene::{
    ArchiveSpec, DEFAULT_WEATHER_MEMBERS, FutureWeather, StationReading, WeatherReading,
    WeatherSpec, WeatherUnit,
};

use super::embed::weights_of;
use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;
use super::shard::ShardOption;
use super::weather_reading::{parse_column, parse_unit};

#[derive(Debug, Args)]
pub struct SoilArgs {
    /// Tables of stations (station, lat, lon, date, sm; or a column a station), of their places and weather, ISMN files (.stm), folders of these,
    /// coarse grids (ERA5-Land, SMAP; NetCDF, GRIB, GeoTIFF) whose cells count as means over their ground
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    stations: Vec<PathBuf>,
    /// Tables of daily weather; columns of weather in the tables of stations need not be named
    #[arg(long, num_args = 1.., value_name = "FILE")]
    weather: Vec<PathBuf>,
    /// Dated images around the stations: folders, files, stacks; with them a map is made
    #[arg(long, num_args = 1.., value_name = "FILE")]
    images: Vec<PathBuf>,
    /// Raster whose grid the maps have; the finest of the images without this
    #[arg(long, value_name = "FILE", requires = "images")]
    reference: Option<PathBuf>,
    /// A day to map; may be given several times; the day of the last image without this
    #[arg(long, value_name = "YYYY-MM-DD", requires = "images")]
    date: Vec<Date>,
    /// Depths that are used, m below the ground; of several of a station the shallowest
    #[arg(long, value_name = "FROM,TO", value_parser = parse_depth, default_value = "0,0.1")]
    depth: (f64, f64),
    /// Quality flags that are accepted, with commas between them
    #[arg(long, value_name = "FLAGS", value_delimiter = ',', default_value = "G")]
    flags: Vec<String>,
    /// Values are percent: they are divided by 100
    #[arg(long)]
    percent: bool,
    /// Use the value nearest to this time of the day (UTC) instead of the mean of the day
    #[arg(long, value_name = "HH:MM", value_parser = parse_time)]
    at: Option<Time>,
    /// Column that holds the soil moisture, where its name does not say it
    #[arg(long, value_name = "NAME")]
    value_column: Option<String>,
    /// Confirmed unit of a column of the weather tables, for example prcp=m; may be given several times
    #[arg(long, value_name = "NAME=UNIT", requires = "weather", value_parser = parse_unit)]
    unit: Vec<(String, WeatherUnit)>,
    /// Column of the weather tables by the name of the daily table, for example prcp=Rain_gauge; may be given several times
    #[arg(long, value_name = "NAME=COLUMN", requires = "weather", value_parser = parse_column)]
    column: Vec<(String, String)>,
    /// Weather of days to come, for maps behind the end of the weather tables: a table that covers them
    #[arg(long, value_name = "FILE", requires = "images")]
    future: Option<PathBuf>,
    /// The usual weather of the days to come, from at least three years of the weather table; rain of past years drawn at random
    #[arg(long, requires = "images", conflicts_with = "future")]
    climatology: bool,
    /// How many draws of past years the climatology takes
    #[arg(long, value_name = "COUNT", requires = "climatology", default_value_t = DEFAULT_WEATHER_MEMBERS)]
    members: usize,
    /// The usual weather, this many degrees warmer
    #[arg(long, value_name = "DEGREES", requires = "images", allow_negative_numbers = true, conflicts_with_all = ["future", "climatology"])]
    warmer: Option<f64>,
    /// The usual weather with this many times the rain
    #[arg(long, value_name = "FACTOR", requires = "images", conflicts_with_all = ["future", "climatology"])]
    rain: Option<f64>,
    /// A forecasting network (kgvsf-tiny, kgvsf-small, kgvsf-base, or a file of weights): a head is taught on its embeddings, and mapped
    #[arg(long, value_name = "MODEL", requires = "images")]
    model: Option<String>,
    /// A field of the place, by whatever model (terroir embed), for a regression on weather, images and field, which is mapped where
    /// no network is
    #[arg(long, value_name = "FILE", requires = "images")]
    field: Option<PathBuf>,
    /// `auto`, `cpu` or a name as `terroir devices` lists it; for the network alone
    #[arg(long, default_value = "auto")]
    device: String,
    /// Also map how far fits on different stations lie apart
    #[arg(long, requires = "images")]
    uncertainty: bool,
    /// Deals the stations to the parts of the validation
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder of the report, the estimates and the maps
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    shard: ShardOption,
}

pub fn run(args: &SoilArgs, output: Output) -> CliResult {
    let archive = (!args.images.is_empty()).then(|| ArchiveSpec {
        files: args.images.clone(),
        reference: args.reference.clone(),
    });
    let model = match args.model.as_deref() {
        Some(name) if FORECAST_MODELS.contains(&name) => {
            let weights = weights_of(name, None, false);
            Some(weights.ok_or_else(|| {
                CliError::failed(format!(
                    "there are no trained weights of {name} on this machine; train some (terroir pretrain kgvsf), or name a file"
                ))
            })?)
        }
        other => other.map(PathBuf::from),
    };
    let spec = JobSpec::Soil(SoilSpec {
        stations: args.stations.clone(),
        reading: StationReading {
            is_percent: args.percent,
            depth_m: args.depth,
            flags: args.flags.clone(),
            time_of_day: args.at,
            column: args.value_column.clone(),
        },
        weather: args
            .weather
            .iter()
            .map(|path| WeatherSpec {
                path: path.clone(),
                reading: WeatherReading {
                    units: args.unit.iter().cloned().collect(),
                    columns: args.column.iter().cloned().collect(),
                    ..WeatherReading::default()
                },
            })
            .collect(),
        archive,
        dates: args.date.clone(),
        future: future_of(args),
        model,
        field: args.field.clone(),
        device: args.device.clone(),
        uncertainty: args.uncertainty,
        seed: args.seed,
        out: args.out.clone(),
    });
    run_and_report(&args.shard.of(spec), output)
}

fn future_of(args: &SoilArgs) -> Option<FutureWeather> {
    if let Some(path) = &args.future {
        return Some(FutureWeather::Table(path.clone()));
    }
    if args.climatology {
        return Some(FutureWeather::Climatology {
            members: args.members,
            seed: args.seed,
        });
    }
    (args.warmer.is_some() || args.rain.is_some()).then(|| FutureWeather::Scenario {
        warmer_c: args.warmer.unwrap_or(0.0),
        rain_factor: args.rain.unwrap_or(1.0),
    })
}

fn parse_depth(text: &str) -> Result<(f64, f64), String> {
    let end = |text: &str| {
        text.trim()
            .parse::<f64>()
            .ok()
            .filter(|metres| (0.0..=100.0).contains(metres))
    };
    text.split_once(',')
        .and_then(|(from, to)| Some((end(from)?, end(to)?)))
        .filter(|(from, to)| from <= to)
        .ok_or_else(|| "two depths in metres, the shallower first, such as 0,0.1".to_owned())
}

fn parse_time(text: &str) -> Result<Time, String> {
    let wrong = || "a time of the day such as 10:30".to_owned();
    let mut parts = text.split(':').map(|part| part.parse::<i8>());
    let mut next = || parts.next().transpose().map_err(|_| wrong());
    let (hour, minute) = (next()?.ok_or_else(wrong)?, next()?.ok_or_else(wrong)?);
    let second = next()?.unwrap_or(0);
    Time::new(hour, minute, second, 0).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_and_times_are_read_or_explained() {
        assert_eq!(parse_depth("0, 0.05"), Ok((0.0, 0.05)));
        for text in ["0.1", "0.2,0.1", "-1,2", "a,b"] {
            assert!(parse_depth(text).is_err(), "{text}");
        }
        assert_eq!(parse_time("10:30"), Ok(Time::constant(10, 30, 0, 0)));
        assert_eq!(parse_time("10:30:05"), Ok(Time::constant(10, 30, 5, 0)));
        for text in ["10", "25:00", "ten"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}
