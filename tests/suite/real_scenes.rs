//! The whole way on real scenes of different sensors, scored on units that trained nothing. The split files beside the
//! scenes are those of the published random-forest baselines, so the figures can be put side by side.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use terroir_scene::{Class, MapKind, MapWriter, Raster, Resampling, hex_from_rgb, rgb_from_hex};

use crate::program::{run, shared_data};

struct Case {
    /// Folder under the shared data.
    set: &'static str,
    scene: &'static str,
    labels: &'static str,
    /// Bands as `embed --wavelengths` takes them, where the file carries none.
    wavelengths: Option<&'static str>,
    /// Overall accuracy of a random forest on the raw bands with all training labels, mean of five splits.
    forest: f64,
    /// Far below what was measured, far above chance: what a broken pipeline would fail.
    at_least: f64,
}

#[test]
fn hyperspectral() {
    score(&Case {
        set: "enmap_potsdam",
        scene: "enmap_potsdam.tif",
        labels: "labels.tif",
        wavelengths: None,
        forest: 0.681,
        at_least: 0.45,
    });
}

#[test]
fn sentinel_2() {
    score(&Case {
        set: "s2_amazon",
        scene: "s2_amazon.tif",
        labels: "labels.tif",
        wavelengths: None,
        forest: 0.963,
        at_least: 0.75,
    });
}

#[test]
fn landsat() {
    score(&Case {
        set: "landsat7_chiapas",
        scene: "LE07_1999-11-18.tif",
        labels: "labels.tif",
        wavelengths: Some("1=483nm,2=565nm,3=660nm,4=825nm,5=1650nm,6=2220nm"),
        forest: 0.717,
        at_least: 0.45,
    });
}

/// No labels exist for the aerial scene: water and vegetation by index thresholds of the scene itself stand in, which shows
/// that the way is passable and says nothing about land cover.
#[test]
fn aerial() {
    let Some(data) = shared_data("aerial") else {
        return;
    };
    let scene = data.join("naip_north_dakota/m_4709963_se_14_1_20160816_5m.tif");
    let folder = TempDir::new().unwrap();
    let raster = Raster::open(&scene).unwrap();
    let grid = raster.info().grid.clone();
    let block = raster
        .read_blocking(
            &[0, 1, 3],
            grid.window(),
            grid.width,
            grid.height,
            Resampling::Nearest,
        )
        .unwrap();
    let pixels = grid.width * grid.height;
    let (mut train, mut test) = (vec![0; pixels], vec![0; pixels]);
    for at in 0..pixels {
        let [red, green, nir] = [0, 1, 2].map(|band| block.values[band * pixels + at]);
        let (water, plants) = (
            (green - nir) / (green + nir + 1.0),
            (nir - red) / (nir + red + 1.0),
        );
        let class = match (water, plants) {
            _ if !block.valid[at] => 0,
            (water, _) if water > 0.3 => 1,
            (_, plants) if plants > 0.25 => 2,
            (_, plants) if plants < 0.05 => 3,
            _ => 0,
        };
        // Blocks of 64 pixels like a chess board; every hundredth pixel of the white ones trains.
        let (col, row) = (at % grid.width, at / grid.width);
        if (col / 64 + row / 64) % 2 == 0 {
            train[at] = if at % 101 == 0 { class } else { 0 };
        } else {
            test[at] = class;
        }
    }
    let classes: Vec<Class> = [(1, "water"), (2, "dense vegetation"), (3, "bare or built")]
        .map(|(id, name)| Class {
            id,
            name: name.into(),
            color: terroir_scene::class_color(id),
        })
        .to_vec();
    write_classes(&folder.path().join("train.tif"), &scene, &classes, &train);
    write_classes(&folder.path().join("test.tif"), &scene, &classes, &test);
    let accuracy = walk(folder.path(), &scene, None);
    eprintln!(
        "MEASURED aerial: overall accuracy {:.1} % against index thresholds of the scene itself",
        100.0 * accuracy
    );
    assert!(accuracy > 0.7, "{accuracy}");
}

/// From the command line: tuned on the training units, mapped, scored on the test units. Few steps: this shows the way, and
/// `fine_tuning_measured` shows what it is worth.
#[test]
fn fine_tuned_landsat() {
    let Some(data) = shared_data("fine_tuned_landsat") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (scene, wavelengths) = prepare_split(folder.path(), &data, &LANDSAT, 0);
    let options = ["--mode", "probe", "--steps", "40", "--check-every", "20"];
    let accuracy = walk_tuned(folder.path(), &scene, wavelengths, &options);
    eprintln!(
        "MEASURED landsat7_chiapas fine-tuned (probe, 40 steps): overall accuracy {:.1} %, macro F1 {:.1} %",
        100.0 * accuracy.0,
        100.0 * accuracy.1
    );
    assert!(accuracy.0 > 0.4, "{accuracy:?}");
}

const LANDSAT: (&str, &str, Option<&str>) = (
    "landsat7_chiapas",
    "LE07_1999-11-18.tif",
    Some("1=483nm,2=565nm,3=660nm,4=825nm,5=1650nm,6=2220nm"),
);

/// The table of docs/finetune.md: `TERROIR_TUNE_STEPS`, `TERROIR_TUNE_SPLITS`, `TERROIR_TUNE_SETS` and `TERROIR_TUNE_MODES`
/// choose how much.
#[test]
#[ignore = "takes an hour: cargo test --workspace --release --test terroir fine_tuning_measured -- --ignored --nocapture"]
fn fine_tuning_measured() {
    let Some(data) = shared_data("fine_tuning_measured") else {
        return;
    };
    let number = |name: &str, usual: usize| {
        let text = std::env::var(name).ok();
        text.and_then(|text| text.parse().ok()).unwrap_or(usual)
    };
    let (steps, splits) = (
        number("TERROIR_TUNE_STEPS", 300).to_string(),
        number("TERROIR_TUNE_SPLITS", 5),
    );
    let is_wanted = |name: &str, what: &str| {
        let text = std::env::var(name).unwrap_or_default();
        text.is_empty() || text.split(',').any(|wanted| wanted == what)
    };
    let modes: [(&str, &[&str]); 5] = [
        ("probe", &["--mode", "probe"]),
        ("frozen", &["--mode", "frozen"]),
        ("last 2 blocks", &["--mode", "last-blocks"]),
        ("LoRA", &["--mode", "lora"]),
        ("full", &["--mode", "full"]),
    ];
    for case in [
        LANDSAT,
        ("enmap_potsdam", "enmap_potsdam.tif", None),
        ("s2_amazon", "s2_amazon.tif", None),
    ] {
        if !is_wanted("TERROIR_TUNE_SETS", case.0) {
            continue;
        }
        for (mode, options) in modes {
            if !is_wanted("TERROIR_TUNE_MODES", mode) {
                continue;
            }
            let mut found = Vec::new();
            for split in 0..splits {
                let folder = TempDir::new().unwrap();
                let (scene, wavelengths) = prepare_split(folder.path(), &data, &case, split);
                let mut options = options.to_vec();
                options.extend(["--steps", &steps]);
                let accuracy = walk_tuned(folder.path(), &scene, wavelengths, &options);
                eprintln!("{} {mode} split {split}: {accuracy:?}", case.0);
                found.push(accuracy);
            }
            let of = |pick: fn(&(f64, f64)) -> f64| {
                let values: Vec<f64> = found.iter().map(pick).collect();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                let squares = values
                    .iter()
                    .map(|value| (value - mean).powi(2))
                    .sum::<f64>();
                let deviation = (squares / (values.len() as f64 - 1.0).max(1.0)).sqrt();
                format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * deviation)
            };
            eprintln!(
                "MEASURED | {} | {mode} | {} | {} |",
                case.0,
                of(|pair| pair.0),
                of(|pair| pair.1)
            );
        }
    }
}

/// Writes `train.tif` and `test.tif` of a split; the scene and its wavelengths.
fn prepare_split(
    here: &Path,
    data: &Path,
    case: &(&str, &str, Option<&'static str>),
    split: usize,
) -> (std::path::PathBuf, Option<&'static str>) {
    let set = data.join(case.0);
    let scene = set.join(case.1);
    let text = fs::read_to_string(set.join("split.json")).unwrap();
    let splits: Value = serde_json::from_str(&text).unwrap();
    let (classes, train, test) = units_of(&set, "labels.tif", &splits, split);
    write_classes(&here.join("train.tif"), &scene, &classes, &train);
    write_classes(&here.join("test.tif"), &scene, &classes, &test);
    (scene, case.2)
}

/// finetune, predict, assess with the exact forms; overall accuracy and macro F1 of the report.
fn walk_tuned(
    here: &Path,
    scene: &Path,
    wavelengths: Option<&str>,
    options: &[&str],
) -> (f64, f64) {
    let scene = scene.to_str().unwrap();
    let wavelengths: Vec<&str> = wavelengths
        .map(|text| vec!["--wavelengths", text])
        .unwrap_or_default();
    let mut finetune = vec![
        "finetune",
        scene,
        "--labels",
        "train.tif",
        "--untrained",
        "--device",
        "cpu",
        "--out",
        "tuned.safetensors",
    ];
    finetune.extend(&wavelengths);
    finetune.extend(options);
    run(here, &finetune).done();
    let mut predict = vec![
        "predict",
        "--scene",
        scene,
        "--model-file",
        "tuned.safetensors",
        "--device",
        "cpu",
        "--out",
        "map.tif",
    ];
    predict.extend(&wavelengths);
    run(here, &predict).done();
    let assess = [
        "assess",
        "--map",
        "map.tif",
        "--reference",
        "test.tif",
        "--out",
        "report.json",
        "--json",
    ];
    let outcome = run(here, &assess).json();
    let metric = |name: &str| {
        let metrics = outcome["metrics"].as_array().unwrap();
        let found = metrics.iter().find(|metric| metric[0] == name);
        found.unwrap()[1].as_f64().unwrap()
    };
    (metric("overall_accuracy"), metric("macro_f1"))
}

fn score(case: &Case) {
    let Some(data) = shared_data(case.set) else {
        return;
    };
    let set = data.join(case.set);
    let folder = TempDir::new().unwrap();
    let scene = set.join(case.scene);
    let split: Value =
        serde_json::from_str(&fs::read_to_string(set.join("split.json")).unwrap()).unwrap();
    let (classes, train, test) = units_of(&set, case.labels, &split, 0);
    write_classes(&folder.path().join("train.tif"), &scene, &classes, &train);
    write_classes(&folder.path().join("test.tif"), &scene, &classes, &test);
    let accuracy = walk(folder.path(), &scene, case.wavelengths);
    eprintln!(
        "MEASURED {}: overall accuracy {:.1} % (split 0, untrained dofa-tiny); random forest on raw bands {:.1} % (mean of 5 splits)",
        case.set,
        100.0 * accuracy,
        100.0 * case.forest
    );
    assert!(accuracy > case.at_least, "{}: {accuracy}", case.set);
}

/// embed, train, predict, assess with the exact forms; the overall accuracy of the report.
fn walk(here: &Path, scene: &Path, wavelengths: Option<&str>) -> f64 {
    let mut embed = vec![
        "embed",
        scene.to_str().unwrap(),
        "--model",
        "dofa-tiny",
        "--device",
        "cpu",
        "--out",
        "field.tif",
    ];
    if let Some(wavelengths) = wavelengths {
        embed.extend(["--wavelengths", wavelengths]);
    }
    run(here, &embed).done();
    run(
        here,
        &[
            "train",
            "--field",
            "field.tif",
            "--labels",
            "train.tif",
            "--folds",
            "0",
            "--out",
            "head.json",
        ],
    )
    .done();
    run(
        here,
        &[
            "predict",
            "--field",
            "field.tif",
            "--head",
            "head.json",
            "--out",
            "map.tif",
        ],
    )
    .done();
    let outcome = run(
        here,
        &[
            "assess",
            "--map",
            "map.tif",
            "--reference",
            "test.tif",
            "--out",
            "report.json",
            "--json",
        ],
    )
    .json();
    let metrics = outcome["metrics"].as_array().unwrap();
    let overall = metrics
        .iter()
        .find(|metric| metric[0] == "overall_accuracy")
        .unwrap();
    overall[1].as_f64().unwrap()
}

/// Classes renumbered from 1, and the label of every pixel of the training and of the test units of a seed.
fn units_of(
    set: &Path,
    labels: &str,
    split: &Value,
    seed: usize,
) -> (Vec<Class>, Vec<u8>, Vec<u8>) {
    let numbers = |value: &Value| -> BTreeSet<i64> {
        value
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_i64)
            .collect()
    };
    let used = numbers(&split["class_ids_used"]);
    let listed: Value =
        serde_json::from_str(&fs::read_to_string(set.join("classes.json")).unwrap()).unwrap();
    let listed: Vec<(i64, Class)> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| used.contains(&entry["id"].as_i64().unwrap()))
        .zip(1..)
        .map(|(entry, id)| {
            let color = entry["color"]
                .as_str()
                .and_then(rgb_from_hex)
                .unwrap_or_else(|| terroir_scene::class_color(id));
            assert!(hex_from_rgb(color).len() == 7);
            (
                entry["id"].as_i64().unwrap(),
                Class {
                    id,
                    name: entry["name"].as_str().unwrap().into(),
                    color,
                },
            )
        })
        .collect();

    let raster = Raster::open(&set.join(labels)).unwrap();
    let grid = raster.info().grid.clone();
    let pixels = grid.width * grid.height;
    // Labels and polygon numbers without regard to no-data: both bands hold 0 where there is no label.
    let read = |band: usize| {
        let block = raster
            .read_blocking(
                &[band],
                grid.window(),
                grid.width,
                grid.height,
                Resampling::Nearest,
            )
            .unwrap();
        block
            .values
            .iter()
            .zip(&block.valid)
            .map(|(value, valid)| if *valid { *value as i64 } else { 0 })
            .collect::<Vec<i64>>()
    };
    let codes = read(0);
    let unit = split["unit"].as_str().unwrap();
    let units: Vec<i64> = match unit
        .strip_prefix("block ")
        .and_then(|text| text.split('x').next())
    {
        Some(side) => {
            let side: usize = side.parse().unwrap();
            (0..pixels)
                .map(|at| {
                    (at / grid.width / side * grid.width.div_ceil(side)
                        + at % grid.width / side
                        + 1) as i64
                })
                .collect()
        }
        None => read(1),
    };
    let seed = &split["seeds"][seed];
    let side = |name: &str| -> Vec<u8> {
        let chosen = numbers(&seed[name]);
        (0..pixels)
            .map(
                |at| match listed.iter().find(|(code, _)| *code == codes[at]) {
                    Some((_, class)) if chosen.contains(&units[at]) => class.id,
                    _ => 0,
                },
            )
            .collect()
    };
    (
        listed.iter().map(|(_, class)| class.clone()).collect(),
        side("train_units"),
        side("test_units"),
    )
}

/// A class raster on the grid of `scene`.
fn write_classes(path: &Path, scene: &Path, classes: &[Class], codes: &[u8]) {
    let grid = Raster::open(scene).unwrap().info().grid.clone();
    assert_eq!(grid.width * grid.height, codes.len());
    let mut writer = MapWriter::create(path, &grid, MapKind::Classes(classes.to_vec())).unwrap();
    writer.write_bytes(grid.window(), codes).unwrap();
    writer.finish(&Vec::new()).unwrap();
}
