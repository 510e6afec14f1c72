//! Columns of weather whose unit looks wrong or is not known: what is odd, what unit would make sense, and the question to a person
//! (tasks.md 3.2). Changes nothing.

use crate::weather_columns::Measured;
use crate::weather_days::{DayColumn, names_of};
use crate::weather_derive::saturation_kpa;
use crate::weather_text::RawColumn;
use crate::{DRIVERS, WeatherUnit, WeatherVariable};

/// A column with fewer values says too little about its unit where only its range tells.
const FEWEST_FOR_RANGE: usize = 30;
/// Share of days with more vapour than air can hold that makes its unit doubtful.
const DOUBTFUL_SHARE: f64 = 0.5;

/// A column whose unit looks wrong or is not known. Its values drive nothing until a person has confirmed it.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitDoubt {
    /// How options name the column: `tmax`, `prcp`, `tdew`.
    pub key: String,
    pub variable: WeatherVariable,
    /// As the file calls it.
    pub column: String,
    /// What its values were taken to be in.
    pub assumed: WeatherUnit,
    /// What they would make sense in; `None` when in no unit known.
    pub likely: Option<WeatherUnit>,
    /// What is odd: `its middle value is 290.5`.
    pub why: String,
}

impl UnitDoubt {
    /// Whether a driver of the models hangs on it.
    pub fn drives(&self) -> bool {
        DRIVERS.contains(&self.variable)
    }

    /// The question with its answers.
    pub fn question(&self) -> String {
        let (key, assumed) = (&self.key, self.assumed);
        match self.likely {
            Some(likely) => format!(
                "the unit of {key} (column {}) must be confirmed: read as {assumed}, {}; it is probably in {likely}. Say which: \
                 --unit {key}={likely}, or --unit {key}={assumed} if that is right, or confirm it in the Weather panel",
                self.column, self.why
            ),
            None => format!(
                "the unit of {key} (column {}) must be confirmed: read as {assumed}, {}. Correct the file, or say the unit (--unit \
                 {key}=UNIT, one of {}; or in the Weather panel)",
                self.column,
                self.why,
                names_of(&assumed.alternatives())
            ),
        }
    }
}

/// A unit in the header that says nothing known.
pub(crate) fn doubt_of_text(column: &RawColumn, assumed: WeatherUnit, text: &str) -> UnitDoubt {
    UnitDoubt {
        key: column.measured.key().to_owned(),
        variable: column.measured.variable(),
        column: column.name.clone(),
        assumed,
        likely: None,
        why: format!("although the file says \"{text}\", which is no unit known for it"),
    }
}

/// Asks when values make no sense in their unit. `tmax`: of the same days, for vapour pressure.
pub(crate) fn doubt_of(column: &DayColumn, tmax: Option<&[Option<f64>]>) -> Option<UnitDoubt> {
    let why = oddity(column.measured, &column.values, tmax)?;
    let is_humidity = column.measured == Measured::Humidity;
    let scale = if is_humidity { 100.0 } else { 1.0 };
    let hours = column.hours;
    let likely = column.unit.alternatives().into_iter().find(|unit| {
        let other: Vec<Option<f64>> = column
            .values
            .iter()
            .map(|value| {
                let stored = column.unit.stored((*value)? / scale, hours);
                Some(scale * unit.to_base(stored, hours))
            })
            .collect();
        *unit != column.unit && oddity(column.measured, &other, tmax).is_none()
    });
    Some(UnitDoubt {
        key: column.measured.key().to_owned(),
        variable: column.measured.variable(),
        column: column.name.clone(),
        assumed: column.unit,
        likely,
        why,
    })
}

/// What is odd about values of a quantity in its base unit, as a whole; single odd days are no matter of the unit.
fn oddity(
    measured: Measured,
    values: &[Option<f64>],
    tmax: Option<&[Option<f64>]>,
) -> Option<String> {
    let mut sorted: Vec<f64> = values.iter().copied().flatten().collect();
    if sorted.is_empty() {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (share * (sorted.len() - 1) as f64).round() as usize;
        sorted.get(index).copied().unwrap_or(0.0)
    };
    let (low, middle, high, largest) = (at(0.05), at(0.5), at(0.95), at(1.0));
    let is_long = sorted.len() >= FEWEST_FOR_RANGE;
    let says = |what: &str, value: f64| Some(format!("its {what} is {}", short_number(value)));
    match measured {
        Measured::Tmin
        | Measured::Tmax
        | Measured::Tmean
        | Measured::Temperature
        | Measured::DewPoint => {
            if middle.abs() > 60.0 {
                says("middle value", middle)
            } else if high > 60.0 {
                says("value of the warmest days", high)
            } else if low < -80.0 {
                says("value of the coldest days", low)
            } else {
                None
            }
        }
        Measured::Precipitation => {
            let wet: Vec<f64> = sorted
                .iter()
                .copied()
                .filter(|value| *value > 0.0)
                .collect();
            let usual = wet.get(wet.len() / 2).copied().unwrap_or(0.0);
            if usual > 100.0 {
                says("usual amount on a wet day in mm", usual)
            } else if is_long && largest > 0.0 && largest < 0.5 {
                says("largest amount in mm", largest)
            } else {
                None
            }
        }
        Measured::Radiation => {
            let is_year = sorted.len() >= 300;
            if high > 45.0 || (is_long && high < 0.1) {
                says("value of bright days in MJ/m2", high)
            } else if is_year && high < 10.0 {
                says("value of the brightest days of a year in MJ/m2", high)
            } else {
                None
            }
        }
        Measured::VapourPressure => {
            let pairs = values
                .iter()
                .zip(tmax.unwrap_or_default())
                .filter_map(|(vp, tmax)| Some(((*vp)?, (*tmax)?)));
            let pairs: Vec<(f64, f64)> = pairs.filter(|(_, tmax)| tmax.abs() <= 60.0).collect();
            let above = pairs
                .iter()
                .filter(|(vp, tmax)| *vp > saturation_kpa(*tmax) + 0.2)
                .count();
            if high > 6.5 {
                says("value of humid days in kPa", high)
            } else if !pairs.is_empty() && above as f64 > DOUBTFUL_SHARE * pairs.len() as f64 {
                Some(format!(
                    "it is above what air at tmax can hold on {above} of {} days",
                    pairs.len()
                ))
            } else if high < 0.02 {
                says("value of humid days in kPa", high)
            } else {
                None
            }
        }
        Measured::Humidity => {
            if high > 110.0 {
                says("value of humid days in %", high)
            } else if largest <= 1.5 {
                says("largest value in %", largest)
            } else {
                None
            }
        }
        Measured::Wind2m | Measured::Wind10m | Measured::WindEast10m | Measured::WindNorth10m => {
            if middle.abs() > 25.0 {
                says("middle value in m/s", middle)
            } else {
                None
            }
        }
        Measured::Et0 => {
            if high > 30.0 {
                says("value of dry days in mm", high)
            } else if is_long && largest > 0.0 && largest < 0.1 {
                says("largest value in mm", largest)
            } else {
                None
            }
        }
        Measured::SoilMoisture => {
            if high > 1.0 {
                says("value of wet days in m3/m3", high)
            } else {
                None
            }
        }
        Measured::SnowWater | Measured::DayLength => None,
    }
}

fn short_number(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.5}")
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    }
}
