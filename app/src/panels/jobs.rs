//! The list of jobs: progress, time left, cancel, log, and what came out.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use egui::{ProgressBar, RichText};

use crate::files::{FileTask, OpenRole};
use crate::jobs::{Job, JobState, duration_text};
use crate::language::{said, t};
use crate::state::State;
use crate::theme::{self, icon};

pub fn jobs_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.separator();
    ui.horizontal(|ui| {
        ui.label(RichText::new(t!("job-list-title")).strong());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if state.jobs.list.iter().any(Job::is_over)
                && ui.small_button(t!("job-list-clear")).clicked()
            {
                state.jobs.clear_finished();
            }
        });
    });
    if state.jobs.list.is_empty() {
        theme::empty_ui(ui, t!("job-list-empty"), t!("job-list-empty.tip"));
        return;
    }
    let now = Instant::now();
    let mut cancel = None;
    let (mut show, mut folder) = (Vec::new(), None);
    let mut toggled = None;
    let mut hovered = None;
    for job in state.jobs.list.iter().rev() {
        let has_log = state.run.show_log_of == Some(job.id);
        let card = egui::Frame::group(ui.style())
            .inner_margin(8.0)
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.horizontal(|ui| {
                    ui.label(RichText::new(&job.name).strong());
                    if let Some(device) = &job.device {
                        ui.label(
                            RichText::new(device)
                                .small()
                                .color(theme::colors(ui.visuals()).weak),
                        );
                    }
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        if !job.is_over() && ui.small_button(t!("job-list-cancel")).clicked() {
                            cancel = Some(job.id);
                        }
                        if ui.selectable_label(has_log, t!("job-list-log")).clicked() {
                            toggled = Some(if has_log { None } else { Some(job.id) });
                        }
                        super::sample::copy_ui(ui, &job.spec);
                    });
                });
                body_ui(ui, job, now, &mut show, &mut folder);
                if has_log {
                    for line in &job.log {
                        ui.add(
                            egui::Label::new(
                                RichText::new(line)
                                    .small()
                                    .color(theme::colors(ui.visuals()).weak),
                            )
                            .wrap(),
                        );
                    }
                }
            });
        if !job.is_over() && ui.rect_contains_pointer(card.response.rect) {
            hovered = Some(job.id);
        }
    }
    if hovered.is_some() {
        state.session.hovered_job = hovered;
    }
    if state.jobs.is_busy() {
        ui.ctx().request_repaint_after(Duration::from_millis(500));
    }
    if let Some(id) = cancel {
        state.jobs.cancel(id);
    }
    if let Some(toggled) = toggled {
        state.run.show_log_of = toggled;
    }
    for path in show {
        state.open_raster(path, OpenRole::Result);
    }
    if let Some(path) = folder {
        state.send(FileTask::ShowInFolder { path });
    }
}

fn body_ui(
    ui: &mut egui::Ui,
    job: &Job,
    now: Instant,
    show: &mut Vec<PathBuf>,
    folder: &mut Option<PathBuf>,
) {
    let colors = theme::colors(ui.visuals());
    match &job.state {
        JobState::Waiting => {
            ui.label(RichText::new(t!("job-list-waiting")).color(colors.weak));
        }
        JobState::Running => {
            let bar = ProgressBar::new(job.fraction().unwrap_or(0.0)).desired_height(14.0);
            ui.add(bar.animate(job.total == 0));
            ui.label(
                RichText::new(progress_text(job, now))
                    .small()
                    .color(colors.weak),
            );
        }
        JobState::Finished(outcome) => {
            ui.add(
                egui::Label::new(
                    RichText::new(format!("{} {}", icon::CHECK_CIRCLE, outcome.summary))
                        .color(colors.good),
                )
                .wrap(),
            );
            for (name, value) in &outcome.metrics {
                ui.label(
                    RichText::new(format!(
                        "{name}: {}",
                        super::spectrum::number_text(*value as f32)
                    ))
                    .small()
                    .color(colors.weak),
                );
            }
            for file in &outcome.files {
                let name = file
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                ui.horizontal(|ui| {
                    let is_raster = file.extension().is_some_and(|extension| extension == "tif");
                    ui.add(egui::Label::new(RichText::new(name).small()).truncate())
                        .on_hover_text(file.display().to_string());
                    if is_raster && ui.small_button(t!("job-list-show")).clicked() {
                        show.push(file.clone());
                    }
                    if theme::icon_button(ui, icon::FOLDER_OPEN, t!("job-list-folder")).clicked() {
                        *folder = Some(file.clone());
                    }
                });
            }
        }
        JobState::Cancelled => {
            ui.label(RichText::new(t!("job-list-cancelled")).color(colors.weak));
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
}

/// Things a second, with as many digits as one reads.
fn rate_text(rate: f64) -> String {
    match rate {
        rate if rate >= 10.0 => format!("{rate:.0}"),
        rate if rate >= 1.0 => format!("{rate:.1}"),
        rate => format!("{rate:.2}"),
    }
}

/// `embedding, 12 of 40, 0.47/s, 1 min 10 s left`.
pub fn progress_text(job: &Job, now: Instant) -> String {
    // Amounts name their unit last: `getting a.pth, MB` is `getting a.pth, 3 of 8 MB`.
    let (stage, unit) = match job.stage.strip_suffix(", MB") {
        Some(stage) => (stage, " MB"),
        None => (job.stage.as_str(), ""),
    };
    let mut text = said(stage);
    if job.total > 0 {
        text.push_str(&t!(
            "job-progress",
            done = job.done,
            total = job.total,
            unit = unit
        ));
    }
    if let Some(rate) = job.rate(now) {
        text.push_str(&t!("job-rate", rate = rate_text(rate), unit = unit));
    }
    if let Some(secs) = job.secs_left(now) {
        text.push_str(&t!("job-left", time = duration_text(secs)));
    }
    text
}
