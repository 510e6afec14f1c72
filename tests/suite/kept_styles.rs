//! Styles of results that are written again over their files: what the user chose stays, what nobody touched follows the file.

use std::path::Path;

use egui_kittest::Harness;
use terroir::window::Window;
use terroir_scene::{Class, MapKind, MapWriter, Style};

use crate::window::{SIDE, grid, open, wait};

fn write_values(path: &Path, factor: f32) {
    let kind = MapKind::Continuous {
        bands: vec![("moisture".to_owned(), String::new())],
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(path, &grid(), kind).unwrap();
    let values: Vec<f32> = (0..SIDE * SIDE)
        .map(|at| factor * (at % SIDE) as f32)
        .collect();
    writer.write_floats(grid().window(), &values).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

fn write_classes(path: &Path, names: &[&str]) {
    let classes = (1..).zip(names).map(|(id, name)| Class {
        id,
        name: (*name).to_owned(),
        color: [40 * id, 90, 10],
    });
    let kind = MapKind::Classes(classes.collect());
    let mut writer = MapWriter::create(path, &grid(), kind).unwrap();
    let ids: Vec<u8> = (0..SIDE * SIDE)
        .map(|at| (at % names.len()) as u8 + 1)
        .collect();
    writer.write_bytes(grid().window(), &ids).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

fn style(window: &Window) -> Option<&Style> {
    window.document().layers.first()?.style.as_ref()
}

fn ramp(window: &Window) -> Option<&str> {
    Some(style(window)?.ramp()?.name.as_str())
}

fn upper(window: &Window) -> f32 {
    style(window)
        .and_then(|style| style.stretches().first())
        .map_or(0.0, |stretch| stretch.high)
}

fn opened(path: &Path) -> Harness<'static, Window> {
    let mut harness = open(vec![path.to_owned()]);
    wait(&mut harness, "opening the file", |window| {
        style(window).is_some()
    });
    harness
}

#[test]
fn a_ramp_chosen_by_hand_outlives_the_next_run_and_its_limits_follow_the_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moisture.tif");
    write_values(&path, 1.0);
    let mut harness = opened(&path);
    assert_eq!(ramp(harness.state()), Some("viridis"));
    wait(&mut harness, "limits", |window| upper(window) > 10.0);
    // Nobody touched it: it follows its file.
    write_values(&path, 10.0);
    harness.state_mut().take_result(path.clone());
    wait(&mut harness, "limits", |window| upper(window) > 500.0);
    assert_eq!(ramp(harness.state()), Some("viridis"));

    let mut own = style(harness.state()).unwrap().clone();
    own.ramp_mut().unwrap().name = "magma".to_owned();
    harness.state_mut().set_style(0, own);
    write_values(&path, 100.0);
    harness.state_mut().take_result(path.clone());
    wait(&mut harness, "limits", |window| upper(window) > 5000.0);
    assert_eq!(ramp(harness.state()), Some("magma"));
}

#[test]
fn colours_of_classes_stay_while_the_classes_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.tif");
    write_classes(&path, &["maize", "wheat"]);
    let mut harness = opened(&path);
    let mut own = style(harness.state()).unwrap().clone();
    let Style::Palette { entries, .. } = &mut own else {
        panic!("{own:?}");
    };
    for entry in entries.iter_mut().filter(|entry| entry.value == 1) {
        entry.rgba = [1, 2, 3, 255];
    }
    harness.state_mut().set_style(0, own.clone());
    let value = harness.state().document().clone();
    write_classes(&path, &["maize", "wheat"]);
    harness.state_mut().take_result(path.clone());
    wait(&mut harness, "reading the file again", |window| {
        !std::sync::Arc::ptr_eq(&window.document().layers[0], &value.layers[0])
    });
    assert_eq!(style(harness.state()), Some(&own));

    write_classes(&path, &["maize", "wheat", "beet"]);
    harness.state_mut().take_result(path);
    wait(
        &mut harness,
        "the new classes",
        |window| matches!(style(window), Some(Style::Palette { entries, .. }) if entries.iter().any(|entry| entry.name == "beet")),
    );
}
