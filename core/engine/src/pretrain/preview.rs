//! The picture a pretraining shows of itself: for each sensor a crop, the crop with its hidden patches, and what the model
//! makes of them. Knows pixels. Knows nothing of tensors.

use std::path::Path;

use terroir_models::Mask;

use super::crops::Batch;
use crate::Failure;
use crate::training::write_picture;

/// Deviations from the mean that are black and white.
const RANGE: f32 = 2.5;
/// Grey of a hidden patch, and of the gaps.
const HIDDEN: u8 = 96;
const GAP: usize = 4;

/// Rows of three crops each, growing downwards.
#[derive(Default)]
pub struct Picture {
    width: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// Adds a crop. `predicted`: patches by band, row, column, each at mean 0 and deviation 1, as the loss has them; they are
    /// brought to the true patch's mean and deviation, and visible patches are shown as they are.
    pub fn add(&mut self, crop: &Batch, predicted: &[f32], mask: &Mask, patch: usize) {
        let side = crop.side;
        let across = side / patch;
        let hidden = mask.hidden_values();
        let channels = channels_of(&crop.wavelengths_um);
        let pixels = side * side;
        let original = |band: usize, at: usize| crop.values[band * pixels + at];
        let values_a_patch = crop.bands() * patch * patch;
        // Mean and deviation of every patch over all its bands.
        let scales: Vec<(f32, f32)> = (0..across * across)
            .map(|number| {
                let (top, left) = (number / across * patch, number % across * patch);
                let of_patch = (0..crop.bands()).flat_map(|band| {
                    (0..patch * patch)
                        .map(move |at| (band, (top + at / patch) * side + left + at % patch))
                });
                let values: Vec<f32> = of_patch.map(|(band, at)| original(band, at)).collect();
                let mean = values.iter().sum::<f32>() / values.len() as f32;
                let squares: f32 = values.iter().map(|value| (value - mean).powi(2)).sum();
                (mean, (squares / (values.len() - 1).max(1) as f32).sqrt())
            })
            .collect();
        self.width = 3 * side + 2 * GAP;
        if !self.rgb.is_empty() {
            self.rgb
                .extend(std::iter::repeat_n(HIDDEN, 3 * GAP * self.width));
        }
        for row in 0..side {
            for part in 0..3 {
                if part > 0 {
                    self.rgb.extend([HIDDEN; 3 * GAP]);
                }
                for column in 0..side {
                    let at = row * side + column;
                    let number = (row / patch) * across + column / patch;
                    let is_hidden = hidden.get(number).is_some_and(|hidden| *hidden > 0.0);
                    for band in channels {
                        self.rgb.push(match (part, is_hidden) {
                            (1, true) => HIDDEN,
                            (2, true) => {
                                let inside = (row % patch) * patch + column % patch;
                                let place = number * values_a_patch + band * patch * patch + inside;
                                let (mean, deviation) = scales[number];
                                grey(
                                    predicted.get(place).copied().unwrap_or(0.0) * deviation + mean,
                                )
                            }
                            _ => grey(original(band, at)),
                        });
                    }
                }
            }
        }
    }

    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let width = self.width.max(1);
        write_picture(path, width, self.rgb.len() / (3 * width), &self.rgb)
    }
}

/// Bands shown as red, green and blue: by wavelength, or the same one three times where there are fewer.
fn channels_of(wavelengths_um: &[f32]) -> [usize; 3] {
    let nearest = |wanted: f32| {
        let distance = |band: &usize| (wavelengths_um[*band] - wanted).abs();
        (0..wavelengths_um.len())
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .unwrap_or(0)
    };
    match wavelengths_um.len() {
        0..3 => [0; 3],
        _ => [0.665, 0.56, 0.49].map(nearest),
    }
}

fn grey(deviations: f32) -> u8 {
    ((deviations / RANGE + 1.0) * 127.5).clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_prediction_shows_the_original() {
        let side = 8;
        let values: Vec<f32> = (0..3 * side * side)
            .map(|i| ((i * 37 % 23) as f32 - 11.0) / 6.0)
            .collect();
        let crop = Batch {
            values: values.clone(),
            count: 1,
            side,
            wavelengths_um: vec![0.49, 0.56, 0.665],
        };
        let mask = Mask::from_noise(&[0.1, 0.9, 0.8, 0.7], 4, 0.75);
        // What a perfect model says: patches at mean 0 and deviation 1.
        let mut predicted = Vec::new();
        for number in 0..4 {
            let of_patch: Vec<f32> = (0..3)
                .flat_map(|band| (0..16).map(move |at| (band, at)))
                .map(|(band, at)| {
                    let (row, column) = (number / 2 * 4 + at / 4, number % 2 * 4 + at % 4);
                    values[band * 64 + row * side + column]
                })
                .collect();
            let mean = of_patch.iter().sum::<f32>() / 48.0;
            let deviation =
                (of_patch.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 47.0).sqrt();
            predicted.extend(of_patch.iter().map(|v| (v - mean) / deviation));
        }
        let mut picture = Picture::default();
        picture.add(&crop, &predicted, &mask, 4);
        let width = 3 * side + 2 * GAP;
        let pixel = |part: usize, row: usize, column: usize| {
            let at = 3 * (row * width + part * (side + GAP) + column);
            picture.rgb[at..at + 3].to_vec()
        };
        for row in 0..side {
            for column in 0..side {
                let (is, was) = (pixel(2, row, column), pixel(0, row, column));
                assert!(is.iter().zip(&was).all(|(a, b)| a.abs_diff(*b) <= 1));
            }
        }
        // Patch 0 is visible, patch 3 is not.
        assert_eq!(pixel(1, 0, 0), pixel(0, 0, 0));
        assert_eq!(pixel(1, 7, 7), [HIDDEN; 3]);
        let folder = tempfile::tempdir().unwrap();
        picture.add(&crop, &predicted, &mask, 4);
        picture.write(&folder.path().join("p.png")).unwrap();
        assert_eq!(picture.rgb.len(), 3 * width * (2 * side + GAP));
    }
}
