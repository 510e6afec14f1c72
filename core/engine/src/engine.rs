//! The engine proper: takes a job's plain description to the code that does it, and keeps models warm between jobs.

use crate::monitor::{JobResult, Monitor, Stop};
use crate::worker::{Engine, serve};
use crate::{Event, Failure, JobId, JobSpec, Outcome};
use crate::{Estimate, device};

#[derive(Default)]
pub(crate) struct JobEngine {}

impl Engine for JobEngine {
    fn run(&mut self, spec: &JobSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
        let _ = (spec, monitor);
        Err(Failure::new("not yet").into())
    }
    fn estimate(&mut self, spec: &JobSpec, monitor: &Monitor<'_>) -> JobResult<Estimate> {
        let _ = (spec, monitor);
        Err(Failure::new("not yet").into())
    }

    fn is_usable(&mut self) -> bool {
        true
    }
}

/// Runs one job in this process (command line, demo). `on_event` gets everything the pipe would carry but the
/// last event, which is the result; `cancelled` is polled once a window.
pub fn run_here(
    spec: &JobSpec, on_event: &mut dyn FnMut(Event), cancelled: &dyn Fn() -> bool,
) -> Result<Outcome, Failure> {
    let monitor = Monitor::new(JobId(0), cancelled, on_event);
    match JobEngine::default().run(spec, &monitor) {
        Ok(outcome) => Ok(outcome),
        Err(Stop::Cancelled) => Err(Failure::new("cancelled")),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

/// What `terroir worker` runs: reads commands from stdin, writes events to stdout until shutdown or end of input.
pub fn worker_main() -> Result<(), Failure> {
    let input = std::io::BufReader::new(std::io::stdin());
    serve(input, std::io::stdout(), JobEngine::default, device::devices)
}
