//! The panels around the map: layers and classes on the left; style, spectrum, field, run and accuracy on the right.

mod accuracy;
mod attribute_table;
mod bands;
mod belief;
mod change;
mod classes;
mod clusters;
mod comparison;
mod derived;
mod field;
mod field_picture;
mod forecast;
mod frames;
mod held_out;
mod jobs;
mod kept_profiles;
mod labels;
mod layers;
mod legend;
mod method;
mod model;
mod models;
mod periods;
mod properties;
mod ramp;
mod sample;
mod season;
mod series_field;
mod shapes_here;
mod similarity;
mod soil;
mod spectral_axis;
mod spectrum;
mod steps;
mod stretch;
mod suggestions;
mod time;
mod timeline;
mod training;
mod training_form;
mod training_kgvsf;
mod training_rows;
mod training_stp;
mod values;
mod vector_style;
mod weather;

pub use derived::FormulaEdit;
pub use jobs::progress_text;
pub use sample::copy_ui;
pub use spectrum::number_text;
pub use suggestions::suggestion_marks_ui;

use egui::{Align2, FontId, Rect};

use crate::commands::Command;
use crate::session::Tab;
use crate::state::State;
use crate::theme;

/// Left, right and the log below; called before the map takes what is left.
pub fn side_panels_ui(ui: &mut egui::Ui, state: &mut State) {
    let frame = egui::Frame::new()
        .fill(ui.visuals().panel_fill)
        .inner_margin(egui::Margin::symmetric(10, 8));
    if state.session.log_open {
        egui::Panel::bottom("log")
            .frame(frame)
            .resizable(true)
            .default_size(130.0)
            .min_size(70.0)
            .show(ui, |ui| {
                state.messages.log_ui(ui);
            });
    }
    timeline::timeline_ui(ui, state);
    if state.session.left_open {
        egui::Panel::left("left")
            .frame(frame)
            .resizable(true)
            .default_size(236.0)
            .size_range(190.0..=420.0)
            .show(ui, |ui| {
                left_ui(ui, state);
            });
    }
    if state.session.right_open {
        egui::Panel::right("right")
            .frame(frame)
            .resizable(true)
            .default_size(336.0)
            .size_range(300.0..=560.0)
            .show(ui, |ui| {
                right_ui(ui, state);
            });
    }
    properties::properties_ui(ui, state);
    attribute_table::attribute_table_ui(ui, state);
    models::models_ui(ui, state);
    training::training_ui(ui, state);
    soil::soil_ui(ui, state);
}

fn left_ui(ui: &mut egui::Ui, state: &mut State) {
    let half = ui.available_height() * 0.5;
    layers::layers_ui(ui, state, half);
    ui.separator();
    let undo_height = if state.session.undo_open { 150.0 } else { 0.0 };
    labels::labels_ui(ui, state, (ui.available_height() - undo_height).max(80.0));
    if state.session.undo_open {
        ui.separator();
        steps::steps_ui(ui, state);
    }
}

fn right_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for tab in Tab::ALL {
            let is_chosen = state.session.tab == tab;
            let color = if is_chosen {
                ui.visuals().text_color()
            } else {
                theme::colors(ui.visuals()).weak
            };
            let text = egui::RichText::new(tab.name()).color(color);
            if ui.add(egui::Button::selectable(is_chosen, text)).clicked() {
                state.session.tab = tab;
            }
        }
    });
    ui.separator();
    // The band table scrolls itself, because it may hold thousands of rows.
    match state.session.tab {
        Tab::Style if state.active_is_vector() => scroll_ui(ui, |ui| {
            if let Some(layer) = state.active_layer().cloned() {
                vector_style::vector_style_ui(ui, state, &layer);
            }
        }),
        Tab::Style => scroll_ui(ui, |ui| bands::bands_ui(ui, state)),
        Tab::Spectrum => scroll_ui(ui, |ui| {
            shapes_here::shapes_here_ui(ui, state);
            spectrum::spectrum_ui(ui, state);
        }),
        Tab::Time => scroll_ui(ui, |ui| time::time_ui(ui, state)),
        Tab::Field => scroll_ui(ui, |ui| field::field_ui(ui, state)),
        Tab::Run => scroll_ui(ui, |ui| {
            model::model_ui(ui, state);
            jobs::jobs_ui(ui, state);
        }),
        Tab::Accuracy => scroll_ui(ui, |ui| accuracy::accuracy_ui(ui, state)),
    }
}

fn scroll_ui(ui: &mut egui::Ui, content: impl FnOnce(&mut egui::Ui)) {
    egui::ScrollArea::vertical()
        .auto_shrink([false, false])
        .show(ui, content);
}

/// What the map says while there is nothing to show.
pub fn empty_map_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.36);
        ui.label(
            egui::RichText::new(theme::icon::GLOBE_HEMISPHERE_WEST)
                .size(48.0)
                .color(theme::colors(ui.visuals()).accent),
        );
        ui.add_space(theme::SMALL_GAP);
        ui.heading("No layers yet");
        ui.label("Drop a raster or a vector file here, or open one.");
        ui.add_space(theme::GAP);
        for command in [Command::AddRaster, Command::OpenProject, Command::OpenPath] {
            let info = command.info();
            if ui
                .add(
                    egui::Button::new(format!("{}  {}", info.icon, info.name()))
                        .min_size(egui::vec2(180.0, 28.0)),
                )
                .clicked()
            {
                state.queue.push_back(command);
            }
            ui.add_space(theme::SMALL_GAP);
        }
    });
}

/// Small signs over the map: reading, legend of the live map, attribution. `reading` says what the canvas is at.
pub fn map_overlay_ui(ui: &egui::Ui, state: &State, rect: Rect, reading: &str) {
    let painter = ui.painter().with_clip_rect(rect);
    let font = FontId::proportional(12.0);
    let mut signs = Vec::new();
    if let Some(text) = state.vectors.progress_text() {
        signs.push(text);
        ui.ctx()
            .request_repaint_after(std::time::Duration::from_millis(200));
    } else if state.opening > 0 {
        signs.push("Opening…".to_owned());
    } else if !reading.is_empty() {
        signs.push(reading.to_owned());
    }
    if state.live.is_fitting {
        signs.push("Updating the map…".to_owned());
    }
    let attribution: Vec<String> = state
        .history
        .document()
        .layers
        .iter()
        .filter(|layer| layer.visible)
        .filter_map(|layer| layer.attribution.clone())
        .collect();
    let boxed = |text: &str, at: egui::Pos2, align: Align2| {
        let galley = painter.layout(
            text.to_owned(),
            font.clone(),
            egui::Color32::WHITE,
            rect.width() * 0.7,
        );
        let area = align.anchor_size(at, galley.size());
        painter.rect_filled(
            area.expand2(egui::vec2(6.0, 3.0)),
            4.0,
            egui::Color32::from_black_alpha(165),
        );
        painter.galley(area.min, galley, egui::Color32::WHITE);
    };
    if !signs.is_empty() {
        boxed(
            &signs.join("  "),
            rect.left_top() + egui::vec2(14.0, 12.0),
            Align2::LEFT_TOP,
        );
    }
    if !attribution.is_empty() {
        let mut lines = attribution;
        lines.dedup();
        boxed(
            &lines.join("  ·  "),
            rect.right_bottom() - egui::vec2(12.0, 10.0),
            Align2::RIGHT_BOTTOM,
        );
    }
}
