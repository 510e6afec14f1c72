//! What becomes of jobs that end: messages, layers, figures. Knows jobs and the state of the window; draws nothing.

use std::path::PathBuf;

use terroir_engine::{JobId, JobSpec, ModelsAction, Outcome};

use crate::files::{FileTask, OpenRole};
use crate::jobs::{JobNews, JobState};
use crate::language::t;
use crate::messages::Level;
use crate::state::State;

impl State {
    pub(super) fn take_job_news(&mut self, news: JobNews, changed_files: &mut Vec<PathBuf>) {
        // A download that ends early leaves something, too.
        if matches!(news, JobNews::Failed { .. } | JobNews::Cancelled { .. })
            && self.models.list.is_some()
        {
            self.ask_for_models();
        }
        match news {
            JobNews::Finished { id } => self.take_outcome(id, changed_files),
            JobNews::Failed { name, failure } => {
                self.messages.show_with_details(
                    Level::Error,
                    format!("{name}: {}", failure.what),
                    failure.details,
                );
            }
            JobNews::Cancelled { name } => self
                .messages
                .show(Level::Info, t!("news-job-cancelled", name = name)),
            JobNews::Warning { id, name, text } => {
                let text = format!("{name}: {text}");
                // The panel of crops lists those of its run beside the figures they concern.
                let is_listed = self
                    .jobs
                    .get(id)
                    .is_some_and(|job| matches!(job.spec, JobSpec::Crop(_)));
                if is_listed {
                    self.messages.log(Level::Warning, text);
                } else {
                    self.messages.show(Level::Warning, text);
                }
            }
            JobNews::Wrote { path } => changed_files.push(path),
            JobNews::Measured { path, statistics } => {
                self.derived.statistics.take_exact(path, statistics);
            }
        }
    }

    pub(super) fn take_outcome(&mut self, id: JobId, changed_files: &mut Vec<PathBuf>) {
        let Some(job) = self.jobs.get(id) else {
            return;
        };
        let (JobState::Finished(outcome), spec) = (&job.state, job.spec.clone()) else {
            return;
        };
        let Outcome { files, summary, .. } = outcome.clone();
        changed_files.extend(files.iter().cloned());
        self.messages.show(Level::Info, summary);
        let map = files
            .first()
            .and_then(|map| self.jobs.companions.remove(map));
        if let Some(wanted) = map {
            self.send(FileTask::SaveCompanions {
                files: files.clone(),
                wanted,
            });
        }
        match spec {
            JobSpec::Change(_) | JobSpec::Cluster(_) | JobSpec::Regress(_) => {
                self.take_analysis(&spec, &files);
            }
            JobSpec::EmbedSeries(spec) => self.take_series_fields(&spec),
            JobSpec::Reconstruct(spec) => self.take_belief(spec),
            JobSpec::Embed(_)
            | JobSpec::EmbedSeason(_)
            | JobSpec::Predict(_)
            | JobSpec::Calc(_)
            | JobSpec::MapScene(_)
            | JobSpec::Merge(_)
            | JobSpec::Shard(_)
            | JobSpec::Composite(_) => {
                if let Some(path) = files.into_iter().next() {
                    self.open_raster(path, OpenRole::Result);
                }
            }
            JobSpec::Train(_)
            | JobSpec::Pretrain(_)
            | JobSpec::PretrainStp(_)
            | JobSpec::PretrainKgvsf(_)
            | JobSpec::Finetune(_)
            | JobSpec::ExportField(_)
            | JobSpec::ExportRaster(_)
            | JobSpec::Evaluate(_) => {}
            JobSpec::Crop(spec) => self.take_crops(&spec),
            JobSpec::Soil(spec) => self.take_soil(&spec, files),
            JobSpec::Forecast(spec) => self.take_forecast(&spec, files),
            JobSpec::Assess(spec) => self.take_assessment(&spec),
            JobSpec::Sample(spec) => self.take_drawn_sample(spec),
            JobSpec::Polygons(spec) => self.open_vector(spec.out),
            JobSpec::Models(_) => self.ask_for_models(),
            JobSpec::Similar(_) => self.take_similar(files),
            JobSpec::Pca(spec) => self.take_pca(&spec),
            JobSpec::Overviews(spec) => {
                changed_files.push(spec.raster.clone());
                self.take_overviews(&spec.raster);
            }
            JobSpec::Statistics(spec) => self.take_exact_limits(&spec.raster),
        }
    }
}

/// What a job is called in the list.
pub fn job_name(spec: &JobSpec) -> &'static str {
    match spec {
        JobSpec::Embed(_) => t!("job-embed"),
        JobSpec::EmbedSeries(_) | JobSpec::EmbedSeason(_) => t!("job-embed-series"),
        JobSpec::Reconstruct(_) => t!("job-reconstruct"),
        JobSpec::Train(_) => t!("job-train"),
        JobSpec::Predict(_) => t!("job-predict"),
        JobSpec::Assess(_) => t!("job-assess"),
        JobSpec::Calc(_) => t!("job-calc"),
        JobSpec::Overviews(_) => t!("job-overviews"),
        JobSpec::Statistics(_) => t!("job-statistics"),
        JobSpec::Pretrain(_) | JobSpec::PretrainStp(_) | JobSpec::PretrainKgvsf(_) => {
            t!("job-pretrain")
        }
        JobSpec::Models(spec) => match &spec.action {
            ModelsAction::Get { .. } => t!("job-weights-get"),
            ModelsAction::Import { .. } => t!("job-weights-import"),
            ModelsAction::Verify { .. } => t!("job-weights-verify"),
        },
        JobSpec::Finetune(_) => t!("job-finetune"),
        JobSpec::MapScene(_) => t!("job-map-scene"),
        JobSpec::Sample(_) => t!("job-sample"),
        JobSpec::Polygons(_) => t!("job-polygons"),
        JobSpec::Change(_) => t!("job-change"),
        JobSpec::Cluster(spec) if spec.from.is_some() => t!("job-cluster-map"),
        JobSpec::Cluster(_) => t!("job-cluster"),
        JobSpec::Regress(_) => t!("job-regress"),
        JobSpec::ExportField(_) => t!("job-export-field"),
        JobSpec::ExportRaster(_) => t!("job-export-raster"),
        JobSpec::Similar(_) => t!("job-similar"),
        JobSpec::Pca(_) => t!("job-pca"),
        JobSpec::Evaluate(_) => t!("job-evaluate"),
        JobSpec::Composite(_) => t!("job-composite"),
        JobSpec::Crop(_) => t!("job-crops"),
        JobSpec::Soil(_) => t!("job-soil"),
        JobSpec::Forecast(spec) if spec.fill.is_some() => t!("job-forecast-fill"),
        JobSpec::Forecast(_) => t!("job-forecast"),
        JobSpec::Shard(spec) => job_name(&spec.of),
        JobSpec::Merge(_) => t!("job-merge"),
    }
}
