//! A map sheet: title, picture, legend, scale bar, north arrow, date and attribution composed on a page. The page is a list of
//! plain marks that become PNG (`sheet_png`), PDF (`sheet_pdf`) or SVG (`sheet_svg`). Knows pictures and words; knows nothing of rasters.

use crate::sheet_text::{Align, text_path, text_width, wrapped};
use crate::{
    Crs, FillPattern, Graticule, MapGeometry, MapRect, Still, ViewEdge, ink_of, pattern_marks,
};

/// What goes on a sheet; empty parts are left out.
pub struct SheetContent {
    pub title: String,
    /// North (more or less) up.
    pub picture: Still,
    pub legend_title: String,
    pub legend: SheetLegend,
    /// Ground length of a picture pixel at its middle.
    pub metres_per_pixel: Option<f64>,
    /// Direction of north, radians clockwise from up.
    pub north: Option<f64>,
    /// Of the data.
    pub date: String,
    /// Coordinate reference system.
    pub system: String,
    /// Whom the data must be credited to, and other remarks.
    pub attribution: String,
    /// What the picture shows of a map, where lines of longitude and latitude are wanted.
    pub graticule: Option<(Crs, MapRect)>,
}

/// A row of a legend of classes.
#[derive(Clone, Debug, PartialEq)]
pub struct SheetClass {
    pub color: [u8; 3],
    pub pattern: FillPattern,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SheetLegend {
    Classes(Vec<SheetClass>),
    /// Colours from low to high with the values at both ends.
    Ramp {
        colors: Vec<[u8; 3]>,
        low: String,
        high: String,
    },
    Words(Vec<String>),
}

/// Points (1/72 inch) of common pages, width first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SheetSize {
    A4Landscape,
    A4Portrait,
    A3Landscape,
    A3Portrait,
}

impl SheetSize {
    pub fn points(self) -> (f64, f64) {
        match self {
            Self::A4Landscape => (841.89, 595.28),
            Self::A4Portrait => (595.28, 841.89),
            Self::A3Landscape => (1190.55, 841.89),
            Self::A3Portrait => (841.89, 1190.55),
        }
    }
}

/// Kind of file a sheet becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SheetFormat {
    Pdf,
    Png,
    Svg,
}

impl SheetFormat {
    /// Of a file by its ending; `None` = none of ours.
    pub fn of(path: &std::path::Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "pdf" => Some(Self::Pdf),
            "png" => Some(Self::Png),
            "svg" => Some(Self::Svg),
            _ => None,
        }
    }
}

/// A piece of an outline; points from the upper left corner, down positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Piece {
    Move(f64, f64),
    Line(f64, f64),
    Cubic([f64; 6]),
    Close,
}

pub(crate) enum Mark {
    Fill {
        path: Vec<Piece>,
        color: [u8; 3],
    },
    Line {
        path: Vec<Piece>,
        color: [u8; 3],
        width: f64,
    },
    /// The picture: left, top, width, height.
    Picture([f64; 4]),
}

/// A composed page.
pub struct Sheet {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) title: String,
    pub(crate) picture: Still,
    pub(crate) marks: Vec<Mark>,
}

const MARGIN: f64 = 28.0;
const GAP: f64 = 14.0;
/// Width of the column with legend, arrow and bar.
const COLUMN: f64 = 168.0;
const TITLE: f64 = 20.0;
const BODY: f64 = 10.0;
const SMALL: f64 = 7.5;
/// Room for degrees, minutes and seconds beside the picture.
const DEGREES_WIDTH: f64 = 46.0;
const INK: [u8; 3] = [29, 36, 33];
const SOFT: [u8; 3] = [92, 104, 99];

impl Sheet {
    /// Puts everything in its place.
    pub fn new(content: SheetContent, size: SheetSize) -> Self {
        let (width, height) = size.points();
        let mut page = Page::default();
        let foot = page.foot(&content, width, height);
        let mut top = MARGIN;
        if !content.title.is_empty() {
            page.text(
                MARGIN,
                top + TITLE * 0.8,
                TITLE,
                INK,
                Align::Left,
                &content.title,
            );
            top += TITLE + GAP;
        }
        let column = width - MARGIN - COLUMN;
        let ground = content
            .graticule
            .as_ref()
            .and_then(|(crs, extent)| Some((MapGeometry::new(crs).ok()?, *extent)));
        // Degrees stand outside of the frame, as on printed maps.
        let (aside, below) = match ground {
            Some(_) => (DEGREES_WIDTH, SMALL * 1.6),
            None => (0.0, 0.0),
        };
        let frame = [
            MARGIN + aside,
            top,
            column - GAP - MARGIN - aside,
            foot - GAP - top - below,
        ];
        let placed = fitted(frame, &content.picture);
        page.marks.push(Mark::Picture(placed));
        if let Some((geometry, extent)) = ground {
            page.graticule(&geometry, extent, placed);
        }
        page.line(&rectangle(placed), INK, 0.7);
        let bottom = placed[1] + placed[3];
        let points_per_pixel = placed[2] / content.picture.width.max(1) as f64;
        let scale = content
            .metres_per_pixel
            .map(|metres| metres / points_per_pixel);
        let mut floor = bottom.max(top + 160.0).min(foot - GAP);
        if let Some(metres_per_point) = scale {
            page.scale_bar(column, floor, metres_per_point);
            floor -= 46.0;
        }
        if let Some(north) = content.north {
            page.north_arrow(column + 20.0, floor - 26.0, north);
            floor -= 62.0;
        }
        page.legend(&content, column, top, floor);
        Self {
            width,
            height,
            title: content.title,
            picture: content.picture,
            marks: page.marks,
        }
    }
}

impl Sheet {
    /// The file; `dots_an_inch` counts for PNG alone.
    ///
    /// # Errors
    /// A page of no pixels or of too many.
    pub fn file(&self, format: SheetFormat, dots_an_inch: f64) -> std::io::Result<Vec<u8>> {
        match format {
            SheetFormat::Pdf => Ok(self.pdf()),
            SheetFormat::Png => self.png(dots_an_inch),
            SheetFormat::Svg => Ok(self.svg()?.into_bytes()),
        }
    }
}

/// The largest rectangle of the picture's shape at the upper left of a frame.
fn fitted([left, top, width, height]: [f64; 4], picture: &Still) -> [f64; 4] {
    let (across, down) = (picture.width.max(1) as f64, picture.height.max(1) as f64);
    let scale = (width / across).min(height / down);
    [left, top, across * scale, down * scale]
}

/// The part of a straight line that lies in a rectangle from the origin (Liang and Barsky's clipping).
fn inside(
    from: (f64, f64),
    to: (f64, f64),
    width: f64,
    height: f64,
) -> Option<((f64, f64), (f64, f64))> {
    let (run, rise) = (to.0 - from.0, to.1 - from.1);
    let (mut start, mut end) = (0.0_f64, 1.0_f64);
    for (toward, room) in [
        (-run, from.0),
        (run, width - from.0),
        (-rise, from.1),
        (rise, height - from.1),
    ] {
        if toward == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if toward < 0.0 {
            start = start.max(room / toward);
        } else {
            end = end.min(room / toward);
        }
    }
    let at = |share: f64| (from.0 + run * share, from.1 + rise * share);
    (start < end).then(|| (at(start), at(end)))
}

fn rectangle([left, top, width, height]: [f64; 4]) -> Vec<Piece> {
    vec![
        Piece::Move(left, top),
        Piece::Line(left + width, top),
        Piece::Line(left + width, top + height),
        Piece::Line(left, top + height),
        Piece::Close,
    ]
}

#[derive(Default)]
struct Page {
    marks: Vec<Mark>,
}

impl Page {
    fn fill(&mut self, path: Vec<Piece>, color: [u8; 3]) {
        self.marks.push(Mark::Fill { path, color });
    }

    fn line(&mut self, path: &[Piece], color: [u8; 3], width: f64) {
        self.marks.push(Mark::Line {
            path: path.to_vec(),
            color,
            width,
        });
    }

    /// Text whose baseline is at `y`.
    fn text(&mut self, x: f64, y: f64, size: f64, color: [u8; 3], align: Align, words: &str) {
        let path = text_path(words, x, y, size, align);
        if !path.is_empty() {
            self.fill(path, color);
        }
    }

    /// Attribution, date and system at the foot; returns where they begin.
    fn foot(&mut self, content: &SheetContent, width: f64, height: f64) -> f64 {
        let made = format!("Made with Terroir {}", env!("CARGO_PKG_VERSION"));
        let about: Vec<String> = [
            (!content.date.is_empty()).then(|| format!("Date: {}", content.date)),
            (!content.system.is_empty()).then(|| content.system.clone()),
            Some(made),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut lines = wrapped(&content.attribution, SMALL, width - 2.0 * MARGIN);
        lines.push(about.join("   ·   "));
        let step = SMALL * 1.4;
        let top = height - MARGIN - step * lines.len() as f64;
        for (row, line) in lines.iter().enumerate() {
            let y = top + step * (row as f64 + 0.9);
            self.text(MARGIN, y, SMALL, SOFT, Align::Left, line);
        }
        top
    }

    /// Lines of longitude and latitude over the picture in its frame, and their degrees outside of it.
    fn graticule(&mut self, geometry: &MapGeometry, extent: MapRect, frame: [f64; 4]) {
        let [left, top, width, height] = frame;
        let made = Graticule::new(geometry, extent, width, height);
        for line in &made.lines {
            let path: Vec<Piece> = line
                .windows(2)
                .filter_map(|pair| inside(*pair.first()?, *pair.last()?, width, height))
                .flat_map(|((x0, y0), (x1, y1))| {
                    [
                        Piece::Move(left + x0, top + y0),
                        Piece::Line(left + x1, top + y1),
                    ]
                })
                .collect();
            if !path.is_empty() {
                // Light within dark: seen over any picture.
                self.line(&path, INK, 0.9);
                self.line(&path, [255; 3], 0.4);
            }
        }
        // Parallels and meridians each keep off the label before.
        let mut beside: Vec<f64> = Vec::new();
        let mut right_end = f64::NEG_INFINITY;
        for label in &made.labels {
            let (x, y) = (left + label.at.0, top + label.at.1);
            let words = text_width(&label.text, SMALL);
            match label.edge {
                ViewEdge::Left => {
                    if beside.iter().any(|other| (other - y).abs() < SMALL * 1.2) {
                        continue;
                    }
                    beside.push(y);
                    let start = left - 4.0 - words;
                    self.text(
                        start,
                        y + SMALL * 0.35,
                        SMALL,
                        INK,
                        Align::Left,
                        &label.text,
                    );
                }
                ViewEdge::Bottom => {
                    // Not under the legend, nor over one another.
                    let start = (x - words / 2.0).clamp(left, (left + width - words).max(left));
                    if start < right_end {
                        continue;
                    }
                    right_end = start + words + 6.0;
                    let base = top + height + SMALL * 1.2;
                    self.text(start, base, SMALL, INK, Align::Left, &label.text);
                }
                // Only where a map is turned or a globe: as near the frame as they can be read.
                ViewEdge::Right | ViewEdge::Top | ViewEdge::Inside => {
                    let start =
                        (x - words / 2.0).clamp(left + 2.0, (left + width - words).max(left));
                    let base = (y + SMALL * 0.35).clamp(top + SMALL * 1.2, top + height - 3.0);
                    let path = text_path(&label.text, start, base, SMALL, Align::Left);
                    self.line(&path, [255; 3], 2.0);
                    self.fill(path, INK);
                }
            }
        }
    }

    fn legend(&mut self, content: &SheetContent, left: f64, top: f64, floor: f64) {
        let mut y = top;
        if !content.legend_title.is_empty() {
            for line in wrapped(&content.legend_title, BODY + 1.0, COLUMN) {
                self.text(left, y + BODY, BODY + 1.0, INK, Align::Left, &line);
                y += BODY * 1.5;
            }
            y += 4.0;
        }
        match &content.legend {
            SheetLegend::Classes(classes) => self.class_rows(classes, left, y, floor),
            SheetLegend::Ramp { colors, low, high } => {
                let (height, width) = (110.0_f64.min(floor - y), 16.0);
                let step = height / colors.len().max(1) as f64;
                for (index, color) in colors.iter().rev().enumerate() {
                    let at = y + step * index as f64;
                    // A hair of overlap, so that no seam shows.
                    self.fill(rectangle([left, at, width, step + 0.3]), *color);
                }
                self.line(&rectangle([left, y, width, height]), INK, 0.5);
                let beside = left + width + 8.0;
                self.text(beside, y + BODY * 0.8, BODY, INK, Align::Left, high);
                self.text(beside, y + height, BODY, INK, Align::Left, low);
            }
            SheetLegend::Words(lines) => {
                for line in lines.iter().flat_map(|line| wrapped(line, BODY, COLUMN)) {
                    self.text(left, y + BODY, BODY, INK, Align::Left, &line);
                    y += BODY * 1.4;
                }
            }
        }
    }

    /// Rows get smaller before any is left out, and what is left out is counted.
    fn class_rows(&mut self, classes: &[SheetClass], left: f64, top: f64, floor: f64) {
        const TALLEST: f64 = 17.0;
        const SMALLEST: f64 = 8.0;
        let room = (floor - top).max(SMALLEST);
        let row = (room / classes.len().max(1) as f64).clamp(SMALLEST, TALLEST);
        let fits = (room / row).floor().max(1.0) as usize;
        let shown = if classes.len() > fits {
            fits.saturating_sub(1)
        } else {
            classes.len()
        };
        let size = (row * 0.62).min(BODY);
        for (index, class) in classes.iter().take(shown).enumerate() {
            let y = top + row * index as f64;
            let place = [left, y + row * 0.12, 18.0, row * 0.72];
            let swatch = rectangle(place);
            self.fill(swatch.clone(), class.color);
            self.pattern(place, class);
            self.line(&swatch, INK, 0.4);
            let name = shortened(&class.name, size, COLUMN - 26.0);
            self.text(
                left + 26.0,
                y + row * 0.5 + size * 0.36,
                size,
                INK,
                Align::Left,
                &name,
            );
        }
        if shown < classes.len() {
            let y = top + row * shown as f64 + row * 0.7;
            let words = format!("and {} more", classes.len() - shown);
            self.text(left, y, size, SOFT, Align::Left, &words);
        }
    }

    /// The pattern of a class on its swatch, at the size of the page.
    fn pattern(&mut self, [left, top, width, height]: [f64; 4], class: &SheetClass) {
        const DOT: f64 = 1.6;
        let ink = ink_of(class.color);
        let marks = pattern_marks(class.pattern, (width, height), 4.5);
        for [start, end] in marks.lines {
            let path = [
                Piece::Move(left + start.0, top + start.1),
                Piece::Line(left + end.0, top + end.1),
            ];
            self.line(&path, ink, 1.1);
        }
        for (x, y) in marks.dots {
            self.fill(
                rectangle([left + x - DOT / 2.0, top + y - DOT / 2.0, DOT, DOT]),
                ink,
            );
        }
    }

    /// A bar of two parts on the ground, its lower edge at `floor`.
    fn scale_bar(&mut self, left: f64, floor: f64, metres_per_point: f64) {
        const LONGEST: f64 = 140.0;
        let Some(metres) = round_length(LONGEST * metres_per_point) else {
            return;
        };
        let half = metres / 2.0 / metres_per_point;
        let (top, height) = (floor - 7.0, 5.0);
        self.fill(rectangle([left, top, half, height]), INK);
        self.fill(rectangle([left + half, top, half, height]), [255; 3]);
        self.line(&rectangle([left, top, 2.0 * half, height]), INK, 0.7);
        let (divisor, unit) = if metres >= 2000.0 {
            (1000.0, "km")
        } else {
            (1.0, "m")
        };
        let number = |value: f64| format!("{}", value / divisor);
        for (at, words) in [
            (0.0, "0".to_owned()),
            (half, number(metres / 2.0)),
            (2.0 * half, format!("{} {unit}", number(metres))),
        ] {
            let align = if at == 0.0 {
                Align::Left
            } else {
                Align::Middle
            };
            self.text(left + at, top - 5.0, 8.5, INK, align, &words);
        }
    }

    /// A needle of two halves with an N at its point.
    fn north_arrow(&mut self, x: f64, y: f64, north: f64) {
        let (sin, cos) = north.sin_cos();
        let at = |right: f64, up: f64| (x + cos * right + sin * up, y + sin * right - cos * up);
        let half = |side: f64| {
            let points = [at(0.0, 20.0), at(9.0 * side, -16.0), at(0.0, -8.0)];
            let mut path = vec![Piece::Move(points[0].0, points[0].1)];
            path.extend(points[1..].iter().map(|(x, y)| Piece::Line(*x, *y)));
            path.push(Piece::Close);
            path
        };
        self.fill(half(1.0), INK);
        self.line(&half(-1.0), INK, 0.8);
        self.line(&half(1.0), INK, 0.8);
        let (label_x, label_y) = at(0.0, 29.0);
        self.text(label_x, label_y + 4.0, 12.0, INK, Align::Middle, "N");
    }
}

/// The largest of 1, 2, 5 times a power of ten that is no longer than `length`.
fn round_length(length: f64) -> Option<f64> {
    if !length.is_finite() || length <= 0.0 {
        return None;
    }
    let ten = 10_f64.powf(length.log10().floor());
    [5.0, 2.0, 1.0, 0.5]
        .into_iter()
        .map(|step| step * ten)
        .find(|round| *round <= length * (1.0 + 1e-9))
}

/// Cut with "…" to fit into `width`.
fn shortened(words: &str, size: f64, width: f64) -> String {
    if text_width(words, size) <= width {
        return words.to_owned();
    }
    let mut kept = words.to_owned();
    while kept.pop().is_some() {
        let candidate = format!("{}…", kept.trim_end());
        if text_width(&candidate, size) <= width {
            return candidate;
        }
    }
    String::new()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn content(classes: usize) -> SheetContent {
        let (width, height) = (60, 40);
        SheetContent {
            title: "Crops of 2021 — Ünïcode".to_owned(),
            picture: Still {
                width,
                height,
                rgba: [30, 120, 60, 255].repeat(width * height),
                extent: None,
            },
            legend_title: "Classes".to_owned(),
            legend: SheetLegend::Classes(
                (0..classes)
                    .map(|index| SheetClass {
                        color: [index as u8, 90, 200],
                        pattern: FillPattern::ALL[index % 4],
                        name: format!("class number {index} with a long name"),
                    })
                    .collect(),
            ),
            metres_per_pixel: Some(10.0),
            north: Some(0.02),
            date: "2021-07-28".to_owned(),
            system: "EPSG:32629".to_owned(),
            attribution: "Contains modified Copernicus Sentinel data 2021. ".repeat(6),
            graticule: None,
        }
    }

    #[test]
    fn nothing_leaves_the_page_however_many_classes_there_are() {
        for (size, classes) in [
            (SheetSize::A4Landscape, 3),
            (SheetSize::A4Portrait, 90),
            (SheetSize::A3Portrait, 0),
        ] {
            let sheet = Sheet::new(content(classes), size);
            let (width, height) = size.points();
            let inside = |x: f64, y: f64| {
                assert!(
                    (0.0..=width).contains(&x) && (0.0..=height).contains(&y),
                    "{x} {y}"
                );
            };
            for mark in &sheet.marks {
                let path = match mark {
                    Mark::Fill { path, .. } | Mark::Line { path, .. } => path.clone(),
                    Mark::Picture(place) => rectangle(*place),
                };
                for piece in path {
                    match piece {
                        Piece::Move(x, y) | Piece::Line(x, y) => inside(x, y),
                        Piece::Cubic(points) => inside(points[4], points[5]),
                        Piece::Close => {}
                    }
                }
            }
        }
        assert_eq!(round_length(1999.0), Some(1000.0));
        assert_eq!(round_length(0.0), None);
    }

    #[test]
    fn a_graticule_stays_in_the_frame_and_its_degrees_on_the_page() {
        let bare = Sheet::new(content(3), SheetSize::A4Landscape);
        let mut with = content(3);
        // 12 by 8 km at 39.5° north.
        let extent = MapRect {
            min_x: 540_000.0,
            min_y: 4_370_000.0,
            max_x: 552_000.0,
            max_y: 4_378_000.0,
        };
        with.graticule = Some((Crs::parse("EPSG:32629").unwrap(), extent));
        let sheet = Sheet::new(with, SheetSize::A4Landscape);
        let frame = |sheet: &Sheet| {
            let mut pictures = sheet.marks.iter().filter_map(|mark| match mark {
                Mark::Picture(place) => Some(*place),
                _ => None,
            });
            pictures.next().unwrap()
        };
        let [left, top, width, height] = frame(&sheet);
        assert!(left > frame(&bare)[0]);
        let lines: Vec<(f64, f64)> = sheet
            .marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Line { path, width, .. } if *width == 0.4 => Some(path),
                _ => None,
            })
            .flatten()
            .filter_map(|piece| match piece {
                Piece::Move(x, y) | Piece::Line(x, y) => Some((*x, *y)),
                _ => None,
            })
            .collect();
        // The swatches of the legend have the same hair line.
        let over: Vec<_> = lines
            .iter()
            .filter(|(x, _)| *x <= left + width + 1e-6)
            .collect();
        assert!(over.len() > 50, "{}", over.len());
        for (x, y) in over {
            assert!(
                *x >= left - 1e-6 && *y >= top - 1e-6 && *y <= top + height + 1e-6,
                "{x} {y}"
            );
        }
        // Words left of the frame and below it.
        let fills = sheet.marks.iter().filter_map(|mark| match mark {
            Mark::Fill { path, .. } => match path.first() {
                Some(Piece::Move(x, y)) => Some((*x, *y)),
                _ => None,
            },
            _ => None,
        });
        let fills: Vec<_> = fills.collect();
        assert!(
            fills
                .iter()
                .any(|(x, y)| *x < left && *y > top && *y < top + height)
        );
        let is_below = |(x, y): &&(f64, f64)| {
            (left..left + width).contains(x) && (top + height..top + height + 12.0).contains(y)
        };
        assert!(fills.iter().filter(is_below).count() >= 2);
    }

    #[test]
    fn both_files_are_what_they_say() {
        let sheet = Sheet::new(content(5), SheetSize::A4Landscape);
        let png = sheet.png(96.0).unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(&png));
        let info = decoder.read_info().unwrap();
        assert_eq!((info.info().width, info.info().height), (1123, 794));
        let pdf = sheet.pdf();
        assert!(pdf.starts_with(b"%PDF-") && pdf.ends_with(b"%%EOF"));
        assert!(sheet.png(0.001).is_err());
    }
}
