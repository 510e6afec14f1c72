//! A training at a step as one file: the module's tensors, the optimiser's states and how far it got.
//! Written beside its place, flushed and renamed. Knows nothing of runs or folders.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::optim::StateSource;
use burn::store::burn_pack::{Reader, Tensor as StoredTensor, Writer};
use burn::store::{ModuleSnapshot, bridge};

use crate::Failure;
use crate::training::optimiser::Optimiser;

const MODEL: &str = "model/";
const OPTIMISER: &str = "optimiser/";
const STEP: &str = "step";
const SECONDS: &str = "seconds";
const LOSS: &str = "loss";

/// How far a run got.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Seconds of training so far, over all its parts.
    pub seconds: f64,
    /// Loss of the last step; no number before the first.
    pub loss: Option<f64>,
}

pub fn save<M: Module>(
    path: &Path,
    model: &M,
    optimiser: &Optimiser<M>,
    progress: Progress,
) -> Result<(), Failure> {
    let mut tensors: Vec<StoredTensor> = model
        .collect(None, None, false)
        .into_iter()
        .map(|mut tensor| {
            tensor.name = format!("{MODEL}{}", tensor.name);
            tensor
        })
        .collect();
    let states = optimiser.states();
    tensors.extend(
        states
            .tensors
            .into_iter()
            .map(|(name, data)| bridge::from_data(data, format!("{OPTIMISER}{name}"), None)),
    );
    let mut writer = Writer::new(tensors)
        .with_metadata(STEP, &progress.step.to_string())
        .with_metadata(SECONDS, &progress.seconds.to_string());
    if let Some(loss) = progress.loss {
        writer = writer.with_metadata(LOSS, &loss.to_string());
    }
    for (name, value) in states.scalars {
        writer = writer.with_scalar(&format!("{OPTIMISER}{name}"), value);
    }
    writer
        .write_to_file(path)
        .map_err(|error| unwritten(path, &error.to_string()))
}

/// The library gives the system's reason as text only.
fn unwritten(path: &Path, reason: &str) -> Failure {
    let no_room = ["os error 28)", "os error 112)", "No space left"];
    let kind = if no_room.iter().any(|text| reason.contains(text)) {
        std::io::ErrorKind::StorageFull
    } else {
        std::io::ErrorKind::Other
    };
    Failure::io(
        "the checkpoint cannot be written; the one before it is kept",
        path,
        &std::io::Error::from(kind),
    )
    .with_details(reason)
}

/// Brings a module and its optimiser to where a file left them.
pub fn load<M: Module>(
    path: &Path,
    mut model: M,
    optimiser: &mut Optimiser<M>,
) -> Result<(M, Progress), Failure> {
    let broken = |reason: String| {
        Failure::new(format!(
            "the checkpoint cannot be used; begin the run anew\n{}",
            path.display()
        ))
        .with_details(reason)
    };
    let reader = Reader::from_file_exact(path).map_err(|error| broken(error.to_string()))?;
    let number = |key: &str| reader.metadata().get(key).cloned().unwrap_or_default();
    let progress = Progress {
        step: number(STEP)
            .parse()
            .map_err(|_| broken("it does not say its step".to_owned()))?,
        seconds: number(SECONDS).parse().unwrap_or(0.0),
        loss: number(LOSS).parse().ok(),
    };
    let scalars: BTreeMap<_, _> = reader
        .scalars()
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(OPTIMISER)?.to_owned(), *value)))
        .collect();
    let mut states = StateSource::new(scalars);
    let mut tensors = Vec::new();
    for mut tensor in reader
        .into_tensors()
        .map_err(|error| broken(error.to_string()))?
    {
        if let Some(name) = tensor.name.strip_prefix(MODEL) {
            tensor.name = name.to_owned();
            tensors.push(tensor);
        } else if let Some(name) = tensor.name.strip_prefix(OPTIMISER) {
            let name = name.to_owned();
            let data = bridge::into_data(tensor).map_err(|error| broken(error.to_string()))?;
            states.insert_tensor(name, data);
        }
    }
    let result = model.apply(tensors, None, None, false);
    if !result.missing.is_empty() || !result.errors.is_empty() || !result.unused.is_empty() {
        return Err(broken(format!("{result:?}")));
    }
    optimiser.take_states(&model, states);
    Ok((model, progress))
}
