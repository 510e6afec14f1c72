//! Where to label next: places of a field at which a head is unsure and that are unlike what is labelled already.
//! Looks at a bounded sample of the field, so that time and memory do not depend on its size.
//! Knows fields, classes and probabilities; knows nothing of how a head works, of windows or of jobs.

use std::collections::HashSet;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::folds::splitmix64;
use crate::{Class, FIELD_AXES, Raster, SceneError, SceneResult, Window, decode_pixel, similarity};

/// Pixels of a sample at most: 10 MB of codes.
const MOST_PIXELS: usize = 160_000;
/// Side of the squares the field is read in.
const SQUARE: usize = 128;
/// Squares of a field that is too large to be covered.
const FEW_SQUARES: usize = 36;
/// The unsurest pixels whose distance from what is known is worked out.
const SHORTLIST: usize = 2_000;
/// Vectors of labelled pixels a candidate is compared with, at most.
const MOST_KNOWN: usize = 512;

/// Pixels of a field on a lattice of squares.
pub struct FieldSample {
    squares: Vec<Square>,
    /// Of the whole field.
    pub field_pixels: usize,
}

struct Square {
    col: usize,
    row: usize,
    /// Every how many-th pixel was taken, across and down.
    step: usize,
    width: usize,
    /// Pixel by pixel.
    codes: Vec<[i8; FIELD_AXES]>,
}

impl Square {
    fn place(&self, at: usize) -> (usize, usize) {
        (
            self.col + at % self.width * self.step,
            self.row + at / self.width * self.step,
        )
    }

    fn index(&self, col: usize, row: usize) -> Option<usize> {
        let (col, row) = (col.checked_sub(self.col)?, row.checked_sub(self.row)?);
        let on_lattice = col.is_multiple_of(self.step) && row.is_multiple_of(self.step);
        let (x, y) = (col / self.step, row / self.step);
        let at = y * self.width + x;
        (on_lattice && x < self.width && at < self.codes.len()).then_some(at)
    }
}

impl FieldSample {
    /// Reads the sample of a field: every pixel of a small one, every second or fourth of a larger one, of a very large one
    /// squares spread over it. The same field gives the same sample.
    ///
    /// # Errors
    /// A raster that is no field or cannot be read; cancelled.
    pub fn read_blocking(field: &Raster, cancelled: &dyn Fn() -> bool) -> SceneResult<Self> {
        let grid = &field.info().grid;
        let (width, height) = (grid.width, grid.height);
        let (step, corners) = plan(width, height);
        let mut squares = Vec::with_capacity(corners.len());
        for (col, row) in corners {
            if cancelled() {
                return Err(SceneError::Cancelled);
            }
            let window = Window {
                col,
                row,
                width: SQUARE.min(width - col),
                height: SQUARE.min(height - row),
            };
            let planar = field.read_codes_blocking(window, window.width, window.height)?;
            let plane = window.width * window.height;
            let mut codes = Vec::new();
            for y in (0..window.height).step_by(step) {
                for x in (0..window.width).step_by(step) {
                    let at = y * window.width + x;
                    codes.push(std::array::from_fn(|axis| {
                        planar
                            .get(axis * plane + at)
                            .copied()
                            .unwrap_or(crate::FIELD_NODATA)
                    }));
                }
            }
            squares.push(Square {
                col,
                row,
                step,
                width: window.width.div_ceil(step),
                codes,
            });
        }
        Ok(Self {
            squares,
            field_pixels: width * height,
        })
    }

    /// Pixels looked at.
    pub fn pixels(&self) -> usize {
        self.squares.iter().map(|square| square.codes.len()).sum()
    }

    /// Unit vector of a pixel, if the sample has it.
    fn vector(&self, col: usize, row: usize) -> Option<[f32; FIELD_AXES]> {
        self.squares.iter().find_map(|square| {
            let at = square.index(col, row)?;
            decode_pixel(square.codes.get(at)?)
        })
    }
}

/// Step between pixels, and corners (column, row) of the squares, in the order of the file.
fn plan(width: usize, height: usize) -> (usize, Vec<(usize, usize)>) {
    let (columns, rows) = (width.div_ceil(SQUARE), height.div_ceil(SQUARE));
    for step in [1, 2, 4] {
        if width.div_ceil(step) * height.div_ceil(step) <= MOST_PIXELS {
            let corners = (0..rows)
                .flat_map(|row| (0..columns).map(move |col| (col * SQUARE, row * SQUARE)))
                .collect();
            return (step, corners);
        }
    }
    // One square out of each cell of a coarse lattice, so that no part of the field is forgotten.
    let across = (FEW_SQUARES as f64 * columns as f64 / rows as f64)
        .sqrt()
        .round() as usize;
    let across = across.clamp(1, FEW_SQUARES.min(columns));
    let down = (FEW_SQUARES / across).clamp(1, rows);
    let mut corners = Vec::with_capacity(across * down);
    for y in 0..down {
        for x in 0..across {
            let pick = |cell: usize, cells: usize, count: usize, salt: u64| {
                let (start, end) = (cell * count / cells, (cell + 1) * count / cells);
                let hash = splitmix64(((y * across + x) as u64) << 1 | salt);
                start + (hash % (end - start).max(1) as u64) as usize
            };
            corners.push((
                pick(x, across, columns, 0) * SQUARE,
                pick(y, down, rows, 1) * SQUARE,
            ));
        }
    }
    (2, corners)
}

/// How doubt is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncertainty {
    /// How close the second class comes to the first.
    #[default]
    Margin,
    /// How evenly the probability is spread over all classes.
    Entropy,
}

impl Uncertainty {
    /// The word of the command line and of files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Margin => "margin",
            Self::Entropy => "entropy",
        }
    }

    /// 0 = certain, 1 = no idea; of probabilities that add up to 1.
    pub fn of(self, probabilities: &[f32]) -> f32 {
        match self {
            Self::Margin => {
                let (_, first, _, second) = two_best(probabilities);
                (1.0 - (first - second)).clamp(0.0, 1.0)
            }
            Self::Entropy => {
                let sum: f32 = probabilities
                    .iter()
                    .filter(|p| **p > 0.0)
                    .map(|p| -p * p.ln())
                    .sum();
                let most = (probabilities.len().max(2) as f32).ln();
                (sum / most).clamp(0.0, 1.0)
            }
        }
    }
}

/// Index and probability of the likeliest class and of the one after it.
fn two_best(probabilities: &[f32]) -> (usize, f32, usize, f32) {
    let (mut first, mut second) = ((0, f32::NEG_INFINITY), (0, f32::NEG_INFINITY));
    for (class, &probability) in probabilities.iter().enumerate() {
        if probability > first.1 {
            (second, first) = (first, (class, probability));
        } else if probability > second.1 {
            second = (class, probability);
        }
    }
    (first.0, first.1.max(0.0), second.0, second.1.max(0.0))
}

/// A place worth labelling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// Pixel of the field.
    pub col: usize,
    pub row: usize,
    /// What the head takes it for, and what it hesitates with.
    pub class_id: u8,
    pub other_id: u8,
    /// Of `class_id` and of `other_id`.
    pub probability: f32,
    pub other_probability: f32,
    /// 0 to 1, mean over the pixel and its neighbours in the sample.
    pub uncertainty: f32,
    /// Half the distance of the unit vectors from the nearest labelled or suggested one: 0 = alike, 1 = opposite.
    pub distance: f32,
}

/// What is known already, in pixels of the field.
#[derive(Clone, Debug, Default)]
pub struct KnownPlaces {
    /// Never suggested.
    pub labelled: HashSet<(usize, usize)>,
    /// Unit vectors of labelled pixels; of many, evenly spread ones are compared with.
    pub vectors: Vec<[f32; FIELD_AXES]>,
    /// Places suggested before: neither they nor their surroundings come again.
    pub visited: Vec<(usize, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SuggestOptions {
    pub count: usize,
    pub measure: Uncertainty,
    /// Places lie at least this many pixels apart, across or down.
    pub apart_px: usize,
}

impl Default for SuggestOptions {
    fn default() -> Self {
        Self {
            count: 8,
            measure: Uncertainty::default(),
            apart_px: 12,
        }
    }
}

struct Candidate {
    col: usize,
    row: usize,
    vector: [f32; FIELD_AXES],
    uncertainty: f32,
    best: (usize, f32, usize, f32),
    /// Largest dot product with anything known.
    likeness: f32,
}

impl Candidate {
    fn distance(&self) -> f32 {
        ((1.0 - self.likeness) / 2.0).max(0.0).sqrt()
    }
}

/// The most useful places, best first: greedily the largest product of doubt and of distance, in the field, from what is
/// labelled, visited or suggested already. `probabilities` writes one number a class of `classes`; places without data, labelled
/// ones and the surroundings of visited ones are left out, so the list may be shorter than asked for, or empty.
///
/// # Errors
/// Only when cancelled.
pub fn suggest_places(
    sample: &FieldSample,
    classes: &[Class],
    probabilities: &(dyn Fn(&[f32; FIELD_AXES], &mut [f32]) + Sync),
    known: &KnownPlaces,
    options: &SuggestOptions,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> SceneResult<Vec<Suggestion>> {
    let each = (3 * SHORTLIST / sample.squares.len().max(1)).max(64);
    let mut candidates: Vec<Candidate> = sample
        .squares
        .par_iter()
        .map(|square| {
            if cancelled() {
                return Vec::new();
            }
            unsure_pixels(square, classes.len(), probabilities, known, options, each)
        })
        .flatten_iter()
        .collect();
    if cancelled() {
        return Err(SceneError::Cancelled);
    }
    // Stable, so that equals keep the order of the file.
    candidates.sort_by(|a, b| b.uncertainty.total_cmp(&a.uncertainty));
    candidates.truncate(SHORTLIST);

    let step = known.vectors.len().div_ceil(MOST_KNOWN).max(1);
    let mut references: Vec<[f32; FIELD_AXES]> =
        known.vectors.iter().step_by(step).copied().collect();
    references.extend(
        known
            .visited
            .iter()
            .filter_map(|&(col, row)| sample.vector(col, row)),
    );
    candidates.par_iter_mut().for_each(|candidate| {
        candidate.likeness = references
            .iter()
            .map(|reference| similarity(reference, &candidate.vector))
            .fold(-1.0, f32::max);
    });
    let id = |class: usize| classes.get(class).map_or(0, |class| class.id);
    let mut found = Vec::new();
    while found.len() < options.count {
        if cancelled() {
            return Err(SceneError::Cancelled);
        }
        let value = |candidate: &Candidate| candidate.uncertainty * candidate.distance();
        // The first of equals.
        let mut best: Option<(usize, f32)> = None;
        for (index, candidate) in candidates.iter().enumerate() {
            let value = value(candidate);
            if best.is_none_or(|(_, highest)| value > highest) {
                best = Some((index, value));
            }
        }
        let Some((index, _)) = best else {
            break;
        };
        let chosen = candidates.swap_remove(index);
        found.push(Suggestion {
            col: chosen.col,
            row: chosen.row,
            class_id: id(chosen.best.0),
            other_id: id(chosen.best.2),
            probability: chosen.best.1,
            other_probability: chosen.best.3,
            uncertainty: chosen.uncertainty,
            distance: chosen.distance(),
        });
        candidates.retain_mut(|candidate| {
            candidate.likeness = candidate
                .likeness
                .max(similarity(&chosen.vector, &candidate.vector));
            !is_near(
                (candidate.col, candidate.row),
                (chosen.col, chosen.row),
                options.apart_px,
            )
        });
    }
    Ok(found)
}

fn is_near(a: (usize, usize), b: (usize, usize), apart_px: usize) -> bool {
    a.0.abs_diff(b.0) < apart_px && a.1.abs_diff(b.1) < apart_px
}

/// The `most` unsurest pixels of a square that may be suggested.
fn unsure_pixels(
    square: &Square,
    classes: usize,
    probabilities: &(dyn Fn(&[f32; FIELD_AXES], &mut [f32]) + Sync),
    known: &KnownPlaces,
    options: &SuggestOptions,
    most: usize,
) -> Vec<Candidate> {
    let mut out = vec![0.0; classes];
    let doubts: Vec<Option<f32>> = square
        .codes
        .iter()
        .map(|codes| {
            let vector = decode_pixel(codes)?;
            probabilities(&vector, &mut out);
            let doubt = options.measure.of(&out);
            doubt.is_finite().then_some(doubt)
        })
        .collect();
    // A single odd pixel is not worth a look: doubt counts with its neighbours.
    let (width, height) = (square.width, square.codes.len() / square.width.max(1));
    let mean_of = |at: usize| {
        let (x, y) = (at % width, at / width);
        let mut sum = 0.0;
        for near_y in y.saturating_sub(1)..(y + 2).min(height) {
            for near_x in x.saturating_sub(1)..(x + 2).min(width) {
                if let Some(doubt) = doubts.get(near_y * width + near_x).copied().flatten() {
                    sum += doubt;
                }
            }
        }
        // What lies outside counts as known: the rim is an awkward place to label.
        sum / 9.0
    };
    let mut order: Vec<(usize, f32)> = (0..doubts.len())
        .filter(|at| doubts[*at].is_some())
        .map(|at| (at, mean_of(at)))
        .filter(|(at, _)| {
            let place = square.place(*at);
            !known.labelled.contains(&place)
                && !known
                    .visited
                    .iter()
                    .any(|visited| is_near(place, *visited, options.apart_px))
        })
        .collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.truncate(most);
    order
        .into_iter()
        .filter_map(|(at, uncertainty)| {
            let vector = decode_pixel(square.codes.get(at)?)?;
            probabilities(&vector, &mut out);
            let (col, row) = square.place(at);
            Some(Candidate {
                col,
                row,
                vector,
                uncertainty,
                best: two_best(&out),
                likeness: -1.0,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode_pixel;

    const SIDE: usize = 60;

    fn never() -> bool {
        false
    }

    /// Three kinds of ground in columns of 20 pixels; the first row is missing.
    fn sample() -> FieldSample {
        let codes = (0..SIDE * SIDE)
            .map(|at| {
                if at / SIDE == 0 {
                    return [crate::FIELD_NODATA; FIELD_AXES];
                }
                let mut vector = [0.0; FIELD_AXES];
                vector[at % SIDE / 20] = 1.0;
                vector[3 + at % 7] = 0.2;
                encode_pixel(&vector)
            })
            .collect();
        FieldSample {
            squares: vec![Square {
                col: 0,
                row: 0,
                step: 1,
                width: SIDE,
                codes,
            }],
            field_pixels: SIDE * SIDE,
        }
    }

    fn classes() -> Vec<Class> {
        [4, 9]
            .map(|id| Class {
                id,
                name: format!("class {id}"),
                color: [id; 3],
            })
            .to_vec()
    }

    /// Knows the first two kinds of ground.
    fn probabilities(unit: &[f32; FIELD_AXES], out: &mut [f32]) {
        let first = 1.0 / (1.0 + (8.0 * (unit[1] - unit[0])).exp());
        out.copy_from_slice(&[first, 1.0 - first]);
    }

    fn known(sample: &FieldSample) -> KnownPlaces {
        let labelled: HashSet<(usize, usize)> = [(5, 5), (25, 5)].into();
        KnownPlaces {
            vectors: vec![sample.vector(5, 5).unwrap(), sample.vector(25, 5).unwrap()],
            labelled,
            visited: Vec::new(),
        }
    }

    #[test]
    fn the_unknown_ground_comes_first_and_places_lie_apart() {
        let sample = sample();
        let options = SuggestOptions {
            count: 5,
            ..SuggestOptions::default()
        };
        for measure in [Uncertainty::Margin, Uncertainty::Entropy] {
            let options = SuggestOptions { measure, ..options };
            let suggest = |known: &KnownPlaces| {
                suggest_places(&sample, &classes(), &probabilities, known, &options, &never)
                    .unwrap()
            };
            let mut known = known(&sample);
            let found = suggest(&known);
            assert_eq!(found, suggest(&known), "the same again");
            assert_eq!(found.len(), 5);
            assert!((40..60).contains(&found[0].col), "{:?}", found[0]);
            assert!(found[0].uncertainty > 0.9 && found[0].distance > 0.5);
            assert!(found[0].row > 0 && (found[0].class_id, found[0].other_id) == (4, 9));
            for (index, a) in found.iter().enumerate() {
                assert!(!known.labelled.contains(&(a.col, a.row)));
                for b in &found[index + 1..] {
                    assert!(!is_near((a.col, a.row), (b.col, b.row), options.apart_px));
                }
            }
            // What was passed over does not come again, and what is like it comes later.
            known.visited.push((found[0].col, found[0].row));
            let next = suggest(&known);
            assert!(next.iter().all(|place| !is_near(
                (place.col, place.row),
                known.visited[0],
                12
            )));
            assert!(next[0].distance < found[0].distance);
        }
    }

    #[test]
    fn nothing_left_is_an_empty_list_and_cancelling_stops() {
        let sample = sample();
        let mut known = known(&sample);
        known.labelled = (0..SIDE)
            .flat_map(|row| (0..SIDE).map(move |col| (col, row)))
            .collect();
        let options = SuggestOptions::default();
        let run = |cancelled: &(dyn Fn() -> bool + Sync)| {
            suggest_places(
                &sample,
                &classes(),
                &probabilities,
                &known,
                &options,
                cancelled,
            )
        };
        assert_eq!(run(&never).unwrap(), Vec::new());
        assert!(matches!(run(&|| true), Err(SceneError::Cancelled)));
    }

    #[test]
    fn doubt_is_measured_between_none_and_full() {
        for measure in [Uncertainty::Margin, Uncertainty::Entropy] {
            assert_eq!(measure.of(&[1.0, 0.0, 0.0]), 0.0);
            assert!((measure.of(&[0.25; 4]) - 1.0).abs() < 1e-6);
        }
        assert!((Uncertainty::Margin.of(&[0.5, 0.3, 0.2]) - 0.8).abs() < 1e-6);
    }

    #[test]
    fn samples_are_bounded_and_cover_the_field() {
        for (width, height) in [(1, 1), (400, 400), (700, 700), (1600, 1600)] {
            let (step, corners) = plan(width, height);
            let pixels: usize = corners
                .iter()
                .map(|(col, row)| {
                    SQUARE.min(width - col).div_ceil(step) * SQUARE.min(height - row).div_ceil(step)
                })
                .sum();
            assert!(pixels <= MOST_PIXELS + MOST_PIXELS / 10, "{pixels}");
            assert_eq!(
                corners.len(),
                width.div_ceil(SQUARE) * height.div_ceil(SQUARE)
            );
        }
        for (width, height) in [
            (20_000, 20_000),
            (8_192, 8_192),
            (100_000, 200),
            (2_000, 1_500),
        ] {
            let (step, corners) = plan(width, height);
            let distinct: HashSet<_> = corners.iter().collect();
            assert_eq!(distinct.len(), corners.len());
            assert!(corners.len() <= FEW_SQUARES && corners.len() * 2 > FEW_SQUARES);
            assert!(
                corners
                    .iter()
                    .all(|(col, row)| *col < width && *row < height),
                "{step}"
            );
        }
    }
}
