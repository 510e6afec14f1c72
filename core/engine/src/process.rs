//! One worker process: its pipes, the threads on them, its end and the words for it.
//! Knows nothing of which job runs or waits, nor of starting again.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::{Command, Event, Failure};

/// Events waiting to be drained; beyond it the worker waits for the window.
const EVENT_LIMIT: usize = 1024;
/// Last lines of the worker's log kept for the words of a failure.
const LOG_LINES: usize = 20;
/// How long the end of a dead worker's log is waited for.
const LAST_WORDS: Duration = Duration::from_millis(100);

pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// A started worker and the threads on its pipes.
pub(crate) struct Process {
    pub child: Child,
    pub commands: SyncSender<Command>,
    pub events: Receiver<Line>,
    log: Log,
}

/// Last lines of the worker's log, and the thread that reads them.
struct Log {
    lines: Arc<Mutex<VecDeque<String>>>,
    reader: JoinHandle<()>,
}

/// What the event pipe brings.
pub(crate) enum Line {
    Event(Event),
    Closed,
}

impl Process {
    pub fn start(
        program: &std::path::Path,
        arguments: &[String],
        wake: &Wake,
    ) -> std::io::Result<Self> {
        let mut child = std::process::Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        match Self::attach(&mut child, wake) {
            Ok((commands, events, log)) => Ok(Self {
                child,
                commands,
                events,
                log,
            }),
            Err(error) => {
                child.kill().ok();
                child.wait().ok();
                Err(error)
            }
        }
    }

    fn attach(
        child: &mut Child,
        wake: &Wake,
    ) -> std::io::Result<(SyncSender<Command>, Receiver<Line>, Log)> {
        let missing = || std::io::Error::other("a pipe to the worker is missing");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let (commands, to_write) = sync_channel(64);
        let (to_drain, events) = sync_channel(EVENT_LIMIT);
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        Builder::new()
            .name("worker commands".to_owned())
            .spawn(move || write_commands(stdin, &to_write))?;
        let wake = wake.clone();
        Builder::new()
            .name("worker events".to_owned())
            .spawn(move || read_events(stdout, &to_drain, &wake))?;
        let kept = lines.clone();
        let reader = Builder::new()
            .name("worker log".to_owned())
            .spawn(move || read_log(stderr, &kept))?;
        Ok((commands, events, Log { lines, reader }))
    }

    /// Waits up to `grace` for the end, then kills. Returns how it ended.
    pub fn end(&mut self, grace: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + grace;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5))
                }
                Ok(None) => {
                    self.child.kill().ok();
                    return self.child.wait().ok();
                }
                Err(error) => {
                    log::warn!("the worker's end is unknown: {error}");
                    return None;
                }
            }
        }
    }

    pub fn failure(&self, status: Option<ExitStatus>) -> Failure {
        // The last words may still be on their way; a child of the worker that holds the pipe open is not waited for.
        let deadline = Instant::now() + LAST_WORDS;
        while !self.log.reader.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        let lines = self
            .log
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let details: Vec<&str> = lines.iter().map(String::as_str).collect();
        let failure = Failure::new(words_for_end(status));
        if details.is_empty() {
            failure
        } else {
            failure.with_details(details.join("\n"))
        }
    }
}

/// Why the worker ended and what to do next.
fn words_for_end(status: Option<ExitStatus>) -> String {
    let next =
        "the labels and the project are safe; run the job again, a new worker starts by itself";
    #[cfg(unix)]
    if let Some(signal) =
        status.and_then(|status| std::os::unix::process::ExitStatusExt::signal(&status))
    {
        return match signal {
            9 => format!(
                "the worker was killed (signal 9), most often because memory ran out: \
                 choose a smaller model or close other programs; {next}"
            ),
            6 => format!("the worker gave up inside a library (signal 6); {next}"),
            11 | 7 => format!(
                "the worker crashed inside a library or driver (signal {signal}); choose the CPU; {next}"
            ),
            other => format!("the worker was ended by signal {other}; {next}"),
        };
    }
    match status.and_then(|status| status.code()) {
        Some(0) => format!("the worker ended before the job did; {next}"),
        Some(code) => format!("the worker ended with code {code}; {next}"),
        None => format!("the worker ended for an unknown reason; {next}"),
    }
}

fn write_commands(mut stdin: ChildStdin, commands: &Receiver<Command>) {
    while let Ok(command) = commands.recv() {
        let written = serde_json::to_string(&command)
            .map_err(std::io::Error::other)
            .and_then(|line| writeln!(stdin, "{line}").and_then(|()| stdin.flush()));
        if let Err(error) = written {
            // The closed event pipe tells the caller.
            log::warn!("a command did not reach the worker: {error}");
            return;
        }
    }
}

fn read_events(stdout: impl Read, events: &SyncSender<Line>, wake: &Wake) {
    for line in BufReader::new(stdout).split(b'\n') {
        let Ok(line) = line else { break };
        match serde_json::from_slice::<Event>(&line) {
            Ok(event) => {
                if events.send(Line::Event(event)).is_err() {
                    return;
                }
                wake();
            }
            // A library that prints on its own must not break the pipe.
            Err(_) => log::debug!("worker: {}", String::from_utf8_lossy(&line)),
        }
    }
    events.send(Line::Closed).ok();
    wake();
}

fn read_log(stderr: impl Read, kept: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(stderr).split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line).into_owned();
        log::info!("worker: {line}");
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == LOG_LINES {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_library_prints_on_its_own_breaks_no_pipe() {
        let printed =
            b"\xff\xfe no text\n\n{\"event\":\"cancelled\",\"id\":7}\r\n{\"event\":\"ready\""
                .as_slice();
        let (events, received) = sync_channel(8);
        let wake: Wake = Arc::new(|| {});
        read_events(printed, &events, &wake);
        assert!(matches!(
            received.recv(),
            Ok(Line::Event(Event::Cancelled { id })) if id.0 == 7
        ));
        assert!(matches!(received.recv(), Ok(Line::Closed)));
    }
}
