//! The fitted projection from a pixel's features to the 64 axes of a field. Stored beside the field, so that other
//! scenes and years can be put on the same axes and anyone can see what the numbers are.

use std::path::Path;

use nalgebra::{DMatrix, SymmetricEigen};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use terroir_scene::{FIELD_AXES, encode_value};

use crate::Failure;
use crate::inputs::InputBand;
use crate::local::SpectralAxes;

pub const PROJECTION_SCHEMA: u32 = 1;
/// More bands than this are measured in their neighbourhood through this many principal components.
pub const SPECTRAL_AXES: usize = 20;
/// The last axis is the same for every pixel before the length is set to 1: so a dark and a bright pixel of
/// the same hue stay apart.
pub const CONSTANT_AXIS: usize = FIELD_AXES - 1;
/// Added to every variance, as a share of their mean.
const SHRINKAGE: f64 = 1e-3;

/// Everything needed to make the same axes again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    pub schema: u32,
    /// Model name, e.g. `dofa-tiny`.
    pub model: String,
    /// `untrained, seed 0` or the SHA-256 of the weights.
    pub weights: String,
    pub bands: Vec<InputBand>,
    /// Rows: axes, columns: bands; empty where the bands themselves are used.
    pub spectral_axes: Vec<Vec<f32>>,
    /// Side of the window in scene pixels, and how often a pixel is repeated before the model sees it.
    pub window_px: usize,
    pub upsampling: usize,
    /// Weight of the model's tokens against the pixel's own bands; folded into `components`.
    pub token_weight: f64,
    /// Pixels the fit rests on.
    pub sampled_pixels: usize,
    /// Share of the features' variance of each axis before whitening.
    pub shares: Vec<f32>,
    /// Rows: at most 63 axes; columns: bands, neighbourhood means, neighbourhood spreads, tokens.
    pub components: Vec<Vec<f32>>,
    /// Added after `components`, one number an axis.
    pub offset: Vec<f32>,
    /// Value of the constant axis; the others have a mean squared length of 1 over the sample.
    pub constant: f32,
}

impl Projection {
    pub fn axes(&self) -> SpectralAxes<'_> {
        if self.spectral_axes.is_empty() {
            SpectralAxes::Bands(self.bands.len())
        } else {
            SpectralAxes::Components(&self.spectral_axes)
        }
    }

    /// Numbers of the local part; the rest are tokens.
    pub fn local_len(&self) -> usize {
        self.bands.len() + 2 * self.axes().len()
    }

    /// The part of `components` for features `from..to`, as rows of 64: `[feature][axis]`.
    pub fn matrix(&self, from: usize, to: usize) -> Vec<[f32; FIELD_AXES]> {
        (from..to)
            .map(|feature| {
                let mut row = [0.0; FIELD_AXES];
                for (value, component) in row.iter_mut().zip(&self.components) {
                    *value = component.get(feature).copied().unwrap_or(0.0);
                }
                row
            })
            .collect()
    }

    /// Start of every pixel's sum: the offset and the constant axis.
    pub fn start(&self) -> [f32; FIELD_AXES] {
        let mut start = [0.0; FIELD_AXES];
        for (value, offset) in start.iter_mut().zip(&self.offset) {
            *value = *offset;
        }
        start[CONSTANT_AXIS] = self.constant;
        start
    }

    /// The text of the side-car file.
    pub fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string(self)
            .map_err(|error| Failure::new("the projection cannot be written").with_details(error))
    }

    /// SHA-256 of the side-car's text, named in the field's metadata.
    pub fn sha256(&self) -> Result<String, Failure> {
        Ok(hex(&Sha256::digest(self.to_json()?.as_bytes())))
    }

    /// Written beside and renamed.
    pub fn save(&self, path: &Path) -> Result<(), Failure> {
        write_renamed(path, self.to_json()?.as_bytes())
    }

    pub fn load(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::io("the projection cannot be read", path, &error))?;
        let projection: Self = serde_json::from_str(&text).map_err(|error| {
            Failure::new(format!("not a projection of a field\n{}", path.display()))
                .with_details(error)
        })?;
        if projection.schema > PROJECTION_SCHEMA {
            return Err(Failure::new(format!(
                "the projection was written by a newer Terroir; update this one\n{}",
                path.display()
            )));
        }
        Ok(projection)
    }
}

/// Normalises a pixel's 64 sums to length 1 and codes them.
pub fn encode_unit(sums: &[f32; FIELD_AXES]) -> [i8; FIELD_AXES] {
    let length = sums
        .iter()
        .map(|v| f64::from(*v) * f64::from(*v))
        .sum::<f64>()
        .sqrt()
        .max(1e-12);
    std::array::from_fn(|axis| encode_value((f64::from(sums[axis]) / length) as f32))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a whole file under another name first, so that a reader never sees half of it.
pub(crate) fn write_renamed(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if terroir_scene::is_store(path) {
        let local = terroir_scene::workplace_blocking(path)?;
        write_renamed(&local, bytes)?;
        return Ok(terroir_scene::deliver_blocking(&local, path)?);
    }
    terroir_scene::write_beside(path, bytes).map_err(Failure::from)
}

/// Mean and covariance, fed row by row.
pub struct Moments {
    count: usize,
    sum: Vec<f64>,
    /// Upper triangle of the sum of products, row by row.
    products: Vec<f64>,
}

impl Moments {
    pub fn new(len: usize) -> Self {
        Self {
            count: 0,
            sum: vec![0.0; len],
            products: vec![0.0; len * len],
        }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn push(&mut self, row: &[f32]) {
        let len = self.sum.len();
        self.count += 1;
        for (i, (sum, a)) in self.sum.iter_mut().zip(row).enumerate() {
            let a = f64::from(*a);
            *sum += a;
            for (product, b) in self.products[i * len + i..(i + 1) * len]
                .iter_mut()
                .zip(&row[i..])
            {
                *product += a * f64::from(*b);
            }
        }
    }

    pub fn mean(&self) -> Vec<f64> {
        self.sum
            .iter()
            .map(|sum| sum / self.count.max(1) as f64)
            .collect()
    }

    pub fn covariance(&self) -> DMatrix<f64> {
        let (len, n, mean) = (self.sum.len(), self.count.max(1) as f64, self.mean());
        DMatrix::from_fn(len, len, |i, j| {
            let (i, j) = (i.min(j), i.max(j));
            self.products[i * len + j] / n - mean[i] * mean[j]
        })
    }
}

/// Leading eigenvectors of a covariance: descending, entry of largest magnitude positive. Rows: axes.
pub fn leading_axes(covariance: DMatrix<f64>, count: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
    let eigen = SymmetricEigen::new(covariance);
    let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    order.truncate(count);
    let axes = order
        .iter()
        .map(|index| {
            let mut axis: Vec<f64> = eigen.eigenvectors.column(*index).iter().copied().collect();
            let largest = axis
                .iter()
                .copied()
                .max_by(|a, b| a.abs().total_cmp(&b.abs()))
                .unwrap_or(1.0);
            if largest < 0.0 {
                axis.iter_mut().for_each(|value| *value = -*value);
            }
            axis
        })
        .collect();
    (
        axes,
        order
            .iter()
            .map(|index| eigen.eigenvalues[*index].max(0.0))
            .collect(),
    )
}

/// What a fit adds to the plain description: components, offset, shares.
pub struct Fit {
    pub components: Vec<Vec<f32>>,
    pub offset: Vec<f32>,
    pub shares: Vec<f32>,
}

/// Principal components of the features, whitened in part. `scale` weighs the features (tokens against bands) and is
/// folded into the components. The projected sample has a mean squared length of 1.
/// `whitening` is the exponent on the variances: 0 leaves the strong axes in charge, -1/2 makes noise as loud as signal.
pub fn fit(moments: &Moments, scale: &[f64], whitening: f64) -> Fit {
    let mut covariance = moments.covariance();
    for i in 0..scale.len() {
        for j in 0..scale.len() {
            covariance[(i, j)] *= scale[i] * scale[j];
        }
    }
    let total = covariance.trace().max(1e-12);
    let (axes, variances) = leading_axes(covariance, CONSTANT_AXIS);
    let floor = SHRINKAGE * variances.iter().sum::<f64>() / variances.len().max(1) as f64;
    let gains: Vec<f64> = variances
        .iter()
        .map(|variance| (variance + floor).max(1e-12).powf(whitening))
        .collect();
    let length = variances
        .iter()
        .zip(&gains)
        .map(|(v, g)| v * g * g)
        .sum::<f64>()
        .max(1e-12)
        .sqrt();
    let mean = moments.mean();
    let mut offset = Vec::with_capacity(axes.len());
    let components = axes
        .iter()
        .zip(&gains)
        .map(|(axis, gain)| {
            let row: Vec<f64> = axis
                .iter()
                .zip(scale)
                .map(|(value, scale)| value * scale * gain / length)
                .collect();
            offset.push(-row.iter().zip(&mean).map(|(a, b)| a * b).sum::<f64>() as f32);
            row.into_iter().map(|value| value as f32).collect()
        })
        .collect();
    Fit {
        components,
        offset,
        shares: variances
            .iter()
            .map(|variance| (variance / total) as f32)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments() -> Moments {
        let mut moments = Moments::new(3);
        for i in 0..500 {
            let (a, b) = ((i % 17) as f32 - 8.0, (i % 5) as f32);
            moments.push(&[a, 2.0 * a + b, 3.0]);
        }
        moments
    }

    #[test]
    fn projected_sample_is_centred_and_has_length_one() {
        let moments = moments();
        let fit = fit(&moments, &[1.0; 3], -0.25);
        let (mut mean, mut square) = (0.0f64, 0.0f64);
        for i in 0..500 {
            let (a, b) = ((i % 17) as f32 - 8.0, (i % 5) as f32);
            let row = [a, 2.0 * a + b, 3.0];
            for (component, offset) in fit.components.iter().zip(&fit.offset) {
                let value =
                    f64::from(component.iter().zip(&row).map(|(c, v)| c * v).sum::<f32>() + offset);
                mean += value / 500.0;
                square += value * value / 500.0;
            }
        }
        assert!(mean.abs() < 1e-4, "{mean}");
        assert!((square - 1.0).abs() < 1e-3, "{square}");
    }

    #[test]
    fn axes_are_ordered_and_signed() {
        let (axes, variances) = leading_axes(moments().covariance(), 2);
        assert!(variances[0] > variances[1]);
        for axis in axes {
            let largest = axis
                .iter()
                .copied()
                .max_by(|a, b| a.abs().total_cmp(&b.abs()))
                .unwrap();
            assert!(largest > 0.0);
        }
    }

    #[test]
    fn coded_pixels_have_length_one() {
        let mut sums = [0.0f32; FIELD_AXES];
        sums.iter_mut()
            .enumerate()
            .for_each(|(i, v)| *v = (i as f32 * 0.37).sin() * 5.0);
        let unit = terroir_scene::decode_pixel(&encode_unit(&sums)).unwrap();
        let length: f32 = unit.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!((length - 1.0).abs() < 1e-5);
    }
}
