//! The scale bar: a round length on the ground, measured at the middle of the view.

use egui::{Align2, Painter, Pos2, Rect, Shape, Stroke, Vec2};

use super::{HALO, INK, Scenery, text};
use crate::language::t;

/// Longest bar, points; the shortest is two fifths of it.
const LONGEST: f64 = 180.0;
const HEIGHT: f32 = 5.0;

/// A bar in the lower left corner.
pub struct ScaleBar {
    bar: Rect,
    text: String,
    /// Bar and text with some room.
    pub around: Rect,
}

impl ScaleBar {
    /// `None` where the view's middle has no ground to measure on.
    pub fn new(scenery: &Scenery<'_>, left: f32, bottom: f32) -> Option<Self> {
        let view = scenery.view;
        let half = LONGEST / 2.0 * view.units_per_point;
        let (x, y) = view.center;
        let (length, unit) = match (&scenery.geometry, scenery.crs) {
            (Some(geometry), _) => (
                geometry.metres_between((x - half, y), (x + half, y))?,
                Unit::Metre,
            ),
            (None, Some(_)) => return None,
            (None, None) if scenery.unit_is_pixel => (2.0 * half, Unit::Pixel),
            (None, None) => (2.0 * half, Unit::Map),
        };
        let round = round_below(length)?;
        let width = (LONGEST * round / length) as f32;
        let start = scenery.rect.left_bottom() + Vec2::new(left, -bottom - HEIGHT);
        let bar = Rect::from_min_size(start, Vec2::new(width, HEIGHT));
        Some(Self {
            bar,
            text: length_text(round, unit),
            around: Rect::from_min_max(bar.min - Vec2::new(8.0, 24.0), bar.max + Vec2::splat(6.0)),
        })
    }

    pub fn paint(&self, painter: &Painter) {
        let bar = self.bar;
        painter.rect_filled(bar.expand(2.0), 1.5, HALO);
        painter.rect_filled(bar, 0.0, INK);
        let half = Rect::from_min_max(Pos2::new(bar.center().x, bar.min.y), bar.max).shrink(1.0);
        painter.rect_filled(half, 0.0, egui::Color32::from_gray(50));
        for x in [bar.min.x, bar.max.x] {
            let tick = [Pos2::new(x, bar.min.y - 3.0), Pos2::new(x, bar.max.y)];
            painter.add(Shape::line_segment(tick, Stroke::new(1.2, INK)));
        }
        let above = Pos2::new(bar.min.x, bar.min.y - 4.0);
        text(painter, above, Align2::LEFT_BOTTOM, &self.text);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    Metre,
    Pixel,
    Map,
}

/// The largest of 1, 2, 5 times a power of ten that is no longer than `length`.
fn round_below(length: f64) -> Option<f64> {
    if !length.is_finite() || length <= 0.0 {
        return None;
    }
    let ten = 10_f64.powf(length.log10().floor());
    [5.0, 2.0, 1.0, 0.5]
        .into_iter()
        .map(|step| step * ten)
        .find(|round| *round <= length * (1.0 + 1e-9))
}

fn length_text(length: f64, unit: Unit) -> String {
    let plain = |value: f64| {
        let decimals = (-value.log10().floor()).clamp(0.0, 9.0) as usize;
        format!("{value:.decimals$}")
    };
    match unit {
        Unit::Pixel if length == 1.0 => t!("decorations-one-pixel").to_owned(),
        Unit::Pixel => t!("decorations-pixels", length = plain(length)),
        Unit::Map => t!("decorations-map-units", length = plain(length)),
        Unit::Metre if length >= 1000.0 => {
            format!(
                "{} km",
                crate::jobs::count_text((length / 1000.0).round() as u64)
            )
        }
        Unit::Metre if length >= 1.0 => format!("{} m", plain(length)),
        Unit::Metre if length >= 0.01 => format!("{} cm", plain(length * 100.0)),
        Unit::Metre => format!("{} mm", plain(length * 1000.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_round_and_fit() {
        for (length, round) in [
            (1.0, 1.0),
            (1999.0, 1000.0),
            (2000.0, 2000.0),
            (49.0, 20.0),
            (0.07, 0.05),
            (9.9e6, 5e6),
        ] {
            let found = round_below(length).unwrap();
            assert!((found - round).abs() < 1e-9 * round, "{length}: {found}");
        }
        assert_eq!(round_below(f64::NAN), None);
        assert_eq!(round_below(0.0), None);
    }

    #[test]
    fn lengths_have_their_usual_unit() {
        assert_eq!(length_text(500.0, Unit::Metre), "500 m");
        assert_eq!(length_text(2000.0, Unit::Metre), "2 km");
        assert_eq!(length_text(0.05, Unit::Metre), "5 cm");
        assert_eq!(length_text(100.0, Unit::Pixel), "100 pixels");
        assert_eq!(length_text(0.5, Unit::Map), "0.5 map units");
    }
}
