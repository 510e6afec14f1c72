//! Rows that the forms of all trainings have in common: how long, how much at once, how fast, which size, from what. Draws and
//! asks.

use std::ops::RangeInclusive;

use terroir_engine::ModelInfo;

use crate::language::t;

/// How many steps; `speed`: steps a point of dragging.
pub fn steps_row(ui: &mut egui::Ui, steps: &mut u64, speed: f64) {
    let label = ui.label(t!("training-steps"));
    ui.add(
        egui::DragValue::new(steps)
            .range(1..=10_000_000)
            .speed(speed),
    )
    .labelled_by(label.id);
    ui.end_row();
}

/// How many at once, of what: `images`.
pub fn batch_row(
    ui: &mut egui::Ui,
    batch: &mut usize,
    range: RangeInclusive<usize>,
    of_what: &str,
    tip: &str,
) {
    let label = ui.label(t!("training-batch"));
    let shown = ui
        .add(
            egui::DragValue::new(batch)
                .range(range)
                .suffix(format!(" {of_what}")),
        )
        .labelled_by(label.id);
    if !tip.is_empty() {
        shown.on_hover_text(tip);
    }
    ui.end_row();
}

pub fn rate_row(ui: &mut egui::Ui, rate: &mut f64) {
    let label = ui.label(t!("training-rate"));
    ui.add(
        egui::DragValue::new(rate)
            .range(1e-7..=1.0)
            .speed(1e-5)
            .custom_formatter(|value, _| format!("{value:.1e}"))
            .custom_parser(|text| text.trim().parse().ok()),
    )
    .on_hover_text(t!("training-rate.tip"))
    .labelled_by(label.id);
    ui.end_row();
}

/// Sizes of a family, with what is known of them.
pub fn size_row(ui: &mut egui::Ui, id: &str, sizes: &[ModelInfo], chosen: &mut String) {
    let label = ui.label(t!("training-size"));
    egui::ComboBox::from_id_salt(id)
        .width(ui.available_width())
        .selected_text(chosen.clone())
        .show_ui(ui, |ui| {
            for model in sizes {
                let text = super::model::model_text(model);
                if ui.selectable_label(model.name == *chosen, text).clicked() {
                    chosen.clone_from(&model.name);
                }
            }
        })
        .response
        .labelled_by(label.id);
    ui.end_row();
}

/// From nothing, or from the weights of this file name; `tip`: what these bring with them.
pub fn begin_row(
    ui: &mut egui::Ui,
    id: &str,
    weights: Option<String>,
    is_from_weights: &mut bool,
    tip: &str,
) {
    let label = ui.label(t!("training-begin"));
    *is_from_weights &= weights.is_some();
    let text = match (&weights, *is_from_weights) {
        (Some(name), true) => t!("training-begin-trained", file = name),
        _ => t!("training-begin-nothing").to_owned(),
    };
    egui::ComboBox::from_id_salt(id)
        .width(ui.available_width())
        .truncate()
        .selected_text(text)
        .show_ui(ui, |ui| {
            ui.selectable_value(is_from_weights, false, t!("training-begin-nothing"));
            match weights {
                Some(name) => {
                    let text = t!("training-begin-from", file = &name);
                    let shown = ui.selectable_value(is_from_weights, true, text);
                    if !tip.is_empty() {
                        shown.on_hover_text(tip);
                    }
                }
                None => {
                    ui.label(t!("training-begin-none"));
                }
            }
        })
        .response
        .labelled_by(label.id);
    ui.end_row();
}

/// The last part of a path, for people.
pub fn file_name_of(path: Option<&std::path::Path>) -> Option<String> {
    path.and_then(std::path::Path::file_name)
        .map(|name| name.to_string_lossy().into_owned())
}
