//! The keys of the commands: those of the table, or others that the user gave. Reads key events; runs nothing.

use std::collections::BTreeMap;

use egui::{Key, Modifiers};

use crate::commands::{COMMANDS, Command, CommandInfo, Shortcut};

/// Keys in use. Which commands have other keys than the table's is saved with the settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keyboard {
    own: BTreeMap<&'static str, Vec<Shortcut>>,
}

impl Keyboard {
    /// From the settings: id of a command and its keys as `Ctrl+Shift+K`. What no longer means anything is left out.
    pub fn from_saved(saved: &BTreeMap<String, Vec<String>>) -> Self {
        let known = saved.iter().filter_map(|(id, keys)| {
            let info = COMMANDS.iter().find(|info| info.id == id)?;
            Some((info.id, keys.iter().filter_map(|key| parse(key)).collect()))
        });
        Self {
            own: known.collect(),
        }
    }

    pub fn to_saved(&self) -> BTreeMap<String, Vec<String>> {
        let own = self.own.iter();
        own.map(|(id, keys)| ((*id).to_owned(), keys.iter().map(write).collect()))
            .collect()
    }

    pub fn of(&self, info: &CommandInfo) -> &[Shortcut] {
        self.own.get(info.id).map_or(info.keys, Vec::as_slice)
    }

    pub fn is_changed(&self, info: &CommandInfo) -> bool {
        self.own.contains_key(info.id)
    }

    pub fn is_usual(&self) -> bool {
        self.own.is_empty()
    }

    /// The first key as the user reads it, e.g. `Ctrl+Shift+Z`.
    pub fn text(&self, ctx: &egui::Context, info: &CommandInfo) -> Option<String> {
        self.of(info).first().map(|key| text_of(ctx, *key))
    }

    /// All keys of a command as the user reads them.
    pub fn texts(&self, ctx: &egui::Context, info: &CommandInfo) -> Vec<String> {
        self.of(info).iter().map(|key| text_of(ctx, *key)).collect()
    }

    /// Makes a key the only one of a command and takes it from the command that had it, which is returned.
    pub fn give(&mut self, command: Command, key: Shortcut) -> Option<Command> {
        let before = self.command_for(key.modifiers, key.key);
        let robbed = before.filter(|other| *other != command);
        if let Some(other) = robbed {
            let info = other.info();
            let mut left = self.of(info).to_vec();
            left.retain(|other| *other != key);
            self.set(info, left);
        }
        self.set(command.info(), vec![key]);
        robbed
    }

    /// Leaves a command without a key.
    pub fn clear(&mut self, command: Command) {
        self.set(command.info(), Vec::new());
    }

    /// The keys of the table again. One that another command took meanwhile stays with that.
    pub fn reset(&mut self, command: Command) {
        let info = command.info();
        self.own.remove(info.id);
        let free: Vec<Shortcut> = info
            .keys
            .iter()
            .filter(|key| {
                COMMANDS
                    .iter()
                    .all(|other| other.id == info.id || !self.of(other).contains(key))
            })
            .copied()
            .collect();
        self.set(info, free);
    }

    fn set(&mut self, info: &CommandInfo, keys: Vec<Shortcut>) {
        if keys == info.keys {
            self.own.remove(info.id);
        } else {
            self.own.insert(info.id, keys);
        }
    }

    /// The command of a key, if any.
    pub fn command_for(&self, modifiers: Modifiers, pressed: Key) -> Option<Command> {
        let same = |wanted: Modifiers| {
            wanted.command == modifiers.command
                && wanted.alt == modifiers.alt
                // `+` needs Shift on many keyboards.
                && (wanted.shift == modifiers.shift || pressed == Key::Plus)
        };
        let has = |info: &&CommandInfo| {
            let mut keys = self.of(info).iter();
            keys.any(|shortcut| shortcut.key == pressed && same(shortcut.modifiers))
        };
        COMMANDS.iter().find(has).map(|info| info.command)
    }

    /// Commands whose keys were pressed in this frame; their events are taken out of the input.
    /// While a text is edited, keys that would write a letter stay with the text.
    pub fn take(&self, ctx: &egui::Context) -> Vec<Command> {
        let editing = ctx.text_edit_focused();
        ctx.input_mut(|input| {
            let mut pressed = Vec::new();
            input.events.retain(|event| {
                let egui::Event::Key {
                    key,
                    pressed: true,
                    modifiers,
                    ..
                } = event
                else {
                    return true;
                };
                let Some(command) = self.command_for(*modifiers, *key) else {
                    return true;
                };
                if editing && !modifiers.command && !is_function_key(*key) {
                    return true;
                }
                // Undo inside a text belongs to the text.
                if editing && matches!(command, Command::Undo | Command::Redo) {
                    return true;
                }
                pressed.push(command);
                false
            });
            pressed
        })
    }
}

/// The key pressed in this frame, taken out of the input; `None` = none yet.
pub fn take_any_key(ctx: &egui::Context) -> Option<Shortcut> {
    ctx.input_mut(|input| {
        let at = input
            .events
            .iter()
            .position(|event| matches!(event, egui::Event::Key { pressed: true, .. }))?;
        let egui::Event::Key { key, modifiers, .. } = input.events.remove(at) else {
            return None;
        };
        // Letters of the same key press would write into a text.
        input
            .events
            .retain(|event| !matches!(event, egui::Event::Text(_)));
        Some(Shortcut {
            modifiers: Modifiers {
                alt: modifiers.alt,
                shift: modifiers.shift,
                command: modifiers.command,
                ..Modifiers::NONE
            },
            key,
        })
    })
}

/// Keys that move the focus or leave things, in every program.
pub fn is_kept_free(key: Key) -> bool {
    matches!(key, Key::Escape | Key::Tab | Key::Enter)
}

fn is_function_key(key: Key) -> bool {
    matches!(key, Key::F1 | Key::F2 | Key::F5 | Key::F6 | Key::F11)
}

fn text_of(ctx: &egui::Context, key: Shortcut) -> String {
    ctx.format_shortcut(&egui::KeyboardShortcut::new(key.modifiers, key.key))
}

fn write(key: &Shortcut) -> String {
    let mut parts = Vec::new();
    for (is_held, name) in [
        (key.modifiers.command, "Ctrl"),
        (key.modifiers.alt, "Alt"),
        (key.modifiers.shift, "Shift"),
    ] {
        if is_held {
            parts.push(name);
        }
    }
    parts.push(key.key.name());
    parts.join("+")
}

fn parse(text: &str) -> Option<Shortcut> {
    let mut modifiers = Modifiers::NONE;
    let mut rest = text;
    loop {
        let (name, after) = match rest.split_once('+') {
            // The last part may be the plus key itself.
            Some((name, after)) if !name.is_empty() && !after.is_empty() => (name, after),
            _ => break,
        };
        match name {
            "Ctrl" => modifiers.command = true,
            "Alt" => modifiers.alt = true,
            "Shift" => modifiers.shift = true,
            _ => return None,
        }
        rest = after;
    }
    Some(Shortcut {
        modifiers,
        key: Key::from_name(rest)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::Tool;

    #[test]
    fn keys_need_exactly_their_modifiers() {
        let keyboard = Keyboard::default();
        let ctrl = Modifiers {
            ctrl: true,
            command: true,
            ..Modifiers::NONE
        };
        let ctrl_shift = Modifiers {
            shift: true,
            ..ctrl
        };
        assert_eq!(keyboard.command_for(ctrl, Key::Z), Some(Command::Undo));
        assert_eq!(
            keyboard.command_for(ctrl_shift, Key::Z),
            Some(Command::Redo)
        );
        assert_eq!(
            keyboard.command_for(Modifiers::NONE, Key::P),
            Some(Command::UseTool(Tool::Brush))
        );
        assert_eq!(keyboard.command_for(Modifiers::SHIFT, Key::P), None);
    }

    #[test]
    fn every_key_of_the_table_can_be_saved() {
        for key in COMMANDS.iter().flat_map(|info| info.keys) {
            assert_eq!(parse(&write(key)), Some(*key), "{}", write(key));
        }
        assert_eq!(parse("Ctrl+"), None);
        assert_eq!(parse("Hyper+K"), None);
    }

    #[test]
    fn a_key_changes_hands_and_comes_back() {
        let mut keyboard = Keyboard::default();
        let undo = parse("Ctrl+Z").unwrap();
        assert_eq!(keyboard.give(Command::Models, undo), Some(Command::Undo));
        let ctrl = undo.modifiers;
        assert_eq!(keyboard.command_for(ctrl, Key::Z), Some(Command::Models));
        let back = Keyboard::from_saved(&keyboard.to_saved());
        assert_eq!(back, keyboard);
        // Taken by another command, so it does not come back to undo yet.
        keyboard.reset(Command::Undo);
        assert_eq!(keyboard.command_for(ctrl, Key::Z), Some(Command::Models));
        keyboard.reset(Command::Models);
        keyboard.reset(Command::Undo);
        assert!(keyboard.is_usual());
        keyboard.clear(Command::Undo);
        assert_eq!(keyboard.command_for(ctrl, Key::Z), None);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let saved = [
            (
                "undo".to_owned(),
                vec!["Ctrl+B".to_owned(), "Nonsense".to_owned()],
            ),
            ("of-another-version".to_owned(), vec!["Ctrl+J".to_owned()]),
        ];
        let keyboard = Keyboard::from_saved(&saved.into_iter().collect());
        assert_eq!(keyboard.of(Command::Undo.info()).len(), 1);
        assert_eq!(keyboard.to_saved().len(), 1);
    }
}
