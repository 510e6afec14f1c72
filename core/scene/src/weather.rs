//! Daily weather of one place: the table every model of weather and images reads (tasks.md 3.1). Knows days and values; how
//! files become one stands in `weather_file.rs`, what is doubtful about one in `weather_checks.rs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{SceneError, SceneResult, UnitDoubt, WeatherUnit};

/// Days without a value that may be bridged (spec kg-vsf 4.2).
pub const LONGEST_BRIDGED_GAP_DAYS: usize = 5;

/// What a daily table may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeatherVariable {
    Tmin,
    Tmax,
    Prcp,
    Srad,
    Vp,
    Tmean,
    Wind,
    Et0,
    Swe,
    Sm1,
}

/// What drives the models of weather, in their order (spec kg-vsf 4.1).
pub const DRIVERS: [WeatherVariable; 5] = [
    WeatherVariable::Tmin,
    WeatherVariable::Tmax,
    WeatherVariable::Prcp,
    WeatherVariable::Srad,
    WeatherVariable::Vp,
];

impl WeatherVariable {
    pub const ALL: [Self; 10] = [
        Self::Tmin,
        Self::Tmax,
        Self::Prcp,
        Self::Srad,
        Self::Vp,
        Self::Tmean,
        Self::Wind,
        Self::Et0,
        Self::Swe,
        Self::Sm1,
    ];

    /// As columns and options name it: `tmin`, `prcp`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tmin => "tmin",
            Self::Tmax => "tmax",
            Self::Prcp => "prcp",
            Self::Srad => "srad",
            Self::Vp => "vp",
            Self::Tmean => "tmean",
            Self::Wind => "wind",
            Self::Et0 => "et0",
            Self::Swe => "swe",
            Self::Sm1 => "sm1",
        }
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Tmin => "Lowest temperature",
            Self::Tmax => "Highest temperature",
            Self::Prcp => "Precipitation",
            Self::Srad => "Solar radiation",
            Self::Vp => "Vapour pressure",
            Self::Tmean => "Mean temperature",
            Self::Wind => "Wind at 2 m",
            Self::Et0 => "Reference evapotranspiration",
            Self::Swe => "Snow water",
            Self::Sm1 => "Soil moisture of a weather model",
        }
    }

    /// Of the daily table.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Tmin | Self::Tmax | Self::Tmean => "degC",
            Self::Prcp | Self::Et0 => "mm/day",
            Self::Srad => "MJ/m2/day",
            Self::Vp => "kPa",
            Self::Wind => "m/s",
            Self::Swe => "mm",
            Self::Sm1 => "m3/m3",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|variable| name.trim().eq_ignore_ascii_case(variable.name()))
    }
}

/// What a person says about a weather file that the file does not say itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WeatherReading {
    /// Confirmed units of the file's columns, by the names of the daily table (`tmax`, and `tdew` and `rh`). They go before
    /// what the file says and stop questions about that column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, WeatherUnit>,
    /// Columns of the file by the names of the daily table, where the file calls them otherwise: `prcp` = `Precip_wrcc`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// (latitude, longitude): which place of a file with several, or of a weather raster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<(f64, f64)>,
    /// Several places are weighted by their inverse squared distance instead of the nearest taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_weighted: bool,
}

/// A weather file and how it is read: what jobs and projects hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WeatherSpec {
    pub path: PathBuf,
    #[serde(flatten)]
    pub reading: WeatherReading,
}

impl WeatherSpec {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            reading: WeatherReading::default(),
        }
    }

    /// # Errors
    /// Those of [`WeatherTable::open_blocking`].
    pub fn open_blocking(&self) -> SceneResult<WeatherTable> {
        WeatherTable::open_blocking(&self.path, &self.reading)
    }
}

/// One row a day without gaps in the days; a value may be missing.
#[derive(Clone, Debug, PartialEq)]
pub struct WeatherTable {
    pub first: Date,
    /// Who made it: `Daymet`, `own table`; after joining also since when another: `Daymet, from 2021-03-01 Open-Meteo`.
    pub source: String,
    /// (latitude, longitude) in degrees where the file says it.
    pub place: Option<(f64, f64)>,
    pub elevation_m: Option<f64>,
    /// What was converted, derived, filled or left out, a sentence each.
    pub notes: Vec<String>,
    /// Units somebody must confirm before the values drive anything.
    pub doubts: Vec<UnitDoubt>,
    pub(crate) path: PathBuf,
    pub(crate) reading: WeatherReading,
    /// All of the same length.
    pub(crate) columns: BTreeMap<WeatherVariable, Vec<Option<f32>>>,
    pub(crate) days: usize,
}

impl WeatherTable {
    /// A table of given values.
    ///
    /// # Errors
    /// No day, or columns of different lengths.
    pub fn new(
        source: impl Into<String>,
        first: Date,
        columns: impl IntoIterator<Item = (WeatherVariable, Vec<Option<f32>>)>,
    ) -> SceneResult<Self> {
        let columns: BTreeMap<_, Vec<_>> = columns.into_iter().collect();
        let days = columns.values().map(Vec::len).max().unwrap_or(0);
        if days == 0 || columns.values().any(|column| column.len() != days) {
            return Err(SceneError::input(
                "a weather table needs at least one day, and as many values of each variable as it has days",
            ));
        }
        Ok(Self {
            first,
            source: source.into(),
            place: None,
            elevation_m: None,
            notes: Vec::new(),
            doubts: Vec::new(),
            path: PathBuf::new(),
            reading: WeatherReading::default(),
            columns,
            days,
        })
    }

    /// The last day.
    pub fn last(&self) -> Date {
        self.day(self.days.saturating_sub(1))
    }

    pub fn days(&self) -> usize {
        self.days
    }

    /// The file it was read from; empty for others.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Day of a row.
    pub fn day(&self, row: usize) -> Date {
        later(self.first, row as i64)
    }

    /// Row of a day; `None` outside the table.
    pub fn row(&self, day: Date) -> Option<usize> {
        let row = usize::try_from(days_between(self.first, day)).ok()?;
        (row < self.days).then_some(row)
    }

    pub fn variables(&self) -> impl Iterator<Item = WeatherVariable> {
        self.columns.keys().copied()
    }

    pub fn has(&self, variable: WeatherVariable) -> bool {
        self.columns.contains_key(&variable)
    }

    /// One value a day, from `first` on.
    pub fn column(&self, variable: WeatherVariable) -> Option<&[Option<f32>]> {
        self.columns.get(&variable).map(Vec::as_slice)
    }

    pub fn value(&self, variable: WeatherVariable, day: Date) -> Option<f32> {
        let row = self.row(day)?;
        self.columns.get(&variable)?.get(row).copied().flatten()
    }

    /// [`DRIVERS`] of every day from `first` to `last` (both included) in the daily table's units. Gaps of up to
    /// [`LONGEST_BRIDGED_GAP_DAYS`] are interpolated, precipitation is 0 in them.
    ///
    /// # Errors
    /// A unit that is not confirmed, a driver that is not there, a day outside the table, a longer gap; each named.
    pub fn drivers(&self, first: Date, last: Date) -> SceneResult<Vec<[f32; 5]>> {
        if last < first {
            return Err(SceneError::input(format!(
                "the weather is asked for from {first} to {last}, which holds no day"
            )));
        }
        if let Some(doubt) = self.doubts.iter().find(|doubt| doubt.drives()) {
            return Err(self.error(doubt.question()));
        }
        if let Some(missing) = DRIVERS.into_iter().find(|driver| !self.has(*driver)) {
            return Err(self.error(format!(
                "the weather has no {} ({}, {}), which the model needs; add the column, or name it (--column {}=NAME)",
                missing.title().to_lowercase(),
                missing.name(),
                missing.unit(),
                missing.name(),
            )));
        }
        let (Some(from), Some(to)) = (self.row(first), self.row(last)) else {
            let which = if first < self.first {
                format!(
                    "begins on {}, after the first day needed, {first}",
                    self.first
                )
            } else {
                format!(
                    "ends on {}, before the last day needed, {last}",
                    self.last()
                )
            };
            return Err(self.error(format!(
                "the weather {which}; add a table that covers it, or future weather for days to come"
            )));
        };
        let mut rows = vec![[0.0; DRIVERS.len()]; to - from + 1];
        for (slot, driver) in DRIVERS.into_iter().enumerate() {
            let Some(column) = self.columns.get(&driver) else {
                continue;
            };
            for (row, at) in rows.iter_mut().zip(from..) {
                if let Some(cell) = row.get_mut(slot) {
                    *cell = self.bridged(driver, column, at)?;
                }
            }
        }
        Ok(rows)
    }

    /// The value of a row, or what a short gap around it is bridged with.
    fn bridged(
        &self,
        driver: WeatherVariable,
        column: &[Option<f32>],
        row: usize,
    ) -> SceneResult<f32> {
        let at = |row: usize| column.get(row).copied().flatten();
        if let Some(value) = at(row) {
            return Ok(value);
        }
        let before = (0..row)
            .rev()
            .take(LONGEST_BRIDGED_GAP_DAYS)
            .find_map(|row| Some((row, at(row)?)));
        let after = (row + 1..column.len())
            .take(LONGEST_BRIDGED_GAP_DAYS)
            .find_map(|row| Some((row, at(row)?)));
        let (start, end) = gap_around(column, row);
        if end - start <= LONGEST_BRIDGED_GAP_DAYS {
            match (before, after) {
                _ if driver == WeatherVariable::Prcp => return Ok(0.0),
                (Some((left, low)), Some((right, high))) => {
                    let share = (row - left) as f32 / (right - left) as f32;
                    return Ok(low + (high - low) * share);
                }
                _ => {}
            }
            let edge = if before.is_none() { "first" } else { "last" };
            return Err(self.error(format!(
                "{} is missing from {} to {}, at the table's {edge} days, where there is nothing to interpolate from; add the \
                 values or ask for other days",
                driver.name(),
                self.day(start),
                self.day(end - 1)
            )));
        }
        Err(self.error(format!(
            "{} is missing from {} to {}, {} days; gaps of up to {LONGEST_BRIDGED_GAP_DAYS} days are interpolated, this one is \
             longer, so add the values or ask for other days",
            driver.name(),
            self.day(start),
            self.day(end - 1),
            end - start
        )))
    }

    fn error(&self, what: String) -> SceneError {
        if self.path.as_os_str().is_empty() {
            SceneError::input(what)
        } else {
            SceneError::file(&self.path, what)
        }
    }

    /// This table, then the days of another one after its last. Where both know a day, this one stays.
    #[must_use]
    pub fn followed_by(&self, future: &WeatherTable) -> WeatherTable {
        let mut joined = self.clone();
        let end = future.last();
        if end <= self.last() {
            return joined;
        }
        joined.days = (days_between(self.first, end) + 1).max(0) as usize;
        let variables: Vec<_> = self.variables().chain(future.variables()).collect();
        for variable in variables {
            let column = joined.columns.entry(variable).or_default();
            column.resize(self.days, None);
            let days = joined.days;
            column.extend(
                (self.days..days).map(|row| future.value(variable, later(self.first, row as i64))),
            );
            column.truncate(days);
        }
        let since = future.first.max(later(self.last(), 1));
        joined.source = format!("{}, from {since} {}", self.source, future.source);
        let notes = future
            .notes
            .iter()
            .filter(|note| !self.notes.contains(note));
        joined.notes.extend(notes.cloned());
        let doubts = future
            .doubts
            .iter()
            .filter(|doubt| !self.doubts.contains(doubt));
        joined.doubts.extend(doubts.cloned());
        joined
    }

    /// The days up to and with `last`: what was known then. `None` when that is before the first.
    pub fn until(&self, last: Date) -> Option<WeatherTable> {
        let days = usize::try_from(days_between(self.first, last) + 1)
            .ok()?
            .min(self.days);
        if days == 0 {
            return None;
        }
        let mut cut = self.clone();
        cut.days = days;
        for column in cut.columns.values_mut() {
            column.truncate(days);
        }
        Some(cut)
    }

    /// The same with temperatures raised and precipitation multiplied from a day on; the source says so.
    #[must_use]
    pub fn changed_from(&self, day: Date, warmer_c: f64, rain_factor: f64) -> WeatherTable {
        let mut changed = self.clone();
        let from = days_between(self.first, day).clamp(0, self.days as i64) as usize;
        for (variable, column) in &mut changed.columns {
            for value in column.iter_mut().skip(from).flatten() {
                match variable {
                    WeatherVariable::Tmin | WeatherVariable::Tmax | WeatherVariable::Tmean => {
                        *value += warmer_c as f32;
                    }
                    WeatherVariable::Prcp => *value *= rain_factor as f32,
                    _ => {}
                }
            }
        }
        if warmer_c != 0.0 || rain_factor != 1.0 {
            changed.source = format!(
                "{}, changed from {day} on: temperature {warmer_c:+} degC, precipitation x {rain_factor}",
                self.source
            );
        }
        changed
    }

    /// As an own table: `date` and a column per variable with its unit, which this program reads back.
    pub fn csv(&self) -> String {
        let mut text = String::from("date");
        for variable in self.variables() {
            text += &format!(",{} ({})", variable.name(), variable.unit());
        }
        text.push('\n');
        for row in 0..self.days {
            text += &self.day(row).to_string();
            for column in self.columns.values() {
                text.push(',');
                if let Some(value) = column.get(row).copied().flatten() {
                    text += &number_text(value);
                }
            }
            text.push('\n');
        }
        text
    }
}

/// The run of missing values around a row, half open.
fn gap_around(column: &[Option<f32>], row: usize) -> (usize, usize) {
    let is_missing = |row: &usize| column.get(*row).is_some_and(Option::is_none);
    let start = (0..row).rev().take_while(is_missing).last().unwrap_or(row);
    let end = (row..column.len())
        .take_while(is_missing)
        .last()
        .unwrap_or(row)
        + 1;
    (start, end)
}

/// Five digits after the point at most.
fn number_text(value: f32) -> String {
    let text = format!("{value:.5}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".into()
    } else {
        text.into()
    }
}

/// Whole days from one day to another.
pub(crate) fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

/// The day so many days later; stops at the ends of the calendar.
pub(crate) fn later(day: Date, days: i64) -> Date {
    day.saturating_add(jiff::Span::new().days(days.clamp(-4_000_000, 4_000_000)))
}

#[cfg(test)]
#[path = "weather_tests.rs"]
mod tests;
