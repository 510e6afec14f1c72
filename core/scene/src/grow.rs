//! Growing a region by spectrum: the pixels that hang together with one and are spectrally like it. Values are read where
//! the region leads and kept as distances to that pixel, so that another tolerance reads only what is new.
//! Knows rasters and label grids. Knows nothing of windows.

use std::collections::HashMap;
use std::path::Path;

use crate::regions::{BlockMask, follow, mask_of};
use crate::spectra_under::SpectraUnder;
use crate::{Followed, Grid, LABEL_BLOCK, RasterInfo, SceneResult, Style, Window};

/// Side of the squares of label pixels whose distances are read at once.
const SQUARE: usize = 256;
/// Squares kept: 64 MiB of distances.
const SQUARES: usize = 256;
/// Bands that are compared at most; of more, an even choice.
const MOST_BANDS: usize = 24;

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
    spectra: SpectraUnder,
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
        Ok(Self {
            spectra: SpectraUnder::open_blocking(path, bands, grid)?,
            spread: None,
            seed: None,
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
        if likeness == Likeness::Difference && !self.spectra.is_field() && self.spread.is_none() {
            self.spread = Some(self.spectra.spread_blocking()?);
        }
        let is_known = self
            .seed
            .as_ref()
            .is_some_and(|seed| seed.at == at && seed.likeness == likeness);
        if !is_known {
            self.seed = Some(Seed {
                at,
                likeness,
                values: self.spectra.at_blocking(at)?,
                squares: HashMap::new(),
            });
        }
        let Some(mut seed) = self.seed.take() else {
            return Ok(Followed::TooLarge);
        };
        let grid = self.spectra.grid().clone();
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

    /// Distances of a square of label pixels, row by row.
    fn distances_blocking(&self, seed: &Seed, square: (usize, usize)) -> SceneResult<Vec<f32>> {
        let mut distances = vec![f32::INFINITY; SQUARE * SQUARE];
        let wanted = Window {
            col: square.0 * SQUARE,
            row: square.1 * SQUARE,
            width: SQUARE,
            height: SQUARE,
        };
        let Some(wanted) = wanted.intersection(&self.spectra.grid().window()) else {
            return Ok(distances);
        };
        self.spectra.each_blocking(wanted, |index, values| {
            let at = index / wanted.width * SQUARE + index % wanted.width;
            if let Some(slot) = distances.get_mut(at) {
                *slot = self.distance(seed, values);
            }
        })?;
        Ok(distances)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crs, GeoTransform, Georef, MapKind, MapWriter, Raster, Reprojection};

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
