//! Shapes drawn into a picture, anti-aliased: what the canvas shows and what `terroir render` writes are the same drawing.
//! Knows placed shapes and their look. Knows nothing of files, devices or windows.

use std::sync::atomic::{AtomicBool, Ordering};

use tiny_skia::{
    Color, FillRule, FilterQuality, LineCap, LineJoin, Paint, Path, PathBuilder, Pattern, Pixmap,
    Rect, Shader, SpreadMode, Stroke, Transform,
};

use crate::{FillPattern, MapRect, PartKind, PartView, PlacedVectors, PointSymbol, VectorLook};

/// What lies further outside the picture than this is cut off; wider than any line or symbol.
const MARGIN: f64 = 160.0;
/// Vertices nearer to the last one than this part of a pixel make no difference.
const DETAIL: f64 = 0.35;
/// Shapes smaller than this many pixels are dots.
const DOT: f64 = 0.8;
/// Side of a pattern's tile in points; a picture's side should be a multiple.
const PATTERN: u32 = 8;
/// Colour of what is chosen: told from every class colour by a dark rim.
const CHOSEN: [u8; 3] = [255, 222, 0];
/// Parts between two looks at the wish to stop.
const STEP: usize = 256;

/// Where a picture lies on the map. Pixels are square and north is up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureFrame {
    /// Map coordinates of the upper left corner.
    pub left: f64,
    pub top: f64,
    pub units_per_pixel: f64,
    pub width: u32,
    pub height: u32,
    pub pixels_per_point: f32,
}

impl PictureFrame {
    fn pixel(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [
            (x - self.left) / self.units_per_pixel,
            (self.top - y) / self.units_per_pixel,
        ]
    }

    /// The map rectangle of the picture and `margin` pixels around it.
    fn rect(&self, margin: f64) -> MapRect {
        let by = margin * self.units_per_pixel;
        MapRect {
            min_x: self.left - by,
            max_x: self.left + f64::from(self.width) * self.units_per_pixel + by,
            min_y: self.top - f64::from(self.height) * self.units_per_pixel - by,
            max_y: self.top + by,
        }
    }
}

/// Which features to draw.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    All,
    /// Only these, as chosen ones: outlined in one colour that stands out.
    Chosen(&'a [usize]),
}

/// RGBA bytes with premultiplied alpha; `None` when stopped or when the frame has no size.
pub fn draw_vectors(
    placed: &PlacedVectors,
    look: &VectorLook,
    frame: &PictureFrame,
    shown: Shown<'_>,
    stop: &AtomicBool,
) -> Option<Vec<u8>> {
    let mut drawing = Drawing::new(look, frame, matches!(shown, Shown::Chosen(_)))?;
    match shown {
        Shown::All => {
            // Symbols and wide lines reach into the picture from outside.
            let reach = f64::from(drawing.reach());
            for (count, part) in placed.parts_in(&frame.rect(reach)).into_iter().enumerate() {
                if count % STEP == 0 && stop.load(Ordering::Relaxed) {
                    return None;
                }
                let Some(part) = placed.shapes.part(part as usize) else {
                    continue;
                };
                if let Some(row) = look.row(part.feature) {
                    drawing.add(&part, row);
                }
            }
        }
        Shown::Chosen(features) => {
            for feature in features {
                for part in placed.shapes.feature(*feature) {
                    drawing.add_chosen(&part);
                }
            }
        }
    }
    Some(drawing.pixmap.take())
}

/// How one row of the legend is painted.
struct Brush {
    rgb: [u8; 3],
    /// Tile of a patterned fill.
    tile: Option<Pixmap>,
}

struct Drawing<'a> {
    frame: &'a PictureFrame,
    look: &'a VectorLook,
    brushes: Vec<Brush>,
    pixmap: Pixmap,
    symbol: Option<Path>,
    stroke: Stroke,
    /// Row that was drawn last as a dot or symbol in each pixel, plus one.
    dots: Vec<u16>,
    /// Vertices in pixels, used again for each ring.
    ring: Vec<[f64; 2]>,
}

impl<'a> Drawing<'a> {
    fn new(look: &'a VectorLook, frame: &'a PictureFrame, is_chosen: bool) -> Option<Self> {
        let pixmap = Pixmap::new(frame.width, frame.height)?;
        let style = &look.style;
        let points = frame.pixels_per_point;
        let brushes = look
            .rows
            .iter()
            .map(|(rgb, pattern)| Brush {
                rgb: *rgb,
                tile: pattern_tile(*pattern, *rgb, style.fill_opacity, points),
            })
            .collect();
        let radius = style.symbol_size.clamp(1.0, 100.0) * points / 2.0;
        let radius = if is_chosen {
            radius + 2.0 * points
        } else {
            radius
        };
        Some(Self {
            frame,
            look,
            brushes,
            dots: vec![0; pixmap.width() as usize * pixmap.height() as usize],
            pixmap,
            symbol: symbol_path(style.symbol, radius),
            stroke: Stroke {
                width: style.line_width.clamp(0.0, 40.0) * points,
                line_cap: LineCap::Round,
                line_join: LineJoin::Round,
                ..Stroke::default()
            },
            ring: Vec::new(),
        })
    }

    /// How far symbols and lines reach beyond their points, in pixels.
    fn reach(&self) -> f32 {
        let style = &self.look.style;
        (style
            .symbol_size
            .clamp(1.0, 100.0)
            .max(style.line_width.clamp(0.0, 40.0))
            + 4.0)
            * self.frame.pixels_per_point
    }

    fn add(&mut self, part: &PartView<'_>, row: usize) {
        let Some((low, high)) = part.bounds() else {
            return;
        };
        let (low, high) = (self.frame.pixel(low), self.frame.pixel(high));
        let is_dot = (high[0] - low[0]).abs() < DOT && (low[1] - high[1]).abs() < DOT;
        match part.kind {
            PartKind::Point => self.add_symbol(low, row),
            _ if is_dot => self.add_dot(low, row),
            PartKind::Line => {
                let Some(path) = self.path(part) else { return };
                let paint = self.paint(row, 1.0);
                self.pixmap
                    .stroke_path(&path, &paint, &self.stroke, Transform::identity(), None);
            }
            PartKind::Polygon => {
                let Some(path) = self.path(part) else { return };
                let opacity = self.look.style.fill_opacity.clamp(0.0, 1.0);
                if opacity > 0.0 {
                    let mut paint = solid(self.rgb(row), opacity);
                    let tile = self.brushes.get(row).and_then(|brush| brush.tile.as_ref());
                    if let Some(tile) = tile {
                        paint.shader = Pattern::new(
                            tile.as_ref(),
                            SpreadMode::Repeat,
                            FilterQuality::Nearest,
                            1.0,
                            self.pattern_start(tile),
                        );
                    }
                    self.pixmap.fill_path(
                        &path,
                        &paint,
                        FillRule::EvenOdd,
                        Transform::identity(),
                        None,
                    );
                }
                if self.stroke.width > 0.0 {
                    let paint = self.paint(row, 1.0);
                    self.pixmap.stroke_path(
                        &path,
                        &paint,
                        &self.stroke,
                        Transform::identity(),
                        None,
                    );
                }
            }
        }
    }

    /// Patterns are tied to the map, so that pictures side by side fit.
    fn pattern_start(&self, tile: &Pixmap) -> Transform {
        let side = f64::from(tile.width());
        let offset = |at: f64| {
            let pixels = (at / self.frame.units_per_pixel).round();
            -(pixels.rem_euclid(side)) as f32
        };
        Transform::from_translate(offset(self.frame.left), offset(-self.frame.top))
    }

    fn rgb(&self, row: usize) -> [u8; 3] {
        self.brushes
            .get(row)
            .map_or(crate::OTHER_COLOR, |brush| brush.rgb)
    }

    fn paint(&self, row: usize, opacity: f32) -> Paint<'static> {
        solid(self.rgb(row), opacity)
    }

    /// False when this pixel already shows the same.
    fn takes_dot(&mut self, [x, y]: [f64; 2], row: usize) -> bool {
        let (width, height) = (self.pixmap.width() as usize, self.pixmap.height() as usize);
        if !(x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64) {
            return true;
        }
        let mark = (row as u16).saturating_add(1);
        match self.dots.get_mut(y as usize * width + x as usize) {
            Some(known) if *known == mark => false,
            Some(known) => {
                *known = mark;
                true
            }
            None => true,
        }
    }

    /// A shape of less than a pixel.
    fn add_dot(&mut self, [x, y]: [f64; 2], row: usize) {
        if !self.takes_dot([x, y], row) {
            return;
        }
        let side = self.stroke.width.max(1.0);
        let rect = Rect::from_xywh(
            x.floor() as f32 - (side - 1.0) / 2.0,
            y.floor() as f32 - (side - 1.0) / 2.0,
            side,
            side,
        );
        if let Some(rect) = rect {
            let paint = self.paint(row, 0.8);
            self.pixmap
                .fill_rect(rect, &paint, Transform::identity(), None);
        }
    }

    fn add_symbol(&mut self, [x, y]: [f64; 2], row: usize) {
        if !self.takes_dot([x, y], row) {
            return;
        }
        let Some(symbol) = &self.symbol else { return };
        let at = Transform::from_translate(x as f32, y as f32);
        let points = self.frame.pixels_per_point;
        let paint = solid(self.rgb(row), 1.0);
        if self.look.style.symbol == PointSymbol::Cross {
            let line = |width: f32| Stroke {
                width: width * points,
                line_cap: LineCap::Butt,
                ..Stroke::default()
            };
            let width = self.look.style.line_width.clamp(1.0, 40.0);
            let rim = solid([20, 20, 20], 0.7);
            self.pixmap
                .stroke_path(symbol, &rim, &line(width + 2.0), at, None);
            self.pixmap
                .stroke_path(symbol, &paint, &line(width), at, None);
            return;
        }
        self.pixmap
            .fill_path(symbol, &paint, FillRule::Winding, at, None);
        let rim = Stroke {
            width: points,
            ..Stroke::default()
        };
        self.pixmap
            .stroke_path(symbol, &solid([20, 20, 20], 0.8), &rim, at, None);
    }

    fn add_chosen(&mut self, part: &PartView<'_>) {
        let points = self.frame.pixels_per_point;
        let outline = |width: f32| Stroke {
            width: width * points,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        let (path, at) = if part.kind == PartKind::Point {
            let Some(at) = part.rings().next().and_then(|ring| ring.first()) else {
                return;
            };
            let [x, y] = self.frame.pixel(*at);
            let Some(symbol) = self.symbol.clone() else {
                return;
            };
            (symbol, Transform::from_translate(x as f32, y as f32))
        } else {
            let Some(path) = self.path(part) else { return };
            (path, Transform::identity())
        };
        if part.kind == PartKind::Polygon {
            self.pixmap
                .fill_path(&path, &solid(CHOSEN, 0.3), FillRule::EvenOdd, at, None);
        }
        let width = self.look.style.line_width.clamp(1.0, 36.0) + 1.0;
        self.pixmap.stroke_path(
            &path,
            &solid([0, 0, 0], 0.75),
            &outline(width + 2.0),
            at,
            None,
        );
        self.pixmap
            .stroke_path(&path, &solid(CHOSEN, 1.0), &outline(width), at, None);
    }

    /// The part's rings in pixels, thinned and cut; `None` when nothing of it is near the picture.
    fn path(&mut self, part: &PartView<'_>) -> Option<Path> {
        let is_closed = part.kind == PartKind::Polygon;
        let (width, height) = (f64::from(self.frame.width), f64::from(self.frame.height));
        let area = [-MARGIN, -MARGIN, width + MARGIN, height + MARGIN];
        let mut builder = PathBuilder::new();
        for ring in part.rings() {
            self.ring.clear();
            let mut sticks_out = false;
            let mut last: Option<[f64; 2]> = None;
            for (index, vertex) in ring.iter().enumerate() {
                let at = self.frame.pixel(*vertex);
                // The end of a line is always drawn.
                let is_end = !is_closed && index + 1 == ring.len();
                let is_near = last.is_some_and(|last| {
                    (last[0] - at[0]).abs() < DETAIL && (last[1] - at[1]).abs() < DETAIL
                });
                if is_near && !is_end {
                    continue;
                }
                sticks_out |=
                    at[0] < area[0] || at[1] < area[1] || at[0] > area[2] || at[1] > area[3];
                last = Some(at);
                self.ring.push(at);
            }
            match (is_closed, sticks_out) {
                (true, true) => cut_ring(&mut self.ring, area),
                (false, true) => {
                    add_cut_line(&mut builder, &self.ring, area);
                    continue;
                }
                _ => {}
            }
            // A hole of less than a pixel is thinned away.
            if self.ring.len() < 2 {
                continue;
            }
            for (index, [x, y]) in self.ring.iter().enumerate() {
                if index == 0 {
                    builder.move_to(*x as f32, *y as f32);
                } else {
                    builder.line_to(*x as f32, *y as f32);
                }
            }
            if is_closed {
                builder.close();
            }
        }
        builder.finish()
    }
}

fn solid(rgb: [u8; 3], opacity: f32) -> Paint<'static> {
    let channel = |value: u8| f32::from(value) / 255.0;
    let color = Color::from_rgba(
        channel(rgb[0]),
        channel(rgb[1]),
        channel(rgb[2]),
        opacity.clamp(0.0, 1.0),
    );
    Paint {
        shader: Shader::SolidColor(color.unwrap_or(Color::BLACK)),
        anti_alias: true,
        ..Paint::default()
    }
}

fn symbol_path(symbol: PointSymbol, radius: f32) -> Option<Path> {
    let mut builder = PathBuilder::new();
    match symbol {
        PointSymbol::Circle => return PathBuilder::from_circle(0.0, 0.0, radius),
        PointSymbol::Square => {
            let half = radius * 0.886; // the area of the circle
            return Some(PathBuilder::from_rect(Rect::from_ltrb(
                -half, -half, half, half,
            )?));
        }
        PointSymbol::Triangle => {
            // Its centre of mass on the point.
            let side = radius * 1.2;
            builder.move_to(0.0, -side);
            builder.line_to(side * 0.866, side * 0.5);
            builder.line_to(-side * 0.866, side * 0.5);
            builder.close();
        }
        PointSymbol::Cross => {
            builder.move_to(-radius, 0.0);
            builder.line_to(radius, 0.0);
            builder.move_to(0.0, -radius);
            builder.line_to(0.0, radius);
        }
    }
    builder.finish()
}

/// The repeated tile of a pattern: strokes of the colour on a thin wash of it.
fn pattern_tile(
    pattern: FillPattern,
    rgb: [u8; 3],
    opacity: f32,
    pixels_per_point: f32,
) -> Option<Pixmap> {
    if pattern == FillPattern::Solid {
        return None;
    }
    let side = (PATTERN as f32 * pixels_per_point).round().clamp(4.0, 64.0);
    let mut tile = Pixmap::new(side as u32, side as u32)?;
    let wash = solid(rgb, opacity * 0.35);
    tile.fill_rect(
        Rect::from_xywh(0.0, 0.0, side, side)?,
        &wash,
        Transform::identity(),
        None,
    );
    let strong = solid(rgb, (opacity + 0.35).min(1.0));
    let mut builder = PathBuilder::new();
    if pattern == FillPattern::Dots {
        builder.push_circle(side / 4.0, side / 4.0, side / 6.0);
        builder.push_circle(side * 0.75, side * 0.75, side / 6.0);
        tile.fill_path(
            &builder.finish()?,
            &strong,
            FillRule::Winding,
            Transform::identity(),
            None,
        );
        return Some(tile);
    }
    // Diagonals with their neighbours' ends, so that the tile repeats without gaps.
    for shift in [-side, 0.0, side] {
        builder.move_to(shift - 1.0, side + 1.0);
        builder.line_to(shift + side + 1.0, -1.0);
        if pattern == FillPattern::CrossHatch {
            builder.move_to(shift - 1.0, -1.0);
            builder.line_to(shift + side + 1.0, side + 1.0);
        }
    }
    let stroke = Stroke {
        width: 1.3 * pixels_per_point,
        ..Stroke::default()
    };
    tile.stroke_path(
        &builder.finish()?,
        &strong,
        &stroke,
        Transform::identity(),
        None,
    );
    Some(tile)
}

/// Cuts a ring to a rectangle (left, top, right, bottom), one side after the other; edges along the sides may be left, which
/// lie outside the picture.
fn cut_ring(ring: &mut Vec<[f64; 2]>, area: [f64; 4]) {
    for (side, limit) in area.into_iter().enumerate() {
        let axis = side % 2;
        let is_inside = |point: &[f64; 2]| {
            if side < 2 {
                point[axis] >= limit
            } else {
                point[axis] <= limit
            }
        };
        let Some(mut before) = ring.last().copied() else {
            return;
        };
        let mut kept = Vec::with_capacity(ring.len() + 4);
        for point in ring.iter() {
            if is_inside(point) != is_inside(&before) {
                let share = (limit - before[axis]) / (point[axis] - before[axis]);
                let other = 1 - axis;
                let mut crossing = [0.0; 2];
                crossing[axis] = limit;
                crossing[other] = before[other] + share * (point[other] - before[other]);
                kept.push(crossing);
            }
            if is_inside(point) {
                kept.push(*point);
            }
            before = *point;
        }
        *ring = kept;
    }
}

/// Adds what of a line lies in a rectangle (Liang and Barsky's way), in as many pieces as it falls into.
fn add_cut_line(builder: &mut PathBuilder, line: &[[f64; 2]], area: [f64; 4]) {
    let mut pen: Option<[f64; 2]> = None;
    for pair in line.windows(2) {
        let [a, b] = pair else { continue };
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        let delta = [b[0] - a[0], b[1] - a[1]];
        let mut is_hit = true;
        for axis in 0..2 {
            let (low, high) = (area[axis] - a[axis], area[axis + 2] - a[axis]);
            if delta[axis] == 0.0 {
                is_hit &= low <= 0.0 && high >= 0.0;
            } else {
                let (t0, t1) = (low / delta[axis], high / delta[axis]);
                enter = enter.max(t0.min(t1));
                leave = leave.min(t0.max(t1));
            }
        }
        if !is_hit || enter > leave {
            pen = None;
            continue;
        }
        let at = |share: f64| [a[0] + share * delta[0], a[1] + share * delta[1]];
        let (start, end) = (at(enter), at(leave));
        if enter > 0.0 || pen != Some(*a) {
            builder.move_to(start[0] as f32, start[1] as f32);
        }
        builder.line_to(end[0] as f32, end[1] as f32);
        pen = (leave >= 1.0).then_some(*b);
    }
}

#[cfg(test)]
#[path = "vector_picture_tests.rs"]
mod tests;
