//! Crops for pretraining: scenes of any sensors, grouped by their wavelengths, and batches drawn from one group at a time.
//! Knows rasters and chance. Knows nothing of tensors.

use std::path::PathBuf;

use terroir_models::{MaskedDofa, Stream};
use terroir_scene::{Raster, Window};

use crate::dense::Geometry;
use crate::design::Design;
use crate::inputs::{
    InputBand, Region, choose_bands_blocking, read_region_blocking, wavelengths_um,
};
use crate::monitor::{JobResult, Monitor};
use crate::training::Draw;
use crate::{EmbedSpec, PretrainSpec, TrainingScene};

/// Crops cover from half to twice the area of a window that a field is made of: the model learns the scales it is used at.
const SIDES: (f64, f64) = (0.707, 1.414);
/// Share of a crop's pixels that should have a value.
const VALID: f64 = 0.9;
/// Places tried for a crop before the best of them is taken.
const TRIES: usize = 8;

/// The scenes of a run.
pub struct SceneSet {
    scenes: Vec<TrainedOn>,
    groups: Vec<Group>,
    /// Crop sides in scene pixels, least and most.
    crop: (usize, usize),
    /// Side of the images, pixels.
    side: usize,
    bands_a_step: usize,
    jitter_um: f64,
}

struct TrainedOn {
    raster: Raster,
    bands: Vec<InputBand>,
    weight: f64,
}

/// Scenes that go into one batch, since one kernel serves them.
struct Group {
    wavelengths_um: Vec<f32>,
    scenes: Vec<usize>,
}

/// Images of one set of bands.
pub struct Batch {
    /// Planar, `count * bands * side * side`.
    pub values: Vec<f32>,
    pub count: usize,
    pub side: usize,
    pub wavelengths_um: Vec<f32>,
}

impl Batch {
    pub fn bands(&self) -> usize {
        self.wavelengths_um.len()
    }
}

impl SceneSet {
    /// Opens and measures the scenes, each as an embed job would.
    pub fn open_blocking(
        spec: &PretrainSpec,
        model: &MaskedDofa,
        radar_um: f32,
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        let side = model.config().image;
        let mut scenes: Vec<TrainedOn> = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        for scene in &spec.scenes {
            monitor.check()?;
            let raster = Raster::open(&scene.path)?;
            let bands = choose_bands_blocking(&raster, &as_embed(spec, scene), monitor)?;
            let wavelengths = wavelengths_um(&bands, radar_um, monitor);
            let number = scenes.len();
            match groups
                .iter_mut()
                .find(|group| is_same(&group.wavelengths_um, &wavelengths))
            {
                Some(group) => group.scenes.push(number),
                None => groups.push(Group {
                    wavelengths_um: wavelengths,
                    scenes: vec![number],
                }),
            }
            let grid = &raster.info().grid;
            // Large scenes are seen more often, but not in proportion: small ones would not be seen at all.
            let weight = ((grid.width * grid.height) as f64).sqrt();
            scenes.push(TrainedOn {
                raster,
                bands,
                weight,
            });
        }
        let mut seen = model.encoder().config().clone();
        seen.image = side;
        let window = Geometry::of(&seen, Design::default().patch_px).window as f64;
        let crop = |factor: f64| ((window * factor).round() as usize).max(1);
        Ok(Self {
            scenes,
            groups,
            crop: (crop(SIDES.0), crop(SIDES.1)),
            side,
            bands_a_step: spec.bands_a_step,
            jitter_um: spec.wavelength_jitter_nm / 1000.0,
        })
    }

    pub fn side(&self) -> usize {
        self.side
    }

    /// Bands of an image, at most.
    pub fn most_bands(&self) -> usize {
        let bands = self.groups.iter().map(|group| group.wavelengths_um.len());
        let most = bands.max().unwrap_or(1);
        match self.bands_a_step {
            0 => most,
            of_step => most.min(of_step),
        }
    }

    /// Says what kinds of scenes there are, as progress words would.
    pub fn describe(&self, monitor: &Monitor<'_>) {
        let small = self
            .scenes
            .iter()
            .filter(|scene| {
                let grid = &scene.raster.info().grid;
                grid.width.min(grid.height) < self.crop.0
            })
            .count();
        if small > 0 {
            monitor.warn(format!(
                "{small} of {} scenes are smaller than a crop of {} pixels and are enlarged",
                self.scenes.len(),
                self.crop.0
            ));
        }
        monitor.metric("scenes", self.scenes.len() as f64);
        monitor.metric("band_sets", self.groups.len() as f64);
    }

    /// The batch of a draw, of one group of scenes.
    pub fn draw_blocking(
        &self,
        draw: Draw,
        count: usize,
        monitor: &Monitor<'_>,
    ) -> JobResult<Batch> {
        let mut chance = Stream::new(draw.seed, &format!("crops {} {}", draw.step, draw.part));
        let weights = self.groups.iter().map(|group| self.weight_of(group).sqrt());
        let group = pick(&mut chance, weights);
        self.batch_of(group, count, &mut chance, monitor)
    }

    /// One crop of each of the first groups, always the same.
    pub fn one_of_each(&self, most: usize, monitor: &Monitor<'_>) -> JobResult<Vec<Batch>> {
        (0..self.groups.len().min(most))
            .map(|group| {
                let mut chance = Stream::new(0, &format!("preview {group}"));
                self.batch_of(group, 1, &mut chance, monitor)
            })
            .collect()
    }

    fn weight_of(&self, group: &Group) -> f64 {
        let scenes = group
            .scenes
            .iter()
            .filter_map(|scene| self.scenes.get(*scene));
        scenes.map(|scene| scene.weight).sum()
    }

    fn batch_of(
        &self,
        group: usize,
        count: usize,
        chance: &mut Stream,
        monitor: &Monitor<'_>,
    ) -> JobResult<Batch> {
        let group = &self.groups[group];
        let chosen = some_of(chance, group.wavelengths_um.len(), self.bands_a_step);
        let wavelengths_um = chosen
            .iter()
            .map(|band| {
                let jitter = self.jitter_um * (2.0 * chance.uniform() - 1.0);
                (f64::from(group.wavelengths_um[*band]) + jitter).max(1e-3) as f32
            })
            .collect();
        let mut values = Vec::with_capacity(count * chosen.len() * self.side * self.side);
        for _ in 0..count {
            monitor.check()?;
            let weights = group.scenes.iter().map(|scene| self.scenes[*scene].weight);
            let scene = &self.scenes[group.scenes[pick(chance, weights)]];
            let bands: Vec<InputBand> = chosen
                .iter()
                .map(|band| scene.bands[*band].clone())
                .collect();
            let region = self.crop_blocking(&scene.raster, &bands, chance)?;
            let turn = (chance.uniform() * 8.0) as u8;
            for band in 0..bands.len() {
                enlarged(&region, band, self.side, turn, &mut values);
            }
        }
        Ok(Batch {
            values,
            count,
            side: self.side,
            wavelengths_um,
        })
    }

    /// A crop with few missing pixels, or the one with the fewest of those tried. Missing pixels have the mean.
    fn crop_blocking(
        &self,
        raster: &Raster,
        bands: &[InputBand],
        chance: &mut Stream,
    ) -> JobResult<Region> {
        let grid = &raster.info().grid;
        let mut best: Option<(f64, Region)> = None;
        for _ in 0..TRIES {
            let window = window_in(grid.width, grid.height, self.crop, chance);
            let region = read_region_blocking(raster, bands, window)?;
            let valid = region.valid.iter().filter(|valid| **valid).count();
            let share = valid as f64 / region.valid.len().max(1) as f64;
            if share >= VALID {
                return Ok(region);
            }
            if best.as_ref().is_none_or(|(least, _)| share > *least) {
                best = Some((share, region));
            }
        }
        match best {
            Some((_, region)) => Ok(region),
            None => Err(crate::Failure::new("a scene has no pixels").into()),
        }
    }
}

/// A scene in the words of an embed job.
fn as_embed(spec: &PretrainSpec, scene: &TrainingScene) -> EmbedSpec {
    EmbedSpec {
        scene: scene.path.clone(),
        model: spec.model.clone(),
        weights: None,
        device: spec.device.clone(),
        out: PathBuf::new(),
        wavelengths_nm: scene.wavelengths_nm.clone(),
        bands: scene.bands.clone(),
        seed: spec.seed,
        aoi: None,
    }
}

/// Equal to the nanometre.
fn is_same(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3)
}

/// A place by its weight; the first where all weigh nothing.
fn pick(chance: &mut Stream, weights: impl Iterator<Item = f64> + Clone) -> usize {
    let mut at = chance.uniform() * weights.clone().sum::<f64>();
    for (place, weight) in weights.enumerate() {
        if at < weight {
            return place;
        }
        at -= weight;
    }
    0
}

/// All of `count`, or `most` of them drawn, in rising order.
fn some_of(chance: &mut Stream, count: usize, most: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..count).collect();
    if most == 0 || count <= most {
        return all;
    }
    for place in 0..most {
        let other = place + (chance.uniform() * (count - place) as f64) as usize;
        all.swap(place, other.min(count - 1));
    }
    all.truncate(most);
    all.sort_unstable();
    all
}

/// A square inside the scene, of a drawn side and at a drawn place.
fn window_in(width: usize, height: usize, crop: (usize, usize), chance: &mut Stream) -> Window {
    let span = (crop.1 - crop.0 + 1) as f64;
    let side = crop.0 + (chance.uniform() * span) as usize;
    let side = side.min(width).min(height).max(1);
    let mut at = |length: usize| {
        let free = length - side;
        ((chance.uniform() * (free + 1) as f64) as usize).min(free)
    };
    Window {
        col: at(width),
        row: at(height),
        width: side,
        height: side,
    }
}

/// Appends a band of a region, bilinear, `side` pixels a side, turned and mirrored in one of eight ways.
fn enlarged(region: &Region, band: usize, side: usize, turn: u8, out: &mut Vec<f32>) {
    let (width, height) = (region.window.width, region.window.height);
    let plane = region.plane(band);
    let axis = |size: usize| -> Vec<(usize, usize, f32)> {
        (0..side)
            .map(|i| {
                let at = (i as f64 + 0.5) * size as f64 / side as f64 - 0.5;
                let at = at.clamp(0.0, (size - 1) as f64);
                let before = at as usize;
                (
                    before,
                    (before + 1).min(size - 1),
                    (at - before as f64) as f32,
                )
            })
            .collect()
    };
    let (columns, rows) = (axis(width), axis(height));
    let (is_swapped, flips_rows, flips_columns) = (turn & 1 > 0, turn & 2 > 0, turn & 4 > 0);
    for row in 0..side {
        for column in 0..side {
            let (mut r, mut c) = if is_swapped {
                (column, row)
            } else {
                (row, column)
            };
            if flips_rows {
                r = side - 1 - r;
            }
            if flips_columns {
                c = side - 1 - c;
            }
            let ((upper, lower, down), (left, right, across)) = (rows[r], columns[c]);
            let value = |row: usize, column: usize| plane[row * width + column];
            let (a, b) = (value(upper, left), value(upper, right));
            let (c, d) = (value(lower, left), value(lower, right));
            let (above, below) = (a + (b - a) * across, c + (d - c) * across);
            out.push(above + (below - above) * down);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance() -> Stream {
        Stream::new(3, "test")
    }

    #[test]
    fn crops_lie_inside_scenes_of_any_size() {
        let mut chance = chance();
        for (width, height) in [(1000, 700), (64, 64), (17, 90), (1, 1)] {
            for _ in 0..200 {
                let window = window_in(width, height, (40, 80), &mut chance);
                assert!(window.width == window.height && window.width <= 80);
                assert!(window.col + window.width <= width, "{window:?}");
                assert!(window.row + window.height <= height, "{window:?}");
            }
        }
    }

    #[test]
    fn some_bands_are_drawn_without_repeats() {
        let mut chance = chance();
        assert_eq!(some_of(&mut chance, 4, 0), [0, 1, 2, 3]);
        assert_eq!(some_of(&mut chance, 4, 9), [0, 1, 2, 3]);
        let mut seen = [false; 50];
        for _ in 0..60 {
            let bands = some_of(&mut chance, 50, 8);
            assert_eq!(bands.len(), 8);
            assert!(bands.windows(2).all(|pair| pair[0] < pair[1]), "{bands:?}");
            bands.iter().for_each(|band| seen[*band] = true);
        }
        assert!(seen.iter().all(|seen| *seen));
    }

    #[test]
    fn places_are_picked_by_their_weight() {
        let mut chance = chance();
        let mut counts = [0; 3];
        for _ in 0..3000 {
            counts[pick(&mut chance, [1.0, 0.0, 3.0].into_iter())] += 1;
        }
        assert!((600..900).contains(&counts[0]), "{counts:?}");
        assert_eq!(counts[1], 0);
    }

    #[test]
    fn the_eight_turns_are_eight_and_keep_the_values() {
        let window = Window {
            col: 0,
            row: 0,
            width: 2,
            height: 2,
        };
        let region = Region {
            window,
            values: vec![1.0, 2.0, 3.0, 4.0],
            valid: vec![true; 4],
        };
        let mut seen: Vec<Vec<f32>> = Vec::new();
        for turn in 0..8 {
            let mut out = Vec::new();
            enlarged(&region, 0, 2, turn, &mut out);
            let mut sorted = out.clone();
            sorted.sort_by(f32::total_cmp);
            assert_eq!(sorted, [1.0, 2.0, 3.0, 4.0]);
            assert!(!seen.contains(&out), "{out:?}");
            seen.push(out);
        }
        let mut larger = Vec::new();
        enlarged(&region, 0, 4, 0, &mut larger);
        assert_eq!(larger[..4], [1.0, 1.25, 1.75, 2.0]);
    }
}
