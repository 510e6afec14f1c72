//! The engine proper: takes a job's plain description to the code that does it, and keeps models warm between jobs.

use std::path::{Path, PathBuf};

use crate::catalogue::ModelShelf;
use crate::cores;
use crate::cost::ImagesMade;
use crate::design::Design;
use crate::device::{self, Compute};
use crate::freed_memory;
use crate::monitor::{JobResult, Monitor, Stop};
use crate::shard::{ShardSpec, Share, cannot_be_sharded, shard_outcome};
use crate::worker::{Engine, serve};
use crate::{Estimate, Event, Failure, JobId, JobSpec, Outcome};
use crate::{
    acquire, assess, calc, change, cluster, colours, composite, cost, crop, embed, embed_season,
    embed_series, evaluate, exact_figures, export_field, export_raster, finetune, forecast,
    map_polygons, merge, overviews, predict, pretrain, pretrain_kgvsf, pretrain_stp, reconstruct,
    regress, sample, scene_map, similar, soil, train,
};

/// What the engine thread owns.
#[derive(Default)]
struct JobEngine {
    shelf: ModelShelf,
    /// Asked whether it is still alive after a panic.
    last_device: Option<Compute>,
}

impl JobEngine {
    fn run_job(&mut self, spec: &JobSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
        match spec {
            JobSpec::Embed(spec) => {
                let compute = device::open(&spec.device);
                self.last_device = Some(compute);
                embed::embed(
                    spec,
                    Share::WHOLE,
                    &Design::default(),
                    monitor,
                    &mut self.shelf,
                )
            }
            JobSpec::Train(spec) => train::train(spec, monitor),
            JobSpec::Predict(spec) => predict::predict(spec, Share::WHOLE, monitor),
            JobSpec::Assess(spec) => assess::assess(spec, monitor),
            JobSpec::Calc(spec) => calc::calc(spec, Share::WHOLE, monitor),
            JobSpec::Overviews(spec) => overviews::overviews(spec, monitor),
            JobSpec::Statistics(spec) => exact_figures::statistics(spec, monitor),
            JobSpec::Pretrain(spec) => {
                self.last_device = Some(device::open(&spec.device));
                pretrain::pretrain(spec, monitor)
            }
            JobSpec::PretrainStp(spec) => {
                self.last_device = Some(device::open(&spec.device));
                pretrain_stp::pretrain_stp(spec, monitor)
            }
            JobSpec::PretrainKgvsf(spec) => {
                self.last_device = Some(device::open(&spec.device));
                pretrain_kgvsf::pretrain_kgvsf(spec, monitor)
            }
            JobSpec::Models(spec) => acquire::acquire(spec, monitor),
            JobSpec::Finetune(spec) => {
                self.last_device = Some(device::open(&spec.device));
                finetune::finetune(spec, monitor, &mut self.shelf)
            }
            JobSpec::MapScene(spec) => {
                self.last_device = Some(device::open(&spec.device));
                scene_map::map_scene(spec, Share::WHOLE, monitor)
            }
            JobSpec::Sample(spec) => sample::sample(spec, monitor),
            JobSpec::Polygons(spec) => map_polygons::polygons(spec, monitor),
            JobSpec::Change(spec) => change::change(spec, Share::WHOLE, monitor),
            JobSpec::Cluster(spec) => cluster::cluster(spec, monitor),
            JobSpec::Regress(spec) => regress::regress(spec, Share::WHOLE, monitor),
            JobSpec::ExportField(spec) => export_field::export_field(spec, monitor),
            JobSpec::ExportRaster(spec) => export_raster::export_raster(spec, monitor),
            JobSpec::Similar(spec) => similar::similar(spec, Share::WHOLE, monitor),
            JobSpec::Pca(spec) => colours::pca(spec, monitor),
            JobSpec::Evaluate(spec) => evaluate::evaluate(spec, monitor),
            JobSpec::EmbedSeries(spec) => {
                self.last_device = Some(device::open(&spec.device));
                embed_series::embed_series(spec, Share::WHOLE, monitor)
            }
            JobSpec::EmbedSeason(spec) => {
                self.last_device = Some(device::open(&spec.device));
                embed_season::embed_season(spec, monitor)
            }
            JobSpec::Reconstruct(spec) => {
                self.last_device = Some(device::open(&spec.device));
                reconstruct::reconstruct(spec, monitor)
            }
            JobSpec::Composite(spec) => composite::composite(spec, Share::WHOLE, monitor),
            JobSpec::Crop(spec) => {
                self.last_device = Some(device::open(&spec.device));
                crop::crop(spec, monitor, &mut self.shelf)
            }
            JobSpec::Soil(spec) => soil::soil(spec, Share::WHOLE, monitor),
            JobSpec::Forecast(spec) => {
                if let Some(name) = spec.device() {
                    self.last_device = Some(device::open(name));
                }
                forecast::forecast(spec, monitor)
            }
            JobSpec::Shard(spec) => shard_outcome(spec.shard, self.run_shard(spec, monitor)),
            JobSpec::Merge(spec) => merge::merge(spec, monitor),
        }
    }

    fn run_shard(&mut self, spec: &ShardSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
        let share = Share::of(spec.shard);
        match &*spec.of {
            JobSpec::Embed(spec) => {
                self.last_device = Some(device::open(&spec.device));
                let design = Design::default();
                embed::embed(spec, share, &design, monitor, &mut self.shelf)
            }
            JobSpec::Predict(spec) => predict::predict(spec, share, monitor),
            JobSpec::Calc(spec) => calc::calc(spec, share, monitor),
            JobSpec::Composite(spec) => composite::composite(spec, share, monitor),
            JobSpec::Change(spec) => change::change(spec, share, monitor),
            JobSpec::Regress(spec) => regress::regress(spec, share, monitor),
            JobSpec::Similar(spec) => similar::similar(spec, share, monitor),
            JobSpec::Soil(spec) => soil::soil(spec, share, monitor),
            JobSpec::MapScene(spec) => {
                self.last_device = Some(device::open(&spec.device));
                scene_map::map_scene(spec, share, monitor)
            }
            JobSpec::EmbedSeries(spec) => {
                self.last_device = Some(device::open(&spec.device));
                embed_series::embed_series(spec, share, monitor)
            }
            _ => Err(cannot_be_sharded().into()),
        }
    }
}

impl Engine for JobEngine {
    fn run(&mut self, spec: &JobSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
        monitor.check()?;
        let _claims = spec.claim_outputs()?;
        let done = self.run_job(spec, monitor);
        freed_memory::give_back();
        done
    }

    fn estimate(&mut self, spec: &JobSpec, monitor: &Monitor<'_>) -> JobResult<Estimate> {
        match spec {
            JobSpec::Embed(spec) => embed::estimate(spec, monitor, &mut self.shelf),
            JobSpec::Train(spec) => cost::of_raster(&spec.field, 0),
            JobSpec::Assess(spec) => cost::of_raster(&spec.map, 0),
            JobSpec::Predict(spec) => cost::of_raster(&spec.field, 2),
            JobSpec::Calc(spec) => cost::of_raster(&spec.scene, 4),
            JobSpec::Overviews(spec) => overviews::estimate(spec),
            JobSpec::Statistics(spec) => cost::of_raster(&spec.raster, 0),
            JobSpec::Pretrain(spec) => pretrain::estimate(spec, monitor),
            JobSpec::PretrainStp(spec) => pretrain_stp::estimate(spec, monitor),
            JobSpec::PretrainKgvsf(spec) => pretrain_kgvsf::estimate(spec, monitor),
            JobSpec::Models(_) => {
                Err(Failure::new("what fetching weights costs depends on the network").into())
            }
            JobSpec::Finetune(spec) => finetune::estimate(spec, monitor, &mut self.shelf),
            JobSpec::MapScene(spec) => scene_map::estimate(spec, monitor),
            JobSpec::Sample(spec) => cost::of_raster(&spec.map, 0),
            JobSpec::Polygons(spec) => cost::of_raster(&spec.map, 1),
            JobSpec::Change(spec) => {
                let fields = [&spec.before, &spec.after].into_iter().chain(&spec.also);
                let fields: Vec<&Path> = fields.map(PathBuf::as_path).collect();
                cost::of_rasters(&fields, 4)
            }
            JobSpec::Cluster(spec) => cost::of_raster(&spec.field, 1),
            JobSpec::Regress(spec) => cost::of_raster(&spec.field, 4),
            JobSpec::ExportField(spec) => cost::of_raster(&spec.field, 64),
            JobSpec::ExportRaster(spec) => export_raster::estimate(spec),
            JobSpec::Similar(spec) => cost::of_raster(&spec.field, spec.bytes_a_pixel()),
            JobSpec::Pca(spec) => {
                let fields: Vec<&Path> = spec.fields.iter().map(PathBuf::as_path).collect();
                cost::of_rasters(&fields, 0)
            }
            JobSpec::Composite(spec) => {
                let made = ImagesMade {
                    window: None,
                    count: 1,
                    // A sensor's bands and the count of clear images, about.
                    bands: 16,
                    is_timed: true,
                    device: device::CPU.to_owned(),
                };
                cost::of_archive(&spec.archive, &made, monitor)
            }
            JobSpec::EmbedSeason(spec) => embed_season::estimate(spec, monitor),
            JobSpec::Crop(spec) => crop::estimate(spec, monitor, &mut self.shelf),
            JobSpec::Soil(spec) => soil::estimate(spec, monitor),
            JobSpec::Forecast(spec) => forecast::estimate(spec, monitor),
            JobSpec::Evaluate(spec) => match spec.rasters().first() {
                Some(raster) => cost::of_raster(raster, 0),
                None => Err(Failure::new("no field was named").into()),
            },
            JobSpec::EmbedSeries(spec) => embed_series::estimate(spec, monitor),
            JobSpec::Reconstruct(spec) => embed_series::estimate(&spec.as_field(), monitor),
            JobSpec::Shard(spec) => {
                let whole = self.estimate(&spec.of, monitor)?;
                Ok(share_of_estimate(whole, spec.shard.count() as u64))
            }
            JobSpec::Merge(spec) => merge::estimate(spec),
        }
    }

    fn is_usable(&mut self) -> bool {
        self.shelf.clear();
        self.last_device
            .as_ref()
            .is_none_or(|compute| compute.sync().is_ok())
    }
}

/// About what one of `count` shards costs; what is done once for the whole scene is done by each of them, too.
fn share_of_estimate(whole: Estimate, count: u64) -> Estimate {
    Estimate {
        pixels: whole.pixels.div_ceil(count),
        windows: whole.windows.div_ceil(count),
        seconds: whole.seconds.map(|seconds| seconds / count as f64),
        disk_bytes: whole.disk_bytes.div_ceil(count),
        ..whole
    }
}

/// Runs one job in this process (command line, demo). `on_event` gets everything the pipe would carry but the
/// last event, which is the result; `cancelled` is polled once a window.
pub fn run_here(
    spec: &JobSpec,
    on_event: &mut dyn FnMut(Event),
    cancelled: &dyn Fn() -> bool,
) -> Result<Outcome, Failure> {
    let stop = || cancelled().then_some(Stop::Cancelled);
    let monitor = Monitor::new(JobId(0), &stop, on_event);
    JobEngine::default()
        .run(spec, &monitor)
        .map_err(Failure::from)
}

/// What a job will cost, worked out in this process.
pub fn estimate_here(spec: &JobSpec, cancelled: &dyn Fn() -> bool) -> Result<Estimate, Failure> {
    let mut ignore = |_| {};
    let stop = || cancelled().then_some(Stop::Cancelled);
    let monitor = Monitor::new(JobId(0), &stop, &mut ignore);
    JobEngine::default()
        .estimate(spec, &monitor)
        .map_err(Failure::from)
}

/// What `terroir worker` runs: reads commands from stdin, writes events to stdout until shutdown or end of input.
pub fn worker_main() -> Result<(), Failure> {
    let input = std::io::BufReader::new(std::io::stdin());
    serve(
        input,
        std::io::stdout(),
        || {
            cores::join();
            JobEngine::default()
        },
        device::devices,
    )
}
