//! Where the map looks: what is asked of the view, how far layers reach, and what lies under the pointer. Knows viewport and
//! layers; draws nothing.

use std::path::PathBuf;
use std::sync::Arc;

use terroir_scene::{Layer, LayerId, LayerSource, MapRect, Style};

use super::Window;
use crate::arrangement::Panel;
use crate::canvas::Viewport;
use crate::session::{FoundShape, Hover, ViewRequest};

impl Window {
    /// Notes the part of each raster in view, for limits that are taken from it.
    pub(super) fn see_view(&mut self, ctx: &egui::Context) {
        let now = std::time::Instant::now();
        let active = self.state.active_raster().map(|layer| layer.id);
        let is_measured = |layer: &Arc<Layer>| {
            let look = layer.style.as_ref().and_then(Style::look);
            Some(layer.id) == active
                || look.is_some_and(|look| look.extent == terroir_scene::StretchExtent::Follow)
        };
        let measured: Vec<LayerId> = self
            .document()
            .layers
            .iter()
            .filter(|layer| layer.visible && is_measured(layer))
            .map(|layer| layer.id)
            .collect();
        let mut is_moving = false;
        for id in measured {
            let window = self.canvas.window_in_view(id);
            is_moving |= self.state.session.in_view.see(id, window, now);
        }
        if is_moving {
            ctx.request_repaint_after(crate::in_view::REST);
        }
    }

    /// Looks up the shapes under a place that the identify tool clicked: all visible vector layers, topmost first.
    pub(super) fn find_shapes(&mut self) {
        /// Points around the click.
        const REACH: f32 = 6.0;
        const MOST: usize = 100;
        let Some(map_xy) = self.state.session.identify_at.take() else {
            return;
        };
        let mut found: Vec<FoundShape> = Vec::new();
        for layer in &self.state.history.document().layers {
            if layer.visible && layer.vector().is_some() {
                let here = self.canvas.features_at(layer.id, map_xy, REACH);
                found.extend(here.into_iter().map(|feature| FoundShape {
                    layer: layer.id,
                    feature,
                }));
            }
        }
        found.truncate(MOST);
        self.state.forget_shapes();
        if let Some(first) = found.first() {
            self.state.choose_shapes(first.layer, vec![first.feature]);
            self.state.arrangement.show(Panel::Spectrum);
        }
        self.state.session.found_shapes = found;
    }

    pub(super) fn hover(&self, pointer_in_map: Option<(f64, f64)>) -> Hover {
        let pixel = pointer_in_map
            .zip(self.state.active_raster())
            .and_then(|(map_xy, layer)| self.canvas.value_at(layer.id, map_xy));
        Hover {
            map_xy: pointer_in_map,
            pixel,
        }
    }

    /// Extent of every layer together.
    pub(super) fn full_extent(&self) -> Option<MapRect> {
        let document = self.state.history.document();
        let rects = document
            .layers
            .iter()
            .filter_map(|layer| self.extent(layer.id));
        rects.reduce(|a, b| MapRect {
            min_x: a.min_x.min(b.min_x),
            min_y: a.min_y.min(b.min_y),
            max_x: a.max_x.max(b.max_x),
            max_y: a.max_y.max(b.max_y),
        })
    }

    /// Extent of a layer in map coordinates; labels have their grid's raster layer's.
    pub(super) fn extent(&self, id: LayerId) -> Option<MapRect> {
        let document = self.state.history.document();
        let layer = document.layer(id)?;
        let crs = document.map_crs.as_ref();
        if layer.source == LayerSource::Labels {
            let grid = self.state.label_grid()?;
            let same = document.layers.iter().find(|other| {
                self.state
                    .raster_info(other)
                    .is_some_and(|info| info.grid.same_as(&grid))
            })?;
            return self.canvas.layer_extent(same, crs);
        }
        self.canvas.layer_extent(layer, crs)
    }

    pub(super) fn apply_view_request(&mut self) {
        // The view's size is known after the first frame of the canvas; nothing is fitted into a map without room.
        const LEAST: f32 = 24.0;
        if self.map_rect.width() < LEAST || self.map_rect.height() < LEAST {
            return;
        }
        // A view in a coordinate system that the canvas has not taken over yet waits for the next frame.
        let document = self.state.history.document();
        if self.state.session.view.is_some()
            && !document.layers.is_empty()
            && self.canvas.map_crs().is_some()
            && self.canvas.map_crs() != document.map_crs.as_ref()
        {
            (self.state.wake)();
            return;
        }
        let Some(request) = self.state.session.view.take() else {
            return;
        };
        let size = (self.map_rect.width(), self.map_rect.height());
        let view = Viewport {
            size,
            ..*self.canvas.viewport()
        };
        match request {
            ViewRequest::Layer(id) => {
                if let Some(rect) = self.extent(id) {
                    self.canvas.set_viewport(Viewport::fitting(rect, size));
                }
            }
            ViewRequest::Shapes(id) => {
                let chosen = self.state.session.chosen_shapes.as_ref();
                let rect = chosen
                    .filter(|(layer, _)| *layer == id)
                    .and_then(|(_, shapes)| self.canvas.features_extent(id, shapes));
                if let Some(rect) = rect {
                    let view = Viewport::fitting(rect, size);
                    // A point has no size: the scale stays.
                    let is_point = rect.width() == 0.0 && rect.height() == 0.0;
                    let units_per_point = if is_point {
                        self.canvas.viewport().units_per_point
                    } else {
                        view.units_per_point * 1.2
                    };
                    self.canvas.set_viewport(Viewport {
                        units_per_point,
                        ..view
                    });
                }
            }
            ViewRequest::Full => {
                if let Some(rect) = self.full_extent() {
                    self.canvas.set_viewport(Viewport::fitting(rect, size));
                }
            }
            ViewRequest::Zoom(factor) => {
                self.canvas
                    .set_viewport(view.zoomed_about((size.0 / 2.0, size.1 / 2.0), factor));
            }
            ViewRequest::Scale(units_per_point) => {
                self.canvas.set_viewport(Viewport {
                    units_per_point,
                    ..view
                });
            }
            ViewRequest::Pixels(id) => {
                if let Some(units) = self.pixel_units(id) {
                    self.canvas.set_viewport(Viewport {
                        units_per_point: units,
                        ..view
                    });
                }
            }
            ViewRequest::Point(center) => {
                self.canvas.set_viewport(Viewport { center, ..view });
            }
            ViewRequest::Place { layer, center } => {
                let near = self.pixel_units(layer).map_or(f64::INFINITY, |units| {
                    units / crate::suggestions::POINTS_A_PIXEL
                });
                self.canvas.set_viewport(Viewport {
                    center,
                    units_per_point: view.units_per_point.min(near),
                    ..view
                });
            }
            ViewRequest::Close(center, units_per_point) => {
                self.canvas.set_viewport(Viewport {
                    center,
                    units_per_point,
                    ..view
                });
            }
            ViewRequest::Redraw => {
                let paths: Vec<PathBuf> = self
                    .state
                    .history
                    .document()
                    .layers
                    .iter()
                    .filter_map(|layer| self.state.raster_info(layer).map(|info| info.path.clone()))
                    .collect();
                for path in paths {
                    self.canvas.invalidate(&path);
                }
                self.state.vectors.forget();
            }
        }
    }

    /// Map units per point at which one pixel of a layer covers one point.
    pub(super) fn pixel_units(&self, id: LayerId) -> Option<f64> {
        let document = self.state.history.document();
        let info = self.state.raster_info(document.layer(id)?)?;
        let center = (info.grid.width as f64 / 2.0, info.grid.height as f64 / 2.0);
        let a = self.state.map_from_layer_pixel(id, center)?;
        let b = self
            .state
            .map_from_layer_pixel(id, (center.0 + 1.0, center.1))?;
        let units = (b.0 - a.0).hypot(b.1 - a.1);
        (units.is_finite() && units > 0.0).then_some(units)
    }
}
