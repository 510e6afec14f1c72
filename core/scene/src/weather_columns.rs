//! What the columns of weather files mean: the names the sources use, and the unit each is in where the file does not say it
//! (tasks.md 3.2). Knows names; knows no file and no values.

use crate::{WeatherUnit, WeatherVariable};

/// Who writes such files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Daymet,
    OpenMeteo,
    NasaPower,
    Era5,
    EarthEngine,
    AgEra5,
    EObs,
    Own,
}

impl Layout {
    pub fn title(self) -> &'static str {
        match self {
            Self::Daymet => "Daymet",
            Self::OpenMeteo => "Open-Meteo",
            Self::NasaPower => "NASA POWER",
            Self::Era5 => "ERA5-Land",
            Self::EarthEngine => "ERA5-Land (Earth Engine)",
            Self::AgEra5 => "AgERA5",
            Self::EObs => "E-OBS",
            Self::Own => "own table",
        }
    }
}

/// What a column measures, before days are made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measured {
    Tmin,
    Tmax,
    Tmean,
    /// At a time of day; the mean where rows are days.
    Temperature,
    DewPoint,
    /// Percent.
    Humidity,
    VapourPressure,
    Precipitation,
    Radiation,
    /// Seconds from sunrise to sunset; Daymet's radiation is the mean over them.
    DayLength,
    Wind2m,
    Wind10m,
    WindEast10m,
    WindNorth10m,
    Et0,
    SnowWater,
    SoilMoisture,
}

impl Measured {
    /// Name in options and own tables: that of the daily table where there is one.
    pub fn key(self) -> &'static str {
        match self {
            Self::Tmin => "tmin",
            Self::Tmax => "tmax",
            Self::Tmean | Self::Temperature => "tmean",
            Self::DewPoint => "tdew",
            Self::Humidity => "rh",
            Self::VapourPressure => "vp",
            Self::Precipitation => "prcp",
            Self::Radiation => "srad",
            Self::DayLength => "dayl",
            Self::Wind2m | Self::Wind10m | Self::WindEast10m | Self::WindNorth10m => "wind",
            Self::Et0 => "et0",
            Self::SnowWater => "swe",
            Self::SoilMoisture => "sm1",
        }
    }

    /// Keys by which a person may confirm its unit.
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Temperature => &["tmean", "tmin", "tmax"],
            Self::Tmin => &["tmin"],
            Self::Tmax => &["tmax"],
            Self::Tmean => &["tmean"],
            Self::DewPoint => &["tdew"],
            Self::Humidity => &["rh"],
            Self::VapourPressure => &["vp"],
            Self::Precipitation => &["prcp"],
            Self::Radiation => &["srad"],
            Self::DayLength => &["dayl"],
            Self::Wind2m | Self::Wind10m | Self::WindEast10m | Self::WindNorth10m => &["wind"],
            Self::Et0 => &["et0"],
            Self::SnowWater => &["swe"],
            Self::SoilMoisture => &["sm1"],
        }
    }

    pub fn of_key(key: &str) -> Option<Self> {
        Some(match key {
            "tmin" => Self::Tmin,
            "tmax" => Self::Tmax,
            "tmean" => Self::Tmean,
            "tdew" => Self::DewPoint,
            "rh" => Self::Humidity,
            "vp" => Self::VapourPressure,
            "prcp" => Self::Precipitation,
            "srad" => Self::Radiation,
            "wind" => Self::Wind2m,
            "et0" => Self::Et0,
            "swe" => Self::SnowWater,
            "sm1" => Self::SoilMoisture,
            _ => return None,
        })
    }

    /// The column of the daily table it becomes; dew point and humidity become vapour pressure.
    pub fn variable(self) -> WeatherVariable {
        match self {
            Self::Tmin => WeatherVariable::Tmin,
            Self::Tmax => WeatherVariable::Tmax,
            Self::Tmean | Self::Temperature => WeatherVariable::Tmean,
            Self::DewPoint | Self::Humidity | Self::VapourPressure => WeatherVariable::Vp,
            Self::Precipitation => WeatherVariable::Prcp,
            Self::Radiation | Self::DayLength => WeatherVariable::Srad,
            Self::Wind2m | Self::Wind10m | Self::WindEast10m | Self::WindNorth10m => {
                WeatherVariable::Wind
            }
            Self::Et0 => WeatherVariable::Et0,
            Self::SnowWater => WeatherVariable::Swe,
            Self::SoilMoisture => WeatherVariable::Sm1,
        }
    }

    /// The unit a file of this layout is in when it does not say.
    pub fn unit(self, layout: Layout) -> WeatherUnit {
        let is_era5 = matches!(layout, Layout::Era5 | Layout::EarthEngine);
        match self {
            Self::Tmin | Self::Tmax | Self::Tmean | Self::Temperature | Self::DewPoint => {
                if is_era5 || layout == Layout::AgEra5 {
                    WeatherUnit::Kelvin
                } else {
                    WeatherUnit::Celsius
                }
            }
            Self::Humidity => WeatherUnit::Percent,
            Self::VapourPressure => match layout {
                Layout::AgEra5 => WeatherUnit::Hectopascal,
                Layout::Daymet => WeatherUnit::Pascal,
                _ => WeatherUnit::Kilopascal,
            },
            Self::Precipitation | Self::Et0 | Self::SnowWater => {
                if is_era5 {
                    WeatherUnit::Metre
                } else {
                    WeatherUnit::Millimetre
                }
            }
            Self::Radiation => match layout {
                Layout::Era5 | Layout::EarthEngine | Layout::AgEra5 => WeatherUnit::Joule,
                Layout::EObs | Layout::Daymet => WeatherUnit::Watt,
                _ => WeatherUnit::Megajoule,
            },
            Self::DayLength => WeatherUnit::Second,
            Self::Wind2m | Self::Wind10m | Self::WindEast10m | Self::WindNorth10m => {
                if layout == Layout::OpenMeteo {
                    WeatherUnit::KilometrePerHour
                } else {
                    WeatherUnit::MetrePerSecond
                }
            }
            Self::SoilMoisture => WeatherUnit::Share,
        }
    }
}

use Measured as M;

/// Names as `plain_name` writes them. The better of two columns of one quantity stands first.
const NAMES: [(&str, Measured); 113] = [
    // The daily table, Daymet, and what people call such columns.
    ("tmin", M::Tmin),
    ("tmax", M::Tmax),
    ("tmean", M::Tmean),
    ("tavg", M::Tmean),
    ("prcp", M::Precipitation),
    ("srad", M::Radiation),
    ("dayl", M::DayLength),
    ("vp", M::VapourPressure),
    ("tdew", M::DewPoint),
    ("rh", M::Humidity),
    ("wind", M::Wind2m),
    ("wind10", M::Wind10m),
    ("et0", M::Et0),
    ("swe", M::SnowWater),
    ("sm1", M::SoilMoisture),
    ("t_min", M::Tmin),
    ("t_max", M::Tmax),
    ("t_mean", M::Tmean),
    ("t_avg", M::Tmean),
    ("temp_min", M::Tmin),
    ("temp_max", M::Tmax),
    ("temp_mean", M::Tmean),
    ("min_temperature", M::Tmin),
    ("max_temperature", M::Tmax),
    ("mean_temperature", M::Tmean),
    ("precip", M::Precipitation),
    ("precipitation", M::Precipitation),
    ("rain", M::Precipitation),
    ("rainfall", M::Precipitation),
    ("solar_radiation", M::Radiation),
    ("dew_point", M::DewPoint),
    ("dewpoint", M::DewPoint),
    ("relative_humidity", M::Humidity),
    // Open-Meteo, by days and by hours; older names too.
    ("temperature_2m_min", M::Tmin),
    ("temperature_2m_max", M::Tmax),
    ("temperature_2m_mean", M::Tmean),
    ("temperature_2m", M::Temperature),
    ("precipitation_sum", M::Precipitation),
    ("shortwave_radiation_sum", M::Radiation),
    ("shortwave_radiation", M::Radiation),
    ("et0_fao_evapotranspiration", M::Et0),
    ("et0_fao_evapotranspiration_sum", M::Et0),
    ("relative_humidity_2m_mean", M::Humidity),
    ("relative_humidity_2m", M::Humidity),
    ("relativehumidity_2m_mean", M::Humidity),
    ("relativehumidity_2m", M::Humidity),
    ("dew_point_2m_mean", M::DewPoint),
    ("dew_point_2m", M::DewPoint),
    ("dewpoint_2m_mean", M::DewPoint),
    ("dewpoint_2m", M::DewPoint),
    ("wind_speed_10m_mean", M::Wind10m),
    ("wind_speed_10m", M::Wind10m),
    ("wind_speed_10m_max", M::Wind10m),
    ("windspeed_10m_mean", M::Wind10m),
    ("windspeed_10m", M::Wind10m),
    ("windspeed_10m_max", M::Wind10m),
    ("soil_moisture_0_to_7cm_mean", M::SoilMoisture),
    ("soil_moisture_0_to_7cm", M::SoilMoisture),
    // NASA POWER.
    ("t2m_min", M::Tmin),
    ("t2m_max", M::Tmax),
    ("prectotcorr", M::Precipitation),
    ("prectot", M::Precipitation),
    ("allsky_sfc_sw_dwn", M::Radiation),
    ("t2mdew", M::DewPoint),
    ("rh2m", M::Humidity),
    ("ws2m", M::Wind2m),
    ("ws10m", M::Wind10m),
    // ERA5 and ERA5-Land, short and long; Earth Engine's days.
    ("t2m", M::Temperature),
    ("2m_temperature", M::Temperature),
    ("mn2t", M::Tmin),
    ("mx2t", M::Tmax),
    ("minimum_2m_air_temperature", M::Tmin),
    ("maximum_2m_air_temperature", M::Tmax),
    ("mean_2m_air_temperature", M::Tmean),
    ("d2m", M::DewPoint),
    ("2m_dewpoint_temperature", M::DewPoint),
    ("dewpoint_2m_temperature", M::DewPoint),
    ("dewpoint_temperature_2m", M::DewPoint),
    ("tp", M::Precipitation),
    ("total_precipitation", M::Precipitation),
    ("total_precipitation_sum", M::Precipitation),
    ("ssrd", M::Radiation),
    ("surface_solar_radiation_downwards", M::Radiation),
    ("surface_solar_radiation_downwards_sum", M::Radiation),
    ("u10", M::WindEast10m),
    ("10m_u_component_of_wind", M::WindEast10m),
    ("u_component_of_wind_10m", M::WindEast10m),
    ("v10", M::WindNorth10m),
    ("10m_v_component_of_wind", M::WindNorth10m),
    ("v_component_of_wind_10m", M::WindNorth10m),
    ("swvl1", M::SoilMoisture),
    ("volumetric_soil_water_layer_1", M::SoilMoisture),
    ("sd", M::SnowWater),
    ("snow_depth_water_equivalent", M::SnowWater),
    // AgERA5, in tables and by the names of its files.
    ("temperature_min", M::Tmin),
    ("temperature_max", M::Tmax),
    ("temperature_mean", M::Tmean),
    ("temperature_air_2m_min_24h", M::Tmin),
    ("temperature_air_2m_max_24h", M::Tmax),
    ("temperature_air_2m_mean_24h", M::Tmean),
    ("precipitation_flux", M::Precipitation),
    ("solar_radiation_flux", M::Radiation),
    ("vapour_pressure", M::VapourPressure),
    ("vapour_pressure_mean", M::VapourPressure),
    ("dewpoint_temperature", M::DewPoint),
    ("dew_point_temperature_2m_mean", M::DewPoint),
    ("wind_speed", M::Wind10m),
    ("wind_speed_10m_mean_24h", M::Wind10m),
    // E-OBS: its own letters; temperature, rain, humidity, wind, radiation.
    ("tn", M::Tmin),
    ("tx", M::Tmax),
    ("tg", M::Tmean),
    ("rr", M::Precipitation),
    ("hu", M::Humidity),
];

/// E-OBS letters that mean nothing elsewhere.
const EOBS_NAMES: [(&str, Measured); 2] = [("fg", M::Wind10m), ("qq", M::Radiation)];

/// What a column of this (plain) name measures, and how good a name it is: 0 is the best.
pub(crate) fn measured(layout: Layout, name: &str) -> Option<(Measured, usize)> {
    let known = NAMES
        .iter()
        .chain(EOBS_NAMES.iter().filter(|_| layout == Layout::EObs));
    known
        .enumerate()
        .find(|(_, (known, _))| *known == name)
        .map(|(rank, (_, measured))| (*measured, rank))
}

/// Lower case, words joined by `_`: `Vapour-Pressure-Mean` and `vapour_pressure_mean` are one.
pub(crate) fn plain_name(text: &str) -> String {
    let mut plain = String::new();
    for letter in text.trim().chars() {
        if letter.is_alphanumeric() {
            plain.extend(letter.to_lowercase());
        } else if !plain.ends_with('_') && !plain.is_empty() {
            plain.push('_');
        }
    }
    plain.trim_end_matches('_').to_owned()
}

/// A header cell as (plain name, unit as written): `tmax (deg c)`, `tmax [K]`.
pub(crate) fn name_and_unit(cell: &str) -> (String, Option<String>) {
    let cell = cell.trim().trim_matches('"').trim();
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let Some((name, rest)) = cell.split_once(open)
            && let Some(unit) = rest.trim_end().strip_suffix(close)
        {
            let unit = unit.trim();
            return (
                plain_name(name),
                (!unit.is_empty()).then(|| unit.to_owned()),
            );
        }
    }
    (plain_name(cell), None)
}

/// The layout of a table by the (plain) names of its columns, where nothing before them says it.
pub(crate) fn layout_of(names: &[String]) -> Layout {
    let has = |wanted: &[&str]| names.iter().any(|name| wanted.contains(&name.as_str()));
    let count = |wanted: &[&str]| {
        names
            .iter()
            .filter(|name| wanted.contains(&name.as_str()))
            .count()
    };
    // Nobody else counts the days of the year under this name.
    if has(&["yday"]) {
        Layout::Daymet
    } else if has(&[
        "precipitation_flux",
        "solar_radiation_flux",
        "temperature_air_2m_max_24h",
        "temperature_air_2m_min_24h",
    ]) {
        Layout::AgEra5
    } else if count(&["tg", "tn", "tx", "rr", "qq", "hu", "fg"]) >= 3 {
        Layout::EObs
    } else if has(&[
        "total_precipitation_sum",
        "surface_solar_radiation_downwards_sum",
        "system_time_start",
        "system_index",
        "dewpoint_temperature_2m",
        "u_component_of_wind_10m",
        "mean_2m_air_temperature",
    ]) {
        Layout::EarthEngine
    } else if has(&[
        "prectotcorr",
        "prectot",
        "allsky_sfc_sw_dwn",
        "t2m_max",
        "t2m_min",
        "t2mdew",
    ]) {
        Layout::NasaPower
    } else if has(&[
        "t2m",
        "2m_temperature",
        "d2m",
        "2m_dewpoint_temperature",
        "tp",
        "total_precipitation",
        "ssrd",
        "surface_solar_radiation_downwards",
        "swvl1",
    ]) {
        Layout::Era5
    } else if has(&[
        "temperature_2m_max",
        "temperature_2m_min",
        "temperature_2m",
        "precipitation_sum",
        "shortwave_radiation_sum",
        "shortwave_radiation",
    ]) {
        Layout::OpenMeteo
    } else {
        Layout::Own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_their_units() {
        assert_eq!(
            name_and_unit("srad (W/m^2)"),
            ("srad".into(), Some("W/m^2".into()))
        );
        assert_eq!(
            name_and_unit("temperature_2m_max (°C)"),
            ("temperature_2m_max".into(), Some("°C".into()))
        );
        assert_eq!(name_and_unit("TMAX [K]"), ("tmax".into(), Some("K".into())));
        assert_eq!(
            name_and_unit("\"system:time_start\""),
            ("system_time_start".into(), None)
        );
        assert_eq!(
            name_and_unit("Vapour-Pressure-Mean"),
            ("vapour_pressure_mean".into(), None)
        );
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<_> = NAMES
            .iter()
            .chain(&EOBS_NAMES)
            .map(|(name, _)| name)
            .collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
