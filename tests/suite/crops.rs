//! Crop maps of a season: `terroir crop` with several models and days, made again from its own results, what it cannot do, and the
//! Crops panel of the window with the real worker, whose figures are the command line's.

use std::fs;
use std::path::Path;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use terroir_engine::{CropResults, Evaluation, JobSpec, command_line};
use terroir_scene::Raster;

use crate::program::run;
use crate::season_field::weights;
use crate::training_window::{click, open};
use crate::weather_world::{SIDE, write_site};
use crate::window::{keep_picture, press, show_panel, shows, stroke_on, wait_until};

/// Two covers of squares, three pixels apart.
fn write_labels(folder: &Path) {
    let square = |col: f64, row: f64, class: &str| {
        let (x, y) = (500_000.0 + 20.0 * col, 5_600_000.0 - 20.0 * row);
        let ring = [
            [x, y],
            [x + 120.0, y],
            [x + 120.0, y - 120.0],
            [x, y - 120.0],
            [x, y],
        ];
        serde_json::json!({"type": "Feature", "properties": {"class": class},
            "geometry": {"type": "Polygon", "coordinates": [ring]}})
    };
    let features: Vec<serde_json::Value> = (0..8)
        .map(|at| {
            let class = if at % 2 == 0 { "a" } else { "b" };
            square(f64::from(at % 4) * 8.0, f64::from(at / 4) * 16.0, class)
        })
        .collect();
    let shapes = serde_json::json!({"type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}, "features": features});
    fs::write(folder.join("labels.geojson"), shapes.to_string()).unwrap();
}

#[test]
fn crops_are_mapped_as_of_days_by_several_models_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_site(here, 0, 250);
    weights(here);
    write_labels(here);
    let crop = |more: &[&str]| {
        let words = "crop site_0 --weather site_0.csv --labels labels.geojson --device cpu";
        let words: Vec<&str> = words.split(' ').chain(more.iter().copied()).collect();
        run(here, &words)
    };
    let models = [
        "--model",
        "kgvsf-tiny=w.safetensors",
        "--model",
        "dofa-tiny",
    ];
    let days = ["--as-of", "2018-05-01", "--as-of", "2018-08-01"];
    let run_of = |out: &str| {
        let end = ["--seeds", "2", "--out", out];
        crop(&[&models[..], &days[..], &end[..]].concat())
    };
    let text = run_of("crops.tif").done();
    for word in [
        "2018-04-30",
        "2018-07-31",
        "kgvsf-tiny, 10 labels",
        "dofa-tiny, all labels",
        "raw stack",
        "crops_2018-05-01.tif",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    for name in [
        ".tif",
        "_field.tif",
        "_field_dofa-tiny.tif",
        "_confidence.tif",
        "_classifier.json",
        "_accuracy.json",
        "_accuracy.html",
    ] {
        let path = here.join(format!("crops_2018-08-01{name}"));
        assert!(path.exists(), "{}", path.display());
    }
    let map = Raster::open(&here.join("crops_2018-08-01.tif")).unwrap();
    assert!(map.info().is_class_map());
    let results = CropResults::read_blocking(&here.join("crops.json")).unwrap();
    assert_eq!(results.seasons.len(), 2);
    assert_eq!(
        results.candidates(),
        ["kgvsf-tiny", "dofa-tiny", "harmonics", "raw stack"]
    );
    assert_eq!(results.shots(), ["10", "max"]);
    // Each figure is the best head's of the accuracy report beside it.
    let season = &results.seasons[1];
    let report = Evaluation::read(&here.join(&season.accuracy)).unwrap();
    for figure in &season.figures {
        let means = report.results.iter().filter_map(|row| {
            let is_it = row.candidate == figure.candidate && row.shots == figure.shots;
            row.measures["balanced_accuracy"].mean.filter(|_| is_it)
        });
        assert_eq!(means.fold(0.0, f64::max), figure.mean, "{figure:?}");
        assert_eq!(figure.splits, 2);
    }
    let page = fs::read_to_string(here.join("crops.html")).unwrap();
    assert!(page.contains("2018-07-31") && page.contains("</svg>"));
    // The map alone, and all of it, are made again.
    let again = run(
        here,
        &["reproduce", "crops_2018-08-01.tif", "--out", "m.tif"],
    )
    .done();
    assert!(again.contains("Every pixel is the same"), "{again}");
    let again = run(here, &["reproduce", "crops.json", "--out", "more.tif"]).done();
    assert!(again.contains("Every figure is the same"), "{again}");
    assert!(here.join("more_2018-05-01.tif").exists());
}

#[test]
fn a_crop_map_that_cannot_be_is_told_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_site(here, 0, 60);
    write_labels(here);
    let crop = |more: &str| {
        let words = format!("crop site_0 --labels labels.geojson --device cpu --out x.tif {more}");
        run(here, &words.split_whitespace().collect::<Vec<_>>())
    };
    crop("").failed(2, &["kgvsf-tiny", "--weather"]);
    crop("--model resnet").failed(2, &["resnet"]);
    crop("--model dofa-base").failed(1, &["no trained weights", "dofa-base"]);
    crop("--model dofa-tiny --as-of 2017-01-01").failed(1, &["2017-01-01", "later day"]);
    crop("--model dofa-tiny --model dofa-tiny").failed(1, &["dofa-tiny", "twice"]);
    crop("--model dofa-tiny=none.safetensors").failed(1, &["none.safetensors"]);
    assert!(!here.join("x.tif").exists() && !here.join("x.json").exists());
}

#[test]
fn the_window_maps_crops_as_the_command_line_does() {
    let home = tempfile::tempdir().unwrap();
    write_site(home.path(), 0, 150);
    let mut harness = open(home.path(), vec![home.path().join("site_0")]);
    wait_until(&mut harness, "the question", |harness| {
        shows(harness, "One series layer")
    });
    press(&mut harness, Modifiers::NONE, Key::Enter);
    wait_until(&mut harness, "the series", |harness| {
        let window = harness.state();
        !window.document().layers.is_empty() && window.canvas().is_at_rest()
    });
    click(&mut harness, "Layer");
    click(&mut harness, "Map crops…");
    assert!(shows(&harness, "No crops mapped yet"));
    assert!(shows(&harness, "two classes at least"));
    // Two classes, each in two places.
    show_panel(&mut harness, "Map");
    let square = ((500_000.0, 5_600_000.0), SIDE as f64 * 20.0);
    for column in [(0.08, 0.3), (0.7, 0.92)] {
        press(&mut harness, Modifiers::NONE, Key::M);
        press(&mut harness, Modifiers::NONE, Key::P);
        for row in [(0.1, 0.25), (0.7, 0.85)] {
            stroke_on(&mut harness, square, (column.0, row.0), (column.1, row.1));
        }
    }
    show_panel(&mut harness, "Crops");
    wait_until(&mut harness, "counting the labels", |harness| {
        shows(harness, "2 labelled classes")
    });
    let days = harness.get_by_role_and_label(Role::MultilineTextInput, "Maps as of");
    days.focus();
    days.type_text("2018-04-01, 2018-05-01");
    for _ in 0..4 {
        harness.step();
    }
    keep_picture(&mut harness, "crops_form.png");
    click(&mut harness, "Map crops");
    wait_until(&mut harness, "the maps", |harness| {
        shows(harness, "Balanced accuracy, %")
    });
    keep_picture(&mut harness, "crops.png");
    for word in ["dofa-tiny", "raw stack", "2018-03-31", "2018-04-30"] {
        assert!(shows(&harness, word), "{word}");
    }
    wait_until(&mut harness, "the maps as layers", |harness| {
        let layers = &harness.state().document().layers;
        let maps = layers
            .iter()
            .filter(|layer| layer.name.contains("_crops_2018-0"));
        maps.count() == 2
    });
    let path = home.path().join("site_0_crops.json");
    let of_window = CropResults::read_blocking(&path).unwrap();
    let spec: JobSpec = serde_json::from_value(of_window.job["spec"].clone()).unwrap();
    let line = command_line(&spec);
    // The command line's words, but for the file.
    let JobSpec::Crop(mut spec) = spec else {
        panic!("{line}");
    };
    spec.out = home.path().join("line.tif");
    let line = command_line(&JobSpec::Crop(spec));
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    run(home.path(), &words).done();
    let of_line = CropResults::read_blocking(&home.path().join("line.json")).unwrap();
    assert_eq!(of_line.seasons.len(), 2);
    for (own, other) in of_window.seasons.iter().zip(&of_line.seasons) {
        assert_eq!(own.figures, other.figures);
    }
}
