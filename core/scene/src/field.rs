//! Embedding fields: 64 signed bytes a pixel in the AlphaEarth coding, their decoding, PCA basis and similarity.

use serde::{Deserialize, Serialize};

use crate::{Raster, SceneResult};

/// Axes of a field.
pub const FIELD_AXES: usize = 64;
/// The code of a missing pixel, in all axes at once.
pub const FIELD_NODATA: i8 = -128;

/// `sign(c) * (c / 127.5)^2`, computed in f64 and rounded once; index by `code as u8`.
pub fn decode_table() -> &'static [f32; 256] {
    todo!()
}

/// `clamp(round(sign(v) * sqrt(|v|) * 127.5), -127, 127)`.
pub fn encode_value(_value: f32) -> i8 {
    todo!()
}

/// Decodes one pixel and renormalises it to length 1; `None` if missing.
pub fn decode_pixel(_codes: &[i8; FIELD_AXES]) -> Option<[f32; FIELD_AXES]> {
    todo!()
}

/// A saved colour basis: projection is `components[k] . (u - mean)`, stretched to `low..high`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PcaBasis {
    pub mean: Vec<f32>,
    /// Each of length 64, descending variance, entry of largest magnitude positive.
    pub components: Vec<Vec<f32>>,
    /// Share of variance of each component.
    pub shares: Vec<f32>,
    /// 2nd and 98th percentile of each projected component.
    pub low: Vec<f32>,
    pub high: Vec<f32>,
}

/// Streaming fit: feed pixels, then finish. Sums in f64.
pub struct PcaFit {}

impl Default for PcaFit {
    fn default() -> Self {
        Self::new()
    }
}

impl PcaFit {
    pub fn new() -> Self {
        todo!()
    }
    /// A unit-length (or raw decoded) vector; `key` seeds the reservoir so that order does not matter.
    pub fn push(&mut self, _vector: &[f32], _key: u64) {
        todo!()
    }
    /// First `count` components. Needs at least two pixels.
    pub fn finish(&self, _count: usize) -> SceneResult<PcaBasis> {
        todo!()
    }
}

/// Fits the first 8 components on at most 10^6 pixels of a field raster.
pub fn fit_pca_blocking(_field: &Raster) -> SceneResult<PcaBasis> {
    todo!()
}
