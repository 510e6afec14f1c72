//! Growing a region by spectrum: the pixels that hang together with one and are spectrally like it. Values are read where
//! the region leads and kept as distances to that pixel, so that another tolerance reads only what is new.
//! Knows rasters and label grids. Knows nothing of windows.

use std::collections::HashMap;
use std::path::Path;

use crate::regions::{BlockMask, follow, mask_of};
use crate::{
    FIELD_AXES, Followed, GeoTransform, Grid, LABEL_BLOCK, Raster, RasterInfo, Reprojection,
    Resampling, SceneError, SceneResult, Style, Window, decode_pixel,
};

/// Side of the squares of label pixels whose distances are read at once.
const SQUARE: usize = 256;
/// Squares kept: 64 MiB of distances.
const SQUARES: usize = 256;
/// Pixels a side that a square of another grid is read with at most.
const LARGEST_READ: usize = 1024;
/// Bands that are compared at most; of more, an even choice.
const MOST_BANDS: usize = 24;
/// Side of the sample from which the spread of a band is taken.
const SPREAD_SIDE: usize = 256;
/// Control points of another coordinate system lie this many pixels apart.
const CONTROL_STEP: usize = 16;

/// How two spectra are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// The angle between them in degrees; brightness does not count.
    Angle,
    /// The root mean square of their differences, each in standard deviations of its band.
    Difference,
}

impl Likeness {
    /// The largest tolerance that makes sense.
    pub fn most(self) -> f32 {
        match self {
            Self::Angle => 45.0,
            Self::Difference => 3.0,
        }
    }
}

/// Bands (from 0) that tell ground apart: those with a wavelength where at least three have one, else those the style shows,
/// else the first ones.
pub fn bands_to_compare(info: &RasterInfo, style: Option<&Style>) -> Vec<usize> {
    let with_wavelength: Vec<usize> = info
        .bands
        .iter()
        .enumerate()
        .filter(|(_, band)| band.wavelength.is_some())
        .map(|(index, _)| index)
        .collect();
    let mut bands = if with_wavelength.len() >= 3 {
        with_wavelength
    } else {
        style
            .filter(|style| !style.is_field())
            .map(crate::style_bands)
            .filter(|bands| !bands.is_empty())
            .unwrap_or_else(|| (0..info.bands.len()).collect())
    };
    bands.retain(|band| *band < info.bands.len());
    bands.sort_unstable();
    bands.dedup();
    let count = bands.len();
    if count > MOST_BANDS {
        bands = (0..MOST_BANDS)
            .filter_map(|at| bands.get(at * (count - 1) / (MOST_BANDS - 1)).copied())
            .collect();
    }
    bands
}

/// A raster under a label grid, and how far its pixels are from one of them.
pub struct Grower {
    raster: Raster,
    bands: Vec<usize>,
    is_field: bool,
    grid: Grid,
    under: UnderGrid,
    /// Standard deviation of each band.
    spread: Option<Vec<f32>>,
    seed: Option<Seed>,
}

struct Seed {
    at: (usize, usize),
    likeness: Likeness,
    values: Vec<f32>,
    /// Distances by square (column, row); infinite where a value is missing.
    squares: HashMap<(usize, usize), Vec<f32>>,
}

impl Grower {
    /// `bands` from 0; of a field all axes count, whatever is given.
    ///
    /// # Errors
    /// The raster cannot be opened, or there is no way between the two coordinate systems.
    pub fn open_blocking(path: &Path, bands: &[usize], grid: &Grid) -> SceneResult<Self> {
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
            spread: None,
            seed: None,
            raster,
        })
    }

    /// The label pixels that hang together with `at` and are like it within `tolerance`, `limit` at most.
    ///
    /// # Errors
    /// The raster has no value there, reading failed, or `Cancelled`.
    pub fn region_blocking(
        &mut self,
        at: (usize, usize),
        likeness: Likeness,
        tolerance: f32,
        limit: usize,
        is_cancelled: &dyn Fn() -> bool,
    ) -> SceneResult<Followed> {
        if likeness == Likeness::Difference && !self.is_field && self.spread.is_none() {
            self.spread = Some(self.spread_blocking()?);
        }
        let is_known = self
            .seed
            .as_ref()
            .is_some_and(|seed| seed.at == at && seed.likeness == likeness);
        if !is_known {
            self.seed = Some(Seed {
                at,
                likeness,
                values: self.seed_values_blocking(at)?,
                squares: HashMap::new(),
            });
        }
        let Some(mut seed) = self.seed.take() else {
            return Ok(Followed::TooLarge);
        };
        let grid = self.grid.clone();
        let found = follow(&grid, at, limit, is_cancelled, |key| {
            self.block_blocking(&mut seed, key, tolerance)
        });
        self.seed = Some(seed);
        found
    }

    /// Which pixels of a label block are alike.
    fn block_blocking(
        &self,
        seed: &mut Seed,
        key: (u32, u32),
        tolerance: f32,
    ) -> SceneResult<BlockMask> {
        let (col, row) = crate::labels::first_pixel(key);
        let square = (col / SQUARE, row / SQUARE);
        if !seed.squares.contains_key(&square) {
            if seed.squares.len() >= SQUARES {
                seed.squares.clear();
            }
            let distances = self.distances_blocking(seed, square)?;
            seed.squares.insert(square, distances);
        }
        let Some(distances) = seed.squares.get(&square) else {
            return Ok([0; LABEL_BLOCK]);
        };
        let first = (row % SQUARE) * SQUARE + col % SQUARE;
        Ok(mask_of(|at| {
            let at = first + at / LABEL_BLOCK * SQUARE + at % LABEL_BLOCK;
            distances
                .get(at)
                .is_some_and(|distance| *distance <= tolerance)
        }))
    }

    fn seed_values_blocking(&self, at: (usize, usize)) -> SceneResult<Vec<f32>> {
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

    /// Distances of a square of label pixels, row by row.
    fn distances_blocking(&self, seed: &Seed, square: (usize, usize)) -> SceneResult<Vec<f32>> {
        let mut distances = vec![f32::INFINITY; SQUARE * SQUARE];
        let wanted = Window {
            col: square.0 * SQUARE,
            row: square.1 * SQUARE,
            width: SQUARE,
            height: SQUARE,
        };
        let Some(wanted) = wanted.intersection(&self.grid.window()) else {
            return Ok(distances);
        };
        let places = self.under.places(wanted);
        let inside = places.iter().flatten();
        let bounds = inside.fold(None, |bounds: Option<[usize; 4]>, (col, row)| {
            Some(match bounds {
                None => [*col, *row, *col, *row],
                Some([a, b, c, d]) => [a.min(*col), b.min(*row), c.max(*col), d.max(*row)],
            })
        });
        let Some([left, top, right, bottom]) = bounds else {
            return Ok(distances);
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
        let mut read = vec![f32::INFINITY; width * height];
        self.pixels_blocking(window, width, height, |at, values| {
            if let (Some(values), Some(distance)) = (values, read.get_mut(at)) {
                *distance = self.distance(seed, values);
            }
        })?;
        for (index, place) in places.iter().enumerate() {
            let Some((col, row)) = place else { continue };
            let x = (col - left) * width / window.width;
            let y = (row - top) * height / window.height;
            let at = index / wanted.width * SQUARE + index % wanted.width;
            if let (Some(slot), Some(distance)) = (distances.get_mut(at), read.get(y * width + x)) {
                *slot = *distance;
            }
        }
        Ok(distances)
    }

    /// Calls `each` with the values of every pixel of a window, in order; `None` where one is missing.
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

    /// Standard deviations of the bands over an even sample; 1 where a band is constant.
    fn spread_blocking(&self) -> SceneResult<Vec<f32>> {
        let window = self.raster.info().grid.window();
        let (width, height) = (
            window.width.min(SPREAD_SIDE),
            window.height.min(SPREAD_SIDE),
        );
        let mut sums = vec![(0.0_f64, 0.0_f64); self.bands.len()];
        let mut count = 0_usize;
        self.pixels_blocking(window, width, height, |_, values| {
            let Some(values) = values else { return };
            count += 1;
            for (sum, value) in sums.iter_mut().zip(values) {
                let value = f64::from(*value);
                sum.0 += value;
                sum.1 += value * value;
            }
        })?;
        let count = count.max(1) as f64;
        Ok(sums
            .iter()
            .map(|(sum, squares)| {
                let mean = sum / count;
                let deviation = (squares / count - mean * mean).max(0.0).sqrt();
                if deviation > 0.0 {
                    deviation as f32
                } else {
                    1.0
                }
            })
            .collect())
    }

    fn distance(&self, seed: &Seed, values: &[f32]) -> f32 {
        match (seed.likeness, &self.spread) {
            (Likeness::Difference, Some(spread)) => difference(&seed.values, values, spread),
            (Likeness::Difference, None) => difference(&seed.values, values, &[]),
            (Likeness::Angle, _) => angle_degrees(&seed.values, values),
        }
    }
}

/// Angle between two spectra in degrees; infinite where one has no length.
fn angle_degrees(a: &[f32], b: &[f32]) -> f32 {
    let (mut dot, mut aa, mut bb) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        dot += a * b;
        aa += a * a;
        bb += b * b;
    }
    let length = (aa * bb).sqrt();
    if length > 0.0 {
        (dot / length).clamp(-1.0, 1.0).acos().to_degrees() as f32
    } else {
        f32::INFINITY
    }
}

/// Root mean square of differences in units of `spread` (1 where it says nothing).
fn difference(a: &[f32], b: &[f32], spread: &[f32]) -> f32 {
    let mut sum = 0.0_f64;
    for (band, (a, b)) in a.iter().zip(b).enumerate() {
        let unit = spread.get(band).copied().unwrap_or(1.0);
        sum += f64::from((a - b) / unit).powi(2);
    }
    (sum / a.len().max(1) as f64).sqrt() as f32
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crs, Georef, MapKind, MapWriter};

    fn grid(width: usize, height: usize, origin: (f64, f64), pixel: f64, epsg: &str) -> Grid {
        Grid {
            width,
            height,
            georef: Georef {
                transform: Some(GeoTransform([origin.0, pixel, 0.0, origin.1, 0.0, -pixel])),
                crs: Crs::parse(epsg).ok(),
                ..Georef::default()
            },
        }
    }

    /// A disc of one spectrum in ground of another, with a shadow of half the light over the disc's right half and one
    /// pixel without a value.
    fn write(folder: &Path, grid: &Grid) -> std::path::PathBuf {
        let path = folder.join("disc.tif");
        let bands = ["red", "green", "blue"].map(|name| (name.to_owned(), "1".to_owned()));
        let kind = MapKind::Continuous {
            bands: bands.to_vec(),
            ramp: "viridis".to_owned(),
        };
        let mut writer = MapWriter::create(&path, grid, kind).unwrap();
        let (width, height) = (grid.width, grid.height);
        let (inside, outside) = ([0.4_f32, 0.2, 0.1], [0.1_f32, 0.2, 0.4]);
        let mut values = vec![0.0_f32; 3 * width * height];
        for row in 0..height {
            for col in 0..width {
                let spectrum = if is_in_disc(col, row) {
                    inside
                } else {
                    outside
                };
                let light = if is_in_disc(col, row) && col >= 150 {
                    0.5
                } else {
                    1.0
                };
                for (band, value) in spectrum.iter().enumerate() {
                    values[band * width * height + row * width + col] = value * light;
                }
            }
        }
        for band in 0..3 {
            values[band * width * height + 151 * width + 140] = f32::NAN;
        }
        writer.write_floats(grid.window(), &values).unwrap();
        writer.finish(&Vec::new()).unwrap();
        path
    }

    fn is_in_disc(col: usize, row: usize) -> bool {
        let (x, y) = (col as f64 - 150.0, row as f64 - 150.0);
        x * x + y * y <= 100.0 * 100.0
    }

    fn pixels(followed: Followed) -> Option<usize> {
        match followed {
            Followed::Whole(region) => Some(region.pixels()),
            Followed::TooLarge => None,
        }
    }

    #[test]
    fn a_region_ends_where_the_spectrum_does() {
        let folder = tempfile::tempdir().unwrap();
        let grid = grid(300, 300, (500_000.0, 4_000_000.0), 10.0, "EPSG:32629");
        let path = write(folder.path(), &grid);
        let mut grower = Grower::open_blocking(&path, &[0, 1, 2], &grid).unwrap();
        let mut grow = |at, likeness, tolerance, limit| {
            grower.region_blocking(at, likeness, tolerance, limit, &|| false)
        };
        let disc = (0..300 * 300)
            .filter(|at| is_in_disc(at % 300, at / 300))
            .count()
            - 1;
        let lit = (0..300 * 300)
            .filter(|at| at % 300 < 150 && is_in_disc(at % 300, at / 300))
            .count()
            - 1;
        // The angle does not see the shadow, the difference does.
        assert_eq!(
            pixels(grow((100, 150), Likeness::Angle, 2.0, usize::MAX).unwrap()),
            Some(disc)
        );
        assert_eq!(
            pixels(grow((100, 150), Likeness::Difference, 0.1, usize::MAX).unwrap()),
            Some(lit)
        );
        assert_eq!(
            pixels(grow((100, 150), Likeness::Difference, 2.9, usize::MAX).unwrap()),
            Some(300 * 300 - 1)
        );
        assert_eq!(
            grow((100, 150), Likeness::Angle, 2.0, disc - 1).unwrap(),
            Followed::TooLarge
        );
        let error = grow((140, 151), Likeness::Angle, 2.0, 10)
            .unwrap_err()
            .to_string();
        assert!(error.contains("no value"), "{error}");
    }

    #[test]
    fn labels_on_another_grid_take_the_pixels_under_them() {
        let folder = tempfile::tempdir().unwrap();
        let raster = grid(300, 300, (500_000.0, 4_000_000.0), 10.0, "EPSG:32629");
        let path = write(folder.path(), &raster);
        let disc = std::f64::consts::PI * 100.0 * 100.0;
        let way = Reprojection::new(
            &Crs::parse("EPSG:32629").unwrap(),
            &Crs::parse("EPSG:32630").unwrap(),
        )
        .unwrap();
        let (x, y) = way.point(501_500.0, 3_998_500.0).unwrap();
        for (labels, a_pixel) in [
            (
                grid(150, 150, (500_000.0, 4_000_000.0), 20.0, "EPSG:32629"),
                4.0,
            ),
            (
                grid(600, 600, (500_000.0, 4_000_000.0), 5.0, "EPSG:32629"),
                0.25,
            ),
            // The same ground in the next zone.
            (
                grid(700, 700, (x - 3500.0, y + 3500.0), 10.0, "EPSG:32630"),
                1.0,
            ),
        ] {
            let mut grower = Grower::open_blocking(&path, &[0, 1, 2], &labels).unwrap();
            let middle = grower_middle(&raster, &labels);
            let found = grower
                .region_blocking(middle, Likeness::Angle, 2.0, usize::MAX, &|| false)
                .unwrap();
            let area = pixels(found).unwrap() as f64 * a_pixel;
            assert!(
                (area / disc - 1.0).abs() < 0.02,
                "{area} of {disc} at {a_pixel}"
            );
        }
    }

    /// The label pixel over the middle of the disc.
    fn grower_middle(raster: &Grid, labels: &Grid) -> (usize, usize) {
        let (x, y) = raster.transform().map_from_pixel(120.5, 150.5);
        let way = Reprojection::new(raster.crs().unwrap(), labels.crs().unwrap()).unwrap();
        let (x, y) = way.point(x, y).unwrap();
        let (col, row) = labels.transform().inverse().unwrap().map_from_pixel(x, y);
        assert!(labels.holds(col, row), "{col} {row}");
        (col as usize, row as usize)
    }

    #[test]
    fn many_bands_are_thinned_evenly_and_wavelengths_win() {
        let folder = tempfile::tempdir().unwrap();
        let grid = grid(200, 200, (0.0, 0.0), 1.0, "EPSG:32629");
        let path = write(folder.path(), &grid);
        let info = Raster::open(&path).unwrap().info().clone();
        assert_eq!(bands_to_compare(&info, None), [0, 1, 2]);
        let mut many = info.clone();
        many.bands = (0..200).map(|_| info.bands[0].clone()).collect();
        let chosen = bands_to_compare(&many, None);
        assert_eq!((chosen.len(), chosen[0], chosen[23]), (24, 0, 199));
        let style = Style::gray(
            1,
            crate::Stretch {
                low: 0.0,
                high: 1.0,
                gamma: 1.0,
            },
            "viridis",
        );
        // All three have wavelengths, whichever is shown.
        assert_eq!(bands_to_compare(&info, Some(&style)), [0, 1, 2]);
    }
}
