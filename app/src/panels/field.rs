//! The field panel: the live map made of the field, how the field is drawn, and where it comes from.

use std::sync::Arc;

use egui::Slider;
use terroir_scene::{FieldProduct, Layer, Uncertainty};

use crate::arrangement::Panel;
use crate::commands::Command;
use crate::state::{LiveLook, State};
use crate::theme;

pub fn field_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(layer) = state.field_layer() else {
        theme::empty_ui(
            ui,
            "No field yet",
            "A field holds 64 numbers for every pixel, made by a model. With one, a few strokes become a map of the whole scene.",
        );
        let can_run = Command::MakeField.can_run(state);
        ui.add_enabled_ui(can_run.is_ok(), |ui| {
            if ui
                .button("Make a field…")
                .on_disabled_hover_text("Add a scene first")
                .clicked()
            {
                state.arrangement.show(Panel::Run);
            }
        });
        return;
    };
    live_ui(ui, state);
    ui.separator();
    super::suggestions::suggestions_ui(ui, state);
    ui.separator();
    super::field_picture::field_picture_ui(ui, state, &layer);
    analyses_ui(ui, state, &layer);
    provenance_ui(ui, state, &layer);
}

/// What else a field can be asked, folded away until wanted.
fn analyses_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    ui.separator();
    egui::CollapsingHeader::new("Change between two fields")
        .id_salt("change")
        .show(ui, |ui| super::change::change_ui(ui, state));
    egui::CollapsingHeader::new("Clusters")
        .id_salt("clusters")
        .show(ui, |ui| super::clusters::clusters_ui(ui, state, layer));
    egui::CollapsingHeader::new("Map of measured values")
        .id_salt("values")
        .show(ui, |ui| super::values::values_ui(ui, state, layer));
}

fn live_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.label(egui::RichText::new("Live map").strong());
    let weak = theme::colors(ui.visuals()).weak;
    match &state.live.fit {
        None => {
            let text = if state.live.is_fitting {
                "Making the first map…".to_owned()
            } else {
                match state
                    .label_counts()
                    .values()
                    .filter(|&&count| count > 0)
                    .count()
                {
                    0 => "Paint two classes: choose a class on the left, press P and draw."
                        .to_owned(),
                    1 => "One class is painted. Paint a second one to get a map.".to_owned(),
                    _ => "The labels do not lie on this field.".to_owned(),
                }
            };
            ui.label(egui::RichText::new(text).color(weak));
        }
        Some(fit) => {
            let pixels: usize = fit.counts.iter().sum();
            let mut text = format!(
                "{} classes from {} labelled pixels, in {:.0} ms.",
                fit.head.classes.len(),
                crate::jobs::count_text(pixels as u64),
                fit.secs * 1000.0
            );
            if fit.without_vector > 0 {
                text.push_str(&format!(
                    " {} labelled pixels have no field.",
                    fit.without_vector
                ));
            }
            if fit.held_out > 0 {
                text.push_str(&format!(
                    " {} pixels of test and validation shapes do not train.",
                    crate::jobs::count_text(fit.held_out as u64)
                ));
            }
            ui.label(egui::RichText::new(text).color(weak));
        }
    }
    ui.add_enabled_ui(state.live.fit.is_some(), |ui| {
        ui.horizontal(|ui| {
            ui.checkbox(&mut state.live.visible, "Show");
            for (look, name, about) in LIVE_LOOKS {
                ui.selectable_value(&mut state.live.look, look, name)
                    .on_hover_text(about);
            }
        });
        ui.horizontal(|ui| {
            ui.label("Opacity");
            let mut percent = state.live.opacity * 100.0;
            ui.spacing_mut().slider_width = (ui.available_width() - 64.0).max(60.0);
            ui.add(
                Slider::new(&mut percent, 0.0..=100.0)
                    .suffix(" %")
                    .max_decimals(0),
            );
            state.live.opacity = percent / 100.0;
        });
    });
    super::method::method_ui(ui, state);
    if state.live.fit.is_some() {
        match state.live.look {
            LiveLook::Classes => {}
            LiveLook::Confidence => ramp_legend_ui(ui, "cividis", "unsure", "sure"),
            LiveLook::Doubt(_) => ramp_legend_ui(ui, "similarity", "sure", "unsure"),
        }
    }
    ui.horizontal(|ui| {
        for command in [Command::Export, Command::CheckAccuracy] {
            let info = command.info();
            let can_run = command.can_run(state);
            let button = ui.add_enabled(
                can_run.is_ok(),
                egui::Button::new(format!("{} {}", info.icon, info.name())),
            );
            if button.on_hover_text(info.tooltip()).clicked() {
                state.queue.push_back(command);
            }
        }
    });
}

const LIVE_LOOKS: [(LiveLook, &str, &str); 4] = [
    (
        LiveLook::Classes,
        "Classes",
        "The likeliest class of each pixel",
    ),
    (
        LiveLook::Confidence,
        "Confidence",
        "The probability of the likeliest class",
    ),
    (
        LiveLook::Doubt(Uncertainty::Margin),
        "Margin",
        "How close the second class comes to the first: bright where a label helps",
    ),
    (
        LiveLook::Doubt(Uncertainty::Entropy),
        "Entropy",
        "How evenly the probability is spread over all classes",
    ),
];

pub fn ramp_legend_ui(ui: &mut egui::Ui, ramp: &str, low: &str, high: &str) {
    let (rect, _) =
        ui.allocate_exact_size(egui::vec2(ui.available_width(), 12.0), egui::Sense::hover());
    let colors = terroir_scene::ramp(ramp);
    for (index, color) in colors.iter().enumerate() {
        let x = |index: usize| rect.left() + rect.width() * index as f32 / colors.len() as f32;
        // A little wide, so that no seams show between the colours.
        let bar = egui::Rect::from_x_y_ranges(x(index)..=x(index + 1) + 0.5, rect.y_range());
        ui.painter().rect_filled(bar, 0.0, theme::rgb(*color));
    }
    ui.horizontal(|ui| {
        ui.small(low);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.small(high)
        });
    });
}

/// Whose field it is, from the file itself: product or model, year, and the words its licence asks for.
fn provenance_ui(ui: &mut egui::Ui, state: &State, layer: &Layer) {
    let Some(product) = state
        .raster_info(layer)
        .and_then(|info| FieldProduct::of(info))
    else {
        return;
    };
    ui.separator();
    ui.label(egui::RichText::new("Made by").strong());
    let weak = theme::colors(ui.visuals()).weak;
    let name = match product.year {
        Some(year) => format!("{}, {year}", product.name),
        None => product.name.clone(),
    };
    let lines = [Some(name), product.note.clone(), product.credit()];
    for line in lines.into_iter().flatten() {
        ui.add(egui::Label::new(egui::RichText::new(line).small().color(weak)).wrap());
    }
}
