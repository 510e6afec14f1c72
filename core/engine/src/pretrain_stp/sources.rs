//! What a model is to know of its sensors: the sources of all archives, those of one name as one, with the mean and deviation
//! of all their values together. Knows sources. Opens no file and knows no tensors.

use terroir_models::{StpSource, StpTarget};
use terroir_scene::{BandSums, Measure, Source, SourceBand};

/// Bands of one sensor this near are one band, as the images of an archive are sorted: nanometres, or share of the wavelength.
const NEAR_NM: f64 = 20.0;
const NEAR_SHARE: f64 = 0.04;
const NEAR_SHARE_LANDSAT: f64 = 0.05;
const NEAR_NM_SENTINEL_2: f64 = 8.0;
const NEAR_SHARE_SENTINEL_2: f64 = 0.015;

/// Sources of archives as one list, first come, first named, with the mean and deviation of the values of all. The sums are
/// those of each source's bands.
pub fn pooled<'a>(found: impl IntoIterator<Item = (&'a Source, Vec<BandSums>)>) -> Vec<Source> {
    let mut all: Vec<(Source, Vec<BandSums>)> = Vec::new();
    for (source, sums) in found {
        let known = all
            .iter_mut()
            .find(|(known, _)| known.name.eq_ignore_ascii_case(&source.name));
        let Some((known, of_known)) = known else {
            all.push((source.clone(), sums));
            continue;
        };
        known.is_input |= source.is_input;
        known.is_target |= source.is_target;
        for (band, sums) in source.bands.iter().zip(sums) {
            let own = nearest(known, band);
            match own.and_then(|at| Some((known.bands.get_mut(at)?, of_known.get_mut(at)?))) {
                Some((own, of_own)) => {
                    of_own.join(&sums);
                    add_classes(own, band);
                }
                None => {
                    known.bands.push(band.clone());
                    of_known.push(sums);
                }
            }
        }
    }
    all.into_iter()
        .map(|(mut source, sums)| {
            for (band, sums) in source.bands.iter_mut().zip(sums) {
                band.mean = sums.mean;
                band.deviation = sums.deviation();
            }
            source
        })
        .collect()
}

/// The band of a source that is the same as one of another archive.
fn nearest(source: &Source, band: &SourceBand) -> Option<usize> {
    let off = |own: &SourceBand| -> Option<f64> {
        if own.measure != band.measure {
            return None;
        }
        match (own.wavelength_nm, band.wavelength_nm) {
            (Some(a), Some(b)) => {
                let (nm, share) = match source.name.as_str() {
                    "sentinel-2" => (NEAR_NM_SENTINEL_2, NEAR_SHARE_SENTINEL_2),
                    "landsat" => (NEAR_NM, NEAR_SHARE_LANDSAT),
                    _ => (NEAR_NM, NEAR_SHARE),
                };
                let off = (a - b).abs();
                (off <= nm.max(share * a)).then_some(off)
            }
            _ => own.name.eq_ignore_ascii_case(&band.name).then_some(0.0),
        }
    };
    (0..source.bands.len())
        .filter_map(|at| Some((at, off(&source.bands[at])?)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(at, _)| at)
}

fn add_classes(own: &mut SourceBand, other: &SourceBand) {
    for class in &other.classes {
        if !own.classes.iter().any(|(code, _)| *code == class.0) {
            own.classes.push(class.clone());
        }
    }
}

/// A band of classes makes a source one that is told apart and not measured.
pub fn has_classes(source: &Source) -> bool {
    source
        .bands
        .iter()
        .any(|band| band.measure == Measure::Classes)
}

/// Radar backscatter, whose frames get a line blanked.
pub fn is_radar(source: &Source) -> bool {
    source
        .bands
        .iter()
        .any(|band| band.measure == Measure::Decibel)
}

pub fn is_optical(source: &Source) -> bool {
    source
        .bands
        .iter()
        .any(|band| band.measure == Measure::Reflectance)
}

/// Numbers a decoder draws of a source a pixel.
pub fn outputs(source: &Source) -> usize {
    match source.bands.first() {
        Some(band) if has_classes(source) => band.classes.len(),
        _ => source.bands.len(),
    }
}

/// As a network names it.
pub fn key(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect()
}

/// What a network looks at and what it draws, of its sources.
pub fn shapes(sources: &[Source]) -> (Vec<StpSource>, Vec<StpTarget>) {
    let inputs = sources.iter().filter(|source| source.is_input);
    let targets = sources.iter().filter(|source| source.is_target);
    (
        inputs
            .map(|source| StpSource {
                name: key(&source.name),
                bands: source.bands.len(),
            })
            .collect(),
        targets
            .map(|source| StpTarget {
                name: key(&source.name),
                outputs: outputs(source),
                meta: 0,
            })
            .collect(),
    )
}

/// What each target weighs among the losses: divided by the mean of those in use (specification 7).
pub fn loss_weights(sources: &[Source]) -> Vec<f64> {
    let used: Vec<f64> = sources
        .iter()
        .filter(|source| source.is_target)
        .map(|source| source.loss_weight)
        .collect();
    let mean = used.iter().sum::<f64>() / used.len().max(1) as f64;
    let mean = if mean > 0.0 { mean } else { 1.0 };
    sources
        .iter()
        .map(|source| source.loss_weight / mean)
        .collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn band(name: &str, nm: f64, mean: f64, deviation: f64) -> SourceBand {
        SourceBand {
            name: name.to_owned(),
            wavelength_nm: (nm > 0.0).then_some(nm),
            measure: if nm > 0.0 {
                Measure::Reflectance
            } else {
                Measure::Decibel
            },
            mean,
            deviation,
            classes: Vec::new(),
        }
    }

    pub fn source(name: &str, bands: Vec<SourceBand>) -> Source {
        Source {
            name: name.to_owned(),
            is_input: true,
            is_target: true,
            bands,
            loss_weight: 1.0,
            shift_m: None,
            regrid_m: None,
        }
    }

    fn sums(count: u64, mean: f64, squares: f64) -> BandSums {
        BandSums {
            count,
            mean,
            squares,
        }
    }

    #[test]
    fn sources_of_one_name_are_one_with_the_values_of_all() {
        let plain = |name: &str, nm: f64| band(name, nm, 0.0, 1.0);
        let a = source("sentinel-2", vec![plain("B04", 664.6), plain("B08", 832.8)]);
        let b = source("sentinel-2", vec![plain("red", 665.0), plain("B8A", 864.7)]);
        let c = source("sentinel-1", vec![plain("VV", 0.0)]);
        let all = pooled([
            (&a, vec![sums(10, 1.0, 0.0), sums(10, 5.0, 40.0)]),
            (&b, vec![sums(30, 3.0, 0.0), sums(30, 4.0, 30.0)]),
            (&c, vec![sums(1, -10.0, 0.0)]),
        ]);
        assert_eq!(all.len(), 2);
        let names: Vec<&str> = all[0].bands.iter().map(|b| b.name.as_str()).collect();
        assert_eq!(names, ["B04", "B08", "B8A"]);
        let red = &all[0].bands[0];
        assert!((red.mean - 2.5).abs() < 1e-12);
        assert!((red.deviation - 0.75_f64.sqrt()).abs() < 1e-12);
        assert_eq!((all[0].bands[1].mean, all[0].bands[2].mean), (5.0, 4.0));
        assert_eq!(
            (all[0].bands[1].deviation, all[1].bands[0].deviation),
            (2.0, 1.0)
        );
        let (inputs, targets) = shapes(&all);
        assert_eq!((inputs[0].bands, targets[1].outputs), (3, 1));
        assert!(is_optical(&all[0]) && is_radar(&all[1]) && !is_radar(&all[0]));
    }

    #[test]
    fn classes_are_told_apart_and_half_weights_stay_half() {
        let mut cover = source("Land cover (10 m)", vec![band("class", 0.0, 0.0, 1.0)]);
        cover.bands[0].measure = Measure::Classes;
        cover.bands[0].classes = vec![(10, "trees".to_owned()), (40, "crops".to_owned())];
        cover.is_input = false;
        cover.loss_weight = 0.5;
        let mut more = cover.clone();
        more.bands[0].classes = vec![(40, "crops".to_owned()), (80, "water".to_owned())];
        let all = pooled([&cover, &more].map(|source| (source, vec![BandSums::default()])));
        assert_eq!(outputs(&all[0]), 3);
        assert_eq!(key(&all[0].name), "land-cover--10-m-");
        let other = source("s2", vec![band("B04", 664.6, 0.0, 1.0)]);
        let weights = loss_weights(&[other, cover]);
        assert!((weights[0] - 4.0 / 3.0).abs() < 1e-12 && (weights[1] - 2.0 / 3.0).abs() < 1e-12);
    }
}
