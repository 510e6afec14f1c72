//! The images of a soil-moisture job: which pixel each station stands on, and what the images showed of it. Knows archives and
//! stations; knows nothing of fits.

use terroir_scene::{
    Archive, ArchiveSpec, Crs, Grid, ImagePredictors, PixelHistory, Reprojection, SceneError,
    Station, StationPlace, StationTables, Window, pixel_metres,
};

use crate::Failure;
use crate::monitor::{JobResult, Monitor};

/// Stations named in a message.
const LISTED: usize = 5;
/// Pixels a side that stand for a coarse cell.
const CELL_SIDE: usize = 8;
/// A smaller share of a cell in the images is said.
const FEWEST_OF_A_CELL: f64 = 0.5;

pub(super) struct Images {
    pub archive: Archive,
    pub predictors: ImagePredictors,
    pub names: Vec<String>,
    /// (column, row) of every station that was kept; the middle of a cell.
    pub pixels: Vec<(usize, usize)>,
    /// The pixels each of them is compared with: its own, or some of the whole cell.
    pub grounds: Vec<Vec<(usize, usize)>>,
    /// One a station that was kept.
    pub histories: Vec<PixelHistory>,
    /// From the map's system to degrees.
    to_degrees: Option<Reprojection>,
}

impl Images {
    /// Opens the images and reads them at the stations; stations beside them are left out of `tables`, with a word.
    pub fn open(
        spec: &ArchiveSpec,
        tables: &mut StationTables,
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        monitor.progress("opening the images", 0, 1);
        let archive = Archive::open(spec, None)?;
        archive
            .notes
            .iter()
            .for_each(|note| monitor.warn(note.clone()));
        let predictors = ImagePredictors::of(&archive);
        if predictors.is_empty() {
            let sensors: Vec<String> = archive
                .sources
                .iter()
                .map(|source| format!("{} ({})", source.source.name, source.source.band_names()))
                .collect();
            return Err(Failure::new(format!(
                "these images give no predictor of soil moisture: radar VV or VH, or red, near and short-wave infrared with their \
                 wavelengths are needed; there are {}",
                sensors.join("; ")
            ))
            .into());
        }
        let wgs84 = Crs::wgs84()?;
        let to_map = match archive.grid.georef.ground_crs() {
            Some(crs) => Some(Reprojection::new(&wgs84, crs)?),
            None => None,
        };
        let pixels: Vec<Option<(usize, usize)>> = tables
            .stations
            .iter()
            .map(|station| pixel_of(station, &archive.grid, to_map.as_ref()))
            .collect();
        let outside: Vec<String> = tables
            .stations
            .iter()
            .zip(&pixels)
            .filter(|(_, pixel)| pixel.is_none())
            .map(|(station, _)| described(station))
            .collect();
        if outside.len() == tables.stations.len() {
            return Err(Failure::new(format!(
                "no station stands in the images: {}; they cover {}. Check that coordinates are lon and lat (or x and y of the images' map), \
                 or choose images of the stations",
                listed(&outside),
                extent_of(&archive.grid)
            ))
            .into());
        }
        if !outside.is_empty() {
            monitor.warn(format!("left out, not in the images: {}", listed(&outside)));
        }
        let mut kept = pixels.iter();
        tables
            .stations
            .retain(|_| kept.next().is_some_and(Option::is_some));
        let pixels: Vec<(usize, usize)> = pixels.into_iter().flatten().collect();
        let grounds = grounds_of(&tables.stations, &pixels, &archive.grid, monitor);
        let clear = histories(&archive, &predictors, &grounds, monitor)?;
        let to_degrees = match archive.grid.georef.ground_crs() {
            Some(crs) => Some(Reprojection::new(crs, &wgs84)?),
            None => None,
        };
        for (station, history) in tables.stations.iter().zip(&clear) {
            if history.clear_days() == 1 {
                monitor.warn(format!(
                    "{}: only one image is clear there, so the images tell nothing of change",
                    station.name
                ));
            }
        }
        Ok(Self {
            names: predictors.names(),
            predictors,
            pixels,
            grounds,
            histories: clear,
            archive,
            to_degrees,
        })
    }

    /// Longitude and latitude of a place of the map.
    pub fn degrees_of(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.to_degrees.as_ref()?.point(x, y)
    }

    /// Middle of the images, degrees.
    pub fn center(&self) -> Option<(f64, f64)> {
        let grid = &self.archive.grid;
        let (x, y) = grid.ground_from_pixel(grid.width as f64 / 2.0, grid.height as f64 / 2.0)?;
        self.degrees_of(x, y)
    }
}

fn pixel_of(
    station: &Station,
    grid: &Grid,
    to_map: Option<&Reprojection>,
) -> Option<(usize, usize)> {
    let (x, y) = match station.place? {
        StationPlace::LonLat { lon, lat } => to_map?.point(lon, lat)?,
        StationPlace::Map { x, y } => (x, y),
    };
    let (col, row) = grid.pixel_from_ground(x, y)?;
    grid.holds(col, row).then_some((col as usize, row as usize))
}

/// The pixels of every station: one, or of a coarse cell some that are spread evenly over what the images show of it.
fn grounds_of(
    stations: &[Station],
    pixels: &[(usize, usize)],
    grid: &Grid,
    monitor: &Monitor<'_>,
) -> Vec<Vec<(usize, usize)>> {
    let side_m = pixel_metres(grid);
    let mut partly: Vec<String> = Vec::new();
    let grounds = stations
        .iter()
        .zip(pixels)
        .map(|(station, (col, row))| {
            let Some(((width_m, height_m), side_m)) = station.cell_m.zip(side_m) else {
                return vec![(*col, *row)];
            };
            let (cols, across) = spread(*col, width_m / side_m, grid.width);
            let (rows, down) = spread(*row, height_m / side_m, grid.height);
            if across * down < FEWEST_OF_A_CELL {
                partly.push(format!("{} ({:.0} %)", station.name, 100.0 * across * down));
            }
            rows.iter()
                .flat_map(|row| cols.iter().map(move |col| (*col, *row)))
                .collect()
        })
        .collect();
    if !partly.is_empty() {
        monitor.warn(format!(
            "the images show only a part of these cells, and stand for all of it: {}",
            listed(&partly)
        ));
    }
    grounds
}

/// Up to `CELL_SIDE` columns or rows spread over a span around `middle`, and which share of the span lies inside.
fn spread(middle: usize, span: f64, size: usize) -> (Vec<usize>, f64) {
    let from = (middle as f64 + 0.5 - span / 2.0).max(0.0);
    let until = (middle as f64 + 0.5 + span / 2.0).min(size as f64);
    let inside = until - from;
    let count = (inside.round().max(1.0) as usize).min(CELL_SIDE);
    let at = |number: usize| from + (number as f64 + 0.5) * inside / count as f64;
    let mut all: Vec<usize> = (0..count)
        .map(|number| (at(number) as usize).min(size.saturating_sub(1)))
        .collect();
    all.dedup();
    (all, inside / span.max(1.0))
}

/// Reads the ground of every station through all images.
fn histories(
    archive: &Archive,
    predictors: &ImagePredictors,
    grounds: &[Vec<(usize, usize)>],
    monitor: &Monitor<'_>,
) -> JobResult<Vec<PixelHistory>> {
    let all: usize = grounds.iter().map(Vec::len).sum();
    let mut done = 0;
    let mut out = Vec::with_capacity(grounds.len());
    for ground in grounds {
        let mut of_pixels = Vec::with_capacity(ground.len());
        for (col, row) in ground {
            monitor.progress("reading the images at the stations", done, all as u64);
            done += 1;
            let window = Window {
                col: *col,
                row: *row,
                width: 1,
                height: 1,
            };
            let mut go_on = || !monitor.is_cancelled();
            let read = predictors.read_blocking(archive, window, &[0], (None, None), &mut go_on);
            match read {
                Ok(found) => of_pixels.extend(found),
                Err(SceneError::Cancelled) => {
                    monitor.check()?;
                    return Err(SceneError::Cancelled.into());
                }
                Err(error) => return Err(error.into()),
            }
        }
        out.push(match of_pixels.len() {
            1 => of_pixels.remove(0),
            _ => PixelHistory::mean_of(&of_pixels),
        });
    }
    Ok(out)
}

fn described(station: &Station) -> String {
    match station.place {
        Some(StationPlace::LonLat { lon, lat }) => {
            format!("{} (longitude {lon}, latitude {lat})", station.name)
        }
        Some(StationPlace::Map { x, y }) => format!("{} (x {x}, y {y})", station.name),
        None => format!("{} (its table says no place)", station.name),
    }
}

fn listed(names: &[String]) -> String {
    let mut text = names
        .iter()
        .take(LISTED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > LISTED {
        text += &format!(" and {} more", names.len() - LISTED);
    }
    text
}

/// `longitude 4.5 to 4.6, latitude 51.2 to 51.3`, or the same in the map's own numbers.
fn extent_of(grid: &Grid) -> String {
    let corners = [
        (0, 0),
        (grid.width, 0),
        (0, grid.height),
        (grid.width, grid.height),
    ];
    let degrees = grid
        .georef
        .ground_crs()
        .zip(Crs::wgs84().ok())
        .and_then(|(crs, wgs84)| Reprojection::new(crs, &wgs84).ok());
    let points: Vec<(f64, f64)> = corners
        .iter()
        .filter_map(|(col, row)| {
            let (x, y) = grid.ground_from_pixel(*col as f64, *row as f64)?;
            match &degrees {
                Some(degrees) => degrees.point(x, y),
                None => Some((x, y)),
            }
        })
        .collect();
    let span = |value: fn(&(f64, f64)) -> f64| {
        let low = points.iter().map(value).fold(f64::INFINITY, f64::min);
        let high = points.iter().map(value).fold(f64::NEG_INFINITY, f64::max);
        format!("{low:.4} to {high:.4}")
    };
    if points.is_empty() {
        return "no place on the ground that is known".to_owned();
    }
    let (first, second) = match degrees {
        Some(_) => ("longitude", "latitude"),
        None => ("x", "y"),
    };
    format!(
        "{first} {}, {second} {}",
        span(|point| point.0),
        span(|point| point.1)
    )
}
