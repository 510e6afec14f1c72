//! The similarity search in the Field panel: examples, threshold, what is written, and the places found.

use std::sync::Arc;

use egui::{DragValue, RichText, Slider};
use terroir_engine::{JobSpec, command_line};
use terroir_scene::{Combine, Example, Layer, MIXED_COHERENCE, Similarity, Style};

use super::field::ramp_legend_ui;
use super::layers::{drag_step, end_drag_step};
use super::model::cost_ui;
use crate::dialogs::Purpose;
use crate::jobs::count_text;
use crate::language::t;
use crate::similarity::PickExample;
use crate::state::State;
use crate::theme::{self, icon};

pub fn similarity_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    pick_ui(ui, state);
    let Some(Style::FieldSimilarity(similarity)) = &layer.style else {
        return;
    };
    examples_ui(ui, state, layer, similarity);
    ramp_legend_ui(
        ui,
        "similarity",
        t!("similarity-different"),
        t!("similarity-alike"),
    );
    sliders_ui(ui, state, layer, similarity);
    write_ui(ui, state);
    places_ui(ui, state);
}

/// What the next click does, and the other ways to name an example.
fn pick_ui(ui: &mut egui::Ui, state: &mut State) {
    let pick = state.session.similar.pick;
    ui.horizontal_wrapped(|ui| {
        ui.label(t!("similarity-example"));
        for (wanted, name, tip) in [
            (
                PickExample::Pixel,
                t!("similarity-pixel"),
                t!("similarity-pixel.tip"),
            ),
            (
                PickExample::Area,
                t!("similarity-area"),
                t!("similarity-area.tip"),
            ),
        ] {
            let response = ui
                .selectable_label(pick == Some(wanted), name)
                .on_hover_text(tip);
            if response.clicked() {
                if pick == Some(wanted) {
                    state.session.similar.pick = None;
                } else {
                    state.pick_example(wanted);
                }
            }
        }
        class_menu_ui(ui, state);
    });
    let hint = match pick {
        Some(PickExample::Pixel) => {
            t!("similarity-pixel.hint")
        }
        Some(PickExample::Area) => {
            t!("similarity-area.hint")
        }
        None => return,
    };
    ui.label(RichText::new(hint).color(theme::colors(ui.visuals()).accent));
}

/// Labels of a class as examples.
fn class_menu_ui(ui: &mut egui::Ui, state: &mut State) {
    let counts = state.label_counts();
    let classes: Vec<(u8, String)> = state
        .history
        .document()
        .labels
        .iter()
        .flat_map(|labels| labels.classes.iter())
        .filter(|class| counts.get(&class.id).is_some_and(|count| *count > 0))
        .map(|class| (class.id, class.name.clone()))
        .collect();
    ui.add_enabled_ui(!classes.is_empty(), |ui| {
        let menu = ui.menu_button(t!("similarity-labels"), |ui| {
            for (id, name) in &classes {
                let count = counts.get(id).copied().unwrap_or_default();
                let text = t!(
                    "similarity-class",
                    class = name,
                    pixels = count_text(count as u64)
                );
                if ui.button(text).clicked() {
                    state.examples_from_class(*id);
                    ui.close();
                }
            }
        });
        menu.response
            .on_hover_text(t!("similarity-labels.tip"))
            .on_disabled_hover_text(t!("similarity-labels.none"));
    });
}

fn examples_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, similarity: &Similarity) {
    const ROWS: usize = 6;
    let mut removed = None;
    for (index, example) in similarity.examples.iter().enumerate().take(ROWS) {
        ui.horizontal(|ui| {
            let (glyph, text) = example_text(example);
            ui.label(glyph);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if similarity.examples.len() > 1
                    && theme::icon_button(ui, icon::X, t!("similarity-remove")).clicked()
                {
                    removed = Some(index);
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.add(egui::Label::new(RichText::new(text).small()).truncate());
                });
            });
        });
    }
    let more = similarity.examples.len().saturating_sub(ROWS);
    let colors = theme::colors(ui.visuals());
    if more > 0 {
        ui.label(
            RichText::new(t!("similarity-more", count = more))
                .small()
                .color(colors.weak),
        );
    }
    if similarity
        .examples
        .iter()
        .any(|example| example.coherence < MIXED_COHERENCE)
    {
        let text = t!("similarity-mixed");
        ui.label(RichText::new(text).color(colors.warning));
    }
    if let Some(index) = removed {
        state.change_layer(layer.id, t!("similarity-step-remove"), |layer| {
            if let Some(Style::FieldSimilarity(similarity)) = &mut layer.style
                && index < similarity.examples.len()
            {
                similarity.examples.remove(index);
            }
        });
    }
    if similarity.examples.len() < 2 {
        return;
    }
    let mut combine = similarity.combine;
    ui.horizontal(|ui| {
        ui.label(t!("similarity-like"));
        ui.selectable_value(&mut combine, Combine::Mean, t!("similarity-all"))
            .on_hover_text(t!("similarity-all.tip"));
        ui.selectable_value(&mut combine, Combine::Max, t!("similarity-any"))
            .on_hover_text(t!("similarity-any.tip"));
    });
    if combine != similarity.combine {
        state.change_layer(layer.id, t!("similarity-step-combine"), |layer| {
            if let Some(Style::FieldSimilarity(similarity)) = &mut layer.style {
                similarity.combine = combine;
            }
        });
    }
}

fn example_text(example: &Example) -> (&'static str, String) {
    if example.is_area() {
        let text = t!(
            "similarity-area-of",
            pixels = count_text(example.pixels),
            coherence = format!("{:.2}", example.coherence)
        );
        return (icon::POLYGON, text);
    }
    let text = match example.at {
        Some((x, y)) => format!("{}, {}", coordinate_text(x), coordinate_text(y)),
        None => t!("similarity-old-pixel").to_owned(),
    };
    (icon::CROSSHAIR, text)
}

/// Metres to one digit, degrees to five.
fn coordinate_text(value: f64) -> String {
    if value.abs() > 400.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.5}")
    }
}

fn sliders_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, similarity: &Similarity) {
    let mut changed = similarity.clone();
    let mut is_toggled = false;
    let mut sliders = Vec::new();
    ui.horizontal(|ui| {
        is_toggled = ui
            .checkbox(&mut changed.only_matches, t!("similarity-only-above"))
            .on_hover_text(t!("similarity-only-above.tip"))
            .changed();
        ui.spacing_mut().slider_width = (ui.available_width() - 62.0).max(60.0);
        sliders.push(ui.add(Slider::new(&mut changed.threshold, 0.0..=1.0).fixed_decimals(2)));
    });
    ui.spacing_mut().slider_width = (ui.available_width() - 110.0).max(60.0);
    for (value, name) in [
        (&mut changed.low, t!("field-from")),
        (&mut changed.high, t!("field-to")),
    ] {
        sliders.push(ui.add(Slider::new(value, -1.0..=1.0).text(name).fixed_decimals(2)));
    }
    for slider in &sliders {
        drag_step(state, slider, t!("similarity-step-range"));
    }
    if changed != *similarity && (changed.high > changed.low || is_toggled) {
        let step = if is_toggled {
            t!("similarity-step-threshold")
        } else {
            t!("similarity-step-range")
        };
        state.change_layer(layer.id, step, |layer| {
            layer.style = Some(Style::FieldSimilarity(changed));
        });
    }
    for slider in &sliders {
        end_drag_step(state, slider);
    }
}

/// Matches of the whole field as files.
fn write_ui(ui: &mut egui::Ui, state: &mut State) {
    let ready = state.similar_spec(Vec::new(), 0).map(|_| ());
    let why = ready.err().unwrap_or_default();
    let out = state.similar_out("similar", "gpkg").into_iter().collect();
    if let Ok(spec) = state.similar_spec(out, 0) {
        cost_ui(ui, state, &JobSpec::Similar(spec));
    }
    ui.horizontal_wrapped(|ui| {
        ui.add_enabled_ui(ready.is_ok(), |ui| {
            for (name, tip, extension) in [
                (t!("similarity-mask"), t!("similarity-mask.tip"), "tif"),
                (
                    t!("similarity-polygons"),
                    t!("similarity-polygons.tip"),
                    "gpkg",
                ),
            ] {
                let response = ui
                    .button(name)
                    .on_hover_text(tip)
                    .on_disabled_hover_text(why);
                if response.clicked() {
                    let purpose = Purpose::SimilarOut(extension);
                    let suggestion = state.suggested_path(&purpose);
                    state.pick_with(ui.ctx(), purpose, &suggestion);
                }
            }
            let copy = format!("{}  {}", icon::COPY, t!("similarity-copy"));
            if ui.button(copy).on_disabled_hover_text(why).clicked() {
                let out = state.similar_out("similar", "gpkg").into_iter().collect();
                if let Ok(spec) = state.similar_spec(out, 0) {
                    ui.ctx().copy_text(command_line(&JobSpec::Similar(spec)));
                }
            }
        });
    });
}

/// The best places of the whole field.
fn places_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.add_space(theme::SMALL_GAP);
    let weak = theme::colors(ui.visuals()).weak;
    let ready = state.similar_spec(Vec::new(), 0).is_ok();
    ui.label(RichText::new(t!("similarity-places")).strong());
    ui.horizontal_wrapped(|ui| {
        let similar = &mut state.session.similar;
        ui.add(DragValue::new(&mut similar.places_wanted).range(1..=1000));
        ui.label(t!("similarity-places-count"));
        ui.add(DragValue::new(&mut similar.apart_px).range(1..=100_000));
        ui.label(t!("similarity-places-apart"));
        if ui
            .add_enabled(ready, egui::Button::new(t!("similarity-find")))
            .on_hover_text(t!("similarity-find.tip"))
            .clicked()
            && let Some(out) = state.similar_out("similar_places", "csv")
        {
            state.start_similar(out, state.session.similar.places_wanted);
        }
    });
    let similar = &state.session.similar;
    if similar.places.is_empty() {
        return;
    }
    let mut chosen = None;
    egui::Grid::new("found places")
        .striped(true)
        .num_columns(3)
        .spacing([12.0, 4.0])
        .show(ui, |ui| {
            for (index, place) in similar.places.iter().enumerate() {
                let is_chosen = similar.chosen_place == Some(index);
                let name = format!("{}", index + 1);
                if ui
                    .selectable_label(is_chosen, name)
                    .on_hover_text(t!("similarity-show-place"))
                    .clicked()
                {
                    chosen = Some(index);
                }
                ui.label(format!("{:.3}", place.similarity));
                let at = format!("{}, {}", coordinate_text(place.x), coordinate_text(place.y));
                ui.label(RichText::new(at).small().color(weak));
                ui.end_row();
            }
        });
    if let Some(index) = chosen {
        state.go_to_found(index);
    }
}
