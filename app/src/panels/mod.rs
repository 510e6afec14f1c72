//! What is in the panels around the map, and the windows over it. Where the panels lie stands in `arrangement.rs`.

mod about;
mod accuracy;
mod attribute_table;
mod bands;
mod belief;
mod change;
mod chart;
mod classes;
mod clusters;
mod comparison;
mod crops;
mod derived;
mod exact_figures;
mod field;
mod field_picture;
mod forecast;
mod frames;
mod guide;
mod held_out;
mod image_choice;
mod jobs;
mod kept_profiles;
mod keys;
mod label_statistics;
mod labels;
mod layers;
mod legend;
mod method;
mod missing_color;
mod model;
mod models;
mod periods;
mod progress;
mod properties;
mod ramp;
mod remarks;
mod sample;
mod season;
mod series_field;
mod shapes_here;
mod similarity;
mod soil;
mod spectral_axis;
mod spectrum;
mod start;
mod steps;
mod stretch;
mod suggestions;
mod swatch;
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

pub use about::about_ui;
pub use chart::take_chart_picture;
pub use derived::FormulaEdit;
pub use guide::guide_ui;
pub use jobs::progress_text;
pub use keys::{KeysForm, keys_ui, take_new_key};
pub use model::cost_ui;
pub use spectrum::number_text;
pub use start::start_ui;
pub use suggestions::suggestion_marks_ui;

use egui::{Align2, FontId, Rect};

use crate::arrangement::Panel;
use crate::language::t;
use crate::state::State;
use crate::theme;

/// The timeline and the windows over everything; called before the map takes what is left.
pub fn around_ui(ui: &mut egui::Ui, state: &mut State) {
    timeline::timeline_ui(ui, state);
    properties::properties_ui(ui, state);
    attribute_table::attribute_table_ui(ui, state);
}

/// What is in a docked panel. The map is the window's own.
pub fn panel_ui(ui: &mut egui::Ui, state: &mut State, panel: Panel) {
    // The band table, lists and log scroll themselves, because they may hold thousands of rows.
    match panel {
        Panel::Map => {}
        Panel::Layers => layers::layers_ui(ui, state),
        Panel::Classes => labels::labels_ui(ui, state),
        Panel::Steps => steps::steps_ui(ui, state),
        Panel::Log => state.messages.log_ui(ui),
        Panel::Style if state.active_is_vector() => scroll_ui(ui, |ui| {
            if let Some(layer) = state.active_layer().cloned() {
                vector_style::vector_style_ui(ui, state, &layer);
            }
        }),
        Panel::Style => scroll_ui(ui, |ui| bands::bands_ui(ui, state)),
        Panel::Spectrum => scroll_ui(ui, |ui| {
            shapes_here::shapes_here_ui(ui, state);
            spectrum::spectrum_ui(ui, state);
        }),
        Panel::Time => scroll_ui(ui, |ui| time::time_ui(ui, state)),
        Panel::Field => scroll_ui(ui, |ui| field::field_ui(ui, state)),
        Panel::Run => scroll_ui(ui, |ui| {
            model::model_ui(ui, state);
            jobs::jobs_ui(ui, state);
        }),
        Panel::Accuracy => scroll_ui(ui, |ui| accuracy::accuracy_ui(ui, state)),
        Panel::Models => models::models_ui(ui, state),
        Panel::Training => training::training_ui(ui, state),
        Panel::Crops => crops::crops_ui(ui, state),
        Panel::Soil => soil::soil_ui(ui, state),
    }
}

/// What a part of a panel that collects the wishes of clicks is drawn by.
type Part<'a, W> = &'a dyn Fn(&mut egui::Ui, &mut State, &mut Option<W>);

/// A form, the button that starts what it says, and what came of it. Side by side where there is room, and the button stays in
/// sight while the form scrolls; one under the other where not.
struct FormParts<'a, W> {
    form: Part<'a, W>,
    start: Part<'a, W>,
    outcome: Part<'a, W>,
}

fn form_and_outcome_ui<W>(
    ui: &mut egui::Ui,
    state: &mut State,
    wish: &mut Option<W>,
    parts: &FormParts<'_, W>,
) {
    const FORM: f32 = 310.0;
    const LEAST_OUTCOME: f32 = 300.0;
    if ui.available_width() < FORM + LEAST_OUTCOME {
        scroll_ui(ui, |ui| {
            (parts.form)(ui, state, wish);
            ui.add_space(theme::SMALL_GAP);
            (parts.start)(ui, state, wish);
            ui.separator();
            (parts.outcome)(ui, state, wish);
        });
        return;
    }
    let margin = |x, y| egui::Frame::new().inner_margin(egui::Margin::symmetric(x, y));
    egui::Panel::left(ui.scope_id().with("form"))
        .resizable(false)
        .exact_size(FORM)
        .frame(margin(4, 2))
        .show(ui, |ui| {
            egui::Panel::bottom(ui.scope_id().with("start"))
                .resizable(false)
                .frame(margin(0, 8))
                .show(ui, |ui| (parts.start)(ui, state, wish));
            let width = ui.available_width();
            scroll_ui(ui, |ui| {
                ui.set_max_width(width - 8.0);
                (parts.form)(ui, state, wish);
            });
        });
    margin(8, 2).show(ui, |ui| {
        egui::ScrollArea::vertical()
            .id_salt("outcome")
            .auto_shrink([false, false])
            .show(ui, |ui| (parts.outcome)(ui, state, wish));
    });
}

/// Buttons at the right end of a panel's title, from the right.
pub fn title_buttons_ui(ui: &mut egui::Ui, state: &mut State, panel: Panel) {
    match panel {
        Panel::Layers => layers::title_buttons_ui(ui, state),
        Panel::Classes => labels::title_buttons_ui(ui, state),
        _ => {}
    }
}

fn scroll_ui(ui: &mut egui::Ui, content: impl FnOnce(&mut egui::Ui)) {
    egui::ScrollArea::vertical()
        .auto_shrink([false, false])
        .show(ui, content);
}

/// Where the scale bar may be, from the lower left corner of the map; points.
const SCALE_BAR: egui::Vec2 = egui::vec2(210.0, 36.0);

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
        signs.push(t!("layers-opening").to_owned());
    } else if !reading.is_empty() {
        signs.push(reading.to_owned());
    }
    if state.live.is_fitting {
        signs.push(t!("layers-updating").to_owned());
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
        let mut area = align.anchor_size(at, galley.size());
        // Where both have no room side by side, it lies above the scale bar.
        let lifts = align == Align2::RIGHT_BOTTOM && state.settings.scale_bar;
        if lifts && area.left() < rect.left() + SCALE_BAR.x {
            area = area.translate(egui::vec2(0.0, -SCALE_BAR.y));
        }
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
