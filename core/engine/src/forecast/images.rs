//! Writing forecast and filled images: one file a day, all bands and NDVI, by a rule without a model. Streams window by
//! window; memory depends neither on the area nor on how many images there are.

use std::path::PathBuf;

use jiff::civil::Date;
use terroir_scene::{Baseline, ForecastDay, MapKind, MapWriter, Provenance, Window};

use crate::Failure;
use crate::monitor::{JobResult, Monitor};

use super::place::Place;

/// Files that are written at the same time; more days take another walk over the images.
const AT_ONCE: usize = 24;
/// Values of the band that says where a filled value comes from.
const SEEN: f32 = 1.0;
const MADE: f32 = 2.0;
/// Name of that band, with what its values mean.
const ORIGIN: &str = "origin (1 seen, 2 filled)";

/// A day to make, and what is known of it once it is made.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub date: Date,
    /// The last image used.
    pub anchor: Option<Date>,
    pub file: PathBuf,
    /// Deviation over the members of the weather.
    pub spread: Option<PathBuf>,
    /// Under changed weather.
    pub what_if: Option<PathBuf>,
    /// Share of the pixels with a value to start from; of a filled image the share that was seen.
    pub base_share: Option<f64>,
    /// Share of the pixels with a value in the file.
    pub made_share: Option<f64>,
    /// Of all pixels of a network's forecast: mean NDVI, the same under changed weather, and its mean deviation over the members.
    pub mean_ndvi: Option<f64>,
    pub what_if_ndvi: Option<f64>,
    pub ndvi_spread: Option<f64>,
}

impl Target {
    pub fn days_ahead(&self) -> Option<i64> {
        Some(days_between(self.anchor?, self.date))
    }
}

pub(super) fn days_between(from: Date, to: Date) -> i64 {
    (terroir_scene::day_number(to) - terroir_scene::day_number(from)).round() as i64
}

/// Bands of a file: those of the sensor, NDVI where its bands are there.
pub(super) fn image_kind(place: &Place, has_origin: bool) -> (MapKind, Vec<Option<f64>>) {
    let mut bands: Vec<(String, String)> = place
        .bands
        .names
        .iter()
        .cloned()
        .zip(place.bands.units.iter().cloned())
        .collect();
    let mut wavelengths = place.bands.wavelengths_nm.clone();
    if place.bands.ndvi.is_some() {
        bands.push(("NDVI".to_owned(), String::new()));
        wavelengths.push(None);
    }
    if has_origin {
        bands.push((ORIGIN.to_owned(), String::new()));
        wavelengths.push(None);
    }
    let kind = MapKind::Continuous {
        bands,
        ramp: "viridis".to_owned(),
    };
    (kind, wavelengths)
}

/// What fills the gaps of an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling {
    pub replaces_seen: bool,
}

/// Makes the images of all targets. `keys` tells what a file says of itself.
pub(super) fn write_by_rule(
    place: &Place,
    rule: Baseline,
    targets: &mut [Target],
    filling: Option<Filling>,
    keys: &dyn Fn(&Target) -> Provenance,
    monitor: &Monitor<'_>,
) -> JobResult<()> {
    let input_days = place.input_days();
    let windows = place.windows(place.side());
    let passes = targets.len().div_ceil(AT_ONCE);
    let total = (passes * windows.len() * place.inputs.len()) as u64;
    let mut done = 0;
    for chunk in targets.chunks_mut(AT_ONCE) {
        let mut writers = Vec::with_capacity(chunk.len());
        for target in chunk.iter() {
            let (kind, wavelengths) = image_kind(place, filling.is_some());
            let mut writer = MapWriter::create(&target.file, &place.grid, kind)?;
            writer.set_wavelengths(&wavelengths)?;
            let day = ForecastDay::new(target.date, &input_days);
            writers.push((writer, day, [0_u64; 2]));
        }
        for window in &windows {
            let mut go_on = || {
                monitor.progress("reading the images", done, total);
                done += 1;
                !monitor.is_cancelled()
            };
            let stack = place.stack(*window, &mut go_on)?;
            for ((writer, day, counts), target) in writers.iter_mut().zip(chunk.iter()) {
                monitor.check()?;
                let pixels = window.pixels();
                let mut values;
                if let Some(filling) = filling {
                    let own = own_images(place, target.date);
                    values = place.by_rule(&stack, rule, day, &own);
                    counts[0] += fill(place, target.date, *window, filling, &mut values)?;
                } else {
                    values = place.by_rule(&stack, rule, day, &[]);
                    let last = place.by_rule(&stack, Baseline::Persistence, day, &[]);
                    counts[0] += known(&last, pixels);
                    append_ndvi(place, &mut values, pixels);
                }
                counts[1] += known(&values, pixels);
                writer.write_floats(place.in_region(*window), &values)?;
            }
        }
        let all = place.region.pixels().max(1) as f64;
        for ((writer, _, counts), target) in writers.into_iter().zip(chunk.iter_mut()) {
            target.base_share = Some(counts[0] as f64 / all);
            target.made_share = Some(counts[1] as f64 / all);
            monitor.progress("writing the files", 0, 1);
            writer.finish_observed(&keys(target), &mut |_| !monitor.is_cancelled())?;
        }
    }
    if targets.iter().all(|target| target.made_share == Some(0.0)) {
        return Err(Failure::new(nothing_made(place, rule, targets)).into());
    }
    Ok(())
}

fn nothing_made(place: &Place, rule: Baseline, targets: &[Target]) -> String {
    let years = targets.first().map_or(0, |target| {
        ForecastDay::new(target.date, &place.input_days()).other_years()
    });
    match rule {
        Baseline::Climatology => format!(
            "climatology needs clear images of the same season in {} other years, and there are such images in {years}; add years, or \
             choose persistence",
            terroir_scene::CLIMATOLOGY_YEARS
        ),
        Baseline::LastYear => "there are no clear images of a year before these days; add that year, or choose persistence".to_owned(),
        Baseline::Persistence | Baseline::Interpolation => {
            "no image shows a clear pixel of this part; choose another part, or other images".to_owned()
        }
    }
}

/// Images of the day itself, places among the inputs: a filled value is made from the other days.
pub(super) fn own_images(place: &Place, day: Date) -> Vec<usize> {
    (0..place.inputs.len())
        .filter(|at| place.date_of(place.inputs[*at]) == Some(day))
        .collect()
}

/// Puts what was seen into made values, then NDVI and the origin behind them. Returns how many pixels were seen.
fn fill(
    place: &Place,
    day: Date,
    window: Window,
    filling: Filling,
    values: &mut Vec<f32>,
) -> JobResult<u64> {
    let pixels = window.pixels();
    let seen = place.seen(&place.frames_on(&place.inputs, day), window)?;
    let keeps_seen = !filling.replaces_seen;
    let mut origin: Vec<f32> = (0..pixels)
        .map(|pixel| {
            if values[pixel].is_nan() {
                f32::NAN
            } else {
                MADE
            }
        })
        .collect();
    for pixel in (0..pixels).filter(|pixel| keeps_seen && seen.is_seen[*pixel]) {
        origin[pixel] = SEEN;
        for band in 0..place.bands.count() {
            values[band * pixels + pixel] = seen.values[band * pixels + pixel];
        }
    }
    append_ndvi(place, values, pixels);
    values.extend(origin);
    Ok(seen.is_seen.iter().filter(|seen| **seen).count() as u64)
}

pub(super) fn append_ndvi(place: &Place, values: &mut Vec<f32>, pixels: usize) {
    if let Some(ndvi) = place.bands.ndvi_plane(values, pixels) {
        values.extend(ndvi);
    }
}

/// Pixels of the first band with a value.
fn known(values: &[f32], pixels: usize) -> u64 {
    let first = values.iter().take(pixels);
    first.filter(|value| value.is_finite()).count() as u64
}
