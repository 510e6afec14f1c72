//! Rasters as plain values: what a file says about itself and its bands, and blocks of values read from it.
//! Knows nothing of how files are opened; see `raster_file.rs`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{BandWavelength, FIELD_AXES, Grid, WavelengthSource};

/// How a band's values are stored. GDAL 3.6's "Byte with PIXELTYPE=SIGNEDBYTE" is `Int8` here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SampleType {
    UInt8,
    Int8,
    UInt16,
    Int16,
    UInt32,
    Int32,
    UInt64,
    Int64,
    Float32,
    Float64,
    Complex,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaletteEntry {
    pub value: i64,
    pub name: String,
    /// Red, green, blue, alpha.
    pub rgba: [u8; 4],
}

/// What the file says about one band. `index` counts from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandInfo {
    pub index: usize,
    /// The band's description, or `Band N` (from 1) when it has none.
    pub name: String,
    pub sample_type: SampleType,
    /// In the band's own type, widened.
    pub nodata: Option<f64>,
    pub scale: f64,
    pub offset: f64,
    pub unit: String,
    /// `red`, `alpha`, `palette`, ... as GDAL names it, lower case.
    pub color_interpretation: String,
    /// Colour table and/or category names; empty for continuous bands.
    pub palette: Vec<PaletteEntry>,
    pub block_size: (usize, usize),
    /// Sizes of the overview levels, finest first.
    pub overviews: Vec<(usize, usize)>,
    pub wavelength: Option<BandWavelength>,
    /// ENVI `bbl` 0 / `good_band=false`: kept out of models, still drawable.
    pub is_bad: bool,
    /// Default-domain metadata.
    pub metadata: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RasterInfo {
    pub path: PathBuf,
    pub driver: String,
    pub grid: Grid,
    pub bands: Vec<BandInfo>,
    /// Default-domain dataset metadata (holds `TERROIR_*` provenance).
    pub metadata: Vec<(String, String)>,
    pub compression: Option<String>,
    /// All bands of a pixel lie together: a block read for one band is read for all.
    #[serde(default)]
    pub is_interleaved: bool,
    pub size_bytes: u64,
    /// Acquisition date, `YYYY-MM-DD`, by the rules of the date chapter; `None` if unknown.
    pub date: Option<String>,
    /// Sensor id of `assets/sensors.toml` when recognised.
    pub sensor: Option<String>,
    /// 64 decimal numbers a pixel were looked at: whether they are vectors of length 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_vectors: Option<bool>,
}

impl RasterInfo {
    /// 64 bands of signed bytes in the AlphaEarth coding, or 64 floats that were seen to be unit vectors (where nothing
    /// could be seen: named `A00`-`A63` or marked by us).
    pub fn is_field(&self) -> bool {
        if self.bands.len() != FIELD_AXES {
            return false;
        }
        let all = |wanted: SampleType| self.bands.iter().all(|band| band.sample_type == wanted);
        all(SampleType::Int8)
            || ((all(SampleType::Float32) || all(SampleType::Float64))
                && self
                    .unit_vectors
                    .unwrap_or_else(|| self.has_axis_names() || self.is_marked_as_field()))
    }

    /// One band of small integers with a palette or names: a class map.
    pub fn is_class_map(&self) -> bool {
        match self.bands.as_slice() {
            [band] => band.sample_type.is_integer() && !band.palette.is_empty(),
            _ => false,
        }
    }

    /// True when the wavelengths are only proposed from the file name or band count, and wait for the user's word.
    pub fn has_guessed_wavelengths(&self) -> bool {
        self.bands.iter().any(|band| {
            band.wavelength
                .is_some_and(|w| w.source == WavelengthSource::Guess)
        })
    }

    /// A dataset metadata item of the default domain.
    pub fn metadata_item(&self, key: &str) -> Option<&str> {
        self.metadata
            .iter()
            .find(|(k, _)| k.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }

    fn has_axis_names(&self) -> bool {
        self.bands
            .iter()
            .enumerate()
            .all(|(index, band)| band.name == format!("A{index:02}"))
    }

    fn is_marked_as_field(&self) -> bool {
        self.metadata
            .iter()
            .any(|(key, _)| key.starts_with("TERROIR_"))
    }
}

impl BandInfo {
    /// The value a stored number stands for.
    pub fn scaled(&self, stored: f64) -> f64 {
        stored * self.scale + self.offset
    }

    /// A metadata item of the band, whatever the case of its key.
    pub fn metadata_item(&self, key: &str) -> Option<&str> {
        self.metadata
            .iter()
            .find(|(k, _)| k.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }
}

impl SampleType {
    pub fn is_integer(self) -> bool {
        !matches!(self, Self::Float32 | Self::Float64 | Self::Complex)
    }

    /// As GIS users write it, e.g. `uint16`.
    pub fn label(self) -> &'static str {
        match self {
            Self::UInt8 => "uint8",
            Self::Int8 => "int8",
            Self::UInt16 => "uint16",
            Self::Int16 => "int16",
            Self::UInt32 => "uint32",
            Self::Int32 => "int32",
            Self::UInt64 => "uint64",
            Self::Int64 => "int64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Complex => "complex",
        }
    }

    /// Bytes of one stored value; complex counts as two floats.
    pub fn bytes(self) -> usize {
        match self {
            Self::UInt8 | Self::Int8 => 1,
            Self::UInt16 | Self::Int16 => 2,
            Self::UInt32 | Self::Int32 | Self::Float32 => 4,
            Self::UInt64 | Self::Int64 | Self::Float64 | Self::Complex => 8,
        }
    }
}

/// Values of some bands over a window, planar (`bands * height * width`), as stored (scale and offset not applied).
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub width: usize,
    pub height: usize,
    pub bands: usize,
    pub values: Vec<f32>,
    /// One per pixel (`height * width`): false where any requested band is nodata, NaN or masked.
    pub valid: Vec<bool>,
}

/// One band over a window, row by row, as stored (scale and offset not applied).
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    pub values: Vec<f32>,
    /// One per pixel: false where this band is nodata, NaN or masked.
    pub valid: Vec<bool>,
}

impl Plane {
    /// What it takes in memory.
    pub fn size_bytes(&self) -> usize {
        4 * self.values.len() + self.valid.len()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resampling {
    Nearest,
    Average,
    Bilinear,
    Mode,
}

impl Block {
    /// Bands of the same window side by side; a pixel is valid where all of them are.
    pub fn of_planes<P: std::borrow::Borrow<Plane>>(
        width: usize,
        height: usize,
        planes: &[P],
    ) -> Self {
        let pixels = width * height;
        let mut values = Vec::with_capacity(pixels * planes.len());
        let mut valid = vec![true; pixels];
        for plane in planes {
            let plane: &Plane = plane.borrow();
            values.extend_from_slice(&plane.values);
            for (all, own) in valid.iter_mut().zip(&plane.valid) {
                *all &= *own;
            }
        }
        Self {
            width,
            height,
            bands: planes.len(),
            values,
            valid,
        }
    }

    /// The values of one band, row by row; empty for a band the block does not hold.
    pub fn band(&self, band: usize) -> &[f32] {
        let pixels = self.width * self.height;
        self.values
            .get(band * pixels..(band + 1) * pixels)
            .unwrap_or_default()
    }
}
