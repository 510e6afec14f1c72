//! Honest accuracy: confusion matrices (rows = map, columns = reference), their measures, and spatially blocked folds.

use serde::{Deserialize, Serialize};

use crate::Class;

/// Counts `n[i][j]`: map class `i`, reference class `j`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    pub classes: Vec<Class>,
    pub counts: Vec<Vec<u64>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassAccuracy {
    pub class_id: u8,
    pub name: String,
    pub n_map: u64,
    pub n_reference: u64,
    /// `None` = not defined (0/0).
    pub users: Option<f64>,
    pub producers: Option<f64>,
    pub f1: Option<f64>,
    pub iou: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    pub n: u64,
    pub overall: Option<f64>,
    pub macro_f1: Option<f64>,
    pub weighted_f1: Option<f64>,
    pub balanced: Option<f64>,
    pub mean_iou: Option<f64>,
    pub kappa: Option<f64>,
    pub mcc: Option<f64>,
    pub quantity_disagreement: Option<f64>,
    pub allocation_disagreement: Option<f64>,
    pub per_class: Vec<ClassAccuracy>,
}

impl ConfusionMatrix {
    pub fn new(classes: Vec<Class>) -> Self {
        let k = classes.len();
        Self {
            classes,
            counts: vec![vec![0; k]; k],
        }
    }
    /// Class indices from 0.
    pub fn add(&mut self, map: usize, reference: usize) {
        if let Some(n) = self
            .counts
            .get_mut(map)
            .and_then(|row| row.get_mut(reference))
        {
            *n += 1;
        }
    }
    pub fn accuracy(&self) -> Accuracy {
        todo!()
    }
}
