//! A field of a season in the window: the chosen images and the project's weather, and that as a job. Draws nothing, reads no file.

use std::path::PathBuf;

use terroir_engine::{EmbedSeasonSpec, FORECAST_MODELS, JobSpec};

use crate::archive_facts::ArchiveFacts;
use crate::language::t;
use crate::state::State;

/// What is asked beside what the form of the series says.
pub struct SeasonForm {
    pub model: String,
    /// Days whose images are looked at, as typed; empty = as above.
    pub support: String,
}

impl Default for SeasonForm {
    fn default() -> Self {
        Self {
            model: FORECAST_MODELS
                .first()
                .copied()
                .unwrap_or_default()
                .to_owned(),
            support: String::new(),
        }
    }
}

impl State {
    /// The job of the form.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn season_spec(&self, facts: &ArchiveFacts) -> Result<JobSpec, String> {
        let form = &self.series_field.season;
        let weather = self.history.document().weather.clone();
        let weather = weather.ok_or(t!("series-field-season-weather"))?;
        let weights: PathBuf = self
            .models
            .weights_of(&form.model)
            .ok_or_else(|| t!("series-field-season-weights", model = &form.model))?;
        let typed = crate::series_field::periods_of_text(&form.support)?;
        let support = match typed.as_slice() {
            [] => self.support_period()?,
            [only] => Some(*only),
            _ => return Err(t!("series-field-season-one").to_owned()),
        };
        let suffix = match &support {
            Some(support) => format!("season_{}", support.file_name()),
            None => "season".to_owned(),
        };
        Ok(JobSpec::EmbedSeason(EmbedSeasonSpec {
            archive: terroir_scene::ArchiveSpec {
                files: facts.files.clone(),
                reference: None,
            },
            weather,
            model: form.model.clone(),
            weights,
            support,
            device: self.run.device.clone(),
            out: self
                .series_out_path(facts, &suffix)
                .ok_or(t!("series-field-name-file"))?,
            aoi: None,
        }))
    }
}
