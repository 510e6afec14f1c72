//! What a sample of a large raster says beside what all its pixels say.

use std::path::{Path, PathBuf};

use crate::made_raster::{Made, open};
use crate::{
    BandStatistics, Channel, band_statistics_blocking, build_overviews_blocking,
    channel_statistics_blocking, exact_statistics_blocking,
};

const SIDE: usize = 3072;

/// Noise from 0 to 4000, and a bright corner of a twentieth of the scene.
fn write_scene(folder: &Path) -> PathBuf {
    let noise = |at: usize| (at.wrapping_mul(2_654_435_761) >> 9) % 4001;
    let value = |at: usize| {
        let is_bright = at % SIDE > SIDE - 700 && at / SIDE > SIDE - 700;
        (noise(at) + if is_bright { 20_000 } else { 0 }) as u16
    };
    let band: Vec<u16> = (0..SIDE * SIDE).map(value).collect();
    let other = band.iter().map(|value| 30_000 - value).collect();
    let mut made = Made::new((SIDE, SIDE), vec![band, other]);
    made.options = vec![
        "TILED=YES",
        "BLOCKXSIZE=512",
        "BLOCKYSIZE=512",
        "INTERLEAVE=PIXEL",
    ];
    made.write(folder, "scene.tif")
}

fn exact(path: &Path) -> BandStatistics {
    let mut found = None;
    exact_statistics_blocking(&open(path), &[0], &mut |_, _| true, &mut |one| {
        found = Some(one)
    })
    .expect("read");
    found.expect("one band")
}

/// How far the limits lie apart, as shares of the range.
fn apart(one: &BandStatistics, other: &BandStatistics) -> (f64, f64) {
    let range = other.high - other.low;
    (
        (one.low - other.low).abs() / range,
        (one.high - other.high).abs() / range,
    )
}

#[test]
fn an_overview_says_how_common_values_are_and_never_narrows_them() {
    let folder = tempfile::tempdir().expect("folder");
    let path = write_scene(folder.path());
    let exact = exact(&path);
    build_overviews_blocking(&path, None, &mut |_| true).expect("built");
    let raster = open(&path);
    let measured = band_statistics_blocking(&raster, &[0, 1]).expect("read");
    let (low, high) = apart(&measured[0], &exact);
    // Of an overview alone, the dark end would be 2000 instead of about 80.
    assert!(
        low < 0.005 && high < 0.05,
        "{low} {high}\n{:?}",
        measured[0]
    );
    assert!(measured[0].is_sampled && measured[0].count < exact.count / 10);
    assert!((measured[0].mean - exact.mean).abs() < 0.05 * exact.mean);
    // The same of every run, and of a channel.
    assert_eq!(
        band_statistics_blocking(&raster, &[0, 1]).expect("read"),
        measured
    );
    let channel = channel_statistics_blocking(&raster, &Channel::band(0), None).expect("read");
    assert_eq!(channel, measured[0]);
}

#[test]
fn an_overview_that_cannot_be_read_costs_only_its_help() {
    let folder = tempfile::tempdir().expect("folder");
    let path = write_scene(folder.path());
    let built = build_overviews_blocking(&path, None, &mut |_| true).expect("built");
    let mut bytes = std::fs::read(&built.path).expect("bytes");
    let half = bytes.len() / 2;
    bytes[half..].fill(0xff);
    std::fs::write(&built.path, bytes).expect("written");
    let measured = band_statistics_blocking(&open(&path), &[0]).expect("read");
    assert!(
        measured[0].count >= 100_000 && measured[0].low < 200.0,
        "{measured:?}"
    );
}
