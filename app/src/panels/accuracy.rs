//! Accuracy of the live map on its own labels, cross-validated by blocks: matrix with rows = map, columns = reference.

use egui::{Align, Layout, RichText};
use terroir_scene::{Accuracy, ConfusionMatrix, FOLD_RULE, block_px_of};

use super::chart::{chart_menu_ui, csv};
use super::sample;
use crate::commands::Command;
use crate::export::primary_button;
use crate::language::{said, t};
use crate::live_head::Validation;
use crate::state::State;
use crate::theme::{self, icon};

pub fn accuracy_ui(ui: &mut egui::Ui, state: &mut State) {
    if state.session.sample.is_answering() {
        sample::answer_ui(ui, state);
        return;
    }
    cross_validation_ui(ui, state);
    ui.add_space(theme::GAP);
    ui.separator();
    sample::sample_ui(ui, state);
    ui.add_space(theme::GAP);
    ui.separator();
    super::comparison::comparison_ui(ui, state);
}

fn cross_validation_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.label(RichText::new(t!("accuracy-cross")).strong());
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(RichText::new(t!("accuracy-cross-about")).color(weak));
    egui::Grid::new("accuracy")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label(t!("accuracy-block"));
            block_ui(ui, state);
            ui.end_row();
            let label = ui.label(t!("accuracy-parts"));
            ui.add(egui::DragValue::new(&mut state.session.accuracy_folds).range(2..=20))
                .labelled_by(label.id);
            ui.end_row();
        });
    ui.collapsing(t!("accuracy-how-cut"), |ui| {
        ui.label(RichText::new(FOLD_RULE).color(weak));
    });
    let can_run = Command::CheckAccuracy.can_run(state);
    ui.horizontal(|ui| {
        let ready = can_run.is_ok() && !state.live.is_validating;
        let button = ui.add_enabled(ready, primary_button(ui, t!("accuracy-check")));
        let why = can_run.err().unwrap_or(t!("accuracy-running"));
        if button.on_disabled_hover_text(why).clicked() {
            state.start_validation();
        }
        if state.live.is_validating {
            ui.spinner();
        }
    });
    match &state.live.validation {
        None => theme::empty_ui(ui, t!("accuracy-none"), t!("accuracy-none-next")),
        Some(validation) => result_ui(ui, validation, &mut state.session.with_kappa),
    }
}

/// Side of the blocks: a kilometre and 50 pixels at least, unless the user wants another.
fn block_ui(ui: &mut egui::Ui, state: &mut State) {
    let grid = state
        .field_layer()
        .and_then(|layer| layer.raster_info().map(|info| info.grid.clone()));
    let usual = grid.as_ref().map_or(50, block_px_of);
    let mut side = state.session.accuracy_block_px.unwrap_or(usual);
    ui.horizontal(|ui| {
        let changed = ui
            .add(
                egui::DragValue::new(&mut side)
                    .range(1..=4096)
                    .suffix(format!(" {}", t!("accuracy-pixels"))),
            )
            .on_hover_text(t!("accuracy-block-tip"))
            .changed();
        if changed {
            state.session.accuracy_block_px = Some(side);
        }
        if state
            .session
            .accuracy_block_px
            .is_some_and(|side| side != usual)
            && ui
                .small_button(t!("accuracy-usual"))
                .on_hover_text(t!("accuracy-usual-tip", side = usual))
                .clicked()
        {
            state.session.accuracy_block_px = None;
        }
    });
}

fn result_ui(ui: &mut egui::Ui, validation: &Validation, with_kappa: &mut bool) {
    let colors = theme::colors(ui.visuals());
    ui.separator();
    let accuracy = &validation.accuracy;
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(percent(accuracy.overall))
                .size(26.0)
                .color(colors.accent),
        );
        ui.vertical(|ui| {
            ui.label(t!("accuracy-overall"));
            ui.label(
                RichText::new(t!("accuracy-macro-f1", value = percent(accuracy.macro_f1)))
                    .color(colors.weak),
            );
        });
    });
    ui.label(
        RichText::new(t!(
            "accuracy-basis",
            pixels = crate::jobs::count_text(validation.pixels as u64),
            parts = validation.folds,
            side = validation.block_px
        ))
        .small()
        .color(colors.weak),
    );
    if let Some((mean, spread)) = validation.over_parts {
        ui.label(
            RichText::new(t!(
                "accuracy-over-parts",
                mean = format!("{:.1}", 100.0 * mean),
                spread = format!("{:.1}", 100.0 * spread)
            ))
            .small()
            .color(colors.weak),
        );
    }
    for warning in &validation.warnings {
        ui.add(
            egui::Label::new(
                RichText::new(format!("{} {}", icon::WARNING, said(warning))).color(colors.warning),
            )
            .wrap(),
        );
    }
    ui.checkbox(with_kappa, t!("accuracy-kappa"));
    if *with_kappa {
        let text = |value: Option<f64>| {
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
        };
        ui.label(t!(
            "accuracy-kappa-values",
            mcc = text(accuracy.mcc),
            kappa = text(accuracy.kappa)
        ))
        .on_hover_text(t!("accuracy-kappa-tip"));
    }
    if let Some(held_out) = &validation.held_out {
        super::held_out::held_out_ui(ui, held_out);
    }
    theme::section_ui(ui, t!("accuracy-matrix"));
    ui.label(
        RichText::new(t!("accuracy-matrix-sides"))
            .small()
            .color(colors.weak),
    );
    egui::ScrollArea::horizontal()
        .id_salt("matrix")
        .show(ui, |ui| {
            let matrix = &validation.matrix;
            let drawn = ui.scope(|ui| matrix_ui(ui, matrix)).response;
            let drawn = drawn.interact(egui::Sense::click());
            drawn.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::Image, true, t!("accuracy-matrix"))
            });
            chart_menu_ui(&drawn, || matrix_csv(matrix));
        });
    theme::section_ui(ui, t!("accuracy-per-class"));
    per_class_ui(ui, "per class", accuracy);
}

/// Figures of each class, one a line.
pub(super) fn per_class_ui(ui: &mut egui::Ui, id: &str, accuracy: &Accuracy) {
    let weak = theme::colors(ui.visuals()).weak;
    egui::ScrollArea::horizontal().id_salt(id).show(ui, |ui| {
        egui::Grid::new(id)
            .num_columns(6)
            .striped(true)
            .spacing([8.0, 3.0])
            .show(ui, |ui| {
                ui.label(RichText::new(t!("accuracy-class")).small().color(weak));
                // Over their numbers, which end at the right.
                for name in [
                    "n",
                    t!("accuracy-users"),
                    t!("accuracy-producers"),
                    "F1",
                    "IoU",
                ] {
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        ui.label(RichText::new(name).small().color(weak))
                    });
                }
                ui.end_row();
                for class in &accuracy.per_class {
                    ui.allocate_ui(egui::vec2(CLASS_NAME_WIDTH, 18.0), |ui| {
                        ui.add(egui::Label::new(&class.name).truncate());
                    });
                    number(ui, class.n_reference.to_string());
                    number(ui, percent(class.users));
                    number(ui, percent(class.producers));
                    number(ui, percent(class.f1));
                    number(ui, percent(class.iou));
                    ui.end_row();
                }
            });
    });
}

/// Rows the map, columns the reference, as on the screen.
fn matrix_csv(matrix: &ConfusionMatrix) -> String {
    let names = matrix.classes.iter().map(|class| class.name.as_str());
    let heading: Vec<&str> = std::iter::once("map").chain(names).collect();
    let rows = matrix
        .classes
        .iter()
        .zip(&matrix.counts)
        .map(|(class, counts)| {
            let counts = counts.iter().map(u64::to_string);
            std::iter::once(class.name.clone()).chain(counts).collect()
        });
    csv(&heading, rows)
}

/// Room for a class name beside four figures in the narrowest panel; longer ones end in "…" and are whole on hover.
const CLASS_NAME_WIDTH: f32 = 96.0;

fn matrix_ui(ui: &mut egui::Ui, matrix: &ConfusionMatrix) {
    let weak = theme::colors(ui.visuals()).weak;
    let most = matrix
        .counts
        .iter()
        .flatten()
        .copied()
        .max()
        .unwrap_or(1)
        .max(1);
    egui::Grid::new("matrix")
        .spacing([3.0, 3.0])
        .show(ui, |ui| {
            ui.label(
                RichText::new(t!("accuracy-matrix-corner"))
                    .small()
                    .color(weak),
            );
            for class in &matrix.classes {
                swatch(ui, class.color, &class.name);
            }
            ui.end_row();
            for (row, class) in matrix.classes.iter().enumerate() {
                ui.allocate_ui(egui::vec2(CLASS_NAME_WIDTH, 20.0), |ui| {
                    ui.horizontal(|ui| {
                        swatch(ui, class.color, &class.name);
                        ui.add(egui::Label::new(RichText::new(&class.name).small()).truncate());
                    });
                });
                for (column, reference) in matrix.classes.iter().enumerate() {
                    let count = matrix
                        .counts
                        .get(row)
                        .and_then(|row| row.get(column))
                        .copied()
                        .unwrap_or(0);
                    let share = (count as f32 / most as f32).sqrt();
                    let base = if row == column {
                        theme::colors(ui.visuals()).good
                    } else {
                        theme::colors(ui.visuals()).error
                    };
                    let (rect, response) =
                        ui.allocate_exact_size(egui::vec2(44.0, 20.0), egui::Sense::hover());
                    ui.painter()
                        .rect_filled(rect, 2.0, base.gamma_multiply(0.45 * share));
                    ui.painter().text(
                        rect.center(),
                        egui::Align2::CENTER_CENTER,
                        count.to_string(),
                        egui::FontId::proportional(12.0),
                        ui.visuals().text_color(),
                    );
                    response.on_hover_text(t!(
                        "accuracy-matrix-cell",
                        count = count,
                        map = &class.name,
                        reference = &reference.name
                    ));
                }
                ui.end_row();
            }
        });
}

fn swatch(ui: &mut egui::Ui, color: [u8; 3], name: &str) {
    let (rect, response) = ui.allocate_exact_size(egui::vec2(14.0, 14.0), egui::Sense::hover());
    ui.painter().rect_filled(rect, 3.0, theme::rgb(color));
    response.on_hover_text(name);
}

fn number(ui: &mut egui::Ui, text: String) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.monospace(text)
    });
}

fn percent(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}
