//! Weather out of rasters: NetCDF and GRIB files of one or several variables and stacks whose bands are named after days, read at the
//! cell under a place (tasks.md 3.2). Knows rasters; days and units are made in `weather_days.rs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::containers::contained_blocking;
use crate::date_tables::band_dates_blocking;
use crate::weather_columns::{Layout, Measured, layout_of, measured, plain_name};
use crate::weather_text::{RawColumn, RawTable};
use crate::weather_times::{Stamp, stamp_of};
use crate::{BandInfo, Crs, Grid, Raster, Reprojection, SceneError, SceneResult, WeatherReading};

/// Cells around the place that are looked at where its own holds nothing, as over the sea.
const NEAR_CELLS: [(i64, i64); 9] = [
    (0, 0),
    (0, -1),
    (-1, 0),
    (1, 0),
    (0, 1),
    (-1, -1),
    (1, -1),
    (-1, 1),
    (1, 1),
];

/// Elements of GRIB files by the names NetCDF files of the same data have: those of ECMWF, and of others at a height of two metres.
const GRIB_ELEMENTS: [(&str, &str); 12] = [
    ("2T", "t2m"),
    ("TMP", "t2m"),
    ("2D", "d2m"),
    ("DPT", "d2m"),
    ("MN2T", "mn2t"),
    ("TMIN", "mn2t"),
    ("MX2T", "mx2t"),
    ("TMAX", "mx2t"),
    ("TP", "tp"),
    ("APCP", "tp"),
    ("SSRD", "ssrd"),
    ("DSWRF", "ssrd"),
];

/// What one band is.
pub(crate) struct Step {
    pub band: usize,
    /// Plain.
    pub name: String,
    pub stamp: Stamp,
}

/// One column while it is collected from the bands of one or several files.
#[derive(Default)]
struct Collected {
    name: String,
    unit: Option<String>,
    values: BTreeMap<Stamp, f64>,
}

/// The weather of files of rasters, together one table: a file per variable and year is usual.
///
/// # Errors
/// No band of a known variable with a date, a place outside, several cells and no place.
pub(crate) fn raster_table(paths: &[PathBuf], reading: &WeatherReading) -> SceneResult<RawTable> {
    let mut found: BTreeMap<Measured, Collected> = BTreeMap::new();
    let mut names: Vec<String> = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    let mut place = None;
    let mut says_daymet = false;
    for path in paths {
        let inside = contained_blocking(path)?;
        let parts: Vec<PathBuf> = match inside {
            Some(inside) => inside
                .into_iter()
                .filter(|one| one.opens() && one.bands > 0)
                .map(|one| one.path)
                .collect(),
            None => vec![path.clone()],
        };
        for part in parts {
            let raster = Raster::open(&part)?;
            let info = raster.info();
            says_daymet |= info.metadata.iter().any(|(key, value)| {
                let is_about = ["title", "source", "references", "institution"]
                    .iter()
                    .any(|word| key.to_lowercase().contains(word));
                is_about && value.to_lowercase().contains("daymet")
            }) || plain_name(&file_stem(path)).contains("daymet");
            let steps = steps_of(&part, &raster, &mut notes);
            let known: Vec<&Step> = steps
                .iter()
                .filter(|step| kind_of(&step.name, reading).is_some())
                .collect();
            if known.is_empty() {
                continue;
            }
            let (cell, at, note) = cell_under(&raster, &known, reading)?;
            place = place.or(at);
            notes.extend(note.filter(|note| !notes.contains(note)));
            let bands: Vec<BandInfo> = known
                .iter()
                .filter_map(|step| info.bands.get(step.band).cloned())
                .collect();
            let values = raster.profile_blocking(&bands, cell, 1)?;
            for (step, value) in known.iter().zip(values) {
                let (Some(kind), Some(band)) =
                    (kind_of(&step.name, reading), info.bands.get(step.band))
                else {
                    continue;
                };
                if !names.contains(&step.name) {
                    names.push(step.name.clone());
                }
                let column = found.entry(kind).or_default();
                if column.name.is_empty() {
                    column.name.clone_from(&step.name);
                    column.unit = unit_of(band);
                }
                if let Some(value) = value.value {
                    column.values.insert(step.stamp, band.scaled(value));
                }
            }
        }
    }
    let stamps: std::collections::BTreeSet<Stamp> = found
        .values()
        .flat_map(|column| column.values.keys().copied())
        .collect();
    let first = paths.first().cloned().unwrap_or_default();
    if stamps.is_empty() {
        return Err(SceneError::file(
            first,
            "no band of the raster is a day of a known weather variable; name bands like \"tmax 2021-06-03\", or give days in \
             <name>.dates.csv with the columns band, date and name",
        ));
    }
    let layout = if says_daymet {
        Layout::Daymet
    } else {
        layout_of(&names)
    };
    let columns = found
        .into_iter()
        .map(|(measured, column)| RawColumn {
            measured,
            name: column.name,
            unit: column.unit,
            values: stamps
                .iter()
                .map(|stamp| column.values.get(stamp).copied())
                .collect(),
        })
        .collect();
    Ok(RawTable {
        layout,
        stamps: stamps.into_iter().collect(),
        columns,
        place,
        elevation_m: None,
        station: String::new(),
        notes,
    })
}

fn file_stem(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// What a (plain) name measures, by what the person said or by itself.
fn kind_of(name: &str, reading: &WeatherReading) -> Option<Measured> {
    let said = reading
        .columns
        .iter()
        .find(|(_, column)| plain_name(column) == name)
        .and_then(|(key, _)| Measured::of_key(key));
    // The layout matters for letters of E-OBS only, whose rasters are named by them.
    said.or_else(|| measured(Layout::EObs, name).map(|(measured, _)| measured))
}

/// Variable and time of every band that has both.
pub(crate) fn steps_of(path: &Path, raster: &Raster, notes: &mut Vec<String>) -> Vec<Step> {
    let info = raster.info();
    let stem = file_stem(path);
    let of_file = without_date(&plain_name(&stem)).0;
    let dated = band_dates_blocking(path);
    let mut steps: Vec<Step> = Vec::new();
    let mut numbered: Vec<(usize, String, usize)> = Vec::new();
    for (index, band) in info.bands.iter().enumerate() {
        let (name, stamp) = match (grib_step(band), band.metadata_item("NETCDF_VARNAME")) {
            (Some(step), _) => step,
            (None, Some(variable)) => {
                let time = band
                    .name
                    .strip_prefix(variable)
                    .unwrap_or(&band.name)
                    .trim();
                let time = time.split(" level").next().unwrap_or(time);
                (plain_name(variable), first_stamp(time))
            }
            (None, None) => {
                let (name, stamp) = without_date(&plain_name(&band.name));
                // Times of day lose their form in plain names.
                (name, first_stamp(&band.name).or(stamp))
            }
        };
        let side = dated.iter().find(|line| line.band == index);
        let stamp = stamp.or_else(|| {
            Some(Stamp {
                date: side?.date,
                minute: None,
            })
        });
        let name = side
            .and_then(|line| line.name.as_deref().map(plain_name))
            .unwrap_or(name);
        let is_plain = name.is_empty() || name.starts_with("band");
        let name = if is_plain { of_file.clone() } else { name };
        match stamp {
            Some(stamp) => steps.push(Step {
                band: index,
                name,
                stamp,
            }),
            None => {
                let (base, number) = match name.rsplit_once('_') {
                    Some((base, digits)) if measured(Layout::Own, &name).is_none() => {
                        (base.to_owned(), digits.parse().ok())
                    }
                    _ => (name.clone(), Some(0)),
                };
                numbered.extend(number.map(|number: usize| (index, base, number)));
            }
        }
    }
    if steps.is_empty() {
        steps = even_steps(&stem, numbered, notes);
    }
    steps
}

/// Variable and valid time of a band of a GRIB file; a name that means nothing for what is no weather at the ground.
fn grib_step(band: &BandInfo) -> Option<(String, Option<Stamp>)> {
    let element = band.metadata_item("GRIB_ELEMENT")?;
    let known = GRIB_ELEMENTS
        .iter()
        .find(|(own, _)| own.eq_ignore_ascii_case(element));
    // Temperatures of other heights have the same element.
    let is_aloft = matches!(element, "TMP" | "DPT")
        && band
            .metadata_item("GRIB_SHORT_NAME")
            .is_none_or(|level| level != "2-HTGL");
    let name = known.filter(|_| !is_aloft).map_or_else(
        || plain_name(&format!("grib {element}")),
        |(_, name)| (*name).to_owned(),
    );
    // `1622678400`, in older versions with ` sec UTC` behind it.
    let seconds = band.metadata_item("GRIB_VALID_TIME")?.split(' ').next()?;
    Some((name, stamp_of(seconds, 0)))
}

/// As the file says it; GRIB writes `[kg/(m^2)]` beside the band.
fn unit_of(band: &BandInfo) -> Option<String> {
    let unit = match band.unit.trim() {
        "" => band.metadata_item("GRIB_UNIT")?,
        unit => unit,
    };
    let unit: String = unit
        .chars()
        .filter(|letter| !"[](){}^".contains(*letter))
        .collect();
    Some(unit).filter(|unit| !unit.trim().is_empty())
}

/// Bands `name`, `name_1`, `name_2` of a file that is named after its first and last day.
fn even_steps(
    stem: &str,
    numbered: Vec<(usize, String, usize)>,
    notes: &mut Vec<String>,
) -> Vec<Step> {
    let days = dates_in(stem);
    let known: Vec<_> = numbered
        .into_iter()
        .filter(|(_, name, _)| measured(Layout::Own, name).is_some())
        .collect();
    let count = known
        .iter()
        .map(|(.., number)| number + 1)
        .max()
        .unwrap_or(0);
    let [first, last] = days.as_slice() else {
        return Vec::new();
    };
    let step = crate::weather::days_between(*first, *last) / (count.max(1) as i64);
    if step < 1 {
        return Vec::new();
    }
    if step > 1 {
        notes.push(format!(
            "the file has a value every {step} days from {first} on, not one a day"
        ));
    }
    known
        .into_iter()
        .map(|(band, name, number)| Step {
            band,
            name,
            stamp: Stamp {
                date: crate::weather::later(*first, step * number as i64),
                minute: None,
            },
        })
        .collect()
}

/// All days written `2021-06-03` in a text.
fn dates_in(text: &str) -> Vec<Date> {
    (0..text.len())
        .filter_map(|at| {
            let is_apart = at == 0
                || text
                    .as_bytes()
                    .get(at - 1)
                    .is_none_or(|before| !before.is_ascii_digit());
            let date = text.get(at..at + 10).filter(|_| is_apart)?;
            date.parse::<Date>().ok().filter(|_| date.contains('-'))
        })
        .collect()
}

/// The first time in a text, with what stands before and after it ignored.
fn first_stamp(text: &str) -> Option<Stamp> {
    let words = text.split([' ', '_', ',', ';', '(', ')', '[', ']', '/']);
    let mut words = words.filter(|word| !word.is_empty());
    words.find_map(|word| {
        let looks_like =
            word.len() >= 8 && word.starts_with(|letter: char| letter.is_ascii_digit());
        if !looks_like {
            return None;
        }
        let stamp = stamp_of(word, 0)?;
        // Plain numbers are no days.
        let is_day = word.contains('-') || word.contains('.') || word.len() == 8;
        is_day.then_some(stamp)
    })
}

/// A plain name without the day at its beginning or end, and the day: `20210603_tmax`, `tmax_2021_06_03`.
fn without_date(plain: &str) -> (String, Option<Stamp>) {
    let words: Vec<&str> = plain.split('_').collect();
    let count = words.len();
    for length in [1usize, 3] {
        if count < length {
            continue;
        }
        for start in [0, count - length] {
            let Some(part) = words.get(start..start + length) else {
                continue;
            };
            let joined = part.concat();
            let is_day = joined.len() >= 8
                && joined.bytes().take(8).all(|byte| byte.is_ascii_digit())
                && (joined.len() == 8 || joined.as_bytes().get(8) == Some(&b't'));
            let stamp = joined
                .get(..8)
                .filter(|_| is_day)
                .and_then(|day| stamp_of(day, 0));
            if let Some(stamp) = stamp {
                let rest: Vec<&str> = words
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| !(start..start + length).contains(at))
                    .map(|(_, word)| *word)
                    .collect();
                return (rest.join("_"), Some(stamp));
            }
        }
    }
    (plain.to_owned(), None)
}

/// The system of a grid and the way to it from degrees. NetCDF files often say longitudes and latitudes only by the names of
/// their axes, so that a grid without a system counts as degrees.
pub(crate) fn from_degrees(grid: &Grid) -> SceneResult<(Crs, Reprojection)> {
    let wgs84 = Crs::wgs84()?;
    let crs = grid
        .georef
        .ground_crs()
        .cloned()
        .unwrap_or_else(|| wgs84.clone());
    let to_map = Reprojection::new(&wgs84, &crs)?;
    Ok((crs, to_map))
}

type Cell = ((usize, usize), Option<(f64, f64)>, Option<String>);

/// The cell at the place, or the nearest around it that holds a value; its (latitude, longitude), and what is to be said.
fn cell_under(raster: &Raster, steps: &[&Step], reading: &WeatherReading) -> SceneResult<Cell> {
    let info = raster.info();
    let grid = &info.grid;
    let (crs, to_map) = from_degrees(grid)?;
    let centre_of = |cell: (usize, usize)| {
        let (x, y) = grid.ground_from_pixel(cell.0 as f64 + 0.5, cell.1 as f64 + 0.5)?;
        let (longitude, latitude) = to_map.inverse_point(x, y)?;
        Some((latitude, longitude))
    };
    if grid.width == 1 && grid.height == 1 {
        return Ok(((0, 0), reading.place.or_else(|| centre_of((0, 0))), None));
    }
    let Some((latitude, longitude)) = reading.place else {
        return Err(SceneError::file(
            &info.path,
            format!(
                "the weather raster has {} x {} cells; say for which place (--at LON,LAT)",
                grid.width, grid.height
            ),
        ));
    };
    let outside = || {
        SceneError::file(
            &info.path,
            format!(
                "the place {latitude}, {longitude} lies outside the weather raster; choose another file or place"
            ),
        )
    };
    let (x, y) = to_map.point(longitude, latitude).ok_or_else(outside)?;
    let turned = [0.0, 360.0, -360.0]
        .into_iter()
        .filter(|turn| *turn == 0.0 || crs.is_geographic)
        .filter_map(|turn| grid.pixel_from_ground(x + turn, y))
        .find(|(col, row)| grid.holds(*col, *row));
    let (col, row) = turned.ok_or_else(outside)?;
    let (col, row) = (col.floor() as i64, row.floor() as i64);
    let band: Vec<BandInfo> = steps
        .first()
        .and_then(|step| info.bands.get(step.band).cloned())
        .into_iter()
        .collect();
    for (right, down) in NEAR_CELLS {
        let cell = (usize::try_from(col + right), usize::try_from(row + down));
        let (Ok(col), Ok(row)) = cell else { continue };
        if col >= grid.width || row >= grid.height {
            continue;
        }
        let values = raster.profile_blocking(&band, (col, row), 1)?;
        if values.iter().any(|value| value.value.is_some()) {
            let at = centre_of((col, row));
            let away = at.map_or(0.0, |at| {
                crate::weather_file::distance_km(at, (latitude, longitude))
            });
            let note = if (right, down) == (0, 0) {
                format!("the cell at the place; its centre is {away:.1} km away")
            } else {
                format!(
                    "the cell at the place holds nothing; one beside it is taken, its centre {away:.1} km away"
                )
            };
            return Ok(((col, row), at, Some(note)));
        }
    }
    Err(SceneError::file(
        &info.path,
        format!(
            "the weather raster holds nothing at {latitude}, {longitude} and around it; choose another file or place"
        ),
    ))
}

#[cfg(test)]
#[path = "weather_raster_tests.rs"]
mod tests;
