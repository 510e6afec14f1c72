//! Running a network of time over a grid: a thread reads the images of the next chip while the network works on this one,
//! chips are blended, and every finished block is handed on. Memory depends on the chip, the number of images on it and the
//! width of the grid, never on the grid's area. Knows nothing of files that are written.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use terroir_models::{FrameBatch, Stp, StpConfig};
use terroir_scene::{Archive, FIELD_AXES, SceneResult, Window};

use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::setup::guarded;

use super::chips::{CHIP_PX, ChipPlan, DROPPED_PX, Filling, OVERLAP_PX};
use super::model::{ChosenFrame, ModelChoice, SeriesModel};

/// Images encoded together; more are encoded in parts whose summaries are averaged.
const MOST_FRAMES: usize = 640;
/// What the values of a chip's images, and the network's largest tensors, may take.
const CHIP_BYTES: usize = 192 << 20;
const NETWORK_BYTES: u64 = 768 << 20;
/// Tensors of the precision path alive at once, in images' worth of its width.
const PRECISION_TENSORS: usize = 6;

/// A finished part of the grid.
pub(crate) struct Block<'a> {
    pub number: usize,
    /// On the archive's grid.
    pub window: Window,
    /// For each period 64 sums a pixel, row by row, still to be brought to length 1; all zero where there is no image.
    pub vectors: &'a [Vec<f32>],
    /// Images with a value at the pixel, and those of them without a cloud.
    pub frames: &'a [u16],
    pub clear: &'a [u16],
}

/// What to run over the grid.
pub(crate) struct Run<'a> {
    pub choice: ModelChoice<'a>,
    pub plan: ChipPlan,
    pub frames: &'a [ChosenFrame],
    pub periods_days: &'a [(f64, f64)],
}

/// How the time was spent, seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub network: f64,
    /// The network waited for images.
    pub waiting: f64,
}

/// Values of the images over one chip, sensor by sensor.
pub(crate) struct ChipFrames {
    /// For each of the network's sources how many images and their values `[N, C, L, L]`.
    sources: Vec<(usize, usize, Vec<f32>)>,
    /// In the same order.
    days: Vec<f64>,
    /// `[L, L]` each.
    frames: Vec<u16>,
    clear: Vec<u16>,
}

impl ChipFrames {
    pub fn count(&self) -> usize {
        self.days.len()
    }
}

/// What the network's largest tensors take over a chip.
pub(crate) fn network_bytes(config: &StpConfig, frames: usize, side: usize) -> u64 {
    let together = frames.clamp(1, MOST_FRAMES);
    let precision = PRECISION_TENSORS * together * config.precision * (side / 2).pow(2) * 4;
    let attention = config.time_heads * together.pow(2) * (side / 8).pow(2) * 4;
    (precision + attention) as u64
}

/// The largest chip for so many images; 0 where none fits.
pub(crate) fn most_side_px(config: &StpConfig, frames: usize) -> usize {
    let most_bands = config.sources.iter().map(|source| source.bands).max();
    let fits = |side: usize| {
        let values = frames * most_bands.unwrap_or(1) * side * side * 4;
        values <= CHIP_BYTES && network_bytes(config, frames, side) <= NETWORK_BYTES
    };
    [CHIP_PX, 112, 96, 80, 64, 48]
        .into_iter()
        .find(|side| fits(*side))
        .unwrap_or(0)
}

/// Runs over the chips whose blocks are wanted. Blocks come in order.
pub(crate) fn run_chips(
    series: &mut SeriesModel,
    run: &Run<'_>,
    wanted: impl Fn(usize) -> bool,
    monitor: &Monitor<'_>,
    mut take: impl FnMut(Block<'_>) -> JobResult<()>,
) -> JobResult<Spent> {
    let plan = run.plan;
    let blocks: Vec<bool> = (0..plan.count()).map(wanted).collect();
    // A block needs the chips left of it and above it, too.
    let todo: Vec<usize> = (0..plan.count())
        .filter(|number| {
            let (row, column) = plan.place(*number);
            let is_wanted = |down: usize, right: usize| {
                row + down < plan.rows
                    && column + right < plan.columns
                    && blocks[(row + down) * plan.columns + column + right]
            };
            is_wanted(0, 0) || is_wanted(0, 1) || is_wanted(1, 0) || is_wanted(1, 1)
        })
        .collect();
    let mut spent = Spent::default();
    let inputs: Vec<usize> = series.inputs.clone();
    // The network may move to another device while the archive is read.
    let archive = series.archive.clone();
    let result = std::thread::scope(|scope| {
        let (send, orders) = sync_channel::<SceneResult<ChipFrames>>(1);
        let (archive, todo, inputs) = (&*archive, &todo, &inputs);
        let reader = std::thread::Builder::new()
            .name("archive reader".to_owned())
            .spawn_scoped(scope, move || {
                for number in todo.iter().copied() {
                    let chip = read_chip(archive, run, inputs, number);
                    // The engine has stopped listening: cancelled or failed.
                    if send.send(chip).is_err() {
                        return;
                    }
                }
            });
        reader.map_err(|error| {
            Failure::new("the archive reader could not be started").with_details(error)
        })?;
        compute(
            series, run, &blocks, todo, orders, monitor, &mut spent, &mut take,
        )
    });
    result.map(|()| spent)
}

fn compute(
    series: &mut SeriesModel,
    run: &Run<'_>,
    blocks: &[bool],
    todo: &[usize],
    orders: Receiver<SceneResult<ChipFrames>>,
    monitor: &Monitor<'_>,
    spent: &mut Spent,
    take: &mut impl FnMut(Block<'_>) -> JobResult<()>,
) -> JobResult<()> {
    let mut blending = Blending::new(run.plan, run.periods_days.len());
    let total = todo.len() as u64;
    for (done, number) in todo.iter().copied().enumerate() {
        monitor.check()?;
        monitor.progress("embedding", done as u64, total);
        let clock = Instant::now();
        let Ok(chip) = orders.recv() else {
            return Err(Failure::new("the archive reader ended early").into());
        };
        let chip = chip?;
        spent.waiting += clock.elapsed().as_secs_f64();
        let clock = Instant::now();
        let vectors = encode_chip(series, run, &chip, monitor)?;
        spent.network += clock.elapsed().as_secs_f64();
        let finished = blending.add(number, vectors);
        if blocks[number] {
            let window = run.plan.block(number);
            let [frames, clear] = [&chip.frames, &chip.clear]
                .map(|counts| part_of(counts, run.plan.side, window.width, window.height));
            monitor.check()?;
            take(Block {
                number,
                window,
                vectors: &finished,
                frames: &frames,
                clear: &clear,
            })?;
        }
    }
    monitor.progress("embedding", total, total);
    Ok(())
}

/// The block's part of a square of a chip's side.
fn part_of(counts: &[u16], side: usize, width: usize, height: usize) -> Vec<u16> {
    counts
        .chunks_exact(side)
        .skip(DROPPED_PX)
        .take(height)
        .flat_map(|line| line.iter().skip(DROPPED_PX).take(width).copied())
        .collect()
}

/// An image over a chip: values `[C, L, L]`, and where it shows anything, and where without a cloud, `[L, L]`.
type Seen = Option<(ChosenFrame, Vec<f32>, Vec<bool>, Vec<bool>)>;

/// The images of a chip that show anything there.
pub(crate) fn read_chip(
    archive: &Archive,
    run: &Run<'_>,
    inputs: &[usize],
    number: usize,
) -> SceneResult<ChipFrames> {
    let side = run.plan.side;
    let (across, down) = run.plan.filling(number, archive.grid.window());
    let window = Window {
        col: across.start,
        row: down.start,
        width: across.length,
        height: down.length,
    };
    let seen: Vec<Seen> = run
        .frames
        .par_iter()
        .map(|frame| -> SceneResult<Seen> {
            let block = archive.read_blocking(frame.source, frame.frame, window)?;
            if !block.has_values() {
                return Ok(None);
            }
            let values = block.normalised(&archive.sources[frame.source].source);
            let pixels = window.pixels();
            let any: Vec<bool> = (0..pixels)
                .map(|at| (0..block.bands).any(|band| block.is_valid[band * pixels + at]))
                .collect();
            let clear = block.is_usable();
            Ok(Some((
                *frame,
                filled(&values, window, &across, &down),
                filled(&any, window, &across, &down),
                filled(&clear, window, &across, &down),
            )))
        })
        .collect::<SceneResult<_>>()?;
    let mut chip = ChipFrames {
        sources: inputs
            .iter()
            .map(|source| (0, archive.sources[*source].source.bands.len(), Vec::new()))
            .collect(),
        days: Vec::new(),
        frames: vec![0; side * side],
        clear: vec![0; side * side],
    };
    for (frame, values, any, clear) in seen.into_iter().flatten() {
        chip.days.push(frame.day);
        if let Some(source) = chip.sources.get_mut(frame.input) {
            source.0 += 1;
            source.2.extend_from_slice(&values);
        }
        for (counts, flags) in [(&mut chip.frames, any), (&mut chip.clear, clear)] {
            for (count, flag) in counts.iter_mut().zip(flags) {
                *count = count.saturating_add(u16::from(flag));
            }
        }
    }
    Ok(chip)
}

/// Planes of a window spread over a chip, mirrored at the grid's borders.
fn filled<T: Copy>(planes: &[T], window: Window, across: &Filling, down: &Filling) -> Vec<T> {
    let mut out =
        Vec::with_capacity(planes.len() / window.pixels().max(1) * across.places.len().pow(2));
    for plane in planes.chunks_exact(window.pixels().max(1)) {
        for row in &down.places {
            let line = &plane[row * window.width..(row + 1) * window.width];
            out.extend(across.places.iter().map(|col| line[*col]));
        }
    }
    out
}

/// Summaries of a chip, one a period, `[64, L, L]`; none where no image shows anything.
fn encode_chip(
    series: &mut SeriesModel,
    run: &Run<'_>,
    chip: &ChipFrames,
    monitor: &Monitor<'_>,
) -> JobResult<Option<Vec<Vec<f32>>>> {
    if chip.count() == 0 {
        return Ok(None);
    }
    loop {
        let device = series.compute.device.clone();
        let made = guarded(|| summaries(&series.model, chip, run, &device));
        match made {
            Ok(vectors) => return Ok(Some(vectors)),
            Err(failure) if series.is_cpu() => return Err(failure.into()),
            Err(failure) => series.move_to_cpu(run.choice, &failure, monitor)?,
        }
    }
}

/// One pass of the network over a chip, in parts where there are very many images.
pub(crate) fn summaries(
    model: &Stp,
    chip: &ChipFrames,
    run: &Run<'_>,
    device: &Device,
) -> Result<Vec<Vec<f32>>, String> {
    let side = run.plan.side;
    let parts = chip.count().div_ceil(MOST_FRAMES).max(1);
    let mut sums: Vec<Vec<f32>> = Vec::new();
    for part in 0..parts {
        let batch = batch_of(chip, part, parts, side, device);
        let encoded = model.encode(&batch);
        for (index, period) in run.periods_days.iter().enumerate() {
            let mu = model.summarise(&encoded, &[*period]);
            let values = mu
                .into_data()
                .try_to_vec::<f32>()
                .map_err(|error| format!("{error:?}"))?;
            match sums.get_mut(index) {
                Some(sum) => sum
                    .iter_mut()
                    .zip(values)
                    .for_each(|(sum, value)| *sum += value),
                None => sums.push(values),
            }
        }
    }
    if let Some(value) = sums.iter().flatten().find(|value| !value.is_finite()) {
        return Err(format!(
            "the network gave {value}, which is no number of a field"
        ));
    }
    Ok(sums)
}

/// Every `parts`-th image from `part` on, as the network takes them.
fn batch_of(
    chip: &ChipFrames,
    part: usize,
    parts: usize,
    side: usize,
    device: &Device,
) -> FrameBatch {
    let mut days = Vec::new();
    let mut frames = Vec::with_capacity(chip.sources.len());
    let mut first = 0;
    for (count, bands, values) in &chip.sources {
        let chosen: Vec<usize> = (0..*count)
            .filter(|frame| (first + frame) % parts == part)
            .collect();
        days.extend(chosen.iter().map(|frame| chip.days[first + frame]));
        first += count;
        if chosen.is_empty() {
            frames.push(None);
            continue;
        }
        let size = bands * side * side;
        let values: Vec<f32> = if parts == 1 {
            values.clone()
        } else {
            chosen
                .iter()
                .flat_map(|frame| &values[frame * size..(frame + 1) * size])
                .copied()
                .collect()
        };
        let data = TensorData::new(values, [1, chosen.len(), *bands, side, side]);
        frames.push(Some(Tensor::from_data(data, device)));
    }
    FrameBatch {
        frames,
        is_there: vec![true; days.len()],
        days,
    }
}

/// Chips laid over each other with linear weights where they overlap.
struct Blending {
    plan: ChipPlan,
    periods: usize,
    /// The right edge of the last chip, and its number.
    right: Option<(usize, Edge)>,
    /// Lower edges of chips of this row and the one above, by number.
    lower: HashMap<usize, Edge>,
}

/// Weighted vectors of an edge of a chip, one list a period: 64 a pixel, row by row, in steps of 1 / 32767.
struct Edge {
    width: usize,
    vectors: Vec<Vec<i16>>,
}

impl Edge {
    fn cut(chip: &[Vec<f32>], side: usize, part: Window) -> Self {
        let vectors = chip.iter().map(|vectors| {
            let mut out = Vec::with_capacity(part.pixels() * FIELD_AXES);
            for row in part.row..part.end_row() {
                let line =
                    &vectors[(row * side + part.col) * FIELD_AXES..][..part.width * FIELD_AXES];
                // Sums of several parts are longer than 1.
                out.extend(
                    line.iter()
                        .map(|value| (value.clamp(-1.0, 1.0) * 32_767.0).round() as i16),
                );
            }
            out
        });
        Self {
            width: part.width,
            vectors: vectors.collect(),
        }
    }

    /// Adds a part of the edge to a block, at the block's first pixel.
    fn add_to(&self, block: &mut [Vec<f32>], block_width: usize, part: Window) {
        for (block, own) in block.iter_mut().zip(&self.vectors) {
            for row in 0..part.height {
                let from = ((part.row + row) * self.width + part.col) * FIELD_AXES;
                let line = &own[from..from + part.width * FIELD_AXES];
                let to = row * block_width * FIELD_AXES;
                for (sum, value) in block[to..to + line.len()].iter_mut().zip(line) {
                    *sum += f32::from(*value) / 32_767.0;
                }
            }
        }
    }
}

impl Blending {
    fn new(plan: ChipPlan, periods: usize) -> Self {
        Self {
            plan,
            periods,
            right: None,
            lower: HashMap::new(),
        }
    }

    /// Takes a chip's summaries and gives the block it finishes: for each period 64 sums a pixel.
    fn add(&mut self, number: usize, chip: Option<Vec<Vec<f32>>>) -> Vec<Vec<f32>> {
        let (row, column) = self.plan.place(number);
        let used = self.plan.used_px();
        let block = self.plan.block(number);
        let weighted: Vec<Vec<f32>> = match chip {
            Some(chip) => chip
                .iter()
                .map(|vectors| self.weighted(vectors, row, column))
                .collect(),
            None => vec![vec![0.0; used * used * FIELD_AXES]; self.periods],
        };
        let mut finished: Vec<Vec<f32>> = weighted
            .iter()
            .map(|vectors| {
                vectors
                    .chunks_exact(used * FIELD_AXES)
                    .take(block.height)
                    .flat_map(|line| &line[..block.width * FIELD_AXES])
                    .copied()
                    .collect()
            })
            .collect();
        let part = |col: usize, row: usize, width: usize, height: usize| Window {
            col,
            row,
            width,
            height,
        };
        let (wide, high) = (block.width.min(OVERLAP_PX), block.height.min(OVERLAP_PX));
        if column > 0
            && let Some((_, edge)) = self.right.as_ref().filter(|right| right.0 + 1 == number)
        {
            edge.add_to(&mut finished, block.width, part(0, 0, wide, block.height));
        }
        if row > 0 {
            let above = number - self.plan.columns;
            if let Some(edge) = self.lower.get(&above) {
                edge.add_to(&mut finished, block.width, part(0, 0, block.width, high));
            }
            if column > 0
                && let Some(edge) = self.lower.get(&(above - 1))
            {
                let corner = part(used - OVERLAP_PX, 0, wide, high);
                edge.add_to(&mut finished, block.width, corner);
            }
        }
        if column + 1 < self.plan.columns {
            let edge = Edge::cut(
                &weighted,
                used,
                part(used - OVERLAP_PX, 0, OVERLAP_PX, used),
            );
            self.right = Some((number, edge));
        }
        if row + 1 < self.plan.rows {
            let edge = Edge::cut(
                &weighted,
                used,
                part(0, used - OVERLAP_PX, used, OVERLAP_PX),
            );
            self.lower.insert(number, edge);
        }
        let columns = self.plan.columns;
        self.lower.retain(|other, _| other / columns + 1 >= row);
        finished
    }

    /// The used part of a chip `[64, L, L]`, brought to length 1 and weighted: 64 a pixel, row by row.
    fn weighted(&self, vectors: &[f32], row: usize, column: usize) -> Vec<f32> {
        let (side, used) = (self.plan.side, self.plan.used_px());
        let across = self.plan.weights(column, self.plan.columns);
        let down = self.plan.weights(row, self.plan.rows);
        let plane = side * side;
        let mut out = vec![0.0; used * used * FIELD_AXES];
        out.par_chunks_mut(used * FIELD_AXES)
            .enumerate()
            .for_each(|(y, line)| {
                for (x, pixel) in line.chunks_exact_mut(FIELD_AXES).enumerate() {
                    let at = (y + DROPPED_PX) * side + x + DROPPED_PX;
                    let mut length = 0.0_f32;
                    for (axis, value) in pixel.iter_mut().enumerate() {
                        *value = vectors[axis * plane + at];
                        length += *value * *value;
                    }
                    let weight = down[y] * across[x] / length.sqrt().max(1e-6);
                    pixel.iter_mut().for_each(|value| *value *= weight);
                }
            });
        out
    }
}
