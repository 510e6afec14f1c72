//! How well a fine-tuned model does on labels it did not train on. Knows counts and sums. Knows no tensors.

use serde_json::{Value, json};
use terroir_scene::{Accuracy, Class, ConfusionMatrix};

/// Answers compared with labels so far.
pub(crate) enum Scores {
    Classes(ConfusionMatrix),
    Values {
        /// Mean and deviation from the learnt scale to the labels' own.
        scale: (f64, f64),
        sums: ValueSums,
    },
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ValueSums {
    count: u64,
    errors: f64,
    absolute: f64,
    squares: f64,
    truth: f64,
    truth_squares: f64,
}

impl Scores {
    pub fn new(classes: &[Class], scale: (f64, f64)) -> Self {
        if classes.is_empty() {
            Self::Values {
                scale,
                sums: ValueSums::default(),
            }
        } else {
            Self::Classes(ConfusionMatrix::new(classes.to_vec()))
        }
    }

    /// `found`: the numbers of all outputs for one label.
    pub fn add(&mut self, found: impl Iterator<Item = f32>, label: f32) {
        match self {
            Self::Classes(matrix) => {
                let best = found
                    .enumerate()
                    .max_by(|(_, a), (_, b)| a.total_cmp(b))
                    .map_or(0, |(class, _)| class);
                matrix.add(best, label as usize);
            }
            Self::Values { scale, sums } => {
                let own = |value: f32| scale.0 + scale.1 * f64::from(value);
                let mut found = found;
                let (found, truth) = (own(found.next().unwrap_or(f32::NAN)), own(label));
                let error = found - truth;
                sums.count += 1;
                sums.errors += error;
                sums.absolute += error.abs();
                sums.squares += error * error;
                sums.truth += truth;
                sums.truth_squares += truth * truth;
            }
        }
    }

    /// What is to be made large: macro F1, or minus the root mean square error. NaN is worse than anything.
    pub fn rank(&self) -> f64 {
        let rank = match self {
            Self::Classes(matrix) => matrix.accuracy().macro_f1,
            Self::Values { sums, .. } => sums.rmse().map(|rmse| -rmse),
        };
        rank.filter(|rank| rank.is_finite())
            .unwrap_or(f64::NEG_INFINITY)
    }

    /// Named figures for the curves, each with `validation_` before its name.
    pub fn figures(&self) -> Vec<(String, f64)> {
        let mut figures = Vec::new();
        let mut add = |name: &str, value: Option<f64>| {
            figures.extend(value.map(|value| (format!("validation_{name}"), value)));
        };
        match self {
            Self::Classes(matrix) => {
                let accuracy = matrix.accuracy();
                add("overall_accuracy", accuracy.overall);
                add("macro_f1", accuracy.macro_f1);
                add("mean_iou", accuracy.mean_iou);
                for class in &accuracy.per_class {
                    add(&format!("f1 {}", class.name), class.f1);
                    add(&format!("iou {}", class.name), class.iou);
                }
            }
            Self::Values { sums, .. } => {
                add("rmse", sums.rmse());
                add("mean_absolute_error", sums.mean(sums.absolute));
                add("bias", sums.mean(sums.errors));
                add("r2", sums.r2());
            }
        }
        figures
    }

    /// For the model's file.
    pub fn as_json(&self) -> Value {
        match self {
            Self::Classes(matrix) => {
                let accuracy: Accuracy = matrix.accuracy();
                json!({
                    "n": accuracy.n, "overall_accuracy": accuracy.overall, "macro_f1": accuracy.macro_f1,
                    "mean_iou": accuracy.mean_iou, "per_class": accuracy.per_class, "error_matrix": matrix.counts,
                })
            }
            Self::Values { sums, .. } => json!({
                "n": sums.count, "rmse": sums.rmse(), "mean_absolute_error": sums.mean(sums.absolute),
                "bias": sums.mean(sums.errors), "r2": sums.r2(),
            }),
        }
    }

    /// For the message strip.
    pub fn sentence(&self) -> String {
        match self {
            Self::Classes(matrix) => {
                let accuracy = matrix.accuracy();
                let percent = |value: Option<f64>| 100.0 * value.unwrap_or(0.0);
                format!(
                    "{:.1} % right, macro F1 {:.1} % on {} validation labels",
                    percent(accuracy.overall),
                    percent(accuracy.macro_f1),
                    accuracy.n
                )
            }
            Self::Values { sums, .. } => format!(
                "root mean square error {:.4}, R2 {:.2} on {} validation labels",
                sums.rmse().unwrap_or(f64::NAN),
                sums.r2().unwrap_or(f64::NAN),
                sums.count
            ),
        }
    }
}

impl ValueSums {
    fn mean(&self, sum: f64) -> Option<f64> {
        (self.count > 0).then(|| sum / self.count as f64)
    }

    fn rmse(&self) -> Option<f64> {
        self.mean(self.squares).map(f64::sqrt)
    }

    /// Share of the labels' variance explained; not defined where they are all the same.
    fn r2(&self) -> Option<f64> {
        let mean = self.mean(self.truth)?;
        let spread = self.truth_squares - self.count as f64 * mean * mean;
        (spread > 1e-12 * self.truth_squares.max(f64::MIN_POSITIVE))
            .then(|| 1.0 - self.squares / spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_scored_in_their_own_units() {
        let mut scores = Scores::new(&[], (10.0, 2.0));
        // Learnt scale: truth 10 and 14, found 11 and 13.
        scores.add([0.5f32].into_iter(), 0.0);
        scores.add([1.5f32].into_iter(), 2.0);
        let figures: std::collections::HashMap<String, f64> =
            scores.figures().into_iter().collect();
        assert!((figures["validation_rmse"] - 1.0).abs() < 1e-9);
        assert!(figures["validation_bias"].abs() < 1e-9);
        assert!((figures["validation_r2"] - 0.75).abs() < 1e-9);
        assert_eq!(scores.rank(), -1.0);
    }

    #[test]
    fn nothing_compared_ranks_below_everything() {
        assert_eq!(Scores::new(&[], (0.0, 1.0)).rank(), f64::NEG_INFINITY);
        assert!(Scores::new(&[], (0.0, 1.0)).figures().is_empty());
    }
}
