//! Jobs, commands and events: the plain words between window, command line and worker.
//! The same values go through the pipe, into project files and into a map's provenance.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use terroir_scene::{AssignedCrs, BandStatistics, HeadKind, Resampling, Uncertainty};

use crate::colours::PcaSpec;
use crate::crop::CropSpec;
use crate::embed_season::EmbedSeasonSpec;
use crate::embed_series::EmbedSeriesSpec;
use crate::exact_figures::StatisticsSpec;
use crate::export_field::ExportFieldSpec;
use crate::export_raster::ExportRasterSpec;
use crate::finetune::{FinetuneSpec, MapSceneSpec};
use crate::forecast::ForecastSpec;
use crate::map_polygons::PolygonsSpec;
use crate::pretrain_kgvsf::PretrainKgvsfSpec;
use crate::pretrain_stp::PretrainStpSpec;
use crate::reconstruct::ReconstructSpec;
use crate::sample::SampleSpec;
use crate::shard::ShardSpec;
use crate::similar::SimilarSpec;
use crate::soil::SoilSpec;
use crate::{
    ChangeSpec, ClusterSpec, CompositeSpec, EvaluateSpec, InstalledWeights, MergeSpec, RegressSpec,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// What to do. Paths are absolute or relative to the process's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "job")]
pub enum JobSpec {
    /// Scene to field.
    Embed(EmbedSpec),
    /// Field and labels to head.
    Train(TrainSpec),
    /// Field and head to class map (and `<stem>_confidence.tif`).
    Predict(PredictSpec),
    /// Map against reference labels to a report.
    Assess(AssessSpec),
    /// Scene and formula to a raster of floats.
    Calc(CalcSpec),
    /// Smaller copies of a raster in a file beside it.
    Overviews(OverviewsSpec),
    /// Raster to exact figures of its bands.
    Statistics(StatisticsSpec),
    /// Scenes to the weights of an encoder, by masked pretraining.
    Pretrain(PretrainSpec),
    /// Archives of dated frames to the weights of an encoder of space and time.
    PretrainStp(PretrainStpSpec),
    /// Dated images and weather to the weights of a forecasting network.
    PretrainKgvsf(PretrainKgvsfSpec),
    /// Weights into the user's folder, or a check of those there.
    Models(ModelsSpec),
    /// Scene and labels to a model with a head of its own.
    Finetune(FinetuneSpec),
    /// Scene and fine-tuned model to a map.
    MapScene(MapSceneSpec),
    /// Class map to the points of a validation sample.
    Sample(SampleSpec),
    /// Class map to polygons.
    Polygons(PolygonsSpec),
    /// Two fields to how far they lie apart.
    Change(ChangeSpec),
    /// Field to groups of pixels that are alike.
    Cluster(ClusterSpec),
    /// Field and measured values to a map of that value.
    Regress(RegressSpec),
    /// Field to a file of our own.
    ExportField(ExportFieldSpec),
    /// Raster to a file of the same numbers.
    ExportRaster(ExportRasterSpec),
    /// Field and examples to what is like them: mask, polygons, places.
    Similar(SimilarSpec),
    /// Fields to one basis of colours.
    Pca(PcaSpec),
    /// Fields and labels to how well simple heads do on each.
    Evaluate(EvaluateSpec),
    /// Dated images of several sensors to fields, one a valid period.
    EmbedSeries(EmbedSeriesSpec),
    /// Dated images and daily weather to one field.
    EmbedSeason(EmbedSeasonSpec),
    /// Dated images to what a model believes a sensor would have seen on a day.
    Reconstruct(ReconstructSpec),
    /// Dated images to one raster.
    Composite(CompositeSpec),
    /// Dated images, labels and weather to crop maps, with how well each description of the images does.
    Crop(CropSpec),
    /// Stations, weather and dated images to soil moisture.
    Soil(SoilSpec),
    /// Dated images to images of days that were not seen, or without gaps.
    Forecast(ForecastSpec),
    /// A share of the rows of another job.
    Shard(ShardSpec),
    /// Shards to the file a single run would have made.
    Merge(MergeSpec),
}

impl JobSpec {
    /// Rasters the job reads.
    pub fn rasters(&self) -> Vec<&Path> {
        match self {
            Self::Embed(spec) => vec![&spec.scene],
            Self::Train(spec) => vec![&spec.field],
            Self::Predict(spec) => vec![&spec.field],
            Self::Assess(spec) => vec![&spec.map, &spec.reference],
            Self::Calc(spec) => vec![&spec.scene],
            Self::Overviews(spec) => vec![&spec.raster],
            Self::Statistics(spec) => vec![&spec.raster],
            Self::Pretrain(spec) => spec.scenes.iter().map(|scene| &*scene.path).collect(),
            Self::PretrainStp(spec) => spec.paths(),
            Self::PretrainKgvsf(spec) => spec.paths(),
            Self::Models(_) => Vec::new(),
            Self::Finetune(spec) => vec![&spec.scene],
            Self::MapScene(spec) => vec![&spec.scene],
            Self::Sample(spec) => vec![&spec.map],
            Self::Polygons(spec) => vec![&spec.map],
            Self::Change(spec) => spec.fields(),
            Self::Cluster(spec) => vec![&spec.field],
            Self::Regress(spec) => vec![&spec.field],
            Self::ExportField(spec) => vec![&spec.field],
            Self::ExportRaster(spec) => vec![&spec.raster],
            Self::Similar(spec) => spec.rasters(),
            Self::Pca(spec) => spec.fields.iter().map(|field| &**field).collect(),
            Self::Evaluate(spec) => spec.rasters(),
            Self::EmbedSeries(spec) => spec.archive.files.iter().map(|file| &**file).collect(),
            Self::EmbedSeason(spec) => spec.archive.files.iter().map(|file| &**file).collect(),
            Self::Reconstruct(spec) => spec.archive.files.iter().map(|file| &**file).collect(),
            Self::Composite(spec) => spec.archive.files.iter().map(|file| &**file).collect(),
            Self::Crop(spec) => spec.rasters(),
            Self::Soil(spec) => spec.rasters(),
            Self::Forecast(spec) => spec.archive.files.iter().map(|file| &**file).collect(),
            Self::Shard(spec) => spec.of.rasters(),
            Self::Merge(spec) => spec.shards.iter().map(|shard| &**shard).collect(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedSpec {
    pub scene: PathBuf,
    /// `dofa-tiny`, `dofa-small`, `dofa-base`, `dofa-large`.
    pub model: String,
    /// Weights file; `None` = seeded, untrained.
    #[serde(default)]
    pub weights: Option<PathBuf>,
    /// `auto`, `cpu` or an adapter's name as `devices` lists it.
    pub device: String,
    pub out: PathBuf,
    /// (band from 0, nm): the user's edits and choices win over the file's.
    #[serde(default)]
    pub wavelengths_nm: Vec<(usize, f64)>,
    /// Bands to use (from 0); empty = all usable.
    #[serde(default)]
    pub bands: Vec<usize>,
    #[serde(default)]
    pub seed: u64,
    /// Only pixels inside these polygons; the others become nodata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aoi: Option<terroir_scene::AreaSpec>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainSpec {
    pub field: PathBuf,
    pub labels: PathBuf,
    #[serde(default)]
    pub class_attribute: Option<String>,
    pub kind: HeadKind,
    pub out: PathBuf,
    /// Folds of the blocked cross-validation; 0 = none.
    pub folds: usize,
    #[serde(default)]
    pub seed: u64,
    /// What classes weigh against the others, by name; the others weigh 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_weights: Vec<(String, f64)>,
    /// Neighbours that vote, for nearest neighbours; `None` = 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictSpec {
    pub field: PathBuf,
    pub head: PathBuf,
    /// Also writes how unsure the head is, as `<stem>_uncertainty.tif`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<Uncertainty>,
    /// Also writes the probability of every class, a band each, as `<stem>_probabilities.tif`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probabilities: bool,
    pub out: PathBuf,
    /// Only pixels inside these polygons; the others become nodata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aoi: Option<terroir_scene::AreaSpec>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssessSpec {
    pub map: PathBuf,
    pub reference: PathBuf,
    #[serde(default)]
    pub class_attribute: Option<String>,
    /// The reference is a stratified random sample of this map, drawn by its classes: areas are estimated from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_stratified_sample: bool,
    /// An image of the place, shown in the report beside the map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene: Option<PathBuf>,
    /// Gives kappa and MCC, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_kappa: bool,
    /// `report.json`; `.html` and `.csv` files go beside it.
    pub out: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalcSpec {
    pub scene: PathBuf,
    pub expression: String,
    /// What the result is called, e.g. `NDVI`; empty = the expression itself.
    #[serde(default)]
    pub name: String,
    pub out: PathBuf,
    /// (band from 0, nm): the user's edits win over the file's.
    #[serde(default)]
    pub wavelengths_nm: Vec<(usize, f64)>,
    /// Colour ramp of the style written beside the result.
    pub ramp: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverviewsSpec {
    /// Only read; the overviews go to `<raster>.ovr`.
    pub raster: PathBuf,
    /// `None` = by what the raster holds.
    #[serde(default)]
    pub resampling: Option<Resampling>,
}

/// A scene to train on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingScene {
    pub path: PathBuf,
    /// (band from 0, nm): the user's edits and choices win over the file's.
    #[serde(default)]
    pub wavelengths_nm: Vec<(usize, f64)>,
    /// Bands to use (from 0); empty = all usable.
    #[serde(default)]
    pub bands: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainSpec {
    /// Of any sensors; those with the same wavelengths share batches.
    pub scenes: Vec<TrainingScene>,
    /// Size of the encoder, as `models` lists it.
    pub model: String,
    /// Encoder to go on from; `None` = from nothing.
    #[serde(default)]
    pub weights: Option<PathBuf>,
    /// Vision transformer in timm's key names to learn from beside the pixels.
    #[serde(default)]
    pub teacher: Option<PathBuf>,
    pub steps: u64,
    /// Images of a draw.
    pub batch: usize,
    /// Draws a step, each of one sensor.
    pub accumulation: u64,
    /// At the end of the warm-up.
    pub learning_rate: f64,
    /// Share of the patches that is hidden.
    pub mask_ratio: f64,
    #[serde(default)]
    pub seed: u64,
    /// Side of the images, pixels; `None` = the model's own.
    #[serde(default)]
    pub size: Option<usize>,
    /// More bands than this are drawn anew for every batch; 0 = always all.
    #[serde(default)]
    pub bands_a_step: usize,
    /// Wavelengths are told to the model up to this much off, so that it does not learn single numbers.
    #[serde(default)]
    pub wavelength_jitter_nm: f64,
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
    /// Weights in the published key names (`.safetensors`).
    pub out: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelsSpec {
    /// Where the weights lie.
    pub folder: PathBuf,
    pub action: ModelsAction,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelsAction {
    /// Fetch published weights by the name of model or file, or any weights by their address.
    Get {
        name: String,
        /// What the file's hash must be, 64 hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// Take in a file.
    Import { file: PathBuf },
    /// Compare files with their hashes; `None` = all.
    Verify { name: Option<String> },
}

/// Window or command line to worker: one JSON document a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command")]
pub enum Command {
    Run {
        id: JobId,
        spec: JobSpec,
    },
    Cancel {
        id: JobId,
    },
    /// Systems of rasters whose files name none, for all jobs that follow.
    Systems {
        systems: Vec<AssignedCrs>,
    },
    /// Asks for `Event::Devices`.
    Devices,
    /// Asks for `Event::Estimate` without running.
    Estimate {
        id: JobId,
        spec: JobSpec,
    },
    Shutdown,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// What the user types: `cpu` or the adapter's name.
    pub name: String,
    /// `CPU`, `Vulkan`, `Metal`, `DirectX 12`.
    pub backend: String,
    /// `discrete`, `integrated`, `software`, `cpu`.
    pub kind: String,
    pub memory_bytes: Option<u64>,
    /// The driver and its version, as it names itself.
    #[serde(default)]
    pub driver: Option<String>,
}

/// What a job will cost, said before it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub pixels: u64,
    pub windows: u64,
    /// From a first measured window; `None` if nothing was measured.
    pub seconds: Option<f64>,
    pub memory_bytes: u64,
    pub disk_bytes: u64,
    pub device: String,
    /// `trained` or `untrained` model, fallbacks and other things to know.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Files written, most important first.
    pub files: Vec<PathBuf>,
    /// One sentence for the message strip.
    pub summary: String,
    /// Named figures (`overall_accuracy`, `seconds`, ...).
    pub metrics: Vec<(String, f64)>,
    pub warnings: Vec<String>,
}

/// Why a job failed: what happened, where, what to do next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub what: String,
    pub details: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// First line of a worker.
    Ready {
        version: String,
    },
    Devices {
        devices: Vec<DeviceInfo>,
    },
    Estimate {
        id: JobId,
        estimate: Estimate,
    },
    Started {
        id: JobId,
        device: String,
    },
    /// Newest value wins. `stage` e.g. "preparing kernels", "embedding".
    Progress {
        id: JobId,
        stage: String,
        done: u64,
        total: u64,
    },
    Metric {
        id: JobId,
        name: String,
        value: f64,
    },
    /// A window of the output is on disk and may be shown: (col, row, width, height).
    Tile {
        id: JobId,
        path: PathBuf,
        window: (usize, usize, usize, usize),
    },
    /// Exact figures of a band of a raster.
    Statistics {
        id: JobId,
        path: PathBuf,
        statistics: BandStatistics,
    },
    /// A picture of how far a job has come (PNG); the newest replaces the one before it.
    Preview {
        id: JobId,
        path: PathBuf,
    },
    Warning {
        id: JobId,
        text: String,
    },
    Finished {
        id: JobId,
        outcome: Outcome,
    },
    Cancelled {
        id: JobId,
    },
    Failed {
        id: JobId,
        failure: Failure,
    },
}

/// A model of the catalogue, for `terroir models` and the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    pub name: String,
    pub family: String,
    pub parameters: u64,
    pub patch: usize,
    pub width: usize,
    pub depth: usize,
    /// `trained` if weights are on this machine, else `untrained`.
    pub state: String,
    /// Weights in the user's folder, newest first.
    #[serde(default)]
    pub installed: Vec<InstalledWeights>,
    /// Weights that came with the program.
    #[serde(default)]
    pub built_in: Option<PathBuf>,
    /// Files others publish, the authors' first.
    #[serde(default)]
    pub published: Vec<PublishedWeights>,
}

impl ModelInfo {
    /// The weights it is run with if nothing else is said.
    pub fn weights(&self) -> Option<&Path> {
        self.installed
            .iter()
            .find(|weights| weights.is_there)
            .map(|weights| weights.path.as_path())
            .or(self.built_in.as_deref())
    }
}

/// A file that can be fetched for a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishedWeights {
    pub file: String,
    /// Repository of the model hub.
    pub repository: String,
    /// About; exact where the publisher tells it.
    pub bytes: u64,
    /// SHA-256 or its first digits.
    pub sha256: Option<String>,
    pub licence: String,
    pub note: String,
    /// Of a download that has not come to its end.
    pub bytes_there: u64,
}
