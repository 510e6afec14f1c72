//! Channels that are worked out instead of stored: a formula over bands, or hill-shade. A plain value that travels with
//! every read, so that tiles of different derivations are different tiles; evaluated where tiles are read.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::hillshade::{Elevations, Ground};
use crate::{
    BandInfo, Block, Detail, Formula, Hillshade, Raster, Resampling, SceneError, SceneResult,
    Window, formula_for,
};

/// One channel made of a raster's bands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Derivation {
    Formula {
        /// What people call it, e.g. `NDVI`; empty for a formula of one's own.
        #[serde(default)]
        name: String,
        text: String,
        /// The bands (from 0) behind the names in the text, in the order they first appear.
        bands: Vec<usize>,
    },
    Hillshade(Hillshade),
}

impl Eq for Derivation {}

impl Hash for Derivation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            // The name changes no value, and a formula without it is the same tile.
            Self::Formula { text, bands, .. } => (0_u8, text, bands).hash(state),
            Self::Hillshade(light) => (1_u8, light.bits()).hash(state),
        }
    }
}

impl Derivation {
    /// A formula with its bands found.
    ///
    /// # Errors
    /// What is wrong with the formula, or which band is missing.
    pub fn formula(name: &str, text: &str, bands: &[BandInfo]) -> SceneResult<Self> {
        let (formula, bands) = formula_for(text, bands)?;
        Ok(Self::Formula {
            name: name.to_owned(),
            text: formula.text().to_owned(),
            bands,
        })
    }

    /// What legends and menus call it.
    pub fn label(&self) -> &str {
        match self {
            Self::Formula { name, text, .. } if name.is_empty() => text,
            Self::Formula { name, .. } => name,
            Self::Hillshade(_) => "Hill-shade",
        }
    }

    /// Takes other bands for the same names, as another image of a series needs.
    pub(crate) fn move_bands(&mut self, moved: impl Fn(usize) -> usize) {
        match self {
            Self::Formula { bands, .. } => bands.iter_mut().for_each(|band| *band = moved(*band)),
            Self::Hillshade(light) => light.band = moved(light.band),
        }
    }

    /// The bands it reads, from 0.
    pub fn bands(&self) -> Vec<usize> {
        match self {
            Self::Formula { bands, .. } => bands.clone(),
            Self::Hillshade(light) => vec![light.band],
        }
    }
}

impl Raster {
    /// The derived channel of `window` at `width x height`, one band; missing where any band it needs is, or where it has
    /// no value. Bands enter scaled.
    ///
    /// # Errors
    /// A formula that does not fit this raster, or bands that cannot be read.
    pub fn read_derived_blocking(
        &self,
        derivation: &Derivation,
        window: Window,
        width: usize,
        height: usize,
    ) -> SceneResult<Block> {
        self.read_derived_to_detail_blocking(derivation, window, (width, height), Detail::Full)
    }

    /// The same of bands read to a detail: a first look is worked out from a sample of the file's blocks.
    pub fn read_derived_to_detail_blocking(
        &self,
        derivation: &Derivation,
        window: Window,
        size: (usize, usize),
        detail: Detail,
    ) -> SceneResult<Block> {
        match derivation {
            Derivation::Formula { text, bands, .. } => {
                let formula = Formula::parse(text)?;
                self.read_formula(&formula, bands, window, size, detail)
            }
            Derivation::Hillshade(light) => self.read_hillshade(light, window, size, detail),
        }
    }

    pub(crate) fn read_formula(
        &self,
        formula: &Formula,
        bands: &[usize],
        window: Window,
        (width, height): (usize, usize),
        detail: Detail,
    ) -> SceneResult<Block> {
        if formula.names().len() != bands.len() {
            return Err(SceneError::file(
                &self.info().path,
                format!(
                    "the formula {} names other bands than it was made for; enter it again",
                    formula.text()
                ),
            ));
        }
        let pixels = width * height;
        if bands.is_empty() {
            // A number: the same everywhere.
            let mut values = vec![0.0; pixels];
            formula.evaluate(&[], &mut values);
            return Ok(one_band(width, height, values, vec![true; pixels]));
        }
        let mut block = self.read_block(bands, window, (width, height), detail)?;
        for (plane, band) in bands.iter().enumerate() {
            let Some(band) = self.info().bands.get(*band) else {
                continue;
            };
            if band.scale != 1.0 || band.offset != 0.0 {
                block.values[plane * pixels..(plane + 1) * pixels]
                    .iter_mut()
                    .for_each(|value| *value = band.scaled(f64::from(*value)) as f32);
            }
        }
        let planes: Vec<&[f32]> = (0..bands.len()).map(|plane| block.band(plane)).collect();
        let mut values = vec![0.0; pixels];
        formula.evaluate(&planes, &mut values);
        Ok(one_band(width, height, values, block.valid))
    }

    fn read_block(
        &self,
        bands: &[usize],
        window: Window,
        (width, height): (usize, usize),
        detail: Detail,
    ) -> SceneResult<Block> {
        let resampling = resampling(window, width, height);
        let planes = self.read_planes_blocking(bands, window, width, height, resampling, detail)?;
        Ok(Block::of_planes(width, height, &planes))
    }

    fn read_hillshade(
        &self,
        light: &Hillshade,
        window: Window,
        (width, height): (usize, usize),
        detail: Detail,
    ) -> SceneResult<Block> {
        let grid = &self.info().grid;
        let (step_x, step_y) = (
            window.width as f64 / width.max(1) as f64,
            window.height as f64 / height.max(1) as f64,
        );
        // One more pixel of this resolution on every side that lies inside the raster.
        let (reach_x, reach_y) = (
            (step_x.round() as usize).max(1),
            (step_y.round() as usize).max(1),
        );
        let has_left = window.col >= reach_x;
        let has_top = window.row >= reach_y;
        let has_right = window.end_col() + reach_x <= grid.width;
        let has_bottom = window.end_row() + reach_y <= grid.height;
        let side = |has: bool, reach: usize| if has { reach } else { 0 };
        let wide = Window {
            col: window.col - side(has_left, reach_x),
            row: window.row - side(has_top, reach_y),
            width: window.width + side(has_left, reach_x) + side(has_right, reach_x),
            height: window.height + side(has_top, reach_y) + side(has_bottom, reach_y),
        };
        let read = (
            width + usize::from(has_left) + usize::from(has_right),
            height + usize::from(has_top) + usize::from(has_bottom),
        );
        let mut block = self.read_block(&[light.band], wide, read, detail)?;
        if let Some(band) = self.info().bands.get(light.band) {
            block
                .values
                .iter_mut()
                .for_each(|value| *value = band.scaled(f64::from(*value)) as f32);
        }
        let elevations = Elevations {
            values: &block.values,
            valid: &block.valid,
            read,
            has_left,
            has_top,
            size: (width, height),
        };
        let ground = Ground::new(
            &elevations,
            grid,
            (window.col, window.row),
            (step_x, step_y),
        );
        let shades = light.shade(&ground, width, height);
        let valid = vec![true; shades.len()];
        Ok(one_band(width, height, shades, valid))
    }
}

/// Pixels stay visible when zoomed in, and are averaged when reduced.
fn resampling(window: Window, width: usize, height: usize) -> Resampling {
    if width < window.width || height < window.height {
        Resampling::Average
    } else {
        Resampling::Nearest
    }
}

/// A block of one band in which NaN is missing, and a missing pixel holds 0.
fn one_band(width: usize, height: usize, mut values: Vec<f32>, mut valid: Vec<bool>) -> Block {
    for (value, valid) in values.iter_mut().zip(&mut valid) {
        *valid &= value.is_finite();
        if !*valid {
            *value = 0.0;
        }
    }
    Block {
        width,
        height,
        bands: 1,
        values,
        valid,
    }
}

#[cfg(test)]
#[path = "derivation_tests.rs"]
mod tests;
