//! Fields as they lie on the ground: read north-up whichever way up they are stored, and compared pixel by pixel only where
//! both lie on one grid. Knows grids and rasters; knows nothing of what is worked out from the pixels.

use crate::{
    Crs, FIELD_AXES, GeoTransform, Georef, Grid, MapGeometry, Raster, RasterInfo, SceneError,
    SceneResult, Window,
};

/// How far corners may lie apart and still be the same, as a share of a pixel.
const SLACK: f64 = 1e-4;

/// A grid with its first row in the north, and how it is read from a file that may be stored bottom-up.
#[derive(Clone, Debug, PartialEq)]
pub struct NorthUp {
    /// The same pixels as the file's, first row northernmost.
    pub grid: Grid,
    is_flipped: bool,
}

impl NorthUp {
    /// Grids that are turned or sheared, and those without a place, are taken as they are.
    pub fn of(grid: &Grid) -> Self {
        let flipped = grid
            .georef
            .transform
            .filter(|t| t.0[5] > 0.0 && t.0[2] == 0.0 && t.0[4] == 0.0)
            .map(|GeoTransform(t)| {
                let north = t[3] + t[5] * grid.height as f64;
                GeoTransform([t[0], t[1], 0.0, north, 0.0, -t[5]])
            });
        match flipped {
            Some(transform) => Self {
                grid: Grid {
                    georef: Georef {
                        transform: Some(transform),
                        ..grid.georef.clone()
                    },
                    ..grid.clone()
                },
                is_flipped: true,
            },
            None => Self {
                grid: grid.clone(),
                is_flipped: false,
            },
        }
    }

    /// Codes of a window of the north-up grid, planar, as [`Raster::read_codes_blocking`] gives them.
    pub fn read_codes_blocking(&self, field: &Raster, window: Window) -> SceneResult<Vec<i8>> {
        if !self.is_flipped || window.end_row() > self.grid.height {
            return field.read_codes_blocking(window, window.width, window.height);
        }
        let stored = Window {
            row: self.grid.height - window.end_row(),
            ..window
        };
        let mut codes = field.read_codes_blocking(stored, window.width, window.height)?;
        let pixels = window.pixels();
        for plane in codes.chunks_exact_mut(pixels.max(1)).take(FIELD_AXES) {
            for row in 0..window.height / 2 {
                let (upper, lower) = plane.split_at_mut((window.height - 1 - row) * window.width);
                upper[row * window.width..][..window.width]
                    .swap_with_slice(&mut lower[..window.width]);
            }
        }
        Ok(codes)
    }
}

/// Both fields north-up, if they lie on one grid: the same reference system, origin, pixel size and extent. One may be
/// stored bottom-up and the other top-down.
///
/// # Errors
/// What differs between the two, and how to bring the second onto the grid of the first.
pub fn on_one_grid(first: &RasterInfo, second: &RasterInfo) -> SceneResult<(NorthUp, NorthUp)> {
    let (one, other) = (NorthUp::of(&first.grid), NorthUp::of(&second.grid));
    let differences = differences(&one.grid, &other.grid);
    if differences.is_empty() {
        return Ok((one, other));
    }
    let what_to_do = match warp_command(&one.grid, second) {
        Some(command) => format!("bring the second onto the grid of the first: {command}"),
        None => "choose two fields of the same place".to_owned(),
    };
    Err(SceneError::file(
        &second.path,
        format!(
            "the two fields do not lie on the same grid, so their pixels cannot be compared: {}; {what_to_do}",
            differences.join("; ")
        ),
    ))
}

/// What tells two grids apart, the first one's value first.
fn differences(one: &Grid, other: &Grid) -> Vec<String> {
    let mut found = Vec::new();
    match (one.crs(), other.crs()) {
        (Some(a), Some(b)) if !a.same_as(b) => found.push(format!(
            "the reference system is {} against {}",
            a.label(),
            b.label()
        )),
        (Some(a), None) => found.push(format!(
            "the first is in {} and the second names no reference system",
            a.label()
        )),
        (None, Some(b)) => found.push(format!(
            "the first names no reference system and the second is in {}",
            b.label()
        )),
        _ => {}
    }
    if (one.width, one.height) != (other.width, other.height) {
        found.push(format!(
            "the size is {} x {} against {} x {} pixels",
            one.width, one.height, other.width, other.height
        ));
    }
    if one.georef.model.is_some() || other.georef.model.is_some() {
        if !one.same_as(other) {
            found.push("one of them is placed by control points".to_owned());
        }
        return found;
    }
    let (a, b) = (one.transform(), other.transform());
    let (size_a, size_b) = (a.pixel_size(), b.pixel_size());
    let step = size_a.0.max(size_a.1).max(f64::MIN_POSITIVE);
    let drift = |across: usize, p: f64, q: f64| (p - q).abs() * across as f64 > SLACK * step;
    if drift(one.width, size_a.0, size_b.0) || drift(one.height, size_a.1, size_b.1) {
        found.push(format!(
            "pixels are {} x {} against {} x {} map units",
            size_a.0, size_a.1, size_b.0, size_b.1
        ));
    } else if (1..6)
        .filter(|at| *at != 3)
        .any(|at| (a.0[at] - b.0[at]).abs() * one.width.max(one.height) as f64 > SLACK * step)
    {
        found.push("one is turned or mirrored against the other".to_owned());
    }
    let (east, south) = (b.0[0] - a.0[0], a.0[3] - b.0[3]);
    if east.abs() > SLACK * step || south.abs() > SLACK * step {
        found.push(format!(
            "the upper left corner is {}, {} against {}, {} ({:.2} pixels to the east, {:.2} to the south)",
            a.0[0],
            a.0[3],
            b.0[0],
            b.0[3],
            east / size_a.0,
            south / size_a.1
        ));
    }
    found
}

/// The command that lays a field on a grid by nearest neighbour, which is the only way that keeps codes what they are.
fn warp_command(grid: &Grid, field: &RasterInfo) -> Option<String> {
    let (Some(transform), Some(crs)) = (grid.georef.transform, grid.crs()) else {
        return None;
    };
    field.grid.crs()?;
    let code = crs.epsg?;
    let (west, north) = transform.map_from_pixel(0.0, 0.0);
    let (east, south) = transform.map_from_pixel(grid.width as f64, grid.height as f64);
    let name = field.path.file_name()?.to_string_lossy();
    let stem = field.path.file_stem()?.to_string_lossy();
    Some(format!(
        "gdalwarp -r near -t_srs EPSG:{code} -te {west} {south} {east} {north} -ts {} {} {name} {stem}_on_grid.tif",
        grid.width, grid.height
    ))
}

/// Ground area of the pixels of each row, square metres: exact where the reference system counts in a length unit, by the
/// ellipsoid's lengths along and across the row elsewhere. `None` for grids without a place.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelAreas {
    /// One value for all rows, or one for each.
    rows: Vec<f64>,
}

impl PixelAreas {
    pub fn of(grid: &Grid) -> Option<Self> {
        let transform = grid.georef.transform?;
        let crs: &Crs = grid.crs()?;
        let t = transform.0;
        let in_units = (t[1] * t[5] - t[2] * t[4]).abs();
        let geometry = MapGeometry::shared(crs)?;
        let middle = grid.width as f64 / 2.0;
        if !crs.is_geographic {
            let metres = crs.linear_unit_metres()?;
            return Some(Self {
                rows: vec![in_units * metres * metres],
            });
        }
        let rows = (0..grid.height)
            .map(|row| {
                let row = row as f64;
                let at = |col: f64, row: f64| transform.map_from_pixel(col, row);
                let along = geometry
                    .metres_between(at(middle - 0.5, row + 0.5), at(middle + 0.5, row + 0.5))?;
                let across = geometry.metres_between(at(middle, row), at(middle, row + 1.0))?;
                Some(along * across)
            })
            .collect::<Option<Vec<f64>>>()?;
        Some(Self { rows })
    }

    /// Square metres of a pixel in a row of the grid.
    pub fn of_row(&self, row: usize) -> f64 {
        self.rows
            .get(row)
            .or(self.rows.last())
            .copied()
            .unwrap_or_default()
    }

    /// The largest there is.
    pub fn largest(&self) -> f64 {
        self.rows.iter().copied().fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(transform: [f64; 6], epsg: &str) -> Grid {
        Grid {
            width: 96,
            height: 64,
            georef: Georef {
                transform: Some(GeoTransform(transform)),
                crs: Crs::parse(epsg).ok(),
                ..Georef::default()
            },
        }
    }

    #[test]
    fn what_differs_is_named() {
        let one = grid(
            [500_000.0, 10.0, 0.0, 4_000_640.0, 0.0, -10.0],
            "EPSG:32615",
        );
        let up = grid([500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, 10.0], "EPSG:32615");
        assert_eq!(NorthUp::of(&up).grid.transform(), one.transform());
        assert!(differences(&one, &NorthUp::of(&up).grid).is_empty());
        let says = |other: Grid, words: &[&str]| {
            let text = differences(&one, &other).join("; ");
            for word in words {
                assert!(text.contains(word), "no {word:?} in {text:?}");
            }
        };
        says(
            grid(
                [500_000.0, 10.0, 0.0, 4_000_640.0, 0.0, -10.0],
                "EPSG:32616",
            ),
            &["EPSG:32615", "EPSG:32616"],
        );
        says(
            grid(
                [500_005.0, 10.0, 0.0, 4_000_640.0, 0.0, -10.0],
                "EPSG:32615",
            ),
            &["corner", "0.50 pixels to the east"],
        );
        says(
            grid(
                [500_000.0, 20.0, 0.0, 4_000_640.0, 0.0, -20.0],
                "EPSG:32615",
            ),
            &["10 x 10 against 20 x 20"],
        );
        let mut small = one.clone();
        small.width = 90;
        says(small, &["96 x 64 against 90 x 64"]);
    }

    #[test]
    fn pixels_have_areas_in_metres_whatever_the_system_counts_in() {
        let metres = grid(
            [500_000.0, 10.0, 0.0, 4_000_640.0, 0.0, -10.0],
            "EPSG:32615",
        );
        assert!((PixelAreas::of(&metres).unwrap().of_row(3) - 100.0).abs() < 1e-9);
        // US survey feet.
        let feet = grid(
            [6_000_000.0, 100.0, 0.0, 2_000_000.0, 0.0, -100.0],
            "EPSG:2227",
        );
        let area = PixelAreas::of(&feet).unwrap().largest();
        assert!(
            (area - (100.0 * 1200.0 / 3937.0_f64).powi(2)).abs() < 1e-6,
            "{area}"
        );
        let degrees = grid([10.0, 0.0001, 0.0, 60.0, 0.0, -0.0001], "EPSG:4326");
        let area = PixelAreas::of(&degrees).unwrap().of_row(0);
        // A ten-thousandth of a degree at 60 degrees north: 5.58 by 11.14 m.
        assert!((area - 62.1).abs() < 0.3, "{area}");
        assert_eq!(
            PixelAreas::of(&Grid {
                width: 1,
                height: 1,
                georef: Georef::default()
            }),
            None
        );
    }
}
