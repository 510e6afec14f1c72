//! Fine-tuning as a training task: the loss of drawn windows, and the look at the validation labels every so often.
//! Owns the tensors of the job. Knows nothing of scenes' files or how labels were read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use serde_json::json;
use terroir_models::{PatchKernel, Target, TunedModel, VOID, resize_map};

use super::about::About;
use super::crops::{Batch, CheckWindow, Crops};
use super::scores::Scores;
use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::projection::write_renamed;
use crate::training::{Draw, Flow, Loss, RunFolder, Task};

const BEST: &str = "best.safetensors";
const CHECKS: &str = "checks.json";

/// What is trained, and how it is looked at.
pub(crate) struct Tuner<'a> {
    pub crops: Crops<'a>,
    /// With gradients.
    pub device: Device,
    /// One for each class.
    pub weights: Vec<f32>,
    /// Windows a step.
    pub batch: usize,
    /// Whether patch kernels stay the same.
    pub kernels_stay: bool,
    pub check_windows: Vec<CheckWindow>,
    pub check_every: u64,
    pub patience: usize,
    pub steps: u64,
    /// What the file will say, but for accuracy and steps.
    pub about: About,
    kernels: HashMap<Vec<usize>, PatchKernel>,
    checks: Option<Vec<Check>>,
}

/// A look at the validation labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Check {
    step: u64,
    /// To be made large; `None` where it was no number.
    rank: Option<f64>,
    /// In words.
    sentence: String,
}

impl<'a> Tuner<'a> {
    pub fn new(crops: Crops<'a>, device: Device, weights: Vec<f32>, about: About) -> Self {
        Self {
            crops,
            device,
            weights,
            batch: 1,
            kernels_stay: true,
            check_windows: Vec::new(),
            check_every: u64::MAX,
            patience: 0,
            steps: 0,
            about,
            kernels: HashMap::new(),
            checks: None,
        }
    }

    fn wavelengths(&self, bands: &[usize]) -> Vec<f32> {
        bands
            .iter()
            .filter_map(|band| self.about.wavelengths_um.get(*band).copied())
            .collect()
    }

    fn kernel(&mut self, model: &TunedModel, bands: &[usize]) -> JobResult<PatchKernel> {
        if let Some(kernel) = self.kernels.get(bands) {
            return Ok(kernel.clone());
        }
        let kernel = model
            .patch_kernel(&self.wavelengths(bands))
            .map_err(|error| Failure::new(error.to_string()))?;
        if self.kernels_stay {
            self.kernels.insert(bands.to_vec(), kernel.clone());
        }
        Ok(kernel)
    }

    fn image(&self, batch: &mut Batch, device: &Device) -> Tensor<4> {
        let side = self.crops.geometry.image;
        let images = std::mem::take(&mut batch.images);
        let each = (batch.bands.len() * side * side).max(1);
        let shape = [images.len() / each, batch.bands.len(), side, side];
        Tensor::from_data(TensorData::new(images, shape), device)
    }

    fn target(&self, batch: &Batch) -> Target {
        let side = batch.side;
        let shape = [batch.labels.len() / (side * side).max(1), side, side];
        if self.about.classes.is_empty() {
            return Target::values(&batch.labels, shape, &self.device);
        }
        let labels: Vec<u8> = batch
            .labels
            .iter()
            .map(|label| if label.is_nan() { VOID } else { *label as u8 })
            .collect();
        Target::classes(&labels, shape, &self.weights, &self.device)
    }

    fn score(&self, model: &TunedModel, monitor: &Monitor<'_>) -> JobResult<Scores> {
        let model = model.valid();
        let device = self.device.clone().without_autodiff();
        let all: Vec<usize> = (0..self.about.bands.len()).collect();
        let kernel = model
            .patch_kernel(&self.wavelengths(&all))
            .map_err(|error| Failure::new(error.to_string()))?;
        let mut scores = Scores::new(&self.about.classes, self.about.value_scale);
        for windows in self.check_windows.chunks(self.batch.max(1)) {
            monitor.check()?;
            let mut batch = self.crops.validation_blocking(windows)?;
            let image = self.image(&mut batch, &device);
            let side = batch.side;
            let output = resize_map(model.forward(image, &kernel, None).scores, side, side);
            let [_, outputs, _, _] = output.dims();
            let values = output.into_data().try_to_vec::<f32>().map_err(|error| {
                Failure::new("the device gave no numbers back").with_details(format!("{error:?}"))
            })?;
            let pixels = side * side;
            for (at, label) in batch.labels.iter().enumerate() {
                if label.is_nan() {
                    continue;
                }
                let start = at / pixels * outputs * pixels + at % pixels;
                let found = values.iter().skip(start).step_by(pixels).take(outputs);
                scores.add(found.copied(), *label);
            }
        }
        Ok(scores)
    }

    /// Checks so far. Those at or after `step` belong to steps that are done again.
    fn checks_before(&mut self, step: u64, run: &RunFolder) -> &mut Vec<Check> {
        self.checks.get_or_insert_with(|| {
            let text = std::fs::read_to_string(run.path().join(CHECKS)).unwrap_or_default();
            let mut checks: Vec<Check> = serde_json::from_str(&text).unwrap_or_default();
            checks.retain(|check| check.step < step);
            checks
        })
    }

    /// The best check of a run of that many steps: its step and what it says.
    pub fn best(&mut self, steps: u64, run: &RunFolder) -> Option<(u64, String)> {
        let best = best_of(self.checks_before(steps + 1, run))?;
        Some((best.step, best.sentence.clone()))
    }
}

fn best_of(checks: &[Check]) -> Option<&Check> {
    // Of equals the first.
    checks
        .iter()
        .filter(|check| check.rank.is_some())
        .reduce(|best, check| match check.rank > best.rank {
            true => check,
            false => best,
        })
}

/// Where a run keeps its best model.
pub(crate) fn best_path(run: &Path) -> PathBuf {
    run.join(BEST)
}

impl Task for Tuner<'_> {
    type Model = TunedModel;

    fn loss(&mut self, model: &TunedModel, draw: Draw, monitor: &Monitor<'_>) -> JobResult<Loss> {
        monitor.check()?;
        let mut batch = self.crops.training_blocking(draw, self.batch)?;
        let kernel = self.kernel(model, &batch.bands)?;
        let image = self.image(&mut batch, &self.device);
        let target = self.target(&batch);
        let dropped = draw.seed ^ (draw.step << 8) ^ draw.part;
        let output = model.forward(image, &kernel, Some(dropped));
        Ok(output.loss(&target).into())
    }

    fn after_step(
        &mut self,
        model: &TunedModel,
        step: u64,
        run: &RunFolder,
        figures: &mut Vec<(String, f64)>,
        monitor: &Monitor<'_>,
    ) -> JobResult<Flow> {
        self.checks_before(step, run);
        let is_due = step.is_multiple_of(self.check_every.max(1)) || step == self.steps;
        if self.check_windows.is_empty() || !is_due {
            // Batch norms hand their running statistics over only when asked; a checkpoint must hold them.
            drop(model.valid());
            return Ok(Flow::GoOn);
        }
        monitor.progress("validating", step, self.steps);
        let scores = self.score(model, monitor)?;
        figures.extend(scores.figures());
        let rank = Some(scores.rank()).filter(|rank| rank.is_finite());
        let check = Check {
            step,
            rank,
            sentence: scores.sentence(),
        };
        let checks = self.checks_before(step, run);
        let is_best = rank > best_of(checks).and_then(|best| best.rank);
        checks.push(check);
        let since_best = match best_of(checks) {
            Some(best) => checks.iter().filter(|check| check.step > best.step).count(),
            None => checks.len(),
        };
        let text = json!(checks).to_string();
        if is_best {
            let about = About {
                accuracy: scores.as_json(),
                steps: step,
                ..self.about.clone()
            };
            save_model(model, &about, &best_path(run.path()))?;
        }
        write_renamed(&run.path().join(CHECKS), text.as_bytes())?;
        Ok(match self.patience > 0 && since_best >= self.patience {
            true => Flow::Enough,
            false => Flow::GoOn,
        })
    }
}

pub(crate) fn save_model(model: &TunedModel, about: &About, path: &Path) -> Result<(), Failure> {
    let about = serde_json::to_value(about)
        .map_err(|error| Failure::new("the model cannot be described").with_details(error))?;
    model
        .save(path, &about)
        .map_err(|error| Failure::new(error.to_string()))
}

/// Removes what only a run that goes on needs: checkpoint and best model. The figures stay.
pub(crate) fn tidy(run: &RunFolder) {
    for path in [
        run.checkpoint_path(),
        best_path(run.path()),
        run.path().join(CHECKS),
    ] {
        if path.exists()
            && let Err(error) = std::fs::remove_file(&path)
        {
            log::warn!("{} could not be removed: {error}", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_checks_is_best_and_no_number_is_never() {
        let check = |step, rank| Check {
            step,
            rank,
            sentence: String::new(),
        };
        let checks = [
            check(10, None),
            check(20, Some(0.5)),
            check(30, Some(0.7)),
            check(40, Some(0.7)),
        ];
        assert_eq!(best_of(&checks).unwrap().step, 30);
        assert!(best_of(&checks[..1]).is_none());
    }
}
