//! Random forest on tables of any width, for classes or for values: 100 trees on bootstrap samples. Unlike `forest`, which is
//! made for a field's 64 codes, it takes any numbers, and is not kept in a file.
//! Knows tables; knows nothing of fields, files or drawing.
//!
//! Numbers become one of at most 256 steps that lie between the values met in training, so a split is found by counting.

use rayon::prelude::*;

use crate::feature_table::FeatureTable;
use crate::folds::splitmix64;
use crate::forest::{Random, TREES};
use crate::{SceneError, SceneResult};

/// Steps a column is cut into at most.
const STEPS: usize = 256;
/// From this many rows on, counting the steps is quicker than sorting them.
const COUNTED: usize = 192;
/// A leaf of values holds at least this many rows; classes go down to one.
const LEAST_VALUES: usize = 3;
const LEAF: u32 = u32::MAX;

/// What is learnt of every row.
#[derive(Clone, Copy)]
pub(crate) enum Targets<'a> {
    /// Index of the class, and how many classes there are.
    Classes(&'a [usize], usize),
    Values(&'a [f64]),
}

#[derive(Clone, Copy)]
struct Node {
    /// Column that is looked at, or [`LEAF`].
    column: u32,
    /// Steps up to this one go left, which is the next node.
    step: u8,
    /// The right child, or the leaf's row of `means`.
    next: u32,
}

#[derive(Default)]
struct Tree {
    nodes: Vec<Node>,
    /// Mean of the target in each leaf, `outputs` numbers a leaf.
    means: Vec<f64>,
}

/// A forest: shares of classes, or a value.
pub struct TableForest {
    /// Upper ends of the steps of every column but the last.
    ends: Vec<Vec<f32>>,
    trees: Vec<Tree>,
    outputs: usize,
    /// Taken off the values before, so that sums keep their digits.
    centre: f64,
}

/// What all trees are grown from.
struct Ground {
    /// Column by column, one step a row.
    steps: Vec<Vec<u8>>,
    /// Which output a row adds to, and how much.
    target: Vec<(usize, f64)>,
    outputs: usize,
    least: usize,
    tried: usize,
}

impl TableForest {
    /// A forest for classes: `class` of every row, below `classes`.
    ///
    /// # Errors
    /// No rows; cancelled.
    pub fn of_classes(
        train: &FeatureTable,
        class: &[usize],
        classes: usize,
        seed: u64,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> SceneResult<Self> {
        Self::fit(train, Targets::Classes(class, classes), seed, cancelled)
    }

    /// The same rows and seed give the same forest, however many threads grow it.
    pub(crate) fn fit(
        train: &FeatureTable,
        targets: Targets<'_>,
        seed: u64,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> SceneResult<Self> {
        let width = train.width();
        let (target, outputs, centre, least, tried) = match targets {
            Targets::Classes(classes, count) => (
                classes
                    .iter()
                    .map(|class| ((*class).min(count.saturating_sub(1)), 1.0))
                    .collect::<Vec<_>>(),
                count.max(1),
                0.0,
                1,
                (width as f64).sqrt().round() as usize,
            ),
            Targets::Values(values) => {
                let centre = values.iter().sum::<f64>() / values.len().max(1) as f64;
                let target = values.iter().map(|value| (0, value - centre)).collect();
                (target, 1, centre, LEAST_VALUES, width.div_ceil(3))
            }
        };
        if train.is_empty() || target.len() != train.len() {
            return Err(SceneError::input("there is nothing to grow a forest from"));
        }
        let ends: Vec<Vec<f32>> = (0..width)
            .into_par_iter()
            .map(|column| ends_of(train.rows().map(|row| row[column]).collect()))
            .collect();
        let ground = Ground {
            steps: steps_of(train, &ends),
            target,
            outputs,
            least,
            tried: tried.max(1),
        };
        let trees = (0..TREES as u64)
            .into_par_iter()
            .map(|tree| {
                if cancelled() {
                    return Err(SceneError::Cancelled);
                }
                let seed = splitmix64(seed ^ (tree + 1).wrapping_mul(0x9E37_79B9));
                Ok(grow(&ground, seed))
            })
            .collect::<SceneResult<Vec<Tree>>>()?;
        Ok(Self {
            ends,
            trees,
            outputs,
            centre,
        })
    }

    /// Mean over the trees of every row: shares of the classes, or the value; `outputs` numbers a row.
    pub fn means(&self, rows: &FeatureTable) -> Vec<f64> {
        let steps = steps_of(rows, &self.ends);
        (0..rows.len())
            .into_par_iter()
            .flat_map_iter(|row| {
                let mut sums = vec![0.0; self.outputs];
                for tree in &self.trees {
                    tree.add(&steps, row, &mut sums);
                }
                let trees = self.trees.len() as f64;
                let centre = self.centre;
                sums.into_iter().map(move |sum| sum / trees + centre)
            })
            .collect()
    }
}

/// Upper ends of the steps: between all values met, or between evenly filled parts of them where there are many.
fn ends_of(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_unstable_by(f32::total_cmp);
    let sorted = values.clone();
    values.dedup();
    let between = |low: f32, high: f32| low + (high - low) / 2.0;
    if values.len() <= STEPS {
        return values
            .windows(2)
            .map(|pair| between(pair[0], pair[1]))
            .collect();
    }
    let mut ends: Vec<f32> = (1..STEPS)
        .filter_map(|part| {
            let above = *sorted.get(part * sorted.len() / STEPS)?;
            let place = values.partition_point(|value| *value < above);
            Some(between(*values.get(place.checked_sub(1)?)?, above))
        })
        .collect();
    ends.dedup();
    ends
}

fn steps_of(rows: &FeatureTable, ends: &[Vec<f32>]) -> Vec<Vec<u8>> {
    ends.par_iter()
        .enumerate()
        .map(|(column, ends)| {
            rows.rows()
                .map(|row| {
                    let value = row.get(column).copied().unwrap_or(0.0);
                    ends.partition_point(|end| *end < value).min(STEPS - 1) as u8
                })
                .collect()
        })
        .collect()
}

impl Tree {
    /// Adds what the tree says of a row.
    fn add(&self, steps: &[Vec<u8>], row: usize, sums: &mut [f64]) {
        let mut at = 0;
        // Children come after their parents, so this ends.
        while let Some(node) = self.nodes.get(at) {
            if node.column == LEAF {
                let start = node.next as usize * sums.len();
                let means = self.means.get(start..start + sums.len());
                for (sum, mean) in sums.iter_mut().zip(means.unwrap_or_default()) {
                    *sum += mean;
                }
                return;
            }
            let step = steps
                .get(node.column as usize)
                .and_then(|column| column.get(row))
                .copied()
                .unwrap_or(0);
            at = if step <= node.step {
                at + 1
            } else {
                node.next as usize
            };
        }
    }
}

struct Grower<'a> {
    ground: &'a Ground,
    random: Random,
    /// Rows drawn, some more than once.
    order: Vec<u32>,
    columns: Vec<u32>,
    sorted: Vec<u32>,
    /// Per step and output; zero between uses.
    counted: Vec<f64>,
    counts: Vec<u32>,
    left: Sums,
    right: Sums,
}

/// Sums of the target on one side of a split.
struct Sums {
    of: Vec<f64>,
    rows: f64,
    /// Sum of the squares of `of`.
    squares: f64,
}

impl Sums {
    fn new(outputs: usize) -> Self {
        Self {
            of: vec![0.0; outputs],
            rows: 0.0,
            squares: 0.0,
        }
    }

    fn clear(&mut self) {
        self.of.fill(0.0);
        (self.rows, self.squares) = (0.0, 0.0);
    }

    fn add(&mut self, output: usize, amount: f64) {
        if let Some(sum) = self.of.get_mut(output) {
            self.squares -= *sum * *sum;
            *sum += amount;
            self.squares += *sum * *sum;
        }
    }

    /// How well one mean stands for this side, larger is better.
    fn value(&self) -> f64 {
        self.squares / self.rows
    }
}

#[derive(Clone, Copy)]
struct Split {
    value: f64,
    column: usize,
    step: u8,
}

fn grow(ground: &Ground, seed: u64) -> Tree {
    let rows = ground.target.len();
    let mut random = Random::new(seed);
    let order = (0..rows).map(|_| random.below(rows) as u32).collect();
    let mut grower = Grower {
        ground,
        random,
        order,
        columns: (0..ground.steps.len() as u32).collect(),
        sorted: Vec::new(),
        counted: vec![0.0; STEPS * ground.outputs],
        counts: vec![0; STEPS],
        left: Sums::new(ground.outputs),
        right: Sums::new(ground.outputs),
    };
    let mut tree = Tree::default();
    // Parts of `order` still to be split, and whose right child each is.
    let mut waiting = vec![(0, rows, None)];
    while let Some((start, end, parent)) = waiting.pop() {
        let own = tree.nodes.len() as u32;
        if let Some(parent) = parent
            && let Some(node) = tree.nodes.get_mut(parent as usize)
        {
            let node: &mut Node = node;
            node.next = own;
        }
        match grower.split(start, end) {
            Some(split) => {
                tree.nodes.push(Node {
                    column: split.column as u32,
                    step: split.step,
                    next: 0,
                });
                let middle = grower.part(start, end, split);
                waiting.push((middle, end, Some(own)));
                waiting.push((start, middle, None));
            }
            None => {
                tree.nodes.push(Node {
                    column: LEAF,
                    step: 0,
                    next: (tree.means.len() / ground.outputs) as u32,
                });
                grower.sum_up(start, end);
                let rows = grower.right.rows.max(1.0);
                tree.means
                    .extend(grower.right.of.iter().map(|sum| sum / rows));
            }
        }
    }
    tree
}

impl Grower<'_> {
    /// Puts all rows of a node on the right side.
    fn sum_up(&mut self, start: usize, end: usize) {
        self.left.clear();
        self.right.clear();
        for &row in &self.order[start..end] {
            let (output, amount) = self.ground.target[row as usize];
            self.right.add(output, amount);
        }
        self.right.rows = (end - start) as f64;
    }

    /// The best split of the columns tried; `None` for a leaf.
    fn split(&mut self, start: usize, end: usize) -> Option<Split> {
        let first = self.ground.target[*self.order.get(start)? as usize];
        let is_pure = self.order[start..end]
            .iter()
            .all(|row| self.ground.target[*row as usize] == first);
        if is_pure || end - start < 2 * self.ground.least {
            return None;
        }
        let mut best: Option<Split> = None;
        let columns = self.columns.len();
        for tried in 0..columns {
            if tried >= self.ground.tried && best.is_some() {
                break;
            }
            let pick = tried + self.random.below(columns - tried);
            self.columns.swap(tried, pick);
            let column = self.columns[tried] as usize;
            self.sum_up(start, end);
            if end - start >= COUNTED {
                self.try_counted(start, end, column, &mut best);
            } else {
                self.try_sorted(start, end, column, &mut best);
            }
        }
        best
    }

    fn try_sorted(&mut self, start: usize, end: usize, column: usize, best: &mut Option<Split>) {
        let steps = &self.ground.steps[column];
        // Step above, place in `order` below: plain numbers sort fastest.
        self.sorted.clear();
        self.sorted.extend(
            self.order[start..end]
                .iter()
                .zip(0u32..)
                .map(|(row, place)| u32::from(steps[*row as usize]) << 24 | place),
        );
        self.sorted.sort_unstable();
        for pair in 0..self.sorted.len().saturating_sub(1) {
            let (here, after) = (self.sorted[pair], self.sorted[pair + 1]);
            let row = self.order[start + (here & 0x00FF_FFFF) as usize] as usize;
            let (output, amount) = self.ground.target[row];
            self.right.add(output, -amount);
            self.left.add(output, amount);
            self.right.rows -= 1.0;
            self.left.rows += 1.0;
            self.keep(best, column, (here >> 24) as u8, (after >> 24) as u8);
        }
    }

    fn try_counted(&mut self, start: usize, end: usize, column: usize, best: &mut Option<Split>) {
        let outputs = self.ground.outputs;
        let steps = &self.ground.steps[column];
        for &row in &self.order[start..end] {
            let step = usize::from(steps[row as usize]);
            let (output, amount) = self.ground.target[row as usize];
            self.counted[step * outputs + output] += amount;
            self.counts[step] += 1;
        }
        let mut before = None;
        for step in 0..STEPS {
            if self.counts[step] == 0 {
                continue;
            }
            if let Some(before) = before {
                self.keep(best, column, before, step as u8);
            }
            before = Some(step as u8);
            for output in 0..outputs {
                let amount = self.counted[step * outputs + output];
                if amount != 0.0 {
                    self.right.add(output, -amount);
                    self.left.add(output, amount);
                }
            }
            let rows = f64::from(self.counts[step]);
            self.right.rows -= rows;
            self.left.rows += rows;
        }
        self.counted.fill(0.0);
        self.counts.fill(0);
    }

    /// Keeps the split between two steps if it is better than the best so far.
    fn keep(&self, best: &mut Option<Split>, column: usize, here: u8, after: u8) {
        let least = self.ground.least as f64;
        if here == after || self.left.rows < least || self.right.rows < least {
            return;
        }
        let value = self.left.value() + self.right.value();
        if best.is_none_or(|best| value > best.value) {
            *best = Some(Split {
                value,
                column,
                step: here + (after - here - 1) / 2,
            });
        }
    }

    /// Brings what goes left to the front; returns where the right part starts.
    fn part(&mut self, start: usize, end: usize, split: Split) -> usize {
        let steps = &self.ground.steps[split.column];
        let mut middle = start;
        for at in start..end {
            if steps[self.order[at] as usize] <= split.step {
                self.order.swap(at, middle);
                middle += 1;
            }
        }
        middle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> bool {
        false
    }

    /// Points of a square, and what is asked of them.
    fn square(count: usize, seed: u64) -> FeatureTable {
        let mut random = Random::new(seed);
        let mut table = FeatureTable::new(3);
        for _ in 0..count {
            table.push(&[
                random.share() as f32,
                random.share() as f32,
                random.share() as f32,
            ]);
        }
        table
    }

    #[test]
    fn what_no_line_parts_is_learnt_and_repeats() {
        let (train, test) = (square(900, 1), square(500, 2));
        let is_odd = |row: &[f32]| usize::from((row[0] > 0.5) != (row[1] > 0.5));
        let class: Vec<usize> = train.rows().map(is_odd).collect();
        let forest = TableForest::fit(&train, Targets::Classes(&class, 2), 7, &never).unwrap();
        let shares = forest.means(&test);
        let right = test
            .rows()
            .zip(shares.chunks(2))
            .filter(|(row, shares)| is_odd(row) == usize::from(shares[1] > shares[0]))
            .count();
        assert!(right > 465, "{right} of 500");
        assert!(shares.chunks(2).all(|s| (s[0] + s[1] - 1.0).abs() < 1e-9));
        let again = TableForest::fit(&train, Targets::Classes(&class, 2), 7, &never).unwrap();
        assert_eq!(again.means(&test), shares);
        let other = TableForest::fit(&train, Targets::Classes(&class, 2), 8, &never).unwrap();
        assert_ne!(other.means(&test), shares);
    }

    #[test]
    fn values_are_learnt_far_from_nought() {
        let (train, test) = (square(900, 3), square(300, 4));
        let value = |row: &[f32]| 1e6 + f64::from(10.0 * row[0] * row[1]);
        let values: Vec<f64> = train.rows().map(value).collect();
        let forest = TableForest::fit(&train, Targets::Values(&values), 1, &never).unwrap();
        let found = forest.means(&test);
        let error = test
            .rows()
            .zip(&found)
            .map(|(row, found)| (value(row) - found).abs())
            .sum::<f64>()
            / 300.0;
        assert!(error < 0.5, "{error}");
    }

    #[test]
    fn columns_of_few_and_of_many_values_are_cut_between_them() {
        assert_eq!(ends_of(vec![3.0, 1.0, 1.0, 2.0]), [1.5, 2.5]);
        assert!(ends_of(vec![4.0; 9]).is_empty());
        let many = ends_of((0..10_000).map(|i| i as f32).collect());
        assert_eq!(many.len(), 255);
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_single_row_and_none_are_no_panic() {
        let one = square(1, 1);
        let forest = TableForest::fit(&one, Targets::Classes(&[1], 3), 0, &never).unwrap();
        assert_eq!(forest.means(&one), [0.0, 1.0, 0.0]);
        let none = FeatureTable::new(3);
        assert!(TableForest::fit(&none, Targets::Classes(&[], 2), 0, &never).is_err());
        assert!(TableForest::fit(&one, Targets::Classes(&[0], 2), 0, &|| true).is_err());
    }
}
