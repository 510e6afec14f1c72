//! Linear heads on a field's 64 numbers: ridge and multinomial logistic regression, fitted in milliseconds on the CPU.
//! The live map and the train-head job share this file. Knows nothing of Burn.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Class, SceneResult};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadKind {
    Ridge,
    Logistic,
}

/// Class scores of a unit vector `u`: `weights[k] . u + bias[k]`; class = arg max, probability = softmax(`temperature` * scores).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearHead {
    pub schema: u32,
    pub kind: HeadKind,
    pub classes: Vec<Class>,
    /// `classes.len()` rows of 64.
    pub weights: Vec<Vec<f32>>,
    pub bias: Vec<f32>,
    pub temperature: f32,
    /// Which field it was fitted on (model name, checkpoint hash) and on how many pixels per class.
    #[serde(default)]
    pub provenance: serde_json::Map<String, serde_json::Value>,
}

/// One training vector: 64 unit-length numbers and the index (from 0) of its class in `classes`.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingPixel {
    pub vector: [f32; 64],
    pub class: usize,
    pub weight: f32,
}

impl LinearHead {
    /// Fits; ridge lambda 1 and L2 logistic by default. `cancelled` is polled so that the newest stroke wins.
    /// Needs two classes with at least one pixel each. Deterministic.
    pub fn fit(_kind: HeadKind, _classes: &[Class], _pixels: &[TrainingPixel], _cancelled: &dyn Fn() -> bool) -> SceneResult<Self> {
        todo!()
    }
    /// Index of the winning class and its probability.
    pub fn classify(&self, _unit: &[f32; 64]) -> (usize, f32) {
        todo!()
    }
    pub fn probabilities(&self, _unit: &[f32; 64], _out: &mut [f32]) {
        todo!()
    }
    pub fn save(&self, _path: &Path) -> SceneResult<()> {
        todo!()
    }
    pub fn load(_path: &Path) -> SceneResult<Self> {
        todo!()
    }
}
