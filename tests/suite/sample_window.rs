//! A validation sample as a user meets it, with the real worker: drawn, answered by keys with the map out of sight, stopped
//! and gone on with in another window, and the areas that come of it.

use std::path::{Path, PathBuf};

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use serde_json::Value;
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_engine::WorkerLink;
use terroir_scene::{
    Class, HALF_WIDTH_95, MapKind, MapWriter, SampleAnswer, estimate_areas, read_sample_blocking,
};

use crate::window::{SIDE, grid, keep_picture, press, shows, wait_until, write_scene};
use crate::worker::real_worker_with;

/// Columns of the map, and of the place, that are maize.
const MAPPED: usize = 60;
const TRUE: usize = 70;

fn open(home: &Path, files: Vec<PathBuf>) -> Harness<'static, Window> {
    let worker = real_worker_with(home, "");
    Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_max_steps(8)
        .with_accessibility_check(false)
        .wgpu()
        .build_eframe(|creation| {
            let wake = waker(&creation.egui_ctx);
            let services = Services {
                wake: wake.clone(),
                link: Box::new(WorkerLink::new(worker, wake)),
                data_folder: None,
            };
            let options = WindowOptions {
                files,
                ..WindowOptions::default()
            };
            Window::new(creation, services, options).unwrap()
        })
}

/// Clicks the button of this name.
fn click(harness: &mut Harness<'static, Window>, name: &str) {
    let node = harness
        .query_all_by_role(Role::Button)
        .chain(harness.query_all_by_role(Role::Tab))
        .find(|node| node.accesskit_node().label().as_deref() == Some(name))
        .unwrap_or_else(|| panic!("no button {name}"));
    node.click();
    for _ in 0..4 {
        harness.step();
    }
}

fn write_map(folder: &Path) -> PathBuf {
    let class = |id: u8, name: &str, color: [u8; 3]| Class {
        id,
        name: name.to_owned(),
        color,
    };
    let classes = vec![
        class(1, "maize", [240, 228, 66]),
        class(2, "wheat", [0, 114, 178]),
    ];
    let path = folder.join("crops.tif");
    let mut writer = MapWriter::create(&path, &grid(), MapKind::Classes(classes)).unwrap();
    let ids: Vec<u8> = (0..SIDE * SIDE)
        .map(|pixel| if pixel % SIDE < MAPPED { 1 } else { 2 })
        .collect();
    writer.write_bytes(grid().window(), &ids).unwrap();
    writer.finish(&Vec::new()).unwrap();
    path
}

/// Answers the asked points as the place is, until `points` have been answered.
fn answer(harness: &mut Harness<'static, Window>, points: usize) {
    for _ in 0..points {
        let (col, _) = harness.state().asked_pixel().unwrap();
        let key = if col < TRUE { Key::Num1 } else { Key::Num2 };
        press(harness, Modifiers::NONE, key);
    }
}

#[test]
fn a_sample_is_drawn_answered_out_of_sight_of_the_map_and_gives_areas() {
    let home = tempfile::tempdir().unwrap();
    let (map, scene) = (write_map(home.path()), write_scene(home.path()));
    let mut harness = open(home.path(), vec![scene, map.clone()]);
    wait_until(&mut harness, "opening", |harness| {
        harness.state().document().layers.len() == 2
    });
    click(&mut harness, "Accuracy");
    harness.state_mut().set_sample(64, 20);
    keep_picture(&mut harness, "sample-draw.png");
    click(&mut harness, "Draw");
    wait_until(&mut harness, "drawing", |harness| {
        shows(harness, "0 of 64 points answered")
    });
    let points = home.path().join("crops_sample.gpkg");
    wait_until(&mut harness, "the layer of points", |harness| {
        harness.state().document().layers.len() == 3
    });
    assert!(harness.state().shown_layers().contains(&"crops"));

    click(&mut harness, "Answer");
    assert_eq!(
        harness.state().shown_layers(),
        ["gradient"],
        "only the image is on show"
    );
    let asked = harness.state().asked_pixel().unwrap();
    answer(&mut harness, 10);
    keep_picture(&mut harness, "sample-answer.png");
    // Not sure about one, back to it, and another answer.
    press(&mut harness, Modifiers::NONE, Key::Num0);
    assert!(shows(&harness, "10 of 64 points answered, 1 not sure"));
    press(&mut harness, Modifiers::NONE, Key::Backspace);
    answer(&mut harness, 1);
    assert!(shows(&harness, "11 of 64 points answered"));
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(harness.state().asked_pixel().is_none());
    assert!(harness.state().shown_layers().contains(&"crops"));

    // What was answered is in the file, whatever becomes of the window.
    let answered = || {
        let read = read_sample_blocking(&points, &grid()).unwrap();
        let given = read.iter().filter(|p| p.answer != SampleAnswer::Open);
        given.count()
    };
    wait_until(&mut harness, "saving", |_| answered() == 11);
    // An answer can be taken back and given again, in the file as well; the project is as saved as it was.
    let is_dirty = harness.state().is_unsaved();
    press(&mut harness, crate::window::CTRL, Key::Z);
    assert!(shows(&harness, "10 of 64 points answered, 1 not sure"));
    press(&mut harness, crate::window::CTRL, Key::Z);
    assert!(shows(&harness, "10 of 64 points answered"));
    wait_until(&mut harness, "taking back", |_| answered() == 10);
    for _ in 0..2 {
        press(&mut harness, crate::window::CTRL, Key::Y);
    }
    wait_until(&mut harness, "giving again", |_| answered() == 11);
    assert!(shows(&harness, "11 of 64 points answered"));
    assert_eq!(harness.state().is_unsaved(), is_dirty);
    // While points are asked, the one whose answer was taken back is asked again.
    click(&mut harness, "Go on answering");
    let last = harness.state().asked_pixel().unwrap();
    answer(&mut harness, 1);
    press(&mut harness, crate::window::CTRL, Key::Z);
    assert_eq!(harness.state().asked_pixel(), Some(last));
    wait_until(&mut harness, "saving", |_| answered() == 11);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    drop(harness);

    // Another window goes on from the file alone.
    let scene = home.path().join("gradient.tif");
    let mut harness = open(home.path(), vec![scene, map]);
    wait_until(&mut harness, "opening", |harness| {
        harness.state().document().layers.len() == 2
    });
    click(&mut harness, "Accuracy");
    harness.state_mut().open_sample_points(points.clone());
    wait_until(&mut harness, "reading the answers", |harness| {
        shows(harness, "11 of 64 points answered")
    });
    click(&mut harness, "Go on answering");
    assert_ne!(harness.state().asked_pixel().unwrap(), asked);
    answer(&mut harness, 53);
    wait_until(&mut harness, "the last answer", |_| answered() == 64);
    assert!(harness.state().asked_pixel().is_none());

    click(&mut harness, "Estimate areas");
    wait_until(&mut harness, "the figures", |harness| {
        shows(harness, "64 points, ± 95 %")
    });
    keep_picture(&mut harness, "sample-areas.png");
    let report = std::fs::read(home.path().join("crops_accuracy.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let mut counts = vec![vec![0_u64; 2]; 2];
    for point in read_sample_blocking(&points, &grid()).unwrap() {
        counts[usize::from(point.col >= MAPPED)][usize::from(point.col >= TRUE)] += 1;
    }
    let hectares = |columns: usize| (columns * SIDE) as f64 / 100.0;
    let mapped = [hectares(MAPPED), hectares(SIDE - MAPPED)];
    let expected = estimate_areas(&counts, &mapped).unwrap();
    let area = &report["crop"]["design_based"]["estimates"]["classes"][0]["area"];
    let maize = &expected.classes[0].area;
    let near = |found: &Value, expected: f64| {
        assert!((found.as_f64().unwrap() - expected).abs() < 1e-9 * expected);
    };
    near(&area["value"], maize.value);
    let half = HALF_WIDTH_95 * maize.standard_error.unwrap();
    near(&area["half_width_95"], half);
    assert!(shows(&harness, &format!("{:.1} ± {half:.1}", maize.value)));
}

#[test]
fn the_export_dialog_makes_polygons_and_offers_a_sheet() {
    let home = tempfile::tempdir().unwrap();
    let (map, scene) = (write_map(home.path()), write_scene(home.path()));
    let mut harness = open(home.path(), vec![scene, map]);
    wait_until(&mut harness, "opening", |harness| {
        harness.state().document().layers.len() == 2
    });
    press(&mut harness, crate::window::CTRL, Key::E);
    let choose = |harness: &mut Harness<'static, Window>, name: &str| {
        harness.get_by_label_contains(name).click();
        for _ in 0..4 {
            harness.step();
        }
    };
    choose(&mut harness, "Map sheet with legend");
    assert!(shows(&harness, "Attribution") && shows(&harness, "A3 portrait"));
    keep_picture(&mut harness, "export-sheet.png");
    choose(&mut harness, "Polygons of a class map");
    assert!(shows(&harness, "largest neighbour"));
    keep_picture(&mut harness, "export-polygons.png");
    click(&mut harness, "Export");
    wait_until(&mut harness, "the layer of polygons", |harness| {
        harness.state().document().layers.len() == 3
    });
    assert!(home.path().join("crops_polygons.gpkg").exists());
    assert!(shows(&harness, "2 polygons in 2 classes"));
}
