//! The composite job: many dated images to one raster, clouds left out. Streams window by window and image by image; memory
//! depends neither on the area nor on how many images there are. Knows archives; knows nothing of what the result is for.

use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terroir_scene::{
    Archive, ArchiveSource, ArchiveSpec, CompositeStatistic, HARMONIC_NAMES, HARMONICS, MapKind,
    Period, Provenance, TimeStack, Window, composite_pixel, harmonics, ndvi_bands,
};

use crate::journal::fingerprint;
use crate::monitor::{JobResult, Monitor};
use crate::shard::{Share, key_of};
use crate::{Failure, JobSpec, Outcome, command_line};

/// What is made of the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompositeKind {
    /// One value a band.
    Statistic(CompositeStatistic),
    /// Mean and waves of the year, five values a band.
    Harmonics,
}

impl CompositeKind {
    /// The word of the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Statistic(statistic) => statistic.word(),
            Self::Harmonics => "harmonics",
        }
    }
}

/// Dated images to one raster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompositeSpec {
    pub archive: ArchiveSpec,
    /// `None` = all dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    pub kind: CompositeKind,
    /// Name of the sensor; `None` = the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensor: Option<String>,
    /// GeoTIFF of floats; the last band counts the clear images.
    pub out: PathBuf,
}

impl CompositeSpec {
    /// Words of the command line that say the same.
    pub(crate) fn words(&self) -> Vec<(&'static str, Option<String>)> {
        let mut words = Vec::new();
        if let Some(reference) = &self.archive.reference {
            words.push(("--reference", Some(reference.display().to_string())));
        }
        if let Some(period) = &self.period {
            words.push(("--period", Some(period.to_string())));
        }
        words.push(("--statistic", Some(self.kind.word().to_owned())));
        if let Some(sensor) = &self.sensor {
            words.push(("--sensor", Some(sensor.clone())));
        }
        words.push(("--out", Some(self.out.display().to_string())));
        words
    }
}

pub(crate) fn composite(
    spec: &CompositeSpec,
    share: Share,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    let begun = Instant::now();
    monitor.started("cpu");
    monitor.progress("opening the images", 0, 1);
    let archive = Archive::open(&spec.archive, None)?;
    archive
        .notes
        .iter()
        .for_each(|note| monitor.warn(note.clone()));
    let (number, source) = dated_sensor(&archive, spec.sensor.as_deref())?;
    let frames = source.frames_in(spec.period.as_ref());
    if frames.is_empty() {
        return Err(Failure::new(match &spec.period {
            Some(period) => format!(
                "there is no image of {} in {period}; there are images from {}",
                source.source.name,
                archive
                    .period()
                    .map_or_else(|| "no day".to_owned(), |all| all.to_string())
            ),
            None => format!("the images of {} have no dates", source.source.name),
        })
        .into());
    }
    let files: Vec<PathBuf> = source
        .frames
        .iter()
        .flat_map(|frame| frame.files())
        .map(PathBuf::from)
        .collect();
    if files.contains(&spec.out) {
        return Err(Failure::new(format!(
            "the result would overwrite one of the images; choose another name\n{}",
            spec.out.display()
        ))
        .into());
    }
    let ndvi = ndvi_bands(&source.source.bands);
    if spec.kind == CompositeKind::Statistic(CompositeStatistic::MaxNdvi) && ndvi.is_none() {
        return Err(Failure::new(format!(
            "{} has no red and near infrared band, so there is no greenest image; choose the median",
            source.source.name
        ))
        .into());
    }
    let names = band_names(spec.kind, source);
    let kind = MapKind::Continuous {
        bands: names,
        ramp: "viridis".to_owned(),
    };
    let grid = archive.grid.clone();
    let rows = share.rows(grid.window());
    let job = share.job(JobSpec::Composite(spec.clone()));
    let images: Vec<String> = files.iter().map(|file| fingerprint(file)).collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let key = key_of(&job, &images)?;
    let outputs = std::slice::from_ref(&spec.out);
    if let Some(done) = share.done_blocking(rows, outputs, &key, monitor) {
        return Ok(done);
    }
    let mut map = share.writer(&spec.out, &grid, rows, kind)?;
    let side = TimeStack::side_for(frames.len(), source.source.bands.len());
    let windows: Vec<Window> = windows(grid.width, grid.height, side)
        .iter()
        .filter_map(|window| window.intersection(&rows))
        .collect();
    let total = (windows.len() * frames.len()) as u64;
    let (mut done, mut pixels, mut clear) = (0, 0u64, 0u64);
    for window in windows {
        let mut go_on = || {
            monitor.progress("reading the images", done, total);
            done += 1;
            !monitor.is_cancelled()
        };
        let stack = TimeStack::read_window_blocking(&archive, number, &frames, window, &mut go_on)?;
        let numbers: Vec<Vec<f32>> = (0..stack.pixels)
            .into_par_iter()
            .map(|pixel| of_pixel(spec.kind, &stack, pixel, ndvi))
            .collect();
        for numbers in &numbers {
            let count = numbers.last().copied().unwrap_or(0.0);
            pixels += u64::from(count > 0.0);
            clear += count as u64;
        }
        let bands = numbers.first().map_or(0, Vec::len);
        let planar: Vec<f32> = (0..bands)
            .flat_map(|band| {
                numbers
                    .iter()
                    .map(move |of| of.get(band).copied().unwrap_or(f32::NAN))
            })
            .collect();
        map.write_floats(window, &planar)?;
    }
    if pixels == 0 {
        monitor.warn("no pixel is clear in any image of the period");
    }
    let seconds = begun.elapsed().as_secs_f64();
    let mut keys = provenance(spec, &job, source, &frames, seconds);
    keys.extend(share.provenance(&key));
    let files = map.finish_observed(&keys, &mut |share| {
        monitor.progress("writing the file", (100.0 * share) as u64, 100);
        !monitor.is_cancelled()
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let mean = clear as f64 / pixels.max(1) as f64;
    Ok(Outcome {
        files,
        summary: format!(
            "{} of {} images of {}, {mean:.1} of them clear at a pixel, {pixels} pixels, {seconds:.1} s",
            sentence_of(spec.kind),
            frames.len(),
            source.source.name
        ),
        metrics: vec![
            ("pixels".to_owned(), pixels as f64),
            ("images".to_owned(), frames.len() as f64),
            ("clear_images".to_owned(), mean),
            ("seconds".to_owned(), seconds),
        ],
        warnings: monitor.warnings(),
    })
}

fn sentence_of(kind: CompositeKind) -> &'static str {
    match kind {
        CompositeKind::Statistic(CompositeStatistic::Median) => "Median",
        CompositeKind::Statistic(CompositeStatistic::Mean) => "Mean",
        CompositeKind::Statistic(CompositeStatistic::MaxNdvi) => "Greenest",
        CompositeKind::Harmonics => "Harmonics",
    }
}

/// The sensor asked for, or the only one with dates.
pub(crate) fn dated_sensor<'a>(
    archive: &'a Archive,
    wanted: Option<&str>,
) -> Result<(usize, &'a ArchiveSource), Failure> {
    let dated: Vec<(usize, &ArchiveSource)> = archive
        .sources
        .iter()
        .enumerate()
        .filter(|(_, source)| source.frames.iter().any(|frame| !frame.is_static))
        .collect();
    let names: Vec<&str> = dated.iter().map(|(_, s)| s.source.name.as_str()).collect();
    match wanted {
        Some(name) => dated
            .iter()
            .find(|(_, source)| source.source.name.eq_ignore_ascii_case(name))
            .copied()
            .ok_or_else(|| {
                Failure::new(format!(
                    "there are no dated images of {name}; there are some of: {}",
                    names.join(", ")
                ))
            }),
        None => match dated.as_slice() {
            [only] => Ok(*only),
            [] => Err(Failure::new(
                "none of these images has a date; name dated images of one place",
            )),
            _ => Err(Failure::new(format!(
                "these are images of several sensors; choose one (--sensor): {}",
                names.join(", ")
            ))),
        },
    }
}

/// Names and units of the bands of the result, the count of clear images last.
fn band_names(kind: CompositeKind, source: &ArchiveSource) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = Vec::new();
    for band in &source.source.bands {
        let unit = band.measure.unit().to_owned();
        match kind {
            CompositeKind::Statistic(_) => names.push((band.name.clone(), unit)),
            CompositeKind::Harmonics => names.extend(
                HARMONIC_NAMES
                    .iter()
                    .map(|wave| (format!("{} {wave}", band.name), unit.clone())),
            ),
        }
    }
    names.push(("clear images".to_owned(), String::new()));
    names
}

/// All values of a pixel, NaN where there are none, and the number of clear images.
fn of_pixel(
    kind: CompositeKind,
    stack: &TimeStack,
    pixel: usize,
    ndvi: Option<(usize, usize)>,
) -> Vec<f32> {
    let mut numbers: Vec<f32> = match kind {
        CompositeKind::Statistic(statistic) => composite_pixel(stack, pixel, statistic, ndvi)
            .into_iter()
            .map(|value| value.unwrap_or(f32::NAN))
            .collect(),
        CompositeKind::Harmonics => (0..stack.bands)
            .flat_map(|band| harmonics(stack.line(pixel, band)).unwrap_or([f32::NAN; HARMONICS]))
            .collect(),
    };
    let counts = (0..stack.bands).map(|band| stack.line(pixel, band).known().count());
    numbers.push(counts.max().unwrap_or(0) as f32);
    numbers
}

fn windows(width: usize, height: usize, side: usize) -> Vec<Window> {
    (0..height)
        .step_by(side)
        .flat_map(|row| (0..width).step_by(side).map(move |col| (col, row)))
        .map(|(col, row)| Window {
            col,
            row,
            width: side.min(width - col),
            height: side.min(height - row),
        })
        .collect()
}

fn provenance(
    spec: &CompositeSpec,
    job: &JobSpec,
    source: &ArchiveSource,
    frames: &[usize],
    seconds: f64,
) -> Provenance {
    const MOST_NAMED: usize = 400;
    let images: Vec<String> = frames
        .iter()
        .take(MOST_NAMED)
        .filter_map(|frame| source.frames.get(*frame))
        .map(|frame| format!("{} {}", frame.date, frame.name))
        .collect();
    let inputs = json!({
        "sensor": source.source.name, "images": frames.len(), "first": images,
    });
    let run = json!({
        "spec": job, "command": command_line(job), "device": "cpu", "precision": "f32",
        "seconds": (seconds * 10.0).round() / 10.0,
    });
    let period = spec
        .period
        .map_or_else(|| "all dates".to_owned(), |period| period.to_string());
    let sentence = format!(
        "{} of {} images of {}, {period}, clouds left out where a mask tells them",
        sentence_of(spec.kind),
        frames.len(),
        source.source.name
    );
    vec![
        ("INPUTS".to_owned(), inputs.to_string()),
        ("RUN".to_owned(), run.to_string()),
        ("DESCRIPTION".to_owned(), sentence),
    ]
}
