//! When a row of a weather table is: days and minutes as the sources write them, and the columns they stand in (tasks.md 3.2).
//! Knows texts; knows no file.

use jiff::civil::Date;

/// When a row is: its day and, in tables of hours, the minute of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub date: Date,
    pub minute: Option<u16>,
}

/// Where in a row the time stands.
pub(crate) enum TimeColumns {
    YearAndDay(usize, usize),
    Parts {
        year: usize,
        month: usize,
        day: usize,
        hour: Option<usize>,
    },
    Text(usize, Option<usize>),
}

impl TimeColumns {
    pub fn find(names: &[String]) -> Option<Self> {
        let at = |wanted: &[&str]| {
            wanted
                .iter()
                .find_map(|wanted| names.iter().position(|name| name == wanted))
        };
        let hour = at(&["hr", "hour"]);
        if let Some(year) = at(&["year", "yyyy"]) {
            if let Some(day) = at(&["yday", "doy", "day_of_year", "julian_day"]) {
                return Some(Self::YearAndDay(year, day));
            }
            if let (Some(month), Some(day)) = (at(&["mo", "month", "mm"]), at(&["dy", "day", "dd"]))
            {
                return Some(Self::Parts {
                    year,
                    month,
                    day,
                    hour,
                });
            }
        }
        let time = at(&[
            "date",
            "datetime",
            "time",
            "valid_time",
            "timestamp",
            "date_time",
            "day",
            "lst_date",
            "local_date",
            "utc_date",
            "system_time_start",
            "system_index",
        ])?;
        Some(Self::Text(time, hour))
    }

    pub fn all(&self) -> Vec<usize> {
        match self {
            Self::YearAndDay(year, day) => vec![*year, *day],
            Self::Parts {
                year, month, day, ..
            } => vec![*year, *month, *day],
            Self::Text(time, _) => vec![*time],
        }
    }

    pub fn stamp(&self, record: &csv::StringRecord, utc_offset_s: i64) -> Option<Stamp> {
        // Years and days are written `1980.0` in older files.
        let whole = |at: usize| {
            let value: f64 = record.get(at)?.trim().parse().ok()?;
            (value.fract() == 0.0 && value.abs() < 1e6).then_some(value as i32)
        };
        let minute = |hour: &Option<usize>| {
            let hour = whole((*hour)?)?;
            u16::try_from(hour)
                .ok()
                .filter(|hour| *hour < 24)
                .map(|hour| hour * 60)
        };
        match self {
            Self::YearAndDay(year, day) => {
                let (year, day) = (i16::try_from(whole(*year)?).ok()?, whole(*day)?);
                let first = Date::new(year, 1, 1).ok()?;
                let most = i32::from(first.days_in_year());
                let date = (1..=most)
                    .contains(&day)
                    .then(|| crate::weather::later(first, i64::from(day) - 1))?;
                Some(Stamp { date, minute: None })
            }
            Self::Parts {
                year,
                month,
                day,
                hour,
            } => Some(Stamp {
                date: Date::new(
                    i16::try_from(whole(*year)?).ok()?,
                    i8::try_from(whole(*month)?).ok()?,
                    i8::try_from(whole(*day)?).ok()?,
                )
                .ok()?,
                minute: minute(hour),
            }),
            Self::Text(time, hour) => {
                let stamp = stamp_of(record.get(*time)?, utc_offset_s)?;
                Some(Stamp {
                    minute: stamp.minute.or_else(|| minute(hour)),
                    ..stamp
                })
            }
        }
    }
}

/// `2021-06-03`, `2021-06-03T14:30`, `20210603`, seconds or milliseconds since 1970, `Jun 3, 2021`.
pub(crate) fn stamp_of(text: &str, utc_offset_s: i64) -> Option<Stamp> {
    let text = text.trim();
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() == 8 && is_digits(text) {
        let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
        let date = Date::new(
            part(0..4)?,
            i8::try_from(part(4..6)?).ok()?,
            i8::try_from(part(6..8)?).ok()?,
        );
        return date.ok().map(|date| Stamp { date, minute: None });
    }
    if let Ok(number) = text.parse::<f64>() {
        if !(1e8..1e14).contains(&number) {
            return None;
        }
        // Milliseconds are past 1973 from 1e11 on; seconds reach that in the year 5138.
        let seconds = if number >= 1e11 {
            number / 1000.0
        } else {
            number
        };
        let time = jiff::Timestamp::from_second(seconds as i64 + utc_offset_s).ok()?;
        let time = jiff::tz::Offset::UTC.to_datetime(time);
        return Some(Stamp {
            date: time.date(),
            minute: Some(
                u16::try_from(time.hour()).ok()? * 60 + u16::try_from(time.minute()).ok()?,
            ),
        });
    }
    if let Some(date) = text.get(..10).and_then(split_date) {
        let rest = text
            .get(10..)
            .unwrap_or_default()
            .trim_start_matches(['T', ' ', '_']);
        let minute = if rest.is_empty() {
            None
        } else {
            let mut parts = rest.splitn(3, ':');
            let hour: u16 = parts.next()?.get(..2)?.parse().ok()?;
            let minute: u16 = parts
                .next()
                .map_or(Some(0), |part| part.get(..2)?.parse().ok())?;
            if hour > 23 || minute > 59 {
                return None;
            }
            Some(hour * 60 + minute)
        };
        return Some(Stamp { date, minute });
    }
    let date = Date::strptime("%b %d, %Y", text).ok()?;
    Some(Stamp { date, minute: None })
}

/// Year, month and day with `-`, `/` or `.` between.
fn split_date(text: &str) -> Option<Date> {
    let mut parts = text.split(['-', '/', '.']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_plain = year.len() == 4 && month.len() == 2 && day.len() == 2 && parts.next().is_none();
    if !is_plain {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_sources_write_them() {
        let day = Date::constant(2021, 6, 3);
        let at = |text: &str| stamp_of(text, 0);
        for text in [
            "2021-06-03",
            "20210603",
            "2021/06/03",
            "Jun 3, 2021",
            "Jun 03, 2021",
        ] {
            assert_eq!(
                at(text),
                Some(Stamp {
                    date: day,
                    minute: None
                }),
                "{text}"
            );
        }
        for text in [
            "2021-06-03T14:30",
            "2021-06-03 14:30:00",
            "2021-06-03T14:30:00Z",
            "1622730600",
            "1622730600000",
            "1.6227306E12",
        ] {
            let minute = Some(14 * 60 + 30);
            assert_eq!(at(text), Some(Stamp { date: day, minute }), "{text}");
        }
        // Seconds are UTC; the day is the place's.
        let late = stamp_of("1622761200", 7200);
        assert_eq!(
            late.map(|stamp| stamp.date),
            Some(Date::constant(2021, 6, 4))
        );
        for text in [
            "",
            "03.06.2021",
            "2021-13-01",
            "2021-02-30",
            "5",
            "2021-06-03T25:00",
            "x",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
