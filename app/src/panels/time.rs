//! The Time panel: the value of a band or an index at clicked places over all dates of a series. Draws and asks; what
//! is read stands in `time_points.rs`.

use egui_plot::{GridMark, HoverPosition, Line, Plot, PlotPoints, Points, VLine};
use jiff::civil::Date;
use terroir_scene::{Series, TimeValue};

use super::chart::chart_menu_ui;
use super::spectrum::number_text;
use super::timeline::{days_between, named_days};
use crate::arrangement::Panel;
use crate::commands::Command;
use crate::dialogs::Purpose;
use crate::language::t;
use crate::state::State;
use crate::theme::{self, icon};
use crate::time_points::TimePoint;
use crate::tools::Tool;

pub(super) const EPOCH: Date = Date::constant(1970, 1, 1);

pub fn time_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.horizontal(|ui| {
        let (weather, forecast) = (
            &mut state.session.weather.is_shown,
            &mut state.forecast.is_shown,
        );
        let is_values = !*weather && !*forecast;
        if ui.selectable_label(is_values, t!("time-values")).clicked() {
            (*weather, *forecast) = (false, false);
        }
        if ui.selectable_label(*weather, t!("time-weather")).clicked() {
            (*weather, *forecast) = (true, false);
        }
        let is_forecast = *forecast && !*weather;
        if ui
            .selectable_label(is_forecast, t!("time-forecast"))
            .on_hover_text(t!("time-forecast-tip"))
            .clicked()
        {
            (*weather, *forecast) = (false, true);
        }
    });
    ui.add_space(theme::SMALL_GAP);
    if state.session.weather.is_shown {
        super::weather::weather_ui(ui, state);
    } else if state.forecast.is_shown {
        super::forecast::forecast_ui(ui, state);
    } else {
        values_ui(ui, state);
    }
}

fn values_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(layer) = state.series_layer() else {
        theme::empty_ui(ui, t!("time-no-series"), t!("time-no-series-next"));
        if ui.button(t!("time-new-series")).clicked() {
            state.queue.push_back(Command::SeriesFromFolder);
        }
        return;
    };
    let Some(series) = layer.series() else {
        return;
    };
    state.update_time();
    if state.session.time.points.is_empty() {
        theme::empty_ui(ui, t!("time-no-place"), t!("time-no-place-next"));
        if ui.button(t!("time-identify")).clicked() {
            state.queue.push_back(Command::UseTool(Tool::Identify));
        }
        return;
    }
    quantity_ui(ui, state);
    let chosen = plot_ui(ui, state, series);
    if let Some(index) = chosen {
        state.session.timeline.playing = None;
        state.show_frame(layer.id, index);
    }
    points_ui(ui, state, series);
    table_ui(ui, state);
    let button = ui.button(t!("time-make-field"));
    if button.on_hover_text(t!("time-make-field-tip")).clicked() {
        state.series_field.is_chosen = true;
        state.arrangement.show(Panel::Run);
    }
}

fn quantity_ui(ui: &mut egui::Ui, state: &mut State) {
    let known = state.time_quantities();
    let Some(mut chosen) = state.session.time.quantity.clone() else {
        ui.label(t!("time-no-band"));
        return;
    };
    ui.horizontal(|ui| {
        let label = ui.label(t!("time-value"));
        egui::ComboBox::from_id_salt("time quantity")
            .selected_text(chosen.label())
            .width(150.0)
            .show_ui(ui, |ui| {
                for quantity in known {
                    let label = quantity.label();
                    ui.selectable_value(&mut chosen, quantity, label);
                }
            })
            .response
            .labelled_by(label.id);
        if state.session.time.is_reading {
            ui.label(
                egui::RichText::new(t!("time-reading")).color(theme::colors(ui.visuals()).weak),
            );
        }
    });
    state.session.time.quantity = Some(chosen);
}

/// Days since 1970, which is what the axis counts.
pub(super) fn day_number(series: &Series, index: usize) -> Option<f64> {
    let frame = series.frames().get(index)?;
    let time = frame.time.map_or(0.5, |time| {
        (f64::from(time.hour()) + f64::from(time.minute()) / 60.0) / 24.0
    });
    Some(days_between(EPOCH, frame.date?) + time)
}

pub(super) fn date_of(day: f64) -> Option<Date> {
    EPOCH
        .checked_add(jiff::Span::new().try_days(day.floor() as i64).ok()?)
        .ok()
}

/// Names days along the x axis, at most so many.
pub(super) fn over_days(plot: Plot<'_>, most: usize) -> Plot<'_> {
    plot.x_grid_spacer(move |input| {
        let (Some(low), Some(high)) = (date_of(input.bounds.0), date_of(input.bounds.1)) else {
            return Vec::new();
        };
        let step = (input.bounds.1 - input.bounds.0) / most as f64;
        named_days(low, high, most)
            .into_iter()
            .map(|(date, _)| GridMark {
                value: days_between(EPOCH, date),
                step_size: step,
            })
            .collect()
    })
    .x_axis_formatter(|mark, range| {
        let (Some(low), Some(high)) = (date_of(*range.start()), date_of(*range.end())) else {
            return String::new();
        };
        let most = ((range.end() - range.start()) / mark.step_size.max(1e-9)).round() as usize;
        let date = date_of(mark.value + 0.25);
        named_days(low, high, most)
            .into_iter()
            .find(|(named, _)| Some(*named) == date)
            .map(|(_, name)| name)
            .unwrap_or_default()
    })
}

/// Values with their frames: those that count, and those under clouds.
type Dots = Vec<(usize, [f64; 2])>;

fn dots(point: &TimePoint, series: &Series) -> (Dots, Dots) {
    let known = point
        .values
        .iter()
        .enumerate()
        .filter_map(|(index, value)| {
            let TimeValue { value, is_hidden } = (*value)?;
            Some((index, [day_number(series, index)?, value?], is_hidden))
        });
    let (clouded, clear): (Vec<_>, Vec<_>) = known.partition(|(.., is_hidden)| *is_hidden);
    let plain = |dots: Vec<(usize, [f64; 2], bool)>| {
        dots.into_iter()
            .map(|(index, place, _)| (index, place))
            .collect()
    };
    (plain(clear), plain(clouded))
}

/// Draws the curves; returns the frame whose value was clicked.
fn plot_ui(ui: &mut egui::Ui, state: &State, series: &Series) -> Option<usize> {
    let (first, last) = series.span()?;
    let colors = theme::colors(ui.visuals());
    let time = &state.session.time;
    let drawn: Vec<(&TimePoint, Dots, Dots)> = time
        .points
        .iter()
        .map(|point| {
            let (clear, clouded) = dots(point, series);
            (point, clear, clouded)
        })
        .collect();
    let name = time
        .quantity
        .as_ref()
        .map(terroir_scene::TimeQuantity::label)
        .unwrap_or_default();
    let most = (ui.available_width() / 80.0).max(1.0) as usize;
    let all: Vec<(usize, [f64; 2], bool)> = drawn
        .iter()
        .flat_map(|(_, clear, clouded)| {
            let clear = clear.iter().map(|(index, place)| (*index, *place, false));
            clear.chain(clouded.iter().map(|(index, place)| (*index, *place, true)))
        })
        .collect();
    let days = days_between(first, last).max(1.0);
    let plot = over_days(Plot::new("time"), most)
        .height(240.0)
        .y_axis_label(name)
        .allow_scroll(false)
        .allow_double_click_reset(true)
        .show_background(false)
        .set_margin_fraction(egui::vec2(0.03, 0.08))
        .include_x(days_between(EPOCH, first))
        .include_x(days_between(EPOCH, last) + 1.0)
        .label_formatter(|hover| {
            let HoverPosition::NearDataPoint { position, .. } = hover else {
                return None;
            };
            let near = all
                .iter()
                .find(|(_, place, _)| *place == [position.x, position.y])?;
            let mut text = format!(
                "{}\n{}",
                series.label(near.0),
                number_text(position.y as f32)
            );
            if near.2 {
                text.push('\n');
                text.push_str(t!("time-under-clouds"));
            }
            Some(text)
        })
        .show(ui, |plot| {
            if let Some(day) = day_number(series, series.shown()) {
                plot.vline(
                    VLine::new("date on show", day)
                        .color(colors.accent.gamma_multiply(0.6))
                        .width(1.0)
                        .allow_hover(false),
                );
            }
            for (point, clear, clouded) in &drawn {
                let places = |dots: &Dots| -> Vec<[f64; 2]> {
                    dots.iter().map(|(_, place)| *place).collect()
                };
                let name = format!("{}", point.id);
                plot.line(
                    Line::new(name.clone(), PlotPoints::from(places(clear)))
                        .color(point.color)
                        .width(1.6)
                        .allow_hover(false),
                );
                plot.points(
                    Points::new(name.clone(), PlotPoints::from(places(clear)))
                        .color(point.color)
                        .radius(3.0),
                );
                plot.points(
                    Points::new(name, PlotPoints::from(places(clouded)))
                        .color(colors.weak.gamma_multiply(0.6))
                        .radius(2.2),
                );
            }
            plot.response()
                .clicked()
                .then(|| plot.pointer_coordinate())
                .flatten()
        });
    chart_menu_ui(&plot.response, || {
        state
            .time_table()
            .map_or_else(String::new, |table| table.csv())
    });
    let clicked = plot.inner?;
    let near = all
        .iter()
        .map(|(index, place, _)| (*index, (place[0] - clicked.x).abs()))
        .min_by(|a, b| a.1.total_cmp(&b.1))?;
    (near.1 < days / 20.0).then_some(near.0)
}

/// The places: colour, coordinates, value on the date on show, keep and remove.
fn points_ui(ui: &mut egui::Ui, state: &mut State, series: &Series) {
    let shown = series.shown();
    let (mut removed, mut kept) = (None, None);
    for point in &state.session.time.points {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            let (dot, _) = ui.allocate_exact_size(egui::vec2(10.0, 10.0), egui::Sense::hover());
            ui.painter().circle_filled(dot.center(), 4.0, point.color);
            let value = match point.values.get(shown).copied().flatten() {
                None => "…".to_owned(),
                Some(TimeValue { value: None, .. }) => t!("time-no-value").to_owned(),
                Some(TimeValue {
                    value: Some(value),
                    is_hidden,
                }) => {
                    let value = number_text(value as f32);
                    match is_hidden {
                        true => t!("time-value-cloud", value = value),
                        false => value,
                    }
                }
            };
            let (x, y) = point.place.xy;
            let decimals = match &point.place.crs {
                Some(crs) if crs.is_geographic => 5,
                _ => 0,
            };
            ui.add(egui::Label::new(format!("{x:.decimals$}, {y:.decimals$}")).truncate());
            ui.monospace(value);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if theme::icon_button(ui, icon::X, t!("time-remove-place")).clicked() {
                    removed = Some(point.id);
                }
                let (glyph, name) = if point.is_kept {
                    (icon::PUSH_PIN_SLASH, t!("time-unkeep-place"))
                } else {
                    (icon::PUSH_PIN, t!("time-keep-place"))
                };
                if theme::icon_button(ui, glyph, name).clicked() {
                    kept = Some((point.id, !point.is_kept));
                }
            });
        });
    }
    if let Some((id, is_kept)) = kept {
        state.keep_place(id, is_kept);
    }
    if let Some(id) = removed {
        state.remove_place(id);
    }
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(
        egui::RichText::new(t!("time-clouds-hint"))
            .small()
            .color(weak),
    );
}

fn table_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.horizontal(|ui| {
        let is_ready = !state.session.time.is_reading;
        if ui
            .add_enabled(is_ready, egui::Button::new(t!("time-copy-csv")))
            .clicked()
            && let Some(table) = state.time_table()
        {
            ui.ctx().copy_text(table.csv());
        }
        if ui
            .add_enabled(is_ready, egui::Button::new(t!("time-export-csv")))
            .clicked()
        {
            let ctx = ui.ctx().clone();
            state.pick(&ctx, Purpose::TimeTable);
        }
    });
}
