//! Overviews beside made rasters: right numbers, right kind, nothing left of a stopped or failed build.

use std::path::Path;

use super::factors;
use crate::made_raster::{Made, open};
use crate::*;

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("folder")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

fn scene(size: (usize, usize)) -> Made<u16> {
    let band = |step: usize| {
        (0..size.0 * size.1)
            .map(|at| ((at % size.0) * step + at / size.0) as u16)
            .collect()
    };
    let mut made = Made::new(size, vec![band(1), band(3)]);
    made.options = vec!["TILED=YES", "INTERLEAVE=PIXEL"];
    made
}

#[test]
fn factors_end_where_the_raster_fits() {
    assert_eq!(factors(256, 100), Vec::<i32>::new());
    assert_eq!(factors(257, 100), [2]);
    assert_eq!(factors(30_000, 30_000), [2, 4, 8, 16, 32, 64, 128]);
}

#[test]
fn overviews_lie_beside_the_raster_which_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("folder");
    let path = scene((1000, 700)).write(folder.path(), "scene.tif");
    let before = std::fs::read(&path).expect("bytes");
    let mut told = Vec::new();
    let built = build_overviews_blocking(&path, None, &mut |share| {
        told.push(share);
        true
    })
    .unwrap_or_else(|error| panic!("{error} {:?}", error.details()));
    assert_eq!((built.levels, built.resampling), (2, Resampling::Average));
    assert!(told.is_sorted() && told.last().is_some_and(|last| *last > 0.99));
    assert_eq!(names_in(folder.path()), ["scene.tif", "scene.tif.ovr"]);
    assert_eq!(std::fs::read(&path).expect("bytes"), before);

    let raster = open(&path);
    assert_eq!(raster.info().bands[1].overviews, [(500, 350), (250, 175)]);
    // A quarter's texel is the mean of its sixteen pixels.
    let block = raster
        .read_blocking(
            &[0, 1],
            raster.info().grid.window(),
            250,
            175,
            Resampling::Average,
        )
        .expect("read");
    let mean = |step: usize, col: usize, row: usize| {
        (0..16)
            .map(|at| ((4 * col + at % 4) * step + 4 * row + at / 4) as f32)
            .sum::<f32>()
            / 16.0
    };
    for (col, row) in [(0, 0), (100, 80), (249, 174)] {
        let at = row * 250 + col;
        assert!((block.band(0)[at] - mean(1, col, row)).abs() <= 1.0);
        assert!((block.band(1)[at] - mean(3, col, row)).abs() <= 1.0);
    }
    // Once more replaces the old ones.
    build_overviews_blocking(&path, Some(Resampling::Nearest), &mut |_| true).expect("again");
    assert_eq!(names_in(folder.path()), ["scene.tif", "scene.tif.ovr"]);
}

#[test]
fn classes_are_never_mixed() {
    let folder = tempfile::tempdir().expect("folder");
    let values: Vec<u8> = (0..600 * 600)
        .map(|at| if at % 7 < 4 { 3 } else { 9 })
        .collect();
    let path = Made::new((600, 600), vec![values]).write(folder.path(), "map.tif");
    let mut info = open(&path).info().clone();
    info.bands[0].palette.push(PaletteEntry {
        value: 3,
        name: "Wheat".into(),
        rgba: [1, 2, 3, 255],
    });
    assert_eq!(default_overview_resampling(&info), Resampling::Mode);
    build_overviews_blocking(&path, Some(Resampling::Mode), &mut |_| true).expect("built");
    let raster = open(&path);
    let block = raster
        .read_blocking(
            &[0],
            raster.info().grid.window(),
            150,
            150,
            Resampling::Nearest,
        )
        .expect("read");
    assert!(
        block
            .values
            .iter()
            .all(|value| *value == 3.0 || *value == 9.0)
    );
}

#[test]
fn a_stopped_build_leaves_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let path = scene((3000, 2000)).write(folder.path(), "scene.tif");
    let stopped = build_overviews_blocking(&path, None, &mut |share| share < 0.4);
    assert!(matches!(stopped, Err(SceneError::Cancelled)), "{stopped:?}");
    assert_eq!(names_in(folder.path()), ["scene.tif"]);
    // What a killed process left is swept by the next build.
    let left = folder.path().join("scene.tif.ovr.part");
    std::fs::create_dir(&left).expect("left");
    std::fs::write(left.join("raster.vrt.ovr"), "half").expect("left");
    build_overviews_blocking(&path, None, &mut |_| true).expect("built");
    assert_eq!(names_in(folder.path()), ["scene.tif", "scene.tif.ovr"]);
}

#[test]
fn what_cannot_have_overviews_says_why() {
    let folder = tempfile::tempdir().expect("folder");
    let small = scene((200, 100)).write(folder.path(), "small.tif");
    let error = |path: &Path| {
        build_overviews_blocking(path, None, &mut |_| true)
            .expect_err("refused")
            .to_string()
    };
    assert!(error(&small).contains("so small"));
    assert!(error(&folder.path().join("gone.tif")).contains("no such file"));
    assert_eq!(names_in(folder.path()), ["small.tif"]);
}

/// Runs `body` on a disk of its own; `None`, said aloud, where none can be mounted.
#[cfg(unix)]
fn on_disk<T>(
    options: &str,
    prepare: impl FnOnce(&Path),
    body: impl FnOnce(&Path) -> T,
) -> Option<T> {
    let folder = tempfile::tempdir().expect("folder");
    let mount = |options: &str| {
        std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !mount("size=64m") {
        eprintln!("SKIPPED: no disk of its own can be mounted here");
        return None;
    }
    prepare(folder.path());
    let again = std::process::Command::new("mount")
        .args(["-o", &format!("remount,{options}")])
        .arg(folder.path())
        .output()
        .is_ok_and(|output| output.status.success());
    let outcome = again.then(|| body(folder.path()));
    std::process::Command::new("umount")
        .arg("-l")
        .arg(folder.path())
        .output()
        .ok();
    outcome
}

#[cfg(unix)]
#[test]
fn a_full_disk_and_a_read_only_one_are_named() {
    let noise = |folder: &Path| {
        let mut state = 1u32;
        let values: Vec<u8> = (0..3000 * 3000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        Made::new((3000, 3000), vec![values]).write(folder, "scene.tif");
    };
    let build = |folder: &Path| {
        let built = build_overviews_blocking(&folder.join("scene.tif"), None, &mut |_| true);
        (built.expect_err("refused").to_string(), names_in(folder))
    };
    if let Some((error, left)) = on_disk("size=10m", noise, build) {
        assert!(error.contains("disk is full"), "{error}");
        assert_eq!(left, ["scene.tif"]);
    }
    if let Some((error, left)) = on_disk("ro", noise, build) {
        assert!(error.contains("may not be written"), "{error}");
        assert_eq!(left, ["scene.tif"]);
    }
}
