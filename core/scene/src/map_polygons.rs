//! A class map as polygons with class, name and area, in a GeoPackage. GDAL follows the outlines line by line, so memory does
//! not depend on the map's size. Written beside and renamed. Knows maps and classes; knows nothing of jobs.

#![expect(unsafe_code, reason = "GDAL's polygonizing has no safe form")]

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::path::{Path, PathBuf};

use gdal::vector::{FieldDefn, Geometry, Layer, LayerAccess, LayerOptions};
use gdal::{Dataset, DriverManager, Metadata};
use gdal_sys::{CPLErr, OGRFieldType, OGRwkbGeometryType};

use crate::beside::{refuse_protected, with_suffix, write_error};
use crate::cog::{self, Layout, Progress, Sample, report};
use crate::label_file::spatial_ref;
use crate::shapes::has_extension;
use crate::{
    Class, Raster, RasterInfo, SampleType, SceneError, SceneResult, classes_of_map, gdal_setup,
    take_gdal_messages,
};

/// Layer of the file.
const LAYER: &str = "map";
/// WGS 84.
const EQUATOR_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;

/// What was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WrittenPolygons {
    pub polygons: u64,
    /// Class name, polygons, hectares (`None` without a place on the ground).
    pub classes: Vec<(String, u64, Option<f64>)>,
}

/// Writes every 4-connected patch of one class as a polygon along its pixels' edges. Patches of fewer than `least_pixels`
/// take the class of their largest neighbour first; 0 and 1 change nothing. `progress` hears the share done.
///
/// # Errors
/// Not a class map, another ending than `.gpkg`, a map placed by control points, whatever stops the writing, `Cancelled`.
pub fn write_map_polygons_blocking(
    map: &Path,
    out: &Path,
    least_pixels: usize,
    progress: &mut dyn FnMut(f64) -> bool,
) -> SceneResult<WrittenPolygons> {
    gdal_setup();
    let raster = Raster::open(map)?;
    let info = raster.info();
    let grid = &info.grid;
    let is_map = matches!(info.bands.as_slice(), [band] if band.sample_type.is_integer());
    if !is_map {
        return Err(SceneError::file(
            map,
            "a class map has one band of whole numbers; choose the map made by predict",
        ));
    }
    let is_bytes = info
        .bands
        .iter()
        .all(|band| band.sample_type == SampleType::UInt8);
    if least_pixels > 1 && !is_bytes {
        return Err(SceneError::file(
            map,
            "only maps of one byte a pixel can be rid of small patches; leave the sieve out",
        ));
    }
    if !has_extension(out, &["gpkg"]) {
        return Err(SceneError::write(
            out,
            "polygons of a map are written as .gpkg; choose this ending",
        ));
    }
    if grid.georef.model.is_some() {
        return Err(SceneError::file(
            map,
            "this map is placed by control points, so its pixels have no straight edges on the ground; warp it first",
        ));
    }
    refuse_protected(out)?;
    let files = Parts::beside(out);
    // The system's own words on why a folder cannot be written are clearer than GDAL's.
    std::fs::File::create(&files.polygons).map_err(|error| write_error(out, &error))?;
    std::fs::remove_file(&files.polygons).ok();

    let mut is_stopped = false;
    let mut watch = |done: f64| {
        is_stopped |= !progress(done);
        !is_stopped
    };
    take_gdal_messages();
    let written = (|| -> Result<WrittenPolygons, String> {
        let mut source = Dataset::open(map).map_err(|error| error.to_string())?;
        if least_pixels > 1 {
            source = sieved(&source, &raster, &files.sieved, least_pixels, &mut |done| {
                watch(0.3 * done)
            })?;
        }
        let classes = classes_of_map(info, &[]);
        polygonise(&source, &raster, &files.polygons, &classes, &mut |done| {
            watch(0.3 + 0.7 * done)
        })
    })();
    if is_stopped {
        return Err(SceneError::Cancelled);
    }
    let written = written.map_err(|what| {
        let said = take_gdal_messages().unwrap_or_default();
        SceneError::write(out, "the polygons could not be written; is the disk full?")
            .with_details(format!("{what}\n{said}"))
    })?;
    std::fs::rename(&files.polygons, out).map_err(|error| write_error(out, &error))?;
    Ok(written)
}

/// Files that must not outlive the writing.
struct Parts {
    polygons: PathBuf,
    sieved: PathBuf,
}

impl Parts {
    fn beside(out: &Path) -> Self {
        let stem = out.with_extension("");
        Self {
            polygons: with_suffix(&stem, ".part.gpkg"),
            sieved: with_suffix(&stem, ".sieved.part.tif"),
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            std::fs::remove_file(with_suffix(&self.polygons, suffix)).ok();
        }
        std::fs::remove_file(&self.sieved).ok();
    }
}

fn sieved(
    source: &Dataset,
    raster: &Raster,
    path: &Path,
    least_pixels: usize,
    mut progress: Progress,
) -> Result<Dataset, String> {
    let layout = Layout {
        bands: 1,
        sample: Sample::Byte,
        nodata: raster
            .info()
            .bands
            .first()
            .and_then(|band| band.nodata)
            .unwrap_or(0.0),
    };
    let out = cog::create(path, &raster.info().grid, &layout)?;
    let threshold =
        i32::try_from(least_pixels).map_err(|_| "the patches are too large".to_owned())?;
    let from = source.rasterband(1).map_err(|error| error.to_string())?;
    let to = out.rasterband(1).map_err(|error| error.to_string())?;
    let address: *mut Progress = &mut progress;
    // SAFETY: both bands and the progress outlive the call.
    let result = unsafe {
        gdal_sys::GDALSieveFilter(
            from.c_rasterband(),
            gdal_sys::GDALGetMaskBand(from.c_rasterband()),
            to.c_rasterband(),
            threshold,
            4,
            std::ptr::null_mut(),
            Some(report),
            address.cast::<c_void>(),
        )
    };
    if result != CPLErr::CE_None {
        return Err("small patches could not be joined".to_owned());
    }
    Ok(out)
}

fn polygonise(
    source: &Dataset,
    raster: &Raster,
    path: &Path,
    classes: &[Class],
    progress: Progress,
) -> Result<WrittenPolygons, String> {
    let words = |error: gdal::errors::GdalError| error.to_string();
    let grid = &raster.info().grid;
    let srs = spatial_ref(grid.crs()).map_err(words)?;
    let mut dataset = DriverManager::get_driver_by_name("GPKG")
        .and_then(|driver| driver.create_vector_only(path))
        .map_err(words)?;
    let mut transaction = dataset.start_transaction().map_err(words)?;
    for (key, value) in passed_on(raster.info()) {
        transaction
            .set_metadata_item(key, value, "")
            .map_err(words)?;
    }
    let mut layer = transaction
        .create_layer(LayerOptions {
            name: LAYER,
            srs: srs.as_ref(),
            ty: OGRwkbGeometryType::wkbPolygon,
            options: Some(&["GEOMETRY_NAME=geom"]),
        })
        .map_err(words)?;
    for (name, kind) in [
        ("class", OGRFieldType::OFTInteger),
        ("name", OGRFieldType::OFTString),
        ("area_ha", OGRFieldType::OFTReal),
    ] {
        FieldDefn::new(name, kind)
            .and_then(|field| field.add_to_layer(&layer))
            .map_err(words)?;
    }
    let band = source.rasterband(1).map_err(words)?;
    let mut outlining = |done: f64| progress(0.6 * done);
    let mut outlining: Progress = &mut outlining;
    let address: *mut Progress = &mut outlining;
    // SAFETY: band, layer and progress outlive the call; field 0 is the class.
    let result = unsafe {
        gdal_sys::GDALPolygonize(
            band.c_rasterband(),
            gdal_sys::GDALGetMaskBand(band.c_rasterband()),
            layer.c_layer(),
            0,
            std::ptr::null_mut(),
            Some(report),
            address.cast::<c_void>(),
        )
    };
    if result != CPLErr::CE_None {
        return Err("the outlines could not be followed".to_owned());
    }
    let written = describe(&mut layer, raster, classes, &mut |done| {
        progress(0.6 + 0.4 * done)
    })?;
    transaction.commit().map_err(words)?;
    dataset.close().map_err(words)?;
    Ok(written)
}

/// Whom to credit and how the map was made, as the map says it.
fn passed_on(info: &RasterInfo) -> impl Iterator<Item = (&str, &str)> {
    let items = info.metadata.iter();
    items
        .filter(|(key, _)| {
            matches!(key.as_str(), "ATTRIBUTION" | "LICENSE") || key.starts_with("TERROIR_")
        })
        .map(|(key, value)| (key.as_str(), value.as_str()))
}

/// Gives every polygon its name and area; those of value 0 are no class and go.
fn describe(
    layer: &mut Layer<'_>,
    raster: &Raster,
    classes: &[Class],
    progress: Progress,
) -> Result<WrittenPolygons, String> {
    const EVERY: u64 = 4096;
    let words = |error: gdal::errors::GdalError| error.to_string();
    let grid = &raster.info().grid;
    let measure = Measure::of(grid);
    let count = layer.feature_count();
    let mut found: BTreeMap<i32, (u64, f64)> = BTreeMap::new();
    // A fresh table numbers its rows from 1.
    for fid in 1..=count {
        if fid % EVERY == 0 && !progress(fid as f64 / count as f64) {
            return Err("stopped".to_owned());
        }
        let Some(mut feature) = layer.feature(fid) else {
            continue;
        };
        let value = feature.field_as_integer(0).map_err(words)?.unwrap_or(0);
        if value == 0 {
            drop(feature);
            // SAFETY: the layer is open and the row was read from it.
            unsafe { gdal_sys::OGR_L_DeleteFeature(layer.c_layer(), fid as i64) };
            continue;
        }
        let class = classes.iter().find(|class| i32::from(class.id) == value);
        let name = class.map_or_else(|| value.to_string(), |class| class.name.clone());
        let area = feature
            .geometry()
            .and_then(|geometry| measure.hectares(geometry));
        feature.set_field_string(1, &name).map_err(words)?;
        if let Some(area) = area {
            feature.set_field_double(2, area).map_err(words)?;
        }
        layer.set_feature(feature).map_err(words)?;
        let (polygons, hectares) = found.entry(value).or_default();
        *polygons += 1;
        *hectares += area.unwrap_or(0.0);
    }
    let classes = found.iter().map(|(value, (polygons, hectares))| {
        let class = classes.iter().find(|class| i32::from(class.id) == *value);
        let name = class.map_or_else(|| value.to_string(), |class| class.name.clone());
        let hectares = (measure != Measure::Nothing).then_some(*hectares);
        (name, *polygons, hectares)
    });
    let classes: Vec<_> = classes.collect();
    Ok(WrittenPolygons {
        polygons: classes.iter().map(|(_, polygons, _)| polygons).sum(),
        classes,
    })
}

/// How areas are measured on a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Measure {
    /// Coordinates are lengths.
    Plane,
    /// Coordinates are degrees.
    Ellipsoid,
    Nothing,
}

impl Measure {
    fn of(grid: &crate::Grid) -> Self {
        match grid.crs() {
            Some(crs) if crs.is_geographic => Self::Ellipsoid,
            Some(_) => Self::Plane,
            None => Self::Nothing,
        }
    }

    fn hectares(self, polygon: &Geometry) -> Option<f64> {
        let square_metres = match self {
            Self::Plane => polygon.area(),
            Self::Ellipsoid => (0..polygon.geometry_count())
                .map(|ring| {
                    let mut points = Vec::new();
                    polygon.get_geometry(ring).get_points(&mut points);
                    let area = ring_area_m2(points.iter().map(|(x, y, _)| (*x, *y)));
                    // The first ring goes round, the others round its holes.
                    if ring == 0 { area } else { -area }
                })
                .sum(),
            Self::Nothing => return None,
        };
        Some(square_metres / 10_000.0)
    }
}

/// Area inside a ring of (longitude, latitude) degrees whose edges run along meridians and parallels: exact on the ellipsoid.
fn ring_area_m2(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let next = points.clone().skip(1);
    let sum: f64 = points
        .zip(next)
        .map(|(a, b)| {
            let middle = (zone_m2(a.1) + zone_m2(b.1)) / 2.0;
            (b.0 - a.0).to_radians() * middle
        })
        .sum();
    sum.abs()
}

/// Area between the equator and a latitude (degrees), for one radian of longitude.
fn zone_m2(latitude: f64) -> f64 {
    let e2 = FLATTENING * (2.0 - FLATTENING);
    let e = e2.sqrt();
    let sine = latitude.to_radians().sin();
    let minor2 = EQUATOR_M * EQUATOR_M * (1.0 - e2);
    minor2 / 2.0
        * (sine / (1.0 - e2 * sine * sine) + ((1.0 + e * sine) / (1.0 - e * sine)).ln() / (2.0 * e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crs, GeoTransform, Georef, Grid, MapKind, MapWriter};

    fn write(path: &Path, epsg: &str, transform: [f64; 6], ids: &[u8], width: usize) {
        let grid = Grid {
            width,
            height: ids.len() / width,
            georef: Georef {
                transform: Some(GeoTransform(transform)),
                crs: Crs::parse(epsg).ok(),
                ..Georef::default()
            },
        };
        let class = |id: u8, name: &str| Class {
            id,
            name: name.to_owned(),
            color: [id, 20, 30],
        };
        let classes = vec![class(1, "maize"), class(2, "wheat")];
        let mut writer = MapWriter::create(path, &grid, MapKind::Classes(classes)).unwrap();
        writer.write_bytes(grid.window(), ids).unwrap();
        writer.finish(&Vec::new()).unwrap();
    }

    #[rustfmt::skip]
    const IDS: [u8; 30] = [
        1, 1, 1, 2, 2, 0,
        1, 2, 1, 2, 2, 0,
        1, 1, 1, 2, 2, 0,
        1, 1, 1, 2, 2, 1,
        1, 1, 1, 2, 2, 1,
    ];

    #[test]
    fn patches_keep_class_name_area_and_hole_and_small_ones_can_go() {
        let folder = tempfile::tempdir().unwrap();
        let (map, out) = (folder.path().join("m.tif"), folder.path().join("p.gpkg"));
        let transform = [500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0];
        write(&map, "EPSG:32629", transform, &IDS, 6);
        let written = write_map_polygons_blocking(&map, &out, 0, &mut |_| true).unwrap();
        let expected = |name: &str, polygons: u64, pixels: f64| {
            (name.to_owned(), polygons, Some(pixels * 0.01))
        };
        assert_eq!(written.polygons, 4);
        for (found, expected) in written
            .classes
            .iter()
            .zip([expected("maize", 2, 16.0), expected("wheat", 2, 11.0)])
        {
            assert_eq!((&found.0, found.1), (&expected.0, expected.1));
            assert!((found.2.unwrap() - expected.2.unwrap()).abs() < 1e-9);
        }
        let read = Dataset::open(&out).unwrap();
        let mut layer = read.layer_by_name("map").unwrap();
        let holes = layer
            .features()
            .map(|feature| feature.geometry().unwrap().geometry_count() - 1);
        assert_eq!(holes.sum::<usize>(), 1);
        assert!(layer.spatial_ref().is_some());

        let written = write_map_polygons_blocking(&map, &out, 3, &mut |_| true).unwrap();
        assert_eq!(written.polygons, 2, "{written:?}");
        let hectares: f64 = written.classes.iter().filter_map(|class| class.2).sum();
        assert!((hectares - 0.27).abs() < 1e-9);
        // Nothing else is left in the folder, and a stopped job leaves the old file.
        let before = std::fs::read(&out).unwrap();
        let stopped = write_map_polygons_blocking(&map, &out, 0, &mut |_| false);
        assert!(matches!(stopped, Err(SceneError::Cancelled)));
        assert_eq!(std::fs::read(&out).unwrap(), before);
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with("m."))
            .collect();
        assert_eq!(left, ["p.gpkg"]);
    }

    #[test]
    fn degrees_are_measured_on_the_ellipsoid() {
        // A degree square at the equator, its sides meridians and parallels, and the whole earth.
        let square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)];
        let area = ring_area_m2(square.iter().copied());
        assert!((area / 1e6 - 12_308.464).abs() < 0.001, "{area}");
        let earth = zone_m2(90.0) * 2.0 * std::f64::consts::TAU;
        assert!((earth / 1e12 - 510.065_621_7).abs() < 1e-4, "{earth}");

        let folder = tempfile::tempdir().unwrap();
        let (map, out) = (folder.path().join("m.tif"), folder.path().join("p.gpkg"));
        write(
            &map,
            "EPSG:4326",
            [8.0, 0.001, 0.0, 50.0, 0.0, -0.001],
            &IDS,
            6,
        );
        let written = write_map_polygons_blocking(&map, &out, 0, &mut |_| true).unwrap();
        let hectares: f64 = written.classes.iter().filter_map(|class| class.2).sum();
        // 27 pixels of about 71.7 m by 111.2 m.
        assert!((hectares / 27.0 - 0.797).abs() < 0.003, "{hectares}");
        assert!(
            write_map_polygons_blocking(&map, &folder.path().join("p.shp"), 0, &mut |_| true)
                .is_err()
        );
    }
}
