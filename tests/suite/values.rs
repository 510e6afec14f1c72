//! Maps of measured values from a field, from the command line: points and polygons, their accuracy, and values that teach nothing.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use terroir_scene::{Raster, Resampling, ValueHead};

use crate::change::write_plane_field;
use crate::program::{Run, run};

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

const SIZE: (usize, usize) = (900, 600);

/// The angle of the field's vector: slow waves over the ground.
fn angle(col: usize, row: usize) -> f32 {
    if col >= 880 {
        return f32::NAN;
    }
    0.8 + 0.7 * (col as f32 / 60.0).sin() * (row as f32 / 45.0).cos()
}

/// What is measured: linear in the vector.
fn truth(col: usize, row: usize) -> f64 {
    let angle = f64::from(angle(col, row));
    20.0 + 5.0 * angle.cos() - 3.0 * angle.sin()
}

fn ground(col: usize, row: usize) -> (f64, f64) {
    (
        500_000.0 + 10.0 * (col as f64 + 0.5),
        4_000_000.0 - 10.0 * (row as f64 + 0.5),
    )
}

/// Points over the whole field, with some that cannot be used.
fn points() -> String {
    let mut table = String::from("x,y,crs,carbon,same,note\n");
    for index in 0..240usize {
        let (col, row) = ((index * 37) % 870, (index * 53) % 590);
        let (x, y) = ground(col, row);
        writeln!(table, "{x},{y},EPSG:32629,{},4,a", truth(col, row)).unwrap();
    }
    for (x, y, value) in [
        (100.0, 100.0, "1.5"),
        (509_000.0 - 50.0, 3_999_000.0, "2.5"),
        (501_000.0, 3_999_000.0, "NA"),
    ] {
        writeln!(table, "{x},{y},EPSG:32629,{value},4,b").unwrap();
    }
    table
}

#[test]
fn points_make_a_map_with_its_accuracy() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    write_plane_field(&here.join("field.tif"), SIZE, false, angle);
    write_plane_field(&here.join("turned.tif"), SIZE, true, angle);
    fs::write(here.join("points.csv"), points()).unwrap();
    let words = "regress --field field.tif --points points.csv --value carbon --unit t/ha --json --out carbon.tif";
    let made = terroir(here, words);
    for said in [
        "1 of 243 places lie beside the field",
        "1 of 243 places have no number",
        "1 of 243 places lie where the field has no data",
    ] {
        assert!(made.stderr.contains(said), "no {said:?} in {}", made.stderr);
    }
    let outcome = made.json();
    assert_eq!(metric(&outcome, "values"), 240.0);
    let r2 = metric(&outcome, "r2");
    eprintln!("R2 {r2:.4}, RMSE {:.4}", metric(&outcome, "rmse"));
    assert!(r2 > 0.99, "{r2}");
    let raster = Raster::open(&here.join("carbon.tif")).unwrap();
    assert_eq!(raster.info().bands[0].unit, "t/ha");
    assert_eq!(raster.info().bands[0].name, "carbon");
    let read = |name: &str| {
        let raster = Raster::open(&here.join(name)).unwrap();
        let window = raster.info().grid.window();
        raster
            .read_blocking(&[0], window, SIZE.0, SIZE.1, Resampling::Nearest)
            .unwrap()
    };
    let map = read("carbon.tif");
    for row in (0..SIZE.1).step_by(17) {
        for col in (0..SIZE.0).step_by(13) {
            let at = row * SIZE.0 + col;
            assert_eq!(map.valid[at], col < 880, "{col} {row}");
            if map.valid[at] {
                let error = f64::from(map.values[at]) - truth(col, row);
                assert!(error.abs() < 0.3, "{col} {row}: {error}");
            }
        }
    }
    // Stored the other way up it is the same ground.
    let turned = words
        .replace("field.tif", "turned.tif")
        .replace("carbon.tif", "turned_carbon.tif");
    terroir(here, &turned).done();
    let known = |block: &terroir_scene::Block| -> Vec<f32> {
        let pixels = block.values.iter().zip(&block.valid);
        pixels
            .filter(|(_, valid)| **valid)
            .map(|(value, _)| *value)
            .collect()
    };
    assert_eq!(known(&map), known(&read("turned_carbon.tif")));

    // Beside the map: the regression, its report in three forms.
    let head = ValueHead::load(&here.join("carbon.json")).unwrap();
    assert_eq!((head.name.as_str(), head.unit.as_str()), ("carbon", "t/ha"));
    let report: Value =
        serde_json::from_str(&fs::read_to_string(here.join("carbon_report.json")).unwrap())
            .unwrap();
    assert_eq!(report["regression"]["pooled"]["n"], 240);
    assert!(
        (report["regression"]["pooled"]["r2_determination"]
            .as_f64()
            .unwrap()
            - r2)
            .abs()
            < 1e-12
    );
    assert!(
        report["regression"]["design"]
            .as_str()
            .unwrap()
            .contains("spatially blocked")
    );
    let page = fs::read_to_string(here.join("carbon_report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("t/ha") && !page.contains("http-equiv"));
    let table = fs::read_to_string(here.join("carbon_values.csv")).unwrap();
    assert_eq!(table.lines().count(), 241);
    assert!(
        fs::read_to_string(here.join("carbon.qml"))
            .unwrap()
            .contains("t/ha")
    );

    // The saved regression maps another field, and the run can be told and done again.
    terroir(
        here,
        "regress --field field.tif --head carbon.json --out again.tif",
    )
    .done();
    assert_eq!(known(&map), known(&read("again.tif")));
    let printed = terroir(here, "reproduce carbon.tif --print").done();
    assert!(printed.contains("--value carbon --unit t/ha"), "{printed}");
    let again = terroir(here, "reproduce carbon.tif --out third.tif").done();
    assert!(again.contains("is the same as before"), "{again}");
}

#[test]
fn polygons_stand_for_the_mean_of_their_pixels() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    write_plane_field(&here.join("field.tif"), SIZE, false, angle);
    let mut features = Vec::new();
    for index in 0..60usize {
        let (col, row) = ((index * 131) % 860, (index * 71) % 580);
        let corner = |dc: f64, dr: f64| {
            [
                500_000.0 + 10.0 * (col as f64 + dc),
                4_000_000.0 - 10.0 * (row as f64 + dr),
            ]
        };
        let ring = [
            corner(0.0, 0.0),
            corner(8.0, 0.0),
            corner(8.0, 6.0),
            corner(0.0, 6.0),
            corner(0.0, 0.0),
        ];
        let mut sum = 0.0;
        for r in row..row + 6 {
            for c in col..col + 8 {
                sum += truth(c, r);
            }
        }
        features.push(
            serde_json::json!({"type": "Feature", "properties": {"yield": sum / 48.0},
            "geometry": {"type": "Polygon", "coordinates": [ring]}}),
        );
    }
    let crs =
        serde_json::json!({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32629"}});
    let zones = serde_json::json!({"type": "FeatureCollection", "crs": crs, "features": features});
    fs::write(here.join("zones.geojson"), zones.to_string()).unwrap();
    let words =
        "regress --field field.tif --points zones.geojson --value yield --json --out yield.tif";
    let outcome = terroir(here, words).json();
    assert_eq!(metric(&outcome, "values"), 60.0);
    assert!(metric(&outcome, "r2") > 0.97, "{outcome}");
    let table = fs::read_to_string(here.join("yield_values.csv")).unwrap();
    assert!(table.lines().nth(1).unwrap().contains(",polygon,") || table.contains("1,polygon,"));
    assert!(table.contains(",48,"), "{table}");
}

#[test]
fn values_that_teach_nothing_say_why() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    write_plane_field(&here.join("field.tif"), SIZE, false, angle);
    fs::write(here.join("points.csv"), points()).unwrap();
    let few: Vec<String> = points().lines().take(7).map(str::to_owned).collect();
    fs::write(here.join("few.csv"), few.join("\n")).unwrap();
    let refused = |words: &str, code: i32, said: &[&str]| {
        let words = format!("regress --field field.tif {words} --out map.tif");
        terroir(here, &words).failed(code, said);
    };
    refused(
        "--points points.csv --value same",
        1,
        &["are the same (4)", "points.csv"],
    );
    refused(
        "--points points.csv --value height",
        1,
        &["no column height", "carbon"],
    );
    refused(
        "--points few.csv --value carbon",
        1,
        &["6 values are too few"],
    );
    refused(
        "--points points.csv --value carbon --lambda=-1",
        1,
        &["lambda"],
    );
    refused("--points none.csv --value carbon", 1, &["none.csv"]);
    refused("--points points.csv", 2, &["--value"]);
    fs::write(here.join("other.json"), "{\"format\":\"terroir-head\"}").unwrap();
    refused("--head other.json", 1, &["no regression"]);
    assert!(!here.join("map.tif").exists() && !here.join("map.json").exists());
}
