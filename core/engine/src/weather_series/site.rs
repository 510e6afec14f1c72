//! A place: its images that have all bands of a model, in order of days, and its weather. Knows an archive and a weather table.
//! Reads no pixels.

use jiff::civil::Date;
use terroir_scene::{Archive, ArchiveSpec, DRIVERS, WeatherTable, WeatherVariable, day_number};

use super::about::{ModelBand, ModelDriver};
use crate::Failure;

/// Names listed in a message.
const LISTED: usize = 4;

/// Images of one place with its weather.
#[derive(Debug)]
pub(crate) struct Site {
    pub name: String,
    pub archive: Archive,
    /// By day, one a day.
    pub images: Vec<SiteImage>,
    /// For each source of the archive the places of the model's bands in it; `None` where it lacks one.
    slots: Vec<Option<Vec<usize>>>,
    /// What was left out, a sentence each.
    pub notes: Vec<String>,
}

/// An image that has all bands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SiteImage {
    pub date: Date,
    /// Whole days since 2017-01-01.
    pub day: i32,
    /// In the archive.
    pub source: usize,
    pub frame: usize,
}

/// Standardised weather of a place, day by day without a gap.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SiteWeather {
    /// Since 2017-01-01.
    pub first_day: i32,
    pub drivers: usize,
    /// [days, drivers]
    pub rows: Vec<f32>,
}

impl SiteWeather {
    /// Standardises the drivers of a table from its first to its last day, or to `until`.
    ///
    /// # Errors
    /// A gap that is too long to be bridged, or a day the table does not have.
    pub fn of(
        table: &WeatherTable,
        drivers: &[ModelDriver],
        until: Option<Date>,
    ) -> Result<Self, Failure> {
        let last = until.unwrap_or_else(|| table.last());
        let rows = table.drivers(table.first, last)?;
        Ok(Self {
            first_day: whole_day(table.first),
            drivers: drivers.len(),
            rows: rows
                .iter()
                .flat_map(|row| drivers.iter().zip(row).map(|(d, v)| d.standardised(*v)))
                .collect(),
        })
    }

    pub fn last_day(&self) -> i32 {
        self.first_day + (self.rows.len() / self.drivers.max(1)) as i32 - 1
    }

    /// The row of a day; the first one before the table begins, the last one behind its end.
    pub fn row(&self, day: i32) -> &[f32] {
        let last = self.last_day().max(self.first_day);
        let at = (day.clamp(self.first_day, last) - self.first_day) as usize * self.drivers;
        self.rows.get(at..at + self.drivers).unwrap_or_default()
    }
}

pub(super) fn whole_day(date: Date) -> i32 {
    day_number(date).floor() as i32
}

/// What is to be known of a table whose drivers are used: notes on other variables say nothing here.
pub(crate) fn notes_on_drivers(table: &WeatherTable) -> impl Iterator<Item = &String> {
    table.notes.iter().filter(|note| {
        let first = note.split_whitespace().next().unwrap_or_default();
        WeatherVariable::of_name(first).is_none_or(|variable| DRIVERS.contains(&variable))
    })
}

/// 1 to 366.
pub(crate) fn day_of_year(date: Date) -> f32 {
    f32::from(date.day_of_year())
}

impl Site {
    /// Opens an archive and finds the images that have all bands.
    ///
    /// # Errors
    /// No dated image, or none with all bands: what is lacking is named.
    pub fn open(name: String, spec: &ArchiveSpec, bands: &[ModelBand]) -> Result<Self, Failure> {
        let archive = Archive::open(spec, None)?;
        let slots: Vec<Option<Vec<usize>>> = archive
            .sources
            .iter()
            .map(|source| slots_of(&source.source.bands, bands))
            .collect();
        let mut notes = archive.notes.clone();
        let mut images = Vec::new();
        let mut lacking = 0;
        for (number, source) in archive.sources.iter().enumerate() {
            let Some(slots) = &slots[number] else {
                continue;
            };
            for frame in source.frames_in(None) {
                let there = source.frames[frame].band_slots();
                if !slots.iter().all(|slot| there.contains(slot)) {
                    lacking += 1;
                    continue;
                }
                let date = source.frames[frame].date;
                images.push(SiteImage {
                    date,
                    day: whole_day(date),
                    source: number,
                    frame,
                });
            }
        }
        if images.is_empty() {
            return Err(Failure::new(format!(
                "no image here has all bands of the model ({}): {}\n{}",
                titles(bands),
                what_lacks(&archive, bands),
                spec.files
                    .first()
                    .map(|path| path.display().to_string())
                    .unwrap_or_default()
            )));
        }
        if lacking > 0 {
            notes.push(format!(
                "left out, {lacking} images lack a band of the model"
            ));
        }
        // Sensors stand in their usual order: of two images of a day that of the first is kept.
        images.sort_by_key(|image| (image.day, image.source, image.frame));
        let before = images.len();
        images.dedup_by_key(|image| image.day);
        if images.len() < before {
            notes.push(format!(
                "{} days have more than one image; one of each is used",
                before - images.len()
            ));
        }
        Ok(Self {
            name,
            archive,
            images,
            slots,
            notes,
        })
    }

    /// Where the model's bands lie in the source of an image.
    pub fn slots(&self, image: &SiteImage) -> &[usize] {
        self.slots
            .get(image.source)
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }

    /// Leaves out images on days without weather.
    ///
    /// # Errors
    /// Fewer than `least` images are left.
    pub fn keep_days_with_weather(
        &mut self,
        table: &WeatherTable,
        least: usize,
    ) -> Result<(), Failure> {
        let (first, last) = (table.first, table.last());
        let all = self.images.clone();
        if all.len() < least {
            return Err(Failure::new(format!(
                "{} has {} image with all bands, and {least} are needed, one to start from and a later one; add images of other days",
                self.name,
                all.len()
            )));
        }
        self.images
            .retain(|image| (first..=last).contains(&image.date));
        if self.images.len() < least {
            let span = |images: &[SiteImage]| match (images.first(), images.last()) {
                (Some(a), Some(b)) => format!("{} to {}", a.date, b.date),
                _ => "none".to_owned(),
            };
            return Err(Failure::new(format!(
                "the weather table reaches from {first} to {last}, the images of {} from {}: {} images are left and at least \
                 {least} are needed; give a table that covers them",
                self.name,
                span(&all),
                self.images.len()
            )));
        }
        if self.images.len() < all.len() {
            self.notes.push(format!(
                "{} of {} images of {} lie outside the weather table ({first} to {last}) and are left out",
                all.len() - self.images.len(),
                all.len(),
                self.name
            ));
        }
        Ok(())
    }
}

/// For each band of the model the nearest like it, each once.
fn slots_of(own: &[terroir_scene::SourceBand], bands: &[ModelBand]) -> Option<Vec<usize>> {
    let mut used = vec![false; own.len()];
    bands
        .iter()
        .map(|band| {
            let off = |at: usize| match (own[at].wavelength_nm, band.wavelength_nm) {
                (Some(a), Some(b)) => (a - b).abs(),
                _ => 0.0,
            };
            let found = (0..own.len())
                .filter(|at| !used[*at] && band.is_like(&own[*at]))
                .min_by(|a, b| off(*a).total_cmp(&off(*b)))?;
            used[found] = true;
            Some(found)
        })
        .collect()
}

fn titles(bands: &[ModelBand]) -> String {
    let titles: Vec<String> = bands.iter().map(ModelBand::title).collect();
    titles.join(", ")
}

/// What each sensor lacks, for a message.
fn what_lacks(archive: &Archive, bands: &[ModelBand]) -> String {
    let words: Vec<String> = archive
        .sources
        .iter()
        .filter(|source| !source.frames_in(None).is_empty())
        .take(LISTED)
        .map(|source| {
            let missing: Vec<ModelBand> = bands
                .iter()
                .filter(|band| !source.source.bands.iter().any(|own| band.is_like(own)))
                .cloned()
                .collect();
            match missing.is_empty() {
                true => format!("{} has each of them only in part", source.source.name),
                false => format!("{} lacks {}", source.source.name, titles(&missing)),
            }
        })
        .collect();
    words.join("; ")
}
