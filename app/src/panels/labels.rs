//! The class list: colours, names, keys, counts; the class chosen here is what the brush paints.

use egui::Sense;
use egui::containers::menu::MenuButton;
use terroir_scene::{Class, Labels, pattern_of};

use super::label_statistics::label_statistics_ui;
use super::layers::{drag_step, end_drag_step};
use crate::commands::Command;
use crate::language::t;
use crate::menu::item_ui;
use crate::state::State;
use crate::theme::{self, icon};

pub fn title_buttons_ui(ui: &mut egui::Ui, state: &mut State) {
    let can_add = Command::NewClass.can_run(state).is_ok();
    ui.add_enabled_ui(can_add, |ui| {
        if theme::icon_button(ui, icon::PLUS, t!("classes-new")).clicked() {
            state.queue.push_back(Command::NewClass);
        }
    });
    files_ui(ui, state);
}

pub fn labels_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(labels) = &state.history.document().labels else {
        theme::empty_ui(ui, t!("classes-empty"), t!("classes-empty.tip"));
        return;
    };
    let classes = labels.classes.clone();
    if classes.is_empty() {
        theme::empty_ui(ui, t!("classes-empty"), t!("classes-empty.tip"));
        return;
    }
    let counts = state.label_counts();
    egui::ScrollArea::vertical()
        .id_salt("classes")
        .auto_shrink([false, false])
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            for (index, class) in classes.iter().enumerate() {
                class_ui(
                    ui,
                    state,
                    index,
                    class,
                    counts.get(&class.id).copied().unwrap_or(0),
                );
            }
            label_statistics_ui(ui, state);
        });
}

/// Classes and labels from files and into files.
fn files_ui(ui: &mut egui::Ui, state: &mut State) {
    let glyph = egui::RichText::new(icon::DOTS_THREE).size(15.0);
    let menu = MenuButton::from_button(egui::Button::new(glyph).frame_when_inactive(false));
    let (response, _) = menu.ui(ui, |ui| {
        for command in [
            Command::LoadClasses,
            Command::SaveClasses,
            Command::ImportLabels,
            Command::ExportLabels,
        ] {
            item_ui(ui, state, command);
        }
    });
    theme::named(response, t!("classes-menu"));
}

fn class_ui(ui: &mut egui::Ui, state: &mut State, index: usize, class: &Class, count: usize) {
    let colors = theme::colors(ui.visuals());
    let is_chosen = state.session.class_id == class.id;
    let (rect, _) =
        ui.allocate_exact_size(egui::vec2(ui.available_width(), theme::ROW), Sense::hover());
    let row = ui.interact(rect, egui::Id::unique(("class", class.id)), Sense::click());
    if is_chosen {
        ui.painter().rect_filled(rect, 4.0, colors.selected);
    } else if row.hovered() {
        ui.painter()
            .rect_filled(rect, 4.0, ui.visuals().faint_bg_color);
    }
    let mut inner = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(rect.shrink2(egui::vec2(4.0, 0.0)))
            .layout(egui::Layout::left_to_right(egui::Align::Center)),
    );
    inner.spacing_mut().item_spacing.x = 6.0;
    inner.spacing_mut().interact_size = egui::vec2(18.0, 16.0);
    let mut rgb = class.color;
    let swatch = inner
        .color_edit_button_srgb(&mut rgb)
        .on_hover_text(t!("classes-colour"));
    let pattern = pattern_of(i64::from(class.id), rgb);
    super::swatch::pattern_over(inner.painter(), swatch.rect.shrink(2.0), rgb, pattern);
    let step = t!("classes-colour-of", name = &class.name);
    drag_step(state, &swatch, &step);
    if rgb != class.color {
        let id = class.id;
        change_labels(state, &step, |labels| labels.recolor_class(id, rgb));
    }
    end_drag_step(state, &swatch);
    if let Some((id, text)) = &mut state.session.rename_class
        && *id == class.id
    {
        let edit = inner.add(egui::TextEdit::singleline(text).desired_width(f32::INFINITY));
        if edit.lost_focus() {
            let (id, name) = (*id, text.trim().to_owned());
            let is_given_up = inner.input(|input| input.key_pressed(egui::Key::Escape));
            state.session.rename_class = None;
            if !name.is_empty() && !is_given_up {
                change_labels(state, &t!("classes-rename-to", name = &name), |labels| {
                    labels.rename_class(id, &name)
                });
            }
        } else if !edit.has_focus() {
            edit.request_focus();
        }
        return;
    }
    let mut text = egui::RichText::new(&class.name);
    if is_chosen {
        text = text.strong();
    }
    inner.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let key = if index < 9 {
            format!("Alt+{}", index + 1)
        } else {
            String::new()
        };
        ui.label(egui::RichText::new(key).small().color(colors.weak));
        let count_text = if count > 0 {
            crate::jobs::count_text(count as u64)
        } else {
            "–".to_owned()
        };
        ui.label(egui::RichText::new(count_text).small().color(colors.weak));
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.add(egui::Label::new(text).truncate().selectable(false));
        });
    });
    row.widget_info(|| {
        egui::WidgetInfo::selected(egui::Role::ListBoxOption, true, is_chosen, &class.name)
    });
    let row = row.on_hover_text(t!("classes-tip", name = &class.name, count = count));
    if row.clicked() {
        state.session.class_id = class.id;
    }
    if row.double_clicked() {
        state.session.rename_class = Some((class.id, class.name.clone()));
    }
    row.context_menu(|ui| {
        if ui
            .button(format!("{}  {}", icon::PENCIL_SIMPLE, t!("classes-rename")))
            .clicked()
        {
            state.session.rename_class = Some((class.id, class.name.clone()));
            ui.close();
        }
        if ui
            .button(format!("{}  {}", icon::TRASH, t!("classes-remove")))
            .clicked()
        {
            let id = class.id;
            change_labels(
                state,
                &t!("classes-remove-step", name = &class.name),
                |labels| labels.remove_class(id),
            );
            if state.session.class_id == id {
                state.session.class_id = state
                    .history
                    .document()
                    .labels
                    .as_ref()
                    .and_then(|labels| labels.classes.first())
                    .map_or(0, |class| class.id);
            }
            ui.close();
        }
    });
}

fn change_labels(state: &mut State, step: &str, edit: impl FnOnce(&mut Labels)) {
    state.history.change(step, |document| {
        if let Some(labels) = &mut document.labels {
            edit(labels);
        }
    });
}
