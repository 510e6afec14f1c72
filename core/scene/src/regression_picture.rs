//! Prediction over reference as a drawing (SVG), for reports: points, the line of agreement and the fitted line.
//! Knows pairs of numbers; knows no window.

use std::fmt::Write as _;

use crate::RegressionAccuracy;
use crate::profile_picture::{Axis, escaped};

const SIDE: f64 = 420.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 52.0;
/// More points than this are thinned evenly, and the picture says so.
const MOST_POINTS: usize = 4000;

/// (prediction, reference) pairs as a square SVG without a background of its own, in the text colour of the page around it.
/// Both axes have the same scale; `quantity` names it, with its unit.
pub fn regression_svg(
    pairs: &[(f64, f64)],
    accuracy: &RegressionAccuracy,
    quantity: &str,
) -> String {
    let pairs: Vec<(f64, f64)> = pairs
        .iter()
        .copied()
        .filter(|(prediction, reference)| prediction.is_finite() && reference.is_finite())
        .collect();
    let values = || pairs.iter().flat_map(|pair| [pair.0, pair.1]);
    let (right, bottom) = (LEFT + SIDE, TOP + SIDE);
    let x = Axis::new(values(), LEFT, right);
    let y = Axis::new(values(), bottom, TOP);
    let (width, height) = (right + RIGHT, bottom + BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"currentColor\" role=\"img\" aria-label=\"Prediction over reference\">\n"
    );
    let mut push = |line: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        writeln!(svg, "{line}").ok();
    };
    for tick in x.ticks() {
        let (across, up) = (x.place(tick), y.place(tick));
        let text = tick_text(tick);
        push(format_args!(
            "<path d=\"M{across:.1} {TOP}V{bottom}M{LEFT} {up:.1}H{right}\" stroke=\"currentColor\" stroke-opacity=\".14\"/>"
        ));
        push(format_args!(
            "<text x=\"{across:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
            bottom + 17.0
        ));
        push(format_args!(
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
            LEFT - 7.0,
            up + 4.0
        ));
    }
    let (low, high) = x.range();
    push(format_args!(
        "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"currentColor\" stroke-dasharray=\"6 4\" stroke-opacity=\".7\"/>",
        x.place(low),
        y.place(low),
        x.place(high),
        y.place(high)
    ));
    let shown = pairs.len().min(MOST_POINTS);
    let opacity = if shown > 500 { 0.3 } else { 0.6 };
    let mut dots = String::new();
    for (prediction, reference) in (0..shown).filter_map(|i| pairs.get(i * pairs.len() / shown)) {
        let (across, up) = (x.place(*reference), y.place(*prediction));
        write!(dots, "M{across:.1} {up:.1}h0").ok();
    }
    if !dots.is_empty() {
        push(format_args!(
            "<path d=\"{dots}\" stroke=\"#0b7a8c\" stroke-opacity=\"{opacity}\" stroke-width=\"5\" stroke-linecap=\"round\"/>"
        ));
    }
    if let (Some(slope), Some(intercept)) = (accuracy.slope, accuracy.intercept) {
        let (from, to) = values_of_line(&pairs);
        let at = |reference: f64| (x.place(reference), y.place(intercept + slope * reference));
        let ((x0, y0), (x1, y1)) = (at(from), at(to));
        push(format_args!(
            "<path d=\"M{x0:.1} {y0:.1}L{x1:.1} {y1:.1}\" stroke=\"#d55e00\" stroke-width=\"2\"/>"
        ));
    }
    push(format_args!(
        "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\".5\"/>"
    ));
    let thinned = if shown < pairs.len() {
        format!(" ({shown} of {} shown)", pairs.len())
    } else {
        String::new()
    };
    let quantity = escaped(quantity);
    push(format_args!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">Reference: {quantity}{thinned}</text>",
        LEFT + SIDE / 2.0,
        bottom + 40.0
    ));
    let middle = TOP + SIDE / 2.0;
    push(format_args!(
        "<text x=\"16\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {middle})\">Prediction: {quantity}</text>"
    ));
    svg.push_str("</svg>\n");
    svg
}

/// The fitted line is drawn as far as there are references.
fn values_of_line(pairs: &[(f64, f64)]) -> (f64, f64) {
    let references = || pairs.iter().map(|pair| pair.1);
    (
        references().fold(f64::INFINITY, f64::min),
        references().fold(f64::NEG_INFINITY, f64::max),
    )
}

fn tick_text(value: f64) -> String {
    // Adding zero turns -0 into 0; ticks are multiples of a round step, so twelve digits hide its rounding.
    let rounded = format!("{value:.12}").parse::<f64>().unwrap_or(value) + 0.0;
    format!("{rounded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_well_formed_whatever_the_numbers() {
        let pairs: Vec<(f64, f64)> = (0..9000)
            .map(|i| (f64::from(i % 97) * 0.01, f64::from(i % 89) * 0.011))
            .collect();
        let constant = vec![(0.25, 0.25); 5];
        let broken = vec![(f64::NAN, 1.0), (1.0, f64::INFINITY)];
        for pairs in [pairs, constant, broken, Vec::new()] {
            let svg = regression_svg(&pairs, &RegressionAccuracy::of(&pairs), "water <m3 m-3>");
            let mut reader = quick_xml::Reader::from_str(&svg);
            while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.contains("water &lt;m3 m-3&gt;"));
            assert_eq!(svg.contains("4000 of 9000"), pairs.len() == 9000);
        }
    }
}
