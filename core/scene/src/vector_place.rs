//! Shapes on a map: moved into the map's coordinates once, long edges bent as the projection bends them, cut at the
//! antimeridian, and indexed for drawing and for clicks. Knows PROJ through `Reprojection`; knows nothing of colours.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rstar::{AABB, RTree, RTreeObject};

use crate::{
    Crs, MapRect, PartKind, Reprojection, SceneError, SceneResult, ShapeStore, VectorLayer,
    distance_to_segment, is_inside,
};

/// How far a straight edge may lie from its bent image: metres, or degrees on a geographic map.
const BEND_METRES: f64 = 0.1;
const BEND_DEGREES: f64 = 1e-6;
/// Halvings of one edge.
const MOST_HALVINGS: u32 = 10;
/// Edges shorter than this stay straight to within the above nearly everywhere, and are not tried.
const SHORT_METRES: f64 = 200.0;
const SHORT_DEGREES: f64 = 0.002;
/// Vertices between two looks at the wish to stop.
const STEP: usize = 4096;

/// Rectangle around one part.
#[derive(Clone, Copy, Debug)]
struct PartBox {
    low: [f64; 2],
    high: [f64; 2],
    part: u32,
}

impl RTreeObject for PartBox {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.low, self.high)
    }
}

/// A layer's shapes in the coordinates of one map.
pub struct PlacedVectors {
    /// Features are numbered as in the layer.
    pub shapes: Arc<ShapeStore>,
    index: RTree<PartBox>,
    extent: Option<MapRect>,
    /// Features that have no place in the map's system.
    pub unplaced: usize,
}

impl PlacedVectors {
    /// `None` when nothing has a place on this map.
    pub fn extent(&self) -> Option<MapRect> {
        self.extent
    }

    /// Extent of some features.
    pub fn extent_of(&self, features: impl IntoIterator<Item = usize>) -> Option<MapRect> {
        let corners = features
            .into_iter()
            .flat_map(|feature| self.shapes.feature(feature))
            .filter_map(|part| part.bounds())
            .flat_map(|(low, high)| [low, high])
            .map(|[x, y]| (x, y));
        MapRect::around(corners)
    }

    /// Parts whose rectangle touches `rect`, in file order.
    pub fn parts_in(&self, rect: &MapRect) -> Vec<u32> {
        let area = AABB::from_corners([rect.min_x, rect.min_y], [rect.max_x, rect.max_y]);
        let mut parts: Vec<u32> = self
            .index
            .locate_in_envelope_intersecting(area)
            .map(|found| found.part)
            .collect();
        parts.sort_unstable();
        parts
    }

    /// The `most` largest parts among them by their rectangles, largest first.
    pub fn largest_in(&self, rect: &MapRect, most: usize) -> Vec<u32> {
        let area = AABB::from_corners([rect.min_x, rect.min_y], [rect.max_x, rect.max_y]);
        let mut parts: Vec<(f64, u32)> = self
            .index
            .locate_in_envelope_intersecting(area)
            .map(|found| {
                let (low, high) = (found.low, found.high);
                ((high[0] - low[0]) * (high[1] - low[1]), found.part)
            })
            .collect();
        let order = |a: &(f64, u32), b: &(f64, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if parts.len() > most && most > 0 {
            parts.select_nth_unstable_by(most - 1, order);
            parts.truncate(most);
        }
        parts.sort_unstable_by(order);
        parts.into_iter().map(|(_, part)| part).collect()
    }

    /// Features under a map point, topmost first: polygons around it, lines and points within `reach` map units.
    pub fn features_at(&self, point: (f64, f64), reach: f64) -> Vec<usize> {
        let at = [point.0, point.1];
        let near = MapRect {
            min_x: at[0] - reach,
            min_y: at[1] - reach,
            max_x: at[0] + reach,
            max_y: at[1] + reach,
        };
        let mut found: Vec<usize> = self
            .parts_in(&near)
            .into_iter()
            .filter_map(|part| self.shapes.part(part as usize))
            .filter(|part| match part.kind {
                PartKind::Polygon => {
                    // What is smaller than the reach would hardly ever be hit.
                    let is_tiny = part.bounds().is_some_and(|(low, high)| {
                        high[0] - low[0] < reach && high[1] - low[1] < reach
                    });
                    is_tiny || is_inside(part.rings(), at)
                }
                PartKind::Line | PartKind::Point => part.rings().any(|line| match line {
                    [only] => (only[0] - at[0]).hypot(only[1] - at[1]) <= reach,
                    line => line
                        .windows(2)
                        .any(|pair| distance_to_segment(at, pair[0], pair[1]) <= reach),
                }),
            })
            .map(|part| part.feature)
            .collect();
        found.dedup();
        found.reverse();
        found
    }

    pub fn size_bytes(&self) -> usize {
        self.shapes.size_bytes() + self.index.size() * 2 * size_of::<PartBox>()
    }
}

/// Moves a layer's shapes into the map's system. Without a system on either side coordinates are taken as they are.
///
/// # Errors
/// PROJ knows no way between the two systems, or stopped.
pub fn place_vectors_blocking(
    layer: &VectorLayer,
    map_crs: Option<&Crs>,
    stop: &AtomicBool,
) -> SceneResult<PlacedVectors> {
    let mut unplaced = 0;
    let shapes = match (&layer.crs, map_crs) {
        (Some(from), Some(to)) if !from.same_as(to) => {
            let mut mover = Mover::new(from, to)?;
            let mut moved = ShapeStore::default();
            let mut since_look = 0;
            for feature in 0..layer.shapes.features() {
                let (parts, mut had_parts) = (moved.parts(), false);
                for part in layer.shapes.feature(feature) {
                    had_parts = true;
                    since_look += part.rings().map(<[_]>::len).sum::<usize>();
                    mover.add_part(part.kind, part.rings(), &mut moved);
                }
                moved.end_feature();
                unplaced += usize::from(had_parts && moved.parts() == parts);
                if since_look > STEP {
                    since_look = 0;
                    if stop.load(Ordering::Relaxed) {
                        return Err(SceneError::Cancelled);
                    }
                }
            }
            Arc::new(moved)
        }
        _ => layer.shapes.clone(),
    };
    let boxes = (0..shapes.parts())
        .filter_map(|part| {
            let (low, high) = shapes.part(part)?.bounds()?;
            Some(PartBox {
                low,
                high,
                part: part as u32,
            })
        })
        .collect();
    let extent = shapes.bounds().map(|(low, high)| MapRect {
        min_x: low[0],
        min_y: low[1],
        max_x: high[0],
        max_y: high[1],
    });
    Ok(PlacedVectors {
        shapes,
        index: RTree::bulk_load(boxes),
        extent,
        unplaced,
    })
}

/// Moves points, bends edges, and keeps rings whole where the map is cut.
struct Mover {
    way: Reprojection,
    tolerance: f64,
    short: f64,
    /// Width of a map that goes round the earth in x; such maps are cut at both ends.
    round: Option<f64>,
    /// y of the poles on such a map.
    poles: Option<(f64, f64)>,
}

impl Mover {
    fn new(from: &Crs, to: &Crs) -> SceneResult<Self> {
        let way = Reprojection::new(from, to)?;
        let (round, poles) = round_the_earth(to);
        Ok(Self {
            way,
            tolerance: if to.is_geographic {
                BEND_DEGREES
            } else {
                BEND_METRES
            },
            short: if from.is_geographic {
                SHORT_DEGREES
            } else {
                SHORT_METRES
            },
            round,
            poles,
        })
    }

    fn add_part<'a>(
        &mut self,
        kind: PartKind,
        rings: impl Iterator<Item = &'a [[f64; 2]]>,
        out: &mut ShapeStore,
    ) {
        let is_closed = kind == PartKind::Polygon;
        let mut moved: Vec<Vec<[f64; 2]>> = Vec::new();
        for ring in rings {
            let mut line = self.moved(ring, is_closed);
            // Holes follow their outline to the same side of the cut.
            if let (Some(round), Some(outline)) = (self.round, moved.first())
                && let (Some(start), Some(first)) = (outline.first(), line.first())
            {
                let shift = ((start[0] - first[0]) / round).round() * round;
                line.iter_mut().for_each(|point| point[0] += shift);
            }
            // A lost outline takes its holes with it.
            if line.is_empty() && moved.is_empty() {
                return;
            }
            moved.push(line);
        }
        if !out.add_part(kind, &moved) {
            return;
        }
        // What sticks out over one end of the map is shown at the other end as well.
        if let Some(round) = self.round {
            let outline = moved.first().map(Vec::as_slice).unwrap_or_default();
            let low = outline.iter().map(|p| p[0]).fold(f64::INFINITY, f64::min);
            let high = outline
                .iter()
                .map(|p| p[0])
                .fold(f64::NEG_INFINITY, f64::max);
            let slack = round * 1e-9;
            for (sticks_out, shift) in [
                (high > round / 2.0 + slack, -round),
                (low < -round / 2.0 - slack, round),
            ] {
                if sticks_out {
                    let copy: Vec<Vec<[f64; 2]>> = moved
                        .iter()
                        .map(|line| line.iter().map(|[x, y]| [x + shift, *y]).collect())
                        .collect();
                    out.add_part(kind, &copy);
                }
            }
        }
    }

    /// One ring or line in map coordinates; points without a place are left out.
    fn moved(&self, ring: &[[f64; 2]], is_closed: bool) -> Vec<[f64; 2]> {
        let mut line: Vec<[f64; 2]> = Vec::with_capacity(ring.len());
        let mut before: Option<([f64; 2], [f64; 2])> = None;
        let close = ring.first().filter(|_| is_closed && ring.len() > 2);
        for (index, source) in ring.iter().chain(close).enumerate() {
            let Some(image) = self.point(*source) else {
                continue;
            };
            let image = match before {
                None => image,
                Some((from_source, from_image)) => {
                    self.add_edge(from_source, *source, from_image, image, 0, &mut line)
                }
            };
            before = Some((*source, image));
            if index < ring.len() {
                line.push(image);
            } else {
                self.close_round(&mut line, image);
            }
        }
        line
    }

    /// A ring around a pole does not meet itself on a map that goes round: it is led along the pole's edge.
    fn close_round(&self, line: &mut Vec<[f64; 2]>, end: [f64; 2]) {
        let (Some(round), Some((south, north)), Some(start)) =
            (self.round, self.poles, line.first().copied())
        else {
            return;
        };
        if (end[0] - start[0]).abs() < round / 2.0 {
            return;
        }
        let pole = if start[1] >= 0.0 { north } else { south };
        line.extend([end, [end[0], pole], [start[0], pole]]);
    }

    fn point(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        self.way.point(x, y).map(|(x, y)| [x, y])
    }

    /// The turn of `image` nearest to `to`.
    fn nearest_turn(&self, image: [f64; 2], to: f64) -> [f64; 2] {
        match self.round {
            Some(round) => [
                image[0] + ((to - image[0]) / round).round() * round,
                image[1],
            ],
            None => image,
        }
    }

    /// Adds the points between two vertices that the bend of their edge needs; returns where the edge ends, which on a map
    /// that goes round may be a turn away from `to_image`.
    fn add_edge(
        &self,
        from: [f64; 2],
        to: [f64; 2],
        from_image: [f64; 2],
        to_image: [f64; 2],
        halvings: u32,
        line: &mut Vec<[f64; 2]>,
    ) -> [f64; 2] {
        let end = self.nearest_turn(to_image, from_image[0]);
        let is_jump = self
            .round
            .is_some_and(|round| (to_image[0] - from_image[0]).abs() > round / 2.0);
        let length = (to[0] - from[0]).abs().max((to[1] - from[1]).abs());
        if halvings >= MOST_HALVINGS || (length < self.short && !is_jump) {
            return end;
        }
        let middle = [(from[0] + to[0]) / 2.0, (from[1] + to[1]) / 2.0];
        let Some(image) = self.point(middle) else {
            return end;
        };
        // An edge right across the map has its middle where it should be; one over the cut has not.
        let end = match self.round {
            Some(round)
                if is_jump
                    && (image[0] - (from_image[0] + to_image[0]) / 2.0).abs() < round / 4.0 =>
            {
                to_image
            }
            _ => end,
        };
        let straight = [
            (from_image[0] + end[0]) / 2.0,
            (from_image[1] + end[1]) / 2.0,
        ];
        let image = self.nearest_turn(image, straight[0]);
        if (image[0] - straight[0]).hypot(image[1] - straight[1]) <= self.tolerance {
            return end;
        }
        let image = self.add_edge(from, middle, from_image, image, halvings + 1, line);
        line.push(image);
        self.add_edge(middle, to, image, end, halvings + 1, line)
    }
}

/// Whether a map goes round the earth in x, like geographic and cylindrical ones, and how wide it is; with the poles' y.
fn round_the_earth(map: &Crs) -> (Option<f64>, Option<(f64, f64)>) {
    if map.is_geographic {
        return (Some(360.0), Some((-90.0, 90.0)));
    }
    let width = || -> Option<f64> {
        let way = Reprojection::new(&Crs::wgs84().ok()?, map).ok()?;
        let width_at = |lat: f64| Some(way.point(180.0, lat)?.0 - way.point(-180.0, lat)?.0);
        let (equator, north) = (width_at(0.0)?, width_at(50.0)?);
        let is_symmetric = (way.point(180.0, 0.0)?.0 + way.point(-180.0, 0.0)?.0).abs() < 1.0;
        let is_round = equator > 1e7 && (equator - north).abs() < 1.0 && is_symmetric;
        is_round.then_some(equator)
    };
    match width() {
        Some(width) => (Some(width), Some((-width / 2.0, width / 2.0))),
        None => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crs(code: u32) -> Crs {
        Crs::parse(&format!("EPSG:{code}")).unwrap()
    }

    fn layer(kind: PartKind, rings: &[Vec<[f64; 2]>], code: u32) -> VectorLayer {
        let mut shapes = ShapeStore::default();
        shapes.add_part(kind, rings);
        shapes.end_feature();
        VectorLayer {
            path: "made.gpkg".into(),
            table: "made".to_owned(),
            driver: "GPKG".to_owned(),
            crs: Some(crs(code)),
            geometry: "Unknown".to_owned(),
            shapes: Arc::new(shapes),
            ids: vec![1],
            columns: Vec::new(),
            empty: 0,
            broken: 0,
            notes: Vec::new(),
        }
    }

    fn placed(layer: &VectorLayer, code: u32) -> PlacedVectors {
        place_vectors_blocking(layer, Some(&crs(code)), &AtomicBool::new(false)).unwrap()
    }

    /// Distance of the drawn line from where PROJ puts the points of the source's edge.
    #[test]
    fn long_edges_bend_with_the_projection() {
        let (a, b) = ([5.0, 60.0], [15.0, 60.0]);
        let placed = placed(&layer(PartKind::Line, &[vec![a, b]], 4326), 32632);
        let line = placed.shapes.part(0).unwrap().rings().next().unwrap();
        assert!(line.len() > 100, "{} points", line.len());
        let way = Reprojection::new(&crs(4326), &crs(32632)).unwrap();
        for step in 0..=1000 {
            let lon = a[0] + (b[0] - a[0]) * f64::from(step) / 1000.0;
            let (x, y) = way.point(lon, 60.0).unwrap();
            let off = line
                .windows(2)
                .map(|pair| distance_to_segment([x, y], pair[0], pair[1]))
                .fold(f64::INFINITY, f64::min);
            assert!(off < 0.2, "{off} m at {lon}");
        }
    }

    #[test]
    fn short_edges_get_no_more_vertices() {
        let ring = vec![[13.0, 52.0], [13.001, 52.0], [13.001, 52.001]];
        let placed = placed(&layer(PartKind::Polygon, &[ring], 4326), 32633);
        assert_eq!(placed.shapes.vertices(), 3);
    }

    /// A square over 180 degrees, given in UTM zone 60, is one square at each end of a geographic map.
    #[test]
    fn shapes_over_the_antimeridian_are_shown_at_both_ends() {
        let way = Reprojection::new(&crs(4326), &crs(32660)).unwrap();
        let corner = |lon, lat| {
            let (x, y) = way.point(lon, lat).unwrap();
            [x, y]
        };
        let square = vec![
            corner(179.5, 10.0),
            corner(-179.5, 10.0),
            corner(-179.5, 11.0),
            corner(179.5, 11.0),
        ];
        for (code, scale) in [(4326, 1.0), (3857, 20_037_508.342_789_244 / 180.0)] {
            let placed = placed(
                &layer(PartKind::Polygon, std::slice::from_ref(&square), 32660),
                code,
            );
            assert_eq!(placed.shapes.parts(), 2, "EPSG:{code}");
            let y = if code == 4326 { 10.5 } else { 1_176_000.0 };
            for (lon, inside) in [
                (179.7, true),
                (-179.7, true),
                (179.3, false),
                (-179.3, false),
                (0.0, false),
            ] {
                let found = placed.features_at((lon * scale, y), 1e-6);
                assert_eq!(!found.is_empty(), inside, "{lon} in EPSG:{code}");
            }
        }
    }

    #[test]
    fn a_box_around_the_world_stays_one() {
        let world = vec![
            [-180.0, -60.0],
            [180.0, -60.0],
            [180.0, 60.0],
            [-180.0, 60.0],
        ];
        let placed = placed(&layer(PartKind::Polygon, &[world], 4326), 3857);
        assert_eq!(placed.shapes.parts(), 1);
        assert_eq!(placed.features_at((1e6, 1e6), 1.0), [0]);
    }

    #[test]
    fn a_ring_around_the_pole_covers_it() {
        let ring: Vec<[f64; 2]> = (0..36)
            .map(|step| {
                let angle = f64::from(step) * 10.0_f64.to_radians();
                [2e6 * angle.cos(), 2e6 * angle.sin()]
            })
            .collect();
        let placed = placed(&layer(PartKind::Polygon, &[ring], 3995), 4326);
        for lon in [-170.0, -30.0, 10.0, 179.0] {
            assert_eq!(placed.features_at((lon, 85.0), 1e-9), [0], "{lon}");
            assert!(placed.features_at((lon, 60.0), 1e-9).is_empty(), "{lon}");
        }
    }

    #[test]
    fn clicks_find_lines_points_and_holes() {
        let outline = vec![[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]];
        let hole = vec![[4.0, 4.0], [6.0, 4.0], [6.0, 6.0], [4.0, 6.0]];
        let polygon = placed(&layer(PartKind::Polygon, &[outline, hole], 32633), 32633);
        assert_eq!(polygon.features_at((2.0, 2.0), 0.1), [0]);
        assert!(polygon.features_at((5.0, 5.0), 0.1).is_empty());
        let line = placed(
            &layer(PartKind::Line, &[vec![[0.0, 0.0], [10.0, 10.0]]], 32633),
            32633,
        );
        assert_eq!(line.features_at((5.0, 5.5), 0.5), [0]);
        assert!(line.features_at((5.0, 6.0), 0.5).is_empty());
        let point = placed(&layer(PartKind::Point, &[vec![[3.0, 3.0]]], 32633), 32633);
        assert_eq!(point.features_at((3.3, 3.0), 0.5), [0]);
    }
}
