//! Whether 64 decimal numbers a pixel are a field: a look at some pixels, because a spectrum may have 64 bands too
//! (specification of fields, section 2, rule 9). Knows rasters and their values.

use crate::{FIELD_AXES, Raster, RasterInfo, Resampling, SampleType, Window};

/// Decoded values are at most 0.992; rounding and renormalising add little.
const LARGEST: f32 = 1.01;
/// Lengths of decoded vectors are 0.994 to 1.006.
const LENGTHS: std::ops::RangeInclusive<f32> = 0.98..=1.02;
/// Side of the squares looked at.
const SIDE: usize = 16;

/// True for unit vectors, false for other numbers, `None` where nothing can be told or needs to be.
pub(crate) fn holds_unit_vectors(raster: &Raster) -> Option<bool> {
    let info = raster.info();
    let is_float = |kind: SampleType| matches!(kind, SampleType::Float32 | SampleType::Float64);
    let is_candidate = info.bands.len() == FIELD_AXES
        && info.bands.iter().all(|band| is_float(band.sample_type))
        && info.bands.iter().all(|band| band.wavelength.is_none())
        && info
            .bands
            .iter()
            .all(|band| band.scale == 1.0 && band.offset == 0.0);
    if !is_candidate {
        return None;
    }
    let bands: Vec<usize> = (0..FIELD_AXES).collect();
    let (mut pixels, mut unit, mut negative) = (0u32, 0u32, false);
    for (across, down) in [
        (0.5, 0.5),
        (0.25, 0.25),
        (0.75, 0.25),
        (0.25, 0.75),
        (0.75, 0.75),
    ] {
        let grid = &info.grid;
        let start = |size: usize, share: f64| {
            ((size as f64 * share) as usize).min(size.saturating_sub(SIDE))
        };
        let window = Window {
            col: start(grid.width, across),
            row: start(grid.height, down),
            width: SIDE.min(grid.width),
            height: SIDE.min(grid.height),
        };
        let block = raster
            .read_blocking(
                &bands,
                window,
                window.width,
                window.height,
                Resampling::Nearest,
            )
            .ok()?;
        let count = window.pixels();
        for index in (0..count).filter(|index| block.valid[*index]) {
            let mut squares = 0.0;
            for axis in 0..FIELD_AXES {
                let value = block.values[axis * count + index];
                if value.abs() > LARGEST {
                    return Some(false);
                }
                negative |= value < 0.0;
                squares += value * value;
            }
            // Exports fill with zeros.
            if squares > 0.0 {
                pixels += 1;
                unit += u32::from(LENGTHS.contains(&squares.sqrt()));
            }
        }
    }
    (pixels > 0).then_some(negative && unit * 100 >= pixels * 99)
}

/// Words about numbers that look like an embedding but cannot be a field; `None` for everything else.
pub(crate) fn no_field_because(info: &RasterInfo) -> Option<String> {
    let has_axis_names = info.bands.len() > 1
        && info
            .bands
            .iter()
            .enumerate()
            .all(|(index, band)| band.name == format!("A{index:02}"));
    let is_plain = |kind: SampleType| {
        matches!(
            kind,
            SampleType::Float32 | SampleType::Float64 | SampleType::Int8
        )
    };
    let can_be = info.bands.iter().all(|band| is_plain(band.sample_type))
        && info.bands.iter().all(|band| band.wavelength.is_none());
    match info.bands.len() {
        FIELD_AXES if has_axis_names && info.unit_vectors == Some(false) => Some(
            "64 axes, but their values are no vectors of length 1, so this is no field; drawn as a plain raster. \
             Decoded embeddings lie between -1 and 1; codes are signed bytes"
                .to_owned(),
        ),
        128 if can_be => Some(
            "128 numbers a pixel, as TESSERA has: fields have 64, so this is drawn as a plain raster; similarity, \
             live maps and colours of fields need 64 axes"
                .to_owned(),
        ),
        count if has_axis_names && count != FIELD_AXES && can_be => Some(format!(
            "{count} axes, but fields have 64, so this is drawn as a plain raster"
        )),
        _ => None,
    }
}
