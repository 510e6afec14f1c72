//! What a weather table does not hold itself but can be worked out: vapour pressure, wind at 2 m, radiation of a day, and the day
//! that years of 365 days lack (tasks.md 3.1, 3.2). Knows columns by days; says in notes what it did.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::weather::{days_between, later};
use crate::weather_columns::Measured;
use crate::weather_days::{DayColumn, Rows};
use crate::weather_text::RawTable;
use crate::{WeatherUnit, WeatherVariable};

/// Wind from 10 m to 2 m above grass, FAO-56: 4.87 / ln(67.8 * 10 - 5.42).
const WIND_2M_FROM_10M: f64 = 0.747_951;

/// Saturation vapour pressure in kPa at a temperature in degC (FAO-56).
pub fn saturation_kpa(celsius: f64) -> f64 {
    0.6108 * (17.27 * celsius / (celsius + 237.3)).exp()
}

/// Daymet's radiation is the mean over the daylight: times its seconds it is the day's total.
pub(crate) fn daylight_totals(
    columns: &mut BTreeMap<Measured, DayColumn>,
    raw: &RawTable,
    rows: &Rows<'_>,
    notes: &mut Vec<String>,
) {
    let length = raw
        .columns
        .iter()
        .find(|column| column.measured == Measured::DayLength);
    let Some(length) = length else {
        columns.remove(&Measured::Radiation);
        notes.push(
            "srad is left out: Daymet's radiation is a mean over the daylight, and its length (dayl) is not in the file; get the \
             file with dayl"
                .into(),
        );
        return;
    };
    let seconds = rows.plain_days(&length.values);
    if let Some(column) = columns.get_mut(&Measured::Radiation) {
        for (value, seconds) in column.values.iter_mut().zip(&seconds) {
            *value = value
                .zip(*seconds)
                .map(|(watts, seconds)| watts * seconds * 1e-6);
        }
    }
}

/// Wind at 2 m: given, else from 10 m, else from its two components.
pub(crate) fn derive_wind(
    columns: &mut BTreeMap<Measured, DayColumn>,
    rows: &Rows<'_>,
    notes: &mut Vec<String>,
) {
    let ten = columns.remove(&Measured::Wind10m);
    let east = columns.remove(&Measured::WindEast10m);
    let north = columns.remove(&Measured::WindNorth10m);
    if columns.contains_key(&Measured::Wind2m) {
        return;
    }
    let (mut column, from) = if let Some(ten) = ten {
        (ten, "wind at 2 m is that at 10 m times 0.748")
    } else if let (Some(mut east), Some(north)) = (east, north) {
        let speeds = rows
            .raw
            .columns
            .iter()
            .find(|c| c.measured == Measured::WindEast10m);
        let other = rows
            .raw
            .columns
            .iter()
            .find(|c| c.measured == Measured::WindNorth10m);
        east.values = match (rows.step, speeds, other) {
            // The mean of the speeds, not the speed of the mean.
            (Some(step), Some(u), Some(v)) => {
                let speed: Vec<Option<f64>> = u
                    .values
                    .iter()
                    .zip(&v.values)
                    .map(|(u, v)| {
                        u.zip(*v).map(|(u, v)| {
                            let hours = f64::from(step) / 60.0;
                            east.unit
                                .to_base(u, hours)
                                .hypot(north.unit.to_base(v, hours))
                        })
                    })
                    .collect();
                let days = rows.days_of(Measured::Wind10m, &speed, "wind", &mut Vec::new());
                days.into_iter()
                    .next()
                    .map(|(_, days)| days)
                    .unwrap_or_default()
            }
            _ => east
                .values
                .iter()
                .zip(&north.values)
                .map(|(u, v)| u.zip(*v).map(|(u, v)| u.hypot(v)))
                .collect(),
        };
        (
            east,
            "wind at 2 m is the speed of the two components at 10 m times 0.748",
        )
    } else {
        return;
    };
    for value in column.values.iter_mut().flatten() {
        *value *= WIND_2M_FROM_10M;
    }
    column.measured = Measured::Wind2m;
    notes.push(from.into());
    columns.insert(Measured::Wind2m, column);
}

/// Vapour pressure: given, else from the dew point, else from humidity, else that of the night's dew.
pub(crate) fn derive_vapour(
    columns: &mut BTreeMap<Measured, DayColumn>,
    days: usize,
    notes: &mut Vec<String>,
) {
    if columns.contains_key(&Measured::VapourPressure) {
        return;
    }
    let at = |measured: Measured, day: usize| {
        columns
            .get(&measured)
            .and_then(|column| column.values.get(day).copied().flatten())
    };
    let has = |measured: Measured| columns.contains_key(&measured);
    let has_both = has(Measured::Tmin) && has(Measured::Tmax);
    let (note, values): (_, Vec<Option<f64>>) = if has(Measured::DewPoint) {
        (
            "vp is the saturation pressure at the dew point",
            (0..days)
                .map(|day| at(Measured::DewPoint, day).map(saturation_kpa))
                .collect(),
        )
    } else if has(Measured::Humidity) && has_both {
        (
            "vp is worked out from relative humidity, tmin and tmax",
            (0..days)
                .map(|day| {
                    let humidity = at(Measured::Humidity, day)?;
                    let low = saturation_kpa(at(Measured::Tmin, day)?);
                    let high = saturation_kpa(at(Measured::Tmax, day)?);
                    Some(humidity / 100.0 * (low + high) / 2.0)
                })
                .collect(),
        )
    } else if has(Measured::Tmin) {
        (
            "vp is not in the file; it is taken as the saturation pressure at tmin, too high in dry places",
            (0..days)
                .map(|day| at(Measured::Tmin, day).map(saturation_kpa))
                .collect(),
        )
    } else {
        return;
    };
    notes.push(note.into());
    columns.insert(
        Measured::VapourPressure,
        DayColumn {
            measured: Measured::VapourPressure,
            name: "vp".into(),
            unit: WeatherUnit::Kilopascal,
            hours: 24.0,
            values,
        },
    );
}

/// Daymet's years have 365 days: leap years lack 31 December, which copies the day before.
pub(crate) fn fill_leap_years(
    table: &mut BTreeMap<WeatherVariable, Vec<Option<f64>>>,
    first: Date,
    days: usize,
    notes: &mut Vec<String>,
) {
    let last = later(first, days as i64 - 1);
    let mut filled = Vec::new();
    for year in first.year()..=last.year() {
        let Ok(day) = Date::new(year, 12, 31) else {
            continue;
        };
        let Ok(row) = usize::try_from(days_between(first, day)) else {
            continue;
        };
        // A table that ends with 30 December of a leap year ends with the year.
        let is_missing = day.in_leap_year()
            && row > 0
            && row <= days
            && table
                .values()
                .all(|column| column.get(row).copied().flatten().is_none())
            && table
                .values()
                .any(|column| column.get(row - 1).copied().flatten().is_some());
        if !is_missing {
            continue;
        }
        for column in table.values_mut() {
            let before = column.get(row - 1).copied().flatten();
            match column.get_mut(row) {
                Some(value) => *value = before,
                None => column.push(before),
            }
        }
        filled.push(day.to_string());
    }
    if !filled.is_empty() {
        notes.push(format!(
            "Daymet's years have 365 days; these days copy the one before: {}",
            filled.join(", ")
        ));
    }
}
