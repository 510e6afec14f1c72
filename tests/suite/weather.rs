//! Daily weather, from the command line and in the window: facts and checks beside images, units confirmed, tables and charts
//! written, and what stays with the project.

use std::path::{Path, PathBuf};

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::Window;
use terroir_scene::{
    WeatherReading, WeatherTable, WeatherUnit, WeatherVariable, open_project, save_project,
};

use crate::program::{run, shared_data};
use crate::window::{CTRL, keep_picture, open, press, settle, shows, wait, wait_shown};

/// Days of 2021 from May on; `line` gives tmin, tmax, prcp, srad, vp.
fn table(
    folder: &Path,
    name: &str,
    days: usize,
    line: impl Fn(usize) -> Option<String>,
) -> PathBuf {
    let months = [(5, 31), (6, 30), (7, 31), (8, 31), (9, 30), (10, 31)];
    let dates = months.into_iter().flat_map(|(month, length)| {
        (1..=length).map(move |day| format!("2021-{month:02}-{day:02}"))
    });
    let mut text = String::from("date,tmin,tmax,prcp,srad,vp\n");
    for (day, date) in dates.take(days).enumerate() {
        if let Some(line) = line(day) {
            text += &format!("{date},{line}\n");
        }
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn weather_is_told_checked_converted_and_drawn() {
    let Some(data) = shared_data("weather beside images") else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let flanders = data.join("flanders_2018");
    let weather = flanders.join("weather_agera5_daily.csv");
    let (weather, images) = (weather.to_string_lossy(), flanders.join("s2"));
    let arguments = [
        "weather",
        &weather,
        "--images",
        &images.to_string_lossy(),
        "--to-csv",
        "days.csv",
        "--chart",
        "days.svg",
    ];
    let text = run(out.path(), &arguments).done();
    for word in [
        "AgERA5",
        "487, 2017-08-01 to 2018-11-30",
        "118, 2017-08-04",
        "tmax",
        "degC",
    ] {
        assert!(text.contains(word), "no {word} in:\n{text}");
    }
    assert!(!text.contains("STOP"), "{text}");
    let path = out.path().join("days.csv");
    let plain = WeatherTable::open_blocking(&path, &WeatherReading::default()).unwrap();
    let day = "2018-07-26".parse().unwrap();
    let source =
        WeatherTable::open_blocking(Path::new(&*weather), &WeatherReading::default()).unwrap();
    for variable in WeatherVariable::ALL {
        let (a, b) = (plain.value(variable, day), source.value(variable, day));
        assert_eq!(a.is_some(), b.is_some(), "{variable:?}");
        assert!(
            (a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-4,
            "{variable:?}"
        );
    }
    let svg = std::fs::read_to_string(out.path().join("days.svg")).unwrap();
    assert!(svg.contains("118 images") && svg.contains("Solar radiation"));
    // The two places have other images: the weather of one does not cover all of the other's.
    let other = data.join("flanders_2019_a").join("s2");
    let json = run(
        out.path(),
        &[
            "weather",
            &weather,
            "--images",
            &other.to_string_lossy(),
            "--json",
        ],
    )
    .json();
    let checks = json["checks"].as_array().unwrap();
    assert!(
        checks.iter().any(|check| {
            check["stops"] == true && check["what"].as_str().unwrap().contains("does not cover")
        }),
        "{json}"
    );
    assert_eq!(json["variables"][0]["name"], "tmin");
}

#[test]
fn units_are_confirmed_and_gaps_named_on_the_command_line() {
    let home = tempfile::tempdir().unwrap();
    table(home.path(), "kelvin.csv", 60, |day| {
        Some(format!("{},{},0.00{},20,1.1", 281, 290 + day % 5, day % 4))
    });
    let text = run(home.path(), &["weather", "kelvin.csv"]).done();
    for word in ["STOP", "--unit tmin=K", "--unit tmax=K", "--unit prcp=m"] {
        assert!(text.contains(word), "no {word} in:\n{text}");
    }
    run(
        home.path(),
        &["weather", "kelvin.csv", "--to-csv", "out.csv"],
    )
    .failed(1, &["must be confirmed", "--unit tmin=K"]);
    let confirmed = [
        "weather",
        "kelvin.csv",
        "--unit",
        "tmin=K",
        "--unit",
        "tmax=K",
        "--unit",
        "prcp=m",
        "--to-csv",
        "out.csv",
    ];
    let text = run(home.path(), &confirmed).done();
    assert!(text.contains("nothing is doubtful"), "{text}");
    let json = run(home.path(), &["weather", "out.csv", "--json"]).json();
    let high = json["variables"][1]["highest"].as_f64().unwrap();
    assert!((high - 20.85).abs() < 1e-3, "{json}");

    table(home.path(), "gap.csv", 60, |day| {
        (!(20..30).contains(&day)).then(|| "8,18,1,20,1.1".to_owned())
    });
    let text = run(home.path(), &["weather", "gap.csv"]).done();
    assert!(
        text.contains("STOP there is no weather on 2021-05-21 to 2021-05-30"),
        "{text}"
    );
    // A second file goes on where the first ends.
    let joined = run(home.path(), &["weather", "gap.csv", "out.csv"]).done();
    assert!(joined.contains("60, 2021-05-01"), "{joined}");

    run(home.path(), &["weather", "nowhere.csv"]).failed(1, &["cannot be opened"]);
    run(home.path(), &["weather", "gap.csv", "--unit", "tmax"]).failed(2, &["NAME=UNIT"]);
    run(home.path(), &["weather", "gap.csv", "--unit", "tmax=ell"]).failed(2, &["no unit known"]);
    run(home.path(), &["weather", "gap.csv", "--unit", "tmax=mm"])
        .failed(1, &["tmax cannot be in mm"]);
    run(home.path(), &["weather", "gap.csv", "--at", "4"]).failed(2, &["longitude and latitude"]);
    run(
        home.path(),
        &["weather", "gap.csv", "--column", "prcp=rain"],
    )
    .failed(1, &["no column rain"]);
    run(home.path(), &["weather", "gap.csv", "--chart", "x.gif"]).failed(2, &[".svg"]);
    std::fs::write(home.path().join("a.csv"), "x,y\n1,2\n").unwrap();
    run(home.path(), &["weather", "a.csv"]).failed(1, &["no column date"]);
    run(home.path(), &["weather", "a.csv", "--images", "a.csv"]).failed(1, &["no"]);
}

/// The seven dates of the Portugal scene as a series on show.
fn portugal() -> Option<(PathBuf, Harness<'static, Window>)> {
    let folder = shared_data("weather under a series")?.join("s2_portugal_2021");
    let mut harness = open(vec![folder.join("s2_l2a_12band")]);
    wait_shown(&mut harness, "Images of several dates");
    harness.get_by_label("Open").click();
    wait(&mut harness, "the series", |window| {
        !window.document().layers.is_empty()
    });
    Some((folder, harness))
}

#[test]
fn weather_under_a_series_is_saved_with_the_project_and_undone() {
    let Some((folder, mut harness)) = portugal() else {
        return;
    };
    harness.get_by_label("Time").click();
    settle(&mut harness);
    harness.get_by_label("Weather").click();
    settle(&mut harness);
    assert!(shows(&harness, "No weather"));
    keep_picture(&mut harness, "weather_empty.png");
    let path = folder.join("weather_eobs_daily.csv");
    harness.state_mut().add_weather(path.clone());
    wait(&mut harness, "the weather", |window| {
        window.weather().is_some()
    });
    assert!(shows(&harness, "E-OBS, 150 days, 2021-05-10 to 2021-10-06"));
    assert!(shows(&harness, "Images: 7 days"));
    assert!(shows(&harness, "Precipitation (mm/day)"));
    keep_picture(&mut harness, "weather.png");

    let home = tempfile::tempdir().unwrap();
    let project = home.path().join("work.terroir");
    save_project(harness.state().document(), &project).unwrap();
    let opened = open_project(&project).unwrap().document;
    let kept = opened.weather.unwrap();
    assert_eq!(
        kept.path.canonicalize().unwrap(),
        path.canonicalize().unwrap()
    );
    press(&mut harness, CTRL, Key::Z);
    settle(&mut harness);
    assert!(harness.state().document().weather.is_none());
    assert!(shows(&harness, "No weather"));
    press(&mut harness, CTRL, Key::Y);
    wait(&mut harness, "the weather again", |window| {
        window.weather().is_some()
    });
}

#[test]
fn doubtful_units_are_confirmed_by_a_click() {
    let Some((_, mut harness)) = portugal() else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let path = table(home.path(), "kelvin.csv", 170, |day| {
        (!(60..70).contains(&day)).then(|| {
            let wave = (day as f64 / 27.0).sin() * 4.0;
            format!(
                "{:.1},{:.1},{},{:.1},1.1",
                286.0 + wave,
                299.0 + 1.5 * wave,
                (day % 9 / 8) * 6,
                22.0 + wave
            )
        })
    });
    harness.state_mut().add_weather(path);
    wait(&mut harness, "the weather", |window| {
        window.weather().is_some()
    });
    assert!(shows(&harness, "In which unit is lowest temperature?"));
    assert!(shows(&harness, "unit not confirmed"));
    keep_picture(&mut harness, "weather_doubt.png");
    for _ in 0..2 {
        harness.query_all_by_label("K").next().unwrap().click();
        settle(&mut harness);
        wait(&mut harness, "reading it anew", |window| {
            window.weather().is_some()
        });
    }
    assert!(!shows(&harness, "In which unit"));
    let document = harness.state().document();
    let units = &document.weather.as_ref().unwrap().reading.units;
    assert_eq!(units.get("tmin"), Some(&WeatherUnit::Kelvin));
    assert_eq!(units.get("tmax"), Some(&WeatherUnit::Kelvin));
    assert!(shows(&harness, "10 days in a row"));
    keep_picture(&mut harness, "weather_gap.png");
    // One confirmation is one step.
    press(&mut harness, CTRL, Key::Z);
    wait(&mut harness, "reading it anew", |window| {
        window.weather().is_some()
    });
    assert!(shows(&harness, "In which unit is highest temperature?"));
    press(&mut harness, Modifiers::NONE, Key::Escape);
    // What cannot be read is said, and the weather stays.
    harness
        .state_mut()
        .add_weather(home.path().join("nowhere.csv"));
    wait(&mut harness, "the message", |window| {
        window
            .log()
            .iter()
            .any(|line| line.contains("cannot be opened"))
    });
    assert!(harness.state().document().weather.is_some());
}
