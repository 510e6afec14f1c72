//! Tables of stations (CSV): values row by row or a column a station, places with their facts, daily weather. Which of these a
//! table is, its columns say. Knows names of columns; knows nothing of ISMN.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::dates::{date_in_text, time_in_text};
use crate::station::{Fixed, text_blocking};
use crate::station_days::{RawSeries, RawValue};
use crate::{SceneError, SceneResult, StationPlace, StationReading, WeatherDay};

/// Names of columns, in lower case and without a unit in parentheses.
const STATIONS: [&str; 12] = [
    "station",
    "station_id",
    "stationid",
    "station_name",
    "wban",
    "site",
    "site_id",
    "sensor",
    "sensor_id",
    "sourceid",
    "probe",
    "id",
];
const DATES: [&str; 8] = [
    "date",
    "datetime",
    "time",
    "lst_date",
    "day",
    "timestamp",
    "date_utc",
    "utc",
];
const LATITUDES: [&str; 2] = ["lat", "latitude"];
const LONGITUDES: [&str; 4] = ["lon", "longitude", "lng", "long"];
const EASTINGS: [&str; 2] = ["x", "easting"];
const NORTHINGS: [&str; 2] = ["y", "northing"];
const VALUES: [&str; 8] = [
    "sm",
    "soil_moisture",
    "soilmoisture",
    "soil moisture",
    "vwc",
    "swc",
    "theta",
    "sm_mean",
];
/// Beginnings of columns that end in a depth in cm: `soil_moisture_5_daily`, `sm_10cm`.
const VALUES_AT_DEPTH: [&str; 6] = [
    "soil_moisture_",
    "soilmoisture_",
    "sm_",
    "sm",
    "vwc_",
    "swc_",
];
const FLAGS: [&str; 4] = ["flag", "quality_flag", "ismn_flag", "qc"];

/// What one table holds.
#[derive(Debug, Default)]
pub(crate) struct TableContent {
    pub series: Vec<RawSeries>,
    /// By station in lower case.
    pub places: BTreeMap<String, Fixed>,
    /// By station in lower case; of all stations under the empty name.
    pub weather: BTreeMap<String, BTreeMap<Date, WeatherDay>>,
    pub notes: Vec<String>,
}

/// A column of weather.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Weather {
    Tmin,
    Tmax,
    Tmean,
    Prcp,
    Srad,
    Vp,
    /// Relative humidity, %.
    Humidity,
}

impl Weather {
    /// Own names, and those of USCRN and of the Cook farm.
    fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "tmin" | "t_daily_min" | "mint" | "mint_wrcc" | "tn" => Self::Tmin,
            "tmax" | "t_daily_max" | "maxt" | "maxt_wrcc" | "tx" => Self::Tmax,
            "tmean" | "t_daily_avg" | "tavg" | "tg" => Self::Tmean,
            "prcp" | "p_daily_calc" | "precip" | "precip_wrcc" | "precipitation" | "rain"
            | "rr" => Self::Prcp,
            "srad" | "solarad_daily" => Self::Srad,
            "vp" => Self::Vp,
            "rh" | "rh_daily_avg" => Self::Humidity,
            _ => return None,
        })
    }
}

/// Reads a table and tells what it holds.
///
/// # Errors
/// A table without dates or values, rows without a date or place, numbers that are none.
pub(crate) fn read_table_blocking(
    path: &Path,
    reading: &StationReading,
) -> SceneResult<TableContent> {
    let table = Table::read_blocking(path)?;
    table
        .content(path, reading)
        .map_err(|what| SceneError::file(path, what))
}

struct Table {
    /// As written.
    names: Vec<String>,
    /// In lower case, without units in parentheses.
    keys: Vec<String>,
    rows: Vec<(usize, csv::StringRecord)>,
}

impl Table {
    fn read_blocking(path: &Path) -> SceneResult<Self> {
        let text = text_blocking(path)?;
        let text = text.trim_start_matches('\u{feff}');
        let header = text.lines().find(|line| !line.trim().is_empty());
        let Some(header) = header else {
            return Err(SceneError::file(path, "this table is empty"));
        };
        let delimiter = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|mark| header.bytes().filter(|byte| byte == mark).count())
            .unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let wrong = |error: csv::Error| {
            SceneError::file(path, "this table cannot be read as CSV").with_details(error)
        };
        let names: Vec<String> = reader
            .headers()
            .map_err(wrong)?
            .iter()
            .map(str::to_owned)
            .collect();
        let keys = names.iter().map(|name| key_of(name)).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(wrong)?;
            if record.iter().all(str::is_empty) {
                continue;
            }
            let line = record.position().map_or(0, |at| at.line() as usize);
            rows.push((line, record));
        }
        Ok(Self { names, keys, rows })
    }

    fn column(&self, wanted: &[&str]) -> Option<usize> {
        wanted
            .iter()
            .find_map(|name| self.keys.iter().position(|key| key == name))
    }

    /// Columns of weather, for reading a day's.
    fn weather_columns(&self) -> Vec<(usize, Weather)> {
        let columns = self.keys.iter().enumerate();
        columns
            .filter_map(|(at, key)| Some((at, Weather::of_name(key)?)))
            .collect()
    }

    fn content(&self, path: &Path, reading: &StationReading) -> Result<TableContent, String> {
        let date = self.column(&DATES);
        let value = self.value_column(reading)?;
        match (date, value) {
            (Some(date), Some(value)) => self.long(path, date, &value),
            (Some(date), None) if !self.weather_columns().is_empty() => self.weather_table(date),
            (Some(_), None) if reading.column.is_some() => Err(format!(
                "there is no column {}; this table has: {}",
                reading.column.as_deref().unwrap_or_default(),
                self.names.join(", ")
            )),
            (Some(date), None) => self.wide(path, date),
            (None, _) => self.places_table(),
        }
    }

    /// The column of soil moisture and its depth; of several depths the shallowest that is wanted.
    fn value_column(&self, reading: &StationReading) -> Result<Option<ValueColumn>, String> {
        if let Some(name) = &reading.column {
            let key = key_of(name);
            // Files of places and weather beside the one with the column have none of that name.
            return Ok(self
                .keys
                .iter()
                .position(|found| *found == key)
                .map(|at| ValueColumn {
                    at,
                    depth_m: depth_in_name(&self.keys[at]),
                    others: Vec::new(),
                }));
        }
        if let Some(at) = self.column(&VALUES) {
            return Ok(Some(ValueColumn {
                at,
                depth_m: None,
                others: Vec::new(),
            }));
        }
        let mut at_depths: Vec<(usize, (f64, f64))> = self
            .keys
            .iter()
            .enumerate()
            .filter_map(|(at, key)| Some((at, depth_in_name(key)?)))
            .collect();
        if at_depths.is_empty() {
            return Ok(None);
        }
        at_depths.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
        let (least, most) = reading.depth_m;
        let wanted = at_depths
            .iter()
            .position(|(_, (from, to))| *from >= least - 1e-9 && *to <= most + 1e-9);
        let name_of = |at: usize| self.names.get(at).cloned().unwrap_or_default();
        let Some(wanted) = wanted else {
            let names: Vec<String> = at_depths.iter().map(|(at, _)| name_of(*at)).collect();
            return Err(format!(
                "no column lies between {least} and {most} m; name the depths you want (--depth) of {}",
                names.join(", ")
            ));
        };
        let (at, depth) = at_depths.remove(wanted);
        Ok(Some(ValueColumn {
            at,
            depth_m: Some(depth),
            others: at_depths.iter().map(|(at, _)| name_of(*at)).collect(),
        }))
    }

    fn long(&self, path: &Path, date: usize, value: &ValueColumn) -> Result<TableContent, String> {
        let station = self.column(&STATIONS);
        let flag = self.column(&FLAGS);
        let place = PlaceColumns::of(self);
        let depth = self.column(&["depth_from"]).zip(self.column(&["depth_to"]));
        let depth = depth.or_else(|| self.column(&["depth"]).map(|at| (at, at)));
        let weather = self.weather_columns();
        let stem = stem_of(path);
        let mut content = TableContent::default();
        let mut by_series: BTreeMap<(String, String), usize> = BTreeMap::new();
        for (line, row) in &self.rows {
            let name = match station {
                Some(at) => cell(row, at),
                None => stem.as_str(),
            };
            if name.is_empty() {
                return Err(format!("line {line} names no station"));
            }
            let (day, time) =
                when(cell(row, date)).ok_or_else(|| no_date(*line, cell(row, date)))?;
            let depth_m = match depth {
                Some((from, to)) => {
                    let end = |at: usize| number(cell(row, at), *line, "depth");
                    end(from)?.zip(end(to)?)
                }
                None => value.depth_m,
            };
            let key = (name.to_owned(), format!("{depth_m:?}"));
            let index = match by_series.get(&key) {
                Some(index) => *index,
                None => {
                    content.series.push(RawSeries {
                        station: name.to_owned(),
                        place: place.of_row(row, *line)?,
                        depth_m,
                        ..RawSeries::default()
                    });
                    by_series.insert(key, content.series.len() - 1);
                    content.series.len() - 1
                }
            };
            if let Some(series) = content.series.get_mut(index) {
                series.values.push(RawValue {
                    date: day,
                    time,
                    value: number(cell(row, value.at), *line, &self.names[value.at])?
                        .unwrap_or(f64::NAN),
                    flag: flag.map(|at| cell(row, at).to_owned()),
                    line: *line,
                });
            }
            if !weather.is_empty() && time.is_none() {
                let day_of = self.weather_of_row(row, *line, &weather)?;
                content
                    .weather
                    .entry(name.to_lowercase())
                    .or_default()
                    .insert(day, day_of);
            }
        }
        if content.series.is_empty() {
            return Err("this table has a header and no rows".to_owned());
        }
        if !value.others.is_empty() {
            content.notes.push(format!(
                "the shallowest depth is used, column {}; others it has: {}",
                self.names[value.at],
                value.others.join(", ")
            ));
        }
        Ok(content)
    }

    /// A date a row, a station a column.
    fn wide(&self, path: &Path, date: usize) -> Result<TableContent, String> {
        if self.names.len() < 2 || self.rows.is_empty() {
            return Err(format!(
                "this table has dates and no soil moisture; name its column sm, or say which it is (--value-column); it has: {}",
                self.names.join(", ")
            ));
        }
        if self.column(&LATITUDES).is_some() || self.column(&STATIONS).is_some() {
            return Err(format!(
                "this table of stations has no column of soil moisture; name it sm, or say which it is (--value-column); it has: {}",
                self.names.join(", ")
            ));
        }
        let depth_m = depth_in_stem(&stem_of(path));
        let mut content = TableContent::default();
        for (at, name) in self.names.iter().enumerate().filter(|(at, _)| *at != date) {
            let mut series = RawSeries {
                station: name.clone(),
                depth_m,
                ..RawSeries::default()
            };
            for (line, row) in &self.rows {
                let (day, time) =
                    when(cell(row, date)).ok_or_else(|| no_date(*line, cell(row, date)))?;
                series.values.push(RawValue {
                    date: day,
                    time,
                    value: number(cell(row, at), *line, name)?.unwrap_or(f64::NAN),
                    flag: None,
                    line: *line,
                });
            }
            content.series.push(series);
        }
        Ok(content)
    }

    fn weather_table(&self, date: usize) -> Result<TableContent, String> {
        let station = self.column(&STATIONS);
        let weather = self.weather_columns();
        let mut content = TableContent::default();
        for (line, row) in &self.rows {
            let (day, _) = when(cell(row, date)).ok_or_else(|| no_date(*line, cell(row, date)))?;
            let name = station.map_or("", |at| cell(row, at)).to_lowercase();
            let day_of = self.weather_of_row(row, *line, &weather)?;
            let days = content.weather.entry(name).or_default();
            if days.insert(day, day_of).is_some() {
                return Err(format!(
                    "this table of weather has two rows for {day} (line {line})"
                ));
            }
        }
        Ok(content)
    }

    fn weather_of_row(
        &self,
        row: &csv::StringRecord,
        line: usize,
        columns: &[(usize, Weather)],
    ) -> Result<WeatherDay, String> {
        let mut day = WeatherDay::default();
        let mut humidity = None;
        for (at, weather) in columns {
            let value = number(cell(row, *at), line, &self.names[*at])?
                .filter(|value| value.is_finite() && *value > -9990.0)
                .map(|value| value as f32);
            match weather {
                Weather::Tmin => day.tmin_c = value,
                Weather::Tmax => day.tmax_c = value,
                Weather::Tmean => day.tmean_c = value,
                Weather::Prcp => day.prcp_mm = value,
                Weather::Srad => day.srad_mj = value,
                Weather::Vp => day.vp_kpa = value,
                Weather::Humidity => humidity = value,
            }
        }
        if day.vp_kpa.is_none()
            && let (Some(humidity), Some(low), Some(high)) = (humidity, day.tmin_c, day.tmax_c)
        {
            day.vp_kpa =
                Some(humidity / 100.0 * (saturation_kpa(low) + saturation_kpa(high)) / 2.0);
        }
        Ok(day)
    }

    /// Stations with their coordinates and whatever numbers stand beside them.
    fn places_table(&self) -> Result<TableContent, String> {
        let place = PlaceColumns::of(self);
        let station = self.column(&STATIONS).or_else(|| self.column(&["name"]));
        let (Some(station), true) = (station, place.is_there()) else {
            return Err(format!(
                "this is no table of stations: it has neither dates with soil moisture (station, lat, lon, date, sm) nor stations with \
                 coordinates (station, lat, lon); it has: {}",
                self.names.join(", ")
            ));
        };
        let mut content = TableContent::default();
        for (line, row) in &self.rows {
            let name = cell(row, station);
            if name.is_empty() {
                return Err(format!("line {line} names no station"));
            }
            let facts = (0..self.names.len())
                .filter(|at| *at != station && !place.holds(*at))
                .filter_map(|at| Some((self.names[at].clone(), cell(row, at).parse().ok()?)))
                .filter(|(_, value): &(String, f64)| value.is_finite())
                .collect();
            let fixed = Fixed {
                place: place.of_row(row, *line)?,
                facts,
            };
            if content.places.insert(name.to_lowercase(), fixed).is_some() {
                return Err(format!("{name} stands in this table twice (line {line})"));
            }
        }
        Ok(content)
    }
}

struct ValueColumn {
    at: usize,
    depth_m: Option<(f64, f64)>,
    /// Columns of other depths.
    others: Vec<String>,
}

/// Where coordinates stand.
struct PlaceColumns {
    degrees: Option<(usize, usize)>,
    map: Option<(usize, usize)>,
}

impl PlaceColumns {
    fn of(table: &Table) -> Self {
        Self {
            degrees: table.column(&LONGITUDES).zip(table.column(&LATITUDES)),
            map: table.column(&EASTINGS).zip(table.column(&NORTHINGS)),
        }
    }

    fn is_there(&self) -> bool {
        self.degrees.is_some() || self.map.is_some()
    }

    fn holds(&self, at: usize) -> bool {
        [self.degrees, self.map]
            .into_iter()
            .flatten()
            .any(|(x, y)| x == at || y == at)
    }

    fn of_row(&self, row: &csv::StringRecord, line: usize) -> Result<Option<StationPlace>, String> {
        let pair = |columns: Option<(usize, usize)>| -> Result<Option<(f64, f64)>, String> {
            let Some((x, y)) = columns else {
                return Ok(None);
            };
            let coordinate = |at: usize| number(cell(row, at), line, "coordinate");
            Ok(coordinate(x)?.zip(coordinate(y)?))
        };
        if let Some((lon, lat)) = pair(self.degrees)? {
            if !(-90.0..=90.0).contains(&lat) || !(-360.0..=360.0).contains(&lon) {
                return Err(format!(
                    "line {line}: latitude {lat}, longitude {lon} is nowhere on Earth; columns of a map's coordinates are called x and y"
                ));
            }
            return Ok(Some(StationPlace::LonLat { lon, lat }));
        }
        Ok(pair(self.map)?.map(|(x, y)| StationPlace::Map { x, y }))
    }
}

/// Saturation vapour pressure (FAO-56), kPa.
fn saturation_kpa(celsius: f32) -> f32 {
    0.6108 * (17.27 * celsius / (celsius + 237.3)).exp()
}

fn key_of(name: &str) -> String {
    let name = name.trim().trim_start_matches('\u{feff}');
    let name = name.split(['(', '[']).next().unwrap_or(name);
    name.trim().to_lowercase()
}

fn cell(row: &csv::StringRecord, at: usize) -> &str {
    row.get(at).unwrap_or_default().trim()
}

/// `None` for an empty cell and the usual words for missing.
fn number(text: &str, line: usize, what: &str) -> Result<Option<f64>, String> {
    if text.is_empty()
        || ["na", "nan", "null", "none", "-", "n/a"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
    {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| format!("line {line}: `{text}` in {what} is no number"))
}

fn no_date(line: usize, text: &str) -> String {
    format!(
        "line {line}: `{text}` is no date; write dates as 2020-03-01, or 2020-03-01T06:00 with a time"
    )
}

/// Day and time, UTC where the text says its zone.
fn when(text: &str) -> Option<(Date, Option<Time>)> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        let utc = moment.to_zoned(TimeZone::UTC).datetime();
        return Some((utc.date(), Some(utc.time())));
    }
    let date = date_in_text(text)?;
    // `2020-03-01 06:00` has no seconds.
    let time = time_in_text(text).or_else(|| {
        let (hour, minute) = text.rsplit(['T', ' ']).next()?.split_once(':')?;
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    });
    Some((date, time))
}

fn stem_of(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// m, of `soil_moisture_5_daily`, `sm_10cm`.
fn depth_in_name(key: &str) -> Option<(f64, f64)> {
    let rest = VALUES_AT_DEPTH
        .iter()
        .find_map(|start| key.strip_prefix(start))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let after = &rest[digits.len()..];
    let is_depth = matches!(after.chars().next(), None | Some('_')) || after.starts_with("cm");
    let cm: f64 = digits.parse().ok().filter(|_| is_depth)?;
    Some((cm / 100.0, cm / 100.0))
}

/// m, of a file called `soil_moisture_vwc_depth030cm`.
fn depth_in_stem(stem: &str) -> Option<(f64, f64)> {
    let stem = stem.to_lowercase();
    let before = stem.rfind("cm")?;
    let digits: String = stem[..before]
        .chars()
        .rev()
        .take_while(char::is_ascii_digit)
        .collect();
    let cm: f64 = digits.chars().rev().collect::<String>().parse().ok()?;
    Some((cm / 100.0, cm / 100.0))
}
