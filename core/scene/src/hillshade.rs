//! Hill-shade of an elevation band: Horn's slope and the light of one sun, the formula of `gdaldem hillshade`, with cells in
//! metres whatever the coordinate system counts in. Works on planes of elevations; reads no files.

use serde::{Deserialize, Serialize};

use crate::Grid;

/// Metres of a degree of latitude, and of longitude on the equator.
const METRES_PER_DEGREE: f64 = 111_319.49;

/// Where the light stands and how steep the ground looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hillshade {
    /// The elevation band, from 0.
    pub band: usize,
    /// Degrees clockwise from north.
    pub azimuth_deg: f64,
    /// Degrees above the horizon.
    pub altitude_deg: f64,
    /// Vertical exaggeration; also converts elevations that are not in metres.
    pub z_factor: f64,
}

impl Hillshade {
    /// The light of printed maps: from the north-west, halfway up.
    pub fn of_band(band: usize) -> Self {
        Self {
            band,
            azimuth_deg: 315.0,
            altitude_deg: 45.0,
            z_factor: 1.0,
        }
    }

    /// Hashable, and the same for the same light.
    pub(crate) fn bits(&self) -> (usize, [u64; 3]) {
        (
            self.band,
            [self.azimuth_deg, self.altitude_deg, self.z_factor].map(f64::to_bits),
        )
    }

    /// Shades 1 (dark) to 255 of `width x height` pixels; NaN where the elevation is missing.
    pub(crate) fn shade(&self, ground: &Ground, width: usize, height: usize) -> Vec<f32> {
        let (sin_azimuth, cos_azimuth) = self.azimuth_deg.to_radians().sin_cos();
        let (sin_altitude, cos_altitude) = self.altitude_deg.to_radians().sin_cos();
        let z = self.z_factor;
        let mut shades = Vec::with_capacity(width * height);
        for row in 0..height {
            let cell = ground.cell(row);
            for col in 0..width {
                let center = ground.at(col + 1, row + 1);
                if center.is_nan() {
                    shades.push(f32::NAN);
                    continue;
                }
                // A missing neighbour is as high as the pixel itself.
                let near = |right: usize, down: usize| {
                    let value = ground.at(col + right, row + down);
                    if value.is_nan() { center } else { value }
                };
                let (a, b, c) = (near(0, 0), near(1, 0), near(2, 0));
                let (d, f) = (near(0, 1), near(2, 1));
                let (g, h, i) = (near(0, 2), near(1, 2), near(2, 2));
                let per_col = ((c + f + f + i) - (a + d + d + g)) / 8.0;
                let per_row = ((g + h + h + i) - (a + b + b + c)) / 8.0;
                let (east, north) = cell.slope(per_col, per_row);
                let facing = z * (north * cos_azimuth + east * sin_azimuth) * cos_altitude;
                let light =
                    (sin_altitude - facing) / (1.0 + z * z * (east * east + north * north)).sqrt();
                shades.push((1.0 + 254.0 * light.max(0.0)) as f32);
            }
        }
        shades
    }
}

/// Elevations with one more pixel on every side.
pub(crate) struct Ground {
    /// `(width + 2) * (height + 2)`; NaN = missing.
    values: Vec<f32>,
    stride: usize,
    cells: Vec<Cell>,
}

/// How a step in columns and rows moves on the ground, in metres east and north.
#[derive(Clone, Copy, Debug)]
struct Cell {
    col: (f64, f64),
    row: (f64, f64),
}

impl Cell {
    /// Rise per metre to the east and north from the rise per column and row.
    fn slope(&self, per_col: f64, per_row: f64) -> (f64, f64) {
        let determinant = self.col.0 * self.row.1 - self.col.1 * self.row.0;
        if determinant == 0.0 || !determinant.is_finite() {
            return (0.0, 0.0);
        }
        (
            (per_col * self.row.1 - per_row * self.col.1) / determinant,
            (per_row * self.col.0 - per_col * self.row.0) / determinant,
        )
    }
}

/// A plane of elevations as read: `left` and `top` say whether it holds the border on that side, `size` the inner pixels.
pub(crate) struct Elevations<'a> {
    pub values: &'a [f32],
    pub valid: &'a [bool],
    /// Columns and rows read, borders included.
    pub read: (usize, usize),
    pub has_left: bool,
    pub has_top: bool,
    /// Inner columns and rows.
    pub size: (usize, usize),
}

impl Ground {
    /// Borders outside the raster go on as the two pixels beside them do. `first` is the inner plane's first pixel in the
    /// raster, `step` the raster's pixels under one pixel of the plane.
    pub fn new(
        elevations: &Elevations<'_>,
        grid: &Grid,
        first: (usize, usize),
        step: (f64, f64),
    ) -> Self {
        let (width, height) = elevations.size;
        let stride = width + 2;
        let mut values = vec![f32::NAN; stride * (height + 2)];
        let mut is_known = vec![false; values.len()];
        let left = usize::from(!elevations.has_left);
        let top = usize::from(!elevations.has_top);
        for row in 0..elevations.read.1.min(height + 2 - top) {
            for col in 0..elevations.read.0.min(width + 2 - left) {
                let (from, to) = (
                    row * elevations.read.0 + col,
                    (row + top) * stride + col + left,
                );
                is_known[to] = true;
                if elevations.valid.get(from).copied().unwrap_or(false) {
                    values[to] = elevations.values.get(from).copied().unwrap_or(f32::NAN);
                }
            }
        }
        let mut ground = Self {
            values,
            stride,
            cells: (0..height)
                .map(|row| cell_of(grid, first, step, row))
                .collect(),
        };
        ground.extend(&is_known, width, height);
        ground
    }

    /// Fills the border that was not read: first the sides, then, with the corners, above and below.
    fn extend(&mut self, is_known: &[bool], width: usize, height: usize) {
        let stride = self.stride;
        let onward = |values: &[f32], near: usize, far: Option<usize>| {
            far.and_then(|far| values.get(far))
                .map_or(f32::NAN, |far| 2.0 * values[near] - far)
        };
        for row in 0..height + 2 {
            let start = row * stride;
            if !is_known[start] && is_known[start + 1] {
                let far = (width > 1).then_some(start + 2);
                self.values[start] = onward(&self.values, start + 1, far);
            }
            let end = start + width + 1;
            if !is_known[end] && is_known[end - 1] {
                let far = (width > 1).then_some(end - 2);
                self.values[end] = onward(&self.values, end - 1, far);
            }
        }
        for col in 0..width + 2 {
            if !is_known[1] {
                let far = (height > 1).then_some(2 * stride + col);
                self.values[col] = onward(&self.values, stride + col, far);
            }
            let last = (height + 1) * stride + col;
            if !is_known[(height + 1) * stride + 1] {
                let far = (height > 1).then_some(last - 2 * stride);
                self.values[last] = onward(&self.values, last - stride, far);
            }
        }
    }

    fn at(&self, col: usize, row: usize) -> f64 {
        self.values
            .get(row * self.stride + col)
            .map_or(f64::NAN, |value| f64::from(*value))
    }

    fn cell(&self, row: usize) -> Cell {
        self.cells.get(row).copied().unwrap_or(Cell {
            col: (1.0, 0.0),
            row: (0.0, -1.0),
        })
    }
}

fn cell_of(grid: &Grid, first: (usize, usize), step: (f64, f64), row: usize) -> Cell {
    let t = grid.transform().0;
    let (mut east, mut north) = (1.0, 1.0);
    if grid.crs().is_some_and(|crs| crs.is_geographic) {
        let center = first.1 as f64 + (row as f64 + 0.5) * step.1;
        let (_, latitude) = grid.transform().map_from_pixel(first.0 as f64, center);
        // Never quite zero at the poles.
        east = METRES_PER_DEGREE * latitude.to_radians().cos().abs().max(0.01);
        north = METRES_PER_DEGREE;
    }
    Cell {
        col: (t[1] * step.0 * east, t[4] * step.0 * north),
        row: (t[2] * step.1 * east, t[5] * step.1 * north),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GeoTransform, Georef};

    fn grid(transform: [f64; 6]) -> Grid {
        Grid {
            width: 8,
            height: 8,
            georef: Georef {
                transform: Some(GeoTransform(transform)),
                ..Georef::default()
            },
        }
    }

    fn shade(
        values: &[f32],
        size: (usize, usize),
        transform: [f64; 6],
        light: Hillshade,
    ) -> Vec<f32> {
        let valid: Vec<bool> = values.iter().map(|value| !value.is_nan()).collect();
        let elevations = Elevations {
            values,
            valid: &valid,
            read: size,
            has_left: false,
            has_top: false,
            size,
        };
        let ground = Ground::new(&elevations, &grid(transform), (0, 0), (1.0, 1.0));
        light.shade(&ground, size.0, size.1)
    }

    const NORTH_UP: [f64; 6] = [0.0, 10.0, 0.0, 0.0, 0.0, -10.0];

    #[test]
    fn flat_ground_has_the_light_of_the_sun_s_height() {
        let shades = shade(&[5.0; 16], (4, 4), NORTH_UP, Hillshade::of_band(0));
        let expected = 1.0 + 254.0 * 45f32.to_radians().sin();
        assert!(shades.iter().all(|shade| (shade - expected).abs() < 1e-3));
    }

    /// A plane that rises 1 m a metre to the east, in closed form, border included.
    #[test]
    fn a_slope_faces_or_hides_from_the_sun() {
        let rising: Vec<f32> = (0..16).map(|pixel| (pixel % 4) as f32 * 10.0).collect();
        let of = |azimuth_deg: f64| Hillshade {
            azimuth_deg,
            ..Hillshade::of_band(0)
        };
        // The slope of 45 degrees looks west, straight at a sun of 45 degrees there, and hides from one in the east.
        for (azimuth, expected) in [(270.0, 255.0), (90.0, 1.0)] {
            let shades = shade(&rising, (4, 4), NORTH_UP, of(azimuth));
            assert!(
                shades.iter().all(|shade| (shade - expected).abs() < 0.01),
                "{azimuth}: {shades:?}"
            );
        }
        // South-up files lie the same on the ground.
        let south_up = [0.0, 10.0, 0.0, 0.0, 0.0, 10.0];
        let northward: Vec<f32> = (0..16).map(|pixel| (pixel / 4) as f32 * 10.0).collect();
        let shades = shade(&northward, (4, 4), south_up, of(180.0));
        assert!(shades.iter().all(|shade| (shade - 255.0).abs() < 0.01));
        // A raster turned by a quarter: its rows run east.
        let turned = [0.0, 0.0, 10.0, 0.0, 10.0, 0.0];
        let shades = shade(&northward, (4, 4), turned, of(270.0));
        assert!(
            shades.iter().all(|shade| (shade - 255.0).abs() < 0.01),
            "{shades:?}"
        );
    }

    #[test]
    fn missing_ground_stays_missing_and_does_not_spread() {
        let mut values = vec![3.0; 16];
        values[5] = f32::NAN;
        let shades = shade(&values, (4, 4), NORTH_UP, Hillshade::of_band(0));
        assert!(shades[5].is_nan());
        assert_eq!(shades.iter().filter(|shade| shade.is_nan()).count(), 1);
        assert_eq!(
            shade(&[1.0], (1, 1), NORTH_UP, Hillshade::of_band(0)).len(),
            1
        );
    }
}
