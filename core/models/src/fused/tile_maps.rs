//! 3 x 3 convolutions of channel-last maps on the tile unit. A tile is loaded from wherever its rows begin at one distance, so
//! that pixels need not be gathered: maps get a border of zeros and become three of eight digits a number, as they lie for
//! the result, by channel for the gradient of the weights.
//! Knows slices and pointers. Knows no tensors, and not when a convolution is worth it.

#![expect(unsafe_code, reason = "the tile unit takes pointers")]

use std::arch::asm;

use super::convolution::{Piece, Shape, TAPS};
use super::tile_panels::{
    By, DEPTH, Line, Numbers, PANEL, Part, SIDE, STEP, lay_out, lay_rows_of_pairs, split_row,
    steps_of,
};
use super::tile_steps::{TILES, sum_three};
use super::tiles;

/// Numbers of sums of [`TILES`] tiles.
const SUMS: usize = TILES * SIDE * SIDE;

/// Weights [9 * in, out] as columns of tiles, each kernel row's filled up with zeros.
pub struct Weights {
    lines: Vec<Line>,
    /// Of a kernel row.
    steps: usize,
}

impl Weights {
    /// # Panics
    /// If they do not fit the shape, or there is no tile unit.
    pub fn new(shape: Shape, weight: &[f32]) -> Self {
        let depth = 3 * shape.inputs;
        let steps = steps_of(depth);
        assert_eq!(
            weight.len(),
            3 * depth * shape.outputs,
            "weights of another size"
        );
        assert!(tiles::are_there(), "no tile unit");
        let panels = shape.outputs.div_ceil(PANEL);
        let mut lines = vec![Line::ZEROS; panels * 3 * steps * STEP];
        for (index, lines) in lines.chunks_exact_mut(steps * STEP).enumerate() {
            let (column, row) = (index / 3 * PANEL, index % 3 * depth);
            let part = Part {
                from: weight[row * shape.outputs + column..].as_ptr(),
                row_step: 1,
                column_step: shape.outputs,
                rows: (shape.outputs - column).min(PANEL),
                columns: depth,
            };
            // SAFETY: the part lies in the weights and the lines are those of its tiles; a processor with tiles has AVX-512.
            unsafe { lay_out(part, By::Pair, lines.as_mut_ptr()) };
        }
        Self { lines, steps }
    }

    /// The tiles of outputs from `output` on.
    fn of(&self, output: usize) -> *const Line {
        let panel = output / PANEL * 3 * self.steps * STEP;
        self.lines[panel + output % PANEL..].as_ptr()
    }
}

/// Where numbers of a map with its border lie, in three arrays of digits.
#[derive(Clone, Copy)]
struct Layout {
    /// Digits from a row of the map to the next, from a pixel, and in an array.
    row: usize,
    pixel: usize,
    array: usize,
}

/// What a task holds to add convolutions of pieces of one shape to their results.
pub struct Adding {
    shape: Shape,
    /// Of the largest piece.
    rows: usize,
    digits: Vec<u16>,
    layout: Layout,
    /// Bytes from a tile's first numbers to those of every step.
    offsets: Vec<usize>,
    sums: Box<[f32; SUMS]>,
}

impl Adding {
    /// For pieces of up to `rows` rows.
    pub fn new(shape: Shape, rows: usize) -> Self {
        let pixel = shape.inputs;
        let row = (shape.width + 2) * pixel;
        // A tile of pixels goes on beyond the end of its row, and a step beyond a pixel's.
        let beyond = SIDE * shape.stride * pixel + DEPTH;
        let array = ((rows - 1) * shape.stride + 3) * row + beyond;
        let steps = steps_of(3 * pixel);
        let offsets = (0..3 * steps)
            .map(|step| (step / steps * row + step % steps * DEPTH) * size_of::<u16>())
            .collect();
        Self {
            shape,
            rows,
            digits: vec![0; 3 * array],
            layout: Layout { row, pixel, array },
            offsets,
            sums: Box::new([0.0; SUMS]),
        }
    }

    /// Adds the convolution of a piece of `x` to `out`, its rows of the result.
    ///
    /// # Panics
    /// If sizes do not fit, or there is no tile unit.
    pub fn add(&mut self, x: &[f32], piece: Piece, weights: &Weights, out: &mut [f32]) {
        let Shape {
            stride, outputs, ..
        } = self.shape;
        let (width, layout) = (self.shape.out_width(), self.layout);
        assert_eq!(
            out.len(),
            piece.rows * width * outputs,
            "a piece of another size"
        );
        assert_eq!(
            weights.steps * 3,
            self.offsets.len(),
            "weights of another shape"
        );
        assert!(piece.rows <= self.rows, "a piece of too many rows");
        self.lay(x, piece);
        let across = width.div_ceil(SIDE);
        let tiles: Vec<[usize; 2]> = (0..piece.rows * across)
            .map(|tile| [tile / across, tile % across * SIDE])
            .collect();
        let _set = Set::new();
        for tiles in tiles.chunks(TILES) {
            // Those that are missing are worked out and left.
            let from = std::array::from_fn(|index| {
                let [row, column] = tiles.get(index).copied().unwrap_or_default();
                let at = row * stride * layout.row + column * stride * layout.pixel;
                self.digits[at..].as_ptr()
            });
            let numbers = Numbers {
                from,
                line: stride * layout.pixel,
                array: layout.array,
            };
            for output in (0..outputs).step_by(SIDE) {
                // SAFETY: the unit is set; tiles of the last pixels stay in their array with what lies beyond, and the weights
                // have as many steps.
                unsafe { sum_three(&numbers, &self.offsets, weights.of(output), &mut self.sums) };
                for ([row, column], sums) in tiles.iter().zip(self.sums.chunks_exact(SIDE * SIDE)) {
                    let at = (row * width + column) * outputs;
                    let pixels = (width - column).min(SIDE);
                    add_tile(&mut out[at..][..pixels * outputs], outputs, output, sums);
                }
            }
        }
    }

    fn lay(&mut self, x: &[f32], piece: Piece) {
        let layout = self.layout;
        for (at, line) in self.shape.lines(x, piece).enumerate() {
            let at = at * layout.row + layout.pixel;
            let count = self.shape.width * layout.pixel;
            let arrays = [0, 1, 2].map(|index| index * layout.array + at);
            match line {
                // SAFETY: both are as long; a processor with tiles has AVX-512.
                Some(line) => unsafe {
                    let to = arrays.map(|at| self.digits[at..][..count].as_mut_ptr());
                    split_row(line, to);
                },
                None => arrays
                    .into_iter()
                    .for_each(|at| self.digits[at..][..count].fill(0)),
            }
        }
    }
}

/// What a task holds to add gradients of weights, of convolutions of stride 1 of one shape.
pub struct AddingWeights {
    shape: Shape,
    /// Of the largest piece.
    rows: usize,
    /// By channel: [3, in, pixels with a border].
    digits: Vec<u16>,
    /// Digits of a channel.
    channel: usize,
    /// Gradient of the result with its border, [pixels, out], and as tiles.
    gradient: Vec<f32>,
    lines: Vec<Line>,
    offsets: Vec<usize>,
    sums: Box<[f32; SUMS]>,
}

impl AddingWeights {
    /// For pieces of up to `rows` rows.
    ///
    /// # Panics
    /// If the stride is not 1.
    pub fn new(shape: Shape, rows: usize) -> Self {
        assert_eq!(shape.stride, 1, "pixels that do not lie beside each other");
        let row = shape.width + 2;
        let steps = steps_of(rows * row);
        let channel = (rows + 2) * row + 2 * DEPTH;
        let channels = shape.inputs.next_multiple_of(SIDE);
        Self {
            shape,
            rows,
            digits: vec![0; 3 * channels * channel],
            channel,
            gradient: vec![0.0; rows * row * shape.outputs],
            lines: vec![Line::ZEROS; shape.outputs.div_ceil(PANEL) * steps * STEP],
            offsets: (0..steps)
                .map(|step| step * DEPTH * size_of::<u16>())
                .collect(),
            sums: Box::new([0.0; SUMS]),
        }
    }

    /// Adds the gradient of the weights, [9 * in, out], that a piece of `x` has by that of its rows of the result.
    ///
    /// # Panics
    /// If sizes do not fit, or there is no tile unit.
    pub fn add(&mut self, x: &[f32], piece: Piece, gradient: &[f32], out: &mut [f32]) {
        let Shape {
            inputs,
            outputs,
            width,
            ..
        } = self.shape;
        assert_eq!(
            gradient.len(),
            piece.rows * width * outputs,
            "a piece of another size"
        );
        assert_eq!(
            out.len(),
            TAPS * inputs * outputs,
            "weights of another size"
        );
        assert!(piece.rows <= self.rows, "a piece of too many rows");
        self.lay(x, piece);
        let steps = self.lay_gradient(piece.rows, gradient);
        let blocks = inputs.div_ceil(SIDE);
        let channels = blocks * SIDE;
        let tiles: Vec<[usize; 2]> = (0..TAPS * blocks)
            .map(|tile| [tile / blocks, tile % blocks * SIDE])
            .collect();
        let offsets = &self.offsets[..steps];
        let _set = Set::new();
        for output in (0..outputs).step_by(SIDE) {
            let panel = output / PANEL * steps * STEP;
            let columns = self.lines[panel + output % PANEL..].as_ptr();
            for tiles in tiles.chunks(TILES) {
                let from = std::array::from_fn(|index| {
                    let [tap, channel] = tiles.get(index).copied().unwrap_or_default();
                    let at = channel * self.channel + tap / 3 * (width + 2) + tap % 3;
                    self.digits[at..].as_ptr()
                });
                let numbers = Numbers {
                    from,
                    line: self.channel,
                    array: channels * self.channel,
                };
                // SAFETY: the unit is set; the pixels of every step lie in their channel with what lies beyond, and the gradient
                // has as many steps.
                unsafe { sum_three(&numbers, offsets, columns, &mut self.sums) };
                for ([tap, channel], sums) in tiles.iter().zip(self.sums.chunks_exact(SIDE * SIDE))
                {
                    let at = (tap * inputs + channel) * outputs;
                    let rows = (inputs - channel).min(SIDE);
                    add_tile(&mut out[at..][..rows * outputs], outputs, output, sums);
                }
            }
        }
    }

    fn lay(&mut self, x: &[f32], piece: Piece) {
        let Shape { inputs, width, .. } = self.shape;
        let channels = inputs.next_multiple_of(SIDE);
        for (row, line) in self.shape.lines(x, piece).enumerate() {
            for block in (0..inputs).step_by(SIDE) {
                for column in (0..width).step_by(DEPTH) {
                    let at = block * self.channel + row * (width + 2) + 1 + column;
                    let there = (width - column).min(DEPTH);
                    let arrays = [0, 1, 2].map(|array| array * channels * self.channel + at);
                    let Some(line) = line else {
                        for at in arrays {
                            for channel in 0..SIDE {
                                self.digits[at + channel * self.channel..][..there].fill(0);
                            }
                        }
                        continue;
                    };
                    let part = Part {
                        from: line[column * inputs + block..].as_ptr(),
                        row_step: 1,
                        column_step: inputs,
                        rows: (inputs - block).min(SIDE),
                        columns: there,
                    };
                    let to = arrays
                        .map(|at| self.digits[at..][..15 * self.channel + DEPTH].as_mut_ptr());
                    // SAFETY: the part lies in the row, and its channels' lines in the digits: zeros after the last pixel are
                    // overwritten by the next row, or lie beyond the last.
                    unsafe { lay_rows_of_pairs(part, to, self.channel) };
                }
            }
        }
    }

    /// Gives its steps.
    fn lay_gradient(&mut self, rows: usize, gradient: &[f32]) -> usize {
        let Shape { outputs, width, .. } = self.shape;
        let pitch = (width + 2) * outputs;
        let lines = gradient.chunks_exact(width * outputs);
        for (to, from) in self.gradient.chunks_exact_mut(pitch).zip(lines) {
            to[..from.len()].copy_from_slice(from);
        }
        let pixels = rows * (width + 2);
        let steps = steps_of(pixels);
        let part = Part {
            from: self.gradient.as_ptr(),
            row_step: 1,
            column_step: outputs,
            rows: outputs,
            columns: pixels,
        };
        // SAFETY: the gradient has so many pixels, and the lines are those of its tiles.
        unsafe { lay_out(part, By::Pair, self.lines.as_mut_ptr()) };
        steps
    }
}

/// Adds sums [rows, 16] to columns from `column` on of rows of `width` numbers.
fn add_tile(out: &mut [f32], width: usize, column: usize, sums: &[f32]) {
    for (out, sums) in out.chunks_exact_mut(width).zip(sums.as_chunks::<SIDE>().0) {
        let out = &mut out[column..];
        match out.first_chunk_mut::<SIDE>() {
            Some(out) => out.iter_mut().zip(sums).for_each(|(a, b)| *a += b),
            None => out.iter_mut().zip(sums).for_each(|(a, b)| *a += b),
        }
    }
}

/// The unit while it is set for this thread.
struct Set;

impl Set {
    fn new() -> Self {
        assert!(tiles::are_there(), "no tile unit");
        // SAFETY: the unit is there.
        unsafe { asm!("ldtilecfg [{}]", in(reg) tiles::shape(), options(nostack, readonly)) };
        Self
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        // SAFETY: the unit is there.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

#[cfg(test)]
#[path = "tile_maps_tests.rs"]
mod tests;
