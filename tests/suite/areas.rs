//! From a map to areas that can be defended: the estimates against published figures, and the whole way through the command
//! line: draw a sample, answer it, estimate.

use std::path::Path;

use serde_json::Value;
use terroir_scene::{
    Class, Estimated, Grid, HALF_WIDTH_95, MapKind, MapWriter, estimate_areas, points_needed,
};

use crate::golden;
use crate::program::run;

fn near(found: f64, expected: f64, what: &str) {
    assert!(
        (found - expected).abs() <= 1e-9 + 1e-6 * expected.abs(),
        "{what}: {found} instead of {expected}"
    );
}

fn same(found: Option<f64>, expected: &Value, what: &str) {
    match (found, expected.as_f64()) {
        (Some(found), Some(expected)) => near(found, expected, what),
        (None, None) => {}
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn areas_and_accuracies_are_the_published_ones() {
    let Some(path) = golden::file("golden/metrics/olofsson.json") else {
        return;
    };
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() >= 6);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let counts: Vec<Vec<u64>> = serde_json::from_value(case["error_matrix"].clone()).unwrap();
        let mapped: Vec<f64> = serde_json::from_value(case["mapped_area"].clone()).unwrap();
        let found = estimate_areas(&counts, &mapped).unwrap();
        let expected = &case["expected"];
        near(
            found.overall.value,
            expected["overall_accuracy"].as_f64().unwrap(),
            name,
        );
        same(found.overall.standard_error, &expected["se_overall"], name);
        for measure in ["quantity", "allocation"] {
            let value = match measure {
                "quantity" => found.quantity_disagreement,
                _ => found.allocation_disagreement,
            };
            let key = format!("{measure}_disagreement");
            near(value, expected[&key].as_f64().unwrap(), name);
        }
        for (index, class) in found.classes.iter().enumerate() {
            let what = format!("{name}, class {index}");
            let value = |one: &Option<Estimated>| one.map(|one| one.value);
            let error = |one: &Option<Estimated>| one.and_then(|one| one.standard_error);
            same(
                value(&class.users),
                &expected["users_accuracy"][index],
                &what,
            );
            same(error(&class.users), &expected["se_users"][index], &what);
            same(
                value(&class.producers),
                &expected["producers_accuracy"][index],
                &what,
            );
            same(
                error(&class.producers),
                &expected["se_producers"][index],
                &what,
            );
            same(
                Some(class.share.value),
                &expected["area_proportion"][index],
                &what,
            );
            same(Some(class.area.value), &expected["area"][index], &what);
            same(
                class.area.standard_error,
                &expected["se_area"][index],
                &what,
            );
            let half = class.area.standard_error.map(|error| HALF_WIDTH_95 * error);
            same(half, &expected["ci95_area"][index], &what);
        }
    }
    for case in golden["sample_size"].as_array().unwrap() {
        let list = |key: &str| -> Vec<f64> { serde_json::from_value(case[key].clone()).unwrap() };
        let error = case["target_se_overall"].as_f64().unwrap();
        let found = points_needed(&list("W"), &list("U"), error);
        near(found, case["n"].as_f64().unwrap(), "points needed");
    }
    // A stratum nobody looked at is refused.
    assert!(estimate_areas(&[vec![3, 1], vec![0, 0]], &[5.0, 5.0]).is_err());
}

const SIDE: usize = 100;

/// Left 70 columns of class 1, the rest of class 2.
const CREDIT: &str = "Made of vectors by somebody who is to be named.";

fn write_map(folder: &Path) {
    let grid = Grid {
        width: SIDE,
        height: SIDE,
        georef: terroir_scene::Georef {
            transform: Some(terroir_scene::GeoTransform([
                500_000.0,
                10.0,
                0.0,
                4_000_000.0,
                0.0,
                -10.0,
            ])),
            crs: terroir_scene::Crs::parse("EPSG:32629").ok(),
            ..Default::default()
        },
    };
    let class = |id: u8, name: &str| Class {
        id,
        name: name.to_owned(),
        color: [10 * id, 20, 30],
    };
    let classes = vec![class(1, "maize"), class(2, "wheat")];
    let path = folder.join("map.tif");
    let mut writer = MapWriter::create(&path, &grid, MapKind::Classes(classes)).unwrap();
    let ids: Vec<u8> = (0..SIDE * SIDE)
        .map(|pixel| if pixel % SIDE < 70 { 1 } else { 2 })
        .collect();
    writer.write_bytes(grid.window(), &ids).unwrap();
    let credit = ("ATTRIBUTION".to_owned(), CREDIT.to_owned());
    writer.finish(&vec![credit]).unwrap();
}

#[test]
fn a_drawn_sample_is_answered_and_gives_areas() {
    let folder = tempfile::tempdir().unwrap();
    write_map(folder.path());
    let draw = |out: &str, more: &[&str]| {
        let mut arguments = vec![
            "sample", "--map", "map.tif", "--points", "200", "--out", out,
        ];
        arguments.extend(more);
        run(folder.path(), &arguments)
    };
    draw("sample.csv", &[]).done();
    let text = std::fs::read_to_string(folder.path().join("sample.csv")).unwrap();
    assert_eq!(text.lines().count(), 201);
    assert!(!text.contains("maize"), "the map's class must not show");

    // The truth: maize goes on for ten columns more than the map says.
    let mut counts = vec![vec![0_u64; 2]; 2];
    let answered: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(number, line)| {
            if number == 0 {
                return line.to_owned();
            }
            let mut cells: Vec<&str> = line.split(',').collect();
            let col = ((cells[1].parse::<f64>().unwrap() - 500_000.0) / 10.0) as usize;
            let (map, truth) = (usize::from(col >= 70), usize::from(col >= 80));
            counts[map][truth] += 1;
            cells[4] = ["maize", "wheat"][truth];
            cells.join(",")
        })
        .collect();
    std::fs::write(folder.path().join("answered.csv"), answered.join("\n")).unwrap();
    let assess = |reference: &str| {
        run(
            folder.path(),
            &[
                "assess",
                "--map",
                "map.tif",
                "--reference",
                reference,
                "--class-attribute",
                "class",
                "--stratified-sample",
                "--out",
                "report.json",
            ],
        )
    };
    assess("answered.csv").done();
    let report = std::fs::read(folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let design = &report["crop"]["design_based"];
    let found = &design["estimates"];
    assert_eq!(design["strata"][0]["weight"], 0.7);
    let expected = estimate_areas(&counts, &[70.0, 30.0]).unwrap();
    assert_eq!(design["area_unit"], "ha");
    near(
        found["overall"]["value"].as_f64().unwrap(),
        expected.overall.value,
        "overall",
    );
    for (index, class) in expected.classes.iter().enumerate() {
        let area = &found["classes"][index]["area"];
        near(area["value"].as_f64().unwrap(), class.area.value, "area");
        let half = HALF_WIDTH_95 * class.area.standard_error.unwrap();
        near(area["half_width_95"].as_f64().unwrap(), half, "interval");
    }
    // The true 80 ha of maize lie in its interval, the mapped 70 do not.
    let maize = &expected.classes[0].area;
    let half = HALF_WIDTH_95 * maize.standard_error.unwrap();
    assert!((maize.value - 80.0).abs() < half && (maize.value - 70.0).abs() > half);
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("95 % interval"));

    // The same seed draws the same points, as a GeoPackage too; unanswered ones and training labels are refused.
    draw("again.csv", &[]).done();
    let again = std::fs::read_to_string(folder.path().join("again.csv")).unwrap();
    assert_eq!(text, again);
    draw("sample.gpkg", &["--seed", "3"]).done();
    assess("sample.gpkg").failed(1, &["class"]);
    let training = answered.join("\n").replace("validation", "train");
    std::fs::write(folder.path().join("training.csv"), training).unwrap();
    assess("training.csv").failed(1, &["random sample", "training.csv"]);
    assess("map.tif").failed(1, &["random sample", "map.tif"]);
    draw("sample.shp", &[]).failed(1, &[".gpkg"]);
    draw("x.csv", &["--expected-accuracy", "2"]).failed(2, &["between 0 and 1"]);
}

#[test]
fn a_map_becomes_polygons_with_their_areas() {
    let folder = tempfile::tempdir().unwrap();
    write_map(folder.path());
    let told = run(
        folder.path(),
        &[
            "polygons", "map.tif", "--sieve", "5", "--out", "p.gpkg", "--json",
        ],
    )
    .json();
    let metric = |name: &str| {
        let metrics = told["metrics"].as_array().unwrap();
        let found = metrics.iter().find(|pair| pair[0] == name).unwrap();
        found[1].as_f64().unwrap()
    };
    assert_eq!(metric("polygons"), 2.0);
    near(metric("hectares maize"), 70.0, "maize");
    near(metric("hectares wheat"), 30.0, "wheat");
    // They are labels as any other program's are: the class attribute is found by itself.
    let info = run(folder.path(), &["info", "p.gpkg", "--json"]).done();
    assert!(info.contains("area_ha"), "{info}");
    let file = std::fs::read(folder.path().join("p.gpkg")).unwrap();
    let has_credit = file
        .windows(CREDIT.len())
        .any(|part| part == CREDIT.as_bytes());
    assert!(has_credit, "polygons say whom to credit");
    run(folder.path(), &["polygons", "map.tif", "--out", "p.shp"]).failed(1, &[".gpkg"]);
}
