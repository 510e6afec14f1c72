//! Jobs from scene to report on real and on small made-up scenes.

use std::path::{Path, PathBuf};

use terroir_engine::{
    AssessSpec, EmbedSpec, Event, Failure, JobSpec, Outcome, PredictSpec, TrainSpec,
    confidence_path, reproduce_spec, run_here, working_folder_of,
};
use terroir_scene::{
    FIELD_AXES, Grid, HeadKind, LinearHead, MapKind, MapWriter, Raster, Resampling,
    decode_planar_pixel,
};

/// Folder of the real scenes; the test is skipped, and says so, where it is not there.
fn data(folder: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("TERROIR_SHARED").map_or_else(
        || Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")).to_owned(),
        PathBuf::from,
    );
    let path = shared.join("data").join(folder);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: no {} (set TERROIR_SHARED)", path.display());
    None
}

fn embed_spec(scene: &Path, out: &Path) -> EmbedSpec {
    EmbedSpec {
        scene: scene.to_owned(),
        model: "dofa-tiny".to_owned(),
        weights: None,
        device: "cpu".to_owned(),
        out: out.to_owned(),
        wavelengths_nm: Vec::new(),
        bands: Vec::new(),
        seed: 0,
        aoi: None,
    }
}

fn run(spec: JobSpec) -> Result<Outcome, Failure> {
    run_here(&spec, &mut |_| {}, &|| false)
}

fn embed(spec: &EmbedSpec) -> Result<Outcome, Failure> {
    run(JobSpec::Embed(spec.clone()))
}

/// A float raster without a place; `value(band, col, row)`.
fn write_scene(
    path: &Path,
    width: usize,
    height: usize,
    bands: usize,
    value: impl Fn(usize, usize, usize) -> f32,
) {
    let grid = Grid {
        width,
        height,
        georef: Default::default(),
    };
    let names = (0..bands)
        .map(|band| (format!("layer {band}"), String::new()))
        .collect();
    let mut writer = MapWriter::create(
        path,
        &grid,
        MapKind::Continuous {
            bands: names,
            ramp: "viridis".to_owned(),
        },
    )
    .unwrap();
    let values: Vec<f32> = (0..bands)
        .flat_map(|band| {
            (0..height).flat_map(move |row| (0..width).map(move |col| (band, col, row)))
        })
        .map(|(band, col, row)| value(band, col, row))
        .collect();
    writer.write_floats(grid.window(), &values).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

fn codes(path: &Path) -> (Vec<i8>, Grid) {
    let raster = Raster::open(path).unwrap();
    let grid = raster.info().grid.clone();
    assert!(raster.info().is_field(), "{} is no field", path.display());
    (
        raster
            .read_codes_blocking(grid.window(), grid.width, grid.height)
            .unwrap(),
        grid,
    )
}

const FOUR_NM: [(usize, f64); 4] = [(0, 650.0), (1, 560.0), (2, 480.0), (3, 842.0)];

#[test]
fn scenes_smaller_than_a_window_get_a_field_of_their_own_size() {
    let folder = tempfile::tempdir().unwrap();
    for (width, height) in [(2, 1), (5, 3), (57, 9)] {
        let (scene, out) = (
            folder.path().join("scene.tif"),
            folder.path().join(format!("field{width}.tif")),
        );
        write_scene(&scene, width, height, 4, |band, col, row| {
            (band * 7 + col * 3 + row * 5) as f32
        });
        let spec = EmbedSpec {
            wavelengths_nm: FOUR_NM.to_vec(),
            ..embed_spec(&scene, &out)
        };
        embed(&spec).unwrap();
        let (codes, grid) = codes(&out);
        assert_eq!((grid.width, grid.height), (width, height));
        for at in 0..width * height {
            let unit =
                decode_planar_pixel(&codes, width * height, at).expect("every pixel has data");
            assert!((unit.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-4);
        }
        assert!(
            !working_folder_of(&out).exists(),
            "the working folder is left behind"
        );
    }
}

#[test]
fn a_scene_without_contrast_or_wavelengths_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, out) = (
        folder.path().join("scene.tif"),
        folder.path().join("field.tif"),
    );
    write_scene(&scene, 8, 8, 5, |band, col, row| (band + col * row) as f32);
    let failure = embed(&embed_spec(&scene, &out)).unwrap_err();
    assert!(
        failure
            .what
            .contains("no band of this scene has a wavelength"),
        "{failure}"
    );
    write_scene(&scene, 8, 8, 4, |_, _, _| 3.0);
    let flat = EmbedSpec {
        wavelengths_nm: FOUR_NM.to_vec(),
        ..embed_spec(&scene, &out)
    };
    let failure = embed(&flat).unwrap_err();
    assert!(failure.what.contains("single value"), "{failure}");
    write_scene(&scene, 8, 8, 4, |_, _, _| f32::NAN);
    let failure = embed(&flat).unwrap_err();
    assert!(failure.what.contains("nodata"), "{failure}");
    let failure = embed(&EmbedSpec {
        model: "dofa-giant".to_owned(),
        ..flat.clone()
    })
    .unwrap_err();
    assert!(
        failure.what.contains("nodata") || failure.what.contains("dofa-tiny"),
        "{failure}"
    );
    assert!(!working_folder_of(&out).exists() && !out.exists());
}

#[test]
fn radar_becomes_a_field_and_thermal_beyond_the_model_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, out) = (
        folder.path().join("scene.tif"),
        folder.path().join("field.tif"),
    );
    write_scene(&scene, 20, 10, 3, |band, col, row| {
        (band * 7 + col * 3 + row * 5) as f32
    });
    let spec = EmbedSpec {
        wavelengths_nm: vec![(0, 55_500_000.0), (1, 55_500_000.0), (2, 30_000.0)],
        ..embed_spec(&scene, &out)
    };
    let outcome = embed(&spec).unwrap();
    let is_said = |text: &str| outcome.warnings.iter().any(|warning| warning == text);
    assert!(
        is_said(
            "radar bands layer 0, layer 1 are given to the model as its radar placeholder of 3.75 µm"
        ) && is_said(
            "left out of the model, because they lie beyond the wavelengths the model knows: layer 2"
        ),
        "{:?}",
        outcome.warnings
    );
    let failure = embed(&EmbedSpec {
        bands: vec![2],
        ..spec
    })
    .unwrap_err();
    assert!(
        failure.what.contains("beyond the wavelengths") && failure.what.contains("layer 2"),
        "{failure}"
    );
}

/// Blocks end at column 256 and windows every 42 pixels: neither may show.
#[test]
fn no_step_shows_where_windows_or_blocks_meet() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, out) = (
        folder.path().join("scene.tif"),
        folder.path().join("field.tif"),
    );
    let (width, height) = (300, 60);
    write_scene(&scene, width, height, 4, |band, col, row| {
        let (x, y) = (col as f32 * 0.05, row as f32 * 0.08);
        (x + band as f32).sin() + (y - band as f32 * 0.5).cos() + 0.3 * (x * y).sin()
    });
    embed(&EmbedSpec {
        wavelengths_nm: FOUR_NM.to_vec(),
        ..embed_spec(&scene, &out)
    })
    .unwrap();
    let (codes, _) = codes(&out);
    let unit = |col: usize, row: usize| {
        decode_planar_pixel(&codes, width * height, row * width + col).unwrap()
    };
    let step = |col: usize| -> f32 {
        (0..height)
            .map(|row| {
                unit(col, row)
                    .iter()
                    .zip(unit(col + 1, row))
                    .map(|(a, b)| (a - b).powi(2))
                    .sum::<f32>()
                    .sqrt()
            })
            .sum::<f32>()
            / height as f32
    };
    let steps: Vec<f32> = (0..width - 1).map(step).collect();
    for col in 3..width - 4 {
        let around = (steps[col - 3] + steps[col - 2] + steps[col + 2] + steps[col + 3]) / 4.0;
        assert!(
            steps[col] < 1.6 * around + 0.01,
            "a step of {} at column {col}, {around} around it",
            steps[col]
        );
    }
}

/// Sixty bands 15 nm apart: five lie where water vapour swallows the light.
#[test]
fn bands_in_water_vapour_are_left_out_unless_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, out) = (
        folder.path().join("scene.tif"),
        folder.path().join("field.tif"),
    );
    write_scene(&scene, 16, 16, 60, |band, col, row| {
        (band + 1) as f32 * ((col * 7 + row * 3) % 11) as f32
    });
    let wavelengths_nm = (0..60).map(|at| (at, 800.0 + 15.0 * at as f64));
    let spec = EmbedSpec {
        wavelengths_nm: wavelengths_nm.collect(),
        ..embed_spec(&scene, &out)
    };
    let bands = || {
        let path = terroir_engine::projection_path(&out);
        terroir_engine::Projection::load(&path).unwrap().bands
    };
    let outcome = embed(&spec).unwrap();
    let is_said = |outcome: &Outcome| outcome.warnings.iter().any(|text| text.contains("vapour"));
    assert!(is_said(&outcome), "{:?}", outcome.warnings);
    let used = bands();
    assert_eq!(used.len(), 55);
    assert!(
        used.iter()
            .all(|band| !(1350.0..1430.0).contains(&band.wavelength_nm))
    );
    let asked = EmbedSpec {
        bands: (0..60).collect(),
        ..spec
    };
    assert!(!is_said(&embed(&asked).unwrap()));
    assert_eq!(bands().len(), 60);
}

#[test]
fn a_hyperspectral_scene_keeps_its_nodata_and_drops_its_bands_in_water_vapour() {
    let Some(folder) = data("enmap_potsdam") else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("field.tif");
    let scene = folder.join("enmap_potsdam.tif");
    let outcome = embed(&embed_spec(&scene, &out)).unwrap();
    assert!(
        outcome
            .warnings
            .iter()
            .any(|text| text.contains("water vapour")),
        "{:?}",
        outcome.warnings
    );
    let raster = Raster::open(&scene).unwrap();
    let grid = raster.info().grid.clone();
    let red = raster
        .read_blocking(
            &[47],
            grid.window(),
            grid.width,
            grid.height,
            Resampling::Nearest,
        )
        .unwrap();
    let (codes, field_grid) = codes(&out);
    assert!(grid.same_as(&field_grid));
    let pixels = grid.width * grid.height;
    let differing = (0..pixels)
        .filter(|at| red.valid[*at] != decode_planar_pixel(&codes, pixels, *at).is_some())
        .count();
    assert!(
        differing * 1000 < pixels,
        "{differing} of {pixels} pixels differ in validity"
    );
    // The projection lies beside the field and is named in it.
    let projection =
        terroir_engine::Projection::load(&terroir_engine::projection_path(&out)).unwrap();
    assert_eq!(projection.components.len(), FIELD_AXES - 1);
    let model = Raster::open(&out)
        .unwrap()
        .info()
        .metadata
        .iter()
        .find(|(key, _)| key == "TERROIR_MODEL")
        .unwrap()
        .1
        .clone();
    assert!(
        model.contains("untrained") && model.contains(&projection.sha256().unwrap()),
        "{model}"
    );
}

#[test]
fn from_scene_to_report() {
    let Some(folder) = data("s2_amazon") else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let labels = folder.join("labels.geojson");
    let nm = [
        442.7, 492.4, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 945.1, 1613.7, 2202.4,
    ];
    let spec = EmbedSpec {
        wavelengths_nm: nm.iter().copied().enumerate().collect(),
        ..embed_spec(&folder.join("s2_amazon.tif"), &path("field.tif"))
    };
    let mut tiles = 0;
    run_here(
        &JobSpec::Embed(spec),
        &mut |event| tiles += usize::from(matches!(event, Event::Tile { .. })),
        &|| false,
    )
    .unwrap();
    assert_eq!(tiles, 1);

    let train = TrainSpec {
        class_weights: Vec::new(),
        neighbours: None,
        field: path("field.tif"),
        labels: labels.clone(),
        class_attribute: Some("class_name".to_owned()),
        kind: HeadKind::Logistic,
        out: path("head.json"),
        folds: 3,
        seed: 0,
    };
    let mut metrics = Vec::new();
    let outcome = run_here(
        &JobSpec::Train(train.clone()),
        &mut |event| {
            if let Event::Metric { name, value, .. } = event {
                metrics.push((name, value));
            }
        },
        &|| false,
    )
    .unwrap();
    let overall = outcome
        .metrics
        .iter()
        .find(|(name, _)| name == "overall_accuracy")
        .unwrap()
        .1;
    assert!(overall > 0.7, "{overall}");
    assert!(metrics.iter().any(|(name, _)| name == "overall_accuracy"));
    let head = LinearHead::load(&path("head.json")).unwrap();
    assert_eq!(head.classes.len(), 4);
    assert!(head.provenance.contains_key("cross_validation"));

    let predict = PredictSpec {
        probabilities: true,
        uncertainty: None,
        field: path("field.tif"),
        head: path("head.json"),
        out: path("map.tif"),
        aoi: None,
    };
    let outcome = run(JobSpec::Predict(predict)).unwrap();
    assert_eq!(outcome.files[0], path("map.tif"));
    assert!(outcome.files.contains(&confidence_path(&path("map.tif"))));
    let map = Raster::open(&path("map.tif")).unwrap();
    assert!(map.info().is_class_map());
    // The most probable class is the map's, its probability the confidence, and all of them add up to one.
    let probabilities = path("map_probabilities.tif");
    assert!(outcome.files.contains(&probabilities));
    let window = map.info().grid.window();
    let read = |path: &Path| {
        let raster = Raster::open(path).unwrap();
        let bands: Vec<usize> = (0..raster.info().bands.len()).collect();
        let (width, height) = (window.width, window.height);
        raster
            .read_blocking(&bands, window, width, height, Resampling::Nearest)
            .unwrap()
    };
    let (shares, classes) = (
        read(probabilities.as_path()),
        read(path("map.tif").as_path()),
    );
    let confidence = read(confidence_path(&path("map.tif")).as_path());
    let count = window.width * window.height;
    assert_eq!(shares.values.len(), head.classes.len() * count);
    for at in (0..count).filter(|at| classes.valid[*at]) {
        let of = |class: usize| shares.values[class * count + at];
        let sum: f32 = (0..head.classes.len()).map(of).sum();
        assert!((sum - 200.0).abs() <= head.classes.len() as f32, "{sum}");
        let own = head
            .classes
            .iter()
            .position(|class| f32::from(class.id) == classes.values[at])
            .unwrap();
        assert!((0..head.classes.len()).all(|class| of(class) <= of(own)));
        assert!((of(own) - confidence.values[at]).abs() <= 1.0);
    }
    assert!(
        map.info().grid.same_as(
            &Raster::open(&folder.join("s2_amazon.tif"))
                .unwrap()
                .info()
                .grid
        )
    );

    let assess = AssessSpec {
        map: path("map.tif"),
        reference: labels,
        class_attribute: Some("class_name".to_owned()),
        is_stratified_sample: false,
        scene: None,
        with_kappa: false,
        out: path("report.json"),
    };
    let outcome = run(JobSpec::Assess(assess)).unwrap();
    assert!(
        outcome
            .metrics
            .iter()
            .find(|(name, _)| name == "overall_accuracy")
            .unwrap()
            .1
            > 0.95,
        "{:?}",
        outcome.metrics
    );
    assert!(
        outcome.warnings.iter().any(|text| text.contains("flatter")),
        "{:?}",
        outcome.warnings
    );
    for name in [
        "report.json",
        "report.html",
        "report_confusion.csv",
        "report_per_class.csv",
    ] {
        assert!(path(name).exists(), "{name}");
    }

    let jobs = reproduce_spec(&path("map.tif")).unwrap();
    assert!(
        matches!(
            jobs.as_slice(),
            [JobSpec::Embed(_), JobSpec::Train(_), JobSpec::Predict(_)]
        ),
        "{jobs:?}"
    );
    let unlabelled = TrainSpec {
        class_attribute: Some("no_such_thing".to_owned()),
        ..train
    };
    let failure = run(JobSpec::Train(unlabelled)).unwrap_err();
    assert!(failure.what.contains("no_such_thing"), "{failure}");
}

#[test]
fn a_scene_is_no_field() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.tif");
    write_scene(&scene, 4, 4, 4, |band, col, row| (band + col + row) as f32);
    let spec = PredictSpec {
        probabilities: false,
        uncertainty: None,
        field: scene,
        head: "head.json".into(),
        out: folder.path().join("map.tif"),
        aoi: None,
    };
    let failure = run(JobSpec::Predict(spec)).unwrap_err();
    assert!(failure.what.contains("not a field"), "{failure}");
}

#[cfg(unix)]
mod in_a_process {
    use super::*;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use terroir_engine::WorkerLink;

    use crate::worker::{real_worker, wait_for};

    fn big_scene(folder: &Path) -> PathBuf {
        let scene = folder.join("scene.tif");
        write_scene(&scene, 520, 300, 4, |band, col, row| {
            let (x, y) = (col as f32 * 0.11, row as f32 * 0.07);
            (x * (band + 1) as f32).sin()
                + y.cos() * band as f32
                + ((col * 31 + row * 17) % 13) as f32 * 0.05
        });
        scene
    }

    #[test]
    fn an_embed_job_killed_in_the_middle_goes_on_and_ends_with_the_same_field() {
        let folder = tempfile::tempdir().unwrap();
        let scene = big_scene(folder.path());
        let straight = EmbedSpec {
            wavelengths_nm: FOUR_NM.to_vec(),
            ..embed_spec(&scene, &folder.path().join("straight.tif"))
        };
        embed(&straight).unwrap();

        let broken = EmbedSpec {
            out: folder.path().join("broken.tif"),
            ..straight.clone()
        };
        let mut link = WorkerLink::new(real_worker(folder.path()), Arc::new(|| {}));
        link.run(JobSpec::Embed(broken.clone()));
        wait_for(&mut link, 120, |event| matches!(event, Event::Tile { .. }));
        let pid = link.process_id().unwrap();
        crate::program::signal("KILL", pid);
        wait_for(
            &mut link,
            10,
            |event| matches!(event, Event::Failed { failure, .. } if failure.what.contains("signal 9")),
        );
        assert!(working_folder_of(&broken.out).exists() && !broken.out.exists());

        let again = link.run(JobSpec::Embed(broken.clone()));
        let mut resumed = false;
        wait_for(&mut link, 120, |event| {
            resumed |=
                matches!(event, Event::Warning { text, .. } if text.contains("interrupted run"));
            assert!(!matches!(event, Event::Failed { .. }), "{event:?}");
            matches!(event, Event::Finished { id, .. } if *id == again)
        });
        assert!(resumed);
        assert!(
            codes(&straight.out).0 == codes(&broken.out).0,
            "the fields differ"
        );
        assert!(!working_folder_of(&broken.out).exists());
    }

    #[test]
    fn a_cancelled_embed_job_stops_in_half_a_second_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let scene = big_scene(folder.path());
        let spec = EmbedSpec {
            wavelengths_nm: FOUR_NM.to_vec(),
            ..embed_spec(&scene, &folder.path().join("field.tif"))
        };
        let mut link = WorkerLink::new(real_worker(folder.path()), Arc::new(|| {}));
        let id = link.run(JobSpec::Embed(spec.clone()));
        wait_for(
            &mut link,
            120,
            |event| matches!(event, Event::Progress { stage, done, .. } if stage == "embedding" && *done > 0),
        );
        let pid = link.process_id();
        let clock = Instant::now();
        link.cancel(id);
        wait_for(&mut link, 5, |event| {
            matches!(event, Event::Cancelled { .. })
        });
        assert!(
            clock.elapsed() < Duration::from_millis(700),
            "{:?}",
            clock.elapsed()
        );
        assert_eq!(link.process_id(), pid, "it had to be killed");
        assert!(!working_folder_of(&spec.out).exists() && !spec.out.exists());
    }
}
