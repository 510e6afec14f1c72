//! Fields of real series of several sensors: made, counted, gone on with, made again and drawn, as a user does it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use terroir_scene::{
    Archive, ArchiveSpec, FieldProduct, Period, Raster, Resampling, decode_planar_pixel,
    find_series_blocking,
};

use crate::program::{run, shared_data};

const SUPPORT: &str = "2018-05-01..2018-07-01";

fn flanders() -> Option<PathBuf> {
    Some(shared_data("fields of series")?.join("flanders_2018"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn embed(here: &Path, images: &Path, more: &[&str]) -> crate::program::Run {
    let mut words = vec![
        "embed",
        text(images),
        "--model",
        "stp-tiny",
        "--untrained",
        "--device",
        "cpu",
    ];
    words.extend(more);
    run(here, &words)
}

fn codes(path: &Path) -> Vec<i8> {
    let raster = Raster::open(path).unwrap();
    assert!(raster.info().is_field());
    let window = raster.info().grid.window();
    raster
        .read_codes_blocking(window, window.width, window.height)
        .unwrap()
}

#[test]
fn three_sensors_become_fields_of_months() {
    let Some(images) = flanders() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let more = [
        "--support",
        SUPPORT,
        "--monthly",
        "--out",
        "field.tif",
        "--json",
    ];
    let outcome = embed(here, &images, &more).json();
    let warnings = outcome["warnings"].to_string();
    assert!(
        warnings.contains("untrained") && warnings.contains("labels.tif"),
        "{warnings}"
    );
    let [may, june] = ["field_2018-05.tif", "field_2018-06.tif"].map(|name| here.join(name));
    let (a, b) = (codes(&may), codes(&june));
    assert_ne!(a, b);
    for at in [0, 2000, 4095] {
        let vector = decode_planar_pixel(&a, 4096, at).unwrap();
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert!((length - 1.0).abs() < 0.02, "{length}");
    }
    let info = Raster::open(&may).unwrap().info().clone();
    let credit = FieldProduct::of(&info).unwrap().attribution.unwrap();
    assert!(
        credit.contains("Copernicus Sentinel data 2018") && credit.contains("Geological Survey"),
        "{credit}"
    );
    // As a series by their months.
    let found = find_series_blocking(&[may, june]);
    let dates: Vec<String> = found.series[0]
        .frames
        .iter()
        .map(|frame| frame.date.unwrap().to_string())
        .collect();
    assert_eq!(dates, ["2018-05-01", "2018-06-01"]);

    // The counts are those of the images themselves.
    let counts = Raster::open(&here.join("field_frames.tif")).unwrap();
    let block = counts
        .read_blocking(
            &[0, 1],
            counts.info().grid.window(),
            64,
            64,
            Resampling::Nearest,
        )
        .unwrap();
    let spec = ArchiveSpec {
        files: vec![images.clone()],
        reference: None,
    };
    let archive = Archive::open(&spec, None).unwrap();
    let support: Period = SUPPORT.parse().unwrap();
    let images = archive.counts_text(Some(&support));
    assert!(images.contains("sentinel-2 20, sentinel-1"), "{images}");
    let summary = outcome["summary"].to_string();
    assert!(summary.contains(&images), "{images} in {summary}");
    let mut expected = vec![[0.0_f32; 2]; 4096];
    for (source, found) in archive.sources.iter().enumerate() {
        for frame in found.frames_in(Some(&support)) {
            let read = archive
                .read_blocking(source, frame, archive.grid.window())
                .unwrap();
            let usable = read.is_usable();
            for (at, sums) in expected.iter_mut().enumerate() {
                let is_there = (0..read.bands).any(|band| read.is_valid[band * 4096 + at]);
                sums[0] += f32::from(u8::from(is_there));
                sums[1] += f32::from(u8::from(usable[at]));
            }
        }
    }
    for (at, sums) in expected.iter().enumerate() {
        assert_eq!([block.values[at], block.values[4096 + at]], *sums, "{at}");
    }

    // Made again from what the file says of itself.
    let again = run(here, &["reproduce", "field_2018-06.tif", "--json"]).json();
    assert_eq!(codes(&here.join("field_2018-06_again.tif")), b, "{again}");
}

#[test]
fn a_day_is_drawn_beside_its_nearest_image() {
    let Some(images) = flanders() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let draw = |source: &str, out: &str| {
        let words = [
            "reconstruct",
            text(&images),
            "--untrained",
            "--device",
            "cpu",
            "--support",
            "2018-05-15..2018-06-15",
            "--source",
            source,
            "--date",
            "2018-05-30",
            "--out",
            out,
        ];
        run(here, &words)
    };
    let said = draw("sentinel-1", "radar.tif").done();
    assert!(
        said.contains("the nearest image is s1_vh_sigma0.tif"),
        "{said}"
    );
    let info = Raster::open(&here.join("radar.tif"))
        .unwrap()
        .info()
        .clone();
    let bands: Vec<(&str, &str)> = info
        .bands
        .iter()
        .map(|band| (band.name.as_str(), band.unit.as_str()))
        .collect();
    assert_eq!(bands, [("VV", "dB"), ("VH", "dB")]);
    draw("weather", "w.tif").failed(1, &["draws no", "sentinel-2, sentinel-1, landsat"]);
}

#[test]
fn series_options_are_checked() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let scene = crate::program::sample().join("S2_2021-07-28.tif");
    let scene = text(&scene);
    let out = ["--out", "f.tif"];
    let fails = |words: &[&str], code: i32, said: &[&str]| {
        let words: Vec<&str> = ["embed"].iter().chain(words).chain(&out).copied().collect();
        run(here, &words).failed(code, said);
    };
    fails(
        &[scene, "--support", "2018"],
        2,
        &["--support", "models over time", "stp-tiny"],
    );
    fails(&[scene, scene], 2, &["one scene at a time"]);
    fails(
        &[scene, "--model", "stp-tiny", "--bands", "1"],
        2,
        &["--bands"],
    );
    fails(
        &[scene, "--model", "stp-tiny", "--valid", "May"],
        2,
        &["no period"],
    );
    fails(
        &[scene, "--model", "stp-tiny", "--window", "1,2"],
        2,
        &["four whole numbers"],
    );
    fails(
        &["gone", "--model", "stp-tiny"],
        1,
        &["no such file or folder", "gone"],
    );
    let undated = here.join("undated.tif");
    std::fs::copy(crate::program::sample().join("reference.tif"), &undated).unwrap();
    fails(
        &[text(&undated), "--model", "stp-tiny"],
        1,
        &["no dated image", "dates.csv"],
    );
    // One image is a series of one, and said to be.
    let one = [
        "embed",
        scene,
        "--model",
        "stp",
        "--untrained",
        "--device",
        "cpu",
        "--out",
        "one.tif",
    ];
    let done = run(here, &one);
    assert!(
        done.stderr.contains("only one dated image"),
        "{}",
        done.stderr
    );
    done.done();
    assert!(here.join("one_frames.tif").is_file());
}
