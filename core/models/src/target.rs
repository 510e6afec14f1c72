//! What outputs are compared with while training: classes with void pixels and weights, or values.
//! Knows numbers on the grid of an image. Knows nothing of classes' names or where the labels came from.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};

/// The class of a pixel nobody labelled: no part of any loss or score.
pub const VOID: u8 = u8::MAX;

/// Labels of a batch on a device.
#[derive(Clone, Debug)]
pub struct Target {
    /// Classes: [B, K, H, W], the class's weight at the class of a pixel, else 0. Values: [B, 1, H, W].
    numbers: Tensor<4>,
    /// [B, 1, H, W], 1 where there is a value; for classes there is no such thing.
    known: Option<Tensor<4>>,
    /// Sum of the weights of all labelled pixels.
    total: f32,
}

impl Target {
    /// `labels`: a class from 0 or [`VOID`] for each of `batch * rows * columns` pixels; `weights`: one for each class.
    pub fn classes(
        labels: &[u8],
        [batch, rows, columns]: [usize; 3],
        weights: &[f32],
        device: &Device,
    ) -> Self {
        let (pixels, classes) = (rows * columns, weights.len());
        let mut planes = vec![0.0f32; batch * classes * pixels];
        let mut total = 0.0f64;
        for (at, label) in labels.iter().enumerate().take(batch * pixels) {
            let class = usize::from(*label);
            if let Some(weight) = weights.get(class) {
                planes[((at / pixels) * classes + class) * pixels + at % pixels] = *weight;
                total += f64::from(*weight);
            }
        }
        let data = TensorData::new(planes, [batch, classes, rows, columns]);
        Self {
            numbers: Tensor::from_data(data, device),
            known: None,
            total: total as f32,
        }
    }

    /// `labels`: a value or NaN (void) for each of `batch * rows * columns` pixels, on the scale the model learns.
    pub fn values(labels: &[f32], [batch, rows, columns]: [usize; 3], device: &Device) -> Self {
        let count = batch * rows * columns;
        let shape = [batch, 1, rows, columns];
        let is_known = |value: &f32| value.is_finite();
        let mut values: Vec<f32> = labels
            .iter()
            .map(|value| if is_known(value) { *value } else { 0.0 })
            .collect();
        let mut known: Vec<f32> = labels
            .iter()
            .map(|value| if is_known(value) { 1.0 } else { 0.0 })
            .collect();
        values.resize(count, 0.0);
        known.resize(count, 0.0);
        let total = known.iter().sum();
        Self {
            numbers: Tensor::from_data(TensorData::new(values, shape), device),
            known: Some(Tensor::from_data(TensorData::new(known, shape), device)),
            total,
        }
    }

    /// Whether nothing is labelled.
    pub fn is_void(&self) -> bool {
        self.total <= 0.0
    }

    /// Rows and columns.
    pub fn size(&self) -> (usize, usize) {
        let [_, _, rows, columns] = self.numbers.dims();
        (rows, columns)
    }

    /// Mean loss over the labelled pixels, 0 without any: weighted cross-entropy of scores [B, K, H, W], or Huber's loss (bent at
    /// 1) of values [B, 1, H, W].
    pub fn loss(&self, output: Tensor<4>) -> Tensor<1> {
        // Void alone must not give 0 / 0.
        let share = 1.0 / self.total.max(f32::MIN_POSITIVE);
        let share = if self.is_void() { 0.0 } else { share };
        let Some(known) = &self.known else {
            return (log_softmax(output, 1) * self.numbers.clone()).sum() * -share;
        };
        let off = ((output - self.numbers.clone()) * known.clone()).abs();
        let near = off.clone().clamp_max(1.0);
        let huber = near.clone().square() * 0.5 + (off - near);
        huber.sum() * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(target: &Target, output: &[f32], shape: [usize; 4]) -> f32 {
        let data = TensorData::new(output.to_vec(), shape);
        let output = Tensor::from_data(data, &Device::flex());
        target.loss(output).into_scalar::<f32>()
    }

    #[test]
    fn void_pixels_count_nothing_and_weights_count() {
        let device = Device::flex();
        // Two classes, two pixels: scores 0 and ln 3 for the first pixel, so its class 1 has probability 3/4.
        let scores = [0.0, 9.0, 3.0f32.ln(), -9.0];
        let shape = [1, 2, 1, 2];
        let first = Target::classes(&[1, VOID], [1, 1, 2], &[1.0, 1.0], &device);
        assert!((loss(&first, &scores, shape) - (4.0f32 / 3.0).ln()).abs() < 1e-6);
        let both = Target::classes(&[1, 1], [1, 1, 2], &[5.0, 2.0], &device);
        let expected = ((4.0f32 / 3.0).ln() + 18.0) / 2.0;
        assert!((loss(&both, &scores, shape) - expected).abs() < 1e-4);
        let weighted = Target::classes(&[1, 0], [1, 1, 2], &[3.0, 1.0], &device);
        let expected = (4.0f32 / 3.0).ln() / 4.0;
        assert!((loss(&weighted, &scores, shape) - expected).abs() < 1e-5);
        let void = Target::classes(&[VOID, VOID], [1, 1, 2], &[1.0, 1.0], &device);
        assert!(void.is_void());
        assert_eq!(loss(&void, &scores, shape), 0.0);
    }

    #[test]
    fn values_are_bent_at_one() {
        let device = Device::flex();
        let target = Target::values(&[1.0, f32::NAN, 2.0], [1, 1, 3], &device);
        // Off by 0.5 and by 3.
        let found = loss(&target, &[1.5, 100.0, 5.0], [1, 1, 1, 3]);
        assert!((found - (0.125 + 2.5) / 2.0).abs() < 1e-6);
        assert_eq!(target.size(), (1, 3));
    }
}
