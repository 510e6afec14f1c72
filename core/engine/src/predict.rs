//! The predict job: field and head to class map and confidence. Streams; memory does not depend on the scene's area.

use std::path::{Path, PathBuf};
use std::time::Instant;

use terroir_scene::{
    AreaOfInterest, Grid, Head, MapKind, NO_CLASS, Predictor, Uncertainty, Verdicts, Window,
};

use crate::journal::fingerprint;
use crate::monitor::{JobResult, Monitor};
use crate::provenance::{of_map, sha256_of_file, value_of};
use crate::shard::{Share, key_of};
use crate::train::open_field;
use crate::{Failure, JobSpec, Outcome, PredictSpec};

/// Side of the squares in which the field is read.
pub(crate) const SIDE: usize = 512;
/// Confidence is stored as 200 times the probability; missing as this.
const CONFIDENCE_NODATA: u8 = 255;

pub(crate) fn predict(
    spec: &PredictSpec,
    share: Share,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    let begun = Instant::now();
    monitor.started("cpu");
    let field = open_field(&spec.field)?;
    let head = Head::load(&spec.head)?;
    let predictor = Predictor::new(&head);
    let head_sha256 = sha256_of_file(&spec.head)?;
    if spec.out == spec.field {
        return Err(Failure::new(format!(
            "the map would overwrite the field; choose another name\n{}",
            spec.out.display()
        ))
        .into());
    }
    let trained_on = head
        .provenance
        .get("field_model")
        .and_then(|value| value.as_str());
    let this_field = value_of(field.info(), "TERROIR_MODEL");
    if let (Some(trained_on), Some(this_field)) = (trained_on, &this_field)
        && trained_on != this_field
    {
        monitor.warn("the head was trained on another field, whose axes may mean other things; check the map with care");
    }
    let grid = field.info().grid.clone();
    let area = area_of(spec.aoi.as_ref(), &grid)?;
    let job = share.job(JobSpec::Predict(spec.clone()));
    let rows = share.rows(grid.window());
    let key = key_of(
        &job,
        &[
            &fingerprint(&spec.field),
            &head_sha256,
            &fingerprint_of_area(spec.aoi.as_ref()),
        ],
    )?;
    if let Some(done) = share.done_blocking(rows, &outputs_of(spec), &key, monitor) {
        return Ok(done);
    }
    let writer = |path: &Path, kind: MapKind| share.writer(path, &grid, rows, kind);
    let mut map = writer(&spec.out, MapKind::Classes(head.classes.clone()))?;
    let mut confidence = writer(
        &confidence_path(&spec.out),
        MapKind::Confidence(vec!["confidence".to_owned()]),
    )?;
    let mut uncertainty = spec
        .uncertainty
        .map(|measure| {
            let kind = MapKind::Confidence(vec![format!("uncertainty ({})", measure.word())]);
            writer(&uncertainty_path(&spec.out), kind)
        })
        .transpose()?;
    let mut probabilities = spec
        .probabilities
        .then(|| {
            let names = head.classes.iter().map(|class| class.name.clone());
            let kind = MapKind::Confidence(names.collect());
            writer(&probabilities_path(&spec.out), kind)
        })
        .transpose()?;
    let ids: Vec<u8> = head.classes.iter().map(|class| class.id).collect();
    let mut counts = vec![0u64; ids.len()];
    let (mut sum, mut pixels) = (0.0f64, 0u64);
    let windows = squares_of(&grid, rows);
    for (done, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("classifying", done as u64, windows.len() as u64);
        let count = window.width * window.height;
        let mask = area.as_ref().map(|area| area.mask(*window));
        if mask.as_ref().is_some_and(|mask| !mask.contains(&true)) {
            map.write_bytes(*window, &vec![0; count])?;
            confidence.write_bytes(*window, &vec![CONFIDENCE_NODATA; count])?;
            if let Some(uncertainty) = &mut uncertainty {
                uncertainty.write_bytes(*window, &vec![CONFIDENCE_NODATA; count])?;
            }
            if let Some(probabilities) = &mut probabilities {
                let none = vec![CONFIDENCE_NODATA; ids.len() * count];
                probabilities.write_bytes(*window, &none)?;
            }
            continue;
        }
        let codes = field.read_codes_blocking(*window, window.width, window.height)?;
        let with_entropy = spec.uncertainty == Some(Uncertainty::Entropy);
        let verdicts = predictor.judge(&codes, count, mask.as_deref(), with_entropy);
        let mut class_bytes = vec![0u8; count];
        let mut confidence_bytes = vec![CONFIDENCE_NODATA; count];
        for (at, (&class, &probability)) in
            verdicts.class.iter().zip(&verdicts.probability).enumerate()
        {
            let Some(id) = ids.get(usize::from(class)).filter(|_| class != NO_CLASS) else {
                continue;
            };
            class_bytes[at] = *id;
            confidence_bytes[at] = byte_of_share(probability);
            counts[usize::from(class)] += 1;
            sum += f64::from(probability);
            pixels += 1;
        }
        if let (Some(writer), Some(measure)) = (&mut uncertainty, spec.uncertainty) {
            writer.write_bytes(*window, &uncertainty_bytes(&verdicts, measure))?;
        }
        if let Some(writer) = &mut probabilities {
            let shares = predictor.probabilities(&codes, count);
            let bytes = probability_bytes(&shares, &verdicts.class);
            writer.write_bytes(*window, &bytes)?;
        }
        map.write_bytes(*window, &class_bytes)?;
        confidence.write_bytes(*window, &confidence_bytes)?;
    }
    monitor.check()?;
    monitor.progress("writing the map", 0, 1);
    let seconds = begun.elapsed().as_secs_f64();
    let mut keys = of_map(&job, field.info(), &head, &head_sha256, seconds);
    keys.extend(share.provenance(&key));
    let mut files = map.finish(&keys)?;
    files.extend(confidence.finish(&keys)?);
    if let Some(uncertainty) = uncertainty {
        files.extend(uncertainty.finish(&keys)?);
    }
    if let Some(probabilities) = probabilities {
        files.extend(probabilities.finish(&keys)?);
    }
    let mean = if pixels > 0 { sum / pixels as f64 } else { 0.0 };
    let mut metrics = vec![
        ("pixels".to_owned(), pixels as f64),
        ("mean_confidence".to_owned(), mean),
    ];
    if let Some(area) = hectares_per_pixel(&grid) {
        for (class, count) in head.classes.iter().zip(&counts) {
            metrics.push((format!("hectares {}", class.name), *count as f64 * area));
        }
    }
    metrics.push(("seconds".to_owned(), seconds));
    Ok(Outcome {
        files,
        summary: format!(
            "Map of {pixels} pixels in {} classes, mean confidence {:.0} %, {seconds:.1} s",
            ids.len(),
            100.0 * mean
        ),
        metrics,
        warnings: monitor.warnings(),
    })
}

/// The rasters the job writes, the map first.
pub(crate) fn outputs_of(spec: &PredictSpec) -> Vec<PathBuf> {
    let mut paths = vec![spec.out.clone(), confidence_path(&spec.out)];
    if spec.uncertainty.is_some() {
        paths.push(uncertainty_path(&spec.out));
    }
    if spec.probabilities {
        paths.push(probabilities_path(&spec.out));
    }
    paths
}

pub(crate) fn byte_of_share(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 200.0).round() as u8
}

/// Planar shares as bytes; missing where a pixel has no class.
fn probability_bytes(shares: &[f32], classes: &[u8]) -> Vec<u8> {
    shares
        .iter()
        .enumerate()
        .map(|(index, share)| {
            let class = classes.get(index % classes.len().max(1));
            if share.is_finite() && class.is_some_and(|class| *class != NO_CLASS) {
                byte_of_share(*share)
            } else {
                CONFIDENCE_NODATA
            }
        })
        .collect()
}

fn uncertainty_bytes(verdicts: &Verdicts, measure: Uncertainty) -> Vec<u8> {
    (0..verdicts.class.len())
        .map(|at| {
            let value = |list: &[f32]| list.get(at).copied().unwrap_or(0.0);
            match (verdicts.class.get(at), measure) {
                (None | Some(&NO_CLASS), _) => CONFIDENCE_NODATA,
                (_, Uncertainty::Margin) => {
                    byte_of_share(1.0 - (value(&verdicts.probability) - value(&verdicts.second)))
                }
                (_, Uncertainty::Entropy) => byte_of_share(value(&verdicts.entropy)),
            }
        })
        .collect()
}

/// The area a job is restricted to.
pub(crate) fn area_of(
    spec: Option<&terroir_scene::AreaSpec>,
    grid: &terroir_scene::Grid,
) -> JobResult<Option<AreaOfInterest>> {
    Ok(spec
        .map(|spec| AreaOfInterest::read_blocking(spec, grid))
        .transpose()?)
}

/// `map.tif` -> `map_confidence.tif`.
pub fn confidence_path(map: &Path) -> PathBuf {
    let mut name = map.file_stem().unwrap_or_default().to_owned();
    name.push("_confidence.tif");
    map.with_file_name(name)
}

/// `map.tif` -> `map_probabilities.tif`.
pub(crate) fn probabilities_path(map: &Path) -> PathBuf {
    let mut name = map.file_stem().unwrap_or_default().to_owned();
    name.push("_probabilities.tif");
    map.with_file_name(name)
}

/// `map.tif` -> `map_uncertainty.tif`.
pub fn uncertainty_path(map: &Path) -> PathBuf {
    let mut name = map.file_stem().unwrap_or_default().to_owned();
    name.push("_uncertainty.tif");
    map.with_file_name(name)
}

pub(crate) fn squares(width: usize, height: usize) -> Vec<Window> {
    (0..height)
        .step_by(SIDE)
        .flat_map(|row| (0..width).step_by(SIDE).map(move |col| (col, row)))
        .map(|(col, row)| Window {
            col,
            row,
            width: SIDE.min(width - col),
            height: SIDE.min(height - row),
        })
        .collect()
}

/// Of the file an area of interest comes from; empty without one.
pub(crate) fn fingerprint_of_area(area: Option<&terroir_scene::AreaSpec>) -> String {
    area.map_or_else(String::new, |area| {
        fingerprint(&terroir_scene::file_and_layer(&area.file).0)
    })
}

/// The squares of a grid as far as they lie in some of its rows.
pub(crate) fn squares_of(grid: &Grid, rows: Window) -> Vec<Window> {
    squares(grid.width, grid.height)
        .iter()
        .filter_map(|square| square.intersection(&rows))
        .collect()
}

/// Area of a pixel where the CRS counts in a length unit; `None` for degrees and pictures without a place.
pub(crate) fn hectares_per_pixel(grid: &terroir_scene::Grid) -> Option<f64> {
    let crs = grid.crs()?;
    if crs.is_geographic {
        return None;
    }
    let t = grid.georef.transform?.0;
    Some((t[1] * t[5] - t[2] * t[4]).abs() / 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_cover_every_pixel_once() {
        for (width, height) in [(1, 1), (512, 512), (513, 1030)] {
            let area: usize = squares(width, height)
                .iter()
                .map(|w| w.width * w.height)
                .sum();
            assert_eq!(area, width * height);
        }
    }

    #[test]
    fn the_confidence_lies_beside_the_map() {
        assert_eq!(
            confidence_path(Path::new("a/map.tif")),
            Path::new("a/map_confidence.tif")
        );
    }
}
