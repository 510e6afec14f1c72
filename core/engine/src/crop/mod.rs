//! The job that maps crops: for each day asked for, fields of the images before it, how well they tell the labelled crops apart
//! beside what the raw images give, a classifier and a map. Knows the order of the steps, each of which is a job that can be
//! done alone; knows no pixels.

mod clear_image;
mod cost;
mod field;
mod images_map;
mod made_from;
mod map;
mod page;
mod results;
mod spec;
mod taught;

use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::civil::Date;
use serde_json::json;
use terroir_scene::{Archive, Period, Probe};

use crate::catalogue::ModelShelf;
use crate::monitor::{JobResult, Monitor, Stop};
use crate::projection::write_renamed;
use crate::provenance::file_name;
use crate::{
    Candidate, CandidateSource, EvaluateSpec, Evaluation, Failure, JobSpec, Outcome, command_line,
};
use crate::{device, evaluate};

pub(crate) use cost::estimate;
use field::FieldJob;
use made_from::MapSource;
pub use results::{CropFigure, CropResults, CropSeason};
pub use spec::{CropFamily, CropMapOf, CropModel, CropSpec, CropTuning};
use taught::TaughtNetwork;

/// Classifiers that every description is judged with.
const HEADS: [Probe; 3] = [Probe::Nearest3, Probe::Linear, Probe::Forest];

/// A day asked for, and the days its map looks at.
struct Day {
    as_of: Option<Date>,
    period: Period,
}

pub(crate) fn crop(
    spec: &CropSpec,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
) -> JobResult<Outcome> {
    let begun = Instant::now();
    check(spec)?;
    monitor.started(&device::open(&spec.device).name);
    monitor.progress("opening the images", 0, 1);
    let days = days_of(spec)?;
    let mut seasons = Vec::new();
    let mut unseen = None;
    for day in &days {
        monitor.check()?;
        let name = match day.as_of {
            Some(as_of) if days.len() > 1 => format!("as of {as_of}, "),
            _ => String::new(),
        };
        match season(spec, day, &name, monitor, shelf) {
            Ok(season) => seasons.push(season),
            // A day too early for any usable image says nothing of the later ones.
            Err(Stop::NothingSeen(failure)) if days.len() > 1 => {
                monitor.warn(format!("{name}there is no map: {}", failure.what));
                unseen = Some(failure);
            }
            Err(stop) => return Err(stop),
        }
    }
    if let (true, Some(failure)) = (seasons.is_empty(), unseen) {
        return Err(failure.into());
    }
    let job = JobSpec::Crop(spec.clone());
    let results = CropResults::new(
        json!({
            "finished": jiff::Timestamp::now().to_string(), "app_version": env!("CARGO_PKG_VERSION"),
            "command": command_line(&job), "spec": job, "seconds": (begun.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        }),
        seasons,
        monitor.warnings(),
    );
    let files = write(spec, &results)?;
    Ok(outcome(spec, &results, files, begun, monitor))
}

/// What cannot be, said before anything is read.
fn check(spec: &CropSpec) -> Result<(), Failure> {
    if spec.models.is_empty() {
        return Err(Failure::new(
            "no model was named; name one that makes a field of the images, for example kgvsf-tiny",
        ));
    }
    for (at, model) in spec.models.iter().enumerate() {
        let family = CropFamily::of(&model.name).ok_or_else(|| {
            Failure::new(format!(
                "there is no model called {}; `terroir models` lists them",
                model.name
            ))
        })?;
        if family == CropFamily::Weather && spec.weather.is_none() {
            return Err(Failure::new(format!(
                "{} reads the weather of every day; name a table of it, or leave that model out",
                model.name
            )));
        }
        let is_twice = spec
            .models
            .iter()
            .take(at)
            .any(|before| before.name == model.name);
        if is_twice {
            return Err(Failure::new(format!(
                "{} was named twice; name each model once",
                model.name
            )));
        }
    }
    if spec.taught.is_some() && spec.taught_model().is_none() {
        return Err(Failure::new(
            "only a model of KG-VSF can be taught here, and none is among the models; add one, for example kgvsf-tiny",
        ));
    }
    if spec.map_of == CropMapOf::Taught && spec.taught.is_none() {
        return Err(Failure::new(
            "the map is to be made by a network that is taught, but none is; ask for it (--teach auto)",
        ));
    }
    Ok(())
}

fn days_of(spec: &CropSpec) -> JobResult<Vec<Day>> {
    let whole = Archive::open(&spec.archive, None)?
        .period()
        .ok_or_else(|| Failure::new("there is no dated image"))?;
    let from = spec.from.unwrap_or(whole.from);
    let day = |as_of: Option<Date>| {
        let to = as_of.unwrap_or(whole.to);
        match Period::new(from, to) {
            Ok(period) => Ok(Day { as_of, period }),
            Err(_) => Err(Failure::new(format!(
                "the season from {from} to {to} has no day; choose a later day, or an earlier first one"
            ))
            .into()),
        }
    };
    if spec.as_of.is_empty() {
        return Ok(vec![day(None)?]);
    }
    spec.as_of.iter().map(|as_of| day(Some(*as_of))).collect()
}

/// `crops_2018-07-01_field.tif`; the fields of further models are called after them.
fn field_path(spec: &CropSpec, day: &Day, model: usize) -> PathBuf {
    let what = match spec.models.get(model) {
        Some(model_of) if model > 0 => format!("_field_{}", model_of.name),
        _ => "_field".to_owned(),
    };
    spec.beside(day.as_of, &what, "tif")
}

fn season(
    spec: &CropSpec,
    day: &Day,
    name: &str,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
) -> JobResult<CropSeason> {
    let mut candidates = Vec::new();
    for (at, model) in spec.models.iter().enumerate() {
        let out = field_path(spec, day, at);
        let of_model = format!("{name}{}", model.name);
        monitor.step(&of_model, |step| {
            FieldJob::of(spec, model, &day.period, out.clone(), step)?.run(step, shelf)
        })?;
        candidates.push(Candidate::field(&model.name, &out));
    }
    let raw = |source: CandidateSource| Candidate {
        name: source.archive_name().unwrap_or_default().to_owned(),
        source,
    };
    candidates.push(raw(CandidateSource::Harmonics));
    candidates.push(raw(CandidateSource::Stack));
    let accuracy = spec.beside(day.as_of, "_accuracy", "json");
    let evaluation = EvaluateSpec {
        candidates,
        archive: Some(spec.archive.clone()),
        period: Some(day.period),
        labels: spec.labels.display().to_string(),
        class_attribute: spec.class_attribute.clone(),
        value: None,
        zero_is_class: false,
        split: spec.split.clone(),
        heads: HEADS.to_vec(),
        shots: spec.shots.clone(),
        most: EvaluateSpec::MOST,
        seeds: spec.seeds,
        seed: spec.seed,
        out: accuracy.clone(),
    };
    let mut taught = match (spec.taught_model(), &spec.weather, spec.taught) {
        (Some(model), Some(weather), Some(tuning)) => Some(TaughtNetwork::open(
            spec,
            model,
            weather,
            tuning.fixed(),
            day.period,
            monitor,
        )?),
        _ => None,
    };
    monitor.step(&format!("{name}accuracy"), |step| {
        let mut learners: Vec<&mut dyn evaluate::Learner> = Vec::new();
        learners.extend(
            taught
                .as_mut()
                .map(|taught| taught as &mut dyn evaluate::Learner),
        );
        evaluate::evaluate_beside(&evaluation, &mut learners, step)
    })?;
    let figures = results::best_figures(&Evaluation::read(&accuracy)?);
    let source = MapSource::of(spec, &figures);
    let map = monitor.step(&format!("{name}map"), |step| {
        source.map_blocking(spec, day, taught.as_mut(), step)
    })?;
    Ok(CropSeason {
        as_of: day.as_of,
        period: day.period,
        map: file_name(&map).into(),
        map_of: source.name(spec),
        accuracy: file_name(&accuracy).into(),
        figures,
    })
}

/// Writes the results and their page; the page first, so that whoever finds the results finds it, too.
fn write(spec: &CropSpec, results: &CropResults) -> Result<Vec<PathBuf>, Failure> {
    let text = serde_json::to_string_pretty(results)
        .map_err(|error| Failure::new("the results cannot be written").with_details(error))?;
    let path = spec.results_path();
    let page = path.with_extension("html");
    write_renamed(&page, page::page(results, spec).as_bytes())?;
    write_renamed(&path, text.as_bytes())?;
    let folder = spec.out.parent().unwrap_or(Path::new(""));
    let maps = results
        .seasons
        .iter()
        .map(|season| folder.join(&season.map));
    let mut files: Vec<PathBuf> = maps.collect();
    files.extend([page, path]);
    Ok(files)
}

fn outcome(
    spec: &CropSpec,
    results: &CropResults,
    files: Vec<PathBuf>,
    begun: Instant,
    monitor: &Monitor<'_>,
) -> Outcome {
    let last = results.seasons.last();
    let shots = spec.shots.last().map(ToString::to_string);
    let mut metrics = Vec::new();
    let mut best: Option<&CropFigure> = None;
    for figure in last.map(|season| &season.figures).into_iter().flatten() {
        if Some(&figure.shots) != shots.as_ref() {
            continue;
        }
        metrics.push((
            format!("balanced_accuracy of {}", figure.candidate),
            figure.mean,
        ));
        if best.is_none_or(|best| figure.mean > best.mean) {
            best = Some(figure);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    metrics.push(("seconds".to_owned(), seconds));
    let count = results.seasons.len();
    let mut summary = match count {
        1 => format!("Crop map, {}", file_name(Path::new(&spec.out))),
        count => format!("{count} crop maps"),
    };
    if let Some(best) = best {
        summary += &format!(
            "; {} tells the crops apart best, {} % balanced accuracy",
            best.candidate,
            best.text()
        );
    }
    Outcome {
        files,
        summary: format!("{summary}, {seconds:.0} s"),
        metrics,
        warnings: monitor.warnings(),
    }
}
