//! Reading a window block by block into means of its texels: nothing is decoded twice, memory stays that of one block, and
//! a plan that leaves blocks out gives the coarse picture of a file without overviews.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::Ordering;

use crate::block_plan::{Axis, Between};
use crate::raster_io::Shape;
use crate::{BlockPlan, Plane, Raster, Resampling, SceneError, SceneResult, Window};

/// Pixels read at once; of larger blocks only so much of the middle is looked at.
const PIXELS_AT_ONCE: usize = 1 << 22;
/// A texel between nodes is missing where less than this share of what surrounds it is valid.
const LEAST_VALID: f32 = 0.25;

/// What the blocks of one band came to, node by node.
struct Nodes {
    across: usize,
    sums: Vec<f64>,
    counts: Vec<u32>,
    /// For classes: how often each value occurs.
    classes: Vec<HashMap<u32, u32>>,
}

impl Raster {
    /// Continuous bands are averaged, with the means of left-out blocks taken from those around them; classes keep the most
    /// frequent value of the nearest block.
    pub(crate) fn read_by_blocks(
        &self,
        plan: &BlockPlan,
        bands: &[usize],
        resampling: Resampling,
    ) -> SceneResult<Vec<Plane>> {
        let is_classes = matches!(resampling, Resampling::Mode | Resampling::Nearest);
        let (across, down) = (plan.cols.nodes(), plan.rows.nodes());
        let mut nodes: Vec<Nodes> = bands
            .iter()
            .map(|_| Nodes::new(across, down, is_classes))
            .collect();
        let mut pixels = vec![0u32; across * down];
        let (mut has_col, mut has_row) = (vec![false; across], vec![false; down]);
        for (row, col) in plan
            .rows
            .cells
            .clone()
            .flat_map(|row| plan.cols.cells.clone().map(move |col| (row, col)))
        {
            if self.stop.load(Ordering::Relaxed) {
                return Err(SceneError::Cancelled);
            }
            let col_runs = plan.cols.runs(col);
            let row_runs = plan.rows.runs(row);
            col_runs.iter().for_each(|(_, node)| has_col[*node] = true);
            row_runs.iter().for_each(|(_, node)| has_row[*node] = true);
            for window in windows(&plan.rows, &col_runs, &row_runs) {
                let shape = Shape {
                    window,
                    width: window.width,
                    height: window.height,
                };
                let planes = self.read_planes(bands, shape, Resampling::Nearest)?;
                for y in window.row..window.end_row() {
                    let Some((_, node_row)) = row_runs.iter().find(|(run, _)| run.contains(&y))
                    else {
                        continue;
                    };
                    for (run, node_col) in &col_runs {
                        let node = node_row * across + node_col;
                        pixels[node] += run.len() as u32;
                        let from = (y - window.row) * window.width + run.start - window.col;
                        let range = from..from + run.len();
                        for (nodes, plane) in nodes.iter_mut().zip(&planes) {
                            nodes.add(
                                node,
                                &plane.values[range.clone()],
                                &plane.valid[range.clone()],
                            );
                        }
                    }
                }
            }
        }
        let (cols, rows) = (plan.cols.between(&has_col), plan.rows.between(&has_row));
        Ok(nodes
            .iter()
            .map(|nodes| nodes.picture(&cols, &rows, &pixels))
            .collect())
    }
}

/// The window of a block, or of its middle rows, in parts of a bounded size.
fn windows(
    rows: &Axis,
    col_runs: &[(Range<usize>, usize)],
    row_runs: &[(Range<usize>, usize)],
) -> Vec<Window> {
    let whole = |runs: &[(Range<usize>, usize)]| -> Option<Range<usize>> {
        Some(runs.first()?.0.start..runs.last()?.0.end)
    };
    let (Some(across), Some(mut down)) = (whole(col_runs), whole(row_runs)) else {
        return Vec::new();
    };
    let most = (PIXELS_AT_ONCE / across.len().max(1)).max(1);
    if !rows.is_binned() && down.len() > most {
        let start = down.start + (down.len() - most) / 2;
        down = start..start + most;
    }
    down.clone()
        .step_by(most)
        .map(|row| Window {
            col: across.start,
            row,
            width: across.len(),
            height: most.min(down.end - row),
        })
        .collect()
}

impl Nodes {
    fn new(across: usize, down: usize, is_classes: bool) -> Self {
        let classes = if is_classes {
            vec![HashMap::new(); across * down]
        } else {
            Vec::new()
        };
        Self {
            across,
            sums: vec![0.0; across * down],
            counts: vec![0; across * down],
            classes,
        }
    }

    fn add(&mut self, node: usize, values: &[f32], valid: &[bool]) {
        if let Some(classes) = self.classes.get_mut(node) {
            for (value, _) in values.iter().zip(valid).filter(|(_, valid)| **valid) {
                *classes.entry(value.to_bits()).or_insert(0) += 1;
                self.counts[node] += 1;
            }
            return;
        }
        let (mut sum, mut count) = (0.0f64, 0u32);
        for (value, valid) in values.iter().zip(valid) {
            if *valid {
                sum += f64::from(*value);
                count += 1;
            }
        }
        self.sums[node] += sum;
        self.counts[node] += count;
    }

    /// The most frequent class, or the mean.
    fn value(&self, node: usize) -> f32 {
        match self.classes.get(node) {
            Some(classes) => classes
                .iter()
                .max_by_key(|(bits, count)| (**count, **bits))
                .map_or(0.0, |(bits, _)| f32::from_bits(*bits)),
            None => (self.sums[node] / f64::from(self.counts[node].max(1))) as f32,
        }
    }

    fn picture(&self, cols: &[Between], rows: &[Between], pixels: &[u32]) -> Plane {
        let values: Vec<f32> = (0..self.counts.len())
            .map(|node| self.value(node))
            .collect();
        let shares: Vec<f32> = self
            .counts
            .iter()
            .zip(pixels)
            .map(|(valid, all)| *valid as f32 / (*all).max(1) as f32)
            .collect();
        let mut plane = Plane {
            values: Vec::with_capacity(cols.len() * rows.len()),
            valid: Vec::with_capacity(cols.len() * rows.len()),
        };
        for (row, col) in rows
            .iter()
            .flat_map(|row| cols.iter().map(move |col| (row, col)))
        {
            if col.low == col.high && row.low == row.high {
                let node = row.low * self.across + col.low;
                plane.values.push(values[node]);
                plane.valid.push(self.counts[node] > 0);
                continue;
            }
            if !self.classes.is_empty() {
                let near = |one: &Between| if one.share < 0.5 { one.low } else { one.high };
                let node = near(row) * self.across + near(col);
                plane.values.push(values[node]);
                plane.valid.push(shares[node] >= LEAST_VALID);
                continue;
            }
            let (mut sum, mut weight) = (0.0f32, 0.0f32);
            for (y, down) in [(row.low, 1.0 - row.share), (row.high, row.share)] {
                for (x, over) in [(col.low, 1.0 - col.share), (col.high, col.share)] {
                    let node = y * self.across + x;
                    let part = down * over * shares[node];
                    sum += part * values[node];
                    weight += part;
                }
            }
            plane
                .values
                .push(if weight > 0.0 { sum / weight } else { 0.0 });
            plane.valid.push(weight >= LEAST_VALID);
        }
        plane
    }
}

#[cfg(test)]
#[path = "block_read_tests.rs"]
mod tests;
