//! A series: dated images of one place as the frames of one layer, one of them shown. Values; opens no file.
//! How files become a series stands in `series_files.rs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use crate::{
    BandInfo, Crs, Layer, LayerSource, MaskSource, Period, RasterInfo, Style, nearest_band,
    style_bands,
};

/// A file and the bands of it (from 0) that belong to a frame; no bands = all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FramePart {
    pub path: PathBuf,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<usize>,
}

/// One image of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// One file, or bands of one or several stacks.
    pub parts: Vec<FramePart>,
    /// Names of the bands of `parts`, where they were cut out of stacks; else empty.
    pub names: Vec<String>,
    /// UTC. Without a date the frame is listed but not shown among the dates.
    pub date: Option<Date>,
    pub time: Option<Time>,
    /// The days it stands for, beginning with the date: of fields made for a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// The user gave the date.
    pub is_date_edited: bool,
    /// `None` while a file is missing.
    pub info: Option<Arc<RasterInfo>>,
    pub mask: Option<MaskSource>,
    /// Share of clouds (0 to 1) that a table beside the files states.
    pub stated_clouds: Option<f32>,
}

impl Frame {
    /// The first file, which names the frame where there is no date.
    pub fn path(&self) -> &Path {
        self.parts.first().map_or(Path::new(""), |part| &part.path)
    }

    /// Whether the mask is one of the frame's own bands (also while the file is missing: its path is empty then).
    pub fn has_own_mask(&self) -> bool {
        self.mask.as_ref().is_some_and(|mask| {
            mask.path.as_os_str().is_empty()
                || self
                    .info
                    .as_ref()
                    .is_some_and(|info| info.path == mask.path)
        })
    }

    pub fn file_name(&self) -> String {
        let path = self.path();
        path.file_name().map_or_else(
            || path.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        )
    }
}

/// The frames of a layer, in order of date and time, those without a date last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Series {
    frames: Arc<Vec<Frame>>,
    shown: usize,
    /// Pixels under clouds are transparent.
    pub hide_clouds: bool,
    /// Dates with a larger share of clouds are left out of stepping and playing.
    pub most_clouds: Option<f32>,
}

impl PartialEq for Series {
    /// Shared frames are equal without a look inside.
    fn eq(&self, other: &Self) -> bool {
        self.shown == other.shown
            && self.hide_clouds == other.hide_clouds
            && self.most_clouds == other.most_clouds
            && self.has_frames_of(other)
    }
}

impl Series {
    /// Sorts the frames. Shows the frame at `shown` of the sorted list, or the nearest there is.
    pub fn new(mut frames: Vec<Frame>, shown: usize) -> Self {
        sort(&mut frames);
        let shown = shown.min(frames.len().saturating_sub(1));
        Self {
            frames: Arc::new(frames),
            shown,
            hide_clouds: false,
            most_clouds: None,
        }
    }

    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Whether the two have the same frames, whichever is shown.
    pub fn has_frames_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.frames, &other.frames) || self.frames == other.frames
    }

    pub fn shown(&self) -> usize {
        self.shown
    }

    /// Names the system of every image whose file names none.
    pub fn assign_crs(&mut self, crs: &Crs) {
        for frame in Arc::make_mut(&mut self.frames) {
            if let Some(info) = &mut frame.info
                && info.grid.georef.takes_crs()
            {
                Arc::make_mut(info).grid.georef.assign_crs(crs.clone());
            }
        }
    }

    pub fn shown_frame(&self) -> Option<&Frame> {
        self.frames.get(self.shown)
    }

    /// How many frames have a date; they come first.
    pub fn dated(&self) -> usize {
        self.frames
            .iter()
            .take_while(|frame| frame.date.is_some())
            .count()
    }

    /// The place of the first frame of a day.
    pub fn frame_of(&self, date: Date) -> Option<usize> {
        self.frames
            .iter()
            .position(|frame| frame.date == Some(date))
    }

    /// The date as shown, or the period; with the time of day, or a number, where a day has several images; the file's name where
    /// there is no date.
    pub fn label(&self, index: usize) -> String {
        let Some(frame) = self.frames.get(index) else {
            return String::new();
        };
        let Some(date) = frame.date else {
            return frame.file_name();
        };
        if let Some(period) = frame.period {
            let same = |(_, other): &(usize, &Frame)| other.period == Some(period);
            let all = self.frames.iter().enumerate().filter(same);
            let before = all.clone().take_while(|(other, _)| *other < index).count();
            return match all.count() {
                1 => period.name(),
                _ => format!("{} ({})", period.name(), before + 1),
            };
        }
        let same_day = || {
            self.frames
                .iter()
                .enumerate()
                .filter(|(_, other)| other.date == Some(date))
        };
        if same_day().count() < 2 {
            return date.to_string();
        }
        let same_time = same_day()
            .filter(|(_, other)| other.time == frame.time)
            .count();
        match frame.time {
            Some(time) if same_time == 1 => format!("{date} {}", time.strftime("%H:%M:%S")),
            _ => {
                let number = same_day().take_while(|(other, _)| *other < index).count() + 1;
                format!("{date} ({number})")
            }
        }
    }

    /// Gives a frame a date, or takes it away; the list is sorted anew and the shown frame stays shown.
    pub fn set_date(&mut self, index: usize, date: Option<Date>) {
        let shown = self.shown_frame().map(|frame| frame.parts.clone());
        let frames = Arc::make_mut(&mut self.frames);
        let Some(frame) = frames.get_mut(index) else {
            return;
        };
        if frame.date != date {
            (frame.time, frame.period) = (None, None);
        }
        frame.date = date;
        frame.is_date_edited = true;
        sort(frames);
        if let Some(at) = shown.and_then(|parts| frames.iter().position(|f| f.parts == parts)) {
            self.shown = at;
        }
    }

    /// Gives every frame the mask `choose` finds for it.
    pub fn set_masks(&mut self, choose: impl Fn(&Frame) -> Option<MaskSource>) {
        for frame in Arc::make_mut(&mut self.frames) {
            frame.mask = choose(frame);
        }
    }

    /// The same series with its files found elsewhere; the frames keep their dates and their order.
    pub fn with_frames(&self, frames: Vec<Frame>) -> Self {
        Self {
            frames: Arc::new(frames),
            ..self.clone()
        }
    }

    /// The first frame whose file is missing.
    pub fn first_missing(&self) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.info.is_none())
    }

    /// Days from the first to the last date.
    pub fn span(&self) -> Option<(Date, Date)> {
        let dated = self.frames.get(..self.dated())?;
        Some((dated.first()?.date?, dated.last()?.date?))
    }

    /// Days from the first date to the last day of the dates and the periods they stand for.
    pub fn reach(&self) -> Option<(Date, Date)> {
        let (first, last) = self.span()?;
        let ends = self
            .frames
            .iter()
            .filter_map(|frame| frame.period?.to.yesterday().ok());
        Some((first, ends.fold(last, Date::max)))
    }

    /// Whether every dated frame stands for a period and is not a day's image.
    pub fn is_of_periods(&self) -> bool {
        let dated = self.frames.get(..self.dated()).unwrap_or_default();
        !dated.is_empty() && dated.iter().all(|frame| frame.period.is_some())
    }
}

fn sort(frames: &mut [Frame]) {
    frames.sort_by(|a, b| {
        (a.date.is_none(), a.date, a.time, a.period)
            .cmp(&(b.date.is_none(), b.date, b.time, b.period))
            .then_with(|| a.path().cmp(b.path()))
    });
}

impl Layer {
    pub fn series(&self) -> Option<&Series> {
        match &self.source {
            LayerSource::Series(series) => Some(series),
            _ => None,
        }
    }

    pub fn series_mut(&mut self) -> Option<&mut Series> {
        match &mut self.source {
            LayerSource::Series(series) => Some(series),
            _ => None,
        }
    }

    /// Shows another frame. A style picks its bands by number while frames have the same bands, else by wavelength.
    pub fn show_frame(&mut self, index: usize) {
        let LayerSource::Series(series) = &mut self.source else {
            return;
        };
        let info = |series: &Series| series.shown_frame().and_then(|frame| frame.info.clone());
        let before = info(series);
        series.shown = index.min(series.frames.len().saturating_sub(1));
        if let (Some(before), Some(after), Some(style)) = (before, info(series), &self.style)
            && !have_same_bands(&before.bands, &after.bands)
        {
            self.style = Some(moved_style(style, &before.bands, &after.bands));
        }
    }

    /// The mask that hides pixels of this layer now.
    pub fn hiding_mask(&self) -> Option<&MaskSource> {
        let series = self.series().filter(|series| series.hide_clouds)?;
        series.shown_frame()?.mask.as_ref()
    }
}

/// Same number of bands with the same names, or with the same wavelengths.
pub fn have_same_bands(a: &[BandInfo], b: &[BandInfo]) -> bool {
    let nm = |band: &BandInfo| band.wavelength.map(|w| w.center.nm().round());
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| a.name == b.name || (nm(a).is_some() && nm(a) == nm(b)))
}

/// The style with its bands looked up by wavelength among other bands; bands without one keep their number if there is
/// such a band, else take the last.
pub fn moved_style(style: &Style, from: &[BandInfo], to: &[BandInfo]) -> Style {
    let moved = |band: usize| {
        from.get(band)
            .and_then(|band| band.wavelength)
            .and_then(|wavelength| nearest_band(to, wavelength.center))
            .unwrap_or(band.min(to.len().saturating_sub(1)))
    };
    let mut style = style.clone();
    if style_bands(&style).is_empty() {
        return style;
    }
    match &mut style {
        Style::Rgb { bands, .. } => *bands = bands.map(moved),
        Style::Gray { band, .. } | Style::Palette { band, .. } => *band = moved(*band),
        Style::Derived { derivation, .. } => derivation.move_bands(moved),
        _ => {}
    }
    style
}

#[cfg(test)]
#[path = "series_tests.rs"]
pub(crate) mod tests;
