//! Segments: small patches of alike pixels that keep to the edges of what is seen, and strokes that snap to them. Segments are
//! found around a stroke when it is drawn, never of a whole raster.
//! Knows rasters and label grids. Knows nothing of windows.

use std::path::Path;

use crate::brush::stroke_spans;
use crate::spectra_under::{SpectraUnder, Spread};
use crate::{Grid, LabelRegion, SceneError, SceneResult, Window};

/// Label pixels around a stroke that are looked at, at most: 96 MiB of 24 bands.
const MOST_PIXELS: usize = 1 << 20;
/// Rounds of giving pixels to the nearest middle; more move almost nothing.
const ROUNDS: usize = 6;
/// What a segment's width of distance on the ground weighs against one standard deviation of every band.
const COMPACTNESS: f32 = 0.7;
/// No segment.
const NONE: u32 = u32::MAX;

/// A stroke of the brush in label pixels (centres at .5).
#[derive(Clone, Debug, PartialEq)]
pub struct SnapStroke {
    /// Middle of the brush on its way; one point is a click.
    pub line: Vec<(f64, f64)>,
    /// Of the brush, pixels.
    pub diameter: f64,
    /// Width of a segment, pixels.
    pub side: usize,
}

/// Finds segments under label pixels.
pub struct Segmenter {
    spectra: SpectraUnder,
}

impl Segmenter {
    /// `bands` from 0; of a field all axes count, whatever is given.
    ///
    /// # Errors
    /// The raster cannot be opened, or there is no way between the two coordinate systems.
    pub fn open_blocking(path: &Path, bands: &[usize], grid: &Grid) -> SceneResult<Self> {
        let spectra = SpectraUnder::open_blocking(path, bands, grid)?;
        Ok(Self { spectra })
    }

    /// The segments that a stroke's middle goes through, and those its brush covers by half. Pixels without a value are in none.
    ///
    /// # Errors
    /// The stroke is too long to look around it, or the raster cannot be read.
    pub fn snap_blocking(&self, stroke: &SnapStroke) -> SceneResult<LabelRegion> {
        let grid = self.spectra.grid();
        let side = stroke.side.clamp(2, 256);
        let Some(window) = around(stroke, side, grid) else {
            return Ok(LabelRegion::default());
        };
        if window.pixels() > MOST_PIXELS {
            return Err(SceneError::input(
                "this stroke is too long to snap to segments; draw it in parts",
            ));
        }
        let length = self.spectra.len();
        let mut values = vec![f32::NAN; window.pixels() * length];
        let mut spread = Spread::new(length);
        self.spectra.each_blocking(window, |at, spectrum| {
            if let Some(slot) = values.get_mut(at * length..(at + 1) * length) {
                slot.copy_from_slice(spectrum);
                spread.add(spectrum);
            }
        })?;
        // All bands weigh alike, whatever their units.
        let deviations = spread.deviations();
        let share = (length.max(1) as f32).sqrt();
        for spectrum in values.chunks_exact_mut(length.max(1)) {
            for (value, deviation) in spectrum.iter_mut().zip(&deviations) {
                *value /= deviation * share;
            }
        }
        let segments = segments(&values, length, window.width, window.height, side);
        Ok(chosen(&segments, stroke, window, grid))
    }
}

/// What is looked at: the stroke with two segments' width around it, on the lattice of the first middles, so that another
/// stroke near by finds the same segments.
fn around(stroke: &SnapStroke, side: usize, grid: &Grid) -> Option<Window> {
    let margin = stroke.diameter / 2.0 + 2.0 * side as f64;
    let step = side as f64;
    let reach = |of: fn(&(f64, f64)) -> f64, most: usize| {
        let low = stroke.line.iter().map(of).fold(f64::INFINITY, f64::min);
        let high = stroke.line.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        let low = ((low - margin) / step).floor() * step;
        let high = ((high + margin) / step).ceil() * step;
        // NaN and places beyond the grid end as nothing.
        let (low, high) = (
            low.max(0.0) as usize,
            high.min(most as f64).max(0.0) as usize,
        );
        (low < high).then_some((low, high))
    };
    let (left, right) = reach(|point| point.0, grid.width)?;
    let (top, bottom) = reach(|point| point.1, grid.height)?;
    Some(Window {
        col: left,
        row: top,
        width: right - left,
        height: bottom - top,
    })
}

/// The segment of every pixel, by simple linear iterative clustering (Achanta et al. 2012): pixels go to the middle that is
/// nearest in spectrum and place, among those around; then loose pieces join a neighbour. `values` are `length` numbers a
/// pixel, NaN where there is none.
fn segments(values: &[f32], length: usize, width: usize, height: usize, side: usize) -> Vec<u32> {
    let spectrum = |at: usize| values.get(at * length..(at + 1) * length).unwrap_or(&[]);
    let has_value = |at: usize| spectrum(at).iter().all(|value| value.is_finite());
    let (across, down) = (width.div_ceil(side).max(1), height.div_ceil(side).max(1));
    // Middles: place, then spectrum; those on no value have none yet.
    let mut middles: Vec<Option<(f32, f32, Vec<f32>)>> = (0..across * down)
        .map(|index| {
            let middle =
                |of: usize, most: usize| (of * side + side / 2).min(most.saturating_sub(1));
            let (col, row) = (
                middle(index % across, width),
                middle(index / across, height),
            );
            let at = row * width + col;
            (at < width * height && has_value(at))
                .then(|| (col as f32, row as f32, spectrum(at).to_vec()))
        })
        .collect();
    let mut owner = vec![NONE; width * height];
    let per_pixel = (COMPACTNESS / side as f32).powi(2);
    for _ in 0..ROUNDS {
        let mut nearest = vec![f32::INFINITY; width * height];
        owner.fill(NONE);
        for (index, middle) in middles.iter().enumerate() {
            let Some((x, y, own)) = middle else { continue };
            let range = |center: f32, most: usize| {
                let reach = side as f32;
                let low = (center - reach).max(0.0) as usize;
                low..((center + reach) as usize + 1).min(most)
            };
            for row in range(*y, height) {
                for col in range(*x, width) {
                    let at = row * width + col;
                    let apart = (col as f32 - x).powi(2) + (row as f32 - y).powi(2);
                    let unlike = spectrum(at).iter().zip(own);
                    let distance =
                        unlike.map(|(a, b)| (a - b).powi(2)).sum::<f32>() + per_pixel * apart;
                    // A pixel without a value is near nothing.
                    if let (Some(best), Some(owner)) = (nearest.get_mut(at), owner.get_mut(at))
                        && distance < *best
                    {
                        *best = distance;
                        *owner = index as u32;
                    }
                }
            }
        }
        middles = new_middles(values, length, width, &owner, across * down);
    }
    joined(&owner, width, height, side * side / 6)
}

/// Mean place and spectrum of every segment.
fn new_middles(
    values: &[f32],
    length: usize,
    width: usize,
    owner: &[u32],
    count: usize,
) -> Vec<Option<(f32, f32, Vec<f32>)>> {
    let mut sums = vec![(0_usize, 0.0_f64, 0.0_f64); count];
    let mut spectra = vec![0.0_f32; count * length];
    for (at, index) in owner.iter().enumerate() {
        let index = *index as usize;
        let (Some(sum), Some(total)) = (
            sums.get_mut(index),
            spectra.get_mut(index * length..(index + 1) * length),
        ) else {
            continue;
        };
        sum.0 += 1;
        sum.1 += (at % width) as f64;
        sum.2 += (at / width) as f64;
        let own = values.get(at * length..(at + 1) * length).unwrap_or(&[]);
        for (total, value) in total.iter_mut().zip(own) {
            *total += value;
        }
    }
    sums.iter()
        .zip(spectra.chunks(length.max(1)))
        .map(|((pixels, x, y), total)| {
            let pixels = *pixels as f64;
            (pixels > 0.0).then(|| {
                let mean = total.iter().map(|value| value / pixels as f32).collect();
                ((x / pixels) as f32, (y / pixels) as f32, mean)
            })
        })
        .collect()
}

/// Pieces that hang together get a number of their own; those of fewer than `least` pixels join the piece before them.
fn joined(owner: &[u32], width: usize, height: usize, least: usize) -> Vec<u32> {
    let mut piece = vec![NONE; owner.len()];
    let mut count = 0_u32;
    let mut found = Vec::new();
    for first in 0..owner.len() {
        let (Some(&own), Some(&NONE)) = (owner.get(first), piece.get(first)) else {
            continue;
        };
        if own == NONE {
            continue;
        }
        found.clear();
        found.push(first);
        let mut beside = None;
        if let Some(slot) = piece.get_mut(first) {
            *slot = count;
        }
        let mut next = 0;
        while let Some(&at) = found.get(next) {
            next += 1;
            let (col, row) = (at % width, at / width);
            let around = [
                (col > 0).then(|| at - 1),
                (col + 1 < width).then_some(at + 1),
                (row > 0).then(|| at - width),
                (row + 1 < height).then_some(at + width),
            ];
            for other in around.into_iter().flatten() {
                let Some(slot) = piece.get_mut(other) else {
                    continue;
                };
                if *slot == NONE && owner.get(other) == Some(&own) {
                    *slot = count;
                    found.push(other);
                } else if *slot != NONE && *slot != count {
                    beside = Some(*slot);
                }
            }
        }
        match beside {
            Some(other) if found.len() < least => {
                for at in &found {
                    if let Some(slot) = piece.get_mut(*at) {
                        *slot = other;
                    }
                }
            }
            _ => count += 1,
        }
    }
    piece
}

/// The pixels of the segments a stroke takes.
fn chosen(segments: &[u32], stroke: &SnapStroke, window: Window, grid: &Grid) -> LabelRegion {
    let count = segments.iter().filter(|id| **id != NONE).max();
    let mut sizes = vec![0_usize; count.map_or(0, |most| *most as usize + 1)];
    for id in segments {
        if let Some(size) = sizes.get_mut(*id as usize) {
            *size += 1;
        }
    }
    let at = |col: usize, row: usize| {
        let (col, row) = (col.checked_sub(window.col)?, row.checked_sub(window.row)?);
        (col < window.width && row < window.height).then_some(row * window.width + col)
    };
    let segment_at = |col: usize, row: usize| segments.get(at(col, row)?).copied();
    let mut is_taken = vec![false; sizes.len()];
    let mut covered = vec![false; segments.len()];
    let pairs = stroke
        .line
        .windows(2)
        .filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
    let click = stroke.line.first().map(|point| (*point, *point));
    for (from, to) in click.into_iter().chain(pairs) {
        for span in stroke_spans(from, to, stroke.diameter, grid.width, grid.height) {
            for col in span.cols {
                if let Some(slot) = at(col, span.row).and_then(|at| covered.get_mut(at)) {
                    *slot = true;
                }
            }
        }
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let steps = (2.0 * length).ceil().clamp(1.0, MOST_PIXELS as f64) as usize;
        for step in 0..=steps {
            let share = step as f64 / steps as f64;
            let (x, y) = (
                from.0 + (to.0 - from.0) * share,
                from.1 + (to.1 - from.1) * share,
            );
            if x >= 0.0
                && y >= 0.0
                && let Some(id) = segment_at(x as usize, y as usize)
                && let Some(slot) = is_taken.get_mut(id as usize)
            {
                *slot = true;
            }
        }
    }
    let mut inside = vec![0_usize; sizes.len()];
    for (id, is_covered) in segments.iter().zip(&covered) {
        if let (true, Some(count)) = (*is_covered, inside.get_mut(*id as usize)) {
            *count += 1;
        }
    }
    for ((taken, inside), size) in is_taken.iter_mut().zip(inside).zip(sizes) {
        *taken |= 2 * inside >= size && size > 0;
    }
    let mut region = LabelRegion::default();
    for (row, line) in segments.chunks(window.width.max(1)).enumerate() {
        let mut start = 0;
        for run in line.chunk_by(|a, b| a == b) {
            let is_in = run
                .first()
                .and_then(|id| is_taken.get(*id as usize))
                .copied()
                .unwrap_or(false);
            if is_in {
                let first = window.col + start;
                region.add_run(window.row + row, first..first + run.len());
            }
            start += run.len();
        }
    }
    region
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two halves of different spectra with some noise, and a hole without values.
    fn halves(width: usize, height: usize, edge: impl Fn(usize) -> usize) -> Vec<f32> {
        let mut values = Vec::new();
        for row in 0..height {
            for col in 0..width {
                let noise = ((col * 7919 + row * 104_729) % 97) as f32 / 970.0;
                let (a, b) = if col < edge(row) {
                    (1.0, 0.0)
                } else {
                    (0.0, 1.0)
                };
                let is_hole = (50..54).contains(&col) && (50..54).contains(&row);
                for value in [a, b] {
                    values.push(if is_hole { f32::NAN } else { value + noise });
                }
            }
        }
        values
    }

    #[test]
    fn segments_keep_to_edges_hang_together_and_leave_out_holes() {
        // An edge that no lattice follows.
        let edge = |row: usize| 37 + row / 5;
        let (width, height) = (96, 80);
        let values = halves(width, height, edge);
        let found = segments(&values, 2, width, height, 12);
        let mut sides = std::collections::BTreeMap::<u32, (usize, usize)>::new();
        for (at, id) in found.iter().enumerate() {
            let (col, row) = (at % width, at / width);
            if *id == NONE {
                assert!(
                    (50..54).contains(&col) && (50..54).contains(&row),
                    "{col} {row}"
                );
                continue;
            }
            let count = sides.entry(*id).or_default();
            if col < edge(row) {
                count.0 += 1;
            } else {
                count.1 += 1;
            }
        }
        assert!((30..90).contains(&sides.len()), "{}", sides.len());
        for (id, (left, right)) in &sides {
            assert!(left.min(right) * 20 <= left + right, "{id}: {left} {right}");
        }
        // Every segment is one piece.
        let again = joined(&found, width, height, 0);
        let pieces = again.iter().filter(|id| **id != NONE).max().unwrap() + 1;
        assert_eq!(pieces as usize, sides.len());
    }

    fn stroke(line: Vec<(f64, f64)>, diameter: f64) -> SnapStroke {
        SnapStroke {
            line,
            diameter,
            side: 12,
        }
    }

    #[test]
    fn a_stroke_takes_what_its_middle_crosses_and_what_its_brush_covers() {
        let grid = Grid {
            width: 96,
            height: 80,
            georef: Default::default(),
        };
        let segments: Vec<u32> = (0..96 * 80)
            .map(|at| ((at % 96) / 12 + 8 * ((at / 96) / 12)) as u32)
            .collect();
        let window = grid.window();
        // Along row 30 from the second to the fourth square.
        let thin = chosen(
            &segments,
            &stroke(vec![(14.5, 30.5), (40.5, 30.5)], 1.0),
            window,
            &grid,
        );
        assert_eq!(thin.pixels(), 3 * 144);
        assert!(thin.contains(12, 24) && thin.contains(47, 35) && !thin.contains(48, 30));
        // A brush of 20 pixels in the middle of a square covers its neighbours by less than half.
        let click = chosen(&segments, &stroke(vec![(30.0, 30.0)], 20.0), window, &grid);
        assert_eq!(click.pixels(), 144);
        let wide = chosen(&segments, &stroke(vec![(30.0, 30.0)], 34.0), window, &grid);
        assert!(wide.pixels() >= 5 * 144, "{}", wide.pixels());
        let beyond = stroke(vec![(-500.0, f64::NAN), (1e12, 4.0)], 3.0);
        assert!(chosen(&segments, &beyond, window, &grid).pixels() <= 96 * 80);
        assert_eq!(around(&stroke(vec![(f64::NAN, 1.0)], 1.0), 12, &grid), None);
        assert_eq!(around(&stroke(Vec::new(), 1.0), 12, &grid), None);
        let window = around(&stroke(vec![(50.0, 40.0)], 2.0), 12, &grid).unwrap();
        assert_eq!((window.col, window.row), (24, 12));
        assert_eq!((window.width, window.height), (60, 60));
    }
}
