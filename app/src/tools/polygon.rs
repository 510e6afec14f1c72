//! The polygon tool: click corners, close with a double click or Enter, drop the last corner with the right button.

use egui::{Color32, Key, PointerButton, Shape, Stroke};
use terroir_scene::LabelPolygon;

use super::MapView;
use crate::language::t;
use crate::similarity::PickExample;
use crate::state::State;
use crate::theme;

/// Corners so far, in the coordinate system of the labels' grid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolygonDraft {
    corners: Vec<(f64, f64)>,
}

impl PolygonDraft {
    pub fn clear(&mut self) {
        self.corners.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.corners.is_empty()
    }

    /// The closed ring without doubled corners; `None` with fewer than three.
    fn ring(&self) -> Option<Vec<(f64, f64)>> {
        let mut ring = self.corners.clone();
        ring.dedup();
        (ring.len() >= 3).then_some(ring)
    }
}

pub fn polygon_ui(ui: &mut egui::Ui, state: &mut State, view: &MapView<'_>, owns: bool) {
    let closes = view.response.double_clicked_by(PointerButton::Primary)
        || (!ui.ctx().text_edit_focused() && ui.input(|input| input.key_pressed(Key::Enter)));
    let corner = view
        .pointer_in_map
        .and_then(|map_xy| state.label_point_from_map(map_xy));
    if owns
        && view.response.clicked_by(PointerButton::Primary)
        && let Some(corner) = corner
    {
        state.session.polygon.corners.push(corner);
    }
    if view.response.clicked_by(PointerButton::Secondary) {
        state.session.polygon.corners.pop();
    }
    if closes {
        close(state);
    }
    draft_ui(ui, state, view);
}

fn close(state: &mut State) {
    let Some(ring) = state.session.polygon.ring() else {
        return;
    };
    state.session.polygon.clear();
    if picks_area(state) {
        state.take_example_area(&ring);
        return;
    }
    state.history.begin_gesture(t!("undo-draw-polygon"));
    let class_id = state.prepare_class();
    state.history.change(t!("undo-draw-polygon"), |document| {
        if let Some(labels) = &mut document.labels {
            labels.add_polygon(LabelPolygon {
                class_id,
                rings: vec![ring],
                source: "polygon".to_owned(),
                usage: "train".to_owned(),
            });
        }
    });
    state.history.end_gesture();
    state.messages.drop_hints();
}

/// The outline becomes an example of a similarity search instead of a label.
fn picks_area(state: &State) -> bool {
    state.session.similar.pick == Some(PickExample::Area)
}

fn draft_ui(ui: &egui::Ui, state: &State, view: &MapView<'_>) {
    let mut points: Vec<egui::Pos2> = state
        .session
        .polygon
        .corners
        .iter()
        .filter_map(|corner| Some(view.screen_from_map(state.map_from_label_point(*corner)?)))
        .collect();
    let corners = points.clone();
    if points.is_empty() {
        return;
    }
    if let Some(hover) = view.response.hover_pos() {
        points.push(hover);
    }
    let color = state
        .class_color(state.session.class_id)
        .filter(|_| !picks_area(state))
        .map_or(theme::colors(ui.visuals()).accent, theme::rgb);
    let painter = ui.painter().with_clip_rect(view.response.rect);
    painter.add(Shape::closed_line(
        points.clone(),
        Stroke::new(3.0, Color32::from_black_alpha(170)),
    ));
    painter.add(Shape::closed_line(points, Stroke::new(1.5, color)));
    for corner in corners {
        painter.circle(corner, 3.5, color, Stroke::new(1.0, Color32::BLACK));
    }
}

#[cfg(test)]
mod tests {
    use super::PolygonDraft;

    #[test]
    fn a_ring_needs_three_different_corners() {
        let mut draft = PolygonDraft {
            corners: vec![(0.0, 0.0), (1.0, 0.0), (1.0, 0.0)],
        };
        assert_eq!(draft.ring(), None);
        draft.corners.push((1.0, 1.0));
        assert_eq!(draft.ring().map(|ring| ring.len()), Some(3));
    }
}
