//! A stratified random sample of a class map, drawn to judge it: how many points each class gets and which pixels they are.
//! The same seed draws the same points. Knows maps and classes; knows nothing of label files or models.

use std::collections::{BTreeMap, BinaryHeap, HashSet};

use crate::folds::splitmix64;
use crate::{Raster, Resampling, SceneError, SceneResult, Window, points_needed};

/// Side of the squares in which a map is read.
const SIDE: usize = 512;
/// A class on less than this share of the map counts as rare.
const RARE: f64 = 0.1;

/// How a sample is to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleDesign {
    /// Points in all; `None` = as many as the wanted standard error needs.
    pub points: Option<usize>,
    /// Wanted standard error of the overall accuracy.
    pub standard_error: f64,
    /// Expected user's accuracy of every class.
    pub expected_users: f64,
    /// Points of every class at least, as far as it has pixels.
    pub least: usize,
    pub seed: u64,
}

impl Default for SampleDesign {
    fn default() -> Self {
        Self {
            points: None,
            standard_error: 0.01,
            expected_users: 0.85,
            least: 50,
            seed: 0,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ValidationSample {
    /// Pixels (column, row) in random order, so that their order tells nothing about their class.
    pub pixels: Vec<(usize, usize)>,
    /// (map value, pixels it could be drawn from, points drawn).
    pub strata: Vec<(u8, u64, usize)>,
}

/// Points of each stratum: rare ones get the least number, the others the rest in proportion to their pixels.
pub fn allocate(pixels: &[u64], design: &SampleDesign) -> Vec<usize> {
    let total: u64 = pixels.iter().sum();
    let weights: Vec<f64> = pixels
        .iter()
        .map(|count| *count as f64 / total.max(1) as f64)
        .collect();
    let users = vec![design.expected_users; weights.len()];
    let points = design.points.unwrap_or_else(|| {
        points_needed(&weights, &users, design.standard_error)
            .ceil()
            .min(1e9) as usize
    });
    let is_rare = |weight: &f64| *weight < RARE;
    let of_rare = design.least * weights.iter().filter(|weight| is_rare(weight)).count();
    let common: f64 = weights.iter().filter(|weight| !is_rare(weight)).sum();
    weights
        .iter()
        .zip(pixels)
        .map(|(weight, count)| {
            let wanted = if is_rare(weight) {
                design.least
            } else {
                let rest = points.saturating_sub(of_rare) as f64;
                ((rest * weight / common).round() as usize).max(design.least)
            };
            wanted.min(usize::try_from(*count).unwrap_or(usize::MAX))
        })
        .collect()
}

/// Draws from the map's classified pixels but the excluded ones (those that trained it). `step` is told the share that is
/// done and says whether to go on.
///
/// # Errors
/// A map with several bands or without a classified pixel, reading errors, `Cancelled`.
pub fn draw_validation_sample_blocking(
    map: &Raster,
    design: &SampleDesign,
    excluded: &HashSet<(usize, usize)>,
    step: &mut dyn FnMut(f64) -> bool,
) -> SceneResult<ValidationSample> {
    let info = map.info();
    if info.bands.len() != 1 {
        return Err(SceneError::file(
            &info.path,
            format!(
                "a class map has one band, this file has {}; choose the map made by predict",
                info.bands.len()
            ),
        ));
    }
    let mut counts: BTreeMap<u8, u64> = BTreeMap::new();
    each_pixel(
        map,
        excluded,
        &mut |share| step(share / 2.0),
        |_, _, value| {
            *counts.entry(value).or_default() += 1;
        },
    )?;
    if counts.is_empty() {
        return Err(SceneError::file(
            &info.path,
            "no pixel of the map has a class that could be checked",
        ));
    }
    let pixels: Vec<u64> = counts.values().copied().collect();
    let wanted = allocate(&pixels, design);
    let mut strata: BTreeMap<u8, Stratum> = counts
        .keys()
        .zip(&wanted)
        .map(|(value, points)| (*value, Stratum::new(*points)))
        .collect();
    let width = info.grid.width as u64;
    each_pixel(
        map,
        excluded,
        &mut |share| step(0.5 + share / 2.0),
        |col, row, value| {
            if let Some(stratum) = strata.get_mut(&value) {
                let index = row as u64 * width + col as u64;
                stratum.offer(splitmix64(design.seed ^ splitmix64(index)), index);
            }
        },
    )?;
    let mut drawn: Vec<u64> = strata
        .values()
        .flat_map(|stratum| stratum.kept.iter().map(|(_, index)| *index))
        .collect();
    // Another order than the one they were chosen in, which runs by class.
    drawn.sort_unstable_by_key(|index| (splitmix64(!design.seed ^ splitmix64(!*index)), *index));
    Ok(ValidationSample {
        pixels: drawn
            .into_iter()
            .map(|index| ((index % width) as usize, (index / width) as usize))
            .collect(),
        strata: counts
            .into_iter()
            .zip(wanted)
            .map(|((value, count), points)| (value, count, points))
            .collect(),
    })
}

/// The pixels of a class with the smallest keys: keys are as good as random, so every pixel has the same chance.
struct Stratum {
    points: usize,
    kept: BinaryHeap<(u64, u64)>,
}

impl Stratum {
    fn new(points: usize) -> Self {
        Self {
            points,
            kept: BinaryHeap::new(),
        }
    }

    fn offer(&mut self, key: u64, index: u64) {
        if self.kept.len() < self.points {
            self.kept.push((key, index));
        } else if let Some(mut last) = self.kept.peek_mut()
            && (key, index) < *last
        {
            *last = (key, index);
        }
    }
}

/// Every classified pixel that is not excluded: column, row, value.
fn each_pixel(
    map: &Raster,
    excluded: &HashSet<(usize, usize)>,
    step: &mut dyn FnMut(f64) -> bool,
    mut see: impl FnMut(usize, usize, u8),
) -> SceneResult<()> {
    let (width, height) = (map.info().grid.width, map.info().grid.height);
    let (rows, columns) = (height.div_ceil(SIDE), width.div_ceil(SIDE));
    for square in 0..rows * columns {
        if !step(square as f64 / (rows * columns) as f64) {
            return Err(SceneError::Cancelled);
        }
        let (row, col) = (square / columns * SIDE, square % columns * SIDE);
        let window = Window {
            col,
            row,
            width: SIDE.min(width - col),
            height: SIDE.min(height - row),
        };
        let block = map.read_blocking(
            &[0],
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )?;
        for (at, (value, valid)) in block.values.iter().zip(&block.valid).enumerate() {
            let place = (col + at % window.width, row + at / window.width);
            if *valid && (1.0..=255.0).contains(value) && !excluded.contains(&place) {
                see(place.0, place.1, *value as u8);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_raster::{Made, open};

    #[test]
    fn rare_classes_get_the_least_number_and_the_rest_goes_by_area() {
        let design = SampleDesign {
            points: Some(641),
            ..SampleDesign::default()
        };
        // The shares of the published example.
        let points = allocate(&[200_000, 150_000, 3_200_000, 6_450_000], &design);
        assert_eq!(points[..2], [50, 50]);
        assert_eq!(points.iter().sum::<usize>(), 641);
        assert!((points[3] as f64 / points[2] as f64 - 6.45 / 3.2).abs() < 0.02);
        // Never more than there are.
        assert_eq!(allocate(&[10, 1_000_000], &design)[0], 10);
    }

    #[test]
    fn draws_are_seeded_spread_and_leave_training_pixels_out() {
        let folder = tempfile::tempdir().expect("folder");
        let (width, height) = (120, 100);
        let values: Vec<u8> = (0..width * height)
            .map(|pixel| match pixel % width {
                0..60 => 1,
                60..115 => 2,
                115..119 => 3,
                _ => 0,
            })
            .collect();
        let mut made = Made::new((width, height), vec![values]);
        made.nodata = Some(0.0);
        let map = open(&made.write(folder.path(), "map.tif"));
        let excluded: HashSet<(usize, usize)> = (0..height)
            .flat_map(|row| (0..30).map(move |col| (col, row)))
            .collect();
        let draw = |seed: u64| {
            let design = SampleDesign {
                points: Some(400),
                seed,
                ..SampleDesign::default()
            };
            draw_validation_sample_blocking(&map, &design, &excluded, &mut |_| true).expect("drawn")
        };
        let sample = draw(7);
        assert_eq!(sample, draw(7));
        assert_ne!(sample.pixels, draw(8).pixels);
        let unique: HashSet<_> = sample.pixels.iter().collect();
        assert_eq!(unique.len(), sample.pixels.len());
        assert!(sample.pixels.iter().all(|pixel| !excluded.contains(pixel)));
        let of = |range: std::ops::Range<usize>| {
            sample
                .pixels
                .iter()
                .filter(|(col, _)| range.contains(col))
                .count()
        };
        let points: Vec<usize> = sample.strata.iter().map(|(_, _, points)| *points).collect();
        assert_eq!(points, [of(30..60), of(60..115), of(115..119)]);
        assert_eq!(of(119..120), 0);
        // Both halves of a class and of the order have their share.
        let upper = sample.pixels.iter().filter(|(_, row)| *row < 50).count();
        assert!((upper as f64 / sample.pixels.len() as f64 - 0.5).abs() < 0.1);
        let early = &sample.pixels[..sample.pixels.len() / 2];
        let early = early.iter().filter(|(col, _)| *col >= 60).count();
        let all = sample.pixels.iter().filter(|(col, _)| *col >= 60).count();
        assert!((early as f64 / all as f64 - 0.5).abs() < 0.1);
    }
}
