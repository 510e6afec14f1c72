//! The map of a whole scene by a fine-tuned model: windows over the scene, their answers blended, block by block into a
//! working raster that a killed job goes on with. Memory depends on the window, the bands and the width of the scene,
//! never on its area. Knows nothing of how the model was trained.

mod answers;
mod mapper;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Instant;

use sha2::{Digest, Sha256};
use terroir_scene::{AreaOfInterest, Grid, MapKind, Raster, Window, plan_windows};

use crate::band_match::match_bands;
use crate::blocks::{BLOCK_BYTES, plan_blocks, touches};
use crate::device::{self, Compute};
use crate::finetune::TuneTask;
use crate::inputs::read_region_blocking;
use crate::journal::{Content, Journal, folder_of};
use crate::monitor::{JobResult, Monitor, Stop};
use crate::predict::{area_of, confidence_path, hectares_per_pixel};
use crate::projection::hex;
use crate::provenance::{of_scene_map, sha256_of_file};
use crate::shard::Share;
use crate::{Estimate, Failure, JobSpec, MapSceneSpec, Outcome, TunedAbout};
use answers::{NO_CLASS, Scene, map_blocks};
use mapper::{GPU_BATCH, Mapper, overlap_of};

pub(crate) fn map_scene(
    spec: &MapSceneSpec,
    share: Share,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    map_in_blocks(spec, share, None, monitor)
}

/// What of the scene is mapped, and what tells this run from others.
struct Task {
    share: Share,
    rows: Window,
    key: String,
    begun: Instant,
}

/// The rasters the job writes, the map first.
pub(crate) fn outputs_of(spec: &MapSceneSpec, is_values: bool) -> Vec<PathBuf> {
    let mut paths = vec![spec.out.clone()];
    if !is_values {
        paths.push(confidence_path(&spec.out));
    }
    paths
}

/// `side`: of the blocks, pixels; `None` lets memory decide. The map does not depend on it.
fn map_in_blocks(
    spec: &MapSceneSpec,
    share: Share,
    side: Option<usize>,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    let begun = Instant::now();
    if spec.out == spec.scene || spec.out == spec.model_file {
        return Err(Failure::new(format!(
            "the map would overwrite what it is made from; choose another name\n{}",
            spec.out.display()
        ))
        .into());
    }
    let about = TunedAbout::of_file(&spec.model_file)?;
    monitor.progress("opening the device", 0, 1);
    let compute = device::open(&spec.device);
    if let Some(reason) = &compute.fallback {
        monitor.warn(reason.clone());
    }
    monitor.started(&compute.name);
    let raster = Raster::open(&spec.scene)?;
    let grid = raster.info().grid.clone();
    let (bands, positions) =
        match_bands(&about.bands, raster.info(), &spec.wavelengths_nm, monitor)?;
    let wavelengths_um: Vec<f32> = positions
        .iter()
        .filter_map(|position| about.wavelengths_um.get(*position).copied())
        .collect();
    let sha256 = sha256_of_file(&spec.model_file)?;
    let task = Task {
        share,
        rows: share.rows(grid.window()),
        key: journal_key(spec, share, &sha256, &raster, &compute)?,
        begun,
    };
    let outputs = outputs_of(spec, about.classes.is_empty());
    if let Some(done) = share.done_blocking(task.rows, &outputs, &task.key, monitor) {
        return Ok(done);
    }
    let content = match about.task {
        TuneTask::Values => Content::Values,
        TuneTask::Pixels | TuneTask::Patches => Content::Classes,
    };
    let (out, own_grid) = (share.path_of(&spec.out), share.grid(&grid, task.rows));
    let journal = Journal::open(&out, &task.key, &own_grid, content)?;
    let mut journal = journal.starting_at_row(task.rows.row);
    let area = area_of(spec.aoi.as_ref(), &grid)?;
    let result = Mapper::load(&spec.model_file, about, wavelengths_um, compute, monitor).and_then(
        |mut mapper| {
            let blocks = match side {
                Some(side) => blocks_of(grid.window(), side),
                None => plan_blocks(grid.window(), bands.len(), mapper.geometry),
            };
            if journal.done_count() > 0 {
                monitor.warn(format!(
                    "going on with an interrupted run: {} of {} blocks were done",
                    journal.done_count(),
                    blocks
                        .iter()
                        .filter(|block| touches(**block, task.rows))
                        .count()
                ));
            }
            let scene = Scene {
                path: &spec.scene,
                bands: &bands,
                extent: grid.window(),
                rows: task.rows,
                area: area.as_ref(),
            };
            map_blocks(&scene, &mut mapper, &mut journal, &blocks, monitor)?;
            finish(
                spec,
                &task,
                &mapper,
                &raster,
                &sha256,
                area.as_ref(),
                &mut journal,
                monitor,
            )
        },
    );
    match &result {
        // A cancel by the user leaves nothing behind; a failure keeps what is done.
        Ok(_) | Err(Stop::Cancelled) => journal.discard(),
        Err(Stop::Failed(_) | Stop::NothingSeen(_)) if journal.done_count() == 0 => {
            journal.discard()
        }
        Err(Stop::Failed(_) | Stop::NothingSeen(_) | Stop::Interrupted) => {}
    }
    result
}

/// What the map will cost. Some windows in the middle are mapped to know the speed; nothing is written.
pub(crate) fn estimate(spec: &MapSceneSpec, monitor: &Monitor<'_>) -> JobResult<Estimate> {
    let about = TunedAbout::of_file(&spec.model_file)?;
    let raster = Raster::open(&spec.scene)?;
    let grid = &raster.info().grid;
    let window = about.window_px;
    let windows = plan_windows(grid.window(), window, overlap_of(about.task, window));
    let outputs = about.classes.len().max(1);
    let row = grid.width.div_ceil(window.max(1)) * 2 * outputs * window * window * 4;
    let model_bytes = std::fs::metadata(&spec.model_file).map_or(0, |meta| meta.len());
    let mut notes = vec![about.sentence()];
    let (bands, positions) =
        match_bands(&about.bands, raster.info(), &spec.wavelengths_nm, monitor)?;
    let wavelengths_um: Vec<f32> = positions
        .iter()
        .filter_map(|position| about.wavelengths_um.get(*position).copied())
        .collect();
    let compute = device::open(&spec.device);
    let mut mapper = Mapper::load(&spec.model_file, about, wavelengths_um, compute, monitor)?;
    let middle = windows
        .get(windows.len() / 2)
        .map_or(0, |window| window.row);
    let of_row = windows.iter().filter(|window| window.row == middle);
    let some: Vec<Window> = of_row.take(GPU_BATCH).copied().collect();
    let (Some(first), Some(last)) = (some.first(), some.last()) else {
        return Err(Failure::new("the scene has no pixels").into());
    };
    let side_by_side = Window {
        width: last.end_col() - first.col,
        ..*first
    };
    let mut secs = 0.0;
    // The first round compiles kernels and fills caches; the second one counts.
    for _ in 0..2 {
        monitor.check()?;
        let clock = Instant::now();
        let region = read_region_blocking(&raster, &bands, side_by_side)?;
        mapper.answer_windows(&region, &some, monitor)?;
        secs = clock.elapsed().as_secs_f64() / some.len() as f64;
    }
    if folder_of(&spec.out).exists() {
        notes.push(
            "an interrupted run lies beside the output and is gone on with if nothing changed"
                .to_owned(),
        );
    }
    Ok(Estimate {
        pixels: (grid.width * grid.height) as u64,
        windows: windows.len() as u64,
        seconds: Some(secs * windows.len() as f64),
        memory_bytes: 2 * model_bytes + (BLOCK_BYTES + row) as u64,
        disk_bytes: 2 * (grid.width * grid.height) as u64 * 4,
        device: mapper.compute.name,
        notes,
    })
}

fn blocks_of(extent: Window, side: usize) -> Vec<Window> {
    let starts = |length: usize| (0..length).step_by(side.max(1));
    starts(extent.height)
        .flat_map(|row| starts(extent.width).map(move |col| (col, row)))
        .map(|(col, row)| Window {
            col,
            row,
            width: side.min(extent.width - col),
            height: side.min(extent.height - row),
        })
        .collect()
}

/// Two runs share a journal only if this text is the same.
fn journal_key(
    spec: &MapSceneSpec,
    share: Share,
    sha256: &str,
    raster: &Raster,
    compute: &Compute,
) -> Result<String, Failure> {
    let job = share.job(JobSpec::MapScene(spec.clone()));
    let spec_text = serde_json::to_string(&job)
        .map_err(|error| Failure::new("the job cannot be written down").with_details(error))?;
    let of_file = |path: &Path| {
        let meta = std::fs::metadata(path).ok();
        let modified = meta.as_ref().and_then(|meta| meta.modified().ok());
        format!(
            "{} {:?} {modified:?}",
            path.display(),
            meta.map(|meta| meta.len())
        )
    };
    let area = spec
        .aoi
        .as_ref()
        .map(|area| of_file(&terroir_scene::file_and_layer(&area.file).0));
    let info = raster.info();
    let text = format!(
        "{}\n{spec_text}\n{sha256}\n{}\n{area:?}\n{} {} {}\n{}",
        env!("CARGO_PKG_VERSION"),
        of_file(&spec.scene),
        info.grid.width,
        info.grid.height,
        info.bands.len(),
        compute.name
    );
    Ok(hex(&Sha256::digest(text.as_bytes())))
}

/// Turns the working raster into the checked files.
fn finish(
    spec: &MapSceneSpec,
    task: &Task,
    mapper: &Mapper,
    raster: &Raster,
    sha256: &str,
    area: Option<&AreaOfInterest>,
    journal: &mut Journal,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    let (grid, about) = (&raster.info().grid, &mapper.about);
    let is_values = about.classes.is_empty();
    let kind = match is_values {
        true => MapKind::Continuous {
            bands: vec![(about.value_name.clone(), String::new())],
            ramp: "viridis".to_owned(),
        },
        false => MapKind::Classes(about.classes.clone()),
    };
    let own = task.rows;
    let mut map = task.share.writer(&spec.out, grid, own, kind)?;
    let mut confidence = match is_values {
        true => None,
        false => Some(task.share.writer(
            &confidence_path(&spec.out),
            grid,
            own,
            MapKind::Confidence(vec!["confidence".to_owned()]),
        )?),
    };
    let mut found = Found::default();
    let rows = (BLOCK_BYTES / (8 * grid.width).max(1)).clamp(1, 512);
    for row in (own.row..own.end_row()).step_by(rows) {
        monitor.check()?;
        let done = row - own.row;
        monitor.progress("writing the map", done as u64, own.height as u64);
        let window = Window {
            col: 0,
            row,
            width: grid.width,
            height: rows.min(own.end_row() - row),
        };
        let mut bytes = journal.read_rows(row, window.height)?;
        let mask = area.map(|area| area.mask(window));
        let is_wanted = |at: usize| mask.as_ref().is_none_or(|mask| mask.get(at) == Some(&true));
        let pixels = window.width * window.height;
        match &mut confidence {
            Some(confidence) => {
                let (classes, shares) = bytes.split_at_mut(pixels);
                for (at, (class, share)) in classes.iter_mut().zip(shares.iter_mut()).enumerate() {
                    if !is_wanted(at) || *class == 0 {
                        [*class, *share] = NO_CLASS;
                    } else {
                        found.add_class(*class, *share);
                    }
                }
                map.write_bytes(window, classes)?;
                confidence.write_bytes(window, shares)?;
            }
            None => {
                let numbers = bytes.as_chunks::<4>().0.iter();
                let values: Vec<f32> = numbers
                    .enumerate()
                    .map(|(at, bytes)| match is_wanted(at) {
                        true => f32::from_ne_bytes(*bytes),
                        false => f32::NAN,
                    })
                    .collect();
                values.iter().for_each(|value| found.add_value(*value));
                map.write_floats(window, &values)?;
            }
        }
    }
    monitor.check()?;
    let seconds = task.begun.elapsed().as_secs_f64();
    let mut keys = of_scene_map(
        spec,
        task.share,
        raster.info(),
        about,
        sha256,
        &mapper.compute.name,
        seconds,
    );
    keys.extend(task.share.provenance(&task.key));
    let mut files = map.finish(&keys)?;
    if let Some(confidence) = confidence {
        files.extend(confidence.finish(&keys)?);
    }
    let (words, mut metrics) = found.words(about, grid);
    metrics.push(("seconds".to_owned(), seconds));
    Ok(Outcome {
        files,
        summary: format!("{words}, {seconds:.1} s on {}", mapper.compute.name),
        metrics,
        warnings: monitor.warnings(),
    })
}

/// What a map holds, counted while it is written.
struct Found {
    pixels: u64,
    sum: f64,
    of_class: [u64; 256],
}

impl Default for Found {
    fn default() -> Self {
        Self {
            pixels: 0,
            sum: 0.0,
            of_class: [0; 256],
        }
    }
}

impl Found {
    fn add_class(&mut self, class: u8, share: u8) {
        self.pixels += 1;
        self.sum += f64::from(share) / 200.0;
        self.of_class[usize::from(class)] += 1;
    }

    fn add_value(&mut self, value: f32) {
        if value.is_finite() {
            self.pixels += 1;
            self.sum += f64::from(value);
        }
    }

    fn words(&self, about: &TunedAbout, grid: &Grid) -> (String, Vec<(String, f64)>) {
        let mean = self.sum / self.pixels.max(1) as f64;
        let mut metrics = vec![("pixels".to_owned(), self.pixels as f64)];
        if about.classes.is_empty() {
            metrics.push(("mean".to_owned(), mean));
            let words = format!(
                "Map of {} for {} pixels, mean {mean:.4}",
                about.value_name, self.pixels
            );
            return (words, metrics);
        }
        metrics.push(("mean_confidence".to_owned(), mean));
        if let Some(area) = hectares_per_pixel(grid) {
            metrics.extend(about.classes.iter().map(|class| {
                let count = self.of_class[usize::from(class.id)];
                (format!("hectares {}", class.name), count as f64 * area)
            }));
        }
        let words = format!(
            "Map of {} pixels in {} classes, mean confidence {:.0} %",
            self.pixels,
            about.classes.len(),
            100.0 * mean
        );
        (words, metrics)
    }
}
