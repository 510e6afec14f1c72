//! Exact figures as the user meets them: by the command line, by the window, cancelled in the worker.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::Key;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_engine::{Event, JobSpec, StatisticsSpec, WorkerLink};
use terroir_scene::Style;

use crate::canvas::write_tiff;
use crate::program::{files_in, run};
use crate::window::{CTRL, press, shows};
use crate::worker::{real_worker, wait_for};

const PATIENCE: Duration = Duration::from_secs(60);

/// Values from 100 to 106 but for two pixels no sample is likely to meet.
fn write_scene(folder: &Path, width: usize, height: usize) -> PathBuf {
    let path = folder.join("scene.tif");
    let mut values: Vec<u8> = (0..width * height).map(|at| 100 + (at % 7) as u8).collect();
    let middle = width * (height / 2) + width / 2;
    (values[middle], values[middle + width]) = (3, 250);
    let place = [300_000.0, 10.0, 0.0, 5_900_000.0, 0.0, -10.0];
    write_tiff(&path, (width, height), &[values], place, false);
    path
}

#[test]
fn the_command_line_counts_every_pixel_when_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    write_scene(folder.path(), 5000, 4000);
    let of = |how: &str| {
        let info = run(folder.path(), &["info", "scene.tif", how, "--json"]).json();
        info["bands"][0]["statistics"].clone()
    };
    let sampled = of("--stats");
    assert_eq!(
        (&sampled["is_sampled"], &sampled["max"]),
        (&true.into(), &106.0.into())
    );
    let exact = of("--exact");
    assert_eq!(exact["is_sampled"], false);
    assert_eq!(exact["count"], 20_000_000);
    assert_eq!((&exact["min"], &exact["max"]), (&3.0.into(), &250.0.into()));
    assert_eq!(exact["percentiles"].as_array().unwrap().len(), 101);
    let text = run(folder.path(), &["info", "scene.tif", "--exact"]).done();
    assert!(text.contains("sd") && text.contains("250"), "{text}");
    assert_eq!(files_in(folder.path()), ["scene.tif"]);
}

#[test]
fn a_cancelled_count_leaves_the_worker_alive() {
    let folder = tempfile::tempdir().unwrap();
    let raster = write_scene(folder.path(), 16_000, 12_000);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut link = WorkerLink::new(real_worker(elsewhere.path()), Arc::new(|| {}));
    let id = link.run(JobSpec::Statistics(StatisticsSpec { raster }));
    let has_begun = |event: &Event| matches!(event, Event::Progress { done, .. } if *done > 0);
    wait_for(&mut link, 60, has_begun);
    let pid = link.process_id();
    link.cancel(id);
    wait_for(&mut link, 5, |event| {
        matches!(event, Event::Cancelled { .. })
    });
    assert_eq!(link.process_id(), pid, "it had to be killed");
}

fn limits(window: &Window) -> Option<(f32, f32)> {
    let style = window.document().layers.first()?.style.as_ref();
    let stretch = style.and_then(|style| style.stretches().first())?;
    Some((stretch.low, stretch.high))
}

#[test]
fn the_window_takes_limits_from_exact_figures_in_a_step_that_can_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    write_scene(folder.path(), 5000, 4000);
    let project = folder.path().join("limits.terroir");
    let text = serde_json::json!({
        "schema": 1, "program": "Terroir", "active": 0, "next_layer_id": 1,
        "layers": [{
            "id": 0, "name": "scene", "kind": "raster", "file": {"path": "scene.tif"}, "visible": true,
            "opacity": 1.0,
            "style": {
                "kind": "gray", "band": 0, "ramp": "grays",
                "stretch": {"low": 100.0, "high": 106.0, "gamma": 1.0},
                "look": {"limits": "min_max"},
            },
        }],
    });
    std::fs::write(&project, text.to_string()).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let worker = real_worker(elsewhere.path());
    let mut harness: Harness<'static, Window> = Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_max_steps(8)
        .wgpu()
        .build_eframe(|creation| {
            let wake = waker(&creation.egui_ctx);
            let services = Services {
                wake: wake.clone(),
                link: Box::new(WorkerLink::new(worker, wake)),
                data_folder: None,
            };
            let options = WindowOptions {
                files: vec![project],
                ..WindowOptions::default()
            };
            Window::new(creation, services, options).unwrap()
        });
    let wait = |harness: &mut Harness<'static, Window>,
                done: fn(&Harness<'static, Window>) -> bool| {
        let start = Instant::now();
        while !done(harness) {
            let log = harness.state().log();
            assert!(start.elapsed() < PATIENCE, "the log says: {log:?}");
            harness.step();
            std::thread::sleep(Duration::from_millis(10));
        }
        harness.step();
    };
    wait(&mut harness, |harness| {
        shows(harness, "Histograms are sampled.")
    });
    assert_eq!(limits(harness.state()), Some((100.0, 106.0)));
    harness.get_by_label("Exact figures").click();
    harness.step();
    wait(&mut harness, |harness| {
        limits(harness.state()) == Some((3.0, 250.0)) && !shows(harness, "Histograms are sampled.")
    });
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(limits(harness.state()), Some((100.0, 106.0)));
    let style = harness.state().document().layers[0].style.clone();
    assert!(matches!(style, Some(Style::Gray { .. })));
}
