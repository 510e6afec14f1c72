//! The window's side of the pipe: starts the worker process, sends commands, hands out events, notices its death.
//! Never blocks the caller.

use std::path::PathBuf;
use std::sync::Arc;

use crate::{Event, JobId, JobSpec};

/// A worker process. Starts on first use, restarts after it died; a job running at that time is reported as
/// `Event::Failed` with the reason (signal, exit code, last stderr lines). Dropping it shuts the worker down (killed after 0.5 s).
pub struct WorkerLink {}

impl WorkerLink {
    /// `program`: the terroir executable; it is started with the single argument `worker`. `wake` is called after each event.
    pub fn new(_program: PathBuf, _wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        todo!()
    }
    pub fn run(&mut self, _spec: JobSpec) -> JobId {
        todo!()
    }
    pub fn estimate(&mut self, _spec: JobSpec) -> JobId {
        todo!()
    }
    /// Asks; if no `Cancelled`/`Finished` comes within 0.5 s the worker is killed and the job reported cancelled.
    pub fn cancel(&mut self, _id: JobId) {
        todo!()
    }
    pub fn request_devices(&mut self) {
        todo!()
    }
    /// Everything that arrived; never blocks. Also does the cancel time-outs: call every frame.
    pub fn drain(&mut self) -> Vec<Event> {
        todo!()
    }
    /// Process id of the running worker, if any.
    pub fn process_id(&self) -> Option<u32> {
        todo!()
    }
}
