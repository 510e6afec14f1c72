//! The 64 axes of a season's field: the leading principal components of what the network knows and what each pixel showed, over
//! a sample of the place. Stored beside the field, so that anyone can see what the numbers are. Knows vectors.

use serde::{Deserialize, Serialize};
use terroir_scene::FIELD_AXES;

use crate::projection::{Moments, leading_axes};

/// Value of the last axis, as a share of the typical length of the others: pixels near the mean then keep their direction from
/// being noise alone.
const CONSTANT: f64 = 0.5;
/// Variance of all the network's numbers together, against that of all the pixel's own, each of which counts 1.
///
/// Measured on the labelled fields of Flanders 2018 from March to October (3 crops, 10 labels each, one neighbour, balanced accuracy, five splits)
/// with the small weights that come along: 57 % without the network's numbers, 49 % with a share of 1, 45 % with 10.
const NETWORK_SHARE: f64 = 0.25;

/// Everything needed to make the same axes again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeasonAxes {
    /// `kgvsf-tiny (.. parameters, sha256 ..)`.
    pub model: String,
    /// Vectors the axes rest on.
    pub sampled: usize,
    /// Share of the variance of each axis.
    pub shares: Vec<f32>,
    /// Of the network's numbers, then of the pixel's own.
    pub mean: Vec<f32>,
    /// Rows: at most 63 axes.
    pub components: Vec<Vec<f32>>,
    /// The network's numbers.
    pub of_network: usize,
    /// Value of the last axis, the same for every pixel.
    pub constant: f32,
}

impl SeasonAxes {
    /// `of_network`: how many of the numbers are the network's.
    pub fn fit(moments: &Moments, of_network: usize, model: String) -> Self {
        let covariance = moments.covariance();
        let count = covariance.nrows();
        let of_pixel = count.saturating_sub(of_network).max(1) as f64;
        let known: f64 = (0..of_network).map(|at| covariance[(at, at)]).sum();
        let of_token = (NETWORK_SHARE * of_pixel / known.max(1e-12)).sqrt();
        let scales: Vec<f64> = (0..count)
            .map(|at| match at < of_network {
                true => of_token,
                false => 1.0 / covariance[(at, at)].sqrt().max(1e-6),
            })
            .collect();
        let mut scaled = covariance;
        for row in 0..count {
            for column in 0..count {
                scaled[(row, column)] *= scales[row] * scales[column];
            }
        }
        let total = scaled.trace().max(1e-12);
        let (axes, variances) = leading_axes(scaled, FIELD_AXES - 1);
        Self {
            model,
            sampled: moments.count(),
            shares: variances.iter().map(|v| (v / total) as f32).collect(),
            mean: moments.mean().iter().map(|v| *v as f32).collect(),
            components: axes
                .into_iter()
                .map(|axis| {
                    let scaled = axis.into_iter().zip(&scales).map(|(v, scale)| v * scale);
                    scaled.map(|v| v as f32).collect()
                })
                .collect(),
            of_network,
            constant: (CONSTANT * total.sqrt()) as f32,
        }
    }

    /// The network's numbers on the axes.
    pub fn project_network(&self, vector: &[f32]) -> [f32; FIELD_AXES] {
        let mut out = self.project(vector, 0);
        out[FIELD_AXES - 1] = self.constant;
        out
    }

    /// The pixel's own, to be added.
    pub fn project_pixel(&self, vector: &[f32]) -> [f32; FIELD_AXES] {
        self.project(vector, self.of_network)
    }

    fn project(&self, vector: &[f32], from: usize) -> [f32; FIELD_AXES] {
        let mut out = [0.0; FIELD_AXES];
        let mean = self.mean.get(from..).unwrap_or_default();
        for (out, component) in out.iter_mut().zip(&self.components) {
            let component = component.get(from..).unwrap_or_default();
            *out = component
                .iter()
                .zip(vector.iter().zip(mean))
                .map(|(axis, (value, mean))| axis * (value - mean))
                .sum();
        }
        out
    }
}
