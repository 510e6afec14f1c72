//! Blocks of a map: read ahead by a thread, answered window by window, blended and journalled.
//! Knows nothing of the finished files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use rayon::prelude::*;
use terroir_scene::{AreaOfInterest, Raster, Window, plan_windows};

use super::mapper::{GPU_BATCH, Mapper, blending};
use crate::Failure;
use crate::blocks::{touches, union};
use crate::inputs::{InputBand, Region, read_region_blocking};
use crate::journal::Journal;
use crate::monitor::{JobResult, Monitor};

/// Confidence is stored as 200 times the probability; missing as this.
const CONFIDENCE_NODATA: u8 = 255;
/// Of a pixel that has no class.
pub(super) const NO_CLASS: [u8; 2] = [0, CONFIDENCE_NODATA];

/// What is read of a scene.
pub(super) struct Scene<'a> {
    pub path: &'a Path,
    pub bands: &'a [InputBand],
    pub extent: Window,
    /// Rows that are mapped.
    pub rows: Window,
    pub area: Option<&'a AreaOfInterest>,
}

/// What the reader thread hands over: a block's number, its windows and the values they need.
struct Order {
    block: usize,
    windows: Vec<usize>,
    region: JobResult<Region>,
}

pub(super) fn map_blocks(
    scene: &Scene<'_>,
    mapper: &mut Mapper,
    journal: &mut Journal,
    blocks: &[Window],
    monitor: &Monitor<'_>,
) -> JobResult<()> {
    let windows = plan_windows(scene.extent, mapper.geometry.window, mapper.overlap());
    let todo: Vec<usize> = (0..blocks.len())
        .filter(|block| touches(blocks[*block], scene.rows) && !journal.is_done(*block))
        .filter(|block| {
            let touched = |area: &AreaOfInterest| area.touches(blocks[*block]);
            scene.area.is_none_or(touched)
        })
        .collect();
    let (send, orders) = sync_channel::<Order>(1);
    std::thread::scope(|scope| {
        let (windows, todo) = (&windows, &todo);
        let reader = std::thread::Builder::new()
            .name("scene reader".to_owned())
            .spawn_scoped(scope, move || {
                let raster = Raster::open(scene.path);
                for block in todo.iter().copied() {
                    let touching: Vec<usize> = (0..windows.len())
                        .filter(|i| touches(windows[*i], blocks[block]))
                        .collect();
                    let wanted = touching
                        .iter()
                        .fold(blocks[block], |all, i| union(all, windows[*i]));
                    let region = match &raster {
                        Ok(raster) => read_region_blocking(raster, scene.bands, wanted),
                        Err(error) => Err(Failure::new(error.to_string()).into()),
                    };
                    let order = Order {
                        block,
                        windows: touching,
                        region,
                    };
                    // The engine has stopped listening: cancelled or failed.
                    if send.send(order).is_err() {
                        return;
                    }
                }
            });
        reader.map_err(|error| {
            Failure::new("the scene reader could not be started").with_details(error)
        })?;
        answer_blocks(mapper, journal, blocks, windows, todo, orders, monitor)
    })
}

fn answer_blocks(
    mapper: &mut Mapper,
    journal: &mut Journal,
    blocks: &[Window],
    windows: &[Window],
    todo: &[usize],
    orders: Receiver<Order>,
    monitor: &Monitor<'_>,
) -> JobResult<()> {
    // Answers of windows that reach into blocks still to come: each window is answered once.
    let mut answers: HashMap<usize, Vec<f32>> = HashMap::new();
    let total = windows.len() as u64;
    let mut answered = windows
        .iter()
        .filter(|window| !todo.iter().any(|block| touches(**window, blocks[*block])))
        .count() as u64;
    for order in orders {
        let (region, extent) = (order.region?, blocks[order.block]);
        answers.retain(|index, _| windows[*index].row + windows[*index].height > extent.row);
        let missing: Vec<usize> = order
            .windows
            .iter()
            .copied()
            .filter(|_| region.valid.contains(&true))
            .filter(|index| !answers.contains_key(index))
            .collect();
        let batch = if mapper.compute.is_cpu() {
            1
        } else {
            GPU_BATCH
        };
        for some in missing.chunks(batch) {
            monitor.check()?;
            monitor.progress("mapping", answered, total);
            let places: Vec<Window> = some.iter().map(|index| windows[*index]).collect();
            let made = mapper.answer_windows(&region, &places, monitor)?;
            answers.extend(some.iter().copied().zip(made));
            answered += some.len() as u64;
        }
        monitor.check()?;
        let bytes = bytes_of_block(mapper, &region, extent, &order.windows, windows, &answers);
        journal.write(order.block, extent, &bytes)?;
        monitor.progress("mapping", answered.min(total), total);
    }
    Ok(())
}

/// The bytes of a block as the journal keeps them: answers of all windows over a pixel, blended.
fn bytes_of_block(
    mapper: &Mapper,
    region: &Region,
    block: Window,
    touching: &[usize],
    windows: &[Window],
    answers: &HashMap<usize, Vec<f32>>,
) -> Vec<u8> {
    let (outputs, side) = (mapper.outputs(), mapper.side());
    let weights = blending(mapper.geometry.window, mapper.overlap());
    let about = &mapper.about;
    let is_values = about.classes.is_empty();
    let pixel_bytes = if is_values { 4 } else { 2 };
    let mut bytes = vec![0u8; block.width * block.height * pixel_bytes];
    bytes
        .par_chunks_mut(block.width * pixel_bytes)
        .enumerate()
        .for_each(|(line, bytes)| {
            let row = block.row + line;
            let here: Vec<(Window, &Vec<f32>)> = touching
                .iter()
                .map(|index| (windows[*index], answers.get(index)))
                .filter(|(window, _)| (window.row..window.row + window.height).contains(&row))
                .filter_map(|(window, answers)| answers.map(|answers| (window, answers)))
                .collect();
            let mut sums = vec![0.0f32; outputs];
            for (offset, bytes) in bytes.chunks_exact_mut(pixel_bytes).enumerate() {
                let col = block.col + offset;
                let at = (row - region.window.row) * region.window.width + col - region.window.col;
                let is_valid = region.valid.get(at) == Some(&true);
                sums.fill(0.0);
                let mut total = 0.0f32;
                for (window, answers) in here.iter().filter(|(window, _)| {
                    is_valid && (window.col..window.col + window.width).contains(&col)
                }) {
                    let (y, x) = (row - window.row, col - window.col);
                    let weight = weights[y] * weights[x];
                    let place = if side == 1 { 0 } else { y * side + x };
                    total += weight;
                    for (output, sum) in sums.iter_mut().enumerate() {
                        *sum += weight * answers[output * side * side + place];
                    }
                }
                if is_values {
                    let value = match total > 0.0 {
                        true => {
                            let learnt = f64::from(sums[0] / total);
                            (about.value_scale.0 + about.value_scale.1 * learnt) as f32
                        }
                        false => f32::NAN,
                    };
                    bytes.copy_from_slice(&value.to_ne_bytes());
                    continue;
                }
                let best = sums
                    .iter()
                    .enumerate()
                    .max_by(|(_, a), (_, b)| a.total_cmp(b))
                    .filter(|_| total > 0.0)
                    .and_then(|(class, sum)| Some((about.classes.get(class)?.id, sum / total)));
                bytes.copy_from_slice(&match best {
                    Some((id, share)) => [id, (share.clamp(0.0, 1.0) * 200.0).round() as u8],
                    None => NO_CLASS,
                });
            }
        });
    bytes
}
