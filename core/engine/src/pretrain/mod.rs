//! Masked pretraining of an encoder on the user's own scenes: the job, what a draw of it is, and the weights it leaves.
//! Knows the order of the steps. Knows nothing of how the loop over steps goes on.

mod crops;
mod preview;

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use serde_json::{Value, json};
use terroir_models::{
    Dofa, DofaConfig, Mask, MaskedConfig, MaskedDofa, Stream, TargetOrder, Teacher, TeacherView,
    load_dofa, load_teacher, save_dofa,
};
use terroir_scene::Raster;

use crate::device;
use crate::monitor::{JobResult, Monitor};
use crate::provenance::{file_name, sha256_of_file};
use crate::setup::guarded;
use crate::training::{
    AdamWSettings, Draw, Fall, Flow, Loss, Plan, RunFolder, Schedule, Task, Trained, run_of_job,
    time_of_batch, time_step, train,
};
use crate::{Estimate, Failure, Outcome, PretrainSpec};

use crops::{Batch, SceneSet};

/// Share of the steps the rate rises in: the published 20 of 120 epochs.
const WARM_UP: f64 = 1.0 / 6.0;
/// Sensors shown in a preview.
const SHOWN: usize = 3;

pub(crate) fn pretrain(spec: &PretrainSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    check(spec)?;
    monitor.progress("opening the device", 0, 1);
    let compute = device::open(&spec.device);
    if let Some(reason) = &compute.fallback {
        monitor.warn(reason.clone());
    }
    monitor.started(&compute.name);
    // What a run cannot begin without is looked at before anything is measured.
    let mut run = run_of_job(spec, &spec.out, spec.resume, spec.steps, &[], monitor)?;

    let plain = &compute.device;
    monitor.progress("preparing the model", 0, 1);
    let model = guarded_model(spec, &plain.clone().autodiff(), monitor)?;
    let teacher = load_teacher_for(spec, &model, plain)?;
    let radar_um = model.encoder().config().radar_um();
    let scenes = SceneSet::open_blocking(spec, &model, radar_um, monitor)?;
    scenes.describe(monitor);

    let plan = plan_of(spec);
    let mut task = Pretraining {
        spec,
        batch: spec.batch,
        device: plain.clone().autodiff(),
        scenes,
        teacher,
        preview: None,
    };
    let trained = train(&mut task, model, &plan, &mut run, spec.resume, monitor)?;
    finish(spec, &task, trained, &run, monitor)
}

fn plan_of(spec: &PretrainSpec) -> Plan {
    Plan {
        seed: spec.seed,
        schedule: Schedule {
            peak: spec.learning_rate,
            warmup_steps: (spec.steps as f64 * WARM_UP) as u64,
            steps: spec.steps,
            fall: Fall::Cosine,
        },
        accumulation: spec.accumulation.max(1),
        adamw: AdamWSettings::default(),
        checkpoint_every: spec.checkpoint_every,
    }
}

fn check(spec: &PretrainSpec) -> Result<(), Failure> {
    let problem = if spec.scenes.is_empty() {
        "no scene was given; name at least one"
    } else if spec.steps == 0 || spec.batch == 0 {
        "the number of steps and the batch must be at least 1"
    } else if !(spec.mask_ratio > 0.0 && spec.mask_ratio < 1.0) {
        "the share of hidden patches must lie between 0 and 1; 0.75 is usual"
    } else if !(spec.learning_rate > 0.0 && spec.learning_rate.is_finite()) {
        "the learning rate must be above 0"
    } else {
        return Ok(());
    };
    Err(Failure::new(problem))
}

fn guarded_model(
    spec: &PretrainSpec,
    device: &Device,
    monitor: &Monitor<'_>,
) -> Result<MaskedDofa, Failure> {
    guarded(|| {
        let encoder = match &spec.weights {
            Some(path) => {
                let loaded = load_dofa(path, device).map_err(|error| error.to_string())?;
                loaded.notes.into_iter().for_each(|note| monitor.warn(note));
                loaded.model
            }
            None => fresh_encoder(spec, device)?,
        };
        let image = spec.size.unwrap_or(encoder.config().image);
        MaskedConfig::of(encoder.config().clone(), image)
            .around(encoder, spec.seed, device)
            .map_err(|error| error.to_string())
    })
}

fn fresh_encoder(spec: &PretrainSpec, device: &Device) -> Result<Dofa, String> {
    let mut config = DofaConfig::by_name(&spec.model).ok_or_else(|| {
        format!(
            "there is no model \"{}\"; choose one of {}",
            spec.model,
            terroir_models::CATALOGUE.join(", ")
        )
    })?;
    if let Some(image) = spec.size {
        config.image = image;
    }
    Ok(config.init_for_pretraining(spec.seed, device))
}

fn load_teacher_for(
    spec: &PretrainSpec,
    model: &MaskedDofa,
    device: &Device,
) -> Result<Option<Teacher>, Failure> {
    let Some(path) = &spec.teacher else {
        return Ok(None);
    };
    let (teacher, _) = guarded(|| load_teacher(path, device).map_err(|error| error.to_string()))?;
    let width = model.encoder().config().width;
    if teacher.width() != width {
        return Err(Failure::new(format!(
            "the teacher is {} wide and the student {width}; choose a teacher of the student's width\n{}",
            teacher.width(),
            path.display()
        )));
    }
    Ok(Some(teacher))
}

struct Pretraining<'a> {
    spec: &'a PretrainSpec,
    /// Images of a draw.
    batch: usize,
    /// With gradients.
    device: Device,
    scenes: SceneSet,
    teacher: Option<Teacher>,
    /// One crop of each sensor shown, drawn once.
    preview: Option<Vec<Batch>>,
}

impl Pretraining<'_> {
    fn image(&self, batch: &Batch, device: &Device) -> Tensor<4> {
        let shape = [batch.count, batch.bands(), batch.side, batch.side];
        Tensor::from_data(TensorData::new(batch.values.clone(), shape), device)
    }

    fn mask(&self, name: &str, count: usize, patches: usize) -> Mask {
        let mut noise = Stream::new(self.spec.seed, name);
        let noise: Vec<f32> = (0..count * patches)
            .map(|_| noise.uniform() as f32)
            .collect();
        Mask::from_noise(&noise, patches, self.spec.mask_ratio)
    }

    /// Writes original, masked and predicted crops side by side.
    fn show(
        &mut self,
        model: &MaskedDofa,
        step: u64,
        run: &RunFolder,
        monitor: &Monitor<'_>,
    ) -> JobResult<()> {
        let crops = match self.preview.take() {
            Some(crops) => crops,
            None => self.scenes.one_of_each(SHOWN, monitor)?,
        };
        let model = model.valid();
        let plain = self.device.clone().without_autodiff();
        let mut picture = preview::Picture::default();
        for crop in &crops {
            let mask = self.mask("preview", 1, model.patches());
            let predicted = model
                .reconstruct(self.image(crop, &plain), &crop.wavelengths_um, &mask)
                .map_err(|error| Failure::new(error.to_string()))?
                .into_data()
                .try_into_vec::<f32>()
                .map_err(|error| {
                    Failure::new("the device did not give the preview back")
                        .with_details(format!("{error:?}"))
                })?;
            picture.add(crop, &predicted, &mask, model.encoder().config().patch);
        }
        self.preview = Some(crops);
        let path = run.preview_path(step)?;
        picture.write(&path)?;
        monitor.preview(&path);
        Ok(())
    }
}

impl Task for Pretraining<'_> {
    type Model = MaskedDofa;

    fn loss(&mut self, model: &MaskedDofa, draw: Draw, monitor: &Monitor<'_>) -> JobResult<Loss> {
        let batch = self.scenes.draw_blocking(draw, self.batch, monitor)?;
        let failed = |error: terroir_models::ModelError| Failure::new(error.to_string());
        let image = self.image(&batch, &self.device);
        let name = format!("mask {} {}", draw.step, draw.part);
        let mask = self.mask(&name, batch.count, model.patches());
        let wavelengths = &batch.wavelengths_um;
        let masked = model
            .masked_loss(image.clone(), wavelengths, &mask, TargetOrder::Bands, true)
            .map_err(failed)?;
        let (Some(teacher), Some(view)) = (&self.teacher, TeacherView::of(wavelengths)) else {
            return Ok(masked.into());
        };
        let shown = view.image(image.clone()).inner();
        let answer = Tensor::from_inner(teacher.vector(shown));
        let distilled = model
            .distillation_loss(image, &view, answer)
            .map_err(failed)?;
        Ok(Loss {
            total: masked.clone() + distilled.clone(),
            parts: vec![("masked_loss", masked), ("distillation_loss", distilled)],
        })
    }

    fn after_step(
        &mut self,
        model: &MaskedDofa,
        step: u64,
        run: &RunFolder,
        _figures: &mut Vec<(String, f64)>,
        monitor: &Monitor<'_>,
    ) -> JobResult<Flow> {
        let every = self.spec.checkpoint_every.max(1);
        if step == 1 || step == self.spec.steps || step.is_multiple_of(every) {
            self.show(model, step, run, monitor)?;
        }
        Ok(Flow::GoOn)
    }
}

fn finish(
    spec: &PretrainSpec,
    task: &Pretraining<'_>,
    trained: Trained<MaskedDofa>,
    run: &RunFolder,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    monitor.progress("writing the weights", 0, 1);
    let model = trained.model.valid();
    let mut notes = BTreeMap::new();
    notes.insert("format".to_owned(), "pt".to_owned());
    notes.insert(
        "terroir_training".to_owned(),
        story(spec, task, &trained)?.to_string(),
    );
    guarded(|| {
        save_dofa(model.encoder(), &spec.out, spec.half, &notes).map_err(|error| error.to_string())
    })?;
    let mut files = vec![spec.out.clone(), run.metrics_path()];
    files.extend(
        run.preview_path(trained.steps)
            .ok()
            .filter(|path| path.exists()),
    );
    Ok(Outcome {
        files,
        summary: format!(
            "Weights of {} after {} steps on {} scenes, loss {:.4}, {:.0} s",
            spec.model,
            trained.steps,
            spec.scenes.len(),
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

/// How the weights came about, for the file's own notes; names of files, not their folders.
fn story(
    spec: &PretrainSpec,
    task: &Pretraining<'_>,
    trained: &Trained<MaskedDofa>,
) -> Result<Value, Failure> {
    let start = match &spec.weights {
        Some(path) => format!("sha256 {}", sha256_of_file(path)?),
        None => format!("nothing, seed {}", spec.seed),
    };
    let teacher = match &spec.teacher {
        Some(path) => Some(format!("sha256 {}", sha256_of_file(path)?)),
        None => None,
    };
    let scenes: Vec<String> = spec
        .scenes
        .iter()
        .map(|scene| file_name(&scene.path))
        .collect();
    Ok(json!({
        "program": format!("terroir {}", env!("CARGO_PKG_VERSION")),
        "method": "DOFA masked pretraining",
        "model": spec.model,
        "image": task.scenes.side(),
        "start": start,
        "teacher": teacher,
        "steps": trained.steps,
        "batch": spec.batch,
        "accumulation": spec.accumulation,
        "learning_rate": spec.learning_rate,
        "mask_ratio": spec.mask_ratio,
        "seed": spec.seed,
        "bands_a_step": spec.bands_a_step,
        "wavelength_jitter_nm": spec.wavelength_jitter_nm,
        "last_loss": trained.loss,
        "seconds": trained.seconds.round(),
        "scenes": scenes,
    }))
}

/// What a run reads, takes and writes. Some steps are taken to know the speed; nothing is written.
pub(crate) fn estimate(spec: &PretrainSpec, monitor: &Monitor<'_>) -> JobResult<Estimate> {
    check(spec)?;
    let mut pixels = 0;
    for scene in &spec.scenes {
        let grid = Raster::open(&scene.path)?.info().grid.clone();
        pixels += (grid.width * grid.height) as u64;
    }
    let compute = device::open(&spec.device);
    let with_gradients = compute.device.clone().autodiff();
    let model = guarded_model(spec, &with_gradients, monitor)?;
    let teacher = load_teacher_for(spec, &model, &compute.device)?;
    let radar_um = model.encoder().config().radar_um();
    let scenes = SceneSet::open_blocking(spec, &model, radar_um, monitor)?;
    let config = model.config().clone();
    let bands = scenes.most_bands();
    let mut task = Pretraining {
        spec,
        batch: spec.batch,
        device: with_gradients,
        scenes,
        teacher,
        preview: None,
    };
    let plan = plan_of(spec);
    let time = time_of_batch(spec.batch, |batch| {
        task.batch = batch;
        time_step(
            &mut task,
            model.clone(),
            &plan,
            [0, 1],
            compute.is_cpu(),
            monitor,
        )
    })?;
    let decoder = config.decoder_parameters();
    let decoder: usize = decoder.iter().map(terroir_models::Parameter::len).sum();
    let floats = (config.encoder.parameter_count() + decoder) as u64;
    let of_batch = spec.batch as u64 * config.kept_floats(bands, spec.mask_ratio) as u64;
    Ok(Estimate {
        pixels,
        windows: spec.steps * spec.batch as u64 * plan.accumulation,
        seconds: Some(spec.steps as f64 * time.secs(plan.accumulation)),
        // Weights, gradients and two moments; what the way back needs of the way forward.
        memory_bytes: 16 * floats + 4 * of_batch,
        // Checkpoint of weights and moments, twice while one replaces the other.
        disk_bytes: 24 * floats,
        device: compute.name,
        notes: monitor.warnings(),
    })
}
