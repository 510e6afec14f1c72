//! Forecasts that need no model: the last value seen, the value of a year before, the usual value of the season, and the line
//! between what was seen before and after. What every forecast is compared with (spec tasks 7.3). Knows values through time;
//! knows nothing of files.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::day_number;
use crate::time_stack::TimeLine;

/// The usual value of a day is a mean over so many days around it.
const SEASON_DAYS: i64 = 30;
/// And needs so many other years.
pub const CLIMATOLOGY_YEARS: usize = 2;

/// A rule that makes an image of a day out of the images of other days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// The last value seen at each pixel.
    Persistence,
    /// The value of the same calendar day a year before, on the line between the images around it.
    LastYear,
    /// The mean of the season in other years.
    Climatology,
    /// On the line between the images before and after the day; the nearest one beyond them.
    Interpolation,
}

impl Baseline {
    pub const ALL: [Self; 4] = [
        Self::Persistence,
        Self::LastYear,
        Self::Climatology,
        Self::Interpolation,
    ];
    /// Those that know nothing of the days after.
    pub const FORECASTS: [Self; 3] = [Self::Persistence, Self::LastYear, Self::Climatology];

    /// The word of the command line and of files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Persistence => "persistence",
            Self::LastYear => "last-year",
            Self::Climatology => "climatology",
            Self::Interpolation => "interpolation",
        }
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Persistence => "Persistence",
            Self::LastYear => "Last year",
            Self::Climatology => "Climatology",
            Self::Interpolation => "Linear interpolation",
        }
    }

    /// What it does, in a sentence without a stop.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Persistence => "the last clear value of each pixel",
            Self::LastYear => "the value of the same day a year before",
            Self::Climatology => "the mean of the same 30 days in at least two other years",
            Self::Interpolation => "the line between the clear values before and after",
        }
    }
}

/// A day to forecast, and the days of other years that speak of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastDay {
    pub date: Date,
    /// Days since 2017-01-01, at noon.
    pub day: f64,
    /// Noon of the same day a year before.
    year_before: Option<f64>,
    /// The 30 days around the day in each other year.
    seasons: Vec<Vec<f64>>,
}

impl ForecastDay {
    /// `images`: days of the images there are, which say what years matter.
    pub fn new(date: Date, images: &[f64]) -> Self {
        let in_year = |year: i16| -> Option<Date> {
            // 29 February is 28 February elsewhere.
            Date::new(year, date.month(), date.day())
                .or_else(|_| Date::new(year, date.month(), 28))
                .ok()
        };
        let own = Self::year_days(date.year());
        let span = (
            images.iter().copied().fold(f64::INFINITY, f64::min),
            images.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        );
        let year_of = |day: f64| (2017.0 + day / 365.2425).floor() as i16;
        let years = if span.0 <= span.1 {
            year_of(span.0).saturating_sub(1)..=year_of(span.1).saturating_add(1)
        } else {
            0..=0
        };
        let seasons = years
            .filter(|year| *year != date.year() && !images.is_empty())
            .filter_map(in_year)
            .map(|same| {
                let first = day_number(same) + 0.5 - (SEASON_DAYS / 2) as f64;
                let days = (0..SEASON_DAYS).map(|step| first + step as f64);
                // Around New Year a season reaches into the next year, which may be the day's own.
                days.filter(|day| own.is_none_or(|(from, to)| *day < from || *day >= to))
                    .filter(|day| (span.0..=span.1).contains(day))
                    .collect::<Vec<f64>>()
            })
            .filter(|days| !days.is_empty())
            .collect();
        Self {
            date,
            day: day_number(date) + 0.5,
            year_before: date
                .year()
                .checked_sub(1)
                .and_then(in_year)
                .map(|date| day_number(date) + 0.5),
            seasons,
        }
    }

    fn year_days(year: i16) -> Option<(f64, f64)> {
        crate::Period::of_year(year).map(|period| period.days())
    }

    /// How many other years have images around the day: what climatology could use at best.
    pub fn other_years(&self) -> usize {
        self.seasons.len()
    }
}

/// The value of one band of one pixel on a day by a rule; `None` where the images do not say.
pub fn baseline_value(rule: Baseline, line: TimeLine<'_>, day: &ForecastDay) -> Option<f32> {
    match rule {
        Baseline::Persistence => line
            .known()
            .filter(|(known, _)| *known < day.day + 0.5)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, value)| value),
        Baseline::LastYear => within(line, &[day.year_before?]).first().copied(),
        Baseline::Climatology => usual(line, day),
        Baseline::Interpolation => line.at_days(&[day.day])?.first().copied(),
    }
}

/// Values on the line between images for those of the days that lie between images.
fn within(line: TimeLine<'_>, days: &[f64]) -> Vec<f32> {
    let ends = line
        .known()
        .fold(None, |ends: Option<(f64, f64)>, (day, _)| {
            Some(ends.map_or((day, day), |(first, last)| (first.min(day), last.max(day))))
        });
    let Some((first, last)) = ends else {
        return Vec::new();
    };
    // An image of the morning or of the evening of a day is one of that day.
    let inside: Vec<f64> = days
        .iter()
        .copied()
        .filter(|day| (first - 0.5..=last + 0.5).contains(day))
        .collect();
    line.at_days(&inside).unwrap_or_default()
}

fn usual(line: TimeLine<'_>, day: &ForecastDay) -> Option<f32> {
    // The day's own year says nothing, not even of the days around New Year.
    let own = ForecastDay::year_days(day.date.year());
    let (days, values): (Vec<f64>, Vec<f32>) = line
        .known()
        .filter(|(day, _)| own.is_none_or(|(from, to)| *day < from || *day >= to))
        .unzip();
    let is_there = vec![true; days.len()];
    let others = TimeLine {
        days: &days,
        values: &values,
        is_there: &is_there,
    };
    let years: Vec<f64> = day
        .seasons
        .iter()
        .map(|season| within(others, season))
        .filter(|values| !values.is_empty())
        .map(|values| {
            values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64
        })
        .collect();
    (years.len() >= CLIMATOLOGY_YEARS)
        .then(|| (years.iter().sum::<f64>() / years.len() as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time_stack::TimeStack;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn noon(text: &str) -> f64 {
        day_number(date(text)) + 0.5
    }

    #[test]
    fn persistence_is_the_last_clear_value_and_interpolation_the_line() {
        let days = [noon("2021-05-01"), noon("2021-05-11"), noon("2021-05-21")];
        let stack = TimeStack::of_values(&days, 1, &[Some(1.0), Some(3.0), None]);
        let line = stack.line(0, 0);
        let on = |rule, text| baseline_value(rule, line, &ForecastDay::new(date(text), &days));
        assert_eq!(on(Baseline::Persistence, "2021-06-30"), Some(3.0));
        assert_eq!(on(Baseline::Persistence, "2021-05-11"), Some(3.0));
        assert_eq!(on(Baseline::Persistence, "2021-05-10"), Some(1.0));
        assert_eq!(on(Baseline::Persistence, "2021-04-30"), None);
        assert_eq!(on(Baseline::Interpolation, "2021-05-06"), Some(2.0));
        assert_eq!(on(Baseline::Interpolation, "2021-05-21"), Some(3.0));
        assert_eq!(on(Baseline::LastYear, "2022-05-06"), Some(2.0));
        assert_eq!(on(Baseline::LastYear, "2022-06-06"), None);
        assert_eq!(on(Baseline::LastYear, "2021-05-06"), None);
        assert_eq!(on(Baseline::Climatology, "2022-05-06"), None);
        let never = TimeStack::of_values(&days, 1, &[None, None, None]);
        for rule in Baseline::ALL {
            let day = ForecastDay::new(date("2022-05-06"), &days);
            assert_eq!(baseline_value(rule, never.line(0, 0), &day), None);
        }
    }

    #[test]
    fn climatology_is_the_mean_of_the_season_in_other_years() {
        // Every fifth day of four years: the year's own level and a course of the year.
        let first = noon("2018-01-01");
        let days: Vec<f64> = (0..292).map(|at| first + 5.0 * f64::from(at)).collect();
        let value = |day: f64| {
            let level = (day / 365.25).floor() as f32;
            let season = ((day / 365.25).fract() * std::f64::consts::TAU).sin() as f32;
            level + 10.0 * season
        };
        let values: Vec<Option<f32>> = days.iter().map(|day| Some(value(*day))).collect();
        let stack = TimeStack::of_values(&days, 1, &values);
        let day = ForecastDay::new(date("2020-07-01"), &days);
        assert_eq!(day.other_years(), 3);
        let found = baseline_value(Baseline::Climatology, stack.line(0, 0), &day).unwrap();
        let others = [2018, 2019, 2021].map(|year| value(noon(&format!("{year}-07-01"))));
        let wanted = others.iter().sum::<f32>() / 3.0;
        assert!((found - wanted).abs() < 0.2, "{found} instead of {wanted}");
        // The own year never matters.
        let changed: Vec<Option<f32>> = days
            .iter()
            .zip(&values)
            .map(|(day, value)| {
                let is_own = (noon("2020-01-01")..noon("2021-01-01")).contains(day);
                if is_own { Some(1e9) } else { *value }
            })
            .collect();
        let stack = TimeStack::of_values(&days, 1, &changed);
        for text in ["2020-07-01", "2020-01-01", "2020-12-31", "2020-02-29"] {
            let day = ForecastDay::new(date(text), &days);
            let found = baseline_value(Baseline::Climatology, stack.line(0, 0), &day).unwrap();
            assert!(found.abs() < 20.0, "{text}: {found}");
        }
        // One other year is not enough.
        let two: Vec<f64> = days
            .iter()
            .copied()
            .filter(|day| *day < noon("2020-01-01"))
            .collect();
        let few = TimeStack::of_values(&two, 1, &values[..two.len()]);
        let day = ForecastDay::new(date("2019-07-01"), &two);
        assert_eq!(
            baseline_value(Baseline::Climatology, few.line(0, 0), &day),
            None
        );
        assert!(baseline_value(Baseline::LastYear, few.line(0, 0), &day).is_some());
    }

    /// The rule of `data/baselines.md`: the first ten images are known, the others are to be forecast, clear pixels only.
    #[test]
    fn persistence_of_the_minicubes_is_as_far_off_as_was_measured_independently() {
        for (place, mae, ndvi_rmse) in [
            ("s2_portugal_2021", 0.0398, 0.203),
            ("s2_sweden_2021", 0.0268, 0.162),
        ] {
            let Some(folder) = crate::field::tests::shared(&format!("data/{place}/s2_minicube"))
            else {
                return;
            };
            let spec = crate::ArchiveSpec {
                files: vec![folder],
                reference: None,
            };
            let archive = crate::Archive::open(&spec, None).unwrap();
            let frames = archive.sources[0].frames_in(None);
            let window = archive.grid.window();
            let mut go_on = || true;
            let known =
                TimeStack::read_window_blocking(&archive, 0, &frames[..10], window, &mut go_on)
                    .unwrap();
            assert_eq!(known.bands, 4);
            let plane = window.pixels();
            let mut sums = crate::ImageErrorSums::new(4);
            let (mut squares, mut count) = (0.0, 0_u64);
            for frame in &frames[10..] {
                let seen = archive.read_blocking(0, *frame, window).unwrap();
                let day = ForecastDay::new(archive.sources[0].frames[*frame].date, &known.days);
                let forecast: Vec<f32> = (0..4)
                    .flat_map(|band| (0..plane).map(move |pixel| (band, pixel)))
                    .map(|(band, pixel)| {
                        baseline_value(Baseline::Persistence, known.line(pixel, band), &day)
                            .map_or(f32::NAN, |value| value * 1e-4)
                    })
                    .collect();
                let target: Vec<f32> = seen.values.iter().map(|value| value * 1e-4).collect();
                let is_seen: Vec<bool> = (0..plane)
                    .map(|pixel| {
                        seen.is_clear[pixel]
                            && (0..4).all(|band| seen.is_valid[band * plane + pixel])
                    })
                    .collect();
                sums.add(&crate::ForecastPair {
                    prediction: &forecast,
                    target: &target,
                    is_seen: &is_seen,
                    width: window.width,
                });
                for pixel in (0..plane).filter(|pixel| is_seen[*pixel]) {
                    let greenness = |of: &[f32]| {
                        crate::ndvi(
                            f64::from(of[2 * plane + pixel]),
                            f64::from(of[3 * plane + pixel]),
                        )
                    };
                    if let (Some(p), Some(t)) = (greenness(&forecast), greenness(&target)) {
                        squares += (p - t).powi(2);
                        count += 1;
                    }
                }
            }
            let errors = sums.errors();
            let found = (squares / count as f64).sqrt();
            assert!(
                (errors.mae.unwrap() - mae).abs() < 0.00006,
                "{place}: {errors:?}"
            );
            assert!((found - ndvi_rmse).abs() < 0.0006, "{place}: {found}");
        }
    }
}
