//! The Training panel: its form and the run as it goes: loss curve, speed, time left, newest preview.
//! Draws and asks; reads no file itself.

use std::time::{Duration, Instant};

use egui::{ProgressBar, RichText, vec2};
use egui_plot::{Legend, Line, Plot, PlotPoints};
use terroir_engine::{JobId, JobSpec};

use super::chart::{chart_menu_ui, csv};
use super::training_form::{training_form_ui, training_start_ui};
use super::{FormParts, form_and_outcome_ui};
use crate::files::FileTask;
use crate::jobs::{Job, JobState, duration_text};
use crate::language::{said, t};
use crate::news::job_name;
use crate::state::State;
use crate::theme::{self, icon};
use crate::training::{can_resume, run_folder};

/// What a click asks for, done after drawing.
enum Wish {
    Start(JobSpec),
    Resume(JobSpec),
    Map(JobSpec),
    Cancel(JobId),
    ShowFolder(std::path::PathBuf),
}

pub fn training_ui(ui: &mut egui::Ui, state: &mut State) {
    state.want_models();
    state.jobs.want_devices();
    state.want_preview();
    let mut wish = None;
    let parts = FormParts {
        form: &|ui, state, _wish| training_form_ui(ui, state),
        start: &start_ui,
        outcome: &run_ui,
    };
    form_and_outcome_ui(ui, state, &mut wish, &parts);
    match wish {
        None => {}
        Some(Wish::Start(spec)) => state.start_training(spec),
        Some(Wish::Resume(spec)) => state.resume_training(&spec),
        Some(Wish::Map(spec)) => {
            state.jobs.run(job_name(&spec), spec);
        }
        Some(Wish::Cancel(id)) => {
            state.training.stopping = Some(id);
            state.jobs.cancel(id);
        }
        Some(Wish::ShowFolder(path)) => state.send(FileTask::ShowInFolder { path }),
    }
}

fn start_ui(ui: &mut egui::Ui, state: &mut State, wish: &mut Option<Wish>) {
    if let Some(spec) = training_start_ui(ui, state) {
        *wish = Some(Wish::Start(spec));
    }
}

fn run_ui(ui: &mut egui::Ui, state: &mut State, wish: &mut Option<Wish>) {
    let Some(job) = state.shown_training() else {
        theme::empty_ui(ui, t!("training-none"), t!("training-none-next"));
        return;
    };
    let colors = theme::colors(ui.visuals());
    ui.horizontal(|ui| {
        ui.label(RichText::new(&job.name).strong());
        if let Some(device) = &job.device {
            ui.label(RichText::new(device).small().color(colors.weak));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if !job.is_over() {
                let is_stopping = state.training.stopping == Some(job.id);
                let text = if is_stopping {
                    t!("training-stopping")
                } else {
                    t!("training-stop")
                };
                if ui
                    .add_enabled(!is_stopping, egui::Button::new(text))
                    .on_hover_text(t!("training-stop.tip"))
                    .clicked()
                {
                    *wish = Some(Wish::Cancel(job.id));
                }
            } else if can_resume(job) && ui.button(t!("training-go-on")).clicked() {
                *wish = Some(Wish::Resume(job.spec.clone()));
            } else if let Some(spec) = state.map_spec_of(job)
                && ui
                    .button(t!("training-map-scene"))
                    .on_hover_text(t!("training-map-scene.tip"))
                    .clicked()
            {
                *wish = Some(Wish::Map(spec));
            }
        });
    });
    match &job.state {
        JobState::Waiting => {
            ui.label(RichText::new(t!("training-waiting")).color(colors.weak));
        }
        JobState::Running => {
            ui.add(
                ProgressBar::new(job.fraction().unwrap_or(0.0))
                    .desired_height(14.0)
                    .animate(job.total == 0),
            );
            ui.ctx().request_repaint_after(Duration::from_millis(500));
        }
        JobState::Finished(outcome) => {
            ui.add(
                egui::Label::new(
                    RichText::new(format!("{} {}", icon::CHECK_CIRCLE, outcome.summary))
                        .color(colors.good),
                )
                .wrap(),
            );
        }
        JobState::Cancelled => {
            let text = if can_resume(job) {
                t!("training-stopped")
            } else {
                t!("training-stopped-early")
            };
            ui.label(RichText::new(text).color(colors.weak));
        }
        JobState::Failed(failure) => {
            ui.add(
                egui::Label::new(
                    RichText::new(format!("{} {}", icon::WARNING_CIRCLE, failure.what))
                        .color(colors.error),
                )
                .wrap(),
            );
        }
    }
    ui.label(RichText::new(facts_text(job)).color(colors.weak));
    curve_ui(ui, job);
    figures_ui(ui, job);
    let folder = run_folder(&job.spec);
    let shows = match &job.spec {
        JobSpec::PretrainStp(_) => {
            t!("training-shows-archives")
        }
        JobSpec::PretrainKgvsf(_) => {
            t!("training-shows-weather")
        }
        _ => t!("training-shows-scenes"),
    };
    preview_ui(ui, state, shows);
    if let Some(folder) = folder {
        ui.add_space(theme::SMALL_GAP);
        ui.horizontal(|ui| {
            if theme::icon_button(ui, icon::FOLDER_OPEN, t!("training-show-folder")).clicked() {
                *wish = Some(Wish::ShowFolder(folder.join("config.json")));
            }
            ui.add(
                egui::Label::new(
                    RichText::new(t!("training-folder", folder = folder.display().to_string()))
                        .small()
                        .color(colors.weak),
                )
                .truncate(),
            )
            .on_hover_text(folder.display().to_string());
        });
    }
}

/// `step 120 of 2000 · loss 0.8123 · 3.4 steps/s · 9 min 10 s left`
fn facts_text(job: &Job) -> String {
    let mut parts = match (job.is_over(), job.stage.as_str()) {
        (true, _) => Vec::new(),
        (false, "training") => vec![t!("training-step", done = job.done, total = job.total)],
        (false, stage) => vec![said(stage)],
    };
    let newest = |name: &str| {
        job.metrics
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    };
    if let Some(loss) = newest("loss") {
        parts.push(t!("training-loss", loss = format!("{loss:.4}")));
    }
    if let Some(speed) = newest("steps_a_second") {
        parts.push(if speed >= 0.1 {
            t!("training-steps-a-second", steps = format!("{speed:.1}"))
        } else {
            t!(
                "training-seconds-a-step",
                seconds = format!("{:.0}", 1.0 / speed.max(1e-9))
            )
        });
    }
    if let Some(secs) = job.secs_left(Instant::now()) {
        parts.push(t!("training-time-left", time = duration_text(secs)));
    }
    parts.join(" · ")
}

fn curve_ui(ui: &mut egui::Ui, job: &Job) {
    let curves: Vec<&(String, Vec<[f64; 2]>)> = job
        .curves
        .iter()
        .filter(|(name, points)| is_drawn(name) && points.len() > 1)
        .collect();
    if curves.is_empty() {
        return;
    }
    let accent = theme::colors(ui.visuals()).accent;
    let response = Plot::new("training curve")
        .height(220.0)
        .x_axis_label(t!("training-axis-step"))
        .y_axis_label(t!("training-axis-loss"))
        .allow_scroll(false)
        .show_background(false)
        .legend(Legend::default())
        .set_margin_fraction(vec2(0.02, 0.08))
        .show(ui, |plot| {
            for (name, points) in &curves {
                let mut line = Line::new(name.replace('_', " "), PlotPoints::from(points.clone()));
                if name == "loss" {
                    line = line.color(accent.gamma_multiply(0.45)).width(1.0);
                    let mean = PlotPoints::from(running_mean(points));
                    plot.line(
                        Line::new(t!("training-running-mean"), mean)
                            .color(accent)
                            .width(2.0),
                    );
                }
                plot.line(line);
            }
        })
        .response;
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, t!("training-curve")));
    chart_menu_ui(&response, || {
        let rows = curves.iter().flat_map(|(name, points)| {
            points
                .iter()
                .map(|[step, value]| vec![name.clone(), step.to_string(), value.to_string()])
        });
        csv(&["curve", "step", "value"], rows)
    });
}

/// Scores and other figures that are told on the way, as they are now.
fn figures_ui(ui: &mut egui::Ui, job: &Job) {
    const SHOWN_ABOVE: [&str; 5] = [
        "loss",
        "learning_rate",
        "steps_a_second",
        "scenes",
        "band_sets",
    ];
    let weak = theme::colors(ui.visuals()).weak;
    ui.horizontal_wrapped(|ui| {
        for (name, value) in &job.metrics {
            if !SHOWN_ABOVE.contains(&name.as_str()) && !is_drawn(name) {
                ui.label(
                    RichText::new(format!("{}: {value:.3}", figure_name(name)))
                        .small()
                        .color(weak),
                );
            }
        }
    });
}

/// Each point with the mean of the twentieth of the curve before it: batches differ more than models do.
fn running_mean(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let reach = (points.len() / 20).max(1);
    let mut sum = 0.0;
    let mut mean = Vec::with_capacity(points.len());
    for (at, [step, value]) in points.iter().enumerate() {
        sum += value;
        if at >= reach {
            sum -= points[at - reach][1];
        }
        mean.push([*step, sum / (at + 1).min(reach) as f64]);
    }
    mean
}

/// Losses share an axis, and how alike places are lies beside them; rates and counts do not.
fn is_drawn(name: &str) -> bool {
    name.contains("loss") || name == "uniformity"
}

fn preview_ui(ui: &mut egui::Ui, state: &mut State, shows: &str) {
    let Some(preview) = &mut state.training.preview else {
        return;
    };
    let texture = preview.texture.get_or_insert_with(|| {
        ui.ctx().load_texture(
            "training preview",
            preview.image.clone(),
            egui::TextureOptions::LINEAR,
        )
    });
    theme::section_ui(ui, t!("training-preview"));
    ui.label(
        RichText::new(shows)
            .small()
            .color(theme::colors(ui.visuals()).weak),
    );
    let [width, height] = texture.size();
    let scale = (ui.available_width() / width.max(1) as f32).min(2.0);
    let size = vec2(width as f32 * scale, height as f32 * scale);
    let response = ui.add(egui::Image::from_texture((texture.id(), size)));
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, t!("training-preview")));
    response.on_hover_text(preview.path.display().to_string());
}

/// A figure's name for people: `skill_11_30` is the skill at 11 to 30 days.
fn figure_name(name: &str) -> String {
    let days = name
        .strip_prefix("skill_")
        .and_then(|rest| rest.split_once('_'));
    match days {
        Some((from, to)) => t!("training-skill", from = from, to = to),
        None => name.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_mean_follows_the_last_twentieth() {
        let points: Vec<[f64; 2]> = (0..40)
            .map(|step| [f64::from(step), f64::from(step % 2)])
            .collect();
        let mean = running_mean(&points);
        assert_eq!(mean.len(), 40);
        assert_eq!(
            (mean[0], mean[1], mean[39]),
            ([0.0, 0.0], [1.0, 0.5], [39.0, 0.5])
        );
        assert!(running_mean(&[]).is_empty());
    }
}
