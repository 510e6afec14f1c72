//! Labels: classes, the pixels the user painted and the polygons drawn or imported.
//! Knows grids. Knows nothing of tensors, textures or windows. Cheap to clone: blocks are shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Grid;

/// Side of a label block in pixels.
pub const LABEL_BLOCK: usize = 64;

/// 0 means unlabelled; classes start at 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Class {
    pub id: u8,
    pub name: String,
    pub color: [u8; 3],
}

/// A polygon in map coordinates of the labels' grid CRS: outer ring first, then holes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelPolygon {
    pub class_id: u8,
    pub rings: Vec<Vec<(f64, f64)>>,
    /// `polygon`, `point` or `import`.
    pub source: String,
    /// `train`, `test`, `val` or `ignore`.
    pub usage: String,
}

/// One labelled pixel with the unit (polygon or painted patch) it came from, for honest splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelledPixel {
    pub col: usize,
    pub row: usize,
    pub class_id: u8,
    /// 0 for painted pixels, else polygon index + 1.
    pub polygon: u32,
}

/// Painted pixels, classes and polygons over one grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    pub grid: Grid,
    pub classes: Arc<Vec<Class>>,
    /// Key: (block column, block row).
    pub blocks: BTreeMap<(u32, u32), Arc<[u8; LABEL_BLOCK * LABEL_BLOCK]>>,
    pub polygons: Arc<Vec<LabelPolygon>>,
}

impl Labels {
    pub fn new(_grid: Grid) -> Self {
        todo!()
    }
    /// Adds a class with the next free id and house colour; returns the id. `None` when 255 are in use.
    pub fn add_class(&mut self, _name: &str) -> Option<u8> {
        todo!()
    }
    /// Removes the class with all its painted pixels and polygons.
    pub fn remove_class(&mut self, _id: u8) {
        todo!()
    }
    pub fn class(&self, _id: u8) -> Option<&Class> {
        todo!()
    }
    /// Painted value at a pixel (polygons not consulted); 0 outside the grid.
    pub fn painted(&self, _col: usize, _row: usize) -> u8 {
        todo!()
    }
    /// Paints (class 0 erases) a round brush of `diameter` pixels swept from `from` to `to`, pixel coordinates (centres at .5).
    /// With `protect`, pixels already labelled keep their class. Returns how many pixels changed.
    pub fn paint_stroke(&mut self, _from: (f64, f64), _to: (f64, f64), _diameter: f64, _class_id: u8, _protect: bool) -> usize {
        todo!()
    }
    /// Fills the 4-connected region of equal painted value around a pixel, within `limit` pixels.
    pub fn fill(&mut self, _col: usize, _row: usize, _class_id: u8, _limit: usize) -> usize {
        todo!()
    }
    pub fn add_polygon(&mut self, _polygon: LabelPolygon) {
        todo!()
    }
    /// All labelled pixels: painted first, then polygons by the pixel-centre rule; a painted pixel wins over polygons;
    /// pixels claimed by polygons of different classes are dropped.
    pub fn pixels(&self) -> Vec<LabelledPixel> {
        todo!()
    }
    /// One label block (class ids, polygons burnt in), `LABEL_BLOCK` squared, for drawing; `None` when empty.
    pub fn block_for_drawing(&self, _block_col: u32, _block_row: u32) -> Option<Arc<[u8; LABEL_BLOCK * LABEL_BLOCK]>> {
        todo!()
    }
    /// Labelled pixels of each class id.
    pub fn counts(&self) -> BTreeMap<u8, usize> {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        todo!()
    }
}
