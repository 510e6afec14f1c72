//! What a model gets from a scene: which bands, at which wavelengths, on which scale.
//! Knows rasters and their statistics. Knows nothing of tensors.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use terroir_models::MAX_WAVELENGTH_UM;
use terroir_scene::{
    BandInfo, Raster, Resampling, SampleType, WavelengthSource, Window, water_vapour_nm,
};

use crate::monitor::{JobResult, Monitor};
use crate::{EmbedSpec, Failure};

/// Normalised values beyond this many standard deviations are bent towards it: a cloud or a glint must not set the scale.
pub const CLIP: f32 = 6.0;
/// More bands than any sensor has; beyond it they are thinned evenly by wavelength.
const MAX_BANDS: usize = 320;
/// Wavelengths of radar, from 1 mm to 1 m.
const RADAR_NM: Range<f64> = 1e6..1e9;
/// Sampled tiles for the statistics, of this side in pixels.
const SAMPLE_TILES: usize = 48;
const SAMPLE_SIDE: usize = 256;

/// One band as the model sees it. Mean and standard deviation are of `stored * scale + offset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputBand {
    /// Counted from 0.
    pub band: usize,
    pub name: String,
    /// As measured; what the model is told may differ (`wavelengths_um`).
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

/// What the model is told of the bands, micrometres. It knows radar by a token only, which is said as a warning.
pub fn wavelengths_um(bands: &[InputBand], radar_um: f32, monitor: &Monitor<'_>) -> Vec<f32> {
    let is_radar = |band: &InputBand| RADAR_NM.contains(&band.wavelength_nm);
    let radar: Vec<String> = bands
        .iter()
        .filter(|band| is_radar(band))
        .map(|band| band.name.clone())
        .collect();
    if !radar.is_empty() {
        monitor.warn(format!(
            "radar bands {} are given to the model as its radar placeholder of {radar_um} µm",
            some_of(&radar)
        ));
    }
    bands
        .iter()
        .map(|band| {
            if is_radar(band) {
                radar_um
            } else {
                (band.wavelength_nm / 1000.0) as f32
            }
        })
        .collect()
}

/// The first names and how many more there are.
fn some_of(names: &[String]) -> String {
    let shown = names[..names.len().min(4)].join(", ");
    match names.len().saturating_sub(4) {
        0 => shown,
        rest => format!("{shown} and {rest} more"),
    }
}

fn say_left_out(monitor: &Monitor<'_>, names: &[String], why: &str) {
    if !names.is_empty() {
        monitor.warn(format!(
            "left out of the model, because they {why}: {}",
            some_of(names)
        ));
    }
}

/// Why a scene has no band for the model, and what to do about it. Takes the names of what was left out; `bad` for its own sake.
fn nothing_left(without: &[String], beyond: &[String], bad: &[String]) -> String {
    if !without.is_empty() && beyond.is_empty() && bad.is_empty() {
        return format!("no band of this scene has a wavelength; {SET_WAVELENGTHS}");
    }
    let reasons: Vec<String> = [
        (without, "without a wavelength"),
        (
            beyond,
            "beyond the wavelengths it knows (up to 20 µm, and radar from 1 mm to 1 m)",
        ),
        (
            bad,
            "marked bad in the file or in the absorption of water vapour",
        ),
    ]
    .iter()
    .filter(|(names, _)| !names.is_empty())
    .map(|(names, why)| format!("{} {why}", some_of(names)))
    .collect();
    if reasons.is_empty() {
        return "no band of this scene is one the model can take (palettes, transparency and complex numbers are not); \
                choose another scene or other bands"
            .to_owned();
    }
    let advice = if without.is_empty() && beyond.is_empty() {
        "choose another scene, or ask for these bands by name (--bands)"
    } else {
        SET_WAVELENGTHS
    };
    format!(
        "every band of this scene is left out of the model: {}; {advice}",
        reasons.join(", ")
    )
}

const SET_WAVELENGTHS: &str = "set wavelengths in the Bands panel or choose a sensor there, \
     or name them on the command line (--wavelengths 1=490nm,2=560nm,...)";

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
        if nm / 1000.0 > f64::from(MAX_WAVELENGTH_UM) && !RADAR_NM.contains(&nm) {
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
    let mut in_vapour = Vec::new();
    // What the user asks for is taken as it is.
    if spec.bands.is_empty() {
        let vapour = water_vapour_nm(info.sensor.as_deref(), chosen.len());
        chosen.retain(|band| {
            let is_lost = vapour
                .iter()
                .any(|range| range.contains(&band.wavelength_nm));
            if is_lost {
                in_vapour.push(band.name.clone());
            }
            !is_lost
        });
    }
    say_left_out(
        monitor,
        &in_vapour,
        "lie where water vapour swallows the light (naming bands takes them all the same)",
    );
    if chosen.is_empty() {
        bad.extend(in_vapour);
        return Err(Failure::new(format!(
            "{}\n{}",
            nothing_left(&without, &beyond, &bad),
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
    use crate::JobId;

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

    fn band(name: &str, wavelength_nm: f64) -> InputBand {
        InputBand {
            band: 0,
            name: name.to_owned(),
            wavelength_nm,
            scale: 1.0,
            offset: 0.0,
            mean: 0.0,
            std: 1.0,
        }
    }

    #[test]
    fn radar_is_given_as_the_token_of_the_model() {
        let mut emit = |_| {};
        let monitor = Monitor::new(JobId(0), &|| None, &mut emit);
        let bands = [band("B4", 665.0), band("VV", 55.5e6), band("VH", 55.5e6)];
        assert_eq!(
            wavelengths_um(&bands, 5.405, &monitor),
            [0.665, 5.405, 5.405]
        );
        // A model that is made again on another device does not say it twice.
        wavelengths_um(&bands, 5.405, &monitor);
        assert_eq!(
            monitor.warnings(),
            ["radar bands VV, VH are given to the model as its radar placeholder of 5.405 µm"]
        );
        let monitor = Monitor::new(JobId(0), &|| None, &mut emit);
        assert_eq!(wavelengths_um(&bands[..1], 3.75, &monitor), [0.665]);
        assert!(monitor.warnings().is_empty());
    }

    #[test]
    fn the_reason_for_no_band_is_the_true_one() {
        let names = ["a".to_owned(), "b".to_owned()];
        let none: &[String] = &[];
        let without = nothing_left(&names, none, none);
        assert!(without.starts_with("no band of this scene has a wavelength; set"));
        let beyond = nothing_left(none, &names, none);
        assert!(
            beyond.contains("a, b beyond the wavelengths it knows"),
            "{beyond}"
        );
        let bad = nothing_left(none, none, &names);
        assert!(
            bad.contains("a, b marked bad in the file or in") && !bad.contains("--wavelength"),
            "{bad}"
        );
        assert!(nothing_left(none, none, none).contains("palettes"));
    }

    #[test]
    fn sums_survive_large_offsets() {
        let mut sums = Sums::default();
        (0..1000).for_each(|i| sums.add(1e9 + f64::from(i % 2)));
        assert!((sums.squares / 1000.0 - 0.25).abs() < 1e-6);
    }
}
