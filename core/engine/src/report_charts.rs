//! The drawings of a report as SVG inside its page: areas with their intervals, and how far a stated confidence can be
//! believed. Drawn in the page's own text colour. Knows numbers and names; knows nothing of files.

use std::fmt::Write as _;

use terroir_scene::CalibrationMeasures;

use crate::report_page::escaped;

const WIDTH: f64 = 640.0;
const NAMES: f64 = 150.0;
const RIGHT: f64 = 70.0;
const ROW: f64 = 34.0;
const FOOT: f64 = 40.0;

/// A class in the chart of areas, all in one unit.
pub(crate) struct AreaBar {
    pub name: String,
    /// `#rrggbb`.
    pub color: String,
    /// What the map says.
    pub mapped: f64,
    pub estimate: f64,
    /// Half of the 95 % interval.
    pub half: Option<f64>,
}

/// Horizontal bars with intervals; a tick marks what the map says.
pub(crate) fn areas_svg(bars: &[AreaBar], unit: &str) -> String {
    let most = bars
        .iter()
        .flat_map(|bar| [bar.mapped, bar.estimate + bar.half.unwrap_or(0.0)])
        .fold(0.0, f64::max);
    let (step, last) = round_axis(most);
    let x = |value: f64| NAMES + (value / last).clamp(0.0, 1.0) * (WIDTH - NAMES - RIGHT);
    let bottom = ROW * bars.len() as f64 + 6.0;
    let height = bottom + FOOT;
    let mut svg = opened(WIDTH, height, "Estimated areas with 95 % intervals");
    let mut tick = 0.0;
    while tick <= last * (1.0 + 1e-9) {
        let at = x(tick);
        let _ = write!(
            svg,
            "<path d=\"M{at:.1} 4V{bottom}\" stroke=\"currentColor\" stroke-opacity=\".15\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 16.0,
            number_text(tick)
        );
        tick += step;
    }
    for (row, bar) in bars.iter().enumerate() {
        let top = ROW * row as f64 + 8.0;
        let middle = top + 10.0;
        let end = x(bar.estimate.max(0.0));
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{NAMES}\" y=\"{top}\" width=\"{:.1}\" height=\"20\" fill=\"{}\" stroke=\"currentColor\" stroke-opacity=\".4\"/>\
             <path d=\"M{:.1} {}v26\" stroke=\"currentColor\" stroke-width=\"2\" stroke-dasharray=\"3 2\"/>",
            NAMES - 8.0,
            middle + 4.0,
            escaped(&shortened(&bar.name)),
            end - NAMES,
            bar.color,
            x(bar.mapped),
            top - 3.0,
        );
        if let Some(half) = bar.half {
            let (low, high) = (x((bar.estimate - half).max(0.0)), x(bar.estimate + half));
            // A pale rim under it, so that it shows on every colour.
            for (color, width) in [("#ffffff", 5.0), ("#111111", 2.0)] {
                let _ = write!(
                    svg,
                    "<path d=\"M{low:.1} {middle}H{high:.1}M{low:.1} {}v10M{high:.1} {}v10\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"/>",
                    middle - 5.0,
                    middle - 5.0
                );
            }
        }
    }
    let _ = write!(
        svg,
        "<text x=\"{NAMES}\" y=\"{}\">Area, {unit}. Bar: estimate. Whisker: 95 % interval. Dashed: area on the map.</text></svg>",
        bottom + 34.0
    );
    svg
}

/// Share found right over the confidence stated, a dot a tenth; on the dashed line both agree.
pub(crate) fn calibration_svg(measures: &CalibrationMeasures) -> String {
    const SIDE: f64 = 240.0;
    const LEFT: f64 = 52.0;
    const TOP: f64 = 10.0;
    let x = |share: f64| LEFT + share * SIDE;
    let y = |share: f64| TOP + (1.0 - share) * SIDE;
    let mut svg = opened(
        LEFT + SIDE + 20.0,
        TOP + SIDE + 46.0,
        "Share found right over stated confidence",
    );
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {:.1}h{SIDE}M{:.1} {TOP}v{SIDE}\" stroke=\"currentColor\" stroke-opacity=\".15\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>\
             <text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{:.0}</text>",
            y(tick),
            x(tick),
            LEFT - 6.0,
            y(tick) + 4.0,
            100.0 * tick,
            x(tick),
            TOP + SIDE + 16.0,
            100.0 * tick
        );
    }
    let _ = write!(
        svg,
        "<path d=\"M{} {}L{} {}\" stroke=\"currentColor\" stroke-dasharray=\"6 4\" stroke-opacity=\".7\"/>",
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0)
    );
    let most = measures
        .bins
        .iter()
        .map(|bin| bin.n)
        .max()
        .unwrap_or(1)
        .max(1);
    for bin in &measures.bins {
        let radius = 3.0 + 7.0 * (bin.n as f64 / most as f64).sqrt();
        let _ = write!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\" fill=\"#0b7a8c\" fill-opacity=\".75\"><title>{} points</title></circle>",
            x(bin.mean_confidence.clamp(0.0, 1.0)),
            y(bin.accuracy),
            bin.n
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">Confidence stated, %</text></svg>",
        x(0.5),
        TOP + SIDE + 36.0
    );
    svg
}

pub(crate) fn opened(width: f64, height: f64, what: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"currentColor\" role=\"img\" aria-label=\"{what}\">"
    )
}

/// Step of about five ticks, and the tick that ends the axis.
fn round_axis(most: f64) -> (f64, f64) {
    if !(most.is_finite() && most > 0.0) {
        return (1.0, 1.0);
    }
    let ten = 10f64.powf((most / 5.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * ten)
        .find(|step| most / step <= 6.0)
        .unwrap_or(10.0 * ten);
    (step, step * (most / step).ceil())
}

/// `12,000`, `0.5`.
fn number_text(value: f64) -> String {
    let rounded = format!("{value:.6}").parse::<f64>().unwrap_or(value);
    let text = format!("{rounded}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() {
        grouped
    } else {
        format!("{grouped}.{rest}")
    }
}

fn shortened(name: &str) -> String {
    const MOST: usize = 22;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    let kept: String = name.chars().take(MOST - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_round_and_hold_everything() {
        for most in [0.37, 9.0, 641.0, 828_837.0] {
            let (step, last) = round_axis(most);
            assert!(last >= most && last / step < 7.5, "{most}: {step} {last}");
        }
        assert_eq!(round_axis(0.0), (1.0, 1.0));
        assert_eq!(number_text(1_250_000.0), "1,250,000");
        assert_eq!(number_text(0.2), "0.2");
    }

    #[test]
    fn names_cannot_break_the_drawing() {
        let bar = |name: &str, half: Option<f64>| AreaBar {
            name: name.to_owned(),
            color: "#102030".to_owned(),
            mapped: 4.0,
            estimate: 5.0,
            half,
        };
        let bars = [
            bar("a<b & a very long name of a class", Some(9.0)),
            bar("c", None),
        ];
        let svg = areas_svg(&bars, "ha");
        assert!(svg.contains("a&lt;b &amp; a very long"));
        assert!(!svg.contains("NaN") && !areas_svg(&[], "ha").contains("NaN"));
    }
}
