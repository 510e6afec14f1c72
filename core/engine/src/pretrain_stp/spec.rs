//! What a pretraining on archives is told: plain words, as in `job`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use terroir_scene::ArchiveSpec;

/// Archives to the weights of an encoder of space and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainStpSpec {
    /// Dated frames of one place each, of any sensors.
    pub archives: Vec<ArchiveSpec>,
    /// Size of the encoder, as `models` lists it.
    pub model: String,
    /// Weights to go on from; they say which sources the model knows. `None` = from nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    pub steps: u64,
    /// Rows of a draw, from different places.
    pub batch: usize,
    /// Draws a step.
    pub accumulation: u64,
    /// At the end of the warm-up.
    pub learning_rate: f64,
    /// Side of the crops, pixels; a multiple of 16.
    pub side: usize,
    /// Frames of a row, at most.
    pub frames: usize,
    #[serde(default)]
    pub seed: u64,
    /// Raster or polygons whose classes are seen equally often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strata: Option<PathBuf>,
    /// Places with vectors of texts about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<PathBuf>,
    /// Labels that say how well neighbours in the field agree; never learnt from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// Works less out of memory and more again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub saves_memory: bool,
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

impl PretrainStpSpec {
    /// What the archives are read from.
    pub(crate) fn paths(&self) -> Vec<&Path> {
        let files = self.archives.iter().flat_map(|archive| &archive.files);
        files.map(|path| &**path).collect()
    }

    /// Words of the command line that say the same.
    pub(crate) fn words(&self) -> Vec<(String, Option<String>)> {
        let path = |path: &PathBuf| path.display().to_string();
        let mut words: Vec<(String, Option<String>)> = Vec::new();
        for archive in &self.archives {
            let files: Vec<String> = archive.files.iter().map(path).collect();
            let mut text = files.join(",");
            if let Some(reference) = &archive.reference {
                text = format!("{text}@{}", reference.display());
            }
            words.push((text, None));
        }
        let mut add = |word: &str, value: Option<String>| words.push((word.to_owned(), value));
        add("--model", Some(self.model.clone()));
        if let Some(weights) = &self.weights {
            add("--weights", Some(path(weights)));
        }
        add("--steps", Some(self.steps.to_string()));
        add("--batch", Some(self.batch.to_string()));
        add("--accumulation", Some(self.accumulation.to_string()));
        add("--learning-rate", Some(self.learning_rate.to_string()));
        add("--size", Some(self.side.to_string()));
        add("--frames", Some(self.frames.to_string()));
        add("--seed", Some(self.seed.to_string()));
        let files = [
            ("--strata", &self.strata),
            ("--text", &self.text),
            ("--labels", &self.labels),
        ];
        for (word, file) in files {
            if let Some(file) = file {
                add(word, Some(path(file)));
            }
        }
        if self.saves_memory {
            add("--save-memory", None);
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
