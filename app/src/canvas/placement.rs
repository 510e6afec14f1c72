//! Where a raster's pixels lie on the map: its affine transform, and a reprojection when the map has another CRS.
//! Tiles of a reprojected raster become meshes. Knows nothing of textures or windows.

use terroir_scene::{Crs, GeoTransform, Georef, MapRect, Reprojection, SceneResult};

use super::tiles::PixelRect;

/// Cells a side of a reprojected tile's mesh, at first and at most.
const CELLS: usize = 8;
const CELLS_MOST: usize = 32;

pub struct Placement {
    layer_from_pixel: GeoTransform,
    pixel_from_layer: Option<GeoTransform>,
    warp: Option<Warp>,
}

struct Warp {
    map_from_layer: Reprojection,
    map_is_geographic: bool,
}

/// Map positions of `(cells + 1)^2` points over a pixel rectangle, row by row; `None` where the map CRS has no place for them.
#[derive(Clone, Debug)]
pub struct Mesh {
    pub cells: usize,
    pub points: Vec<Option<(f64, f64)>>,
    /// Largest distance of a point from the straight grid between the four corners, in map units.
    sag: f64,
    pub bounds: Option<MapRect>,
}

impl Placement {
    /// A raster or map without a CRS is drawn by the transform alone.
    ///
    /// # Errors
    /// PROJ knows no way between the two reference systems.
    pub fn new(georef: &Georef, map_crs: Option<&Crs>) -> SceneResult<Self> {
        let layer_from_pixel = georef.drawing_transform();
        let warp = match (&georef.crs, map_crs) {
            (Some(layer), Some(map)) if !layer.same_as(map) => Some(Warp {
                map_from_layer: Reprojection::new(layer, map)?,
                map_is_geographic: map.is_geographic,
            }),
            _ => None,
        };
        Ok(Self {
            layer_from_pixel,
            pixel_from_layer: layer_from_pixel.inverse(),
            warp,
        })
    }

    pub fn map_from_pixel(&self, col: f64, row: f64) -> Option<(f64, f64)> {
        let (x, y) = self.layer_from_pixel.map_from_pixel(col, row);
        match &self.warp {
            Some(warp) => warp.map_from_layer.point(x, y),
            None => Some((x, y)),
        }
    }

    pub fn pixel_from_map(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (x, y) = match &self.warp {
            Some(warp) => warp.map_from_layer.inverse_point(x, y)?,
            None => (x, y),
        };
        Some(self.pixel_from_layer?.map_from_pixel(x, y))
    }

    /// Map units across one pixel near a map point, the root of its area; the nearest pixel of the raster stands in for
    /// points outside.
    pub fn pixel_size_near(&self, map: (f64, f64), width: usize, height: usize) -> Option<f64> {
        let (width, height) = (width as f64, height as f64);
        let (col, row) = self
            .pixel_from_map(map.0, map.1)
            .unwrap_or((width / 2.0, height / 2.0));
        let (col, row) = (
            col.clamp(0.0, (width - 1.0).max(0.0)),
            row.clamp(0.0, (height - 1.0).max(0.0)),
        );
        let at = self.map_from_pixel(col, row)?;
        let right = self.map_from_pixel(col + 1.0, row)?;
        let down = self.map_from_pixel(col, row + 1.0)?;
        let area = (right.0 - at.0) * (down.1 - at.1) - (right.1 - at.1) * (down.0 - at.0);
        Some(area.abs().sqrt()).filter(|size| size.is_finite() && *size > 0.0)
    }

    /// A mesh whose error stays below `tolerance` map units as far as 32 cells a side allow.
    pub fn mesh(&self, pixels: PixelRect, tolerance: f64) -> Mesh {
        if self.warp.is_none() {
            return self.mesh_with(pixels, 1);
        }
        let mesh = self.mesh_with(pixels, CELLS);
        match mesh.cells_for(tolerance) {
            cells if cells > CELLS => self.mesh_with(pixels, cells),
            _ => mesh,
        }
    }

    fn mesh_with(&self, pixels: PixelRect, cells: usize) -> Mesh {
        let side = cells + 1;
        let across = |index: usize, from: usize, to: usize| {
            from as f64 + (to - from) as f64 * index as f64 / cells as f64
        };
        let points: Vec<Option<(f64, f64)>> = (0..side * side)
            .map(|index| {
                self.map_from_pixel(
                    across(index % side, pixels.left, pixels.right),
                    across(index / side, pixels.top, pixels.bottom),
                )
            })
            .collect();
        let bounds = MapRect::around(points.iter().flatten().copied());
        let sag = sag_of(&points, cells);
        Mesh {
            cells,
            points,
            sag,
            bounds,
        }
    }

    /// Cells across the dateline of a geographic map would be drawn over the whole world.
    pub fn is_torn(&self, corners: [(f64, f64); 4]) -> bool {
        let Some(warp) = &self.warp else {
            return false;
        };
        let reach = corners
            .iter()
            .map(|corner| (corner.0 - corners[0].0).abs())
            .fold(0.0, f64::max);
        warp.map_is_geographic && reach > 180.0
    }

    /// The rectangle around the raster in map units; `None` when no part of it has a place.
    pub fn extent(&self, width: usize, height: usize) -> Option<MapRect> {
        let cells = if self.warp.is_some() { CELLS_MOST } else { 1 };
        self.mesh_with(
            PixelRect {
                left: 0,
                top: 0,
                right: width,
                bottom: height,
            },
            cells,
        )
        .bounds
    }
}

fn sag_of(points: &[Option<(f64, f64)>], cells: usize) -> f64 {
    let side = cells + 1;
    let corner = |index: usize| points.get(index).copied().flatten();
    let (Some(a), Some(b), Some(c), Some(d)) = (
        corner(0),
        corner(cells),
        corner(side * cells),
        corner(side * side - 1),
    ) else {
        return f64::INFINITY;
    };
    // Cells are drawn as two triangles each, which bend a twisted cell along its diagonal.
    let twist = (a.0 + d.0 - b.0 - c.0).hypot(a.1 + d.1 - b.1 - c.1) / 4.0;
    points
        .iter()
        .enumerate()
        .fold(twist, |sag: f64, (index, point)| {
            let Some((x, y)) = point else {
                return f64::INFINITY;
            };
            let (u, v) = (
                (index % side) as f64 / cells as f64,
                (index / side) as f64 / cells as f64,
            );
            let mix = |a: f64, b: f64, c: f64, d: f64| {
                (a * (1.0 - u) + b * u) * (1.0 - v) + (c * (1.0 - u) + d * u) * v
            };
            sag.max(twist + (x - mix(a.0, b.0, c.0, d.0)).hypot(y - mix(a.1, b.1, c.1, d.1)))
        })
}

impl Mesh {
    /// A smooth curve's deviation falls with the square of the cells.
    fn cells_for(&self, tolerance: f64) -> usize {
        let cells = (self.sag / tolerance.max(f64::MIN_POSITIVE)).sqrt();
        if cells.is_finite() {
            (cells.ceil() as usize)
                .next_power_of_two()
                .clamp(1, CELLS_MOST)
        } else {
            CELLS_MOST
        }
    }

    pub fn is_enough_for(&self, tolerance: f64) -> bool {
        self.cells >= self.cells_for(tolerance)
    }

    pub fn touches(&self, view: &MapRect) -> bool {
        self.bounds.is_some_and(|b| {
            b.min_x <= view.max_x
                && b.max_x >= view.min_x
                && b.min_y <= view.max_y
                && b.max_y >= view.min_y
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn affine(t: [f64; 6]) -> Placement {
        Placement::new(
            &Georef {
                transform: Some(GeoTransform(t)),
                crs: None,
                note: None,
            },
            None,
        )
        .unwrap()
    }

    #[test]
    fn rotated_and_south_up_rasters_find_their_pixels() {
        for t in [
            [10.0, 2.0, 0.0, 50.0, 0.0, 2.0],
            [10.0, 1.2, 1.6, 50.0, -1.6, 1.2],
            [0.0, 3.0, 0.5, 9.0, 0.25, -4.0],
        ] {
            let place = affine(t);
            let (x, y) = place.map_from_pixel(12.25, 7.5).unwrap();
            let (col, row) = place.pixel_from_map(x, y).unwrap();
            assert!((col - 12.25).abs() < 1e-9 && (row - 7.5).abs() < 1e-9);
        }
        let place = affine([10.0, 1.2, 1.6, 50.0, -1.6, 1.2]);
        assert!((place.pixel_size_near((0.0, 0.0), 100, 100).unwrap() - 2.0).abs() < 1e-12);
    }

    #[test]
    fn one_cell_is_enough_without_reprojection() {
        let mesh = affine([10.0, 1.2, 1.6, 50.0, -1.6, 1.2]).mesh(
            PixelRect {
                left: 0,
                top: 0,
                right: 256,
                bottom: 256,
            },
            1e-9,
        );
        assert_eq!((mesh.cells, mesh.points.len()), (1, 4));
        assert!(mesh.is_enough_for(1e-9));
    }

    /// UTM over geographic: the mesh follows PROJ to a quarter of a pixel between its points.
    #[test]
    fn reprojected_tiles_bend() {
        let utm = Crs::parse("EPSG:32629").unwrap();
        let wgs = Crs::parse("EPSG:4326").unwrap();
        let georef = Georef {
            transform: Some(GeoTransform([
                500_000.0,
                200.0,
                0.0,
                7_600_000.0,
                0.0,
                -200.0,
            ])),
            crs: Some(utm),
            note: None,
        };
        let place = Placement::new(&georef, Some(&wgs)).unwrap();
        let pixels = PixelRect {
            left: 0,
            top: 0,
            right: 2048,
            bottom: 2048,
        };
        let pixel = place.pixel_size_near((-9.0, 60.0), 2048, 2048).unwrap();
        let mesh = place.mesh(pixels, 0.25 * 8.0 * pixel);
        assert!(mesh.cells > 1);
        let step = 2048.0 / mesh.cells as f64;
        let side = mesh.cells + 1;
        for cell in 0..mesh.cells {
            let (a, b) = (
                mesh.points[cell * side + cell].unwrap(),
                mesh.points[(cell + 1) * side + cell + 1].unwrap(),
            );
            let at = (cell as f64 + 0.5) * step;
            let exact = place.map_from_pixel(at, at).unwrap();
            let error = ((a.0 + b.0) / 2.0 - exact.0).hypot((a.1 + b.1) / 2.0 - exact.1);
            assert!(error < 0.25 * 8.0 * pixel, "{error} in cell {cell}");
        }
        let (col, row) = place
            .pixel_from_map(mesh.points[0].unwrap().0, mesh.points[0].unwrap().1)
            .unwrap();
        assert!(col.abs() < 1e-3 && row.abs() < 1e-3);
    }
}
