//! The figures of an accuracy report read back from its `report.json`: what a window shows of it.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::Failure;

/// An estimate with half of its 95 % interval; `None` where the sample is too small to tell.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Figure {
    pub value: f64,
    pub half_width_95: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ClassFigures {
    #[serde(rename = "class")]
    pub name: String,
    /// `None` = not defined.
    pub users: Option<Figure>,
    pub producers: Option<Figure>,
    /// In the unit of [`AreaFigures`].
    pub area: Figure,
}

/// Accuracy and areas of a whole map, estimated from a sample of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct AreaFigures {
    /// `ha` or `pixel`.
    #[serde(skip)]
    pub area_unit: String,
    pub overall: Figure,
    pub classes: Vec<ClassFigures>,
    /// Points the figures rest on.
    #[serde(skip)]
    pub n: u64,
}

/// Reads the area-weighted part of a report.
pub fn read_area_figures(path: &Path) -> Result<AreaFigures, Failure> {
    let failed = |what: &str| Failure::new(format!("{what}\n{}", path.display()));
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::io("the report cannot be read", path, &error))?;
    let report: Value = serde_json::from_str(&text)
        .map_err(|error| failed("this is no report").with_details(error))?;
    let part = report
        .pointer("/crop/design_based")
        .filter(|part| !part.is_null())
        .ok_or_else(|| failed("this report estimates no areas"))?;
    let other =
        |error: serde_json::Error| failed("this report is of another version").with_details(error);
    let estimates = part.get("estimates").cloned().unwrap_or_default();
    let mut figures: AreaFigures = serde_json::from_value(estimates).map_err(other)?;
    let unit = part.get("area_unit").and_then(Value::as_str);
    figures.area_unit = unit.unwrap_or("pixel").to_owned();
    figures.n = report
        .pointer("/crop/metrics/n")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    Ok(figures)
}
