//! Opens weather files: tables of text, rasters, and the place chosen of those with several. Knows files; what is in them is
//! understood in `weather_text.rs`, `weather_raster.rs` and `weather_days.rs`.

use std::path::{Path, PathBuf};

use crate::weather_days::daily_table;
use crate::weather_raster::raster_table;
use crate::weather_text::{RawTable, raw_tables};
use crate::{SceneError, SceneResult, WeatherReading, WeatherTable};

/// A larger table is something else: a century of hours of ten columns is half of it.
const LARGEST_TABLE_BYTES: u64 = 256 << 20;
/// Endings of the names of weather files: tables, then rasters.
pub const WEATHER_ENDINGS: [&str; 13] = [
    "csv", "txt", "nc", "nc4", "tif", "tiff", "vrt", "h5", "hdf5", "grib", "grib2", "grb", "grb2",
];
/// How many of them are tables'.
const TABLES: usize = 2;
/// Places named in a message.
const LISTED_PLACES: usize = 4;

impl WeatherTable {
    /// Reads a weather file of any known kind as days: own tables, Daymet, Open-Meteo, NASA POWER, ERA5-Land, Earth Engine,
    /// AgERA5 and E-OBS columns; weather rasters (NetCDF, GRIB, stacks) at the place of `reading`, a folder of them as one.
    ///
    /// A unit that looks wrong does not stop the reading; it stands in `doubts` until `reading` confirms it.
    ///
    /// # Errors
    /// What is no weather table, no date in a line, two rows for a day, several places and none chosen.
    pub fn open_blocking(path: &Path, reading: &WeatherReading) -> SceneResult<Self> {
        let about = std::fs::metadata(path);
        let is_container_part = about.is_err() && path.to_string_lossy().contains(':');
        if is_container_part || is_raster(path) {
            return daily_table(&raster_table(&[path.to_owned()], reading)?, reading, path);
        }
        let about = about.map_err(|error| {
            SceneError::file(path, "the weather file cannot be opened; check the path")
                .with_details(error)
        })?;
        if about.is_dir() {
            let files = rasters_in(path)?;
            return daily_table(&raster_table(&files, reading)?, reading, path);
        }
        if about.len() > LARGEST_TABLE_BYTES {
            return Err(SceneError::file(
                path,
                "the file is too large for a weather table (more than 256 MB); cut it to the years needed",
            ));
        }
        let bytes = std::fs::read(path).map_err(|error| {
            SceneError::file(path, "the weather file cannot be read").with_details(error)
        })?;
        if bytes.iter().take(4096).any(|byte| *byte == 0) {
            return Err(SceneError::file(
                path,
                "this is no weather table: it holds no text; choose a CSV file, NetCDF or GeoTIFF",
            ));
        }
        let mut places: Vec<(String, WeatherTable)> = Vec::new();
        let mut raws = raw_tables(path, &bytes, reading)?;
        // What is given by days goes before what is made of hours.
        raws.sort_by_key(RawTable::is_by_hours);
        for raw in raws {
            if raw.stamps.is_empty() {
                continue;
            }
            let table = daily_table(&raw, reading, path)?;
            match places
                .iter_mut()
                .find(|(station, known)| *station == raw.station && known.place == table.place)
            {
                Some((_, known)) => known.complete_with(&table),
                None => places.push((raw.station.clone(), table)),
            }
        }
        chosen_place(path, places, reading)
    }

    /// Adds the variables and days that only another table of the same place has.
    fn complete_with(&mut self, other: &WeatherTable) {
        let first = self.first.min(other.first);
        let last = self.last().max(other.last());
        let days = usize::try_from(crate::weather::days_between(first, last) + 1).unwrap_or(0);
        let day = |row: usize| crate::weather::later(first, row as i64);
        let variables: std::collections::BTreeSet<_> =
            self.variables().chain(other.variables()).collect();
        let columns = variables
            .into_iter()
            .map(|variable| {
                let source = if self.has(variable) { &*self } else { other };
                let column = (0..days)
                    .map(|row| source.value(variable, day(row)))
                    .collect();
                (variable, column)
            })
            .collect();
        let notes: Vec<String> = other
            .notes
            .iter()
            .filter(|note| !self.notes.contains(note))
            .cloned()
            .collect();
        let doubts: Vec<_> = other
            .doubts
            .iter()
            .filter(|doubt| !self.has(doubt.variable))
            .cloned()
            .collect();
        self.columns = columns;
        self.first = first;
        self.days = days;
        self.notes.extend(notes);
        self.doubts.extend(doubts);
    }
}

/// Whether a file is read as a raster, by its name.
fn is_raster(path: &Path) -> bool {
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| WEATHER_ENDINGS[TABLES..].contains(&ending.as_str()))
}

/// The rasters of a folder in the order of their names.
fn rasters_in(folder: &Path) -> SceneResult<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        SceneError::file(folder, "the folder cannot be read").with_details(error)
    })?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_raster(path))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(SceneError::file(
            folder,
            "there is no weather raster (.nc, .grib, .tif) in this folder; name a table (.csv) itself",
        ));
    }
    Ok(files)
}

/// The table of the place asked for.
fn chosen_place(
    path: &Path,
    mut places: Vec<(String, WeatherTable)>,
    reading: &WeatherReading,
) -> SceneResult<WeatherTable> {
    if places.len() < 2 {
        return places.pop().map(|(_, table)| table).ok_or_else(|| {
            SceneError::file(path, "the weather table has no rows; choose another file")
        });
    }
    let count = places.len();
    let Some(wanted) = reading.place else {
        let names: Vec<String> = places
            .iter()
            .take(LISTED_PLACES)
            .map(|(station, table)| match table.place {
                Some((lat, lon)) => format!("{station} {lat}, {lon}").trim().to_owned(),
                None => station.clone(),
            })
            .collect();
        return Err(SceneError::file(
            path,
            format!(
                "the table holds the weather of {count} places ({}{}); say for which place (--at LON,LAT)",
                names.join("; "),
                if count > LISTED_PLACES { "; …" } else { "" }
            ),
        ));
    };
    let mut near: Vec<(f64, WeatherTable)> = places
        .into_iter()
        .filter_map(|(_, table)| Some((distance_km(table.place?, wanted), table)))
        .collect();
    near.sort_by(|a, b| a.0.total_cmp(&b.0));
    if near.is_empty() {
        return Err(SceneError::file(
            path,
            "the table holds several places without latitude and longitude; keep the rows of one place",
        ));
    }
    if reading.is_weighted {
        return weighted(near);
    }
    let (distance, mut table) = near.swap_remove(0);
    table.notes.push(format!(
        "the nearest of {count} places, {distance:.1} km away"
    ));
    Ok(table)
}

/// The mean of tables weighted by the inverse squared distance of their places; a place within 100 m stands for itself.
fn weighted(near: Vec<(f64, WeatherTable)>) -> SceneResult<WeatherTable> {
    let count = near.len();
    let first = near.iter().map(|(_, table)| table.first).min();
    let last = near.iter().map(|(_, table)| table.last()).max();
    let (Some(first), Some(last), Some((_, nearest))) = (first, last, near.first()) else {
        return Err(SceneError::input("no place has weather"));
    };
    let days = usize::try_from(crate::weather::days_between(first, last) + 1).unwrap_or(0);
    let columns: Vec<_> = nearest
        .variables()
        .map(|variable| {
            let column = (0..days).map(|row| {
                let day = crate::weather::later(first, row as i64);
                let (mut sum, mut weights) = (0.0, 0.0);
                for (distance, table) in &near {
                    if let Some(value) = table.value(variable, day) {
                        let weight = distance.max(0.1).powi(-2);
                        sum += weight * f64::from(value);
                        weights += weight;
                    }
                }
                (weights > 0.0).then(|| (sum / weights) as f32)
            });
            (variable, column.collect())
        })
        .collect();
    let mut table = WeatherTable::new(nearest.source.clone(), first, columns)?;
    table.path.clone_from(&nearest.path);
    table.reading = nearest.reading.clone();
    table.place = nearest.reading.place;
    table.notes.clone_from(&nearest.notes);
    table.notes.push(format!(
        "{count} places weighted by their inverse squared distance"
    ));
    for (_, other) in near {
        for doubt in other.doubts {
            if !table.doubts.iter().any(|known| known.key == doubt.key) {
                table.doubts.push(doubt);
            }
        }
    }
    Ok(table)
}

/// Along the great circle, between (latitude, longitude) pairs in degrees.
pub(crate) fn distance_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let half_lat = ((lat_b - lat_a) / 2.0).sin();
    let half_lon = ((b.1 - a.1).to_radians() / 2.0).sin();
    let chord = half_lat * half_lat + lat_a.cos() * lat_b.cos() * half_lon * half_lon;
    2.0 * 6371.0 * chord.sqrt().clamp(0.0, 1.0).asin()
}

#[cfg(test)]
#[path = "weather_file_tests.rs"]
mod tests;
