//! Files are opened first in a process of their own: a library that crashes or hangs there takes no window with it, the file
//! is left alone in words, and everything else opens as before.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use terroir_engine::{Trial, TrialOpener, WorkerLink};
use terroir_scene::{Raster, avoided_files, forgive_file, open_project, save_project};

use crate::program::{sample, terroir};
use crate::window::{open_with, wait};

fn scene() -> PathBuf {
    sample().join("m_4709963_se_14_1_20160816_5m.tif")
}

/// A program that opens files as the real one does, but dies of `evil`, as it would in a library.
#[cfg(unix)]
fn program_that_dies_of(folder: &Path, evil: &Path, how: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join("terroir");
    let name = evil.file_name().unwrap().to_string_lossy().into_owned();
    let script = format!(
        r#"#!/bin/sh
[ "$1" = trial ] || exec "{program}" "$@"
while IFS= read -r line; do
    case "$line" in
    *'"avoid":['*'{name}'*'],"open"'*) echo '"done"' ;;
    *'{name}'*|*project.terroir*)
        echo '{{"opening":"{evil}"}}'
        {how} ;;
    *) echo '"done"' ;;
    esac
done
"#,
        program = terroir().display(),
        evil = evil.display(),
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn files_that_open_are_opened_and_nothing_is_avoided() {
    let mut opener = TrialOpener::new(terroir().to_owned());
    let folder = tempfile::tempdir().unwrap();
    let nonsense = folder.path().join("nonsense.tif");
    std::fs::write(&nonsense, "no raster").unwrap();
    let start = Instant::now();
    let mut last = start;
    for trial in [
        Trial::Raster(scene()),
        Trial::Raster(scene()),
        Trial::Raster(nonsense),
        Trial::Raster(folder.path().join("missing.tif")),
        Trial::Raster(sample()),
        Trial::Series(vec![sample()]),
        Trial::Vector(folder.path().join("missing.gpkg")),
        Trial::Classes(scene()),
        Trial::Project(folder.path().join("missing.terroir")),
        Trial::Journal(folder.path().join("missing.journal")),
    ] {
        assert_eq!(opener.try_blocking(&trial), Vec::<PathBuf>::new());
        eprintln!("{:?}: {} ms", trial, last.elapsed().as_millis());
        last = Instant::now();
    }
}

#[test]
fn a_program_that_cannot_be_started_keeps_no_file_from_opening() {
    let mut opener = TrialOpener::new(PathBuf::from("/no/such/program"));
    assert!(opener.try_blocking(&Trial::Raster(scene())).is_empty());
    Raster::open(&scene()).unwrap();
}

#[cfg(unix)]
#[test]
fn a_file_that_crashes_or_hangs_is_left_alone_and_said_so() {
    for how in ["kill -SEGV $$", "sleep 60"] {
        let folder = tempfile::tempdir().unwrap();
        let evil = folder.path().join("evil.tif");
        std::fs::copy(scene(), &evil).unwrap();
        let program = program_that_dies_of(folder.path(), &evil, how);
        let mut opener = TrialOpener::new(program).with_patience(Duration::from_millis(500));
        assert_eq!(
            opener.try_blocking(&Trial::Raster(evil.clone())),
            std::slice::from_ref(&evil),
            "{how}"
        );
        let words = Raster::open(&evil).err().unwrap().to_string();
        assert!(words.contains("crashed or hung"), "{words}");
        assert!(words.ends_with("evil.tif"), "{words}");
        // The next file has a process again.
        assert!(opener.try_blocking(&Trial::Raster(scene())).is_empty());
        forgive_file(&evil);
        assert!(!avoided_files().contains(&evil));
    }
}

/// The window opens a project with such a file: its other layers and its labels are there, and the file is named.
#[cfg(unix)]
#[test]
fn a_crash_takes_one_layer_and_not_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let evil = folder.path().join("evil_image.tif");
    let good = folder.path().join("good_image.tif");
    std::fs::copy(scene(), &evil).unwrap();
    std::fs::copy(scene(), &good).unwrap();
    let mut document = terroir_scene::Document::default();
    for path in [&good, &evil] {
        let raster = Raster::open(path).unwrap();
        document.add_layer(terroir_scene::Layer {
            id: terroir_scene::LayerId(0),
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            source: terroir_scene::LayerSource::Raster {
                path: path.clone(),
                info: Some(Arc::new(raster.info().clone())),
            },
            style: None,
            visible: true,
            opacity: 1.0,
            blend: terroir_scene::Blend::Normal,
            missing_color: None,
            edited_wavelengths: Vec::new(),
            attribution: None,
        });
    }
    let mut labels =
        terroir_scene::Labels::new(document.layers[0].raster_info().unwrap().grid.clone());
    labels.add_class("water");
    labels.paint_stroke((10.0, 10.0), (60.0, 60.0), 9.0, 1, false);
    let painted = labels.counts();
    document.labels = Some(labels);
    let project = folder.path().join("project.terroir");
    save_project(&document, &project).unwrap();

    let program = program_that_dies_of(folder.path(), &evil, "kill -SEGV $$");
    let mut opener = TrialOpener::new(program);
    assert_eq!(
        opener.try_blocking(&Trial::Project(project.clone())),
        std::slice::from_ref(&evil)
    );
    let opened = open_project(&project).unwrap();
    let is_open = |name: &str| {
        let layers = opened.document.layers.iter();
        layers
            .filter(|layer| layer.name == name)
            .any(|layer| layer.raster_info().is_some())
    };
    assert!(is_open("good_image") && !is_open("evil_image"));
    assert!(
        opened
            .warnings
            .iter()
            .any(|words| words.contains("evil_image.tif"))
    );
    assert_eq!(opened.document.labels.unwrap().counts(), painted);
    forgive_file(&evil);
}

/// The whole window, as a user opens a file.
#[cfg(unix)]
#[test]
fn the_window_says_which_file_crashed() {
    let folder = tempfile::tempdir().unwrap();
    let evil = folder.path().join("evil_scene.tif");
    std::fs::copy(scene(), &evil).unwrap();
    let program = program_that_dies_of(folder.path(), &evil, "kill -SEGV $$");
    let link = Box::new(WorkerLink::new(program, Arc::new(|| {})));
    let mut harness = open_with(vec![evil.clone()], link);
    wait(&mut harness, "the message", |window| {
        format!("{:?}", window.log()).contains("crashed or hung")
    });
    forgive_file(&evil);
}
