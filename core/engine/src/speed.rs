//! How fast a DOFA network runs on a device: forward pass and training step on images of noise, and the device's own product of
//! matrices to set them against. Knows networks and devices. Knows nothing of scenes, files or rivals.

use std::time::Instant;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Int, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terroir_models::{Dofa, DofaConfig, PatchKernel, layer_product};

use crate::Failure;
use crate::device::{self, Compute};
use crate::setup::guarded;
use crate::training::{AdamWSettings, Optimiser};

mod kgvsf;
mod stp;

pub use kgvsf::{KgvsfSpeedCase, measure_kgvsf_speed};
pub use stp::{StpSpeedCase, measure_stp_speed};

/// Classes of the training step's linear head.
const CLASSES: usize = 10;
/// Side of the matrices whose product stands for the peak of a processor, and of a graphics card, which is wider.
const MATRIX_SIDE: usize = 2048;
const MATRIX_SIDE_OF_CARD: usize = 8192;
/// Runs before those that are timed: a card's kernels are compiled and chosen among in the first ones.
const WARM_UPS: usize = 1;
const WARM_UPS_OF_CARD: usize = 5;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpeedKind {
    /// Images to what the network makes of them.
    Forward,
    /// The same with what does not change kept from before: the patch kernel of frozen weights, the embedding of a series.
    ForwardKept,
    /// Forward with a linear head, cross-entropy, backward, AdamW over everything.
    TrainingStep,
    /// A product of two square matrices, as the layers of the networks multiply.
    Product,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpeedCase {
    pub kind: SpeedKind,
    /// A DOFA size of the catalogue.
    pub model: String,
    /// As `devices` lists it.
    pub device: String,
    /// Images at once.
    pub batch: usize,
    /// One a band.
    pub wavelengths_um: Vec<f32>,
    /// Timed runs, after one that is not.
    pub repeats: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// The one that was used.
    pub device: String,
    pub seconds: Vec<f64>,
    /// Runs before them.
    pub warm_ups: usize,
    /// Memory of the graphics card in the end, kept for reuse included, MiB; `None` on the processor.
    pub card_mb: Option<f64>,
    /// Work of one run: two for a multiplication and an addition, 1e9 of them.
    pub gflop: f64,
    /// Sizes of network and input, so that a rival can build the same.
    pub shape: Value,
}

#[derive(Module, Debug)]
struct Classifier {
    encoder: Dofa,
    head: Linear,
}

/// Times a case on this process's device; weights are seeded and untrained, which costs what trained ones do.
///
/// # Errors
/// An unknown model, a missing device, or one that fails.
pub fn measure_speed(case: &SpeedCase) -> Result<Speed, Failure> {
    let compute = device::open(&case.device);
    if let Some(reason) = compute.fallback {
        return Err(Failure::new(reason));
    }
    let config = DofaConfig::by_name(&case.model).ok_or_else(|| {
        Failure::new(format!(
            "there is no model \"{}\"; `terroir models` lists them",
            case.model
        ))
    })?;
    let (seconds, gflop) = guarded(|| timed(case, &config, &compute.device))?;
    Ok(Speed {
        seconds,
        warm_ups: warm_ups(&compute.device),
        card_mb: card_mb(&compute),
        device: compute.name,
        gflop,
        shape: json!({
            "width": config.width,
            "depth": config.depth,
            "heads": config.heads,
            "patch": config.patch,
            "image": config.image,
            "batch": case.batch,
            "wavelengths_um": case.wavelengths_um,
        }),
    })
}

fn timed(
    case: &SpeedCase,
    config: &DofaConfig,
    device: &Device,
) -> Result<(Vec<f64>, f64), String> {
    let bands = case.wavelengths_um.len();
    let once = forward_gflop(config, bands) * case.batch as f64;
    if case.kind == SpeedKind::Product {
        let side = if is_card(device) {
            MATRIX_SIDE_OF_CARD
        } else {
            MATRIX_SIDE
        };
        let matrix = || Tensor::<2>::random([side, side], Distribution::Default, device);
        let (a, b) = (matrix(), matrix());
        let seconds = repeat(case.repeats, device, || {
            read(layer_product(a.clone(), b.clone()).slice([0..1, 0..1]))
        })?;
        return Ok((seconds, 2.0 * (side as f64).powi(3) / 1e9));
    }
    let images = |device: &Device| {
        Tensor::<4>::random(
            [case.batch, bands, config.image, config.image],
            Distribution::Normal(0.0, 1.0),
            device,
        )
    };
    let kernel = |model: &Dofa| -> Result<PatchKernel, String> {
        model
            .patch_kernel(&case.wavelengths_um)
            .map_err(|error| error.to_string())
    };
    if case.kind == SpeedKind::TrainingStep {
        let device = device.clone().autodiff();
        let images = images(&device);
        let classes: Vec<i32> = (0..case.batch).map(|i| (i % CLASSES) as i32).collect();
        let classes = Tensor::<1, Int>::from_ints(classes.as_slice(), &device);
        let loss = CrossEntropyLossConfig::new().init(&device);
        let mut optimiser = Optimiser::new(AdamWSettings::default());
        let mut model = Some(Classifier {
            encoder: config.init_for_training(0, &device),
            head: LinearConfig::new(config.width, CLASSES).init(&device),
        });
        let seconds = repeat(case.repeats, &device, || {
            let Some(learner) = model.take() else {
                return Err("the model was lost".to_owned());
            };
            let kernel = kernel(&learner.encoder)?;
            let logits = learner
                .head
                .forward(learner.encoder.features(images.clone(), &kernel));
            let loss = loss.forward(logits, classes.clone());
            optimiser.add(&learner, loss.backward());
            let learner = optimiser.step(learner, 1e-4);
            read(learner.head.weight.val().slice([0..1, 0..1]))?;
            model = Some(learner);
            Ok(())
        })?;
        return Ok((seconds, 3.0 * once));
    }
    let model = config.init(0, device);
    let images = images(device);
    let kept = kernel(&model)?;
    let seconds = repeat(case.repeats, device, || {
        let kernel = match case.kind {
            SpeedKind::Forward => kernel(&model)?,
            _ => kept.clone(),
        };
        read(model.features(images.clone(), &kernel))
    })?;
    Ok((seconds, once))
}

fn is_card(device: &Device) -> bool {
    device.clone().without_autodiff() != Device::flex()
}

fn warm_ups(device: &Device) -> usize {
    if is_card(device) {
        WARM_UPS_OF_CARD
    } else {
        WARM_UPS
    }
}

fn card_mb(compute: &Compute) -> Option<f64> {
    let usage = compute.device.memory_pool_usage()?;
    (!compute.is_cpu()).then_some(usage.bytes_reserved as f64 / f64::from(1 << 20))
}

fn repeat(
    repeats: usize,
    device: &Device,
    mut run: impl FnMut() -> Result<(), String>,
) -> Result<Vec<f64>, String> {
    for _ in 0..warm_ups(device) {
        run()?;
    }
    (0..repeats)
        .map(|_| {
            let start = Instant::now();
            run()?;
            Ok(start.elapsed().as_secs_f64())
        })
        .collect()
}

/// Work of one image, the generator included (specification section 1: about 18.1 GMAC for base with 9 bands).
fn forward_gflop(config: &DofaConfig, bands: usize) -> f64 {
    const GENERATOR: f64 = 128.0;
    const FEED_FORWARD: f64 = 2048.0;
    let (rows, columns) = config.grid(config.image, config.image);
    let (patches, bands) = ((rows * columns) as f64, bands as f64);
    let (tokens, width) = (patches + 1.0, config.width as f64);
    let kernel = (config.patch * config.patch) as f64 * width;
    let blocks =
        config.depth as f64 * (12.0 * tokens * width * width + 2.0 * tokens * tokens * width);
    let embedding = patches * bands * kernel;
    let sequence = GENERATOR + bands + 1.0;
    let generator = sequence * (4.0 * GENERATOR * GENERATOR + 2.0 * GENERATOR * FEED_FORWARD)
        + bands * GENERATOR * kernel;
    2.0 * (blocks + embedding + generator) / 1e9
}

fn noise<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// Waits for a result by looking at it.
/// Waits for a tensor; from a card only its beginning is fetched.
fn read<const D: usize>(tensor: Tensor<D>) -> Result<(), String> {
    let tensor = if is_card(&tensor.device()) {
        tensor.flatten::<1>(0, D - 1).narrow(0, 0, 1)
    } else {
        tensor.flatten(0, D - 1)
    };
    let values = tensor.into_data().try_into_vec::<f32>();
    match values {
        Ok(values) if values.iter().all(|value| value.is_finite()) => Ok(()),
        Ok(_) => Err("the device gave no numbers".to_owned()),
        Err(error) => Err(format!("{error:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_costs_what_the_specification_says() {
        let gmac = forward_gflop(&DofaConfig::base(), 9) / 2.0;
        assert!((gmac - 18.1).abs() < 0.15, "{gmac}");
    }

    #[test]
    fn every_kind_is_timed() {
        for kind in [
            SpeedKind::Forward,
            SpeedKind::ForwardKept,
            SpeedKind::TrainingStep,
            SpeedKind::Product,
        ] {
            let case = SpeedCase {
                kind,
                model: "dofa-tiny".to_owned(),
                device: "cpu".to_owned(),
                batch: 1,
                wavelengths_um: vec![0.49, 0.56, 0.665],
                repeats: 2,
            };
            let speed = measure_speed(&case).unwrap();
            assert_eq!(speed.seconds.len(), 2, "{kind:?}");
            assert!(speed.gflop > 0.1);
        }
    }
}
