//! Which labels train and which test, seed by seed: half of the blocks and polygons against the other half, or what a split
//! file says. Knows labelled places; knows nothing of what is learnt from them.

use std::collections::{BTreeMap, HashMap};

use terroir_scene::{LabelledPixel, block_px_of, spatial_folds};

use super::labels::{LabelSet, exact_id, order_key};
use super::spec::Shots;
use crate::monitor::Monitor;
use crate::split_file::SplitFile;
use crate::{EvaluateSpec, Failure};

/// Between the seeds of two splits, so that drawing one anew does not give another.
const SEED_STEP: u64 = 1009;

/// One split.
#[derive(Clone, Debug, Default)]
pub(super) struct Draw {
    pub seed: u64,
    /// Indices of places, in random order.
    train: Vec<usize>,
    pub test: Vec<usize>,
    /// Labels a class to the places a split file names.
    exact: BTreeMap<usize, Vec<usize>>,
}

impl Draw {
    /// The places that train. Fewer labels are a part of more.
    pub fn training(&self, shots: Shots, most: usize, set: &LabelSet) -> Vec<usize> {
        let count = match shots {
            Shots::Few(count) => {
                if let Some(places) = self.exact.get(&count) {
                    return places.clone();
                }
                count
            }
            Shots::Max if set.has_values() => most.saturating_mul(10),
            Shots::Max => most,
        };
        let mut left = vec![count; set.classes.len().max(1)];
        let mut chosen: Vec<usize> = Vec::new();
        for place in &self.train {
            let class = set.places.get(*place).map_or(0, |place| place.class);
            if let Some(left) = left.get_mut(class)
                && *left > 0
            {
                *left -= 1;
                chosen.push(*place);
            }
        }
        chosen
    }
}

/// All splits, and how they were made, in a sentence.
///
/// # Errors
/// Places that cannot be split.
pub(super) fn draws(
    spec: &EvaluateSpec,
    set: &LabelSet,
    split: Option<&SplitFile>,
    monitor: &Monitor<'_>,
) -> Result<(Vec<Draw>, String), Failure> {
    let (draws, design) = match split {
        Some(split) => of_file(spec, set, split, monitor),
        None if set.places.iter().any(|place| place.is_held_out) => held_out(spec, set),
        None => blocks(spec, set, monitor),
    };
    if draws
        .iter()
        .any(|draw| draw.train.is_empty() || draw.test.is_empty())
    {
        return Err(Failure::new(format!(
            "the labels cannot be parted into some to learn from and others to test with; label more places that lie apart\n{}",
            set.path.display()
        )));
    }
    Ok((draws, design))
}

fn shuffled(mut places: Vec<usize>, set: &LabelSet, seed: u64) -> Vec<usize> {
    let key = |place: &usize| {
        let id = set.places.get(*place).map_or(0, |place| place.id);
        order_key(id, seed.wrapping_add(2))
    };
    places.sort_by_cached_key(|place| (key(place), *place));
    places
}

fn seeds(spec: &EvaluateSpec) -> impl Iterator<Item = u64> {
    let first = spec.seed;
    (0..spec.seeds as u64).map(move |number| first.wrapping_add(number))
}

fn of_file(
    spec: &EvaluateSpec,
    set: &LabelSet,
    split: &SplitFile,
    monitor: &Monitor<'_>,
) -> (Vec<Draw>, String) {
    let index_of: HashMap<u64, usize> = set
        .places
        .iter()
        .enumerate()
        .map(|(index, place)| (place.id, index))
        .collect();
    if spec.seeds > split.seeds.len() {
        monitor.warn(format!(
            "the split file has {} splits, so {} are used instead of {}",
            split.seeds.len(),
            split.seeds.len(),
            spec.seeds
        ));
    }
    let draws: Vec<Draw> = split
        .seeds
        .iter()
        .take(spec.seeds)
        .map(|of| {
            let part = |units: &std::collections::HashSet<u32>| {
                let inside = |place: &&usize| {
                    let place = set.places.get(**place);
                    place.is_some_and(|place| units.contains(&place.unit))
                };
                let all: Vec<usize> = (0..set.places.len()).collect();
                all.iter().filter(inside).copied().collect::<Vec<_>>()
            };
            let exact = of.few_shot.iter().filter_map(|(count, places)| {
                let places = places
                    .iter()
                    .filter_map(|place| index_of.get(&exact_id(place, set.grid.width)?).copied());
                Some((count.parse().ok()?, places.collect()))
            });
            Draw {
                seed: of.seed,
                train: shuffled(part(&of.train_units), set, of.seed),
                test: part(&of.test_units),
                exact: exact.collect(),
            }
        })
        .collect();
    let design = format!(
        "{} splits of a file: what trains and what tests never shares a unit, and few labels are exactly the places the file names where it names some",
        draws.len()
    );
    (draws, design)
}

fn held_out(spec: &EvaluateSpec, set: &LabelSet) -> (Vec<Draw>, String) {
    let part = |is_test: bool| -> Vec<usize> {
        (0..set.places.len())
            .filter(|place| {
                set.places
                    .get(*place)
                    .is_some_and(|place| place.is_held_out == is_test)
            })
            .collect()
    };
    let draws = seeds(spec)
        .map(|seed| Draw {
            seed,
            train: shuffled(part(false), set, seed),
            test: part(true),
            exact: BTreeMap::new(),
        })
        .collect();
    let design = "shapes marked test or validation test, all others train; the seeds differ in the labels that are drawn"
        .to_owned();
    (draws, design)
}

fn blocks(spec: &EvaluateSpec, set: &LabelSet, monitor: &Monitor<'_>) -> (Vec<Draw>, String) {
    let pixels: Vec<LabelledPixel> = set
        .places
        .iter()
        .map(|place| LabelledPixel {
            col: place.pixel.0,
            row: place.pixel.1,
            class_id: u8::try_from(place.class + 1).unwrap_or(u8::MAX),
            polygon: place.unit,
        })
        .collect();
    let block_px = block_px_of(&set.grid);
    let (mut draws, mut redrawn, mut remarks) = (Vec::new(), 0, Vec::new());
    for seed in seeds(spec) {
        let (folds, warnings) =
            spatial_folds(&pixels, block_px, 2, seed.wrapping_mul(SEED_STEP), &|id| {
                named(id, set)
            });
        let is_redraw = |text: &&String| text.starts_with("so that every class");
        redrawn += usize::from(warnings.iter().any(|text| is_redraw(&text)));
        remarks.extend(warnings.iter().filter(|text| !is_redraw(text)).cloned());
        let part = |fold: usize| -> Vec<usize> {
            let places = folds.iter().enumerate();
            places
                .filter(|(_, of)| **of == fold)
                .map(|(place, _)| place)
                .collect()
        };
        draws.push(Draw {
            seed,
            train: shuffled(part(0), set, seed),
            test: part(1),
            exact: BTreeMap::new(),
        });
    }
    if redrawn > 0 {
        monitor.warn(format!(
            "in {redrawn} of {} splits the blocks were drawn anew or made smaller, so that every class is on both sides",
            draws.len()
        ));
    }
    for text in remarks {
        monitor.warn(text);
    }
    let design = format!(
        "{} splits: blocks of {block_px} pixels are dealt by chance to a half that trains and a half that tests, polygons are never cut",
        draws.len()
    );
    (draws, design)
}

/// What a class is called; numbers to predict are all of one.
fn named(id: u8, set: &LabelSet) -> String {
    if set.has_values() {
        return "the set of values".to_owned();
    }
    let found = set.classes.get(usize::from(id).saturating_sub(1));
    found.map_or_else(
        || format!("class {id}"),
        |class| format!("class \"{}\"", class.name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobId;
    use crate::evaluate::labels::Place;
    use crate::evaluate::spec::Candidate;
    use terroir_scene::{Class, Grid, Probe};

    fn spec(seeds: usize) -> EvaluateSpec {
        EvaluateSpec {
            candidates: vec![Candidate::field("f", std::path::Path::new("f.tif"))],
            archive: None,
            period: None,
            labels: "l.tif".to_owned(),
            class_attribute: None,
            value: None,
            zero_is_class: false,
            split: None,
            heads: Probe::ALL.to_vec(),
            shots: EvaluateSpec::CLASS_SHOTS.to_vec(),
            most: 4,
            seeds,
            seed: 0,
            out: "r.json".into(),
        }
    }

    /// Polygons of ten pixels, of two classes in turn.
    fn set() -> LabelSet {
        let places = (0..200usize).map(|at| Place {
            id: at as u64,
            ground: vec![(at as f64, 0.0)],
            pixel: (at * 7, at / 10 * 11),
            class: at / 10 % 2,
            value: 0.0,
            unit: (at / 10) as u32 + 1,
            is_held_out: false,
            period: None,
        });
        let class = |id: u8| Class {
            id,
            name: format!("c{id}"),
            color: [id; 3],
        };
        LabelSet {
            path: "l.tif".into(),
            grid: Grid {
                width: 1500,
                height: 300,
                georef: Default::default(),
            },
            classes: vec![class(1), class(2)],
            places: places.collect(),
            totals: vec![100, 100],
        }
    }

    #[test]
    fn polygons_stay_whole_and_few_labels_are_part_of_more() {
        let set = set();
        let mut emit = |_| {};
        let monitor = Monitor::new(JobId(0), &|| None, &mut emit);
        let (draws, design) = draws(&spec(5), &set, None, &monitor).unwrap();
        assert!(draws.len() == 5 && design.contains("blocks of 50"));
        for draw in &draws {
            let units = |places: &[usize]| -> std::collections::BTreeSet<u32> {
                places.iter().map(|at| set.places[*at].unit).collect()
            };
            let everything = draw.training(Shots::Few(1000), 4, &set);
            assert!(units(&everything).is_disjoint(&units(&draw.test)));
            assert_eq!(everything.len() + draw.test.len(), 200);
            let few = draw.training(Shots::Few(3), 4, &set);
            let most = draw.training(Shots::Max, 4, &set);
            assert_eq!((few.len(), most.len()), (6, 8));
            assert!(few.iter().all(|at| most.contains(at)));
            for class in 0..2 {
                let of = few.iter().filter(|at| set.places[**at].class == class);
                assert_eq!(of.count(), 3);
            }
        }
        assert_ne!(draws[0].test, draws[1].test);
        let again = super::draws(&spec(5), &set, None, &monitor).unwrap().0;
        assert_eq!(again[3].train, draws[3].train);
    }

    #[test]
    fn a_file_names_units_and_exact_places() {
        let set = set();
        let split: serde_json::Value = serde_json::json!({
            "unit": "polygon", "class_ids_used": [1, 2],
            "seeds": [{"seed": 7, "train_units": [1, 2], "test_units": [3, 4], "few_shot": {"2": {"1": [[0, 3], [0, 5]], "2": [[0, 12], [0, 14]]}}}],
        });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("split.json");
        std::fs::write(&path, split.to_string()).unwrap();
        let split = SplitFile::read(&path).unwrap();
        let mut emit = |_| {};
        let monitor = Monitor::new(JobId(0), &|| None, &mut emit);
        let (draws, _) = draws(&spec(5), &set, Some(&split), &monitor).unwrap();
        assert!(monitor.warnings()[0].contains("1 splits"));
        assert_eq!(draws[0].training(Shots::Few(2), 4, &set), [3, 5, 12, 14]);
        assert_eq!(draws[0].training(Shots::Few(1), 4, &set).len(), 2);
        assert_eq!(draws[0].test, (20..40).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_marked_for_testing_tests() {
        let mut set = set();
        for place in set.places.iter_mut().skip(150) {
            place.is_held_out = true;
        }
        let mut emit = |_| {};
        let monitor = Monitor::new(JobId(0), &|| None, &mut emit);
        let (draws, _) = draws(&spec(2), &set, None, &monitor).unwrap();
        assert!(draws.iter().all(|draw| draw.test.len() == 50));
        assert_ne!(draws[0].train, draws[1].train);
        set.places.truncate(100);
        set.places.iter_mut().for_each(|place| place.unit = 1);
        set.places.retain(|place| place.id == 0);
        let error = super::draws(&spec(1), &set, None, &monitor).unwrap_err();
        assert!(error.what.contains("cannot be parted"), "{}", error.what);
    }
}
