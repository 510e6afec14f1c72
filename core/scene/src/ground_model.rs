//! Where pixels lie when no affine transform can tell: ground control points and sensor coefficients (RPC) as plain
//! numbers, evaluated without GDAL, so that any thread may ask at any time. Knows nothing of files or maps.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use crate::Crs;

/// From pixels of a raster to the ground, x (longitude, easting) first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum GroundModel {
    ControlPoints(ControlPoints),
    Rpc(Box<Rpc>),
}

impl GroundModel {
    /// The system of the ground coordinates.
    pub fn crs(&self) -> Option<&Crs> {
        match self {
            Self::ControlPoints(points) => points.crs.as_ref(),
            Self::Rpc(rpc) => Some(&rpc.crs),
        }
    }

    pub fn ground_from_pixel(&self, col: f64, row: f64) -> Option<(f64, f64)> {
        match self {
            Self::ControlPoints(points) => Some(points.surface.ground(col, row)),
            Self::Rpc(rpc) => rpc.ground_from_pixel(col, row),
        }
    }

    /// The inverse of [`Self::ground_from_pixel`]; `None` where there is none, which is only far outside the raster.
    pub fn pixel_from_ground(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        match self {
            Self::ControlPoints(points) => points.surface.pixel(x, y),
            Self::Rpc(rpc) => rpc.pixel_from_ground(x, y),
        }
    }

    /// Whether both place pixels alike; numbers that went through a text file may differ in their last digits.
    pub fn same_as(&self, other: &Self) -> bool {
        let probe = [(0.0, 0.0), (100.0, 0.0), (0.0, 100.0), (77.0, 131.0)];
        let is_same_crs = match (self.crs(), other.crs()) {
            (Some(a), Some(b)) => a.same_as(b),
            (None, None) => true,
            _ => false,
        };
        is_same_crs
            && probe.iter().all(|(col, row)| {
                let back = self
                    .ground_from_pixel(*col, *row)
                    .and_then(|(x, y)| other.pixel_from_ground(x, y));
                back.is_some_and(|(c, r)| (c - col).abs() < 1e-4 && (r - row).abs() < 1e-4)
            })
    }
}

/// A pixel whose place on the ground is known; (0, 0) is the outer corner of the first pixel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroundPoint {
    pub col: f64,
    pub row: f64,
    pub x: f64,
    pub y: f64,
}

/// Ground control points with the surface of second order through them, as GDAL and QGIS fit it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlPoints {
    pub crs: Option<Crs>,
    pub points: Vec<GroundPoint>,
    surface: Surface,
}

impl ControlPoints {
    /// Fewer points than this carry no bend.
    pub const FEWEST: usize = 6;

    /// `None` for too few points, or points that determine no surface (on one line, twice the same).
    pub fn fit(mut points: Vec<GroundPoint>, crs: Option<Crs>) -> Option<Self> {
        let is_finite = |p: &GroundPoint| {
            [p.col, p.row, p.x, p.y]
                .iter()
                .all(|value| value.is_finite())
        };
        if points.len() < Self::FEWEST || !points.iter().all(is_finite) {
            return None;
        }
        if crs.as_ref().is_some_and(|crs| crs.is_geographic) {
            unwrap_longitudes(&mut points);
        }
        let surface = Surface::fit(&points)?;
        Some(Self {
            crs,
            points,
            surface,
        })
    }

    /// Root mean square distance of the points from the surface, pixels.
    pub fn mean_error_pixels(&self) -> Option<f64> {
        let squares: Option<f64> = self
            .points
            .iter()
            .map(|p| {
                let (col, row) = self.surface.pixel(p.x, p.y)?;
                Some((col - p.col).powi(2) + (row - p.row).powi(2))
            })
            .sum();
        Some((squares? / self.points.len() as f64).sqrt())
    }
}

/// Points on both sides of the antimeridian become neighbours.
fn unwrap_longitudes(points: &mut [GroundPoint]) {
    let (low, high) = points.iter().fold((f64::MAX, f64::MIN), |(low, high), p| {
        (low.min(p.x), high.max(p.x))
    });
    let has_middle = points.iter().any(|p| p.x.abs() < 90.0);
    if high - low > 180.0 && !has_middle {
        for point in points.iter_mut().filter(|p| p.x < 0.0) {
            point.x += 360.0;
        }
    }
}

/// Two polynomials of second order over centred and scaled pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Surface {
    center: (f64, f64),
    scale: f64,
    x: [f64; 6],
    y: [f64; 6],
}

/// Centred, scaled pixels beyond this are extrapolated into nonsense.
const REACH: f64 = 8.0;

impl Surface {
    fn fit(points: &[GroundPoint]) -> Option<Self> {
        let count = points.len() as f64;
        let center = (
            points.iter().map(|p| p.col).sum::<f64>() / count,
            points.iter().map(|p| p.row).sum::<f64>() / count,
        );
        let scale = points.iter().fold(0.0, |reach: f64, p| {
            reach
                .max((p.col - center.0).abs())
                .max((p.row - center.1).abs())
        });
        if scale <= 0.0 {
            return None;
        }
        let terms: Vec<[f64; 6]> = points
            .iter()
            .map(|p| terms((p.col - center.0) / scale, (p.row - center.1) / scale))
            .collect();
        let matrix = DMatrix::from_fn(points.len(), 6, |row, col| terms[row][col]);
        let svd = matrix.svd(true, true);
        let (largest, smallest) = (svd.singular_values.max(), svd.singular_values.min());
        if smallest <= 1e-9 * largest {
            return None;
        }
        let solve = |value: fn(&GroundPoint) -> f64| {
            // Around their mean, so that large coordinates keep their digits.
            let mean = points.iter().map(value).sum::<f64>() / count;
            let right =
                DVector::from_iterator(points.len(), points.iter().map(|p| value(p) - mean));
            let solution = svd.solve(&right, 0.0).ok()?;
            let mut coefficients = [0.0; 6];
            for (to, from) in coefficients.iter_mut().zip(solution.iter()) {
                *to = *from;
            }
            coefficients[0] += mean;
            Some(coefficients)
        };
        Some(Self {
            center,
            scale,
            x: solve(|p| p.x)?,
            y: solve(|p| p.y)?,
        })
    }

    fn ground(&self, col: f64, row: f64) -> (f64, f64) {
        let (u, v) = (
            (col - self.center.0) / self.scale,
            (row - self.center.1) / self.scale,
        );
        let terms = terms(u, v);
        (dot(&self.x, &terms), dot(&self.y, &terms))
    }

    fn pixel(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let solved = newton((0.0, 0.0), REACH, |u, v| {
            let terms = terms(u, v);
            let slope = |c: &[f64; 6]| {
                (
                    c[1] + 2.0 * c[3] * u + c[4] * v,
                    c[2] + c[4] * u + 2.0 * c[5] * v,
                )
            };
            Some(Step {
                miss: (dot(&self.x, &terms) - x, dot(&self.y, &terms) - y),
                first: slope(&self.x),
                second: slope(&self.y),
            })
        })?;
        Some((
            self.center.0 + self.scale * solved.0,
            self.center.1 + self.scale * solved.1,
        ))
    }
}

fn terms(u: f64, v: f64) -> [f64; 6] {
    [1.0, u, v, u * u, u * v, v * v]
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What is missed at a point, and the slopes of both values there.
struct Step {
    miss: (f64, f64),
    first: (f64, f64),
    second: (f64, f64),
}

/// Newton's iteration in two unknowns of about one; `None` when it leaves `reach` or does not settle.
fn newton(
    start: (f64, f64),
    reach: f64,
    at: impl Fn(f64, f64) -> Option<Step>,
) -> Option<(f64, f64)> {
    let (mut u, mut v) = start;
    for _ in 0..40 {
        let Step {
            miss,
            first,
            second,
        } = at(u, v)?;
        let det = first.0 * second.1 - first.1 * second.0;
        let du = (miss.0 * second.1 - miss.1 * first.1) / det;
        let dv = (first.0 * miss.1 - second.0 * miss.0) / det;
        if !du.is_finite() || !dv.is_finite() {
            return None;
        }
        u -= du;
        v -= dv;
        if du.abs().max(dv.abs()) < 1e-12 {
            return (u.abs() <= reach && v.abs() <= reach).then_some((u, v));
        }
        if u.abs() > 1e3 * reach || v.abs() > 1e3 * reach {
            return None;
        }
    }
    // The last digits may flicker.
    let last = at(u, v)?;
    let det = last.first.0 * last.second.1 - last.first.1 * last.second.0;
    let du = (last.miss.0 * last.second.1 - last.miss.1 * last.first.1) / det;
    (du.abs() < 1e-9 && u.abs() <= reach && v.abs() <= reach).then_some((u, v))
}

/// Rational polynomial coefficients of a sensor: pixels from longitude, latitude and height (the RPC00B form).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rpc {
    /// WGS 84 longitude and latitude.
    pub crs: Crs,
    /// Height the picture is laid on, metres above the ellipsoid: the middle of the coefficients' range.
    pub height_m: f64,
    line: Axis,
    sample: Axis,
    longitude: Range,
    latitude: Range,
    height: Range,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Range {
    offset: f64,
    scale: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Axis {
    range: Range,
    numerator: Vec<f64>,
    denominator: Vec<f64>,
}

impl Rpc {
    /// From the items of GDAL's `RPC` domain; `None` when one is missing or no number.
    pub fn from_items(items: &[(String, String)], wgs84: Crs) -> Option<Self> {
        let text = |key: &str| {
            items
                .iter()
                .find(|(k, _)| k.eq_ignore_ascii_case(key))
                .map(|(_, value)| value.as_str())
        };
        // Some files write units behind the number.
        let number = |key: &str| {
            text(key)?
                .split_whitespace()
                .next()?
                .parse::<f64>()
                .ok()
                .filter(|value| value.is_finite())
        };
        let range = |name: &str| {
            let range = Range {
                offset: number(&format!("{name}_OFF"))?,
                scale: number(&format!("{name}_SCALE"))?,
            };
            (range.scale != 0.0).then_some(range)
        };
        let coefficients = |key: &str| {
            let values: Option<Vec<f64>> = text(key)?
                .split_whitespace()
                .map(|part| part.parse().ok().filter(|value: &f64| value.is_finite()))
                .collect();
            values.filter(|values| values.len() == 20)
        };
        let axis = |range: Range, name: &str| {
            Some(Axis {
                range,
                numerator: coefficients(&format!("{name}_NUM_COEFF"))?,
                denominator: coefficients(&format!("{name}_DEN_COEFF"))?,
            })
        };
        let height = range("HEIGHT")?;
        Some(Self {
            crs: wgs84,
            height_m: height.offset,
            line: axis(range("LINE")?, "LINE")?,
            sample: axis(range("SAMP")?, "SAMP")?,
            longitude: range("LONG")?,
            latitude: range("LAT")?,
            height,
        })
    }

    fn pixel_from_ground(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        let mut east = lon - self.longitude.offset;
        east -= 360.0 * (east / 360.0).round();
        let (u, v) = (
            east / self.longitude.scale,
            (lat - self.latitude.offset) / self.latitude.scale,
        );
        if u.abs() > REACH || v.abs() > REACH {
            return None;
        }
        self.pixel(u, v)
    }

    /// Coefficients count from the centre of the first pixel.
    fn pixel(&self, u: f64, v: f64) -> Option<(f64, f64)> {
        let h = (self.height_m - self.height.offset) / self.height.scale;
        let terms = cubic_terms(u, v, h);
        let value = |axis: &Axis| {
            let ratio = dot(&axis.numerator, &terms) / dot(&axis.denominator, &terms);
            ratio
                .is_finite()
                .then_some(ratio * axis.range.scale + axis.range.offset + 0.5)
        };
        Some((value(&self.sample)?, value(&self.line)?))
    }

    fn ground_from_pixel(&self, col: f64, row: f64) -> Option<(f64, f64)> {
        const NEAR: f64 = 1e-5;
        let (u, v) = newton((0.0, 0.0), REACH, |u, v| {
            let at = self.pixel(u, v)?;
            let slope = |du: f64, dv: f64| {
                let (a, b) = (self.pixel(u - du, v - dv)?, self.pixel(u + du, v + dv)?);
                Some(((b.0 - a.0) / (2.0 * NEAR), (b.1 - a.1) / (2.0 * NEAR)))
            };
            let (along_u, along_v) = (slope(NEAR, 0.0)?, slope(0.0, NEAR)?);
            Some(Step {
                miss: (at.0 - col, at.1 - row),
                first: (along_u.0, along_v.0),
                second: (along_u.1, along_v.1),
            })
        })?;
        Some((
            u * self.longitude.scale + self.longitude.offset,
            v * self.latitude.scale + self.latitude.offset,
        ))
    }
}

/// Longitude, latitude, height in the order of the RPC00B form.
fn cubic_terms(l: f64, p: f64, h: f64) -> [f64; 20] {
    [
        1.0,
        l,
        p,
        h,
        l * p,
        l * h,
        p * h,
        l * l,
        p * p,
        h * h,
        l * p * h,
        l * l * l,
        l * p * p,
        l * h * h,
        l * l * p,
        p * p * p,
        p * h * h,
        l * l * h,
        p * p * h,
        h * h * h,
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bent(col: f64, row: f64) -> (f64, f64) {
        (
            500_000.0 + 10.0 * col + 0.5 * row + 2e-4 * col * col - 1e-4 * col * row,
            4_000_000.0 + 0.3 * col - 9.0 * row + 3e-4 * row * row,
        )
    }

    fn made() -> ControlPoints {
        let points = (0..5).flat_map(|i| {
            (0..5).map(move |j| {
                let (col, row) = (250.0 * f64::from(i), 200.0 * f64::from(j));
                let (x, y) = bent(col, row);
                GroundPoint { col, row, x, y }
            })
        });
        ControlPoints::fit(points.collect(), None).expect("a surface")
    }

    #[test]
    fn points_on_a_surface_are_met_exactly() {
        let points = made();
        assert!(points.mean_error_pixels().expect("an error") < 1e-6);
        let (x, y) = points.surface.ground(333.25, 71.5);
        let exact = bent(333.25, 71.5);
        assert!((x - exact.0).abs() < 1e-6 && (y - exact.1).abs() < 1e-6);
    }

    #[test]
    fn too_little_is_no_surface() {
        let line: Vec<GroundPoint> = (0..9)
            .map(|i| {
                let at = f64::from(i);
                GroundPoint {
                    col: at,
                    row: at,
                    x: at,
                    y: at,
                }
            })
            .collect();
        assert!(ControlPoints::fit(line.clone(), None).is_none());
        assert!(ControlPoints::fit(line[..3].to_vec(), None).is_none());
    }

    #[test]
    fn longitudes_go_on_across_the_antimeridian() {
        let mut points: Vec<GroundPoint> = [179.5, 179.9, -179.8]
            .map(|x| GroundPoint {
                col: 0.0,
                row: 0.0,
                x,
                y: 0.0,
            })
            .to_vec();
        unwrap_longitudes(&mut points);
        assert!((points[2].x - 180.2).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn pixels_come_back_from_the_ground(col in -50.0..1050.0_f64, row in -50.0..850.0_f64) {
            let model = GroundModel::ControlPoints(made());
            let (x, y) = model.ground_from_pixel(col, row).expect("a place");
            let (c, r) = model.pixel_from_ground(x, y).expect("a pixel");
            prop_assert!((c - col).abs() < 1e-6 && (r - row).abs() < 1e-6, "{} {}", c, r);
        }
    }
}
