//! 3 x 3 convolutions of channel-last maps on slices, a few rows at a time so that they stay in the cache: the tile unit
//! multiplies pixels where they lie, elsewhere they are gathered first. Knows slices. Knows no tensors.

#![expect(unsafe_code, reason = "results are written before they are numbers")]

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::product::{Cores, Matrix, add_product, product};
use super::rows::vectorised;
#[cfg(target_arch = "x86_64")]
use super::tile_maps::{Adding, AddingWeights, Weights};
#[cfg(target_arch = "x86_64")]
use super::tiles;
use super::written::zeros;

/// Gathered numbers a task holds: about half of a core's second cache.
const GATHERED: usize = 1 << 17;
pub const TAPS: usize = 9;

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
pub struct Piece {
    pub map: usize,
    pub from: usize,
    pub rows: usize,
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

    /// Rows of a piece whose pixels are gathered.
    fn gathered_rows(self) -> usize {
        let row = self.out_width() * self.gathered_width();
        (GATHERED / row.max(1)).clamp(1, self.out_height())
    }

    /// Room to gather the pixels of a piece.
    fn room(self) -> Vec<f32> {
        vec![0.0; self.gathered_rows() * self.out_width() * self.gathered_width()]
    }

    /// Rows of a piece whose pixels become digits where they lie.
    #[cfg(target_arch = "x86_64")]
    fn digit_rows(self) -> usize {
        let row = 3 * (self.width + 2) * self.inputs * self.stride;
        // Fewer rows would turn those above and below into digits too often.
        (GATHERED / row).max(4).min(self.out_height())
    }

    /// Whether the tile unit is there, and few of its rows and columns would be empty.
    #[cfg(target_arch = "x86_64")]
    fn suits_tiles(self) -> bool {
        const FEWEST: usize = 8;
        const NARROWEST: usize = 12;
        self.inputs >= FEWEST
            && self.outputs >= FEWEST
            && self.out_width() >= NARROWEST
            && tiles::are_there()
    }

    /// Whether the gradient of its weights does too. For many outputs gathered pixels are laid out as cheaply.
    #[cfg(target_arch = "x86_64")]
    fn suits_tiles_of_weights(self) -> bool {
        const MOST: usize = 96;
        self.stride == 1 && self.outputs <= MOST && self.suits_tiles()
    }

    pub fn pieces(self, rows: usize) -> Vec<Piece> {
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

    /// The rows of a map that a piece takes, from top to bottom; `None` beyond the map.
    pub fn lines(self, x: &[f32], piece: Piece) -> impl Iterator<Item = Option<&[f32]>> {
        let line = self.width * self.inputs;
        let map = &x[piece.map * self.map_size()..][..self.map_size()];
        let first = piece.from * self.stride;
        (first..first + (piece.rows - 1) * self.stride + 3).map(move |row| {
            let row = row.checked_sub(1).filter(|row| *row < self.height)?;
            Some(&map[row * line..][..line])
        })
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

    /// Writes the numbers from `at` on, whole pixels. `pixels` repeats the row.
    fn write<'a>(
        self,
        at: usize,
        pixels: &[f32],
        out: &'a mut [MaybeUninit<f32>],
    ) -> &'a mut [f32] {
        match self {
            Self::Zero => out.fill(MaybeUninit::new(0.0)),
            Self::Row(_) => {
                for out in out.chunks_mut(pixels.len().max(1)) {
                    out.write_copy_of_slice(&pixels[..out.len()]);
                }
            }
            Self::BaseAndRow(base, _) => vectorised(|| {
                let width = pixels.len().max(1);
                let base = base[at..at + out.len()].chunks(width);
                for (out, base) in out.chunks_mut(width).zip(base) {
                    for ((number, a), b) in out.iter_mut().zip(base).zip(pixels) {
                        number.write(a + b);
                    }
                }
            }),
        }
        // SAFETY: as many numbers as there are of the base, and every one of them is written above.
        unsafe { out.assume_init_mut() }
    }

    /// About a thousand numbers of pixels that are the row.
    fn pixels(self) -> Vec<f32> {
        const NUMBERS: usize = 1 << 10;
        match self {
            Self::Zero => Vec::new(),
            Self::Row(row) | Self::BaseAndRow(_, row) => {
                row.repeat(NUMBERS.div_ceil(row.len().max(1)))
            }
        }
    }
}

/// The convolution of `x` [maps, height, width, in] with `weight` [9 * in, out] on top of `start`: [maps, h, w, out].
pub fn convolved(shape: Shape, x: &[f32], weight: &[f32], start: Start<'_>) -> Vec<f32> {
    #[cfg(target_arch = "x86_64")]
    if shape.suits_tiles() {
        let (rows, weights) = (shape.digit_rows(), Weights::new(shape, weight));
        return added(
            shape,
            rows,
            start,
            || Adding::new(shape, rows),
            |adding, piece, out| adding.add(x, piece, &weights, out),
        );
    }
    let weight = Matrix::new(weight, shape.gathered_width(), shape.outputs);
    added(
        shape,
        shape.gathered_rows(),
        start,
        || shape.room(),
        |gathered, piece, out| {
            let pixels = piece.rows * shape.out_width();
            let gathered = &mut gathered[..pixels * shape.gathered_width()];
            shape.gather(x, piece, gathered);
            let gathered = Matrix::new(gathered, pixels, shape.gathered_width());
            add_product(out, gathered, weight, Cores::This);
        },
    )
}

/// `start` and what `add` adds to it piece by piece, with what a task holds.
fn added<T>(
    shape: Shape,
    rows: usize,
    start: Start<'_>,
    hold: impl Fn() -> T + Send + Sync,
    add: impl Fn(&mut T, Piece, &mut [f32]) + Send + Sync,
) -> Vec<f32> {
    let row = shape.out_width() * shape.outputs;
    let pieces = shape.pieces(rows);
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
    let pixels = start.pixels();
    parts
        .into_par_iter()
        .for_each_init(hold, |held, (piece, at, part)| {
            add(held, piece, start.write(at, &pixels, part));
        });
    assert_eq!(at, count, "pieces that are not the whole result");
    // SAFETY: the pieces are the whole result, and each is written before it is added to.
    unsafe { out.set_len(count) };
    out
}

/// Gradient of the weights, [9 * in, out], from that of the result.
pub fn of_weight(shape: Shape, x: &[f32], gradient: &[f32]) -> Vec<f32> {
    #[cfg(target_arch = "x86_64")]
    if shape.suits_tiles_of_weights() {
        let rows = shape.digit_rows();
        return summed(
            shape,
            rows,
            gradient,
            || AddingWeights::new(shape, rows),
            |adding, piece, gradient, total| adding.add(x, piece, gradient, total),
        );
    }
    summed(
        shape,
        shape.gathered_rows(),
        gradient,
        || shape.room(),
        |gathered, piece, gradient, total| {
            let pixels = piece.rows * shape.out_width();
            let gathered = &mut gathered[..pixels * shape.gathered_width()];
            shape.gather(x, piece, gathered);
            add_product(
                total,
                Matrix::new(gathered, pixels, shape.gathered_width()).transposed(),
                Matrix::new(gradient, pixels, shape.outputs),
                Cores::This,
            );
        },
    )
}

/// The sum of what `add` adds for every piece and its part of the gradient, with what a task holds.
fn summed<T>(
    shape: Shape,
    rows: usize,
    gradient: &[f32],
    hold: impl Fn() -> T + Send + Sync,
    add: impl Fn(&mut T, Piece, &[f32], &mut [f32]) + Send + Sync,
) -> Vec<f32> {
    // Fixed groups, so that sums do not depend on the number of cores.
    const GROUPS: usize = 16;
    let size = shape.gathered_width() * shape.outputs;
    let row = shape.out_width() * shape.outputs;
    let pieces = shape.pieces(rows);
    let group = pieces.len().div_ceil(GROUPS).max(1);
    let parts: Vec<Vec<f32>> = pieces
        .par_chunks(group)
        .map_init(hold, |held, pieces| {
            let mut total = vec![0.0; size];
            for piece in pieces {
                let at = piece.map * shape.out_size() + piece.from * row;
                add(
                    held,
                    *piece,
                    &gradient[at..][..piece.rows * row],
                    &mut total,
                );
            }
            total
        })
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
    let pieces = shape.pieces(shape.gathered_rows());
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
