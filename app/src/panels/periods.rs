//! Periods to slide through: the job that makes all of them for the part in view, and what the timeline offers of a series of
//! fields: change between two of them. Draws and asks.

use std::sync::Arc;

use egui::{ComboBox, RichText};
use terroir_engine::JobSpec;
use terroir_scene::Series;

use super::sample::copy_ui;
use super::series_field::{start_ui, weak_ui, wrong_ui};
use crate::archive_facts::ArchiveFacts;
use crate::language::t;
use crate::state::State;
use crate::theme;

/// Lengths of sliding periods, months.
const LENGTHS: [u32; 5] = [1, 2, 3, 6, 12];

/// The form of the job; its fields open as a series whose timeline is the slider.
pub fn slide_ui(ui: &mut egui::Ui, state: &mut State, facts: &Arc<ArchiveFacts>) {
    weak_ui(ui, t!("series-field-slide-about"));
    let form = &mut state.series_field;
    egui::Grid::new("slide form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label(t!("series-field-slide-each"));
            ui.horizontal(|ui| {
                ui.selectable_value(
                    &mut form.slides_by_year,
                    false,
                    t!("series-field-slide-month"),
                );
                ui.selectable_value(
                    &mut form.slides_by_year,
                    true,
                    t!("series-field-slide-year"),
                );
            });
            ui.end_row();
            if !form.slides_by_year {
                let label = ui.label(t!("series-field-slide-of"));
                let text = |months: u32| match months {
                    1 => t!("series-field-slide-one-month").to_owned(),
                    12 => t!("series-field-slide-one-year").to_owned(),
                    months => t!("series-field-slide-months", months = months),
                };
                ComboBox::from_id_salt("length of periods")
                    .width(ui.available_width())
                    .selected_text(text(form.slide_months))
                    .show_ui(ui, |ui| {
                        for months in LENGTHS {
                            ui.selectable_value(&mut form.slide_months, months, text(months));
                        }
                    })
                    .response
                    .labelled_by(label.id)
                    .on_hover_text(t!("series-field-slide-of-tip"));
                ui.end_row();
            }
        });
    match state.slider_spec(facts) {
        Err(why) => wrong_ui(ui, &why),
        Ok(spec) => {
            let count = match &spec {
                JobSpec::EmbedSeries(spec) => {
                    let size = spec
                        .window
                        .map_or((facts.grid.width, facts.grid.height), |part| {
                            (part.width, part.height)
                        });
                    weak_ui(
                        ui,
                        &t!(
                            "series-field-slide-size",
                            count = spec.periods.len(),
                            width = size.0,
                            height = size.1
                        ),
                    );
                    spec.periods.len()
                }
                _ => 0,
            };
            start_ui(
                ui,
                state,
                &t!("series-field-slide-make", count = count),
                spec,
            );
        }
    }
}

/// In the timeline of a series of fields: the two ends of a change, and the change itself in one click.
pub fn change_ends_ui(ui: &mut egui::Ui, state: &mut State, series: &Series) {
    let Some((before, after)) = state.change_ends(series) else {
        return;
    };
    let shown = series.shown();
    let path = |index: usize| {
        series
            .frames()
            .get(index)
            .map(|frame| frame.path().to_owned())
    };
    for (name, end) in [("A", before), ("B", after)] {
        let tip = t!(
            "series-field-end-tip",
            end = name,
            period = series.label(end),
            shown = series.label(shown)
        );
        let button = egui::Button::selectable(end == shown, RichText::new(name).strong());
        let response = ui.add(button);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(
                egui::Role::Button,
                true,
                t!("series-field-end-take", end = name),
            )
        });
        if response.on_hover_text(tip).clicked() {
            let form = &mut state.session.analyses;
            match name {
                "A" => form.before = path(shown),
                _ => form.after = path(shown),
            }
            // An end that was not chosen stays where it is seen.
            match name {
                "A" if form.after.is_none() => form.after = path(after),
                "B" if form.before.is_none() => form.before = path(before),
                _ => {}
            }
        }
    }
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(
        RichText::new(format!(
            "{} {} {}",
            series.label(before),
            theme::icon::ARROW_RIGHT,
            series.label(after)
        ))
        .color(weak),
    );
    let runs = state.is_analysing(|spec| matches!(spec, JobSpec::Change(_)));
    let button = ui.add_enabled(
        before != after && !runs,
        egui::Button::new(t!("series-field-change")),
    );
    let why = match runs {
        true => t!("series-field-change-runs"),
        false => t!("series-field-change-same"),
    };
    let is_started = button
        .on_disabled_hover_text(why)
        .on_hover_text(t!("series-field-change.tip"))
        .clicked();
    if before != after
        && let (Some(before), Some(after)) = (path(before), path(after))
    {
        let job = state.change_job(&before, &after);
        copy_ui(ui, &job);
        if is_started {
            state.start_analysis(job);
        }
    }
}
