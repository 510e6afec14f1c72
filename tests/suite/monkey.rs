//! A monkey at the window: random events of every kind on the sample, from seeds, and what must hold whatever is done: no
//! panic on any thread, a document that fits together, undo to the start is the opening state, redo to the end is the same.
//!
//! A session runs in a process of its own, in a folder of its own. `TERROIR_MONKEY_EVENTS` says how many events there are in
//! all sessions together, `TERROIR_MONKEY_SEED` with which seed they begin.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use egui::{Event, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, TouchPhase, Vec2, vec2};
use egui_kittest::Harness;
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_scene::{Document, LayerSource};

use crate::program::sample;
use crate::window::{DyingWorker, SIDE, write_field, write_scene};

/// Events of one session: few enough that undo reaches back to its start.
const SESSION: usize = 1000;
/// Events of the whole test where nothing else is said.
const EVENTS: usize = 2000;
/// Sessions at once.
const AT_ONCE: usize = 2;

#[test]
fn a_monkey_breaks_nothing_and_undo_takes_all_of_it_back() {
    let number = |name: &str, otherwise: usize| {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
    };
    let events = number("TERROIR_MONKEY_EVENTS", EVENTS);
    let first = number("TERROIR_MONKEY_SEED", 1);
    let mut waiting: Vec<usize> = (0..events.div_ceil(SESSION))
        .map(|session| first + session)
        .rev()
        .collect();
    let mut running: Vec<(usize, tempfile::TempDir, Child)> = Vec::new();
    let mut broken = Vec::new();
    while !waiting.is_empty() || !running.is_empty() {
        if running.len() < AT_ONCE
            && let Some(seed) = waiting.pop()
        {
            let folder = tempfile::tempdir().unwrap();
            let log = std::fs::File::create(folder.path().join("log.txt")).unwrap();
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "monkey::one_session", "--ignored", "--nocapture"])
                .current_dir(folder.path())
                .env("TERROIR_MONKEY", seed.to_string())
                .env("TERROIR_ASSETS", folder.path().join("assets"))
                .env("HOME", folder.path())
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap();
            running.push((seed, folder, child));
        }
        running.retain_mut(|(seed, folder, child)| {
            let Some(status) = child.try_wait().unwrap() else {
                return true;
            };
            let log = std::fs::read_to_string(folder.path().join("log.txt")).unwrap_or_default();
            if status.success() && log.contains("1 passed") {
                let said: Vec<&str> = log
                    .lines()
                    .filter(|line| line.contains("monkey "))
                    .collect();
                eprintln!("{}", said.join("\n"));
            } else {
                broken.push(format!("seed {seed}: {status}\n{log}"));
            }
            false
        });
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

/// One session, in the process that the test above starts.
#[test]
#[ignore = "run by the test of the monkey, in a process of its own"]
fn one_session() {
    let Ok(seed) = std::env::var("TERROIR_MONKEY") else {
        eprintln!("SKIPPED one session of the monkey: the test of the monkey starts it");
        return;
    };
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        usual(info);
    }));
    let home = std::env::current_dir().unwrap();
    copy_folder(&sample(), &home.join("assets/sample"));
    let mut monkey = Monkey::start(seed.parse().unwrap(), &home);
    let start = Instant::now();
    while monkey.events < SESSION {
        monkey.act();
    }
    let (events, frames, secs) = (monkey.events, monkey.frames, start.elapsed().as_secs_f64());
    let steps = monkey.take_everything_back();
    eprintln!(
        "monkey {seed}: {events} events in {frames} frames and {secs:.0} s, {} documents, {steps} steps back and again",
        monkey.window().document_number() + 1
    );
    drop(monkey);
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "a thread panicked");
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }
    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

struct Monkey {
    harness: Harness<'static, Window>,
    random: u64,
    commands: Vec<String>,
    files: Vec<PathBuf>,
    pointer: Pos2,
    size: Vec2,
    down: BTreeSet<u8>,
    events: usize,
    frames: usize,
    /// What was done last, for who has to find out.
    diary: std::collections::VecDeque<String>,
    /// The document before its first step, and its number.
    opening: Option<(u64, Document)>,
}

impl Drop for Monkey {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("after {} events; the last ones:", self.events);
            for line in &self.diary {
                eprintln!("  {line}");
            }
        }
    }
}

const SIZES: [Vec2; 5] = [
    vec2(1024.0, 640.0),
    vec2(1280.0, 800.0),
    vec2(1920.0, 1080.0),
    vec2(2560.0, 1440.0),
    vec2(3840.0, 2160.0),
];

const TEXTS: [&str; 16] = [
    "wheat",
    "12",
    "0",
    "-1e9",
    "1e400",
    "NaN",
    "0.35",
    "665 nm",
    "2021-07-28",
    "EPSG:4326",
    "EPSG:99999999",
    "B1 / (B2 - B2)",
    "日本語 ‏עברית",
    "../../x",
    "undo",
    "a\u{301}\u{0}b",
];

const BUTTONS: [PointerButton; 5] = [
    PointerButton::Primary,
    PointerButton::Secondary,
    PointerButton::Middle,
    PointerButton::Extra1,
    PointerButton::Extra2,
];

impl Monkey {
    fn start(seed: u64, home: &Path) -> Self {
        let files = files(home);
        let harness = Harness::builder()
            .with_size(SIZES[1])
            .with_max_steps(8)
            .with_accessibility_check(false)
            .wgpu()
            .build_eframe(|creation| {
                let wake = waker(&creation.egui_ctx);
                let services = Services {
                    wake,
                    link: Box::new(DyingWorker::default()),
                    data_folder: Some(home.join("data")),
                };
                let options = WindowOptions {
                    sample: true,
                    types_paths: true,
                    ..WindowOptions::default()
                };
                Window::new(creation, services, options).unwrap()
            });
        // Letters that no font has are boxes, as in the program; the harness would panic.
        harness
            .ctx
            .set_missing_glyph_policy(egui::MissingGlyphPolicy::Tofu);
        let mut monkey = Self {
            harness,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            commands: Window::commands(),
            files,
            pointer: Pos2::new(640.0, 400.0),
            size: SIZES[1],
            down: BTreeSet::new(),
            events: 0,
            frames: 0,
            diary: std::collections::VecDeque::new(),
            opening: None,
        };
        let start = Instant::now();
        while monkey.window().document().layers.is_empty() {
            assert!(start.elapsed() < Duration::from_secs(120), "no sample");
            monkey.frame();
            std::thread::sleep(Duration::from_millis(10));
        }
        monkey
    }

    fn window(&self) -> &Window {
        self.harness.state()
    }

    /// A number from 0 to below `below`.
    fn below(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 20) as usize % below.max(1)
    }

    fn note(&mut self, what: String) {
        if self.diary.len() == 60 {
            self.diary.pop_front();
        }
        self.diary.push_back(format!("{}: {what}", self.events));
    }

    fn push(&mut self, event: Event) {
        self.harness.input_mut().events.push(event);
    }

    fn modifiers(&mut self) -> Modifiers {
        let command = self.below(3) == 0;
        Modifiers {
            ctrl: command,
            command,
            shift: self.below(5) == 0,
            alt: self.below(8) == 0,
            mac_cmd: false,
        }
    }

    fn place(&mut self) -> Pos2 {
        match self.below(4) {
            // Near where it is: a drag, a slider, a menu.
            0 | 1 => {
                let (x, y) = (self.below(61) as f32 - 30.0, self.below(61) as f32 - 30.0);
                self.pointer + vec2(x, y)
            }
            // On the map.
            2 => {
                let rect = self.window().map_rect();
                let (x, y) = (self.below(1000) as f32, self.below(1000) as f32);
                rect.min + rect.size() * vec2(x, y) / 1000.0
            }
            _ => {
                let (x, y) = (self.below(1000) as f32, self.below(1000) as f32);
                Pos2::ZERO + self.size * vec2(x, y) / 1000.0
            }
        }
    }

    fn move_to(&mut self, place: Pos2) {
        self.pointer = place;
        self.push(Event::PointerMoved(place));
    }

    fn button(&mut self, at: usize, pressed: bool, modifiers: Modifiers) {
        if pressed {
            self.down.insert(at as u8);
        } else {
            self.down.remove(&(at as u8));
        }
        let (pos, button) = (self.pointer, BUTTONS[at]);
        self.push(Event::PointerButton {
            pos,
            button,
            pressed,
            modifiers,
        });
    }

    fn key(&mut self, key: Key, modifiers: Modifiers) {
        for pressed in [true, false] {
            self.push(Event::Key {
                key,
                physical_key: None,
                pressed,
                repeat: false,
                modifiers,
            });
        }
    }

    /// One random event, and often the frame it belongs to.
    fn act(&mut self) {
        self.events += 1;
        match self.below(100) {
            0..=17 => {
                let place = self.place();
                self.note(format!("move to {place}"));
                self.move_to(place);
            }
            18..=44 => {
                let place = self.place();
                let modifiers = self.modifiers();
                let count = 1 + self.below(8) / 7;
                self.note(format!("{count} clicks at {place} with {modifiers:?}"));
                self.move_to(place);
                self.frame();
                for _ in 0..count {
                    self.button(0, true, modifiers);
                    self.frame();
                    self.button(0, false, modifiers);
                    self.frame();
                }
            }
            45..=58 => {
                let modifiers = self.modifiers();
                let (button, from, steps) = (self.below(12), self.place(), 2 + self.below(6));
                let button = if button < 5 { button } else { 0 };
                self.note(format!("drag {button} from {from} with {modifiers:?}"));
                self.move_to(from);
                self.frame();
                self.button(button, true, modifiers);
                for _ in 0..steps {
                    self.frame();
                    let place = self.place();
                    self.move_to(place);
                    // Hands are busy elsewhere meanwhile.
                    if self.below(10) == 0 {
                        self.random_key();
                    }
                }
                if self.below(12) > 0 {
                    self.button(button, false, modifiers);
                }
            }
            59..=61 => {
                let place = self.place();
                self.note(format!("right click at {place}"));
                self.move_to(place);
                self.button(1, true, Modifiers::NONE);
                self.frame();
                self.button(1, false, Modifiers::NONE);
            }
            62..=66 => {
                let modifiers = self.modifiers();
                let delta = vec2(self.below(3) as f32 - 1.0, self.below(9) as f32 - 4.0);
                self.note(format!("wheel {delta} with {modifiers:?}"));
                self.push(Event::MouseWheel {
                    unit: MouseWheelUnit::Line,
                    delta,
                    phase: TouchPhase::Move,
                    modifiers,
                    source: egui::MouseWheelSource::Wheel,
                });
            }
            67..=81 => self.random_key(),
            82..=85 => {
                let text = TEXTS[self.below(TEXTS.len())].to_owned();
                self.note(format!("text {text:?}"));
                self.push(Event::Text(text));
                if self.below(2) == 0 {
                    self.frame();
                    self.key(Key::Enter, Modifiers::NONE);
                }
            }
            86..=92 => {
                let place = self.below(self.commands.len());
                let name = self.commands[place].clone();
                self.note(format!("command {name}"));
                self.harness.state_mut().run_command(place);
            }
            93 => {
                self.size = SIZES[self.below(SIZES.len())];
                self.note(format!("size {}", self.size));
                self.harness.set_size(self.size);
            }
            94 | 95 => {
                let at = self.below(self.files.len());
                let path = self.files[at].clone();
                self.note(format!("drop {}", path.display()));
                self.harness
                    .input_mut()
                    .dropped_files
                    .push(Arc::new(Dropped(path)));
            }
            96 => {
                let text = TEXTS[self.below(TEXTS.len())].to_owned();
                let event = match self.below(4) {
                    0 => Event::Copy,
                    1 => Event::Cut,
                    _ => Event::Paste(text),
                };
                self.note(format!("{event:?}"));
                self.push(event);
            }
            97 => {
                self.note("the pointer leaves".to_owned());
                self.push(Event::PointerGone);
            }
            98 => {
                let focused = self.below(2) == 0;
                self.note(format!("focus {focused}"));
                self.push(Event::WindowFocused(focused));
            }
            _ => {
                self.note("wait".to_owned());
                for _ in 0..10 {
                    std::thread::sleep(Duration::from_millis(20));
                    self.frame();
                }
            }
        }
        if self.below(3) > 0 {
            self.frame();
        }
    }

    fn random_key(&mut self) {
        let modifiers = self.modifiers();
        let key = Key::ALL[self.below(Key::ALL.len())];
        self.note(format!("key {key:?} with {modifiers:?}"));
        self.key(key, modifiers);
    }

    fn frame(&mut self) {
        self.frames += 1;
        self.harness.step();
        // The map is drawn, too.
        if self.frames.is_multiple_of(150) && self.size.x < 2000.0 {
            self.harness.render().unwrap();
        }
        let window = self.harness.state();
        fits_together(window.document());
        let number = window.document_number();
        let is_known = self
            .opening
            .as_ref()
            .is_some_and(|(known, _)| *known == number);
        if window.steps() == (0, 0) {
            self.opening = Some((number, window.document().clone()));
        } else if !is_known {
            self.opening = None;
        }
    }

    /// Undo to the start, redo to the end; returns the number of steps.
    fn take_everything_back(&mut self) -> usize {
        for at in self.down.clone() {
            self.button(usize::from(at), false, Modifiers::NONE);
        }
        for _ in 0..100 {
            self.key(Key::Escape, Modifiers::NONE);
            self.frame();
            std::thread::sleep(Duration::from_millis(10));
        }
        // What was opened last may still arrive; then there is nothing to do again, which is checked below.
        while self.harness.state_mut().do_again() {}
        let mut values = vec![self.window().document().clone()];
        let (steps, _) = self.window().steps();
        while self.harness.state_mut().take_back() {
            fits_together(self.window().document());
            values.push(self.window().document().clone());
        }
        assert_eq!(values.len(), steps + 1);
        match &self.opening {
            Some((number, opening)) if *number == self.window().document_number() => {
                // Which date is on show is no step.
                let mut opening = opening.clone();
                opening.show_frames_of(self.window().document());
                assert!(
                    *self.window().document() == opening,
                    "undo to the start is not the opening state:\n{:#?}\n{opening:#?}",
                    self.window().document()
                );
            }
            _ => eprintln!("monkey: its last document changed in the frame it opened in"),
        }
        for (step, value) in values.iter().rev().enumerate().skip(1) {
            assert!(self.harness.state_mut().do_again());
            assert!(
                self.window().document() == value,
                "step {step} is another one again"
            );
        }
        assert_eq!(self.window().steps(), (steps, 0));
        steps
    }
}

/// What is true of every document.
fn fits_together(document: &Document) {
    let ids: BTreeSet<_> = document.layers.iter().map(|layer| layer.id).collect();
    assert_eq!(ids.len(), document.layers.len(), "two layers of one id");
    assert!(ids.iter().all(|id| id.0 < document.next_layer_id));
    assert!(document.active.is_none_or(|id| ids.contains(&id)));
    assert!(document.area_of_interest.is_none_or(|id| ids.contains(&id)));
    let labels = document.layers.iter();
    let layers = labels
        .filter(|layer| layer.source == LayerSource::Labels)
        .count();
    assert!(layers <= 1, "two layers of labels");
    assert!(
        document.labels.is_some() || layers == 0,
        "a layer of labels without labels"
    );
    for layer in &document.layers {
        assert!(
            (0.0..=1.0).contains(&layer.opacity),
            "opacity {}",
            layer.opacity
        );
        assert!(!layer.name.is_empty());
    }
    if let Some(labels) = &document.labels {
        let classes: BTreeSet<u8> = labels.classes.iter().map(|class| class.id).collect();
        assert_eq!(classes.len(), labels.classes.len(), "two classes of one id");
        assert!(!classes.contains(&0));
        let (across, down) = (
            labels.grid.width.div_ceil(64),
            labels.grid.height.div_ceil(64),
        );
        for ((col, row), block) in &labels.blocks {
            assert!((*col as usize) < across && (*row as usize) < down);
            let mut seen = [false; 256];
            block.iter().for_each(|id| seen[usize::from(*id)] = true);
            let painted = (1..=255_u8).filter(|id| seen[usize::from(*id)]);
            let mut painted = painted.peekable();
            assert!(painted.peek().is_some(), "a block without a label is kept");
            painted.for_each(|id| assert!(classes.contains(&id), "no class {id}"));
        }
        for polygon in labels.polygons.iter() {
            assert!(classes.contains(&polygon.class_id));
        }
    }
    for (class, weight) in &document.method.class_weights {
        assert!(
            weight.is_finite() && *weight > 0.0,
            "class {class} weighs {weight}"
        );
    }
}

/// Good and bad files that are dropped into the window.
fn files(home: &Path) -> Vec<PathBuf> {
    let folder = home.join("files");
    std::fs::create_dir_all(folder.join("empty folder")).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let here = home.join("assets/sample");
    let mut project = terroir_scene::Document::default();
    project.method.set_weight(3, 2.0);
    let saved = folder.join("saved.terroir");
    terroir_scene::save_project(&project, &saved).unwrap();
    let newer = std::fs::read_to_string(&saved).unwrap();
    let newer = newer.replacen("\"schema\": 1", "\"schema\": 99", 1);
    let half = format!("{{\"type\":\"FeatureCollection\",\"features\":[{}", SIDE);
    vec![
        write_field(&folder),
        write_scene(&folder),
        here.join("S2_2021-08-17.tif"),
        here.join("field.tif"),
        here.join("reference.tif"),
        here.join("labels.geojson"),
        here.clone(),
        saved,
        write("newer.terroir", newer.as_bytes()),
        write("broken.terroir", b"{\"schema\": 1, \"layers\": 7}"),
        write("broken.tif", b"II*\0 this is no raster"),
        write("nothing.tif", b""),
        write("half.geojson", half.as_bytes()),
        write("words.csv", "x,y,class\n1,2,ä\n,,\n\"".as_bytes()),
        write("weights.pth", b"PK\x03\x04 no weights"),
        write("notes.txt", "Grüße".as_bytes()),
        folder.join("empty folder"),
        folder.join("not there.tif"),
        folder.join("not there.terroir"),
    ]
}
