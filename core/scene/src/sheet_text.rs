//! Words as outlines, so that a sheet looks the same in every viewer and needs no font there. Knows one font; knows nothing
//! of pages.

use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, MetadataProvider as _};

use crate::sheet::Piece;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Middle,
}

/// The font of the window. A font that cannot be read leaves the words out instead of the sheet.
fn font() -> Option<FontRef<'static>> {
    FontRef::new(epaint_default_fonts::UBUNTU_LIGHT).ok()
}

/// Width of words in points.
pub(crate) fn text_width(words: &str, size: f64) -> f64 {
    let Some(font) = font() else { return 0.0 };
    let metrics = font.glyph_metrics(Size::new(size as f32), LocationRef::default());
    let charmap = font.charmap();
    words
        .chars()
        .filter_map(|letter| metrics.advance_width(charmap.map(letter).unwrap_or_default()))
        .map(f64::from)
        .sum()
}

/// Outlines of words whose baseline begins, or has its middle, at a point.
pub(crate) fn text_path(words: &str, x: f64, y: f64, size: f64, align: Align) -> Vec<Piece> {
    let Some(font) = font() else {
        return Vec::new();
    };
    let metrics = font.glyph_metrics(Size::new(size as f32), LocationRef::default());
    let (charmap, outlines) = (font.charmap(), font.outline_glyphs());
    let mut pen = Pen {
        x: match align {
            Align::Left => x,
            Align::Middle => x - text_width(words, size) / 2.0,
        },
        y,
        at: (0.0, 0.0),
        path: Vec::new(),
    };
    for letter in words.chars() {
        let glyph = charmap.map(letter).unwrap_or_default();
        if let Some(outline) = outlines.get(glyph) {
            let settings = DrawSettings::unhinted(Size::new(size as f32), LocationRef::default());
            // A glyph that cannot be drawn leaves its place empty.
            outline.draw(settings, &mut pen).ok();
        }
        pen.x += f64::from(metrics.advance_width(glyph).unwrap_or(0.0));
    }
    pen.path
}

/// Lines of at most `width` points, broken between words.
pub(crate) fn wrapped(words: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in words.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let longer = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if !line.is_empty() && text_width(&longer, size) > width {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            } else {
                line = longer;
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}

/// Takes a glyph's outline, which has its own origin and grows upwards.
struct Pen {
    x: f64,
    y: f64,
    at: (f64, f64),
    path: Vec<Piece>,
}

impl Pen {
    fn place(&self, x: f32, y: f32) -> (f64, f64) {
        (self.x + f64::from(x), self.y - f64::from(y))
    }
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.at = self.place(x, y);
        self.path.push(Piece::Move(self.at.0, self.at.1));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.at = self.place(x, y);
        self.path.push(Piece::Line(self.at.0, self.at.1));
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let (control, end, start) = (self.place(cx, cy), self.place(x, y), self.at);
        let toward = |from: (f64, f64)| {
            (
                from.0 + 2.0 / 3.0 * (control.0 - from.0),
                from.1 + 2.0 / 3.0 * (control.1 - from.1),
            )
        };
        let (a, b) = (toward(start), toward(end));
        self.path
            .push(Piece::Cubic([a.0, a.1, b.0, b.1, end.0, end.1]));
        self.at = end;
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        let (a, b, end) = (self.place(ax, ay), self.place(bx, by), self.place(x, y));
        self.path
            .push(Piece::Cubic([a.0, a.1, b.0, b.1, end.0, end.1]));
        self.at = end;
    }

    fn close(&mut self) {
        self.path.push(Piece::Close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_outlines_and_lines_fit() {
        let path = text_path("Ab", 10.0, 20.0, 12.0, Align::Left);
        assert!(path.iter().any(|piece| matches!(piece, Piece::Cubic(_))));
        let width = text_width("Ab", 12.0);
        assert!((8.0..20.0).contains(&width), "{width}");
        let text = "one two three four five six seven eight nine ten";
        let lines = wrapped(text, 10.0, 60.0);
        assert!(lines.len() > 2 && lines.iter().all(|line| text_width(line, 10.0) <= 60.0));
        assert_eq!(lines.join(" "), text);
    }
}
