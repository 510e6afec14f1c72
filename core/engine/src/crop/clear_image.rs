//! The one image of a season that a model of single images is shown. Knows dates and cloud masks; knows nothing of models.

use std::path::PathBuf;

use jiff::civil::Date;
use terroir_scene::{ArchiveSpec, Frame, Period, find_series_blocking, frame_clouds_blocking};

use crate::monitor::{JobResult, Monitor, Stop};

/// Where the image lies.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClearImage {
    pub date: Date,
    pub path: PathBuf,
    /// Bands of a stack, from 0; empty = all of the file.
    pub bands: Vec<usize>,
    /// Share of clouds, 0 to 1; `None` where nothing tells.
    pub clouds: Option<f32>,
}

/// The image with the fewest clouds in a period, the latest of several: most has grown by then. Only of bands with wavelengths,
/// and of one file.
pub(super) fn clearest_blocking(
    archive: &ArchiveSpec,
    period: &Period,
    monitor: &Monitor<'_>,
) -> JobResult<ClearImage> {
    let found = find_series_blocking(&archive.files);
    let frames: Vec<(Date, &Frame)> = found
        .series
        .iter()
        .flat_map(|series| &series.frames)
        .filter_map(|frame| Some((frame.date?, frame)))
        .filter(|(date, frame)| period.contains(*date) && is_one_optical_file(frame))
        .collect();
    let total = frames.len() as u64;
    let mut best: Option<ClearImage> = None;
    for (done, (date, frame)) in frames.into_iter().enumerate() {
        monitor.check()?;
        monitor.progress("looking for the clearest image", done as u64, total);
        // A mask that cannot be read tells nothing; the image itself may be fine.
        let clouds = frame_clouds_blocking(frame).ok().flatten();
        let rank = |clouds: Option<f32>| clouds.unwrap_or(1.0);
        let is_better = best.as_ref().is_none_or(|best| {
            let (old, new) = (rank(best.clouds), rank(clouds));
            new < old || (new <= old && date > best.date)
        });
        if let (true, Some(part)) = (is_better, frame.parts.first()) {
            best = Some(ClearImage {
                date,
                path: part.path.clone(),
                bands: part.bands.clone(),
                clouds,
            });
        }
    }
    best.ok_or_else(|| {
        Stop::nothing_seen(format!(
            "no image of {period} has bands with wavelengths in one file, which a model of single images needs; leave that model out, or choose more days"
        ))
    })
}

fn is_one_optical_file(frame: &Frame) -> bool {
    let [part] = frame.parts.as_slice() else {
        return false;
    };
    frame.info.as_ref().is_some_and(|info| {
        info.bands.iter().any(|band| {
            let is_in = part.bands.is_empty() || part.bands.contains(&band.index);
            is_in && band.wavelength.is_some()
        })
    })
}
