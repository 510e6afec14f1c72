//! Derived channels read from small rasters: formulas with missing pixels, hill-shade across tile edges.

use std::path::Path;

use super::*;
use crate::made_raster::{Made, open, whole};

fn scene(folder: &Path) -> Raster {
    // Band 1 is 1..=16, band 2 twice that and missing (0) in the first pixel.
    let first: Vec<f32> = (1..=16).map(|value| value as f32).collect();
    let mut second: Vec<f32> = first.iter().map(|value| 3.0 * value).collect();
    second[0] = -1.0;
    let mut made = Made::new((4, 4), vec![first, second]);
    made.nodata = Some(-1.0);
    made.transform = Some([500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0]);
    open(&made.write(folder, "scene.tif"))
}

#[test]
fn formulas_are_worked_out_where_tiles_are_read() {
    let folder = tempfile::tempdir().expect("folder");
    let raster = scene(folder.path());
    let derivation =
        Derivation::formula("", "(b2 - b1) / (b2 + b1)", &raster.info().bands).expect("formula");
    assert_eq!(derivation.bands(), [1, 0]);
    let block = raster
        .read_derived_blocking(&derivation, whole(&raster), 4, 4)
        .expect("read");
    assert_eq!(
        (block.bands, block.valid[0], block.values[0]),
        (1, false, 0.0)
    );
    assert!(
        block.values[1..]
            .iter()
            .all(|value| (value - 0.5).abs() < 1e-6)
    );
    // Halved: the averages of the bands first, then the formula.
    let block = raster
        .read_derived_blocking(&derivation, whole(&raster), 2, 2)
        .expect("read");
    assert!(block.valid.iter().all(|valid| *valid));
    let constant = Derivation::formula("", "2 + 3", &raster.info().bands).expect("formula");
    let block = raster
        .read_derived_blocking(&constant, whole(&raster), 4, 4)
        .expect("read");
    assert!(block.values.iter().all(|value| *value == 5.0));
}

#[test]
fn another_raster_s_formula_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("folder");
    let raster = scene(folder.path());
    let read = |text: &str, bands: Vec<usize>| {
        let derivation = Derivation::Formula {
            name: String::new(),
            text: text.to_owned(),
            bands,
        };
        raster
            .read_derived_blocking(&derivation, whole(&raster), 4, 4)
            .expect_err(text)
            .to_string()
    };
    assert!(read("b1 + b2", vec![0]).contains("other bands"));
    assert!(read("b1 + b9", vec![0, 8]).contains("no band 9"));
    assert!(read("b1 +", vec![0]).contains("missing"));
}

/// Neighbouring tiles meet without a seam: each reads one pixel beyond its edge.
#[test]
fn hill_shade_has_no_seams() {
    let folder = tempfile::tempdir().expect("folder");
    let heights: Vec<f32> = (0..32 * 32)
        .map(|pixel| {
            let (x, y) = ((pixel % 32) as f32, (pixel / 32) as f32);
            40.0 * (x * 0.4).sin() + 25.0 * (y * 0.3).cos()
        })
        .collect();
    let mut made = Made::new((32, 32), vec![heights]);
    made.transform = Some([500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0]);
    let raster = open(&made.write(folder.path(), "hills.tif"));
    let light = Derivation::Hillshade(Hillshade::of_band(0));
    let all = raster
        .read_derived_blocking(&light, whole(&raster), 32, 32)
        .expect("read");
    for (col, row) in [(0, 0), (16, 0), (0, 16), (16, 16), (5, 9)] {
        let window = Window {
            col,
            row,
            width: 16,
            height: 16,
        };
        let part = raster
            .read_derived_blocking(&light, window, 16, 16)
            .expect("read");
        for (index, value) in part.values.iter().enumerate() {
            let whole = all.values[(row + index / 16) * 32 + col + index % 16];
            assert!((value - whole).abs() < 1e-3, "{col} {row} {index}");
        }
    }
}
