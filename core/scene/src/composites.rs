//! Composites: one image out of many, band by band, clouds left out. Knows the values of pixels through time; knows nothing of
//! files.

use serde::{Deserialize, Serialize};

use crate::SourceBand;
use crate::time_stack::TimeStack;

/// What stands for all images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompositeStatistic {
    /// The middle value of each band.
    #[default]
    Median,
    Mean,
    /// All bands of the image in which the pixel is greenest.
    MaxNdvi,
}

impl CompositeStatistic {
    pub const ALL: [Self; 3] = [Self::Median, Self::Mean, Self::MaxNdvi];

    /// The word of the command line and of files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Median => "median",
            Self::Mean => "mean",
            Self::MaxNdvi => "max-ndvi",
        }
    }
}

/// Wavelengths of red and near infrared, nm, and how far off a band may be.
const RED: (f64, f64) = (660.0, 40.0);
const NEAR_INFRARED: (f64, f64) = (840.0, 60.0);

/// Red and near infrared among the bands of a sensor.
pub fn ndvi_bands(bands: &[SourceBand]) -> Option<(usize, usize)> {
    let nearest = |(wanted, reach): (f64, f64)| {
        bands
            .iter()
            .enumerate()
            .filter_map(|(index, band)| Some((index, (band.wavelength_nm? - wanted).abs())))
            .filter(|(_, distance)| *distance <= reach)
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(index, _)| index)
    };
    let (red, infrared) = (nearest(RED)?, nearest(NEAR_INFRARED)?);
    (red != infrared).then_some((red, infrared))
}

/// The values of one pixel, one a band; `None` for a band without any clear value. `ndvi` is needed by the greenest image
/// only; without it the median is taken.
pub fn composite_pixel(
    stack: &TimeStack,
    pixel: usize,
    statistic: CompositeStatistic,
    ndvi: Option<(usize, usize)>,
) -> Vec<Option<f32>> {
    match (statistic, ndvi) {
        (CompositeStatistic::MaxNdvi, Some(ndvi)) => greenest(stack, pixel, ndvi),
        (CompositeStatistic::Mean, _) => each_band(stack, pixel, |values| {
            let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
            (sum / values.len() as f64) as f32
        }),
        _ => each_band(stack, pixel, median),
    }
}

fn each_band(stack: &TimeStack, pixel: usize, of: impl Fn(&mut [f32]) -> f32) -> Vec<Option<f32>> {
    (0..stack.bands)
        .map(|band| {
            let mut values: Vec<f32> = stack
                .line(pixel, band)
                .known()
                .map(|(_, value)| value)
                .collect();
            (!values.is_empty()).then(|| of(&mut values))
        })
        .collect()
}

/// Of an even number the mean of the two in the middle.
fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    let is_even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    let upper = *upper;
    if !is_even {
        return upper;
    }
    let lower = below.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    lower + (upper - lower) / 2.0
}

fn greenest(stack: &TimeStack, pixel: usize, (red, infrared): (usize, usize)) -> Vec<Option<f32>> {
    let (red, infrared) = (stack.line(pixel, red), stack.line(pixel, infrared));
    let mut best: Option<(usize, f32)> = None;
    for (image, ((r, n), (has_r, has_n))) in red
        .values
        .iter()
        .zip(infrared.values)
        .zip(red.is_there.iter().zip(infrared.is_there))
        .enumerate()
    {
        let sum = r + n;
        if !(*has_r && *has_n) || sum <= 0.0 {
            continue;
        }
        let ndvi = (n - r) / sum;
        if best.is_none_or(|(_, most)| ndvi > most) {
            best = Some((image, ndvi));
        }
    }
    let Some((image, _)) = best else {
        return vec![None; stack.bands];
    };
    (0..stack.bands)
        .map(|band| {
            let line = stack.line(pixel, band);
            let is_there = line.is_there.get(image) == Some(&true);
            line.values.get(image).copied().filter(|_| is_there)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Measure;

    #[test]
    fn statistics_leave_out_what_is_missing() {
        let stack = TimeStack::of_values(
            &[0.0, 1.0, 2.0, 3.0],
            2,
            &[
                Some(4.0),
                None,
                Some(1.0),
                Some(2.0),
                Some(10.0),
                Some(20.0),
                None,
                None,
            ],
        );
        let of = |statistic| composite_pixel(&stack, 0, statistic, None);
        assert_eq!(of(CompositeStatistic::Median), [Some(2.0), Some(15.0)]);
        assert_eq!(of(CompositeStatistic::Mean), [Some(7.0 / 3.0), Some(15.0)]);
        let none = TimeStack::of_values(&[0.0], 1, &[None]);
        for statistic in CompositeStatistic::ALL {
            assert_eq!(composite_pixel(&none, 0, statistic, None), [None]);
        }
        let one = TimeStack::of_values(&[0.0], 1, &[Some(3.0)]);
        assert_eq!(
            composite_pixel(&one, 0, CompositeStatistic::Median, None),
            [Some(3.0)]
        );
    }

    #[test]
    fn the_greenest_image_gives_all_its_bands() {
        // Red, near infrared, and one that is missing in the greenest image.
        let stack = TimeStack::of_values(
            &[0.0, 1.0, 2.0],
            3,
            &[
                Some(0.3),
                Some(0.1),
                None,
                Some(0.3),
                Some(0.5),
                Some(0.9),
                Some(7.0),
                None,
                Some(9.0),
            ],
        );
        let found = composite_pixel(&stack, 0, CompositeStatistic::MaxNdvi, Some((0, 1)));
        assert_eq!(found, [Some(0.1), Some(0.5), None]);
        let dark = TimeStack::of_values(&[0.0], 2, &[Some(0.0), Some(0.0)]);
        let found = composite_pixel(&dark, 0, CompositeStatistic::MaxNdvi, Some((0, 1)));
        assert_eq!(found, [None, None]);
    }

    #[test]
    fn red_and_infrared_are_found_by_wavelength() {
        let band = |nm: Option<f64>| SourceBand {
            name: String::new(),
            wavelength_nm: nm,
            measure: Measure::Reflectance,
            mean: 0.0,
            deviation: 1.0,
            classes: Vec::new(),
        };
        let bands: Vec<SourceBand> = [Some(490.0), Some(664.6), None, Some(864.7), Some(832.8)]
            .into_iter()
            .map(band)
            .collect();
        assert_eq!(ndvi_bands(&bands), Some((1, 4)));
        assert_eq!(ndvi_bands(&bands[..2]), None);
    }
}
