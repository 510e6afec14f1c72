//! The worker process: commands in, events out, one job at a time on the engine thread.
//! Knows the pipe's form. Knows nothing of what the jobs do.

use std::any::Any;
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use terroir_scene::{allow_address, assign_systems, is_remote};

use crate::lost_device;
use crate::monitor::{Monitor, Stop};
use crate::queue::{Cancelled, Queue, Task};
use crate::{Command, DeviceInfo, Estimate, Event, Failure, JobId, JobSpec, Outcome};

/// Progress is written at most this often; the newest value waits in a slot.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);
/// How long the running job may take to notice the end of the input.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(1500);

/// What the worker drives. The engine thread owns it, so it may keep models and devices between jobs.
pub trait Engine {
    fn run(&mut self, spec: &JobSpec, monitor: &Monitor<'_>) -> Result<Outcome, Stop>;
    fn estimate(&mut self, spec: &JobSpec, monitor: &Monitor<'_>) -> Result<Estimate, Stop>;
    /// Asked after a panic: can this process go on, or is its device lost?
    fn is_usable(&mut self) -> bool;
}

/// Writes events as lines, flushed one by one. Progress goes through a slot of one newest value.
struct EventWriter<W> {
    state: Mutex<EventState<W>>,
}

struct EventState<W> {
    output: W,
    newest_progress: Option<Event>,
    last_progress: Option<Instant>,
    is_broken: bool,
}

impl<W: Write> EventWriter<W> {
    fn new(output: W) -> Self {
        let state = EventState {
            output,
            newest_progress: None,
            last_progress: None,
            is_broken: false,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, EventState<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, event: Event) {
        let mut state = self.lock();
        if matches!(event, Event::Progress { .. }) {
            state.newest_progress = Some(event);
            if state
                .last_progress
                .is_none_or(|at| at.elapsed() >= PROGRESS_INTERVAL)
            {
                state.write_progress();
            }
        } else {
            // Whatever was said before this event stays before it.
            state.write_progress();
            state.write(&event);
        }
    }

    fn flush_progress(&self) {
        self.lock().write_progress();
    }

    fn is_broken(&self) -> bool {
        self.lock().is_broken
    }
}

impl<W: Write> EventState<W> {
    fn write_progress(&mut self) {
        if let Some(event) = self.newest_progress.take() {
            self.last_progress = Some(Instant::now());
            self.write(&event);
        }
    }

    fn write(&mut self, event: &Event) {
        if self.is_broken {
            return;
        }
        let written = serde_json::to_string(event)
            .map_err(std::io::Error::other)
            .and_then(|line| writeln!(self.output, "{line}").and_then(|()| self.output.flush()));
        if let Err(error) = written {
            // Nobody listens any more; the commands thread ends the process.
            log::warn!("events cannot be written: {error}");
            self.is_broken = true;
        }
    }
}

/// Reads commands from `input` and writes events to `output` until shutdown, the end of the input or a lost device.
/// `make_engine` runs on the engine thread; `devices` may take seconds and runs on a thread of its own.
pub(crate) fn serve<E: Engine>(
    input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
    make_engine: impl FnOnce() -> E + Send + 'static,
    devices: fn() -> Vec<DeviceInfo>,
) -> Result<(), Failure> {
    let events = Arc::new(EventWriter::new(output));
    let queue = Arc::new(Queue::default());
    events.send(Event::Ready {
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });

    let (ended, end) = sync_channel::<Ended>(2);
    let engine_thread = {
        let (events, queue, ended) = (events.clone(), queue.clone(), ended.clone());
        named("engine", move || {
            engine_loop(&queue, &events, make_engine());
            ended.send(Ended::Engine).ok();
        })?
    };
    {
        let (events, queue) = (events.clone(), queue.clone());
        named("commands", move || {
            command_loop(input, &queue, &events, devices);
            queue.close();
            ended.send(Ended::Input).ok();
        })?;
    }

    // This thread keeps the progress slot moving until one of the two ends.
    let mut deadline: Option<Instant> = None;
    loop {
        match end.recv_timeout(PROGRESS_INTERVAL) {
            Ok(Ended::Engine) | Err(RecvTimeoutError::Disconnected) => {
                engine_thread.join().ok();
                return Ok(());
            }
            Ok(Ended::Input) => deadline = Some(Instant::now() + SHUTDOWN_GRACE),
            Err(RecvTimeoutError::Timeout) => {
                events.flush_progress();
                if let Some(failure) = lost_device::overdue() {
                    // The engine's thread waits for the device for ever; the next job gets a new process.
                    if let Some(id) = queue.running() {
                        events.send(Event::Failed { id, failure });
                    }
                    queue.close();
                    return Ok(());
                }
            }
        }
        if events.is_broken() {
            queue.close();
            deadline.get_or_insert_with(|| Instant::now() + SHUTDOWN_GRACE);
        }
        if deadline.is_some_and(|at| Instant::now() >= at) {
            // The job did not notice in time. Its journal holds what is done, so leaving loses nothing.
            return Ok(());
        }
    }
}

enum Ended {
    Engine,
    Input,
}

fn named(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>, Failure> {
    Builder::new()
        .name(name.to_owned())
        // Deep tensor graphs and C libraries both like room.
        .stack_size(16 << 20)
        .spawn(body)
        .map_err(|error| {
            Failure::new(format!("the worker could not start its {name} thread"))
                .with_details(error)
        })
}

fn command_loop<W: Write + Send + 'static>(
    input: impl BufRead,
    queue: &Queue,
    events: &Arc<EventWriter<W>>,
    devices: fn() -> Vec<DeviceInfo>,
) {
    for line in input.split(b'\n') {
        let line = match line {
            Ok(line) => String::from_utf8_lossy(&line).into_owned(),
            Err(error) => {
                log::error!("commands cannot be read: {error}");
                return;
            }
        };
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Command>(&line) {
            Ok(Command::Shutdown) => return,
            Ok(Command::Run { id, spec }) => enqueue(queue, events, id, Task::Run(spec)),
            Ok(Command::Estimate { id, spec }) => enqueue(queue, events, id, Task::Estimate(spec)),
            Ok(Command::Cancel { id }) => {
                if queue.cancel(id) == Cancelled::Waiting {
                    events.send(Event::Cancelled { id });
                }
            }
            // Sent while no job runs.
            Ok(Command::Systems { systems }) => assign_systems(systems),
            Ok(Command::Devices) => {
                let events = events.clone();
                let answered = named("devices", move || {
                    events.send(Event::Devices { devices: devices() })
                });
                if let Err(failure) = answered {
                    log::error!("{failure}");
                }
            }
            Err(error) => log::error!("not a command: {error}: {line}"),
        }
    }
}

fn enqueue<W: Write>(queue: &Queue, events: &EventWriter<W>, id: JobId, task: Task) {
    if !queue.push(id, task) {
        let failure = Failure::new("too many jobs are waiting; let some finish first");
        events.send(Event::Failed { id, failure });
    }
}

fn engine_loop<W: Write + Send, E: Engine>(queue: &Queue, events: &EventWriter<W>, mut engine: E) {
    while let Some((id, task, token)) = queue.next_blocking() {
        let stop = || token.stop();
        let mut emit = |event| events.send(event);
        let monitor = Monitor::new(id, &stop, &mut emit);
        let (Task::Run(spec) | Task::Estimate(spec)) = &task;
        // Whoever sends a job on a raster that lies on the network asked for that address.
        for raster in spec.rasters().into_iter().filter(|r| is_remote(r)) {
            allow_address(raster);
        }
        let result = catch_unwind(AssertUnwindSafe(|| match &task {
            Task::Run(spec) => engine
                .run(spec, &monitor)
                .map(|outcome| Event::Finished { id, outcome }),
            Task::Estimate(spec) => engine
                .estimate(spec, &monitor)
                .map(|estimate| Event::Estimate { id, estimate }),
        }));
        let panicked = result.is_err();
        let last = match result {
            Ok(Ok(event)) => event,
            Ok(Err(Stop::Cancelled | Stop::Interrupted)) => Event::Cancelled { id },
            Ok(Err(Stop::Failed(failure) | Stop::NothingSeen(failure))) => {
                Event::Failed { id, failure }
            }
            Err(payload) => Event::Failed {
                id,
                failure: failure_of_panic(payload.as_ref()),
            },
        };
        events.send(last);
        if lost_device::has_happened() || panicked && !engine.is_usable() {
            log::error!(
                "the compute device is lost; the worker ends so that the next job gets a fresh one"
            );
            queue.close();
            return;
        }
    }
}

/// Words for a panic inside a job.
pub(crate) fn failure_of_panic(payload: &(dyn Any + Send)) -> Failure {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    let lower = text.to_lowercase();
    if lost_device::speaks_of_loss(text) {
        return lost_device::failure(text);
    }
    if lower.contains("out of memory")
        || lower.contains("outofmemory")
        || lower.contains("allocation")
    {
        Failure::new("the device ran out of memory; choose the CPU or a smaller model")
            .with_details(text)
    } else {
        Failure::new("the job stopped on an internal fault; your data is unharmed, run it again or choose another device")
            .with_details(text)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, PipeReader, PipeWriter, pipe};

    use super::*;
    use crate::PredictSpec;

    /// Does what the job's file names say.
    struct Double;

    impl Engine for Double {
        fn run(&mut self, spec: &JobSpec, monitor: &Monitor<'_>) -> Result<Outcome, Stop> {
            let JobSpec::Predict(spec) = spec else {
                return Err(Failure::new("not in this test").into());
            };
            monitor.started("cpu");
            match spec.field.to_str() {
                Some("panic") => panic!("the floor is lava"),
                Some("wait") => loop {
                    monitor.check()?;
                    monitor.progress("waiting", 1, 2);
                    std::thread::sleep(Duration::from_millis(2));
                },
                Some("busy") => {
                    (0..5000).for_each(|done| monitor.progress("busy", done, 5000));
                    monitor.metric("value", 1.0);
                }
                _ => {}
            }
            Ok(Outcome::default())
        }

        fn estimate(&mut self, _: &JobSpec, _: &Monitor<'_>) -> Result<Estimate, Stop> {
            Err(Failure::new("cannot say").into())
        }

        fn is_usable(&mut self) -> bool {
            true
        }
    }

    /// A worker on a thread, and both ends of its pipe.
    struct Session {
        commands: Option<PipeWriter>,
        events: std::io::Lines<BufReader<PipeReader>>,
        thread: std::thread::JoinHandle<Result<(), Failure>>,
    }

    impl Session {
        fn start() -> Self {
            let (input, commands) = pipe().unwrap();
            let (events, output) = pipe().unwrap();
            let body = move || serve(BufReader::new(input), output, || Double, Vec::new);
            let thread = Builder::new()
                .name("worker under test".to_owned())
                .spawn(body)
                .unwrap();
            let mut session = Self {
                commands: Some(commands),
                events: BufReader::new(events).lines(),
                thread,
            };
            assert!(matches!(session.next(), Event::Ready { .. }));
            session
        }

        fn send(&mut self, command: &Command) {
            writeln!(
                self.commands.as_mut().unwrap(),
                "{}",
                serde_json::to_string(command).unwrap()
            )
            .unwrap();
        }

        fn run(&mut self, id: u64, what: &str) {
            let spec = PredictSpec {
                probabilities: false,
                uncertainty: None,
                field: what.into(),
                head: "h".into(),
                out: "o".into(),
                aoi: None,
            };
            self.send(&Command::Run {
                id: JobId(id),
                spec: JobSpec::Predict(spec),
            });
        }

        fn next(&mut self) -> Event {
            serde_json::from_str(&self.events.next().unwrap().unwrap()).unwrap()
        }

        /// The last event of a job, and what came before it.
        fn until_end(&mut self, id: u64) -> (Vec<Event>, Event) {
            let mut before = Vec::new();
            loop {
                let event = self.next();
                match &event {
                    Event::Finished { id: of, .. }
                    | Event::Cancelled { id: of }
                    | Event::Failed { id: of, .. }
                        if of.0 == id =>
                    {
                        return (before, event);
                    }
                    _ => before.push(event),
                }
            }
        }

        fn end(mut self) {
            drop(self.commands.take());
            self.thread.join().unwrap().unwrap();
        }
    }

    #[test]
    fn a_panic_becomes_words_and_the_worker_lives_on() {
        let mut session = Session::start();
        session.run(1, "panic");
        let (_, last) = session.until_end(1);
        let Event::Failed { failure, .. } = last else {
            panic!("{last:?}")
        };
        assert!(failure.details.unwrap().contains("lava"));
        session.run(2, "plain");
        assert!(matches!(session.until_end(2).1, Event::Finished { .. }));
        session.end();
    }

    #[test]
    fn cancels_are_quick_for_running_and_waiting_jobs() {
        let mut session = Session::start();
        session.run(1, "wait");
        session.run(2, "wait");
        while !matches!(session.next(), Event::Progress { id: JobId(1), .. }) {}
        let clock = Instant::now();
        session.send(&Command::Cancel { id: JobId(2) });
        assert!(matches!(session.until_end(2).1, Event::Cancelled { .. }));
        session.send(&Command::Cancel { id: JobId(1) });
        assert!(matches!(session.until_end(1).1, Event::Cancelled { .. }));
        assert!(clock.elapsed() < Duration::from_millis(500));
        session.end();
    }

    #[test]
    fn progress_is_thinned_and_keeps_its_place() {
        let mut session = Session::start();
        session.run(1, "busy");
        let (before, _) = session.until_end(1);
        let progress = before
            .iter()
            .filter(|event| matches!(event, Event::Progress { .. }))
            .count();
        assert!((1..100).contains(&progress), "{progress}");
        let metric = before
            .iter()
            .position(|event| matches!(event, Event::Metric { .. }))
            .unwrap();
        // The newest value was said before the event that followed it.
        assert!(
            matches!(before[metric - 1], Event::Progress { done: 4999, .. }),
            "{:?}",
            before[metric - 1]
        );
        assert!(
            before[metric..]
                .iter()
                .all(|event| !matches!(event, Event::Progress { .. }))
        );
        session.end();
    }

    #[test]
    fn nonsense_and_the_end_of_the_input_are_survived() {
        let mut session = Session::start();
        writeln!(
            session.commands.as_mut().unwrap(),
            "{{\"command\":\"dance\"}}\n\nnot json"
        )
        .unwrap();
        session.send(&Command::Estimate {
            id: JobId(1),
            spec: JobSpec::Predict(PredictSpec {
                probabilities: false,
                uncertainty: None,
                field: "".into(),
                head: "".into(),
                out: "".into(),
                aoi: None,
            }),
        });
        assert!(matches!(session.until_end(1).1, Event::Failed { .. }));
        session.run(2, "wait");
        while !matches!(session.next(), Event::Progress { .. }) {}
        let clock = Instant::now();
        session.end();
        assert!(clock.elapsed() < Duration::from_secs(2));
    }
}
