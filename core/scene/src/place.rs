//! A raster's place on a map: from its pixels to the map's coordinates and back, through its transform or ground model
//! and through PROJ where the map has another reference system. Knows nothing of tiles, textures or windows.

use std::rc::Rc;

use crate::{Crs, Grid, MapGeometry, MapRect, MapWrap, Reprojection, SceneResult};

/// Samples a side for a raster's extent.
const EXTENT_STEPS: usize = 32;
/// Degrees around a system's area of use in which it still draws sensibly.
const AREA_MARGIN: f64 = 10.0;

/// Not `Send`: one per thread.
pub struct Place {
    grid: Grid,
    warp: Option<Warp>,
    wrap: Option<MapWrap>,
    /// Map x that the raster's points are drawn around, where the map repeats.
    reference_x: f64,
    /// Map and raster have no common ground: the raster is drawn by its pixels.
    is_unplaced: bool,
}

struct Warp {
    map_from_ground: Reprojection,
    ground_is_geographic: bool,
    geometry: Option<Rc<MapGeometry>>,
}

impl Place {
    /// A raster or map without a reference system is drawn by the raster's transform alone.
    ///
    /// # Errors
    /// PROJ knows no way between the two reference systems (Mars and Earth, say).
    pub fn new(grid: &Grid, map_crs: Option<&Crs>) -> SceneResult<Self> {
        let ground = grid.georef.ground_crs();
        let geometry = map_crs.and_then(MapGeometry::shared);
        let wrap = geometry
            .as_ref()
            .and_then(|geometry| geometry.wrap())
            .filter(|_| ground.is_some());
        let warp = match (ground, map_crs) {
            (Some(ground), Some(map)) if !ground.same_as(map) => Some(Warp {
                map_from_ground: Reprojection::new(ground, map)?,
                ground_is_geographic: ground.is_geographic,
                geometry,
            }),
            _ => None,
        };
        let mut place = Self {
            grid: grid.clone(),
            warp,
            wrap,
            reference_x: 0.0,
            is_unplaced: ground.is_none(),
        };
        place.reference_x = place.find_reference();
        Ok(place)
    }

    /// Straight lines stay straight: one affine transform says it all.
    pub fn is_affine(&self) -> bool {
        self.warp.is_none() && self.grid.georef.model.is_none()
    }

    /// Neither the file nor the user placed the raster on the ground.
    pub fn is_unplaced(&self) -> bool {
        self.is_unplaced
    }

    pub fn wrap(&self) -> Option<MapWrap> {
        self.wrap
    }

    /// Where the map repeats, points are drawn at the copy nearest to this x.
    pub fn reference_x(&self) -> f64 {
        self.reference_x
    }

    /// `None` where the map has no place for the pixel, or only one far from where it belongs.
    pub fn map_from_pixel(&self, col: f64, row: f64) -> Option<(f64, f64)> {
        let ground = self.grid.ground_from_pixel(col, row)?;
        let Some(warp) = &self.warp else {
            return Some(ground);
        };
        let map = warp.map_from_ground.point(ground.0, ground.1)?;
        // Beyond a projection's domain PROJ may fold the globe over; such points do not come back.
        let back = warp.map_from_ground.inverse_point(map.0, map.1)?;
        let (mut across, down) = (back.0 - ground.0, back.1 - ground.1);
        let slack = if warp.ground_is_geographic {
            across -= 360.0 * (across / 360.0).round();
            across *= ground.1.to_radians().cos();
            1.0
        } else {
            1e5
        };
        (across.hypot(down) < slack).then_some(map)
    }

    /// The pixel over a map point, also outside the raster.
    pub fn pixel_from_map(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        match &self.warp {
            Some(warp) => {
                let ground = warp.map_from_ground.inverse_point(x, y)?;
                self.grid.pixel_from_ground(ground.0, ground.1)
            }
            None => {
                let straight = self.grid.pixel_from_ground(x, y);
                let is_inside = |pixel: &(f64, f64)| self.grid.holds(pixel.0, pixel.1);
                match self.wrap {
                    Some(wrap) if !straight.as_ref().is_some_and(is_inside) => {
                        [-wrap.period, wrap.period]
                            .into_iter()
                            .filter_map(|turn| self.grid.pixel_from_ground(x + turn, y))
                            .find(is_inside)
                            .or(straight)
                    }
                    _ => straight,
                }
            }
        }
    }

    /// Map units across one pixel near a map point, the root of its area; the nearest pixel of the raster stands in for
    /// points outside.
    pub fn pixel_size_near(&self, map: (f64, f64)) -> Option<f64> {
        let (width, height) = (self.grid.width as f64, self.grid.height as f64);
        let inside = |pixel: (f64, f64)| {
            (
                pixel.0.clamp(0.0, (width - 1.0).max(0.0)),
                pixel.1.clamp(0.0, (height - 1.0).max(0.0)),
            )
        };
        let near = self.pixel_from_map(map.0, map.1).map(inside);
        let center = (width / 2.0, height / 2.0);
        [near, Some(inside(center))]
            .into_iter()
            .flatten()
            .find_map(|pixel| self.pixel_size_at(pixel))
    }

    fn pixel_size_at(&self, (col, row): (f64, f64)) -> Option<f64> {
        let at = self.map_from_pixel(col, row)?;
        let right = self.map_from_pixel(col + 1.0, row)?;
        let down = self.map_from_pixel(col, row + 1.0)?;
        let near = |x: f64| self.wrap.map_or(x, |wrap| wrap.near(x, at.0));
        let area =
            (near(right.0) - at.0) * (down.1 - at.1) - (right.1 - at.1) * (near(down.0) - at.0);
        Some(area.abs().sqrt()).filter(|size| size.is_finite() && *size > 0.0)
    }

    /// The rectangle around the raster in map units, going on across the antimeridian where the raster does; `None` when
    /// no part of it has a place. Of a raster far larger than the map's area of use, only what lies in that area counts.
    pub fn extent(&self) -> Option<MapRect> {
        let points = self.lattice(if self.is_affine() { 1 } else { EXTENT_STEPS });
        let geometry = self.warp.as_ref().and_then(|warp| warp.geometry.as_deref());
        let area = geometry.and_then(MapGeometry::area);
        if let (Some(geometry), Some(area)) = (geometry, area) {
            // No nearer to a pole than half way.
            let south = area.south - AREA_MARGIN.min((area.south + 90.0) / 2.0);
            let north = area.north + AREA_MARGIN.min((90.0 - area.north) / 2.0);
            let holds = |point: &(f64, f64)| {
                geometry
                    .lon_lat(point.0, point.1)
                    .is_some_and(|(lon, lat)| {
                        [-AREA_MARGIN, 0.0, AREA_MARGIN]
                            .into_iter()
                            .any(|turn| area.holds(lon + turn, lat.clamp(area.south, area.north)))
                            && lat >= south
                            && lat <= north
                    })
            };
            if let Some(rect) = MapRect::around(points.iter().copied().filter(holds)) {
                return Some(rect);
            }
        }
        MapRect::around(points)
    }

    fn lattice(&self, steps: usize) -> Vec<(f64, f64)> {
        // A hair inside: the antimeridian itself lies at either edge of the world.
        let hair = if self.is_affine() { 0.0 } else { 1e-7 };
        let at = |index: usize, size: usize| {
            size as f64 * (index as f64 / steps as f64).clamp(hair, 1.0 - hair)
        };
        (0..=steps)
            .flat_map(|row| (0..=steps).map(move |col| (col, row)))
            .filter_map(|(col, row)| {
                self.map_from_pixel(at(col, self.grid.width), at(row, self.grid.height))
            })
            .map(|(x, y)| match self.wrap {
                Some(wrap) if self.warp.is_some() => (wrap.near(x, self.reference_x), y),
                _ => (x, y),
            })
            .collect()
    }

    /// A raster that spans less than half the globe is drawn around its own middle, others on the world as it is.
    fn find_reference(&self) -> f64 {
        let Some(wrap) = self.wrap else {
            return 0.0;
        };
        let middle =
            self.map_from_pixel(self.grid.width as f64 / 2.0, self.grid.height as f64 / 2.0);
        let Some((x, _)) = middle else {
            return wrap.middle();
        };
        let points = (0..=8).flat_map(|row| (0..=8).map(move |col| (col, row)));
        let is_narrow = points
            .filter_map(|(col, row)| {
                self.map_from_pixel(
                    self.grid.width as f64 * f64::from(col) / 8.0,
                    self.grid.height as f64 * f64::from(row) / 8.0,
                )
            })
            .all(|point| (wrap.near(point.0, x) - x).abs() < wrap.period / 4.0);
        if is_narrow { x } else { wrap.middle() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{GeoTransform, Georef};

    fn grid(size: (usize, usize), transform: [f64; 6], crs: &str) -> Grid {
        Grid {
            width: size.0,
            height: size.1,
            georef: Georef {
                transform: Some(GeoTransform(transform)),
                crs: Some(Crs::parse(crs).expect(crs)),
                ..Georef::default()
            },
        }
    }

    fn place(grid: &Grid, map: &str) -> Place {
        Place::new(grid, Some(&Crs::parse(map).expect(map))).expect("placed")
    }

    #[test]
    fn a_scene_across_the_antimeridian_stays_whole() {
        let utm = grid(
            (2325, 2355),
            [570_585.0, 100.0, 0.0, 5_847_615.0, 0.0, -100.0],
            "EPSG:32660",
        );
        let rect = place(&utm, "EPSG:4326").extent().expect("an extent");
        assert!(rect.min_x > 177.9 && rect.max_x < 181.6, "{rect:?}");
        let rect = place(&utm, "EPSG:3857").extent().expect("an extent");
        assert!(rect.width() < 5e5, "{rect:?}");
        // Both names of the same point lead to the same pixel.
        let over = place(&utm, "EPSG:4326");
        let (x, y) = over.map_from_pixel(2000.5, 1000.5).expect("a place");
        for turn in [-360.0, 0.0, 360.0] {
            let (col, row) = over.pixel_from_map(x + turn, y).expect("a pixel");
            assert!((col - 2000.5).abs() < 1e-3 && (row - 1000.5).abs() < 1e-3);
        }
    }

    #[test]
    fn longitudes_from_0_to_360_meet_those_from_minus_180() {
        let world = grid((720, 360), [0.0, 0.5, 0.0, 90.0, 0.0, -0.5], "EPSG:4326");
        let (col, row) = place(&world, "EPSG:4326")
            .pixel_from_map(-90.0, 0.0)
            .expect("a pixel");
        assert_eq!((col, row), (540.0, 180.0));
        let mercator = place(&world, "EPSG:3857");
        let (x, y) = mercator.map_from_pixel(540.0, 180.0).expect("a place");
        assert!(x < 0.0 && y.abs() < 1e-6);
        let (col, _) = mercator.pixel_from_map(x, y).expect("a pixel");
        assert!((col - 540.0).abs() < 1e-6);
    }

    #[test]
    fn the_whole_world_on_a_small_map_keeps_to_its_area() {
        let world = grid((720, 360), [-180.0, 0.5, 0.0, 90.0, 0.0, -0.5], "EPSG:4326");
        for (map, most) in [
            ("EPSG:3413", 1.4e7),
            ("EPSG:32633", 2.5e7),
            ("EPSG:3857", 9e7),
        ] {
            let rect = place(&world, map).extent().expect("an extent");
            assert!(
                rect.width() < most && rect.height() < most,
                "{map}: {rect:?}"
            );
        }
    }

    #[test]
    fn other_planets_are_not_mixed_with_earth() {
        let mars = grid(
            (10, 10),
            [0.0, 5.0, 0.0, 0.0, 0.0, -5.0],
            "+proj=eqc +lat_ts=0 +lat_0=0 +lon_0=180 +R=3396190 +units=m +no_defs",
        );
        let earth = Crs::parse("EPSG:3857").expect("3857");
        assert!(Place::new(&mars, Some(&earth)).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn pixels_come_back_from_the_map(
            col in 0.0..1000.0_f64, row in 0.0..800.0_f64, angle in 0.0..std::f64::consts::TAU,
            size in 1.0..60.0_f64, shear in -0.4..0.4_f64, flip in prop::bool::ANY,
            map in prop::sample::select(vec!["EPSG:4326", "EPSG:3857", "EPSG:32628", "EPSG:3035", "EPSG:32629"]),
        ) {
            let (sin, cos) = angle.sin_cos();
            let down = if flip { size } else { -size };
            let transform = [500_000.0, size * cos, shear * size + down * -sin, 4_400_000.0, size * sin, down * cos];
            let grid = grid((1000, 800), transform, "EPSG:32629");
            let place = place(&grid, map);
            let (x, y) = place.map_from_pixel(col, row).expect("a place");
            let (c, r) = place.pixel_from_map(x, y).expect("a pixel");
            prop_assert!((c - col).abs() < 1e-3 && (r - row).abs() < 1e-3, "{} {}", c - col, r - row);
        }
    }
}
