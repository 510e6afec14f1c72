//! Reading a window block by block into means of its texels: nothing is decoded twice, memory stays that of one block, and
//! a plan that leaves blocks out gives the coarse picture of a file without overviews.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::Ordering;

use crate::block_plan::{Axis, Between};
use crate::raster_io::Shape;
use crate::{BlockPlan, Plane, Raster, Resampling, SceneError, SceneResult, Window};

/// A texel between nodes is missing where less than this share of what surrounds it is valid.
const LEAST_VALID: f32 = 0.25;

/// What blocks are summed up to, node by node.
pub(crate) trait BlockSums {
    /// Of larger blocks only so much of the middle is looked at.
    const PIXELS_AT_ONCE: usize;

    fn read(&mut self, raster: &Raster, window: Window) -> SceneResult<()>;

    /// Takes pixels of the window read last.
    fn add(&mut self, node: usize, range: Range<usize>);
}

/// Where each texel takes its value from, and how many pixels each node stands for.
pub(crate) struct Walked {
    pub cols: Vec<Between>,
    pub rows: Vec<Between>,
    /// Nodes of a row.
    pub across: usize,
    pixels: Vec<u32>,
}

impl Walked {
    /// Share of a node's pixels that are valid.
    pub fn share(&self, node: usize, valid: u32) -> f32 {
        valid as f32 / self.pixels[node].max(1) as f32
    }

    /// A texel with less than this of what it takes its value from is missing; of a node of its own, one pixel is enough.
    pub fn least_valid(&self, row: &Between, col: &Between) -> f32 {
        if is_own(row, col) {
            f32::MIN_POSITIVE
        } else {
            LEAST_VALID
        }
    }
}

fn is_own(row: &Between, col: &Between) -> bool {
    col.low == col.high && row.low == row.high
}

/// The nodes around a texel with their parts.
pub(crate) fn corners(
    row: &Between,
    col: &Between,
    across: usize,
) -> impl Iterator<Item = (usize, f32)> {
    let (row, col) = (*row, *col);
    [(row.low, 1.0 - row.share), (row.high, row.share)]
        .into_iter()
        .flat_map(move |(y, down)| {
            [(col.low, 1.0 - col.share), (col.high, col.share)]
                .map(|(x, over)| (y * across + x, down * over))
        })
}

/// What the blocks of bands came to.
struct BandSums<'a> {
    bands: &'a [usize],
    nodes: Vec<Nodes>,
    planes: Vec<Plane>,
}

impl BlockSums for BandSums<'_> {
    const PIXELS_AT_ONCE: usize = 1 << 22;

    fn read(&mut self, raster: &Raster, window: Window) -> SceneResult<()> {
        let shape = Shape {
            window,
            width: window.width,
            height: window.height,
        };
        self.planes = raster.read_planes(self.bands, shape, Resampling::Nearest)?;
        Ok(())
    }

    fn add(&mut self, node: usize, range: Range<usize>) {
        for (nodes, plane) in self.nodes.iter_mut().zip(&self.planes) {
            nodes.add(
                node,
                &plane.values[range.clone()],
                &plane.valid[range.clone()],
            );
        }
    }
}

/// What the blocks of one band came to, node by node.
struct Nodes {
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
        let count = plan.cols.nodes() * plan.rows.nodes();
        let nodes = bands.iter().map(|_| Nodes::new(count, is_classes));
        let mut sums = BandSums {
            bands,
            nodes: nodes.collect(),
            planes: Vec::new(),
        };
        let walked = self.walk(plan, &mut sums)?;
        Ok(sums
            .nodes
            .iter()
            .map(|nodes| nodes.picture(&walked))
            .collect())
    }

    /// Reads the blocks of a plan into `sums`.
    pub(crate) fn walk<S: BlockSums>(&self, plan: &BlockPlan, sums: &mut S) -> SceneResult<Walked> {
        let (across, down) = (plan.cols.nodes(), plan.rows.nodes());
        let mut pixels = vec![0u32; across * down];
        let (mut has_col, mut has_row) = (vec![false; across], vec![false; down]);
        for (row, col) in plan
            .rows
            .cells
            .clone()
            .flat_map(|row| plan.cols.cells.clone().map(move |col| (row, col)))
        {
            let col_runs = plan.cols.runs(col);
            let row_runs = plan.rows.runs(row);
            col_runs.iter().for_each(|(_, node)| has_col[*node] = true);
            row_runs.iter().for_each(|(_, node)| has_row[*node] = true);
            for window in windows(&plan.rows, &col_runs, &row_runs, S::PIXELS_AT_ONCE) {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(SceneError::Cancelled);
                }
                sums.read(self, window)?;
                for y in window.row..window.end_row() {
                    let Some((_, node_row)) = row_runs.iter().find(|(run, _)| run.contains(&y))
                    else {
                        continue;
                    };
                    for (run, node_col) in &col_runs {
                        let node = node_row * across + node_col;
                        pixels[node] += run.len() as u32;
                        let from = (y - window.row) * window.width + run.start - window.col;
                        sums.add(node, from..from + run.len());
                    }
                }
            }
        }
        Ok(Walked {
            cols: plan.cols.between(&has_col),
            rows: plan.rows.between(&has_row),
            across,
            pixels,
        })
    }
}

/// The window of a block, or of its middle rows, in parts of a bounded size.
fn windows(
    rows: &Axis,
    col_runs: &[(Range<usize>, usize)],
    row_runs: &[(Range<usize>, usize)],
    at_once: usize,
) -> Vec<Window> {
    let whole = |runs: &[(Range<usize>, usize)]| -> Option<Range<usize>> {
        Some(runs.first()?.0.start..runs.last()?.0.end)
    };
    let (Some(across), Some(mut down)) = (whole(col_runs), whole(row_runs)) else {
        return Vec::new();
    };
    let most = (at_once / across.len().max(1)).max(1);
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
    fn new(nodes: usize, is_classes: bool) -> Self {
        let classes = if is_classes {
            vec![HashMap::new(); nodes]
        } else {
            Vec::new()
        };
        Self {
            sums: vec![0.0; nodes],
            counts: vec![0; nodes],
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

    fn picture(&self, walked: &Walked) -> Plane {
        let (cols, rows) = (&walked.cols, &walked.rows);
        let values: Vec<f32> = (0..self.counts.len())
            .map(|node| self.value(node))
            .collect();
        let shares: Vec<f32> = self
            .counts
            .iter()
            .enumerate()
            .map(|(node, valid)| walked.share(node, *valid))
            .collect();
        let mut plane = Plane {
            values: Vec::with_capacity(cols.len() * rows.len()),
            valid: Vec::with_capacity(cols.len() * rows.len()),
        };
        for (row, col) in rows
            .iter()
            .flat_map(|row| cols.iter().map(move |col| (row, col)))
        {
            if is_own(row, col) {
                let node = row.low * walked.across + col.low;
                plane.values.push(values[node]);
                plane.valid.push(self.counts[node] > 0);
                continue;
            }
            if !self.classes.is_empty() {
                let near = |one: &Between| if one.share < 0.5 { one.low } else { one.high };
                let node = near(row) * walked.across + near(col);
                plane.values.push(values[node]);
                plane.valid.push(shares[node] >= LEAST_VALID);
                continue;
            }
            let (mut sum, mut weight) = (0.0f32, 0.0f32);
            for (node, part) in corners(row, col, walked.across) {
                let part = part * shares[node];
                sum += part * values[node];
                weight += part;
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
