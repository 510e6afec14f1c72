//! Archive and network of a job over time, made to fit each other: which sensors the network reads, and where their images
//! are. Knows nothing of chips or files that are written.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use serde_json::Value;
use terroir_models::{STP_NAMES, Stp, StpConfig, StpSource, StpTarget, about_stp, load_stp};
use terroir_scene::{Archive, ArchiveSpec, Measure, Period, SceneError, Source};

use crate::Failure;
use crate::catalogue::Identity;
use crate::device::{self, Compute};
use crate::monitor::{JobResult, Monitor, Stop};
use crate::setup::{give_up_device, guarded};

/// Entry of a weights file's notes with what it knows of its sensors.
pub(crate) const SOURCES: &str = "sources";

/// What the user chose.
#[derive(Clone, Copy)]
pub(crate) struct ModelChoice<'a> {
    pub archive: &'a ArchiveSpec,
    pub model: &'a str,
    pub weights: Option<&'a Path>,
    pub seed: u64,
    pub device: &'a str,
}

/// One image the network looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ChosenFrame {
    /// Place among the network's sources.
    pub input: usize,
    /// Place among the archive's sources, and of the image there.
    pub source: usize,
    pub frame: usize,
    pub day: f64,
}

/// Ready to compute.
pub(crate) struct SeriesModel {
    pub archive: Arc<Archive>,
    pub model: Stp,
    pub compute: Compute,
    pub identity: Identity,
    /// For each of the network's sources its place in the archive.
    pub inputs: Vec<usize>,
}

impl SeriesModel {
    pub fn open(choice: ModelChoice<'_>, monitor: &Monitor<'_>) -> JobResult<Self> {
        monitor.progress("opening the device", 0, 1);
        let mut compute = device::open(choice.device);
        if let Some(reason) = &compute.fallback {
            monitor.warn(reason.clone());
        }
        monitor.started(&compute.name);
        monitor.progress("looking at the images", 0, 1);
        let (archive, config) = match choice.weights {
            Some(weights) => with_weights(choice, weights, monitor)?,
            None => without_weights(choice, monitor)?,
        };
        for note in &archive.notes {
            monitor.warn(note.clone());
        }
        monitor.check()?;
        monitor.progress("preparing the model", 0, 1);
        let (identity, model) = match load(choice, &config, &compute) {
            Err(failure) if !compute.is_cpu() => {
                compute = give_up_device(&compute, &failure, monitor);
                load(choice, &config, &compute)?
            }
            other => other?,
        };
        identity
            .notes
            .iter()
            .for_each(|note| monitor.warn(note.clone()));
        let inputs = places_of_inputs(&config, &archive)
            .map_err(|what| contradiction(&what, choice.weights))?;
        Ok(Self {
            archive: Arc::new(archive),
            model,
            compute,
            identity,
            inputs,
        })
    }

    /// The network on the processor, after its device failed.
    pub fn move_to_cpu(
        &mut self,
        choice: ModelChoice<'_>,
        failure: &Failure,
        monitor: &Monitor<'_>,
    ) -> JobResult<()> {
        self.compute = give_up_device(&self.compute, failure, monitor);
        let config = self.model.config().clone();
        (self.identity, self.model) = load(choice, &config, &self.compute)?;
        Ok(())
    }

    /// The images inside the support, sensor by sensor, in order of time.
    pub fn frames(&self, support: Option<&Period>) -> JobResult<Vec<ChosenFrame>> {
        let mut chosen = Vec::new();
        for (input, source) in self.inputs.iter().copied().enumerate() {
            let found = &self.archive.sources[source];
            chosen.extend(
                found
                    .frames_in(support)
                    .into_iter()
                    .map(|frame| ChosenFrame {
                        input,
                        source,
                        frame,
                        day: found.frames[frame].day,
                    }),
            );
        }
        if chosen.is_empty() {
            let whole = self.archive.period().map(|whole| whole.to_string());
            return Err(Stop::nothing_seen(format!(
                "there is no image in the support {}; the images here are of {}, so choose days among these (--support)",
                support.map(ToString::to_string).unwrap_or_default(),
                whole.unwrap_or_default()
            )));
        }
        Ok(chosen)
    }

    pub fn is_cpu(&self) -> bool {
        self.compute.is_cpu()
    }
}

/// What a weights file knows of its sensors.
///
/// # Errors
/// Unreadable, no weights of a model over time, or such that do not tell their sensors.
pub fn sources_of_weights(weights: &Path) -> Result<Vec<Source>, Failure> {
    told_by(weights).map(|(_, sources)| sources)
}

fn told_by(weights: &Path) -> Result<(StpConfig, Vec<Source>), Failure> {
    let (config, about) = about_stp(weights).map_err(|error| Failure::new(error.to_string()))?;
    Ok((config, sources_told(&about, weights)?))
}

/// The sensors that the notes of a weights file tell of.
pub(crate) fn sources_told(about: &Value, weights: &Path) -> Result<Vec<Source>, Failure> {
    about
        .get(SOURCES)
        .cloned()
        .and_then(|value| serde_json::from_value(value).ok())
        .ok_or_else(|| {
            Failure::new(format!(
                "these weights do not say which bands they were trained on and how these were prepared, so they cannot be used \
                 on images; take weights made by `terroir pretrain stp`\n{}",
                weights.display()
            ))
        })
}

/// Archive and size by what a weights file says of itself.
fn with_weights(
    choice: ModelChoice<'_>,
    weights: &Path,
    monitor: &Monitor<'_>,
) -> JobResult<(Archive, StpConfig)> {
    let (config, sources) = told_by(weights)?;
    if let Some(name) = config.name().filter(|name| *name != choice.model) {
        monitor.warn(format!(
            "the weights are of {name}, which is used instead of {}",
            choice.model
        ));
    }
    let archive = Archive::open(choice.archive, Some(&sources)).map_err(|error| {
        let is_other = matches!(error, SceneError::OtherBands { .. });
        let mut failure = Failure::from(error);
        if is_other {
            failure.what += &format!("\n{}", weights.display());
        }
        failure
    })?;
    Ok((archive, config))
}

/// An untrained network for what the archive holds, measured on it.
fn without_weights(
    choice: ModelChoice<'_>,
    monitor: &Monitor<'_>,
) -> JobResult<(Archive, StpConfig)> {
    let mut archive = Archive::open(choice.archive, None)?;
    let mut stop = None;
    let fitted = archive.fit_statistics(|done, total| {
        monitor.progress("measuring the images", done, total);
        stop = monitor.check().err();
        stop.is_none()
    });
    match (fitted, stop) {
        (_, Some(stop)) => return Err(stop),
        (Err(error), None) => return Err(Stop::from(error)),
        (Ok(()), None) => {}
    }
    let config = config_of(
        choice.model,
        &archive
            .sources
            .iter()
            .map(|found| found.source.clone())
            .collect::<Vec<_>>(),
    )
    .ok_or_else(|| {
        Failure::new(format!(
            "there is no model \"{}\" for series; choose one of {}",
            choice.model,
            STP_NAMES.join(", ")
        ))
    })?;
    Ok((archive, config))
}

/// The size of a name for these sources: all inputs are read, all targets are drawn.
pub(crate) fn config_of(model: &str, sources: &[Source]) -> Option<StpConfig> {
    let inputs = sources.iter().filter(|source| source.is_input);
    let targets = sources.iter().filter(|source| source.is_target);
    StpConfig::by_name(
        model,
        inputs
            .map(|source| StpSource {
                name: source.name.clone(),
                bands: source.bands.len(),
            })
            .collect(),
        targets
            .map(|source| StpTarget {
                name: source.name.clone(),
                outputs: outputs_of(source),
                meta: 0,
            })
            .collect(),
    )
}

/// Numbers a decoder draws of a source: one a band, or one a class.
pub(crate) fn outputs_of(source: &Source) -> usize {
    match source.bands.first() {
        Some(band) if band.measure == Measure::Classes => band.classes.len(),
        _ => source.bands.len(),
    }
}

fn places_of_inputs(config: &StpConfig, archive: &Archive) -> Result<Vec<usize>, String> {
    let mut places = Vec::with_capacity(config.sources.len());
    for input in &config.sources {
        let place = archive
            .sources
            .iter()
            .position(|found| found.source.name == input.name)
            .ok_or_else(|| format!("it reads {}, of which it says nothing", input.name))?;
        let bands = archive.sources[place].source.bands.len();
        if bands != input.bands {
            return Err(format!(
                "it reads {} bands of {} and describes {bands}",
                input.bands, input.name
            ));
        }
        places.push(place);
    }
    Ok(places)
}

fn contradiction(what: &str, weights: Option<&Path>) -> Failure {
    Failure::new(format!(
        "the weights contradict themselves: {what}; take others\n{}",
        weights
            .map(|path| path.display().to_string())
            .unwrap_or_default()
    ))
}

fn load(
    choice: ModelChoice<'_>,
    config: &StpConfig,
    compute: &Compute,
) -> Result<(Identity, Stp), Failure> {
    let device: &Device = &compute.device;
    let name = config.name().unwrap_or(choice.model).to_owned();
    let parameters = config.parameter_count() as u64;
    match choice.weights {
        Some(path) => {
            let loaded = guarded(|| load_stp(path, device).map_err(|error| error.to_string()))?;
            let identity = Identity {
                name,
                weights: format!("sha256 {}", loaded.sha256),
                is_trained: true,
                parameters,
                notes: Vec::new(),
            };
            Ok((identity, loaded.model))
        }
        None => {
            let model = guarded(|| Ok(config.init(choice.seed, device)))?;
            let identity = Identity {
                name,
                weights: format!("untrained, seed {}", choice.seed),
                is_trained: false,
                parameters,
                notes: vec![
                    "the model is untrained: its numbers tell places apart only as far as chance allows".to_owned(),
                ],
            };
            Ok((identity, model))
        }
    }
}
