//! The values of some pixels through time, read image by image from an archive: what composites, harmonics and stacks are made
//! of. Memory depends on the pixels and images asked for. Knows archives; knows nothing of what is made of the values.

use crate::{Archive, Period, SceneError, SceneResult, Window};

/// What one stack takes in memory at most, bytes, where the caller lets it choose its window.
const MOST_BYTES: usize = 96 << 20;
/// Sides of windows it chooses.
const SIDES: std::ops::RangeInclusive<usize> = 16..=256;

/// Values of some pixels of one sensor over its images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeStack {
    /// When each image was taken, days since 2017-01-01.
    pub days: Vec<f64>,
    pub bands: usize,
    pub pixels: usize,
    /// `[pixel][band][image]`; 0 where missing.
    values: Vec<f32>,
    /// The same: measured, and not under a cloud.
    is_there: Vec<bool>,
}

/// One band of one pixel through time.
#[derive(Clone, Copy, Debug)]
pub struct TimeLine<'a> {
    pub days: &'a [f64],
    pub values: &'a [f32],
    pub is_there: &'a [bool],
}

impl<'a> TimeLine<'a> {
    /// Day and value where there is one.
    pub fn known(self) -> impl Iterator<Item = (f64, f32)> + use<'a> {
        self.days
            .iter()
            .zip(self.values)
            .zip(self.is_there)
            .filter(|(_, is_there)| **is_there)
            .map(|((day, value), _)| (*day, *value))
    }

    /// Values at other days: between the two nearest in time in proportion, before the first and after the last the nearest.
    /// `None` without any value.
    pub fn at_days(self, wanted: &[f64]) -> Option<Vec<f32>> {
        let known: Vec<(f64, f32)> = self.known().collect();
        let (first, last) = (known.first()?, known.last()?);
        let at = |day: f64| {
            let after = known.partition_point(|(known, _)| *known < day);
            match (
                after.checked_sub(1).and_then(|before| known.get(before)),
                known.get(after),
            ) {
                (Some((day_a, a)), Some((day_b, b))) if day_b > day_a => {
                    let share = ((day - day_a) / (day_b - day_a)) as f32;
                    a + share * (b - a)
                }
                (Some(_), Some((_, b))) => *b,
                (None, _) => first.1,
                (_, None) => last.1,
            }
        };
        Some(wanted.iter().map(|day| at(*day)).collect())
    }
}

impl TimeStack {
    /// Reads some pixels of a window (counted along its rows), image by image. `go_on` is asked before every image.
    ///
    /// # Errors
    /// A file that cannot be read; [`SceneError::Cancelled`] once `go_on` says no.
    pub fn read_blocking(
        archive: &Archive,
        source: usize,
        frames: &[usize],
        window: Window,
        pixels: &[usize],
        go_on: &mut dyn FnMut() -> bool,
    ) -> SceneResult<Self> {
        let found = archive
            .sources
            .get(source)
            .ok_or_else(|| SceneError::input("there is no such sensor in the archive"))?;
        let bands = found.source.bands.len();
        let (count, plane) = (frames.len(), window.pixels());
        let mut stack = Self {
            days: frames
                .iter()
                .map(|frame| found.frames.get(*frame).map_or(0.0, |frame| frame.day))
                .collect(),
            bands,
            pixels: pixels.len(),
            values: vec![0.0; pixels.len() * bands * count],
            is_there: vec![false; pixels.len() * bands * count],
        };
        for (image, frame) in frames.iter().enumerate() {
            if !go_on() {
                return Err(SceneError::Cancelled);
            }
            let block = archive.read_blocking(source, *frame, window)?;
            for (number, pixel) in pixels.iter().enumerate() {
                if !block.is_clear.get(*pixel).copied().unwrap_or(false) {
                    continue;
                }
                for band in 0..bands {
                    let from = band * plane + pixel;
                    let to = (number * bands + band) * count + image;
                    if let (Some(true), Some(value), Some(own), Some(is_there)) = (
                        block.is_valid.get(from),
                        block.values.get(from),
                        stack.values.get_mut(to),
                        stack.is_there.get_mut(to),
                    ) {
                        (*own, *is_there) = (*value, true);
                    }
                }
            }
        }
        Ok(stack)
    }

    /// All pixels of a window.
    ///
    /// # Errors
    /// As [`Self::read_blocking`].
    pub fn read_window_blocking(
        archive: &Archive,
        source: usize,
        frames: &[usize],
        window: Window,
        go_on: &mut dyn FnMut() -> bool,
    ) -> SceneResult<Self> {
        let all: Vec<usize> = (0..window.pixels()).collect();
        Self::read_blocking(archive, source, frames, window, &all, go_on)
    }

    /// Side of the square windows in which a whole raster is walked over, so that memory stays bounded however many images
    /// there are.
    pub fn side_for(images: usize, bands: usize) -> usize {
        let bytes = (images * bands).max(1) * 5;
        let side = ((MOST_BYTES / bytes) as f64).sqrt() as usize;
        side.clamp(*SIDES.start(), *SIDES.end())
    }

    /// One band of one pixel.
    pub fn line(&self, pixel: usize, band: usize) -> TimeLine<'_> {
        let images = self.days.len();
        let start = (pixel * self.bands + band) * images;
        TimeLine {
            days: &self.days,
            values: self.values.get(start..start + images).unwrap_or_default(),
            is_there: self.is_there.get(start..start + images).unwrap_or_default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn of_values(days: &[f64], bands: usize, values: &[Option<f32>]) -> Self {
        Self {
            days: days.to_vec(),
            bands,
            pixels: values.len() / (bands * days.len()),
            values: values.iter().map(|value| value.unwrap_or(0.0)).collect(),
            is_there: values.iter().map(Option::is_some).collect(),
        }
    }
}

/// The sensors of an archive that describe the ground, not what is known of it, each with its images in a period. What has no
/// date belongs to every period.
pub fn measured_sources(archive: &Archive, period: Option<&Period>) -> Vec<(usize, Vec<usize>)> {
    archive
        .sources
        .iter()
        .enumerate()
        .filter(|(_, source)| source.source.is_input)
        .map(|(index, source)| {
            let is_undated = source.frames.iter().all(|frame| frame.is_static);
            let frames = if is_undated {
                (0..source.frames.len()).collect()
            } else {
                source.frames_in(period)
            };
            (index, frames)
        })
        .filter(|(_, frames)| !frames.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_in_time() {
        let stack = TimeStack::of_values(
            &[0.0, 10.0, 20.0, 30.0],
            1,
            &[None, Some(1.0), None, Some(3.0), None, None, None, None],
        );
        let line = stack.line(0, 0);
        assert_eq!(
            line.at_days(&[0.0, 10.0, 15.0, 20.0, 40.0]),
            Some(vec![1.0, 1.0, 1.5, 2.0, 3.0])
        );
        assert_eq!(line.known().count(), 2);
        assert_eq!(stack.line(1, 0).at_days(&[5.0]), None);
        // Two images of one day.
        let twice = TimeStack::of_values(&[5.0, 5.0], 1, &[Some(1.0), Some(2.0)]);
        assert_eq!(twice.line(0, 0).at_days(&[5.0, 6.0]), Some(vec![1.0, 2.0]));
    }

    #[test]
    fn windows_shrink_with_the_images() {
        assert_eq!(TimeStack::side_for(1, 1), 256);
        let side = TimeStack::side_for(1000, 13);
        assert!((16..60).contains(&side), "{side}");
        assert_eq!(TimeStack::side_for(0, 0), 256);
    }
}
