//! Labelled windows of a scene for training: which place, how it is turned, which bands it shows.
//! Everything drawn depends on the draw alone. Knows no tensors.

use terroir_models::Stream;
use terroir_scene::Window;

use super::labels::{LabelMap, Labelled};
use super::scene_source::SceneSource;
use super::spec::{Augmentations, PatchLabel, TuneTask};
use crate::dense::Geometry;
use crate::monitor::JobResult;
use crate::training::Draw;

/// Windows of a step, side by side.
pub(crate) struct Batch {
    /// Positions in the source's bands, ascending.
    pub bands: Vec<usize>,
    /// `[batch, bands, image, image]` flat.
    pub images: Vec<f32>,
    /// `[batch, side, side]` flat; NaN where there is no label.
    pub labels: Vec<f32>,
    /// Side of the label grid: the window, or 1 for patches.
    pub side: usize,
}

/// Draws labelled windows.
pub(crate) struct Crops<'a> {
    pub source: &'a SceneSource,
    pub labels: &'a LabelMap,
    pub geometry: Geometry,
    pub task: TuneTask,
    pub patch_label: PatchLabel,
    pub augment: Augmentations,
    groups: Vec<Vec<Labelled>>,
}

impl<'a> Crops<'a> {
    pub fn new(
        source: &'a SceneSource,
        labels: &'a LabelMap,
        geometry: Geometry,
        task: TuneTask,
        patch_label: PatchLabel,
        augment: Augmentations,
    ) -> Self {
        Self {
            source,
            labels,
            geometry,
            task,
            patch_label,
            augment,
            groups: labels.training_groups(),
        }
    }

    /// Windows around training labels, every class drawn as often as the others.
    pub fn training_blocking(&self, draw: Draw, count: usize) -> JobResult<Batch> {
        let mut dice = Dice::new(draw);
        let bands = self.draw_bands(&mut dice);
        let mut batch = self.empty(bands, count);
        for _ in 0..count {
            let Some(pixel) = self.draw_pixel(&mut dice) else {
                continue;
            };
            let is_centred = !self.augment.crop || self.is_centred();
            let window = self.window_around(pixel.col, pixel.row, |room| match is_centred {
                true => room / 2,
                false => dice.below(room),
            });
            let turn = Turn {
                mirrored: self.augment.flip && dice.below(2) == 1,
                quarters: match (self.augment.rotate, self.augment.flip) {
                    (true, _) => dice.below(4),
                    // Mirrored top to bottom is mirrored left to right and turned by half.
                    (false, true) => 2 * dice.below(2),
                    (false, false) => 0,
                },
            };
            self.push(&mut batch, window, Some(pixel.label), turn, false)?;
        }
        Ok(batch)
    }

    /// Windows as they lie, with all bands and the labels that validate.
    pub fn validation_blocking(&self, windows: &[CheckWindow]) -> JobResult<Batch> {
        let mut batch = self.empty((0..self.source.bands.len()).collect(), windows.len());
        for check in windows {
            let before = batch.labels.len();
            self.push(&mut batch, check.window, check.label, Turn::default(), true)?;
            // Windows moved inside the scene overlap their neighbours: no label counts twice.
            let (col, row) = check.counted_from;
            let side = batch.side;
            for (at, label) in batch.labels.iter_mut().skip(before).enumerate() {
                if check.window.row + at / side < row || check.window.col + at % side < col {
                    *label = f32::NAN;
                }
            }
        }
        Ok(batch)
    }

    /// What to look at to score the validation labels: windows that cover them, or, for patches, windows around some of
    /// them; at most `most`, thinned evenly.
    pub fn check_windows(&self, most: usize) -> Vec<CheckWindow> {
        let side = self.geometry.window;
        let mut all: Vec<CheckWindow> = Vec::new();
        if self.task == TuneTask::Patches {
            all.extend(self.labels.pixels(true).map(|pixel| CheckWindow {
                window: self.window_around(pixel.col, pixel.row, |room| room / 2),
                label: Some(pixel.label),
                counted_from: (0, 0),
            }));
        } else {
            // Tiles a window wide; what a tile covers is looked at once.
            let mut tiles: Vec<(usize, usize)> = self
                .labels
                .pixels(true)
                .map(|pixel| (pixel.row / side, pixel.col / side))
                .collect();
            tiles.sort_unstable();
            tiles.dedup();
            let extent = self.source.grid().window();
            all.extend(tiles.into_iter().map(|(row, col)| CheckWindow {
                window: Window {
                    col: (col * side).min(extent.width.saturating_sub(side)),
                    row: (row * side).min(extent.height.saturating_sub(side)),
                    width: side.min(extent.width),
                    height: side.min(extent.height),
                },
                label: None,
                counted_from: (col * side, row * side),
            }));
        }
        let kept = all.len().min(most);
        (0..kept).map(|i| all[i * all.len() / kept]).collect()
    }

    fn is_centred(&self) -> bool {
        self.task == TuneTask::Patches && self.patch_label == PatchLabel::Centre
    }

    fn empty(&self, bands: Vec<usize>, count: usize) -> Batch {
        let (image, side) = (self.geometry.image, self.label_side());
        Batch {
            images: Vec::with_capacity(count * bands.len() * image * image),
            bands,
            labels: Vec::with_capacity(count * side * side),
            side,
        }
    }

    fn label_side(&self) -> usize {
        match self.task {
            TuneTask::Patches => 1,
            TuneTask::Pixels | TuneTask::Values => self.geometry.window,
        }
    }

    fn draw_pixel(&self, dice: &mut Dice) -> Option<Labelled> {
        let group = self.groups.get(dice.below(self.groups.len()))?;
        group.get(dice.below(group.len())).copied()
    }

    fn draw_bands(&self, dice: &mut Dice) -> Vec<usize> {
        let count = self.source.bands.len();
        let most = (self.augment.drop_bands.clamp(0.0, 0.9) * count as f64) as usize;
        let dropped = dice.below(most.min(count.saturating_sub(1)) + 1);
        let mut bands: Vec<usize> = (0..count).collect();
        for _ in 0..dropped {
            bands.remove(dice.below(bands.len()));
        }
        bands
    }

    /// A window that holds the pixel; `place` chooses its offset below the room there is.
    fn window_around(
        &self,
        col: usize,
        row: usize,
        mut place: impl FnMut(usize) -> usize,
    ) -> Window {
        let extent = self.source.grid().window();
        let mut axis = |at: usize, length: usize| {
            let side = self.geometry.window.min(length);
            let start = at.saturating_sub(place(side));
            (start.min(length - side), side)
        };
        let (col, width) = axis(col, extent.width);
        let (row, height) = axis(row, extent.height);
        Window {
            col,
            row,
            width,
            height,
        }
    }

    fn push(
        &self,
        batch: &mut Batch,
        window: Window,
        label: Option<f32>,
        turn: Turn,
        validates: bool,
    ) -> JobResult<()> {
        let (image, side) = (self.geometry.image, self.geometry.window);
        let region = self.source.region_blocking(window)?;
        let mut planes = Vec::with_capacity(self.source.bands.len() * image * image);
        self.geometry
            .image_of(&region, window, self.source.bands.len(), &mut planes);
        for band in &batch.bands {
            let plane = planes
                .get(band * image * image..(band + 1) * image * image)
                .unwrap_or_default();
            turn.push(plane, image, &mut batch.images);
        }
        let is_patch = self.task == TuneTask::Patches;
        if is_patch && (validates || self.is_centred()) {
            batch.labels.push(label.unwrap_or(f32::NAN));
            return Ok(());
        }
        let labels = self.labels.in_window(window, side, validates);
        if is_patch {
            batch.labels.push(majority(&labels));
        } else {
            turn.push(&labels, side, &mut batch.labels);
        }
        Ok(())
    }
}

/// A window whose answer is compared with labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CheckWindow {
    pub window: Window,
    /// Of a patch.
    pub label: Option<f32>,
    /// Column and row from which on its labels count.
    pub counted_from: (usize, usize),
}

/// The most frequent label; of equally frequent ones the smallest.
fn majority(labels: &[f32]) -> f32 {
    let mut known: Vec<f32> = labels.iter().copied().filter(|l| !l.is_nan()).collect();
    known.sort_by(f32::total_cmp);
    let (mut best, mut most) = (f32::NAN, 0);
    for run in known.chunk_by(|a, b| a == b) {
        if run.len() > most {
            most = run.len();
            best = run.first().copied().unwrap_or(f32::NAN);
        }
    }
    best
}

/// One of the eight ways to lay down a square.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Turn {
    mirrored: bool,
    /// Quarter turns after the mirroring.
    quarters: usize,
}

impl Turn {
    fn push(self, plane: &[f32], side: usize, out: &mut Vec<f32>) {
        let last = side.saturating_sub(1);
        for row in 0..side {
            for col in 0..side {
                let (r, c) = match self.quarters % 4 {
                    0 => (row, col),
                    1 => (last - col, row),
                    2 => (last - row, last - col),
                    _ => (col, last - row),
                };
                let c = if self.mirrored { last - c } else { c };
                out.push(plane.get(r * side + c).copied().unwrap_or(f32::NAN));
            }
        }
    }
}

/// Whole numbers by chance from a draw's three numbers.
struct Dice(Stream);

impl Dice {
    fn new(draw: Draw) -> Self {
        let name = format!("windows of step {} part {}", draw.step, draw.part);
        Self(Stream::new(draw.seed, &name))
    }

    /// From 0 to `count` - 1; 0 where `count` is 0.
    fn below(&mut self, count: usize) -> usize {
        ((self.0.uniform() * count as f64) as usize).min(count.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_turns_are_eight_and_four_quarters_are_none() {
        let square = [0.0, 1.0, 2.0, 3.0];
        let mut seen = Vec::new();
        for mirrored in [false, true] {
            for quarters in 0..4 {
                let mut out = Vec::new();
                Turn { mirrored, quarters }.push(&square, 2, &mut out);
                assert!(!seen.contains(&out), "{out:?}");
                seen.push(out);
            }
        }
        assert_eq!(seen[0], square);
        // A quarter turn clockwise: the lower left comes to the upper left.
        assert_eq!(seen[1], [2.0, 0.0, 3.0, 1.0]);
        assert_eq!(seen[4], [1.0, 0.0, 3.0, 2.0]);
    }

    #[test]
    fn a_patch_takes_what_most_of_it_is() {
        let void = f32::NAN;
        assert_eq!(majority(&[1.0, void, 2.0, 2.0]), 2.0);
        assert_eq!(majority(&[1.0, 0.0]), 0.0);
        assert!(majority(&[void]).is_nan());
    }

    #[test]
    fn draws_repeat_and_differ() {
        let draw = Draw {
            seed: 3,
            step: 5,
            part: 0,
        };
        let numbers = |draw| {
            let mut dice = Dice::new(draw);
            (0..20).map(|_| dice.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(draw), numbers(draw));
        assert_ne!(numbers(draw), numbers(Draw { step: 6, ..draw }));
        assert_ne!(numbers(draw), numbers(Draw { part: 1, ..draw }));
        assert!(numbers(draw).iter().all(|n| *n < 1000));
        assert_eq!(Dice::new(draw).below(0), 0);
    }
}
