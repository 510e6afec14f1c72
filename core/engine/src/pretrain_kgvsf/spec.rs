//! What a pretraining on images and weather is told: plain words, as in `job`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use terroir_models::WeatherUse;
use terroir_scene::{ArchiveSpec, WeatherSpec};

use crate::weather_words::reading_words;

/// A place to learn from: dated images and daily weather.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeatherArchive {
    pub archive: ArchiveSpec,
    pub weather: WeatherSpec,
}

/// Places to the weights of a forecasting network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainKgvsfSpec {
    pub places: Vec<WeatherArchive>,
    /// Places that are only looked at to say how good the forecasts are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_out: Vec<WeatherArchive>,
    /// `kgvsf-tiny`, `kgvsf-small`, `kgvsf-base`.
    pub model: String,
    /// Weights to go on from; they say which bands the model knows. `None` = from nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// Wavelengths of the bands, nm; empty = blue, green, red, near infrared and two of short-wave infrared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wavelengths_nm: Vec<f64>,
    /// What weather does.
    #[serde(default)]
    pub weather_use: WeatherUse,
    /// Steps of masked reconstruction before the forecasting ones.
    #[serde(default)]
    pub masked_steps: u64,
    /// Steps of the whole run.
    pub steps: u64,
    pub batch: usize,
    /// Draws a step.
    pub accumulation: u64,
    /// At the end of the warm-up of each phase.
    pub learning_rate: f64,
    /// Side of the crops, pixels; `None` = the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<usize>,
    #[serde(default)]
    pub seed: u64,
    /// Keeps what looks like a cloud that no mask knew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_odd_pixels: bool,
    /// `auto`, `cpu` or an adapter's name as `devices` lists it.
    pub device: String,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Goes on with the run beside the output (`<stem>.run`).
    #[serde(default)]
    pub resume: bool,
    /// Writes the weights in half precision.
    #[serde(default)]
    pub half: bool,
    /// Weights (`.safetensors`).
    pub out: PathBuf,
}

impl WeatherArchive {
    fn words(&self) -> String {
        let files: Vec<String> = self
            .archive
            .files
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let mut text = files.join(",");
        if let Some(reference) = &self.archive.reference {
            text = format!("{text}@{}", reference.display());
        }
        text
    }
}

impl PretrainKgvsfSpec {
    /// What the images are read from.
    pub(crate) fn paths(&self) -> Vec<&Path> {
        let places = self.places.iter().chain(&self.held_out);
        let files = places.flat_map(|place| &place.archive.files);
        files.map(|path| &**path).collect()
    }

    /// Words of the command line that say the same.
    pub(crate) fn words(&self) -> Vec<(String, Option<String>)> {
        let path = |path: &Path| path.display().to_string();
        let mut words: Vec<(String, Option<String>)> = Vec::new();
        for place in &self.places {
            words.push((place.words(), None));
        }
        let mut add = |word: &str, value: Option<String>| words.push((word.to_owned(), value));
        for place in &self.places {
            add("--weather", Some(path(&place.weather.path)));
        }
        // One reading serves all tables.
        if let Some(first) = self.places.first() {
            for (word, value) in reading_words(&first.weather.reading) {
                add(word, Some(value));
            }
        }
        for place in &self.held_out {
            add("--hold-out", Some(place.words()));
        }
        for place in &self.held_out {
            add("--hold-out-weather", Some(path(&place.weather.path)));
        }
        add("--model", Some(self.model.clone()));
        if let Some(weights) = &self.weights {
            add("--weights", Some(path(weights)));
        }
        if !self.wavelengths_nm.is_empty() {
            let list: Vec<String> = self.wavelengths_nm.iter().map(f64::to_string).collect();
            add("--wavelengths", Some(list.join(",")));
        }
        let use_of_weather = match self.weather_use {
            WeatherUse::None => Some("none"),
            WeatherUse::Context => Some("context"),
            WeatherUse::Driver => None,
        };
        if let Some(word) = use_of_weather {
            add("--weather-use", Some(word.to_owned()));
        }
        add("--masked-steps", Some(self.masked_steps.to_string()));
        add("--steps", Some(self.steps.to_string()));
        add("--batch", Some(self.batch.to_string()));
        add("--accumulation", Some(self.accumulation.to_string()));
        add("--learning-rate", Some(self.learning_rate.to_string()));
        if let Some(side) = self.side {
            add("--size", Some(side.to_string()));
        }
        add("--seed", Some(self.seed.to_string()));
        if self.keeps_odd_pixels {
            add("--keep-odd-pixels", None);
        }
        add(
            "--checkpoint-every",
            Some(self.checkpoint_every.to_string()),
        );
        add("--device", Some(self.device.clone()));
        if self.half {
            add("--half", None);
        }
        add("--out", Some(path(&self.out)));
        words
    }
}
