//! Heads against the golden linear maths, and the measurements the defaults rest on.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::*;
use crate::field::tests::{golden, numbers, points, raw};
use crate::folds::splitmix64;
use crate::{Calibration, ConfusionMatrix, decode_pixel};

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

/// Unit vectors by class.
fn units(region: &str, count: usize) -> Option<Vec<Vec<[f32; 64]>>> {
    let mut by_class = vec![Vec::new(); count];
    for (label, codes) in points(region)? {
        by_class[label].push(decode_pixel(&codes).unwrap());
    }
    Some(by_class)
}

fn pixels(by_class: &[Vec<[f32; 64]>]) -> Vec<TrainingPixel> {
    let pixel = |class: usize, vector: &[f32; 64]| TrainingPixel {
        vector: *vector,
        class,
        weight: 1.0,
    };
    by_class
        .iter()
        .enumerate()
        .flat_map(|(class, vectors)| vectors.iter().map(move |vector| pixel(class, vector)))
        .collect()
}

#[test]
fn without_a_penalty_ridge_is_the_golden_least_squares() {
    let Some((golden, rows)) = golden("aef/classify_iowa.json").zip(points("iowa_ag")) else {
        return;
    };
    let by_class: Vec<Vec<[f32; 64]>> = (0..9)
        .map(|class| {
            rows.iter()
                .filter(|(label, _)| *label == class)
                .map(|(_, codes)| raw(codes))
                .collect()
        })
        .collect();
    for shots in [1, 10, 30] {
        let expected = &golden[&format!("shots_{shots}")];
        let train: Vec<_> = by_class
            .iter()
            .map(|vectors| vectors[..shots].to_vec())
            .collect();
        let class = train
            .iter()
            .enumerate()
            .flat_map(|(class, vectors)| vec![class; vectors.len()])
            .collect();
        let vectors = train.concat();
        let weight = vec![1.0; vectors.len()];
        let fitted = ridge::fit(
            &FitSet {
                vectors,
                class,
                weight,
                class_count: 9,
            },
            0.0,
            &never,
        )
        .unwrap();
        let classify = |vector: &[f32; 64]| {
            let score = |k: usize| {
                fitted.weights[k]
                    .iter()
                    .zip(vector)
                    .map(|(w, v)| w * f64::from(*v))
                    .sum::<f64>()
                    + fitted.bias[k]
            };
            (0..9)
                .reduce(|best, k| if score(k) > score(best) { k } else { best })
                .unwrap()
        };
        let mut matrix = ConfusionMatrix::new(classes(9));
        let mut found = Vec::new();
        for (class, vectors) in by_class.iter().enumerate() {
            for vector in &vectors[30..] {
                found.push(classify(vector) as f64);
                matrix.add(classify(vector), class);
            }
        }
        // Near ties may fall either way in two of 450 predictions.
        let differing = found
            .iter()
            .zip(numbers(&expected["linear_pred_first20"]))
            .filter(|(found, expected)| **found != *expected)
            .count();
        assert!(
            differing <= 1,
            "{shots}: {differing} of the first 20 differ"
        );
        let balanced = matrix.accuracy().balanced.unwrap();
        assert!(
            (balanced - expected["linear_balanced_accuracy"].as_f64().unwrap()).abs() < 0.005,
            "{shots}: {balanced}"
        );
        if let Some(intercepts) = expected.get("linear_intercepts") {
            for (bias, expected) in fitted.bias.iter().zip(numbers(intercepts)) {
                assert!((bias - expected).abs() < 1e-4, "{bias} {expected}");
            }
        }
    }
}

#[test]
fn logistic_reaches_the_minimum() {
    let Some(by_class) = units("sf_bay_urban", 9) else {
        return;
    };
    let pixels = pixels(&by_class);
    let (set, _, _) = gather(&classes(9), &pixels, &[]).unwrap();
    let coarse = logistic::fit(&set, 1.0, &never).unwrap();
    // Gradient by hand in f64 at the solution: small against the total weight.
    let mut worst = 0.0f64;
    let mut gradient: Vec<[f64; 64]> = coarse.weights.clone();
    for (vector, &class) in set.vectors.iter().zip(&set.class) {
        let scores: Vec<f64> = coarse
            .weights
            .iter()
            .zip(&coarse.bias)
            .map(|(row, bias)| {
                row.iter()
                    .zip(vector)
                    .map(|(w, v)| w * f64::from(*v))
                    .sum::<f64>()
                    + bias
            })
            .collect();
        let highest = scores.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
        for (k, row) in gradient.iter_mut().enumerate() {
            let error = (scores[k] - highest).exp() / total - if k == class { 1.0 } else { 0.0 };
            row.iter_mut()
                .zip(vector)
                .for_each(|(sum, value)| *sum += error * f64::from(*value));
        }
    }
    gradient
        .iter()
        .flatten()
        .for_each(|value| worst = worst.max(value.abs()));
    assert!(worst < 0.05, "{worst} of {} pixels", set.vectors.len());
}

#[test]
fn fitting_is_deterministic_and_its_probabilities_add_up() {
    let Some(by_class) = units("iowa_ag", 9) else {
        return;
    };
    let pixels = pixels(&by_class);
    for kind in [HeadKind::Ridge, HeadKind::Logistic] {
        let head = LinearHead::fit(kind, &classes(9), &pixels, &never).unwrap();
        assert_eq!(
            head,
            LinearHead::fit(kind, &classes(9), &pixels, &never).unwrap()
        );
        assert_eq!(head.provenance["pixels_per_class"]["class 3"], 80);
        for pixel in pixels.iter().step_by(7) {
            let mut probabilities = [0.0; 9];
            head.probabilities(&pixel.vector, &mut probabilities);
            assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            let (class, probability) = head.classify(&pixel.vector);
            let highest = probabilities.iter().copied().fold(0.0, f32::max);
            assert!(
                (probabilities[class] - highest).abs() < 1e-6
                    && (probability - highest).abs() < 1e-5
            );
        }
    }
}

#[test]
fn strokes_of_very_different_sizes_keep_the_small_class() {
    let Some(by_class) = units("iowa_ag", 9) else {
        return;
    };
    // 5 pixels of trees against 2,000 of crops (40 real ones, jittered as neighbours in a stroke are).
    let mut train = pixels(&[Vec::new(), by_class[1][..5].to_vec()]);
    for index in 0..2000usize {
        let mut vector = by_class[4][index % 40];
        for (axis, value) in vector.iter_mut().enumerate() {
            *value +=
                ((splitmix64((index * 64 + axis) as u64) >> 40) as f32 / 16_777_216.0 - 0.5) * 0.02;
        }
        train.push(TrainingPixel {
            vector,
            class: 4,
            weight: 1.0,
        });
    }
    for kind in [HeadKind::Ridge, HeadKind::Logistic] {
        let head = LinearHead::fit(kind, &classes(9), &train, &never).unwrap();
        assert_eq!(
            head.classes
                .iter()
                .map(|class| class.id)
                .collect::<Vec<_>>(),
            [2, 5],
            "classes without pixels are left out"
        );
        let share = |vectors: &[[f32; 64]], class: usize| {
            vectors
                .iter()
                .filter(|vector| head.classify(vector).0 == class)
                .count() as f64
                / vectors.len() as f64
        };
        let (trees, crops) = (share(&by_class[1][5..], 0), share(&by_class[4][40..], 1));
        assert!(
            trees > 0.85 && crops > 0.85,
            "{kind:?}: trees {trees}, crops {crops}"
        );
        assert!(head.temperature.is_finite() && head.temperature > 0.0);
    }
}

#[test]
fn unusable_labels_are_told_in_words() {
    let pixel = |class: usize, value: f32| TrainingPixel {
        vector: [value; 64],
        class,
        weight: 1.0,
    };
    let fit = |pixels: &[TrainingPixel]| {
        LinearHead::fit(HeadKind::Ridge, &classes(2), pixels, &never)
            .unwrap_err()
            .to_string()
    };
    assert!(fit(&[]).contains("at least two classes"));
    assert!(fit(&[pixel(0, 0.125)]).contains("paint a second class"));
    assert!(fit(&[pixel(0, 0.125), pixel(2, 0.125)]).contains("class number 3"));
    assert!(fit(&[pixel(0, 0.125), pixel(1, f32::NAN)]).contains("not a number"));
    let both = [pixel(0, 0.125), pixel(1, -0.125)];
    assert!(matches!(
        LinearHead::fit(HeadKind::Logistic, &classes(2), &both, &|| true),
        Err(SceneError::Cancelled)
    ));
    for kind in [HeadKind::Ridge, HeadKind::Logistic] {
        let head = LinearHead::fit(kind, &classes(2), &both, &never).unwrap();
        assert_eq!(
            (
                head.classify(&[0.125; 64]).0,
                head.classify(&[-0.125; 64]).0
            ),
            (0, 1)
        );
        // Equal vectors in both classes: no split, but no failure either.
        let same = [pixel(0, 0.125), pixel(1, 0.125)];
        let (_, probability) = LinearHead::fit(kind, &classes(2), &same, &never)
            .unwrap()
            .classify(&[0.125; 64]);
        assert!((probability - 0.5).abs() < 0.01);
    }
}

#[test]
fn a_stroke_is_fitted_at_once() {
    let Some(by_class) = units("iowa_ag", 9) else {
        return;
    };
    let real = pixels(&by_class[..6]);
    let train: Vec<TrainingPixel> = real.iter().cycle().take(2000).cloned().collect();
    for kind in [HeadKind::Ridge, HeadKind::Logistic] {
        let start = cpu_time();
        LinearHead::fit(kind, &classes(6), &train, &never).unwrap();
        let elapsed = cpu_time() - start;
        eprintln!("{kind:?}: 2,000 pixels of 6 classes in {elapsed:?} of processor time");
        // The budget of an optimised build is 30 ms; a test build gets ten times as much.
        assert!(elapsed.as_millis() < 300, "{kind:?} took {elapsed:?}");
    }
}

/// Processor time of this thread, so that a busy machine does not fail a test; wall time where the system does not tell.
fn cpu_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next().and_then(|first| first.parse().ok()))
        .map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// What a head made of a draw of training points.
struct Draw {
    balanced: f64,
    /// Negative log-likelihood and expected calibration error at each of `SHARPER` times the head's temperature.
    calibration: Vec<(f64, f64)>,
}

const SHARPER: [f32; 6] = [1.0, 1.25, 1.5, 2.0, 2.5, 3.0];

/// Trains on a seeded draw of `shots[class]` points of each class and tests on the 40 of each that are never drawn.
fn try_out(
    by_class: &[Vec<[f32; 64]>],
    shots: &[usize],
    seed: u64,
    kind: HeadKind,
    penalty: f64,
) -> Draw {
    let mut train = vec![Vec::new(); by_class.len()];
    let mut test = Vec::new();
    for (class, vectors) in by_class.iter().enumerate() {
        let mut order: Vec<usize> = (0..vectors.len()).collect();
        order.sort_by_key(|&index| splitmix64(seed * 1_000_003 + (class * 100 + index) as u64));
        for (place, index) in order.into_iter().enumerate() {
            if place < shots[class] {
                train[class].push(vectors[index]);
            } else if place >= 40 {
                test.push((class, vectors[index]));
            }
        }
    }
    let names = classes(by_class.len());
    let mut head =
        LinearHead::fit_with(kind, penalty, &names, &[], &pixels(&train), &never).unwrap();
    let mut matrix = ConfusionMatrix::new(names);
    for (class, vector) in &test {
        matrix.add(head.classify(vector).0, *class);
    }
    let fitted = head.temperature;
    let calibration = SHARPER.map(|sharper| {
        head.temperature = fitted * sharper;
        let mut calibration = Calibration::new();
        for (class, vector) in &test {
            let mut probabilities = vec![0.0; by_class.len()];
            head.probabilities(vector, &mut probabilities);
            let wide: Vec<f64> = probabilities
                .iter()
                .map(|&value| f64::from(value))
                .collect();
            calibration.add(&wide, *class);
        }
        let measures = calibration.measures();
        (measures.nll.unwrap(), measures.ece.unwrap())
    });
    Draw {
        balanced: matrix.accuracy().balanced.unwrap(),
        calibration: calibration.to_vec(),
    }
}

/// Prints the table the defaults were chosen from: `cargo test -p terroir-scene --lib -- --ignored --nocapture few_shot`.
#[test]
#[ignore = "a measurement, not a check"]
fn few_shot_accuracy_of_kinds_and_penalties() {
    let Some((iowa, bay)) = units("iowa_ag", 9).zip(units("sf_bay_urban", 9)) else {
        return;
    };
    let mut plans: Vec<(String, Vec<usize>)> = [1, 3, 5, 10, 40]
        .map(|shots| (shots.to_string(), vec![shots; 9]))
        .to_vec();
    plans.push(("3/40".to_owned(), vec![3, 40, 3, 40, 3, 40, 3, 40, 3]));
    let ridges = [0.1, 0.3, 1.0, 3.0].map(|penalty| (HeadKind::Ridge, penalty));
    let logistics = [0.03, 0.1, 0.2, 0.3].map(|penalty| (HeadKind::Logistic, penalty));
    for (kind, penalty) in ridges.into_iter().chain(logistics) {
        eprintln!("{kind:?} {penalty}");
        for (name, shots) in &plans {
            let draws: Vec<Draw> = [&iowa, &bay]
                .iter()
                .flat_map(|region| (0..10).map(|seed| try_out(region, shots, seed, kind, penalty)))
                .collect();
            let mean =
                |of: &dyn Fn(&Draw) -> f64| draws.iter().map(of).sum::<f64>() / draws.len() as f64;
            let mut line = format!("  {name:>4}: {:.3}", mean(&|draw| draw.balanced));
            for (index, sharper) in SHARPER.iter().enumerate() {
                let (nll, ece) = (
                    mean(&|draw| draw.calibration[index].0),
                    mean(&|draw| draw.calibration[index].1),
                );
                line += &format!(" | x{sharper} nll {nll:.2} ece {ece:.2}");
            }
            eprintln!("{line}");
        }
    }
}
