//! What the Training panel asks before a pretraining on images and weather, and that run as a job: the open series of one place
//! and the project's weather. Knows forms, layers and jobs. Draws nothing and reads no file.

use std::path::PathBuf;

use terroir_engine::{JobSpec, PretrainKgvsfSpec, WeatherArchive, WeatherUse};
use terroir_scene::ArchiveSpec;

use crate::jobs::beside;
use crate::language::t;
use crate::state::State;

/// The form of a pretraining on images and weather.
pub struct KgvsfForm {
    pub model: String,
    /// Go on from the model's weights instead of from nothing.
    pub from_weights: bool,
    pub masked_steps: u64,
    pub steps: u64,
    pub batch: usize,
    pub rate: f64,
}

impl Default for KgvsfForm {
    fn default() -> Self {
        Self {
            model: "kgvsf-tiny".to_owned(),
            from_weights: true,
            masked_steps: 0,
            steps: 800,
            batch: 8,
            rate: 1e-3,
        }
    }
}

impl State {
    /// The series forecasts are learnt from: name and dated images of those of the first place that are open.
    pub fn forecast_place(&self) -> Option<(String, usize)> {
        let group = self.series_groups().into_iter().next()?;
        let names: Vec<&str> = group.layers.iter().map(|(_, name)| name.as_str()).collect();
        (group.frames > 0).then(|| (names.join(", "), group.frames))
    }

    /// Where the weights go if nothing else is said.
    pub fn kgvsf_out_path(&self) -> Option<PathBuf> {
        let first = self.series_groups().into_iter().next()?;
        let suffix = self.training.kgvsf.model.replace('-', "_");
        Some(beside(&first.named_after()?, &suffix, "safetensors"))
    }

    /// The run the form describes; `Err` says what is missing.
    pub fn pretrain_kgvsf_spec(&self) -> Result<JobSpec, &'static str> {
        let form = &self.training.kgvsf;
        let files = self
            .series_groups()
            .into_iter()
            .next()
            .map(|group| group.files().to_vec())
            .filter(|files| !files.is_empty())
            .ok_or(t!("training-series-first"))?;
        let weather = self.history.document().weather.clone();
        let weather = weather.ok_or(t!("training-weather-first"))?;
        let out = match self.training.out.trim() {
            "" => self.kgvsf_out_path().ok_or(t!("training-series-first"))?,
            text => PathBuf::from(text),
        };
        let weights = self.models.weights_of(&form.model);
        Ok(JobSpec::PretrainKgvsf(PretrainKgvsfSpec {
            places: vec![WeatherArchive {
                archive: ArchiveSpec {
                    files,
                    reference: None,
                },
                weather,
            }],
            held_out: Vec::new(),
            model: form.model.clone(),
            weights: form.from_weights.then_some(weights).flatten(),
            wavelengths_nm: Vec::new(),
            weather_use: WeatherUse::Driver,
            masked_steps: form.masked_steps.min(form.steps),
            steps: form.steps,
            batch: form.batch,
            accumulation: 1,
            learning_rate: form.rate,
            side: None,
            seed: 0,
            keeps_odd_pixels: false,
            device: self.run.device.clone(),
            checkpoint_every: 50,
            resume: false,
            half: false,
            out,
        }))
    }
}
