//! Taking in what the background threads and the worker have to say, once a frame, also while the window is hidden.

use std::path::PathBuf;
use std::sync::Arc;

use terroir_engine::{JobId, JobSpec, ModelsAction, Outcome};
use terroir_scene::{Blend, Document, Layer, LayerId, LayerSource, Style, credit_of};

use crate::actions::After;
use crate::arrangement::Arrangement;
use crate::commands::Command;
use crate::crs_chooser::CrsCatalogue;
use crate::dialogs::{Answer, Dialog};
use crate::files::{FileReply, FileTask, OpenRole, OpenedRaster};
use crate::jobs::{JobNews, JobState};
use crate::keyboard::Keyboard;
use crate::language::t;
use crate::live_head::LiveReply;
use crate::messages::Level;
use crate::opening::Chooser;
use crate::probe::ProbeReply;
use crate::session::ViewRequest;
use crate::settings::Settings;
use crate::state::State;

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

    fn take_raster(&mut self, opened: OpenedRaster) {
        let OpenedRaster {
            role,
            mut info,
            style,
            style_error,
        } = opened;
        if let Some(error) = style_error {
            self.messages.error(&error);
        }
        let path = info.path.clone();
        self.forget_file(&path);
        let document = self.history.document();
        let same_file = |layer: &&Arc<Layer>| matches!(&layer.source, LayerSource::Raster { path: known, .. } if *known == path);
        // A job that wrote a known file again refreshes its layer.
        let known = match role {
            OpenRole::Refresh(id) => Some(id),
            OpenRole::Result => document.layers.iter().find(same_file).map(|layer| layer.id),
            OpenRole::Add | OpenRole::Part => None,
        };
        if let Some(id) = known {
            // What the user named stays, unless the file names a system now.
            let assigned = self
                .history
                .document()
                .layer(id)
                .and_then(|layer| layer.raster_info())
                .map(|old| &old.grid.georef)
                .filter(|old| old.crs_is_assigned && info.grid.georef.ground_crs().is_none())
                .and_then(|old| old.ground_crs().cloned());
            if let Some(crs) = assigned {
                Arc::make_mut(&mut info).grid.georef.assign_crs(crs);
            }
            self.change_layer(id, t!("undo-read-again"), |layer| {
                layer.source = LayerSource::Raster {
                    path: path.clone(),
                    info: Some(info.clone()),
                };
                if layer.style.is_none() || role == OpenRole::Result {
                    layer.style = style;
                }
            });
            return;
        }
        let is_first = !document
            .layers
            .iter()
            .any(|layer| layer.source != LayerSource::Labels);
        let name = layer_name(&path);
        let mut added = LayerId(0);
        self.history
            .change(&t!("undo-add", name = &name), |document| {
                added = document.add_layer(Layer {
                    id: LayerId(0),
                    name,
                    source: LayerSource::Raster {
                        path: path.clone(),
                        info: Some(info.clone()),
                    },
                    style,
                    visible: true,
                    opacity: 1.0,
                    blend: Blend::Normal,
                    missing_color: None,
                    edited_wavelengths: Vec::new(),
                    attribution: credit_of(&info),
                });
                below_shapes(document, added);
                raise_labels(document);
            });
        self.session.active = None;
        if is_first {
            self.session.view = Some(ViewRequest::Layer(added));
            if info.grid.georef.ground_crs().is_none() {
                self.messages.show(
                    Level::Warning,
                    format!("{}\n{}", t!("news-no-crs"), path.display()),
                );
            }
        }
        if matches!(role, OpenRole::Add | OpenRole::Part) {
            self.remember_file(&path);
        }
        self.say_overviews(&info);
        if info.bands.len() > 1
            && !info.is_field()
            && info.bands.iter().all(|band| band.wavelength.is_none())
        {
            self.messages.show(
                Level::Info,
                format!("{}\n{}", t!("news-no-wavelengths"), path.display()),
            );
        }
    }

    fn take_project(&mut self, path: PathBuf, project: terroir_scene::OpenedProject) {
        let missing: Vec<String> = project.warnings;
        self.replace_document(project.document, Some(path.clone()), project.read_only);
        self.choose_first_class();
        for warning in missing {
            self.messages.show(Level::Warning, warning);
        }
        self.say_unconnected();
        if project.read_only {
            self.messages.show(Level::Warning, t!("news-newer-version"));
        }
        self.remember_file(&path);
        self.say_first_steps();
    }

    /// Work a killed window left: it is unsaved as before, and its old folder goes once this window's journal has it.
    fn take_recovered(&mut self, folder: PathBuf, work: terroir_scene::RestoredWork) {
        let mut document = work.project.document;
        let has_layer = document
            .layers
            .iter()
            .any(|layer| layer.source == LayerSource::Labels);
        if document.labels.is_some() && !has_layer {
            crate::state::add_labels_layer(&mut document);
        }
        self.replace_document(document, work.home, false);
        self.history.mark_unsaved();
        self.recovery = None;
        self.recovered_from = Some(folder);
        self.choose_first_class();
        for warning in work.project.warnings {
            self.messages.show(Level::Warning, warning);
        }
        self.say_unconnected();
        self.messages.show_with_action(
            Level::Info,
            t!("news-recovered"),
            t!("dialogs-save"),
            Command::SaveProject,
        );
    }

    fn take_sample(&mut self, mut document: Document) {
        // A slow start must not replace what the user opened meanwhile.
        if !self.history.document().layers.is_empty() {
            return;
        }
        if document.labels.is_some() {
            crate::state::add_labels_layer(&mut document);
        }
        self.replace_document(document, None, false);
        self.choose_first_class();
        self.say_first_steps();
    }

    fn choose_first_class(&mut self) {
        let first = self
            .history
            .document()
            .labels
            .as_ref()
            .and_then(|labels| labels.classes.first());
        self.session.class_id = first.map_or(0, |class| class.id);
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

    fn take_job_news(&mut self, news: JobNews, changed_files: &mut Vec<PathBuf>) {
        // A download that ends early leaves something, too.
        if matches!(news, JobNews::Failed { .. } | JobNews::Cancelled { .. })
            && self.models.list.is_some()
        {
            self.ask_for_models();
        }
        match news {
            JobNews::Finished { id } => self.take_outcome(id, changed_files),
            JobNews::Failed { name, failure } => {
                self.messages.show_with_details(
                    Level::Error,
                    format!("{name}: {}", failure.what),
                    failure.details,
                );
            }
            JobNews::Cancelled { name } => self
                .messages
                .show(Level::Info, t!("news-job-cancelled", name = name)),
            JobNews::Warning { name, text } => self
                .messages
                .show(Level::Warning, format!("{name}: {text}")),
            JobNews::Wrote { path } => changed_files.push(path),
            JobNews::Measured { path, statistics } => {
                self.derived.statistics.take_exact(path, statistics);
            }
        }
    }

    fn take_outcome(&mut self, id: JobId, changed_files: &mut Vec<PathBuf>) {
        let Some(job) = self.jobs.get(id) else {
            return;
        };
        let (JobState::Finished(outcome), spec) = (&job.state, job.spec.clone()) else {
            return;
        };
        let Outcome { files, summary, .. } = outcome.clone();
        changed_files.extend(files.iter().cloned());
        self.messages.show(Level::Info, summary);
        let map = files
            .first()
            .and_then(|map| self.jobs.companions.remove(map));
        if let Some(wanted) = map {
            self.send(FileTask::SaveCompanions {
                files: files.clone(),
                wanted,
            });
        }
        match spec {
            JobSpec::Change(_) | JobSpec::Cluster(_) | JobSpec::Regress(_) => {
                self.take_analysis(&spec, &files);
            }
            JobSpec::EmbedSeries(spec) => self.take_series_fields(&spec),
            JobSpec::Reconstruct(spec) => self.take_belief(spec),
            JobSpec::Embed(_)
            | JobSpec::EmbedSeason(_)
            | JobSpec::Predict(_)
            | JobSpec::Calc(_)
            | JobSpec::MapScene(_)
            | JobSpec::Merge(_)
            | JobSpec::Shard(_)
            | JobSpec::Composite(_) => {
                if let Some(path) = files.into_iter().next() {
                    self.open_raster(path, OpenRole::Result);
                }
            }
            JobSpec::Train(_)
            | JobSpec::Pretrain(_)
            | JobSpec::PretrainStp(_)
            | JobSpec::PretrainKgvsf(_)
            | JobSpec::Finetune(_)
            | JobSpec::ExportField(_)
            | JobSpec::Evaluate(_) => {}
            JobSpec::Crop(spec) => self.take_crops(&spec),
            JobSpec::Soil(spec) => self.take_soil(&spec, files),
            JobSpec::Forecast(spec) => self.take_forecast(&spec, files),
            JobSpec::Assess(spec) => self.take_assessment(&spec),
            JobSpec::Sample(spec) => self.take_drawn_sample(spec),
            JobSpec::Polygons(spec) => self.open_vector(spec.out),
            JobSpec::Models(_) => self.ask_for_models(),
            JobSpec::Similar(_) => self.take_similar(files),
            JobSpec::Pca(spec) => self.take_pca(&spec),
            JobSpec::Overviews(spec) => {
                changed_files.push(spec.raster.clone());
                self.take_overviews(&spec.raster);
            }
            JobSpec::Statistics(spec) => self.take_exact_limits(&spec.raster),
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

/// Shapes that are on top stay on top of rasters that are added later.
fn below_shapes(document: &mut Document, raster: LayerId) {
    let above = document
        .layers
        .iter()
        .skip(1)
        .take_while(|layer| !matches!(layer.source, LayerSource::Raster { .. }))
        .filter(|layer| layer.vector().is_some())
        .count();
    document.move_layer(raster, above);
}

/// Labels stay on top of rasters that are added later.
pub fn raise_labels(document: &mut Document) {
    let labels = document
        .layers
        .iter()
        .find(|layer| layer.source == LayerSource::Labels)
        .map(|layer| layer.id);
    if let Some(id) = labels {
        document.move_layer(id, 0);
    }
}

/// `scene.tif` is `scene`, `a.nc:ndvi` is `a ndvi`, a product's description is the product.
fn layer_name(path: &std::path::Path) -> String {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
        return path.display().to_string();
    };
    let (file, variable) = match name.split_once(':') {
        Some((file, variable)) if file.contains('.') => (file, variable),
        _ => (name.as_ref(), ""),
    };
    // The end of `HLS.S30.T15TVK.2021154T170851.v2.0` is no extension.
    let stem = match file.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty() && extension.starts_with(|c: char| c.is_ascii_alphabetic()) =>
        {
            stem
        }
        _ => file,
    };
    let stem = ["_MTL", "-METADATA"]
        .iter()
        .find_map(|end| stem.strip_suffix(end))
        .unwrap_or(stem);
    if variable.is_empty() {
        stem.to_owned()
    } else {
        format!("{stem} {variable}")
    }
}

/// What a job is called in the list.
pub fn job_name(spec: &JobSpec) -> &'static str {
    match spec {
        JobSpec::Embed(_) => t!("job-embed"),
        JobSpec::EmbedSeries(_) | JobSpec::EmbedSeason(_) => t!("job-embed-series"),
        JobSpec::Reconstruct(_) => t!("job-reconstruct"),
        JobSpec::Train(_) => t!("job-train"),
        JobSpec::Predict(_) => t!("job-predict"),
        JobSpec::Assess(_) => t!("job-assess"),
        JobSpec::Calc(_) => t!("job-calc"),
        JobSpec::Overviews(_) => t!("job-overviews"),
        JobSpec::Statistics(_) => t!("job-statistics"),
        JobSpec::Pretrain(_) | JobSpec::PretrainStp(_) | JobSpec::PretrainKgvsf(_) => {
            t!("job-pretrain")
        }
        JobSpec::Models(spec) => match &spec.action {
            ModelsAction::Get { .. } => t!("job-weights-get"),
            ModelsAction::Import { .. } => t!("job-weights-import"),
            ModelsAction::Verify { .. } => t!("job-weights-verify"),
        },
        JobSpec::Finetune(_) => t!("job-finetune"),
        JobSpec::MapScene(_) => t!("job-map-scene"),
        JobSpec::Sample(_) => t!("job-sample"),
        JobSpec::Polygons(_) => t!("job-polygons"),
        JobSpec::Change(_) => t!("job-change"),
        JobSpec::Cluster(spec) if spec.from.is_some() => t!("job-cluster-map"),
        JobSpec::Cluster(_) => t!("job-cluster"),
        JobSpec::Regress(_) => t!("job-regress"),
        JobSpec::ExportField(_) => t!("job-export-field"),
        JobSpec::Similar(_) => t!("job-similar"),
        JobSpec::Pca(_) => t!("job-pca"),
        JobSpec::Evaluate(_) => t!("job-evaluate"),
        JobSpec::Composite(_) => t!("job-composite"),
        JobSpec::Crop(_) => t!("job-crops"),
        JobSpec::Soil(_) => t!("job-soil"),
        JobSpec::Forecast(spec) if spec.fill.is_some() => t!("job-forecast-fill"),
        JobSpec::Forecast(_) => t!("job-forecast"),
        JobSpec::Shard(spec) => job_name(&spec.of),
        JobSpec::Merge(_) => t!("job-merge"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_called_as_their_user_calls_the_data() {
        for (path, name) in [
            ("/a/scene.v2.tif", "scene.v2"),
            ("/a/S2B_MSIL2A_X.SAFE", "S2B_MSIL2A_X"),
            ("/a/t.nc:ndvi", "t ndvi"),
            (
                "/a/HLS.S30.T15TVK.2021154T170851.v2.0",
                "HLS.S30.T15TVK.2021154T170851.v2.0",
            ),
            ("/a/LC08_L2SP_1_MTL.txt", "LC08_L2SP_1"),
            ("/vsicurl/https://host/b/c.tif", "c"),
            ("/a/folder", "folder"),
        ] {
            assert_eq!(layer_name(std::path::Path::new(path)), name);
        }
    }
}
