//! The job that makes fields of a series: dated images of several sensors to 64 numbers a pixel for each valid period, and
//! how many images each pixel had. The encoder runs once for all periods. Knows the order of the steps; how a network runs
//! over a grid stands in `run.rs`.

mod chips;
mod model;
mod notes;
mod run;
mod spec;

use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use terroir_scene::{AreaOfInterest, FIELD_AXES, FIELD_NODATA, Grid, MapKind, Period, Window};

use crate::blocks::BLOCK_BYTES;
use crate::journal::{Content, Journal, fingerprint, folder_of};
use crate::monitor::{JobResult, Monitor, Stop};
use crate::predict::area_of;
use crate::projection::{encode_unit, hex};
use crate::setup::guarded;
use crate::shard::Share;
use crate::{Estimate, Failure, JobSpec, Outcome};

pub(crate) use chips::ChipPlan;
pub use model::sources_of_weights;
pub(crate) use model::{ChosenFrame, ModelChoice, SeriesModel, outputs_of, sources_told};
pub(crate) use notes::{attribution_of, inputs_text, standing_of};
pub(crate) use run::{Block, Run, most_side_px, run_chips};
pub use spec::EmbedSeriesSpec;
pub(crate) use spec::{archive_words, model_words};

/// Pixels with fewer clear images than this are few-eyed; a large share of them is said.
const FEW_IMAGES: u16 = 3;

/// What the steps share.
struct Setup {
    series: SeriesModel,
    frames: Vec<ChosenFrame>,
    /// One a field.
    periods: Vec<Period>,
    plan: ChipPlan,
    /// Of the files that are written, or of the whole of which they are shards.
    grid: Grid,
    share: Share,
    /// Those of the grid that are worked on.
    rows: Window,
    area: Option<AreaOfInterest>,
}

impl EmbedSeriesSpec {
    fn choice(&self) -> ModelChoice<'_> {
        ModelChoice {
            archive: &self.archive,
            model: &self.model,
            weights: self.weights.as_deref(),
            seed: self.seed,
            device: &self.device,
        }
    }
}

pub(crate) fn embed_series(
    spec: &EmbedSeriesSpec,
    share: Share,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    let begun = Instant::now();
    let mut setup = prepare(spec, share, monitor)?;
    let key = journal_key(spec, &setup)?;
    let mut outputs = spec.field_paths();
    outputs.push(spec.frames_path());
    if let Some(done) = share.done_blocking(setup.rows, &outputs, &key, monitor) {
        return Ok(done);
    }
    let mut journals = Journals::open(spec, &key, &setup)?;
    let result = embed_journalled(spec, monitor, &mut setup, &mut journals, &key, begun);
    match &result {
        // A cancel by the user leaves nothing behind; a failure keeps what is done.
        Ok(_) | Err(Stop::Cancelled) => journals.discard(),
        Err(Stop::Failed(_) | Stop::NothingSeen(_)) if journals.done_count() == 0 => {
            journals.discard()
        }
        Err(Stop::Failed(_) | Stop::NothingSeen(_) | Stop::Interrupted) => {}
    }
    result
}

fn prepare(spec: &EmbedSeriesSpec, share: Share, monitor: &Monitor<'_>) -> JobResult<Setup> {
    let series = SeriesModel::open(spec.choice(), monitor)?;
    let frames = series.frames(spec.support.as_ref())?;
    let support = support_of(spec, &series)?;
    let periods = match spec.periods.as_slice() {
        [] => vec![support],
        periods => periods.to_vec(),
    };
    if let Some(twice) = (1..periods.len()).find(|at| periods[..*at].contains(&periods[*at])) {
        return Err(Failure::new(format!(
            "the valid period {} is named twice; name each once (--valid)",
            periods[twice]
        ))
        .into());
    }
    let days: Vec<f64> = frames.iter().map(|frame| frame.day).collect();
    for period in &periods {
        if let Some(note) = standing_of(period, &days) {
            monitor.warn(note);
        }
    }
    let whole = series.archive.grid.window();
    let region = match spec.window {
        Some(window) if whole.intersection(&window) != Some(window) => {
            return Err(Failure::new(format!(
                "the part to work on, {} x {} pixels from column {} and row {} on, does not lie inside the grid of {} x {} pixels; \
                 choose another one (--window)",
                window.width, window.height, window.col, window.row, whole.width, whole.height
            ))
            .into());
        }
        Some(window) => window,
        None => whole,
    };
    let grid = part_of_grid(&series.archive.grid, region)?;
    let area = area_of(spec.aoi.as_ref(), &grid)?;
    let plan = chip_plan(&series, &frames, region)?;
    let rows = share.rows_between(grid.window(), &plan.row_starts());
    Ok(Setup {
        series,
        frames,
        periods,
        plan,
        grid,
        share,
        rows,
        area,
    })
}

pub(crate) fn chip_plan(
    series: &SeriesModel,
    frames: &[ChosenFrame],
    region: Window,
) -> JobResult<ChipPlan> {
    let most = most_side_px(series.model.config(), frames.len());
    if most == 0 {
        return Err(Failure::new(format!(
            "{} images at once are too many for this model; choose a shorter support (--support) or a smaller model",
            frames.len()
        ))
        .into());
    }
    Ok(ChipPlan::new(region, most))
}

/// The days whose images are looked at.
fn support_of(spec: &EmbedSeriesSpec, series: &SeriesModel) -> Result<Period, Failure> {
    spec.support
        .or_else(|| series.archive.period())
        .ok_or_else(|| Failure::new("there is no dated image"))
}

/// The grid of a part of a raster.
pub(crate) fn part_of_grid(grid: &Grid, part: Window) -> Result<Grid, Failure> {
    if part == grid.window() {
        return Ok(grid.clone());
    }
    if grid.georef.model.is_some() {
        return Err(Failure::new(
            "a part of a scene that is placed by control points cannot be cut out; work on all of it, or name a reference \
             (--reference)",
        ));
    }
    let mut georef = grid.georef.clone();
    georef.transform = georef
        .transform
        .map(|transform| transform.shifted(part.col as f64, part.row as f64));
    Ok(Grid {
        width: part.width,
        height: part.height,
        georef,
    })
}

/// The fields so far, one a period, and the counts.
struct Journals {
    fields: Vec<Journal>,
    counts: Journal,
}

impl Journals {
    fn open(spec: &EmbedSeriesSpec, key: &str, setup: &Setup) -> Result<Self, Failure> {
        let grid = setup.share.grid(&setup.grid, setup.rows);
        let open = |path: &Path, content: Content| {
            let journal = Journal::open(&setup.share.path_of(path), key, &grid, content)?;
            Ok::<_, Failure>(journal.starting_at_row(setup.rows.row))
        };
        Ok(Self {
            fields: spec
                .field_paths()
                .iter()
                .map(|path| open(path, Content::Field))
                .collect::<Result<_, _>>()?,
            counts: open(&spec.frames_path(), Content::Counts)?,
        })
    }

    fn is_done(&self, block: usize) -> bool {
        self.counts.is_done(block) && self.fields.iter().all(|field| field.is_done(block))
    }

    /// The counts are written last.
    fn done_count(&self) -> usize {
        self.counts.done_count()
    }

    fn discard(self) {
        self.fields.into_iter().for_each(Journal::discard);
        self.counts.discard();
    }
}

/// Two runs share a journal only if this text is the same.
fn journal_key(spec: &EmbedSeriesSpec, setup: &Setup) -> Result<String, Failure> {
    let mut hasher = Sha256::new();
    let job = setup.share.job(JobSpec::EmbedSeries(spec.clone()));
    let spec_text = serde_json::to_string(&job)
        .map_err(|error| Failure::new("the job cannot be written down").with_details(error))?;
    let series = &setup.series;
    hasher.update(format!(
        "{}\n{spec_text}\n{:?}\n{}\n{}\n",
        env!("CARGO_PKG_VERSION"),
        setup.plan,
        series.identity.sentence(),
        series.compute.name
    ));
    for found in &series.archive.sources {
        hasher.update(serde_json::to_string(&found.source).unwrap_or_default());
        for frame in &found.frames {
            hasher.update(format!("{}\n", frame.day));
            for file in frame.files() {
                hasher.update(fingerprint(file));
            }
        }
    }
    if let Some(area) = &spec.aoi {
        hasher.update(fingerprint(&terroir_scene::file_and_layer(&area.file).0));
    }
    Ok(hex(&hasher.finalize()))
}

fn embed_journalled(
    spec: &EmbedSeriesSpec,
    monitor: &Monitor<'_>,
    setup: &mut Setup,
    journals: &mut Journals,
    key: &str,
    begun: Instant,
) -> JobResult<Outcome> {
    let plan = setup.plan;
    if journals.done_count() > 0 {
        monitor.warn(format!(
            "going on with an interrupted run: {} of {} parts were done",
            journals.done_count(),
            plan.count()
        ));
    }
    let periods_days: Vec<(f64, f64)> = setup.periods.iter().map(Period::days).collect();
    let done: Vec<bool> = (0..plan.count())
        .map(|block| journals.is_done(block))
        .collect();
    let inside = |window: Window| Window {
        col: window.col - plan.region.col,
        row: window.row - plan.region.row,
        ..window
    };
    let Setup {
        series,
        frames,
        rows,
        area,
        ..
    } = &mut *setup;
    let run = Run {
        choice: spec.choice(),
        plan,
        frames,
        periods_days: &periods_days,
    };
    let wanted = |block: usize| {
        let window = inside(plan.block(block));
        !done[block]
            && rows.intersection(&window) == Some(window)
            && area.as_ref().is_none_or(|area| area.touches(window))
    };
    let spent = run_chips(series, &run, wanted, monitor, |block| {
        let window = inside(block.window);
        for (field, vectors) in journals.fields.iter_mut().zip(block.vectors) {
            field.write(block.number, window, &coded(vectors, block.frames))?;
        }
        let counts: Vec<u8> = block
            .frames
            .iter()
            .zip(block.clear)
            .flat_map(|(frames, clear)| [frames.to_ne_bytes(), clear.to_ne_bytes()])
            .flatten()
            .collect();
        journals.counts.write(block.number, window, &counts)?;
        if let Some(first) = journals.fields.first() {
            monitor.tile(&first.field_path(), first.inside(window));
        }
        Ok(())
    })?;
    finish(spec, monitor, setup, journals, key, spent, begun)
}

/// Bytes of a block, 64 a pixel; nodata where no image shows anything.
fn coded(vectors: &[f32], frames: &[u16]) -> Vec<u8> {
    let mut codes = vec![FIELD_NODATA.cast_unsigned(); vectors.len()];
    codes
        .par_chunks_mut(FIELD_AXES)
        .zip(vectors.par_chunks(FIELD_AXES))
        .zip(frames)
        .for_each(|((codes, vector), frames)| {
            if *frames == 0 {
                return;
            }
            if let Ok(vector) = <&[f32; FIELD_AXES]>::try_from(vector) {
                for (code, value) in codes.iter_mut().zip(encode_unit(vector)) {
                    *code = value.cast_unsigned();
                }
            }
        });
    codes
}

/// What the counts say of the whole place.
#[derive(Default)]
struct Seen {
    pixels: u64,
    empty: u64,
    never_clear: u64,
    few: u64,
}

/// Turns the working rasters into checked files with their side-cars.
fn finish(
    spec: &EmbedSeriesSpec,
    monitor: &Monitor<'_>,
    setup: &Setup,
    journals: &mut Journals,
    key: &str,
    spent: run::Spent,
    begun: Instant,
) -> JobResult<Outcome> {
    let rows = setup.rows;
    let counted = write_counts(spec, monitor, setup, key, &mut journals.counts)?;
    let shown = counted.seen.pixels - counted.seen.empty;
    // Another shard may show something.
    if shown == 0 && setup.share == Share::WHOLE {
        return Err(Stop::nothing_seen(format!(
            "no image of the support shows anything of this part; choose other days (--support) or another part\n{}",
            spec.out.display()
        )));
    }
    if shown > 0 && counted.seen.never_clear == shown {
        monitor.warn(
            "every image of the support lies under clouds everywhere, so the field shows clouds; choose more days (--support)",
        );
    } else if counted.seen.few * 10 > shown {
        monitor.warn(format!(
            "{:.0} % of the pixels have fewer than {FEW_IMAGES} images without clouds; see {}",
            100.0 * counted.seen.few as f64 / shown as f64,
            crate::provenance::file_name(&spec.frames_path())
        ));
    }
    let mut files = Vec::new();
    let paths = spec.field_paths();
    for ((journal, period), path) in journals.fields.iter_mut().zip(&setup.periods).zip(&paths) {
        let share = setup.share;
        let mut writer = share.writer(path, &setup.grid, rows, MapKind::Field)?;
        in_strips(rows, FIELD_AXES, |window| {
            monitor.check()?;
            let done = window.row - rows.row;
            monitor.progress("writing the field", done as u64, rows.height as u64);
            let mut bytes = journal.read_rows(window.row, window.height)?;
            if let Some(area) = &setup.area {
                let mask = area.mask(window);
                for plane in bytes.chunks_exact_mut(mask.len().max(1)) {
                    for (code, is_inside) in plane.iter_mut().zip(&mask) {
                        if !is_inside {
                            *code = FIELD_NODATA.cast_unsigned();
                        }
                    }
                }
            }
            Ok(writer.write_bytes(window, &bytes)?)
        })?;
        monitor.check()?;
        let seconds = begun.elapsed().as_secs_f64();
        let mut keys = notes::of_series_field(spec, setup, period, path, seconds);
        keys.extend(share.provenance(key));
        files.extend(writer.finish(&keys)?);
    }
    files.extend(counted.files);
    let seconds = begun.elapsed().as_secs_f64();
    let support = support_of(spec, &setup.series)?;
    let fields = match setup.periods.as_slice() {
        [only] => format!("Field of {only}"),
        periods => format!("{} fields", periods.len()),
    };
    Ok(Outcome {
        files,
        summary: format!(
            "{fields}, {} x {} pixels, from {} images of {support} ({}), {} on {}, {seconds:.1} s",
            rows.width,
            rows.height,
            setup.frames.len(),
            counts_text(&setup.series, &setup.frames),
            setup.series.identity.short(),
            setup.series.compute.name
        ),
        metrics: vec![
            ("seconds".to_owned(), seconds),
            ("seconds_in_the_model".to_owned(), spent.network),
            ("seconds_waiting_for_images".to_owned(), spent.waiting),
            ("pixels".to_owned(), shown as f64),
            ("images".to_owned(), setup.frames.len() as f64),
        ],
        warnings: monitor.warnings(),
    })
}

struct Counted {
    files: Vec<std::path::PathBuf>,
    seen: Seen,
}

fn write_counts(
    spec: &EmbedSeriesSpec,
    monitor: &Monitor<'_>,
    setup: &Setup,
    key: &str,
    journal: &mut Journal,
) -> JobResult<Counted> {
    let kind = MapKind::Counts(vec!["frames".to_owned(), "clear frames".to_owned()]);
    let path = spec.frames_path();
    let share = setup.share;
    let mut writer = share.writer(&path, &setup.grid, setup.rows, kind)?;
    let mut seen = Seen::default();
    in_strips(setup.rows, 4, |window| {
        monitor.check()?;
        let bytes = journal.read_rows(window.row, window.height)?;
        let mask = setup.area.as_ref().map(|area| area.mask(window));
        let counts: Vec<u16> = bytes
            .as_chunks::<2>()
            .0
            .iter()
            .map(|pair| u16::from_ne_bytes(*pair))
            .collect();
        let (frames, clear) = counts.split_at(counts.len() / 2);
        for (at, (frames, clear)) in frames.iter().zip(clear).enumerate() {
            if mask.as_ref().is_some_and(|mask| !mask[at]) {
                continue;
            }
            seen.pixels += 1;
            seen.empty += u64::from(*frames == 0);
            seen.never_clear += u64::from(*frames > 0 && *clear == 0);
            seen.few += u64::from(*frames > 0 && *clear < FEW_IMAGES);
        }
        Ok(writer.write_bytes(window, &bytes)?)
    })?;
    let mut keys = notes::of_counts(spec, setup);
    keys.extend(share.provenance(key));
    Ok(Counted {
        files: writer.finish(&keys)?,
        seen,
    })
}

/// Goes over rows of a grid in strips of its full width.
fn in_strips(
    extent: Window,
    bytes_a_pixel: usize,
    mut work: impl FnMut(Window) -> JobResult<()>,
) -> JobResult<()> {
    let rows = (BLOCK_BYTES / (4 * extent.width * bytes_a_pixel).max(1)).clamp(1, 512);
    for row in (extent.row..extent.end_row()).step_by(rows) {
        work(Window {
            row,
            height: rows.min(extent.end_row() - row),
            ..extent
        })?;
    }
    Ok(())
}

/// How many images of each sensor.
pub(crate) fn counts_text(series: &SeriesModel, frames: &[ChosenFrame]) -> String {
    let sources = series.model.config().sources.iter().enumerate();
    let counts = sources.filter_map(|(input, source)| {
        let count = frames.iter().filter(|frame| frame.input == input).count();
        (count > 0).then(|| format!("{} {count}", source.name))
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// What the job will cost. Encodes one chip to know the speed; writes nothing.
pub(crate) fn estimate(spec: &EmbedSeriesSpec, monitor: &Monitor<'_>) -> JobResult<Estimate> {
    let setup = prepare(spec, Share::WHOLE, monitor)?;
    let plan = setup.plan;
    let periods_days: Vec<(f64, f64)> = setup.periods.iter().map(Period::days).collect();
    let run = Run {
        choice: spec.choice(),
        plan,
        frames: &setup.frames,
        periods_days: &periods_days,
    };
    let series = &setup.series;
    let wanted: Vec<usize> = (0..plan.count())
        .filter(|block| {
            setup.area.as_ref().is_none_or(|area| {
                let window = plan.block(*block);
                area.touches(Window {
                    col: window.col - plan.region.col,
                    row: window.row - plan.region.row,
                    ..window
                })
            })
        })
        .collect();
    let chips = wanted.len().max(1) as f64;
    let first = wanted.get(wanted.len() / 2).copied().unwrap_or(0);
    let clock = Instant::now();
    let chip = run::read_chip(&series.archive, &run, &series.inputs, first)?;
    let reading = clock.elapsed().as_secs_f64();
    monitor.check()?;
    let mut computing = 0.0;
    if chip.count() > 0 {
        // On a graphics device the first round compiles kernels; the second one counts.
        let rounds = if series.is_cpu() { 1 } else { 2 };
        for _ in 0..rounds {
            let clock = Instant::now();
            guarded(|| run::summaries(&series.model, &chip, &run, &series.compute.device))?;
            computing = clock.elapsed().as_secs_f64();
            monitor.check()?;
        }
    }
    let pixels = plan.region.pixels() as u64;
    let values = (setup.frames.len()
        * series
            .archive
            .sources
            .iter()
            .map(|found| found.source.bands.len())
            .max()
            .unwrap_or(1)
        * plan.side.pow(2)
        * 4) as u64;
    let edges = (plan.columns * periods_days.len() * 2 * FIELD_AXES * 16 * plan.side * 2) as u64;
    let mut notes = vec![
        series.identity.sentence(),
        format!(
            "{} images: {}",
            setup.frames.len(),
            counts_text(series, &setup.frames)
        ),
    ];
    notes.extend(monitor.warnings());
    if folder_of(&spec.frames_path()).exists() {
        notes.push(
            "an interrupted run lies beside the output and is gone on with if nothing changed"
                .to_owned(),
        );
    }
    Ok(Estimate {
        pixels,
        windows: wanted.len() as u64,
        // Reading goes on beside the network.
        seconds: Some(chips * computing.max(reading)),
        memory_bytes: 4 * series.identity.parameters
            + 3 * values
            + run::network_bytes(series.model.config(), setup.frames.len(), plan.side)
            + edges,
        disk_bytes: 2 * pixels * (FIELD_AXES as u64 * periods_days.len() as u64 + 4),
        device: series.compute.name.clone(),
        notes,
    })
}

/// The job as it stands in one of its files.
fn job_of_file(spec: &EmbedSeriesSpec, period: &Period, path: &Path) -> JobSpec {
    JobSpec::EmbedSeries(EmbedSeriesSpec {
        periods: vec![*period],
        out: path.to_owned(),
        ..spec.clone()
    })
}

#[cfg(test)]
mod tests;
