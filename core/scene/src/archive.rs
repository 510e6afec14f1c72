//! An archive: dated images of several sensors of one place, brought onto one grid when they are read. The input of fields
//! over time. Knows what belongs together; how files are told apart stands in `archive_frames.rs`, how pixels are read in
//! `archive_read.rs`. Knows nothing of networks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use crate::archive_frames::sightings_blocking;
use crate::archive_grid::{choose_grid, overlaps};
use crate::archive_read::OpenFiles;
use crate::archive_sources::sources_of;
use crate::{
    Grid, MaskSource, Measure, Period, Raster, SceneError, SceneResult, Source,
    find_series_blocking,
};

/// Names listed in a message before "and n more".
const LISTED: usize = 3;

/// Where an archive's images lie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArchiveSpec {
    /// Folders, files, stacks and products. A raster without a date that is named itself is something to reconstruct
    /// (elevation, classes), never an input.
    pub files: Vec<PathBuf>,
    /// The raster whose grid is used; `None` = the finest grid there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<PathBuf>,
}

/// Dated images of several sensors on one grid.
#[derive(Debug)]
pub struct Archive {
    pub grid: Grid,
    /// The sensors found. Opened with the sources of a model: exactly those, in their order, without frames where there are
    /// none of them here.
    pub sources: Vec<ArchiveSource>,
    /// What was left out, and what is to be known, a sentence each.
    pub notes: Vec<String>,
    pub(crate) files: OpenFiles,
}

/// The images of one sensor.
#[derive(Clone, Debug)]
pub struct ArchiveSource {
    /// Mean 0 and deviation 1 until they are fitted or known.
    pub source: Source,
    /// In order of time.
    pub frames: Vec<ArchiveFrame>,
}

/// One image.
#[derive(Clone, Debug)]
pub struct ArchiveFrame {
    /// Days since 2017-01-01T00:00 UTC, with the time of day where it is known and noon where not.
    pub day: f64,
    pub date: Date,
    pub time: Option<Time>,
    /// Of its file, or of the stack and the date.
    pub name: String,
    /// Has no date of its own (elevation, classes): date and day are those in the middle of the archive.
    pub is_static: bool,
    pub(crate) pieces: Vec<Piece>,
}

/// What one file gives to a frame.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub path: PathBuf,
    pub grid: Arc<Grid>,
    pub bands: Vec<PieceBand>,
    pub mask: Option<MaskSource>,
}

/// One band of a file, and which band of the source it is.
#[derive(Clone, Debug)]
pub(crate) struct PieceBand {
    /// In its file, from 0.
    pub band: usize,
    /// In the source; set once the source is known.
    pub slot: usize,
    pub name: String,
    pub wavelength_nm: Option<f64>,
    pub measure: Measure,
    pub reading: Reading,
    /// Nothing is declared as missing: zero in all such bands of a file is.
    pub is_zero_missing: bool,
    pub classes: Vec<(i64, String)>,
}

/// From stored numbers to the measure: `stored * scale + offset`, then decibels of powers; what lies outside the limits is
/// no measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    pub scale: f64,
    pub offset: f64,
    pub is_power: bool,
    pub limits: (f64, f64),
}

impl Reading {
    /// `None` where the number is no measurement.
    pub fn value(&self, stored: f32) -> Option<f32> {
        let value = f64::from(stored) * self.scale + self.offset;
        let value = if self.is_power {
            10.0 * value.max(1e-6).log10()
        } else {
            value
        };
        (self.limits.0..=self.limits.1)
            .contains(&value)
            .then_some(value as f32)
    }
}

impl ArchiveFrame {
    /// The files it is read from.
    pub fn files(&self) -> Vec<&Path> {
        self.pieces.iter().map(|piece| &*piece.path).collect()
    }

    /// Whether a cloud mask belongs to it.
    pub fn has_mask(&self) -> bool {
        self.pieces.iter().any(|piece| piece.mask.is_some())
    }

    /// Bands of the source that it has.
    pub fn band_slots(&self) -> Vec<usize> {
        let bands = self.pieces.iter().flat_map(|piece| &piece.bands);
        let mut slots: Vec<usize> = bands.map(|band| band.slot).collect();
        slots.sort_unstable();
        slots
    }
}

impl ArchiveSource {
    /// Numbers of the dated frames inside a period; of all dated ones without a period.
    pub fn frames_in(&self, period: Option<&Period>) -> Vec<usize> {
        let is_in = |frame: &ArchiveFrame| {
            !frame.is_static && period.is_none_or(|period| period.contains(frame.date))
        };
        (0..self.frames.len())
            .filter(|index| is_in(&self.frames[*index]))
            .collect()
    }

    /// The frame nearest to a day, the earlier of two.
    pub fn nearest(&self, date: Date) -> Option<usize> {
        let day = crate::day_number(date) + 0.5;
        (0..self.frames.len()).min_by(|a, b| {
            let distance = |index: usize| (self.frames[index].day - day).abs();
            distance(*a).total_cmp(&distance(*b))
        })
    }
}

impl Archive {
    /// Looks into the files and sorts their images by sensor and time; reads headers and a few pixels of each kind of file.
    ///
    /// `known`: the sources of a model. Bands are matched to them by wavelength, polarisation and name; a frame may lack
    /// some of them, and sensors the model never saw are left out with a note.
    ///
    /// # Errors
    /// No dated image, none of a sensor that is known, two images of a sensor at one time, a reference that cannot be read.
    pub fn open(spec: &ArchiveSpec, known: Option<&[Source]>) -> SceneResult<Self> {
        let Some(first) = spec.files.first() else {
            return Err(SceneError::input(
                "no image was named; name a folder of dated images, or the images",
            ));
        };
        if let Some(missing) = spec.files.iter().find(|path| is_missing(path)) {
            return Err(SceneError::file(
                missing,
                "there is no such file or folder; check the path",
            ));
        }
        let mut notes = Vec::new();
        let found = find_series_blocking(&spec.files);
        for (path, why) in found.failed.iter().take(LISTED) {
            if spec.files.contains(path) {
                return Err(SceneError::input(why.clone()));
            }
            notes.push(format!("left out, it cannot be opened: {why}"));
        }
        if found.is_cut {
            notes.push(
                "the folder holds more files than are looked at at once; the rest is left out, so name narrower folders".into(),
            );
        }
        let sightings = sightings_blocking(&found, &spec.files, &mut notes)?;
        if !sightings.iter().any(|sighting| sighting.date.is_some()) {
            return Err(SceneError::file(
                first,
                with_notes(
                    "there is no dated image here; give each file its day (`scene_2018-05-06.tif`), or add a table `dates.csv` with \
                     the columns file and date (for stacks `<name>.dates.csv` with band and date)",
                    &notes,
                ),
            ));
        }
        let mut sources = sources_of(sightings, known, &mut notes)?;
        if !sources.iter().any(|source| !source.frames.is_empty()) {
            let wanted = known.map_or_else(String::new, |known| {
                let list: Vec<String> = known
                    .iter()
                    .map(|source| format!("{} ({})", source.name, source.band_names()))
                    .collect();
                format!(
                    "the model was trained on other bands: it knows {}, and nothing here is of these; choose images of such a \
                     sensor, or another model",
                    list.join("; ")
                )
            });
            return Err(SceneError::OtherBands {
                what: with_notes(&wanted, &notes),
                path: first.into(),
            });
        }
        let grid = match &spec.reference {
            Some(path) => Raster::open(path)?.info().grid.clone(),
            None => choose_grid(&sources)
                .ok_or_else(|| SceneError::file(first, "no image here has pixels"))?,
        };
        let mut elsewhere: Vec<String> = Vec::new();
        for source in &mut sources {
            source.frames.retain(|frame| {
                let is_here = frame
                    .pieces
                    .iter()
                    .any(|piece| overlaps(&grid, &piece.grid));
                if !is_here {
                    elsewhere.push(frame.name.clone());
                }
                is_here
            });
        }
        if !elsewhere.is_empty() {
            notes.push(format!(
                "left out, they lie elsewhere or say no place: {}",
                listed(&elsewhere)
            ));
        }
        if known.is_none() {
            sources.retain(|source| !source.frames.is_empty());
        }
        let dated: usize = sources
            .iter()
            .map(|source| source.frames_in(None).len())
            .sum();
        match dated {
            0 => {
                return Err(SceneError::file(
                    spec.reference.as_deref().unwrap_or(first),
                    "no dated image overlaps the grid; choose images of one place, or another reference",
                ));
            }
            1 => notes.push(
                "there is only one dated image; nothing about change over time can be learnt or seen from it".into(),
            ),
            _ => {}
        }
        let archive = Self {
            grid,
            sources,
            notes,
            files: OpenFiles::default(),
        };
        Ok(archive.with_static_days())
    }

    /// From the first to the last day with an image.
    pub fn period(&self) -> Option<Period> {
        let frames = self.sources.iter().flat_map(|source| &source.frames);
        Period::of_dates(
            frames
                .filter(|frame| !frame.is_static)
                .map(|frame| frame.date),
        )
    }

    /// Dated frames inside a period, of all inputs.
    pub fn frame_count(&self, period: Option<&Period>) -> usize {
        self.sources
            .iter()
            .filter(|source| source.source.is_input)
            .map(|source| source.frames_in(period).len())
            .sum()
    }

    /// How many frames of each sensor, as people read it: `sentinel-2 118, sentinel-1 159`.
    pub fn counts_text(&self, period: Option<&Period>) -> String {
        let counts = self.sources.iter().filter_map(|source| {
            let count = source.frames_in(period).len();
            (count > 0).then(|| format!("{} {count}", source.source.name))
        });
        counts.collect::<Vec<_>>().join(", ")
    }

    fn with_static_days(mut self) -> Self {
        let Some(period) = self.period() else {
            return self;
        };
        let frames = self
            .sources
            .iter_mut()
            .flat_map(|source| &mut source.frames);
        for frame in frames.filter(|frame| frame.is_static) {
            frame.date = period.middle();
            frame.day = crate::day_number(frame.date) + 0.5;
        }
        self
    }
}

/// A path that is neither a file nor a folder nor anything GDAL might know by name.
fn is_missing(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let is_plain = !text.contains(':') && !text.starts_with("/vsi") && !text.starts_with('<');
    is_plain && !path.exists() && crate::recognise_product(path).is_none()
}

fn with_notes(what: &str, notes: &[String]) -> String {
    let mut text = what.to_owned();
    for note in notes.iter().take(2 * LISTED) {
        text.push('\n');
        text.push_str(note);
    }
    text
}

/// The first few names of a list.
pub(crate) fn listed(names: &[String]) -> String {
    let mut text = names
        .iter()
        .take(LISTED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > LISTED {
        text += &format!(" and {} more", names.len() - LISTED);
    }
    text
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
