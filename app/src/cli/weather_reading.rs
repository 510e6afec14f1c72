//! Options that say of a weather file what it does not say itself. Knows options; reads no file.

use clap::Args;
use terroir_scene::{WeatherReading, WeatherUnit};

/// How the weather files are read.
#[derive(Clone, Debug, Default, Args)]
pub struct WeatherReadingArgs {
    /// Unit of a column of the weather files, where they do not say it: tmax=K
    #[arg(long, value_name = "COLUMN=UNIT", requires = "weather", value_parser = parse_unit)]
    weather_unit: Vec<(String, WeatherUnit)>,
    /// Column of the weather file for what the daily table calls otherwise: prcp=Precip_wrcc
    #[arg(long, value_name = "NAME=COLUMN", requires = "weather", value_parser = parse_column)]
    weather_column: Vec<(String, String)>,
    /// Which place of a weather file with several
    #[arg(long, value_name = "LAT,LON", requires = "weather", value_parser = parse_pair, allow_hyphen_values = true)]
    weather_place: Option<(f64, f64)>,
}

impl WeatherReadingArgs {
    pub fn reading(&self) -> WeatherReading {
        WeatherReading {
            units: self.weather_unit.iter().cloned().collect(),
            columns: self.weather_column.iter().cloned().collect(),
            place: self.weather_place,
            is_weighted: false,
        }
    }
}

/// Two numbers with a comma between them.
pub fn parse_pair(text: &str) -> Result<(f64, f64), String> {
    let (first, second) = text
        .split_once(',')
        .ok_or("two numbers with a comma between them are wanted")?;
    let number = |text: &str| {
        let value: Option<f64> = text.trim().parse().ok();
        value
            .filter(|value| value.is_finite())
            .ok_or_else(|| format!("`{text}` is no number"))
    };
    Ok((number(first)?, number(second)?))
}

/// `NAME=COLUMN`.
pub fn parse_column(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned()))
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        .ok_or_else(|| {
            "a name of the daily table, `=` and what stands for it are wanted, such as prcp=mm"
                .to_owned()
        })
}

/// `NAME=UNIT`.
pub fn parse_unit(text: &str) -> Result<(String, WeatherUnit), String> {
    let (name, unit) = parse_column(text)?;
    let unit =
        WeatherUnit::parse(&unit).ok_or_else(|| format!("`{unit}` is no unit of weather"))?;
    Ok((name, unit))
}
