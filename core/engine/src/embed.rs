//! The embed job: scene to field. Plans blocks and windows, fits the projection, blends, codes, writes.
//! Memory depends on the window, the bands and the width of the scene, never on its area.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use terroir_scene::{FIELD_AXES, FIELD_NODATA, MapKind, MapWriter, Raster, Window, plan_windows};

use crate::catalogue::{Identity, ModelShelf};
use crate::dense::{Encoder, Geometry};
use crate::design::{Design, FIT_WINDOWS, fit_projection};
use crate::device::{self, Compute};
use crate::inputs::{
    InputBand, Region, choose_bands_blocking, read_region_blocking, wavelengths_um,
};
use crate::journal::{Journal, folder_of};
use crate::local::LocalFeatures;
use crate::monitor::{JobResult, Monitor, Stop};
use crate::projection::{Projection, SPECTRAL_AXES, encode_unit, hex};
use crate::worker::failure_of_panic;
use crate::{EmbedSpec, Estimate, Failure, Outcome, provenance};

/// Side of a block: what is read, computed and journalled at once.
const BLOCK: usize = 256;
/// Bytes of scene values a block may hold before its side is halved.
const BLOCK_BYTES: usize = 192 << 20;
/// Windows encoded together on a graphics device; always filled up, so that results do not depend on the count.
const GPU_BATCH: usize = 8;

/// Scene, bands and model of a job, ready to compute.
struct Setup {
    raster: Raster,
    encoder: Encoder,
    compute: Compute,
    identity: Identity,
    projection: Projection,
    patch_px: usize,
}

/// `design` is `Design::default()` for everything but measurements of designs.
pub(crate) fn embed(
    spec: &EmbedSpec,
    design: &Design,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
) -> JobResult<Outcome> {
    let begun = Instant::now();
    let compute = open_device(spec, monitor);
    monitor.started(&compute.name);
    let raster = open_scene(spec)?;
    let key = journal_key(spec, design, &raster, &compute)?;
    let mut journal = Journal::open(&spec.out, &key, &raster.info().grid)?;
    let result = embed_journalled(
        spec,
        design,
        monitor,
        shelf,
        raster,
        compute,
        &mut journal,
        begun,
    );
    match &result {
        // A cancel by the user leaves nothing behind; a failure keeps what is done.
        Ok(_) | Err(Stop::Cancelled) => journal.discard(),
        Err(Stop::Failed(_)) if journal.done_count() == 0 => journal.discard(),
        Err(Stop::Failed(_) | Stop::Interrupted) => {}
    }
    result
}

fn embed_journalled(
    spec: &EmbedSpec,
    design: &Design,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
    raster: Raster,
    compute: Compute,
    journal: &mut Journal,
    begun: Instant,
) -> JobResult<Outcome> {
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
            blocks.len()
        ));
    }
    run_blocks(spec, monitor, shelf, &mut setup, journal, &blocks)?;
    finish(spec, monitor, &setup, journal, begun)
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

fn open_device(spec: &EmbedSpec, monitor: &Monitor<'_>) -> Compute {
    monitor.progress("opening the device", 0, 1);
    let compute = device::open(&spec.device);
    if let Some(reason) = &compute.fallback {
        monitor.warn(reason.clone());
    }
    compute
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
    design: &Design,
    raster: &Raster,
    compute: &Compute,
) -> Result<String, Failure> {
    let fingerprint = |path: &std::path::Path| -> String {
        match std::fs::metadata(path) {
            Ok(meta) => {
                let modified = meta
                    .modified()
                    .ok()
                    .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
                format!("{} {} {:?}", path.display(), meta.len(), modified)
            }
            // Sub-dataset names are no paths; their size is in the grid below.
            Err(_) => path.display().to_string(),
        }
    };
    let spec_text = serde_json::to_string(spec)
        .map_err(|error| Failure::new("the job cannot be written down").with_details(error))?;
    let info = raster.info();
    let text = format!(
        "{}\n{spec_text}\n{design:?}\n{}\n{}\n{} {} {}\n{}",
        env!("CARGO_PKG_VERSION"),
        fingerprint(&spec.scene),
        spec.weights.as_deref().map(fingerprint).unwrap_or_default(),
        info.grid.width,
        info.grid.height,
        info.bands.len(),
        compute.name
    );
    Ok(hex(&Sha256::digest(text.as_bytes())))
}

fn make_encoder(
    spec: &EmbedSpec,
    patch_px: usize,
    shelf: &mut ModelShelf,
    compute: &Compute,
    bands: &[InputBand],
    monitor: &Monitor<'_>,
) -> JobResult<(Identity, Encoder)> {
    monitor.progress("preparing the model", 0, 1);
    let (identity, model) = shelf.take(&spec.model, spec.weights.as_deref(), spec.seed, compute)?;
    identity
        .notes
        .iter()
        .for_each(|note| monitor.warn(note.clone()));
    let wavelengths = wavelengths_um(bands, model.config().radar_um(), monitor);
    if !compute.is_cpu() {
        monitor.progress("preparing kernels", 0, 1);
    }
    let encoder = guarded(|| {
        Encoder::new(model, &wavelengths, patch_px, &compute.device)
            .map_err(|error| error.to_string())
    })?;
    Ok((identity, encoder))
}

/// Runs tensor code: a panic of a device becomes words.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(text)) => Err(Failure::new(text)),
        Err(payload) => Err(failure_of_panic(payload.as_ref())),
    }
}

fn prepare(
    spec: &EmbedSpec,
    design: &Design,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
    raster: Raster,
    mut compute: Compute,
    kept: Option<Projection>,
) -> JobResult<Setup> {
    let bands = match &kept {
        Some(projection) => projection.bands.clone(),
        None => choose_bands_blocking(&raster, spec, monitor)?,
    };
    let (identity, mut encoder) =
        match make_encoder(spec, design.patch_px, shelf, &compute, &bands, monitor) {
            Err(Stop::Failed(failure)) if !compute.is_cpu() => {
                compute = give_up_device(&compute, &failure, monitor);
                make_encoder(spec, design.patch_px, shelf, &compute, &bands, monitor)?
            }
            other => other?,
        };
    let projection = match kept {
        Some(projection) => projection,
        None => match fit_projection(spec, design, monitor, &raster, &bands, &encoder, &identity) {
            Err(Stop::Failed(failure)) if !compute.is_cpu() => {
                compute = give_up_device(&compute, &failure, monitor);
                encoder = make_encoder(spec, design.patch_px, shelf, &compute, &bands, monitor)?.1;
                fit_projection(spec, design, monitor, &raster, &bands, &encoder, &identity)?
            }
            other => other?,
        },
    };
    let (from, to) = (
        projection.local_len(),
        projection.local_len() + encoder.geometry().width,
    );
    encoder.project_with(&projection.matrix(from, to));
    Ok(Setup {
        raster,
        encoder,
        compute,
        identity,
        projection,
        patch_px: design.patch_px,
    })
}

fn give_up_device(compute: &Compute, failure: &Failure, monitor: &Monitor<'_>) -> Compute {
    let reason = failure.details.as_ref().unwrap_or(&failure.what);
    let text = format!(
        "{} failed ({}); the job goes on with the CPU",
        compute.name,
        reason.lines().next().unwrap_or("no reason given")
    );
    monitor.warn(text);
    Compute::cpu()
}

/// A window widened by `margin` pixels, inside `extent`.
pub(crate) fn around(window: Window, extent: Window, margin: usize) -> Window {
    let (col, row) = (
        window.col.saturating_sub(margin).max(extent.col),
        window.row.saturating_sub(margin).max(extent.row),
    );
    let right = (window.col + window.width + margin).min(extent.col + extent.width);
    let bottom = (window.row + window.height + margin).min(extent.row + extent.height);
    Window {
        col,
        row,
        width: right - col,
        height: bottom - row,
    }
}

fn block_side(bands: usize, geometry: Geometry) -> usize {
    let mut side = BLOCK;
    while side > geometry.window && 4 * bands * (side + 2 * geometry.window).pow(2) > BLOCK_BYTES {
        side /= 2;
    }
    side
}

/// The scene cut into blocks, row by row. Only bands and model decide the side, so every run cuts alike.
fn plan_blocks(extent: Window, bands: usize, geometry: Geometry) -> Vec<Window> {
    let side = block_side(bands, geometry);
    (0..extent.height.div_ceil(side))
        .flat_map(|row| {
            (0..extent.width.div_ceil(side)).map(move |column| (column * side, row * side))
        })
        .map(|(col, row)| Window {
            col,
            row,
            width: side.min(extent.width - col),
            height: side.min(extent.height - row),
        })
        .collect()
}

fn touches(a: Window, b: Window) -> bool {
    a.col < b.col + b.width
        && b.col < a.col + a.width
        && a.row < b.row + b.height
        && b.row < a.row + a.height
}

/// What the reader thread hands over: a block's number, its windows and the values they need.
struct Order {
    block: usize,
    windows: Vec<usize>,
    region: JobResult<Region>,
}

fn run_blocks(
    spec: &EmbedSpec,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
    setup: &mut Setup,
    journal: &mut Journal,
    blocks: &[Window],
) -> JobResult<()> {
    let extent = setup.raster.info().grid.window();
    let geometry = setup.encoder.geometry();
    let windows = plan_windows(extent, geometry.window, geometry.overlap());
    let todo: Vec<usize> = (0..blocks.len())
        .filter(|block| !journal.is_done(*block))
        .collect();
    let (send, orders) = sync_channel::<Order>(1);
    let (path, bands) = (spec.scene.clone(), setup.projection.bands.clone());
    std::thread::scope(|scope| {
        let (windows, todo) = (&windows, &todo);
        let reader = std::thread::Builder::new()
            .name("scene reader".to_owned())
            .spawn_scoped(scope, move || {
                let raster = Raster::open(&path);
                for block in todo.iter().copied() {
                    let touching: Vec<usize> = (0..windows.len())
                        .filter(|i| touches(windows[*i], blocks[block]))
                        .collect();
                    let wanted = touching.iter().fold(
                        around(blocks[block], extent, crate::local::REACH),
                        |all, i| union(all, windows[*i]),
                    );
                    let region = match &raster {
                        Ok(raster) => read_region_blocking(raster, &bands, wanted),
                        Err(error) => Err(Failure::new(error.to_string()).into()),
                    };
                    // The engine has stopped listening: cancelled or failed.
                    if send
                        .send(Order {
                            block,
                            windows: touching,
                            region,
                        })
                        .is_err()
                    {
                        return;
                    }
                }
            });
        reader.map_err(|error| {
            Failure::new("the scene reader could not be started").with_details(error)
        })?;
        compute_blocks(
            spec, monitor, shelf, setup, journal, blocks, windows, orders,
        )
    })
}

fn union(a: Window, b: Window) -> Window {
    let (col, row) = (a.col.min(b.col), a.row.min(b.row));
    let right = (a.col + a.width).max(b.col + b.width);
    let bottom = (a.row + a.height).max(b.row + b.height);
    Window {
        col,
        row,
        width: right - col,
        height: bottom - row,
    }
}

fn compute_blocks(
    spec: &EmbedSpec,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
    setup: &mut Setup,
    journal: &mut Journal,
    blocks: &[Window],
    windows: &[Window],
    orders: Receiver<Order>,
) -> JobResult<()> {
    // Tokens of windows that reach into blocks still to come: each window is encoded once.
    let mut tokens: HashMap<usize, Vec<f32>> = HashMap::new();
    let total = windows.len() as u64;
    let mut encoded = windows
        .iter()
        .filter(|window| {
            (0..blocks.len()).all(|b| !touches(**window, blocks[b]) || journal.is_done(b))
        })
        .count() as u64;
    for Order {
        block,
        windows: touching,
        region,
    } in orders
    {
        let (region, extent) = (region?, blocks[block]);
        tokens.retain(|index, _| windows[*index].row + windows[*index].height > extent.row);
        let is_empty = !region.valid.contains(&true);
        let missing: Vec<usize> = touching
            .iter()
            .copied()
            .filter(|index| !is_empty && !tokens.contains_key(index))
            .collect();
        let batch = if setup.compute.is_cpu() { 1 } else { GPU_BATCH };
        for some in missing.chunks(batch) {
            monitor.check()?;
            monitor.progress("embedding", encoded, total);
            let made = encode_windows(spec, monitor, shelf, setup, &region, some, windows)?;
            tokens.extend(some.iter().copied().zip(made));
            encoded += some.len() as u64;
        }
        monitor.check()?;
        let codes = field_of_block(setup, &region, extent, &touching, windows, &tokens);
        journal.write(block, extent, &codes)?;
        monitor.tile(&journal.field_path(), extent);
        monitor.progress("embedding", encoded.min(total), total);
    }
    Ok(())
}

/// Projected tokens of some windows. A device that fails is given a smaller batch, then replaced by the processor.
fn encode_windows(
    spec: &EmbedSpec,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
    setup: &mut Setup,
    region: &Region,
    some: &[usize],
    windows: &[Window],
) -> JobResult<Vec<Vec<f32>>> {
    let geometry = setup.encoder.geometry();
    let bands = setup.projection.bands.len();
    let each = geometry.grid * geometry.grid * FIELD_AXES;
    let images = |count: usize, some: &[usize]| {
        let side = geometry.image * geometry.image * bands;
        let mut images = Vec::with_capacity(side * count);
        some.iter()
            .for_each(|index| geometry.image_of(region, windows[*index], bands, &mut images));
        images.resize(side * count, 0.0);
        images
    };
    let mut batch = if setup.compute.is_cpu() { 1 } else { GPU_BATCH };
    loop {
        let attempt: Result<Vec<Vec<f32>>, Failure> = some
            .chunks(batch)
            .map(|chunk| {
                let flat = guarded(|| setup.encoder.projected_tokens(images(batch, chunk), batch))?;
                Ok(flat
                    .chunks_exact(each)
                    .take(chunk.len())
                    .map(<[f32]>::to_vec)
                    .collect::<Vec<_>>())
            })
            .collect::<Result<Vec<_>, Failure>>()
            .map(|parts| parts.concat());
        match attempt {
            Ok(tokens) => return Ok(tokens),
            Err(failure) if setup.compute.is_cpu() => return Err(failure.into()),
            Err(failure) if batch > 1 && setup.compute.sync().is_ok() => {
                batch /= 2;
                monitor.warn(format!(
                    "{} could not take the batch ({failure}); {batch} windows at a time now",
                    setup.compute.name
                ));
            }
            Err(failure) => {
                setup.compute = give_up_device(&setup.compute, &failure, monitor);
                let (_, mut encoder) = make_encoder(
                    spec,
                    setup.patch_px,
                    shelf,
                    &setup.compute,
                    &setup.projection.bands,
                    monitor,
                )?;
                let from = setup.projection.local_len();
                encoder.project_with(&setup.projection.matrix(from, from + geometry.width));
                setup.encoder = encoder;
                batch = 1;
            }
        }
    }
}

/// The codes of a block, pixels by rows, 64 each: local part and blended tokens, normalised.
fn field_of_block(
    setup: &Setup,
    region: &Region,
    block: Window,
    touching: &[usize],
    windows: &[Window],
    tokens: &HashMap<usize, Vec<f32>>,
) -> Vec<i8> {
    let geometry = setup.encoder.geometry();
    let local = LocalFeatures::new(region, &setup.projection.axes());
    let matrix = setup.projection.matrix(0, local.len());
    let start = setup.projection.start();
    let (table, blending) = (geometry.interpolation(), geometry.blending());
    let mut codes = vec![FIELD_NODATA; block.width * block.height * FIELD_AXES];
    codes
        .par_chunks_mut(block.width * FIELD_AXES)
        .enumerate()
        .for_each(|(line, codes)| {
            let row = block.row + line;
            let here: Vec<(Window, &Vec<f32>)> = touching
                .iter()
                .filter(|index| {
                    (windows[**index].row..windows[**index].row + windows[**index].height)
                        .contains(&row)
                })
                .filter_map(|index| tokens.get(index).map(|tokens| (windows[*index], tokens)))
                .collect();
            let mut numbers = vec![0.0f32; local.len()];
            for (offset, codes) in codes.as_chunks_mut::<FIELD_AXES>().0.iter_mut().enumerate() {
                let col = block.col + offset;
                if !region.valid
                    [(row - region.window.row) * region.window.width + col - region.window.col]
                {
                    continue;
                }
                let (mut blended, mut weights) = ([0.0f32; FIELD_AXES], 0.0f32);
                for (window, tokens) in here
                    .iter()
                    .filter(|(window, _)| (window.col..window.col + window.width).contains(&col))
                {
                    let (y, x) = (row - window.row, col - window.col);
                    let weight = blending[y] * blending[x];
                    weights += weight;
                    let ((r0, r1, rs), (c0, c1, cs)) = (table[y], table[x]);
                    for (r, c, share) in [
                        (r0, c0, (1.0 - rs) * (1.0 - cs)),
                        (r0, c1, (1.0 - rs) * cs),
                        (r1, c0, rs * (1.0 - cs)),
                        (r1, c1, rs * cs),
                    ] {
                        let token = &tokens[(r * geometry.grid + c) * FIELD_AXES..][..FIELD_AXES];
                        let share = share * weight;
                        blended
                            .iter_mut()
                            .zip(token)
                            .for_each(|(sum, value)| *sum += share * value);
                    }
                }
                let mut sums = start;
                let share = 1.0 / weights.max(1e-6);
                sums.iter_mut()
                    .zip(&blended)
                    .for_each(|(sum, value)| *sum += share * value);
                local.pixel(col, row, &mut numbers);
                add_projected(&numbers, &matrix, &mut sums);
                *codes = encode_unit(&sums);
            }
        });
    codes
}

fn add_projected(numbers: &[f32], matrix: &[[f32; FIELD_AXES]], sums: &mut [f32; FIELD_AXES]) {
    for (number, row) in numbers.iter().zip(matrix) {
        sums.iter_mut()
            .zip(row)
            .for_each(|(sum, weight)| *sum += number * weight);
    }
}

/// Turns the working raster into the checked file with its side-cars.
fn finish(
    spec: &EmbedSpec,
    monitor: &Monitor<'_>,
    setup: &Setup,
    journal: &mut Journal,
    begun: Instant,
) -> JobResult<Outcome> {
    let grid = &setup.raster.info().grid;
    let mut writer = MapWriter::create(&spec.out, grid, MapKind::Field)?;
    let rows = (BLOCK_BYTES / (4 * grid.width * FIELD_AXES).max(1)).clamp(1, 512);
    for row in (0..grid.height).step_by(rows) {
        monitor.check()?;
        monitor.progress("writing the field", row as u64, grid.height as u64);
        let height = rows.min(grid.height - row);
        let bytes = journal.read_rows(row, height)?;
        writer.write_bytes(
            Window {
                col: 0,
                row,
                width: grid.width,
                height,
            },
            &bytes,
        )?;
    }
    monitor.check()?;
    let seconds = begun.elapsed().as_secs_f64();
    let side_car = projection_path(&spec.out);
    let model = format!(
        "{}; projection sha256 {}",
        setup.identity.sentence(),
        setup.projection.sha256()?
    );
    let overlap = setup.encoder.geometry().overlap();
    let keys = provenance::of_field(
        spec,
        &setup.raster,
        &setup.projection,
        &model,
        &setup.compute.name,
        seconds,
        overlap,
    );
    setup.projection.save(&side_car)?;
    let mut files = writer.finish(&keys)?;
    files.push(side_car);
    let pixels = grid.width * grid.height;
    let warnings = monitor.warnings();
    Ok(Outcome {
        files,
        summary: format!(
            "Field of {} x {} pixels from {} bands, {} on {}, {seconds:.1} s",
            grid.width,
            grid.height,
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
