//! A running job's line to the outside: cancel token, progress, metrics, warnings, finished windows.
//! Jobs see only this; whether a pipe, a progress bar or a test listens is not their business.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use terroir_scene::{BandStatistics, SceneError, Window};

use crate::{Event, Failure, JobId};

/// Set once, read once a window and once a batch. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicU8>);

const CANCELLED: u8 = 1;
const INTERRUPTED: u8 = 2;

impl CancelToken {
    /// The user does not want the job any more.
    pub fn cancel(&self) {
        self.0.store(CANCELLED, Ordering::Relaxed);
    }

    /// The process ends; the job may want to go on in the next one.
    pub fn interrupt(&self) {
        self.0
            .compare_exchange(0, INTERRUPTED, Ordering::Relaxed, Ordering::Relaxed)
            .ok();
    }

    /// Why the job should stop, if it should.
    pub fn stop(&self) -> Option<Stop> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            INTERRUPTED => Some(Stop::Interrupted),
            _ => Some(Stop::Cancelled),
        }
    }
}

/// Why a job stopped before its end. `?` carries it up from any depth.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// Nothing of the job is wanted any more.
    Cancelled,
    /// The process ends; what is done may serve the next run.
    Interrupted,
    /// No image shows anything usable. A job of several days may go on with the next one.
    NothingSeen(Failure),
    Failed(Failure),
}

impl Stop {
    /// No image shows anything usable: in plain words, with what to do next.
    pub fn nothing_seen(what: impl Into<String>) -> Self {
        Self::NothingSeen(Failure::new(what))
    }
}

/// What a job's steps return.
pub type JobResult<T> = Result<T, Stop>;

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<SceneError> for Stop {
    fn from(error: SceneError) -> Self {
        match error {
            SceneError::Cancelled => Self::Cancelled,
            other => Self::Failed(other.into()),
        }
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled | Stop::Interrupted => Self::new("cancelled"),
            Stop::Failed(failure) | Stop::NothingSeen(failure) => failure,
        }
    }
}

impl From<SceneError> for Failure {
    fn from(error: SceneError) -> Self {
        Self {
            what: error.to_string(),
            details: error.details().map(str::to_owned),
        }
    }
}

impl Failure {
    /// A failure in plain words.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            details: None,
        }
    }

    /// Attaches raw text that is shown only under "Details".
    #[must_use]
    pub fn with_details(mut self, text: impl ToString) -> Self {
        self.details = Some(text.to_string());
        self
    }

    /// An input/output error on a file, path last.
    pub fn io(what: &str, path: &Path, error: &std::io::Error) -> Self {
        let hint = match error.kind() {
            std::io::ErrorKind::StorageFull => {
                "; the disk is full, free some space and run it again"
            }
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                "; the folder cannot be written, choose another one"
            }
            std::io::ErrorKind::NotFound => "; there is no such file or folder, check its name",
            // Some say already what to do.
            _ if what.contains("again") => "",
            _ => "; try again, or choose another folder",
        };
        Self::new(format!("{what}{hint}\n{}", path.display())).with_details(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// Handed to every job; stays on the engine thread. Warnings are remembered for the outcome.
pub struct Monitor<'a> {
    id: JobId,
    stop: &'a dyn Fn() -> Option<Stop>,
    emit: RefCell<&'a mut dyn FnMut(Event)>,
    warnings: RefCell<Vec<String>>,
}

impl<'a> Monitor<'a> {
    pub fn new(
        id: JobId,
        stop: &'a dyn Fn() -> Option<Stop>,
        emit: &'a mut dyn FnMut(Event),
    ) -> Self {
        Self {
            id,
            stop,
            emit: RefCell::new(emit),
            warnings: RefCell::default(),
        }
    }

    /// `Err` once the job was cancelled or its process is to end.
    pub fn check(&self) -> JobResult<()> {
        (self.stop)().map_or(Ok(()), Err)
    }

    pub fn is_cancelled(&self) -> bool {
        (self.stop)().is_some()
    }

    fn emit(&self, event: Event) {
        (self.emit.borrow_mut())(event);
    }

    /// The first event of a job: where it runs.
    pub fn started(&self, device: &str) {
        self.emit(Event::Started {
            id: self.id,
            device: device.to_owned(),
        });
    }

    pub fn progress(&self, stage: &str, done: u64, total: u64) {
        self.emit(Event::Progress {
            id: self.id,
            stage: stage.to_owned(),
            done,
            total,
        });
    }

    pub fn metric(&self, name: &str, value: f64) {
        self.emit(Event::Metric {
            id: self.id,
            name: name.to_owned(),
            value,
        });
    }

    /// A finished part of the output.
    pub fn tile(&self, path: &Path, window: Window) {
        let window = (window.col, window.row, window.width, window.height);
        self.emit(Event::Tile {
            id: self.id,
            path: path.to_owned(),
            window,
        });
    }

    /// Exact figures of a band.
    pub fn statistics(&self, path: &Path, statistics: BandStatistics) {
        self.emit(Event::Statistics {
            id: self.id,
            path: path.to_owned(),
            statistics,
        });
    }

    /// A picture of how far the job has come.
    pub fn preview(&self, path: &Path) {
        self.emit(Event::Preview {
            id: self.id,
            path: path.to_owned(),
        });
    }

    /// Runs a job that is a step of this one: its progress is told with `name` before it, its warnings are this job's own.
    pub fn step<T>(
        &self,
        name: &str,
        run: impl FnOnce(&Monitor<'_>) -> JobResult<T>,
    ) -> JobResult<T> {
        let mut tell = |event| match event {
            Event::Progress {
                stage, done, total, ..
            } => self.progress(&format!("{name}: {stage}"), done, total),
            Event::Warning { text, .. } => self.warn(text),
            // Figures, windows and pictures of a step are not those of the whole.
            _ => {}
        };
        run(&Monitor::new(self.id, self.stop, &mut tell))
    }

    /// Said at once and again in the outcome; the same words only once.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&text) {
            warnings.push(text.clone());
            drop(warnings);
            self.emit(Event::Warning { id: self.id, text });
        }
    }

    pub fn warnings(&self) -> Vec<String> {
        self.warnings.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_tells_its_progress_and_warnings_as_those_of_the_whole() {
        let told = RefCell::new(Vec::new());
        let mut tell = |event| told.borrow_mut().push(event);
        let go_on = || None;
        let whole = Monitor::new(JobId(7), &go_on, &mut tell);
        let done = whole.step("June", |step| {
            step.started("cpu");
            step.progress("reading", 1, 2);
            step.metric("loss", 0.5);
            step.warn("few labels");
            Ok(step.warnings())
        });
        assert_eq!(done.unwrap(), ["few labels"]);
        assert_eq!(whole.warnings(), ["few labels"]);
        let id = JobId(7);
        assert_eq!(
            *told.borrow(),
            [
                Event::Progress {
                    id,
                    stage: "June: reading".to_owned(),
                    done: 1,
                    total: 2
                },
                Event::Warning {
                    id,
                    text: "few labels".to_owned()
                },
            ]
        );
    }

    #[test]
    fn a_step_stops_with_the_whole() {
        let mut ignore = |_| {};
        let stop = || Some(Stop::Cancelled);
        let whole = Monitor::new(JobId(7), &stop, &mut ignore);
        assert_eq!(
            whole.step("June", |step| step.check()),
            Err(Stop::Cancelled)
        );
    }
}
