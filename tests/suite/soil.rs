//! Soil moisture from stations: the command line on real and made tables, what it refuses, and the window with the real worker.

use std::path::{Path, PathBuf};

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use serde_json::Value;
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_engine::{JobSpec, SoilResults, WorkerLink, command_line};

use crate::program::{run, shared_data};
use crate::window::{keep_picture, shows, wait_until};
use crate::worker::real_worker;

/// Six stations of five months, wetter after rain, each at its own level; weather in the same table.
fn made_stations(folder: &Path) -> PathBuf {
    let mut text = "station,lat,lon,date,sm,prcp,tmin,tmax\n".to_owned();
    for station in 0..6 {
        let mut wet = 20.0;
        let months = [(3, 31), (4, 30), (5, 31), (6, 30), (7, 31)];
        let days = months
            .into_iter()
            .flat_map(|(month, days)| (1..=days).map(move |day| (month, day)));
        for (after, (month, day)) in (0..).zip(days) {
            let date = format!("2021-{month:02}-{day:02}");
            let rain = if (after + station) % 9 == 0 {
                18.0
            } else {
                0.0
            };
            wet = 0.9 * wet + rain;
            let sm = 0.1 + 0.004 * wet + 0.01 * f64::from(station);
            text += &format!(
                "place {station},50.{station},4.5,{date},{sm:.4},{rain},4,{}\n",
                12 + after % 5
            );
        }
    }
    let path = folder.join("stations.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn report(folder: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join("report.json")).unwrap()).unwrap()
}

#[test]
fn real_stations_give_a_report_with_every_method_on_both_splits() {
    let Some(data) = shared_data("soil moisture of real stations") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let table = data.join("soilmoisture_uscrn_2020/uscrn_daily_2020.csv");
    let out = folder.path().join("uscrn");
    let done = run(
        folder.path(),
        &[
            "soil",
            "--stations",
            table.to_str().unwrap(),
            "--out",
            "uscrn",
            "--quiet",
        ],
    );
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stdout.contains("RMSE at stations held out"),
        "{}",
        done.stdout
    );
    let report = report(&out);
    let soil = &report["soil_moisture"];
    let rmse = |key: &str| soil["baselines"][key]["pooled"]["rmse"].as_f64().unwrap();
    assert!(
        rmse("ridge_long") < rmse("ridge")
            && rmse("ridge") < rmse("doy")
            && rmse("doy") < rmse("mean")
    );
    assert_eq!(soil["per_station"].as_array().unwrap().len(), 30);
    assert_eq!(
        (&soil["folds"], &soil["depth_m"]),
        (&5.into(), &serde_json::json!([0.05, 0.05]))
    );
    assert!(
        soil["time"]["methods"]["mean"]["pooled"]["n"]
            .as_u64()
            .unwrap()
            > 1000
    );
    let results = SoilResults::read_blocking(&out).unwrap();
    assert_eq!((results.stations.len(), results.methods.len()), (30, 4));
    assert_eq!(results.methods[0].key, "mean");
    let pooled: usize = results
        .stations
        .iter()
        .map(|station| station.days.len())
        .sum();
    assert_eq!(soil["values"].as_u64().unwrap() as usize, pooled);
}

#[test]
fn the_command_repeats_itself_and_refuses_what_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let table = made_stations(folder.path());
    let go = |args: &[&str]| run(folder.path(), args);
    let done = go(&[
        "soil",
        "--stations",
        "stations.csv",
        "--seed",
        "3",
        "--out",
        "a",
    ]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let first = report(&folder.path().join("a"));
    let words: Vec<String> = first["job"]["command"]
        .as_str()
        .unwrap()
        .split(' ')
        .map(str::to_owned)
        .collect();
    assert_eq!(
        words,
        [
            "terroir",
            "soil",
            "--stations",
            "stations.csv",
            "--seed",
            "3",
            "--out",
            "a"
        ]
    );
    let mut again: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    *again.last_mut().unwrap() = "b";
    assert_eq!(go(&again).code, Some(0));
    assert_eq!(
        first["soil_moisture"],
        report(&folder.path().join("b"))["soil_moisture"]
    );

    let text = std::fs::read_to_string(&table).unwrap();
    let percent: String = text
        .lines()
        .map(|line| {
            let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
            if let Ok(sm) = cells[4].parse::<f64>() {
                cells[4] = (100.0 * sm).to_string();
            }
            cells.join(",") + "\n"
        })
        .collect();
    std::fs::write(folder.path().join("percent.csv"), percent).unwrap();
    let refused = go(&["soil", "--stations", "percent.csv", "--out", "c"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("(--percent)") && refused.stderr.contains("percent.csv"),
        "{}",
        refused.stderr
    );
    assert!(!folder.path().join("c").exists());
    assert_eq!(
        go(&[
            "soil",
            "--stations",
            "percent.csv",
            "--percent",
            "--out",
            "c"
        ])
        .code,
        Some(0)
    );
    std::fs::write(
        folder.path().join("twice.csv"),
        "station,date,sm\na,2020-01-01,0.2\na,2020-01-01,0.3\n",
    )
    .unwrap();
    for (args, word) in [
        (
            &["soil", "--stations", "twice.csv", "--out", "d"][..],
            "two values for 2020-01-01",
        ),
        (
            &["soil", "--stations", "none.csv", "--out", "d"],
            "check the path",
        ),
        (
            &[
                "soil",
                "--stations",
                "stations.csv",
                "--flags",
                "G",
                "--depth",
                "0.2,0.1",
                "--out",
                "d",
            ],
            "the shallower first",
        ),
        (
            &[
                "soil",
                "--stations",
                "stations.csv",
                "--date",
                "2021-05-01",
                "--out",
                "d",
            ],
            "--images",
        ),
    ] {
        let refused = go(args);
        assert!(
            refused.code != Some(0) && refused.stderr.contains(word),
            "{args:?}: {}",
            refused.stderr
        );
    }
}

/// Clicks the button of this name, or the first whose name has it in it.
fn click(harness: &mut Harness<'static, Window>, name: &str) {
    let label = |node: &egui_kittest::Node<'_>| node.accesskit_node().label().unwrap_or_default();
    let buttons = || harness.query_all_by_role(Role::Button);
    let node = buttons()
        .find(|node| label(node) == name)
        .or_else(|| buttons().find(|node| label(node).contains(name)))
        .unwrap_or_else(|| panic!("no button {name}"));
    node.click();
    for _ in 0..4 {
        harness.step();
    }
}

#[test]
fn the_window_estimates_and_shows_every_method_and_station() {
    let home = tempfile::tempdir().unwrap();
    // Real stations make the better picture.
    let table = shared_data("a picture of real stations")
        .map(|data| data.join("soilmoisture_uscrn_2020/uscrn_daily_2020.csv"))
        .unwrap_or_else(|| made_stations(home.path()));
    let worker = real_worker(home.path());
    let data_folder = Some(home.path().join("data"));
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_max_steps(8)
        .wgpu()
        .build_eframe(|creation| {
            let wake = waker(&creation.egui_ctx);
            let services = Services {
                wake: wake.clone(),
                link: Box::new(WorkerLink::new(worker, wake)),
                data_folder,
            };
            Window::new(creation, services, WindowOptions::default()).unwrap()
        });
    click(&mut harness, "Layer");
    click(&mut harness, "Soil moisture…");
    assert!(shows(&harness, "No estimate yet"));
    keep_picture(&mut harness, "soil_empty.png");
    let out = home.path().join("soil");
    let spec = harness.state_mut().set_soil(vec![table], &out).unwrap();
    let JobSpec::Soil(soil) = &spec else {
        panic!("another job")
    };
    assert!(soil.archive.is_none() && command_line(&spec).starts_with("terroir soil --stations "));
    harness.step();
    click(&mut harness, "Estimate");
    wait_until(&mut harness, "the results", |harness| {
        shows(harness, "Through time")
    });
    for text in [
        "ridge regression",
        "mean of the day of the year",
        "Open report",
        "Stations held out",
    ] {
        assert!(shows(&harness, text), "{text}");
    }
    keep_picture(&mut harness, "soil_moisture.png");
    click(&mut harness, "The next station");
    click(&mut harness, "Last days held out");
    keep_picture(&mut harness, "soil_time.png");
    assert!(out.join("report.html").exists());
}
