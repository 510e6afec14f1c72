//! What is doubtful about a weather table: units that must be confirmed, values that cannot be, missing days, and days of images
//! it does not cover (tasks.md 3.2). Says so; changes nothing.

use jiff::civil::Date;

use crate::weather::days_between;
use crate::weather_derive::saturation_kpa;
use crate::{DRIVERS, LONGEST_BRIDGED_GAP_DAYS, UnitDoubt, WeatherTable, WeatherVariable};

/// Days named in a sentence before "and n more".
const LISTED_DAYS: usize = 3;

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeatherConcern {
    /// A unit must be confirmed.
    Unit,
    /// A driver of the models is not in the table.
    Driver,
    /// Values that cannot be.
    Values,
    /// Days without a value.
    Missing,
    /// Days of images, or their history, that the table does not cover.
    Cover,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct WeatherCheck {
    pub concern: WeatherConcern,
    pub variable: Option<WeatherVariable>,
    /// The days it is about, in order; none where it is about all.
    pub days: Vec<Date>,
    /// A sentence.
    pub what: String,
    /// Models cannot be run over these days until it is settled.
    pub stops: bool,
    /// The question behind it, where it is about a unit.
    pub doubt: Option<UnitDoubt>,
}

impl WeatherTable {
    /// Everything doubtful about the table, and about its use for images of these days (in any order; may be none).
    pub fn checks(&self, images: &[Date]) -> Vec<WeatherCheck> {
        let mut checks: Vec<WeatherCheck> = self
            .doubts
            .iter()
            .map(|doubt| WeatherCheck {
                concern: WeatherConcern::Unit,
                variable: Some(doubt.variable),
                days: Vec::new(),
                what: doubt.question(),
                stops: doubt.drives(),
                doubt: Some(doubt.clone()),
            })
            .collect();
        for driver in DRIVERS.into_iter().filter(|driver| !self.has(*driver)) {
            checks.push(WeatherCheck {
                concern: WeatherConcern::Driver,
                variable: Some(driver),
                days: Vec::new(),
                what: format!(
                    "there is no {} ({}), which models of weather need",
                    driver.title().to_lowercase(),
                    driver.name()
                ),
                stops: true,
                doubt: None,
            });
        }
        self.check_values(&mut checks);
        self.check_gaps(&mut checks);
        self.check_images(images, &mut checks);
        checks
    }

    fn days_where(&self, is_odd: impl Fn(usize) -> bool) -> Vec<Date> {
        (0..self.days())
            .filter(|row| is_odd(*row))
            .map(|row| self.day(row))
            .collect()
    }

    fn check_values(&self, checks: &mut Vec<WeatherCheck>) {
        use WeatherVariable as V;
        let is_doubted = |variable| self.doubts.iter().any(|doubt| doubt.variable == variable);
        let at = |variable: V, row: usize| {
            let value = self.column(variable)?.get(row).copied().flatten();
            value.map(f64::from)
        };
        let mut add = |variable: V, days: Vec<Date>, what: &str| {
            if days.is_empty() || is_doubted(variable) {
                return;
            }
            checks.push(WeatherCheck {
                concern: WeatherConcern::Values,
                variable: Some(variable),
                what: format!("{what} on {}", days_text(&days)),
                days,
                stops: false,
                doubt: None,
            });
        };
        if !is_doubted(V::Tmax) {
            add(
                V::Tmin,
                self.days_where(|row| {
                    at(V::Tmin, row)
                        .zip(at(V::Tmax, row))
                        .is_some_and(|(low, high)| low > high)
                }),
                "tmin is above tmax",
            );
        }
        for variable in [V::Tmin, V::Tmax, V::Tmean] {
            let is_extreme = |row: usize| at(variable, row).is_some_and(|value| value.abs() > 60.0);
            let what = format!("{} is beyond 60 degC", variable.name());
            add(variable, self.days_where(is_extreme), &what);
        }
        let outside = |variable: V, low: f64, high: f64| {
            self.days_where(|row| {
                at(variable, row).is_some_and(|value| !(low..=high).contains(&value))
            })
        };
        add(
            V::Prcp,
            outside(V::Prcp, 0.0, 500.0),
            "prcp is outside 0 to 500 mm",
        );
        add(
            V::Srad,
            outside(V::Srad, 0.0, 45.0),
            "srad is outside 0 to 45 MJ/m2",
        );
        if !is_doubted(V::Tmax) {
            add(
                V::Vp,
                self.days_where(|row| {
                    at(V::Vp, row)
                        .zip(at(V::Tmax, row))
                        .is_some_and(|(vp, high)| vp > saturation_kpa(high) + 0.2)
                }),
                "vp is above what air at tmax can hold",
            );
        }
        add(V::Sm1, outside(V::Sm1, 0.0, 1.0), "sm1 is outside 0 to 1");
    }

    fn check_gaps(&self, checks: &mut Vec<WeatherCheck>) {
        // Days without any value first: one finding, not one per variable.
        let is_empty = |row: usize| {
            self.variables().all(|variable| {
                self.column(variable)
                    .and_then(|c| c.get(row).copied()?)
                    .is_none()
            })
        };
        let empty = self.days_where(is_empty);
        if !empty.is_empty() {
            let leap = empty.iter().filter(|day| is_leap_gap(**day)).count();
            let hint = if leap == empty.len() {
                " (years of 365 days leave that day out)"
            } else {
                ""
            };
            checks.push(self.gap(None, empty, "there is no weather", hint));
        }
        for variable in self.variables() {
            let Some(column) = self.column(variable) else {
                continue;
            };
            let missing = self
                .days_where(|row| column.get(row).is_some_and(Option::is_none) && !is_empty(row));
            if !missing.is_empty() {
                let what = format!("{} is missing", variable.name());
                checks.push(self.gap(Some(variable), missing, &what, ""));
            }
        }
    }

    fn gap(
        &self,
        variable: Option<WeatherVariable>,
        days: Vec<Date>,
        what: &str,
        hint: &str,
    ) -> WeatherCheck {
        let longest = longest_run(&days);
        let is_driver = variable.is_none_or(|variable| DRIVERS.contains(&variable));
        let stops = is_driver && longest > LONGEST_BRIDGED_GAP_DAYS;
        let fate = if !is_driver {
            String::new()
        } else if stops {
            format!(
                "; {longest} days in a row are more than the {LONGEST_BRIDGED_GAP_DAYS} that are interpolated, so models cannot be \
                 run over them"
            )
        } else {
            "; interpolated, precipitation taken as 0".into()
        };
        WeatherCheck {
            concern: WeatherConcern::Missing,
            variable,
            what: format!("{what} on {}{hint}{fate}", days_text(&days)),
            days,
            stops,
            doubt: None,
        }
    }

    fn check_images(&self, images: &[Date], checks: &mut Vec<WeatherCheck>) {
        let mut images = images.to_vec();
        images.sort_unstable();
        images.dedup();
        let (Some(first), Some(last)) = (images.first().copied(), images.last().copied()) else {
            return;
        };
        let (begins, ends) = (self.first, self.last());
        let outside: Vec<Date> = images
            .iter()
            .copied()
            .filter(|day| *day < begins || *day > ends)
            .collect();
        let mut add = |days: Vec<Date>, what: String, stops: bool| {
            checks.push(WeatherCheck {
                concern: WeatherConcern::Cover,
                variable: None,
                days,
                what,
                stops,
                doubt: None,
            });
        };
        if !outside.is_empty() {
            let what = format!(
                "the weather goes from {begins} to {ends} and does not cover {} of {} days with images: {}; add weather that does",
                outside.len(),
                images.len(),
                days_text(&outside)
            );
            add(outside, what, true);
            return;
        }
        let before = days_between(begins, first);
        if before < 60 {
            add(
                vec![first],
                format!(
                    "the weather begins {before} days before the first image ({first}); models look back up to a year and repeat \
                     the first day where there is none"
                ),
                false,
            );
        }
        if ends == last {
            add(
                vec![last],
                format!(
                    "the weather ends with the last image ({last}); forecasts of later days need future weather"
                ),
                false,
            );
        }
    }
}

/// `2021-06-03, 2021-06-04, 2021-06-09 and 12 more days`, runs as `2021-06-03 to 2021-06-09`.
pub(crate) fn days_text(days: &[Date]) -> String {
    let mut runs: Vec<(Date, Date)> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some((_, end)) if days_between(*end, *day) == 1 => *end = *day,
            _ => runs.push((*day, *day)),
        }
    }
    let mut text: Vec<String> = runs
        .iter()
        .take(LISTED_DAYS)
        .map(|(start, end)| {
            if start == end {
                start.to_string()
            } else {
                format!("{start} to {end}")
            }
        })
        .collect();
    let named: i64 = runs
        .iter()
        .take(LISTED_DAYS)
        .map(|(start, end)| days_between(*start, *end) + 1)
        .sum();
    let more = days.len() as i64 - named;
    if more > 0 {
        let last = text.pop().unwrap_or_default();
        text.push(format!("{last} and {more} more days"));
    }
    text.join(", ")
}

fn longest_run(days: &[Date]) -> usize {
    let (mut longest, mut run) = (0, 0);
    let mut before: Option<Date> = None;
    for day in days {
        let goes_on = before.is_some_and(|before| days_between(before, *day) == 1);
        run = if goes_on { run + 1 } else { 1 };
        longest = longest.max(run);
        before = Some(*day);
    }
    longest
}

/// The day that years of 365 days lack.
fn is_leap_gap(day: Date) -> bool {
    (day.month() == 2 && day.day() == 29)
        || (day.month() == 12 && day.day() == 31 && day.in_leap_year())
}
