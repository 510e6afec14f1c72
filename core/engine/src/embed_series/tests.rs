//! Fields of made series: parts that fit together, runs that go on, images that show nothing, and what is refused.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use terroir_scene::{
    ArchiveSpec, FIELD_NODATA, FieldProduct, GeoTransform, Georef, Grid, MapKind, MapWriter,
    Raster, Resampling, Source, decode_planar_pixel,
};

use super::*;
use crate::{Event, JobId, reproduce_spec, run_here};

const WIDTH: usize = 150;
const HEIGHT: usize = 130;

fn grid(col: usize, row: usize, width: usize, height: usize) -> Grid {
    let whole = GeoTransform([500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0]);
    Grid {
        width,
        height,
        georef: Georef {
            transform: Some(whole.shifted(col as f64, row as f64)),
            crs: terroir_scene::Crs::parse("EPSG:32629").ok(),
            ..Georef::default()
        },
    }
}

/// An image of three bands over a part of the place; `value` of column, row and band, reflectance 0 to 1.
fn image(folder: &Path, name: &str, grid: &Grid, value: impl Fn(usize, usize, usize) -> f32) {
    let bands = ["B02", "B04", "B08"].map(|name| (name.to_owned(), String::new()));
    let kind = MapKind::Continuous {
        bands: bands.to_vec(),
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(&folder.join(name), grid, kind).unwrap();
    let values: Vec<f32> = (0..3)
        .flat_map(|band| {
            let value = &value;
            (0..grid.height)
                .flat_map(move |row| (0..grid.width).map(move |col| value(col, row, band)))
        })
        .collect();
    writer.write_floats(grid.window(), &values).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

/// Fields of 24 pixels that go through the seasons, each in its own way.
fn season(day: usize) -> impl Fn(usize, usize, usize) -> f32 {
    move |col, row, band| {
        let field = (col / 24) * 7 + (row / 24) * 3;
        let phase = (field % 5) as f32 + day as f32 / 40.0;
        let grain = ((col * 31 + row * 17 + band * 7) % 11) as f32 / 400.0;
        0.15 + 0.1 * band as f32 + 0.1 * phase.sin() + grain
    }
}

fn place(folder: &Path) -> ArchiveSpec {
    for (day, name) in [
        (0, "S2_2021-05-04.tif"),
        (40, "S2_2021-06-13.tif"),
        (80, "S2_2021-07-23.tif"),
    ] {
        image(folder, name, &grid(0, 0, WIDTH, HEIGHT), season(day));
    }
    ArchiveSpec {
        files: vec![folder.to_owned()],
        reference: None,
    }
}

fn spec(archive: ArchiveSpec, out: PathBuf) -> EmbedSeriesSpec {
    EmbedSeriesSpec {
        archive,
        model: "stp-tiny".to_owned(),
        weights: None,
        support: None,
        periods: Vec::new(),
        device: "cpu".to_owned(),
        out,
        seed: 0,
        aoi: None,
        window: None,
    }
}

fn run(spec: &EmbedSeriesSpec) -> Result<Outcome, Failure> {
    run_here(&JobSpec::EmbedSeries(spec.clone()), &mut |_| {}, &|| false)
}

fn refused(spec: &EmbedSeriesSpec) -> String {
    run(spec).unwrap_err().what
}

fn codes(path: &Path) -> Vec<i8> {
    let raster = Raster::open(path).unwrap();
    let window = raster.info().grid.window();
    raster
        .read_codes_blocking(window, window.width, window.height)
        .unwrap()
}

fn counts(path: &Path) -> Vec<Vec<u16>> {
    let raster = Raster::open(path).unwrap();
    let window = raster.info().grid.window();
    (0..2)
        .map(|band| {
            let block = raster
                .read_blocking(
                    &[band],
                    window,
                    window.width,
                    window.height,
                    Resampling::Nearest,
                )
                .unwrap();
            block.values.iter().map(|value| *value as u16).collect()
        })
        .collect()
}

fn cosine(a: &[i8], a_pixels: usize, at: usize, b: &[i8], b_pixels: usize, other: usize) -> f32 {
    let a = decode_planar_pixel(a, a_pixels, at).unwrap();
    let b = decode_planar_pixel(b, b_pixels, other).unwrap();
    let dot: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
    let length = |v: &[f32; 64]| v.iter().map(|v| v * v).sum::<f32>().sqrt();
    dot / (length(&a) * length(&b))
}

#[test]
fn a_run_that_was_interrupted_ends_as_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    let archive = place(&images);
    let whole = EmbedSeriesSpec {
        periods: vec!["2021".parse().unwrap(), "2021-06".parse().unwrap()],
        ..spec(archive.clone(), folder.path().join("whole.tif"))
    };
    let outcome = run(&whole).unwrap();
    let paths = whole.field_paths();
    let [year, month] = paths.as_slice() else {
        panic!("{paths:?}");
    };
    assert_eq!(year.file_name().unwrap(), "whole_2021.tif");
    assert_eq!(outcome.files.first(), Some(year));
    assert_eq!(
        outcome
            .metrics
            .iter()
            .find(|(name, _)| name == "images")
            .unwrap()
            .1,
        3.0
    );
    let cut = EmbedSeriesSpec {
        out: folder.path().join("cut.tif"),
        ..whole.clone()
    };
    // Two of the four blocks.
    let tiles = Cell::new(0);
    let mut emit =
        |event| tiles.set(tiles.get() + usize::from(matches!(event, Event::Tile { .. })));
    let stop = || (tiles.get() >= 2).then_some(Stop::Interrupted);
    let monitor = Monitor::new(JobId(0), &stop, &mut emit);
    assert_eq!(
        embed_series(&cut, Share::WHOLE, &monitor).unwrap_err(),
        Stop::Interrupted
    );
    assert_eq!(tiles.get(), 2);
    assert!(folder_of(&cut.frames_path()).exists());
    let mut resumed = 0;
    let mut again = |event: Event| match event {
        Event::Tile { .. } => resumed += 1,
        Event::Warning { text, .. } if text.contains("interrupted run: 2 of 4") => resumed += 10,
        _ => {}
    };
    run_here(&JobSpec::EmbedSeries(cut.clone()), &mut again, &|| false).unwrap();
    assert_eq!(resumed, 12);
    for (own, other) in cut.field_paths().iter().zip([year, month]) {
        assert_eq!(codes(own), codes(other));
    }
    assert_eq!(counts(&cut.frames_path()), counts(&whole.frames_path()));
    assert!(!folder_of(&cut.frames_path()).exists());
    // In shards, each of its own, and joined file by file.
    let parts = EmbedSeriesSpec {
        out: folder.path().join("parts.tif"),
        ..whole.clone()
    };
    for text in ["2/2", "1/2"] {
        let shard = JobSpec::Shard(crate::ShardSpec {
            shard: text.parse().unwrap(),
            of: Box::new(JobSpec::EmbedSeries(parts.clone())),
        });
        run_here(&shard, &mut |_| {}, &|| false).unwrap();
        let again = run_here(&shard, &mut |_| {}, &|| false).unwrap();
        assert!(
            again.summary.contains("finished already"),
            "{}",
            again.summary
        );
        assert_eq!(again.files.len(), 3);
    }
    for out in parts.field_paths().into_iter().chain([parts.frames_path()]) {
        let merge = JobSpec::Merge(crate::MergeSpec {
            out,
            shards: Vec::new(),
        });
        run_here(&merge, &mut |_| {}, &|| false).unwrap();
    }
    for (own, other) in parts.field_paths().iter().zip([year, month]) {
        assert_eq!(codes(own), codes(other));
        let said = |path: &Path, key: &str| {
            let raster = Raster::open(path).unwrap();
            raster.info().metadata_item(key).map(str::to_owned)
        };
        for key in ["TERROIR_VALID", "TERROIR_NOTES", "TIFFTAG_IMAGEDESCRIPTION"] {
            assert_eq!(said(own, key), said(other, key), "{key}");
        }
        let jobs = reproduce_spec(own).unwrap();
        assert!(
            matches!(jobs.as_slice(), [JobSpec::EmbedSeries(job)] if job.out == *own),
            "{jobs:?}"
        );
    }
    assert_eq!(counts(&parts.frames_path()), counts(&whole.frames_path()));
    // Cancelled by the user: nothing is left.
    let gone = spec(archive, folder.path().join("gone.tif"));
    run_here(&JobSpec::EmbedSeries(gone.clone()), &mut |_| {}, &|| true).unwrap_err();
    assert!(!gone.out.exists() && !folder_of(&gone.out).exists());

    // The two periods differ, and each file says what it is.
    assert_ne!(codes(year), codes(month));
    let info = Raster::open(month).unwrap().info().clone();
    assert_eq!(info.date.as_deref(), Some("2021-06-01"));
    let product = FieldProduct::of(&info).unwrap();
    assert!(product.name.contains("stp-tiny") && product.name.contains("untrained"));
    assert_eq!(
        product.attribution.as_deref(),
        Some("Contains modified Copernicus Sentinel data 2021.")
    );
    let item = |key: &str| info.metadata_item(key).unwrap_or_default().to_owned();
    assert_eq!(item("TERROIR_SUPPORT"), "2021-05-04..2021-07-24");
    assert!(item("TERROIR_INPUTS").contains("\"frames\":3"));
    let jobs = reproduce_spec(month).unwrap();
    let [JobSpec::EmbedSeries(job)] = jobs.as_slice() else {
        panic!("{jobs:?}");
    };
    assert_eq!((job.periods.len(), &job.out), (1, month));
    let year = Raster::open(year).unwrap().info().clone();
    assert_eq!(FieldProduct::of(&year).unwrap().year, Some(2021));
}

/// A part made alone has chips elsewhere; away from its borders it is what the whole has there.
#[test]
fn parts_made_alone_fit_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    let archive = place(&images);
    let whole = spec(archive.clone(), folder.path().join("whole.tif"));
    run(&whole).unwrap();
    let part = EmbedSeriesSpec {
        window: Some(Window {
            col: 11,
            row: 5,
            width: 125,
            height: 115,
        }),
        ..spec(archive, folder.path().join("part.tif"))
    };
    run(&part).unwrap();
    let (whole, part) = (codes(&whole.out), codes(&part.out));
    let mut cosines: Vec<f32> = Vec::new();
    for row in 24..115 - 24 {
        for col in 24..125 - 24 {
            let (own, other) = (row * 125 + col, (row + 5) * WIDTH + col + 11);
            cosines.push(cosine(&part, 125 * 115, own, &whole, WIDTH * HEIGHT, other));
        }
    }
    cosines.sort_by(f32::total_cmp);
    let mean = cosines.iter().sum::<f32>() / cosines.len() as f32;
    eprintln!("mean cosine {mean}, smallest {}", cosines[0]);
    // An untrained network feels where in its chip a pixel lies: 0.863 and 0.632 were measured.
    assert!(mean > 0.8 && cosines[0] > 0.5, "{mean} {}", cosines[0]);
    // And across a seam of the whole, neighbours are as near as elsewhere.
    let step = |row: usize, col: usize| {
        let at = row * WIDTH + col;
        1.0 - cosine(&whole, WIDTH * HEIGHT, at, &whole, WIDTH * HEIGHT, at + 1)
    };
    let mean_step = |col: usize| (0..HEIGHT).map(|row| step(row, col)).sum::<f32>() / HEIGHT as f32;
    let elsewhere = (76..90).map(mean_step).sum::<f32>() / 14.0;
    let seam = (96..112).map(mean_step).fold(0.0, f32::max);
    eprintln!("steps: elsewhere {elsewhere}, at the seam {seam}");
    assert!(seam < 3.0 * elsewhere + 0.02, "{seam} {elsewhere}");
}

#[test]
fn images_that_show_nothing_change_nothing_and_counts_are_right() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    let archive = place(&images);
    let plain = spec(archive.clone(), folder.path().join("plain.tif"));
    run(&plain).unwrap();
    image(
        &images,
        "S2_2021-06-01.tif",
        &grid(0, 0, WIDTH, HEIGHT),
        |_, _, _| f32::NAN,
    );
    let with_empty = spec(archive.clone(), folder.path().join("empty.tif"));
    run(&with_empty).unwrap();
    assert_eq!(codes(&with_empty.out), codes(&plain.out));
    assert!(
        counts(&with_empty.frames_path())[0]
            .iter()
            .all(|count| *count == 3)
    );
    // An image of the left part alone, and one under clouds.
    image(
        &images,
        "S2_2021-06-08.tif",
        &grid(0, 0, 40, HEIGHT),
        season(35),
    );
    let mask_path = images.join("S2_2021-06-13_mask.tif");
    let kind = MapKind::Confidence(vec!["mask".to_owned()]);
    let whole = grid(0, 0, WIDTH, HEIGHT);
    let mut mask = MapWriter::create(&mask_path, &whole, kind).unwrap();
    let bytes: Vec<u8> = (0..WIDTH * HEIGHT)
        .map(|at| u8::from(at < 10 * WIDTH))
        .collect();
    mask.write_bytes(whole.window(), &bytes).unwrap();
    mask.finish(&Vec::new()).unwrap();
    let counted = spec(archive.clone(), folder.path().join("counted.tif"));
    let outcome = run(&counted).unwrap();
    assert!(outcome.files.contains(&counted.frames_path()));
    let found = counts(&counted.frames_path());
    for (at, (frames, clear)) in found[0].iter().zip(&found[1]).enumerate() {
        let (col, row) = (at % WIDTH, at / WIDTH);
        let expected = 3 + u16::from(col < 40);
        assert_eq!(*frames, expected, "{col} {row}");
        assert_eq!(*clear, expected - u16::from(row < 10), "{col} {row}");
    }
    // Pixels no image shows are nodata.
    let only = images.join("S2_2021-06-08.tif");
    let part = ArchiveSpec {
        files: vec![only],
        reference: Some(images.join("S2_2021-06-13.tif")),
    };
    let part = spec(part, folder.path().join("part.tif"));
    let outcome = run(&part).unwrap();
    assert!(
        outcome
            .warnings
            .iter()
            .any(|text| text.contains("only one dated image"))
    );
    let codes = codes(&part.out);
    let nodata: Vec<bool> = codes[..WIDTH * HEIGHT]
        .iter()
        .map(|code| *code == FIELD_NODATA)
        .collect();
    assert!(
        nodata
            .iter()
            .enumerate()
            .all(|(at, empty)| *empty == (at % WIDTH >= 40))
    );
}

#[test]
fn bad_input_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    let archive = place(&images);
    let good = spec(archive.clone(), folder.path().join("field.tif"));
    let says = |spec: &EmbedSeriesSpec, words: &[&str]| {
        let what = refused(spec);
        for word in words {
            assert!(what.contains(word), "{word} in: {what}");
        }
    };
    let with = |change: &dyn Fn(&mut EmbedSeriesSpec)| {
        let mut spec = good.clone();
        change(&mut spec);
        spec
    };
    says(
        &with(&|spec| spec.support = "2019".parse().ok()),
        &[
            "no image in the support",
            "2021-05-04..2021-07-24",
            "--support",
        ],
    );
    let twice = with(&|spec| spec.periods = vec!["2021".parse().unwrap(); 2]);
    says(&twice, &["named twice"]);
    let outside = with(&|spec| {
        spec.window = Some(Window {
            col: 140,
            row: 0,
            width: 20,
            height: 20,
        })
    });
    says(&outside, &["does not lie inside", "--window"]);
    says(
        &with(&|spec| spec.model = "stp-giant".to_owned()),
        &["stp-giant", "stp-tiny"],
    );
    let missing = images.join("nothing.safetensors");
    says(
        &with(&|spec| spec.weights = Some(missing.clone())),
        &["nothing.safetensors"],
    );
    // Weights of another sensor, and weights that say nothing of their bands.
    let radar: Vec<Source> = serde_json::from_value(serde_json::json!([{
        "name": "sentinel-1", "is_input": true, "is_target": true, "bands": [{"name": "VV", "measure": "decibel"}],
    }]))
    .unwrap();
    let config = model::config_of("stp-tiny", &radar).unwrap();
    let network = config.init(1, &burn::tensor::Device::flex());
    let path = folder.path().join("radar.safetensors");
    let about = serde_json::json!({model::SOURCES: radar});
    terroir_models::save_stp(&network, &path, false, &about).unwrap();
    let other = with(&|spec| spec.weights = Some(path.clone()));
    says(
        &other,
        &[
            "trained on other bands",
            "sentinel-1 (VV)",
            "radar.safetensors",
        ],
    );
    terroir_models::save_stp(&network, &path, false, &serde_json::Value::Null).unwrap();
    says(
        &other,
        &["which bands they were trained on", "radar.safetensors"],
    );
    // The same images through their own weights, saved and loaded.
    let sources: Vec<Source> = {
        let mut opened = terroir_scene::Archive::open(&archive, None).unwrap();
        opened.fit_statistics(|_, _| true).unwrap();
        opened
            .sources
            .iter()
            .map(|found| found.source.clone())
            .collect()
    };
    let config = model::config_of("stp-tiny", &sources).unwrap();
    let network = config.init(0, &burn::tensor::Device::flex());
    let about = serde_json::json!({model::SOURCES: sources});
    terroir_models::save_stp(&network, &path, false, &about).unwrap();
    run(&other).unwrap();
    let loaded = codes(&other.out);
    run(&good).unwrap();
    assert_eq!(loaded, codes(&good.out));
    // Periods in a gap and beyond are allowed, and said.
    let future = with(&|spec| {
        spec.periods = vec![
            "2022".parse().unwrap(),
            "2021-07-01..2021-07-05".parse().unwrap(),
        ];
    });
    let warnings = run(&future).unwrap().warnings;
    for word in ["extrapolated", "interpolated", "untrained"] {
        assert!(
            warnings.iter().any(|text| text.contains(word)),
            "{word} in {warnings:?}"
        );
    }
    let estimate = crate::estimate_here(&JobSpec::EmbedSeries(good.clone()), &|| false).unwrap();
    assert_eq!(
        (estimate.pixels, estimate.windows),
        ((WIDTH * HEIGHT) as u64, 4)
    );
    assert!(estimate.seconds.unwrap() > 0.0);
    assert!(
        estimate
            .notes
            .iter()
            .any(|note| note.contains("3 images: sentinel-2 3"))
    );
}

#[test]
fn what_the_model_believes_is_drawn_in_the_units_of_the_sensor() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    let archive = place(&images);
    let good = crate::ReconstructSpec {
        archive,
        model: "stp-tiny".to_owned(),
        weights: None,
        support: None,
        valid: None,
        source: "sentinel-2".to_owned(),
        date: jiff::civil::Date::constant(2021, 6, 20),
        device: "cpu".to_owned(),
        seed: 3,
        window: None,
        out: folder.path().join("believed.tif"),
    };
    let draw = |spec: &crate::ReconstructSpec| {
        run_here(&JobSpec::Reconstruct(spec.clone()), &mut |_| {}, &|| false)
    };
    let outcome = draw(&good).unwrap();
    assert!(
        outcome
            .summary
            .contains("S2_2021-06-13.tif of 2021-06-13, 7 days away"),
        "{}",
        outcome.summary
    );
    let raster = Raster::open(&good.out).unwrap();
    let bands = &raster.info().bands;
    let names: Vec<&str> = bands.iter().map(|band| band.name.as_str()).collect();
    assert_eq!(names, ["B02", "B04", "B08"]);
    assert!(
        bands
            .iter()
            .all(|band| band.wavelength.is_some() && band.unit == "reflectance")
    );
    let block = raster
        .read_blocking(
            &[0, 1, 2],
            raster.info().grid.window(),
            WIDTH,
            HEIGHT,
            Resampling::Nearest,
        )
        .unwrap();
    assert!(block.valid.iter().all(|valid| *valid));
    assert!(block.values.iter().all(|value| (0.0..1.5).contains(value)));
    let job = reproduce_spec(&good.out).unwrap();
    assert_eq!(job, [JobSpec::Reconstruct(good.clone())]);
    let other = crate::ReconstructSpec {
        source: "landsat".to_owned(),
        ..good.clone()
    };
    let what = draw(&other).unwrap_err().what;
    assert!(
        what.contains("draws no \"landsat\"") && what.contains("sentinel-2"),
        "{what}"
    );
    let outside = crate::ReconstructSpec {
        valid: "2021-05".parse().ok(),
        ..good
    };
    assert!(
        draw(&outside)
            .unwrap_err()
            .what
            .contains("does not lie in the valid period")
    );
}
