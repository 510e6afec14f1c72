//! Part of the field panel: a map of a value that was measured at some places.

use std::path::Path;
use std::sync::Arc;

use egui::{ComboBox, RichText, TextEdit};
use terroir_engine::{JobSpec, Outcome, RegressSpec};
use terroir_scene::Layer;

use super::model::cost_ui;
use super::sample::copy_ui;
use crate::commands::Command;
use crate::export::primary_button;
use crate::language::t;
use crate::state::State;
use crate::theme;

pub fn values_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    let Some(field) = state.raster_info(layer).map(|info| info.path.clone()) else {
        return;
    };
    let weak = theme::colors(ui.visuals()).weak;
    let layers = state.value_layers();
    let chosen = layers
        .iter()
        .find(|(layer, _)| Some(layer.id) == state.session.analyses.values_layer)
        .or(layers.first())
        .cloned();
    let Some((chosen, columns)) = chosen else {
        ui.label(RichText::new(t!("analyses-values-none")).color(weak));
        let info = Command::AddVector.info();
        if ui
            .button(format!("{} {}", info.icon, info.name()))
            .clicked()
        {
            state.queue.push_back(Command::AddVector);
        }
        return;
    };
    if !columns.contains(&state.session.analyses.value) {
        state.session.analyses.value = columns.first().cloned().unwrap_or_default();
    }
    let form = &mut state.session.analyses;
    egui::Grid::new("values form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            let label = ui.label(t!("analyses-places"));
            ComboBox::from_id_salt("places")
                .width(ui.available_width())
                .truncate()
                .selected_text(&chosen.name)
                .show_ui(ui, |ui| {
                    for (layer, _) in &layers {
                        if ui
                            .selectable_label(layer.id == chosen.id, &layer.name)
                            .clicked()
                        {
                            form.values_layer = Some(layer.id);
                        }
                    }
                })
                .response
                .labelled_by(label.id);
            ui.end_row();
            let label = ui.label(t!("analyses-value"));
            ComboBox::from_id_salt("value")
                .width(ui.available_width())
                .truncate()
                .selected_text(&form.value)
                .show_ui(ui, |ui| {
                    for column in &columns {
                        ui.selectable_value(&mut form.value, column.clone(), column);
                    }
                })
                .response
                .labelled_by(label.id);
            ui.end_row();
            ui.label(t!("analyses-unit"));
            ui.add(
                TextEdit::singleline(&mut form.unit)
                    .desired_width(90.0)
                    .hint_text("t/ha, dB, %"),
            );
            ui.end_row();
        });
    let runs = state.is_analysing(|spec| matches!(spec, JobSpec::Regress(_)));
    let value = state.session.analyses.value.clone();
    let job = state.regression_job(&field, &chosen, &value);
    if let Some(job) = &job {
        cost_ui(ui, state, job);
    }
    ui.horizontal(|ui| {
        let button = ui.add_enabled(!runs, primary_button(ui, t!("analyses-map-values")));
        let is_started = button
            .on_disabled_hover_text(t!("analyses-running"))
            .on_hover_text(t!("analyses-map-values.tip"))
            .clicked();
        if let Some(job) = job {
            copy_ui(ui, &job);
            if is_started {
                state.start_analysis(job);
            }
        }
        if runs {
            ui.spinner();
            if ui.link(t!("analyses-progress")).clicked() {
                state.show_jobs();
            }
        }
    });
    if let Some((spec, outcome)) = state.last_regression(&field) {
        result_ui(ui, state, &spec, &outcome);
    }
}

fn result_ui(ui: &mut egui::Ui, state: &mut State, spec: &RegressSpec, outcome: &Outcome) {
    let colors = theme::colors(ui.visuals());
    let figure = |name: &str| {
        outcome
            .metrics
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    };
    let unit = if spec.unit.is_empty() {
        String::new()
    } else {
        format!(" {}", spec.unit)
    };
    theme::section_ui(ui, &t!("analyses-result", value = &spec.value));
    let Some(r2) = figure("r2") else {
        ui.label(RichText::new(t!("analyses-too-close")).color(colors.weak));
        return;
    };
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(format!("R² {r2:.2}"))
                .size(22.0)
                .color(colors.accent),
        );
        ui.vertical(|ui| {
            for (name, key) in [("RMSE", "rmse"), (t!("analyses-bias"), "bias")] {
                if let Some(value) = figure(key) {
                    ui.label(
                        RichText::new(format!("{name} {}{unit}", super::number_text(value as f32)))
                            .color(colors.weak),
                    );
                }
            }
        });
    });
    let values = figure("values").unwrap_or_default();
    ui.label(
        RichText::new(t!(
            "analyses-from-values",
            count = crate::jobs::count_text(values as u64)
        ))
        .small()
        .color(colors.weak),
    );
    let page = outcome.files.iter().find(|file| is_page(file));
    if let Some(page) = page
        && ui
            .button(t!("analyses-report"))
            .on_hover_text(t!("analyses-report.tip"))
            .clicked()
    {
        state.send(crate::files::FileTask::ShowInFolder { path: page.clone() });
    }
}

fn is_page(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension == "html")
}
