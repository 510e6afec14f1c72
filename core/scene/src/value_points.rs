//! Measured values at places, read onto a grid: points give the pixel under them, polygons all pixels inside. Knows vector files
//! and grids; knows nothing of fields or of what the values are for.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::polygons::PixelShape;
use crate::{
    ColumnValues, Grid, PartKind, SceneError, SceneResult, VectorLayer, place_vectors_blocking,
    read_vector_blocking,
};

/// Pixels of one polygon; of more, every n-th is taken.
const MOST_PIXELS: usize = 100_000;
/// Names of columns that are coordinates or numbers of rows, not values to learn.
const PLACE_COLUMNS: [&str; 12] = [
    "lon",
    "longitude",
    "lng",
    "long",
    "lat",
    "latitude",
    "x",
    "y",
    "easting",
    "northing",
    "id",
    "fid",
];

/// One measured value and the pixels it was measured on.
#[derive(Clone, Debug, PartialEq)]
pub struct ValuePlace {
    pub value: f64,
    /// (column, row); one for a point.
    pub pixels: Vec<(usize, usize)>,
    pub is_polygon: bool,
    /// Index of the feature or row in its file.
    pub feature: usize,
}

/// The places of a file, and what became of the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValuePlaces {
    pub places: Vec<ValuePlace>,
    /// Beside the grid, or polygons without the centre of any pixel.
    pub outside: usize,
    /// Nothing in the column, or no number.
    pub without_value: usize,
    /// No shape, or a line.
    pub without_shape: usize,
}

/// Columns of a layer that hold numbers, without those that look like coordinates.
pub fn value_columns(layer: &VectorLayer) -> Vec<String> {
    let is_place = |name: &str| PLACE_COLUMNS.contains(&name.to_lowercase().as_str());
    layer
        .columns
        .iter()
        .filter(|column| match &column.values {
            ColumnValues::Text(values) => values
                .iter()
                .flatten()
                .any(|text| text.trim().parse::<f64>().is_ok()),
            _ => column.is_number(),
        })
        .filter(|column| !is_place(&column.name))
        .map(|column| column.name.clone())
        .collect()
}

/// Reads the values of `column` from a point table (CSV with longitude and latitude or x and y) or a vector file.
///
/// # Errors
/// No such file, layer or column, a grid placed by control points, or no value on the grid at all.
pub fn read_value_places_blocking(
    path: &Path,
    table: Option<&str>,
    column: &str,
    grid: &Grid,
) -> SceneResult<ValuePlaces> {
    let layer = read_vector_blocking(path, table, &Default::default())?;
    let Some(values) = layer.column(column).or_else(|| {
        layer
            .columns
            .iter()
            .find(|found| found.name.eq_ignore_ascii_case(column))
    }) else {
        let known = value_columns(&layer);
        return Err(SceneError::file(
            path,
            if known.is_empty() {
                format!("there is no column {column}, and none holds numbers; choose another file")
            } else {
                format!(
                    "there is no column {column}; columns with numbers are: {}",
                    known.join(", ")
                )
            },
        ));
    };
    if grid.georef.model.is_some() && layer.crs.is_some() {
        return Err(SceneError::file(
            path,
            "the field is placed by control points or sensor coefficients, so places with coordinates cannot be laid on its pixels; warp it first (gdalwarp)",
        ));
    }
    let placed = place_vectors_blocking(&layer, grid.crs(), &AtomicBool::new(false))?;
    let pixel_from_map = grid.transform().inverse().ok_or_else(|| {
        SceneError::input("the field's pixels have no size on the map; places cannot be put on it")
    })?;
    let mut found = ValuePlaces::default();
    for feature in 0..placed.shapes.features() {
        let value = match &values.values {
            ColumnValues::Text(_) => values
                .text(feature)
                .and_then(|text| text.trim().parse::<f64>().ok())
                .filter(|value| value.is_finite()),
            _ => values.number(feature),
        };
        let Some(value) = value else {
            found.without_value += 1;
            continue;
        };
        let mut pixels: Vec<(usize, usize)> = Vec::new();
        let (mut has_shape, mut is_polygon) = (false, false);
        for part in placed.shapes.feature(feature) {
            match part.kind {
                PartKind::Point => {
                    has_shape = true;
                    for [x, y] in part.rings().flatten() {
                        let (col, row) = pixel_from_map.map_from_pixel(*x, *y);
                        if grid.holds(col, row) {
                            pixels.push((col as usize, row as usize));
                        }
                    }
                }
                PartKind::Polygon => {
                    (has_shape, is_polygon) = (true, true);
                    let rings: Vec<Vec<(f64, f64)>> = part
                        .rings()
                        .map(|ring| ring.iter().map(|[x, y]| (*x, *y)).collect())
                        .collect();
                    let shape = PixelShape::new(&rings, &pixel_from_map, grid.width, grid.height);
                    if let Some(shape) = shape {
                        shape.spans(0..grid.height, |row, cols| {
                            pixels.extend(cols.map(|col| (col, row)));
                        });
                    }
                }
                PartKind::Line => {}
            }
        }
        if !has_shape {
            found.without_shape += 1;
            continue;
        }
        pixels.sort_unstable_by_key(|(col, row)| (*row, *col));
        pixels.dedup();
        if pixels.is_empty() {
            found.outside += 1;
            continue;
        }
        let step = pixels.len().div_ceil(MOST_PIXELS);
        found.places.push(ValuePlace {
            value,
            pixels: pixels.into_iter().step_by(step).collect(),
            is_polygon,
            feature,
        });
    }
    if found.places.is_empty() {
        let what = if found.without_value > found.outside {
            format!("no place has a number in the column {column}; choose another column")
        } else {
            "no place lies on the field; check that both show the same area and that the coordinates are named lon and lat, or x and y"
                .to_owned()
        };
        return Err(SceneError::file(path, what));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crs, GeoTransform, Georef};

    fn grid() -> Grid {
        Grid {
            width: 50,
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
        }
    }

    fn read(name: &str, text: &str, column: &str) -> SceneResult<ValuePlaces> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read_value_places_blocking(&path, None, column, &grid())
    }

    #[test]
    fn a_table_gives_pixels_and_counts_the_rest() {
        let table = "id,x,y,depth,note\n1,500005,3999995,1.5,a\n2,500495,3999605,NA,b\n3,500495,3999605,2.5,c\n4,1,1,9,d\n";
        let found = read("points.csv", table, "depth").unwrap();
        let places: Vec<_> = found
            .places
            .iter()
            .map(|place| (place.value, place.pixels[0], place.feature))
            .collect();
        assert_eq!(places, [(1.5, (0, 0), 0), (2.5, (49, 39), 2)]);
        assert_eq!((found.outside, found.without_value), (1, 1));
        let degrees = "lon,lat,v\n-9.0,36.1,4\n-8.9995,36.14352,5\n-8.9993,36.1433,6\n";
        let found = read("degrees.csv", degrees, "V").unwrap();
        assert!(found.outside >= 1 && !found.places.is_empty(), "{found:?}");
    }

    #[test]
    fn polygons_give_the_pixels_inside() {
        let ring = "[[500020,3999980],[500050,3999980],[500050,3999960],[500020,3999960],[500020,3999980]]";
        let text = format!(
            r#"{{"type":"FeatureCollection","crs":{{"type":"name","properties":{{"name":"urn:ogc:def:crs:EPSG::32629"}}}},
            "features":[{{"type":"Feature","properties":{{"biomass":12}},"geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}]}}"#
        );
        let found = read("zones.geojson", &text, "biomass").unwrap();
        assert_eq!(found.places.len(), 1);
        let place = &found.places[0];
        assert!(place.is_polygon);
        assert_eq!(
            place.pixels,
            [(2, 2), (3, 2), (4, 2), (2, 3), (3, 3), (4, 3)]
        );
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let table = "x,y,depth\n1,1,2\n";
        let says = |column: &str| read("points.csv", table, column).unwrap_err().to_string();
        assert!(says("height").contains("columns with numbers are: depth"));
        assert!(says("depth").contains("no place lies on the field"));
        let empty = read("points.csv", "x,y,depth\n500005,3999995,NA\n", "depth");
        assert!(
            empty
                .unwrap_err()
                .to_string()
                .contains("no place has a number")
        );
    }
}
