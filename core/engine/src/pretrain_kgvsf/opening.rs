//! The places of a run, opened, and what the model is to know of them: measured, or told by the weights it goes on from.
//! Knows archives and weather tables. Knows nothing of steps.

use std::path::Path;

use serde::{Deserialize, Serialize};
use terroir_scene::{WeatherTable, Window, pixel_metres, plan_windows};

use super::spec::{PretrainKgvsfSpec, WeatherArchive};
use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::projection::write_renamed;
use crate::provenance::file_name;
use crate::weather_series::{ModelBand, ModelDriver, Site, SiteWeather, notes_on_drivers};

/// Images of a place that are measured for mean and deviation, and windows of each.
const MEASURED_IMAGES: usize = 160;
const MEASURED_WINDOWS: usize = 8;
const MEASURED_PX: usize = 256;
/// Fewer days of weather say too little of their own mean and deviation (specification 4.2).
const LEAST_DAYS: usize = 365;
/// One to look at and a later one to forecast.
const LEAST_IMAGES: usize = 2;

/// A place with its weather.
pub struct OpenPlace {
    pub site: Site,
    pub weather: SiteWeather,
}

/// What stands in the run folder so that a resumed run sees the same numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Statistics {
    pub bands: Vec<ModelBand>,
    pub drivers: Vec<ModelDriver>,
    pub gsd_m: Option<f64>,
}

/// Opens places whose bands and drivers are known or found. `kept`: the statistics' file in the run folder.
pub fn open_places(
    spec: &PretrainKgvsfSpec,
    known: Option<Statistics>,
    mut bands: Vec<ModelBand>,
    kept: &Path,
    monitor: &Monitor<'_>,
) -> JobResult<(Statistics, Vec<OpenPlace>, Vec<OpenPlace>)> {
    let known = match known {
        Some(known) => Some(known),
        None if spec.resume => Some(read(kept)?),
        None => None,
    };
    if let Some(known) = &known {
        bands.clone_from(&known.bands);
    }
    let places = open_all(&spec.places, &bands, monitor)?;
    let held_out = open_all(&spec.held_out, &bands, monitor)?;
    let statistics = match known {
        Some(known) => known,
        None => Statistics {
            bands: measured_bands(bands, &places, monitor)?,
            drivers: measured_drivers(&places),
            gsd_m: places
                .first()
                .and_then(|(site, _)| pixel_metres(&site.archive.grid)),
        },
    };
    let text = serde_json::to_string_pretty(&statistics).map_err(|error| {
        Failure::new("the statistics cannot be written down").with_details(error)
    })?;
    write_renamed(kept, text.as_bytes())?;
    let places = with_weather(places, &statistics)?;
    let held_out = with_weather(held_out, &statistics)?;
    Ok((statistics, places, held_out))
}

/// Places as a model sees them whose numbers are known, or as good as any for what is only timed.
pub fn open_known(
    places: &[WeatherArchive],
    statistics: &Statistics,
    monitor: &Monitor<'_>,
) -> JobResult<Vec<OpenPlace>> {
    let opened = open_all(places, &statistics.bands, monitor)?;
    Ok(with_weather(opened, statistics)?)
}

fn with_weather(
    places: Vec<(Site, WeatherTable)>,
    statistics: &Statistics,
) -> Result<Vec<OpenPlace>, Failure> {
    let with_weather = |(site, table): (Site, WeatherTable)| {
        let weather = SiteWeather::of(&table, &statistics.drivers, None)?;
        Ok(OpenPlace { site, weather })
    };
    places.into_iter().map(with_weather).collect()
}

fn open_all(
    places: &[WeatherArchive],
    bands: &[ModelBand],
    monitor: &Monitor<'_>,
) -> JobResult<Vec<(Site, WeatherTable)>> {
    let mut opened = Vec::with_capacity(places.len());
    for place in places {
        monitor.check()?;
        monitor.progress(
            "opening the places",
            opened.len() as u64,
            places.len() as u64,
        );
        opened.push(open(place, bands, monitor)?);
    }
    Ok(opened)
}

fn open(
    place: &WeatherArchive,
    bands: &[ModelBand],
    monitor: &Monitor<'_>,
) -> JobResult<(Site, WeatherTable)> {
    let name = place
        .archive
        .files
        .first()
        .map(|path| file_name(path))
        .unwrap_or_default();
    let mut site = Site::open(name, &place.archive, bands)?;
    let table = place.weather.open_blocking()?;
    site.keep_days_with_weather(&table, LEAST_IMAGES)?;
    for note in site.notes.iter().chain(notes_on_drivers(&table)) {
        monitor.warn(note.clone());
    }
    Ok((site, table))
}

fn read(path: &Path) -> Result<Statistics, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::io("the run's statistics cannot be read", path, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::new(format!(
            "the run's statistics cannot be understood; begin the run anew\n{}",
            path.display()
        ))
        .with_details(error)
    })
}

/// Count, mean and squared deviations.
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

    /// Mean and deviation, if they say anything.
    fn known(&self) -> Option<(f64, f64)> {
        let deviation = (self.squares / self.count.max(1) as f64).sqrt();
        (self.count > 1 && deviation > 0.0).then_some((self.mean, deviation))
    }
}

/// Mean and deviation of every band over valid pixels of many images.
fn measured_bands(
    mut bands: Vec<ModelBand>,
    places: &[(Site, WeatherTable)],
    monitor: &Monitor<'_>,
) -> JobResult<Vec<ModelBand>> {
    let mut sums = vec![Sums::default(); bands.len()];
    for (site, _) in places {
        let step = site.images.len().div_ceil(MEASURED_IMAGES).max(1);
        let extent = site.archive.grid.window();
        let windows = plan_windows(extent, MEASURED_PX, 0);
        let every = windows.len().div_ceil(MEASURED_WINDOWS).max(1);
        let chosen: Vec<Window> = windows.into_iter().step_by(every).collect();
        let words = format!("measuring {}", site.name);
        for (number, image) in site.images.iter().enumerate().step_by(step) {
            monitor.check()?;
            monitor.progress(&words, number as u64, site.images.len() as u64);
            let slots = site.slots(image);
            for window in &chosen {
                let block = site
                    .archive
                    .read_blocking(image.source, image.frame, *window)?;
                let plane = block.height * block.width;
                for at in 0..plane {
                    let is_valid = block.is_clear[at]
                        && slots.iter().all(|slot| block.is_valid[slot * plane + at]);
                    if !is_valid {
                        continue;
                    }
                    for (band, slot) in slots.iter().enumerate() {
                        sums[band].add(bands[band].plain(block.values[slot * plane + at]));
                    }
                }
            }
        }
    }
    for (band, sums) in bands.iter_mut().zip(sums) {
        match sums.known() {
            Some((mean, deviation)) => (band.mean, band.deviation) = (mean, deviation),
            None => monitor.warn(format!(
                "{} has no valid pixels that differ; its usual mean and deviation are taken",
                band.title()
            )),
        }
    }
    Ok(bands)
}

/// Mean and deviation of every driver over all days, where these are at least a year.
fn measured_drivers(places: &[(Site, WeatherTable)]) -> Vec<ModelDriver> {
    let mut drivers = ModelDriver::usual();
    let days: usize = places.iter().map(|(_, table)| table.days()).sum();
    if days < LEAST_DAYS {
        return drivers;
    }
    for driver in &mut drivers {
        let mut sums = Sums::default();
        for (_, table) in places {
            let column = table.column(driver.variable).unwrap_or_default();
            for value in column.iter().flatten() {
                sums.add(driver.transformed(*value));
            }
        }
        if let Some((mean, deviation)) = sums.known() {
            (driver.mean, driver.deviation) = (mean, deviation);
        }
    }
    drivers
}
