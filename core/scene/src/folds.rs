//! Spatially blocked folds: neighbouring pixels look alike, so an honest test never shares a block or a polygon
//! with its training part. Knows labelled pixels only; knows nothing of models or rasters.

use crate::LabelledPixel;

/// Mixing function of the splitmix64 generator: a bijection on 64 bits.
pub(crate) fn splitmix64(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Fold of every pixel (tasks 5.4): blocks of `block_px` pixels anchored at the raster's upper left, splitmix64 keyed; polygons never cut.
/// Also returns warnings (e.g. a class missing from a training part, and what was done about it).
pub fn spatial_folds(
    _pixels: &[LabelledPixel],
    _block_px: usize,
    _folds: usize,
    _seed: u64,
) -> (Vec<usize>, Vec<String>) {
    todo!()
}
