//! Writing maps other programs open coloured and named: COGs with colour table, category names, RAT, `.qml` and provenance
//! (conventions section 9). Everything is written beside, checked by reopening, then renamed.

use std::path::{Path, PathBuf};

use crate::{Class, Grid, SceneResult};

/// Provenance keys without the `TERROIR_` prefix (`MODEL`, `INPUTS`, `LABELS`, `RUN`, `CLASSES`, `ACCURACY`) and their values.
pub type Provenance = Vec<(String, String)>;

/// Streams a raster to a temporary GTiff beside `path`, then `finish` turns it into a checked COG with its side-cars.
pub struct MapWriter {}

#[derive(Clone, Debug, PartialEq)]
pub enum MapKind {
    /// u8 classes, 0 = unclassified.
    Classes(Vec<Class>),
    /// u8 0-200 = 200 * probability, 255 nodata; band names.
    Confidence(Vec<String>),
    /// 64 signed bytes in the AlphaEarth coding.
    Field,
    /// f32, NaN nodata; per-band (name, unit), and a ramp name for the `.qml`.
    Continuous { bands: Vec<(String, String)>, ramp: String },
}

impl MapWriter {
    pub fn create(_path: &Path, _grid: &Grid, _kind: MapKind) -> SceneResult<Self> {
        todo!()
    }
    /// Planar bytes of all bands for a window (classes, confidence; fields as `i8 as u8`).
    pub fn write_bytes(&mut self, _window: crate::Window, _bytes: &[u8]) -> SceneResult<()> {
        todo!()
    }
    pub fn write_floats(&mut self, _window: crate::Window, _values: &[f32]) -> SceneResult<()> {
        todo!()
    }
    /// Makes the COG, side-cars and checks; returns every file written, map first. Dropping without `finish` removes the temporary.
    pub fn finish(self, _provenance: &Provenance) -> SceneResult<Vec<PathBuf>> {
        todo!()
    }
}
