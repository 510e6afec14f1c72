//! The losses KG-VSF learns by (specification section 5). Knows tensors, and which bands make an index.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Bands of the vegetation index, and how their reflectance was standardised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexBands {
    /// Number, mean and deviation of the red band.
    pub red: (usize, f32, f32),
    /// Of the near infrared one.
    pub near_infrared: (usize, f32, f32),
}

/// Added to sums of weights, so that nothing is divided by zero.
const NOTHING: f32 = 1e-6;

/// Huber loss with delta 1 over the valid pixels of all bands: [Q, C, H, W] each, `is_valid` [Q, 1, H, W] or of every band.
pub fn masked_huber(predicted: Tensor<4>, truth: Tensor<4>, is_valid: Tensor<4>) -> Tensor<1> {
    let [_, bands, _, _] = predicted.dims();
    let copies = bands / is_valid.dims()[1].max(1);
    let error = (predicted - truth).abs();
    // Quadratic up to 1, straight beyond.
    let near = error.clone().clamp_max(1.0);
    let rho = near.clone() * (error - near * 0.5);
    let weight = is_valid.clone().sum() * copies as f32 + NOTHING;
    (rho * is_valid).sum() / weight
}

/// Mean absolute error of the vegetation index over valid pixels.
pub fn masked_index_error(
    predicted: Tensor<4>,
    truth: Tensor<4>,
    is_valid: Tensor<4>,
    bands: &IndexBands,
) -> Tensor<1> {
    let error = (index(predicted, bands) - index(truth, bands)).abs();
    (error * is_valid.clone()).sum() / (is_valid.sum() + NOTHING)
}

/// (n - r) / (n + r + 0.01) of reflectances between 0 and 1.5: [Q, 1, H, W].
fn index(x: Tensor<4>, bands: &IndexBands) -> Tensor<4> {
    let reflectance = |(number, mean, deviation): (usize, f32, f32)| {
        (x.clone().narrow(1, number, 1) * deviation + mean).clamp(0.0, 1.5)
    };
    let (n, r) = (reflectance(bands.near_infrared), reflectance(bands.red));
    (n.clone() - r.clone()) / (n + r + 0.01)
}
