//! The Soil moisture panel: stations, weather, images and the day to map; beside or under them every method's figures,
//! estimate against station, and a station through time. Draws and asks; reads no file itself.

use egui::{Align, DragValue, Label, Layout, RichText, TextEdit};
use egui_plot::{Line, LineStyle, Plot, PlotPoints, Points};
use jiff::civil::Date;
use terroir_engine::{FORECAST_MODELS, JobId, JobSpec, SoilFigures, SoilResults, command_line};

use super::chart::{chart_menu_ui, csv};
use super::image_choice::image_choice_ui;
use super::progress::{Run, run_progress_ui};
use super::remarks::remarks_ui;
use super::series_field::{weak_ui, wrong_ui};
use super::time::{EPOCH, over_days};
use super::timeline::days_between;
use super::{FormParts, form_and_outcome_ui};
use crate::dialogs::Purpose;
use crate::export::primary_button;
use crate::files::FileTask;
use crate::language::t;
use crate::soil::short_name;
use crate::state::State;
use crate::theme::{self, icon};

/// More points of the scatter are thinned evenly.
const MOST_POINTS: usize = 3000;
/// Days without a value that break a curve.
const BREAK_DAYS: f64 = 10.0;
const ESTIMATE: egui::Color32 = egui::Color32::from_rgb(0xd5, 0x5e, 0x00);

/// What a click asks for, done after drawing.
enum Wish {
    Start(Box<JobSpec>),
    Cancel(JobId),
    OpenPage(std::path::PathBuf),
    ShowFolder(std::path::PathBuf),
}

pub fn soil_ui(ui: &mut egui::Ui, state: &mut State) {
    state.want_models();
    let mut wish = None;
    let parts = FormParts {
        form: &form_ui,
        start: &start_ui,
        outcome: &run_ui,
    };
    form_and_outcome_ui(ui, state, &mut wish, &parts);
    match wish {
        None => {}
        Some(Wish::Start(spec)) => state.start_soil(*spec),
        Some(Wish::Cancel(id)) => state.jobs.cancel(id),
        Some(Wish::OpenPage(path)) => state.send(FileTask::OpenPage { path }),
        Some(Wish::ShowFolder(path)) => state.send(FileTask::ShowInFolder { path }),
    }
}

fn form_ui(ui: &mut egui::Ui, state: &mut State, _wish: &mut Option<Wish>) {
    theme::section_ui(ui, t!("soil-stations"));
    files_ui(ui, &mut state.soil.stations);
    let mut asked = None;
    ui.horizontal(|ui| {
        if ui
            .button(t!("soil-add-tables"))
            .on_hover_text(t!("soil-add-tables-tip"))
            .clicked()
        {
            asked = Some(Purpose::SoilStations);
        }
        if ui
            .button(t!("soil-add-folder"))
            .on_hover_text(t!("soil-add-folder-tip"))
            .clicked()
        {
            asked = Some(Purpose::SoilFolder);
        }
    });
    let form = &mut state.soil;
    egui::Grid::new("soil reading")
        .num_columns(2)
        .spacing([10.0, 4.0])
        .show(ui, |ui| {
            let label = ui.label(t!("soil-depth"));
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                for value in [&mut form.depth_from_cm, &mut form.depth_to_cm] {
                    ui.add(
                        DragValue::new(value)
                            .range(0.0..=1000.0)
                            .speed(1.0)
                            .max_decimals(1),
                    )
                    .labelled_by(label.id);
                }
                ui.label("cm");
            })
            .response
            .on_hover_text(t!("soil-depth-tip"));
            ui.end_row();
            let label = ui.label(t!("soil-flags"));
            ui.add(TextEdit::singleline(&mut form.flags).desired_width(120.0))
                .labelled_by(label.id)
                .on_hover_text(t!("soil-flags-tip"));
            ui.end_row();
        });
    ui.checkbox(&mut form.is_percent, t!("soil-percent"))
        .on_hover_text(t!("soil-percent-tip"));
    theme::section_ui(ui, t!("soil-weather"));
    if state.soil.weather.is_empty() {
        weak_ui(ui, t!("soil-weather-about"));
    }
    let of_project = state.history.document().weather.as_ref();
    if let Some(name) = of_project.map(|weather| short_name(&weather.path)) {
        let mut is_used = state
            .soil
            .uses_project_weather
            .unwrap_or_else(|| state.soil_has_images());
        if ui
            .checkbox(&mut is_used, t!("soil-weather-of-project", name = name))
            .on_hover_text(t!("soil-weather-of-project-tip"))
            .changed()
        {
            state.soil.uses_project_weather = Some(is_used);
        }
    }
    files_ui(ui, &mut state.soil.weather);
    if ui
        .button(t!("soil-add-weather"))
        .on_hover_text(t!("soil-add-weather-tip"))
        .clicked()
    {
        asked = Some(Purpose::SoilWeather);
    }
    theme::section_ui(ui, t!("soil-images"));
    images_ui(ui, state);
    theme::section_ui(ui, t!("soil-results"));
    let default = state
        .soil_out_path()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if ui
                .button("…")
                .on_hover_text(t!("soil-folder-tip"))
                .clicked()
            {
                asked = Some(Purpose::SoilOut);
            }
            let width = ui.available_width();
            ui.add(
                TextEdit::singleline(&mut state.soil.out)
                    .desired_width(width)
                    .hint_text(if default.is_empty() {
                        t!("soil-folder-tip").to_owned()
                    } else {
                        default.clone()
                    }),
            )
            .on_hover_text(default);
        });
    });
    if let Ok(spec) = state.soil_spec() {
        super::model::estimate_ui(ui, state, &spec, true);
    }
    if let Some(purpose) = asked {
        let ctx = ui.ctx().clone();
        state.pick(&ctx, purpose);
    }
}

fn start_ui(ui: &mut egui::Ui, state: &mut State, wish: &mut Option<Wish>) {
    let spec = state.soil_spec();
    let runs = state.soil_runs();
    ui.horizontal(|ui| {
        let button = ui.add_enabled(
            spec.is_ok() && !runs,
            primary_button(ui, t!("soil-estimate")),
        );
        let why = match &spec {
            Err(why) => why.as_str(),
            Ok(_) => t!("soil-running"),
        };
        if button
            .on_disabled_hover_text(why)
            .on_hover_text(t!("soil-estimate-tip"))
            .clicked()
            && let Ok(spec) = &spec
        {
            *wish = Some(Wish::Start(Box::new(spec.clone())));
        }
        if let Ok(spec) = &spec
            && ui.button(t!("soil-copy-command")).clicked()
        {
            ui.ctx().copy_text(command_line(spec));
        }
    });
}

/// The files of a list, each with a button that takes it out.
fn files_ui(ui: &mut egui::Ui, files: &mut Vec<std::path::PathBuf>) {
    let mut gone = None;
    for (at, file) in files.iter().enumerate() {
        ui.horizontal(|ui| {
            if theme::icon_button(ui, icon::X, t!("soil-unuse")).clicked() {
                gone = Some(at);
            }
            ui.add(Label::new(short_name(file)).truncate())
                .on_hover_text(file.display().to_string());
        });
    }
    if let Some(at) = gone {
        files.remove(at);
    }
}

fn images_ui(ui: &mut egui::Ui, state: &mut State) {
    let series = state.image_series();
    if series.is_empty() {
        weak_ui(ui, t!("soil-no-series"));
        return;
    }
    let is_any_used = image_choice_ui(ui, &series, &mut state.soil.left_out);
    ui.add_enabled_ui(is_any_used, |ui| {
        ui.horizontal(|ui| {
            let label = ui.label(t!("soil-day"));
            ui.add(
                TextEdit::singleline(&mut state.soil.date)
                    .desired_width(ui.available_width())
                    .hint_text(t!("soil-day-hint")),
            )
            .labelled_by(label.id);
        });
        let known: Vec<&str> = FORECAST_MODELS
            .into_iter()
            .filter(|name| state.models.weights_of(name).is_some())
            .collect();
        if !known.is_empty() {
            ui.horizontal(|ui| {
                let label = ui.label(t!("soil-mapped-by"));
                let chosen = &mut state.soil.model;
                // What maps where no network does.
                let simple = t!("soil-ridge");
                egui::ComboBox::from_id_salt("soil model")
                    .width(ui.available_width())
                    .truncate()
                    .selected_text(chosen.as_deref().unwrap_or(simple))
                    .show_ui(ui, |ui| {
                        ui.selectable_value(chosen, None, simple);
                        for name in known {
                            ui.selectable_value(chosen, Some(name.to_owned()), name)
                                .on_hover_text(t!("soil-network-tip"));
                        }
                    })
                    .response
                    .labelled_by(label.id);
            });
        }
        field_ui(ui, state);
        ui.checkbox(&mut state.soil.uncertainty, t!("soil-uncertainty"))
            .on_hover_text(t!("soil-uncertainty-tip"));
    });
}

/// A field of the project whose numbers stand beside weather and images.
fn field_ui(ui: &mut egui::Ui, state: &mut State) {
    let fields = state.fields();
    if fields.is_empty() {
        return;
    }
    ui.horizontal(|ui| {
        let label = ui.label(t!("soil-field"));
        let chosen = &mut state.soil.field;
        let none = t!("soil-field-none");
        let shown = fields
            .iter()
            .find(|field| Some(&field.path) == chosen.as_ref())
            .map_or(none, |field| &field.name);
        egui::ComboBox::from_id_salt("soil field")
            .width(ui.available_width())
            .truncate()
            .selected_text(shown)
            .show_ui(ui, |ui| {
                ui.selectable_value(chosen, None, none);
                for field in &fields {
                    ui.selectable_value(chosen, Some(field.path.clone()), &field.name);
                }
            })
            .response
            .labelled_by(label.id)
            .on_hover_text(t!("soil-field-tip"));
    });
}

fn run_ui(ui: &mut egui::Ui, state: &mut State, wish: &mut Option<Wish>) {
    if let Some(job) = state.soil_job() {
        match run_progress_ui(ui, job) {
            Run::GoesOn => return,
            Run::Stop(id) => {
                *wish = Some(Wish::Cancel(id));
                return;
            }
            Run::IsOver => {}
        }
    }
    let Some(results) = state.soil.results.clone() else {
        theme::empty_ui(ui, t!("soil-none"), t!("soil-none-next"));
        return;
    };
    results_ui(ui, state, &results, wish);
}

fn results_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    results: &SoilResults,
    wish: &mut Option<Wish>,
) {
    let colors = theme::colors(ui.visuals());
    // Beside the form there may be little room.
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(t!("soil-figures")).strong());
        if results.is_by_station && !results.by_time.is_empty() {
            ui.selectable_value(&mut state.soil.shows_time, false, t!("soil-by-station"))
                .on_hover_text(t!("soil-by-station-tip", parts = results.folds));
            let tip = match results.time_from {
                Some(from) => t!("soil-by-time-from", date = from.to_string()),
                None => t!("soil-by-time-tip").to_owned(),
            };
            ui.selectable_value(&mut state.soil.shows_time, true, t!("soil-by-time"))
                .on_hover_text(tip);
        }
        if ui.button(t!("soil-open-report")).clicked() {
            *wish = Some(Wish::OpenPage(results.page()));
        }
        if theme::icon_button(ui, icon::FOLDER_OPEN, t!("soil-show-folder")).clicked() {
            *wish = Some(Wish::ShowFolder(results.page()));
        }
    });
    let shows_time = state.soil.shows_time || !results.is_by_station;
    let methods = if shows_time && !results.by_time.is_empty() {
        &results.by_time
    } else {
        &results.methods
    };
    egui::ScrollArea::horizontal()
        .id_salt("soil methods")
        .show(ui, |ui| methods_ui(ui, methods, &results.shown));
    weak_ui(ui, t!("soil-coloured"));
    if !results.is_by_station {
        wrong_ui(ui, t!("soil-few-stations"));
    }
    remarks_ui(ui, &results.warnings, 4, weak_ui);
    ui.add_space(theme::GAP);
    if let Some(station) = results.stations.get(state.soil.station) {
        ui.horizontal(|ui| {
            let label = ui.label(RichText::new(t!("soil-through-time")).strong());
            egui::ComboBox::from_id_salt("soil station")
                .selected_text(&station.name)
                .width(170.0)
                .truncate()
                .show_ui(ui, |ui| {
                    for (at, station) in results.stations.iter().enumerate() {
                        ui.selectable_value(&mut state.soil.station, at, &station.name);
                    }
                })
                .response
                .labelled_by(label.id);
            let count = results.stations.len();
            let step = |ui: &mut egui::Ui, glyph: &str, name: &str, to: Option<usize>| {
                ui.add_enabled_ui(to.is_some_and(|to| to < count), |ui| {
                    theme::icon_button(ui, glyph, name).clicked()
                })
                .inner
                .then_some(to)
                .flatten()
            };
            let at = state.soil.station;
            let back = step(
                ui,
                icon::CARET_LEFT,
                t!("soil-station-before"),
                at.checked_sub(1),
            );
            let on = step(ui, icon::CARET_RIGHT, t!("soil-station-next"), Some(at + 1));
            if let Some(to) = back.or(on) {
                state.soil.station = to;
            }
            let text = |value: Option<f64>| {
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
            };
            ui.label(
                RichText::new(t!(
                    "soil-station-figures",
                    count = station.n,
                    rmse = text(station.rmse),
                    ubrmse = text(station.ubrmse),
                    r = text(station.r)
                ))
                .small()
                .color(colors.weak),
            );
        });
        curve_ui(ui, &station.days);
        legend_ui(ui);
    }
    ui.add_space(theme::GAP);
    ui.label(RichText::new(t!("soil-against")).strong());
    scatter_ui(ui, results);
}

fn methods_ui(ui: &mut egui::Ui, methods: &[SoilFigures], shown: &str) {
    let colors = theme::colors(ui.visuals());
    let text = |value: Option<f64>, digits: usize| {
        value.map_or_else(
            || "–".to_owned(),
            |value| {
                let text = format!("{value:.digits$}");
                // What rounds to nought has no sign.
                let is_nought = text
                    .trim_start_matches('-')
                    .chars()
                    .all(|c| matches!(c, '0' | '.'));
                match is_nought {
                    true => text.trim_start_matches('-').to_owned(),
                    false => text,
                }
            },
        )
    };
    egui::Grid::new("soil methods")
        .num_columns(8)
        .striped(true)
        .spacing([14.0, 4.0])
        .show(ui, |ui| {
            for (name, about) in [
                (t!("soil-column-method"), t!("soil-column-method-tip")),
                ("n", t!("soil-column-n-tip")),
                ("RMSE", t!("soil-column-rmse-tip")),
                ("ubRMSE", t!("soil-column-ubrmse-tip")),
                (t!("soil-column-bias"), t!("soil-column-bias-tip")),
                ("R²", t!("soil-column-r2-tip")),
                (
                    t!("soil-column-station-ubrmse"),
                    t!("soil-column-station-ubrmse-tip"),
                ),
                (t!("soil-column-station-r"), t!("soil-column-station-r-tip")),
            ] {
                ui.label(RichText::new(name).small().color(colors.weak))
                    .on_hover_text(about);
            }
            ui.end_row();
            for method in methods {
                let mut name = RichText::new(&method.title);
                if method.key == shown {
                    name = name.color(colors.accent);
                }
                ui.label(name);
                for cell in [
                    crate::jobs::count_text(method.n),
                    text(method.rmse, 4),
                    text(method.ubrmse, 4),
                    text(method.bias, 4),
                    text(method.r2, 3),
                    text(method.station_ubrmse, 4),
                    text(method.station_r, 3),
                ] {
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        ui.monospace(cell)
                    });
                }
                ui.end_row();
            }
        });
}

/// Pieces of a curve between gaps.
fn pieces(points: impl Iterator<Item = [f64; 2]>) -> Vec<Vec<[f64; 2]>> {
    let mut out: Vec<Vec<[f64; 2]>> = Vec::new();
    for point in points {
        let goes_on = out
            .last()
            .and_then(|piece| piece.last())
            .is_some_and(|last| point[0] - last[0] <= BREAK_DAYS);
        match out.last_mut().filter(|_| goes_on) {
            Some(piece) => piece.push(point),
            None => out.push(vec![point]),
        }
    }
    out
}

fn curve_ui(ui: &mut egui::Ui, days: &[(Date, f64, Option<f64>)]) {
    let accent = theme::colors(ui.visuals()).accent;
    let most = (ui.available_width() / 90.0).max(1.0) as usize;
    let measured = days
        .iter()
        .map(|(date, value, _)| [days_between(EPOCH, *date), *value]);
    let estimated = days
        .iter()
        .filter_map(|(date, _, value)| Some([days_between(EPOCH, *date), (*value)?]));
    let plot = Plot::new("soil curve")
        .height(200.0)
        .allow_scroll(false)
        .allow_double_click_reset(true)
        .show_background(false)
        .set_margin_fraction(egui::vec2(0.02, 0.08));
    let response = over_days(plot, most)
        .show(ui, |plot| {
            for piece in pieces(measured) {
                plot.line(
                    Line::new(t!("soil-curve-station"), PlotPoints::from(piece))
                        .color(accent)
                        .width(1.8),
                );
            }
            for piece in pieces(estimated) {
                plot.line(
                    Line::new(t!("soil-curve-estimate"), PlotPoints::from(piece))
                        .color(ESTIMATE)
                        .width(1.5),
                );
            }
        })
        .response;
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, t!("soil-curve-name")));
    chart_menu_ui(&response, || {
        let rows = days.iter().map(|(date, value, estimate)| {
            let estimate = estimate.map_or_else(String::new, |value| value.to_string());
            vec![date.to_string(), value.to_string(), estimate]
        });
        csv(&["date", "station_m3_m3", "estimate_m3_m3"], rows)
    });
}

fn legend_ui(ui: &mut egui::Ui) {
    let colors = theme::colors(ui.visuals());
    ui.horizontal(|ui| {
        for (color, name) in [
            (colors.accent, t!("soil-curve-station")),
            (ESTIMATE, t!("soil-curve-estimate-long")),
        ] {
            let (rect, _) = ui.allocate_exact_size(egui::vec2(18.0, 10.0), egui::Sense::hover());
            ui.painter().hline(
                rect.x_range(),
                rect.center().y,
                egui::Stroke::new(2.0, color),
            );
            ui.label(RichText::new(name).small().color(colors.weak));
        }
    });
}

fn scatter_ui(ui: &mut egui::Ui, results: &SoilResults) {
    let colors = theme::colors(ui.visuals());
    let all: Vec<[f64; 2]> = results
        .stations
        .iter()
        .flat_map(|station| &station.days)
        .filter_map(|(_, value, estimate)| Some([*value, (*estimate)?]))
        .collect();
    let most = all.iter().flatten().copied().fold(0.05, f64::max);
    let shown = all.len().min(MOST_POINTS);
    let points: Vec<[f64; 2]> = (0..shown)
        .filter_map(|at| all.get(at * all.len() / shown))
        .copied()
        .collect();
    let side = ui.available_width().clamp(120.0, 380.0);
    let response = Plot::new("soil scatter")
        .width(side)
        .height(side)
        .data_aspect(1.0)
        .x_axis_label(t!("soil-axis-station"))
        .y_axis_label(t!("soil-axis-estimate"))
        .allow_scroll(false)
        .allow_double_click_reset(true)
        .show_background(false)
        .include_x(0.0)
        .include_y(0.0)
        .include_x(most)
        .include_y(most)
        .show(ui, |plot| {
            plot.points(
                Points::new(t!("soil-scatter-values"), PlotPoints::from(points))
                    .color(colors.accent.gamma_multiply(0.35))
                    .radius(2.0),
            );
            plot.line(
                Line::new(
                    "estimate equals station",
                    PlotPoints::from(vec![[0.0, 0.0], [most, most]]),
                )
                .color(colors.weak)
                .style(LineStyle::dashed_loose())
                .allow_hover(false),
            );
        })
        .response;
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, t!("soil-against")));
    chart_menu_ui(&response, || {
        let rows = all
            .iter()
            .map(|pair| pair.iter().map(f64::to_string).collect());
        csv(&["station_m3_m3", "estimate_m3_m3"], rows)
    });
    if shown < all.len() {
        weak_ui(ui, &t!("soil-some-shown", shown = shown, count = all.len()));
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;

    use super::super::time::date_of;
    use super::*;

    #[test]
    fn curves_break_where_days_are_missing() {
        let found = pieces([[0.0, 1.0], [9.0, 2.0], [30.0, 3.0]].into_iter());
        assert_eq!(found, [vec![[0.0, 1.0], [9.0, 2.0]], vec![[30.0, 3.0]]]);
        assert!(pieces(std::iter::empty()).is_empty());
        assert_eq!(date_of(18_000.4), Some(Date::constant(2019, 4, 14)));
    }
}
