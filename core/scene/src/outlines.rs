//! Outlines of painted patches: each 4-connected patch of one class as rings on exact pixel edges.
//! Knows label blocks. Knows nothing of places, files or windows.

use std::collections::HashMap;

use crate::labels::first_pixel;
use crate::{LABEL_BLOCK, Labels};

/// A corner between pixels: column and row of the pixel below and to its right.
pub(crate) type Corner = (i64, i64);

/// One painted patch: outer ring first, then holes, in pixel corners; no ring repeats its first corner.
pub(crate) struct Patch {
    pub(crate) class_id: u8,
    pub(crate) rings: Vec<Vec<Corner>>,
}

/// Pixels of one class next to each other in a row.
pub(crate) struct Run {
    pub(crate) row: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) class_id: u8,
}

/// An edge with its patch on the right hand (rows grow downwards).
struct Edge {
    to: Corner,
    patch: usize,
    is_used: bool,
}

/// All painted patches, ordered by their first pixel.
pub(crate) fn painted_patches(labels: &Labels) -> Vec<Patch> {
    let runs = painted_runs(labels);
    let (patches, count) = join_runs(&runs);
    let mut first: Vec<Option<u8>> = vec![None; count];
    for (run, patch) in runs.iter().zip(&patches) {
        first[*patch].get_or_insert(run.class_id);
    }
    rings_of(&runs, &patches, count)
        .into_iter()
        .zip(first)
        .filter_map(|(rings, class_id)| {
            Some(Patch {
                class_id: class_id?,
                rings,
            })
        })
        .collect()
}

/// The rings of each patch from its runs (ordered by row and column); `patches` names the patch of each run, below `count`.
pub(crate) fn rings_of(runs: &[Run], patches: &[usize], count: usize) -> Vec<Vec<Vec<Corner>>> {
    let mut edges = boundary(runs, patches);
    let mut rings: Vec<Vec<Vec<Corner>>> = (0..count).map(|_| Vec::new()).collect();
    let mut starts: Vec<Corner> = edges.keys().copied().collect();
    starts.sort_unstable_by_key(|(col, row)| (*row, *col));
    for start in starts {
        while let Some((ring, patch)) = trace(&mut edges, start) {
            split_at_touching_corners(ring, &mut rings[patch]);
        }
    }
    for rings in &mut rings {
        // One ring goes round the patch, the others round its holes, the other way.
        rings.sort_by_key(|ring| std::cmp::Reverse(doubled_area(ring)));
    }
    rings
}

/// Runs in order of row and column, joined across blocks.
fn painted_runs(labels: &Labels) -> Vec<Run> {
    let mut keys: Vec<_> = labels.blocks.keys().copied().collect();
    keys.sort_unstable_by_key(|(col, row)| (*row, *col));
    let mut runs: Vec<Run> = Vec::new();
    for strip in keys.chunk_by(|a, b| a.1 == b.1) {
        for line in 0..LABEL_BLOCK {
            for key in strip {
                let Some(block) = labels.blocks.get(key) else {
                    continue;
                };
                let (first_col, first_row) = first_pixel(*key);
                let row = first_row + line;
                let values = &block[line * LABEL_BLOCK..(line + 1) * LABEL_BLOCK];
                let mut start = first_col;
                for same in values.chunk_by(|a, b| a == b) {
                    let (class_id, end) = (same[0], start + same.len());
                    if class_id != 0 {
                        match runs.last_mut() {
                            Some(last)
                                if last.row == row
                                    && last.end == start
                                    && last.class_id == class_id =>
                            {
                                last.end = end
                            }
                            _ => runs.push(Run {
                                row,
                                start,
                                end,
                                class_id,
                            }),
                        }
                    }
                    start = end;
                }
            }
        }
    }
    runs
}

/// Indices of the runs of each row: (row, first run, past the last).
fn rows_of(runs: &[Run]) -> Vec<(usize, std::ops::Range<usize>)> {
    let mut rows = Vec::new();
    let mut at = 0;
    for same in runs.chunk_by(|a, b| a.row == b.row) {
        rows.push((same[0].row, at..at + same.len()));
        at += same.len();
    }
    rows
}

/// Calls `each(upper, lower)` for runs of the same class that touch across a row's edge.
fn each_touching(runs: &[Run], mut each: impl FnMut(usize, usize)) {
    for pair in rows_of(runs).windows(2) {
        let [(upper_row, upper), (lower_row, lower)] = pair else {
            continue;
        };
        if upper_row + 1 != *lower_row {
            continue;
        }
        let (mut a, mut b) = (upper.start, lower.start);
        while a < upper.end && b < lower.end {
            let (above, below) = (&runs[a], &runs[b]);
            if above.class_id == below.class_id
                && above.start < below.end
                && below.start < above.end
            {
                each(a, b);
            }
            if above.end <= below.end {
                a += 1;
            } else {
                b += 1;
            }
        }
    }
}

/// The patch of each run, numbered by first appearance, and how many patches there are.
fn join_runs(runs: &[Run]) -> (Vec<usize>, usize) {
    fn root(parents: &mut [usize], mut at: usize) -> usize {
        while parents[at] != at {
            parents[at] = parents[parents[at]];
            at = parents[at];
        }
        at
    }
    let mut parents: Vec<usize> = (0..runs.len()).collect();
    each_touching(runs, |a, b| {
        let (a, b) = (root(&mut parents, a), root(&mut parents, b));
        parents[a.max(b)] = a.min(b);
    });
    let mut numbers = vec![usize::MAX; runs.len()];
    let mut count = 0;
    let patches = (0..runs.len())
        .map(|at| {
            let root = root(&mut parents, at);
            if numbers[root] == usize::MAX {
                numbers[root] = count;
                count += 1;
            }
            numbers[root]
        })
        .collect();
    (patches, count)
}

/// All edges between a patch and what is not it, by the corner they start from.
fn boundary(runs: &[Run], patches: &[usize]) -> HashMap<Corner, Vec<Edge>> {
    let mut covered_above: Vec<Vec<(usize, usize)>> = vec![Vec::new(); runs.len()];
    let mut covered_below: Vec<Vec<(usize, usize)>> = vec![Vec::new(); runs.len()];
    each_touching(runs, |upper, lower| {
        let shared = (
            runs[upper].start.max(runs[lower].start),
            runs[upper].end.min(runs[lower].end),
        );
        covered_below[upper].push(shared);
        covered_above[lower].push(shared);
    });
    let mut edges: HashMap<Corner, Vec<Edge>> = HashMap::new();
    for (at, run) in runs.iter().enumerate() {
        let (row, next) = (run.row as i64, run.row as i64 + 1);
        let (start, end) = (run.start as i64, run.end as i64);
        let mut add = |from: Corner, to: Corner| {
            edges.entry(from).or_default().push(Edge {
                to,
                patch: patches[at],
                is_used: false,
            });
        };
        add((end, row), (end, next));
        add((start, next), (start, row));
        for (low, high) in gaps(run, &covered_above[at]) {
            add((low, row), (high, row));
        }
        for (low, high) in gaps(run, &covered_below[at]) {
            add((high, next), (low, next));
        }
    }
    edges
}

/// Parts of a run that none of the (ascending) stretches covers.
fn gaps(run: &Run, covered: &[(usize, usize)]) -> Vec<(i64, i64)> {
    let mut gaps = Vec::new();
    let mut at = run.start;
    for (low, high) in covered.iter().copied().chain([(run.end, run.end)]) {
        if low > at {
            gaps.push((at as i64, low as i64));
        }
        at = at.max(high);
    }
    gaps
}

/// Follows unused edges from a corner until it is reached again, turning right where there is a choice (so that pixels
/// that touch only at a corner stay apart). Straight corners are left out.
fn trace(edges: &mut HashMap<Corner, Vec<Edge>>, start: Corner) -> Option<(Vec<Corner>, usize)> {
    let first = edges
        .get_mut(&start)?
        .iter_mut()
        .find(|edge| !edge.is_used)?;
    first.is_used = true;
    let (patch, mut at) = (first.patch, first.to);
    let mut heading = direction(start, at);
    let mut ring = Vec::new();
    loop {
        // Every edge that arrives has one that leaves, so meeting a used one means that the ring is closed.
        let right = (-heading.1, heading.0);
        let leaving = edges
            .get_mut(&at)?
            .iter_mut()
            .filter(|edge| edge.patch == patch);
        let next = leaving.min_by_key(|edge| direction(at, edge.to) != right)?;
        let turned = direction(at, next.to);
        if turned != heading {
            ring.push(at);
        }
        if std::mem::replace(&mut next.is_used, true) {
            return Some((ring, patch));
        }
        heading = turned;
        at = next.to;
    }
}

fn direction(from: Corner, to: Corner) -> Corner {
    ((to.0 - from.0).signum(), (to.1 - from.1).signum())
}

/// Twice the area, positive for a ring with its patch inside (right hand, rows downwards).
fn doubled_area(ring: &[Corner]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter()
        .zip(next)
        .map(|(a, b)| a.0 * b.1 - b.0 * a.1)
        .sum()
}

/// A ring that meets itself at a corner becomes several that touch there: valid shapes in every program.
fn split_at_touching_corners(ring: Vec<Corner>, into: &mut Vec<Vec<Corner>>) {
    let mut path: Vec<Corner> = Vec::with_capacity(ring.len());
    let mut seen: HashMap<Corner, usize> = HashMap::new();
    for corner in ring {
        if let Some(at) = seen.get(&corner).copied() {
            let part = path.split_off(at);
            for corner in &part {
                seen.remove(corner);
            }
            into.push(part);
        }
        seen.insert(corner, path.len());
        path.push(corner);
    }
    into.push(path);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::polygons::PixelShape;
    use crate::{Class, GeoTransform, Georef, Grid};

    fn labels(width: usize, height: usize, values: &[u8]) -> Labels {
        let mut labels = Labels::new(Grid {
            width,
            height,
            georef: Georef::default(),
        });
        for id in 1..=4 {
            labels.set_class(Class {
                id,
                name: format!("class {id}"),
                color: [id; 3],
            });
        }
        for (at, value) in values.iter().enumerate().filter(|(_, value)| **value != 0) {
            let centre = ((at % width) as f64 + 0.5, (at / width) as f64 + 0.5);
            labels.paint_stroke(centre, centre, 1.0, *value, false);
        }
        labels
    }

    /// Burns patches with the pixel-centre rule; panics when a pixel is claimed twice.
    fn burnt(patches: &[Patch], width: usize, height: usize) -> Vec<u8> {
        let mut values = vec![0; width * height];
        for patch in patches {
            let rings: Vec<Vec<(f64, f64)>> = patch
                .rings
                .iter()
                .map(|ring| ring.iter().map(|(x, y)| (*x as f64, *y as f64)).collect())
                .collect();
            let identity = GeoTransform([0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
            let shape = PixelShape::new(&rings, &identity, width, height).unwrap();
            shape.spans(0..height, |row, cols| {
                for value in &mut values[row * width + cols.start..row * width + cols.end] {
                    assert_eq!(*value, 0);
                    *value = patch.class_id;
                }
            });
        }
        values
    }

    proptest! {
        #[test]
        fn outlines_give_back_the_same_pixels(
            (width, values) in (1..40_usize, 1..20_usize).prop_flat_map(|(width, height)| {
                (Just(width), proptest::collection::vec(prop_oneof![2 => Just(0_u8), 3 => 1..4_u8], width * height))
            })
        ) {
            let height = values.len() / width;
            let patches = painted_patches(&labels(width, height, &values));
            prop_assert_eq!(burnt(&patches, width, height), values);
            for patch in &patches {
                prop_assert!(doubled_area(&patch.rings[0]) > 0);
                prop_assert!(patch.rings[1..].iter().all(|ring| doubled_area(ring) < 0), "one outer ring a patch");
                for ring in &patch.rings {
                    let distinct: std::collections::HashSet<_> = ring.iter().collect();
                    prop_assert_eq!(distinct.len(), ring.len());
                }
            }
        }
    }

    #[test]
    fn pixels_that_touch_at_a_corner_are_two_patches() {
        let patches = painted_patches(&labels(2, 2, &[1, 0, 0, 1]));
        assert_eq!(patches.len(), 2);
        assert!(
            patches
                .iter()
                .all(|patch| patch.rings == [patch.rings[0].clone()] && patch.rings[0].len() == 4)
        );
    }

    #[test]
    fn patches_run_across_blocks_and_have_holes() {
        let mut values = vec![1_u8; 130 * 70];
        values[65 * 130 + 70] = 0;
        values[66 * 130 + 71] = 0;
        let patches = painted_patches(&labels(130, 70, &values));
        assert_eq!(patches.len(), 1);
        assert_eq!(
            patches[0].rings[0].len(),
            4,
            "straight corners are left out"
        );
        assert_eq!(
            patches[0].rings.len(),
            3,
            "two holes that touch at a corner"
        );
    }
}
