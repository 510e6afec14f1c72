//! Which pixels of a raster stand for all of them: whole where it is small, else some blocks at full resolution, spread evenly,
//! and the overview that says how common their values are. Sizes only; what is read there is worked out in `statistics.rs`.

use crate::{BandInfo, RasterInfo, Window};

/// Blocks looked at first where no overview helps; more only while valid pixels are scarce.
const BLOCKS: usize = 64;
const BLOCKS_MAX: usize = 1024;
/// Fewer where blocks are large: opening waits for this.
const BLOCKS_MIN: usize = 24;
const DECODED_BYTES: usize = 48 << 20;
/// The same beside an overview, which says what the blocks do not show.
const BLOCKS_MIN_BESIDE: usize = 8;
const DECODED_BYTES_BESIDE: usize = 16 << 20;
/// Blocks of a file up to this size are looked at all over, larger ones in part.
const LARGEST_BLOCK: usize = 1 << 18;
const PART_OF_A_BLOCK: usize = 1 << 16;
/// Pixels kept of a window.
const KEPT_OF_A_WINDOW: usize = 1 << 14;
/// Rasters up to this size are read whole: no more than a sample would cost.
const WHOLE_PIXELS: usize = 1 << 22;
/// Decoded blocks of this size stay in GDAL's cache while their rows are read one by one.
const CACHED_BYTES: usize = 8 << 20;
/// Pixels of an overview that is worth reading, and what it may cost.
const OVERVIEW_PIXELS_MIN: usize = 1 << 14;
const OVERVIEW_BYTES_MAX: usize = 16 << 20;
/// Shorter side of the overview that a screen shows all of the raster from. Where it is looked at, its blocks are still in
/// GDAL's cache when the picture is read (`warm_rasters.rs`).
const SCREEN_SIDE: usize = 760;

pub(crate) struct SamplePlan {
    pub windows: Vec<Window>,
    /// Looked at in any case; the others only while valid pixels are scarce.
    pub first: usize,
    pub is_sampled: bool,
    /// Every so many rows and columns of a window are kept.
    pub row_step: usize,
    pub col_step: usize,
    /// Only the rows that are kept are asked for: their blocks are decoded once all the same.
    pub is_by_rows: bool,
    /// Size of the overview that says how common values are.
    pub overview: Option<(usize, usize)>,
}

impl SamplePlan {
    /// `has_overview`: what is looked at can be read from an overview, too.
    pub fn new(info: &RasterInfo, band: &BandInfo, within: Window, has_overview: bool) -> Self {
        let (width, height) = (within.width, within.height);
        // Whole file blocks where they are small, else a part: wide strips give long flat windows, tiles give square ones.
        let file_block = band.block_size.0.saturating_mul(band.block_size.1);
        let most = if file_block <= LARGEST_BLOCK {
            file_block.max(PART_OF_A_BLOCK)
        } else {
            PART_OF_A_BLOCK
        };
        let block_width = band.block_size.0.clamp(1, width.clamp(1, 4096));
        let block_height = band
            .block_size
            .1
            .max(256)
            .min((most / block_width).max(1))
            .clamp(1, height.max(1));
        let block_width = block_width.min((most / block_height).max(1));
        let (columns, rows) = (width.div_ceil(block_width), height.div_ceil(block_height));
        let window = |column: usize, row: usize| {
            let (col, row) = (column * block_width, row * block_height);
            Window {
                col: within.col + col,
                row: within.row + row,
                width: block_width.min(width - col),
                height: block_height.min(height - row),
            }
        };
        if width.saturating_mul(height) <= WHOLE_PIXELS {
            let windows = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
            return Self {
                windows: windows.map(|(column, row)| window(column, row)).collect(),
                first: usize::MAX,
                is_sampled: false,
                row_step: 1,
                col_step: 1,
                is_by_rows: false,
                overview: None,
            };
        }
        let mut seen = std::collections::HashSet::new();
        let windows = low_discrepancy(columns, rows)
            .take(4 * BLOCKS_MAX)
            .filter(|place| seen.insert(*place))
            .take(BLOCKS_MAX)
            .map(|(column, row)| window(column, row))
            .collect();
        let together = if info.is_interleaved {
            info.bands.len()
        } else {
            1
        };
        let pixel_bytes = band.sample_type.bytes().saturating_mul(together).max(1);
        let block_bytes = file_block.saturating_mul(pixel_bytes).max(1);
        let is_worth = |(width, height): &(usize, usize)| {
            let pixels = width.saturating_mul(*height);
            pixels >= OVERVIEW_PIXELS_MIN
                && pixels.saturating_mul(pixel_bytes) <= OVERVIEW_BYTES_MAX
        };
        let is_whole = has_overview && within == info.grid.window();
        let overviews = band.overviews.iter().copied().filter(|_| is_whole);
        let fits_a_screen = |(width, height): &(usize, usize)| *width.min(height) >= SCREEN_SIDE;
        let worth: Vec<(usize, usize)> = overviews.filter(is_worth).collect();
        let overview = worth
            .iter()
            .copied()
            .filter(fits_a_screen)
            .min()
            .or_else(|| worth.iter().copied().max());
        let (least, bytes) = match overview {
            Some(_) => (BLOCKS_MIN_BESIDE, DECODED_BYTES_BESIDE),
            None => (BLOCKS_MIN, DECODED_BYTES),
        };
        let thinning = (block_width * block_height / KEPT_OF_A_WINDOW).max(1);
        let col_step = if thinning >= 16 { 2 } else { 1 };
        Self {
            windows,
            first: (bytes / block_bytes).clamp(least, BLOCKS),
            is_sampled: true,
            row_step: thinning / col_step,
            col_step,
            is_by_rows: block_bytes <= CACHED_BYTES,
            overview,
        }
    }
}

/// The R2 sequence (Roberts 2018): evenly spread for any count, never along a diagonal.
fn low_discrepancy(columns: usize, rows: usize) -> impl Iterator<Item = (usize, usize)> {
    const STEP: (f64, f64) = (0.754_877_666_246_692_7, 0.569_840_290_998_053_2);
    (0_u32..).map(move |index| {
        let place = |step: f64, count: usize| {
            let share = (0.5 + f64::from(index) * step).fract();
            ((share * count as f64) as usize).min(count.saturating_sub(1))
        };
        (place(STEP.0, columns), place(STEP.1, rows))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The trap of sampling along a diagonal: a scene whose valid part is a corner must still be met.
    #[test]
    fn sampled_places_are_spread_over_the_raster() {
        let (columns, rows) = (160, 160);
        let places: Vec<(usize, usize)> = low_discrepancy(columns, rows).take(BLOCKS).collect();
        for quarter in 0..16 {
            let (left, top) = (quarter % 4 * 40, quarter / 4 * 40);
            let inside = places
                .iter()
                .filter(|(c, r)| (left..left + 40).contains(c) && (top..top + 40).contains(r))
                .count();
            assert!(
                (2..=6).contains(&inside),
                "{inside} of 64 places in sixteenth {quarter}"
            );
        }
    }
}
