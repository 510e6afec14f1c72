//! A number from a field's 64 numbers by ridge regression, and its file. Knows vectors and values; knows nothing of where they
//! came from or of maps.

use std::path::Path;

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use serde::{Deserialize, Serialize};

use crate::json_document::JsonDocument;
use crate::{FIELD_AXES, SceneError, SceneResult};

const DOCUMENT: JsonDocument = JsonDocument {
    format: "terroir-value-head",
    schema: 1,
    largest_bytes: 16 << 20,
    name: "the file of the regression",
    is_other: "this is no file of a regression",
    holds_other: "this JSON file is no regression",
    choose: "choose the one written beside a map of values",
};
/// Penalties the leave-one-out errors choose among when none is given.
pub const LAMBDAS: [f64; 9] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
/// A spread below this counts as none.
const NO_SPREAD: f64 = 1e-9;
/// Fewer values than this fit nothing worth a map.
pub const FEWEST_VALUES: usize = 10;

/// One training value.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueSample {
    /// Unit length.
    pub vector: [f32; FIELD_AXES],
    pub value: f64,
}

/// `value = weights . u + bias` for a unit vector `u`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueHead {
    /// What is predicted, e.g. the column's name.
    pub name: String,
    /// Empty where nobody said.
    #[serde(default)]
    pub unit: String,
    /// 64 numbers.
    pub weights: Vec<f32>,
    pub bias: f32,
    pub lambda: f64,
    /// Smallest and largest value it was fitted on.
    pub low: f64,
    pub high: f64,
    /// Which field and points it was fitted on.
    #[serde(default)]
    pub provenance: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct ValueHeadFile {
    format: String,
    schema: u32,
    #[serde(flatten)]
    head: ValueHead,
}

impl ValueHead {
    /// Ridge on centred numbers and values: `w = (X'X + lambda I)^-1 X'y`. Without a `lambda` the one of [`LAMBDAS`] with the
    /// smallest leave-one-out error is taken; 0 takes the least-squares solution of smallest length.
    ///
    /// # Errors
    /// Fewer than [`FEWEST_VALUES`] values, values that are all the same, numbers that are none, a negative `lambda`.
    pub fn fit(
        name: &str,
        unit: &str,
        samples: &[ValueSample],
        lambda: Option<f64>,
    ) -> SceneResult<Self> {
        if samples.len() < FEWEST_VALUES {
            return Err(SceneError::input(format!(
                "{} values are too few to fit \"{name}\"; at least {FEWEST_VALUES} are needed, some hundred are good",
                samples.len()
            )));
        }
        if let Some(lambda) = lambda
            && !(lambda.is_finite() && lambda >= 0.0)
        {
            return Err(SceneError::input(format!(
                "a penalty (lambda) of {lambda} cannot be used; give 0 or more"
            )));
        }
        let is_number = |sample: &ValueSample| {
            sample.value.is_finite() && sample.vector.iter().all(|value| value.is_finite())
        };
        if !samples.iter().all(is_number) {
            return Err(SceneError::input(format!(
                "a value of \"{name}\" or its field is not a number"
            )));
        }
        let count = samples.len() as f64;
        let mean_value = samples.iter().map(|sample| sample.value).sum::<f64>() / count;
        let spread = (samples
            .iter()
            .map(|sample| (sample.value - mean_value).powi(2))
            .sum::<f64>()
            / count)
            .sqrt();
        if spread < NO_SPREAD {
            return Err(SceneError::input(format!(
                "all {} values of \"{name}\" are the same ({mean_value}), so there is nothing to learn; choose another column",
                samples.len()
            )));
        }
        let mut mean = [0.0f64; FIELD_AXES];
        for sample in samples {
            for (sum, value) in mean.iter_mut().zip(&sample.vector) {
                *sum += f64::from(*value) / count;
            }
        }
        let solver = Solver::new(samples, &mean, mean_value)?;
        let lambda = lambda.unwrap_or_else(|| solver.best_lambda());
        let weights = solver.weights(lambda);
        let bias = mean_value - weights.iter().zip(&mean).map(|(w, m)| w * m).sum::<f64>();
        let (low, high) = samples
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), sample| {
                (low.min(sample.value), high.max(sample.value))
            });
        Ok(Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            weights: weights.iter().map(|value| *value as f32).collect(),
            bias: bias as f32,
            lambda,
            low,
            high,
            provenance: serde_json::Map::new(),
        })
    }

    /// The value at a unit vector; not held to the range of the training values.
    pub fn predict(&self, unit: &[f32; FIELD_AXES]) -> f32 {
        let mut sums = [0.0f32; 8];
        let weights = self.weights.as_chunks::<8>().0;
        for (weights, values) in weights.iter().zip(unit.as_chunks::<8>().0) {
            for lane in 0..8 {
                sums[lane] += weights[lane] * values[lane];
            }
        }
        sums.iter().sum::<f32>() + self.bias
    }

    /// Writes beside `path`, then renames.
    pub fn save(&self, path: &Path) -> SceneResult<()> {
        self.check()
            .map_err(|what| SceneError::write(path, format!("the head is not written: {what}")))?;
        let file = ValueHeadFile {
            format: DOCUMENT.format.to_owned(),
            schema: DOCUMENT.schema,
            head: self.clone(),
        };
        DOCUMENT.write(path, &file, false)
    }

    /// Reads and checks a file; another kind of file, a newer version and damaged numbers are errors.
    pub fn load(path: &Path) -> SceneResult<Self> {
        let value = DOCUMENT.read(path)?;
        let other = |what: &str| SceneError::file(path, what);
        let damaged = "this file of a regression is damaged; fit it again";
        let file: ValueHeadFile =
            serde_json::from_value(value).map_err(|error| other(damaged).with_details(error))?;
        file.head
            .check()
            .map_err(|what| other(damaged).with_details(what))?;
        Ok(file.head)
    }

    /// What is wrong with the numbers, if anything.
    fn check(&self) -> Result<(), String> {
        if self.weights.len() != FIELD_AXES {
            return Err(format!(
                "{} weights instead of {FIELD_AXES}",
                self.weights.len()
            ));
        }
        let is_finite = self.weights.iter().all(|value| value.is_finite())
            && self.bias.is_finite()
            && self.low.is_finite()
            && self.high.is_finite();
        if !is_finite {
            return Err("a weight is not a number".to_owned());
        }
        if self.low > self.high {
            return Err("its smallest value is above its largest".to_owned());
        }
        Ok(())
    }
}

/// The normal equations in the axes of the features' covariance, where every penalty is a division.
struct Solver {
    /// Features centred and turned into the axes, one row a sample.
    turned: DMatrix<f64>,
    values: DVector<f64>,
    axes: DMatrix<f64>,
    eigenvalues: DVector<f64>,
    /// Of the turned features with the values.
    cross: DVector<f64>,
}

impl Solver {
    fn new(
        samples: &[ValueSample],
        mean: &[f64; FIELD_AXES],
        mean_value: f64,
    ) -> SceneResult<Self> {
        let centred = DMatrix::from_fn(samples.len(), FIELD_AXES, |row, axis| {
            f64::from(samples[row].vector[axis]) - mean[axis]
        });
        let values =
            DVector::from_iterator(samples.len(), samples.iter().map(|s| s.value - mean_value));
        let gram = centred.tr_mul(&centred);
        let eigen = SymmetricEigen::try_new(gram, 1e-15, 10_000).ok_or_else(|| {
            SceneError::input("the values could not be solved for; check the field file")
        })?;
        let turned = &centred * &eigen.eigenvectors;
        let cross = turned.tr_mul(&values);
        Ok(Self {
            turned,
            values,
            axes: eigen.eigenvectors,
            eigenvalues: eigen.eigenvalues,
            cross,
        })
    }

    /// One over (eigenvalue + lambda); axes without variance are left out.
    fn inverse(&self, lambda: f64) -> DVector<f64> {
        let floor = 1e-11 * self.eigenvalues.amax();
        self.eigenvalues.map(|value| {
            if value > floor {
                1.0 / (value + lambda)
            } else {
                0.0
            }
        })
    }

    fn weights(&self, lambda: f64) -> Vec<f64> {
        let solution = &self.axes * self.inverse(lambda).component_mul(&self.cross);
        solution.iter().copied().collect()
    }

    /// Smallest mean squared error where each value is predicted from all others (closed form).
    fn best_lambda(&self) -> f64 {
        let count = self.values.len() as f64;
        let error = |lambda: f64| -> f64 {
            let inverse = self.inverse(lambda);
            let solution = inverse.component_mul(&self.cross);
            self.turned
                .row_iter()
                .zip(self.values.iter())
                .map(|(row, value)| {
                    let mut predicted = 0.0;
                    let mut own = 1.0 / count;
                    for axis in 0..FIELD_AXES {
                        predicted += row[axis] * solution[axis];
                        own += row[axis] * row[axis] * inverse[axis];
                    }
                    ((value - predicted) / (1.0 - own).max(1e-3)).powi(2)
                })
                .sum()
        };
        LAMBDAS
            .into_iter()
            .map(|lambda| (lambda, error(lambda)))
            .fold((1.0, f64::INFINITY), |best, tried| {
                if tried.1 < best.1 { tried } else { best }
            })
            .0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::{golden, numbers, raw, shared};
    use crate::{RegressionAccuracy, decode_pixel};

    /// Radar backscatter of the table: the first 30 rows of each class train, the others test, classes in order.
    fn radar(is_unit: bool) -> Option<(Vec<ValueSample>, Vec<ValueSample>)> {
        let path = shared("data/aef/points_2024_iowa_ag.csv")?;
        let mut reader = csv::Reader::from_path(path).unwrap();
        let mut by_class: std::collections::BTreeMap<usize, Vec<ValueSample>> = Default::default();
        for record in reader.records() {
            let record = record.unwrap();
            let codes: [i8; FIELD_AXES] =
                std::array::from_fn(|axis| record[6 + axis].parse().unwrap());
            let vector = if is_unit {
                decode_pixel(&codes).unwrap()
            } else {
                raw(&codes)
            };
            by_class
                .entry(record[3].parse().unwrap())
                .or_default()
                .push(ValueSample {
                    vector,
                    value: record[4].parse().unwrap(),
                });
        }
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for (_, rows) in by_class {
            let (first, rest) = rows.split_at(30);
            train.extend_from_slice(first);
            test.extend_from_slice(rest);
        }
        Some((train, test))
    }

    fn accuracy(head: &ValueHead, test: &[ValueSample]) -> RegressionAccuracy {
        let pairs: Vec<(f64, f64)> = test
            .iter()
            .map(|sample| (f64::from(head.predict(&sample.vector)), sample.value))
            .collect();
        RegressionAccuracy::of(&pairs)
    }

    #[test]
    fn radar_backscatter_is_the_golden_regression() {
        let Some((golden, (train, test))) = golden("aef/classify_iowa.json").zip(radar(false))
        else {
            return;
        };
        let golden = &golden["shots_30"]["regression_s1_vv_db"];
        let head = ValueHead::fit("vv", "dB", &train, Some(0.0)).unwrap();
        let found = accuracy(&head, &test);
        let close = |found: Option<f64>, name: &str| {
            let (found, expected) = (found.unwrap(), golden[name].as_f64().unwrap());
            assert!(
                (found - expected).abs() < 1e-3,
                "{name}: {found} {expected}"
            );
        };
        close(found.r2_determination, "r2");
        close(found.mae, "mae");
        for (sample, expected) in test.iter().zip(numbers(&golden["pred_first5"])) {
            let found = f64::from(head.predict(&sample.vector));
            assert!((found - expected).abs() < 2e-3, "{found} {expected}");
        }
    }

    /// Prints the table in the documentation of [`LAMBDAS`]' use: what a penalty and the choice by leave-one-out cost.
    #[test]
    fn the_penalty_chosen_is_about_the_best() {
        let Some((train, test)) = radar(true) else {
            return;
        };
        for every in [9, 3, 1] {
            let few: Vec<ValueSample> = train.iter().step_by(every).cloned().collect();
            let r2 = |lambda: Option<f64>| {
                let head = ValueHead::fit("vv", "dB", &few, lambda).unwrap();
                (
                    head.lambda,
                    accuracy(&head, &test).r2_determination.unwrap(),
                )
            };
            let (chosen, own) = r2(None);
            let mut line = format!("{} values: chosen {chosen}: {own:.3};", few.len());
            let each: Vec<f64> = [0.0, 0.01, 0.1, 1.0, 10.0]
                .into_iter()
                .map(|lambda| {
                    let (_, r2) = r2(Some(lambda));
                    line += &format!(" {lambda}: {r2:.3}");
                    r2
                })
                .collect();
            eprintln!("{line}");
            let best = each.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert!(own > best - 0.03, "{own} against {best}");
        }
    }

    fn samples(count: usize, value: impl Fn(usize) -> f64) -> Vec<ValueSample> {
        (0..count)
            .map(|index| {
                let mut vector = [0.0; FIELD_AXES];
                let angle = index as f32 * 0.1;
                (vector[0], vector[1]) = (angle.cos(), angle.sin());
                ValueSample {
                    vector,
                    value: value(index),
                }
            })
            .collect()
    }

    #[test]
    fn too_few_equal_and_broken_values_are_refused() {
        let refused = |samples: &[ValueSample], lambda| {
            ValueHead::fit("depth", "m", samples, lambda)
                .unwrap_err()
                .to_string()
        };
        assert!(refused(&samples(9, |i| i as f64), None).contains("too few"));
        assert!(
            refused(&samples(20, |_| 4.0), None)
                .contains("all 20 values of \"depth\" are the same (4)")
        );
        assert!(refused(&samples(20, |_| f64::NAN), None).contains("not a number"));
        assert!(refused(&samples(20, |i| i as f64), Some(-1.0)).contains("lambda"));
        // More axes than values: the smallest solution.
        let line = samples(12, |i| 3.0 * (i as f64 * 0.1).cos() + 1.0);
        let head = ValueHead::fit("depth", "m", &line, Some(0.0)).unwrap();
        for sample in &line {
            assert!((f64::from(head.predict(&sample.vector)) - sample.value).abs() < 1e-4);
        }
    }

    #[test]
    fn files_come_back_and_damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("values.json");
        let head = ValueHead::fit("depth", "m", &samples(30, |i| i as f64), None).unwrap();
        head.save(&path).unwrap();
        assert_eq!(ValueHead::load(&path).unwrap(), head);
        let text = std::fs::read_to_string(&path).unwrap();
        let loaded = |text: &str| {
            std::fs::write(&path, text).unwrap();
            ValueHead::load(&path).unwrap_err().to_string()
        };
        assert!(loaded("{").contains("complete JSON"));
        assert!(loaded(r#"{"format":"terroir-head"}"#).contains("no regression"));
        assert!(loaded(&text.replace("\"schema\": 1", "\"schema\": 2")).contains("newer"));
        assert!(loaded(&text.replace("\"low\": 0.0", "\"low\": 1e9")).contains("damaged"));
        let mut broken = head;
        broken.weights.pop();
        assert!(broken.save(&path).is_err());
    }
}
