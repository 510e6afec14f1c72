//! How fast an STP network runs on a device: frames of noise of two sensors to a summary, and a training step.
//! Knows networks and devices. Knows nothing of scenes, files or rivals.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::json;
use terroir_models::{FrameBatch, Stp, StpConfig, StpSource, StpTarget, masked_l1};

use super::{Speed, SpeedKind, card_mb, noise, read, repeat, warm_ups};
use crate::Failure;
use crate::device;
use crate::setup::guarded;
use crate::training::{AdamWSettings, Optimiser};

/// Bands of Sentinel-2 at 10 and 20 m, polarisations of Sentinel-1.
const SOURCES: [(&str, usize); 2] = [("sentinel-2", 10), ("sentinel-1", 2)];
/// The valid period asked for, days.
const PERIOD: (f64, f64) = (0.0, 365.0);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StpSpeedCase {
    pub kind: SpeedKind,
    /// An STP size.
    pub model: String,
    /// As `devices` lists it.
    pub device: String,
    /// Rows at once.
    pub batch: usize,
    /// Side of a chip, pixels.
    pub side: usize,
    /// Frames of Sentinel-2 and of Sentinel-1 in a row.
    pub frames: [usize; 2],
    /// Timed runs, after one that is not.
    pub repeats: usize,
}

/// Times a case on this process's device; weights are seeded and untrained, which costs what trained ones do.
///
/// # Errors
/// An unknown model, a missing device, or one that fails.
pub fn measure_stp_speed(case: &StpSpeedCase) -> Result<Speed, Failure> {
    let compute = device::open(&case.device);
    if let Some(reason) = compute.fallback {
        return Err(Failure::new(reason));
    }
    let config = config_of(&case.model).ok_or_else(|| {
        Failure::new(format!(
            "there is no model \"{}\"; known are {}",
            case.model,
            terroir_models::STP_NAMES.join(", ")
        ))
    })?;
    let seconds = guarded(|| timed(case, &config, &compute.device))?;
    let frames = case.frames.iter().sum();
    // A training step costs three forward passes; summaries and decoders are left out on both sides.
    let passes = if case.kind == SpeedKind::TrainingStep {
        3.0
    } else {
        1.0
    };
    let products = config.products(case.side, frames) as f64;
    Ok(Speed {
        seconds,
        warm_ups: warm_ups(&compute.device),
        card_mb: card_mb(&compute),
        device: compute.name,
        gflop: 2.0 * products * passes * case.batch as f64 / 1e9,
        shape: json!({
            "config": config,
            "side": case.side,
            "frames": case.frames,
            "batch": case.batch,
        }),
    })
}

fn config_of(name: &str) -> Option<StpConfig> {
    let sources = SOURCES.map(|(name, bands)| StpSource {
        name: name.to_owned(),
        bands,
    });
    let targets = SOURCES.map(|(name, bands)| StpTarget {
        name: name.to_owned(),
        outputs: bands,
        meta: 0,
    });
    StpConfig::by_name(name, sources.to_vec(), targets.to_vec())
}

fn batch_of(case: &StpSpeedCase, device: &Device) -> FrameBatch {
    let count: usize = case.frames.iter().sum();
    let day = |index: usize| PERIOD.1 * index as f64 / count.max(1) as f64;
    FrameBatch {
        frames: SOURCES
            .iter()
            .zip(case.frames)
            .map(|((_, bands), frames)| {
                Some(noise(
                    [case.batch, frames, *bands, case.side, case.side],
                    device,
                ))
            })
            .collect(),
        days: (0..case.batch).flat_map(|_| (0..count).map(day)).collect(),
        is_there: vec![true; case.batch * count],
    }
}

fn timed(case: &StpSpeedCase, config: &StpConfig, device: &Device) -> Result<Vec<f64>, String> {
    let periods = vec![PERIOD; case.batch];
    if case.kind != SpeedKind::TrainingStep {
        let model = config.init(0, device);
        let batch = batch_of(case, device);
        return repeat(case.repeats, device, || {
            read(model.summarise(&model.encode(&batch), &periods))
        });
    }
    let device = device.clone().autodiff();
    let batch = batch_of(case, &device);
    let truths: Vec<Tensor<4>> = SOURCES
        .iter()
        .map(|(_, bands)| noise([case.batch, *bands, case.side, case.side], &device))
        .collect();
    let weight = Tensor::ones([case.batch, 1, case.side, case.side], &device);
    let times = vec![0.5; case.batch];
    let mut optimiser = Optimiser::new(AdamWSettings::default());
    let mut model: Option<Stp> = Some(config.init(0, &device));
    repeat(case.repeats, &device, || {
        let Some(learner) = model.take() else {
            return Err("the model was lost".to_owned());
        };
        let encoded = learner.encode(&batch);
        let losses: Vec<Tensor<1>> = truths
            .iter()
            .enumerate()
            .map(|(target, truth)| {
                let mu = learner.summarise(&encoded, &periods);
                let drawn = learner.decode(target, mu, &times, None);
                masked_l1(drawn, truth.clone(), weight.clone())
            })
            .collect();
        let loss = Tensor::cat(losses, 0).sum();
        optimiser.add(&learner, loss.backward());
        let learner = optimiser.step(learner, 1e-4);
        device.sync().map_err(|error| error.to_string())?;
        model = Some(learner);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_timed() {
        for kind in [SpeedKind::Forward, SpeedKind::TrainingStep] {
            let case = StpSpeedCase {
                kind,
                model: "stp-tiny".to_owned(),
                device: "cpu".to_owned(),
                batch: 1,
                side: 32,
                frames: [2, 1],
                repeats: 2,
            };
            let speed = measure_stp_speed(&case).unwrap();
            assert_eq!(speed.seconds.len(), 2, "{kind:?}");
            assert!(speed.gflop > 0.01);
        }
    }
}
