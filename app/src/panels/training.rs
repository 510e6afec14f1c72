//! The Training window: what to train on what, and the run as it goes: loss curve, speed, time left, newest preview.
//! Draws and asks; reads no file itself.

use std::time::{Duration, Instant};

use egui::{ProgressBar, RichText, vec2};
use egui_plot::{Legend, Line, Plot, PlotPoints};
use terroir_engine::{JobId, JobSpec, TuneMode, TuneTask, command_line};

use crate::dialogs::Purpose;
use crate::export::primary_button;
use crate::files::FileTask;
use crate::jobs::{Job, JobState, duration_text};
use crate::news::job_name;
use crate::state::State;
use crate::theme::{self, icon};
use crate::training::{Kind, can_resume, run_folder};

/// What a click asks for, done after drawing.
enum Wish {
    Start(JobSpec),
    Resume(JobSpec),
    Map(JobSpec),
    Cancel(JobId),
    ShowFolder(std::path::PathBuf),
}

pub fn training_ui(ui: &mut egui::Ui, state: &mut State) {
    if !state.training.is_open {
        return;
    }
    state.want_models();
    state.jobs.want_devices();
    state.want_preview();
    let mut open = true;
    let mut wish = None;
    egui::Window::new("Training")
        .id(egui::Id::unique("training"))
        .open(&mut open)
        .default_pos([150.0, 84.0])
        .default_size([860.0, 600.0])
        .min_size([640.0, 420.0])
        .show(ui.ctx(), |ui| {
            egui::Panel::left("training form")
                .resizable(false)
                .exact_size(300.0)
                .frame(egui::Frame::new().inner_margin(egui::Margin::symmetric(4, 2)))
                .show(ui, |ui| {
                    egui::ScrollArea::vertical()
                        .id_salt("training form")
                        .auto_shrink([false, false])
                        .show(ui, |ui| form_ui(ui, state, &mut wish));
                });
            egui::Frame::new()
                .inner_margin(egui::Margin::symmetric(8, 2))
                .show(ui, |ui| {
                    egui::ScrollArea::vertical()
                        .id_salt("training run")
                        .auto_shrink([false, false])
                        .show(ui, |ui| run_ui(ui, state, &mut wish));
                });
        });
    state.training.is_open = open;
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

fn form_ui(ui: &mut egui::Ui, state: &mut State, wish: &mut Option<Wish>) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.horizontal(|ui| {
        ui.selectable_value(&mut state.training.kind, Kind::Pretrain, "Pretrain");
        ui.selectable_value(&mut state.training.kind, Kind::Finetune, "Fine-tune");
    });
    if state.training.kind == Kind::Finetune {
        tune_ui(ui, state);
        start_ui(ui, state, wish);
        return;
    }
    ui.label(RichText::new("Pretrain a model on scenes").strong());
    ui.label(
        RichText::new("Three quarters of each image are hidden; the model learns to find them again. No labels are needed.")
            .small()
            .color(weak),
    );
    theme::section_ui(ui, "Scenes");
    let scenes = state.training_scenes();
    if scenes.is_empty() {
        ui.label(RichText::new("Open a scene first.").color(weak));
    }
    for layer in &scenes {
        let bands = state.bands(layer);
        let usable = bands
            .iter()
            .filter(|band| band.wavelength.is_some() && !band.is_bad)
            .count();
        let mut is_used = !state.training.left_out.contains(&layer.id);
        ui.horizontal(|ui| {
            if ui.checkbox(&mut is_used, &layer.name).changed() {
                if is_used {
                    state.training.left_out.remove(&layer.id);
                } else {
                    state.training.left_out.insert(layer.id);
                }
            }
            ui.label(RichText::new(format!("{usable} bands")).small().color(weak));
        });
    }
    theme::section_ui(ui, "Model");
    egui::Grid::new("training form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label("Size");
            super::model::model_choice_ui(ui, state);
            ui.end_row();

            ui.label("Begin");
            begin_ui(ui, state);
            ui.end_row();

            let label = ui.label("Steps");
            ui.add(
                egui::DragValue::new(&mut state.training.steps)
                    .range(1..=10_000_000)
                    .speed(20.0),
            )
            .labelled_by(label.id);
            ui.end_row();

            let label = ui.label("Batch");
            ui.add(
                egui::DragValue::new(&mut state.training.batch)
                    .range(1..=4096)
                    .suffix(" images"),
            )
            .labelled_by(label.id);
            ui.end_row();

            let label = ui.label("Rate");
            ui.add(
                egui::DragValue::new(&mut state.training.rate)
                    .range(1e-7..=1.0)
                    .speed(1e-5)
                    .custom_formatter(|value, _| format!("{value:.1e}"))
                    .custom_parser(|text| text.trim().parse().ok()),
            )
            .on_hover_text("Learning rate at the end of its rise; it falls to zero afterwards")
            .labelled_by(label.id);
            ui.end_row();

            ui.label("Device");
            super::model::device_ui(ui, state);
            ui.end_row();

            ui.label("File");
            out_ui(ui, state);
            ui.end_row();
        });
    start_ui(ui, state, wish);
}

fn start_ui(ui: &mut egui::Ui, state: &State, wish: &mut Option<Wish>) {
    ui.add_space(theme::SMALL_GAP);
    let spec = state.training_spec();
    let runs = state
        .jobs
        .list
        .iter()
        .any(|job| !job.is_over() && spec.as_ref().is_ok_and(|spec| job.spec == *spec));
    let button = primary_button(ui, "Start training");
    let size = vec2(ui.available_width(), 30.0);
    let response = ui
        .add_enabled_ui(spec.is_ok() && !runs, |ui| ui.add_sized(size, button))
        .inner
        .on_disabled_hover_text(match &spec {
            Ok(_) => "This run goes on already",
            Err(why) => why,
        });
    if let Ok(spec) = spec {
        if ui
            .button(format!("{}  Copy as command", icon::COPY))
            .on_hover_text("The command line that does the same")
            .clicked()
        {
            ui.ctx().copy_text(command_line(&spec));
        }
        if response.clicked() {
            *wish = Some(Wish::Start(spec));
        }
    }
}

/// Scene and labels, what the model answers with and what of it learns.
fn tune_ui(ui: &mut egui::Ui, state: &mut State) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(RichText::new("Fit a model to labels of a scene").strong());
    ui.label(
        RichText::new(
            "A fifth of the labels, apart from the others, says which step was the best.",
        )
        .small()
        .color(weak),
    );
    ui.add_space(theme::SMALL_GAP);
    egui::Grid::new("tuning form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label("Scene");
            let name = state.scene_layer().map(|layer| layer.name.clone());
            ui.add(
                egui::Label::new(name.unwrap_or_else(|| "none: open one first".to_owned()))
                    .truncate(),
            );
            ui.end_row();

            ui.label("Labels");
            let painted = state
                .history
                .document()
                .labels
                .as_ref()
                .map_or(0, |labels| labels.classes.len());
            let hint = if painted > 0 {
                format!("those painted ({painted} classes)")
            } else {
                "a file of labels".to_owned()
            };
            let width = ui.available_width();
            ui.add(
                egui::TextEdit::singleline(&mut state.training.labels)
                    .desired_width(width)
                    .hint_text(hint),
            )
            .on_hover_text(
                "A GeoPackage, GeoJSON, Shapefile, CSV or raster; empty takes what is painted",
            );
            ui.end_row();

            ui.label("Answers");
            choice_ui(ui, "tune task", &mut state.training.task, &TASKS);
            ui.end_row();

            ui.label("Learns");
            choice_ui(ui, "tune mode", &mut state.training.mode, &MODES);
            ui.end_row();

            ui.label("Model");
            super::model::model_choice_ui(ui, state);
            ui.end_row();

            ui.label("Weights");
            let name = state.run_weights().and_then(|path| {
                path.file_name()
                    .map(|name| name.to_string_lossy().into_owned())
            });
            ui.add(
                egui::Label::new(name.unwrap_or_else(|| "none (untrained)".to_owned())).truncate(),
            )
            .on_hover_text("As chosen under Run");
            ui.end_row();

            let label = ui.label("Steps");
            ui.add(
                egui::DragValue::new(&mut state.training.tune_steps)
                    .range(1..=1_000_000)
                    .speed(5.0),
            )
            .labelled_by(label.id);
            ui.end_row();

            let label = ui.label("Batch");
            ui.add(
                egui::DragValue::new(&mut state.training.tune_batch)
                    .range(1..=4096)
                    .suffix(" windows"),
            )
            .labelled_by(label.id);
            ui.end_row();

            ui.label("Device");
            super::model::device_ui(ui, state);
            ui.end_row();

            ui.label("File");
            out_ui(ui, state);
            ui.end_row();
        });
}

const TASKS: [(TuneTask, &str); 3] = [
    (TuneTask::Pixels, "a class for every pixel"),
    (TuneTask::Patches, "a class for every patch"),
    (TuneTask::Values, "a value for every pixel"),
];

const MODES: [(TuneMode, &str); 5] = [
    (TuneMode::Probe, "one linear layer"),
    (TuneMode::Frozen, "pyramid and UPerNet"),
    (TuneMode::LastBlocks(2), "and the last two blocks"),
    (
        TuneMode::Lora {
            rank: 8,
            alpha: 16.0,
        },
        "and LoRA in every block",
    ),
    (TuneMode::Full, "the whole model"),
];

fn choice_ui<T: Copy + PartialEq>(ui: &mut egui::Ui, id: &str, chosen: &mut T, all: &[(T, &str)]) {
    let text = all
        .iter()
        .find(|(value, _)| value == chosen)
        .map_or("", |(_, text)| text);
    egui::ComboBox::from_id_salt(id)
        .width(ui.available_width())
        .truncate()
        .selected_text(text)
        .show_ui(ui, |ui| {
            for (value, text) in all {
                ui.selectable_value(chosen, *value, *text);
            }
        });
}

/// From nothing, or from the weights the model has.
fn begin_ui(ui: &mut egui::Ui, state: &mut State) {
    let weights = state.run_weights();
    if weights.is_none() {
        state.training.from_weights = false;
    }
    let name = weights
        .as_deref()
        .and_then(std::path::Path::file_name)
        .map(|name| name.to_string_lossy().into_owned());
    let text = match (&name, state.training.from_weights) {
        (Some(name), true) => name.clone(),
        _ => "from nothing".to_owned(),
    };
    egui::ComboBox::from_id_salt("training begin")
        .width(ui.available_width())
        .truncate()
        .selected_text(text)
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut state.training.from_weights, false, "from nothing");
            match name {
                Some(name) => {
                    ui.selectable_value(
                        &mut state.training.from_weights,
                        true,
                        format!("from {name}"),
                    );
                }
                None => {
                    ui.label("No weights of this size are installed.");
                }
            }
        });
}

fn out_ui(ui: &mut egui::Ui, state: &mut State) {
    let default = state
        .training_out_path()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if ui
                .button("…")
                .on_hover_text("Choose where the weights are written")
                .clicked()
            {
                let ctx = ui.ctx().clone();
                state.pick(&ctx, Purpose::TrainingOut);
            }
            let width = ui.available_width();
            let tip = if state.training.out.is_empty() {
                default.clone()
            } else {
                state.training.out.clone()
            };
            ui.add(
                egui::TextEdit::singleline(&mut state.training.out)
                    .desired_width(width)
                    .hint_text(default),
            )
            .on_hover_text(tip);
        });
    });
}

fn run_ui(ui: &mut egui::Ui, state: &mut State, wish: &mut Option<Wish>) {
    let Some(job) = state.shown_training() else {
        theme::empty_ui(
            ui,
            "No run yet",
            "A run shows its loss, its speed and what the model makes of hidden patches here.",
        );
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
                let text = if is_stopping { "Stopping…" } else { "Stop" };
                if ui
                    .add_enabled(!is_stopping, egui::Button::new(text))
                    .on_hover_text("Keeps a checkpoint; the run can go on later")
                    .clicked()
                {
                    *wish = Some(Wish::Cancel(job.id));
                }
            } else if can_resume(job) && ui.button("Go on").clicked() {
                *wish = Some(Wish::Resume(job.spec.clone()));
            } else if let Some(spec) = state.map_spec_of(job)
                && ui
                    .button("Map the scene")
                    .on_hover_text("Write the map of the whole scene and show it")
                    .clicked()
            {
                *wish = Some(Wish::Map(spec));
            }
        });
    });
    match &job.state {
        JobState::Waiting => {
            ui.label(RichText::new("Waiting for the job before it…").color(colors.weak));
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
                "Stopped; the last checkpoint is kept."
            } else {
                "Stopped before the first step."
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
    preview_ui(ui, state);
    if let Some(folder) = folder {
        ui.add_space(theme::SMALL_GAP);
        ui.horizontal(|ui| {
            if theme::icon_button(ui, icon::FOLDER_OPEN, "Show the run's folder").clicked() {
                *wish = Some(Wish::ShowFolder(folder.join("config.json")));
            }
            ui.add(
                egui::Label::new(
                    RichText::new(format!(
                        "Figures, previews and checkpoint: {}",
                        folder.display()
                    ))
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
        (false, "training") => vec![format!("step {} of {}", job.done, job.total)],
        (false, stage) => vec![stage.to_owned()],
    };
    let newest = |name: &str| {
        job.metrics
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    };
    if let Some(loss) = newest("loss") {
        parts.push(format!("loss {loss:.4}"));
    }
    if let Some(speed) = newest("steps_a_second") {
        parts.push(if speed >= 0.1 {
            format!("{speed:.1} steps/s")
        } else {
            format!("{:.0} s a step", 1.0 / speed.max(1e-9))
        });
    }
    if let Some(secs) = job.secs_left(Instant::now()) {
        parts.push(format!("{} left", duration_text(secs)));
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
        .x_axis_label("Step")
        .y_axis_label("Loss")
        .allow_scroll(false)
        .show_background(false)
        .legend(Legend::default())
        .set_margin_fraction(vec2(0.02, 0.08))
        .show(ui, |plot| {
            for (name, points) in curves {
                let mut line = Line::new(name.replace('_', " "), PlotPoints::from(points.clone()));
                if name == "loss" {
                    line = line.color(accent.gamma_multiply(0.45)).width(1.0);
                    let mean = PlotPoints::from(running_mean(points));
                    plot.line(Line::new("running mean", mean).color(accent).width(2.0));
                }
                plot.line(line);
            }
        })
        .response;
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Loss over steps"));
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
                    RichText::new(format!("{}: {value:.3}", name.replace('_', " ")))
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

/// Losses share an axis; rates and counts do not.
fn is_drawn(name: &str) -> bool {
    name.contains("loss")
}

fn preview_ui(ui: &mut egui::Ui, state: &mut State) {
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
    theme::section_ui(ui, "Newest preview");
    ui.label(
        RichText::new("a crop · what the model is shown · what it makes of the rest")
            .small()
            .color(theme::colors(ui.visuals()).weak),
    );
    let [width, height] = texture.size();
    let scale = (ui.available_width() / width.max(1) as f32).min(2.0);
    let size = vec2(width as f32 * scale, height as f32 * scale);
    let response = ui.add(egui::Image::from_texture((texture.id(), size)));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Newest preview"));
    response.on_hover_text(preview.path.display().to_string());
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
