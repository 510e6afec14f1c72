//! The drawings of a forecast report: a measure over the days, a line a method. Knows numbers and names.

use std::fmt::Write as _;

use crate::report_charts::opened;
use crate::report_page::escaped;

const WIDTH: f64 = 460.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 30.0;
const SIDE: f64 = 200.0;
const FOOT: f64 = 46.0;

/// One line of a drawing.
pub(super) struct Course {
    pub name: String,
    /// `#rrggbb`.
    pub color: String,
    /// (x, y), in order of x.
    pub points: Vec<(f64, f64)>,
    pub is_dashed: bool,
}

/// Lines over a common axis. `below`: what the axis below says.
pub(super) fn courses_svg(title: &str, courses: &[Course], below: &str) -> String {
    let points = || courses.iter().flat_map(|course| &course.points);
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let (x0, x1) = range(&mut points().map(|point| point.0));
    let (y0, y1) = range(&mut points().map(|point| point.1));
    let mut svg = opened(WIDTH, TOP + SIDE + FOOT, &escaped(title));
    if !(x0.is_finite() && y0.is_finite()) {
        svg.push_str("</svg>");
        return svg;
    }
    let (low, high) = round_range(y0, y1);
    let across = WIDTH - LEFT - RIGHT;
    let x = |value: f64| LEFT + (value - x0) / (x1 - x0).max(1.0) * across;
    let y = |value: f64| TOP + (1.0 - (value - low) / (high - low).max(1e-12)) * SIDE;
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"16\" font-weight=\"600\">{}</text>",
        escaped(title)
    );
    for tick in 0..=4 {
        let value = low + (high - low) * f64::from(tick) / 4.0;
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {at:.1}h{across}\" stroke=\"currentColor\" stroke-opacity=\".15\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y(value) + 4.0,
            number(value),
            at = y(value),
        );
    }
    let ticks = (x1 - x0).clamp(1.0, 4.0) as u32;
    for tick in 0..=ticks {
        let value = x0 + (x1 - x0) * f64::from(tick) / f64::from(ticks);
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{:.0}</text>",
            x(value),
            TOP + SIDE + 18.0,
            value
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        LEFT + across / 2.0,
        TOP + SIDE + 38.0,
        escaped(below)
    );
    for course in courses {
        let mut path = String::new();
        for (at, (day, value)) in course.points.iter().enumerate() {
            let letter = if at == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{:.1} {:.1}", x(*day), y(*value));
            let _ = write!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{}\"><title>{}: {} on day {day:.0}</title></circle>",
                x(*day),
                y(*value),
                course.color,
                escaped(&course.name),
                number(*value),
            );
        }
        let dashes = if course.is_dashed {
            " stroke-dasharray=\"5 3\""
        } else {
            ""
        };
        let _ = write!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{dashes}/>",
            course.color
        );
    }
    svg.push_str("</svg>");
    svg
}

/// What the colours mean.
pub(super) fn legend_html(courses: &[Course]) -> String {
    courses
        .iter()
        .map(|course| {
            format!(
                "<span style=\"white-space:nowrap;margin-right:1.2em\"><i class=c style=\"background:{}\"></i>{}</span>",
                course.color,
                escaped(&course.name)
            )
        })
        .collect()
}

/// Round ends around two values; from 0 where that is near.
fn round_range(low: f64, high: f64) -> (f64, f64) {
    let span = (high - low).max(high.abs() * 0.05).max(1e-6);
    let low = if low >= 0.0 && low < span { 0.0 } else { low };
    let step = 10_f64.powf((span / 4.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * step)
        .find(|step| {
            let from = (low / (4.0 * step)).floor() * 4.0 * step;
            from + 4.0 * step >= high
        })
        .unwrap_or(span);
    let from = if low == 0.0 {
        0.0
    } else {
        (low / step).floor() * step
    };
    let to = from + 4.0 * step;
    if to >= high {
        (from, to)
    } else {
        (from, to + step)
    }
}

/// Three significant digits.
fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_hold_their_lines_and_never_break() {
        let course = |points: Vec<(f64, f64)>| Course {
            name: "a <b>".to_owned(),
            color: "#102030".to_owned(),
            points,
            is_dashed: false,
        };
        let svg = courses_svg(
            "t",
            &[course(vec![(5.0, 0.02), (60.0, 0.05)])],
            "days ahead",
        );
        assert!(svg.contains("a &lt;b&gt;") && svg.matches("<circle").count() == 2);
        for courses in [vec![], vec![course(vec![(3.0, 0.0)])], vec![course(vec![])]] {
            let svg = courses_svg("t", &courses, "days ahead");
            assert!(!svg.contains("NaN") && svg.ends_with("</svg>"));
        }
        for (low, high) in [(0.02, 0.05), (0.31, 0.33), (-0.4, 0.9), (12.0, 12.0)] {
            let (from, to) = round_range(low, high);
            assert!(
                from <= low && to >= high && to > from,
                "{low} {high}: {from} {to}"
            );
        }
    }
}
