//! Areas of interest: the polygons of a vector file as pixels of a grid, for jobs that work inside them only.
//! Knows shapes and grids. Knows nothing of jobs.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::area_spec::{AreaPart, AreaSpec};
use crate::polygons::PixelShape;
use crate::{
    Grid, PartKind, SceneError, SceneResult, VectorLayer, Window, place_vectors_blocking,
    read_vector_blocking,
};

/// Values listed where none fits.
const VALUES_LISTED: usize = 8;

/// Pixels whose centre lies inside any of the area's polygons.
pub struct AreaOfInterest {
    shapes: Vec<PixelShape>,
    grid: Window,
}

/// `fields.gpkg:crops` is the layer `crops` of `fields.gpkg`, unless a file has that very name.
pub fn file_and_layer(name: &str) -> (PathBuf, Option<String>) {
    let whole = PathBuf::from(name);
    if whole.exists() {
        return (whole, None);
    }
    match name.rsplit_once(':') {
        Some((file, layer)) if !layer.is_empty() && Path::new(file).exists() => {
            (PathBuf::from(file), Some(layer.to_owned()))
        }
        _ => (whole, None),
    }
}

impl AreaOfInterest {
    /// Reads the polygons of an area and places them on a grid.
    ///
    /// # Errors
    /// No such file, layer, column or value, no polygons, or none of them on the grid.
    pub fn read_blocking(spec: &AreaSpec, grid: &Grid) -> SceneResult<Self> {
        let (path, table) = file_and_layer(&spec.file);
        let layer = read_vector_blocking(&path, table.as_deref(), &Default::default())?;
        let is_chosen = chosen(&layer, spec.part.as_ref())?;
        let placed = place_vectors_blocking(&layer, grid.crs(), &AtomicBool::new(false))?;
        let pixel_from_map = grid.transform().inverse().ok_or_else(|| {
            SceneError::input(
                "the scene's pixels have no size on the map; an area cannot be placed on it",
            )
        })?;
        let polygons = (0..placed.shapes.parts())
            .filter_map(|part| placed.shapes.part(part))
            .filter(|part| part.kind == PartKind::Polygon && is_chosen(part.feature));
        let (mut count, mut shapes) = (0, Vec::new());
        for polygon in polygons {
            count += 1;
            let rings: Vec<Vec<(f64, f64)>> = polygon
                .rings()
                .map(|ring| ring.iter().map(|[x, y]| (*x, *y)).collect())
                .collect();
            shapes.extend(PixelShape::new(
                &rings,
                &pixel_from_map,
                grid.width,
                grid.height,
            ));
        }
        let area = Self {
            shapes,
            grid: grid.window(),
        };
        if count == 0 {
            let what = match spec.part {
                Some(_) => "the chosen shapes are no polygons; choose others",
                None => {
                    "the area of interest has no polygons; choose a file or layer with polygons"
                }
            };
            return Err(SceneError::file(path, what));
        }
        if !area.is_somewhere() {
            return Err(SceneError::file(
                path,
                "the area of interest holds no pixel of the scene; choose one that lies on it",
            ));
        }
        Ok(area)
    }

    /// Outlines in the grid's map coordinates; `None` when no pixel lies inside any.
    pub fn of_outlines(outlines: &[&crate::Rings], grid: &Grid) -> Option<Self> {
        let pixel_from_map = grid.transform().inverse()?;
        let shapes: Vec<PixelShape> = outlines
            .iter()
            .filter_map(|rings| PixelShape::new(rings, &pixel_from_map, grid.width, grid.height))
            .collect();
        (!shapes.is_empty()).then(|| Self {
            shapes,
            grid: grid.window(),
        })
    }

    fn is_somewhere(&self) -> bool {
        let mut found = false;
        for shape in &self.shapes {
            shape.spans(0..self.grid.height, |_, cols| found |= !cols.is_empty());
            if found {
                return true;
            }
        }
        false
    }

    /// Which pixels of a window lie inside, row by row.
    pub fn mask(&self, window: Window) -> Vec<bool> {
        let mut mask = vec![false; window.width * window.height];
        for shape in &self.shapes {
            shape.spans(window.row..window.end_row(), |row, cols| {
                let from = cols.start.max(window.col);
                let to = cols.end.min(window.end_col());
                if from < to {
                    let start = (row - window.row) * window.width + from - window.col;
                    if let Some(line) = mask.get_mut(start..start + to - from) {
                        line.fill(true);
                    }
                }
            });
        }
        mask
    }

    /// Whether any pixel of a window lies inside.
    pub fn touches(&self, window: Window) -> bool {
        self.shapes.iter().any(|shape| {
            let mut found = false;
            shape.spans(window.row..window.end_row(), |_, cols| {
                found |= cols.start < window.end_col() && cols.end > window.col;
            });
            found
        })
    }
}

/// Tells which features belong to a part of a layer.
fn chosen<'a>(
    layer: &'a VectorLayer,
    part: Option<&'a AreaPart>,
) -> SceneResult<Box<dyn Fn(usize) -> bool + 'a>> {
    match part {
        None => Ok(Box::new(|_| true)),
        Some(AreaPart::Shapes(ids)) => {
            if let Some(id) = ids.iter().find(|id| !layer.ids.contains(id)) {
                return Err(SceneError::file(
                    &layer.path,
                    format!(
                        "there is no shape {id} in this layer of {} shapes; the attribute table shows their numbers",
                        layer.features()
                    ),
                ));
            }
            Ok(Box::new(move |feature| {
                layer.ids.get(feature).is_some_and(|id| ids.contains(id))
            }))
        }
        Some(AreaPart::Value { column, value }) => {
            let Some(found) = layer.column(column) else {
                let names: Vec<&str> = layer.columns.iter().map(|c| c.name.as_str()).collect();
                return Err(SceneError::file(
                    &layer.path,
                    format!(
                        "the shapes have no column {column}; they have: {}",
                        names.join(", ")
                    ),
                ));
            };
            let number = value.parse::<f64>().ok();
            let has = move |feature: usize| {
                let same = number.is_some() && found.number(feature) == number;
                same || found.text(feature).as_deref() == Some(value)
            };
            if !(0..layer.features()).any(&has) {
                let mut known: Vec<String> = (0..layer.features())
                    .filter_map(|feature| found.text(feature))
                    .collect();
                known.sort_unstable();
                known.dedup();
                known.truncate(VALUES_LISTED);
                return Err(SceneError::file(
                    &layer.path,
                    format!(
                        "no shape has {column} = {value}; there are: {}",
                        known.join(", ")
                    ),
                ));
            }
            Ok(Box::new(has))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crs, GeoTransform, Georef};

    fn grid() -> Grid {
        Grid {
            width: 40,
            height: 30,
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

    fn write(folder: &Path, rings: &str) -> String {
        let path = folder.join("area.geojson");
        let text = format!(
            r#"{{"type":"FeatureCollection","crs":{{"type":"name","properties":{{"name":"urn:ogc:def:crs:EPSG::32629"}}}},"features":[{{"type":"Feature","properties":{{}},"geometry":{{"type":"Polygon","coordinates":{rings}}}}}]}}"#
        );
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    #[test]
    fn pixels_inside_are_those_whose_centre_is() {
        let folder = tempfile::tempdir().unwrap();
        // Columns 5 to 14 and rows 10 to 19, without the four pixels in the middle.
        let name = write(
            folder.path(),
            "[[[500050,3999900],[500150,3999900],[500150,3999800],[500050,3999800],[500050,3999900]],\
             [[500090,3999860],[500110,3999860],[500110,3999840],[500090,3999840],[500090,3999860]]]",
        );
        let area = AreaOfInterest::read_blocking(&AreaSpec::whole(name), &grid()).unwrap();
        let mask = area.mask(grid().window());
        for row in 0..30 {
            for col in 0..40 {
                let hole = (9..11).contains(&col) && (14..16).contains(&row);
                let inside = (5..15).contains(&col) && (10..20).contains(&row) && !hole;
                assert_eq!(mask[row * 40 + col], inside, "{col} {row}");
            }
        }
        let window = |col, row| Window {
            col,
            row,
            width: 5,
            height: 5,
        };
        assert!(area.touches(window(10, 15)) && !area.touches(window(20, 15)));
        assert!(!area.touches(window(0, 15)) && !area.touches(window(10, 20)));
        let part = area.mask(window(3, 8));
        assert_eq!(part.iter().filter(|inside| **inside).count(), 9);
    }

    #[test]
    fn an_area_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let name = write(
            folder.path(),
            "[[[100050,3999900],[100150,3999900],[100150,3999800],[100050,3999900]]]",
        );
        let error = AreaOfInterest::read_blocking(&AreaSpec::whole(name), &grid());
        let error = error.err().unwrap();
        assert!(
            error.to_string().contains("no pixel of the scene"),
            "{error}"
        );
    }

    #[test]
    fn a_part_is_chosen_by_value_or_by_number() {
        let folder = tempfile::tempdir().unwrap();
        let square = |id: u32, crop: &str, col: u32| {
            let (left, right) = (500_000 + 10 * col, 500_050 + 10 * col);
            format!(
                r#"{{"type":"Feature","id":{id},"properties":{{"crop":"{crop}","year":{}}},"geometry":{{"type":"Polygon","coordinates":[[[{left},4000000],[{right},4000000],[{right},3999900],[{left},3999900],[{left},4000000]]]}}}}"#,
                2000 + id
            )
        };
        let path = folder.path().join("fields.geojson");
        let features = [
            square(3, "wheat", 0),
            square(5, "maize", 10),
            square(9, "wheat", 20),
        ];
        let text = format!(
            r#"{{"type":"FeatureCollection","crs":{{"type":"name","properties":{{"name":"urn:ogc:def:crs:EPSG::32629"}}}},"features":[{}]}}"#,
            features.join(",")
        );
        std::fs::write(&path, text).unwrap();
        let read = |part: &str| {
            let spec = AreaSpec {
                file: path.display().to_string(),
                part: Some(part.parse().unwrap()),
            };
            AreaOfInterest::read_blocking(&spec, &grid())
        };
        let columns = |part: &str| {
            let mask = read(part).unwrap().mask(grid().window());
            [2, 12, 22].map(|col| mask[col])
        };
        assert_eq!(columns("crop=wheat"), [true, false, true]);
        assert_eq!(columns("year=2005.0"), [false, true, false]);
        assert_eq!(columns("fid=5"), [false, true, false]);
        assert_eq!(columns("fid=9, 3"), [true, false, true]);
        for (part, word) in [
            ("crop=rice", "maize, wheat"),
            ("kind=wheat", "crop, year"),
            ("fid=4", "no shape 4"),
        ] {
            let error = read(part).err().unwrap().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_layer_is_named_after_a_colon() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fields.gpkg");
        std::fs::write(&file, b"").unwrap();
        let name = format!("{}:crops", file.display());
        assert_eq!(file_and_layer(&name), (file.clone(), Some("crops".into())));
        let whole = file.display().to_string();
        assert_eq!(file_and_layer(&whole), (file, None));
    }
}
