//! Places followed over the dates of a series: what the Time panel shows, read on a thread of its own. The newest
//! question wins; values arrive as they are read.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use terroir_scene::{
    FollowedPlace, LayerId, Series, TimePlace, TimeQuantity, TimeReader, TimeTable, TimeValue,
    Wavelength, class_color, spectral_indices,
};

use crate::language::t;
use crate::slot::{SlotReceiver, SlotSender, slot};
use crate::state::State;

/// Answers are sent in groups: a repaint each would be too many.
const SENT_EVERY: Duration = Duration::from_millis(150);

/// What values belong to; another series, quantity or wavelength asks anew.
#[derive(Clone)]
struct Asked {
    layer: LayerId,
    series: Series,
    quantity: TimeQuantity,
    edited_wavelengths: Vec<(usize, Wavelength)>,
}

impl PartialEq for Asked {
    /// Which frame of the series is shown does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.layer == other.layer
            && self.quantity == other.quantity
            && self.edited_wavelengths == other.edited_wavelengths
            && self.series.has_frames_of(&other.series)
    }
}

/// A place with the values known so far, one a frame.
pub struct TimePoint {
    pub id: u64,
    pub place: TimePlace,
    pub color: egui::Color32,
    /// Stays when another place is clicked.
    pub is_kept: bool,
    pub values: Vec<Option<TimeValue>>,
}

/// The Time panel: not saved, not undone. Places that are kept stand in the document.
#[derive(Default)]
pub struct TimeView {
    pub points: Vec<TimePoint>,
    pub quantity: Option<TimeQuantity>,
    asked: Option<Asked>,
    /// What the values of kept places were read for.
    read_for: Option<Asked>,
    next_id: u64,
    pub is_reading: bool,
}

pub struct TimeQuestion {
    asked: Asked,
    points: Vec<(u64, TimePlace)>,
}

pub struct TimeReply {
    point: u64,
    /// First frame of `values`.
    start: usize,
    values: Vec<Option<TimeValue>>,
    asked: Arc<Asked>,
    is_last: bool,
}

pub struct TimeProfiles {
    questions: SlotSender<TimeQuestion>,
    replies: Receiver<TimeReply>,
}

impl TimeProfiles {
    pub fn start(wake: Arc<dyn Fn() + Send + Sync>) -> std::io::Result<Self> {
        let (questions, asked) = slot();
        let (sender, replies) = sync_channel(64);
        std::thread::Builder::new()
            .name("time profiles".to_owned())
            .spawn(move || answer(&asked, &sender, &*wake))?;
        Ok(Self { questions, replies })
    }

    pub fn drain(&self) -> Vec<TimeReply> {
        self.replies.try_iter().collect()
    }
}

fn answer(
    questions: &SlotReceiver<TimeQuestion>,
    replies: &SyncSender<TimeReply>,
    wake: &(dyn Fn() + Send + Sync),
) {
    while let Some(question) = questions.take_blocking() {
        let asked = Arc::new(question.asked);
        let mut reader = TimeReader::new(asked.edited_wavelengths.clone());
        let quantity = std::slice::from_ref(&asked.quantity);
        let frames = asked.series.frames();
        let last = question.points.len().saturating_sub(1);
        'points: for (number, (point, place)) in question.points.iter().enumerate() {
            let (mut start, mut values, mut sent) = (0, Vec::new(), Instant::now());
            for (index, frame) in frames.iter().enumerate() {
                if questions.is_outdated() {
                    break 'points;
                }
                let value = reader
                    .values_blocking(frame, place, quantity)
                    .inspect_err(|error| log::warn!("time profile: {error}"))
                    .ok()
                    .and_then(|values| values.first().copied());
                // A file that cannot be read has no value.
                values.push(Some(value.unwrap_or_default()));
                let is_end = index + 1 == frames.len();
                if !is_end && sent.elapsed() < SENT_EVERY {
                    continue;
                }
                let reply = TimeReply {
                    point: *point,
                    start,
                    values: std::mem::take(&mut values),
                    asked: asked.clone(),
                    is_last: is_end && number == last,
                };
                if replies.send(reply).is_err() {
                    return;
                }
                wake();
                (start, sent) = (index + 1, Instant::now());
            }
        }
    }
}

impl State {
    /// Follows a map point over the dates of the series on show; the point clicked before goes unless it is kept.
    pub fn follow_place(&mut self, map_xy: (f64, f64)) {
        let Some(layer) = self.series_layer() else {
            return;
        };
        let document = self.history.document();
        let is_placed = layer
            .raster_info()
            .is_some_and(|info| info.grid.georef.ground_crs().is_some());
        let place = match (&document.map_crs, is_placed) {
            (Some(crs), true) => TimePlace {
                xy: map_xy,
                crs: Some(crs.clone()),
            },
            _ => match self.layer_pixel_from_map(&layer, map_xy) {
                Some((col, row)) => TimePlace {
                    xy: (col as f64 + 0.5, row as f64 + 0.5),
                    crs: None,
                },
                None => return,
            },
        };
        let time = &mut self.session.time;
        time.points.retain(|point| point.is_kept);
        time.next_id += 1;
        let used: Vec<egui::Color32> = time.points.iter().map(|point| point.color).collect();
        let color = (1..=16)
            .map(|number| crate::theme::rgb(class_color(number)))
            .find(|color| !used.contains(color))
            .unwrap_or(egui::Color32::GRAY);
        time.points.push(TimePoint {
            id: time.next_id,
            place,
            color,
            is_kept: false,
            values: Vec::new(),
        });
        time.asked = None;
    }

    /// Takes over which places are kept: a step back, or another project, may have changed them. Called once a frame.
    pub fn see_followed(&mut self) {
        let kept = &self.history.document().followed;
        let time = &mut self.session.time;
        for point in &mut time.points {
            point.is_kept = kept.iter().any(|one| one.place == point.place);
        }
        let is_new = |one: &&FollowedPlace| !time.points.iter().any(|p| p.place == one.place);
        let new: Vec<FollowedPlace> = kept.iter().filter(is_new).cloned().collect();
        for FollowedPlace { place, color } in new {
            time.next_id += 1;
            time.points.push(TimePoint {
                id: time.next_id,
                place,
                color: crate::theme::rgb(color),
                is_kept: true,
                values: Vec::new(),
            });
            time.asked = None;
        }
    }

    /// Keeps a place, or keeps it no longer.
    pub fn keep_place(&mut self, id: u64, is_kept: bool) {
        let Some(point) = self.session.time.points.iter().find(|p| p.id == id) else {
            return;
        };
        let place = point.place.clone();
        let [red, green, blue, _] = point.color.to_array();
        if is_kept {
            let color = [red, green, blue];
            self.history.change(t!("time-keep-step"), |document| {
                document.followed.push(FollowedPlace { place, color });
            });
        } else {
            self.history.change(t!("time-unkeep-place"), |document| {
                document.followed.retain(|one| one.place != place);
            });
        }
        self.see_followed();
    }

    /// Takes a place out of the panel, and out of the project where it is kept.
    pub fn remove_place(&mut self, id: u64) {
        let points = &mut self.session.time.points;
        let Some(at) = points.iter().position(|point| point.id == id) else {
            return;
        };
        let point = points.remove(at);
        if point.is_kept {
            self.history.change(t!("time-remove-place"), |document| {
                document.followed.retain(|one| one.place != point.place);
            });
        }
    }

    /// What the bands of the series on show allow to follow: indices first, then bands.
    pub fn time_quantities(&mut self) -> Vec<TimeQuantity> {
        let Some(layer) = self.series_layer() else {
            return Vec::new();
        };
        let bands = self.bands(&layer);
        let indices = spectral_indices()
            .iter()
            .filter(|index| index.derivation(&bands).is_ok())
            .map(|index| TimeQuantity::Index(index.id.clone()));
        let mask = layer
            .series()
            .and_then(|series| series.shown_frame())
            .filter(|frame| frame.has_own_mask())
            .and_then(|frame| frame.mask.as_ref().map(|mask| mask.band));
        let bands = bands
            .iter()
            .filter(|band| Some(band.index) != mask)
            .map(|band| TimeQuantity::Band(band.name.clone()));
        indices.chain(bands).collect()
    }

    /// Asks for what the Time panel lacks; called while it is open.
    pub fn update_time(&mut self) {
        let Some(layer) = self.series_layer() else {
            return;
        };
        let known = self.time_quantities();
        let time = &mut self.session.time;
        if time
            .quantity
            .as_ref()
            .is_none_or(|chosen| !known.contains(chosen))
        {
            time.quantity = known.first().cloned();
        }
        let (Some(series), Some(quantity)) = (layer.series(), time.quantity.clone()) else {
            return;
        };
        let asked = Asked {
            layer: layer.id,
            series: series.clone(),
            quantity,
            edited_wavelengths: layer.edited_wavelengths.clone(),
        };
        if time.points.is_empty() || time.asked.as_ref() == Some(&asked) {
            return;
        }
        let count = series.frames().len();
        let read_for = time.read_for.take();
        let points = time.points.iter_mut().filter_map(|point| {
            let is_whole = point.values.len() == count && point.values.iter().all(Option::is_some);
            // Kept places keep what was read of the same question.
            if is_whole && read_for.as_ref() == Some(&asked) {
                return None;
            }
            point.values = vec![None; count];
            Some((point.id, point.place.clone()))
        });
        let points: Vec<_> = points.collect();
        time.read_for = Some(asked.clone());
        time.is_reading = !points.is_empty();
        time.asked = Some(asked.clone());
        if !points.is_empty() {
            self.time_profiles
                .questions
                .put(TimeQuestion { asked, points });
        }
    }

    pub fn take_time_reply(&mut self, reply: TimeReply) {
        let time = &mut self.session.time;
        if time.asked.as_ref() != Some(&*reply.asked) {
            return;
        }
        if let Some(point) = time.points.iter_mut().find(|point| point.id == reply.point) {
            for (slot, value) in point.values.iter_mut().skip(reply.start).zip(reply.values) {
                *slot = value;
            }
        }
        if reply.is_last {
            time.is_reading = false;
        }
    }

    /// The points with their values as a table; `None` while there is nothing in it.
    pub fn time_table(&self) -> Option<TimeTable> {
        let time = &self.session.time;
        let asked = time.asked.as_ref()?;
        let mut table = TimeTable {
            quantities: vec![asked.quantity.label()],
            rows: Vec::new(),
        };
        for (number, point) in time.points.iter().enumerate() {
            let values: Vec<Vec<TimeValue>> = point
                .values
                .iter()
                .map(|value| vec![value.unwrap_or_default()])
                .collect();
            let name = (number + 1).to_string();
            table.add(&name, &point.place, &asked.series, &values);
        }
        (!table.rows.is_empty()).then_some(table)
    }
}
