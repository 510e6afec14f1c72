//! Pictures from some of a file's blocks against what all of its pixels say.

use crate::made_raster::{Made, open, whole};
use crate::*;

const SIDE: usize = 2048;

/// A plane that grows to the right and down: what lies between two blocks is their mean.
fn slope() -> Vec<u16> {
    (0..SIDE * SIDE)
        .map(|at| (3 * (at % SIDE) + 5 * (at / SIDE)) as u16)
        .collect()
}

fn planned(raster: &Raster, bands: &[usize], out: usize, most: u64) -> BlockPlan {
    BlockPlan::within(raster.info(), bands, whole(raster), (out, out), most).expect("a plan")
}

#[test]
fn a_sample_of_tiles_shows_the_lie_of_the_land() {
    let folder = tempfile::tempdir().expect("folder");
    let mut made = Made::new((SIDE, SIDE), vec![slope(), slope()]);
    made.options = vec![
        "TILED=YES",
        "BLOCKXSIZE=64",
        "BLOCKYSIZE=64",
        "INTERLEAVE=PIXEL",
        "COMPRESS=DEFLATE",
    ];
    let raster = open(&made.write(folder.path(), "tiles.tif"));
    let block_bytes = 64 * 64 * 2 * 2;
    let plan = planned(&raster, &[1], 128, 64 * block_bytes);
    assert!(plan.is_sampled());
    assert_eq!(plan.blocks(), 64, "8 x 8 of 32 x 32 blocks");
    let planes = raster
        .read_by_blocks(&plan, &[1], Resampling::Average)
        .expect("read");
    let (plane, texel) = (&planes[0], SIDE as f32 / 128.0);
    for (at, value) in plane.values.iter().enumerate() {
        let (col, row) = (at % 128, at / 128);
        assert!(plane.valid[at]);
        // Beyond the outermost blocks nothing is known better than their means.
        if (12..116).contains(&col) && (12..116).contains(&row) {
            let truth = 3.0 * (col as f32 + 0.5) * texel + 5.0 * (row as f32 + 0.5) * texel;
            assert!(
                (value - truth).abs() < 8.0,
                "{col}, {row}: {value}, not {truth}"
            );
        }
    }
}

#[test]
fn a_sample_of_strips_is_exact_across_and_close_down() {
    let folder = tempfile::tempdir().expect("folder");
    let stripes: Vec<u16> = (0..SIDE * SIDE)
        .map(|at| if at % SIDE % 32 < 16 { 100 } else { 900 } + (at / SIDE) as u16)
        .collect();
    let mut made = Made::new((SIDE, SIDE), vec![stripes]);
    made.options = vec!["BLOCKYSIZE=1"];
    let raster = open(&made.write(folder.path(), "strips.tif"));
    let plan = planned(&raster, &[0], 128, 256 * SIDE as u64 * 2);
    assert!(
        plan.is_sampled() && plan.blocks() <= 256,
        "{}",
        plan.blocks()
    );
    let planes = raster
        .read_by_blocks(&plan, &[0], Resampling::Average)
        .expect("read");
    for (at, value) in planes[0].values.iter().enumerate() {
        let (col, row) = (at % 128, at / 128);
        let truth = if col % 2 == 0 { 100.0 } else { 900.0 } + (row as f32 + 0.5) * 16.0;
        assert!(
            (value - truth).abs() <= 8.0,
            "{col}, {row}: {value}, not {truth}"
        );
    }
}

#[test]
fn reading_every_block_gives_the_averages_of_all_pixels() {
    let folder = tempfile::tempdir().expect("folder");
    let mut made = Made::new((SIDE, SIDE), vec![slope(), slope()]);
    made.nodata = Some(0.0);
    made.options = vec!["TILED=YES", "INTERLEAVE=PIXEL"];
    let hole = |at: usize| at % SIDE < 300 && at / SIDE < 500;
    for band in &mut made.bands {
        for (at, value) in band.iter_mut().enumerate() {
            if hole(at) {
                *value = 0;
            }
        }
    }
    let raster = open(&made.write(folder.path(), "all.tif"));
    let plan = planned_whole(&raster);
    let ours = raster
        .read_by_blocks(&plan, &[0, 1], Resampling::Average)
        .expect("read");
    let theirs = raster
        .read_blocking(&[0, 1], whole(&raster), 256, 256, Resampling::Average)
        .expect("read");
    for (at, value) in ours[1].values.iter().enumerate() {
        assert_eq!(ours[1].valid[at], theirs.valid[at], "{at}");
        if theirs.valid[at] {
            // GDAL rounds averages of integers.
            assert!((value - theirs.band(1)[at]).abs() <= 1.0, "{at}");
        }
    }
}

fn planned_whole(raster: &Raster) -> BlockPlan {
    let mut info = raster.info().clone();
    // Many bands make the window large enough to be read block by block.
    info.bands = (0..20)
        .map(|index| raster.info().bands[index % 2].clone())
        .collect();
    let plan = BlockPlan::within(&info, &[0, 1], whole(raster), (256, 256), u64::MAX);
    let plan = plan.expect("a plan");
    assert!(!plan.is_sampled());
    plan
}

#[test]
fn classes_and_holes_stay_what_they_are() {
    let folder = tempfile::tempdir().expect("folder");
    let classes: Vec<u8> = (0..SIDE * SIDE)
        .map(|at| match (at % SIDE, at / SIDE) {
            (col, _) if col < SIDE / 2 => 3,
            (_, row) if row < SIDE / 2 => 9,
            _ => 255,
        })
        .collect();
    let mut made = Made::new((SIDE, SIDE), vec![classes]);
    made.nodata = Some(255.0);
    made.options = vec!["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64"];
    let raster = open(&made.write(folder.path(), "classes.tif"));
    let plan = planned(&raster, &[0], 64, 64 * 64 * 64);
    for resampling in [Resampling::Mode, Resampling::Average] {
        let planes = raster
            .read_by_blocks(&plan, &[0], resampling)
            .expect("read");
        let at = |col: usize, row: usize| {
            let index = row * 64 + col;
            planes[0].valid[index].then_some(planes[0].values[index])
        };
        assert_eq!(at(5, 40), Some(3.0));
        assert_eq!(at(60, 5), Some(9.0));
        assert_eq!(at(60, 60), None);
        if resampling == Resampling::Mode {
            let values = planes[0].values.iter().zip(&planes[0].valid);
            let mut valid = values.filter(|(_, valid)| **valid);
            assert!(valid.all(|(value, _)| *value == 3.0 || *value == 9.0));
        }
    }
}
