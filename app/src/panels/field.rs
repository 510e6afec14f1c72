//! The field panel: the live map made of the field, how the field is drawn, and where it comes from.

use std::sync::Arc;

use egui::Slider;
use terroir_scene::{FieldProduct, Layer, LiveOpacity, Uncertainty};

use crate::arrangement::Panel;
use crate::commands::Command;
use crate::language::t;
use crate::state::{LiveLook, State};
use crate::theme;

pub fn field_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(layer) = state.field_layer() else {
        theme::empty_ui(ui, t!("field-none"), t!("field-none-next"));
        let can_run = Command::MakeField.can_run(state);
        ui.add_enabled_ui(can_run.is_ok(), |ui| {
            if ui
                .button(t!("field-make"))
                .on_disabled_hover_text(t!("field-scene-first"))
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
    egui::CollapsingHeader::new(t!("field-change"))
        .id_salt("change")
        .show(ui, |ui| super::change::change_ui(ui, state));
    egui::CollapsingHeader::new(t!("field-clusters"))
        .id_salt("clusters")
        .show(ui, |ui| super::clusters::clusters_ui(ui, state, layer));
    egui::CollapsingHeader::new(t!("field-values"))
        .id_salt("values")
        .show(ui, |ui| super::values::values_ui(ui, state, layer));
}

fn live_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.label(egui::RichText::new(t!("field-live")).strong());
    let weak = theme::colors(ui.visuals()).weak;
    match &state.live.fit {
        None => {
            let text = if state.live.is_fitting {
                t!("field-live-first").to_owned()
            } else {
                match state
                    .label_counts()
                    .values()
                    .filter(|&&count| count > 0)
                    .count()
                {
                    0 => t!("field-live-no-classes").to_owned(),
                    1 => t!("field-live-one-class").to_owned(),
                    _ => t!("field-live-elsewhere").to_owned(),
                }
            };
            ui.label(egui::RichText::new(text).color(weak));
        }
        Some(fit) => {
            let pixels: usize = fit.counts.iter().sum();
            let mut text = t!(
                "field-live-made",
                classes = fit.head.classes.len(),
                pixels = crate::jobs::count_text(pixels as u64),
                ms = format!("{:.0}", fit.secs * 1000.0)
            );
            if fit.without_vector > 0 {
                text.push(' ');
                text.push_str(&t!(
                    "field-live-without-vector",
                    pixels = fit.without_vector
                ));
            }
            if fit.held_out > 0 {
                text.push(' ');
                text.push_str(&t!(
                    "field-live-held-out",
                    pixels = crate::jobs::count_text(fit.held_out as u64)
                ));
            }
            ui.label(egui::RichText::new(text).color(weak));
        }
    }
    ui.add_enabled_ui(state.live.fit.is_some(), |ui| {
        ui.horizontal(|ui| {
            ui.checkbox(&mut state.live.visible, t!("field-live-show"));
            for (look, name, about) in live_looks() {
                ui.selectable_value(&mut state.live.look, look, name)
                    .on_hover_text(about);
            }
        });
        ui.horizontal(|ui| {
            let label = ui.label(t!("field-opacity"));
            let mut percent = state.history.document().live_opacity.0 * 100.0;
            ui.spacing_mut().slider_width = (ui.available_width() - 64.0).max(60.0);
            let slider = ui
                .add(
                    Slider::new(&mut percent, 0.0..=100.0)
                        .suffix(" %")
                        .max_decimals(0),
                )
                .labelled_by(label.id);
            let step = t!("field-step-opacity");
            super::layers::drag_step(state, &slider, step);
            if slider.changed() {
                state.history.change(step, |document| {
                    document.live_opacity = LiveOpacity((percent / 100.0).clamp(0.0, 1.0));
                });
            }
            super::layers::end_drag_step(state, &slider);
        });
    });
    super::method::method_ui(ui, state);
    if state.live.fit.is_some() {
        match state.live.look {
            LiveLook::Classes => {}
            LiveLook::Confidence => {
                ramp_legend_ui(ui, "cividis", t!("field-unsure"), t!("field-sure"))
            }
            LiveLook::Doubt(_) => ramp_legend_ui(ui, "grays", t!("field-sure"), t!("field-unsure")),
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

/// What the live map can show: name and what it says.
fn live_looks() -> [(LiveLook, &'static str, &'static str); 4] {
    [
        (
            LiveLook::Classes,
            t!("field-look-classes"),
            t!("field-look-classes.tip"),
        ),
        (
            LiveLook::Confidence,
            t!("field-look-confidence"),
            t!("field-look-confidence.tip"),
        ),
        (
            LiveLook::Doubt(Uncertainty::Margin),
            t!("field-look-margin"),
            t!("field-look-margin.tip"),
        ),
        (
            LiveLook::Doubt(Uncertainty::Entropy),
            t!("field-look-entropy"),
            t!("field-look-entropy.tip"),
        ),
    ]
}

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
    ui.label(egui::RichText::new(t!("field-made-by")).strong());
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
