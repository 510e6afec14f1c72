//! The document: layers, styles, labels. A value that is cheap to clone; changed only through `History`.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Crs, Labels, RasterInfo, Style, Wavelength};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LayerId(pub u64);

/// What a layer shows. Labels live in the document once and have a layer of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LayerSource {
    /// A scene, a field or a map: whatever `info` says.
    Raster { path: PathBuf, info: Option<Arc<RasterInfo>> },
    Labels,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    pub id: LayerId,
    pub name: String,
    pub source: LayerSource,
    pub style: Option<Style>,
    pub visible: bool,
    /// 0..1.
    pub opacity: f32,
    /// Wavelengths the user edited: (band from 0, value).
    pub edited_wavelengths: Vec<(usize, Wavelength)>,
    /// Attribution shown in the layer's properties and on exports.
    pub attribution: Option<String>,
}

/// Everything that is saved and undone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Top of the list draws on top.
    pub layers: Vec<Arc<Layer>>,
    pub active: Option<LayerId>,
    pub map_crs: Option<Crs>,
    pub labels: Option<Labels>,
    pub next_layer_id: u64,
}

impl Document {
    /// Adds on top, makes it active, sets the map CRS if it is the first; returns its id.
    pub fn add_layer(&mut self, _layer: Layer) -> LayerId {
        todo!()
    }
    pub fn layer(&self, _id: LayerId) -> Option<&Arc<Layer>> {
        todo!()
    }
    pub fn layer_mut(&mut self, _id: LayerId) -> Option<&mut Layer> {
        todo!()
    }
    pub fn remove_layer(&mut self, _id: LayerId) {
        todo!()
    }
    pub fn move_layer(&mut self, _id: LayerId, _to: usize) {
        todo!()
    }
    pub fn active_layer(&self) -> Option<&Arc<Layer>> {
        todo!()
    }
    /// Approximate bytes held by this value alone, for the undo budget.
    pub fn size_bytes(&self) -> usize {
        todo!()
    }
}
