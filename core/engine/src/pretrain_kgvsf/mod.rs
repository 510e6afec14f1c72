//! Pretraining of a forecasting network on images and weather, without labels: the job, and the weights it leaves.
//! Knows the order of the steps. Knows nothing of how a sample is drawn or what its loss is.

mod crops;
mod opening;
mod sampling;
mod spec;
mod task;
mod validation;

use burn::module::Module;
use burn::tensor::Device;
use serde_json::{Value, json};
use terroir_models::{IndexBands, KGVSF_NAMES, KgvsfConfig, MaskedKgvsf};
use terroir_scene::{HORIZON_BINS, block_fold, block_px_of};

use crate::device;
use crate::monitor::{JobResult, Monitor};
use crate::provenance::sha256_of_file;
use crate::training::{
    AdamWSettings, Draw, Fall, Plan, RunFolder, Schedule, Trained, run_of_job, time_of_batch,
    time_step, train,
};
use crate::weather_series::{
    BinSkill, KgvsfAbout, ModelBand, ModelDriver, bands_by_wavelength, index_pair, known_model,
};
use crate::{Estimate, Failure, Outcome};

use crops::{Crops, Square};
use opening::{OpenPlace, Statistics, open_known, open_places};
pub use spec::{PretrainKgvsfSpec, WeatherArchive};
use task::{Examples, Pretraining};
use validation::Validation;

/// Gradients longer than this are shortened.
const CLIP: f32 = 1.0;
/// The statistics of a run, in its folder.
const STATISTICS: &str = "statistics.json";
/// Share of a place's images that are learnt from; the later ones are kept to look at.
const LEARNT: f64 = 0.8;
/// Places with fewer images are learnt from whole.
const LEAST_IMAGES: usize = 10;
/// Blocks of ground are dealt out to this many folds, one of which is kept to look at.
const FOLDS: usize = 5;
pub(crate) fn pretrain_kgvsf(
    spec: &PretrainKgvsfSpec,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    check(spec)?;
    monitor.progress("opening the device", 0, 1);
    let compute = device::open(&spec.device);
    if let Some(reason) = &compute.fallback {
        monitor.warn(reason.clone());
    }
    monitor.started(&compute.name);
    let mut run = run_of_job(spec, &spec.out, spec.resume, spec.steps, &[], monitor)?;
    let with_gradients = compute.device.clone().autodiff();

    let known = match &spec.weights {
        Some(path) => {
            monitor.progress("reading the weights", 0, 1);
            let (model, about, _) = known_model(path, &with_gradients)?;
            Some((model, about))
        }
        None => None,
    };
    let told = known.as_ref().map(|(_, about)| statistics_of(about));
    let bands = bands_by_wavelength(&spec.wavelengths_nm);
    let kept = run.path().join(STATISTICS);
    let (statistics, places, held_out) = open_places(spec, told, bands, &kept, monitor)?;
    monitor.metric("places", places.len() as f64);
    let images: usize = places.iter().map(|place| place.site.images.len()).sum();
    monitor.metric("images", images as f64);

    monitor.progress("preparing the model", 0, 1);
    let model = match known {
        Some((model, _)) => model,
        None => config_of(spec, &statistics)?.init(spec.seed, &with_gradients),
    };
    let config = model.config().clone();
    let side = side_of(spec, &config)?;
    let names: Vec<String> = places.iter().map(|place| place.site.name.clone()).collect();
    let mut examples = examples_of(spec, statistics, places, held_out, side, &config);
    let validation = Validation::draw_blocking(&mut examples, spec.seed, monitor)?;
    if validation.kept.is_empty() {
        monitor.warn(
            "nothing is kept to judge the forecasts by: no place has ten images and a later one to forecast; name a place to \
             hold out (--hold-out)",
        );
    }
    let start = match &spec.weights {
        Some(path) => format!("sha256 {}", sha256_of_file(path)?),
        None => format!("nothing, seed {}", spec.seed),
    };
    let plan = plan_of(spec);
    let mut task = task_of(
        spec,
        examples,
        validation,
        config.patch_px,
        with_gradients.clone(),
    );
    task.training = json!({
            "program": format!("terroir {}", env!("CARGO_PKG_VERSION")),
            "method": "KG-VSF pretraining on images and weather",
            "model": spec.model,
            "start": start,
            "masked_steps": spec.masked_steps,
            "batch": spec.batch,
            "accumulation": plan.accumulation,
            "learning_rate": spec.learning_rate,
            "side": side,
            "seed": spec.seed,
            "places": names,
    });
    task.best = best_of(&task, &run, spec.resume, &with_gradients);
    let learner = MaskedKgvsf::new(model, spec.seed, &with_gradients);
    let trained = train(&mut task, learner, &plan, &mut run, spec.resume, monitor)?;
    finish(spec, &task, trained, &run, monitor)
}

fn check(spec: &PretrainKgvsfSpec) -> Result<(), Failure> {
    let problem = if spec.places.is_empty() {
        "no place was given; name at least one folder of dated images and its weather table"
            .to_owned()
    } else if !KGVSF_NAMES.contains(&spec.model.as_str()) {
        format!(
            "there is no model \"{}\" to train on images and weather; choose one of {}",
            spec.model,
            KGVSF_NAMES.join(", ")
        )
    } else if spec.steps == 0 || spec.batch == 0 {
        "the numbers of steps and of samples must be at least 1".to_owned()
    } else if spec.masked_steps > spec.steps {
        "more steps of masked reconstruction than steps in all".to_owned()
    } else if spec.side == Some(0) {
        "crops need at least one patch".to_owned()
    } else if !(spec.learning_rate > 0.0 && spec.learning_rate.is_finite()) {
        "the learning rate must be above 0".to_owned()
    } else if spec
        .wavelengths_nm
        .iter()
        .any(|nm| !(nm.is_finite() && (300.0..=15_000.0).contains(nm)))
    {
        "wavelengths are given in nanometres, between 300 and 15000".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::new(problem))
}

fn task_of(
    spec: &PretrainKgvsfSpec,
    examples: Examples,
    validation: Validation,
    patch_px: usize,
    device: Device,
) -> Pretraining {
    Pretraining {
        index: index_bands(&examples.statistics.bands),
        examples,
        validation,
        device,
        batch: spec.batch,
        parts: spec.accumulation.max(1),
        patch_px,
        masked_steps: spec.masked_steps,
        steps: spec.steps,
        every: spec.checkpoint_every,
        best: None,
        last: Vec::new(),
        training: Value::Null,
    }
}

fn side_of(spec: &PretrainKgvsfSpec, config: &KgvsfConfig) -> Result<usize, Failure> {
    let side = spec.side.unwrap_or(config.image_px);
    if side.is_multiple_of(config.patch_px) {
        return Ok(side);
    }
    Err(Failure::new(format!(
        "crops of {side} pixels cannot be cut into patches of {}; choose a multiple of it",
        config.patch_px
    )))
}

fn plan_of(spec: &PretrainKgvsfSpec) -> Plan {
    Plan {
        seed: spec.seed,
        schedule: Schedule {
            peak: spec.learning_rate,
            warmup_steps: 0,
            steps: spec.steps,
            fall: Fall::Cosine,
        },
        accumulation: spec.accumulation.max(1),
        adamw: AdamWSettings {
            clip_norm: Some(CLIP),
            ..AdamWSettings::default()
        },
        checkpoint_every: spec.checkpoint_every,
    }
}

fn config_of(spec: &PretrainKgvsfSpec, statistics: &Statistics) -> Result<KgvsfConfig, Failure> {
    let mut config = KgvsfConfig::by_name(
        &spec.model,
        statistics.bands.len(),
        statistics.drivers.len(),
    )
    .ok_or_else(|| Failure::new(format!("there is no model \"{}\"", spec.model)))?;
    config.weather = spec.weather_use;
    match config.complaint() {
        Some(complaint) => Err(Failure::new(format!(
            "no such network can be made: {complaint}"
        ))),
        None => Ok(config),
    }
}

fn statistics_of(about: &KgvsfAbout) -> Statistics {
    Statistics {
        bands: about.bands.clone(),
        drivers: about.drivers.clone(),
        gsd_m: about.gsd_m,
    }
}

/// Red and near infrared, where the model has both.
fn index_bands(bands: &[ModelBand]) -> Option<IndexBands> {
    let known = |number: usize| {
        let band = &bands[number];
        (number, band.mean as f32, band.deviation as f32)
    };
    let (red, near_infrared) = index_pair(bands)?;
    Some(IndexBands {
        red: known(red),
        near_infrared: known(near_infrared),
    })
}

/// Which squares and days are learnt from: blocks of ground of one fold, and the last days of every place, are not.
fn examples_of(
    spec: &PretrainKgvsfSpec,
    statistics: Statistics,
    places: Vec<OpenPlace>,
    held_out: Vec<OpenPlace>,
    side: usize,
    config: &KgvsfConfig,
) -> Examples {
    let is_divided = held_out.is_empty();
    let last_days = places
        .iter()
        .map(|place| {
            let images = &place.site.images;
            let last = (images.len() as f64 * LEARNT) as usize;
            match is_divided && images.len() >= LEAST_IMAGES {
                true => images
                    .get(last.saturating_sub(1))
                    .map_or(i32::MAX, |image| image.day),
                false => i32::MAX,
            }
        })
        .collect();
    let bands = statistics.bands.len();
    let finds_clouds = !spec.keeps_odd_pixels;
    let mut crops = Crops::new(&places, side, bands, finds_clouds);
    let mut validation_squares = Vec::new();
    if is_divided {
        let is_kept_back = |square: &Square| -> (bool, bool) {
            let Some(place) = places.get(square.place) else {
                return (false, false);
            };
            let grid = &place.site.archive.grid;
            let block = block_px_of(grid).max(2 * side);
            let blocks = grid.width.div_ceil(block) * grid.height.div_ceil(block);
            if blocks < FOLDS {
                return (false, false);
            }
            let window = square.window;
            let corners = [
                (window.col, window.row),
                (window.end_col() - 1, window.row),
                (window.col, window.end_row() - 1),
                (window.end_col() - 1, window.end_row() - 1),
            ];
            let of_fold = corners.map(|(col, row)| {
                block_fold((col / block) as i64, (row / block) as i64, FOLDS, spec.seed) == 0
            });
            (of_fold.contains(&true), of_fold.iter().all(|is| *is))
        };
        validation_squares = crops
            .squares
            .iter()
            .filter(|square| is_kept_back(square).1)
            .copied()
            .collect();
        let learnt: Vec<Square> = crops
            .squares
            .iter()
            .filter(|square| !is_kept_back(square).0)
            .copied()
            .collect();
        // Where chance kept everything back, nothing is kept back.
        if learnt.is_empty() {
            validation_squares.clear();
        } else {
            crops.keep(learnt);
        }
    }
    Examples {
        held_out_crops: Crops::new(&held_out, side, bands, finds_clouds),
        crops,
        validation_squares,
        last_days,
        places,
        held_out,
        statistics,
        side,
        images: config.images,
        weather_days: config.weather_days,
    }
}

/// The best weights an earlier part of the run left.
fn best_of(
    task: &Pretraining,
    run: &RunFolder,
    is_resumed: bool,
    device: &burn::tensor::Device,
) -> Option<(f64, u64, Vec<BinSkill>)> {
    let path = Pretraining::best_path(run);
    if !is_resumed || !path.exists() || task.validation.kept.is_empty() {
        return None;
    }
    let (_, about, _) = known_model(&path, device).ok()?;
    let step = about.training.get("steps")?.as_u64()?;
    Some((validation::mean_ratio(&about.skill)?, step, about.skill))
}

fn finish(
    spec: &PretrainKgvsfSpec,
    task: &Pretraining,
    trained: Trained<MaskedKgvsf>,
    run: &RunFolder,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    monitor.progress("writing the weights", 0, 1);
    let best_path = Pretraining::best_path(run);
    let (step, skill) = match &task.best {
        Some((_, step, skill)) => (*step, skill.clone()),
        None => (trained.steps, task.last.clone()),
    };
    let mut about = task.about(&skill, step);
    if let Some(map) = about.training.as_object_mut() {
        map.insert("seconds".to_owned(), json!(trained.seconds.round()));
        map.insert("last_loss".to_owned(), json!(trained.loss));
    }
    let model = match task.best.is_some() && best_path.exists() {
        true => {
            let device = task.device.clone().without_autodiff();
            known_model(&best_path, &device)?.0
        }
        false => trained.model.model.valid(),
    };
    task.save(&model, &spec.out, spec.half, &about)?;
    let mut metrics = vec![
        ("loss".to_owned(), trained.loss),
        ("steps".to_owned(), trained.steps as f64),
        ("seconds".to_owned(), trained.seconds),
    ];
    let mut words = Vec::new();
    for bin in &skill {
        if let Some(value) = bin.skill() {
            metrics.push((format!("skill_{}_{}", bin.days.0, bin.days.1), value));
            words.push(format!(
                "{:+.2} at {} to {} days",
                value, bin.days.0, bin.days.1
            ));
        }
    }
    let is_of_use = |bin: &BinSkill| {
        bin.days.0 < HORIZON_BINS[1].0
            || bin.days.0 > HORIZON_BINS[2].0
            || bin.skill().is_some_and(|value| value > 0.0)
    };
    if !skill.iter().all(is_of_use) {
        monitor.warn(
            "the forecasts are no better than the last image kept as it was at 11 to 60 days; more places, years or steps may help",
        );
    }
    let skill_text = match words.is_empty() {
        true => "not judged".to_owned(),
        false => words.join(", "),
    };
    let mut files = vec![spec.out.clone(), run.metrics_path()];
    files.extend(
        run.preview_path(trained.steps)
            .ok()
            .filter(|path| path.exists()),
    );
    Ok(Outcome {
        files,
        summary: format!(
            "Weights of {} (step {step} of {}), skill over persistence {skill_text}, {:.0} s",
            spec.model, trained.steps, trained.seconds
        ),
        metrics,
        warnings: monitor.warnings(),
    })
}

/// What a run reads, takes and writes. Some steps are taken to know the speed; nothing is written. Values are not measured for
/// it, since mean and deviation change no time.
pub(crate) fn estimate(spec: &PretrainKgvsfSpec, monitor: &Monitor<'_>) -> JobResult<Estimate> {
    check(spec)?;
    let compute = device::open(&spec.device);
    let with_gradients = compute.device.clone().autodiff();
    let (statistics, model) = match &spec.weights {
        Some(path) => {
            let (model, about, _) = known_model(path, &with_gradients)?;
            (statistics_of(&about), model)
        }
        None => {
            let statistics = Statistics {
                bands: bands_by_wavelength(&spec.wavelengths_nm),
                drivers: ModelDriver::usual(),
                gsd_m: None,
            };
            let model = config_of(spec, &statistics)?.init(spec.seed, &with_gradients);
            (statistics, model)
        }
    };
    let config = model.config().clone();
    let places = open_known(&spec.places, &statistics, monitor)?;
    let held_out = open_known(&spec.held_out, &statistics, monitor)?;
    let pixels: usize = places
        .iter()
        .chain(&held_out)
        .map(|place| place.site.archive.grid.window().pixels() * place.site.images.len())
        .sum();
    let side = side_of(spec, &config)?;
    let examples = examples_of(spec, statistics, places, held_out, side, &config);
    let of_run = Validation::default();
    let mut task = task_of(
        spec,
        examples,
        of_run,
        config.patch_px,
        with_gradients.clone(),
    );
    let plan = plan_of(spec);
    let learner = MaskedKgvsf::new(model, spec.seed, &with_gradients);
    let of_steps = spec.steps - spec.masked_steps;
    // Either phase by itself. The squares of a first step are read before they are timed.
    let mut seconds = 0.0;
    for (first, count) in [(0, spec.masked_steps), (spec.masked_steps, of_steps)] {
        if count == 0 {
            continue;
        }
        let time = time_of_batch(spec.batch, |batch| {
            task.batch = batch;
            let draw = Draw {
                seed: plan.seed,
                step: first,
                part: 0,
            };
            task.found_blocking(draw, monitor)?;
            let (learner, steps) = (learner.clone(), [first; 2]);
            time_step(&mut task, learner, &plan, steps, compute.is_cpu(), monitor)
        })?;
        seconds += count as f64 * time.secs(plan.accumulation);
    }
    let draws = spec.steps * plan.accumulation * spec.batch as u64;
    seconds += task.examples.crops.read_by(draws) as f64 * task.examples.crops.secs_a_square();
    let floats = config.parameter_count() as u64;
    let tokens = (spec.batch * config.images) as u64 * (side / config.patch_px).pow(2) as u64;
    let blocks = (config.image_blocks + config.sequence_blocks + config.decoder_blocks) as u64;
    let of_token = blocks * (8 * config.width + 2 * config.mlp) as u64;
    let mut notes = Vec::new();
    if spec.weights.is_none() {
        notes.push("The model starts untrained".to_owned());
    }
    notes.extend(monitor.warnings());
    Ok(Estimate {
        pixels: pixels as u64,
        windows: draws,
        seconds: Some(seconds),
        // Weights, gradients and two moments; activations; crops.
        memory_bytes: 16 * floats + 4 * tokens * of_token + (512 << 20),
        // Checkpoint of weights and moments, twice while one replaces the other, and the best weights.
        disk_bytes: 28 * floats,
        device: compute.name,
        notes,
    })
}
