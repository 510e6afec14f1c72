//! A fine-tuned model ready for the bands of a scene: images in, probabilities or values out, on a device that may fail.
//! Knows windows. Knows nothing of blocks or files but the model's.

use std::path::{Path, PathBuf};

use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData};
use terroir_models::{PatchKernel, TunedModel, load_tuned, resize_map};
use terroir_scene::Window;

use crate::dense::Geometry;
use crate::device::Compute;
use crate::finetune::TuneTask;
use crate::inputs::Region;
use crate::monitor::{JobResult, Monitor};
use crate::setup::{give_up_device, guarded};
use crate::{Failure, TunedAbout};

/// Windows answered together on a graphics device; always filled up, so that results do not depend on the count.
pub(super) const GPU_BATCH: usize = 8;

/// Pixels by which windows overlap: a quarter, and for answers of whole patches three, which then change in quarter steps.
pub(super) fn overlap_of(task: TuneTask, window: usize) -> usize {
    match task {
        TuneTask::Patches => window * 3 / 4,
        TuneTask::Pixels | TuneTask::Values => window / 4,
    }
}

/// Weights along one axis of a window: 1 in the middle, falling linearly over the overlap, never 0.
pub(super) fn blending(window: usize, overlap: usize) -> Vec<f32> {
    let ramp = (overlap + 1).min(window.div_ceil(2)).max(1) as f32;
    (0..window)
        .map(|i| ((i + 1).min(window - i) as f32).min(ramp) / ramp)
        .collect()
}

/// A model ready for a scene.
pub(super) struct Mapper {
    pub about: TunedAbout,
    file: PathBuf,
    wavelengths_um: Vec<f32>,
    pub compute: Compute,
    model: TunedModel,
    kernel: PatchKernel,
    pub geometry: Geometry,
}

impl Mapper {
    pub fn load(
        file: &Path,
        about: TunedAbout,
        wavelengths_um: Vec<f32>,
        compute: Compute,
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        monitor.progress("preparing the model", 0, 1);
        let ready = |compute: &Compute| {
            guarded(|| {
                let (model, _) =
                    load_tuned(file, &compute.device).map_err(|error| error.to_string())?;
                let kernel = model
                    .patch_kernel(&wavelengths_um)
                    .map_err(|error| error.to_string())?;
                Ok((model, kernel))
            })
        };
        let (compute, (model, kernel)) = match ready(&compute) {
            Err(failure) if !compute.is_cpu() => {
                let cpu = give_up_device(&compute, &failure, monitor);
                let made = ready(&cpu)?;
                (cpu, made)
            }
            made => (compute, made?),
        };
        let geometry = Geometry::with_window(&model.config().encoder, about.window_px);
        Ok(Self {
            about,
            file: file.to_owned(),
            wavelengths_um,
            compute,
            model,
            kernel,
            geometry,
        })
    }

    pub fn outputs(&self) -> usize {
        self.about.classes.len().max(1)
    }

    /// Side of the grid of answers of a window.
    pub fn side(&self) -> usize {
        match self.about.task {
            TuneTask::Patches => 1,
            TuneTask::Pixels | TuneTask::Values => self.geometry.window,
        }
    }

    pub fn overlap(&self) -> usize {
        overlap_of(self.about.task, self.geometry.window)
    }

    /// Answers of `count` images: `[count, outputs, side, side]` flat, probabilities or values on the learnt scale.
    fn answers(&self, images: Vec<f32>, count: usize) -> Result<Vec<f32>, String> {
        let (image, side) = (self.geometry.image, self.side());
        let data = TensorData::new(images, [count, self.wavelengths_um.len(), image, image]);
        let image = Tensor::<4>::from_data(data, &self.compute.device);
        let scores = self.model.forward(image, &self.kernel, None).scores;
        // Probabilities are interpolated and blended, not scores: each window then has one say.
        let answers = match self.about.task {
            TuneTask::Values => scores,
            TuneTask::Pixels | TuneTask::Patches => softmax(scores, 1),
        };
        resize_map(answers, side, side)
            .into_data()
            .try_to_vec::<f32>()
            .map_err(|error| format!("{error:?}"))
    }

    /// Answers of some windows. A device that fails is given a smaller batch, then replaced by the processor.
    pub fn answer_windows(
        &mut self,
        region: &Region,
        windows: &[Window],
        monitor: &Monitor<'_>,
    ) -> JobResult<Vec<Vec<f32>>> {
        let bands = self.wavelengths_um.len();
        let each = self.outputs() * self.side() * self.side();
        let mut batch = if self.compute.is_cpu() { 1 } else { GPU_BATCH };
        loop {
            let size = bands * self.geometry.image * self.geometry.image;
            let attempt: Result<Vec<Vec<f32>>, Failure> = windows
                .chunks(batch)
                .map(|chunk| {
                    let mut images = Vec::with_capacity(size * batch);
                    for window in chunk {
                        self.geometry.image_of(region, *window, bands, &mut images);
                    }
                    images.resize(size * batch, 0.0);
                    let flat = guarded(|| self.answers(images, batch))?;
                    Ok(flat
                        .chunks_exact(each)
                        .take(chunk.len())
                        .map(<[f32]>::to_vec)
                        .collect::<Vec<_>>())
                })
                .collect::<Result<Vec<_>, Failure>>()
                .map(|parts| parts.concat());
            match attempt {
                Ok(answers) => return Ok(answers),
                Err(failure) if self.compute.is_cpu() => return Err(failure.into()),
                Err(failure) if batch > 1 && self.compute.sync().is_ok() => {
                    batch /= 2;
                    monitor.warn(format!(
                        "{} could not take the batch ({failure}); {batch} windows at a time now",
                        self.compute.name
                    ));
                }
                Err(failure) => {
                    let cpu = give_up_device(&self.compute, &failure, monitor);
                    let (about, wavelengths_um) = (self.about.clone(), self.wavelengths_um.clone());
                    let file = self.file.clone();
                    *self = Self::load(&file, about, wavelengths_um, cpu, monitor)?;
                    batch = 1;
                }
            }
        }
    }
}
