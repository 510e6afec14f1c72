//! What the model believes: a sensor and a day, the period around it, and the nearest real image it will lie beside. Draws and
//! asks.

use std::sync::Arc;

use egui::{ComboBox, TextEdit};
use terroir_engine::JobSpec;

use super::series_field::{start_ui, weak_ui, wrong_ui};
use crate::archive_facts::{ArchiveFacts, Standing};
use crate::language::t;
use crate::state::State;

pub fn belief_ui(ui: &mut egui::Ui, state: &mut State, facts: &Arc<ArchiveFacts>) {
    weak_ui(ui, t!("series-field-belief-about"));
    let sensors = State::drawn_sensors(facts);
    let Some(sensor) = state.drawn_sensor(facts) else {
        wrong_ui(ui, t!("series-field-belief-no-sensor"));
        return;
    };
    let default = state
        .default_date(facts)
        .map(|date| date.to_string())
        .unwrap_or_default();
    egui::Grid::new("belief form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label(t!("series-field-belief-sensor"));
            ComboBox::from_id_salt("belief sensor")
                .width(ui.available_width())
                .selected_text(&sensor)
                .show_ui(ui, |ui| {
                    for name in &sensors {
                        if ui.selectable_label(*name == sensor, name).clicked() {
                            state.series_field.belief.sensor = name.clone();
                        }
                    }
                });
            ui.end_row();
            let label = ui.label(t!("series-field-belief-date"));
            ui.add(
                TextEdit::singleline(&mut state.series_field.belief.date)
                    .desired_width(ui.available_width())
                    .hint_text(default),
            )
            .labelled_by(label.id)
            .on_hover_text(t!("series-field-belief-date.tip"));
            ui.end_row();
            let label = ui.label(t!("series-field-sum-up"));
            ui.add(
                TextEdit::singleline(&mut state.series_field.belief.valid)
                    .desired_width(ui.available_width())
                    .hint_text(t!("series-field-belief-valid-hint")),
            )
            .labelled_by(label.id)
            .on_hover_text(t!("series-field-belief-valid-tip"));
            ui.end_row();
        });
    let spec = match state.belief_spec(facts) {
        Ok(spec) => spec,
        Err(why) => {
            wrong_ui(ui, &why);
            return;
        }
    };
    let standing = facts.standing(&spec.valid_period(), spec.support.as_ref());
    match facts.nearest(&spec.source, spec.date) {
        Some(image) => {
            let days = (image.date - spec.date).get_days();
            let date = image.date.to_string();
            let text = match days {
                0 => t!("series-field-belief-same-day", date = date),
                days if days > 0 => t!("series-field-belief-later", date = date, days = days),
                days => t!("series-field-belief-before", date = date, days = -days),
            };
            weak_ui(ui, &text);
        }
        None => weak_ui(ui, t!("series-field-belief-no-real")),
    }
    if !matches!(standing, Standing::Seen(_)) {
        wrong_ui(
            ui,
            &t!(
                "series-field-standing",
                period = spec.valid_period().name(),
                standing = standing.text()
            ),
        );
    }
    start_ui(
        ui,
        state,
        t!("series-field-belief-draw"),
        JobSpec::Reconstruct(spec),
    );
}
