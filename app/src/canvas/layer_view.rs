//! One layer on the canvas: where it lies, which tiles it shows, what they are drawn with. Keeps a tile, or a coarser or
//! finer stand-in, until its replacement is ready. Knows nothing of input or of other layers.

mod pieces;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use terroir_scene::{
    Crs, Derivation, Detail, Grid, Labels, Layer, LayerSource, MapRect, RasterInfo, ReadData,
    ReadRequest, Style, Window, is_remote, label_table, style_bands,
};

use super::CanvasLayer;
use super::Viewport;
use super::label_tiles::{LabelTiles, TileSources};
use super::placement::{Mesh, Placement};
use super::renderer::{Renderer, StyleBinding, TileData, TileTexture};
use super::tile_store::{TileStore, overlaps};
use super::tiles::{Pyramid, TileId};

/// Part of a screen pixel a reprojected tile may be off; neighbours that are off in opposite ways stay within a quarter.
const MESH_ERROR_PIXELS: f64 = 0.125;
/// Meshes remembered for a reprojected layer.
const MESHES_KEPT: usize = 4096;
/// Tiles of one layer in one view; only a view that a reprojection tears apart comes near it.
const TILES_IN_VIEW: usize = 1024;
/// So many tiles of an overview are there about as soon as one of a coarser one that shows the whole raster.
const QUICK_TILES: usize = 24;
/// Decoded bytes of a tile that may be read before anybody looks at it.
const CHEAP_TILE_BYTES: u64 = 32 << 20;

/// Work left for this frame.
pub struct Budget {
    pub upload_bytes: usize,
    /// In style passes of a band tile.
    pub style_cost: usize,
    /// Something had to wait for the next frame.
    pub is_short: bool,
    /// Done in this frame.
    pub uploads: u64,
    pub style_passes: u64,
}

/// Reads of one layer that are missing, most urgent first.
#[derive(Default)]
pub struct Wants {
    pub now: Vec<ReadRequest>,
    /// Tiles that show a coarse sample so far, in full.
    pub finer: Vec<ReadRequest>,
}

struct GpuTile {
    /// `None` for a label tile without labels.
    texture: Option<TileTexture>,
    /// What it was read with; `None` for labels.
    request: Option<ReadRequest>,
    sources: TileSources,
    is_stale: bool,
    /// Made from a sample of the blocks it covers.
    is_sampled: bool,
    bands_generation: u64,
    style_generation: u64,
    last_used: u64,
}

enum Source {
    Raster {
        info: Arc<RasterInfo>,
    },
    Labels {
        labels: Box<Labels>,
        tiles: LabelTiles,
    },
}

pub struct LayerView {
    layer: Arc<Layer>,
    clip: Option<egui::Rect>,
    map_crs: Option<Crs>,
    pub placement: Result<Placement, String>,
    pub pyramid: Pyramid,
    source: Source,
    style: Option<StyleBinding>,
    style_generation: u64,
    bands: Vec<usize>,
    derivation: Option<Arc<Derivation>>,
    are_codes: bool,
    bands_generation: u64,
    tiles: HashMap<TileId, GpuTile>,
    meshes: HashMap<TileId, Mesh>,
    /// Something drawn in the last frame was made from a sample.
    pub is_coarse: bool,
    /// Something was drawn for every tile of the view in the last frame.
    pub is_covered: bool,
}

/// The tiles of a view, nearest to its centre first, and how they are sampled.
pub struct Plan {
    pub tiles: Vec<TileId>,
    is_smooth: bool,
    tolerance: f64,
    rect: MapRect,
}

fn source_of(input: &CanvasLayer) -> Option<Source> {
    match &input.layer.source {
        LayerSource::Raster { .. } | LayerSource::Series(_) => input
            .layer
            .raster_info()
            .map(|info| Source::Raster { info: info.clone() }),
        LayerSource::Labels => input.labels.as_ref().map(|labels| Source::Labels {
            labels: Box::new(labels.clone()),
            tiles: LabelTiles::default(),
        }),
        // Shapes have views of their own.
        LayerSource::Vector(_) => None,
    }
}

fn grid_of(source: &Source) -> &Grid {
    match source {
        Source::Raster { info } => &info.grid,
        Source::Labels { labels, .. } => &labels.grid,
    }
}

fn pyramid_of(source: &Source) -> Pyramid {
    match source {
        Source::Raster { info } => Pyramid::new(info.grid.width, info.grid.height),
        Source::Labels { labels, .. } => {
            Pyramid::without_border(labels.grid.width, labels.grid.height)
        }
    }
}

impl LayerView {
    /// `None` while the layer has nothing to draw (a missing file, no labels).
    pub fn new(renderer: &Renderer, input: &CanvasLayer, map_crs: Option<&Crs>) -> Option<Self> {
        let source = source_of(input)?;
        let mut view = Self {
            placement: Placement::new(grid_of(&source), map_crs).map_err(|error| error.to_string()),
            pyramid: pyramid_of(&source),
            layer: input.layer.clone(),
            clip: input.clip,
            map_crs: map_crs.cloned(),
            source,
            style: None,
            style_generation: 0,
            bands: Vec::new(),
            derivation: None,
            are_codes: false,
            bands_generation: 0,
            tiles: HashMap::new(),
            meshes: HashMap::new(),
            is_coarse: false,
            is_covered: false,
        };
        view.set_style(renderer);
        Some(view)
    }

    /// Takes over what changed since the last frame; false when the view has to be made anew (another raster).
    pub fn sync(
        &mut self,
        renderer: &Renderer,
        input: &CanvasLayer,
        map_crs: Option<&Crs>,
    ) -> bool {
        match (&mut self.source, input.layer.raster_info(), &input.labels) {
            (Source::Raster { info: old }, Some(new), _) => {
                if !Arc::ptr_eq(old, new) {
                    if old.path != new.path
                        || old.grid != new.grid
                        || old.bands.len() != new.bands.len()
                    {
                        return false;
                    }
                    *old = new.clone();
                }
                if !Arc::ptr_eq(&self.layer, &input.layer) {
                    let is_new_style = self.layer.style != input.layer.style
                        || self.layer.missing_color != input.layer.missing_color;
                    self.layer = input.layer.clone();
                    if is_new_style {
                        self.set_style(renderer);
                    }
                }
            }
            (Source::Labels { labels: old, .. }, None, Some(new)) => {
                if old.grid.width != new.grid.width
                    || old.grid.height != new.grid.height
                    || old.grid.georef != new.grid.georef
                {
                    return false;
                }
                let new_colors = !Arc::ptr_eq(&old.classes, &new.classes);
                **old = new.clone();
                self.layer = input.layer.clone();
                if new_colors {
                    self.set_style(renderer);
                }
            }
            _ => return false,
        }
        self.clip = input.clip;
        if self.map_crs.as_ref() != map_crs {
            self.map_crs = map_crs.cloned();
            self.placement =
                Placement::new(grid_of(&self.source), map_crs).map_err(|error| error.to_string());
            self.meshes.clear();
        }
        true
    }

    fn set_style(&mut self, renderer: &Renderer) {
        self.style_generation += 1;
        match &self.source {
            Source::Raster { .. } => {
                let bands = self
                    .layer
                    .style
                    .as_ref()
                    .map(style_bands)
                    .unwrap_or_default();
                let derivation = self.layer.style.as_ref().and_then(Style::derivation);
                let are_codes = matches!(self.layer.style, Some(Style::Palette { .. }));
                if bands != self.bands
                    || derivation != self.derivation.as_deref()
                    || are_codes != self.are_codes
                {
                    self.derivation = derivation.cloned().map(Arc::new);
                    self.are_codes = are_codes;
                    self.bands = bands;
                    self.bands_generation += 1;
                }
                self.style = self
                    .layer
                    .style
                    .as_ref()
                    .map(|style| style.shading().with_missing(self.layer.missing_color))
                    .map(|shading| renderer.style(&shading));
            }
            Source::Labels { labels, .. } => {
                self.style = Some(renderer.label_style(&label_table(&labels.classes)))
            }
        }
    }

    pub fn info(&self) -> Option<&Arc<RasterInfo>> {
        match &self.source {
            Source::Raster { info } => Some(info),
            Source::Labels { .. } => None,
        }
    }

    /// The channel worked out from the bands, where the style shows one.
    pub fn derivation(&self) -> Option<&Derivation> {
        self.derivation.as_deref()
    }

    pub fn is_field_style(&self) -> bool {
        self.layer.style.as_ref().is_some_and(Style::is_field)
    }

    /// The read behind a tile; `None` for labels and for layers without a style.
    pub fn request(&self, tile: TileId) -> Option<ReadRequest> {
        let info = self.info()?;
        self.layer.style.as_ref()?;
        let read = self.pyramid.read(tile);
        Some(ReadRequest {
            path: info.path.clone(),
            bands: self.bands.clone(),
            derivation: self.derivation.clone(),
            are_codes: self.are_codes,
            window: read.window,
            out_width: read.out_width,
            out_height: read.out_height,
            mask: self.layer.hiding_mask().cloned(),
            detail: Detail::Full,
        })
    }

    /// The read that shows something soon, where the whole one would take too long.
    fn first_look(&self, full: &ReadRequest) -> Option<ReadRequest> {
        let coarse = ReadRequest {
            detail: Detail::Coarse,
            ..full.clone()
        };
        self.is_sampled(&coarse).then_some(coarse)
    }

    fn is_sampled(&self, request: &ReadRequest) -> bool {
        self.info()
            .and_then(|info| request.block_plan(info))
            .is_some_and(|plan| plan.is_sampled())
    }

    /// Reads of tiles around the view and one level above it, nearest first: what the hand will ask for next.
    /// Only what is cheap to read.
    pub fn around(&self, plan: &Plan) -> Vec<ReadRequest> {
        let Some(info) = self.info() else {
            return Vec::new();
        };
        let mut known: HashSet<TileId> = plan.tiles.iter().copied().collect();
        let mut found = Vec::new();
        for tile in &plan.tiles {
            let beside = (-1..=1).flat_map(|down| (-1..=1).map(move |right| (right, down)));
            let beside = beside.filter_map(|(right, down)| {
                Some(TileId {
                    level: tile.level,
                    col: tile.col.checked_add_signed(right)?,
                    row: tile.row.checked_add_signed(down)?,
                })
            });
            found.extend(beside.filter(|near| self.pyramid.contains(*near) && known.insert(*near)));
        }
        let is_above = |tile: &&TileId| tile.level < self.pyramid.top_level();
        for tile in plan.tiles.iter().filter(is_above) {
            let parent = tile.parent();
            if known.insert(parent) {
                found.push(parent);
            }
        }
        found
            .into_iter()
            .filter_map(|tile| self.request(tile))
            .filter(|request| request.decoded_bytes(info) <= CHEAP_TILE_BYTES)
            .collect()
    }

    fn mesh(&mut self, tile: TileId, tolerance: f64) -> Option<&Mesh> {
        let placement = self.placement.as_ref().ok()?;
        if self.meshes.len() > MESHES_KEPT {
            self.meshes.clear();
        }
        let is_good = self
            .meshes
            .get(&tile)
            .is_some_and(|mesh| mesh.is_enough_for(tolerance));
        if !is_good {
            self.meshes
                .insert(tile, placement.mesh(self.pyramid.pixels(tile), tolerance));
        }
        self.meshes.get(&tile)
    }

    /// Which tiles the view needs.
    pub fn plan(&mut self, view: &Viewport, pixels_per_point: f64) -> Plan {
        let units_per_pixel = view.units_per_point / pixels_per_point;
        let tolerance = MESH_ERROR_PIXELS * units_per_pixel;
        let mut plan = Plan {
            tiles: Vec::new(),
            is_smooth: false,
            tolerance,
            rect: view.rect(),
        };
        if self.pyramid.width == 0 || self.pyramid.height == 0 {
            return plan;
        }
        let Ok(placement) = &self.placement else {
            return plan;
        };
        let is_affine = placement.place().is_affine();
        let Some(pixel_size) = placement.place().pixel_size_near(view.center) else {
            return plan;
        };
        let scale = units_per_pixel / pixel_size;
        let is_categorical = match &self.source {
            Source::Labels { .. } => true,
            Source::Raster { .. } => self.layer.style.as_ref().is_some_and(Style::is_categorical),
        };
        // Past 1:1 the pixels stay visible as squares.
        plan.is_smooth = !is_categorical && scale > 1.0;
        let level = self.pyramid.level_for(scale);
        let rect = plan.rect;
        let pyramid = self.pyramid;
        let tiles = pyramid.tiles_wanted(TILES_IN_VIEW, |tile| {
            let mesh = self.mesh(tile, tolerance)?;
            if !mesh.touches(&rect) {
                return None;
            }
            if is_affine {
                return Some(level);
            }
            // A bent raster may be near in one corner of the view and far in another.
            let pixels = pyramid.pixels(tile);
            let count = (pixels.right - pixels.left) * (pixels.bottom - pixels.top);
            Some(
                mesh.pixel_size(&rect, count as f64)
                    .map_or(level, |size| pyramid.level_for(units_per_pixel / size)),
            )
        });
        let distance = |tile: TileId| {
            let mesh = self.meshes.get(&tile)?;
            Some((mesh.distance(view.center), tile))
        };
        let mut found: Vec<(f64, TileId)> = tiles.into_iter().filter_map(distance).collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        plan.tiles = found.into_iter().map(|(_, tile)| tile).collect();
        plan
    }

    /// Brings tiles that are in memory to the GPU, styles what needs it, and lists the reads that are missing.
    pub fn update(
        &mut self,
        plan: &Plan,
        renderer: &Renderer,
        store: &mut TileStore,
        budget: &mut Budget,
        frame: u64,
    ) -> Wants {
        let mut wanted = Wants::default();
        if self.style.is_none() {
            return wanted;
        }
        let mut to_style = Vec::new();
        match &self.source {
            Source::Labels { .. } => {
                self.update_labels(plan, renderer, budget, frame, &mut to_style)
            }
            Source::Raster { .. } => {
                let top = self.pyramid.top();
                // The whole raster as one tile, shown until better ones arrive, unless those come as soon.
                let is_ahead =
                    !plan.tiles.is_empty() && !plan.tiles.contains(&top) && !self.is_quick(plan);
                for tile in is_ahead
                    .then_some(top)
                    .into_iter()
                    .chain(plan.tiles.iter().copied())
                {
                    self.update_raster_tile(
                        tile,
                        is_ahead && tile == top,
                        renderer,
                        store,
                        budget,
                        frame,
                        &mut wanted,
                        &mut to_style,
                    );
                }
            }
        }
        let (style_generation, bands_generation) = (self.style_generation, self.bands_generation);
        let cost = self.style_cost();
        let mut is_coarse = false;
        for tile in self
            .pieces(plan)
            .iter()
            .map(|piece| piece.texture)
            .chain(plan.tiles.iter().copied())
        {
            let Some(gpu) = self.tiles.get_mut(&tile) else {
                continue;
            };
            gpu.last_used = frame;
            is_coarse |= gpu.is_sampled;
            if gpu.style_generation == style_generation
                || gpu.bands_generation != bands_generation
                || gpu.texture.is_none()
            {
                continue;
            }
            if budget.style_cost == 0 {
                budget.is_short = true;
                continue;
            }
            budget.style_cost = budget.style_cost.saturating_sub(cost);
            gpu.style_generation = style_generation;
            to_style.push(tile);
        }
        self.is_coarse = is_coarse;
        self.is_covered = plan.tiles.iter().all(|tile| self.has_piece(*tile));
        budget.style_passes += to_style.len() as u64;
        if let (Some(style), false) = (&self.style, to_style.is_empty()) {
            let textures = to_style
                .iter()
                .filter_map(|tile| self.tiles.get(tile)?.texture.as_ref());
            renderer.run_style_passes(textures.map(|texture| (style, texture)));
        }
        wanted
    }

    /// Whether every tile of the view shows what is asked for now; tiles that cannot be read are not waited for.
    pub fn is_whole(&self, plan: &Plan, store: &TileStore) -> bool {
        self.style.is_none()
            || plan.tiles.iter().all(|tile| {
                let is_ready = |gpu: &GpuTile| {
                    let full = self.request(*tile);
                    let first_look = full.as_ref().and_then(|full| self.first_look(full));
                    !gpu.is_stale
                        && (gpu.request == full
                            || first_look.is_some_and(|r| gpu.request == Some(r)))
                        && gpu.style_generation == self.style_generation
                };
                self.tiles.get(tile).is_some_and(is_ready)
                    || self
                        .request(*tile)
                        .is_some_and(|request| store.has_failed(&request))
            })
    }

    /// A few tiles of an overview at hand.
    fn is_quick(&self, plan: &Plan) -> bool {
        let first = self.bands.first().copied().unwrap_or(0);
        plan.tiles.len() <= QUICK_TILES
            && self.info().is_some_and(|info| {
                let band = info.bands.get(first);
                band.is_some_and(|band| !band.overviews.is_empty()) && !is_remote(&info.path)
            })
    }

    /// Whether the whole raster is there at least coarsely.
    pub fn has_top(&self) -> bool {
        self.tiles.contains_key(&self.pyramid.top())
    }

    fn style_cost(&self) -> usize {
        if self.is_field_style() { 8 } else { 1 }
    }

    #[expect(clippy::too_many_arguments, reason = "one step of a frame's work")]
    fn update_raster_tile(
        &mut self,
        tile: TileId,
        // Not in the view: shown until better tiles arrive.
        is_ahead: bool,
        renderer: &Renderer,
        store: &mut TileStore,
        budget: &mut Budget,
        frame: u64,
        wanted: &mut Wants,
        to_style: &mut Vec<TileId>,
    ) {
        let Some(full) = self.request(tile) else {
            return;
        };
        let coarse = self.first_look(&full);
        let shown = self.tiles.get_mut(&tile).and_then(|gpu| {
            gpu.last_used = frame;
            gpu.request.clone().filter(|_| !gpu.is_stale)
        });
        if shown.as_ref() == Some(&full) {
            return;
        }
        let is_coarse_shown = coarse.is_some() && shown == coarse;
        let needs_full = coarse.is_none() || !is_ahead;
        if needs_full && let Some(data) = store.get(&full) {
            self.upload(tile, full, &data, renderer, budget, frame, to_style);
            return;
        }
        match coarse {
            None if !store.has_failed(&full) => wanted.now.push(full),
            None => {}
            Some(coarse) => {
                if !is_coarse_shown {
                    match store.get(&coarse) {
                        Some(data) => {
                            self.upload(tile, coarse, &data, renderer, budget, frame, to_style);
                        }
                        None if !store.has_failed(&coarse) => {
                            wanted.now.push(coarse);
                            return;
                        }
                        None => return,
                    }
                }
                if needs_full && !store.has_failed(&full) {
                    wanted.finer.push(full);
                }
            }
        }
    }

    fn upload(
        &mut self,
        tile: TileId,
        request: ReadRequest,
        data: &ReadData,
        renderer: &Renderer,
        budget: &mut Budget,
        frame: u64,
        to_style: &mut Vec<TileId>,
    ) {
        if budget.style_cost == 0 || budget.upload_bytes == 0 {
            budget.is_short = true;
            return;
        }
        let (width, height) = (request.out_width, request.out_height);
        let origin = [request.window.col, request.window.row].map(|start| start >> tile.level);
        let (texture, size_bytes) = match data {
            ReadData::Planes(planes) => {
                let data = TileData::Planes {
                    planes,
                    width,
                    height,
                };
                let size_bytes = planes.iter().map(|plane| plane.size_bytes()).sum();
                (renderer.upload(&data, origin), size_bytes)
            }
            ReadData::Codes(codes) => {
                let data = TileData::Codes {
                    codes,
                    width,
                    height,
                };
                (renderer.upload(&data, origin), codes.len())
            }
        };
        budget.uploads += 1;
        budget.upload_bytes = budget.upload_bytes.saturating_sub(size_bytes);
        budget.style_cost = budget.style_cost.saturating_sub(self.style_cost());
        let is_sampled = self.is_sampled(&request);
        self.put(tile, texture, Some(request), TileSources::default(), frame);
        if let Some(gpu) = self.tiles.get_mut(&tile) {
            gpu.is_sampled = is_sampled;
        }
        to_style.push(tile);
    }

    fn update_labels(
        &mut self,
        plan: &Plan,
        renderer: &Renderer,
        budget: &mut Budget,
        frame: u64,
        to_style: &mut Vec<TileId>,
    ) {
        let Source::Labels { labels, tiles } = &mut self.source else {
            return;
        };
        let mut made = Vec::new();
        for tile in &plan.tiles {
            let before = self.tiles.get(tile).map(|gpu| &gpu.sources);
            if budget.upload_bytes == 0 {
                budget.is_short = true;
                break;
            }
            if let Some(ids) = tiles.assemble(labels, &self.pyramid, *tile, before) {
                budget.upload_bytes = budget.upload_bytes.saturating_sub(ids.ids.len().max(1));
                made.push((*tile, ids));
            }
        }
        for (tile, ids) in made {
            let data = TileData::Ids {
                ids: &ids.ids,
                width: ids.width,
                height: ids.height,
            };
            // Label tiles have no border, so all of them begin with a whole pattern.
            let texture = renderer.upload(&data, [0; 2]);
            if texture.is_some() {
                to_style.push(tile);
            }
            self.put(tile, texture, None, ids.sources, frame);
        }
    }

    fn put(
        &mut self,
        tile: TileId,
        texture: Option<TileTexture>,
        request: Option<ReadRequest>,
        sources: TileSources,
        frame: u64,
    ) {
        let gpu = GpuTile {
            texture,
            request,
            sources,
            is_stale: false,
            is_sampled: false,
            bands_generation: self.bands_generation,
            style_generation: self.style_generation,
            last_used: frame,
        };
        self.tiles.insert(tile, gpu);
    }

    /// Marks tiles of a changed file; they stay visible until they were read again.
    pub fn invalidate(&mut self, path: &Path, window: Option<Window>) {
        if self.info().is_none_or(|info| info.path != path) {
            return;
        }
        for gpu in self.tiles.values_mut() {
            let is_hit = gpu
                .request
                .as_ref()
                .is_none_or(|request| window.is_none_or(|w| overlaps(&request.window, &w)));
            gpu.is_stale |= is_hit;
        }
    }

    pub fn gpu_bytes(&self) -> usize {
        self.tiles
            .values()
            .filter_map(|gpu| gpu.texture.as_ref())
            .map(|texture| texture.size_bytes)
            .sum()
    }

    /// Tiles not drawn in this frame with the frame they were last used in.
    pub fn idle_tiles(&self, frame: u64) -> impl Iterator<Item = (u64, TileId, usize)> + '_ {
        self.tiles
            .iter()
            .filter(move |(_, gpu)| gpu.last_used < frame)
            .map(|(tile, gpu)| {
                (
                    gpu.last_used,
                    *tile,
                    gpu.texture.as_ref().map_or(0, |texture| texture.size_bytes),
                )
            })
    }

    pub fn drop_tile(&mut self, tile: TileId) {
        self.tiles.remove(&tile);
    }
}
