//! The most similar places of a scene, apart from each other, found with a candidate a square instead of a sorted scene.
//! Knows likenesses of pixels; knows nothing of what they are like, of files or jobs.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use serde::{Deserialize, Serialize};

use crate::Window;

/// A place as good as any that is left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundPlace {
    pub similarity: f32,
    pub col: usize,
    pub row: usize,
    /// The pixel's middle in the field's map coordinates.
    pub x: f64,
    pub y: f64,
}

/// Places already taken, in pixels, with what lies around them; looked up by cells as wide as that distance.
#[derive(Clone, Debug)]
struct Taken {
    apart: f64,
    cells: HashMap<(i64, i64), Vec<(usize, usize)>>,
}

impl Taken {
    fn cell(&self, (col, row): (usize, usize)) -> (i64, i64) {
        (
            (col as f64 / self.apart) as i64,
            (row as f64 / self.apart) as i64,
        )
    }

    fn add(&mut self, pixel: (usize, usize)) {
        let cell = self.cell(pixel);
        self.cells.entry(cell).or_default().push(pixel);
    }

    /// Nearer than the distance to any of them.
    fn covers(&self, pixel: (usize, usize)) -> bool {
        let (x, y) = self.cell(pixel);
        (-1..=1)
            .flat_map(|dx| (-1..=1).map(move |dy| (x + dx, y + dy)))
            .filter_map(|cell| self.cells.get(&cell))
            .flatten()
            .any(|taken| {
                let (dx, dy) = (taken.0.abs_diff(pixel.0), taken.1.abs_diff(pixel.1));
                ((dx * dx + dy * dy) as f64) < self.apart * self.apart
            })
    }
}

/// The best pixel of a square that is not taken.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    value: f32,
    pixel: (usize, usize),
    square: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    /// The more alike first; of equals the upper, then the left one.
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |one: &Self| (one.pixel.1, one.pixel.0);
        self.value
            .total_cmp(&other.value)
            .then_with(|| place(other).cmp(&place(self)))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Likeness and the pixel (column, row) that has it.
pub type LikePixel = (f32, (usize, usize));

/// The most similar places of a scene, each at least so far from all better ones: the same as sorting all pixels and taking
/// them in turn, but it holds one candidate a square and asks again for squares whose candidate was overtaken.
pub struct BestPlaces {
    squares: Vec<Window>,
    taken: Taken,
    candidates: BinaryHeap<Candidate>,
}

impl BestPlaces {
    /// `apart` in pixels, at least 1.
    pub fn new(squares: Vec<Window>, apart: f64) -> Self {
        Self {
            squares,
            taken: Taken {
                apart: apart.max(1.0),
                cells: HashMap::new(),
            },
            candidates: BinaryHeap::new(),
        }
    }

    /// Nothing is found around this pixel: it is one of the examples.
    pub fn avoid(&mut self, pixel: (usize, usize)) {
        self.taken.add(pixel);
    }

    /// Looks at a square's likenesses (NaN = not wanted); of the first pass over the scene.
    pub fn look(&mut self, square: usize, values: &[f32]) {
        let Some(window) = self.squares.get(square) else {
            return;
        };
        let best = values
            .iter()
            .enumerate()
            .filter(|(_, value)| !value.is_nan())
            .map(|(at, value)| Candidate {
                value: *value,
                pixel: (
                    window.col + at % window.width,
                    window.row + at / window.width,
                ),
                square,
            })
            .fold(None, |best: Option<Candidate>, one| match best {
                Some(best) if best >= one => Some(best),
                best if self.taken.covers(one.pixel) => best,
                _ => Some(one),
            });
        self.candidates.extend(best);
    }

    /// The next best place, `None` when none is left. `values_of` gives the likenesses of a square again.
    pub fn next_blocking<E>(
        &mut self,
        values_of: &mut dyn FnMut(Window) -> Result<Vec<f32>, E>,
    ) -> Result<Option<LikePixel>, E> {
        while let Some(best) = self.candidates.pop() {
            let is_free = !self.taken.covers(best.pixel);
            if is_free {
                self.taken.add(best.pixel);
            }
            if let Some(window) = self.squares.get(best.square).copied() {
                let values = values_of(window)?;
                self.look(best.square, &values);
            }
            if is_free {
                return Ok(Some((best.value, best.pixel)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SceneError;
    use crate::similarity::squares_of;

    /// Likeness of a made-up scene, the same wherever it is cut.
    fn value(col: usize, row: usize) -> f32 {
        let noise = crate::folds::splitmix64((row * 1000 + col) as u64) % 1000;
        noise as f32 / 1000.0
    }

    #[test]
    fn best_places_are_those_of_sorting_everything() {
        const SIDE: usize = 70;
        let whole = Window {
            col: 0,
            row: 0,
            width: SIDE,
            height: SIDE,
        };
        let values_of = |window: Window| -> Vec<f32> {
            (0..window.pixels())
                .map(|at| {
                    let (col, row) = (
                        window.col + at % window.width,
                        window.row + at / window.width,
                    );
                    if (col + row) % 17 == 0 {
                        f32::NAN
                    } else {
                        value(col, row)
                    }
                })
                .collect()
        };
        for (side, apart) in [(8, 6.0), (32, 1.0), (70, 25.5)] {
            let squares = squares_of(whole, side);
            let mut best = BestPlaces::new(squares.clone(), apart);
            best.avoid((10, 10));
            for (number, window) in squares.iter().enumerate() {
                best.look(number, &values_of(*window));
            }
            let mut found = Vec::new();
            while found.len() < 12 {
                let next = best.next_blocking::<SceneError>(&mut |window| Ok(values_of(window)));
                let Some(next) = next.unwrap() else { break };
                found.push(next);
            }
            let all = values_of(whole);
            let mut order: Vec<usize> = (0..all.len()).filter(|at| !all[*at].is_nan()).collect();
            order.sort_by(|a, b| all[*b].total_cmp(&all[*a]).then(a.cmp(b)));
            let (mut expected, mut taken) = (Vec::new(), vec![(10usize, 10usize)]);
            for at in order {
                let pixel = (at % SIDE, at / SIDE);
                let is_free = taken.iter().all(|one| {
                    let (dx, dy) = (one.0.abs_diff(pixel.0), one.1.abs_diff(pixel.1));
                    ((dx * dx + dy * dy) as f64) >= apart * apart
                });
                if is_free && expected.len() < 12 {
                    taken.push(pixel);
                    expected.push((all[at], pixel));
                }
            }
            assert_eq!(found, expected, "squares of {side}, {apart} apart");
        }
    }
}
