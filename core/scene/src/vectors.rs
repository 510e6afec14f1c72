//! Label files read onto a grid: GeoPackage, GeoJSON, Shapefile, FlatGeobuf, CSV points and label rasters.
//! Knows shapes, legends and grids. Writing is in `label_file`.

use std::path::Path;

use crate::label_raster::import_label_raster;
use crate::legend::{ClassColumns, ClassWords, KnownClass, Legend, classes_beside};
use crate::outlines::painted_patches;
use crate::polygons::PixelShape;
use crate::shapes::{Part, Shape, ShapeFile, ShapeSource};
use crate::{
    Class, GeoTransform, Grid, LabelPolygon, Labels, MapRect, Reprojection, SceneError,
    SceneResult, rgb_from_hex,
};

/// What an import did, for the message strip.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportReport {
    /// Shapes taken over.
    pub imported: usize,
    /// Pixels taken over from a label raster or from painted patches.
    pub painted: usize,
    pub outside: usize,
    pub empty: usize,
    pub invalid: usize,
    /// Shapes whose class attribute was missing or null.
    pub without_class: usize,
    /// What else is worth knowing, one sentence each.
    pub notes: Vec<String>,
}

impl ImportReport {
    /// One line, e.g. "25 shapes imported; 3 outside the scene, 1 without a class".
    pub fn summary(&self) -> String {
        let mut text = match (self.imported, self.painted) {
            (0, pixels) => format!("{pixels} labelled pixels imported"),
            (shapes, 0) => format!("{shapes} shapes imported"),
            (shapes, pixels) => {
                format!("{shapes} shapes imported, {pixels} pixels of them painted")
            }
        };
        let left_out: Vec<String> = [
            (self.outside, "outside the scene"),
            (self.empty, "empty"),
            (self.invalid, "invalid"),
            (self.without_class, "without a class"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        if !left_out.is_empty() {
            text = format!("{text}; left out: {}", left_out.join(", "));
        }
        for note in &self.notes {
            text = format!("{text}; {note}");
        }
        text
    }
}

/// Attribute names of a layer of a vector file (without a name the first) or of a point table, to ask which one is the
/// class; none for a raster.
pub fn vector_attributes(path: &Path, table: Option<&str>) -> SceneResult<Vec<String>> {
    Ok(ShapeSource::open_table(path, table)?
        .map(|source| source.attributes().to_vec())
        .unwrap_or_default())
}

/// Reads shapes as label polygons on `grid` (reprojected silently). `class_attribute` `None` tries the well-known names
/// (`class_name`, `class`, `class_id`, `label`, `MC_ID`, `C_ID`, `macroclass_id`). Text and number both work. Points become
/// one-pixel polygons, lines the pixels they touch; painted patches of our own files become painted pixels again.
/// Label rasters are read too, also those on another grid (nearest pixel, said in the notes).
///
/// # Errors
/// No such file or attribute, no shapes, all shapes outside the grid, more than 255 classes: each says what to do.
pub fn import_labels(
    path: &Path,
    grid: &Grid,
    class_attribute: Option<&str>,
) -> SceneResult<(Labels, ImportReport)> {
    import_labels_of(path, None, grid, class_attribute)
}

/// The same from one layer of a file that has several.
pub fn import_labels_of(
    path: &Path,
    table: Option<&str>,
    grid: &Grid,
    class_attribute: Option<&str>,
) -> SceneResult<(Labels, ImportReport)> {
    let Some(source) = ShapeSource::open_table(path, table)? else {
        return import_label_raster(path, grid);
    };
    if source.is_empty() && !source.is_home() {
        return Err(SceneError::file(
            path,
            "this file holds no shapes; choose another one",
        ));
    }
    let (columns, note) =
        ClassColumns::find(source.attributes(), class_attribute, source.is_home(), path)?;
    let wanted = [
        columns.class,
        columns.id,
        columns.name,
        columns.color,
        columns.usage,
        columns.source,
    ];
    let file = source.read(path, &wanted)?;
    let own: Vec<KnownClass> = source
        .class_table()
        .into_iter()
        .map(|(id, name, color)| KnownClass {
            id,
            name,
            color: color.as_deref().and_then(rgb_from_hex),
        })
        .collect();
    let is_ours = !own.is_empty();
    let known = if is_ours { own } else { classes_beside(path) };
    let words: Vec<ClassWords<'_>> = file
        .shapes
        .iter()
        .map(|shape| ClassWords {
            class: word(shape, 0),
            id: word(shape, 1),
            name: word(shape, 2),
            color: word(shape, 3),
        })
        .collect();
    let legend = Legend::new(&words, &known, is_ours && source.is_home(), path)?;
    let mut placing = Placing::new(grid, &legend.classes, &file, path)?;
    placing.report.notes.extend(note);
    for (shape, class_id) in file.shapes.iter().zip(&legend.of_shape) {
        placing.add(shape, *class_id);
    }
    placing.finish(file.shapes.len(), path)
}

fn word(shape: &Shape, index: usize) -> Option<&str> {
    shape.values.get(index).and_then(Option::as_deref)
}

/// What became of one part of a shape.
#[derive(Clone, Copy, PartialEq)]
enum Placed {
    Inside,
    Outside,
    Invalid,
}

/// Puts shapes of a file on a grid.
pub(crate) struct Placing {
    labels: Labels,
    report: ImportReport,
    map_from_pixel: GeoTransform,
    pixel_from_map: GeoTransform,
    /// For each system of the file; `None` where coordinates are the grid's own.
    into_grid: Vec<Option<Reprojection>>,
    systems: Vec<String>,
    without_pixel: usize,
}

impl Placing {
    pub(crate) fn new(
        grid: &Grid,
        classes: &[Class],
        file: &ShapeFile,
        path: &Path,
    ) -> SceneResult<Self> {
        let map_from_pixel = grid.transform();
        let pixel_from_map = map_from_pixel.inverse().ok_or_else(|| {
            SceneError::input(
                "the scene's pixels have no size on the map; labels cannot be placed on it",
            )
        })?;
        if grid.georef.model.is_some() && !file.systems.is_empty() {
            return Err(SceneError::file(
                path,
                "the scene is placed by control points or sensor coefficients, so shapes with coordinates cannot be laid on its \
                 pixels; paint labels on it, or warp it first (gdalwarp) and label that",
            ));
        }
        let mut report = ImportReport::default();
        let into_grid = file
            .systems
            .iter()
            .map(|system| match grid.crs() {
                None => Ok(None),
                Some(crs) => Reprojection::new(system, crs).map(Some),
            })
            .collect::<SceneResult<Vec<_>>>()
            .map_err(|error| {
                SceneError::file(
                    path,
                    format!("these coordinates cannot be moved to the scene's: {error}"),
                )
            })?;
        match grid.crs() {
            None if !file.systems.is_empty() => {
                report.notes.push(
                    "the scene has no coordinate system; coordinates were taken as they are"
                        .to_owned(),
                );
            }
            Some(crs) if file.shapes.iter().any(|shape| shape.system.is_none()) => {
                report.notes.push(format!(
                    "the file names no coordinate system; {} was assumed",
                    crs.label()
                ));
            }
            _ => {}
        }
        let mut labels = Labels::new(grid.clone());
        for class in classes {
            labels.set_class(class.clone());
        }
        let systems = file.systems.iter().map(|crs| crs.label()).collect();
        Ok(Self {
            labels,
            report,
            map_from_pixel,
            pixel_from_map,
            into_grid,
            systems,
            without_pixel: 0,
        })
    }

    /// Polygons laid down so far.
    pub(crate) fn polygons(&self) -> usize {
        self.labels.polygons.len()
    }

    pub(crate) fn add(&mut self, shape: &Shape, class_id: Option<u8>) {
        let Some(class_id) = class_id else {
            self.report.without_class += 1;
            return;
        };
        if shape.parts.is_empty() {
            *(if shape.is_broken {
                &mut self.report.invalid
            } else {
                &mut self.report.empty
            }) += 1;
            return;
        }
        let placed: Vec<Placed> = shape
            .parts
            .iter()
            .map(|part| self.add_part(part, shape, class_id))
            .collect();
        let count = if placed.contains(&Placed::Inside) {
            &mut self.report.imported
        } else if placed.contains(&Placed::Invalid) {
            &mut self.report.invalid
        } else {
            &mut self.report.outside
        };
        *count += 1;
    }

    /// The grid's map coordinates of a point.
    fn moved(&self, system: Option<usize>, point: (f64, f64)) -> Option<(f64, f64)> {
        let moved = match system.and_then(|index| self.into_grid.get(index)?.as_ref()) {
            Some(reprojection) => reprojection.point(point.0, point.1)?,
            None => point,
        };
        (moved.0.is_finite() && moved.1.is_finite()).then_some(moved)
    }

    fn add_part(&mut self, part: &Part, shape: &Shape, class_id: u8) -> Placed {
        let system = shape.system;
        match part {
            Part::Polygon(rings) => {
                let rings: Option<Vec<Vec<_>>> = rings
                    .iter()
                    .map(|ring| {
                        ring.iter()
                            .map(|point| self.moved(system, *point))
                            .collect()
                    })
                    .collect();
                match rings {
                    Some(rings) => self.add_polygon(rings, shape, class_id),
                    None => Placed::Invalid,
                }
            }
            Part::Point(point) => {
                let Some((x, y)) = self.moved(system, *point) else {
                    return Placed::Invalid;
                };
                let (col, row) = self.pixel_from_map.map_from_pixel(x, y);
                let is_inside = col >= 0.0
                    && row >= 0.0
                    && col < self.labels.grid.width as f64
                    && row < self.labels.grid.height as f64;
                if !is_inside {
                    return Placed::Outside;
                }
                // The pixel around the point is also the one whose centre is nearest.
                let (col, row) = (col.floor(), row.floor());
                // A pixel of our own table of points that was painted is painted again.
                if word(shape, 5) == Some("paint") {
                    self.report.painted += 1;
                    self.labels
                        .set_painted(col as usize, row as usize, class_id);
                    return Placed::Inside;
                }
                let corners = [
                    (col, row),
                    (col + 1.0, row),
                    (col + 1.0, row + 1.0),
                    (col, row + 1.0),
                ];
                self.push(vec![self.on_map(corners)], "point", shape, class_id);
                Placed::Inside
            }
            Part::Line(points) => {
                let Some(points) = points
                    .iter()
                    .map(|point| self.moved(system, *point))
                    .collect::<Option<Vec<_>>>()
                else {
                    return Placed::Invalid;
                };
                self.add_line(&points, shape, class_id)
            }
        }
    }

    fn add_polygon(&mut self, rings: Vec<Vec<(f64, f64)>>, shape: &Shape, class_id: u8) -> Placed {
        let (width, height) = (self.labels.grid.width, self.labels.grid.height);
        let corners = rings
            .iter()
            .flatten()
            .map(|(x, y)| self.pixel_from_map.map_from_pixel(*x, *y));
        let overlaps = MapRect::around(corners).is_some_and(|rect| {
            rect.min_x < width as f64
                && rect.max_x > 0.0
                && rect.min_y < height as f64
                && rect.max_y > 0.0
        });
        if !overlaps {
            return Placed::Outside;
        }
        let burnt = PixelShape::new(&rings, &self.pixel_from_map, width, height);
        let mut pixels = Vec::new();
        if let Some(burnt) = &burnt {
            burnt.spans(0..height, |row, cols| pixels.push((row, cols)));
        }
        if pixels.is_empty() {
            self.without_pixel += 1;
        }
        if word(shape, 5) == Some("paint") {
            for (row, cols) in pixels {
                self.report.painted += cols.len();
                cols.for_each(|col| self.labels.set_painted(col, row, class_id));
            }
        } else {
            self.push(rings, "import", shape, class_id);
        }
        Placed::Inside
    }

    /// Lines label the pixels they touch.
    fn add_line(&mut self, points: &[(f64, f64)], shape: &Shape, class_id: u8) -> Placed {
        let mut touched = Labels::new(self.labels.grid.clone());
        for pair in points.windows(2) {
            let [a, b] = pair else { continue };
            let (a, b) = (
                self.pixel_from_map.map_from_pixel(a.0, a.1),
                self.pixel_from_map.map_from_pixel(b.0, b.1),
            );
            each_touched_pixel(a, b, touched.grid.width, touched.grid.height, |col, row| {
                touched.set_painted(col, row, class_id)
            });
        }
        let patches = painted_patches(&touched);
        for patch in &patches {
            let rings = patch
                .rings
                .iter()
                .map(|ring| self.on_map(ring.iter().map(|(col, row)| (*col as f64, *row as f64))))
                .collect();
            self.push(rings, "import", shape, class_id);
        }
        if patches.is_empty() {
            Placed::Outside
        } else {
            Placed::Inside
        }
    }

    fn on_map(&self, corners: impl IntoIterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
        corners
            .into_iter()
            .map(|(col, row)| self.map_from_pixel.map_from_pixel(col, row))
            .collect()
    }

    fn push(&mut self, rings: Vec<Vec<(f64, f64)>>, source: &str, shape: &Shape, class_id: u8) {
        let source = match word(shape, 5) {
            Some(known @ ("polygon" | "point" | "import")) => known,
            _ => source,
        };
        let usage = match word(shape, 4).map(str::to_ascii_lowercase).as_deref() {
            Some("test" | "testing") => "test",
            Some("val" | "validation") => "val",
            Some("ignore") => "ignore",
            _ => "train",
        };
        self.labels.add_polygon(LabelPolygon {
            class_id,
            rings,
            source: source.to_owned(),
            usage: usage.to_owned(),
        });
    }

    pub(crate) fn finish(
        mut self,
        shapes: usize,
        path: &Path,
    ) -> SceneResult<(Labels, ImportReport)> {
        let report = &mut self.report;
        if self.without_pixel > 0 {
            report.notes.push(format!(
                "{} shapes are smaller than a pixel and label none",
                self.without_pixel
            ));
        }
        if report.imported == 0 && shapes > 0 {
            let systems = if self.systems.is_empty() {
                "no coordinate system".to_owned()
            } else {
                self.systems.join(", ")
            };
            let what = if report.outside > 0 {
                format!(
                    "all {} shapes lie outside the scene (the file is in {systems}, the scene in {}); choose the labels of this scene",
                    report.outside,
                    self.labels
                        .grid
                        .crs()
                        .map_or("no coordinate system".to_owned(), |crs| crs.label()),
                )
            } else if report.without_class == shapes {
                "no shape has a value in the class attribute; choose another attribute".to_owned()
            } else {
                format!(
                    "none of the {shapes} shapes can be used ({} empty, {} invalid, {} without a class); repair the file first",
                    report.empty, report.invalid, report.without_class
                )
            };
            return Err(SceneError::file(path, what));
        }
        Ok((self.labels, self.report))
    }
}

/// Pixels a segment runs through, row by row.
fn each_touched_pixel(
    a: (f64, f64),
    b: (f64, f64),
    width: usize,
    height: usize,
    mut each: impl FnMut(usize, usize),
) {
    let (top, bottom) = if a.1 <= b.1 { (a, b) } else { (b, a) };
    if width == 0 || bottom.1 < 0.0 || top.1 >= height as f64 {
        return;
    }
    let first = top.1.floor().max(0.0) as usize;
    let last = (bottom.1.floor() as usize).min(height - 1);
    for row in first..=last {
        let x_at = |y: f64| {
            let share = if bottom.1 > top.1 {
                (y.clamp(top.1, bottom.1) - top.1) / (bottom.1 - top.1)
            } else {
                0.0
            };
            top.0 + share * (bottom.0 - top.0)
        };
        let ends = if bottom.1 > top.1 {
            (x_at(row as f64), x_at(row as f64 + 1.0))
        } else {
            (top.0, bottom.0)
        };
        let (low, high) = (ends.0.min(ends.1).floor(), ends.0.max(ends.1).floor());
        if high < 0.0 || low >= width as f64 {
            continue;
        }
        for col in low.max(0.0) as usize..=(high as usize).min(width - 1) {
            each(col, row);
        }
    }
}

#[cfg(test)]
#[path = "vectors_tests.rs"]
mod tests;
