//! A small network for the classes of field pixels: 64 numbers, 32 units that are nought below nought, one output a class.
//! Knows vectors, classes and weights; knows nothing of fields, files or drawing.
//!
//! It is far too small for a tensor library to pay: a fit takes about a second on one core.

use pulp::Simd;
use serde::{Deserialize, Serialize};

use crate::field_block::{BLOCK, Forms, GROUP, PixelBlock};
use crate::folds::splitmix64;
use crate::head::FitSet;
use crate::temperature::{UnseenScores, likeliest_temperature};
use crate::{FIELD_AXES, SceneError, SceneResult, similarity};

const UNITS: usize = 32;
const STEPS: usize = 2_000;
const BATCH: usize = 64;
const LEARNING_RATE: f32 = 5e-3;
/// Pull of the weights towards nought, a step, times the learning rate.
const DECAY: f32 = 0.1;
/// Unit vectors have components of about an eighth; the units want about one.
const INPUT_SCALE: f32 = 8.0;

/// Where there are too few pixels to find one.
const FEW_TEMPERATURE: f64 = 0.6;

fn kept_of<T: Copy>(values: &[T], is_kept: &[bool]) -> Vec<T> {
    let kept = values.iter().zip(is_kept).filter(|(_, kept)| **kept);
    kept.map(|(value, _)| *value).collect()
}

/// Two layers; the outputs are scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// 64 weights a unit.
    pub hidden: Vec<Vec<f32>>,
    pub hidden_bias: Vec<f32>,
    /// One weight a unit, a row a class.
    pub output: Vec<Vec<f32>>,
    pub output_bias: Vec<f32>,
}

/// Parameters in one row, with the running moments of their gradients (Adam).
struct Learner {
    value: Vec<f32>,
    gradient: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Network {
    /// Trains on all pixels, and on three quarters of each class to find the temperature on the last: networks promise too much.
    pub(crate) fn fit_calibrated(
        set: &FitSet,
        seed: u64,
        cancelled: &dyn Fn() -> bool,
    ) -> SceneResult<(Self, f64)> {
        let network = Self::fit(set, seed, cancelled)?;
        let mut seen = vec![0usize; set.class_count];
        let is_kept: Vec<bool> = set
            .class
            .iter()
            .map(|&class| {
                seen[class] += 1;
                !seen[class].is_multiple_of(4)
            })
            .collect();
        if seen.iter().any(|count| *count < 4) {
            return Ok((network, FEW_TEMPERATURE));
        }
        let part = FitSet {
            vectors: kept_of(&set.vectors, &is_kept),
            class: kept_of(&set.class, &is_kept),
            weight: kept_of(&set.weight, &is_kept),
            class_count: set.class_count,
        };
        let judge = Self::fit(&part, seed, cancelled)?;
        let mut unseen = Vec::new();
        for (at, vector) in set.vectors.iter().enumerate() {
            if is_kept[at] {
                continue;
            }
            let mut scores = vec![0.0; set.class_count];
            judge.scores_of(vector, &mut scores);
            unseen.push(UnseenScores {
                class: set.class[at],
                weight: f64::from(set.weight[at]),
                scores,
            });
        }
        let temperature = likeliest_temperature(&unseen).unwrap_or(FEW_TEMPERATURE);
        Ok((network, temperature.min(1.5)))
    }

    /// Trains by Adam with decoupled weight decay and a learning rate that falls along a cosine. Deterministic.
    pub(crate) fn fit(set: &FitSet, seed: u64, cancelled: &dyn Fn() -> bool) -> SceneResult<Self> {
        let classes = set.class_count;
        let (hidden_at, output_at) = (UNITS * FIELD_AXES, UNITS * (FIELD_AXES + 1));
        let bias_at = output_at + classes * UNITS;
        let mut state = splitmix64(seed ^ 0x6D6C_7021);
        let mut random = move || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            splitmix64(state)
        };
        let mut even = |reach: f32| ((random() >> 40) as f32 / 8_388_608.0 - 1.0) * reach;
        let mut value = Vec::with_capacity(bias_at + classes);
        value.extend((0..hidden_at).map(|_| even((6.0 / FIELD_AXES as f32).sqrt())));
        value.extend((0..UNITS).map(|_| 0.0));
        value.extend((0..classes * UNITS).map(|_| even((6.0 / (UNITS + classes) as f32).sqrt())));
        value.extend((0..classes).map(|_| 0.0));
        let size = value.len();
        let mut learner = Learner {
            value,
            gradient: vec![0.0; size],
            mean: vec![0.0; size],
            square: vec![0.0; size],
        };
        let mean_weight = set.weight.iter().sum::<f32>() / set.weight.len().max(1) as f32;
        let mut pick = splitmix64(seed ^ 0xBA7C);
        let mut scores = vec![0.0f32; classes];
        for step in 0..STEPS {
            if step % 16 == 0 && cancelled() {
                return Err(SceneError::Cancelled);
            }
            learner.gradient.fill(0.0);
            for _ in 0..BATCH {
                pick = pick.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let drawn = (u128::from(splitmix64(pick)) * set.vectors.len() as u128) >> 64;
                let drawn = drawn as usize;
                let input = set.vectors[drawn].map(|value| value * INPUT_SCALE);
                let weight = set.weight[drawn] / mean_weight / BATCH as f32;
                learn(&mut learner, &input, set.class[drawn], weight, &mut scores);
            }
            let rate = LEARNING_RATE
                * 0.5
                * (1.0 + (std::f32::consts::PI * step as f32 / STEPS as f32).cos());
            // Biases are not pulled.
            let is_bias = |at: usize| (hidden_at..output_at).contains(&at) || at >= bias_at;
            learner.step(step, rate, is_bias);
        }
        let value = &learner.value;
        let network = Self {
            hidden: value[..hidden_at]
                .chunks_exact(FIELD_AXES)
                .map(|row| row.iter().map(|weight| weight * INPUT_SCALE).collect())
                .collect(),
            hidden_bias: value[hidden_at..output_at].to_vec(),
            output: value[output_at..bias_at]
                .chunks_exact(UNITS)
                .map(<[f32]>::to_vec)
                .collect(),
            output_bias: value[bias_at..].to_vec(),
        };
        network
            .check(classes)
            .map_err(|what| SceneError::input(format!("the network did not learn: {what}")))?;
        Ok(network)
    }

    /// Scores of one pixel, one a class.
    pub(crate) fn scores_of(&self, unit: &[f32; FIELD_AXES], out: &mut [f64]) {
        let units: Vec<f32> = self
            .hidden
            .iter()
            .zip(&self.hidden_bias)
            .map(|(row, bias)| {
                let row: Option<&[f32; FIELD_AXES]> = row.as_slice().try_into().ok();
                row.map_or(0.0, |row| (similarity(row, unit) + bias).max(0.0))
            })
            .collect();
        for ((out, row), bias) in out.iter_mut().zip(&self.output).zip(&self.output_bias) {
            let sum: f32 = row.iter().zip(&units).map(|(w, u)| w * u).sum();
            *out = f64::from(sum + bias);
        }
    }

    pub(crate) fn check(&self, classes: usize) -> Result<(), String> {
        let units = self.hidden.len();
        if units == 0 || units > 4_096 || self.hidden_bias.len() != units {
            return Err(format!(
                "{units} units, but {} biases of them",
                self.hidden_bias.len()
            ));
        }
        if self.output.len() != classes || self.output_bias.len() != classes {
            return Err(format!(
                "{classes} classes, but {} outputs",
                self.output.len()
            ));
        }
        if self.hidden.iter().any(|row| row.len() != FIELD_AXES)
            || self.output.iter().any(|row| row.len() != units)
        {
            return Err("a row of weights has another length than its layer".to_owned());
        }
        let all = self.hidden.iter().chain(&self.output).flatten();
        if all
            .chain(&self.hidden_bias)
            .chain(&self.output_bias)
            .any(|value| !value.is_finite())
        {
            return Err("a weight is not a number".to_owned());
        }
        Ok(())
    }
}

/// Adds the gradient of one pixel's cross-entropy.
fn learn(
    learner: &mut Learner,
    input: &[f32; FIELD_AXES],
    class: usize,
    weight: f32,
    scores: &mut [f32],
) {
    let classes = scores.len();
    let (hidden_at, output_at) = (UNITS * FIELD_AXES, UNITS * (FIELD_AXES + 1));
    let bias_at = output_at + classes * UNITS;
    let value = &learner.value;
    let mut units = [0.0f32; UNITS];
    for (unit, (row, bias)) in units.iter_mut().zip(
        value[..hidden_at]
            .as_chunks::<FIELD_AXES>()
            .0
            .iter()
            .zip(&value[hidden_at..output_at]),
    ) {
        *unit = (similarity(row, input) + bias).max(0.0);
    }
    for (score, (row, bias)) in scores.iter_mut().zip(
        value[output_at..bias_at]
            .chunks_exact(UNITS)
            .zip(&value[bias_at..]),
    ) {
        *score = row.iter().zip(&units).map(|(w, u)| w * u).sum::<f32>() + bias;
    }
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores
        .iter_mut()
        .for_each(|score| *score = (*score - highest).exp());
    let total: f32 = scores.iter().sum();
    let mut back = [0.0f32; UNITS];
    for (k, score) in scores.iter().enumerate() {
        let error = weight * (score / total - if k == class { 1.0 } else { 0.0 });
        let row = output_at + k * UNITS..output_at + (k + 1) * UNITS;
        for ((back, weight), (gradient, unit)) in back
            .iter_mut()
            .zip(&learner.value[row.clone()])
            .zip(learner.gradient[row].iter_mut().zip(&units))
        {
            *back += error * weight;
            *gradient += error * unit;
        }
        learner.gradient[bias_at + k] += error;
    }
    for (index, (unit, back)) in units.iter().zip(&back).enumerate() {
        if *unit <= 0.0 {
            continue;
        }
        let row = &mut learner.gradient[index * FIELD_AXES..(index + 1) * FIELD_AXES];
        for (gradient, input) in row.iter_mut().zip(input) {
            *gradient += back * input;
        }
        learner.gradient[hidden_at + index] += back;
    }
}

impl Learner {
    fn step(&mut self, step: usize, rate: f32, is_bias: impl Fn(usize) -> bool) {
        const FIRST: f32 = 0.9;
        const SECOND: f32 = 0.999;
        let power = step as i32 + 1;
        let (mean_share, square_share) = (1.0 - FIRST.powi(power), 1.0 - SECOND.powi(power));
        let parts = self
            .value
            .iter_mut()
            .zip(&self.gradient)
            .zip(self.mean.iter_mut().zip(&mut self.square));
        for (at, ((value, gradient), (mean, square))) in parts.enumerate() {
            *mean = FIRST * *mean + (1.0 - FIRST) * gradient;
            *square = SECOND * *square + (1.0 - SECOND) * gradient * gradient;
            let move_by = (*mean / mean_share) / ((*square / square_share).sqrt() + 1e-8);
            let pull = if is_bias(at) { 0.0 } else { DECAY * *value };
            *value -= rate * (move_by + pull);
        }
    }
}

/// The same for blocks of pixels.
pub(crate) struct NetworkForms {
    hidden: Forms,
    output: Vec<Vec<f32>>,
    output_bias: Vec<f32>,
}

impl NetworkForms {
    pub(crate) fn new(network: &Network) -> Self {
        Self {
            hidden: Forms::new(
                network.hidden.iter().map(Vec::as_slice),
                &network.hidden_bias,
            ),
            output: network.output.clone(),
            output_bias: network.output_bias.clone(),
        }
    }

    /// `out[class * BLOCK + pixel]`; `units` is scratch.
    #[inline(always)]
    pub(crate) fn scores<S: Simd>(
        &self,
        simd: S,
        block: &PixelBlock,
        units: &mut Vec<f32>,
        out: &mut [f32],
    ) {
        units.resize(self.hidden.groups().len() * GROUP * BLOCK, 0.0);
        self.hidden.apply(simd, block, units);
        let nothing = simd.splat_f32s(0.0);
        for ((out, row), bias) in out
            .chunks_exact_mut(BLOCK)
            .zip(&self.output)
            .zip(&self.output_bias)
        {
            out.fill(*bias);
            let (sums, _) = S::as_mut_simd_f32s(out);
            for (weight, units) in row.iter().zip(units.chunks_exact(BLOCK)) {
                let weight = simd.splat_f32s(*weight);
                let (units, _) = S::as_simd_f32s(units);
                for (sum, unit) in sums.iter_mut().zip(units) {
                    *sum = simd.mul_add_e_f32s(weight, simd.max_f32s(*unit, nothing), *sum);
                }
            }
        }
    }
}
