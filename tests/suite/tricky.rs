//! Every difficult raster of the shared test data, opened and drawn by the real program in a process of its own, with a
//! time limit: it opens right or says why not, and never hangs, crashes or lies. What happens is the table of
//! `docs/tricky.md`; `TERROIR_WRITE_DOCS=1` writes that file anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Run, command, repository, run, shared_data};

/// Far more than any of these small files needs, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the program; a run that does not end is killed and told.
fn run_bounded(folder: &Path, arguments: &[&str]) -> Run {
    // Through files: a pipe that nobody empties would look like a hang.
    let (out, err) = (folder.join("stdout"), folder.join("stderr"));
    let started = Instant::now();
    let mut child = command(folder, arguments)
        .stdout(Stdio::from(std::fs::File::create(&out).unwrap()))
        .stderr(Stdio::from(std::fs::File::create(&err).unwrap()))
        .spawn()
        .unwrap();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().ok();
            child.wait().ok();
            panic!("terroir {arguments:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(
        status.code().is_some(),
        "terroir {arguments:?} crashed: {status}"
    );
    let text = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    Run {
        code: status.code(),
        stdout: text(&out),
        stderr: text(&err),
    }
}

/// What GDAL's type names are called here.
fn type_named(name: &str) -> &'static str {
    match name {
        "Byte" => "uint8",
        "UInt16" => "uint16",
        "Int16" => "int16",
        "Int64" => "int64",
        "Float32" => "float32",
        "Float64" => "float64",
        name if name.starts_with('C') => "complex",
        other => panic!("{other}"),
    }
}

/// The message without the program's name and the path, which comes last.
fn message(run: &Run, file: &str) -> String {
    run.failed(1, &[file]);
    let first = run.stderr.lines().find(|line| !line.trim().is_empty());
    let first = first.unwrap().trim_start_matches("terroir: ").to_owned();
    first
        .split(": /")
        .next()
        .unwrap()
        .trim_end_matches('.')
        .to_owned()
}

fn texts(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

/// Everything the file's description says against what it must say.
fn check_header(file: &str, case: &Value, info: &Value) {
    assert_eq!(
        case["size"],
        serde_json::json!([info["width"], info["height"]]),
        "{file}"
    );
    assert_eq!(case["bands"], info["band_count"], "{file}");
    let first = &info["bands"][0];
    assert_eq!(
        first["sample_type"],
        type_named(case["dtype"][0].as_str().unwrap()),
        "{file}"
    );
    for (band, expected) in texts(&info["bands"]).zip(texts(&case["nodata"])) {
        let found = &band["nodata"];
        match expected {
            Value::Null => assert!(found.is_null(), "{file}: {found}"),
            Value::String(_) => assert_eq!(found, "NaN", "{file}"),
            number => {
                let (found, expected) = (found.as_f64().unwrap(), number.as_f64().unwrap());
                assert!(
                    (found - expected).abs() <= 1e-6 * expected.abs(),
                    "{file}: {found}"
                );
            }
        }
    }
    for (band, color) in texts(&info["bands"]).zip(texts(&case["color"])) {
        assert_eq!(
            band["color_interpretation"],
            color.as_str().unwrap().to_lowercase(),
            "{file}"
        );
    }
    assert_eq!(case["compression"], info["compression"], "{file}");
    // One overview list for all bands; those outside the file count too.
    let levels = first["overviews"].as_array().unwrap().len() as u64;
    let expected = if file == "riocogeo_external_overviews.tif" {
        2
    } else {
        case["overviews"].as_u64().unwrap()
    };
    assert!(levels >= expected, "{file}: {levels} overview levels");
    let georef = &info["grid"]["georef"];
    if let (Some(name), false) = (case["crs"].as_str(), file.contains("compound")) {
        let crs = if georef["model"].is_null() {
            &georef["crs"]
        } else {
            &georef["model"]["crs"]
        };
        assert_eq!(crs["name"], name, "{file}");
    }
    if let (Some(terms), false) = (case["geotransform"].as_array(), file.contains("rpc")) {
        for (term, expected) in texts(&georef["transform"]).zip(terms) {
            let (term, expected) = (term.as_f64().unwrap(), expected.as_f64().unwrap());
            assert!(
                (term - expected).abs() <= 1e-12 * expected.abs(),
                "{file}: {georef}"
            );
        }
    }
    let note = georef["note"].as_str().unwrap_or_default();
    if case["geotransform"].is_null() && !note.contains("control points") {
        assert!(note.contains("pixel space"), "{file}: {note}");
    }
}

/// One line on what opened.
fn description(info: &Value) -> String {
    let first = &info["bands"][0];
    let bands = match info["band_count"].as_u64().unwrap() {
        1 => "1 band".to_owned(),
        count => format!("{count} bands"),
    };
    let mut text = format!(
        "{} x {}, {bands} of {}",
        info["width"],
        info["height"],
        first["sample_type"].as_str().unwrap()
    );
    if first["sample_type"] == "complex" {
        text.push_str(" (drawn by magnitude)");
    }
    let georef = &info["grid"]["georef"];
    if let Some(name) = georef["crs"]["name"]
        .as_str()
        .or(georef["model"]["crs"]["name"].as_str())
    {
        write!(text, "; {name}").unwrap();
    }
    match first["overviews"].as_array().unwrap().len() {
        0 => {}
        1 => text.push_str("; 1 overview level"),
        levels => write!(text, "; {levels} overview levels").unwrap(),
    }
    if let Some(note) = georef["note"].as_str() {
        write!(text, "; {note}").unwrap();
    }
    text
}

/// Part of a picture's pixels that are not transparent.
fn drawn(picture: &Path) -> f64 {
    let file = std::io::BufReader::new(std::fs::File::open(picture).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let shown = pixels.chunks_exact(4).filter(|pixel| pixel[3] > 0).count();
    shown as f64 / (pixels.len() / 4) as f64
}

#[test]
fn every_difficult_file_opens_right_or_says_why_not() {
    let Some(data) = shared_data("difficult files") else {
        return;
    };
    let tricky = data.join("tricky");
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let text = std::fs::read_to_string(tricky.join("expect.json")).unwrap();
    let Value::Array(cases) = serde_json::from_str(&text).unwrap() else {
        panic!("a list")
    };
    assert!(cases.len() >= 51);
    let mut table = String::new();
    for case in &cases {
        let file = case["file"].as_str().unwrap();
        let path = tricky.join(file);
        let path = path.to_str().unwrap();
        let started = Instant::now();
        let opened = run_bounded(here, &["info", path, "--json"]);
        assert_eq!(
            opened.code == Some(0),
            case["opens"] == true,
            "{file}: {}",
            opened.stderr
        );
        let outcome = if opened.code == Some(0) {
            let info = opened.json();
            check_header(file, case, &info);
            let picture = here.join("picture.png");
            std::fs::remove_file(&picture).ok();
            let rendered = run_bounded(
                here,
                &[
                    "render",
                    path,
                    "--out",
                    picture.to_str().unwrap(),
                    "--size",
                    "256",
                ],
            );
            let picture = if rendered.code == Some(0) {
                let part = drawn(&picture);
                assert!(
                    part > 0.0 || file.contains("nodata"),
                    "{file}: an empty picture"
                );
                match part {
                    0.0 => "nothing drawn: every pixel is missing".to_owned(),
                    _ => "drawn".to_owned(),
                }
            } else {
                let why = message(&rendered, file);
                let may_fail = case["reads_decimated"] != true || file.contains("all_nodata");
                assert!(may_fail, "{file}: {}", rendered.stderr);
                format!("not drawn: {why}")
            };
            format!("{}. **{}**", description(&info), picture)
        } else {
            format!("**does not open**: {}", message(&opened, file))
        };
        eprintln!(
            "{file} ({:.1} s): {outcome}",
            started.elapsed().as_secs_f32()
        );
        let topic = case["topic"].as_str().unwrap();
        writeln!(
            table,
            "| `{file}` | {topic} | {} |",
            outcome.replace('|', "\\|")
        )
        .unwrap();
    }
    let page = format!(
        "# Difficult files\n\n\
         What `terroir info` and `terroir render` make of {} rasters that break readers: collected from the test data of GDAL,\n\
         rasterio, rio-tiler and others. A test runs the program on each of them with a time limit, compares size, bands, type,\n\
         missing values, colours, place and overviews with what is known of the file, and keeps this table true.\n\n\
         | File | What is difficult | What happens |\n|---|---|---|\n{table}",
        cases.len()
    );
    let doc = repository().join("docs/tricky.md");
    if std::env::var_os("TERROIR_WRITE_DOCS").is_some() {
        std::fs::write(&doc, &page).unwrap();
    }
    let written = std::fs::read_to_string(&doc).unwrap_or_default();
    for (written, now) in written.lines().zip(page.lines()) {
        assert_eq!(
            written, now,
            "docs/tricky.md is out of date: run this test with TERROIR_WRITE_DOCS=1"
        );
    }
    assert_eq!(
        written.lines().count(),
        page.lines().count(),
        "docs/tricky.md is out of date"
    );
}

fn tricky(file: &str) -> Option<PathBuf> {
    Some(shared_data(file)?.join("tricky").join(file))
}

#[test]
fn the_antimeridian_scene_is_one_picture_and_mars_stays_mars() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("map.png");
    let out = out.to_str().unwrap();
    if let Some(scene) = tricky("riotiler_antimeridian.tif") {
        let scene = scene.to_str().unwrap();
        run(
            folder.path(),
            &[
                "render",
                scene,
                "--out",
                out,
                "--crs",
                "EPSG:4326",
                "--size",
                "300",
                "--world-file",
            ],
        )
        .done();
        let world = std::fs::read_to_string(folder.path().join("map.pgw")).unwrap();
        let terms: Vec<f64> = world.lines().map(|line| line.parse().unwrap()).collect();
        // 3.5 degrees over 300 pixels, from 178 degrees east on.
        assert!(
            terms[0] < 4.0 / 300.0 && (177.9..178.1).contains(&terms[4]),
            "{terms:?}"
        );
        assert!(drawn(Path::new(out)) > 0.1);
    }
    if let Some(mars) = tricky("riotiler_mars.tif") {
        let mars = mars.to_str().unwrap();
        let mixed = run(
            folder.path(),
            &["render", mars, "--out", out, "--crs", "EPSG:3857"],
        );
        mixed.failed(1, &["no way is known"]);
    }
}
