//! `terroir embed` with a model of images and weather, as a user runs it: a field of a season that knows nothing later, labels and
//! evaluation on it, and what it cannot take.

use std::fs;
use std::path::{Path, PathBuf};

use terroir_scene::{FIELD_AXES, FIELD_NODATA, Raster};

use crate::program::{repository, run};
use crate::weather_world::{SIDE, write_site};

/// Weights of one step: they make a field like any others.
pub(crate) fn weights(folder: &Path) -> PathBuf {
    let words = "pretrain kgvsf site_0 --weather site_0.csv --steps 1 --batch 2 --device cpu --out w.safetensors";
    run(folder, &words.split(' ').collect::<Vec<_>>()).done();
    folder.join("w.safetensors")
}

fn codes(path: &Path) -> Vec<i8> {
    let field = Raster::open(path).unwrap();
    let grid = field.info().grid.clone();
    field
        .read_codes_blocking(grid.window(), grid.width, grid.height)
        .unwrap()
}

#[test]
fn a_field_of_a_season_knows_nothing_later() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_site(here, 0, 300);
    weights(here);
    let embed = |out: &str, support: &str| {
        let words = "embed site_0 --model kgvsf-tiny --weights w.safetensors --weather site_0.csv --device cpu";
        let words: Vec<&str> = words
            .split(' ')
            .chain(["--support", support, "--out", out])
            .collect();
        run(here, &words).done();
        codes(&here.join(out))
    };
    let until_june = embed("june.tif", "2018-01-01..2018-06-01");
    assert_eq!(until_june.len(), FIELD_AXES * SIDE * SIDE);
    let there = until_june
        .iter()
        .filter(|code| **code != FIELD_NODATA)
        .count();
    assert!(there > until_june.len() * 9 / 10, "{there}");
    let until_september = embed("september.tif", "2018-01-01..2018-09-01");
    assert_ne!(until_june, until_september);
    // Without the images and the weather of later months, the field of June is the same.
    for entry in fs::read_dir(here.join("site_0")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("2018-1") || path.to_string_lossy().contains("2018-09") {
            fs::remove_file(path).unwrap();
        }
    }
    let text = fs::read_to_string(here.join("site_0.csv")).unwrap();
    let kept: Vec<&str> = text.lines().take(1 + 31 + 28 + 31 + 30 + 31 + 30).collect();
    fs::write(here.join("site_0.csv"), kept.join("\n")).unwrap();
    assert_eq!(embed("again.tif", "2018-01-01..2018-06-01"), until_june);

    // It says how it was made, and is made again from that.
    let raster = Raster::open(&here.join("june.tif")).unwrap();
    let text = format!("{:?}", raster.info().metadata);
    for word in [
        "kgvsf-tiny",
        "site_0.csv",
        "2018-06-01",
        "near infrared 865 nm",
        "Copernicus",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    run(here, &["reproduce", "june.tif", "--out", "made_again.tif"]).done();
    assert_eq!(codes(&here.join("made_again.tif")), until_june);
    assert!(here.join("june.axes.json").exists());
}

#[test]
fn what_makes_no_season_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_site(here, 0, 60);
    weights(here);
    let words = |more: &[&str]| -> Vec<String> {
        let words = [
            "embed",
            "site_0",
            "--model",
            "kgvsf-tiny",
            "--device",
            "cpu",
            "--out",
            "f.tif",
        ];
        words
            .iter()
            .chain(more)
            .map(|word| (*word).to_owned())
            .collect()
    };
    let w = ["--weights", "w.safetensors"];
    run(here, &words(&w)).failed(2, &["--weather"]);
    let weather = ["--weather", "site_0.csv"];
    run(
        here,
        &words(&[&w[..], &weather, &["--valid", "2018"]].concat()),
    )
    .failed(2, &["--valid"]);
    run(
        here,
        &words(&[&w[..], &weather, &["--support", "2019"]].concat()),
    )
    .failed(1, &["no image with weather", "2019"]);
    let stp = repository().join("assets/weights/stp-tiny/stp-tiny.safetensors");
    let stp = stp.display().to_string();
    run(
        here,
        &words(&[&["--weights", stp.as_str()], &weather[..]].concat()),
    )
    .failed(1, &["KG-VSF", "stp-tiny.safetensors"]);
    run(
        here,
        &[
            "embed",
            "site_0",
            "--model",
            "stp-tiny",
            "--weather",
            "site_0.csv",
            "--out",
            "f.tif",
        ],
    )
    .failed(2, &["--weather"]);
    assert!(!here.join("f.tif").exists());
}
