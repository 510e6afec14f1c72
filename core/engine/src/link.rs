//! The window's side of the pipe: starts the worker when there is work, sends commands, hands out events, notices its death.
//! Never blocks the caller. Jobs wait here, not in the worker, so that a dying worker takes only its own job along.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{TryRecvError, TrySendError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use terroir_scene::AssignedCrs;

use crate::process::{Line, Process, Wake};
use crate::{Command, Event, Failure, JobId, JobSpec};

/// A cancelled job that has not answered by then loses its worker.
const CANCEL_GRACE: Duration = Duration::from_millis(500);
/// The same for a training, which ends its draw and writes a checkpoint first.
const TRAINING_GRACE: Duration = Duration::from_secs(120);
/// Starts in a row that may die before doing anything; then the jobs fail instead of starting once more.
const START_ATTEMPTS: usize = 2;

/// A worker process. Starts on first use, restarts after it died; a job running at that time is reported as
/// `Event::Failed` with the reason (signal, exit code, last stderr lines), waiting jobs go to the next worker.
/// Dropping it shuts the worker down (killed after 0.5 s).
pub struct WorkerLink {
    program: PathBuf,
    arguments: Vec<String>,
    wake: Wake,
    next_id: u64,
    waiting: VecDeque<Job>,
    current: Option<Running>,
    wants_devices: bool,
    /// Systems of rasters whose files name none, and whether the worker knows them.
    systems: Vec<AssignedCrs>,
    knows_systems: bool,
    process: Option<Process>,
    failed_starts: usize,
    /// Events of the link itself (deaths, cancels), handed out by the next `drain`.
    own_events: Vec<Event>,
}

#[derive(Clone)]
struct Job {
    id: JobId,
    command: Command,
}

/// The one job the worker has.
struct Running {
    id: JobId,
    cancel_asked: Option<Instant>,
    /// How long it may take to answer a cancel.
    grace: Duration,
    /// What it works out is asked anew whenever a form changes.
    is_estimate: bool,
}

fn grace_of(command: &Command) -> Duration {
    match command {
        Command::Run {
            spec:
                JobSpec::Pretrain(_)
                | JobSpec::PretrainStp(_)
                | JobSpec::PretrainKgvsf(_)
                | JobSpec::Finetune(_),
            ..
        } => TRAINING_GRACE,
        _ => CANCEL_GRACE,
    }
}

impl WorkerLink {
    /// `program`: the terroir executable; it is started with the single argument `worker`. `wake` is called after each event.
    pub fn new(program: PathBuf, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self::with_arguments(program, vec!["worker".to_owned()], wake)
    }

    /// A link to a program that speaks the worker's language under other arguments.
    pub fn with_arguments(
        program: PathBuf,
        arguments: Vec<String>,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            program,
            arguments,
            wake,
            next_id: 0,
            waiting: VecDeque::new(),
            current: None,
            wants_devices: false,
            systems: Vec::new(),
            knows_systems: true,
            process: None,
            failed_starts: 0,
            own_events: Vec::new(),
        }
    }

    pub fn run(&mut self, spec: JobSpec) -> JobId {
        self.enqueue(|id| Command::Run { id, spec })
    }

    /// Jobs from now on take these systems for rasters whose files name none.
    pub fn assign(&mut self, systems: Vec<AssignedCrs>) {
        self.knows_systems = self.knows_systems && systems == self.systems;
        self.systems = systems;
    }

    pub fn estimate(&mut self, spec: JobSpec) -> JobId {
        self.enqueue(|id| Command::Estimate { id, spec })
    }

    fn enqueue(&mut self, command: impl FnOnce(JobId) -> Command) -> JobId {
        self.next_id += 1;
        let id = JobId(self.next_id);
        self.waiting.push_back(Job {
            id,
            command: command(id),
        });
        self.send_next();
        id
    }

    /// Asks; if no `Cancelled`/`Finished` comes within 0.5 s (two minutes for a training, which writes a checkpoint) the
    /// worker is killed and the job reported cancelled.
    pub fn cancel(&mut self, id: JobId) {
        let before = self.waiting.len();
        self.waiting.retain(|job| job.id != id);
        if self.waiting.len() < before {
            self.tell(Event::Cancelled { id });
            return;
        }
        let Some(current) = self.current.as_mut().filter(|current| current.id == id) else {
            return;
        };
        if current.cancel_asked.is_none() {
            current.cancel_asked = Some(Instant::now());
            if let Some(process) = &self.process {
                // A full pipe means a worker that does not listen: the grace period ends that.
                process.commands.try_send(Command::Cancel { id }).ok();
            }
            // The window may be asleep when the grace period ends.
            let (wake, grace) = (self.wake.clone(), current.grace);
            let timer = Builder::new()
                .name("cancel timer".to_owned())
                .spawn(move || {
                    std::thread::sleep(grace + Duration::from_millis(5));
                    wake();
                });
            if let Err(error) = timer {
                log::warn!("no cancel timer: {error}");
            }
        }
    }

    /// Asks for `Event::Devices`.
    pub fn request_devices(&mut self) {
        self.wants_devices = true;
        self.send_next();
        if let Some(process) = &self.process {
            process.commands.try_send(Command::Devices).ok();
        }
    }

    /// Everything that arrived; never blocks. Also does the cancel time-outs: call every frame.
    pub fn drain(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut closed = false;
        if let Some(process) = &self.process {
            loop {
                match process.events.try_recv() {
                    Ok(Line::Event(event)) => events.push(event),
                    Ok(Line::Closed) | Err(TryRecvError::Disconnected) => {
                        closed = true;
                        break;
                    }
                    Err(TryRecvError::Empty) => break,
                }
            }
        }
        let mut kept = Vec::with_capacity(events.len());
        for event in events {
            if self.note(&event) {
                kept.push(event);
            }
        }
        if closed {
            self.bury();
        }
        self.kill_unanswered();
        self.send_next();
        kept.append(&mut self.own_events);
        kept
    }

    /// The executable the worker is started from.
    pub fn program(&self) -> &std::path::Path {
        &self.program
    }

    /// Process id of the running worker, if any.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.child.id())
    }

    /// Keeps the books; `false` for events of jobs already reported as over.
    fn note(&mut self, event: &Event) -> bool {
        let (id, is_last) = match event {
            Event::Ready { .. } => return true,
            Event::Devices { .. } => {
                self.wants_devices = false;
                self.failed_starts = 0;
                return true;
            }
            Event::Started { id, .. } | Event::Progress { id, .. } | Event::Metric { id, .. } => {
                (id, false)
            }
            Event::Tile { id, .. } | Event::Preview { id, .. } | Event::Warning { id, .. } => {
                (id, false)
            }
            Event::Statistics { id, .. } => (id, false),
            Event::Estimate { id, .. } | Event::Finished { id, .. } => (id, true),
            Event::Cancelled { id } | Event::Failed { id, .. } => (id, true),
        };
        if self
            .current
            .as_ref()
            .is_none_or(|current| current.id != *id)
        {
            return false;
        }
        self.failed_starts = 0;
        if is_last {
            self.current = None;
        }
        true
    }

    fn tell(&mut self, event: Event) {
        self.own_events.push(event);
        (self.wake)();
    }

    /// Gives the worker its next job, starting one if needed.
    fn send_next(&mut self) {
        if self.current.is_some() {
            return;
        }
        if self.process.is_none() && (!self.waiting.is_empty() || self.wants_devices) {
            self.start();
        }
        let Some(process) = &self.process else { return };
        let Some(job) = self.waiting.front() else {
            return;
        };
        if !self.knows_systems {
            let systems = self.systems.clone();
            // A full pipe is tried again with the job.
            if process
                .commands
                .try_send(Command::Systems { systems })
                .is_err()
            {
                return;
            }
            self.knows_systems = true;
        }
        match process.commands.try_send(job.command.clone()) {
            Ok(()) => {
                self.current = Some(Running {
                    id: job.id,
                    cancel_asked: None,
                    grace: grace_of(&job.command),
                    is_estimate: matches!(job.command, Command::Estimate { .. }),
                });
                self.waiting.pop_front();
            }
            // Not now (or not any more: then the closed pipe is on its way here).
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    fn start(&mut self) {
        match Process::start(&self.program, &self.arguments, &self.wake) {
            Ok(process) => {
                if self.wants_devices {
                    process.commands.try_send(Command::Devices).ok();
                }
                self.process = Some(process);
                self.knows_systems = self.systems.is_empty();
            }
            Err(error) => {
                let failure = Failure::new(format!(
                    "the worker could not be started\n{}",
                    self.program.display()
                ))
                .with_details(error);
                self.fail_all(&failure);
            }
        }
    }

    fn fail_all(&mut self, failure: &Failure) {
        self.wants_devices = false;
        let ids = self.current.take().map(|current| current.id).into_iter();
        let ids: Vec<JobId> = ids
            .chain(self.waiting.drain(..).map(|job| job.id))
            .collect();
        for id in ids {
            self.tell(Event::Failed {
                id,
                failure: failure.clone(),
            });
        }
    }

    /// The worker closed its pipe: says so for the running job; waiting ones go to the next worker.
    fn bury(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let status = process.end(Duration::from_millis(100));
        let failure = process.failure(status);
        log::warn!("{failure}");
        self.failed_starts += 1;
        match self.current.take() {
            Some(Running {
                id,
                cancel_asked: Some(_),
                ..
            }) => self.tell(Event::Cancelled { id }),
            Some(Running {
                id,
                cancel_asked: None,
                ..
            }) => self.tell(Event::Failed {
                id,
                failure: failure.clone(),
            }),
            None => {}
        }
        if self.failed_starts >= START_ATTEMPTS {
            self.failed_starts = 0;
            self.fail_all(&failure);
        }
    }

    fn kill_unanswered(&mut self) {
        let overdue = self.current.as_ref().filter(|current| {
            current
                .cancel_asked
                .is_some_and(|asked| asked.elapsed() >= current.grace)
        });
        let Some((id, is_estimate)) = overdue.map(|current| (current.id, current.is_estimate))
        else {
            return;
        };
        if let Some(mut process) = self.process.take() {
            let level = if is_estimate {
                log::Level::Info
            } else {
                log::Level::Warn
            };
            log::log!(
                level,
                "the worker did not answer a cancel in time and is ended"
            );
            process.end(Duration::ZERO);
        }
        self.current = None;
        self.tell(Event::Cancelled { id });
    }
}

impl Drop for WorkerLink {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.commands.try_send(Command::Shutdown).ok();
            process.end(CANCEL_GRACE);
        }
    }
}
