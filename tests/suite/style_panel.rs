//! The Style panel as a user meets it: an index from the menu, a formula as it is typed, classes of a raster that has no
//! table, limits that follow the view without a step to undo.

use std::path::{Path, PathBuf};

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use terroir::window::Window;
use terroir_scene::{Derivation, Grid, MapKind, MapWriter, Style};

use crate::program::sample;
use crate::window::{CTRL, open, press, shows, wait};

fn scene() -> PathBuf {
    sample().join("S2_2021-07-28.tif")
}

fn style(window: &Window) -> Option<&Style> {
    window.document().layers.first()?.style.as_ref()
}

fn opened(files: Vec<PathBuf>) -> Harness<'static, Window> {
    let mut harness = open(files);
    wait(&mut harness, "opening the file", |window| {
        style(window).is_some()
    });
    harness
}

/// Clicks the button of this name, or the first whose name begins with it.
fn click(harness: &mut Harness<'static, Window>, name: &str) {
    let label = |node: &egui_kittest::Node<'_>| node.accesskit_node().label().unwrap_or_default();
    let buttons = || harness.query_all_by_role(Role::Button);
    let node = buttons()
        .find(|node| label(node) == name)
        .or_else(|| buttons().find(|node| label(node).starts_with(name)))
        .unwrap_or_else(|| panic!("no button {name}"));
    node.click();
    for _ in 0..3 {
        harness.step();
    }
}

fn formula_text(window: &Window) -> String {
    match style(window).and_then(Style::derivation) {
        Some(Derivation::Formula { text, .. }) => text.clone(),
        _ => String::new(),
    }
}

#[test]
fn an_index_is_chosen_from_the_menu_and_undone() {
    let mut harness = opened(vec![scene()]);
    let before = style(harness.state()).cloned();
    click(&mut harness, "Index");
    click(&mut harness, "NDVI");
    let shown = style(harness.state()).unwrap();
    assert_eq!(shown.derivation().unwrap().label(), "NDVI");
    assert_eq!(
        (shown.stretches()[0].low, shown.stretches()[0].high),
        (-0.2, 1.0)
    );
    assert_eq!(shown.ramp().unwrap().name, "ndvi");
    assert!(shows(&harness, "nir = B08"));
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(style(harness.state()).cloned(), before);
}

#[test]
fn a_formula_is_shown_as_it_is_typed_and_mistakes_are_told() {
    let mut harness = opened(vec![scene()]);
    click(&mut harness, "Formula");
    assert_eq!(formula_text(harness.state()), "(nir - red) / (nir + red)");
    let type_formula = |harness: &mut Harness<'static, Window>, text: &str| {
        harness.get_by_role(Role::MultilineTextInput).focus();
        harness.step();
        press(harness, CTRL, Key::A);
        harness
            .get_by_role(Role::MultilineTextInput)
            .type_text(text);
        harness.step();
        harness.step();
    };
    type_formula(&mut harness, "sqrt(b1");
    assert!(shows(&harness, "never closed"));
    assert_eq!(formula_text(harness.state()), "(nir - red) / (nir + red)");
    type_formula(&mut harness, "b8 - b4");
    wait(&mut harness, "the formula on show", |window| {
        formula_text(window) == "b8 - b4"
    });
    // Limits arrive with the statistics: differences of reflectance, not 0 to 1.
    wait(&mut harness, "limits of the formula", |window| {
        style(window)
            .and_then(|style| style.stretches().first())
            .is_some_and(|stretch| (stretch.low, stretch.high) != (0.0, 1.0))
    });
}

#[test]
fn every_class_has_a_row_in_the_list_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.tif");
    let grid = Grid {
        width: 64,
        height: 64,
        georef: Default::default(),
    };
    let classes = (1..=20).map(|id| terroir_scene::Class {
        id,
        name: format!("crop {id}"),
        color: terroir_scene::class_color(id),
    });
    let kind = MapKind::Classes(classes.collect());
    let mut writer = MapWriter::create(&path, &grid, kind).unwrap();
    let ids: Vec<u8> = (0..64 * 64).map(|pixel| 1 + (pixel % 20) as u8).collect();
    writer.write_bytes(grid.window(), &ids).unwrap();
    writer.finish(&Vec::new()).unwrap();
    let mut harness = opened(vec![path]);
    // Another panel has none of it, so that only the list is looked at.
    let rows =
        |harness: &Harness<'static, Window>, name: &str| harness.query_all_by_label(name).count();
    let (first, last) = (rows(&harness, "crop 1"), rows(&harness, "crop 20"));
    assert!(first > last, "{first} {last}");
    harness.get_by_label("and 6 more").click_accesskit();
    harness.step();
    harness.step();
    assert_eq!(rows(&harness, "crop 20"), last + 1);
    harness.get_by_label("Fewer").click_accesskit();
    harness.step();
    harness.step();
    assert_eq!(rows(&harness, "crop 20"), last);
}

/// Bytes without a colour table or names.
fn write_codes(folder: &Path) -> PathBuf {
    let path = folder.join("codes.tif");
    let grid = Grid {
        width: 64,
        height: 64,
        georef: Default::default(),
    };
    let kind = MapKind::Confidence(vec!["codes".to_owned()]);
    let mut writer = MapWriter::create(&path, &grid, kind).unwrap();
    let codes: Vec<u8> = (0..64 * 64).map(|pixel| [10, 40, 80][pixel % 3]).collect();
    writer.write_bytes(grid.window(), &codes).unwrap();
    writer.finish(&Vec::new()).unwrap();
    path
}

#[test]
fn codes_without_a_table_become_classes_that_can_be_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = opened(vec![write_codes(folder.path())]);
    assert!(matches!(style(harness.state()), Some(Style::Gray { .. })));
    click(&mut harness, "Classes");
    let values = |window: &Window| match style(window) {
        Some(Style::Palette {
            entries, hidden, ..
        }) => (
            entries.iter().map(|entry| entry.value).collect(),
            hidden.clone(),
        ),
        _ => (Vec::new(), Vec::new()),
    };
    wait(&mut harness, "the classes", |window| {
        values(window).0 == [10, 40, 80]
    });
    assert!(shows(&harness, "3 classes"));
    click(&mut harness, "Hide 40");
    assert_eq!(values(harness.state()).1, [40]);
    press(&mut harness, CTRL, Key::Z);
    assert!(values(harness.state()).1.is_empty());
}

#[test]
fn missing_pixels_get_a_colour_and_lose_it_by_undo() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = opened(vec![write_codes(folder.path())]);
    let color = |window: &Window| window.document().layers[0].missing_color;
    assert_eq!(color(harness.state()), None);
    harness
        .get_by_role_and_label(Role::CheckBox, "Colour missing pixels")
        .click();
    for _ in 0..3 {
        harness.step();
    }
    assert_eq!(color(harness.state()), Some([255, 0, 255]));
    assert!(shows(&harness, "No value"), "the legend says so");
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(color(harness.state()), None);
}

#[test]
fn limits_follow_the_view_without_a_step_to_undo() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("follow.terroir");
    let text = serde_json::json!({
        "schema": 1, "program": "Terroir", "active": 0, "next_layer_id": 1,
        "layers": [{
            "id": 0, "name": "scene", "kind": "raster", "file": {"path": scene()}, "visible": true, "opacity": 1.0,
            "style": {
                "kind": "gray", "band": 7, "ramp": "grays",
                "stretch": {"low": 0.0, "high": 1.0, "gamma": 1.0},
                "look": {"extent": "follow", "limits": "min_max"},
            },
        }],
    });
    std::fs::write(&project, text.to_string()).unwrap();
    let mut harness = opened(vec![project]);
    let id = harness.state().document().layers[0].id;
    let limits = move |window: &Window| window.limits_in_view(id).map(<[_]>::to_vec);
    wait(&mut harness, "limits of the first view", |window| {
        limits(window).is_some()
    });
    let whole = limits(harness.state()).unwrap()[0];
    let before = harness.state().document().clone();
    for _ in 0..4 {
        press(&mut harness, Modifiers::NONE, Key::PageUp);
    }
    wait(
        &mut harness,
        "narrower limits of a smaller view",
        |window| {
            limits(window).is_some_and(|now| now[0].high < whole.high && now[0].low >= whole.low)
        },
    );
    assert_eq!(*harness.state().document(), before);
}

#[test]
fn limits_are_told_as_the_band_measures_and_keep_what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("confidence.tif");
    let grid = Grid {
        width: 64,
        height: 64,
        georef: Default::default(),
    };
    // Bytes of 0 to 200 that stand for 0 to 1.
    let kind = MapKind::Confidence(vec!["confidence".to_owned()]);
    let mut writer = MapWriter::create(&path, &grid, kind).unwrap();
    let bytes: Vec<u8> = (0..64 * 64).map(|at| (at % 200) as u8).collect();
    writer.write_bytes(grid.window(), &bytes).unwrap();
    writer.finish(&Vec::new()).unwrap();
    let mut harness = opened(vec![path]);
    let shown = |harness: &Harness<'static, Window>| -> Vec<f64> {
        let spins = harness.query_all_by_role(Role::SpinButton);
        spins
            .filter_map(|node| node.accesskit_node().numeric_value())
            .collect()
    };
    let near =
        |values: &[f64], wanted: f64| values.iter().any(|value| (value - wanted).abs() < 0.02);
    crate::window::wait_until(&mut harness, "the limits", |harness| {
        let high = style(harness.state()).map_or(0.0, |style| style.stretches()[0].high);
        high > 100.0 && near(&shown(harness), f64::from(high) * 0.005)
    });
    let stored = style(harness.state()).unwrap().stretches()[0];
    let high = f64::from(stored.high);
    assert!(!near(&shown(&harness), high), "{:?}", shown(&harness));
}
