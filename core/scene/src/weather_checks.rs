//! What is doubtful about a weather table: units that must be confirmed, values that cannot be, missing days, and days of images
//! it does not cover (tasks.md 3.2). Says so; changes nothing.

use jiff::civil::Date;

use crate::weather::days_between;
use crate::weather_columns::Measured;
use crate::weather_days::{DayColumn, names_of, saturation_kpa};
use crate::weather_text::RawColumn;
use crate::{DRIVERS, LONGEST_BRIDGED_GAP_DAYS, WeatherTable, WeatherUnit, WeatherVariable};

/// Days named in a sentence before "and n more".
const LISTED_DAYS: usize = 3;
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
