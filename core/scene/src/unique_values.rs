//! The different values of a band of codes, for class maps that come without a table: each gets a colour and its number
//! as a name. Knows rasters.

use std::collections::BTreeMap;

use crate::{PaletteEntry, Raster, Resampling, SceneError, SceneResult, Window, class_color};

/// More different values than this are no list of classes.
const ENOUGH_CLASSES: usize = 256;
/// Pixels looked at; larger rasters are sampled row block by row block over their whole height.
const MOST_PIXELS: usize = 64 << 20;

/// Every different value of a band with its count, ascending, and whether pixels were left out.
///
/// # Errors
/// A band of decimals, more values than a legend can hold, or pixels that cannot be read.
pub fn unique_values_blocking(
    raster: &Raster,
    band: usize,
) -> SceneResult<(BTreeMap<i64, u64>, bool)> {
    let info = raster.info();
    let refuse = |what: String| Err(SceneError::file(&info.path, what));
    let Some(known) = info.bands.get(band) else {
        return refuse(format!("there is no band {}", band + 1));
    };
    if !known.sample_type.is_integer() {
        return refuse(format!(
            "{} holds decimal numbers, not codes of classes; show it through a colour ramp, in steps if you like",
            known.name
        ));
    }
    let (width, height) = (info.grid.width, info.grid.height);
    let rows = (known.block_size.1.max(1) * 256_usize.div_ceil(known.block_size.1.max(1)))
        .min(height.max(1));
    let blocks = height.div_ceil(rows);
    // The same distance between the blocks that are read, so that no part of the raster is passed over.
    let step = (width.saturating_mul(height)).div_ceil(MOST_PIXELS).max(1);
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    for block in (0..blocks).step_by(step) {
        let window = Window {
            col: 0,
            row: block * rows,
            width,
            height: rows.min(height - block * rows),
        };
        let values = raster.read_blocking(
            &[band],
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )?;
        for (value, valid) in values.values.iter().zip(&values.valid) {
            if *valid {
                *counts.entry(*value as i64).or_default() += 1;
            }
        }
        if counts.len() > ENOUGH_CLASSES {
            return refuse(format!(
                "{} holds more than {ENOUGH_CLASSES} different values, which is no list of classes; show it through a colour ramp",
                known.name
            ));
        }
    }
    Ok((counts, step > 1))
}

/// The values as classes in the house colours, named by their numbers.
///
/// # Errors
/// As [`unique_values_blocking`].
pub fn unique_value_classes_blocking(
    raster: &Raster,
    band: usize,
) -> SceneResult<Vec<PaletteEntry>> {
    let (counts, _) = unique_values_blocking(raster, band)?;
    Ok((1_u8..=u8::MAX)
        .cycle()
        .zip(counts.into_keys())
        .map(|(place, value)| {
            let [r, g, b] = class_color(place);
            PaletteEntry {
                value,
                name: value.to_string(),
                rgba: [r, g, b, 255],
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_raster::{Made, open};

    #[test]
    fn every_code_becomes_a_class() {
        let folder = tempfile::tempdir().unwrap();
        let codes: Vec<u8> = (0..4096)
            .map(|pixel| [0, 10, 40, 80][pixel / 1024])
            .collect();
        let mut made = Made::new((64, 64), vec![codes]);
        made.nodata = Some(0.0);
        let raster = open(&made.write(folder.path(), "map.tif"));
        let (counts, is_sampled) = unique_values_blocking(&raster, 0).unwrap();
        assert_eq!(
            counts.into_iter().collect::<Vec<_>>(),
            [(10, 1024), (40, 1024), (80, 1024)]
        );
        assert!(!is_sampled);
        let classes = unique_value_classes_blocking(&raster, 0).unwrap();
        assert_eq!(classes[1].value, 40);
        assert_eq!(classes[1].rgba[..3], class_color(2));
    }

    #[test]
    fn what_is_no_class_map_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let many: Vec<u16> = (0..4096).collect();
        let raster = open(&Made::new((64, 64), vec![many]).write(folder.path(), "many.tif"));
        let error = unique_values_blocking(&raster, 0).unwrap_err().to_string();
        assert!(error.contains("more than 256"), "{error}");
        let raster = open(&Made::new((2, 2), vec![vec![0.5_f32; 4]]).write(folder.path(), "f.tif"));
        let error = unique_values_blocking(&raster, 0).unwrap_err().to_string();
        assert!(error.contains("decimal"), "{error}");
    }
}
