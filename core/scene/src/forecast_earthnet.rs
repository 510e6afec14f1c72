//! The parts of the EarthNetScore: how near a cube of forecast images comes to the cube that was seen, in its values, in the
//! trend and the spread of its NDVI, and in its structures (spec tasks 7.6). Knows numbers; knows nothing of files.

use serde::{Deserialize, Serialize};

use crate::forecast_errors::similarity_sum;

/// Side of a cube, pixels: that of the benchmark.
pub const EARTHNET_PX: usize = 128;
/// Blue, green, red, near infrared.
pub const EARTHNET_BANDS: usize = 4;
const RED: usize = 2;
const NEAR_INFRARED: usize = 3;

/// Powers by which errors of usual size become parts near 0.1.
const VALUE_POWER: f64 = 0.066_493_469_710_875_26;
const NDVI_POWER: f64 = 0.100_820_475_486_206_01;
const SIMILARITY_POWER: f64 = 10.318_851_15;
/// An image whose share of seen pixels is no higher does not count for its structures.
const SEEN_SHARE: f64 = 0.7;
/// Of pictures of floats, as the score's first program had it.
const DATA_RANGE: f64 = 2.0;

/// A cube of forecasts and of what was seen, `[step][band][pixel]` with four bands, reflectance 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct EarthNetCube<'a> {
    pub prediction: &'a [f32],
    pub target: &'a [f32],
    /// `[step][pixel]`
    pub is_seen: &'a [bool],
    pub steps: usize,
    pub width: usize,
}

/// Each from 0 to 1, more is better; `None` where nothing was seen of which it speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EarthNetParts {
    #[serde(rename = "MAD")]
    pub mad: Option<f64>,
    /// Pixels seen less than twice are left out.
    #[serde(rename = "OLS")]
    pub ols: Option<f64>,
    /// Pixels seen less than twice count as perfect, as in the published program.
    #[serde(rename = "OLS_toolkit")]
    pub ols_toolkit: Option<f64>,
    #[serde(rename = "EMD")]
    pub emd: Option<f64>,
    #[serde(rename = "SSIM")]
    pub ssim: Option<f64>,
}

impl EarthNetParts {
    /// The mean of each part over cubes.
    pub fn mean_of(cubes: &[Self]) -> Self {
        let mean = |part: fn(&Self) -> Option<f64>| {
            let known: Vec<f64> = cubes.iter().filter_map(part).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        Self {
            mad: mean(|cube| cube.mad),
            ols: mean(|cube| cube.ols),
            ols_toolkit: mean(|cube| cube.ols_toolkit),
            emd: mean(|cube| cube.emd),
            ssim: mean(|cube| cube.ssim),
        }
    }

    /// The EarthNetScore of the parts.
    pub fn score(&self) -> Option<f64> {
        earthnet_score(&[self.mad, self.ols, self.emd, self.ssim])
    }
}

/// Harmonic mean of the parts that are there and not 0, at most 1.
pub fn earthnet_score(parts: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = parts
        .iter()
        .flatten()
        .copied()
        .filter(|part| *part != 0.0)
        .collect();
    let sum: f64 = known.iter().map(|part| 1.0 / (part + 1e-8)).sum();
    (!known.is_empty()).then(|| (known.len() as f64 / sum).min(1.0))
}

impl EarthNetCube<'_> {
    fn pixels(&self) -> usize {
        self.is_seen.len() / self.steps.max(1)
    }

    fn is_seen(&self, step: usize, pixel: usize) -> bool {
        self.is_seen.get(step * self.pixels() + pixel) == Some(&true)
    }

    fn of(&self, values: &[f32], step: usize, band: usize, pixel: usize) -> f64 {
        let at = (step * EARTHNET_BANDS + band) * self.pixels() + pixel;
        let value = values.get(at).copied().unwrap_or(0.0);
        if value.is_nan() {
            0.0
        } else {
            f64::from(value).clamp(0.0, 1.0)
        }
    }

    fn ndvi(&self, values: &[f32], step: usize, pixel: usize) -> f64 {
        let n = self.of(values, step, NEAR_INFRARED, pixel);
        let r = self.of(values, step, RED, pixel);
        (n - r) / (n + r + 1e-6)
    }

    /// All parts of the cube.
    pub fn parts(&self) -> EarthNetParts {
        let (mut slopes, mut spreads, mut pixels) = (Vec::new(), Vec::new(), 0);
        for pixel in 0..self.pixels() {
            pixels += 1;
            let seen: Vec<usize> = (0..self.steps)
                .filter(|step| self.is_seen(*step, pixel))
                .collect();
            let (Some(first), Some(last)) = (seen.first(), seen.last()) else {
                continue;
            };
            if seen.len() < 2 {
                continue;
            }
            let time = |step: usize| 2.0 * ((step - first) as f64 / (last - first) as f64 + 1.0);
            let target: Vec<f64> = seen
                .iter()
                .map(|step| self.ndvi(self.target, *step, pixel))
                .collect();
            let forecast: Vec<f64> = (0..self.steps)
                .map(|step| self.ndvi(self.prediction, step, pixel))
                .collect();
            let wanted = slope(
                seen.iter()
                    .map(|step| time(*step))
                    .zip(target.iter().copied()),
            );
            let found = slope((*first..=*last).map(|step| (time(step), forecast[step])));
            slopes.push(((wanted - found).abs() / 2.0).powf(NDVI_POWER));
            spreads.push(transport(forecast, target).powf(NDVI_POWER));
        }
        let sum: f64 = slopes.iter().sum();
        let part = |mean: f64| (1.0 - mean).clamp(0.0, 1.0);
        let is_any = !slopes.is_empty();
        EarthNetParts {
            mad: self.median_part(),
            ols: is_any.then(|| part(sum / slopes.len() as f64)),
            ols_toolkit: is_any.then(|| part(sum / f64::from(pixels))),
            emd: is_any.then(|| part(spreads.iter().sum::<f64>() / spreads.len() as f64)),
            ssim: self.similarity_part(),
        }
    }

    fn median_part(&self) -> Option<f64> {
        let mut errors: Vec<f64> = Vec::new();
        for step in 0..self.steps {
            for pixel in (0..self.pixels()).filter(|pixel| self.is_seen(step, *pixel)) {
                errors.extend((0..EARTHNET_BANDS).map(|band| {
                    (self.of(self.prediction, step, band, pixel)
                        - self.of(self.target, step, band, pixel))
                    .abs()
                    .powf(VALUE_POWER)
                }));
            }
        }
        errors.sort_by(f64::total_cmp);
        let (upper, lower) = (errors.len() / 2, errors.len().saturating_sub(1) / 2);
        let median = (errors.get(lower)? + errors.get(upper)?) / 2.0;
        Some((1.0 - median).clamp(0.0, 1.0))
    }

    fn similarity_part(&self) -> Option<f64> {
        let frames = self.similarities();
        let mean = frames.iter().map(|frame| frame.2).sum::<f64>() / frames.len() as f64;
        (!frames.is_empty()).then(|| mean.max(0.0).powf(SIMILARITY_POWER))
    }

    /// Structural similarity of the images that count, (step, band, value): what was not seen is filled with the forecast.
    fn similarities(&self) -> Vec<(usize, usize, f64)> {
        let pixels = self.pixels();
        let mut frames = Vec::new();
        for step in 0..self.steps {
            let seen = (0..pixels)
                .filter(|pixel| self.is_seen(step, *pixel))
                .count();
            if seen as f64 <= SEEN_SHARE * pixels as f64 {
                continue;
            }
            for band in 0..EARTHNET_BANDS {
                let (forecast, target): (Vec<f64>, Vec<f64>) = (0..pixels)
                    .map(|pixel| {
                        let forecast = self.of(self.prediction, step, band, pixel);
                        let target = if self.is_seen(step, pixel) {
                            self.of(self.target, step, band, pixel)
                        } else {
                            forecast
                        };
                        (forecast, target)
                    })
                    .unzip();
                let (sum, windows) =
                    similarity_sum(&target, &forecast, None, self.width, DATA_RANGE);
                if windows > 0 {
                    frames.push((step, band, sum / windows as f64));
                }
            }
        }
        frames
    }
}

/// Slope of the line of least squares; 0 for a single time.
fn slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let n = points.clone().count() as f64;
    let (sx, sy) = points
        .clone()
        .fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
    let (mx, my) = (sx / n, sy / n);
    let (xx, xy) = points.fold((0.0, 0.0), |(xx, xy), (x, y)| {
        (xx + (x - mx) * (x - mx), xy + (x - mx) * (y - my))
    });
    if xx > 0.0 { xy / xx } else { 0.0 }
}

/// The least work that turns one heap of equal weights into the other (first Wasserstein distance).
fn transport(mut a: Vec<f64>, mut b: Vec<f64>) -> f64 {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let (step_a, step_b) = (1.0 / a.len() as f64, 1.0 / b.len() as f64);
    let mut ends: Vec<(f64, f64)> = a.iter().map(|value| (*value, step_a)).collect();
    ends.extend(b.iter().map(|value| (*value, -step_b)));
    ends.sort_by(|x, y| x.0.total_cmp(&y.0));
    let mut height = 0.0;
    ends.windows(2)
        .map(|pair| {
            height += pair[0].1;
            f64::abs(height) * (pair[1].0 - pair[0].0)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::golden;
    use serde_json::Value;

    /// `[row][col][band][time]` to `[time][band][pixel]`.
    fn cube(value: &Value) -> Vec<f32> {
        let pixels: Vec<&Value> = value
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .collect();
        let mut out = Vec::new();
        for time in 0..8 {
            for band in 0..EARTHNET_BANDS {
                out.extend(
                    pixels
                        .iter()
                        .map(|pixel| pixel[band][time].as_f64().unwrap() as f32),
                );
            }
        }
        out
    }

    #[test]
    fn parts_are_the_golden_ones_and_what_was_not_seen_never_matters() {
        let Some(golden) = golden("metrics/earthnetscore.json") else {
            return;
        };
        let prediction = cube(&golden["prediction"]);
        let mut target = cube(&golden["target"]);
        let mask: Vec<&Value> = golden["mask"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .collect();
        let is_seen: Vec<bool> = (0..8)
            .flat_map(|time| {
                mask.iter()
                    .map(move |pixel| pixel[time].as_i64() == Some(1))
            })
            .collect();
        let of = |target: &[f32]| {
            let cube = EarthNetCube {
                prediction: &prediction,
                target,
                is_seen: &is_seen,
                steps: 8,
                width: 12,
            };
            (cube.parts(), cube.similarities())
        };
        let (parts, frames) = of(&target);
        let expected = &golden["expected"];
        for (found, key, tolerance) in [
            (parts.mad, "MAD", 2e-6),
            (parts.ols, "OLS", 2e-6),
            (parts.ols_toolkit, "OLS_toolkit", 3e-5),
            (parts.emd, "EMD", 2e-6),
            (parts.ssim, "SSIM", 2e-6),
            (parts.score(), "ENS", 2e-6),
        ] {
            let (a, b) = (found.unwrap(), expected[key].as_f64().unwrap());
            assert!(
                (a - b).abs() <= 1e-9 + tolerance * b,
                "{key}: {a} instead of {b}"
            );
        }
        let wanted = expected["ssim_frames"].as_array().unwrap();
        assert_eq!(frames.len(), wanted.len());
        for (found, wanted) in frames.iter().zip(wanted) {
            assert_eq!(wanted[0].as_u64(), Some(found.0 as u64));
            assert_eq!(wanted[1].as_u64(), Some(found.1 as u64));
            assert!((found.2 - wanted[2].as_f64().unwrap()).abs() < 1e-6);
        }
        for time in 0..8 {
            for band in 0..EARTHNET_BANDS {
                for pixel in 0..144 {
                    if !is_seen[time * 144 + pixel] {
                        target[(time * EARTHNET_BANDS + band) * 144 + pixel] = 1e9;
                    }
                }
            }
        }
        assert_eq!(of(&target).0, parts);
        for case in golden["harmonic_mean"].as_array().unwrap() {
            let values: Vec<Option<f64>> = case["values"]
                .as_array()
                .unwrap()
                .iter()
                .map(Value::as_f64)
                .collect();
            let (a, b) = (
                earthnet_score(&values).unwrap(),
                case["expected"].as_f64().unwrap(),
            );
            assert!((a - b).abs() < 1e-9, "{a} instead of {b}");
        }
        assert_eq!(earthnet_score(&[None, Some(0.0)]), None);
    }

    #[test]
    fn nothing_seen_is_not_a_perfect_score() {
        let values = vec![0.3; 2 * EARTHNET_BANDS * 49];
        let cube = EarthNetCube {
            prediction: &values,
            target: &values,
            is_seen: &[false; 98],
            steps: 2,
            width: 7,
        };
        assert_eq!(cube.parts(), EarthNetParts::default());
        let seen = EarthNetCube {
            is_seen: &[true; 98],
            ..cube
        };
        let parts = seen.parts();
        assert_eq!(
            (parts.mad, parts.ols, parts.emd),
            (Some(1.0), Some(1.0), Some(1.0))
        );
        assert!((parts.score().unwrap() - 1.0).abs() < 1e-6);
        assert_eq!(
            EarthNetParts::mean_of(&[parts, EarthNetParts::default()]),
            parts
        );
    }

    #[test]
    fn heaps_of_unlike_size_are_compared_by_share() {
        assert!((transport(vec![0.0, 1.0], vec![0.0, 0.0, 1.0, 1.0])).abs() < 1e-12);
        assert!((transport(vec![0.0], vec![1.0, 3.0]) - 2.0).abs() < 1e-12);
    }
}
