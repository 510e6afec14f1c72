//! Part of the accuracy panel: which field tells the classes apart, and with how many labels.

use egui::{DragValue, RichText};
use terroir_engine::{EvaluateSpec, JobSpec, Outcome, Shots};

use super::model::cost_ui;
use super::remarks::remarks_ui;
use super::sample::copy_ui;
use super::series_field::wrong_ui;
use crate::comparison::compared_fields;
use crate::export::primary_button;
use crate::files::FileTask;
use crate::language::{said, t};
use crate::state::State;
use crate::theme;

/// Numbers of labels one may choose.
const SHOTS: [Shots; 4] = [Shots::Few(1), Shots::Few(5), Shots::Few(10), Shots::Max];

pub fn comparison_ui(ui: &mut egui::Ui, state: &mut State) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(RichText::new(t!("accuracy-compare")).strong());
    ui.label(RichText::new(t!("accuracy-compare-about")).color(weak));
    let fields = state.fields();
    if fields.is_empty() {
        ui.label(RichText::new(t!("accuracy-compare-none")).color(weak));
        return;
    }
    let form = &mut state.session.comparison;
    for field in &fields {
        let mut is_in = !form.left_out.contains(&field.path);
        let response = ui
            .checkbox(&mut is_in, &field.name)
            .on_hover_text(field.path.display().to_string());
        if response.changed() {
            if is_in {
                form.left_out.remove(&field.path);
            } else {
                form.left_out.insert(field.path.clone());
            }
        }
    }
    egui::Grid::new("comparison form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label(t!("accuracy-compare-shots"));
            ui.horizontal(|ui| {
                for shots in SHOTS {
                    let is_chosen = form.shots.contains(&shots);
                    let text = shots.to_string();
                    let about = match shots {
                        Shots::Max => {
                            t!("accuracy-compare-max", most = EvaluateSpec::MOST)
                        }
                        Shots::Few(count) => t!("accuracy-compare-few", count = count),
                    };
                    if ui
                        .selectable_label(is_chosen, text)
                        .on_hover_text(about)
                        .clicked()
                    {
                        if is_chosen {
                            form.shots.remove(&shots);
                        } else {
                            form.shots.insert(shots);
                        }
                    }
                }
            });
            ui.end_row();
            ui.label(t!("accuracy-compare-splits"));
            ui.add(DragValue::new(&mut form.seeds).range(1..=50))
                .on_hover_text(t!("accuracy-compare-splits.tip"));
            ui.end_row();
        });
    let spec = state.comparison_spec();
    if let Ok(spec) = &spec {
        cost_ui(ui, state, &JobSpec::Evaluate(spec.clone()));
    }
    let runs = state.is_analysing(|spec| matches!(spec, JobSpec::Evaluate(_)));
    ui.horizontal(|ui| {
        let button = ui.add_enabled(
            spec.is_ok() && !runs,
            primary_button(ui, t!("accuracy-compare-start")),
        );
        let why = match &spec {
            Err(why) => *why,
            Ok(_) => t!("accuracy-running"),
        };
        if button
            .on_disabled_hover_text(why)
            .on_hover_text(t!("accuracy-compare-start.tip"))
            .clicked()
        {
            state.start_comparison();
        }
        if let Ok(spec) = spec {
            copy_ui(ui, &JobSpec::Evaluate(spec));
        }
        if runs {
            ui.spinner();
            if ui.link(t!("accuracy-progress")).clicked() {
                state.show_jobs();
            }
        }
    });
    if let Some((spec, outcome)) = state.last_comparison() {
        result_ui(ui, state, &spec, &outcome);
    }
}

fn result_ui(ui: &mut egui::Ui, state: &mut State, spec: &EvaluateSpec, outcome: &Outcome) {
    let colors = theme::colors(ui.visuals());
    theme::section_ui(ui, t!("accuracy-compare-result"));
    egui::ScrollArea::horizontal()
        .id_salt("comparison")
        .show(ui, |ui| {
            egui::Grid::new("comparison")
                .striped(true)
                .spacing([12.0, 4.0])
                .show(ui, |ui| {
                    ui.label(
                        RichText::new(t!("accuracy-compare-shots"))
                            .small()
                            .color(colors.weak),
                    );
                    for shots in &spec.shots {
                        ui.label(RichText::new(shots.to_string()).small().color(colors.weak));
                    }
                    ui.end_row();
                    for field in compared_fields(spec, outcome) {
                        ui.add(egui::Label::new(&field.name).truncate());
                        for best in &field.best {
                            match best {
                                Some((head, share)) => {
                                    ui.monospace(format!("{:.1} %", 100.0 * share))
                                        .on_hover_text(said(head.name()));
                                }
                                None => {
                                    ui.monospace("–");
                                }
                            }
                        }
                        ui.end_row();
                    }
                });
        });
    remarks_ui(ui, &outcome.warnings, 3, wrong_ui);
    let page = outcome.files.iter().find(|file| {
        file.extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("html"))
    });
    if let Some(page) = page
        && ui
            .button(t!("accuracy-compare-report"))
            .on_hover_text(page.display().to_string())
            .clicked()
    {
        state.send(FileTask::OpenPage { path: page.clone() });
    }
}
