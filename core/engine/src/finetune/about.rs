//! What a fine-tuned model's file says about itself: what it answers, what it expects of a scene, what it was trained on.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use terroir_models::HeadShape;
use terroir_scene::Class;

use super::spec::{TuneMode, TuneTask};
use crate::inputs::InputBand;
use crate::{Failure, JobSpec};

/// Beside the tensors, in the header of the same file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    pub task: TuneTask,
    pub mode: TuneMode,
    /// In the order of the outputs; none for values.
    pub classes: Vec<Class>,
    /// What the value is called; empty for classes.
    #[serde(default)]
    pub value_name: String,
    /// Mean and deviation from the learnt scale to the labels' own.
    pub value_scale: (f64, f64),
    /// Bands with the statistics they are normalised with.
    pub bands: Vec<InputBand>,
    /// What the model is told of each band, micrometres.
    pub wavelengths_um: Vec<f32>,
    /// Side of a window in scene pixels.
    pub window_px: usize,
    /// Encoder, parameters and weights in words.
    pub encoder: String,
    /// Whether the encoder had trained weights before.
    pub was_pretrained: bool,
    /// File name, checksum and counts of the labels.
    pub labels: Value,
    /// On validation labels; null where there were none.
    #[serde(default)]
    pub accuracy: Value,
    /// Steps of training behind these weights.
    pub steps: u64,
    /// The job that made it.
    pub job: JobSpec,
    pub device: String,
    pub version: String,
}

impl About {
    /// Reads a file's header.
    ///
    /// # Errors
    /// Unreadable, or no fine-tuned model.
    pub fn of_file(path: &Path) -> Result<Self, Failure> {
        let (config, about) =
            terroir_models::about_tuned(path).map_err(|error| Failure::new(error.to_string()))?;
        let about = Self::understood(about, path)?;
        let outputs = about.classes.len().max(1);
        let unequal = outputs != config.outputs
            || about.bands.is_empty()
            || about.bands.len() != about.wavelengths_um.len()
            || about.window_px == 0
            || about.window_px > 1 << 14
            || (config.head == HeadShape::Patch) != (about.task == TuneTask::Patches);
        if unequal {
            return Err(Failure::new(format!(
                "the model's file contradicts itself (classes, bands and tensors do not fit together); train it again\n{}",
                path.display()
            )));
        }
        Ok(about)
    }

    pub(crate) fn understood(about: Value, path: &Path) -> Result<Self, Failure> {
        serde_json::from_value(about).map_err(|error| {
            Failure::new(format!(
                "this model's file was written by another version and cannot be understood; train it again\n{}",
                path.display()
            ))
            .with_details(error)
        })
    }

    /// For provenance and the message strip.
    pub fn sentence(&self) -> String {
        let task = match self.task {
            TuneTask::Pixels => "classes of pixels",
            TuneTask::Patches => "classes of patches",
            TuneTask::Values => "values of pixels",
        };
        format!(
            "{} fine-tuned for {task} ({}), {} steps",
            self.encoder,
            self.mode.words(),
            self.steps
        )
    }
}

impl TuneMode {
    /// As users know it.
    pub fn words(self) -> String {
        match self {
            Self::Probe => "linear probe".to_owned(),
            Self::Frozen => "frozen encoder".to_owned(),
            Self::LastBlocks(1) => "last block".to_owned(),
            Self::LastBlocks(count) => format!("last {count} blocks"),
            Self::Lora { rank, alpha } => format!("LoRA of rank {rank}, alpha {alpha}"),
            Self::Full => "whole encoder".to_owned(),
        }
    }
}
