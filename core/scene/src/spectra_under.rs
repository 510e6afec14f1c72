//! Spectra under label pixels: what a raster on any grid says at the pixels of a label grid, read where it is asked for.
//! Knows rasters and coordinate systems. Knows nothing of classes or windows.

use std::path::Path;

use crate::{
    FIELD_AXES, GeoTransform, Grid, Raster, Reprojection, Resampling, SceneError, SceneResult,
    Window, decode_pixel,
};

/// Pixels a side that a window of another grid is read with at most.
const LARGEST_READ: usize = 1024;
/// Side of the sample from which the spread of a band is taken.
const SPREAD_SIDE: usize = 256;
/// Control points of another coordinate system lie this many pixels apart.
const CONTROL_STEP: usize = 16;

/// A raster under a label grid.
pub(crate) struct SpectraUnder {
    raster: Raster,
    bands: Vec<usize>,
    is_field: bool,
    grid: Grid,
    under: UnderGrid,
}

impl SpectraUnder {
    /// `bands` from 0; of a field all axes count, whatever is given.
    ///
    /// # Errors
    /// The raster cannot be opened, or there is no way between the two coordinate systems.
    pub(crate) fn open_blocking(path: &Path, bands: &[usize], grid: &Grid) -> SceneResult<Self> {
        let raster = Raster::open(path)?;
        let is_field = raster.info().is_field();
        let under = UnderGrid::new(grid, &raster.info().grid)?;
        if bands.is_empty() && !is_field {
            return Err(SceneError::file(path, "this raster has no band to compare"));
        }
        Ok(Self {
            bands: bands.to_vec(),
            is_field,
            grid: grid.clone(),
            under,
            raster,
        })
    }

    pub(crate) fn is_field(&self) -> bool {
        self.is_field
    }

    /// Of the labels.
    pub(crate) fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Numbers a spectrum has.
    pub(crate) fn len(&self) -> usize {
        if self.is_field {
            FIELD_AXES
        } else {
            self.bands.len()
        }
    }

    /// The spectrum under one label pixel.
    ///
    /// # Errors
    /// The raster has no value there, or cannot be read.
    pub(crate) fn at_blocking(&self, at: (usize, usize)) -> SceneResult<Vec<f32>> {
        let nothing = || {
            SceneError::file(
                &self.raster.info().path,
                "the raster has no value at this place; click where it has one",
            )
        };
        let (col, row) = self
            .under
            .pixel(at.0 as f64 + 0.5, at.1 as f64 + 0.5)
            .ok_or_else(nothing)?;
        let window = Window {
            col,
            row,
            width: 1,
            height: 1,
        };
        let mut found = None;
        self.pixels_blocking(window, 1, 1, |_, values| {
            found = values.map(<[f32]>::to_vec)
        })?;
        found.ok_or_else(nothing)
    }

    /// Calls `each` with the spectrum under every pixel of a window of label pixels that has one, by its place in the window.
    ///
    /// # Errors
    /// The raster cannot be read.
    pub(crate) fn each_blocking(
        &self,
        wanted: Window,
        mut each: impl FnMut(usize, &[f32]),
    ) -> SceneResult<()> {
        let places = self.under.places(wanted);
        let inside = places.iter().flatten();
        let bounds = inside.fold(None, |bounds: Option<[usize; 4]>, (col, row)| {
            Some(match bounds {
                None => [*col, *row, *col, *row],
                Some([a, b, c, d]) => [a.min(*col), b.min(*row), c.max(*col), d.max(*row)],
            })
        });
        let Some([left, top, right, bottom]) = bounds else {
            return Ok(());
        };
        let window = Window {
            col: left,
            row: top,
            width: right - left + 1,
            height: bottom - top + 1,
        };
        // A much finer raster is thinned: a label pixel takes one of the pixels under it.
        let (width, height) = (
            window.width.min(LARGEST_READ),
            window.height.min(LARGEST_READ),
        );
        let length = self.len();
        let mut read = vec![f32::NAN; width * height * length];
        let mut is_read = vec![false; width * height];
        self.pixels_blocking(window, width, height, |at, values| {
            let slot = read.get_mut(at * length..(at + 1) * length);
            if let (Some(values), Some(slot), Some(is_read)) = (values, slot, is_read.get_mut(at)) {
                slot.copy_from_slice(values);
                *is_read = true;
            }
        })?;
        for (index, place) in places.iter().enumerate() {
            let Some((col, row)) = place else { continue };
            let x = (col - left) * width / window.width;
            let y = (row - top) * height / window.height;
            let at = y * width + x;
            if is_read.get(at) == Some(&true)
                && let Some(values) = read.get(at * length..(at + 1) * length)
            {
                each(index, values);
            }
        }
        Ok(())
    }

    /// Calls `each` with the values of every pixel of a window of the raster, in order; `None` where one is missing.
    fn pixels_blocking(
        &self,
        window: Window,
        width: usize,
        height: usize,
        mut each: impl FnMut(usize, Option<&[f32]>),
    ) -> SceneResult<()> {
        let pixels = width * height;
        if self.is_field {
            let codes = self.raster.read_codes_blocking(window, width, height)?;
            let mut pixel = [0_i8; FIELD_AXES];
            for at in 0..pixels {
                for (axis, code) in pixel.iter_mut().enumerate() {
                    *code = codes
                        .get(axis * pixels + at)
                        .copied()
                        .unwrap_or(crate::FIELD_NODATA);
                }
                each(at, decode_pixel(&pixel).as_ref().map(|v| v.as_slice()));
            }
            return Ok(());
        }
        let block =
            self.raster
                .read_blocking(&self.bands, window, width, height, Resampling::Nearest)?;
        let mut values = vec![0.0; self.bands.len()];
        for (at, is_valid) in block.valid.iter().enumerate() {
            for (band, value) in values.iter_mut().enumerate() {
                *value = block
                    .values
                    .get(band * pixels + at)
                    .copied()
                    .unwrap_or(f32::NAN);
            }
            each(at, is_valid.then_some(values.as_slice()));
        }
        Ok(())
    }

    /// Standard deviations of the bands over an even sample of the raster; 1 where a band is constant.
    ///
    /// # Errors
    /// The raster cannot be read.
    pub(crate) fn spread_blocking(&self) -> SceneResult<Vec<f32>> {
        let window = self.raster.info().grid.window();
        let (width, height) = (
            window.width.min(SPREAD_SIDE),
            window.height.min(SPREAD_SIDE),
        );
        let mut spread = Spread::new(self.len());
        self.pixels_blocking(window, width, height, |_, values| {
            if let Some(values) = values {
                spread.add(values);
            }
        })?;
        Ok(spread.deviations())
    }
}

/// Standard deviations of the numbers of spectra, in one pass.
pub(crate) struct Spread {
    sums: Vec<(f64, f64)>,
    count: usize,
}

impl Spread {
    pub(crate) fn new(length: usize) -> Self {
        Self {
            sums: vec![(0.0, 0.0); length],
            count: 0,
        }
    }

    pub(crate) fn add(&mut self, values: &[f32]) {
        self.count += 1;
        for (sum, value) in self.sums.iter_mut().zip(values) {
            let value = f64::from(*value);
            sum.0 += value;
            sum.1 += value * value;
        }
    }

    /// 1 where a number never changes.
    pub(crate) fn deviations(&self) -> Vec<f32> {
        let count = self.count.max(1) as f64;
        let deviation = |(sum, squares): &(f64, f64)| {
            let mean = sum / count;
            (squares / count - mean * mean).max(0.0).sqrt()
        };
        let all = self.sums.iter().map(deviation);
        all.map(|one| if one > 0.0 { one as f32 } else { 1.0 })
            .collect()
    }
}

/// Pixels of a raster under pixels of a label grid.
struct UnderGrid {
    is_same: bool,
    size: (usize, usize),
    ground_from_label: GeoTransform,
    pixel_from_ground: GeoTransform,
    reprojection: Option<Reprojection>,
}

impl UnderGrid {
    fn new(labels: &Grid, raster: &Grid) -> SceneResult<Self> {
        let is_same = labels.same_as(raster);
        let reprojection = match (labels.crs(), raster.crs()) {
            (Some(from), Some(to)) if !is_same && from != to => Some(Reprojection::new(from, to)?),
            _ => None,
        };
        let pixel_from_ground = raster.transform().inverse().ok_or_else(|| {
            SceneError::input(
                "the raster's pixels have no size on the ground; check its georeference",
            )
        })?;
        Ok(Self {
            is_same,
            size: (raster.width, raster.height),
            ground_from_label: labels.transform(),
            pixel_from_ground,
            reprojection,
        })
    }

    /// Place in the raster's pixels of a place in label pixels.
    fn place(&self, col: f64, row: f64) -> Option<(f64, f64)> {
        if self.is_same {
            return Some((col, row));
        }
        let (x, y) = self.ground_from_label.map_from_pixel(col, row);
        let (x, y) = match &self.reprojection {
            Some(reprojection) => reprojection.point(x, y)?,
            None => (x, y),
        };
        Some(self.pixel_from_ground.map_from_pixel(x, y))
    }

    fn inside(&self, (col, row): (f64, f64)) -> Option<(usize, usize)> {
        (col >= 0.0 && row >= 0.0 && col < self.size.0 as f64 && row < self.size.1 as f64)
            .then_some((col as usize, row as usize))
    }

    fn pixel(&self, col: f64, row: f64) -> Option<(usize, usize)> {
        self.inside(self.place(col, row)?)
    }

    /// The raster's pixel under the centre of every pixel of a window; between control points straight where the two
    /// grids have different coordinate systems.
    fn places(&self, window: Window) -> Vec<Option<(usize, usize)>> {
        let centre = |col: usize, row: usize| {
            (
                (window.col + col) as f64 + 0.5,
                (window.row + row) as f64 + 0.5,
            )
        };
        let mut places = Vec::with_capacity(window.pixels());
        if self.reprojection.is_none() {
            for row in 0..window.height {
                places.extend((0..window.width).map(|col| {
                    let (x, y) = centre(col, row);
                    self.pixel(x, y)
                }));
            }
            return places;
        }
        let columns = window.width.div_ceil(CONTROL_STEP) + 1;
        let rows = window.height.div_ceil(CONTROL_STEP) + 1;
        let control: Vec<Option<(f64, f64)>> = (0..rows)
            .flat_map(|row| (0..columns).map(move |col| (col, row)))
            .map(|(col, row)| {
                let (x, y) = centre(col * CONTROL_STEP, row * CONTROL_STEP);
                self.place(x, y)
            })
            .collect();
        let at = |col: usize, row: usize| control.get(row * columns + col).copied().flatten();
        for row in 0..window.height {
            let (top, v) = (
                row / CONTROL_STEP,
                (row % CONTROL_STEP) as f64 / CONTROL_STEP as f64,
            );
            for col in 0..window.width {
                let (left, u) = (
                    col / CONTROL_STEP,
                    (col % CONTROL_STEP) as f64 / CONTROL_STEP as f64,
                );
                let corners = (
                    at(left, top),
                    at(left + 1, top),
                    at(left, top + 1),
                    at(left + 1, top + 1),
                );
                let (Some(a), Some(b), Some(c), Some(d)) = corners else {
                    places.push(None);
                    continue;
                };
                let mix = |a: f64, b: f64, c: f64, d: f64| {
                    (a * (1.0 - u) + b * u) * (1.0 - v) + (c * (1.0 - u) + d * u) * v
                };
                places.push(self.inside((mix(a.0, b.0, c.0, d.0), mix(a.1, b.1, c.1, d.1))));
            }
        }
        places
    }
}
