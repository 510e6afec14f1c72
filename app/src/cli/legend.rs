//! A class map with its legend as one SVG file: the picture embedded, the names as text.

use terroir_scene::{Class, Still, ink_of, pattern_marks, pattern_of};

use super::failure::{CliError, CliResult};

const LINE: usize = 24;
const MARGIN: usize = 16;
const LEGEND: usize = 240;

/// Picture at the left, one row per class at the right.
pub fn svg_with_legend(still: &Still, title: &str, classes: &[Class]) -> CliResult<String> {
    let picture = still.data_address().map_err(|error| CliError::Failed {
        what: "The picture could not be encoded.".into(),
        details: Some(error.to_string()),
    })?;
    let width = still.width + 3 * MARGIN + LEGEND;
    let height = still.height.max((classes.len() + 2) * LINE) + 2 * MARGIN;
    let left = still.width + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <image x=\"{MARGIN}\" y=\"{MARGIN}\" width=\"{}\" height=\"{}\" style=\"image-rendering:pixelated\" href=\"{picture}\"/>\n\
         <g font-family=\"sans-serif\" font-size=\"14\" fill=\"#222222\">\n\
         <text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{}</text>\n",
        still.width,
        still.height,
        MARGIN + 14,
        escape(title),
    );
    for (row, class) in classes.iter().enumerate() {
        let top = MARGIN + (row + 1) * LINE + 4;
        let [red, green, blue] = class.color;
        svg += &format!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"20\" height=\"14\" fill=\"#{red:02x}{green:02x}{blue:02x}\" stroke=\"#222222\" stroke-width=\"0.5\"/>\n\
             <text x=\"{}\" y=\"{}\">{}</text>\n",
            left + 28,
            top + 12,
            escape(&class.name),
        );
        svg += &pattern_on_swatch(class, (left as f64, top as f64));
    }
    svg += "</g>\n</svg>\n";
    Ok(svg)
}

/// What the picture draws of a class beyond its colour.
fn pattern_on_swatch(class: &Class, (left, top): (f64, f64)) -> String {
    let [red, green, blue] = ink_of(class.color);
    let pattern = pattern_of(i64::from(class.id), class.color);
    let marks = pattern_marks(pattern, (20.0, 14.0), 5.0);
    let lines = marks.lines.iter().map(|[a, b]| {
        format!(
            "M{:.1} {:.1}L{:.1} {:.1}",
            left + a.0,
            top + a.1,
            left + b.0,
            top + b.1
        )
    });
    let dots = marks
        .dots
        .iter()
        .map(|(x, y)| format!("M{:.1} {:.1}h2", left + x - 1.0, top + y));
    let path: String = lines.chain(dots).collect();
    if path.is_empty() {
        return path;
    }
    format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"#{red:02x}{green:02x}{blue:02x}\" stroke-width=\"1.5\"/>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_the_file() {
        assert_eq!(escape("a<b & c"), "a&lt;b &amp; c");
    }
}
