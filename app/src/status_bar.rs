//! The status bar, left to right: front job, message, cursor, pixel and values, scale, coordinate system, device and
//! memory, log.

use std::time::Instant;

use egui::{Key, RichText};

use crate::arrangement::Panel;
use crate::canvas::Viewport;
use crate::commands::Command;
use crate::language::t;
use crate::messages::Level;
use crate::session::ViewRequest;
use crate::state::State;
use crate::theme::{self, icon};

/// Metres of one point on paper at 96 dots an inch.
const METRES_PER_POINT: f64 = 0.0254 / 96.0;

pub fn status_bar_ui(ui: &mut egui::Ui, state: &mut State, view: &Viewport) {
    let frame = egui::Frame::new()
        .fill(ui.visuals().panel_fill)
        .inner_margin(egui::Margin::symmetric(8, 3));
    egui::Panel::bottom("status")
        .frame(frame)
        .exact_size(26.0)
        .show(ui, |ui| {
            ui.horizontal_centered(|ui| {
                ui.spacing_mut().item_spacing.x = 10.0;
                ui.style_mut().override_text_style = Some(egui::TextStyle::Small);
                ui.spacing_mut().interact_size.y = 18.0;
                ui.spacing_mut().button_padding.y = 1.0;
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    right_ui(ui, state, view);
                    ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                        left_ui(ui, state, view)
                    });
                });
            });
        });
}

fn left_ui(ui: &mut egui::Ui, state: &mut State, view: &Viewport) {
    job_ui(ui, state);
    cursor_ui(ui, state, view);
    pixel_ui(ui, state);
}

fn job_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(job) = state.jobs.front() else {
        if let Some(line) = state.messages.newest() {
            let colors = theme::colors(ui.visuals());
            let (glyph, color) = match line.level {
                Level::Error => (icon::WARNING_CIRCLE, colors.error),
                Level::Warning => (icon::WARNING, colors.warning),
                Level::Info | Level::Hint => (icon::INFO, colors.weak),
            };
            let text = RichText::new(format!("{glyph} {}", line.text)).color(color);
            ui.add_sized([150.0, 16.0], egui::Label::new(text).truncate())
                .on_hover_text(&line.text);
        }
        return;
    };
    let id = job.id;
    let text = super::panels::progress_text(job, Instant::now());
    let before = ui.cursor().min.x;
    let bar = egui::ProgressBar::new(job.fraction().unwrap_or(0.0))
        .desired_width(90.0)
        .desired_height(10.0);
    ui.add(bar);
    ui.add(egui::Label::new(format!("{}: {text}", job.name)).truncate());
    let is_cancelled = theme::icon_button(ui, icon::X_CIRCLE, t!("status-cancel-job")).clicked();
    let here = ui
        .max_rect()
        .with_min_x(before)
        .with_max_x(ui.cursor().min.x);
    if ui.rect_contains_pointer(here) {
        state.session.hovered_job = Some(id);
    }
    ui.ctx()
        .request_repaint_after(std::time::Duration::from_millis(500));
    if is_cancelled {
        state.jobs.cancel(id);
    }
}

/// Cursor in map coordinates; a click changes to longitude and latitude.
fn cursor_ui(ui: &mut egui::Ui, state: &mut State, view: &Viewport) {
    let Some(map_xy) = state.session.hover.map_xy else {
        return;
    };
    let crs = state.history.document().map_crs.clone();
    let at = |map_xy: (f64, f64)| {
        let crs = crs.as_ref().filter(|_| state.session.show_lon_lat)?;
        state.places.lon_lat(crs, map_xy)
    };
    let beside = at((map_xy.0 + view.units_per_point, map_xy.1));
    let text = match (at(map_xy), beside) {
        (Some(here), Some(beside)) => {
            // A step across the antimeridian tells nothing of the scale.
            let apart = (beside.0 - here.0).hypot(beside.1 - here.1).min(1.0);
            lon_lat_text(here, apart)
        }
        (Some(here), None) => lon_lat_text(here, 1e-5),
        (None, _) => coordinate_text(map_xy, view.units_per_point),
    };
    let button = ui.add(egui::Button::new(RichText::new(text).monospace().size(12.0)).frame(false));
    if button.on_hover_text(t!("status-cursor-tip")).clicked() {
        state.session.show_lon_lat = !state.session.show_lon_lat;
    }
}

fn pixel_ui(ui: &mut egui::Ui, state: &State) {
    let Some(pixel) = &state.session.hover.pixel else {
        return;
    };
    let mut text = t!("status-pixel", col = pixel.col, row = pixel.row);
    // The bands on show, or the first three.
    let style = state
        .history
        .document()
        .layer(pixel.layer)
        .and_then(|layer| layer.style.as_ref());
    let mut bands = style.map(terroir_scene::style_bands).unwrap_or_default();
    bands.dedup();
    let is_shown = |band: usize| bands.is_empty() || bands.contains(&band);
    if let Some(derivation) = style.and_then(terroir_scene::Style::derivation) {
        let value = pixel
            .derived
            .map_or(t!("status-missing").to_owned(), super::panels::number_text);
        let name = shortened(derivation.label(), 24);
        text.push_str(&format!(": {name} {value}"));
        ui.add(egui::Label::new(text).truncate());
        return;
    }
    let info = state
        .history
        .document()
        .layer(pixel.layer)
        .and_then(|layer| state.raster_info(layer));
    // As it is measured; what the file stores stands in the hint.
    let measured = |band: usize, stored: f32| {
        let band = info.and_then(|info| info.bands.get(band));
        band.map_or(stored, |band| {
            (f64::from(stored) * band.scale + band.offset) as f32
        })
    };
    let words = |band: usize, value: Option<f32>| match value.map(|value| measured(band, value)) {
        None => t!("status-missing").to_owned(),
        // A class says its name, too.
        Some(value) => match class_name(style, value) {
            Some(name) => format!("{} {name}", super::panels::number_text(value)),
            None => super::panels::number_text(value),
        },
    };
    let values: Vec<String> = pixel
        .values
        .iter()
        .filter(|(band, _)| is_shown(*band))
        .take(3)
        .map(|(band, value)| words(*band, *value))
        .collect();
    if !values.is_empty() {
        text.push_str(&format!(": {}", values.join(", ")));
    }
    let response = ui.add(egui::Label::new(text).truncate());
    // The tiles at hand hold the bands on show, and some more.
    let stored: Vec<String> = pixel
        .values
        .iter()
        .filter_map(|(band, value)| {
            let name = &info?.bands.get(*band)?.name;
            let value = value.map_or(t!("status-missing").to_owned(), super::panels::number_text);
            Some(format!("{name} {value}"))
        })
        .collect();
    if !stored.is_empty() {
        response.on_hover_text(t!("status-stored", values = stored.join(", ")));
    }
}

/// Name of the class a palette gives a value.
fn class_name(style: Option<&terroir_scene::Style>, value: f32) -> Option<&str> {
    let Some(terroir_scene::Style::Palette { entries, .. }) = style else {
        return None;
    };
    let entry = entries
        .iter()
        .find(|entry| entry.value as f32 == value && !entry.name.is_empty())?;
    Some(&entry.name)
}

/// Drawn from the right, so in reverse order.
fn right_ui(ui: &mut egui::Ui, state: &mut State, view: &Viewport) {
    let count = state
        .messages
        .log
        .iter()
        .filter(|line| matches!(line.level, Level::Error | Level::Warning))
        .count();
    let text = if count > 0 {
        t!("status-log-count", count = count)
    } else {
        t!("status-log").to_owned()
    };
    if ui
        .selectable_label(state.arrangement.is_on_show(Panel::Log), text)
        .on_hover_text(t!("status-log-tip"))
        .clicked()
    {
        state.queue.push_back(Command::TogglePanel(Panel::Log));
    }
    device_ui(ui, state);
    crs_ui(ui, state);
    if let Some(degrees) = rotation(state).filter(|degrees| degrees.abs() > 0.05) {
        ui.label(format!("{degrees:.1}°"))
            .on_hover_text(t!("status-rotation"));
    }
    scale_ui(ui, state, view);
}

/// Where jobs run, and how much memory the program uses.
fn device_ui(ui: &mut egui::Ui, state: &mut State) {
    let device = state
        .jobs
        .front()
        .and_then(|job| job.device.clone())
        .or_else(|| {
            state
                .jobs
                .list
                .iter()
                .rev()
                .find_map(|job| job.device.clone())
        })
        .unwrap_or_else(|| {
            if state.run.device == "auto" {
                "auto".to_owned()
            } else {
                state.run.device.clone()
            }
        });
    let memory = state.memory_text();
    let text = format!("{} {} {memory}", icon::CPU, shortened(&device, 18));
    ui.label(text).on_hover_text(format!(
        "{}\n{}",
        t!("status-device-tip", device = &device),
        t!("status-memory-tip", memory = &memory)
    ));
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let start: String = text.chars().take(most - 1).collect();
    format!("{start}…")
}

/// EPSG code; a click chooses another one. A layer without a place says so beside it.
fn crs_ui(ui: &mut egui::Ui, state: &mut State) {
    let document = state.history.document();
    if document.layers.is_empty() {
        return;
    }
    let (text, tip) = match &document.map_crs {
        Some(crs) => (
            crs.epsg
                .map_or_else(|| shortened(&crs.name, 18), |epsg| format!("EPSG:{epsg}")),
            format!("{}\n{}", crs.name, t!("status-crs-tip")),
        ),
        None => (
            t!("status-no-crs").to_owned(),
            t!("status-no-crs-tip").to_owned(),
        ),
    };
    let is_lost = document.map_crs.is_some()
        && state
            .active_layer()
            .and_then(|layer| state.raster_info(layer))
            .is_some_and(|info| info.grid.georef.ground_crs().is_none());
    if ui
        .add(egui::Button::new(text).frame_when_inactive(false))
        .on_hover_text(tip)
        .clicked()
    {
        state.queue.push_back(Command::MapCrs);
    }
    if is_lost {
        let color = theme::colors(ui.visuals()).warning;
        let text = RichText::new(format!("{} {}", icon::WARNING, t!("status-lost"))).color(color);
        let tip = t!("status-lost-tip");
        if ui
            .add(egui::Button::new(text).frame_when_inactive(false))
            .on_hover_text(tip)
            .clicked()
        {
            state.queue.push_back(Command::LayerCrs);
        }
    }
}

/// `1:25000`, editable.
fn scale_ui(ui: &mut egui::Ui, state: &mut State, view: &Viewport) {
    let Some(crs) = state.history.document().map_crs.clone() else {
        return;
    };
    // Lengths on the ground at the middle of the view, as the scale bar has them.
    let Some(metres_per_unit) = state
        .places
        .geometry(&crs)
        .and_then(|geometry| geometry.metres_per_unit(view.center, 100.0 * view.units_per_point))
    else {
        return;
    };
    if let Some(text) = &mut state.session.scale_edit {
        let edit = ui.add(egui::TextEdit::singleline(text).desired_width(76.0));
        if edit.lost_focus() {
            let typed = text
                .trim()
                .trim_start_matches("1:")
                .replace([',', ' '], "")
                .parse::<f64>()
                .ok();
            let is_given_up = ui.input(|input| input.key_pressed(Key::Escape));
            state.session.scale_edit = None;
            if let Some(scale) =
                typed.filter(|scale| *scale > 0.0 && scale.is_finite() && !is_given_up)
            {
                state.session.view = Some(ViewRequest::Scale(
                    scale * METRES_PER_POINT / metres_per_unit,
                ));
            }
        } else if !edit.has_focus() {
            edit.request_focus();
        }
        return;
    }
    let scale = view.units_per_point * metres_per_unit / METRES_PER_POINT;
    if !scale.is_finite() || scale <= 0.0 {
        return;
    }
    let text = format!("1:{}", crate::jobs::count_text(rounded(scale)));
    if ui
        .add(egui::Button::new(text.clone()).frame_when_inactive(false))
        .on_hover_text(t!("status-scale-tip"))
        .clicked()
    {
        state.session.scale_edit = Some(text);
    }
}

/// Three significant places.
fn rounded(scale: f64) -> u64 {
    let unit = 10_f64.powf((scale.log10() - 2.0).floor().max(0.0));
    ((scale / unit).round() * unit) as u64
}

/// Angle of the active raster's rows against the horizontal, degrees.
fn rotation(state: &State) -> Option<f64> {
    let layer = state.active_raster()?;
    let georef = &state.raster_info(&layer)?.grid.georef;
    if georef.model.is_some() {
        return None;
    }
    let transform = georef.drawing_transform();
    Some(transform.0[4].atan2(transform.0[1]).to_degrees())
}

/// Digits follow the zoom: never finer than a tenth of a point.
pub fn coordinate_text(map_xy: (f64, f64), units_per_point: f64) -> String {
    let decimals = (1.0 - units_per_point.max(1e-9).log10())
        .ceil()
        .clamp(0.0, 7.0) as usize;
    format!("{:.decimals$}, {:.decimals$}", map_xy.0, map_xy.1)
}

/// Digits follow the zoom, given as the degrees of one point.
fn lon_lat_text((lon, lat): (f64, f64), degrees_per_point: f64) -> String {
    let decimals = (1.0 - degrees_per_point.max(1e-9).log10())
        .ceil()
        .clamp(2.0, 8.0) as usize;
    let east = if lon < 0.0 { 'W' } else { 'E' };
    let north = if lat < 0.0 { 'S' } else { 'N' };
    format!(
        "{:.decimals$}° {north}, {:.decimals$}° {east}",
        lat.abs(),
        lon.abs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_follows_the_zoom() {
        assert_eq!(
            coordinate_text((551234.567, 4371234.567), 20.0),
            "551235, 4371235"
        );
        assert_eq!(
            coordinate_text((551234.567, 4371234.567), 0.5),
            "551234.57, 4371234.57"
        );
        assert_eq!(lon_lat_text((-8.5, 39.25), 1e-4), "39.25000° N, 8.50000° W");
        assert_eq!(lon_lat_text((-8.5, 39.25), 0.3), "39.25° N, 8.50° W");
        assert_eq!(rounded(25_347.0), 25_300);
    }
}
