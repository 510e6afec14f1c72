//! Periods: spans of whole days, half open, as people write them, and the day count the networks of time are fed.
//! Values; opens no file.

use std::fmt;
use std::str::FromStr;

use jiff::Span;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

use crate::{SceneError, SceneResult};

/// Day zero of every time a network of time sees: 2017-01-01T00:00 UTC (spec stp 3).
const FIRST_DAY: Date = Date::constant(2017, 1, 1);

/// Sliding periods made at once.
pub const MOST_SLIDING: usize = 240;

/// Whole UTC days from `from` up to, but not with, `to`. Written `2018-03-01..2018-09-01`; a whole year or month is also
/// read from `2018` or `2018-05`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    pub from: Date,
    pub to: Date,
}

impl Period {
    /// # Errors
    /// The end is not after the start.
    pub fn new(from: Date, to: Date) -> SceneResult<Self> {
        if from < to {
            Ok(Self { from, to })
        } else {
            Err(SceneError::input(format!(
                "the period {from}..{to} holds no day; its end must lie after its start (the last day itself is not part of it)"
            )))
        }
    }

    /// A calendar year; `None` outside the calendar.
    pub fn of_year(year: i16) -> Option<Self> {
        Some(Self {
            from: Date::new(year, 1, 1).ok()?,
            to: Date::new(year.checked_add(1)?, 1, 1).ok()?,
        })
    }

    /// A calendar month, from 1.
    pub fn of_month(year: i16, month: i8) -> Option<Self> {
        let from = Date::new(year, month, 1).ok()?;
        let to = from.checked_add(Span::new().months(1)).ok()?;
        Some(Self { from, to })
    }

    /// The day and `days` days before and after it; cut at the ends of the calendar.
    pub fn around(date: Date, days: u16) -> Self {
        let span = Span::new().days(i64::from(days));
        Self {
            from: date.saturating_sub(span),
            to: date.saturating_add(span).tomorrow().unwrap_or(Date::MAX),
        }
    }

    /// The shortest period with all the dates in it; `None` without dates.
    pub fn of_dates(dates: impl IntoIterator<Item = Date>) -> Option<Self> {
        let mut dates = dates.into_iter();
        let first = dates.next()?;
        let (low, high) = dates.fold((first, first), |(low, high), date| {
            (low.min(date), high.max(date))
        });
        Some(Self {
            from: low,
            to: high.tomorrow().ok()?,
        })
    }

    /// Start and end in days since 2017-01-01T00:00 UTC.
    pub fn days(&self) -> (f64, f64) {
        (day_number(self.from), day_number(self.to))
    }

    /// How many days it holds.
    pub fn length_days(&self) -> u32 {
        let (from, to) = self.days();
        (to - from) as u32
    }

    pub fn contains(&self, date: Date) -> bool {
        self.from <= date && date < self.to
    }

    /// The common days; `None` when there are none.
    pub fn intersection(&self, other: &Period) -> Option<Self> {
        let (from, to) = (self.from.max(other.from), self.to.min(other.to));
        (from < to).then_some(Self { from, to })
    }

    /// The day in the middle.
    pub fn middle(&self) -> Date {
        let half = i64::from(self.length_days() / 2);
        self.from.saturating_add(Span::new().days(half))
    }

    /// The whole calendar months it touches, in order.
    pub fn months(&self) -> Vec<Self> {
        let first = Self::of_month(self.from.year(), self.from.month());
        std::iter::successors(first, |month| {
            (month.to < self.to).then(|| Self::of_month(month.to.year(), month.to.month()))?
        })
        .collect()
    }

    /// The whole calendar years it touches, in order.
    pub fn years(&self) -> Vec<Self> {
        let first = Self::of_year(self.from.year());
        std::iter::successors(first, |year| {
            (year.to < self.to).then(|| Self::of_year(year.to.year()))?
        })
        .collect()
    }

    /// Periods of `length` whole months, one beginning every `step` months, from the first month it touches on as long as they
    /// fit into the months it touches; one of that length where none fits. At most [`MOST_SLIDING`].
    pub fn sliding(&self, step_months: u32, length_months: u32) -> Vec<Self> {
        let months = |count: u32| Span::new().months(i64::from(count.clamp(1, 1200)));
        let begin = self.from.first_of_month();
        let end = self.months().last().map_or(self.to, |month| month.to);
        let starts = std::iter::successors(Some(begin), |start| {
            start.checked_add(months(step_months)).ok()
        });
        let periods = starts.map_while(|from| {
            let to = from.checked_add(months(length_months)).ok()?;
            (from == begin || to <= end).then_some(Self { from, to })
        });
        periods.take(MOST_SLIDING).collect()
    }

    /// As people say it, the last day part of it: `2018`, `May 2018`, `May–Jul 2018`, `Nov 2017–Jan 2018`, `7 May–2 Jun 2018`.
    pub fn name(&self) -> String {
        let last = self.to.yesterday().unwrap_or(self.to);
        let is_whole = self.from.day() == 1 && self.to.day() == 1;
        let (first_form, last_form) = match is_whole {
            true if self.from.month() == 1 && self.to.month() == 1 => ("%Y", "%Y"),
            true if self.from.year() == last.year() => ("%b", "%b %Y"),
            true => ("%b %Y", "%b %Y"),
            false if self.from.year() == last.year() => ("%-d %b", "%-d %b %Y"),
            false => ("%-d %b %Y", "%-d %b %Y"),
        };
        let end = last.strftime(last_form).to_string();
        let is_one = match is_whole {
            true => self.from.strftime(last_form).to_string() == end,
            false => self.from == last,
        };
        if is_one {
            end
        } else {
            format!("{}–{end}", self.from.strftime(first_form))
        }
    }

    /// A name for files: `2018`, `2018-05`, else `2018-03-01_2018-09-01` (with the first day no longer part of it).
    pub fn file_name(&self) -> String {
        if Self::of_year(self.from.year()) == Some(*self) {
            format!("{:04}", self.from.year())
        } else if Self::of_month(self.from.year(), self.from.month()) == Some(*self) {
            format!("{:04}-{:02}", self.from.year(), self.from.month())
        } else {
            format!("{}_{}", self.from, self.to)
        }
    }
}

/// Days from 2017-01-01T00:00 UTC to the first moment of a day.
pub fn day_number(date: Date) -> f64 {
    day_of_time(date.to_datetime(jiff::civil::Time::midnight()))
}

/// Days and parts of a day from 2017-01-01T00:00 UTC; leap seconds are not counted.
pub fn day_of_time(time: DateTime) -> f64 {
    let first = FIRST_DAY.to_datetime(jiff::civil::Time::midnight());
    time.duration_since(first).as_secs_f64() / 86_400.0
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl TryFrom<String> for Period {
    type Error = SceneError;

    fn try_from(text: String) -> SceneResult<Self> {
        text.parse()
    }
}

impl FromStr for Period {
    type Err = SceneError;

    fn from_str(text: &str) -> SceneResult<Self> {
        let text = text.trim();
        let refuse = || {
            SceneError::input(format!(
                "`{text}` is no period; write 2018-03-01..2018-09-01 (the last day is not part of it), 2018-05 or 2018"
            ))
        };
        match text.split_once("..") {
            // A year or month in a range stands for its start before the dots and for its end behind them.
            Some((from, to)) => {
                let (from, to) = (from.trim(), to.trim().trim_start_matches('='));
                let from = whole(from).map_or_else(|| day(from), |period| Some(period.from));
                let to = whole(to).map_or_else(|| day(to), |period| Some(period.to));
                Self::new(from.ok_or_else(refuse)?, to.ok_or_else(refuse)?)
            }
            None => whole(text)
                .or_else(|| Some(Self::around(day(text)?, 0)))
                .ok_or_else(refuse),
        }
    }
}

/// `2018` or `2018-05`.
fn whole(text: &str) -> Option<Period> {
    let (year, month) = match text.split_once('-') {
        Some((year, month)) if month.len() == 2 => (year, Some(month)),
        None => (text, None),
        _ => return None,
    };
    if year.len() != 4 {
        return None;
    }
    let year = year.parse().ok()?;
    match month {
        Some(month) => Period::of_month(year, month.parse().ok()?),
        None => Period::of_year(year),
    }
}

fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        text.parse().expect(text)
    }

    #[test]
    fn periods_are_read_as_people_write_them() {
        for (text, written) in [
            ("2018-03-01..2018-09-01", "2018-03-01..2018-09-01"),
            (" 2018-03-01 .. 2018-09-01 ", "2018-03-01..2018-09-01"),
            ("2018", "2018-01-01..2019-01-01"),
            ("2018-05", "2018-05-01..2018-06-01"),
            ("2018-12", "2018-12-01..2019-01-01"),
            ("2018-05-07", "2018-05-07..2018-05-08"),
            ("2018-03..2018-05", "2018-03-01..2018-06-01"),
            ("2017..2018", "2017-01-01..2019-01-01"),
        ] {
            assert_eq!(period(text).to_string(), written);
            assert_eq!(period(written), period(text));
            let json = serde_json::to_string(&period(text)).expect("text");
            assert_eq!(json, format!("\"{written}\""));
            assert_eq!(
                serde_json::from_str::<Period>(&json).expect("read"),
                period(text)
            );
        }
        for text in [
            "",
            "..",
            "18",
            "2018-13",
            "2018-02-30",
            "2018-06-01..2018-06-01",
            "May",
            "2018/05",
        ] {
            let error = text.parse::<Period>().expect_err(text).to_string();
            assert!(error.contains("period"), "{error}");
        }
        assert!(serde_json::from_str::<Period>("\"2019-01-01..2018-01-01\"").is_err());
    }

    #[test]
    fn periods_are_named_as_people_say_them() {
        for (text, name) in [
            ("2018", "2018"),
            ("2017..2018", "2017–2018"),
            ("2018-05", "May 2018"),
            ("2018-12", "Dec 2018"),
            ("2018-05..2018-07", "May–Jul 2018"),
            ("2017-12..2018-02", "Dec 2017–Feb 2018"),
            ("2018-05-07", "7 May 2018"),
            ("2018-05-07..2018-06-03", "7 May–2 Jun 2018"),
            ("2017-12-24..2018-01-07", "24 Dec 2017–6 Jan 2018"),
        ] {
            assert_eq!(period(text).name(), name);
        }
    }

    #[test]
    fn sliding_periods_are_whole_months_that_fit() {
        let names = |text: &str, step, length| -> Vec<String> {
            let periods = period(text).sliding(step, length);
            periods.iter().map(Period::name).collect()
        };
        assert_eq!(
            names("2017-11-04..2018-02-02", 1, 1),
            ["Nov 2017", "Dec 2017", "Jan 2018", "Feb 2018"]
        );
        assert_eq!(
            names("2018-01-15..2018-05-20", 1, 3),
            ["Jan–Mar 2018", "Feb–Apr 2018", "Mar–May 2018"]
        );
        assert_eq!(
            names("2016-03..2018-02", 12, 12),
            ["Mar 2016–Feb 2017", "Mar 2017–Feb 2018"]
        );
        assert_eq!(names("2018-05-03", 1, 12), ["May 2018–Apr 2019"]);
        assert_eq!(period("1900..2018").sliding(1, 1).len(), MOST_SLIDING);
    }

    #[test]
    fn days_are_counted_from_2017() {
        assert_eq!(period("2017").days(), (0.0, 365.0));
        assert_eq!(period("2020").days(), (1095.0, 1461.0));
        assert_eq!(period("2016-12-31").days(), (-1.0, 0.0));
        let noon = Date::constant(2017, 1, 2).at(12, 0, 0, 0);
        assert_eq!(day_of_time(noon), 1.5);
        assert_eq!(period("2018-02").length_days(), 28);
    }

    #[test]
    fn months_and_years_are_whole() {
        let support = period("2017-08-04..2018-02-01");
        let months: Vec<String> = support.months().iter().map(Period::file_name).collect();
        assert_eq!(
            months,
            [
                "2017-08", "2017-09", "2017-10", "2017-11", "2017-12", "2018-01"
            ]
        );
        let years: Vec<String> = support.years().iter().map(Period::file_name).collect();
        assert_eq!(years, ["2017", "2018"]);
        assert_eq!(support.file_name(), "2017-08-04_2018-02-01");
        assert_eq!(
            support
                .intersection(&period("2018"))
                .map(|p| p.to_string())
                .as_deref(),
            Some("2018-01-01..2018-02-01")
        );
        assert_eq!(support.intersection(&period("2019")), None);
        let around = Period::around(Date::constant(2018, 3, 1), 1);
        assert_eq!(around.to_string(), "2018-02-28..2018-03-03");
        assert_eq!(around.middle(), Date::constant(2018, 3, 1));
        assert!(around.contains(Date::constant(2018, 3, 2)) && !around.contains(around.to));
        let dates = [Date::constant(2018, 5, 2), Date::constant(2017, 5, 2)];
        assert_eq!(
            Period::of_dates(dates).map(|p| p.to_string()).as_deref(),
            Some("2017-05-02..2018-05-03")
        );
        assert_eq!(Period::around(Date::MAX, 3).to, Date::MAX);
    }
}
