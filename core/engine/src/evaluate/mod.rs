//! The evaluation job: how much simple heads make of a few labels, on fields and on what else the numbers of a place can come
//! from, by the published protocol (specification of STP, section 12.2). Every candidate gets the same labels and is judged on
//! the same other places. Knows labels, candidates and heads; knows no tensors.

mod chart;
mod draws;
mod features;
mod figures;
mod labels;
mod learner;
mod report;
mod scoring;
mod series;
mod spec;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use terroir_scene::{Archive, Probe, file_and_layer};

use crate::monitor::{JobResult, Monitor};
use crate::projection::write_renamed;
use crate::provenance::checksum_of;
use crate::split_file::SplitFile;
use crate::{Failure, JobSpec, Outcome, command_line};

pub(crate) use chart::{Line, line_color, lines_svg, range_of};
pub(crate) use figures::head_name;
pub use figures::{
    CandidateAbout, ClassPlaces, Difference, EVALUATION_SCHEMA, Evaluation, Measure, ResultRow,
};
pub use spec::{Candidate, CandidateSource, EvaluateSpec, Shots};

use draws::draws;
use features::{Numbers, read_all_blocking, reference_grid};
use labels::{LabelSet, read_labels};
pub(crate) use learner::{Learner, Task};
use scoring::{compare_with_first, score, score_learner};
pub(crate) use series::ImageNumbers;

/// Files larger than this are named without their SHA-256.
const MOST_HASHED_BYTES: u64 = 2 << 30;

pub(crate) fn evaluate(spec: &EvaluateSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    evaluate_beside(spec, &mut [], monitor)
}

/// Compares, and judges on the same labels what learns by itself.
pub(crate) fn evaluate_beside(
    spec: &EvaluateSpec,
    learners: &mut [&mut dyn Learner],
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    let begun = Instant::now();
    monitor.started("cpu");
    check(spec)?;
    let split = spec.split.as_deref().map(SplitFile::read).transpose()?;
    let archive = match &spec.archive {
        Some(files) => {
            monitor.progress("opening the images", 0, 1);
            Some(Archive::open(files, None)?)
        }
        None => None,
    };
    let notes = archive.iter().flat_map(|archive| &archive.notes);
    notes.for_each(|note| monitor.warn(note.clone()));
    let reference = reference_grid(&spec.candidates, archive.as_ref())?;
    let mut set = read_labels(spec, &reference, split.as_ref(), monitor)?;
    let mut candidates = read_all_blocking(spec, archive.as_ref(), &set, monitor)?;
    let mut is_seen = vec![true; set.places.len()];
    for learner in &mut *learners {
        let pixels = set.pixels_on(learner.grid(), &set.path)?;
        let seen = learner.see_blocking(&pixels, monitor)?;
        for (is_seen, seen) in is_seen.iter_mut().zip(seen) {
            *is_seen &= seen;
        }
    }
    let left_out = keep_common(&mut set, &mut candidates, &is_seen);
    say_left_out(&set, left_out, monitor)?;
    let (draws, design) = draws(spec, &set, split.as_ref(), monitor)?;
    say_few(spec, &set, &draws, monitor);
    let mut results = score(spec, &set, &candidates, &draws, monitor)?;
    for learner in &mut *learners {
        results.extend(score_learner(spec, &set, &mut **learner, &draws, monitor)?);
    }
    compare_with_first(&mut results);
    monitor.check()?;
    monitor.progress("writing the report", 0, 1);
    let now = jiff::Timestamp::now().to_string();
    let job = JobSpec::Evaluate(spec.clone());
    let report = Evaluation {
        schema: EVALUATION_SCHEMA,
        task: "evaluation".to_owned(),
        job: json!({
            "finished": now, "app_version": env!("CARGO_PKG_VERSION"), "command": command_line(&job), "spec": job,
            "seconds": (begun.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        }),
        inputs: inputs(spec)?,
        of: spec.value.clone().unwrap_or_else(|| "classes".to_owned()),
        classes: classes_of(&set),
        left_out,
        design,
        candidates: candidates
            .iter()
            .map(|(name, numbers)| CandidateAbout {
                name: name.clone(),
                about: numbers.about.clone(),
                numbers: numbers.table.width(),
            })
            .chain(learners.iter().map(|learner| CandidateAbout {
                name: learner.name(),
                about: learner.about(),
                numbers: learner.numbers(),
            }))
            .collect(),
        results,
        warnings: monitor.warnings(),
    };
    write(spec, &report, &now)?;
    Ok(outcome(spec, &report, begun, monitor))
}

/// What cannot be, said before anything is read.
fn check(spec: &EvaluateSpec) -> Result<(), Failure> {
    let complain = |what: &str| Err(Failure::new(what));
    if spec.candidates.is_empty() {
        return complain("nothing to compare was named; name one field or more");
    }
    if spec.heads.is_empty() || spec.shots.is_empty() {
        return complain("name at least one head and one number of labels");
    }
    if spec.seeds == 0 || spec.seeds > EvaluateSpec::MOST_SEEDS {
        return Err(Failure::new(format!(
            "{} splits cannot be drawn; 1 to {} can, 5 is usual",
            spec.seeds,
            EvaluateSpec::MOST_SEEDS
        )));
    }
    if spec.most == 0 {
        return complain("max must mean 1 label a class or more");
    }
    let mut names = BTreeSet::new();
    for candidate in &spec.candidates {
        if candidate.name.trim().is_empty() || !names.insert(candidate.name.as_str()) {
            return Err(Failure::new(format!(
                "two candidates are called \"{}\"; give them different names (NAME=FILE)",
                candidate.name
            )));
        }
    }
    let (labels, _) = file_and_layer(&spec.labels);
    let page = spec.out.with_extension("html");
    let inputs = spec.rasters().into_iter().chain([labels.as_path()]);
    for input in inputs.chain(spec.split.as_deref()) {
        if input == spec.out || input == page {
            return Err(Failure::new(format!(
                "the report would overwrite one of its inputs; choose another name\n{}",
                spec.out.display()
            )));
        }
    }
    Ok(())
}

/// Keeps the places where every candidate has data; returns how many were dropped. Columns of what is no field are brought to
/// one scale over the places that stay. `is_seen`: places what learns by itself sees.
fn keep_common(
    set: &mut LabelSet,
    candidates: &mut [(String, Numbers)],
    is_seen: &[bool],
) -> usize {
    let has_all = |place: usize| {
        is_seen.get(place) == Some(&true)
            && candidates
                .iter()
                .all(|(_, numbers)| numbers.is_there.get(place).copied().unwrap_or(false))
    };
    let kept: Vec<usize> = (0..set.places.len())
        .filter(|place| has_all(*place))
        .collect();
    let dropped = set.places.len() - kept.len();
    if dropped > 0 {
        set.places = kept
            .iter()
            .filter_map(|place| set.places.get(*place).cloned())
            .collect();
    }
    for (_, numbers) in candidates {
        if dropped > 0 {
            numbers.table = numbers.table.select(&kept);
            numbers.is_there = vec![true; kept.len()];
            if let Some(distance) = &mut numbers.distance {
                *distance = kept
                    .iter()
                    .filter_map(|place| distance.get(*place).copied())
                    .collect();
            }
        }
        if !numbers.is_unit {
            numbers.table.standardise();
        }
    }
    dropped
}

fn say_left_out(set: &LabelSet, left_out: usize, monitor: &Monitor<'_>) -> JobResult<()> {
    if set.places.is_empty() {
        return Err(Failure::new(format!(
            "there is no labelled place where every candidate has data; check that all show the same ground\n{}",
            set.path.display()
        ))
        .into());
    }
    if left_out > 0 {
        monitor.warn(format!(
            "{left_out} labelled places are left out because one of the candidates has no data there"
        ));
    }
    let gone: Vec<&str> = set
        .classes
        .iter()
        .enumerate()
        .filter(|(class, _)| !set.places.iter().any(|place| place.class == *class))
        .map(|(_, class)| class.name.as_str())
        .collect();
    if !gone.is_empty() {
        monitor.warn(format!(
            "no place is left of the classes: {}",
            gone.join(", ")
        ));
    }
    Ok(())
}

/// Classes with fewer labels to learn from than asked for.
fn say_few(spec: &EvaluateSpec, set: &LabelSet, draws: &[draws::Draw], monitor: &Monitor<'_>) {
    for shots in &spec.shots {
        let Shots::Few(count) = shots else { continue };
        let mut few: BTreeSet<(usize, usize)> = BTreeSet::new();
        for draw in draws {
            let mut counts = vec![0usize; set.classes.len().max(1)];
            for place in draw.training(*shots, spec.most, set) {
                let class = set.places.get(place).map_or(0, |place| place.class);
                if let Some(of) = counts.get_mut(class) {
                    *of += 1;
                }
            }
            few.extend(counts.into_iter().enumerate().filter(|(_, of)| of < count));
        }
        let mut least: std::collections::BTreeMap<usize, usize> = Default::default();
        for (class, of) in few {
            let known = least.entry(class).or_insert(of);
            *known = (*known).min(of);
        }
        if least.is_empty() {
            continue;
        }
        let list: Vec<String> = least
            .iter()
            .map(|(class, of)| match set.classes.get(*class) {
                Some(class) => format!("{} ({of})", class.name),
                None => of.to_string(),
            })
            .collect();
        monitor.warn(format!(
            "fewer than {count} labels to learn from in some split: {}",
            list.join(", ")
        ));
    }
}

fn classes_of(set: &LabelSet) -> Vec<ClassPlaces> {
    let count = |class: usize| {
        set.places
            .iter()
            .filter(|place| place.class == class)
            .count()
    };
    let names: Vec<String> = if set.has_values() {
        vec![String::new()]
    } else {
        set.classes.iter().map(|class| class.name.clone()).collect()
    };
    names
        .into_iter()
        .enumerate()
        .map(|(class, name)| ClassPlaces {
            name,
            places: count(class),
            labelled: set.totals.get(class).copied().unwrap_or(0),
        })
        .collect()
}

/// All files it was made from.
fn inputs(spec: &EvaluateSpec) -> Result<Vec<Value>, Failure> {
    let one = |path: &Path, role: &str| {
        let is_small = path
            .metadata()
            .is_ok_and(|file| file.is_file() && file.len() <= MOST_HASHED_BYTES);
        let sha256 = is_small.then(|| checksum_of(path)).transpose()?.flatten();
        Ok::<_, Failure>(
            json!({"path": path.display().to_string(), "role": role, "sha256": sha256}),
        )
    };
    let (labels, _) = file_and_layer(&spec.labels);
    let mut inputs = vec![one(&labels, "labels")?];
    if let Some(split) = &spec.split {
        inputs.push(one(split, "split")?);
    }
    for candidate in &spec.candidates {
        for path in candidate.rasters() {
            inputs.push(one(path, &candidate.name)?);
        }
    }
    for path in spec.archive.iter().flat_map(|archive| &archive.files) {
        inputs.push(one(path, "archive")?);
    }
    Ok(inputs)
}

fn write(spec: &EvaluateSpec, report: &Evaluation, now: &str) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(report)
        .map_err(|error| Failure::new("the report cannot be written").with_details(error))?;
    let (labels, _) = file_and_layer(&spec.labels);
    let labels = crate::provenance::file_name(&labels);
    write_renamed(&spec.out, text.as_bytes())?;
    write_renamed(
        &spec.out.with_extension("html"),
        report::page(report, spec, &labels, now).as_bytes(),
    )
}

fn outcome(
    spec: &EvaluateSpec,
    report: &Evaluation,
    begun: Instant,
    monitor: &Monitor<'_>,
) -> Outcome {
    let seconds = begun.elapsed().as_secs_f64();
    let mut metrics = Vec::new();
    let mut parts = Vec::new();
    for shots in report.shots() {
        let Some((row, mean)) = report.best(&shots) else {
            continue;
        };
        metrics.push((format!("best_with_{shots}"), mean));
        let (factor, digits) = figures::scale_of(report.measures()[0]);
        let unit = if report.has_values() { "" } else { " %" };
        parts.push(format!(
            "{}: {} ({}) {:.digits$}{unit}",
            report.labels_text(&shots),
            row.candidate,
            head_name(&row.head).to_lowercase(),
            factor * mean
        ));
    }
    for row in &report.results {
        let mean = row.measures.get(report.measures()[0]).and_then(|m| m.mean);
        let head = Probe::of_word(&row.head);
        if let (Some(mean), Some(head), Ok(shots)) = (mean, head, row.shots.parse()) {
            metrics.push((EvaluateSpec::metric_name(&row.candidate, head, shots), mean));
        }
    }
    metrics.push(("seconds".to_owned(), seconds));
    let measure = if report.has_values() {
        "R²"
    } else {
        "balanced accuracy"
    };
    Outcome {
        files: vec![spec.out.clone(), spec.out.with_extension("html")],
        summary: format!("Best {measure} with {}, {seconds:.1} s", parts.join("; ")),
        metrics,
        warnings: monitor.warnings(),
    }
}
