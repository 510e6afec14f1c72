//! The way through a task: its steps, which are done, and the command that does the next. A guide shows the way and holds
//! nobody: each step can be done from menus and panels as well. Draws nothing.

use serde::{Deserialize, Serialize};
use terroir_engine::JobSpec;

use crate::commands::Command;
use crate::jobs::JobState;
use crate::language::t;
use crate::state::State;
use crate::theme::icon;
use crate::tools::Tool;

/// What a user wants of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    Map,
    SoilMoisture,
    Forecast,
}

/// One step on the way.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub title: &'static str,
    /// What to do and where.
    pub tip: &'static str,
    pub command: Command,
    pub is_done: bool,
    /// The way goes on without it.
    pub is_optional: bool,
}

impl Task {
    pub const ALL: [Self; 3] = [Self::Map, Self::SoilMoisture, Self::Forecast];

    pub fn title(self) -> &'static str {
        match self {
            Self::Map => t!("guide-map"),
            Self::SoilMoisture => t!("guide-soil"),
            Self::Forecast => t!("guide-forecast"),
        }
    }

    pub fn tip(self) -> &'static str {
        match self {
            Self::Map => t!("guide-map.tip"),
            Self::SoilMoisture => t!("guide-soil.tip"),
            Self::Forecast => t!("guide-forecast.tip"),
        }
    }

    pub fn icon(self) -> &'static str {
        match self {
            Self::Map => icon::PLANT,
            Self::SoilMoisture => icon::DROP,
            Self::Forecast => icon::CALENDAR_PLUS,
        }
    }
}

impl State {
    /// The steps of a task as they stand.
    pub fn guide_steps(&self, task: Task) -> Vec<Step> {
        match task {
            Task::Map => self.steps_of_map(),
            Task::SoilMoisture => self.steps_of_soil(),
            Task::Forecast => self.steps_of_forecast(),
        }
    }

    fn steps_of_map(&self) -> Vec<Step> {
        let document = self.history.document();
        let has_scene = document
            .layers
            .iter()
            .any(|layer| self.raster_info(layer).is_some_and(|info| !info.is_field()));
        let has_field = self.field_layer().is_some();
        let classes = self
            .label_counts()
            .values()
            .filter(|count| **count > 0)
            .count();
        let was_checked = self.live.validation.is_some()
            || self.has_finished(|spec| matches!(spec, JobSpec::Assess(_)));
        let was_exported = self.has_finished(|spec| matches!(spec, JobSpec::Predict(_)));
        vec![
            step(
                t!("guide-open"),
                t!("guide-open.tip"),
                Command::AddRaster,
                has_scene || has_field,
            ),
            step(
                t!("guide-field"),
                t!("guide-field.tip"),
                Command::MakeField,
                has_field,
            ),
            step(
                t!("guide-label"),
                t!("guide-label.tip"),
                Command::UseTool(Tool::Brush),
                classes >= 2,
            ),
            step(
                t!("guide-check"),
                t!("guide-check.tip"),
                Command::CheckAccuracy,
                was_checked,
            ),
            step(
                t!("guide-export"),
                t!("guide-export.tip"),
                Command::Export,
                was_exported,
            ),
        ]
    }

    fn steps_of_soil(&self) -> Vec<Step> {
        let has_series = !self.image_series().is_empty();
        let has_weather = self.session.weather.table.is_some() || !self.soil.weather.is_empty();
        let has_stations = !self.soil.stations.is_empty();
        let is_estimated = self.soil.results.is_some();
        let has_map = self.has_finished(|spec| matches!(spec, JobSpec::Soil(_)))
            && is_estimated
            && has_series;
        vec![
            step(
                t!("guide-stations"),
                t!("guide-stations.tip"),
                Command::SoilMoisture,
                has_stations,
            ),
            optional(
                t!("guide-weather"),
                t!("guide-weather.tip"),
                Command::AddWeather,
                has_weather,
            ),
            optional(
                t!("guide-images"),
                t!("guide-images.tip"),
                Command::SeriesFromFolder,
                has_series,
            ),
            step(
                t!("guide-estimate"),
                t!("guide-estimate.tip"),
                Command::SoilMoisture,
                is_estimated,
            ),
            step(
                t!("guide-soil-map"),
                t!("guide-soil-map.tip"),
                Command::SoilMoisture,
                has_map,
            ),
        ]
    }

    fn steps_of_forecast(&self) -> Vec<Step> {
        let has_series = !self.image_series().is_empty();
        let has_weather = self.session.weather.table.is_some();
        let is_made = self.has_finished(|spec| matches!(spec, JobSpec::Forecast(_)));
        vec![
            step(
                t!("guide-series"),
                t!("guide-series.tip"),
                Command::SeriesFromFolder,
                has_series,
            ),
            optional(
                t!("guide-weather"),
                t!("guide-weather.tip"),
                Command::AddWeather,
                has_weather,
            ),
            step(
                t!("guide-make-forecast"),
                t!("guide-make-forecast.tip"),
                Command::Forecast,
                is_made,
            ),
            step(
                t!("guide-compare"),
                t!("guide-compare.tip"),
                Command::Compare,
                is_made && self.session.compare.is_some(),
            ),
        ]
    }

    /// Whether a job of this kind came to its end in this session.
    fn has_finished(&self, is_it: impl Fn(&JobSpec) -> bool) -> bool {
        let mut jobs = self.jobs.list.iter();
        jobs.any(|job| matches!(job.state, JobState::Finished(_)) && is_it(&job.spec))
    }
}

fn step(title: &'static str, tip: &'static str, command: Command, is_done: bool) -> Step {
    Step {
        title,
        tip,
        command,
        is_done,
        is_optional: false,
    }
}

fn optional(title: &'static str, tip: &'static str, command: Command, is_done: bool) -> Step {
    Step {
        is_optional: true,
        ..step(title, tip, command, is_done)
    }
}
