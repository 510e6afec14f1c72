//! Going through the dates of a series: which dates take part, steps, playing, and what comes next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use terroir_scene::{Frame, Layer, LayerId, Series};

use crate::canvas::CanvasLayer;
use crate::language::t;
use crate::state::State;

/// Dates a second to choose from.
pub const SPEEDS: [f32; 5] = [0.5, 1.0, 2.0, 5.0, 10.0];
/// With reduced motion the picture changes no faster than this.
const CALM_SPEED: f32 = 0.5;

/// What the timeline remembers; not saved, not undone.
pub struct Timeline {
    pub is_open: bool,
    /// Since when the date on show is on show; `None` while not playing.
    pub playing: Option<Instant>,
    /// Dates a second.
    pub speed: f32,
    /// The last step went back.
    goes_back: bool,
    pub list_open: bool,
    /// Date being typed: layer, frame, text.
    pub date_edit: Option<(LayerId, usize, String)>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            is_open: true,
            playing: None,
            speed: 2.0,
            goes_back: false,
            list_open: false,
            date_edit: None,
        }
    }
}

/// What is known of a frame's clouds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CloudCover {
    /// 0 to 1.
    Share(f32),
    /// Being counted.
    Counting,
    /// No mask and no table.
    Unknown,
}

impl CloudCover {
    pub fn share(self) -> Option<f32> {
        match self {
            Self::Share(share) => Some(share),
            Self::Counting | Self::Unknown => None,
        }
    }

    pub fn text(self) -> String {
        match self {
            Self::Share(share) => t!(
                "timeline-cloud-share",
                percent = format!("{:.0}", share * 100.0)
            ),
            Self::Counting => t!("timeline-cloud-counting").to_owned(),
            Self::Unknown => t!("timeline-cloud-unknown").to_owned(),
        }
    }
}

impl State {
    /// The series the timeline is about: the active layer, else the topmost visible one.
    pub fn series_layer(&self) -> Option<Arc<Layer>> {
        let is_series = |layer: &&Arc<Layer>| layer.series().is_some();
        let layers = &self.history.document().layers;
        self.active_layer()
            .filter(is_series)
            .or_else(|| layers.iter().filter(|layer| layer.visible).find(is_series))
            .cloned()
    }

    pub fn clouds_of(&self, frame: &Frame) -> CloudCover {
        let stated = match frame.stated_clouds {
            Some(share) => CloudCover::Share(share),
            None => CloudCover::Unknown,
        };
        let Some(mask) = frame.mask.as_ref().filter(|_| frame.info.is_some()) else {
            return stated;
        };
        match self.derived.clouds.get(mask) {
            Some(Some(share)) => CloudCover::Share(*share),
            Some(None) => stated,
            None if frame.stated_clouds.is_some() => stated,
            None => CloudCover::Counting,
        }
    }

    /// Asks for the cloud cover of a series' frames where it is not known yet.
    pub fn ask_clouds(&mut self, series: &Series) {
        let derived = &mut self.derived;
        let masks = series
            .frames()
            .iter()
            .filter(|frame| frame.info.is_some())
            .filter_map(|frame| frame.mask.as_ref())
            .filter(|mask| !derived.clouds.contains_key(*mask));
        let masks: Vec<_> = masks.cloned().collect();
        if masks
            .iter()
            .any(|mask| !derived.clouds_asked.contains(mask))
        {
            derived.clouds_asked = masks.iter().cloned().collect();
            self.clouds.ask(masks);
        }
    }

    /// Frames that stepping and playing go through: those with a date (all, if none has one) that are not too cloudy.
    pub fn steps(&self, series: &Series) -> Vec<usize> {
        let count = match series.dated() {
            0 => series.frames().len(),
            dated => dated,
        };
        let is_clear = |frame: &Frame| match series.most_clouds {
            // What is not known is not held against a date.
            Some(most) => self
                .clouds_of(frame)
                .share()
                .is_none_or(|share| share <= most),
            None => true,
        };
        let frames = series.frames().iter().enumerate().take(count);
        frames
            .filter(|(_, frame)| is_clear(frame))
            .map(|(index, _)| index)
            .collect()
    }

    pub fn show_frame(&mut self, layer: LayerId, index: usize) {
        let shown = self
            .history
            .document()
            .layer(layer)
            .and_then(|layer| layer.series())
            .map(Series::shown);
        if shown.is_some_and(|shown| shown != index) {
            self.session.timeline.goes_back = shown.is_some_and(|shown| index < shown);
            self.history.show_frame(layer, index);
            if self.session.timeline.playing.is_some() {
                self.session.timeline.playing = Some(Instant::now());
            }
        }
    }

    /// Shows the next or the previous date; at the end it stays, or begins anew with `wraps`.
    pub fn step_frame(&mut self, goes_back: bool, wraps: bool) {
        let Some(layer) = self.series_layer() else {
            return;
        };
        let Some(series) = layer.series() else {
            return;
        };
        if let Some(next) = self.next_frame(series, goes_back, wraps) {
            self.show_frame(layer.id, next);
            self.session.timeline.goes_back = goes_back;
        }
    }

    fn next_frame(&self, series: &Series, goes_back: bool, wraps: bool) -> Option<usize> {
        let steps = self.steps(series);
        let shown = series.shown();
        if goes_back {
            let before = steps.iter().rev().find(|index| **index < shown);
            before.or(steps.last().filter(|_| wraps)).copied()
        } else {
            let after = steps.iter().find(|index| **index > shown);
            after.or(steps.first().filter(|_| wraps)).copied()
        }
    }

    /// Goes on playing: the next date when the one on show had its time and is drawn. Returns when to look again; `None`
    /// when nothing plays or a tile must come first.
    pub fn play(&mut self, is_drawn: bool) -> Option<Duration> {
        let since = self.session.timeline.playing?;
        if self.series_layer().is_none() {
            self.session.timeline.playing = None;
            return None;
        }
        if !is_drawn {
            return None;
        }
        let most = if self.has_less_motion() {
            CALM_SPEED
        } else {
            f32::INFINITY
        };
        let pause = Duration::from_secs_f32(1.0 / self.session.timeline.speed.min(most));
        if let Some(left) = pause.checked_sub(since.elapsed())
            && !left.is_zero()
        {
            return Some(left);
        }
        self.session.timeline.playing = Some(Instant::now());
        self.step_frame(false, true);
        Some(pause)
    }

    /// The series as it will look after the next step, for tiles to be made ready.
    pub fn frames_ahead(&self) -> Vec<CanvasLayer> {
        let timeline = &self.session.timeline;
        let is_playing = timeline.playing.is_some();
        let goes_back = timeline.goes_back && !is_playing;
        let Some(layer) = self.series_layer().filter(|layer| layer.visible) else {
            return Vec::new();
        };
        let next = layer
            .series()
            .and_then(|series| self.next_frame(series, goes_back, is_playing));
        next.map(|next| {
            let mut layer = Layer::clone(&layer);
            layer.show_frame(next);
            CanvasLayer::new(Arc::new(layer))
        })
        .into_iter()
        .collect()
    }
}
