//! How fast a KG-VSF network runs on a device: image series of noise with weather to forecasts, a training step, and the same
//! forecast again under other weather. Knows networks and devices. Knows nothing of scenes, files or rivals.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::json;
use terroir_models::{
    ForecastDays, ImageSeries, Kgvsf, KgvsfConfig, Stream, WeatherRows, masked_huber,
};

use super::{Speed, SpeedKind, card_mb, noise, read, repeat, warm_ups};
use crate::Failure;
use crate::device;
use crate::setup::guarded;
use crate::training::{AdamWSettings, Optimiser};

/// Bands and drivers of the specification.
const BANDS: usize = 6;
const DRIVERS: usize = 5;
/// Days between images.
const STEP_DAYS: usize = 15;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KgvsfSpeedCase {
    pub kind: SpeedKind,
    /// A KG-VSF size.
    pub model: String,
    /// As `devices` lists it.
    pub device: String,
    /// Crops of the model's own size at once.
    pub batch: usize,
    /// Timed runs, after one that is not.
    pub repeats: usize,
}

/// Times a case on this process's device; weights are seeded and untrained, which costs what trained ones do. Of
/// [`SpeedKind::ForwardKept`] the embedding is kept and only the weather after the last image is another.
///
/// # Errors
/// An unknown model, a missing device, or one that fails.
pub fn measure_kgvsf_speed(case: &KgvsfSpeedCase) -> Result<Speed, Failure> {
    let compute = device::open(&case.device);
    if let Some(reason) = compute.fallback {
        return Err(Failure::new(reason));
    }
    let config = KgvsfConfig::by_name(&case.model, BANDS, DRIVERS).ok_or_else(|| {
        Failure::new(format!(
            "there is no model \"{}\"; known are {}",
            case.model,
            terroir_models::KGVSF_NAMES.join(", ")
        ))
    })?;
    let seconds = guarded(|| timed(case, &config, &compute.device))?;
    // A training step costs three forward passes (specification 4.3).
    let passes = match case.kind {
        SpeedKind::TrainingStep => 3.0,
        SpeedKind::ForwardKept => 0.0,
        _ => 1.0,
    };
    Ok(Speed {
        seconds,
        warm_ups: warm_ups(&compute.device),
        card_mb: card_mb(&compute),
        device: compute.name,
        gflop: 2.0 * products(&config) as f64 * passes * case.batch as f64 / 1e9,
        shape: json!({ "config": config, "batch": case.batch, "step_days": STEP_DAYS }),
    })
}

/// Multiplications of a crop with a forecast from every image.
fn products(config: &KgvsfConfig) -> u64 {
    let tokens = (config.image_px / config.patch_px).pow(2);
    let d = config.width;
    let over = |others: usize| 4 * d * d + 2 * d * config.mlp + 2 * others * d;
    let of_token = (config.image_blocks + config.decoder_blocks) * over(tokens)
        + config.sequence_blocks * over(config.images)
        + 8 * d * d;
    let patch = config.patch_px.pow(2) * d * (2 * config.bands + 1);
    let weather = config.weather_days * (4 * d * d + 4 * d * config.drivers);
    (config.images * tokens * (of_token + patch) + weather) as u64
}

fn series_of(case: &KgvsfSpeedCase, config: &KgvsfConfig, device: &Device) -> ImageSeries {
    let (batch, images, side) = (case.batch, config.images, config.image_px);
    let first = config.weather_days - 1 - images * STEP_DAYS;
    let rows = (0..images).map(|image| first + image * STEP_DAYS);
    let weather_row: Vec<usize> = (0..batch).flat_map(|_| rows.clone()).collect();
    let count = batch * config.weather_days * config.drivers;
    ImageSeries {
        values: noise([batch, images, config.bands, side, side], device),
        is_valid: Tensor::ones([batch, images, side, side], device),
        day_of_year: weather_row.iter().map(|row| 1.0 + *row as f32).collect(),
        is_padding: vec![false; batch * images],
        weather_row,
        weather: WeatherRows {
            values: Stream::new(1, "weather").normals(1.0, count),
            days: config.weather_days,
            drivers: config.drivers,
        },
    }
}

/// From every image the next; from the last one a day as far ahead. `last_only` leaves the others out.
fn days_of(case: &KgvsfSpeedCase, config: &KgvsfConfig, last_only: bool) -> ForecastDays {
    let first = config.weather_days - 1 - config.images * STEP_DAYS;
    let mut days = ForecastDays::default();
    for place in 0..case.batch {
        for image in 0..config.images {
            if last_only && image + 1 < config.images {
                continue;
            }
            let row = first + (image + 1) * STEP_DAYS;
            days.push(place, image, row, 1.0 + row as f32);
        }
    }
    days
}

fn timed(case: &KgvsfSpeedCase, config: &KgvsfConfig, device: &Device) -> Result<Vec<f64>, String> {
    match case.kind {
        SpeedKind::TrainingStep => timed_steps(case, config, &device.clone().autodiff()),
        SpeedKind::ForwardKept => {
            let model = config.init(0, device);
            let mut series = series_of(case, config, device);
            let days = days_of(case, config, true);
            let state = model.encode(&series);
            let mut stream = Stream::new(2, "other weather");
            repeat(case.repeats, device, || {
                let all = series.weather.values.len() / case.batch.max(1);
                let after = (STEP_DAYS - 1) * config.drivers;
                for place in series.weather.values.chunks_mut(all) {
                    let from = all.saturating_sub(after);
                    place[from..].copy_from_slice(&stream.normals(1.0, after));
                }
                let state = model.under_weather(&state, &series);
                read(model.forecast(&state, &series, &days).values)
            })
        }
        _ => {
            let model = config.init(0, device);
            let series = series_of(case, config, device);
            let days = days_of(case, config, false);
            repeat(case.repeats, device, || {
                let state = model.encode(&series);
                read(model.forecast(&state, &series, &days).values)
            })
        }
    }
}

fn timed_steps(
    case: &KgvsfSpeedCase,
    config: &KgvsfConfig,
    device: &Device,
) -> Result<Vec<f64>, String> {
    let series = series_of(case, config, device);
    let days = days_of(case, config, false);
    let side = config.image_px;
    let truth: Tensor<4> = noise([days.len(), config.bands, side, side], device);
    let is_valid = Tensor::ones([days.len(), 1, side, side], device);
    let mut optimiser = Optimiser::new(AdamWSettings::default());
    let mut model: Option<Kgvsf> = Some(config.init(0, device));
    repeat(case.repeats, device, || {
        let Some(learner) = model.take() else {
            return Err("the model was lost".to_owned());
        };
        let state = learner.encode(&series);
        let values = learner.forecast(&state, &series, &days).values;
        let loss = masked_huber(values, truth.clone(), is_valid.clone());
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
    fn all_kinds_are_timed() {
        for kind in [
            SpeedKind::Forward,
            SpeedKind::ForwardKept,
            SpeedKind::TrainingStep,
        ] {
            let case = KgvsfSpeedCase {
                kind,
                model: "kgvsf-tiny".to_owned(),
                device: "cpu".to_owned(),
                batch: 1,
                repeats: 2,
            };
            let speed = measure_kgvsf_speed(&case).unwrap();
            assert_eq!(speed.seconds.len(), 2);
        }
    }
}
