//! What the model believes: a sensor and a day, the period around it, and the nearest real image it will lie beside. Draws and
//! asks.

use std::sync::Arc;

use egui::{ComboBox, TextEdit};
use terroir_engine::JobSpec;

use super::series_field::{start_ui, weak_ui, wrong_ui};
use crate::archive_facts::{ArchiveFacts, Standing};
use crate::state::State;

pub fn belief_ui(ui: &mut egui::Ui, state: &mut State, facts: &Arc<ArchiveFacts>) {
    weak_ui(
        ui,
        "Draws what the model takes a sensor to have seen on a day, also on one without an image, and lays it beside the nearest real image. It is model output, not an image.",
    );
    let sensors = State::drawn_sensors(facts);
    let Some(sensor) = state.drawn_sensor(facts) else {
        wrong_ui(
            ui,
            "This model can draw none of the sensors. Choose other weights.",
        );
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
            ui.label("Sensor");
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
            let label = ui.label("Date");
            ui.add(
                TextEdit::singleline(&mut state.series_field.belief.date)
                    .desired_width(ui.available_width())
                    .hint_text(default),
            )
            .labelled_by(label.id)
            .on_hover_text("YYYY-MM-DD; empty: the date on show in the timeline");
            ui.end_row();
            let label = ui.label("Sum up");
            ui.add(
                TextEdit::singleline(&mut state.series_field.belief.valid)
                    .desired_width(ui.available_width())
                    .hint_text("15 days before and after"),
            )
            .labelled_by(label.id)
            .on_hover_text("The period the picture is drawn from, with the date in it: 2018-05 or 2018-04-20..2018-05-20");
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
            let apart = match days {
                0 => "of that day".to_owned(),
                1 => "1 day later".to_owned(),
                -1 => "1 day before".to_owned(),
                days if days > 0 => format!("{days} days later"),
                days => format!("{} days before", -days),
            };
            weak_ui(ui, &format!("Nearest real image: {}, {apart}.", image.date));
        }
        None => weak_ui(ui, "There is no real image of this sensor to compare with."),
    }
    if !matches!(standing, Standing::Seen(_)) {
        wrong_ui(
            ui,
            &format!("{}: {}.", spec.valid_period().name(), standing.text()),
        );
    }
    start_ui(ui, state, "Draw it", JobSpec::Reconstruct(spec));
}
