//! A vector layer on the canvas: placed once for a map, drawn by the painter's threads as tiles of the view at its scale, and
//! shown as textures. While the scale changes the last picture is stretched. Knows nothing of input or of other layers.

use std::collections::HashMap;
use std::sync::Arc;

use terroir_scene::{
    Blend, Crs, Layer, LayerSource, MapRect, PictureFrame, PlacedVectors, Reprojection,
    VectorLayer, VectorLook, VectorStyle,
};

use super::renderer::{FrameMeshes, MeshLook, PictureTexture, Renderer, Vertex};
use super::vector_painter::{Made, Task, TaskKey, TilePlace, Work};

use crate::language::t;

/// Side of a tile in pixels; one more pixel all around is drawn for smooth edges.
const TILE: i64 = 512;
const BORDER: i64 = 1;
/// Scales that differ by less are one.
const SAME_SCALE: f64 = 1e-9;
/// Tiles further outside the view than this are dropped.
const KEPT_AROUND: i64 = 2;

/// A vector layer's shapes and what is chosen among them.
#[derive(Clone)]
pub struct VectorInput {
    pub data: Arc<VectorLayer>,
    /// Features drawn as chosen ones.
    pub chosen: Arc<[usize]>,
}

/// The view in whole pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelView {
    /// Map coordinates of the upper left corner of the first pixel.
    pub left: f64,
    pub top: f64,
    pub units_per_pixel: f64,
    pub width: f64,
    pub height: f64,
    pub pixels_per_point: f32,
}

/// What a picture is made of; another one needs new tiles.
#[derive(Clone)]
struct Content {
    placed: Arc<PlacedVectors>,
    look: Arc<VectorLook>,
    chosen: Option<Arc<[usize]>>,
}

impl Content {
    fn same_as(&self, other: &Self) -> bool {
        let same_chosen = match (&self.chosen, &other.chosen) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        same_chosen
            && Arc::ptr_eq(&self.placed, &other.placed)
            && Arc::ptr_eq(&self.look, &other.look)
    }
}

/// A picture of the map at one scale, in tiles made as they come into view.
struct Picture {
    number: u64,
    content: Content,
    /// Upper left corner of tile (0, 0).
    left: f64,
    top: f64,
    units_per_pixel: f64,
    pixels_per_point: f32,
    /// `None` = nothing is drawn there.
    tiles: HashMap<TilePlace, Option<PictureTexture>>,
}

impl Picture {
    fn fits(&self, content: &Content, view: &PixelView) -> bool {
        let scale = self.units_per_pixel / view.units_per_pixel;
        (scale - 1.0).abs() < SAME_SCALE
            && self.pixels_per_point == view.pixels_per_point
            && self.content.same_as(content)
    }

    /// Tiles the view needs, `around` more on each side: first and one past the last column and row.
    fn range(&self, view: &PixelView, around: i64) -> (TilePlace, TilePlace) {
        let tile = TILE as f64 * self.units_per_pixel;
        let place = |from_left: f64, from_top: f64| {
            // Pictures far away from the view have no tiles in it; the cast saturates.
            ((from_left / tile), (from_top / tile))
        };
        let (left, top) = place(view.left - self.left, self.top - view.top);
        let (right, bottom) = place(
            view.left + view.width * view.units_per_pixel - self.left,
            self.top - view.top + view.height * view.units_per_pixel,
        );
        (
            (left.floor() as i64 - around, top.floor() as i64 - around),
            (right.ceil() as i64 + around, bottom.ceil() as i64 + around),
        )
    }

    fn missing(&self, view: &PixelView, around: i64) -> Vec<TilePlace> {
        let (start, end) = self.range(view, around);
        let (middle_col, middle_row) = (
            (start.0 + end.0 - 1) as f64 / 2.0,
            (start.1 + end.1 - 1) as f64 / 2.0,
        );
        let mut missing: Vec<TilePlace> = (start.1..end.1)
            .flat_map(|row| (start.0..end.0).map(move |col| (col, row)))
            .filter(|place| !self.tiles.contains_key(place))
            .collect();
        missing.sort_by(|a, b| {
            let off = |p: &TilePlace| (p.0 as f64 - middle_col).hypot(p.1 as f64 - middle_row);
            off(a).total_cmp(&off(b))
        });
        missing
    }

    fn task(&self, place: TilePlace) -> Task {
        let side = (TILE + 2 * BORDER) as u32;
        Task {
            key: TaskKey::Tile(self.number, place),
            work: Work::Tile {
                placed: self.content.placed.clone(),
                look: self.content.look.clone(),
                frame: PictureFrame {
                    left: self.left + (place.0 * TILE - BORDER) as f64 * self.units_per_pixel,
                    top: self.top - (place.1 * TILE - BORDER) as f64 * self.units_per_pixel,
                    units_per_pixel: self.units_per_pixel,
                    width: side,
                    height: side,
                    pixels_per_point: self.pixels_per_point,
                },
                chosen: self.content.chosen.clone(),
            },
        }
    }

    fn drop_far_tiles(&mut self, view: &PixelView) {
        let (start, end) = self.range(view, KEPT_AROUND);
        self.tiles.retain(|(col, row), _| {
            (start.0..end.0).contains(col) && (start.1..end.1).contains(row)
        });
    }

    fn draw(
        &self,
        view: &PixelView,
        opacity: f32,
        look: MeshLook,
        meshes: &mut FrameMeshes,
        clip_from_map: &impl Fn((f64, f64)) -> [f32; 2],
    ) {
        let tile = TILE as f64 * self.units_per_pixel;
        // Pixel on pixel where the picture was made for this scale and lies on whole pixels.
        let offset = (view.left - self.left) / view.units_per_pixel;
        let down = (self.top - view.top) / view.units_per_pixel;
        let is_whole = |value: f64| (value - value.round()).abs() < 0.02;
        let is_exact = (self.units_per_pixel / view.units_per_pixel - 1.0).abs() < SAME_SCALE
            && is_whole(offset)
            && is_whole(down);
        let (start, end) = self.range(view, 0);
        let inner = |at: i64| at as f32 / (TILE + 2 * BORDER) as f32;
        let (near, far) = (inner(BORDER), inner(BORDER + TILE));
        for ((col, row), texture) in &self.tiles {
            let Some(texture) = texture else { continue };
            if !(start.0..end.0).contains(col) || !(start.1..end.1).contains(row) {
                continue;
            }
            let (left, top) = (
                self.left + *col as f64 * tile,
                self.top - *row as f64 * tile,
            );
            let corner = |x: f64, y: f64, uv: [f32; 2]| Vertex {
                position: clip_from_map((x, y)),
                uv,
                opacity,
            };
            let (a, b, c, d) = (
                corner(left, top, [near, near]),
                corner(left + tile, top, [far, near]),
                corner(left, top - tile, [near, far]),
                corner(left + tile, top - tile, [far, far]),
            );
            let look = MeshLook {
                is_smooth: !is_exact,
                ..look
            };
            meshes.add_picture(texture, look, [a, b, c, c, b, d]);
        }
    }
}

/// The picture on show and the one that will take its place once its tiles in view are there.
#[derive(Default)]
struct Pictures {
    shown: Option<Picture>,
    next: Option<Picture>,
}

impl Pictures {
    /// Lists missing tiles, those of the view first, then those around it.
    fn update(
        &mut self,
        content: &Content,
        view: &PixelView,
        numbers: &mut u64,
        wanted: &mut Vec<Task>,
        ahead: &mut Vec<Task>,
    ) {
        if self.shown.as_ref().is_some_and(|p| p.fits(content, view)) {
            self.next = None;
        } else if self.next.as_ref().is_none_or(|p| !p.fits(content, view)) {
            *numbers += 1;
            self.next = Some(Picture {
                number: *numbers,
                content: content.clone(),
                left: view.left,
                top: view.top,
                units_per_pixel: view.units_per_pixel,
                pixels_per_point: view.pixels_per_point,
                tiles: HashMap::new(),
            });
        }
        if self
            .next
            .as_ref()
            .is_some_and(|next| self.shown.is_none() || next.missing(view, 0).is_empty())
        {
            self.shown = self.next.take();
        }
        let current = self.next.as_mut().or(self.shown.as_mut());
        if let Some(picture) = current {
            picture.drop_far_tiles(view);
            let missing = picture.missing(view, 0);
            if missing.is_empty() {
                ahead.extend(
                    picture
                        .missing(view, 1)
                        .into_iter()
                        .map(|p| picture.task(p)),
                );
            }
            wanted.extend(missing.into_iter().map(|place| picture.task(place)));
        }
    }

    fn take(&mut self, number: u64, place: TilePlace, texture: Option<PictureTexture>) {
        for picture in [&mut self.shown, &mut self.next].into_iter().flatten() {
            if picture.number == number {
                picture.tiles.insert(place, texture);
                return;
            }
        }
    }

    fn owns(&self, number: u64) -> bool {
        [&self.shown, &self.next]
            .into_iter()
            .flatten()
            .any(|picture| picture.number == number)
    }

    fn gpu_bytes(&self) -> usize {
        [&self.shown, &self.next]
            .into_iter()
            .flatten()
            .flat_map(|picture| picture.tiles.values().flatten())
            .map(|texture| texture.size_bytes)
            .sum()
    }
}

pub struct VectorView {
    layer: Arc<Layer>,
    input: VectorInput,
    map_crs: Option<Crs>,
    placed: Option<Arc<PlacedVectors>>,
    /// Number of the placing that is wanted or done.
    place_number: u64,
    look: Option<Arc<VectorLook>>,
    look_number: u64,
    shapes: Pictures,
    chosen: Pictures,
    /// The part of the view it is drawn in, as in `CanvasLayer`.
    pub clip: Option<egui::Rect>,
    /// Why the shapes cannot be shown.
    pub error: Option<String>,
    pub is_loading: bool,
}

fn style_of(layer: &Layer) -> Option<&VectorStyle> {
    match &layer.source {
        LayerSource::Vector(source) => Some(&source.style),
        _ => None,
    }
}

impl VectorView {
    pub fn new(
        layer: &Arc<Layer>,
        input: &VectorInput,
        map_crs: Option<&Crs>,
        numbers: &mut u64,
    ) -> Self {
        *numbers += 2;
        Self {
            layer: layer.clone(),
            input: input.clone(),
            map_crs: map_crs.cloned(),
            clip: None,
            placed: None,
            place_number: *numbers - 1,
            look: None,
            look_number: *numbers,
            shapes: Pictures::default(),
            chosen: Pictures::default(),
            error: None,
            is_loading: true,
        }
    }

    /// Takes over what changed; what is on show stays until its successor is ready.
    pub fn sync(
        &mut self,
        layer: &Arc<Layer>,
        input: &VectorInput,
        map_crs: Option<&Crs>,
        numbers: &mut u64,
    ) {
        let is_new_data = !Arc::ptr_eq(&self.input.data, &input.data);
        if is_new_data || self.map_crs.as_ref() != map_crs {
            *numbers += 1;
            self.place_number = *numbers;
            if self.map_crs.as_ref() != map_crs {
                // Elsewhere on the map: nothing of it would be right.
                self.shapes = Pictures::default();
                self.chosen = Pictures::default();
            }
            self.map_crs = map_crs.cloned();
            self.placed = None;
            self.error = None;
        }
        if !Arc::ptr_eq(&self.layer, layer) {
            if style_of(&self.layer) != style_of(layer) {
                *numbers += 1;
                self.look_number = *numbers;
            }
            self.layer = layer.clone();
        }
        if is_new_data {
            *numbers += 1;
            self.look_number = *numbers;
            self.look = None;
        }
        if is_new_data || !Arc::ptr_eq(&self.input.chosen, &input.chosen) {
            self.input = input.clone();
        }
    }

    /// Whether a piece of work was made for this layer.
    pub fn owns(&self, key: TaskKey) -> bool {
        match key {
            TaskKey::Place(number) => number == self.place_number,
            TaskKey::Look(number) => number == self.look_number,
            TaskKey::Tile(number, _) => self.shapes.owns(number) || self.chosen.owns(number),
        }
    }

    /// Takes what the painter made; returns bytes sent to the GPU.
    pub fn take(&mut self, key: TaskKey, made: Made, renderer: &Renderer) -> usize {
        match (key, made) {
            (TaskKey::Place(_), Made::Placed(Ok(placed))) => {
                if placed.unplaced > 0 && placed.extent().is_none() {
                    self.error = Some(t!("news-no-place-in-crs", name = &self.layer.name));
                }
                self.placed = Some(placed);
            }
            (TaskKey::Place(_), Made::Placed(Err(error))) => self.error = Some(error.to_string()),
            (TaskKey::Look(_), Made::Look(look)) => self.look = Some(look),
            (TaskKey::Tile(number, place), Made::Tile(rgba)) => {
                let side = (TILE + 2 * BORDER) as usize;
                let texture = rgba.and_then(|rgba| renderer.upload_picture(&rgba, side, side));
                let size_bytes = texture.as_ref().map_or(0, |texture| texture.size_bytes);
                if self.shapes.owns(number) {
                    self.shapes.take(number, place, texture);
                } else {
                    self.chosen.take(number, place, texture);
                }
                return size_bytes;
            }
            _ => {}
        }
        0
    }

    /// Lists the work the view needs: what is in it first, then what lies around it.
    pub fn update(
        &mut self,
        view: &PixelView,
        numbers: &mut u64,
        wanted: &mut Vec<Task>,
        ahead: &mut Vec<Task>,
    ) {
        let before = wanted.len();
        if self.error.is_some() {
            self.is_loading = false;
            return;
        }
        let style = style_of(&self.layer);
        let is_right = |look: &VectorLook| Some(&look.style) == style;
        if !self.look.as_deref().is_some_and(is_right)
            && let Some(style) = style
        {
            wanted.push(Task {
                key: TaskKey::Look(self.look_number),
                work: Work::Look {
                    layer: self.input.data.clone(),
                    style: style.clone(),
                },
            });
        }
        match (&self.placed, &self.look) {
            (None, _) => wanted.push(Task {
                key: TaskKey::Place(self.place_number),
                work: Work::Place {
                    layer: self.input.data.clone(),
                    map_crs: self.map_crs.clone(),
                },
            }),
            (Some(placed), Some(look)) => {
                let content = Content {
                    placed: placed.clone(),
                    look: look.clone(),
                    chosen: None,
                };
                self.shapes.update(&content, view, numbers, wanted, ahead);
                if self.input.chosen.is_empty() {
                    self.chosen = Pictures::default();
                } else {
                    let content = Content {
                        chosen: Some(self.input.chosen.clone()),
                        ..content
                    };
                    self.chosen.update(&content, view, numbers, wanted, ahead);
                }
            }
            _ => {}
        }
        self.is_loading = wanted.len() > before;
    }

    pub fn draw(
        &self,
        view: &PixelView,
        meshes: &mut FrameMeshes,
        clip_from_map: &impl Fn((f64, f64)) -> [f32; 2],
    ) {
        let opacity = self.layer.opacity.clamp(0.0, 1.0);
        let look = MeshLook {
            is_smooth: true,
            blend: self.layer.blend,
            clip: self.clip,
        };
        if let Some(picture) = &self.shapes.shown {
            picture.draw(view, opacity, look, meshes, clip_from_map);
        }
        if let Some(picture) = &self.chosen.shown {
            let look = MeshLook {
                blend: Blend::Normal,
                ..look
            };
            picture.draw(view, 1.0, look, meshes, clip_from_map);
        }
    }

    pub fn placed(&self) -> Option<&Arc<PlacedVectors>> {
        self.placed.as_ref()
    }

    pub fn look(&self) -> Option<&Arc<VectorLook>> {
        self.look.as_ref()
    }

    pub fn data(&self) -> &Arc<VectorLayer> {
        &self.input.data
    }

    /// In map coordinates; from the rectangle alone until the shapes are placed.
    pub fn extent(&self) -> Option<MapRect> {
        if let Some(placed) = &self.placed {
            return placed.extent();
        }
        let extent = self.input.data.extent()?;
        match (&self.input.data.crs, &self.map_crs) {
            (Some(from), Some(to)) if !from.same_as(to) => {
                Reprojection::new(from, to).ok()?.rect(extent)
            }
            _ => Some(extent),
        }
    }

    pub fn gpu_bytes(&self) -> usize {
        self.shapes.gpu_bytes() + self.chosen.gpu_bytes()
    }
}
