//! Measured values as labels: numbers of points, lines and polygons, or of a raster, at the pixels of a scene.
//! Knows shapes, rasters and grids. Knows nothing of classes or of what learns from the values.

use std::path::Path;

use crate::shapes::ShapeSource;
use crate::vectors::Placing;
use crate::{Class, Grid, ImportReport, Raster, Resampling, SceneError, SceneResult, Window};

/// Attributes tried when none is named.
const KNOWN: [&str; 3] = ["value", "target", "measurement"];
/// Rows of a raster read at once.
const ROWS: usize = 256;
/// Of larger rasters every second pixel is taken, or every third, and so on.
const MOST_PIXELS: usize = 4_000_000;

/// A pixel with a measured value and the unit it came from, for honest splits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValuedPixel {
    pub col: usize,
    pub row: usize,
    pub value: f64,
    /// 0 for pixels of a raster, else shape part index + 1.
    pub polygon: u32,
}

/// Reads the numbers of `attribute` (`None` tries `value`, `target`, `measurement`) onto `grid`, as
/// [`crate::import_labels`] reads classes; or band 1 of a raster on the same grid. Where shapes overlap the last one counts.
///
/// # Errors
/// No such file or attribute, no number at all, all shapes outside the grid, a raster on another grid.
pub fn import_values(
    path: &Path,
    grid: &Grid,
    attribute: Option<&str>,
) -> SceneResult<(Vec<ValuedPixel>, ImportReport)> {
    let Some(source) = ShapeSource::open(path)? else {
        return values_of_raster(path, grid);
    };
    let names = source.attributes();
    let find = |wanted: &str| {
        names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(wanted))
    };
    let column = match attribute {
        Some(wanted) => find(wanted),
        None => KNOWN.iter().find_map(|known| find(known)),
    };
    let Some(column) = column else {
        let asked = match attribute {
            Some(wanted) => format!("there is no attribute \"{wanted}\""),
            None => "it is not clear which attribute holds the values".to_owned(),
        };
        let what = format!("{asked}; name one of {}", names.join(", "));
        return Err(SceneError::file(path, what));
    };
    let usage = find("use");
    let file = source.read(path, &[Some(column), None, None, None, usage, None])?;
    let class = Class {
        id: 1,
        name: "value".to_owned(),
        color: [0; 3],
    };
    let mut placing = Placing::new(grid, &[class], &file, path)?;
    // The value of every polygon, in the order in which they are laid down.
    let mut values: Vec<f64> = Vec::new();
    let mut found = 0;
    for shape in &file.shapes {
        let value = shape
            .values
            .first()
            .and_then(Option::as_deref)
            .and_then(number);
        found += usize::from(value.is_some());
        placing.add(shape, value.map(|_| 1));
        values.resize(placing.polygons(), value.unwrap_or(f64::NAN));
    }
    if found == 0 {
        let name = names.get(column).map_or("", String::as_str);
        let what = format!(
            "no shape has a number in the attribute \"{name}\"; choose another attribute of {}",
            names.join(", ")
        );
        return Err(SceneError::file(path, what));
    }
    let (labels, report) = placing.finish(file.shapes.len(), path)?;
    let pixels = labels
        .pixels()
        .into_iter()
        .filter_map(|pixel| {
            let index = usize::try_from(pixel.polygon).ok()?.checked_sub(1)?;
            Some(ValuedPixel {
                col: pixel.col,
                row: pixel.row,
                value: *values.get(index)?,
                polygon: pixel.polygon,
            })
        })
        .collect();
    Ok((pixels, report))
}

/// A finite number, also with a decimal comma.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    text.parse()
        .or_else(|_| text.replace(',', ".").parse())
        .ok()
        .filter(|value: &f64| value.is_finite())
}

fn values_of_raster(path: &Path, grid: &Grid) -> SceneResult<(Vec<ValuedPixel>, ImportReport)> {
    let raster = Raster::open(path).map_err(|error| {
        let details = error.details().map_or_else(|| error.to_string(), str::to_owned);
        SceneError::file(path, "this file can be read neither as shapes nor as a raster; it may be damaged: choose another one")
            .with_details(details)
    })?;
    let info = raster.info();
    let is_same_size = info.grid.width == grid.width && info.grid.height == grid.height;
    let has_no_place = info.grid.georef.transform.is_none() || grid.georef.transform.is_none();
    if !(info.grid.same_as(grid) || (is_same_size && has_no_place)) {
        return Err(SceneError::file(
            path,
            "this raster of values lies on another grid than the scene; bring it there first (gdalwarp)",
        ));
    }
    let Some(band) = info.bands.first() else {
        return Err(SceneError::file(path, "this raster has no bands"));
    };
    let (scale, offset) = (band.scale, band.offset);
    let every = (grid.width * grid.height).div_ceil(MOST_PIXELS).max(1);
    let mut pixels = Vec::new();
    for row in (0..grid.height).step_by(ROWS) {
        let window = Window {
            col: 0,
            row,
            width: grid.width,
            height: ROWS.min(grid.height - row),
        };
        let block = raster.read_blocking(
            &[0],
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )?;
        let known = block
            .values
            .iter()
            .zip(&block.valid)
            .enumerate()
            .step_by(every)
            .filter(|(_, (value, valid))| **valid && value.is_finite());
        pixels.extend(known.map(|(at, (value, _))| ValuedPixel {
            col: at % window.width,
            row: row + at / window.width,
            value: f64::from(*value) * scale + offset,
            polygon: 0,
        }));
    }
    if pixels.is_empty() {
        return Err(SceneError::file(
            path,
            "this raster holds no value at all; choose another one",
        ));
    }
    let mut report = ImportReport {
        painted: pixels.len(),
        ..ImportReport::default()
    };
    if every > 1 {
        report
            .notes
            .push(format!("every {every}th pixel of the raster was taken"));
    }
    Ok((pixels, report))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GeoTransform, Georef};

    fn grid() -> Grid {
        Grid {
            width: 4,
            height: 3,
            georef: Georef {
                transform: Some(GeoTransform([100.0, 10.0, 0.0, 200.0, 0.0, -10.0])),
                ..Georef::default()
            },
        }
    }

    #[test]
    fn points_of_a_table_carry_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("soil.csv");
        let text = "x,y,moisture\n105,195,0.25\n125,185,\"0,5\"\n135,175,NA\n900,0,1\n";
        std::fs::write(&path, text).unwrap();
        let (pixels, report) = import_values(&path, &grid(), Some("Moisture")).unwrap();
        let found: Vec<(usize, usize, f64)> = pixels
            .iter()
            .map(|pixel| (pixel.col, pixel.row, pixel.value))
            .collect();
        assert_eq!(found, [(0, 0, 0.25), (2, 1, 0.5)]);
        assert_eq!((report.without_class, report.outside), (1, 1));
        let error = import_values(&path, &grid(), None).unwrap_err().to_string();
        assert!(error.contains("moisture"), "{error}");
        let error = import_values(&path, &grid(), Some("nothing")).unwrap_err();
        assert!(error.to_string().contains("\"nothing\""), "{error}");
    }
}
