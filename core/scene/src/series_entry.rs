//! How a series stands in a project file: relative paths, dates, masks; no descriptions of the files themselves.

use std::path::{Path, PathBuf};

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use crate::project::{FileEntry, file_entry, located};
use crate::{Frame, FramePart, MaskKind, MaskSource, Period, Series, open_frames_blocking};

#[derive(Serialize, Deserialize)]
pub(crate) struct SeriesEntry {
    frames: Vec<FrameEntry>,
    #[serde(default)]
    shown: usize,
    #[serde(default)]
    hide_clouds: bool,
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    most_clouds: Option<f32>,
}

#[derive(Serialize, Deserialize)]
struct FrameEntry {
    #[serde(default)]
    date: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Period>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    edited: bool,
    parts: Vec<PartEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mask: Option<MaskEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clouds: Option<f32>,
}

#[derive(Serialize, Deserialize)]
struct PartEntry {
    file: FileEntry,
    /// From 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bands: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
struct MaskEntry {
    /// Without a file the mask is a band of the frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<FileEntry>,
    /// From 0.
    band: usize,
    kind: MaskKind,
}

impl SeriesEntry {
    pub fn new(series: &Series, folder: &Path) -> Self {
        let frames = series.frames().iter().map(|frame| FrameEntry {
            date: frame.date,
            time: frame.time,
            period: frame.period,
            edited: frame.is_date_edited,
            parts: frame
                .parts
                .iter()
                .map(|part| PartEntry {
                    file: file_entry(folder, &part.path),
                    bands: part.bands.clone(),
                })
                .collect(),
            names: frame.names.clone(),
            mask: frame.mask.as_ref().map(|mask| MaskEntry {
                file: (!frame.has_own_mask()).then(|| file_entry(folder, &mask.path)),
                band: mask.band,
                kind: mask.kind,
            }),
            clouds: frame.stated_clouds,
        });
        Self {
            frames: frames.collect(),
            shown: series.shown(),
            hide_clouds: series.hide_clouds,
            most_clouds: series.most_clouds,
        }
    }

    /// Opens the frames; one whose file is missing keeps its place. Returns what is missing, in a line.
    pub fn open_blocking(self, folder: &Path) -> (Series, Option<String>) {
        let mut frames: Vec<Frame> = self
            .frames
            .into_iter()
            .map(|entry| Frame {
                parts: entry
                    .parts
                    .into_iter()
                    .map(|part| FramePart {
                        path: located(&part.file, folder),
                        bands: part.bands,
                    })
                    .collect(),
                names: entry.names,
                date: entry.date,
                time: entry.time,
                period: entry.period,
                is_date_edited: entry.edited,
                info: None,
                mask: entry.mask.map(|mask| MaskSource {
                    path: mask
                        .file
                        .map_or_else(PathBuf::new, |file| located(&file, folder)),
                    band: mask.band,
                    kind: mask.kind,
                }),
                stated_clouds: entry.clouds,
            })
            .collect();
        let failed = open_frames_blocking(&mut frames);
        let missing = failed.first().map(|(_, error)| match failed.len() {
            1 => error.clone(),
            count => format!("{count} files of the series cannot be opened; the first: {error}"),
        });
        let mut series = Series::new(frames, self.shown);
        series.hide_clouds = self.hide_clouds;
        series.most_clouds = self.most_clouds.filter(|share| (0.0..=1.0).contains(share));
        (series, missing)
    }
}
