//! The graticule: lines of longitude and latitude over a view of any map, with their labels at its edges. A value made
//! for one view. Knows what map coordinates mean on the ground. Knows nothing of layers, nor of who draws it.

use crate::{MapGeometry, MapRect};

/// Least distance between two lines, points.
const APART: f64 = 110.0;
/// Lines of one kind in a view at most.
const MOST_LINES: i64 = 80;
/// Straight pieces of a line.
const PIECES: usize = 64;
/// Samples of the view across and down.
const SAMPLES: usize = 16;

/// Points from the upper left corner of the view, down positive.
type Point = (f64, f64);

/// Lines may go beyond the view; labels lie in it.
pub struct Graticule {
    pub lines: Vec<Vec<Point>>,
    pub labels: Vec<GraticuleLabel>,
}

/// The degrees of one line, where it leaves the view.
#[derive(Clone, Debug, PartialEq)]
pub struct GraticuleLabel {
    pub at: Point,
    pub edge: ViewEdge,
    pub text: String,
}

/// The edge of a view that a label stands at; `Inside` for lines that leave it nowhere, as on a globe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewEdge {
    Left,
    Right,
    Top,
    Bottom,
    Inside,
}

/// A picture of a part of a map.
struct View {
    extent: MapRect,
    width: f64,
    height: f64,
}

impl View {
    fn map_from_point(&self, point: Point) -> (f64, f64) {
        (
            self.extent.min_x + point.0 / self.width * self.extent.width(),
            self.extent.max_y - point.1 / self.height * self.extent.height(),
        )
    }

    fn point_from_map(&self, map: (f64, f64)) -> Point {
        (
            (map.0 - self.extent.min_x) / self.extent.width() * self.width,
            (self.extent.max_y - map.1) / self.extent.height() * self.height,
        )
    }

    fn center(&self) -> (f64, f64) {
        self.map_from_point((self.width / 2.0, self.height / 2.0))
    }

    fn contains(&self, point: Point) -> bool {
        (0.0..=self.width).contains(&point.0) && (0.0..=self.height).contains(&point.1)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Meridian,
    Parallel,
}

/// Degrees a view shows; longitudes run on from `west` across the antimeridian.
#[derive(Clone, Copy, Debug)]
struct Span {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
    has_pole: bool,
}

impl Graticule {
    /// Of `extent` drawn `width` by `height` points large; empty for a view of no size.
    pub fn new(geometry: &MapGeometry, extent: MapRect, width: f64, height: f64) -> Self {
        let view = &View {
            extent,
            width,
            height,
        };
        let mut made = Self {
            lines: Vec::new(),
            labels: Vec::new(),
        };
        let Some(span) = Span::of(geometry, view) else {
            return made;
        };
        let diagonal = width.hypot(height);
        let per_line = APART / diagonal;
        let lat_step = step_for((span.north - span.south) * per_line);
        let mut lon_step = step_for((span.east - span.west) * per_line);
        if span.has_pole {
            lon_step = lon_step.max(15.0);
        }
        let on_screen = |lon: f64, lat: f64| {
            let (x, y) = geometry.map_from_lon_lat(lon, lat)?;
            let x = geometry
                .wrap()
                .map_or(x, |wrap| wrap.near(x, view.center().0));
            let (x, y) = view.point_from_map((x, y));
            (x.is_finite() && y.is_finite() && x.abs() < 1e6 && y.abs() < 1e6).then_some((x, y))
        };
        for lon in multiples(span.west, span.east, lon_step) {
            let at = |part: f64| on_screen(lon, span.south + (span.north - span.south) * part);
            made.add(Kind::Meridian, at, view, &lon_text(lon));
        }
        for lat in multiples(span.south, span.north, lat_step) {
            let at = |part: f64| on_screen(span.west + (span.east - span.west) * part, lat);
            made.add(Kind::Parallel, at, view, &lat_text(lat));
        }
        made
    }

    /// A line whose places are `at` 0 to 1 along it; broken where the map has none or is torn.
    fn add(&mut self, kind: Kind, at: impl Fn(f64) -> Option<Point>, view: &View, text: &str) {
        let part = |i: usize| i as f64 / PIECES as f64;
        let mut pieces = vec![Vec::new()];
        let mut before: Option<Point> = None;
        for i in 0..=PIECES {
            let now = at(part(i));
            // As far as the map goes between two samples.
            let end = |from: f64, to: f64| edge_of(&at, from, to);
            match (before, now) {
                // A jump across the whole view is a seam of the map.
                (Some(last), Some(point))
                    if (last.0 - point.0).hypot(last.1 - point.1) > view.width.max(view.height) =>
                {
                    pieces.push(Vec::new());
                }
                (Some(_), None) => {
                    if let Some(piece) = pieces.last_mut() {
                        piece.extend(end(part(i - 1), part(i)));
                    }
                    pieces.push(Vec::new());
                }
                (None, Some(_)) if i > 0 => {
                    pieces.push(end(part(i), part(i - 1)).into_iter().collect());
                }
                _ => {}
            }
            if let (Some(piece), Some(point)) = (pieces.last_mut(), now) {
                piece.push(point);
            }
            before = now;
        }
        let pieces: Vec<Vec<Point>> = pieces
            .into_iter()
            .filter(|piece| piece.len() > 1 && may_touch(piece, view))
            .collect();
        let place = label_place(kind, &pieces, view).or_else(|| inner_place(kind, &pieces, view));
        if let Some((at, edge)) = place {
            self.labels.push(GraticuleLabel {
                at,
                edge,
                text: text.to_owned(),
            });
        }
        self.lines.extend(pieces);
    }
}

impl Span {
    fn of(geometry: &MapGeometry, view: &View) -> Option<Self> {
        let at = |i: usize, j: usize| {
            let point = (
                view.width * i as f64 / SAMPLES as f64,
                view.height * j as f64 / SAMPLES as f64,
            );
            let (x, y) = view.map_from_point(point);
            geometry.lon_lat(x, y)
        };
        let found: Vec<(f64, f64)> = (0..=SAMPLES)
            .flat_map(|j| (0..=SAMPLES).map(move |i| (i, j)))
            .filter_map(|(i, j)| at(i, j))
            .collect();
        let middle = at(SAMPLES / 2, SAMPLES / 2).or(found.first().copied())?.0;
        let near = |lon: f64| lon + 360.0 * ((middle - lon) / 360.0).round();
        let mut span = Self {
            west: f64::INFINITY,
            east: f64::NEG_INFINITY,
            south: f64::INFINITY,
            north: f64::NEG_INFINITY,
            has_pole: false,
        };
        for (lon, lat) in &found {
            span.west = span.west.min(near(*lon));
            span.east = span.east.max(near(*lon));
            span.south = span.south.min(*lat);
            span.north = span.north.max(*lat);
        }
        // What lies between the samples.
        let (lon_margin, lat_margin) = (
            (span.east - span.west) / SAMPLES as f64,
            (span.north - span.south) / SAMPLES as f64,
        );
        span.west -= lon_margin;
        span.east += lon_margin;
        span.south = (span.south - lat_margin).max(-90.0);
        span.north = (span.north + lat_margin).min(90.0);
        let rect = view.extent;
        let units_per_point = rect.width() / view.width;
        for pole in [-90.0, 90.0] {
            // A map that draws the pole as a point has every longitude around it.
            let places: Option<Vec<(f64, f64)>> = [0.0, 120.0, 240.0]
                .into_iter()
                .map(|turn| geometry.map_from_lon_lat(middle + turn, pole))
                .collect();
            let is_point = places.is_some_and(|places| {
                let is_inside = |p: &(f64, f64)| {
                    (rect.min_x..=rect.max_x).contains(&p.0)
                        && (rect.min_y..=rect.max_y).contains(&p.1)
                };
                let first = places[0];
                is_inside(&first)
                    && places
                        .iter()
                        .all(|p| (p.0 - first.0).hypot(p.1 - first.1) < units_per_point)
            });
            if is_point {
                span.has_pole = true;
                if pole > 0.0 {
                    span.north = 90.0;
                } else {
                    span.south = -90.0;
                }
            }
        }
        if span.has_pole || span.east - span.west > 350.0 {
            // The world once, from the map's own edge where it has one.
            let edge = geometry.wrap().and_then(|wrap| {
                let inside = wrap.west + 1e-9 * wrap.period;
                geometry.lon_lat(inside, view.center().1)
            });
            span.west = edge.map_or(middle - 180.0, |edge| edge.0);
            span.east = span.west + 360.0;
        }
        (span.west < span.east && span.south < span.north).then_some(span)
    }
}

/// Steps in degrees that people count in.
fn step_for(least: f64) -> f64 {
    const MINUTE: f64 = 1.0 / 60.0;
    const SECOND: f64 = 1.0 / 3600.0;
    const STEPS: [f64; 27] = [
        0.1 * SECOND,
        0.2 * SECOND,
        0.5 * SECOND,
        SECOND,
        2.0 * SECOND,
        5.0 * SECOND,
        10.0 * SECOND,
        15.0 * SECOND,
        20.0 * SECOND,
        30.0 * SECOND,
        MINUTE,
        2.0 * MINUTE,
        5.0 * MINUTE,
        10.0 * MINUTE,
        15.0 * MINUTE,
        20.0 * MINUTE,
        30.0 * MINUTE,
        1.0,
        2.0,
        5.0,
        10.0,
        15.0,
        20.0,
        30.0,
        45.0,
        60.0,
        90.0,
    ];
    STEPS
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(90.0)
}

fn multiples(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (from / step).ceil() as i64;
    let last = (to / step).floor() as i64;
    (first..=last.min(first.saturating_add(MOST_LINES))).map(move |k| k as f64 * step)
}

/// Whether the box around a line meets the view.
fn may_touch(piece: &[Point], view: &View) -> bool {
    let range = |of: fn(&Point) -> f64| {
        let values = piece.iter().map(of);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let (across, down) = (range(|point| point.0), range(|point| point.1));
    across.0 <= view.width && across.1 >= 0.0 && down.0 <= view.height && down.1 >= 0.0
}

/// Where a line leaves the view: meridians are labelled below if they can be, parallels on the left.
fn label_place(kind: Kind, pieces: &[Vec<Point>], view: &View) -> Option<(Point, ViewEdge)> {
    let order = match kind {
        Kind::Meridian => [
            ViewEdge::Bottom,
            ViewEdge::Top,
            ViewEdge::Left,
            ViewEdge::Right,
        ],
        Kind::Parallel => [
            ViewEdge::Left,
            ViewEdge::Right,
            ViewEdge::Bottom,
            ViewEdge::Top,
        ],
    };
    for edge in order {
        let is_upright = matches!(edge, ViewEdge::Left | ViewEdge::Right);
        let line = match edge {
            ViewEdge::Right => view.width,
            ViewEdge::Bottom => view.height,
            _ => 0.0,
        };
        for pair in pieces.iter().flat_map(|piece| piece.windows(2)) {
            let &[a, b] = pair else { continue };
            let (from, to) = if is_upright { (a.0, b.0) } else { (a.1, b.1) };
            if (from - line) * (to - line) > 0.0 || from == to {
                continue;
            }
            let share = (line - from) / (to - from);
            let cross = if is_upright {
                (line, a.1 + (b.1 - a.1) * share)
            } else {
                (a.0 + (b.0 - a.0) * share, line)
            };
            if view.contains(cross) {
                return Some((cross, edge));
            }
        }
    }
    None
}

/// The last place between one that is on the map and one that is not.
fn edge_of(at: &impl Fn(f64) -> Option<Point>, mut inside: f64, mut outside: f64) -> Option<Point> {
    let mut edge = None;
    for _ in 0..12 {
        let middle = (inside + outside) / 2.0;
        match at(middle) {
            Some(point) => {
                edge = Some(point);
                inside = middle;
            }
            None => outside = middle,
        }
    }
    edge
}

/// For a line that stays inside the view, as on a globe: where it crosses the middle of the view.
fn inner_place(kind: Kind, pieces: &[Vec<Point>], view: &View) -> Option<(Point, ViewEdge)> {
    let off = |point: &Point| match kind {
        Kind::Meridian => (point.1 - view.height / 2.0).abs(),
        Kind::Parallel => (point.0 - view.width / 2.0).abs(),
    };
    let place = pieces
        .iter()
        .flatten()
        .filter(|point| view.contains(**point))
        .min_by(|a, b| off(a).total_cmp(&off(b)))?;
    Some((*place, ViewEdge::Inside))
}

fn lon_text(lon: f64) -> String {
    let lon = lon - 360.0 * (lon / 360.0).round();
    let side = match lon {
        lon if lon.abs() < 1e-9 || (lon.abs() - 180.0).abs() < 1e-9 => "",
        lon if lon < 0.0 => "W",
        _ => "E",
    };
    format!("{}{side}", degrees_text(lon.abs()))
}

fn lat_text(lat: f64) -> String {
    let side = match lat {
        lat if lat.abs() < 1e-9 => "",
        lat if lat < 0.0 => "S",
        _ => "N",
    };
    format!("{}{side}", degrees_text(lat.abs()))
}

/// `10°`, `10°30'`, `10°30'15"`, `10°30'15.5"`.
fn degrees_text(value: f64) -> String {
    let tenths = (value * 36_000.0).round() as u64;
    let (degrees, minutes, seconds) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    if seconds % 10 != 0 {
        format!("{degrees}°{minutes:02}'{:04.1}\"", seconds as f64 / 10.0)
    } else if seconds != 0 {
        format!("{degrees}°{minutes:02}'{:02}\"", seconds / 10)
    } else if minutes != 0 {
        format!("{degrees}°{minutes:02}'")
    } else {
        format!("{degrees}°")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Crs;

    fn graticule(code: &str, lon: f64, lat: f64, units_per_point: f64) -> Graticule {
        let geometry = MapGeometry::new(&Crs::parse(code).unwrap()).unwrap();
        let (x, y) = geometry.map_from_lon_lat(lon, lat).unwrap();
        let (half_x, half_y) = (400.0 * units_per_point, 300.0 * units_per_point);
        let extent = MapRect {
            min_x: x - half_x,
            min_y: y - half_y,
            max_x: x + half_x,
            max_y: y + half_y,
        };
        Graticule::new(&geometry, extent, 800.0, 600.0)
    }

    fn texts(graticule: &Graticule) -> Vec<&str> {
        graticule
            .labels
            .iter()
            .map(|label| label.text.as_str())
            .collect()
    }

    #[test]
    fn degrees_are_written_as_short_as_they_are_exact() {
        assert_eq!(lon_text(-8.5), "8°30'W");
        assert_eq!(lon_text(190.0), "170°W");
        assert_eq!(
            (lon_text(180.0), lon_text(-360.0)),
            ("180°".to_owned(), "0°".to_owned())
        );
        assert_eq!(lat_text(39.0 + 15.0 / 3600.0), "39°00'15\"N");
        assert_eq!(lat_text(-0.5 / 3600.0), "0°00'00.5\"S");
    }

    #[test]
    fn lines_keep_their_distance_at_every_scale() {
        for units in [1.0, 30.0, 1000.0] {
            let made = graticule("EPSG:32629", -8.5, 39.5, units);
            assert!(
                (4..40).contains(&made.lines.len()),
                "{units}: {} lines",
                made.lines.len()
            );
            assert!(made.labels.len() > 3, "{units}: {:?}", texts(&made));
        }
    }

    #[test]
    fn the_antimeridian_and_the_poles_have_their_lines() {
        let made = graticule("EPSG:4326", 179.7, 51.0, 0.01);
        let found = texts(&made);
        assert!(
            found.contains(&"180°") && found.iter().any(|text| text.ends_with('W')),
            "{found:?}"
        );
        let made = graticule("EPSG:3413", 0.0, 90.0, 5000.0);
        let found = texts(&made);
        let meridians = found
            .iter()
            .filter(|text| text.ends_with('W') || text.ends_with('E'))
            .count();
        assert!(meridians >= 6, "{found:?}");
        let made = graticule("EPSG:4326", 0.0, 0.0, 0.5);
        assert!(made.lines.iter().flatten().all(|point| point.0.is_finite()));
        assert!(made.lines.len() > 8, "{:?}", texts(&made));
    }
}
