//! Fine-tuning jobs and maps of fine-tuned models on small made-up scenes: every task and mode, few labels, resuming, and the
//! same numbers from the worker.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use terroir_engine::{
    Augmentations, ClassWeights, Event, Failure, FinetuneSpec, JobSpec, MapSceneSpec, Outcome,
    PatchLabel, TuneMode, TuneTask, TunedAbout, confidence_path, reproduce_spec, run_here,
};
use terroir_scene::{Class, Grid, MapKind, MapWriter, Raster, Resampling, class_color};

const NM: [(usize, f64); 4] = [(0, 650.0), (1, 560.0), (2, 480.0), (3, 842.0)];
const WIDTH: usize = 120;
const HEIGHT: usize = 100;

fn grid() -> Grid {
    Grid {
        width: WIDTH,
        height: HEIGHT,
        georef: Default::default(),
    }
}

/// Three classes in patches of 20 pixels a side.
fn class_at(col: usize, row: usize) -> u8 {
    ((col / 20 + 2 * (row / 20)) % 3 + 1) as u8
}

fn noise(at: usize) -> f32 {
    ((at * 7919 % 1009) as f32 / 1009.0 - 0.5) * 0.6
}

/// Bands whose mean tells the class, with noise over it.
fn write_scene(path: &Path) {
    let names = (0..4).map(|band| (format!("layer {band}"), String::new()));
    let kind = MapKind::Continuous {
        bands: names.collect(),
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(path, &grid(), kind).unwrap();
    let values: Vec<f32> = (0..4 * WIDTH * HEIGHT)
        .map(|at| {
            let (band, pixel) = (at / (WIDTH * HEIGHT), at % (WIDTH * HEIGHT));
            let class = usize::from(class_at(pixel % WIDTH, pixel / WIDTH));
            let own = [
                [1.0, 0.2, 0.3, 0.1],
                [0.2, 1.0, 0.1, 0.6],
                [0.1, 0.3, 1.0, 1.2],
            ];
            own[class - 1][band] + noise(at)
        })
        .collect();
    writer.write_floats(grid().window(), &values).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

fn classes() -> Vec<Class> {
    [(1, "field"), (2, "forest"), (3, "water")]
        .map(|(id, name)| Class {
            id,
            name: name.to_owned(),
            color: class_color(id),
        })
        .to_vec()
}

/// Labels where `is_labelled`.
fn write_labels(path: &Path, is_labelled: impl Fn(usize, usize) -> bool) {
    let mut writer = MapWriter::create(path, &grid(), MapKind::Classes(classes())).unwrap();
    let codes: Vec<u8> = (0..WIDTH * HEIGHT)
        .map(|at| match is_labelled(at % WIDTH, at / WIDTH) {
            true => class_at(at % WIDTH, at / WIDTH),
            false => 0,
        })
        .collect();
    writer.write_bytes(grid().window(), &codes).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        write_scene(&place.path("scene.tif"));
        // Every third pixel, away from the edges of the patches.
        write_labels(&place.path("labels.tif"), |col, row| {
            (col + row) % 3 == 0 && (2..18).contains(&(col % 20)) && (2..18).contains(&(row % 20))
        });
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn spec(&self, task: TuneTask, mode: TuneMode, out: &str) -> FinetuneSpec {
        FinetuneSpec {
            scene: self.path("scene.tif"),
            labels: self.path("labels.tif"),
            class_attribute: None,
            task,
            mode,
            model: "dofa-tiny".to_owned(),
            weights: None,
            device: "cpu".to_owned(),
            out: self.path(out),
            wavelengths_nm: NM.to_vec(),
            bands: Vec::new(),
            window_px: Some(28),
            steps: 6,
            batch: 2,
            learning_rate: None,
            class_weights: ClassWeights::Balanced,
            patch_label: PatchLabel::Majority,
            augment: Augmentations::default(),
            folds: 4,
            check_every: 3,
            patience: 0,
            seed: 0,
            resume: false,
        }
    }

    pub(crate) fn map(&self, model: &str, out: &str) -> MapSceneSpec {
        MapSceneSpec {
            scene: self.path("scene.tif"),
            model_file: self.path(model),
            device: "cpu".to_owned(),
            out: self.path(out),
            wavelengths_nm: NM.to_vec(),
            aoi: None,
        }
    }
}

fn run(spec: JobSpec) -> Result<Outcome, Failure> {
    run_here(&spec, &mut |_| {}, &|| false)
}

fn tune(spec: &FinetuneSpec) -> Result<Outcome, Failure> {
    run(JobSpec::Finetune(spec.clone()))
}

fn metric(outcome: &Outcome, name: &str) -> f64 {
    let found = outcome.metrics.iter().find(|(known, _)| known == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {outcome:?}"))
        .1
}

fn values(path: &Path) -> Vec<f32> {
    let raster = Raster::open(path).unwrap();
    let grid = raster.info().grid.clone();
    let block = raster
        .read_blocking(
            &[0],
            grid.window(),
            grid.width,
            grid.height,
            Resampling::Nearest,
        )
        .unwrap();
    block.values
}

/// Share of the map's pixels that hold the true class.
fn right(map: &Path) -> f64 {
    let found = values(map);
    let hits = (0..WIDTH * HEIGHT)
        .filter(|at| found[*at] as u8 == class_at(at % WIDTH, at / WIDTH))
        .count();
    hits as f64 / found.len() as f64
}

#[test]
fn a_probe_learns_the_classes_and_maps_the_scene() {
    let place = Place::new();
    let spec = FinetuneSpec {
        steps: 60,
        check_every: 20,
        ..place.spec(TuneTask::Pixels, TuneMode::Probe, "probe.safetensors")
    };
    let mut curve = BTreeMap::<String, usize>::new();
    let mut on_event = |event: Event| {
        if let Event::Metric { name, .. } = event {
            *curve.entry(name).or_default() += 1;
        }
    };
    let outcome = run_here(&JobSpec::Finetune(spec.clone()), &mut on_event, &|| false).unwrap();
    // What a window draws its curves of.
    assert_eq!(
        (curve["loss"], curve["validation_macro_f1"]),
        (60, 3),
        "{curve:?}"
    );
    assert!(curve.contains_key("validation_iou water") && curve.contains_key("learning_rate"));
    assert!(metric(&outcome, "overall_accuracy") > 0.7, "{outcome:?}");

    let about = TunedAbout::of_file(&spec.out).unwrap();
    let names: Vec<&str> = about
        .classes
        .iter()
        .map(|class| class.name.as_str())
        .collect();
    assert_eq!(names, ["field", "forest", "water"]);
    assert!(!about.was_pretrained && about.encoder.contains("untrained"));
    assert_eq!(about.job, JobSpec::Finetune(spec));
    assert!(about.labels["validation_pixels"]["water"].as_u64().unwrap() > 0);

    let map = place.map("probe.safetensors", "map.tif");
    let outcome = run(JobSpec::MapScene(map.clone())).unwrap();
    assert_eq!(metric(&outcome, "pixels") as usize, WIDTH * HEIGHT);
    let right = right(&map.out);
    eprintln!("probe: {:.1} % of the map right", 100.0 * right);
    assert!(right > 0.7, "{right}");
    let shares = values(&confidence_path(&map.out));
    assert!(shares.iter().all(|share| (66.0..=200.0).contains(share)));
    let jobs = reproduce_spec(&map.out).unwrap();
    assert!(
        matches!(
            jobs.as_slice(),
            [JobSpec::Finetune(_), JobSpec::MapScene(_)]
        ),
        "{jobs:?}"
    );
}

#[test]
fn every_mode_and_task_trains_and_maps() {
    let place = Place::new();
    let lora = TuneMode::Lora {
        rank: 4,
        alpha: 8.0,
    };
    for (task, mode, name) in [
        (TuneTask::Pixels, TuneMode::Frozen, "frozen"),
        (TuneTask::Pixels, lora, "lora"),
        (TuneTask::Patches, TuneMode::LastBlocks(1), "patches"),
        (TuneTask::Values, TuneMode::Probe, "values"),
        (TuneTask::Values, TuneMode::Full, "all values"),
    ] {
        let model = format!("{name}.safetensors");
        let mut spec = place.spec(task, mode, &model);
        spec.augment.drop_bands = 0.5;
        if task == TuneTask::Values {
            // The scene's own first band is what is to be found.
            spec.labels = place.path("scene.tif");
        }
        tune(&spec).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        let map = place.map(&model, &format!("{name}.tif"));
        run(JobSpec::MapScene(map.clone())).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        let found = values(&map.out);
        assert_eq!(found.len(), WIDTH * HEIGHT);
        if task == TuneTask::Values {
            assert!(found.iter().all(|value| value.is_finite()), "{name}");
            assert!(!confidence_path(&map.out).exists());
        } else {
            assert!(
                found.iter().all(|class| (1.0..=3.0).contains(class)),
                "{name}"
            );
        }
    }
}

#[test]
fn few_labels_end_in_a_model_or_in_words() {
    let place = Place::new();
    let with = |name: &str, is_labelled: &dyn Fn(usize, usize) -> bool, task| {
        let labels = place.path(&format!("{name}.tif"));
        write_labels(&labels, is_labelled);
        let spec = FinetuneSpec {
            labels,
            steps: 2,
            check_every: 1,
            ..place.spec(task, TuneMode::Probe, &format!("{name}.safetensors"))
        };
        tune(&spec)
    };
    for task in [TuneTask::Pixels, TuneTask::Patches] {
        let failure = with("one", &|col, row| (col, row) == (5, 5), task).unwrap_err();
        assert!(failure.what.contains("one class only"), "{failure}");
        let two = |col: usize, row: usize| row == 10 && (col == 10 || col == 30);
        let outcome = with("two", &two, task).unwrap();
        assert!(
            outcome
                .warnings
                .iter()
                .any(|text| text.contains("few labelled pixels")),
            "{outcome:?}"
        );
        let corner = |col: usize, row: usize| col < 24 && row < 4;
        let outcome = with("corner", &corner, task).unwrap();
        assert!(place.path("corner.safetensors").exists(), "{outcome:?}");
    }
    let none = with("none", &|_, _| false, TuneTask::Pixels).unwrap_err();
    assert!(none.what.contains("labelled pixel"), "{none}");
    // One point with a value, and two with the same.
    for (name, text) in [
        ("point.csv", "x,y,value\n5.5,-5.5,0.3\n"),
        ("equal.csv", "x,y,value\n5.5,-5.5,0.3\n60.5,-60.5,0.3\n"),
    ] {
        std::fs::write(place.path(name), text).unwrap();
        let spec = FinetuneSpec {
            labels: place.path(name),
            ..place.spec(TuneTask::Values, TuneMode::Probe, "v.safetensors")
        };
        let failure = tune(&spec).unwrap_err();
        assert!(failure.what.contains("same value"), "{name}: {failure}");
    }
    std::fs::write(
        place.path("two.csv"),
        "x,y,value\n5.5,-5.5,0.3\n60.5,-60.5,0.7\n",
    )
    .unwrap();
    let spec = FinetuneSpec {
        labels: place.path("two.csv"),
        ..place.spec(TuneTask::Values, TuneMode::Probe, "v.safetensors")
    };
    if let Err(failure) = tune(&spec) {
        assert!(failure.what.contains("same value"), "{failure}");
    }
}

#[test]
fn a_stopped_run_goes_on_to_the_same_numbers() {
    let place = Place::new();
    let lora = TuneMode::Lora {
        rank: 2,
        alpha: 4.0,
    };
    for (mode, name) in [(TuneMode::Frozen, "frozen"), (lora, "lora")] {
        let straight = place.spec(TuneTask::Pixels, mode, &format!("{name} a.safetensors"));
        tune(&straight).unwrap();
        let broken = place.spec(TuneTask::Pixels, mode, &format!("{name} b.safetensors"));
        let steps = std::cell::Cell::new(0);
        let mut on_event = |event: Event| {
            if matches!(event, Event::Metric { name, .. } if name == "loss") {
                steps.set(steps.get() + 1);
            }
        };
        let job = JobSpec::Finetune(broken.clone());
        run_here(&job, &mut on_event, &|| steps.get() >= 4).unwrap_err();
        assert!(!broken.out.exists());
        // Beginning anew would lose what is there.
        assert!(tune(&broken).unwrap_err().what.contains("resume"));
        let resumed = FinetuneSpec {
            resume: true,
            ..broken.clone()
        };
        tune(&resumed).unwrap();
        let losses = |spec: &FinetuneSpec| -> Vec<f64> {
            let folder = spec.out.with_extension("run");
            let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
            text.lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
                .map(|line| line["loss"].as_f64().unwrap())
                .collect()
        };
        assert_eq!(losses(&straight), losses(&broken), "{name}");
        let maps = [&straight, &broken].map(|spec| {
            let model = spec.out.file_name().unwrap().to_str().unwrap();
            let map = place.map(model, "m.tif");
            run(JobSpec::MapScene(map.clone())).unwrap();
            (values(&map.out), values(&confidence_path(&map.out)))
        });
        assert!(maps[0] == maps[1], "{name}: the maps differ");
        // What only a run that goes on needs is gone.
        assert!(
            !broken
                .out
                .with_extension("run")
                .join("checkpoint.bpk")
                .exists()
        );
    }
}

#[test]
fn wrong_input_is_said_in_words() {
    let place = Place::new();
    let spec = place.spec(TuneTask::Pixels, TuneMode::Probe, "m.safetensors");
    let said = |spec: FinetuneSpec| tune(&spec).unwrap_err().what;
    let zero = FinetuneSpec {
        steps: 0,
        ..spec.clone()
    };
    assert!(said(zero).contains("at least one step"));
    let rank = FinetuneSpec {
        mode: TuneMode::Lora {
            rank: 0,
            alpha: 1.0,
        },
        ..spec.clone()
    };
    assert!(said(rank).contains("rank"));
    let weights = FinetuneSpec {
        class_weights: ClassWeights::Given(vec![("swamp".to_owned(), 2.0)]),
        ..spec.clone()
    };
    assert!(said(weights).contains("field, forest, water"));
    let same = FinetuneSpec {
        out: spec.labels.clone(),
        ..spec.clone()
    };
    assert!(said(same).contains("overwrite"));

    let map = place.map("scene.tif", "map.tif");
    let failure = run(JobSpec::MapScene(map)).unwrap_err();
    assert!(failure.what.contains("not a fine-tuned model"), "{failure}");
    tune(&spec).unwrap();
    let other = MapSceneSpec {
        wavelengths_nm: vec![(0, 11_000.0), (1, 560.0)],
        ..place.map("m.safetensors", "map.tif")
    };
    let failure = run(JobSpec::MapScene(other)).unwrap_err();
    assert!(failure.what.contains("missing: "), "{failure}");
    assert!(!place.path("map.tif").exists());
}

#[cfg(unix)]
#[test]
fn the_worker_process_gives_the_same_numbers() {
    use std::sync::Arc;

    use terroir_engine::WorkerLink;

    use crate::worker::{real_worker, wait_for};

    let place = Place::new();
    let here = place.spec(TuneTask::Pixels, TuneMode::Frozen, "here.safetensors");
    let expected = tune(&here).unwrap();
    let there = FinetuneSpec {
        out: place.path("there.safetensors"),
        ..here.clone()
    };
    let mut link = WorkerLink::new(real_worker(place.folder.path()), Arc::new(|| {}));
    let id = link.run(JobSpec::Finetune(there.clone()));
    let event = wait_for(
        &mut link,
        300,
        |event| matches!(event, Event::Finished { id: of, .. } | Event::Failed { id: of, .. } if *of == id),
    );
    let Event::Finished { outcome, .. } = event else {
        panic!("{event:?}");
    };
    let numbers = |outcome: &Outcome| -> Vec<(String, f64)> {
        let timeless = outcome.metrics.iter().filter(|(name, _)| name != "seconds");
        timeless.cloned().collect()
    };
    let (expected, found) = (numbers(&expected), numbers(&outcome));
    assert_eq!(expected.len(), found.len());
    for ((name, here), (of, there)) in expected.iter().zip(&found) {
        assert_eq!(name, of);
        // Numbers cross the pipe as text, whose last digit may be rounded.
        assert!(
            (here - there).abs() <= 1e-12 * here.abs(),
            "{name}: {here} {there}"
        );
    }
    let accuracy = |spec: &FinetuneSpec| TunedAbout::of_file(&spec.out).unwrap().accuracy;
    assert_eq!(accuracy(&here), accuracy(&there));
}
