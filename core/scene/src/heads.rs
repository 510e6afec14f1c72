//! Heads of every kind: how one is fitted on labelled pixels and what it says of a pixel or of a whole window of a field.
//! Knows vectors, codes and classes; knows nothing of files, jobs or drawing.

use pulp::Simd;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::field_block::{
    BLOCK, BlockVerdicts, BlockWork, Forms, GROUP, PixelBlock, Run, run_with_registers,
};
use crate::forest::{Forest, ForestNodes, TREES};
use crate::head::{FitSet, gather, pixel_counts};
use crate::neighbours::{DEFAULT_NEIGHBOURS, NeighbourForms, Neighbours};
use crate::network::{Network, NetworkForms};
use crate::{
    Class, FIELD_AXES, HEAD_SCHEMA, HeadKind, LinearHead, SceneError, SceneResult, TrainingPixel,
    UnseenScores,
};

/// Pixels one thread judges at a time.
const TASK: usize = 4 * Run::PIXELS;

/// How a head is fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct FitOptions {
    pub kind: HeadKind,
    /// What each class weighs against the others, by its place in the list of classes; those without one weigh 1.
    pub class_weights: Vec<f32>,
    /// Neighbours that vote.
    pub neighbours: usize,
    pub seed: u64,
}

impl FitOptions {
    pub fn new(kind: HeadKind) -> Self {
        Self {
            kind,
            class_weights: Vec::new(),
            neighbours: DEFAULT_NEIGHBOURS,
            seed: 0,
        }
    }
}

/// A classifier on a field's 64 numbers. Probability of a class = softmax of `temperature` times the scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    pub kind: HeadKind,
    pub classes: Vec<Class>,
    pub temperature: f32,
    pub model: HeadModel,
    /// Which field it was fitted on and on how many pixels per class.
    pub provenance: serde_json::Map<String, serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadModel {
    /// A row of 64 weights and a bias a class.
    Linear {
        weights: Vec<Vec<f32>>,
        bias: Vec<f32>,
    },
    Neighbours(Neighbours),
    Forest(Forest),
    Network(Network),
}

impl From<LinearHead> for Head {
    fn from(head: LinearHead) -> Self {
        Self {
            kind: head.kind,
            classes: head.classes,
            temperature: head.temperature,
            model: HeadModel::Linear {
                weights: head.weights,
                bias: head.bias,
            },
            provenance: head.provenance,
        }
    }
}

impl Head {
    /// Fits a head of any kind. `cancelled` is polled. Needs two classes with at least one pixel each; classes without pixels
    /// are left out. The same pixels in the same order give the same head.
    ///
    /// # Errors
    /// Fewer than two classes with pixels, numbers that are none, weights that are not above nought; cancelled.
    pub fn fit(
        options: &FitOptions,
        classes: &[Class],
        pixels: &[TrainingPixel],
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> SceneResult<Self> {
        if options.kind.is_linear() {
            let weights = &options.class_weights;
            return LinearHead::fit_weighted(options.kind, classes, weights, pixels, cancelled)
                .map(Self::from);
        }
        let (set, kept, counts) = gather(classes, pixels, &options.class_weights)?;
        let weight = |index: &usize| options.class_weights.get(*index).copied().unwrap_or(1.0);
        let class_weights: Vec<f32> = kept.iter().map(weight).collect();
        let (model, temperature) = fit_model(options, &set, &class_weights, cancelled)?;
        Ok(Self {
            kind: options.kind,
            classes: kept.iter().map(|&index| classes[index].clone()).collect(),
            temperature: temperature as f32,
            model,
            provenance: pixel_counts(classes, &kept, &counts),
        })
    }

    /// The head as one the canvas can draw, if it is linear.
    pub fn linear(&self) -> Option<LinearHead> {
        match &self.model {
            HeadModel::Linear { weights, bias } => Some(LinearHead {
                schema: HEAD_SCHEMA,
                kind: self.kind,
                classes: self.classes.clone(),
                weights: weights.clone(),
                bias: bias.clone(),
                temperature: self.temperature,
                provenance: self.provenance.clone(),
            }),
            _ => None,
        }
    }

    /// Scores of one pixel's unit vector, one a class.
    pub fn scores(&self, unit: &[f32; FIELD_AXES]) -> Vec<f64> {
        let mut out = vec![0.0; self.classes.len()];
        match &self.model {
            HeadModel::Linear { weights, bias } => {
                for ((out, row), bias) in out.iter_mut().zip(weights).zip(bias) {
                    let row: Option<&[f32; FIELD_AXES]> = row.as_slice().try_into().ok();
                    *out = row.map_or(f64::MIN, |row| {
                        f64::from(crate::similarity(row, unit) + bias)
                    });
                }
            }
            HeadModel::Neighbours(neighbours) => neighbours.scores_of(unit, &mut out),
            HeadModel::Forest(forest) => forest.scores_of(unit, &mut out),
            HeadModel::Network(network) => network.scores_of(unit, &mut out),
        }
        out
    }

    /// Probabilities of the classes of one pixel into `out`; further places are left alone.
    pub fn probabilities(&self, unit: &[f32; FIELD_AXES], out: &mut [f32]) {
        let scores = self.scores(unit);
        let shares = softmax(&scores, f64::from(self.temperature));
        for (out, share) in out.iter_mut().zip(shares) {
            *out = share as f32;
        }
    }

    /// Index of the winning class (the first of equals) and its probability.
    pub fn classify(&self, unit: &[f32; FIELD_AXES]) -> (usize, f32) {
        let scores = self.scores(unit);
        let mut winner = 0;
        for (class, score) in scores.iter().enumerate() {
            if *score > scores[winner] {
                winner = class;
            }
        }
        let shares = softmax(&scores, f64::from(self.temperature));
        (winner, shares.get(winner).copied().unwrap_or(0.0) as f32)
    }

    /// Whether the head's own numbers are in order; says what is wrong.
    pub(crate) fn check_model(&self) -> Result<(), String> {
        let count = self.classes.len();
        match &self.model {
            HeadModel::Linear { weights, bias } => {
                crate::headfile::check_linear(count, weights, bias)
            }
            HeadModel::Neighbours(neighbours) => neighbours.check(count),
            HeadModel::Forest(forest) => forest.check(count),
            HeadModel::Network(network) => network.check(count),
        }
    }
}

fn fit_model(
    options: &FitOptions,
    set: &FitSet,
    class_weights: &[f32],
    cancelled: &(dyn Fn() -> bool + Sync),
) -> SceneResult<(HeadModel, f64)> {
    Ok(match options.kind {
        HeadKind::Neighbours => {
            let (model, temperature) =
                Neighbours::fit(set, options.neighbours, class_weights, cancelled)?;
            (HeadModel::Neighbours(model), temperature)
        }
        HeadKind::Forest => {
            let (model, temperature) = Forest::fit(set, TREES, options.seed, cancelled)?;
            (HeadModel::Forest(model), temperature)
        }
        HeadKind::Network => {
            let (model, temperature) = Network::fit_calibrated(set, options.seed, cancelled)?;
            (HeadModel::Network(model), temperature)
        }
        HeadKind::Ridge | HeadKind::Logistic => {
            return Err(SceneError::input("this kind of head is fitted elsewhere"));
        }
    })
}

/// `softmax(temperature * scores)`.
pub fn softmax(scores: &[f64], temperature: f64) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut shares: Vec<f64> = scores
        .iter()
        .map(|score| (temperature * (score - highest)).exp())
        .collect();
    let total: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= total);
    shares
}

/// The scores of a pixel for [`crate::likeliest_temperature`], over all of `classes`: those the head does not have score lowest.
pub fn unseen_scores(
    head: &Head,
    classes: &[Class],
    unit: &[f32; FIELD_AXES],
    class: usize,
    weight: f64,
) -> UnseenScores {
    let found = head.scores(unit);
    let lowest = found.iter().copied().fold(f64::INFINITY, f64::min);
    let of_class = |wanted: &Class| {
        head.classes
            .iter()
            .position(|own| own.id == wanted.id)
            .and_then(|at| found.get(at).copied())
            .unwrap_or(lowest)
    };
    UnseenScores {
        class,
        weight,
        scores: classes.iter().map(of_class).collect(),
    }
}

/// No class: the pixel is missing or not wanted.
pub const NO_CLASS: u8 = u8::MAX;

/// What a head says of the pixels of a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdicts {
    /// Index of the winning class, or [`NO_CLASS`].
    pub class: Vec<u8>,
    /// Of the winner; 0 without one.
    pub probability: Vec<f32>,
    /// Of the class after it.
    pub second: Vec<f32>,
    /// 0 = certain, 1 = all classes alike. Empty unless asked for.
    pub entropy: Vec<f32>,
}

/// A head made ready for whole windows.
pub struct Predictor {
    model: Ready,
    classes: usize,
    temperature: f32,
}

enum Ready {
    Linear(Forms),
    Neighbours(NeighbourForms),
    Forest(ForestNodes),
    Network(NetworkForms),
}

impl Predictor {
    /// Of a head that was fitted here or read from a file, which checks it.
    pub fn new(head: &Head) -> Self {
        Self {
            model: match &head.model {
                HeadModel::Linear { weights, bias } => {
                    Ready::Linear(Forms::new(weights.iter().map(Vec::as_slice), bias))
                }
                HeadModel::Neighbours(neighbours) => {
                    Ready::Neighbours(NeighbourForms::new(neighbours))
                }
                HeadModel::Forest(forest) => Ready::Forest(ForestNodes::new(forest)),
                HeadModel::Network(network) => Ready::Network(NetworkForms::new(network)),
            },
            classes: head.classes.len().min(usize::from(NO_CLASS)),
            temperature: head.temperature,
        }
    }

    /// Judges planar codes (`64 * pixels`); pixels not `wanted` are missing. Uses all cores; the result does not depend on
    /// their number. Codes that are too few give missing pixels.
    pub fn judge(
        &self,
        codes: &[i8],
        pixels: usize,
        wanted: Option<&[bool]>,
        with_entropy: bool,
    ) -> Verdicts {
        let mut verdicts = Verdicts {
            class: vec![NO_CLASS; pixels],
            probability: vec![0.0; pixels],
            second: vec![0.0; pixels],
            entropy: vec![0.0; if with_entropy { pixels } else { 0 }],
        };
        if pixels == 0 || codes.len() < FIELD_AXES * pixels {
            return verdicts;
        }
        let entropy: Vec<Option<&mut [f32]>> = if with_entropy {
            verdicts.entropy.chunks_mut(TASK).map(Some).collect()
        } else {
            (0..pixels.div_ceil(TASK)).map(|_| None).collect()
        };
        verdicts
            .class
            .par_chunks_mut(TASK)
            .zip(verdicts.probability.par_chunks_mut(TASK))
            .zip(verdicts.second.par_chunks_mut(TASK))
            .zip(entropy)
            .enumerate()
            .for_each(|(task, (((class, probability), second), entropy))| {
                let mut work = Work {
                    predictor: self,
                    codes,
                    plane: pixels,
                    start: task * TASK,
                    wanted,
                    class,
                    probability,
                    second,
                    entropy,
                };
                run_with_registers(&mut work);
            });
        verdicts
    }

    /// Probabilities of all classes of planar codes: `out[class * pixels + pixel]`, NaN where missing.
    pub fn probabilities(&self, codes: &[i8], pixels: usize) -> Vec<f32> {
        let mut out = vec![f32::NAN; self.classes * pixels];
        if pixels == 0 || codes.len() < FIELD_AXES * pixels {
            return out;
        }
        let parts: Vec<(usize, Vec<f32>)> = (0..pixels)
            .step_by(BLOCK)
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|start| {
                let mut work = ScoreWork {
                    predictor: self,
                    codes,
                    plane: pixels,
                    start,
                    block: PixelBlock::new(),
                    scores: Vec::new(),
                };
                run_with_registers(&mut work);
                let mut shares = vec![f32::NAN; self.classes * BLOCK];
                for pixel in (0..work.block.count).filter(|p| work.block.inverse[*p] > 0.0) {
                    let scores: Vec<f64> = (0..self.classes)
                        .map(|class| f64::from(work.scores[class * BLOCK + pixel]))
                        .collect();
                    let found = softmax(&scores, f64::from(self.temperature));
                    for (class, share) in found.into_iter().enumerate() {
                        shares[class * BLOCK + pixel] = share as f32;
                    }
                }
                (start, shares)
            })
            .collect();
        for (start, shares) in parts {
            let count = BLOCK.min(pixels - start);
            for class in 0..self.classes {
                out[class * pixels + start..class * pixels + start + count]
                    .copy_from_slice(&shares[class * BLOCK..class * BLOCK + count]);
            }
        }
        out
    }

    /// Fills `scores[class * BLOCK + pixel]`.
    #[inline(always)]
    fn score<S: Simd>(
        &self,
        simd: S,
        block: &PixelBlock,
        scores: &mut [f32],
        scratch: &mut Vec<f32>,
    ) {
        match &self.model {
            Ready::Linear(forms) => forms.apply(simd, block, scores),
            Ready::Neighbours(forms) => forms.scores(block, self.classes, scores),
            Ready::Forest(nodes) => nodes.scores(block, self.classes, scores),
            Ready::Network(forms) => {
                forms.scores(simd, block, scratch, &mut scores[..self.classes * BLOCK])
            }
        }
    }

    fn score_space(&self) -> usize {
        self.classes.div_ceil(GROUP) * GROUP * BLOCK
    }
}

/// One thread's part of a window.
struct Work<'a> {
    predictor: &'a Predictor,
    codes: &'a [i8],
    plane: usize,
    start: usize,
    wanted: Option<&'a [bool]>,
    class: &'a mut [u8],
    probability: &'a mut [f32],
    second: &'a mut [f32],
    entropy: Option<&'a mut [f32]>,
}

impl BlockWork for Work<'_> {
    #[inline(always)]
    fn run<S: Simd>(&mut self, simd: S) {
        let predictor = self.predictor;
        let mut run = Run::new();
        let mut block = PixelBlock::new();
        let mut found = BlockVerdicts::new();
        let mut scores = vec![0.0f32; predictor.score_space()];
        let mut scratch = Vec::new();
        let evenness = 1.0 / (predictor.classes.max(2) as f32).ln();
        for offset in (0..self.class.len()).step_by(BLOCK) {
            let start = self.start + offset;
            if offset % Run::PIXELS == 0 {
                run.fetch(self.codes, self.plane, start);
            }
            block.decode(simd, run.codes(), Run::PLANE, offset % Run::PIXELS);
            block.count = block.count.min(self.class.len() - offset);
            if let Some(wanted) = self.wanted {
                for (pixel, inverse) in block.inverse.iter_mut().enumerate() {
                    if !wanted.get(start + pixel).copied().unwrap_or(false) {
                        *inverse = 0.0;
                    }
                }
            }
            if block.inverse.iter().all(|inverse| *inverse == 0.0) {
                continue;
            }
            predictor.score(simd, &block, &mut scores, &mut scratch);
            found.judge(
                simd,
                &scores,
                predictor.classes,
                predictor.temperature,
                self.entropy.is_some(),
            );
            for pixel in 0..block.count {
                if block.inverse[pixel] > 0.0 {
                    self.class[offset + pixel] = found.class[pixel] as u8;
                    self.probability[offset + pixel] = found.probability[pixel];
                    self.second[offset + pixel] = found.second[pixel];
                    if let Some(entropy) = &mut self.entropy {
                        entropy[offset + pixel] = (found.entropy[pixel] * evenness).min(1.0);
                    }
                }
            }
        }
    }
}

/// Scores of one block.
struct ScoreWork<'a> {
    predictor: &'a Predictor,
    codes: &'a [i8],
    plane: usize,
    start: usize,
    block: PixelBlock,
    scores: Vec<f32>,
}

impl BlockWork for ScoreWork<'_> {
    #[inline(always)]
    fn run<S: Simd>(&mut self, simd: S) {
        self.block.decode(simd, self.codes, self.plane, self.start);
        self.scores.resize(self.predictor.score_space(), 0.0);
        let mut scratch = Vec::new();
        self.predictor
            .score(simd, &self.block, &mut self.scores, &mut scratch);
    }
}

#[cfg(test)]
#[path = "heads_tests.rs"]
mod tests;
