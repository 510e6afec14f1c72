//! The losses STP learns by (specification section 7). Knows tensors. Knows neither sensors nor their weights.
//!
//! Predictions and truths are [B, C, L, L]; weights [B, C, L, L] or [B, 1, L, L] (the same for all bands), 0 where nothing is
//! known. Every loss is worked out row by row; rows without any weight drop out of the mean.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};

/// Mean over rows of the weighted absolute error.
pub fn masked_l1(predicted: Tensor<4>, truth: Tensor<4>, weight: Tensor<4>) -> Tensor<1> {
    mean_of_rows(l1_of_rows(predicted, truth, weight))
}

/// [`masked_l1`] under the planar shift of at most `radius` pixels that fits each row best (section 7.1): forgives a
/// geolocation that is off. Errors are taken on what all shifts have in common.
pub fn shift_invariant(
    predicted: Tensor<4>,
    truth: Tensor<4>,
    weight: Tensor<4>,
    radius: usize,
) -> Tensor<1> {
    mean_of_rows(shift_invariant_of_rows(predicted, truth, weight, radius))
}

fn shift_invariant_of_rows(
    predicted: Tensor<4>,
    truth: Tensor<4>,
    weight: Tensor<4>,
    radius: usize,
) -> Rows {
    let [rows, _, height, width] = predicted.dims();
    if radius == 0 || height.min(width) <= 2 * radius {
        return l1_of_rows(predicted, truth, weight);
    }
    let (h, w) = (height - 2 * radius, width - 2 * radius);
    let inner = |x: Tensor<4>, dy: usize, dx: usize| x.narrow(2, dy, h).narrow(3, dx, w);
    let truth = inner(truth, radius, radius);
    let weight = inner(weight, radius, radius);
    let shifts: Vec<(usize, usize)> = (0..=2 * radius)
        .flat_map(|dy| (0..=2 * radius).map(move |dx| (dy, dx)))
        .filter(|(dy, dx)| dy.abs_diff(radius).pow(2) + dx.abs_diff(radius).pow(2) <= radius.pow(2))
        .collect();
    // Which shift is best needs no gradient; the gradient then flows through that one alone.
    let plain = predicted.clone().without_autodiff();
    let (plain_truth, plain_weight) = (
        truth.clone().without_autodiff(),
        weight.clone().without_autodiff(),
    );
    let errors: Vec<Tensor<2>> = shifts
        .iter()
        .map(|(dy, dx)| {
            let shifted = inner(plain.clone(), *dy, *dx);
            l1_of_rows(shifted, plain_truth.clone(), plain_weight.clone())
                .errors
                .unsqueeze_dim(0)
        })
        .collect();
    let best = Tensor::cat(errors, 0).argmin(0).into_data();
    let best: Vec<usize> = best.iter::<i64>().map(|index| index as usize).collect();
    let shifted = (0..rows)
        .map(|row| {
            let (dy, dx) = best
                .get(row)
                .and_then(|index| shifts.get(*index))
                .copied()
                .unwrap_or((radius, radius));
            inner(predicted.clone().narrow(0, row, 1), dy, dx)
        })
        .collect();
    l1_of_rows(Tensor::cat(shifted, 0), truth, weight)
}

/// [`masked_l1`] between means over blocks of `block` pixels, whose grid begins at `offset` (row, column) (section 7.1): for
/// sensors coarser than the map. A cell weighs as much as its mean weight.
pub fn regridded(
    predicted: Tensor<4>,
    truth: Tensor<4>,
    weight: Tensor<4>,
    block: usize,
    offset: (usize, usize),
) -> Tensor<1> {
    let [_, channels, _, _] = predicted.dims();
    let weight = for_all(weight, channels);
    let Some(grid) = Cells::of(&weight, block, offset) else {
        return (predicted * 0.0).sum();
    };
    let (predicted, _) = grid.means(predicted, weight.clone());
    let (truth, weights) = grid.means(truth, weight);
    mean_of_rows(l1_of_rows(predicted, truth, weights))
}

/// Cross-entropy between the classes' shares in a cell and the mean of the scores there (section 7.1). `truth` [B, K, L, L]
/// holds 1 in the plane of a pixel's class, `scores` [B, K, L, L], `weight` [B, 1, L, L].
pub fn regridded_classes(
    scores: Tensor<4>,
    truth: Tensor<4>,
    weight: Tensor<4>,
    block: usize,
    offset: (usize, usize),
) -> Tensor<1> {
    let [_, classes, _, _] = scores.dims();
    // Scores are averaged over all pixels of a cell, classes over those that are known.
    let known = for_all(weight, classes);
    let Some(grid) = Cells::of(&known, block, offset) else {
        return (scores * 0.0).sum();
    };
    let everywhere = known.ones_like();
    let (scores, _) = grid.means(scores, everywhere);
    let (truth, weights) = grid.means(truth, known);
    let off = (log_softmax(scores, 1) * truth).sum_dim(1).neg();
    mean_of_rows(weighted_rows(off, weights.narrow(1, 0, 1)))
}

/// Mean of |mu_b . mu_(b+1)| over rows and pixels: 0.1001 for directions that know nothing of each other (section 7.2).
/// Rows must be of different places.
pub fn uniformity(mu: Tensor<4>) -> Tensor<1> {
    let [rows, _, _, _] = mu.dims();
    let next = match rows {
        0 | 1 => mu.clone(),
        _ => Tensor::cat(
            vec![
                mu.clone().narrow(0, 1, rows - 1),
                mu.clone().narrow(0, 0, 1),
            ],
            0,
        ),
    };
    (mu * next).sum_dim(1).abs().mean()
}

/// Mean of (1 - mu . mu_student) / 2 (section 7.3).
pub fn consistency(mu: Tensor<4>, student: Tensor<4>) -> Tensor<1> {
    (mu * student).sum_dim(1).mean().neg() * 0.5 + 0.5
}

/// Symmetric contrast of vectors [B, d] of length 1 with their partners (section 7.4); `scale` 1 / temperature.
pub fn clip(images: Tensor<2>, texts: Tensor<2>, scale: Tensor<1>) -> Tensor<1> {
    let logits = images.matmul(texts.transpose()) * scale.unsqueeze();
    let [rows, _] = logits.dims();
    let right: Tensor<2, Int> =
        Tensor::<1, Int>::arange(0..rows as i64, &logits.device()).unsqueeze_dim(1);
    let loss = |logits: Tensor<2>| log_softmax(logits, 1).gather(1, right.clone()).mean().neg();
    (loss(logits.clone()) + loss(logits.transpose())) * 0.5
}

/// One error a row, and 1 for rows that have any weight.
struct Rows {
    errors: Tensor<1>,
    counts: Tensor<1>,
}

fn mean_of_rows(rows: Rows) -> Tensor<1> {
    let total = (rows.errors * rows.counts.clone()).sum();
    total / rows.counts.sum().clamp_min(1.0)
}

fn l1_of_rows(predicted: Tensor<4>, truth: Tensor<4>, weight: Tensor<4>) -> Rows {
    let [_, channels, _, _] = predicted.dims();
    let off = (predicted - truth).abs();
    weighted_rows(off, for_all(weight, channels))
}

fn weighted_rows(off: Tensor<4>, weight: Tensor<4>) -> Rows {
    let [rows, _, _, _] = off.dims();
    let sum =
        |x: Tensor<4>| -> Tensor<1> { x.reshape([rows as i32, -1]).sum_dim(1).squeeze_dim(1) };
    let total = sum(weight.clone());
    let errors = sum(off * weight) / total.clone().clamp_min(1e-6);
    Rows {
        errors,
        counts: total.greater_elem(1e-6).float(),
    }
}

/// A weight of every band.
fn for_all(weight: Tensor<4>, channels: usize) -> Tensor<4> {
    let [rows, own, height, width] = weight.dims();
    match own == channels {
        true => weight,
        false => weight.expand([rows, channels, height, width]),
    }
}

/// Blocks of pixels whose means are compared.
struct Cells {
    block: usize,
    top: usize,
    left: usize,
    down: usize,
    across: usize,
}

impl Cells {
    /// `None` if no whole block fits.
    fn of(map: &Tensor<4>, block: usize, (top, left): (usize, usize)) -> Option<Self> {
        let [_, _, height, width] = map.dims();
        let block = block.max(1);
        let cells = Self {
            block,
            top,
            left,
            down: height.checked_sub(top)? / block,
            across: width.checked_sub(left)? / block,
        };
        (cells.down > 0 && cells.across > 0).then_some(cells)
    }

    /// Weighted means, and the mean weights.
    fn means(&self, map: Tensor<4>, weight: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let total = self.sums(weight.clone());
        let means = self.sums(map * weight) / total.clone().clamp_min(1e-6);
        (means, total / (self.block * self.block) as f32)
    }

    fn sums(&self, x: Tensor<4>) -> Tensor<4> {
        let [rows, channels, _, _] = x.dims();
        let Self {
            block,
            down,
            across,
            ..
        } = *self;
        x.narrow(2, self.top, down * block)
            .narrow(3, self.left, across * block)
            .reshape([rows, channels, down, block, across, block])
            .sum_dim(5)
            .sum_dim(3)
            .reshape([rows, channels, down, across])
    }
}
