//! A map sheet as a PDF of one page: outlines stay outlines, the picture keeps its own pixels. Knows marks; knows nothing of
//! how they were placed.

use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref, TextStr};

use crate::sheet::{Mark, Piece, Sheet};

/// Of the compression: good without being slow.
const LEVEL: u8 = 6;

impl Sheet {
    /// The page as a PDF file in memory.
    pub fn pdf(&self) -> Vec<u8> {
        let [catalog, pages, page, image, mask, content, about] =
            [1, 2, 3, 4, 5, 6, 7].map(Ref::new);
        let name = Name(b"Map");
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(pages);
        pdf.pages(pages).kids([page]).count(1);
        let mut only = pdf.page(page);
        only.media_box(Rect::new(0.0, 0.0, self.width as f32, self.height as f32));
        only.parent(pages);
        only.contents(content);
        only.resources().x_objects().pair(name, image);
        only.finish();
        let made = format!("Terroir {}", env!("CARGO_PKG_VERSION"));
        pdf.document_info(about)
            .title(TextStr(&self.title))
            .producer(TextStr(&made));

        let picture = &self.picture;
        let (width, height) = (picture.width as i32, picture.height as i32);
        let pixels = picture.rgba.as_chunks::<4>().0;
        let colors: Vec<u8> = pixels
            .iter()
            .flat_map(|[r, g, b, _]| [*r, *g, *b])
            .collect();
        let alphas: Vec<u8> = pixels.iter().map(|[.., alpha]| *alpha).collect();
        let colors = compress_to_vec_zlib(&colors, LEVEL);
        let mut stream = pdf.image_xobject(image, &colors);
        stream.filter(Filter::FlateDecode);
        stream.width(width).height(height);
        stream.color_space().device_rgb();
        stream.bits_per_component(8);
        let is_opaque = alphas.iter().all(|alpha| *alpha == 255);
        if !is_opaque {
            stream.s_mask(mask);
        }
        stream.finish();
        if !is_opaque {
            let alphas = compress_to_vec_zlib(&alphas, LEVEL);
            let mut stream = pdf.image_xobject(mask, &alphas);
            stream.filter(Filter::FlateDecode);
            stream.width(width).height(height);
            stream.color_space().device_gray();
            stream.bits_per_component(8);
        }
        let drawn = compress_to_vec_zlib(&self.content(name), LEVEL);
        pdf.stream(content, &drawn).filter(Filter::FlateDecode);
        let mut bytes = pdf.finish();
        while bytes.last().is_some_and(u8::is_ascii_whitespace) {
            bytes.pop();
        }
        bytes
    }

    fn content(&self, name: Name<'_>) -> Vec<u8> {
        let mut content = Content::new();
        for mark in &self.marks {
            match mark {
                Mark::Fill { path, color } => {
                    let [r, g, b] = shares(*color);
                    content.set_fill_rgb(r, g, b);
                    self.trace(&mut content, path);
                    content.fill_nonzero();
                }
                Mark::Line { path, color, width } => {
                    let [r, g, b] = shares(*color);
                    content.set_stroke_rgb(r, g, b);
                    content.set_line_width(*width as f32);
                    self.trace(&mut content, path);
                    content.stroke();
                }
                Mark::Picture([left, top, width, height]) => {
                    let bottom = self.height - top - height;
                    content.save_state();
                    content.transform([
                        *width as f32,
                        0.0,
                        0.0,
                        *height as f32,
                        *left as f32,
                        bottom as f32,
                    ]);
                    content.x_object(name);
                    content.restore_state();
                }
            }
        }
        content.finish().to_vec()
    }

    /// PDF's pages grow upwards.
    fn trace(&self, content: &mut Content, path: &[Piece]) {
        let up = |y: f64| (self.height - y) as f32;
        for piece in path {
            match *piece {
                Piece::Move(x, y) => content.move_to(x as f32, up(y)),
                Piece::Line(x, y) => content.line_to(x as f32, up(y)),
                Piece::Cubic([ax, ay, bx, by, x, y]) => {
                    content.cubic_to(ax as f32, up(ay), bx as f32, up(by), x as f32, up(y))
                }
                Piece::Close => content.close_path(),
            };
        }
    }
}

fn shares(color: [u8; 3]) -> [f32; 3] {
    color.map(|value| f32::from(value) / 255.0)
}
