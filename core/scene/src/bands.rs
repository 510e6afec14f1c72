//! Bands by wavelength: where a wavelength came from, nearest-band choice and the named band combinations.

use serde::{Deserialize, Serialize};

use crate::{BandInfo, SceneResult};

/// Nanometres; the only unit kept in memory. Constructors convert and refuse nonsense.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Wavelength(pub f64);

impl Wavelength {
    pub fn nm(self) -> f64 {
        self.0
    }
    pub fn um(self) -> f64 {
        self.0 / 1000.0
    }
    /// `665`, `665nm`, `665 nm`, `0.665um`, `0.665 µm`; a bare number above 100 is nm, else µm.
    pub fn parse(_text: &str) -> SceneResult<Self> {
        todo!()
    }
}

/// Where a wavelength was found, in the read order of the conventions (first wins).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WavelengthSource {
    Edited, StacSidecar, ImageryDomain, BandMetadata, EnviHeader, ProductXml, BandName, SensorTable, ColorInterpretation, Guess,
}

impl WavelengthSource {
    /// e.g. "band metadata", shown in the Bands panel.
    pub fn label(self) -> &'static str {
        todo!()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandWavelength {
    pub center: Wavelength,
    /// Full width at half maximum, nm.
    pub fwhm_nm: Option<f64>,
    pub source: WavelengthSource,
}

/// Index (from 0) of the usable band whose centre is nearest to `target`; `None` if no band has a wavelength.
pub fn nearest_band(_bands: &[BandInfo], _target: Wavelength) -> Option<usize> {
    todo!()
}

/// A named R,G,B choice, offered only when every pick fits (conventions, section 6).
#[derive(Clone, Debug, PartialEq)]
pub struct BandPreset {
    pub name: &'static str,
    /// Band indices from 0.
    pub bands: [usize; 3],
}

pub fn band_presets(_bands: &[BandInfo]) -> Vec<BandPreset> {
    todo!()
}

/// R,G,B to show first: nearest 665/560/490 nm, else colour interpretation, else the first three (one band: thrice).
pub fn default_rgb(_bands: &[BandInfo]) -> [usize; 3] {
    todo!()
}
