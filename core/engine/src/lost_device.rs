//! A graphics device that goes away while it works, as when its driver crashes. It is noticed by the panics that follow, because
//! Burn's own waiting never ends then: the first of them takes the thread that asks the driver for news. Knows no jobs; who goes
//! on without the device says so here, and whoever does not is taken for stuck.

use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::Failure;

/// How long a job may take to go on without the device.
const PATIENCE: Duration = Duration::from_secs(10);

struct Loss {
    since: Instant,
    words: String,
    is_given_up: bool,
}

/// Whether the device was lost, and what became of that.
struct Watch(Mutex<Option<Loss>>);

static WATCH: Watch = Watch(Mutex::new(None));

type Handler = Box<dyn Fn(Failure) + Send>;
static STUCK: Mutex<Option<Handler>> = Mutex::new(None);

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Option<Loss>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is news.
    fn notice(&self, words: &str) -> bool {
        let mut loss = self.lock();
        let is_first = loss.is_none();
        loss.get_or_insert_with(|| Loss {
            since: Instant::now(),
            words: words.to_owned(),
            is_given_up: false,
        });
        is_first
    }

    fn give_up(&self) {
        if let Some(loss) = self.lock().as_mut() {
            loss.is_given_up = true;
        }
    }

    /// The words for it once it was lost so long ago and nobody went on without it.
    fn overdue(&self, patience: Duration) -> Option<Failure> {
        self.lock()
            .as_ref()
            .filter(|loss| !loss.is_given_up && loss.since.elapsed() >= patience)
            .map(|loss| failure(&loss.words))
    }
}

/// From now on losses are noticed.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload_as_str().unwrap_or_default();
            // What breaks in the libraries of the device after it is gone is no news.
            let is_consequence = has_happened()
                && info.location().is_some_and(|place| {
                    ["cubecl", "wgpu", "burn"]
                        .iter()
                        .any(|library| place.file().contains(library))
                });
            if speaks_of_loss(text) {
                notice(text);
            } else if is_consequence {
                log::warn!("after the loss of the graphics device: {text}");
            } else {
                others(info);
            }
        }));
    });
}

fn notice(words: &str) {
    log::warn!("the graphics device was lost: {words}");
    if !WATCH.notice(words) {
        return;
    }
    let timer = Builder::new().name("lost device".to_owned()).spawn(|| {
        std::thread::sleep(PATIENCE);
        if let Some(failure) = overdue()
            && let Some(handler) = &*STUCK.lock().unwrap_or_else(PoisonError::into_inner)
        {
            handler(failure);
        }
    });
    if let Err(error) = timer {
        log::warn!("nobody looks whether the job goes on without it: {error}");
    }
}

/// Calls `handler` if a job of this process waits for a lost device, which it will for ever; the process has to end then.
pub fn when_device_is_lost(handler: impl Fn(Failure) + Send + 'static) {
    *STUCK.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(handler));
}

/// Whether this process lost its device at any time: it cannot have it again.
pub(crate) fn has_happened() -> bool {
    WATCH.lock().is_some()
}

/// The job goes on without the device, or had not begun with it.
pub(crate) fn give_up() {
    WATCH.give_up();
}

/// Set once the job does not go on without the device it lost.
pub(crate) fn overdue() -> Option<Failure> {
    WATCH.overdue(PATIENCE)
}

/// The same after a part of that time, for a device that is only tried out.
pub(crate) fn is_trial_over() -> bool {
    WATCH.overdue(PATIENCE / 4).is_some()
}

pub(crate) fn failure(words: &str) -> Failure {
    Failure::new(
        "the graphics device was lost while it worked: its driver crashed or it was taken away; run it again, or choose the CPU",
    )
    .with_details(words)
}

/// Whether a panic tells of a lost device.
pub(crate) fn speaks_of_loss(text: &str) -> bool {
    let lower = text.to_lowercase();
    [
        "device is lost",
        "device was lost",
        "device lost",
        "devicelost",
        "devicepoisoned",
        "bufferasyncerror",
    ]
    .iter()
    .any(|sign| lower.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_nobody_goes_on_from_is_overdue() {
        let watch = Watch(Mutex::new(None));
        assert!(watch.overdue(Duration::ZERO).is_none());
        assert!(watch.notice("Parent device is lost"));
        assert!(!watch.notice("and again"));
        assert!(watch.overdue(Duration::from_secs(600)).is_none());
        let failure = watch.overdue(Duration::ZERO).unwrap();
        assert!(failure.what.contains("lost") && failure.what.contains("choose"));
        assert_eq!(failure.details.as_deref(), Some("Parent device is lost"));
        watch.give_up();
        assert!(watch.overdue(Duration::ZERO).is_none());
        assert!(!watch.notice("later"));
    }

    #[test]
    fn losses_are_told_from_other_panics() {
        assert!(speaks_of_loss(
            "Error in Device::poll: Validation Error\n\nCaused by:\n  Parent device is lost\n"
        ));
        assert!(speaks_of_loss(
            "DevicePoisoned(\"Unknown: Device is lost\")"
        ));
        assert!(speaks_of_loss("Failed to map buffer: BufferAsyncError"));
        assert!(!speaks_of_loss("index out of bounds: the len is 3"));
        assert!(!speaks_of_loss(
            "called `Result::unwrap()` on a PoisonError"
        ));
    }
}
