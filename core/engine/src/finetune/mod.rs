//! The fine-tuning job: scene and labels to a model with a head of its own.
//! Knows the order of the steps. What a step trains on is in `crops`, what it looks like in `tuner`.

mod about;
mod crops;
mod labels;
mod scene_source;
mod scores;
mod spec;
mod tuner;

use std::time::Instant;

use burn::module::Module;
use serde_json::{Value, json};
use terroir_models::{HeadShape, Trainable, TunedModel};
use terroir_scene::Raster;

pub use about::About;
pub use spec::*;

use crate::catalogue::{Identity, ModelShelf};
use crate::dense::Geometry;
use crate::device::Compute;
use crate::inputs::{choose_bands_blocking, wavelengths_um};
use crate::monitor::{JobResult, Monitor, Stop};
use crate::provenance::{checksum_of, file_name};
use crate::setup::{guarded, open_device};
use crate::training::{
    AdamWSettings, Fall, Plan, RunFolder, Schedule, run_folder_of, time_of_batch, time_step, train,
};
use crate::{EmbedSpec, Estimate, Failure, JobSpec, Outcome};
use crops::Crops;
use labels::LabelMap;
use scene_source::SceneSource;
use tuner::{Tuner, best_path, save_model, tidy};

/// Side of a window where none is asked for, as in fields.
const WINDOW_PX: usize = 56;
/// Validation looks at this many windows at most, and at this many patches.
const CHECK_WINDOWS: usize = 64;
const CHECK_PATCHES: usize = 512;
/// Steps a kill may cost.
const CHECKPOINT_STEPS: u64 = 50;
/// Share of the steps over which the rate rises.
const WARMUP: u64 = 20;
/// Entries of the settings a resumed run may change.
const MAY_DIFFER: [&str; 2] = ["device", "resume"];

pub(crate) fn finetune(
    spec: &FinetuneSpec,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
) -> JobResult<Outcome> {
    check(spec)?;
    let begun = Instant::now();
    let as_embed = spec.as_embed();
    let compute = open_device(&as_embed, monitor);
    monitor.started(&compute.name);
    let raster = Raster::open(&spec.scene)?;
    if raster.info().is_field() {
        return Err(Failure::new(format!(
            "this file is a field, and a model is tuned on a scene; choose the scene, or train a head on the field (train)\n{}",
            spec.scene.display()
        ))
        .into());
    }
    let bands = choose_bands_blocking(&raster, &as_embed, monitor)?;
    let source = SceneSource::new(raster, bands)?;
    let labels = LabelMap::read(spec, &source, monitor)?;

    let (mut tuner, model, identity) = tuner_of(spec, &source, &labels, &compute, shelf, monitor)?;
    let learning = model.learning_count();

    let folder = run_folder_of(&spec.out);
    let settings = serde_json::to_value(spec)
        .map_err(|error| Failure::new("the job cannot be written down").with_details(error))?;
    let mut run = match spec.resume {
        true => RunFolder::resume(&folder, &settings, &MAY_DIFFER)?,
        false => RunFolder::create(&folder, &settings)?,
    };
    let trained = train(
        &mut tuner,
        model,
        &spec.plan(),
        &mut run,
        spec.resume,
        monitor,
    );
    let trained = match trained {
        Ok(trained) => trained,
        Err(stop) => {
            leave_no_empty_run(&run, &stop);
            return Err(stop);
        }
    };
    monitor.check()?;
    monitor.progress("writing the model", 0, 1);
    let best = tuner.best(trained.steps, &run);
    let kept = best_path(run.path());
    if best.is_none() {
        let about = About {
            steps: trained.steps,
            ..tuner.about.clone()
        };
        guarded(|| save_model(&trained.model, &about, &kept).map_err(|failure| failure.what))?;
    }
    copy_renamed(&kept, &spec.out)?;
    tidy(&run);
    let seconds = begun.elapsed().as_secs_f64();
    let figure = match &best {
        Some((step, sentence)) => format!("; best after {step}: {sentence}"),
        None => "; no validation labels, so the last step is kept".to_owned(),
    };
    let mut metrics = vec![
        ("steps".to_owned(), trained.steps as f64),
        ("loss".to_owned(), trained.loss),
        ("learning_parameters".to_owned(), learning as f64),
    ];
    metrics.extend(
        best.iter()
            .map(|(step, _)| ("best_step".to_owned(), *step as f64)),
    );
    metrics.extend(accuracy_metrics(&spec.out)?);
    metrics.push(("seconds".to_owned(), seconds));
    Ok(Outcome {
        files: vec![spec.out.clone(), run.metrics_path()],
        summary: format!(
            "{} fine-tuned ({}) in {} steps{figure}",
            identity.short(),
            spec.mode.words(),
            trained.steps
        ),
        metrics,
        warnings: monitor.warnings(),
    })
}

/// The model with its head, ready to learn, and what shows it the scene.
fn tuner_of<'a>(
    spec: &FinetuneSpec,
    source: &'a SceneSource,
    labels: &'a LabelMap,
    compute: &Compute,
    shelf: &mut ModelShelf,
    monitor: &Monitor<'_>,
) -> JobResult<(Tuner<'a>, TunedModel, Identity)> {
    monitor.progress("preparing the model", 0, 1);
    let (identity, encoder) =
        shelf.take(&spec.model, spec.weights.as_deref(), spec.seed, compute)?;
    identity
        .notes
        .iter()
        .for_each(|note| monitor.warn(note.clone()));
    let config = encoder.config().clone();
    if let TuneMode::LastBlocks(count) = spec.mode
        && count > config.depth
    {
        monitor.warn(format!(
            "the encoder has {} blocks; all of them learn",
            config.depth
        ));
    }
    let geometry = Geometry::with_window(&config, spec.window_px.unwrap_or(WINDOW_PX));
    let weights = labels.weights(&spec.class_weights)?;
    let trainable = spec.mode.trainable();
    let device = compute.device.clone().autodiff();
    let outputs = labels.outputs();
    let model = guarded(|| {
        let model = TunedModel::new(encoder, spec.head(), outputs, spec.seed, &compute.device);
        Ok(model.train().learning(trainable, spec.seed))
    })?;
    let about = About {
        task: spec.task,
        mode: spec.mode,
        classes: labels.classes.clone(),
        value_name: spec.value_name(),
        value_scale: labels.scale,
        wavelengths_um: wavelengths_um(&source.bands, config.radar_um(), monitor),
        bands: source.bands.clone(),
        window_px: geometry.window,
        encoder: identity.sentence(),
        was_pretrained: identity.is_trained,
        labels: labels_json(spec, labels)?,
        accuracy: Value::Null,
        steps: 0,
        job: JobSpec::Finetune(spec.clone()),
        device: compute.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let crops = Crops::new(
        source,
        labels,
        geometry,
        spec.task,
        spec.patch_label,
        spec.augment,
    );
    let mut tuner = Tuner::new(crops, device, weights, about);
    tuner.batch = spec.batch;
    tuner.kernels_stay = !trainable.moves_kernels();
    tuner.check_windows = tuner.crops.check_windows(most_windows(spec.task));
    tuner.check_every = spec.check_every as u64;
    tuner.patience = spec.patience;
    tuner.steps = spec.steps as u64;
    Ok((tuner, model, identity))
}

/// What the job reads, holds and takes. Some steps are taken to know the speed; nothing is written. The labels are not read: those
/// that are painted become a file only when the job starts.
pub(crate) fn estimate(
    spec: &FinetuneSpec,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
) -> JobResult<Estimate> {
    check(spec)?;
    let as_embed = spec.as_embed();
    let compute = open_device(&as_embed, monitor);
    let raster = Raster::open(&spec.scene)?;
    let pixels = raster.info().grid.window().pixels() as u64;
    let bands = choose_bands_blocking(&raster, &as_embed, monitor)?;
    let source = SceneSource::new(raster, bands)?;
    let labels = LabelMap::made_up(spec.task, source.grid());
    let even = FinetuneSpec {
        // Weights may be given by name, and these labels have others.
        class_weights: ClassWeights::Even,
        ..spec.clone()
    };
    let (mut tuner, model, identity) = tuner_of(&even, &source, &labels, &compute, shelf, monitor)?;
    let plan = spec.plan();
    let time = time_of_batch(spec.batch, |batch| {
        tuner.batch = batch;
        time_step(
            &mut tuner,
            model.clone(),
            &plan,
            [0, 1],
            compute.is_cpu(),
            monitor,
        )
    })?;
    // A look at the labels that validate is the way forward over some windows.
    let looks = spec.steps.div_ceil(spec.check_every.max(1)) as f64;
    let of_look = time.loss_secs / spec.batch as f64 * most_windows(spec.task) as f64;
    let states = match spec.mode {
        // Values, gradients and two moments.
        TuneMode::Full => 4,
        _ => 2,
    };
    let mut notes = vec![identity.sentence()];
    if spec.patience > 0 {
        notes.push(format!(
            "ends before that after {} looks at the validation labels without gain",
            spec.patience
        ));
    }
    notes.extend(monitor.warnings());
    Ok(Estimate {
        pixels,
        windows: (spec.steps * spec.batch) as u64,
        seconds: Some(spec.steps as f64 * time.secs(plan.accumulation) + looks * of_look),
        memory_bytes: 4 * identity.parameters * states + (spec.batch as u64) * (64 << 20),
        disk_bytes: 4 * identity.parameters * (states + 1),
        device: compute.name,
        notes,
    })
}

/// Windows a look at the validation labels goes over, at most.
fn most_windows(task: TuneTask) -> usize {
    match task {
        TuneTask::Patches => CHECK_PATCHES,
        TuneTask::Pixels | TuneTask::Values => CHECK_WINDOWS,
    }
}

impl FinetuneSpec {
    /// The encoder's side of the job, for what embedding shares with it.
    fn as_embed(&self) -> EmbedSpec {
        EmbedSpec {
            scene: self.scene.clone(),
            model: self.model.clone(),
            weights: self.weights.clone(),
            device: self.device.clone(),
            out: self.out.clone(),
            wavelengths_nm: self.wavelengths_nm.clone(),
            bands: self.bands.clone(),
            seed: self.seed,
            aoi: None,
        }
    }

    fn head(&self) -> HeadShape {
        match (self.task, self.mode) {
            (TuneTask::Patches, _) => HeadShape::Patch,
            (_, TuneMode::Probe) => HeadShape::PixelProbe,
            _ => HeadShape::Pixels,
        }
    }

    fn value_name(&self) -> String {
        match (self.task, &self.class_attribute) {
            (TuneTask::Values, Some(name)) => name.clone(),
            (TuneTask::Values, None) => "value".to_owned(),
            _ => String::new(),
        }
    }

    fn plan(&self) -> Plan {
        let steps = self.steps as u64;
        // A pretrained encoder needs small steps where its head needs large ones.
        let (peak, encoder) = match self.mode {
            TuneMode::Probe => (1e-2, 1.0),
            TuneMode::Frozen | TuneMode::Lora { .. } => (1e-3, 1.0),
            TuneMode::LastBlocks(_) | TuneMode::Full => (1e-3, 0.1),
        };
        Plan {
            seed: self.seed,
            schedule: Schedule {
                peak: self.learning_rate.unwrap_or(peak),
                warmup_steps: steps / WARMUP,
                steps,
                fall: Fall::Cosine,
            },
            accumulation: 1,
            adamw: AdamWSettings {
                beta_2: 0.999,
                decay: 0.01,
                rate_factors: vec![("encoder".to_owned(), encoder)],
                ..AdamWSettings::default()
            },
            checkpoint_every: CHECKPOINT_STEPS,
        }
    }
}

impl TuneMode {
    fn trainable(self) -> Trainable {
        match self {
            Self::Probe | Self::Frozen => Trainable::Nothing,
            Self::LastBlocks(count) => Trainable::LastBlocks(count),
            Self::Lora { rank, alpha } => Trainable::Lora { rank, alpha },
            Self::Full => Trainable::Everything,
        }
    }
}

/// Numbers nobody can mean.
fn check(spec: &FinetuneSpec) -> Result<(), Failure> {
    let wrong = |what: &str| Err(Failure::new(what.to_owned()));
    if spec.steps == 0 || spec.batch == 0 {
        return wrong("a training needs at least one step and one window a step");
    }
    if spec.batch > 1024 {
        return wrong(
            "more than 1024 windows a step do not fit any device; make more steps instead",
        );
    }
    if spec.check_every == 0 && spec.folds > 0 {
        return wrong("the steps between two checks must be at least 1");
    }
    if spec
        .window_px
        .is_some_and(|side| !(2..=1024).contains(&side))
    {
        return wrong("a window has from 2 to 1024 pixels a side");
    }
    if spec
        .learning_rate
        .is_some_and(|rate| !(rate.is_finite() && rate > 0.0))
    {
        return wrong("the learning rate must be a number above zero");
    }
    if let TuneMode::Lora { rank, alpha } = spec.mode
        && !((1..=256).contains(&rank) && alpha.is_finite() && alpha > 0.0)
    {
        return wrong("LoRA takes a rank from 1 to 256 and an alpha above zero");
    }
    if spec.mode == TuneMode::LastBlocks(0) {
        return wrong("with no block to learn choose the mode \"frozen\"");
    }
    if !(0.0..=0.9).contains(&spec.augment.drop_bands) {
        return wrong("from 0 to 0.9 of the bands can be left out");
    }
    for input in [Some(&spec.scene), Some(&spec.labels), spec.weights.as_ref()] {
        if input == Some(&spec.out) {
            return Err(Failure::new(format!(
                "the model would overwrite what it is made from; choose another name\n{}",
                spec.out.display()
            )));
        }
    }
    Ok(())
}

fn labels_json(spec: &FinetuneSpec, labels: &LabelMap) -> Result<Value, Failure> {
    let (training, validation) = (labels.counts(false), labels.counts(true));
    let counts = |numbers: &[usize]| -> Value {
        if labels.classes.is_empty() {
            return json!(numbers.first());
        }
        let named = labels.classes.iter().zip(numbers);
        Value::Object(
            named
                .map(|(class, count)| (class.name.clone(), json!(count)))
                .collect(),
        )
    };
    Ok(json!({
        "file": file_name(&spec.labels), "sha256": checksum_of(&spec.labels)?, "attribute": spec.class_attribute,
        "training_pixels": counts(&training), "validation_pixels": counts(&validation),
        "split": format!("one of {} spatial parts validates, polygons uncut, seed {}", spec.folds, spec.seed),
    }))
}

/// The numbers of the kept model's accuracy, by name.
fn accuracy_metrics(path: &std::path::Path) -> JobResult<Vec<(String, f64)>> {
    let about = About::of_file(path)?;
    let numbers = about.accuracy.as_object().into_iter().flatten();
    Ok(numbers
        .filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)))
        .collect())
}

/// A stopped run without a checkpoint is of no use to anybody.
fn leave_no_empty_run(run: &RunFolder, stop: &Stop) {
    if !run.checkpoint_path().exists()
        && let Err(error) = std::fs::remove_dir_all(run.path())
    {
        log::warn!(
            "{} could not be removed after {stop:?}: {error}",
            run.path().display()
        );
    }
}

/// Copies beside the target, then renames.
fn copy_renamed(from: &std::path::Path, to: &std::path::Path) -> Result<(), Failure> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = to.with_file_name(name);
    let failed = |error: std::io::Error| {
        std::fs::remove_file(&part).ok();
        Failure::io("the model cannot be written", to, &error)
    };
    // A plain new file: a copy would keep the rights of the run's own.
    let copy = || -> std::io::Result<()> {
        let mut target = std::fs::File::create(&part)?;
        std::io::copy(&mut std::fs::File::open(from)?, &mut target)?;
        target.sync_all()
    };
    copy().map_err(failed)?;
    std::fs::rename(&part, to).map_err(failed)
}
