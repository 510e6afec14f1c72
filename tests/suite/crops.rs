//! Crop maps of a season: `terroir crop` with several models and days, made again from its own results, what it cannot do, and the
//! Crops panel of the window with the real worker, whose figures are the command line's.

use std::fs;
use std::path::Path;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use terroir_engine::{CropResults, Evaluation, JobSpec, command_line};
use terroir_scene::{Class, MapKind, MapWriter, Raster, Resampling};

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

/// Two covers that the images show: what is greener on the last clear day before late July, and the rest.
fn write_green_labels(folder: &Path) {
    let mut images: Vec<_> = fs::read_dir(folder.join("site_0"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "tif"))
        .filter(|path| path.file_name().is_some_and(|name| name < "S2_2018-07-20"))
        .collect();
    images.sort();
    let green = images.iter().rev().find_map(|path| {
        let image = Raster::open(path).unwrap();
        let whole = image.info().grid.window();
        let block = image
            .read_blocking(&[2, 3], whole, SIDE, SIDE, Resampling::Nearest)
            .unwrap();
        let (red, infrared) = block.values.split_at(SIDE * SIDE);
        let is_clear = block.valid.iter().all(|is| *is);
        is_clear.then(|| {
            let index = |(r, n): (&f32, &f32)| (n - r) / (n + r);
            red.iter().zip(infrared).map(index).collect::<Vec<f32>>()
        })
    });
    let green = green.unwrap();
    let mut sorted = green.clone();
    sorted.sort_by(f32::total_cmp);
    let middle = sorted[sorted.len() / 2];
    let class = |id: u8, name: &str| Class {
        id,
        name: name.to_owned(),
        color: [id * 80, 100, 0],
    };
    let classes = vec![class(1, "bare"), class(2, "green")];
    let ids: Vec<u8> = green.iter().map(|of| 1 + u8::from(*of > middle)).collect();
    let grid = Raster::open(&images[0]).unwrap().info().grid.clone();
    let path = folder.join("green.tif");
    let mut labels = MapWriter::create(&path, &grid, MapKind::Classes(classes)).unwrap();
    labels.write_bytes(grid.window(), &ids).unwrap();
    labels.finish(&Vec::new()).unwrap();
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
fn a_network_is_taught_the_crops_and_maps_them_and_days_without_images_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_site(here, 0, 250);
    weights(here);
    write_green_labels(here);
    let crop = |more: &str| {
        let words = format!(
            "crop site_0 --weather site_0.csv --labels green.tif --model kgvsf-tiny=w.safetensors --seeds 2 --shots 10 \
             --device cpu {more}"
        );
        run(here, &words.split_whitespace().collect::<Vec<_>>())
    };
    let made = crop(
        "--teach frozen --map-of taught --from 2018-01-01 --as-of 2018-01-02 --as-of 2018-08-01 --out taught.tif",
    );
    let errors = made.stderr.clone();
    assert!(
        errors.contains("as of 2018-01-02") && errors.contains("there is no map"),
        "{errors}"
    );
    let text = made.done();
    assert!(text.contains("kgvsf-tiny, taught"), "{text}");
    let results = CropResults::read_blocking(&here.join("taught.json")).unwrap();
    let [season] = results.seasons.as_slice() else {
        panic!("{:?}", results.seasons);
    };
    assert_eq!(season.map_of, "kgvsf-tiny, taught");
    assert_eq!(
        results.candidates(),
        ["kgvsf-tiny", "harmonics", "raw stack", "kgvsf-tiny, taught"]
    );
    // The images show which cover is which.
    let figure = season.figure("kgvsf-tiny, taught", "10").unwrap();
    assert!(figure.mean > 0.65, "{:?}", season.figures);
    let report = Evaluation::read(&here.join(&season.accuracy)).unwrap();
    let row = report.results.iter().find(|row| row.head == "own").unwrap();
    assert_eq!(row.seeds.len(), 2);
    let map = Raster::open(&here.join("taught_2018-08-01.tif")).unwrap();
    assert!(map.info().is_class_map());
    let again = run(
        here,
        &["reproduce", "taught_2018-08-01.tif", "--out", "m.tif"],
    )
    .done();
    assert!(again.contains("Every pixel is the same"), "{again}");
    let again = run(here, &["reproduce", "taught_2018-08-01_accuracy.json"]).done();
    assert!(again.contains("Every figure is the same"), "{again}");
    // The network may learn, too, and whatever does best may make the map.
    crop("--teach last --map-of best --as-of 2018-08-01 --out best.tif").done();
    let results = CropResults::read_blocking(&here.join("best.json")).unwrap();
    let season = &results.seasons[0];
    let best = season.figures.iter().map(|of| of.mean).fold(0.0, f64::max);
    assert_eq!(season.figure(&season.map_of, "10").unwrap().mean, best);
    for (map_of, name) in [("harmonics", "harmonics"), ("stack", "raw stack")] {
        crop(&format!(
            "--map-of {map_of} --as-of 2018-08-01 --out {map_of}.tif"
        ))
        .done();
        let path = here.join(format!("{map_of}.json"));
        let results = CropResults::read_blocking(&path).unwrap();
        assert_eq!(results.seasons[0].map_of, name);
        let map = format!("{map_of}_2018-08-01.tif");
        let again = run(here, &["reproduce", &map, "--out", "m.tif"]).done();
        assert!(again.contains("Every pixel is the same"), "{again}");
    }
    crop("--map-of taught --out x.tif").failed(1, &["--teach"]);
    run(
        here,
        &"crop site_0 --labels green.tif --model dofa-tiny --teach auto --device cpu --out x.tif"
            .split(' ')
            .collect::<Vec<_>>(),
    )
    .failed(1, &["KG-VSF"]);
}

#[test]
fn weather_is_read_as_options_say() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_site(here, 0, 60);
    weights(here);
    write_labels(here);
    let table = fs::read_to_string(here.join("site_0.csv")).unwrap();
    fs::write(
        here.join("renamed.csv"),
        table.replacen("prcp (mm/day)", "wet", 1),
    )
    .unwrap();
    let embed = |more: &str| {
        let words = format!(
            "embed site_0 --model kgvsf-tiny --weights w.safetensors --weather renamed.csv --device cpu --out f.tif {more}"
        );
        run(here, &words.split_whitespace().collect::<Vec<_>>())
    };
    embed("").failed(1, &["prcp", "renamed.csv"]);
    embed("--weather-column prcp=wet --weather-unit prcp=mm").done();
    embed("--weather-column prcp=wet --weather-unit prcp=miles").failed(2, &["miles", "unit"]);
    let crop = "crop site_0 --weather renamed.csv --weather-column prcp=wet --weather-unit prcp=mm --labels labels.geojson \
         --model kgvsf-tiny=w.safetensors --seeds 1 --shots max --device cpu --out c.tif";
    run(here, &crop.split_whitespace().collect::<Vec<_>>()).done();
    let results = CropResults::read_blocking(&here.join("c.json")).unwrap();
    let line = results.job["command"].as_str().unwrap();
    assert!(line.contains("--weather-column prcp=wet"), "{line}");
    assert!(line.contains("--weather-unit prcp=mm"), "{line}");
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
    crop("--model dofa-tiny --weather-unit prcp=mm").failed(2, &["--weather"]);
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
