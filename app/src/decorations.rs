//! What is drawn over the map without being data: graticule, scale bar and north arrow. Drawn with a halo, so that
//! they can be read over any scene in either theme. Knows the view and what its coordinates mean on the ground.

mod scale_bar;

use std::rc::Rc;

use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Shape, Stroke, Vec2};
use terroir_scene::{Crs, Graticule, GraticuleLabel, MapGeometry, ViewEdge};

use crate::canvas::Viewport;
use crate::settings::Settings;

/// Distance of everything from the map's edge, points.
const MARGIN: f32 = 14.0;
const INK: Color32 = Color32::WHITE;
const HALO: Color32 = Color32::from_black_alpha(190);
/// Blue is rare on the ground, and stands out from black as from white.
const LINES: Color32 = Color32::from_rgb(72, 168, 232);
const FONT_SIZE: f32 = 12.0;

/// What lies over the map in one frame.
pub struct Scenery<'a> {
    pub view: &'a Viewport,
    pub rect: Rect,
    pub crs: Option<&'a Crs>,
    pub geometry: Option<Rc<MapGeometry>>,
    /// Without a reference system: whether one map unit is one pixel.
    pub unit_is_pixel: bool,
}

/// Keeps the graticule of the last view.
#[derive(Default)]
pub struct Decorations {
    graticule: Option<(GraticuleKey, Graticule)>,
}

#[derive(PartialEq)]
struct GraticuleKey {
    view: Viewport,
    rect: Rect,
    crs: Option<Crs>,
}

impl Decorations {
    pub fn paint(&mut self, painter: &Painter, settings: &Settings, scenery: &Scenery<'_>) {
        let painter = painter.with_clip_rect(scenery.rect);
        let geometry = scenery.geometry.as_deref();
        let lifted = if settings.graticule { 22.0 } else { 0.0 };
        // Over the lines, and labels keep off it.
        let bar = settings
            .scale_bar
            .then(|| scale_bar::ScaleBar::new(scenery, MARGIN, MARGIN + lifted))
            .flatten();
        if let Some(geometry) = geometry.filter(|_| settings.graticule) {
            let taken = bar.as_ref().map(|bar| bar.around);
            self.paint_graticule(&painter, geometry, scenery, taken);
        } else {
            self.graticule = None;
        }
        if let Some(bar) = bar {
            bar.paint(&painter);
        }
        if let Some(angle) = geometry
            .filter(|_| settings.north_arrow)
            .and_then(|geometry| geometry.north(scenery.view.center))
        {
            let center =
                scenery.rect.right_top() + Vec2::new(-MARGIN - 20.0, MARGIN + 28.0 + lifted);
            paint_north(&painter, center, angle as f32);
        }
    }

    fn paint_graticule(
        &mut self,
        painter: &Painter,
        geometry: &MapGeometry,
        scenery: &Scenery<'_>,
        taken: Option<Rect>,
    ) {
        let key = GraticuleKey {
            view: *scenery.view,
            rect: scenery.rect,
            crs: scenery.crs.cloned(),
        };
        if self
            .graticule
            .as_ref()
            .is_none_or(|(known, _)| *known != key)
        {
            let (width, height) = scenery.view.size;
            let (width, height) = (f64::from(width), f64::from(height));
            let made = Graticule::new(geometry, scenery.view.rect(), width, height);
            self.graticule = Some((key, made));
        }
        let Some((_, graticule)) = &self.graticule else {
            return;
        };
        let place = |(x, y): (f64, f64)| scenery.rect.min + Vec2::new(x as f32, y as f32);
        for line in &graticule.lines {
            let line: Vec<Pos2> = line.iter().map(|point| place(*point)).collect();
            painter.add(Shape::line(
                line.clone(),
                Stroke::new(2.4, Color32::from_black_alpha(70)),
            ));
            painter.add(Shape::line(line, Stroke::new(1.0, LINES)));
        }
        let mut taken: Vec<Rect> = taken.into_iter().collect();
        for label in &graticule.labels {
            let size = painter
                .layout_no_wrap(label.text.clone(), FontId::proportional(FONT_SIZE), INK)
                .size();
            let (inwards, align) = beside_edge(label);
            let at = place(label.at) + inwards;
            let around = align.anchor_size(at, size).expand(3.0);
            if taken.iter().any(|other| other.intersects(around))
                || !scenery.rect.contains_rect(around)
            {
                continue;
            }
            taken.push(around);
            text(painter, at, align, &label.text);
        }
    }
}

/// How far off the edge of the view a label stands, and which side of it.
fn beside_edge(label: &GraticuleLabel) -> (Vec2, Align2) {
    const INSIDE: f32 = 5.0;
    match label.edge {
        ViewEdge::Bottom => (Vec2::new(0.0, -INSIDE), Align2::CENTER_BOTTOM),
        ViewEdge::Top => (Vec2::new(0.0, INSIDE), Align2::CENTER_TOP),
        ViewEdge::Left => (Vec2::new(INSIDE, 0.0), Align2::LEFT_CENTER),
        ViewEdge::Right => (Vec2::new(-INSIDE, 0.0), Align2::RIGHT_CENTER),
        ViewEdge::Inside => (Vec2::ZERO, Align2::CENTER_CENTER),
    }
}

/// Light text with a dark rim.
fn text(painter: &Painter, at: Pos2, align: Align2, text: &str) -> Rect {
    let font = FontId::proportional(FONT_SIZE);
    let galley = painter.layout_no_wrap(text.to_owned(), font, Color32::PLACEHOLDER);
    let place = align.anchor_size(at, galley.size());
    for step in [
        (-1.0, -1.0),
        (0.0, -1.4),
        (1.0, -1.0),
        (-1.4, 0.0),
        (1.4, 0.0),
        (-1.0, 1.0),
        (0.0, 1.4),
        (1.0, 1.0),
    ] {
        painter.galley_with_override_text_color(place.min + Vec2::from(step), galley.clone(), HALO);
    }
    painter.galley_with_override_text_color(place.min, galley, INK);
    place
}

/// A needle of two halves with an N at its point; `angle` is north's direction, radians clockwise from up.
fn paint_north(painter: &Painter, center: Pos2, angle: f32) {
    let (sin, cos) = angle.sin_cos();
    let at =
        |right: f32, up: f32| center + Vec2::new(cos * right + sin * up, sin * right - cos * up);
    let (tip, notch) = (at(0.0, 16.0), at(0.0, -7.0));
    let (left, right) = (at(-8.0, -13.0), at(8.0, -13.0));
    let halo = Stroke::new(3.0, HALO);
    painter.add(Shape::closed_line(vec![tip, right, notch, left], halo));
    let half = |far: Pos2, fill: Color32| {
        Shape::convex_polygon(vec![tip, far, notch], fill, Stroke::new(1.0, INK))
    };
    painter.add(half(left, INK));
    painter.add(half(right, Color32::from_gray(60)));
    text(painter, at(0.0, 25.0), Align2::CENTER_CENTER, "N");
}
