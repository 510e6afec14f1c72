//! Days out of rows: units, sums and means of hours, accumulations, and vapour pressure from what there is (tasks.md 3.1, 3.2).
//! Knows columns of numbers with times; opens no file.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;

use crate::weather::{days_between, later};
use crate::weather_columns::{Layout, Measured};
use crate::weather_derive::{daylight_totals, derive_vapour, derive_wind, fill_leap_years};
use crate::weather_doubts::{doubt_of, doubt_of_text};
use crate::weather_text::{RawColumn, RawTable};
use crate::{
    SceneError, SceneResult, UnitDoubt, WeatherReading, WeatherTable, WeatherUnit, WeatherVariable,
};

/// Longer tables have a date that is wrong.
const LONGEST_TABLE_DAYS: i64 = 366 * 300;
/// Of 24 hours that must be there.
const FEWEST_HOURS: usize = 20;

/// One quantity by days, in the base unit of its kind (percent for humidity).
pub(crate) struct DayColumn {
    pub measured: Measured,
    /// As the file calls it.
    pub name: String,
    /// What it was taken to be in.
    pub unit: WeatherUnit,
    /// Hours a row of the file stands for.
    pub hours: f64,
    pub values: Vec<Option<f64>>,
}

/// The rows of a table sorted by time.
pub(crate) struct Rows<'a> {
    pub raw: &'a RawTable,
    /// Indices of rows in order of time.
    order: Vec<usize>,
    first: Date,
    days: usize,
    /// Minutes from row to row in a table of hours.
    pub step: Option<u16>,
}

/// Makes the daily table of one place.
///
/// # Errors
/// Two rows of one time, days too far apart, a confirmed unit that measures something else.
pub(crate) fn daily_table(
    raw: &RawTable,
    reading: &WeatherReading,
    path: &Path,
) -> SceneResult<WeatherTable> {
    let rows = Rows::new(raw, path)?;
    let mut notes = raw.notes.clone();
    let mut doubts: Vec<UnitDoubt> = Vec::new();
    let mut columns: BTreeMap<Measured, DayColumn> = BTreeMap::new();
    for column in &raw.columns {
        let hours = rows.step.map_or(24.0, |step| f64::from(step) / 60.0);
        let chosen = chosen_unit(column, raw.layout, reading, path)?;
        if let Some(doubt) = chosen.doubt {
            doubts.push(doubt);
        }
        let unit = chosen.unit;
        let scale = if column.measured == Measured::Humidity {
            100.0
        } else {
            1.0
        };
        let is_daylight_mean = raw.layout == Layout::Daymet
            && column.measured == Measured::Radiation
            && unit == WeatherUnit::Watt;
        let base: Vec<Option<f64>> = column
            .values
            .iter()
            .map(|value| {
                value.map(|value| {
                    if is_daylight_mean {
                        value
                    } else {
                        scale * unit.to_base(value, hours)
                    }
                })
            })
            .collect();
        for (measured, values) in rows.days_of(column.measured, &base, &column.name, &mut notes) {
            let day = DayColumn {
                measured,
                name: column.name.clone(),
                unit,
                hours,
                values,
            };
            // The better name came first.
            columns.entry(measured).or_insert(day);
        }
        if is_daylight_mean {
            daylight_totals(&mut columns, raw, &rows, &mut notes);
        }
    }
    let confirmed = |measured: Measured| {
        measured
            .keys()
            .iter()
            .any(|key| reading.units.contains_key(*key))
    };
    let tmax = columns
        .get(&Measured::Tmax)
        .map(|column| column.values.clone());
    for column in columns.values() {
        let is_asked = doubts
            .iter()
            .any(|doubt| doubt.key == column.measured.key());
        if !confirmed(column.measured) && !is_asked {
            doubts.extend(doubt_of(column, tmax.as_deref()));
        }
    }
    let mut table = assembled(raw, &rows, columns, notes)?;
    table.doubts = doubts;
    path.clone_into(&mut table.path);
    table.reading = reading.clone();
    Ok(table)
}

struct ChosenUnit {
    unit: WeatherUnit,
    doubt: Option<UnitDoubt>,
}

/// Confirmed, else as the file says, else that of the source.
fn chosen_unit(
    column: &RawColumn,
    layout: Layout,
    reading: &WeatherReading,
    path: &Path,
) -> SceneResult<ChosenUnit> {
    let usual = column.measured.unit(layout);
    let confirmed = column
        .measured
        .keys()
        .iter()
        .find_map(|key| Some((*key, *reading.units.get(*key)?)));
    if let Some((key, unit)) = confirmed {
        if unit.kind() != usual.kind() {
            return Err(SceneError::file(
                path,
                format!(
                    "{key} cannot be in {unit}; units for it are {}",
                    names_of(&usual.alternatives())
                ),
            ));
        }
        return Ok(ChosenUnit { unit, doubt: None });
    }
    let Some(text) = &column.unit else {
        return Ok(ChosenUnit {
            unit: usual,
            doubt: None,
        });
    };
    match WeatherUnit::parse(text) {
        Some(unit) if unit.kind() == usual.kind() => Ok(ChosenUnit { unit, doubt: None }),
        _ => Ok(ChosenUnit {
            unit: usual,
            doubt: Some(doubt_of_text(column, usual, text)),
        }),
    }
}

/// Names of units, as messages list them.
pub(crate) fn names_of(units: &[WeatherUnit]) -> String {
    let names: Vec<&str> = units.iter().map(|unit| unit.name()).collect();
    names.join(", ")
}

impl<'a> Rows<'a> {
    fn new(raw: &'a RawTable, path: &Path) -> SceneResult<Self> {
        let mut order: Vec<usize> = (0..raw.stamps.len()).collect();
        order.sort_by_key(|row| raw.stamps.get(*row));
        let stamps: Vec<_> = order
            .iter()
            .filter_map(|row| raw.stamps.get(*row))
            .collect();
        let (Some(first), Some(last)) = (stamps.first(), stamps.last()) else {
            return Err(SceneError::file(path, "the weather table has no rows"));
        };
        let span = days_between(first.date, last.date) + 1;
        if span > LONGEST_TABLE_DAYS {
            return Err(SceneError::file(
                path,
                format!(
                    "the weather goes from {} to {}; one of these dates must be wrong",
                    first.date, last.date
                ),
            ));
        }
        let of_hours = stamps
            .windows(2)
            .any(|pair| pair[0].date == pair[1].date && pair[0].minute != pair[1].minute);
        let twice = stamps.windows(2).find(|pair| {
            pair[0].date == pair[1].date && (!of_hours || pair[0].minute == pair[1].minute)
        });
        if let Some(pair) = twice {
            let time = pair[0]
                .minute
                .filter(|_| of_hours)
                .map_or(String::new(), |minute| {
                    format!(" {:02}:{:02}", minute / 60, minute % 60)
                });
            return Err(SceneError::file(
                path,
                format!(
                    "the weather table has two rows for {}{time}; keep one of them, or the rows of one place (columns lat and \
                     lon, or station, tell places apart)",
                    pair[0].date
                ),
            ));
        }
        let step = of_hours.then(|| {
            let mut steps: Vec<u16> = stamps
                .windows(2)
                .filter(|pair| pair[0].date == pair[1].date)
                .filter_map(|pair| pair[1].minute?.checked_sub(pair[0].minute?))
                .collect();
            steps.sort_unstable();
            steps.get(steps.len() / 2).copied().unwrap_or(60).max(1)
        });
        Ok(Self {
            raw,
            order,
            first: first.date,
            days: usize::try_from(span).unwrap_or(1),
            step,
        })
    }

    /// The columns by days that one column gives: three of a temperature by hours, one of all others.
    pub fn days_of(
        &self,
        measured: Measured,
        base: &[Option<f64>],
        name: &str,
        notes: &mut Vec<String>,
    ) -> Vec<(Measured, Vec<Option<f64>>)> {
        let Some(step) = self.step else {
            let measured = match measured {
                Measured::Temperature => Measured::Tmean,
                other => other,
            };
            return vec![(measured, self.plain_days(base))];
        };
        let fewest = (usize::from(1440 / step) * FEWEST_HOURS)
            .div_ceil(24)
            .max(1);
        let is_flux = matches!(
            measured,
            Measured::Precipitation | Measured::Radiation | Measured::Et0
        );
        let is_era5 = self.raw.layout == Layout::Era5;
        if is_flux && is_era5 && self.is_accumulated(base, step) {
            notes.push(format!(
                "{name} accumulates through the day; a day's total is the value at 00:00 UTC of the next day"
            ));
            return vec![(measured, self.midnight_days(base))];
        }
        // What fell in the hour before midnight bears the next day's date in ERA5.
        let groups = self.groups(base, is_flux && is_era5);
        let by_days = |of: &dyn Fn(&[f64]) -> f64| {
            groups
                .iter()
                .map(|hours| (hours.len() >= fewest).then(|| of(hours)))
                .collect::<Vec<_>>()
        };
        let sum = |hours: &[f64]| hours.iter().sum::<f64>();
        let mean = |hours: &[f64]| hours.iter().sum::<f64>() / hours.len() as f64;
        let low = |hours: &[f64]| hours.iter().copied().fold(f64::INFINITY, f64::min);
        let high = |hours: &[f64]| hours.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let too_few = groups
            .iter()
            .filter(|hours| !hours.is_empty() && hours.len() < fewest)
            .count();
        if too_few > 0 {
            notes.push(format!(
                "{name} has fewer than {fewest} values on {too_few} days; they count as missing"
            ));
        }
        match measured {
            Measured::Temperature => vec![
                (Measured::Tmin, by_days(&low)),
                (Measured::Tmax, by_days(&high)),
                (Measured::Tmean, by_days(&mean)),
            ],
            Measured::Tmin => vec![(measured, by_days(&low))],
            Measured::Tmax => vec![(measured, by_days(&high))],
            _ if is_flux => vec![(measured, by_days(&sum))],
            _ => vec![(measured, by_days(&mean))],
        }
    }

    pub fn plain_days(&self, base: &[Option<f64>]) -> Vec<Option<f64>> {
        let mut days = vec![None; self.days];
        for (stamp, value) in self.raw.stamps.iter().zip(base) {
            if let Some(day) = self.day_of(stamp.date).and_then(|day| days.get_mut(day)) {
                *day = *value;
            }
        }
        days
    }

    fn day_of(&self, date: Date) -> Option<usize> {
        usize::try_from(days_between(self.first, date)).ok()
    }

    /// The values of each day. `ends_at_midnight`: the row at 00:00 belongs to the day before.
    fn groups(&self, base: &[Option<f64>], ends_at_midnight: bool) -> Vec<Vec<f64>> {
        let mut groups = vec![Vec::new(); self.days];
        for row in &self.order {
            let (Some(stamp), Some(Some(value))) = (self.raw.stamps.get(*row), base.get(*row))
            else {
                continue;
            };
            let back = usize::from(ends_at_midnight && stamp.minute.unwrap_or(0) == 0);
            let day = self
                .day_of(stamp.date)
                .and_then(|day| day.checked_sub(back));
            if let Some(group) = day.and_then(|day| groups.get_mut(day)) {
                group.push(*value);
            }
        }
        groups
    }

    /// Whether the values grow through the day and start again after midnight: all falls are at the first step of a day.
    fn is_accumulated(&self, base: &[Option<f64>], step: u16) -> bool {
        let largest = base.iter().flatten().copied().fold(0.0, f64::max);
        // Packed grids tremble in the last digits.
        let tolerance = 1e-4 * largest;
        let (mut at_start, mut elsewhere) = (0, 0);
        for pair in self.order.windows(2) {
            let at = |row: usize| Some((self.raw.stamps.get(row)?, (*base.get(row)?)?));
            let (Some((_, before)), Some((stamp, after))) = (at(pair[0]), at(pair[1])) else {
                continue;
            };
            if after < before - tolerance {
                if stamp.minute == Some(step) {
                    at_start += 1;
                } else {
                    elsewhere += 1;
                }
            }
        }
        at_start > 0 && elsewhere == 0
    }

    /// The value at 00:00 of the next day.
    fn midnight_days(&self, base: &[Option<f64>]) -> Vec<Option<f64>> {
        let mut days = vec![None; self.days];
        for (stamp, value) in self.raw.stamps.iter().zip(base) {
            if stamp.minute != Some(0) {
                continue;
            }
            let day = self.day_of(stamp.date).and_then(|day| day.checked_sub(1));
            if let Some(day) = day.and_then(|day| days.get_mut(day)) {
                *day = *value;
            }
        }
        days
    }
}

/// The daily table of the columns, with what can be derived.
fn assembled(
    raw: &RawTable,
    rows: &Rows<'_>,
    mut columns: BTreeMap<Measured, DayColumn>,
    mut notes: Vec<String>,
) -> SceneResult<WeatherTable> {
    let mut table: BTreeMap<WeatherVariable, Vec<Option<f64>>> = BTreeMap::new();
    derive_wind(&mut columns, rows, &mut notes);
    derive_vapour(&mut columns, rows.days, &mut notes);
    for (measured, column) in columns {
        if measured.key() == measured.variable().name() {
            table.entry(measured.variable()).or_insert(column.values);
        }
    }
    let is_given = table.contains_key(&WeatherVariable::Tmean);
    if let (false, Some(low), Some(high)) = (
        is_given,
        table.get(&WeatherVariable::Tmin),
        table.get(&WeatherVariable::Tmax),
    ) {
        let mean = low
            .iter()
            .zip(high)
            .map(|(low, high)| low.zip(*high).map(|(low, high)| (low + high) / 2.0))
            .collect();
        notes.push("tmean is the middle of tmin and tmax".into());
        table.insert(WeatherVariable::Tmean, mean);
    }
    if raw.layout == Layout::Daymet {
        fill_leap_years(&mut table, rows.first, rows.days, &mut notes);
    }
    // The last day of a leap year may have been added.
    let days = table.values().map(Vec::len).max().unwrap_or(rows.days);
    let (start, end) = days_with_values(&table, days);
    let columns = table.into_iter().map(|(variable, column)| {
        let days = column.get(start..end).unwrap_or_default();
        (
            variable,
            days.iter()
                .map(|value| value.map(|value| value as f32))
                .collect(),
        )
    });
    let mut made = WeatherTable::new(raw.layout.title(), later(rows.first, start as i64), columns)?;
    made.place = raw.place;
    made.elevation_m = raw.elevation_m;
    made.notes = notes;
    Ok(made)
}

/// First and last row with any value; all rows when there is none.
fn days_with_values(
    table: &BTreeMap<WeatherVariable, Vec<Option<f64>>>,
    days: usize,
) -> (usize, usize) {
    let has = |row: &usize| {
        table
            .values()
            .any(|column| column.get(*row).is_some_and(Option::is_some))
    };
    let start = (0..days).find(has);
    let end = (0..days).rev().find(has);
    match (start, end) {
        (Some(start), Some(end)) => (start, end + 1),
        _ => (0, days),
    }
}
