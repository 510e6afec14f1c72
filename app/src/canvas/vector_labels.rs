//! Text beside the shapes of a vector layer: one attribute, with a halo, never over another text. Placed anew only when the
//! view or the layer changes. Knows placed shapes; knows nothing of files.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use egui::{Align2, Color32, FontId, Galley, Painter, Pos2, Rect, pos2, vec2};
use terroir_scene::{PartKind, PartView, PlacedVectors, VectorLook};

use super::Viewport;
use super::vector_view::VectorView;

/// Texts in one view.
const MOST_TEXTS: usize = 300;
/// Parts looked at for one view; more shapes are too small to be read anyway.
const MOST_PARTS: usize = 1500;
/// Vertices looked at for places of new texts in one frame; the rest follows with the next.
const MOST_VERTICES: usize = 200_000;
/// Longer texts are cut.
const MOST_LETTERS: usize = 40;
/// Room kept free around a text.
const ROOM: f32 = 3.0;

struct Placed {
    at: Pos2,
    text: String,
}

/// What the texts were placed for.
#[derive(PartialEq)]
struct PlacedFor {
    view: Viewport,
    rect: Rect,
    layers: Vec<(usize, usize)>,
}

#[derive(Default)]
pub struct VectorLabels {
    placed_for: Option<PlacedFor>,
    /// Place of the view among those drawn, font size and texts, upper layers first.
    texts: Vec<(usize, f32, Vec<Placed>)>,
    /// Where a part's text belongs, by the address of its placing.
    anchors: HashMap<(usize, u32), Option<[f64; 2]>>,
}

impl VectorLabels {
    /// Draws the texts of the views, upper layers first.
    pub fn draw<'a>(
        &mut self,
        painter: &Painter,
        rect: Rect,
        viewport: &Viewport,
        views: impl Iterator<Item = &'a VectorView>,
    ) {
        let views: Vec<(&VectorView, &Arc<PlacedVectors>, &Arc<VectorLook>)> = views
            .filter_map(|view| {
                let (placed, look) = (view.placed()?, view.look()?);
                look.style.label.as_ref()?;
                Some((view, placed, look))
            })
            .collect();
        if views.is_empty() {
            *self = Self::default();
            return;
        }
        let key = PlacedFor {
            view: *viewport,
            rect,
            layers: views
                .iter()
                .map(|(_, placed, look)| (Arc::as_ptr(placed) as usize, Arc::as_ptr(look) as usize))
                .collect(),
        };
        if self.placed_for.as_ref() != Some(&key) {
            let known: HashSet<usize> = key.layers.iter().map(|(placed, _)| *placed).collect();
            self.anchors.retain(|(placed, _), _| known.contains(placed));
            let is_done = self.place(painter, rect, viewport, &views);
            self.placed_for = is_done.then_some(key);
            if !is_done {
                painter.ctx().request_repaint();
            }
        }
        for (number, size, texts) in &self.texts {
            let font = FontId::proportional(*size);
            let clip = views.get(*number).and_then(|(view, ..)| view.clip);
            let painter = &painter.with_clip_rect(clip.map_or(rect, |shares| {
                Rect::from_min_max(
                    rect.lerp_inside(shares.min.to_vec2()),
                    rect.lerp_inside(shares.max.to_vec2()),
                )
            }));
            for text in texts {
                halo_text(painter, text.at, &text.text, &font);
            }
        }
    }

    /// False when some texts wait for the next frame.
    fn place(
        &mut self,
        painter: &Painter,
        rect: Rect,
        viewport: &Viewport,
        views: &[(&VectorView, &Arc<PlacedVectors>, &Arc<VectorLook>)],
    ) -> bool {
        self.texts.clear();
        let mut taken: Vec<Rect> = Vec::new();
        let (mut room, mut is_done) = (MOST_VERTICES, true);
        for (number, (view, placed, look)) in views.iter().enumerate() {
            let Some(label) = &look.style.label else {
                continue;
            };
            let Some(column) = view.data().column(&label.attribute) else {
                continue;
            };
            let font = FontId::proportional(label.size.clamp(6.0, 72.0));
            let address = Arc::as_ptr(placed) as usize;
            let mut texts = Vec::new();
            let mut named = HashSet::new();
            // The largest shapes have the first choice.
            for index in placed.largest_in(&viewport.rect(), MOST_PARTS) {
                if taken.len() >= MOST_TEXTS {
                    break;
                }
                let Some(part) = placed.shapes.part(index as usize) else {
                    continue;
                };
                if named.contains(&part.feature) || look.row(part.feature).is_none() {
                    continue;
                }
                let anchor = match self.anchors.entry((address, index)) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(_) if room == 0 => {
                        is_done = false;
                        continue;
                    }
                    Entry::Vacant(new) => {
                        let vertices: usize = part.rings().map(<[_]>::len).sum();
                        room = room.saturating_sub(vertices);
                        *new.insert(anchor(&part))
                    }
                };
                let Some([x, y]) = anchor else { continue };
                let (px, py) = viewport.point_from_map((x, y));
                let mut at = rect.min + vec2(px, py);
                // Most places are taken: no need to lay out a text there.
                if !rect.contains(at) || taken.iter().any(|other| other.contains(at)) {
                    continue;
                }
                let Some(text) = column.text(part.feature) else {
                    continue;
                };
                if part.kind == PartKind::Point {
                    // Beside the symbol, where it covers nothing.
                    at.y -= look.style.symbol_size / 2.0 + label.size * 0.6;
                }
                let text: String = text.chars().take(MOST_LETTERS).collect();
                let galley = layout(painter, &text, &font, Color32::WHITE);
                let area = Align2::CENTER_CENTER.anchor_size(at, galley.size());
                if !rect.contains_rect(area)
                    || taken
                        .iter()
                        .any(|other| other.expand(ROOM).intersects(area))
                {
                    continue;
                }
                taken.push(area);
                named.insert(part.feature);
                texts.push(Placed { at: area.min, text });
            }
            self.texts.push((number, font.size, texts));
        }
        is_done
    }
}

fn layout(painter: &Painter, text: &str, font: &FontId, color: Color32) -> Arc<Galley> {
    painter.layout_no_wrap(text.to_owned(), font.clone(), color)
}

/// White letters in a dark rim: readable over any picture.
fn halo_text(painter: &Painter, at: Pos2, text: &str, font: &FontId) {
    let halo = Color32::from_black_alpha(200);
    let galley = layout(painter, text, font, Color32::WHITE);
    for (x, y) in [
        (-1.0, -1.0),
        (0.0, -1.3),
        (1.0, -1.0),
        (1.3, 0.0),
        (1.0, 1.0),
        (0.0, 1.3),
        (-1.0, 1.0),
        (-1.3, 0.0),
    ] {
        painter.galley_with_override_text_color(at + vec2(x, y), galley.clone(), halo);
    }
    painter.galley(pos2(at.x, at.y), galley, Color32::WHITE);
}

/// Where a shape's text belongs: a place inside a polygon, the middle of a line.
fn anchor(part: &PartView<'_>) -> Option<[f64; 2]> {
    let outline = part.rings().next()?;
    match part.kind {
        PartKind::Point => outline.first().copied(),
        PartKind::Line => {
            let length =
                |pair: &[[f64; 2]]| (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]);
            let half = outline.windows(2).map(length).sum::<f64>() / 2.0;
            let mut walked = 0.0;
            for pair in outline.windows(2) {
                let step = length(pair);
                if walked + step >= half {
                    let share = if step > 0.0 {
                        (half - walked) / step
                    } else {
                        0.0
                    };
                    let along =
                        |axis: usize| pair[0][axis] + share * (pair[1][axis] - pair[0][axis]);
                    return Some([along(0), along(1)]);
                }
                walked += step;
            }
            outline.first().copied()
        }
        PartKind::Polygon => {
            // The middle of the widest stretch inside, at half height.
            let (low, high) = part.bounds()?;
            let y = (low[1] + high[1]) / 2.0;
            let mut crossings: Vec<f64> = Vec::new();
            for ring in part.rings() {
                let mut before = ring.last().copied()?;
                for &at in ring {
                    if (at[1] > y) != (before[1] > y) {
                        let share = (y - at[1]) / (before[1] - at[1]);
                        crossings.push(at[0] + share * (before[0] - at[0]));
                    }
                    before = at;
                }
            }
            crossings.sort_by(f64::total_cmp);
            let widest = crossings
                .chunks_exact(2)
                .max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
            Some([(widest[0] + widest[1]) / 2.0, y])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terroir_scene::{ShapeStore, is_inside};

    fn anchor_of(kind: PartKind, rings: &[Vec<[f64; 2]>]) -> [f64; 2] {
        let mut store = ShapeStore::default();
        store.add_part(kind, rings);
        anchor(&store.part(0).unwrap()).unwrap()
    }

    #[test]
    fn texts_lie_inside_their_shapes() {
        let horseshoe = vec![
            [0.0, 0.0],
            [10.0, 0.0],
            [10.0, 10.0],
            [7.0, 10.0],
            [7.0, 3.0],
            [2.0, 3.0],
            [2.0, 10.0],
            [0.0, 10.0],
        ];
        let at = anchor_of(PartKind::Polygon, std::slice::from_ref(&horseshoe));
        assert!(is_inside([horseshoe.as_slice()].into_iter(), at), "{at:?}");
        assert_eq!(at, [8.5, 5.0]);
        let outline = vec![[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]];
        let hole = vec![[1.0, 1.0], [6.0, 1.0], [6.0, 9.0], [1.0, 9.0]];
        assert_eq!(anchor_of(PartKind::Polygon, &[outline, hole]), [8.0, 5.0]);
        let line = vec![[0.0, 0.0], [4.0, 0.0], [4.0, 6.0]];
        assert_eq!(anchor_of(PartKind::Line, &[line]), [4.0, 1.0]);
    }
}
