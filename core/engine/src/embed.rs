//! The embed job: scene to field, from the journal's key to the checked file, and what it will cost.
//! Memory depends on the window, the bands and the width of the scene, never on its area.
//! Knows the order of the steps. Knows nothing of how a block is computed or a model is made ready.

use std::time::Instant;

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use terroir_scene::{
    AreaOfInterest, FIELD_AXES, FIELD_NODATA, MapKind, Raster, Window, plan_windows,
};

use crate::blocks::{BLOCK_BYTES, add_projected, block_side, plan_blocks, run_blocks, touches};
use crate::catalogue::ModelShelf;
use crate::design::{Design, FIT_WINDOWS};
use crate::device::Compute;
use crate::inputs::{InputBand, Region, choose_bands_blocking, read_region_blocking};
use crate::journal::{Content, Journal, fingerprint, folder_of};
use crate::local::LocalFeatures;
use crate::monitor::{JobResult, Monitor, Stop};
use crate::projection::{SPECTRAL_AXES, hex};
use crate::setup::{Setup, guarded, make_encoder, open_device, prepare};
use crate::shard::Share;
use crate::{EmbedSpec, Estimate, Failure, JobSpec, Outcome, provenance};

/// What of the scene is embedded, and what tells this run from others.
struct Task {
    share: Share,
    rows: Window,
    key: String,
    begun: Instant,
}

/// `design` is `Design::default()` for everything but measurements of designs.
pub(crate) fn embed(
    spec: &EmbedSpec,
    share: Share,
    design: &Design,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
) -> JobResult<Outcome> {
    let begun = Instant::now();
    let compute = open_device(spec, monitor);
    monitor.started(&compute.name);
    let raster = open_scene(spec)?;
    let grid = &raster.info().grid;
    let task = Task {
        share,
        rows: share.rows(grid.window()),
        key: journal_key(spec, share, design, &raster, &compute)?,
        begun,
    };
    let outputs = std::slice::from_ref(&spec.out);
    if let Some(done) = share.done_blocking(task.rows, outputs, &task.key, monitor) {
        return Ok(done);
    }
    let own_grid = share.grid(grid, task.rows);
    let out = share.path_of(&spec.out);
    let journal = Journal::open(&out, &task.key, &own_grid, Content::Field)?;
    let mut journal = journal.starting_at_row(task.rows.row);
    let result = embed_journalled(
        spec,
        &task,
        design,
        monitor,
        shelf,
        raster,
        compute,
        &mut journal,
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

fn embed_journalled(
    spec: &EmbedSpec,
    task: &Task,
    design: &Design,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
    raster: Raster,
    compute: Compute,
    journal: &mut Journal,
) -> JobResult<Outcome> {
    let area = crate::predict::area_of(spec.aoi.as_ref(), &raster.info().grid)?;
    let area = area.as_ref();
    let mut setup = prepare(
        spec,
        design,
        monitor,
        shelf,
        raster,
        compute,
        journal.projection(),
    )?;
    journal.keep_projection(&setup.projection)?;
    let blocks = plan_blocks(
        setup.raster.info().grid.window(),
        setup.projection.bands.len(),
        setup.encoder.geometry(),
    );
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
    run_blocks(
        spec, monitor, shelf, &mut setup, journal, &blocks, task.rows, area,
    )?;
    finish(spec, task, monitor, &setup, area, journal)
}

/// What the job will cost. Encodes one window to know the speed; writes nothing.
pub(crate) fn estimate(
    spec: &EmbedSpec,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
) -> JobResult<Estimate> {
    let compute = open_device(spec, monitor);
    let raster = open_scene(spec)?;
    let bands = choose_bands_blocking(&raster, spec, monitor)?;
    let grid = raster.info().grid.clone();
    let (identity, encoder) = make_encoder(
        spec,
        Design::default().patch_px,
        shelf,
        &compute,
        &bands,
        monitor,
    )?;
    let geometry = encoder.geometry();
    let windows = plan_windows(grid.window(), geometry.window, geometry.overlap());
    let first = *windows
        .first()
        .ok_or_else(|| Failure::new("the scene has no pixels"))?;
    let region = read_region_blocking(&raster, &bands, first)?;
    let mut image = Vec::new();
    geometry.image_of(&region, first, bands.len(), &mut image);
    // The first round compiles kernels and fills caches; the second one counts.
    guarded(|| encoder.raw_tokens(image.clone()))?;
    monitor.check()?;
    let clock = Instant::now();
    guarded(|| encoder.raw_tokens(image))?;
    let seconds_a_window = clock.elapsed().as_secs_f64();
    let pixels = (grid.width * grid.height) as u64;
    let local_seconds = local_cost(&region, &bands) * pixels as f64;
    let fit_windows = windows.len().min(FIT_WINDOWS) as f64;
    let blocks = block_side(bands.len(), geometry);
    let halo = 2 * geometry.window;
    let model_bytes =
        4 * (identity.parameters + 60 * (geometry.grid * geometry.grid * geometry.width) as u64);
    let block_bytes =
        8 * (bands.len() * (blocks + halo).pow(2)) as u64 + 256 * (blocks * blocks) as u64;
    let row_bytes =
        (4 * FIELD_AXES * geometry.grid.pow(2) * 3 * grid.width.div_ceil(geometry.window / 2))
            as u64;
    let disk = pixels * FIELD_AXES as u64;
    let mut notes = vec![identity.sentence()];
    notes.extend(compute.fallback.clone());
    notes.extend(monitor.warnings());
    if folder_of(&spec.out).exists() {
        notes.push(
            "an interrupted run lies beside the output and is gone on with if nothing changed"
                .to_owned(),
        );
    }
    Ok(Estimate {
        pixels,
        windows: windows.len() as u64,
        seconds: Some(seconds_a_window * (windows.len() as f64 + fit_windows) + local_seconds),
        memory_bytes: model_bytes + 2 * block_bytes + row_bytes,
        // The working file and the finished one, at worst side by side.
        disk_bytes: 2 * disk,
        device: compute.name,
        notes,
    })
}

/// Seconds a pixel of the local part takes, measured on a window.
fn local_cost(region: &Region, bands: &[InputBand]) -> f64 {
    let axes = crate::local::SpectralAxes::Bands(bands.len().min(SPECTRAL_AXES));
    let features = LocalFeatures::new(region, &axes);
    let matrix = vec![[0.5f32; FIELD_AXES]; features.len()];
    let clock = Instant::now();
    let window = region.window;
    let sums: Vec<[f32; FIELD_AXES]> = (0..window.height)
        .into_par_iter()
        .flat_map_iter(|row| {
            let mut numbers = vec![0.0; features.len()];
            let mut line = Vec::with_capacity(window.width);
            for col in 0..window.width {
                features.pixel(window.col + col, window.row + row, &mut numbers);
                let mut sums = [0.0; FIELD_AXES];
                add_projected(&numbers, &matrix, &mut sums);
                line.push(sums);
            }
            line
        })
        .collect();
    clock.elapsed().as_secs_f64() / sums.len().max(1) as f64
}

fn open_scene(spec: &EmbedSpec) -> JobResult<Raster> {
    let raster = Raster::open(&spec.scene)?;
    if raster.info().is_field() {
        return Err(Failure::new(format!(
            "this file is a field already; train a head on it\n{}",
            spec.scene.display()
        ))
        .into());
    }
    Ok(raster)
}

/// Two runs share a journal only if this text is the same.
fn journal_key(
    spec: &EmbedSpec,
    share: Share,
    design: &Design,
    raster: &Raster,
    compute: &Compute,
) -> Result<String, Failure> {
    let job = share.job(JobSpec::Embed(spec.clone()));
    let spec_text = serde_json::to_string(&job)
        .map_err(|error| Failure::new("the job cannot be written down").with_details(error))?;
    let info = raster.info();
    let text = format!(
        "{}\n{spec_text}\n{design:?}\n{}\n{}\n{} {} {}\n{}",
        env!("CARGO_PKG_VERSION"),
        fingerprint(&spec.scene),
        [
            spec.weights.as_deref().map(fingerprint),
            spec.aoi
                .as_ref()
                .map(|area| fingerprint(&terroir_scene::file_and_layer(&area.file).0)),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n"),
        info.grid.width,
        info.grid.height,
        info.bands.len(),
        compute.name
    );
    Ok(hex(&Sha256::digest(text.as_bytes())))
}

/// Turns the working raster into the checked file with its side-cars.
fn finish(
    spec: &EmbedSpec,
    task: &Task,
    monitor: &Monitor<'_>,
    setup: &Setup,
    area: Option<&AreaOfInterest>,
    journal: &mut Journal,
) -> JobResult<Outcome> {
    let grid = &setup.raster.info().grid;
    let own = task.rows;
    let mut writer = task.share.writer(&spec.out, grid, own, MapKind::Field)?;
    let rows = (BLOCK_BYTES / (4 * grid.width * FIELD_AXES).max(1)).clamp(1, 512);
    for row in (own.row..own.end_row()).step_by(rows) {
        monitor.check()?;
        let done = row - own.row;
        monitor.progress("writing the field", done as u64, own.height as u64);
        let height = rows.min(own.end_row() - row);
        let mut bytes = journal.read_rows(row, height)?;
        let window = Window {
            col: 0,
            row,
            width: grid.width,
            height,
        };
        if let Some(area) = area {
            let mask = area.mask(window);
            for plane in bytes.chunks_exact_mut(mask.len().max(1)) {
                for (code, inside) in plane.iter_mut().zip(&mask) {
                    if !inside {
                        *code = FIELD_NODATA.cast_unsigned();
                    }
                }
            }
        }
        writer.write_bytes(window, &bytes)?;
    }
    monitor.check()?;
    let seconds = task.begun.elapsed().as_secs_f64();
    let side_car = projection_path(&task.share.path_of(&spec.out));
    let model = format!(
        "{}; projection sha256 {}",
        setup.identity.sentence(),
        setup.projection.sha256()?
    );
    let overlap = setup.encoder.geometry().overlap();
    let mut keys = provenance::of_field(
        spec,
        task.share,
        &setup.raster,
        &setup.projection,
        &model,
        &setup.compute.name,
        seconds,
        overlap,
    );
    keys.extend(task.share.provenance(&task.key));
    setup.projection.save(&side_car)?;
    let mut files = writer.finish(&keys)?;
    files.push(side_car);
    let pixels = own.pixels();
    let warnings = monitor.warnings();
    Ok(Outcome {
        files,
        summary: format!(
            "Field of {} x {} pixels from {} bands, {} on {}, {seconds:.1} s",
            own.width,
            own.height,
            setup.projection.bands.len(),
            setup.identity.short(),
            setup.compute.name
        ),
        metrics: vec![
            ("seconds".to_owned(), seconds),
            ("pixels".to_owned(), pixels as f64),
        ],
        warnings,
    })
}

/// Where the projection of a field lies.
pub fn projection_path(field: &std::path::Path) -> std::path::PathBuf {
    let mut name = field.file_stem().unwrap_or_default().to_owned();
    name.push(".projection.json");
    field.with_file_name(name)
}
