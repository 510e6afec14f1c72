//! Clusters of a field, from the command line: found, named and merged, mapped, and the same however the field is stored.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use terroir_scene::{Clusters, Raster, Resampling};

use crate::change::write_plane_field;
use crate::program::{Run, run, shared_data};

fn terroir(folder: &Path, words: &str) -> Run {
    run(folder, &words.split(' ').collect::<Vec<_>>())
}

fn metric(outcome: &Value, name: &str) -> f64 {
    let metrics = outcome["metrics"].as_array().unwrap();
    let found = metrics.iter().find(|metric| metric[0] == name);
    found.unwrap_or_else(|| panic!("no {name} in {outcome}"))[1]
        .as_f64()
        .unwrap()
}

fn classes(path: &Path) -> Vec<f32> {
    let raster = Raster::open(path).unwrap();
    let grid = raster.info().grid.clone();
    raster
        .read_blocking(
            &[0],
            grid.window(),
            grid.width,
            grid.height,
            Resampling::Nearest,
        )
        .unwrap()
        .values
}

/// Three directions in stripes across the squares the field is read in, one column without data.
fn stripes(col: usize, _row: usize) -> f32 {
    match col {
        600 => f32::NAN,
        col if col < 400 => 0.0,
        col if col < 900 => 0.8,
        _ => 1.5,
    }
}

#[test]
fn clusters_are_found_whole_and_whichever_way_up() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    write_plane_field(&here.join("a.tif"), (1100, 700), false, stripes);
    write_plane_field(&here.join("b.tif"), (1100, 700), true, stripes);
    let outcome = terroir(here, "cluster --field a.tif --k 3 --json --out a_map.tif").json();
    assert_eq!(metric(&outcome, "clusters"), 3.0);
    // Largest first, with the areas of 10 m pixels.
    for (name, columns) in [
        ("Cluster 1", 499.0),
        ("Cluster 2", 400.0),
        ("Cluster 3", 200.0),
    ] {
        assert_eq!(metric(&outcome, &format!("pixels {name}")), columns * 700.0);
        let hectares = metric(&outcome, &format!("hectares {name}"));
        assert!((hectares - columns * 7.0).abs() < 1e-6, "{hectares}");
    }
    let map = classes(&here.join("a_map.tif"));
    for (at, class) in map.iter().enumerate() {
        let expected = match at % 1100 {
            600 => 0.0,
            col if col < 400 => 2.0,
            col if col < 900 => 1.0,
            _ => 3.0,
        };
        assert_eq!(*class, expected, "{at}");
    }
    terroir(here, "cluster --field b.tif --k 3 --out b_map.tif").done();
    assert_eq!(map, classes(&here.join("b_map.tif")));

    // Three kinds of pixels make no eight clusters, and that is said.
    let eight = terroir(here, "cluster --field a.tif --out eight.json");
    assert!(eight.stderr.contains("only 3 different kinds"), "{eight:?}");
    assert_eq!(
        Clusters::load(&here.join("eight.json"))
            .unwrap()
            .clusters
            .len(),
        3
    );

    // Clusters of one name become one class, from the file and from the command line.
    let merge = "cluster --field a.tif --from a_map.json --name 1=Field --name 3=Field --name 2=Water --json --out merged.tif";
    let merged = terroir(here, merge).json();
    assert_eq!(metric(&merged, "pixels Field"), 699.0 * 700.0);
    assert_eq!(metric(&merged, "pixels Water"), 400.0 * 700.0);
    let info = terroir(here, "info merged.tif --json").json();
    let names: Vec<&str> = info["bands"][0]["palette"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["value"].as_i64() > Some(0))
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Field", "Water"]);
    assert!(here.join("merged.qml").exists());
    let printed = terroir(here, "reproduce merged.tif --print").done();
    assert!(
        printed.contains("--from a_map.json --name 1=Field"),
        "{printed}"
    );
    let again = terroir(here, "reproduce a_map.tif").done();
    assert!(again.contains("is the same as before"), "{again}");
}

#[test]
fn real_vectors_fall_into_their_kinds() {
    let Some(data) = shared_data("the layout rasters") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let field = data.join("aef/layout_iowa_ag_y0_northup.tif");
    let words = [
        "cluster",
        "--field",
        field.to_str().unwrap(),
        "--k",
        "8",
        "--json",
        "--out",
        "c.tif",
    ];
    let outcome = run(folder.path(), &words).json();
    assert_eq!(metric(&outcome, "pixels"), 9111.0);
    // The clusters know nothing of the labels, yet each holds mostly one of them.
    let labels = classes(&data.join("aef/layout_iowa_ag_labels.tif"));
    let map = classes(&folder.path().join("c.tif"));
    let mut counts = vec![[0u32; 9]; 9];
    for (cluster, label) in map.iter().zip(&labels) {
        if *cluster > 0.0 && *label < 9.0 {
            counts[*cluster as usize][*label as usize] += 1;
        }
    }
    let most: u32 = counts
        .iter()
        .map(|labels| labels.iter().max().copied().unwrap_or(0))
        .sum();
    let all: u32 = counts.iter().flatten().sum();
    eprintln!(
        "majority label of 8 clusters: {:.1} % of the pixels",
        100.0 * f64::from(most) / f64::from(all)
    );
    assert!(f64::from(most) > 0.7 * f64::from(all), "{most} of {all}");
}

#[test]
fn clusters_that_cannot_be_say_why() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    write_plane_field(&here.join("a.tif"), (30, 20), false, |_, _| f32::NAN);
    write_plane_field(&here.join("b.tif"), (30, 20), false, |col, _| {
        col as f32 * 0.05
    });
    terroir(here, "cluster --field a.tif --out c.tif").failed(1, &["no pixel with data"]);
    terroir(here, "cluster --field b.tif --k 40 --out c.tif")
        .failed(1, &["40 clusters", "2 to 30"]);
    terroir(here, "cluster --field b.tif --out b.tif").failed(1, &["overwrite"]);
    terroir(here, "cluster --field b.tif --name Water --out c.tif").failed(2, &["3=Water"]);
    fs::write(here.join("no.json"), "{}").unwrap();
    terroir(here, "cluster --field b.tif --from no.json --out c.tif").failed(1, &["no clusters"]);
    terroir(here, "cluster --field b.tif --k 2 --out two.json").done();
    terroir(
        here,
        "cluster --field b.tif --from two.json --name 9=Water --out c.tif",
    )
    .failed(1, &["no cluster 9", "there are 2"]);
    assert!(!here.join("c.tif").exists());
}
