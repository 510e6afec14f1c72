//! What the left mouse button does on the map. One tool is chosen; panning with the middle button or the space bar
//! works in all of them.

mod bar;
mod examples;
mod fill;
mod grow;
mod identify;
mod paint;
mod polygon;
mod snap;

use egui::{PointerButton, Pos2, Response};

pub use grow::Growing;
pub use paint::{Stroke, end_stroke, next_size};
pub use polygon::PolygonDraft;
pub use snap::Snapping;

use crate::canvas::Viewport;
use crate::session::ViewRequest;
use crate::state::State;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    Pan,
    Identify,
    Brush,
    Eraser,
    Polygon,
    Fill,
    Grow,
    Pick,
}

impl Tool {
    /// Tools that change labels.
    pub fn paints(self) -> bool {
        matches!(
            self,
            Self::Brush | Self::Eraser | Self::Polygon | Self::Fill | Self::Grow | Self::Pick
        )
    }

    /// Whether the left button belongs to this tool instead of panning.
    pub fn owns_primary(self) -> bool {
        self != Self::Pan
    }
}

/// The map this frame, as tools see it.
pub struct MapView<'a> {
    pub response: &'a Response,
    pub viewport: Viewport,
    pub pointer_in_map: Option<(f64, f64)>,
}

impl MapView<'_> {
    pub fn map_from_screen(&self, pos: Pos2) -> (f64, f64) {
        let point = pos - self.response.rect.min;
        self.viewport.map_from_point((point.x, point.y))
    }

    pub fn screen_from_map(&self, map: (f64, f64)) -> Pos2 {
        let point = self.viewport.point_from_map(map);
        self.response.rect.min + egui::vec2(point.0, point.1)
    }
}

/// Whether the left button is the tool's in this frame: not while the space bar pans or Shift draws a zoom rectangle.
pub fn owns_primary_now(ui: &egui::Ui, tool: Tool) -> bool {
    tool.owns_primary()
        && ui.input(|input| !input.key_down(egui::Key::Space) && !input.modifiers.shift)
}

/// Lets the chosen tool act on this frame's input (`is_free`: the pointer does not move the view) and draws its cursor.
pub fn tool_ui(ui: &mut egui::Ui, state: &mut State, view: &MapView<'_>, is_free: bool) {
    let owns = is_free && owns_primary_now(ui, state.session.tool);
    let clicked = owns && view.response.clicked_by(PointerButton::Primary);
    match state.session.tool {
        Tool::Pan => {
            // A drag pans; a click without one brings its place to the middle.
            if is_free && view.response.clicked_by(PointerButton::Primary) {
                state.session.view = view.pointer_in_map.map(ViewRequest::Point);
            }
        }
        Tool::Identify => {
            let keeps = is_free
                && ui.input(|input| input.modifiers.shift)
                && view.response.clicked_by(PointerButton::Primary);
            identify::identify(state, view, clicked, keeps);
        }
        Tool::Brush | Tool::Eraser => paint::brush_ui(ui, state, view, owns),
        Tool::Fill => fill::fill(state, view, clicked),
        Tool::Grow => grow::grow_ui(ui, state, view, clicked),
        Tool::Pick => paint::pick(state, view, clicked),
        Tool::Polygon => polygon::polygon_ui(ui, state, view, owns),
    }
    if state.session.tool != Tool::Grow {
        state.session.growing.keep();
    }
    if state.session.tool != Tool::Polygon {
        state.session.polygon.clear();
    }
    if state.session.stroke.is_some() && !matches!(state.session.tool, Tool::Brush | Tool::Eraser) {
        paint::end_stroke(state);
    }
    if view.response.hovered() {
        let cursor = match state.session.tool {
            Tool::Pan => egui::CursorIcon::Grab,
            Tool::Brush | Tool::Eraser | Tool::Polygon | Tool::Fill | Tool::Grow => {
                egui::CursorIcon::Crosshair
            }
            Tool::Identify | Tool::Pick => egui::CursorIcon::PointingHand,
        };
        if owns || state.session.tool == Tool::Pan {
            ui.ctx().set_cursor_icon(cursor);
        }
    }
    identify::kept_marks_ui(ui, state, view);
    identify::mark_ui(ui, state, view);
    examples::examples_ui(ui, state, view);
}
