//! Position tables: the fixed sine-cosine one and resampling to other grids (specification 3.2, 3.3).
//! Knows grids of tokens. Knows nothing of images.

use burn::tensor::{Device, Tensor, TensorData};

/// How a table is brought to another grid; half-pixel centres, edges clamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resampling {
    Bilinear,
    /// Keys' cubic with a = -0.75: what version 1 uses.
    Bicubic,
    /// Keys' cubic with a = -0.5, widened when shrinking: what version 2 uses.
    BicubicAntialiased,
}

/// Fixed two-dimensional sine-cosine table of a square grid: [1 + side * side, width] row-major, the class token's
/// row is zero, then tokens row by row. The **column** fills the first half of the width, the row the second.
/// Computed in f64. `width` must be divisible by 4.
pub fn sin_cos_table(side: usize, width: usize) -> Vec<f32> {
    let mut table = vec![0.0; width];
    for row in 0..side {
        for column in 0..side {
            table.extend(sin_cos([column, row], width));
        }
    }
    table
}

/// The same for KG-VSF: any grid, no class token, the **row** in the first half (specification kg-vsf 4.4, step 3).
pub(crate) fn sin_cos_rows_first(rows: usize, columns: usize, width: usize) -> Vec<f32> {
    (0..rows)
        .flat_map(|row| (0..columns).flat_map(move |column| sin_cos([row, column], width)))
        .collect()
}

/// Sines, then cosines, of each of the two places.
fn sin_cos(places: [usize; 2], width: usize) -> impl Iterator<Item = f32> {
    let quarter = width / 4;
    places.into_iter().flat_map(move |place| {
        let angles =
            (0..quarter).map(move |k| place as f64 * 10_000_f64.powf(-(k as f64) / quarter as f64));
        angles
            .clone()
            .map(|angle| angle.sin() as f32)
            .chain(angles.map(|angle| angle.cos() as f32))
    })
}

/// Brings a table of a square grid to `rows` x `columns`, keeping its class entry.
///
/// `table`: [1, 1 + side * side, D], class token first. Returns [1, 1 + rows * columns, D].
/// Separable, so it is two small matrix products: on the device, with gradients, without reading the table back.
pub fn resample_table(table: Tensor<3>, rows: usize, columns: usize, how: Resampling) -> Tensor<3> {
    let [_, tokens, width] = table.dims();
    let side = (tokens - 1).isqrt();
    if (rows, columns) == (side, side) {
        return table;
    }
    let device = table.device();
    let class = table.clone().narrow(1, 0, 1);
    let grid = table.narrow(1, 1, side * side);

    let down = matrix(side, rows, how, &device).matmul(grid.reshape([side, side * width]));
    let across = matrix(side, columns, how, &device).unsqueeze::<3>();
    let grid = across.matmul(down.reshape([rows, side, width]));
    Tensor::cat(vec![class, grid.reshape([1, rows * columns, width])], 1)
}

/// One-dimensional resampling as a matrix [to, from].
pub(crate) fn matrix(from: usize, to: usize, how: Resampling, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(weights(from, to, how), [to, from]), device)
}

/// Weights [to, from] of a one-dimensional resampling; every row sums to one.
fn weights(from: usize, to: usize, how: Resampling) -> Vec<f32> {
    let scale = from as f64 / to as f64;
    let mut matrix = vec![0.0_f32; to * from];
    for (target, row) in matrix.chunks_exact_mut(from).enumerate() {
        let center = (target as f64 + 0.5) * scale;
        match how {
            Resampling::BicubicAntialiased => {
                // Taps outside the grid are dropped and the rest brought to a sum of one.
                let widening = scale.max(1.0);
                let reach = 2.0 * widening;
                let first = (center - reach + 0.5).floor().max(0.0) as usize;
                let last = ((center + reach + 0.5).floor() as usize).min(from);
                let taps: Vec<f64> = (first..last)
                    .map(|tap| cubic((tap as f64 - center + 0.5) / widening, -0.5))
                    .collect();
                let sum: f64 = taps.iter().sum();
                for (cell, tap) in row.iter_mut().skip(first).zip(&taps) {
                    *cell = (tap / sum) as f32;
                }
            }
            Resampling::Bicubic => {
                let place = center - 0.5;
                let base = place.floor();
                for offset in -1..=2 {
                    let tap = base + f64::from(offset);
                    row[clamped(tap, from)] += cubic(place - tap, -0.75) as f32;
                }
            }
            Resampling::Bilinear => {
                let place = (center - 0.5).max(0.0);
                let base = place.floor();
                row[clamped(base, from)] += (1.0 - (place - base)) as f32;
                row[clamped(base + 1.0, from)] += (place - base) as f32;
            }
        }
    }
    matrix
}

fn clamped(tap: f64, length: usize) -> usize {
    (tap.max(0.0) as usize).min(length - 1)
}

/// Keys' cubic convolution kernel.
fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Resampling; 3] = [
        Resampling::Bilinear,
        Resampling::Bicubic,
        Resampling::BicubicAntialiased,
    ];

    #[test]
    fn rows_sum_to_one_and_same_size_is_identity() {
        for how in ALL {
            for (from, to) in [(4, 6), (4, 3), (14, 56), (14, 1), (1, 5)] {
                for row in weights(from, to, how).chunks_exact(from) {
                    assert!(
                        (row.iter().sum::<f32>() - 1.0).abs() < 1e-5,
                        "{how:?} {from} {to}"
                    );
                }
            }
            let same = weights(5, 5, how);
            for (index, value) in same.iter().enumerate() {
                let expected = if index % 6 == 0 { 1.0 } else { 0.0 };
                assert!((value - expected).abs() < 1e-6, "{how:?}");
            }
        }
    }

    #[test]
    fn class_row_is_zero_and_column_comes_first() {
        let table = sin_cos_table(3, 8);
        assert_eq!(table.len(), 10 * 8);
        assert_eq!(table[..8], [0.0; 8]);
        // Token (row 0, column 1): first half moves, second half is that of row 0.
        let token = &table[2 * 8..3 * 8];
        assert!((token[0] - 1_f32.sin()).abs() < 1e-7);
        assert_eq!(token[4..], [0.0, 0.0, 1.0, 1.0]);
    }
}
