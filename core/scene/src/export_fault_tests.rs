//! Maps that cannot be written: what is said, and what is left behind.

use std::process::Command;

use super::tests::{NORTH_UP, classes, grid, names_in, write_classes};
use super::*;

#[test]
fn misuse_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.tif");
    let grid = grid(20, 10, Some(NORTH_UP));
    let mut writer = MapWriter::create(&path, &grid, MapKind::Classes(classes())).unwrap();
    let outside = Window {
        col: 15,
        row: 0,
        width: 6,
        height: 1,
    };
    assert!(
        writer
            .write_bytes(outside, &[1; 6])
            .unwrap_err()
            .to_string()
            .contains("outside")
    );
    assert!(
        writer
            .write_bytes(grid.window(), &[1; 7])
            .unwrap_err()
            .to_string()
            .contains("fill the window")
    );
    assert!(writer.write_floats(grid.window(), &[1.0; 200]).is_err());
    drop(writer);
    let mut twice = classes();
    twice[1].id = 1;
    assert!(MapWriter::create(&path, &grid, MapKind::Classes(twice)).is_err());
    assert!(MapWriter::create(&path, &grid, MapKind::Confidence(Vec::new())).is_err());
    assert!(MapWriter::create(folder.path(), &grid, MapKind::Field).is_err());
    let missing = MapWriter::create(&folder.path().join("no/map.tif"), &grid, MapKind::Field)
        .err()
        .unwrap();
    assert!(missing.to_string().contains("does not exist"), "{missing}");
    assert_eq!(names_in(folder.path()), Vec::<String>::new());
}

#[test]
fn stopping_keeps_the_old_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.tif");
    std::fs::write(&path, "the old map").unwrap();
    std::fs::write(folder.path().join("map.tif.ovr"), "its overview").unwrap();
    let grid = grid(20, 10, Some(NORTH_UP));
    let mut writer = MapWriter::create(&path, &grid, MapKind::Classes(classes())).unwrap();
    writer.write_bytes(grid.window(), &[1; 200]).unwrap();
    assert!(matches!(
        writer.finish_observed(&Vec::new(), &mut |_| false),
        Err(SceneError::Cancelled)
    ));
    assert_eq!(names_in(folder.path()), ["map.tif", "map.tif.ovr"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "the old map");

    // A finished one takes the place of the old map and of what belonged to it.
    write_classes(&path, &grid, &Vec::new()).unwrap();
    assert_eq!(
        names_in(folder.path()),
        ["map.qml", "map.sld", "map.tif", "map.tif.aux.xml"]
    );
}

#[test]
fn what_a_broken_disk_was_asked_with_goes_with_the_next_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.tif");
    std::fs::write(folder.path().join("map.tif.probe.part"), "left").unwrap();
    write_classes(&path, &grid(20, 10, Some(NORTH_UP)), &Vec::new()).unwrap();
    assert_eq!(
        names_in(folder.path()),
        ["map.qml", "map.sld", "map.tif", "map.tif.aux.xml"]
    );
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "ro", "tmpfs"])
        .arg(folder.path())
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: a read-only disk cannot be mounted here");
        return;
    }
    let created = MapWriter::create(
        &folder.path().join("map.tif"),
        &grid(20, 10, None),
        MapKind::Field,
    );
    Command::new("umount")
        .arg("-l")
        .arg(folder.path())
        .output()
        .unwrap();
    let error = created.err().unwrap().to_string();
    assert!(error.contains("may not be written"), "{error}");
}

/// Prints time and peak memory of a 6-megapixel field (384 MB of codes).
#[test]
#[ignore = "a measurement, not a check"]
fn large_fields_stay_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid(3000, 2000, Some(NORTH_UP));
    let start = std::time::Instant::now();
    let mut writer =
        MapWriter::create(&folder.path().join("field.tif"), &grid, MapKind::Field).unwrap();
    for window in cog::tiles(&grid, 256) {
        let bytes: Vec<u8> = (0..64 * window.width * window.height)
            .map(|index| {
                (crate::folds::splitmix64((index / 9 + window.col + window.row * 3) as u64) >> 58)
                    as u8
            })
            .collect();
        writer.write_bytes(window, &bytes).unwrap();
    }
    eprintln!("filled after {:?}", start.elapsed());
    let files = writer.finish(&Vec::new()).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    eprintln!(
        "finished after {:?}, {} bytes, {peak}",
        start.elapsed(),
        std::fs::metadata(&files[0]).unwrap().len()
    );
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_named_and_the_old_map_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
        .arg(folder.path())
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: a small disk cannot be mounted here");
        return;
    }
    let path = folder.path().join("field.tif");
    std::fs::write(&path, "the old field").unwrap();
    let grid = grid(300, 300, Some(NORTH_UP));
    let attempt = || -> SceneResult<Vec<PathBuf>> {
        let mut writer = MapWriter::create(&path, &grid, MapKind::Field)?;
        let mut state = 1u32;
        for window in cog::tiles(&grid, 100) {
            let noise: Vec<u8> = (0..64 * window.width * window.height)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            writer.write_bytes(window, &noise)?;
        }
        writer.finish(&Vec::new())
    };
    let outcome = attempt();
    let left = names_in(folder.path());
    let old = std::fs::read_to_string(&path);
    Command::new("umount")
        .arg("-l")
        .arg(folder.path())
        .output()
        .unwrap();
    let error = outcome.unwrap_err();
    assert!(
        error.to_string().contains("disk is full"),
        "{error}\n{:?}",
        error.details()
    );
    assert_eq!(
        (left, old.unwrap().as_str()),
        (vec!["field.tif".to_owned()], "the old field")
    );
}
