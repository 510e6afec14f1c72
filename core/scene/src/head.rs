//! Linear heads on a field's 64 numbers: ridge and multinomial logistic regression, fitted in milliseconds on the CPU.
//! The live map and the train-head job share this file. Knows nothing of Burn.

use serde::{Deserialize, Serialize};

use crate::{Class, FIELD_AXES, SceneError, SceneResult, logistic, ridge};

/// Pixels of one class a fit looks at; of more, every n-th is taken, so that a large polygon does not slow the brush.
pub const MAX_PIXELS_PER_CLASS: usize = 4_000;
/// Version of the head file this build writes; older ones, which hold linear heads only, are read.
pub const HEAD_SCHEMA: u32 = 2;

/// Measured on 2 x 720 real field vectors (farmland and city, 9 classes each, 40 per class held out, mean of 20 draws),
/// balanced accuracy with 1, 3, 5, 10, 40 training pixels a class, and with 3 and 40 in turn (negative log-likelihood in brackets):
///
/// | head | 1 | 3 | 5 | 10 | 40 | 3/40 |
/// |---|---|---|---|---|---|---|
/// | ridge, lambda 0.1 | .510 (1.48) | .620 (1.23) | .662 (1.07) | .709 (0.91) | .758 (0.73) | .679 (0.99) |
/// | ridge, lambda 1 | .523 (1.62) | .637 (1.13) | .670 (0.98) | .709 (0.85) | .757 (0.73) | .682 (0.96) |
/// | ridge, lambda 3 | .523 (1.88) | .629 (1.21) | .664 (1.00) | .701 (0.86) | .750 (0.74) | .676 (0.98) |
/// | logistic, penalty 0.03 | .513 (1.39) | .629 (1.06) | .672 (0.96) | .712 (0.85) | .770 (0.68) | .672 (0.97) |
/// | **logistic, penalty 0.1** | .519 (1.40) | .637 (1.03) | .677 (0.93) | .715 (0.81) | .771 (0.66) | .675 (0.92) |
/// | logistic, penalty 0.3 | .524 (1.48) | .641 (1.05) | .674 (0.93) | .716 (0.80) | .768 (0.68) | .681 (0.92) |
///
/// Logistic is at least as good from 3 pixels on and states better probabilities; ridge is several times faster to fit.
/// (Temperatures: ridge by leave-one-out, logistic 1.25, 1.5 and 2 for the three penalties.) The test
/// `few_shot_accuracy_of_kinds_and_penalties` prints the table anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadKind {
    Ridge,
    #[default]
    Logistic,
    /// Nearest labelled pixels vote.
    #[serde(rename = "knn")]
    Neighbours,
    /// Random forest.
    Forest,
    /// Small network of two layers.
    #[serde(rename = "mlp")]
    Network,
}

impl HeadKind {
    pub const ALL: [Self; 5] = [
        Self::Logistic,
        Self::Ridge,
        Self::Neighbours,
        Self::Forest,
        Self::Network,
    ];

    /// The word of the command line and of files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ridge => "ridge",
            Self::Logistic => "logistic",
            Self::Neighbours => "knn",
            Self::Forest => "forest",
            Self::Network => "mlp",
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ridge => "Ridge regression",
            Self::Logistic => "Logistic regression",
            Self::Neighbours => "Nearest neighbours",
            Self::Forest => "Random forest",
            Self::Network => "Small neural network",
        }
    }

    /// A linear form a class: the canvas draws such a map by itself and it follows the brush.
    pub fn is_linear(self) -> bool {
        matches!(self, Self::Ridge | Self::Logistic)
    }
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

/// Pixels as the solvers take them: classes renumbered without gaps, weights balanced and summing to their effective number.
pub(crate) struct FitSet {
    pub vectors: Vec<[f32; FIELD_AXES]>,
    pub class: Vec<usize>,
    pub weight: Vec<f32>,
    pub class_count: usize,
}

/// Scores before they are rounded to the head's f32.
pub(crate) struct FittedScores {
    pub weights: Vec<[f64; FIELD_AXES]>,
    pub bias: Vec<f64>,
    pub temperature: f64,
}

impl LinearHead {
    /// Fits; ridge with lambda 1, logistic with penalty 0.1 (see [`HeadKind`]). `cancelled` is polled so that the newest stroke wins.
    /// Needs two classes with at least one pixel each; classes without pixels are left out of the head. Deterministic.
    pub fn fit(
        kind: HeadKind,
        classes: &[Class],
        pixels: &[TrainingPixel],
        cancelled: &dyn Fn() -> bool,
    ) -> SceneResult<Self> {
        let penalty = match kind {
            HeadKind::Ridge => ridge::LAMBDA,
            _ => logistic::PENALTY,
        };
        Self::fit_with(kind, penalty, classes, &[], pixels, cancelled)
    }

    /// The same with what each class weighs against the others (by its place in `classes`; those without one weigh 1).
    pub fn fit_weighted(
        kind: HeadKind,
        classes: &[Class],
        class_weights: &[f32],
        pixels: &[TrainingPixel],
        cancelled: &dyn Fn() -> bool,
    ) -> SceneResult<Self> {
        let penalty = match kind {
            HeadKind::Ridge => ridge::LAMBDA,
            _ => logistic::PENALTY,
        };
        Self::fit_with(kind, penalty, classes, class_weights, pixels, cancelled)
    }

    fn fit_with(
        kind: HeadKind,
        penalty: f64,
        classes: &[Class],
        class_weights: &[f32],
        pixels: &[TrainingPixel],
        cancelled: &dyn Fn() -> bool,
    ) -> SceneResult<Self> {
        let (set, kept, counts) = gather(classes, pixels, class_weights)?;
        let fitted = match kind {
            HeadKind::Ridge => ridge::fit(&set, penalty, cancelled)?,
            HeadKind::Logistic => logistic::fit(&set, penalty, cancelled)?,
            _ => {
                return Err(SceneError::input(format!(
                    "{} is no linear method, so the canvas cannot draw it; export the map instead",
                    kind.name()
                )));
            }
        };
        Ok(Self {
            schema: HEAD_SCHEMA,
            kind,
            classes: kept.iter().map(|&index| classes[index].clone()).collect(),
            weights: fitted
                .weights
                .iter()
                .map(|row| row.iter().map(|&value| value as f32).collect())
                .collect(),
            bias: fitted.bias.iter().map(|&value| value as f32).collect(),
            temperature: fitted.temperature as f32,
            provenance: pixel_counts(classes, &kept, &counts),
        })
    }

    /// Index of the winning class (the first of equals) and its probability.
    pub fn classify(&self, unit: &[f32; 64]) -> (usize, f32) {
        let (mut best, mut best_score) = (0, f32::NEG_INFINITY);
        let mut total = 0.0;
        // One pass: the running sum is rescaled whenever a better class turns up.
        for index in 0..self.weights.len() {
            let score = self.temperature * self.score(index, unit);
            if score > best_score {
                total *= (best_score - score).exp();
                (best, best_score) = (index, score);
            }
            total += (score - best_score).exp();
        }
        (best, 1.0 / total)
    }

    /// Softmax over the classes into `out` (one place a class; further places are left alone).
    pub fn probabilities(&self, unit: &[f32; 64], out: &mut [f32]) {
        let count = self.weights.len().min(out.len());
        let out = &mut out[..count];
        for (index, value) in out.iter_mut().enumerate() {
            *value = self.temperature * self.score(index, unit);
        }
        let highest = out.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        out.iter_mut()
            .for_each(|value| *value = (*value - highest).exp());
        let total: f32 = out.iter().sum();
        out.iter_mut().for_each(|value| *value /= total);
    }

    fn score(&self, index: usize, unit: &[f32; 64]) -> f32 {
        let (Some(row), Some(bias)) = (self.weights.get(index), self.bias.get(index)) else {
            return f32::NEG_INFINITY;
        };
        let mut sums = [0.0f32; 8];
        for (weights, values) in row.as_chunks::<8>().0.iter().zip(unit.as_chunks::<8>().0) {
            for lane in 0..8 {
                sums[lane] += weights[lane] * values[lane];
            }
        }
        sums.iter().sum::<f32>() + bias
    }
}

/// What a head says of the pixels it was fitted on.
pub(crate) fn pixel_counts(
    classes: &[Class],
    kept: &[usize],
    counts: &[usize],
) -> serde_json::Map<String, serde_json::Value> {
    let counts: serde_json::Map<String, serde_json::Value> = kept
        .iter()
        .map(|&index| (classes[index].name.clone(), counts[index].into()))
        .collect();
    [("pixels_per_class".to_owned(), counts.into())]
        .into_iter()
        .collect()
}

/// Checks, thins and weighs the pixels. Returns the set, the indices of the classes that have pixels, and the counts given.
///
/// Strokes differ in size by chance, so what a class was painted with says little about how common it is: every class gets
/// the same total weight. (Painted proportions instead cost 20 points of balanced accuracy where every second class has
/// 3 pixels and the others 40, the square root of them 4.) The sum of all weights is their effective number
/// `(sum w)^2 / sum w^2`: 5 pixels against 2,000 are regularised like about 20 pixels, not like 2,005.
/// `class_weights` (1 where none is given) multiply the weight of a whole class.
pub(crate) fn gather(
    classes: &[Class],
    pixels: &[TrainingPixel],
    class_weights: &[f32],
) -> SceneResult<(FitSet, Vec<usize>, Vec<usize>)> {
    if let Some((class, weight)) = classes
        .iter()
        .zip(class_weights)
        .find(|(_, weight)| !weight.is_finite() || **weight <= 0.0)
    {
        return Err(SceneError::input(format!(
            "the weight of \"{}\" is {weight}; class weights are numbers above 0",
            class.name
        )));
    }
    let mut counts = vec![0usize; classes.len()];
    let mut sums = vec![0.0f64; classes.len()];
    for pixel in pixels {
        let (Some(count), Some(sum)) = (counts.get_mut(pixel.class), sums.get_mut(pixel.class))
        else {
            return Err(SceneError::input(format!(
                "a labelled pixel names class number {} but there are {} classes; pick the labels again",
                pixel.class + 1,
                classes.len()
            )));
        };
        let is_usable = pixel.weight.is_finite()
            && pixel.weight >= 0.0
            && pixel.vector.iter().all(|value| value.is_finite());
        if !is_usable {
            return Err(SceneError::input(
                "a labelled pixel holds a value that is not a number; check the field file",
            ));
        }
        if pixel.weight > 0.0 {
            *count += 1;
            *sum += f64::from(pixel.weight);
        }
    }
    let kept: Vec<usize> = (0..classes.len())
        .filter(|&index| counts[index] > 0)
        .collect();
    if kept.len() < 2 {
        return Err(SceneError::input(match kept.first() {
            None => "no labelled pixel lies on the field; paint at least two classes".to_owned(),
            Some(&index) => format!(
                "only \"{}\" has labelled pixels; paint a second class",
                classes[index].name
            ),
        }));
    }
    let mut place = vec![usize::MAX; classes.len()];
    kept.iter()
        .enumerate()
        .for_each(|(new, &old)| place[old] = new);
    let stride: Vec<usize> = counts
        .iter()
        .map(|count| count.div_ceil(MAX_PIXELS_PER_CLASS).max(1))
        .collect();
    let factor: Vec<f64> = sums
        .iter()
        .enumerate()
        .map(|(class, sum)| {
            let weight = class_weights.get(class).copied().unwrap_or(1.0);
            if *sum > 0.0 {
                f64::from(weight) / sum
            } else {
                0.0
            }
        })
        .collect();

    let mut seen = vec![0usize; classes.len()];
    let mut set = FitSet {
        vectors: Vec::new(),
        class: Vec::new(),
        weight: Vec::new(),
        class_count: kept.len(),
    };
    for pixel in pixels.iter().filter(|pixel| pixel.weight > 0.0) {
        let number = seen[pixel.class];
        seen[pixel.class] += 1;
        if !number.is_multiple_of(stride[pixel.class]) {
            continue;
        }
        set.vectors.push(pixel.vector);
        set.class.push(place[pixel.class]);
        set.weight.push(
            (f64::from(pixel.weight) * factor[pixel.class] * stride[pixel.class] as f64) as f32,
        );
    }
    let sum: f64 = set.weight.iter().map(|&weight| f64::from(weight)).sum();
    let squares: f64 = set
        .weight
        .iter()
        .map(|&weight| f64::from(weight).powi(2))
        .sum();
    let scale = (sum / squares) as f32;
    set.weight.iter_mut().for_each(|weight| *weight *= scale);
    Ok((set, kept, counts))
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
