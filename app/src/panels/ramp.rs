//! The colour ramp of a layer: a picker that shows every ramp as a strip, turned round or in steps.

use std::sync::Arc;

use egui::{Rect, Sense, pos2, vec2};
use terroir_scene::{Layer, MOST_STEPS, RampChoice, Steps, Stretch, Style, ramp_names};

use crate::language::t;
use crate::measured::Measured;
use crate::state::State;
use crate::theme::{self, icon};

/// Paints the colours from the low to the high limit over `rect`, in steps where the ramp has them.
pub fn strip(painter: &egui::Painter, rect: Rect, ramp: &RampChoice, stretch: &Stretch) {
    if let Some(breaks) = ramp.breaks(stretch) {
        let colors = ramp.step_colors(&breaks);
        let width = rect.width() / colors.len() as f32;
        for (index, color) in colors.iter().enumerate() {
            let left = rect.left() + index as f32 * width;
            painter.rect_filled(
                Rect::from_min_max(pos2(left, rect.top()), pos2(left + width, rect.bottom())),
                0.0,
                theme::rgb([color[0], color[1], color[2]]),
            );
        }
        return;
    }
    // One mesh of vertex colours: smooth on every screen.
    let colors = ramp.colors();
    let mut mesh = egui::Mesh::default();
    for (index, color) in colors.iter().enumerate().step_by(5) {
        let x = rect.left() + index as f32 / 255.0 * rect.width();
        let color = theme::rgb([color[0], color[1], color[2]]);
        let next = mesh.vertices.len() as u32;
        mesh.colored_vertex(pos2(x, rect.top()), color);
        mesh.colored_vertex(pos2(x, rect.bottom()), color);
        if next > 0 {
            mesh.add_triangle(next - 2, next - 1, next);
            mesh.add_triangle(next - 1, next, next + 1);
        }
    }
    painter.add(mesh);
}

pub fn ramp_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    let Some(style) = layer.style.clone() else {
        return;
    };
    let followed = state.session.in_view.followed(layer.id);
    let stretch = followed
        .and_then(<[_]>::first)
        .or(style.stretches().first())
        .copied();
    let (Some(ramp), Some(stretch)) = (style.ramp(), stretch) else {
        return;
    };
    let mut chosen = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        if let Some(name) = picker_ui(ui, ramp) {
            chosen = Some((
                t!("ramp-title"),
                RampChoice {
                    name,
                    ..ramp.clone()
                },
            ));
        }
        let turn = ui.add(egui::Button::selectable(
            ramp.inverted,
            icon::ARROWS_LEFT_RIGHT,
        ));
        if theme::named(turn, t!("ramp-turn")).clicked() {
            let inverted = !ramp.inverted;
            let turned = RampChoice {
                inverted,
                ..ramp.clone()
            };
            chosen = Some((t!("ramp-turn"), turned));
        }
        steps_ui(ui, state, layer, ramp, &mut chosen);
    });
    if let Some((step, ramp)) = chosen {
        state.change_layer(layer.id, step, |layer| {
            if let Some(slot) = layer.style.as_mut().and_then(Style::ramp_mut) {
                *slot = ramp;
            }
        });
    }
    if ramp.steps.is_some() {
        breaks_ui(ui, state, layer, ramp, &stretch);
    }
}

const PICKER: egui::Vec2 = vec2(118.0, 16.0);

/// A button with the ramp on it; the list shows every ramp as a strip with its name.
fn picker_ui(ui: &mut egui::Ui, ramp: &RampChoice) -> Option<String> {
    let smooth = |name: &str| RampChoice {
        name: name.to_owned(),
        inverted: ramp.inverted,
        steps: None,
    };
    let any = Stretch {
        low: 0.0,
        high: 1.0,
        gamma: 1.0,
    };
    let (rect, button) = ui.allocate_exact_size(PICKER + vec2(8.0, 6.0), Sense::click());
    let visuals = ui.style().interact(&button);
    ui.painter()
        .rect_filled(rect, visuals.corner_radius, visuals.weak_bg_fill);
    strip(
        ui.painter(),
        rect.shrink2(vec2(4.0, 3.0)),
        &smooth(&ramp.name),
        &any,
    );
    let label = t!("ramp-chosen", name = ramp.name.as_str());
    let button = theme::named(button, &label);
    let mut chosen = None;
    egui::Popup::menu(&button).show(|ui| {
        ui.set_min_width(PICKER.x + 100.0);
        for name in ramp_names() {
            let (row, response) =
                ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::click());
            if *name == ramp.name || response.hovered() {
                let fill = if response.hovered() {
                    ui.visuals().widgets.hovered.weak_bg_fill
                } else {
                    theme::colors(ui.visuals()).selected
                };
                ui.painter().rect_filled(row, 4.0, fill);
            }
            let at = Rect::from_min_size(row.left_center() + vec2(4.0, -7.0), vec2(PICKER.x, 14.0));
            strip(ui.painter(), at, &smooth(name), &any);
            ui.painter().text(
                pos2(at.right() + 10.0, row.center().y),
                egui::Align2::LEFT_CENTER,
                *name,
                egui::TextStyle::Body.resolve(ui.style()),
                ui.visuals().text_color(),
            );
            response.widget_info(|| {
                egui::WidgetInfo::selected(
                    egui::Role::ListBoxOption,
                    true,
                    *name == ramp.name,
                    *name,
                )
            });
            if response.clicked() {
                chosen = Some((*name).to_owned());
                ui.close();
            }
        }
    });
    chosen
}

/// Smooth, or so many classes of equal width or equal count.
fn steps_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    ramp: &RampChoice,
    chosen: &mut Option<(&'static str, RampChoice)>,
) {
    let count = match &ramp.steps {
        None => 0,
        Some(Steps::Equal { count }) => *count,
        Some(Steps::At { breaks }) => breaks.len() + 1,
    };
    let text = match &ramp.steps {
        None => t!("ramp-smooth"),
        Some(Steps::Equal { .. }) => t!("ramp-equal"),
        Some(Steps::At { .. }) => t!("ramp-counts"),
    };
    let choice = egui::ComboBox::from_id_salt("ramp steps")
        .width(92.0)
        .selected_text(text)
        .show_ui(ui, |ui| {
            let with = |steps| RampChoice {
                steps,
                ..ramp.clone()
            };
            if ui.selectable_label(count == 0, t!("ramp-smooth")).clicked() {
                *chosen = Some((t!("ramp-smooth-step"), with(None)));
            }
            let is_equal = matches!(ramp.steps, Some(Steps::Equal { .. }));
            if ui
                .selectable_label(is_equal, t!("ramp-equal"))
                .on_hover_text(t!("ramp-equal-tip"))
                .clicked()
            {
                let count = if count < 2 { 5 } else { count };
                *chosen = Some((t!("ramp-equal-step"), with(Some(Steps::Equal { count }))));
            }
            let is_quantile = matches!(ramp.steps, Some(Steps::At { .. }));
            if ui
                .selectable_label(is_quantile, t!("ramp-counts"))
                .on_hover_text(t!("ramp-counts-tip"))
                .clicked()
            {
                state.take_quantiles(layer.id, if count < 2 { 5 } else { count });
            }
        })
        .response;
    theme::named_choice(choice, t!("ramp-steps"), text);
    if count > 1 {
        let mut wanted = count;
        let drag = ui
            .add(
                egui::DragValue::new(&mut wanted)
                    .range(2..=MOST_STEPS)
                    .speed(0.05),
            )
            .on_hover_text(t!("ramp-count"));
        if drag.changed() && wanted != count {
            match ramp.steps {
                Some(Steps::At { .. }) => state.take_quantiles(layer.id, wanted),
                _ => {
                    let steps = Some(Steps::Equal { count: wanted });
                    let ramp = RampChoice {
                        steps,
                        ..ramp.clone()
                    };
                    *chosen = Some((t!("ramp-count"), ramp));
                }
            }
        }
    }
}

/// The values between the classes, each editable; a value typed makes the classes one's own.
fn breaks_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    ramp: &RampChoice,
    stretch: &Stretch,
) {
    let Some(breaks) = ramp.breaks(stretch) else {
        return;
    };
    let colors = ramp.step_colors(&breaks);
    let measured = layer.style.as_ref().map_or(Measured::AS_STORED, |style| {
        Measured::of(state.raster_info(layer).map(|info| &**info), style, 0)
    });
    let span = measured.span(f64::from((stretch.high - stretch.low).abs()).max(1e-9));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
        for (index, color) in colors.iter().enumerate() {
            let (rect, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
            ui.painter()
                .rect_filled(rect, 3.0, theme::rgb([color[0], color[1], color[2]]));
            let Some(value) = breaks.get(index) else {
                continue;
            };
            let mut typed = measured.value(*value);
            let drag = ui
                .add(
                    egui::DragValue::new(&mut typed)
                        .speed(span / 400.0)
                        .max_decimals(super::stretch::decimals(span)),
                )
                .on_hover_text(t!("ramp-break-tip"));
            super::layers::drag_step(state, &drag, t!("ramp-break"));
            if drag.changed() {
                let mut own = breaks.clone();
                own[index] = measured.stored(typed);
                own.sort_by(f32::total_cmp);
                state.change_layer(layer.id, t!("ramp-break"), |layer| {
                    if let Some(ramp) = layer.style.as_mut().and_then(Style::ramp_mut) {
                        ramp.steps = Some(Steps::At { breaks: own });
                    }
                });
            }
            super::layers::end_drag_step(state, &drag);
        }
    });
}
