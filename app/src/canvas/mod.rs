//! The canvas: what is drawn where. Takes layers as values, never the document's history.

mod ahead;
mod frame_views;
mod label_tiles;
mod layer_view;
mod navigation;
pub mod offscreen;
mod pace;
mod placement;
mod probe;
pub mod renderer;
pub mod shaders;
mod tile_store;
mod tiles;
mod under_pointer;
mod vector_labels;
mod vector_painter;
mod vector_view;
mod viewport;

#[cfg(test)]
mod cover_test;

pub use vector_view::VectorInput;
pub use viewport::Viewport;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::Sense;
use terroir_scene::{Crs, Labels, Layer, LayerId, MapRect, Place, Window};

use ahead::interleaved;
use frame_views::{FrameViews, Pass, ViewId};
use layer_view::{Budget, Plan};
use navigation::Navigation;
use pace::Pace;
use renderer::{FrameMeshes, Renderer};
pub use tile_store::ReadCounts;
use tile_store::TileStore;
use vector_labels::VectorLabels;
use vector_painter::{TaskKey, VectorPainter};
use vector_view::{PixelView, VectorView};

/// Threads that read files for the canvas: fewest and most.
const READERS: (usize, usize) = (3, 6);
/// Tiles in memory, at most. With those on the GPU, which a software rasteriser keeps in memory too, and GDAL's own cache
/// this is what browsing takes, however large the files are.
pub const MEMORY_BYTES: usize = 160 << 20;
/// Tiles on the GPU, at most.
pub const GPU_BYTES: usize = 256 << 20;
const GPU_BYTES_SOFTWARE: usize = 96 << 20;
/// Threads that place and draw shapes.
const PAINTERS: usize = 2;
/// How often waiting reads are looked at while nothing else happens.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Drawing that takes less is not there to be stopped.
const STOPPABLE_AFTER: Duration = Duration::from_millis(500);
/// Sent to the GPU in one frame, about.
const UPLOAD_BYTES: usize = 24 << 20;
/// Style passes in one frame, in passes of a band tile; a processor that stands in for a GPU takes milliseconds for each.
const STYLE_COST: usize = 4096;
const STYLE_COST_SOFTWARE: usize = 64;

/// One thing to draw, bottom first in the list given to `Canvas::show`.
#[derive(Clone)]
pub struct CanvasLayer {
    pub layer: Arc<Layer>,
    /// For `LayerSource::Labels`.
    pub labels: Option<Labels>,
    /// The part of the view it is drawn in, in shares (0..1) of the view from its top left corner; `None` = all of it.
    pub clip: Option<egui::Rect>,
}

impl CanvasLayer {
    pub fn new(layer: Arc<Layer>) -> Self {
        Self {
            layer,
            labels: None,
            clip: None,
        }
    }
}

/// What is under the pointer in one raster layer; from tiles in memory only.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelValue {
    pub layer: LayerId,
    pub col: usize,
    pub row: usize,
    /// (band from 0, stored value) of the bands in memory; `None` values are nodata.
    pub values: Vec<(usize, Option<f32>)>,
    /// Value of the derived channel on show, where it is known and not missing.
    pub derived: Option<f32>,
}

/// What the canvas did since the start and holds now, for tests and benches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CanvasCounts {
    /// Calls of `show`.
    pub frames: u64,
    pub reads: ReadCounts,
    /// Tiles brought to the GPU.
    pub uploads: u64,
    /// Tiles coloured.
    pub style_passes: u64,
    /// Tiles in memory.
    pub memory_bytes: usize,
    /// Tiles on the GPU.
    pub gpu_bytes: usize,
}

pub struct CanvasResponse {
    /// Senses click and drag; tools read it.
    pub response: egui::Response,
    /// Pointer position in map coordinates.
    pub pointer_in_map: Option<(f64, f64)>,
    /// The pointer moves the view now (pan, Space, zoom rectangle): tools must not use it.
    pub is_navigating: bool,
    /// The map changed to a coordinate system that has no place for what was in view.
    pub lost_place: bool,
}

/// Owns tiles, textures and the reader pool. Pan, zoom and scroll are handled here unless `tool_owns_primary` is set.
pub struct Canvas {
    renderer: Renderer,
    store: TileStore,
    views: HashMap<LayerId, FrameViews>,
    /// Layers as they will be shown next: their tiles are made ready after those of the view.
    ahead: Vec<CanvasLayer>,
    painter: VectorPainter,
    vectors: HashMap<LayerId, VectorInput>,
    vector_views: HashMap<LayerId, VectorView>,
    /// Last number given to a piece of the painter's work.
    work_numbers: u64,
    vector_labels: VectorLabels,
    viewport: Viewport,
    navigation: Navigation,
    map_crs: Option<Crs>,
    /// Asked for before the canvas knew its size.
    pending_rect: Option<MapRect>,
    has_size: bool,
    is_short: bool,
    /// Tiles of the view are still to be read.
    is_waiting: bool,
    /// Tiles of the view are being read in full where a sample stands for them.
    is_refining: bool,
    is_covered: bool,
    /// Since when tiles of the view are on their way.
    reading_since: Option<Instant>,
    /// The view at which the user stopped the drawing: nothing is read for it.
    stopped: Option<Viewport>,
    coarse: Vec<LayerId>,
    frame: u64,
    pace: Arc<Pace>,
    uploads: u64,
    style_passes: u64,
}

/// The adapter the window is drawn with: name, interface, kind and driver.
pub fn adapter_text(render_state: &egui_wgpu::RenderState) -> String {
    let info = render_state.adapter.get_info();
    format!(
        "{} ({:?}, {:?}; {} {})",
        info.name, info.backend, info.device_type, info.driver, info.driver_info
    )
}

/// One a core, within bounds.
fn readers() -> usize {
    std::thread::available_parallelism()
        .map_or(READERS.0, usize::from)
        .clamp(READERS.0, READERS.1)
}

impl Canvas {
    /// `wake` is called from reader threads when tiles are ready; it should ask for a repaint after that long.
    pub fn new(
        render_state: &egui_wgpu::RenderState,
        wake: Arc<dyn Fn(Duration) + Send + Sync>,
    ) -> Self {
        let renderer = Renderer::new(render_state);
        let pace = Arc::new(Pace::new(renderer.is_software()));
        let (wake_reader, pace_of_tiles) = (wake.clone(), Arc::clone(&pace));
        let tile_is_ready = Arc::new(move |is_last| wake_reader(pace_of_tiles.wait(is_last)));
        Self {
            renderer,
            store: TileStore::new(readers(), MEMORY_BYTES, tile_is_ready),
            views: HashMap::new(),
            ahead: Vec::new(),
            painter: VectorPainter::new(PAINTERS, Arc::new(move || wake(Duration::ZERO))),
            vectors: HashMap::new(),
            vector_views: HashMap::new(),
            work_numbers: 0,
            vector_labels: VectorLabels::default(),
            viewport: Viewport {
                center: (0.0, 0.0),
                units_per_point: 1.0,
                size: (1.0, 1.0),
            },
            navigation: Navigation::default(),
            map_crs: None,
            pending_rect: None,
            has_size: false,
            is_short: false,
            is_waiting: false,
            is_refining: false,
            is_covered: false,
            reading_since: None,
            stopped: None,
            coarse: Vec::new(),
            frame: 0,
            pace,
            uploads: 0,
            style_passes: 0,
        }
    }

    pub fn viewport(&self) -> &Viewport {
        &self.viewport
    }

    /// Animates nothing: the view jumps. Remembers the previous view for mouse back/forward.
    pub fn set_viewport(&mut self, viewport: Viewport) {
        if self.has_size {
            self.navigation.remember(self.viewport);
        }
        self.pending_rect = None;
        self.viewport = viewport;
    }

    /// Shapes of the vector layers that were read; the others are not drawn.
    pub fn set_vectors(&mut self, vectors: HashMap<LayerId, VectorInput>) {
        self.vectors = vectors;
    }

    pub fn zoom_to(&mut self, rect: MapRect) {
        self.set_viewport(Viewport::fitting(rect, self.viewport.size));
        if !self.has_size {
            self.pending_rect = Some(rect);
        }
    }

    /// Draws `layers` (bottom first) in `map_crs`. With `tool_owns_primary` a left drag belongs to the tool
    /// (middle drag and Space + move still pan).
    pub fn show(
        &mut self,
        ui: &mut egui::Ui,
        layers: &[CanvasLayer],
        map_crs: Option<&Crs>,
        tool_owns_primary: bool,
    ) -> CanvasResponse {
        let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Canvas, true, "Map"));
        self.viewport.size = (rect.width(), rect.height());
        if let Some(pending) = self.pending_rect.take() {
            self.viewport = Viewport::fitting(pending, self.viewport.size);
        }
        let lost_place = self.take_map_crs(map_crs);
        self.has_size = true;
        self.viewport = self
            .navigation
            .navigate(ui, &response, self.viewport, tool_owns_primary);

        self.frame += 1;
        self.pace.begin_frame();
        self.store.begin_frame();
        self.sync(layers, map_crs);
        let painter = ui.painter_at(rect);
        let meshes = self.update(layers, rect, f64::from(ui.pixels_per_point()));
        let ground = ui.visuals().extreme_bg_color;
        painter.add(self.renderer.paint(rect, ground, meshes));
        let views = layers
            .iter()
            .rev()
            .filter(|input| input.layer.visible && input.layer.opacity > 0.0)
            .filter_map(|input| self.vector_views.get(&input.layer.id));
        self.vector_labels
            .draw(&painter, rect, &self.viewport, views);
        if let Some(zoom) = self.navigation.zoom_rectangle(ui) {
            painter.rect_stroke(
                zoom,
                0.0,
                ui.visuals().selection.stroke,
                egui::StrokeKind::Inside,
            );
        }
        if self.is_short {
            ui.ctx().request_repaint();
        } else if self.is_loading() {
            // A file that hangs wakes nobody; others must not wait for it.
            ui.ctx().request_repaint_after(LOOK_AGAIN);
        }
        if let Some(wait) = self
            .views
            .values()
            .filter_map(FrameViews::looks_again_in)
            .min()
        {
            ui.ctx().request_repaint_after(wait);
        }
        let pointer_in_map = response.hover_pos().map(|pos| {
            self.viewport
                .map_from_point((pos.x - rect.min.x, pos.y - rect.min.y))
        });
        CanvasResponse {
            response,
            pointer_in_map,
            is_navigating: self.navigation.is_active,
            lost_place,
        }
    }

    /// The coordinate system of the last frame.
    pub fn map_crs(&self) -> Option<&Crs> {
        self.map_crs.as_ref()
    }

    /// On another map the view stays over the same ground. True when it cannot.
    fn take_map_crs(&mut self, map_crs: Option<&Crs>) -> bool {
        if self.map_crs.as_ref() == map_crs {
            return false;
        }
        let old = std::mem::replace(&mut self.map_crs, map_crs.cloned());
        let (Some(old), Some(new), true) = (old, map_crs, self.has_size) else {
            return false;
        };
        self.navigation.forget();
        if old.same_as(new) {
            return false;
        }
        match self.viewport.carried(&old, new) {
            Some(view) => {
                self.viewport = view;
                false
            }
            None => true,
        }
    }

    fn sync(&mut self, layers: &[CanvasLayer], map_crs: Option<&Crs>) {
        self.views
            .retain(|id, _| layers.iter().any(|input| input.layer.id == *id));
        self.sync_vectors(layers, map_crs);
        for input in layers {
            let views = self.views.entry(input.layer.id).or_default();
            views.sync(&self.renderer, input, map_crs);
        }
    }

    /// Stops reading for this view, where it takes long; another view, other layers or a redraw go on. False when there was
    /// nothing to stop.
    pub fn stop_drawing(&mut self) -> bool {
        let is_long = |since: Instant| since.elapsed() >= STOPPABLE_AFTER;
        let stops = self.reading_since.is_some_and(is_long);
        if stops {
            self.stopped = Some(self.viewport);
        }
        stops
    }

    /// Whether the user stopped the drawing of this view.
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// What is likely shown next (the next date of a series); replaces what was said before. Other layers are on show.
    pub fn prepare(&mut self, ahead: Vec<CanvasLayer>) {
        self.stopped = None;
        self.ahead = ahead;
    }

    /// Whether the layer's own picture is on the screen, not the one of the date before.
    pub fn is_settled(&self, layer: LayerId) -> bool {
        self.views
            .get(&layer)
            .is_none_or(|views| views.is_settled())
    }

    fn sync_vectors(&mut self, layers: &[CanvasLayer], map_crs: Option<&Crs>) {
        let vectors = &self.vectors;
        self.vector_views.retain(|id, _| {
            vectors.contains_key(id) && layers.iter().any(|input| input.layer.id == *id)
        });
        for input in layers {
            let layer = &input.layer;
            let Some(shapes) = self.vectors.get(&layer.id) else {
                continue;
            };
            let numbers = &mut self.work_numbers;
            let view = match self.vector_views.entry(layer.id) {
                Entry::Occupied(view) => {
                    let view = view.into_mut();
                    view.sync(layer, shapes, map_crs, numbers);
                    view
                }
                Entry::Vacant(place) => {
                    place.insert(VectorView::new(layer, shapes, map_crs, numbers))
                }
            };
            view.clip = input.clip;
        }
    }

    /// Takes what the painter made and asks it for what the view needs.
    fn update_vectors(&mut self, shown: &[LayerId], view: &PixelView, budget: &mut Budget) {
        for (key, made) in self.painter.drain() {
            let owner = self.vector_views.values_mut().find(|view| view.owns(key));
            if let Some(owner) = owner {
                let size_bytes = owner.take(key, made, &self.renderer);
                budget.upload_bytes = budget.upload_bytes.saturating_sub(size_bytes);
            }
        }
        let (mut wanted, mut ahead) = (Vec::new(), Vec::new());
        for id in shown {
            if let Some(shapes) = self.vector_views.get_mut(id) {
                shapes.update(view, &mut self.work_numbers, &mut wanted, &mut ahead);
            }
        }
        // Placing comes before pictures: without it there are none.
        wanted.sort_by_key(|task| matches!(task.key, TaskKey::Tile(..)));
        wanted.append(&mut ahead);
        self.painter.want(wanted);
    }

    fn update(
        &mut self,
        layers: &[CanvasLayer],
        rect: egui::Rect,
        pixels_per_point: f64,
    ) -> FrameMeshes {
        let style_cost = if self.renderer.is_software() {
            STYLE_COST_SOFTWARE
        } else {
            STYLE_COST
        };
        let mut budget = Budget {
            upload_bytes: UPLOAD_BYTES,
            style_cost,
            is_short: false,
            uploads: 0,
            style_passes: 0,
        };
        let mut pass = Pass {
            viewport: &self.viewport,
            pixels_per_point,
            renderer: &self.renderer,
            store: &mut self.store,
            budget: &mut budget,
            frame: self.frame,
        };
        let (mut wanted, mut finer) = (Vec::new(), Vec::new());
        let mut plans = Vec::new();
        let is_shown = |input: &&CanvasLayer| input.layer.visible && input.layer.opacity > 0.0;
        // The top layer hides the others, so its tiles come first.
        for input in layers.iter().rev().filter(is_shown) {
            let Some(view) = self.views.get_mut(&input.layer.id) else {
                continue;
            };
            if let Some((id, plan, missing)) = view.update(&mut pass) {
                wanted.push(missing.now);
                finer.push(missing.finer);
                plans.push((input.layer.id, id, plan));
            }
        }
        let (mut wanted, mut later) = (interleaved(wanted), interleaved(finer));
        if self.stopped.is_some_and(|view| view != self.viewport) {
            self.stopped = None;
        }
        let is_stopped = self.stopped.is_some();
        if is_stopped {
            wanted.clear();
            later.clear();
        }
        self.is_waiting = !wanted.is_empty();
        self.is_refining = !later.is_empty();
        self.reading_since = (self.is_waiting || self.is_refining)
            .then(|| self.reading_since.unwrap_or_else(Instant::now));
        for input in self.ahead.iter().filter(|_| !is_stopped) {
            if let Some(view) = self.views.get_mut(&input.layer.id) {
                later.extend(view.prepare(input, self.map_crs.as_ref(), &mut pass).now);
            }
        }
        self.uploads += budget.uploads;
        self.style_passes += budget.style_passes;
        self.note_drawn(&plans);
        if wanted.is_empty() && !budget.is_short && !is_stopped {
            later.extend(self.around(&plans));
        }
        self.store.want(&wanted, &later);

        // egui rounds a callback's viewport to whole pixels; positions are taken from there.
        let (left, top) = (
            (rect.min.x as f64 * pixels_per_point).round(),
            (rect.min.y as f64 * pixels_per_point).round(),
        );
        let right = (rect.max.x as f64 * pixels_per_point).round();
        let bottom = (rect.max.y as f64 * pixels_per_point).round();
        let (width, height) = ((right - left).max(1.0), (bottom - top).max(1.0));
        let viewport = self.viewport;
        let clip_from_map = |map: (f64, f64)| {
            let x = (map.0 - viewport.center.0) / viewport.units_per_point
                + f64::from(viewport.size.0) / 2.0
                + rect.min.x as f64;
            let y = -(map.1 - viewport.center.1) / viewport.units_per_point
                + f64::from(viewport.size.1) / 2.0
                + rect.min.y as f64;
            let (x, y) = (x * pixels_per_point - left, y * pixels_per_point - top);
            [
                (2.0 * x / width - 1.0) as f32,
                (1.0 - 2.0 * y / height) as f32,
            ]
        };
        let units_per_pixel = viewport.units_per_point / pixels_per_point;
        let pixels_before = |size: f32, start: f32, edge: f64| {
            (f64::from(size) / 2.0 + f64::from(start)) * pixels_per_point - edge
        };
        let pixel_view = PixelView {
            left: viewport.center.0
                - pixels_before(viewport.size.0, rect.min.x, left) * units_per_pixel,
            top: viewport.center.1
                + pixels_before(viewport.size.1, rect.min.y, top) * units_per_pixel,
            units_per_pixel,
            width,
            height,
            pixels_per_point: pixels_per_point as f32,
        };
        let shown: Vec<LayerId> = layers
            .iter()
            .rev()
            .filter(is_shown)
            .map(|input| input.layer.id)
            .collect();
        self.update_vectors(&shown, &pixel_view, &mut budget);
        let mut meshes = FrameMeshes::default();
        for id in shown.iter().rev() {
            if let Some((_, view, plan)) = plans.iter().find(|(planned, ..)| planned == id)
                && let Some(view) = self
                    .views
                    .get_mut(id)
                    .and_then(|views| views.get_mut(*view))
            {
                view.draw(plan, &mut meshes, clip_from_map);
            }
            if let Some(view) = self.vector_views.get(id) {
                view.draw(&pixel_view, &mut meshes, &clip_from_map);
            }
        }
        self.evict();
        self.is_short = budget.is_short;
        meshes
    }

    fn view(&self, layer: LayerId, view: ViewId) -> Option<&layer_view::LayerView> {
        self.views.get(&layer)?.get(view)
    }

    fn note_drawn(&mut self, plans: &[(LayerId, ViewId, Plan)]) {
        let drawn = || {
            plans
                .iter()
                .filter_map(|(layer, view, _)| Some((*layer, self.view(*layer, *view)?)))
        };
        let is_covered = !plans.is_empty() && drawn().all(|(_, view)| view.is_covered);
        let mut coarse: Vec<LayerId> = drawn()
            .filter(|(_, view)| view.is_coarse)
            .map(|(layer, _)| layer)
            .collect();
        coarse.sort_unstable();
        self.is_covered = is_covered;
        self.coarse = coarse;
    }

    /// Extent of a layer in the map CRS.
    pub fn layer_extent(&self, layer: &Layer, map_crs: Option<&Crs>) -> Option<MapRect> {
        if let Some(info) = layer.raster_info() {
            return Place::new(&info.grid, map_crs).ok()?.extent();
        }
        if let Some(view) = self.vector_views.get(&layer.id) {
            return view.extent();
        }
        let view = self.views.get(&layer.id)?.current()?;
        view.placement.as_ref().ok()?.place().extent()
    }

    /// Errors of layers that could not be read: (layer, message), newest per layer.
    pub fn layer_errors(&self) -> Vec<(LayerId, String)> {
        let mut errors: Vec<(LayerId, String)> = self
            .views
            .iter()
            .filter_map(|(id, views)| {
                let view = views.current()?;
                let message = match &view.placement {
                    Err(message) => message.as_str(),
                    Ok(_) => self.store.error(&view.info()?.path)?,
                };
                Some((*id, message.to_owned()))
            })
            .collect();
        let of_shapes = self
            .vector_views
            .iter()
            .filter_map(|(id, view)| Some((*id, view.error.clone()?)));
        errors.extend(of_shapes);
        errors.sort_unstable_by_key(|(id, _)| *id);
        errors
    }

    /// Extent of some features of a vector layer in map coordinates.
    pub fn features_extent(&self, layer: LayerId, features: &[usize]) -> Option<MapRect> {
        let placed = self.vector_views.get(&layer)?.placed()?;
        placed.extent_of(features.iter().copied())
    }

    /// True while tiles of the view are still on their way.
    pub fn is_loading(&self) -> bool {
        self.is_short || self.is_waiting || self.vector_views.values().any(|view| view.is_loading)
    }

    /// True while tiles that show a coarse sample are being read in full.
    pub fn is_refining(&self) -> bool {
        self.is_refining
    }

    /// Nothing is read, neither for the view nor ahead of it.
    pub fn is_at_rest(&self) -> bool {
        !self.is_loading() && !self.store.is_reading()
    }

    /// True once every visible layer shows something everywhere in the view, be it a coarse sample.
    pub fn is_covered(&self) -> bool {
        self.is_covered
    }

    /// Layers of which a coarse sample is drawn: files without overviews, zoomed out.
    pub fn coarse_layers(&self) -> &[LayerId] {
        &self.coarse
    }

    pub fn counts(&self) -> CanvasCounts {
        CanvasCounts {
            frames: self.frame,
            reads: self.store.counts(),
            uploads: self.uploads,
            style_passes: self.style_passes,
            memory_bytes: self.store.size_bytes(),
            gpu_bytes: self.views.values().map(FrameViews::gpu_bytes).sum(),
        }
    }

    /// Drops tiles of a file that changed on disk. What is visible stays until it was read again.
    pub fn invalidate(&mut self, path: &Path) {
        self.invalidate_window(path, None);
    }

    /// The same for one window of pixels (a job wrote it); `None` means the whole file.
    pub fn invalidate_window(&mut self, path: &Path, window: Option<Window>) {
        self.stopped = None;
        self.store.invalidate(path, window);
        for view in self.views.values_mut() {
            view.invalidate(path, window);
        }
    }
}
