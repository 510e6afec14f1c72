//! Which part of each raster the view shows, once it rests there, and the limits that follow it. Not part of the document:
//! moving the map is no step to undo.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use terroir_scene::{LayerId, Stretch, Window};

/// A view that moves is not measured.
pub const REST: Duration = Duration::from_millis(300);

struct Part {
    window: Option<Window>,
    since: Instant,
    at_rest: Option<Window>,
}

#[derive(Default)]
pub struct InView {
    parts: HashMap<LayerId, Part>,
    followed: HashMap<LayerId, Vec<Stretch>>,
    revision: u64,
}

impl InView {
    /// Notes what is in view; true while it has not rested yet.
    pub fn see(&mut self, layer: LayerId, window: Option<Window>, now: Instant) -> bool {
        let part = self.parts.entry(layer).or_insert(Part {
            window,
            since: now,
            at_rest: None,
        });
        if part.window != window {
            (part.window, part.since) = (window, now);
        }
        if part.at_rest == part.window {
            return false;
        }
        if now.duration_since(part.since) >= REST {
            part.at_rest = part.window;
            return false;
        }
        true
    }

    /// The part in view when the view last rested.
    pub fn at_rest(&self, layer: LayerId) -> Option<Window> {
        self.parts.get(&layer).and_then(|part| part.at_rest)
    }

    /// The limits that follow the view, if the layer has such.
    pub fn followed(&self, layer: LayerId) -> Option<&[Stretch]> {
        self.followed.get(&layer).map(Vec::as_slice)
    }

    /// Changes whenever any followed limits do.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn set_followed(&mut self, layer: LayerId, stretches: Vec<Stretch>) {
        if self.followed.get(&layer) != Some(&stretches) {
            self.followed.insert(layer, stretches);
            self.revision += 1;
        }
    }

    /// Forgets limits of layers that no longer follow.
    pub fn keep_followed(&mut self, keep: impl Fn(LayerId) -> bool) {
        let before = self.followed.len();
        self.followed.retain(|layer, _| keep(*layer));
        if self.followed.len() != before {
            self.revision += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_counts_once_it_rests() {
        let layer = LayerId(1);
        let part = |col| {
            Some(Window {
                col,
                row: 0,
                width: 9,
                height: 9,
            })
        };
        let start = Instant::now();
        let mut view = InView::default();
        assert!(view.see(layer, part(1), start));
        assert!(view.see(layer, part(2), start + REST));
        assert_eq!(view.at_rest(layer), None);
        assert!(!view.see(layer, part(2), start + 2 * REST));
        assert_eq!(view.at_rest(layer), part(2));
        assert!(!view.see(layer, part(2), start + 3 * REST));
        assert!(view.see(layer, part(3), start + 3 * REST));
        assert_eq!(view.at_rest(layer), part(2));
    }

    #[test]
    fn followed_limits_are_news_only_when_they_change() {
        let stretch = |high| Stretch {
            low: 0.0,
            high,
            gamma: 1.0,
        };
        let mut view = InView::default();
        view.set_followed(LayerId(1), vec![stretch(1.0)]);
        view.set_followed(LayerId(1), vec![stretch(1.0)]);
        assert_eq!(view.revision(), 1);
        view.keep_followed(|_| false);
        assert_eq!((view.followed(LayerId(1)), view.revision()), (None, 2));
    }
}
