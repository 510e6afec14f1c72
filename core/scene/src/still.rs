//! A whole raster as one picture, drawn on the CPU with the shaders' twins. What `terroir render` writes.

use crate::{
    Crs, Detail, GeoTransform, MapRect, Place, Raster, Resampling, SceneError, SceneResult, Style,
    composite_shaded, field_composite_shaded, style_bands,
};

/// A whole raster as a picture, north up.
pub struct Still {
    pub width: usize,
    pub height: usize,
    /// Straight alpha; missing pixels without a colour and, for rotated or bent rasters, the corners are transparent.
    pub rgba: Vec<u8>,
    /// What the picture covers; `None` when nothing places the raster.
    pub extent: Option<MapRect>,
}

impl Still {
    /// Every pixel as a square of `factor` x `factor`; 0 and 1 change nothing.
    pub fn enlarged(self, factor: usize) -> Self {
        if factor < 2 {
            return self;
        }
        let (width, height) = (self.width * factor, self.height * factor);
        let mut rgba = Vec::with_capacity(4 * width * height);
        for line in self.rgba.chunks_exact(4 * self.width) {
            let wide: Vec<u8> = line
                .chunks_exact(4)
                .flat_map(|pixel| pixel.repeat(factor))
                .collect();
            rgba.extend(wide.repeat(factor));
        }
        Self {
            width,
            height,
            rgba,
            extent: self.extent,
        }
    }
}

/// Draws the whole raster into at most `max_width` x `max_height` pixels, keeping its aspect on the map: in `map_crs`, or
/// in the raster's own reference system; pixels without a value in the colour `missing`.
///
/// # Errors
/// Bands that do not exist or cannot be read; no way to `map_crs`, or no place of the raster on it.
pub fn render_still_blocking(
    raster: &Raster,
    style: &Style,
    missing: Option<[u8; 3]>,
    map_crs: Option<&Crs>,
    max_width: usize,
    max_height: usize,
) -> SceneResult<Still> {
    let info = raster.info();
    let grid = &info.grid;
    if map_crs.is_some() && grid.georef.ground_crs().is_none() {
        return Err(SceneError::file(
            &info.path,
            "the raster has no coordinate reference system, so it cannot be drawn in another one",
        ));
    }
    let place = Place::new(grid, map_crs.or(grid.georef.ground_crs()))?;
    let nowhere = || {
        SceneError::file(
            &info.path,
            "no part of the raster has a place in the wanted coordinate reference system; choose another one",
        )
    };
    let (extent, (pixel_width, pixel_height)) = if place.is_affine() {
        let transform = grid.transform();
        (
            extent_in_map(&transform, grid.width, grid.height),
            transform.pixel_size(),
        )
    } else {
        let extent = place.extent().ok_or_else(nowhere)?;
        let middle = (
            (extent.min_x + extent.max_x) / 2.0,
            (extent.min_y + extent.max_y) / 2.0,
        );
        let size = place.pixel_size_near(middle).ok_or_else(nowhere)?;
        (extent, (size, size))
    };
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
    let shading = style.shading().with_missing(missing);
    let rgba = if style.is_field() {
        field_composite_shaded(
            &raster.read_codes_to_detail_blocking(
                grid.window(),
                read_width,
                read_height,
                Detail::Full,
            )?,
            (read_width, read_height),
            &shading,
        )
    } else if let Some(derivation) = style.derivation() {
        let block =
            raster.read_derived_blocking(derivation, grid.window(), read_width, read_height)?;
        composite_shaded(&block, &shading)
    } else {
        let resampling = if style.is_categorical() {
            Resampling::Mode
        } else {
            Resampling::Average
        };
        composite_shaded(
            &raster.read_blocking(
                &style_bands(style),
                grid.window(),
                read_width,
                read_height,
                resampling,
            )?,
            &shading,
        )
    };

    let covers = (!place.is_unplaced() || grid.georef.transform.is_some()).then_some(extent);
    if place.is_affine() && grid.transform().inverse().is_none() {
        return Ok(Still {
            width: read_width,
            height: read_height,
            rgba,
            extent: covers,
        });
    }
    let mut picture = vec![0; 4 * width * height];
    let (across, down) = (
        read_width as f64 / grid.width as f64,
        read_height as f64 / grid.height as f64,
    );
    for (line, out) in picture.chunks_exact_mut(4 * width).enumerate() {
        let y = extent.max_y - ground.1 * (line as f64 + 0.5) / height as f64;
        let at = |x: usize| {
            let x = extent.min_x + ground.0 * (x as f64 + 0.5) / width as f64;
            let (col, row) = place.pixel_from_map(x, y)?;
            Some((col * across, row * down))
        };
        let pixels = line_of_pixels(at, width, place.is_affine());
        for (pixel, out) in pixels.into_iter().zip(out.chunks_exact_mut(4)) {
            let Some((col, row)) = pixel else {
                continue;
            };
            if col >= 0.0
                && row >= 0.0
                && (col as usize) < read_width
                && (row as usize) < read_height
            {
                let from = 4 * (row as usize * read_width + col as usize);
                out.copy_from_slice(&rgba[from..from + 4]);
            }
        }
    }
    Ok(Still {
        width,
        height,
        rgba: picture,
        extent: covers,
    })
}

type Pixel = Option<(f64, f64)>;

/// Part of a pixel that straight lines between exact places may be off.
const LINE_ERROR: f64 = 0.1;
/// Picture pixels between two places that are always exact.
const EXACT_EVERY: usize = 64;

/// The pixels under a line of a picture. PROJ is asked where straight lines between its answers are not true enough.
fn line_of_pixels(at: impl Fn(usize) -> Pixel, width: usize, is_affine: bool) -> Vec<Pixel> {
    if is_affine {
        return (0..width).map(at).collect();
    }
    let mut line = vec![None; width];
    let mut from = 0;
    let mut first = at(0);
    while from < width {
        let to = (from + EXACT_EVERY).min(width.saturating_sub(1));
        let last = at(to);
        fill_between(&at, &mut line, (from, first), (to, last));
        if to == from || to + 1 >= width {
            break;
        }
        (from, first) = (to, last);
    }
    line
}

/// Sets the places from `a` to `b`, both included.
fn fill_between(
    at: &impl Fn(usize) -> Pixel,
    line: &mut [Pixel],
    a: (usize, Pixel),
    b: (usize, Pixel),
) {
    line[a.0] = a.1;
    line[b.0] = b.1;
    if b.0 - a.0 < 2 {
        return;
    }
    let middle = (a.0 + b.0) / 2;
    let exact = at(middle);
    if let (Some(from), Some(to), Some(exact)) = (a.1, b.1, exact) {
        let mix = |index: usize| {
            let part = (index - a.0) as f64 / (b.0 - a.0) as f64;
            (
                from.0 + (to.0 - from.0) * part,
                from.1 + (to.1 - from.1) * part,
            )
        };
        let straight = mix(middle);
        if (straight.0 - exact.0).hypot(straight.1 - exact.1) < LINE_ERROR {
            for (index, place) in line.iter_mut().enumerate().take(b.0).skip(a.0 + 1) {
                *place = Some(mix(index));
            }
            return;
        }
    }
    fill_between(at, line, a, (middle, exact));
    fill_between(at, line, (middle, exact), b);
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
    fn lines_are_straight_only_where_that_is_true() {
        // Bent, and without a place from 70 to 79.
        let at = |x: usize| {
            let x = x as f64;
            (!(70.0..80.0).contains(&x)).then_some((x * x / 50.0, 3.0 * x))
        };
        let line = line_of_pixels(at, 200, false);
        for (x, found) in line.iter().enumerate() {
            match (found, at(x)) {
                (Some(a), Some(b)) => assert!((a.0 - b.0).hypot(a.1 - b.1) < 0.25, "{x}"),
                (None, None) => {}
                other => panic!("{x}: {other:?}"),
            }
        }
        assert_eq!(line_of_pixels(at, 1, false), [Some((0.0, 0.0))]);
    }

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
