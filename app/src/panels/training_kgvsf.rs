//! The part of the Training panel's form that pretrains on images and weather: which place, what size, how long.
//! Draws and asks; reads no file itself.

use egui::RichText;

use super::training_rows::{batch_row, begin_row, file_name_of, rate_row, size_row, steps_row};
use crate::language::t;
use crate::state::State;
use crate::theme;

pub fn training_kgvsf_ui(ui: &mut egui::Ui, state: &mut State) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(RichText::new(t!("training-weather")).strong());
    ui.label(
        RichText::new(t!("training-weather-about"))
            .small()
            .color(weak),
    );
    theme::section_ui(ui, t!("training-place"));
    egui::Grid::new("weather training place")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label(t!("training-place-images"));
            let images = match state.forecast_place() {
                Some((name, frames)) => t!("training-place-dated", name = name, count = frames),
                None => t!("training-place-none").to_owned(),
            };
            ui.add(egui::Label::new(images).truncate());
            ui.end_row();

            ui.label(t!("training-place-weather"));
            let weather = state.history.document().weather.as_ref();
            let name = file_name_of(weather.map(|weather| weather.path.as_path()));
            ui.add(
                egui::Label::new(
                    name.unwrap_or_else(|| t!("training-place-weather-none").to_owned()),
                )
                .truncate(),
            )
            .on_hover_text(t!("training-place-weather.tip"));
            ui.end_row();
        });
    theme::section_ui(ui, t!("training-model"));
    egui::Grid::new("weather training form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            let sizes = state.models_of("KG-VSF");
            let form = &mut state.training.kgvsf;
            size_row(ui, "weather model", &sizes, &mut form.model);

            let weights = state.models.weights_of(&state.training.kgvsf.model);
            let form = &mut state.training.kgvsf;
            let tip = t!("training-weather-begin-tip");
            let name = file_name_of(weights.as_deref());
            begin_row(
                ui,
                "weather training begin",
                name,
                &mut form.from_weights,
                tip,
            );

            steps_row(ui, &mut form.steps, 5.0);
            let label = ui.label(t!("training-masked"));
            ui.add(
                egui::DragValue::new(&mut form.masked_steps)
                    .range(0..=form.steps)
                    .suffix(format!(" {}", t!("training-masked.suffix"))),
            )
            .on_hover_text(t!("training-masked.tip"))
            .labelled_by(label.id);
            ui.end_row();
            batch_row(
                ui,
                &mut form.batch,
                1..=4096,
                t!("training-crops-suffix"),
                "",
            );
            rate_row(ui, &mut form.rate);

            ui.label(t!("training-device"));
            super::model::device_ui(ui, state);
            ui.end_row();

            ui.label(t!("training-file"));
            super::training_form::out_ui(ui, state);
            ui.end_row();
        });
}
