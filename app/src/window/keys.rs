//! Keys and dropped files that belong to the whole window, whatever panel is in front. Knows commands and tools; draws nothing.

use std::path::PathBuf;

use egui::{Event, Key};

use super::Window;
use crate::tools::Tool;
use crate::{answering, panels};

impl Window {
    pub(super) fn shortcuts(&mut self, ctx: &egui::Context) {
        // Digits are tools otherwise.
        answering::keys(ctx, &mut self.state);
        panels::take_new_key(ctx, &mut self.state);
        let pressed = self.state.keyboard.take(ctx);
        self.state.queue.extend(pressed);
        if ctx.text_edit_focused() {
            return;
        }
        self.class_keys(ctx);
        // An open menu takes it for itself.
        if ctx.input(|input| input.key_pressed(Key::Escape)) && !egui::Popup::is_any_open(ctx) {
            self.escape();
        }
    }

    /// Alt + digit chooses a class by its place in the list.
    pub(super) fn class_keys(&mut self, ctx: &egui::Context) {
        const DIGITS: [Key; 10] = [
            Key::Num1,
            Key::Num2,
            Key::Num3,
            Key::Num4,
            Key::Num5,
            Key::Num6,
            Key::Num7,
            Key::Num8,
            Key::Num9,
            Key::Num0,
        ];
        let pressed = ctx.input(|input| {
            input.events.iter().find_map(|event| match event {
                Event::Key {
                    key,
                    pressed: true,
                    modifiers,
                    ..
                } if modifiers.alt && !modifiers.command => {
                    DIGITS.iter().position(|digit| digit == key)
                }
                _ => None,
            })
        });
        let class = pressed.and_then(|index| {
            self.state
                .history
                .document()
                .labels
                .as_ref()?
                .classes
                .get(index)
                .map(|class| class.id)
        });
        if let Some(id) = class {
            self.state.session.class_id = id;
        }
    }

    /// Stops drawing; leaves the shape, then the comparison, then the tool; cancels the job under the pointer.
    pub(super) fn escape(&mut self) {
        if self.canvas.stop_drawing() || self.state.drop_grown() {
            return;
        }
        let session = &mut self.state.session;
        if !session.polygon.is_empty() {
            session.polygon.clear();
        } else if session.similar.pick.take().is_some() {
            session.tool = Tool::Pan;
        } else if session.stroke.take().is_some() {
            self.state.history.cancel_gesture();
        } else if session.compare.is_some() {
            session.compare = None;
        } else if session.tool != Tool::Pan {
            session.tool = Tool::Pan;
        } else if let Some(job) = session.hovered_job {
            self.state.jobs.cancel(job);
        }
    }

    pub(super) fn dropped_files(&mut self, ctx: &egui::Context) {
        let paths: Vec<PathBuf> = ctx.input(|input| {
            input
                .raw
                .dropped_files
                .iter()
                .map(|file| file.path().to_owned())
                .collect()
        });
        if !paths.is_empty() {
            self.state.open_files(ctx, paths);
        }
    }
}
