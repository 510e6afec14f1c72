//! From images to the sources of an archive: which are of one sensor, which band is which, and what belongs to one moment.
//! Values; opens no file.

use crate::archive::{ArchiveFrame, ArchiveSource, PieceBand, listed};
use crate::archive_frames::Sighting;
use crate::archive_grid::pixel_metres;
use crate::sensors::joined;
use crate::{Measure, SceneError, SceneResult, Source, SourceBand, day_number, day_of_time};

/// Bands this near are the same, nanometres or share of the wavelength, whichever is more.
const NEAR_NM: f64 = 20.0;
const NEAR_SHARE: f64 = 0.04;
/// The satellites of one programme differ: near infrared of Landsat 7 lies 40 nm from that of Landsat 8.
const NEAR_SHARE_LANDSAT: f64 = 0.05;
/// The two near infrared bands of Sentinel-2 lie 32 nm apart and are not the same.
const NEAR_NM_SENTINEL_2: f64 = 8.0;
const NEAR_SHARE_SENTINEL_2: f64 = 0.015;
/// How far off the pixels of Sentinel-1 and -2 may lie, and the pixel of Landsat (spec stp 7.1).
const SENTINEL_SHIFT_M: f64 = 20.0;
const LANDSAT_PIXEL_M: f64 = 30.0;
/// Reconstructions of classes weigh half (spec stp 7.1).
const CLASSES_WEIGHT: f64 = 0.5;
/// Sensors are listed in this order.
const USUAL_ORDER: [&str; 4] = ["sentinel-2", "sentinel-1", "landsat", "modis"];

/// The sources of some images, as found or as known. What is left out is said in `notes`.
///
/// # Errors
/// Two images of one sensor with one time and the same bands and grid.
pub(crate) fn sources_of(
    sightings: Vec<Sighting>,
    known: Option<&[Source]>,
    notes: &mut Vec<String>,
) -> SceneResult<Vec<ArchiveSource>> {
    let mut groups: Vec<(String, bool, Vec<Sighting>)> = Vec::new();
    for sighting in sightings {
        let is_target = sighting.date.is_none();
        let is_own = |group: &&mut (String, bool, Vec<Sighting>)| {
            group.0 == sighting.sensor
                && group
                    .2
                    .first()
                    .is_some_and(|other| other.date.is_none() == is_target)
        };
        match groups.iter_mut().find(is_own) {
            Some(group) => group.2.push(sighting),
            None => groups.push((
                sighting.sensor.clone(),
                sighting.is_sensor_known,
                vec![sighting],
            )),
        }
    }
    groups.sort_by_key(|(name, _, images)| {
        let is_target = images.iter().all(|image| image.date.is_none());
        let place = USUAL_ORDER.iter().position(|usual| usual == name);
        (is_target, place.unwrap_or(USUAL_ORDER.len()), name.clone())
    });
    match known {
        None => groups
            .into_iter()
            .map(|(name, _, images)| {
                let source = described(&name, &images);
                source_of(source, images, notes)
            })
            .collect(),
        Some(known) => {
            let mut taken: Vec<Vec<Sighting>> = known.iter().map(|_| Vec::new()).collect();
            for (name, is_sensor_known, images) in groups {
                let own = described(&name, &images);
                match place_among(&own, is_sensor_known, known) {
                    Some(place) => taken[place].extend(images),
                    None => notes.push(format!(
                        "left out, the model never saw {name} ({}): {}",
                        own.band_names(),
                        listed(&names_of(&images))
                    )),
                }
            }
            known
                .iter()
                .zip(taken)
                .map(|(source, images)| source_of(source.clone(), images, notes))
                .collect()
        }
    }
}

fn names_of(images: &[Sighting]) -> Vec<String> {
    images.iter().map(|image| image.name.clone()).collect()
}

/// Which of the known sources these images are of.
fn place_among(own: &Source, is_sensor_known: bool, known: &[Source]) -> Option<usize> {
    let shared = |source: &Source| {
        let bands: Vec<&SourceBand> = own.bands.iter().collect();
        matches(&source.name, &source.bands, &bands, |band| (*band).clone())
            .iter()
            .flatten()
            .count()
    };
    if let Some(place) = known.iter().position(|source| source.name == own.name) {
        return (shared(&known[place]) > 0).then_some(place);
    }
    // A folder may be called anything: its images are known by having every band.
    let is_same =
        |source: &&Source| source.is_input == own.is_input && shared(source) == source.bands.len();
    if is_sensor_known {
        return None;
    }
    let found = known.iter().find(is_same)?;
    known.iter().position(|source| source.name == found.name)
}

/// The source these images make: all their bands, those of the richest image first.
fn described(name: &str, images: &[Sighting]) -> Source {
    let mut kinds: Vec<Vec<&PieceBand>> = Vec::new();
    for image in images {
        let bands: Vec<&PieceBand> = image.pieces.iter().flat_map(|piece| &piece.bands).collect();
        let is_known = kinds.iter().any(|kind| {
            kind.len() == bands.len()
                && kind
                    .iter()
                    .zip(&bands)
                    .all(|(a, b)| a.name == b.name && a.wavelength_nm == b.wavelength_nm)
        });
        if !is_known {
            kinds.push(bands);
        }
    }
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.len()));
    let mut bands: Vec<SourceBand> = Vec::new();
    for kind in kinds {
        let matched = matches(name, &bands, &kind, |band| source_band(band));
        for (band, place) in kind.iter().zip(matched) {
            match place {
                Some(place) => {
                    for class in &band.classes {
                        if !bands[place].classes.iter().any(|known| known.0 == class.0) {
                            bands[place].classes.push(class.clone());
                        }
                    }
                }
                None => bands.push(source_band(band)),
            }
        }
    }
    bands
        .iter_mut()
        .for_each(|band| band.classes.sort_by_key(|class| class.0));
    // As radar people list them; other bands keep their order.
    bands.sort_by_key(|band| {
        let pole = band.polarisation();
        pole.and_then(|pole| {
            ["VV", "VH", "HH", "HV"]
                .iter()
                .position(|known| *known == pole)
        })
    });
    let is_input = images.iter().any(|image| image.date.is_some());
    let has_classes = bands.iter().any(|band| band.measure == Measure::Classes);
    let is_sentinel = matches!(name, "sentinel-1" | "sentinel-2");
    let pixel_m = images
        .iter()
        .flat_map(|image| &image.pieces)
        .filter_map(|piece| pixel_metres(&piece.grid))
        .fold(f64::INFINITY, f64::min);
    Source {
        name: name.to_owned(),
        is_input,
        is_target: true,
        bands,
        loss_weight: if has_classes { CLASSES_WEIGHT } else { 1.0 },
        shift_m: is_sentinel.then_some(SENTINEL_SHIFT_M),
        regrid_m: match name {
            "landsat" => Some(LANDSAT_PIXEL_M),
            _ if !is_sentinel && pixel_m.is_finite() => Some((pixel_m * 10.0).round() / 10.0),
            _ => None,
        },
    }
}

fn source_band(band: &PieceBand) -> SourceBand {
    SourceBand {
        name: band.name.clone(),
        wavelength_nm: band.wavelength_nm,
        measure: band.measure,
        mean: 0.0,
        deviation: 1.0,
        classes: band.classes.clone(),
    }
}

/// For each of `bands` its place among the known ones: the nearest pairs first, each place once.
fn matches<B>(
    sensor: &str,
    known: &[SourceBand],
    bands: &[B],
    as_source: impl Fn(&B) -> SourceBand,
) -> Vec<Option<usize>> {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (at, band) in bands.iter().enumerate() {
        let band = as_source(band);
        for (place, other) in known.iter().enumerate() {
            if let Some(distance) = distance(sensor, other, &band) {
                pairs.push((distance, at, place));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut found = vec![None; bands.len()];
    let mut used = vec![false; known.len()];
    for (_, at, place) in pairs {
        if found[at].is_none() && !used[place] {
            found[at] = Some(place);
            used[place] = true;
        }
    }
    found
}

/// How unlike two bands are; `None` for bands that cannot be the same.
fn distance(sensor: &str, known: &SourceBand, band: &SourceBand) -> Option<f64> {
    if known.measure != band.measure {
        return None;
    }
    match (known.polarisation(), band.polarisation()) {
        (None, None) => {}
        (Some(a), Some(b)) => return (a == b).then_some(0.0),
        _ => return None,
    }
    let is_same_name = joined(&known.name) == joined(&band.name);
    match (known.wavelength_nm, band.wavelength_nm) {
        (Some(a), Some(b)) => {
            let (floor, share) = match sensor {
                "sentinel-2" => (NEAR_NM_SENTINEL_2, NEAR_SHARE_SENTINEL_2),
                "landsat" => (NEAR_NM, NEAR_SHARE_LANDSAT),
                _ => (NEAR_NM, NEAR_SHARE),
            };
            let apart = (a - b).abs();
            (apart <= floor.max(share * a)).then_some(apart + if is_same_name { 0.0 } else { 0.5 })
        }
        (None, None) => (is_same_name || (known.measure == Measure::Classes)).then_some(1.0),
        _ => is_same_name.then_some(1.0),
    }
}

/// Gives every image its bands' places in the source and sorts them by time.
fn source_of(
    source: Source,
    images: Vec<Sighting>,
    notes: &mut Vec<String>,
) -> SceneResult<ArchiveSource> {
    let mut frames = Vec::with_capacity(images.len());
    let (mut foreign, mut unlike): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for image in images {
        let Sighting {
            date,
            time,
            name,
            mut pieces,
            ..
        } = image;
        let bands: Vec<&PieceBand> = pieces.iter().flat_map(|piece| &piece.bands).collect();
        let mut places = matches(&source.name, &source.bands, &bands, |band| {
            source_band(band)
        })
        .into_iter();
        for piece in &mut pieces {
            piece
                .bands
                .retain_mut(|band| match places.next().flatten() {
                    Some(slot) => {
                        band.slot = slot;
                        true
                    }
                    None => {
                        if !foreign.contains(&band.name) {
                            foreign.push(band.name.clone());
                        }
                        false
                    }
                });
        }
        pieces.retain(|piece| !piece.bands.is_empty());
        if pieces.is_empty() {
            unlike.push(name);
            continue;
        }
        let day = match (date, time) {
            (Some(date), Some(time)) => day_of_time(date.to_datetime(time)),
            (Some(date), None) => day_number(date) + 0.5,
            (None, _) => 0.0,
        };
        frames.push(ArchiveFrame {
            day,
            date: date.unwrap_or_default(),
            time,
            name,
            is_static: date.is_none(),
            pieces,
        });
    }
    if !foreign.is_empty() {
        notes.push(format!(
            "left out, the model has no such bands of {}: {}",
            source.name,
            listed(&foreign)
        ));
    }
    if !unlike.is_empty() {
        notes.push(format!(
            "left out, none of their bands is one of {} ({}): {}",
            source.name,
            source.band_names(),
            listed(&unlike)
        ));
    }
    let frames = by_moment(&source, frames)?;
    let missing: Vec<String> = source
        .bands
        .iter()
        .enumerate()
        .filter(|(slot, _)| {
            !frames.is_empty() && !frames.iter().any(|frame| frame.band_slots().contains(slot))
        })
        .map(|(_, band)| band.name.clone())
        .collect();
    if !missing.is_empty() {
        notes.push(format!(
            "bands of {} that the model knows are nowhere in these images, so expect less: {}",
            source.name,
            listed(&missing)
        ));
    }
    Ok(ArchiveSource { source, frames })
}

/// In order of time; files of one moment with different bands become one image. Neighbouring or differently placed images
/// of one moment stay two.
fn by_moment(source: &Source, mut frames: Vec<ArchiveFrame>) -> SceneResult<Vec<ArchiveFrame>> {
    frames.sort_by(|a, b| a.day.total_cmp(&b.day).then_with(|| a.name.cmp(&b.name)));
    let mut joined: Vec<ArchiveFrame> = Vec::with_capacity(frames.len());
    for frame in frames {
        let is_same_moment =
            |other: &&mut ArchiveFrame| other.day == frame.day && other.time == frame.time;
        let slots = frame.band_slots();
        let own = joined
            .iter_mut()
            .rev()
            .take_while(is_same_moment)
            .find(|other| !other.is_static || frame.is_static);
        let Some(other) = own else {
            joined.push(frame);
            continue;
        };
        let has_other_bands = !other.band_slots().iter().any(|slot| slots.contains(slot));
        if has_other_bands {
            other.pieces.extend(frame.pieces);
            continue;
        }
        let is_same_place = other
            .pieces
            .iter()
            .zip(&frame.pieces)
            .any(|(a, b)| a.grid.same_as(&b.grid));
        if is_same_place && !frame.is_static {
            return Err(SceneError::input(format!(
                "two images of {} have the same time, {}: {} and {}; take one of them away, or say their times of day in a table \
                 dates.csv with the columns file and time\n{}\n{}",
                source.name,
                frame.time.map_or_else(
                    || frame.date.to_string(),
                    |time| format!("{} {time}", frame.date)
                ),
                other.name,
                frame.name,
                paths_text(other),
                paths_text(&frame)
            )));
        }
        joined.push(frame);
    }
    Ok(joined)
}

fn paths_text(frame: &ArchiveFrame) -> String {
    let paths: Vec<String> = frame
        .files()
        .iter()
        .map(|path| crate::path_text(path))
        .collect();
    paths.join(", ")
}
