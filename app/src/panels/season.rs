//! A field of images and weather up to a day: which days, which model, and the button. Draws and asks.

use egui::TextEdit;

use super::model::estimate_ui;
use super::series_field::{start_ui, weak_ui, wrong_ui};
use super::training_rows::size_row;
use crate::archive_facts::ArchiveFacts;
use crate::language::t;
use crate::state::State;

pub fn season_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) {
    weak_ui(ui, t!("series-field-season-about"));
    egui::Grid::new("season form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            let label = ui.label(t!("series-field-days"));
            ui.add(
                TextEdit::singleline(&mut state.series_field.season.support)
                    .desired_width(ui.available_width())
                    .hint_text(t!("series-field-season-days-hint")),
            )
            .labelled_by(label.id)
            .on_hover_text(t!("series-field-season-days-tip"));
            ui.end_row();
            let sizes = state.models_of("KG-VSF");
            let form = &mut state.series_field.season;
            size_row(ui, "season model", &sizes, &mut form.model);
        });
    match state.season_spec(facts) {
        Ok(spec) => {
            estimate_ui(ui, state, &spec, true);
            start_ui(ui, state, t!("series-field-season-make"), spec);
        }
        Err(why) => wrong_ui(ui, &why),
    }
}
