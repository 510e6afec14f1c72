//! The figures of a forecast report, as its JSON has them and as the page shows them: by day, by horizon, of greenness, beside
//! the rules without a model (spec tasks 9). Plain values.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use terroir_scene::{
    EarthNetParts, HORIZON_BINS, ImageErrorSums, ImageErrors, NdviSummary, horizon_bin,
};

use crate::report::cell;

use super::images::Target;
use super::score::{MethodScore, Scored, Scores};

/// A day that was forecast, and how far that was from what was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetFigures {
    pub date: String,
    pub anchor: Option<String>,
    pub days_ahead: Option<i64>,
    pub weather_source: Option<String>,
    /// File name.
    pub file: String,
    /// Share of the pixels with a value to start from; of a filled image the share that was seen.
    pub base_share: Option<f64>,
    /// Share of the pixels with a value in the file.
    pub made_share: Option<f64>,
    /// What is to be known of this day.
    pub checks: Vec<String>,
    /// `None` where no image shows the day.
    pub metrics: Option<ImageErrors>,
    /// Means over the pixels seen.
    pub mean_ndvi: Option<MeanNdvi>,
    /// Of all pixels of a network's forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIfFigures>,
    /// Mean deviation of NDVI over the members of the weather.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ndvi_spread: Option<f64>,
    /// The same of the rules beside it.
    #[serde(default)]
    pub baselines: BTreeMap<String, ImageErrors>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanNdvi {
    pub forecast: f64,
    pub seen: f64,
    pub n: u64,
}

/// What changed weather makes of a day, by the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhatIfFigures {
    /// File name.
    pub file: String,
    /// Mean NDVI of all pixels under the unchanged and under the changed weather.
    pub unchanged_ndvi: Option<f64>,
    pub changed_ndvi: Option<f64>,
}

/// All days of a horizon together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HorizonFigures {
    /// First and last day ahead.
    pub bin: (u32, u32),
    /// Days that were seen.
    pub days: usize,
    #[serde(flatten)]
    pub errors: ImageErrors,
}

/// Parts of the EarthNetScore, and itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EarthNetFigures {
    #[serde(flatten)]
    pub parts: EarthNetParts,
    #[serde(rename = "ENS")]
    pub score: Option<f64>,
    /// Cubes of 128 x 128 pixels with anything to score.
    pub cubes: usize,
}

/// What is said of one way to forecast.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MethodFigures {
    /// All days together.
    pub all: ImageErrors,
    pub by_horizon: Vec<HorizonFigures>,
    pub ndvi: Option<NdviSummary>,
    pub earthnet: Option<EarthNetFigures>,
}

/// What a forecast report says in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForecastFigures {
    pub bands: Vec<String>,
    pub targets: Vec<TargetFigures>,
    #[serde(flatten)]
    pub own: MethodFigures,
    /// By the word of the rule; without those that say nothing of any day.
    pub baselines: BTreeMap<String, MethodFigures>,
}

impl ForecastFigures {
    /// Bins of the horizon in which persistence was nearer, and how many days they rest on.
    pub fn lost_to_persistence(&self) -> Vec<&HorizonFigures> {
        self.own
            .by_horizon
            .iter()
            .filter(|bin| bin.errors.skill.is_some_and(|skill| skill < 0.0))
            .collect()
    }
}

/// The figures of one way to forecast.
pub(super) fn method_figures(
    score: &MethodScore,
    scores: &Scores,
    targets: &[Target],
) -> MethodFigures {
    let mut all = ImageErrorSums::default();
    let mut bins: Vec<(usize, ImageErrorSums)> = vec![Default::default(); HORIZON_BINS.len()];
    for (reference, errors) in scores.references.iter().zip(&score.errors) {
        all.join(errors);
        // A day under clouds says nothing of a horizon.
        if errors.errors().n == 0 {
            continue;
        }
        let ahead = targets.get(reference.target).and_then(Target::days_ahead);
        let bin = ahead
            .and_then(horizon_bin)
            .and_then(|bin| bins.get_mut(bin));
        if let Some((days, sums)) = bin {
            *days += 1;
            sums.join(errors);
        }
    }
    let parts = EarthNetParts::mean_of(&score.cubes);
    let summary = score.ndvi.summary();
    MethodFigures {
        all: all.errors(),
        by_horizon: HORIZON_BINS
            .iter()
            .zip(bins)
            .filter(|(_, (days, _))| *days > 0)
            .map(|(bin, (days, sums))| HorizonFigures {
                bin: *bin,
                days,
                errors: sums.errors(),
            })
            .collect(),
        ndvi: (summary.n_pixels > 0).then_some(summary),
        earthnet: (parts != EarthNetParts::default()).then(|| EarthNetFigures {
            parts,
            score: parts.score(),
            cubes: score
                .cubes
                .iter()
                .filter(|cube| **cube != EarthNetParts::default())
                .count(),
        }),
    }
}

/// The targets without what was measured of them.
pub(super) fn target_figures(
    targets: &[Target],
    weather_source: Option<&str>,
    checks: &dyn Fn(&Target) -> Vec<String>,
) -> Vec<TargetFigures> {
    targets
        .iter()
        .map(|target| TargetFigures {
            date: target.date.to_string(),
            anchor: target.anchor.map(|day| day.to_string()),
            days_ahead: target.days_ahead(),
            weather_source: weather_source.map(str::to_owned),
            file: crate::provenance::file_name(&target.file),
            base_share: target.base_share,
            made_share: target.made_share,
            checks: checks(target),
            metrics: None,
            mean_ndvi: None,
            what_if: target.what_if.as_ref().map(|file| WhatIfFigures {
                file: crate::provenance::file_name(file),
                unchanged_ndvi: target.mean_ndvi,
                changed_ndvi: target.what_if_ndvi,
            }),
            ndvi_spread: target.ndvi_spread,
            baselines: BTreeMap::new(),
        })
        .collect()
}

/// Puts what was measured beside the targets.
pub(super) fn add_scores(figures: &mut ForecastFigures, scores: &Scores, targets: &[Target]) {
    for score in &scores.methods {
        for (at, reference) in scores.references.iter().enumerate() {
            let (Some(of), Some(errors)) = (
                figures.targets.get_mut(reference.target),
                score.errors.get(at),
            ) else {
                continue;
            };
            let errors = errors.errors();
            match score.method {
                Scored::Own => {
                    of.metrics = Some(errors);
                    of.mean_ndvi = score
                        .greenness
                        .get(at)
                        .filter(|sums| sums.n > 0)
                        .map(|sums| MeanNdvi {
                            forecast: sums.forecast / sums.n as f64,
                            seen: sums.seen / sums.n as f64,
                            n: sums.n,
                        });
                }
                Scored::Rule(rule) if errors.n > 0 => {
                    of.baselines.insert(rule.word().to_owned(), errors);
                }
                Scored::Rule(_) => {}
            }
        }
        let all = method_figures(score, scores, targets);
        match score.method {
            Scored::Own => figures.own = all,
            Scored::Rule(rule) if all.all.n > 0 => {
                figures.baselines.insert(rule.word().to_owned(), all);
            }
            Scored::Rule(_) => {}
        }
    }
}

/// The table of the files, one row a day.
pub(super) fn index_csv(figures: &ForecastFigures) -> String {
    let mut table = "date,anchor_date,days_ahead,weather_source,valid_fraction_of_base,valid_fraction,file,checks\n".to_owned();
    let share = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.4}"));
    for target in &figures.targets {
        let _ = writeln!(
            table,
            "{},{},{},{},{},{},{},{}",
            target.date,
            target.anchor.as_deref().unwrap_or(""),
            target
                .days_ahead
                .map_or_else(String::new, |days| days.to_string()),
            cell(target.weather_source.as_deref().unwrap_or("none")),
            share(target.base_share),
            share(target.made_share),
            cell(&target.file),
            cell(&target.checks.join("; "))
        );
    }
    table
}
