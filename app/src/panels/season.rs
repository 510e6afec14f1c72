//! A field of images and weather up to a day: which days, which model, and the button. Draws and asks.

use egui::TextEdit;

use super::series_field::{start_ui, weak_ui, wrong_ui};
use super::training_rows::size_row;
use crate::archive_facts::ArchiveFacts;
use crate::state::State;

pub fn season_ui(ui: &mut egui::Ui, state: &mut State, facts: &ArchiveFacts) {
    weak_ui(
        ui,
        "A field that knows the images and the weather up to the last day, and nothing later: for maps of a season that has not ended. \
         It is of this place alone and not to be compared with another field.",
    );
    egui::Grid::new("season form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            let label = ui.label("Days");
            ui.add(
                TextEdit::singleline(&mut state.series_field.season.support)
                    .desired_width(ui.available_width())
                    .hint_text("those above"),
            )
            .labelled_by(label.id)
            .on_hover_text(
                "Images from one day up to another, not included: 2018-03-01..2018-06-01",
            );
            ui.end_row();
            let sizes = state.models_of("KG-VSF");
            let form = &mut state.series_field.season;
            size_row(ui, "season model", &sizes, &mut form.model);
        });
    match state.season_spec(facts) {
        Ok(spec) => start_ui(ui, state, "Make the field of the season", spec),
        Err(why) => wrong_ui(ui, &why),
    }
}
