//! What a map's coordinates mean on the ground: longitude and latitude, true lengths, true north, and where the map
//! meets itself again after a turn around the globe. Knows PROJ. Knows nothing of rasters or windows.

#![expect(
    unsafe_code,
    reason = "ellipsoids and areas of reference systems are asked for through C"
)]

use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;

use crate::gdal_setup::{gdal_setup, take_gdal_messages};
use crate::georef::OwnedSrs;
use crate::{Crs, LonLatBox, Reprojection, SceneError, SceneResult};

/// A map that repeats in x: every point `x` is also one at `x + period`. The world itself is drawn from `west` on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapWrap {
    pub west: f64,
    pub period: f64,
}

impl MapWrap {
    /// The copy of `x` that lies nearest to `reference`.
    pub fn near(&self, x: f64, reference: f64) -> f64 {
        x + self.period * ((reference - x) / self.period).round()
    }

    /// Middle of the world.
    pub fn middle(&self) -> f64 {
        self.west + self.period / 2.0
    }
}

/// Half axes of the ellipsoid lengths are measured on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ellipsoid {
    pub semi_major_m: f64,
    pub flattening: f64,
}

impl Ellipsoid {
    pub const WGS84: Self = Self {
        semi_major_m: 6_378_137.0,
        flattening: 1.0 / 298.257_223_563,
    };

    /// Length of the shortest line between two points in degrees, metres (Vincenty's inverse formula; nearly opposite
    /// points, where it does not settle, get the sphere's length).
    pub fn distance_m(&self, a: (f64, f64), b: (f64, f64)) -> f64 {
        let f = self.flattening;
        let semi_minor = self.semi_major_m * (1.0 - f);
        let reduced = |lat: f64| ((1.0 - f) * lat.to_radians().tan()).atan();
        let (u1, u2) = (reduced(a.1), reduced(b.1));
        let apart = {
            let turn = b.0 - a.0;
            (turn - 360.0 * (turn / 360.0).round()).to_radians()
        };
        let mut lambda = apart;
        for _ in 0..100 {
            let (sin_l, cos_l) = lambda.sin_cos();
            let (across, along) = (
                u2.cos() * sin_l,
                u1.cos() * u2.sin() - u1.sin() * u2.cos() * cos_l,
            );
            let sin_sigma = across.hypot(along);
            if sin_sigma == 0.0 {
                return 0.0;
            }
            let cos_sigma = u1.sin() * u2.sin() + u1.cos() * u2.cos() * cos_l;
            let sigma = sin_sigma.atan2(cos_sigma);
            let sin_alpha = u1.cos() * u2.cos() * sin_l / sin_sigma;
            let cos2_alpha = 1.0 - sin_alpha * sin_alpha;
            let cos_2m = if cos2_alpha == 0.0 {
                0.0
            } else {
                cos_sigma - 2.0 * u1.sin() * u2.sin() / cos2_alpha
            };
            let c = f / 16.0 * cos2_alpha * (4.0 + f * (4.0 - 3.0 * cos2_alpha));
            let next = apart
                + (1.0 - c)
                    * f
                    * sin_alpha
                    * (sigma
                        + c * sin_sigma * (cos_2m + c * cos_sigma * (2.0 * cos_2m * cos_2m - 1.0)));
            let is_settled = (next - lambda).abs() < 1e-13;
            lambda = next;
            if is_settled {
                let ratio = (self.semi_major_m / semi_minor).powi(2) - 1.0;
                let u = cos2_alpha * ratio;
                let big_a = 1.0 + u / 16384.0 * (4096.0 + u * (u * (320.0 - 175.0 * u) - 768.0));
                let big_b = u / 1024.0 * (256.0 + u * (u * (74.0 - 47.0 * u) - 128.0));
                let inner = cos_sigma * (2.0 * cos_2m * cos_2m - 1.0)
                    - big_b / 6.0
                        * cos_2m
                        * (4.0 * sin_sigma * sin_sigma - 3.0)
                        * (4.0 * cos_2m * cos_2m - 3.0);
                let delta = big_b * sin_sigma * (cos_2m + big_b / 4.0 * inner);
                return semi_minor * big_a * (sigma - delta);
            }
        }
        let half = |angle: f64| (angle / 2.0).sin().powi(2);
        let (lat1, lat2) = (a.1.to_radians(), b.1.to_radians());
        let h = half(lat2 - lat1) + lat1.cos() * lat2.cos() * half(apart);
        2.0 * self.semi_major_m * h.sqrt().min(1.0).asin()
    }
}

/// A map's coordinates on the ground. Not `Send`: one per thread.
pub struct MapGeometry {
    globe_from_map: Reprojection,
    ellipsoid: Ellipsoid,
    area: Option<LonLatBox>,
    wrap: Option<MapWrap>,
}

/// Geometries kept on each thread.
const KEPT: usize = 8;

thread_local! {
    static KNOWN: RefCell<Vec<(String, Option<Rc<MapGeometry>>)>> = const { RefCell::new(Vec::new()) };
}

impl MapGeometry {
    /// As [`Self::new`], `None` where that fails; kept for the next time this thread asks, since making one takes
    /// milliseconds.
    pub fn shared(crs: &Crs) -> Option<Rc<Self>> {
        let known = KNOWN.with_borrow(|known| {
            known
                .iter()
                .find(|(wkt, _)| *wkt == crs.wkt)
                .map(|(_, geometry)| geometry.clone())
        });
        if let Some(known) = known {
            return known;
        }
        let made = Self::new(crs).ok().map(Rc::new);
        KNOWN.with_borrow_mut(|known| {
            if known.len() == KEPT {
                known.remove(0);
            }
            known.push((crs.wkt.clone(), made.clone()));
        });
        made
    }

    /// # Errors
    /// PROJ knows no way from the map to longitude and latitude (an engineering system, say).
    pub fn new(crs: &Crs) -> SceneResult<Self> {
        gdal_setup();
        let facts = Facts::of(crs)
            .ok_or_else(|| SceneError::input(format!("`{}` cannot be understood", crs.name)))?;
        // Other planets have longitudes of their own.
        let globe = match facts.globe.clone().filter(|_| !facts.is_earth()) {
            Some(globe) => globe,
            None => Crs::wgs84()?,
        };
        let globe_from_map = Reprojection::new(crs, &globe)?;
        take_gdal_messages();
        let wrap = if crs.is_geographic {
            let period = std::f64::consts::TAU / facts.radians_per_unit;
            Some(MapWrap {
                west: -period / 2.0,
                period,
            })
        } else {
            find_wrap(|lon, lat| globe_from_map.inverse_point(lon, lat))
        };
        Ok(Self {
            globe_from_map,
            ellipsoid: facts.ellipsoid,
            area: facts.area,
            wrap,
        })
    }

    /// Degrees; `None` where the map has no ground.
    pub fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (lon, lat) = self.globe_from_map.point(x, y)?;
        (lat.abs() <= 90.0 + 1e-9).then_some((lon, lat))
    }

    pub fn map_from_lon_lat(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        self.globe_from_map.inverse_point(lon, lat)
    }

    /// Where the system is meant to be used.
    pub fn area(&self) -> Option<LonLatBox> {
        self.area
    }

    pub fn wrap(&self) -> Option<MapWrap> {
        self.wrap
    }

    /// Metres on the ground between two map points.
    pub fn metres_between(&self, a: (f64, f64), b: (f64, f64)) -> Option<f64> {
        let metres = self
            .ellipsoid
            .distance_m(self.lon_lat(a.0, a.1)?, self.lon_lat(b.0, b.1)?);
        metres.is_finite().then_some(metres)
    }

    /// Metres of one map unit to the right, measured over `span` map units around a point.
    pub fn metres_per_unit(&self, at: (f64, f64), span: f64) -> Option<f64> {
        let half = span / 2.0;
        let metres = self.metres_between((at.0 - half, at.1), (at.0 + half, at.1))? / span;
        (metres.is_finite() && metres > 0.0).then_some(metres)
    }

    /// Direction of true north at a map point, radians clockwise from up.
    pub fn north(&self, at: (f64, f64)) -> Option<f64> {
        const STEP: f64 = 1e-4;
        let (lon, lat) = self.lon_lat(at.0, at.1)?;
        let (from, to) = if lat + STEP > 90.0 {
            (lat - STEP, lat)
        } else {
            (lat, lat + STEP)
        };
        let a = self.map_from_lon_lat(lon, from)?;
        let b = self.map_from_lon_lat(lon, to)?;
        let mut across = b.0 - a.0;
        if let Some(wrap) = self.wrap {
            across = wrap.near(across, 0.0);
        }
        let angle = across.atan2(b.1 - a.1);
        angle.is_finite().then_some(angle)
    }
}

/// What GDAL knows of a system beside its text.
struct Facts {
    /// Its own longitude and latitude.
    globe: Option<Crs>,
    ellipsoid: Ellipsoid,
    radians_per_unit: f64,
    area: Option<LonLatBox>,
}

impl Facts {
    fn of(crs: &Crs) -> Option<Self> {
        let srs = OwnedSrs::from_wkt(&crs.wkt)?;
        let with_code = crs.epsg.and_then(OwnedSrs::from_epsg);
        let (mut west, mut south, mut east, mut north) = (0.0, 0.0, 0.0, 0.0);
        // SAFETY: valid handles of our own; numbers outlive the calls; the clone is released on drop.
        unsafe {
            let mut status = gdal_sys::OGRErr::OGRERR_NONE;
            let semi_major_m = gdal_sys::OSRGetSemiMajor(srs.0, &mut status);
            let inverse = gdal_sys::OSRGetInvFlattening(srs.0, &mut status);
            let mut radians_per_unit = gdal_sys::OSRGetAngularUnits(srs.0, ptr::null_mut());
            if !radians_per_unit.is_finite() || radians_per_unit <= 0.0 {
                radians_per_unit = 1_f64.to_radians();
            }
            // WKT 1 has no area; the register's own entry does.
            let has_area = gdal_sys::OSRGetAreaOfUse(
                with_code.as_ref().unwrap_or(&srs).0,
                &mut west,
                &mut south,
                &mut east,
                &mut north,
                ptr::null_mut(),
            ) != 0
                && south > -1000.0;
            let globe = OwnedSrs(gdal_sys::OSRCloneGeogCS(srs.0));
            let globe = (!globe.0.is_null()).then(|| globe.plain_crs()).flatten();
            take_gdal_messages();
            Some(Self {
                globe,
                ellipsoid: Ellipsoid {
                    semi_major_m: if semi_major_m > 0.0 {
                        semi_major_m
                    } else {
                        Ellipsoid::WGS84.semi_major_m
                    },
                    flattening: if inverse > 1.0 { 1.0 / inverse } else { 0.0 },
                },
                radians_per_unit,
                area: has_area.then_some(LonLatBox {
                    west,
                    south,
                    east,
                    north,
                }),
            })
        }
    }

    /// Earth's ellipsoids differ by less than a thousandth.
    fn is_earth(&self) -> bool {
        (self.ellipsoid.semi_major_m / Ellipsoid::WGS84.semi_major_m - 1.0).abs() < 2e-3
    }
}

/// Looks whether a map is a cylinder: x grows evenly with longitude, y stays, with one seam at most.
fn find_wrap(map: impl Fn(f64, f64) -> Option<(f64, f64)>) -> Option<MapWrap> {
    const STEP: f64 = 10.0;
    const STEPS: usize = 36;
    let line = |lat: f64| -> Option<Vec<(f64, f64)>> {
        (0..STEPS)
            .map(|i| map(-175.0 + STEP * i as f64, lat))
            .collect()
    };
    let (equator, north) = (line(0.0)?, line(40.0)?);
    let mut steps: Vec<f64> = equator
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .collect();
    steps.sort_by(f64::total_cmp);
    let step = steps[steps.len() / 2];
    let slack = 1e-6 * step.abs();
    if !slack.is_finite() || slack <= 0.0 {
        return None;
    }
    let mut seam = None;
    for points in [&equator, &north] {
        for (i, pair) in points.windows(2).enumerate() {
            if (pair[1].1 - pair[0].1).abs() > slack {
                return None;
            }
            if (pair[1].0 - pair[0].0 - step).abs() > slack {
                if seam.is_some_and(|known| known != i) {
                    return None;
                }
                seam = Some(i);
            }
        }
    }
    let period = (step * STEPS as f64).abs();
    let mut end = match seam {
        // The seam is the far side of the map as PROJ is used to it.
        None => equator[0].0 - step / 2.0 + step * STEPS as f64,
        Some(i) => {
            let (mut low, mut high) = (0.0, STEP);
            let (lon, x) = (-175.0 + STEP * i as f64, equator[i].0);
            for _ in 0..50 {
                let middle = (low + high) / 2.0;
                let follows = map(lon + middle, 0.0)
                    .is_some_and(|found| (found.0 - x - step * middle / STEP).abs() < period / 2.0);
                if follows {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            x + step * low / STEP
        }
    };
    if step < 0.0 {
        end += period;
    }
    Some(MapWrap {
        west: end - period,
        period,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(code: &str) -> MapGeometry {
        MapGeometry::new(&Crs::parse(code).expect(code)).expect(code)
    }

    #[test]
    fn lengths_are_those_of_the_ellipsoid() {
        let wgs84 = Ellipsoid::WGS84;
        // A degree of latitude at the equator and of longitude there; Flinders Peak to Buninyong, Vincenty's own example.
        assert!((wgs84.distance_m((0.0, 0.0), (0.0, 1.0)) - 110_574.389).abs() < 0.01);
        assert!((wgs84.distance_m((179.5, 0.0), (-179.5, 0.0)) - 111_319.491).abs() < 0.01);
        let grs80 = Ellipsoid {
            flattening: 1.0 / 298.257_222_101,
            ..wgs84
        };
        let flinders = (
            144.0 + 25.0 / 60.0 + 29.524_40 / 3600.0,
            -(37.0 + 57.0 / 60.0 + 3.720_30 / 3600.0),
        );
        let buninyong = (
            143.0 + 55.0 / 60.0 + 35.383_90 / 3600.0,
            -(37.0 + 39.0 / 60.0 + 10.156_10 / 3600.0),
        );
        assert!((grs80.distance_m(flinders, buninyong) - 54_972.271).abs() < 0.002);
        assert!(wgs84.distance_m((0.0, 0.0), (180.0, 0.0)) > 1.9e7);
    }

    #[test]
    fn maps_are_measured_on_the_ground() {
        // Mercator stretches lengths by 1 / cos(latitude), degrees shrink with it.
        let mercator = geometry("EPSG:3857");
        let (x, y) = mercator.map_from_lon_lat(10.0, 60.0).expect("a place");
        let metres = mercator.metres_per_unit((x, y), 1000.0).expect("a length");
        assert!((metres - 0.5).abs() < 0.002, "{metres}");
        let degrees = geometry("EPSG:4326");
        let metres = degrees
            .metres_per_unit((10.0, 60.0), 0.01)
            .expect("a length");
        assert!((metres - 55_800.0).abs() < 10.0, "{metres}");
        let utm = geometry("EPSG:32633");
        let metres = utm
            .metres_per_unit((500_000.0, 5e6), 1000.0)
            .expect("a length");
        assert!((metres - 1.0 / 0.9996).abs() < 1e-6, "{metres}");
    }

    #[test]
    fn north_turns_with_the_meridian() {
        let utm = geometry("EPSG:32633");
        assert!(utm.north((500_000.0, 5e6)).expect("north").abs() < 1e-6);
        let (x, y) = utm.map_from_lon_lat(17.0, 45.0).expect("a place");
        // Convergence is about the longitude from the central meridian times sin(latitude); east of it north leans left.
        let angle = utm.north((x, y)).expect("north").to_degrees();
        assert!(
            (angle - 2.0 * 45_f64.to_radians().sin()).abs() < 0.01
                || (angle + 2.0 * 45_f64.to_radians().sin()).abs() < 0.01,
            "{angle}"
        );
        assert!(angle < 0.0, "{angle}");
        let polar = geometry("EPSG:3413");
        let (x, y) = polar.map_from_lon_lat(45.0, 80.0).expect("a place");
        let angle = polar.north((x, y)).expect("north").to_degrees();
        assert!((angle.abs() - 90.0).abs() < 1e-3, "{angle}");
    }

    #[test]
    fn cylinders_repeat_and_other_maps_do_not() {
        let wrap = geometry("EPSG:4326").wrap().expect("degrees repeat");
        assert_eq!((wrap.west, wrap.period), (-180.0, 360.0));
        let wrap = geometry("EPSG:3857").wrap().expect("Mercator repeats");
        assert!((wrap.period - 40_075_016.685_6).abs() < 0.1, "{wrap:?}");
        assert!((wrap.west + 20_037_508.342_8).abs() < 0.1, "{wrap:?}");
        // Centred on 150 degrees east, with a seam inside.
        let wrap = geometry("EPSG:3832").wrap().expect("repeats");
        assert!((wrap.west + wrap.period / 2.0).abs() < 1.0, "{wrap:?}");
        for code in [
            "EPSG:32633",
            "EPSG:3413",
            "EPSG:3035",
            "ESRI:54030",
            "ESRI:54009",
        ] {
            assert_eq!(geometry(code).wrap(), None, "{code}");
        }
    }

    #[test]
    fn other_planets_keep_their_own_longitudes() {
        let mars =
            Crs::parse("+proj=eqc +lat_ts=0 +lat_0=0 +lon_0=180 +R=3396190 +units=m +no_defs")
                .expect("parsed");
        let geometry = MapGeometry::new(&mars).expect("measured");
        let metres = geometry
            .metres_per_unit((0.0, 0.0), 1000.0)
            .expect("a length");
        assert!((metres - 1.0).abs() < 1e-6, "{metres}");
    }
}
