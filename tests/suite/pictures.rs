//! The walk that docs/window.md shows, gone on the bundled sample; `docs/pictures.sh` keeps the picture of each step, so that the
//! document shows the window as it is.

use std::sync::Arc;
use std::time::Duration;

use egui::{Event, Key, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_engine::WorkerLink;
use terroir_scene::{Companion, Labels, Layer, LayerSource, Raster, import_labels};

use crate::program::sample;
use crate::window::{CTRL, keep_picture, press, settle, show_panel, shows, wait, wait_until};
use crate::worker::real_worker;

fn open_sample(home: &std::path::Path) -> Harness<'static, Window> {
    let worker = real_worker(home);
    let mut harness = Harness::builder()
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
                sample: true,
                ..WindowOptions::default()
            };
            Window::new(creation, services, options).unwrap()
        });
    wait(&mut harness, "the sample", |window| {
        window.document().layers.len() >= 2
    });
    harness
}

/// Waits until the map is drawn in full, and keeps it.
fn picture(harness: &mut Harness<'static, Window>, name: &str) {
    wait(harness, "a whole map", |window| {
        window.canvas().is_at_rest()
    });
    // What just appeared fades in.
    std::thread::sleep(Duration::from_millis(300));
    settle(harness);
    keep_picture(harness, name);
}

/// Clicks what has exactly this name, else what has it in its name.
fn click(harness: &mut Harness<'static, Window>, name: &str) {
    let exact = harness.query_all_by_label(name).next();
    let found = exact.or_else(|| harness.query_all_by_label_contains(name).next());
    found
        .unwrap_or_else(|| panic!("nothing is called {name}"))
        .click();
    settle(harness);
}

/// Places of the labels' longest rows of one class, in map coordinates: where a person would draw.
fn strokes(labels: &Labels, class: u8, count: usize) -> Vec<[(f64, f64); 2]> {
    let grid = &labels.grid;
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for row in (0..grid.height).step_by(3) {
        let mut start = None;
        for col in 0..=grid.width {
            let is_class = col < grid.width && labels.class_at(col, row) == class;
            match (is_class, start) {
                (true, None) => start = Some(col),
                (false, Some(from)) => {
                    runs.push((col - from, from, row));
                    start = None;
                }
                _ => {}
            }
        }
    }
    runs.sort_by(|a, b| b.cmp(a));
    let mut chosen: Vec<(usize, usize, usize)> = Vec::new();
    for run in runs {
        // Not twice in one field.
        let is_apart = chosen
            .iter()
            .all(|other| other.2.abs_diff(run.2) + other.1.abs_diff(run.1) > 30);
        if chosen.len() < count && is_apart {
            chosen.push(run);
        }
    }
    let transform = grid.georef.transform.unwrap();
    chosen
        .into_iter()
        .map(|(length, col, row)| {
            let at = |col: f64| transform.map_from_pixel(col, row as f64 + 0.5);
            [at(col as f64 + 1.0), at((col + length) as f64 - 1.0)]
        })
        .collect()
}

fn draw(harness: &mut Harness<'static, Window>, [from, to]: [(f64, f64); 2]) {
    let place = |harness: &Harness<'static, Window>, map: (f64, f64)| -> Pos2 {
        let point = harness.state().canvas().viewport().point_from_map(map);
        harness.state().map_rect().min + egui::vec2(point.0, point.1)
    };
    let (start, end) = (place(harness, from), place(harness, to));
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    harness.hover_at(start);
    harness.step();
    harness.event(button(start, true));
    harness.step();
    for step in 1..=4 {
        harness.hover_at(start + (end - start) * (step as f32 / 4.0));
        harness.step();
    }
    harness.event(button(end, false));
    settle(harness);
}

#[test]
fn the_walk_of_the_documents() {
    let home = tempfile::tempdir().unwrap();
    let mut harness = open_sample(home.path());
    picture(&mut harness, "1-open.png");

    click(&mut harness, "Combination");
    click(&mut harness, "Colour infrared");
    picture(&mut harness, "2-wavelengths.png");
    press(&mut harness, CTRL, Key::Z);

    // The field below the scene, by itself.
    let layers = harness.state().document().layers.clone();
    let raster = |is_field: bool| {
        let is_wanted = |layer: &&Arc<Layer>| {
            let info = layer.raster_info();
            info.is_some_and(|info| info.is_field() == is_field)
        };
        layers.iter().find(is_wanted).unwrap().clone()
    };
    let (scene, field) = (raster(false), raster(true).name.clone());
    let grid = scene.raster_info().unwrap().grid.clone();
    let classes = harness.state().document().labels.clone().unwrap().classes;
    click(&mut harness, &field);
    click(&mut harness, &format!("Hide {}", scene.name));
    show_panel(&mut harness, "Field");
    picture(&mut harness, "3-field.png");
    click(&mut harness, &format!("Show {}", scene.name));

    // Strokes of the three classes with most labels in the sample's file, where these are.
    let (reference, _) =
        import_labels(&sample().join("labels.geojson"), &grid, Some("class")).unwrap();
    let counts = reference.counts();
    let mut common: Vec<(usize, u8, usize)> = classes
        .iter()
        .enumerate()
        .filter_map(|(place, class)| {
            let same = reference
                .classes
                .iter()
                .find(|own| own.name == class.name)?;
            Some((counts.get(&same.id).copied()?, same.id, place))
        })
        .collect();
    common.sort_by(|a, b| b.cmp(a));
    press(&mut harness, Modifiers::NONE, Key::P);
    let keys = [
        Key::Num1,
        Key::Num2,
        Key::Num3,
        Key::Num4,
        Key::Num5,
        Key::Num6,
    ];
    for (_, class_id, place) in common.into_iter().take(3) {
        press(&mut harness, Modifiers::ALT, keys[place]);
        for stroke in strokes(&reference, class_id, 3) {
            draw(&mut harness, stroke);
        }
    }
    wait(&mut harness, "the live map", |window| {
        window.live_map().is_some()
    });
    picture(&mut harness, "4-strokes.png");

    press(&mut harness, CTRL, Key::E);
    settle(&mut harness);
    picture(&mut harness, "5-export.png");
    press(&mut harness, Modifiers::NONE, Key::Escape);

    let map = home.path().join("map.tif");
    harness.state_mut().export_map(&map, &Companion::ALL);
    wait_until(&mut harness, "the map", |harness| {
        let layers = &harness.state().document().layers;
        layers
            .iter()
            .any(|layer| matches!(&layer.source, LayerSource::Raster { path, .. } if *path == map))
    });
    // What was wanted beside it follows.
    for ending in ["stac.json", "clr", "txt"] {
        let companion = map.with_extension(ending);
        wait(&mut harness, ending, |_| companion.exists());
    }
    show_panel(&mut harness, "Accuracy");
    click(&mut harness, "Check accuracy");
    wait_until(&mut harness, "the matrix", |harness| {
        shows(harness, "Rows: map. Columns: reference.")
    });
    picture(&mut harness, "6-map.png");
    let written = Raster::open(&map).unwrap();
    assert_eq!(written.info().grid.width, grid.width);
    let classes = written.info().metadata_item("TERROIR_CLASSES").unwrap();
    assert!(classes.matches("name").count() >= 3, "{classes}");
}
