//! What a step of a training takes, measured on a first one before the run begins. Nothing is kept of what it taught.
//! Knows tasks and clocks. Knows nothing of what is trained.

use std::time::Instant;

use crate::monitor::{JobResult, Monitor, Stop};
use crate::training::trainer::guarded_job;
use crate::training::{Draw, Optimiser, Plan, Task};

/// A step that takes longer is not taken again, nor with more images, only to be timed more closely.
const LONG_SECS: f64 = 4.0;
/// Images of a draw that is timed first; a network compares at least two.
const FEW: usize = 2;

/// What the parts of a step take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct StepTime {
    /// The loss of a draw: reading and the way forward.
    pub loss_secs: f64,
    /// The gradients of a draw.
    pub gradients_secs: f64,
    /// The optimiser.
    pub step_secs: f64,
}

impl StepTime {
    /// A step of so many draws.
    pub fn secs(&self, draws: u64) -> f64 {
        (self.loss_secs + self.gradients_secs) * draws.max(1) as f64 + self.step_secs
    }

    /// The same with more images a draw.
    fn times(self, factor: f64) -> Self {
        Self {
            loss_secs: self.loss_secs * factor,
            gradients_secs: self.gradients_secs * factor,
            ..self
        }
    }
}

/// Takes the two steps of these numbers and says what the last one took. The first one compiles kernels, starts threads and fills
/// caches; it counts itself where it took long on the processor.
pub(crate) fn time_step<T: Task>(
    task: &mut T,
    model: T::Model,
    plan: &Plan,
    steps: [u64; 2],
    is_cpu: bool,
    monitor: &Monitor<'_>,
) -> JobResult<StepTime> {
    let mut optimiser = Optimiser::new(plan.adamw.clone());
    let mut model = model;
    let mut time = StepTime::default();
    for step in steps {
        model = guarded_job(|| timed(task, model, plan, step, &mut optimiser, &mut time, monitor))?;
        if is_cpu && time.secs(1) > LONG_SECS {
            break;
        }
    }
    Ok(time)
}

fn timed<T: Task>(
    task: &mut T,
    model: T::Model,
    plan: &Plan,
    step: u64,
    optimiser: &mut Optimiser<T::Model>,
    time: &mut StepTime,
    monitor: &Monitor<'_>,
) -> JobResult<T::Model> {
    monitor.check()?;
    let clock = Instant::now();
    let draw = Draw {
        seed: plan.seed,
        step,
        part: 0,
    };
    let loss = task.loss(&model, draw, monitor)?;
    // Devices work behind the program; asking for the number waits for them.
    drop(loss.total.clone().into_data());
    time.loss_secs = clock.elapsed().as_secs_f64();
    monitor.check()?;
    let clock = Instant::now();
    optimiser.add(&model, loss.total.backward());
    time.gradients_secs = clock.elapsed().as_secs_f64();
    monitor.check()?;
    let clock = Instant::now();
    let model = optimiser.step(model, task.rate(step, &plan.schedule));
    time.step_secs = clock.elapsed().as_secs_f64();
    Ok(model)
}

/// Times steps of few images first and goes up to `batch` only where that takes no time to speak of.
pub(crate) fn time_of_batch(
    batch: usize,
    mut time: impl FnMut(usize) -> JobResult<StepTime>,
) -> Result<StepTime, Stop> {
    let few = batch.clamp(1, FEW);
    let of_few = time(few)?;
    let factor = batch as f64 / few as f64;
    let of_batch = of_few.times(factor);
    if few == batch || of_batch.secs(1) > LONG_SECS {
        return Ok(of_batch);
    }
    time(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(images: usize, secs: f64) -> StepTime {
        StepTime {
            loss_secs: secs * images as f64,
            gradients_secs: secs * images as f64,
            step_secs: 0.5,
        }
    }

    #[test]
    fn slow_steps_are_scaled_and_quick_ones_measured() {
        let mut asked = Vec::new();
        let mut time = |secs: f64, batch: usize| {
            asked.clear();
            let found = time_of_batch(batch, |images| {
                asked.push(images);
                Ok(of(images, secs))
            });
            (found.unwrap().secs(3), asked.clone())
        };
        assert_eq!(time(0.001, 16), (3.0 * 0.032 + 0.5, vec![2, 16]));
        assert_eq!(time(0.25, 16), (3.0 * 8.0 + 0.5, vec![2]));
        assert_eq!(time(0.25, 1), (3.0 * 0.5 + 0.5, vec![1]));
    }
}
