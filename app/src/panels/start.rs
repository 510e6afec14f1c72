//! The start page: what the map's place holds while nothing is open. Recent files, the sample, ways to open, and the
//! tasks the program is for.

use egui::{RichText, Ui};

use crate::commands::Command;
use crate::guide::Task;
use crate::language::t;
use crate::state::State;
use crate::theme::{self, icon};

const WIDTH: f32 = 640.0;
const BUTTON_WIDTH: f32 = 200.0;

pub fn start_ui(ui: &mut Ui, state: &mut State) {
    egui::ScrollArea::vertical()
        .id_salt("start")
        .auto_shrink([false, false])
        .show(ui, |ui| {
            let width = WIDTH.min(ui.available_width() - 2.0 * theme::GAP);
            let side = ((ui.available_width() - width) / 2.0).max(0.0);
            ui.add_space((ui.available_height() * 0.12).max(theme::GAP));
            ui.horizontal(|ui| {
                ui.add_space(side);
                ui.vertical(|ui| {
                    ui.set_width(width);
                    page_ui(ui, state);
                });
            });
        });
}

fn page_ui(ui: &mut Ui, state: &mut State) {
    let colors = theme::colors(ui.visuals());
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(icon::GLOBE_HEMISPHERE_WEST)
                .size(40.0)
                .color(colors.accent),
        );
        ui.vertical(|ui| {
            ui.label(RichText::new("Terroir").size(26.0).strong());
            ui.label(RichText::new(t!("start-subtitle")).color(colors.weak));
        });
    });
    ui.add_space(3.0 * theme::GAP);
    let is_wide = ui.available_width() > 2.0 * BUTTON_WIDTH + 60.0;
    if is_wide {
        ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                ui.set_width(BUTTON_WIDTH);
                open_ui(ui, state);
            });
            ui.add_space(4.0 * theme::GAP);
            ui.vertical(|ui| recent_ui(ui, state));
        });
    } else {
        open_ui(ui, state);
        ui.add_space(2.0 * theme::GAP);
        recent_ui(ui, state);
    }
    ui.add_space(3.0 * theme::GAP);
    ui.label(RichText::new(t!("start-tasks")).strong());
    ui.label(RichText::new(t!("start-tasks-tip")).color(colors.weak));
    ui.add_space(theme::SMALL_GAP);
    ui.horizontal_wrapped(|ui| {
        for task in Task::ALL {
            let text = format!("{}  {}", task.icon(), task.title());
            let is_chosen = state.settings.guide == Some(task);
            let fill = if is_chosen {
                colors.selected
            } else {
                ui.visuals().panel_fill
            };
            let button = egui::Button::new(text)
                .selected(is_chosen)
                .fill(fill)
                .stroke(egui::Stroke::new(1.0, colors.line))
                .min_size(egui::vec2(0.0, 30.0));
            if ui.add(button).on_hover_text(task.tip()).clicked() {
                state.settings.guide = (!is_chosen).then_some(task);
                state.save_settings();
            }
        }
    });
}

/// Ways to open something.
fn open_ui(ui: &mut Ui, state: &mut State) {
    ui.label(RichText::new(t!("start-open")).strong());
    ui.add_space(theme::SMALL_GAP);
    for command in [
        Command::AddRaster,
        Command::OpenProject,
        Command::OpenFolder,
        Command::OpenPath,
    ] {
        let info = command.info();
        let text = format!("{}  {}", info.icon, info.name());
        if wide_button(ui, text)
            .on_hover_text(info.tooltip())
            .clicked()
        {
            state.queue.push_back(command);
        }
    }
    if crate::assets::sample().is_some() {
        let text = format!("{}  {}", icon::MAP_TRIFOLD, t!("start-sample"));
        if wide_button(ui, text)
            .on_hover_text(t!("start-sample.tip"))
            .clicked()
        {
            state.open_sample();
        }
    }
    ui.add_space(theme::SMALL_GAP);
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(RichText::new(t!("start-drop")).color(weak));
}

fn wide_button(ui: &mut Ui, text: String) -> egui::Response {
    let fill = ui.visuals().panel_fill;
    let line = egui::Stroke::new(1.0, theme::colors(ui.visuals()).line);
    let button = egui::Button::new(text)
        .min_size(egui::vec2(BUTTON_WIDTH, 30.0))
        .fill(fill)
        .stroke(line)
        .right_text("");
    ui.add(button)
}

fn recent_ui(ui: &mut Ui, state: &mut State) {
    ui.label(RichText::new(t!("start-recent")).strong());
    ui.add_space(theme::SMALL_GAP);
    let weak = theme::colors(ui.visuals()).weak;
    if state.settings.recent.is_empty() {
        ui.label(RichText::new(t!("start-no-recent")).color(weak));
        return;
    }
    let mut chosen = None;
    for path in &state.settings.recent {
        let name = path.file_name().map_or_else(
            || path.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        );
        let is_project = path.extension().is_some_and(|end| end == "terroir");
        let glyph = if is_project {
            icon::FOLDER_OPEN
        } else {
            icon::IMAGE
        };
        ui.horizontal(|ui| {
            let link = ui.link(format!("{glyph}  {name}"));
            if link.on_hover_text(path.display().to_string()).clicked() {
                chosen = Some(path.clone());
            }
            if let Some(folder) = path.parent() {
                let folder = RichText::new(folder.display().to_string())
                    .small()
                    .color(weak);
                ui.add(egui::Label::new(folder).truncate());
            }
        });
    }
    if let Some(path) = chosen {
        let ctx = ui.ctx().clone();
        state.open_files(&ctx, vec![path]);
    }
}
