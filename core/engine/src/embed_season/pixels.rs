//! What each pixel showed over the season by itself: level and spread of every band, and the course of the vegetation index.
//! The network sees patches; this keeps the edges of fields sharp (specification kg-vsf 7.1). Knows crops. Knows no network.

use crate::weather_series::{Crop, ModelBand, Site, index_pair};

use super::tokens::Season;

/// Parts of the season the index is told for.
const STEPS: usize = 12;
/// Numbers of a band: mean, deviation, least and most.
const OF_BAND: usize = 4;

/// Numbers of the pixels of a crop.
pub struct PixelNumbers {
    /// [height * width, width]
    pub values: Vec<f32>,
    pub width: usize,
    /// Pixels that were ever seen.
    pub is_seen: Vec<bool>,
}

/// Red and near infrared, where the model has both.
#[derive(Clone, Copy, Debug)]
pub struct IndexPair {
    red: usize,
    near_infrared: usize,
}

impl IndexPair {
    pub fn of(bands: &[ModelBand]) -> Option<Self> {
        let (red, near_infrared) = index_pair(bands)?;
        Some(Self { red, near_infrared })
    }
}

/// How the course of the index is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// At the middle of every part, on the line between the images around it.
    Filled,
    /// The mean of the images in every part, 0 where there is none, then a flag for each that has one.
    Binned,
}

/// How many numbers a pixel has.
pub fn width_of(bands: usize, pair: Option<IndexPair>, course: Course) -> usize {
    let of_index = match (pair, course) {
        (None, _) => 0,
        (Some(_), Course::Filled) => STEPS,
        (Some(_), Course::Binned) => 2 * STEPS,
    };
    OF_BAND * bands + of_index
}

pub fn pixel_numbers(
    crop: &Crop,
    site: &Site,
    bands: &[ModelBand],
    pair: Option<IndexPair>,
    season: Season,
    course: Course,
) -> PixelNumbers {
    let (pixels, width) = (
        crop.height * crop.width,
        width_of(bands.len(), pair, course),
    );
    let mut values = vec![0.0; pixels * width];
    let mut is_seen = vec![false; pixels];
    let days: Vec<i32> = crop
        .images
        .iter()
        .map(|image| site.images.get(*image).map_or(0, |image| image.day))
        .collect();
    for at in 0..pixels {
        let seen: Vec<usize> = (0..crop.images.len())
            .filter(|image| crop.valid_of(*image)[at])
            .collect();
        if seen.is_empty() {
            continue;
        }
        is_seen[at] = true;
        let value = |image: usize, band: usize| crop.values_of(image)[band * pixels + at];
        let out = &mut values[at * width..(at + 1) * width];
        for (band, out) in out.chunks_exact_mut(OF_BAND).take(bands.len()).enumerate() {
            let count = seen.len() as f32;
            let mean = seen.iter().map(|image| value(*image, band)).sum::<f32>() / count;
            let squares: f32 = seen
                .iter()
                .map(|image| (value(*image, band) - mean).powi(2))
                .sum();
            let least = seen
                .iter()
                .map(|image| value(*image, band))
                .fold(f32::INFINITY, f32::min);
            let most = seen
                .iter()
                .map(|image| value(*image, band))
                .fold(f32::NEG_INFINITY, f32::max);
            out.copy_from_slice(&[mean, (squares / count).sqrt(), least, most]);
        }
        if let Some(pair) = pair {
            let index: Vec<(f32, f32)> = seen
                .iter()
                .map(|image| {
                    let reflectance = |band: usize| bands[band].physical(value(*image, band));
                    let (n, r) = (reflectance(pair.near_infrared), reflectance(pair.red));
                    let share = season.share_of(days[*image]);
                    (share, (n - r) / (n + r + 0.01))
                })
                .collect();
            let out = &mut out[OF_BAND * bands.len()..];
            match course {
                Course::Filled => {
                    for (step, out) in out.iter_mut().enumerate() {
                        *out = between(&index, (step as f32 + 0.5) / STEPS as f32);
                    }
                }
                Course::Binned => binned(&index, out),
            }
        }
    }
    PixelNumbers {
        values,
        width,
        is_seen,
    }
}

/// The course of (time, value), rising in time, at a time: on the line between its neighbours, the nearest one beyond the ends.
fn between(course: &[(f32, f32)], time: f32) -> f32 {
    let after = course.partition_point(|(own, _)| *own < time);
    match (
        after.checked_sub(1).and_then(|at| course.get(at)),
        course.get(after),
    ) {
        (Some((t0, v0)), Some((t1, v1))) => {
            let share = (time - t0) / (t1 - t0).max(1e-6);
            v0 + share.clamp(0.0, 1.0) * (v1 - v0)
        }
        (Some((_, value)), None) | (None, Some((_, value))) => *value,
        (None, None) => 0.0,
    }
}

/// Means of the parts of the season into the first half of `out`, and flags of those that have any into the second.
fn binned(course: &[(f32, f32)], out: &mut [f32]) {
    let (means, flags) = out.split_at_mut(out.len() / 2);
    let parts = means.len();
    for (part, (mean, flag)) in means.iter_mut().zip(flags).enumerate() {
        let inside = course
            .iter()
            .filter(|(time, _)| ((time * parts as f32) as usize).min(parts - 1) == part);
        let (sum, count) = inside.fold((0.0, 0.0), |(sum, count), (_, value)| {
            (sum + value, count + 1.0_f32)
        });
        if count > 0.0 {
            (*mean, *flag) = (sum / count, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_without_images_are_nought_and_not_flagged() {
        let mut out = [0.0; 8];
        binned(&[(0.0, 1.0), (0.2, 3.0), (0.6, 5.0), (1.0, 7.0)], &mut out);
        assert_eq!(out, [2.0, 0.0, 5.0, 7.0, 1.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn a_course_is_filled_between_its_neighbours() {
        let course = [(0.2, 1.0), (0.6, 3.0)];
        assert_eq!(between(&course, 0.1), 1.0);
        assert!((between(&course, 0.4) - 2.0).abs() < 1e-6);
        assert_eq!(between(&course, 0.9), 3.0);
        assert_eq!(between(&[], 0.5), 0.0);
    }
}
