//! Taking in what the background threads and the worker have to say, once a frame, also while the window is hidden.

mod jobs;
mod layers;

use std::path::PathBuf;

use terroir_scene::Style;

use crate::actions::After;
use crate::arrangement::Arrangement;
use crate::commands::Command;
use crate::crs_chooser::CrsCatalogue;
use crate::dialogs::{Answer, Dialog};
use crate::files::{FileReply, FileTask};
use crate::keyboard::Keyboard;
use crate::language::t;
use crate::live_head::LiveReply;
use crate::messages::Level;
use crate::opening::Chooser;
use crate::probe::ProbeReply;
use crate::settings::Settings;
use crate::state::State;

pub use jobs::job_name;
pub use layers::raise_labels;

impl State {
    /// Drains everything and starts what follows from it. Never blocks. Returns files whose tiles are out of date.
    pub fn take_news(&mut self, ctx: &egui::Context) -> Vec<PathBuf> {
        self.memory.watch_worker(self.jobs.worker_process());
        let mut changed_files = Vec::new();
        // What arrives in the middle of a stroke is no part of it.
        if !self.history.is_in_gesture() {
            for reply in self.files.drain() {
                self.take_file_reply(ctx, reply);
            }
            self.take_vector_news();
        }
        for reply in self.probe.drain() {
            self.take_probe_reply(reply);
        }
        for shares in self.clouds.drain() {
            self.derived.clouds.extend(shares);
        }
        for reply in self.time_profiles.drain() {
            self.take_time_reply(reply);
        }
        for reply in self.live_head.drain() {
            self.take_live_reply(reply);
        }
        for news in self.jobs.drain() {
            self.take_job_news(news, &mut changed_files);
        }
        if let Some((purpose, answer)) = self.dialogs.poll_file_dialog() {
            match answer {
                Answer::Chosen(paths) => self.chosen(ctx, &purpose, paths),
                Answer::Cancelled => {}
                Answer::NoDialog => {
                    let note = t!("dialogs-no-system-dialog");
                    let text = self.suggested_path(&purpose);
                    self.dialogs.type_path(purpose, text, Some(note));
                }
            }
        }
        self.color_new_result();
        self.show_new_belief();
        self.show_new_forecast();
        self.update_label_work();
        self.update_live();
        self.update_suggestions();
        self.autosave_now();
        for path in &changed_files {
            self.forget_file(path);
        }
        changed_files
    }

    /// Once, at the start: nothing was opened before, so the sample is shown.
    fn take_settings(&mut self, settings: Settings) {
        if let Some(saved) = &settings.arrangement {
            self.arrangement = Arrangement::from_saved(saved);
        }
        self.keyboard = Keyboard::from_saved(&settings.keys);
        if self.is_sample_wanted && settings.recent.is_empty() {
            self.open_sample();
        }
        self.is_sample_wanted = false;
        self.settings = settings;
        self.has_settings = true;
    }

    fn take_file_reply(&mut self, ctx: &egui::Context, reply: FileReply) {
        match reply {
            FileReply::Settings(settings) => self.take_settings(settings),
            FileReply::Recovery(found) => {
                if found.is_some() {
                    self.messages.show_with_action(
                        Level::Warning,
                        t!("news-stopped"),
                        t!("news-recover"),
                        Command::Recover,
                    );
                }
                self.recovery = found;
            }
            FileReply::Raster(opened) => {
                self.opening = self.opening.saturating_sub(1);
                self.take_raster(*opened);
            }
            FileReply::Found { found, asks } => {
                self.opening = self.opening.saturating_sub(1);
                self.take_found(*found, asks);
            }
            FileReply::Frames {
                layer,
                frames,
                missing,
            } => {
                self.opening = self.opening.saturating_sub(1);
                self.take_frames(layer, frames, missing);
            }
            FileReply::Series {
                name,
                series,
                style,
            } => {
                self.opening = self.opening.saturating_sub(1);
                self.take_series(name, *series, style);
            }
            FileReply::Fields {
                name,
                series,
                style,
            } => {
                self.opening = self.opening.saturating_sub(1);
                self.take_fields(name, *series, style);
            }
            FileReply::Archive { question, facts } => self.take_archive_facts(question, *facts),
            FileReply::CropResults { path, results } => self.take_crop_results(path, *results),
            FileReply::SoilResults(results) => self.take_soil_results(*results),
            FileReply::Container { path, inside } => {
                self.opening = self.opening.saturating_sub(1);
                self.dialogs
                    .open(Dialog::Choose(Chooser::new(path, inside)));
            }
            FileReply::Project { path, project } => {
                self.opening = self.opening.saturating_sub(1);
                self.take_project(path, *project);
            }
            FileReply::Recovered { folder, work } => {
                self.opening = self.opening.saturating_sub(1);
                self.messages.drop_offers(Command::Recover);
                self.take_recovered(folder, *work);
            }
            FileReply::Sample(document) => {
                self.opening = self.opening.saturating_sub(1);
                self.take_sample(*document);
            }
            FileReply::NoSample => self.opening = self.opening.saturating_sub(1),
            FileReply::Attributes {
                path,
                table,
                attributes,
            } => self.take_attributes(path, table, attributes),
            FileReply::Labels {
                path,
                labels,
                report,
            } => {
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                self.history.begin_gesture(&t!("undo-import", name = &name));
                if self.prepare_labels() {
                    self.history.change(t!("dialogs-import"), |document| {
                        document.labels =
                            Some(crate::import::merged(document.labels.take(), *labels));
                    });
                }
                self.history.end_gesture();
                self.messages
                    .show(Level::Info, crate::import::report_text(&name, &report));
            }
            FileReply::Pca { layers, basis } => self.show_basis(&layers, &basis),
            FileReply::BasisSaved { path } => {
                self.messages.show(
                    Level::Info,
                    format!("{}\n{}", t!("news-colours-written"), path.display()),
                );
            }
            FileReply::Examples {
                layer,
                path,
                examples,
            } => self.show_examples(layer, &path, examples, true),
            FileReply::Places { path, places } => self.take_places(&path, places),
            FileReply::UniqueValues {
                path,
                band,
                entries,
            } => {
                let layer = self.active_raster().filter(|layer| {
                    self.raster_info(layer)
                        .is_some_and(|info| info.path == path)
                });
                if let Some(layer) = layer {
                    self.change_layer(layer.id, t!("undo-unique-values"), |layer| {
                        layer.style = Some(Style::palette(band, entries));
                    });
                }
            }
            FileReply::Crs { crs, purpose } => self.take_crs(*crs, purpose),
            FileReply::CrsCatalogue(all) => self.crs_catalogue = CrsCatalogue::Known(all),
            FileReply::ProjectSaved { path, revision } => {
                self.project.saving = None;
                self.project.path = Some(path.clone());
                self.project.read_only = false;
                if self.history.value() == revision {
                    self.history.mark_saved();
                }
                // The journal is not needed, or belongs to this file, from now on.
                self.journaled = None;
                self.remember_file(&path);
                self.messages.show(
                    Level::Info,
                    format!("{}\n{}", t!("news-project-saved"), path.display()),
                );
                if let Some(Dialog::Unsaved {
                    after,
                    is_saving: true,
                }) = self.dialogs.current()
                {
                    let after = after.clone();
                    self.dialogs.close();
                    self.go_on(ctx, after);
                }
            }
            FileReply::TableSaved { path } => {
                self.messages.show(
                    Level::Info,
                    format!("{}\n{}", t!("news-table-written"), path.display()),
                );
            }
            FileReply::Weather { spec, adds, table } => self.take_weather(*spec, adds, *table),
            FileReply::LabelsExported { path } => {
                self.messages.show(
                    Level::Info,
                    format!("{}\n{}", t!("news-labels-written"), path.display()),
                );
            }
            FileReply::CompanionsSaved { made } => {
                for path in made {
                    let text = format!("{}\n{}", t!("news-companion-written"), path.display());
                    self.messages.show(Level::Info, text);
                }
            }
            FileReply::Classes { path, rows } => self.take_class_table(&path, &rows),
            FileReply::ClassesSaved { path } => {
                let text = format!("{}\n{}", t!("classes-written"), path.display());
                self.messages.show(Level::Info, text);
            }
            FileReply::SamplePoints { path, points } => self.take_sample_points(path, points),
            FileReply::AreaFigures { path, figures } => {
                self.session.sample.figures = Some((path, *figures));
            }
            FileReply::Models(list) => self.take_models(*list),
            FileReply::Picture { path, image } => self.take_picture(path, image),
            FileReply::Journaled { removed } => {
                self.is_journaling = false;
                if removed == self.recovered_from {
                    self.recovered_from = None;
                }
            }
            FileReply::Clusters { field, clusters } => self.take_clusters(&field, *clusters),
            FileReply::HeadSaved { job } => {
                self.jobs.run(job_name(&job), job);
            }
            FileReply::ProfilesSaved { path } => {
                self.messages.show(
                    Level::Info,
                    format!("{}\n{}", t!("news-profiles-written"), path.display()),
                );
            }
            FileReply::PictureSaved { path } => {
                self.messages.show(
                    Level::Info,
                    format!("{}\n{}", t!("news-picture-written"), path.display()),
                );
            }
            FileReply::Done => {}
            FileReply::Failed { doing, error } => self.take_file_failure(doing, &error),
        }
        if self.opening == 0 && self.has_label_grid() {
            for path in std::mem::take(&mut self.waiting_labels) {
                self.send(FileTask::Attributes { path, table: None });
            }
        }
    }

    fn take_file_failure(&mut self, doing: &'static str, error: &terroir_scene::SceneError) {
        if matches!(doing, "opening the raster" | "opening the project") {
            self.opening = self.opening.saturating_sub(1);
        }
        if doing == "autosave" {
            self.is_journaling = false;
        }
        if doing == "saving the project" {
            self.project.saving = None;
            if let Some(Dialog::Unsaved {
                is_saving: true, ..
            }) = self.dialogs.current()
            {
                self.dialogs.close();
            }
        }
        self.messages.error(error);
    }

    /// One line on what to do first, while nothing is labelled yet.
    pub fn say_first_steps(&mut self) {
        let document = self.history.document();
        let unlabelled = document
            .labels
            .as_ref()
            .is_none_or(terroir_scene::Labels::is_empty);
        if unlabelled && self.field_layer().is_some() {
            self.messages.show(Level::Hint, t!("news-first-steps"));
        }
    }

    fn take_attributes(&mut self, path: PathBuf, table: Option<String>, attributes: Vec<String>) {
        const KNOWN: [&str; 7] = [
            "class_name",
            "class",
            "class_id",
            "label",
            "MC_ID",
            "C_ID",
            "macroclass_id",
        ];
        let known = KNOWN.iter().find(|known| {
            attributes
                .iter()
                .any(|name| name.eq_ignore_ascii_case(known))
        });
        let chosen = known.and_then(|known| {
            attributes
                .iter()
                .position(|name| name.eq_ignore_ascii_case(known))
        });
        // A raster of labels has no attributes and needs no question.
        if attributes.is_empty() {
            self.start_import(path, table, None);
        } else {
            self.dialogs.open(Dialog::ImportLabels {
                path,
                table,
                attributes,
                chosen: chosen.unwrap_or(0),
            });
        }
    }

    pub fn start_import(
        &mut self,
        path: PathBuf,
        table: Option<String>,
        attribute: Option<String>,
    ) {
        if let Some(grid) = self.label_grid() {
            self.send(FileTask::ImportLabels {
                path,
                table,
                grid,
                attribute,
            });
        }
    }

    fn take_probe_reply(&mut self, reply: ProbeReply) {
        if let ProbeReply::Failed { .. } = &reply {
            self.derived.click_waits = false;
        }
        match reply {
            ProbeReply::Pixel(answer) => {
                self.derived.click_waits &= !answer.question.is_click;
                if self.session.similar.pick.is_some() && answer.question.is_click {
                    self.take_example_pixel(answer);
                } else if answer.question.is_click {
                    self.session.clicked_pixel = Some(answer);
                } else {
                    self.session.hovered_pixel = Some(answer);
                }
            }
            ProbeReply::Profiles { keeps, profiles } => self.take_profiles(profiles, keeps),
            ProbeReply::Statistics {
                question,
                statistics,
            } => self.derived.statistics.take(question, statistics),
            ProbeReply::Failed { error } => self.messages.error(&error),
        }
    }

    fn take_live_reply(&mut self, reply: LiveReply) {
        match reply {
            LiveReply::Fitted(fit) => {
                self.live.is_fitting = false;
                // Labels may have been undone meanwhile; then nothing is asked and nothing is shown.
                if self
                    .history
                    .document()
                    .labels
                    .as_ref()
                    .is_some_and(|labels| labels.classes.len() >= 2)
                {
                    self.live.fit = Some(fit);
                }
            }
            LiveReply::Other(head) => {
                if let Some(pending) = self.live.pending_export.take() {
                    self.send(FileTask::SaveHead {
                        head,
                        path: pending.head,
                        job: pending.job,
                    });
                }
            }
            LiveReply::NotEnough => {
                self.live.is_fitting = false;
                self.live.fit = None;
            }
            LiveReply::Validated(validation) => {
                self.live.is_validating = false;
                self.live.validation = Some(*validation);
            }
            LiveReply::Failed { text, details } => {
                self.live.is_fitting = false;
                self.live.is_validating = false;
                self.live.pending_export = None;
                self.messages.show_with_details(Level::Error, text, details);
            }
        }
    }

    /// Hands what changed to the journal of unsaved work: after each step, so that a program killed at any moment loses the
    /// last one at most. Work that is saved is no longer kept there.
    pub fn autosave_now(&mut self) {
        let value = self.history.value();
        if self.journaled == Some(value) || self.is_journaling || self.history.is_in_gesture() {
            return;
        }
        let task = if self.history.is_dirty() {
            FileTask::Journal {
                document: self.history.document().clone(),
                home: self.project.path.clone(),
                recovered_from: self.recovered_from.clone(),
            }
        } else {
            FileTask::ForgetJournal
        };
        // A full queue is tried again at the next frame.
        if self.files.send(task) {
            self.journaled = Some(value);
            self.is_journaling = true;
        }
    }

    /// Closes the dialog that asks about unsaved changes and does what was waiting.
    pub fn discard_changes(&mut self, ctx: &egui::Context, after: After) {
        self.dialogs.close();
        self.history.mark_saved();
        self.go_on(ctx, after);
    }
}
