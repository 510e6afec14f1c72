//! Directions drawn around an embedding: the von Mises-Fisher distribution on the sphere (specification section 6), the
//! bottleneck of training. Knows directions. Knows nothing of what they mean.

use burn::tensor::{Tensor, TensorData};

use crate::weights::Stream;

/// Concentration of the published training.
pub const KAPPA: f64 = 8000.0;

/// From here on the tangent's normal distribution stands for the exact one.
const LARGE: f64 = 1000.0;

/// Mean cosine between a draw and its mean direction in `dimension` dimensions, by the continued fraction of the two Bessel
/// functions.
pub fn mean_resultant(kappa: f64, dimension: usize) -> f64 {
    // Converges once the terms outgrow kappa.
    let terms = kappa.max(0.0) as usize + 500;
    let mut fraction = 0.0;
    for term in (0..terms).rev() {
        fraction = 1.0 / ((dimension + 2 * term) as f64 / kappa + fraction);
    }
    fraction
}

/// One draw around each direction of `mu` [B, d, H, W], of length 1. Gradients go through `mu` alone.
pub fn sample_vmf(mu: Tensor<4>, kappa: f64, stream: &mut Stream) -> Tensor<4> {
    let shape = mu.dims();
    let [batch, dimension, height, width] = shape;
    let count: usize = shape.iter().product();
    let is_large = kappa >= LARGE;
    let deviation = if is_large { 1.0 / kappa.sqrt() } else { 1.0 } as f32;
    let noise = stream.normals(deviation, count);
    let device = mu.device();
    let noise = Tensor::from_data(TensorData::new(noise, shape), &device);
    let along = (noise.clone() * mu.clone()).sum_dim(1);
    let tangent = noise - along * mu.clone();
    if is_large {
        return unit(mu + tangent);
    }
    let pixels = batch * height * width;
    let cosines: Vec<f32> = (0..pixels)
        .map(|_| cosine(kappa, dimension, stream) as f32)
        .collect();
    let cosines: Tensor<4> =
        Tensor::from_data(TensorData::new(cosines, [batch, 1, height, width]), &device);
    let sines = (cosines.clone().square().neg() + 1.0).clamp_min(0.0).sqrt();
    unit(cosines * mu + sines * unit(tangent))
}

/// Constants b, x0 and c of Wood's draw.
fn wood(kappa: f64, dimension: usize) -> (f64, f64, f64) {
    let m = dimension as f64 - 1.0;
    let b = m / (2.0 * kappa + (4.0 * kappa * kappa + m * m).sqrt());
    let x0 = (1.0 - b) / (1.0 + b);
    (b, x0, kappa * x0 + m * (1.0 - x0 * x0).ln())
}

/// Cosine to the mean direction (Wood 1994).
fn cosine(kappa: f64, dimension: usize, stream: &mut Stream) -> f64 {
    let (b, x0, c) = wood(kappa, dimension);
    let m = dimension as f64 - 1.0;
    loop {
        let z = symmetric_beta(dimension - 1, stream);
        let w = (1.0 - (1.0 + b) * z) / (1.0 - (1.0 - b) * z);
        if kappa * w + m * (1.0 - x0 * w).ln() - c >= stream.uniform().ln() {
            return w;
        }
    }
}

/// A draw of Beta(n/2, n/2): the share of one of two sums of n squared normals.
fn symmetric_beta(n: usize, stream: &mut Stream) -> f64 {
    let mut sum = || -> f64 { (0..n).map(|_| f64::from(stream.normal()).powi(2)).sum() };
    let (a, b) = (sum(), sum());
    a / (a + b)
}

fn unit(x: Tensor<4>) -> Tensor<4> {
    let length = x.clone().square().sum_dim(1).sqrt().clamp_min(1e-6);
    x / length
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn constants_are_the_published_ones() {
        // Specification section 6 and its reference table.
        assert!((mean_resultant(8000.0, 64) - 0.996_070_006_769_601_2).abs() < 1e-9);
        assert!((mean_resultant(10.0, 64) - 0.152_711_904_197_083_14).abs() < 1e-9);
        let (b, x0, c) = wood(100.0, 64);
        assert!((b - 0.153_775_607_356_678_33).abs() < 1e-12);
        assert!((x0 - 0.733_439_316_317_353_8).abs() < 1e-12);
        assert!((c - 24.705_041_437_952_225).abs() < 1e-9);
    }

    #[test]
    fn draws_lie_as_far_from_their_mean_as_they_should() {
        let device = Device::flex();
        let mut values = vec![0.0f32; 64 * 900];
        values[..900].fill(1.0);
        let mu = Tensor::<4>::from_data(TensorData::new(values, [1, 64, 30, 30]), &device);
        for (kappa, tolerance) in [(8000.0, 2e-4), (100.0, 8e-3)] {
            let mut stream = Stream::new(3, "draw");
            let draws = sample_vmf(mu.clone(), kappa, &mut stream);
            let cosines = (draws.clone() * mu.clone()).sum_dim(1).mean();
            let mean = f64::from(cosines.into_scalar::<f32>());
            let expected = mean_resultant(kappa, 64);
            assert!(
                (mean - expected).abs() < tolerance,
                "{kappa}: {mean} {expected}"
            );
            let length = draws.square().sum_dim(1).sqrt().mean().into_scalar::<f32>();
            assert!((length - 1.0).abs() < 1e-5);
        }
    }
}
