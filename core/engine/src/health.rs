//! What this machine is, and whether the two things every job needs work on it: a network on the processor and the worker.
//! Knows devices and the worker's pipe. Knows nothing of what is made of the answers.

use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};
use serde::Serialize;

use crate::catalogue::ModelShelf;
use crate::device::Compute;
use crate::process::{Line, Process};
use crate::setup::guarded;
use crate::{Command, DeviceInfo, Event, Failure};

/// The network that is tried: the smallest.
const MODEL: &str = "dofa-tiny";
/// Blue, green, red, near infrared.
const WAVELENGTHS_UM: [f32; 4] = [0.49, 0.56, 0.665, 0.842];

/// The machine and its system; empty where the system does not say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MachineFacts {
    /// `Linux (Debian GNU/Linux 12)`
    pub system: String,
    pub kernel: String,
    /// `x86_64`
    pub architecture: String,
    pub processor: String,
    /// What programs may use at once.
    pub threads: usize,
    /// Whether networks on the processor multiply on its tile unit.
    pub has_tiles: bool,
    pub memory_bytes: Option<u64>,
    pub free_memory_bytes: Option<u64>,
}

/// Asks the system; takes milliseconds.
pub fn machine_facts() -> MachineFacts {
    use sysinfo::System;
    let mut facts = MachineFacts {
        system: System::long_os_version().unwrap_or_default(),
        kernel: System::kernel_version().unwrap_or_default(),
        architecture: System::cpu_arch(),
        processor: String::new(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        has_tiles: terroir_models::has_tiles(),
        memory_bytes: None,
        free_memory_bytes: None,
    };
    if let Ok(mut system) = System::new() {
        system.refresh_memory();
        system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
        let known = |bytes: u64| Some(bytes).filter(|bytes| *bytes > 0);
        facts.memory_bytes = known(system.total_memory());
        facts.free_memory_bytes = known(system.available_memory());
        facts.processor = system
            .cpus()
            .first()
            .map(|processor| processor.brand().trim().to_owned())
            .unwrap_or_default();
    }
    facts
}

/// A network that ran.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelTrial {
    pub model: String,
    /// `untrained, seed 0`, or the weights.
    pub weights: String,
    /// Loading and one image.
    pub seconds: f64,
}

/// Runs the smallest network once on the processor of this process, with the weights given, on an image of four bands; what it
/// says must be numbers that depend on the image.
///
/// # Errors
/// Weights that cannot be read, a fault inside the libraries, or an answer that is none.
pub fn try_model_here(weights: Option<&Path>) -> Result<ModelTrial, Failure> {
    let start = Instant::now();
    let compute = Compute::cpu();
    let mut shelf = ModelShelf::default();
    let (identity, model) = shelf.take(MODEL, weights, 0, &compute)?;
    let kernel = shelf.kernel(&WAVELENGTHS_UM)?;
    let side = model.config().image;
    let (one, other) = guarded(|| {
        let run = |phase: usize| -> Result<Vec<f32>, String> {
            model
                .features(picture(side, phase, &compute.device), &kernel)
                .into_data()
                .try_into_vec::<f32>()
                .map_err(|error| format!("{error:?}"))
        };
        Ok((run(1)?, run(3)?))
    })?;
    let is_answer = !one.is_empty() && one.iter().chain(&other).all(|value| value.is_finite());
    if !is_answer || one == other {
        return Err(Failure::new(
            "the network ran on the processor but its answer is none; please report it",
        ));
    }
    Ok(ModelTrial {
        model: identity.name,
        weights: identity.weights,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// Standardised values that differ from pixel to pixel and band to band, [1, 4, side, side].
fn picture(side: usize, phase: usize, device: &Device) -> Tensor<4> {
    let bands = WAVELENGTHS_UM.len();
    let values: Vec<f32> = (0..bands * side * side)
        .map(|index| ((index * (7 + phase)) % 29) as f32 / 14.5 - 1.0)
        .collect();
    Tensor::<1>::from_floats(values.as_slice(), device).reshape([1, bands, side, side])
}

/// A worker that answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkerTrial {
    pub version: String,
    /// Until it had listed its devices.
    pub seconds: f64,
    pub devices: Vec<DeviceInfo>,
}

/// Starts a worker as the window does, asks it for its devices and ends it.
///
/// # Errors
/// It cannot be started, ends, or does not answer within `limit`; the reason and the worker's last words.
pub fn try_worker_blocking(program: &Path, limit: Duration) -> Result<WorkerTrial, Failure> {
    let start = Instant::now();
    let wake: crate::process::Wake = std::sync::Arc::new(|| {});
    let mut process = Process::start(program, &["worker".to_owned()], &wake).map_err(|error| {
        Failure::new(format!(
            "the worker could not be started\n{}",
            program.display()
        ))
        .with_details(error)
    })?;
    let answer = answer_of(&process, start, limit);
    process.commands.try_send(Command::Shutdown).ok();
    let status = process.end(Duration::from_millis(500));
    match answer {
        Some(trial) => Ok(trial),
        None if start.elapsed() >= limit => Err(Failure::new(format!(
            "the worker started but did not answer within {} seconds",
            limit.as_secs()
        ))),
        None => Err(process.failure(status)),
    }
}

/// `None` when the worker's pipe closed or the time is over.
fn answer_of(process: &Process, start: Instant, limit: Duration) -> Option<WorkerTrial> {
    process.commands.try_send(Command::Devices).ok()?;
    let mut version = String::new();
    loop {
        let left = limit.checked_sub(start.elapsed())?;
        match process.events.recv_timeout(left) {
            Ok(Line::Event(Event::Ready { version: said })) => version = said,
            Ok(Line::Event(Event::Devices { devices })) => {
                return Some(WorkerTrial {
                    version,
                    seconds: start.elapsed().as_secs_f64(),
                    devices,
                });
            }
            Ok(Line::Event(_)) => {}
            Ok(Line::Closed) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_what_it_is() {
        let facts = machine_facts();
        assert!(facts.threads > 0);
        assert!(
            facts.memory_bytes.is_some_and(|bytes| bytes > 1 << 28),
            "{facts:?}"
        );
    }

    #[test]
    fn the_smallest_network_runs_on_the_processor() {
        let trial = try_model_here(None).expect("it runs");
        assert_eq!(trial.model, MODEL);
        assert!(trial.weights.contains("untrained"), "{trial:?}");
        let failure = try_model_here(Some(Path::new("/no/such/weights.safetensors")));
        assert!(failure.is_err());
    }

    #[test]
    fn a_worker_that_is_none_is_told() {
        let limit = Duration::from_secs(5);
        let missing = try_worker_blocking(Path::new("/no/such/terroir"), limit);
        assert!(
            missing
                .expect_err("none")
                .what
                .contains("could not be started")
        );
        #[cfg(unix)]
        assert!(try_worker_blocking(Path::new("/bin/false"), limit).is_err());
    }
}
