//! What the program and its libraries log, kept for the window's log panel. Any thread writes; the window takes it along
//! with the next frame and never waits for a writer.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::messages::Level;

/// Records waiting for the window; older ones go first.
const WAITING: usize = 200;
/// What the window says itself is in its log already.
const OWN_WORDS: &str = "terroir::messages";
/// Dialogs that a desktop lacks are replaced by ours, and the user is told.
const DIALOGS: &str = "rfd";

static RECORDS: Mutex<VecDeque<(Level, String)>> = Mutex::new(VecDeque::new());

/// Whether a record belongs into the panel: warnings of anyone, information of ours.
pub fn is_kept(metadata: &log::Metadata) -> bool {
    let is_ours = metadata.target().starts_with("terroir");
    metadata.target() != OWN_WORDS
        && !metadata.target().starts_with(DIALOGS)
        && (metadata.level() <= log::Level::Warn || is_ours && metadata.level() <= log::Level::Info)
}

pub fn keep(record: &log::Record) {
    if !is_kept(record.metadata()) {
        return;
    }
    let level = match record.level() {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warning,
        _ => Level::Info,
    };
    let text = format!("{}: {}", record.target(), record.args());
    // A writer that meets another one waits for a push into a short list; a poisoned list is of no use to anybody.
    if let Ok(mut records) = RECORDS.lock() {
        if records.len() == WAITING {
            records.pop_front();
        }
        records.push_back((level, text));
    }
}

/// Everything there is, oldest first; nothing while a writer is at it.
pub fn take() -> VecDeque<(Level, String)> {
    match RECORDS.try_lock() {
        Ok(mut records) => std::mem::take(&mut *records),
        Err(_) => VecDeque::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_kept_of(target: &str, level: log::Level) -> bool {
        is_kept(&log::Metadata::builder().target(target).level(level).build())
    }

    #[test]
    fn warnings_of_anyone_and_information_of_ours_are_kept() {
        assert!(is_kept_of("wgpu_core::device", log::Level::Warn));
        assert!(!is_kept_of("wgpu_core::device", log::Level::Info));
        assert!(is_kept_of("terroir_engine::process", log::Level::Info));
        assert!(!is_kept_of("terroir_engine::process", log::Level::Debug));
        assert!(!is_kept_of(OWN_WORDS, log::Level::Error));
        assert!(!is_kept_of(
            "rfd::backend::xdg_desktop_portal",
            log::Level::Error
        ));
    }
}
