//! Reprojection: moving points between coordinate reference systems, and the proof that GDAL and PROJ agree.
//! Knows PROJ. Knows nothing of rasters.

#![expect(unsafe_code, reason = "GDAL's warper has no safe form")]

use std::ffi::c_int;
use std::ptr;

use crate::gdal_setup::{gdal_setup, take_gdal_messages};
use crate::georef::OwnedSrs;
use crate::{Crs, MapRect, SceneError, SceneResult};

/// Moves points from one CRS to another (x = easting or longitude first, always). Not `Send`: one per thread.
pub struct Reprojection {
    /// `None` when both systems are the same.
    pipeline: Option<proj::Proj>,
    /// For the way back of [`Self::inverse_point`].
    back: Option<proj::Proj>,
}

impl Reprojection {
    pub fn new(from: &Crs, to: &Crs) -> SceneResult<Self> {
        if from.same_as(to) {
            return Ok(Self {
                pipeline: None,
                back: None,
            });
        }
        let make = |a: &Crs, b: &Crs| {
            proj::Proj::new_known_crs(&a.definition(), &b.definition(), None).map_err(|error| {
                SceneError::input(format!(
                    "no way is known from `{}` to `{}` ({error})",
                    a.name, b.name
                ))
            })
        };
        Ok(Self {
            pipeline: Some(make(from, to)?),
            back: Some(make(to, from)?),
        })
    }

    /// `None` where the point has no image in the target CRS.
    pub fn point(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        convert(self.pipeline.as_ref(), x, y)
    }

    /// The other way: from the target CRS to the source CRS.
    pub fn inverse_point(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        convert(self.back.as_ref(), x, y)
    }

    /// The rectangle around a rectangle's image, from points along its edges and inside; `None` if none has an image.
    pub fn rect(&self, rect: MapRect) -> Option<MapRect> {
        const STEPS: usize = 16;
        let points = (0..=STEPS).flat_map(|i| {
            (0..=STEPS).filter_map(move |j| {
                let (u, v) = (i as f64 / STEPS as f64, j as f64 / STEPS as f64);
                self.point(
                    rect.min_x + u * rect.width(),
                    rect.min_y + v * rect.height(),
                )
            })
        });
        MapRect::around(points)
    }
}

fn convert(pipeline: Option<&proj::Proj>, x: f64, y: f64) -> Option<(f64, f64)> {
    if !x.is_finite() || !y.is_finite() {
        return None;
    }
    match pipeline {
        None => Some((x, y)),
        Some(proj) => proj
            .convert((x, y))
            .ok()
            .filter(|(x, y)| x.is_finite() && y.is_finite()),
    }
}

impl Crs {
    /// What PROJ is given: the code where there is one, since WKT 1 can lose details, else the text.
    fn definition(&self) -> String {
        match self.epsg {
            Some(code) => format!("EPSG:{code}"),
            None => self.wkt.clone(),
        }
    }
}

/// Tells whether GDAL's PROJ and the `proj` crate agree on a known point; called once at start.
///
/// Fails when PROJ's database is missing or when two different PROJ libraries sit in the process.
pub fn projection_self_test() -> SceneResult<()> {
    gdal_setup();
    take_gdal_messages();
    let broken = |what: String| {
        let said = take_gdal_messages()
            .map(|words| format!("\n{words}"))
            .unwrap_or_default();
        SceneError::input(format!(
            "{what}; check that PROJ's data (package proj-data, file proj.db) is installed or lies in share/proj of the program's \
             folder, and that PROJ_DATA or PROJ_LIB, if set, points to it{said}"
        ))
    };
    let from =
        Crs::parse("EPSG:4326").map_err(|_| broken("PROJ does not know EPSG:4326".into()))?;
    let to =
        Crs::parse("EPSG:32629").map_err(|_| broken("PROJ does not know EPSG:32629".into()))?;
    let ours = Reprojection::new(&from, &to)
        .map_err(|error| broken(error.to_string()))?
        .point(-8.5, 39.3)
        .ok_or_else(|| broken("PROJ could not move a point from EPSG:4326 to EPSG:32629".into()))?;
    let gdals = gdal_point(4326, 32629, -8.5, 39.3)
        .ok_or_else(|| broken("GDAL could not move a point from EPSG:4326 to EPSG:32629".into()))?;
    if (ours.0 - gdals.0).abs() > 1e-3 || (ours.1 - gdals.1).abs() > 1e-3 {
        return Err(broken(format!(
            "GDAL and PROJ disagree on a point: {gdals:?} and {ours:?}"
        )));
    }
    Ok(())
}

/// GDAL's own answer, x first.
fn gdal_point(from: c_int, to: c_int, x: f64, y: f64) -> Option<(f64, f64)> {
    let (source, target) = (OwnedSrs::new()?, OwnedSrs::new()?);
    let (mut x, mut y) = (x, y);
    // SAFETY: all handles are valid here; the transformation is destroyed before they are.
    unsafe {
        for (srs, code) in [(&source, from), (&target, to)] {
            if gdal_sys::OSRImportFromEPSG(srs.0, code) != gdal_sys::OGRErr::OGRERR_NONE {
                return None;
            }
            gdal_sys::OSRSetAxisMappingStrategy(
                srs.0,
                gdal_sys::OSRAxisMappingStrategy::OAMS_TRADITIONAL_GIS_ORDER,
            );
        }
        let transformation = gdal_sys::OCTNewCoordinateTransformation(source.0, target.0);
        if transformation.is_null() {
            return None;
        }
        let moved = gdal_sys::OCTTransform(transformation, 1, &mut x, &mut y, ptr::null_mut()) != 0;
        gdal_sys::OCTDestroyCoordinateTransformation(transformation);
        moved.then_some((x, y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gdal_and_proj_agree() {
        projection_self_test().expect("one PROJ with its database");
    }

    #[test]
    fn points_go_x_first_and_come_back() {
        let (wgs, utm) = (
            Crs::wgs84().expect("4326"),
            Crs::parse("EPSG:32629").expect("32629"),
        );
        let reprojection = Reprojection::new(&wgs, &utm).expect("known");
        let (x, y) = reprojection.point(-9.0, 0.0).expect("central meridian");
        assert!((x - 500_000.0).abs() < 1e-3 && y.abs() < 1e-3, "{x} {y}");
        let (lon, lat) = reprojection
            .inverse_point(500_000.0, 4_427_757.0)
            .expect("inside");
        assert!((lon + 9.0).abs() < 1e-6 && (39.0..41.0).contains(&lat));
        assert_eq!(reprojection.point(f64::NAN, 0.0), None);
    }
}
