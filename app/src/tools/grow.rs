//! Grow by spectrum: a click labels the pixels around that hang together and are spectrally like it. The tolerance can be
//! changed afterwards, with the map following; the region is one undo step, and Esc takes it back. Values are read in a
//! thread of their own.

use egui::{Color32, Key, RichText, Stroke};
use terroir_scene::{Followed, Grid, LayerId, Likeness, RasterInfo, bands_to_compare};

use super::MapView;
use super::paint::clicked_pixel;
use crate::jobs::count_text;
use crate::label_work::GrowQuestion;
use crate::language::t;
use crate::messages::Level;
use crate::state::State;
use crate::theme::{self, icon};

/// Pixels a region may have at most.
const LIMITS: std::ops::RangeInclusive<usize> = 100..=4_000_000;

/// How regions are grown, and the one that was grown last.
pub struct Growing {
    pub likeness: Likeness,
    angle_degrees: f32,
    difference: f32,
    limit: usize,
    region: Option<GrownRegion>,
}

/// A region on the way or on the map, as long as nothing else was done since.
struct GrownRegion {
    question: GrowQuestion,
    layer: LayerId,
    class_id: u8,
    /// Revision of the document with the region in it; before the first answer, the one it was asked at.
    revision: u64,
    is_painted: bool,
    is_waiting: bool,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    None,
    Pixels(usize),
    TooLarge,
}

impl Default for Growing {
    fn default() -> Self {
        Self {
            likeness: Likeness::Difference,
            angle_degrees: 4.0,
            difference: 0.4,
            limit: 250_000,
            region: None,
        }
    }
}

impl Growing {
    fn tolerance(&self) -> f32 {
        match self.likeness {
            Likeness::Angle => self.angle_degrees,
            Likeness::Difference => self.difference,
        }
    }

    /// Forgets the region; what is painted of it stays.
    pub fn keep(&mut self) {
        self.region = None;
    }
}

pub fn grow_ui(ui: &mut egui::Ui, state: &mut State, view: &MapView<'_>, clicked: bool) {
    if clicked && let Some(at) = clicked_pixel(state, view) {
        start(state, at);
    }
    let is_over = state
        .session
        .growing
        .region
        .as_ref()
        .is_some_and(|region| region.revision != state.history.revision());
    if is_over {
        state.session.growing.keep();
    }
    if !ui.ctx().text_edit_focused() && ui.input(|input| input.key_pressed(Key::Enter)) {
        state.session.growing.keep();
    }
    mark_ui(ui, state, view);
    bar_ui(ui, state, view);
}

/// The raster whose pixels are compared (the active one), its bands that tell ground apart, and the grid of the labels. Says
/// what is missing.
pub(super) fn compared(state: &mut State) -> Option<(RasterInfo, Vec<usize>, Grid)> {
    let grid = state.label_grid()?;
    let Some(layer) = state.active_raster() else {
        state.messages.show(Level::Warning, t!("grow-no-raster"));
        return None;
    };
    let mut known = (**state.raster_info(&layer)?).clone();
    known.bands = (*state.bands(&layer)).clone();
    let bands = bands_to_compare(&known, layer.style.as_ref());
    Some((known, bands, grid))
}

fn start(state: &mut State, at: (usize, usize)) {
    let Some((known, bands, grid)) = compared(state) else {
        return;
    };
    if at.0 >= grid.width || at.1 >= grid.height {
        return;
    }
    let Some(layer) = state.active_raster() else {
        return;
    };
    let class_id = state.prepare_class();
    let growing = &mut state.session.growing;
    if bands.len() == 1 && !known.is_field() {
        // One number has no angle.
        growing.likeness = Likeness::Difference;
    }
    let question = GrowQuestion {
        path: known.path.clone(),
        bands,
        grid,
        at,
        likeness: growing.likeness,
        tolerance: growing.tolerance(),
        limit: growing.limit,
    };
    growing.region = Some(GrownRegion {
        question: question.clone(),
        layer: layer.id,
        class_id,
        revision: state.history.revision(),
        is_painted: false,
        is_waiting: true,
        outcome: Outcome::None,
    });
    state.label_work.grow(question);
}

/// Asks for the region anew after a change in the bar.
fn ask_again(state: &mut State) {
    let growing = &mut state.session.growing;
    let (likeness, tolerance, limit) = (growing.likeness, growing.tolerance(), growing.limit);
    if let Some(region) = &mut growing.region {
        region.question.likeness = likeness;
        region.question.tolerance = tolerance;
        region.question.limit = limit;
        region.is_waiting = true;
        let question = region.question.clone();
        state.label_work.grow(question);
    }
}

impl State {
    /// Paints a region, in place of the one of another tolerance.
    pub fn take_grown(
        &mut self,
        question: GrowQuestion,
        found: terroir_scene::SceneResult<Followed>,
    ) {
        let revision = self.history.revision();
        let Some(region) = &mut self.session.growing.region else {
            return;
        };
        if region.question != question || region.revision != revision {
            return;
        }
        region.is_waiting = false;
        let found = match found {
            Ok(Followed::Whole(found)) => found,
            Ok(Followed::TooLarge) => {
                region.outcome = Outcome::TooLarge;
                return;
            }
            Err(error) => {
                if !region.is_painted {
                    self.session.growing.region = None;
                }
                self.messages.error(&error);
                return;
            }
        };
        let (class_id, was_painted) = (region.class_id, region.is_painted);
        region.outcome = Outcome::Pixels(found.pixels());
        if was_painted {
            self.history.undo();
        }
        let name = self.class_name(class_id).unwrap_or_default();
        let step = t!("grow-step", class = name.as_str());
        let protect = self.session.protect;
        let before = self.history.revision();
        self.history.change(&step, |document| {
            if let Some(labels) = &mut document.labels {
                labels.paint_region(&found, class_id, protect);
            }
        });
        let revision = self.history.revision();
        if let Some(region) = &mut self.session.growing.region {
            region.is_painted = revision != before;
            region.revision = revision;
        }
        self.messages.drop_hints();
    }

    /// Esc: takes the region back that was grown last, if nothing was done since. Whether there was one.
    pub fn drop_grown(&mut self) -> bool {
        let Some(region) = self.session.growing.region.take() else {
            return false;
        };
        if region.is_painted && region.revision == self.history.revision() {
            self.history.undo();
        }
        true
    }
}

/// A ring on the pixel the region was grown from.
fn mark_ui(ui: &egui::Ui, state: &State, view: &MapView<'_>) {
    let Some(region) = &state.session.growing.region else {
        return;
    };
    let (col, row) = region.question.at;
    let Some(map_xy) = state.map_from_label_pixel((col as f64 + 0.5, row as f64 + 0.5)) else {
        return;
    };
    let at = view.screen_from_map(map_xy);
    let painter = ui.painter().with_clip_rect(view.response.rect);
    painter.circle_stroke(at, 6.0, Stroke::new(3.5, Color32::from_black_alpha(170)));
    painter.circle_stroke(at, 6.0, Stroke::new(1.5, Color32::WHITE));
}

fn bar_ui(ui: &egui::Ui, state: &mut State, view: &MapView<'_>) {
    let rect = view.response.rect;
    super::bar::bar_ui(ui, "grow bar", rect, |ui| {
        let mut has_changed = false;
        let growing = &mut state.session.growing;
        for (likeness, name, tip) in [
            (
                Likeness::Difference,
                t!("grow-difference"),
                t!("grow-difference-tip"),
            ),
            (Likeness::Angle, t!("grow-angle"), t!("grow-angle-tip")),
        ] {
            let choice = ui.selectable_label(growing.likeness == likeness, name);
            if choice.on_hover_text(tip).clicked() && growing.likeness != likeness {
                growing.likeness = likeness;
                has_changed = true;
            }
        }
        ui.separator();
        let label = ui
            .label(t!("grow-tolerance"))
            .on_hover_text(t!("grow-tolerance-tip"));
        let (value, suffix) = match growing.likeness {
            Likeness::Angle => (&mut growing.angle_degrees, " °"),
            Likeness::Difference => (&mut growing.difference, " σ"),
        };
        let most = growing.likeness.most();
        ui.spacing_mut().slider_width = 90.0;
        let slider = egui::Slider::new(value, 0.0..=most)
            .logarithmic(true)
            .smallest_positive(0.01)
            .suffix(suffix)
            .max_decimals(2);
        has_changed |= ui.add(slider).labelled_by(label.id).changed();
        ui.separator();
        let label = ui
            .label(t!("grow-limit"))
            .on_hover_text(t!("grow-limit-tip"));
        let limit = egui::DragValue::new(&mut growing.limit)
            .range(LIMITS)
            .speed(1000.0)
            .suffix(" px");
        has_changed |= ui.add(limit).labelled_by(label.id).changed();
        if has_changed {
            ask_again(state);
        }
        outcome_ui(ui, state);
    });
}

/// What was found, and the two ways to end it.
fn outcome_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(region) = &state.session.growing.region else {
        ui.separator();
        let weak = theme::colors(ui.visuals()).weak;
        ui.label(RichText::new(t!("grow-hint")).color(weak));
        return;
    };
    ui.separator();
    let colors = theme::colors(ui.visuals());
    let (text, color) = match region.outcome {
        _ if region.is_waiting => (t!("grow-waiting").to_owned(), colors.weak),
        Outcome::None => (String::new(), colors.weak),
        Outcome::Pixels(count) => (
            t!("grow-pixels", count = count_text(count as u64)),
            ui.visuals().text_color(),
        ),
        Outcome::TooLarge => (t!("grow-too-large").to_owned(), colors.warning),
    };
    let document = state.history.document();
    let layer = document.layer(region.layer).map(|layer| &layer.name);
    let found = ui.label(RichText::new(text).color(color));
    if let Some(name) = layer {
        found.on_hover_text(format!("{name}\n{}", t!("grow-layer-tip")));
    }
    if theme::icon_button(ui, icon::CHECK, t!("grow-keep")).clicked() {
        state.session.growing.keep();
    }
    if theme::icon_button(ui, icon::X, t!("grow-drop")).clicked() {
        state.drop_grown();
    }
}
