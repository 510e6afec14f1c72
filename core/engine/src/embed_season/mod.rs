//! The job that makes a field of a season: dated images and the weather of every day to 64 numbers a pixel that knows both, up
//! to the last day of the support and nothing later. Everything a field is good for follows: labels, maps, accuracy.
//! Knows the order of the steps.

mod axes;
mod opening;
mod pixels;
mod spec;
mod tokens;

use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use serde_json::json;
use terroir_scene::{
    AreaOfInterest, FIELD_AXES, FIELD_NODATA, Grid, MapKind, MapWriter, Provenance, Window,
};

use crate::device;
use crate::embed_series::{ChosenFrame, attribution_of};
use crate::monitor::{JobResult, Monitor, Stop};
use crate::projection::{Moments, encode_unit, write_renamed};
use crate::provenance::file_name;
use crate::weather_series::{Crop, known_model, read_crop_blocking, starts};
use crate::{Estimate, Failure, JobSpec, Outcome, command_line};

use axes::SeasonAxes;
use opening::last_date;
pub(crate) use opening::{SeasonImages, open_season};
pub(crate) use pixels::{Course, PixelNumbers, pixel_numbers, width_of};
pub use spec::EmbedSeasonSpec;
pub(crate) use tokens::usable_images;
use tokens::{Tokens, tokens_of};

/// Crops embedded at once, and crops the axes are fitted on.
const TOGETHER: usize = 8;
const FITTED: usize = 96;

pub(crate) fn embed_season(spec: &EmbedSeasonSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let begun = Instant::now();
    let compute = device::open(&spec.device);
    if let Some(reason) = &compute.fallback {
        monitor.warn(reason.clone());
    }
    monitor.started(&compute.name);
    monitor.progress("reading the weights", 0, 1);
    let (model, about, sha256) = known_model(&spec.weights, &compute.device)?;
    let name = model.config().name().unwrap_or("kgvsf").to_owned();
    if name != spec.model {
        monitor.warn(format!(
            "the weights are of {name}, which is used instead of {}",
            spec.model
        ));
    }
    let setup = open_season(spec, model, about, compute.device.clone(), monitor)?;
    let sentence = format!(
        "{name} ({} parameters, sha256 {sha256})",
        setup.model.config().parameter_count()
    );
    let grid = setup.site.archive.grid.clone();
    let windows = windows_of(&grid, setup.side, setup.model.config().patch_px);
    let axes = fit(&setup, &windows, sentence.clone(), monitor)?;
    let mut writer = MapWriter::create(&spec.out, &grid, MapKind::Field)?;
    let shown = embed(&setup, &windows, &axes, &grid, &mut writer, monitor)?;
    if shown == 0 {
        return Err(Stop::nothing_seen(format!(
            "no crop has an image of which half is clear; choose more days (--support)\n{}",
            spec.out.display()
        )));
    }
    monitor.check()?;
    monitor.progress("writing the field", 0, 1);
    let text = serde_json::to_string(&axes)
        .map_err(|error| Failure::new("the axes cannot be written down").with_details(error))?;
    let axes_path = axes_path(&spec.out);
    write_renamed(&axes_path, text.as_bytes())?;
    let keys = keys_of(spec, &setup, &sentence, &compute.name, begun);
    let mut files = writer.finish(&keys)?;
    files.push(axes_path);
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Outcome {
        files,
        summary: format!(
            "Field of {} x {} pixels from {} images and the weather up to {}, {name} on {}, {seconds:.1} s",
            grid.width,
            grid.height,
            setup.images.len(),
            last_date(&setup),
            compute.name
        ),
        metrics: vec![
            ("seconds".to_owned(), seconds),
            ("pixels".to_owned(), shown as f64),
            ("images".to_owned(), setup.images.len() as f64),
        ],
        warnings: monitor.warnings(),
    })
}

/// What the field will take. Some windows in the middle are embedded to know the speed; nothing is written.
pub(crate) fn estimate(spec: &EmbedSeasonSpec, monitor: &Monitor<'_>) -> JobResult<Estimate> {
    let compute = device::open(&spec.device);
    let (model, about, _) = known_model(&spec.weights, &compute.device)?;
    let setup = open_season(spec, model, about, compute.device.clone(), monitor)?;
    let grid = &setup.site.archive.grid;
    let config = setup.model.config();
    let windows = windows_of(grid, setup.side, config.patch_px);
    let wanted: Vec<Window> = windows
        .iter()
        .flatten()
        .filter(|window| is_wanted(&setup, **window))
        .copied()
        .collect();
    let middle = wanted.len().saturating_sub(TOGETHER) / 2;
    let some: Vec<Window> = wanted.iter().skip(middle).take(TOGETHER).copied().collect();
    let mut secs = 0.0;
    // On a graphics device the first round compiles kernels; the second one counts.
    for _ in 0..if compute.is_cpu() { 1 } else { 2 } {
        monitor.check()?;
        let clock = Instant::now();
        embedded(&setup, &some, monitor)?;
        secs = clock.elapsed().as_secs_f64() / some.len().max(1) as f64;
    }
    // Axes are fitted on some windows first.
    let all = wanted.len() + wanted.len().min(FITTED);
    let pixels = grid.window().pixels() as u64;
    let (images, of_window) = (setup.images.len(), setup.side * setup.side);
    let crops = TOGETHER * images * of_window * (4 * setup.about.bands.len() + 1);
    let tokens = TOGETHER * images * of_window / config.patch_px.pow(2).max(1);
    let strip = grid.width * setup.side * (FIELD_AXES + 1) * 4;
    let mut notes = vec![format!("{images} images")];
    notes.extend(compute.fallback.clone());
    notes.extend(monitor.warnings());
    Ok(Estimate {
        pixels,
        windows: wanted.len() as u64,
        seconds: Some(secs * all as f64),
        // The weights, the windows that are embedded together with what a block makes of them, and the rows that are blended.
        memory_bytes: (4 * config.parameter_count()
            + 2 * crops
            + 4 * tokens * (8 * config.width + 2 * config.mlp)
            + strip) as u64,
        // The working file and the finished one, at worst side by side.
        disk_bytes: 2 * pixels * FIELD_AXES as u64,
        device: compute.name,
        notes,
    })
}

/// `field.tif` to `field.axes.json`.
fn axes_path(field: &Path) -> PathBuf {
    field.with_extension("axes.json")
}

/// Squares that overlap by a bit more than half, in rows from above: what a pixel lies beside in one, it does not in the next,
/// and the borders of patches never fall together.
fn windows_of(grid: &Grid, side: usize, patch: usize) -> Vec<Vec<Window>> {
    let step = (side / 2).saturating_sub(patch / 2);
    let starts = |length: usize| starts(length, side, step);
    let columns = starts(grid.width);
    starts(grid.height)
        .into_iter()
        .map(|row| {
            columns
                .iter()
                .map(|col| Window {
                    col: *col,
                    row,
                    width: side.min(grid.width),
                    height: side.min(grid.height),
                })
                .collect()
        })
        .collect()
}

/// Reads and embeds some windows: what the network knows, and what the pixels showed.
fn embedded(
    setup: &SeasonImages,
    windows: &[Window],
    monitor: &Monitor<'_>,
) -> JobResult<(Tokens, Vec<PixelNumbers>)> {
    let mut crops: Vec<Crop> = Vec::with_capacity(windows.len());
    for window in windows {
        let size = [setup.side, setup.side];
        crops.push(read_crop_blocking(
            &setup.site,
            &setup.about.bands,
            *window,
            size,
            setup.images.clone(),
            true,
            monitor,
        )?);
    }
    let tokens = tokens_of(
        &setup.model,
        &setup.site,
        &setup.weather,
        &crops,
        setup.season,
        &setup.device,
    )?;
    let bands = &setup.about.bands;
    let pixels = crops
        .par_iter()
        .map(|crop| {
            pixel_numbers(
                crop,
                &setup.site,
                bands,
                setup.pair,
                setup.season,
                Course::Filled,
            )
        })
        .collect();
    Ok((tokens, pixels))
}

/// Axes of a sample of windows, spread over the place.
fn fit(
    setup: &SeasonImages,
    windows: &[Vec<Window>],
    model: String,
    monitor: &Monitor<'_>,
) -> JobResult<SeasonAxes> {
    let all: Vec<Window> = windows
        .iter()
        .flatten()
        .filter(|window| is_wanted(setup, **window))
        .copied()
        .collect();
    let step = all.len().div_ceil(FITTED).max(1);
    let chosen: Vec<Window> = all.into_iter().step_by(step).collect();
    let mut moments: Option<Moments> = None;
    let mut of_network = 0;
    for (number, windows) in chosen.chunks(TOGETHER).enumerate() {
        monitor.check()?;
        monitor.progress(
            "looking at the place",
            (number * TOGETHER) as u64,
            chosen.len() as u64,
        );
        let (tokens, pixels) = embedded(setup, windows, monitor)?;
        of_network = tokens.width;
        let patch = setup.model.config().patch_px;
        for (vectors, pixels) in tokens.of_crops.iter().zip(&pixels) {
            let Some(vectors) = vectors else { continue };
            let moments = moments.get_or_insert_with(|| Moments::new(tokens.width + pixels.width));
            // One pixel of every patch, another one in the next.
            for (number, vector) in vectors.chunks_exact(tokens.width.max(1)).enumerate() {
                let columns = setup.side / patch;
                let (dy, dx) = (number % patch, number / patch % patch);
                let row = number / columns * patch + dy;
                let at = row * setup.side + number % columns * patch + dx;
                if pixels.is_seen.get(at) == Some(&true) {
                    let own = &pixels.values[at * pixels.width..(at + 1) * pixels.width];
                    moments.push(&[vector, own].concat());
                }
            }
        }
    }
    match moments {
        Some(moments) if moments.count() > 1 => Ok(SeasonAxes::fit(&moments, of_network, model)),
        _ => Err(Stop::nothing_seen(
            "no crop has an image of which half is clear; choose more days (--support)",
        )),
    }
}

fn is_wanted(setup: &SeasonImages, window: Window) -> bool {
    setup.area.as_ref().is_none_or(|area| area.touches(window))
}

/// Vectors of the rows that later windows still add to.
struct Strip {
    first_row: usize,
    width: usize,
    rows: usize,
    sums: Vec<f32>,
    weights: Vec<f32>,
}

impl Strip {
    fn new(width: usize, rows: usize) -> Self {
        Self {
            first_row: 0,
            width,
            rows,
            sums: vec![0.0; width * rows * FIELD_AXES],
            weights: vec![0.0; width * rows],
        }
    }

    /// Adds the patches of a window, more in its middle than at its border.
    fn add(
        &mut self,
        window: Window,
        [side, patch]: [usize; 2],
        vectors: &[[f32; FIELD_AXES]],
        own: &[Option<[f32; FIELD_AXES]>],
    ) {
        let columns = side / patch;
        let rise = |at: usize| {
            let turn = std::f32::consts::PI * (at as f32 + 0.5) / side as f32;
            turn.sin().powi(2).max(1e-3)
        };
        for row in 0..window.height {
            for col in 0..window.width {
                let vector = vectors.get(row / patch * columns + col / patch);
                let own = own.get(row * side + col).and_then(Option::as_ref);
                let (Some(vector), Some(own)) = (vector, own) else {
                    continue;
                };
                let weight = rise(row) * rise(col);
                let at = (window.row + row - self.first_row) * self.width + window.col + col;
                self.weights[at] += weight;
                for (sum, value) in self.sums[at * FIELD_AXES..(at + 1) * FIELD_AXES]
                    .iter_mut()
                    .zip(vector.iter().zip(own))
                {
                    *sum += weight * (value.0 + value.1);
                }
            }
        }
    }

    /// Codes of the rows before `row`, axis by axis, which are then forgotten.
    fn finish(&mut self, row: usize, area: Option<&AreaOfInterest>) -> (Window, Vec<u8>, u64) {
        let count = (row - self.first_row).min(self.rows);
        let pixels = count * self.width;
        let window = Window {
            col: 0,
            row: self.first_row,
            width: self.width,
            height: count,
        };
        let mask = area.map(|area| area.mask(window));
        let mut codes = vec![FIELD_NODATA.cast_unsigned(); pixels * FIELD_AXES];
        let mut shown = 0;
        for at in 0..pixels {
            let is_out = mask.as_ref().is_some_and(|mask| !mask[at]);
            if self.weights[at] <= 0.0 || is_out {
                continue;
            }
            let sums = &self.sums[at * FIELD_AXES..(at + 1) * FIELD_AXES];
            let Ok(vector) = <&[f32; FIELD_AXES]>::try_from(sums) else {
                continue;
            };
            shown += 1;
            for (axis, code) in encode_unit(vector).into_iter().enumerate() {
                codes[axis * pixels + at] = code.cast_unsigned();
            }
        }
        self.sums.drain(..pixels * FIELD_AXES);
        self.weights.drain(..pixels);
        self.sums.resize(self.width * self.rows * FIELD_AXES, 0.0);
        self.weights.resize(self.width * self.rows, 0.0);
        self.first_row = row;
        (window, codes, shown)
    }
}

/// Goes over the place from above; returns the pixels that show something.
fn embed(
    setup: &SeasonImages,
    windows: &[Vec<Window>],
    axes: &SeasonAxes,
    grid: &Grid,
    writer: &mut MapWriter,
    monitor: &Monitor<'_>,
) -> JobResult<u64> {
    let patch = setup.model.config().patch_px;
    let mut strip = Strip::new(grid.width, setup.side.min(grid.height));
    let total: usize = windows.iter().map(Vec::len).sum();
    let (mut done, mut shown) = (0, 0);
    for (number, of_row) in windows.iter().enumerate() {
        let wanted: Vec<Window> = of_row
            .iter()
            .filter(|window| is_wanted(setup, **window))
            .copied()
            .collect();
        for windows in wanted.chunks(TOGETHER) {
            monitor.check()?;
            monitor.progress("embedding", done, total as u64);
            let (tokens, pixels) = embedded(setup, windows, monitor)?;
            for ((window, vectors), pixels) in windows.iter().zip(&tokens.of_crops).zip(&pixels) {
                let Some(vectors) = vectors else { continue };
                let projected: Vec<[f32; FIELD_AXES]> = vectors
                    .par_chunks_exact(tokens.width.max(1))
                    .map(|vector| axes.project_network(vector))
                    .collect();
                let own: Vec<Option<[f32; FIELD_AXES]>> = pixels
                    .values
                    .par_chunks_exact(pixels.width.max(1))
                    .zip(&pixels.is_seen)
                    .map(|(vector, is_seen)| is_seen.then(|| axes.project_pixel(vector)))
                    .collect();
                strip.add(*window, [setup.side, patch], &projected, &own);
            }
            done += windows.len() as u64;
        }
        let next = windows
            .get(number + 1)
            .and_then(|row| row.first())
            .map_or(grid.height, |window| window.row);
        let (window, codes, of_rows) = strip.finish(next, setup.area.as_ref());
        shown += of_rows;
        writer.write_bytes(window, &codes)?;
    }
    Ok(shown)
}

fn keys_of(
    spec: &EmbedSeasonSpec,
    setup: &SeasonImages,
    model: &str,
    device: &str,
    begun: Instant,
) -> Provenance {
    let job = JobSpec::EmbedSeason(spec.clone());
    let seconds = (begun.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    let run = json!({
        "spec": job, "command": command_line(&job), "device": device, "precision": "f32", "seconds": seconds,
    });
    let dates: Vec<String> = setup
        .images
        .iter()
        .filter_map(|at| Some(setup.site.images.get(*at)?.date.to_string()))
        .collect();
    let inputs = json!({
        "images": setup.images.len(), "first": dates.first(), "last": dates.last(),
        "bands": setup.about.bands.iter().map(|band| band.title()).collect::<Vec<_>>(),
        "weather": file_name(&spec.weather.path),
    });
    let frames: Vec<ChosenFrame> = setup
        .images
        .iter()
        .filter_map(|at| setup.site.images.get(*at))
        .map(|image| ChosenFrame {
            source: image.source,
            input: image.source,
            frame: image.frame,
            day: f64::from(image.day),
        })
        .collect();
    let mut keys = vec![
        ("MODEL".to_owned(), model.to_owned()),
        ("INPUTS".to_owned(), inputs.to_string()),
        ("RUN".to_owned(), run.to_string()),
        ("QUANTIZATION".to_owned(), "sqrt127.5".to_owned()),
        (
            "DESCRIPTION".to_owned(),
            format!(
                "Embedding field of images and weather up to {}; 64 signed bytes a pixel; value = sign(c) * (c / 127.5)^2, -128 = no \
                 data; principal components of this place, so that it is not compared with the field of another",
                last_date(setup)
            ),
        ),
    ];
    keys.extend(
        attribution_of(&setup.site.archive, &frames).map(|words| ("ATTRIBUTION".to_owned(), words)),
    );
    keys
}
