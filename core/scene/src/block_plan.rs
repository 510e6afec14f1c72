//! Windows too large to read as they are: which blocks of the file stand for them, and how the picture between those is
//! filled. Sizes only; the pixels are read in `block_read.rs`.

use std::ops::Range;

use crate::{FIELD_AXES, RasterInfo, ReadRequest, Window};

/// How much of a file one read may decode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Detail {
    /// A first look, done in well under a second.
    Coarse,
    /// Everything, as long as that is a matter of seconds.
    #[default]
    Full,
}

impl Detail {
    /// Bytes of decoded blocks.
    pub fn most_bytes(self) -> u64 {
        match self {
            Self::Coarse => 128 << 20,
            Self::Full => 640 << 20,
        }
    }
}

/// Windows of pixel-interleaved files beyond this are read block by block, so that no block is decoded once a band.
const LARGE_BYTES: u64 = 32 << 20;

/// Which blocks are read for a window that is wanted much smaller than it is.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockPlan {
    pub(crate) cols: Axis,
    pub(crate) rows: Axis,
}

impl BlockPlan {
    /// `None` where plain reading does: small windows, windows that are not reduced, files with fitting overviews.
    pub fn new(
        info: &RasterInfo,
        bands: &[usize],
        window: Window,
        out: (usize, usize),
        detail: Detail,
    ) -> Option<Self> {
        Self::within(info, bands, window, out, detail.most_bytes())
    }

    /// The same for any number of decoded bytes.
    pub(crate) fn within(
        info: &RasterInfo,
        bands: &[usize],
        window: Window,
        out: (usize, usize),
        most: u64,
    ) -> Option<Self> {
        let band = info.bands.get(*bands.first()?)?;
        let is_reducing = window.width >= 2 * out.0.max(1) && window.height >= 2 * out.1.max(1);
        let block = (
            band.block_size.0.clamp(1, info.grid.width.max(1)),
            band.block_size.1.clamp(1, info.grid.height.max(1)),
        );
        if !is_reducing || out.0 == 0 || out.1 == 0 {
            return None;
        }
        let together = if info.is_interleaved {
            info.bands.len()
        } else {
            bands.len()
        };
        let pixel_bytes = (band.sample_type.bytes() * together) as u64;
        let reduction =
            (window.width as f64 / out.0 as f64).min(window.height as f64 / out.1 as f64);
        let level = level_for(info, band.index, reduction);
        if level > 1.0 {
            let pixels = window.pixels() as f64 / (level * level);
            if pixels * pixel_bytes as f64 <= most as f64 {
                return None;
            }
        }
        // Blocks of so many bands cost more than the rim of a texel that a window has beyond them shows.
        let trimmed = |axis: Axis| {
            if together < FIELD_AXES {
                axis
            } else {
                axis.without_rims()
            }
        };
        let cols = |stride| {
            trimmed(Axis::new(
                (window.col, window.width),
                out.0,
                block.0,
                info.grid.width,
                stride,
            ))
        };
        let rows = |stride| {
            trimmed(Axis::new(
                (window.row, window.height),
                out.1,
                block.1,
                info.grid.height,
                stride,
            ))
        };
        let block_bytes = (block.0 * block.1) as u64 * pixel_bytes;
        let cost = |across: &Axis, down: &Axis| {
            (across.cells.len() as u64 * down.cells.len() as u64).saturating_mul(block_bytes)
        };
        let mut plan = Self {
            cols: cols(1),
            rows: rows(1),
        };
        let whole = cost(&plan.cols, &plan.rows);
        let is_large =
            info.is_interleaved && bands.len() > 1 && whole > LARGE_BYTES && level <= 1.0;
        if whole <= most {
            return is_large.then_some(plan);
        }
        while cost(&plan.cols, &plan.rows) > most {
            let (across, down) = (&plan.cols, &plan.rows);
            let can = |axis: &Axis| axis.cells.len() > 1;
            // The shorter side of a cell grows, so that cells become square.
            if can(across) && (!can(down) || across.cell() < down.cell()) {
                plan.cols = cols(2 * across.stride);
            } else if can(down) {
                plan.rows = rows(2 * down.stride);
            } else {
                break;
            }
        }
        (plan.is_sampled() || is_large).then_some(plan)
    }

    /// True when some pixels of the window are not looked at.
    pub fn is_sampled(&self) -> bool {
        self.cols.stride > 1 || self.rows.stride > 1
    }

    /// Blocks that are decoded.
    pub fn blocks(&self) -> usize {
        self.cols.cells.len() * self.rows.cells.len()
    }

    /// The middle of each block that is decoded, of `pixels` at most.
    pub(crate) fn middles(&self, pixels: usize) -> Vec<Window> {
        let part = |span: Range<usize>, most: usize| {
            let length = span.len().min(most.max(1));
            (span.start + (span.len() - length) / 2, length)
        };
        let mut found = Vec::with_capacity(self.blocks());
        for row in self.rows.cells.clone() {
            for col in self.cols.cells.clone() {
                let (down, across) = (self.rows.span(row), self.cols.span(col));
                // Square where the block allows it.
                let high = down.len().min(pixels.isqrt()).max(1);
                let (col, width) = part(across, pixels / high);
                let (row, height) = part(down, pixels / width);
                found.push(Window {
                    col,
                    row,
                    width,
                    height,
                });
            }
        }
        found
    }
}

impl ReadRequest {
    /// Blocks this read decodes when it goes block by block; `None` for plain reads.
    pub fn block_plan(&self, info: &RasterInfo) -> Option<BlockPlan> {
        let out = (self.out_width, self.out_height);
        if self.bands.is_empty() && self.derivation.is_none() {
            let all: Vec<usize> = (0..info.bands.len()).collect();
            return BlockPlan::new(info, &all, self.window, out, self.detail);
        }
        BlockPlan::new(info, &self.bands, self.window, out, self.detail)
    }
}

impl ReadRequest {
    /// Bytes this read decodes, about: whole blocks, at the overview that serves it.
    pub fn decoded_bytes(&self, info: &RasterInfo) -> u64 {
        let first = self.bands.first().copied().unwrap_or(0);
        let Some(band) = info.bands.get(first) else {
            return 0;
        };
        let together = if info.is_interleaved || self.bands.is_empty() {
            info.bands.len()
        } else {
            self.bands.len()
        };
        let reduction = (self.window.width as f64 / self.out_width.max(1) as f64)
            .min(self.window.height as f64 / self.out_height.max(1) as f64);
        let level = level_for(info, first, reduction);
        let along = |start: usize, length: usize, block: usize, size: usize| {
            let block = block.clamp(1, size.max(1)) as f64 * level;
            let (first, last) = (start as f64 / block, (start + length) as f64 / block);
            ((last.ceil() - first.floor()) * block).min(size as f64 + block) / level
        };
        let window = self.window;
        let pixels = along(window.col, window.width, band.block_size.0, info.grid.width)
            * along(
                window.row,
                window.height,
                band.block_size.1,
                info.grid.height,
            );
        (pixels * (band.sample_type.bytes() * together) as f64) as u64
    }
}

/// How many times smaller the best overview for a reduction is; 1 without.
fn level_for(info: &RasterInfo, band: usize, reduction: f64) -> f64 {
    let overviews = info.bands.get(band).map(|band| band.overviews.as_slice());
    overviews
        .unwrap_or_default()
        .iter()
        .map(|(width, _)| info.grid.width as f64 / (*width).max(1) as f64)
        .filter(|factor| *factor <= reduction * 1.01)
        .fold(1.0, f64::max)
}

/// One direction of a plan. The raster is cut into cells of `stride` blocks, counted from its first pixel so that
/// neighbouring windows agree; one block in the middle of each cell is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    start: usize,
    length: usize,
    /// Texels along the window.
    pub out: usize,
    block: usize,
    /// Pixels along the raster.
    size: usize,
    pub stride: usize,
    pub cells: Range<usize>,
}

/// Where a texel takes its value from: two nodes and the share of the second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Between {
    pub low: usize,
    pub high: usize,
    pub share: f32,
}

impl Axis {
    fn new(
        (start, length): (usize, usize),
        out: usize,
        block: usize,
        size: usize,
        stride: usize,
    ) -> Self {
        let mut axis = Self {
            start,
            length,
            out,
            block,
            size,
            stride,
            cells: 0..0,
        };
        let cell = axis.cell();
        let (mut first, mut last) = (start / cell, (start + length - 1) / cell);
        if !axis.is_binned() {
            // Nodes on both sides of every texel, as far as the raster goes.
            let (near, far) = (axis.texel(0), axis.texel(out - 1));
            first = (near / cell as f64) as usize;
            last = (far / cell as f64) as usize;
            if axis.node(first) > near {
                first = first.saturating_sub(1);
            }
            if axis.node(last) < far && (last + 1) * cell < size {
                last += 1;
            }
        }
        axis.cells = first..last + 1;
        axis
    }

    /// Without the blocks that only the first or the last texel reaches into, where every block is read.
    fn without_rims(mut self) -> Self {
        if self.stride > 1 || self.block as f64 <= 2.0 * self.texel_pixels() {
            return self;
        }
        let rim = 1.01 * self.texel_pixels();
        let reach = |cell: usize| {
            let span = self.span(cell);
            let end = span.end.min(self.start + self.length);
            end.saturating_sub(span.start.max(self.start)) as f64
        };
        let (first, last) = (self.cells.start, self.cells.end - 1);
        let is_rim = |cell: usize| first < last && reach(cell) <= rim;
        let cells = first + usize::from(is_rim(first))..last + 1 - usize::from(is_rim(last));
        if !cells.is_empty() {
            self.cells = cells;
        }
        self
    }

    /// Pixels from one read block to the next.
    pub fn cell(&self) -> usize {
        self.stride.saturating_mul(self.block)
    }

    /// Texels are averages of the pixels read in them; otherwise they lie between nodes, the means of blocks.
    pub fn is_binned(&self) -> bool {
        self.stride == 1 || self.cell() as f64 <= self.texel_pixels()
    }

    fn texel_pixels(&self) -> f64 {
        self.length as f64 / self.out as f64
    }

    /// Middle of a texel in pixels of the raster.
    fn texel(&self, texel: usize) -> f64 {
        self.start as f64 + (texel as f64 + 0.5) * self.texel_pixels()
    }

    /// Pixels of the block that is read for a cell.
    pub fn span(&self, cell: usize) -> Range<usize> {
        let last = self.size.div_ceil(self.block) - 1;
        let block = (cell * self.stride + self.stride / 2).min(last);
        block * self.block..((block + 1) * self.block).min(self.size)
    }

    fn node(&self, cell: usize) -> f64 {
        let span = self.span(cell);
        (span.start + span.end) as f64 / 2.0
    }

    /// Values kept along this axis while reading.
    pub fn nodes(&self) -> usize {
        if self.is_binned() {
            self.out
        } else {
            self.cells.len()
        }
    }

    /// The pixels to read for a cell, in runs that belong to one node each.
    pub fn runs(&self, cell: usize) -> Vec<(Range<usize>, usize)> {
        let span = self.span(cell);
        if !self.is_binned() {
            return vec![(span, cell - self.cells.start)];
        }
        let inside = span.start.max(self.start)..span.end.min(self.start + self.length);
        let node = |pixel: usize| {
            let at = (pixel - self.start) as f64 + 0.5;
            ((at / self.texel_pixels()) as usize).min(self.out - 1)
        };
        let mut runs: Vec<(Range<usize>, usize)> = Vec::new();
        for pixel in inside {
            match runs.last_mut() {
                Some((range, last)) if *last == node(pixel) => range.end = pixel + 1,
                _ => runs.push((pixel..pixel + 1, node(pixel))),
            }
        }
        runs
    }

    /// For every texel the nodes around it; `is_read` tells the nodes that got pixels.
    pub fn between(&self, is_read: &[bool]) -> Vec<Between> {
        let same = |node| Between {
            low: node,
            high: node,
            share: 0.0,
        };
        if self.is_binned() {
            let mut last = is_read.iter().position(|read| *read).unwrap_or(0);
            return (0..self.out)
                .map(|texel| {
                    if is_read.get(texel).copied().unwrap_or(false) {
                        last = texel;
                    }
                    same(last)
                })
                .collect();
        }
        let nodes: Vec<f64> = self.cells.clone().map(|cell| self.node(cell)).collect();
        let mut low = 0;
        (0..self.out)
            .map(|texel| {
                let at = self.texel(texel);
                while nodes.get(low + 1).is_some_and(|next| *next <= at) {
                    low += 1;
                }
                match (nodes.get(low), nodes.get(low + 1)) {
                    (Some(a), Some(b)) if at > *a => Between {
                        low,
                        high: low + 1,
                        share: ((at - a) / (b - a)) as f32,
                    },
                    _ => same(low),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However a window lies, every texel gets a value and no cell outside the raster is read.
        #[test]
        fn texels_lie_between_nodes_that_are_read(
            size in 1000_usize..60_000,
            block in 1_usize..1100,
            place in 0.0_f64..0.8,
            share in 0.1_f64..1.0,
            out in 1_usize..260,
            power in 0_u32..8,
        ) {
            let start = (place * size as f64) as usize;
            let length = ((share * (size - start) as f64) as usize).max(1);
            prop_assume!(length >= 2 * out);
            let axis = Axis::new((start, length), out, block.min(size), size, 1 << power);
            let mut is_read = vec![false; axis.nodes()];
            let mut pixels = 0;
            for cell in axis.cells.clone() {
                let span = axis.span(cell);
                prop_assert!(span.start < span.end && span.end <= size);
                for (range, node) in axis.runs(cell) {
                    prop_assert!(range.start >= span.start && range.end <= span.end);
                    pixels += range.len();
                    is_read[node] = true;
                }
            }
            if axis.stride == 1 {
                prop_assert_eq!(pixels, length);
            }
            let between = axis.between(&is_read);
            prop_assert_eq!(between.len(), out);
            for one in between {
                prop_assert!(is_read[one.low] && is_read[one.high]);
                prop_assert!((0.0..=1.0).contains(&one.share));
            }
        }

        /// Without rims every texel still has a value, from blocks of the raster.
        #[test]
        fn rims_are_filled_from_their_neighbours(start in 0_usize..3000, length in 600_usize..3000, out in 40_usize..260) {
            let axis = Axis::new((start, length), out, 512, 8192, 1);
            let trimmed = axis.clone().without_rims();
            prop_assert!(axis.cells.len() - trimmed.cells.len() <= 2 && !trimmed.cells.is_empty());
            let mut is_read = vec![false; trimmed.nodes()];
            for cell in trimmed.cells.clone() {
                trimmed.runs(cell).iter().for_each(|(_, node)| is_read[*node] = true);
            }
            let missing = is_read.iter().filter(|read| !**read).count();
            prop_assert!(missing <= 4);
            prop_assert!(trimmed.between(&is_read).iter().all(|one| is_read[one.low]));
        }

        /// Windows side by side see the same blocks, so no seam shows between their tiles.
        #[test]
        fn neighbouring_windows_agree(size in 20_000_usize..60_000, block in 64_usize..600, power in 3_u32..6) {
            let whole = Axis::new((0, size), 100, block, size, 1 << power);
            let part = Axis::new((size / 3, size / 3), 100, block, size, 1 << power);
            for cell in part.cells.clone() {
                prop_assert!(whole.cells.contains(&cell));
                prop_assert_eq!(whole.span(cell), part.span(cell));
            }
        }
    }
}
