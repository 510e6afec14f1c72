//! The simple heads representations of the ground are compared with (specification of STP, section 12.2): nearest neighbours,
//! least squares and a random forest, on tables of any width, for classes and for values. Nothing is tuned, so that what
//! differs is the table. Knows tables; knows nothing of fields, files or how labels were drawn.

use nalgebra::DMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::feature_table::FeatureTable;
use crate::ridge::invert;
use crate::table_forest::{TableForest, Targets};
use crate::{SceneError, SceneResult};

/// A head without anything to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// The nearest labelled place (Euclidean).
    #[serde(rename = "knn1")]
    Nearest1,
    /// Majority of the three nearest, mean of them for values; the nearest decides a tie.
    #[serde(rename = "knn3")]
    Nearest3,
    /// One against the rest, targets +1 and -1, least squares with an intercept and without a penalty; of smallest length
    /// where rows are fewer than numbers.
    Linear,
    /// 100 trees.
    Forest,
}

impl Probe {
    pub const ALL: [Self; 4] = [Self::Nearest1, Self::Nearest3, Self::Linear, Self::Forest];

    /// The word of the command line and of files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nearest1 => "knn1",
            Self::Nearest3 => "knn3",
            Self::Linear => "linear",
            Self::Forest => "forest",
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest1 => "Nearest neighbour",
            Self::Nearest3 => "3 nearest neighbours",
            Self::Linear => "Linear",
            Self::Forest => "Random forest",
        }
    }

    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|probe| probe.word() == word)
    }

    /// Fits on the rows of `train` (`class[row]`, below `classes`) and returns the class of every row of `test`. Classes
    /// without a row are never found. `seed` is the forest's.
    ///
    /// # Errors
    /// No rows, tables of different width; cancelled.
    pub fn classify(
        self,
        train: &FeatureTable,
        class: &[usize],
        classes: usize,
        test: &FeatureTable,
        seed: u64,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> SceneResult<Vec<usize>> {
        check(train, class.len(), test)?;
        match self {
            Self::Nearest1 | Self::Nearest3 => {
                each_row(test, cancelled, |row| self.vote(train, class, classes, row))
            }
            Self::Linear => {
                let targets = DMatrix::from_fn(train.len(), classes, |row, of| {
                    if class.get(row) == Some(&of) {
                        1.0
                    } else {
                        -1.0
                    }
                });
                let fitted = LeastSquares::fit(train, &targets)?;
                let is_there: Vec<bool> = (0..classes).map(|of| class.contains(&of)).collect();
                each_row(test, cancelled, |row| {
                    let scores = fitted.scores(row);
                    best_of(&scores, &is_there)
                })
            }
            Self::Forest => {
                let targets = Targets::Classes(class, classes);
                let forest = TableForest::fit(train, targets, seed, cancelled)?;
                let everything = vec![true; classes];
                Ok(forest
                    .means(test)
                    .chunks(classes.max(1))
                    .map(|shares| best_of(shares, &everything))
                    .collect())
            }
        }
    }

    /// The same for values.
    ///
    /// # Errors
    /// No rows, tables of different width; cancelled.
    pub fn predict(
        self,
        train: &FeatureTable,
        values: &[f64],
        test: &FeatureTable,
        seed: u64,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> SceneResult<Vec<f64>> {
        check(train, values.len(), test)?;
        match self {
            Self::Nearest1 | Self::Nearest3 => each_row(test, cancelled, |row| {
                let nearest = nearest(train, row, self.neighbours());
                let sum: f64 = nearest
                    .iter()
                    .filter_map(|(_, index)| values.get(*index))
                    .sum();
                sum / nearest.len().max(1) as f64
            }),
            Self::Linear => {
                let targets = DMatrix::from_column_slice(values.len(), 1, values);
                let fitted = LeastSquares::fit(train, &targets)?;
                each_row(test, cancelled, |row| {
                    fitted.scores(row).first().copied().unwrap_or(0.0)
                })
            }
            Self::Forest => {
                let forest = TableForest::fit(train, Targets::Values(values), seed, cancelled)?;
                Ok(forest.means(test))
            }
        }
    }

    fn neighbours(self) -> usize {
        match self {
            Self::Nearest1 => 1,
            _ => 3,
        }
    }

    fn vote(self, train: &FeatureTable, class: &[usize], classes: usize, row: &[f32]) -> usize {
        let nearest = nearest(train, row, self.neighbours());
        let mut votes = vec![0u8; classes];
        let class_of = |index: usize| class.get(index).copied().unwrap_or(0);
        for (_, index) in &nearest {
            if let Some(votes) = votes.get_mut(class_of(*index)) {
                *votes += 1;
            }
        }
        let most = votes.iter().copied().max().unwrap_or(0);
        // Nearest first: of those that tie the first.
        nearest
            .iter()
            .map(|(_, index)| class_of(*index))
            .find(|class| votes.get(*class) == Some(&most))
            .unwrap_or(0)
    }
}

fn check(train: &FeatureTable, targets: usize, test: &FeatureTable) -> SceneResult<()> {
    if train.is_empty() || train.len() != targets || train.width() != test.width() {
        return Err(SceneError::input(format!(
            "{} labelled rows of {} numbers and {targets} labels cannot judge rows of {}",
            train.len(),
            train.width(),
            test.width()
        )));
    }
    Ok(())
}

/// Runs over the rows on all cores.
fn each_row<T: Send>(
    test: &FeatureTable,
    cancelled: &(dyn Fn() -> bool + Sync),
    judge: impl Fn(&[f32]) -> T + Sync,
) -> SceneResult<Vec<T>> {
    (0..test.len())
        .into_par_iter()
        .map(|row| {
            if row % 256 == 0 && cancelled() {
                return Err(SceneError::Cancelled);
            }
            Ok(judge(test.row(row)))
        })
        .collect()
}

/// The first of the largest among those that may win.
fn best_of(scores: &[f64], may_win: &[bool]) -> usize {
    let mut best: Option<(usize, f64)> = None;
    for (index, score) in scores.iter().enumerate() {
        let may = may_win.get(index).copied().unwrap_or(false);
        if may && best.is_none_or(|(_, most)| *score > most) {
            best = Some((index, *score));
        }
    }
    best.map_or(0, |(index, _)| index)
}

/// The `k` nearest rows, nearest first, of equals the first: squared distance and row.
fn nearest(train: &FeatureTable, row: &[f32], k: usize) -> Vec<(f32, usize)> {
    let mut best: Vec<(f32, usize)> = Vec::with_capacity(k + 1);
    for (index, other) in train.rows().enumerate() {
        let distance = squared_distance(row, other);
        if best.len() == k && best.last().is_some_and(|(worst, _)| distance >= *worst) {
            continue;
        }
        let at = best.partition_point(|(known, _)| *known <= distance);
        best.insert(at, (distance, index));
        best.truncate(k);
    }
    best
}

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let ((whole_a, rest_a), (whole_b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0f32; 8];
    for (a, b) in whole_a.iter().zip(whole_b) {
        for lane in 0..8 {
            let step = a[lane] - b[lane];
            sums[lane] += step * step;
        }
    }
    let rest: f32 = rest_a
        .iter()
        .zip(rest_b)
        .map(|(a, b)| (a - b) * (a - b))
        .sum();
    sums.iter().sum::<f32>() + rest
}

/// Least squares with an intercept, a column of weights a target.
struct LeastSquares {
    /// Width x targets.
    weights: DMatrix<f64>,
    bias: Vec<f64>,
}

impl LeastSquares {
    /// On centred numbers and targets. With more numbers than rows the solution of smallest length comes from the rows' own
    /// products, else from those of the columns.
    fn fit(train: &FeatureTable, targets: &DMatrix<f64>) -> SceneResult<Self> {
        let (rows, width) = (train.len(), train.width());
        let mut x = DMatrix::from_fn(rows, width, |row, column| {
            f64::from(train.row(row).get(column).copied().unwrap_or(0.0))
        });
        let mean = x.row_mean();
        x.row_iter_mut().for_each(|mut row| row -= &mean);
        let mut y = targets.clone();
        let share = y.row_mean();
        y.row_iter_mut().for_each(|mut row| row -= &share);
        let weights = if rows <= width {
            let mut products = &x * x.transpose();
            // Centred rows sum to nought; along that direction the targets have nothing, so anything may stand there.
            let fill = products.diagonal().max().max(f64::MIN_POSITIVE) / rows as f64;
            products.add_scalar_mut(fill);
            x.tr_mul(&(invert(products)? * &y))
        } else {
            invert(x.tr_mul(&x))? * x.tr_mul(&y)
        };
        let offset = &mean * &weights;
        let bias = share
            .iter()
            .zip(offset.iter())
            .map(|(s, o)| s - o)
            .collect();
        Ok(Self { weights, bias })
    }

    fn scores(&self, row: &[f32]) -> Vec<f64> {
        self.weights
            .column_iter()
            .zip(&self.bias)
            .map(|(weights, bias)| {
                let dot: f64 = weights
                    .iter()
                    .zip(row)
                    .map(|(weight, value)| weight * f64::from(*value))
                    .sum();
                dot + bias
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::{golden, numbers, points, raw, shared};
    use crate::{ConfusionMatrix, RegressionAccuracy};

    fn never() -> bool {
        false
    }

    fn table(rows: &[Vec<f32>]) -> FeatureTable {
        let mut table = FeatureTable::new(rows[0].len());
        rows.iter().for_each(|row| table.push(row));
        table
    }

    /// Rows of each class in the order of the file, as the golden wants them: the first `shots` train, those from 30 test.
    fn iowa() -> Option<Vec<Vec<Vec<f32>>>> {
        let rows = points("iowa_ag")?;
        let of_class = |class: usize| {
            rows.iter()
                .filter(|(label, _)| *label == class)
                .map(|(_, codes)| raw(codes).to_vec())
                .collect()
        };
        Some((0..9).map(of_class).collect())
    }

    #[test]
    fn the_golden_classifications_hold() {
        let Some((golden, by_class)) = golden("aef/classify_iowa.json").zip(iowa()) else {
            return;
        };
        let test: Vec<Vec<f32>> = by_class
            .iter()
            .flat_map(|rows| rows[30..].to_vec())
            .collect();
        let truth: Vec<usize> = (0..9)
            .flat_map(|class| vec![class; by_class[class].len() - 30])
            .collect();
        for shots in [1, 10, 30] {
            let train: Vec<Vec<f32>> = by_class
                .iter()
                .flat_map(|rows| rows[..shots].to_vec())
                .collect();
            let class: Vec<usize> = (0..9).flat_map(|class| vec![class; shots]).collect();
            let expected = &golden[&format!("shots_{shots}")];
            for probe in [Probe::Nearest1, Probe::Nearest3, Probe::Linear] {
                let found = probe
                    .classify(&table(&train), &class, 9, &table(&test), 0, &never)
                    .unwrap();
                let word = probe.word();
                let first = numbers(&expected[&format!("{word}_pred_first20")]);
                let differing = found.iter().zip(first).filter(|(a, b)| **a as f64 != *b);
                assert!(differing.count() <= 1, "{word}, {shots} shots");
                let mut matrix = ConfusionMatrix::new(crate::probes::tests::classes(9));
                for (found, truth) in found.iter().zip(&truth) {
                    matrix.add(*found, *truth);
                }
                let balanced = matrix.accuracy().balanced.unwrap();
                let wanted = expected[&format!("{word}_balanced_accuracy")]
                    .as_f64()
                    .unwrap();
                // At most 2 of 450 near ties may fall the other way.
                assert!(
                    (balanced - wanted).abs() < 0.005,
                    "{word}, {shots} shots: {balanced} {wanted}"
                );
            }
        }
        let train: Vec<Vec<f32>> = by_class
            .iter()
            .flat_map(|rows| rows[..30].to_vec())
            .collect();
        let targets = DMatrix::from_fn(
            270,
            9,
            |row, class| {
                if row / 30 == class { 1.0 } else { -1.0 }
            },
        );
        let fitted = LeastSquares::fit(&table(&train), &targets).unwrap();
        for (found, expected) in fitted
            .bias
            .iter()
            .zip(numbers(&golden["shots_30"]["linear_intercepts"]))
        {
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
    }

    pub(super) fn classes(count: u8) -> Vec<crate::Class> {
        (1..=count)
            .map(|id| crate::Class {
                id,
                name: id.to_string(),
                color: [id; 3],
            })
            .collect()
    }

    #[test]
    fn the_golden_regression_holds() {
        let Some((golden, path)) =
            golden("aef/classify_iowa.json").zip(shared("data/aef/points_2024_iowa_ag.csv"))
        else {
            return;
        };
        let mut by_class = vec![Vec::new(); 9];
        let mut reader = csv::Reader::from_path(path).unwrap();
        for record in reader.records().map(Result::unwrap) {
            let codes: [i8; 64] = std::array::from_fn(|axis| record[6 + axis].parse().unwrap());
            let value: f64 = record[4].parse().unwrap();
            by_class[record[3].parse::<usize>().unwrap()].push((raw(&codes).to_vec(), value));
        }
        let part = |range: std::ops::Range<usize>| -> (Vec<Vec<f32>>, Vec<f64>) {
            by_class
                .iter()
                .flat_map(|r| r[range.clone()].to_vec())
                .unzip()
        };
        let ((train, values), (test, truth)) = (part(0..30), part(30..80));
        let found = Probe::Linear
            .predict(&table(&train), &values, &table(&test), 0, &never)
            .unwrap();
        let golden = &golden["shots_30"]["regression_s1_vv_db"];
        for (found, expected) in found.iter().zip(numbers(&golden["pred_first5"])) {
            assert!((found - expected).abs() < 2e-3, "{found} {expected}");
        }
        let pairs: Vec<(f64, f64)> = found.into_iter().zip(truth).collect();
        let accuracy = RegressionAccuracy::of(&pairs);
        let close = |found: Option<f64>, name: &str| {
            assert!((found.unwrap() - golden[name].as_f64().unwrap()).abs() < 1e-3);
        };
        close(accuracy.r2_determination, "r2");
        close(accuracy.mae, "mae");
    }

    #[test]
    fn of_a_tie_the_nearest_wins() {
        let train = table(&[vec![1.1], vec![1.2], vec![1.3], vec![9.0]]);
        let judge = |probe: Probe, at: f32| {
            probe
                .classify(&train, &[2, 0, 1, 0], 3, &table(&[vec![at]]), 0, &never)
                .unwrap()[0]
        };
        assert_eq!(
            judge(Probe::Nearest3, 1.0),
            2,
            "three classes, one vote each"
        );
        assert_eq!(judge(Probe::Nearest3, 5.0), 1);
        assert_eq!(judge(Probe::Nearest1, 8.0), 0);
        let same = table(&[vec![1.0], vec![1.0]]);
        let found = Probe::Nearest1.classify(&same, &[1, 0], 2, &same, 0, &never);
        assert_eq!(found.unwrap(), [1, 1], "of equal distances the first");
    }

    #[test]
    fn fewer_rows_than_numbers_take_the_shortest_solution() {
        // Two rows that differ along (3, 4): the weights can only point there.
        let train = table(&[vec![0.0, 0.0], vec![3.0, 4.0]]);
        let targets = DMatrix::from_column_slice(2, 1, &[-1.0, 1.0]);
        let fitted = LeastSquares::fit(&train, &targets).unwrap();
        let weights: Vec<f64> = fitted.weights.iter().copied().collect();
        assert!((weights[0] - 0.24).abs() < 1e-9 && (weights[1] - 0.32).abs() < 1e-9);
        assert!((fitted.scores(&[3.0, 4.0])[0] - 1.0).abs() < 1e-9);
        // Columns that repeat each other share the weight, and equal rows are no error.
        let twins = table(&[vec![1.0; 2], vec![2.0; 2], vec![2.0; 2], vec![5.0; 2]]);
        let values = DMatrix::from_column_slice(4, 1, &[1.0, 2.0, 2.0, 5.0]);
        let fitted = LeastSquares::fit(&twins, &values).unwrap();
        assert!(fitted.weights.iter().all(|w| (w - 0.5).abs() < 1e-6));
        let equal = table(&[vec![1.0; 5], vec![1.0; 5]]);
        let fitted = LeastSquares::fit(&equal, &DMatrix::from_column_slice(2, 1, &[1.0, 3.0]));
        assert!((fitted.unwrap().scores(&[1.0; 5])[0] - 2.0).abs() < 1e-9);
    }

    #[test]
    fn classes_without_a_row_are_never_found_and_nothing_is_said_in_words() {
        let train = table(&[vec![0.0], vec![10.0]]);
        let test = table(&[vec![-50.0], vec![4.0], vec![60.0]]);
        for probe in Probe::ALL {
            let found = probe
                .classify(&train, &[1, 3], 5, &test, 0, &never)
                .unwrap();
            assert!(
                found.iter().all(|class| [1, 3].contains(class)),
                "{probe:?}"
            );
            let stopped = probe.classify(&train, &[1, 3], 5, &test, 0, &|| true);
            assert!(matches!(stopped, Err(SceneError::Cancelled)), "{probe:?}");
            assert!(probe.classify(&train, &[1], 5, &test, 0, &never).is_err());
            assert_eq!(Probe::of_word(probe.word()), Some(probe));
        }
        let values = Probe::Nearest3.predict(&train, &[2.0, 4.0], &test, 0, &never);
        assert_eq!(values.unwrap(), [3.0; 3], "the mean of all there are");
    }
}
