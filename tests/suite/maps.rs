//! Coordinate systems in the window: naming one for a raster without, changing the map's, and the way back.

use std::path::{Path, PathBuf};

use egui::{Event, Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::Window;
use terroir_engine::{CalcSpec, JobSpec, command_line};
use terroir_scene::{Crs, MapGeometry, Raster, open_project};

use crate::canvas::write_tiff;
use crate::program::run;
use crate::window::{CTRL, open, press, shows, wait, wait_shown};

const SIDE: usize = 200;

/// A gradient that lies in UTM zone 29 north, which its file does not say.
fn write_nameless(folder: &Path) -> PathBuf {
    let path = folder.join("nameless.tif");
    let band = (0..SIDE * SIDE).map(|i| (i % SIDE) as u8).collect();
    let transform = [500_000.0, 30.0, 0.0, 4_400_000.0, 0.0, -30.0];
    write_tiff(&path, (SIDE, SIDE), &[band], transform, false);
    path
}

fn type_text(harness: &mut Harness<'static, Window>, text: &str) {
    harness.event(Event::Text(text.to_owned()));
    harness.step();
    harness.step();
}

/// Opens the palette and runs the command of this name.
fn run_command(harness: &mut Harness<'static, Window>, name: &str) {
    press(harness, CTRL, Key::K);
    type_text(harness, name);
    press(harness, Modifiers::NONE, Key::Enter);
}

fn epsg(window: &Window) -> Option<u32> {
    window.document().map_crs.as_ref().and_then(|crs| crs.epsg)
}

/// Types into the chooser and takes the first answer.
fn choose(harness: &mut Harness<'static, Window>, text: &str) {
    search(harness, text);
    press(harness, Modifiers::NONE, Key::Enter);
}

/// Waits for the register, then types.
fn search(harness: &mut Harness<'static, Window>, text: &str) {
    wait_shown(harness, "Use");
    let start = std::time::Instant::now();
    while shows(harness, "Reading the register") {
        assert!(start.elapsed().as_secs() < 60, "the register never came");
        harness.step();
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    type_text(harness, text);
}

#[test]
fn a_system_named_by_hand_goes_into_what_jobs_make() {
    let folder = tempfile::tempdir().unwrap();
    let nameless = write_nameless(folder.path());
    let mut harness = crate::training_window::open(folder.path(), vec![nameless.clone()]);
    wait(&mut harness, "opening the raster", |window| {
        !window.document().layers.is_empty()
    });
    harness.step();
    harness.get_by_label("No coordinate system").click();
    harness.step();
    choose(&mut harness, "32629");
    wait(&mut harness, "the system", |window| {
        epsg(window) == Some(32629)
    });
    let out = folder.path().join("twice.tif");
    let spec = JobSpec::Calc(CalcSpec {
        scene: nameless.clone(),
        expression: "b1*2".to_owned(),
        name: String::new(),
        out: out.clone(),
        wavelengths_nm: Vec::new(),
        ramp: "viridis".to_owned(),
    });
    harness.state_mut().run_job(spec.clone());
    wait(&mut harness, "the result as a layer", |window| {
        window.document().layers.len() == 2
    });
    let named = |path: &Path| {
        let raster = Raster::open(path).unwrap();
        raster.info().grid.crs().and_then(|crs| crs.epsg)
    };
    assert_eq!(named(&out), Some(32629));
    // This process knows it, too: the command that is copied says it.
    let line = command_line(&spec);
    assert!(
        line.contains("--assign-crs") && line.contains("=EPSG:32629"),
        "{line}"
    );
    let said = format!("{:?}", Raster::open(&out).unwrap().info().metadata);
    assert!(said.contains("--assign-crs"), "{said}");
    // Taken back, jobs make what the file says.
    while harness.state_mut().take_back() {
        harness.step();
    }
    harness.step();
    assert!(!command_line(&spec).contains("--assign-crs"));

    // The command line: as copied, and made again from the result alone.
    let words: Vec<String> = line
        .split(' ')
        .skip(1)
        .map(|word| word.trim_matches('\'').to_owned())
        .collect();
    std::fs::remove_file(&out).unwrap();
    run(folder.path(), &words).done();
    assert_eq!(named(&out), Some(32629));
    let again = run(
        folder.path(),
        &["reproduce", "twice.tif", "--out", "again.tif"],
    );
    assert!(again.done().contains("Every"));
    assert_eq!(named(&folder.path().join("again.tif")), Some(32629));
    let info = |assigned: &str| {
        run(
            folder.path(),
            &["info", "nameless.tif", "--assign-crs", assigned],
        )
    };
    info("nameless.tif=EPSG:1").failed(2, &["EPSG:1"]);
    info("nameless.tif").failed(2, &["FILE=SYSTEM"]);
    assert!(info("nameless.tif=32629").done().contains("EPSG:32629"));
}

#[test]
fn a_series_without_a_system_is_named_one_for_all_its_dates() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    let nameless = write_nameless(folder.path());
    for day in ["03", "08", "13"] {
        std::fs::copy(&nameless, images.join(format!("image_2021-06-{day}.tif"))).unwrap();
    }
    let mut harness = crate::series::open_as_series(images.clone());
    harness.get_by_label("No coordinate system").click();
    harness.step();
    choose(&mut harness, "32629");
    wait(&mut harness, "the system", |window| {
        epsg(window) == Some(32629)
    });
    let named = |document: &terroir_scene::Document| -> Vec<Option<u32>> {
        let frames = document.layers[0].series().unwrap().frames();
        frames
            .iter()
            .map(|frame| {
                let georef = &frame.info.as_ref().unwrap().grid.georef;
                georef.assigned_crs().and_then(|crs| crs.epsg)
            })
            .collect()
    };
    assert_eq!(named(harness.state().document()), [Some(32629); 3]);
    // Jobs on any of its dates are told.
    let one = images.join("image_2021-06-08.tif");
    let info = |path: &Path| Raster::open(path).unwrap().info().grid.crs().cloned();
    assert_eq!(info(&one).and_then(|crs| crs.epsg), Some(32629));
    let project = folder.path().join("named.terroir");
    terroir_scene::save_project(harness.state().document(), &project).unwrap();
    press(&mut harness, CTRL, Key::Z);
    harness.step();
    assert_eq!(named(harness.state().document()), [None; 3]);
    assert_eq!(info(&one), None);
    let opened = open_project(&project).unwrap();
    assert_eq!(named(&opened.document), [Some(32629); 3]);

    // The command line: the folder stands for all that lies in it.
    let folder_name = images.display().to_string();
    let assigned = format!("{folder_name}=EPSG:32629");
    let mut words = vec!["time-profile", &folder_name, "--bands", "Band 1", "--json"];
    words.extend(["--at", "500615,4399985", "--crs", "EPSG:32629"]);
    let lost = run(folder.path(), &words).json();
    words.extend(["--assign-crs", &assigned]);
    let found = run(folder.path(), &words).json();
    assert_eq!(
        found["dates"][2]["values"][0].as_f64(),
        Some(20.0),
        "{found} {lost}"
    );
}

#[test]
fn a_raster_without_a_system_is_named_one_and_the_map_changes_under_the_same_view() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open(vec![write_nameless(folder.path())]);
    wait(&mut harness, "opening the raster", |window| {
        !window.document().layers.is_empty()
    });
    harness.step();
    assert_eq!(epsg(harness.state()), None);
    assert!(
        harness
            .state()
            .log()
            .iter()
            .any(|line| line.contains("no coordinate system"))
    );

    // The status bar says so, and asks.
    harness.get_by_label("No coordinate system").click();
    harness.step();
    choose(&mut harness, "32629");
    wait(&mut harness, "the system of the layer", |window| {
        epsg(window) == Some(32629)
    });
    let georef = |window: &Window| {
        let info = window.document().layers[0].raster_info().unwrap().clone();
        info.grid.georef.clone()
    };
    let named = georef(harness.state());
    assert!(named.crs_is_assigned && named.crs.unwrap().epsg == Some(32629));
    press(&mut harness, CTRL, Key::Z);
    assert!(georef(harness.state()).crs.is_none() && epsg(harness.state()).is_none());
    press(&mut harness, CTRL, Key::Y);
    assert_eq!(epsg(harness.state()), Some(32629));

    // Another map shows the same ground at the same scale.
    let before = *harness.state().canvas().viewport();
    run_command(&mut harness, "coordinate system of the map");
    choose(&mut harness, "3857");
    wait(&mut harness, "the other map", |window| {
        epsg(window) == Some(3857)
    });
    harness.step();
    let after = *harness.state().canvas().viewport();
    let geometry = |code: &str| MapGeometry::new(&Crs::parse(code).unwrap()).unwrap();
    let (utm, mercator) = (geometry("EPSG:32629"), geometry("EPSG:3857"));
    let ground = utm.lon_lat(before.center.0, before.center.1).unwrap();
    let there = mercator.lon_lat(after.center.0, after.center.1).unwrap();
    assert!(
        (ground.0 - there.0).abs() < 1e-6 && (ground.1 - there.1).abs() < 1e-6,
        "{ground:?} {there:?}"
    );
    let metres = |geometry: &MapGeometry, view: &terroir::canvas::Viewport| {
        geometry
            .metres_per_unit(view.center, 100.0 * view.units_per_point)
            .unwrap()
            * view.units_per_point
    };
    let ratio = metres(&utm, &before) / metres(&mercator, &after);
    assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
    press(&mut harness, CTRL, Key::Z);
    harness.step();
    let back = *harness.state().canvas().viewport();
    assert_eq!(epsg(harness.state()), Some(32629));
    assert!((back.center.0 - before.center.0).abs() < 1e-2, "{back:?}");
    assert!((back.units_per_point / before.units_per_point - 1.0).abs() < 1e-3);

    // What the user named is in the project.
    let project = folder.path().join("named.terroir");
    terroir_scene::save_project(harness.state().document(), &project).unwrap();
    let opened = open_project(&project).unwrap();
    let info = opened.document.layers[0].raster_info().unwrap();
    assert!(info.grid.georef.crs_is_assigned);
    assert_eq!(info.grid.crs().unwrap().epsg, Some(32629));
}
