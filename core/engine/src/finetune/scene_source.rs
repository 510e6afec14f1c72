//! A scene as training reads it: normalised windows, from memory where the scene is small.
//! Knows rasters. Knows no labels and no tensors.

use std::borrow::Cow;

use terroir_scene::{Grid, Raster, Window};

use crate::inputs::{InputBand, Region, read_region_blocking};
use crate::monitor::JobResult;

/// Scenes of no more bytes than this are read once and kept.
const KEPT_BYTES: usize = 384 << 20;

pub(crate) struct SceneSource {
    raster: Raster,
    pub bands: Vec<InputBand>,
    whole: Option<Region>,
}

impl SceneSource {
    pub fn new(raster: Raster, bands: Vec<InputBand>) -> JobResult<Self> {
        let extent = raster.info().grid.window();
        let pixels = extent.width.saturating_mul(extent.height);
        let bytes = pixels.saturating_mul(4 * bands.len() + 1);
        let whole = match bytes <= KEPT_BYTES {
            true => Some(read_region_blocking(&raster, &bands, extent)?),
            false => None,
        };
        Ok(Self {
            raster,
            bands,
            whole,
        })
    }

    pub fn grid(&self) -> &Grid {
        &self.raster.info().grid
    }

    /// A region that contains the window.
    pub fn region_blocking(&self, window: Window) -> JobResult<Cow<'_, Region>> {
        match &self.whole {
            Some(region) => Ok(Cow::Borrowed(region)),
            None => read_region_blocking(&self.raster, &self.bands, window).map(Cow::Owned),
        }
    }

    /// Where the pixels of a window have data, row by row.
    pub fn valid_blocking(&self, window: Window) -> JobResult<Vec<bool>> {
        let region = self.region_blocking(window)?;
        let (left, top) = (
            window.col - region.window.col,
            window.row - region.window.row,
        );
        let valid = (top..top + window.height)
            .flat_map(|row| {
                let start = row * region.window.width + left;
                region
                    .valid
                    .get(start..start + window.width)
                    .unwrap_or_default()
            })
            .copied()
            .collect();
        Ok(valid)
    }
}
