//! Where to label next, for the command line: fits a head on the labels and ranks places of the field's sample.
//! Knows labels, fields and heads. Knows no windows.

use std::path::PathBuf;

use terroir_scene::{
    Class, FieldSample, FitOptions, Head, HeadKind, KnownPlaces, LabelUse, SuggestOptions,
    Suggestion, import_labels, suggest_places,
};

use crate::monitor::{JobResult, Monitor, Stop};
use crate::train::{open_field, read_samples_blocking, say_import};
use crate::{Event, Failure, JobId};

/// What places are asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct SuggestSpec {
    pub field: PathBuf,
    pub labels: PathBuf,
    pub class_attribute: Option<String>,
    pub kind: HeadKind,
    pub options: SuggestOptions,
}

/// The places, best first, and what they were looked for with.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggested {
    pub grid: terroir_scene::Grid,
    pub classes: Vec<Class>,
    pub places: Vec<Suggestion>,
    /// Pixels of the field that were looked at, and all it has.
    pub sampled: usize,
    pub field_pixels: usize,
    pub warnings: Vec<String>,
}

/// Looks for places in this process. Labels that are held out neither train nor are suggested.
///
/// # Errors
/// Unreadable files, labels that lie off the field or name fewer than two classes; `cancelled` when asked to stop.
pub fn suggest_here(
    spec: &SuggestSpec,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Suggested, Failure> {
    let mut ignore = |_: Event| {};
    let stop = || cancelled().then_some(Stop::Cancelled);
    let monitor = Monitor::new(JobId(0), &stop, &mut ignore);
    suggest(spec, &monitor, cancelled).map_err(Failure::from)
}

fn suggest(
    spec: &SuggestSpec,
    monitor: &Monitor<'_>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> JobResult<Suggested> {
    let field = open_field(&spec.field)?;
    let grid = field.info().grid.clone();
    let (labels, report) = import_labels(&spec.labels, &grid, spec.class_attribute.as_deref())?;
    say_import(monitor, &report);
    let labelled = labels.pixels_for(LabelUse::Train);
    let samples = read_samples_blocking(&field, &labelled, monitor)?;
    let training: Vec<_> = samples
        .iter()
        .filter_map(|sample| sample.training(&labels.classes))
        .collect();
    let options = FitOptions::new(spec.kind);
    let head = Head::fit(&options, &labels.classes, &training, cancelled)?;
    let known = KnownPlaces {
        labelled: labels
            .pixels()
            .iter()
            .map(|pixel| (pixel.col, pixel.row))
            .collect(),
        vectors: samples.iter().map(|sample| sample.vector).collect(),
        visited: Vec::new(),
    };
    let sample = FieldSample::read_blocking(&field, cancelled)?;
    let places = suggest_places(
        &sample,
        &head.classes,
        &|unit, out| head.probabilities(unit, out),
        &known,
        &spec.options,
        cancelled,
    )?;
    Ok(Suggested {
        grid,
        classes: head.classes.clone(),
        places,
        sampled: sample.pixels(),
        field_pixels: sample.field_pixels,
        warnings: monitor.warnings(),
    })
}
