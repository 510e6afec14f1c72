//! Label files written: GeoPackage (home format), GeoJSON, Shapefile and, by `label_points.rs`, CSV. Built in memory, written beside, renamed.
//! Knows labels and OGR. Reading is in `vectors`.

#![expect(unsafe_code, reason = "GDAL's file in memory is removed through C")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};
use gdal::vector::{Defn, Feature, FieldDefn, Geometry, LayerAccess, LayerOptions};
use gdal::vsi::get_vsi_mem_file_bytes_owned;
use gdal::{Dataset, DriverManager};
use gdal_sys::{OGRFieldType, OGRwkbGeometryType};

use crate::beside::write_beside;
use crate::gdal_setup::{MEMORY_ADVICE, lacks_memory};
use crate::label_points::label_points;
use crate::outlines::painted_patches;
use crate::shapes::{CLASS_LAYER, LABEL_LAYER, has_extension};
use crate::{
    Class, Crs, Labels, Reprojection, SceneError, SceneResult, gdal_setup, hex_from_rgb,
    take_gdal_messages,
};

/// One feature of a label file, in the grid's map coordinates.
struct Record<'a> {
    class: &'a Class,
    source: &'a str,
    usage: &'a str,
    rings: Vec<Vec<(f64, f64)>>,
}

/// Writes by extension: `.gpkg` (home format: layers `terroir_labels`, `terroir_classes`), `.geojson`, `.shp`, `.csv` (a point
/// for each labelled pixel). Painted pixels are polygonised per class and come back on exactly the same pixels. Written beside
/// and renamed.
///
/// # Errors
/// Another extension, GeoJSON of labels without a CRS, and whatever stops the writing; the old file then stays as it was.
pub fn export_labels(labels: &Labels, path: &Path) -> SceneResult<()> {
    gdal_setup();
    if has_extension(path, &["gpkg"]) {
        write_beside(path, &geopackage(labels, path)?)
    } else if has_extension(path, &["geojson", "json"]) {
        write_beside(path, &geojson(labels, path)?)
    } else if has_extension(path, &["shp"]) {
        write_shapefile(labels, path)
    } else if has_extension(path, &["csv"]) {
        write_beside(path, &label_points(labels, path)?)
    } else {
        Err(SceneError::write(
            path,
            "labels are saved as .gpkg, .geojson, .shp or .csv; choose one of these endings",
        ))
    }
}

/// Polygons in their order, then painted patches.
fn records(labels: &Labels) -> impl Iterator<Item = Record<'_>> {
    let transform = labels.grid.transform();
    let polygons = labels.polygons.iter().filter_map(|polygon| {
        Some(Record {
            class: labels.class(polygon.class_id)?,
            source: &polygon.source,
            usage: &polygon.usage,
            rings: polygon.rings.clone(),
        })
    });
    let patches = painted_patches(labels)
        .into_iter()
        .filter_map(move |patch| {
            let on_map = |ring: &Vec<(i64, i64)>| {
                ring.iter()
                    .map(|(col, row)| transform.map_from_pixel(*col as f64, *row as f64))
                    .collect()
            };
            Some(Record {
                class: labels.class(patch.class_id)?,
                source: "paint",
                usage: "train",
                rings: patch.rings.iter().map(on_map).collect(),
            })
        });
    polygons.chain(patches)
}

/// A name in GDAL's memory that is this call's own; everything under it is freed on drop.
pub(crate) struct MemoryFolder(PathBuf);

impl MemoryFolder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "/vsimem/terroir-labels-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        Self(PathBuf::from(name))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn bytes(&self, name: &str, path: &Path) -> SceneResult<Vec<u8>> {
        get_vsi_mem_file_bytes_owned(self.0.join(name)).map_err(|error| unwritten(path, &error))
    }
}

impl Drop for MemoryFolder {
    fn drop(&mut self) {
        if let Some(name) = self
            .0
            .to_str()
            .and_then(|name| std::ffi::CString::new(name).ok())
        {
            // SAFETY: a NUL-terminated name; a missing folder is an error code that does not matter here.
            unsafe { gdal_sys::VSIRmdirRecursive(name.as_ptr()) };
            take_gdal_messages();
        }
    }
}

pub(crate) fn unwritten(path: &Path, words: &dyn std::fmt::Display) -> SceneError {
    let said = take_gdal_messages()
        .map(|said| format!("{words}\n{said}"))
        .unwrap_or_else(|| words.to_string());
    let what = if lacks_memory(&said) {
        format!("the labels cannot be written; {MEMORY_ADVICE}")
    } else {
        "the labels could not be put into this format; choose GeoPackage instead".to_owned()
    };
    SceneError::write(path, what).with_details(said)
}

pub(crate) fn spatial_ref(crs: Option<&Crs>) -> gdal::errors::Result<Option<SpatialRef>> {
    let Some(crs) = crs else { return Ok(None) };
    let mut srs = SpatialRef::from_wkt(&crs.wkt)?;
    srs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    Ok(Some(srs))
}

pub(crate) fn polygon(rings: &[Vec<(f64, f64)>]) -> gdal::errors::Result<Geometry> {
    let mut polygon = Geometry::empty(OGRwkbGeometryType::wkbPolygon)?;
    for corners in rings {
        let mut ring = Geometry::empty(OGRwkbGeometryType::wkbLinearRing)?;
        for corner in corners.iter().chain(corners.first()) {
            ring.add_point_2d(*corner);
        }
        polygon.add_geometry(ring)?;
    }
    Ok(polygon)
}

/// The columns of every label file (conventions of the home format); Shapefile takes those that fit its short names.
const COLUMNS: [(&str, OGRFieldType::Type); 8] = [
    ("class_id", OGRFieldType::OFTInteger),
    ("class_name", OGRFieldType::OFTString),
    ("color", OGRFieldType::OFTString),
    ("use", OGRFieldType::OFTString),
    ("confidence", OGRFieldType::OFTReal),
    ("source", OGRFieldType::OFTString),
    ("created", OGRFieldType::OFTString),
    ("note", OGRFieldType::OFTString),
];

/// Writes all records into a new layer; fields without a value stay null.
fn write_records(
    dataset: &mut Dataset,
    labels: &Labels,
    options: LayerOptions<'_>,
    columns: usize,
) -> gdal::errors::Result<u64> {
    let layer = dataset.create_layer(options)?;
    for (name, kind) in COLUMNS.iter().take(columns) {
        let field = FieldDefn::new(name, *kind)?;
        if *name == "class_id" {
            field.set_width(9);
        }
        field.add_to_layer(&layer)?;
    }
    let source_column = layer.defn().field_index("source").ok();
    let mut count = 0;
    for record in records(labels) {
        let mut feature = Feature::new(layer.defn())?;
        feature.set_field_integer(0, i32::from(record.class.id))?;
        feature.set_field_string(1, &record.class.name)?;
        feature.set_field_string(2, &hex_from_rgb(record.class.color))?;
        feature.set_field_string(3, record.usage)?;
        if let Some(column) = source_column {
            feature.set_field_string(column, record.source)?;
        }
        feature.set_geometry(polygon(&record.rings)?)?;
        feature.create(&layer)?;
        count += 1;
    }
    Ok(count)
}

fn write_classes(dataset: &mut Dataset, classes: &[Class]) -> gdal::errors::Result<()> {
    let options = LayerOptions {
        name: CLASS_LAYER,
        ty: OGRwkbGeometryType::wkbNone,
        ..LayerOptions::default()
    };
    let layer = dataset.create_layer(options)?;
    for (name, kind) in COLUMNS.iter().take(3) {
        FieldDefn::new(name, *kind)?.add_to_layer(&layer)?;
    }
    let defn = Defn::from_layer(&layer);
    for class in classes {
        let mut feature = Feature::new(&defn)?;
        feature.set_field_integer(0, i32::from(class.id))?;
        feature.set_field_string(1, &class.name)?;
        feature.set_field_string(2, &hex_from_rgb(class.color))?;
        feature.create(&layer)?;
    }
    Ok(())
}

fn geopackage(labels: &Labels, path: &Path) -> SceneResult<Vec<u8>> {
    let folder = MemoryFolder::new();
    let write = || -> gdal::errors::Result<()> {
        let srs = spatial_ref(labels.grid.crs())?;
        let mut dataset = DriverManager::get_driver_by_name("GPKG")?
            .create_vector_only(folder.path("labels.gpkg"))?;
        let mut transaction = dataset.start_transaction()?;
        let options = LayerOptions {
            name: LABEL_LAYER,
            srs: srs.as_ref(),
            ty: OGRwkbGeometryType::wkbPolygon,
            options: Some(&["GEOMETRY_NAME=geom"]),
        };
        write_records(&mut transaction, labels, options, COLUMNS.len())?;
        write_classes(&mut transaction, &labels.classes)?;
        transaction.commit()?;
        dataset.close()
    };
    take_gdal_messages();
    write().map_err(|error| unwritten(path, &error))?;
    folder.bytes("labels.gpkg", path)
}

/// All files of a Shapefile, the `.shp` last, so that a reader never meets it without the others.
fn write_shapefile(labels: &Labels, path: &Path) -> SceneResult<()> {
    let folder = MemoryFolder::new();
    let write = || -> gdal::errors::Result<()> {
        let srs = spatial_ref(labels.grid.crs())?;
        let mut dataset =
            DriverManager::get_driver_by_name("ESRI Shapefile")?.create_vector_only(&folder.0)?;
        let options = LayerOptions {
            name: "labels",
            srs: srs.as_ref(),
            ty: OGRwkbGeometryType::wkbPolygon,
            options: Some(&["ENCODING=UTF-8"]),
        };
        write_records(&mut dataset, labels, options, 6)?;
        dataset.close()
    };
    take_gdal_messages();
    write().map_err(|error| unwritten(path, &error))?;
    let mut files = Vec::new();
    for ending in ["shx", "dbf", "prj", "cpg", "shp"] {
        // Labels without a CRS have no .prj.
        if ending != "prj" || labels.grid.crs().is_some() {
            files.push((
                path.with_extension(ending),
                folder.bytes(&format!("labels.{ending}"), path)?,
            ));
        }
    }
    for (target, bytes) in &files {
        write_beside(target, bytes)?;
    }
    Ok(())
}

/// GeoJSON: longitude and latitude on WGS 84, outer rings anticlockwise, coordinates to 1e-9 degrees (0.1 mm).
fn geojson(labels: &Labels, path: &Path) -> SceneResult<Vec<u8>> {
    let Some(crs) = labels.grid.crs() else {
        return Err(SceneError::write(
            path,
            "GeoJSON needs a place on Earth, and this scene has no coordinate system; save the labels as GeoPackage",
        ));
    };
    let lon_lat_from_map = Reprojection::new(crs, &Crs::wgs84()?)?;
    let mut text =
        String::from("{\"type\":\"FeatureCollection\",\"name\":\"terroir_labels\",\"features\":[");
    for (at, record) in records(labels).enumerate() {
        let mut rings = Vec::with_capacity(record.rings.len());
        for (place, ring) in record.rings.iter().enumerate() {
            let moved: Option<Vec<[f64; 2]>> = ring
                .iter()
                .map(|(x, y)| {
                    lon_lat_from_map
                        .point(*x, *y)
                        .map(|(lon, lat)| [rounded(lon), rounded(lat)])
                })
                .collect();
            let mut moved = moved.ok_or_else(|| {
                SceneError::write(path, "a polygon lies where longitude and latitude are not defined; save the labels as GeoPackage")
            })?;
            if is_clockwise(&moved) == (place == 0) {
                moved.reverse();
            }
            moved.extend(moved.first().copied());
            rings.push(moved);
        }
        let feature = serde_json::json!({
            "type": "Feature",
            "properties": {
                "class_id": record.class.id,
                "class_name": record.class.name,
                "color": hex_from_rgb(record.class.color),
                "use": record.usage,
                "source": record.source,
            },
            "geometry": { "type": "Polygon", "coordinates": rings },
        });
        text.push_str(if at == 0 { "\n" } else { ",\n" });
        text.push_str(&feature.to_string());
    }
    text.push_str("\n]}\n");
    Ok(text.into_bytes())
}

fn rounded(degrees: f64) -> f64 {
    (degrees * 1e9).round() / 1e9
}

fn is_clockwise(ring: &[[f64; 2]]) -> bool {
    let next = ring.iter().cycle().skip(1);
    ring.iter()
        .zip(next)
        .map(|(a, b)| a[0] * b[1] - b[0] * a[1])
        .sum::<f64>()
        < 0.0
}
