//! The list of kept profiles: colour, name, layer and place; markers on the map, table, picture and removal.

use std::sync::Arc;

use egui::{Sense, vec2};
use terroir_scene::Profile;

use super::layers::{drag_step, end_drag_step};
use crate::commands::Command;
use crate::language::t;
use crate::session::ViewRequest;
use crate::state::State;
use crate::theme::{self, icon};

const ROW_HEIGHT: f32 = 38.0;

pub fn kept_profiles_ui(ui: &mut egui::Ui, state: &mut State) {
    let profiles = state.history.document().profiles.clone();
    if profiles.is_empty() {
        return;
    }
    ui.add_space(theme::SMALL_GAP);
    ui.horizontal(|ui| {
        ui.label(egui::RichText::new(t!("spectrum-kept", count = profiles.len())).strong());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            if theme::icon_button(ui, icon::TRASH, t!("spectrum-remove-all")).clicked() {
                state.remove_all_profiles();
            }
            for command in [
                Command::ProfilePicture,
                Command::ProfileTable,
                Command::CopyProfiles,
            ] {
                let info = command.info();
                if theme::icon_button(ui, info.icon, info.tooltip()).clicked() {
                    state.queue.push_back(command);
                }
            }
            let shown = state.session.profiles.shows_markers;
            let (glyph, name) = if shown {
                (icon::MAP_PIN, t!("spectrum-hide-places"))
            } else {
                (icon::MAP_PIN_LINE, t!("spectrum-show-places"))
            };
            if theme::icon_button(ui, glyph, name).clicked() {
                state.session.profiles.shows_markers = !shown;
            }
        });
    });
    ui.spacing_mut().item_spacing.y = 1.0;
    for profile in &profiles {
        row_ui(ui, state, profile);
    }
    ui.spacing_mut().item_spacing.y = 6.0;
}

fn row_ui(ui: &mut egui::Ui, state: &mut State, profile: &Arc<Profile>) {
    let colors = theme::colors(ui.visuals());
    let id = profile.id;
    let is_selected = state.session.profiles.selected == Some(id);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::hover());
    let row = ui.interact(rect, egui::Id::unique(("kept profile", id)), Sense::click());
    if is_selected {
        ui.painter().rect_filled(rect, 4.0, colors.selected);
    } else if row.hovered() {
        ui.painter()
            .rect_filled(rect, 4.0, ui.visuals().faint_bg_color);
    }
    row.widget_info(|| {
        let name = format!("{}, {}", profile.name, profile.layer);
        egui::WidgetInfo::selected(egui::Role::ListBoxOption, true, is_selected, name)
    });
    let mut inner = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(rect.shrink2(vec2(4.0, 0.0)))
            .layout(egui::Layout::left_to_right(egui::Align::Center)),
    );
    inner.spacing_mut().item_spacing.x = 6.0;
    inner.spacing_mut().interact_size = vec2(18.0, 16.0);
    let mut rgb = profile.color;
    let swatch = inner
        .color_edit_button_srgb(&mut rgb)
        .on_hover_text(t!("spectrum-colour-tip"));
    let step = t!("spectrum-colour-of", name = profile.name.as_str());
    drag_step(state, &swatch, &step);
    if rgb != profile.color {
        let place = profile.place;
        state.history.change(&step, |document| {
            for one in document
                .profiles
                .iter_mut()
                .filter(|one| one.place == place)
            {
                Arc::make_mut(one).color = rgb;
            }
        });
    }
    end_drag_step(state, &swatch);
    inner.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let name = t!("spectrum-remove-one", name = profile.name.as_str());
        if theme::icon_button(ui, icon::X, &name).clicked() {
            state.remove_profile(id);
        }
        ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.add_space(2.0);
            name_ui(ui, state, profile);
            let place = crate::status_bar::coordinate_text((profile.x, profile.y), 1.0);
            let side = if profile.side > 1 {
                format!(" · {0} x {0}", profile.side)
            } else {
                String::new()
            };
            let text = egui::RichText::new(format!("{} · {place}{side}", profile.layer))
                .small()
                .color(colors.weak);
            ui.add(egui::Label::new(text).truncate().selectable(false));
        });
    });
    if row.clicked() {
        let selected = &mut state.session.profiles.selected;
        *selected = if is_selected { None } else { Some(id) };
    }
    if row.double_clicked() {
        state.session.profiles.rename = Some((id, profile.name.clone()));
    }
    row.context_menu(|ui| context_ui(ui, state, profile));
}

fn name_ui(ui: &mut egui::Ui, state: &mut State, profile: &Profile) {
    if let Some((id, text)) = &mut state.session.profiles.rename
        && *id == profile.id
    {
        let edit = ui.add(egui::TextEdit::singleline(text).desired_width(f32::INFINITY));
        if edit.lost_focus() {
            let (id, name) = (*id, text.trim().to_owned());
            let is_given_up = ui.input(|input| input.key_pressed(egui::Key::Escape));
            state.session.profiles.rename = None;
            if !name.is_empty() && !is_given_up {
                let step = t!("spectrum-rename-to", name = name.as_str());
                state.history.change(&step, |document| {
                    if let Some(profile) = document.profile_mut(id) {
                        profile.name = name;
                    }
                });
            }
        } else if !edit.has_focus() {
            edit.request_focus();
        }
        return;
    }
    ui.add(
        egui::Label::new(&profile.name)
            .truncate()
            .selectable(false)
            .sense(Sense::hover()),
    );
}

fn context_ui(ui: &mut egui::Ui, state: &mut State, profile: &Arc<Profile>) {
    ui.set_min_width(180.0);
    let item = |ui: &mut egui::Ui, glyph: &str, name: &str| {
        let clicked = ui.button(format!("{glyph}  {name}")).clicked();
        if clicked {
            ui.close();
        }
        clicked
    };
    if item(ui, icon::CROSSHAIR, t!("spectrum-show-on-map")) {
        let to = state.history.document().map_crs.as_ref();
        let place = (profile.x, profile.y);
        state.session.view = state
            .places
            .point(profile.crs.as_ref(), to, place)
            .map(ViewRequest::Point);
    }
    if item(ui, icon::PENCIL_SIMPLE, t!("spectrum-rename")) {
        state.session.profiles.rename = Some((profile.id, profile.name.clone()));
    }
    if item(ui, icon::COPY, t!("spectrum-copy")) {
        let ctx = ui.ctx().clone();
        state.copy_profiles(&ctx, std::slice::from_ref(profile));
    }
    ui.separator();
    if item(ui, icon::TRASH, t!("spectrum-remove")) {
        state.remove_profile(profile.id);
    }
}
