//! Panels around the map, keys and the guide: what a user arranges stays arranged.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui::{Key, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::{JobLink, Window, WindowOptions};
use terroir_engine::{Event, JobId, JobSpec, OverviewsSpec};

use crate::window::{
    CTRL, open_in, open_with, press, settle, shows, wait, wait_until, write_scene,
};

/// A window that keeps its settings in a folder.
fn open(data: &Path, files: Vec<PathBuf>) -> Harness<'static, Window> {
    let options = WindowOptions {
        files,
        ..WindowOptions::default()
    };
    let mut harness = open_in(data, 1.0, options);
    wait_until(&mut harness, "the settings", |harness| {
        harness.state().has_settings()
    });
    harness
}

fn drag(harness: &mut Harness<'static, Window>, from: Pos2, to: Pos2) {
    let button = |pos, pressed| egui::Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    harness.hover_at(from);
    harness.step();
    harness.event(button(from, true));
    harness.step();
    for part in 1..=8 {
        harness.hover_at(from + (to - from) * (part as f32 / 8.0));
        harness.step();
    }
    harness.event(button(to, false));
    settle(harness);
}

#[test]
fn panels_are_dragged_hidden_and_found_again_at_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    let scene = write_scene(data.path());
    let mut harness = open(data.path(), vec![scene.clone()]);
    wait_until(&mut harness, "opening", |harness| {
        !harness.state().document().layers.is_empty()
    });
    let map = harness.state().map_rect();
    assert!(shows(&harness, "Accuracy"));

    // Time moves from the right to the panel of the layers.
    let time = harness.get_by_label("Time").rect().center();
    let layers = harness.get_by_label("Layers").rect().center();
    assert!(time.x > map.right() && layers.x < map.left());
    drag(&mut harness, time, layers + egui::vec2(60.0, 200.0));
    let time = harness.get_by_label("Time").rect().center();
    assert!(time.x < map.left(), "Time lies at {time}");

    // The right side goes, and the map takes its place.
    press(&mut harness, CTRL, Key::Num2);
    settle(&mut harness);
    assert!(!shows(&harness, "Accuracy"));
    assert!(harness.state().map_rect().right() > map.right() + 300.0);

    // Another window of the same user finds them so.
    wait_until(&mut harness, "saving", |_| {
        let saved = std::fs::read_to_string(data.path().join("settings.json"));
        saved.is_ok_and(|text| text.contains("invisible"))
    });
    drop(harness);
    let mut harness = open(data.path(), vec![scene]);
    wait_until(&mut harness, "opening", |harness| {
        !harness.state().document().layers.is_empty()
    });
    assert!(!shows(&harness, "Accuracy"));
    let map = harness.state().map_rect();
    assert!(harness.get_by_label("Time").rect().center().x < map.left());

    // A command still finds what is hidden.
    press(&mut harness, CTRL, Key::Num3);
    settle(&mut harness);
    assert!(shows(&harness, "Style"));
}

#[test]
fn a_command_takes_another_key_and_keeps_it() {
    let data = tempfile::tempdir().unwrap();
    let mut harness = open(data.path(), Vec::new());
    let theme = harness.ctx.theme();
    press(&mut harness, Modifiers::NONE, Key::F7);
    assert_eq!(harness.ctx.theme(), theme, "F7 means nothing yet");

    press(&mut harness, Modifiers::NONE, Key::F1);
    settle(&mut harness);
    harness.get_by_label("Find a command or key").click();
    settle(&mut harness);
    harness
        .get_by_label("Find a command or key")
        .type_text("light or dark");
    settle(&mut harness);
    harness.get_by_label("–").click();
    settle(&mut harness);
    assert!(shows(&harness, "Press a key…"));
    press(&mut harness, Modifiers::NONE, Key::F7);
    settle(&mut harness);
    assert_eq!(harness.ctx.theme(), theme, "that press named the key");
    press(&mut harness, Modifiers::NONE, Key::F7);
    settle(&mut harness);
    assert_ne!(harness.ctx.theme(), theme);

    wait_until(&mut harness, "saving", |_| {
        let saved = std::fs::read_to_string(data.path().join("settings.json"));
        saved.is_ok_and(|text| text.contains("\"F7\""))
    });
    drop(harness);
    let mut harness = open(data.path(), Vec::new());
    let theme = harness.ctx.theme();
    press(&mut harness, Modifiers::NONE, Key::F7);
    settle(&mut harness);
    assert_ne!(harness.ctx.theme(), theme);
}

#[test]
fn the_guide_says_what_comes_next() {
    let data = tempfile::tempdir().unwrap();
    let scene = write_scene(data.path());
    let mut harness = open(data.path(), Vec::new());
    harness
        .get_by_label_contains("Map crops or land cover")
        .click();
    settle(&mut harness);
    wait_until(&mut harness, "saving", |_| {
        let saved = std::fs::read_to_string(data.path().join("settings.json"));
        saved.is_ok_and(|text| text.contains("\"guide\": \"map\""))
    });
    drop(harness);
    let mut harness = open(data.path(), vec![scene]);
    wait_until(&mut harness, "opening", |harness| {
        !harness.state().document().layers.is_empty()
    });
    assert!(shows(&harness, "Open a scene") && shows(&harness, "2  Make a field"));
    // Undone steps lead to where they are done.
    harness.get_by_label_contains("2  Make a field").click();
    settle(&mut harness);
    harness.get_by_label("Close the guide").click();
    settle(&mut harness);
    assert!(!shows(&harness, "2  Make a field"));
}

/// Takes jobs and works on them for ever.
#[derive(Default)]
struct SlowWorker {
    next: u64,
    events: Vec<Event>,
}

impl SlowWorker {
    fn next(&mut self) -> JobId {
        self.next += 1;
        JobId(self.next)
    }
}

impl JobLink for SlowWorker {
    fn run(&mut self, _spec: JobSpec) -> JobId {
        let id = self.next();
        let device = "CPU".to_owned();
        self.events.push(Event::Started { id, device });
        id
    }
    fn estimate(&mut self, _spec: JobSpec) -> JobId {
        self.next()
    }
    fn cancel(&mut self, id: JobId) {
        self.events.push(Event::Cancelled { id });
    }
    fn request_devices(&mut self) {}
    fn drain(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
    fn process_id(&self) -> Option<u32> {
        None
    }
}

#[test]
fn escape_cancels_the_job_under_the_pointer_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let scene = write_scene(folder.path());
    let mut harness = open_with(vec![scene.clone()], Box::new(SlowWorker::default()));
    wait(&mut harness, "opening", |window| {
        !window.document().layers.is_empty()
    });
    let job = JobSpec::Overviews(OverviewsSpec {
        raster: scene,
        resampling: None,
    });
    harness.state_mut().run_job(job);
    harness.get_by_role_and_label(Role::Tab, "Run").click();
    settle(&mut harness);
    let is_cancelled = |harness: &Harness<'static, Window>| shows(harness, "Cancelled");
    harness.hover_at(egui::pos2(500.0, 400.0));
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!is_cancelled(&harness), "the pointer was over the map");
    let button = harness.get_by_label("Cancel").rect().center();
    harness.hover_at(button);
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(is_cancelled(&harness));
}

#[test]
fn escape_stops_drawing_that_takes_long_and_a_redraw_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open(folder.path(), vec![write_scene(folder.path())]);
    let start = Instant::now();
    while !harness.state().canvas().is_loading() {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is read");
        harness.step();
    }
    // What was read meanwhile is taken in with the next frame, which sees the key first.
    std::thread::sleep(Duration::from_millis(700));
    harness.key_press(Key::Escape);
    harness.step();
    let canvas = harness.state().canvas();
    assert!(canvas.is_stopped() && !canvas.is_loading() && !canvas.is_refining());
    press(&mut harness, Modifiers::NONE, Key::F5);
    wait(&mut harness, "the picture", |window| {
        window.canvas().is_covered() && window.canvas().is_at_rest()
    });
    // Nothing is left to stop: the key is free for what comes next.
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!harness.state().canvas().is_stopped());
}
