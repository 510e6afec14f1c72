//! Series on the command line: folders and files as dated images, their list, and one date of them.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde_json::{Value, json};
use terroir_scene::{
    FoundRasters, FoundSeries, Frame, Raster, Series, find_series_blocking, frame_clouds_blocking,
    path_text, series_in_raster_blocking,
};

use super::failure::{CliError, CliResult};
use super::output::table;

/// The series among files and folders; `None` when a single file is an ordinary raster.
///
/// # Errors
/// A single file that cannot be opened.
pub fn found_series(files: &[PathBuf]) -> CliResult<Option<FoundRasters>> {
    match files {
        [only] if !only.is_dir() => Ok(series_in_raster_blocking(Raster::open(only)?.info())),
        // Some formats are folders.
        [only] if Raster::open(only).is_ok() => Ok(None),
        _ => Ok(Some(find_series_blocking(files))),
    }
}

/// The one series of files and folders.
///
/// # Errors
/// There is none, or there are several.
pub fn one_series(files: &[PathBuf]) -> CliResult<Series> {
    let found = found_series(files)?.unwrap_or_default();
    let names: Vec<String> = found.series.iter().map(|one| one.name.clone()).collect();
    let place = files.first().map(|path| path.display().to_string());
    match (found.series.into_iter().next(), names.len()) {
        (Some(only), 1) => Ok(Series::new(only.frames, 0)),
        (None, _) => Err(CliError::failed(format!(
            "There are no images of several dates here; name a folder of them, several files, or a stack with a date per \
             band.\n{}",
            place.unwrap_or_default()
        ))),
        _ => Err(CliError::usage(format!(
            "There are {} series here ({}); name the folder of one of them.\n{}",
            names.len(),
            names.join(", "),
            place.unwrap_or_default()
        ))),
    }
}

/// The image of a date, `YYYY-MM-DD`, or of the n-th image of a date, `YYYY-MM-DD/2`.
///
/// # Errors
/// No such date, or its file is missing.
pub fn frame_of_date<'a>(series: &'a Series, text: &str) -> CliResult<&'a Frame> {
    let (day, number) = match text.split_once('/') {
        Some((day, number)) => (
            day,
            number.parse::<usize>().ok().filter(|number| *number > 0),
        ),
        None => (text, Some(1)),
    };
    let (Ok(date), Some(number)) = (day.trim().parse::<Date>(), number) else {
        return Err(CliError::usage(format!(
            "--date {text}: write 2021-06-28, or 2021-06-28/2 for the second image of a day."
        )));
    };
    let of_day: Vec<&Frame> = series
        .frames()
        .iter()
        .filter(|frame| frame.date == Some(date))
        .collect();
    let Some(frame) = of_day.get(number - 1).copied() else {
        let known: Vec<String> = series
            .frames()
            .iter()
            .filter_map(|frame| frame.date.map(|date| date.to_string()))
            .collect();
        return Err(CliError::failed(format!(
            "--date {text}: the series has no such image; its dates are {}.",
            known.join(", ")
        )));
    };
    if frame.info.is_none() {
        return Err(CliError::failed(format!(
            "The file of this date cannot be opened.\n{}",
            frame.path().display()
        )));
    }
    Ok(frame)
}

/// What `terroir info` says of folders and lists of files.
pub fn list_text(found: FoundRasters) -> String {
    let mut text = String::new();
    for one in found.series {
        text += &series_text(one);
    }
    if !found.singles.is_empty() {
        text += "Rasters that belong to no series\n";
        for path in &found.singles {
            text += &format!("  {}\n", path.display());
        }
    }
    text
}

fn series_text(found: FoundSeries) -> String {
    let series = Series::new(found.frames, 0);
    let span = series
        .span()
        .map(|(first, last)| format!(", {first} to {last}"))
        .unwrap_or_default();
    let mut text = format!(
        "Series {}: {} images{span}\n\n",
        found.name,
        series.frames().len()
    );
    let rows: Vec<Vec<String>> = (0..)
        .zip(series.frames())
        .map(|(index, frame)| {
            vec![
                match frame.date {
                    Some(_) => series.label(index),
                    None => "no date".to_owned(),
                },
                cloud_text(frame),
                frame
                    .mask
                    .as_ref()
                    .map(|mask| mask.kind.label().to_owned())
                    .unwrap_or_default(),
                frame
                    .info
                    .as_ref()
                    .map(|info| info.bands.len().to_string())
                    .unwrap_or_default(),
                frame.file_name(),
            ]
        })
        .collect();
    text += &table(&["date", "clouds", "mask", "bands", "file"], &rows);
    text.push('\n');
    text
}

fn cloud_text(frame: &Frame) -> String {
    match frame_clouds_blocking(frame) {
        Ok(Some(share)) => format!("{:.1} %", share * 100.0),
        Ok(None) => "unknown".to_owned(),
        Err(_) => "unreadable".to_owned(),
    }
}

pub fn list_json(found: FoundRasters) -> Value {
    let series: Vec<Value> = found
        .series
        .into_iter()
        .map(|one| {
            let series = Series::new(one.frames, 0);
            let frames: Vec<Value> = series
                .frames()
                .iter()
                .map(|frame| {
                    json!({
                        "date": frame.date,
                        "time": frame.time,
                        "clouds": frame_clouds_blocking(frame).ok().flatten(),
                        "mask": frame.mask.as_ref().map(|mask| json!({
                            "file": path_text(&mask.path), "band": mask.band + 1, "kind": mask.kind,
                        })),
                        "files": frame.parts.iter().map(|part| part.path.clone()).collect::<Vec<_>>(),
                        "bands": frame.info.as_ref().map(|info| {
                            info.bands.iter().map(|band| band.name.clone()).collect::<Vec<_>>()
                        }),
                    })
                })
                .collect();
            json!({ "name": one.name, "overlaps": one.is_sensible, "images": frames })
        })
        .collect();
    let failed: Vec<&Path> = found
        .failed
        .iter()
        .map(|(path, _)| path.as_path())
        .collect();
    json!({ "series": series, "others": found.singles, "unreadable": failed })
}
