//! Part of the time panel: images of days that were not seen, by a rule or a model, and how far they can be believed. Draws
//! and asks; what is known and what becomes of it stands in `forecast.rs` of the window.

use egui::{ComboBox, DragValue, RichText, Slider, TextEdit};
use terroir_engine::{ForecastMethod, ForecastSpec, JobSpec, Outcome};
use terroir_scene::{Baseline, HORIZON_BINS, MOST_WEATHER_MEMBERS};

use super::model::device_ui;
use super::model::estimate_ui;
use super::remarks::remarks_ui;
use super::sample::copy_ui;
use super::series_field::{start_ui, weak_ui, wrong_ui};
use crate::archive_facts::ArchiveFacts;
use crate::commands::Command;
use crate::dialogs::Purpose;
use crate::files::FileTask;
use crate::forecast::{
    AheadBy, ForecastTask, ForecastWhen, WeatherToCome, method_title, rule_sentence, rule_title,
};
use crate::language::t;
use crate::series_field::Facts;
use crate::state::State;
use crate::theme;

pub fn forecast_ui(ui: &mut egui::Ui, state: &mut State) {
    weak_ui(ui, t!("forecast-about"));
    let facts = match state.forecast_facts() {
        Facts::Known(facts) => facts,
        Facts::Nothing => {
            theme::empty_ui(ui, t!("forecast-no-series"), t!("forecast-no-series-next"));
            if ui.button(t!("forecast-new-series")).clicked() {
                state.queue.push_back(Command::SeriesFromFolder);
            }
            return;
        }
        Facts::Looking => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label(t!("forecast-looking"));
            });
            return;
        }
        Facts::Wrong(why) => {
            wrong_ui(ui, &why);
            return;
        }
    };
    ui.horizontal(|ui| {
        let task = &mut state.forecast.task;
        ui.selectable_value(task, ForecastTask::Ahead, t!("forecast-ahead"));
        ui.selectable_value(task, ForecastTask::Gaps, t!("forecast-gaps"))
            .on_hover_text(t!("forecast-gaps-tip"));
    });
    form_ui(ui, state, &facts);
    match state.forecast_spec(&facts) {
        Ok(spec) => {
            say_ui(ui, state, &facts, &spec);
            let name = match state.forecast.task {
                ForecastTask::Ahead => t!("forecast-make"),
                ForecastTask::Gaps => t!("forecast-fill"),
            };
            let spec = JobSpec::Forecast(spec);
            estimate_ui(ui, state, &spec, true);
            start_ui(ui, state, name, spec);
        }
        Err(why) => wrong_ui(ui, &why),
    }
    if state.forecast.task == ForecastTask::Ahead && state.forecast.ahead == AheadBy::Network {
        what_if_ui(ui, state, &facts);
    }
    if let Some((spec, outcome)) = state.last_forecast(&facts) {
        result_ui(ui, state, &spec, &outcome);
    }
}

fn form_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) {
    egui::Grid::new("forecast form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            if let Some(layer) = state.forecast_series() {
                ui.label(t!("forecast-series"));
                ui.add(egui::Label::new(&layer.name).truncate())
                    .on_hover_text(t!("forecast-series-tip"));
                ui.end_row();
            }
            sensor_ui(ui, state, facts);
            let label = ui.label(t!("forecast-method"));
            method_ui(ui, state).labelled_by(label.id);
            ui.end_row();
            if state.forecast.task == ForecastTask::Ahead
                && state.forecast.ahead == AheadBy::Network
            {
                network_ui(ui, state);
            }
            match state.forecast.task {
                ForecastTask::Ahead => days_ahead_ui(ui, state, facts),
                ForecastTask::Gaps => {
                    let label = ui.label(t!("forecast-days"));
                    ui.add(
                        TextEdit::singleline(&mut state.forecast.dates)
                            .desired_width(ui.available_width())
                            .hint_text(t!("forecast-days-gaps")),
                    )
                    .labelled_by(label.id);
                    ui.end_row();
                }
            }
            let label = ui.label(t!("forecast-area"));
            area_ui(ui, state, facts).labelled_by(label.id);
            ui.end_row();
            ui.label(t!("forecast-folder"));
            out_ui(ui, state, facts);
            ui.end_row();
        });
}

fn sensor_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) {
    let dated: Vec<&str> = facts
        .sensors
        .iter()
        .filter(|sensor| sensor.is_input)
        .map(|sensor| sensor.name.as_str())
        .collect();
    if dated.len() < 2 {
        return;
    }
    let chosen = state
        .forecast_sensor(facts)
        .map_or_else(String::new, |sensor| sensor.name.clone());
    let label = ui.label(t!("forecast-sensor"));
    ComboBox::from_id_salt("forecast sensor")
        .width(ui.available_width())
        .selected_text(&chosen)
        .show_ui(ui, |ui| {
            for name in dated {
                if ui.selectable_label(name == chosen, name).clicked() {
                    state.forecast.sensor = name.to_owned();
                }
            }
        })
        .response
        .labelled_by(label.id);
    ui.end_row();
}

fn method_ui(ui: &mut egui::Ui, state: &mut State) -> egui::Response {
    let form = &mut state.forecast;
    match form.task {
        ForecastTask::Ahead => {
            ComboBox::from_id_salt("forecast method")
                .width(ui.available_width())
                .selected_text(form.ahead.title())
                .show_ui(ui, |ui| {
                    for choice in AheadBy::ALL {
                        ui.selectable_value(&mut form.ahead, choice, choice.title())
                            .on_hover_text(choice.sentence());
                    }
                })
                .response
        }
        ForecastTask::Gaps => {
            ComboBox::from_id_salt("filling method")
                .width(ui.available_width())
                .selected_text(rule_title(form.gaps))
                .show_ui(ui, |ui| {
                    for choice in Baseline::ALL.into_iter().rev() {
                        ui.selectable_value(&mut form.gaps, choice, rule_title(choice))
                            .on_hover_text(rule_sentence(choice));
                    }
                })
                .response
        }
    }
}

/// A path that is typed or chosen.
fn path_ui(ui: &mut egui::Ui, state: &mut State, hint: &str, purpose: Purpose) {
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        if ui.button("…").on_hover_text(purpose.title()).clicked() {
            let ctx = ui.ctx().clone();
            state.pick(&ctx, purpose.clone());
        }
        let network = &mut state.forecast.network;
        let text = match purpose {
            Purpose::FutureWeather => &mut network.future,
            _ => &mut network.weights,
        };
        let tip = match text.is_empty() {
            true => hint.to_owned(),
            false => text.clone(),
        };
        ui.add(
            TextEdit::singleline(text)
                .desired_width(ui.available_width())
                .hint_text(hint),
        )
        .on_hover_text(tip);
    });
}

/// Weights, device and weather of the network.
fn network_ui(ui: &mut egui::Ui, state: &mut State) {
    state.jobs.want_devices();
    state.want_models();
    let installed = state
        .forecast_weights()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| t!("forecast-no-weights").to_owned());
    ui.label(t!("forecast-weights"));
    path_ui(ui, state, &installed, Purpose::ForecastWeights);
    ui.end_row();
    ui.label(t!("forecast-device"));
    device_ui(ui, state);
    ui.end_row();
    ui.label(t!("forecast-weather"));
    let known = state.history.document().weather.as_ref();
    match known.and_then(|weather| weather.path.file_name()) {
        Some(name) => {
            let name = name.to_string_lossy().into_owned();
            ui.add(egui::Label::new(name).truncate())
                .on_hover_text(t!("forecast-weather-tip"));
        }
        None => {
            if ui.button(t!("forecast-add-weather")).clicked() {
                let ctx = ui.ctx().clone();
                state.pick(&ctx, Purpose::Weather);
            }
        }
    }
    ui.end_row();
    let label = ui.label(t!("forecast-to-come"));
    let form = &mut state.forecast.network;
    ComboBox::from_id_salt("weather to come")
        .width(ui.available_width())
        .selected_text(form.to_come.name())
        .show_ui(ui, |ui| {
            for choice in WeatherToCome::ALL {
                ui.selectable_value(&mut form.to_come, choice, choice.name());
            }
        })
        .response
        .labelled_by(label.id);
    ui.end_row();
    match form.to_come {
        WeatherToCome::Known => {}
        WeatherToCome::File => {
            ui.label("");
            path_ui(
                ui,
                state,
                t!("forecast-future-hint"),
                Purpose::FutureWeather,
            );
            ui.end_row();
        }
        WeatherToCome::Usual => {
            ui.label("");
            ui.add(
                DragValue::new(&mut form.members)
                    .range(1..=MOST_WEATHER_MEMBERS)
                    .suffix(format!(" {}", t!("forecast-members"))),
            )
            .on_hover_text(t!("forecast-members-tip"));
            ui.end_row();
        }
    }
}

/// Sliders that change the weather to come, for the part in view.
fn what_if_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) {
    theme::section_ui(ui, t!("forecast-what-if"));
    weak_ui(ui, t!("forecast-what-if-about"));
    let before = state.changed_weather();
    let mut is_let_go = false;
    egui::Grid::new("what if")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.spacing_mut().slider_width = 150.0;
            let form = &mut state.forecast.network;
            let label = ui.label(t!("forecast-temperature"));
            let warmer = ui
                .add(
                    Slider::new(&mut form.warmer_c, -6.0..=6.0)
                        .step_by(0.5)
                        .custom_formatter(|value, _| format!("{value:+.1} °C")),
                )
                .labelled_by(label.id);
            ui.end_row();
            let label = ui.label(t!("forecast-rain"));
            let rain = ui
                .add(
                    Slider::new(&mut form.rain_percent, 0.0..=300.0)
                        .step_by(10.0)
                        .suffix(" %"),
                )
                .labelled_by(label.id);
            ui.end_row();
            is_let_go = warmer.drag_stopped() || rain.drag_stopped();
        });
    let spec = state.what_if_spec(facts);
    let is_running = state
        .jobs
        .list
        .iter()
        .any(|job| !job.is_over() && is_what_if(&job.spec));
    let was_shown = state.jobs.list.iter().any(|job| is_what_if(&job.spec));
    let is_changed = state.changed_weather() != before || is_let_go;
    let mut start = None;
    ui.horizontal(|ui| {
        let can_start = spec.is_ok() && !is_running;
        let button = ui.add_enabled(can_start, egui::Button::new(t!("forecast-beside")));
        let why = match &spec {
            Err(why) => why.as_str(),
            Ok(_) => t!("forecast-drawing"),
        };
        if button.on_disabled_hover_text(why).clicked() {
            start = spec.clone().ok();
        }
        if let Ok(spec) = &spec {
            copy_ui(ui, &JobSpec::Forecast(spec.clone()));
        }
        if is_running {
            ui.spinner();
        }
        if ui
            .link(t!("forecast-unchanged"))
            .on_hover_text(t!("forecast-unchanged-tip"))
            .clicked()
        {
            state.forecast.network.warmer_c = 0.0;
            state.forecast.network.rain_percent = 100.0;
        }
    });
    // Once it is shown, letting a slider go draws it again.
    if start.is_none() && was_shown && !is_running && is_let_go && is_changed {
        start = spec.ok();
    }
    if let Some(spec) = start {
        state.start_series_job(JobSpec::Forecast(spec));
    }
}

fn is_what_if(spec: &JobSpec) -> bool {
    match spec {
        JobSpec::Forecast(spec) => match &spec.method {
            ForecastMethod::Model(model) => model.what_if.is_some(),
            ForecastMethod::Baseline(_) => false,
        },
        _ => false,
    }
}

fn days_ahead_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) {
    let label = ui.label(t!("forecast-until"));
    let last = state
        .forecast_sensor(facts)
        .and_then(|sensor| sensor.images.last())
        .map_or_else(String::new, |image| {
            t!("forecast-last", date = image.date.to_string())
        });
    ui.add(
        TextEdit::singleline(&mut state.forecast.until)
            .desired_width(ui.available_width())
            .hint_text(last),
    )
    .labelled_by(label.id)
    .on_hover_text(t!("forecast-until-tip"));
    ui.end_row();
    ui.label(t!("forecast-days"));
    ComboBox::from_id_salt("forecast days")
        .width(ui.available_width())
        .selected_text(state.forecast.when.name())
        .show_ui(ui, |ui| {
            for when in ForecastWhen::ALL {
                ui.selectable_value(&mut state.forecast.when, when, when.name());
            }
        });
    ui.end_row();
    let form = &mut state.forecast;
    match form.when {
        ForecastWhen::Dates => {
            let label = ui.label("");
            ui.add(
                TextEdit::singleline(&mut form.dates)
                    .desired_width(ui.available_width())
                    .hint_text("2018-05-07, 2018-06-07"),
            )
            .labelled_by(label.id);
            ui.end_row();
        }
        ForecastWhen::Steps | ForecastWhen::Images => {
            ui.label("");
            ui.horizontal(|ui| {
                if form.when == ForecastWhen::Steps {
                    ui.label(t!("forecast-every"));
                    ui.add(
                        DragValue::new(&mut form.step_days)
                            .range(1..=120)
                            .suffix(" d"),
                    );
                }
                ui.label(t!("forecast-up-to"));
                ui.add(
                    DragValue::new(&mut form.horizon_days)
                        .range(1..=366)
                        .suffix(format!(" {}", t!("forecast-days-ahead"))),
                );
            });
            ui.end_row();
        }
    }
}

fn area_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) -> egui::Response {
    let grid = &facts.grid;
    let whole = t!("forecast-whole", width = grid.width, height = grid.height);
    let in_view = match state.view_window(grid, None) {
        Some(window) => t!(
            "forecast-in-view",
            width = window.width,
            height = window.height
        ),
        None => t!("forecast-in-view-none").to_owned(),
    };
    ComboBox::from_id_salt("forecast area")
        .width(ui.available_width())
        .truncate()
        .selected_text(match state.forecast.only_view {
            true => in_view.clone(),
            false => whole.clone(),
        })
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut state.forecast.only_view, false, whole);
            ui.selectable_value(&mut state.forecast.only_view, true, in_view);
        })
        .response
}

fn out_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) {
    let default = match state.forecast_spec(facts) {
        Ok(spec) => spec.out.display().to_string(),
        Err(_) => String::new(),
    };
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if ui
                .button("…")
                .on_hover_text(t!("forecast-folder-tip"))
                .clicked()
            {
                let ctx = ui.ctx().clone();
                state.pick_with(&ctx, Purpose::ForecastFolder, &default);
            }
            let tip = match state.forecast.out.is_empty() {
                true => default.clone(),
                false => state.forecast.out.clone(),
            };
            ui.add(
                TextEdit::singleline(&mut state.forecast.out)
                    .desired_width(ui.available_width())
                    .hint_text(default),
            )
            .on_hover_text(tip);
        });
    });
}

/// What will be made, before it is.
fn say_ui(ui: &mut egui::Ui, state: &State, facts: &ArchiveFacts, spec: &ForecastSpec) {
    let Some(sensor) = state.forecast_sensor(facts) else {
        return;
    };
    let days: Vec<_> = sensor.images.iter().map(|image| image.date).collect();
    if spec.fill.is_some() {
        return;
    }
    let used: Vec<_> = days
        .iter()
        .filter(|day| spec.until.is_none_or(|until| **day <= until))
        .collect();
    let Some(last) = used.last() else { return };
    let targets = spec.days.resolve(**last, &days);
    let seen = targets
        .iter()
        .filter(|day| days.contains(day) && spec.until.is_some_and(|until| **day > until))
        .count();
    let Some((first, end)) = targets.first().zip(targets.last()) else {
        wrong_ui(ui, t!("forecast-no-day"));
        return;
    };
    let compared = match seen {
        0 => t!("forecast-none-seen").to_owned(),
        seen => t!("forecast-some-seen", count = seen),
    };
    weak_ui(
        ui,
        &t!(
            "forecast-say",
            images = used.len(),
            last = last.to_string(),
            days = targets.len(),
            first = first.to_string(),
            end = end.to_string(),
            compared = compared
        ),
    );
}

fn result_ui(ui: &mut egui::Ui, state: &mut State, spec: &ForecastSpec, outcome: &Outcome) {
    theme::section_ui(ui, t!("forecast-last-result"));
    // Persistence has no skill over itself.
    let is_yardstick = spec.fill.is_none() && spec.method.rule() == Some(Baseline::Persistence);
    let metric = |name: &str| {
        if is_yardstick && name.starts_with("skill") {
            return None;
        }
        let found = outcome.metrics.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| *value)
    };
    egui::Grid::new("forecast result")
        .num_columns(2)
        .spacing([10.0, 4.0])
        .show(ui, |ui| {
            let weak = theme::colors(ui.visuals()).weak;
            let mut row = |name: &str, text: String| {
                ui.label(RichText::new(name).color(weak));
                ui.label(text);
                ui.end_row();
            };
            row(t!("forecast-method"), method_title(&spec.method));
            if let Some(rmse) = metric("rmse") {
                row("RMSE", format!("{rmse:.4}"));
            }
            if let Some(skill) = metric("skill") {
                let skill = format!("{skill:+.2}");
                let over = match spec.fill {
                    Some(_) => t!("forecast-skill-last-value", skill = skill),
                    None => t!("forecast-skill-persistence", skill = skill),
                };
                row(t!("forecast-skill"), over);
            }
            for (from, to) in HORIZON_BINS {
                if let Some(skill) = metric(&format!("skill_{from}_{to}")) {
                    let days = t!("forecast-days-range", from = from, to = to);
                    row(&days, format!("{skill:+.2}"));
                }
            }
            if let Some(pixels) = metric("pixels_compared").filter(|pixels| *pixels > 0.0) {
                row(
                    t!("forecast-compared"),
                    t!(
                        "forecast-pixels",
                        count = crate::jobs::count_text(pixels as u64)
                    ),
                );
            }
        });
    // What must not be missed: where doing nothing is better.
    remarks_ui(ui, &outcome.warnings, 4, wrong_ui);
    let page = outcome
        .files
        .iter()
        .find(|file| file.extension().is_some_and(|ending| ending == "html"));
    if let Some(page) = page
        && ui
            .button(t!("forecast-open-report"))
            .on_hover_text(page.display().to_string())
            .clicked()
    {
        state.send(FileTask::OpenPage { path: page.clone() });
    }
}
