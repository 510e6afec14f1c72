//! The strip above the map that leads through a task: what is done, what comes next, and a way out of it.

use egui::{RichText, Ui};

use crate::guide::{Step, Task};
use crate::language::t;
use crate::state::State;
use crate::theme::{self, icon};

pub fn guide_ui(ui: &mut Ui, state: &mut State) {
    let Some(task) = state.settings.guide else {
        return;
    };
    let steps = state.guide_steps(task);
    let next = steps
        .iter()
        .position(|step| !step.is_done && !step.is_optional);
    let frame = egui::Frame::new()
        .fill(ui.visuals().faint_bg_color)
        .inner_margin(egui::Margin::symmetric(10, 4));
    egui::Panel::top("guide").frame(frame).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(4.0, 4.0);
            task_ui(ui, state, task);
            for (index, step) in steps.iter().enumerate() {
                let weak = theme::colors(ui.visuals()).weak;
                ui.label(RichText::new(icon::CARET_RIGHT).size(12.0).color(weak));
                step_ui(ui, state, index, step, next == Some(index));
            }
            if next.is_none() {
                let good = theme::colors(ui.visuals()).good;
                ui.label(RichText::new(t!("guide-done")).color(good));
            }
            if theme::icon_button(ui, icon::X, t!("guide-close")).clicked() {
                state.settings.guide = None;
                state.save_settings();
            }
        });
    });
}

/// The task by name; a click offers the others.
fn task_ui(ui: &mut Ui, state: &mut State, task: Task) {
    let text = RichText::new(format!("{}  {}", task.icon(), task.title())).strong();
    ui.menu_button(text, |ui| {
        for other in Task::ALL {
            let chosen = ui
                .radio(other == task, other.title())
                .on_hover_text(other.tip());
            if chosen.clicked() {
                state.settings.guide = Some(other);
                state.save_settings();
                ui.close();
            }
        }
    });
}

fn step_ui(ui: &mut Ui, state: &mut State, index: usize, step: &Step, is_next: bool) {
    let colors = theme::colors(ui.visuals());
    let can_run = step.command.can_run(state);
    let text = if step.is_done {
        format!("{}  {}", icon::CHECK, step.title)
    } else {
        format!("{}  {}", index + 1, step.title)
    };
    let ink = match (is_next, step.is_done) {
        (true, _) => ui.visuals().strong_text_color(),
        (false, true) => colors.good,
        (false, false) => colors.weak,
    };
    let mut button = egui::Button::new(RichText::new(text).color(ink)).frame_when_inactive(is_next);
    if is_next {
        button = button.fill(colors.selected);
    }
    let response = ui
        .add_enabled(can_run.is_ok(), button)
        .on_hover_text(step.tip);
    let response = match can_run {
        Ok(()) => response,
        Err(why) => response.on_disabled_hover_text(format!("{}\n{why}", step.tip)),
    };
    if response.clicked() {
        state.queue.push_back(step.command);
    }
}
