//! Forecasts in the window, with the real worker: gaps filled, days to come by a rule and by the network, other weather beside the
//! unchanged, and the figures that say how good it is.

use std::path::Path;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_engine::WorkerLink;

use crate::program::shared_data;
use crate::window::{keep_picture, settle, shows, wait_until};
use crate::worker::real_worker;

fn open(home: &Path, folder: &Path) -> Harness<'static, Window> {
    let worker = real_worker(home);
    let data_folder = Some(home.join("data"));
    let files = vec![folder.to_owned()];
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
                data_folder,
            };
            let options = WindowOptions {
                files,
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
    harness
}

/// Clicks the widget with exactly this name, where it can be seen.
fn click(harness: &mut Harness<'static, Window>, name: &str) {
    harness
        .query_all_by_label(name)
        .next()
        .unwrap_or_else(|| panic!("nothing is called {name}"))
        .scroll_to_me();
    settle(harness);
    harness.query_all_by_label(name).next().unwrap().click();
    settle(harness);
}

fn has_layer(harness: &Harness<'static, Window>, name: &str) -> bool {
    let layers = &harness.state().document().layers;
    layers.iter().any(|layer| layer.name.starts_with(name))
}

#[test]
fn a_series_is_forecast_filled_and_asked_what_other_weather_would_do() {
    let Some(data) = shared_data("a series is forecast in the window") else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let place = data.join("s2_portugal_2021");
    let folder = home.path().join("ribatejo");
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(place.join("s2_l2a_12band")).unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, folder.join(from.file_name().unwrap())).unwrap();
    }
    let mut harness = open(home.path(), &folder);
    click(&mut harness, "Time");
    click(&mut harness, "Forecast");
    wait_until(&mut harness, "the look at the images", |harness| {
        shows(harness, "images up to 2021-10-06")
    });
    assert!(shows(
        &harness,
        "None of these days was seen, so it cannot be judged"
    ));
    keep_picture(&mut harness, "forecast_form.png");

    // The last clear values, beside what was seen later.
    harness.state_mut().set_forecast("2021-07-28", None);
    settle(&mut harness);
    assert!(shows(&harness, "of them were seen"));
    click(&mut harness, "Make the forecast");
    wait_until(&mut harness, "the forecast", |harness| {
        has_layer(harness, "Forecast, persistence") && shows(harness, "Open report")
    });
    assert!(shows(&harness, "Forecast by persistence, not an image"));
    keep_picture(&mut harness, "forecast_persistence.png");

    // The network under the weather that was measured, and three degrees warmer beside it.
    let weather = place.join("weather_eobs_daily.csv");
    harness.state_mut().add_weather(weather);
    wait_until(&mut harness, "the weather", |harness| {
        harness.state().weather().is_some()
    });
    keep_picture(&mut harness, "forecast_weather.png");
    click(&mut harness, "Forecast");
    harness.state_mut().set_forecast("2021-07-28", Some(3.0));
    settle(&mut harness);
    wait_until(&mut harness, "the weights", |harness| {
        shows(harness, "Show beside the unchanged")
    });
    click(&mut harness, "Show beside the unchanged");
    wait_until(&mut harness, "both weathers", |harness| {
        has_layer(harness, "What if: 3 degC warmer") && has_layer(harness, "Forecast, kgvsf")
    });
    wait_until(&mut harness, "the divider", |harness| {
        harness.state().divider().is_some()
    });
    keep_picture(&mut harness, "forecast_what_if.png");
}
