//! The visible layers of a document over each other as one picture, drawn on the CPU with the shaders' twins: what
//! `terroir render` makes of a project. Knows layers and how they join; knows nothing of windows, and draws no live map.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::still::{NO_SYSTEM, Part, Placed, StillFrame};
use crate::{
    Blend, Crs, Document, Grid, LABEL_BLOCK, LabelBlock, Labels, Layer, LayerSource, MapRect,
    PictureFrame, PlacedVectors, Raster, SceneError, SceneResult, Shown, Still, Style, VectorLayer,
    VectorLook, VectorSource, VectorStyle, Window, default_style_blocking, draw_vectors,
    label_colors, label_table, place_vectors_blocking, read_vector_blocking,
};

/// Places along each side of a picture that are asked for the pixels below them.
const LOOKS: usize = 32;

/// What of a document is drawn, and how large.
#[derive(Clone, Copy, Debug)]
pub struct ViewOrder<'a> {
    /// Coordinate reference system of the picture; the document's without one.
    pub map_crs: Option<&'a Crs>,
    /// Part of the map, in that system; all that is visible without one.
    pub bounds: Option<MapRect>,
    /// Pixels, at most.
    pub max_width: usize,
    pub max_height: usize,
    /// Pixels may be finer than those of the finest layer, which then show as squares; shapes are drawn the finer.
    pub may_enlarge: bool,
}

/// A picture of layers, and of those that are not in it why.
pub struct ViewStill {
    pub still: Still,
    /// What the picture covers, also where nothing places it on the ground.
    pub extent: MapRect,
    pub left_out: Vec<String>,
}

/// A visible layer, read as far as its place is known.
struct Ready<'a> {
    layer: &'a Layer,
    extent: Option<MapRect>,
    /// Map units of a pixel of it.
    finest: Option<f64>,
    content: Content<'a>,
}

enum Content<'a> {
    Raster(Box<Picture>),
    Labels {
        labels: &'a Labels,
        placed: Placed,
    },
    Shapes {
        layer: VectorLayer,
        style: &'a VectorStyle,
        placed: PlacedVectors,
    },
}

/// Draws the visible layers, the last of the list at the bottom, with their opacity and blend mode, in square pixels. Layers
/// that cannot be drawn are left out and named.
///
/// # Errors
/// Nothing is visible, none of it has a place in the picture, or none of it can be drawn.
pub fn render_view_blocking(document: &Document, order: &ViewOrder) -> SceneResult<ViewStill> {
    let map_crs = order.map_crs.or(document.map_crs.as_ref());
    let mut failed = Vec::new();
    let mut ready = Vec::new();
    let visible = document.layers.iter().filter(|layer| layer.visible);
    for layer in visible.rev() {
        match Ready::new_blocking(layer, document.labels.as_ref(), map_crs) {
            Ok(Some(one)) => ready.push(one),
            Ok(None) => {}
            Err(error) => failed.push((layer.as_ref(), error)),
        }
    }
    let extents = ready.iter().filter_map(|one| one.extent);
    let corners = extents.flat_map(|e| [(e.min_x, e.min_y), (e.max_x, e.max_y)]);
    let Some(all) = MapRect::around(corners) else {
        // Of several layers the topmost is told.
        return Err(failed.pop().map_or_else(nothing, |(_, error)| error));
    };
    let extent = order.bounds.unwrap_or(all);
    if !meets(&extent, &all) {
        return Err(SceneError::input(format!(
            "nothing that is visible lies there; west, south, east and north of the layers are {},{},{},{}",
            all.min_x, all.min_y, all.max_x, all.max_y
        )));
    }
    let finest = ready.iter().filter_map(|one| one.finest);
    let finest = finest.reduce(f64::min).filter(|_| !order.may_enlarge);
    let most = (order.max_width, order.max_height);
    let frame = StillFrame::new(extent, finest.unwrap_or(0.0), most);
    let mut rgba = vec![0; 4 * frame.width * frame.height];
    let mut is_drawn = false;
    for one in ready {
        match one.draw_blocking(&frame) {
            Ok(Some(drawn)) => {
                lay_over(&mut rgba, &drawn, one.layer.opacity, one.layer.blend);
                is_drawn = true;
            }
            Ok(None) => {}
            Err(error) => failed.push((one.layer, error)),
        }
    }
    if !is_drawn && let Some((_, error)) = failed.pop() {
        return Err(error);
    }
    let left_out = failed.iter();
    let left_out = left_out.map(|(layer, error)| format!("{}: {error}", layer.name));
    Ok(ViewStill {
        still: Still {
            width: frame.width,
            height: frame.height,
            rgba,
            extent: map_crs.map(|_| extent),
        },
        extent,
        left_out: left_out.collect(),
    })
}

fn nothing() -> SceneError {
    SceneError::input("no layer is visible; show one and save the project again")
}

/// A raster and how it is drawn.
struct Picture {
    raster: Raster,
    grid: Grid,
    style: Style,
    placed: Placed,
}

impl<'a> Ready<'a> {
    /// `None` for a layer that holds nothing.
    fn new_blocking(
        layer: &'a Layer,
        labels: Option<&'a Labels>,
        map_crs: Option<&Crs>,
    ) -> SceneResult<Option<Self>> {
        match &layer.source {
            LayerSource::Raster { .. } | LayerSource::Series(_) => {
                raster_blocking(layer, map_crs).map(Some)
            }
            LayerSource::Labels => {
                let Some(labels) = labels.filter(|labels| !labels.is_empty()) else {
                    return Ok(None);
                };
                let placed = placed_blocking(&labels.grid, map_crs)?;
                Ok(Some(Self {
                    layer,
                    extent: Some(placed.extent),
                    finest: Some(placed.finest()),
                    content: Content::Labels { labels, placed },
                }))
            }
            LayerSource::Vector(source) => shapes_blocking(layer, source, map_crs).map(Some),
        }
    }

    /// Straight RGBA; `None` where nothing of the layer lies in the picture.
    fn draw_blocking(&self, frame: &StillFrame) -> SceneResult<Option<Vec<u8>>> {
        match &self.content {
            Content::Raster(picture) => {
                let Picture {
                    raster,
                    grid,
                    style,
                    placed,
                } = picture.as_ref();
                let Some(window) = window_below(frame, placed, grid) else {
                    return Ok(None);
                };
                let missing = self.layer.missing_color;
                let part = Part::read_blocking(raster, style, missing, (placed, frame), window)?;
                Ok(Some(part.under(&placed.place, frame)))
            }
            Content::Labels { labels, placed } => Ok(Some(labels_under(labels, placed, frame))),
            Content::Shapes {
                layer,
                style,
                placed,
            } => {
                let picture = PictureFrame {
                    left: frame.extent.min_x,
                    top: frame.extent.max_y,
                    units_per_pixel: frame.extent.width() / frame.width.max(1) as f64,
                    width: frame.width as u32,
                    height: frame.height as u32,
                    pixels_per_point: 1.0,
                };
                let look = VectorLook::new(layer, style);
                let stop = AtomicBool::new(false);
                let drawn = draw_vectors(placed, &look, &picture, Shown::All, &stop);
                let drawn = drawn.ok_or_else(|| {
                    SceneError::input("the picture is too large to draw shapes on; make it smaller")
                })?;
                Ok(Some(straight(drawn)))
            }
        }
    }
}

fn raster_blocking<'a>(layer: &'a Layer, map_crs: Option<&Crs>) -> SceneResult<Ready<'a>> {
    let (Some(info), Some(path)) = (layer.raster_info(), layer.raster_path()) else {
        let path = layer.raster_path().unwrap_or(std::path::Path::new(""));
        return Err(SceneError::file(
            path,
            "its file is not there or cannot be opened",
        ));
    };
    if map_crs.is_some() && info.grid.georef.ground_crs().is_none() {
        return Err(SceneError::file(path, NO_SYSTEM));
    }
    let placed = placed_blocking(&info.grid, map_crs)?;
    let raster = Raster::open(path)?;
    let style = match &layer.style {
        Some(style) => style.clone(),
        None => default_style_blocking(&raster)?,
    };
    Ok(Ready {
        layer,
        extent: Some(placed.extent),
        finest: Some(placed.finest()),
        content: Content::Raster(Box::new(Picture {
            raster,
            grid: info.grid.clone(),
            style,
            placed,
        })),
    })
}

fn shapes_blocking<'a>(
    layer: &'a Layer,
    source: &'a VectorSource,
    map_crs: Option<&Crs>,
) -> SceneResult<Ready<'a>> {
    let table = (!source.table.is_empty()).then_some(source.table.as_str());
    let read = read_vector_blocking(&source.path, table, &Default::default())?;
    let placed = place_vectors_blocking(&read, map_crs, &AtomicBool::new(false))?;
    Ok(Ready {
        layer,
        extent: placed.extent(),
        finest: None,
        content: Content::Shapes {
            layer: read,
            style: &source.style,
            placed,
        },
    })
}

fn placed_blocking(grid: &Grid, map_crs: Option<&Crs>) -> SceneResult<Placed> {
    if map_crs.is_some() && grid.georef.ground_crs().is_none() {
        return Err(SceneError::input(NO_SYSTEM));
    }
    Placed::new(grid, map_crs)?.ok_or_else(|| {
        SceneError::input("no part of it has a place in the coordinate reference system of the map")
    })
}

/// The window of the raster that a picture needs; `None` if none of it is seen.
fn window_below(frame: &StillFrame, placed: &Placed, grid: &Grid) -> Option<Window> {
    // Where the map repeats, the raster may lie in another copy of it.
    let seen = match placed.place.wrap() {
        Some(_) => frame.extent,
        None => MapRect {
            min_x: frame.extent.min_x.max(placed.extent.min_x),
            min_y: frame.extent.min_y.max(placed.extent.min_y),
            max_x: frame.extent.max_x.min(placed.extent.max_x),
            max_y: frame.extent.max_y.min(placed.extent.max_y),
        },
    };
    if seen.min_x > seen.max_x || seen.min_y > seen.max_y {
        return None;
    }
    let part = |at: usize| at as f64 / LOOKS as f64;
    let points = (0..=LOOKS).flat_map(|down| (0..=LOOKS).map(move |across| (across, down)));
    let pixels = points.filter_map(|(across, down)| {
        let x = seen.min_x + seen.width() * part(across);
        let y = seen.min_y + seen.height() * part(down);
        placed.place.pixel_from_map(x, y)
    });
    let below = MapRect::around(pixels)?;
    // Between the looks lines may be bent, and averages reach beyond.
    let margin = |length: f64| 2.0 + 0.02 * length;
    let side = |low: f64, high: f64, size: usize| {
        let margin = margin(high - low);
        let from = (low - margin).floor().clamp(0.0, size as f64) as usize;
        let to = (high + margin).ceil().clamp(0.0, size as f64) as usize;
        (to > from).then_some((from, to - from))
    };
    let (col, width) = side(below.min_x, below.max_x, grid.width)?;
    let (row, height) = side(below.min_y, below.max_y, grid.height)?;
    Some(Window {
        col,
        row,
        width,
        height,
    })
}

/// The classes under the pixels of a picture, in their colours and patterns.
fn labels_under(labels: &Labels, placed: &Placed, frame: &StillFrame) -> Vec<u8> {
    let mut known = None;
    let mut block: Option<Arc<LabelBlock>> = None;
    let mut class_at = |col: f64, row: f64| {
        let (col, row) = (col.floor(), row.floor());
        let is_inside = col >= 0.0
            && row >= 0.0
            && col < labels.grid.width as f64
            && row < labels.grid.height as f64;
        if !is_inside {
            return 0;
        }
        let (col, row) = (col as usize, row as usize);
        let key = ((col / LABEL_BLOCK) as u32, (row / LABEL_BLOCK) as u32);
        if known != Some(key) {
            known = Some(key);
            block = labels.block_for_drawing(key.0, key.1);
        }
        let at = row % LABEL_BLOCK * LABEL_BLOCK + col % LABEL_BLOCK;
        block
            .as_ref()
            .and_then(|block| block.get(at).copied())
            .unwrap_or_default()
    };
    let mut ids = Vec::with_capacity(frame.width * frame.height);
    for line in frame.lines(&placed.place) {
        let classes = line.into_iter();
        ids.extend(classes.map(|pixel| pixel.map_or(0, |(col, row)| class_at(col, row))));
    }
    label_colors(&ids, frame.width, &label_table(&labels.classes))
}

/// Lays straight RGBA pixels over others, with an opacity (0 to 1) and a blend mode.
pub fn lay_over(below: &mut [u8], above: &[u8], opacity: f32, blend: Blend) {
    let unit = |byte: u8| f32::from(byte) / 255.0;
    for (below, above) in below.chunks_exact_mut(4).zip(above.chunks_exact(4)) {
        let alpha = unit(above[3]) * opacity;
        if alpha <= 0.0 {
            continue;
        }
        let before = unit(below[3]);
        let after = alpha + before * (1.0 - alpha);
        let color = [unit(above[0]), unit(above[1]), unit(above[2])];
        let under = [unit(below[0]), unit(below[1]), unit(below[2])];
        // Where nothing lies below, there is nothing to join with.
        let mixed = blend.over(color, alpha, under);
        for ((out, mixed), color) in below.iter_mut().zip(mixed).zip(color) {
            let sum = before * mixed + (1.0 - before) * alpha * color;
            *out = (255.0 * sum / after).round() as u8;
        }
        below[3] = (255.0 * after).round() as u8;
    }
}

/// Premultiplied pixels as straight ones.
pub fn straight(mut rgba: Vec<u8>) -> Vec<u8> {
    for pixel in rgba.chunks_exact_mut(4).filter(|pixel| pixel[3] > 0) {
        let alpha = f32::from(pixel[3]);
        for channel in &mut pixel[..3] {
            *channel = (f32::from(*channel) * 255.0 / alpha).round() as u8;
        }
    }
    rgba
}

fn meets(a: &MapRect, b: &MapRect) -> bool {
    a.min_x <= b.max_x && b.min_x <= a.max_x && a.min_y <= b.max_y && b.min_y <= a.max_y
}

#[cfg(test)]
#[path = "view_still_tests.rs"]
mod tests;
