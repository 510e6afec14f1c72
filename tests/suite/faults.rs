//! Bad input and bad circumstances, each tried: a clear message, the right exit code, nothing half-written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use terroir_scene::{Class, MapKind, MapWriter, Raster};

use crate::program::{command, files_in, run, sample, terroir};

const SCENE: &str = "S2_2021-07-28.tif";

fn scene() -> PathBuf {
    sample().join(SCENE)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A raster made with GDAL's own tools; `None`, said aloud, without them.
pub fn gdal(folder: &Path, program: &str, arguments: &[&str]) -> Option<()> {
    match Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
    {
        Ok(output) => {
            assert!(
                output.status.success(),
                "{program}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            Some(())
        }
        Err(_) => {
            eprintln!("SKIPPED: {program} is not installed");
            None
        }
    }
}

/// A small field and head on the sample's grid, made without a network: good enough to be mistreated.
fn field(folder: &Path) -> PathBuf {
    let path = folder.join("field.tif");
    let grid = Raster::open(&scene()).unwrap().info().grid.clone();
    let mut writer = MapWriter::create(&path, &grid, MapKind::Field).unwrap();
    let pixels = grid.width * grid.height;
    let codes: Vec<u8> = (0..64 * pixels)
        .map(|at| {
            let (axis, pixel) = (at / pixels, at % pixels);
            ((((axis * 37 + pixel / grid.width * 11 + pixel % grid.width * 5) % 80) as i8) - 40)
                as u8
        })
        .collect();
    writer.write_bytes(grid.window(), &codes).unwrap();
    writer.finish(&Vec::new()).unwrap();
    path
}

#[test]
fn files_that_are_not_there() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        &["info", "gone.tif"][..],
        &["render", "gone.tif", "--out", "a.png"],
        &["embed", "gone.tif", "--device", "cpu", "--out", "f.tif"],
        &[
            "predict",
            "--field",
            "gone.tif",
            "--head",
            "gone.json",
            "--out",
            "m.tif",
        ],
        &["reproduce", "gone.tif"],
    ] {
        run(folder.path(), arguments).failed(1, &["gone.tif"]);
    }
    assert!(files_in(folder.path()).is_empty());
}

#[test]
fn a_truncated_tiff() {
    let folder = TempDir::new().unwrap();
    let whole = fs::read(scene()).unwrap();
    fs::write(folder.path().join("cut.tif"), &whole[..whole.len() / 2]).unwrap();
    // Cut within the header: nothing can be opened. Cut within the pixels: reading must fail.
    fs::write(folder.path().join("stub.tif"), &whole[..6]).unwrap();
    run(folder.path(), &["info", "stub.tif"]).failed(1, &["stub.tif"]);
    run(folder.path(), &["render", "cut.tif", "--out", "a.png"]).failed(1, &["cut.tif"]);
    run(
        folder.path(),
        &["embed", "cut.tif", "--device", "cpu", "--out", "f.tif"],
    )
    .failed(1, &["cut.tif"]);
    assert_eq!(files_in(folder.path()), ["cut.tif", "stub.tif"]);
}

#[test]
fn a_corrupt_tiff() {
    let folder = TempDir::new().unwrap();
    let mut bytes = fs::read(scene()).unwrap();
    let (from, to) = (bytes.len() / 4, bytes.len() * 3 / 4);
    for (at, byte) in bytes[from..to].iter_mut().enumerate() {
        *byte = (at * 73 % 251) as u8;
    }
    fs::write(folder.path().join("bad.tif"), &bytes).unwrap();
    fs::write(
        folder.path().join("noise.tif"),
        b"this is no picture at all",
    )
    .unwrap();
    run(folder.path(), &["info", "noise.tif"]).failed(1, &["noise.tif"]);
    run(folder.path(), &["render", "bad.tif", "--out", "a.png"]).failed(1, &["bad.tif"]);
    run(
        folder.path(),
        &["embed", "bad.tif", "--device", "cpu", "--out", "f.tif"],
    )
    .failed(1, &["bad.tif"]);
    assert_eq!(files_in(folder.path()), ["bad.tif", "noise.tif"]);
}

#[test]
fn a_file_without_bands() {
    let folder = TempDir::new().unwrap();
    let vrt = r#"<VRTDataset rasterXSize="16" rasterYSize="16"></VRTDataset>"#;
    fs::write(folder.path().join("empty.vrt"), vrt).unwrap();
    let told = run(folder.path(), &["info", "empty.vrt", "--json"]);
    if told.code == Some(0) {
        assert_eq!(told.json()["band_count"], 0);
    } else {
        told.failed(1, &["empty.vrt"]);
    }
    run(folder.path(), &["render", "empty.vrt", "--out", "a.png"]).failed(1, &["empty.vrt"]);
    run(
        folder.path(),
        &["embed", "empty.vrt", "--device", "cpu", "--out", "f.tif"],
    )
    .failed(1, &["empty.vrt"]);
    assert_eq!(files_in(folder.path()), ["empty.vrt"]);
}

#[test]
fn five_thousand_bands() {
    let folder = TempDir::new().unwrap();
    let source = scene();
    let band = format!(
        "<VRTRasterBand dataType=\"UInt16\"><SimpleSource><SourceFilename>{}</SourceFilename><SourceBand>4</SourceBand></SimpleSource></VRTRasterBand>",
        text(&source)
    );
    let vrt = format!(
        "<VRTDataset rasterXSize=\"152\" rasterYSize=\"135\">{}</VRTDataset>",
        band.repeat(5000)
    );
    fs::write(folder.path().join("many.vrt"), vrt).unwrap();
    let start = std::time::Instant::now();
    let listed = run(folder.path(), &["info", "many.vrt"]).done();
    assert!(
        listed.contains("5000 bands")
            && listed.contains("more (--all-bands")
            && listed.lines().count() < 100
    );
    assert_eq!(
        run(folder.path(), &["info", "many.vrt", "--json"]).json()["bands"]
            .as_array()
            .unwrap()
            .len(),
        5000
    );
    run(
        folder.path(),
        &[
            "render",
            "many.vrt",
            "--bands",
            "1,2500,5000",
            "--out",
            "a.png",
        ],
    )
    .done();
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn no_coordinate_reference_system() {
    let folder = TempDir::new().unwrap();
    if gdal(
        folder.path(),
        "gdal_translate",
        &[
            "-q",
            "-co",
            "PROFILE=BASELINE",
            "-b",
            "2",
            "-b",
            "3",
            "-b",
            "4",
            text(&scene()),
            "plain.tif",
        ],
    )
    .is_none()
    {
        return;
    }
    // GDAL keeps the place in a side-car then.
    fs::remove_file(folder.path().join("plain.tif.aux.xml")).ok();
    let told = run(folder.path(), &["info", "plain.tif"]).done();
    assert!(
        told.contains("pixel coordinates") || told.contains("no coordinate reference system"),
        "{told}"
    );
    run(folder.path(), &["render", "plain.tif", "--out", "a.png"]).done();
    // Labels are lon/lat: they cannot be placed on a raster that lies nowhere.
    let labels = sample().join("labels.geojson");
    run(
        folder.path(),
        &[
            "export",
            text(&labels),
            "--scene",
            "plain.tif",
            "--out",
            "l.gpkg",
        ],
    )
    .failed(1, &[]);
    assert!(!folder.path().join("l.gpkg").exists());
}

#[test]
fn no_wavelengths() {
    let folder = TempDir::new().unwrap();
    if gdal(
        folder.path(),
        "gdal_create",
        &[
            "-q",
            "-of",
            "GTiff",
            "-outsize",
            "64",
            "64",
            "-bands",
            "5",
            "-ot",
            "UInt16",
            "-burn",
            "7",
            "-a_srs",
            "EPSG:32629",
            "-a_ullr",
            "500000",
            "4300640",
            "500640",
            "4300000",
            "plain.tif",
        ],
    )
    .is_none()
    {
        return;
    }
    let info = run(folder.path(), &["info", "plain.tif", "--json"]).json();
    assert!(
        info["bands"]
            .as_array()
            .unwrap()
            .iter()
            .all(|band| band["wavelength_nm"].is_null()),
        "{info}"
    );
    run(
        folder.path(),
        &[
            "render",
            "plain.tif",
            "--bands",
            "665nm,560nm,490nm",
            "--out",
            "a.png",
        ],
    )
    .failed(1, &["wavelength", "plain.tif"]);
    run(
        folder.path(),
        &["embed", "plain.tif", "--device", "cpu", "--out", "f.tif"],
    )
    .failed(1, &["wavelength", "plain.tif"]);
    assert_eq!(files_in(folder.path()), ["plain.tif"]);
}

#[test]
fn nothing_but_nodata() {
    let folder = TempDir::new().unwrap();
    if gdal(
        folder.path(),
        "gdal_translate",
        &[
            "-q",
            "-b",
            "2",
            "-b",
            "3",
            "-b",
            "4",
            "-scale",
            "0",
            "1",
            "0",
            "0",
            "-a_nodata",
            "0",
            text(&scene()),
            "void.tif",
        ],
    )
    .is_none()
    {
        return;
    }
    run(folder.path(), &["info", "void.tif", "--stats"]).done();
    run(folder.path(), &["render", "void.tif", "--out", "a.png"]).done();
    let told = run(
        folder.path(),
        &[
            "embed",
            "void.tif",
            "--wavelengths",
            "1=490nm,2=560nm,3=665nm",
            "--device",
            "cpu",
            "--out",
            "f.tif",
        ],
    );
    told.failed(1, &["void.tif"]);
    assert!(
        !folder.path().join("f.tif").exists(),
        "{:?}",
        files_in(folder.path())
    );
}

#[test]
fn labels_outside_the_scene_or_without_the_attribute() {
    let folder = TempDir::new().unwrap();
    field(folder.path());
    let square = |x: f64, y: f64| {
        format!(
            "[[[{x},{y}],[{x},{}],[{},{}],[{},{y}],[{x},{y}]]]",
            y + 0.01,
            x + 0.01,
            y + 0.01,
            x + 0.01
        )
    };
    let feature = |class: &str, x: f64, y: f64| {
        format!(
            r#"{{"type":"Feature","properties":{{"class":"{class}"}},"geometry":{{"type":"Polygon","coordinates":{}}}}}"#,
            square(x, y)
        )
    };
    let collection = |features: &[String]| {
        format!(
            r#"{{"type":"FeatureCollection","features":[{}]}}"#,
            features.join(",")
        )
    };
    fs::write(
        folder.path().join("far.geojson"),
        collection(&[feature("a", 100.0, 10.0), feature("b", 101.0, 10.0)]),
    )
    .unwrap();
    fs::write(folder.path().join("none.geojson"), collection(&[])).unwrap();
    fs::write(
        folder.path().join("broken.geojson"),
        "{\"type\": \"FeatureColl",
    )
    .unwrap();
    fs::copy(
        sample().join("labels.geojson"),
        folder.path().join("labels.geojson"),
    )
    .unwrap();
    let train = |labels: &str, attribute: &str| {
        run(
            folder.path(),
            &[
                "train",
                "--field",
                "field.tif",
                "--labels",
                labels,
                "--class-attribute",
                attribute,
                "--out",
                "head.json",
            ],
        )
    };
    train("far.geojson", "class").failed(1, &["outside", "far.geojson"]);
    train("labels.geojson", "crop_type").failed(1, &["crop_type", "labels.geojson"]);
    train("none.geojson", "class").failed(1, &["none.geojson"]);
    train("broken.geojson", "class").failed(1, &["broken.geojson"]);
    assert!(!folder.path().join("head.json").exists());
}

#[test]
fn a_checkpoint_that_is_not_one() {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in [
        ("text.pth", &b"not a checkpoint"[..]),
        ("text.safetensors", b"not a checkpoint"),
        ("empty.pth", b""),
        // A header that promises more than there is.
        ("liar.safetensors", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}"),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
        let told = run(
            folder.path(),
            &[
                "embed",
                text(&scene()),
                "--weights",
                name,
                "--device",
                "cpu",
                "--out",
                "f.tif",
            ],
        );
        told.failed(1, &[name]);
        assert!(!folder.path().join("f.tif").exists());
    }
    assert_eq!(
        files_in(folder.path()),
        [
            "empty.pth",
            "liar.safetensors",
            "text.pth",
            "text.safetensors"
        ]
    );
}

#[test]
fn files_of_the_wrong_kind() {
    let folder = TempDir::new().unwrap();
    field(folder.path());
    fs::write(folder.path().join("head.json"), "{}").unwrap();
    let labels = sample().join("labels.geojson");
    run(
        folder.path(),
        &[
            "predict",
            "--field",
            "field.tif",
            "--head",
            "head.json",
            "--out",
            "m.tif",
        ],
    )
    .failed(1, &["head.json"]);
    run(
        folder.path(),
        &[
            "train",
            "--field",
            text(&scene()),
            "--labels",
            text(&labels),
            "--out",
            "h.json",
        ],
    )
    .failed(1, &["field", SCENE]);
    run(
        folder.path(),
        &[
            "assess",
            "--map",
            "field.tif",
            "--reference",
            text(&labels),
            "--out",
            "r.json",
        ],
    )
    .failed(1, &["field.tif"]);
    fs::write(folder.path().join("empty.gpkg"), b"").unwrap();
    run(folder.path(), &["info", "empty.gpkg"]).failed(1, &["empty.gpkg"]);
    fs::remove_file(folder.path().join("empty.gpkg")).unwrap();
    run(folder.path(), &["export", text(&scene()), "--out", "m.svg"]).failed(1, &["class map"]);
    run(folder.path(), &["reproduce", text(&scene())]).failed(1, &["how it was made"]);
    run(
        folder.path(),
        &["render", text(&scene()), "--style", "pca", "--out", "a.png"],
    )
    .failed(1, &["field"]);
    assert_eq!(
        files_in(folder.path()),
        ["field.tif", "field.tif.aux.xml", "head.json"]
            .into_iter()
            .filter(|name| folder.path().join(name).exists())
            .collect::<Vec<_>>()
    );
}

#[test]
fn another_grid_is_told_apart() {
    let folder = TempDir::new().unwrap();
    field(folder.path());
    let aerial = sample().join("m_4709963_se_14_1_20160816_5m.tif");
    let grid = Raster::open(&aerial).unwrap().info().grid.clone();
    let classes = vec![
        Class {
            id: 1,
            name: "a".into(),
            color: [1, 2, 3],
        },
        Class {
            id: 2,
            name: "b".into(),
            color: [9, 8, 7],
        },
    ];
    let path = folder.path().join("elsewhere.tif");
    let mut writer = MapWriter::create(&path, &grid, MapKind::Classes(classes)).unwrap();
    writer
        .write_bytes(grid.window(), &vec![1; grid.width * grid.height])
        .unwrap();
    writer.finish(&Vec::new()).unwrap();
    run(
        folder.path(),
        &[
            "train",
            "--field",
            "field.tif",
            "--labels",
            "elsewhere.tif",
            "--out",
            "h.json",
        ],
    )
    .failed(1, &["elsewhere.tif"]);
    assert!(!folder.path().join("h.json").exists());
}

/// `body` runs with a file system of `size` bytes mounted; `None`, said aloud, where that is not allowed.
#[cfg(target_os = "linux")]
pub fn with_small_disk(options: &str, body: impl FnOnce(&Path)) -> Option<()> {
    let folder = TempDir::new().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs", text(&disk)])
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: a small file system cannot be mounted here");
        return None;
    }
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(&disk)));
    Command::new("umount").arg(&disk).status().unwrap();
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
    Some(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let folder = TempDir::new().unwrap();
    field(folder.path());
    with_small_disk("size=64k", |disk| {
        let picture = disk.join("view.png");
        run(
            folder.path(),
            &[
                "render",
                text(&scene()),
                "--size",
                "2000",
                "--out",
                text(&picture),
            ],
        )
        .failed(1, &["full", "view.png"]);
        let field = disk.join("f.tif");
        run(
            folder.path(),
            &[
                "embed",
                text(&scene()),
                "--device",
                "cpu",
                "--out",
                text(&field),
            ],
        )
        .failed(1, &["f."]);
        let left = files_in(disk);
        assert!(
            !left.contains(&"f.tif".to_owned()) && !left.contains(&"view.png".to_owned()),
            "{left:?}"
        );
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_folder() {
    let folder = TempDir::new().unwrap();
    with_small_disk("size=1m,ro", |disk| {
        let at = |name: &str| text(&disk.join(name)).to_owned();
        run(
            folder.path(),
            &["render", text(&scene()), "--out", &at("a.png")],
        )
        .failed(1, &["a.png"]);
        run(
            folder.path(),
            &[
                "embed",
                text(&scene()),
                "--device",
                "cpu",
                "--out",
                &at("f.tif"),
            ],
        )
        .failed(1, &["f."]);
        run(folder.path(), &["demo", "--out", &at("demo")]).failed(1, &["demo"]);
    });
    // A folder that does not exist is told too.
    run(
        folder.path(),
        &["render", text(&scene()), "--out", "no/such/folder/a.png"],
    )
    .failed(1, &["does not exist", "a.png"]);
}

#[test]
fn a_damaged_map_of_confidence_is_left_out_of_the_report_and_said() {
    let folder = TempDir::new().unwrap();
    let field = sample().join("field.tif");
    let (labels, reference) = (
        sample().join("labels.geojson"),
        sample().join("reference.tif"),
    );
    let train = ["train", "--field", text(&field), "--labels", text(&labels)];
    let train = [
        &train[..],
        &["--class-attribute", "class", "--out", "h.json"],
    ]
    .concat();
    run(folder.path(), &train).done();
    let predict = ["predict", "--field", text(&field), "--head", "h.json"];
    run(
        folder.path(),
        &[&predict[..], &["--out", "map.tif"]].concat(),
    )
    .done();
    std::fs::write(folder.path().join("map_confidence.tif"), "no raster").unwrap();
    let assess = [
        "assess",
        "--map",
        "map.tif",
        "--reference",
        text(&reference),
    ];
    let told = run(
        folder.path(),
        &[&assess[..], &["--out", "report.json"]].concat(),
    );
    assert!(
        told.stderr.contains("map_confidence.tif"),
        "{}",
        told.stderr
    );
    told.done();
}

/// The window's side of the pipe must survive its worker: the job fails with a reason and the next one runs.
#[cfg(unix)]
#[test]
fn a_worker_killed_in_mid_job() {
    use std::sync::Arc;
    use std::time::{Duration, Instant};
    use terroir_engine::{EmbedSpec, Event, JobSpec, WorkerLink};

    let folder = TempDir::new().unwrap();
    let spec = |scene: PathBuf, model: &str, out: &str| {
        JobSpec::Embed(EmbedSpec {
            scene,
            model: model.into(),
            weights: None,
            device: "cpu".into(),
            out: folder.path().join(out),
            wavelengths_nm: Vec::new(),
            bands: Vec::new(),
            seed: 0,
            aoi: None,
        })
    };
    let mut link = WorkerLink::new(terroir().to_path_buf(), Arc::new(|| {}));
    let wait = |link: &mut WorkerLink, what: &str, found: &mut dyn FnMut(&Event) -> bool| {
        let start = Instant::now();
        loop {
            if link.drain().iter().any(&mut *found) {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "waited in vain for {what}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let aerial = sample().join("m_4709963_se_14_1_20160816_5m.tif");
    let long = link.run(spec(aerial, "dofa-base", "long.tif"));
    wait(&mut link, "progress", &mut |event| {
        matches!(event, Event::Progress { .. })
    });
    let worker = link.process_id().unwrap();
    crate::program::signal("KILL", worker);
    let mut reason = String::new();
    wait(&mut link, "the failure", &mut |event| match event {
        Event::Failed { id, failure } if *id == long => {
            reason = failure.what.clone();
            true
        }
        _ => false,
    });
    assert!(
        reason.contains('9') || reason.to_lowercase().contains("kill"),
        "{reason}"
    );
    assert!(!folder.path().join("long.tif").exists());
    let next = link.run(spec(scene(), "dofa-tiny", "next.tif"));
    wait(
        &mut link,
        "the next job",
        &mut |event| matches!(event, Event::Finished { id, .. } if *id == next),
    );
    assert!(folder.path().join("next.tif").is_file());
}

/// A worker that hangs in the middle of a job is ended when the job is cancelled, and the next job runs.
#[cfg(unix)]
#[test]
fn a_worker_that_hangs_in_mid_job() {
    use std::sync::Arc;

    use crate::worker::wait_for;
    use terroir_engine::{EmbedSpec, Event, JobSpec, WorkerLink};

    let folder = TempDir::new().unwrap();
    let spec = |scene: PathBuf, out: &str| {
        JobSpec::Embed(EmbedSpec {
            scene,
            model: "dofa-tiny".into(),
            weights: None,
            device: "cpu".into(),
            out: folder.path().join(out),
            wavelengths_nm: Vec::new(),
            bands: Vec::new(),
            seed: 0,
            aoi: None,
        })
    };
    let mut link = WorkerLink::new(terroir().to_path_buf(), Arc::new(|| {}));
    let aerial = sample().join("m_4709963_se_14_1_20160816_5m.tif");
    let long = link.run(spec(aerial, "long.tif"));
    wait_for(&mut link, 120, |event| {
        matches!(event, Event::Progress { .. })
    });
    let worker = link.process_id().unwrap();
    crate::program::signal("STOP", worker);
    link.cancel(long);
    wait_for(
        &mut link,
        60,
        |event| matches!(event, Event::Cancelled { id } if *id == long),
    );
    assert!(!folder.path().join("long.tif").exists());
    let next = link.run(spec(scene(), "next.tif"));
    wait_for(
        &mut link,
        120,
        |event| matches!(event, Event::Finished { id, .. } if *id == next),
    );
    assert_ne!(link.process_id(), Some(worker));
    assert!(folder.path().join("next.tif").is_file());
}

#[test]
fn no_gpu_at_all() {
    let folder = TempDir::new().unwrap();
    let without = |arguments: &[&str]| -> crate::program::Run {
        let mut command = command(folder.path(), arguments);
        for name in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
            command.env(name, "/nonexistent/driver.json");
        }
        command
            .env("WGPU_BACKEND", "vulkan")
            .output()
            .unwrap()
            .into()
    };
    let devices = without(&["devices", "--json"]).json();
    assert!(
        devices
            .as_array()
            .unwrap()
            .iter()
            .any(|device| device["name"] == "cpu"),
        "{devices}"
    );
    // Asked for nothing special: the CPU does it. Asked for a GPU by name: the list of what there is.
    without(&["embed", text(&scene()), "--out", "auto.tif"]).done();
    let named = without(&[
        "embed",
        text(&scene()),
        "--device",
        "GeForce 9999",
        "--out",
        "named.tif",
    ]);
    if named.code != Some(0) {
        named.failed(1, &["GeForce 9999", "cpu"]);
    } else {
        assert!(
            named.stderr.contains("GeForce 9999"),
            "the fallback is not told: {}",
            named.stderr
        );
    }
    without(&["render", text(&scene()), "--out", "a.png"]).done();
}

#[cfg(target_os = "linux")]
#[test]
fn no_display() {
    let folder = TempDir::new().unwrap();
    let mut window = command(folder.path(), &[text(&scene())]);
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        window.env_remove(name);
    }
    let told: crate::program::Run = window.output().unwrap().into();
    told.failed(1, &["display", "terroir demo"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = command(Path::new("/"), &["info", text(&scene()), "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).as_ref()
        ),
        (Some(0), "")
    );
}
