//! Grids: a raster's size and place, and the overlapping windows a job walks over. Pure values.

use serde::{Deserialize, Serialize};

use crate::{Crs, GeoTransform, Georef};

/// A rectangle of pixels: `col`, `row` of its first pixel, counted from the file's first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    pub col: usize,
    pub row: usize,
    pub width: usize,
    pub height: usize,
}

impl Window {
    pub fn pixels(&self) -> usize {
        self.width.saturating_mul(self.height)
    }

    /// The common part; `None` when the two only touch or lie apart.
    pub fn intersection(&self, other: &Window) -> Option<Window> {
        let col = self.col.max(other.col);
        let row = self.row.max(other.row);
        let end_col = self.end_col().min(other.end_col());
        let end_row = self.end_row().min(other.end_row());
        (end_col > col && end_row > row).then(|| Window {
            col,
            row,
            width: end_col - col,
            height: end_row - row,
        })
    }

    /// One past the last column.
    pub fn end_col(&self) -> usize {
        self.col.saturating_add(self.width)
    }

    /// One past the last row.
    pub fn end_row(&self) -> usize {
        self.row.saturating_add(self.height)
    }
}

/// The pixel lattice a raster, a field, labels and maps share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    pub width: usize,
    pub height: usize,
    pub georef: Georef,
}

impl Grid {
    pub fn window(&self) -> Window {
        Window {
            col: 0,
            row: 0,
            width: self.width,
            height: self.height,
        }
    }

    pub fn transform(&self) -> GeoTransform {
        self.georef.drawing_transform()
    }

    pub fn crs(&self) -> Option<&Crs> {
        self.georef.crs.as_ref()
    }

    /// Where a pixel lies on the ground, in [`Georef::ground_crs`].
    pub fn ground_from_pixel(&self, col: f64, row: f64) -> Option<(f64, f64)> {
        self.georef.ground_from_pixel(col, row)
    }

    /// The pixel over a ground point, also outside the raster. Longitudes may be a turn off: 190 and -170 are one.
    pub fn pixel_from_ground(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let straight = self.georef.pixel_from_ground(x, y);
        let is_inside = |pixel: &(f64, f64)| self.holds(pixel.0, pixel.1);
        if straight.as_ref().is_some_and(is_inside)
            || !self
                .georef
                .ground_crs()
                .is_some_and(|crs| crs.is_geographic)
        {
            return straight;
        }
        [-360.0, 360.0]
            .into_iter()
            .filter_map(|turn| self.georef.pixel_from_ground(x + turn, y))
            .find(is_inside)
            .or(straight)
    }

    /// Whether a place in pixels lies on the raster.
    pub fn holds(&self, col: f64, row: f64) -> bool {
        col >= 0.0 && row >= 0.0 && col < self.width as f64 && row < self.height as f64
    }

    /// Same size, and same transform to 1e-6 of a pixel, and same CRS.
    pub fn same_as(&self, other: &Grid) -> bool {
        if (self.width, self.height) != (other.width, other.height) {
            return false;
        }
        let same_model = match (&self.georef.model, &other.georef.model) {
            (None, None) => true,
            (Some(a), Some(b)) => a.same_as(b),
            _ => false,
        };
        if !same_model {
            return false;
        }
        let same_crs = match (self.crs(), other.crs()) {
            (None, None) => true,
            (Some(a), Some(b)) => a.same_as(b),
            _ => false,
        };
        same_crs && self.corners_agree(other)
    }

    /// Every corner of `other` lies within 1e-6 of a pixel of the same corner of `self`.
    fn corners_agree(&self, other: &Grid) -> bool {
        let (own, theirs) = (self.transform(), other.transform());
        let Some(pixel_from_map) = own.inverse() else {
            return own == theirs;
        };
        let (width, height) = (self.width as f64, self.height as f64);
        [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)]
            .into_iter()
            .all(|(col, row)| {
                let (x, y) = theirs.map_from_pixel(col, row);
                let (back_col, back_row) = pixel_from_map.map_from_pixel(x, y);
                // The inverse itself loses some digits far from the origin of the CRS.
                let slack = 1e-6 + 1e-10 * (col.abs() + row.abs());
                (back_col - col).abs() <= slack && (back_row - row).abs() <= slack
            })
    }
}

/// Windows of `size` that overlap by at least `overlap` and cover `extent` exactly, row by row; the last of a row or
/// column is moved inwards, never cut, unless the extent itself is smaller than `size`.
pub fn plan_windows(extent: Window, size: usize, overlap: usize) -> Vec<Window> {
    let cols = plan_axis(extent.width, size, overlap);
    let rows = plan_axis(extent.height, size, overlap);
    let mut windows = Vec::with_capacity(cols.len() * rows.len());
    for &(row, height) in &rows {
        for &(col, width) in &cols {
            windows.push(Window {
                col: extent.col + col,
                row: extent.row + row,
                width,
                height,
            });
        }
    }
    windows
}

/// Starts and lengths along one axis.
fn plan_axis(length: usize, size: usize, overlap: usize) -> Vec<(usize, usize)> {
    if length == 0 || size == 0 {
        return Vec::new();
    }
    if length <= size {
        return vec![(0, length)];
    }
    // An overlap of the whole window would never advance.
    let step = size.saturating_sub(overlap).max(1);
    let mut starts: Vec<(usize, usize)> = (0..length - size)
        .step_by(step)
        .map(|start| (start, size))
        .collect();
    starts.push((length - size, size));
    starts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grid(transform: [f64; 6]) -> Grid {
        let georef = Georef {
            transform: Some(GeoTransform(transform)),
            ..Georef::default()
        };
        Grid {
            width: 10980,
            height: 10980,
            georef,
        }
    }

    #[test]
    fn same_grid_tolerates_the_last_digits_only() {
        let a = grid([600_000.0, 10.0, 0.0, 4_500_000.0, 0.0, -10.0]);
        assert!(a.same_as(&grid([600_000.000_001, 10.0, 0.0, 4_500_000.0, 0.0, -10.0])));
        assert!(!a.same_as(&grid([600_000.1, 10.0, 0.0, 4_500_000.0, 0.0, -10.0])));
        assert!(!a.same_as(&grid([600_000.0, 10.000_01, 0.0, 4_500_000.0, 0.0, -10.0])));
        assert!(!a.same_as(&grid([600_000.0, 10.0, 0.0, 4_500_000.0, 0.0, 10.0])));
    }

    #[test]
    fn last_window_moves_inwards() {
        let extent = Window {
            col: 5,
            row: 7,
            width: 100,
            height: 40,
        };
        let windows = plan_windows(extent, 48, 8);
        assert_eq!(
            windows.iter().map(|w| (w.col, w.width)).collect::<Vec<_>>(),
            vec![(5, 48), (45, 48), (57, 48)]
        );
        assert!(windows.iter().all(|w| w.row == 7 && w.height == 40));
    }

    #[test]
    fn nothing_to_cover_gives_nothing() {
        assert!(
            plan_windows(
                Window {
                    col: 0,
                    row: 0,
                    width: 0,
                    height: 9
                },
                4,
                1
            )
            .is_empty()
        );
    }

    proptest! {
        #[test]
        fn windows_cover_overlap_and_stay_inside(
            col in 0usize..50, row in 0usize..50, width in 1usize..160, height in 1usize..160,
            size in 1usize..64, overlap in 0usize..80,
        ) {
            let extent = Window { col, row, width, height };
            let windows = plan_windows(extent, size, overlap);
            let asked = overlap.min(size - 1);
            let mut covered = vec![false; width * height];
            for window in &windows {
                prop_assert!(window.col >= col && window.end_col() <= col + width);
                prop_assert!(window.row >= row && window.end_row() <= row + height);
                prop_assert_eq!(window.width, size.min(width));
                prop_assert_eq!(window.height, size.min(height));
                for y in window.row - row..window.end_row() - row {
                    covered[y * width + window.col - col..][..window.width].fill(true);
                }
            }
            prop_assert!(covered.iter().all(|&c| c));
            for pair in windows.windows(2) {
                let (a, b) = (pair[0], pair[1]);
                if a.row == b.row {
                    prop_assert!(b.col > a.col);
                    prop_assert!(a.end_col() - b.col >= asked);
                } else {
                    prop_assert!(b.row > a.row && a.end_row() - b.row >= asked);
                }
            }
        }
    }
}
