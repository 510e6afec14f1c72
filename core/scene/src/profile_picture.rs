//! Profiles as a drawing (SVG): curves over wavelength with axes and a legend, for reports.
//! Knows profiles; knows no window.

use std::fmt::Write as _;

use crate::profile::{CurvePoint, Profile, ProfileValues, profile_number};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 56.0;
const LEGEND_ROW: f64 = 18.0;

/// An axis from data to the page, with round numbers to write on it.
pub(crate) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    pub(crate) fn new(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = match (low.is_finite() && high.is_finite(), high > low) {
            (true, true) => (low, high),
            (true, false) => (low - 0.5, low + 0.5),
            (false, _) => (0.0, 1.0),
        };
        let margin = (high - low) * 0.04;
        Self {
            low: low - margin,
            high: high + margin,
            from,
            to,
        }
    }

    /// The ends of the axis.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    pub(crate) fn place(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    pub(crate) fn ticks(&self) -> Vec<f64> {
        let span = self.high - self.low;
        let rough = 10f64.powf((span / 6.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * rough)
            .find(|step| span / step <= 7.0)
            .unwrap_or(span);
        let first = (self.low / step).ceil() as i64;
        (first..first + 12)
            .map(|index| index as f64 * step)
            .take_while(|tick| *tick <= self.high)
            .collect()
    }
}

/// Dash patterns of the layers of one place, which share its colour.
const DASHES: [&str; 4] = ["", "7 4", "2 3", "10 3 2 3"];

/// Profiles as an SVG of 900 points' width: wavelength (nm) where any profile has one, else band numbers. Profiles without
/// wavelengths beside others with them stay in the legend, marked as not drawn.
pub fn profiles_svg(profiles: &[&Profile], values: ProfileValues) -> String {
    let over_nm = profiles.iter().any(|profile| profile.has_wavelengths());
    let curves: Vec<Vec<Vec<CurvePoint>>> = profiles
        .iter()
        .map(|profile| profile.curve(values, over_nm))
        .collect();
    let points = || curves.iter().flatten().flatten();
    let height = HEIGHT + LEGEND_ROW * profiles.len() as f64;
    let x = Axis::new(points().map(|point| point.x), LEFT, WIDTH - RIGHT);
    let y = Axis::new(
        points().flat_map(|point| {
            let sd = point.sd.unwrap_or(0.0);
            [point.y - sd, point.y + sd]
        }),
        HEIGHT - BOTTOM,
        TOP,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for tick in x.ticks() {
        let at = x.place(tick);
        let (top, bottom) = (TOP, HEIGHT - BOTTOM);
        push(
            &mut svg,
            format_args!("<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#e4e4e4\"/>"),
        );
        let text = profile_number(tick, ProfileValues::Scaled);
        push(
            &mut svg,
            format_args!(
                "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
                bottom + 18.0
            ),
        );
    }
    for tick in y.ticks() {
        let at = y.place(tick);
        push(
            &mut svg,
            format_args!(
                "<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"#e4e4e4\"/>",
                WIDTH - RIGHT
            ),
        );
        let text = profile_number(tick, ProfileValues::Scaled);
        push(
            &mut svg,
            format_args!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 8.0,
                at + 4.0
            ),
        );
    }
    push(
        &mut svg,
        format_args!(
            "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#888\"/>",
            WIDTH - RIGHT - LEFT,
            HEIGHT - BOTTOM - TOP,
        ),
    );
    push(
        &mut svg,
        format_args!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            (LEFT + WIDTH - RIGHT) / 2.0,
            HEIGHT - 16.0,
            if over_nm { "Wavelength (nm)" } else { "Band" },
        ),
    );
    let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
    push(
        &mut svg,
        format_args!(
            "<text x=\"18\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 18 {middle})\">{}</text>",
            match values {
                ProfileValues::Scaled => "Value",
                ProfileValues::Stored => "Stored value",
            },
        ),
    );
    for (index, (profile, pieces)) in profiles.iter().zip(&curves).enumerate() {
        let [red, green, blue] = profile.color;
        let color = format!("#{red:02x}{green:02x}{blue:02x}");
        let earlier = profiles[..index]
            .iter()
            .filter(|other| other.place == profile.place)
            .count();
        let dash = DASHES.get(earlier % DASHES.len()).copied().unwrap_or("");
        for piece in pieces {
            band_of_deviation(&mut svg, piece, &x, &y, &color);
            let line: String = piece
                .iter()
                .enumerate()
                .map(|(at, point)| {
                    let letter = if at == 0 { 'M' } else { 'L' };
                    format!("{letter}{:.1} {:.1}", x.place(point.x), y.place(point.y))
                })
                .collect();
            push(
                &mut svg,
                format_args!(
                    "<path d=\"{line}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.8\" stroke-dasharray=\"{dash}\"/>"
                ),
            );
            if profile.bands.len() <= 40 {
                for point in piece {
                    push(
                        &mut svg,
                        format_args!(
                            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{color}\"/>",
                            x.place(point.x),
                            y.place(point.y),
                        ),
                    );
                }
            }
        }
        let row = HEIGHT + LEGEND_ROW * index as f64;
        let hidden = if pieces.is_empty() {
            " (no wavelengths: not drawn)"
        } else {
            ""
        };
        push(
            &mut svg,
            format_args!(
                "<path d=\"M{LEFT} {row}h28\" stroke=\"{color}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>"
            ),
        );
        push(
            &mut svg,
            format_args!(
                "<text x=\"{}\" y=\"{}\">{}, {}, {} {}{hidden}</text>",
                LEFT + 36.0,
                row + 4.0,
                escaped(&profile.name),
                escaped(&profile.layer),
                profile_number(profile.x, ProfileValues::Scaled),
                profile_number(profile.y, ProfileValues::Scaled),
            ),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Mean plus and minus one standard deviation as a pale band.
fn band_of_deviation(svg: &mut String, piece: &[CurvePoint], x: &Axis, y: &Axis, color: &str) {
    if piece.len() < 2 || piece.iter().all(|point| point.sd.is_none()) {
        return;
    }
    let edge = |point: &CurvePoint, sign: f64| {
        let value = point.y + sign * point.sd.unwrap_or(0.0);
        format!("{:.1},{:.1} ", x.place(point.x), y.place(value))
    };
    let upper: String = piece.iter().map(|point| edge(point, 1.0)).collect();
    let lower: String = piece.iter().rev().map(|point| edge(point, -1.0)).collect();
    push(
        svg,
        format_args!("<polygon points=\"{upper}{lower}\" fill=\"{color}\" fill-opacity=\"0.16\"/>"),
    );
}

fn push(svg: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    writeln!(svg, "{line}").ok();
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::tests::{band, profile};

    #[test]
    fn the_picture_is_well_formed_and_names_every_profile() {
        let with = profile(
            [490.0, 560.0, 665.0]
                .iter()
                .enumerate()
                .map(|(index, nm)| band(index, Some(*nm), Some(900.0 + index as f64)))
                .collect(),
        );
        let mut without = profile(vec![band(0, None, Some(1.0))]);
        without.name = "a < b & c".to_owned();
        let svg = profiles_svg(&[&with, &without], ProfileValues::Scaled);
        let mut reader = quick_xml::Reader::from_str(&svg);
        let mut circles = 0;
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Empty(tag) => {
                    circles += usize::from(tag.name().as_ref() == b"circle");
                }
                _ => {}
            }
        }
        assert_eq!(circles, 3);
        assert!(svg.contains("Wavelength (nm)") && svg.contains("a &lt; b &amp; c"));
        assert!(svg.contains("not drawn"));
        assert!(!svg.contains("NaN"));
        // Nothing to draw is a picture without curves.
        assert!(!profiles_svg(&[], ProfileValues::Stored).contains("NaN"));
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis::new([0.013, 0.47].into_iter(), 0.0, 100.0);
        let ticks = axis.ticks();
        assert!((4..=8).contains(&ticks.len()), "{ticks:?}");
        assert!(
            ticks
                .iter()
                .all(|tick| (axis.low..=axis.high).contains(tick))
        );
    }
}
