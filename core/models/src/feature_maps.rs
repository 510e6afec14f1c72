//! Feature maps [B, C, H, W] brought to other sizes: bilinear, and means over windows. Both are small matrix products, so they
//! differentiate alike on every device. Knows nothing of what a map shows.

use burn::tensor::{Tensor, TensorData};

use crate::position::{Resampling, matrix};

/// Bilinear with half-pixel centres and clamped edges: [B, C, H, W] -> [B, C, rows, columns].
pub fn resize_map(map: Tensor<4>, rows: usize, columns: usize) -> Tensor<4> {
    let [_, _, height, width] = map.dims();
    if (height, width) == (rows, columns) {
        return map;
    }
    let device = map.device();
    let down = matrix(height, rows, Resampling::Bilinear, &device);
    let across = matrix(width, columns, Resampling::Bilinear, &device);
    along_both(map, down, across)
}

/// Means over `side` x `side` windows that cover the map, overlapping where its size is no multiple:
/// [B, C, H, W] -> [B, C, side, side]. Window `i` runs from floor(i H / side) to ceil((i + 1) H / side).
pub(crate) fn pool_map(map: Tensor<4>, side: usize) -> Tensor<4> {
    let [_, _, height, width] = map.dims();
    let device = map.device();
    let means = |from: usize| {
        Tensor::<2>::from_data(
            TensorData::new(window_means(from, side), [side, from]),
            &device,
        )
    };
    let (down, across) = (means(height), means(width));
    along_both(map, down, across)
}

/// Weights [to, from] of the windows of one axis; every row sums to one.
fn window_means(from: usize, to: usize) -> Vec<f32> {
    let mut weights = vec![0.0; to * from];
    for (index, row) in weights.chunks_exact_mut(from).enumerate() {
        let (start, end) = (index * from / to, ((index + 1) * from).div_ceil(to));
        row[start..end].fill(1.0 / (end - start) as f32);
    }
    weights
}

/// `down` [rows, H] times every column, `across` [columns, W] times every row.
fn along_both(map: Tensor<4>, down: Tensor<2>, across: Tensor<2>) -> Tensor<4> {
    let [batch, channels, height, width] = map.dims();
    let ([rows, _], [columns, _]) = (down.dims(), across.dims());
    let planes = batch * channels;
    let wide = map
        .reshape([planes * height, width])
        .matmul(across.transpose())
        .reshape([planes, height, columns])
        .swap_dims(1, 2)
        .reshape([planes * columns, height]);
    wide.matmul(down.transpose())
        .reshape([planes, columns, rows])
        .swap_dims(1, 2)
        .reshape([batch, channels, rows, columns])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_and_overlap() {
        assert_eq!(window_means(4, 2), [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5]);
        let thirds = window_means(7, 3);
        let third = 1.0 / 3.0;
        assert_eq!(thirds[..7], [third, third, third, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(thirds[7..14], [0.0, 0.0, third, third, third, 0.0, 0.0]);
        // More windows than cells: cells repeat.
        assert_eq!(window_means(1, 3), [1.0, 1.0, 1.0]);
    }
}
