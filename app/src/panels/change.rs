//! Part of the field panel: what changed between two fields.

use egui::{ComboBox, DragValue, RichText, Slider};
use terroir_engine::{ChangeSpec, JobSpec};
use terroir_scene::{ChangeMeasure, FEWEST_YEARS};

use super::layers::{drag_step, end_drag_step};
use super::model::cost_ui;
use super::sample::copy_ui;
use crate::analyses::FieldChoice;
use crate::export::primary_button;
use crate::language::t;
use crate::state::State;
use crate::theme;

pub fn change_ui(ui: &mut egui::Ui, state: &mut State) {
    let fields = state.fields();
    let weak = theme::colors(ui.visuals()).weak;
    let Some((before, after)) = state.compared_fields(&fields) else {
        ui.label(RichText::new(t!("analyses-change-none")).color(weak));
        return;
    };
    egui::Grid::new("change form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            if let Some(path) = field_choice_ui(ui, t!("analyses-before"), &fields, &before) {
                state.session.analyses.before = Some(path);
            }
            ui.end_row();
            if let Some(path) = field_choice_ui(ui, t!("analyses-after"), &fields, &after) {
                state.session.analyses.after = Some(path);
            }
            ui.end_row();
            measure_ui(ui, state, fields.len());
            ui.label(t!("analyses-smallest"));
            ui.add(
                DragValue::new(&mut state.session.analyses.least_area_m2)
                    .range(0.0..=1e9)
                    .speed(500.0)
                    .max_decimals(0)
                    .suffix(" m²"),
            )
            .on_hover_text(t!("analyses-smallest.tip"));
            ui.end_row();
        });
    let is_same = before.path == after.path;
    let job = state.change_job(&before.path, &after.path);
    if !is_same {
        cost_ui(ui, state, &job);
    }
    let runs = state.is_analysing(|spec| matches!(spec, JobSpec::Change(_)));
    ui.horizontal(|ui| {
        let button = ui.add_enabled(
            !runs && !is_same,
            primary_button(ui, t!("analyses-find-change")),
        );
        let why = if runs {
            t!("analyses-running")
        } else {
            t!("analyses-two-fields")
        };
        let is_started = button
            .on_disabled_hover_text(why)
            .on_hover_text(t!("analyses-find-change.tip"))
            .clicked();
        if !is_same {
            copy_ui(ui, &job);
        }
        if is_started {
            state.start_analysis(job);
        }
        if runs {
            ui.spinner();
            if ui.link(t!("analyses-progress")).clicked() {
                state.show_jobs();
            }
        }
    });
    if let Some((layer, spec)) = state.shown_change() {
        result_ui(ui, state, &layer, &spec);
    }
}

fn field_choice_ui(
    ui: &mut egui::Ui,
    title: &str,
    fields: &[FieldChoice],
    chosen: &FieldChoice,
) -> Option<std::path::PathBuf> {
    let mut picked = None;
    let label = ui.label(title);
    ComboBox::from_id_salt(title)
        .width(ui.available_width())
        .truncate()
        .selected_text(&chosen.name)
        .show_ui(ui, |ui| {
            for field in fields {
                if ui
                    .selectable_label(field.path == chosen.path, &field.name)
                    .clicked()
                {
                    picked = Some(field.path.clone());
                }
            }
        })
        .response
        .labelled_by(label.id);
    picked
}

fn measure_ui(ui: &mut egui::Ui, state: &mut State, years: usize) {
    let form = &mut state.session.analyses;
    let label = ui.label(t!("analyses-measure"));
    let before = form.measure;
    ComboBox::from_id_salt("measure of change")
        .width(ui.available_width())
        .selected_text(measure_name(form.measure))
        .show_ui(ui, |ui| {
            for measure in ChangeMeasure::ALL {
                let about = match measure {
                    ChangeMeasure::Dot => t!("analyses-measure-dot.tip"),
                    ChangeMeasure::Distance => t!("analyses-measure-distance.tip"),
                    ChangeMeasure::Angle => t!("analyses-measure-angle.tip"),
                    ChangeMeasure::LocalZ => {
                        t!("analyses-measure-local-z.tip")
                    }
                };
                if measure == ChangeMeasure::LocalZ && years < FEWEST_YEARS {
                    continue;
                }
                ui.selectable_value(&mut form.measure, measure, measure_name(measure))
                    .on_hover_text(about);
            }
        })
        .response
        .labelled_by(label.id);
    if form.measure != before {
        form.threshold = None;
    }
    ui.end_row();
    ui.label(t!("analyses-changed"));
    ui.horizontal(|ui| {
        ui.label(side(form.measure));
        let (low, high) = form.measure.range();
        let mut value = form
            .threshold
            .unwrap_or_else(|| form.measure.default_threshold());
        let speed = f64::from(high - low) / 400.0;
        let changed = ui.add(
            DragValue::new(&mut value)
                .range(low..=high)
                .speed(speed)
                .max_decimals(3),
        );
        if changed.changed() {
            form.threshold = Some(value);
        }
    });
    ui.end_row();
}

fn measure_name(measure: ChangeMeasure) -> &'static str {
    match measure {
        ChangeMeasure::Dot => t!("analyses-measure-dot"),
        ChangeMeasure::Distance => t!("analyses-measure-distance"),
        ChangeMeasure::Angle => t!("analyses-measure-angle"),
        ChangeMeasure::LocalZ => t!("analyses-measure-local-z"),
    }
}

fn side(measure: ChangeMeasure) -> &'static str {
    match measure {
        ChangeMeasure::Dot => t!("analyses-below"),
        ChangeMeasure::Distance | ChangeMeasure::Angle | ChangeMeasure::LocalZ => {
            t!("analyses-above")
        }
    }
}

/// The threshold of the raster on the map: moving it only colours it anew.
fn result_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &std::sync::Arc<terroir_scene::Layer>,
    spec: &ChangeSpec,
) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.add(
        egui::Label::new(RichText::new(t!("analyses-on-map", layer = &layer.name)).color(weak))
            .truncate(),
    );
    let shown = State::change_threshold_shown(layer);
    let used = spec.threshold();
    let mut all_values = false;
    ui.horizontal(|ui| {
        if ui
            .selectable_label(shown.is_some(), t!("analyses-changed-or-not"))
            .clicked()
            && shown.is_none()
        {
            state.color_change(layer, spec.measure, Some(used));
        }
        if ui
            .selectable_label(shown.is_none(), t!("analyses-all-values"))
            .clicked()
            && shown.is_some()
        {
            state.color_change(layer, spec.measure, None);
            all_values = true;
        }
    });
    let Some(shown) = shown.filter(|_| !all_values) else {
        return;
    };
    // Styles keep fewer digits than the slider.
    let shown = (shown * 1e4).round() / 1e4;
    let mut threshold = shown;
    let (low, high) = spec.measure.range();
    ui.horizontal(|ui| {
        ui.label(side(spec.measure));
        ui.spacing_mut().slider_width = (ui.available_width() - 64.0).max(60.0);
        let slider =
            ui.add(Slider::new(&mut threshold, f64::from(low)..=f64::from(high)).max_decimals(3));
        drag_step(state, &slider, t!("analyses-step-threshold"));
        if (threshold - shown).abs() > 1e-6 {
            state.color_change(layer, spec.measure, Some(threshold));
        }
        end_drag_step(state, &slider);
    });
    let polygons = spec.out.with_extension("gpkg");
    ui.horizontal(|ui| {
        if ui
            .button(t!("analyses-add-polygons"))
            .on_hover_text(t!("analyses-add-polygons.tip"))
            .clicked()
        {
            state.open_vector(polygons);
        }
        // What is seen and what is written may differ after the slider moved.
        if (shown - used).abs() > 1e-4 {
            let runs = state.is_analysing(|spec| matches!(spec, JobSpec::Change(_)));
            let again = ui
                .add_enabled(!runs, egui::Button::new(t!("analyses-write-again")))
                .on_hover_text(t!("analyses-written-at", threshold = format!("{used:.3}")));
            if again.clicked() {
                state.session.analyses.measure = spec.measure;
                state.session.analyses.threshold = Some(shown);
                let job = state.change_job(&spec.before, &spec.after);
                state.start_analysis(job);
            }
        }
    });
}
