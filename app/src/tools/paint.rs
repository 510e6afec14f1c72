//! Brush, eraser and pick. A stroke is one undo step, from press to release; one that snaps to segments is painted by `snap.rs`.

use egui::{Color32, PointerButton, Pos2, Shape, Stroke as Line};

use super::{MapView, Tool};
use crate::language::t;
use crate::messages::Level;
use crate::state::State;
use crate::theme;

/// Brush sizes that the size keys step through, in pixels.
const SIZES: [f64; 17] = [
    1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 9.0, 12.0, 16.0, 22.0, 30.0, 40.0, 60.0, 80.0, 120.0, 160.0,
    200.0,
];

/// A stroke under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Last point, in pixels of the label grid.
    last: (f64, f64),
    /// It is painted when it is over, by the segments it went through.
    snaps: bool,
}

/// Next smaller or larger brush.
pub fn next_size(diameter: f64, larger: bool) -> f64 {
    if larger {
        SIZES
            .into_iter()
            .find(|size| *size > diameter)
            .unwrap_or(SIZES[SIZES.len() - 1])
    } else {
        SIZES
            .into_iter()
            .rev()
            .find(|size| *size < diameter)
            .unwrap_or(SIZES[0])
    }
}

pub fn brush_ui(ui: &mut egui::Ui, state: &mut State, view: &MapView<'_>, owns: bool) {
    // In the order they came: a slow frame may hold the end of one stroke and the start of the next.
    let events = ui.input(|input| input.events.clone());
    for event in events {
        match event {
            egui::Event::PointerButton {
                pos,
                button: PointerButton::Primary,
                pressed: true,
                ..
            } => {
                let is_on_map = view.response.rect.contains(pos)
                    && ui.ctx().layer_id_at(pos) == Some(ui.layer_id());
                if owns && is_on_map {
                    end_stroke(state);
                    start_stroke(state, view, pos);
                }
            }
            egui::Event::PointerButton {
                button: PointerButton::Primary,
                pressed: false,
                ..
            } => end_stroke(state),
            egui::Event::PointerMoved(pos) => continue_stroke(state, view.map_from_screen(pos)),
            _ => {}
        }
    }
    // The window may lose the pointer without a release.
    if !ui.input(|input| input.pointer.primary_down()) {
        end_stroke(state);
    }
    if view.response.hovered() || state.session.stroke.is_some() {
        cursor_ui(ui, state, view);
    }
    if state.session.tool == Tool::Brush {
        super::snap::snap_ui(ui, state, view);
    }
}

fn start_stroke(state: &mut State, view: &MapView<'_>, pos: Pos2) {
    let map_xy = view.map_from_screen(pos);
    let is_eraser = state.session.tool == Tool::Eraser;
    if is_eraser && state.history.document().labels.is_none() {
        return;
    }
    if !state.has_label_grid() {
        state
            .messages
            .show(Level::Warning, t!("news-nothing-to-paint-on"));
        return;
    }
    if !is_eraser && state.session.snapping.is_on {
        if let Some(pixel) = state.label_pixel_from_map(map_xy) {
            state.prepare_class();
            state.session.snapping.begin(pixel);
            state.session.stroke = Some(Stroke {
                last: pixel,
                snaps: true,
            });
        }
        return;
    }
    if is_eraser {
        state.history.begin_gesture(t!("undo-erase"));
    } else {
        let name = state
            .class_name(state.session.class_id)
            .unwrap_or_else(|| t!("news-class-number", number = 1));
        state.history.begin_gesture(&t!("undo-paint", name = name));
        state.prepare_class();
    }
    let Some(pixel) = state.label_pixel_from_map(map_xy) else {
        state.history.end_gesture();
        return;
    };
    state.session.stroke = Some(Stroke {
        last: pixel,
        snaps: false,
    });
    continue_stroke(state, map_xy);
}

fn continue_stroke(state: &mut State, map_xy: (f64, f64)) {
    let Some(stroke) = state.session.stroke else {
        return;
    };
    let Some(pixel) = state.label_pixel_from_map(map_xy) else {
        return;
    };
    if stroke.snaps {
        state.session.snapping.go_on(pixel);
        return;
    }
    let is_eraser = state.session.tool == Tool::Eraser;
    let class_id = if is_eraser { 0 } else { state.session.class_id };
    let (diameter, protect) = (
        state.session.brush_diameter,
        state.session.protect && !is_eraser,
    );
    state.history.change("Paint", |document| {
        if let Some(labels) = &mut document.labels {
            labels.paint_stroke(stroke.last, pixel, diameter, class_id, protect);
        }
    });
    state.session.stroke = Some(Stroke {
        last: pixel,
        ..stroke
    });
}

/// Closes the stroke's undo step; does nothing without a stroke.
pub fn end_stroke(state: &mut State) {
    match state.session.stroke.take() {
        None => {}
        Some(Stroke { snaps: true, .. }) => super::snap::finish(state),
        Some(_) => {
            state.history.end_gesture();
            state.messages.drop_hints();
        }
    }
}

/// The brush's outline, true to the pixels it covers, whatever the layer's rotation or coordinate system.
fn cursor_ui(ui: &egui::Ui, state: &State, view: &MapView<'_>) {
    let Some(center) = view
        .pointer_in_map
        .and_then(|map_xy| state.label_pixel_from_map(map_xy))
    else {
        return;
    };
    let radius = (state.session.brush_diameter / 2.0).max(0.5);
    let outline: Vec<Pos2> = (0..48)
        .filter_map(|step| {
            let angle = f64::from(step) * std::f64::consts::TAU / 48.0;
            let pixel = (
                center.0 + radius * angle.cos(),
                center.1 + radius * angle.sin(),
            );
            Some(view.screen_from_map(state.map_from_label_pixel(pixel)?))
        })
        .collect();
    let color = if state.session.tool == Tool::Eraser {
        Color32::WHITE
    } else {
        state
            .class_color(state.session.class_id)
            .map_or(theme::colors(ui.visuals()).accent, theme::rgb)
    };
    let painter = ui.painter().with_clip_rect(view.response.rect);
    // Dark below light: visible on snow and on water.
    painter.add(Shape::closed_line(
        outline.clone(),
        Line::new(3.0, Color32::from_black_alpha(170)),
    ));
    painter.add(Shape::closed_line(outline, Line::new(1.5, color)));
}

pub fn pick(state: &mut State, view: &MapView<'_>, clicked: bool) {
    if !clicked {
        return;
    }
    let Some((col, row)) = clicked_pixel(state, view) else {
        return;
    };
    match state.label_at(col, row) {
        0 => state.messages.show(Level::Info, t!("news-no-class-here")),
        id => {
            state.session.class_id = id;
            state.session.tool = Tool::Brush;
        }
    }
}

/// The label pixel under the pointer, inside the grid.
pub(super) fn clicked_pixel(state: &State, view: &MapView<'_>) -> Option<(usize, usize)> {
    let (col, row) = state.label_pixel_from_map(view.pointer_in_map?)?;
    (col >= 0.0 && row >= 0.0).then_some((col as usize, row as usize))
}

#[cfg(test)]
mod tests {
    use super::next_size;

    #[test]
    fn size_keys_step_and_stop_at_the_ends() {
        assert_eq!(next_size(5.0, true), 7.0);
        assert_eq!(next_size(5.0, false), 4.0);
        assert_eq!(next_size(1.0, false), 1.0);
        assert_eq!(next_size(500.0, true), 200.0);
    }
}
