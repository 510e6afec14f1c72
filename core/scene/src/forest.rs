//! Random forest on field codes: 100 trees on bootstrap samples, 8 of 64 axes tried a split, leaves of one pixel.
//! Pixels are drawn by their weights: weights at the splits would hardly count where every leaf is pure.
//! Knows codes, classes and weights; knows nothing of fields, files or drawing.
//!
//! Home-made, because the forests one can depend on take matrices of floats, spread nodes over the heap, and stop the program
//! on a hostile model file. A field has one byte an axis: splits are found by counting, a node takes eight bytes, and two
//! pixels walk a tree side by side.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::field_block::{BLOCK, PixelBlock};
use crate::folds::splitmix64;
use crate::head::FitSet;
use crate::temperature::{UnseenScores, likeliest_temperature};
use crate::{FIELD_AXES, SceneError, SceneResult};

pub(crate) const TREES: usize = 100;
/// Axes tried at a split: the square root of 64.
const TRIED: usize = 8;
/// Labelled pixels that are used, of all classes together.
const MOST_PIXELS: usize = 20_000;
/// From this many pixels on, counting the 256 codes is quicker than sorting them.
const COUNTED: usize = 192;
/// Pixels every class has in every forest from the start, so that no probability is nought.
const HEAD_START: f32 = 0.5;
/// Pixels that walk a tree side by side, and steps between two looks whether they have arrived: the quickest tried.
const WALKERS: usize = 2;
const LEVELS: usize = 4;
const LEAF: u8 = FIELD_AXES as u8;

/// One tree: its nodes in depth-first order, so that the left child of a node follows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// Axis that is looked at; 64 = a leaf.
    pub axis: Vec<u8>,
    /// Codes up to this one go left. Of a leaf: 0 = all of one class, 1 = of several.
    pub code: Vec<i8>,
    /// The right child. Of a leaf: the class, or the row of `mixed`.
    pub next: Vec<u32>,
    /// Shares of the classes in leaves that could not be split.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mixed: Vec<Vec<f32>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    pub trees: Vec<Tree>,
}

/// The code of a component of a unit vector, moved to 1..=255.
#[inline(always)]
fn code_of(component: f32) -> u8 {
    // Adding it leaves the nearest integer, halves to even.
    const ROUNDING: f32 = 12_582_912.0;
    let size = component.abs().sqrt() * 127.5;
    let size = if size < 127.0 { size } else { 127.0 };
    let whole = (size + ROUNDING) - ROUNDING;
    let signed = if component < 0.0 { -whole } else { whole };
    (signed as i32 + 128) as u8
}

fn codes_of(unit: &[f32; FIELD_AXES]) -> [u8; FIELD_AXES] {
    unit.map(code_of)
}

/// What all trees are grown from.
struct Ground {
    /// Axis by axis, one code a pixel.
    codes: Vec<Vec<u8>>,
    class: Vec<u8>,
    weight: Vec<f32>,
    /// Sum of the weights up to and with each pixel.
    reach: Vec<f64>,
    classes: usize,
}

impl Forest {
    /// Grows the forest, and finds its temperature on what each tree had not seen. The same set and seed give the same
    /// forest, however many threads grow it.
    pub(crate) fn fit(
        set: &FitSet,
        trees: usize,
        seed: u64,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> SceneResult<(Self, f64)> {
        let step = set.vectors.len().div_ceil(MOST_PIXELS).max(1);
        let kept: Vec<usize> = (0..set.vectors.len()).step_by(step).collect();
        let rows: Vec<[u8; FIELD_AXES]> =
            kept.iter().map(|&at| codes_of(&set.vectors[at])).collect();
        let ground = Ground {
            codes: (0..FIELD_AXES)
                .map(|axis| rows.iter().map(|row| row[axis]).collect())
                .collect(),
            class: kept.iter().map(|&at| set.class[at] as u8).collect(),
            weight: kept.iter().map(|&at| set.weight[at]).collect(),
            reach: kept
                .iter()
                .scan(0.0, |sum, &at| {
                    *sum += f64::from(set.weight[at]);
                    Some(*sum)
                })
                .collect(),
            classes: set.class_count,
        };
        let grown: Vec<(Tree, Vec<bool>)> = (0..trees as u64)
            .into_par_iter()
            .map(|tree| {
                if cancelled() {
                    return Err(SceneError::Cancelled);
                }
                Ok(grow(
                    &ground,
                    splitmix64(seed ^ (tree + 1).wrapping_mul(0x9E37_79B9)),
                ))
            })
            .collect::<SceneResult<_>>()?;
        let (trees, drawn): (Vec<Tree>, Vec<Vec<bool>>) = grown.into_iter().unzip();
        let forest = Self { trees };
        let unseen: Vec<UnseenScores> = (0..rows.len())
            .into_par_iter()
            .filter_map(|pixel| {
                let mut sums = vec![0.0f32; ground.classes];
                let mut count = 0;
                for (tree, drawn) in forest.trees.iter().zip(&drawn) {
                    if !drawn[pixel] {
                        tree.add(&rows[pixel], &mut sums);
                        count += 1;
                    }
                }
                (count > 0).then(|| UnseenScores {
                    class: usize::from(ground.class[pixel]),
                    weight: f64::from(ground.weight[pixel]),
                    scores: scores_of_sums(&sums, count),
                })
            })
            .collect();
        let temperature = likeliest_temperature(&unseen).unwrap_or(1.0).min(4.0);
        Ok((forest, temperature))
    }

    /// Scores of one pixel, one a class: softmax of them, at a temperature, is the probability.
    pub(crate) fn scores_of(&self, unit: &[f32; FIELD_AXES], out: &mut [f64]) {
        let codes = codes_of(unit);
        let mut sums = vec![0.0; out.len()];
        for tree in &self.trees {
            tree.add(&codes, &mut sums);
        }
        out.copy_from_slice(&scores_of_sums(&sums, self.trees.len()));
    }

    pub(crate) fn check(&self, classes: usize) -> Result<(), String> {
        if self.trees.is_empty() || self.trees.len() > 10_000 {
            return Err(format!("it has {} trees", self.trees.len()));
        }
        self.trees
            .iter()
            .enumerate()
            .try_for_each(|(number, tree)| {
                tree.check(classes)
                    .map_err(|what| format!("tree {}: {what}", number + 1))
            })
    }
}

fn scores_of_sums(sums: &[f32], trees: usize) -> Vec<f64> {
    let total = trees as f32 + HEAD_START * sums.len() as f32;
    sums.iter()
        .map(|sum| f64::from((sum + HEAD_START) / total).ln())
        .collect()
}

impl Tree {
    /// Adds what the tree says of a pixel.
    fn add(&self, codes: &[u8; FIELD_AXES], sums: &mut [f32]) {
        let mut node = 0;
        // Children come after their parents, so this ends.
        while let (Some(&axis), Some(&code), Some(&next)) = (
            self.axis.get(node),
            self.code.get(node),
            self.next.get(node),
        ) {
            if axis == LEAF {
                self.add_leaf(code, next, sums);
                return;
            }
            let here = codes.get(usize::from(axis)).copied().unwrap_or(0);
            node = if i16::from(here) - 128 > i16::from(code) {
                next as usize
            } else {
                node + 1
            };
        }
    }

    #[inline(always)]
    fn add_leaf(&self, code: i8, next: u32, sums: &mut [f32]) {
        if code == 0 {
            if let Some(sum) = sums.get_mut(next as usize) {
                *sum += 1.0;
            }
        } else if let Some(shares) = self.mixed.get(next as usize) {
            sums.iter_mut()
                .zip(shares)
                .for_each(|(sum, share)| *sum += share);
        }
    }

    fn check(&self, classes: usize) -> Result<(), String> {
        let nodes = self.axis.len();
        if nodes == 0 || self.code.len() != nodes || self.next.len() != nodes {
            return Err("its lists differ in length or are empty".to_owned());
        }
        for (node, ((&axis, &code), &next)) in
            self.axis.iter().zip(&self.code).zip(&self.next).enumerate()
        {
            let is_right = match (axis, code) {
                (LEAF, 0) => (next as usize) < classes,
                (LEAF, 1) => (next as usize) < self.mixed.len(),
                (LEAF, _) => false,
                // The left child follows, the right one comes after it.
                (axis, _) => axis < LEAF && next as usize > node + 1 && (next as usize) < nodes,
            };
            if !is_right {
                return Err(format!("node {node} leads nowhere"));
            }
        }
        let is_share = |share: &f32| share.is_finite() && *share >= 0.0;
        if self
            .mixed
            .iter()
            .any(|shares| shares.len() != classes || !shares.iter().all(is_share))
        {
            return Err("shares of a leaf are missing or no numbers".to_owned());
        }
        Ok(())
    }
}

/// A generator of its own for every tree.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        splitmix64(self.0)
    }

    /// 0 to below 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

/// A split that was found: how good it is, the axis, and the last code that goes left.
#[derive(Clone, Copy)]
struct Split {
    value: f64,
    axis: usize,
    code: u8,
}

struct Grower<'a> {
    ground: &'a Ground,
    random: Random,
    /// How often a pixel was drawn.
    weight: Vec<f32>,
    order: Vec<u32>,
    axes: [u8; FIELD_AXES],
    /// Per code and class; zero between uses.
    counted: Vec<f32>,
    sorted: Vec<u32>,
    left: Vec<f64>,
    right: Vec<f64>,
}

/// One tree, and which pixels it has seen.
fn grow(ground: &Ground, seed: u64) -> (Tree, Vec<bool>) {
    let pixels = ground.class.len();
    let mut random = Random(seed);
    let mut draws = vec![0u16; pixels];
    for _ in 0..pixels {
        let share = random.share() * ground.reach.last().copied().unwrap_or(0.0);
        let drawn = ground.reach.partition_point(|reach| *reach <= share);
        let drawn = &mut draws[drawn.min(pixels - 1)];
        *drawn = drawn.saturating_add(1);
    }
    let mut grower = Grower {
        ground,
        random,
        weight: draws.iter().map(|draws| f32::from(*draws)).collect(),
        order: (0..pixels as u32)
            .filter(|pixel| draws[*pixel as usize] > 0)
            .collect(),
        axes: std::array::from_fn(|axis| axis as u8),
        counted: vec![0.0; 256 * ground.classes],
        sorted: Vec::new(),
        left: vec![0.0; ground.classes],
        right: vec![0.0; ground.classes],
    };
    let mut tree = Tree::default();
    // Parts of `order` still to be split, and whose right child each is.
    let mut waiting = vec![(0, grower.order.len(), None)];
    while let Some((start, end, parent)) = waiting.pop() {
        let node = tree.axis.len();
        if let Some(parent) = parent {
            tree.next[parent as usize] = node as u32;
        }
        match grower.split(start, end) {
            Some(split) => {
                tree.axis.push(split.axis as u8);
                tree.code.push((i16::from(split.code) - 128) as i8);
                tree.next.push(0);
                let middle = grower.part(start, end, split);
                waiting.push((middle, end, Some(node as u32)));
                waiting.push((start, middle, None));
            }
            None => grower.leaf(start, end, &mut tree),
        }
    }
    (tree, draws.iter().map(|draws| *draws > 0).collect())
}

impl Grower<'_> {
    fn leaf(&self, start: usize, end: usize, tree: &mut Tree) {
        let mut shares = vec![0.0f32; self.ground.classes];
        for &pixel in &self.order[start..end] {
            shares[usize::from(self.ground.class[pixel as usize])] += self.weight[pixel as usize];
        }
        let total: f32 = shares.iter().sum();
        let filled: Vec<usize> = (0..shares.len()).filter(|k| shares[*k] > 0.0).collect();
        tree.axis.push(LEAF);
        if let [only] = filled.as_slice() {
            tree.code.push(0);
            tree.next.push(*only as u32);
        } else {
            let even = 1.0 / shares.len().max(1) as f32;
            shares
                .iter_mut()
                .for_each(|share| *share = if total > 0.0 { *share / total } else { even });
            tree.code.push(1);
            tree.next.push(tree.mixed.len() as u32);
            tree.mixed.push(shares);
        }
    }

    /// The best of the axes tried; `None` for a leaf.
    fn split(&mut self, start: usize, end: usize) -> Option<Split> {
        let first = usize::from(self.ground.class[*self.order.get(start)? as usize]);
        let is_pure = self.order[start..end]
            .iter()
            .all(|pixel| usize::from(self.ground.class[*pixel as usize]) == first);
        if is_pure {
            return None;
        }
        let mut best: Option<Split> = None;
        for tried in 0..FIELD_AXES {
            if tried >= TRIED && best.is_some() {
                break;
            }
            let pick = tried + self.random.below(FIELD_AXES - tried);
            self.axes.swap(tried, pick);
            let axis = usize::from(self.axes[tried]);
            let found = if end - start >= COUNTED {
                self.best_counted(start, end, axis)
            } else {
                self.best_sorted(start, end, axis)
            };
            if let Some(found) = found
                && best.is_none_or(|best| found.value > best.value)
            {
                best = Some(found);
            }
        }
        best
    }

    fn best_sorted(&mut self, start: usize, end: usize, axis: usize) -> Option<Split> {
        let codes = &self.ground.codes[axis];
        // Code above, place in `order` below: plain numbers sort fastest.
        self.sorted.clear();
        self.sorted.extend(
            self.order[start..end]
                .iter()
                .zip(0u32..)
                .map(|(pixel, place)| u32::from(codes[*pixel as usize]) << 24 | place),
        );
        self.sorted.sort_unstable();
        self.left.fill(0.0);
        self.right.fill(0.0);
        for &pixel in &self.order[start..end] {
            self.right[usize::from(self.ground.class[pixel as usize])] +=
                f64::from(self.weight[pixel as usize]);
        }
        let mut sums = Sums::new(&self.right);
        let mut best: Option<Split> = None;
        for pair in 0..self.sorted.len().saturating_sub(1) {
            let (here, after) = (self.sorted[pair], self.sorted[pair + 1]);
            let pixel = self.order[start + (here & 0x00FF_FFFF) as usize] as usize;
            let class = usize::from(self.ground.class[pixel]);
            sums.shift(
                f64::from(self.weight[pixel]),
                &mut self.left[class],
                &mut self.right[class],
            );
            let (here, after) = ((here >> 24) as u8, (after >> 24) as u8);
            if here != after {
                keep(&mut best, sums.value(), axis, here, after);
            }
        }
        best
    }

    fn best_counted(&mut self, start: usize, end: usize, axis: usize) -> Option<Split> {
        let classes = self.ground.classes;
        let codes = &self.ground.codes[axis];
        let (mut low, mut high) = (u8::MAX, 0u8);
        self.left.fill(0.0);
        self.right.fill(0.0);
        for &pixel in &self.order[start..end] {
            let (code, class) = (
                codes[pixel as usize],
                usize::from(self.ground.class[pixel as usize]),
            );
            self.counted[usize::from(code) * classes + class] += self.weight[pixel as usize];
            low = low.min(code);
            high = high.max(code);
        }
        let rows = usize::from(low) * classes..(usize::from(high) + 1) * classes;
        for row in self.counted[rows.clone()].chunks_exact(classes) {
            for (sum, weight) in self.right.iter_mut().zip(row) {
                *sum += f64::from(*weight);
            }
        }
        let mut sums = Sums::new(&self.right);
        let mut best: Option<Split> = None;
        let mut before = None;
        for (code, row) in (low..=high).zip(self.counted[rows.clone()].chunks_exact(classes)) {
            if row.iter().all(|weight| *weight == 0.0) {
                continue;
            }
            if let Some(before) = before {
                keep(&mut best, sums.value(), axis, before, code);
            }
            before = Some(code);
            for ((left, right), weight) in self.left.iter_mut().zip(&mut self.right).zip(row) {
                if *weight != 0.0 {
                    sums.shift(f64::from(*weight), left, right);
                }
            }
        }
        self.counted[rows].fill(0.0);
        best
    }

    /// Brings what goes left to the front; returns where the right part starts.
    fn part(&mut self, start: usize, end: usize, split: Split) -> usize {
        let codes = &self.ground.codes[split.axis];
        let mut middle = start;
        for at in start..end {
            if codes[self.order[at] as usize] <= split.code {
                self.order.swap(at, middle);
                middle += 1;
            }
        }
        middle
    }
}

fn keep(best: &mut Option<Split>, value: f64, axis: usize, here: u8, after: u8) {
    if best.is_none_or(|best| value > best.value) {
        *best = Some(Split {
            value,
            axis,
            code: here + (after - here) / 2,
        });
    }
}

/// Weights and sums of squares of both sides, kept up to date as pixels go from right to left.
struct Sums {
    left: f64,
    right: f64,
    left_squares: f64,
    right_squares: f64,
}

impl Sums {
    fn new(right: &[f64]) -> Self {
        Self {
            left: 0.0,
            right: right.iter().sum(),
            left_squares: 0.0,
            right_squares: right.iter().map(|sum| sum * sum).sum(),
        }
    }

    fn shift(&mut self, weight: f64, left: &mut f64, right: &mut f64) {
        self.left_squares += weight * (2.0 * *left + weight);
        self.right_squares -= weight * (2.0 * *right - weight);
        *left += weight;
        *right -= weight;
        self.left += weight;
        self.right -= weight;
    }

    /// Large where both sides are pure: the Gini gain but for a constant.
    fn value(&self) -> f64 {
        self.left_squares / self.left.max(1e-30) + self.right_squares / self.right.max(1e-30)
    }
}

#[derive(Clone, Copy)]
struct Node {
    next: u32,
    axis: u8,
    code: u8,
}

/// The same for blocks of pixels. A leaf is a node every code goes right at, back to itself.
pub(crate) struct ForestNodes {
    trees: Vec<(Vec<Node>, Tree)>,
}

impl ForestNodes {
    /// Of a forest that was checked.
    pub(crate) fn new(forest: &Forest) -> Self {
        let compiled = forest.trees.iter().map(|tree| {
            let nodes = tree.axis.iter().zip(&tree.code).zip(&tree.next).enumerate();
            let nodes = nodes.map(|(node, ((&axis, &code), &next))| match axis {
                LEAF => Node {
                    next: node as u32,
                    axis: 0,
                    code: 0,
                },
                axis => Node {
                    next,
                    axis,
                    code: (i16::from(code) + 128) as u8,
                },
            });
            (nodes.collect(), tree.clone())
        });
        Self {
            trees: compiled.collect(),
        }
    }

    /// `out[class * BLOCK + pixel]`.
    #[inline(always)]
    pub(crate) fn scores(&self, block: &PixelBlock, classes: usize, out: &mut [f32]) {
        let mut codes = [[0u8; BLOCK]; FIELD_AXES];
        for (codes, values) in codes.iter_mut().zip(block.values.iter()) {
            for ((code, value), inverse) in codes.iter_mut().zip(values).zip(&block.inverse) {
                *code = code_of(value * inverse);
            }
        }
        // Pixel by pixel, so that a walk stays within one line of the cache.
        let mut rows = [[0u8; FIELD_AXES]; BLOCK];
        for (axis, codes) in codes.iter().enumerate() {
            for (row, code) in rows.iter_mut().zip(codes) {
                row[axis] = *code;
            }
        }
        let mut sums = vec![0.0f32; classes * BLOCK];
        for (nodes, tree) in &self.trees {
            for base in (0..block.count).step_by(WALKERS) {
                let mut at = [0u32; WALKERS];
                loop {
                    let before = at;
                    // A few levels before asking whether all have arrived.
                    for _ in 0..LEVELS {
                        for (lane, at) in at.iter_mut().enumerate() {
                            let node = nodes[*at as usize];
                            let code = rows[base + lane][usize::from(node.axis & 63)];
                            *at = if code > node.code { node.next } else { *at + 1 };
                        }
                    }
                    if at == before {
                        break;
                    }
                }
                for (lane, at) in at.into_iter().enumerate() {
                    let at = at as usize;
                    let sums = &mut sums[(base + lane) * classes..(base + lane + 1) * classes];
                    tree.add_leaf(tree.code[at], tree.next[at], sums);
                }
            }
        }
        let total = self.trees.len() as f32 + HEAD_START * classes as f32;
        for (pixel, sums) in sums.chunks_exact(classes).enumerate() {
            for (class, sum) in sums.iter().enumerate() {
                out[class * BLOCK + pixel] = ((sum + HEAD_START) / total).ln();
            }
        }
    }
}
