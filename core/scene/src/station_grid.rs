//! Coarse grids of soil moisture as weak labels: each cell of a dated raster (ERA5-Land, SMAP and their like) is a station that stands
//! for the mean over its ground (specification of tasks, section 4.2). Knows rasters; knows nothing of images or of a fit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::containers::contained_blocking;
use crate::station_days::{RawSeries, RawValue};
use crate::weather_columns::plain_name;
use crate::weather_raster::{Step, from_degrees, steps_of};
use crate::{
    Detail, Raster, Resampling, SceneError, SceneResult, StationPlace, StationReading, pixel_metres,
};

/// Endings of rasters with a time.
const ENDINGS: [&str; 9] = [
    "nc", "nc4", "cdf", "tif", "tiff", "vrt", "grib", "grib2", "grb",
];
/// Variables of known products by their plain names, with the depths they stand for, m.
const VARIABLES: [(&str, (f64, f64)); 8] = [
    ("swvl1", (0.0, 0.07)),
    ("swvl2", (0.07, 0.28)),
    ("sm_surface", (0.0, 0.05)),
    ("sm_rootzone", (0.0, 1.0)),
    ("soil_moisture", (0.0, 0.05)),
    ("ssm", (0.0, 0.05)),
    ("sm", (0.0, 0.05)),
    ("soil_moisture_am", (0.0, 0.05)),
];
/// More is a product of the whole world, of which the place should be cut out first.
const MOST_CELLS: usize = 40_000;
const MOST_VALUES: usize = 20_000_000;

/// Whether a name is that of a raster, not of a table.
pub(crate) fn is_grid(path: &Path) -> bool {
    crate::shapes::has_extension(path, &ENDINGS)
}

/// One series a cell that holds a value. Several values a day are averaged, unless a time of day is wanted.
///
/// # Errors
/// No band of soil moisture with a date, no place on the ground, more cells than are read at once.
pub(crate) fn read_grid_blocking(
    path: &Path,
    reading: &StationReading,
) -> SceneResult<Vec<RawSeries>> {
    let parts: Vec<PathBuf> = match contained_blocking(path)? {
        Some(inside) => inside
            .into_iter()
            .filter(|one| one.opens() && one.bands > 0)
            .map(|one| one.path)
            .collect(),
        None => vec![path.to_owned()],
    };
    let mut series = Vec::new();
    for part in parts {
        let raster = Raster::open(&part)?;
        let mut by_variable: BTreeMap<String, Vec<Step>> = BTreeMap::new();
        for step in steps_of(&part, &raster, &mut Vec::new()) {
            if depth_of(&step.name, reading).is_some() {
                by_variable.entry(step.name.clone()).or_default().push(step);
            }
        }
        for (name, steps) in by_variable {
            series.extend(cells_of(path, &raster, &name, &steps, reading)?);
        }
    }
    if series.is_empty() {
        return Err(SceneError::file(
            path,
            "no band of this raster is soil moisture (swvl1, sm_surface, soil_moisture, ssm) of a known day; name its variable \
             (--value-column), or name its bands like \"sm 2021-06-03\"",
        ));
    }
    Ok(series)
}

/// The depths a variable stands for; `None` for what is no soil moisture. The one named by the user has none of its own.
fn depth_of(name: &str, reading: &StationReading) -> Option<Option<(f64, f64)>> {
    if let Some(column) = &reading.column {
        return (plain_name(column) == name).then_some(None);
    }
    VARIABLES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, depth_m)| Some(*depth_m))
}

fn cells_of(
    path: &Path,
    raster: &Raster,
    name: &str,
    steps: &[Step],
    reading: &StationReading,
) -> SceneResult<Vec<RawSeries>> {
    let info = raster.info();
    let grid = &info.grid;
    let cells = grid.width.saturating_mul(grid.height);
    if cells > MOST_CELLS || cells.saturating_mul(steps.len()) > MOST_VALUES {
        return Err(SceneError::file(
            path,
            format!(
                "the grid has {} x {} cells of {} times, too many to learn from; cut the place of the images out first \
                 (gdal_translate -projwin)",
                grid.width,
                grid.height,
                steps.len()
            ),
        ));
    }
    let (_, to_map) = from_degrees(grid)?;
    let place_of = |col: f64, row: f64| {
        let (x, y) = grid.ground_from_pixel(col, row)?;
        let (lon, lat) = to_map.inverse_point(x, y)?;
        // Grids of the world often count to 360.
        Some((if lon > 180.0 { lon - 360.0 } else { lon }, lat))
    };
    let mut found: Vec<RawSeries> = Vec::with_capacity(cells);
    for row in 0..grid.height {
        for col in 0..grid.width {
            let middle = place_of(col as f64 + 0.5, row as f64 + 0.5);
            let (lon, lat) = middle.ok_or_else(|| {
                SceneError::file(
                    path,
                    "the grid has no place on the ground, so its cells cannot be found in the images; give it a reference system \
                     (gdal_translate -a_srs)",
                )
            })?;
            found.push(RawSeries {
                station: format!("cell {lat:.4} {lon:.4}"),
                place: Some(StationPlace::LonLat { lon, lat }),
                depth_m: depth_of(name, reading).flatten(),
                cell_m: cell_metres(raster, lat),
                ..RawSeries::default()
            });
        }
    }
    for step in steps {
        let Some(band) = info.bands.get(step.band) else {
            continue;
        };
        let planes = raster.read_planes_blocking(
            &[step.band],
            grid.window(),
            grid.width,
            grid.height,
            Resampling::Nearest,
            Detail::Full,
        )?;
        let known = planes
            .iter()
            .flat_map(|plane| plane.values.iter().zip(&plane.valid))
            .zip(&mut found)
            .filter(|((_, valid), _)| **valid);
        for ((value, _), series) in known {
            series.values.push(RawValue {
                date: step.stamp.date,
                time: step.stamp.minute.and_then(time_of),
                value: band.scaled(f64::from(*value)),
                flag: None,
                line: step.band + 1,
            });
        }
    }
    found.retain(|series| !series.values.is_empty());
    if reading.time_of_day.is_none() {
        for series in &mut found {
            series.values = daily(std::mem::take(&mut series.values));
        }
    }
    Ok(found)
}

/// Width and height of a cell on the ground, m.
fn cell_metres(raster: &Raster, lat: f64) -> Option<(f64, f64)> {
    const METRES_A_DEGREE: f64 = 111_320.0;
    let grid = &raster.info().grid;
    let is_degrees = grid.georef.ground_crs().is_none_or(|crs| crs.is_geographic);
    if !is_degrees {
        return pixel_metres(grid).map(|side| (side, side));
    }
    let [_, across, _, _, _, down] = grid.transform().0;
    Some((
        across.abs() * METRES_A_DEGREE * lat.to_radians().cos(),
        down.abs() * METRES_A_DEGREE,
    ))
}

fn time_of(minute: u16) -> Option<jiff::civil::Time> {
    jiff::civil::Time::new(
        i8::try_from(minute / 60).ok()?,
        i8::try_from(minute % 60).ok()?,
        0,
        0,
    )
    .ok()
}

/// One value a day: products give few a day, all of them whole.
fn daily(values: Vec<RawValue>) -> Vec<RawValue> {
    let mut days: BTreeMap<jiff::civil::Date, (f64, f64, usize)> = BTreeMap::new();
    for value in values {
        let day = days.entry(value.date).or_insert((0.0, 0.0, value.line));
        *day = (day.0 + value.value, day.1 + 1.0, day.2);
    }
    days.into_iter()
        .map(|(date, (sum, count, line))| RawValue {
            date,
            time: None,
            value: sum / count,
            flag: None,
            line,
        })
        .collect()
}
