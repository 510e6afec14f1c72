//! Where figures of a sample are shown: says so, and offers those of every pixel.

use std::path::Path;

use egui::RichText;
use terroir_engine::{JobSpec, StatisticsSpec};

use crate::language::t;
use crate::state::State;
use crate::theme;

/// `words` say what is sampled.
pub fn exact_figures_ui(ui: &mut egui::Ui, state: &mut State, path: &Path, words: &str) {
    let spec = JobSpec::Statistics(StatisticsSpec {
        raster: path.to_owned(),
    });
    let is_running = state
        .jobs
        .list
        .iter()
        .any(|job| !job.is_over() && job.spec == spec);
    ui.horizontal_wrapped(|ui| {
        ui.label(
            RichText::new(words)
                .small()
                .color(theme::colors(ui.visuals()).weak),
        );
        let button = ui.add_enabled(!is_running, egui::Button::new(t!("stretch-exact")).small());
        if button
            .on_hover_text(t!("stretch-exact-tip"))
            .on_disabled_hover_text(t!("stretch-exact-running"))
            .clicked()
        {
            state.jobs.run(crate::news::job_name(&spec), spec);
        }
    });
}
