//! Patches of a class raster as polygons with their areas, and found places as points, in a GeoPackage.
//! Knows GDAL's polygoniser and OGR. Knows nothing of what the classes mean or how they were found.

#![expect(unsafe_code, reason = "GDAL's polygonizing has no safe form")]

use std::ffi::{c_char, c_int, c_void};
use std::path::{Path, PathBuf};

use gdal::vector::{Feature, FieldDefn, Geometry, LayerAccess, LayerOptions};
use gdal::{Dataset, DriverManager, Metadata};
use gdal_sys::{CPLErr, OGRFieldType, OGRwkbGeometryType};

use crate::beside::{refuse_protected, replace_together, with_suffix, write_beside, write_error};
use crate::label_file::spatial_ref;
use crate::raster_header::band_handle;
use crate::shapes::has_extension;
use crate::{
    Class, Crs, FoundPlace, Grid, MapGeometry, Raster, SceneError, SceneResult, gdal_setup,
    take_gdal_messages,
};

/// What becomes of the patches of a raster's first band.
pub struct PatchLayer<'a> {
    /// Name of the layer.
    pub name: &'a str,
    /// Names of the values; a value without one keeps its number.
    pub classes: &'a [Class],
    /// Smaller patches are left out, in pixels.
    pub least_pixels: u64,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PatchCounts {
    pub patches: u64,
    /// Patches smaller than asked for.
    pub left_out: u64,
    /// Of the patches written; `None` where the grid has no size on the ground.
    pub area_m2: Option<f64>,
}

/// Called with the share done; false stops the work.
type GoOn<'a> = &'a mut dyn FnMut(f64) -> bool;

/// Writes the 4-connected patches of the first band (no-data left out) and `places` to a GeoPackage: columns `class_id`,
/// `class_name`, `pixels`, `area_m2` (on the ellipsoid for degrees), `area_ha`. Memory does not depend on the raster's size.
/// `items` become metadata of the file. Written beside and renamed.
///
/// # Errors
/// [`SceneError::Cancelled`], another ending than `.gpkg`, and whatever stops the reading or writing.
pub fn write_patches_blocking(
    raster: Option<(&Path, &PatchLayer<'_>)>,
    places: &[FoundPlace],
    grid: &Grid,
    items: &[(String, String)],
    out: &Path,
    go_on: GoOn<'_>,
) -> SceneResult<PatchCounts> {
    gdal_setup();
    if !has_extension(out, &["gpkg"]) {
        return Err(SceneError::write(
            out,
            "polygons are saved as GeoPackage; choose a name that ends in .gpkg",
        ));
    }
    refuse_protected(out)?;
    let files = Temporaries {
        part: with_suffix(out, ".part.gpkg"),
        spill: with_suffix(out, ".spill.gpkg"),
    };
    files.remove();
    let raster = raster
        .map(|(path, layer)| Ok::<_, SceneError>((Raster::open(path)?, layer)))
        .transpose()?;
    take_gdal_messages();
    let mut is_stopped = false;
    let mut observe = |share: f64| {
        is_stopped |= !go_on(share);
        !is_stopped
    };
    let written = files.write(raster.as_ref(), places, grid, items, &mut observe);
    if is_stopped {
        return Err(SceneError::Cancelled);
    }
    let counts = written.map_err(|error| {
        let said = take_gdal_messages().unwrap_or_default();
        SceneError::write(
            out,
            "the polygons could not be written; free some space or choose another folder",
        )
        .with_details(format!("{error}\n{said}"))
    })?;
    let pair = (files.part.clone(), out.to_owned());
    let outdated = [with_suffix(out, "-wal"), with_suffix(out, "-shm")];
    replace_together(&[pair], &outdated).map_err(|error| write_error(out, &error))?;
    Ok(counts)
}

/// Writes found places as a table: rank, likeness, map coordinates, longitude and latitude where known, pixel.
///
/// # Errors
/// What stops the writing; the old file stays as it was.
pub fn write_places_table(places: &[FoundPlace], grid: &Grid, out: &Path) -> SceneResult<()> {
    let geometry = grid.crs().and_then(MapGeometry::shared);
    let mut text = String::from("rank,similarity,x,y,longitude,latitude,col,row\n");
    for (at, place) in places.iter().enumerate() {
        let (lon, lat) = geometry
            .as_ref()
            .and_then(|geometry| geometry.lon_lat(place.x, place.y))
            .map_or((String::new(), String::new()), |(lon, lat)| {
                (format!("{lon:.7}"), format!("{lat:.7}"))
            });
        text.push_str(&format!(
            "{},{:.6},{},{},{lon},{lat},{},{}\n",
            at + 1,
            place.similarity,
            place.x,
            place.y,
            place.col,
            place.row
        ));
    }
    write_beside(out, text.as_bytes())
}

/// Reads the table of [`write_places_table`] back, best place first.
///
/// # Errors
/// No such file, or another table.
pub fn read_places_table(path: &Path) -> SceneResult<Vec<FoundPlace>> {
    let unread = |words: String| {
        SceneError::file(
            path,
            "this is no table of places found by a similarity search",
        )
        .with_details(words)
    };
    let mut reader = csv::Reader::from_path(path).map_err(|error| unread(error.to_string()))?;
    let mut places = Vec::new();
    for record in reader.deserialize() {
        let place: FoundPlace = record.map_err(|error: csv::Error| unread(error.to_string()))?;
        places.push(place);
    }
    Ok(places)
}

/// Files beside the target that must not outlive the writing.
struct Temporaries {
    part: PathBuf,
    /// Polygons as they come, before they are measured.
    spill: PathBuf,
}

impl Drop for Temporaries {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Temporaries {
    fn remove(&self) {
        for file in [&self.part, &self.spill] {
            for suffix in ["", "-wal", "-shm", "-journal", ".aux.xml"] {
                std::fs::remove_file(with_suffix(file, suffix)).ok();
            }
        }
    }

    fn write(
        &self,
        raster: Option<&(Raster, &PatchLayer<'_>)>,
        places: &[FoundPlace],
        grid: &Grid,
        items: &[(String, String)],
        go_on: GoOn<'_>,
    ) -> gdal::errors::Result<PatchCounts> {
        let driver = DriverManager::get_driver_by_name("GPKG")?;
        let srs = spatial_ref(grid.crs())?;
        let mut counts = PatchCounts::default();
        let mut finished = driver.create_vector_only(&self.part)?;
        {
            let mut transaction = finished.start_transaction()?;
            if let Some((raster, layer)) = raster {
                let mut spill = driver.create_vector_only(&self.spill)?;
                polygonise(raster, &mut spill, &mut |share| go_on(0.7 * share))?;
                counts = measure(&mut spill, &mut transaction, layer, grid, &mut |share| {
                    go_on(0.7 + 0.3 * share)
                })?;
            }
            if !places.is_empty() {
                let options = LayerOptions {
                    name: "places",
                    srs: srs.as_ref(),
                    ty: OGRwkbGeometryType::wkbPoint,
                    options: Some(&["GEOMETRY_NAME=geom"]),
                };
                add_places(&mut transaction, options, places)?;
            }
            for (key, value) in items {
                transaction.set_metadata_item(key, value, "")?;
            }
            transaction.commit()?;
        }
        finished.close()?;
        Ok(counts)
    }
}

/// GDAL's own two-pass polygoniser; rings run along pixel edges.
fn polygonise(raster: &Raster, spill: &mut Dataset, go_on: GoOn<'_>) -> gdal::errors::Result<()> {
    let mut transaction = spill.start_transaction()?;
    let options = LayerOptions {
        name: "spill",
        ty: OGRwkbGeometryType::wkbPolygon,
        ..LayerOptions::default()
    };
    {
        let layer = transaction.create_layer(options)?;
        FieldDefn::new("value", OGRFieldType::OFTInteger)?.add_to_layer(&layer)?;
        let missing = || gdal::errors::GdalError::NullPointer {
            method_name: "GDALGetRasterBand",
            msg: String::new(),
        };
        let band = band_handle(raster.dataset(), 0).ok_or_else(missing)?;
        let mut go_on: GoOn<'_> = go_on;
        // SAFETY: band and layer belong to open datasets; `go_on` outlives the call, which keeps no pointer.
        let status = unsafe {
            gdal_sys::GDALPolygonize(
                band,
                gdal_sys::GDALGetMaskBand(band),
                layer.c_layer(),
                0,
                std::ptr::null_mut(),
                Some(heard),
                (&raw mut go_on).cast::<c_void>(),
            )
        };
        if status != CPLErr::CE_None {
            return Err(gdal::errors::GdalError::CplError {
                class: status,
                number: 0,
                msg: "GDALPolygonize".to_owned(),
            });
        }
    }
    transaction.commit()
}

unsafe extern "C" fn heard(share: f64, _text: *const c_char, target: *mut c_void) -> c_int {
    // SAFETY: `polygonise` passes the address of its own `GoOn`, alive during the call.
    let go_on = unsafe { &mut *target.cast::<GoOn<'_>>() };
    c_int::from(go_on(share))
}

/// Takes the polygons over with class, pixels and area.
fn measure(
    spill: &mut Dataset,
    finished: &mut Dataset,
    patches: &PatchLayer<'_>,
    grid: &Grid,
    go_on: GoOn<'_>,
) -> gdal::errors::Result<PatchCounts> {
    let srs = spatial_ref(grid.crs())?;
    let layer = finished.create_layer(LayerOptions {
        name: patches.name,
        srs: srs.as_ref(),
        ty: OGRwkbGeometryType::wkbPolygon,
        options: Some(&["GEOMETRY_NAME=geom"]),
    })?;
    for (name, kind) in [
        ("class_id", OGRFieldType::OFTInteger),
        ("class_name", OGRFieldType::OFTString),
        ("pixels", OGRFieldType::OFTInteger64),
        ("area_m2", OGRFieldType::OFTReal),
        ("area_ha", OGRFieldType::OFTReal),
    ] {
        FieldDefn::new(name, kind)?.add_to_layer(&layer)?;
    }
    let ground = Ground::of(grid.crs());
    let t = grid.transform().0;
    let pixel = (t[1] * t[5] - t[2] * t[4]).abs();
    let mut counts = PatchCounts {
        area_m2: (ground != Ground::Nowhere).then_some(0.0),
        ..PatchCounts::default()
    };
    let mut spilled = spill.layer(0)?;
    let total = spilled.feature_count().max(1) as f64;
    for (number, feature) in spilled.features().enumerate() {
        if number % 1024 == 0 && !go_on(number as f64 / total) {
            return Ok(counts);
        }
        let Some(geometry) = feature.geometry() else {
            continue;
        };
        let pixels = (geometry.area() / pixel).round() as u64;
        if pixels < patches.least_pixels {
            counts.left_out += 1;
            continue;
        }
        let value = feature.field_as_integer(0)?.unwrap_or_default();
        let class = patches
            .classes
            .iter()
            .find(|class| i32::from(class.id) == value);
        let name = class.map_or_else(|| value.to_string(), |class| class.name.clone());
        let mut made = Feature::new(layer.defn())?;
        made.set_field_integer(0, value)?;
        made.set_field_string(1, &name)?;
        made.set_field_integer64(2, i64::try_from(pixels).unwrap_or(i64::MAX))?;
        if let Some(area) = ground.area_m2(geometry) {
            made.set_field_double(3, area)?;
            made.set_field_double(4, area / 10_000.0)?;
            counts.area_m2 = counts.area_m2.map(|sum| sum + area);
        }
        made.set_geometry(geometry.clone())?;
        made.create(&layer)?;
        counts.patches += 1;
    }
    Ok(counts)
}

fn add_places(
    finished: &mut Dataset,
    options: LayerOptions<'_>,
    places: &[FoundPlace],
) -> gdal::errors::Result<()> {
    let layer = finished.create_layer(options)?;
    for (name, kind) in [
        ("rank", OGRFieldType::OFTInteger),
        ("similarity", OGRFieldType::OFTReal),
        ("col", OGRFieldType::OFTInteger64),
        ("row", OGRFieldType::OFTInteger64),
    ] {
        FieldDefn::new(name, kind)?.add_to_layer(&layer)?;
    }
    let whole = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    for (at, place) in places.iter().enumerate() {
        let mut made = Feature::new(layer.defn())?;
        made.set_field_integer(0, i32::try_from(at + 1).unwrap_or(i32::MAX))?;
        made.set_field_double(1, f64::from(place.similarity))?;
        made.set_field_integer64(2, whole(place.col))?;
        made.set_field_integer64(3, whole(place.row))?;
        let mut point = Geometry::empty(OGRwkbGeometryType::wkbPoint)?;
        point.set_point_2d(0, (place.x, place.y));
        made.set_geometry(point)?;
        made.create(&layer)?;
    }
    Ok(())
}

/// What map units are on the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ground {
    /// A projected map.
    Plane { metres_per_unit: f64 },
    /// Longitude and latitude on an ellipsoid.
    Globe {
        semi_major_m: f64,
        /// Eccentricity.
        e: f64,
        radians_per_unit: f64,
    },
    /// Pixels without a place.
    Nowhere,
}

impl Ground {
    fn of(crs: Option<&Crs>) -> Self {
        let Some(srs) = spatial_ref(crs).ok().flatten() else {
            return Self::Nowhere;
        };
        if !srs.is_geographic() {
            return Self::Plane {
                metres_per_unit: srs.linear_units(),
            };
        }
        let (Ok(a), Ok(b)) = (srs.semi_major(), srs.semi_minor()) else {
            return Self::Nowhere;
        };
        Self::Globe {
            semi_major_m: a,
            e: (1.0 - (b / a).powi(2)).max(0.0).sqrt(),
            radians_per_unit: srs.angular_units(),
        }
    }

    fn area_m2(self, polygon: &Geometry) -> Option<f64> {
        match self {
            Self::Nowhere => None,
            Self::Plane { metres_per_unit } => {
                Some(polygon.area() * metres_per_unit * metres_per_unit)
            }
            Self::Globe {
                semi_major_m,
                e,
                radians_per_unit,
            } => {
                let mut sum = 0.0;
                for ring in 0..polygon.geometry_count() {
                    let mut corners = Vec::new();
                    polygon.get_geometry(ring).get_points(&mut corners);
                    let area = globe_area(&corners, radians_per_unit, e);
                    sum += if ring == 0 { area } else { -area };
                }
                Some(sum * semi_major_m * semi_major_m / 2.0)
            }
        }
    }
}

/// Area of a ring in half squared major axes: the integral of the authalic `q(latitude)` over longitude, exact for edges
/// along meridians and parallels, which those of pixels are (Snyder 1987, equation 3-12).
fn globe_area(corners: &[(f64, f64, f64)], radians_per_unit: f64, e: f64) -> f64 {
    let q = |latitude: f64| {
        let sine = (latitude * radians_per_unit).sin();
        if e < 1e-9 {
            return 2.0 * sine;
        }
        let es = e * sine;
        (1.0 - e * e) * (sine / (1.0 - es * es) - ((1.0 - es) / (1.0 + es)).ln() / (2.0 * e))
    };
    corners
        .windows(2)
        .map(|pair| {
            let (from, to) = (pair[0], pair[1]);
            (to.0 - from.0) * radians_per_unit * (q(from.1) + q(to.1)) / 2.0
        })
        .sum::<f64>()
        .abs()
}

#[cfg(test)]
#[path = "patches_tests.rs"]
mod tests;
