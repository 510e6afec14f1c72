//! Batches read ahead: a thread reads the rows of the next draws while the network works on the ones before.
//! Knows draws and rows. Knows nothing of tensors.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use terroir_scene::SceneResult;

use super::rows::{Row, Rows};
use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::training::Draw;

/// Draws that are read ahead of the one at work.
const AHEAD: usize = 2;
/// How often a wait looks whether the job was stopped.
const LOOK: Duration = Duration::from_millis(100);

type Batch = (Draw, SceneResult<Vec<Row>>);

pub struct RowReader {
    requests: Option<SyncSender<Draw>>,
    batches: Receiver<Batch>,
    asked: VecDeque<Draw>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// Draws a step, and steps of the run.
    parts: u64,
    steps: u64,
}

impl RowReader {
    /// # Errors
    /// No thread can be started.
    pub fn start(rows: Rows, parts: u64, steps: u64) -> Result<Self, Failure> {
        let (requests, asked) = sync_channel::<Draw>(AHEAD + 1);
        let (done, batches) = sync_channel::<Batch>(AHEAD + 1);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let mut rows = rows;
        let work = move || {
            while let Ok(draw) = asked.recv() {
                let go_on = || !over.load(Ordering::Relaxed);
                let batch = rows.draw_blocking(draw, &go_on);
                if done.send((draw, batch)).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("archive rows".to_owned())
            .spawn(work)
            .map_err(|error| {
                Failure::new("no thread can be started to read the archives").with_details(error)
            })?;
        Ok(Self {
            requests: Some(requests),
            batches,
            asked: VecDeque::new(),
            is_over,
            thread: Some(thread),
            parts: parts.max(1),
            steps,
        })
    }

    /// The rows of a draw; asks for the ones after it.
    pub fn take(&mut self, draw: Draw, monitor: &Monitor<'_>) -> JobResult<Vec<Row>> {
        if !self.asked.contains(&draw) {
            self.ask(draw)?;
        }
        while self.asked.len() <= AHEAD {
            match self.asked.back().copied().and_then(|last| self.after(last)) {
                Some(next) => self.ask(next)?,
                None => break,
            }
        }
        loop {
            monitor.check()?;
            match self.batches.recv_timeout(LOOK) {
                Ok((of, rows)) => {
                    self.asked.pop_front();
                    // What was read for a run that began elsewhere is of no use.
                    if of == draw {
                        return Ok(rows?);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(gone().into()),
            }
        }
    }

    fn after(&self, draw: Draw) -> Option<Draw> {
        if draw.part + 1 < self.parts {
            return Some(Draw {
                part: draw.part + 1,
                ..draw
            });
        }
        (draw.step + 1 < self.steps).then_some(Draw {
            step: draw.step + 1,
            part: 0,
            ..draw
        })
    }

    fn ask(&mut self, draw: Draw) -> Result<(), Failure> {
        let sent = self.requests.as_ref().map(|requests| requests.send(draw));
        match sent {
            Some(Ok(())) => {
                self.asked.push_back(draw);
                Ok(())
            }
            _ => Err(gone()),
        }
    }
}

impl Drop for RowReader {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.requests = None;
        // Whoever waits to hand over a batch may go.
        while self.batches.try_recv().is_ok() {}
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::warn!("the thread that reads the archives ended in a fault");
        }
    }
}

fn gone() -> Failure {
    Failure::new(
        "reading the archives met a fault of its own; the last checkpoint is kept, go on with --resume",
    )
}
