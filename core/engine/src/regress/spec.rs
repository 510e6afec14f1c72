//! What a regression job is told: plain words, as in `job`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How a value is predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueModel {
    /// Linear in the 64 numbers, with a penalty on large weights.
    #[default]
    Ridge,
}

/// Field and measured values to a map of values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegressSpec {
    pub field: PathBuf,
    /// File of points or polygons, or a layer of it (`file:layer`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<String>,
    /// Column with the values.
    #[serde(default)]
    pub value: String,
    /// What they are counted in; may be empty.
    #[serde(default)]
    pub unit: String,
    #[serde(default)]
    pub model: ValueModel,
    /// Penalty; `None` = chosen by leave-one-out errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
    /// Parts of the blocked cross-validation; fewer than 2 = none.
    pub folds: usize,
    #[serde(default)]
    pub seed: u64,
    /// A regression fitted before, instead of `points`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<PathBuf>,
    /// Colour ramp of the style written beside the map.
    pub ramp: String,
    /// GeoTIFF of floats; the regression goes beside it (`.json`), its cross-validation too (`_report.json`, `_values.csv`).
    pub out: PathBuf,
}

impl RegressSpec {
    /// Options of the command line that say the same, what is as by default left out.
    pub(crate) fn words(&self) -> Vec<(&'static str, Option<String>)> {
        let mut words = vec![("--field", Some(self.field.display().to_string()))];
        match (&self.head, &self.points) {
            (Some(head), _) => words.push(("--head", Some(head.display().to_string()))),
            (None, points) => {
                words.extend(points.clone().map(|points| ("--points", Some(points))));
                words.push(("--value", Some(self.value.clone())));
                if !self.unit.is_empty() {
                    words.push(("--unit", Some(self.unit.clone())));
                }
                if let Some(lambda) = self.lambda {
                    words.push(("--lambda", Some(lambda.to_string())));
                }
                words.push(("--folds", Some(self.folds.to_string())));
                if self.seed != 0 {
                    words.push(("--seed", Some(self.seed.to_string())));
                }
            }
        }
        words.push(("--ramp", Some(self.ramp.clone())));
        words.push(("--out", Some(self.out.display().to_string())));
        words
    }
}
