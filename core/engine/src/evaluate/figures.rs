//! The figures of an evaluation as they are kept in `report.json`: plain values, and the tables made of them. Knows figures;
//! works out means and spreads, nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use terroir_scene::Probe;

use super::scoring::{OWN_HEAD, THRESHOLD};
use crate::{Failure, JobSpec};

/// Of `report.json`.
pub const EVALUATION_SCHEMA: u32 = 1;

/// Everything an evaluation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub schema: u32,
    /// Always `evaluation`.
    pub task: String,
    /// When, by which version, with which command, and the job itself.
    pub job: Value,
    /// Files with their SHA-256.
    pub inputs: Vec<Value>,
    /// What is predicted: `classes`, or the column of the values.
    pub of: String,
    /// Places of each class that are compared; one entry without a name for values.
    pub classes: Vec<ClassPlaces>,
    /// Places left out because one of the candidates has no data there.
    pub left_out: usize,
    /// How places were split, in a sentence.
    pub design: String,
    pub candidates: Vec<CandidateAbout>,
    pub results: Vec<ResultRow>,
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassPlaces {
    pub name: String,
    /// Compared.
    pub places: usize,
    /// In the file.
    pub labelled: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateAbout {
    pub name: String,
    /// What it is, for people.
    pub about: String,
    /// Numbers a place.
    pub numbers: usize,
}

/// One head on one candidate with some labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultRow {
    pub candidate: String,
    /// `knn1`, `knn3`, `linear`, `forest`, `threshold`.
    pub head: String,
    /// Labels a class (of values: in all), or `max`.
    pub shots: String,
    /// One entry a split in this and all lists of this row.
    pub seeds: Vec<u64>,
    pub n_train: Vec<usize>,
    pub n_test: Vec<usize>,
    /// `balanced_accuracy` and `overall_accuracy`, or `r2` and `mae`.
    pub measures: BTreeMap<String, Measure>,
}

/// A measure over the seeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    pub mean: Option<f64>,
    /// Standard deviation (n - 1); `None` for a single seed.
    pub deviation: Option<f64>,
    /// Seeds in which it is defined.
    pub n: usize,
    pub each: Vec<Option<f64>>,
    /// Against the first candidate, seed by seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against_first: Option<Difference>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub mean: f64,
    pub deviation: Option<f64>,
    pub n: usize,
    /// Seeds in which this candidate does better than the first.
    pub better: usize,
}

impl Measure {
    pub(super) fn of(each: Vec<Option<f64>>) -> Self {
        let (mean, deviation, n) = mean_and_deviation(&each);
        Self {
            mean,
            deviation,
            n,
            each,
            against_first: None,
        }
    }

    pub(super) fn compare_with(&mut self, first: &Self, more_is_better: bool) {
        let differences: Vec<Option<f64>> = self
            .each
            .iter()
            .zip(&first.each)
            .map(|(own, theirs)| Some((*own)? - (*theirs)?))
            .collect();
        let (Some(mean), deviation, n) = mean_and_deviation(&differences) else {
            return;
        };
        let is_better =
            |difference: &f64| (*difference > 0.0) == more_is_better && *difference != 0.0;
        self.against_first = Some(Difference {
            mean,
            deviation,
            n,
            better: differences
                .iter()
                .flatten()
                .filter(|d| is_better(d))
                .count(),
        });
    }
}

fn mean_and_deviation(values: &[Option<f64>]) -> (Option<f64>, Option<f64>, usize) {
    let there: Vec<f64> = values.iter().flatten().copied().collect();
    let n = there.len();
    if n == 0 {
        return (None, None, 0);
    }
    let mean = there.iter().sum::<f64>() / n as f64;
    let squares: f64 = there.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
    (Some(mean), deviation, n)
}

/// What people call a head.
pub(crate) fn head_name(word: &str) -> String {
    match Probe::of_word(word) {
        Some(probe) => probe.name().to_owned(),
        None if word == THRESHOLD => "Threshold of the distance".to_owned(),
        None if word == OWN_HEAD => "Head of its own".to_owned(),
        None => word.to_owned(),
    }
}

impl Evaluation {
    /// Reads a report back.
    ///
    /// # Errors
    /// No such file, or another kind of file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::io("the report cannot be read", path, &error))?;
        let report: Self = serde_json::from_str(&text).map_err(|error| {
            Failure::new(format!(
                "this is no report of an evaluation\n{}",
                path.display()
            ))
            .with_details(error)
        })?;
        if report.schema > EVALUATION_SCHEMA || report.task != "evaluation" {
            return Err(Failure::new(format!(
                "this report is of another kind, or of a newer version\n{}",
                path.display()
            )));
        }
        Ok(report)
    }

    /// The job that wrote it.
    pub fn spec(&self) -> Option<JobSpec> {
        serde_json::from_value(self.job.get("spec")?.clone()).ok()
    }

    pub fn has_values(&self) -> bool {
        self.results
            .iter()
            .any(|row| row.measures.contains_key("r2"))
    }

    /// The measure that is looked at first, and the other.
    pub fn measures(&self) -> [&'static str; 2] {
        if self.has_values() {
            ["r2", "mae"]
        } else {
            ["balanced_accuracy", "overall_accuracy"]
        }
    }

    /// Numbers of labels, in the order asked for.
    pub fn shots(&self) -> Vec<String> {
        let mut shots: Vec<String> = Vec::new();
        for row in &self.results {
            if !shots.contains(&row.shots) {
                shots.push(row.shots.clone());
            }
        }
        shots
    }

    /// Heads, in the order used.
    pub fn heads(&self) -> Vec<String> {
        let mut heads: Vec<String> = Vec::new();
        for row in &self.results {
            if !heads.contains(&row.head) {
                heads.push(row.head.clone());
            }
        }
        heads
    }

    pub fn row(&self, candidate: &str, head: &str, shots: &str) -> Option<&ResultRow> {
        self.results
            .iter()
            .find(|row| row.candidate == candidate && row.head == head && row.shots == shots)
    }

    pub fn measure(
        &self,
        candidate: &str,
        head: &str,
        shots: &str,
        name: &str,
    ) -> Option<&Measure> {
        self.row(candidate, head, shots)?.measures.get(name)
    }

    /// Header and rows of a table of one measure: candidates and heads down, labels across.
    pub fn table(&self, measure: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let shots = self.shots();
        let mut header = vec!["candidate".to_owned(), "head".to_owned()];
        header.extend(shots.iter().map(|shots| self.labels_text(shots)));
        let mut rows = Vec::new();
        for candidate in &self.candidates {
            for head in self.heads() {
                let cells: Vec<Option<&Measure>> = shots
                    .iter()
                    .map(|shots| self.measure(&candidate.name, &head, shots, measure))
                    .collect();
                if cells.iter().all(Option::is_none) {
                    continue;
                }
                let mut row = vec![candidate.name.clone(), head_name(&head).to_lowercase()];
                row.extend(cells.into_iter().map(|cell| measure_text(cell, measure)));
                rows.push(row);
            }
        }
        (header, rows)
    }

    /// The main measure of a cell as people read it; `-` where there is none.
    pub fn text(&self, candidate: &str, head: &str, shots: &str) -> String {
        let name = self.measures()[0];
        measure_text(self.measure(candidate, head, shots, name), name)
    }

    /// `10 labels a class`, `all labels (at most 300 a class)`.
    pub fn labels_text(&self, shots: &str) -> String {
        let each = if self.has_values() { "" } else { " a class" };
        match shots {
            "max" => "max labels".to_owned(),
            "1" => format!("1 label{each}"),
            count => format!("{count} labels{each}"),
        }
    }

    /// The best of one number of labels: candidate, head and mean.
    pub fn best(&self, shots: &str) -> Option<(&ResultRow, f64)> {
        let name = self.measures()[0];
        self.results
            .iter()
            .filter(|row| row.shots == shots)
            .filter_map(|row| Some((row, row.measures.get(name)?.mean?)))
            .fold(None, |best: Option<(&ResultRow, f64)>, tried| match best {
                Some(best) if best.1 >= tried.1 => Some(best),
                _ => Some(tried),
            })
    }
}

/// `71.2 ± 3.4` in percent, `0.712 ± 0.034` for values.
pub(super) fn measure_text(measure: Option<&Measure>, name: &str) -> String {
    let Some((measure, mean)) = measure.and_then(|measure| Some((measure, measure.mean?))) else {
        return "-".to_owned();
    };
    let (factor, digits) = scale_of(name);
    match measure.deviation {
        Some(deviation) => format!(
            "{:.digits$} ± {:.digits$}",
            factor * mean,
            factor * deviation
        ),
        None => format!("{:.digits$}", factor * mean),
    }
}

/// What a measure is multiplied by to be shown, and its digits.
pub(super) fn scale_of(name: &str) -> (f64, usize) {
    if name.ends_with("accuracy") {
        (100.0, 1)
    } else {
        (1.0, 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_that_of_a_sample_and_differences_are_paired() {
        let mut own = Measure::of(vec![Some(0.7), Some(0.9), None]);
        assert_eq!(own.n, 2);
        assert!((own.mean.unwrap() - 0.8).abs() < 1e-12);
        assert!((own.deviation.unwrap() - 0.02f64.sqrt()).abs() < 1e-12);
        let first = Measure::of(vec![Some(0.6), Some(0.95), Some(0.1)]);
        own.compare_with(&first, true);
        let difference = own.against_first.clone().unwrap();
        assert_eq!((difference.n, difference.better), (2, 1));
        assert!((difference.mean - 0.025).abs() < 1e-12);
        own.compare_with(&first, false);
        assert_eq!(own.against_first.unwrap().better, 1);
        assert_eq!(Measure::of(vec![Some(0.5)]).deviation, None);
        assert_eq!(measure_text(Some(&first), "r2"), "0.550 ± 0.427");
        assert_eq!(measure_text(None, "r2"), "-");
        assert_eq!(
            measure_text(Some(&Measure::of(vec![Some(0.5)])), "balanced_accuracy"),
            "50.0"
        );
    }
}
