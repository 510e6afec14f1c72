//! The drawing of an evaluation: accuracy over labels, a line a candidate, its spread as whiskers. Knows numbers and names;
//! knows nothing of files.

use std::fmt::Write as _;

use crate::report_charts::opened;
use crate::report_page::escaped;

const WIDTH: f64 = 440.0;
const LEFT: f64 = 48.0;
const TOP: f64 = 30.0;
const SIDE: f64 = 210.0;
const FOOT: f64 = 44.0;

/// One candidate.
pub(crate) struct Line {
    /// `#rrggbb`.
    pub color: String,
    /// Mean and deviation over each number of labels.
    pub points: Vec<Option<(f64, f64)>>,
}

/// Colour of a candidate by its place.
pub(crate) fn line_color(place: usize) -> String {
    let id = u8::try_from(place % 16 + 1).unwrap_or(1);
    terroir_scene::hex_from_rgb(terroir_scene::class_color(id))
}

/// A small drawing for one head. `range` is what the axis spans, `unit` stands behind its numbers.
pub(crate) fn lines_svg(
    title: &str,
    lines: &[Line],
    labels: &[String],
    range: (f64, f64),
    unit: &str,
) -> String {
    let height = TOP + SIDE + FOOT;
    let mut svg = opened(WIDTH, height, &escaped(title));
    let across = WIDTH - LEFT - 24.0;
    let steps = labels.len().saturating_sub(1).max(1) as f64;
    // Lines beside each other at a number of labels, so that whiskers do not hide one another.
    let shift = |line: usize| (line as f64 - (lines.len() as f64 - 1.0) / 2.0) * 5.0;
    let x =
        |at: usize, line: usize| LEFT + 20.0 + at as f64 / steps * (across - 40.0) + shift(line);
    let span = (range.1 - range.0).max(1e-9);
    let y = |value: f64| TOP + (1.0 - ((value - range.0) / span).clamp(0.0, 1.0)) * SIDE;
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"16\" font-weight=\"600\">{}</text>",
        escaped(title)
    );
    for tick in 0..=4 {
        let value = range.0 + span * f64::from(tick) / 4.0;
        let at = y(value);
        let text = if span >= 4.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.2}")
        };
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"currentColor\" stroke-opacity=\".15\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}{unit}</text>",
            LEFT + across,
            LEFT - 6.0,
            at + 4.0,
        );
    }
    for (at, label) in labels.iter().enumerate() {
        let middle = x(at, 0) - shift(0);
        let _ = write!(
            svg,
            "<text x=\"{middle:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            TOP + SIDE + 18.0,
            escaped(label)
        );
    }
    for (number, line) in lines.iter().enumerate() {
        let mut path = String::new();
        for (at, point) in line.points.iter().enumerate() {
            let Some((mean, deviation)) = point else {
                path.push(' ');
                continue;
            };
            let (x, middle) = (x(at, number), y(*mean));
            let is_first = path.is_empty() || path.ends_with(' ');
            let _ = write!(
                path,
                "{}{x:.1} {middle:.1}",
                if is_first { 'M' } else { 'L' }
            );
            let (low, high) = (y(mean - deviation), y(mean + deviation));
            let _ = write!(
                svg,
                "<path d=\"M{x:.1} {high:.1}V{low:.1}M{:.1} {high:.1}h6M{:.1} {low:.1}h6\" stroke=\"{color}\" stroke-width=\"1.2\"/>\
                 <circle cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"3.5\" fill=\"{color}\"/>",
                x - 3.0,
                x - 3.0,
                color = line.color,
            );
        }
        let _ = write!(
            svg,
            "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
            path.trim(),
            line.color
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Round ends around all means and their spread.
pub(crate) fn range_of(lines: &[Vec<Line>], is_share: bool) -> (f64, f64) {
    let points = lines
        .iter()
        .flatten()
        .flat_map(|line| line.points.iter().flatten());
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (mean, deviation) in points {
        low = low.min(mean - deviation);
        high = high.max(mean + deviation);
    }
    if !(low.is_finite() && high.is_finite()) {
        return (0.0, 1.0);
    }
    if is_share {
        // Percent, in whole twenties.
        let (low, high) = (low.max(0.0), high.min(100.0));
        return (
            20.0 * (low / 20.0).floor(),
            20.0 * (high / 20.0).ceil().max((low / 20.0).floor() + 1.0),
        );
    }
    // Far below nought only says that it is bad.
    let low = low.max(-1.0);
    (
        0.2 * (low / 0.2).floor(),
        0.2 * (high / 0.2).ceil().max((low / 0.2).floor() + 1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_names_do_not_break_the_drawing() {
        let line = |points: Vec<Option<(f64, f64)>>| Line {
            color: line_color(0),
            points,
        };
        let lines = vec![
            line(vec![Some((50.0, 5.0)), None, Some((70.0, 2.0))]),
            line(vec![None, None, None]),
        ];
        let labels = ["1", "10", "max"].map(str::to_owned);
        let svg = lines_svg("a <b>", &lines, &labels, (40.0, 80.0), " %");
        assert!(svg.contains("a &lt;b&gt;") && svg.matches("<circle").count() == 2);
        assert!(!svg.contains("NaN") && svg.ends_with("</svg>"));
        let empty = lines_svg("t", &[], &[], (0.0, 0.0), "");
        assert!(!empty.contains("NaN"));
    }

    #[test]
    fn axes_hold_all_spreads() {
        let lines = |points: &[(f64, f64)]| {
            vec![vec![Line {
                color: String::new(),
                points: points.iter().copied().map(Some).collect(),
            }]]
        };
        assert_eq!(
            range_of(&lines(&[(55.0, 6.0), (93.0, 9.0)]), true),
            (40.0, 100.0)
        );
        assert_eq!(range_of(&[], true), (0.0, 1.0));
        let (low, high) = range_of(&lines(&[(-7.0, 1.0), (0.55, 0.1)]), false);
        assert!(low >= -1.001 && (high - 0.8).abs() < 1e-9);
    }
}
