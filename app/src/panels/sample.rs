//! The validation sample in the accuracy panel: drawing it, answering it, and what it says of the whole map.

use egui::{DragValue, ProgressBar, RichText};
use terroir_engine::{AreaFigures, Figure, JobSpec, command_line};
use terroir_scene::{Class, SampleAnswer};

use crate::dialogs::Purpose;
use crate::export::primary_button;
use crate::files::FileTask;
use crate::language::t;
use crate::state::State;
use crate::theme::{self, icon};

pub fn sample_ui(ui: &mut egui::Ui, state: &mut State) {
    state.want_sample();
    ui.label(RichText::new(t!("accuracy-sample")).strong());
    weak(ui, t!("accuracy-sample-about"));
    drawn_ui(ui, state);
    let has_sample = state.history.document().sample.is_some();
    egui::CollapsingHeader::new(t!("accuracy-sample-draw"))
        .default_open(!has_sample)
        .show(ui, |ui| draw_ui(ui, state));
}

fn weak(ui: &mut egui::Ui, text: impl Into<String>) {
    let color = theme::colors(ui.visuals()).weak;
    ui.add(egui::Label::new(RichText::new(text.into()).color(color)).wrap());
}

fn draw_ui(ui: &mut egui::Ui, state: &mut State) {
    let maps = state.map_layers();
    let Some(chosen) = state.map_to_sample() else {
        theme::empty_ui(
            ui,
            t!("accuracy-sample-no-map"),
            t!("accuracy-sample-no-map-next"),
        );
        return;
    };
    let has_labels = state.has_label_pixels();
    let form = &mut state.session.sample.form;
    egui::Grid::new("draw sample")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            let label = ui.label(t!("accuracy-sample-map"));
            egui::ComboBox::from_id_salt("sampled map")
                .width(170.0)
                .truncate()
                .selected_text(&chosen.name)
                .show_ui(ui, |ui| {
                    for layer in &maps {
                        ui.selectable_value(&mut form.map, Some(layer.id), &layer.name);
                    }
                })
                .response
                .labelled_by(label.id);
            ui.end_row();
            ui.label(t!("accuracy-sample-points"));
            ui.vertical(|ui| {
                ui.horizontal(|ui| {
                    ui.radio_value(&mut form.by_error, true, t!("accuracy-sample-for-error"));
                    ui.add_enabled(
                        form.by_error,
                        DragValue::new(&mut form.error_percent)
                            .range(0.2..=10.0)
                            .speed(0.05)
                            .max_decimals(2)
                            .suffix(" %"),
                    )
                    .on_hover_text(t!("accuracy-sample-for-error.tip"));
                });
                ui.horizontal(|ui| {
                    ui.radio_value(&mut form.by_error, false, t!("accuracy-sample-this-many"));
                    ui.add_enabled(
                        !form.by_error,
                        DragValue::new(&mut form.points).range(4..=100_000),
                    );
                });
            });
            ui.end_row();
            ui.label(t!("accuracy-sample-least"));
            ui.add(DragValue::new(&mut form.least).range(2..=10_000))
                .on_hover_text(t!("accuracy-sample-least.tip"));
            ui.end_row();
            ui.label(t!("accuracy-sample-seed"));
            ui.add(DragValue::new(&mut form.seed))
                .on_hover_text(t!("accuracy-sample-seed.tip"));
            ui.end_row();
        });
    ui.add_enabled(
        has_labels,
        egui::Checkbox::new(&mut form.leaves_labels_out, t!("accuracy-sample-leave-out")),
    )
    .on_disabled_hover_text(t!("accuracy-sample-leave-out.none"));
    ui.horizontal_wrapped(|ui| {
        let spec = state.sample_spec();
        let button = ui.add_enabled(
            spec.is_ok(),
            primary_button(ui, t!("accuracy-sample-start")),
        );
        if button.clicked() {
            state.draw_sample();
        }
        if let Ok(spec) = spec {
            copy_ui(ui, &JobSpec::Sample(spec));
        }
        if ui
            .button(t!("accuracy-sample-open"))
            .on_hover_text(t!("accuracy-sample-open.tip"))
            .clicked()
        {
            let ctx = ui.ctx().clone();
            state.pick(&ctx, Purpose::SamplePoints);
        }
    });
}

/// Copies the command line of a job.
pub fn copy_ui(ui: &mut egui::Ui, job: &JobSpec) {
    let button = ui.button(icon::COPY).on_hover_text(t!("accuracy-copy.tip"));
    if theme::named(button, t!("accuracy-copy")).clicked() {
        ui.ctx().copy_text(command_line(job));
    }
}

/// The sample of the document, if there is one.
fn drawn_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(sample) = state.history.document().sample.clone() else {
        return;
    };
    let name = |path: &std::path::Path| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    ui.add(egui::Label::new(name(&sample.points)).truncate())
        .on_hover_text(sample.points.display().to_string());
    if state.sampled_map().is_none() {
        let colors = theme::colors(ui.visuals());
        let text = format!(
            "{} {}",
            icon::WARNING,
            t!("accuracy-sample-map-gone", map = name(&sample.map))
        );
        ui.add(egui::Label::new(RichText::new(text).color(colors.warning)).wrap());
        return;
    }
    let total = state.session.sample.points.len();
    if total == 0 {
        ui.spinner();
        return;
    }
    let (answered, unsure) = state.session.sample.answered();
    progress_ui(ui, answered, unsure, total);
    ui.horizontal_wrapped(|ui| {
        let is_done = answered + unsure == total;
        let text = match answered + unsure {
            0 => t!("accuracy-answer"),
            _ if is_done => t!("accuracy-answer-through"),
            _ => t!("accuracy-answer-on"),
        };
        // The next thing to do stands out.
        let button = if is_done {
            egui::Button::new(text)
        } else {
            primary_button(ui, text)
        };
        if ui.add(button).clicked() {
            state.start_answering();
        }
        let button = if is_done {
            primary_button(ui, t!("accuracy-estimate"))
        } else {
            egui::Button::new(t!("accuracy-estimate"))
        };
        let button = ui.add_enabled(answered > 0, button);
        if button
            .on_disabled_hover_text(t!("accuracy-estimate.none"))
            .on_hover_text(t!("accuracy-estimate.tip"))
            .clicked()
        {
            state.estimate_areas();
        }
        if let Some(spec) = state.areas_spec() {
            copy_ui(ui, &JobSpec::Assess(spec));
        }
    });
    if let Some((path, figures)) = state.session.sample.figures.clone() {
        figures_ui(ui, &figures);
        let page = path.with_extension("html");
        ui.horizontal(|ui| {
            if ui.button(t!("accuracy-open-report")).clicked() {
                state.send(FileTask::OpenPage { path: page.clone() });
            }
            if ui.button(t!("accuracy-show-folder")).clicked() {
                state.send(FileTask::ShowInFolder { path: page });
            }
        });
    }
    ui.add_space(theme::GAP);
}

fn progress_ui(ui: &mut egui::Ui, answered: usize, unsure: usize, total: usize) {
    let share = (answered + unsure) as f32 / total.max(1) as f32;
    ui.add(ProgressBar::new(share).desired_height(8.0));
    let text = match unsure {
        0 => t!("accuracy-answered", answered = answered, total = total),
        _ => t!(
            "accuracy-answered-unsure",
            answered = answered,
            total = total,
            unsure = unsure
        ),
    };
    weak(ui, text);
}

/// While points are answered this is all the panel shows.
pub fn answer_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(at) = state.session.sample.at else {
        return;
    };
    let total = state.session.sample.points.len();
    let answer = state
        .session
        .sample
        .points
        .get(at)
        .map(|point| point.answer.clone());
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(t!("accuracy-point", number = at + 1, total = total))
                .strong()
                .size(16.0),
        );
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui
                .button(t!("accuracy-stop"))
                .on_hover_text(t!("accuracy-stop.tip"))
                .clicked()
            {
                state.stop_answering();
            }
        });
    });
    let (answered, unsure) = state.session.sample.answered();
    progress_ui(ui, answered, unsure, total);
    ui.label(t!("accuracy-question"));
    let classes = state.answer_classes();
    let mut given = None;
    for (index, class) in classes.iter().enumerate() {
        let is_chosen = answer == Some(SampleAnswer::Class(class.name.clone()));
        if class_button(ui, index, class, is_chosen) {
            given = Some(SampleAnswer::Class(class.name.clone()));
        }
    }
    ui.add_space(theme::SMALL_GAP);
    let is_unsure = answer == Some(SampleAnswer::Unsure);
    let text = format!("{} 0   {}", icon::QUESTION, t!("accuracy-not-sure"));
    if wide_button(ui, text, is_unsure).clicked() {
        given = Some(SampleAnswer::Unsure);
    }
    ui.horizontal(|ui| {
        if ui
            .button(format!("{} {}", icon::ARROW_LEFT, t!("accuracy-back")))
            .on_hover_text(t!("accuracy-back.tip"))
            .clicked()
        {
            state.step_point(true);
        }
        if ui
            .button(format!("{} {}", t!("accuracy-skip"), icon::ARROW_RIGHT))
            .on_hover_text(t!("accuracy-skip.tip"))
            .clicked()
        {
            state.step_point(false);
        }
    });
    if let Some(given) = given {
        state.answer(given);
    }
    ui.add_space(theme::SMALL_GAP);
    let sees_something = state.history.document().layers.iter().any(|layer| {
        layer.visible
            && layer.raster_info().is_some()
            && !crate::answering::is_kept_from_answers(layer, None)
    });
    if !sees_something {
        let warning = theme::colors(ui.visuals()).warning;
        let text = format!("{} {}", icon::WARNING, t!("accuracy-no-image"));
        ui.add(egui::Label::new(RichText::new(text).color(warning)).wrap());
    }
    weak(ui, t!("accuracy-hidden-note"));
}

fn class_button(ui: &mut egui::Ui, index: usize, class: &Class, is_chosen: bool) -> bool {
    let key = match index {
        0..=8 => (index + 1).to_string(),
        _ => "  ".to_owned(),
    };
    let response = wide_button(ui, format!("      {key}   {}", class.name), is_chosen);
    let rect = response.rect;
    let swatch = egui::Rect::from_center_size(
        egui::pos2(rect.left() + 16.0, rect.center().y),
        egui::vec2(14.0, 14.0),
    );
    ui.painter()
        .rect_filled(swatch, 3.0, theme::rgb(class.color));
    response.clicked()
}

fn wide_button(ui: &mut egui::Ui, text: String, is_chosen: bool) -> egui::Response {
    let width = ui.available_width();
    ui.add(
        egui::Button::selectable(is_chosen, (text, egui::Atom::grow()))
            .frame_when_inactive(true)
            .truncate()
            .min_size(egui::vec2(width, 28.0)),
    )
}

fn figures_ui(ui: &mut egui::Ui, figures: &AreaFigures) {
    let colors = theme::colors(ui.visuals());
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(share_text(Some(&figures.overall)))
                .size(22.0)
                .color(colors.accent),
        );
        ui.vertical(|ui| {
            ui.label(t!("accuracy-overall"));
            ui.label(
                RichText::new(t!("accuracy-interval", count = figures.n))
                    .small()
                    .color(colors.weak),
            );
        });
    });
    let unit = match figures.area_unit.as_str() {
        "ha" => t!("accuracy-area-hectares"),
        _ => t!("accuracy-area-pixels"),
    };
    egui::ScrollArea::horizontal()
        .id_salt("area figures")
        .show(ui, |ui| {
            egui::Grid::new("area figures")
                .num_columns(4)
                .striped(true)
                .spacing([10.0, 3.0])
                .show(ui, |ui| {
                    for name in [
                        t!("accuracy-class"),
                        unit,
                        t!("accuracy-users"),
                        t!("accuracy-producers-long"),
                    ] {
                        ui.label(RichText::new(name).small().color(colors.weak));
                    }
                    ui.end_row();
                    for class in &figures.classes {
                        ui.allocate_ui(egui::vec2(84.0, 18.0), |ui| {
                            ui.add(egui::Label::new(&class.name).truncate());
                        });
                        ui.label(area_text(&class.area));
                        ui.label(share_text(class.users.as_ref()));
                        ui.label(share_text(class.producers.as_ref()));
                        ui.end_row();
                    }
                });
        });
    weak(ui, t!("accuracy-estimates-note"));
}

fn share_text(figure: Option<&Figure>) -> String {
    match figure {
        None => "–".to_owned(),
        Some(one) => match one.half_width_95 {
            Some(half) => format!("{:.1} ± {:.1} %", 100.0 * one.value, 100.0 * half),
            None => format!("{:.1} %", 100.0 * one.value),
        },
    }
}

fn area_text(figure: &Figure) -> String {
    let digits = match figure.value.abs() {
        value if value >= 100.0 => 0,
        _ => 1,
    };
    match figure.half_width_95 {
        Some(half) => format!("{:.digits$} ± {half:.digits$}", figure.value),
        None => format!("{:.digits$}", figure.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_show_their_interval_where_there_is_one() {
        let sure = Figure {
            value: 0.876,
            half_width_95: Some(0.021),
        };
        let alone = Figure {
            value: 12.34,
            half_width_95: None,
        };
        assert_eq!(share_text(Some(&sure)), "87.6 ± 2.1 %");
        assert_eq!(share_text(None), "–");
        assert_eq!(area_text(&alone), "12.3");
    }
}
