//! The field panel: how the field is drawn (principal components, similarity to a pixel) and the live map made of it.

use std::sync::Arc;

use egui::Slider;
use terroir_scene::{Layer, Style, Uncertainty};

use super::layers::{drag_step, end_drag_step};
use crate::commands::Command;
use crate::files::FileTask;
use crate::messages::Level;
use crate::probe::PixelAnswer;
use crate::session::Tab;
use crate::state::{LiveLook, State};
use crate::theme;
use crate::tools::Tool;

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
                state.session.tab = Tab::Run;
            }
        });
        return;
    };
    live_ui(ui, state);
    ui.separator();
    super::suggestions::suggestions_ui(ui, state);
    ui.separator();
    picture_ui(ui, state, &layer);
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
                egui::Button::new(format!("{} {}", info.icon, info.name)),
            );
            if button.on_hover_text(info.tooltip).clicked() {
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

fn picture_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    ui.label(egui::RichText::new("Picture of the field").strong());
    ui.add(
        egui::Label::new(egui::RichText::new(&layer.name).color(theme::colors(ui.visuals()).weak))
            .truncate(),
    );
    let is_pca = matches!(layer.style, Some(Style::FieldPca { .. }));
    let is_similarity = matches!(layer.style, Some(Style::FieldSimilarity { .. }));
    ui.horizontal(|ui| {
        if ui
            .selectable_label(is_pca, "Principal components")
            .on_hover_text("The three directions in which the field varies most, as colours")
            .clicked()
            && !is_pca
            && let Some(path) = state.raster_info(layer).map(|info| info.path.clone())
        {
            state.send(FileTask::FitPca { path });
        }
        let waits = state.session.pick_reference;
        if ui
            .selectable_label(is_similarity || waits, "Similar to a pixel")
            .on_hover_text("Click a pixel: everything like it becomes bright")
            .clicked()
        {
            state.session.tool = Tool::Identify;
            state.session.pick_reference = true;
        }
    });
    if state.session.pick_reference {
        ui.label(
            egui::RichText::new("Click a pixel on the map.")
                .color(theme::colors(ui.visuals()).accent),
        );
    }
    match &layer.style {
        Some(Style::FieldPca { basis, axes }) => axes_ui(ui, state, layer, *axes, &basis.shares),
        Some(Style::FieldSimilarity { low, high, .. }) => {
            similarity_ui(ui, state, layer, *low, *high)
        }
        _ => {}
    }
}

/// Which component is red, green, blue, with the share of variance each carries.
fn axes_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    axes: [usize; 3],
    shares: &[f32],
) {
    let mut changed = axes;
    ui.horizontal(|ui| {
        for (channel, name) in ["R", "G", "B"].into_iter().enumerate() {
            ui.label(name);
            egui::ComboBox::from_id_salt(("axis", channel))
                .width(64.0)
                .selected_text(format!("{}", axes[channel] + 1))
                .show_ui(ui, |ui| {
                    for (index, share) in shares.iter().enumerate() {
                        let text =
                            format!("{}  ({:.1} % of the variance)", index + 1, share * 100.0);
                        ui.selectable_value(&mut changed[channel], index, text);
                    }
                });
        }
    });
    let total: f32 = axes.iter().filter_map(|axis| shares.get(*axis)).sum();
    let text = format!(
        "These three carry {:.0} % of the field's variance.",
        total * 100.0
    );
    ui.label(egui::RichText::new(text).color(theme::colors(ui.visuals()).weak));
    if changed != axes {
        state.change_layer(layer.id, "Choose components", |layer| {
            if let Some(Style::FieldPca { axes, .. }) = &mut layer.style {
                *axes = changed;
            }
        });
    }
}

fn similarity_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, low: f32, high: f32) {
    ramp_legend_ui(ui, "similarity", "different", "alike");
    let (mut new_low, mut new_high) = (low, high);
    ui.spacing_mut().slider_width = (ui.available_width() - 120.0).max(60.0);
    let sliders = [
        ui.add(
            Slider::new(&mut new_low, -1.0..=1.0)
                .text("from")
                .max_decimals(2),
        ),
        ui.add(
            Slider::new(&mut new_high, -1.0..=1.0)
                .text("to")
                .max_decimals(2),
        ),
    ];
    for slider in &sliders {
        drag_step(state, slider, "Range of similarity");
    }
    if (new_low, new_high) != (low, high) && new_high > new_low {
        state.change_layer(layer.id, "Range of similarity", |layer| {
            if let Some(Style::FieldSimilarity { low, high, .. }) = &mut layer.style {
                (*low, *high) = (new_low, new_high);
            }
        });
    }
    for slider in &sliders {
        end_drag_step(state, slider);
    }
}

fn ramp_legend_ui(ui: &mut egui::Ui, ramp: &str, low: &str, high: &str) {
    let (rect, _) =
        ui.allocate_exact_size(egui::vec2(ui.available_width(), 12.0), egui::Sense::hover());
    let colors = terroir_scene::ramp(ramp);
    for (index, color) in colors.iter().enumerate() {
        let x = |index: usize| rect.left() + rect.width() * index as f32 / colors.len() as f32;
        let bar = egui::Rect::from_x_y_ranges(x(index)..=x(index + 1), rect.y_range());
        ui.painter().rect_filled(bar, 0.0, theme::rgb(*color));
    }
    ui.horizontal(|ui| {
        ui.small(low);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.small(high)
        });
    });
}

/// Which model made the field, from the file itself.
fn provenance_ui(ui: &mut egui::Ui, state: &State, layer: &Layer) {
    let Some(info) = state.raster_info(layer) else {
        return;
    };
    let Some((_, model)) = info.metadata.iter().find(|(key, _)| key == "TERROIR_MODEL") else {
        return;
    };
    ui.separator();
    ui.label(egui::RichText::new("Made by").strong());
    let weak = theme::colors(ui.visuals()).weak;
    ui.add(egui::Label::new(egui::RichText::new(model).small().color(weak)).wrap());
}

impl State {
    /// Shows the field's likeness to a pixel that was clicked.
    pub fn set_similarity(&mut self, answer: PixelAnswer) {
        let Some(reference) = answer.vector else {
            self.messages.show(
                Level::Info,
                "The field has no value at this pixel. Click another one.",
            );
            return;
        };
        self.change_layer(answer.question.layer, "Similarity to a pixel", |layer| {
            let range = match &layer.style {
                Some(Style::FieldSimilarity { low, high, .. }) => (*low, *high),
                _ => (0.0, 1.0),
            };
            layer.style = Some(Style::FieldSimilarity {
                reference,
                low: range.0,
                high: range.1,
            });
        });
        self.session.tool = Tool::Pan;
    }
}
