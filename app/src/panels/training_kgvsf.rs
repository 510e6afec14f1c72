//! The part of the Training window's form that pretrains on images and weather: which place, what size, how long.
//! Draws and asks; reads no file itself.

use egui::RichText;

use super::training_rows::{batch_row, begin_row, file_name_of, rate_row, size_row, steps_row};
use crate::state::State;
use crate::theme;

pub fn training_kgvsf_ui(ui: &mut egui::Ui, state: &mut State) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(RichText::new("Pretrain a model on images and weather").strong());
    ui.label(
        RichText::new(
            "From some images and the weather that follows, later images are forecast. The last fifth of the images is kept to say how \
             good the forecasts are. No labels are needed.",
        )
        .small()
        .color(weak),
    );
    theme::section_ui(ui, "Place");
    egui::Grid::new("weather training place")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label("Images");
            let images = match state.forecast_place() {
                Some((name, frames)) => format!("{name}, {frames} dated images"),
                None => "none: open a series first".to_owned(),
            };
            ui.add(egui::Label::new(images).truncate());
            ui.end_row();

            ui.label("Weather");
            let weather = state.history.document().weather.as_ref();
            let name = file_name_of(weather.map(|weather| weather.path.as_path()));
            ui.add(
                egui::Label::new(
                    name.unwrap_or_else(|| "none: add a weather table first".to_owned()),
                )
                .truncate(),
            )
            .on_hover_text("The daily weather of the project");
            ui.end_row();
        });
    theme::section_ui(ui, "Model");
    egui::Grid::new("weather training form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            let sizes = state.models_of("KG-VSF");
            let form = &mut state.training.kgvsf;
            size_row(ui, "weather model", &sizes, &mut form.model);

            let weights = state.models.weights_of(&state.training.kgvsf.model);
            let form = &mut state.training.kgvsf;
            let tip = "The model then knows the bands of these weights alone";
            let name = file_name_of(weights.as_deref());
            begin_row(
                ui,
                "weather training begin",
                name,
                &mut form.from_weights,
                tip,
            );

            steps_row(ui, &mut form.steps, 5.0);
            let label = ui.label("Of these");
            ui.add(
                egui::DragValue::new(&mut form.masked_steps)
                    .range(0..=form.steps)
                    .suffix(" masked first"),
            )
            .on_hover_text(
                "Steps in which hidden parts are told again, before those of forecasting",
            )
            .labelled_by(label.id);
            ui.end_row();
            batch_row(ui, &mut form.batch, 1..=4096, " crops", "");
            rate_row(ui, &mut form.rate);

            ui.label("Device");
            super::model::device_ui(ui, state);
            ui.end_row();

            ui.label("File");
            super::training_form::out_ui(ui, state);
            ui.end_row();
        });
}
