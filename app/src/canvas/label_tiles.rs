//! Label tiles: pictures of class ids assembled from label blocks and polygons, renewed only where they changed.
//! Knows nothing of textures or windows.

use std::sync::Arc;

use terroir_scene::{GeoTransform, LABEL_BLOCK, LabelBlock, LabelPolygon, Labels, MapRect};

use super::tiles::{PixelRect, Pyramid, TileId};

type BlockKey = (u32, u32);
type Polygons = Arc<Vec<Arc<LabelPolygon>>>;

/// What a tile was made of, compared by pointer. Holding the blocks keeps a pointer from being used again, so equal
/// pointers mean equal pixels.
#[derive(Clone, Default)]
pub struct TileSources {
    blocks: Vec<(BlockKey, Arc<LabelBlock>)>,
    /// Only when one of them may touch the tile.
    polygons: Option<Polygons>,
}

impl TileSources {
    fn same_as(&self, other: &Self) -> bool {
        let same_polygons = match (&self.polygons, &other.polygons) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        same_polygons
            && self.blocks.len() == other.blocks.len()
            && self
                .blocks
                .iter()
                .zip(&other.blocks)
                .all(|(a, b)| a.0 == b.0 && Arc::ptr_eq(&a.1, &b.1))
    }
}

/// A label tile's class ids, `width * height`; empty when nothing is labelled there.
pub struct IdTile {
    pub ids: Vec<u8>,
    pub width: usize,
    pub height: usize,
    pub sources: TileSources,
}

/// The polygons' places on the grid, found once for each set of polygons.
#[derive(Default)]
pub struct LabelTiles {
    polygons: Option<Polygons>,
    /// Index and bounds in pixels of each polygon that labels anything.
    boxes: Vec<(usize, MapRect)>,
}

impl LabelTiles {
    /// Makes the ids of a tile; `None` when nothing changed since `before`.
    pub fn assemble(
        &mut self,
        labels: &Labels,
        pyramid: &Pyramid,
        tile: TileId,
        before: Option<&TileSources>,
    ) -> Option<IdTile> {
        self.find_polygons(labels);
        let pixels = pyramid.pixels(tile);
        let block = |pixel: usize| (pixel / LABEL_BLOCK) as u32;
        let (left, right) = (block(pixels.left), block(pixels.right.saturating_sub(1)));
        let (top, bottom) = (block(pixels.top), block(pixels.bottom.saturating_sub(1)));
        let mut sources = TileSources::default();
        for column in left..=right {
            let painted = labels.blocks.range((column, top)..=(column, bottom));
            sources
                .blocks
                .extend(painted.map(|(key, pixels)| (*key, pixels.clone())));
        }
        let touching: Vec<usize> = self
            .boxes
            .iter()
            .filter(|(_, b)| touches(b, pixels))
            .map(|(index, _)| *index)
            .collect();
        if !touching.is_empty() {
            sources.polygons = Some(labels.polygons.clone());
        }
        if before.is_some_and(|before| before.same_as(&sources)) {
            return None;
        }
        let read = pyramid.read(tile);
        let mut picture = Picture {
            ids: vec![0; read.out_width * read.out_height],
            width: read.out_width,
            height: read.out_height,
            pixels,
            level: tile.level,
        };
        if tile.level == 0 {
            // Exact pixels, as training sees them.
            let has_polygons = !touching.is_empty();
            for (column, row) in
                (left..=right).flat_map(|column| (top..=bottom).map(move |row| (column, row)))
            {
                if (has_polygons || labels.blocks.contains_key(&(column, row)))
                    && let Some(block) = labels.block_for_drawing(column, row)
                {
                    picture.stamp(&block, (column, row));
                }
            }
        } else {
            // From afar polygons are filled at the tile's own resolution: burning each of their blocks would cost far more.
            if let Some(pixel_from_map) = labels.grid.transform().inverse() {
                for polygon in touching
                    .iter()
                    .filter_map(|index| labels.polygons.get(*index))
                {
                    picture.fill(polygon, &pixel_from_map);
                }
            }
            for (key, block) in &sources.blocks {
                picture.stamp(block, *key);
            }
        }
        let ids = if picture.ids.iter().any(|id| *id > 0) {
            picture.ids
        } else {
            Vec::new()
        };
        Some(IdTile {
            ids,
            width: picture.width,
            height: picture.height,
            sources,
        })
    }

    fn find_polygons(&mut self, labels: &Labels) {
        if self
            .polygons
            .as_ref()
            .is_some_and(|polygons| Arc::ptr_eq(polygons, &labels.polygons))
        {
            return;
        }
        self.polygons = Some(labels.polygons.clone());
        self.boxes.clear();
        let Some(pixel_from_map) = labels.grid.transform().inverse() else {
            return;
        };
        let trains = |polygon: &LabelPolygon| polygon.usage != "ignore";
        for (index, polygon) in labels
            .polygons
            .iter()
            .enumerate()
            .filter(|(_, p)| trains(p))
        {
            let corners = polygon.rings.iter().flatten();
            let bounds =
                MapRect::around(corners.map(|(x, y)| pixel_from_map.map_from_pixel(*x, *y)));
            self.boxes.extend(bounds.map(|bounds| (index, bounds)));
        }
    }
}

/// Points take the pixel they lie nearest to, hence one pixel of room.
fn touches(bounds: &MapRect, pixels: PixelRect) -> bool {
    bounds.min_x - 1.0 <= pixels.right as f64
        && bounds.max_x + 1.0 >= pixels.left as f64
        && bounds.min_y - 1.0 <= pixels.bottom as f64
        && bounds.max_y + 1.0 >= pixels.top as f64
}

struct Picture {
    ids: Vec<u8>,
    width: usize,
    height: usize,
    pixels: PixelRect,
    level: u8,
}

impl Picture {
    fn set(&mut self, x: usize, y: usize, id: u8) {
        if x < self.width
            && let Some(texel) = self.ids.get_mut(y * self.width + x)
        {
            *texel = id;
        }
    }

    /// Copies a block. On coarser levels a texel takes the last label among its pixels, so that thin strokes stay visible.
    fn stamp(&mut self, block: &LabelBlock, key: BlockKey) {
        let (left, top) = (key.0 as usize * LABEL_BLOCK, key.1 as usize * LABEL_BLOCK);
        for (index, id) in block.iter().enumerate().filter(|(_, id)| **id > 0) {
            let (col, row) = (left + index % LABEL_BLOCK, top + index / LABEL_BLOCK);
            if let (Some(x), Some(y)) = (
                col.checked_sub(self.pixels.left),
                row.checked_sub(self.pixels.top),
            ) {
                self.set(x >> self.level, y >> self.level, *id);
            }
        }
    }

    /// Even-odd fill by texel centres; corners are marked too, so that small shapes do not vanish.
    fn fill(&mut self, polygon: &LabelPolygon, pixel_from_map: &GeoTransform) {
        let step = (1_usize << self.level) as f64;
        let rings: Vec<Vec<(f64, f64)>> = polygon
            .rings
            .iter()
            .map(|ring| {
                let corner = |(x, y): &(f64, f64)| {
                    let (col, row) = pixel_from_map.map_from_pixel(*x, *y);
                    (
                        (col - self.pixels.left as f64) / step,
                        (row - self.pixels.top as f64) / step,
                    )
                };
                ring.iter().map(corner).collect()
            })
            .collect();
        let mut crossings = Vec::new();
        for y in 0..self.height {
            let center = y as f64 + 0.5;
            crossings.clear();
            for ring in &rings {
                for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                    if (a.1 <= center) != (b.1 <= center) {
                        crossings.push(a.0 + (b.0 - a.0) * (center - a.1) / (b.1 - a.1));
                    }
                }
            }
            crossings.sort_unstable_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                let from = (pair[0] - 0.5).ceil().max(0.0) as usize;
                let to = (pair[1] - 0.5).ceil().max(0.0) as usize;
                (from..to.min(self.width)).for_each(|x| self.set(x, y, polygon.class_id));
            }
        }
        for (x, y) in rings.iter().flatten() {
            if *x >= 0.0 && *y >= 0.0 {
                self.set(*x as usize, *y as usize, polygon.class_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(level: u8) -> Picture {
        Picture {
            ids: vec![0; 64 * 64],
            width: 64,
            height: 64,
            pixels: PixelRect {
                left: 0,
                top: 0,
                right: 64 << level,
                bottom: 64 << level,
            },
            level,
        }
    }

    #[test]
    fn strokes_stay_visible_on_coarser_levels() {
        let mut block = [0_u8; LABEL_BLOCK * LABEL_BLOCK];
        block[3 * LABEL_BLOCK + 5] = 7;
        let mut far = picture(2);
        far.stamp(&block, (1, 2));
        assert_eq!(far.ids.iter().filter(|id| **id == 7).count(), 1);
        assert_eq!(far.ids[(131 >> 2) * 64 + (69 >> 2)], 7);
        let mut near = picture(0);
        near.stamp(&block, (0, 0));
        assert_eq!(near.ids[3 * 64 + 5], 7);
    }

    #[test]
    fn polygons_are_filled_around_their_holes() {
        let square = |from: f64, to: f64| vec![(from, from), (to, from), (to, to), (from, to)];
        let polygon = LabelPolygon {
            class_id: 3,
            rings: vec![square(8.0, 40.0), square(16.0, 32.0)],
            source: "polygon".into(),
            usage: "train".into(),
        };
        let mut far = picture(1);
        far.fill(&polygon, &GeoTransform([0.0, 1.0, 0.0, 0.0, 0.0, 1.0]));
        let at = |x: usize, y: usize| far.ids[y * 64 + x];
        assert_eq!(
            [
                at(3, 10),
                at(4, 10),
                at(7, 10),
                at(9, 10),
                at(16, 10),
                at(19, 19),
                at(21, 10)
            ],
            [0, 3, 3, 0, 3, 3, 0]
        );
        assert_eq!(
            far.ids.iter().filter(|id| **id == 3).count(),
            16 * 16 - 8 * 8 + 4
        );
    }
}
