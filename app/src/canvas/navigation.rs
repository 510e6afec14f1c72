//! Mouse and keyboard on the canvas: pan, zoom, zoom to a rectangle, previous and next view. Turns input into viewports.
//! Knows nothing of layers, tiles or tools.

use egui::{Event, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, Rect, Response, Ui};
use terroir_scene::MapRect;

use super::Viewport;

/// A notch of the wheel doubles or halves; with Ctrl it is a tenth.
const NOTCH: f64 = 2.0;
const FINE_NOTCH: f64 = 1.1;
/// Points a touchpad scrolls for what a wheel does in one notch.
const POINTS_A_NOTCH: f64 = 100.0;
/// Share of the view an arrow key moves by.
const ARROW_SHARE: f32 = 0.25;
/// Changes closer together than this are one view for "previous view".
const SETTLE_SECS: f64 = 0.6;
const VIEWS_KEPT: usize = 100;
/// Rectangles smaller than this are slips of the hand.
const RECT_POINTS: f32 = 4.0;

#[derive(Default)]
pub struct Navigation {
    earlier: Vec<Viewport>,
    later: Vec<Viewport>,
    changed_at_secs: f64,
    rect_start: Option<Pos2>,
    /// The pointer moves the view now: tools keep their hands off.
    pub is_active: bool,
}

impl Navigation {
    /// Views of another map are no views of this one.
    pub fn forget(&mut self) {
        self.earlier.clear();
        self.later.clear();
    }

    /// Keeps `view` for "previous view" before a jump.
    pub fn remember(&mut self, view: Viewport) {
        if self.earlier.last() != Some(&view) {
            self.earlier.push(view);
        }
        if self.earlier.len() > VIEWS_KEPT {
            self.earlier.remove(0);
        }
        self.later.clear();
    }

    pub fn back(&mut self, view: Viewport) -> Option<Viewport> {
        let to = self.earlier.pop()?;
        self.later.push(view);
        Some(to)
    }

    pub fn forward(&mut self, view: Viewport) -> Option<Viewport> {
        let to = self.later.pop()?;
        self.earlier.push(view);
        Some(to)
    }

    /// The view after this frame's input on the canvas.
    pub fn navigate(
        &mut self,
        ui: &Ui,
        response: &Response,
        view: Viewport,
        tool_owns_primary: bool,
    ) -> Viewport {
        let is_over = response.hovered() || response.dragged();
        let has_keys =
            (response.hovered() || response.has_focus()) && !ui.ctx().text_edit_focused();
        let old = view;
        let mut view = self.zoomed_by_wheel(ui, response, view);
        if has_keys {
            view = zoomed_or_panned_by_keys(ui, view);
        }
        let is_held = has_keys && ui.input(|input| input.key_down(Key::Space));
        view = self.panned_by_pointer(ui, response, view, tool_owns_primary, is_held);
        if !tool_owns_primary && !is_held {
            view = self.zoomed_to_rectangle(ui, response, view);
        } else {
            self.rect_start = None;
        }
        if view != old {
            let now = ui.input(|input| input.time);
            if now - self.changed_at_secs > SETTLE_SECS {
                self.remember(old);
            }
            self.changed_at_secs = now;
        }
        if is_over {
            let (back, forward) = ui.input(|input| {
                (
                    input.pointer.button_pressed(PointerButton::Extra1),
                    input.pointer.button_pressed(PointerButton::Extra2),
                )
            });
            let to = if back {
                self.back(view)
            } else if forward {
                self.forward(view)
            } else {
                None
            };
            if let Some(to) = to {
                self.changed_at_secs = f64::NEG_INFINITY;
                return Viewport {
                    size: view.size,
                    ..to
                };
            }
        }
        view
    }

    fn zoomed_by_wheel(&self, ui: &Ui, response: &Response, view: Viewport) -> Viewport {
        let Some(pointer) = response.hover_pos() else {
            return view;
        };
        let factor = ui.input(|input| {
            input.events.iter().fold(1.0, |factor, event| match event {
                Event::MouseWheel {
                    unit,
                    delta,
                    modifiers,
                    ..
                } => {
                    let notch = if modifiers.command || modifiers.ctrl {
                        FINE_NOTCH
                    } else {
                        NOTCH
                    };
                    let notches = match unit {
                        MouseWheelUnit::Point => f64::from(delta.y) / POINTS_A_NOTCH,
                        MouseWheelUnit::Line | MouseWheelUnit::Page => f64::from(delta.y),
                    };
                    factor * notch.powf(notches)
                }
                Event::Zoom(pinch) => factor * f64::from(*pinch),
                _ => factor,
            })
        });
        let at = pointer - response.rect.min;
        if factor == 1.0 {
            view
        } else {
            view.zoomed_about((at.x, at.y), factor)
        }
    }

    fn panned_by_pointer(
        &mut self,
        ui: &Ui,
        response: &Response,
        view: Viewport,
        tool_owns_primary: bool,
        is_held: bool,
    ) -> Viewport {
        let is_shifted = ui.input(|input| input.modifiers.shift);
        let by_primary = !tool_owns_primary
            && self.rect_start.is_none()
            && !is_shifted
            && response.dragged_by(PointerButton::Primary);
        let is_dragged = by_primary || response.dragged_by(PointerButton::Middle);
        self.is_active = is_dragged || is_held || self.rect_start.is_some();
        let by = if is_dragged {
            response.drag_delta()
        } else if is_held {
            ui.input(|input| input.pointer.delta())
        } else {
            return view;
        };
        ui.ctx().set_cursor_icon(egui::CursorIcon::Grabbing);
        if by == egui::Vec2::ZERO {
            view
        } else {
            view.panned((by.x, by.y))
        }
    }

    fn zoomed_to_rectangle(&mut self, ui: &Ui, response: &Response, view: Viewport) -> Viewport {
        if response.drag_started_by(PointerButton::Primary)
            && ui.input(|input| input.modifiers.shift)
        {
            self.rect_start = ui.input(|input| input.pointer.press_origin());
        }
        let (Some(start), Some(end)) = (
            self.rect_start,
            ui.input(|input| input.pointer.latest_pos()),
        ) else {
            return view;
        };
        let rect = Rect::from_two_pos(start, end).intersect(response.rect);
        if response.drag_stopped() {
            self.rect_start = None;
            if rect.width() >= RECT_POINTS && rect.height() >= RECT_POINTS {
                let at = |pos: Pos2| {
                    view.map_from_point((pos.x - response.rect.min.x, pos.y - response.rect.min.y))
                };
                let (a, b) = (at(rect.left_bottom()), at(rect.right_top()));
                return Viewport::filling(
                    MapRect {
                        min_x: a.0,
                        min_y: a.1,
                        max_x: b.0,
                        max_y: b.1,
                    },
                    view.size,
                );
            }
        }
        view
    }

    /// The rectangle being drawn, in points.
    pub fn zoom_rectangle(&self, ui: &Ui) -> Option<Rect> {
        let end = ui.input(|input| input.pointer.latest_pos())?;
        self.rect_start.map(|start| Rect::from_two_pos(start, end))
    }
}

fn zoomed_or_panned_by_keys(ui: &Ui, view: Viewport) -> Viewport {
    let pressed =
        |modifiers: Modifiers, key: Key| ui.input_mut(|input| input.consume_key(modifiers, key));
    let middle = (view.size.0 / 2.0, view.size.1 / 2.0);
    let (across, down) = (view.size.0 * ARROW_SHARE, view.size.1 * ARROW_SHARE);
    let mut view = view;
    for (key, by) in [
        (Key::ArrowLeft, (across, 0.0)),
        (Key::ArrowRight, (-across, 0.0)),
        (Key::ArrowUp, (0.0, down)),
        (Key::ArrowDown, (0.0, -down)),
    ] {
        if pressed(Modifiers::NONE, key) {
            view = view.panned(by);
        }
    }
    let command = Modifiers::COMMAND;
    if pressed(Modifiers::NONE, Key::PageUp)
        || pressed(command, Key::Plus)
        || pressed(command, Key::Equals)
    {
        view = view.zoomed_about(middle, NOTCH);
    }
    if pressed(Modifiers::NONE, Key::PageDown) || pressed(command, Key::Minus) {
        view = view.zoomed_about(middle, 1.0 / NOTCH);
    }
    view
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_and_later_views_mirror_each_other() {
        let view = |x: f64| Viewport {
            center: (x, 0.0),
            units_per_point: 1.0,
            size: (10.0, 10.0),
        };
        let mut navigation = Navigation::default();
        navigation.remember(view(1.0));
        navigation.remember(view(2.0));
        assert_eq!(navigation.back(view(3.0)), Some(view(2.0)));
        assert_eq!(navigation.back(view(2.0)), Some(view(1.0)));
        assert_eq!(navigation.back(view(1.0)), None);
        assert_eq!(navigation.forward(view(1.0)), Some(view(2.0)));
        assert_eq!(navigation.forward(view(2.0)), Some(view(3.0)));
        assert_eq!(navigation.forward(view(3.0)), None);
    }
}
