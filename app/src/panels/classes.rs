//! Classes of a raster of codes: colour, name and visibility of each, with a way back to the file's own.

use std::sync::Arc;

use egui::{RichText, Sense, vec2};
use terroir_scene::{Layer, PaletteEntry, Style, pattern_of};

use crate::files::FileTask;
use crate::language::t;
use crate::pointed_class::ClassOfLayer;
use crate::state::State;
use crate::theme::{self, icon};

const LIST_HEIGHT: f32 = 420.0;

/// The entry beside "One band": classes of the file, or the values found in it.
pub fn classes_choice_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    let Some(info) = state.raster_info(layer).cloned() else {
        return;
    };
    let band = match &layer.style {
        Some(Style::Palette { band, .. } | Style::Gray { band, .. }) => *band,
        _ => 0,
    };
    let Some(known) = info.bands.get(band) else {
        return;
    };
    let is_classes = matches!(layer.style, Some(Style::Palette { .. }));
    let is_code =
        known.sample_type.is_integer() && (info.bands.len() == 1 || !known.palette.is_empty());
    if !is_code && !is_classes {
        return;
    }
    let clicked = ui
        .selectable_label(is_classes, t!("classes-style"))
        .on_hover_text(t!("classes-style.tip"))
        .clicked();
    if clicked && !is_classes {
        if known.palette.is_empty() {
            state.send(FileTask::UniqueValues {
                path: info.path.clone(),
                band,
            });
        } else {
            let entries = known.palette.clone();
            state.change_layer(layer.id, t!("classes-show-step"), |layer| {
                layer.style = Some(Style::palette(band, entries));
            });
        }
    }
}

pub fn classes_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    let Some(Style::Palette {
        band,
        entries,
        hidden,
    }) = layer.style.clone()
    else {
        return;
    };
    ui.horizontal(|ui| {
        ui.label(RichText::new(t!("classes-count", count = entries.len())).strong());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            let own = state
                .raster_info(layer)
                .and_then(|info| info.bands.get(band))
                .map(|band| band.palette.clone())
                .filter(|palette| !palette.is_empty() && *palette != entries);
            if let Some(own) = own
                && theme::icon_button(ui, icon::ARROW_COUNTER_CLOCKWISE, t!("classes-own"))
                    .clicked()
            {
                state.change_layer(layer.id, t!("classes-own-step"), |layer| {
                    layer.style = Some(Style::palette(band, own));
                });
            }
            let all: Vec<i64> = entries.iter().map(|entry| entry.value).collect();
            if theme::icon_button(ui, icon::EYE_SLASH, t!("classes-hide-all")).clicked() {
                set_hidden(state, layer, t!("classes-hide-all"), all);
            }
            if theme::icon_button(ui, icon::EYE, t!("classes-show-all")).clicked() {
                set_hidden(state, layer, t!("classes-show-all"), Vec::new());
            }
        });
    });
    ui.push_id("classes", |ui| {
        egui::ScrollArea::vertical()
            .max_height(LIST_HEIGHT)
            .auto_shrink([false, true])
            .show_rows(ui, theme::ROW, entries.len(), |ui, rows| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for index in rows {
                    if let Some(entry) = entries.get(index) {
                        row_ui(ui, state, layer, entry, hidden.contains(&entry.value));
                    }
                }
            });
    });
}

fn set_hidden(state: &mut State, layer: &Arc<Layer>, step: &str, values: Vec<i64>) {
    state.change_layer(layer.id, step, |layer| {
        if let Some(Style::Palette { hidden, .. }) = &mut layer.style {
            *hidden = values;
        }
    });
}

/// Changes one class, found by its value.
fn change_class(
    state: &mut State,
    layer: &Arc<Layer>,
    step: &str,
    value: i64,
    edit: impl FnOnce(&mut PaletteEntry),
) {
    state.change_layer(layer.id, step, |layer| {
        if let Some(Style::Palette { entries, .. }) = &mut layer.style
            && let Some(entry) = entries.iter_mut().find(|entry| entry.value == value)
        {
            edit(entry);
        }
    });
}

fn row_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    entry: &PaletteEntry,
    is_hidden: bool,
) {
    let colors = theme::colors(ui.visuals());
    let value = entry.value;
    let (rect, row) =
        ui.allocate_exact_size(vec2(ui.available_width(), theme::ROW), Sense::hover());
    if row.contains_pointer() {
        state.session.pointed_class.point(ClassOfLayer {
            layer: layer.id,
            value,
        });
    }
    let mut inner = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(rect)
            .id_salt(value)
            .layout(egui::Layout::left_to_right(egui::Align::Center)),
    );
    let ui = &mut inner;
    ui.spacing_mut().item_spacing.x = 6.0;
    ui.spacing_mut().interact_size = vec2(18.0, 16.0);
    let (glyph, step) = if is_hidden {
        (icon::EYE_SLASH, t!("classes-show", name = &entry.name))
    } else {
        (icon::EYE, t!("classes-hide", name = &entry.name))
    };
    if theme::icon_button(ui, glyph, &step).clicked() {
        state.change_layer(layer.id, &step, |layer| {
            if let Some(Style::Palette { hidden, .. }) = &mut layer.style {
                hidden.retain(|known| *known != value);
                if !is_hidden {
                    hidden.push(value);
                }
            }
        });
    }
    let [r, g, b, alpha] = entry.rgba;
    let mut rgb = [r, g, b];
    let swatch = ui
        .color_edit_button_srgb(&mut rgb)
        .on_hover_text(t!("classes-colour"));
    super::swatch::pattern_over(
        ui.painter(),
        swatch.rect.shrink(2.0),
        rgb,
        pattern_of(value, rgb),
    );
    let step = t!("classes-colour-of", name = &entry.name);
    super::layers::drag_step(state, &swatch, &step);
    if rgb != [r, g, b] {
        // A class the file leaves transparent is wanted visible once it gets a colour.
        let alpha = if alpha == 0 { 255 } else { alpha };
        change_class(state, layer, &step, value, |entry| {
            entry.rgba = [rgb[0], rgb[1], rgb[2], alpha];
        });
    }
    super::layers::end_drag_step(state, &swatch);
    ui.add_sized(
        [34.0, 16.0],
        egui::Label::new(RichText::new(value.to_string()).small().color(colors.weak)),
    );
    let is_edited = state
        .session
        .rename_value
        .as_ref()
        .is_some_and(|(id, known, _)| *id == layer.id && *known == value);
    if is_edited {
        rename_ui(ui, state, layer, entry);
        return;
    }
    let mut text = RichText::new(&entry.name);
    if is_hidden || alpha == 0 {
        text = text.color(colors.weak);
    }
    let label = ui
        .add(
            egui::Label::new(text)
                .truncate()
                .selectable(false)
                .sense(Sense::click()),
        )
        .on_hover_text(t!("classes-rename-tip", name = &entry.name));
    if label.double_clicked() {
        state.session.rename_value = Some((layer.id, value, entry.name.clone()));
    }
}

fn rename_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, entry: &PaletteEntry) {
    let Some((_, _, text)) = &mut state.session.rename_value else {
        return;
    };
    let edit = ui.add(egui::TextEdit::singleline(text).desired_width(f32::INFINITY));
    if edit.lost_focus() {
        let name = text.trim().to_owned();
        let is_given_up = ui.input(|input| input.key_pressed(egui::Key::Escape));
        state.session.rename_value = None;
        if !name.is_empty() && !is_given_up && name != entry.name {
            change_class(
                state,
                layer,
                &t!("classes-rename-to", name = &name),
                entry.value,
                |entry| entry.name = name,
            );
        }
    } else if !edit.has_focus() {
        edit.request_focus();
    }
}
