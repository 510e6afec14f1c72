//! `terroir pretrain dofa` as a user runs it: mixed sensors, kills, cancels, full disks, scenes it cannot take.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use terroir_engine::{Event, JobSpec, PretrainSpec, TrainingScene, run_here};

use crate::program::{command, files_in, run, sample, signal};

/// Sentinel-2 with twelve bands and an aerial image with four.
fn scenes() -> [PathBuf; 2] {
    [
        sample().join("S2_2021-07-28.tif"),
        sample().join("m_4709963_se_14_1_20160816_5m.tif"),
    ]
}

/// Small images: a step takes a fraction of a second in an unoptimised build.
fn arguments(out: &str, steps: u64, more: &[&str]) -> Vec<String> {
    let mut list: Vec<String> = ["pretrain", "dofa"].map(str::to_owned).to_vec();
    list.extend(scenes().map(|scene| scene.display().to_string()));
    let steps = steps.to_string();
    let options = [
        "--steps",
        &steps,
        "--batch",
        "2",
        "--accumulation",
        "2",
        "--size",
        "32",
        "--checkpoint-every",
        "2",
        "--seed",
        "7",
        "--device",
        "cpu",
        "--out",
        out,
    ];
    list.extend(options.iter().chain(more).map(|word| (*word).to_owned()));
    list
}

fn losses(folder: &Path, run: &str) -> Vec<(u64, f64)> {
    let text = fs::read_to_string(folder.join(run).join("metrics.jsonl")).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some((line["step"].as_u64()?, line["loss"].as_f64()?))
        })
        .collect()
}

#[test]
fn a_killed_run_goes_on_with_the_losses_of_an_uninterrupted_one() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let whole = run(here, &arguments("whole.safetensors", 8, &["--json"])).json();
    assert_eq!(losses(here, "whole.run").len(), 8);
    assert!(here.join("whole.run/previews/step-000008.png").exists());
    assert!(whole["summary"].as_str().unwrap().contains("8 steps"));

    // Killed when the fifth step is noted: the checkpoint of the fourth, at the latest, is there.
    let mut child = command(here, &arguments("cut.safetensors", 8, &["-q"]))
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(300);
    while losses(here, "cut.run").len() < 5 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    signal("KILL", child.id());
    child.wait().unwrap();
    assert!(!here.join("cut.safetensors").exists());
    // Without being told, nothing of it is overwritten.
    run(here, &arguments("cut.safetensors", 8, &[])).failed(1, &["--resume", "cut.run"]);
    run(here, &arguments("cut.safetensors", 7, &["--resume"]))
        .failed(1, &["steps (was 8, is 7)", "cut.run"]);
    run(here, &arguments("cut.safetensors", 8, &["--resume"])).done();
    assert_eq!(losses(here, "cut.run"), losses(here, "whole.run"));
    let weights = |name: &str| {
        let bytes = fs::read(here.join(name)).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        // The header tells the seconds of training, which differ.
        bytes[8 + header..].to_vec()
    };
    assert!(weights("cut.safetensors") == weights("whole.safetensors"));
    run(here, &arguments("new.safetensors", 8, &["--resume"])).failed(1, &["no training run"]);
    // A run whose loss still falls may be made longer.
    run(here, &arguments("cut.safetensors", 9, &["--resume"])).done();
    let longer = losses(here, "cut.run");
    assert_eq!(longer[..8], losses(here, "whole.run"));
    assert_eq!(longer.len(), 9);
}

#[test]
fn weights_of_a_run_are_taken_by_embed_and_by_the_next_run() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    run(here, &arguments("a.safetensors", 2, &["--half"])).done();
    let size = fs::metadata(here.join("a.safetensors")).unwrap().len();
    assert!(size < 12_000_000, "{size}");
    let scene = scenes()[0].display().to_string();
    let made = [
        "embed",
        &scene,
        "--bands",
        "4,3,2,8",
        "--weights",
        "a.safetensors",
        "--device",
        "cpu",
        "--out",
        "f.tif",
        "--json",
    ];
    let outcome = run(here, &made).json();
    let summary = outcome["summary"].as_str().unwrap();
    assert!(summary.contains("dofa-tiny (trained)"), "{summary}");
    let more = ["--weights", "a.safetensors", "--wavelength-jitter", "3"];
    run(here, &arguments("b.safetensors", 2, &more)).done();
}

fn spec(out: PathBuf, steps: u64) -> PretrainSpec {
    PretrainSpec {
        scenes: scenes()
            .map(|path| TrainingScene {
                path,
                wavelengths_nm: Vec::new(),
                bands: Vec::new(),
            })
            .to_vec(),
        model: "dofa-tiny".to_owned(),
        weights: None,
        teacher: None,
        steps,
        batch: 2,
        accumulation: 1,
        learning_rate: 1e-3,
        mask_ratio: 0.75,
        seed: 1,
        size: Some(32),
        bands_a_step: 8,
        wavelength_jitter_nm: 0.0,
        device: "cpu".to_owned(),
        checkpoint_every: 1000,
        resume: false,
        half: false,
        out,
    }
}

#[test]
fn a_job_tells_curves_and_previews_and_keeps_a_checkpoint_when_cancelled() {
    let folder = TempDir::new().unwrap();
    let job = JobSpec::Pretrain(spec(folder.path().join("w.safetensors"), 1000));
    let (steps, cancelled) = (Cell::new(0u64), Cell::new(None));
    let names = RefCell::new(Vec::new());
    let previews = RefCell::new(Vec::new());
    let mut on_event = |event: Event| match event {
        Event::Metric { name, .. } => {
            if name == "loss" {
                steps.set(steps.get() + 1);
                if steps.get() == 3 {
                    cancelled.set(Some(Instant::now()));
                }
            }
            if !names.borrow().contains(&name) {
                names.borrow_mut().push(name);
            }
        }
        Event::Preview { path, .. } => previews.borrow_mut().push(path),
        _ => {}
    };
    let failure = run_here(&job, &mut on_event, &|| cancelled.get().is_some()).unwrap_err();
    assert_eq!(failure.what, "cancelled");
    for name in ["loss", "learning_rate", "steps_a_second"] {
        assert!(names.borrow().iter().any(|known| known == name), "{name}");
    }
    assert!(previews.borrow()[0].exists());
    assert_eq!(steps.get(), 3);
    assert!(folder.path().join("w.run/checkpoint.bpk").exists());
    assert!(!folder.path().join("w.safetensors").exists());

    // What was cancelled goes on where it was: three steps are done.
    let mut again = spec(folder.path().join("w.safetensors"), 1000);
    again.resume = true;
    let first = RefCell::new(None);
    let mut on_event = |event: Event| {
        if let Event::Progress { stage, done, .. } = event
            && stage == "training"
        {
            first.borrow_mut().get_or_insert(done);
        }
    };
    let stop = || first.borrow().is_some();
    run_here(&JobSpec::Pretrain(again), &mut on_event, &stop).unwrap_err();
    assert_eq!(*first.borrow(), Some(3));
}

#[test]
fn a_scene_without_wavelengths_is_named() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let create =
        "-q -of GTiff -outsize 64 64 -bands 5 -ot UInt16 -burn 7 -a_srs EPSG:32629 plain.tif";
    let create: Vec<&str> = create.split(' ').collect();
    if crate::faults::gdal(here, "gdal_create", &create).is_none() {
        return;
    }
    let scene = scenes()[0].display().to_string();
    let words = |more: &[&str]| -> Vec<String> {
        let mut words = vec![
            "pretrain",
            "dofa",
            &scene,
            "plain.tif",
            "--steps",
            "1",
            "--batch",
            "1",
        ];
        words.extend(["--size", "32", "--device", "cpu", "--out", "w.safetensors"]);
        words.extend(more);
        words.into_iter().map(str::to_owned).collect()
    };
    run(here, &words(&[])).failed(1, &["wavelength", "plain.tif"]);
    run(here, &words(&["--wavelengths", "other.tif:1=490nm"])).failed(2, &["other.tif"]);
    run(here, &words(&["--wavelengths", "490nm"])).failed(2, &["SCENE:BAND=WAVELENGTH"]);
    run(here, &words(&["--model", "dofa-giant"])).failed(2, &["dofa-giant"]);
    run(here, &arguments("w.safetensors", 0, &[])).failed(2, &["steps"]);
    let outside = ["--mask-ratio", "1.5"];
    run(here, &arguments("w.safetensors", 1, &outside)).failed(1, &["hidden patches"]);
    assert!(!files_in(here).contains(&"w.safetensors".to_owned()));
}

#[test]
fn a_teacher_is_learnt_from_and_must_have_the_width_of_the_student() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    for (name, width) in [("fits", 192), ("narrow", 64)] {
        let weights = crate::masked::teacher_weights(width, 2, 4, false);
        let path = here.join(format!("{name}.safetensors"));
        crate::golden::write_safetensors(&path, &weights, "F32");
    }
    let more = ["--teacher", "fits.safetensors"];
    run(here, &arguments("a.safetensors", 2, &more)).done();
    let text = fs::read_to_string(here.join("a.run/metrics.jsonl")).unwrap();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let part = |name: &str| line[name].as_f64().unwrap();
        let sum = part("masked_loss") + part("distillation_loss");
        assert!((part("loss") - sum).abs() < 1e-5, "{line}");
        assert!((-1.0..=1.0).contains(&part("distillation_loss")), "{line}");
    }
    let more = ["--teacher", "narrow.safetensors"];
    run(here, &arguments("b.safetensors", 2, &more))
        .failed(1, &["64 wide", "192", "narrow.safetensors"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_the_last_checkpoint_kept() {
    let folder = TempDir::new().unwrap();
    // Room for the run's small files, not for a checkpoint.
    crate::faults::with_small_disk("size=8m", |disk| {
        let out = disk.join("w.safetensors").display().to_string();
        run(folder.path(), &arguments(&out, 4, &[])).failed(1, &["disk is full", "w.run"]);
        let left = files_in(&disk.join("w.run"));
        assert!(
            !left.iter().any(|name| name.contains("checkpoint")),
            "{left:?}"
        );
        assert!(!disk.join("w.safetensors").exists());
    });
}
