//! The part of the Training panel's form that pretrains on archives: which, what size, how long.
//! Draws and asks; reads no file itself.

use egui::RichText;

use super::training_rows::{batch_row, begin_row, file_name_of, rate_row, size_row, steps_row};
use crate::dialogs::Purpose;
use crate::language::t;
use crate::state::State;
use crate::theme::{self, icon};

/// Sides of the crops, pixels.
const SIDES: [usize; 4] = [32, 64, 96, 128];

pub fn training_stp_ui(ui: &mut egui::Ui, state: &mut State) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(RichText::new(t!("training-archives")).strong());
    ui.label(
        RichText::new(t!("training-archives-about"))
            .small()
            .color(weak),
    );
    theme::section_ui(ui, t!("training-kind-archives"));
    series_ui(ui, state);
    folders_ui(ui, state);
    theme::section_ui(ui, t!("training-model"));
    egui::Grid::new("archive training form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            let sizes = state.models_of("STP");
            size_row(ui, "archive model", &sizes, &mut state.training.stp.model);

            let name = file_name_of(state.stp_weights().as_deref());
            let form = &mut state.training.stp;
            let tip = t!("training-archives-begin-tip");
            begin_row(
                ui,
                "archive training begin",
                name,
                &mut form.from_weights,
                tip,
            );

            steps_row(ui, &mut form.steps, 20.0);
            let tip = t!("training-batch-archives-tip");
            batch_row(
                ui,
                &mut form.batch,
                2..=4096,
                t!("training-places-suffix"),
                tip,
            );

            let label = ui.label(t!("training-crops"));
            egui::ComboBox::from_id_salt("crop side")
                .width(ui.available_width())
                .selected_text(t!("training-crop-size", side = form.side))
                .show_ui(ui, |ui| {
                    for side in SIDES {
                        ui.selectable_value(
                            &mut form.side,
                            side,
                            t!("training-crop-size", side = side),
                        );
                    }
                })
                .response
                .labelled_by(label.id);
            ui.end_row();

            let label = ui.label(t!("training-frames"));
            ui.add(
                egui::DragValue::new(&mut form.frames)
                    .range(1..=200)
                    .suffix(format!(" {}", t!("training-frames.suffix"))),
            )
            .on_hover_text(t!("training-frames.tip"))
            .labelled_by(label.id);
            ui.end_row();

            rate_row(ui, &mut form.rate);

            ui.label(t!("training-device"));
            super::model::device_ui(ui, state);
            ui.end_row();

            ui.label(t!("training-file"));
            super::training_form::out_ui(ui, state);
            ui.end_row();
        });
}

fn series_ui(ui: &mut egui::Ui, state: &mut State) {
    let weak = theme::colors(ui.visuals()).weak;
    let groups = state.series_groups();
    if groups.is_empty() && state.training.stp.folders.is_empty() {
        ui.label(RichText::new(t!("training-archives-none")).color(weak));
    }
    for group in &groups {
        for (id, name) in &group.layers {
            let mut is_used = !state.training.stp.left_out.contains(id);
            if ui.checkbox(&mut is_used, name).changed() {
                if is_used {
                    state.training.stp.left_out.remove(id);
                } else {
                    state.training.stp.left_out.insert(*id);
                }
            }
        }
        let text = match (group.layers.len(), group.frames) {
            (1, frames) => t!("training-dated", count = frames),
            (_, frames) => t!("training-dated-one-archive", count = frames),
        };
        ui.label(RichText::new(text).small().color(weak));
    }
}

fn folders_ui(ui: &mut egui::Ui, state: &mut State) {
    let mut gone = None;
    for (at, folder) in state.training.stp.folders.iter().enumerate() {
        ui.horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if theme::icon_button(ui, icon::X, t!("training-leave-folder")).clicked() {
                    gone = Some(at);
                }
                let name = folder.file_name().map_or_else(
                    || folder.display().to_string(),
                    |name| name.to_string_lossy().into_owned(),
                );
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.add(egui::Label::new(format!("{}  {name}", icon::FOLDER)).truncate())
                        .on_hover_text(folder.display().to_string());
                });
            });
        });
    }
    if let Some(at) = gone {
        state.training.stp.folders.remove(at);
    }
    if ui
        .button(format!(
            "{}  {}",
            icon::FOLDER_PLUS,
            t!("training-add-folder")
        ))
        .on_hover_text(t!("training-add-folder.tip"))
        .clicked()
    {
        let ctx = ui.ctx().clone();
        state.pick(&ctx, Purpose::ArchiveFolder);
    }
}
