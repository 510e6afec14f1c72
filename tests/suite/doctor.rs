//! `terroir doctor`, and the System page of the window that shows the same: whole machines, broken ones, and words to paste.

use std::fs;

use egui_kittest::kittest::Queryable as _;
use serde_json::Value;
use terroir_engine::WorkerLink;

use crate::program::{command, run, terroir};
use crate::window::{open_with, settle, shows, wait, wait_shown};

/// The lines of one name.
fn checks<'a>(report: &'a Value, name: &str) -> Vec<&'a Value> {
    let all = report["checks"].as_array().unwrap();
    all.iter().filter(|check| check["name"] == name).collect()
}

#[test]
fn a_whole_machine_is_told_to_be_whole() {
    let folder = tempfile::tempdir().unwrap();
    let report = run(folder.path(), &["doctor", "--json"]).json();
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    for name in [
        "Version",
        "Executable",
        "Processor",
        "GDAL",
        "PROJ",
        "proj.db",
        "Reprojection",
        "Formats",
        "Sample",
        "Weights",
        "Sensors",
        "Model on the processor",
        "Worker",
    ] {
        let found = checks(&report, name);
        assert_eq!(found.len(), 1, "{name} in {report:#}");
        assert_eq!(found[0]["health"], "ok", "{name}: {}", found[0]);
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing is left"
    );

    let text = run(folder.path(), &["doctor"]).done();
    assert!(text.starts_with("Terroir "), "{text}");
    assert!(text.contains("Everything Terroir needs works"), "{text}");
}

#[test]
fn a_broken_machine_is_told_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut doctor = command(folder.path(), &["doctor"]);
    doctor
        .env("PROJ_DATA", folder.path())
        .env("PROJ_LIB", folder.path())
        .env("GDAL_SKIP", "GPKG")
        .env("TERROIR_NETWORK", "1");
    let said = crate::program::Run::from(doctor.output().unwrap());
    said.failed(1, &["things Terroir needs are broken"]);
    for words in [
        "FAILED   proj.db",
        "set PROJ_DATA to the folder with proj.db",
        "GPKG is missing: labels and places of a project",
        "ok       Worker",
    ] {
        assert!(
            said.stdout.contains(words),
            "no {words:?} in:\n{}",
            said.stdout
        );
    }
}

#[test]
fn a_bundle_brings_its_own_database_of_coordinate_systems() {
    let report = run(&std::env::temp_dir(), &["doctor", "--json"]).json();
    let database = checks(&report, "proj.db")[0]["found"].as_str().unwrap();
    if database.starts_with('~') {
        eprintln!("SKIPPED the bundle: proj.db lies in a home folder");
        return;
    }
    let bundle = tempfile::tempdir().unwrap();
    let (bin, data) = (bundle.path().join("bin"), bundle.path().join("share/proj"));
    fs::create_dir_all(&bin).unwrap();
    fs::create_dir_all(&data).unwrap();
    let program = bin.join("terroir");
    if fs::hard_link(terroir(), &program).is_err() {
        fs::copy(terroir(), &program).unwrap();
    }
    fs::copy(database, data.join("proj.db")).unwrap();
    let output = std::process::Command::new(&program)
        .args(["doctor", "--json"])
        .env_remove("PROJ_DATA")
        .env_remove("PROJ_LIB")
        .output()
        .unwrap();
    let report = crate::program::Run::from(output).json();
    let found = checks(&report, "proj.db")[0]["found"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(found.ends_with("share/proj/proj.db"), "{found}");
    assert_ne!(found, database);
    assert_eq!(
        checks(&report, "Reprojection")[0]["health"],
        "ok",
        "{report:#}"
    );
}

#[test]
fn the_system_page_shows_the_report() {
    let link = WorkerLink::new(terroir().to_owned(), std::sync::Arc::new(|| {}));
    let mut harness = open_with(Vec::new(), Box::new(link));
    settle(&mut harness);
    harness.get_by_label("Help").click();
    settle(&mut harness);
    harness.get_by_label_contains("System report").click();
    wait_shown(&mut harness, "Looking at the machine");
    assert_eq!(harness.state().system_text(), None);
    wait(&mut harness, "the report", |window| {
        window.system_text().is_some()
    });
    let text = harness.state().system_text().unwrap();
    for words in ["GDAL", "Model on the processor", "Window drawn with"] {
        assert!(text.contains(words), "no {words:?} in:\n{text}");
    }
    assert!(shows(&harness, "Check again"));
    crate::window::keep_picture(&mut harness, "system.png");
}
