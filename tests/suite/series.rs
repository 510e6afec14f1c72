//! A series as a user meets it: a folder of dated images becomes one layer, its dates are stepped through and played,
//! clouds are hidden, dates are typed.

use std::path::PathBuf;

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::Window;
use terroir_scene::Series;

use crate::program::{run, shared_data};
use crate::window::{CTRL, open, press, shows, wait};

/// The seven dates of the Portugal scene.
fn portugal() -> Option<PathBuf> {
    shared_data("a series").map(|folder| folder.join("s2_portugal_2021").join("s2_l2a_12band"))
}

fn series(window: &Window) -> &Series {
    window.document().layers[0].series().unwrap()
}

/// Steps the window until the shown date is drawn whole.
fn settle(harness: &mut Harness<'static, Window>) {
    wait(harness, "the picture of the date", |window| {
        let id = window.document().layers[0].id;
        !window.canvas().is_loading() && window.canvas().is_settled(id)
    });
}

/// The map's pixels as they are on the screen.
fn map_picture(harness: &mut Harness<'static, Window>) -> Vec<u8> {
    let rect = harness.state().map_rect();
    let picture = harness.render().unwrap();
    let (left, top) = (rect.left() as u32 + 60, rect.top() as u32 + 60);
    let mut bytes = Vec::new();
    for y in (top..rect.bottom() as u32 - 60).step_by(3) {
        for x in (left..rect.right() as u32 - 60).step_by(3) {
            bytes.extend_from_slice(&picture.get_pixel(x, y).0[..3]);
        }
    }
    bytes
}

fn difference(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len().max(1) as f64
}

pub fn open_as_series(folder: PathBuf) -> Harness<'static, Window> {
    let mut harness = open(vec![folder]);
    harness.step();
    let start = std::time::Instant::now();
    while !shows(&harness, "Images of several dates") {
        assert!(
            start.elapsed().as_secs() < 60,
            "{:?}",
            harness.state().log()
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
        harness.step();
    }
    harness.get_by_label("Open").click();
    harness.step();
    wait(&mut harness, "the series", |window| {
        !window.document().layers.is_empty()
    });
    settle(&mut harness);
    harness
}

#[test]
fn a_folder_becomes_a_layer_whose_dates_are_stepped_through() {
    let Some(folder) = portugal() else {
        return;
    };
    let mut harness = open_as_series(folder);
    let window = harness.state();
    assert_eq!(window.document().layers.len(), 1);
    let dates: Vec<String> = (0..7).map(|index| series(window).label(index)).collect();
    assert_eq!(
        dates,
        [
            "2021-06-28",
            "2021-07-28",
            "2021-08-17",
            "2021-08-22",
            "2021-09-11",
            "2021-09-16",
            "2021-10-06"
        ]
    );
    // From the first date on: every step shows its date, another picture, and nothing of the one before.
    while series(harness.state()).shown() > 0 {
        press(&mut harness, Modifiers::NONE, Key::Comma);
    }
    settle(&mut harness);
    assert!(shows(&harness, "2021-06-28"));
    let first = map_picture(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Period);
    assert_eq!(series(harness.state()).shown(), 1);
    settle(&mut harness);
    assert!(shows(&harness, "2021-07-28"));
    let second = map_picture(&mut harness);
    assert!(
        difference(&first, &second) > 2.0,
        "the picture did not change"
    );
    press(&mut harness, Modifiers::NONE, Key::Comma);
    settle(&mut harness);
    assert_eq!(difference(&first, &map_picture(&mut harness)), 0.0);
    // A look at another date is no step to undo; at the end one stays.
    press(&mut harness, CTRL, Key::Z);
    assert!(harness.state().document().layers.is_empty());
    press(&mut harness, CTRL, Key::Y);
    for _ in 0..9 {
        press(&mut harness, Modifiers::NONE, Key::Period);
    }
    assert_eq!(series(harness.state()).shown(), 6);
    settle(&mut harness);
    // It comes to rest: then nothing is drawn again, only autosave's clock runs.
    let (start, mut still) = (std::time::Instant::now(), 0);
    while still < 5 {
        harness.step();
        let causes = harness.ctx.repaint_causes();
        let is_still = causes.iter().all(|cause| cause.file.ends_with("news.rs"));
        still = if is_still { still + 1 } else { 0 };
        assert!(start.elapsed().as_secs() < 60, "no rest: {causes:?}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn the_picture_of_the_date_before_stays_until_the_new_one_is_whole() {
    let Some(folder) = portugal() else {
        return;
    };
    let mut harness = open_as_series(folder);
    while series(harness.state()).shown() > 0 {
        press(&mut harness, Modifiers::NONE, Key::Comma);
    }
    settle(&mut harness);
    let id = harness.state().document().layers[0].id;
    let old = map_picture(&mut harness);
    // Two dates on, which were not made ready beforehand.
    harness.key_press(Key::Period);
    harness.key_press(Key::Period);
    let mut waited = 0;
    harness.step();
    while !harness.state().canvas().is_settled(id) {
        assert_eq!(
            difference(&old, &map_picture(&mut harness)),
            0.0,
            "it flashed"
        );
        harness.step();
        waited += 1;
        assert!(waited < 10_000);
    }
    settle(&mut harness);
    assert!(difference(&old, &map_picture(&mut harness)) > 2.0);
}

#[test]
fn playing_goes_through_the_dates_and_clouds_can_be_hidden() {
    let Some(folder) = portugal() else {
        return;
    };
    let mut harness = open_as_series(folder);
    let before = series(harness.state()).shown();
    press(&mut harness, CTRL, Key::Period);
    wait(&mut harness, "the next date", |window| {
        series(window).shown() != before
    });
    press(&mut harness, CTRL, Key::Period);
    settle(&mut harness);
    let stopped = series(harness.state()).shown();
    std::thread::sleep(std::time::Duration::from_millis(700));
    harness.step();
    assert_eq!(series(harness.state()).shown(), stopped);

    harness.get_by_label("Hide clouds").click();
    harness.step();
    harness.step();
    assert!(series(harness.state()).hide_clouds);
    settle(&mut harness);
    press(&mut harness, CTRL, Key::Z);
    assert!(!series(harness.state()).hide_clouds);
}

#[test]
fn the_command_line_lists_dates_and_draws_one() {
    let Some(folder) = portugal() else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let place = folder.to_string_lossy().into_owned();
    let text = run(out.path(), &["info", &place]).done();
    assert!(
        text.contains("7 images, 2021-06-28 to 2021-10-06"),
        "{text}"
    );
    assert!(
        text.contains("2021-08-22") && text.contains("Sentinel-2 SCL"),
        "{text}"
    );
    let json = run(out.path(), &["info", "--json", &place]).done();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let images = value["series"][0]["images"].as_array().unwrap();
    assert_eq!(images.len(), 7);
    assert!(
        images
            .iter()
            .all(|image| image["clouds"].as_f64().is_some())
    );
    run(
        out.path(),
        &["render", &place, "--date", "2021-07-28", "--out", "a.png"],
    )
    .done();
    assert!(out.path().join("a.png").is_file());
    let minicube = folder.parent().unwrap().join("s2_minicube");
    let place_of_cube = minicube.to_string_lossy();
    let cloudy = [
        "render",
        &*place_of_cube,
        "--date",
        "2021-08-02",
        "--hide-clouds",
        "--out",
        "c.png",
    ];
    run(out.path(), &cloudy).done();
    let told = run(
        out.path(),
        &["render", &place, "--date", "2021-07-29", "--out", "b.png"],
    );
    assert_eq!(told.code, Some(1));
    assert!(
        told.stderr.contains("2021-06-28, 2021-07-28"),
        "{}",
        told.stderr
    );
    // A stack is a raster and a series.
    let stack = shared_data("a stack")
        .unwrap()
        .join("landsat57_timeseries")
        .join("lsts_b3.tif");
    let text = run(out.path(), &["info", &stack.to_string_lossy()]).done();
    assert!(
        text.contains("105 bands") && text.contains("105 images, 2008-04-19"),
        "{text}"
    );
}

/// What `gdallocationinfo` says of a band at a map point; `None` without the program.
fn located(file: &std::path::Path, band: &str, x: &str, y: &str, system: &str) -> Option<String> {
    let told = std::process::Command::new("gdallocationinfo")
        .args(["-valonly", system, "-b", band])
        .arg(file)
        .args([x, y])
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&told.stdout).trim().to_owned())
}

#[test]
fn a_place_over_time_holds_what_the_files_hold() {
    let Some(folder) = portugal() else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let place = folder.to_string_lossy().into_owned();
    for (option, at, system, x, y) in [
        ("--at", "-8.5577,39.2899", "-wgs84", "-8.5577", "39.2899"),
        ("--pixel", "20,30", "-geoloc", "537050", "4349690"),
    ] {
        let arguments = [
            "time-profile",
            &place,
            option,
            at,
            "--bands",
            "B04,842nm",
            "--index",
            "ndvi",
            "--out",
            "t.csv",
        ];
        run(out.path(), &arguments).done();
        let text = std::fs::read_to_string(out.path().join("t.csv")).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(
            &lines[0][4..],
            ["date", "time", "cloud", "B04", "842 nm", "NDVI", "file"]
        );
        assert_eq!(lines.len(), 8, "{text}");
        for cells in &lines[1..] {
            let file = std::path::Path::new(cells[10]);
            let Some(red) = located(file, "4", x, y, system) else {
                eprintln!("SKIPPED the comparison: no gdallocationinfo here");
                return;
            };
            let near = located(file, "8", x, y, system).unwrap();
            let number = |text: &str| text.parse::<f64>().ok().filter(|value| *value != 0.0);
            let (red, near) = (number(&red), number(&near));
            let same = |cell: &str, expected: Option<f64>| match expected {
                Some(expected) => (cell.parse::<f64>().unwrap() - expected).abs() < 1e-6,
                None => cell.is_empty(),
            };
            assert!(same(cells[7], red.map(|dn| dn * 1e-4)), "{cells:?} {red:?}");
            assert!(
                same(cells[8], near.map(|dn| dn * 1e-4)),
                "{cells:?} {near:?}"
            );
            let ndvi = red.zip(near).map(|(red, near)| (near - red) / (near + red));
            assert!(same(cells[9], ndvi), "{cells:?} {ndvi:?}");
        }
    }
    let told = run(
        out.path(),
        &[
            "time-profile",
            &place,
            "--pixel",
            "1,1",
            "--index",
            "greenness",
        ],
    );
    assert_eq!(told.code, Some(2));
}

#[test]
fn a_click_follows_a_place_over_the_dates() {
    let Some(folder) = portugal() else {
        return;
    };
    let mut harness = open_as_series(folder);
    press(&mut harness, Modifiers::NONE, Key::I);
    let center = harness.state().map_rect().center();
    harness.hover_at(center);
    harness.step();
    for pressed in [true, false] {
        harness.event(egui::Event::PointerButton {
            pos: center,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
        harness.step();
    }
    harness.get_by_label("Time").click();
    harness.step();
    wait(&mut harness, "the values", |window| {
        let values = window.followed_values();
        values.len() == 1 && values[0].len() == 7 && values[0].iter().all(Option::is_some)
    });
    let values = &harness.state().followed_values()[0];
    let measured: Vec<f64> = values.iter().filter_map(|value| (*value)?.value).collect();
    // The first thing to follow is NDVI; the picture's middle is inside both grids.
    assert_eq!(measured.len(), 7);
    assert!(measured.iter().all(|value| (-1.0..=1.0).contains(value)));
    assert!(shows(&harness, "Copy as CSV"));

    // What is kept is a step, is saved, and is followed again when the project is opened.
    let values = values.clone();
    assert!(harness.state().document().followed.is_empty());
    harness
        .get_by_label("Keep this place when another is clicked")
        .click();
    harness.step();
    harness.step();
    let document = harness.state().document();
    assert_eq!(document.followed.len(), 1);
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("followed.terroir");
    terroir_scene::save_project(document, &path).unwrap();
    harness.state_mut().take_back();
    harness.step();
    assert!(harness.state().document().followed.is_empty());
    harness.state_mut().do_again();
    harness.step();
    harness.get_by_label("Remove this place").click();
    harness.step();
    assert!(harness.state().document().followed.is_empty());
    harness.step();
    assert!(harness.state().followed_values().is_empty());

    let mut again = open(vec![path]);
    wait(&mut again, "the project", |window| {
        !window.document().layers.is_empty()
    });
    again.get_by_label("Time").click();
    again.step();
    wait(&mut again, "the values of the kept place", |window| {
        window.followed_values() == [values.clone()]
    });
    assert!(shows(&again, "Do not keep this place"));
}
