//! Heads of every kind against the golden ones, and what must hold whatever the labels are.

use proptest::prelude::*;

use super::*;
use crate::field::tests::{golden, numbers, points};
use crate::folds::splitmix64;
use crate::{Calibration, ConfusionMatrix, FIELD_NODATA, decode_pixel, encode_pixel};

fn classes(count: usize) -> Vec<Class> {
    (1..=count as u8)
        .map(|id| Class {
            id,
            name: format!("class {id}"),
            color: [id; 3],
        })
        .collect()
}

fn never() -> bool {
    false
}

fn pixel(vector: [f32; 64], class: usize) -> TrainingPixel {
    TrainingPixel {
        vector,
        class,
        weight: 1.0,
    }
}

fn fit(kind: HeadKind, names: &[Class], pixels: &[TrainingPixel]) -> Head {
    Head::fit(&FitOptions::new(kind), names, pixels, &never).unwrap()
}

/// Codes by class.
fn by_class(region: &str) -> Option<Vec<Vec<[i8; 64]>>> {
    let mut by_class = vec![Vec::new(); 9];
    for (label, codes) in points(region)? {
        by_class[label].push(codes);
    }
    Some(by_class)
}

/// The first `shots` of each class.
fn training(by_class: &[Vec<[i8; 64]>], shots: usize) -> Vec<TrainingPixel> {
    by_class
        .iter()
        .enumerate()
        .flat_map(|(class, rows)| {
            rows[..shots.min(rows.len())]
                .iter()
                .map(move |codes| pixel(decode_pixel(codes).unwrap(), class))
        })
        .collect()
}

/// Pixels around a few middles, a class each; labels as sparse as the caller likes.
fn made_up(seed: u64, count: usize, class_count: usize) -> Vec<TrainingPixel> {
    let random = |n: u64| (splitmix64(seed ^ n) >> 40) as f32 / 8_388_608.0 - 1.0;
    (0..count)
        .map(|index| {
            let class = (splitmix64(seed.wrapping_add(index as u64)) % class_count as u64) as usize;
            let vector = std::array::from_fn(|axis| {
                random((class * 64 + axis) as u64)
                    + 0.8 * random((1_000_000 + index * 64 + axis) as u64)
            });
            pixel(decode_pixel(&encode_pixel(&vector)).unwrap(), class)
        })
        .collect()
}

fn planar(rows: &[[i8; 64]]) -> Vec<i8> {
    (0..64)
        .flat_map(|axis| rows.iter().map(move |row| row[axis]))
        .collect()
}

#[test]
fn nearest_neighbours_are_the_golden_ones() {
    let Some((golden, by_class)) = golden("aef/classify_iowa.json").zip(by_class("iowa_ag")) else {
        return;
    };
    for shots in [1, 10, 30] {
        for k in [1, 3] {
            let options = FitOptions {
                neighbours: k,
                ..FitOptions::new(HeadKind::Neighbours)
            };
            let train = training(&by_class, shots);
            let head = Head::fit(&options, &classes(9), &train, &never).unwrap();
            let expected = &golden[&format!("shots_{shots}")];
            let mut matrix = ConfusionMatrix::new(classes(9));
            let mut found = Vec::new();
            for (class, rows) in by_class.iter().enumerate() {
                for codes in &rows[30..] {
                    let winner = head.classify(&decode_pixel(codes).unwrap()).0;
                    found.push(winner as f64);
                    matrix.add(winner, class);
                }
            }
            let first = numbers(&expected[&format!("knn{k}_pred_first20")]);
            let differing = found.iter().zip(first).filter(|(a, b)| **a != *b).count();
            assert!(differing <= 1, "{shots} shots, {k}: {differing} differ");
            let balanced = matrix.accuracy().balanced.unwrap();
            let expected = expected[&format!("knn{k}_balanced_accuracy")]
                .as_f64()
                .unwrap();
            assert!(
                (balanced - expected).abs() < 0.005,
                "{shots} shots, {k}: {balanced} {expected}"
            );
        }
    }
}

#[test]
fn of_a_tie_the_nearest_wins() {
    let unit = |angle: f32| {
        let mut vector = [0.0; 64];
        (vector[0], vector[1]) = (angle.cos(), angle.sin());
        vector
    };
    // Nearest first: class 1, then 0, then 2: one vote each.
    let train = [
        pixel(unit(0.10), 1),
        pixel(unit(0.20), 0),
        pixel(unit(0.30), 2),
        pixel(unit(1.50), 0),
        pixel(unit(1.60), 0),
    ];
    let head = fit(HeadKind::Neighbours, &classes(3), &train);
    assert_eq!(head.classify(&unit(0.0)).0, 1);
    assert_eq!(head.classify(&unit(1.55)).0, 0);
    let weights = FitOptions {
        class_weights: vec![1.0, 1.0, 3.0],
        ..FitOptions::new(HeadKind::Neighbours)
    };
    let head = Head::fit(&weights, &classes(3), &train, &never).unwrap();
    assert_eq!(head.classify(&unit(0.0)).0, 2, "its vote counts thrice");
}

#[test]
fn windows_say_what_pixels_say() {
    let Some(by_class) = by_class("sf_bay_urban") else {
        return;
    };
    let train = training(&by_class, 20);
    let mut rows: Vec<[i8; 64]> = by_class.concat();
    rows.truncate(650);
    rows[3][7] = FIELD_NODATA;
    rows[200] = [0; 64];
    let codes = planar(&rows);
    let wanted: Vec<bool> = (0..rows.len()).map(|at| at % 50 != 0).collect();
    for kind in HeadKind::ALL {
        let head = fit(kind, &classes(9), &train);
        let predictor = Predictor::new(&head);
        let verdicts = predictor.judge(&codes, rows.len(), Some(&wanted), true);
        let shares = predictor.probabilities(&codes, rows.len());
        let mut near_ties = 0;
        for (at, row) in rows.iter().enumerate() {
            let Some(unit) = decode_pixel(row).filter(|_| wanted[at]) else {
                assert_eq!(
                    (verdicts.class[at], verdicts.probability[at]),
                    (NO_CLASS, 0.0)
                );
                continue;
            };
            let mut own = [0.0; 9];
            head.probabilities(&unit, &mut own);
            let (winner, probability) = head.classify(&unit);
            near_ties += usize::from(usize::from(verdicts.class[at]) != winner);
            // A code at the edge between two may fall to the other side in one tree of a hundred.
            let slack = if kind == HeadKind::Forest { 0.03 } else { 2e-4 };
            assert!(
                (verdicts.probability[at] - probability).abs() < slack,
                "{kind:?} {at}: {} {probability}",
                verdicts.probability[at]
            );
            for (class, own) in own.iter().enumerate() {
                assert!((shares[class * rows.len() + at] - own).abs() < slack);
            }
            let entropy = crate::Uncertainty::Entropy.of(&own);
            assert!((verdicts.entropy[at] - entropy).abs() < 10.0 * slack);
            let margin = 1.0 - (verdicts.probability[at] - verdicts.second[at]);
            assert!((margin - crate::Uncertainty::Margin.of(&own)).abs() < 3.0 * slack);
        }
        assert!(near_ties <= 2, "{kind:?}: {near_ties} differ");
        assert!(shares[3].is_nan() && shares[200].is_nan());
        // Too few codes are no panic.
        assert_eq!(
            predictor.judge(&codes[1..], rows.len(), None, false).class[0],
            NO_CLASS
        );
        assert!(predictor.judge(&[], 0, None, false).class.is_empty());
    }
}

#[test]
fn every_kind_learns_and_states_honest_probabilities() {
    let Some(by_class) = by_class("iowa_ag") else {
        return;
    };
    let train = training(&by_class, 40);
    for kind in HeadKind::ALL {
        let head = fit(kind, &classes(9), &train);
        assert_eq!(head, fit(kind, &classes(9), &train), "the same again");
        let (mut matrix, mut calibration) = (ConfusionMatrix::new(classes(9)), Calibration::new());
        for (class, rows) in by_class.iter().enumerate() {
            for codes in &rows[40..] {
                let unit = decode_pixel(codes).unwrap();
                matrix.add(head.classify(&unit).0, class);
                let shares = softmax(&head.scores(&unit), f64::from(head.temperature));
                calibration.add(&shares, class);
            }
        }
        let (balanced, measures) = (matrix.accuracy().balanced.unwrap(), calibration.measures());
        eprintln!(
            "{:<20} balanced {balanced:.3}, calibration error {:.3}, log-likelihood {:.3}, temperature {:.2}",
            kind.name(),
            measures.ece.unwrap(),
            measures.nll.unwrap(),
            head.temperature
        );
        assert!(balanced > 0.68, "{kind:?}: {balanced}");
        assert!(measures.ece.unwrap() < 0.15, "{kind:?}: {:?}", measures.ece);
    }
}

#[test]
fn weights_move_the_border_between_classes() {
    let train = made_up(11, 300, 2);
    let test = made_up(11, 4_000, 2);
    for kind in HeadKind::ALL {
        let share = |weights: Vec<f32>| {
            let options = FitOptions {
                class_weights: weights,
                ..FitOptions::new(kind)
            };
            // The classes overlap, so that there is a border to move.
            let blurred: Vec<TrainingPixel> = train
                .iter()
                .enumerate()
                .map(|(at, pixel)| TrainingPixel {
                    class: if at % 5 == 0 {
                        1 - pixel.class
                    } else {
                        pixel.class
                    },
                    ..pixel.clone()
                })
                .collect();
            let head = Head::fit(&options, &classes(2), &blurred, &never).unwrap();
            let mut sum = 0.0;
            let mut out = [0.0; 2];
            for pixel in test.iter().skip(300) {
                head.probabilities(&pixel.vector, &mut out);
                sum += f64::from(out[0]);
            }
            sum / (test.len() - 300) as f64
        };
        let (light, even, heavy) = (share(vec![0.2, 1.0]), share(Vec::new()), share(vec![5.0]));
        assert!(
            light < even && even < heavy,
            "{kind:?}: {light} {even} {heavy}"
        );
    }
    for wrong in [0.0, -1.0, f32::NAN] {
        let options = FitOptions {
            class_weights: vec![wrong],
            ..FitOptions::new(HeadKind::Forest)
        };
        let error = Head::fit(&options, &classes(2), &train, &never).unwrap_err();
        assert!(error.to_string().contains("weight of \"class 1\""));
    }
}

#[test]
fn unusable_labels_are_told_in_words_by_every_kind() {
    let good = [0.125; 64];
    for kind in HeadKind::ALL {
        let said = |pixels: &[TrainingPixel]| {
            Head::fit(&FitOptions::new(kind), &classes(2), pixels, &never)
                .unwrap_err()
                .to_string()
        };
        assert!(said(&[]).contains("at least two classes"));
        assert!(said(&[pixel(good, 0), pixel(good, 0)]).contains("paint a second class"));
        assert!(said(&[pixel(good, 0), pixel([f32::NAN; 64], 1)]).contains("not a number"));
        assert!(said(&[pixel(good, 0), pixel(good, 7)]).contains("class number 8"));
        // One pixel a class, and twice the same vector in both.
        for second in [[-0.125; 64], good] {
            let head = fit(kind, &classes(2), &[pixel(good, 0), pixel(second, 1)]);
            let (_, probability) = head.classify(&good);
            assert!((0.4..=1.0).contains(&probability), "{kind:?} {probability}");
        }
        let cancelled = Head::fit(
            &FitOptions::new(kind),
            &classes(2),
            &[pixel(good, 0), pixel([-0.125; 64], 1)],
            &|| true,
        );
        assert!(matches!(cancelled, Err(SceneError::Cancelled)), "{kind:?}");
    }
}

#[test]
fn heads_of_every_kind_survive_the_file_and_damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("head.json");
    let train = made_up(5, 60, 3);
    for kind in HeadKind::ALL {
        let head = fit(kind, &classes(3), &train);
        head.save(&path).unwrap();
        assert_eq!(Head::load(&path).unwrap(), head);
        assert_eq!(LinearHead::load(&path).is_ok(), kind.is_linear());

        let text = std::fs::read_to_string(&path).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        // Every list of the file cut short, emptied and filled with nonsense in turn: an error or a head, never a panic.
        let model = match kind {
            HeadKind::Neighbours => "/neighbours",
            HeadKind::Forest => "/forest/trees/0",
            HeadKind::Network => "/network",
            _ => "",
        };
        let fields: Vec<String> = value
            .pointer(model)
            .and_then(serde_json::Value::as_object)
            .unwrap()
            .iter()
            .filter(|(_, value)| value.is_array())
            .map(|(key, _)| format!("{model}/{key}"))
            .collect();
        for field in fields.iter().filter(|field| *field != "/classes") {
            let before = value.pointer(field).cloned().unwrap();
            let list = before.as_array().unwrap().clone();
            let huge: Vec<serde_json::Value> =
                list.iter().map(|_| serde_json::json!(250)).collect();
            for damaged in [
                serde_json::json!([]),
                serde_json::json!(list[1..]),
                serde_json::json!(huge),
                serde_json::json!(null),
                serde_json::json!(["x"]),
            ] {
                *value.pointer_mut(field).unwrap() = damaged.clone();
                std::fs::write(&path, value.to_string()).unwrap();
                match Head::load(&path) {
                    Err(error) => assert!(error.to_string().contains("damaged"), "{error}"),
                    // Other numbers in lists of the right shape make another head.
                    Ok(other) => {
                        Predictor::new(&other).judge(&[1; 64 * 40], 40, None, true);
                    }
                }
            }
            *value.pointer_mut(field).unwrap() = before;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn renaming_classes_renames_the_map(seed in 0u64..1000, count in 6usize..80) {
        let pixels = made_up(seed, count, 3);
        let present: std::collections::HashSet<usize> =
            pixels.iter().map(|pixel| pixel.class).collect();
        prop_assume!(present.len() == 3);
        let turned: Vec<TrainingPixel> = pixels
            .iter()
            .map(|pixel| TrainingPixel { class: (pixel.class + 1) % 3, ..pixel.clone() })
            .collect();
        let test = made_up(seed, 300, 3);
        for kind in HeadKind::ALL {
            let (one, other) = (fit(kind, &classes(3), &pixels), fit(kind, &classes(3), &turned));
            let same = test
                .iter()
                .filter(|pixel| {
                    (one.classify(&pixel.vector).0 + 1) % 3 == other.classify(&pixel.vector).0
                })
                .count();
            // The network starts from other numbers for each class; of trees, equally good splits may fall otherwise.
            let wanted = match kind {
                HeadKind::Network => 240,
                HeadKind::Forest => 285,
                _ => 299,
            };
            prop_assert!(same >= wanted, "{:?}: {} of 300", kind, same);
        }
    }

    #[test]
    fn few_and_repeated_labels_never_fail(
        seed in 0u64..1000,
        count in 2usize..12,
        repeats in 1usize..5,
        class_count in 2usize..6,
    ) {
        let mut pixels = made_up(seed, count, class_count);
        pixels[0].class = 0;
        pixels[1].class = 1;
        let repeated: Vec<TrainingPixel> = (0..repeats).flat_map(|_| pixels.clone()).collect();
        for kind in HeadKind::ALL {
            let head = fit(kind, &classes(class_count), &repeated);
            for pixel in made_up(seed + 1, 20, class_count) {
                let mut out = vec![0.0; head.classes.len()];
                head.probabilities(&pixel.vector, &mut out);
                let sum: f32 = out.iter().sum();
                prop_assert!((sum - 1.0).abs() < 1e-4 && out.iter().all(|p| (0.0..=1.0).contains(p)));
            }
        }
    }
}

/// Prints how fast each kind is: `cargo test -p terroir-scene --lib --release -- --ignored --nocapture speed_of_heads`.
#[test]
#[ignore = "a measurement, not a check"]
fn speed_of_heads() {
    let train = made_up(1, 2_000, 8);
    let distinct: Vec<[i8; 64]> = made_up(2, 1 << 14, 8)
        .iter()
        .map(|pixel| encode_pixel(&pixel.vector))
        .collect();
    for kind in HeadKind::ALL {
        let used = if kind == HeadKind::Neighbours {
            &train[..500]
        } else {
            &train
        };
        let start = std::time::Instant::now();
        let head = fit(kind, &classes(8), used);
        let fitted = start.elapsed();
        let rows: Vec<[i8; 64]> = distinct
            .iter()
            .cycle()
            .take(if kind.is_linear() { 1 << 21 } else { 1 << 17 })
            .copied()
            .collect();
        let codes = planar(&rows);
        let predictor = Predictor::new(&head);
        predictor.judge(&codes, rows.len(), None, false);
        let start = std::time::Instant::now();
        predictor.judge(&codes, rows.len(), None, false);
        eprintln!(
            "{:<20} fit {:.1} ms, {:.1} ns a pixel",
            kind.name(),
            fitted.as_secs_f64() * 1e3,
            start.elapsed().as_secs_f64() * 1e9 / rows.len() as f64,
        );
    }
}
