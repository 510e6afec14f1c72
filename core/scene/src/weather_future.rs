//! Weather of days to come: a table, the climatology of one's own table, or a scenario of it (tasks.md 3.3). What it was made of
//! stands in the tables' source.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::folds::splitmix64;
use crate::weather::{days_between, later};
use crate::{DRIVERS, SceneError, SceneResult, WeatherReading, WeatherTable, WeatherVariable};

/// Members of an ensemble where nothing else is asked for.
pub const DEFAULT_WEATHER_MEMBERS: usize = 20;
/// More make no difference to a spread.
pub const MOST_WEATHER_MEMBERS: usize = 500;
/// Years of weather a climatology needs.
pub const FEWEST_CLIMATE_YEARS: usize = 3;
/// Days a climatology is smoothed over.
const SMOOTHED_DAYS: i64 = 15;
/// Share of the days of the year that must have that many values.
const CLIMATE_SHARE: f64 = 0.9;

/// Where the weather of days to come is from; what the description of a job holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FutureWeather {
    /// A file that covers the days: a forecast, or what was measured.
    Table(PathBuf),
    /// The usual weather of each day of the year in the past table; rain of past years drawn at random, one per member.
    Climatology { members: usize, seed: u64 },
    /// The climatology, warmer and with another amount of rain.
    Scenario { warmer_c: f64, rain_factor: f64 },
}

/// The past followed by its future, once, or once per member. The first of several is drawn like the others. Each table
/// reaches `until`; where the past reaches it already it is the only one, unchanged.
///
/// # Errors
/// A file that cannot be read or ends too early, less than [`FEWEST_CLIMATE_YEARS`] years of past, no members, a factor below 0.
pub fn future_members(
    past: &WeatherTable,
    future: &FutureWeather,
    until: Date,
) -> SceneResult<Vec<WeatherTable>> {
    if past.last() >= until {
        return Ok(vec![past.clone()]);
    }
    match future {
        FutureWeather::Table(path) => {
            let table = future_table(past, path)?;
            if table.last() < until {
                return Err(SceneError::file(
                    path,
                    format!(
                        "the future weather ends on {}, before the last day needed, {until}; add weather that reaches it, or use \
                         the climatology",
                        table.last()
                    ),
                ));
            }
            let gap = days_between(past.last(), table.first) - 1;
            let longest = crate::LONGEST_BRIDGED_GAP_DAYS as i64;
            if gap > longest {
                return Err(SceneError::file(
                    path,
                    format!(
                        "the past weather ends on {} and the future weather begins on {}, {gap} days later; no more than {longest} \
                         days are interpolated, so add weather for the days between",
                        past.last(),
                        table.first
                    ),
                ));
            }
            Ok(vec![past.followed_by(&table)])
        }
        FutureWeather::Climatology { members, seed } => {
            if !(1..=MOST_WEATHER_MEMBERS).contains(members) {
                return Err(SceneError::input(format!(
                    "{members} weather members cannot be drawn; choose 1 to {MOST_WEATHER_MEMBERS}"
                )));
            }
            Climate::of(past)?.members(past, until, *members, *seed)
        }
        FutureWeather::Scenario {
            warmer_c,
            rain_factor,
        } => {
            let is_possible = warmer_c.is_finite()
                && warmer_c.abs() <= 30.0
                && (0.0..=20.0).contains(rain_factor);
            if !is_possible {
                return Err(SceneError::input(format!(
                    "a scenario of {warmer_c:+} degC and {rain_factor} times the rain cannot be; choose up to 30 degC, and 0 to 20 \
                     times the rain"
                )));
            }
            let since = later(past.last(), 1);
            let members = Climate::of(past)?.members(past, until, DEFAULT_WEATHER_MEMBERS, 0)?;
            Ok(members
                .iter()
                .map(|member| member.changed_from(since, *warmer_c, *rain_factor))
                .collect())
        }
    }
}

/// Units confirmed for the past hold for a file of the same source, whose columns are the same; for no other.
fn future_table(past: &WeatherTable, path: &std::path::Path) -> SceneResult<WeatherTable> {
    let plain = WeatherReading {
        units: BTreeMap::new(),
        columns: BTreeMap::new(),
        place: past.reading.place.or(past.place),
        is_weighted: past.reading.is_weighted,
    };
    let table = WeatherTable::open_blocking(path, &plain);
    let is_same = table
        .as_ref()
        .map_or(!past.reading.columns.is_empty(), |table| {
            table.source == past.source && !past.reading.units.is_empty()
        });
    if is_same {
        let alike = WeatherReading {
            place: plain.place,
            ..past.reading.clone()
        };
        return WeatherTable::open_blocking(path, &alike).or(table);
    }
    table
}

/// The usual weather of the days of a year.
struct Climate {
    /// Mean by day of year (366 of them), smoothed; precipitation is not among them.
    means: BTreeMap<WeatherVariable, Vec<Option<f64>>>,
    years: (i16, i16),
}

impl Climate {
    fn of(past: &WeatherTable) -> SceneResult<Self> {
        if let Some(doubt) = past.doubts.iter().find(|doubt| doubt.drives()) {
            return Err(SceneError::input(doubt.question()));
        }
        let mut means = BTreeMap::new();
        for variable in past.variables() {
            let Some(column) = past.column(variable) else {
                continue;
            };
            let mut sums = vec![(0.0f64, 0usize); 366];
            for (row, value) in column.iter().enumerate() {
                let day = usize::from(past.day(row).day_of_year().unsigned_abs());
                if let (Some(value), Some(sum)) = (value, sums.get_mut(day - 1)) {
                    sum.0 += f64::from(*value);
                    sum.1 += 1;
                }
            }
            let full = sums
                .iter()
                .filter(|(_, count)| *count >= FEWEST_CLIMATE_YEARS)
                .count();
            if DRIVERS.contains(&variable) && (full as f64) < CLIMATE_SHARE * 365.0 {
                return Err(too_short(past, variable));
            }
            let plain: Vec<Option<f64>> = sums
                .iter()
                .map(|(sum, count)| (*count > 0).then(|| sum / *count as f64))
                .collect();
            if variable != WeatherVariable::Prcp {
                means.insert(variable, smoothed(&plain));
            }
        }
        Ok(Self {
            means,
            years: (past.first.year(), past.last().year()),
        })
    }

    fn members(
        &self,
        past: &WeatherTable,
        until: Date,
        members: usize,
        seed: u64,
    ) -> SceneResult<Vec<WeatherTable>> {
        let first = later(past.last(), 1);
        let days = usize::try_from(days_between(first, until) + 1).unwrap_or(0);
        let source = format!(
            "climatology of {} to {} ({members} members, seed {seed})",
            self.years.0, self.years.1
        );
        (0..members)
            .map(|member| {
                let mut columns: BTreeMap<WeatherVariable, Vec<Option<f32>>> = BTreeMap::new();
                for (variable, means) in &self.means {
                    let column = (0..days).map(|row| {
                        let day = later(first, row as i64).day_of_year().unsigned_abs();
                        let mean = means.get(usize::from(day) - 1).copied().flatten();
                        mean.map(|mean| mean as f32)
                    });
                    columns.insert(*variable, column.collect());
                }
                let state = splitmix64(seed ^ splitmix64(member as u64));
                columns.insert(
                    WeatherVariable::Prcp,
                    rain_of_other_years(past, first, days, state)?,
                );
                let mut table = WeatherTable::new(source.clone(), first, columns)?;
                table.notes.push(format!(
                    "from {first} on: mean of each day of the year over {SMOOTHED_DAYS} days; rain of past years, drawn per member"
                ));
                Ok(past.followed_by(&table))
            })
            .collect()
    }
}

fn too_short(past: &WeatherTable, variable: WeatherVariable) -> SceneError {
    let what = format!(
        "a climatology needs {FEWEST_CLIMATE_YEARS} years of {}, and the weather has {:.1} years ({} to {}); give a table of \
         future weather instead, or a longer one of the past",
        variable.name(),
        past.days() as f64 / 365.25,
        past.first,
        past.last()
    );
    if past.path().as_os_str().is_empty() {
        SceneError::input(what)
    } else {
        SceneError::file(past.path(), what)
    }
}

/// Mean over the days around each day of a year that begins again at its end; 29 February counts where it has values.
fn smoothed(days: &[Option<f64>]) -> Vec<Option<f64>> {
    let count = days.len() as i64;
    (0..count)
        .map(|day| {
            let around = (-SMOOTHED_DAYS / 2..=SMOOTHED_DAYS / 2).filter_map(|offset| {
                let at = usize::try_from((day + offset).rem_euclid(count)).ok()?;
                days.get(at).copied().flatten()
            });
            let (sum, values) = around.fold((0.0, 0), |(sum, n), value| (sum + value, n + 1));
            (values > 0).then(|| sum / f64::from(values))
        })
        .collect()
}

/// Rain of the same days of whole past years, a year drawn for each year to come.
fn rain_of_other_years(
    past: &WeatherTable,
    first: Date,
    days: usize,
    mut state: u64,
) -> SceneResult<Vec<Option<f32>>> {
    let mut rain = Vec::with_capacity(days);
    while rain.len() < days {
        let begin = later(first, rain.len() as i64);
        let length = (days - rain.len()).min(365);
        let drawn: Vec<Vec<Option<f32>>> = (1..=i16::MAX)
            .map_while(|back| {
                let year = begin.year().checked_sub(back)?;
                (year >= past.first.year() - 1).then_some(back)
            })
            .filter_map(|back| {
                let days: Vec<Option<f32>> = (0..length)
                    .map(|row| {
                        let day = later(begin, row as i64);
                        let same = years_before(day, back)?;
                        past.value(WeatherVariable::Prcp, same)
                    })
                    .collect();
                let missing = days.iter().filter(|value| value.is_none()).count();
                (missing * 20 <= length).then_some(days)
            })
            .collect();
        state = splitmix64(state);
        let at = (state % drawn.len().max(1) as u64) as usize;
        let Some(year) = drawn.get(at) else {
            return Err(too_short(past, WeatherVariable::Prcp));
        };
        // A day without a value in that year stays dry, as in the drivers.
        rain.extend(year.iter().map(|value| Some(value.unwrap_or(0.0))));
    }
    Ok(rain)
}

/// The same day so many years before; 28 February for the 29th of years without one.
fn years_before(day: Date, years: i16) -> Option<Date> {
    let year = day.year().checked_sub(years)?;
    Date::new(year, day.month(), day.day())
        .or_else(|_| Date::new(year, day.month(), 28))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// A year's wave of temperature, rain on each tenth day as many mm as the year's last digit.
    fn past(first: &str, days: usize) -> WeatherTable {
        let first = day(first);
        let wave = |row: usize| {
            let angle = f64::from(later(first, row as i64).day_of_year()) / 365.25;
            (std::f64::consts::TAU * angle).sin() as f32
        };
        let column = |of: &dyn Fn(usize) -> f32| (0..days).map(|row| Some(of(row))).collect();
        let rain = |row: usize| {
            let day = later(first, row as i64);
            if day.day() % 10 == 0 {
                f32::from(day.year() % 10)
            } else {
                0.0
            }
        };
        use WeatherVariable as V;
        let columns: Vec<(V, Vec<Option<f32>>)> = vec![
            (V::Tmin, column(&|row| 5.0 + 10.0 * wave(row))),
            (V::Tmax, column(&|row| 15.0 + 10.0 * wave(row))),
            (V::Prcp, column(&rain)),
            (V::Srad, column(&|row| 15.0 + 8.0 * wave(row))),
            (V::Vp, column(&|row| 1.1 + 0.5 * wave(row))),
        ];
        WeatherTable::new("own table", first, columns).unwrap()
    }

    #[test]
    fn climatology_is_the_usual_weather_and_rain_of_past_years() {
        let past = past("2017-04-01", 4 * 365 + 1);
        let until = day("2021-06-30");
        let ask = |members, seed| {
            future_members(&past, &FutureWeather::Climatology { members, seed }, until)
        };
        let members = ask(20, 7).unwrap();
        assert_eq!(members.len(), 20);
        let mut rains = std::collections::BTreeSet::new();
        for member in &members {
            assert!(member.last() == until && member.first == past.first);
            assert!(
                member.source.contains("climatology of 2017 to 2021"),
                "{}",
                member.source
            );
            let rows = member.drivers(later(past.last(), 1), until).unwrap();
            let usual = past
                .value(WeatherVariable::Tmax, day("2020-05-20"))
                .unwrap();
            let given = member
                .value(WeatherVariable::Tmax, day("2021-05-20"))
                .unwrap();
            assert!((usual - given).abs() < 0.3, "{usual} {given}");
            let rain: f32 = rows.iter().map(|row| row[2]).sum();
            rains.insert(rain as i32);
        }
        // Nine wet days of one of the years 2017 to 2020.
        assert!(
            rains.len() >= 3
                && rains
                    .iter()
                    .all(|rain| [0, 9 * 7, 9 * 8, 9 * 9].contains(rain)),
            "{rains:?}"
        );
        assert_eq!(ask(20, 7).unwrap(), members);
        assert_ne!(ask(20, 8).unwrap(), members);
        assert!(
            ask(0, 1)
                .unwrap_err()
                .to_string()
                .contains("0 weather members")
        );
        // Past the end of what is known for more than a year.
        let far = FutureWeather::Climatology {
            members: 1,
            seed: 1,
        };
        let far = future_members(&past, &far, day("2023-01-10")).unwrap();
        assert!(far[0].drivers(day("2021-01-01"), day("2023-01-10")).is_ok());
    }

    #[test]
    fn scenarios_change_the_future_only() {
        let past = past("2017-04-01", 4 * 365 + 1);
        let until = day("2021-06-30");
        let usual = FutureWeather::Climatology {
            members: 20,
            seed: 0,
        };
        let usual = future_members(&past, &usual, until).unwrap();
        let scenario = FutureWeather::Scenario {
            warmer_c: 2.5,
            rain_factor: 0.5,
        };
        let changed = future_members(&past, &scenario, until).unwrap();
        assert_eq!(changed.len(), usual.len());
        for (usual, changed) in usual.iter().zip(&changed) {
            let pair = |variable, on: &str| {
                let of = |table: &WeatherTable| table.value(variable, day(on)).unwrap();
                (of(usual), of(changed))
            };
            let (before, after) = pair(WeatherVariable::Tmax, "2021-03-01");
            assert_eq!(before, after);
            let (before, after) = pair(WeatherVariable::Tmax, "2021-05-01");
            assert!((after - before - 2.5).abs() < 1e-4);
            let (before, after) = pair(WeatherVariable::Prcp, "2021-05-10");
            assert!((after - before / 2.0).abs() < 1e-5);
            assert!(changed.source.contains("+2.5 degC"), "{}", changed.source);
        }
        let odd = FutureWeather::Scenario {
            warmer_c: f64::NAN,
            rain_factor: 1.0,
        };
        assert!(future_members(&past, &odd, until).is_err());
    }

    #[test]
    fn future_weather_that_is_missing_is_named() {
        let short = past("2020-01-01", 500);
        let until = day("2022-01-01");
        let usual = FutureWeather::Climatology {
            members: 5,
            seed: 0,
        };
        let error = future_members(&short, &usual, until)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("needs 3 years") && error.contains("1.4 years"),
            "{error}"
        );
        // Nothing is needed where the past reaches the day.
        assert_eq!(
            future_members(&short, &usual, short.last()).unwrap().len(),
            1
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("future.csv");
        let ask = |past: &WeatherTable, until: &str| {
            future_members(past, &FutureWeather::Table(path.clone()), day(until))
        };
        assert!(
            ask(&short, "2022-01-01")
                .unwrap_err()
                .to_string()
                .contains("cannot be opened")
        );
        let future = past("2021-05-10", 40);
        std::fs::write(&path, future.csv()).unwrap();
        let joined = ask(&short, "2021-06-18").unwrap();
        assert!(joined.len() == 1 && joined[0].last() == day("2021-06-18"));
        let error = ask(&short, "2021-06-19").unwrap_err().to_string();
        assert!(error.contains("ends on 2021-06-18"), "{error}");
        let earlier = past("2020-01-01", 300);
        let error = ask(&earlier, "2021-06-10").unwrap_err().to_string();
        assert!(
            error.contains("add weather for the days between"),
            "{error}"
        );
    }
}
