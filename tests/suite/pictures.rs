//! The walks that docs/window.md and docs/first-map.md show, gone on the bundled sample and on a field in the AlphaEarth coding;
//! `docs/pictures.sh` keeps the picture of each step, so that the documents show the window as it is.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_engine::WorkerLink;
use terroir_scene::{
    ALPHAEARTH_ATTRIBUTION, Companion, Grid, Labels, Layer, LayerSource, Raster, Resampling, Style,
    import_labels,
};

use crate::program::{sample, shared_data};
use crate::window::{CTRL, keep_picture, press, settle, show_panel, shows, wait, wait_until};
use crate::worker::real_worker;

fn open_sample(home: &Path) -> Harness<'static, Window> {
    let options = WindowOptions {
        sample: true,
        ..WindowOptions::default()
    };
    let mut harness = open_window(home, options);
    wait(&mut harness, "the sample", |window| {
        window.document().layers.len() >= 2
    });
    harness
}

/// A window with a worker of its own.
fn open_window(home: &Path, options: WindowOptions) -> Harness<'static, Window> {
    let worker = real_worker(home);
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
            Window::new(creation, services, options).unwrap()
        })
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

/// `N`: the view goes to where the next label helps most.
fn next_place(harness: &mut Harness<'static, Window>) -> (usize, usize) {
    press(harness, Modifiers::NONE, Key::N);
    wait(harness, "a place to label next", |window| {
        window.suggested_place().is_some()
    });
    harness.state().suggested_place().unwrap()
}

/// Checks the live map on its own labels and waits for the figures.
fn check_accuracy(harness: &mut Harness<'static, Window>) {
    show_panel(harness, "Accuracy");
    click(harness, "Check accuracy");
    wait_until(harness, "the matrix", |harness| {
        shows(harness, "Rows: map. Columns: reference.")
    });
}

/// Writes the class map as the export dialog does, and waits until it is a layer.
fn export(harness: &mut Harness<'static, Window>, map: &Path) {
    harness.state_mut().export_map(map, &Companion::ALL);
    wait_until(harness, "the map", |harness| {
        let layers = &harness.state().document().layers;
        layers
            .iter()
            .any(|layer| matches!(&layer.source, LayerSource::Raster { path, .. } if path == map))
    });
}

/// The export dialog with a file name of the document's and what it will cost; then it is left.
fn show_export(harness: &mut Harness<'static, Window>, file: &str, name: &str) {
    press(harness, CTRL, Key::E);
    settle(harness);
    let field = harness.query_all_by_role(Role::TextInput).last();
    field.unwrap().focus();
    settle(harness);
    press(harness, CTRL, Key::A);
    harness.event(Event::Text(file.to_owned()));
    settle(harness);
    // Costs of a path that is being typed are not asked for.
    press(harness, Modifiers::NONE, Key::Tab);
    wait_until(harness, "the costs", |harness| shows(harness, "on disk"));
    assert!(shows(harness, "Copy as command"));
    picture(harness, name);
    click(harness, "Cancel");
}

/// Puts away what was said.
fn close_messages(harness: &mut Harness<'static, Window>) {
    while shows(harness, "Close this message") {
        click(harness, "Close this message");
    }
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

    let whole = *harness.state().canvas().viewport();
    next_place(&mut harness);
    picture(&mut harness, "next.png");
    press(&mut harness, Modifiers::SHIFT | Modifiers::COMMAND, Key::F);
    settle(&mut harness);
    let again = *harness.state().canvas().viewport();
    assert!((again.units_per_point - whole.units_per_point).abs() < 1e-6 * whole.units_per_point);

    show_export(&mut harness, "crops.tif", "5-export.png");

    let map = home.path().join("map.tif");
    export(&mut harness, &map);
    // What was wanted beside it follows.
    for ending in ["stac.json", "clr", "txt"] {
        let companion = map.with_extension(ending);
        wait(&mut harness, ending, |_| companion.exists());
    }
    check_accuracy(&mut harness);
    picture(&mut harness, "6-map.png");
    let written = Raster::open(&map).unwrap();
    assert_eq!(written.info().grid.width, grid.width);
    let classes = written.info().metadata_item("TERROIR_CLASSES").unwrap();
    assert!(classes.matches("name").count() >= 3, "{classes}");
}

/// Codes of the first band.
fn codes_of(path: &Path) -> (Grid, Vec<u8>) {
    let raster = Raster::open(path).unwrap();
    let window = raster.info().grid.window();
    let (width, height) = (window.width, window.height);
    let block = raster
        .read_blocking(&[0], window, width, height, Resampling::Nearest)
        .unwrap();
    let codes = block.values.iter().zip(&block.valid);
    let codes = codes.map(|(value, valid)| if *valid { *value as u8 } else { u8::MAX });
    (raster.info().grid.clone(), codes.collect())
}

/// Classes of Dynamic World in the order of their codes from 0, in its own colours.
const GROUND: [(&str, &str); 9] = [
    ("Water", "#419bdf"),
    ("Trees", "#397d49"),
    ("Grass", "#88b053"),
    ("Flooded vegetation", "#7a87c6"),
    ("Crops", "#e49635"),
    ("Shrub and scrub", "#dfc35a"),
    ("Built", "#c4281b"),
    ("Bare", "#a59b8f"),
    ("Snow and ice", "#b39fe1"),
];

/// The two minutes: open, colours, five strokes, `N`, accuracy, export, on vectors of the published product.
#[test]
fn the_walk_on_an_alphaearth_field() {
    let Some(data) = shared_data("the walk on an AlphaEarth field") else {
        return;
    };
    let field = data.join("aef/layout_iowa_ag_y0_northup.tif");
    let (grid, truth) = codes_of(&data.join("aef/layout_iowa_ag_labels.tif"));
    let home = tempfile::tempdir().unwrap();
    let options = WindowOptions {
        files: vec![field.clone()],
        ..WindowOptions::default()
    };
    let mut harness = open_window(home.path(), options);
    wait(&mut harness, "the field in colour", |window| {
        let first = window.document().layers.first();
        first.is_some_and(|layer| matches!(layer.style, Some(Style::FieldPca { .. })))
    });
    let credit = harness.state().document().layers[0].attribution.clone();
    let credit = credit.unwrap();
    assert!(credit.starts_with(ALPHAEARTH_ATTRIBUTION), "{credit}");
    show_panel(&mut harness, "Field");
    picture(&mut harness, "aef-open.png");

    let table = home.path().join("dynamic_world.csv");
    let rows = GROUND.iter().zip(1..);
    let rows = rows.map(|((name, color), id)| format!("{id},{name},{color}\n"));
    let text = "class_id,class_name,color\n".to_owned() + &rows.collect::<String>();
    std::fs::write(&table, text).unwrap();
    harness.state_mut().load_classes(table);
    wait(&mut harness, "the classes", |window| {
        let labels = window.document().labels.as_ref();
        labels.is_some_and(|labels| labels.classes.len() == GROUND.len())
    });

    close_messages(&mut harness);

    // One stroke each.
    let at = |col: f64, row: f64| grid.transform().map_from_pixel(col, row);
    let keys = [Key::Num1, Key::Num2, Key::Num3, Key::Num5, Key::Num7];
    press(&mut harness, Modifiers::NONE, Key::P);
    let mut labelled = vec![0, 1, 2, 4, 6];
    for (code, key) in labelled.iter().zip(keys) {
        // Well inside a parcel, with room for the brush.
        let is_inside = |col: usize, row: usize| {
            (row - 3..=row + 3)
                .all(|row| (col - 7..=col + 7).all(|col| truth[row * grid.width + col] == *code))
        };
        let parcel = (4..grid.height - 4)
            .flat_map(|row| (8..grid.width - 8).map(move |col| (col, row)))
            .find(|(col, row)| is_inside(*col, *row))
            .unwrap();
        let (col, row) = (parcel.0 as f64, parcel.1 as f64);
        press(&mut harness, Modifiers::ALT, key);
        draw(&mut harness, [at(col - 4.0, row), at(col + 4.0, row)]);
    }
    wait(&mut harness, "the live map of five classes", |window| {
        window
            .live_map()
            .is_some_and(|head| head.classes.len() == 5)
    });
    picture(&mut harness, "aef-strokes.png");

    // It goes to where the map is torn between two kinds, and a stroke of what is there settles it.
    let place = next_place(&mut harness);
    let code = truth[place.1 * grid.width + place.0];
    let view = *harness.state().canvas().viewport();
    let middle = at(place.0 as f64 + 0.5, place.1 as f64 + 0.5);
    assert!((view.center.0 - middle.0).abs() < 1.0 && (view.center.1 - middle.1).abs() < 1.0);
    assert!(shows(&harness, "Where to label next") && shows(&harness, "Place 1:"));
    picture(&mut harness, "aef-next.png");
    let all = [
        Key::Num1,
        Key::Num2,
        Key::Num3,
        Key::Num4,
        Key::Num5,
        Key::Num6,
        Key::Num7,
        Key::Num8,
        Key::Num9,
    ];
    let count = |window: &Window| -> usize {
        let labels = window.document().labels.as_ref().unwrap();
        labels.counts().values().sum()
    };
    let before = count(harness.state());
    press(&mut harness, Modifiers::ALT, all[usize::from(code)]);
    let (col, row) = (place.0 as f64 + 0.5, place.1 as f64 + 0.5);
    draw(&mut harness, [at(col - 1.0, row), at(col + 1.0, row)]);
    wait(&mut harness, "the live map of six strokes", |window| {
        count(window) > before && window.suggestions_are_current()
    });
    labelled.push(code);
    press(&mut harness, Modifiers::SHIFT | Modifiers::COMMAND, Key::F);
    check_accuracy(&mut harness);
    assert!(shows(&harness, "overall accuracy"));
    picture(&mut harness, "aef-accuracy.png");

    show_export(&mut harness, "iowa.tif", "aef-export.png");
    let map = home.path().join("map.tif");
    export(&mut harness, &map);
    close_messages(&mut harness);
    show_panel(&mut harness, "Style");
    picture(&mut harness, "aef-map.png");

    let written = Raster::open(&map).unwrap();
    let info = written.info();
    assert_eq!(
        info.metadata_item("ATTRIBUTION"),
        Some(ALPHAEARTH_ATTRIBUTION)
    );
    assert!(info.grid.same_as(&grid));
    let classes = info.metadata_item("TERROIR_CLASSES").unwrap();
    for code in &labelled {
        assert!(classes.contains(GROUND[usize::from(*code)].0), "{classes}");
    }
    let (_, mapped) = codes_of(&map);
    let known = truth
        .iter()
        .zip(&mapped)
        .filter(|(code, _)| labelled.contains(code));
    let (mut right, mut all) = (0, 0);
    for (code, class) in known {
        all += 1;
        right += usize::from(code + 1 == *class);
    }
    let share = right as f64 / all as f64;
    assert!(share > 0.8, "{right} of {all} pixels of the labelled kinds");
    // What has no vector has no class.
    assert!(
        truth
            .iter()
            .zip(&mapped)
            .all(|(code, class)| *code != u8::MAX || *class == u8::MAX)
    );
}
