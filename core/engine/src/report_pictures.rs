//! What a report shows and measures beside its matrix: small pictures of rasters, and whether the confidence beside a map
//! can be believed. Knows rasters; knows nothing of pages.

use std::collections::BTreeMap;
use std::path::Path;

use terroir_scene::{
    Calibration, CalibrationMeasures, Grid, LabelledPixel, Raster, Resampling, Window,
    default_style_blocking, render_still_blocking,
};

use crate::monitor::{JobResult, Monitor};
use crate::predict::{confidence_path, probabilities_path};
use crate::provenance::file_name;

/// Longer side of a picture in a report.
const PICTURE: usize = 520;
/// Probabilities are stored as this times themselves.
const STEPS: f64 = 200.0;
const SIDE: usize = 512;

/// A small picture of a raster as it is drawn when opened: caption and `data:` address. Without one a warning is said.
pub(crate) fn picture_of(path: &Path, monitor: &Monitor<'_>) -> Option<(String, String)> {
    let drawn = Raster::open(path).and_then(|raster| {
        let style = default_style_blocking(&raster)?;
        render_still_blocking(&raster, &style, None, None, PICTURE, PICTURE)
    });
    let address = match drawn {
        Ok(still) => {
            let factor = PICTURE / still.width.max(still.height).max(1);
            still.enlarged(factor.min(8)).data_address().ok()
        }
        Err(error) => {
            monitor.warn(format!("no picture of it in the report: {error}"));
            None
        }
    };
    address.map(|address| (file_name(path), address))
}

/// Calibration of the probabilities or, without them, of the confidence beside a map on the given pixels. `rows` and
/// `columns` are the pixels' classes by map and reference, as indices of one list of classes.
pub(crate) fn calibration_blocking(
    map: &Path,
    grid: &Grid,
    pixels: &[LabelledPixel],
    rows: &[Option<usize>],
    columns: &[Option<usize>],
    monitor: &Monitor<'_>,
) -> JobResult<Option<(String, CalibrationMeasures)>> {
    for (path, is_whole) in [
        (probabilities_path(map), true),
        (confidence_path(map), false),
    ] {
        let raster = match Raster::open(&path) {
            Ok(raster) => raster,
            // Not every map has them.
            Err(_) if !path.exists() => continue,
            Err(error) => {
                monitor.warn(format!("left out of the report: {error}"));
                continue;
            }
        };
        let bands = raster.info().bands.len();
        if !raster.info().grid.same_as(grid) || (bands != 1 && !is_whole) {
            continue;
        }
        let values = values_at_blocking(&raster, pixels, monitor)?;
        let mut calibration = Calibration::new();
        for ((value, row), column) in values.iter().zip(rows).zip(columns) {
            let (Some(shares), Some(row), Some(column)) = (value, row, column) else {
                continue;
            };
            if is_whole {
                // A class that the map does not know has no probability there.
                let mut shares = shares.clone();
                shares.resize(shares.len().max(column + 1), 0.0);
                calibration.add(&shares, *column);
            } else if let Some(confidence) = shares.first() {
                calibration.add_highest(*confidence, row == column);
            }
        }
        let measures = calibration.measures();
        if measures.n > 0 {
            return Ok(Some((file_name(&path), measures)));
        }
    }
    Ok(None)
}

/// All bands at the given pixels as shares from 0 to 1; `None` where there is no data.
fn values_at_blocking(
    raster: &Raster,
    pixels: &[LabelledPixel],
    monitor: &Monitor<'_>,
) -> JobResult<Vec<Option<Vec<f64>>>> {
    let (width, height) = (raster.info().grid.width, raster.info().grid.height);
    let bands: Vec<usize> = (0..raster.info().bands.len()).collect();
    let mut squares: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (index, pixel) in pixels.iter().enumerate() {
        if pixel.col < width && pixel.row < height {
            let square = (pixel.row / SIDE, pixel.col / SIDE);
            squares.entry(square).or_default().push(index);
        }
    }
    let mut values = vec![None; pixels.len()];
    let total = squares.len() as u64;
    for (done, ((square_row, square_col), members)) in squares.into_iter().enumerate() {
        monitor.check()?;
        monitor.progress("reading the confidence", done as u64, total);
        let (row, col) = (square_row * SIDE, square_col * SIDE);
        let window = Window {
            col,
            row,
            width: SIDE.min(width - col),
            height: SIDE.min(height - row),
        };
        let block = raster.read_blocking(
            &bands,
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )?;
        let plane = window.width * window.height;
        for index in members {
            let Some(pixel) = pixels.get(index) else {
                continue;
            };
            let at = (pixel.row - row) * window.width + pixel.col - col;
            if block.valid.get(at) != Some(&true) {
                continue;
            }
            let stored = bands
                .iter()
                .filter_map(|band| block.values.get(band * plane + at));
            let shares = stored.map(|value| f64::from(*value) / STEPS).collect();
            if let Some(slot) = values.get_mut(index) {
                *slot = Some(shares);
            }
        }
    }
    Ok(values)
}
