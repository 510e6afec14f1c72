//! A map sheet as a PNG picture. Knows marks; knows nothing of how they were placed.

use tiny_skia::{
    Color, FillRule, FilterQuality, Paint, Path, PathBuilder, Pixmap, PixmapPaint, PixmapRef,
    Stroke, Transform,
};

use crate::Still;
use crate::sheet::{Mark, Piece, Sheet};

impl Sheet {
    /// The page on white at so many dots an inch.
    ///
    /// # Errors
    /// A page of no pixels or of too many.
    pub fn png(&self, dots_an_inch: f64) -> std::io::Result<Vec<u8>> {
        let scale = dots_an_inch / 72.0;
        let side = |points: f64| (points * scale).round().max(0.0) as u32;
        let mut page = Pixmap::new(side(self.width), side(self.height)).ok_or_else(|| {
            std::io::Error::other("the page has no pixels, or too many; choose another resolution")
        })?;
        page.fill(Color::WHITE);
        let transform = Transform::from_scale(scale as f32, scale as f32);
        for mark in &self.marks {
            match mark {
                Mark::Fill { path, color } => {
                    if let Some(path) = outline(path) {
                        page.fill_path(&path, &paint(*color), FillRule::Winding, transform, None);
                    }
                }
                Mark::Line { path, color, width } => {
                    if let Some(path) = outline(path) {
                        let stroke = Stroke {
                            width: *width as f32,
                            ..Stroke::default()
                        };
                        page.stroke_path(&path, &paint(*color), &stroke, transform, None);
                    }
                }
                Mark::Picture(place) => self.draw_picture(&mut page, *place, scale),
            }
        }
        let (width, height) = (page.width() as usize, page.height() as usize);
        let page = Still {
            width,
            height,
            // On white nothing is transparent any more.
            rgba: page.take(),
            extent: None,
        };
        page.png()
    }

    fn draw_picture(&self, page: &mut Pixmap, [left, top, width, height]: [f64; 4], scale: f64) {
        let picture = &self.picture;
        let premultiplied: Vec<u8> = picture
            .rgba
            .chunks_exact(4)
            .flat_map(|pixel| {
                let alpha = u16::from(pixel[3]);
                let by_alpha = |value: u8| ((u16::from(value) * alpha + 127) / 255) as u8;
                [
                    by_alpha(pixel[0]),
                    by_alpha(pixel[1]),
                    by_alpha(pixel[2]),
                    pixel[3],
                ]
            })
            .collect();
        let size = (picture.width as u32, picture.height as u32);
        let Some(pixels) = PixmapRef::from_bytes(&premultiplied, size.0, size.1) else {
            return;
        };
        let across = width * scale / picture.width.max(1) as f64;
        let down = height * scale / picture.height.max(1) as f64;
        // Pixels stay squares where they are enlarged.
        let quality = if across >= 1.0 {
            FilterQuality::Nearest
        } else {
            FilterQuality::Bilinear
        };
        let paint = PixmapPaint {
            quality,
            ..PixmapPaint::default()
        };
        let transform = Transform::from_row(
            across as f32,
            0.0,
            0.0,
            down as f32,
            (left * scale) as f32,
            (top * scale) as f32,
        );
        page.draw_pixmap(0, 0, pixels, &paint, transform, None);
    }
}

fn paint(color: [u8; 3]) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(color[0], color[1], color[2], 255);
    paint.anti_alias = true;
    paint
}

fn outline(path: &[Piece]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for piece in path {
        match *piece {
            Piece::Move(x, y) => builder.move_to(x as f32, y as f32),
            Piece::Line(x, y) => builder.line_to(x as f32, y as f32),
            Piece::Cubic([ax, ay, bx, by, x, y]) => builder.cubic_to(
                ax as f32, ay as f32, bx as f32, by as f32, x as f32, y as f32,
            ),
            Piece::Close => builder.close(),
        }
    }
    builder.finish()
}
