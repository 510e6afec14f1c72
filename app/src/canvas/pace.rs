//! When the canvas asks for its next frame: tiles that arrive one by one share frames, the last one is shown at once.
//! Knows nothing of tiles or windows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Frames that only bring further tiles come no faster than this.
const TILE_PACE: Duration = Duration::from_millis(33);
/// A software rasteriser draws with the same cores that read the tiles.
const TILE_PACE_SOFTWARE: Duration = Duration::from_millis(100);

/// Shared between the window's thread, which begins frames, and the threads that make tiles.
pub struct Pace {
    start: Instant,
    /// When the last frame began, in microseconds since `start`.
    last_frame_us: AtomicU64,
    interval: Duration,
}

impl Pace {
    pub fn new(is_software: bool) -> Self {
        Self {
            start: Instant::now(),
            last_frame_us: AtomicU64::new(0),
            interval: if is_software {
                TILE_PACE_SOFTWARE
            } else {
                TILE_PACE
            },
        }
    }

    /// A frame begins.
    pub fn begin_frame(&self) {
        let since = self.start.elapsed().as_micros();
        self.last_frame_us
            .store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long the frame that shows a tile waits for others; not at all when nothing else is on its way.
    pub fn wait(&self, is_last: bool) -> Duration {
        if is_last {
            return Duration::ZERO;
        }
        let last = Duration::from_micros(self.last_frame_us.load(Ordering::Relaxed));
        self.interval
            .saturating_sub(self.start.elapsed().saturating_sub(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_share_frames_and_the_last_one_waits_for_nothing() {
        let pace = Pace {
            interval: Duration::from_secs(3600),
            ..Pace::new(true)
        };
        pace.begin_frame();
        assert!(pace.wait(false) > Duration::from_secs(3000));
        assert_eq!(pace.wait(true), Duration::ZERO);
        let slept = Pace {
            interval: Duration::ZERO,
            ..Pace::new(false)
        };
        assert_eq!(slept.wait(false), Duration::ZERO);
    }
}
