//! A window of all images of a place, standardised, with what is valid; clouds that no mask knew are taken out
//! (specification kg-vsf 5.7). Knows pixels. Knows nothing of batches.

use terroir_scene::Window;

use super::about::{ModelBand, band_near};
use super::site::Site;
use super::windows::WindowPlan;
use crate::monitor::{JobResult, Monitor};

/// A blue reflectance above this is a cloud.
const BRIGHT_BLUE: f64 = 0.35;
/// Robust deviations from the pixel's own median that are a cloud where the short-wave infrared does not move as far.
const FAR: f64 = 5.0;
/// From the median of deviations to a standard deviation.
const ROBUST: f64 = 1.4826;
/// Dates of a pixel that make a median worth something.
const LEAST_DATES: usize = 5;

/// Images of a site over one window.
#[derive(Clone, Debug)]
pub(crate) struct Crop {
    pub window: Window,
    /// Side of the squares; beyond the window nothing is valid.
    pub height: usize,
    pub width: usize,
    /// Which images of the site, rising.
    pub images: Vec<usize>,
    /// [images, bands, height, width], standardised, 0 where invalid.
    pub values: Vec<f32>,
    /// [images, height, width]
    pub is_valid: Vec<bool>,
    pub bands: usize,
}

impl Crop {
    fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Bytes it holds.
    pub fn bytes(&self) -> usize {
        4 * self.values.len() + self.is_valid.len()
    }

    /// Standardised values of an image (by its place in `images`), [bands, height, width].
    pub fn values_of(&self, image: usize) -> &[f32] {
        let size = self.bands * self.pixels();
        self.values
            .get(image * size..(image + 1) * size)
            .unwrap_or_default()
    }

    pub fn valid_of(&self, image: usize) -> &[bool] {
        let size = self.pixels();
        self.is_valid
            .get(image * size..(image + 1) * size)
            .unwrap_or_default()
    }

    /// Share of the window's pixels that are valid in an image.
    pub fn share_of(&self, image: usize) -> f64 {
        let valid = self.valid_of(image).iter().filter(|is| **is).count();
        valid as f64 / self.window.pixels().max(1) as f64
    }
}

/// Reads `images` of a site (numbers among its images, rising) over a window that lies inside its grid, as squares of
/// `height` x `width`.
///
/// # Errors
/// A file that cannot be read; a cancel.
pub(crate) fn read_crop_blocking(
    site: &Site,
    bands: &[ModelBand],
    window: Window,
    [height, width]: [usize; 2],
    images: Vec<usize>,
    finds_clouds: bool,
    monitor: &Monitor<'_>,
) -> JobResult<Crop> {
    let pixels = height * width;
    let mut crop = Crop {
        window,
        height,
        width,
        values: vec![0.0; images.len() * bands.len() * pixels],
        is_valid: vec![false; images.len() * pixels],
        images,
        bands: bands.len(),
    };
    for at in 0..crop.images.len() {
        monitor.check()?;
        let Some(image) = crop
            .images
            .get(at)
            .and_then(|image| site.images.get(*image))
        else {
            continue;
        };
        let block = site
            .archive
            .read_blocking(image.source, image.frame, window)?;
        let plane = block.height * block.width;
        let slots = site.slots(image);
        for row in 0..block.height.min(height) {
            for col in 0..block.width.min(width) {
                let from = row * block.width + col;
                let is_valid = block.is_clear[from]
                    && slots.iter().all(|slot| block.is_valid[slot * plane + from]);
                if !is_valid {
                    continue;
                }
                let to = row * width + col;
                crop.is_valid[at * pixels + to] = true;
                for (band, slot) in slots.iter().enumerate() {
                    crop.values[(at * bands.len() + band) * pixels + to] =
                        bands[band].standardised(block.values[slot * plane + from]);
                }
            }
        }
    }
    if finds_clouds {
        take_clouds_out(&mut crop, bands);
    }
    Ok(crop)
}

/// Reads `images` of a site over a square of `side` pixels that may reach beyond its grid, where the grid is mirrored.
/// `row`, `column`: its first pixel.
///
/// # Errors
/// As [`read_crop_blocking`].
pub(crate) fn read_mirrored_crop_blocking(
    site: &Site,
    bands: &[ModelBand],
    (row, column): (isize, isize),
    side: usize,
    images: Vec<usize>,
    monitor: &Monitor<'_>,
) -> JobResult<Crop> {
    let grid = &site.archive.grid;
    let rows = WindowPlan::mirrored(row, side, grid.height);
    let columns = WindowPlan::mirrored(column, side, grid.width);
    let window = WindowPlan::part_of(&rows, &columns);
    let size = [window.height, window.width];
    let read = read_crop_blocking(site, bands, window, size, images, true, monitor)?;
    let mut crop = Crop {
        window: Window {
            width: side,
            height: side,
            ..window
        },
        height: side,
        width: side,
        values: Vec::with_capacity(read.images.len() * read.bands * side * side),
        is_valid: Vec::with_capacity(read.images.len() * side * side),
        images: read.images.clone(),
        bands: read.bands,
    };
    let places: Vec<usize> = rows
        .iter()
        .flat_map(|row| {
            columns
                .iter()
                .map(move |column| (row - window.row) * window.width + column - window.col)
        })
        .collect();
    for plane in read.values.chunks_exact(window.pixels()) {
        crop.values.extend(places.iter().map(|at| plane[*at]));
    }
    for plane in read.is_valid.chunks_exact(window.pixels()) {
        crop.is_valid.extend(places.iter().map(|at| plane[*at]));
    }
    Ok(crop)
}

/// Where squares of `side` pixels begin along a side of a place, `step` apart, the last one at its end; one where it is shorter.
pub(crate) fn starts(length: usize, side: usize, step: usize) -> Vec<usize> {
    if length <= side {
        return vec![0];
    }
    let mut starts: Vec<usize> = (0..=length - side).step_by(step.max(1)).collect();
    if starts.last() != Some(&(length - side)) {
        starts.push(length - side);
    }
    starts
}

fn take_clouds_out(crop: &mut Crop, bands: &[ModelBand]) {
    let Some(blue) = band_near(bands, 490.0, 49.0) else {
        return;
    };
    let infrared = band_near(bands, 1610.0, 161.0);
    let (pixels, count) = (crop.pixels(), crop.images.len());
    let value = |crop: &Crop, image: usize, band: usize, at: usize| {
        f64::from(crop.values[(image * crop.bands + band) * pixels + at])
    };
    let bright = (BRIGHT_BLUE - bands[blue].mean) / bands[blue].deviation;
    for at in 0..pixels {
        let dates: Vec<usize> = (0..count)
            .filter(|image| crop.is_valid[image * pixels + at])
            .collect();
        let spread = |band: usize| {
            spread_of(
                dates
                    .iter()
                    .map(|image| value(crop, *image, band, at))
                    .collect(),
            )
        };
        let usual = (dates.len() >= LEAST_DATES).then(|| (spread(blue), infrared.map(spread)));
        for image in dates {
            let is_far = |(median, deviation): (f64, f64), band: usize| {
                (value(crop, image, band, at) - median).abs() > FAR * deviation
            };
            let is_odd = usual.is_some_and(|(of_blue, of_infrared)| {
                let moves = match (of_infrared, infrared) {
                    (Some(spread), Some(band)) => is_far(spread, band),
                    _ => true,
                };
                is_far(of_blue, blue) && !moves
            });
            if value(crop, image, blue, at) > bright || is_odd {
                crop.is_valid[image * pixels + at] = false;
                for band in 0..crop.bands {
                    crop.values[(image * crop.bands + band) * pixels + at] = 0.0;
                }
            }
        }
    }
}

/// Median, and the robust deviation around it.
fn spread_of(mut values: Vec<f64>) -> (f64, f64) {
    let median = middle(&mut values);
    let mut off: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    (median, ROBUST * middle(&mut off))
}

fn middle(values: &mut [f64]) -> f64 {
    let at = values.len() / 2;
    match values.len() {
        0 => 0.0,
        _ => *values.select_nth_unstable_by(at, f64::total_cmp).1,
    }
}
