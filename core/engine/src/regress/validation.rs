//! The cross-validation of a regression: whole blocks of ground are left out and predicted from the others.

use serde_json::{Value, json};
use terroir_scene::{RegressionAccuracy, ValueHead, ValueSample, block_fold};

use super::vectors::MeasuredPlace;
use crate::RegressSpec;
use crate::monitor::{JobResult, Monitor};

/// Blocks are not made smaller than this many pixels: below, neighbours would test each other.
const SMALLEST_BLOCK: usize = 8;

pub(super) struct Validation {
    /// Over all places that were predicted by a regression which had not seen their block.
    pub accuracy: RegressionAccuracy,
    pub folds: Vec<RegressionAccuracy>,
    pub block_px: usize,
    /// Of each place; `None` where its fold could not be predicted.
    pub predicted: Vec<Option<f64>>,
    /// What the reader of the figures must know.
    pub remarks: Vec<String>,
    pub fold_of: Vec<usize>,
}

impl Validation {
    pub fn design(&self) -> String {
        format!(
            "spatially blocked cross-validation, {} folds, blocks of {} pixels",
            self.folds.len(),
            self.block_px
        )
    }

    pub fn summary(&self) -> Value {
        json!({
            "design": self.design(), "n": self.accuracy.n, "r2": self.accuracy.r2_determination,
            "rmse": self.accuracy.rmse, "mae": self.accuracy.mae, "bias": self.accuracy.bias,
        })
    }
}

/// `None`, and a word, where the places lie too close together.
pub(super) fn cross_validate(
    spec: &RegressSpec,
    places: &[MeasuredPlace],
    block_px: usize,
    monitor: &Monitor<'_>,
) -> JobResult<Option<Validation>> {
    let parted = [block_px, block_px / 2, block_px / 4]
        .into_iter()
        .filter(|size| *size >= SMALLEST_BLOCK.min(block_px).max(1))
        .find_map(|size| {
            let fold_of = part(places, size, spec.folds, spec.seed);
            let has_two = fold_of
                .first()
                .is_some_and(|first| fold_of.iter().any(|fold| fold != first));
            has_two.then_some((size, fold_of))
        });
    let Some((used_px, fold_of)) = parted else {
        monitor.warn("the values lie too close together for a spatial cross-validation; no accuracy is given");
        return Ok(None);
    };
    let mut remarks = Vec::new();
    if used_px != block_px {
        remarks.push(format!(
            "the values lie close together: blocks of {used_px} pixels instead of {block_px}, so the accuracy may be flattering"
        ));
    }
    let mut predicted: Vec<Option<f64>> = vec![None; places.len()];
    let mut folds = Vec::new();
    for fold in 0..spec.folds {
        monitor.check()?;
        monitor.progress("cross-validating", fold as u64, spec.folds as u64);
        let is_test = |index: usize| fold_of.get(index) == Some(&fold);
        let training: Vec<ValueSample> = places
            .iter()
            .enumerate()
            .filter(|(index, _)| !is_test(*index))
            .map(|(_, place)| place.sample())
            .collect();
        if training.len() == places.len() {
            continue;
        }
        // A part that leaves too little to learn from is not predicted.
        let Ok(head) = ValueHead::fit(&spec.value, &spec.unit, &training, spec.lambda) else {
            continue;
        };
        let mut pairs = Vec::new();
        for (index, place) in places
            .iter()
            .enumerate()
            .filter(|(index, _)| is_test(*index))
        {
            let value = f64::from(head.predict(&place.vector));
            predicted[index] = Some(value);
            pairs.push((value, place.value));
        }
        let accuracy = RegressionAccuracy::of(&pairs);
        if let Some(rmse) = accuracy.rmse {
            monitor.metric("fold_rmse", rmse);
        }
        folds.push(accuracy);
    }
    let pairs: Vec<(f64, f64)> = places
        .iter()
        .zip(&predicted)
        .filter_map(|(place, predicted)| Some(((*predicted)?, place.value)))
        .collect();
    if folds.len() < 2 || pairs.is_empty() {
        monitor.warn("too few values are left when a block is taken out, so no accuracy is given; measure in more places");
        return Ok(None);
    }
    if pairs.len() < places.len() {
        remarks.push(format!(
            "{} values could not be predicted from other blocks and are left out of the accuracy",
            places.len() - pairs.len()
        ));
    }
    remarks.iter().for_each(|text| monitor.warn(text.clone()));
    let accuracy = RegressionAccuracy::of(&pairs);
    for (name, value) in [("r2", accuracy.r2_determination), ("rmse", accuracy.rmse)] {
        if let Some(value) = value {
            monitor.metric(name, value);
        }
    }
    Ok(Some(Validation {
        accuracy,
        folds,
        block_px: used_px,
        predicted,
        remarks,
        fold_of,
    }))
}

/// Fold of every place by the block it lies in.
fn part(places: &[MeasuredPlace], block_px: usize, folds: usize, seed: u64) -> Vec<usize> {
    let block = |at: f64| (at / block_px.max(1) as f64).floor() as i64;
    places
        .iter()
        .map(|place| block_fold(block(place.at.0), block(place.at.1), folds, seed))
        .collect()
}
