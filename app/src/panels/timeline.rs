//! The timeline of a series: an axis true to time with a bar of cloud cover per date, steps, playing, and what is
//! hidden. Draws and asks; which dates take part stands in `play.rs`.

use std::sync::Arc;

use egui::{Align2, Color32, FontId, Rect, Response, Sense, Stroke, StrokeKind, pos2, vec2};
use jiff::civil::Date;
use terroir_scene::{Layer, Series};

use crate::commands::Command;
use crate::language::t;
use crate::panels::layers::{drag_step, end_drag_step};
use crate::play::{CloudCover, SPEEDS};
use crate::state::State;
use crate::theme::{self, icon};

const AXIS_HEIGHT: f32 = 62.0;
/// Room for the names of days below the bars.
const NAMES_HEIGHT: f32 = 16.0;
/// Narrower than this a name of a day would touch its neighbour.
const NAME_WIDTH: f64 = 74.0;

pub fn timeline_ui(ui: &mut egui::Ui, state: &mut State) {
    if !state.session.timeline.is_open {
        return;
    }
    let Some(layer) = state.series_layer() else {
        return;
    };
    let Some(series) = layer.series() else {
        return;
    };
    let is_of_fields = state.change_ends(series).is_some();
    if !is_of_fields {
        state.ask_clouds(series);
    }
    let frame = egui::Frame::new()
        .fill(ui.visuals().panel_fill)
        .inner_margin(egui::Margin::symmetric(10, 6));
    egui::Panel::bottom("timeline")
        .frame(frame)
        .resizable(false)
        .show(ui, |ui| {
            controls_ui(ui, state, &layer, series, is_of_fields);
            ui.add_space(theme::SMALL_GAP);
            axis_ui(ui, state, &layer, series);
        });
    super::frames::frames_ui(ui, state, &layer);
}

fn controls_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    series: &Series,
    is_of_fields: bool,
) {
    let steps = state.steps(series);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let is_playing = state.session.timeline.playing.is_some();
        for command in [Command::PreviousDate, Command::PlayDates, Command::NextDate] {
            let info = command.info();
            let glyph = match command {
                Command::PlayDates if is_playing => icon::PAUSE,
                _ => info.icon,
            };
            let keys = state
                .keyboard
                .text(ui.ctx(), info)
                .map(|keys| format!(" ({keys})"))
                .unwrap_or_default();
            let name = match command {
                Command::PlayDates if is_playing => t!("timeline-pause"),
                Command::PlayDates => t!("timeline-play"),
                _ => info.name(),
            };
            if theme::icon_button(ui, glyph, &format!("{name}{keys}")).clicked() {
                state.queue.push_back(command);
            }
        }
        ui.spacing_mut().item_spacing.x = theme::GAP;
        speed_ui(ui, state);
        let shown = series.shown();
        ui.label(egui::RichText::new(series.label(shown)).strong().size(15.0));
        let place = match steps.iter().position(|index| *index == shown) {
            Some(at) => t!("timeline-place", number = at + 1, count = steps.len()),
            None => t!("timeline-not-among", count = steps.len()),
        };
        let clouds = series
            .shown_frame()
            .map(|frame| state.clouds_of(frame).text())
            .unwrap_or_default();
        let weak = theme::colors(ui.visuals()).weak;
        let facts = match is_of_fields {
            true => place,
            false => format!("{place} · {clouds}"),
        };
        ui.label(egui::RichText::new(facts).color(weak));
        if series
            .shown_frame()
            .is_some_and(|frame| frame.info.is_none())
        {
            ui.label(
                egui::RichText::new(t!("timeline-missing"))
                    .color(theme::colors(ui.visuals()).warning),
            );
        }
        ui.separator();
        if is_of_fields {
            super::periods::change_ends_ui(ui, state, series);
        } else {
            hide_clouds_ui(ui, state, series);
            most_clouds_ui(ui, state, layer, series);
        }
        ui.separator();
        let list = egui::Button::new(t!("timeline-dates"));
        if ui
            .add(list)
            .on_hover_text(t!("timeline-dates-tip"))
            .clicked()
        {
            state.session.timeline.list_open = !state.session.timeline.list_open;
        }
        let undated = series.frames().len() - series.dated();
        if undated > 0 {
            let text = t!("timeline-undated", count = undated);
            ui.label(egui::RichText::new(text).color(theme::colors(ui.visuals()).warning));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if theme::icon_button(ui, icon::X, t!("timeline-close")).clicked() {
                state.session.timeline.is_open = false;
                state.session.timeline.playing = None;
            }
            ui.add(egui::Label::new(egui::RichText::new(&layer.name).color(weak)).truncate());
        });
    });
}

fn hide_clouds_ui(ui: &mut egui::Ui, state: &mut State, series: &Series) {
    let can_hide = Command::HideClouds.can_run(state);
    let mut hides = series.hide_clouds;
    let check = ui
        .add_enabled(
            can_hide.is_ok(),
            egui::Checkbox::new(&mut hides, t!("timeline-hide-clouds")),
        )
        .on_hover_text(Command::HideClouds.info().tooltip())
        .on_disabled_hover_text(can_hide.err().unwrap_or_default());
    if check.changed() {
        state.queue.push_back(Command::HideClouds);
    }
}

fn speed_ui(ui: &mut egui::Ui, state: &mut State) {
    let text = |speed: f32| {
        if speed < 1.0 {
            t!(
                "timeline-every-seconds",
                seconds = format!("{:.0}", 1.0 / speed)
            )
        } else {
            t!("timeline-a-second", count = format!("{speed:.0}"))
        }
    };
    let speed = &mut state.session.timeline.speed;
    let response = egui::ComboBox::from_id_salt("speed")
        .selected_text(text(*speed))
        .width(92.0)
        .show_ui(ui, |ui| {
            for choice in SPEEDS {
                ui.selectable_value(speed, choice, text(choice));
            }
        })
        .response;
    theme::named_choice(response, t!("timeline-speed-tip"), &text(*speed))
        .on_hover_text(t!("timeline-speed-tip"));
}

/// Dates above a share of clouds are left out.
fn most_clouds_ui(ui: &mut egui::Ui, state: &mut State, layer: &Layer, series: &Series) {
    let name = t!("timeline-leave-out-cloudy");
    let knows_clouds = series
        .frames()
        .iter()
        .any(|frame| state.clouds_of(frame) != CloudCover::Unknown);
    let mut is_on = series.most_clouds.is_some();
    let check = ui
        .add_enabled(
            knows_clouds || is_on,
            egui::Checkbox::new(&mut is_on, t!("timeline-only-up-to")),
        )
        .on_hover_text(t!("timeline-only-up-to-tip"))
        .on_disabled_hover_text(t!("timeline-clouds-unknown"));
    let mut percent = series.most_clouds.unwrap_or(0.3) * 100.0;
    if check.changed() {
        let most = is_on.then_some(percent / 100.0);
        set_most_clouds(state, layer, most, name);
    }
    let drag = egui::DragValue::new(&mut percent)
        .range(0.0..=100.0)
        .max_decimals(0)
        .suffix(format!(" {}", t!("timeline-percent-cloud")));
    let drag = ui.add_enabled(is_on, drag);
    drag_step(state, &drag, name);
    if drag.changed() && is_on {
        set_most_clouds(state, layer, Some((percent / 100.0).clamp(0.0, 1.0)), name);
    }
    end_drag_step(state, &drag);
}

fn set_most_clouds(state: &mut State, layer: &Layer, most: Option<f32>, name: &str) {
    state.change_layer(layer.id, name, |layer| {
        if let Some(series) = layer.series_mut() {
            series.most_clouds = most;
        }
    });
}

/// Where days lie on the screen.
#[derive(Clone, Copy)]
struct Axis {
    first: Date,
    days: f64,
    left: f32,
    width: f32,
}

impl Axis {
    fn new(first: Date, last: Date, rect: Rect) -> Self {
        Self {
            first,
            // A series of one day lies in the middle.
            days: days_between(first, last).max(1.0),
            left: rect.left(),
            width: rect.width(),
        }
    }

    fn x(&self, date: Date) -> f32 {
        self.left + (days_between(self.first, date) / self.days) as f32 * self.width
    }
}

pub fn days_between(from: Date, to: Date) -> f64 {
    (to - from).get_days().into()
}

fn month_name(date: Date) -> &'static str {
    match date.month() {
        1 => t!("timeline-month-1"),
        2 => t!("timeline-month-2"),
        3 => t!("timeline-month-3"),
        4 => t!("timeline-month-4"),
        5 => t!("timeline-month-5"),
        6 => t!("timeline-month-6"),
        7 => t!("timeline-month-7"),
        8 => t!("timeline-month-8"),
        9 => t!("timeline-month-9"),
        10 => t!("timeline-month-10"),
        11 => t!("timeline-month-11"),
        _ => t!("timeline-month-12"),
    }
}

fn day_name(date: Date) -> String {
    t!(
        "timeline-day",
        day = i32::from(date.day()),
        month = month_name(date)
    )
}

/// Days to name below the axis, with their names: round days, months or years, so many that they do not touch.
pub fn named_days(first: Date, last: Date, most: usize) -> Vec<(Date, String)> {
    let days = days_between(first, last);
    let most = most.max(1) as f64;
    let is_kept = |date: &Date| *date >= first && *date <= last;
    let months = [1, 2, 3, 6]
        .into_iter()
        .find(|step| days / 30.4 / f64::from(*step) <= most);
    let day_step = [1, 2, 5, 10, 15]
        .into_iter()
        .find(|step| days / f64::from(*step) <= most);
    if let Some(step) = day_step {
        let mut names = Vec::new();
        let mut month = first.first_of_month();
        while month <= last {
            let count = i32::from(month.days_in_month());
            // The last step of a month would stand beside the first of the next.
            let in_month = (0..count)
                .step_by(step as usize)
                .filter(|day| step < 5 || *day == 0 || count - day > step / 2);
            names.extend(in_month.filter_map(|day| {
                let date = month.checked_add(jiff::Span::new().days(day)).ok()?;
                is_kept(&date).then(|| (date, day_name(date)))
            }));
            match month.last_of_month().tomorrow() {
                Ok(next) => month = next,
                Err(_) => break,
            }
        }
        return names;
    }
    let year_step = [1, 2, 5, 10, 20, 50, 100]
        .into_iter()
        .find(|step| days / 365.25 / f64::from(*step) <= most)
        .unwrap_or(100);
    (first.year()..=last.year())
        .flat_map(|year| (1..=12).map(move |month| (year, month)))
        .filter(|(year, month)| match months {
            Some(step) => (i32::from(*month) - 1) % step == 0,
            None => *month == 1 && i32::from(*year) % year_step == 0,
        })
        .filter_map(|(year, month)| Date::new(year, month, 1).ok())
        .filter(is_kept)
        .map(|date| {
            let (month, year) = (month_name(date), date.year().to_string());
            let name = match months {
                None => year,
                Some(_) if date.month() == 1 => {
                    t!("timeline-month-of-year", month = month, year = year)
                }
                Some(_) => month.to_owned(),
            };
            (date, name)
        })
        .collect()
}

fn axis_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, series: &Series) {
    let (rect, response) = ui.allocate_exact_size(
        vec2(ui.available_width(), AXIS_HEIGHT),
        Sense::click_and_drag(),
    );
    let colors = theme::colors(ui.visuals());
    let painter = ui.painter_at(rect);
    let font = FontId::proportional(12.0);
    let well = rect.with_max_y(rect.bottom() - NAMES_HEIGHT);
    painter.rect_filled(well, 4.0, colors.well);
    let Some((first, last)) = series.reach() else {
        painter.text(
            well.center(),
            Align2::CENTER_CENTER,
            t!("timeline-no-dates"),
            font,
            colors.weak,
        );
        return;
    };
    let bars = well.shrink2(vec2(14.0, 4.0));
    let axis = Axis::new(first, last, bars);
    for (date, name) in named_days(first, last, (f64::from(bars.width()) / NAME_WIDTH) as usize) {
        let x = axis.x(date);
        painter.vline(x, well.y_range(), Stroke::new(1.0, colors.line));
        let width = painter
            .layout_no_wrap(name.clone(), font.clone(), colors.weak)
            .size()
            .x;
        let x = x.clamp(rect.left() + width / 2.0, rect.right() - width / 2.0);
        painter.text(
            pos2(x, rect.bottom()),
            Align2::CENTER_BOTTOM,
            name,
            font.clone(),
            colors.weak,
        );
    }
    let steps = state.steps(series);
    let places = places(series, &axis);
    let narrowest = places
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .filter(|gap| *gap > 0.5)
        .fold(f32::INFINITY, f32::min);
    let is_of_periods = series.is_of_periods();
    let widest = if is_of_periods { 60.0 } else { 12.0 };
    let width = (narrowest * 0.7).clamp(2.0, widest);
    if let Some(period) = series.shown_frame().and_then(|frame| frame.period) {
        let span = Rect::from_x_y_ranges(axis.x(period.from)..=axis.x(period.to), well.y_range());
        painter.rect_filled(span.intersect(well), 0.0, colors.accent.gamma_multiply(0.2));
    }
    let ends = state.change_ends(series).filter(|ends| ends.0 != ends.1);
    let hovered = response
        .hover_pos()
        .and_then(|pos| nearest(&places, &steps, pos.x));
    for (index, (x, frame)) in places.iter().zip(series.frames()).enumerate() {
        let is_shown = index == series.shown();
        let is_step = steps.binary_search(&index).is_ok();
        let color = match (is_shown, is_step) {
            (true, _) => colors.accent,
            (false, true) if hovered == Some(index) => ui.visuals().text_color(),
            (false, true) => colors.weak,
            (false, false) => colors.weak.gamma_multiply(0.35),
        };
        let clouds = match is_of_periods {
            // No bar of a field says anything about clouds.
            true => CloudCover::Share(0.35),
            false => state.clouds_of(frame),
        };
        bar(&painter, bars, *x, width, clouds, color);
        let end = match ends {
            Some((before, _)) if before == index => "A",
            Some((_, after)) if after == index => "B",
            _ => "",
        };
        let above = pos2(*x, well.top() + 7.0);
        painter.text(above, Align2::CENTER_TOP, end, font.clone(), colors.weak);
        if is_shown {
            marker(&painter, well, *x, colors.accent);
        }
    }
    respond(
        ui, state, layer, series, &response, &places, &steps, hovered,
    );
}

/// Screen places of the dated frames; several of one day stand beside each other.
fn places(series: &Series, axis: &Axis) -> Vec<f32> {
    let mut places: Vec<f32> = Vec::with_capacity(series.dated());
    let frames = series.frames().get(..series.dated()).unwrap_or_default();
    for frame in frames {
        // A period stands where its middle is.
        let date = frame.period.map(|period| period.middle()).or(frame.date);
        let x = date.map_or(axis.left, |date| axis.x(date));
        let x = match places.last() {
            Some(before) if frame.period.is_none() && x - before < 2.5 && frames.len() < 100 => {
                before + 2.5
            }
            _ => x,
        };
        places.push(x);
    }
    places
}

fn nearest(places: &[f32], steps: &[usize], x: f32) -> Option<usize> {
    let far = |index: &usize| {
        places
            .get(*index)
            .map_or(f32::INFINITY, |place| (place - x).abs())
    };
    steps
        .iter()
        .copied()
        .filter(|index| *index < places.len())
        .min_by(|a, b| far(a).total_cmp(&far(b)))
}

/// One date: as high as its clouds, with a foot where there are none; hollow where nobody knows.
fn bar(
    painter: &egui::Painter,
    area: Rect,
    x: f32,
    width: f32,
    clouds: CloudCover,
    color: Color32,
) {
    const FOOT: f32 = 4.0;
    let bar = |height: f32| {
        Rect::from_min_max(
            pos2(x - width / 2.0, area.bottom() - height),
            pos2(x + width / 2.0, area.bottom()),
        )
    };
    match clouds {
        CloudCover::Share(share) => {
            painter.rect_filled(bar(FOOT + share * (area.height() - FOOT)), 1.0, color);
        }
        CloudCover::Counting | CloudCover::Unknown => {
            painter.rect_stroke(
                bar(area.height() * 0.3),
                1.0,
                Stroke::new(1.0, color),
                StrokeKind::Inside,
            );
        }
    }
}

fn marker(painter: &egui::Painter, well: Rect, x: f32, color: Color32) {
    painter.vline(x, well.y_range(), Stroke::new(1.0, color));
    let tip = pos2(x, well.top() + 6.0);
    let corners = vec![tip, tip + vec2(-5.0, -6.0), tip + vec2(5.0, -6.0)];
    painter.add(egui::Shape::convex_polygon(corners, color, Stroke::NONE));
}

fn respond(
    ui: &egui::Ui,
    state: &mut State,
    layer: &Layer,
    series: &Series,
    response: &Response,
    places: &[f32],
    steps: &[usize],
    hovered: Option<usize>,
) {
    let is_chosen = response.clicked() || response.dragged();
    if let Some(pos) = response.interact_pointer_pos().filter(|_| is_chosen)
        && let Some(index) = nearest(places, steps, pos.x)
    {
        state.session.timeline.playing = None;
        state.show_frame(layer.id, index);
    }
    let name = t!(
        "timeline-name",
        layer = layer.name.as_str(),
        date = series.label(series.shown())
    );
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Slider, true, &name));
    if let Some(index) = hovered
        && let Some(frame) = series.frames().get(index)
    {
        ui.ctx().set_cursor_icon(egui::CursorIcon::PointingHand);
        let about = match frame.period {
            Some(period) => t!(
                "timeline-days-from",
                days = period.length_days(),
                date = period.from.to_string()
            ),
            None => state.clouds_of(frame).text(),
        };
        let text = format!("{}\n{about}\n{}", series.label(index), frame.file_name());
        response.clone().on_hover_text_at_pointer(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(first: &str, last: &str, most: usize) -> Vec<String> {
        named_days(first.parse().unwrap(), last.parse().unwrap(), most)
            .into_iter()
            .map(|(_, name)| name)
            .collect()
    }

    #[test]
    fn days_are_named_as_closely_as_they_fit() {
        assert_eq!(
            names("2021-06-28", "2021-07-02", 10),
            ["28 Jun", "29 Jun", "30 Jun", "1 Jul", "2 Jul"]
        );
        assert_eq!(
            names("2021-06-28", "2021-10-06", 4),
            ["Jul", "Aug", "Sep", "Oct"]
        );
        assert_eq!(
            names("2017-08-04", "2018-11-27", 6),
            ["Oct", "Jan 2018", "Apr", "Jul", "Oct"]
        );
        assert_eq!(
            names("1984-03-01", "2021-10-06", 5),
            ["1990", "2000", "2010", "2020"]
        );
        assert_eq!(names("2021-06-28", "2021-06-28", 8), ["28 Jun"]);
        assert_eq!(
            names("2021-06-01", "2021-07-31", 8),
            ["1 Jun", "11 Jun", "21 Jun", "1 Jul", "11 Jul", "21 Jul"]
        );
    }

    #[test]
    fn the_axis_is_true_to_time() {
        let rect = Rect::from_min_size(pos2(100.0, 0.0), vec2(300.0, 10.0));
        let day = |day| Date::constant(2021, 6, day);
        let axis = Axis::new(day(1), day(11), rect);
        assert_eq!(
            [axis.x(day(1)), axis.x(day(4)), axis.x(day(11))],
            [100.0, 190.0, 400.0]
        );
        assert_eq!(nearest(&[0.0, 10.0, 30.0], &[0, 2], 14.0), Some(0));
        assert_eq!(nearest(&[0.0, 10.0, 30.0], &[], 14.0), None);
    }
}
