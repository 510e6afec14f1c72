//! What a fine-tuning job and a map of a fine-tuned model are told: plain words, as in `job`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a fine-tuned model answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TuneTask {
    /// A class for every pixel.
    Pixels,
    /// A class for every patch of the scene.
    Patches,
    /// A value for every pixel.
    Values,
}

/// What learns beside the head.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TuneMode {
    /// Nothing, and the head is one linear layer.
    Probe,
    /// Nothing; for pixels and values the head is a feature pyramid with UPerNet.
    Frozen,
    /// The last blocks of the encoder, this many.
    LastBlocks(usize),
    /// Low-rank additions to the attention of every block.
    Lora { rank: usize, alpha: f64 },
    /// The whole encoder.
    Full,
}

/// How much each class counts in the loss.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// Rare classes more, so that every class has the same say; at most 10 and at least 0.1 times the mean.
    #[default]
    Balanced,
    /// Every pixel the same.
    Even,
    /// By class name; classes not named count 1.
    Given(Vec<(String, f64)>),
}

/// The class of a patch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchLabel {
    /// Most of its labelled pixels.
    #[default]
    Majority,
    /// The labelled pixel in its middle; patches then lie around labelled pixels.
    Centre,
}

/// What is varied from one look at a place to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Augmentations {
    /// Mirrored left to right or top to bottom.
    pub flip: bool,
    /// Turned by quarters.
    pub rotate: bool,
    /// The window lies anywhere around a label instead of having it in the middle.
    pub crop: bool,
    /// Up to this share of the bands is left out, another choice in each step.
    pub drop_bands: f64,
}

impl Default for Augmentations {
    fn default() -> Self {
        Self {
            flip: true,
            rotate: true,
            crop: true,
            drop_bands: 0.0,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinetuneSpec {
    pub scene: PathBuf,
    /// Shapes, points or a raster; for values a raster of numbers.
    pub labels: PathBuf,
    /// Attribute of the class, or of the value.
    #[serde(default)]
    pub class_attribute: Option<String>,
    pub task: TuneTask,
    pub mode: TuneMode,
    /// `dofa-tiny`, `dofa-small`, `dofa-base`, `dofa-large`.
    pub model: String,
    /// Weights file; `None` = seeded, untrained.
    #[serde(default)]
    pub weights: Option<PathBuf>,
    /// `auto`, `cpu` or an adapter's name as `devices` lists it.
    pub device: String,
    /// The model's file (`.safetensors`).
    pub out: PathBuf,
    /// (band from 0, nm): the user's edits and choices win over the file's.
    #[serde(default)]
    pub wavelengths_nm: Vec<(usize, f64)>,
    /// Bands to use (from 0); empty = all usable.
    #[serde(default)]
    pub bands: Vec<usize>,
    /// Side of what the model sees at once, scene pixels; `None` = 56, which it sees enlarged.
    #[serde(default)]
    pub window_px: Option<usize>,
    pub steps: usize,
    /// Windows a step.
    pub batch: usize,
    /// Highest learning rate; `None` = by mode.
    #[serde(default)]
    pub learning_rate: Option<f64>,
    #[serde(default)]
    pub class_weights: ClassWeights,
    #[serde(default)]
    pub patch_label: PatchLabel,
    #[serde(default)]
    pub augment: Augmentations,
    /// One of this many spatial parts of the labels validates; 0 = all train and the last step is kept.
    pub folds: usize,
    /// Steps between two looks at the validation labels.
    pub check_every: usize,
    /// Checks without a better score before the job ends early; 0 = never.
    pub patience: usize,
    #[serde(default)]
    pub seed: u64,
    /// Goes on with the run folder's checkpoint instead of beginning anew.
    #[serde(default)]
    pub resume: bool,
}

impl FinetuneSpec {
    /// Options of the command line that say the same, what is as by default left out.
    pub(crate) fn words(&self) -> Vec<(&'static str, Option<String>)> {
        let mut words: Vec<(&'static str, Option<String>)> = Vec::new();
        let mut add = |word: &'static str, value: String| words.push((word, Some(value)));
        let path = |path: &PathBuf| path.display().to_string();
        add("--labels", path(&self.labels));
        if let Some(attribute) = &self.class_attribute {
            add("--class-attribute", attribute.clone());
        }
        let task = match self.task {
            TuneTask::Pixels => "pixels",
            TuneTask::Patches => "patches",
            TuneTask::Values => "values",
        };
        add("--task", task.to_owned());
        match self.mode {
            TuneMode::Probe => add("--mode", "probe".to_owned()),
            TuneMode::Frozen => add("--mode", "frozen".to_owned()),
            TuneMode::LastBlocks(count) => {
                add("--mode", "last-blocks".to_owned());
                add("--blocks", count.to_string());
            }
            TuneMode::Lora { rank, alpha } => {
                add("--mode", "lora".to_owned());
                add("--rank", rank.to_string());
                add("--alpha", alpha.to_string());
            }
            TuneMode::Full => add("--mode", "full".to_owned()),
        }
        add("--model", self.model.clone());
        if let Some(weights) = &self.weights {
            add("--weights", path(weights));
        }
        add("--device", self.device.clone());
        if !self.wavelengths_nm.is_empty() {
            let text = crate::command::wavelengths_text(&self.wavelengths_nm);
            add("--wavelengths", text);
        }
        if !self.bands.is_empty() {
            let list: Vec<String> = self
                .bands
                .iter()
                .map(|band| band.saturating_add(1).to_string())
                .collect();
            add("--bands", list.join(","));
        }
        if let Some(side) = self.window_px {
            add("--window", side.to_string());
        }
        add("--steps", self.steps.to_string());
        add("--batch", self.batch.to_string());
        if let Some(rate) = self.learning_rate {
            add("--rate", rate.to_string());
        }
        match &self.class_weights {
            ClassWeights::Balanced => {}
            ClassWeights::Even => add("--class-weights", "even".to_owned()),
            ClassWeights::Given(given) => {
                let list: Vec<String> = given
                    .iter()
                    .map(|(name, weight)| format!("{name}={weight}"))
                    .collect();
                add("--class-weights", list.join(","));
            }
        }
        if self.patch_label == PatchLabel::Centre {
            add("--patch-label", "centre".to_owned());
        }
        if self.augment.drop_bands > 0.0 {
            add("--drop-bands", self.augment.drop_bands.to_string());
        }
        add("--folds", self.folds.to_string());
        add("--check-every", self.check_every.to_string());
        add("--patience", self.patience.to_string());
        if self.seed != 0 {
            add("--seed", self.seed.to_string());
        }
        add("--out", path(&self.out));
        for (word, is_said) in [
            // Without it, weights installed since would be taken.
            ("--untrained", self.weights.is_none()),
            ("--no-flip", !self.augment.flip),
            ("--no-rotate", !self.augment.rotate),
            ("--no-crop", !self.augment.crop),
        ] {
            if is_said {
                words.push((word, None));
            }
        }
        words
    }
}

/// Scene and fine-tuned model to a map: classes with `<stem>_confidence.tif`, or values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapSceneSpec {
    pub scene: PathBuf,
    /// As `finetune` wrote it.
    pub model_file: PathBuf,
    /// `auto`, `cpu` or an adapter's name as `devices` lists it.
    pub device: String,
    pub out: PathBuf,
    /// (band from 0, nm): the user's edits and choices win over the file's.
    #[serde(default)]
    pub wavelengths_nm: Vec<(usize, f64)>,
    /// Only pixels inside these polygons; the others become nodata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aoi: Option<terroir_scene::AreaSpec>,
}
