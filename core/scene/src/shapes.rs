//! Shapes of a vector file or a point table as plain values: polygons, lines and points with the attributes asked for.
//! Knows OGR and CSV. Knows nothing of classes, grids or labels.

#![expect(unsafe_code, reason = "reference systems of layers are C handles")]

use std::path::Path;

use gdal::vector::{Feature, FieldValue, Geometry, Layer, LayerAccess, geometry_type_flatten};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use gdal_sys::OGRwkbGeometryType;

use crate::crashed_files::about_to_open;
use crate::{Crs, SceneError, SceneResult, gdal_setup, take_gdal_messages};

/// The layer of our own label files.
pub(crate) const LABEL_LAYER: &str = "terroir_labels";
/// The table of classes beside it, also of those without a shape.
pub(crate) const CLASS_LAYER: &str = "terroir_classes";

type Points = Vec<(f64, f64)>;

pub(crate) enum Part {
    /// Outer ring first, then holes.
    Polygon(Vec<Points>),
    Line(Points),
    Point((f64, f64)),
}

/// One feature.
pub(crate) struct Shape {
    pub(crate) parts: Vec<Part>,
    /// Geometry of a kind or with numbers that cannot be used.
    pub(crate) is_broken: bool,
    /// Index into `ShapeFile::systems`; `None` for the scene's own.
    pub(crate) system: Option<usize>,
    /// Values of the attributes asked for, as text; `None` when missing, null or empty.
    pub(crate) values: Vec<Option<String>>,
}

pub(crate) struct ShapeFile {
    pub(crate) shapes: Vec<Shape>,
    pub(crate) systems: Vec<Crs>,
}

/// A vector file whose attributes are known and whose shapes can be read.
pub(crate) enum ShapeSource {
    Layer {
        dataset: Dataset,
        layer: usize,
        attributes: Vec<String>,
    },
    Table(PointTable),
}

/// A text table with coordinates in two of its columns.
pub(crate) struct PointTable {
    attributes: Vec<String>,
    rows: Vec<csv::StringRecord>,
    x: usize,
    y: usize,
    crs: Option<usize>,
    is_lon_lat: bool,
}

impl ShapeSource {
    /// `Ok(None)` when GDAL does not know the file as shapes (it may be a raster).
    pub(crate) fn open(path: &Path) -> SceneResult<Option<Self>> {
        Self::open_table(path, None)
    }

    /// One layer of the file; without a name our own labels, or the first with shapes.
    pub(crate) fn open_table(path: &Path, table: Option<&str>) -> SceneResult<Option<Self>> {
        gdal_setup();
        if !path.exists() {
            return Err(SceneError::file(
                path,
                "there is no such file; check the name, or choose another one",
            ));
        }
        if has_extension(path, &["csv", "txt", "tsv"])
            && let Some(table) = PointTable::open(path)?
        {
            return Ok(Some(Self::Table(table)));
        }
        about_to_open(path)?;
        take_gdal_messages();
        let options = DatasetOptions {
            open_flags: GdalOpenFlags::GDAL_OF_VECTOR,
            ..DatasetOptions::default()
        };
        let Ok(dataset) = Dataset::open_ex(path, options) else {
            return Ok(None);
        };
        let count = dataset.layer_count();
        let layers: Vec<(String, bool)> = (0..count)
            .filter_map(|index| dataset.layer(index).ok())
            .map(|layer| {
                (
                    layer.name(),
                    layer.defn().geometry_type() != OGRwkbGeometryType::wkbNone,
                )
            })
            .collect();
        let chosen = layers
            .iter()
            .position(|(name, _)| name == table.unwrap_or(LABEL_LAYER))
            .or(layers.iter().position(|(_, has_shapes)| *has_shapes))
            .or((count > 0).then_some(0));
        let Some(layer) = chosen else { return Ok(None) };
        let attributes = dataset
            .layer(layer)
            .map(|layer| layer.defn().fields().map(|field| field.name()).collect())
            .map_err(|error| unreadable(path, &error))?;
        Ok(Some(Self::Layer {
            dataset,
            layer,
            attributes,
        }))
    }

    pub(crate) fn attributes(&self) -> &[String] {
        match self {
            Self::Layer { attributes, .. } => attributes,
            Self::Table(table) => &table.attributes,
        }
    }

    /// Whether there is no feature or row at all.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Layer { dataset, layer, .. } => dataset
                .layer(*layer)
                .is_ok_and(|layer| layer.feature_count() == 0),
            Self::Table(table) => table.rows.is_empty(),
        }
    }

    /// Whether this is a label file of our own.
    pub(crate) fn is_home(&self) -> bool {
        match self {
            Self::Layer { dataset, layer, .. } => dataset
                .layer(*layer)
                .is_ok_and(|layer| layer.name() == LABEL_LAYER),
            Self::Table(_) => false,
        }
    }

    /// Rows of our own class table: (id, name, colour).
    pub(crate) fn class_table(&self) -> Vec<(i64, String, Option<String>)> {
        let Self::Layer { dataset, .. } = self else {
            return Vec::new();
        };
        let Ok(mut layer) = dataset.layer_by_name(CLASS_LAYER) else {
            take_gdal_messages();
            return Vec::new();
        };
        let index = |name: &str| layer.defn().field_index(name).ok();
        let (id, name, color) = (index("class_id"), index("class_name"), index("color"));
        let text = |feature: &Feature<'_>, index: Option<usize>| {
            index.and_then(|index| field_text(feature, index))
        };
        layer
            .features()
            .filter_map(|feature| {
                Some((
                    text(&feature, id)?.parse().ok()?,
                    text(&feature, name)?,
                    text(&feature, color),
                ))
            })
            .collect()
    }

    /// Reads every shape with the values of `wanted` (indices into `attributes`).
    pub(crate) fn read(&self, path: &Path, wanted: &[Option<usize>]) -> SceneResult<ShapeFile> {
        match self {
            Self::Table(table) => table.read(wanted),
            Self::Layer { dataset, layer, .. } => {
                take_gdal_messages();
                let mut layer = dataset
                    .layer(*layer)
                    .map_err(|error| unreadable(path, &error))?;
                let system = layer_system(&layer);
                let mut shapes = Vec::new();
                for feature in layer.features() {
                    let mut shape = Shape {
                        parts: Vec::new(),
                        is_broken: false,
                        system: system.as_ref().map(|_| 0),
                        values: wanted
                            .iter()
                            .map(|index| index.and_then(|index| field_text(&feature, index)))
                            .collect(),
                    };
                    if let Some(geometry) = feature.geometry() {
                        collect_parts(geometry, &mut shape);
                    }
                    shapes.push(shape);
                }
                // GDAL ends a broken file like a finished one; only its words tell, and not of a disk that fails.
                if shapes.is_empty() {
                    if let Some(words) = take_gdal_messages() {
                        return Err(unreadable(path, &words));
                    }
                    read_to_the_end(path)?;
                }
                Ok(ShapeFile {
                    shapes,
                    systems: system.into_iter().collect(),
                })
            }
        }
    }
}

pub(crate) fn has_extension(path: &Path, known: &[&str]) -> bool {
    path.extension()
        .and_then(|text| text.to_str())
        .is_some_and(|text| known.iter().any(|k| k.eq_ignore_ascii_case(text)))
}

/// Reads a file for nothing but whether that works.
fn read_to_the_end(path: &Path) -> SceneResult<()> {
    if !path.is_file() {
        return Ok(());
    }
    std::fs::File::open(path)
        .and_then(|mut file| std::io::copy(&mut file, &mut std::io::sink()))
        .map(|_| ())
        .map_err(|error| {
            SceneError::file(
                path,
                "this file cannot be read to its end; check its disk or connection, then try again",
            )
            .with_details(error)
        })
}

fn unreadable(path: &Path, words: &dyn std::fmt::Display) -> SceneError {
    SceneError::file(
        path,
        "this file cannot be read as shapes; it may be damaged: choose another one",
    )
    .with_details(words)
}

/// The layer's CRS; GeoPackage's "undefined" systems count as none.
pub(crate) fn layer_system(layer: &Layer<'_>) -> Option<Crs> {
    let srs = layer.spatial_ref()?;
    // SAFETY: `srs` owns the handle and outlives the call.
    let crs = unsafe { Crs::from_handle(srs.to_c_hsrs()) }?;
    (!crs.name.to_ascii_lowercase().starts_with("undefined")).then_some(crs)
}

/// A field as text. An attribute that a feature leaves out reads as 0 through GDAL, hence the check.
fn field_text(feature: &Feature<'_>, index: usize) -> Option<String> {
    let at = i32::try_from(index).ok()?;
    // SAFETY: the feature is alive and the index comes from its own definition.
    if unsafe { gdal_sys::OGR_F_IsFieldSetAndNotNull(feature.c_feature(), at) } == 0 {
        return None;
    }
    let text = match feature.field(index).ok()?? {
        FieldValue::IntegerValue(value) => value.to_string(),
        FieldValue::Integer64Value(value) => value.to_string(),
        // Numbers without a fraction print without one, so 3.0 and 3 are one class.
        FieldValue::RealValue(value) => value.to_string(),
        FieldValue::StringValue(value) => value.trim().to_owned(),
        _ => feature.field_as_string(index).ok()??,
    };
    (!text.is_empty()).then_some(text)
}

fn collect_parts(geometry: &Geometry, shape: &mut Shape) {
    if geometry.is_empty() {
        return;
    }
    match geometry_type_flatten(geometry.geometry_type()) {
        OGRwkbGeometryType::wkbPoint => shape
            .parts
            .extend(points(geometry).into_iter().map(Part::Point)),
        OGRwkbGeometryType::wkbLineString => shape.parts.push(Part::Line(points(geometry))),
        OGRwkbGeometryType::wkbPolygon => {
            let mut rings: Vec<Points> = (0..geometry.geometry_count())
                .map(|at| points(&geometry.get_geometry(at)))
                .collect();
            for ring in &mut rings {
                // Rings are closed without saying so.
                if ring.len() > 1 && ring.first() == ring.last() {
                    ring.pop();
                }
            }
            if rings.first().is_none_or(|ring| ring.len() < 3) {
                shape.is_broken = true;
                return;
            }
            rings.retain(|ring| ring.len() >= 3);
            shape.parts.push(Part::Polygon(rings));
        }
        OGRwkbGeometryType::wkbMultiPoint
        | OGRwkbGeometryType::wkbMultiLineString
        | OGRwkbGeometryType::wkbMultiPolygon
        | OGRwkbGeometryType::wkbGeometryCollection => {
            for at in 0..geometry.geometry_count() {
                collect_parts(&geometry.get_geometry(at), shape);
            }
        }
        _ => shape.is_broken = true,
    }
}

fn points(geometry: &Geometry) -> Points {
    let mut points = Vec::new();
    geometry.get_points(&mut points);
    points.into_iter().map(|(x, y, _)| (x, y)).collect()
}

impl PointTable {
    /// `Ok(None)` when no two columns hold coordinates.
    fn open(path: &Path) -> SceneResult<Option<Self>> {
        let read_error = |error: &dyn std::fmt::Display| {
            SceneError::file(
                path,
                "this table cannot be read; save it as CSV with UTF-8 text",
            )
            .with_details(error)
        };
        let bytes = std::fs::read(path).map_err(|error| read_error(&error))?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let header = bytes
            .split(|byte| matches!(byte, b'\n' | b'\r'))
            .next()
            .unwrap_or_default();
        let delimiter = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|delimiter| header.iter().filter(|byte| *byte == delimiter).count())
            .unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let attributes: Vec<String> = reader
            .headers()
            .map_err(|error| read_error(&error))?
            .iter()
            .map(str::to_owned)
            .collect();
        let column = |names: &[&str]| {
            names.iter().find_map(|name| {
                attributes
                    .iter()
                    .position(|have| have.eq_ignore_ascii_case(name))
            })
        };
        let lon_lat = column(&["longitude", "lon", "long"]).zip(column(&["latitude", "lat"]));
        let Some((x, y)) = column(&["x", "easting"])
            .zip(column(&["y", "northing"]))
            .or(lon_lat)
        else {
            return Ok(None);
        };
        let crs = column(&["crs", "epsg", "srs"]);
        let rows = reader
            .records()
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| read_error(&error))?;
        let is_lon_lat = lon_lat == Some((x, y));
        Ok(Some(Self {
            attributes,
            rows,
            x,
            y,
            crs,
            is_lon_lat,
        }))
    }

    fn read(&self, wanted: &[Option<usize>]) -> SceneResult<ShapeFile> {
        let mut names: Vec<String> = Vec::new();
        let mut systems: Vec<Crs> = Vec::new();
        let mut shapes = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let cell = |index: usize| {
                row.get(index)
                    .map(str::trim)
                    .filter(|text| !text.is_empty())
            };
            let name = self
                .crs
                .and_then(cell)
                .or(self.is_lon_lat.then_some("EPSG:4326"));
            let system = match name {
                None => None,
                Some(name) => match names.iter().position(|known| known == name) {
                    Some(known) => Some(known),
                    None => {
                        systems.push(Crs::parse(name)?);
                        names.push(name.to_owned());
                        Some(names.len() - 1)
                    }
                },
            };
            let number = |index: usize| {
                cell(index).map(|text| text.parse::<f64>().ok().filter(|value| value.is_finite()))
            };
            let mut shape = Shape {
                parts: Vec::new(),
                is_broken: false,
                system,
                values: wanted
                    .iter()
                    .map(|index| index.and_then(cell).map(str::to_owned))
                    .collect(),
            };
            match (number(self.x), number(self.y)) {
                (Some(Some(x)), Some(Some(y))) => shape.parts.push(Part::Point((x, y))),
                (None, _) | (_, None) => {}
                _ => shape.is_broken = true,
            }
            shapes.push(shape);
        }
        Ok(ShapeFile { shapes, systems })
    }
}
