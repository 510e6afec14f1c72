//! Fields read from some of their blocks against the vectors they hold.

use crate::made_raster::{Made, open, whole};
use crate::*;

const SIDE: usize = 1024;

/// Vectors that turn slowly to the right and down; a corner is missing.
fn turning(axis: usize) -> Vec<u8> {
    (0..SIDE * SIDE)
        .map(|at| {
            let (col, row) = (at % SIDE, at / SIDE);
            if col < SIDE / 4 && row < SIDE / 4 {
                return FIELD_NODATA as u8;
            }
            encode_value(unit_at(col as f32, row as f32)[axis]) as u8
        })
        .collect()
}

fn unit_at(col: f32, row: f32) -> [f32; FIELD_AXES] {
    let angle = (col + row / 2.0) / SIDE as f32;
    let mut vector = [0.0; FIELD_AXES];
    (vector[3], vector[40]) = (angle.cos(), angle.sin());
    vector
}

#[test]
fn a_sample_of_blocks_shows_where_vectors_point() {
    let folder = tempfile::tempdir().expect("folder");
    let mut made = Made::new((SIDE, SIDE), (0..FIELD_AXES).map(turning).collect());
    made.options = vec![
        "PIXELTYPE=SIGNEDBYTE",
        "TILED=YES",
        "BLOCKXSIZE=32",
        "BLOCKYSIZE=32",
        "INTERLEAVE=PIXEL",
        "COMPRESS=DEFLATE",
        "ZLEVEL=1",
    ];
    let raster = open(&made.write(folder.path(), "field.tif"));
    assert!(raster.info().is_field());
    let bands: Vec<usize> = (0..FIELD_AXES).collect();
    let most = 64 * 32 * 32 * FIELD_AXES as u64;
    let plan = BlockPlan::within(raster.info(), &bands, whole(&raster), (64, 64), most);
    let plan = plan.expect("a plan");
    assert!(plan.is_sampled() && plan.blocks() <= 64);
    let codes = raster.read_codes_by_blocks(&plan).expect("read");
    let texel = SIDE as f32 / 64.0;
    for at in 0..64 * 64 {
        let (col, row) = (at % 64, at / 64);
        let vector = decode_planar_pixel(&codes, 64 * 64, at);
        if col < 12 && row < 12 {
            assert_eq!(vector, None, "{col}, {row}");
        }
        if col < 20 && row < 20 || !(6..58).contains(&col) || !(6..58).contains(&row) {
            continue;
        }
        let truth = unit_at((col as f32 + 0.5) * texel, (row as f32 + 0.5) * texel);
        let alike = similarity(&vector.expect("a vector"), &truth);
        assert!(alike > 0.9995, "{col}, {row}: {alike}");
    }
    // Every block, a texel each or several: the same vectors.
    let plan = BlockPlan::within(raster.info(), &bands, whole(&raster), (16, 16), u64::MAX);
    let plan = plan.expect("blocks of one read");
    assert!(!plan.is_sampled());
    let codes = raster.read_codes_by_blocks(&plan).expect("read");
    for at in 0..16 * 16 {
        let (col, row) = (at % 16, at / 16);
        let vector = decode_planar_pixel(&codes, 16 * 16, at);
        assert_eq!(vector.is_none(), col < 4 && row < 4, "{col}, {row}");
        let truth = unit_at((col as f32 + 0.5) * 64.0, (row as f32 + 0.5) * 64.0);
        assert!(vector.is_none_or(|vector| similarity(&vector, &truth) > 0.9995));
    }
}

#[test]
fn colours_of_a_large_field_come_from_some_of_its_blocks() {
    let folder = tempfile::tempdir().expect("folder");
    // 400 x 400 pixels, shown as 4000 x 4000 in blocks of 128: 1 GB.
    let side = 400;
    let axis = |axis: usize| -> Vec<u8> {
        (0..side * side)
            .map(|at| {
                let angle = (at % side) as f32 / side as f32;
                let value = match axis {
                    3 => angle.cos(),
                    40 => angle.sin(),
                    _ => 0.0,
                };
                encode_value(value) as u8
            })
            .collect()
    };
    let mut made = Made::new((side, side), (0..FIELD_AXES).map(axis).collect());
    made.options = vec!["PIXELTYPE=SIGNEDBYTE"];
    made.write(folder.path(), "field.tif");
    let bands: String = (1..=FIELD_AXES)
        .map(|band| {
            format!(
                "<VRTRasterBand dataType=\"Byte\" band=\"{band}\">\
                 <Metadata domain=\"IMAGE_STRUCTURE\"><MDI key=\"PIXELTYPE\">SIGNEDBYTE</MDI></Metadata>\
                 <SimpleSource><SourceFilename relativeToVRT=\"1\">field.tif</SourceFilename>\
                 <SourceBand>{band}</SourceBand><SrcRect xOff=\"0\" yOff=\"0\" xSize=\"400\" ySize=\"400\"/>\
                 <DstRect xOff=\"0\" yOff=\"0\" xSize=\"4000\" ySize=\"4000\"/></SimpleSource></VRTRasterBand>"
            )
        })
        .collect();
    let path = folder.path().join("large.vrt");
    let text =
        format!("<VRTDataset rasterXSize=\"4000\" rasterYSize=\"4000\">{bands}</VRTDataset>");
    std::fs::write(&path, text).expect("written");
    let (small, large) = (open(&folder.path().join("field.tif")), open(&path));
    let (all, some) = (
        fit_pca_blocking(&small).expect("a basis"),
        fit_pca_blocking(&large).expect("a basis"),
    );
    assert!(all.is_whole && !some.is_whole);
    let pairs = all.components[0].iter().zip(&some.components[0]);
    let alike: f32 = pairs.map(|(a, b)| a * b).sum();
    assert!(alike > 0.999, "{alike}");
}
