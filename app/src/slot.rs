//! A slot that holds the newest request of the window for one background thread: an older one that was not yet taken
//! is dropped, because nobody waits for it any more. The lock is held for one assignment, never while work is done.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

struct Inner<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
}

struct State<T> {
    newest: Option<T>,
    closed: bool,
}

/// The window's end; dropping it ends the thread.
pub struct SlotSender<T>(Arc<Inner<T>>);

/// The thread's end.
pub struct SlotReceiver<T>(Arc<Inner<T>>);

pub fn slot<T>() -> (SlotSender<T>, SlotReceiver<T>) {
    let inner = Arc::new(Inner {
        state: Mutex::new(State {
            newest: None,
            closed: false,
        }),
        ready: Condvar::new(),
    });
    (SlotSender(inner.clone()), SlotReceiver(inner))
}

impl<T> SlotSender<T> {
    pub fn put(&self, request: T) {
        self.0
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .newest = Some(request);
        self.0.ready.notify_one();
    }
}

impl<T> Drop for SlotSender<T> {
    fn drop(&mut self) {
        self.0
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.0.ready.notify_one();
    }
}

impl<T> SlotReceiver<T> {
    /// Waits for the newest request; `None` once the window's end is gone.
    pub fn take_blocking(&self) -> Option<T> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.closed {
                return None;
            }
            if let Some(request) = state.newest.take() {
                return Some(request);
            }
            state = self
                .0
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether something newer arrived or the window is gone: work under way is then of no use.
    pub fn is_outdated(&self) -> bool {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed || state.newest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_request_is_taken() {
        let (sender, receiver) = slot();
        sender.put(1);
        assert!(receiver.is_outdated());
        sender.put(2);
        assert_eq!(receiver.take_blocking(), Some(2));
        assert!(!receiver.is_outdated());
        drop(sender);
        assert_eq!(receiver.take_blocking(), None);
    }
}
