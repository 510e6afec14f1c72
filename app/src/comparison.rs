//! Comparing fields on the document's labels: the form, the job it starts, and its figures. Knows the engine's evaluation.

use std::collections::BTreeSet;
use std::path::PathBuf;

use terroir_engine::{Candidate, EvaluateSpec, JobSpec, Outcome, Shots};
use terroir_scene::Probe;

use crate::analyses::FieldChoice;
use crate::files::FileTask;
use crate::jobs::{JobState, beside};
use crate::language::t;
use crate::state::State;

/// Form of the panel; not saved.
pub struct Comparison {
    /// Fields that are not compared.
    pub left_out: BTreeSet<PathBuf>,
    pub shots: BTreeSet<Shots>,
    pub seeds: usize,
}

impl Default for Comparison {
    fn default() -> Self {
        Self {
            left_out: BTreeSet::new(),
            shots: EvaluateSpec::CLASS_SHOTS.into_iter().collect(),
            seeds: EvaluateSpec::SEEDS,
        }
    }
}

/// The best head of a candidate with each number of labels.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedField {
    pub name: String,
    /// Head and balanced accuracy.
    pub best: Vec<Option<(Probe, f64)>>,
}

impl State {
    /// The job of the form, or what is missing.
    pub fn comparison_spec(&self) -> Result<EvaluateSpec, &'static str> {
        let form = &self.session.comparison;
        let fields: Vec<FieldChoice> = self
            .fields()
            .into_iter()
            .filter(|field| !form.left_out.contains(&field.path))
            .collect();
        let Some(first) = fields.first() else {
            return Err(t!("compare-choose-field"));
        };
        if self.labelled_classes() < 2 {
            return Err(t!("compare-two-classes"));
        }
        if form.shots.is_empty() {
            return Err(t!("compare-how-many"));
        }
        let mut candidates: Vec<Candidate> = Vec::new();
        for field in &fields {
            let is_taken = |name: &str| candidates.iter().any(|known| known.name == name);
            let name = (1..)
                .map(|number| match number {
                    1 => field.name.clone(),
                    number => format!("{} ({number})", field.name),
                })
                .find(|name| !is_taken(name));
            candidates.push(Candidate::field(&name.unwrap_or_default(), &field.path));
        }
        Ok(EvaluateSpec {
            candidates,
            archive: None,
            period: None,
            labels: beside(&first.path, "comparison_labels", "gpkg")
                .display()
                .to_string(),
            class_attribute: None,
            value: None,
            zero_is_class: false,
            split: None,
            heads: Probe::ALL.to_vec(),
            shots: form.shots.iter().copied().collect(),
            most: EvaluateSpec::MOST,
            seeds: form.seeds,
            seed: 0,
            out: beside(&first.path, "comparison", "json"),
        })
    }

    /// Saves the labels, then compares.
    pub fn start_comparison(&mut self) {
        let Ok(spec) = self.comparison_spec() else {
            return;
        };
        let Some(labels) = self.history.document().labels.clone() else {
            return;
        };
        self.send(FileTask::SaveLabels {
            labels,
            path: PathBuf::from(&spec.labels),
            job: Box::new(JobSpec::Evaluate(spec)),
        });
    }

    /// The newest comparison that is done.
    pub fn last_comparison(&self) -> Option<(EvaluateSpec, Outcome)> {
        self.jobs
            .list
            .iter()
            .rev()
            .find_map(|job| match (&job.spec, &job.state) {
                (JobSpec::Evaluate(spec), JobState::Finished(outcome)) => {
                    Some((spec.clone(), outcome.clone()))
                }
                _ => None,
            })
    }
}

/// Figures of a finished comparison, candidate by candidate.
pub fn compared_fields(spec: &EvaluateSpec, outcome: &Outcome) -> Vec<ComparedField> {
    let figure = |name: String| {
        let mut metrics = outcome.metrics.iter();
        metrics
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    };
    spec.candidates
        .iter()
        .map(|candidate| ComparedField {
            name: candidate.name.clone(),
            best: spec
                .shots
                .iter()
                .map(|shots| {
                    let each = spec.heads.iter().filter_map(|head| {
                        let name = EvaluateSpec::metric_name(&candidate.name, *head, *shots);
                        Some((*head, figure(name)?))
                    });
                    each.max_by(|a, b| a.1.total_cmp(&b.1))
                })
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_head_of_each_candidate_is_shown() {
        let spec = EvaluateSpec {
            candidates: vec![
                Candidate::field("a", "a.tif".as_ref()),
                Candidate::field("b", "b.tif".as_ref()),
            ],
            archive: None,
            period: None,
            labels: "l.gpkg".to_owned(),
            class_attribute: None,
            value: None,
            zero_is_class: false,
            split: None,
            heads: Probe::ALL.to_vec(),
            shots: vec![Shots::Few(1), Shots::Max],
            most: 300,
            seeds: 5,
            seed: 0,
            out: "r.json".into(),
        };
        let metric = |name: &str, head: Probe, value: f64| {
            (EvaluateSpec::metric_name(name, head, Shots::Max), value)
        };
        let outcome = Outcome {
            files: Vec::new(),
            summary: String::new(),
            metrics: vec![
                metric("a", Probe::Linear, 0.6),
                metric("a", Probe::Forest, 0.7),
                metric("b", Probe::Linear, 0.5),
            ],
            warnings: Vec::new(),
        };
        let found = compared_fields(&spec, &outcome);
        assert_eq!(found[0].best, [None, Some((Probe::Forest, 0.7))]);
        assert_eq!(found[1].best, [None, Some((Probe::Linear, 0.5))]);
    }
}
