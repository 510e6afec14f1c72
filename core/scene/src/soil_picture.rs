//! Soil moisture of a station through time beside its estimate, as a drawing (SVG) for reports. Knows dates and numbers; knows
//! no window.

use std::fmt::Write as _;

use jiff::civil::Date;

use crate::day_number;
use crate::profile_picture::{Axis, escaped};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 26.0;
/// Days without a value that break the line.
const BREAK_DAYS: f64 = 10.0;
/// Dates written below the axis at most.
const MOST_DATES: usize = 9;

/// (day, measured, estimated), in the order of time, as an SVG without a background of its own, in the text colour of the page
/// around it. m³/m³ up the side.
pub fn soil_series_svg(title: &str, days: &[(Date, f64, Option<f64>)]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"currentColor\" role=\"img\" aria-label=\"Soil moisture at {0}\">\n\
         <text x=\"{LEFT}\" y=\"15\" font-weight=\"bold\">{0}</text>\n",
        escaped(title)
    );
    let numbers: Vec<(f64, f64, Option<f64>)> = days
        .iter()
        .filter(|(_, measured, _)| measured.is_finite())
        .map(|(date, measured, estimated)| {
            (
                day_number(*date),
                *measured,
                estimated.filter(|value| value.is_finite()),
            )
        })
        .collect();
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let values = || {
        numbers
            .iter()
            .flat_map(|(_, measured, estimated)| [Some(*measured), *estimated])
            .flatten()
    };
    let x = Axis::new(numbers.iter().map(|(day, ..)| *day), LEFT, right);
    let y = Axis::new(values(), bottom, TOP);
    let mut push = |line: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        writeln!(svg, "{line}").ok();
    };
    for tick in y.ticks() {
        let up = y.place(tick);
        push(format_args!(
            "<path d=\"M{LEFT} {up:.1}H{right}\" stroke=\"currentColor\" stroke-opacity=\".14\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{tick:.2}</text>",
            LEFT - 6.0,
            up + 4.0
        ));
    }
    for date in months(days) {
        let across = x.place(day_number(date));
        if !(LEFT..=right).contains(&across) {
            continue;
        }
        let text = if date.month() == 1 {
            date.year().to_string()
        } else {
            format!("{}-{:02}", date.year(), date.month())
        };
        push(format_args!(
            "<path d=\"M{across:.1} {TOP}V{bottom}\" stroke=\"currentColor\" stroke-opacity=\".14\"/>\
             <text x=\"{across:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
            bottom + 16.0
        ));
    }
    let measured = line(numbers.iter().map(|(day, value, _)| (*day, *value)), &x, &y);
    let estimated = line(
        numbers
            .iter()
            .filter_map(|(day, _, value)| Some((*day, (*value)?))),
        &x,
        &y,
    );
    for (path, color, width) in [(measured, "#0b7a8c", 1.6), (estimated, "#d55e00", 1.4)] {
        if !path.is_empty() {
            push(format_args!(
                "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" stroke-linejoin=\"round\" stroke-linecap=\"round\"/>"
            ));
        }
    }
    push(format_args!(
        "<path d=\"M{} 11h18\" stroke=\"#0b7a8c\" stroke-width=\"2\"/><text x=\"{}\" y=\"15\">station</text>\
         <path d=\"M{} 11h18\" stroke=\"#d55e00\" stroke-width=\"2\"/><text x=\"{}\" y=\"15\">estimate</text>",
        right - 168.0,
        right - 144.0,
        right - 84.0,
        right - 60.0
    ));
    push(format_args!(
        "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\".4\"/>",
        right - LEFT,
        bottom - TOP
    ));
    svg.push_str("</svg>\n");
    svg
}

/// A path that breaks where days are missing.
fn line(points: impl Iterator<Item = (f64, f64)>, x: &Axis, y: &Axis) -> String {
    let mut path = String::new();
    let mut last: Option<f64> = None;
    for (day, value) in points {
        let is_start = last.is_none_or(|last| day - last > BREAK_DAYS);
        let letter = if is_start { 'M' } else { 'L' };
        write!(path, "{letter}{:.1} {:.1}", x.place(day), y.place(value)).ok();
        if is_start {
            path.push_str("h0");
        }
        last = Some(day);
    }
    path
}

/// First days of months, thinned to what can be read.
fn months(days: &[(Date, f64, Option<f64>)]) -> Vec<Date> {
    let (Some((first, ..)), Some((last, ..))) = (days.first(), days.last()) else {
        return Vec::new();
    };
    let Ok(start) = Date::new(first.year(), 1, 1) else {
        return Vec::new();
    };
    let span = (day_number(*last) - day_number(*first)) / 30.44;
    let step = [1_i32, 2, 3, 6, 12, 24, 60]
        .into_iter()
        .find(|step| span / f64::from(*step) <= MOST_DATES as f64)
        .unwrap_or(120);
    start
        .series(jiff::Span::new().months(step))
        .take_while(|date| date <= last)
        .filter(|date| date >= first)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_well_formed_whatever_the_numbers() {
        let first = Date::constant(2018, 11, 20);
        let many: Vec<(Date, f64, Option<f64>)> = (0..900)
            .filter(|day| day % 100 > 20)
            .map(|day| {
                let date = first
                    .checked_add(jiff::Span::new().days(day))
                    .expect("a date");
                (
                    date,
                    0.2 + 0.1 * (day as f64 / 50.0).sin(),
                    (day % 3 > 0).then_some(0.22),
                )
            })
            .collect();
        let constant = vec![(first, 0.25, Some(0.25)); 1];
        let broken = vec![(first, f64::NAN, Some(f64::INFINITY))];
        for days in [many, constant, broken, Vec::new()] {
            let svg = soil_series_svg("north <1>", &days);
            let mut reader = quick_xml::Reader::from_str(&svg);
            while reader.read_event().expect("well formed") != quick_xml::events::Event::Eof {}
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.contains("north &lt;1&gt;"));
            assert!(svg.matches("text-anchor=\"middle\"").count() <= MOST_DATES + 1);
        }
    }
}
