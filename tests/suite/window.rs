//! The window as a user meets it, drawn by the software rasteriser: open, paint, undo, choose bands, meet a bad file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use terroir::window::{JobLink, Services, Window, WindowOptions, waker};
use terroir_engine::{Event as JobEvent, Failure, JobId, JobSpec};
use terroir_scene::{
    Crs, FIELD_AXES, GeoTransform, Georef, Grid, MapKind, MapWriter, encode_value,
};

pub(crate) const SIDE: usize = 96;
/// How long a test waits for a background thread.
const PATIENCE: Duration = Duration::from_secs(300);

/// Plays the worker: starts every job and then dies with it.
#[derive(Default)]
pub(crate) struct DyingWorker {
    next: u64,
    events: Vec<JobEvent>,
}

impl JobLink for DyingWorker {
    fn run(&mut self, _spec: JobSpec) -> JobId {
        self.next += 1;
        let id = JobId(self.next);
        self.events.push(JobEvent::Started {
            id,
            device: "CPU".to_owned(),
        });
        let what = "The worker was killed (signal 9). Start the job again.".to_owned();
        self.events.push(JobEvent::Failed {
            id,
            failure: Failure {
                what,
                details: None,
            },
        });
        id
    }
    fn estimate(&mut self, _spec: JobSpec) -> JobId {
        self.next += 1;
        JobId(self.next)
    }
    fn cancel(&mut self, id: JobId) {
        self.events.push(JobEvent::Cancelled { id });
    }
    fn request_devices(&mut self) {}
    fn drain(&mut self) -> Vec<JobEvent> {
        std::mem::take(&mut self.events)
    }
    fn process_id(&self) -> Option<u32> {
        None
    }
}

pub(crate) fn grid() -> Grid {
    Grid {
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
    }
}

/// A field whose left half points along the first axis and whose right half along the second.
pub(crate) fn write_field(folder: &Path) -> PathBuf {
    let path = folder.join("two_halves_field.tif");
    let grid = grid();
    let mut writer = MapWriter::create(&path, &grid, MapKind::Field).unwrap();
    let mut codes = vec![0_u8; FIELD_AXES * SIDE * SIDE];
    for row in 0..SIDE {
        for col in 0..SIDE {
            // A little of a third axis, so that the colours of the picture are defined.
            let wave = ((col * 7 + row * 13) % 20) as f32 / 200.0;
            let (first, second) = if col < SIDE / 2 {
                (0.99, 0.1)
            } else {
                (0.1, 0.99)
            };
            for (axis, value) in [(0, first), (1, second), (2, wave)] {
                codes[axis * SIDE * SIDE + row * SIDE + col] = encode_value(value) as u8;
            }
        }
    }
    writer.write_bytes(grid.window(), &codes).unwrap();
    writer.finish(&Vec::new()).unwrap();
    path
}

/// Three continuous bands, a gradient each.
pub(crate) fn write_scene(folder: &Path) -> PathBuf {
    let path = folder.join("gradient.tif");
    let grid = grid();
    let bands = ["red", "green", "blue"]
        .map(|name| (name.to_owned(), "1".to_owned()))
        .to_vec();
    let kind = MapKind::Continuous {
        bands,
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(&path, &grid, kind).unwrap();
    let values: Vec<f32> = (0..3)
        .flat_map(|band| {
            (0..SIDE * SIDE).map(move |pixel| (pixel % SIDE) as f32 * 0.01 + band as f32)
        })
        .collect();
    writer.write_floats(grid.window(), &values).unwrap();
    writer.finish(&Vec::new()).unwrap();
    path
}

pub(crate) fn open(files: Vec<PathBuf>) -> Harness<'static, Window> {
    open_with(files, Box::new(DyingWorker::default()))
}

/// The window with a worker of the test's own.
pub(crate) fn open_with(files: Vec<PathBuf>, link: Box<dyn JobLink>) -> Harness<'static, Window> {
    Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_max_steps(8)
        // A quick file is on show in these first frames already, with panels that are not looked at here.
        .with_accessibility_check(false)
        .wgpu()
        .build_eframe(|creation| {
            let wake = waker(&creation.egui_ctx);
            let services = Services {
                wake,
                link,
                data_folder: None,
            };
            Window::new(
                creation,
                services,
                WindowOptions {
                    files,
                    ..WindowOptions::default()
                },
            )
            .unwrap()
        })
}

/// A window that keeps its settings in a folder of the test's and has no worker.
pub(crate) fn open_in(
    data: &Path,
    pixels_per_point: f32,
    options: WindowOptions,
) -> Harness<'static, Window> {
    let data_folder = Some(data.to_owned());
    Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_pixels_per_point(pixels_per_point)
        .with_max_steps(8)
        .with_accessibility_check(false)
        .wgpu()
        .build_eframe(move |creation| {
            let services = Services {
                wake: waker(&creation.egui_ctx),
                link: Box::new(DyingWorker::default()),
                data_folder,
            };
            Window::new(creation, services, options).unwrap()
        })
}

/// Brings a panel to the front by its title; returns where the title is.
pub(crate) fn show_panel(harness: &mut Harness<'static, Window>, title: &str) -> egui::Rect {
    let is_wanted = |node: &egui_kittest::Node<'_>| {
        let name = node.accesskit_node().label();
        name.is_some_and(|name| name == title)
    };
    let tab = harness.query_all_by_role(Role::Tab).find(is_wanted);
    let tab = tab.unwrap_or_else(|| panic!("no panel {title}"));
    tab.click();
    let place = tab.rect();
    settle(harness);
    place
}

/// Steps the window until `done`, like a user who waits, and until all panels have drawn it.
pub(crate) fn wait_until(
    harness: &mut Harness<'static, Window>,
    what: &str,
    done: impl Fn(&Harness<'static, Window>) -> bool,
) {
    let start = Instant::now();
    while !done(harness) {
        assert!(
            start.elapsed() < PATIENCE,
            "{what} did not happen; the log says: {:?}",
            harness.state().log()
        );
        harness.step();
        std::thread::sleep(Duration::from_millis(10));
    }
    settle(harness);
}

/// Draws what was set in motion by the last events.
pub(crate) fn settle(harness: &mut Harness<'static, Window>) {
    for _ in 0..6 {
        harness.step();
    }
}

/// [`wait_until`] of the window's state alone.
pub(crate) fn wait(
    harness: &mut Harness<'static, Window>,
    what: &str,
    done: impl Fn(&Window) -> bool,
) {
    wait_until(harness, what, |harness| done(harness.state()));
}

/// Steps until the text is on show.
pub(crate) fn wait_shown(harness: &mut Harness<'static, Window>, text: &str) {
    wait_until(harness, text, |harness| shows(harness, text));
}

pub(crate) fn press(harness: &mut Harness<'static, Window>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.step();
    harness.step();
}

pub(crate) const CTRL: Modifiers = Modifiers {
    ctrl: true,
    command: true,
    ..Modifiers::NONE
};

/// Draws a stroke between two places given as shares of the extent of the test's own rasters.
pub(crate) fn stroke(harness: &mut Harness<'static, Window>, from: (f64, f64), to: (f64, f64)) {
    stroke_on(
        harness,
        ((500_000.0, 4_000_000.0), SIDE as f64 * 10.0),
        from,
        to,
    );
}

/// The same on a square of the map: its upper left corner and its side, map units.
pub(crate) fn stroke_on(
    harness: &mut Harness<'static, Window>,
    (corner, side): ((f64, f64), f64),
    from: (f64, f64),
    to: (f64, f64),
) {
    let place = |harness: &Harness<'static, Window>, share: (f64, f64)| -> Pos2 {
        let map = (corner.0 + share.0 * side, corner.1 - share.1 * side);
        let point = harness.state().canvas().viewport().point_from_map(map);
        harness.state().map_rect().min + egui::vec2(point.0, point.1)
    };
    let (start, end) = (place(harness, from), place(harness, to));
    harness.hover_at(start);
    harness.step();
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    harness.event(button(start, true));
    harness.step();
    for step in 1..=4 {
        harness.hover_at(start + (end - start) * (step as f32 / 4.0));
        harness.step();
    }
    harness.event(button(end, false));
    harness.step();
    harness.step();
}

/// Keeps a picture of the window in the folder `TERROIR_PICTURES` names, for the documents and for people.
pub(crate) fn keep_picture(harness: &mut Harness<'static, Window>, name: &str) {
    let Some(folder) = std::env::var_os("TERROIR_PICTURES") else {
        return;
    };
    let picture = harness.render().unwrap();
    let file = std::fs::File::create(Path::new(&folder).join(name)).unwrap();
    let mut encoder = png::Encoder::new(file, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(picture.as_raw()).unwrap();
}

/// Whether any widget carries this text.
pub(crate) fn shows(harness: &Harness<'static, Window>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

fn labelled(window: &Window) -> usize {
    window
        .document()
        .labels
        .as_ref()
        .map_or(0, |labels| labels.counts().values().sum())
}

#[test]
fn two_strokes_on_a_field_make_a_map_and_undo_takes_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open(vec![write_field(folder.path())]);
    wait(&mut harness, "opening the field", |window| {
        !window.document().layers.is_empty()
    });
    assert!(shows(&harness, "two_halves_field"));

    press(&mut harness, Modifiers::NONE, Key::M);
    press(&mut harness, Modifiers::NONE, Key::P);
    stroke(&mut harness, (0.1, 0.3), (0.35, 0.6));
    let first = labelled(harness.state());
    assert!(first > 10, "{first} pixels painted");
    assert!(harness.state().live_map().is_none(), "one class is no map");

    press(&mut harness, Modifiers::NONE, Key::M);
    stroke(&mut harness, (0.65, 0.3), (0.9, 0.6));
    assert!(labelled(harness.state()) > first);
    wait(&mut harness, "the live map", |window| {
        window.live_map().is_some()
    });
    let head = harness.state().live_map().unwrap();
    let mut left = [0.0; FIELD_AXES];
    left[0] = 1.0;
    let mut right = [0.0; FIELD_AXES];
    right[1] = 1.0;
    assert_eq!((head.classify(&left).0, head.classify(&right).0), (0, 1));
    assert!(shows(&harness, "Live map"));

    // One stroke is one step.
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(labelled(harness.state()), first);
    wait(&mut harness, "the map to go", |window| {
        window.live_map().is_none()
    });
    press(&mut harness, CTRL, Key::Y);
    assert!(labelled(harness.state()) > first);
    wait(&mut harness, "the map to come back", |window| {
        window.live_map().is_some()
    });
}

#[test]
fn a_scene_shows_its_bands_and_takes_a_wavelength() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open(vec![write_scene(folder.path())]);
    wait(&mut harness, "opening the scene", |window| {
        !window.document().layers.is_empty()
    });
    let id = harness.state().document().layers[0].id;
    for name in ["red", "green", "blue"] {
        assert!(shows(&harness, name), "band {name} is not in the panel");
    }
    // Removing is undoable.
    press(&mut harness, CTRL, Key::D);
    assert!(harness.state().document().layer(id).is_none());
    press(&mut harness, CTRL, Key::Z);
    assert!(harness.state().document().layer(id).is_some());
}

#[test]
fn a_bad_file_is_a_message_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.tif");
    std::fs::write(&path, b"II*\0 this is no raster").unwrap();
    let mut harness = open(vec![path]);
    wait(&mut harness, "the message", |window| {
        window.log().iter().any(|line| line.contains("broken.tif"))
    });
    assert!(shows(&harness, "broken.tif"));
    assert!(harness.state().document().layers.is_empty());
    // The window still takes keys.
    press(&mut harness, CTRL, Key::K);
    assert!(shows(&harness, "Export"));
}

#[test]
fn a_dead_worker_is_told_and_the_window_lives() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open(vec![write_scene(folder.path())]);
    wait(&mut harness, "opening the scene", |window| {
        !window.document().layers.is_empty()
    });
    harness
        .state_mut()
        .run_job(JobSpec::Predict(terroir_engine::PredictSpec {
            probabilities: false,
            uncertainty: None,
            field: "f.tif".into(),
            head: "h.json".into(),
            out: "m.tif".into(),
            aoi: None,
        }));
    wait(&mut harness, "the message", |window| {
        window.log().iter().any(|line| line.contains("signal 9"))
    });
    assert!(shows(&harness, "signal 9"));
    assert_eq!(harness.state().document().layers.len(), 1);
}

#[test]
fn the_window_without_files_says_what_to_do() {
    let mut harness = open(Vec::new());
    harness.step();
    assert!(shows(&harness, "What do you want to do?"));
    let wake: Arc<dyn Fn() + Send + Sync> = waker(&egui::Context::default());
    wake();
}
