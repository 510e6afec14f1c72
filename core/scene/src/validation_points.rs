//! The points of a validation sample as a file to be filled in: GeoPackage or CSV, without the map's classes, in the order
//! drawn. Built in memory, written beside and renamed. Knows points; knows nothing of how they were drawn.

use std::path::Path;

use gdal::DriverManager;
use gdal::vector::{Feature, FieldDefn, Geometry, LayerAccess, LayerOptions};
use gdal_sys::{OGRFieldType, OGRwkbGeometryType};

use crate::beside::write_beside;
use crate::label_file::{MemoryFolder, spatial_ref, unwritten};
use crate::shapes::has_extension;
use crate::{Grid, SceneError, SceneResult, gdal_setup, take_gdal_messages};

/// What every point is for: `terroir assess --stratified-sample` takes no others.
const USE: &str = "validation";
const LAYER: &str = "validation_sample";

/// Writes the middles of `pixels` (column, row) of `grid`, numbered from 1, with an empty `class` to be filled in.
///
/// # Errors
/// Another ending than `.gpkg` or `.csv`, a grid placed by control points, and whatever stops the writing.
pub fn write_validation_points(
    path: &Path,
    grid: &Grid,
    pixels: &[(usize, usize)],
) -> SceneResult<()> {
    gdal_setup();
    let points = pixels
        .iter()
        .map(|(col, row)| {
            grid.ground_from_pixel(*col as f64 + 0.5, *row as f64 + 0.5)
                .ok_or_else(|| {
                    SceneError::write(path, "a pixel of the map has no place on the ground")
                })
        })
        .collect::<SceneResult<Vec<(f64, f64)>>>()?;
    if has_extension(path, &["gpkg"]) {
        write_beside(path, &geopackage(path, grid, &points)?)
    } else if has_extension(path, &["csv"]) {
        write_beside(path, &table(path, grid, &points)?)
    } else {
        Err(SceneError::write(
            path,
            "a validation sample is written as .gpkg or .csv; choose one of these endings",
        ))
    }
}

fn table(path: &Path, grid: &Grid, points: &[(f64, f64)]) -> SceneResult<Vec<u8>> {
    let crs = grid.crs().map_or_else(String::new, |crs| match crs.epsg {
        Some(code) => format!("EPSG:{code}"),
        None => crs.wkt.clone(),
    });
    let failed = |error: csv::Error| {
        SceneError::write(path, "the table could not be written").with_details(error)
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(["id", "x", "y", "crs", "class", "use", "note"])
        .map_err(failed)?;
    for (number, (x, y)) in points.iter().enumerate() {
        let (id, x, y) = ((number + 1).to_string(), x.to_string(), y.to_string());
        writer
            .write_record([&id, &x, &y, &crs, "", USE, ""])
            .map_err(failed)?;
    }
    writer.into_inner().map_err(|error| {
        SceneError::write(path, "the table could not be written").with_details(error)
    })
}

fn geopackage(path: &Path, grid: &Grid, points: &[(f64, f64)]) -> SceneResult<Vec<u8>> {
    let folder = MemoryFolder::new();
    let write = || -> gdal::errors::Result<()> {
        let srs = spatial_ref(grid.crs())?;
        let mut dataset = DriverManager::get_driver_by_name("GPKG")?
            .create_vector_only(folder.path("sample.gpkg"))?;
        let mut transaction = dataset.start_transaction()?;
        let layer = transaction.create_layer(LayerOptions {
            name: LAYER,
            srs: srs.as_ref(),
            ty: OGRwkbGeometryType::wkbPoint,
            options: Some(&["GEOMETRY_NAME=geom"]),
        })?;
        for (name, kind) in [
            ("id", OGRFieldType::OFTInteger),
            ("class", OGRFieldType::OFTString),
            ("use", OGRFieldType::OFTString),
            ("note", OGRFieldType::OFTString),
        ] {
            FieldDefn::new(name, kind)?.add_to_layer(&layer)?;
        }
        for (number, point) in (1..).zip(points) {
            let mut feature = Feature::new(layer.defn())?;
            feature.set_field_integer(0, number)?;
            feature.set_field_string(2, USE)?;
            let mut geometry = Geometry::empty(OGRwkbGeometryType::wkbPoint)?;
            geometry.add_point_2d(*point);
            feature.set_geometry(geometry)?;
            feature.create(&layer)?;
        }
        transaction.commit()?;
        dataset.close()
    };
    take_gdal_messages();
    write().map_err(|error| unwritten(path, &error))?;
    folder.bytes("sample.gpkg", path)
}
