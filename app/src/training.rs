//! What the Training panel holds before a run starts, which run it shows, and the run as a job.
//! Knows forms and jobs. Draws nothing and reads no file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use terroir_engine::{
    Augmentations, ClassWeights, FinetuneSpec, JobId, JobSpec, MapSceneSpec, PatchLabel,
    PretrainSpec, TrainingScene, TuneMode, TuneTask,
};
use terroir_scene::{Layer, LayerId};

use crate::files::FileTask;
use crate::jobs::{Job, JobState, beside};
use crate::language::t;
use crate::news::job_name;
use crate::state::State;
use crate::training_kgvsf::KgvsfForm;
use crate::training_stp::StpForm;

/// What is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// An encoder, on scenes without labels.
    #[default]
    Pretrain,
    /// An encoder of space and time, on archives of dated scenes without labels.
    PretrainStp,
    /// A forecaster, on dated images and daily weather.
    PretrainKgvsf,
    /// A head, and more of the model if wanted, on a scene with labels.
    Finetune,
}

/// How strong low-rank additions are for their rank, as the command line has it by itself.
const LORA_ALPHA_A_RANK: f64 = 2.0;

/// What the panel asks before a run.
pub struct TrainingForm {
    pub kind: Kind,
    /// Scenes that are open and not to be used.
    pub left_out: HashSet<LayerId>,
    /// Go on from the model's weights instead of from nothing.
    pub from_weights: bool,
    /// Weights of a network trained on photographs, whose features are matched as well; empty = none.
    pub teacher: String,
    pub steps: u64,
    pub batch: usize,
    pub rate: f64,
    pub stp: StpForm,
    pub kgvsf: KgvsfForm,
    /// What a fine-tuned model answers with, and what of it learns.
    pub task: TuneTask,
    pub mode: TuneMode,
    /// Last blocks that learn, and the rank of low-rank additions, where the mode has them.
    pub blocks: usize,
    pub rank: usize,
    pub class_weights: ClassWeights,
    /// A file of labels; empty = those painted.
    pub labels: String,
    pub tune_steps: usize,
    pub tune_batch: usize,
    /// Empty = beside the first scene.
    pub out: String,
    /// The run that was told to stop and has not answered yet.
    pub stopping: Option<JobId>,
    /// The run on show; `None` = the newest.
    pub shown: Option<JobId>,
    pub preview: Option<Preview>,
    /// The preview file that is being read.
    asked: Option<(PathBuf, usize)>,
}

/// The newest picture a run made of itself.
pub struct Preview {
    pub path: PathBuf,
    pub image: Arc<egui::ColorImage>,
    pub texture: Option<egui::TextureHandle>,
}

impl Default for TrainingForm {
    fn default() -> Self {
        Self {
            kind: Kind::Pretrain,
            left_out: HashSet::new(),
            from_weights: false,
            teacher: String::new(),
            steps: 2000,
            batch: 16,
            rate: 5e-4,
            stp: StpForm::default(),
            kgvsf: KgvsfForm::default(),
            task: TuneTask::Pixels,
            mode: TuneMode::Frozen,
            blocks: 2,
            rank: 8,
            class_weights: ClassWeights::Balanced,
            labels: String::new(),
            tune_steps: 300,
            tune_batch: 8,
            out: String::new(),
            stopping: None,
            shown: None,
            preview: None,
            asked: None,
        }
    }
}

pub fn is_training(spec: &JobSpec) -> bool {
    matches!(
        spec,
        JobSpec::Pretrain(_)
            | JobSpec::PretrainStp(_)
            | JobSpec::PretrainKgvsf(_)
            | JobSpec::Finetune(_)
    )
}

/// Steps of a training.
pub fn steps_of(spec: &JobSpec) -> Option<u64> {
    match spec {
        JobSpec::Pretrain(spec) => Some(spec.steps),
        JobSpec::PretrainStp(spec) => Some(spec.steps),
        JobSpec::PretrainKgvsf(spec) => Some(spec.steps),
        JobSpec::Finetune(spec) => Some(spec.steps as u64),
        _ => None,
    }
}

/// Where a run keeps what it writes on the way: `<stem>.run` beside its output.
pub fn run_folder(spec: &JobSpec) -> Option<PathBuf> {
    match spec {
        JobSpec::Pretrain(spec) => Some(terroir_engine::training::run_folder_of(&spec.out)),
        JobSpec::PretrainStp(spec) => Some(terroir_engine::training::run_folder_of(&spec.out)),
        JobSpec::PretrainKgvsf(spec) => Some(terroir_engine::training::run_folder_of(&spec.out)),
        JobSpec::Finetune(spec) => Some(terroir_engine::training::run_folder_of(&spec.out)),
        _ => None,
    }
}

impl State {
    /// Open rasters a model can be trained on: neither fields nor class maps.
    pub fn training_scenes(&self) -> Vec<Arc<Layer>> {
        let mut paths = HashSet::new();
        self.history
            .document()
            .layers
            .iter()
            .filter(|layer| {
                self.raster_info(layer).is_some_and(|info| {
                    !info.is_field() && !info.is_class_map() && paths.insert(info.path.clone())
                })
            })
            .cloned()
            .collect()
    }

    /// Where the weights go if nothing else is said.
    pub fn training_out_path(&self) -> Option<PathBuf> {
        let (first, suffix) = match self.training.kind {
            Kind::Pretrain => (
                self.training_scenes().into_iter().next()?,
                self.run.model.replace('-', "_"),
            ),
            Kind::PretrainStp => return self.stp_out_path(),
            Kind::PretrainKgvsf => return self.kgvsf_out_path(),
            Kind::Finetune => (self.scene_layer()?, "tuned".to_owned()),
        };
        let info = self.raster_info(&first)?;
        Some(beside(&info.path, &suffix, "safetensors"))
    }

    /// The run the form describes; `Err` says what is missing.
    pub fn training_spec(&self) -> Result<JobSpec, &'static str> {
        let form = &self.training;
        match form.kind {
            Kind::Pretrain => {}
            Kind::PretrainStp => return self.pretrain_stp_spec(),
            Kind::PretrainKgvsf => return self.pretrain_kgvsf_spec(),
            Kind::Finetune => return self.finetune_spec(),
        }
        let scenes: Vec<TrainingScene> = self
            .training_scenes()
            .iter()
            .filter(|layer| !form.left_out.contains(&layer.id))
            .filter_map(|layer| {
                let info = self.raster_info(layer)?;
                Some(TrainingScene {
                    path: info.path.clone(),
                    wavelengths_nm: layer
                        .edited_wavelengths
                        .iter()
                        .map(|(band, wavelength)| (*band, wavelength.nm()))
                        .collect(),
                    bands: Vec::new(),
                })
            })
            .collect();
        if scenes.is_empty() {
            return Err(t!("training-choose-scene"));
        }
        let out = match form.out.trim() {
            "" => self.training_out_path().ok_or(t!("training-scene-first"))?,
            text => PathBuf::from(text),
        };
        let weights = if form.from_weights {
            self.run_weights()
        } else {
            None
        };
        Ok(JobSpec::Pretrain(PretrainSpec {
            scenes,
            model: self.run.model.clone(),
            weights,
            teacher: match form.teacher.trim() {
                "" => None,
                text => Some(PathBuf::from(text)),
            },
            steps: form.steps,
            batch: form.batch,
            accumulation: 1,
            learning_rate: form.rate,
            mask_ratio: 0.75,
            seed: 0,
            size: None,
            bands_a_step: 32,
            wavelength_jitter_nm: 0.0,
            device: self.run.device.clone(),
            checkpoint_every: 100,
            resume: false,
            half: false,
            out,
        }))
    }

    fn finetune_spec(&self) -> Result<JobSpec, &'static str> {
        let form = &self.training;
        let layer = self.scene_layer().ok_or(t!("training-scene-first"))?;
        let info = self.raster_info(&layer).ok_or(t!("training-scene-first"))?;
        let labels = match form.labels.trim() {
            "" if self.history.document().labels.is_some() => beside(&info.path, "labels", "gpkg"),
            "" => return Err(t!("training-labels-first")),
            text => PathBuf::from(text),
        };
        let out = match form.out.trim() {
            "" => self.training_out_path().ok_or(t!("training-scene-first"))?,
            text => PathBuf::from(text),
        };
        Ok(JobSpec::Finetune(FinetuneSpec {
            scene: info.path.clone(),
            labels,
            class_attribute: None,
            task: form.task,
            mode: match form.mode {
                TuneMode::LastBlocks(_) => TuneMode::LastBlocks(form.blocks),
                TuneMode::Lora { .. } => TuneMode::Lora {
                    rank: form.rank,
                    alpha: LORA_ALPHA_A_RANK * form.rank as f64,
                },
                mode => mode,
            },
            model: self.run.model.clone(),
            weights: self.run_weights(),
            device: self.run.device.clone(),
            out,
            wavelengths_nm: layer
                .edited_wavelengths
                .iter()
                .map(|(band, wavelength)| (*band, wavelength.nm()))
                .collect(),
            bands: Vec::new(),
            window_px: None,
            steps: form.tune_steps,
            batch: form.tune_batch,
            learning_rate: None,
            class_weights: form.class_weights.clone(),
            patch_label: PatchLabel::Majority,
            augment: Augmentations::default(),
            folds: 5,
            check_every: 25,
            patience: 6,
            seed: 0,
            resume: false,
        }))
    }

    /// The run on show: the one chosen, else the newest.
    pub fn shown_training(&self) -> Option<&Job> {
        let chosen = self.training.shown.and_then(|id| self.jobs.get(id));
        chosen.or_else(|| {
            self.jobs
                .list
                .iter()
                .rev()
                .find(|job| is_training(&job.spec))
        })
    }

    pub fn start_training(&mut self, spec: JobSpec) {
        self.autosave_now();
        // Painted labels become a file first, which the job and its command line name.
        if let JobSpec::Finetune(tune) = &spec
            && self.training.labels.trim().is_empty()
            && !tune.resume
            && let Some(labels) = self.history.document().labels.clone()
        {
            let path = tune.labels.clone();
            self.send(FileTask::SaveLabels {
                labels,
                path,
                job: Box::new(spec),
            });
            return;
        }
        let id = self.jobs.run(job_name(&spec), spec);
        self.training.shown = Some(id);
    }

    /// The same run, going on from its last checkpoint.
    pub fn resume_training(&mut self, spec: &JobSpec) {
        let mut spec = spec.clone();
        match &mut spec {
            JobSpec::Pretrain(spec) => spec.resume = true,
            JobSpec::PretrainStp(spec) => spec.resume = true,
            JobSpec::PretrainKgvsf(spec) => spec.resume = true,
            JobSpec::Finetune(spec) => spec.resume = true,
            _ => return,
        }
        self.start_training(spec);
    }

    /// The map of the scene by the model a finished fine-tuning left.
    pub fn map_spec_of(&self, job: &Job) -> Option<JobSpec> {
        let (JobSpec::Finetune(tune), JobState::Finished(_)) = (&job.spec, &job.state) else {
            return None;
        };
        Some(JobSpec::MapScene(MapSceneSpec {
            scene: tune.scene.clone(),
            model_file: tune.out.clone(),
            device: tune.device.clone(),
            out: beside(&tune.scene, "tuned_map", "tif"),
            wavelengths_nm: tune.wavelengths_nm.clone(),
            aoi: self.area_of_interest(),
        }))
    }

    /// Asks for the newest picture of the run on show, once.
    pub fn want_preview(&mut self) {
        let Some(job) = self.shown_training() else {
            return;
        };
        let Some(path) = job.preview.clone() else {
            if self.training.asked.is_none() {
                self.training.preview = None;
            }
            return;
        };
        let asked = Some((path.clone(), job.previews));
        if self.training.asked != asked {
            self.training.asked = asked;
            self.send(FileTask::LoadPicture { path });
        }
    }

    pub fn take_picture(&mut self, path: PathBuf, image: Arc<egui::ColorImage>) {
        self.training.preview = Some(Preview {
            path,
            image,
            texture: None,
        });
    }
}

/// Whether a run can go on: it was stopped or failed, and no other one has its output.
pub fn can_resume(job: &Job) -> bool {
    is_training(&job.spec)
        && matches!(job.state, JobState::Cancelled | JobState::Failed(_))
        && job.done > 0
}

/// Reads a picture. Blocks on the disk.
///
/// # Errors
/// Not there, or no picture.
pub fn load_picture_blocking(path: &Path) -> Result<egui::ColorImage, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut decoder = png::Decoder::new(std::io::BufReader::new(file));
    decoder.set_transformations(
        png::Transformations::normalize_to_color8() | png::Transformations::ALPHA,
    );
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let size = reader
        .output_buffer_size()
        .ok_or("the picture is too large")?;
    let mut bytes = vec![0; size];
    let info = reader
        .next_frame(&mut bytes)
        .map_err(|error| error.to_string())?;
    let shape = [info.width as usize, info.height as usize];
    let bytes = &bytes[..info.buffer_size()];
    match info.color_type {
        png::ColorType::Rgba => Ok(egui::ColorImage::from_rgba_unmultiplied(shape, bytes)),
        png::ColorType::Rgb => Ok(egui::ColorImage::from_rgb(shape, bytes)),
        png::ColorType::Grayscale => Ok(egui::ColorImage::from_gray(shape, bytes)),
        other => Err(format!("{other:?} is no colour type of a preview")),
    }
}
