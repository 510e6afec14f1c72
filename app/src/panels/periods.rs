//! Periods to slide through: the job that makes all of them for the part in view, and what the timeline offers of a series of
//! fields: change between two of them. Draws and asks.

use std::sync::Arc;

use egui::{ComboBox, RichText};
use terroir_engine::JobSpec;
use terroir_scene::Series;

use super::series_field::{start_ui, weak_ui, wrong_ui};
use crate::archive_facts::ArchiveFacts;
use crate::state::State;
use crate::theme;

/// Lengths of sliding periods, months.
const LENGTHS: [u32; 5] = [1, 2, 3, 6, 12];

/// The form of the job; its fields open as a series whose timeline is the slider.
pub fn slide_ui(ui: &mut egui::Ui, state: &mut State, facts: &Arc<ArchiveFacts>) {
    weak_ui(
        ui,
        "Makes the fields of all periods of the part in view from one look at the images. They open as a series with one set of colours: its timeline is the slider.",
    );
    let form = &mut state.series_field;
    egui::Grid::new("slide form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label("A field");
            ui.horizontal(|ui| {
                ui.selectable_value(&mut form.slides_by_year, false, "every month");
                ui.selectable_value(&mut form.slides_by_year, true, "every year");
            });
            ui.end_row();
            if !form.slides_by_year {
                ui.label("Each of");
                let text = |months: u32| match months {
                    1 => "one month".to_owned(),
                    12 => "a year".to_owned(),
                    months => format!("{months} months"),
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
                    .on_hover_text("Longer than a month, the periods overlap: the summary slides");
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
                        &format!(
                            "{} periods, {} × {} pixels around the middle of the view.",
                            spec.periods.len(),
                            size.0,
                            size.1
                        ),
                    );
                    spec.periods.len()
                }
                _ => 0,
            };
            start_ui(
                ui,
                state,
                &format!("Make {count} periods of the view"),
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
        let tip = format!(
            "{name} of the change is {}. Click to take the period on show, {}.",
            series.label(end),
            series.label(shown)
        );
        let button = egui::Button::selectable(end == shown, RichText::new(name).strong());
        let response = ui.add(button);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Take as {name}"))
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
    let button = ui.add_enabled(before != after && !runs, egui::Button::new("Change"));
    let why = match runs {
        true => "Running",
        false => "A and B are the same period: show another one and press B",
    };
    if button
        .on_disabled_hover_text(why)
        .on_hover_text("Maps what changed from A to B; measure and threshold are under Field")
        .clicked()
        && let (Some(before), Some(after)) = (path(before), path(after))
    {
        state.start_change(&before, &after);
    }
}
