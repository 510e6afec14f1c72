//! Where the rows of a batch lie: crops of the archives, as different as possible within a batch, drawn by strata where they
//! are given. Knows grids and chance. Opens no file.

use terroir_models::Stream;
use terroir_scene::Window;

use super::sampling::pick;

/// Crops tried so that those of one batch do not cover each other.
const TRIES: usize = 6;
/// Pixels remembered of a stratum in an archive.
const ANCHORS: usize = 4096;

/// A crop: `side` pixels a side from the upper left corner of `window` on, which is smaller where the archive is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub archive: usize,
    pub window: Window,
}

/// Size of an archive, pixels, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    pub width: usize,
    pub height: usize,
    /// Frames of what the model looks at.
    pub frames: usize,
}

/// A pixel of an archive: archive, column, row.
pub type Pixel = (usize, usize, usize);

/// The places of a run.
#[derive(Clone, Debug, Default)]
pub struct Places {
    extents: Vec<Extent>,
    side: usize,
    /// Pixels by stratum. Without strata crops lie anywhere.
    strata: Vec<Vec<Pixel>>,
}

impl Places {
    pub fn new(extents: Vec<Extent>, side: usize) -> Self {
        Self {
            extents,
            side,
            strata: Vec::new(),
        }
    }

    pub fn strata(&self) -> usize {
        self.strata.len()
    }

    /// Takes in the pixels of a stratum; of many, some are kept.
    pub fn add_stratum(&mut self, pixels: Vec<Pixel>, chance: &mut Stream) {
        let mut pixels = pixels;
        for place in 0..ANCHORS.min(pixels.len()) {
            let other = place + pick(pixels.len() - place, chance);
            pixels.swap(place, other);
        }
        pixels.truncate(ANCHORS);
        if !pixels.is_empty() {
            self.strata.push(pixels);
        }
    }

    /// Places of a batch in random order. Archives are seen by the root of their pixels and frames, each as evenly as the
    /// batch allows; with strata every stratum is seen equally often.
    pub fn draw(&self, count: usize, chance: &mut Stream) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::with_capacity(count);
        let even = chance.uniform();
        for at in 0..count {
            let share = (even + at as f64) / count.max(1) as f64;
            let mut best: Option<(usize, Place)> = None;
            let anchored = self.stratum_at(share);
            let archive = self.archive_at(share);
            for _ in 0..TRIES {
                let place = match anchored {
                    Some(pixels) => {
                        let (archive, col, row) = pixels[pick(pixels.len(), chance)];
                        self.around(archive, col, row, chance)
                    }
                    None => self.anywhere(archive, chance),
                };
                let Some(place) = place else { continue };
                let covered: usize = places
                    .iter()
                    .filter(|other| other.archive == place.archive)
                    .filter_map(|other| other.window.intersection(&place.window))
                    .map(|common| common.pixels())
                    .sum();
                if best.as_ref().is_none_or(|(least, _)| covered < *least) {
                    best = Some((covered, place));
                }
                if covered == 0 {
                    break;
                }
            }
            places.extend(best.map(|(_, place)| place));
        }
        for place in 0..places.len() {
            let other = place + pick(places.len() - place, chance);
            places.swap(place, other);
        }
        places
    }

    /// A crop with a pixel in it.
    pub fn around(
        &self,
        archive: usize,
        col: usize,
        row: usize,
        chance: &mut Stream,
    ) -> Option<Place> {
        let extent = self.extents.get(archive)?;
        let mut start = |at: usize, length: usize| {
            let low = (at + 1).saturating_sub(self.side);
            let high = at.min(length.saturating_sub(self.side));
            low.min(high) + pick(high.saturating_sub(low) + 1, chance)
        };
        let (col, row) = (start(col, extent.width), start(row, extent.height));
        Some(self.place(archive, extent, col, row))
    }

    /// The crop in the middle of an archive.
    pub fn middle(&self, archive: usize) -> Option<Place> {
        let extent = self.extents.get(archive)?;
        let start = |length: usize| length.saturating_sub(self.side) / 2;
        let (col, row) = (start(extent.width), start(extent.height));
        Some(self.place(archive, extent, col, row))
    }

    fn anywhere(&self, archive: usize, chance: &mut Stream) -> Option<Place> {
        let extent = self.extents.get(archive)?;
        let mut start = |length: usize| pick(length.saturating_sub(self.side) + 1, chance);
        let (col, row) = (start(extent.width), start(extent.height));
        Some(self.place(archive, extent, col, row))
    }

    fn place(&self, archive: usize, extent: &Extent, col: usize, row: usize) -> Place {
        Place {
            archive,
            window: Window {
                col,
                row,
                width: self.side.min(extent.width - col.min(extent.width)),
                height: self.side.min(extent.height - row.min(extent.height)),
            },
        }
    }

    fn archive_at(&self, share: f64) -> usize {
        let weight =
            |extent: &Extent| ((extent.width * extent.height * extent.frames) as f64).sqrt();
        let mut at = share * self.extents.iter().map(weight).sum::<f64>();
        for (archive, extent) in self.extents.iter().enumerate() {
            if at < weight(extent) {
                return archive;
            }
            at -= weight(extent);
        }
        self.extents.len().saturating_sub(1)
    }

    fn stratum_at(&self, share: f64) -> Option<&Vec<Pixel>> {
        let at = (share * self.strata.len() as f64) as usize;
        self.strata.get(at).or(self.strata.last())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let extent = |width, height, frames| Extent {
            width,
            height,
            frames,
        };
        let extents = vec![
            extent(200, 150, 100),
            extent(64, 64, 100),
            extent(37, 27, 137),
        ];
        Places::new(extents, 32)
    }

    #[test]
    fn a_batch_comes_from_all_archives_and_lies_inside_them() {
        let places = places();
        let mut chance = Stream::new(1, "places");
        for _ in 0..100 {
            let batch = places.draw(8, &mut chance);
            assert_eq!(batch.len(), 8);
            for archive in 0..3 {
                assert!(
                    batch.iter().any(|place| place.archive == archive),
                    "{batch:?}"
                );
            }
            for place in &batch {
                let extent = places.extents[place.archive];
                assert!(place.window.end_col() <= extent.width, "{place:?}");
                assert!(place.window.end_row() <= extent.height, "{place:?}");
                let size = (place.window.width, place.window.height);
                let expected = if place.archive == 2 {
                    (32, 27)
                } else {
                    (32, 32)
                };
                assert_eq!(size, expected);
            }
            let largest: Vec<&Place> = batch.iter().filter(|place| place.archive == 0).collect();
            assert!((3..=6).contains(&largest.len()), "{}", largest.len());
        }
    }

    #[test]
    fn strata_are_seen_equally_often() {
        let mut places = places();
        let mut chance = Stream::new(1, "strata");
        places.add_stratum(vec![(1, 3, 60)], &mut chance);
        places.add_stratum(
            (0..9000).map(|at| (0, at % 150, at / 150)).collect(),
            &mut chance,
        );
        places.add_stratum(Vec::new(), &mut chance);
        assert_eq!(places.strata(), 2);
        let mut rare = 0;
        for _ in 0..50 {
            for place in places.draw(4, &mut chance) {
                if place.archive == 1 {
                    rare += 1;
                    let window = place.window;
                    assert!(window.col <= 3 && window.end_col() > 3);
                    assert!(window.row <= 60 && window.end_row() > 60);
                }
            }
        }
        assert_eq!(rare, 100);
    }

    #[test]
    fn crops_of_a_batch_keep_apart_where_there_is_room() {
        let extents = vec![Extent {
            width: 1000,
            height: 1000,
            frames: 9,
        }];
        let places = Places::new(extents, 32);
        let mut chance = Stream::new(2, "apart");
        for _ in 0..50 {
            let batch = places.draw(8, &mut chance);
            for (at, place) in batch.iter().enumerate() {
                for other in &batch[at + 1..] {
                    assert_eq!(place.window.intersection(&other.window), None);
                }
            }
        }
        assert_eq!(places.middle(0).unwrap().window.col, 484);
        assert_eq!(places.middle(1), None);
    }
}
