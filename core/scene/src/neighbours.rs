//! Nearest neighbours among labelled pixels: ranked by dot product, which for unit vectors is the order of distances.
//! Knows vectors and votes; knows nothing of fields, files or drawing.

use serde::{Deserialize, Serialize};

use crate::field_block::{BLOCK, Forms, PixelBlock};
use crate::head::FitSet;
use crate::nearest::Nearest;
use crate::temperature::{UnseenScores, likeliest_temperature};
use crate::{FIELD_AXES, SceneError, SceneResult, similarity};

/// Neighbours that vote when nothing else is said.
pub const DEFAULT_NEIGHBOURS: usize = 3;
/// More neighbours than this are refused.
pub const MOST_NEIGHBOURS: usize = 25;
/// Labelled pixels that are kept, of all classes together: every pixel of a map is compared with each of them.
pub(crate) const MOST_KEPT: usize = 5_000;
/// Votes every class has from the start, so that no probability is nought.
const HEAD_START: f64 = 0.25;
/// Of a tie the class of the nearest neighbour wins.
const TIE: f64 = 1e-3;

/// Labelled unit vectors, their classes and what the vote of each counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Neighbours {
    /// Neighbours that vote.
    pub k: usize,
    /// 64 numbers a labelled pixel.
    pub vectors: Vec<Vec<f32>>,
    /// Index of the class, from 0.
    pub class: Vec<u8>,
    /// What a vote for each class counts.
    pub votes: Vec<f32>,
}

/// Outcomes of votes that are remembered within a block.
const REMEMBERED: usize = 16;

/// Ranked best first: likeness and index of the labelled pixel.
type Ranked = Vec<(f32, usize)>;

impl Neighbours {
    /// Keeps the pixels, thinned evenly where there are too many. Votes count what the classes weigh against each other.
    pub(crate) fn fit(
        set: &FitSet,
        k: usize,
        class_weights: &[f32],
        cancelled: &dyn Fn() -> bool,
    ) -> SceneResult<(Self, f64)> {
        let share = (MOST_KEPT / set.class_count.max(1)).max(1);
        let mut counts = vec![0usize; set.class_count];
        set.class.iter().for_each(|&class| counts[class] += 1);
        let mut seen = vec![0usize; set.class_count];
        let mut kept = Self {
            k: k.clamp(1, MOST_NEIGHBOURS),
            vectors: Vec::new(),
            class: Vec::new(),
            votes: (0..set.class_count)
                .map(|class| class_weights.get(class).copied().unwrap_or(1.0))
                .collect(),
        };
        for (vector, &class) in set.vectors.iter().zip(&set.class) {
            let step = counts[class].div_ceil(share).max(1);
            let number = seen[class];
            seen[class] += 1;
            if number.is_multiple_of(step) {
                kept.vectors.push(vector.to_vec());
                kept.class.push(class as u8);
            }
        }
        // Every kept pixel judged by the others; of very many a part will do.
        let step = kept.vectors.len().div_ceil(1_000).max(1);
        let mut unseen = Vec::new();
        for index in (0..kept.vectors.len()).step_by(step) {
            if index % 64 == 0 && cancelled() {
                return Err(SceneError::Cancelled);
            }
            let Some(unit) = kept.vector(index) else {
                continue;
            };
            let nearest = kept.nearest(unit, Some(index));
            let mut scores = vec![0.0; set.class_count];
            kept.scores(&nearest, &mut scores);
            unseen.push(UnseenScores {
                class: usize::from(kept.class[index]),
                weight: 1.0,
                scores,
            });
        }
        let temperature = likeliest_temperature(&unseen).unwrap_or(1.0).min(4.0);
        Ok((kept, temperature))
    }

    fn vector(&self, index: usize) -> Option<&[f32; FIELD_AXES]> {
        self.vectors.get(index)?.as_slice().try_into().ok()
    }

    fn class_of(&self, index: usize) -> u8 {
        self.class.get(index).copied().unwrap_or(0)
    }

    fn nearest(&self, unit: &[f32; FIELD_AXES], except: Option<usize>) -> Ranked {
        let mut best: Ranked = Vec::with_capacity(self.k + 1);
        for index in 0..self.vectors.len() {
            if Some(index) == except {
                continue;
            }
            if let Some(vector) = self.vector(index) {
                keep_best(&mut best, self.k, similarity(vector, unit), index);
            }
        }
        best
    }

    /// Logarithms of the shares of the votes.
    fn scores(&self, nearest: &[(f32, usize)], out: &mut [f64]) {
        out.fill(HEAD_START);
        let mut total = HEAD_START * out.len() as f64;
        let class_of = |index: usize| usize::from(self.class_of(index));
        for (_, index) in nearest {
            let class = class_of(*index);
            let vote = f64::from(self.votes.get(class).copied().unwrap_or(1.0));
            if let Some(sum) = out.get_mut(class) {
                *sum += vote;
                total += vote;
            }
        }
        // The class of the nearest of those that tie.
        let most = out.iter().copied().fold(f64::MIN, f64::max);
        let tied = nearest
            .iter()
            .map(|(_, index)| class_of(*index))
            .find(|class| out.get(*class).is_some_and(|sum| (most - sum).abs() < 1e-9));
        if let Some(sum) = tied.and_then(|class| out.get_mut(class)) {
            *sum += TIE;
        }
        out.iter_mut().for_each(|sum| *sum = (*sum / total).ln());
    }

    /// Scores of one pixel, one a class: softmax of them, at a temperature, is the probability.
    pub(crate) fn scores_of(&self, unit: &[f32; FIELD_AXES], out: &mut [f64]) {
        let nearest = self.nearest(unit, None);
        self.scores(&nearest, out);
    }

    pub(crate) fn check(&self, classes: usize) -> Result<(), String> {
        if !(1..=MOST_NEIGHBOURS).contains(&self.k) {
            return Err(format!("{} neighbours vote", self.k));
        }
        if self.vectors.is_empty() || self.vectors.len() > 100_000 {
            return Err(format!("it keeps {} labelled pixels", self.vectors.len()));
        }
        if self.vectors.len() != self.class.len() || self.votes.len() != classes {
            return Err(format!(
                "{} labelled pixels, but {} classes of them and {} weights",
                self.vectors.len(),
                self.class.len(),
                self.votes.len()
            ));
        }
        if let Some(bad) = self
            .vectors
            .iter()
            .find(|vector| vector.len() != FIELD_AXES || vector.iter().any(|v| !v.is_finite()))
        {
            return Err(format!(
                "a labelled pixel has {} numbers, or one that is none",
                bad.len()
            ));
        }
        if self
            .class
            .iter()
            .any(|class| usize::from(*class) >= classes)
        {
            return Err("a labelled pixel names a class that is not there".to_owned());
        }
        if self
            .votes
            .iter()
            .any(|vote| !vote.is_finite() || *vote < 0.0)
        {
            return Err("a class weight is not a number".to_owned());
        }
        Ok(())
    }
}

fn keep_best(best: &mut Ranked, k: usize, likeness: f32, index: usize) {
    if best.len() == k && best.last().is_some_and(|(worst, _)| likeness <= *worst) {
        return;
    }
    let at = best.partition_point(|(known, _)| *known >= likeness);
    best.insert(at, (likeness, index));
    best.truncate(k);
}

/// The same for blocks of pixels.
pub(crate) struct NeighbourForms {
    forms: Forms,
    neighbours: Neighbours,
}

impl NeighbourForms {
    pub(crate) fn new(neighbours: &Neighbours) -> Self {
        Self {
            forms: Forms::new(neighbours.vectors.iter().map(Vec::as_slice), &[]),
            neighbours: neighbours.clone(),
        }
    }

    /// `out[class * BLOCK + pixel]`.
    pub(crate) fn scores(&self, block: &PixelBlock, classes: usize, out: &mut [f32]) {
        let neighbours = &self.neighbours;
        let found = Nearest::of(block, &self.forms, neighbours.k);
        let mut ranked = Vec::with_capacity(neighbours.k);
        let mut scores = vec![0.0f64; classes];
        let mut voters = Vec::with_capacity(neighbours.k);
        // Pixels of a block mostly have the same voters, and a logarithm takes as long as many comparisons.
        let mut votes: Vec<(Vec<u8>, Vec<f32>)> = Vec::new();
        for pixel in 0..block.count {
            ranked.clear();
            for (likeness, index) in found.likeness.iter().zip(&found.index) {
                if likeness[pixel] > f32::NEG_INFINITY {
                    ranked.push((likeness[pixel], index[pixel] as usize));
                }
            }
            voters.clear();
            voters.extend(ranked.iter().map(|(_, index)| neighbours.class_of(*index)));
            let known = votes.iter().position(|(known, _)| *known == voters);
            let at = known.unwrap_or_else(|| {
                neighbours.scores(&ranked, &mut scores);
                votes.truncate(REMEMBERED - 1);
                votes.push((voters.clone(), scores.iter().map(|s| *s as f32).collect()));
                votes.len() - 1
            });
            for (class, score) in votes[at].1.iter().enumerate() {
                out[class * BLOCK + pixel] = *score;
            }
        }
    }
}
