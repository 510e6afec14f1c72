//! The canvas: what is drawn where. Takes layers as values, never the document's history.

mod viewport;

pub use viewport::Viewport;

use std::sync::Arc;

use terroir_scene::{Crs, Labels, Layer, LayerId, MapRect};

/// One thing to draw, bottom first in the list given to `Canvas::show`.
#[derive(Clone)]
pub struct CanvasLayer {
    pub layer: Arc<Layer>,
    /// For `LayerSource::Labels`.
    pub labels: Option<Labels>,
}

/// What is under the pointer in one raster layer; from tiles in memory only.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelValue {
    pub layer: LayerId,
    pub col: usize,
    pub row: usize,
    /// (band from 0, stored value) of the bands in memory; `None` values are nodata.
    pub values: Vec<(usize, Option<f32>)>,
}

pub struct CanvasResponse {
    /// Senses click and drag; tools read it.
    pub response: egui::Response,
    /// Pointer position in map coordinates.
    pub pointer_in_map: Option<(f64, f64)>,
}

/// Owns tiles, textures and the reader pool. Pan, zoom and scroll are handled here unless `tool_owns_primary` is set.
pub struct Canvas {}

impl Canvas {
    pub fn new(_render_state: &egui_wgpu::RenderState, _wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        todo!()
    }
    pub fn viewport(&self) -> &Viewport {
        todo!()
    }
    /// Animates nothing: the view jumps. Remembers the previous view for mouse back/forward.
    pub fn set_viewport(&mut self, _viewport: Viewport) {
        todo!()
    }
    pub fn zoom_to(&mut self, _rect: MapRect) {
        todo!()
    }
    /// Draws `layers` (bottom first) in `map_crs`. With `tool_owns_primary` a left drag belongs to the tool
    /// (middle drag and Space + move still pan).
    pub fn show(
        &mut self, _ui: &mut egui::Ui, _layers: &[CanvasLayer], _map_crs: Option<&Crs>, _tool_owns_primary: bool,
    ) -> CanvasResponse {
        todo!()
    }
    pub fn value_at(&self, _layer: LayerId, _map_xy: (f64, f64)) -> Option<PixelValue> {
        todo!()
    }
    /// Pixel of a layer under a map point (reprojected); `None` outside.
    pub fn pixel_at(&self, _layer: &Layer, _map_xy: (f64, f64)) -> Option<(f64, f64)> {
        todo!()
    }
    /// Extent of a layer in the map CRS.
    pub fn layer_extent(&self, _layer: &Layer, _map_crs: Option<&Crs>) -> Option<MapRect> {
        todo!()
    }
    /// Errors of layers that could not be read: (layer, message), newest per layer.
    pub fn layer_errors(&self) -> Vec<(LayerId, String)> {
        todo!()
    }
    /// True while tiles of the view are still on their way.
    pub fn is_loading(&self) -> bool {
        todo!()
    }
    /// Drops tiles of a file that changed on disk (a job wrote new windows), all of it or one window.
    pub fn invalidate(&mut self, _path: &std::path::Path) {
        todo!()
    }
}
