//! Fields of series in the window: what is asked before, with a worker that plays its part and writes the fields at once; and
//! with the real worker a picture drawn by the model beside the real image, and a field that the command line makes alike.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::{JobLink, Services, Window, WindowOptions, waker};
use terroir_engine::{
    EmbedSeriesSpec, Estimate, Event, JobId, JobSpec, Outcome, WorkerLink, command_line,
};
use terroir_scene::{FIELD_AXES, Layer, MapKind, MapWriter, Raster, Style, encode_value};

use crate::program::{run, shared_data};
use crate::window::{grid, keep_picture, press, settle, shows, wait_until};
use crate::worker::real_worker;

const DATES: [&str; 6] = [
    "2018-03-25",
    "2018-04-21",
    "2018-05-06",
    "2018-06-30",
    "2018-07-23",
    "2018-09-11",
];

type Orders = Arc<Mutex<Vec<JobSpec>>>;

/// Plays the worker: fields are written at once, whatever else is asked for ends without a file.
#[derive(Default)]
struct PlayedWorker {
    next: u64,
    orders: Orders,
    events: Vec<Event>,
}

impl PlayedWorker {
    fn next(&mut self) -> JobId {
        self.next += 1;
        JobId(self.next)
    }
}

impl JobLink for PlayedWorker {
    fn run(&mut self, spec: JobSpec) -> JobId {
        let id = self.next();
        let device = "CPU".to_owned();
        self.events.push(Event::Started { id, device });
        let files = match &spec {
            JobSpec::EmbedSeries(spec) => write_fields(spec),
            _ => Vec::new(),
        };
        self.orders.lock().unwrap().push(spec);
        let outcome = Outcome {
            files,
            summary: "done as played".to_owned(),
            ..Outcome::default()
        };
        self.events.push(Event::Finished { id, outcome });
        id
    }
    fn estimate(&mut self, _spec: JobSpec) -> JobId {
        let id = self.next();
        let estimate = Estimate {
            pixels: 4096,
            windows: 4,
            seconds: Some(12.0),
            memory_bytes: 200_000_000,
            disk_bytes: 700_000,
            device: "CPU".to_owned(),
            notes: Vec::new(),
        };
        self.events.push(Event::Estimate { id, estimate });
        id
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

/// A field a period, each a little further round than the one before.
fn write_fields(spec: &EmbedSeriesSpec) -> Vec<PathBuf> {
    let grid = grid();
    let pixels = grid.width * grid.height;
    let paths = spec.field_paths();
    for (number, (path, period)) in paths.iter().zip(&spec.periods).enumerate() {
        let mut writer = MapWriter::create(path, &grid, MapKind::Field).unwrap();
        let mut codes = vec![0_u8; FIELD_AXES * pixels];
        for pixel in 0..pixels {
            let angle = (pixel % grid.width) as f32 / 40.0 + number as f32 / 10.0;
            let wave = (pixel / grid.width) as f32 / 200.0;
            for (axis, value) in [(0, angle.cos()), (1, angle.sin()), (2, wave)] {
                codes[axis * pixels + pixel] = encode_value(value) as u8;
            }
        }
        writer.write_bytes(grid.window(), &codes).unwrap();
        let keys = [
            ("MODEL", "stp-tiny (played)".to_owned()),
            ("VALID", period.to_string()),
        ];
        let keys = keys.map(|(key, value)| (key.to_owned(), value)).to_vec();
        writer.finish(&keys).unwrap();
    }
    paths
}

/// The window with a folder of a few Sentinel-2 images in it; `None`, said aloud, without the shared scenes.
fn open(
    home: &Path,
    link: impl FnOnce(Arc<dyn Fn() + Send + Sync>) -> Box<dyn JobLink>,
) -> Option<Harness<'static, Window>> {
    let data = shared_data("fields of series in the window")?;
    let images = home.join("my flanders").join("s2");
    std::fs::create_dir_all(&images).unwrap();
    for date in DATES {
        let name = format!("S2_{date}.tif");
        std::fs::copy(
            data.join("flanders_2018/s2").join(&name),
            images.join(&name),
        )
        .unwrap();
    }
    let data_folder = Some(home.join("data"));
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_max_steps(8)
        .with_accessibility_check(false)
        .wgpu()
        .build_eframe(|creation| {
            let wake = waker(&creation.egui_ctx);
            let services = Services {
                wake: wake.clone(),
                link: link(wake),
                data_folder,
            };
            let options = WindowOptions {
                files: vec![images],
                ..WindowOptions::default()
            };
            Window::new(creation, services, options).unwrap()
        });
    wait_until(&mut harness, "the question", |harness| {
        harness.query_by_label("Images of several dates").is_some()
    });
    click(&mut harness, "Open");
    wait_until(&mut harness, "opening", |harness| {
        !harness.state().document().layers.is_empty()
    });
    click(&mut harness, "Run");
    click(&mut harness, "Of a series");
    wait_until(&mut harness, "the look at the images", |harness| {
        shows(harness, "6 images")
    });
    Some(harness)
}

/// Clicks the widget with exactly this name, where it can be seen.
fn click(harness: &mut Harness<'static, Window>, name: &str) {
    let node = |harness: &Harness<'static, Window>| {
        harness
            .query_all_by_label(name)
            .next()
            .unwrap_or_else(|| panic!("nothing is called {name}"))
            .scroll_to_me();
    };
    node(harness);
    settle(harness);
    harness.query_all_by_label(name).next().unwrap().click();
    settle(harness);
}

fn layer_named<'a>(harness: &'a Harness<'static, Window>, name: &str) -> Option<&'a Layer> {
    let layers = &harness.state().document().layers;
    layers
        .iter()
        .find(|layer| layer.name == name)
        .map(|layer| &**layer)
}

fn embed_orders(orders: &Orders) -> Vec<EmbedSeriesSpec> {
    let orders = orders.lock().unwrap();
    orders
        .iter()
        .filter_map(|order| match order {
            JobSpec::EmbedSeries(spec) => Some(spec.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn fields_of_periods_are_asked_for_slid_through_and_compared() {
    let home = tempfile::tempdir().unwrap();
    let orders = Orders::default();
    let played = PlayedWorker {
        orders: orders.clone(),
        ..PlayedWorker::default()
    };
    let Some(mut harness) = open(home.path(), |_| Box::new(played)) else {
        return;
    };
    let folder = home.path().join("my flanders");
    // The weights that come along are looked for in the background.
    wait_until(&mut harness, "the list of models", |harness| {
        harness
            .query_by_label("Use no weights (untrained)")
            .is_some()
    });
    click(&mut harness, "Use no weights (untrained)");
    wait_until(&mut harness, "another look at the images", |harness| {
        shows(harness, "6 images")
    });
    assert!(shows(&harness, "25 Mar–11 Sep 2018"));
    assert!(shows(&harness, "Untrained: no weights are used"));
    assert!(shows(&harness, "2018: 6 images lie in it"));
    assert!(shows(&harness, "about 12 s"));
    keep_picture(&mut harness, "series_field_form.png");

    // What the button would do: a whole folder by its name, the year with most images.
    let spec = harness.state_mut().series_field_job().unwrap();
    assert_eq!(
        command_line(&spec),
        format!(
            "terroir embed '{0}/s2' --model stp-tiny --untrained --device auto --valid 2018-01-01..2019-01-01 \
             --out '{0}/s2_field_2018.tif'",
            folder.display()
        )
    );

    // Several at once: a gap is said, and what is no period is refused in words.
    assert!(
        harness
            .state_mut()
            .set_valid_periods("2018-03, spring")
            .unwrap_err()
            .contains("`spring` is no period")
    );
    settle(&mut harness);
    assert!(shows(&harness, "`spring` is no period"));
    harness
        .state_mut()
        .set_valid_periods("2018-03, 2018-08, 2018-09-01..2018-10-01")
        .unwrap();
    settle(&mut harness);
    assert!(shows(&harness, "No image lies in Aug 2018"));
    click(&mut harness, "Make 3 fields");
    let name = "s2_field, 3 periods";
    wait_until(&mut harness, "the fields", |harness| {
        layer_named(harness, name).is_some()
    });
    let layer = layer_named(&harness, name).unwrap();
    let series = layer.series().unwrap();
    let labels: Vec<String> = (0..3).map(|index| series.label(index)).collect();
    assert_eq!(labels, ["Mar 2018", "Aug 2018", "Sep 2018"]);
    match &layer.style {
        Some(Style::FieldPca { basis, .. }) => assert_eq!(basis.sources.len(), 3),
        other => panic!("no shared colours but {other:?}"),
    }
    // The timeline is the slider.
    assert!(shows(&harness, "1 of 3"));
    press(&mut harness, Modifiers::NONE, Key::Period);
    assert!(shows(&harness, "2 of 3"));
    let shown = layer_named(&harness, name)
        .unwrap()
        .series()
        .unwrap()
        .shown();
    assert_eq!(shown, 1);
    settle(&mut harness);
    keep_picture(&mut harness, "series_field_periods.png");

    // One click asks what changed from the first to the one on show; A and B can be chosen.
    click(&mut harness, "Change");
    press(&mut harness, Modifiers::NONE, Key::Period);
    click(&mut harness, "Take as A");
    press(&mut harness, Modifiers::NONE, Key::Comma);
    click(&mut harness, "Take as B");
    click(&mut harness, "Change");
    let changes: Vec<(PathBuf, PathBuf)> = orders
        .lock()
        .unwrap()
        .iter()
        .filter_map(|order| match order {
            JobSpec::Change(spec) => Some((spec.before.clone(), spec.after.clone())),
            _ => None,
        })
        .collect();
    let file = |month: &str| folder.join(format!("s2_field_2018-{month}.tif"));
    assert_eq!(
        changes,
        [(file("03"), file("08")), (file("09"), file("08"))]
    );

    // The slider's own job: every month of the images for the part in view.
    click(&mut harness, "Slide through the year");
    click(&mut harness, "Make 7 periods of the view");
    let slide = embed_orders(&orders).pop().unwrap();
    assert_eq!(slide.periods.len(), 7);
    assert!(slide.out.ends_with("s2_view.tif"));
    wait_until(&mut harness, "the periods of the view", |harness| {
        layer_named(harness, "s2_view, 7 periods").is_some()
    });
    assert_eq!(harness.state().document().layers.len(), 3);
}

#[test]
fn the_model_draws_beside_the_real_image_and_the_command_line_makes_the_same_field() {
    let home = tempfile::tempdir().unwrap();
    let worker = real_worker(home.path());
    let Some(mut harness) = open(home.path(), |wake| Box::new(WorkerLink::new(worker, wake)))
    else {
        return;
    };
    let folder = home.path().join("my flanders");
    wait_until(&mut harness, "the list of models", |harness| {
        harness
            .query_by_label("Use no weights (untrained)")
            .is_some()
    });
    harness.state_mut().set_valid_periods("2018-06").unwrap();
    wait_until(&mut harness, "another look at the images", |harness| {
        shows(harness, "6 images")
    });
    settle(&mut harness);
    let spec = harness.state_mut().series_field_job().unwrap();
    click(&mut harness, "Make the field");
    wait_until(&mut harness, "the field", |harness| {
        layer_named(harness, "s2_field_2018-06").is_some()
    });
    let out = folder.join("s2_field_2018-06.tif");
    let again = home.path().join("again.tif");
    let line =
        command_line(&spec).replace(&out.display().to_string(), &again.display().to_string());
    let words = shell_words(&line);
    run(home.path(), &words[1..]).done();
    let codes = |path: &Path| {
        let raster = Raster::open(path).unwrap();
        let grid = raster.info().grid.clone();
        raster
            .read_codes_blocking(grid.window(), grid.width, grid.height)
            .unwrap()
    };
    assert_eq!(codes(&out), codes(&again));

    click(&mut harness, "What the model believes");
    assert!(shows(&harness, "Nearest real image: "));
    click(&mut harness, "Draw it");
    let drawn = |harness: &Harness<'static, Window>| {
        let layers = &harness.state().document().layers;
        let found = layers
            .iter()
            .find(|layer| layer.name.starts_with("Model output: sentinel-2 on 2018-"));
        found.cloned()
    };
    wait_until(&mut harness, "the picture", |harness| {
        drawn(harness).is_some()
    });
    let layer = drawn(&harness).unwrap();
    let words = layer.attribution.clone().unwrap();
    assert!(
        words.starts_with("Model output, not an image: 2018-"),
        "{words}"
    );
    assert!(
        shows(&harness, "Model output, not an image"),
        "in the legend"
    );
    // Beside the real image, on a divider, with the real date in its name.
    assert_eq!(harness.state().divider(), Some(0.5));
    assert_eq!(
        harness.state().shown_layers().last(),
        Some(&layer.name.as_str())
    );
    std::thread::sleep(Duration::from_millis(300));
    settle(&mut harness);
    keep_picture(&mut harness, "series_belief.png");
    // It is no image to make fields of.
    click(&mut harness, "Of one image");
    assert!(shows(&harness, "s2"));
    assert!(
        harness
            .state()
            .document()
            .layers
            .iter()
            .any(|known| known.series().is_some())
    );
}

/// Words of a line with single quotes, as a shell splits it.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut is_quoted, mut is_open) = (String::new(), false, false);
    for letter in line.chars() {
        match letter {
            '\'' => {
                is_quoted = !is_quoted;
                is_open = true;
            }
            ' ' if !is_quoted => {
                if is_open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                is_open = false;
            }
            letter => word.push(letter),
        }
    }
    if is_open || !word.is_empty() {
        words.push(word);
    }
    words
}
