//! A vector layer in memory: its shapes in the file's own coordinates and its table of attributes. A value that never
//! changes; knows no files, maps or colours.

use std::cmp::Ordering;
use std::path::PathBuf;
use std::sync::Arc;

use crate::{Crs, MapRect, ShapeStore};

/// Type of an attribute, as the file names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Integer,
    Real,
    Boolean,
    Text,
    Date,
    Time,
    DateTime,
    /// Lists and binary values, as text.
    Other,
}

impl ColumnKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Real => "number",
            Self::Boolean => "yes/no",
            Self::Text => "text",
            Self::Date => "date",
            Self::Time => "time",
            Self::DateTime => "date and time",
            Self::Other => "other",
        }
    }
}

/// One value a feature; `None` = no value.
#[derive(Clone, Debug)]
pub enum ColumnValues {
    Integer(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    /// Equal texts share their memory.
    Text(Vec<Option<Arc<str>>>),
}

#[derive(Clone, Debug)]
pub struct VectorColumn {
    pub name: String,
    pub kind: ColumnKind,
    pub values: ColumnValues,
}

impl VectorColumn {
    /// Value as text; `None` when there is none.
    pub fn text(&self, feature: usize) -> Option<String> {
        match &self.values {
            ColumnValues::Integer(values) => {
                let value = (*values.get(feature)?)?;
                Some(match (self.kind, value) {
                    (ColumnKind::Boolean, 0) => "no".to_owned(),
                    (ColumnKind::Boolean, _) => "yes".to_owned(),
                    _ => value.to_string(),
                })
            }
            ColumnValues::Real(values) => (*values.get(feature)?).map(|value| value.to_string()),
            ColumnValues::Text(values) => values.get(feature)?.as_deref().map(str::to_owned),
        }
    }

    /// Value as a finite number; `None` for text.
    pub fn number(&self, feature: usize) -> Option<f64> {
        match &self.values {
            ColumnValues::Integer(values) => (*values.get(feature)?).map(|value| value as f64),
            ColumnValues::Real(values) => (*values.get(feature)?).filter(|value| value.is_finite()),
            ColumnValues::Text(_) => None,
        }
    }

    /// Whether values can be graduated.
    pub fn is_number(&self) -> bool {
        self.kind != ColumnKind::Boolean && !matches!(self.values, ColumnValues::Text(_))
    }

    /// Order of two features by this attribute; those without a value come last.
    pub fn compare(&self, a: usize, b: usize) -> Ordering {
        fn order<T>(a: Option<&T>, b: Option<&T>, values: impl Fn(&T, &T) -> Ordering) -> Ordering {
            match (a, b) {
                (Some(a), Some(b)) => values(a, b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            }
        }
        match &self.values {
            ColumnValues::Integer(values) => order(
                values.get(a).and_then(Option::as_ref),
                values.get(b).and_then(Option::as_ref),
                Ord::cmp,
            ),
            ColumnValues::Real(values) => order(
                values.get(a).and_then(Option::as_ref),
                values.get(b).and_then(Option::as_ref),
                f64::total_cmp,
            ),
            ColumnValues::Text(values) => order(
                values.get(a).and_then(Option::as_ref),
                values.get(b).and_then(Option::as_ref),
                Ord::cmp,
            ),
        }
    }

    pub(crate) fn size_bytes(&self) -> usize {
        match &self.values {
            ColumnValues::Integer(values) => size_of_val(values.as_slice()),
            ColumnValues::Real(values) => size_of_val(values.as_slice()),
            ColumnValues::Text(values) => size_of_val(values.as_slice()),
        }
    }
}

/// One layer of a vector file.
#[derive(Debug)]
pub struct VectorLayer {
    pub path: PathBuf,
    /// Name of the layer inside the file.
    pub table: String,
    /// Format, as GDAL names it.
    pub driver: String,
    pub crs: Option<Crs>,
    /// What the file says its shapes are, e.g. `Multi Polygon`; what they are where it does not say.
    pub geometry: String,
    pub shapes: Arc<ShapeStore>,
    /// The file's own numbers of the features.
    pub ids: Vec<i64>,
    pub columns: Vec<VectorColumn>,
    /// Features without a shape.
    pub empty: usize,
    /// Features with a shape that is not whole: numbers that are none, rings of two points.
    pub broken: usize,
    /// What else is worth knowing, one sentence each.
    pub notes: Vec<String>,
}

impl VectorLayer {
    pub fn features(&self) -> usize {
        self.shapes.features()
    }

    pub fn column(&self, name: &str) -> Option<&VectorColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// In the file's own coordinates.
    pub fn extent(&self) -> Option<MapRect> {
        let (low, high) = self.shapes.bounds()?;
        Some(MapRect {
            min_x: low[0],
            min_y: low[1],
            max_x: high[0],
            max_y: high[1],
        })
    }

    pub fn size_bytes(&self) -> usize {
        self.shapes.size_bytes()
            + size_of_val(self.ids.as_slice())
            + self
                .columns
                .iter()
                .map(VectorColumn::size_bytes)
                .sum::<usize>()
    }

    /// What is wrong with the file's shapes, in one sentence; `None` when nothing is.
    pub fn complaint(&self) -> Option<String> {
        let mut faults = Vec::new();
        if self.broken > 0 {
            faults.push(format!(
                "{} with broken geometry, drawn as far as it goes",
                shapes_text(self.broken)
            ));
        }
        if self.empty > 0 {
            faults.push(format!("{} without geometry", shapes_text(self.empty)));
        }
        faults.extend(self.notes.iter().cloned());
        (!faults.is_empty()).then(|| format!("{}.", faults.join("; ")))
    }
}

/// `1 shape`, `12 shapes`.
pub fn shapes_text(count: usize) -> String {
    match count {
        1 => "1 shape".to_owned(),
        count => format!("{count} shapes"),
    }
}
