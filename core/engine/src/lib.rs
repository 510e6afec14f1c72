//! The engine: jobs from scene to map, run in the worker process or in the command line's own.
//! Knows scenes and models. Knows nothing of windows.

mod acquire;
mod assess;
mod band_match;
mod bench;
mod bench_points;
mod blocks;
mod calc;
mod catalogue;
mod change;
mod cluster;
mod colours;
mod command;
mod composite;
mod cores;
mod cost;
mod crop;
mod dense;
mod design;
mod device;
mod download;
mod embed;
mod embed_season;
mod embed_series;
mod engine;
mod evaluate;
mod exact_figures;
mod export_field;
mod export_raster;
mod finetune;
mod forecast;
mod freed_memory;
mod health;
mod inputs;
mod job;
mod journal;
mod kept_kernels;
mod link;
mod local;
mod lost_device;
mod map_polygons;
mod merge;
mod monitor;
mod outputs;
mod overviews;
mod predict;
mod pretrain;
mod pretrain_kgvsf;
mod pretrain_stp;
mod process;
mod projection;
mod provenance;
mod queue;
mod reconstruct;
mod regress;
mod regression_report;
mod report;
mod report_charts;
mod report_figures;
mod report_page;
mod report_pictures;
mod sample;
mod scene_map;
mod setup;
mod shard;
mod similar;
mod soil;
mod speed;
mod split;
mod split_file;
mod store;
mod suggest;
mod train;
pub mod training;
mod trial;
mod unseen;
mod weather_series;
mod weather_words;
mod worker;

pub use bench::{BenchRow, bench_field};
pub use catalogue::load_weights;
pub use change::ChangeSpec;
pub use cluster::ClusterSpec;
pub use colours::PcaSpec;
pub use command::{command_line, reproduce_spec, shell_line};
pub use composite::{CompositeKind, CompositeSpec};
pub use cores::join as join_cores;
pub use crop::{
    CropFamily, CropFigure, CropMapOf, CropModel, CropResults, CropSeason, CropSpec, CropTuning,
};
pub use design::Design;
pub use device::{CPU, devices};
pub use embed::projection_path;
pub use embed_season::EmbedSeasonSpec;
pub use embed_series::{EmbedSeriesSpec, sources_of_weights};
pub use engine::{estimate_here, run_here, worker_main};
pub use evaluate::{
    Candidate, CandidateAbout, CandidateSource, ClassPlaces, Difference, EVALUATION_SCHEMA,
    EvaluateSpec, Evaluation, Measure, ResultRow, Shots,
};
pub use exact_figures::StatisticsSpec;
pub use export_field::ExportFieldSpec;
pub use export_raster::ExportRasterSpec;
pub use finetune::{
    About as TunedAbout, Augmentations, ClassWeights, FinetuneSpec, MapSceneSpec, PatchLabel,
    TuneMode, TuneTask,
};
pub use forecast::{
    EarthNetFigures, FillSpec, ForecastFigures, ForecastMethod, ForecastSpec, HorizonFigures,
    MeanNdvi, MethodFigures, ModelForecast, TargetDays, TargetFigures, USUAL_HORIZON_DAYS,
    USUAL_STEP_DAYS, WhatIf, WhatIfFigures,
};
pub use health::{
    MachineFacts, ModelTrial, WorkerTrial, machine_facts, try_model_here, try_worker_blocking,
};
pub use job::*;
pub use journal::folder_of as working_folder_of;
pub use link::WorkerLink;
pub use lost_device::when_device_is_lost;
pub use map_polygons::PolygonsSpec;
pub use merge::MergeSpec;
pub use monitor::{JobResult, Monitor, Stop};
pub use predict::{confidence_path, uncertainty_path};
pub use pretrain_kgvsf::{PretrainKgvsfSpec, WeatherArchive};
pub use pretrain_stp::PretrainStpSpec;
pub use projection::Projection;
pub use reconstruct::ReconstructSpec;
pub use regress::{RegressSpec, ValueModel};
pub use regression_report::{RegressionReport, write_regression_report};
pub use report_figures::{AreaFigures, ClassFigures, Figure, read_area_figures};
pub use sample::SampleSpec;
pub use shard::{Shard, ShardSpec};
pub use similar::SimilarSpec;
pub use soil::{SoilCurve, SoilFigures, SoilResults, SoilSpec};
pub use speed::{
    KgvsfSpeedCase, Speed, SpeedCase, SpeedKind, StpSpeedCase, measure_kgvsf_speed, measure_speed,
    measure_stp_speed,
};
pub use store::{InstalledWeights, ModelStore, models, models_folder, size_text};
pub use suggest::{SuggestSpec, Suggested, suggest_here};
pub use terroir_models::{KGVSF_NAMES as FORECAST_MODELS, STP_NAMES as SERIES_MODELS, WeatherUse};
pub use trial::{Trial, TrialOpener, trial_main};
