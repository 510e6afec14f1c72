//! From values as a file holds them to one a day: missing ones, quality flags, depths and the range of soil moisture are
//! filtered, and what was left out is counted. Knows numbers and dates; knows no file format.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::{Date, Time};

use crate::{MOST_SOIL_MOISTURE, SceneError, SceneResult, StationPlace, StationReading};

/// Values a day needs for a mean of it.
const FEWEST_A_DAY: usize = 12;
/// A value counts as one of an overpass up to this far from it.
const OVERPASS_MINUTES: i64 = 180;

/// One value as it stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawValue {
    pub date: Date,
    pub time: Option<Time>,
    pub value: f64,
    /// `None` where the file has no flags.
    pub flag: Option<String>,
    /// From 1.
    pub line: usize,
}

/// The values of one sensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RawSeries {
    pub station: String,
    pub place: Option<StationPlace>,
    /// From and to, m.
    pub depth_m: Option<(f64, f64)>,
    pub facts: Vec<(String, f64)>,
    /// Width and height of the ground it is the mean of, m; `None` for a point.
    pub cell_m: Option<(f64, f64)>,
    pub values: Vec<RawValue>,
}

/// What was left out, counted over all files.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub read: usize,
    pub missing: usize,
    /// By flag.
    pub flagged: BTreeMap<String, usize>,
    pub outside_range: usize,
    /// Values of other depths, and these depths.
    pub other_depths: BTreeMap<String, usize>,
    /// Days with too few values for a mean, or none near the time asked for.
    pub short_days: usize,
    pub kept_days: usize,
}

impl Tally {
    /// Why nothing is left, and what to do.
    pub fn nothing_left(&self, reading: &StationReading) -> String {
        let all_flagged: usize = self.flagged.values().sum();
        let (from, to) = reading.depth_m;
        if all_flagged > 0 && all_flagged + self.missing >= self.read {
            return format!(
                "no value is left: all {all_flagged} carry flags other than {} ({}); name the flags you accept (--flags)",
                reading.flags.join(", "),
                counted(&self.flagged)
            );
        }
        if !self.other_depths.is_empty() {
            return format!(
                "no value is left: none lies between {from} and {to} m ({}); name the depths you want (--depth)",
                counted(&self.other_depths)
            );
        }
        if self.missing == self.read {
            return format!("no value is left: all {} are missing", self.read);
        }
        if self.short_days > 0 {
            return match reading.time_of_day {
                Some(time) => format!(
                    "no value is left: no day has one within 3 hours of {time} UTC; choose another time (--at)"
                ),
                None => format!(
                    "no value is left: no day has the {FEWEST_A_DAY} values a mean of the day needs; take the value of one time (--at)"
                ),
            };
        }
        format!(
            "no value is left: {} lie outside 0 to {MOST_SOIL_MOISTURE} m³/m³, {all_flagged} are flagged ({}), {} are missing",
            self.outside_range,
            counted(&self.flagged),
            self.missing
        )
    }

    /// A sentence for everything that was left out.
    pub fn sentences(&self, reading: &StationReading) -> Vec<String> {
        let mut notes = Vec::new();
        let flagged: usize = self.flagged.values().sum();
        if flagged > 0 {
            notes.push(format!(
                "{flagged} of {} values are left out for their flags ({})",
                self.read,
                counted(&self.flagged)
            ));
        }
        if self.outside_range > 0 {
            notes.push(format!(
                "{} of {} values lie outside 0 to {MOST_SOIL_MOISTURE} m³/m³ and are left out",
                self.outside_range, self.read
            ));
        }
        let deep: usize = self.other_depths.values().sum();
        if deep > 0 {
            notes.push(format!(
                "{deep} values of other depths than {} to {} m are left out ({})",
                reading.depth_m.0,
                reading.depth_m.1,
                counted(&self.other_depths)
            ));
        }
        if self.short_days > 0 {
            notes.push(match reading.time_of_day {
                Some(time) => format!(
                    "{} days without a value within 3 hours of {time} UTC are left out",
                    self.short_days
                ),
                None => format!(
                    "{} days with fewer than {FEWEST_A_DAY} values are left out",
                    self.short_days
                ),
            });
        }
        notes
    }
}

/// `C03 120, D01 7`; the most frequent first, six at most.
fn counted(of: &BTreeMap<String, usize>) -> String {
    let mut list: Vec<(&String, &usize)> = of.iter().collect();
    list.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let named: Vec<String> = list
        .iter()
        .take(6)
        .map(|(what, count)| format!("{what} {count}"))
        .collect();
    if list.len() > 6 {
        return format!("{} and {} more", named.join(", "), list.len() - 6);
    }
    named.join(", ")
}

/// One value a day. `may_be_percent`: the unit is not fixed by the format, so values above 1 must be confirmed as percent.
///
/// # Errors
/// Percent that were not confirmed or are none, two values of one time.
pub(crate) fn to_days(
    series: &mut RawSeries,
    reading: &StationReading,
    path: &Path,
    may_be_percent: bool,
    tally: &mut Tally,
) -> SceneResult<BTreeMap<Date, f64>> {
    let mut values = std::mem::take(&mut series.values);
    tally.read += values.len();
    let before = values.len();
    values.retain(|value| value.value.is_finite() && !is_missing_code(value.value));
    tally.missing += before - values.len();
    if let Some((from, to)) = series.depth_m {
        let (least, most) = reading.depth_m;
        if from < least - 1e-9 || to > most + 1e-9 {
            let depth = if from == to {
                format!("{from} m")
            } else {
                format!("{from} to {to} m")
            };
            *tally.other_depths.entry(depth).or_default() += values.len();
            return Ok(BTreeMap::new());
        }
    }
    values.retain(|value| {
        let Some(flag) = &value.flag else {
            return true;
        };
        let mut parts = flag.split(',').map(str::trim);
        let is_good = parts.all(|part| reading.flags.iter().any(|good| good == part));
        if !is_good {
            let name = if flag.is_empty() { "no flag" } else { flag };
            *tally.flagged.entry(name.to_owned()).or_default() += 1;
        }
        is_good
    });
    if may_be_percent
        && let Some(largest) = values.iter().max_by(|a, b| a.value.total_cmp(&b.value))
    {
        if largest.value > 1.0 && !reading.is_percent {
            return Err(SceneError::file(
                path,
                format!(
                    "the soil moisture in line {} is {}, and m³/m³ never exceed 1: if the values are percent, confirm it (--percent); \
                     if not, correct the row",
                    largest.line, largest.value
                ),
            ));
        }
        if reading.is_percent && largest.value <= 1.0 {
            return Err(SceneError::file(
                path,
                format!(
                    "the values are said to be percent, but the largest is {}: they look like m³/m³ already; leave --percent out",
                    largest.value
                ),
            ));
        }
    }
    if reading.is_percent {
        values.iter_mut().for_each(|value| value.value /= 100.0);
    }
    let before = values.len();
    values.retain(|value| (0.0..=MOST_SOIL_MOISTURE).contains(&value.value));
    tally.outside_range += before - values.len();
    values.sort_by_key(|value| (value.date, value.time));
    for pair in values.windows(2) {
        if let [a, b] = pair
            && (a.date, a.time) == (b.date, b.time)
        {
            let when = match a.time {
                Some(time) => format!("{} {time}", a.date),
                None => a.date.to_string(),
            };
            return Err(SceneError::file(
                path,
                format!(
                    "{} has two values for {when} (lines {} and {}); keep one of them, or give each its time in a column datetime",
                    series.station,
                    a.line.min(b.line),
                    a.line.max(b.line)
                ),
            ));
        }
    }
    let days = of_days(&values, reading.time_of_day, tally);
    tally.kept_days += days.len();
    Ok(days)
}

/// -9999, -99 and the like; NaN is told before.
fn is_missing_code(value: f64) -> bool {
    [-9999.0, -999.0, -99.0].contains(&value)
}

/// The mean of each day, or its value nearest to a time; a series with one value a day is daily already.
fn of_days(values: &[RawValue], at: Option<Time>, tally: &mut Tally) -> BTreeMap<Date, f64> {
    let days: Vec<&[RawValue]> = values.chunk_by(|a, b| a.date == b.date).collect();
    let is_daily = days.iter().all(|day| day.len() == 1);
    let mut out = BTreeMap::new();
    for day in days {
        let Some(first) = day.first() else {
            continue;
        };
        let value = match at {
            _ if is_daily => Some(first.value),
            Some(at) => nearest(day, at),
            None => (day.len() >= FEWEST_A_DAY)
                .then(|| day.iter().map(|value| value.value).sum::<f64>() / day.len() as f64),
        };
        match value {
            Some(value) => {
                out.insert(first.date, value);
            }
            None => tally.short_days += 1,
        }
    }
    out
}

fn nearest(day: &[RawValue], at: Time) -> Option<f64> {
    let minutes = |time: Time| i64::from(time.hour()) * 60 + i64::from(time.minute());
    day.iter()
        .filter_map(|value| Some(((minutes(value.time?) - minutes(at)).abs(), value.value)))
        .min_by_key(|(apart, _)| *apart)
        .filter(|(apart, _)| *apart <= OVERPASS_MINUTES)
        .map(|(_, value)| value)
}
