//! The Models panel: every model with its weights, where to get them, and what they are; get, import, verify, remove.
//! Draws and asks; reads no file itself.

use std::time::Instant;

use egui::{Modal, ProgressBar, RichText};
use terroir_engine::{InstalledWeights, ModelInfo, ModelsAction, PublishedWeights, size_text};

use super::sample::copy_ui;
use crate::dialogs::Purpose;
use crate::export::primary_button;
use crate::files::FileTask;
use crate::jobs::JobState;
use crate::language::{said, t};
use crate::models::{Removal, failure_of};
use crate::panels::progress_text;
use crate::state::State;
use crate::theme::{self, icon};

/// What a click asks for, done after drawing.
enum Wish {
    Start(ModelsAction),
    Cancel(terroir_engine::JobId),
    Remove(Removal),
    Import,
    ShowFolder,
}

pub fn models_ui(ui: &mut egui::Ui, state: &mut State) {
    state.want_models();
    let mut wish = None;
    content_ui(ui, state, &mut wish);
    removal_ui(ui, state);
    match wish {
        None => {}
        Some(Wish::Start(action)) => state.start_models_job(action),
        Some(Wish::Cancel(id)) => state.jobs.cancel(id),
        Some(Wish::Remove(removal)) => state.models.removal = Some(removal),
        Some(Wish::Import) => {
            let ctx = ui.ctx().clone();
            state.pick(&ctx, Purpose::ImportWeights);
        }
        Some(Wish::ShowFolder) => {
            if let Some(list) = &state.models.list {
                let path = list.folder.join("x");
                state.send(FileTask::ShowInFolder { path });
            }
        }
    }
}

fn content_ui(ui: &mut egui::Ui, state: &State, wish: &mut Option<Wish>) {
    let weak = theme::colors(ui.visuals()).weak;
    let Some(list) = state.models.list.clone() else {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label(RichText::new(t!("models-looking")).color(weak));
        });
        return;
    };
    egui::Panel::bottom("models foot")
        .frame(egui::Frame::new().inner_margin(egui::Margin::symmetric(0, 6)))
        .show(ui, |ui| foot_ui(ui, state, &list.folder, wish));
    egui::ScrollArea::vertical()
        .auto_shrink([false, false])
        .show(ui, |ui| {
            for model in &list.models {
                egui::Frame::group(ui.style())
                    .inner_margin(8.0)
                    .show(ui, |ui| {
                        ui.set_width(ui.available_width());
                        model_ui(ui, state, model, wish);
                    });
            }
        });
}

fn model_ui(ui: &mut egui::Ui, state: &State, model: &ModelInfo, wish: &mut Option<Wish>) {
    let colors = theme::colors(ui.visuals());
    ui.horizontal(|ui| {
        ui.label(RichText::new(&model.name).strong());
        let facts = t!(
            "models-facts",
            family = &model.family,
            millions = super::model::millions(model.parameters),
            patch = model.patch,
            width = model.width,
            depth = model.depth
        );
        ui.label(RichText::new(facts).small().color(colors.weak));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let is_trained = model.weights().is_some();
            let (text, color) = match (is_trained, model.published.is_empty()) {
                (true, _) => (t!("models-trained"), colors.good),
                (false, false) => (t!("models-not-installed"), colors.weak),
                (false, true) => (t!("models-untrained"), colors.weak),
            };
            ui.label(RichText::new(text).color(color));
        });
    });
    if let Some(path) = &model.built_in {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy())
            .unwrap_or_default();
        ui.label(
            RichText::new(format!(
                "{} {}",
                icon::CHECK_CIRCLE,
                t!("models-built-in", file = name)
            ))
            .color(colors.good),
        )
        .on_hover_text(path.display().to_string());
    }
    for weights in &model.installed {
        installed_ui(ui, state, weights, wish);
    }
    for published in &model.published {
        let is_there = model.installed.iter().any(|weights| {
            weights.published.as_deref() == Some(&published.file) && weights.is_there
        });
        if !is_there {
            published_ui(ui, state, published, wish);
        }
    }
    if model.installed.is_empty() && model.built_in.is_none() && model.published.is_empty() {
        ui.label(
            RichText::new(t!("models-not-published"))
                .small()
                .color(colors.weak),
        );
    }
}

/// A file that is here: what it is, and Verify and Remove.
fn installed_ui(
    ui: &mut egui::Ui,
    state: &State,
    weights: &InstalledWeights,
    wish: &mut Option<Wish>,
) {
    let colors = theme::colors(ui.visuals());
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui
                .small_button(t!("models-remove"))
                .on_hover_text(t!("models-remove.tip"))
                .clicked()
            {
                *wish = Some(Wish::Remove(Removal {
                    name: weights.file.clone(),
                    path: weights.path.clone(),
                    bytes: weights.bytes,
                }));
            }
            let is_checked = state.verifying().is_some_and(|job| !job.is_over());
            let verify = egui::Button::new(t!("models-verify")).small();
            if ui
                .add_enabled(!is_checked, verify)
                .on_hover_text(t!("models-verify.tip"))
                .clicked()
            {
                *wish = Some(Wish::Start(ModelsAction::Verify {
                    name: Some(weights.file.clone()),
                }));
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let (glyph, color) = if weights.is_there {
                    (icon::CHECK_CIRCLE, colors.good)
                } else {
                    (icon::WARNING, colors.warning)
                };
                ui.label(RichText::new(glyph).color(color));
                let text = if weights.is_there {
                    weights.file.clone()
                } else {
                    t!("models-gone", file = &weights.file)
                };
                ui.add(egui::Label::new(text).truncate())
                    .on_hover_text(weights.path.display().to_string());
            });
        });
    });
    let mut facts = vec![size_text(weights.bytes)];
    if weights.is_half {
        facts.push(t!("models-half").to_owned());
    }
    facts.push(
        weights
            .licence
            .clone()
            .unwrap_or_else(|| t!("models-licence-unknown").to_owned()),
    );
    facts.push(match &weights.published {
        Some(_) => t!("models-published").to_owned(),
        None => t!("models-from", source = &weights.source),
    });
    ui.add(
        egui::Label::new(RichText::new(facts.join(" · ")).small().color(colors.weak)).truncate(),
    )
    .on_hover_text(format!(
        "SHA-256 {}\n{}",
        weights.sha256,
        t!("models-from", source = &weights.source)
    ));
    for note in &weights.notes {
        ui.add(
            egui::Label::new(
                RichText::new(format!("{} {}", icon::INFO, said(note)))
                    .small()
                    .color(colors.weak),
            )
            .wrap(),
        );
    }
}

/// A file that can be got: where from, and Get or how far it is.
fn published_ui(
    ui: &mut egui::Ui,
    state: &State,
    published: &PublishedWeights,
    wish: &mut Option<Wish>,
) {
    let colors = theme::colors(ui.visuals());
    let job = state.fetching(&published.file);
    let running = job.filter(|job| !job.is_over());
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            match running {
                Some(job) => {
                    if ui.small_button(t!("models-cancel")).clicked() {
                        *wish = Some(Wish::Cancel(job.id));
                    }
                }
                None => {
                    let text = if published.bytes_there > 0 {
                        t!("models-go-on")
                    } else {
                        t!("models-get")
                    };
                    if published.bytes_there > 0 && ui.small_button(t!("models-remove")).clicked() {
                        *wish = Some(Wish::Remove(Removal {
                            name: t!("models-unfinished", file = &published.file),
                            path: part_path(state, &published.file),
                            bytes: published.bytes_there,
                        }));
                    }
                    let tip = t!(
                        "models-get-tip",
                        size = size_text(published.bytes),
                        repository = &published.repository
                    );
                    let response = ui.small_button(text).on_hover_text(tip);
                    response.widget_info(|| {
                        egui::WidgetInfo::labeled(
                            egui::Role::Button,
                            true,
                            format!("{text} {}", published.file),
                        )
                    });
                    let action = ModelsAction::Get {
                        name: published.file.clone(),
                        sha256: None,
                    };
                    if let Some(job) = state.models_spec(action.clone()) {
                        copy_ui(ui, &job);
                    }
                    if response.clicked() {
                        *wish = Some(Wish::Start(action));
                    }
                }
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.label(RichText::new(icon::CLOUD_ARROW_DOWN).color(colors.weak));
                ui.add(egui::Label::new(&published.file).truncate());
            });
        });
    });
    let mut facts = vec![
        size_text(published.bytes),
        published.licence.clone(),
        published.repository.clone(),
    ];
    if published.bytes_there > 0 && running.is_none() {
        facts.push(t!(
            "models-part-here",
            size = size_text(published.bytes_there)
        ));
    }
    if !published.note.is_empty() {
        facts.push(published.note.clone());
    }
    ui.add(egui::Label::new(RichText::new(facts.join(" · ")).small().color(colors.weak)).wrap());
    if let Some(job) = running {
        ui.add(
            ProgressBar::new(job.fraction().unwrap_or(0.0))
                .desired_height(12.0)
                .animate(job.total == 0),
        );
        let text = match job.state {
            JobState::Waiting => t!("models-waiting").to_owned(),
            _ => progress_text(job, Instant::now()),
        };
        ui.label(RichText::new(text).small().color(colors.weak));
        ui.ctx()
            .request_repaint_after(std::time::Duration::from_millis(200));
    } else if let Some(failure) = job.and_then(failure_of) {
        failure_ui(ui, &failure.what);
    }
}

fn foot_ui(ui: &mut egui::Ui, state: &State, folder: &std::path::Path, wish: &mut Option<Wish>) {
    let colors = theme::colors(ui.visuals());
    if let Some(job) = state.verifying() {
        match &job.state {
            JobState::Failed(failure) => failure_ui(ui, &failure.what),
            JobState::Finished(outcome) => {
                ui.add(
                    egui::Label::new(
                        RichText::new(format!("{} {}", icon::CHECK_CIRCLE, outcome.summary))
                            .color(colors.good),
                    )
                    .wrap(),
                );
            }
            JobState::Cancelled => {}
            JobState::Waiting | JobState::Running => {
                ui.label(RichText::new(progress_text(job, Instant::now())).color(colors.weak));
            }
        }
    }
    if let Some(failure) = state.import_failure() {
        failure_ui(ui, &failure.what);
    }
    ui.horizontal(|ui| {
        if ui
            .button(format!("{}  {}", icon::FILE_PLUS, t!("models-import")))
            .on_hover_text(t!("models-import.tip"))
            .clicked()
        {
            *wish = Some(Wish::Import);
        }
        if ui
            .button(t!("models-verify-all"))
            .on_hover_text(t!("models-verify-all.tip"))
            .clicked()
        {
            *wish = Some(Wish::Start(ModelsAction::Verify { name: None }));
        }
        if let Some(job) = state.models_spec(ModelsAction::Verify { name: None }) {
            copy_ui(ui, &job);
        }
        if ui
            .button(format!(
                "{}  {}",
                icon::FOLDER_OPEN,
                t!("models-show-folder")
            ))
            .on_hover_text(folder.display().to_string())
            .clicked()
        {
            *wish = Some(Wish::ShowFolder);
        }
    });
    ui.add(
        egui::Label::new(
            RichText::new(t!("models-folder", folder = folder.display().to_string()))
                .small()
                .color(colors.weak),
        )
        .wrap(),
    );
}

fn failure_ui(ui: &mut egui::Ui, what: &str) {
    let color = theme::colors(ui.visuals()).error;
    ui.add(
        egui::Label::new(RichText::new(format!("{} {what}", icon::WARNING_CIRCLE)).color(color))
            .wrap(),
    );
}

fn part_path(state: &State, file: &str) -> std::path::PathBuf {
    let folder = state
        .models
        .list
        .as_ref()
        .map(|list| list.folder.clone())
        .unwrap_or_default();
    folder.join(format!("{file}.part"))
}

/// Names what goes, then asks.
fn removal_ui(ui: &egui::Ui, state: &mut State) {
    let Some(removal) = state.models.removal.clone() else {
        return;
    };
    let (mut accepted, mut closed) = (false, false);
    let modal = Modal::new(egui::Id::unique("remove weights")).show(ui.ctx(), |ui| {
        ui.set_width(460.0);
        ui.heading(t!("models-delete-title"));
        ui.label(format!("{}, {}", removal.name, size_text(removal.bytes)));
        ui.add(egui::Label::new(RichText::new(removal.path.display().to_string()).small()).wrap());
        ui.add_space(theme::GAP);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            accepted = ui.add(primary_button(ui, t!("models-delete"))).clicked();
            closed = ui.button(t!("models-keep")).clicked();
        });
    });
    if accepted {
        state.send(FileTask::RemoveWeights { path: removal.path });
    }
    if accepted || closed || modal.should_close() {
        state.models.removal = None;
    }
}
