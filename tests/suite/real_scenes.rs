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

fn score(case: &Case) {
    let Some(data) = shared_data(case.set) else {
        return;
    };
    let set = data.join(case.set);
    let folder = TempDir::new().unwrap();
    let scene = set.join(case.scene);
    let split: Value =
        serde_json::from_str(&fs::read_to_string(set.join("split.json")).unwrap()).unwrap();
    let (classes, train, test) = units_of(&set, case.labels, &split);
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

/// Classes renumbered from 1, and the label of every pixel of the training and of the test units of split 0.
fn units_of(set: &Path, labels: &str, split: &Value) -> (Vec<Class>, Vec<u8>, Vec<u8>) {
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
    let seed = &split["seeds"][0];
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
