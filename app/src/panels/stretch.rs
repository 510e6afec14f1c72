//! Histogram and limits of the channels on show: drag the limits, or take them by rule from the whole raster or the view;
//! gamma, decibels, one stretch for all channels.

use std::sync::Arc;

use egui::{Color32, Rect, Sense, Stroke, pos2, vec2};
use terroir_scene::{
    BandStatistics, Channel, ChannelSource, Derivation, Layer, Limits, Look, Stretch,
    StretchExtent, Style,
};

use crate::language::t;
use crate::measured::Measured;
use crate::state::State;
use crate::theme;

const HEIGHT: f32 = 58.0;

/// How limits are chosen, by name and with a sentence.
fn limit_rules() -> [(Limits, &'static str, &'static str); 4] {
    [
        (Limits::Percentile, "2–98 %", t!("stretch-percentile-tip")),
        (
            Limits::MinMax,
            t!("stretch-min-max"),
            t!("stretch-min-max-tip"),
        ),
        (
            Limits::Deviation,
            t!("stretch-deviation"),
            t!("stretch-deviation-tip"),
        ),
        (
            Limits::Manual,
            t!("stretch-manual"),
            t!("stretch-manual-tip"),
        ),
    ]
}

/// Where limits come from, by name and with a sentence.
fn extents() -> [(StretchExtent, &'static str, &'static str); 3] {
    [
        (
            StretchExtent::Whole,
            t!("stretch-whole"),
            t!("stretch-whole-tip"),
        ),
        (
            StretchExtent::View,
            t!("stretch-view"),
            t!("stretch-view-tip"),
        ),
        (
            StretchExtent::Follow,
            t!("stretch-follow"),
            t!("stretch-follow-tip"),
        ),
    ]
}

/// Name and colour of a channel's histogram.
fn names(style: &Style) -> [(&'static str, Color32); 3] {
    if matches!(style, Style::Rgb { .. }) {
        [
            ("R", Color32::from_rgb(225, 85, 85)),
            ("G", Color32::from_rgb(75, 180, 95)),
            ("B", Color32::from_rgb(85, 135, 240)),
        ]
    } else {
        [("", Color32::from_rgb(150, 158, 166)); 3]
    }
}

pub fn stretch_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(layer) = state.active_raster() else {
        return;
    };
    let (Some(style), Some(path)) = (
        layer.style.clone(),
        state.raster_info(&layer).map(|info| info.path.clone()),
    ) else {
        return;
    };
    let channels = style.channels();
    let Some(look) = style.look().copied() else {
        return;
    };
    ui.separator();
    rule_ui(ui, state, &layer, &look);
    let within = match look.extent {
        StretchExtent::Whole => None,
        _ => state.session.in_view.at_rest(layer.id),
    };
    let followed = state
        .session
        .in_view
        .followed(layer.id)
        .map(<[Stretch]>::to_vec);
    let shown = followed.unwrap_or_else(|| style.stretches().to_vec());
    let names = names(&style);
    let mut sampled = false;
    for (index, (channel, stretch)) in channels.iter().zip(&shown).enumerate() {
        let (name, color) = names.get(index).copied().unwrap_or(names[0]);
        let statistics = match state.channel_statistics(&path, channel, within) {
            Some(known) => Some(known),
            // The raster's own until the view's are there.
            None => state.channel_statistics(&path, channel, None),
        };
        let Some(statistics) = statistics else {
            waiting_ui(ui);
            continue;
        };
        if statistics.count == 0 {
            ui.label(if look.decibel {
                t!("stretch-no-decibels")
            } else if within.is_some() {
                t!("stretch-view-missing")
            } else {
                t!("stretch-channel-missing")
            });
            continue;
        }
        sampled |= statistics.is_sampled;
        histogram_ui(ui, state, &layer, index, name, *stretch, &statistics, color);
    }
    let gamma = shown.first().map_or(1.0, |stretch| stretch.gamma);
    if style.ramp().is_none_or(|ramp| ramp.steps.is_none()) {
        gamma_ui(ui, state, &layer, gamma);
    }
    options_ui(ui, state, &layer, &look, &channels);
    if sampled {
        super::exact_figures::exact_figures_ui(ui, state, &path, t!("stretch-sampled"));
    }
}

/// The rule new limits are taken by: by hand there is none, so the usual one.
pub fn rule(look: &Look) -> Limits {
    match look.limits {
        Limits::Manual => Limits::Percentile,
        other => other,
    }
}

/// As tall as a histogram with its numbers, so that nothing jumps when it arrives.
fn waiting_ui(ui: &mut egui::Ui) {
    let weak = theme::colors(ui.visuals()).weak;
    let (rect, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT + 28.0), Sense::hover());
    ui.painter().text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        t!("stretch-reading"),
        egui::FontId::proportional(12.0),
        weak,
    );
}

/// Which limits, and from where.
fn rule_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, look: &Look) {
    let mut chosen = None;
    ui.horizontal(|ui| {
        ui.label(egui::RichText::new(t!("stretch-title")).strong());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            let now = extents()
                .into_iter()
                .find(|(extent, ..)| *extent == look.extent);
            let value = now.map_or("", |(_, name, _)| name);
            let choice = egui::ComboBox::from_id_salt("stretch extent")
                .width(104.0)
                .selected_text(value)
                .show_ui(ui, |ui| {
                    for (extent, name, tip) in extents() {
                        let is_now = extent == look.extent;
                        // The current view can be taken again.
                        if ui
                            .selectable_label(is_now, name)
                            .on_hover_text(tip)
                            .clicked()
                            && (!is_now || extent == StretchExtent::View)
                        {
                            chosen = Some(Look { extent, ..*look });
                        }
                    }
                })
                .response;
            theme::named_choice(choice, t!("stretch-extent-tip"), value)
                .on_hover_text(t!("stretch-extent-tip"));
            let now = limit_rules()
                .into_iter()
                .find(|(limits, ..)| *limits == look.limits);
            let value = now.map_or("", |(_, name, _)| name);
            let choice = egui::ComboBox::from_id_salt("stretch limits")
                .width(84.0)
                .selected_text(value)
                .show_ui(ui, |ui| {
                    for (limits, name, tip) in limit_rules() {
                        if ui
                            .selectable_label(limits == look.limits, name)
                            .on_hover_text(tip)
                            .clicked()
                        {
                            chosen = Some(Look { limits, ..*look });
                        }
                    }
                })
                .response;
            theme::named_choice(choice, t!("stretch-limits-tip"), value)
                .on_hover_text(t!("stretch-limits-tip"));
        });
    });
    let Some(mut chosen) = chosen else {
        return;
    };
    if chosen.extent != StretchExtent::Whole && chosen.limits == Limits::Manual {
        // Choosing a place asks for a rule, choosing "by hand" ends following.
        if chosen.limits == look.limits {
            chosen.limits = Limits::Percentile;
        } else {
            keep_followed(state, layer);
            chosen.extent = StretchExtent::Whole;
        }
    }
    set_look(state, layer, t!("stretch-title"), chosen);
    if chosen.limits != Limits::Manual {
        state.take_limits(layer.id, Vec::new());
    }
}

fn set_look(state: &mut State, layer: &Arc<Layer>, step: &str, look: Look) {
    state.change_layer(layer.id, step, |layer| {
        if let Some(slot) = layer.style.as_mut().and_then(Style::look_mut) {
            *slot = look;
        }
    });
}

/// The limits on the screen become the layer's own.
fn keep_followed(state: &mut State, layer: &Arc<Layer>) {
    let Some(followed) = state
        .session
        .in_view
        .followed(layer.id)
        .map(<[Stretch]>::to_vec)
    else {
        return;
    };
    state.change_layer(layer.id, t!("stretch-title"), |layer| {
        if let Some(style) = &mut layer.style {
            for (slot, stretch) in style.stretches_mut().iter_mut().zip(followed) {
                *slot = stretch;
            }
        }
    });
}

/// Decibels, and one stretch for all channels.
fn options_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    look: &Look,
    channels: &[Channel],
) {
    let is_shade = channels.iter().any(|channel| {
        matches!(
            channel.source,
            ChannelSource::Derived(Derivation::Hillshade(_))
        )
    });
    if is_shade {
        return;
    }
    ui.horizontal(|ui| {
        let mut decibel = look.decibel;
        if ui
            .checkbox(&mut decibel, t!("stretch-decibels"))
            .on_hover_text(t!("stretch-decibels-tip"))
            .changed()
        {
            let third = match (look.third, decibel) {
                (terroir_scene::Third::Band, _) => terroir_scene::Third::Band,
                (_, true) => terroir_scene::Third::Ratio,
                (third, false) => third,
            };
            let limits = match look.limits {
                Limits::Manual => Limits::Percentile,
                other => other,
            };
            set_look(
                state,
                layer,
                t!("stretch-decibels"),
                Look {
                    decibel,
                    third,
                    limits,
                    ..*look
                },
            );
            state.take_limits(layer.id, Vec::new());
        }
        if channels.len() > 1 {
            let mut linked = look.linked;
            if ui
                .checkbox(&mut linked, t!("stretch-linked"))
                .on_hover_text(t!("stretch-linked-tip"))
                .changed()
            {
                set_look(state, layer, t!("stretch-link"), Look { linked, ..*look });
                if look.limits != Limits::Manual {
                    state.take_limits(layer.id, Vec::new());
                } else if linked {
                    let first = layer
                        .style
                        .as_ref()
                        .and_then(|s| s.stretches().first().copied());
                    if let Some(first) = first {
                        set(state, layer, 0, first, t!("stretch-link"));
                    }
                }
            }
        }
    });
}

/// New limits by hand: of one channel, or of all that are linked.
fn set(state: &mut State, layer: &Arc<Layer>, channel: usize, value: Stretch, step: &str) {
    // A change by hand goes on from the limits on the screen.
    let followed = state
        .session
        .in_view
        .followed(layer.id)
        .map(<[Stretch]>::to_vec);
    state.change_layer(layer.id, step, |layer| {
        let Some(style) = &mut layer.style else {
            return;
        };
        for (slot, stretch) in style
            .stretches_mut()
            .iter_mut()
            .zip(followed.iter().flatten())
        {
            *slot = *stretch;
        }
        let mut is_linked = false;
        if let Some(look) = style.look_mut() {
            look.limits = Limits::Manual;
            look.extent = StretchExtent::Whole;
            is_linked = look.linked;
        }
        for (index, slot) in style.stretches_mut().iter_mut().enumerate() {
            if index == channel {
                *slot = value;
            } else if is_linked {
                (slot.low, slot.high) = (value.low, value.high);
            }
        }
    });
}

fn histogram_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    channel: usize,
    name: &str,
    stretch: Stretch,
    statistics: &BandStatistics,
    color: Color32,
) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let colors = theme::colors(ui.visuals());
    let plot = rect.shrink2(vec2(6.0, 2.0));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 4.0, colors.well);
    let (low, high) = view_range(statistics, stretch);
    let x_of = |value: f64| {
        plot.left() + ((value - low) / (high - low)).clamp(0.0, 1.0) as f32 * plot.width()
    };
    bars(&painter, plot, statistics, (low, high), color);
    let mut limits = [stretch.low, stretch.high];
    for (index, step) in [t!("stretch-lower"), t!("stretch-upper")]
        .into_iter()
        .enumerate()
    {
        let x = x_of(f64::from(limits[index]));
        let handle = Rect::from_center_size(pos2(x, plot.center().y), vec2(12.0, plot.height()));
        let id = ui.scope_id().with(("limit", channel, index));
        let response = ui
            .interact(handle, id, Sense::drag())
            .on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
        if response.drag_started() {
            state.history.begin_gesture(step);
        }
        if response.dragged()
            && let Some(pos) = response.interact_pointer_pos()
        {
            let value = low
                + f64::from(((pos.x - plot.left()) / plot.width()).clamp(0.0, 1.0)) * (high - low);
            limits[index] = value as f32;
            let smallest = ((high - low) * 1e-3) as f32;
            let value = match index {
                0 => Stretch {
                    low: limits[0].min(stretch.high - smallest),
                    ..stretch
                },
                _ => Stretch {
                    high: limits[1].max(stretch.low + smallest),
                    ..stretch
                },
            };
            set(state, layer, channel, value, step);
        }
        if response.drag_stopped() {
            state.history.end_gesture();
        }
        let width = if response.hovered() || response.dragged() {
            3.0
        } else {
            1.5
        };
        painter.vline(
            x,
            plot.y_range(),
            Stroke::new(width, ui.visuals().text_color()),
        );
        let enabled = response.enabled();
        let label = format!("{step} {name}");
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Slider, enabled, &label));
    }
    let corner = rect.right_top() + vec2(-6.0, 3.0);
    ui.painter().text(
        corner,
        egui::Align2::RIGHT_TOP,
        name,
        egui::FontId::proportional(12.0),
        colors.weak,
    );
    let range = (low, high);
    ui.horizontal(|ui| {
        limit_ui(ui, state, layer, channel, stretch, range, false);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            limit_ui(ui, state, layer, channel, stretch, range, true);
        });
    });
}

/// A limit as a number that can be dragged or typed.
fn limit_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    channel: usize,
    stretch: Stretch,
    (low, high): (f64, f64),
    is_upper: bool,
) {
    let what = if is_upper {
        t!("stretch-upper")
    } else {
        t!("stretch-lower")
    };
    let mut value = stretch;
    let slot = if is_upper {
        &mut value.high
    } else {
        &mut value.low
    };
    let measured = layer.style.as_ref().map_or(Measured::AS_STORED, |style| {
        let info = state.raster_info(layer).map(|info| &**info);
        Measured::of(info, style, channel)
    });
    let hint = match measured.is_as_stored() {
        true => what.to_owned(),
        false => {
            let stored = super::spectrum::number_text(*slot);
            format!("{what}\n{}", t!("stretch-stored", value = stored))
        }
    };
    let span = measured.span(high - low);
    let mut shown = measured.value(*slot);
    let drag = ui
        .add(
            egui::DragValue::new(&mut shown)
                .speed(span / 400.0)
                .max_decimals(decimals(span)),
        )
        .on_hover_text(hint);
    if drag.changed() {
        *slot = measured.stored(shown);
    }
    super::layers::drag_step(state, &drag, what);
    if drag.changed() && value.high > value.low {
        set(state, layer, channel, value, what);
    }
    super::layers::end_drag_step(state, &drag);
}

/// Decimals that tell values of a range apart.
pub fn decimals(span: f64) -> usize {
    (2.0 - span.max(1e-9).log10()).clamp(0.0, 6.0).ceil() as usize
}

/// The part of the value axis worth showing: the limits and the bulk of the pixels, with some room.
fn view_range(statistics: &BandStatistics, stretch: Stretch) -> (f64, f64) {
    let low = statistics.low.min(f64::from(stretch.low));
    let high = statistics.high.max(f64::from(stretch.high));
    let room = ((high - low) * 0.35).max(1e-6);
    let (low, high) = (
        (low - room).max(statistics.min.min(low)),
        (high + room).min(statistics.max.max(high)),
    );
    if high > low {
        (low, high)
    } else {
        (low - 0.5, high + 0.5)
    }
}

/// The histogram over `range`, as tall as its highest bar, square-root scaled so that small counts stay visible.
fn bars(
    painter: &egui::Painter,
    plot: Rect,
    statistics: &BandStatistics,
    range: (f64, f64),
    color: Color32,
) {
    let bins = statistics.histogram.len();
    let span = statistics.max - statistics.min;
    if bins == 0 || span <= 0.0 {
        return;
    }
    let columns = plot.width().max(1.0) as usize / 2;
    let counts: Vec<f32> = (0..columns)
        .map(|column| {
            let value = range.0 + (column as f64 + 0.5) / columns as f64 * (range.1 - range.0);
            let bin = ((value - statistics.min) / span * bins as f64).floor();
            let inside = bin >= 0.0 && bin < bins as f64;
            let count = if inside {
                statistics.histogram.get(bin as usize).copied().unwrap_or(0)
            } else {
                0
            };
            (count as f32).sqrt()
        })
        .collect();
    let highest = counts.iter().copied().fold(1.0_f32, f32::max);
    let width = plot.width() / columns as f32;
    for (column, count) in counts.iter().enumerate() {
        let x = plot.left() + column as f32 * width;
        let top = plot.bottom() - count / highest * (plot.height() - 4.0);
        painter.rect_filled(
            Rect::from_min_max(pos2(x, top), pos2(x + width, plot.bottom())),
            0.0,
            color.gamma_multiply(0.75),
        );
    }
}

fn gamma_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, gamma: f32) {
    ui.horizontal(|ui| {
        ui.label(t!("stretch-gamma"));
        let mut gamma = gamma;
        ui.spacing_mut().slider_width = (ui.available_width() - 60.0).max(60.0);
        let slider = ui.add(
            egui::Slider::new(&mut gamma, 0.2..=4.0)
                .logarithmic(true)
                .max_decimals(2),
        );
        let slider = slider.on_hover_text(t!("stretch-gamma-tip"));
        super::layers::drag_step(state, &slider, t!("stretch-gamma"));
        if slider.changed() {
            state.change_layer(layer.id, t!("stretch-gamma"), |layer| {
                if let Some(style) = &mut layer.style {
                    for stretch in style.stretches_mut() {
                        stretch.gamma = gamma;
                    }
                }
            });
        }
        super::layers::end_drag_step(state, &slider);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_shows_the_limits_and_the_bulk_of_the_pixels() {
        let statistics = BandStatistics {
            band: 0,
            min: 0.0,
            max: 10.0,
            mean: 2.0,
            std: 3.0,
            low: 0.5,
            high: 8.0,
            histogram: vec![1; 256],
            percentiles: Vec::new(),
            count: 100,
            is_sampled: false,
        };
        let (low, high) = view_range(&statistics, statistics.stretch());
        assert_eq!((low, high), (0.0, 10.0));
        let wide = Stretch {
            low: -5.0,
            high: 20.0,
            gamma: 1.0,
        };
        let (low, high) = view_range(&statistics, wide);
        assert!(low <= -5.0 && high >= 20.0);
    }
}
