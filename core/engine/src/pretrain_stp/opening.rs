//! The archives of a run and what its model is to know of them: found and measured, or told by the weights it goes on from.
//! Knows archives and weights files. Knows nothing of steps.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use terroir_models::{Stp, Stream, load_stp};
use terroir_scene::{Archive, ArchiveSpec, BandSums, Source, import_labels};

use super::PretrainStpSpec;
use super::places::{Pixel, Places};
use super::rows::Opened;
use super::sources;
use super::task;
use crate::Failure;
use crate::embed_series::sources_told;
use crate::monitor::{JobResult, Monitor};
use crate::projection::write_renamed;
use crate::provenance::file_name;
use crate::setup::guarded;

/// Weights to go on from, with what they know.
pub struct Start {
    pub model: Stp,
    sources: Vec<Source>,
    path: PathBuf,
}

impl Start {
    /// What the model knows of sensors.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }
}

pub fn start_of(
    spec: &PretrainStpSpec,
    device: &Device,
    monitor: &Monitor<'_>,
) -> Result<Option<Start>, Failure> {
    let Some(path) = &spec.weights else {
        return Ok(None);
    };
    monitor.progress("reading the weights", 0, 1);
    let loaded = guarded(|| load_stp(path, device).map_err(|error| error.to_string()))?;
    let sources = sources_told(&loaded.about, path)?;
    Ok(Some(Start {
        model: loaded.model,
        sources,
        path: path.clone(),
    }))
}

/// Archives as the model sees them. A new model's sources are found in the archives and measured; those of weights, or of the
/// run that goes on, are taken as they are.
pub fn open_archives(
    spec: &PretrainStpSpec,
    start: Option<&Start>,
    kept: &Path,
    monitor: &Monitor<'_>,
) -> JobResult<(Vec<Source>, Vec<Opened>)> {
    let sources = match start {
        Some(start) => start.sources.clone(),
        None if spec.resume => read_sources(kept)?,
        None => measured(spec, monitor)?,
    };
    let text = serde_json::to_string_pretty(&sources).map_err(|error| {
        Failure::new("the statistics cannot be written down").with_details(error)
    })?;
    write_renamed(kept, text.as_bytes())?;
    let opened = open_known(spec, start, &sources, monitor)?;
    Ok((sources, opened))
}

/// The archives as a model sees them that knows these sources.
pub fn open_known(
    spec: &PretrainStpSpec,
    start: Option<&Start>,
    sources: &[Source],
    monitor: &Monitor<'_>,
) -> JobResult<Vec<Opened>> {
    let total = spec.archives.len() as u64;
    let mut opened = Vec::with_capacity(spec.archives.len());
    for (number, archive) in spec.archives.iter().enumerate() {
        monitor.check()?;
        monitor.progress("opening the archives", number as u64, total);
        let name = name_of(archive);
        let found = Archive::open(archive, Some(sources))?;
        found
            .notes
            .iter()
            .for_each(|note| monitor.warn(note.clone()));
        let found = Opened::new(found, name.clone(), sources);
        let frames = found.input_frames();
        if frames == 0 {
            return Err(nothing_to_see(archive, start, sources).into());
        }
        let has_static = found
            .times
            .iter()
            .any(|times| times.is_static && times.is_target);
        if frames < 2 && !has_static {
            return Err(Failure::new(format!(
                "this archive has one dated frame; two or more are needed, to look at some and find another again\n{}",
                path_of(archive)
            ))
            .into());
        }
        opened.push(found);
    }
    Ok(opened)
}

fn nothing_to_see(archive: &ArchiveSpec, start: Option<&Start>, sources: &[Source]) -> Failure {
    Failure::new(match start {
        Some(start) => format!(
            "the weights {} know other sensors ({}) than this archive has; leave it out or train anew without --weights\n{}",
            file_name(&start.path),
            task::describe(sources),
            path_of(archive)
        ),
        None => format!(
            "no dated frame of a sensor was found in this archive; name a folder of scenes whose names or metadata have dates\n{}",
            path_of(archive)
        ),
    })
}

fn read_sources(path: &Path) -> Result<Vec<Source>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::io("the run's statistics cannot be read", path, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::new(format!(
            "the run's statistics cannot be understood; begin the run anew\n{}",
            path.display()
        ))
        .with_details(error)
    })
}

/// Sources of all archives with the statistics of all their values.
fn measured(spec: &PretrainStpSpec, monitor: &Monitor<'_>) -> JobResult<Vec<Source>> {
    let mut found: Vec<(Source, Vec<BandSums>)> = Vec::new();
    let total = spec.archives.len() as u64;
    for (number, archive) in spec.archives.iter().enumerate() {
        monitor.check()?;
        monitor.progress("opening the archives", number as u64, total);
        let opened = Archive::open(archive, None)?;
        let words = format!("measuring {}", name_of(archive));
        let go_on = |done: u64, of: u64| {
            monitor.progress(&words, done, of);
            !monitor.is_cancelled()
        };
        let sums = opened.sums_blocking(go_on)?;
        let sources = opened.sources.into_iter().map(|source| source.source);
        found.extend(sources.zip(sums));
    }
    let mut sources = sources::pooled(found.iter().map(|(source, sums)| (source, sums.clone())));
    // Without classes to tell apart there is nothing to learn of a legend.
    sources.retain(|source| sources::outputs(source) > 0);
    Ok(sources)
}

fn path_of(archive: &ArchiveSpec) -> String {
    let paths: Vec<String> = archive
        .files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

pub fn name_of(archive: &ArchiveSpec) -> String {
    archive
        .files
        .first()
        .map(|path| file_name(path))
        .unwrap_or_default()
}

/// Pixels of every class of a raster or of polygons, by archive.
pub fn add_strata(
    places: &mut Places,
    path: &Path,
    archives: &[Opened],
    seed: u64,
    monitor: &Monitor<'_>,
) -> JobResult<()> {
    let mut strata: Vec<(String, Vec<Pixel>)> = Vec::new();
    let mut last = None;
    for (archive, opened) in archives.iter().enumerate() {
        monitor.check()?;
        let labels = match import_labels(path, &opened.archive.grid, None) {
            Ok((labels, _)) => labels,
            Err(error) => {
                last = Some(error);
                continue;
            }
        };
        for pixel in labels.pixels() {
            let Some(class) = labels.class(pixel.class_id) else {
                continue;
            };
            let at = (archive, pixel.col, pixel.row);
            match strata.iter_mut().find(|(name, _)| *name == class.name) {
                Some((_, pixels)) => pixels.push(at),
                None => strata.push((class.name.clone(), vec![at])),
            }
        }
    }
    let mut chance = Stream::new(seed, "strata");
    for (_, pixels) in strata {
        places.add_stratum(pixels, &mut chance);
    }
    if places.strata() == 0 {
        return Err(match last {
            Some(error) => error.into(),
            None => Failure::new(format!(
                "no archive has any of these strata\n{}",
                path.display()
            ))
            .into(),
        });
    }
    monitor.metric("strata", places.strata() as f64);
    Ok(())
}
