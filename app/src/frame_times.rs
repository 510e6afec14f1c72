//! How long frames take: a histogram, the longest ones with what was done in them, and the time to the first frame.
//! Knows numbers and words. Knows nothing of panels.

use std::path::Path;
use std::time::Instant;

use terroir_scene::{SceneResult, write_beside};

/// Upper edges of the histogram's classes, milliseconds; the last class is open.
const EDGES_MS: [f32; 8] = [2.0, 4.0, 8.0, 16.7, 33.3, 50.0, 100.0, 200.0];
/// Longest frames that are kept.
const LONGEST: usize = 12;

/// A frame and what the user or the program did in it.
#[derive(Clone, Debug, PartialEq)]
struct LongFrame {
    ms: f32,
    /// Seconds after the start.
    at_secs: f64,
    doing: String,
}

pub struct FrameTimes {
    start: Instant,
    counts: [u64; EDGES_MS.len() + 1],
    sum_ms: f64,
    longest: Vec<LongFrame>,
    first_frame_secs: Option<f64>,
    /// What was done in the frame before, whose time is not known yet.
    doing: String,
}

impl FrameTimes {
    /// Counts from the start of the program.
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            counts: [0; EDGES_MS.len() + 1],
            sum_ms: 0.0,
            longest: Vec::new(),
            first_frame_secs: None,
            doing: String::new(),
        }
    }

    /// Begins a frame. `before_secs` is what the one before took without waiting for the screen; `doing` is what is done
    /// in the one that begins.
    pub fn begin(&mut self, before_secs: Option<f32>, doing: String) {
        if let Some(secs) = before_secs {
            let now = self.start.elapsed().as_secs_f64();
            self.first_frame_secs.get_or_insert(now);
            let words = std::mem::take(&mut self.doing);
            self.take(secs * 1000.0, now, words);
        }
        self.doing = doing;
    }

    fn take(&mut self, ms: f32, at_secs: f64, doing: String) {
        let class = EDGES_MS.iter().position(|edge| ms <= *edge);
        self.counts[class.unwrap_or(EDGES_MS.len())] += 1;
        self.sum_ms += f64::from(ms);
        let is_long = self.longest.len() < LONGEST
            || self.longest.last().is_some_and(|shortest| shortest.ms < ms);
        if is_long {
            self.longest.push(LongFrame { ms, at_secs, doing });
            self.longest.sort_by(|a, b| b.ms.total_cmp(&a.ms));
            self.longest.truncate(LONGEST);
        }
    }

    /// As text: first frame, histogram, longest frames.
    pub fn report(&self) -> String {
        let frames: u64 = self.counts.iter().sum();
        let mean = self.sum_ms / frames.max(1) as f64;
        let mut text = format!("{frames} frames, {mean:.1} ms on average\n");
        if let Some(secs) = self.first_frame_secs {
            text.push_str(&format!("first frame after {secs:.2} s\n"));
        }
        text.push_str("\n      ms    frames\n");
        let mut low = 0.0;
        for (class, count) in self.counts.iter().enumerate() {
            let edge = EDGES_MS.get(class);
            let name = edge.map_or_else(|| format!("> {low}"), |edge| format!("<= {edge}"));
            text.push_str(&format!("{name:>8} {count:>9}\n"));
            low = edge.copied().unwrap_or(low);
        }
        text.push_str("\nlongest\n");
        for frame in &self.longest {
            let LongFrame { ms, at_secs, doing } = frame;
            text.push_str(&format!("{ms:>8.1} ms at {at_secs:.1} s  {doing}\n"));
        }
        text
    }

    /// Writes the report.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_blocking(&self, path: &Path) -> SceneResult<()> {
        write_beside(path, self.report().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_and_the_longest_are_kept_with_what_was_done() {
        let mut times = FrameTimes::new(Instant::now());
        times.begin(None, "opening".to_owned());
        for frame in 0..40_u16 {
            times.begin(Some(f32::from(frame) / 1000.0), format!("frame {frame}"));
        }
        times.begin(Some(0.25), String::new());
        assert_eq!(times.counts, [3, 2, 4, 8, 17, 6, 0, 0, 1]);
        assert_eq!(times.longest.len(), LONGEST);
        assert_eq!(times.longest[0].doing, "frame 39");
        assert_eq!(times.longest[1].doing, "frame 38");
        let report = times.report();
        assert!(report.starts_with("41 frames"), "{report}");
        assert!(report.contains("   > 200         1\n"), "{report}");
    }
}
