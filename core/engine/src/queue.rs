//! The worker's bounded queue: one task runs at a time, waiting ones can be taken back at once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::monitor::CancelToken;
use crate::{JobId, JobSpec};

/// More waiting jobs than anyone means to ask for; beyond it a run is refused with words.
pub const QUEUE_LIMIT: usize = 64;

/// What the engine thread does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    Run(JobSpec),
    Estimate(JobSpec),
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(JobId, Task)>,
    running: Option<(JobId, CancelToken)>,
    closed: bool,
}

#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

/// What a cancel found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It was waiting and is gone.
    Waiting,
    /// It is running; its token is set.
    Running,
    Unknown,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while holding this lock leaves plain data: nothing can be half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `false` when the queue is full or closed.
    pub fn push(&self, id: JobId, task: Task) -> bool {
        let mut state = self.lock();
        if state.closed || state.waiting.len() >= QUEUE_LIMIT {
            return false;
        }
        state.waiting.push_back((id, task));
        self.changed.notify_one();
        true
    }

    /// Waits for the next task and marks it running; `None` once closed.
    pub fn next_blocking(&self) -> Option<(JobId, Task, CancelToken)> {
        let mut state = self.lock();
        state.running = None;
        loop {
            if state.closed {
                return None;
            }
            if let Some((id, task)) = state.waiting.pop_front() {
                let token = CancelToken::default();
                state.running = Some((id, token.clone()));
                return Some((id, task, token));
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The task the engine works on, if any.
    pub fn running(&self) -> Option<JobId> {
        self.lock().running.as_ref().map(|(id, _)| *id)
    }

    pub fn cancel(&self, id: JobId) -> Cancelled {
        let mut state = self.lock();
        if let Some((running, token)) = &state.running
            && *running == id
        {
            token.cancel();
            return Cancelled::Running;
        }
        let before = state.waiting.len();
        state.waiting.retain(|(waiting, _)| *waiting != id);
        if state.waiting.len() < before {
            Cancelled::Waiting
        } else {
            Cancelled::Unknown
        }
    }

    /// Interrupts the running task, drops the waiting ones and ends `next_blocking`.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
        if let Some((_, token)) = &state.running {
            token.interrupt();
        }
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Stop;
    use crate::{JobSpec, PredictSpec};

    fn task() -> Task {
        Task::Run(JobSpec::Predict(PredictSpec {
            probabilities: false,
            uncertainty: None,
            field: "f".into(),
            head: "h".into(),
            out: "o".into(),
            aoi: None,
        }))
    }

    #[test]
    fn waiting_jobs_are_taken_back_and_running_ones_told() {
        let queue = Queue::default();
        assert!(queue.push(JobId(1), task()) && queue.push(JobId(2), task()));
        let (id, _, token) = queue.next_blocking().unwrap();
        assert_eq!(id, JobId(1));
        assert_eq!(queue.cancel(JobId(2)), Cancelled::Waiting);
        assert_eq!(queue.cancel(JobId(2)), Cancelled::Unknown);
        assert_eq!(queue.cancel(JobId(1)), Cancelled::Running);
        assert_eq!(token.stop(), Some(Stop::Cancelled));
        queue.close();
        assert_eq!(
            token.stop(),
            Some(Stop::Cancelled),
            "closing must not soften a cancel"
        );
    }

    #[test]
    fn it_is_bounded_and_closes() {
        let queue = Queue::default();
        for id in 0..QUEUE_LIMIT as u64 {
            assert!(queue.push(JobId(id), task()));
        }
        assert!(!queue.push(JobId(999), task()));
        queue.close();
        assert!(queue.next_blocking().is_none());
        assert!(!queue.push(JobId(1), task()));
    }
}
