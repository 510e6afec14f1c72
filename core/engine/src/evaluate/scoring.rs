//! The comparison itself: every head on every candidate, with the same labels. Knows tables and draws; knows nothing of files.

use std::collections::BTreeMap;

use terroir_scene::{Probe, RegressionAccuracy};

use super::draws::Draw;
use super::features::Numbers;
use super::figures::{Measure, ResultRow};
use super::labels::LabelSet;
use super::learner::{Learner, Task};
use super::spec::Shots;
use crate::EvaluateSpec;
use crate::monitor::{JobResult, Monitor};

/// Distances tried as the border between change and none (specification of STP, section 12.2).
const THRESHOLDS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
/// The word of the head that only has a threshold.
pub(super) const THRESHOLD: &str = "threshold";
/// The word for the head of what learns by itself.
pub(super) const OWN_HEAD: &str = "own";

/// What one fit is about.
struct Case<'a> {
    set: &'a LabelSet,
    weights: &'a [f64],
    train: &'a [usize],
    test: &'a [usize],
    seed: u64,
}

/// Every head on every candidate; rows come candidate by candidate, head by head.
pub(super) fn score(
    spec: &EvaluateSpec,
    set: &LabelSet,
    candidates: &[(String, Numbers)],
    draws: &[Draw],
    monitor: &Monitor<'_>,
) -> JobResult<Vec<ResultRow>> {
    let weights = set.weights();
    let total = (candidates.len() * draws.len() * spec.shots.len()) as u64;
    let mut done = 0;
    let mut rows = Vec::new();
    for (name, numbers) in candidates {
        let heads = heads_of(spec, set, numbers);
        let mut own: BTreeMap<(usize, usize), Collected> = BTreeMap::new();
        for draw in draws {
            for (place, shots) in spec.shots.iter().enumerate() {
                monitor.progress("comparing", done, total);
                done += 1;
                let train = draw.training(*shots, spec.most, set);
                let case = Case {
                    set,
                    weights: &weights,
                    train: &train,
                    test: &draw.test,
                    seed: draw.seed,
                };
                for (number, head) in heads.iter().enumerate() {
                    monitor.check()?;
                    let measured = case.measure(*head, numbers)?;
                    own.entry((number, place)).or_default().push(
                        draw.seed,
                        train.len(),
                        draw.test.len(),
                        measured,
                    );
                }
            }
        }
        for ((number, place), collected) in own {
            if let (Some(head), Some(shots)) = (heads.get(number), spec.shots.get(place)) {
                let word = head.map_or(THRESHOLD, Probe::word);
                rows.push(collected.row(name, word, *shots));
            }
        }
    }
    Ok(rows)
}

/// What learns by itself, on every split.
pub(super) fn score_learner(
    spec: &EvaluateSpec,
    set: &LabelSet,
    learner: &mut dyn Learner,
    draws: &[Draw],
    monitor: &Monitor<'_>,
) -> JobResult<Vec<ResultRow>> {
    let weights = set.weights();
    let pixels = set.pixels_on(learner.grid(), &set.path)?;
    let class: Vec<usize> = set.places.iter().map(|place| place.class).collect();
    let name = learner.name();
    let total = draws.len() * spec.shots.len();
    let mut rows = Vec::new();
    for (place, shots) in spec.shots.iter().enumerate() {
        let mut collected = Collected::default();
        for (number, draw) in draws.iter().enumerate() {
            let train = draw.training(*shots, spec.most, set);
            let task = Task {
                pixels: &pixels,
                class: &class,
                classes: set.classes.len(),
                train: &train,
                test: &draw.test,
                seed: draw.seed,
            };
            let step = format!("split {} of {total}", place * draws.len() + number + 1);
            let found = monitor.step(&step, |step| learner.classify(&task, step))?;
            let case = Case {
                set,
                weights: &weights,
                train: &train,
                test: &draw.test,
                seed: draw.seed,
            };
            let truth: Vec<usize> = draw
                .test
                .iter()
                .map(|place| class.get(*place).copied().unwrap_or(0))
                .collect();
            let measured = case.judged(&found, &truth);
            collected.push(draw.seed, train.len(), draw.test.len(), measured);
        }
        rows.push(collected.row(&name, OWN_HEAD, *shots));
    }
    Ok(rows)
}

/// A head, or `None` for the threshold on the distance of two fields.
type Head = Option<Probe>;

fn heads_of(spec: &EvaluateSpec, set: &LabelSet, numbers: &Numbers) -> Vec<Head> {
    let mut heads: Vec<Head> = spec.heads.iter().copied().map(Some).collect();
    if numbers.distance.is_some() && set.classes.len() == 2 {
        heads.push(None);
    }
    heads
}

type Measured = BTreeMap<String, Option<f64>>;

#[derive(Default)]
struct Collected {
    seeds: Vec<u64>,
    n_train: Vec<usize>,
    n_test: Vec<usize>,
    measures: BTreeMap<String, Vec<Option<f64>>>,
}

impl Collected {
    fn push(&mut self, seed: u64, n_train: usize, n_test: usize, measured: Measured) {
        self.seeds.push(seed);
        self.n_train.push(n_train);
        self.n_test.push(n_test);
        for (name, value) in measured {
            self.measures.entry(name).or_default().push(value);
        }
    }

    fn row(self, candidate: &str, head: &str, shots: Shots) -> ResultRow {
        ResultRow {
            candidate: candidate.to_owned(),
            head: head.to_owned(),
            shots: shots.to_string(),
            seeds: self.seeds,
            n_train: self.n_train,
            n_test: self.n_test,
            measures: self
                .measures
                .into_iter()
                .map(|(name, each)| (name, Measure::of(each)))
                .collect(),
        }
    }
}

impl Case<'_> {
    fn measure(&self, head: Head, numbers: &Numbers) -> JobResult<Measured> {
        let never = || false;
        let class = |places: &[usize]| -> Vec<usize> {
            let of = |place: &usize| self.set.places.get(*place).map_or(0, |place| place.class);
            places.iter().map(of).collect()
        };
        let Some(probe) = head else {
            let found = self.by_threshold(numbers);
            return Ok(self.judged(&found, &class(self.test)));
        };
        let (train, test) = (
            numbers.table.select(self.train),
            numbers.table.select(self.test),
        );
        if self.set.has_values() {
            let value = |places: &[usize]| -> Vec<f64> {
                let of = |place: &usize| self.set.places.get(*place).map_or(0.0, |p| p.value);
                places.iter().map(of).collect()
            };
            let found = probe.predict(&train, &value(self.train), &test, self.seed, &never)?;
            let pairs: Vec<(f64, f64)> = found.into_iter().zip(value(self.test)).collect();
            let accuracy = RegressionAccuracy::of(&pairs);
            return Ok(BTreeMap::from([
                ("r2".to_owned(), accuracy.r2_determination),
                ("mae".to_owned(), accuracy.mae),
            ]));
        }
        let classes = self.set.classes.len();
        let found = probe.classify(
            &train,
            &class(self.train),
            classes,
            &test,
            self.seed,
            &never,
        )?;
        Ok(self.judged(&found, &class(self.test)))
    }

    /// The border that does best on the labels to learn from, applied to the others. The second class is change.
    fn by_threshold(&self, numbers: &Numbers) -> Vec<usize> {
        let distance = numbers.distance.as_deref().unwrap_or_default();
        let judge = |places: &[usize], border: f64| -> Vec<usize> {
            let of = |place: &usize| usize::from(distance.get(*place).is_some_and(|d| *d > border));
            places.iter().map(of).collect()
        };
        let truth: Vec<usize> = self
            .train
            .iter()
            .map(|place| self.set.places.get(*place).map_or(0, |place| place.class))
            .collect();
        let mut best = (THRESHOLDS[0], f64::NEG_INFINITY);
        for border in THRESHOLDS {
            let balanced = balanced_accuracy(&judge(self.train, border), &truth, 2);
            if balanced.is_some_and(|balanced| balanced > best.1) {
                best = (border, balanced.unwrap_or(0.0));
            }
        }
        judge(self.test, best.0)
    }

    /// Balanced accuracy, and overall accuracy where every place stands for as many labels as were thinned to it.
    fn judged(&self, found: &[usize], truth: &[usize]) -> Measured {
        let (mut right, mut all) = (0.0, 0.0);
        for (found, truth) in found.iter().zip(truth) {
            let weight = self.weights.get(*truth).copied().unwrap_or(1.0);
            all += weight;
            right += if found == truth { weight } else { 0.0 };
        }
        let balanced = balanced_accuracy(found, truth, self.set.classes.len());
        BTreeMap::from([
            ("balanced_accuracy".to_owned(), balanced),
            (
                "overall_accuracy".to_owned(),
                (all > 0.0).then(|| right / all),
            ),
        ])
    }
}

/// Mean over the classes that are there of the share found.
fn balanced_accuracy(found: &[usize], truth: &[usize], classes: usize) -> Option<f64> {
    let (mut right, mut all) = (vec![0usize; classes], vec![0usize; classes]);
    for (found, truth) in found.iter().zip(truth) {
        if let (Some(right), Some(all)) = (right.get_mut(*truth), all.get_mut(*truth)) {
            *all += 1;
            *right += usize::from(found == truth);
        }
    }
    let shares: Vec<f64> = right
        .iter()
        .zip(&all)
        .filter(|(_, all)| **all > 0)
        .map(|(right, all)| *right as f64 / *all as f64)
        .collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

/// Puts beside every measure how it differs from the first candidate's, seed by seed.
pub(super) fn compare_with_first(rows: &mut [ResultRow]) {
    let Some(first) = rows.first().map(|row| row.candidate.clone()) else {
        return;
    };
    let of_first: Vec<ResultRow> = rows
        .iter()
        .filter(|row| row.candidate == first)
        .cloned()
        .collect();
    for row in rows.iter_mut().filter(|row| row.candidate != first) {
        let Some(other) = of_first
            .iter()
            .find(|other| other.head == row.head && other.shots == row.shots)
        else {
            continue;
        };
        for (name, measure) in &mut row.measures {
            if let Some(theirs) = other.measures.get(name) {
                measure.compare_with(theirs, name != "mae");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_accuracy_is_the_mean_of_recalls() {
        let truth = [0, 0, 0, 0, 1, 1, 2];
        let found = [0, 0, 0, 1, 1, 0, 0];
        let balanced = balanced_accuracy(&found, &truth, 4).unwrap();
        assert!((balanced - (0.75 + 0.5 + 0.0) / 3.0).abs() < 1e-12);
        assert_eq!(balanced_accuracy(&[], &[], 2), None);
    }
}
