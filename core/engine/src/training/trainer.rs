//! The loop over steps: draw, add up gradients, step, note, keep a checkpoint, stop when asked.
//! Knows a task's losses. Knows nothing of where they come from.

use std::collections::VecDeque;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Failure;
use crate::monitor::{JobResult, Monitor, Stop};
use crate::setup::guarded;
use crate::training::checkpoint::{self, Progress};
use crate::training::{AdamWSettings, Optimiser, RunFolder, Schedule};

/// Steps the shown speed is averaged over.
const SPEED_STEPS: usize = 20;

/// One part of one step. Everything random about it comes from these three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    pub seed: u64,
    /// Counted from 0.
    pub step: u64,
    /// Of the step's accumulated parts, counted from 0.
    pub part: u64,
}

/// The loss of a draw.
pub struct Loss {
    /// One number to go down on: `[1]`.
    pub total: Tensor<1>,
    /// What it is made of, by name, for the figures.
    pub parts: Vec<(&'static str, Tensor<1>)>,
}

impl From<Tensor<1>> for Loss {
    fn from(total: Tensor<1>) -> Self {
        Self {
            total,
            parts: Vec::new(),
        }
    }
}

/// Whether a run goes on after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    GoOn,
    /// The run is as good as it gets; it ends as if this had been its last step.
    Enough,
}

/// What is trained.
pub trait Task {
    type Model: Module;

    /// The loss of a draw. A device's panic in here becomes a failure of the job.
    fn loss(&mut self, model: &Self::Model, draw: Draw, monitor: &Monitor<'_>) -> JobResult<Loss>;

    /// Learning rate of a step, counted from 0; the schedule's, unless a task has phases of its own.
    fn rate(&self, step: u64, schedule: &Schedule) -> f64 {
        schedule.rate(step)
    }

    /// After every step, `step` steps being done: the place for validation, previews and stopping early. Figures pushed
    /// to `figures` go into the step's line and to whoever watches.
    fn after_step(
        &mut self,
        _model: &Self::Model,
        _step: u64,
        _run: &RunFolder,
        _figures: &mut Vec<(String, f64)>,
        _monitor: &Monitor<'_>,
    ) -> JobResult<Flow> {
        Ok(Flow::GoOn)
    }
}

/// How a run goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub seed: u64,
    pub schedule: Schedule,
    /// Draws whose gradients are averaged for a step.
    pub accumulation: u64,
    pub adamw: AdamWSettings,
    /// Steps between checkpoints: what a kill can cost.
    pub checkpoint_every: u64,
}

/// A finished run.
pub struct Trained<M> {
    pub model: M,
    /// Steps done.
    pub steps: u64,
    /// Loss of the last step.
    pub loss: f64,
    /// Of training, over all parts of the run.
    pub seconds: f64,
}

/// Runs a task to its end, or until it is stopped: a stop leaves a checkpoint of the last whole step.
/// `is_resumed`: goes on from the run folder's checkpoint.
pub fn train<T: Task>(
    task: &mut T,
    model: T::Model,
    plan: &Plan,
    run: &mut RunFolder,
    is_resumed: bool,
    monitor: &Monitor<'_>,
) -> JobResult<Trained<T::Model>> {
    let mut optimiser = Optimiser::new(plan.adamw.clone());
    let mut progress = Progress::default();
    let mut model = model;
    if is_resumed {
        let path = run.checkpoint_path();
        (model, progress) =
            guarded_job(|| checkpoint::load(&path, model, &mut optimiser).map_err(Stop::from))?;
        run.keep_metrics(progress.step)?;
    }
    let mut saved_at = progress.step;
    let mut clock = Instant::now();
    let mut recent: VecDeque<Instant> = VecDeque::new();
    while progress.step < plan.schedule.steps {
        let step = progress.step;
        monitor.progress("training", step, plan.schedule.steps);
        let drawn = guarded_job(|| draw_step(task, &model, plan, step, &mut optimiser, monitor));
        let (loss, parts) = match drawn {
            Ok(drawn) => drawn,
            Err(stop) => {
                optimiser.forget_gradients();
                progress.seconds += clock.elapsed().as_secs_f64();
                if stop_keeps_checkpoint(&stop) && progress.step > saved_at {
                    monitor.progress("saving", step, plan.schedule.steps);
                    checkpoint::save(&run.checkpoint_path(), &model, &optimiser, progress)?;
                }
                if stop_keeps_checkpoint(&stop) && progress.step > 0 {
                    monitor.warn(format!(
                        "stopped after step {} of {}; the run can be gone on with (--resume)",
                        progress.step, plan.schedule.steps
                    ));
                }
                return Err(stop);
            }
        };
        let rate = task.rate(step, &plan.schedule);
        model = guarded_job(|| Ok(optimiser.step(model, rate)))?;
        progress.step += 1;
        progress.seconds += clock.elapsed().as_secs_f64();
        clock = Instant::now();
        progress.loss = Some(loss);

        recent.push_back(clock);
        if recent.len() > SPEED_STEPS + 1 {
            recent.pop_front();
        }
        let mut figures = vec![
            ("loss".to_owned(), loss),
            ("learning_rate".to_owned(), rate),
        ];
        if let (Some(first), true) = (recent.front(), recent.len() > 1) {
            let seconds = clock.duration_since(*first).as_secs_f64();
            let speed = (recent.len() - 1) as f64 / seconds.max(1e-9);
            figures.push(("steps_a_second".to_owned(), speed));
        }
        figures.extend(parts);
        let flow =
            guarded_job(|| task.after_step(&model, progress.step, run, &mut figures, monitor))?;
        let mut line = Map::new();
        line.insert("step".to_owned(), json!(progress.step));
        for (name, value) in &figures {
            monitor.metric(name, *value);
            line.insert(name.clone(), json!(value));
        }
        run.note(&Value::Object(line))?;

        let is_last = progress.step == plan.schedule.steps || flow == Flow::Enough;
        if is_last || progress.step.is_multiple_of(plan.checkpoint_every.max(1)) {
            checkpoint::save(&run.checkpoint_path(), &model, &optimiser, progress)?;
            saved_at = progress.step;
        }
        if is_last {
            break;
        }
    }
    monitor.progress("training", progress.step, plan.schedule.steps);
    Ok(Trained {
        model,
        steps: progress.step,
        loss: progress.loss.unwrap_or(f64::NAN),
        seconds: progress.seconds,
    })
}

/// A failure may come from the model itself; what was saved before it is the better place to go on from.
fn stop_keeps_checkpoint(stop: &Stop) -> bool {
    matches!(stop, Stop::Cancelled | Stop::Interrupted)
}

/// Adds up the gradients of a step's draws; returns the mean loss and its parts.
fn draw_step<T: Task>(
    task: &mut T,
    model: &T::Model,
    plan: &Plan,
    step: u64,
    optimiser: &mut Optimiser<T::Model>,
    monitor: &Monitor<'_>,
) -> JobResult<(f64, Vec<(String, f64)>)> {
    let parts = plan.accumulation.max(1);
    let mut mean = 0.0;
    let mut means: Vec<(String, f64)> = Vec::new();
    for part in 0..parts {
        monitor.check()?;
        let draw = Draw {
            seed: plan.seed,
            step,
            part,
        };
        let loss = task.loss(model, draw, monitor)?;
        let value = number(&loss.total)?;
        if !value.is_finite() {
            return Err(Failure::new(format!(
                "the loss is no number any more at step {}; the last checkpoint is from before it: go on with a smaller \
                 learning rate, in a run with another output",
                step + 1
            ))
            .into());
        }
        mean += value / parts as f64;
        for (name, tensor) in &loss.parts {
            let value = number(tensor)? / parts as f64;
            match means.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += value,
                None => means.push(((*name).to_owned(), value)),
            }
        }
        monitor.check()?;
        optimiser.add(model, (loss.total / parts as f32).backward());
    }
    monitor.check()?;
    Ok((mean, means))
}

fn number(tensor: &Tensor<1>) -> Result<f64, Failure> {
    let values = tensor.clone().into_data().try_into_vec::<f32>();
    let value = values.ok().and_then(|values| values.first().copied());
    value
        .map(f64::from)
        .ok_or_else(|| Failure::new("the device did not give the loss back; choose another device"))
}

/// Runs tensor code that may also be stopped; a device's panic becomes words.
pub(super) fn guarded_job<T>(work: impl FnOnce() -> JobResult<T>) -> JobResult<T> {
    let mut stopped = None;
    let done = guarded(|| match work() {
        Ok(value) => Ok(Some(value)),
        Err(stop) => {
            stopped = Some(stop);
            Ok(None)
        }
    })?;
    match (done, stopped) {
        (Some(value), _) => Ok(value),
        (None, Some(stop)) => Err(stop),
        (None, None) => Err(Failure::new("the step gave nothing").into()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    use super::*;
    use crate::JobId;

    /// Fits a line to a few points that depend on the draw.
    struct Line {
        device: Device,
        /// Becomes no number at this step.
        breaks_at: Option<u64>,
        pause: std::time::Duration,
    }

    impl Line {
        fn new() -> Self {
            Self {
                device: Device::flex().autodiff(),
                breaks_at: None,
                pause: std::time::Duration::ZERO,
            }
        }

        fn model(&self) -> Linear {
            let mut model = LinearConfig::new(2, 1).init(&self.device);
            let weight = Tensor::<2>::from_data([[0.3f32], [-0.2]], &self.device);
            model.weight = burn::module::Param::from_tensor(weight);
            let bias = Tensor::<1>::from_data([0.1f32], &self.device);
            model.bias = Some(burn::module::Param::from_tensor(bias));
            model
        }
    }

    impl Task for Line {
        type Model = Linear;

        fn loss(&mut self, model: &Linear, draw: Draw, _: &Monitor<'_>) -> JobResult<Loss> {
            std::thread::sleep(self.pause);
            let x = (draw.step as f32 * 0.7 + draw.part as f32).sin();
            let points = Tensor::<2>::from_data([[x, 1.0], [-x, 0.5]], &self.device);
            let mut error = (model.forward(points) - 0.5).square().mean();
            if self.breaks_at == Some(draw.step) {
                error = error * f32::NAN;
            }
            Ok(Loss {
                parts: vec![("half", error.clone() / 2.0)],
                total: error,
            })
        }
    }

    fn plan(steps: u64) -> Plan {
        Plan {
            seed: 1,
            schedule: Schedule {
                peak: 0.05,
                warmup_steps: 3,
                steps,
                fall: crate::training::Fall::Cosine,
            },
            accumulation: 2,
            adamw: AdamWSettings::default(),
            checkpoint_every: 4,
        }
    }

    fn losses(run: &RunFolder) -> Vec<(u64, f64, f64)> {
        std::fs::read_to_string(run.metrics_path())
            .unwrap()
            .lines()
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                (
                    line["step"].as_u64().unwrap(),
                    line["loss"].as_f64().unwrap(),
                    line["half"].as_f64().unwrap(),
                )
            })
            .collect()
    }

    fn run_line(
        task: &mut Line,
        run: &mut RunFolder,
        is_resumed: bool,
        stop: &dyn Fn() -> Option<Stop>,
    ) -> JobResult<Trained<Linear>> {
        let mut ignore = |_| {};
        let monitor = Monitor::new(JobId(0), stop, &mut ignore);
        // Made anew, as in another process.
        let model = task.model();
        train(task, model, &plan(17), run, is_resumed, &monitor)
    }

    #[test]
    fn a_resumed_run_has_the_losses_of_an_uninterrupted_one() {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({});
        let mut whole = RunFolder::create(&folder.path().join("a"), &config).unwrap();
        let done = run_line(&mut Line::new(), &mut whole, false, &|| None).unwrap();
        let expected = losses(&whole);
        assert_eq!(expected.len(), 17);
        assert!(expected[16].1 < expected[0].1, "{expected:?}");

        // Cancelled within step 7 (checks come five times a step with two draws), which keeps six steps.
        let path = folder.path().join("b");
        let mut cut = RunFolder::create(&path, &config).unwrap();
        let checks = Cell::new(0);
        let stop = || {
            checks.set(checks.get() + 1);
            (checks.get() > 32).then_some(Stop::Cancelled)
        };
        let stopped = run_line(&mut Line::new(), &mut cut, false, &stop).err();
        assert_eq!(stopped, Some(Stop::Cancelled));
        drop(cut);
        let mut cut = RunFolder::resume(&path, &config, &[]).unwrap();
        let again = run_line(&mut Line::new(), &mut cut, true, &|| None).unwrap();
        assert_eq!(losses(&cut), expected);
        let read = |model: &Linear| {
            model
                .weight
                .val()
                .into_data()
                .try_into_vec::<f32>()
                .unwrap()
        };
        assert_eq!(read(&again.model), read(&done.model));
        // A finished run that is gone on with stays as it is.
        let same = run_line(&mut Line::new(), &mut cut, true, &|| None).unwrap();
        assert_eq!((same.steps, read(&same.model)), (17, read(&done.model)));
    }

    #[test]
    fn a_kill_costs_at_most_the_steps_since_the_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut run = RunFolder::create(&path, &json!({})).unwrap();
        // No number at step 11: as a kill, it leaves the checkpoint of step 8.
        let mut task = Line {
            breaks_at: Some(10),
            ..Line::new()
        };
        let failed = run_line(&mut task, &mut run, false, &|| None)
            .err()
            .unwrap();
        let Stop::Failed(failure) = failed else {
            panic!("{failed:?}")
        };
        assert!(failure.what.contains("step 11"), "{failure}");
        let mut optimiser = Optimiser::new(AdamWSettings::default());
        let (_, progress) =
            checkpoint::load(&run.checkpoint_path(), task.model(), &mut optimiser).unwrap();
        assert_eq!(progress.step, 8);
    }

    #[test]
    fn a_cancel_is_noticed_within_half_a_second_of_a_draw() {
        let folder = tempfile::tempdir().unwrap();
        let mut run = RunFolder::create(&folder.path().join("a"), &json!({})).unwrap();
        let mut task = Line {
            pause: std::time::Duration::from_millis(5),
            ..Line::new()
        };
        let begun = Instant::now();
        let after = std::time::Duration::from_millis(60);
        let stop = || (begun.elapsed() > after).then_some(Stop::Cancelled);
        let stopped = run_line(&mut task, &mut run, false, &stop).err();
        assert_eq!(stopped, Some(Stop::Cancelled));
        assert!(begun.elapsed() < after + std::time::Duration::from_millis(500));
    }

    #[test]
    fn a_damaged_checkpoint_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut run = RunFolder::create(&path, &json!({})).unwrap();
        std::fs::write(run.checkpoint_path(), b"not a checkpoint").unwrap();
        let failed = run_line(&mut Line::new(), &mut run, true, &|| None)
            .err()
            .unwrap();
        let Stop::Failed(failure) = failed else {
            panic!("{failed:?}")
        };
        assert!(failure.what.contains("begin the run anew"), "{failure}");
    }
}
