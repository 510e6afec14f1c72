//! Patterns of classes on their swatches: what the map draws, at the size of a legend.

use egui::{Painter, Pos2, Rect, Stroke, vec2};
use terroir_scene::{FillPattern, ink_of, pattern_marks};

use crate::theme;

/// Draws the pattern of a class over its swatch, which has the class's colour already.
pub fn pattern_over(painter: &Painter, rect: Rect, color: [u8; 3], pattern: FillPattern) {
    if pattern == FillPattern::Solid {
        return;
    }
    let ink = theme::rgb(ink_of(color));
    let size = (f64::from(rect.width()), f64::from(rect.height()));
    let marks = pattern_marks(pattern, size, 5.0);
    let at = |(x, y): (f64, f64)| -> Pos2 { rect.min + vec2(x as f32, y as f32) };
    for line in marks.lines {
        painter.line_segment(line.map(at), Stroke::new(1.5, ink));
    }
    for dot in marks.dots {
        painter.circle_filled(at(dot), 1.2, ink);
    }
}
