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

/// The pixel lattice a raster, a field, labels and maps share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    pub width: usize,
    pub height: usize,
    pub georef: Georef,
}

impl Grid {
    pub fn window(&self) -> Window {
        Window { col: 0, row: 0, width: self.width, height: self.height }
    }

    pub fn transform(&self) -> GeoTransform {
        self.georef.drawing_transform()
    }

    pub fn crs(&self) -> Option<&Crs> {
        self.georef.crs.as_ref()
    }

    /// Same size, and same transform to 1e-6 of a pixel, and same CRS.
    pub fn same_as(&self, _other: &Grid) -> bool {
        todo!()
    }
}

/// Windows of `size` that overlap by at least `overlap` and cover `extent` exactly, row by row; the last of a row or
/// column is moved inwards, never cut, unless the extent itself is smaller than `size`.
pub fn plan_windows(_extent: Window, _size: usize, _overlap: usize) -> Vec<Window> {
    todo!()
}
