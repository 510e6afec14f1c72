//! The spectral axis: the sensor's bands as coloured ticks over wavelength, and three handles that pick red, green
//! and blue. Draws and reports; changes nothing itself.

use egui::{Align2, Color32, FontId, Rect, Sense, Stroke, pos2, vec2};
use terroir_scene::BandInfo;

use crate::theme;

const HEIGHT: f32 = 92.0;
/// Above this ratio of longest to shortest wavelength the axis is logarithmic (thermal beside visible bands).
const LOG_ABOVE: f64 = 8.0;

/// Where wavelengths lie on the screen.
#[derive(Clone, Copy, Debug)]
struct Axis {
    low_nm: f64,
    high_nm: f64,
    is_log: bool,
}

impl Axis {
    fn new(bands: &[BandInfo]) -> Option<Self> {
        let known = || {
            bands
                .iter()
                .filter_map(|band| band.wavelength.map(|wavelength| wavelength.center.nm()))
        };
        let low = known().fold(f64::INFINITY, f64::min);
        let high = known().fold(f64::NEG_INFINITY, f64::max);
        if !(low.is_finite() && high.is_finite() && low > 0.0) {
            return None;
        }
        let is_log = high / low > LOG_ABOVE;
        if is_log {
            return Some(Self {
                low_nm: low * 0.9,
                high_nm: high * 1.1,
                is_log,
            });
        }
        let margin = ((high - low) * 0.05).max(15.0);
        Some(Self {
            low_nm: low - margin,
            high_nm: high + margin,
            is_log,
        })
    }

    /// 0..1 along the axis.
    fn share(&self, nm: f64) -> f32 {
        let share = if self.is_log {
            (nm / self.low_nm).ln() / (self.high_nm / self.low_nm).ln()
        } else {
            (nm - self.low_nm) / (self.high_nm - self.low_nm)
        };
        share as f32
    }

    fn nm(&self, share: f32) -> f64 {
        let share = f64::from(share);
        if self.is_log {
            self.low_nm * (self.high_nm / self.low_nm).powf(share)
        } else {
            self.low_nm + share * (self.high_nm - self.low_nm)
        }
    }

    /// Round numbers to write below the axis.
    fn ticks(&self) -> Vec<f64> {
        if self.is_log {
            return [400.0, 600.0, 1000.0, 2000.0, 4000.0, 8000.0, 12000.0]
                .into_iter()
                .filter(|nm| (self.low_nm..=self.high_nm).contains(nm))
                .collect();
        }
        let span = self.high_nm - self.low_nm;
        let step = [10.0, 25.0, 50.0, 100.0, 200.0, 250.0, 500.0]
            .into_iter()
            .find(|step| span / step <= 6.0)
            .unwrap_or(1000.0);
        let first = (self.low_nm / step).ceil() as i64;
        (first..)
            .map(|index| index as f64 * step)
            .take_while(|nm| *nm <= self.high_nm)
            .collect()
    }
}

/// Roughly the colour an eye sees at a wavelength; warm greys beyond.
pub fn wavelength_color(nm: f64) -> Color32 {
    let (r, g, b) = match nm {
        nm if nm < 380.0 => (0.45, 0.35, 0.60),
        nm if nm < 440.0 => ((440.0 - nm) / 60.0 * 0.7 + 0.2, 0.15, 0.95),
        nm if nm < 490.0 => (0.05, (nm - 440.0) / 50.0 * 0.85, 1.0),
        nm if nm < 510.0 => (0.05, 0.85, (510.0 - nm) / 20.0),
        nm if nm < 580.0 => ((nm - 510.0) / 70.0, 0.9, 0.05),
        nm if nm < 645.0 => (1.0, (645.0 - nm) / 65.0 * 0.9, 0.05),
        nm if nm < 700.0 => (0.95, 0.08, 0.05),
        nm if nm < 800.0 => (0.72, 0.15, 0.18),
        nm if nm < 1300.0 => (0.62, 0.30, 0.32),
        nm if nm < 1900.0 => (0.66, 0.47, 0.30),
        nm if nm < 3000.0 => (0.64, 0.56, 0.42),
        _ => (0.60, 0.60, 0.66),
    };
    Color32::from_rgb((r * 255.0) as u8, (g * 255.0) as u8, (b * 255.0) as u8)
}

const CHANNELS: [(&str, Color32); 3] = [
    ("R", Color32::from_rgb(235, 80, 80)),
    ("G", Color32::from_rgb(70, 185, 90)),
    ("B", Color32::from_rgb(80, 130, 245)),
];

/// Index of the usable band nearest to a place on the axis.
fn nearest(bands: &[BandInfo], nm: f64) -> Option<usize> {
    bands
        .iter()
        .filter_map(|band| {
            band.wavelength
                .map(|wavelength| (band.index, (wavelength.center.nm() - nm).abs()))
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(index, _)| index)
}

/// What a handle did in this frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct AxisChange {
    pub picked: Option<[usize; 3]>,
    pub drag_started: bool,
    pub drag_stopped: bool,
}

/// Draws the axis; `chosen` are the bands shown as red, green, blue (`None` in a single-band style).
pub fn spectral_axis_ui(
    ui: &mut egui::Ui,
    bands: &[BandInfo],
    chosen: Option<[usize; 3]>,
) -> AxisChange {
    let mut change = AxisChange::default();
    let Some(axis) = Axis::new(bands) else {
        return change;
    };
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let colors = theme::colors(ui.visuals());
    let painter = ui.painter_at(rect);
    let plot = Rect::from_min_max(rect.min + vec2(8.0, 26.0), rect.max - vec2(8.0, 18.0));
    let x_of = |nm: f64| plot.left() + axis.share(nm).clamp(0.0, 1.0) * plot.width();
    painter.rect_filled(plot.expand2(vec2(8.0, 0.0)), 4.0, colors.well);
    let mut drawn_x = f32::NEG_INFINITY;
    for band in bands {
        let Some(wavelength) = band.wavelength else {
            continue;
        };
        let nm = wavelength.center.nm();
        // Thousands of bands are as many ticks as fit side by side.
        if bands.len() > 500 && (x_of(nm) - drawn_x).abs() < 0.5 {
            continue;
        }
        drawn_x = x_of(nm);
        // The band's width as a pale bar, its centre as a line.
        let half = wavelength.fwhm_nm.unwrap_or(0.0) / 2.0;
        let color = wavelength_color(nm);
        if half > 0.0 && bands.len() <= 40 {
            let bar = Rect::from_x_y_ranges(
                x_of(nm - half)..=x_of(nm + half),
                plot.top() + 8.0..=plot.bottom(),
            );
            painter.rect_filled(bar, 2.0, color.gamma_multiply(0.35));
        }
        let (top, width) = if band.is_bad {
            (0.7, 1.0)
        } else {
            (0.2, if bands.len() > 60 { 1.0 } else { 2.0 })
        };
        let y = plot.top() + plot.height() * top;
        painter.vline(x_of(nm), y..=plot.bottom(), Stroke::new(width, color));
    }
    let font = FontId::proportional(12.0);
    for nm in axis.ticks() {
        let x = x_of(nm);
        painter.vline(
            x,
            plot.bottom()..=plot.bottom() + 3.0,
            Stroke::new(1.0, colors.weak),
        );
        let text = if axis.is_log && nm >= 1000.0 {
            format!("{} µm", nm / 1000.0)
        } else {
            format!("{nm:.0}")
        };
        painter.text(
            pos2(x, rect.bottom()),
            Align2::CENTER_BOTTOM,
            text,
            font.clone(),
            colors.weak,
        );
    }
    if let Some(pos) = response.hover_pos().filter(|pos| plot.contains(*pos)) {
        let nm = axis.nm((pos.x - plot.left()) / plot.width());
        if let Some(band) = nearest(bands, nm).and_then(|index| bands.get(index)) {
            let center = band
                .wavelength
                .map_or(0.0, |wavelength| wavelength.center.nm());
            painter.vline(
                x_of(center),
                plot.y_range(),
                Stroke::new(1.0, ui.visuals().text_color()),
            );
            response.on_hover_text_at_pointer(format!("{} · {center:.1} nm", band.name));
        }
    }
    if let Some(chosen) = chosen {
        handles_ui(ui, &axis, plot, bands, chosen, &mut change);
    }
    change
}

fn handles_ui(
    ui: &mut egui::Ui,
    axis: &Axis,
    plot: Rect,
    bands: &[BandInfo],
    chosen: [usize; 3],
    change: &mut AxisChange,
) {
    let mut used: Vec<f32> = Vec::new();
    for (channel, (name, color)) in CHANNELS.into_iter().enumerate() {
        let Some(nm) = bands
            .get(chosen[channel])
            .and_then(|band| band.wavelength)
            .map(|wavelength| wavelength.center.nm())
        else {
            continue;
        };
        let mut x = plot.left() + axis.share(nm) * plot.width();
        let line_x = x;
        // Handles that would cover each other stand side by side.
        while used.iter().any(|other| (other - x).abs() < 19.0) {
            x += 19.5;
        }
        if x > plot.right() + 4.0 {
            x = line_x - 19.5;
        }
        used.push(x);
        let handle = Rect::from_center_size(pos2(x, plot.top() - 14.0), vec2(18.0, 18.0));
        let id = ui.scope_id().with(("spectral handle", channel));
        let response = ui
            .interact(handle.expand(2.0), id, Sense::drag())
            .on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
        let painter = ui.painter();
        painter.vline(
            line_x,
            plot.top() - 5.0..=plot.bottom(),
            Stroke::new(1.5, color),
        );
        painter.line_segment(
            [pos2(x, handle.bottom()), pos2(line_x, plot.top())],
            Stroke::new(1.5, color),
        );
        let ring = if response.hovered() || response.dragged() {
            Stroke::new(2.0, Color32::WHITE)
        } else {
            Stroke::NONE
        };
        painter.rect(handle, 4.0, color, ring, egui::StrokeKind::Inside);
        painter.text(
            handle.center(),
            Align2::CENTER_CENTER,
            name,
            FontId::proportional(12.0),
            Color32::WHITE,
        );
        change.drag_started |= response.drag_started();
        change.drag_stopped |= response.drag_stopped();
        if response.dragged()
            && let Some(pos) = response.interact_pointer_pos()
        {
            let nm = axis.nm(((pos.x - plot.left()) / plot.width()).clamp(0.0, 1.0));
            if let Some(band) = nearest(bands, nm).filter(|band| *band != chosen[channel]) {
                let mut picked = chosen;
                picked[channel] = band;
                change.picked = Some(picked);
            }
        }
        let enabled = response.enabled();
        let label = format!("{name}: {nm:.0} nm");
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Slider, enabled, &label));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_on_the_axis_come_back() {
        for is_log in [false, true] {
            let axis = Axis {
                low_nm: 400.0,
                high_nm: 2500.0,
                is_log,
            };
            for nm in [400.0, 665.0, 2202.0, 2500.0] {
                assert!((axis.nm(axis.share(nm)) - nm).abs() < 0.01, "{nm}");
            }
            assert!(axis.ticks().len() >= 3);
        }
    }
}
