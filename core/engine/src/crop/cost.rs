//! What a job that maps crops will take: its parts for the last of the days, of which each is timed on a little of it, and for
//! the other days by how many images they see. Knows the parts; what they do is theirs.

use std::collections::BTreeMap;
use std::time::Instant;

use terroir_models::KgvsfTuning;
use terroir_scene::{Archive, FIELD_AXES, FeatureTable, HeadKind, Probe};

use super::field::FieldJob;
use super::spec::{CropMapOf, CropSpec};
use super::taught::{LessonTime, TaughtNetwork};
use super::{Day, HEADS, days_of, field_path};
use crate::catalogue::ModelShelf;
use crate::cost::{self, ImagesMade};
use crate::evaluate::ImageNumbers;
use crate::monitor::{JobResult, Monitor};
use crate::{CandidateSource, Estimate, EvaluateSpec, Shots, device};

/// Classes that are reckoned with while no file of labels is there: those painted become one only when the job starts.
const CLASSES: usize = 8;
/// Rows that are classified to know the speed of a map.
const TIMED_ROWS: usize = 4096;

/// How many labels there are.
struct Labels {
    classes: usize,
    /// That train in a split with all there are, and that test.
    train: usize,
    test: usize,
}

impl Labels {
    fn of(spec: &CropSpec, archive: &Archive) -> (Self, Option<String>) {
        let known = terroir_scene::import_labels(
            &spec.labels,
            &archive.grid,
            spec.class_attribute.as_deref(),
        );
        if let Ok((labels, _)) = known {
            let classes = labels.classes.len().max(1);
            let pixels = labels.pixels().len();
            let train = pixels.min(EvaluateSpec::MOST * classes);
            let test = (pixels / 5).max(1);
            return (
                Self {
                    classes,
                    train,
                    test,
                },
                None,
            );
        }
        let train = EvaluateSpec::MOST * CLASSES;
        let note = format!(
            "the comparison is reckoned with {} labels of each of {CLASSES} classes",
            EvaluateSpec::MOST
        );
        let all = Self {
            classes: CLASSES,
            train,
            test: train / 5,
        };
        (all, Some(note))
    }

    fn with(&self, shots: Shots) -> usize {
        match shots {
            Shots::Few(count) => self.train.min(count * self.classes),
            Shots::Max => self.train,
        }
    }
}

pub(crate) fn estimate(
    spec: &CropSpec,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
) -> JobResult<Estimate> {
    super::check(spec)?;
    let days = days_of(spec)?;
    let Some(last) = days.last() else {
        return Err(crate::Failure::new("there is no day to map").into());
    };
    let archive = Archive::open(&spec.archive, None)?;
    let count = days.len() as u64;
    let made = ImagesMade {
        window: None,
        count: count * spec.models.len() as u64,
        // A field's axes are bytes; the map and its confidence are as good as nothing beside them.
        bands: FIELD_AXES as u64 / 4,
        is_timed: true,
        device: device::open(&spec.device).name,
    };
    let mut whole = cost::of_archive(&spec.archive, &made, monitor)?;
    whole.pixels *= count;
    whole.windows *= count;
    let (labels, note) = Labels::of(spec, &archive);
    // Once a day, and by how many images a day sees.
    let (mut fixed, mut by_images) = (0.0, whole.seconds.unwrap_or(0.0));
    for (at, model) in spec.models.iter().enumerate() {
        monitor.check()?;
        let job = FieldJob::of(
            spec,
            model,
            &last.period,
            field_path(spec, last, at),
            monitor,
        )?;
        let field = job.estimate(monitor, shelf)?;
        // Fields are made one after the other.
        whole.memory_bytes = whole.memory_bytes.max(field.memory_bytes);
        let secs = field.seconds.unwrap_or(0.0);
        match job.reads_all_images() {
            true => by_images += secs,
            false => fixed += secs,
        }
    }
    fixed += compared_secs(spec, &archive, last, &labels, monitor)?;
    if let Some(taught) = taught_secs(spec, last, &labels, monitor)? {
        by_images += taught.secs;
        whole.memory_bytes = whole.memory_bytes.max(taught.memory_bytes);
    }
    fixed += mapped_secs(spec, &archive, &labels, monitor)?;
    let images = |day: &Day| archive.frame_count(Some(&day.period)) as f64;
    let shares: f64 = days
        .iter()
        .map(|day| images(day) / images(last).max(1.0))
        .sum();
    whole.seconds = Some(by_images * shares + fixed * count as f64);
    whole.notes.extend(note);
    whole.notes.extend(monitor.warnings());
    Ok(whole)
}

/// Rows of numbers that look like chance, and their classes.
fn made_up(rows: usize, width: usize, classes: usize) -> (FeatureTable, Vec<usize>) {
    let mut chance = terroir_models::Stream::new(0, "made up");
    let mut table = FeatureTable::new(width);
    for _ in 0..rows {
        table.push(&chance.normals(1.0, width));
    }
    (table, (0..rows).map(|row| row % classes.max(1)).collect())
}

/// Every description by every head on every split.
fn compared_secs(
    spec: &CropSpec,
    archive: &Archive,
    day: &Day,
    labels: &Labels,
    monitor: &Monitor<'_>,
) -> JobResult<f64> {
    let mut widths = vec![FIELD_AXES; spec.models.len()];
    for source in [CandidateSource::Harmonics, CandidateSource::Stack] {
        let numbers = ImageNumbers::of(&source, archive, day.period, labels.train)?;
        widths.extend(numbers.map(|numbers| numbers.width()));
    }
    let mut secs = 0.0;
    let mut known: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for width in widths {
        for shots in &spec.shots {
            let rows = labels.with(*shots);
            let of_split = match known.get(&(width, rows)) {
                Some(secs) => *secs,
                None => {
                    let (train, class) = made_up(rows, width, labels.classes);
                    let (test, _) = made_up(labels.test, width, labels.classes);
                    let clock = Instant::now();
                    for head in HEADS {
                        monitor.check()?;
                        let cancelled = || false;
                        head.classify(&train, &class, labels.classes, &test, 0, &cancelled)?;
                    }
                    let secs = clock.elapsed().as_secs_f64();
                    known.insert((width, rows), secs);
                    secs
                }
            };
            secs += of_split * spec.seeds as f64;
        }
    }
    Ok(secs)
}

/// What teaching takes and holds.
struct Teaching {
    secs: f64,
    memory_bytes: u64,
}

/// A lesson on every split, its questions, and the map where it may be made from it.
fn taught_secs(
    spec: &CropSpec,
    day: &Day,
    labels: &Labels,
    monitor: &Monitor<'_>,
) -> JobResult<Option<Teaching>> {
    let (Some(model), Some(weather), Some(taught)) =
        (spec.taught_model(), &spec.weather, spec.taught)
    else {
        return Ok(None);
    };
    let mut network =
        TaughtNetwork::open(spec, model, weather, taught.fixed(), day.period, monitor)?;
    let windows = network.windows();
    let maps = matches!(spec.map_of, CropMapOf::Taught | CropMapOf::Best);
    // A label lies in a few windows, and many of them in one.
    let looked_at = windows.min(labels.train + labels.test);
    let (mut secs, mut memory_bytes) = (0.0, 0);
    let mut known: Vec<(KgvsfTuning, LessonTime)> = Vec::new();
    // Labels learnt from, how often, and windows asked after it.
    let mut lessons: Vec<(usize, f64, usize)> = spec
        .shots
        .iter()
        .map(|shots| {
            let asked = windows.min(labels.test);
            (labels.with(*shots), spec.seeds as f64, asked)
        })
        .collect();
    if maps {
        lessons.push((labels.train, 1.0, windows));
    }
    for (pixels, times, asked) in lessons {
        monitor.check()?;
        let tuning = taught
            .fixed()
            .unwrap_or_else(|| KgvsfTuning::for_labels(pixels));
        let time = match known.iter().find(|(of, _)| *of == tuning) {
            Some((_, time)) => *time,
            None => {
                let time = network.time_blocking(tuning, monitor)?;
                known.push((tuning, time));
                time
            }
        };
        secs += times * time.secs(asked);
        memory_bytes = memory_bytes.max(network.memory_bytes(tuning));
    }
    let read = if maps { windows } else { looked_at };
    let of_window = known.first().map_or(0.0, |(_, time)| time.read_secs);
    Ok(Some(Teaching {
        secs: secs + read as f64 * of_window,
        memory_bytes,
    }))
}

/// The map of a classifier of pixels; that of a taught network is asked for with the lessons.
fn mapped_secs(
    spec: &CropSpec,
    archive: &Archive,
    labels: &Labels,
    monitor: &Monitor<'_>,
) -> JobResult<f64> {
    let is_forest = match spec.map_of {
        CropMapOf::Field => spec.kind == HeadKind::Forest,
        CropMapOf::Harmonics | CropMapOf::Stack | CropMapOf::Best => true,
        CropMapOf::Taught => return Ok(0.0),
    };
    let probe = if is_forest {
        Probe::Forest
    } else {
        Probe::Linear
    };
    let (train, class) = made_up(labels.train, FIELD_AXES, labels.classes);
    let time = |rows: usize| -> JobResult<f64> {
        monitor.check()?;
        let (test, _) = made_up(rows, FIELD_AXES, labels.classes);
        let clock = Instant::now();
        probe.classify(&train, &class, labels.classes, &test, 0, &|| false)?;
        Ok(clock.elapsed().as_secs_f64())
    };
    let (learnt, with_rows) = (time(1)?, time(TIMED_ROWS)?);
    let of_row = (with_rows - learnt).max(0.0) / TIMED_ROWS as f64;
    Ok(learnt + of_row * archive.grid.window().pixels() as f64)
}
