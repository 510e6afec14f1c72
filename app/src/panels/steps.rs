//! The undo panel: every step by name; click one to go there.

use crate::language::t;
use crate::state::State;
use crate::theme;

pub fn steps_ui(ui: &mut egui::Ui, state: &mut State) {
    let (names, applied) = state.history.steps();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    if names.is_empty() {
        theme::empty_ui(ui, t!("layers-steps-empty"), t!("layers-steps-empty.tip"));
        return;
    }
    let mut goal = None;
    egui::ScrollArea::vertical()
        .id_salt("steps")
        .auto_shrink([false, false])
        .stick_to_bottom(true)
        .show_rows(ui, 18.0, names.len(), |ui, rows| {
            for index in rows {
                let Some(name) = names.get(index) else {
                    continue;
                };
                let mut text = egui::RichText::new(name).small();
                if index >= applied {
                    text = text.color(theme::colors(ui.visuals()).weak).italics();
                }
                if ui
                    .add(egui::Button::selectable(index + 1 == applied, text))
                    .clicked()
                {
                    goal = Some(index + 1);
                }
            }
        });
    if let Some(goal) = goal {
        for _ in goal..applied {
            state.history.undo();
        }
        for _ in applied..goal {
            state.history.redo();
        }
    }
}
