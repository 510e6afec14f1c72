//! Regions of label pixels: which pixels hang together, found block by block and bounded, and painted in one go.
//! Knows label blocks. Knows nothing of pixel values, files or windows.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::labels::first_pixel;
use crate::{Grid, LABEL_BLOCK, Labels, SceneError, SceneResult};

/// One bit a pixel of a block, one word a row.
pub(crate) type BlockMask = [u64; LABEL_BLOCK];

const NOTHING: BlockMask = [0; LABEL_BLOCK];
/// Edges of a block in the order left, right, above, below.
const SIDES: [(i64, i64); 4] = [(-1, 0), (1, 0), (0, -1), (0, 1)];

/// A set of label pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelRegion {
    /// By block (column, row); a block without a pixel is not kept.
    pub(crate) masks: BTreeMap<(u32, u32), BlockMask>,
    pixels: usize,
}

impl LabelRegion {
    /// How many pixels it holds.
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    pub fn is_empty(&self) -> bool {
        self.pixels == 0
    }

    pub fn contains(&self, col: usize, row: usize) -> bool {
        let key = (
            u32::try_from(col / LABEL_BLOCK),
            u32::try_from(row / LABEL_BLOCK),
        );
        let (Ok(block_col), Ok(block_row)) = key else {
            return false;
        };
        self.masks
            .get(&(block_col, block_row))
            .is_some_and(|mask| mask[row % LABEL_BLOCK] >> (col % LABEL_BLOCK) & 1 == 1)
    }

    /// Adds pixels of one row; what is there already stays.
    pub fn add_run(&mut self, row: usize, mut cols: Range<usize>) {
        let Ok(block_row) = u32::try_from(row / LABEL_BLOCK) else {
            return;
        };
        while cols.start < cols.end {
            let block = cols.start / LABEL_BLOCK;
            let Ok(block_col) = u32::try_from(block) else {
                return;
            };
            let stop = cols.end.min((block + 1) * LABEL_BLOCK);
            let mask = self.masks.entry((block_col, block_row)).or_insert(NOTHING);
            let word = &mut mask[row % LABEL_BLOCK];
            let wanted = bits(cols.start % LABEL_BLOCK, stop - cols.start);
            self.pixels += (wanted & !*word).count_ones() as usize;
            *word |= wanted;
            cols.start = stop;
        }
    }

    /// Adds all pixels of another region.
    pub fn add(&mut self, other: &Self) {
        for (key, theirs) in &other.masks {
            let ours = self.masks.entry(*key).or_insert(NOTHING);
            for (word, more) in ours.iter_mut().zip(theirs) {
                self.pixels += (more & !*word).count_ones() as usize;
                *word |= more;
            }
        }
    }

    fn of_masks(masks: BTreeMap<(u32, u32), BlockMask>, pixels: usize) -> Self {
        Self { masks, pixels }
    }
}

/// What came of following a region.
#[derive(Clone, Debug, PartialEq)]
pub enum Followed {
    Whole(LabelRegion),
    /// It has more pixels than were allowed.
    TooLarge,
}

impl Labels {
    /// The 4-connected pixels that show the same class as this one, painted or by polygons (or that show none).
    ///
    /// # Errors
    /// `Cancelled`.
    pub fn region_at(
        &self,
        col: usize,
        row: usize,
        limit: usize,
        is_cancelled: &dyn Fn() -> bool,
    ) -> SceneResult<Followed> {
        let class_id = self.class_at(col, row);
        follow(&self.grid, (col, row), limit, is_cancelled, |key| {
            Ok(match self.block_for_drawing(key.0, key.1) {
                None if class_id == 0 => [u64::MAX; LABEL_BLOCK],
                None => NOTHING,
                Some(block) => mask_of(|at| block[at] == class_id),
            })
        })
    }

    /// Gives the region around a pixel a class, if it has at most `limit` pixels. Returns how many pixels changed.
    pub fn fill(&mut self, col: usize, row: usize, class_id: u8, limit: usize) -> usize {
        match self.region_at(col, row, limit, &|| false) {
            Ok(Followed::Whole(region)) => self.paint_region(&region, class_id, false),
            Ok(Followed::TooLarge) | Err(_) => 0,
        }
    }

    /// Gives a region a class (0 erases what is painted). With `protect`, labelled pixels keep their class (the eraser
    /// still erases). An id without a class paints nothing. Returns how many pixels changed.
    pub fn paint_region(&mut self, region: &LabelRegion, class_id: u8, protect: bool) -> usize {
        if class_id != 0 && self.class(class_id).is_none() {
            return 0;
        }
        self.paint_masks(&region.masks, class_id, protect && class_id != 0)
    }
}

/// The mask of a block's pixels for which `is_in` holds, asked by their offset in the block.
pub(crate) fn mask_of(is_in: impl Fn(usize) -> bool) -> BlockMask {
    let mut mask = NOTHING;
    for (line, word) in mask.iter_mut().enumerate() {
        for col in 0..LABEL_BLOCK {
            *word |= u64::from(is_in(line * LABEL_BLOCK + col)) << col;
        }
    }
    mask
}

/// A block on the way: what may be reached, and what has been.
struct Reached {
    open: BlockMask,
    filled: BlockMask,
}

/// The open pixels that hang together (by their sides) with `start`; `open` says of a block which pixels are open and is
/// asked only for blocks that are reached. Work and memory go with the region, not with the grid.
pub(crate) fn follow(
    grid: &Grid,
    start: (usize, usize),
    limit: usize,
    is_cancelled: &dyn Fn() -> bool,
    mut open: impl FnMut((u32, u32)) -> SceneResult<BlockMask>,
) -> SceneResult<Followed> {
    let whole = |region| Ok(Followed::Whole(region));
    let (Ok(col), Ok(row)) = (
        u32::try_from(start.0 / LABEL_BLOCK),
        u32::try_from(start.1 / LABEL_BLOCK),
    ) else {
        return whole(LabelRegion::default());
    };
    if start.0 >= grid.width || start.1 >= grid.height {
        return whole(LabelRegion::default());
    }
    let mut entering = NOTHING;
    entering[start.1 % LABEL_BLOCK] = 1 << (start.0 % LABEL_BLOCK);
    let mut reached: HashMap<(u32, u32), Reached> = HashMap::new();
    let mut waiting = vec![((col, row), entering)];
    let mut found = 0;
    while let Some((key, entering)) = waiting.pop() {
        if is_cancelled() {
            return Err(SceneError::Cancelled);
        }
        if let std::collections::hash_map::Entry::Vacant(place) = reached.entry(key) {
            let mut open = open(key)?;
            cut_to_grid(&mut open, key, grid);
            place.insert(Reached {
                open,
                filled: NOTHING,
            });
        }
        let Some(block) = reached.get_mut(&key) else {
            continue;
        };
        let before = block.filled;
        let is_news = spread(block, &entering);
        if !is_news {
            continue;
        }
        for (word, old) in block.filled.iter().zip(&before) {
            found += (word & !old).count_ones() as usize;
        }
        if found > limit {
            return Ok(Followed::TooLarge);
        }
        let (filled, old) = (block.filled, before);
        for side in SIDES {
            let (Ok(col), Ok(row)) = (
                u32::try_from(i64::from(key.0) + side.0),
                u32::try_from(i64::from(key.1) + side.1),
            ) else {
                continue;
            };
            let neighbour = first_pixel((col, row));
            if neighbour.0 >= grid.width || neighbour.1 >= grid.height {
                continue;
            }
            let entering = across(&filled, &old, side);
            if entering.iter().any(|word| *word != 0) {
                waiting.push(((col, row), entering));
            }
        }
    }
    let masks = reached
        .into_iter()
        .filter(|(_, block)| block.filled.iter().any(|word| *word != 0))
        .map(|(key, block)| (key, block.filled))
        .collect();
    whole(LabelRegion::of_masks(masks, found))
}

/// Pixels newly filled at one edge, as they enter the block on that side.
fn across(filled: &BlockMask, old: &BlockMask, side: (i64, i64)) -> BlockMask {
    let mut entering = NOTHING;
    match side {
        (0, -1) => entering[LABEL_BLOCK - 1] = filled[0] & !old[0],
        (0, 1) => entering[0] = filled[LABEL_BLOCK - 1] & !old[LABEL_BLOCK - 1],
        (-1, _) => {
            for (word, (new, old)) in entering.iter_mut().zip(filled.iter().zip(old)) {
                *word = (new & !old & 1) << (LABEL_BLOCK - 1);
            }
        }
        _ => {
            for (word, (new, old)) in entering.iter_mut().zip(filled.iter().zip(old)) {
                *word = (new & !old) >> (LABEL_BLOCK - 1);
            }
        }
    }
    entering
}

/// Closes pixels that lie beyond the grid.
fn cut_to_grid(open: &mut BlockMask, key: (u32, u32), grid: &Grid) {
    let (col, row) = first_pixel(key);
    let cols = grid.width.saturating_sub(col).min(LABEL_BLOCK);
    let rows = grid.height.saturating_sub(row).min(LABEL_BLOCK);
    for (line, word) in open.iter_mut().enumerate() {
        if line >= rows || cols == 0 {
            *word = 0;
        } else {
            *word &= bits(0, cols);
        }
    }
}

/// Fills what hangs together with `entering` inside one block; whether anything came of it.
fn spread(block: &mut Reached, entering: &BlockMask) -> bool {
    let Reached { open, filled } = block;
    let mut is_news = false;
    for ((word, more), open) in filled.iter_mut().zip(entering).zip(open.iter()) {
        let new = more & open & !*word;
        is_news |= new != 0;
        *word |= new;
    }
    if !is_news {
        return false;
    }
    loop {
        let mut has_changed = false;
        let mut line = |line: usize, from: Option<usize>, filled: &mut BlockMask| {
            let handed = from.map_or(0, |from| filled[from]);
            let grown = along_row(filled[line] | (handed & open[line]), open[line]);
            has_changed |= grown != filled[line];
            filled[line] = grown;
        };
        for row in 0..LABEL_BLOCK {
            line(row, row.checked_sub(1), filled);
        }
        for row in (0..LABEL_BLOCK - 1).rev() {
            line(row, Some(row + 1), filled);
        }
        if !has_changed {
            return true;
        }
    }
}

/// Grows set bits both ways through open bits (Kogge and Stone's parallel prefix).
fn along_row(seeds: u64, open: u64) -> u64 {
    let (mut up, mut up_open) = (seeds & open, open);
    let (mut down, mut down_open) = (up, open);
    for step in [1, 2, 4, 8, 16, 32] {
        up |= up_open & (up << step);
        up_open &= up_open << step;
        down |= down_open & (down >> step);
        down_open &= down_open >> step;
    }
    up | down
}

/// `count` (1..=64) set bits from `first`.
pub(crate) fn bits(first: usize, count: usize) -> u64 {
    (u64::MAX >> (LABEL_BLOCK - count.clamp(1, LABEL_BLOCK))) << first
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Class, Georef, LabelPolygon};

    fn labels(width: usize, height: usize) -> Labels {
        let mut labels = Labels::new(Grid {
            width,
            height,
            georef: Georef {
                transform: Some(crate::GeoTransform([0.0, 1.0, 0.0, 0.0, 0.0, 1.0])),
                ..Georef::default()
            },
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

    fn whole(followed: SceneResult<Followed>) -> LabelRegion {
        match followed.unwrap() {
            Followed::Whole(region) => region,
            Followed::TooLarge => panic!("too large"),
        }
    }

    /// Pixel by pixel.
    fn by_hand(
        labels: &Labels,
        start: (usize, usize),
    ) -> std::collections::HashSet<(usize, usize)> {
        let wanted = labels.class_at(start.0, start.1);
        let mut found = std::collections::HashSet::new();
        let mut next = vec![start];
        while let Some((col, row)) = next.pop() {
            let is_inside = col < labels.grid.width && row < labels.grid.height;
            if !is_inside || labels.class_at(col, row) != wanted || !found.insert((col, row)) {
                continue;
            }
            next.push((col + 1, row));
            next.push((col, row + 1));
            next.extend(col.checked_sub(1).map(|col| (col, row)));
            next.extend(row.checked_sub(1).map(|row| (col, row)));
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_region_is_what_pixel_by_pixel_gives(
            strokes in proptest::collection::vec(
                ((0.0..170.0_f64, 0.0..150.0_f64), (0.0..170.0_f64, 0.0..150.0_f64), 1.0..9.0_f64, 0..4_u8),
                0..14,
            ),
            start in (0..170_usize, 0..150_usize),
        ) {
            let mut labels = labels(170, 150);
            for (from, to, diameter, class_id) in strokes {
                labels.paint_stroke(from, to, diameter, class_id, false);
            }
            let region = whole(labels.region_at(start.0, start.1, usize::MAX, &|| false));
            let expected = by_hand(&labels, start);
            prop_assert_eq!(region.pixels(), expected.len());
            prop_assert!(expected.iter().all(|(col, row)| region.contains(*col, *row)));
            // One pixel fewer is too few.
            let bounded = labels.region_at(start.0, start.1, expected.len() - 1, &|| false).unwrap();
            prop_assert_eq!(bounded, Followed::TooLarge);
        }

        #[test]
        fn runs_count_each_pixel_once(runs in proptest::collection::vec((0..200_usize, 0..300_usize, 0..200_usize), 0..20)) {
            let mut region = LabelRegion::default();
            let mut expected = std::collections::HashSet::new();
            for (row, start, length) in runs {
                region.add_run(row, start..start + length);
                expected.extend((start..start + length).map(|col| (col, row)));
            }
            prop_assert_eq!(region.pixels(), expected.len());
            prop_assert!(expected.iter().all(|(col, row)| region.contains(*col, *row)));
            let mut twice = region.clone();
            twice.add(&region);
            prop_assert_eq!(twice, region);
        }
    }

    #[test]
    fn a_snake_through_many_blocks_is_followed() {
        let mut labels = labels(256, 256);
        // Walls with gaps at alternating ends: the way leads to and fro through all blocks.
        for (index, row) in (8..256).step_by(8).enumerate() {
            let (from, to) = if index % 2 == 0 {
                (0.5, 250.5)
            } else {
                (5.5, 255.5)
            };
            labels.paint_stroke(
                (from, row as f64 + 0.5),
                (to, row as f64 + 0.5),
                1.0,
                1,
                false,
            );
        }
        let region = whole(labels.region_at(0, 0, usize::MAX, &|| false));
        assert_eq!(region.pixels(), by_hand(&labels, (0, 0)).len());
        assert!(region.contains(0, 255) && !region.contains(0, 8));
    }

    #[test]
    fn a_region_stays_inside_its_borders() {
        let mut labels = labels(200, 200);
        for (from, to) in [
            ((50.5, 50.5), (150.5, 50.5)),
            ((150.5, 50.5), (150.5, 150.5)),
            ((150.5, 150.5), (50.5, 150.5)),
            ((50.5, 150.5), (50.5, 50.5)),
        ] {
            labels.paint_stroke(from, to, 1.0, 1, false);
        }
        assert_eq!(labels.fill(100, 100, 2, 99 * 99), 99 * 99);
        assert_eq!((labels.painted(100, 51), labels.painted(100, 49)), (2, 0));
        let before = labels.clone();
        assert_eq!(
            labels.fill(0, 0, 3, 1000),
            0,
            "more than the limit: left alone"
        );
        assert_eq!(labels, before);
        assert_eq!(labels.fill(0, 0, 3, usize::MAX), 200 * 200 - 101 * 101);
        assert_eq!(
            labels.fill(50, 100, 0, usize::MAX),
            400,
            "the outline, erased"
        );
        assert_eq!(labels.fill(200, 0, 1, usize::MAX), 0, "outside");
    }

    #[test]
    fn polygons_bound_regions_and_are_regions() {
        let mut labels = labels(128, 128);
        let square = |from: f64, to: f64| vec![(from, from), (to, from), (to, to), (from, to)];
        labels.add_polygon(LabelPolygon {
            class_id: 1,
            rings: vec![square(20.0, 100.0), square(40.0, 80.0)],
            source: "polygon".to_owned(),
            usage: "train".to_owned(),
        });
        let hole = whole(labels.region_at(60, 60, usize::MAX, &|| false));
        assert_eq!(hole.pixels(), 40 * 40);
        let ring = whole(labels.region_at(30, 60, usize::MAX, &|| false));
        assert_eq!(ring.pixels(), 80 * 80 - 40 * 40);
        // A painted pixel wins over polygons.
        assert_eq!(labels.paint_region(&ring, 2, false), ring.pixels());
        assert_eq!(labels.class_at(30, 60), 2);
        assert_eq!(labels.paint_region(&ring, 9, false), 0, "no such class");
    }

    #[test]
    fn unlabelled_ground_of_a_huge_raster_is_given_up_early() {
        let labels = labels(40_000, 40_000);
        let looked = std::cell::Cell::new(0);
        let is_cancelled = || {
            looked.set(looked.get() + 1);
            false
        };
        let followed = labels
            .region_at(20_000, 20_000, 1_000_000, &is_cancelled)
            .unwrap();
        assert_eq!(followed, Followed::TooLarge);
        assert!(
            looked.get() < 1000,
            "{} blocks for a million pixels",
            looked.get()
        );
        assert!(matches!(
            labels.region_at(0, 0, 1_000_000, &|| true),
            Err(SceneError::Cancelled)
        ));
    }
}
