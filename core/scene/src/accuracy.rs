//! Honest accuracy: confusion matrices (rows = map, columns = reference) and their measures.
//! Knows counts and classes. Knows nothing of rasters, models or how samples were drawn.

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

/// All measures of one matrix; `None` = not defined (0/0), and left out of means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    pub n: u64,
    pub overall: Option<f64>,
    /// Mean F1 over classes seen in the map or the reference.
    pub macro_f1: Option<f64>,
    /// Mean F1 weighted by reference counts.
    pub weighted_f1: Option<f64>,
    /// Mean producer's accuracy over classes seen in the reference.
    pub balanced: Option<f64>,
    pub mean_iou: Option<f64>,
    /// Given for comparison with older work; not recommended.
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

    /// Class indices from 0; others are not counted.
    pub fn add(&mut self, map: usize, reference: usize) {
        if let Some(n) = self
            .counts
            .get_mut(map)
            .and_then(|row| row.get_mut(reference))
        {
            *n += 1;
        }
    }

    /// Adds another matrix of the same classes, e.g. of the next fold.
    pub fn merge(&mut self, other: &Self) {
        for (row, more) in self.counts.iter_mut().zip(&other.counts) {
            row.iter_mut().zip(more).for_each(|(n, more)| *n += more);
        }
    }

    pub fn accuracy(&self) -> Accuracy {
        let k = self.classes.len();
        let at = |i: usize, j: usize| {
            self.counts
                .get(i)
                .and_then(|row| row.get(j))
                .copied()
                .unwrap_or(0)
        };
        let map: Vec<u64> = (0..k).map(|i| (0..k).map(|j| at(i, j)).sum()).collect();
        let reference: Vec<u64> = (0..k).map(|j| (0..k).map(|i| at(i, j)).sum()).collect();
        let n: u64 = map.iter().sum();
        let total = n as f64;
        let hits: u64 = (0..k).map(|i| at(i, i)).sum();

        let per_class: Vec<ClassAccuracy> = self
            .classes
            .iter()
            .enumerate()
            .map(|(i, class)| ClassAccuracy {
                class_id: class.id,
                name: class.name.clone(),
                n_map: map[i],
                n_reference: reference[i],
                users: ratio(at(i, i), map[i]),
                producers: ratio(at(i, i), reference[i]),
                f1: ratio(2 * at(i, i), map[i] + reference[i]),
                iou: ratio(at(i, i), map[i] + reference[i] - at(i, i)),
            })
            .collect();

        let overall = ratio(hits, n);
        let weighted_f1 = (n > 0).then(|| {
            per_class
                .iter()
                .map(|class| class.f1.unwrap_or(0.0) * class.n_reference as f64)
                .sum::<f64>()
                / total
        });
        let products: f64 = map
            .iter()
            .zip(&reference)
            .map(|(&a, &b)| a as f64 * b as f64)
            .sum();
        let chance = products / (total * total);
        let kappa = overall
            .filter(|_| chance < 1.0)
            .map(|overall| (overall - chance) / (1.0 - chance));
        let squares = |sums: &[u64]| {
            total * total - sums.iter().map(|&sum| (sum as f64).powi(2)).sum::<f64>()
        };
        let spread = (squares(&map) * squares(&reference)).max(0.0).sqrt();
        let mcc = (n > 0).then(|| {
            if spread == 0.0 {
                0.0
            } else {
                (hits as f64 * total - products) / spread
            }
        });
        let quantity = (n > 0).then(|| {
            0.5 * map
                .iter()
                .zip(&reference)
                .map(|(&a, &b)| a.abs_diff(b) as f64)
                .sum::<f64>()
                / total
        });
        let allocation = (n > 0).then(|| {
            (0..k)
                .map(|i| (reference[i] - at(i, i)).min(map[i] - at(i, i)) as f64)
                .sum::<f64>()
                / total
        });
        Accuracy {
            n,
            overall,
            macro_f1: mean(per_class.iter().filter_map(|class| class.f1)),
            weighted_f1,
            balanced: mean(per_class.iter().filter_map(|class| class.producers)),
            mean_iou: mean(per_class.iter().filter_map(|class| class.iou)),
            kappa,
            mcc,
            quantity_disagreement: quantity,
            allocation_disagreement: allocation,
            per_class,
        }
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::golden;

    fn classes(count: usize) -> Vec<Class> {
        (1..=count as u8)
            .map(|id| Class {
                id,
                name: format!("class {id}"),
                color: [id; 3],
            })
            .collect()
    }

    fn close(value: Option<f64>, expected: &serde_json::Value, what: &str) {
        match (value, expected.as_f64()) {
            (None, None) => {}
            (Some(a), Some(b)) if (a - b).abs() <= 1e-9 + 1e-6 * b.abs() => {}
            other => panic!("{what}: {other:?}"),
        }
    }

    #[test]
    fn every_measure_of_every_golden_case_agrees() {
        let Some(golden) = golden("metrics/classification.json") else {
            return;
        };
        for case in golden["cases"].as_array().unwrap() {
            let mut matrix =
                ConfusionMatrix::new(classes(case["num_classes"].as_u64().unwrap() as usize));
            for (map, reference) in case["map"]
                .as_array()
                .unwrap()
                .iter()
                .zip(case["reference"].as_array().unwrap())
            {
                matrix.add(
                    map.as_u64().unwrap() as usize,
                    reference.as_u64().unwrap() as usize,
                );
            }
            assert_eq!(
                serde_json::to_value(&matrix.counts).unwrap(),
                case["error_matrix"],
                "{}",
                case["name"]
            );
            let (accuracy, expected) = (matrix.accuracy(), &case["expected"]);
            assert_eq!(accuracy.n as f64, expected["n"].as_f64().unwrap());
            for (value, key) in [
                (accuracy.overall, "overall_accuracy"),
                (accuracy.kappa, "kappa"),
                (accuracy.mcc, "mcc"),
                (accuracy.macro_f1, "macro_f1"),
                (accuracy.weighted_f1, "weighted_f1"),
                (accuracy.mean_iou, "mean_iou"),
                (accuracy.balanced, "balanced_accuracy"),
                (accuracy.quantity_disagreement, "quantity_disagreement"),
                (accuracy.allocation_disagreement, "allocation_disagreement"),
            ] {
                close(value, &expected[key], key);
            }
            for (i, class) in accuracy.per_class.iter().enumerate() {
                close(class.users, &expected["users_accuracy"][i], "users");
                close(
                    class.producers,
                    &expected["producers_accuracy"][i],
                    "producers",
                );
                close(class.f1, &expected["f1"][i], "f1");
                close(class.iou, &expected["iou"][i], "iou");
                close(
                    Some(class.n_map as f64),
                    &expected["support_map"][i],
                    "support_map",
                );
                close(
                    Some(class.n_reference as f64),
                    &expected["support_reference"][i],
                    "support_reference",
                );
            }
        }
    }

    #[test]
    fn nothing_counted_is_not_defined_rather_than_zero() {
        let accuracy = ConfusionMatrix::new(classes(3)).accuracy();
        assert_eq!(
            (
                accuracy.n,
                accuracy.overall,
                accuracy.macro_f1,
                accuracy.mcc
            ),
            (0, None, None, None)
        );
        assert_eq!(ConfusionMatrix::new(Vec::new()).accuracy().overall, None);
    }

    #[test]
    fn folds_add_up() {
        let mut pooled = ConfusionMatrix::new(classes(2));
        let mut fold = ConfusionMatrix::new(classes(2));
        fold.add(0, 1);
        fold.add(0, 9);
        pooled.merge(&fold);
        pooled.merge(&fold);
        assert_eq!(pooled.counts, vec![vec![0, 2], vec![0, 0]]);
    }
}
