//! The brush: round strokes on painted labels. Cost depends on the brush, never on the raster.
//! Knows label blocks. Knows nothing of polygons, files or windows.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::regions::{BlockMask, bits};
use crate::{LABEL_BLOCK, LabelBlock, Labels};

/// A run of pixels in one row.
pub(crate) struct Span {
    pub(crate) row: usize,
    pub(crate) cols: Range<usize>,
}

impl Labels {
    /// Paints (class 0 erases) a round brush of `diameter` pixels swept from `from` to `to`, pixel coordinates (centres at .5):
    /// every pixel whose centre lies within the brush, and the pixels under both ends, so that a thin brush leaves no gap.
    /// With `protect`, painted pixels keep their class (the eraser still erases). An id without a class paints nothing.
    /// Returns how many pixels changed.
    pub fn paint_stroke(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        diameter: f64,
        class_id: u8,
        protect: bool,
    ) -> usize {
        if class_id != 0 && self.class(class_id).is_none() {
            return 0;
        }
        let mut masks = BTreeMap::new();
        for Span { row, mut cols } in
            stroke_spans(from, to, diameter, self.grid.width, self.grid.height)
        {
            while cols.start < cols.end {
                let block = cols.start / LABEL_BLOCK;
                let stop = cols.end.min((block + 1) * LABEL_BLOCK);
                let mask: &mut BlockMask = masks
                    .entry((block as u32, (row / LABEL_BLOCK) as u32))
                    .or_insert([0; LABEL_BLOCK]);
                mask[row % LABEL_BLOCK] |= bits(cols.start % LABEL_BLOCK, stop - cols.start);
                cols.start = stop;
            }
        }
        self.paint_masks(&masks, class_id, protect && class_id != 0)
    }

    /// Writes a class through masks. A block in which nothing changes is not copied; a block that became empty is dropped.
    pub(crate) fn paint_masks(
        &mut self,
        masks: &BTreeMap<(u32, u32), BlockMask>,
        class_id: u8,
        protect: bool,
    ) -> usize {
        let mut changed = 0;
        for (key, mask) in masks {
            let changes = |value: u8| value != class_id && !(protect && value != 0);
            let block = self.blocks.get(key);
            let count = marked(mask)
                .filter(|at| changes(block.map_or(0, |block| block[*at])))
                .count();
            if count == 0 {
                continue;
            }
            changed += count;
            let block: &mut LabelBlock = Arc::make_mut(
                self.blocks
                    .entry(*key)
                    .or_insert_with(|| Arc::new([0; LABEL_BLOCK * LABEL_BLOCK])),
            );
            for at in marked(mask) {
                if changes(block[at]) {
                    block[at] = class_id;
                }
            }
            if class_id == 0 && block.iter().all(|value| *value == 0) {
                self.blocks.remove(key);
            }
        }
        changed
    }
}

/// Offsets of the set bits of a mask.
fn marked(mask: &BlockMask) -> impl Iterator<Item = usize> {
    mask.iter()
        .enumerate()
        .filter(|(_, word)| **word != 0)
        .flat_map(|(line, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(line * LABEL_BLOCK + bit)
            })
        })
}

/// Whether a pixel's centre lies within `radius` of the segment.
fn is_within(from: (f64, f64), to: (f64, f64), radius: f64, col: usize, row: usize) -> bool {
    let (px, py) = (col as f64 + 0.5 - from.0, row as f64 + 0.5 - from.1);
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length2 = dx * dx + dy * dy;
    let along = if length2 > 0.0 {
        ((px * dx + py * dy) / length2).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (x, y) = (px - along * dx, py - along * dy);
    x * x + y * y <= radius * radius
}

/// The rows of pixels under a swept round brush, cut to the grid.
pub(crate) fn stroke_spans(
    from: (f64, f64),
    to: (f64, f64),
    diameter: f64,
    width: usize,
    height: usize,
) -> Vec<Span> {
    // Beyond this, f64 can no longer tell neighbouring pixels apart.
    let is_usable = |value: f64| value.abs() < 1e12;
    if ![from.0, from.1, to.0, to.1, diameter]
        .into_iter()
        .all(is_usable)
        || width == 0
        || height == 0
    {
        return Vec::new();
    }
    let radius = diameter.max(1.0) / 2.0;
    let cut = |value: f64, end: usize| value.clamp(0.0, end as f64) as usize;
    let first = cut((from.1.min(to.1) - radius - 1.0).floor(), height);
    let past = cut((from.1.max(to.1) + radius + 1.0).ceil(), height);
    let mut spans = Vec::new();
    for row in first..past {
        // The swept brush is convex, so a row meets it in one run: find it closely, then trim by the exact rule.
        let Some((low, high)) = stroke_extent(from, to, radius, row as f64 + 0.5) else {
            continue;
        };
        let mut cols = cut((low - 1.5).floor(), width)..cut((high + 1.5).ceil(), width);
        while cols.start < cols.end && !is_within(from, to, radius, cols.start, row) {
            cols.start += 1;
        }
        while cols.start < cols.end && !is_within(from, to, radius, cols.end - 1, row) {
            cols.end -= 1;
        }
        if !cols.is_empty() {
            spans.push(Span { row, cols });
        }
    }
    for (x, y) in [from, to] {
        if x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64 {
            spans.push(Span {
                row: y as usize,
                cols: x as usize..x as usize + 1,
            });
        }
    }
    spans
}

/// Where a horizontal line meets the swept brush: two discs and the band between them.
fn stroke_extent(from: (f64, f64), to: (f64, f64), radius: f64, y: f64) -> Option<(f64, f64)> {
    let mut extent: Option<(f64, f64)> = None;
    let mut include = |x: f64| {
        extent = Some(extent.map_or((x, x), |(low, high)| (low.min(x), high.max(x))));
    };
    for end in [from, to] {
        let below = radius * radius - (y - end.1).powi(2);
        // A hair of tolerance; the exact rule decides afterwards.
        if below >= -1e-6 * radius * radius {
            let half = below.max(0.0).sqrt();
            include(end.0 - half);
            include(end.0 + half);
        }
    }
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    if length > 0.0 {
        let (nx, ny) = (-dy / length * radius, dx / length * radius);
        for side in [1.0, -1.0] {
            let (start, end) = (
                (from.0 + side * nx, from.1 + side * ny),
                (to.0 + side * nx, to.1 + side * ny),
            );
            if (start.1 <= y) != (end.1 <= y) {
                include(start.0 + (y - start.1) * (end.0 - start.0) / (end.1 - start.1));
            }
        }
    }
    extent
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Class, Georef, Grid};

    fn labels(width: usize, height: usize) -> Labels {
        let mut labels = Labels::new(Grid {
            width,
            height,
            georef: Georef::default(),
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

    fn painted(labels: &Labels) -> Vec<u8> {
        (0..labels.grid.height)
            .flat_map(|row| (0..labels.grid.width).map(move |col| (col, row)))
            .map(|(col, row)| labels.painted(col, row))
            .collect()
    }

    fn point() -> impl Strategy<Value = (f64, f64)> {
        // Half pixels hit the ties; the rest is anywhere, also outside.
        prop_oneof![
            (-40.0..240.0_f64, -40.0..200.0_f64),
            (-10..200_i32, -10..160_i32)
                .prop_map(|(x, y)| (f64::from(x) / 2.0, f64::from(y) / 2.0)),
        ]
    }

    proptest! {
        #[test]
        fn a_stroke_covers_what_brute_force_covers(from in point(), to in point(), diameter in 0.0..60.0_f64) {
            let mut labels = labels(200, 150);
            let changed = labels.paint_stroke(from, to, diameter, 2, false);
            let radius = diameter.max(1.0) / 2.0;
            let mut expected = vec![0_u8; 200 * 150];
            for row in 0..150 {
                for col in 0..200 {
                    let under = |(x, y): (f64, f64)| x.floor() == col as f64 && y.floor() == row as f64;
                    if is_within(from, to, radius, col, row) || under(from) || under(to) {
                        expected[row * 200 + col] = 2;
                    }
                }
            }
            prop_assert_eq!(changed, expected.iter().filter(|value| **value == 2).count());
            prop_assert_eq!(painted(&labels), expected);
        }

        #[test]
        fn painting_and_erasing_leaves_nothing(from in point(), to in point(), diameter in 0.0..60.0_f64) {
            let mut labels = labels(200, 150);
            let before = labels.clone();
            let painted = labels.paint_stroke(from, to, diameter, 1, false);
            let erased = labels.paint_stroke(from, to, diameter, 0, false);
            prop_assert_eq!(painted, erased);
            prop_assert_eq!(labels, before);
        }

        #[test]
        fn strokes_leave_no_gap(start in point(), steps in proptest::collection::vec((-9.0..9.0_f64, -9.0..9.0_f64), 1..12)) {
            let mut labels = labels(400, 400);
            let mut at = (start.0 + 100.0, start.1 + 100.0);
            for (dx, dy) in steps {
                let to = (at.0 + dx, at.1 + dy);
                labels.paint_stroke(at, to, 1.0, 1, false);
                at = to;
            }
            // All painted pixels hang together (8-connected).
            let pixels: std::collections::HashSet<(usize, usize)> =
                labels.pixels().iter().map(|pixel| (pixel.col, pixel.row)).collect();
            let mut reached = std::collections::HashSet::new();
            let mut next: Vec<_> = pixels.iter().take(1).copied().collect();
            while let Some((col, row)) = next.pop() {
                if pixels.contains(&(col, row)) && reached.insert((col, row)) {
                    for (dx, dy) in [(0, 1), (1, 0), (1, 1), (2, 0), (0, 2), (0, 0), (2, 1), (1, 2), (2, 2)] {
                        next.push(((col + dx).saturating_sub(1), (row + dy).saturating_sub(1)));
                    }
                }
            }
            prop_assert_eq!(reached.len(), pixels.len());
        }
    }

    #[test]
    fn protect_keeps_what_is_painted() {
        let mut labels = labels(100, 100);
        labels.paint_stroke((20.0, 20.0), (20.0, 20.0), 20.0, 1, false);
        let first = labels.pixels().len();
        let added = labels.paint_stroke((30.0, 20.0), (30.0, 20.0), 20.0, 2, true);
        assert_eq!(labels.counts()[&1], first);
        assert_eq!(labels.counts()[&2], added);
        assert!(
            labels.paint_stroke((20.0, 20.0), (20.0, 20.0), 4.0, 0, true) > 0,
            "the eraser erases"
        );
    }

    #[test]
    fn a_stroke_copies_only_the_blocks_it_touches() {
        let mut labels = labels(640, 640);
        labels.paint_stroke((0.0, 0.0), (640.0, 640.0), 900.0, 1, false);
        let before = labels.clone();
        labels.paint_stroke((100.0, 100.0), (110.0, 100.0), 10.0, 2, false);
        let copied = labels
            .blocks
            .iter()
            .filter(|(key, block)| !Arc::ptr_eq(block, &before.blocks[key]))
            .count();
        assert_eq!((labels.blocks.len(), copied), (100, 1));
        let again = labels.clone();
        assert_eq!(
            labels.paint_stroke((100.0, 100.0), (110.0, 100.0), 10.0, 2, false),
            0
        );
        assert!(
            Arc::ptr_eq(&labels.blocks[&(1, 1)], &again.blocks[&(1, 1)]),
            "nothing changed, nothing copied"
        );
    }

    /// The same stroke does the same work on a small raster and on a huge one with labels all over it.
    #[test]
    fn strokes_on_a_huge_raster_touch_what_the_brush_covers() {
        let strokes = |labels: &mut Labels, left: f64| -> (usize, usize) {
            let before = labels.clone();
            let changed = (0..100)
                .map(|step| {
                    let x = left + f64::from(step);
                    labels.paint_stroke((x, 128.0), (x + 1.0, 128.5), 200.0, 2, false)
                })
                .sum();
            let is_new = |(key, block): &(&(u32, u32), &Arc<LabelBlock>)| {
                before
                    .blocks
                    .get(key)
                    .is_none_or(|old| !Arc::ptr_eq(old, block))
            };
            (changed, labels.blocks.iter().filter(is_new).count())
        };
        let mut small = labels(640, 256);
        let mut huge = labels(40_000, 40_000);
        for step in 0..200 {
            let y = 400.0 + 64.0 * f64::from(step);
            huge.paint_stroke((0.0, y), (39_999.0, y), 3.0, 1, false);
        }
        assert_eq!(strokes(&mut huge, 25_728.0), strokes(&mut small, 128.0));
    }

    #[test]
    fn nonsense_paints_nothing() {
        let mut labels = labels(50, 50);
        let before = labels.clone();
        assert_eq!(
            labels.paint_stroke((f64::NAN, 1.0), (2.0, 2.0), 5.0, 1, false),
            0
        );
        assert_eq!(
            labels.paint_stroke((1.0, 1.0), (f64::INFINITY, 2.0), 5.0, 1, false),
            0
        );
        assert_eq!(
            labels.paint_stroke((1.0, 1.0), (2.0, 2.0), 5.0, 99, false),
            0,
            "no such class"
        );
        assert_eq!(
            labels.paint_stroke((-9.0, -9.0), (-8.0, -8.0), 5.0, 1, false),
            0
        );
        assert_eq!(labels, before);
    }
}
