//! Histogram and limits of the bands on show: drag the limits, or take 2-98 %, min-max, mean ± 2σ; gamma.

use std::sync::Arc;

use egui::{Color32, Rect, Sense, Stroke, pos2, vec2};
use terroir_scene::{BandStatistics, Layer, Stretch, Style};

use crate::state::State;
use crate::theme;

const HEIGHT: f32 = 58.0;

/// 2nd to 98th percentile.
pub fn percentile_stretch(statistics: &BandStatistics) -> Stretch {
    limits(statistics.low, statistics.high)
}

fn limits(low: f64, high: f64) -> Stretch {
    // A constant band still needs two different limits.
    let high = if high > low { high } else { low + 1.0 };
    Stretch {
        low: low as f32,
        high: high as f32,
        gamma: 1.0,
    }
}

#[derive(Clone, Copy)]
enum Choice {
    Percentile,
    MinMax,
    Deviation,
}

fn stretch_for(choice: Choice, statistics: &BandStatistics) -> Stretch {
    match choice {
        Choice::Percentile => percentile_stretch(statistics),
        Choice::MinMax => limits(statistics.min, statistics.max),
        Choice::Deviation => limits(
            (statistics.mean - 2.0 * statistics.std).max(statistics.min),
            (statistics.mean + 2.0 * statistics.std).min(statistics.max),
        ),
    }
}

/// Channels of a style: name, band, limits, colour of the histogram.
fn channels(style: &Style) -> Vec<(&'static str, usize, Stretch, Color32)> {
    match style {
        Style::Rgb { bands, stretch } => vec![
            ("R", bands[0], stretch[0], Color32::from_rgb(225, 85, 85)),
            ("G", bands[1], stretch[1], Color32::from_rgb(75, 180, 95)),
            ("B", bands[2], stretch[2], Color32::from_rgb(85, 135, 240)),
        ],
        Style::Gray { band, stretch, .. } => {
            vec![("", *band, *stretch, Color32::from_rgb(150, 158, 166))]
        }
        _ => Vec::new(),
    }
}

fn set_channel(style: &mut Style, channel: usize, value: Stretch) {
    match style {
        Style::Rgb { stretch, .. } => {
            if let Some(slot) = stretch.get_mut(channel) {
                *slot = value;
            }
        }
        Style::Gray { stretch, .. } => *stretch = value,
        _ => {}
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
    let channels = channels(&style);
    if channels.is_empty() {
        return;
    }
    ui.separator();
    let mut choice = None;
    ui.horizontal(|ui| {
        ui.label(egui::RichText::new("Stretch").strong());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (name, tip, option) in [
                (
                    "Mean ± 2σ",
                    "Two standard deviations around the mean",
                    Choice::Deviation,
                ),
                (
                    "Min–max",
                    "From the smallest to the largest value",
                    Choice::MinMax,
                ),
                (
                    "2–98 %",
                    "Leave out the darkest and brightest 2 % of the pixels",
                    Choice::Percentile,
                ),
            ] {
                if ui.button(name).on_hover_text(tip).clicked() {
                    choice = Some(option);
                }
            }
        });
    });
    let mut sampled = false;
    for (channel, (name, band, stretch, color)) in channels.iter().enumerate() {
        let Some(statistics) = state.statistics(&path, *band) else {
            ui.label(
                egui::RichText::new("Reading statistics…").color(theme::colors(ui.visuals()).weak),
            );
            continue;
        };
        if statistics.count == 0 {
            ui.label("Every pixel of this band is missing.");
            continue;
        }
        sampled |= statistics.is_sampled;
        if state.session.auto_stretch.remove(&(layer.id, *band)) {
            set(
                state,
                &layer,
                channel,
                percentile_stretch(&statistics),
                "Stretch",
            );
        }
        if let Some(choice) = choice {
            let value = Stretch {
                gamma: stretch.gamma,
                ..stretch_for(choice, &statistics)
            };
            set(state, &layer, channel, value, "Stretch");
        }
        histogram_ui(
            ui,
            state,
            &layer,
            channel,
            name,
            *stretch,
            &statistics,
            *color,
        );
    }
    gamma_ui(ui, state, &layer, channels[0].2.gamma, channels.len());
    if sampled {
        ui.label(
            egui::RichText::new("Histograms are sampled.")
                .small()
                .color(theme::colors(ui.visuals()).weak),
        );
    }
}

fn set(state: &mut State, layer: &Arc<Layer>, channel: usize, value: Stretch, step: &str) {
    state.change_layer(layer.id, step, |layer| {
        if let Some(style) = &mut layer.style {
            set_channel(style, channel, value);
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
    for (index, what) in ["Lower", "Upper"].into_iter().enumerate() {
        let x = x_of(f64::from(limits[index]));
        let handle = Rect::from_center_size(pos2(x, plot.center().y), vec2(12.0, plot.height()));
        let id = ui.scope_id().with(("limit", channel, index));
        let response = ui
            .interact(handle, id, Sense::drag())
            .on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
        let step = format!("{what} limit");
        if response.drag_started() {
            state.history.begin_gesture(&step);
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
            set(state, layer, channel, value, &step);
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
        let label = format!("{what} limit {name}");
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
    ui.horizontal(|ui| {
        let speed = (high - low) / 400.0;
        for (is_upper, what) in [(false, "Lower limit"), (true, "Upper limit")] {
            let mut value = stretch;
            let slot = if is_upper {
                &mut value.high
            } else {
                &mut value.low
            };
            let drag = ui
                .add(
                    egui::DragValue::new(slot)
                        .speed(speed)
                        .max_decimals(decimals(high - low)),
                )
                .on_hover_text(what);
            super::layers::drag_step(state, &drag, what);
            if drag.changed() && value.high > value.low {
                set(state, layer, channel, value, what);
            }
            super::layers::end_drag_step(state, &drag);
            if !is_upper {
                ui.add_space(ui.available_width() - 70.0);
            }
        }
    });
}

/// Decimals that tell values of a range apart.
fn decimals(span: f64) -> usize {
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

fn gamma_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, gamma: f32, count: usize) {
    ui.horizontal(|ui| {
        ui.label("Gamma");
        let mut gamma = gamma;
        ui.spacing_mut().slider_width = (ui.available_width() - 60.0).max(60.0);
        let slider = ui.add(
            egui::Slider::new(&mut gamma, 0.2..=4.0)
                .logarithmic(true)
                .max_decimals(2),
        );
        super::layers::drag_step(state, &slider, "Gamma");
        if slider.changed() {
            state.change_layer(layer.id, "Gamma", |layer| {
                if let Some(style) = &mut layer.style {
                    for channel in 0..count {
                        if let Some((_, _, stretch, _)) = channels(style).get(channel).copied() {
                            set_channel(style, channel, Stretch { gamma, ..stretch });
                        }
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
    fn limits_of_a_constant_band_differ() {
        let stretch = limits(3.0, 3.0);
        assert!(stretch.high > stretch.low);
    }

    #[test]
    fn deviation_limits_stay_inside_the_values() {
        let statistics = BandStatistics {
            band: 0,
            min: 0.0,
            max: 10.0,
            mean: 2.0,
            std: 3.0,
            low: 0.5,
            high: 8.0,
            histogram: vec![1; 256],
            count: 100,
            is_sampled: false,
        };
        let stretch = stretch_for(Choice::Deviation, &statistics);
        assert_eq!((stretch.low, stretch.high), (0.0, 8.0));
        assert_eq!(
            view_range(&statistics, percentile_stretch(&statistics)).0,
            0.0
        );
    }
}
