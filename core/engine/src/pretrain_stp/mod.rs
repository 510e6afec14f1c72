//! Pretraining of an encoder of space and time on archives of dated frames, without labels: the job, and the weights it leaves.
//! Knows the order of the steps. Knows nothing of how a row is read or what its loss is.

mod chips;
mod labelled;
mod opening;
mod places;
mod preview;
mod reader;
mod rows;
mod sampling;
mod sources;
mod spec;
mod task;
mod text;
mod watch;

use burn::module::Module;
use burn::tensor::Device;
use serde_json::{Value, json};
use terroir_models::{STP_NAMES, StpConfig, save_stp};
use terroir_scene::{Archive, BandSums, Source};

use crate::device;
use crate::monitor::{JobResult, Monitor};
use crate::provenance::sha256_of_file;
use crate::setup::guarded;
use crate::training::{
    AdamWSettings, Fall, Plan, RunFolder, Schedule, Trained, run_of_job, time_of_batch, time_step,
    train,
};
use crate::{Estimate, Failure, Outcome};

use opening::{add_strata, open_archives, open_known, start_of};
use places::Places;
use preview::Previews;
use reader::RowReader;
use rows::{Opened, Rows};
pub use spec::PretrainStpSpec;
use task::{Learner, Pretraining};
use text::{TextHead, TextPoints};

/// Share of the steps the rate rises in (specification 8.2).
const WARM_UP: f64 = 0.05;
/// Gradients longer than this are shortened.
const CLIP: f32 = 1.0;
/// Archives shown in a preview.
const SHOWN: usize = 3;
/// The statistics of a run, in its folder: a resumed run has the same ones.
const SOURCES: &str = "sources.json";
pub(crate) fn pretrain_stp(spec: &PretrainStpSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    check(spec)?;
    monitor.progress("opening the device", 0, 1);
    let compute = device::open(&spec.device);
    if let Some(reason) = &compute.fallback {
        monitor.warn(reason.clone());
    }
    monitor.started(&compute.name);
    let mut run = run_of_job(
        spec,
        &spec.out,
        spec.resume,
        spec.steps,
        &["saves_memory"],
        monitor,
    )?;

    let with_gradients = with_gradients_on(spec, &compute.device);
    let start = start_of(spec, &with_gradients, monitor)?;
    let kept = run.path().join(SOURCES);
    let (sources, archives) = open_archives(spec, start.as_ref(), &kept, monitor)?;
    monitor.progress("preparing the model", 0, 1);
    let mut places = Places::new(archives.iter().map(Opened::extent).collect(), spec.side);
    if let Some(strata) = &spec.strata {
        add_strata(&mut places, strata, &archives, spec.seed, monitor)?;
    }
    let texts = match &spec.text {
        Some(path) => {
            let grids: Vec<_> = archives.iter().map(|opened| &opened.archive.grid).collect();
            let texts = TextPoints::read_blocking(path, &grids)?;
            monitor.metric("texts", texts.len() as f64);
            Some(texts)
        }
        None => None,
    };
    monitor.metric("archives", archives.len() as f64);
    let frames: usize = archives.iter().map(Opened::input_frames).sum();
    monitor.metric("frames", frames as f64);

    let stp = match start {
        Some(start) => start.model,
        None => fresh(spec, &sources)?.init(spec.seed, &with_gradients),
    };
    let text = texts
        .as_ref()
        .map(|texts| TextHead::new(texts.width(), spec.seed, &with_gradients));
    let learner = Learner { stp, text };

    let mut rows = Rows::new(
        archives,
        sources.clone(),
        places,
        texts.clone(),
        [spec.side, spec.frames, spec.batch],
    );
    let previews = previews_blocking(spec, &mut rows, monitor)?;
    let names: Vec<String> = rows.archives.iter().map(|o| o.name.clone()).collect();
    let plan = plan_of(spec);
    let mut task = task_of(spec, rows, sources, texts, previews, with_gradients)?;
    let trained = train(&mut task, learner, &plan, &mut run, spec.resume, monitor)?;
    finish(spec, &task, &names, trained, &run, monitor)
}

fn task_of(
    spec: &PretrainStpSpec,
    rows: Rows,
    sources: Vec<Source>,
    texts: Option<TextPoints>,
    previews: Previews,
    device: Device,
) -> Result<Pretraining, Failure> {
    let scales = rows.archives.iter().map(|opened| opened.scales.clone());
    Ok(Pretraining {
        scales: scales.collect(),
        reader: RowReader::start(rows, spec.accumulation.max(1), spec.steps)?,
        sources,
        texts,
        device,
        side: spec.side,
        previews,
        watch: watch::Watch::default(),
        every: spec.checkpoint_every,
        steps: spec.steps,
        by_source: Vec::new(),
    })
}

/// Where gradients are worked out.
fn with_gradients_on(spec: &PretrainStpSpec, device: &Device) -> Device {
    let device = device.clone().autodiff();
    match spec.saves_memory {
        true => device.gradient_checkpointing(),
        false => device,
    }
}

fn check(spec: &PretrainStpSpec) -> Result<(), Failure> {
    let problem = if spec.archives.is_empty() {
        "no archive was given; name at least one folder of dated scenes".to_owned()
    } else if !STP_NAMES.contains(&spec.model.as_str()) {
        format!(
            "there is no model \"{}\" to train on archives; choose one of {}",
            spec.model,
            STP_NAMES.join(", ")
        )
    } else if spec.steps == 0 || spec.frames == 0 {
        "the numbers of steps and of frames must be at least 1".to_owned()
    } else if spec.batch < 2 {
        "a batch needs two rows or more: different places are kept apart by comparing them"
            .to_owned()
    } else if spec.side == 0 || !spec.side.is_multiple_of(16) {
        format!(
            "crops of {} pixels cannot be cut into the model's squares; choose a multiple of 16, for example 32 or 64",
            spec.side
        )
    } else if !(spec.learning_rate > 0.0 && spec.learning_rate.is_finite()) {
        "the learning rate must be above 0".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::new(problem))
}

fn plan_of(spec: &PretrainStpSpec) -> Plan {
    Plan {
        seed: spec.seed,
        schedule: Schedule {
            peak: spec.learning_rate,
            warmup_steps: (spec.steps as f64 * WARM_UP) as u64,
            steps: spec.steps,
            fall: Fall::Linear,
        },
        accumulation: spec.accumulation.max(1),
        // Adam: no weight decays.
        adamw: AdamWSettings {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            decay: 0.0,
            decay_of_vectors: 0.0,
            rate_factors: Vec::new(),
            clip_norm: Some(CLIP),
        },
        checkpoint_every: spec.checkpoint_every,
    }
}

fn fresh(spec: &PretrainStpSpec, sources: &[Source]) -> Result<StpConfig, Failure> {
    let (inputs, targets) = sources::shapes(sources);
    let config = StpConfig::by_name(&spec.model, inputs, targets)
        .ok_or_else(|| Failure::new(format!("there is no model \"{}\"", spec.model)))?;
    match config.complaint() {
        Some(complaint) => Err(Failure::new(format!(
            "no network can be made for the sensors of these archives: {complaint}"
        ))),
        None => Ok(config),
    }
}

fn previews_blocking(
    spec: &PretrainStpSpec,
    rows: &mut Rows,
    monitor: &Monitor<'_>,
) -> JobResult<Previews> {
    monitor.progress("reading what is shown", 0, 1);
    let go_on = || !monitor.is_cancelled();
    let shown = rows.preview_blocking(SHOWN, &go_on)?;
    let (labelled_rows, labels) = match &spec.labels {
        Some(path) => labelled::labelled_blocking(rows, path, &go_on)?,
        None => Default::default(),
    };
    monitor.check()?;
    Ok(Previews {
        rows: shown,
        side: spec.side,
        labelled_rows,
        labels,
    })
}

fn finish(
    spec: &PretrainStpSpec,
    task: &Pretraining,
    names: &[String],
    trained: Trained<Learner>,
    run: &RunFolder,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    monitor.progress("writing the weights", 0, 1);
    let stp = trained.model.stp.valid();
    let start = match &spec.weights {
        Some(path) => format!("sha256 {}", sha256_of_file(path)?),
        None => format!("nothing, seed {}", spec.seed),
    };
    let about: Value = json!({
        "sources": task.sources,
        "training": {
            "program": format!("terroir {}", env!("CARGO_PKG_VERSION")),
            "method": "STP pretraining on archives",
            "model": spec.model,
            "start": start,
            "steps": trained.steps,
            "batch": spec.batch,
            "accumulation": spec.accumulation,
            "learning_rate": spec.learning_rate,
            "side": spec.side,
            "frames": spec.frames,
            "seed": spec.seed,
            "last_loss": trained.loss,
            "seconds": trained.seconds.round(),
            "archives": names,
        },
    });
    guarded(|| save_stp(&stp, &spec.out, spec.half, &about).map_err(|error| error.to_string()))?;
    let mut files = vec![spec.out.clone(), run.metrics_path()];
    files.extend(
        run.preview_path(trained.steps)
            .ok()
            .filter(|path| path.exists()),
    );
    Ok(Outcome {
        files,
        summary: format!(
            "Weights of {} after {} steps on {} archives, loss {:.4}, {:.0} s",
            spec.model,
            trained.steps,
            spec.archives.len(),
            trained.loss,
            trained.seconds
        ),
        metrics: vec![
            ("loss".to_owned(), trained.loss),
            ("steps".to_owned(), trained.steps as f64),
            ("seconds".to_owned(), trained.seconds),
        ],
        warnings: monitor.warnings(),
    })
}

/// What a run reads, takes and writes. Some steps are taken to know the speed; nothing is written. Values are not measured for
/// it, since mean and deviation change no time.
pub(crate) fn estimate(spec: &PretrainStpSpec, monitor: &Monitor<'_>) -> JobResult<Estimate> {
    check(spec)?;
    let compute = device::open(&spec.device);
    let with_gradients = with_gradients_on(spec, &compute.device);
    let start = start_of(spec, &with_gradients, monitor)?;
    let sources = match &start {
        Some(start) => start.sources().to_vec(),
        None => {
            let mut found = Vec::new();
            for archive in &spec.archives {
                monitor.check()?;
                let sources = Archive::open(archive, None)?.sources;
                found.extend(sources.into_iter().map(|source| source.source));
            }
            let none = |source: &Source| vec![BandSums::default(); source.bands.len()];
            let mut sources = sources::pooled(found.iter().map(|source| (source, none(source))));
            sources.retain(|source| sources::outputs(source) > 0);
            sources
        }
    };
    let archives = || open_known(spec, start.as_ref(), &sources, monitor);
    let mut pixels = 0;
    for opened in archives()? {
        let of_grid = opened.archive.grid.window().pixels();
        let frames = opened.archive.sources.iter().map(|of| of.frames.len());
        pixels += (of_grid * frames.sum::<usize>()) as u64;
    }
    let stp = match &start {
        Some(start) => start.model.clone(),
        None => fresh(spec, &sources)?.init(spec.seed, &with_gradients),
    };
    let learner = Learner { stp, text: None };
    let plan = plan_of(spec);
    let time = time_of_batch(spec.batch, |batch| {
        let archives = archives()?;
        let places = Places::new(archives.iter().map(Opened::extent).collect(), spec.side);
        let sizes = [spec.side, spec.frames, batch];
        let rows = Rows::new(archives, sources.clone(), places, None, sizes);
        let (none, device) = (Previews::default(), with_gradients.clone());
        let mut task = task_of(spec, rows, sources.clone(), None, none, device)?;
        time_step(
            &mut task,
            learner.clone(),
            &plan,
            [0, 1],
            compute.is_cpu(),
            monitor,
        )
    })?;
    let config = learner.stp.config();
    let floats = config.parameter_count() as u64;
    // Activations of the precision path, which is the largest: a handful of tensors a block.
    let half = (spec.side / 2 * spec.side / 2) as u64;
    let of_frame = half * config.precision as u64 * 12 * config.blocks as u64;
    let seen = (spec.batch * spec.frames) as u64;
    let mut notes = Vec::new();
    if start.is_none() {
        notes.push("The model starts untrained".to_owned());
    }
    notes.extend(monitor.warnings());
    Ok(Estimate {
        pixels,
        windows: spec.steps * spec.batch as u64 * plan.accumulation,
        seconds: Some(spec.steps as f64 * time.secs(plan.accumulation)),
        // Weights, gradients and two moments; activations of teacher and student.
        memory_bytes: 16 * floats + 8 * seen * of_frame,
        // Checkpoint of weights and moments, twice while one replaces the other.
        disk_bytes: 24 * floats,
        device: compute.name,
        notes,
    })
}
