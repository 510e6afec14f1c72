//! Overviews as the user meets them: by the window, by the command line, cancelled in the worker.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_engine::{Event, JobSpec, OverviewsSpec, WorkerLink};
use terroir_scene::{LayerSource, Raster};

use crate::canvas::write_tiff;
use crate::program::{files_in, run};
use crate::worker::{real_worker, wait_for};

const PATIENCE: Duration = Duration::from_secs(60);

fn write_scene(folder: &Path, width: usize, height: usize) -> PathBuf {
    let path = folder.join("scene.tif");
    let values = (0..width * height)
        .map(|at| ((at % width) / 7 + (at / width) / 3) as u8)
        .collect();
    let place = [300_000.0, 10.0, 0.0, 5_900_000.0, 0.0, -10.0];
    write_tiff(&path, (width, height), &[values], place, false);
    path
}

#[test]
fn the_command_line_builds_overviews_and_says_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_scene(folder.path(), 1500, 1000);
    let before = fs::read(&path).unwrap();
    let said = run(folder.path(), &["overviews", "scene.tif"]).done();
    assert!(
        said.contains("3 levels by average") && said.contains("scene.tif.ovr"),
        "{said}"
    );
    assert_eq!(files_in(folder.path()), ["scene.tif", "scene.tif.ovr"]);
    assert_eq!(fs::read(&path).unwrap(), before);
    let outcome = run(
        folder.path(),
        &[
            "overviews",
            "scene.tif",
            "--resampling",
            "nearest",
            "--json",
        ],
    )
    .json();
    assert!(outcome["summary"].as_str().unwrap().contains("nearest"));
    run(folder.path(), &["overviews", "gone.tif"]).failed(1, &["gone.tif"]);
    run(
        folder.path(),
        &["overviews", "scene.tif", "--resampling", "best"],
    )
    .failed(2, &["mode"]);
}

#[test]
fn a_cancelled_build_stops_in_half_a_second_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let raster = write_scene(folder.path(), 16_000, 12_000);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut link = WorkerLink::new(real_worker(elsewhere.path()), Arc::new(|| {}));
    let spec = OverviewsSpec {
        raster: raster.clone(),
        resampling: None,
    };
    let id = link.run(JobSpec::Overviews(spec));
    wait_for(
        &mut link,
        60,
        |event| matches!(event, Event::Progress { done, .. } if *done > 0),
    );
    let pid = link.process_id();
    let clock = Instant::now();
    link.cancel(id);
    wait_for(&mut link, 5, |event| {
        matches!(event, Event::Cancelled { .. })
    });
    let took = clock.elapsed();
    assert!(took < Duration::from_millis(700), "{took:?}");
    assert_eq!(link.process_id(), pid, "it had to be killed");
    assert_eq!(files_in(folder.path()), ["scene.tif"]);

    // A killed worker leaves no overviews either, and the next build sweeps up.
    let spec = OverviewsSpec {
        raster: raster.clone(),
        resampling: None,
    };
    link.run(JobSpec::Overviews(spec));
    wait_for(
        &mut link,
        60,
        |event| matches!(event, Event::Progress { done, .. } if *done > 0),
    );
    crate::program::signal("KILL", link.process_id().unwrap());
    wait_for(&mut link, 10, |event| matches!(event, Event::Failed { .. }));
    assert!(!files_in(folder.path()).contains(&"scene.tif.ovr".to_owned()));
    assert!(
        Raster::open(&raster).unwrap().info().bands[0]
            .overviews
            .is_empty()
    );
}

fn has_overviews(window: &Window) -> bool {
    window.document().layers.iter().any(|layer| {
        matches!(&layer.source, LayerSource::Raster { info: Some(info), .. }
            if info.bands.iter().all(|band| !band.overviews.is_empty()))
    })
}

#[test]
fn the_window_offers_overviews_for_a_large_raster_and_draws_from_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_scene(folder.path(), 5000, 4000);
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
                files: vec![path.clone()],
                ..WindowOptions::default()
            };
            Window::new(creation, services, options).unwrap()
        });
    let wait = |harness: &mut Harness<'static, Window>, what: &str, done: fn(&Window) -> bool| {
        let start = Instant::now();
        while !done(harness.state()) {
            assert!(
                start.elapsed() < PATIENCE,
                "{what} did not happen; the log says: {:?}",
                harness.state().log()
            );
            harness.step();
            std::thread::sleep(Duration::from_millis(10));
        }
        harness.step();
    };
    wait(&mut harness, "opening", |window| {
        !window.document().layers.is_empty()
    });
    wait(&mut harness, "the first picture", |window| {
        window.canvas().is_at_rest()
    });
    // Over the map, and as the last message in the status bar.
    let said = harness.query_all_by_label_contains("has no overviews");
    assert_eq!(said.count(), 2);
    harness.get_by_label("Build overviews").click();
    harness.step();
    wait(&mut harness, "building", has_overviews);
    wait(&mut harness, "the picture", |window| {
        window.canvas().is_at_rest()
    });
    assert!(harness.state().canvas().coarse_layers().is_empty());
    assert!(harness.state().canvas().layer_errors().is_empty());
}
