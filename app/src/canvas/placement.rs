//! How the pixels of a tile become a mesh on the map: triangles fine enough that straight lines between their corners
//! stay true, torn where the map is torn, and repeated where the map repeats. Knows nothing of textures or windows.

use std::collections::{HashMap, HashSet, VecDeque};

use terroir_scene::{Crs, Grid, MapRect, Place, SceneResult};

use super::tiles::PixelRect;

/// Lattice steps along a tile's side.
const FULL: u16 = 512;
/// Cells of the last depth are two lattice steps, one texel of a tile.
const DEEPEST: u8 = 8;
/// Where a tile looks irregular, its cells are split at least so often.
const DEEP: u8 = 3;
/// Points one tile may ask PROJ for.
const MOST_POINTS: usize = 20_000;
/// Part of a raster pixel that is too small to matter, however far one zooms in.
const FINEST_PIXELS: f64 = 2e-4;

pub struct Placement {
    place: Place,
}

/// A tile on the map. Corners carry their place in the tile (0..1 across and down) and on the map.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    pub corners: Vec<Corner>,
    pub triangles: Vec<[u32; 3]>,
    pub bounds: Option<MapRect>,
    /// Where the mesh is drawn: as it is, and moved in x by the map's period.
    shifts: Vec<f64>,
    /// Some pixels have no place on the map.
    has_gaps: bool,
    /// Largest error, map units; what was asked for may be less.
    tolerance: f64,
    is_exact: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corner {
    pub across: f64,
    pub down: f64,
    pub map: (f64, f64),
}

impl Placement {
    /// # Errors
    /// PROJ knows no way between the two reference systems.
    pub fn new(grid: &Grid, map_crs: Option<&Crs>) -> SceneResult<Self> {
        Ok(Self {
            place: Place::new(grid, map_crs)?,
        })
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn pixel_from_map(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.place.pixel_from_map(x, y)
    }

    /// A mesh whose error stays below `tolerance` map units wherever the projection is defined.
    pub fn mesh(&self, pixels: PixelRect, tolerance: f64) -> Mesh {
        let builder = Builder {
            place: &self.place,
            pixels,
            tolerance,
            points: HashMap::new(),
            leaves: Vec::new(),
            has_gaps: false,
        };
        if self.place.is_affine() {
            builder.straight()
        } else {
            builder.bent()
        }
    }
}

type Point = Option<(f64, f64)>;

struct Builder<'a> {
    place: &'a Place,
    pixels: PixelRect,
    tolerance: f64,
    /// Asked for so far, by lattice place.
    points: HashMap<(u16, u16), Point>,
    leaves: Vec<Cell>,
    has_gaps: bool,
}

/// A rectangle of the lattice, halved `across` and `down` times.
#[derive(Clone, Copy, Debug)]
struct Cell {
    i: u16,
    j: u16,
    across: u8,
    down: u8,
}

impl Cell {
    const WHOLE: Self = Self {
        i: 0,
        j: 0,
        across: 0,
        down: 0,
    };

    fn right(self) -> u16 {
        self.i + (FULL >> self.across)
    }

    fn bottom(self) -> u16 {
        self.j + (FULL >> self.down)
    }

    fn middle(self) -> (u16, u16) {
        (
            self.i + (FULL >> self.across) / 2,
            self.j + (FULL >> self.down) / 2,
        )
    }

    /// Two or four parts.
    fn split(self, across: bool, down: bool) -> Vec<Self> {
        let (i, j) = self.middle();
        let columns = if across {
            vec![self.i, i]
        } else {
            vec![self.i]
        };
        let rows = if down { vec![self.j, j] } else { vec![self.j] };
        rows.iter()
            .flat_map(|j| columns.iter().map(move |i| (*i, *j)))
            .map(|(i, j)| Self {
                i,
                j,
                across: self.across + u8::from(across),
                down: self.down + u8::from(down),
            })
            .collect()
    }
}

/// Distances of a cell's middles from the straight lines drawn instead, and the cell's size; map units.
#[derive(Clone, Copy, Debug)]
struct Errors {
    across: f64,
    down: f64,
    center: f64,
    diameter: f64,
}

impl Errors {
    fn largest(self) -> f64 {
        self.across.max(self.down).max(self.center)
    }

    /// A jump rather than a bend: the middle of a line lies at one of its ends.
    fn is_torn(self, tolerance: f64) -> bool {
        self.largest() > tolerance.max(0.2 * self.diameter)
    }
}

impl Builder<'_> {
    fn point(&mut self, i: u16, j: u16) -> Point {
        let (pixels, place) = (self.pixels, self.place);
        *self.points.entry((i, j)).or_insert_with(|| {
            let at = |step: u16, from: usize, to: usize| {
                from as f64 + (to - from) as f64 * f64::from(step) / f64::from(FULL)
            };
            place.map_from_pixel(
                at(i, pixels.left, pixels.right),
                at(j, pixels.top, pixels.bottom),
            )
        })
    }

    /// One cell is enough for an affine place.
    fn straight(mut self) -> Mesh {
        self.leaves.push(Cell::WHOLE);
        self.finish(true)
    }

    fn bent(mut self) -> Mesh {
        let corners: Vec<(f64, f64)> = self.corners(Cell::WHOLE).into_iter().flatten().collect();
        if let [a, .., d] = corners[..] {
            let across = (self.pixels.right - self.pixels.left) as f64;
            let down = (self.pixels.bottom - self.pixels.top) as f64;
            let pixel = (d.0 - a.0).hypot(d.1 - a.1) / across.hypot(down).max(1.0);
            self.tolerance = self.tolerance.max(FINEST_PIXELS * pixel);
        }
        // Large or broken tiles could look smooth by accident at a few points.
        let is_regular = self
            .errors(Cell::WHOLE)
            .is_some_and(|errors| errors.largest() < 16.0 * self.tolerance);
        self.refine(if is_regular { 1 } else { DEEP });
        self.finish(false)
    }

    fn corners(&mut self, cell: Cell) -> [Point; 4] {
        let (right, bottom) = (cell.right(), cell.bottom());
        [
            self.point(cell.i, cell.j),
            self.point(right, cell.j),
            self.point(cell.i, bottom),
            self.point(right, bottom),
        ]
    }

    /// Upper edge, lower edge, left edge, right edge, center.
    fn middles(&mut self, cell: Cell) -> [Point; 5] {
        let (right, bottom) = (cell.right(), cell.bottom());
        let (i, j) = cell.middle();
        [
            self.point(i, cell.j),
            self.point(i, bottom),
            self.point(cell.i, j),
            self.point(right, j),
            self.point(i, j),
        ]
    }

    /// The copy of a point that belongs to the cell of `anchor`.
    fn beside(&self, point: (f64, f64), anchor: (f64, f64)) -> (f64, f64) {
        match self.place.wrap() {
            Some(wrap) => (wrap.near(point.0, anchor.0), point.1),
            None => point,
        }
    }

    /// `None` when a point of the cell has no place.
    fn errors(&mut self, cell: Cell) -> Option<Errors> {
        let [a, b, c, d] = self.corners(cell);
        let anchor = a?;
        let middles = self.middles(cell);
        let near = |point: Point| point.map(|point| self.beside(point, anchor));
        let (b, c, d) = (near(b)?, near(c)?, near(d)?);
        let off = |middle: Point, from: (f64, f64), to: (f64, f64)| {
            let (x, y) = near(middle)?;
            Some((x - (from.0 + to.0) / 2.0).hypot(y - (from.1 + to.1) / 2.0))
        };
        let [upper, lower, left, right, center] = middles;
        Some(Errors {
            across: off(upper, anchor, b)?.max(off(lower, c, d)?),
            down: off(left, anchor, c)?.max(off(right, b, d)?),
            // The two triangles of a cell meet in the line from its upper right to its lower left corner.
            center: off(center, b, c)?,
            diameter: (d.0 - anchor.0)
                .hypot(d.1 - anchor.1)
                .max((c.0 - b.0).hypot(c.1 - b.1)),
        })
    }

    /// Splits cells until their straight lines are true, the coarse ones first, so that a tile that would need too many
    /// is at least evenly good. Cells are split only in the direction they bend in.
    fn refine(&mut self, first: u8) {
        let mut open = VecDeque::from([Cell::WHOLE]);
        while let Some(cell) = open.pop_front() {
            let errors = self.errors(cell);
            let is_first = cell.across >= first && cell.down >= first;
            if is_first {
                if errors.is_some_and(|errors| errors.largest() <= self.tolerance) {
                    self.leaves.push(cell);
                    continue;
                }
                let (corners, middles) = (self.corners(cell), self.middles(cell));
                if corners.iter().chain(&middles).all(Option::is_none) {
                    self.has_gaps = true;
                    continue;
                }
            }
            let (mut across, mut down) = (true, true);
            if let Some(errors) = errors.filter(|_| is_first) {
                across = errors.across * 4.0 >= errors.down;
                down = errors.down * 4.0 >= errors.across;
            }
            across &= cell.across < DEEPEST;
            down &= cell.down < DEEPEST;
            if (across || down) && self.points.len() < MOST_POINTS {
                open.extend(cell.split(across, down));
            } else if errors.is_some_and(|errors| !errors.is_torn(self.tolerance)) {
                self.leaves.push(cell);
            } else {
                // A seam of the map, or the edge of what has a place on it.
                self.has_gaps = true;
            }
        }
    }

    /// Triangles over all cells. Cells with smaller neighbours take over their corners, so that no crack opens.
    fn finish(mut self, is_exact: bool) -> Mesh {
        let leaves = std::mem::take(&mut self.leaves);
        let used: HashSet<(u16, u16)> = leaves
            .iter()
            .flat_map(|cell| {
                let (right, bottom) = (cell.right(), cell.bottom());
                [
                    (cell.i, cell.j),
                    (right, cell.j),
                    (cell.i, bottom),
                    (right, bottom),
                ]
            })
            .collect();
        let mut mesh = Mesh {
            has_gaps: self.has_gaps,
            tolerance: self.tolerance,
            is_exact,
            ..Mesh::default()
        };
        let mut known: HashMap<(u16, u16, i64), u32> = HashMap::new();
        for cell in leaves {
            self.add_leaf(cell, &used, &mut known, &mut mesh, is_exact);
        }
        mesh.bounds = MapRect::around(mesh.corners.iter().map(|corner| corner.map));
        mesh.shifts = self.shifts(mesh.bounds);
        mesh
    }

    fn add_leaf(
        &mut self,
        cell: Cell,
        used: &HashSet<(u16, u16)>,
        known: &mut HashMap<(u16, u16, i64), u32>,
        mesh: &mut Mesh,
        is_exact: bool,
    ) {
        let (i, j, i2, j2) = (cell.i, cell.j, cell.right(), cell.bottom());
        let Some(anchor) = self.point(i, j) else {
            return;
        };
        let middle = cell.middle();
        let center = self.point(middle.0, middle.1).unwrap_or(anchor);
        // Where the map repeats, a cell is drawn whole, beside the rest of the raster.
        let wrap = self.place.wrap().filter(|_| !is_exact);
        let turn = wrap.map_or(0.0, |wrap| {
            let x = wrap.near(center.0, anchor.0);
            wrap.near(x, self.place.reference_x()) - x
        });
        let mut index = |builder: &mut Self, at: (u16, u16)| -> Option<u32> {
            let point = builder.point(at.0, at.1)?;
            let x = match wrap {
                Some(wrap) => wrap.near(point.0, anchor.0) + turn,
                None => point.0,
            };
            let turns = wrap.map_or(0, |wrap| ((x - point.0) / wrap.period).round() as i64);
            Some(*known.entry((at.0, at.1, turns)).or_insert_with(|| {
                mesh.corners.push(Corner {
                    across: f64::from(at.0) / f64::from(FULL),
                    down: f64::from(at.1) / f64::from(FULL),
                    map: (x, point.1),
                });
                (mesh.corners.len() - 1) as u32
            }))
        };
        let mut ring = Vec::new();
        for (from, to) in [
            ((i, j), (i2, j)),
            ((i2, j), (i2, j2)),
            ((i2, j2), (i, j2)),
            ((i, j2), (i, j)),
        ] {
            ring.push(from);
            add_between(from, to, used, &mut ring);
        }
        let indices: Option<Vec<u32>> = ring.iter().map(|at| index(self, *at)).collect();
        let Some(indices) = indices else {
            return;
        };
        if let [a, b, d, c] = indices[..] {
            mesh.triangles.extend([[a, b, c], [c, b, d]]);
            return;
        }
        let Some(middle) = index(self, middle) else {
            return;
        };
        for (k, from) in indices.iter().enumerate() {
            let to = indices[(k + 1) % indices.len()];
            mesh.triangles.push([middle, *from, to]);
        }
    }

    /// A raster across the edge of the world is also drawn at the other edge.
    fn shifts(&self, bounds: Option<MapRect>) -> Vec<f64> {
        let mut shifts = vec![0.0];
        if let (Some(wrap), Some(bounds)) = (self.place.wrap(), bounds) {
            let least = 1e-6 * wrap.period;
            shifts.extend([-wrap.period, wrap.period].into_iter().filter(|shift| {
                bounds.max_x + shift > wrap.west + least
                    && bounds.min_x + shift < wrap.west + wrap.period - least
            }));
        }
        shifts
    }
}

/// Lattice places in use between the ends of an edge, in order.
fn add_between(
    from: (u16, u16),
    to: (u16, u16),
    used: &HashSet<(u16, u16)>,
    ring: &mut Vec<(u16, u16)>,
) {
    let middle = (
        (u32::from(from.0) + u32::from(to.0)) / 2,
        (u32::from(from.1) + u32::from(to.1)) / 2,
    );
    let middle = (middle.0 as u16, middle.1 as u16);
    if middle != from && middle != to && used.contains(&middle) {
        add_between(from, middle, used, ring);
        ring.push(middle);
        add_between(middle, to, used, ring);
    }
}

impl Mesh {
    /// Good for this tolerance, and not much finer than needed.
    pub fn is_enough_for(&self, tolerance: f64) -> bool {
        self.is_exact || (self.tolerance <= tolerance && self.tolerance * 64.0 >= tolerance)
    }

    /// Where the mesh touches a view: shifts in x to draw it with.
    pub fn shifts_in<'a>(&'a self, view: &'a MapRect) -> impl Iterator<Item = f64> + 'a {
        let bounds = self.bounds.map(|b| {
            // What has no place at this mesh's coarseness may have one at a finer one.
            let margin = if self.has_gaps { 0.1 } else { 0.0 };
            let (x, y) = (margin * b.width(), margin * b.height());
            MapRect {
                min_x: b.min_x - x,
                min_y: b.min_y - y,
                max_x: b.max_x + x,
                max_y: b.max_y + y,
            }
        });
        self.shifts.iter().copied().filter(move |shift| {
            bounds.is_some_and(|b| {
                b.min_x + shift <= view.max_x
                    && b.max_x + shift >= view.min_x
                    && b.min_y <= view.max_y
                    && b.max_y >= view.min_y
            })
        })
    }

    pub fn touches(&self, view: &MapRect) -> bool {
        self.shifts_in(view).next().is_some()
    }

    /// Distance from a map point to the nearest copy's bounds.
    pub fn distance(&self, from: (f64, f64)) -> f64 {
        let Some(bounds) = self.bounds else {
            return f64::INFINITY;
        };
        self.shifts
            .iter()
            .map(|shift| {
                let x = (from.0 - shift).clamp(bounds.min_x, bounds.max_x) - (from.0 - shift);
                let y = from.1.clamp(bounds.min_y, bounds.max_y) - from.1;
                x.hypot(y)
            })
            .fold(f64::INFINITY, f64::min)
    }

    /// Map units across one pixel of a tile of `tile_pixels` where it is in view, the root of its area.
    pub fn pixel_size(&self, view: &MapRect, tile_pixels: f64) -> Option<f64> {
        let (mut map_area, mut tile_area) = (0.0, 0.0);
        for shift in self.shifts_in(view) {
            for triangle in &self.triangles {
                let [Some(a), Some(b), Some(c)] =
                    triangle.map(|index| self.corners.get(index as usize))
                else {
                    continue;
                };
                let bounds = MapRect::around([a.map, b.map, c.map]);
                let is_seen = bounds.is_some_and(|r| {
                    r.min_x + shift <= view.max_x
                        && r.max_x + shift >= view.min_x
                        && r.min_y <= view.max_y
                        && r.max_y >= view.min_y
                });
                if is_seen {
                    map_area += area(a.map, b.map, c.map);
                    tile_area += area((a.across, a.down), (b.across, b.down), (c.across, c.down));
                }
            }
        }
        let size = (map_area / (tile_area * tile_pixels)).sqrt();
        (size.is_finite() && size > 0.0).then_some(size)
    }
}

fn area(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> f64 {
    ((b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)).abs() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use terroir_scene::{GeoTransform, Georef};

    fn placement(size: (usize, usize), t: [f64; 6], layer: &str, map: &str) -> Placement {
        let grid = Grid {
            width: size.0,
            height: size.1,
            georef: Georef {
                transform: Some(GeoTransform(t)),
                crs: Some(Crs::parse(layer).unwrap()),
                ..Georef::default()
            },
        };
        Placement::new(&grid, Some(&Crs::parse(map).unwrap())).unwrap()
    }

    fn whole(width: usize, height: usize) -> PixelRect {
        PixelRect {
            left: 0,
            top: 0,
            right: width,
            bottom: height,
        }
    }

    const WORLD: [f64; 6] = [-180.0, 0.5, 0.0, 90.0, 0.0, -0.5];

    /// Largest distance between the mesh and PROJ over points inside its triangles, map units.
    fn worst(placement: &Placement, mesh: &Mesh, size: (usize, usize)) -> f64 {
        let place = placement.place();
        let mut worst = 0.0_f64;
        for triangle in &mesh.triangles {
            let corners = triangle.map(|index| mesh.corners[index as usize]);
            for weights in [
                [0.34, 0.33, 0.33],
                [0.5, 0.5, 0.0],
                [0.1, 0.2, 0.7],
                [0.0, 0.6, 0.4],
            ] {
                let mix = |value: fn(&Corner) -> f64| -> f64 {
                    corners
                        .iter()
                        .zip(weights)
                        .map(|(corner, weight)| weight * value(corner))
                        .sum()
                };
                let (col, row) = (
                    mix(|c| c.across) * size.0 as f64,
                    mix(|c| c.down) * size.1 as f64,
                );
                let Some(exact) = place.map_from_pixel(col, row) else {
                    continue;
                };
                let x = place
                    .wrap()
                    .map_or(exact.0, |wrap| wrap.near(exact.0, mix(|c| c.map.0)));
                worst = worst.max((x - mix(|c| c.map.0)).hypot(exact.1 - mix(|c| c.map.1)));
            }
        }
        worst
    }

    /// Part of the tile that the triangles cover.
    fn cover(mesh: &Mesh) -> f64 {
        mesh.triangles
            .iter()
            .map(|triangle| {
                let [a, b, c] = triangle.map(|index| {
                    let corner = mesh.corners[index as usize];
                    (corner.across, corner.down)
                });
                area(a, b, c)
            })
            .sum()
    }

    #[test]
    fn one_cell_is_enough_without_reprojection() {
        let same = placement(
            (256, 256),
            [10.0, 1.2, 1.6, 50.0, -1.6, 1.2],
            "EPSG:32629",
            "EPSG:32629",
        );
        let mesh = same.mesh(whole(256, 256), 1e-9);
        assert_eq!((mesh.corners.len(), mesh.triangles.len()), (4, 2));
        assert!(mesh.is_enough_for(1e-12));
    }

    #[test]
    fn meshes_follow_proj_without_cracks() {
        let utm = [500_000.0, 200.0, 0.0, 7_600_000.0, 0.0, -200.0];
        for (t, layer, map) in [
            (utm, "EPSG:32629", "EPSG:4326"),
            (utm, "EPSG:32629", "EPSG:3857"),
            (utm, "EPSG:32629", "EPSG:3413"),
            (
                [-12.0, 0.004, 0.0, 70.0, 0.0, -0.004],
                "EPSG:4326",
                "EPSG:32629",
            ),
            (
                [-12.0, 0.004, 0.0, 89.9, 0.0, -0.004],
                "EPSG:4326",
                "EPSG:3413",
            ),
        ] {
            let placement = placement((2048, 2048), t, layer, map);
            let pixel = placement.place().pixel_size_near((0.0, 0.0)).unwrap();
            let tolerance = 0.25 * 8.0 * pixel;
            let mesh = placement.mesh(whole(2048, 2048), tolerance);
            let error = worst(&placement, &mesh, (2048, 2048));
            assert!(error <= 1.05 * tolerance, "{map}: {error} of {tolerance}");
            assert!((cover(&mesh) - 1.0).abs() < 1e-9, "{map}: {}", cover(&mesh));
            assert!(
                mesh.triangles.len() < 3000,
                "{map}: {}",
                mesh.triangles.len()
            );
        }
    }

    #[test]
    fn scenes_across_the_antimeridian_are_one_piece_drawn_at_both_edges() {
        let scene = [570_585.0, 100.0, 0.0, 5_847_615.0, 0.0, -100.0];
        let placement = placement((2325, 2355), scene, "EPSG:32660", "EPSG:4326");
        let mesh = placement.mesh(whole(2325, 2355), 1e-4);
        let bounds = mesh.bounds.unwrap();
        assert!(bounds.min_x > 177.9 && bounds.max_x < 181.6, "{bounds:?}");
        assert_eq!(mesh.shifts, [0.0, -360.0]);
        assert!((cover(&mesh) - 1.0).abs() < 1e-9);
        let west = MapRect {
            min_x: -180.0,
            min_y: 51.0,
            max_x: -179.0,
            max_y: 52.0,
        };
        assert_eq!(mesh.shifts_in(&west).collect::<Vec<_>>(), [-360.0]);
    }

    #[test]
    fn the_world_is_torn_at_the_seam_of_the_map_and_nowhere_else() {
        // (map, part of the world that must be there)
        for (map, least) in [
            ("EPSG:3857", 0.98),
            ("ESRI:54030", 0.99),
            ("ESRI:54009", 0.99),
            ("EPSG:3832", 0.97),
            ("EPSG:6933", 0.99),
        ] {
            let placement = placement((720, 360), WORLD, "EPSG:4326", map);
            let mesh = placement.mesh(whole(720, 360), 20_000.0);
            assert!(cover(&mesh) > least, "{map}: {}", cover(&mesh));
            let longest = mesh
                .triangles
                .iter()
                .map(|triangle| {
                    let x = triangle.map(|index| mesh.corners[index as usize].map.0);
                    x.into_iter().fold(f64::MIN, f64::max) - x.into_iter().fold(f64::MAX, f64::min)
                })
                .fold(0.0, f64::max);
            assert!(longest < 1.2e7, "{map}: a triangle of {longest} m");
        }
    }

    #[test]
    fn poles_and_limbs_are_filled() {
        // North half of the world round the pole.
        let north = placement((720, 180), WORLD, "EPSG:4326", "EPSG:3413");
        let mesh = north.mesh(whole(720, 180), 5_000.0);
        assert!(cover(&mesh) > 0.999, "{}", cover(&mesh));
        assert!(worst(&north, &mesh, (720, 180)) <= 40_000.0);
        // Geostationary: the disk is about three quarters of the picture.
        let disk = placement(
            (542, 542),
            [-5_434_895.0, 20_055.0, 0.0, 5_434_895.0, 0.0, -20_055.0],
            "+proj=geos +lon_0=-75 +h=35786023 +x_0=0 +y_0=0 +ellps=GRS80 +units=m +sweep=x",
            "EPSG:4326",
        );
        let mesh = disk.mesh(whole(542, 542), 0.05);
        assert!((0.76..0.80).contains(&cover(&mesh)), "{}", cover(&mesh));
        assert!(mesh.has_gaps);
    }
}
