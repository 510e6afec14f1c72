//! The forecast job: images of days that were not seen, or the gaps of those that were, by a rule or a model, one file a day;
//! compared with what was seen later and with the rules that need no model. Knows the order of the steps.

mod chart;
mod figures;
mod images;
mod model;
mod model_images;
mod pictures;
mod place;
mod report;
mod score;
mod spec;
mod weather;

use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::civil::Date;
use serde_json::{Value, json};
use terroir_scene::{Baseline, FutureWeather, ImageErrorSums, Provenance};

use crate::cost::{self, ImagesMade};
use crate::device;
use crate::embed_series::{ChosenFrame, attribution_of};
use crate::monitor::{JobResult, Monitor};
use crate::provenance::{checksum_of, short};
use crate::{Estimate, Failure, JobSpec, Outcome, command_line};

pub use figures::{
    EarthNetFigures, ForecastFigures, HorizonFigures, MeanNdvi, MethodFigures, TargetFigures,
    WhatIfFigures,
};
pub use spec::{
    FillSpec, ForecastMethod, ForecastSpec, ModelForecast, TargetDays, USUAL_HORIZON_DAYS,
    USUAL_STEP_DAYS, WhatIf,
};

use figures::{add_scores, target_figures};
use images::{Filling, Target, write_by_rule};
use model::ModelRun;
use model_images::{FileKind, write_by_model};
use pictures::{colours_text, day_pictures};
use place::Place;
use report::ForecastReport;
use score::{open_cover, references, score, score_filling};
use weather::DrivenWeather;

/// Days made in one job.
const MOST_DAYS: usize = 366;
/// Further ahead no forecast is trained, nor judged (spec kg-vsf 7.5).
const TRUSTED_DAYS: i64 = 120;
/// Below this share of pixels to start from, a day says so.
const THIN_BASE: f64 = 0.5;
/// Inputs of a job beyond this are named without their SHA-256.
const MOST_HASHED_BYTES: u64 = 1 << 30;
/// Bands of a file of a day, about: those of the image, and how far members lie apart.
const BANDS_A_FILE: u64 = 12;
/// Images named in a file.
const MOST_NAMED: usize = 400;

/// What makes the images, as files and reports say it.
struct Maker {
    title: String,
    /// What it does, without a stop.
    sentence: String,
    model: Value,
    device: String,
    weather: Option<String>,
}

/// What the job will read, write and take. How many days that are, where they depend on the images' own, is their number.
pub(crate) fn estimate(spec: &ForecastSpec, monitor: &Monitor<'_>) -> JobResult<Estimate> {
    let count = match (&spec.fill, &spec.days) {
        (Some(fill), _) => fill.dates.len().max(1),
        (None, TargetDays::Dates(dates)) => dates.len(),
        (None, TargetDays::Every { days, horizon }) => usize::from(horizon / days.max(&1)),
        (None, TargetDays::Images { horizon }) => {
            usize::from(*horizon) / usize::from(USUAL_STEP_DAYS)
        }
    };
    let made = ImagesMade {
        window: spec.window,
        count: count as u64,
        bands: BANDS_A_FILE,
        is_timed: spec.device().is_none(),
        device: spec
            .device()
            .map_or_else(|| device::CPU.to_owned(), |name| device::open(name).name),
    };
    let mut whole = cost::of_archive(&spec.archive, &made, monitor)?;
    if let ForecastMethod::Model(model) = &spec.method {
        let mut run = ModelRun::open(model, monitor)?;
        let place = Place::open_for(spec, &run.about.bands, monitor)?;
        let days = days_of(spec, &place)?;
        let weather = driven_weather(model, &run, &place, &days, monitor)?;
        let secs = model_images::secs_blocking(&place, &mut run, model, &weather, &days, monitor)?;
        whole.seconds = Some(secs);
        whole.memory_bytes += 4 * run.config().parameter_count() as u64;
    }
    Ok(whole)
}

fn driven_weather(
    model: &ModelForecast,
    run: &ModelRun,
    place: &Place,
    days: &[Date],
    monitor: &Monitor<'_>,
) -> JobResult<DrivenWeather> {
    let last = place.dates_of(&place.inputs).last().copied();
    let (Some(last_image), Some(last_day)) = (last, days.last()) else {
        return Err(Failure::new("there is no image to start from").into());
    };
    DrivenWeather::of(model, &run.about, last_image, *last_day, monitor)
}

pub(crate) fn forecast(spec: &ForecastSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let begun = Instant::now();
    let started = jiff::Timestamp::now().to_string();
    let mut run = match &spec.method {
        ForecastMethod::Baseline(_) => {
            monitor.started("cpu");
            None
        }
        ForecastMethod::Model(model) => Some((&**model, ModelRun::open(model, monitor)?)),
    };
    monitor.progress("opening the images", 0, 1);
    let place = match &run {
        None => Place::open(spec, monitor)?,
        Some((_, run)) => Place::open_for(spec, &run.about.bands, monitor)?,
    };
    check_folder(spec, &place)?;
    let days = days_of(spec, &place)?;
    let cover = match &spec.land_cover {
        Some(path) => Some(open_cover(path, &place)?),
        None => None,
    };
    let weather = match &run {
        None => None,
        Some((model, run)) => Some(driven_weather(model, run, &place, &days, monitor)?),
    };
    let maker = maker_of(spec, run.as_ref().map(|(_, run)| run), weather.as_ref());
    std::fs::create_dir_all(&spec.out).map_err(|error| {
        Failure::io(
            "the folder of the results cannot be made",
            &spec.out,
            &error,
        )
    })?;
    let mut targets = targets_of(spec, &place, &days, weather.as_ref());
    say_what_is_odd(spec, &targets, monitor);
    let keys = |target: &Target, kind: FileKind| {
        let seconds = begun.elapsed().as_secs_f64();
        keys_of(spec, &place, target, kind, &maker, seconds)
    };
    match (&mut run, &weather) {
        (Some((model, run)), Some(weather)) => {
            write_by_model(&place, run, model, weather, &mut targets, &keys, monitor)?;
        }
        _ => {
            let rule = spec.method.rule().unwrap_or(Baseline::Persistence);
            let filling = spec.fill.as_ref().map(|fill| Filling {
                replaces_seen: fill.replaces_seen,
            });
            let keys = |target: &Target| keys(target, FileKind::Forecast);
            write_by_rule(&place, rule, &mut targets, filling, &keys, monitor)?;
        }
    }
    let mut figures = ForecastFigures {
        bands: place.bands.names.clone(),
        targets: target_figures(&targets, maker.weather.as_deref(), &|target| {
            checks_of(spec, target)
        }),
        ..ForecastFigures::default()
    };
    let mut pictures = Vec::new();
    let seen = references(&place, &targets);
    if let (Some(_), Some(rule)) = (&spec.fill, spec.method.rule()) {
        let scored = score_filling(&place, rule, &targets, monitor)?;
        let mut all = ImageErrorSums::default();
        for (target, errors) in figures.targets.iter_mut().zip(&scored.errors) {
            all.join(errors);
            target.metrics = Some(errors.errors()).filter(|errors| errors.n > 0);
        }
        figures.own.all = all.errors();
    } else if !seen.is_empty() {
        let own_rule = spec.method.rule();
        let scores = score(&place, &targets, seen, own_rule, cover.as_ref(), monitor)?;
        add_scores(&mut figures, &scores, &targets);
        pictures = day_pictures(&place, &targets, &scores.references)?;
        say_lost(spec, &figures, monitor);
    }
    monitor.check()?;
    monitor.progress("writing the report", 0, 1);
    let written = report::write(&ForecastReport {
        spec,
        method: maker.title.clone(),
        method_sentence: maker.sentence.clone(),
        model: maker.model.clone(),
        sensor: place.sensor_name().to_owned(),
        figures: &figures,
        pictures: &pictures,
        colours: colours_text(&place),
        grid: &place.grid,
        inputs: inputs_of(spec, &place)?,
        images: images_text(&place),
        land_cover: cover.is_some(),
        started,
        warnings: monitor.warnings(),
    })?;
    Ok(outcome(
        spec, &place, &targets, &figures, written, begun, monitor,
    ))
}

fn maker_of(spec: &ForecastSpec, run: Option<&ModelRun>, weather: Option<&DrivenWeather>) -> Maker {
    let weather = weather.map(|weather| weather.source.clone());
    match (&spec.method, run) {
        (ForecastMethod::Model(model), Some(run)) => Maker {
            title: "KG-VSF".to_owned(),
            sentence: format!(
                "the network {} draws each day from the last clear images and the weather up to that day; model output",
                run.name
            ),
            model: json!({
                "arch": "kgvsf", "preset": run.name, "checkpoint_sha256": run.sha256,
                "weights": crate::provenance::file_name(&model.weights),
                "bands": run.about.bands, "weather": run.about.drivers, "skill": run.about.skill,
            }),
            device: run.compute.name.clone(),
            weather,
        },
        (method, _) => {
            let rule = method.rule().unwrap_or(Baseline::Persistence);
            Maker {
                title: rule.title().to_owned(),
                sentence: rule.sentence().to_owned(),
                model: Value::Null,
                device: "cpu".to_owned(),
                weather,
            }
        }
    }
}

/// The days to make.
fn days_of(spec: &ForecastSpec, place: &Place) -> Result<Vec<Date>, Failure> {
    let inputs = place.dates_of(&place.inputs);
    let (Some(first), Some(last)) = (inputs.first(), inputs.last()) else {
        return Err(Failure::new("there is no image to start from"));
    };
    let is_interpolation = spec.method.rule() == Some(Baseline::Interpolation);
    let is_model = spec.method.rule().is_none();
    if is_model && spec.fill.is_some() {
        return Err(Failure::new(
            "the network looks ahead and fills no gaps; choose linear interpolation for gaps",
        ));
    }
    let mut days = match &spec.fill {
        Some(fill) if fill.dates.is_empty() => inputs.clone(),
        Some(fill) => fill.dates.clone(),
        None if is_interpolation => {
            return Err(Failure::new(
                "linear interpolation needs images after the day, so it fills gaps (--fill) and cannot look ahead; choose another method",
            ));
        }
        None => {
            let mut all = inputs.clone();
            all.extend(place.dates_of(&place.later));
            spec.days.resolve(*last, &all)
        }
    };
    days.sort_unstable();
    days.dedup();
    if days.is_empty() {
        return Err(Failure::new(match spec.days {
            TargetDays::Images { horizon } => format!(
                "there is no image within {horizon} days after {last}; use fewer images (--until) or a longer horizon"
            ),
            _ => "no day was named; name dates, or a step and a horizon that holds it".to_owned(),
        }));
    }
    if days.len() > MOST_DAYS {
        return Err(Failure::new(format!(
            "{} days are too many for one run; {MOST_DAYS} can be made at once",
            days.len()
        )));
    }
    if let Some(early) = days.iter().find(|day| *day <= last)
        && is_model
    {
        return Err(Failure::new(format!(
            "{early} does not lie after the last image used, which is of {last}; choose later days, or use fewer images (--until)"
        )));
    }
    if let Some(early) = days.iter().find(|day| *day < first)
        && spec.fill.is_none()
    {
        return Err(Failure::new(format!(
            "there is no image on or before {early}, so nothing to start from; the first image is of {first}"
        )));
    }
    Ok(days)
}

/// Results among the images would be taken for images the next time.
fn check_folder(spec: &ForecastSpec, place: &Place) -> Result<(), Failure> {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let out = whole(&spec.out);
    if out.is_file() {
        return Err(Failure::new(format!(
            "the results go into a folder, and this is a file; choose another name (--out)\n{}",
            spec.out.display()
        )));
    }
    let frames = place.sensor().into_iter().flat_map(|sensor| &sensor.frames);
    let is_among = frames
        .flat_map(|frame| frame.files())
        .any(|file| whole(file).parent() == Some(out.as_path()))
        || spec
            .archive
            .files
            .iter()
            .any(|folder| folder.is_dir() && out.starts_with(whole(folder)));
    if is_among {
        return Err(Failure::new(format!(
            "the results would lie among the images and be taken for images the next time; choose another folder\n{}",
            spec.out.display()
        )));
    }
    Ok(())
}

fn targets_of(
    spec: &ForecastSpec,
    place: &Place,
    days: &[Date],
    weather: Option<&DrivenWeather>,
) -> Vec<Target> {
    let has_spread = weather.is_some_and(|weather| weather.members.len() > 1);
    let has_what_if = weather.is_some_and(|weather| weather.what_if.is_some());
    let stem = if spec.fill.is_some() {
        "filled"
    } else {
        "forecast"
    };
    days.iter()
        .map(|date| Target {
            date: *date,
            anchor: match spec.fill {
                // The image itself is what is filled.
                Some(_) => date
                    .yesterday()
                    .ok()
                    .and_then(|before| place.anchor(before)),
                None => place.anchor(*date),
            },
            file: spec.out.join(format!("{stem}_{date}.tif")),
            spread: has_spread.then(|| spec.out.join(format!("spread_{date}.tif"))),
            what_if: has_what_if.then(|| spec.out.join(format!("whatif_{date}.tif"))),
            base_share: None,
            made_share: None,
            mean_ndvi: None,
            what_if_ndvi: None,
            ndvi_spread: None,
        })
        .collect()
}

fn say_what_is_odd(spec: &ForecastSpec, targets: &[Target], monitor: &Monitor<'_>) {
    if spec.fill.is_some() {
        return;
    }
    let far = targets
        .iter()
        .filter(|target| target.days_ahead().is_some_and(|days| days > TRUSTED_DAYS))
        .count();
    if far > 0 {
        monitor.warn(format!(
            "{far} of {} days lie more than {TRUSTED_DAYS} days after the last image, further than forecasts are trained and judged",
            targets.len()
        ));
    }
}

/// What is to be known of one day.
fn checks_of(spec: &ForecastSpec, target: &Target) -> Vec<String> {
    let mut checks = Vec::new();
    if spec.fill.is_some() {
        if target.base_share == Some(0.0) {
            checks.push("nothing of it was seen".to_owned());
        }
        if target.made_share.is_some_and(|share| share < 1.0) {
            checks.push("gaps are left where no image was clear".to_owned());
        }
        return checks;
    }
    if target.days_ahead().is_some_and(|days| days > TRUSTED_DAYS) {
        checks.push(format!("more than {TRUSTED_DAYS} days ahead"));
    }
    if target.base_share.is_some_and(|share| share < THIN_BASE) {
        checks.push("less than half of the area was ever seen clearly".to_owned());
    }
    if target.made_share == Some(0.0) {
        checks.push("the method says nothing of this day".to_owned());
    }
    checks
}

/// A forecast worse than no forecast is said, not hidden.
fn say_lost(spec: &ForecastSpec, figures: &ForecastFigures, monitor: &Monitor<'_>) {
    if spec.method.rule() == Some(Baseline::Persistence) {
        return;
    }
    for bin in figures.lost_to_persistence() {
        monitor.warn(format!(
            "at {} to {} days ahead the last clear image is nearer to what was seen than this forecast (skill {:+.2})",
            bin.bin.0,
            bin.bin.1,
            bin.errors.skill.unwrap_or(0.0)
        ));
    }
}

fn images_text(place: &Place) -> (String, String, usize) {
    let dates = place.dates_of(&place.inputs);
    let text = |date: Option<&Date>| date.map_or_else(String::new, Date::to_string);
    (text(dates.first()), text(dates.last()), place.inputs.len())
}

/// All files it was made from and compared with.
fn inputs_of(spec: &ForecastSpec, place: &Place) -> Result<Vec<Value>, Failure> {
    let Some(sensor) = place.sensor() else {
        return Ok(Vec::new());
    };
    let mut files: Vec<(PathBuf, &str, Option<Date>)> = Vec::new();
    for (frames, role) in [(&place.inputs, "image"), (&place.later, "compared with")] {
        for frame in frames.iter().filter_map(|frame| sensor.frames.get(*frame)) {
            for path in frame.files() {
                if !files.iter().any(|(known, _, _)| known == path) {
                    files.push((path.to_owned(), role, Some(frame.date)));
                }
            }
        }
    }
    files.extend(
        spec.land_cover
            .iter()
            .map(|path| (path.clone(), "land cover", None)),
    );
    if let ForecastMethod::Model(model) = &spec.method {
        files.push((model.weights.clone(), "weights", None));
        files.push((model.weather.path.clone(), "weather", None));
        if let Some(FutureWeather::Table(path)) = &model.future {
            files.push((path.clone(), "future weather", None));
        }
    }
    let bytes = |path: &Path| path.metadata().map_or(0, |file| file.len());
    let total: u64 = files.iter().map(|(path, _, _)| bytes(path)).sum();
    files
        .into_iter()
        .map(|(path, role, date)| {
            let sha256 = (total <= MOST_HASHED_BYTES)
                .then(|| checksum_of(&path))
                .transpose()?
                .flatten();
            Ok(json!({
                "path": path.display().to_string(), "role": role, "sha256": sha256,
                "date": date.map(|date| date.to_string()),
            }))
        })
        .collect()
}

/// What a file says of itself.
fn keys_of(
    spec: &ForecastSpec,
    place: &Place,
    target: &Target,
    kind: FileKind,
    maker: &Maker,
    seconds: f64,
) -> Provenance {
    let job = JobSpec::Forecast(spec.clone());
    let run = json!({
        "spec": job, "command": command_line(&job), "device": maker.device, "precision": "f32",
        "seconds": (seconds * 10.0).round() / 10.0,
    });
    let sensor = place.sensor_name();
    let frames: Vec<_> = place
        .inputs
        .iter()
        .filter_map(|frame| place.sensor()?.frames.get(*frame))
        .collect();
    let named: Vec<String> = frames
        .iter()
        .rev()
        .take(MOST_NAMED)
        .map(|frame| format!("{} {}", frame.date, frame.name))
        .collect();
    let inputs = json!({"sensor": sensor, "images": frames.len(), "last": named});
    let method = match maker.model.is_null() {
        true => maker.title.to_lowercase(),
        false => maker.title.clone(),
    };
    let changed = match &spec.method {
        ForecastMethod::Model(model) => model.what_if.map(|what_if| what_if.text()),
        ForecastMethod::Baseline(_) => None,
    };
    let weather = match (&maker.weather, kind, &changed) {
        (None, _, _) => "not used".to_owned(),
        (Some(source), FileKind::WhatIf, Some(changed)) => {
            format!("{source}, changed after the last image: {changed}")
        }
        (Some(source), _, _) => source.clone(),
    };
    let name = match (kind, &spec.fill, &changed) {
        (FileKind::WhatIf, _, Some(changed)) => format!("What-if by {method} ({changed})"),
        (FileKind::Spread, _, _) => format!("Spread of the forecast by {method}"),
        (_, Some(_), _) => format!("Filled by {method}"),
        _ => format!("Forecast by {method}"),
    };
    let sentence = match (&spec.fill, kind) {
        (Some(_), _) => format!(
            "{sensor} on {} with its gaps filled by {method}: {}; the band origin tells which values were seen",
            target.date, maker.sentence
        ),
        (None, FileKind::Spread) => format!(
            "Deviation of the forecasts of {sensor} for {} over the members of the weather ({weather})",
            target.date
        ),
        (None, _) => format!(
            "{name} of {sensor} for {}: {}; not an image. Weather: {weather}",
            target.date, maker.sentence
        ),
    };
    let model = match maker.model.is_null() {
        true => format!("{}: {}", maker.title, maker.sentence),
        false => maker.model.to_string(),
    };
    let mut keys = vec![
        ("MODEL".to_owned(), short(model)),
        ("INPUTS".to_owned(), short(inputs.to_string())),
        ("RUN".to_owned(), run.to_string()),
        ("DATE".to_owned(), target.date.to_string()),
        ("WEATHER".to_owned(), weather),
        ("FORECAST".to_owned(), name),
        ("DESCRIPTION".to_owned(), sentence),
    ];
    if let Some(anchor) = target.anchor {
        keys.push(("ANCHOR".to_owned(), anchor.to_string()));
    }
    let chosen: Vec<ChosenFrame> = place
        .inputs
        .iter()
        .map(|frame| ChosenFrame {
            input: place.source,
            source: place.source,
            frame: *frame,
            day: 0.0,
        })
        .collect();
    let words = attribution_of(&place.archive, &chosen);
    keys.extend(words.map(|words| ("ATTRIBUTION".to_owned(), words)));
    keys
}

fn outcome(
    spec: &ForecastSpec,
    place: &Place,
    targets: &[Target],
    figures: &ForecastFigures,
    written: Vec<PathBuf>,
    begun: Instant,
    monitor: &Monitor<'_>,
) -> Outcome {
    let seconds = begun.elapsed().as_secs_f64();
    let own = &figures.own.all;
    let mut files: Vec<PathBuf> = targets.iter().map(|target| target.file.clone()).collect();
    files.extend(targets.iter().filter_map(|target| target.what_if.clone()));
    files.extend(targets.iter().filter_map(|target| target.spread.clone()));
    files.extend(written);
    let what = match spec.fill {
        Some(_) => format!("{} images of {} filled", targets.len(), place.sensor_name()),
        None => format!("{} forecast on {} days", place.sensor_name(), targets.len()),
    };
    let judged = match (own.rmse, own.skill) {
        (Some(rmse), Some(skill)) => format!(
            "RMSE {rmse:.4}, skill over {} {skill:+.2}, on {} pixels seen",
            if spec.fill.is_some() {
                "the last value"
            } else {
                "persistence"
            },
            own.n
        ),
        (Some(rmse), None) => format!("RMSE {rmse:.4} on {} pixels seen", own.n),
        _ => "no image shows these days, so it is not judged".to_owned(),
    };
    let mut metrics = vec![
        ("days".to_owned(), targets.len() as f64),
        ("images".to_owned(), place.inputs.len() as f64),
        ("pixels_compared".to_owned(), own.n as f64),
        ("seconds".to_owned(), seconds),
    ];
    let named = [
        ("rmse", own.rmse),
        ("mae", own.mae),
        ("skill", own.skill),
        (
            "ndvi_nse",
            figures.own.ndvi.as_ref().and_then(|ndvi| ndvi.all.nse),
        ),
        (
            "earthnet_score",
            figures.own.earthnet.and_then(|net| net.score),
        ),
    ];
    metrics.extend(
        named
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))),
    );
    for bin in &figures.own.by_horizon {
        if let Some(skill) = bin.errors.skill {
            metrics.push((format!("skill_{}_{}", bin.bin.0, bin.bin.1), skill));
        }
    }
    Outcome {
        files,
        summary: format!("{what} by {}; {judged}, {seconds:.1} s", spec.method.word()),
        metrics,
        warnings: monitor.warnings(),
    }
}
