//! The window of keys and mouse: what each gesture does, and every command with its keys, which can be given others.

use egui::{RichText, Ui};

use crate::commands::{COMMANDS, Command, CommandInfo};
use crate::files::FileTask;
use crate::keyboard::{is_kept_free, take_any_key};
use crate::language::t;
use crate::messages::Level;
use crate::state::State;
use crate::theme::{self, icon};

/// What the window holds while it is open.
#[derive(Default)]
pub struct KeysForm {
    pub is_open: bool,
    filter: String,
    /// The command that gets the next key.
    waits_for: Option<Command>,
}

/// Gives the key pressed in this frame to the command that waits for one; before any command sees it.
pub fn take_new_key(ctx: &egui::Context, state: &mut State) {
    let form = &mut state.session.keys;
    let Some(command) = form.waits_for.filter(|_| form.is_open) else {
        return;
    };
    let Some(key) = take_any_key(ctx) else {
        return;
    };
    form.waits_for = None;
    if is_kept_free(key.key) {
        return;
    }
    let robbed = state.keyboard.give(command, key);
    if let Some(other) = robbed {
        let text = t!("keys-taken", other = other.info().name());
        state.messages.show(Level::Info, text);
    }
    state.save_keys();
}

pub fn keys_ui(ui: &mut Ui, state: &mut State) {
    let mut open = state.session.keys.is_open;
    egui::Window::new(t!("keys-title"))
        .id(egui::Id::unique("keys and mouse"))
        .open(&mut open)
        .default_width(520.0)
        .default_height(560.0)
        .show(ui.ctx(), |ui| {
            egui::ScrollArea::vertical().show(ui, |ui| {
                book_ui(ui, state);
                mouse_ui(ui);
                theme::section_ui(ui, t!("keys-keys"));
                filter_ui(ui, state);
                commands_ui(ui, state);
            });
        });
    state.session.keys.is_open = open;
    if !open {
        state.session.keys.waits_for = None;
    }
}

/// The way to this book, where it came with the program.
fn book_ui(ui: &mut Ui, state: &mut State) {
    let Some(path) = state.book.clone() else {
        return;
    };
    let text = format!("{}  {}", icon::BOOK_OPEN, t!("keys-book"));
    if ui.button(text).on_hover_text(t!("keys-book.tip")).clicked() {
        state.send(FileTask::OpenPage { path });
    }
}

fn mouse_ui(ui: &mut Ui) {
    theme::section_ui(ui, t!("keys-mouse"));
    egui::Grid::new("mouse")
        .num_columns(2)
        .striped(true)
        .show(ui, |ui| {
            for (gesture, does) in [
                (t!("keys-wheel"), t!("keys-wheel.tip")),
                (t!("keys-middle"), t!("keys-middle.tip")),
                (t!("keys-left"), t!("keys-left.tip")),
                (t!("keys-shift"), t!("keys-shift.tip")),
                (t!("keys-arrows"), t!("keys-arrows.tip")),
                (t!("keys-back"), t!("keys-back.tip")),
                (t!("keys-digits"), t!("keys-digits.tip")),
                (t!("keys-escape"), t!("keys-escape.tip")),
            ] {
                ui.label(gesture);
                ui.label(does);
                ui.end_row();
            }
        });
}

fn filter_ui(ui: &mut Ui, state: &mut State) {
    ui.horizontal(|ui| {
        let edit = egui::TextEdit::singleline(&mut state.session.keys.filter)
            .hint_text(t!("keys-filter"))
            .desired_width(220.0);
        theme::named(ui.add(edit), t!("keys-filter"));
        let reset = egui::Button::new(t!("keys-reset-all"));
        if ui
            .add_enabled(!state.keyboard.is_usual(), reset)
            .on_disabled_hover_text(t!("keys-are-usual"))
            .clicked()
        {
            state.keyboard = crate::keyboard::Keyboard::default();
            state.save_keys();
        }
    });
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(RichText::new(t!("keys-how")).small().color(weak));
}

fn commands_ui(ui: &mut Ui, state: &mut State) {
    let wanted = state.session.keys.filter.to_lowercase();
    egui::Grid::new("keys")
        .num_columns(2)
        .striped(true)
        .show(ui, |ui| {
            for info in COMMANDS {
                let keys = state.keyboard.texts(ui.ctx(), info);
                let fits = wanted.is_empty()
                    || info.name().to_lowercase().contains(&wanted)
                    || keys.iter().any(|key| key.to_lowercase().contains(&wanted));
                if fits {
                    command_ui(ui, state, info, &keys);
                }
            }
        });
}

fn command_ui(ui: &mut Ui, state: &mut State, info: &CommandInfo, keys: &[String]) {
    ui.horizontal(|ui| {
        ui.set_min_width(190.0);
        let is_waiting = state.session.keys.waits_for == Some(info.command);
        let text = if is_waiting {
            t!("keys-press").to_owned()
        } else if keys.is_empty() {
            "–".to_owned()
        } else {
            keys.join("  /  ")
        };
        let response = ui
            .add(egui::Button::selectable(is_waiting, text))
            .on_hover_text(t!("keys-change", command = info.name()));
        if response.clicked() {
            state.session.keys.waits_for = (!is_waiting).then_some(info.command);
        }
        if state.keyboard.is_changed(info) {
            if theme::icon_button(ui, icon::ARROW_COUNTER_CLOCKWISE, t!("keys-reset")).clicked() {
                state.keyboard.reset(info.command);
                state.save_keys();
            }
        } else if !keys.is_empty() && theme::icon_button(ui, icon::X, t!("keys-clear")).clicked() {
            state.keyboard.clear(info.command);
            state.save_keys();
        }
    });
    ui.label(format!("{}  {}", info.icon, info.name()))
        .on_hover_text(info.tooltip());
    ui.end_row();
}
