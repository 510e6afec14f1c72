//! What the map of a day is made from: a model's field, a network that is taught, or the images themselves. Knows the steps of
//! each; knows no pixels.

use std::path::PathBuf;

use terroir_scene::Archive;

use super::images_map::ImageForest;
use super::map::{About, CropMap, Labelled};
use super::results::CropFigure;
use super::spec::{CropMapOf, CropSpec};
use super::taught::{TaughtNetwork, taught_name};
use super::{Day, field_path};
use crate::monitor::{JobResult, Monitor};
use crate::shard::Share;
use crate::{CandidateSource, Failure, PredictSpec, TrainSpec, evaluate, predict, train};

/// Blocks-out folds of the classifier's own accuracy.
const FOLDS: usize = 5;

/// What the map of a day is made from.
pub(super) enum MapSource {
    /// Of the model with this number.
    Field(usize),
    Taught,
    Images(CandidateSource),
}

impl MapSource {
    /// Its name among the figures.
    pub fn name(&self, spec: &CropSpec) -> String {
        match self {
            Self::Field(model) => spec.models.get(*model).map(|model| model.name.clone()),
            Self::Taught => spec.taught_model().map(|model| taught_name(&model.name)),
            Self::Images(source) => source.archive_name().map(str::to_owned),
        }
        .unwrap_or_default()
    }

    /// What a job asks for, or what did best with the most labels: the map is taught all of them.
    pub fn of(spec: &CropSpec, figures: &[CropFigure]) -> Self {
        match spec.map_of {
            CropMapOf::Field => return Self::Field(0),
            CropMapOf::Taught => return Self::Taught,
            CropMapOf::Harmonics => return Self::Images(CandidateSource::Harmonics),
            CropMapOf::Stack => return Self::Images(CandidateSource::Stack),
            CropMapOf::Best => {}
        }
        let shots = spec.shots.iter().max().map(ToString::to_string);
        let mean = |source: &Self| {
            let name = source.name(spec);
            let found = figures
                .iter()
                .find(|figure| figure.candidate == name && Some(&figure.shots) == shots.as_ref());
            found.map_or(f64::NEG_INFINITY, |figure| figure.mean)
        };
        let images = [CandidateSource::Harmonics, CandidateSource::Stack].map(Self::Images);
        (0..spec.models.len())
            .map(Self::Field)
            .chain(spec.taught.map(|_| Self::Taught))
            .chain(images)
            // Of equals the first.
            .reduce(|best, other| {
                if mean(&other) > mean(&best) {
                    other
                } else {
                    best
                }
            })
            .unwrap_or(Self::Field(0))
    }

    /// Makes the map of a day.
    ///
    /// # Errors
    /// Nothing to learn from, a file that cannot be read or written, a device that fails, a cancel.
    pub fn map_blocking(
        &self,
        spec: &CropSpec,
        day: &Day,
        taught: Option<&mut TaughtNetwork>,
        monitor: &Monitor<'_>,
    ) -> JobResult<PathBuf> {
        match self {
            Self::Field(model) => map_field(spec, day, *model, monitor),
            Self::Taught => map_taught(spec, day, taught, monitor),
            Self::Images(source) => map_images(spec, day, source, monitor),
        }
    }
}

/// Classifier and map of a model's field.
fn map_field(
    spec: &CropSpec,
    day: &Day,
    model: usize,
    monitor: &Monitor<'_>,
) -> JobResult<PathBuf> {
    let field = field_path(spec, day, model);
    let head = spec.beside(day.as_of, "_classifier", "json");
    let training = TrainSpec {
        field: field.clone(),
        labels: spec.labels.clone(),
        class_attribute: spec.class_attribute.clone(),
        kind: spec.kind,
        out: head.clone(),
        folds: FOLDS,
        seed: spec.seed,
        class_weights: Vec::new(),
        neighbours: None,
    };
    monitor.step("classifier", |step| train::train(&training, step))?;
    let map = spec.beside(day.as_of, "", "tif");
    let prediction = PredictSpec {
        field,
        head,
        uncertainty: None,
        probabilities: false,
        out: map.clone(),
        aoi: None,
    };
    predict::predict(&prediction, Share::WHOLE, monitor)?;
    Ok(map)
}

/// The map of a network that is taught all labels.
fn map_taught(
    spec: &CropSpec,
    day: &Day,
    taught: Option<&mut TaughtNetwork>,
    monitor: &Monitor<'_>,
) -> JobResult<PathBuf> {
    let taught = taught.ok_or_else(|| Failure::new("no network is taught"))?;
    let path = spec.beside(day.as_of, "", "tif");
    let labelled = Labelled::read_blocking(spec, &taught.archive().grid, monitor)?;
    let mut map = CropMap::create(&path, &taught.archive().grid, &labelled.classes)?;
    let description = taught.map_blocking(&labelled, spec.seed, &mut map, monitor)?;
    let about = About {
        spec: &spec.of_day(day.as_of),
        archive: taught.archive(),
        period: day.period,
        labelled: &labelled,
        description,
        device: &taught.device,
    };
    map.finish(&about.keys()?)?;
    Ok(path)
}

/// The map of what the images say without any model.
fn map_images(
    spec: &CropSpec,
    day: &Day,
    source: &CandidateSource,
    monitor: &Monitor<'_>,
) -> JobResult<PathBuf> {
    let path = spec.beside(day.as_of, "", "tif");
    let archive = Archive::open(&spec.archive, None)?;
    let labelled = Labelled::read_blocking(spec, &archive.grid, monitor)?;
    let places = labelled.pixels.len();
    let numbers = evaluate::ImageNumbers::of(source, &archive, day.period, places)?
        .ok_or_else(|| Failure::new("this is worked out of no images"))?;
    let forest = ImageForest::grow_blocking(&archive, numbers, &labelled, spec.seed, monitor)?;
    let mut map = CropMap::create(&path, &archive.grid, &labelled.classes)?;
    forest.map_blocking(&mut map, monitor)?;
    let about = About {
        spec: &spec.of_day(day.as_of),
        archive: &archive,
        period: day.period,
        labelled: &labelled,
        description: format!(
            "{} of the images, random forest",
            source.archive_name().unwrap_or_default()
        ),
        device: "cpu",
    };
    map.finish(&about.keys()?)?;
    Ok(path)
}
