//! The job that writes a raster, or bands and a part of it, anew as a GeoTIFF with the same numbers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use terroir_scene::{
    AreaSpec, MapKind, MapWriter, Provenance, Raster, SampleType, Window, classes_of_map,
};

use crate::embed_series::part_of_grid;
use crate::monitor::{JobResult, Monitor};
use crate::predict::{area_of, squares};
use crate::{Estimate, Failure, JobSpec, Outcome, command_line, cost};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportRasterSpec {
    pub raster: PathBuf,
    /// From 0; empty = all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<usize>,
    /// The part that is written; `None` = all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Only pixels inside these polygons; the others become nodata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aoi: Option<AreaSpec>,
    /// `.tif`.
    pub out: PathBuf,
}

impl ExportRasterSpec {
    /// Options of the command line that say the same.
    pub(crate) fn words(&self) -> Vec<(&'static str, String)> {
        let mut words = Vec::new();
        if !self.bands.is_empty() {
            let bands: Vec<String> = self
                .bands
                .iter()
                .map(|band| (band + 1).to_string())
                .collect();
            words.push(("--bands", bands.join(",")));
        }
        if let Some(part) = self.window {
            let text = format!("{},{},{},{}", part.col, part.row, part.width, part.height);
            words.push(("--window", text));
        }
        words.extend(self.aoi.iter().flat_map(AreaSpec::words));
        words.push(("--out", self.out.display().to_string()));
        words
    }
}

pub(crate) fn export_raster(spec: &ExportRasterSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    /// Keys of provenance in a file.
    const PREFIX: &str = "TERROIR_";
    monitor.started("cpu");
    let raster = Raster::open(&spec.raster)?;
    let info = raster.info();
    let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    if whole(&spec.out) == whole(&spec.raster) {
        return Err(Failure::new(format!(
            "the copy would overwrite the raster; choose another name\n{}",
            spec.out.display()
        ))
        .into());
    }
    let part = part_of(spec, &raster)?;
    let area = area_of(spec.aoi.as_ref(), &info.grid)?;
    let grid = part_of_grid(&info.grid, part)?;
    let bands = match spec.bands.as_slice() {
        [] => (0..info.bands.len()).collect(),
        chosen => chosen.to_vec(),
    };
    let (like, notes) = raster.kind_of_copy(&bands, area.is_some())?;
    notes.into_iter().for_each(|note| monitor.warn(note));
    // Class maps have more beside them than their numbers.
    let classes = match info.bands.as_slice() {
        [band] if info.is_class_map() && band.sample_type == SampleType::UInt8 => {
            classes_of_map(info, &[])
        }
        _ => Vec::new(),
    };
    let kind = match classes.as_slice() {
        [] => like.clone(),
        _ => MapKind::Classes(classes),
    };
    let mut writer = MapWriter::create(&spec.out, &grid, kind)?;
    let windows = squares(grid.width, grid.height);
    let mut unknown = 0;
    for (done, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("copying", done as u64, windows.len() as u64);
        let from = Window {
            col: part.col + window.col,
            row: part.row + window.row,
            ..*window
        };
        let hidden: Option<Vec<bool>> = area
            .as_ref()
            .map(|area| area.mask(from).iter().map(|is_in| !is_in).collect());
        let (bytes, missing) =
            raster.read_stored_blocking(&bands, from, &like, hidden.as_deref())?;
        unknown += missing;
        writer.write_stored(*window, &bytes)?;
    }
    if unknown > 0 {
        monitor.warn(format!(
            "{unknown} pixels are hidden by a mask that the copy does not have, and hold what is stored under it"
        ));
    }
    monitor.progress("writing the file", 0, 1);
    let keys: Provenance = info
        .metadata
        .iter()
        .filter_map(|(key, value)| {
            let key = match key.as_str() {
                "ATTRIBUTION" | "LICENSE" => key,
                _ => key.strip_prefix(PREFIX)?,
            };
            Some((key.to_owned(), value.clone()))
        })
        .chain(std::iter::once((
            "EXPORTED".to_owned(),
            command_line(&JobSpec::ExportRaster(spec.clone())),
        )))
        .collect();
    let files = writer.finish_observed(&keys, &mut |share| {
        monitor.progress("writing the file", (share * 1000.0) as u64, 1000);
        !monitor.is_cancelled()
    })?;
    Ok(Outcome {
        files,
        summary: format!(
            "{} bands of {} x {} pixels written",
            bands.len(),
            grid.width,
            grid.height
        ),
        metrics: Vec::new(),
        warnings: monitor.warnings(),
    })
}

fn part_of(spec: &ExportRasterSpec, raster: &Raster) -> Result<Window, Failure> {
    let whole = raster.info().grid.window();
    let part = spec.window.unwrap_or(whole);
    if part.pixels() == 0 || whole.intersection(&part) != Some(part) {
        return Err(Failure::new(format!(
            "the part to export does not lie inside the {} x {} pixels; choose another one\n{}",
            whole.width,
            whole.height,
            spec.raster.display()
        )));
    }
    Ok(part)
}

/// What the copy reads, takes and writes.
pub(crate) fn estimate(spec: &ExportRasterSpec) -> JobResult<Estimate> {
    let raster = Raster::open(&spec.raster)?;
    let part = part_of(spec, &raster)?;
    let count = match spec.bands.len() {
        0 => raster.info().bands.len(),
        chosen => chosen,
    };
    let bytes = raster
        .info()
        .bands
        .iter()
        .map(|band| band.sample_type.bytes());
    let whole = cost::of_raster(&spec.raster, (count * bytes.max().unwrap_or(4)) as u64)?;
    let share = part.pixels() as f64 / whole.pixels.max(1) as f64;
    let of_part = |number: u64| (number as f64 * share).ceil() as u64;
    Ok(Estimate {
        pixels: of_part(whole.pixels),
        windows: of_part(whole.windows),
        seconds: whole.seconds.map(|secs| secs * share),
        disk_bytes: of_part(whole.disk_bytes),
        ..whole
    })
}
