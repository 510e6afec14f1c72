//! How layers look: stretch, ramps, classes, field pictures. Every function here is the CPU twin of a shader in
//! `shaders/` (same name, same maths); `terroir render` and the tests use it.

use serde::{Deserialize, Serialize};

use crate::{Block, LinearHead, PcaBasis, Raster, SceneResult};

/// Display limits of one channel, in stored values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    pub low: f32,
    pub high: f32,
    pub gamma: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Style {
    /// Three bands (from 0) as red, green, blue.
    Rgb { bands: [usize; 3], stretch: [Stretch; 3] },
    /// One band through a ramp of `palette::ramp`.
    Gray { band: usize, stretch: Stretch, ramp: String },
    /// One band of class codes in the file's own colours.
    Palette { band: usize, entries: Vec<crate::PaletteEntry> },
    /// A field as the first three principal components (or any `axes`) of `basis`.
    FieldPca { basis: PcaBasis, axes: [usize; 3] },
    /// A field through a linear head: class colours.
    FieldClasses { head: LinearHead },
    /// A field through a linear head: confidence of the winning class, cividis.
    FieldConfidence { head: LinearHead },
    /// A field's similarity (-1..1) to a reference vector.
    FieldSimilarity { reference: Vec<f32>, low: f32, high: f32 },
}

/// Percentiles and histogram of a band from <= 64 full-resolution blocks on a low-discrepancy grid (conventions section 3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandStatistics {
    pub band: usize,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    pub std: f64,
    /// 2nd and 98th percentile.
    pub low: f64,
    pub high: f64,
    /// 256 equal bins from `min` to `max`.
    pub histogram: Vec<u32>,
    /// Valid pixels looked at.
    pub count: u64,
    /// False when every pixel was read.
    pub is_sampled: bool,
}

/// Reads sampled statistics of the given bands; all-nodata bands give `count == 0`.
pub fn band_statistics_blocking(_raster: &Raster, _bands: &[usize]) -> SceneResult<Vec<BandStatistics>> {
    todo!()
}

/// The style a freshly opened raster gets (conventions section 3): RGB by wavelength with 2-98 %, 8-bit as is, palettes, PCA for fields.
pub fn default_style_blocking(_raster: &Raster) -> SceneResult<Style> {
    todo!()
}

/// Bands a style needs, in the order the shaders expect them (empty for field styles, which take all 64 codes).
pub fn style_bands(_style: &Style) -> Vec<usize> {
    todo!()
}

/// Twin of `composite.wgsl`: RGBA, straight alpha, `4 * width * height` bytes; missing pixels are all zero.
pub fn composite(_block: &Block, _style: &Style) -> Vec<u8> {
    todo!()
}

/// Twin of `field.wgsl`: `codes` planar `64 * pixels`, RGBA out.
pub fn field_composite(_codes: &[i8], _pixels: usize, _style: &Style) -> Vec<u8> {
    todo!()
}
