//! The layers panel: order by drag, visibility, name, opacity, and a context menu.

use std::sync::Arc;

use egui::{CursorIcon, Id, Sense};
use terroir_scene::{Blend, Layer, LayerId, LayerSource, shapes_text};

use crate::arrangement::Panel;
use crate::commands::Command;
use crate::dialogs::{Dialog, Purpose};
use crate::export::ExportForm;
use crate::files::FileTask;
use crate::language::t;
use crate::menu;
use crate::pointed_class::ClassOfLayer;
use crate::state::{LiveLook, State};
use crate::theme::{self, icon};
use crate::vector_news::layer_path;

use super::vector_style;

pub fn title_buttons_ui(ui: &mut egui::Ui, state: &mut State) {
    if theme::icon_button(ui, icon::PLUS, t!("layers-add-raster")).clicked() {
        state.queue.push_back(Command::AddRaster);
    }
}

pub fn layers_ui(ui: &mut egui::Ui, state: &mut State) {
    // Below the list stand opacity and blend.
    let list_height = ui.available_height() - 68.0;
    let layers = state.history.document().layers.clone();
    if layers.is_empty() {
        theme::empty_ui(ui, t!("layers-empty"), t!("layers-empty.tip"));
        return;
    }
    let active = state.active_layer().map(|layer| layer.id);
    let mut moved = None;
    egui::ScrollArea::vertical()
        .id_salt("layers")
        .auto_shrink([false, true])
        .max_height(list_height.max(80.0))
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            live_row_ui(ui, state);
            for (index, layer) in layers.iter().enumerate() {
                let row = row_ui(ui, state, layer, active == Some(layer.id));
                if layer.vector().is_some() {
                    shapes_legend_ui(ui, state, layer);
                } else if active == Some(layer.id)
                    && let Some(value) = super::legend::legend_ui(ui, state, layer)
                {
                    let class = ClassOfLayer {
                        layer: layer.id,
                        value,
                    };
                    state.session.pointed_class.point(class);
                }
                // Dropping on the upper half of a row puts the layer above it.
                if let Some(dragged) = row.dnd_hover_payload::<LayerId>() {
                    let above = ui
                        .input(|input| input.pointer.interact_pos())
                        .is_some_and(|pos| pos.y < row.rect.center().y);
                    let y = if above {
                        row.rect.top()
                    } else {
                        row.rect.bottom()
                    };
                    let accent = theme::colors(ui.visuals()).accent;
                    ui.painter()
                        .hline(row.rect.x_range(), y, egui::Stroke::new(2.0, accent));
                    if row.dnd_release_payload::<LayerId>().is_some() {
                        moved = Some((*dragged, if above { index } else { index + 1 }));
                    }
                }
            }
        });
    if let Some((id, to)) = moved {
        let from = layers.iter().position(|layer| layer.id == id);
        // The place is counted without the layer that moves.
        let to = to - usize::from(from.is_some_and(|from| from < to));
        state
            .history
            .change(t!("layers-move"), |document| document.move_layer(id, to));
    }
    if let Some(layer) = state.active_layer().cloned() {
        opacity_ui(ui, state, &layer);
        if layer.source != LayerSource::Labels {
            blend_ui(ui, state, &layer);
        }
    }
}

/// The live map has a row of its own while there is one; it is not part of the document.
fn live_row_ui(ui: &mut egui::Ui, state: &mut State) {
    if state.live.fit.is_none() {
        return;
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let glyph = if state.live.visible {
            icon::EYE
        } else {
            icon::EYE_SLASH
        };
        if theme::icon_button(ui, glyph, t!("layers-live-toggle")).clicked() {
            state.live.visible = !state.live.visible;
        }
        let accent = theme::colors(ui.visuals()).accent;
        ui.label(egui::RichText::new(icon::MAP_TRIFOLD).color(accent));
        let name = match state.live.look {
            LiveLook::Classes => t!("layers-live-map"),
            LiveLook::Confidence => t!("layers-live-confidence"),
            LiveLook::Doubt(_) => t!("layers-live-uncertainty"),
        };
        let label = egui::Label::new(egui::RichText::new(name).color(accent)).sense(Sense::click());
        if ui.add(label).on_hover_text(t!("layers-live-tip")).clicked() {
            state.arrangement.show(Panel::Field);
        }
    });
}

/// On the network, and nothing was read of it yet.
fn is_unconnected(layer: &Layer) -> bool {
    matches!(&layer.source, LayerSource::Raster { path, info: None } if terroir_scene::is_remote(path))
}

/// Looks of a vector layer under its row, when there is more than one.
fn shapes_legend_ui(ui: &mut egui::Ui, state: &State, layer: &Layer) {
    /// More rows are in the Style panel.
    const ROWS: usize = 12;
    let (Some(source), Some(data)) = (layer.vector(), state.vectors.data(layer)) else {
        return;
    };
    let rows = source.style.legend();
    if rows.len() < 2 || state.session.folded.contains(&layer.id) {
        return;
    }
    ui.indent(("legend", layer.id.0), |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let shown = if rows.len() > ROWS { ROWS - 1 } else { ROWS };
        for row in rows.iter().take(shown) {
            vector_style::legend_row_ui(ui, &source.style, data, row);
        }
        if rows.len() > shown {
            let text = t!("layers-and-more", count = rows.len() - shown);
            let weak = theme::colors(ui.visuals()).weak;
            ui.label(egui::RichText::new(text).small().color(weak));
        }
    });
}

fn glyph_of(state: &State, layer: &Layer) -> &'static str {
    if layer.series().is_some() {
        return icon::CLOCK_COUNTER_CLOCKWISE;
    }
    match state.raster_info(layer) {
        Some(info) if info.is_field() => icon::CUBE,
        Some(info) if info.is_class_map() => icon::MAP_TRIFOLD,
        Some(_) if crate::belief::belief_of(layer).is_some() => icon::BRAIN,
        Some(_) => icon::IMAGE,
        None if layer.source == LayerSource::Labels => icon::TAG,
        None if is_unconnected(layer) => icon::PLUGS,
        None if layer.vector().is_some() && !state.vectors.is_missing(layer) => icon::POLYGON,
        None => icon::WARNING,
    }
}

/// What kind of layer it is; for shapes of one look, that look.
fn symbol_ui(ui: &mut egui::Ui, state: &mut State, layer: &Layer, is_missing: bool) {
    let colors = theme::colors(ui.visuals());
    if let (Some(source), Some(data)) = (layer.vector(), state.vectors.data(layer)) {
        let rows = source.style.legend();
        if let [only] = rows.as_slice() {
            let (rect, _) = ui.allocate_exact_size(egui::vec2(16.0, 14.0), Sense::hover());
            vector_style::swatch(ui.painter(), rect, &source.style, &data.geometry, only);
            return;
        }
        let is_folded = state.session.folded.contains(&layer.id);
        let (glyph, tip) = if is_folded {
            (icon::CARET_RIGHT, t!("layers-legend-show"))
        } else {
            (icon::CARET_DOWN, t!("layers-legend-hide"))
        };
        if theme::icon_button(ui, glyph, tip).clicked() {
            if is_folded {
                state.session.folded.remove(&layer.id);
            } else {
                state.session.folded.insert(layer.id);
            }
        }
        return;
    }
    let color = if is_missing {
        colors.warning
    } else {
        colors.weak
    };
    ui.label(egui::RichText::new(glyph_of(state, layer)).color(color));
}

/// One row; the response senses drag and drop.
fn row_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    is_active: bool,
) -> egui::Response {
    let colors = theme::colors(ui.visuals());
    let is_missing = match &layer.source {
        LayerSource::Raster { info, .. } => info.is_none(),
        LayerSource::Series(series) => series.first_missing().is_some(),
        LayerSource::Vector(_) => state.vectors.is_missing(layer),
        LayerSource::Labels => false,
    };
    let width = ui.available_width();
    let (rect, _) = ui.allocate_exact_size(egui::vec2(width, theme::ROW), Sense::hover());
    let row = ui.interact(
        rect,
        Id::unique(("layer", layer.id.0)),
        Sense::click_and_drag(),
    );
    if is_active {
        ui.painter().rect_filled(rect, 4.0, colors.selected);
    } else if row.hovered() {
        ui.painter()
            .rect_filled(rect, 4.0, ui.visuals().faint_bg_color);
    }
    let mut inner = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(rect)
            .layout(egui::Layout::left_to_right(egui::Align::Center)),
    );
    inner.spacing_mut().item_spacing.x = 4.0;
    let eye = if layer.visible {
        icon::EYE
    } else {
        icon::EYE_SLASH
    };
    let tip = if layer.visible {
        t!("layers-hide", name = &layer.name)
    } else {
        t!("layers-show", name = &layer.name)
    };
    if theme::icon_button(&mut inner, eye, &tip).clicked() {
        let name = tip.clone();
        state.change_layer(layer.id, &name, |layer| layer.visible = !layer.visible);
    }
    symbol_ui(&mut inner, state, layer, is_missing);
    if let Some((id, text)) = &mut state.session.rename
        && *id == layer.id
    {
        let edit = inner.add(
            egui::TextEdit::singleline(text)
                .hint_text(layer.name.as_str())
                .desired_width(f32::INFINITY),
        );
        if edit.lost_focus() {
            let (id, name) = (*id, text.trim().to_owned());
            let is_given_up = inner.input(|input| input.key_pressed(egui::Key::Escape));
            state.session.rename = None;
            if !name.is_empty() && !is_given_up {
                state.change_layer(id, &t!("layers-rename-to", name = &name), |layer| {
                    layer.name = name;
                });
            }
        } else if !edit.has_focus() {
            edit.request_focus();
        }
        return row;
    }
    let mut text = egui::RichText::new(&layer.name);
    if is_active {
        text = text.strong();
    }
    if (is_missing && layer.raster_info().is_none()) || !layer.visible {
        text = text.color(colors.weak);
    }
    if state.history.document().area_of_interest == Some(layer.id) {
        let sign = egui::RichText::new(icon::SELECTION).color(colors.accent);
        let mut tip = t!("layers-area-tip").to_owned();
        if state.history.document().area_part.is_some() {
            tip = format!("{}\n{tip}", state.area_name().unwrap_or_default());
        }
        inner.label(sign).on_hover_text(tip);
    }
    inner.add(
        egui::Label::new(text)
            .truncate()
            .selectable(false)
            .sense(Sense::hover()),
    );
    row.widget_info(|| {
        egui::WidgetInfo::selected(egui::Role::ListBoxOption, true, is_active, &layer.name)
    });
    let row = row.on_hover_text(hint(state, layer));

    row.dnd_set_drag_payload(layer.id);
    if row.dragged() {
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    }
    if row.clicked() && !is_active {
        state.choose_layer(layer.id);
    }
    if row.double_clicked() {
        state.session.rename = Some((layer.id, layer.name.clone()));
    }
    row.context_menu(|ui| context_ui(ui, state, layer, is_missing));
    row
}

fn context_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, is_missing: bool) {
    ui.set_min_width(200.0);
    state.choose_layer(layer.id);
    if is_unconnected(layer) {
        menu::item_ui(ui, state, Command::Connect);
    }
    if is_missing
        && !is_unconnected(layer)
        && ui
            .button(format!(
                "{}  {}",
                icon::MAGNIFYING_GLASS,
                t!("layers-locate")
            ))
            .clicked()
    {
        let ctx = ui.ctx().clone();
        state.pick(&ctx, Purpose::Locate(layer.id));
        ui.close();
    }
    let is_vector = layer.vector().is_some();
    menu::item_ui(ui, state, Command::ZoomToLayer);
    if is_vector {
        menu::item_ui(ui, state, Command::AttributeTable);
        menu::item_ui(ui, state, Command::UseAsLabels);
        let is_area = state.history.document().area_of_interest == Some(layer.id);
        if is_area {
            let text = format!("{}  {}", icon::SELECTION, t!("layers-not-area"));
            if ui.button(text).clicked() {
                state.queue.push_back(Command::UseAsArea);
                ui.close();
            }
        } else {
            menu::item_ui(ui, state, Command::UseAsArea);
        }
    } else {
        menu::item_ui(ui, state, Command::ZoomToPixels);
    }
    ui.separator();
    let style = format!("{}  {}", icon::PALETTE, t!("layers-style"));
    if ui.button(style).clicked() {
        state.arrangement.show(Panel::Style);
        ui.close();
    }
    if layer.raster_info().is_some() {
        let bands = format!("{}  {}", icon::WAVE_SINE, t!("layers-bands"));
        if ui.button(bands).clicked() {
            state.arrangement.show(Panel::Style);
            state.session.shows_band_table = true;
            ui.close();
        }
    }
    let save = format!("{}  {}", icon::EXPORT, t!("layers-save-as"));
    if ui.button(save).clicked() {
        let form = ExportForm::of_layer(state, layer);
        state.dialogs.open(Dialog::Export(form));
        ui.close();
    }
    menu::item_ui(ui, state, Command::RenameLayer);
    menu::item_ui(ui, state, Command::LayerProperties);
    menu::item_ui(ui, state, Command::BuildOverviews);
    menu::item_ui(ui, state, Command::Compare);
    if let Some(path) = layer_path(layer) {
        ui.separator();
        let folder = format!("{}  {}", icon::FOLDER_OPEN, t!("layers-show-in-folder"));
        if ui.button(folder).clicked() {
            state.send(FileTask::ShowInFolder {
                path: path.to_owned(),
            });
            ui.close();
        }
        if ui
            .button(format!("{}  {}", icon::COPY, t!("layers-copy-path")))
            .clicked()
        {
            ui.ctx().copy_text(path.display().to_string());
            ui.close();
        }
    }
    ui.separator();
    menu::item_ui(ui, state, Command::RemoveLayer);
}

fn hint(state: &State, layer: &Layer) -> String {
    if let Some(source) = layer.vector() {
        let path = source.path.display();
        return match state.vectors.data(layer) {
            Some(data) => format!(
                "{}, {}\n{path}",
                shapes_text(data.features()),
                data.geometry.to_lowercase()
            ),
            None if state.vectors.is_missing(layer) => {
                format!("{}\n{path}", t!("layers-unreadable"))
            }
            None => format!("{}\n{path}", t!("layers-reading-shapes")),
        };
    }
    let Some(path) = layer.raster_path().map(terroir_scene::address_of) else {
        return t!("layers-labels-tip").to_owned();
    };
    if is_unconnected(layer) {
        return format!("{}\n{path}", t!("layers-unconnected"));
    }
    if let Some(series) = layer.series() {
        let count = series.frames().len();
        let what = match series.span() {
            Some((first, last)) => t!(
                "layers-series-dated",
                count = count,
                first = first.to_string(),
                last = last.to_string()
            ),
            None => t!("layers-series", count = count),
        };
        let shown = t!("layers-on-show", label = series.label(series.shown()));
        return format!("{what}\n{shown}\n{path}");
    }
    match state.raster_info(layer) {
        Some(info) => {
            let mut lines = vec![t!(
                "layers-raster",
                width = info.grid.width,
                height = info.grid.height,
                count = info.bands.len()
            )];
            if crate::overviews::lacks_overviews(info) {
                lines.push(t!("layers-no-overviews").to_owned());
            }
            lines.push(path);
            lines.join("\n")
        }
        None => format!("{}\n{path}", t!("layers-missing")),
    }
}

fn opacity_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    ui.add_space(theme::SMALL_GAP);
    ui.horizontal(|ui| {
        let label = ui.label(
            egui::RichText::new(t!("layers-opacity")).color(theme::colors(ui.visuals()).weak),
        );
        let mut percent = layer.opacity * 100.0;
        let slider = theme::slider_ui(ui, &label, &mut percent, 0.0..=100.0, " %", 0);
        let step = t!("layers-opacity-of", name = &layer.name);
        drag_step(state, &slider, &step);
        if slider.changed() {
            state.change_layer(layer.id, &step, |layer| {
                layer.opacity = (percent / 100.0).clamp(0.0, 1.0);
            });
        }
        end_drag_step(state, &slider);
    });
}

fn blend_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    ui.horizontal(|ui| {
        ui.label(egui::RichText::new(t!("layers-blend")).color(theme::colors(ui.visuals()).weak));
        let mut blend = layer.blend;
        let response = egui::ComboBox::from_id_salt("blend")
            .selected_text(blend_words(blend).0)
            .width(ui.available_width())
            .show_ui(ui, |ui| {
                for choice in Blend::ALL {
                    let (name, hint) = blend_words(choice);
                    ui.selectable_value(&mut blend, choice, name)
                        .on_hover_text(hint);
                }
            })
            .response;
        let (label, hint) = blend_words(blend);
        let name = t!("layers-blend-of", name = &layer.name, blend = label);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &name));
        response.on_hover_text(hint);
        if blend != layer.blend {
            let name = t!(
                "layers-blend-by",
                name = &layer.name,
                blend = label.to_lowercase()
            );
            state.change_layer(layer.id, &name, |layer| layer.blend = blend);
        }
    });
}

/// A mode's name and what it is good for.
fn blend_words(blend: Blend) -> (&'static str, &'static str) {
    match blend {
        Blend::Normal => (t!("layers-blend-normal"), t!("layers-blend-normal.tip")),
        Blend::Multiply => (t!("layers-blend-multiply"), t!("layers-blend-multiply.tip")),
        Blend::Screen => (t!("layers-blend-screen"), t!("layers-blend-screen.tip")),
        Blend::Add => (t!("layers-blend-add"), t!("layers-blend-add.tip")),
        Blend::Darken => (t!("layers-blend-darken"), t!("layers-blend-darken.tip")),
        Blend::Lighten => (t!("layers-blend-lighten"), t!("layers-blend-lighten.tip")),
    }
}

/// Begins an undo step with a drag, so that the whole drag is one step.
pub fn drag_step(state: &mut State, response: &egui::Response, name: &str) {
    if response.drag_started() {
        state.history.begin_gesture(name);
    }
}

/// Ends the step; call after the change of the frame.
pub fn end_drag_step(state: &mut State, response: &egui::Response) {
    if response.drag_stopped() {
        state.history.end_gesture();
    }
}
