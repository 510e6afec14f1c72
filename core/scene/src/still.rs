//! A raster as one picture, drawn on the CPU with the shaders' twins. What `terroir render` writes.

use crate::{
    Crs, Detail, GeoTransform, Grid, MapRect, Place, Raster, Resampling, SceneError, SceneResult,
    Style, Window, composite_shaded, field_composite_shaded, style_bands,
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

/// What a picture shows of a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StillFrame {
    pub extent: MapRect,
    pub width: usize,
    pub height: usize,
    /// Map units of a pixel; `None` where the extent is none that can be drawn.
    scale: Option<f64>,
}

impl StillFrame {
    /// `extent` in square pixels that are no finer than `finest` map units, at most `most` of them across and down.
    pub(crate) fn new(extent: MapRect, finest: f64, most: (usize, usize)) -> Self {
        let scale = (extent.width() / most.0.max(1) as f64)
            .max(extent.height() / most.1.max(1) as f64)
            .max(finest);
        let scale = (scale.is_finite() && scale > 0.0).then_some(scale);
        let side = |length: f64, most: usize| {
            scale.map_or(1, |scale| {
                ((length / scale).round() as usize).clamp(1, most.max(1))
            })
        };
        Self {
            extent,
            width: side(extent.width(), most.0),
            height: side(extent.height(), most.1),
            scale,
        }
    }

    /// Pixels of a raster read at about the picture's resolution: of `pixels`, each `size` map units.
    fn read_side(&self, pixels: usize, size: f64) -> usize {
        self.scale.map_or(pixels, |scale| {
            ((pixels as f64 * size / scale).round() as usize).clamp(1, pixels)
        })
    }

    /// For each line from the top, what `place` has under each of its pixels.
    pub(crate) fn lines<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = Vec<Pixel>> + 'a {
        let extent = &self.extent;
        (0..self.height).map(move |line| {
            let y = extent.max_y - extent.height() * (line as f64 + 0.5) / self.height as f64;
            let at = |x: usize| {
                let x = extent.min_x + extent.width() * (x as f64 + 0.5) / self.width as f64;
                place.pixel_from_map(x, y)
            };
            line_of_pixels(at, self.width, place.is_affine())
        })
    }
}

/// Where a raster lies on a map and how fine it is there.
pub(crate) struct Placed {
    pub place: Place,
    pub extent: MapRect,
    /// Map units of a pixel, across and down.
    pub pixel_size: (f64, f64),
}

impl Placed {
    /// `None` where no part of it has a place on the map.
    pub(crate) fn new(grid: &Grid, map_crs: Option<&Crs>) -> SceneResult<Option<Self>> {
        let place = Place::new(grid, map_crs)?;
        if place.is_affine() {
            let transform = grid.transform();
            return Ok(Some(Self {
                place,
                extent: extent_in_map(&transform, grid.width, grid.height),
                pixel_size: transform.pixel_size(),
            }));
        }
        let found = place.extent().and_then(|extent| {
            let middle = (
                (extent.min_x + extent.max_x) / 2.0,
                (extent.min_y + extent.max_y) / 2.0,
            );
            Some((extent, place.pixel_size_near(middle)?))
        });
        Ok(found.map(|(extent, size)| Self {
            place,
            extent,
            pixel_size: (size, size),
        }))
    }

    pub(crate) fn finest(&self) -> f64 {
        self.pixel_size.0.min(self.pixel_size.1)
    }
}

pub(crate) const NO_SYSTEM: &str =
    "the raster has no coordinate reference system, so it cannot be drawn in another one";

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
        return Err(SceneError::file(&info.path, NO_SYSTEM));
    }
    let placed = Placed::new(grid, map_crs.or(grid.georef.ground_crs()))?.ok_or_else(|| {
        SceneError::file(
            &info.path,
            "no part of the raster has a place in the wanted coordinate reference system; choose another one",
        )
    })?;
    // One picture pixel is square on the ground and never finer than the raster's own.
    let frame = StillFrame::new(placed.extent, placed.finest(), (max_width, max_height));
    let part = Part::read_blocking(raster, style, missing, (&placed, &frame), grid.window())?;
    let is_unplaced = placed.place.is_unplaced() && grid.georef.transform.is_none();
    let extent = (!is_unplaced).then_some(frame.extent);
    if placed.place.is_affine() && grid.transform().inverse().is_none() {
        return Ok(Still {
            width: part.width,
            height: part.height,
            rgba: part.rgba,
            extent,
        });
    }
    Ok(Still {
        width: frame.width,
        height: frame.height,
        rgba: part.under(&placed.place, &frame),
        extent,
    })
}

/// A window of a raster in colours, at about a picture's resolution and in its own orientation.
pub(crate) struct Part {
    window: Window,
    width: usize,
    height: usize,
    rgba: Vec<u8>,
}

impl Part {
    /// Reads and colours `window`; missing pixels in the colour `missing`.
    pub(crate) fn read_blocking(
        raster: &Raster,
        style: &Style,
        missing: Option<[u8; 3]>,
        (placed, frame): (&Placed, &StillFrame),
        window: Window,
    ) -> SceneResult<Self> {
        let width = frame.read_side(window.width, placed.pixel_size.0);
        let height = frame.read_side(window.height, placed.pixel_size.1);
        let shading = style.shading().with_missing(missing);
        let rgba = if style.is_field() {
            let codes =
                raster.read_codes_to_detail_blocking(window, width, height, Detail::Full)?;
            field_composite_shaded(&codes, (width, height), &shading)
        } else if let Some(derivation) = style.derivation() {
            let block = raster.read_derived_blocking(derivation, window, width, height)?;
            composite_shaded(&block, &shading)
        } else {
            let resampling = if style.is_categorical() {
                Resampling::Mode
            } else {
                Resampling::Average
            };
            let bands = style_bands(style);
            let block = raster.read_blocking(&bands, window, width, height, resampling)?;
            composite_shaded(&block, &shading)
        };
        Ok(Self {
            window,
            width,
            height,
            rgba,
        })
    }

    /// The colours under the pixels of a picture; transparent where there are none.
    pub(crate) fn under(&self, place: &Place, frame: &StillFrame) -> Vec<u8> {
        let mut picture = vec![0; 4 * frame.width * frame.height];
        let (across, down) = (
            self.width as f64 / self.window.width as f64,
            self.height as f64 / self.window.height as f64,
        );
        let (left, top) = (self.window.col as f64, self.window.row as f64);
        let lines = picture.chunks_exact_mut(4 * frame.width);
        for (pixels, line) in frame.lines(place).zip(lines) {
            for (pixel, out) in pixels.into_iter().zip(line.chunks_exact_mut(4)) {
                let Some((col, row)) = pixel else {
                    continue;
                };
                let (col, row) = ((col - left) * across, (row - top) * down);
                if col >= 0.0
                    && row >= 0.0
                    && (col as usize) < self.width
                    && (row as usize) < self.height
                {
                    let from = 4 * (row as usize * self.width + col as usize);
                    out.copy_from_slice(&self.rgba[from..from + 4]);
                }
            }
        }
        picture
    }
}

/// Column and row of a raster.
pub(crate) type Pixel = Option<(f64, f64)>;

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
