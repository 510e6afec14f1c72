//! Comparing fields on labels of one's own, from the command line: classes, values and change, and what cannot be compared.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use terroir_engine::Evaluation;

use crate::change::write_plane_field;
use crate::program::{Run, run, shared_data};

fn terroir(folder: &Path, words: &str) -> Run {
    run(folder, &words.split(' ').collect::<Vec<_>>())
}

const SIZE: (usize, usize) = (640, 480);

/// What the ground is: slow waves.
fn angle(col: usize, row: usize) -> f32 {
    if col >= 620 {
        return f32::NAN;
    }
    0.8 + 0.7 * (col as f32 / 40.0).sin() * (row as f32 / 30.0).cos()
}

/// Says nothing of the ground.
fn noise(col: usize, row: usize) -> f32 {
    let mixed = (col as u32 * 7919 + row as u32 * 104_729).wrapping_mul(2_654_435_761);
    (mixed >> 8) as f32 / 16_777_216.0 * 1.4
}

fn later(col: usize, row: usize) -> f32 {
    if is_changed(col, row) {
        angle(col, row) + 1.2
    } else {
        angle(col, row) + 0.02
    }
}

fn is_changed(col: usize, row: usize) -> bool {
    (col / 40 + row / 40).is_multiple_of(3)
}

/// A table of points: class, a measured value, and whether it changed.
fn points() -> String {
    let mut table = String::from("x,y,crs,class,carbon,changed\n");
    for index in 0..700usize {
        let (col, row) = ((index * 37) % 630, (index * 53) % 470);
        let (x, y) = (
            500_000.0 + 10.0 * (col as f64 + 0.5),
            4_000_000.0 - 10.0 * (row as f64 + 0.5),
        );
        let at = if col < 620 { angle(col, row) } else { 0.0 };
        let class = match at {
            low if low < 0.55 => "water",
            high if high > 1.05 => "forest",
            _ => "field",
        };
        let value = 20.0 + 5.0 * f64::from(at).cos();
        let changed = if is_changed(col, row) { "yes" } else { "no" };
        writeln!(table, "{x},{y},EPSG:32629,{class},{value},{changed}").unwrap();
    }
    table
}

fn made() -> TempDir {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    write_plane_field(&here.join("knows.tif"), SIZE, false, angle);
    write_plane_field(&here.join("noise.tif"), SIZE, true, noise);
    write_plane_field(&here.join("later.tif"), SIZE, false, later);
    fs::write(here.join("points.csv"), points()).unwrap();
    folder
}

fn mean(report: &Evaluation, candidate: &str, head: &str, shots: &str, measure: &str) -> f64 {
    report
        .measure(candidate, head, shots, measure)
        .and_then(|measure| measure.mean)
        .unwrap_or_else(|| panic!("no {measure} of {candidate}, {head}, {shots}"))
}

#[test]
fn a_field_that_knows_is_told_from_noise_and_the_report_repeats() {
    let folder = made();
    let here = folder.path();
    let words = "evaluate field A=knows.tif B=noise.tif --labels points.csv --shots 1,10,max --seeds 3 --out r.json";
    let run = terroir(here, words);
    assert!(
        run.stderr
            .contains("left out because one of the candidates has no data"),
        "{}",
        run.stderr
    );
    let said = run.done();
    for word in [
        "Balanced accuracy",
        "10 labels a class",
        "nearest neighbour",
        "A ",
        "B ",
    ] {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
    let report = Evaluation::read(&here.join("r.json")).unwrap();
    assert_eq!(report.results.len(), 2 * 4 * 3);
    assert!(report.left_out > 0 && report.classes.len() == 3);
    for head in ["knn1", "knn3", "forest"] {
        let known = mean(&report, "A", head, "max", "balanced_accuracy");
        let blind = mean(&report, "B", head, "max", "balanced_accuracy");
        assert!(known > 0.9 && blind < 0.5, "{head}: {known} {blind}");
    }
    let row = report.row("B", "knn1", "10").unwrap();
    assert_eq!((row.seeds.len(), &row.n_train), (3, &vec![30; 3]));
    let against = row.measures["balanced_accuracy"]
        .against_first
        .as_ref()
        .unwrap();
    assert!(against.mean < -0.3 && against.better == 0);
    let page = fs::read_to_string(here.join("r.html")).unwrap();
    for word in [
        "<svg",
        "Against A",
        "terroir evaluate field A=knows.tif",
        "SHA-256",
    ] {
        assert!(page.contains(word), "no {word:?} on the page");
    }
    assert!(!page.contains("NaN") && !page.contains("inf"));

    let again = terroir(here, "reproduce r.json").done();
    assert!(again.contains("Every figure is the same"), "{again}");
    let printed = terroir(here, "reproduce r.json --print").done();
    assert!(
        printed.starts_with("terroir evaluate field A=knows.tif B=noise.tif"),
        "{printed}"
    );
    assert_eq!(
        report.results,
        Evaluation::read(&here.join("r_again.json"))
            .unwrap()
            .results
    );
}

#[test]
fn values_and_change_have_their_own_measures() {
    let folder = made();
    let here = folder.path();
    terroir(
        here,
        "evaluate field A=knows.tif B=noise.tif --labels points.csv --value carbon --seeds 2 --out v.json",
    )
    .done();
    let report = Evaluation::read(&here.join("v.json")).unwrap();
    assert_eq!(report.shots(), ["100", "max"]);
    let r2 = |candidate: &str, head: &str| mean(&report, candidate, head, "max", "r2");
    assert!(r2("A", "knn3") > 0.95 && r2("A", "forest") > 0.95);
    assert!(r2("B", "knn3") < 0.3);
    assert!(mean(&report, "A", "knn1", "max", "mae") < mean(&report, "B", "knn1", "max", "mae"));
    let page = fs::read_to_string(here.join("v.html")).unwrap();
    assert!(page.contains("values of carbon") && !page.contains("NaN"));

    terroir(
        here,
        "evaluate field --pair years=knows.tif later.tif --labels points.csv --class-attribute changed --seeds 2 --out c.json",
    )
    .done();
    let report = Evaluation::read(&here.join("c.json")).unwrap();
    assert_eq!(report.candidates[0].numbers, 128);
    for head in ["knn1", "threshold"] {
        let found = mean(&report, "years", head, "max", "balanced_accuracy");
        assert!(found > 0.9, "{head}: {found}");
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = made();
    let here = folder.path();
    let refused = |words: &str, code: i32, said: &[&str]| {
        terroir(here, &format!("evaluate field {words}")).failed(code, said);
    };
    refused("--labels points.csv --out r.json", 2, &["name the fields"]);
    refused(
        "a=knows.tif a=noise.tif --labels points.csv --out r.json",
        1,
        &["called \"a\""],
    );
    refused(
        "knows.tif --labels nothing.csv --out r.json",
        1,
        &["no such file"],
    );
    refused(
        "gone.tif --labels points.csv --out r.json",
        1,
        &["gone.tif"],
    );
    refused(
        "knows.tif --labels points.csv --class-attribute kind --out r.json",
        1,
        &["no column kind", "class, carbon"],
    );
    refused(
        "knows.tif --labels points.csv --shots 0 --out r.json",
        2,
        &["1 or more"],
    );
    refused(
        "knows.tif --labels points.csv --seeds 0 --out r.json",
        1,
        &["splits"],
    );
    refused(
        "knows.tif --labels points.csv --out knows.tif",
        1,
        &["overwrite"],
    );
    fs::write(
        here.join("far.csv"),
        "x,y,crs,class\n1,1,EPSG:32629,a\n2,2,EPSG:32629,b\n",
    )
    .unwrap();
    refused(
        "knows.tif --labels far.csv --out r.json",
        1,
        &["no labelled place"],
    );
    fs::write(here.join("s.json"), "{\"seeds\": 1}").unwrap();
    refused(
        "knows.tif --labels points.csv --split s.json --out r.json",
        1,
        &["split file lacks"],
    );
    assert!(!here.join("r.json").exists());
}

#[test]
fn the_published_product_is_compared_on_its_own_points() {
    let Some(data) = shared_data("the_published_product_is_compared_on_its_own_points") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let file = |name: &str| data.join("aef").join(name).display().to_string();
    let (before, after) = (
        file("layout_iowa_ag_y0_northup.tif"),
        file("layout_iowa_ag_y1_bottomup.tif"),
    );
    let labels = file("layout_iowa_ag_labels.tif");
    let words = format!(
        "evaluate field y0={before} y1={after} --labels {labels} --zero-is-class --out r.json"
    );
    terroir(folder.path(), &words).done();
    let report = Evaluation::read(&folder.path().join("r.json")).unwrap();
    assert_eq!(report.classes.len(), 9);
    // Parcels of the earlier year are what the labels say; a fifth of them is another class a year later.
    let first = mean(&report, "y0", "knn1", "10", "balanced_accuracy");
    let second = mean(&report, "y1", "knn1", "10", "balanced_accuracy");
    assert!(first > 0.5 && first > second, "{first} {second}");
    let changed = file("layout_iowa_ag_changed.tif");
    let words = format!(
        "evaluate field --pair {before} {after} --labels {changed} --zero-is-class --out c.json"
    );
    terroir(folder.path(), &words).done();
    let report = Evaluation::read(&folder.path().join("c.json")).unwrap();
    let found = report
        .measure(
            "layout_iowa_ag_y1_bottomup",
            "threshold",
            "max",
            "balanced_accuracy",
        )
        .unwrap();
    assert!(found.mean.unwrap() > 0.8, "{found:?}");
}

#[test]
fn composites_harmonics_and_the_stack_are_compared_on_a_series() {
    let Some(data) = shared_data("composites_harmonics_and_the_stack_are_compared_on_a_series")
    else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let place = data.join("flanders_2018");
    let file = |name: &str| place.join(name).display().to_string();
    let words = format!(
        "evaluate field --archive {} {} --period 2018-03-01..2018-11-01 --labels {} --split {} --shots 1,5 --seeds 2 --heads knn1,linear --out s.json",
        file("s2"),
        file("s1_vv_sigma0.tif"),
        file("labels.tif"),
        file("split.json")
    );
    terroir(here, &words).done();
    let report = Evaluation::read(&here.join("s.json")).unwrap();
    let numbers: Vec<(&str, usize)> = report
        .candidates
        .iter()
        .map(|candidate| (candidate.name.as_str(), candidate.numbers))
        .collect();
    assert_eq!(numbers[0], ("median composite", 11), "{numbers:?}");
    assert_eq!(numbers[1], ("harmonics", 55), "{numbers:?}");
    assert!(
        numbers[2].0 == "raw stack" && numbers[2].1 > 500,
        "{numbers:?}"
    );
    assert_eq!(report.classes.len(), 3);
    // The exact places of the file: five of each class, where the images are.
    for row in report.results.iter().filter(|row| row.shots == "5") {
        assert_eq!(row.n_train, [15, 15]);
        let balanced = row.measures["balanced_accuracy"].mean.unwrap();
        assert!(balanced > 0.34, "{row:?}");
    }
    let table = terroir(here, "evaluate table s.json --heads linear").done();
    assert!(
        table.starts_with("| report | candidate | head | 1 | 5 |"),
        "{table}"
    );
    assert_eq!(table.lines().count(), 5, "{table}");

    let words = format!(
        "composite {} --period 2018-06 --statistic median --json --out june.tif",
        file("s2")
    );
    let outcome = terroir(here, &words).json();
    assert!(
        outcome["summary"]
            .as_str()
            .unwrap()
            .starts_with("Median of "),
        "{outcome}"
    );
    let raster = terroir_scene::Raster::open(&here.join("june.tif")).unwrap();
    let info = raster.info();
    assert_eq!((info.grid.width, info.bands.len()), (64, 11));
    let window = info.grid.window();
    let read = |band: usize| {
        let nearest = terroir_scene::Resampling::Nearest;
        raster
            .read_blocking(&[band], window, 64, 64, nearest)
            .unwrap()
    };
    let (first, counts) = (read(0), read(10));
    let known: Vec<usize> = (0..4096).filter(|at| counts.values[*at] > 0.0).collect();
    assert!(known.len() > 4000, "{}", known.len());
    assert!(
        known
            .iter()
            .all(|at| first.valid[*at] && first.values[*at] > 0.0)
    );
    assert!(counts.values.iter().all(|count| *count <= 20.0));
    let again = terroir(here, "reproduce june.tif").done();
    assert!(again.contains("same as before"), "{again}");
    for statistic in ["max-ndvi", "harmonics"] {
        let words = format!(
            "composite {} --statistic {statistic} --out {statistic}.tif",
            file("s2")
        );
        terroir(here, &words).done();
    }
    terroir(
        here,
        &format!("composite {} --period 1999 --out no.tif", file("s2")),
    )
    .failed(1, &["no image", "1999"]);
}
