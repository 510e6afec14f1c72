//! Small pictures of forecasts beside what was seen of the same day, on one scale of brightness, for the report. Knows written
//! files and archives.

use terroir_scene::{Raster, Resampling, Still, Window};

use crate::monitor::JobResult;

use super::images::Target;
use super::place::Place;
use super::score::Reference;

/// Longer side of the part that is shown, pixels.
const PART_PX: usize = 192;
/// Days that are shown.
const MOST_DAYS: usize = 6;
const CUT: f64 = 0.02;

/// A day as it was forecast and as it was seen.
pub(super) struct DayPictures {
    pub target: usize,
    /// `data:` addresses.
    pub forecast: String,
    pub seen: String,
}

/// The part in the middle of the region that is shown.
pub(super) fn shown_part(place: &Place) -> Window {
    let (width, height) = (
        place.region.width.min(PART_PX),
        place.region.height.min(PART_PX),
    );
    Window {
        col: place.region.col + (place.region.width - width) / 2,
        row: place.region.row + (place.region.height - height) / 2,
        width,
        height,
    }
}

/// Pictures of some of the days, evenly spread; days on which nothing of the part was seen are left out.
pub(super) fn day_pictures(
    place: &Place,
    targets: &[Target],
    references: &[Reference],
) -> JobResult<Vec<DayPictures>> {
    let part = shown_part(place);
    let mut found = Vec::new();
    for reference in references {
        let Some(target) = targets.get(reference.target) else {
            continue;
        };
        let seen = place.seen(&reference.frames, part)?;
        let share = seen.is_seen.iter().filter(|seen| **seen).count();
        if share * 2 >= part.pixels() {
            found.push((reference.target, target, seen));
        }
    }
    let step = found.len().div_ceil(MOST_DAYS).max(1);
    let mut pictures = Vec::new();
    for (number, target, seen) in found.into_iter().step_by(step) {
        let forecast = read_forecast(place, target, part)?;
        let bands = shown_bands(place);
        let limits = limits_of(&seen.values, &bands, part.pixels());
        let address = |values: &[f32]| {
            let still = Still {
                width: part.width,
                height: part.height,
                rgba: colours(values, &bands, part.pixels(), limits),
                extent: None,
            };
            still
                .enlarged((2 * PART_PX / part.width.max(part.height)).min(6))
                .data_address()
        };
        if let (Ok(forecast), Ok(seen)) = (address(&forecast), address(&seen.values)) {
            pictures.push(DayPictures {
                target: number,
                forecast,
                seen,
            });
        }
    }
    Ok(pictures)
}

/// Near infrared, red and green where they are known, which shows plants best; else the first bands.
fn shown_bands(place: &Place) -> [usize; 3] {
    match (place.bands.earthnet, place.bands.count()) {
        (Some([_, green, red, infrared]), _) => [infrared, red, green],
        (None, count) if count >= 3 => [0, 1, 2],
        (None, _) => [0, 0, 0],
    }
}

/// What the colours of the pictures are.
pub(super) fn colours_text(place: &Place) -> String {
    let names =
        shown_bands(place).map(|band| place.bands.names.get(band).map_or("", String::as_str));
    format!(
        "{} as red, {} as green, {} as blue",
        names[0], names[1], names[2]
    )
}

fn read_forecast(place: &Place, target: &Target, part: Window) -> JobResult<Vec<f32>> {
    let numbers: Vec<usize> = (0..place.bands.count()).collect();
    let block = Raster::open(&target.file)?.read_blocking(
        &numbers,
        place.in_region(part),
        part.width,
        part.height,
        Resampling::Nearest,
    )?;
    let pixels = part.pixels();
    let mut values = block.values;
    for (at, value) in values.iter_mut().enumerate() {
        if block.valid.get(at % pixels) != Some(&true) {
            *value = f32::NAN;
        }
    }
    Ok(values)
}

fn limits_of(values: &[f32], bands: &[usize; 3], pixels: usize) -> [(f32, f32); 3] {
    bands.map(|band| {
        let mut known: Vec<f32> = values[band * pixels..(band + 1) * pixels]
            .iter()
            .copied()
            .filter(|value| value.is_finite())
            .collect();
        known.sort_unstable_by(f32::total_cmp);
        let at = |share: f64| {
            let place = (share * known.len().saturating_sub(1) as f64) as usize;
            known.get(place).copied().unwrap_or(0.0)
        };
        let (low, high) = (at(CUT), at(1.0 - CUT));
        (low, if high > low { high } else { low + 1.0 })
    })
}

fn colours(values: &[f32], bands: &[usize; 3], pixels: usize, limits: [(f32, f32); 3]) -> Vec<u8> {
    (0..pixels)
        .flat_map(|pixel| {
            let of: [f32; 3] = bands.map(|band| values[band * pixels + pixel]);
            let is_known = of.iter().all(|value| value.is_finite());
            let mut rgba = [0; 4];
            if is_known {
                for ((out, value), (low, high)) in rgba.iter_mut().zip(of).zip(limits) {
                    *out = (255.0 * ((value - low) / (high - low)).clamp(0.0, 1.0)) as u8;
                }
                rgba[3] = 255;
            }
            rgba
        })
        .collect()
}
