//! Comparing layers on the map: a divider with one layer on each side of it, and a key that hides a layer while it is held.
//! Only says which part of the view a layer is drawn in; reads and styles nothing.

use std::sync::Arc;

use egui::{Align2, Color32, CursorIcon, FontId, Id, Key, Pos2, Rect, Sense, Stroke, pos2, vec2};
use terroir_scene::{Layer, LayerId};

use crate::language::t;
use crate::state::{LIVE_LAYER, State};
use crate::theme::{self, icon};
use crate::tools::Tool;

/// How near the edge the divider may be dragged, as a share of the view.
const EDGE: f32 = 0.02;
/// Share of the view an arrow key moves the divider by.
const KEY_STEP: f32 = 0.02;
/// Half the side of the knob, in points.
const KNOB: f32 = 13.0;
/// How long a layer is hidden when no key is held (the command was chosen in a menu).
const BLINK_SECS: f64 = 0.7;
/// The key of `Command::HideLayer`.
pub const HIDE_KEY: Key = Key::Z;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divider {
    /// Left and right.
    Vertical,
    /// Above and below.
    Horizontal,
}

/// Two layers compared on either side of a divider.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compare {
    /// Left or above.
    pub first: LayerId,
    /// Right or below; `None`: all layers but the first stay whole.
    pub second: Option<LayerId>,
    pub divider: Divider,
    /// Place of the divider, a share (0..1) of the view from the left or from above.
    pub share: f32,
}

impl Compare {
    /// The part of the view a layer is drawn in; `None` = all of it.
    pub fn clip_of(&self, layer: LayerId) -> Option<Rect> {
        let (low, high) = if layer == self.first {
            (0.0, self.share)
        } else if self.second == Some(layer) {
            (self.share, 1.0)
        } else {
            return None;
        };
        Some(match self.divider {
            Divider::Vertical => Rect::from_min_max(pos2(low, 0.0), pos2(high, 1.0)),
            Divider::Horizontal => Rect::from_min_max(pos2(0.0, low), pos2(1.0, high)),
        })
    }

    fn move_to(&mut self, share: f32) {
        self.share = share.clamp(EDGE, 1.0 - EDGE);
    }
}

/// A layer that is hidden for a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hidden {
    pub layer: LayerId,
    /// Seconds of egui's clock until it comes back; it also stays away while the key is held.
    until_secs: f64,
}

impl State {
    /// Starts comparing the active layer with the next one below it (else above it), or stops.
    pub fn toggle_compare(&mut self) {
        if self.session.compare.take().is_some() {
            return;
        }
        let choices = self.layers_to_compare();
        let active = self.active_layer().map(|layer| layer.id);
        let at = choices
            .iter()
            .position(|(id, _)| Some(*id) == active)
            .unwrap_or(0);
        let Some((first, _)) = choices.get(at) else {
            return;
        };
        let second = choices
            .get(at + 1)
            .or_else(|| at.checked_sub(1).and_then(|above| choices.get(above)));
        self.session.compare = Some(Compare {
            first: *first,
            second: second.map(|(id, _)| *id),
            divider: Divider::Vertical,
            share: 0.5,
        });
    }

    /// Layers that draw something now, top first, with their names; labels lie over both sides.
    pub fn layers_to_compare(&self) -> Vec<(LayerId, String)> {
        let live = (self.live.fit.is_some() && self.live.visible)
            .then(|| (LIVE_LAYER, t!("compare-live-map").to_owned()));
        let is_drawn = |layer: &&Arc<Layer>| {
            layer.visible && (self.raster_info(layer).is_some() || layer.vector().is_some())
        };
        let layers = self.history.document().layers.iter().filter(is_drawn);
        live.into_iter()
            .chain(layers.map(|layer| (layer.id, shown_name(layer))))
            .collect()
    }

    /// Layers may go while they are compared.
    fn check_compare(&mut self) {
        let Some(mut compare) = self.session.compare else {
            return;
        };
        let choices = self.layers_to_compare();
        let is_there = |id: LayerId| choices.iter().any(|(known, _)| *known == id);
        compare.second = compare.second.filter(|id| is_there(*id));
        self.session.compare = is_there(compare.first).then_some(compare);
    }

    /// Hides the compared or the active layer while the key is held.
    pub fn hide_for_a_moment(&mut self, now_secs: f64) {
        let layer = match self.session.compare {
            Some(compare) => Some(compare.first),
            None => self.active_layer().map(|layer| layer.id),
        };
        self.session.hidden = layer.map(|layer| Hidden {
            layer,
            until_secs: now_secs + BLINK_SECS,
        });
    }
}

/// Brings a hidden layer back in time; called once a frame before the map is drawn.
pub fn update(ctx: &egui::Context, state: &mut State) {
    state.check_compare();
    let Some(hidden) = &mut state.session.hidden else {
        return;
    };
    let (now, is_held) = ctx.input(|input| (input.time, input.key_down(HIDE_KEY)));
    if is_held {
        // Released, the layer is back at once.
        hidden.until_secs = now;
    } else if now >= hidden.until_secs {
        state.session.hidden = None;
    } else {
        let left = (hidden.until_secs - now).clamp(0.0, BLINK_SECS);
        ctx.request_repaint_after(std::time::Duration::from_secs_f64(left));
    }
}

/// The layer's name; of a series with the date on show.
fn shown_name(layer: &Layer) -> String {
    match layer.series() {
        Some(series) => format!("{}, {}", layer.name, series.label(series.shown())),
        None => layer.name.clone(),
    }
}

fn name_of(choices: &[(LayerId, String)], id: LayerId) -> &str {
    choices
        .iter()
        .find(|(known, _)| *known == id)
        .map_or("", |(_, name)| name)
}

/// The strip above the map: which layers are compared and how.
pub fn compare_bar_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(mut compare) = state.session.compare else {
        return;
    };
    let choices = state.layers_to_compare();
    let mut closes = false;
    let frame = egui::Frame::new()
        .fill(ui.visuals().panel_fill)
        .inner_margin(egui::Margin::symmetric(8, 4));
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.set_min_width(ui.available_width());
            let width = ((ui.available_width() - 190.0) / 2.0).clamp(70.0, 220.0);
            let (before, behind) = match compare.divider {
                Divider::Vertical => (t!("compare-left"), t!("compare-right")),
                Divider::Horizontal => (t!("compare-above"), t!("compare-below")),
            };
            let combo = |ui: &mut egui::Ui, name: &str, chosen: Option<LayerId>, rest: bool| {
                let mut picked = None;
                let text = chosen.map_or(t!("compare-all-others"), |id| name_of(&choices, id));
                let response = egui::ComboBox::from_id_salt(name)
                    .selected_text(text)
                    .width(width)
                    .truncate()
                    .show_ui(ui, |ui| {
                        if rest
                            && ui
                                .selectable_label(chosen.is_none(), t!("compare-all-others"))
                                .clicked()
                        {
                            picked = Some(None);
                        }
                        for (id, name) in &choices {
                            if ui.selectable_label(chosen == Some(*id), name).clicked() {
                                picked = Some(Some(*id));
                            }
                        }
                    })
                    .response;
                response.widget_info(|| {
                    egui::WidgetInfo::labeled(
                        egui::Role::ComboBox,
                        true,
                        t!("compare-side", side = name, layer = text),
                    )
                });
                response.on_hover_text(format!("{name}: {text}"));
                picked
            };
            if let Some(Some(id)) = combo(ui, before, Some(compare.first), false) {
                if compare.second == Some(id) {
                    compare.second = Some(compare.first);
                }
                compare.first = id;
            }
            let swap = theme::icon_button(ui, icon::SWAP, t!("compare-swap"));
            if swap.clicked()
                && let Some(second) = compare.second
            {
                compare.second = Some(compare.first);
                compare.first = second;
            }
            if let Some(id) = combo(ui, behind, compare.second, true) {
                if id == Some(compare.first) {
                    compare.first = compare.second.unwrap_or(compare.first);
                }
                compare.second = id.filter(|id| *id != compare.first);
            }
            let (glyph, name, other) = match compare.divider {
                Divider::Vertical => (
                    icon::SPLIT_VERTICAL,
                    t!("compare-lay-across"),
                    Divider::Horizontal,
                ),
                Divider::Horizontal => (
                    icon::SPLIT_HORIZONTAL,
                    t!("compare-stand-up"),
                    Divider::Vertical,
                ),
            };
            if theme::icon_button(ui, glyph, name).clicked() {
                compare.divider = other;
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                closes = theme::icon_button(ui, icon::X, t!("compare-stop")).clicked();
                if ui.available_width() > 130.0 {
                    let weak = theme::colors(ui.visuals()).weak;
                    let text = egui::RichText::new(t!("compare-hide-hint")).color(weak);
                    ui.add(egui::Label::new(text).truncate());
                }
            });
        });
    });
    state.session.compare = (!closes).then_some(compare);
}

/// The divider over the map: dragged by its knob in every tool, by the whole line while panning, and with the arrow keys
/// while it has the focus. True while the pointer is on it: tools keep their hands off then.
pub fn divider_ui(ui: &mut egui::Ui, state: &mut State, rect: Rect) -> bool {
    let Some(mut compare) = state.session.compare else {
        return false;
    };
    let is_vertical = compare.divider == Divider::Vertical;
    let at = match compare.divider {
        Divider::Vertical => pos2(rect.left() + compare.share * rect.width(), rect.center().y),
        Divider::Horizontal => pos2(rect.center().x, rect.top() + compare.share * rect.height()),
    };
    let knob = Rect::from_center_size(at, vec2(2.0 * KNOB, 2.0 * KNOB)).expand(3.0);
    let line = if is_vertical {
        Rect::from_x_y_ranges(at.x - 4.0..=at.x + 4.0, rect.y_range())
    } else {
        Rect::from_x_y_ranges(rect.x_range(), at.y - 4.0..=at.y + 4.0)
    };
    let mut drag = None;
    let mut is_hot = false;
    if state.session.tool == Tool::Pan {
        let response = ui.interact(line, Id::unique("compare line"), Sense::drag());
        is_hot |= response.hovered() || response.dragged();
        drag = response
            .dragged()
            .then(|| response.interact_pointer_pos())
            .flatten();
    }
    let response = ui.interact(knob, knob_id(), Sense::click_and_drag());
    is_hot |= response.hovered() || response.dragged();
    let has_focus = response.has_focus();
    if response.dragged() {
        drag = response.interact_pointer_pos();
    }
    if let Some(pos) = drag {
        compare.move_to(match compare.divider {
            Divider::Vertical => (pos.x - rect.left()) / rect.width().max(1.0),
            Divider::Horizontal => (pos.y - rect.top()) / rect.height().max(1.0),
        });
    }
    let choices = state.layers_to_compare();
    let first = name_of(&choices, compare.first).to_owned();
    let second = compare.second.map_or_else(
        || t!("compare-without", layer = first.as_str()),
        |id| name_of(&choices, id).to_owned(),
    );
    response.widget_info(|| {
        egui::WidgetInfo::slider(
            true,
            f64::from(compare.share * 100.0).round(),
            t!(
                "compare-divider",
                first = first.as_str(),
                second = second.as_str()
            ),
        )
    });
    if is_hot {
        ui.ctx().set_cursor_icon(if is_vertical {
            CursorIcon::ResizeHorizontal
        } else {
            CursorIcon::ResizeVertical
        });
    }
    let is_marked = is_hot || has_focus;
    draw_divider(ui, &compare, rect, at, is_marked, [&first, &second]);
    if compare.share != state.session.compare.map_or(0.0, |known| known.share) {
        ui.ctx().request_repaint();
    }
    state.session.compare = Some(compare);
    is_hot
}

fn knob_id() -> Id {
    Id::unique("compare knob")
}

/// Arrow keys move the divider while its knob has the focus; called before the map takes them.
pub fn divider_keys(ctx: &egui::Context, state: &mut State) {
    let Some(compare) = &mut state.session.compare else {
        return;
    };
    if !ctx.memory(|memory| memory.has_focus(knob_id())) {
        return;
    }
    let filter = egui::EventFilter {
        horizontal_arrows: true,
        vertical_arrows: true,
        ..egui::EventFilter::default()
    };
    ctx.memory_mut(|memory| memory.set_focus_lock_filter(knob_id(), filter));
    let pressed =
        |key| ctx.input_mut(|input| input.count_and_consume_key(egui::Modifiers::NONE, key));
    let back = pressed(Key::ArrowLeft) + pressed(Key::ArrowUp);
    let forth = pressed(Key::ArrowRight) + pressed(Key::ArrowDown);
    if back + forth > 0 {
        compare.move_to(compare.share + KEY_STEP * (forth as f32 - back as f32));
    }
}

fn draw_divider(
    ui: &egui::Ui,
    compare: &Compare,
    rect: Rect,
    at: Pos2,
    is_hot: bool,
    names: [&str; 2],
) {
    let painter = ui.painter().with_clip_rect(rect);
    let accent = theme::colors(&egui::Visuals::dark()).accent;
    let dark = Color32::from_black_alpha(150);
    let is_vertical = compare.divider == Divider::Vertical;
    for (width, color) in [(5.0, dark), (2.0, Color32::WHITE)] {
        let stroke = Stroke::new(width, color);
        if is_vertical {
            painter.vline(at.x, rect.y_range(), stroke);
        } else {
            painter.hline(rect.x_range(), at.y, stroke);
        }
    }
    let ring = if is_hot { accent } else { Color32::WHITE };
    painter.circle(
        at,
        KNOB,
        Color32::from_rgb(34, 40, 46),
        Stroke::new(2.0, ring),
    );
    let glyph = if is_vertical {
        icon::ARROWS_HORIZONTAL
    } else {
        icon::ARROWS_VERTICAL
    };
    painter.text(
        at,
        Align2::CENTER_CENTER,
        glyph,
        FontId::proportional(16.0),
        Color32::WHITE,
    );
    let (before, behind) = if is_vertical {
        let y = rect.bottom() - 44.0;
        (
            (
                pos2(at.x - 14.0, y),
                Align2::RIGHT_TOP,
                at.x - rect.left() - 34.0,
            ),
            (
                pos2(at.x + 14.0, y),
                Align2::LEFT_TOP,
                rect.right() - at.x - 34.0,
            ),
        )
    } else {
        let width = rect.width() * 0.6;
        let x = rect.left() + 20.0;
        (
            (pos2(x, at.y - 12.0), Align2::LEFT_BOTTOM, width),
            (pos2(x, at.y + 12.0), Align2::LEFT_TOP, width),
        )
    };
    for (name, (pos, align, width)) in names.into_iter().zip([before, behind]) {
        name_box(&painter, name, pos, align, width);
    }
}

/// A layer's name in a dark box, shortened to `width` points; nothing where there is no room.
fn name_box(painter: &egui::Painter, name: &str, at: Pos2, align: Align2, width: f32) {
    if width < 36.0 || name.is_empty() {
        return;
    }
    let mut job = egui::text::LayoutJob::simple_singleline(
        name.to_owned(),
        FontId::proportional(13.0),
        Color32::WHITE,
    );
    job.wrap = egui::text::TextWrapping::truncate_at_width(width);
    let galley = painter.layout_job(job);
    let area = align.anchor_size(at, galley.size());
    painter.rect_filled(
        area.expand2(vec2(7.0, 4.0)),
        4.0,
        Color32::from_black_alpha(175),
    );
    painter.galley(area.min, galley, Color32::WHITE);
}

/// Whether layers can be compared now.
pub fn can_compare(state: &State) -> Result<(), &'static str> {
    if state.session.compare.is_some() || !state.layers_to_compare().is_empty() {
        Ok(())
    } else {
        Err(t!("compare-no-raster"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(divider: Divider) -> Compare {
        Compare {
            first: LayerId(1),
            second: Some(LayerId(2)),
            divider,
            share: 0.25,
        }
    }

    #[test]
    fn the_two_sides_cover_the_view_without_overlap() {
        for divider in [Divider::Vertical, Divider::Horizontal] {
            let compare = compare(divider);
            let first = compare.clip_of(LayerId(1)).unwrap();
            let second = compare.clip_of(LayerId(2)).unwrap();
            assert!((first.area() + second.area() - 1.0).abs() < 1e-6);
            assert!(first.intersect(second).area() < 1e-6);
            assert_eq!(compare.clip_of(LayerId(3)), None);
        }
    }

    #[test]
    fn the_divider_stays_inside() {
        let mut compare = compare(Divider::Vertical);
        compare.move_to(-3.0);
        assert_eq!(compare.share, EDGE);
        compare.move_to(9.0);
        assert_eq!(compare.share, 1.0 - EDGE);
    }
}
