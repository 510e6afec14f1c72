//! The window as it is driven from outside: what tests and scripts read of it and set in it. Draws nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::Rect;
use terroir_engine::JobSpec;
use terroir_scene::{Companion, Document, HeadKind, LayerId, LinearHead, Profile};

use super::Window;
use crate::canvas::Canvas;
use crate::tools;

impl Window {
    /// The document as it is now.
    pub fn document(&self) -> &Document {
        self.state.history.document()
    }

    /// Whether what was kept from earlier sessions is read.
    pub fn has_settings(&self) -> bool {
        self.state.has_settings
    }

    /// Counts the documents this window has shown: a new or opened one starts with no steps.
    pub fn document_number(&self) -> u64 {
        self.state.document_number
    }

    /// Steps to take back, a stroke or drag under way among them, and those to do again.
    pub fn steps(&self) -> (usize, usize) {
        let history = &self.state.history;
        let (names, applied) = history.steps();
        let under_way = usize::from(history.is_in_gesture());
        (applied + under_way, names.len() - applied)
    }

    /// Takes one step back, as the command does; false when there is none.
    pub fn take_back(&mut self) -> bool {
        tools::end_stroke(&mut self.state);
        self.state.history.undo()
    }

    /// Does one step again; false when there is none.
    pub fn do_again(&mut self) -> bool {
        tools::end_stroke(&mut self.state);
        self.state.history.redo()
    }

    /// How the commands are called in the code, in the order of their table.
    pub fn commands() -> Vec<String> {
        crate::commands::COMMANDS
            .iter()
            .map(|info| format!("{:?}", info.command))
            .collect()
    }

    /// Runs a command at the end of the next frame, by its place in the table.
    pub fn run_command(&mut self, place: usize) {
        let command = crate::commands::COMMANDS
            .get(place)
            .map(|info| info.command);
        self.state.queue.extend(command);
    }

    /// Whether a command of the table can run now.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn can_run(&self, place: usize) -> Result<(), &'static str> {
        let info = crate::commands::COMMANDS.get(place);
        info.map_or(Ok(()), |info| info.command.can_run(&self.state))
    }

    /// Takes a file as what a job has written.
    pub fn take_result(&mut self, path: PathBuf) {
        self.state.open_raster(path, crate::files::OpenRole::Result);
    }

    /// Gives the layer at this place of the list another style, as the Style panel does.
    pub fn set_style(&mut self, place: usize, style: terroir_scene::Style) {
        let layer = self.document().layers.get(place).map(|layer| layer.id);
        if let Some(id) = layer {
            self.state
                .change_layer(id, "Style", |layer| layer.style = Some(style));
        }
    }

    /// Chooses how much moves, as the menu does: less, or as much as ever; `None` = as the system wishes.
    pub fn choose_motion(&mut self, is_less: Option<bool>) {
        self.state.settings.motion = match is_less {
            None => crate::settings::Motion::System,
            Some(true) => crate::settings::Motion::Less,
            Some(false) => crate::settings::Motion::Full,
        };
    }

    /// Whether the project differs from its file.
    pub fn is_unsaved(&self) -> bool {
        self.state.history.is_dirty()
    }

    /// Head of the live map, while there is one.
    pub fn live_map(&self) -> Option<&LinearHead> {
        self.state.live.fit.as_ref().map(|fit| &*fit.head)
    }

    /// Adds a weather file as the dialog does.
    pub fn add_weather(&mut self, path: PathBuf) {
        self.state.add_weather(path);
    }

    /// The weather on show; `None` while there is none, or it is not read yet.
    pub fn weather(&self) -> Option<&terroir_scene::WeatherTable> {
        self.state.session.weather.table.as_deref()
    }

    /// Chooses the method of the class map.
    pub fn set_method(&mut self, kind: HeadKind) {
        self.state.set_method(kind);
    }

    /// Exports the class map as the dialog does, with what is wanted beside it.
    pub fn export_map(&mut self, path: &Path, companions: &[Companion]) {
        let mut form = crate::export::ExportForm::new(&self.state);
        form.kind = crate::export::ExportKind::Map;
        form.path = path.display().to_string();
        form.companions = companions.to_vec();
        let _picture = crate::export::start(&mut self.state, &form);
    }

    /// Pixel of the field the view was brought to last by "next place to label".
    pub fn suggested_place(&self) -> Option<(usize, usize)> {
        self.state.suggestions.shown
    }

    /// Pixels of the field suggested for labelling, best first.
    pub fn suggested_places(&self) -> Vec<(usize, usize)> {
        let places = &self.state.suggestions.places;
        places.iter().map(|place| (place.col, place.row)).collect()
    }

    /// Whether the suggestions were made of the live map on show.
    pub fn suggestions_are_current(&self) -> bool {
        let head = self.state.live.fit.as_ref().map(|fit| &fit.head);
        !self.state.live.is_fitting
            && head.is_some_and(|head| self.state.suggestions.is_made_of(head))
    }

    /// Values over time at the followed places, one list a place; `None` where they are not read yet.
    pub fn followed_values(&self) -> Vec<Vec<Option<terroir_scene::TimeValue>>> {
        let points = &self.state.session.time.points;
        points.iter().map(|point| point.values.clone()).collect()
    }

    /// Limits that follow the view, for layers that have such.
    pub fn limits_in_view(&self, layer: LayerId) -> Option<&[terroir_scene::Stretch]> {
        self.state.session.in_view.followed(layer)
    }

    /// Messages of this session, oldest first.
    pub fn log(&self) -> Vec<String> {
        self.state
            .messages
            .log
            .iter()
            .map(|line| line.text.clone())
            .collect()
    }

    /// The System page's text, once the report is there.
    pub fn system_text(&self) -> Option<String> {
        self.state.system.text()
    }

    /// Takes in the classes of a table, a style, a project or a map.
    pub fn load_classes(&mut self, path: PathBuf) {
        self.state
            .send(crate::files::FileTask::ReadClasses { path });
    }

    /// Starts a job in the worker.
    pub fn run_job(&mut self, spec: JobSpec) {
        self.state.jobs.run(crate::news::job_name(&spec), spec);
    }

    /// Sets the stations and the folder of results of the Soil moisture panel, and gives the run it describes.
    ///
    /// # Errors
    /// What is missing for a run.
    pub fn set_soil(&mut self, stations: Vec<PathBuf>, out: &Path) -> Result<JobSpec, String> {
        self.state.soil.stations = stations;
        self.state.soil.out = out.display().to_string();
        self.state.soil_spec()
    }

    /// Sets steps and batch of the Training panel, and gives the run it describes.
    ///
    /// # Errors
    /// What is missing for a run.
    pub fn set_training(&mut self, steps: u64, batch: usize) -> Result<JobSpec, &'static str> {
        (self.state.training.steps, self.state.training.batch) = (steps, batch);
        self.state.training_spec()
    }

    /// Sets the Training panel to a linear probe on the painted labels, and gives the run it describes.
    ///
    /// # Errors
    /// What is missing for a run.
    pub fn set_probe(&mut self, steps: usize, batch: usize) -> Result<JobSpec, &'static str> {
        let form = &mut self.state.training;
        form.kind = crate::training::Kind::Finetune;
        form.mode = terroir_engine::TuneMode::Probe;
        (form.tune_steps, form.tune_batch) = (steps, batch);
        self.state.training_spec()
    }

    /// Sets the Training panel to a pretraining on folders of dated scenes, and gives the run it describes.
    ///
    /// # Errors
    /// What is missing for a run.
    pub fn set_archives(
        &mut self,
        folders: Vec<PathBuf>,
        steps: u64,
        side: usize,
    ) -> Result<JobSpec, &'static str> {
        let form = &mut self.state.training;
        form.kind = crate::training::Kind::PretrainStp;
        (form.stp.folders, form.stp.steps, form.stp.side) = (folders, steps, side);
        (form.stp.batch, form.stp.frames) = (4, 8);
        self.state.training_spec()
    }

    /// Sets the Training panel to a pretraining on the open series and the weather, and gives the run it describes.
    ///
    /// # Errors
    /// What is missing for a run.
    pub fn set_forecaster(&mut self, steps: u64, batch: usize) -> Result<JobSpec, &'static str> {
        let form = &mut self.state.training;
        form.kind = crate::training::Kind::PretrainKgvsf;
        (form.kgvsf.steps, form.kgvsf.batch) = (steps, batch);
        self.state.training_spec()
    }

    /// The job that compares the fields on the labels.
    ///
    /// # Errors
    /// What is missing for it.
    pub fn comparison(&self) -> Result<terroir_engine::EvaluateSpec, &'static str> {
        self.state.comparison_spec()
    }

    /// Sets the periods the fields of a series sum up, as typed, and gives them.
    ///
    /// # Errors
    /// What is no period.
    pub fn set_valid_periods(&mut self, text: &str) -> Result<Vec<terroir_scene::Period>, String> {
        self.state.series_field.when = crate::series_field::When::Own;
        text.clone_into(&mut self.state.series_field.own);
        crate::series_field::periods_of_text(text)
    }

    /// The job of "series to field" as the form stands; `None` while something is missing.
    pub fn series_field_job(&mut self) -> Option<JobSpec> {
        match self.state.archive_facts() {
            crate::series_field::Facts::Known(facts) => self.state.series_field_spec(&facts).ok(),
            _ => None,
        }
    }

    /// Sets what a forecast is made of: the last day whose images are used, so that later ones are compared with, and for the
    /// network how many degrees warmer the weather is to be.
    pub fn set_forecast(&mut self, until: &str, warmer_c: Option<f64>) {
        let form = &mut self.state.forecast;
        until.clone_into(&mut form.until);
        form.when = crate::forecast::ForecastWhen::Images;
        form.horizon_days = 120;
        if let Some(warmer_c) = warmer_c {
            form.ahead = crate::forecast::AheadBy::Network;
            form.network.warmer_c = warmer_c;
        }
    }

    /// Sets how many points a validation sample gets, and how many of every class at least.
    pub fn set_sample(&mut self, points: usize, least: usize) {
        let form = &mut self.state.session.sample.form;
        (form.by_error, form.points, form.least) = (false, points, least);
    }

    /// Pixel of the sampled map (column, row) that an answer is wanted for, while points are answered.
    pub fn asked_pixel(&self) -> Option<(usize, usize)> {
        let sample = &self.state.session.sample;
        let point = sample.points.get(sample.at?)?;
        Some((point.col, point.row))
    }

    /// Goes on with a validation sample from its file.
    pub fn open_sample_points(&mut self, points: PathBuf) {
        self.state.open_sample_points(points);
    }

    /// Names of what is drawn on the map, bottom first.
    pub fn shown_layers(&self) -> Vec<&str> {
        self.layers
            .iter()
            .map(|layer| layer.layer.name.as_str())
            .collect()
    }

    /// Place of the divider between two compared layers, a share of the map's width or height.
    pub fn divider(&self) -> Option<f32> {
        self.state.session.compare.map(|compare| compare.share)
    }

    /// Profiles of the place clicked last that are not kept yet.
    pub fn clicked_profiles(&self) -> &[Arc<Profile>] {
        &self.state.session.profiles.clicked
    }

    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    /// Where the map is drawn, for tests.
    pub fn map_rect(&self) -> Rect {
        self.map_rect
    }
}
