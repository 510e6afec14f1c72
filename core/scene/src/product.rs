//! Sensor products as plain values: which bands lie in which files and what their numbers mean.
//! Knows no GDAL and opens nothing; `product_folder.rs` finds products, `product_vrt.rs` stacks them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::PaletteEntry;

/// The products that open as one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductKind {
    Sentinel1,
    Sentinel2,
    Landsat,
    Hls,
    EnMap,
    PlanetScope,
    Stac,
    /// One file a band, told by their names.
    BandFiles,
}

impl ProductKind {
    /// As its users call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Sentinel1 => "Sentinel-1 product",
            Self::Sentinel2 => "Sentinel-2 product",
            Self::Landsat => "Landsat product",
            Self::Hls => "HLS product",
            Self::EnMap => "EnMAP product",
            Self::PlanetScope => "PlanetScope scene",
            Self::Stac => "STAC item",
            Self::BandFiles => "band files",
        }
    }
}

/// Which code a quality band is written in. Its band carries the name as the item `TERROIR_QUALITY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityCode {
    /// Sentinel-2 scene classification, 0 to 11.
    Scl,
    /// Landsat Collection 2 `QA_PIXEL` bits.
    QaPixel,
    /// HLS `Fmask` bits.
    Fmask,
    /// PlanetScope usable data mask: one band a kind, 1 = yes.
    Udm2,
    /// Any other.
    Other,
}

impl QualityCode {
    /// The metadata item of a band that holds the code's name.
    pub const ITEM: &'static str = "TERROIR_QUALITY";

    /// `scl`, `qa_pixel`, `fmask`, `udm2` or `other`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Scl => "scl",
            Self::QaPixel => "qa_pixel",
            Self::Fmask => "fmask",
            Self::Udm2 => "udm2",
            Self::Other => "other",
        }
    }

    /// The code named by a band's `TERROIR_QUALITY` item.
    pub fn parse(id: &str) -> Option<Self> {
        [
            Self::Scl,
            Self::QaPixel,
            Self::Fmask,
            Self::Udm2,
            Self::Other,
        ]
        .into_iter()
        .find(|code| code.id() == id)
    }
}

/// What a band is of; decides the grid of the stack and how the band is resampled to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BandRole {
    /// Sets the grid (the finest does); resampled bilinearly.
    Reflectance,
    /// Panchromatic, thermal, radar and the like: follows the grid, resampled bilinearly.
    Measured,
    /// Codes: nearest neighbour.
    Quality(QualityCode),
}

/// One band of a product.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProductBand {
    pub name: String,
    /// A path, or a name GDAL opens.
    pub file: PathBuf,
    /// In its file, from 1; or [`ProductBand::EVERY_BAND`].
    pub file_band: usize,
    pub role: BandRole,
    /// `None`: as the file says.
    pub scale_offset: Option<(f64, f64)>,
    /// `None`: as the file says.
    pub nodata: Option<f64>,
    pub unit: String,
    /// Centre and full width at half maximum in nm, where the product itself gives them.
    pub wavelength_nm: Option<(f64, Option<f64>)>,
    pub classes: Vec<PaletteEntry>,
}

impl ProductBand {
    /// As `file_band`: stands for every band of its file.
    pub const EVERY_BAND: usize = 0;

    pub fn new(name: impl Into<String>, file: PathBuf, role: BandRole) -> Self {
        Self {
            name: name.into(),
            file,
            file_band: 1,
            role,
            scale_offset: None,
            nodata: None,
            unit: String::new(),
            wavelength_nm: None,
            classes: Vec::new(),
        }
    }

    /// A scale of nothing or of no number is none.
    pub fn scaled(mut self, scale: f64, offset: f64) -> Self {
        if scale.is_finite() && scale != 0.0 && offset.is_finite() {
            self.scale_offset = Some((scale, offset));
        }
        self
    }

    pub fn without(mut self, nodata: f64) -> Self {
        self.nodata = Some(nodata);
        self
    }
}

/// A product as its files and its description tell it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Product {
    pub kind: ProductKind,
    /// What is opened and kept in a project: the product's folder, archive, description or the common beginning of its
    /// files' names.
    pub path: PathBuf,
    /// Where its wavelengths are from when a band has some.
    pub wavelength_source: crate::WavelengthSource,
    /// Any text a date can be read from; UTC.
    pub acquired: Option<String>,
    pub platform: String,
    /// Sensor id of `assets/sensors.toml`, where the platform's name alone does not tell it.
    pub sensor: Option<&'static str>,
    pub bands: Vec<ProductBand>,
    /// Items for the stack's metadata.
    pub items: Vec<(&'static str, String)>,
    /// What its user has to know: missing bands and the like.
    pub notes: Vec<String>,
}

impl Product {
    pub fn new(kind: ProductKind, path: PathBuf) -> Self {
        Self {
            kind,
            path,
            wavelength_source: crate::WavelengthSource::ProductXml,
            acquired: None,
            platform: String::new(),
            sensor: None,
            bands: Vec::new(),
            items: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds an item unless the description has none.
    pub fn item(&mut self, key: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.items.push((key, value.to_owned()));
        }
    }

    /// Says which bands of the product are not in its folder.
    pub fn note_missing(&mut self, missing: &[String]) {
        if !missing.is_empty() {
            self.notes.push(format!(
                "the product names bands whose files are not there: {}",
                missing.join(", ")
            ));
        }
    }
}

/// A class of a quality band.
pub(crate) fn class(value: i64, name: &str, rgb: [u8; 3]) -> PaletteEntry {
    PaletteEntry {
        value,
        name: name.to_owned(),
        rgba: [rgb[0], rgb[1], rgb[2], 255],
    }
}
