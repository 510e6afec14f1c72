//! How well fields do: few-shot accuracy on labelled scenes with fixed splits, for several designs of the field.
//! The table of docs/field.md comes from here.

use std::path::{Path, PathBuf};

use serde::Serialize;
use terroir_scene::HeadKind;

use crate::bench_points::Points;
use crate::catalogue::ModelShelf;
use crate::design::Design;
use crate::embed::embed;
use crate::monitor::{JobResult, Monitor, Stop};
use crate::shard::Share;
use crate::split::Split;
use crate::train::open_field;
use crate::{EmbedSpec, Failure, JobId};

/// One line of the table: means and standard deviations over the seeds of the split, in percent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchRow {
    pub scene: String,
    /// What the field was made of.
    pub design: String,
    /// The word of the kind of head.
    pub head: String,
    /// Training pixels: `5`, `10` (per class) or `full`.
    pub labels: String,
    pub overall: f64,
    pub overall_spread: f64,
    pub macro_f1: f64,
    pub macro_f1_spread: f64,
    /// Random forest on the raw bands: overall accuracy and macro F1 of the published baselines.
    pub forest: Option<(f64, f64)>,
}

/// A labelled scene: folder, image, label raster, and the bands to use where the file leaves doubt.
struct Case {
    folder: &'static str,
    image: &'static str,
    labels: &'static str,
    /// Nanometres of the first bands; empty = what the file says.
    wavelengths_nm: &'static [f64],
    /// False where the published baseline had more dates than this one image.
    is_baseline_comparable: bool,
}

const SENTINEL_2: [f64; 13] = [
    442.7, 492.4, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 945.1, 1373.5, 1613.7, 2202.4,
];
const SENTINEL_2_LEVEL_2: [f64; 12] = [
    442.7, 492.4, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 945.1, 1613.7, 2202.4,
];

const CASES: [Case; 5] = [
    Case {
        folder: "enmap_potsdam",
        image: "enmap_potsdam.tif",
        labels: "labels.tif",
        wavelengths_nm: &[],
        is_baseline_comparable: true,
    },
    Case {
        folder: "s2_berlin",
        image: "S2A_L1C_20170216_13bands_10m.tif",
        labels: "labels.tif",
        wavelengths_nm: &SENTINEL_2,
        is_baseline_comparable: true,
    },
    Case {
        folder: "s2_amazon",
        image: "s2_amazon.tif",
        labels: "labels.tif",
        wavelengths_nm: &SENTINEL_2_LEVEL_2,
        is_baseline_comparable: true,
    },
    Case {
        folder: "landsat7_chiapas",
        image: "LE07_1999-11-18.tif",
        labels: "labels.tif",
        wavelengths_nm: &[483.0, 565.0, 660.0, 825.0, 1650.0, 2220.0, 11450.0],
        is_baseline_comparable: true,
    },
    Case {
        folder: "s2_portugal_2021",
        image: "s2_l2a_12band/S2_2021-07-28.tif",
        labels: "labels_worldcover.tif",
        wavelengths_nm: &SENTINEL_2_LEVEL_2,
        is_baseline_comparable: false,
    },
];

/// Points with vectors of the published product.
const POINTS: [&str; 2] = ["points_2024_iowa_ag", "points_2024_sf_bay_urban"];

/// What is compared with trained weights: how loud their tokens are, and what they say alone.
fn designs_trained() -> Vec<(&'static str, Design)> {
    let chosen = Design::default();
    let tokens = |weight: f64| Design {
        tokens_trained: weight,
        ..chosen.clone()
    };
    vec![
        ("chosen", chosen.clone()),
        ("no tokens", tokens(0.0)),
        ("tokens 0.3", tokens(0.3)),
        ("tokens 0.5", tokens(0.5)),
        ("tokens 1", tokens(1.0)),
        ("tokens 2", tokens(2.0)),
        (
            "tokens only",
            Design {
                bands: 0.0,
                neighbourhood: 0.0,
                ..tokens(1.0)
            },
        ),
    ]
}

/// What is compared: the design in use first, then one change at a time.
fn designs() -> Vec<(&'static str, Design)> {
    let chosen = Design::default();
    let own = Design {
        neighbourhood: 0.0,
        tokens_untrained: 0.0,
        ..chosen.clone()
    };
    vec![
        ("chosen: bands, 5x5, tokens 0.3", chosen.clone()),
        ("bands only", own.clone()),
        (
            "bands only, no constant axis",
            Design {
                constant: 0.0,
                ..own.clone()
            },
        ),
        (
            "bands only, not whitened",
            Design {
                whitening: 0.0,
                ..own
            },
        ),
        (
            "bands and 5x5, no tokens",
            Design {
                tokens_untrained: 0.0,
                ..chosen.clone()
            },
        ),
        (
            "bands and tokens 0.3, no 5x5",
            Design {
                neighbourhood: 0.0,
                ..chosen.clone()
            },
        ),
        (
            "tokens only",
            Design {
                bands: 0.0,
                neighbourhood: 0.0,
                tokens_untrained: 1.0,
                ..chosen.clone()
            },
        ),
        (
            "tokens 1",
            Design {
                tokens_untrained: 1.0,
                ..chosen.clone()
            },
        ),
        (
            "tokens 0.3, patches of 2 pixels",
            Design {
                patch_px: 2,
                ..chosen.clone()
            },
        ),
        (
            "tokens 0.3, patches of 8 pixels",
            Design {
                patch_px: 8,
                ..chosen.clone()
            },
        ),
        (
            "no constant axis",
            Design {
                constant: 0.0,
                ..chosen.clone()
            },
        ),
        (
            "not whitened",
            Design {
                whitening: 0.0,
                ..chosen.clone()
            },
        ),
        (
            "fully whitened",
            Design {
                whitening: -0.5,
                ..chosen
            },
        ),
    ]
}

/// Embeds the labelled scenes below `data_dir` (`dofa-tiny`, untrained or with `weights`, CPU) in every design, fits heads on
/// the exact pixels of each `split.json` and scores them on its test units. Scenes that are not there are skipped.
/// `is_quick` measures the design in use only.
pub fn bench_field(
    data_dir: &Path,
    is_quick: bool,
    weights: Option<&Path>,
    on_row: &mut dyn FnMut(&BenchRow),
    cancelled: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let scratch = std::env::temp_dir().join(format!("terroir-bench-field-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)
        .map_err(|error| Failure::io("the folder cannot be made", &scratch, &error))?;
    let mut ignore = |_| {};
    let stop = || cancelled().then_some(Stop::Cancelled);
    let monitor = Monitor::new(JobId(0), &stop, &mut ignore);
    let result = run_cases(data_dir, is_quick, weights, &scratch, on_row, &monitor);
    std::fs::remove_dir_all(&scratch).ok();
    match result? {
        0 => Err(Failure::new(format!(
            "none of the labelled scenes lies in this folder\n{}",
            data_dir.display()
        ))),
        _ => Ok(()),
    }
}

fn run_cases(
    data_dir: &Path,
    is_quick: bool,
    weights: Option<&Path>,
    scratch: &Path,
    on_row: &mut dyn FnMut(&BenchRow),
    monitor: &Monitor<'_>,
) -> JobResult<usize> {
    let baselines = std::fs::read_to_string(data_dir.join("baselines.md")).unwrap_or_default();
    let mut shelf = ModelShelf::default();
    let mut done = 0;
    for case in &CASES {
        let folder = data_dir.join(case.folder);
        if !folder.join(case.image).exists() {
            continue;
        }
        done += 1;
        let split = Split::read(&folder, case.labels)?;
        let designs = match weights {
            Some(_) => designs_trained(),
            None => designs(),
        };
        for (name, design) in designs
            .into_iter()
            .take(if is_quick { 1 } else { usize::MAX })
        {
            let out = scratch.join("field.tif");
            let spec = spec_of(case, &folder, &out, weights);
            embed(&spec, Share::WHOLE, &design, monitor, &mut shelf)?;
            let field = open_field(&out)?;
            for kind in heads(is_quick) {
                for labels in LABELS {
                    let scores = split.score(&field, *kind, labels, monitor)?;
                    let published = case
                        .is_baseline_comparable
                        .then(|| forest(&baselines, case.folder, labels));
                    on_row(&row(
                        case.folder,
                        name,
                        *kind,
                        labels,
                        &scores,
                        published.flatten(),
                    ));
                }
            }
        }
    }
    for name in POINTS {
        let path = data_dir.join("aef").join(name).with_extension("csv");
        if !path.exists() {
            continue;
        }
        done += 1;
        let points = Points::read(&path)?;
        for kind in heads(is_quick) {
            for labels in LABELS {
                let scores = points.score(*kind, labels, monitor)?;
                on_row(&row(name, "as published", *kind, labels, &scores, None));
            }
        }
    }
    Ok(done)
}

/// Labels a class, or all.
const LABELS: [&str; 3] = ["5", "10", "full"];

/// Designs are chosen by the heads that follow the brush; the one in use is measured with every kind.
fn heads(is_quick: bool) -> &'static [HeadKind] {
    match is_quick {
        true => &HeadKind::ALL,
        false => &[HeadKind::Logistic, HeadKind::Ridge],
    }
}

fn row(
    scene: &str,
    design: &str,
    kind: HeadKind,
    labels: &str,
    scores: &[(f64, f64)],
    forest: Option<(f64, f64)>,
) -> BenchRow {
    let (overall, overall_spread) = mean_and_spread(scores.iter().map(|(overall, _)| *overall));
    let (macro_f1, macro_f1_spread) = mean_and_spread(scores.iter().map(|(_, f1)| *f1));
    BenchRow {
        scene: scene.to_owned(),
        design: design.to_owned(),
        head: kind.word().to_owned(),
        labels: labels.to_owned(),
        overall,
        overall_spread,
        macro_f1,
        macro_f1_spread,
        forest,
    }
}

fn spec_of(case: &Case, folder: &Path, out: &Path, weights: Option<&Path>) -> EmbedSpec {
    EmbedSpec {
        scene: folder.join(case.image),
        model: "dofa-tiny".to_owned(),
        weights: weights.map(Path::to_owned),
        device: crate::device::CPU.to_owned(),
        out: PathBuf::from(out),
        wavelengths_nm: case.wavelengths_nm.iter().copied().enumerate().collect(),
        bands: (0..case.wavelengths_nm.len()).collect(),
        seed: 0,
        aoi: None,
    }
}

/// Mean and standard deviation (n - 1), in percent.
fn mean_and_spread(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.map(|value| 100.0 * value).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

/// Random-forest figures of the baseline table: overall accuracy and macro F1.
fn forest(table: &str, scene: &str, labels: &str) -> Option<(f64, f64)> {
    let column = match labels {
        "full" => 5,
        "10" => 7,
        _ => 9,
    };
    let mut lines = table
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {scene} |")));
    let value = |line: &str| {
        line.split('|')
            .nth(column)?
            .split('±')
            .next()?
            .trim()
            .parse::<f64>()
            .ok()
    };
    Some((value(lines.next()?)?, value(lines.next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baselines_are_read_from_their_columns() {
        let table = "| a | 6 | 10 | OA % | 68.1 ± 3.0 | 72.3 ± 3.0 | 55.9 ± 5.9 | 59.8 ± 4.7 | 58.4 ± 7.9 | 59.1 ± 6.7 |\n\
                     |  |  |  | macro-F1 % | 57.0 ± 1.7 | 63.0 ± 1.6 | 49.5 ± 3.9 | 50.8 ± 1.8 | 51.2 ± 5.2 | 51.7 ± 3.7 |\n";
        assert_eq!(forest(table, "a", "full"), Some((68.1, 57.0)));
        assert_eq!(forest(table, "a", "10"), Some((55.9, 49.5)));
        assert_eq!(forest(table, "a", "5"), Some((58.4, 51.2)));
        assert_eq!(forest(table, "b", "5"), None);
    }

    #[test]
    fn spread_is_that_of_a_sample() {
        let (mean, spread) = mean_and_spread([0.5, 0.7].into_iter());
        assert!((mean - 60.0).abs() < 1e-9 && (spread - 200.0f64.sqrt()).abs() < 1e-9);
    }
}
