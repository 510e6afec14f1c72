//! `terroir pretrain stp` as a user runs it: a made archive of seasons, a run that learns, is killed, gone on with and
//! cancelled; archives, weights and options it cannot take.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use terroir_engine::{Event, JobSpec, PretrainStpSpec, command_line, run_here};
use terroir_scene::{ArchiveSpec, Crs, GeoTransform, Georef, Grid, MapKind, MapWriter};

use crate::program::{run, sample};

const SIDE: usize = 40;
const COVERS: usize = 5;

/// Pixels of a place, 10 m each.
fn grid(place: usize) -> Grid {
    let left = 500_000.0 + 100_000.0 * place as f64;
    Grid {
        width: SIDE,
        height: SIDE,
        georef: Georef {
            transform: Some(GeoTransform([left, 10.0, 0.0, 5_600_000.0, 0.0, -10.0])),
            crs: Crs::parse("EPSG:32631").ok(),
            ..Georef::default()
        },
    }
}

/// Numbers that look like chance and are always the same.
fn noise(at: usize) -> f32 {
    let mixed = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed >> 40) as f32 / (1u64 << 24) as f32) - 0.5
}

/// Fields of 8 pixels, each of one cover.
fn cover(place: usize, row: usize, column: usize) -> usize {
    let field = (row / 8) * 7 + (column / 8) * 3 + place * 11;
    ((noise(field) + 0.5) * COVERS as f32) as usize % COVERS
}

fn write(
    folder: &Path,
    name: &str,
    place: usize,
    bands: &[&str],
    value: impl Fn(usize, usize, usize) -> f32,
) {
    let bands: Vec<(String, String)> = bands
        .iter()
        .map(|band| ((*band).to_owned(), String::new()))
        .collect();
    let count = bands.len();
    let kind = MapKind::Continuous {
        bands,
        ramp: "viridis".to_owned(),
    };
    let grid = grid(place);
    let mut writer = MapWriter::create(&folder.join(name), &grid, kind).unwrap();
    let values: Vec<f32> = (0..count)
        .flat_map(|band| (0..SIDE * SIDE).map(move |at| (band, at / SIDE, at % SIDE)))
        .map(|(band, row, column)| value(band, row, column))
        .collect();
    writer.write_floats(grid.window(), &values).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

/// A year of optical scenes every 16 days and radar every 24, of two places.
pub(crate) fn write_archives(folder: &Path) -> Vec<PathBuf> {
    (0..2)
        .map(|place| {
            let path = folder.join(format!("place_{place}"));
            fs::create_dir(&path).unwrap();
            let first = Day {
                year: 2018,
                number: 5,
            };
            for scene in 0..22_i32 {
                let date = first.later(16 * scene);
                let season = 16.0 * scene as f32 / 365.0;
                write(
                    &path,
                    &format!("S2_{date}.tif"),
                    place,
                    &["B02", "B03", "B04", "B08"],
                    |band, row, column| {
                        let cover = cover(place, row, column);
                        let phase = season - 0.13 * cover as f32;
                        let green = (std::f32::consts::TAU * phase).sin();
                        let base = [0.05, 0.08, 0.09, 0.28][band];
                        let swing = [-0.01, 0.01, -0.03, 0.12][band];
                        let at = ((scene as usize * 7 + band) * SIDE + row) * SIDE + column;
                        base + swing * green + 0.01 * noise(at)
                    },
                );
                if scene % 3 == 0 {
                    write(
                        &path,
                        &format!("S1_{}.tif", date.later(2)),
                        place,
                        &["VV", "VH"],
                        |band, row, column| {
                            let cover = cover(place, row, column) as f32;
                            let at = ((scene as usize * 5 + band) * SIDE + row) * SIDE + column;
                            -9.0 - 6.0 * band as f32 - 1.2 * cover + 2.0 * noise(at)
                        },
                    );
                }
            }
            path
        })
        .collect()
}

/// A day of a year, from 1; days beyond its end are those of the next January.
#[derive(Clone, Copy)]
struct Day {
    year: i32,
    number: i32,
}

impl Day {
    fn later(self, days: i32) -> Self {
        Self {
            number: self.number + days,
            ..self
        }
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut day = self.number;
        for (month, length) in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            .into_iter()
            .enumerate()
        {
            if day <= length {
                return write!(f, "{}-{:02}-{day:02}", self.year, month + 1);
            }
            day -= length;
        }
        write!(f, "{}-01-{day:02}", self.year + 1)
    }
}

fn spec(archives: &[PathBuf], out: PathBuf, steps: u64) -> PretrainStpSpec {
    PretrainStpSpec {
        archives: archives
            .iter()
            .map(|path| ArchiveSpec {
                files: vec![path.clone()],
                reference: None,
            })
            .collect(),
        model: "stp-tiny".to_owned(),
        weights: None,
        steps,
        batch: 4,
        accumulation: 1,
        learning_rate: 4e-3,
        side: 16,
        frames: 8,
        seed: 3,
        strata: None,
        text: None,
        labels: None,
        saves_memory: false,
        device: "cpu".to_owned(),
        checkpoint_every: 20,
        resume: false,
        half: true,
        out,
    }
}

fn run_spec(spec: PretrainStpSpec) -> Result<terroir_engine::Outcome, terroir_engine::Failure> {
    run_here(&JobSpec::PretrainStp(spec), &mut |_| {}, &|| false)
}

fn figures(folder: &Path, run: &str, name: &str) -> Vec<f64> {
    let text = fs::read_to_string(folder.join(run).join("metrics.jsonl")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?[name].as_f64())
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn a_run_learns_seasons_and_goes_on_with_equal_losses() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let archives = write_archives(here);
    let outcome = run_spec(spec(&archives, here.join("whole.safetensors"), 60)).unwrap();
    assert!(outcome.summary.contains("60 steps"), "{}", outcome.summary);
    assert!(here.join("whole.run/previews/step-000060.png").exists());
    assert!(fs::metadata(here.join("whole.safetensors")).unwrap().len() < 1_500_000);
    let losses = figures(here, "whole.run", "reconstruction_loss");
    assert_eq!(losses.len(), 60);
    assert!(
        mean(&losses[50..]) < 0.9 * mean(&losses[..10]),
        "{losses:?}"
    );
    let uniformity = figures(here, "whole.run", "uniformity");
    assert!(
        mean(&uniformity[50..]) < uniformity[0] - 0.05,
        "{uniformity:?}"
    );
    for name in ["sentinel-2_loss", "sentinel-1_loss", "consistency_loss"] {
        assert!(figures(here, "whole.run", name).len() > 40, "{name}");
    }

    // Cancelled after 25 steps: a checkpoint is kept and no weights are written.
    let steps = Cell::new(0);
    let mut on_event = |event: Event| {
        if let Event::Metric { name, .. } = event
            && name == "loss"
        {
            steps.set(steps.get() + 1);
        }
    };
    let job = JobSpec::PretrainStp(spec(&archives, here.join("cut.safetensors"), 60));
    let stopped = run_here(&job, &mut on_event, &|| steps.get() >= 25).unwrap_err();
    assert_eq!(stopped.what, "cancelled");
    assert!(here.join("cut.run/checkpoint.bpk").exists());
    assert!(!here.join("cut.safetensors").exists());
    let mut again = spec(&archives, here.join("cut.safetensors"), 60);
    again.resume = true;
    run_spec(again).unwrap();
    assert_eq!(
        figures(here, "cut.run", "loss"),
        figures(here, "whole.run", "loss")
    );

    // Weights are gone on from, by archives that have what they know; others are told.
    let mut on = spec(&archives[..1], here.join("on.safetensors"), 2);
    on.weights = Some(here.join("whole.safetensors"));
    run_spec(on).unwrap();
    let radar = here.join("radar only");
    fs::create_dir(&radar).unwrap();
    for scene in 0..3 {
        let date = Day {
            year: 2019,
            number: 1 + 20 * scene,
        };
        write(
            &radar,
            &format!("thermal_{date}.tif"),
            0,
            &["temperature"],
            |_, row, _| row as f32,
        );
    }
    let mut other = spec(&[radar], here.join("other.safetensors"), 2);
    other.weights = Some(here.join("whole.safetensors"));
    let failure = run_spec(other).unwrap_err();
    assert!(failure.what.contains("other bands"), "{failure}");
    let mut dofa = spec(&archives, here.join("dofa.safetensors"), 2);
    dofa.weights =
        Some(crate::program::repository().join("assets/weights/dofa-tiny/dofa-tiny.safetensors"));
    let failure = run_spec(dofa).unwrap_err();
    assert!(failure.what.contains("dofa-tiny.safetensors"), "{failure}");
}

#[test]
fn a_job_tells_curves_strata_texts_and_neighbours() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let archives = write_archives(here);
    // Fields of two covers as strata and labels, and two texts in one place.
    let square = |col: f64, row: f64, class: &str| {
        let (x, y) = (500_000.0 + 10.0 * col, 5_600_000.0 - 10.0 * row);
        let ring = [
            [x, y],
            [x + 80.0, y],
            [x + 80.0, y - 80.0],
            [x, y - 80.0],
            [x, y],
        ];
        serde_json::json!({"type": "Feature", "properties": {"class": class},
            "geometry": {"type": "Polygon", "coordinates": [ring]}})
    };
    let shapes = serde_json::json!({"type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}},
        "features": [square(0.0, 0.0, "a"), square(16.0, 0.0, "b"), square(0.0, 24.0, "b"), square(24.0, 24.0, "a")]});
    let labels = here.join("labels.geojson");
    fs::write(&labels, shapes.to_string()).unwrap();
    let texts = here.join("texts.csv");
    fs::write(
        &texts,
        "x,y,vector\n3.0005,50.5505,0.5 1 -1\n3.0015,50.5503,-0.5 0.2 1\n9,9,1 1 1\n",
    )
    .unwrap();
    let mut told = spec(&archives, here.join("told.safetensors"), 3);
    told.strata = Some(labels.clone());
    told.labels = Some(labels.clone());
    told.text = Some(texts);
    told.saves_memory = true;
    let names = RefCell::new(Vec::new());
    let previews = Cell::new(0);
    let mut on_event = |event: Event| match event {
        Event::Metric { name, .. } => names.borrow_mut().push(name),
        Event::Preview { path, .. } => {
            assert!(path.exists());
            previews.set(previews.get() + 1);
        }
        _ => {}
    };
    let job = JobSpec::PretrainStp(told);
    run_here(&job, &mut on_event, &|| false).unwrap();
    let names = names.borrow();
    for name in [
        "loss",
        "learning_rate",
        "reconstruction_loss",
        "uniformity",
        "consistency_loss",
        "text_loss",
        "neighbours_agree",
        "strata",
        "texts",
        "frames",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    assert_eq!(previews.get(), 2, "the first step and the last");
    let line = command_line(&job);
    for word in [
        "terroir pretrain stp ",
        "--strata ",
        "--text ",
        "--labels ",
        "--size 16",
        "--save-memory",
        "--half",
    ] {
        assert!(line.contains(word), "{line}");
    }
}

#[test]
fn what_cannot_be_trained_on_is_said() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let one = here.join("one");
    fs::create_dir(&one).unwrap();
    write(
        &one,
        "S2_2018-05-06.tif",
        0,
        &["B03", "B04", "B08"],
        |band, row, _| 0.1 + 0.01 * (band + row) as f32,
    );
    let none = here.join("none");
    fs::create_dir(&none).unwrap();
    let words = |archive: &str, more: &[&str]| -> Vec<String> {
        let mut words = vec!["pretrain", "stp", archive, "--steps", "1"];
        words.extend(["--device", "cpu", "--out", "w.safetensors"]);
        if !more.contains(&"--size") {
            words.extend(["--size", "16"]);
        }
        words.extend(more);
        words.into_iter().map(str::to_owned).collect()
    };
    run(here, &words("one", &[])).failed(1, &["one dated frame", "one"]);
    run(here, &words("none", &[])).failed(1, &["none"]);
    run(here, &words("nowhere", &[])).failed(1, &["nowhere"]);
    run(here, &words("one", &["--model", "stp-giant"])).failed(2, &["stp-giant", "stp-tiny"]);
    run(here, &words("one", &["--model", "dofa-tiny"])).failed(2, &["dofa-tiny"]);
    run(here, &words("one", &["--batch", "1"])).failed(1, &["two rows"]);
    run(here, &words("one", &["--size", "40"])).failed(1, &["multiple of 16"]);
    run(here, &words("one", &["--resume"])).failed(1, &["no training run"]);
    let undated = sample().join("labels.geojson").display().to_string();
    run(here, &words(&undated, &[])).failed(1, &["labels.geojson"]);
    assert!(!here.join("w.safetensors").exists());
}
