//! The rows of a batch, read from the archives: which frames, at which place, turned how. Only what a batch looks at is read,
//! so that memory does not depend on how many dates an archive has or how large it is.
//! Knows archives and chance. Knows nothing of tensors.

use std::collections::HashMap;

use terroir_models::Stream;
use terroir_scene::{Archive, FrameBlock, SceneResult, Source, Window, pixel_metres};

use super::chips::{Chip, blank_line, chip, turned};
use super::places::{Extent, Pixel, Place, Places};
use super::sampling::{RowPlan, SourceTimes, main_source, pick};
use super::sources::{has_classes, is_optical, is_radar};
use super::text::TextPoints;
use crate::training::Draw;

/// Memory for frames that are kept once they were read: those of archives that fit with all their frames, the first ones
/// first. Which are kept does not depend on what was read when, so that a resumed run reads the same numbers.
const KEPT_BYTES: usize = 256 << 20;
/// Targets that show less than this are drawn again, up to some times.
const KNOWN: f64 = 0.05;
const TRIES: usize = 3;
/// The published pixel, for archives that say no size.
const PIXEL_M: f64 = 10.0;

/// How a source is compared on an archive's grid, pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scale {
    /// Largest planar shift.
    pub shift_px: usize,
    /// Side of the blocks that are compared; 1 = every pixel.
    pub block_px: usize,
}

/// An archive with what the model knows of its sources.
pub struct Opened {
    pub archive: Archive,
    /// For people.
    pub name: String,
    /// Index in the archive of each of the model's sources.
    of_model: Vec<Option<usize>>,
    /// Dates of the frames of each of the model's sources; none where the archive lacks it.
    pub times: Vec<SourceTimes>,
    /// Of each of the model's sources.
    pub scales: Vec<Scale>,
}

impl Opened {
    /// `sources`: the model's.
    pub fn new(archive: Archive, name: String, sources: &[Source]) -> Self {
        let of_model: Vec<Option<usize>> = sources
            .iter()
            .map(|source| {
                let has_name = |own: &terroir_scene::ArchiveSource| own.source.name == source.name;
                archive.sources.iter().position(has_name)
            })
            .collect();
        let days = |at: &Option<usize>| -> Vec<f64> {
            at.and_then(|at| archive.sources.get(at))
                .map(|source| source.frames.iter().map(|frame| frame.day).collect())
                .unwrap_or_default()
        };
        let mut times: Vec<SourceTimes> = sources
            .iter()
            .zip(&of_model)
            .map(|(source, at)| {
                let days = days(at);
                let frames = at
                    .and_then(|at| archive.sources.get(at))
                    .map(|own| &own.frames);
                SourceTimes {
                    is_input: source.is_input,
                    is_target: source.is_target,
                    is_static: frames
                        .is_some_and(|frames| frames.iter().any(|frame| frame.is_static)),
                    is_main: false,
                    days,
                }
            })
            .collect();
        let found: Vec<(bool, bool, usize)> = sources
            .iter()
            .zip(&times)
            .map(|(source, times)| (source.is_input, is_optical(source), times.days.len()))
            .collect();
        if let Some(main) = main_source(&found) {
            times[main].is_main = true;
        }
        let metres = pixel_metres(&archive.grid).unwrap_or(PIXEL_M);
        let scales = sources.iter().map(|source| scale_of(source, metres));
        Self {
            scales: scales.collect(),
            archive,
            name,
            of_model,
            times,
        }
    }

    pub fn extent(&self) -> Extent {
        Extent {
            width: self.archive.grid.width,
            height: self.archive.grid.height,
            frames: self.input_frames(),
        }
    }

    /// Memory all its frames take: four bytes a value, one for whether it is there, one a pixel for clouds.
    fn bytes(&self) -> usize {
        let pixels = self.archive.grid.window().pixels();
        let of_source = |source: &terroir_scene::ArchiveSource| {
            let of_frame = pixels.saturating_mul(5 * source.source.bands.len() + 1);
            of_frame.saturating_mul(source.frames.len())
        };
        let sources = self.archive.sources.iter().map(of_source);
        sources.fold(0, usize::saturating_add)
    }

    /// Dated frames of what the model looks at.
    pub fn input_frames(&self) -> usize {
        let inputs = self.times.iter().filter(|times| times.is_input);
        inputs.map(|times| times.days.len()).sum()
    }
}

fn scale_of(source: &Source, pixel_m: f64) -> Scale {
    let pixels = |metres: Option<f64>| (metres.unwrap_or(0.0) / pixel_m).round() as usize;
    Scale {
        shift_px: pixels(source.shift_m),
        block_px: pixels(source.regrid_m).max(1),
    }
}

/// The frame of a source that is to be found again.
#[derive(Clone, Debug)]
pub struct Target {
    pub chip: Chip,
    /// Days.
    pub period: (f64, f64),
    /// Place of the frame in the period, 0 to 1.
    pub tau: f64,
}

/// A text about a pixel of the crop.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// Of `side * side`.
    pub pixel: usize,
    /// Index of the text.
    pub text: usize,
    pub period: (f64, f64),
}

/// A row of a batch.
#[derive(Clone, Debug)]
pub struct Row {
    pub archive: usize,
    /// Which of the eight ways it is turned.
    pub turn: u8,
    pub support: (f64, f64),
    /// By source of the model: day and [C, side, side] of each frame.
    pub inputs: Vec<Vec<(f64, Vec<f32>)>>,
    /// For each of `inputs`: the student sees it, too.
    pub student: Vec<Vec<bool>>,
    /// By source of the model.
    pub targets: Vec<Option<Target>>,
    /// Of the summary that teacher and student make.
    pub shared: (f64, f64),
    pub anchor: Option<Anchor>,
}

/// Where rows come from.
pub struct Rows {
    pub archives: Vec<Opened>,
    /// The model's.
    pub sources: Vec<Source>,
    pub places: Places,
    pub texts: Option<TextPoints>,
    pub side: usize,
    pub frames: usize,
    pub batch: usize,
    /// Whole frames by archive, source and frame.
    kept: HashMap<(usize, usize, usize), FrameBlock>,
    /// By archive: its frames are kept.
    is_kept: Vec<bool>,
}

impl Rows {
    pub fn new(
        archives: Vec<Opened>,
        sources: Vec<Source>,
        places: Places,
        texts: Option<TextPoints>,
        [side, frames, batch]: [usize; 3],
    ) -> Self {
        let mut left = KEPT_BYTES;
        let is_kept = archives
            .iter()
            .map(|opened| {
                let bytes = opened.bytes();
                let fits = bytes <= left;
                left -= if fits { bytes } else { 0 };
                fits
            })
            .collect();
        Self {
            archives,
            sources,
            places,
            texts,
            side,
            frames,
            batch,
            kept: HashMap::new(),
            is_kept,
        }
    }

    /// The rows of a draw. `go_on` is asked before every frame.
    ///
    /// # Errors
    /// A frame that cannot be read; cancelled.
    pub fn draw_blocking(&mut self, draw: Draw, go_on: &dyn Fn() -> bool) -> SceneResult<Vec<Row>> {
        let name = format!("rows {} {}", draw.step, draw.part);
        let mut chance = Stream::new(draw.seed, &name);
        let places = self.places.draw(self.batch, &mut chance);
        let mut rows = Vec::with_capacity(places.len());
        for (at, place) in places.into_iter().enumerate() {
            // Every second row is one with a text, where there are texts.
            let text = match &self.texts {
                Some(texts) if at % 2 == 0 => texts.any(&mut chance),
                _ => None,
            };
            let place = match text {
                Some((_, (archive, col, row))) => self
                    .places
                    .around(archive, col, row, &mut chance)
                    .unwrap_or(place),
                None => place,
            };
            rows.extend(self.row_blocking(place, text, &mut chance, go_on)?);
        }
        Ok(rows)
    }

    /// A row at the middle of each of the first archives, always the same.
    pub fn preview_blocking(
        &mut self,
        most: usize,
        go_on: &dyn Fn() -> bool,
    ) -> SceneResult<Vec<Row>> {
        let mut rows = Vec::new();
        for archive in 0..self.archives.len().min(most) {
            let mut chance = Stream::new(0, &format!("preview {archive}"));
            if let Some(place) = self.places.middle(archive) {
                rows.extend(self.row_blocking(place, None, &mut chance, go_on)?);
            }
        }
        Ok(rows)
    }

    /// A row at a place; `None` where its archive has too few frames.
    pub fn row_blocking(
        &mut self,
        place: Place,
        text: Option<(usize, Pixel)>,
        chance: &mut Stream,
        go_on: &dyn Fn() -> bool,
    ) -> SceneResult<Option<Row>> {
        let Some(opened) = self.archives.get(place.archive) else {
            return Ok(None);
        };
        let times = opened.times.clone();
        let Some(mut plan) = RowPlan::draw(&times, self.frames, chance) else {
            return Ok(None);
        };
        let turn = pick(8, chance) as u8;
        let order = turned(turn, self.side);
        let mut targets = Vec::with_capacity(times.len());
        for (source, times) in times.iter().enumerate() {
            let mut found = None;
            for _ in 0..TRIES {
                let Some(Some(target)) = plan.targets.get(source) else {
                    break;
                };
                let target = target.clone();
                let chip = self.chip_blocking(place, source, target.frame, &order, go_on)?;
                if chip.known() > 0.0 {
                    found = Some((target, chip));
                }
                let is_enough = found
                    .as_ref()
                    .is_some_and(|(_, chip)| chip.known() >= KNOWN);
                if is_enough || !plan.retarget(source, times, chance) {
                    break;
                }
            }
            // What was tried last is what the inputs lack; only that may be shown.
            let last = plan.targets.get(source).and_then(Option::as_ref);
            targets.push(found.and_then(|(target, chip)| {
                (last.map(|last| last.frame) == Some(target.frame)).then_some(Target {
                    chip,
                    period: target.period,
                    tau: f64::from(target.tau),
                })
            }));
        }
        let mut inputs = Vec::with_capacity(times.len());
        for (source, frames) in plan.inputs.iter().enumerate() {
            let mut of_source = Vec::with_capacity(frames.len());
            for frame in frames {
                let mut values = self
                    .chip_blocking(place, source, *frame, &order, go_on)?
                    .values;
                if is_radar(&self.sources[source]) {
                    blank_line(&mut values, self.side, chance);
                }
                let day = times[source].days.get(*frame).copied().unwrap_or_default();
                of_source.push((day, values));
            }
            inputs.push(of_source);
        }
        let anchor = text.and_then(|(text, (archive, col, row))| {
            let inside = |at: usize, from: usize, length: usize| {
                at.checked_sub(from).filter(|at| *at < length)
            };
            let column = inside(col, place.window.col, place.window.width)?;
            let row = inside(row, place.window.row, place.window.height)?;
            let from = row * self.side + column;
            (archive == place.archive).then_some(Anchor {
                pixel: order.iter().position(|place| *place == from)?,
                text,
                period: plan.any_period(chance),
            })
        });
        Ok(Some(Row {
            archive: place.archive,
            turn,
            support: plan.support,
            inputs,
            student: plan.student,
            targets,
            shared: plan.shared,
            anchor,
        }))
    }

    fn chip_blocking(
        &mut self,
        place: Place,
        source: usize,
        frame: usize,
        order: &[usize],
        go_on: &dyn Fn() -> bool,
    ) -> SceneResult<Chip> {
        if !go_on() {
            return Err(terroir_scene::SceneError::Cancelled);
        }
        let opened = &self.archives[place.archive];
        let side = self.side;
        let known = &self.sources[source];
        let Some(own) = opened.of_model.get(source).copied().flatten() else {
            let planes = super::sources::outputs(known);
            let weights = if has_classes(known) { 1 } else { planes };
            return Ok(Chip {
                values: vec![0.0; planes * side * side],
                weight: vec![0.0; weights * side * side],
            });
        };
        let whole = opened.archive.grid.window();
        let key = (place.archive, own, frame);
        let cut =
            |block: &FrameBlock, at: Window| chip(block, at, place.window, known, order, side);
        if let Some(block) = self.kept.get(&key) {
            return Ok(cut(block, whole));
        }
        if !self.is_kept[place.archive] {
            let block = opened.archive.read_blocking(own, frame, place.window)?;
            return Ok(cut(&block, place.window));
        }
        let block = opened.archive.read_blocking(own, frame, whole)?;
        let chip = cut(&block, whole);
        self.kept.insert(key, block);
        Ok(chip)
    }
}
