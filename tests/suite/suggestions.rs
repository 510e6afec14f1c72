//! Where to label next: key N in the window and `terroir suggest` on the command line.

use std::path::{Path, PathBuf};

use egui::{Key, Modifiers};
use terroir_scene::{
    Crs, FIELD_AXES, GeoTransform, Georef, Grid, MapKind, MapWriter, encode_value,
};

use crate::window::{SIDE, keep_picture, open, press, show_panel, shows, stroke, wait};

/// A field of three kinds of ground, a third of the width each.
pub(crate) fn three_grounds(folder: &Path) -> PathBuf {
    let path = folder.join("three_grounds_field.tif");
    let grid = Grid {
        width: SIDE,
        height: SIDE,
        georef: Georef {
            transform: Some(GeoTransform([
                500_000.0,
                10.0,
                0.0,
                4_000_000.0,
                0.0,
                -10.0,
            ])),
            crs: Crs::parse("EPSG:32629").ok(),
            ..Georef::default()
        },
    };
    let mut writer = MapWriter::create(&path, &grid, MapKind::Field).unwrap();
    let mut codes = vec![0_u8; FIELD_AXES * SIDE * SIDE];
    for pixel in 0..SIDE * SIDE {
        let (col, row) = (pixel % SIDE, pixel / SIDE);
        let wave = ((col * 7 + row * 13) % 20) as f32 / 200.0;
        for (axis, value) in [(col * 3 / SIDE, 0.98), (3, 0.1 + wave)] {
            codes[axis * SIDE * SIDE + pixel] = encode_value(value) as u8;
        }
    }
    writer.write_bytes(grid.window(), &codes).unwrap();
    writer.finish(&Vec::new()).unwrap();
    path
}

#[test]
fn n_goes_to_the_unknown_ground_and_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open(vec![three_grounds(folder.path())]);
    wait(&mut harness, "opening the field", |window| {
        !window.document().layers.is_empty()
    });
    press(&mut harness, Modifiers::NONE, Key::N);
    assert!(
        shows(&harness, "Needs a field and labels"),
        "without a map it says what is missing"
    );
    press(&mut harness, Modifiers::NONE, Key::M);
    press(&mut harness, Modifiers::NONE, Key::P);
    stroke(&mut harness, (0.05, 0.3), (0.25, 0.6));
    press(&mut harness, Modifiers::NONE, Key::M);
    stroke(&mut harness, (0.4, 0.3), (0.6, 0.6));
    wait(&mut harness, "the live map", |window| {
        window.live_map().is_some()
    });

    let before = *harness.state().canvas().viewport();
    press(&mut harness, Modifiers::NONE, Key::N);
    wait(&mut harness, "the first place", |window| {
        window.suggested_place().is_some()
    });
    let first = harness.state().suggested_place().unwrap();
    assert!(
        first.0 >= SIDE * 2 / 3,
        "{first:?} is not on the unlabelled ground"
    );
    harness.step();
    let view = *harness.state().canvas().viewport();
    assert!(
        view.units_per_point <= before.units_per_point && view.units_per_point <= 10.0 / 4.0,
        "near enough to see pixels of 10 m"
    );
    let middle = (
        500_000.0 + (first.0 as f64 + 0.5) * 10.0,
        4_000_000.0 - (first.1 as f64 + 0.5) * 10.0,
    );
    assert!((view.center.0 - middle.0).abs() < 1.0 && (view.center.1 - middle.1).abs() < 1.0);
    assert!(shows(&harness, "Where to label next") && shows(&harness, "Place 1:"));
    keep_picture(&mut harness, "suggestions.png");
    // The ring around it is on the map as long as the list is on show.
    let middle = harness.state().map_rect().center();
    let has_ring = |harness: &mut egui_kittest::Harness<'static, terroir::window::Window>| {
        let picture = harness.render().unwrap();
        let (x, y) = (middle.x as u32, middle.y as u32);
        (12..24).any(|below| picture.get_pixel(x, y + below).0[..3] == [255; 3])
    };
    assert!(has_ring(&mut harness));
    show_panel(&mut harness, "Style");
    assert!(!has_ring(&mut harness));
    show_panel(&mut harness, "Field");

    // Passed over: the next one lies elsewhere, and the first does not come back after a refit.
    press(&mut harness, Modifiers::NONE, Key::N);
    wait(&mut harness, "the second place", |window| {
        window.suggested_place().is_some_and(|place| place != first)
    });
    press(&mut harness, Modifiers::SHIFT | Modifiers::COMMAND, Key::F);
    stroke(&mut harness, (0.1, 0.8), (0.2, 0.9));
    wait(&mut harness, "the list after a refit", |window| {
        let places = window.suggested_places();
        window.suggestions_are_current() && !places.is_empty() && !places.contains(&first)
    });
}

#[test]
fn the_command_line_lists_and_writes_places() {
    let folder = tempfile::tempdir().unwrap();
    let field = three_grounds(folder.path());
    let labels = folder.path().join("labels.csv");
    let mut text = "x,y,class\n".to_owned();
    for (col, row, class) in [(5, 5, "a"), (9, 60, "a"), (40, 8, "b"), (50, 70, "b")] {
        text += &format!("{},{},{class}\n", 500_005 + 10 * col, 3_999_995 - 10 * row);
    }
    std::fs::write(&labels, text).unwrap();
    let out = folder.path().join("places.csv");
    let run = |more: &[&str]| {
        let mut args = vec![
            "suggest",
            "--field",
            field.to_str().unwrap(),
            "--labels",
            labels.to_str().unwrap(),
            "--count",
            "4",
            "--json",
        ];
        args.extend(more);
        let output = std::process::Command::new(crate::program::terroir())
            .args(args)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let found = run(&["--out", out.to_str().unwrap()]);
    let places = found["places"].as_array().unwrap();
    assert_eq!(places.len(), 4);
    assert!(places[0]["col"].as_u64().unwrap() >= 64, "{places:?}");
    assert_eq!(found["sampled_pixels"], SIDE * SIDE);
    let table = std::fs::read_to_string(&out).unwrap();
    assert_eq!(table.lines().count(), 5);
    assert!(table.starts_with("id,x,y,crs,map_class"));
    let by_entropy = run(&["--by", "entropy", "--kind", "ridge"]);
    assert_eq!(by_entropy["places"].as_array().unwrap().len(), 4);
}
