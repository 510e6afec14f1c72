//! Images and weather in the window, with the real worker: a field of the season, and a short pretraining of a forecaster whose
//! command line gives the same numbers.

use std::path::Path;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::Window;
use terroir_engine::{JobSpec, command_line};

use crate::program::run;
use crate::training_window::{self, open};
use crate::weather_world::{WorldSite, write_site};
use crate::window::{keep_picture, settle, shows, wait_until};

/// Clicks the widget with exactly this name, where it can be seen.
fn click(harness: &mut Harness<'static, Window>, name: &str) {
    let found = harness.query_all_by_label(name).next();
    found
        .unwrap_or_else(|| panic!("nothing is called {name}"))
        .scroll_to_me();
    settle(harness);
    harness.query_all_by_label(name).next().unwrap().click();
    settle(harness);
}

/// The window with the images of a made place.
fn open_site(home: &Path) -> (Harness<'static, Window>, WorldSite) {
    let site = write_site(home, 0, 200);
    let mut harness = open(home, vec![site.images.clone()]);
    wait_until(&mut harness, "the question", |harness| {
        harness.query_by_label("Images of several dates").is_some()
    });
    click(&mut harness, "Open");
    wait_until(&mut harness, "opening", |harness| {
        !harness.state().document().layers.is_empty()
    });
    (harness, site)
}

fn add_weather(harness: &mut Harness<'static, Window>, site: &WorldSite) {
    harness.state_mut().add_weather(site.weather.clone());
    wait_until(harness, "the weather", |harness| {
        harness.state().weather().is_some()
    });
}

#[test]
fn a_field_of_the_season_is_made_of_images_and_weather() {
    let home = tempfile::tempdir().unwrap();
    let (mut harness, site) = open_site(home.path());
    click(&mut harness, "Run");
    click(&mut harness, "Of a series");
    wait_until(&mut harness, "the look at the images", |harness| {
        harness.query_by_label("With the weather").is_some()
    });
    click(&mut harness, "With the weather");
    assert!(shows(&harness, "Add the daily weather of the place first"));
    add_weather(&mut harness, &site);
    click(&mut harness, "Run");
    wait_until(&mut harness, "the button", |harness| {
        harness
            .query_by_label("Make the field of the season")
            .is_some()
    });
    keep_picture(&mut harness, "season_form.png");
    click(&mut harness, "Make the field of the season");
    let out = home.path().join("site_0_season.tif");
    wait_until(&mut harness, "the field", |harness| {
        let layers = &harness.state().document().layers;
        out.exists() && layers.iter().any(|layer| layer.name.contains("season"))
    });
    wait_until(&mut harness, "its picture", |harness| {
        !harness.state().canvas().is_loading()
    });
    keep_picture(&mut harness, "season_field.png");
}

#[test]
fn a_pretraining_on_images_and_weather_and_its_command_line_give_the_same_numbers() {
    let home = tempfile::tempdir().unwrap();
    let (mut harness, site) = open_site(home.path());
    training_window::click(&mut harness, "Layer");
    training_window::click(&mut harness, "Train a model…");
    click(&mut harness, "Weather");
    assert!(shows(&harness, "Pretrain a model on images and weather"));
    assert!(shows(&harness, "add a weather table first"));
    add_weather(&mut harness, &site);
    assert!(shows(&harness, "site_0.csv"));
    let (steps, batch) = match std::env::var_os("TERROIR_PICTURES") {
        Some(_) => (300, 8),
        None => (6, 2),
    };
    let spec = harness.state_mut().set_forecaster(steps, batch).unwrap();
    let JobSpec::PretrainKgvsf(kgvsf) = &spec else {
        panic!("no pretraining on images and weather")
    };
    let out = kgvsf.out.clone();
    settle(&mut harness);
    click(&mut harness, "Start training");
    wait_until(&mut harness, "the end", |harness| {
        out.exists() && !shows(harness, "Stop")
    });
    wait_until(&mut harness, "the preview", |harness| {
        shows(harness, "Newest preview")
    });
    assert!(shows(&harness, "the last image before"));
    keep_picture(&mut harness, "training_weather.png");

    let again = home.path().join("again.safetensors");
    let line =
        command_line(&spec).replace(&out.display().to_string(), &again.display().to_string());
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    run(home.path(), &words).done();
    let figures = |run: &Path| std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let losses = |run: &Path| -> Vec<f64> {
        let lines = figures(run);
        lines
            .lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                line["loss"].as_f64().unwrap()
            })
            .collect()
    };
    let window = losses(&out.with_extension("run"));
    assert_eq!(window.len() as u64, steps);
    assert_eq!(window, losses(&home.path().join("again.run")));
}
