//! Bands that are steps along a dimension of a NetCDF variable: their names from times and levels.
//! Knows CF time units and calendars. Knows no files.

use jiff::civil::{Date, DateTime, date};

use crate::BandInfo;

type Items = [(String, String)];

/// Names bands that have none after their variable and place: `ndvi 2021-06-03`, `t 2021-06-03T12:00 level 500`.
pub(crate) fn name_bands(bands: &mut [BandInfo], dataset: &Items) {
    let is_nameless = |band: &BandInfo| band.name == format!("Band {}", band.index + 1);
    let times: Vec<Option<DateTime>> = bands
        .iter()
        .map(|band| {
            dimensions(band)
                .into_iter()
                .find_map(|(name, value)| time_of(name, value, dataset))
        })
        .collect();
    // Days are enough unless a step lies within one.
    let has_hours = times
        .iter()
        .flatten()
        .any(|time| time.hour() != 0 || time.minute() != 0);
    for (band, time) in bands.iter_mut().zip(times) {
        let variable = band.metadata_item("NETCDF_VARNAME").map(str::to_owned);
        let Some(variable) = variable.filter(|_| is_nameless(band)) else {
            continue;
        };
        let mut parts = vec![variable];
        if let Some(time) = time {
            let text = time.strftime(if has_hours {
                "%Y-%m-%dT%H:%M"
            } else {
                "%Y-%m-%d"
            });
            parts.push(text.to_string());
        }
        for (name, value) in dimensions(band) {
            if time_of(name, value, dataset).is_none() {
                parts.push(format!("{name} {value}"));
            }
        }
        band.name = parts.join(" ");
    }
}

/// Name and value of the dimensions a band is a step of.
fn dimensions(band: &BandInfo) -> Vec<(&str, &str)> {
    band.metadata
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("NETCDF_DIM_")?, value.as_str())))
        .collect()
}

/// `value` of the dimension `name`, if its units are those of time.
fn time_of(name: &str, value: &str, dataset: &Items) -> Option<DateTime> {
    let item = |what: &str| {
        let key = format!("{name}#{what}");
        dataset
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(&key))
            .map(|(_, value)| value.as_str())
    };
    cf_time(
        value.trim().parse().ok()?,
        item("units")?,
        item("calendar").unwrap_or("standard"),
    )
}

/// A moment written as a number of `units` (`days since 1970-01-01`), in a calendar of the climate and forecast
/// conventions. To the second; `None` for anything else, dates of other calendars that no year of ours has included.
pub(crate) fn cf_time(value: f64, units: &str, calendar: &str) -> Option<DateTime> {
    let (unit, since) = units.split_once(" since ")?;
    let seconds = match unit.trim().to_lowercase().as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    };
    let total = (value * seconds).round();
    if !total.is_finite() || total.abs() > 1e12 {
        return None;
    }
    let (start, start_seconds) = start(since)?;
    let total = total as i64 + start_seconds;
    let (days, rest) = (total.div_euclid(86_400), total.rem_euclid(86_400));
    let day = match calendar.trim().to_lowercase().as_str() {
        "standard" | "gregorian" | "proleptic_gregorian" | "" => start
            .checked_add(jiff::Span::new().try_days(days).ok()?)
            .ok()?,
        "noleap" | "365_day" => no_leap(start, days)?,
        "360_day" => thirty_day_months(start, days)?,
        _ => return None,
    };
    let time = jiff::civil::Time::midnight()
        .checked_add(jiff::Span::new().try_seconds(rest).ok()?)
        .ok()?;
    Some(day.to_datetime(time))
}

/// `1970-1-1`, `1970-01-01 12:00:00.0`, `1970-01-01T12:00:00Z`: the day and the seconds into it.
fn start(text: &str) -> Option<(Date, i64)> {
    let text = text.trim();
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let mut parts = day.split('-');
    let mut next = || parts.next()?.parse::<i16>().ok();
    let (year, month, day) = (next()?, next()?, next()?);
    let day = Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let clock = time
        .trim()
        .split(['Z', ' ', '+'])
        .next()
        .unwrap_or_default();
    let mut seconds = 0.0;
    for (part, length) in clock.split(':').zip([3_600.0, 60.0, 1.0]) {
        if !part.is_empty() {
            seconds += part.parse::<f64>().ok()? * length;
        }
    }
    Some((day, seconds.round() as i64))
}

/// Years of 365 days.
fn no_leap(start: Date, days: i64) -> Option<Date> {
    // Days of a common year before that month.
    let in_common_year = date(2021, start.month(), start.day().min(28));
    let beyond = i64::from(start.day()) - i64::from(in_common_year.day());
    let day = i64::from(in_common_year.day_of_year()) - 1 + beyond + days;
    let year = i64::from(start.year()) + day.div_euclid(365);
    let in_year = date(2021, 1, 1)
        .checked_add(jiff::Span::new().try_days(day.rem_euclid(365)).ok()?)
        .ok()?;
    Date::new(year.try_into().ok()?, in_year.month(), in_year.day()).ok()
}

/// Twelve months of 30 days.
fn thirty_day_months(start: Date, days: i64) -> Option<Date> {
    let day = (i64::from(start.month()) - 1) * 30 + i64::from(start.day()) - 1 + days;
    let year = i64::from(start.year()) + day.div_euclid(360);
    let in_year = day.rem_euclid(360);
    Date::new(
        year.try_into().ok()?,
        (in_year / 30 + 1).try_into().ok()?,
        (in_year % 30 + 1).try_into().ok()?,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_every_unit_and_calendar() {
        for (value, units, calendar, expected) in [
            (
                5.0,
                "days since 2021-06-03",
                "standard",
                "2021-06-08T00:00:00",
            ),
            (
                1.5,
                "days since 2021-06-03 00:00:00",
                "gregorian",
                "2021-06-04T12:00:00",
            ),
            (
                -24.0,
                "hours since 1970-1-1",
                "proleptic_gregorian",
                "1969-12-31T00:00:00",
            ),
            (
                1_622_714_400.0,
                "seconds since 1970-01-01T00:00:00Z",
                "standard",
                "2021-06-03T10:00:00",
            ),
            (
                90.0,
                "minutes since 2021-06-03 23:00:00.0",
                "standard",
                "2021-06-04T00:30:00",
            ),
            (
                59.0,
                "days since 2020-01-01",
                "noleap",
                "2020-03-01T00:00:00",
            ),
            (
                365.0,
                "days since 2020-02-28",
                "365_day",
                "2021-02-28T00:00:00",
            ),
            (
                359.0,
                "days since 2020-01-01",
                "360_day",
                "2020-12-30T00:00:00",
            ),
        ] {
            assert_eq!(
                cf_time(value, units, calendar)
                    .map(|t| t.to_string())
                    .as_deref(),
                Some(expected),
                "{value} {units} {calendar}"
            );
        }
        for (value, units, calendar) in [
            (1.0, "months since 2020-01-01", "standard"),
            (1.0, "metres", "standard"),
            (f64::NAN, "days since 2020-01-01", "standard"),
            (1e300, "days since 2020-01-01", "standard"),
            (1.0, "days since yesterday", "standard"),
            (1.0, "days since 2020-01-01", "julian"),
            // 30 February.
            (59.0, "days since 2020-01-01", "360_day"),
        ] {
            assert_eq!(
                cf_time(value, units, calendar),
                None,
                "{value} {units} {calendar}"
            );
        }
    }
}
