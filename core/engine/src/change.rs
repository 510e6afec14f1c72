//! The change job: two fields of one place to a raster of how far they lie apart, and to polygons of what changed. Streams;
//! memory does not depend on the fields' area. Knows fields; knows nothing of how a result is drawn.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use terroir_scene::{
    ChangeMeasure, FEWEST_YEARS, MapKind, NorthUp, PixelAreas, Raster, RasterInfo, ValuePatch,
    ValuePatchWriter, ValuePatches, decode_planar_pixel, on_one_grid,
};

use crate::journal::fingerprint;
use crate::monitor::{JobResult, Monitor};
use crate::predict::squares_of;
use crate::provenance::{of_result, value_of};
use crate::shard::{Share, key_of};
use crate::train::open_field;
use crate::{Failure, JobSpec, Outcome};

/// Below this mean the two fields hardly look like one place.
const UNLIKELY_MEAN_DOT: f64 = 0.6;
/// Patches written at once.
const BATCH: usize = 4096;

/// Two fields to change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeSpec {
    pub before: PathBuf,
    pub after: PathBuf,
    /// Further years, for the local z.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<PathBuf>,
    #[serde(default)]
    pub measure: ChangeMeasure,
    /// What counts as changed; `None` = the measure's own (a dot product below 0.8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Smaller patches of change are left out of the polygons.
    pub least_area_m2: f64,
    /// Write the patches of change to `<stem>.gpkg` beside the raster.
    pub polygons: bool,
    /// GeoTIFF of floats.
    pub out: PathBuf,
}

impl ChangeSpec {
    /// The smallest change that becomes a polygon unless the user says otherwise (specification of fields, section 3.4).
    pub const LEAST_AREA_M2: f64 = 20_000.0;

    /// What the job takes as changed.
    pub fn threshold(&self) -> f64 {
        self.threshold
            .unwrap_or_else(|| self.measure.default_threshold())
    }

    /// All fields it reads, oldest named first.
    pub fn fields(&self) -> Vec<&Path> {
        [&self.before]
            .into_iter()
            .chain(&self.also)
            .chain([&self.after])
            .map(PathBuf::as_path)
            .collect()
    }

    /// Options of the command line that say the same, what is as by default left out.
    pub(crate) fn words(&self) -> Vec<(&'static str, Option<String>)> {
        let mut words = vec![
            ("--before", Some(self.before.display().to_string())),
            ("--after", Some(self.after.display().to_string())),
        ];
        for field in &self.also {
            words.push(("--also", Some(field.display().to_string())));
        }
        words.extend([("--measure", Some(self.measure.word().to_owned()))]);
        if let Some(threshold) = self.threshold {
            words.push(("--threshold", Some(threshold.to_string())));
        }
        if self.least_area_m2 != Self::LEAST_AREA_M2 {
            words.push(("--least-area", Some(self.least_area_m2.to_string())));
        }
        if !self.polygons {
            words.push(("--no-polygons", None));
        }
        words.push(("--out", Some(self.out.display().to_string())));
        words
    }
}

pub(crate) fn change(spec: &ChangeSpec, share: Share, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let begun = Instant::now();
    monitor.started("cpu");
    check(spec)?;
    if spec.polygons && share.is_shard() {
        return Err(Failure::new(
            "polygons of change are not cut at the rows of shards; leave them out (--no-polygons)",
        )
        .into());
    }
    let years = open_years(spec, monitor)?;
    let grid = years
        .first()
        .map(|(_, north_up)| north_up.grid.clone())
        .ok_or_else(|| Failure::new("there are no fields to compare"))?;
    let areas = PixelAreas::of(&grid);
    let threshold = spec.threshold();
    let kind = MapKind::Continuous {
        bands: vec![(
            format!("change ({})", spec.measure.word()),
            spec.measure.unit().to_owned(),
        )],
        ramp: ramp(spec.measure).to_owned(),
    };
    let rows = share.rows(grid.window());
    let job = share.job(JobSpec::Change(spec.clone()));
    let inputs: Vec<String> = spec.fields().into_iter().map(fingerprint).collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let key = key_of(&job, &inputs)?;
    let outputs = std::slice::from_ref(&spec.out);
    if let Some(done) = share.done_blocking(rows, outputs, &key, monitor) {
        return Ok(done);
    }
    let mut map = share.writer(&spec.out, &grid, rows, kind)?;
    let mut polygons = Polygons::create(spec, &grid, areas.is_some(), monitor)?;
    let mut sums = Sums::default();
    // The rows of a line of squares, whole, for the patches.
    let mut strip: Vec<f32> = Vec::new();
    let windows = squares_of(&grid, rows);
    for (done, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("comparing", done as u64, windows.len() as u64);
        let codes = years
            .iter()
            .map(|(field, north_up)| Ok(north_up.read_codes_blocking(field, *window)?))
            .collect::<JobResult<Vec<Vec<i8>>>>()?;
        let count = window.pixels();
        let pairs: Vec<(f32, f32)> = (0..count)
            .into_par_iter()
            .map(|at| compared(spec.measure, &codes, count, at))
            .collect();
        let values: Vec<f32> = pairs.iter().map(|(value, _)| *value).collect();
        map.write_floats(*window, &values)?;
        strip.resize(grid.width * window.height, f32::NAN);
        for (line, values) in values.chunks(window.width).enumerate() {
            let row = window.row + line;
            let pixel_m2 = areas.as_ref().map_or(0.0, |areas| areas.of_row(row));
            for value in values.iter().filter(|value| value.is_finite()) {
                sums.valid += 1;
                sums.sum += f64::from(*value);
                if spec.measure.is_changed(*value, threshold) {
                    sums.changed += 1;
                    sums.changed_m2 += pixel_m2;
                }
            }
            let start = line * grid.width + window.col;
            if let Some(part) = strip.get_mut(start..start + values.len()) {
                part.copy_from_slice(values);
            }
        }
        sums.dots += pairs
            .iter()
            .filter(|(_, dot)| dot.is_finite())
            .map(|(_, dot)| f64::from(*dot))
            .sum::<f64>();
        if window.end_col() == grid.width {
            for (line, values) in strip.chunks(grid.width).take(window.height).enumerate() {
                let pixel_m2 = areas
                    .as_ref()
                    .map_or(0.0, |areas| areas.of_row(window.row + line));
                polygons.push_row(values, pixel_m2, |value| {
                    spec.measure.is_changed(value, threshold)
                })?;
            }
        }
    }
    sums.say(monitor);
    let seconds = begun.elapsed().as_secs_f64();
    let sentence = format!(
        "Change between {} and {}: {}",
        file_name(&spec.before),
        file_name(&spec.after),
        match spec.measure {
            ChangeMeasure::Dot => "dot product of the two vectors, 1 = no change",
            ChangeMeasure::Distance => "(1 - dot product) / 2, 0 = no change",
            ChangeMeasure::Angle => "angle between the two vectors in degrees, 0 = no change",
            ChangeMeasure::LocalZ =>
                "how unusual the later year is among all at its pixel, in deviations",
        }
    );
    let infos: Vec<&RasterInfo> = years.iter().map(|(field, _)| field.info()).collect();
    let mut keys = of_result(&job, &infos, &sentence, seconds);
    keys.extend(share.provenance(&key));
    let mut files = map.finish_observed(&keys, &mut |share| {
        monitor.progress("writing the file", (100.0 * share) as u64, 100);
        !monitor.is_cancelled()
    })?;
    let (written, path) = polygons.finish()?;
    files.extend(path);
    Ok(sums.outcome(spec, written, files, begun, monitor))
}

/// The earlier field, further years, the later one; all on the grid of the first.
fn open_years(spec: &ChangeSpec, monitor: &Monitor<'_>) -> JobResult<Vec<(Raster, NorthUp)>> {
    let first = open_field(&spec.before)?;
    let mut years = vec![];
    let own = NorthUp::of(&first.info().grid);
    let mut models = vec![value_of(first.info(), "TERROIR_MODEL")];
    for path in spec.also.iter().chain([&spec.after]) {
        let field = open_field(path)?;
        let (_, north_up) = on_one_grid(first.info(), field.info())?;
        models.push(value_of(field.info(), "TERROIR_MODEL"));
        years.push((field, north_up));
    }
    years.insert(0, (first, own));
    let mut known = models.iter().flatten();
    let model = known.next();
    if known.any(|other| Some(other) != model) {
        monitor.warn("the fields were made by different models, so their numbers mean different things; make all with the same model and weights");
    }
    Ok(years)
}

/// The measure at a pixel and the dot product of the first and the last year; NaN without data.
fn compared(measure: ChangeMeasure, codes: &[Vec<i8>], count: usize, at: usize) -> (f32, f32) {
    const MISSING: (f32, f32) = (f32::NAN, f32::NAN);
    let [first, between @ .., last] = codes else {
        return MISSING;
    };
    let unit = |codes: &Vec<i8>| decode_planar_pixel(codes, count, at);
    let Some((before, after)) = unit(first).zip(unit(last)) else {
        return MISSING;
    };
    let dot = ChangeMeasure::Dot.of(&before, &after);
    if measure != ChangeMeasure::LocalZ {
        return (measure.of(&before, &after), dot);
    }
    // Years without data here are left out.
    let years: Vec<_> = [before]
        .into_iter()
        .chain(between.iter().filter_map(unit))
        .chain([after])
        .collect();
    (measure.of_years(&years), dot)
}

/// What cannot be, said before anything is read.
fn check(spec: &ChangeSpec) -> Result<(), Failure> {
    let (low, high) = spec.measure.range();
    if let Some(threshold) = spec.threshold
        && !(f64::from(low)..=f64::from(high)).contains(&threshold)
    {
        return Err(Failure::new(format!(
            "a threshold of {threshold} lies outside what the {} can be ({low} to {high})",
            spec.measure.name().to_lowercase()
        )));
    }
    if !(spec.least_area_m2.is_finite() && spec.least_area_m2 >= 0.0) {
        return Err(Failure::new(
            "the smallest area must be a number of square metres, 0 or more",
        ));
    }
    let is_same = |a: &std::path::Path, b: &std::path::Path| {
        a == b
            || a.canonicalize()
                .is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
    };
    let years = spec.also.len() + 2;
    match spec.measure {
        ChangeMeasure::LocalZ if years < FEWEST_YEARS => {
            return Err(Failure::new(format!(
                "the local z compares a year with what is usual at its pixel, which takes {FEWEST_YEARS} fields or more; there are {years}, name others (--also)"
            )));
        }
        ChangeMeasure::LocalZ => {}
        _ if years > 2 => {
            return Err(Failure::new(
                "only the local z uses further years; choose it as the measure, or leave them out",
            ));
        }
        _ => {}
    }
    if is_same(&spec.before, &spec.after) {
        return Err(Failure::new(format!(
            "before and after are the same file; choose two fields of different dates\n{}",
            spec.before.display()
        )));
    }
    let mut fields = spec.also.iter().chain([&spec.before, &spec.after]);
    if fields.any(|field| is_same(&spec.out, field)) {
        return Err(Failure::new(format!(
            "the result would overwrite a field; choose another name\n{}",
            spec.out.display()
        )));
    }
    Ok(())
}

/// Bright is alike for the dot product and changed for the others.
fn ramp(measure: ChangeMeasure) -> &'static str {
    match measure {
        ChangeMeasure::Dot => "cividis",
        ChangeMeasure::Distance | ChangeMeasure::Angle | ChangeMeasure::LocalZ => "similarity",
    }
}

fn file_name(path: &std::path::Path) -> String {
    crate::provenance::file_name(path)
}

/// What is counted on the way.
#[derive(Default)]
struct Sums {
    valid: u64,
    sum: f64,
    dots: f64,
    changed: u64,
    changed_m2: f64,
}

impl Sums {
    fn mean(&self, sum: f64) -> f64 {
        sum / self.valid.max(1) as f64
    }

    fn say(&self, monitor: &Monitor<'_>) {
        if self.valid == 0 {
            monitor.warn("no pixel has data in both fields, so there is nothing to compare");
        } else if self.mean(self.dots) < UNLIKELY_MEAN_DOT {
            monitor.warn(format!(
                "the two fields differ nearly everywhere (mean dot product {:.2}); check that both were made by the same model and show the same place",
                self.mean(self.dots)
            ));
        }
    }

    fn outcome(
        &self,
        spec: &ChangeSpec,
        polygons: Option<u64>,
        files: Vec<PathBuf>,
        begun: Instant,
        monitor: &Monitor<'_>,
    ) -> Outcome {
        let seconds = begun.elapsed().as_secs_f64();
        let share = self.changed as f64 / self.valid.max(1) as f64;
        let sign = match spec.measure {
            ChangeMeasure::Dot => "below",
            ChangeMeasure::Distance | ChangeMeasure::Angle | ChangeMeasure::LocalZ => "above",
        };
        let hectares = self.changed_m2 / 10_000.0;
        let mut summary = format!(
            "{:.1} % of {} pixels changed ({} {sign} {:.4})",
            100.0 * share,
            self.valid,
            spec.measure.name().to_lowercase(),
            spec.threshold()
        );
        if hectares > 0.0 {
            summary.push_str(&format!(", {hectares:.1} ha"));
        }
        if let Some(count) = polygons {
            summary.push_str(&format!(
                ", {count} {} of at least {} m2",
                if count == 1 { "polygon" } else { "polygons" },
                spec.least_area_m2
            ));
        }
        summary.push_str(&format!(", {seconds:.1} s"));
        let mut metrics = vec![
            ("pixels".to_owned(), self.valid as f64),
            ("mean".to_owned(), self.mean(self.sum)),
            ("mean_dot".to_owned(), self.mean(self.dots)),
            ("threshold".to_owned(), spec.threshold()),
            ("changed_pixels".to_owned(), self.changed as f64),
            ("changed_share".to_owned(), share),
        ];
        if self.changed_m2 > 0.0 {
            metrics.push(("changed_hectares".to_owned(), hectares));
        }
        metrics.extend(polygons.map(|count| ("polygons".to_owned(), count as f64)));
        metrics.push(("seconds".to_owned(), seconds));
        Outcome {
            files,
            summary,
            metrics,
            warnings: monitor.warnings(),
        }
    }
}

/// The patches of change on their way to the file.
struct Polygons {
    open: Option<(ValuePatches, ValuePatchWriter)>,
    waiting: Vec<ValuePatch>,
    is_in: Vec<bool>,
    path: PathBuf,
}

impl Polygons {
    fn create(
        spec: &ChangeSpec,
        grid: &terroir_scene::Grid,
        has_place: bool,
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        let path = spec.out.with_extension("gpkg");
        if spec.polygons && !has_place {
            monitor.warn("the fields have no place on the ground, so no polygons are written");
        }
        let open = if spec.polygons && has_place {
            let column = format!("mean_{}", spec.measure.word().replace('-', "_"));
            Some((
                ValuePatches::new(spec.least_area_m2),
                ValuePatchWriter::create(&path, grid, "change", &column)?,
            ))
        } else {
            None
        };
        Ok(Self {
            open,
            waiting: Vec::new(),
            is_in: Vec::new(),
            path,
        })
    }

    fn push_row(
        &mut self,
        values: &[f32],
        pixel_m2: f64,
        is_changed: impl Fn(f32) -> bool,
    ) -> JobResult<()> {
        let Some((patches, writer)) = &mut self.open else {
            return Ok(());
        };
        self.is_in.clear();
        self.is_in.extend(
            values
                .iter()
                .map(|value| value.is_finite() && is_changed(*value)),
        );
        self.waiting
            .extend(patches.push_row(&self.is_in, values, pixel_m2));
        if self.waiting.len() >= BATCH {
            writer.write(&self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> JobResult<(Option<u64>, Option<PathBuf>)> {
        let Some((patches, mut writer)) = self.open.take() else {
            return Ok((None, None));
        };
        self.waiting.extend(patches.finish());
        writer.write(&self.waiting)?;
        Ok((Some(writer.finish()?), Some(self.path)))
    }
}
