//! The tools that label many pixels at once, as a user meets them: fill, grow by spectrum, class tables and the statistics
//! below the class list.

use std::path::{Path, PathBuf};

use egui::{Event, Key, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::Window;
use terroir_scene::{FIELD_AXES, MapKind, MapWriter, encode_value};

use crate::program::run;
use crate::window::{
    CTRL, SIDE, grid, keep_picture, open, press, settle, shows, stroke, wait, wait_until,
    write_field,
};

fn opened(file: PathBuf) -> Harness<'static, Window> {
    let mut harness = open(vec![file]);
    wait(&mut harness, "opening the file", |window| {
        !window.document().layers.is_empty()
    });
    harness
}

/// Clicks a place given as a share of the map's extent.
fn click(harness: &mut Harness<'static, Window>, share: (f64, f64)) {
    let side = SIDE as f64 * 10.0;
    let map = (500_000.0 + share.0 * side, 4_000_000.0 - share.1 * side);
    let point = harness.state().canvas().viewport().point_from_map(map);
    let at: Pos2 = harness.state().map_rect().min + egui::vec2(point.0, point.1);
    harness.hover_at(at);
    harness.step();
    for pressed in [true, false] {
        harness.event(Event::PointerButton {
            pos: at,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
        harness.step();
    }
}

fn labelled(window: &Window, class_id: u8) -> usize {
    let labels = window.document().labels.as_ref();
    labels
        .and_then(|labels| labels.counts().get(&class_id).copied())
        .unwrap_or(0)
}

fn said(window: &Window, words: &str) -> bool {
    window.log().iter().any(|line| line.contains(words))
}

#[test]
fn fill_closes_an_outline_and_is_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = opened(write_field(folder.path()));
    press(&mut harness, Modifiers::NONE, Key::M);
    press(&mut harness, Modifiers::NONE, Key::P);
    let corners = [(0.2, 0.2), (0.5, 0.2), (0.5, 0.5), (0.2, 0.5), (0.2, 0.2)];
    for pair in corners.windows(2) {
        stroke(&mut harness, pair[0], pair[1]);
    }
    let outline = labelled(harness.state(), 1);
    press(&mut harness, Modifiers::NONE, Key::M);
    press(&mut harness, Modifiers::NONE, Key::F);
    click(&mut harness, (0.35, 0.35));
    wait(&mut harness, "the fill", |window| labelled(window, 2) > 0);
    let filled = labelled(harness.state(), 2);
    assert!((300..900).contains(&filled), "{filled} pixels filled");
    assert_eq!(labelled(harness.state(), 1), outline);
    assert!(shows(&harness, "Class 2"));

    // The ground around is not closed.
    click(&mut harness, (0.8, 0.8));
    wait(&mut harness, "the reason", |window| {
        said(window, "not closed")
    });
    assert_eq!(labelled(harness.state(), 2), filled);
    // A patch takes another class, the outline itself too.
    click(&mut harness, (0.2, 0.35));
    wait(&mut harness, "the outline", |window| {
        labelled(window, 1) == 0
    });
    assert_eq!(labelled(harness.state(), 2), filled + outline);
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(labelled(harness.state(), 1), outline);
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(labelled(harness.state(), 2), 0);
    press(&mut harness, CTRL, Key::Y);
    assert_eq!(labelled(harness.state(), 2), filled);
    // What is protected keeps its class.
    press(&mut harness, Modifiers::NONE, Key::B);
    click(&mut harness, (0.2, 0.35));
    wait(&mut harness, "the reason", |window| {
        said(window, "protected")
    });
    assert_eq!(labelled(harness.state(), 1), outline);
}

/// Two discs of one spectrum, the right one darker, in ground of another.
fn write_discs(folder: &Path) -> PathBuf {
    let path = folder.join("discs.tif");
    let grid = grid();
    let bands = ["red", "green", "blue"].map(|name| (name.to_owned(), "1".to_owned()));
    let kind = MapKind::Continuous {
        bands: bands.to_vec(),
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(&path, &grid, kind).unwrap();
    let mut values = vec![0.0_f32; 3 * SIDE * SIDE];
    for row in 0..SIDE {
        for col in 0..SIDE {
            let (spectrum, light) = match disc_at(col, row) {
                Some(0) => ([0.4, 0.3, 0.1], 1.0),
                Some(_) => ([0.4, 0.3, 0.1], 0.7),
                None => ([0.1, 0.3, 0.4], 1.0),
            };
            let grain = 1.0 + ((col * 7 + row * 13) % 11) as f32 / 500.0;
            for (band, value) in spectrum.iter().enumerate() {
                values[band * SIDE * SIDE + row * SIDE + col] = value * light * grain;
            }
        }
    }
    writer.write_floats(grid.window(), &values).unwrap();
    writer.finish(&Vec::new()).unwrap();
    path
}

/// The discs touch in the middle.
fn disc_at(col: usize, row: usize) -> Option<usize> {
    let y = row as f64 - 48.0;
    [28.0, 68.0].iter().position(|middle| {
        let x = col as f64 - middle;
        x * x + y * y <= 20.0 * 20.0
    })
}

fn disc_pixels(wanted: usize) -> usize {
    (0..SIDE * SIDE)
        .filter(|at| disc_at(at % SIDE, at / SIDE) == Some(wanted))
        .count()
}

#[test]
fn a_region_grows_by_spectrum_follows_the_tolerance_and_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = opened(write_discs(folder.path()));
    press(&mut harness, Modifiers::NONE, Key::M);
    press(&mut harness, Modifiers::NONE, Key::G);
    assert!(shows(&harness, "Tolerance"));
    assert!(shows(&harness, "Click a pixel"));
    click(&mut harness, (0.3, 0.5));
    let (left, right) = (disc_pixels(0), disc_pixels(1));
    wait(&mut harness, "the region", |window| {
        labelled(window, 1) == left
    });
    keep_picture(&mut harness, "grow.png");
    // The angle does not see the shade: both discs are one region. It replaces the one before it.
    harness.get_by_label("Angle").click();
    harness.step();
    wait(&mut harness, "the region by angle", |window| {
        labelled(window, 1) == left + right
    });
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(
        labelled(harness.state(), 1),
        0,
        "one step, whatever was tried"
    );
    press(&mut harness, CTRL, Key::Y);
    assert_eq!(labelled(harness.state(), 1), left + right);
    press(&mut harness, CTRL, Key::Z);

    // Esc takes the newest region back, and only that.
    click(&mut harness, (0.3, 0.5));
    wait(&mut harness, "the region again", |window| {
        labelled(window, 1) == left + right
    });
    press(&mut harness, Modifiers::NONE, Key::Enter);
    press(&mut harness, Modifiers::NONE, Key::M);
    click(&mut harness, (0.03, 0.9));
    wait(&mut harness, "the ground", |window| labelled(window, 2) > 0);
    assert_eq!(
        labelled(harness.state(), 2),
        SIDE * SIDE - left - right,
        "all the ground hangs together"
    );
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert_eq!(labelled(harness.state(), 2), 0);
    assert_eq!(labelled(harness.state(), 1), left + right);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert_eq!(labelled(harness.state(), 1), left + right);
    assert!(!shows(&harness, "Tolerance"), "Esc puts the tool away");
}

#[test]
fn a_region_of_a_field_follows_its_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("field.tif");
    let grid = grid();
    let mut writer = MapWriter::create(&path, &grid, MapKind::Field).unwrap();
    let mut codes = vec![0_u8; FIELD_AXES * SIDE * SIDE];
    for row in 0..SIDE {
        for col in 0..SIDE {
            let axis = usize::from(disc_at(col, row).is_some());
            let wave = ((col * 7 + row * 13) % 20) as f32 / 400.0;
            for (axis, value) in [(axis, 0.99), (2, wave)] {
                codes[axis * SIDE * SIDE + row * SIDE + col] = encode_value(value) as u8;
            }
        }
    }
    writer.write_bytes(grid.window(), &codes).unwrap();
    writer.finish(&Vec::new()).unwrap();
    let mut harness = opened(path);
    press(&mut harness, Modifiers::NONE, Key::M);
    press(&mut harness, Modifiers::NONE, Key::G);
    harness.get_by_label("Angle").click();
    harness.step();
    click(&mut harness, (0.3, 0.5));
    wait(&mut harness, "the region", |window| {
        labelled(window, 1) == disc_pixels(0) + disc_pixels(1)
    });
}

#[test]
fn strokes_snap_to_segments_and_keep_to_the_edges() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = opened(write_discs(folder.path()));
    press(&mut harness, Modifiers::NONE, Key::M);
    let snap = Window::commands()
        .iter()
        .position(|name| name == "SnapStrokes")
        .unwrap();
    harness.state_mut().run_command(snap);
    settle(&mut harness);
    assert!(shows(&harness, "Draw through the segments"));
    let inside = |window: &Window, disc: Option<usize>| {
        let labels = window.document().labels.as_ref().unwrap();
        let pixels = (0..SIDE * SIDE).map(|at| (at % SIDE, at / SIDE));
        pixels
            .filter(|(col, row)| labels.class_at(*col, *row) == 1 && disc_at(*col, *row) == disc)
            .count()
    };
    // Two strokes one after the other, the second before the first is answered: each in a disc of its own.
    stroke(&mut harness, (0.2, 0.5), (0.38, 0.5));
    stroke(&mut harness, (0.62, 0.45), (0.8, 0.45));
    wait(&mut harness, "both strokes", |window| {
        inside(window, Some(0)) > 0 && inside(window, Some(1)) > 0
    });
    let (left, right) = (
        inside(harness.state(), Some(0)),
        inside(harness.state(), Some(1)),
    );
    let outside = inside(harness.state(), None);
    assert!(left > 150 && right > 150, "{left} and {right} pixels");
    assert!(
        outside * 20 <= left + right,
        "{outside} beside {left} and {right}"
    );
    keep_picture(&mut harness, "snap.png");
    // Each is one step.
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(inside(harness.state(), Some(1)), 0);
    assert!(inside(harness.state(), Some(0)) > 150);
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(labelled(harness.state(), 1), 0);
    // Without snapping a stroke is as it is drawn.
    harness.state_mut().run_command(snap);
    settle(&mut harness);
    stroke(&mut harness, (0.2, 0.5), (0.38, 0.5));
    let drawn = labelled(harness.state(), 1);
    assert!((1..150).contains(&drawn), "{drawn} pixels");
}

#[test]
fn classes_come_from_a_table_and_are_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = opened(write_field(folder.path()));
    let table = folder.path().join("legend.csv");
    std::fs::write(
        &table,
        "class_id,class_name,color\n10,Tree cover,#006400\n50,Built-up,#fa0000\n",
    )
    .unwrap();
    harness.state_mut().load_classes(table.clone());
    wait(&mut harness, "the classes", |window| {
        window
            .document()
            .labels
            .as_ref()
            .is_some_and(|labels| labels.classes.len() == 2)
    });
    assert!(shows(&harness, "Tree cover"));
    assert!(said(harness.state(), "2 classes added"));
    let labels = harness.state().document().labels.clone().unwrap();
    assert_eq!(
        (
            labels.class(50).unwrap().name.as_str(),
            labels.class(10).unwrap().color
        ),
        ("Built-up", [0, 100, 0])
    );
    // Once more: nothing new.
    harness.state_mut().load_classes(table);
    wait(&mut harness, "the word", |window| {
        said(window, "no class that is not there already")
    });
    press(&mut harness, CTRL, Key::Z);
    let left = harness.state().document().labels.as_ref();
    assert!(left.is_none_or(|labels| labels.classes.is_empty()));
    // Nonsense is a message.
    let other = folder.path().join("other.csv");
    std::fs::write(&other, "lon,lat\n1,2\n").unwrap();
    harness.state_mut().load_classes(other);
    wait(&mut harness, "the message", |window| {
        said(window, "class_id")
    });
}

#[test]
fn the_class_list_counts_and_warns() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = opened(write_field(folder.path()));
    press(&mut harness, Modifiers::NONE, Key::M);
    press(&mut harness, Modifiers::NONE, Key::P);
    stroke(&mut harness, (0.1, 0.2), (0.4, 0.2));
    stroke(&mut harness, (0.1, 0.6), (0.4, 0.6));
    press(&mut harness, Modifiers::NONE, Key::M);
    for _ in 0..6 {
        press(&mut harness, Modifiers::NONE, Key::OpenBracket);
    }
    stroke(&mut harness, (0.7, 0.3), (0.75, 0.3));
    wait_until(&mut harness, "the hint", |harness| {
        shows(harness, "Class 2 has")
    });
    harness.get_by_label("Label statistics").click();
    settle(&mut harness);
    for words in ["Patches", "Pixels"] {
        assert!(shows(&harness, words), "{words}");
    }
    keep_picture(&mut harness, "label_statistics.png");
    // The hint goes once there is enough.
    press(&mut harness, Modifiers::NONE, Key::CloseBracket);
    stroke(&mut harness, (0.6, 0.7), (0.9, 0.7));
    wait_until(&mut harness, "the hint to go", |harness| {
        !shows(harness, "Class 2 has")
    });
}

#[test]
fn the_command_line_converts_class_tables() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("legend.csv"),
        "id;name;r;g;b\n10;Tree cover;0;100;0\n900;Ice;1;2;3\n",
    )
    .unwrap();
    let said = run(
        folder.path(),
        &["classes", "legend.csv", "--to", "legend.qml"],
    )
    .done();
    assert!(
        said.contains("Tree cover") && said.contains("#006400"),
        "{said}"
    );
    let rows = run(folder.path(), &["classes", "legend.qml", "--json"]).json();
    // 900 is no number labels can have.
    assert_eq!(
        (&rows[0]["class_id"], &rows[0]["class_name"]),
        (&1.into(), &"Ice".into())
    );
    assert_eq!(rows[1]["class_name"], "Tree cover");
    run(
        folder.path(),
        &["classes", "legend.csv", "--to", "legend.doc"],
    )
    .failed(1, &[".csv", "legend.doc"]);
    run(folder.path(), &["classes", "missing.terroir"]).failed(1, &["missing.terroir"]);
}
