//! Rasters: any file GDAL opens, as sizes, bands and windows of values.
//! The only place that converts GDAL's band numbers (from 1) to ours (from 0). One `Raster` per thread.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{BandWavelength, Grid, SceneResult, Window};

/// How a band's values are stored. GDAL 3.6's "Byte with PIXELTYPE=SIGNEDBYTE" is `Int8` here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SampleType {
    UInt8, Int8, UInt16, Int16, UInt32, Int32, UInt64, Int64, Float32, Float64, Complex,
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
    pub size_bytes: u64,
    /// Acquisition date, `YYYY-MM-DD`, by the rules of the date chapter; `None` if unknown.
    pub date: Option<String>,
    /// Sensor id of `assets/sensors.toml` when recognised.
    pub sensor: Option<String>,
}

impl RasterInfo {
    /// 64 bands of signed bytes in the AlphaEarth coding (or 64 unit-length floats).
    pub fn is_field(&self) -> bool {
        todo!()
    }
    /// One band of small integers with a palette or names: a class map.
    pub fn is_class_map(&self) -> bool {
        todo!()
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resampling { Nearest, Average, Bilinear, Mode }

/// An open raster. Holds a GDAL handle: stays on the thread that opened it.
pub struct Raster {}

impl Raster {
    /// Opens read-only. Accepts paths and GDAL sub-dataset names. A container of several sub-datasets without
    /// rasters of its own is an error that lists them.
    pub fn open(_path: &Path) -> SceneResult<Self> {
        todo!()
    }

    pub fn info(&self) -> &RasterInfo {
        todo!()
    }

    /// Reads `bands` (from 0) of `window` (must lie inside) scaled to `out_width x out_height`; blocks on the disk.
    /// Uses overviews when reducing.
    pub fn read_blocking(
        &self, _bands: &[usize], _window: Window, _out_width: usize, _out_height: usize, _resampling: Resampling,
    ) -> SceneResult<Block> {
        todo!()
    }

    /// Raw signed bytes of all bands, planar, for fields; missing pixels are -128 in every band.
    pub fn read_codes_blocking(&self, _window: Window, _out_width: usize, _out_height: usize) -> SceneResult<Vec<i8>> {
        todo!()
    }
}
