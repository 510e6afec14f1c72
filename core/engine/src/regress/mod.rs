//! The regression job: a field and values measured at places to a map of that value, with a spatially blocked
//! cross-validation. Streams; memory depends on the places, not on the field's area. Knows fields and values; knows nothing of
//! how a map is drawn.

mod report;
mod spec;
mod validation;
mod vectors;

use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use serde_json::json;
use terroir_scene::{
    MapKind, NorthUp, Raster, ValueHead, ValuePlaces, ValueSample, block_px_of,
    decode_planar_pixel, file_and_layer, read_value_places_blocking,
};

use crate::journal::fingerprint;
use crate::monitor::{JobResult, Monitor};
use crate::predict::squares_of;
use crate::provenance::{checksum_of, file_name, of_result, sha256_of_file, value_of};
use crate::shard::{Share, key_of};
use crate::train::open_field;
use crate::{Failure, JobSpec, Outcome};

use report::write_report;
pub use spec::{RegressSpec, ValueModel};
use validation::{Validation, cross_validate};
use vectors::{MeasuredPlace, read_blocking};

/// Zones whose mean is shorter than this are mixed (specification of fields, section 2).
const MIXED: f64 = 0.2;
/// A larger share of the map beyond the measured values is said.
const MOST_BEYOND: f64 = 0.1;

pub(crate) fn regress(
    spec: &RegressSpec,
    share: Share,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    let begun = Instant::now();
    monitor.started("cpu");
    if spec.out == spec.field {
        return Err(Failure::new(format!(
            "the map would overwrite the field; choose another name\n{}",
            spec.out.display()
        ))
        .into());
    }
    if share.is_shard() && spec.head.is_none() {
        return Err(Failure::new(
            "shards map with one regression; fit it first without --shard, then name it (--head)",
        )
        .into());
    }
    let field = open_field(&spec.field)?;
    let north_up = NorthUp::of(&field.info().grid);
    let mut metrics = Vec::new();
    let mut files = Vec::new();
    let mut figure = String::new();
    let head = match (&spec.head, &spec.points) {
        (Some(head), _) => known(head, &field, monitor)?,
        (None, Some(points)) => {
            let fitted = fit(spec, points, &field, &north_up, monitor)?;
            metrics.extend(fitted.metrics);
            files.extend(fitted.files);
            figure = fitted.figure;
            fitted.head
        }
        (None, None) => {
            return Err(Failure::new(
                "values to learn from are missing: name a file of points or polygons, or a regression fitted before",
            )
            .into());
        }
    };
    let map = match write_map(spec, share, &field, &north_up, &head, begun, monitor)? {
        Mapped::Now(map) => map,
        Mapped::Before(done) => return Ok(done),
    };
    files.splice(0..0, map.files);
    metrics.extend(map.metrics);
    let seconds = begun.elapsed().as_secs_f64();
    metrics.push(("seconds".to_owned(), seconds));
    Ok(Outcome {
        files,
        summary: format!(
            "Map of {} over {} pixels{figure}, {seconds:.1} s",
            head.name, map.pixels
        ),
        metrics,
        warnings: monitor.warnings(),
    })
}

/// A regression fitted before, and a word where that was on another kind of field.
fn known(path: &Path, field: &Raster, monitor: &Monitor<'_>) -> JobResult<ValueHead> {
    let mut head = ValueHead::load(path)?;
    let theirs = head
        .provenance
        .get("field_model")
        .and_then(|model| model.as_str());
    let ours = value_of(field.info(), "TERROIR_MODEL");
    if let (Some(theirs), Some(ours)) = (theirs, &ours)
        && theirs != ours
    {
        monitor.warn("the regression was fitted on another field, whose axes may mean other things; check the map with care");
    }
    let sha256 = sha256_of_file(path)?;
    head.provenance.insert(
        "from".to_owned(),
        json!({"file": file_name(path), "sha256": sha256}),
    );
    Ok(head)
}

struct Fitted {
    head: ValueHead,
    files: Vec<std::path::PathBuf>,
    metrics: Vec<(String, f64)>,
    /// Words of the summary.
    figure: String,
}

fn fit(
    spec: &RegressSpec,
    points: &str,
    field: &Raster,
    north_up: &NorthUp,
    monitor: &Monitor<'_>,
) -> JobResult<Fitted> {
    monitor.progress("reading the values", 0, 1);
    let (path, layer) = file_and_layer(points);
    let found = read_value_places_blocking(&path, layer.as_deref(), &spec.value, &north_up.grid)?;
    let places = read_blocking(field, north_up, &found.places, monitor)?;
    let without_data = found.places.len() - places.len();
    say(&found, without_data, &places, monitor);
    let samples: Vec<ValueSample> = places.iter().map(MeasuredPlace::sample).collect();
    let failed =
        |error: terroir_scene::SceneError| Failure::new(format!("{error}\n{}", path.display()));
    let mut head =
        ValueHead::fit(&spec.value, &spec.unit, &samples, spec.lambda).map_err(failed)?;
    let validation = if spec.folds > 1 {
        cross_validate(spec, &places, block_px_of(&north_up.grid), monitor)?
    } else {
        None
    };
    let job = JobSpec::Regress(spec.clone());
    let facts = [
        ("job", json!(job)),
        ("field", json!(file_name(&spec.field))),
        (
            "field_model",
            json!(value_of(field.info(), "TERROIR_MODEL")),
        ),
        (
            "values",
            json!({
                "file": file_name(&path), "sha256": checksum_of(&path)?, "column": spec.value, "used": places.len(),
                "outside": found.outside, "without_value": found.without_value, "without_shape": found.without_shape,
                "without_data": without_data,
            }),
        ),
    ];
    for (key, value) in facts {
        head.provenance.insert(key.to_owned(), value);
    }
    let mut metrics = vec![
        ("values".to_owned(), places.len() as f64),
        ("outside".to_owned(), found.outside as f64),
        ("without_value".to_owned(), found.without_value as f64),
        ("without_data".to_owned(), without_data as f64),
        ("lambda".to_owned(), head.lambda),
    ];
    let mut figure = format!(" from {} values", places.len());
    let mut files = Vec::new();
    let head_path = spec.out.with_extension("json");
    if let Some(validation) = &validation {
        head.provenance
            .insert("accuracy".to_owned(), validation.summary());
        for (name, value) in [
            ("r2", validation.accuracy.r2_determination),
            ("rmse", validation.accuracy.rmse),
            ("mae", validation.accuracy.mae),
            ("bias", validation.accuracy.bias),
        ] {
            metrics.extend(value.map(|value| (name.to_owned(), value)));
        }
        figure.push_str(&words(validation, &spec.unit));
        head.save(&head_path)?;
        files.push(head_path);
        files.extend(write_report(spec, &places, validation, &head)?);
    } else {
        head.save(&head_path)?;
        files.push(head_path);
    }
    Ok(Fitted {
        head,
        files,
        metrics,
        figure,
    })
}

/// `; R2 0.71, RMSE 1.2 dB in 5 spatial folds`.
fn words(validation: &Validation, unit: &str) -> String {
    let accuracy = &validation.accuracy;
    let mut text = String::new();
    if let Some(r2) = accuracy.r2_determination {
        text.push_str(&format!("; R2 {r2:.3}"));
    }
    if let Some(rmse) = accuracy.rmse {
        let gap = if unit.is_empty() { "" } else { " " };
        text.push_str(&format!(", RMSE {rmse:.4}{gap}{unit}"));
    }
    text.push_str(&format!(
        " in {} spatial blocks-out folds",
        validation.folds.len()
    ));
    text
}

/// What became of the places that could not be used.
fn say(found: &ValuePlaces, without_data: usize, places: &[MeasuredPlace], monitor: &Monitor<'_>) {
    let mixed = places
        .iter()
        .filter(|place| place.coherence < MIXED)
        .count();
    for (count, what) in [
        (found.outside, "lie beside the field and are left out"),
        (
            found.without_value,
            "have no number in this column and are left out",
        ),
        (
            found.without_shape,
            "have no point or polygon and are left out",
        ),
        (
            without_data,
            "lie where the field has no data and are left out",
        ),
        (
            mixed,
            "are polygons over very different ground, so that their mean stands for little",
        ),
    ] {
        if count > 0 {
            monitor.warn(format!(
                "{count} of {} places {what}",
                found.places.len() + found.outside + found.without_value + found.without_shape
            ));
        }
    }
}

struct Written {
    files: Vec<std::path::PathBuf>,
    metrics: Vec<(String, f64)>,
    pixels: u64,
}

enum Mapped {
    Now(Written),
    /// A shard that needs no work.
    Before(Outcome),
}

/// The value of every pixel.
fn write_map(
    spec: &RegressSpec,
    share: Share,
    field: &Raster,
    north_up: &NorthUp,
    head: &ValueHead,
    begun: Instant,
    monitor: &Monitor<'_>,
) -> JobResult<Mapped> {
    let grid = &north_up.grid;
    let kind = MapKind::Continuous {
        bands: vec![(head.name.clone(), head.unit.clone())],
        ramp: spec.ramp.clone(),
    };
    let rows = share.rows(grid.window());
    let job = share.job(JobSpec::Regress(spec.clone()));
    let inputs = [
        fingerprint(&spec.field),
        spec.head.as_deref().map(fingerprint).unwrap_or_default(),
    ];
    let key = key_of(&job, &[&inputs[0], &inputs[1]])?;
    let outputs = std::slice::from_ref(&spec.out);
    if let Some(done) = share.done_blocking(rows, outputs, &key, monitor) {
        return Ok(Mapped::Before(done));
    }
    let mut map = share.writer(&spec.out, grid, rows, kind)?;
    let (mut pixels, mut beyond, mut sum) = (0u64, 0u64, 0.0f64);
    let windows = squares_of(grid, rows);
    for (done, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("mapping", done as u64, windows.len() as u64);
        let codes = north_up.read_codes_blocking(field, *window)?;
        let count = window.pixels();
        let values: Vec<f32> = (0..count)
            .into_par_iter()
            .map(|at| {
                decode_planar_pixel(&codes, count, at).map_or(f32::NAN, |unit| head.predict(&unit))
            })
            .collect();
        for value in values.iter().map(|value| f64::from(*value)) {
            if value.is_finite() {
                pixels += 1;
                sum += value;
                beyond += u64::from(value < head.low || value > head.high);
            }
        }
        map.write_floats(*window, &values)?;
    }
    monitor.check()?;
    let share_beyond = beyond as f64 / pixels.max(1) as f64;
    if share_beyond > MOST_BEYOND {
        monitor.warn(format!(
            "{:.0} % of the map lies beyond the values it was fitted on ({} to {}), where a regression only guesses",
            100.0 * share_beyond,
            head.low,
            head.high
        ));
    }
    let unit = if head.unit.is_empty() {
        String::new()
    } else {
        format!(" ({})", head.unit)
    };
    let description = format!("{}{unit} by ridge regression on a field", head.name);
    let seconds = begun.elapsed().as_secs_f64();
    let mut keys = of_result(&job, &[field.info()], &description, seconds);
    for (key, name) in [("LABELS", "values"), ("ACCURACY", "accuracy")] {
        if let Some(value) = head.provenance.get(name) {
            keys.push((key.to_owned(), value.to_string()));
        }
    }
    keys.extend(share.provenance(&key));
    let files = map.finish_observed(&keys, &mut |share| {
        monitor.progress("writing the file", (100.0 * share) as u64, 100);
        !monitor.is_cancelled()
    })?;
    Ok(Mapped::Now(Written {
        files,
        metrics: vec![
            ("pixels".to_owned(), pixels as f64),
            ("mean".to_owned(), sum / pixels.max(1) as f64),
            ("share_beyond_values".to_owned(), share_beyond),
        ],
        pixels,
    }))
}
