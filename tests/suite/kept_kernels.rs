//! Which kernels a graphics device does best with is kept in the user's cache folder for the next process; a folder that cannot be
//! written to is no fault. The device is the software rasteriser.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::program::{repository, terroir};
use crate::real_window::software_rasteriser;

/// Loads weights to the device, which is tried out with a product before.
fn load(cache: &Path, driver: &Path, work: &Path) -> Output {
    Command::new(terroir())
        .args(["bench", "load", "--rounds", "1", "--device", "llvmpipe"])
        .arg(repository().join("assets/weights/dofa-tiny/dofa-tiny.safetensors"))
        .env("XDG_CACHE_HOME", cache)
        .env("VK_DRIVER_FILES", driver)
        .env("VK_ICD_FILENAMES", driver)
        .current_dir(work)
        .output()
        .unwrap()
}

#[test]
fn kernels_are_kept_in_the_cache_folder_and_a_bad_one_is_no_fault() {
    let Some(driver) = software_rasteriser() else {
        eprintln!("SKIPPED: the software rasteriser is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (cache, work) = (folder.path().join("cache"), folder.path().join("work"));
    fs::create_dir_all(&work).unwrap();
    // Burn's own place would be here, in what it takes for a project, told by a file of settings.
    fs::write(work.join("Cargo.toml"), "").unwrap();
    fs::write(
        work.join("cubecl.toml"),
        "[environment]\npath = \"local\"\n",
    )
    .unwrap();
    for _ in 0..2 {
        let loaded = load(&cache, &driver, &work);
        let words = String::from_utf8_lossy(&loaded.stderr);
        assert!(loaded.status.success(), "{words}");
    }
    let kept: Vec<_> = fs::read_dir(cache.join("terroir/kernels"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect();
    assert!(kept.iter().sum::<u64>() > 0, "{kept:?}");
    assert_eq!(fs::read_dir(&work).unwrap().count(), 2, "{work:?}");

    // A file where the folder should be.
    let bad = folder.path().join("bad");
    fs::write(&bad, "").unwrap();
    let loaded = load(&bad, &driver, &work);
    let words = String::from_utf8_lossy(&loaded.stderr);
    assert!(loaded.status.success(), "{words}");
    assert!(!words.contains("panicked"), "{words}");
}
