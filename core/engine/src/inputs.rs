//! What a model gets from a scene: which bands, at which wavelengths, on which scale.
//! Knows rasters and their statistics. Knows nothing of tensors.

use serde::{Deserialize, Serialize};
use terroir_models::MAX_WAVELENGTH_UM;
use terroir_scene::{BandInfo, Raster, Resampling, SampleType, WavelengthSource, Window};

use crate::monitor::{JobResult, Monitor};
use crate::{EmbedSpec, Failure};

/// Normalised values beyond this many standard deviations are bent towards it: a cloud or a glint must not set the scale.
pub const CLIP: f32 = 6.0;
/// More bands than any sensor has; beyond it they are thinned evenly by wavelength.
const MAX_BANDS: usize = 320;
/// Sampled tiles for the statistics, of this side in pixels.
const SAMPLE_TILES: usize = 48;
const SAMPLE_SIDE: usize = 256;

/// One band as the model sees it. Mean and standard deviation are of `stored * scale + offset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputBand {
    /// Counted from 0.
    pub band: usize,
    pub name: String,
    pub wavelength_nm: f64,
    pub scale: f64,
    pub offset: f64,
    pub mean: f64,
    pub std: f64,
}

/// Normalised values of a window: planar `bands * height * width`, zero where missing.
#[derive(Clone, Debug)]
pub struct Region {
    pub window: Window,
    pub values: Vec<f32>,
    /// One per pixel; false where any band is missing.
    pub valid: Vec<bool>,
}

impl Region {
    pub fn plane(&self, band: usize) -> &[f32] {
        let pixels = self.window.width * self.window.height;
        &self.values[band * pixels..(band + 1) * pixels]
    }
}

/// Reads and normalises a window (inside the scene); blocks on the disk.
pub fn read_region_blocking(
    raster: &Raster,
    bands: &[InputBand],
    window: Window,
) -> JobResult<Region> {
    let numbers: Vec<usize> = bands.iter().map(|band| band.band).collect();
    let block = raster.read_blocking(
        &numbers,
        window,
        window.width,
        window.height,
        Resampling::Nearest,
    )?;
    let pixels = window.width * window.height;
    let mut values = block.values;
    for (plane, band) in values.chunks_exact_mut(pixels.max(1)).zip(bands) {
        let factor = band.scale / band.std;
        let shift = (band.offset - band.mean) / band.std;
        for (value, valid) in plane.iter_mut().zip(&block.valid) {
            *value = if *valid {
                let normal = (f64::from(*value) * factor + shift) as f32;
                CLIP * (normal / CLIP).tanh()
            } else {
                0.0
            };
        }
    }
    Ok(Region {
        window,
        values,
        valid: block.valid,
    })
}

/// Chooses the bands and measures them. What is left out is said as a warning.
pub fn choose_bands_blocking(
    raster: &Raster,
    spec: &EmbedSpec,
    monitor: &Monitor<'_>,
) -> JobResult<Vec<InputBand>> {
    let candidates = candidates(raster, spec, monitor)?;
    let mut measured = measure_blocking(raster, candidates, monitor)?;
    let most = measured.iter().map(|(_, count)| *count).max().unwrap_or(0);
    if most == 0 {
        return Err(Failure::new(format!(
            "every pixel of the scene is nodata in every usable band; choose another scene or check its nodata value\n{}",
            spec.scene.display()
        ))
        .into());
    }
    // A band that is missing over most of what the others show would blank the field.
    let (mut sparse, mut flat) = (Vec::new(), Vec::new());
    measured.retain(|(band, count)| {
        if *count * 2 < most {
            sparse.push(band.name.clone());
        } else if band.std.is_nan() || band.std <= 1e-12 * band.mean.abs().max(1e-12) {
            flat.push(band.name.clone());
        } else {
            return true;
        }
        false
    });
    say_left_out(monitor, &sparse, "hold mostly nodata");
    say_left_out(monitor, &flat, "hold one single value");
    if measured.is_empty() {
        return Err(Failure::new(format!(
            "every usable band holds one single value, so there is nothing to tell apart; choose another scene\n{}",
            spec.scene.display()
        ))
        .into());
    }
    Ok(measured.into_iter().map(|(band, _)| band).collect())
}

fn say_left_out(monitor: &Monitor<'_>, names: &[String], why: &str) {
    if names.is_empty() {
        return;
    }
    let shown = names
        .iter()
        .take(4)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    let rest = names.len().saturating_sub(4);
    let more = if rest > 0 {
        format!(" and {rest} more")
    } else {
        String::new()
    };
    monitor.warn(format!(
        "left out of the model, because they {why}: {shown}{more}"
    ));
}

fn candidates(
    raster: &Raster,
    spec: &EmbedSpec,
    monitor: &Monitor<'_>,
) -> JobResult<Vec<InputBand>> {
    let info = raster.info();
    if let Some(band) = spec.bands.iter().find(|band| **band >= info.bands.len()) {
        return Err(Failure::new(format!(
            "there is no band {}; the scene has {} bands\n{}",
            band + 1,
            info.bands.len(),
            spec.scene.display()
        ))
        .into());
    }
    let is_asked = |band: &BandInfo| spec.bands.is_empty() || spec.bands.contains(&band.index);
    let is_usable = |band: &BandInfo| {
        band.color_interpretation != "alpha"
            && band.palette.is_empty()
            && band.sample_type != SampleType::Complex
    };
    let (mut chosen, mut bad, mut without, mut beyond, mut guessed) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), false);
    for band in info
        .bands
        .iter()
        .filter(|band| is_asked(band) && is_usable(band))
    {
        if band.is_bad && spec.bands.is_empty() {
            bad.push(band.name.clone());
            continue;
        }
        let edited = spec
            .wavelengths_nm
            .iter()
            .rev()
            .find(|(index, _)| *index == band.index)
            .map(|(_, nm)| *nm);
        let found = band
            .wavelength
            .as_ref()
            .map(|wavelength| wavelength.center.nm());
        let Some(nm) = edited.or(found).filter(|nm| nm.is_finite() && *nm > 0.0) else {
            without.push(band.name.clone());
            continue;
        };
        if nm / 1000.0 > f64::from(MAX_WAVELENGTH_UM) {
            beyond.push(band.name.clone());
            continue;
        }
        guessed |= edited.is_none()
            && band
                .wavelength
                .as_ref()
                .is_some_and(|w| w.source == WavelengthSource::Guess);
        chosen.push(InputBand {
            band: band.index,
            name: band.name.clone(),
            wavelength_nm: nm,
            scale: band.scale,
            offset: band.offset,
            mean: 0.0,
            std: 1.0,
        });
    }
    say_left_out(monitor, &bad, "are marked bad in the file");
    say_left_out(
        monitor,
        &beyond,
        "lie beyond the wavelengths the model knows",
    );
    if chosen.is_empty() {
        return Err(Failure::new(format!(
            "no band of this scene has a wavelength; set them in the Bands panel or choose a sensor there, \
             or name them on the command line (--wavelength 1=490nm --wavelength 2=560nm ...)\n{}",
            spec.scene.display()
        ))
        .into());
    }
    say_left_out(monitor, &without, "have no wavelength");
    if guessed {
        monitor.warn(
            "the wavelengths are guessed from the number of bands; check them in the Bands panel",
        );
    }
    if chosen.len() > MAX_BANDS {
        monitor.warn(format!(
            "{} bands are more than the model takes; {MAX_BANDS} spread evenly over them are used",
            chosen.len()
        ));
        let count = chosen.len();
        chosen = (0..MAX_BANDS)
            .map(|i| chosen[i * count / MAX_BANDS].clone())
            .collect();
    }
    Ok(chosen)
}

/// Tiles to look at: all of a small scene, otherwise some spread by the golden ratio in both directions.
pub fn sample_tiles(extent: Window, side: usize, count: usize) -> Vec<Window> {
    let (columns, rows) = (extent.width.div_ceil(side), extent.height.div_ceil(side));
    let tile = |column: usize, row: usize| Window {
        col: extent.col + column * side,
        row: extent.row + row * side,
        width: side.min(extent.width - column * side),
        height: side.min(extent.height - row * side),
    };
    if columns * rows <= count {
        return (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (column, row)))
            .map(|(c, r)| tile(c, r))
            .collect();
    }
    // The plastic number's powers spread points evenly over a square.
    const STEP: (f64, f64) = (0.754_877_666_246_692_8, 0.569_840_290_998_053_2);
    let mut places: Vec<(usize, usize)> = Vec::with_capacity(count);
    for i in 0..count * 8 {
        let at = |step: f64, cells: usize| {
            (((0.5 + step * i as f64).fract() * cells as f64) as usize).min(cells - 1)
        };
        let place = (at(STEP.0, columns), at(STEP.1, rows));
        if !places.contains(&place) {
            places.push(place);
            if places.len() == count {
                break;
            }
        }
    }
    places
        .into_iter()
        .map(|(column, row)| tile(column, row))
        .collect()
}

/// Mean, standard deviation and count of valid sampled pixels of each band. Bands are read one by one, since
/// a pixel missing in one band says nothing about another.
fn measure_blocking(
    raster: &Raster,
    mut bands: Vec<InputBand>,
    monitor: &Monitor<'_>,
) -> JobResult<Vec<(InputBand, u64)>> {
    let tiles = sample_tiles(raster.info().grid.window(), SAMPLE_SIDE, SAMPLE_TILES);
    let mut sums = vec![Sums::default(); bands.len()];
    for (done, tile) in tiles.iter().enumerate() {
        monitor.progress("measuring the bands", done as u64, tiles.len() as u64);
        for (band, sums) in bands.iter().zip(&mut sums) {
            monitor.check()?;
            let block = raster.read_blocking(
                &[band.band],
                *tile,
                tile.width,
                tile.height,
                Resampling::Nearest,
            )?;
            for (value, _) in block
                .values
                .iter()
                .zip(&block.valid)
                .filter(|(_, valid)| **valid)
            {
                sums.add(f64::from(*value) * band.scale + band.offset);
            }
        }
    }
    Ok(bands
        .drain(..)
        .zip(sums)
        .map(|(mut band, sums)| {
            band.mean = fifteen_digits(sums.mean);
            band.std = if sums.count > 0 {
                fifteen_digits((sums.squares / sums.count as f64).sqrt())
            } else {
                0.0
            };
            (band, sums.count)
        })
        .collect())
}

/// A number that comes back from its text exactly, whatever reads it: a resumed run must normalise as the first one did.
fn fifteen_digits(value: f64) -> f64 {
    format!("{value:.14e}").parse().unwrap_or(value)
}

/// Running mean and squared deviations (Welford): large offsets do not eat the digits.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Sums {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let step = value - self.mean;
        self.mean += step / self.count as f64;
        self.squares += step * (value - self.mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_tiles_cover_small_scenes_and_stay_inside_large_ones() {
        let small = Window {
            col: 0,
            row: 0,
            width: 300,
            height: 5,
        };
        let tiles = sample_tiles(small, 256, 48);
        assert_eq!(
            tiles.iter().map(|t| t.width * t.height).sum::<usize>(),
            1500
        );
        let large = Window {
            col: 0,
            row: 0,
            width: 10_981,
            height: 7_001,
        };
        let tiles = sample_tiles(large, 256, 48);
        assert_eq!(tiles.len(), 48);
        assert!(
            tiles
                .iter()
                .all(|t| t.width > 0 && t.col + t.width <= 10_981 && t.row + t.height <= 7_001)
        );
        let left = tiles.iter().filter(|t| t.col < 5_490).count();
        assert!((16..=32).contains(&left), "{left} of 48 in the left half");
    }

    #[test]
    fn sums_survive_large_offsets() {
        let mut sums = Sums::default();
        (0..1000).for_each(|i| sums.add(1e9 + f64::from(i % 2)));
        assert!((sums.squares / 1000.0 - 0.25).abs() < 1e-6);
    }
}
