//! The images and the weather of a season, opened for a network that reads them. Knows archives, weather tables and the network's
//! bands. Reads no pixels.

use burn::tensor::Device;
use terroir_models::Kgvsf;
use terroir_scene::{AreaOfInterest, Period};

use super::pixels::IndexPair;
use super::spec::EmbedSeasonSpec;
use super::tokens::Season;
use crate::monitor::{JobResult, Monitor, Stop};
use crate::predict::area_of;
use crate::provenance::file_name;
use crate::weather_series::{KgvsfAbout, Site, SiteWeather, notes_on_drivers};

/// What all that looks at a season shares.
pub(crate) struct SeasonImages {
    pub model: Kgvsf,
    pub about: KgvsfAbout,
    pub device: Device,
    pub site: Site,
    /// Numbers of the images that are looked at.
    pub images: Vec<usize>,
    pub weather: SiteWeather,
    pub season: Season,
    pub area: Option<AreaOfInterest>,
    /// Side of the crops.
    pub side: usize,
    pub pair: Option<IndexPair>,
}

pub(super) fn last_date(setup: &SeasonImages) -> String {
    let last = setup
        .images
        .last()
        .and_then(|at| setup.site.images.get(*at));
    last.map_or_else(String::new, |image| image.date.to_string())
}

/// Opens the images and the weather of a season.
///
/// # Errors
/// No image with weather in the days wanted, weather that lacks a driver, a file that cannot be read.
pub(crate) fn open_season(
    spec: &EmbedSeasonSpec,
    model: Kgvsf,
    about: KgvsfAbout,
    device: Device,
    monitor: &Monitor<'_>,
) -> JobResult<SeasonImages> {
    monitor.progress("opening the images", 0, 1);
    let name = spec
        .archive
        .files
        .first()
        .map(|path| file_name(path))
        .unwrap_or_default();
    let mut site = Site::open(name, &spec.archive, &about.bands)?;
    let table = spec.weather.open_blocking()?;
    site.keep_days_with_weather(&table, 1)?;
    for note in site.notes.iter().chain(notes_on_drivers(&table)) {
        monitor.warn(note.clone());
    }
    let images: Vec<usize> = (0..site.images.len())
        .filter(|at| {
            let date = site.images[*at].date;
            spec.support.is_none_or(|support| support.contains(date))
        })
        .collect();
    let (Some(first), Some(last)) = (images.first(), images.last()) else {
        return Err(Stop::nothing_seen(format!(
            "no image with weather lies in {}; choose other days (--support)",
            spec.support
                .map_or_else(String::new, |support| support.to_string())
        )));
    };
    let season = match spec.support.as_ref().map(Period::days) {
        Some((from, to)) => Season {
            first_day: from as i32,
            end_day: to as i32,
        },
        None => Season {
            first_day: site.images[*first].day,
            end_day: site.images[*last].day + 1,
        },
    };
    let last_image = site.images[*last].date;
    let weather = SiteWeather::of(&table, &about.drivers, Some(last_image.min(table.last())))?;
    let side = model.config().image_px;
    let pair = IndexPair::of(&about.bands);
    Ok(SeasonImages {
        area: area_of(spec.aoi.as_ref(), &site.archive.grid)?,
        model,
        about,
        device,
        site,
        images,
        weather,
        season,
        side,
        pair,
    })
}
