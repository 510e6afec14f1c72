//! Stations: soil moisture measured at places in the ground, one value a day, with the weather and the facts that come with
//! it. What files say and how they are told apart stands in `station_table.rs` and `station_ismn.rs`. Knows no model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use crate::station_days::{RawSeries, Tally, to_days};
use crate::station_grid::{is_grid, read_grid_blocking};
use crate::station_ismn::read_ismn_blocking;
use crate::station_table::{TableContent, read_table_blocking};
use crate::{SceneError, SceneResult, WeatherTable, WeatherVariable};

/// The highest soil moisture that is believed, m³/m³ (specification of tasks, section 4.2).
pub const MOST_SOIL_MOISTURE: f64 = 0.60;
/// Endings of files of stations, for dialogs.
pub const STATION_ENDINGS: [&str; 13] = [
    "csv", "txt", "tsv", "stm", "nc", "nc4", "cdf", "tif", "tiff", "grib", "grib2", "grb", "vrt",
];
/// A table larger than this is something else.
const LARGEST_BYTES: u64 = 512 << 20;
/// Files of a folder that are looked at.
const MOST_FILES: usize = 20_000;
/// Column of a table of places: side of the square whose mean a value is, km.
const CELL_COLUMN: &str = "cell_km";
/// Folders inside folders.
const DEEPEST: usize = 8;

/// Where a station stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StationPlace {
    /// Degrees, WGS 84.
    LonLat { lon: f64, lat: f64 },
    /// In the reference system of the images; the table does not say which.
    Map { x: f64, y: f64 },
}

/// Values of one place and depth.
#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    pub name: String,
    pub place: Option<StationPlace>,
    /// From and to, m below the ground, where the file says it.
    pub depth_m: Option<(f64, f64)>,
    /// m³/m³.
    pub days: BTreeMap<Date, f64>,
    /// Numbers of the place that do not change, by the names of their columns: elevation, wetness.
    pub facts: Vec<(String, f64)>,
    /// Width and height of the ground around the place whose mean its values are, m; `None` for a point.
    pub cell_m: Option<(f64, f64)>,
    pub weather: Option<Arc<StationWeather>>,
}

/// One day of weather at a station.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WeatherDay {
    /// °C.
    pub tmin_c: Option<f32>,
    pub tmax_c: Option<f32>,
    pub tmean_c: Option<f32>,
    pub prcp_mm: Option<f32>,
    /// MJ/m² of the whole day.
    pub srad_mj: Option<f32>,
    /// kPa.
    pub vp_kpa: Option<f32>,
}

impl WeatherDay {
    /// As measured, or halfway between the lowest and the highest.
    pub fn mean_temperature_c(&self) -> Option<f32> {
        self.tmean_c
            .or_else(|| Some((self.tmin_c? + self.tmax_c?) / 2.0))
    }
}

/// Daily weather without gaps in its dates; values may be missing.
#[derive(Clone, Debug, PartialEq)]
pub struct StationWeather {
    /// The file or product it comes from.
    pub source: String,
    pub first: Date,
    pub days: Vec<WeatherDay>,
}

impl StationWeather {
    /// From days in any order; days between that are not there are empty.
    pub fn of_days(source: &str, days: &BTreeMap<Date, WeatherDay>) -> Option<Self> {
        let (first, last) = (*days.keys().next()?, *days.keys().next_back()?);
        let all = first.series(jiff::Span::new().days(1));
        Some(Self {
            source: source.to_owned(),
            first,
            days: all
                .take_while(|day| *day <= last)
                .map(|day| days.get(&day).copied().unwrap_or_default())
                .collect(),
        })
    }

    /// The days of a weather table.
    pub fn of_table(table: &WeatherTable, source: &str) -> Self {
        let days = (0..table.days())
            .map(|row| {
                let date = table.day(row);
                let value = |variable| table.value(variable, date);
                WeatherDay {
                    tmin_c: value(WeatherVariable::Tmin),
                    tmax_c: value(WeatherVariable::Tmax),
                    tmean_c: value(WeatherVariable::Tmean),
                    prcp_mm: value(WeatherVariable::Prcp),
                    srad_mj: value(WeatherVariable::Srad),
                    vp_kpa: value(WeatherVariable::Vp),
                }
            })
            .collect();
        Self {
            source: source.to_owned(),
            first: table.first,
            days,
        }
    }

    /// Place of a day among `days`.
    pub fn index_of(&self, date: Date) -> Option<usize> {
        let index = usize::try_from(days_between(self.first, date)).ok()?;
        (index < self.days.len()).then_some(index)
    }

    pub fn last(&self) -> Date {
        let after = self.days.len().saturating_sub(1) as i64;
        self.first
            .checked_add(jiff::Span::new().days(after))
            .unwrap_or(self.first)
    }
}

/// Days from one to the other; negative where the other is earlier.
pub(crate) fn days_between(from: Date, to: Date) -> i64 {
    (crate::day_number(to) - crate::day_number(from)).round() as i64
}

/// How station files are to be read: what the user confirms or wants otherwise than by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StationReading {
    /// Values are percent; they are divided by 100. Never guessed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_percent: bool,
    /// Shallowest and deepest end that is taken, m.
    pub depth_m: (f64, f64),
    /// Quality flags that are accepted; a value with any other is left out.
    pub flags: Vec<String>,
    /// Takes the value nearest to this time of the day (UTC), 3 hours off at most, instead of the mean of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_of_day: Option<Time>,
    /// Column of a table that holds the soil moisture, where its name does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

impl Default for StationReading {
    fn default() -> Self {
        Self {
            is_percent: false,
            depth_m: (0.0, 0.10),
            flags: vec!["G".to_owned()],
            time_of_day: None,
            column: None,
        }
    }
}

/// Everything station files hold together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StationTables {
    /// In the order of their names, each with at least one value.
    pub stations: Vec<Station>,
    /// What was left out, and what is to be known, a sentence each.
    pub notes: Vec<String>,
}

impl StationTables {
    /// Reads tables of values, of places and of weather, ISMN files (`.stm`), folders of these, and coarse grids (NetCDF, GRIB,
    /// GeoTIFF), each cell of which is a station; files are told apart by what they hold.
    ///
    /// # Errors
    /// A file that cannot be read or understood, percent that were not confirmed, two values of one day, no value left.
    pub fn open_blocking(files: &[PathBuf], reading: &StationReading) -> SceneResult<Self> {
        let Some(named) = files.first() else {
            return Err(SceneError::input(
                "no station was named; name a table of values (station, lat, lon, date, sm) or ISMN files (.stm)",
            ));
        };
        let mut gathered = Gathered::default();
        for file in files {
            for path in expanded(file)? {
                gathered.add_blocking(&path, reading, path == *file)?;
            }
        }
        gathered.into_tables(named, reading)
    }

    /// First and last day with a value.
    pub fn period(&self) -> Option<(Date, Date)> {
        let days = || self.stations.iter().flat_map(|station| station.days.keys());
        Some((*days().min()?, *days().max()?))
    }

    pub fn values(&self) -> usize {
        self.stations.iter().map(|station| station.days.len()).sum()
    }

    /// Depth of all stations, where it is one.
    pub fn depth_m(&self) -> Option<(f64, f64)> {
        let first = self.stations.first()?.depth_m?;
        self.stations
            .iter()
            .all(|station| station.depth_m == Some(first))
            .then_some(first)
    }
}

/// The files a name stands for.
fn expanded(path: &Path) -> SceneResult<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    collect_blocking(path, 0, &mut found)?;
    found.sort();
    if found.is_empty() {
        return Err(SceneError::file(
            path,
            "there is no .stm and no .csv file in this folder; name the folder of an ISMN download, or the tables",
        ));
    }
    Ok(found)
}

fn collect_blocking(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> SceneResult<()> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        SceneError::file(folder, "the folder cannot be read").with_details(error)
    })?;
    for entry in entries.flatten() {
        let path = entry.path();
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        if path.is_dir() && depth < DEEPEST {
            collect_blocking(&path, depth + 1, found)?;
        } else if matches!(ending.as_deref(), Some("stm" | "csv"))
            && !is_static_table(&path)
            && found.len() < MOST_FILES
        {
            found.push(path);
        }
    }
    Ok(())
}

/// ISMN's tables of soil and climate lie beside its series and are not read.
fn is_static_table(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().ends_with("_static_variables.csv"))
}

/// The text of a file, whatever its encoding made of umlauts.
pub(crate) fn text_blocking(path: &Path) -> SceneResult<String> {
    let size = std::fs::metadata(path)
        .map_err(|error| {
            SceneError::file(path, "the station file cannot be opened; check the path")
                .with_details(error)
        })?
        .len();
    if size > LARGEST_BYTES {
        return Err(SceneError::file(
            path,
            "this file is too large for a table of stations (512 MB at most); split it by station or year",
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| {
        SceneError::file(path, "the station file cannot be read").with_details(error)
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// One series made daily.
struct DailySeries {
    series: RawSeries,
    days: BTreeMap<Date, f64>,
}

#[derive(Default)]
struct Gathered {
    series: Vec<DailySeries>,
    places: BTreeMap<String, Fixed>,
    /// By station, and of all stations under the empty name.
    weather: BTreeMap<String, BTreeMap<Date, WeatherDay>>,
    weather_sources: BTreeMap<String, String>,
    tally: Tally,
    notes: Vec<String>,
}

/// What a table of places says of a station.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fixed {
    pub place: Option<StationPlace>,
    pub facts: Vec<(String, f64)>,
}

impl Gathered {
    fn add_blocking(
        &mut self,
        path: &Path,
        reading: &StationReading,
        is_named: bool,
    ) -> SceneResult<()> {
        let is_ismn = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("stm"));
        let (series, is_percent) = if is_ismn {
            // Other quantities of a download are passed over, unless one was named itself.
            match read_ismn_blocking(path, is_named)? {
                Some(series) => (vec![series], false),
                None => return Ok(()),
            }
        } else if is_grid(path) {
            (read_grid_blocking(path, reading)?, reading.is_percent)
        } else {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let content = match read_table_blocking(path, reading) {
                Ok(content) => content,
                Err(error) if is_named => return Err(error),
                Err(error) => {
                    self.notes.push(format!("left out: {error}"));
                    return Ok(());
                }
            };
            let TableContent {
                series,
                places,
                weather,
                notes,
            } = content;
            self.places.extend(places);
            for (station, days) in weather {
                self.weather_sources.insert(station.clone(), name.clone());
                self.weather.entry(station).or_default().extend(days);
            }
            self.notes.extend(notes);
            (series, reading.is_percent)
        };
        let mut reading = reading.clone();
        // ISMN is always in m³/m³.
        reading.is_percent = is_percent;
        for mut series in series {
            let days = to_days(&mut series, &reading, path, !is_ismn, &mut self.tally)?;
            self.series.push(DailySeries { series, days });
        }
        Ok(())
    }

    fn into_tables(mut self, named: &Path, reading: &StationReading) -> SceneResult<StationTables> {
        if self.series.is_empty() {
            return Err(SceneError::file(
                named,
                "there are no soil-moisture values in these files, only places or weather; add the table that holds them",
            ));
        }
        if self.series.iter().all(|series| series.days.is_empty()) {
            return Err(SceneError::file(named, self.tally.nothing_left(reading)));
        }
        let shared = StationWeather::of_days(
            self.weather_sources.get("").map_or("", String::as_str),
            self.weather.get("").unwrap_or(&BTreeMap::new()),
        )
        .map(Arc::new);
        let mut by_name: BTreeMap<String, Vec<DailySeries>> = BTreeMap::new();
        let mut empty: Vec<String> = Vec::new();
        for series in self.series {
            if series.days.is_empty() {
                empty.push(series.series.station.clone());
            } else {
                by_name
                    .entry(series.series.station.clone())
                    .or_default()
                    .push(series);
            }
        }
        empty.retain(|name| !by_name.contains_key(name));
        empty.sort();
        empty.dedup();
        if !empty.is_empty() {
            self.notes.push(format!(
                "left out, no value of theirs passes the filter: {}",
                crate::archive::listed(&empty)
            ));
        }
        self.notes.extend(self.tally.sentences(reading));
        let mut stations = Vec::with_capacity(by_name.len());
        for (name, series) in by_name {
            let (mut station, note) = joined(name, series);
            self.notes.extend(note);
            let key = station.name.to_lowercase();
            if let Some(fixed) = self.places.get(&key) {
                station.place = station.place.or(fixed.place);
                station.facts.extend(fixed.facts.iter().cloned());
            }
            take_cell(&mut station);
            station.weather = self
                .weather
                .get(&key)
                .and_then(|days| {
                    let source = self.weather_sources.get(&key).map_or("", String::as_str);
                    StationWeather::of_days(source, days)
                })
                .map(Arc::new)
                .or_else(|| shared.clone());
            stations.push(station);
        }
        Ok(StationTables {
            stations,
            notes: self.notes,
        })
    }
}

/// A column `cell_km` says that the values are means over ground of that side.
fn take_cell(station: &mut Station) {
    let found = station
        .facts
        .iter()
        .position(|(name, _)| name == CELL_COLUMN);
    if let Some(at) = found {
        let (_, side_km) = station.facts.remove(at);
        if side_km > 0.0 {
            station.cell_m = Some((side_km * 1000.0, side_km * 1000.0));
        }
    }
}

/// One station from its series: of several depths the shallowest, of several sensors in it the mean of each day.
fn joined(name: String, mut series: Vec<DailySeries>) -> (Station, Option<String>) {
    let depth_of = |series: &DailySeries| series.series.depth_m.unwrap_or((0.0, 0.0));
    series.sort_by(|a, b| {
        let (a, b) = (depth_of(a), depth_of(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let shallowest = series.first().map(depth_of).unwrap_or_default();
    let all = series.len();
    series.retain(|series| depth_of(series) == shallowest);
    let mut sums: BTreeMap<Date, (f64, f64)> = BTreeMap::new();
    for (date, value) in series.iter().flat_map(|series| &series.days) {
        let sum = sums.entry(*date).or_default();
        *sum = (sum.0 + value, sum.1 + 1.0);
    }
    let has_twice = sums.values().any(|(_, count)| *count > 1.0);
    let note = match (all > series.len(), has_twice) {
        (true, false) => Some(format!(
            "{name}: of several depths the shallowest is used ({} to {} m)",
            shallowest.0, shallowest.1
        )),
        (false, true) => Some(format!(
            "{name}: {} sensors of one depth are averaged",
            series.len()
        )),
        (true, true) => Some(format!(
            "{name}: of several depths the shallowest is used ({} to {} m), its {} sensors averaged",
            shallowest.0,
            shallowest.1,
            series.len()
        )),
        (false, false) => None,
    };
    let first = series.first().map(|series| &series.series);
    let station = Station {
        name,
        place: series.iter().find_map(|series| series.series.place),
        depth_m: first.and_then(|series| series.depth_m),
        facts: first.map(|series| series.facts.clone()).unwrap_or_default(),
        cell_m: first.and_then(|series| series.cell_m),
        days: sums
            .into_iter()
            .map(|(date, (sum, count))| (date, sum / count))
            .collect(),
        weather: None,
    };
    (station, note)
}

#[cfg(test)]
#[path = "station_tests.rs"]
mod tests;
