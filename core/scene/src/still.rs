//! A whole raster as one picture, drawn on the CPU with the shaders' twins. What `terroir render` writes.

use crate::{
    GeoTransform, MapRect, Raster, Resampling, SceneResult, Style, composite, field_composite,
    style_bands,
};

/// Draws the whole raster north up into at most `max_width` x `max_height` pixels, keeping its aspect on the ground.
/// Returns width, height and RGBA bytes (straight alpha); missing pixels and, for rotated rasters, the corners are transparent.
///
/// # Errors
/// Bands that do not exist or cannot be read.
pub fn render_still_blocking(
    raster: &Raster,
    style: &Style,
    max_width: usize,
    max_height: usize,
) -> SceneResult<(usize, usize, Vec<u8>)> {
    let grid = &raster.info().grid;
    let transform = grid.transform();
    let extent = extent_in_map(&transform, grid.width, grid.height);
    let (pixel_width, pixel_height) = transform.pixel_size();
    // One picture pixel is square on the ground and never finer than the raster's own.
    let ground = (extent.max_x - extent.min_x, extent.max_y - extent.min_y);
    let finest = pixel_width.min(pixel_height);
    let scale = (ground.0 / max_width.max(1) as f64)
        .max(ground.1 / max_height.max(1) as f64)
        .max(finest);
    let is_sane = scale.is_finite() && scale > 0.0;
    let side = |length: f64, most: usize| {
        if is_sane {
            ((length / scale).round() as usize).clamp(1, most.max(1))
        } else {
            1
        }
    };
    let (width, height) = (side(ground.0, max_width), side(ground.1, max_height));

    // The raster is read at about the picture's resolution, in its own orientation.
    let read_side = |pixels: usize, size: f64| {
        if is_sane {
            ((pixels as f64 * size / scale).round() as usize).clamp(1, pixels)
        } else {
            pixels
        }
    };
    let (read_width, read_height) = (
        read_side(grid.width, pixel_width),
        read_side(grid.height, pixel_height),
    );
    let rgba = if style.is_field() {
        field_composite(
            &raster.read_codes_blocking(grid.window(), read_width, read_height)?,
            read_width * read_height,
            style,
        )
    } else if let Some(derivation) = style.derivation() {
        let block =
            raster.read_derived_blocking(derivation, grid.window(), read_width, read_height)?;
        composite(&block, style)
    } else {
        let resampling = if style.is_categorical() {
            Resampling::Mode
        } else {
            Resampling::Average
        };
        composite(
            &raster.read_blocking(
                &style_bands(style),
                grid.window(),
                read_width,
                read_height,
                resampling,
            )?,
            style,
        )
    };

    let Some(pixel_from_map) = transform.inverse() else {
        return Ok((read_width, read_height, rgba));
    };
    let mut picture = vec![0; 4 * width * height];
    for (index, out) in picture.chunks_exact_mut(4).enumerate() {
        let x = extent.min_x + ground.0 * ((index % width) as f64 + 0.5) / width as f64;
        let y = extent.max_y - ground.1 * ((index / width) as f64 + 0.5) / height as f64;
        let (col, row) = pixel_from_map.map_from_pixel(x, y);
        let (col, row) = (
            col * read_width as f64 / grid.width as f64,
            row * read_height as f64 / grid.height as f64,
        );
        if col >= 0.0 && row >= 0.0 && (col as usize) < read_width && (row as usize) < read_height {
            let from = 4 * (row as usize * read_width + col as usize);
            out.copy_from_slice(&rgba[from..from + 4]);
        }
    }
    Ok((width, height, picture))
}

/// The map rectangle around a raster of any orientation.
pub fn extent_in_map(transform: &GeoTransform, width: usize, height: usize) -> MapRect {
    let (right, bottom) = (width as f64, height as f64);
    let corners = [(0.0, 0.0), (right, 0.0), (right, bottom), (0.0, bottom)]
        .map(|(col, row)| transform.map_from_pixel(col, row));
    let fold = |value: fn(&(f64, f64)) -> f64, pick: fn(f64, f64) -> f64| {
        corners.iter().map(value).reduce(pick).unwrap_or(0.0)
    };
    MapRect {
        min_x: fold(|c| c.0, f64::min),
        min_y: fold(|c| c.1, f64::min),
        max_x: fold(|c| c.0, f64::max),
        max_y: fold(|c| c.1, f64::max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_hold_for_every_orientation() {
        let rect = |t: [f64; 6]| extent_in_map(&GeoTransform(t), 10, 20);
        let north_up = MapRect {
            min_x: 100.0,
            min_y: 160.0,
            max_x: 120.0,
            max_y: 200.0,
        };
        assert_eq!(rect([100.0, 2.0, 0.0, 200.0, 0.0, -2.0]), north_up);
        assert_eq!(rect([100.0, 2.0, 0.0, 160.0, 0.0, 2.0]), north_up);
        assert_eq!(
            rect([0.0, 0.0, 1.0, 0.0, 1.0, 0.0]),
            MapRect {
                min_x: 0.0,
                min_y: 0.0,
                max_x: 20.0,
                max_y: 10.0
            }
        );
    }
}
