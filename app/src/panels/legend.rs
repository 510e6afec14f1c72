//! What a layer's colours mean, below its row in the list: the ramp with its limits, steps, or named classes.

use std::sync::Arc;

use egui::{RichText, Sense, vec2};
use terroir_scene::{ChannelSource, Class, FillPattern, Layer, PaletteEntry, Style, pattern_of};

use super::ramp::strip;
use super::spectrum::number_text;
use super::swatch::pattern_over;
use crate::language::t;
use crate::measured::Measured;
use crate::state::State;
use crate::theme;

/// More classes are shown on request.
const FEW_ROWS: usize = 14;
/// No list is read to its end beyond.
const MOST_ROWS: usize = 1000;

/// Returns the code of the class whose row is under the pointer.
pub fn legend_ui(ui: &mut egui::Ui, state: &State, layer: &Arc<Layer>) -> Option<i64> {
    let mut pointed = None;
    if let Some(belief) = crate::belief::belief_of(layer) {
        let text = RichText::new(format!("{} {}", theme::icon::WARNING, belief.warning()));
        let color = theme::colors(ui.visuals()).warning;
        ui.indent(("belief", layer.id.0), |ui| {
            ui.add(egui::Label::new(text.small().color(color)).wrap())
                .on_hover_text(&belief.model);
        });
    }
    let style = layer.style.as_ref()?;
    ui.indent(("legend", layer.id.0), |ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
        match style {
            Style::Palette {
                entries, hidden, ..
            } => {
                let rgb = |entry: &PaletteEntry| [entry.rgba[0], entry.rgba[1], entry.rgba[2]];
                let shown: Vec<_> = entries
                    .iter()
                    .filter(|entry| entry.rgba[3] > 0 && !hidden.contains(&entry.value))
                    .collect();
                for entry in shown.iter().take(rows_of(ui, layer)) {
                    let pattern = pattern_of(entry.value, rgb(entry));
                    if class_row_ui(ui, rgb(entry), pattern, &entry.name) {
                        pointed = Some(entry.value);
                    }
                }
                more_ui(ui, layer, shown.len());
            }
            Style::FieldClasses { head } => classes_ui(ui, layer, &head.classes),
            Style::FieldClusters { clusters } => classes_ui(ui, layer, &clusters.classes().0),
            Style::Gray { .. } | Style::Derived { .. } => ramp_legend_ui(ui, state, layer, style),
            Style::Rgb { .. }
            | Style::FieldPca { .. }
            | Style::FieldAxes { .. }
            | Style::FieldConfidence { .. }
            | Style::FieldUncertainty { .. }
            | Style::FieldSimilarity { .. } => {}
        }
        if let Some(color) = layer.missing_color {
            row_ui(ui, color, t!("layers-no-value"));
        }
    });
    pointed
}

fn classes_ui(ui: &mut egui::Ui, layer: &Layer, classes: &[Class]) {
    for class in classes.iter().take(rows_of(ui, layer)) {
        let pattern = pattern_of(i64::from(class.id), class.color);
        class_row_ui(ui, class.color, pattern, &class.name);
    }
    more_ui(ui, layer, classes.len());
}

/// Whether all rows of a layer are wanted; how a list is looked at is no part of the document.
fn all_rows_id(layer: &Layer) -> egui::Id {
    egui::Id::unique(("all rows", layer.id.0))
}

/// How many rows of a layer are shown.
fn rows_of(ui: &egui::Ui, layer: &Layer) -> usize {
    let id = all_rows_id(layer);
    let are_all = ui.data(|data| data.get_temp(id).unwrap_or(false));
    if are_all { MOST_ROWS } else { FEW_ROWS }
}

/// More rows, or fewer again.
fn more_ui(ui: &mut egui::Ui, layer: &Layer, count: usize) {
    if count <= FEW_ROWS {
        return;
    }
    let are_all = rows_of(ui, layer) == MOST_ROWS;
    let text = if are_all {
        t!("layers-fewer").to_owned()
    } else {
        t!("layers-and-more", count = count - FEW_ROWS)
    };
    if ui.link(RichText::new(text).small()).clicked() {
        ui.data_mut(|data| data.insert_temp(all_rows_id(layer), !are_all));
    }
}

fn row_ui(ui: &mut egui::Ui, rgb: [u8; 3], text: &str) {
    class_row_ui(ui, rgb, FillPattern::Solid, text);
}

/// Returns whether the pointer is on it.
fn class_row_ui(ui: &mut egui::Ui, rgb: [u8; 3], pattern: FillPattern, text: &str) -> bool {
    let row = ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(14.0, 12.0), Sense::hover());
        ui.painter().rect_filled(rect, 2.0, theme::rgb(rgb));
        pattern_over(ui.painter(), rect, rgb, pattern);
        ui.add(egui::Label::new(RichText::new(text).small()).truncate());
    });
    row.response.contains_pointer()
}

fn ramp_legend_ui(ui: &mut egui::Ui, state: &State, layer: &Arc<Layer>, style: &Style) {
    let followed = state.session.in_view.followed(layer.id);
    let stretch = followed
        .and_then(<[_]>::first)
        .or(style.stretches().first())
        .copied();
    let (Some(ramp), Some(stretch)) = (style.ramp(), stretch) else {
        return;
    };
    let weak = theme::colors(ui.visuals()).weak;
    let is_decibel = style.look().is_some_and(|look| look.decibel);
    let unit = if is_decibel { " dB" } else { "" };
    let info = state.raster_info(layer).map(|info| &**info);
    let measured = Measured::of(info, style, 0);
    let number_text = |stored: f32| number_text(measured.value(stored) as f32);
    let name = match style
        .channels()
        .first()
        .map(|channel| channel.source.clone())
    {
        Some(ChannelSource::Derived(derivation)) => derivation.label().to_owned(),
        Some(ChannelSource::Band(band)) => state
            .raster_info(layer)
            .and_then(|info| info.bands.get(band))
            .map_or_else(String::new, |band| band.name.clone()),
        None => String::new(),
    };
    ui.add(egui::Label::new(RichText::new(name).small().color(weak)).truncate());
    if let Some(breaks) = ramp.breaks(&stretch) {
        let colors = ramp.step_colors(&breaks);
        for (index, color) in colors.iter().enumerate() {
            let low = index.checked_sub(1).and_then(|at| breaks.get(at));
            let text = match (low, breaks.get(index)) {
                (None, Some(high)) => {
                    t!(
                        "layers-below",
                        value = format!("{}{unit}", number_text(*high))
                    )
                }
                (Some(low), Some(high)) => {
                    format!("{} – {}{unit}", number_text(*low), number_text(*high))
                }
                (Some(low), None) => {
                    t!(
                        "layers-above",
                        value = format!("{}{unit}", number_text(*low))
                    )
                }
                (None, None) => String::new(),
            };
            row_ui(ui, [color[0], color[1], color[2]], &text);
        }
        return;
    }
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width() - 6.0, 10.0), Sense::hover());
    strip(ui.painter(), rect, ramp, &stretch);
    ui.horizontal(|ui| {
        let text = |value: f32| RichText::new(format!("{}{unit}", number_text(value))).small();
        ui.label(text(stretch.low));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(6.0);
            ui.label(text(stretch.high));
        });
    });
}
