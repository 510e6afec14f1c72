//! Vector files read whole: GeoPackage, GeoJSON, Shapefile, FlatGeobuf and whatever else OGR opens, and point tables.
//! Knows OGR. Knows nothing of maps, colours or labels.

#![expect(
    unsafe_code,
    reason = "shapes are read without a copy of each, through C"
)]

use std::collections::HashMap;
use std::ffi::c_int;
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gdal::vector::{Layer, LayerAccess};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use gdal_sys::{OGRFieldSubType, OGRFieldType, OGRwkbGeometryType};

use crate::crashed_files::about_to_open;
use crate::gdal_setup::owned_text;
use crate::shapes::{CLASS_LAYER, Part, ShapeSource, layer_system};
use crate::{
    ColumnKind, ColumnValues, Crs, PartKind, SceneError, SceneResult, ShapeStore, VectorColumn,
    VectorLayer, gdal_setup, take_gdal_messages,
};

/// More than this is refused: coordinates in the file's and in the map's system take 32 bytes a vertex.
const MOST_VERTICES: usize = 20_000_000;
const MOST_FEATURES: usize = 5_000_000;
/// Attributes beyond this are refused as well.
const MOST_TABLE_BYTES: usize = 1 << 30;
/// Features between two looks at the progress and the wish to stop.
const STEP: usize = 1024;

/// How far a read is, and the wish to stop it; shared with whoever waits.
#[derive(Debug, Default)]
pub struct VectorProgress {
    pub done: AtomicU64,
    /// 0 = not known.
    pub total: AtomicU64,
    pub stop: AtomicBool,
}

/// One layer of a file, without its shapes.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorTable {
    pub name: String,
    /// e.g. `Multi Polygon`; `None` for a table without shapes.
    pub geometry: Option<String>,
    pub features: Option<u64>,
    pub crs: Option<Crs>,
    /// Name and type of each attribute.
    pub attributes: Vec<(String, ColumnKind)>,
}

/// Layers of a vector file. `None` when GDAL does not know the file as one (it may be a raster).
///
/// # Errors
/// No such file.
pub fn vector_tables(path: &Path) -> SceneResult<Option<Vec<VectorTable>>> {
    let Some(source) = open(path)? else {
        return Ok(None);
    };
    let dataset = match &source {
        Source::Points(table) => {
            let layer = read_points(table, path)?;
            return Ok(Some(vec![VectorTable {
                name: layer.table.clone(),
                geometry: Some(layer.geometry.clone()),
                features: Some(layer.features() as u64),
                crs: layer.crs.clone(),
                attributes: layer
                    .columns
                    .iter()
                    .map(|column| (column.name.clone(), column.kind))
                    .collect(),
            }]));
        }
        Source::Dataset(dataset) => dataset,
    };
    let mut tables = Vec::new();
    for index in 0..dataset.layer_count() {
        let layer = dataset
            .layer(index)
            .map_err(|error| unreadable(path, &error))?;
        let kind = layer.defn().geometry_type();
        tables.push(VectorTable {
            name: layer.name(),
            geometry: (kind != OGRwkbGeometryType::wkbNone).then(|| geometry_name(kind)),
            features: layer.try_feature_count(),
            crs: layer_system(&layer),
            attributes: columns_of(&layer)
                .into_iter()
                .map(|(name, kind, _)| (name, kind))
                .collect(),
        });
    }
    take_gdal_messages();
    Ok(Some(tables))
}

/// Layers worth drawing: those with shapes; the table of classes of our own label files has none.
pub fn drawable_tables(tables: &[VectorTable]) -> Vec<&VectorTable> {
    tables
        .iter()
        .filter(|table| table.geometry.is_some() && table.name != CLASS_LAYER)
        .collect()
}

/// Reads one layer whole: `table`, or the first with shapes. Heights are dropped, curves become lines, collections fall
/// into their parts.
///
/// # Errors
/// No such file or layer, no shapes at all, more than fits, or stopped.
pub fn read_vector_blocking(
    path: &Path,
    table: Option<&str>,
    progress: &VectorProgress,
) -> SceneResult<VectorLayer> {
    let source = open(path)?.ok_or_else(|| {
        SceneError::file(
            path,
            "this file holds no shapes; open a GeoPackage, GeoJSON, Shapefile or FlatGeobuf",
        )
    })?;
    let dataset = match &source {
        Source::Points(table) => return read_points(table, path),
        Source::Dataset(dataset) => dataset,
    };
    let names: Vec<(String, bool)> = (0..dataset.layer_count())
        .filter_map(|index| dataset.layer(index).ok())
        .map(|layer| {
            let has_shapes = layer.defn().geometry_type() != OGRwkbGeometryType::wkbNone;
            (layer.name(), has_shapes)
        })
        .collect();
    let index = match table {
        Some(table) => names.iter().position(|(name, _)| name == table),
        None => names.iter().position(|(_, has_shapes)| *has_shapes),
    };
    let Some(index) = index else {
        let listed: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
        return Err(SceneError::file(
            path,
            match table {
                Some(table) => format!(
                    "there is no layer {table} in this file; it has: {}",
                    listed.join(", ")
                ),
                None => "no layer of this file has shapes; choose another file".to_owned(),
            },
        ));
    };
    let layer = dataset
        .layer(index)
        .map_err(|error| unreadable(path, &error))?;
    read_layer(layer, dataset.driver().short_name(), path, progress)
}

enum Source {
    Dataset(Dataset),
    Points(ShapeSource),
}

/// Names that GDAL takes apart itself are not looked for on the disk.
fn open(path: &Path) -> SceneResult<Option<Source>> {
    gdal_setup();
    if !path.exists() && !path.to_string_lossy().starts_with("/vsi") {
        return Err(SceneError::file(
            path,
            "there is no such file; check the name, or choose another one",
        ));
    }
    if crate::shapes::has_extension(path, &["csv", "txt", "tsv"])
        && let Some(source @ ShapeSource::Table(_)) = ShapeSource::open(path)?
    {
        return Ok(Some(Source::Points(source)));
    }
    about_to_open(path)?;
    take_gdal_messages();
    let options = DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_VECTOR,
        ..DatasetOptions::default()
    };
    let dataset = Dataset::open_ex(path, options).ok();
    let words = take_gdal_messages();
    match dataset {
        Some(dataset) if dataset.layer_count() > 0 => Ok(Some(Source::Dataset(dataset))),
        _ if crate::shapes::has_extension(path, &["geojson", "shp", "fgb", "kml"]) => {
            let what = if crate::shapes::has_extension(path, &["shp"]) {
                "this Shapefile cannot be read; check that its .shx and .dbf lie beside it"
            } else {
                "this file cannot be read as shapes; it may be damaged: choose another one"
            };
            Err(SceneError::file(path, what).with_details(words.unwrap_or_default()))
        }
        _ => Ok(None),
    }
}

fn unreadable(path: &Path, words: &dyn std::fmt::Display) -> SceneError {
    SceneError::file(
        path,
        "this file cannot be read as shapes; it may be damaged: choose another one",
    )
    .with_details(words)
}

fn geometry_name(kind: OGRwkbGeometryType::Type) -> String {
    // SAFETY: the function knows every value and returns a text of its own.
    unsafe {
        owned_text(gdal_sys::OGRGeometryTypeToName(gdal_sys::OGR_GT_Flatten(
            kind,
        )))
    }
}

/// For files that leave open what they hold, like GeoJSON.
fn kinds_name(shapes: &ShapeStore) -> &'static str {
    let mut kinds = (0..shapes.parts())
        .filter_map(|part| shapes.part(part))
        .map(|part| part.kind);
    let Some(first) = kinds.next() else {
        return "Unknown";
    };
    if kinds.any(|kind| kind != first) {
        return "Mixed";
    }
    match first {
        PartKind::Point => "Point",
        PartKind::Line => "Line String",
        PartKind::Polygon => "Polygon",
    }
}

/// Name, kind and OGR type of each attribute.
fn columns_of(layer: &Layer<'_>) -> Vec<(String, ColumnKind, OGRFieldType::Type)> {
    layer
        .defn()
        .fields()
        .enumerate()
        .map(|(index, field)| {
            let kind = match field.field_type() {
                OGRFieldType::OFTInteger | OGRFieldType::OFTInteger64 => {
                    // SAFETY: the layer's definition is alive and the index is within it.
                    let subtype = unsafe {
                        gdal_sys::OGR_Fld_GetSubType(gdal_sys::OGR_FD_GetFieldDefn(
                            layer.defn().c_defn(),
                            index as c_int,
                        ))
                    };
                    if subtype == OGRFieldSubType::OFSTBoolean {
                        ColumnKind::Boolean
                    } else {
                        ColumnKind::Integer
                    }
                }
                OGRFieldType::OFTReal => ColumnKind::Real,
                OGRFieldType::OFTString => ColumnKind::Text,
                OGRFieldType::OFTDate => ColumnKind::Date,
                OGRFieldType::OFTTime => ColumnKind::Time,
                OGRFieldType::OFTDateTime => ColumnKind::DateTime,
                _ => ColumnKind::Other,
            };
            (field.name(), kind, field.field_type())
        })
        .collect()
}

/// A column that is being filled.
struct Filling {
    column: VectorColumn,
    known: HashMap<Box<str>, Arc<str>>,
    text_bytes: usize,
}

impl Filling {
    fn new(name: String, kind: ColumnKind) -> Self {
        let values = match kind {
            ColumnKind::Integer | ColumnKind::Boolean => ColumnValues::Integer(Vec::new()),
            ColumnKind::Real => ColumnValues::Real(Vec::new()),
            _ => ColumnValues::Text(Vec::new()),
        };
        Self {
            column: VectorColumn { name, kind, values },
            known: HashMap::new(),
            text_bytes: 0,
        }
    }

    fn push_text(&mut self, text: Option<String>) {
        let shared = text.filter(|text| !text.is_empty()).map(|text| {
            if let Some(known) = self.known.get(text.as_str()) {
                return known.clone();
            }
            let shared: Arc<str> = text.as_str().into();
            self.text_bytes += text.len();
            // Texts that are all different need no table.
            if self.known.len() < 65_536 {
                self.known.insert(text.into_boxed_str(), shared.clone());
            }
            shared
        });
        if let ColumnValues::Text(values) = &mut self.column.values {
            values.push(shared);
        }
    }

    fn size_bytes(&self) -> usize {
        self.column.size_bytes() + self.text_bytes
    }
}

fn read_layer(
    mut layer: Layer<'_>,
    driver: String,
    path: &Path,
    progress: &VectorProgress,
) -> SceneResult<VectorLayer> {
    take_gdal_messages();
    let (table, crs) = (layer.name(), layer_system(&layer));
    let geometry = geometry_name(layer.defn().geometry_type());
    progress
        .total
        .store(layer.try_feature_count().unwrap_or(0), Ordering::Relaxed);
    let mut columns: Vec<Filling> = columns_of(&layer)
        .into_iter()
        .map(|(name, kind, _)| Filling::new(name, kind))
        .collect();
    let mut shapes = ShapeStore::default();
    let (mut ids, mut empty, mut broken) = (Vec::new(), 0, 0);
    let mut buffer = Vec::new();
    for (count, feature) in layer.features().enumerate() {
        if count % STEP == 0 {
            progress.done.store(count as u64, Ordering::Relaxed);
            if progress.stop.load(Ordering::Relaxed) {
                return Err(SceneError::Cancelled);
            }
            refuse_too_much(&shapes, &columns, path)?;
        }
        // SAFETY: the feature stays alive for the whole body of the loop.
        let handle = unsafe { feature.c_feature() };
        // SAFETY: a valid feature.
        ids.push(unsafe { gdal_sys::OGR_F_GetFID(handle) });
        for (index, filling) in columns.iter_mut().enumerate() {
            read_value(handle, index as c_int, filling);
        }
        let parts = shapes.parts();
        // SAFETY: a valid feature; the geometry stays its own.
        let shape = unsafe { gdal_sys::OGR_F_GetGeometryRef(handle) };
        let found = add_shape(shape, &mut shapes, &mut buffer);
        shapes.end_feature();
        match found {
            Found::Broken => broken += 1,
            Found::Nothing if shapes.parts() == parts => empty += 1,
            _ => {}
        }
    }
    progress.done.store(ids.len() as u64, Ordering::Relaxed);
    refuse_too_much(&shapes, &columns, path)?;
    let geometry = if geometry.starts_with("Unknown") {
        kinds_name(&shapes).to_owned()
    } else {
        geometry
    };
    let mut notes = Vec::new();
    // GDAL ends a broken file like a finished one; only its words tell.
    if let Some(words) = take_gdal_messages() {
        if ids.is_empty() {
            return Err(unreadable(path, &words));
        }
        let expected = progress.total.load(Ordering::Relaxed);
        if (ids.len() as u64) < expected {
            notes.push(format!(
                "the file breaks off after {} of {expected} shapes",
                ids.len()
            ));
        }
    }
    Ok(VectorLayer {
        path: path.to_owned(),
        table,
        driver,
        crs,
        geometry,
        shapes: Arc::new(shapes),
        ids,
        columns: columns.into_iter().map(|filling| filling.column).collect(),
        empty,
        broken,
        notes,
    })
}

fn refuse_too_much(shapes: &ShapeStore, columns: &[Filling], path: &Path) -> SceneResult<()> {
    let table_bytes: usize = columns.iter().map(Filling::size_bytes).sum();
    let what = if shapes.vertices() > MOST_VERTICES {
        format!("more than {} million vertices", MOST_VERTICES / 1_000_000)
    } else if shapes.features() > MOST_FEATURES {
        format!("more than {} million shapes", MOST_FEATURES / 1_000_000)
    } else if table_bytes > MOST_TABLE_BYTES {
        format!("more than {} GiB of attributes", MOST_TABLE_BYTES >> 30)
    } else {
        return Ok(());
    };
    Err(SceneError::file(
        path,
        format!(
            "this layer has {what}, more than is kept in memory; cut it to your area or simplify it (ogr2ogr -spat, -simplify, -select) and open that file"
        ),
    ))
}

fn read_value(feature: gdal_sys::OGRFeatureH, index: c_int, filling: &mut Filling) {
    // SAFETY: the caller's feature is valid and the index comes from its own definition. An attribute that a feature leaves
    // out reads as 0 through GDAL, hence the check.
    let is_set = unsafe { gdal_sys::OGR_F_IsFieldSetAndNotNull(feature, index) } != 0;
    match &mut filling.column.values {
        ColumnValues::Integer(values) => values.push(is_set.then(|| {
            // SAFETY: as above.
            unsafe { gdal_sys::OGR_F_GetFieldAsInteger64(feature, index) }
        })),
        ColumnValues::Real(values) => values.push(is_set.then(|| {
            // SAFETY: as above.
            unsafe { gdal_sys::OGR_F_GetFieldAsDouble(feature, index) }
        })),
        ColumnValues::Text(_) => {
            let text = is_set.then(|| {
                // SAFETY: as above; the text is copied before the next call.
                unsafe { owned_text(gdal_sys::OGR_F_GetFieldAsString(feature, index)) }
            });
            filling.push_text(text);
        }
    }
}

/// What a geometry turned out to be.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    Shape,
    Nothing,
    /// Some part of it cannot be used.
    Broken,
}

impl Found {
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Broken, _) | (_, Self::Broken) => Self::Broken,
            (Self::Shape, _) | (_, Self::Shape) => Self::Shape,
            _ => Self::Nothing,
        }
    }
}

/// Adds a geometry's parts to the feature under way. `geometry` is null or valid and is not changed.
fn add_shape(
    geometry: gdal_sys::OGRGeometryH,
    shapes: &mut ShapeStore,
    buffer: &mut Vec<Vec<[f64; 2]>>,
) -> Found {
    if geometry.is_null() {
        return Found::Nothing;
    }
    // SAFETY: a valid geometry; the linear copy is ours and destroyed below.
    unsafe {
        if gdal_sys::OGR_G_HasCurveGeometry(geometry, 0) != 0 {
            let linear = gdal_sys::OGR_G_GetLinearGeometry(geometry, 0.0, ptr::null_mut());
            if linear.is_null() {
                return Found::Broken;
            }
            let found = add_linear(linear, shapes, buffer);
            gdal_sys::OGR_G_DestroyGeometry(linear);
            return found;
        }
    }
    add_linear(geometry, shapes, buffer)
}

fn add_linear(
    geometry: gdal_sys::OGRGeometryH,
    shapes: &mut ShapeStore,
    buffer: &mut Vec<Vec<[f64; 2]>>,
) -> Found {
    // SAFETY: the caller's geometry is valid; its members belong to it and live as long.
    let (kind, count) = unsafe {
        if gdal_sys::OGR_G_IsEmpty(geometry) != 0 {
            return Found::Nothing;
        }
        (
            gdal_sys::OGR_GT_Flatten(gdal_sys::OGR_G_GetGeometryType(geometry)),
            gdal_sys::OGR_G_GetGeometryCount(geometry),
        )
    };
    // SAFETY: as above; `at` is below the count.
    let member = |at: c_int| unsafe { gdal_sys::OGR_G_GetGeometryRef(geometry, at) };
    match kind {
        OGRwkbGeometryType::wkbPoint | OGRwkbGeometryType::wkbLineString => {
            let kind = if kind == OGRwkbGeometryType::wkbPoint {
                PartKind::Point
            } else {
                PartKind::Line
            };
            buffer.resize_with(1, Vec::new);
            let Some(points) = buffer.first_mut() else {
                return Found::Broken;
            };
            if !read_points_of(geometry, points) {
                return Found::Broken;
            }
            if shapes.add_part(kind, buffer) {
                Found::Shape
            } else {
                Found::Broken
            }
        }
        OGRwkbGeometryType::wkbPolygon | OGRwkbGeometryType::wkbTriangle => {
            buffer.resize_with(count.max(0) as usize, Vec::new);
            let mut whole = true;
            for (at, ring) in buffer.iter_mut().enumerate() {
                whole &= read_points_of(member(at as c_int), ring);
                // Rings are closed without saying so.
                if ring.len() > 1 && ring.first() == ring.last() {
                    ring.pop();
                }
                whole &= ring.len() >= 3;
            }
            let is_added = shapes.add_part(PartKind::Polygon, buffer);
            if is_added && whole {
                Found::Shape
            } else {
                Found::Broken
            }
        }
        OGRwkbGeometryType::wkbMultiPoint
        | OGRwkbGeometryType::wkbMultiLineString
        | OGRwkbGeometryType::wkbMultiPolygon
        | OGRwkbGeometryType::wkbGeometryCollection
        | OGRwkbGeometryType::wkbPolyhedralSurface
        | OGRwkbGeometryType::wkbTIN => (0..count).fold(Found::Nothing, |found, at| {
            found.with(add_linear(member(at), shapes, buffer))
        }),
        _ => Found::Broken,
    }
}

/// Takes a geometry's own points; false when some of them are no numbers (those are left out).
fn read_points_of(geometry: gdal_sys::OGRGeometryH, points: &mut Vec<[f64; 2]>) -> bool {
    points.clear();
    if geometry.is_null() {
        return false;
    }
    // SAFETY: valid geometry.
    let count = unsafe { gdal_sys::OGR_G_GetPointCount(geometry) }.max(0) as usize;
    points.resize(count, [0.0; 2]);
    if count > 0 {
        let start = points.as_mut_ptr().cast::<f64>();
        let stride = size_of::<[f64; 2]>() as c_int;
        // SAFETY: room for `count` pairs; GDAL writes x and y of each with a pair's distance between them.
        unsafe {
            gdal_sys::OGR_G_GetPoints(
                geometry,
                start.cast(),
                stride,
                start.add(1).cast(),
                stride,
                ptr::null_mut(),
                0,
            );
        }
    }
    points.retain(|[x, y]| x.is_finite() && y.is_finite());
    points.len() == count
}

/// A table with coordinates in two columns; the types of the others follow from their values.
fn read_points(source: &ShapeSource, path: &Path) -> SceneResult<VectorLayer> {
    let names = source.attributes().to_vec();
    let wanted: Vec<Option<usize>> = (0..names.len()).map(Some).collect();
    let file = source.read(path, &wanted)?;
    if file.systems.len() > 1 {
        return Err(SceneError::file(
            path,
            "rows of this table are in different coordinate systems; split it, one system a file",
        ));
    }
    let mut shapes = ShapeStore::default();
    let (mut empty, mut broken) = (0, 0);
    for shape in &file.shapes {
        for part in &shape.parts {
            if let Part::Point((x, y)) = part {
                shapes.add_part(PartKind::Point, &[[[*x, *y]]]);
            }
        }
        shapes.end_feature();
        broken += usize::from(shape.is_broken);
        empty += usize::from(shape.parts.is_empty() && !shape.is_broken);
    }
    let columns = names
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let cells = || {
                file.shapes
                    .iter()
                    .map(|shape| shape.values.get(index).and_then(Option::as_deref))
            };
            let (kind, values) = if cells().flatten().all(|text| text.parse::<i64>().is_ok()) {
                let parse = |text: Option<&str>| text.and_then(|text| text.parse().ok());
                let values = cells().map(parse).collect();
                (ColumnKind::Integer, ColumnValues::Integer(values))
            } else if cells().flatten().all(|text| text.parse::<f64>().is_ok()) {
                let parse = |text: Option<&str>| text.and_then(|text| text.parse().ok());
                let values = cells().map(parse).collect();
                (ColumnKind::Real, ColumnValues::Real(values))
            } else {
                let values = cells().map(|text| text.map(Arc::from)).collect();
                (ColumnKind::Text, ColumnValues::Text(values))
            };
            VectorColumn { name, kind, values }
        })
        .collect();
    Ok(VectorLayer {
        path: path.to_owned(),
        table: path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default(),
        driver: "CSV".to_owned(),
        crs: file.systems.into_iter().next(),
        geometry: "Point".to_owned(),
        ids: (1..=shapes.features() as i64).collect(),
        shapes: Arc::new(shapes),
        columns,
        empty,
        broken,
        notes: Vec::new(),
    })
}
