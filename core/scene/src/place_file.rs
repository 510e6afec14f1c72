//! Suggested places as points in a GeoPackage or a CSV table, to be visited and labelled elsewhere. Built in memory, written
//! beside and renamed. Knows points; knows nothing of how they were found.

use std::path::Path;

use gdal::DriverManager;
use gdal::vector::{Feature, FieldDefn, Geometry, LayerAccess, LayerOptions};
use gdal_sys::{OGRFieldType, OGRwkbGeometryType};

use crate::beside::write_beside;
use crate::label_file::{MemoryFolder, spatial_ref, unwritten};
use crate::shapes::has_extension;
use crate::{Class, Grid, SceneError, SceneResult, Suggestion, gdal_setup, take_gdal_messages};

const LAYER: &str = "places";
const COLUMNS: [&str; 8] = [
    "id",
    "map_class",
    "probability",
    "other_class",
    "other_probability",
    "uncertainty",
    "distance",
    "class",
];

struct Row {
    xy: (f64, f64),
    map_class: String,
    other_class: String,
    numbers: [f64; 4],
}

/// Writes the middles of suggested pixels of `grid`, best first and numbered from 1, with what the head takes them for and an
/// empty `class` to be filled in.
///
/// # Errors
/// Another ending than `.gpkg` or `.csv`, a grid placed by control points, and whatever stops the writing.
pub fn write_suggestions(
    path: &Path,
    grid: &Grid,
    classes: &[Class],
    places: &[Suggestion],
) -> SceneResult<()> {
    gdal_setup();
    let name = |id: u8| {
        classes
            .iter()
            .find(|class| class.id == id)
            .map_or_else(String::new, |class| class.name.clone())
    };
    let rows = places
        .iter()
        .map(|place| {
            let xy = grid
                .ground_from_pixel(place.col as f64 + 0.5, place.row as f64 + 0.5)
                .ok_or_else(|| {
                    SceneError::write(path, "a pixel of the field has no place on the ground")
                })?;
            let numbers = [
                place.probability,
                place.other_probability,
                place.uncertainty,
                place.distance,
            ];
            Ok(Row {
                xy,
                map_class: name(place.class_id),
                other_class: name(place.other_id),
                numbers: numbers.map(|value| (f64::from(value) * 1e4).round() / 1e4),
            })
        })
        .collect::<SceneResult<Vec<Row>>>()?;
    if has_extension(path, &["gpkg"]) {
        write_beside(path, &geopackage(path, grid, &rows)?)
    } else if has_extension(path, &["csv"]) {
        write_beside(path, &table(path, grid, &rows)?)
    } else {
        Err(SceneError::write(
            path,
            "places are written as .gpkg or .csv; choose one of these endings",
        ))
    }
}

fn table(path: &Path, grid: &Grid, rows: &[Row]) -> SceneResult<Vec<u8>> {
    let crs = grid.crs().map_or_else(String::new, |crs| match crs.epsg {
        Some(code) => format!("EPSG:{code}"),
        None => crs.wkt.clone(),
    });
    let failed = |error: csv::Error| {
        SceneError::write(path, "the table could not be written").with_details(error)
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = vec!["id", "x", "y", "crs"];
    header.extend(&COLUMNS[1..]);
    writer.write_record(header).map_err(failed)?;
    for (number, row) in (1..).zip(rows) {
        let [probability, other_probability, uncertainty, distance] =
            row.numbers.map(|value| value.to_string());
        let (id, x, y): (usize, f64, f64) = (number, row.xy.0, row.xy.1);
        writer
            .write_record([
                &id.to_string(),
                &x.to_string(),
                &y.to_string(),
                &crs,
                &row.map_class,
                &probability,
                &row.other_class,
                &other_probability,
                &uncertainty,
                &distance,
                "",
            ])
            .map_err(failed)?;
    }
    writer.into_inner().map_err(|error| {
        SceneError::write(path, "the table could not be written").with_details(error)
    })
}

fn geopackage(path: &Path, grid: &Grid, rows: &[Row]) -> SceneResult<Vec<u8>> {
    let folder = MemoryFolder::new();
    let write = || -> gdal::errors::Result<()> {
        let srs = spatial_ref(grid.crs())?;
        let mut dataset = DriverManager::get_driver_by_name("GPKG")?
            .create_vector_only(folder.path("places.gpkg"))?;
        let mut transaction = dataset.start_transaction()?;
        let layer = transaction.create_layer(LayerOptions {
            name: LAYER,
            srs: srs.as_ref(),
            ty: OGRwkbGeometryType::wkbPoint,
            options: Some(&["GEOMETRY_NAME=geom"]),
        })?;
        for name in COLUMNS {
            let kind = match name {
                "id" => OGRFieldType::OFTInteger,
                "map_class" | "other_class" | "class" => OGRFieldType::OFTString,
                _ => OGRFieldType::OFTReal,
            };
            FieldDefn::new(name, kind)?.add_to_layer(&layer)?;
        }
        for (number, row) in (1..).zip(rows) {
            let mut feature = Feature::new(layer.defn())?;
            let [probability, other_probability, uncertainty, distance] = row.numbers;
            feature.set_field_integer(0, number)?;
            feature.set_field_string(1, &row.map_class)?;
            feature.set_field_double(2, probability)?;
            feature.set_field_string(3, &row.other_class)?;
            feature.set_field_double(4, other_probability)?;
            feature.set_field_double(5, uncertainty)?;
            feature.set_field_double(6, distance)?;
            let mut geometry = Geometry::empty(OGRwkbGeometryType::wkbPoint)?;
            geometry.add_point_2d(row.xy);
            feature.set_geometry(geometry)?;
            feature.create(&layer)?;
        }
        transaction.commit()?;
        dataset.close()
    };
    take_gdal_messages();
    write().map_err(|error| unwritten(path, &error))?;
    folder.bytes("places.gpkg", path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crs, GeoTransform, Georef};

    #[test]
    fn places_are_written_as_points_and_as_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let grid = Grid {
            width: 40,
            height: 40,
            georef: Georef {
                transform: Some(GeoTransform([
                    500_000.0,
                    10.0,
                    0.0,
                    4_000_000.0,
                    0.0,
                    -10.0,
                ])),
                crs: Crs::parse("EPSG:32629").ok(),
                ..Georef::default()
            },
        };
        let classes = [(1, "water, deep"), (2, "trees")].map(|(id, name)| Class {
            id,
            name: name.to_owned(),
            color: [0; 3],
        });
        let place = Suggestion {
            col: 3,
            row: 5,
            class_id: 2,
            other_id: 1,
            probability: 0.51234,
            other_probability: 0.4,
            uncertainty: 0.9,
            distance: 0.25,
        };
        let csv = folder.path().join("places.csv");
        write_suggestions(&csv, &grid, &classes, std::slice::from_ref(&place)).unwrap();
        let text = std::fs::read_to_string(&csv).unwrap();
        assert!(
            text.contains("1,500035,3999945,EPSG:32629,trees,0.5123,\"water, deep\",0.4,0.9,0.25,")
        );
        let gpkg = folder.path().join("places.gpkg");
        write_suggestions(&gpkg, &grid, &classes, &[place.clone(), place]).unwrap();
        assert!(std::fs::metadata(&gpkg).unwrap().len() > 10_000);
        let refused = write_suggestions(&folder.path().join("a.txt"), &grid, &classes, &[]);
        assert!(refused.unwrap_err().to_string().contains(".gpkg or .csv"));
    }
}
