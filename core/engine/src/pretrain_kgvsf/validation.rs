//! How good the forecasts of a run are on images it never learnt from: fixed samples, their errors beside those of the last image
//! kept as it was, and a picture. Knows samples and figures. Learns nothing.

use std::path::Path;

use burn::tensor::Device;
use terroir_models::{Kgvsf, Stream};
use terroir_scene::{HORIZON_BINS, horizon_bin};

use super::crops::{Crops, Square, pick};
use super::opening::OpenPlace;
use super::sampling::Chosen;
use super::task::{Examples, chosen_sample};
use crate::monitor::{JobResult, Monitor};
use crate::setup::guarded;
use crate::training::write_picture;
use crate::weather_series::{BinSkill, ModelBand, Sample, batch_of};

/// Samples of every bin, at most, and how often a draw is tried.
const OF_BIN: usize = 32;
const TRIES: usize = 8;
/// Samples that are worked on at once.
const TOGETHER: usize = 8;
/// Samples that are shown.
const SHOWN: usize = 3;
/// Standardised values that are black and white in a picture.
const RANGE: f32 = 2.5;
const GREY: u8 = 96;
const GAP: usize = 4;
/// Pictures are enlarged to about this side.
const SIDE_PX: usize = 128;

/// A sample that is forecast again and again.
pub struct Kept {
    /// Among the held-out places, or among those of the training.
    pub is_held_out: bool,
    pub square: Square,
    pub chosen: Chosen,
}

/// All of them.
#[derive(Default)]
pub struct Validation {
    pub kept: Vec<Kept>,
}

impl Validation {
    /// Draws samples of every bin whose last target was never learnt from.
    pub fn draw_blocking(
        examples: &mut Examples,
        seed: u64,
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        let mut kept = Vec::new();
        let mut chance = Stream::new(seed, "validation");
        let total = (HORIZON_BINS.len() * OF_BIN) as u64;
        for bin in 0..HORIZON_BINS.len() {
            let mut found = 0;
            for _ in 0..OF_BIN * TRIES {
                if found == OF_BIN {
                    break;
                }
                monitor.check()?;
                monitor.progress("choosing what is not learnt from", kept.len() as u64, total);
                let Some((is_held_out, square)) = examples.validation_square(&mut chance) else {
                    break;
                };
                let chosen =
                    examples.validation_blocking(is_held_out, square, bin, &mut chance, monitor)?;
                if let Some(chosen) = chosen {
                    kept.push(Kept {
                        is_held_out,
                        square,
                        chosen,
                    });
                    found += 1;
                }
            }
        }
        Ok(Self { kept })
    }

    /// Errors of every bin that has samples, in the units of the bands.
    pub fn skill_blocking(
        &self,
        model: &Kgvsf,
        examples: &mut Examples,
        device: &Device,
        monitor: &Monitor<'_>,
    ) -> JobResult<Vec<BinSkill>> {
        let mut sums = [[0.0_f64; 3]; HORIZON_BINS.len()];
        let mut counts = [0_usize; HORIZON_BINS.len()];
        for kept in self.kept.chunks(TOGETHER) {
            monitor.check()?;
            for told in told_of(kept, model, examples, device, monitor)? {
                let Some(bin) = told.bin else { continue };
                counts[bin] += usize::from(told.pixels > 0.0);
                for (sum, value) in
                    sums[bin]
                        .iter_mut()
                        .zip([told.pixels, told.squares, told.still])
                {
                    *sum += value;
                }
            }
        }
        Ok((0..HORIZON_BINS.len())
            .filter(|bin| sums[*bin][0] > 0.0)
            .map(|bin| {
                let [pixels, squares, still] = sums[bin];
                BinSkill {
                    days: HORIZON_BINS[bin],
                    count: counts[bin],
                    mse: squares / pixels,
                    persistence_mse: still / pixels,
                }
            })
            .collect())
    }

    /// Draws some samples as a PNG file: the last image, the forecast, what was seen.
    pub fn write_blocking(
        &self,
        model: &Kgvsf,
        examples: &mut Examples,
        device: &Device,
        path: &Path,
        monitor: &Monitor<'_>,
    ) -> JobResult<()> {
        let step = self.kept.len().div_ceil(SHOWN).max(1);
        let channels = channels_of(&examples.bands());
        let side = examples.side;
        let mut lines = Vec::new();
        for kept in self.kept.chunks(step).filter_map(|chunk| chunk.first()) {
            let told = told_of(std::slice::from_ref(kept), model, examples, device, monitor)?;
            for told in told {
                lines.push(
                    [&told.base, &told.values, &told.truth].map(|x| picture(x, channels, side)),
                );
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        let (width, rgb) = sheet(&lines, side);
        Ok(write_picture(
            path,
            width,
            rgb.len() / (3 * width).max(1),
            &rgb,
        )?)
    }
}

/// Forecast of a sample, with the sums of its errors.
#[derive(Default)]
struct Told {
    bin: Option<usize>,
    /// [C, H, W] each, standardised.
    values: Vec<f32>,
    base: Vec<f32>,
    truth: Vec<f32>,
    /// Values compared; squared errors of the model, and of the last image.
    pixels: f64,
    squares: f64,
    still: f64,
}

/// What the model tells of the last day of some samples.
fn told_of(
    kept: &[Kept],
    model: &Kgvsf,
    examples: &mut Examples,
    device: &Device,
    monitor: &Monitor<'_>,
) -> JobResult<Vec<Told>> {
    let mut crops = Vec::with_capacity(kept.len());
    for kept in kept {
        crops.push(examples.crop_blocking(kept.is_held_out, kept.square, monitor)?);
    }
    let samples: Vec<Sample<'_>> = kept
        .iter()
        .zip(&crops)
        .filter_map(|(kept, crop)| {
            let place = examples.place(kept.is_held_out, kept.square)?;
            let mut sample = chosen_sample(place, crop.as_deref()?, &kept.chosen, 0);
            // Only the day that was drawn; the others may have been learnt from.
            sample.targets = sample.targets.last().copied().into_iter().collect();
            Some(sample)
        })
        .collect();
    let bands = examples.bands();
    let batch = batch_of(&samples, examples.images, examples.weather_days, device);
    let (values, base, truth, known) = guarded(|| {
        let state = model.encode(&batch.series);
        let forecast = model.forecast(&state, &batch.series, &batch.days);
        let numbers = |x: burn::tensor::Tensor<4>| {
            x.into_data()
                .try_into_vec::<f32>()
                .map_err(|error| format!("the device did not give a forecast back: {error:?}"))
        };
        Ok((
            numbers(forecast.values)?,
            numbers(forecast.base)?,
            numbers(batch.truth)?,
            numbers(batch.is_known)?,
        ))
    })?;
    let side = examples.side;
    let plane = side * side;
    Ok(samples
        .iter()
        .enumerate()
        .map(|(number, sample)| {
            let size = bands.len() * plane;
            let part = |x: &[f32]| x[number * size..(number + 1) * size].to_vec();
            let known = &known[number * plane..(number + 1) * plane];
            // Where nothing was seen before there is nothing to be kept as it was.
            let seen: Vec<bool> = (0..plane)
                .map(|at| {
                    known[at] > 0.0
                        && sample
                            .images
                            .iter()
                            .any(|image| sample.crop.valid_of(*image)[at])
                })
                .collect();
            let mut told = Told {
                bin: bin_of(sample),
                values: part(&values),
                base: part(&base),
                truth: part(&truth),
                ..Told::default()
            };
            for (band, about) in bands.iter().enumerate() {
                for at in (0..plane).filter(|at| seen[*at]) {
                    let place = band * plane + at;
                    let truth = f64::from(about.physical(told.truth[place]));
                    let off = |value: f32| (f64::from(about.physical(value)) - truth).powi(2);
                    told.pixels += 1.0;
                    told.squares += off(told.values[place]);
                    told.still += off(told.base[place]);
                }
            }
            told
        })
        .collect())
}

fn bin_of(sample: &Sample<'_>) -> Option<usize> {
    let target = sample.targets.last()?;
    let anchor = sample.images.get(target.anchor)?;
    let image = sample.site.images.get(*sample.crop.images.get(*anchor)?)?;
    horizon_bin(i64::from(target.day - image.day))
}

/// Mean over bins of the error as a share of persistence; below 1 is better than no model.
pub fn mean_ratio(skill: &[BinSkill]) -> Option<f64> {
    let ratios: Vec<f64> = skill
        .iter()
        .filter_map(|bin| Some(1.0 - bin.skill()?))
        .collect();
    (!ratios.is_empty()).then(|| ratios.iter().sum::<f64>() / ratios.len() as f64)
}

/// Bands shown as red, green and blue.
fn channels_of(bands: &[ModelBand]) -> [usize; 3] {
    let nearest = |wanted: f64| {
        let off = |at: &usize| {
            bands[*at]
                .wavelength_nm
                .map_or(f64::INFINITY, |nm| (nm - wanted).abs())
        };
        (0..bands.len()).min_by(|a, b| off(a).total_cmp(&off(b)))
    };
    [665.0, 560.0, 490.0].map(|nm| nearest(nm).unwrap_or(0))
}

fn picture(values: &[f32], channels: [usize; 3], side: usize) -> Vec<u8> {
    let plane = side * side;
    let grey = |value: f32| ((value / RANGE + 1.0) * 127.5).clamp(0.0, 255.0) as u8;
    (0..plane)
        .flat_map(|at| {
            channels.map(|band| grey(values.get(band * plane + at).copied().unwrap_or(0.0)))
        })
        .collect()
}

/// Pictures of `side` pixels beside each other, enlarged, a line a sample: width, and red, green and blue of all pixels.
fn sheet(lines: &[[Vec<u8>; 3]], side: usize) -> (usize, Vec<u8>) {
    let scale = (SIDE_PX / side.max(1)).max(1);
    let cell = side * scale;
    let width = 3 * cell + 2 * GAP;
    let height = lines.len() * cell + lines.len().saturating_sub(1) * GAP;
    let mut rgb = vec![GREY; 3 * width * height];
    for (line, cells) in lines.iter().enumerate() {
        for (column, picture) in cells.iter().enumerate() {
            for row in 0..cell {
                for col in 0..cell {
                    let from = 3 * (row / scale * side + col / scale);
                    let (y, x) = (line * (cell + GAP) + row, column * (cell + GAP) + col);
                    let to = 3 * (y * width + x);
                    rgb[to..to + 3].copy_from_slice(&picture[from..from + 3]);
                }
            }
        }
    }
    (width, rgb)
}

impl Examples {
    /// A square to validate on, of a held-out place where there is one.
    fn validation_square(&self, chance: &mut Stream) -> Option<(bool, Square)> {
        let is_held_out = !self.held_out.is_empty();
        let crops: &Crops = if is_held_out {
            &self.held_out_crops
        } else {
            &self.crops
        };
        let squares = if is_held_out || self.validation_squares.is_empty() {
            &crops.squares
        } else {
            &self.validation_squares
        };
        squares
            .get(pick(squares.len(), chance))
            .map(|square| (is_held_out, *square))
    }

    pub fn place(&self, is_held_out: bool, square: Square) -> Option<&OpenPlace> {
        let places = if is_held_out {
            &self.held_out
        } else {
            &self.places
        };
        places.get(square.place)
    }
}
