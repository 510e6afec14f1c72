//! STP, the encoder of AlphaEarth Foundations (arXiv 2507.22291): frames of several sensors over a span of time to 64 numbers
//! a pixel that sum up any period. Space, time and precision run side by side at L/16, L/8 and L/2 (specification section 5).
//! Knows frames as tensors and times as days. Knows nothing of rasters, sensors or normalisation.

mod block;
mod config;
mod decoder;
mod file;
mod layers;
mod losses;
mod summary;
mod timecode;
mod vmf;

use burn::module::{Module, Param};
use burn::nn::LayerNorm;
use burn::tensor::{Device, Int, Tensor, TensorData};

pub use config::{EMBEDDING, STP_NAMES, StpConfig, StpSource, StpTarget};
pub use file::{LoadedStp, about_stp, load_stp, save_stp};
pub use losses::{
    clip, consistency, masked_l1, regridded, regridded_classes, shift_invariant, uniformity,
};
pub use timecode::{day_of, relative_code, time_code};
pub use vmf::{KAPPA, mean_resultant, sample_vmf};

use block::{State, StpBlock};
use decoder::Decoder;
use layers::{Convolution, EPSILON, Expand, GroupNorm, Reduce};
use summary::Summary;

use crate::fused;
use crate::weights::{Layers, Seeded, Weights};

/// Frames of a batch: B rows of T = N_1 + N_2 + .. frames, the sources of the config in order, one after the other.
#[derive(Clone, Debug)]
pub struct FrameBatch {
    /// For each source [B, N_i, C_i, L, L], normalised; `None` where no row has a frame of it. L is a multiple of 16.
    pub frames: Vec<Option<Tensor<5>>>,
    /// B * T days since 2017-01-01T00:00Z, row by row.
    pub days: Vec<f64>,
    /// B * T: false for a frame that is only there to fill up its row. Its pixels have no effect on anything.
    pub is_there: Vec<bool>,
}

/// What the encoder made of a batch. Any number of valid periods can be asked of it.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// [M, L/2, L/2, D_P] of the M frames that are there, row by row; `None` without any.
    frames: Option<Tensor<4>>,
    /// Frames of each row.
    counts: Vec<usize>,
    /// Of each frame.
    days: Vec<f64>,
    /// Place of each frame in the batch, of B * T.
    places: Vec<usize>,
    /// T
    frames_a_row: usize,
    /// L
    side: usize,
    device: Device,
}

/// The network.
#[derive(Module, Debug)]
pub struct Stp {
    projectors: Vec<Projector>,
    in_pt: Reduce,
    in_ts: Reduce,
    blocks: Vec<StpBlock>,
    ln: LayerNorm,
    out_st: Expand,
    out_tp: Expand,
    summary: Summary,
    decoders: Vec<Decoder>,
    #[module(skip)]
    config: StpConfig,
}

/// Brings frames of one sensor to the shared width at half the size (specification 5.1).
#[derive(Module, Debug)]
struct Projector {
    conv1: Convolution,
    gn: GroupNorm,
    conv2: Convolution,
    source: Param<Tensor<1>>,
}

impl StpConfig {
    /// An **untrained** network of this size. The same seed gives the same values on every device.
    pub fn init(&self, seed: u64, device: &Device) -> Stp {
        let mut weights = Seeded::new(seed, self.parameters());
        let Ok(model) = Stp::build(self, &mut weights, device);
        model
    }
}

impl Stp {
    pub(crate) fn build<W: Weights>(
        config: &StpConfig,
        weights: &mut W,
        device: &Device,
    ) -> Result<Self, W::Error> {
        let (p, t, s) = (config.precision, config.time, config.space);
        let mut layers = Layers { weights, device };
        let layers = &mut layers;
        let projector = |layers: &mut Layers<'_, W>, name: &str, bands: usize| {
            let root = format!("proj.{name}");
            Ok(Projector {
                conv1: Convolution::build(layers, &format!("{root}.conv1"), [bands, p], 2)?,
                gn: GroupNorm::build(layers, &format!("{root}.gn"), p)?,
                conv2: Convolution::build(layers, &format!("{root}.conv2"), [p, p], 1)?,
                source: layers.tensor(&format!("src.{name}"), [p])?,
            })
        };
        Ok(Self {
            projectors: config
                .sources
                .iter()
                .map(|source| projector(layers, &source.name, source.bands))
                .collect::<Result<_, _>>()?,
            in_pt: Reduce::build(layers, "in_pt", [p, t], 4)?,
            in_ts: Reduce::build(layers, "in_ts", [t, s], 2)?,
            blocks: (0..config.blocks)
                .map(|block| StpBlock::build(layers, &format!("blocks.{block}"), config))
                .collect::<Result<_, _>>()?,
            ln: layers.norm("ln", p, EPSILON)?,
            out_st: Expand::build(layers, "out_st", [s, t], 2)?,
            out_tp: Expand::build(layers, "out_tp", [t, p], 4)?,
            summary: Summary::build(layers, config)?,
            decoders: config
                .targets
                .iter()
                .map(|target| Decoder::build(layers, config, target))
                .collect::<Result<_, _>>()?,
            config: config.clone(),
        })
    }

    pub fn config(&self) -> &StpConfig {
        &self.config
    }

    /// Runs the encoder over all frames that are there (specification 5.1 to 5.4).
    ///
    /// # Panics
    /// If the batch has other sources than the config, sides that are no multiple of 16, or times that do not fit its frames.
    pub fn encode(&self, batch: &FrameBatch) -> Encoded {
        let plan = Plan::of(batch, &self.config);
        let device = plan.device.clone();
        let mut encoded = Encoded {
            frames: None,
            counts: plan.counts.clone(),
            days: plan.places.iter().map(|place| batch.days[*place]).collect(),
            places: plan.places.clone(),
            frames_a_row: plan.frames_a_row,
            side: plan.side,
            device: device.clone(),
        };
        let mut projected = Vec::new();
        for ((projector, frames), kept) in self
            .projectors
            .iter()
            .zip(&batch.frames)
            .zip(&plan.kept_of_source)
        {
            if let (Some(frames), false) = (frames, kept.is_empty()) {
                projected.push(projector.forward(chosen(frames.clone(), kept)));
            }
        }
        if projected.is_empty() {
            return encoded;
        }
        let precision = Tensor::cat(projected, 0);
        let precision = match plan.is_in_order() {
            true => precision,
            false => fused::ordered(precision, &plan.order),
        };
        let time = self.in_pt.forward(precision.clone());
        let space = with_positions(self.in_ts.forward(time.clone()));
        let codes = codes(&encoded.days, self.config.code, &device);
        let mut state = State {
            precision,
            time,
            space,
        };
        for block in &self.blocks {
            state = block.forward(state, &codes, &plan.counts);
        }
        let time = self.out_st.onto(state.time, state.space);
        let features = fused::norm(&self.ln, self.out_tp.onto(state.precision, time), EPSILON);
        encoded.frames = Some(features);
        encoded
    }

    /// Sums up what was encoded over one valid period a row, in days (specification 5.5): the mean directions
    /// [B, 64, L, L], of length 1.
    ///
    /// # Panics
    /// If there are not as many periods as rows.
    pub fn summarise(&self, encoded: &Encoded, periods_days: &[(f64, f64)]) -> Tensor<4> {
        self.summary.forward(encoded, periods_days, &self.config)
    }

    /// What a decoder draws of embeddings `u` [B, 64, L, L] at a time within the valid period, 0 to 1, for each row
    /// (specification 5.6): [B, outputs, L, L]. `meta` [B, numbers of metadata].
    ///
    /// # Panics
    /// If there is no such target, or the metadata is not what the target takes.
    pub fn decode(
        &self,
        target: usize,
        u: Tensor<4>,
        times: &[f64],
        meta: Option<Tensor<2>>,
    ) -> Tensor<4> {
        self.decoders[target].forward(u, times, meta, self.config.relative_code)
    }
}

impl Projector {
    /// [M, C, L, L] -> [M, L/2, L/2, D_P]
    fn forward(&self, frames: Tensor<4>) -> Tensor<4> {
        let x = self.conv1.forward(fused::channels_last(frames));
        let x = self.conv2.forward(fused::gelu_of(self.gn.forward(x)));
        x + self.source.val().unsqueeze()
    }
}

impl Encoded {
    /// Features of every place of the batch, zero for frames that are not there: [B, T, D_P, L/2, L/2] (specification 5.4).
    pub fn features(&self, config: &StpConfig) -> Tensor<5> {
        let (rows, half, width) = (self.counts.len(), self.side / 2, config.precision);
        let shape = [rows, self.frames_a_row, half, half, width];
        let zero = || Tensor::<4>::zeros([1, half, half, width], &self.device);
        let mut all = Vec::with_capacity(rows * self.frames_a_row);
        let place_of = |place: usize| self.places.iter().position(|found| *found == place);
        for place in 0..rows * self.frames_a_row {
            all.push(match (&self.frames, place_of(place)) {
                (Some(frames), Some(index)) => frames.clone().narrow(0, index, 1),
                _ => zero(),
            });
        }
        Tensor::cat(all, 0).reshape(shape).permute([0, 1, 4, 2, 3])
    }

    /// Number of rows B.
    pub fn rows(&self) -> usize {
        self.counts.len()
    }
}

/// Which frames of a batch there are and in which order they are worked on.
struct Plan {
    /// Of B * N_i frames of each source.
    kept_of_source: Vec<Vec<usize>>,
    /// Index among the kept frames of all sources, in the order of rows.
    order: Vec<usize>,
    /// In the order of rows, of B * T.
    places: Vec<usize>,
    counts: Vec<usize>,
    frames_a_row: usize,
    side: usize,
    device: Device,
}

impl Plan {
    fn of(batch: &FrameBatch, config: &StpConfig) -> Self {
        assert_eq!(
            batch.frames.len(),
            config.sources.len(),
            "frames of other sources than the network's"
        );
        let given = || batch.frames.iter().flatten();
        let rows = given().next().map_or(0, |frames| frames.dims()[0]);
        let side = given().next().map_or(0, |frames| frames.dims()[3]);
        let counts = batch
            .frames
            .iter()
            .map(|frames| frames.as_ref().map_or(0, |frames| frames.dims()[1]));
        let counts_of_source: Vec<usize> = counts.collect();
        let frames_a_row: usize = counts_of_source.iter().sum();
        assert!(
            side > 0 && side.is_multiple_of(16),
            "frames of {side} pixels a side; it must be a multiple of 16"
        );
        assert!(
            batch.days.len() == rows * frames_a_row && batch.is_there.len() == batch.days.len(),
            "a batch of {rows} x {frames_a_row} frames with {} times",
            batch.days.len()
        );
        let mut kept_of_source = Vec::with_capacity(counts_of_source.len());
        // (place in the batch, index among the kept)
        let mut found: Vec<(usize, usize)> = Vec::new();
        let mut first = 0;
        for count in &counts_of_source {
            let mut kept = Vec::new();
            for row in 0..rows {
                for frame in 0..*count {
                    let place = row * frames_a_row + first + frame;
                    if batch.is_there[place] {
                        let index = found.len();
                        found.push((place, index));
                        kept.push(row * count + frame);
                    }
                }
            }
            first += count;
            kept_of_source.push(kept);
        }
        found.sort_unstable();
        let mut counts = vec![0; rows];
        for (place, _) in &found {
            counts[place / frames_a_row.max(1)] += 1;
        }
        Self {
            kept_of_source,
            places: found.iter().map(|(place, _)| *place).collect(),
            order: found.iter().map(|(_, index)| *index).collect(),
            counts,
            frames_a_row,
            side,
            device: given()
                .next()
                .map_or_else(Device::flex, |frames| frames.device()),
        }
    }

    fn is_in_order(&self) -> bool {
        self.order.is_sorted()
    }
}

/// Frames [B, N, C, L, L] chosen of B * N: [M, C, L, L].
fn chosen(frames: Tensor<5>, kept: &[usize]) -> Tensor<4> {
    let [rows, count, channels, height, width] = frames.dims();
    let device = frames.device();
    let all = frames.reshape([rows * count, channels, height, width]);
    match kept.len() == rows * count {
        true => all,
        false => all.select(0, indices(kept, &device)),
    }
}

fn indices(list: &[usize], device: &Device) -> Tensor<1, Int> {
    let list: Vec<i32> = list
        .iter()
        .map(|index| i32::try_from(*index).unwrap_or(i32::MAX))
        .collect();
    let count = list.len();
    Tensor::from_data(TensorData::new(list, [count]), device)
}

/// Time codes of days: [M, n].
fn codes(days: &[f64], count: usize, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = days.iter().flat_map(|day| time_code(*day, count)).collect();
    Tensor::from_data(TensorData::new(values, [days.len(), count]), device)
}

/// Adds the fixed sine and cosine code of the place in the frame (specification 5.2).
fn with_positions(x: Tensor<4>) -> Tensor<4> {
    let [_, rows, columns, width] = x.dims();
    let quarter = width / 4;
    let mut values = Vec::with_capacity(rows * columns * width);
    for row in 0..rows {
        for column in 0..columns {
            for place in [row, column] {
                let angle =
                    |k: usize| place as f64 * 10_000_f64.powf(-(k as f64) / quarter.max(1) as f64);
                values.extend((0..quarter).map(|k| angle(k).sin() as f32));
                values.extend((0..quarter).map(|k| angle(k).cos() as f32));
            }
        }
    }
    let data = TensorData::new(values, [1, rows, columns, width]);
    let positions = Tensor::from_data(data, &x.device());
    x + positions
}

#[cfg(test)]
mod tests;
