//! Series to field: which images, which days, which model; what it will cost, and the button. Draws and asks; what is known and
//! what becomes of it stands in `series_field.rs` of the window.

use std::sync::Arc;

use egui::{ComboBox, RichText, TextEdit};
use terroir_engine::{JobSpec, SERIES_MODELS, command_line};
use terroir_scene::Period;

use super::model::{device_ui, estimate_ui, model_text};
use crate::archive_facts::{ArchiveFacts, Standing};
use crate::commands::Command;
use crate::dialogs::Purpose;
use crate::export::primary_button;
use crate::language::{said, t};
use crate::series_field::{Facts, When};
use crate::state::State;
use crate::theme::{self, icon};

/// A view that was scrolled less long ago still moves.
const VIEW_REST_SECS: f32 = 0.4;
/// Lines of what a look at the images has to say.
const MOST_NOTES: usize = 4;

pub fn series_field_ui(ui: &mut egui::Ui, state: &mut State) {
    state.jobs.want_devices();
    state.want_models();
    if state.image_series().is_empty() && state.series_field.folders.is_empty() {
        theme::empty_ui(ui, t!("series-field-none"), t!("series-field-none-next"));
        ui.horizontal(|ui| {
            if ui.button(t!("series-field-from-folder")).clicked() {
                state.queue.push_back(Command::SeriesFromFolder);
            }
            add_folder_ui(ui, state);
        });
        return;
    }
    theme::section_ui(ui, t!("series-field-what"));
    what_ui(ui, state);
    let facts = match state.archive_facts() {
        Facts::Known(facts) => facts,
        Facts::Nothing => {
            wrong_ui(ui, t!("series-field-choose"));
            return;
        }
        Facts::Looking => {
            ui.horizontal(|ui| {
                ui.spinner();
                let weak = theme::colors(ui.visuals()).weak;
                ui.label(RichText::new(t!("series-field-looking")).color(weak));
            });
            return;
        }
        Facts::Wrong(why) => {
            wrong_ui(ui, &why);
            model_section_ui(ui, state, None);
            return;
        }
    };
    facts_ui(ui, state, &facts);
    theme::section_ui(ui, t!("series-field-when"));
    when_ui(ui, state, &facts);
    model_section_ui(ui, state, Some(&facts));
    run_ui(ui, state, &facts);
    ui.separator();
    egui::CollapsingHeader::new(t!("series-field-slide"))
        .id_salt("slide")
        .show(ui, |ui| super::periods::slide_ui(ui, state, &facts));
    egui::CollapsingHeader::new(t!("series-field-season"))
        .id_salt("season")
        .show(ui, |ui| super::season::season_ui(ui, state, &facts));
    egui::CollapsingHeader::new(t!("series-field-belief"))
        .id_salt("belief")
        .show(ui, |ui| super::belief::belief_ui(ui, state, &facts));
}

pub fn wrong_ui(ui: &mut egui::Ui, why: &str) {
    let color = theme::colors(ui.visuals()).warning;
    let text = RichText::new(format!("{} {}", icon::WARNING, said(why))).color(color);
    ui.add(egui::Label::new(text).wrap());
}

pub fn weak_ui(ui: &mut egui::Ui, text: &str) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.add(egui::Label::new(RichText::new(said(text)).small().color(weak)).wrap());
}

fn add_folder_ui(ui: &mut egui::Ui, state: &mut State) {
    if ui
        .button(t!("series-field-add-folder"))
        .on_hover_text(t!("series-field-add-folder.tip"))
        .clicked()
    {
        let ctx = ui.ctx().clone();
        state.pick(&ctx, Purpose::ImagesFolder);
    }
}

/// The series and folders that are used.
fn what_ui(ui: &mut egui::Ui, state: &mut State) {
    let weak = theme::colors(ui.visuals()).weak;
    for layer in state.image_series() {
        let Some(series) = layer.series() else {
            continue;
        };
        let mut is_used = !state.series_field.left_out.contains(&layer.id);
        ui.horizontal(|ui| {
            if ui.checkbox(&mut is_used, &layer.name).changed() {
                if is_used {
                    state.series_field.left_out.remove(&layer.id);
                } else {
                    state.series_field.left_out.insert(layer.id);
                }
            }
            let text = match series.dated() {
                0 => t!("series-field-no-dates").to_owned(),
                dated => t!("series-field-dates", count = dated),
            };
            ui.label(RichText::new(text).small().color(weak));
        });
        if series.dated() == 0 && is_used {
            wrong_ui(ui, &t!("series-field-undated", layer = &layer.name));
        }
    }
    let mut removed = None;
    for (index, folder) in state.series_field.folders.iter().enumerate() {
        ui.horizontal(|ui| {
            if theme::icon_button(ui, icon::X, t!("series-field-leave-folder")).clicked() {
                removed = Some(index);
            }
            let name = folder.file_name().unwrap_or(folder.as_os_str());
            ui.add(egui::Label::new(name.to_string_lossy()).truncate())
                .on_hover_text(folder.display().to_string());
        });
    }
    if let Some(index) = removed {
        state.series_field.folders.remove(index);
    }
    add_folder_ui(ui, state);
}

/// What the look at the images found: sensors, days, and what is left out.
fn facts_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) {
    let weak = theme::colors(ui.visuals()).weak;
    egui::Grid::new("series facts")
        .num_columns(2)
        .spacing([10.0, 4.0])
        .show(ui, |ui| {
            for sensor in facts.sensors.iter().filter(|sensor| sensor.is_input) {
                ui.label(RichText::new(&sensor.name).color(weak));
                let text = match sensor.images.len() {
                    0 => t!("series-field-no-image").to_owned(),
                    count => t!("series-field-images", count = count),
                };
                ui.add(egui::Label::new(text).truncate())
                    .on_hover_text(t!("series-field-bands", bands = &sensor.bands));
                ui.end_row();
            }
            if let Some(span) = facts.span() {
                ui.label(RichText::new(t!("series-field-days")).color(weak));
                ui.label(span.name());
                ui.end_row();
            }
            let label = ui.label(t!("series-field-support"));
            ui.add(
                TextEdit::singleline(&mut state.series_field.support)
                    .desired_width(ui.available_width())
                    .hint_text(t!("series-field-support.hint")),
            )
            .labelled_by(label.id)
            .on_hover_text(t!("series-field-support.tip"));
            ui.end_row();
        });
    match state.support_period() {
        Err(why) => wrong_ui(ui, &why),
        Ok(Some(support)) => match facts.counts_text(Some(&support)) {
            counts if counts.is_empty() => {
                wrong_ui(ui, t!("series-field-support-none"));
            }
            counts => weak_ui(ui, &t!("series-field-used", counts = counts)),
        },
        Ok(None) => {}
    }
    let typed = state.typed_dates();
    if typed > 0 {
        wrong_ui(ui, &t!("series-field-typed-dates", count = typed));
    }
    for note in facts.notes.iter().take(MOST_NOTES) {
        weak_ui(ui, &format!("{} {}", icon::INFO, said(note)));
    }
    if facts.notes.len() > MOST_NOTES {
        let rest: Vec<&str> = facts
            .notes
            .iter()
            .skip(MOST_NOTES)
            .map(String::as_str)
            .collect();
        let text = t!("series-field-more-notes", count = rest.len());
        ui.label(RichText::new(text).small().color(weak))
            .on_hover_text(rest.join("\n"));
    }
}

/// Kind of periods, the one that is chosen, and where they lie among the images.
fn when_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) {
    let support = state.support_period().ok().flatten();
    let span = support.or_else(|| facts.span());
    let chosen = state.chosen_periods(facts);
    egui::Grid::new("series when")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            let label = ui.label(t!("series-field-sum-up"));
            ComboBox::from_id_salt("series when")
                .width(ui.available_width())
                .selected_text(state.series_field.when.name())
                .show_ui(ui, |ui| {
                    for when in When::ALL {
                        ui.selectable_value(&mut state.series_field.when, when, when.name());
                    }
                })
                .response
                .labelled_by(label.id);
            ui.end_row();
            let choices = span
                .map(|span| state.series_field.when.choices(&span))
                .unwrap_or_default();
            if state.series_field.when == When::Own {
                let label = ui.label(t!("series-field-days"));
                ui.add(
                    TextEdit::singleline(&mut state.series_field.own)
                        .desired_width(ui.available_width())
                        .hint_text("2018-03-01..2018-09-01, 2018-05"),
                )
                .labelled_by(label.id)
                .on_hover_text(t!("series-field-own-hint"));
                ui.end_row();
            } else if !choices.is_empty() {
                ui.label(t!("series-field-period"));
                let period = chosen
                    .as_ref()
                    .ok()
                    .and_then(|periods| periods.first().copied());
                let picked = period_choice_ui(ui, facts, &choices, period, support.as_ref());
                if picked.is_some() {
                    state.series_field.chosen = picked;
                }
                ui.end_row();
            }
        });
    match &chosen {
        Err(why) => wrong_ui(ui, why),
        Ok(periods) => standing_ui(ui, facts, periods, support.as_ref()),
    }
}

fn period_choice_ui(
    ui: &mut egui::Ui,
    facts: &ArchiveFacts,
    choices: &[Period],
    chosen: Option<Period>,
    support: Option<&Period>,
) -> Option<Period> {
    let mut picked = None;
    ComboBox::from_id_salt("series period")
        .width(ui.available_width())
        .selected_text(chosen.map(|period| period.name()).unwrap_or_default())
        .show_ui(ui, |ui| {
            for period in choices {
                let text = match facts.standing(period, support) {
                    Standing::Seen(count) => t!(
                        "series-field-choice-seen",
                        period = period.name(),
                        count = count
                    ),
                    Standing::Gap => t!("series-field-choice-gap", period = period.name()),
                    Standing::Beyond => t!("series-field-choice-beyond", period = period.name()),
                };
                if ui.selectable_label(chosen == Some(*period), text).clicked() {
                    picked = Some(*period);
                }
            }
        })
        .response
        .widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::ComboBox, true, t!("series-field-sum-up"))
        });
    picked
}

/// How many fields there will be, and what they rest on.
fn standing_ui(
    ui: &mut egui::Ui,
    facts: &ArchiveFacts,
    periods: &[Period],
    support: Option<&Period>,
) {
    if let [only] = periods {
        let standing = facts.standing(only, support);
        let text = t!(
            "series-field-standing",
            period = only.name(),
            standing = standing.text()
        );
        match standing {
            Standing::Seen(_) => weak_ui(ui, &text),
            Standing::Gap | Standing::Beyond => wrong_ui(ui, &text),
        }
        return;
    }
    let names = match (periods.first(), periods.last()) {
        (Some(first), Some(last)) => t!(
            "series-field-span",
            first = first.name(),
            last = last.name()
        ),
        _ => String::new(),
    };
    weak_ui(
        ui,
        &t!("series-field-fields", count = periods.len(), span = names),
    );
    let empty = periods
        .iter()
        .filter(|period| !matches!(facts.standing(period, support), Standing::Seen(_)));
    let names: Vec<String> = empty.map(Period::name).collect();
    if !names.is_empty() {
        let listed = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let text = match names.len() {
            0..=3 => t!("series-field-empty", periods = listed),
            count => t!(
                "series-field-empty-more",
                periods = listed,
                more = count - 3
            ),
        };
        wrong_ui(ui, &text);
    }
}

/// Model, weights, device, area and file.
fn model_section_ui(ui: &mut egui::Ui, state: &mut State, facts: Option<&Arc<ArchiveFacts>>) {
    theme::section_ui(ui, t!("series-field-which-model"));
    egui::Grid::new("series model")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label(t!("series-field-model"));
            choice_ui(ui, state);
            ui.end_row();
            ui.label(t!("series-field-weights"));
            weights_ui(ui, state);
            ui.end_row();
            ui.label(t!("series-field-device"));
            device_ui(ui, state);
            ui.end_row();
            if let Some(facts) = facts {
                let label = ui.label(t!("series-field-area"));
                area_ui(ui, state, facts).labelled_by(label.id);
                ui.end_row();
                ui.label(t!("series-field-file"));
                out_ui(ui, state, facts);
                ui.end_row();
            }
        });
    if state.series_weights().is_none() {
        wrong_ui(ui, t!("series-field-untrained"));
    }
}

/// Buttons on the right, and before them whatever takes the rest of the width.
fn row_ui(ui: &mut egui::Ui, content: impl FnOnce(&mut egui::Ui)) {
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            content(ui);
        });
    });
}

fn choice_ui(ui: &mut egui::Ui, state: &mut State) {
    let text = state.series_field.model.clone();
    ComboBox::from_id_salt("series model")
        .width(ui.available_width())
        .selected_text(text)
        .show_ui(ui, |ui| {
            for name in SERIES_MODELS {
                let text = match state.series_model(name) {
                    Some(model) => model_text(&model),
                    None => name.to_owned(),
                };
                let is_chosen = state.series_field.model == name;
                if ui.selectable_label(is_chosen, text).clicked() {
                    state.series_field.model = name.to_owned();
                    state.series_field.weights.clear();
                }
            }
        })
        .response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, t!("models-model")));
}

fn weights_ui(ui: &mut egui::Ui, state: &mut State) {
    row_ui(ui, |ui| {
        let installed = state.models.weights_of(&state.series_field.model);
        if state.series_field.is_untrained && installed.is_some() {
            let name = t!("models-use-installed");
            if theme::icon_button(ui, icon::ARROW_COUNTER_CLOCKWISE, name).clicked() {
                state.series_field.is_untrained = false;
            }
        } else if state.series_weights().is_some()
            && theme::icon_button(ui, icon::X, t!("models-use-none")).clicked()
        {
            state.series_field.weights.clear();
            state.series_field.is_untrained = installed.is_some();
        }
        if ui
            .button("…")
            .on_hover_text(t!("series-field-choose-weights"))
            .clicked()
        {
            let ctx = ui.ctx().clone();
            state.pick(&ctx, Purpose::SeriesWeights);
        }
        let hint = match installed.filter(|_| !state.series_field.is_untrained) {
            Some(path) => path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            None => t!("models-none").to_owned(),
        };
        ui.add(
            TextEdit::singleline(&mut state.series_field.weights)
                .desired_width(ui.available_width())
                .hint_text(hint),
        );
    });
}

fn area_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) -> egui::Response {
    let text = |window: Option<terroir_scene::Window>| match window {
        Some(window) => t!(
            "series-field-in-view",
            width = window.width,
            height = window.height
        ),
        None => t!("series-field-in-view-nothing").to_owned(),
    };
    let grid = &facts.grid;
    let whole = t!(
        "series-field-whole",
        width = grid.width,
        height = grid.height
    );
    let in_view = text(state.view_window(grid, None));
    ComboBox::from_id_salt("series area")
        .width(ui.available_width())
        .truncate()
        .selected_text(match state.series_field.only_view {
            true => in_view.clone(),
            false => whole.clone(),
        })
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut state.series_field.only_view, false, whole);
            ui.selectable_value(&mut state.series_field.only_view, true, in_view);
        })
        .response
}

fn out_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) {
    let periods = state.chosen_periods(facts).unwrap_or_default();
    let default = state
        .field_of_series_path(facts, &periods)
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    row_ui(ui, |ui| {
        if ui
            .button("…")
            .on_hover_text(t!("series-field-choose-out"))
            .clicked()
        {
            let ctx = ui.ctx().clone();
            state.pick_with(&ctx, Purpose::SeriesFieldOut, &default);
        }
        let tip = match state.series_field.out.is_empty() {
            true => default.clone(),
            false => state.series_field.out.clone(),
        };
        ui.add(
            TextEdit::singleline(&mut state.series_field.out)
                .desired_width(ui.available_width())
                .hint_text(default),
        )
        .on_hover_text(tip);
    });
}

fn run_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) {
    let spec = match state.series_field_spec(facts) {
        Ok(spec) => spec,
        // What is missing is said where it is asked for.
        Err(why) => {
            let size = egui::vec2(ui.available_width(), 30.0);
            let button = primary_button(ui, t!("series-field-make"));
            ui.add_enabled_ui(false, |ui| ui.add_sized(size, button))
                .inner
                .on_disabled_hover_text(why);
            return;
        }
    };
    // While the map is moved, its part in view is another one every frame.
    let is_moving = ui
        .input(|input| input.pointer.any_down() || input.time_since_last_scroll() < VIEW_REST_SECS);
    if is_moving && state.series_field.only_view {
        ui.ctx()
            .request_repaint_after(std::time::Duration::from_secs_f32(VIEW_REST_SECS));
    }
    estimate_ui(
        ui,
        state,
        &spec,
        !(is_moving && state.series_field.only_view),
    );
    ui.add_space(theme::SMALL_GAP);
    let name = match &spec {
        JobSpec::EmbedSeries(spec) if spec.periods.len() > 1 => {
            t!("series-field-make-several", count = spec.periods.len())
        }
        _ => t!("series-field-make").to_owned(),
    };
    start_ui(ui, state, &name, spec);
}

/// The button of a job and its command line.
pub fn start_ui(ui: &mut egui::Ui, state: &mut State, name: &str, spec: JobSpec) {
    let runs = state
        .jobs
        .list
        .iter()
        .any(|job| !job.is_over() && job.spec == spec);
    let button = primary_button(ui, name);
    let size = egui::vec2(ui.available_width(), 30.0);
    let is_started = ui
        .add_enabled_ui(!runs, |ui| ui.add_sized(size, button))
        .inner
        .on_disabled_hover_text(t!("series-field-runs"))
        .clicked();
    if ui
        .button(format!("{}  {}", icon::COPY, t!("series-field-copy")))
        .on_hover_text(t!("series-field-copy.tip"))
        .clicked()
    {
        ui.ctx().copy_text(command_line(&spec));
    }
    if is_started {
        state.start_series_job(spec);
    }
}
