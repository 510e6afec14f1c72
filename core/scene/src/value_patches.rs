//! Patches of a raster that passes row by row: pixels that touch by an edge, with their mean value and their outline. Holds
//! the patches the newest row still touches, and no others. Knows rows of pixels; knows nothing of files or places.

use std::collections::HashMap;

use crate::outlines::{Corner, Run, rings_of};

/// Pixels that hang together.
#[derive(Clone, Debug, PartialEq)]
pub struct ValuePatch {
    pub pixels: u64,
    /// By the areas given with the rows.
    pub area_m2: f64,
    /// Mean of the pixels' values.
    pub mean: f64,
    /// In pixel corners (column, row): the outer ring first, then holes; no ring repeats its first corner.
    pub rings: Vec<Vec<(i64, i64)>>,
}

/// Takes rows from the first to the last and gives out each patch once no later row can touch it.
pub struct ValuePatches {
    least_area_m2: f64,
    row: usize,
    /// Runs of the row above: first column, one past the last, place in `open`.
    above: Vec<(usize, usize, usize)>,
    open: Vec<Option<OpenPatch>>,
    free: Vec<usize>,
}

#[derive(Default)]
struct OpenPatch {
    pixels: u64,
    area_m2: f64,
    sum: f64,
    runs: Vec<Run>,
    last_row: usize,
}

impl ValuePatches {
    /// Patches smaller than `least_area_m2` are dropped as soon as they are closed.
    pub fn new(least_area_m2: f64) -> Self {
        Self {
            least_area_m2,
            row: 0,
            above: Vec::new(),
            open: Vec::new(),
            free: Vec::new(),
        }
    }

    /// The next row: which pixels belong to patches, their values, and the area of one pixel here.
    /// Returns the patches that ended with the row before, in a fixed order.
    pub fn push_row(&mut self, is_in: &[bool], values: &[f32], pixel_m2: f64) -> Vec<ValuePatch> {
        let row = self.row;
        let mut here: Vec<(usize, usize, usize)> = Vec::new();
        // Patches that this row joined: from the one given up to the one that took its pixels.
        let mut joined: HashMap<usize, usize> = HashMap::new();
        let mut first_above = 0;
        let mut start = 0;
        for same in is_in.chunk_by(|a, b| a == b) {
            let end = start + same.len();
            if same.first() == Some(&true) {
                let mut patch = None;
                while self
                    .above
                    .get(first_above)
                    .is_some_and(|run| run.1 <= start)
                {
                    first_above += 1;
                }
                let touching: Vec<usize> = self.above[first_above.min(self.above.len())..]
                    .iter()
                    .take_while(|run| run.0 < end)
                    .map(|run| run.2)
                    .collect();
                for other in touching {
                    let other = root(&joined, other);
                    patch = Some(match patch {
                        Some(patch) if patch != other => self.join(patch, other, &mut joined),
                        _ => other,
                    });
                }
                let patch = patch.unwrap_or_else(|| self.begin());
                if let Some(Some(open)) = self.open.get_mut(patch) {
                    let sum: f64 = values
                        .get(start..end)
                        .unwrap_or_default()
                        .iter()
                        .map(|value| f64::from(*value))
                        .sum();
                    open.sum += sum;
                    open.pixels += same.len() as u64;
                    open.area_m2 += same.len() as f64 * pixel_m2;
                    open.last_row = row;
                    open.runs.push(Run {
                        row,
                        start,
                        end,
                        class_id: 1,
                    });
                }
                here.push((start, end, patch));
            }
            start = end;
        }
        for run in &mut here {
            run.2 = root(&joined, run.2);
        }
        let mut ended: Vec<usize> = self
            .above
            .iter()
            .map(|run| root(&joined, run.2))
            .filter(
                |patch| matches!(self.open.get(*patch), Some(Some(open)) if open.last_row < row),
            )
            .collect();
        ended.dedup();
        self.free.extend(joined.into_keys());
        self.above = here;
        self.row += 1;
        ended
            .into_iter()
            .filter_map(|patch| self.close(patch))
            .collect()
    }

    /// The patches that reach the last row.
    pub fn finish(mut self) -> Vec<ValuePatch> {
        (0..self.open.len())
            .filter_map(|patch| self.close(patch))
            .collect()
    }

    fn begin(&mut self) -> usize {
        let fresh = Some(OpenPatch::default());
        match self.free.pop() {
            Some(place) if place < self.open.len() => {
                self.open[place] = fresh;
                place
            }
            _ => {
                self.open.push(fresh);
                self.open.len() - 1
            }
        }
    }

    /// The larger of two patches takes the runs of the other; returns its place.
    fn join(&mut self, a: usize, b: usize, joined: &mut HashMap<usize, usize>) -> usize {
        let runs = |place: usize| {
            self.open
                .get(place)
                .and_then(Option::as_ref)
                .map_or(0, |open| open.runs.len())
        };
        let (into, from) = if runs(a) >= runs(b) { (a, b) } else { (b, a) };
        let taken = self.open.get_mut(from).and_then(Option::take);
        if let (Some(taken), Some(Some(open))) = (taken, self.open.get_mut(into)) {
            open.pixels += taken.pixels;
            open.area_m2 += taken.area_m2;
            open.sum += taken.sum;
            open.last_row = open.last_row.max(taken.last_row);
            open.runs.extend(taken.runs);
        }
        joined.insert(from, into);
        into
    }

    fn close(&mut self, place: usize) -> Option<ValuePatch> {
        let mut open = self.open.get_mut(place)?.take()?;
        self.free.push(place);
        if open.area_m2 < self.least_area_m2 {
            return None;
        }
        open.runs.sort_unstable_by_key(|run| (run.row, run.start));
        let rings: Vec<Vec<Corner>> = rings_of(&open.runs, &vec![0; open.runs.len()], 1)
            .into_iter()
            .next()?;
        Some(ValuePatch {
            pixels: open.pixels,
            area_m2: open.area_m2,
            mean: open.sum / open.pixels.max(1) as f64,
            rings,
        })
    }
}

/// Where a patch's pixels are now.
fn root(joined: &HashMap<usize, usize>, mut place: usize) -> usize {
    while let Some(next) = joined.get(&place) {
        place = *next;
    }
    place
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(width: usize, mask: &[bool], least: f64) -> Vec<ValuePatch> {
        let mut finder = ValuePatches::new(least);
        let mut patches = Vec::new();
        for (row, line) in mask.chunks(width).enumerate() {
            let values: Vec<f32> = (0..width).map(|col| (row * width + col) as f32).collect();
            patches.extend(finder.push_row(line, &values, 2.0));
        }
        patches.extend(finder.finish());
        patches
    }

    fn mask(text: &str) -> Vec<bool> {
        text.chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c == '#')
            .collect()
    }

    #[test]
    fn a_ring_a_fork_and_a_corner() {
        let picture = "####..# \
                       #..#..# \
                       ####.## \
                       ....#..";
        let patches = found(7, &mask(picture), 0.0);
        let sizes: Vec<(u64, usize)> = patches
            .iter()
            .map(|patch| (patch.pixels, patch.rings.len()))
            .collect();
        // The ring with its hole, the hook on the right, and one pixel that touches both at corners only.
        assert_eq!(sizes.len(), 3, "{patches:?}");
        for wanted in [(10, 2), (4, 1), (1, 1)] {
            assert!(sizes.contains(&wanted), "{sizes:?}");
        }
        assert!(
            patches
                .iter()
                .all(|patch| patch.area_m2 == 2.0 * patch.pixels as f64)
        );
        let large = found(7, &mask(picture), 8.0);
        assert_eq!(
            large.iter().map(|patch| patch.pixels).collect::<Vec<_>>(),
            [10, 4]
        );
        let pixel = patches.iter().find(|patch| patch.pixels == 1).unwrap();
        assert_eq!(pixel.mean, 25.0);
        assert_eq!(pixel.rings, [[(5, 3), (5, 4), (4, 4), (4, 3)]]);
    }

    proptest! {
        /// The rings give back exactly the pixels, and every patch is one 4-connected group.
        #[test]
        fn rings_hold_the_pixels(width in 1usize..14, picture in prop::collection::vec(prop::bool::weighted(0.6), 1..180)) {
            let height = picture.len() / width;
            let picture = &picture[..height * width];
            prop_assume!(height > 0);
            let patches = found(width, picture, 0.0);
            let mut seen = vec![0; picture.len()];
            for patch in &patches {
                let rings: Vec<Vec<[f64; 2]>> = patch
                    .rings
                    .iter()
                    .map(|ring| ring.iter().map(|(x, y)| [*x as f64, *y as f64]).collect())
                    .collect();
                let mut pixels = 0;
                for (at, seen) in seen.iter_mut().enumerate() {
                    let centre = [(at % width) as f64 + 0.5, (at / width) as f64 + 0.5];
                    if crate::is_inside(rings.iter().map(Vec::as_slice), centre) {
                        *seen += 1;
                        pixels += 1;
                    }
                }
                prop_assert_eq!(pixels, patch.pixels);
            }
            for (seen, is_in) in seen.iter().zip(picture) {
                prop_assert_eq!(*seen, i32::from(*is_in));
            }
            // As many as a flood finds.
            let mut left = picture.to_vec();
            let mut count = 0;
            for at in 0..left.len() {
                if !left[at] { continue; }
                count += 1;
                let mut next = vec![at];
                left[at] = false;
                while let Some(at) = next.pop() {
                    let (col, row) = (at % width, at / width);
                    let mut visit = |near: bool, to: usize| {
                        if near && left[to] { left[to] = false; next.push(to); }
                    };
                    visit(col > 0, at.wrapping_sub(1));
                    visit(col + 1 < width, at + 1);
                    visit(row > 0, at.wrapping_sub(width));
                    visit(row + 1 < height, at + width);
                }
            }
            prop_assert_eq!(patches.len(), count);
        }
    }
}
