//! Labels: classes, the pixels the user painted and the polygons drawn or imported.
//! Knows grids. Knows nothing of tensors, textures or windows. Cheap to clone: blocks are shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::polygons::{CONFLICT, IndexSlot, PolygonIndex};
use crate::{Grid, class_color};

/// Side of a label block in pixels.
pub const LABEL_BLOCK: usize = 64;

/// Class ids of one block, row by row; 0 = unlabelled.
pub type LabelBlock = [u8; LABEL_BLOCK * LABEL_BLOCK];

/// 0 means unlabelled; classes start at 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    pub id: u8,
    pub name: String,
    pub color: [u8; 3],
}

/// A polygon in map coordinates of the labels' grid CRS: outer ring first, then holes (even-odd rule).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelPolygon {
    pub class_id: u8,
    pub rings: Vec<Vec<(f64, f64)>>,
    /// `polygon`, `point` or `import`.
    pub source: String,
    /// `train`, `test`, `val` (`validation`) or `ignore`; a polygon to ignore labels no pixel.
    pub usage: String,
}

impl LabelPolygon {
    /// Kept for testing a map: its pixels must not train one.
    pub fn is_held_out(&self) -> bool {
        matches!(self.usage.as_str(), "test" | "val" | "validation")
    }
}

/// What labelled pixels are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelUse {
    /// Painted pixels and polygons to train with.
    Train,
    /// Polygons marked `test`, `val` or `validation`.
    HeldOut,
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

/// Painted pixels, classes and polygons over one grid. Every painted id and every polygon's id has a class.
#[derive(Clone, Debug)]
pub struct Labels {
    pub grid: Grid,
    /// In ascending order of id.
    pub classes: Arc<Vec<Class>>,
    /// Key: (block column, block row). A block without a labelled pixel is not kept.
    pub blocks: BTreeMap<(u32, u32), Arc<LabelBlock>>,
    pub polygons: Arc<Vec<Arc<LabelPolygon>>>,
    /// Derived from `polygons` and `grid`; rebuilt when either changed.
    index: IndexSlot,
}

impl PartialEq for Labels {
    /// Shared parts are equal without a look inside, so comparing two steps of undo costs little.
    fn eq(&self, other: &Self) -> bool {
        self.grid == other.grid
            && self.classes == other.classes
            && self.blocks == other.blocks
            && (Arc::ptr_eq(&self.polygons, &other.polygons)
                || (self.polygons.len() == other.polygons.len()
                    && self
                        .polygons
                        .iter()
                        .zip(other.polygons.iter())
                        .all(|(a, b)| Arc::ptr_eq(a, b) || a == b)))
    }
}

impl Labels {
    pub fn new(grid: Grid) -> Self {
        Self {
            grid,
            classes: Arc::default(),
            blocks: BTreeMap::new(),
            polygons: Arc::default(),
            index: IndexSlot::default(),
        }
    }

    /// Adds a class with the next free id and house colour; returns the id. `None` when 255 are in use.
    pub fn add_class(&mut self, name: &str) -> Option<u8> {
        let id = (1..=u8::MAX).find(|id| self.class(*id).is_none())?;
        self.set_class(Class {
            id,
            name: name.to_owned(),
            color: class_color(id),
        });
        Some(id)
    }

    /// Adds this class, or replaces the one with its id. Id 0 (unlabelled) is no class and is ignored.
    pub fn set_class(&mut self, class: Class) {
        if class.id == 0 {
            return;
        }
        let classes = Arc::make_mut(&mut self.classes);
        match classes.binary_search_by_key(&class.id, |known| known.id) {
            Ok(at) => classes[at] = class,
            Err(at) => classes.insert(at, class),
        }
    }

    pub fn rename_class(&mut self, id: u8, name: &str) {
        if let Some(class) = self.class(id).filter(|class| class.name != name) {
            self.set_class(Class {
                name: name.to_owned(),
                ..class.clone()
            });
        }
    }

    pub fn recolor_class(&mut self, id: u8, color: [u8; 3]) {
        if let Some(class) = self.class(id).filter(|class| class.color != color) {
            self.set_class(Class {
                color,
                ..class.clone()
            });
        }
    }

    /// Removes the class with all its painted pixels and polygons.
    pub fn remove_class(&mut self, id: u8) {
        if self.class(id).is_none() {
            return;
        }
        Arc::make_mut(&mut self.classes).retain(|class| class.id != id);
        self.blocks.retain(|_, block| {
            if !block.contains(&id) {
                return true;
            }
            let values = Arc::make_mut(block);
            for value in values.iter_mut().filter(|value| **value == id) {
                *value = 0;
            }
            values.iter().any(|value| *value != 0)
        });
        if self.polygons.iter().any(|polygon| polygon.class_id == id) {
            Arc::make_mut(&mut self.polygons).retain(|polygon| polygon.class_id != id);
        }
    }

    pub fn class(&self, id: u8) -> Option<&Class> {
        self.classes.iter().find(|class| class.id == id)
    }

    /// Painted value at a pixel (polygons not consulted); 0 outside the grid.
    pub fn painted(&self, col: usize, row: usize) -> u8 {
        let Some((key, at)) = self.address(col, row) else {
            return 0;
        };
        self.blocks.get(&key).map_or(0, |block| block[at])
    }

    /// The class a pixel has after painting and polygons; 0 when unlabelled or outside the grid.
    pub fn class_at(&self, col: usize, row: usize) -> u8 {
        let Some((key, at)) = self.address(col, row) else {
            return 0;
        };
        self.block_for_drawing(key.0, key.1)
            .map_or(0, |block| block[at])
    }

    /// Block and offset of a pixel inside the grid.
    pub(crate) fn address(&self, col: usize, row: usize) -> Option<((u32, u32), usize)> {
        if col >= self.grid.width || row >= self.grid.height {
            return None;
        }
        let key = (
            u32::try_from(col / LABEL_BLOCK).ok()?,
            u32::try_from(row / LABEL_BLOCK).ok()?,
        );
        Some((key, (row % LABEL_BLOCK) * LABEL_BLOCK + col % LABEL_BLOCK))
    }

    /// Sets one painted pixel to a class (not 0); for readers of label files. Outside the grid nothing happens.
    pub(crate) fn set_painted(&mut self, col: usize, row: usize, class_id: u8) {
        if let Some((key, at)) = self.address(col, row) {
            let block = self
                .blocks
                .entry(key)
                .or_insert_with(|| Arc::new([0; LABEL_BLOCK * LABEL_BLOCK]));
            Arc::make_mut(block)[at] = class_id;
        }
    }

    /// Adds a polygon on top of the list. One without a class of ours, without three finite corners in its first ring,
    /// or without any ring is refused (`false`).
    pub fn add_polygon(&mut self, polygon: LabelPolygon) -> bool {
        let is_shape = polygon.rings.first().is_some_and(|ring| ring.len() >= 3)
            && polygon
                .rings
                .iter()
                .flatten()
                .all(|(x, y)| x.is_finite() && y.is_finite());
        if !is_shape || self.class(polygon.class_id).is_none() {
            return false;
        }
        Arc::make_mut(&mut self.polygons).push(Arc::new(polygon));
        true
    }

    pub fn remove_polygon(&mut self, index: usize) {
        if index < self.polygons.len() {
            Arc::make_mut(&mut self.polygons).remove(index);
        }
    }

    /// Index of the topmost polygon (of any usage) that covers the pixel's centre.
    pub fn polygon_at(&self, col: usize, row: usize) -> Option<usize> {
        self.index().topmost(col, row)
    }

    /// All labelled pixels: painted first, then polygons by the pixel-centre rule; a painted pixel wins over polygons;
    /// pixels claimed by polygons of different classes are dropped.
    pub fn pixels(&self) -> Vec<LabelledPixel> {
        let mut pixels = Vec::new();
        for (key, block) in &self.blocks {
            let (col, row) = first_pixel(*key);
            for (at, class_id) in block.iter().copied().enumerate().filter(|(_, id)| *id != 0) {
                pixels.push(LabelledPixel {
                    col: col + at % LABEL_BLOCK,
                    row: row + at / LABEL_BLOCK,
                    class_id,
                    polygon: 0,
                });
            }
        }
        self.each_polygon_pixel(|pixel| pixels.push(pixel));
        pixels
    }

    /// The labelled pixels for one use. A pixel inside a polygon that is held out never trains, whatever else labels it;
    /// polygons are numbered among those of the same use.
    pub fn pixels_for(&self, usage: LabelUse) -> Vec<LabelledPixel> {
        let is_held_out = |polygon: &&Arc<LabelPolygon>| polygon.is_held_out();
        let holds_out = self.polygons.iter().any(|polygon| polygon.is_held_out());
        if !holds_out {
            return match usage {
                LabelUse::Train => self.pixels(),
                LabelUse::HeldOut => Vec::new(),
            };
        }
        let of_polygons = |polygons: Vec<Arc<LabelPolygon>>, blocks| Self {
            polygons: Arc::new(polygons),
            blocks,
            ..Self::new(self.grid.clone())
        };
        if usage == LabelUse::HeldOut {
            let held_out = self.polygons.iter().filter(is_held_out).cloned().collect();
            return of_polygons(held_out, BTreeMap::new()).pixels();
        }
        // All of one class, so that where they contradict each other does not train either.
        let mask = self.polygons.iter().filter(is_held_out).map(|polygon| {
            Arc::new(LabelPolygon {
                class_id: 1,
                ..LabelPolygon::clone(polygon)
            })
        });
        let mask = of_polygons(mask.collect(), BTreeMap::new());
        let rest = self.polygons.iter().filter(|polygon| !is_held_out(polygon));
        let mut pixels = of_polygons(rest.cloned().collect(), self.blocks.clone()).pixels();
        pixels.retain(|pixel| mask.class_at(pixel.col, pixel.row) == 0);
        pixels
    }

    /// The labels of one use alone, with the same classes on the same grid. Where held-out polygons cover what trains is not
    /// looked at.
    pub(crate) fn only(&self, usage: LabelUse) -> Self {
        let wanted =
            |polygon: &&Arc<LabelPolygon>| polygon.is_held_out() == (usage == LabelUse::HeldOut);
        Self {
            classes: self.classes.clone(),
            polygons: Arc::new(self.polygons.iter().filter(wanted).cloned().collect()),
            blocks: match usage {
                LabelUse::Train => self.blocks.clone(),
                LabelUse::HeldOut => BTreeMap::new(),
            },
            ..Self::new(self.grid.clone())
        }
    }

    /// Rows of blocks that polygons touch.
    pub(crate) fn polygon_block_rows(&self) -> Vec<u32> {
        self.index().block_rows()
    }

    /// What one row of blocks shows, by block column; `painted` names the columns with painted blocks.
    pub(crate) fn shown_strip(
        &self,
        block_row: u32,
        painted: &[u32],
    ) -> BTreeMap<u32, Arc<LabelBlock>> {
        let index = self.index();
        let mut strip: BTreeMap<u32, Arc<LabelBlock>> = painted
            .iter()
            .filter_map(|col| Some((*col, self.blocks.get(&(*col, block_row))?.clone())))
            .collect();
        for (block_col, claims) in index.claims(block_row, None) {
            let mut shown = strip
                .get(&block_col)
                .map_or([0; LABEL_BLOCK * LABEL_BLOCK], |block| **block);
            for (value, claim) in shown.iter_mut().zip(claims.iter()) {
                if *value == 0 && *claim != CONFLICT {
                    *value = index.class_of(*claim);
                }
            }
            strip.insert(block_col, Arc::new(shown));
        }
        strip
    }

    /// Polygons kept for testing.
    pub fn held_out_polygons(&self) -> usize {
        self.polygons
            .iter()
            .filter(|polygon| polygon.is_held_out())
            .count()
    }

    /// Pixels labelled by polygons alone, block row by block row.
    fn each_polygon_pixel(&self, mut each: impl FnMut(LabelledPixel)) {
        let index = self.index();
        for block_row in index.block_rows() {
            for (block_col, claims) in index.claims(block_row, None) {
                let painted = self.blocks.get(&(block_col, block_row));
                let (col, row) = first_pixel((block_col, block_row));
                for (at, claim) in claims
                    .iter()
                    .copied()
                    .enumerate()
                    .filter(|(_, claim)| !matches!(*claim, 0 | CONFLICT))
                {
                    if painted.is_some_and(|block| block[at] != 0) {
                        continue;
                    }
                    each(LabelledPixel {
                        col: col + at % LABEL_BLOCK,
                        row: row + at / LABEL_BLOCK,
                        class_id: index.class_of(claim),
                        polygon: claim,
                    });
                }
            }
        }
    }

    /// One label block (class ids, polygons burnt in), `LABEL_BLOCK` squared, for drawing; `None` when empty.
    /// A block no polygon touches comes back as the very block that is painted (same pointer until it changes).
    pub fn block_for_drawing(&self, block_col: u32, block_row: u32) -> Option<Arc<LabelBlock>> {
        let painted = self.blocks.get(&(block_col, block_row));
        let Some(burnt) = self.index().burnt(block_col, block_row) else {
            return painted.cloned();
        };
        let Some(painted) = painted else {
            return Some(burnt);
        };
        let mut merged = *burnt;
        for (value, painted) in merged
            .iter_mut()
            .zip(painted.iter())
            .filter(|(_, painted)| **painted != 0)
        {
            *value = *painted;
        }
        Some(Arc::new(merged))
    }

    /// Labelled pixels of each class id (of all classes, also those without a pixel).
    pub fn counts(&self) -> BTreeMap<u8, usize> {
        let mut totals = [0_usize; 256];
        for value in self.blocks.values().flat_map(|block| block.iter()) {
            totals[usize::from(*value)] += 1;
        }
        self.each_polygon_pixel(|pixel| totals[usize::from(pixel.class_id)] += 1);
        self.classes
            .iter()
            .map(|class| (class.id, totals[usize::from(class.id)]))
            .collect()
    }

    /// Nothing painted and no polygon.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.polygons.is_empty()
    }

    fn index(&self) -> Arc<PolygonIndex> {
        self.index.get(&self.polygons, &self.grid)
    }

    /// Bytes this value holds that `other` does not share; with `None` all of them. Approximate.
    pub fn size_beyond(&self, other: Option<&Self>) -> usize {
        const MAP_ENTRY: usize = 24;
        let blocks: usize = self
            .blocks
            .iter()
            .map(|(key, block)| {
                let is_shared = other
                    .and_then(|other| other.blocks.get(key))
                    .is_some_and(|theirs| Arc::ptr_eq(theirs, block));
                MAP_ENTRY
                    + if is_shared {
                        0
                    } else {
                        size_of::<LabelBlock>()
                    }
            })
            .sum();
        let mut polygons = 0;
        if other.is_none_or(|other| !Arc::ptr_eq(&other.polygons, &self.polygons)) {
            let theirs: std::collections::HashSet<_> = other
                .iter()
                .flat_map(|other| other.polygons.iter())
                .map(Arc::as_ptr)
                .collect();
            polygons = size_of::<usize>() * self.polygons.len();
            for polygon in self
                .polygons
                .iter()
                .filter(|polygon| !theirs.contains(&Arc::as_ptr(polygon)))
            {
                polygons += size_of::<LabelPolygon>()
                    + polygon
                        .rings
                        .iter()
                        .map(|ring| 24 + 16 * ring.len())
                        .sum::<usize>();
            }
        }
        size_of::<Self>() + blocks + polygons
    }
}

/// Column and row of a block's first pixel.
pub(crate) fn first_pixel(key: (u32, u32)) -> (usize, usize) {
    (key.0 as usize * LABEL_BLOCK, key.1 as usize * LABEL_BLOCK)
}
