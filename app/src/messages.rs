//! Message strips and the log: what happened, on which file, what to do next. Never a dialog for what can be ignored.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use terroir_scene::SceneError;

use crate::commands::Command;
use crate::language::{said, t};
use crate::log_records;
use crate::theme::{self, icon};

/// Lines kept in the log.
const LOG_LINES: usize = 500;
/// Strips shown at once; older ones stay in the log.
const STRIPS: usize = 3;
const INFO_SECS: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Info,
    Hint,
    Warning,
    Error,
}

/// One strip above the map.
#[derive(Clone, Debug)]
pub struct Strip {
    pub level: Level,
    pub text: String,
    /// The library's own words.
    pub details: Option<String>,
    /// A button: label and what it runs.
    pub action: Option<(&'static str, Command)>,
    born: Instant,
    open: bool,
}

/// One line of the log.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// Local wall-clock time, `HH:MM:SS`.
    pub time: String,
    pub level: Level,
    pub text: String,
    /// Told to the user; records of the program's parts and of libraries are for reports.
    pub is_told: bool,
}

/// Which levels the log panel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownLevels {
    pub errors: bool,
    pub warnings: bool,
    pub information: bool,
}

impl Default for ShownLevels {
    fn default() -> Self {
        Self {
            errors: true,
            warnings: true,
            information: true,
        }
    }
}

impl ShownLevels {
    pub fn show(self, level: Level) -> bool {
        match level {
            Level::Error => self.errors,
            Level::Warning => self.warnings,
            Level::Info | Level::Hint => self.information,
        }
    }
}

#[derive(Default)]
pub struct Messages {
    strips: Vec<Strip>,
    pub log: VecDeque<LogLine>,
    pub shown: ShownLevels,
}

impl Messages {
    /// Takes in what the program and its libraries logged; call every frame.
    pub fn take_records(&mut self) {
        for (level, text) in log_records::take() {
            self.keep(level, text.replace('\n', " — "), false);
        }
    }

    /// The newest line that was told to the user.
    pub fn newest(&self) -> Option<&LogLine> {
        self.log.iter().rev().find(|line| line.is_told)
    }

    /// Writes a line to the log without showing a strip.
    pub fn log(&mut self, level: Level, text: impl Into<String>) {
        let text = text.into();
        match level {
            Level::Error => log::error!("{text}"),
            Level::Warning => log::warn!("{text}"),
            Level::Info | Level::Hint => log::info!("{text}"),
        }
        self.keep(level, text, true);
    }

    fn keep(&mut self, level: Level, text: String, is_told: bool) {
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        let time = jiff::Timestamp::now().strftime("%H:%M:%S").to_string();
        self.log.push_back(LogLine {
            time,
            level,
            text,
            is_told,
        });
    }

    pub fn show(&mut self, level: Level, text: impl Into<String>) {
        self.push(level, text.into(), None, None);
    }

    /// An error or warning with the library's raw words under t!("news-strip-details").
    pub fn show_with_details(
        &mut self,
        level: Level,
        text: impl Into<String>,
        details: Option<String>,
    ) {
        self.push(level, text.into(), details, None);
    }

    pub fn show_with_action(
        &mut self,
        level: Level,
        text: impl Into<String>,
        label: &'static str,
        command: Command,
    ) {
        self.push(level, text.into(), None, Some((label, command)));
    }

    pub fn error(&mut self, error: &SceneError) {
        self.push(
            Level::Error,
            error.to_string(),
            error.details().map(str::to_owned),
            None,
        );
    }

    /// Removes hints, e.g. once the user did what they say.
    pub fn drop_hints(&mut self) {
        self.strips.retain(|strip| strip.level != Level::Hint);
    }

    /// Removes the offers of a command, once it was run or makes no sense any more.
    pub fn drop_offers(&mut self, command: Command) {
        self.strips
            .retain(|strip| strip.action.is_none_or(|(_, offered)| offered != command));
    }

    /// Most of `text` is the window's own; what is the engine's is said in the window's language.
    fn push(
        &mut self,
        level: Level,
        text: String,
        details: Option<String>,
        action: Option<(&'static str, Command)>,
    ) {
        let text = said(&text);
        self.log(level, text.replace('\n', " — "));
        // The same news twice is one strip.
        self.strips.retain(|strip| strip.text != text);
        self.strips.push(Strip {
            level,
            text,
            details,
            action,
            born: Instant::now(),
            open: false,
        });
        if self.strips.len() > STRIPS {
            // Plain news goes first; an error leaves only for newer errors.
            let oldest = self
                .strips
                .iter()
                .position(|strip| strip.level == Level::Info)
                .unwrap_or(0);
            self.strips.remove(oldest);
        }
    }

    /// Draws the strips; returns the command of a button that was pressed.
    pub fn strips_ui(&mut self, ui: &mut egui::Ui) -> Option<Command> {
        let now = Instant::now();
        self.strips.retain(|strip| {
            strip.level != Level::Info
                || now.duration_since(strip.born) < Duration::from_secs(INFO_SECS)
        });
        if self.strips.iter().any(|strip| strip.level == Level::Info) {
            ui.ctx().request_repaint_after(Duration::from_millis(500));
        }
        let mut pressed = None;
        let mut closed = None;
        for (index, strip) in self.strips.iter_mut().enumerate() {
            let (close, command) = ui.push_id(("strip", index), |ui| strip_ui(ui, strip)).inner;
            if close {
                closed = Some(index);
            }
            pressed = pressed.or(command);
        }
        if let Some(index) = closed {
            self.strips.remove(index);
        }
        pressed
    }

    /// The log, newest line last, with a choice of levels above.
    pub fn log_ui(&mut self, ui: &mut egui::Ui) {
        if self.log.is_empty() {
            theme::empty_ui(ui, t!("log-empty"), t!("log-empty-next"));
            return;
        }
        self.levels_ui(ui);
        let shown: Vec<&LogLine> = self
            .log
            .iter()
            .filter(|line| self.shown.show(line.level))
            .collect();
        if shown.is_empty() {
            theme::empty_ui(ui, t!("log-none"), t!("log-none-next"));
            return;
        }
        let colors = theme::colors(ui.visuals());
        let height = ui.text_style_height(&egui::TextStyle::Small) + 2.0;
        egui::ScrollArea::vertical()
            .auto_shrink([false, false])
            .stick_to_bottom(true)
            .show_rows(ui, height, shown.len(), |ui, rows| {
                for line in shown.iter().take(rows.end).skip(rows.start) {
                    let color = match line.level {
                        Level::Error => colors.error,
                        Level::Warning => colors.warning,
                        Level::Info | Level::Hint => ui.visuals().text_color(),
                    };
                    let text = format!("{}  {}", line.time, line.text);
                    let label =
                        egui::Label::new(egui::RichText::new(text).small().color(color)).truncate();
                    ui.add(label).on_hover_text(&line.text);
                }
            });
    }

    /// The shown lines as text to paste.
    pub fn log_text(&self) -> String {
        self.log
            .iter()
            .filter(|line| self.shown.show(line.level))
            .map(|line| format!("{}  {:<7}  {}\n", line.time, line.level.word(), line.text))
            .collect()
    }

    fn levels_ui(&mut self, ui: &mut egui::Ui) {
        let count = |is_such: fn(Level) -> bool| {
            let lines = self.log.iter();
            lines.filter(|line| is_such(line.level)).count()
        };
        let errors = count(|level| level == Level::Error);
        let warnings = count(|level| level == Level::Warning);
        let information = self.log.len() - errors - warnings;
        ui.horizontal(|ui| {
            let shown = &mut self.shown;
            for (on, name) in [
                (&mut shown.errors, t!("log-errors", count = errors)),
                (&mut shown.warnings, t!("log-warnings", count = warnings)),
                (
                    &mut shown.information,
                    t!("log-information", count = information),
                ),
            ] {
                ui.toggle_value(on, name);
            }
            if theme::icon_button(ui, icon::COPY, t!("log-copy")).clicked() {
                ui.ctx().copy_text(self.log_text());
            }
        });
    }
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Info | Self::Hint => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Draws one strip; returns whether it was closed and the command of its button.
fn strip_ui(ui: &mut egui::Ui, strip: &mut Strip) -> (bool, Option<Command>) {
    let colors = theme::colors(ui.visuals());
    let (glyph, color) = match strip.level {
        Level::Info => (icon::CHECK_CIRCLE, colors.good),
        Level::Hint => (icon::LIGHTBULB, colors.accent),
        Level::Warning => (icon::WARNING, colors.warning),
        Level::Error => (icon::WARNING_CIRCLE, colors.error),
    };
    let mut close = false;
    let mut command = None;
    egui::Frame::new()
        .fill(ui.visuals().window_fill)
        .stroke(egui::Stroke::new(1.0, colors.line))
        .inner_margin(egui::Margin::symmetric(10, 6))
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(egui::RichText::new(glyph).size(16.0).color(color));
                // Buttons first from the right, so that a long text never pushes them out of the window.
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
                    close = theme::icon_button(ui, icon::X, t!("news-strip-close")).clicked();
                    if matches!(strip.level, Level::Error | Level::Warning)
                        && theme::icon_button(ui, icon::COPY, t!("news-strip-copy")).clicked()
                    {
                        let details = strip.details.as_deref().unwrap_or_default();
                        ui.ctx()
                            .copy_text(format!("{}\n{details}", strip.text).trim_end().to_owned());
                    }
                    if strip.details.is_some() {
                        ui.toggle_value(&mut strip.open, t!("news-strip-details"));
                    }
                    if let Some((label, action)) = strip.action
                        && ui.button(label).clicked()
                    {
                        command = Some(action);
                        close = true;
                    }
                    ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| {
                        ui.add(egui::Label::new(&strip.text).wrap());
                    });
                });
            });
            if strip.open
                && let Some(details) = &strip.details
            {
                ui.add(
                    egui::Label::new(egui::RichText::new(details).monospace().color(colors.weak))
                        .wrap(),
                );
            }
        });
    (close, command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_the_chosen_levels_are_copied() {
        let mut messages = Messages::default();
        messages.log(Level::Info, "opened");
        messages.log(Level::Warning, "no coordinate system");
        messages.log(Level::Error, "cut short");
        messages.shown.information = false;
        let text = messages.log_text();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("warning  no coordinate system"), "{text}");
        assert!(text.contains("error    cut short"), "{text}");
    }
}
