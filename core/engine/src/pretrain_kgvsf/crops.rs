//! The crops samples are drawn from: a grid of squares half over each other, a pool of which is in use at a time, so that memory
//! does not depend on the size of the archives. Which crop a draw uses depends on its number alone: a resumed run reads the same.
//! Knows windows and chance.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use terroir_models::Stream;
use terroir_scene::{Grid, Window};

use super::opening::OpenPlace;
use crate::monitor::{JobResult, Monitor};
use crate::weather_series::{Crop, ModelBand, read_crop_blocking, starts};

/// Memory for crops.
const KEPT_BYTES: usize = 512 << 20;
/// Draws a crop stays in use for, where not all fit.
const LIFE: u64 = 400;

/// A square of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Square {
    pub place: usize,
    pub window: Window,
}

/// All squares of all places, and those in memory.
pub struct Crops {
    pub squares: Vec<Square>,
    side: usize,
    finds_clouds: bool,
    /// Squares in use at a time.
    pool: usize,
    kept: HashMap<Square, (Rc<Crop>, u64)>,
    clock: u64,
    bytes: usize,
    /// Squares that were read, and how long that took.
    read: u64,
    read_secs: f64,
}

/// Squares of `side` pixels over a grid, half over each other; one, smaller than that, where the grid is.
pub fn squares_of(place: usize, grid: &Grid, side: usize) -> Vec<Square> {
    let starts = |length: usize| starts(length, side, side / 2);
    let columns = starts(grid.width);
    starts(grid.height)
        .into_iter()
        .flat_map(|row| {
            columns.iter().map(move |col| Square {
                place,
                window: Window {
                    col: *col,
                    row,
                    width: side.min(grid.width),
                    height: side.min(grid.height),
                },
            })
        })
        .collect()
}

impl Crops {
    pub fn new(places: &[OpenPlace], side: usize, bands: usize, finds_clouds: bool) -> Self {
        let squares: Vec<Square> = places
            .iter()
            .enumerate()
            .flat_map(|(number, place)| squares_of(number, &place.site.archive.grid, side))
            .collect();
        let images = places.iter().map(|place| place.site.images.len()).max();
        let bytes = images.unwrap_or(1) * side * side * (4 * bands + 1);
        Self {
            pool: (KEPT_BYTES / bytes.max(1)).clamp(1, squares.len().max(1)),
            squares,
            side,
            finds_clouds,
            kept: HashMap::new(),
            clock: 0,
            bytes: 0,
            read: 0,
            read_secs: 0.0,
        }
    }

    /// Draws only from these.
    pub fn keep(&mut self, squares: Vec<Square>) {
        self.pool = self.pool.min(squares.len().max(1));
        self.squares = squares;
    }

    /// How many squares a run of so many draws reads.
    pub fn read_by(&self, draws: u64) -> u64 {
        let (pool, all) = (self.pool as u64, self.squares.len() as u64);
        match pool >= all {
            true => all.min(draws),
            false => draws.min(pool * (1 + draws / LIFE)),
        }
    }

    /// What reading one took so far, in the mean.
    pub fn secs_a_square(&self) -> f64 {
        self.read_secs / self.read.max(1) as f64
    }

    /// The square of a draw: one of those in use then.
    pub fn draw(&self, number: u64, seed: u64, chance: &mut Stream) -> Option<Square> {
        let count = self.squares.len();
        let slot = pick(self.pool, chance);
        if self.pool >= count {
            return self.squares.get(slot).copied();
        }
        // Each place of the pool changes its square at another time.
        let age = (number + slot as u64 * LIFE / self.pool as u64) / LIFE;
        let mut of_slot = Stream::new(seed, &format!("square {slot} {age}"));
        self.squares.get(pick(count, &mut of_slot)).copied()
    }

    /// The pixels of a square in all images, from memory where they are.
    pub fn take_blocking(
        &mut self,
        square: Square,
        places: &[OpenPlace],
        bands: &[ModelBand],
        monitor: &Monitor<'_>,
    ) -> JobResult<Option<Rc<Crop>>> {
        self.clock += 1;
        if let Some((crop, used)) = self.kept.get_mut(&square) {
            *used = self.clock;
            return Ok(Some(Rc::clone(crop)));
        }
        let Some(place) = places.get(square.place) else {
            return Ok(None);
        };
        let begun = Instant::now();
        let all = (0..place.site.images.len()).collect();
        let size = [self.side, self.side];
        let crop = read_crop_blocking(
            &place.site,
            bands,
            square.window,
            size,
            all,
            self.finds_clouds,
            monitor,
        )?;
        self.read += 1;
        self.read_secs += begun.elapsed().as_secs_f64();
        self.bytes += crop.bytes();
        let crop = Rc::new(crop);
        self.kept.insert(square, (Rc::clone(&crop), self.clock));
        while self.bytes > KEPT_BYTES && self.kept.len() > 1 {
            let oldest = self
                .kept
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(square, _)| *square);
            if let Some((crop, _)) = oldest.and_then(|oldest| self.kept.remove(&oldest)) {
                self.bytes -= crop.bytes();
            }
        }
        Ok(Some(crop))
    }
}

/// A number below `count`; 0 where there is none.
pub fn pick(count: usize, chance: &mut Stream) -> usize {
    ((chance.uniform() * count as f64) as usize).min(count.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use terroir_scene::Georef;

    use super::*;

    fn grid(width: usize, height: usize) -> Grid {
        Grid {
            width,
            height,
            georef: Georef::default(),
        }
    }

    #[test]
    fn squares_cover_everything_and_stay_inside() {
        for (width, height) in [(100, 40), (32, 32), (17, 90), (33, 31)] {
            let squares = squares_of(0, &grid(width, height), 32);
            let mut seen = vec![false; width * height];
            for square in &squares {
                let window = square.window;
                assert!(window.end_col() <= width && window.end_row() <= height);
                for row in window.row..window.end_row() {
                    for col in window.col..window.end_col() {
                        seen[row * width + col] = true;
                    }
                }
            }
            assert!(seen.iter().all(|seen| *seen), "{width} x {height}");
        }
    }
}
