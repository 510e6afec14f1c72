//! 3 x 3 convolutions of channel-last maps on slices: pixels are gathered a few rows at a time, so that they stay in the
//! cache, and multiplied with the weights there. Knows slices. Knows no tensors.

#![expect(unsafe_code, reason = "the matrix product takes pointers and strides")]

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::product::{Cores, Matrix, add_product, product};
use super::written::zeros;

/// Gathered numbers a task holds: about half of a core's second cache.
const GATHERED: usize = 1 << 17;
const TAPS: usize = 9;

/// Sizes of a convolution with one pixel of zeros around.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    pub maps: usize,
    pub height: usize,
    pub width: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub stride: usize,
}

/// Rows of one map's result.
#[derive(Clone, Copy)]
struct Piece {
    map: usize,
    from: usize,
    rows: usize,
}

impl Shape {
    pub fn out_height(self) -> usize {
        (self.height - 1) / self.stride + 1
    }

    pub fn out_width(self) -> usize {
        (self.width - 1) / self.stride + 1
    }

    fn map_size(self) -> usize {
        self.height * self.width * self.inputs
    }

    fn out_size(self) -> usize {
        self.out_height() * self.out_width() * self.outputs
    }

    fn gathered_width(self) -> usize {
        TAPS * self.inputs
    }

    /// Rows of a piece.
    fn piece_rows(self) -> usize {
        let row = self.out_width() * self.gathered_width();
        (GATHERED / row.max(1)).clamp(1, self.out_height())
    }

    fn pieces(self) -> Vec<Piece> {
        let rows = self.piece_rows();
        (0..self.maps)
            .flat_map(|map| {
                (0..self.out_height()).step_by(rows).map(move |from| Piece {
                    map,
                    from,
                    rows: rows.min(self.out_height() - from),
                })
            })
            .collect()
    }

    /// The pixels around every pixel of a piece's result, [pixels, 9 * in], by kernel row, kernel column, channel.
    fn gather(self, x: &[f32], piece: Piece, out: &mut [f32]) {
        let (c, width) = (self.inputs, self.width);
        let map = &x[piece.map * self.map_size()..][..self.map_size()];
        let mut places = out.chunks_exact_mut(self.gathered_width());
        for out_row in piece.from..piece.from + piece.rows {
            for out_column in 0..self.out_width() {
                let Some(place) = places.next() else { return };
                let left = out_column * self.stride;
                for (tap, place) in place.chunks_exact_mut(3 * c).enumerate() {
                    let row = out_row * self.stride + tap;
                    let Some(row) = row.checked_sub(1).filter(|row| *row < self.height) else {
                        place.fill(0.0);
                        continue;
                    };
                    let line = &map[row * width * c..][..width * c];
                    // Columns left - 1 to left + 1.
                    let end = (left + 2).min(width);
                    match left.checked_sub(1) {
                        Some(first) => {
                            let there = &line[first * c..end * c];
                            place[..there.len()].copy_from_slice(there);
                            place[there.len()..].fill(0.0);
                        }
                        None => {
                            let there = &line[..end * c];
                            place[..c].fill(0.0);
                            place[c..c + there.len()].copy_from_slice(there);
                            place[c + there.len()..].fill(0.0);
                        }
                    }
                }
            }
        }
    }

    /// Adds the numbers of a piece's gathered pixels back to where they came from.
    fn scatter(self, gathered: &[f32], piece: Piece, map: &mut [f32]) {
        let (c, width) = (self.inputs, self.width);
        let mut places = gathered.chunks_exact(self.gathered_width());
        for out_row in piece.from..piece.from + piece.rows {
            for out_column in 0..self.out_width() {
                let Some(place) = places.next() else { return };
                for (tap, values) in place.chunks_exact(c).enumerate() {
                    let row = (out_row * self.stride + tap / 3).checked_sub(1);
                    let column = (out_column * self.stride + tap % 3).checked_sub(1);
                    if let (Some(row), Some(column)) = (row, column)
                        && row < self.height
                        && column < width
                    {
                        let there = &mut map[(row * width + column) * c..][..c];
                        there.iter_mut().zip(values).for_each(|(a, b)| *a += b);
                    }
                }
            }
        }
    }
}

/// What a convolution is added to.
#[derive(Clone, Copy)]
pub enum Start<'a> {
    Zero,
    /// One number a channel.
    Row(&'a [f32]),
    /// A whole result, and one number a channel.
    BaseAndRow(&'a [f32], &'a [f32]),
}

impl Start<'_> {
    /// Whether it suits a result of `count` numbers in pixels of `channels`.
    fn fits(self, count: usize, channels: usize) -> bool {
        match self {
            Self::Zero => true,
            Self::Row(row) => row.len() == channels,
            Self::BaseAndRow(base, row) => row.len() == channels && base.len() == count,
        }
    }

    /// Writes the numbers from `at` on, whole pixels.
    fn write(self, at: usize, out: &mut [MaybeUninit<f32>]) -> &mut [f32] {
        match self {
            Self::Zero => {
                for number in out.iter_mut() {
                    number.write(0.0);
                }
            }
            Self::Row(row) => {
                for pixel in out.chunks_exact_mut(row.len().max(1)) {
                    pixel.write_copy_of_slice(row);
                }
            }
            Self::BaseAndRow(base, row) => {
                let width = row.len().max(1);
                let base = base[at..at + out.len()].chunks_exact(width);
                for (pixel, base) in out.chunks_exact_mut(width).zip(base) {
                    for ((number, a), b) in pixel.iter_mut().zip(base).zip(row) {
                        number.write(a + b);
                    }
                }
            }
        }
        // SAFETY: whole pixels of the right width were asked for, and every number of them is written above.
        unsafe { out.assume_init_mut() }
    }
}

/// The convolution of `x` [maps, height, width, in] with `weight` [9 * in, out] on top of `start`: [maps, h, w, out].
pub fn convolved(shape: Shape, x: &[f32], weight: &[f32], start: Start<'_>) -> Vec<f32> {
    let weight = Matrix::new(weight, shape.gathered_width(), shape.outputs);
    let row = shape.out_width() * shape.outputs;
    let pieces = shape.pieces();
    let count = shape.maps * shape.out_size();
    assert!(
        start.fits(count, shape.outputs),
        "a convolution on top of something of another size"
    );
    let mut out = Vec::with_capacity(count);
    // Pieces lie one after the other in the result.
    let mut parts = Vec::with_capacity(pieces.len());
    let mut rest = &mut out.spare_capacity_mut()[..count];
    let mut at = 0;
    for piece in &pieces {
        let (part, after) = rest.split_at_mut(piece.rows * row);
        parts.push((*piece, at, part));
        at += piece.rows * row;
        rest = after;
    }
    parts.into_par_iter().for_each_init(
        || vec![0.0; shape.piece_rows() * shape.out_width() * shape.gathered_width()],
        |gathered, (piece, at, part)| {
            let pixels = piece.rows * shape.out_width();
            let gathered = &mut gathered[..pixels * shape.gathered_width()];
            shape.gather(x, piece, gathered);
            let gathered = Matrix::new(gathered, pixels, shape.gathered_width());
            add_product(start.write(at, part), gathered, weight, Cores::This);
        },
    );
    assert_eq!(at, count, "pieces that are not the whole result");
    // SAFETY: the pieces are the whole result, and each is written before it is added to.
    unsafe { out.set_len(count) };
    out
}

/// Gradient of the weights, [9 * in, out], from that of the result.
pub fn of_weight(shape: Shape, x: &[f32], gradient: &[f32]) -> Vec<f32> {
    let size = shape.gathered_width() * shape.outputs;
    let pieces = shape.pieces();
    // Fixed groups, so that sums do not depend on the number of cores.
    const GROUPS: usize = 16;
    let group = pieces.len().div_ceil(GROUPS).max(1);
    let parts: Vec<Vec<f32>> = pieces
        .par_chunks(group)
        .map_init(
            || vec![0.0; shape.piece_rows() * shape.out_width() * shape.gathered_width()],
            |gathered, pieces| {
                let mut total = vec![0.0; size];
                for piece in pieces {
                    let pixels = piece.rows * shape.out_width();
                    let gathered = &mut gathered[..pixels * shape.gathered_width()];
                    shape.gather(x, *piece, gathered);
                    let at = piece.map * shape.out_size()
                        + piece.from * shape.out_width() * shape.outputs;
                    let gradient = &gradient[at..at + pixels * shape.outputs];
                    add_product(
                        &mut total,
                        Matrix::new(gathered, pixels, shape.gathered_width()).transposed(),
                        Matrix::new(gradient, pixels, shape.outputs),
                        Cores::This,
                    );
                }
                total
            },
        )
        .collect();
    let mut total = vec![0.0; size];
    for part in &parts {
        total.iter_mut().zip(part).for_each(|(a, b)| *a += b);
    }
    total
}

/// Gradient of `x` from that of the result.
pub fn of_input(shape: Shape, weight: &[f32], gradient: &[f32]) -> Vec<f32> {
    if shape.stride == 1 {
        // A convolution again, with the kernel turned around.
        let back = Shape {
            inputs: shape.outputs,
            outputs: shape.inputs,
            ..shape
        };
        let (inputs, outputs) = (shape.inputs, shape.outputs);
        let mut turned = vec![0.0; weight.len()];
        for tap in 0..TAPS {
            for input in 0..inputs {
                for output in 0..outputs {
                    turned[((TAPS - 1 - tap) * outputs + output) * inputs + input] =
                        weight[(tap * inputs + input) * outputs + output];
                }
            }
        }
        return convolved(back, gradient, &turned, Start::Zero);
    }
    let mut out = zeros(shape.maps * shape.map_size());
    let weight = Matrix::new(weight, shape.gathered_width(), shape.outputs).transposed();
    let pieces = shape.pieces();
    out.par_chunks_mut(shape.map_size().max(1))
        .enumerate()
        .for_each(|(index, map)| {
            let mut gathered = Vec::new();
            for piece in pieces.iter().filter(|piece| piece.map == index) {
                let pixels = piece.rows * shape.out_width();
                let at =
                    piece.map * shape.out_size() + piece.from * shape.out_width() * shape.outputs;
                let gradient = &gradient[at..at + pixels * shape.outputs];
                gathered.resize(pixels * shape.gathered_width(), 0.0);
                let gradient = Matrix::new(gradient, pixels, shape.outputs);
                product(&mut gathered, gradient, weight, Cores::This);
                shape.scatter(&gathered, *piece, map);
            }
        });
    out
}
