//! Overviews of fields: the mean of the vectors below, scaled to length 1 again. Codes are never averaged, since their
//! scale is a square law. Knows GDAL datasets only through `cog`'s windows.

use gdal::Dataset;
use rayon::prelude::*;

use crate::cog::{self, Progress};
use crate::{FIELD_AXES, FIELD_NODATA, Grid, Window, decode_planar_pixel, encode_pixel};

/// Rasters up to this side are drawn from their pixels; the same rule as the COG driver's with blocks of 512.
const SMALLEST: usize = 512;
/// Side of an overview window made at once: four times its pixels in 64 axes are 16 MB.
const TILE: usize = 256;
/// A mean shorter than this is of opposites: it has no direction worth showing.
const SHORTEST_MEAN: f32 = 1e-3;

/// Adds levels 2, 4, 8, ... to a filled field until one fits a block. Each level is made from the next finer one.
pub(crate) fn build(field: &mut Dataset, grid: &Grid, progress: Progress) -> Result<(), String> {
    let mut factors = Vec::new();
    let mut factor = 2;
    while grid.width.max(grid.height).div_ceil(factor / 2) > SMALLEST {
        factors.push(factor as i32);
        factor *= 2;
    }
    if factors.is_empty() {
        return Ok(());
    }
    field
        .build_overviews("NONE", &factors, &[])
        .map_err(|error| error.to_string())?;
    let level_grid = |factor: usize| Grid {
        width: grid.width.div_ceil(factor),
        height: grid.height.div_ceil(factor),
        georef: grid.georef.clone(),
    };
    for (level, &factor) in factors.iter().enumerate() {
        let (finer, coarser) = (level_grid(factor as usize / 2), level_grid(factor as usize));
        let tiles = cog::tiles(&coarser, TILE);
        for (index, tile) in tiles.iter().enumerate() {
            let source = Window {
                col: tile.col * 2,
                row: tile.row * 2,
                width: (tile.width * 2).min(finer.width - tile.col * 2),
                height: (tile.height * 2).min(finer.height - tile.row * 2),
            };
            let codes = cog::read_level(field, level, source)?;
            cog::write_level(field, level + 1, *tile, &reduce(&codes, source, *tile))?;
            let done =
                (level as f64 + (index + 1) as f64 / tiles.len() as f64) / factors.len() as f64;
            if !progress(done) {
                return Err("stopped".to_owned());
            }
        }
    }
    Ok(())
}

/// Halves planar codes: every pixel of `tile` is the renormalised mean of up to four valid vectors of `source`.
fn reduce(codes: &[u8], source: Window, tile: Window) -> Vec<u8> {
    let codes: &[i8] = bytemuck::cast_slice(codes);
    let pixels = source.width * source.height;
    let reduced: Vec<[i8; FIELD_AXES]> = (0..tile.width * tile.height)
        .into_par_iter()
        .map(|index| {
            let (col, row) = (index % tile.width * 2, index / tile.width * 2);
            let mut sum = [0.0f32; FIELD_AXES];
            for (near_col, near_row) in [
                (col, row),
                (col + 1, row),
                (col, row + 1),
                (col + 1, row + 1),
            ] {
                if near_col < source.width
                    && near_row < source.height
                    && let Some(vector) =
                        decode_planar_pixel(codes, pixels, near_row * source.width + near_col)
                {
                    sum.iter_mut()
                        .zip(vector)
                        .for_each(|(sum, value)| *sum += value);
                }
            }
            let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
            if length < SHORTEST_MEAN {
                [FIELD_NODATA; FIELD_AXES]
            } else {
                encode_pixel(&sum)
            }
        })
        .collect();
    let mut planar = vec![0; FIELD_AXES * reduced.len()];
    for (index, pixel) in reduced.iter().enumerate() {
        for (axis, &code) in pixel.iter().enumerate() {
            planar[axis * reduced.len() + index] = code as u8;
        }
    }
    planar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode_pixel;

    #[test]
    fn overview_pixels_are_unit_means_of_the_valid_ones() {
        let axis = |k: usize| {
            encode_pixel(&std::array::from_fn(
                |axis| if axis == k { 1.0 } else { 0.0 },
            ))
        };
        let missing = [FIELD_NODATA; FIELD_AXES];
        // 3 x 2 pixels: the right column is cut to one.
        let pixels = [axis(0), axis(1), missing, missing, axis(0), axis(5)];
        let planar: Vec<u8> = (0..FIELD_AXES)
            .flat_map(|k| pixels.iter().map(move |pixel| pixel[k] as u8))
            .collect();
        let source = Window {
            col: 0,
            row: 0,
            width: 3,
            height: 2,
        };
        let tile = Window {
            col: 0,
            row: 0,
            width: 2,
            height: 1,
        };
        let reduced = reduce(&planar, source, tile);
        let pixel = |index: usize| -> [i8; FIELD_AXES] {
            std::array::from_fn(|k| reduced[k * 2 + index] as i8)
        };
        let mean = decode_pixel(&pixel(0)).unwrap();
        assert!(
            (mean[0] - 2.0 / 5f32.sqrt()).abs() < 0.01
                && (mean[1] - 1.0 / 5f32.sqrt()).abs() < 0.01
        );
        assert_eq!(pixel(1), axis(5));
    }
}
