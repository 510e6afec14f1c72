//! The weather of the project: a plot of each driver over the days under the days of the images, with gaps marked, what is
//! doubtful, and units to be confirmed. Draws and asks; the weather itself stands in `weather.rs` of the window.

use std::sync::Arc;

use egui::{Color32, RichText};
use egui_plot::{
    AxisHints, Bar, BarChart, HoverPosition, Line, MarkerShape, Plot, PlotPoints, Points, Span,
    VLine,
};
use jiff::civil::Date;
use terroir_scene::{DRIVERS, UnitDoubt, WeatherCheck, WeatherSpec, WeatherTable, WeatherVariable};

use super::chart::{chart_menu_ui, csv};
use super::spectrum::number_text;
use super::time::{EPOCH, date_of, day_number, over_days};
use super::timeline::days_between;
use crate::commands::Command;
use crate::dialogs::Purpose;
use crate::language::{said, t};
use crate::state::State;
use crate::theme::{self, icon};

/// Of a plot of one driver; the last has the days below it.
const PLOT_HEIGHT: f32 = 78.0;
const DAYS_HEIGHT: f32 = 20.0;
/// More days than this are drawn thinned.
const MOST_DAYS: usize = 1500;
/// Days shown before and after the images at first.
const AROUND_DAYS: f64 = 30.0;
/// Findings shown before "and n more".
const MOST_CHECKS: usize = 12;

const COLD: Color32 = Color32::from_rgb(88, 157, 219);
const WARM: Color32 = Color32::from_rgb(226, 112, 76);
const RAIN: Color32 = Color32::from_rgb(70, 140, 205);
const SUN: Color32 = Color32::from_rgb(214, 158, 46);
const AIR: Color32 = Color32::from_rgb(84, 166, 120);
const OTHER: Color32 = Color32::from_rgb(150, 120, 200);

pub fn weather_ui(ui: &mut egui::Ui, state: &mut State) {
    state.want_weather();
    let Some(spec) = state.history.document().weather.clone() else {
        theme::empty_ui(ui, t!("weather-none"), t!("weather-none-next"));
        if ui.button(t!("weather-add")).clicked() {
            state.queue.push_back(Command::AddWeather);
        }
        return;
    };
    file_ui(ui, state, &spec);
    if let Some(why) = state.session.weather.error.clone() {
        let color = theme::colors(ui.visuals()).error;
        ui.label(RichText::new(said(&why)).color(color));
        return;
    }
    let Some(table) = state.session.weather.table.clone() else {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label(t!("weather-reading"));
        });
        return;
    };
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(
        RichText::new(t!(
            "weather-span",
            source = table.source.to_string(),
            days = table.days(),
            first = table.first.to_string(),
            last = table.last().to_string()
        ))
        .color(weak),
    );
    let checks = state.weather_checks();
    for check in checks.iter() {
        if let Some(doubt) = &check.doubt {
            doubt_ui(ui, state, doubt);
        }
    }
    plots_ui(ui, state, &table);
    checks_ui(ui, &checks);
    notes_ui(ui, &table);
    let can_write = table.doubts.is_empty();
    let button = ui.add_enabled(can_write, egui::Button::new(t!("weather-export")));
    if button
        .on_hover_text(t!("weather-export-tip"))
        .on_disabled_hover_text(t!("weather-export-units"))
        .clicked()
    {
        let ctx = ui.ctx().clone();
        state.pick(&ctx, Purpose::WeatherTable);
    }
}

fn file_ui(ui: &mut egui::Ui, state: &mut State, spec: &WeatherSpec) {
    let name = spec.path.file_name().map_or_else(
        || spec.path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            if theme::icon_button(ui, icon::X, t!("weather-remove")).clicked() {
                state.remove_weather();
            }
            if theme::icon_button(ui, icon::FOLDER_OPEN, t!("weather-choose")).clicked() {
                state.queue.push_back(Command::AddWeather);
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.add(egui::Label::new(RichText::new(name).strong()).truncate())
                    .on_hover_text(spec.path.display().to_string());
            });
        });
    });
}

/// A question about a unit with its answers.
fn doubt_ui(ui: &mut egui::Ui, state: &mut State, doubt: &UnitDoubt) {
    let colors = theme::colors(ui.visuals());
    let frame = egui::Frame::new()
        .stroke(egui::Stroke::new(1.0, colors.warning))
        .corner_radius(4)
        .inner_margin(egui::Margin::symmetric(8, 6));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(
            RichText::new(format!(
                "{}  {}",
                icon::WARNING,
                t!(
                    "weather-unit-question",
                    variable = title_inside(doubt.variable)
                )
            ))
            .color(colors.warning),
        );
        let (column, why) = (doubt.column.as_str(), doubt.why.as_str());
        let unit = unit_text(doubt.assumed.name());
        ui.label(match doubt.likely {
            None => t!(
                "weather-unit-doubt",
                column = column,
                unit = unit,
                why = why
            ),
            Some(likely) => t!(
                "weather-unit-likely",
                column = column,
                unit = unit,
                why = why,
                likely = unit_text(likely.name())
            ),
        });
        ui.horizontal_wrapped(|ui| {
            let mut units = doubt.assumed.alternatives();
            units.retain(|unit| Some(*unit) != doubt.likely && *unit != doubt.assumed);
            let first = doubt.likely.into_iter();
            for unit in first.chain([doubt.assumed]) {
                let is_likely = doubt.likely == Some(unit);
                let text = unit_text(unit.name());
                let text = if is_likely {
                    RichText::new(text).strong()
                } else {
                    RichText::new(text)
                };
                let button = ui.button(text).on_hover_text(if is_likely {
                    t!("weather-unit-likely-tip")
                } else {
                    t!("weather-unit-read-tip")
                });
                if button.clicked() {
                    state.confirm_weather_unit(&doubt.key, unit);
                }
            }
            ui.menu_button(t!("weather-unit-other"), |ui| {
                for unit in units {
                    if ui.button(unit_text(unit.name())).clicked() {
                        state.confirm_weather_unit(&doubt.key, unit);
                        ui.close();
                    }
                }
            });
        });
    });
}

/// What a variable is called, as a title.
fn title(variable: WeatherVariable) -> &'static str {
    match variable {
        WeatherVariable::Tmin => t!("weather-tmin"),
        WeatherVariable::Tmax => t!("weather-tmax"),
        WeatherVariable::Prcp => t!("weather-prcp"),
        WeatherVariable::Srad => t!("weather-srad"),
        WeatherVariable::Vp => t!("weather-vp"),
        WeatherVariable::Tmean => t!("weather-tmean"),
        WeatherVariable::Wind => t!("weather-wind"),
        WeatherVariable::Et0 => t!("weather-et0"),
        WeatherVariable::Swe => t!("weather-swe"),
        WeatherVariable::Sm1 => t!("weather-sm1"),
    }
}

/// What a variable is called inside a sentence.
fn title_inside(variable: WeatherVariable) -> &'static str {
    match variable {
        WeatherVariable::Tmin => t!("weather-tmin.inside"),
        WeatherVariable::Tmax => t!("weather-tmax.inside"),
        WeatherVariable::Prcp => t!("weather-prcp.inside"),
        WeatherVariable::Srad => t!("weather-srad.inside"),
        WeatherVariable::Vp => t!("weather-vp.inside"),
        WeatherVariable::Tmean => t!("weather-tmean.inside"),
        WeatherVariable::Wind => t!("weather-wind.inside"),
        WeatherVariable::Et0 => t!("weather-et0.inside"),
        WeatherVariable::Swe => t!("weather-swe.inside"),
        WeatherVariable::Sm1 => t!("weather-sm1.inside"),
    }
}

/// Units as people write them.
fn unit_text(name: &str) -> String {
    name.replace("deg", "°")
        .replace("m2", "m²")
        .replace("m3", "m³")
}

/// What a plot shows: curves of one unit.
struct Curves {
    title: String,
    unit: String,
    is_rain: bool,
    curves: Vec<(WeatherVariable, Color32)>,
}

fn curves_of(table: &WeatherTable) -> Vec<Curves> {
    use WeatherVariable as V;
    let one = |variable: V, color: Color32| Curves {
        title: title(variable).to_owned(),
        unit: unit_text(variable.unit()),
        is_rain: variable == V::Prcp,
        curves: vec![(variable, color)],
    };
    let mut all = Vec::new();
    let both: Vec<(V, Color32)> = [(V::Tmin, COLD), (V::Tmax, WARM)]
        .into_iter()
        .filter(|(variable, _)| table.has(*variable))
        .collect();
    if !both.is_empty() {
        all.push(Curves {
            title: t!("weather-temperatures").to_owned(),
            unit: unit_text(V::Tmin.unit()),
            is_rain: false,
            curves: both,
        });
    }
    for (variable, color) in [(V::Prcp, RAIN), (V::Srad, SUN), (V::Vp, AIR)] {
        if table.has(variable) {
            all.push(one(variable, color));
        }
    }
    let rest = table
        .variables()
        .filter(|variable| !DRIVERS.contains(variable) && *variable != V::Tmean);
    all.extend(rest.map(|variable| one(variable, OTHER)));
    all
}

fn plots_ui(ui: &mut egui::Ui, state: &mut State, table: &WeatherTable) {
    let images = state.image_days();
    let layer = state.series_layer();
    let shown = layer
        .as_ref()
        .and_then(|layer| layer.series())
        .and_then(|series| day_number(series, series.shown()));
    let range = first_range(table, &images);
    let mut clicked = images_ui(ui, &images, shown, range);
    let all = curves_of(table);
    let count = all.len();
    for (index, curves) in all.iter().enumerate() {
        let is_last = index + 1 == count;
        clicked = plot_ui(ui, table, curves, shown, range, is_last).or(clicked);
    }
    let weak = theme::colors(ui.visuals()).weak;
    let hint = if images.is_empty() {
        t!("weather-zoom-hint")
    } else {
        t!("weather-click-hint")
    };
    ui.label(RichText::new(hint).small().color(weak));
    let (Some(day), Some(layer)) = (clicked, layer) else {
        return;
    };
    let Some(series) = layer.series() else {
        return;
    };
    let nearest = (0..series.frames().len())
        .filter_map(|frame| Some((frame, (day_number(series, frame)? - day).abs())))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((frame, _)) = nearest {
        state.session.timeline.playing = None;
        state.show_frame(layer.id, frame);
    }
}

/// Around the images where there are any in the weather, else all of it.
fn first_range(table: &WeatherTable, images: &[Date]) -> (f64, f64) {
    let number = |day: Date| days_between(EPOCH, day);
    let whole = (number(table.first), number(table.last()) + 1.0);
    match (images.first(), images.last()) {
        (Some(first), Some(last)) => {
            let (low, high) = (number(*first) - AROUND_DAYS, number(*last) + AROUND_DAYS);
            // Weather of about the same days is shown whole.
            let is_alike = whole.1 - whole.0 < 2.0 * (high - low);
            if is_alike {
                (low.min(whole.0), high.max(whole.1))
            } else {
                (low, high)
            }
        }
        _ => whole,
    }
}

/// A plot over days that moves together with the others; not closed at its sides, so that all are equally wide.
fn plot<'a>(ui: &egui::Ui, name: String, range: (f64, f64)) -> Plot<'a> {
    let most = (ui.available_width() / 76.0).max(1.0) as usize;
    over_days(Plot::new(name), most)
        .allow_scroll(false)
        .allow_double_click_reset(true)
        .show_background(false)
        .link_axis(egui::Id::unique("weather days"), [true, false])
        .link_cursor(egui::Id::unique("weather cursor"), [true, false])
        .default_x_bounds(range.0, range.1.max(range.0 + 1.0))
        .grid_spacing(8.0..=300.0)
        .custom_y_axes(vec![
            AxisHints::new_y()
                .min_thickness(34.0)
                .label_spacing(12.0..=22.0),
        ])
}

/// The days of the images as a row of marks.
fn images_ui(
    ui: &mut egui::Ui,
    images: &[Date],
    shown: Option<f64>,
    range: (f64, f64),
) -> Option<f64> {
    if images.is_empty() {
        return None;
    }
    let colors = theme::colors(ui.visuals());
    ui.label(RichText::new(t!("weather-image-days", count = images.len())).small());
    let marks: Vec<[f64; 2]> = images
        .iter()
        .map(|day| [days_between(EPOCH, *day) + 0.5, 0.0])
        .collect();
    plot(ui, "weather images".to_owned(), range)
        .height(22.0)
        .show_axes([false, true])
        .show_grid([true, false])
        .y_axis_formatter(|_, _| String::new())
        .include_y(-1.0)
        .include_y(1.0)
        .label_formatter(|hover| match hover {
            HoverPosition::NearDataPoint { position, .. } => Some(date_of(position.x)?.to_string()),
            _ => None,
        })
        .show(ui, |plot| {
            plot.points(
                Points::new("images", PlotPoints::from(marks))
                    .shape(MarkerShape::Diamond)
                    .color(colors.weak)
                    .radius(4.0),
            );
            shown_ui(plot, shown, colors.accent);
            clicked_day(plot)
        })
        .inner
}

fn shown_ui(plot: &mut egui_plot::PlotUi<'_>, shown: Option<f64>, accent: Color32) {
    if let Some(day) = shown {
        plot.vline(
            VLine::new("image on show", day)
                .color(accent)
                .width(1.5)
                .allow_hover(false),
        );
    }
}

fn clicked_day(plot: &egui_plot::PlotUi<'_>) -> Option<f64> {
    plot.response()
        .clicked()
        .then(|| plot.pointer_coordinate())
        .flatten()
        .map(|place| place.x)
}

fn plot_ui(
    ui: &mut egui::Ui,
    table: &WeatherTable,
    curves: &Curves,
    shown: Option<f64>,
    range: (f64, f64),
    is_last: bool,
) -> Option<f64> {
    let colors = theme::colors(ui.visuals());
    let doubt = table.doubts.iter().find(|doubt| {
        curves
            .curves
            .iter()
            .any(|(variable, _)| *variable == doubt.variable)
    });
    let title = match doubt {
        Some(_) => RichText::new(t!("weather-unconfirmed", title = curves.title.as_str()))
            .color(colors.warning),
        None => RichText::new(format!("{} ({})", curves.title, curves.unit)),
    };
    ui.label(title.small());
    let height = if is_last {
        PLOT_HEIGHT + DAYS_HEIGHT
    } else {
        PLOT_HEIGHT
    };
    let unit = if doubt.is_some() {
        String::new()
    } else {
        format!(" {}", curves.unit)
    };
    let name = curves
        .curves
        .iter()
        .map(|(variable, _)| variable.name())
        .collect::<String>();
    let mut plot = plot(ui, format!("weather {name}"), range)
        .height(height)
        .show_axes([is_last, true])
        .set_margin_fraction(egui::vec2(0.0, 0.08))
        .label_formatter(move |hover| match hover {
            HoverPosition::NearDataPoint { position, .. } => Some(format!(
                "{}\n{}{unit}",
                date_of(position.x)?,
                number_text(position.y as f32)
            )),
            _ => None,
        });
    if curves.is_rain {
        plot = plot.include_y(0.0).include_y(1.0);
    }
    // A constant has no height of its own.
    if let Some(value) = constant(table, &curves.curves) {
        plot = plot.include_y(value - 1.0).include_y(value + 1.0);
    }
    let shown_plot = plot.show(ui, |plot| {
        for (from, to) in gaps(table, &curves.curves) {
            plot.span(Span::new("missing", from..=to).fill(colors.error.gamma_multiply(0.28)));
        }
        for (variable, color) in &curves.curves {
            for run in runs(table, *variable) {
                if curves.is_rain {
                    let bars = run
                        .iter()
                        .map(|[day, rain]| Bar::new(*day, *rain))
                        .collect();
                    let width = table.days().div_ceil(MOST_DAYS).max(1) as f64;
                    let words = |bar: &Bar, _: &BarChart| {
                        let day = date_of(bar.argument).map(|day| day.to_string());
                        let amount = number_text(bar.value as f32);
                        format!("{}\n{amount} mm", day.unwrap_or_default())
                    };
                    plot.bar_chart(
                        BarChart::new(variable.name(), bars)
                            .color(*color)
                            .width(width)
                            .element_formatter(Box::new(words)),
                    );
                } else {
                    let points = PlotPoints::from(run);
                    plot.line(Line::new(variable.name(), points).color(*color).width(1.3));
                }
            }
        }
        shown_ui(plot, shown, colors.accent);
        clicked_day(plot)
    });
    chart_menu_ui(&shown_plot.response, || values_csv(table, curves));
    shown_plot.inner
}

/// What a plot shows, one row a day; empty cells where a value is missing.
fn values_csv(table: &WeatherTable, curves: &Curves) -> String {
    let names: Vec<String> = curves
        .curves
        .iter()
        .map(|(variable, _)| format!("{} ({})", variable.name(), curves.unit))
        .collect();
    let heading: Vec<&str> = std::iter::once("date")
        .chain(names.iter().map(String::as_str))
        .collect();
    let rows = (0..table.days()).map(|row| {
        let values = curves.curves.iter().map(|(variable, _)| {
            let column = table.column(*variable).unwrap_or(&[]);
            let value = column.get(row).copied().flatten();
            value.map_or_else(String::new, |value| value.to_string())
        });
        std::iter::once(table.day(row).to_string())
            .chain(values)
            .collect()
    });
    csv(&heading, rows)
}

/// The one value all curves have on all days; `None` where they differ.
fn constant(table: &WeatherTable, curves: &[(WeatherVariable, Color32)]) -> Option<f64> {
    let mut values = curves
        .iter()
        .filter_map(|(variable, _)| table.column(*variable))
        .flat_map(|column| column.iter().flatten());
    let first = *values.next()?;
    values
        .all(|value| (value - first).abs() < 1e-6)
        .then_some(f64::from(first))
}

/// Days on which one of the variables is missing, as spans of the axis.
fn gaps(table: &WeatherTable, curves: &[(WeatherVariable, Color32)]) -> Vec<(f64, f64)> {
    let start = days_between(EPOCH, table.first);
    let is_missing = |row: usize| {
        curves.iter().any(|(variable, _)| {
            table
                .column(*variable)
                .is_some_and(|column| column.get(row).is_some_and(Option::is_none))
        })
    };
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for row in (0..table.days()).filter(|row| is_missing(*row)) {
        let day = start + row as f64;
        match spans.last_mut() {
            Some((_, end)) if *end >= day => *end = day + 1.0,
            _ => spans.push((day, day + 1.0)),
        }
    }
    spans
}

/// Runs of days with a value; of long tables the highest of several days of rain and lows or highs of temperatures.
fn runs(table: &WeatherTable, variable: WeatherVariable) -> Vec<Vec<[f64; 2]>> {
    let Some(column) = table.column(variable) else {
        return Vec::new();
    };
    let start = days_between(EPOCH, table.first);
    let each = column.len().div_ceil(MOST_DAYS).max(1);
    let mut runs: Vec<Vec<[f64; 2]>> = vec![Vec::new()];
    for (part, days) in column.chunks(each).enumerate() {
        let values = days.iter().flatten().copied();
        let value = match variable {
            WeatherVariable::Tmin => values.reduce(f32::min),
            WeatherVariable::Tmax | WeatherVariable::Prcp => values.reduce(f32::max),
            _ => {
                let count = values.clone().count();
                (count > 0).then(|| values.sum::<f32>() / count as f32)
            }
        };
        let middle = start + (part * each) as f64 + 0.5 * days.len() as f64;
        match (value, runs.last_mut()) {
            // Dry days have no stem.
            (Some(0.0), _) if variable == WeatherVariable::Prcp => {}
            (Some(value), Some(run)) => run.push([middle, f64::from(value)]),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

fn checks_ui(ui: &mut egui::Ui, checks: &Arc<[WeatherCheck]>) {
    let colors = theme::colors(ui.visuals());
    ui.add_space(theme::SMALL_GAP);
    let found: Vec<&WeatherCheck> = checks
        .iter()
        .filter(|check| check.doubt.is_none())
        .collect();
    if checks.is_empty() {
        ui.label(
            RichText::new(format!(
                "{}  {}",
                icon::CHECK,
                t!("weather-nothing-doubtful")
            ))
            .color(colors.good),
        );
        return;
    }
    for check in found.iter().take(MOST_CHECKS) {
        let (glyph, color) = if check.stops {
            (icon::WARNING_CIRCLE, colors.error)
        } else {
            (icon::WARNING, colors.warning)
        };
        ui.horizontal_top(|ui| {
            ui.label(RichText::new(glyph).color(color));
            ui.add(egui::Label::new(sentence(&said(&check.what))).wrap());
        });
    }
    if found.len() > MOST_CHECKS {
        let more = found.len() - MOST_CHECKS;
        ui.label(RichText::new(t!("weather-more", count = more)).color(colors.weak));
    }
}

fn notes_ui(ui: &mut egui::Ui, table: &WeatherTable) {
    if table.notes.is_empty() {
        return;
    }
    egui::CollapsingHeader::new(t!("weather-notes"))
        .id_salt("weather notes")
        .show(ui, |ui| {
            for note in &table.notes {
                ui.add(egui::Label::new(sentence(&said(note))).wrap());
            }
        });
}

/// With a capital at its beginning, unless that is the name of a column, and a full stop.
fn sentence(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let is_name = WeatherVariable::of_name(first).is_some();
    let mut letters = text.chars();
    match letters.next() {
        Some(letter) if !is_name => format!("{}{}.", letter.to_uppercase(), letters.as_str()),
        _ => format!("{text}."),
    }
}
