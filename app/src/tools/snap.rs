//! Strokes that snap to segments: the brush is drawn over the map, and on release the segments it went through get its class,
//! each stroke one undo step. Segments are found in a thread of their own; strokes wait for theirs in the order they were drawn.

use std::collections::VecDeque;

use egui::{Color32, Pos2, Shape, Stroke as Line};
use terroir_scene::{LabelRegion, SceneResult, SnapStroke};

use super::MapView;
use crate::label_work::SnapQuestion;
use crate::language::t;
use crate::messages::Level;
use crate::state::State;
use crate::theme;

/// Widths of a segment one can ask for, pixels.
const SIDES: std::ops::RangeInclusive<usize> = 4..=64;
/// Points of a stroke closer than this to the last, in pixels, say nothing new.
const NEAR: f64 = 0.5;

/// How strokes snap, and those under way.
pub struct Snapping {
    pub is_on: bool,
    /// Width of a segment, pixels of the labels.
    side: usize,
    /// Way of the stroke that is drawn now.
    line: Vec<(f64, f64)>,
    /// Drawn, and not answered yet.
    waiting: VecDeque<SnapQuestion>,
}

impl Default for Snapping {
    fn default() -> Self {
        Self {
            is_on: false,
            side: 12,
            line: Vec::new(),
            waiting: VecDeque::new(),
        }
    }
}

impl Snapping {
    /// Gives strokes up that are not painted yet, as for another document.
    pub fn forget(&mut self) {
        self.line.clear();
        self.waiting.clear();
    }

    /// Begins a stroke in pixels of the label grid.
    pub(super) fn begin(&mut self, at: (f64, f64)) {
        self.line = vec![at];
    }

    pub(super) fn go_on(&mut self, to: (f64, f64)) {
        let is_far = |last: &(f64, f64)| (to.0 - last.0).hypot(to.1 - last.1) >= NEAR;
        if self.line.last().is_some_and(is_far) {
            self.line.push(to);
        }
    }
}

/// Asks for the segments of the stroke that was drawn.
pub(super) fn finish(state: &mut State) {
    let line = std::mem::take(&mut state.session.snapping.line);
    if line.is_empty() {
        return;
    }
    let Some((known, bands, grid)) = super::grow::compared(state) else {
        return;
    };
    let class_id = state.prepare_class();
    let question = SnapQuestion {
        path: known.path,
        bands,
        grid,
        stroke: SnapStroke {
            line,
            diameter: state.session.brush_diameter,
            side: state.session.snapping.side,
        },
        class_id,
        protect: state.session.protect,
    };
    if state.label_work.snap(question.clone()) {
        state.session.snapping.waiting.push_back(question);
    } else {
        state.messages.show(Level::Warning, t!("snap-too-many"));
    }
}

impl State {
    /// Paints the segments of the stroke that was drawn first.
    pub fn take_snapped(&mut self, question: &SnapQuestion, found: SceneResult<LabelRegion>) {
        let waiting = &mut self.session.snapping.waiting;
        if waiting.front() != Some(question) {
            // Of a document that was closed meanwhile.
            return;
        }
        waiting.pop_front();
        if self.label_grid().as_ref() != Some(&question.grid) {
            return;
        }
        match found {
            Ok(region) if region.is_empty() => {
                self.messages.show(Level::Info, t!("snap-nothing"));
            }
            Ok(region) => {
                let name = self.class_name(question.class_id).unwrap_or_default();
                let step = t!("snap-step", class = name.as_str());
                let (class_id, protect) = (question.class_id, question.protect);
                self.history.change(&step, |document| {
                    if let Some(labels) = &mut document.labels {
                        labels.paint_region(&region, class_id, protect);
                    }
                });
                self.messages.drop_hints();
            }
            Err(error) => self.messages.error(&error),
        }
    }
}

/// The strokes that are not painted yet, as wide as the brush, and the bar with the size of the segments.
pub(super) fn snap_ui(ui: &egui::Ui, state: &mut State, view: &MapView<'_>) {
    let painter = ui.painter().with_clip_rect(view.response.rect);
    let snapping = &state.session.snapping;
    let drawn = snapping.waiting.iter().map(|question| {
        let stroke = &question.stroke;
        (&stroke.line, stroke.diameter, question.class_id)
    });
    let now = (
        &snapping.line,
        state.session.brush_diameter,
        state.session.class_id,
    );
    for (line, diameter, class_id) in drawn.chain([now]) {
        let screen = |pixel: (f64, f64)| -> Option<Pos2> {
            Some(view.screen_from_map(state.map_from_label_pixel(pixel)?))
        };
        let points: Vec<Pos2> = line.iter().filter_map(|pixel| screen(*pixel)).collect();
        let Some(first) = line.first() else { continue };
        let beside = (first.0 + diameter, first.1);
        let width = match (screen(*first), screen(beside)) {
            (Some(a), Some(b)) => a.distance(b).max(2.0),
            _ => 2.0,
        };
        let color = state
            .class_color(class_id)
            .map_or(theme::colors(ui.visuals()).accent, theme::rgb);
        let light = Color32::from_rgba_unmultiplied(color.r(), color.g(), color.b(), 110);
        match points.as_slice() {
            [] => {}
            [point] => {
                painter.circle_filled(*point, width / 2.0, light);
            }
            _ => {
                painter.add(Shape::line(points, Line::new(width, light)));
            }
        }
    }
    if state.session.snapping.is_on {
        bar_ui(ui, state, view);
    }
}

fn bar_ui(ui: &egui::Ui, state: &mut State, view: &MapView<'_>) {
    super::bar::bar_ui(ui, "snap bar", view.response.rect, |ui| {
        let label = ui.label(t!("snap-side")).on_hover_text(t!("snap-side-tip"));
        ui.spacing_mut().slider_width = 110.0;
        let slider = egui::Slider::new(&mut state.session.snapping.side, SIDES)
            .logarithmic(true)
            .suffix(" px");
        ui.add(slider).labelled_by(label.id);
        ui.separator();
        let weak = theme::colors(ui.visuals()).weak;
        let text = if state.session.snapping.waiting.is_empty() {
            t!("snap-hint")
        } else {
            t!("grow-waiting")
        };
        ui.label(egui::RichText::new(text).color(weak));
    });
}
