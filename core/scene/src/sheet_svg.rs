//! A map sheet as an SVG drawing: marks stay lines and areas that a drawing program can change, the picture is inside as PNG.
//! Knows marks; knows nothing of how they were placed.

use std::fmt::Write as _;

use base64::Engine as _;

use crate::sheet::{Mark, Piece, Sheet};

impl Sheet {
    /// The page in points, white behind everything.
    ///
    /// # Errors
    /// A picture that cannot be packed.
    pub fn svg(&self) -> std::io::Result<String> {
        let (width, height) = (self.width, self.height);
        let picture = base64::engine::general_purpose::STANDARD.encode(self.picture.png()?);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}pt\" height=\"{height}pt\" \
             viewBox=\"0 0 {width} {height}\">\n<title>{}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
            quick_xml::escape::escape(&self.title)
        );
        for mark in &self.marks {
            // Writing to a text cannot fail.
            match mark {
                Mark::Fill { path, color } => {
                    writeln!(
                        svg,
                        "<path fill=\"{}\" d=\"{}\"/>",
                        hex(*color),
                        trace(path)
                    )
                }
                Mark::Line { path, color, width } => writeln!(
                    svg,
                    "<path fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" d=\"{}\"/>",
                    hex(*color),
                    trace(path)
                ),
                Mark::Picture([left, top, width, height]) => writeln!(
                    svg,
                    "<image x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" \
                     preserveAspectRatio=\"none\" href=\"data:image/png;base64,{picture}\"/>"
                ),
            }
            .ok();
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }
}

fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// An outline to a hundredth of a point.
fn trace(path: &[Piece]) -> String {
    let mut text = String::new();
    for piece in path {
        match *piece {
            Piece::Move(x, y) => write!(text, "M{x:.2} {y:.2}"),
            Piece::Line(x, y) => write!(text, "L{x:.2} {y:.2}"),
            Piece::Cubic([ax, ay, bx, by, x, y]) => {
                write!(text, "C{ax:.2} {ay:.2} {bx:.2} {by:.2} {x:.2} {y:.2}")
            }
            Piece::Close => write!(text, "Z"),
        }
        .ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::sheet::{Mark, Sheet, SheetSize};

    #[test]
    fn every_mark_is_in_the_drawing_and_words_are_escaped() {
        let mut content = crate::sheet::tests::content(5);
        content.title = "Wheat & <barley>".to_owned();
        let sheet = Sheet::new(content, SheetSize::A4Landscape);
        let svg = sheet.svg().unwrap();
        let mut reader = quick_xml::Reader::from_str(&svg);
        let (mut paths, mut images, mut title) = (0, 0, String::new());
        let mut is_title = false;
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Empty(tag) => match tag.name().as_ref() {
                    b"path" => paths += 1,
                    b"image" => images += 1,
                    _ => {}
                },
                quick_xml::events::Event::Start(tag) => is_title = tag.name().as_ref() == b"title",
                quick_xml::events::Event::Text(text) if is_title => {
                    title.push_str(&text.decode().unwrap());
                }
                quick_xml::events::Event::GeneralRef(name) if is_title => {
                    title.push('&');
                    title.push_str(&name.decode().unwrap());
                    title.push(';');
                }
                quick_xml::events::Event::End(_) => is_title = false,
                quick_xml::events::Event::Eof => break,
                _ => {}
            }
        }
        let pictures = sheet
            .marks
            .iter()
            .filter(|mark| matches!(mark, Mark::Picture(_)));
        assert_eq!(images, pictures.count());
        assert_eq!(paths + images, sheet.marks.len());
        assert_eq!(title, "Wheat &amp; &lt;barley&gt;");
    }
}
