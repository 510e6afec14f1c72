//! Polygons on a grid: which pixels have their centre inside, block by block.
//! Knows label polygons and grids. Knows nothing of painting, files or windows.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::{GeoTransform, Grid, LABEL_BLOCK, LabelBlock, LabelPolygon};

/// Polygon number of a pixel which polygons of different classes claim.
pub(crate) const CONFLICT: u32 = u32::MAX;

/// Burnt blocks kept for drawing: 16 MiB, a screen of 4K pixels twice over.
const BURNT_BLOCKS: usize = 4096;

/// Polygon number (index + 1), 0 or `CONFLICT` of each pixel of a block.
pub(crate) type Claims = Box<[u32; LABEL_BLOCK * LABEL_BLOCK]>;

/// The edges of one polygon in pixel coordinates (pixel centres at .5).
pub(crate) struct PixelShape {
    edges: Vec<[f64; 4]>,
    /// Rows and columns of pixels whose centre may lie inside, cut to the grid.
    rows: Range<usize>,
    cols: Range<usize>,
}

impl PixelShape {
    /// `None` when no pixel centre of the grid can lie inside.
    pub(crate) fn new(
        rings: &[Vec<(f64, f64)>],
        pixel_from_map: &GeoTransform,
        width: usize,
        height: usize,
    ) -> Option<Self> {
        let mut edges = Vec::with_capacity(rings.iter().map(Vec::len).sum());
        let (mut min, mut max) = (
            (f64::INFINITY, f64::INFINITY),
            (f64::NEG_INFINITY, f64::NEG_INFINITY),
        );
        for ring in rings {
            let Some(last) = ring.last() else { continue };
            let mut previous = pixel_from_map.map_from_pixel(last.0, last.1);
            for (x, y) in ring {
                let corner = pixel_from_map.map_from_pixel(*x, *y);
                if !corner.0.is_finite() || !corner.1.is_finite() {
                    return None;
                }
                min = (min.0.min(corner.0), min.1.min(corner.1));
                max = (max.0.max(corner.0), max.1.max(corner.1));
                if previous.1 != corner.1 {
                    edges.push([previous.0, previous.1, corner.0, corner.1]);
                }
                previous = corner;
            }
        }
        let rows = centres(min.1, max.1, height);
        let cols = centres(min.0, max.0, width);
        (!rows.is_empty() && !cols.is_empty()).then_some(Self { edges, rows, cols })
    }

    /// The rows and columns that hold everything inside.
    pub(crate) fn extent(&self) -> crate::Window {
        crate::Window {
            col: self.cols.start,
            row: self.rows.start,
            width: self.cols.len(),
            height: self.rows.len(),
        }
    }

    /// Calls `each(row, columns)` for the runs of pixels inside (even-odd rule), for rows within `rows`.
    pub(crate) fn spans(&self, rows: Range<usize>, mut each: impl FnMut(usize, Range<usize>)) {
        let rows = rows.start.max(self.rows.start)..rows.end.min(self.rows.end);
        if rows.is_empty() {
            return;
        }
        let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
        for [x0, y0, x1, y1] in &self.edges {
            // Half-open in y, so that a corner shared by two edges counts once.
            let (low, high) = (y0.min(*y1), y0.max(*y1));
            let met = centres(low, high, rows.end);
            for row in met.start.max(rows.start)..met.end {
                let y = row as f64 + 0.5;
                crossings[row - rows.start].push(x0 + (y - y0) * (x1 - x0) / (y1 - y0));
            }
        }
        for (crossings, row) in crossings.iter_mut().zip(rows) {
            crossings.sort_unstable_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                let cols = centres(pair[0], pair[1], self.cols.end);
                if !cols.is_empty() {
                    each(row, cols);
                }
            }
        }
    }
}

/// Indices `i` below `end` with `low <= i + 0.5 < high`.
fn centres(low: f64, high: f64, end: usize) -> Range<usize> {
    // The float to integer casts saturate, and NaN gives 0: both wanted.
    let first = (low - 0.5).ceil().max(0.0) as usize;
    let past = (high - 0.5).ceil().max(0.0) as usize;
    first.min(end)..past.min(end)
}

/// Blocks by (column, row); `None`: looked at and empty.
type BurntBlocks = HashMap<(u32, u32), Option<Arc<LabelBlock>>>;

/// All polygons of one set of labels on their grid, with the blocks burnt for drawing so far.
pub(crate) struct PolygonIndex {
    shapes: Vec<Option<PixelShape>>,
    polygons: Vec<Arc<LabelPolygon>>,
    /// What the index was built from. `Weak`, so that it never makes the list look shared.
    built_from: Weak<Vec<Arc<LabelPolygon>>>,
    transform: GeoTransform,
    size: (usize, usize),
    burnt: Mutex<BurntBlocks>,
}

impl PolygonIndex {
    pub(crate) fn new(polygons: &Arc<Vec<Arc<LabelPolygon>>>, grid: &Grid) -> Self {
        let transform = grid.transform();
        let inverse = transform.inverse();
        let shapes = polygons
            .iter()
            .map(|polygon| {
                PixelShape::new(&polygon.rings, inverse.as_ref()?, grid.width, grid.height)
            })
            .collect();
        Self {
            shapes,
            polygons: polygons.to_vec(),
            built_from: Arc::downgrade(polygons),
            transform,
            size: (grid.width, grid.height),
            burnt: Mutex::default(),
        }
    }

    fn fits(&self, polygons: &Arc<Vec<Arc<LabelPolygon>>>, grid: &Grid) -> bool {
        std::ptr::eq(self.built_from.as_ptr(), Arc::as_ptr(polygons))
            && self.transform == grid.transform()
            && self.size == (grid.width, grid.height)
    }

    /// Polygons that label pixels: number (index + 1) and shape.
    fn labelling(&self) -> impl Iterator<Item = (u32, &PixelShape)> {
        self.shapes
            .iter()
            .zip(&self.polygons)
            .zip(1_u32..)
            .filter(|((_, polygon), _)| polygon.usage != "ignore")
            .filter_map(|((shape, _), number)| Some((number, shape.as_ref()?)))
    }

    /// Rows of blocks that polygons touch.
    pub(crate) fn block_rows(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = Vec::new();
        for (_, shape) in self.labelling() {
            rows.extend(
                (shape.rows.start / LABEL_BLOCK..=(shape.rows.end - 1) / LABEL_BLOCK)
                    .map(|row| row as u32),
            );
        }
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// Who claims each pixel of a row of blocks (of one block column with `only`).
    pub(crate) fn claims(&self, block_row: u32, only: Option<u32>) -> BTreeMap<u32, Claims> {
        let first_row = block_row as usize * LABEL_BLOCK;
        let window = match only {
            Some(col) => col as usize * LABEL_BLOCK..(col as usize + 1) * LABEL_BLOCK,
            None => 0..self.size.0,
        };
        let mut claims: BTreeMap<u32, Claims> = BTreeMap::new();
        for (number, shape) in self.labelling() {
            if shape.cols.start >= window.end || shape.cols.end <= window.start {
                continue;
            }
            shape.spans(first_row..first_row + LABEL_BLOCK, |row, cols| {
                let (mut col, end) = (cols.start.max(window.start), cols.end.min(window.end));
                while col < end {
                    let block = col / LABEL_BLOCK;
                    let stop = end.min((block + 1) * LABEL_BLOCK);
                    let values = claims
                        .entry(block as u32)
                        .or_insert_with(|| Box::new([0; LABEL_BLOCK * LABEL_BLOCK]));
                    let line = (row - first_row) * LABEL_BLOCK;
                    for claim in
                        &mut values[line + col % LABEL_BLOCK..line + (stop - 1) % LABEL_BLOCK + 1]
                    {
                        if *claim == 0 {
                            *claim = number;
                        } else if *claim != CONFLICT
                            && self.class_of(*claim) != self.class_of(number)
                        {
                            *claim = CONFLICT;
                        }
                    }
                    col = stop;
                }
            });
        }
        claims
    }

    /// Class of a polygon number (index + 1); 0 for none.
    pub(crate) fn class_of(&self, number: u32) -> u8 {
        (number as usize)
            .checked_sub(1)
            .and_then(|index| self.polygons.get(index))
            .map_or(0, |polygon| polygon.class_id)
    }

    /// Polygon classes of one block; `None` where no polygon reaches.
    pub(crate) fn burnt(&self, block_col: u32, block_row: u32) -> Option<Arc<LabelBlock>> {
        if self.shapes.is_empty() {
            return None;
        }
        if let Some(known) = lock(&self.burnt).get(&(block_col, block_row)) {
            return known.clone();
        }
        let block = self
            .claims(block_row, Some(block_col))
            .remove(&block_col)
            .map(|claims| {
                let mut block = [0; LABEL_BLOCK * LABEL_BLOCK];
                for (value, claim) in block
                    .iter_mut()
                    .zip(claims.iter())
                    .filter(|(_, claim)| **claim != CONFLICT)
                {
                    *value = self.class_of(*claim);
                }
                Arc::new(block)
            });
        let block = block.filter(|block| block.iter().any(|value| *value != 0));
        let mut burnt = lock(&self.burnt);
        if burnt.len() >= BURNT_BLOCKS {
            burnt.clear();
        }
        burnt.insert((block_col, block_row), block.clone());
        block
    }

    pub(crate) fn topmost(&self, col: usize, row: usize) -> Option<usize> {
        self.shapes.iter().rposition(|shape| {
            let Some(shape) = shape.as_ref().filter(|shape| shape.cols.contains(&col)) else {
                return false;
            };
            let mut is_inside = false;
            shape.spans(row..row.saturating_add(1), |_, cols| {
                is_inside |= cols.contains(&col)
            });
            is_inside
        })
    }
}

/// The index of a `Labels`, built when first asked for and shared by its clones. Never part of equality.
#[derive(Default)]
pub(crate) struct IndexSlot(Mutex<Option<Arc<PolygonIndex>>>);

impl IndexSlot {
    pub(crate) fn get(
        &self,
        polygons: &Arc<Vec<Arc<LabelPolygon>>>,
        grid: &Grid,
    ) -> Arc<PolygonIndex> {
        let mut slot = lock(&self.0);
        if let Some(index) = slot.as_ref().filter(|index| index.fits(polygons, grid)) {
            return index.clone();
        }
        let index = Arc::new(PolygonIndex::new(polygons, grid));
        *slot = Some(index.clone());
        index
    }
}

impl Clone for IndexSlot {
    fn clone(&self) -> Self {
        Self(Mutex::new(lock(&self.0).clone()))
    }
}

impl std::fmt::Debug for IndexSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IndexSlot")
    }
}

/// A poisoned cache is still a valid cache: entries go in whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Class, Georef, LabelUse, Labels};

    fn labels(size: usize, transform: [f64; 6]) -> Labels {
        let georef = Georef {
            transform: Some(GeoTransform(transform)),
            crs: None,
            ..Georef::default()
        };
        let mut labels = Labels::new(Grid {
            width: size,
            height: size,
            georef,
        });
        for id in 1..=3 {
            labels.set_class(Class {
                id,
                name: format!("class {id}"),
                color: [id; 3],
            });
        }
        labels
    }

    fn polygon(class_id: u8, rings: &[&[(f64, f64)]]) -> LabelPolygon {
        LabelPolygon {
            class_id,
            rings: rings.iter().map(|ring| ring.to_vec()).collect(),
            source: "polygon".to_owned(),
            usage: "train".to_owned(),
        }
    }

    const NORTH_UP: [f64; 6] = [0.0, 1.0, 0.0, 200.0, 0.0, -1.0];

    /// Even-odd rule by counting crossings of a ray, the slow way.
    fn is_inside(rings: &[Vec<(f64, f64)>], x: f64, y: f64) -> bool {
        let mut inside = false;
        for ring in rings {
            for (at, a) in ring.iter().enumerate() {
                let b = ring[(at + 1) % ring.len()];
                if (a.1 <= y) != (b.1 <= y) && x < a.0 + (y - a.1) * (b.0 - a.0) / (b.1 - a.1) {
                    inside = !inside;
                }
            }
        }
        inside
    }

    proptest! {
        #[test]
        fn the_centre_decides(
            outer in proptest::collection::vec((-30.0..230.0_f64, -30.0..230.0_f64), 3..9),
            hole in proptest::collection::vec((0.0..200.0_f64, 0.0..200.0_f64), 3..6),
            rotated in proptest::bool::ANY,
        ) {
            let transform = if rotated { [10.0, 0.8, 0.6, 20.0, 0.6, -0.8] } else { NORTH_UP };
            let mut labels = labels(200, transform);
            prop_assert!(labels.add_polygon(polygon(1, &[&outer, &hole])));
            let rings = vec![outer, hole];
            let mut wrong = 0;
            for row in 0..200 {
                for col in 0..200 {
                    let (x, y) = GeoTransform(transform).map_from_pixel(col as f64 + 0.5, row as f64 + 0.5);
                    wrong += usize::from((labels.class_at(col, row) == 1) != is_inside(&rings, x, y));
                }
            }
            // A centre within rounding of an edge may fall either way.
            prop_assert!(wrong <= 1, "{} pixels differ", wrong);
            prop_assert_eq!(labels.pixels().len(), labels.counts()[&1]);
        }
    }

    #[test]
    fn shared_edges_give_each_pixel_once() {
        let mut labels = labels(200, NORTH_UP);
        // Two rectangles meet exactly on pixel centres.
        labels.add_polygon(polygon(
            1,
            &[&[(10.5, 190.5), (50.5, 190.5), (50.5, 100.5), (10.5, 100.5)]],
        ));
        labels.add_polygon(polygon(
            2,
            &[&[(50.5, 190.5), (90.5, 190.5), (90.5, 100.5), (50.5, 100.5)]],
        ));
        assert_eq!(labels.counts()[&1], 40 * 90);
        assert_eq!(labels.counts()[&2], 40 * 90);
    }

    #[test]
    fn overlaps_paint_and_usage() {
        let square = |x: f64| [(x, 200.0), (x + 20.0, 200.0), (x + 20.0, 180.0), (x, 180.0)];
        let mut labels = labels(200, NORTH_UP);
        labels.add_polygon(polygon(1, &[&square(0.0)]));
        labels.add_polygon(polygon(2, &[&square(10.0)]));
        labels.add_polygon(polygon(2, &[&square(15.0)]));
        labels.add_polygon(LabelPolygon {
            usage: "ignore".to_owned(),
            ..polygon(3, &[&square(100.0)])
        });
        // Columns 0-9 class 1, 10-19 claimed by both, 20-34 class 2.
        assert_eq!(
            (
                labels.counts()[&1],
                labels.counts()[&2],
                labels.counts()[&3]
            ),
            (200, 300, 0)
        );
        assert_eq!(labels.class_at(12, 3), 0);
        labels.paint_stroke((12.5, 3.5), (12.5, 3.5), 1.0, 3, false);
        assert_eq!((labels.class_at(12, 3), labels.counts()[&3]), (3, 1));
        let pixels = labels.pixels();
        assert_eq!(pixels[0].polygon, 0, "painted first");
        assert_eq!(
            pixels
                .iter()
                .find(|pixel| pixel.col == 25)
                .map(|pixel| pixel.polygon),
            Some(2),
            "the first of its class"
        );
        assert_eq!(
            (
                labels.polygon_at(101, 5),
                labels.polygon_at(16, 5),
                labels.polygon_at(60, 60)
            ),
            (Some(3), Some(2), None)
        );
        labels.remove_polygon(2);
        assert_eq!(labels.counts()[&2], 200);
        labels.remove_class(2);
        assert_eq!((labels.counts()[&1], labels.polygons.len()), (399, 2));
        assert!(
            !labels.add_polygon(polygon(2, &[&square(0.0)])),
            "the class is gone"
        );
        assert!(!labels.add_polygon(polygon(1, &[&[(0.0, 0.0), (f64::NAN, 1.0), (2.0, 2.0)]])));
    }

    #[test]
    fn pixels_of_held_out_polygons_do_not_train() {
        let square = |x: f64| [(x, 200.0), (x + 20.0, 200.0), (x + 20.0, 180.0), (x, 180.0)];
        let of_use = |class_id, x, usage: &str| LabelPolygon {
            usage: usage.to_owned(),
            ..polygon(class_id, &[&square(x)])
        };
        let mut labels = labels(200, NORTH_UP);
        labels.add_polygon(of_use(1, 0.0, "train"));
        labels.paint_stroke((5.5, 5.5), (5.5, 5.5), 1.0, 2, false);
        assert_eq!(labels.pixels_for(LabelUse::Train), labels.pixels());
        assert_eq!(labels.pixels_for(LabelUse::HeldOut), []);
        // Half of the training polygon lies inside one that is held out; two of those contradict each other.
        labels.add_polygon(of_use(1, 10.0, "test"));
        labels.add_polygon(of_use(2, 20.0, "val"));
        labels.add_polygon(of_use(2, 60.0, "train"));
        labels.add_polygon(of_use(3, 60.0, "ignore"));
        labels.paint_stroke((15.5, 5.5), (15.5, 5.5), 1.0, 2, false);
        assert_eq!(labels.held_out_polygons(), 2);
        let held_out = labels.pixels_for(LabelUse::HeldOut);
        assert_eq!(held_out.len(), 200 + 200, "without the contradiction");
        let train = labels.pixels_for(LabelUse::Train);
        assert_eq!(train.len(), 200 + 400);
        let inside =
            |pixel: &&crate::LabelledPixel| (10..40).contains(&pixel.col) && pixel.row < 20;
        assert_eq!(train.iter().find(inside), None);
        assert!(train.contains(&crate::LabelledPixel {
            col: 5,
            row: 5,
            class_id: 2,
            polygon: 0
        }));
    }

    #[test]
    fn blocks_for_drawing_follow_both_sources() {
        let mut labels = labels(200, NORTH_UP);
        assert!(labels.block_for_drawing(0, 0).is_none());
        labels.paint_stroke((5.5, 5.5), (5.5, 5.5), 3.0, 1, false);
        let block = labels.block_for_drawing(0, 0).unwrap();
        assert!(Arc::ptr_eq(&block, &labels.blocks[&(0, 0)]));
        labels.add_polygon(polygon(
            2,
            &[&[(0.0, 200.0), (70.0, 200.0), (70.0, 190.0), (0.0, 190.0)]],
        ));
        let block = labels.block_for_drawing(0, 0).unwrap();
        assert_eq!(
            (
                block[5 * LABEL_BLOCK + 5],
                block[0],
                block[10 * LABEL_BLOCK]
            ),
            (1, 2, 0)
        );
        assert_eq!(
            labels
                .block_for_drawing(1, 0)
                .unwrap()
                .iter()
                .filter(|value| **value == 2)
                .count(),
            60
        );
        assert!(labels.block_for_drawing(2, 0).is_none());
        assert!(labels.block_for_drawing(900, 900).is_none());
    }
}
