//! The newest run of a panel: its bar and stop button while it goes on, why it failed. Draws and asks.

use std::time::Duration;

use egui::{Align, Label, Layout, ProgressBar, RichText};
use terroir_engine::JobId;

use crate::jobs::{Job, JobState};
use crate::language::{said, t};
use crate::theme::{self, icon};

/// What to do after the run was drawn.
pub enum Run {
    GoesOn,
    /// The user wants it to stop.
    Stop(JobId),
    IsOver,
}

pub fn run_progress_ui(ui: &mut egui::Ui, job: &Job) -> Run {
    match &job.state {
        JobState::Waiting | JobState::Running => {
            let mut stop = false;
            ui.horizontal(|ui| {
                ui.spinner();
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    stop = ui.button(t!("soil-stop")).clicked();
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.add(Label::new(said(&job.stage)).truncate());
                    });
                });
            });
            ui.add(
                ProgressBar::new(job.fraction().unwrap_or(0.0))
                    .desired_height(14.0)
                    .animate(job.total == 0),
            );
            ui.ctx().request_repaint_after(Duration::from_millis(300));
            if stop { Run::Stop(job.id) } else { Run::GoesOn }
        }
        JobState::Failed(failure) => {
            let error = theme::colors(ui.visuals()).error;
            let text = format!("{} {}", icon::WARNING_CIRCLE, failure.what);
            ui.add(Label::new(RichText::new(text).color(error)).wrap());
            ui.add_space(theme::SMALL_GAP);
            Run::IsOver
        }
        JobState::Finished(_) | JobState::Cancelled => Run::IsOver,
    }
}
