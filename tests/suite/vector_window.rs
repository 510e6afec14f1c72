//! Vector layers in the window: opened by default as layers, styled, clicked, looked up in their table, used as labels, saved.

use std::path::{Path, PathBuf};

use egui::{Event, Key, Modifiers, PointerButton};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::Window;
use terroir_scene::{LayerSource, VectorColoring, open_project};

use crate::window::{CTRL, SIDE, open, press, shows, wait, wait_shown, write_scene};

/// Two squares and one with a hole on the scene's grid, in its own coordinate system.
fn write_fields(folder: &Path) -> PathBuf {
    let path = folder.join("fields.geojson");
    let square = |col: f64, row: f64, side: f64| {
        let (x, y) = (500_000.0 + 10.0 * col, 4_000_000.0 - 10.0 * row);
        let side = 10.0 * side;
        format!(
            "[[{x},{y}],[{},{y}],[{},{}],[{x},{}],[{x},{y}]]",
            x + side,
            x + side,
            y - side,
            y - side
        )
    };
    let feature = |crop: &str, yield_t: f64, rings: &str| {
        format!(
            r#"{{"type":"Feature","properties":{{"crop":"{crop}","yield_t":{yield_t}}},"geometry":{{"type":"Polygon","coordinates":[{rings}]}}}}"#
        )
    };
    let features = [
        feature("maize", 9.5, &square(10.0, 10.0, 20.0)),
        feature("wheat", 6.25, &square(60.0, 10.0, 20.0)),
        feature(
            "wheat",
            7.0,
            &format!("{},{}", square(20.0, 50.0, 40.0), square(30.0, 60.0, 20.0)),
        ),
    ];
    let text = format!(
        r#"{{"type":"FeatureCollection","crs":{{"type":"name","properties":{{"name":"urn:ogc:def:crs:EPSG::32629"}}}},"features":[{}]}}"#,
        features.join(",")
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn layer_names(window: &Window) -> Vec<String> {
    let layers = &window.document().layers;
    layers.iter().map(|layer| layer.name.clone()).collect()
}

fn coloring(window: &Window) -> Option<VectorColoring> {
    let layers = &window.document().layers;
    let source = layers.iter().find_map(|layer| layer.vector())?;
    Some(source.style.coloring.clone())
}

/// Clicks a place of the window.
fn click_at(harness: &mut Harness<'static, Window>, at: egui::Pos2) {
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
    harness.step();
}

/// Makes the fields the active layer: the files are read side by side, so either may have come last.
fn choose_fields(harness: &mut Harness<'static, Window>) {
    let row = harness.query_all_by_label("fields").next().unwrap().rect();
    // Right of the symbol and the name's first letters.
    click_at(harness, row.center());
}

/// Scene and fields, drawn.
fn open_both(folder: &Path) -> Harness<'static, Window> {
    let mut harness = open(vec![write_scene(folder), write_fields(folder)]);
    wait(&mut harness, "opening both files", |window| {
        window.document().layers.len() == 2
    });
    wait(&mut harness, "drawing the shapes", |window| {
        !window.canvas().is_loading()
    });
    harness
}

/// Clicks a place given in pixels of the scene.
fn click(harness: &mut Harness<'static, Window>, col: f64, row: f64) {
    assert!(col < SIDE as f64 && row < SIDE as f64);
    let map = (500_000.0 + 10.0 * col, 4_000_000.0 - 10.0 * row);
    let point = harness.state().canvas().viewport().point_from_map(map);
    let at = harness.state().map_rect().min + egui::vec2(point.0, point.1);
    click_at(harness, at);
}

/// Swiping a vector layer over a scene: shapes on the left of the divider, the bare scene on the right.
#[test]
fn the_divider_cuts_shapes_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open_both(folder.path());
    choose_fields(&mut harness);
    let colors = |harness: &mut Harness<'static, Window>| {
        wait(harness, "drawing", |window| !window.canvas().is_loading());
        harness.step();
        let picture = harness.render().unwrap();
        // Inside the left and the right square.
        [(20.0, 20.0), (70.0, 20.0)].map(|(col, row)| {
            let map = (500_000.0 + 10.0 * col, 4_000_000.0 - 10.0 * row);
            let point = harness.state().canvas().viewport().point_from_map(map);
            let at = harness.state().map_rect().min + egui::vec2(point.0, point.1);
            picture.get_pixel(at.x as u32, at.y as u32).0
        })
    };
    let whole = colors(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::W);
    assert!(harness.state().divider().is_some());
    assert!(shows(&harness, "Divider between fields and gradient"));
    // What lies right of the divider is the scene alone, and left of it the shapes alone.
    let cut = colors(&mut harness);
    assert_ne!(cut[0], whole[0], "the scene is cut away on the left");
    assert_ne!(cut[1], whole[1], "the shape is cut away on the right");
    press(&mut harness, Modifiers::NONE, Key::W);
    assert_eq!(colors(&mut harness), whole);
}

#[test]
fn an_opened_vector_file_is_a_layer_above_the_scene() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open_both(folder.path());
    assert_eq!(layer_names(harness.state()), ["fields", "gradient"]);
    assert!(shows(&harness, "Use as labels"), "the strip offers it");
    assert!(harness.state().document().labels.is_none());
    assert!(
        harness
            .state()
            .log()
            .iter()
            .any(|line| line.contains("3 shapes"))
    );
    // The fill and its outline are on the map, the hole shows the scene.
    let picture = harness.render().unwrap();
    let color = |col: f64, row: f64| {
        let map = (500_000.0 + 10.0 * col, 4_000_000.0 - 10.0 * row);
        let point = harness.state().canvas().viewport().point_from_map(map);
        let at = harness.state().map_rect().min + egui::vec2(point.0, point.1);
        let pixel = picture.get_pixel(at.x as u32, at.y as u32).0;
        [pixel[0], pixel[1], pixel[2]]
    };
    // The scene is a gradient from left to right: the same column is the same colour.
    let (field, hole, outside) = (color(25.0, 55.0), color(40.0, 70.0), color(40.0, 40.0));
    assert_eq!(hole, outside, "the hole is filled");
    assert_ne!(field, color(25.0, 40.0), "the polygon is not filled");
    // Hidden, it is gone.
    let eye = harness.get_by_label("Hide fields");
    eye.click();
    harness.step();
    wait(&mut harness, "hiding", |window| {
        !window.document().layers[0].visible
    });
    press(&mut harness, CTRL, Key::Z);
    assert!(harness.state().document().layers[0].visible);
}

#[test]
fn clicks_show_the_attributes_of_the_shape_under_the_pointer() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open_both(folder.path());
    press(&mut harness, Modifiers::NONE, Key::I);
    click(&mut harness, 20.0, 20.0);
    assert!(shows(&harness, "1 shape here"));
    assert!(shows(&harness, "maize") && shows(&harness, "9.5"));
    click(&mut harness, 40.0, 70.0);
    assert!(!shows(&harness, "shape here"), "a hole is no shape");
    click(&mut harness, 25.0, 55.0);
    assert!(shows(&harness, "wheat") && shows(&harness, "7"));
}

#[test]
fn shapes_are_coloured_by_their_attributes_in_undoable_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open_both(folder.path());
    let single = |window: &Window| matches!(coloring(window), Some(VectorColoring::Single { .. }));
    assert!(single(harness.state()));
    choose_fields(&mut harness);
    harness.get_by_label("By category").click();
    harness.step();
    wait(
        &mut harness,
        "the categories",
        |window| matches!(coloring(window), Some(VectorColoring::Categories { entries, .. }) if entries.len() == 2),
    );
    assert!(shows(&harness, "maize") && shows(&harness, "wheat"));
    harness.get_by_label("By number").click();
    harness.step();
    wait(
        &mut harness,
        "the ramp",
        |window| matches!(coloring(window), Some(VectorColoring::Graduated { attribute, .. }) if attribute == "yield_t"),
    );
    press(&mut harness, CTRL, Key::Z);
    press(&mut harness, CTRL, Key::Z);
    assert!(single(harness.state()));
}

#[test]
fn the_attribute_table_lists_and_chooses_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open_both(folder.path());
    choose_fields(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::F6);
    assert!(shows(&harness, "Attributes of fields"));
    assert!(shows(&harness, "3 shapes") && shows(&harness, "9.5"));
    let before = harness.state().canvas().viewport().units_per_point;
    // A row, then its place on the map.
    let cell = harness.get_by_label("6.25").rect().center();
    click_at(&mut harness, cell);
    assert!(shows(&harness, "1 chosen"));
    harness.get_by_label_contains("Zoom to chosen").click();
    harness.step();
    harness.step();
    assert!(harness.state().canvas().viewport().units_per_point < before);
}

#[test]
fn shapes_become_labels_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open_both(folder.path());
    let button = harness
        .query_all_by_label_contains("Use as labels")
        .next()
        .unwrap()
        .rect()
        .center();
    click_at(&mut harness, button);
    wait_shown(&mut harness, "holds the class");
    harness.get_by_label("Import").click();
    harness.step();
    wait(&mut harness, "the labels", |window| {
        window
            .document()
            .labels
            .as_ref()
            .is_some_and(|labels| labels.polygons.len() == 3 && labels.classes.len() == 2)
    });
    assert_eq!(harness.state().document().layers.len(), 3);
}

#[test]
fn a_project_keeps_its_vector_layers_and_greys_missing_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open_both(folder.path());
    choose_fields(&mut harness);
    harness.get_by_label("By category").click();
    harness.step();
    wait(&mut harness, "the categories", |window| {
        matches!(coloring(window), Some(VectorColoring::Categories { .. }))
    });
    let document = harness.state().document().clone();
    let path = folder.path().join("a.terroir");
    terroir_scene::save_project(&document, &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"path\": \"fields.geojson\""), "{text}");
    let opened = open_project(&path).unwrap();
    assert_eq!(opened.document.layers[0], document.layers[0]);

    let mut again = open(vec![path.clone()]);
    wait(&mut again, "the shapes of the project", |window| {
        window.document().layers.len() == 2 && !window.canvas().is_loading()
    });
    // The legend in the list.
    wait_shown(&mut again, "maize");

    std::fs::remove_file(folder.path().join("fields.geojson")).unwrap();
    let mut missing = open(vec![path]);
    wait(&mut missing, "the message", |window| {
        window
            .log()
            .iter()
            .any(|line| line.contains("fields.geojson"))
    });
    let kept = &missing.state().document().layers[0];
    assert!(matches!(kept.source, LayerSource::Vector(_)));
    assert!(shows(&missing, "fields"));
}

#[test]
fn a_vector_layer_becomes_the_area_of_interest_and_undo_takes_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open_both(folder.path());
    choose_fields(&mut harness);
    press(&mut harness, CTRL, Key::K);
    harness.event(Event::Text("use as area".to_owned()));
    harness.step();
    press(&mut harness, Modifiers::NONE, Key::Enter);
    let document = harness.state().document();
    let fields = document.layers.iter().find(|layer| layer.name == "fields");
    assert_eq!(document.area_of_interest, fields.map(|layer| layer.id));
    assert!(shows(&harness, "inside fields only"));
    let path = folder.path().join("a.terroir");
    terroir_scene::save_project(document, &path).unwrap();
    let saved = open_project(&path).unwrap().document;
    assert_eq!(saved.area_of_interest, document.area_of_interest);
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(harness.state().document().area_of_interest, None);
}

#[test]
fn clicked_shapes_become_the_area_of_interest() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open_both(folder.path());
    choose_fields(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::I);
    click(&mut harness, 70.0, 20.0);
    for (entry, part, words) in [
        ("This shape only", "fid=1", "inside fields, shape 1"),
        (
            "All with crop = wheat",
            "crop=wheat",
            "inside fields, crop = wheat",
        ),
    ] {
        harness
            .get_by_label("Work inside these shapes only")
            .click();
        harness.step();
        harness.step();
        harness.get_by_label(entry).click();
        harness.step();
        harness.step();
        let document = harness.state().document();
        let fields = document.layers.iter().find(|layer| layer.name == "fields");
        assert_eq!(document.area_of_interest, fields.map(|layer| layer.id));
        assert_eq!(
            document.area_part.as_ref().map(ToString::to_string),
            Some(part.to_owned())
        );
        assert!(shows(&harness, words), "{words}");
    }
    let path = folder.path().join("a.terroir");
    let document = harness.state().document();
    terroir_scene::save_project(document, &path).unwrap();
    let saved = open_project(&path).unwrap().document;
    assert_eq!(saved.area_part, document.area_part);
    press(&mut harness, CTRL, Key::Z);
    let document = harness.state().document();
    let part = document.area_part.as_ref().map(ToString::to_string);
    assert_eq!(part.as_deref(), Some("fid=1"));
}
