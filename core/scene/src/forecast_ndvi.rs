//! Forecasts of greenness by the protocol of GreenEarthNet: one series of NDVI a pixel, scored over the images that were seen,
//! averaged by cube and land cover (spec tasks 7.5). Here, as there, bias is what was seen minus the forecast. Knows numbers;
//! knows nothing of files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A forecast that says nothing counts as this.
const WITHOUT_FORECAST: f64 = 0.5;
/// What a pixel must have to be scored.
const LAST_LAND_COVER: u8 = 40;
const LEAST_TARGETS: usize = 10;
const LEAST_CONTEXT: usize = 3;
const LEAST_DEVIATION: f64 = 0.1;
/// Deviations below it are none.
const NO_DEVIATION: f64 = 1e-9;
/// Target steps are scored in groups of so many, too.
const GROUP: usize = 5;
pub const STEP_GROUPS: usize = 4;
/// By how much a forecast must be better to outdo another: RMSE, NSE, R2, bias; and in how many of the four.
const GAINS: [f64; 4] = [0.01, 0.05, 0.05, 0.01];
const GAINS_NEEDED: usize = 3;

/// Greenness of two reflectances, cut to -1..1; `None` where they say nothing.
pub fn ndvi(red: f64, near_infrared: f64) -> Option<f64> {
    let value = (near_infrared - red) / (near_infrared + red + 1e-8);
    value.is_finite().then(|| value.clamp(-1.0, 1.0))
}

/// What the protocol measures at one pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NdviPixel {
    /// Normalised NSE, 1 / (2 - NSE).
    pub nnse: Option<f64>,
    pub r: Option<f64>,
    pub rmse: Option<f64>,
    /// Target - prediction.
    pub bias: Option<f64>,
    pub sigma_targ: Option<f64>,
    /// Target steps seen, and all steps seen.
    pub n_obs: usize,
    pub n_obs_full: usize,
    pub min_ndvi_targ: Option<f64>,
    /// RMSE of target steps 1-5, 6-10, 11-15, 16-20.
    pub rmse_by_steps: [Option<f64>; STEP_GROUPS],
}

impl NdviPixel {
    /// `context` and `target`: greenness where it was seen; `prediction` one a target step.
    pub fn of(context: &[Option<f64>], target: &[Option<f64>], prediction: &[Option<f64>]) -> Self {
        let cut = |value: f64| value.clamp(-1.0, 1.0);
        let pairs: Vec<(usize, f64, f64)> = target
            .iter()
            .enumerate()
            .filter_map(|(step, target)| {
                let forecast = prediction.get(step).copied().flatten();
                Some((
                    step,
                    cut((*target)?),
                    cut(forecast.unwrap_or(WITHOUT_FORECAST)),
                ))
            })
            .collect();
        let n = pairs.len();
        let context_seen = context.iter().flatten().count();
        let lowest = context
            .iter()
            .chain(target)
            .flatten()
            .map(|value| cut(*value))
            .min_by(f64::total_cmp);
        let mut found = Self {
            n_obs: n,
            n_obs_full: n + context_seen,
            min_ndvi_targ: lowest,
            ..Self::default()
        };
        if n == 0 {
            return found;
        }
        let mean =
            |of: &dyn Fn(&(usize, f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n as f64;
        let (t, p) = (mean(&|pair| pair.1), mean(&|pair| pair.2));
        let tt = mean(&|pair| (pair.1 - t).powi(2));
        let pp = mean(&|pair| (pair.2 - p).powi(2));
        let tp = mean(&|pair| (pair.1 - t) * (pair.2 - p));
        let mse = mean(&|pair| (pair.1 - pair.2).powi(2));
        found.bias = Some(t - p);
        found.rmse = Some(mse.sqrt());
        found.sigma_targ = Some(tt.sqrt());
        let varies = |square: f64| square.sqrt() > NO_DEVIATION;
        if varies(tt) {
            found.nnse = Some(1.0 / (1.0 + mse / tt));
        }
        if varies(tt) && varies(pp) {
            found.r = Some((tp / (tt * pp).sqrt()).clamp(-1.0, 1.0));
        }
        for (group, rmse) in found.rmse_by_steps.iter_mut().enumerate() {
            let squares: Vec<f64> = pairs
                .iter()
                .filter(|pair| pair.0 / GROUP == group)
                .map(|pair| (pair.1 - pair.2).powi(2))
                .collect();
            if !squares.is_empty() {
                *rmse = Some((squares.iter().sum::<f64>() / squares.len() as f64).sqrt());
            }
        }
        found
    }

    /// Whether the protocol scores the pixel. `land_cover`: code of ESA WorldCover; `None` = no such map, all pass.
    pub fn is_scored(&self, land_cover: Option<u8>) -> bool {
        land_cover.is_none_or(|code| (1..=LAST_LAND_COVER).contains(&code))
            && self.min_ndvi_targ.is_some_and(|lowest| lowest > 0.0)
            && self.n_obs >= LEAST_TARGETS
            && self.n_obs_full - self.n_obs >= LEAST_CONTEXT
            && self
                .sigma_targ
                .is_some_and(|deviation| deviation > LEAST_DEVIATION)
    }
}

/// Sum and count: a mean over what is defined.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mean {
    sum: f64,
    n: usize,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.n += 1;
        }
    }

    fn value(self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }
}

/// Means of the pixels of a land cover in a cube.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Group {
    nnse: Mean,
    rmse: Mean,
    r2: Mean,
    bias: Mean,
    by_steps: [Mean; STEP_GROUPS],
    gains: [Mean; 4],
}

/// Pixels of cubes, scored and averaged as the protocol does it: by cube and land cover, over cubes, over land covers.
#[derive(Clone, Debug, Default)]
pub struct NdviScores {
    pixels: u64,
    /// By land cover and cube.
    groups: BTreeMap<(u8, usize), Group>,
}

/// Figures of all pixels, or of those of one land cover.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NdviFigures {
    pub nse: Option<f64>,
    pub rmse: Option<f64>,
    #[serde(rename = "R2")]
    pub r2: Option<f64>,
    #[serde(rename = "biasabs")]
    pub bias_abs: Option<f64>,
}

/// What the protocol says of a forecast.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NdviSummary {
    /// Pixels that could be scored.
    pub n_pixels: u64,
    #[serde(flatten)]
    pub all: NdviFigures,
    /// By code; 0 where there was no land-cover map.
    pub per_landcover: BTreeMap<u8, NdviFigures>,
    pub rmse_by_steps: [Option<f64>; STEP_GROUPS],
    /// Share of cubes and land covers in which it is better than climatology in three of four measures; `None` where there
    /// is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outperformance: Option<f64>,
}

impl NdviScores {
    /// Adds a pixel of a cube if it can be scored; `climatology` is the same pixel scored with that forecast.
    pub fn add(
        &mut self,
        cube: usize,
        land_cover: Option<u8>,
        pixel: &NdviPixel,
        climatology: Option<&NdviPixel>,
    ) {
        if !pixel.is_scored(land_cover) {
            return;
        }
        self.pixels += 1;
        let group = self
            .groups
            .entry((land_cover.unwrap_or(0), cube))
            .or_default();
        let square = |r: Option<f64>| r.map(|r| r * r);
        group.nnse.add(pixel.nnse);
        group.rmse.add(pixel.rmse);
        group.r2.add(square(pixel.r));
        group.bias.add(pixel.bias.map(f64::abs));
        for (mean, rmse) in group.by_steps.iter_mut().zip(pixel.rmse_by_steps) {
            mean.add(rmse);
        }
        let Some(other) = climatology else { return };
        let gain = |a: Option<f64>, b: Option<f64>| Some(a? - b?);
        let inverse = |nnse: Option<f64>| nnse.map(|nnse| 1.0 / nnse);
        let gains = [
            gain(other.rmse, pixel.rmse),
            gain(inverse(other.nnse), inverse(pixel.nnse)),
            gain(square(pixel.r), square(other.r)),
            gain(other.bias.map(f64::abs), pixel.bias.map(f64::abs)),
        ];
        for (mean, gain) in group.gains.iter_mut().zip(gains) {
            mean.add(gain);
        }
    }

    pub fn summary(&self) -> NdviSummary {
        let mut covers: BTreeMap<u8, Vec<&Group>> = BTreeMap::new();
        for ((cover, _), group) in &self.groups {
            covers.entry(*cover).or_default().push(group);
        }
        // Over cubes, one a land cover.
        let over_cubes = |of: &dyn Fn(&Group) -> Option<f64>| -> Vec<Option<f64>> {
            covers
                .values()
                .map(|groups| mean_of(groups.iter().map(|group| of(group))))
                .collect()
        };
        let nse = |nnse: Option<f64>| nnse.map(|nnse| 2.0 - 1.0 / nnse);
        let nnse = over_cubes(&|group| group.nnse.value());
        let rmse = over_cubes(&|group| group.rmse.value());
        let r2 = over_cubes(&|group| group.r2.value());
        let bias = over_cubes(&|group| group.bias.value());
        let per_landcover = covers
            .keys()
            .enumerate()
            .map(|(at, cover)| {
                let figures = NdviFigures {
                    nse: nse(nnse[at]),
                    rmse: rmse[at],
                    r2: r2[at],
                    bias_abs: bias[at],
                };
                (*cover, figures)
            })
            .collect();
        let over_covers = |values: Vec<Option<f64>>| mean_of(values.into_iter());
        let compared: Vec<&Group> = self
            .groups
            .values()
            .filter(|group| group.gains.iter().any(|gain| gain.n > 0))
            .collect();
        let better = compared
            .iter()
            .filter(|group| {
                let gains = group.gains.iter().zip(GAINS);
                let won = gains.filter(|(gain, least)| gain.value().is_some_and(|g| g > *least));
                won.count() >= GAINS_NEEDED
            })
            .count();
        NdviSummary {
            n_pixels: self.pixels,
            all: NdviFigures {
                nse: nse(over_covers(nnse)),
                rmse: over_covers(rmse),
                r2: over_covers(r2),
                bias_abs: over_covers(bias),
            },
            per_landcover,
            rmse_by_steps: std::array::from_fn(|steps| {
                over_covers(over_cubes(&|group| {
                    group.by_steps.get(steps).copied().and_then(Mean::value)
                }))
            }),
            outperformance: (!compared.is_empty()).then(|| better as f64 / compared.len() as f64),
        }
    }
}

fn mean_of(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut mean = Mean::default();
    values.for_each(|value| mean.add(value));
    mean.value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::golden;
    use serde_json::Value;

    fn at(value: &Value, time: usize, row: usize, col: usize) -> f64 {
        value[time][row][col].as_f64().unwrap()
    }

    fn close(found: Option<f64>, expected: &Value, what: &str) {
        match (found, expected.as_f64()) {
            (Some(a), Some(b)) => {
                assert!(
                    (a - b).abs() <= 1e-9 + 1e-6 * b.abs(),
                    "{what}: {a} instead of {b}"
                );
            }
            (found, expected) => assert_eq!(found, expected, "{what}"),
        }
    }

    /// The pixel at a place of a golden cube; `hidden` stands where nothing was seen.
    fn pixel(cube: &Value, row: usize, col: usize, hidden: Option<f64>) -> NdviPixel {
        let contexts = cube["context_steps"].as_u64().unwrap() as usize;
        let targets = cube["target_steps"].as_u64().unwrap() as usize;
        let seen: Vec<Option<f64>> = (0..contexts + targets)
            .map(|time| {
                let is_seen = cube["valid"][time][row][col].as_i64() == Some(1);
                if is_seen {
                    Some(at(&cube["ndvi_target"], time, row, col))
                } else {
                    hidden
                }
            })
            .map(|value| value.filter(|value| value.abs() < 1e6))
            .collect();
        let forecast: Vec<Option<f64>> = (0..targets)
            .map(|time| cube["ndvi_prediction"][time][row][col].as_f64())
            .collect();
        NdviPixel::of(&seen[..contexts], &seen[contexts..], &forecast)
    }

    #[test]
    fn the_protocol_gives_the_golden_figures() {
        let Some(golden) = golden("metrics/ndvi_forecast.json") else {
            return;
        };
        let mut scores = NdviScores::default();
        for (number, cube) in golden["cubes"].as_array().unwrap().iter().enumerate() {
            let (height, width) = (
                cube["height"].as_u64().unwrap() as usize,
                cube["width"].as_u64().unwrap() as usize,
            );
            for row in 0..height {
                for col in 0..width {
                    let found = pixel(cube, row, col, None);
                    assert_eq!(found, pixel(cube, row, col, Some(1e9)));
                    let cover = cube["landcover"][row][col].as_u64().unwrap() as u8;
                    scores.add(number, Some(cover), &found, None);
                }
            }
            for expected in cube["per_pixel"].as_array().unwrap() {
                let place = |key: &str| expected[key].as_u64().unwrap() as usize;
                let found = pixel(cube, place("row"), place("col"), None);
                close(found.nnse, &expected["nnse"], "nnse");
                close(found.r, &expected["r"], "r");
                close(found.rmse, &expected["rmse"], "rmse");
                close(found.bias, &expected["bias"], "bias");
                close(found.sigma_targ, &expected["sigma_targ"], "sigma");
                close(found.min_ndvi_targ, &expected["min_ndvi_targ"], "lowest");
                assert_eq!(found.n_obs, place("n_obs"));
                assert_eq!(found.n_obs_full, place("n_obs_full"));
            }
        }
        let (summary, expected) = (scores.summary(), &golden["expected"]);
        assert_eq!(Some(summary.n_pixels), expected["n_pixels"].as_u64());
        let compare = |found: &NdviFigures, expected: &Value, what: &str| {
            close(found.nse, &expected["nse"], what);
            close(found.rmse, &expected["rmse"], what);
            close(found.r2, &expected["R2"], what);
            close(found.bias_abs, &expected["biasabs"], what);
        };
        compare(&summary.all, expected, "all");
        let covers = expected["per_landcover"].as_object().unwrap();
        assert_eq!(summary.per_landcover.len(), covers.len());
        for (cover, expected) in covers {
            let found = &summary.per_landcover[&cover.parse::<u8>().unwrap()];
            compare(found, expected, cover);
        }
        assert_eq!(summary.outperformance, None);
    }

    #[test]
    fn only_changing_green_pixels_seen_often_are_scored() {
        let context = vec![Some(0.3); 3];
        let target: Vec<Option<f64>> = (0..20)
            .map(|step| Some(0.2 + 0.03 * f64::from(step)))
            .collect();
        let perfect = NdviPixel::of(&context, &target, &target);
        assert_eq!((perfect.nnse, perfect.rmse), (Some(1.0), Some(0.0)));
        assert!(perfect.is_scored(Some(40)) && perfect.is_scored(None));
        assert!(!perfect.is_scored(Some(50)) && !perfect.is_scored(Some(0)));
        assert!(!NdviPixel::of(&context[..2], &target, &target).is_scored(None));
        assert!(!NdviPixel::of(&context, &target[..9], &target).is_scored(None));
        let flat = vec![Some(0.4); 20];
        assert!(!NdviPixel::of(&context, &flat, &flat).is_scored(None));
        // A forecast that never changes has no correlation; one that says nothing counts as 0.5.
        let constant = NdviPixel::of(&context, &target, &flat);
        assert_eq!(constant.r, None);
        let silent = NdviPixel::of(&context, &target, &[]);
        assert!((silent.bias.unwrap() - (0.485 - 0.5)).abs() < 1e-12);
        let mut scores = NdviScores::default();
        scores.add(0, None, &perfect, Some(&silent));
        assert_eq!(scores.summary().outperformance, Some(1.0));
        let mut scores = NdviScores::default();
        scores.add(0, None, &silent, Some(&silent));
        assert_eq!(scores.summary().outperformance, Some(0.0));
        assert_eq!(NdviScores::default().summary(), NdviSummary::default());
        assert_eq!(
            ndvi(0.1, 0.5).map(|value| (value * 100.0).round()),
            Some(67.0)
        );
        assert_eq!(ndvi(f64::NAN, 0.5), None);
    }
}
