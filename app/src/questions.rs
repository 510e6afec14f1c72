//! Drawing the questions of `dialogs.rs` and the palette.

use std::path::PathBuf;

use egui::{Align2, Id, Key, Modal};
use terroir_scene::VectorTable;

use crate::actions::After;
use crate::commands::{COMMANDS, Command};
use crate::dialogs::{Dialog, Purpose};
use crate::export::{self, ExportStep, PictureOrder, primary_button};
use crate::language::t;
use crate::opening;
use crate::state::State;
use crate::theme;

/// Draws what is open. Returns the picture that the window must take.
pub fn questions_ui(ui: &mut egui::Ui, state: &mut State) -> Option<PictureOrder> {
    let mut picture = None;
    if let Some(dialog) = state.dialogs.take() {
        picture = dialog_ui(ui, state, dialog);
    }
    crate::crs_chooser::crs_chooser_ui(ui, state);
    palette_ui(ui, state);
    crate::panels::keys_ui(ui, state);
    crate::panels::about_ui(ui, state);
    picture
}

fn dialog_ui(ui: &mut egui::Ui, state: &mut State, dialog: Dialog) -> Option<PictureOrder> {
    let ctx = ui.ctx().clone();
    match dialog {
        Dialog::TypePath {
            purpose,
            text,
            note,
        } => type_path_ui(&ctx, state, purpose, text, note),
        Dialog::Unsaved { after, is_saving } => unsaved_ui(&ctx, state, after, is_saving),
        Dialog::ImportLabels {
            path,
            table,
            attributes,
            chosen,
        } => import_ui(&ctx, state, path, table, attributes, chosen),
        Dialog::ChooseTables {
            path,
            tables,
            chosen,
        } => tables_ui(&ctx, state, path, tables, chosen),
        Dialog::Series(form) => crate::open_series::series_form_ui(&ctx, state, form),
        Dialog::Choose(form) => opening::chooser_ui(&ctx, state, form),
        Dialog::Address { text } => opening::address_ui(&ctx, state, text),
        Dialog::Export(mut form) => {
            let modal = Modal::new(Id::unique("export"))
                .show(&ctx, |ui| export::export_ui(ui, state, &mut form));
            let closes = modal.should_close();
            match modal.inner {
                ExportStep::Start => return export::start(state, &form),
                ExportStep::PickPath => export::pick_path(state, &ctx, form),
                ExportStep::Close => {}
                ExportStep::Stay if closes => {}
                ExportStep::Stay => state.dialogs.put_back(Dialog::Export(form)),
            }
        }
    }
    None
}

/// Enter stands for the primary button, unless another control has the keyboard.
pub fn enters(ui: &egui::Ui) -> bool {
    ui.memory(|memory| memory.focused().is_none())
        && ui.input(|input| input.key_pressed(Key::Enter))
}

/// What is typed takes the place of what is suggested.
fn select_all(ui: &egui::Ui, edit: Id, text: &str) {
    let end = egui::text::CCursor::new(text.chars().count());
    let range = egui::text::CCursorRange::two(egui::text::CCursor::new(0), end);
    let mut state = egui::text_edit::TextEditState::load(ui.ctx(), edit).unwrap_or_default();
    state.cursor.set_char_range(Some(range));
    state.store(ui.ctx(), edit);
}

fn type_path_ui(
    ctx: &egui::Context,
    state: &mut State,
    purpose: Purpose,
    mut text: String,
    note: Option<&'static str>,
) {
    let (mut accepted, mut cancelled) = (false, false);
    let modal = Modal::new(Id::unique("type path")).show(ctx, |ui| {
        ui.set_width(480.0);
        ui.heading(purpose.title());
        if let Some(note) = note {
            ui.label(note);
        }
        ui.add_space(theme::SMALL_GAP);
        let edit = ui.add(
            egui::TextEdit::singleline(&mut text)
                .desired_width(f32::INFINITY)
                .hint_text(t!("dialogs-path-example")),
        );
        if !edit.has_focus() && !edit.lost_focus() {
            edit.request_focus();
            select_all(ui, edit.id, &text);
        }
        accepted = edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        ui.add_space(theme::GAP);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            accepted |= ui
                .add_enabled(
                    !text.trim().is_empty(),
                    primary_button(ui, t!("dialogs-ok")),
                )
                .clicked();
            cancelled = ui.button(t!("dialogs-cancel")).clicked();
        });
    });
    if accepted && !text.trim().is_empty() {
        state.dialogs.close();
        state.chosen(ctx, &purpose, vec![PathBuf::from(text.trim())]);
    } else if cancelled || modal.should_close() {
        state.dialogs.close();
    } else {
        state.dialogs.put_back(Dialog::TypePath {
            purpose,
            text,
            note,
        });
    }
}

fn unsaved_ui(ctx: &egui::Context, state: &mut State, after: After, is_saving: bool) {
    #[derive(PartialEq)]
    enum Choice {
        None,
        Save,
        Discard,
        Cancel,
    }
    let mut choice = Choice::None;
    let modal = Modal::new(Id::unique("unsaved")).show(ctx, |ui| {
        ui.set_width(400.0);
        ui.heading(t!("dialogs-unsaved-title"));
        let name = state
            .project
            .path
            .as_ref()
            .and_then(|path| path.file_name());
        ui.label(name.map_or_else(
            || t!("dialogs-unsaved-project").to_owned(),
            |name| t!("dialogs-unsaved-named", name = name.to_string_lossy()),
        ));
        if state.jobs.is_busy() && after == After::Quit {
            ui.label(t!("dialogs-unsaved-job"));
        }
        ui.add_space(theme::GAP);
        ui.add_enabled_ui(!is_saving, |ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.add(primary_button(ui, t!("dialogs-save"))).clicked() || enters(ui) {
                    choice = Choice::Save;
                }
                if ui.button(t!("dialogs-discard")).clicked() {
                    choice = Choice::Discard;
                }
                if ui.button(t!("dialogs-cancel")).clicked() {
                    choice = Choice::Cancel;
                }
            });
        });
    });
    if modal.should_close() && choice == Choice::None {
        choice = Choice::Cancel;
    }
    match choice {
        Choice::None => state.dialogs.put_back(Dialog::Unsaved { after, is_saving }),
        Choice::Cancel => {}
        Choice::Discard => state.discard_changes(ctx, after),
        Choice::Save => match state
            .project
            .path
            .clone()
            .filter(|_| !state.project.read_only)
        {
            Some(path) => {
                state.dialogs.open(Dialog::Unsaved {
                    after,
                    is_saving: true,
                });
                state.save_project(path);
            }
            // The name is asked first; what was wanted can be asked for again then.
            None => state.pick(ctx, Purpose::SaveProject),
        },
    }
}

fn import_ui(
    ctx: &egui::Context,
    state: &mut State,
    path: PathBuf,
    table: Option<String>,
    attributes: Vec<String>,
    mut chosen: usize,
) {
    let (mut accepted, mut cancelled) = (false, false);
    let modal = Modal::new(Id::unique("import labels")).show(ctx, |ui| {
        ui.set_width(400.0);
        ui.heading(t!("dialogs-import-labels"));
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        ui.label(t!("dialogs-import-which", name = name));
        ui.add_space(theme::SMALL_GAP);
        egui::ScrollArea::vertical()
            .max_height(240.0)
            .show(ui, |ui| {
                for (index, attribute) in attributes.iter().enumerate() {
                    ui.radio_value(&mut chosen, index, attribute);
                }
            });
        ui.add_space(theme::GAP);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            accepted = ui.add(primary_button(ui, t!("dialogs-import"))).clicked() || enters(ui);
            cancelled = ui.button(t!("dialogs-cancel")).clicked();
        });
    });
    if accepted {
        let attribute = attributes.get(chosen).cloned();
        state.start_import(path, table, attribute);
    } else if !(cancelled || modal.should_close()) {
        state.dialogs.put_back(Dialog::ImportLabels {
            path,
            table,
            attributes,
            chosen,
        });
    }
}

/// A vector file with several layers: all of them, or some.
fn tables_ui(
    ctx: &egui::Context,
    state: &mut State,
    path: PathBuf,
    tables: Vec<VectorTable>,
    mut chosen: Vec<bool>,
) {
    let (mut accepted, mut cancelled) = (false, false);
    let modal = Modal::new(Id::unique("choose tables")).show(ctx, |ui| {
        ui.set_width(440.0);
        ui.heading(t!("dialogs-tables-title"));
        let name = crate::vectors::file_name(&path);
        ui.label(t!(
            "dialogs-tables-count",
            name = name,
            count = tables.len()
        ));
        ui.horizontal(|ui| {
            for (text, value) in [(t!("dialogs-all"), true), (t!("dialogs-none"), false)] {
                if ui.button(text).clicked() {
                    chosen.fill(value);
                }
            }
        });
        egui::ScrollArea::vertical()
            .max_height(280.0)
            .auto_shrink([false, true])
            .show(ui, |ui| {
                for (table, chosen) in tables.iter().zip(&mut chosen) {
                    ui.horizontal(|ui| {
                        ui.checkbox(chosen, &table.name);
                        let geometry = table.geometry.as_deref().unwrap_or_default();
                        let text = match table.features {
                            Some(count) => format!(
                                "{} × {}",
                                crate::jobs::count_text(count),
                                geometry.to_lowercase()
                            ),
                            None => geometry.to_lowercase(),
                        };
                        let weak = theme::colors(ui.visuals()).weak;
                        ui.label(egui::RichText::new(text).color(weak));
                    });
                }
            });
        ui.add_space(theme::GAP);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let count = chosen.iter().filter(|chosen| **chosen).count();
            let text = t!("dialogs-tables-add", count = count);
            accepted = ui
                .add_enabled(count > 0, primary_button(ui, &text))
                .clicked();
            cancelled = ui.button(t!("dialogs-cancel")).clicked();
        });
    });
    if accepted {
        // The first of the list ends on top.
        for (table, _) in tables
            .iter()
            .zip(chosen)
            .rev()
            .filter(|(_, chosen)| *chosen)
        {
            state.open_vector_table(path.clone(), table.name.clone());
        }
    } else if !(cancelled || modal.should_close()) {
        state.dialogs.put_back(Dialog::ChooseTables {
            path,
            tables,
            chosen,
        });
    }
}

/// Type to find any command or layer.
fn palette_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(mut text) = state.session.palette.take() else {
        return;
    };
    let ctx = ui.ctx().clone();
    let needle = text.to_lowercase();
    let commands = COMMANDS
        .iter()
        .filter(|info| info.name().to_lowercase().contains(&needle))
        .chain(COMMANDS.iter().filter(|info| {
            // What a word means without being in the name: `training`.
            let name = info.name().to_lowercase();
            let about = info.tooltip().to_lowercase();
            let id = info.id.replace('-', " ");
            !name.contains(&needle) && (id.contains(&needle) || about.contains(&needle))
        }));
    let layers = state
        .history
        .document()
        .layers
        .iter()
        .filter(|layer| layer.name.to_lowercase().contains(&needle));
    enum Row {
        Command(Command),
        Layer(terroir_scene::LayerId),
    }
    let rows: Vec<(Row, String, Option<String>, bool)> = commands
        .map(|info| {
            let keys = state.keyboard.text(&ctx, info);
            (
                Row::Command(info.command),
                format!("{}  {}", info.icon, info.name()),
                keys,
                info.command.can_run(state).is_ok(),
            )
        })
        .chain(layers.map(|layer| {
            (
                Row::Layer(layer.id),
                format!("{}  {}", theme::icon::STACK, layer.name),
                Some(t!("dialogs-palette-layer").to_owned()),
                true,
            )
        }))
        .take(12)
        .collect();
    let mut row = state.session.palette_row.min(rows.len().saturating_sub(1));
    let mut picked = None;
    let (up, down, enter) = ctx.input_mut(|input| {
        (
            input.consume_key(egui::Modifiers::NONE, Key::ArrowUp),
            input.consume_key(egui::Modifiers::NONE, Key::ArrowDown),
            input.key_pressed(Key::Enter),
        )
    });
    row = if up { row.saturating_sub(1) } else { row };
    row = if down {
        (row + 1).min(rows.len().saturating_sub(1))
    } else {
        row
    };
    if enter && !rows.is_empty() {
        picked = Some(row);
    }
    let area = Modal::default_area(Id::unique("palette"))
        .anchor(Align2::CENTER_TOP, egui::vec2(0.0, 90.0));
    let modal = Modal::new(Id::unique("palette"))
        .area(area)
        .show(&ctx, |ui| {
            ui.set_width(440.0);
            let edit = ui.add(
                egui::TextEdit::singleline(&mut text)
                    .desired_width(f32::INFINITY)
                    .hint_text(t!("dialogs-palette-hint")),
            );
            edit.request_focus();
            if rows.is_empty() {
                ui.label(t!("dialogs-palette-nothing"));
            }
            for (index, (_, name, keys, can_run)) in rows.iter().enumerate() {
                let mut button = egui::Button::selectable(index == row, name.as_str())
                    .min_size(egui::vec2(ui.available_width(), theme::ROW));
                if let Some(keys) = keys {
                    button = button.right_text(egui::RichText::new(keys).weak());
                } else {
                    button = button.right_text("");
                }
                if ui.add_enabled(*can_run, button).clicked() {
                    picked = Some(index);
                }
            }
        });
    if let Some((row, ..)) = picked.and_then(|index| rows.into_iter().nth(index)) {
        match row {
            Row::Command(command) => state.queue.push_back(command),
            Row::Layer(id) => {
                state.choose_layer(id);
                state.session.view = Some(crate::session::ViewRequest::Layer(id));
            }
        }
        return;
    }
    if !modal.should_close() {
        state.session.palette = Some(text);
        state.session.palette_row = row;
    }
}
