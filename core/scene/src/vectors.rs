//! Label files: GeoPackage, GeoJSON, Shapefile, CSV points and label rasters, read and written through GDAL.

use std::path::Path;

use crate::{Grid, Labels, SceneResult};

/// What an import did, for the message strip.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportReport {
    pub imported: usize,
    pub outside: usize,
    pub empty: usize,
    pub invalid: usize,
    /// Shapes whose class attribute was missing or null.
    pub without_class: usize,
}

/// Attribute names of the first layer of a vector file (to ask which one is the class).
pub fn vector_attributes(_path: &Path) -> SceneResult<Vec<String>> {
    todo!()
}

/// Reads shapes as label polygons on `grid` (reprojected silently). `class_attribute` `None` tries the well-known names
/// (`class_name`, `class`, `class_id`, `label`, `MC_ID`, `C_ID`, `macroclass_id`). Text and number both work. Points become one-pixel polygons.
/// Rasters (same grid) are accepted too. All shapes outside, or no such attribute, is an error that says so.
pub fn import_labels(_path: &Path, _grid: &Grid, _class_attribute: Option<&str>) -> SceneResult<(Labels, ImportReport)> {
    todo!()
}

/// Writes by extension: `.gpkg` (home format: layers `terroir_labels`, `terroir_classes`), `.geojson`, `.shp`. Painted pixels are
/// polygonised per class and come back on exactly the same pixels. Written beside and renamed.
pub fn export_labels(_labels: &Labels, _path: &Path) -> SceneResult<()> {
    todo!()
}
