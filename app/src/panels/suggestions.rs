//! The list of places worth labelling next, and their marks on the map.

use egui::{Align2, FontId, Painter, Pos2, Rect, RichText, Sense, Stroke, vec2};
use terroir_scene::Suggestion;

use crate::commands::Command;
use crate::language::t;
use crate::state::State;
use crate::theme;

pub fn suggestions_ui(ui: &mut egui::Ui, state: &mut State) {
    let colors = theme::colors(ui.visuals());
    ui.label(RichText::new(t!("field-next")).strong());
    let command = Command::NextPlace;
    let info = command.info();
    let can_run = command.can_run(state);
    ui.horizontal(|ui| {
        let button = egui::Button::new(format!("{} {}", info.icon, info.name())).shortcut_text("N");
        let button = ui
            .add_enabled(can_run.is_ok(), button)
            .on_hover_text(info.tooltip());
        if button
            .on_disabled_hover_text(can_run.err().unwrap_or_default())
            .clicked()
        {
            state.queue.push_back(command);
        }
        if state.suggestions.is_asking {
            ui.spinner();
        }
    });
    let suggestions = &state.suggestions;
    if !suggestions.is_wanted || can_run.is_err() {
        ui.label(RichText::new(t!("field-next-hint")).color(colors.weak));
        return;
    }
    if suggestions.places.is_empty() && !suggestions.is_asking {
        ui.label(RichText::new(t!("field-next-none")).color(colors.weak));
    }
    let places = suggestions.places.clone();
    let mut clicked = None;
    for (place, number) in places.iter().zip(1..) {
        if row_ui(ui, state, place, number) {
            clicked = Some(place);
        }
    }
    let suggestions = &state.suggestions;
    if suggestions.sampled > 0 && suggestions.sampled < suggestions.field_pixels {
        let text = t!(
            "field-next-sampled",
            pixels = crate::jobs::count_text(suggestions.sampled as u64)
        );
        ui.label(RichText::new(text).small().color(colors.weak));
    }
    if let Some(place) = clicked {
        state.go_to_place(place);
    }
    let visited = state.suggestions.visited.len();
    if visited > 0 {
        let text = t!("field-next-visited", count = visited);
        if ui.link(text).clicked() {
            state.forget_visited_places();
        }
    }
}

/// One place: number, the two classes it may be, in their colours. True when clicked.
fn row_ui(ui: &mut egui::Ui, state: &State, place: &Suggestion, number: usize) -> bool {
    let is_shown = state.suggestions.shown == Some((place.col, place.row));
    let name = |id: u8| state.class_name(id).unwrap_or_default();
    let percent = |share: f32| format!("{:.0}", 100.0 * share);
    let text = t!(
        "field-next-row",
        first = name(place.class_id),
        percent = percent(place.probability),
        second = name(place.other_id),
        other = percent(place.other_probability)
    );
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), theme::ROW), Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(
            egui::Role::Button,
            true,
            t!("field-next-place", number = number, text = &text),
        )
    });
    let visuals = ui.style().interact_selectable(&response, is_shown);
    if is_shown || response.hovered() {
        ui.painter().rect_filled(rect, 3.0, visuals.weak_bg_fill);
    }
    let weak = theme::colors(ui.visuals()).weak;
    let painter = ui.painter().with_clip_rect(rect);
    let font = FontId::proportional(12.5);
    let middle = |x: f32| Pos2::new(rect.left() + x, rect.center().y);
    painter.text(
        middle(18.0),
        Align2::RIGHT_CENTER,
        number.to_string(),
        font.clone(),
        weak,
    );
    for (index, id) in [place.class_id, place.other_id].into_iter().enumerate() {
        let color = state
            .class_color(id)
            .map_or(egui::Color32::GRAY, theme::rgb);
        let swatch = Rect::from_center_size(middle(32.0 + 13.0 * index as f32), vec2(11.0, 11.0));
        painter.rect_filled(swatch, 2.0, color);
    }
    painter.text(
        middle(58.0),
        Align2::LEFT_CENTER,
        &text,
        font,
        visuals.text_color(),
    );
    response
        .on_hover_text(format!(
            "{text}\n{}",
            t!(
                "field-next-tip",
                percent = percent(place.uncertainty),
                distance = format!("{:.2}", place.distance)
            )
        ))
        .clicked()
}

/// A ring around the place on show and a dot, with its number, at the others. `to_screen` takes map coordinates.
pub fn suggestion_marks_ui(
    painter: &Painter,
    state: &State,
    to_screen: impl Fn((f64, f64)) -> Pos2,
) {
    let dark = Stroke::new(4.0, egui::Color32::from_black_alpha(170));
    let bright = Stroke::new(2.0, egui::Color32::WHITE);
    for (place, number) in state.suggestion_marks() {
        let at = to_screen(place);
        if !painter.clip_rect().contains(at) {
            continue;
        }
        match number {
            None => {
                painter.circle_stroke(at, 18.0, dark);
                painter.circle_stroke(at, 18.0, bright);
            }
            Some(number) => {
                painter.circle_filled(at, 9.0, egui::Color32::from_black_alpha(190));
                painter.circle_stroke(at, 9.0, Stroke::new(1.0, egui::Color32::WHITE));
                painter.text(
                    at,
                    Align2::CENTER_CENTER,
                    number.to_string(),
                    FontId::proportional(12.0),
                    egui::Color32::WHITE,
                );
            }
        }
    }
}
