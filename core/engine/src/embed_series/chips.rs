//! Chips: the square parts of a grid a network of time looks at, and the blocks of the result that each finishes.
//! Whole numbers only; knows no pixels (specification of the network, section 9).

use terroir_scene::Window;

/// Side of a chip where nothing asks for less.
pub(crate) const CHIP_PX: usize = 128;
/// Outermost pixels of a chip that are not used: the network sees too little around them.
pub(crate) const DROPPED_PX: usize = 8;
/// By how much the used parts of neighbours overlap.
pub(crate) const OVERLAP_PX: usize = 16;
/// Sides are multiples of this.
const STEP_PX: usize = 16;
/// The smallest chip that still goes forward.
const SMALLEST_PX: usize = 48;

/// Chips in rows and columns over a region of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChipPlan {
    pub region: Window,
    pub side: usize,
    pub columns: usize,
    pub rows: usize,
}

/// Which pixels of a grid fill a chip along one axis: the range to read, and for each of the chip's pixels its place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filling {
    pub start: usize,
    pub length: usize,
    pub places: Vec<usize>,
}

impl ChipPlan {
    /// `most_px`: the largest side memory allows.
    pub fn new(region: Window, most_px: usize) -> Self {
        let margin = 2 * DROPPED_PX;
        let needed = (region.width.max(region.height) + margin).next_multiple_of(STEP_PX);
        let most = (most_px / STEP_PX * STEP_PX).clamp(SMALLEST_PX, CHIP_PX);
        let side = needed.min(most).max(STEP_PX);
        let plan = Self {
            region,
            side,
            columns: 1,
            rows: 1,
        };
        let count = |length: usize| {
            if length <= plan.used_px() {
                1
            } else {
                (length - OVERLAP_PX).div_ceil(plan.stride_px())
            }
        };
        Self {
            columns: count(region.width),
            rows: count(region.height),
            ..plan
        }
    }

    /// Side of the part of a chip that is used.
    pub fn used_px(&self) -> usize {
        self.side - 2 * DROPPED_PX
    }

    /// From one chip to the next.
    fn stride_px(&self) -> usize {
        self.used_px().saturating_sub(OVERLAP_PX).max(1)
    }

    pub fn count(&self) -> usize {
        self.columns * self.rows
    }

    /// Row and column of a chip.
    pub fn place(&self, number: usize) -> (usize, usize) {
        (number / self.columns, number % self.columns)
    }

    /// The pixels a chip finishes; those of all chips cover the region once.
    pub fn block(&self, number: usize) -> Window {
        let (row, column) = self.place(number);
        let span = |index: usize, count: usize, length: usize| {
            let start = index * self.stride_px();
            let end = if index + 1 == count {
                length
            } else {
                start + self.stride_px()
            };
            (start, end - start)
        };
        let (left, width) = span(column, self.columns, self.region.width);
        let (top, height) = span(row, self.rows, self.region.height);
        Window {
            col: self.region.col + left,
            row: self.region.row + top,
            width,
            height,
        }
    }

    /// The rows at which blocks begin, counted from the region's first.
    pub fn row_starts(&self) -> Vec<usize> {
        (0..self.rows).map(|row| row * self.stride_px()).collect()
    }

    /// What a chip is filled with across and down: the grid's pixels, mirrored at its borders.
    pub fn filling(&self, number: usize, grid: Window) -> (Filling, Filling) {
        let block = self.block(number);
        (
            filling(block.col, self.side, grid.width),
            filling(block.row, self.side, grid.height),
        )
    }

    /// Weight of each used pixel of a chip along one axis; those of neighbours add up to 1.
    pub fn weights(&self, index: usize, count: usize) -> Vec<f32> {
        let used = self.used_px();
        (0..used)
            .map(|at| {
                let ramp = |from_edge: usize| (from_edge as f32 + 0.5) / OVERLAP_PX as f32;
                if index > 0 && at < OVERLAP_PX {
                    ramp(at)
                } else if index + 1 < count && at >= used - OVERLAP_PX {
                    ramp(used - 1 - at)
                } else {
                    1.0
                }
            })
            .collect()
    }
}

fn filling(first: usize, side: usize, length: usize) -> Filling {
    let mirrored: Vec<usize> = (0..side)
        .map(|at| mirror(first as i64 + at as i64 - DROPPED_PX as i64, length))
        .collect();
    let start = mirrored.iter().copied().min().unwrap_or(0);
    let end = mirrored.iter().copied().max().unwrap_or(0) + 1;
    Filling {
        start,
        length: end - start,
        places: mirrored.iter().map(|at| at - start).collect(),
    }
}

/// Reflection without repeating the border: -1 is 1, `length` is `length - 2`.
fn mirror(at: i64, length: usize) -> usize {
    let length = length.max(1) as i64;
    if length == 1 {
        return 0;
    }
    let period = 2 * (length - 1);
    let at = at.rem_euclid(period);
    (if at < length { at } else { period - at }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(width: usize, height: usize) -> Window {
        Window {
            col: 3,
            row: 5,
            width,
            height,
        }
    }

    #[test]
    fn small_scenes_are_one_chip_and_large_ones_rows_of_them() {
        let small = ChipPlan::new(region(64, 40), CHIP_PX);
        assert_eq!((small.side, small.count()), (80, 1));
        let exact = ChipPlan::new(region(112, 112), CHIP_PX);
        assert_eq!((exact.side, exact.count()), (128, 1));
        let large = ChipPlan::new(region(500, 113), CHIP_PX);
        assert_eq!((large.side, large.columns, large.rows), (128, 6, 2));
        assert_eq!(large.block(1).col, 3 + 96);
        let tiny = ChipPlan::new(region(1, 1), CHIP_PX);
        assert_eq!((tiny.side, tiny.count()), (32, 1));
        // Many images: smaller chips.
        let frugal = ChipPlan::new(region(500, 500), 70);
        assert_eq!(frugal.side, 64);
        assert_eq!(ChipPlan::new(region(500, 500), 5).side, 48);
    }

    #[test]
    fn borders_are_mirrored_without_repeating_them() {
        let all: Vec<usize> = (-3..8).map(|at| mirror(at, 5)).collect();
        assert_eq!(all, [3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1]);
        assert_eq!(mirror(-9, 1), 0);
        let plan = ChipPlan::new(
            Window {
                col: 0,
                row: 0,
                width: 64,
                height: 64,
            },
            CHIP_PX,
        );
        let (across, _) = plan.filling(0, plan.region);
        assert_eq!((across.start, across.length), (0, 64));
        assert_eq!(
            (across.places[0], across.places[8], across.places[79]),
            (8, 0, 55)
        );
    }

    #[test]
    fn blocks_cover_once_and_weights_add_up() {
        for width in [1, 15, 47, 48, 111, 112, 113, 209, 400] {
            for height in [1, 33, 112, 300] {
                for most in [48, 64, 100, CHIP_PX] {
                    check(ChipPlan::new(region(width, height), most));
                }
            }
        }
    }

    fn check(plan: ChipPlan) {
        let Window { width, height, .. } = plan.region;
        let grid = Window {
            col: 0,
            row: 0,
            width: width + 3,
            height: height + 5,
        };
        let mut covered = vec![0_u8; width * height];
        let mut weight = vec![0.0_f32; width];
        for number in 0..plan.count() {
            let block = plan.block(number);
            assert!(block.width <= plan.used_px() && block.height <= plan.used_px());
            for row in block.row - 5..block.end_row() - 5 {
                for col in block.col - 3..block.end_col() - 3 {
                    covered[row * width + col] += 1;
                }
            }
            let (row, column) = plan.place(number);
            if row == 0 {
                let weights = plan.weights(column, plan.columns);
                for (at, share) in weights.iter().enumerate() {
                    if let Some(sum) = weight.get_mut(block.col - 3 + at) {
                        *sum += share;
                    }
                }
            }
            let (across, down) = plan.filling(number, grid);
            assert!(across.start + across.length <= grid.width);
            assert!(down.start + down.length <= grid.height);
            // The first pixel used is the block's own.
            assert_eq!(across.start + across.places[DROPPED_PX], block.col);
            assert_eq!(down.start + down.places[DROPPED_PX], block.row);
        }
        assert!(covered.iter().all(|count| *count == 1), "{plan:?}");
        assert!(
            weight.iter().all(|sum| (sum - 1.0).abs() < 1e-5),
            "{plan:?}"
        );
    }
}
