//! Identify: click a pixel for its values and spectrum; also takes the examples of a similarity search.

use egui::{Color32, Stroke};

use super::MapView;
use crate::arrangement::Panel;
use crate::state::State;
use crate::theme;

/// `keeps`: Shift was held, the profile goes straight into the document.
pub fn identify(state: &mut State, view: &MapView<'_>, clicked: bool, keeps: bool) {
    let Some(map_xy) = view.pointer_in_map.filter(|_| clicked || keeps) else {
        return;
    };
    let picks = state.session.similar.pick.is_some();
    if picks {
        state.session.similar.adds = keeps;
        if let Some(layer) = state.field_layer() {
            state.ask_pixel(&layer, map_xy, true);
        }
        return;
    }
    if keeps {
        state.arrangement.show(Panel::Spectrum);
        state.ask_profiles(map_xy, true);
        return;
    }
    state.session.identify_at = Some(map_xy);
    let Some(layer) = state.active_raster() else {
        return;
    };
    state.ask_pixel(&layer, map_xy, true);
    state.ask_profiles(map_xy, false);
    if layer.series().is_some() {
        state.follow_place(map_xy);
    }
    // Who looks at a place over time goes on doing so.
    if !state.arrangement.is_on_show(Panel::Time) || layer.series().is_none() {
        state.arrangement.show(Panel::Spectrum);
    }
}

/// Kept profiles as discs in their colours, one a place.
pub fn kept_marks_ui(ui: &egui::Ui, state: &State, view: &MapView<'_>) {
    if !state.session.profiles.shows_markers {
        return;
    }
    let document = state.history.document();
    let painter = ui.painter().with_clip_rect(view.response.rect);
    let mut last = None;
    for profile in &document.profiles {
        if last == Some(profile.place) {
            continue;
        }
        last = Some(profile.place);
        let place = (profile.x, profile.y);
        let to = document.map_crs.as_ref();
        let Some(map_xy) = state.places.point(profile.crs.as_ref(), to, place) else {
            continue;
        };
        let at = view.screen_from_map(map_xy);
        let is_selected = document.profiles.iter().any(|one| {
            one.place == profile.place && Some(one.id) == state.session.profiles.selected
        });
        let radius = if is_selected { 8.0 } else { 6.0 };
        painter.circle(
            at,
            radius + 1.5,
            Color32::from_black_alpha(160),
            Stroke::NONE,
        );
        painter.circle(
            at,
            radius,
            theme::rgb(profile.color),
            Stroke::new(1.5, Color32::WHITE),
        );
    }
}

/// A cross on the pixel that was clicked last, and dots on the places followed over time.
pub fn mark_ui(ui: &egui::Ui, state: &State, view: &MapView<'_>) {
    followed_ui(ui, state, view);
    let Some(answer) = &state.session.clicked_pixel else {
        return;
    };
    let question = &answer.question;
    let center = (question.col as f64 + 0.5, question.row as f64 + 0.5);
    let Some(map_xy) = state.map_from_layer_pixel(question.layer, center) else {
        return;
    };
    let at = view.screen_from_map(map_xy);
    let painter = ui.painter().with_clip_rect(view.response.rect);
    let accent = theme::colors(ui.visuals()).accent;
    for (width, color) in [(4.0, Color32::from_black_alpha(170)), (2.0, accent)] {
        let stroke = Stroke::new(width, color);
        for direction in [
            egui::vec2(1.0, 0.0),
            egui::vec2(-1.0, 0.0),
            egui::vec2(0.0, 1.0),
            egui::vec2(0.0, -1.0),
        ] {
            painter.line_segment([at + direction * 4.0, at + direction * 10.0], stroke);
        }
    }
}

/// The places of the Time panel in their colours, while it is open.
fn followed_ui(ui: &egui::Ui, state: &State, view: &MapView<'_>) {
    if !state.arrangement.is_on_show(Panel::Time) {
        return;
    }
    let painter = ui.painter().with_clip_rect(view.response.rect);
    let map_crs = state.history.document().map_crs.as_ref();
    for point in &state.session.time.points {
        let place = &point.place;
        let Some(map_xy) = state.places.point(place.crs.as_ref(), map_crs, place.xy) else {
            continue;
        };
        let at = view.screen_from_map(map_xy);
        painter.circle(at, 5.0, point.color, Stroke::new(1.5, Color32::WHITE));
    }
}
