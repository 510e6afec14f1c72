//! Blocks of a field: planned, read ahead by a thread, encoded window by window, blended, coded and journalled.
//! Knows nothing of the finished file, of provenance, or of how model and projection came about.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, sync_channel};

use rayon::prelude::*;
use terroir_scene::{AreaOfInterest, FIELD_AXES, FIELD_NODATA, Raster, Window, plan_windows};

use crate::catalogue::ModelShelf;
use crate::dense::Geometry;
use crate::inputs::{Region, read_region_blocking};
use crate::journal::Journal;
use crate::local::LocalFeatures;
use crate::monitor::{JobResult, Monitor};
use crate::projection::encode_unit;
use crate::setup::{Setup, give_up_device, guarded, make_encoder};
use crate::shard::SHARD_ROWS;
use crate::{EmbedSpec, Failure};

/// Side of a block: what is read, computed and journalled at once.
const BLOCK: usize = SHARD_ROWS;

/// Bytes of scene values a block may hold before its side is halved.
pub(crate) const BLOCK_BYTES: usize = 192 << 20;

/// Windows encoded together on a graphics device; always filled up, so that results do not depend on the count.
const GPU_BATCH: usize = 8;

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

pub(crate) fn block_side(bands: usize, geometry: Geometry) -> usize {
    let mut side = BLOCK;
    while side > geometry.window && 4 * bands * (side + 2 * geometry.window).pow(2) > BLOCK_BYTES {
        side /= 2;
    }
    side
}

/// The scene cut into blocks, row by row. Only bands and model decide the side, so every run cuts alike.
pub(crate) fn plan_blocks(extent: Window, bands: usize, geometry: Geometry) -> Vec<Window> {
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

pub(crate) fn touches(a: Window, b: Window) -> bool {
    a.col < b.col + b.width
        && b.col < a.col + a.width
        && a.row < b.row + b.height
        && b.row < a.row + a.height
}

/// What there is to do: blocks of the scene, windows of the model, and the blocks that are wanted and not done yet.
struct BlockPlan<'a> {
    blocks: &'a [Window],
    windows: &'a [Window],
    todo: &'a [usize],
}

/// What the reader thread hands over: a block's number, its windows and the values they need.
struct Order {
    block: usize,
    windows: Vec<usize>,
    region: JobResult<Region>,
}

/// Computes the blocks of some `rows` of the scene that are wanted and not done yet.
pub(crate) fn run_blocks(
    spec: &EmbedSpec,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
    setup: &mut Setup,
    journal: &mut Journal,
    blocks: &[Window],
    rows: Window,
    area: Option<&AreaOfInterest>,
) -> JobResult<()> {
    let extent = setup.raster.info().grid.window();
    let geometry = setup.encoder.geometry();
    let windows = plan_windows(extent, geometry.window, geometry.overlap());
    let todo: Vec<usize> = (0..blocks.len())
        .filter(|block| touches(blocks[*block], rows) && !journal.is_done(*block))
        .filter(|block| area.is_none_or(|area| area.touches(blocks[*block])))
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
        let plan = BlockPlan {
            blocks,
            windows,
            todo,
        };
        compute_blocks(spec, monitor, shelf, setup, journal, &plan, orders)
    })
}

pub(crate) fn union(a: Window, b: Window) -> Window {
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
    plan: &BlockPlan<'_>,
    orders: Receiver<Order>,
) -> JobResult<()> {
    let BlockPlan {
        blocks,
        windows,
        todo,
    } = *plan;
    // Tokens of windows that reach into blocks still to come: each window is encoded once.
    let mut tokens: HashMap<usize, Vec<f32>> = HashMap::new();
    let total = windows.len() as u64;
    let mut encoded = windows
        .iter()
        .filter(|window| !todo.iter().any(|block| touches(**window, blocks[*block])))
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
        let bytes: Vec<u8> = codes.iter().map(|code| code.cast_unsigned()).collect();
        journal.write(block, extent, &bytes)?;
        monitor.tile(&journal.field_path(), journal.inside(extent));
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

pub(crate) fn add_projected(
    numbers: &[f32],
    matrix: &[[f32; FIELD_AXES]],
    sums: &mut [f32; FIELD_AXES],
) {
    for (number, row) in numbers.iter().zip(matrix) {
        sums.iter_mut()
            .zip(row)
            .for_each(|(sum, weight)| *sum += number * weight);
    }
}
