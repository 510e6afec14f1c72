//! Every form of the command line, end to end, on the bundled sample.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use terroir_scene::Raster;

use crate::program::{command, files_in, repository, run, sample};

const SCENE: &str = "S2_2021-07-28.tif";
/// A folder in which the whole way was gone once, with the exact forms of the README; made once for all tests here.
fn walked() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = TempDir::new().unwrap();
            let here = folder.path();
            fs::copy(sample().join(SCENE), here.join("scene.tif")).unwrap();
            fs::copy(sample().join("labels.geojson"), here.join("labels.geojson")).unwrap();
            for name in ["reference.tif", "reference.tif.aux.xml"] {
                fs::copy(sample().join(name), here.join(name)).unwrap();
            }
            let forms = [
                "embed scene.tif --model dofa-tiny --device cpu --out field.tif",
                "train --field field.tif --labels labels.geojson --class-attribute class --out head.json",
                "predict --field field.tif --head head.json --out map.tif",
                "assess --map map.tif --reference labels.geojson --class-attribute class --out report.json",
                "assess --map map.tif --reference reference.tif --out held_out.json",
            ];
            for form in forms {
                let words: Vec<&str> = form.split(' ').collect();
                run(here, &words).done();
            }
            folder
        })
        .path()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn info_tells_wavelengths_and_where_they_come_from() {
    let scene = sample().join(SCENE);
    let info = run(&repository(), &["info", scene.to_str().unwrap(), "--json"]).json();
    assert_eq!(
        (info["width"].as_u64(), info["height"].as_u64()),
        (Some(152), Some(135))
    );
    assert_eq!(info["epsg"], 32629);
    let bands = info["bands"].as_array().unwrap();
    assert_eq!(bands.len(), 13);
    let red = &bands[3];
    assert_eq!(red["name"], "B04");
    assert!((number(&red["wavelength_nm"]) - 665.0).abs() < 1.0, "{red}");
    assert!(!red["wavelength_source"].as_str().unwrap().is_empty());
    assert_eq!(red["scale"], 0.0001);
    // The scene classification is no radiance: it has no wavelength.
    assert!(
        bands[12]["wavelength_nm"].is_null() && bands[12]["wavelength_source"].is_null(),
        "{}",
        bands[12]
    );
    let text = run(&repository(), &["info", scene.to_str().unwrap()]).done();
    for words in ["152 x 135", "EPSG:32629", "B8A", "Natural colour"] {
        assert!(text.contains(words), "no {words:?} in:\n{text}");
    }
}

#[test]
fn info_measures_bands_on_request() {
    let scene = sample().join(SCENE);
    let info = run(
        &repository(),
        &["info", scene.to_str().unwrap(), "--stats", "--json"],
    )
    .json();
    let red = &info["bands"][3]["statistics"];
    assert!(number(&red["low"]) < number(&red["high"]), "{red}");
}

#[test]
fn the_same_picture_by_wavelength_number_name_and_combination() {
    let folder = TempDir::new().unwrap();
    fs::copy(sample().join(SCENE), folder.path().join("scene.tif")).unwrap();
    let mut pictures = Vec::new();
    for bands in [
        "665nm,560nm,490nm",
        "0.665um,0.56um,0.49um",
        "4,3,2",
        "B04,B03,B02",
        "natural-colour",
    ] {
        run(
            folder.path(),
            &["render", "scene.tif", "--bands", bands, "--out", "view.png"],
        )
        .done();
        pictures.push(fs::read(folder.path().join("view.png")).unwrap());
    }
    assert!(pictures.iter().all(|picture| *picture == pictures[0]));
    let decoder = png::Decoder::new(std::io::Cursor::new(&pictures[0]));
    let mut reader = decoder.read_info().unwrap();
    let mut rgba = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut rgba).unwrap();
    assert_eq!((frame.width, frame.height), (152, 135));
    let colours: std::collections::BTreeSet<&[u8]> = rgba.chunks_exact(4).collect();
    assert!(
        colours.len() > 1000,
        "a picture of {} colours",
        colours.len()
    );
    assert_eq!(files_in(folder.path()), ["scene.tif", "view.png"]);
}

#[test]
fn pictures_keep_the_size_asked_for() {
    let folder = TempDir::new().unwrap();
    let aerial = sample().join("m_4709963_se_14_1_20160816_5m.tif");
    let out = folder.path().join("small.png");
    let arguments = [
        "render",
        aerial.to_str().unwrap(),
        "--size",
        "300",
        "--world-file",
        "--json",
        "--out",
        out.to_str().unwrap(),
    ];
    let told = run(folder.path(), &arguments).json();
    assert_eq!(told["width"], 300);
    let world = fs::read_to_string(folder.path().join("small.pgw")).unwrap();
    let across: f64 = world.lines().next().unwrap().parse().unwrap();
    assert!((across - 5.0 * 934.0 / 300.0).abs() < 0.1, "{across}");
}

#[test]
fn the_field_keeps_the_grid_of_the_scene() {
    let scene = Raster::open(&walked().join("scene.tif")).unwrap();
    let field = Raster::open(&walked().join("field.tif")).unwrap();
    assert!(field.info().is_field());
    assert!(field.info().grid.same_as(&scene.info().grid));
}

#[test]
fn the_map_opens_coloured_and_named_for_gdal_and_for_us() {
    let here = walked();
    let gdal = Command::new("gdalinfo")
        .args(["-json", "map.tif"])
        .current_dir(here)
        .output();
    let info = run(here, &["info", "map.tif", "--json"]).json();
    assert_eq!(info["is_class_map"], true);
    let ours: Vec<(i64, String, Vec<u64>)> = info["bands"][0]["palette"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let rgba = entry["rgba"]
                .as_array()
                .unwrap()
                .iter()
                .map(|part| part.as_u64().unwrap())
                .collect();
            (
                entry["value"].as_i64().unwrap(),
                entry["name"].as_str().unwrap().to_owned(),
                rgba,
            )
        })
        .filter(|(value, name, _)| *value > 0 && !name.is_empty())
        .collect();
    let names: Vec<&str> = ours.iter().map(|(_, name, _)| name.as_str()).collect();
    for name in [
        "tree cover",
        "shrubland",
        "grassland",
        "cropland",
        "built-up",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    let Ok(gdal) = gdal else {
        eprintln!("SKIPPED the second opinion: gdalinfo is not installed");
        return;
    };
    let gdal: Value = serde_json::from_slice(&gdal.stdout).unwrap();
    assert_eq!(gdal["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"], "COG");
    let band = &gdal["bands"][0];
    for (value, name, rgba) in ours {
        let place = usize::try_from(value).unwrap();
        assert_eq!(band["categories"][place], *name, "{band}");
        let entry: Vec<u64> = band["colorTable"]["entries"][place]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_u64)
            .collect();
        assert_eq!(entry, rgba);
    }
    let transform: Vec<f64> = gdal["geoTransform"]
        .as_array()
        .unwrap()
        .iter()
        .map(number)
        .collect();
    let scene = Raster::open(&here.join("scene.tif")).unwrap();
    assert_eq!(transform, scene.info().grid.transform().0);
    assert!(
        here.join("map.qml").is_file()
            && here.join("map.sld").is_file()
            && here.join("map_confidence.tif").is_file()
    );
    assert!(
        gdal["metadata"][""]["TERROIR_RUN"]
            .as_str()
            .unwrap()
            .contains("terroir predict")
    );
}

#[test]
fn the_held_out_accuracy_is_reported_and_lower_than_on_the_training_labels() {
    let read = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(walked().join(name)).unwrap()).unwrap()
    };
    let find = |report: &Value| number(&report["crop"]["metrics"]["overall"]);
    let (training, held_out) = (find(&read("report.json")), find(&read("held_out.json")));
    assert!(
        training > held_out,
        "training {training}, held out {held_out}"
    );
    // Six classes; the commonest one alone would reach about half.
    assert!(held_out > 0.3, "held out {held_out}");
}

#[test]
fn maps_and_labels_convert() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let map = walked().join("map.tif");
    let map = map.to_str().unwrap();
    for name in ["map.png", "map.svg", "copy.tif"] {
        run(folder.path(), &["export", map, "--out", &at(name)]).done();
    }
    let svg = fs::read_to_string(at("map.svg")).unwrap();
    assert!(svg.contains("cropland") && svg.contains("data:image/png;base64,"));
    let read = |path: &Path| {
        let raster = Raster::open(path).unwrap();
        let (grid, palette) = (
            raster.info().grid.clone(),
            raster.info().bands[0].palette.clone(),
        );
        let block = raster
            .read_blocking(
                &[0],
                grid.window(),
                grid.width,
                grid.height,
                terroir_scene::Resampling::Nearest,
            )
            .unwrap();
        (palette, block.values)
    };
    assert_eq!(read(Path::new(map)), read(Path::new(&at("copy.tif"))));

    let scene = sample().join(SCENE);
    let (scene, labels) = (scene.to_str().unwrap(), sample().join("labels.geojson"));
    run(
        folder.path(),
        &[
            "export",
            labels.to_str().unwrap(),
            "--scene",
            scene,
            "--out",
            &at("labels.gpkg"),
        ],
    )
    .done();
    for name in ["labels.shp", "again.geojson"] {
        run(
            folder.path(),
            &[
                "export",
                &at("labels.gpkg"),
                "--scene",
                scene,
                "--out",
                &at(name),
            ],
        )
        .done();
    }
    let again: Value =
        serde_json::from_str(&fs::read_to_string(at("again.geojson")).unwrap()).unwrap();
    let first: Value = serde_json::from_str(&fs::read_to_string(&labels).unwrap()).unwrap();
    assert_eq!(
        again["features"].as_array().unwrap().len(),
        first["features"].as_array().unwrap().len()
    );
}

#[test]
fn a_map_can_be_made_again() {
    let told = run(
        walked(),
        &["reproduce", "map.tif", "--out", "twin.tif", "--json"],
    )
    .json();
    assert_eq!(told["differing_pixels"], 0, "{told}");
    assert_eq!(told["differing_items"], serde_json::json!([]), "{told}");
    assert!(
        told["command"]
            .as_str()
            .unwrap()
            .starts_with("terroir predict")
    );
}

#[test]
fn the_demo_says_what_it_measured_and_where_it_lies() {
    let folder = TempDir::new().unwrap();
    let text = run(folder.path(), &["demo", "--out", "demo"]).done();
    for name in [
        "field.tif",
        "map.tif",
        "report.json",
        "scene.png",
        "field.png",
        "map.png",
        "confidence.png",
    ] {
        assert!(
            folder.path().join("demo").join(name).is_file(),
            "no {name}: {:?}",
            files_in(&folder.path().join("demo"))
        );
        assert!(text.contains(name), "{name} is not told in:\n{text}");
    }
    for words in [
        "(trained)",
        "overall_accuracy",
        "Copernicus Sentinel data 2021",
        "WorldCover",
    ] {
        assert!(text.contains(words), "no {words:?} in:\n{text}");
    }
}

#[test]
fn devices_and_models_are_listed() {
    let devices = run(&repository(), &["devices", "--json"]).json();
    assert!(
        devices
            .as_array()
            .unwrap()
            .iter()
            .any(|device| device["name"] == "cpu"),
        "{devices}"
    );
    let models = run(&repository(), &["models", "--json"]).json();
    for name in ["dofa-tiny", "dofa-small", "dofa-base", "dofa-large"] {
        let model = models
            .as_array()
            .unwrap()
            .iter()
            .find(|model| model["name"] == name)
            .unwrap();
        // The smallest one comes with its weights.
        let is_built_in = name == "dofa-tiny";
        let state = if is_built_in { "trained" } else { "untrained" };
        assert_eq!(model["state"], state);
        assert!(model["parameters"].as_u64().unwrap() > 0);
    }
    assert!(run(&repository(), &["models"]).done().contains("untrained"));
}

#[test]
fn bench_measures() {
    let rows = run(&repository(), &["bench", "--device", "cpu", "--json"]).json();
    assert!(number(&rows[0]["pixels_per_second"]) > 0.0, "{rows}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_job_cleanly() {
    let folder = TempDir::new().unwrap();
    let scene = sample().join("m_4709963_se_14_1_20160816_5m.tif");
    let arguments = [
        "embed",
        scene.to_str().unwrap(),
        "--model",
        "dofa-base",
        "--device",
        "cpu",
        "--out",
        "field.tif",
    ];
    let mut child = command(folder.path(), &arguments)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let asked = Instant::now();
    crate::program::signal("INT", child.id());
    let output = loop {
        if child.try_wait().unwrap().is_some() {
            break child.wait_with_output().unwrap();
        }
        assert!(asked.elapsed() < Duration::from_secs(30), "still running");
        std::thread::sleep(Duration::from_millis(50));
    };
    let stopped = crate::program::Run::from(output);
    stopped.failed(1, &["cancelled"]);
    assert!(
        !folder.path().join("field.tif").exists(),
        "{:?}",
        files_in(folder.path())
    );
}

#[test]
fn wrong_usage_is_named_and_exits_with_2() {
    let scene = sample().join(SCENE);
    let scene = scene.to_str().unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&["info"], "<FILES>..."),
        (&["info", scene, "--nonsense"], "--nonsense"),
        (&["render", scene], "--out"),
        (
            &["render", scene, "--bands", "4,3", "--out", "a.png"],
            "--bands",
        ),
        (
            &["render", scene, "--bands", "4,3,99", "--out", "a.png"],
            "99",
        ),
        (
            &[
                "render",
                scene,
                "--bands",
                "red,green,mauve",
                "--out",
                "a.png",
            ],
            "natural colour",
        ),
        (&["render", scene, "--out", "a.jpeg"], ".png"),
        (
            &["embed", scene, "--model", "dofa-enormous", "--out", "f.tif"],
            "dofa-tiny",
        ),
        (
            &[
                "train", "--field", "f.tif", "--labels", "l.gpkg", "--kind", "oracle", "--out",
                "h.json",
            ],
            "logistic",
        ),
    ];
    let folder = TempDir::new().unwrap();
    for (arguments, word) in cases {
        let told = run(folder.path(), arguments);
        assert_eq!(told.code, Some(2), "{arguments:?}: {}", told.stderr);
        assert!(
            told.stderr.to_lowercase().contains(&word.to_lowercase()),
            "{arguments:?} does not say {word:?}: {}",
            told.stderr
        );
        assert!(told.stdout.is_empty());
    }
    assert!(files_in(folder.path()).is_empty());
}

/// Help of a command and of all commands below it, each under a heading.
fn helps(words: &[String], text: &mut String) {
    let arguments: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .chain(std::iter::once("--help"))
        .collect();
    let help = run(&repository(), &arguments).done();
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    let title = ["terroir".to_owned()]
        .iter()
        .chain(words)
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    *text += &format!("\n## {title}\n\n```text\n{}\n```\n", lines.join("\n"));
    // Below "Commands:" a name stands two spaces in; what it does, further.
    let commands = lines
        .iter()
        .skip_while(|line| **line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for line in commands {
        let name = line.split_whitespace().next().unwrap();
        if name != "help" {
            helps(&[words, &[name.to_owned()]].concat(), text);
        }
    }
}

/// `docs/cli.md` repeats the help texts; `TERROIR_UPDATE_DOCS=1` writes it anew.
#[test]
fn the_documents_say_what_help_says() {
    let path = repository().join("docs/cli.md");
    let mut text = String::from(
        "# Command line\n\nWhat `terroir --help` and `terroir SUBCOMMAND --help` say, kept equal to them by a test.\n",
    );
    helps(&[], &mut text);
    if std::env::var_os("TERROIR_UPDATE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == text,
        "docs/cli.md is out of date: run this test with TERROIR_UPDATE_DOCS=1"
    );
}
