//! The loss of a draw: hidden parts told again in the first phase, coming images forecast in the second (specification kg-vsf 5).
//! Knows samples and losses. Knows nothing of files.

use std::path::PathBuf;
use std::rc::Rc;

use burn::module::Module;
use burn::tensor::Device;
use terroir_models::{
    HiddenParts, IndexBands, Kgvsf, MaskedKgvsf, Stream, masked_huber, masked_index_error,
    save_kgvsf,
};

use super::crops::{Crops, Square, pick};
use super::opening::{OpenPlace, Statistics};
use super::sampling::{Chosen, Usable, draw};
use super::validation::{Validation, mean_ratio};
use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::setup::guarded;
use crate::training::{Draw, Flow, Loss, RunFolder, Schedule, Task};
use crate::weather_series::{BinSkill, Crop, KgvsfAbout, ModelBand, Sample, batch_of, day_of_year};

/// An image is usable where at least this share of a crop is valid.
const LEAST_VALID: f64 = 0.5;
/// Weight of the vegetation index in the loss.
const INDEX_WEIGHT: f32 = 0.1;
/// Squares tried for a sample.
const TRIES: usize = 40;
/// The rate ends at this share of its peak.
const LAST_RATE: f64 = 0.01;
/// Steps a phase's rate rises over, as a share.
const WARM_UP: f64 = 0.05;
/// The best weights of a run, in its folder.
const BEST: &str = "best.safetensors";

/// Places, their crops, and which images may be learnt from.
pub struct Examples {
    pub places: Vec<OpenPlace>,
    pub held_out: Vec<OpenPlace>,
    pub crops: Crops,
    pub held_out_crops: Crops,
    /// Squares of the training places that no training square touches; empty where places are too small to be divided.
    pub validation_squares: Vec<Square>,
    /// By place: days after this are not learnt from.
    pub last_days: Vec<i32>,
    pub statistics: Statistics,
    pub side: usize,
    /// T and L.
    pub images: usize,
    pub weather_days: usize,
}

impl Examples {
    pub fn bands(&self) -> Vec<ModelBand> {
        self.statistics.bands.clone()
    }

    pub fn crop_blocking(
        &mut self,
        is_held_out: bool,
        square: Square,
        monitor: &Monitor<'_>,
    ) -> JobResult<Option<Rc<Crop>>> {
        let (crops, places) = match is_held_out {
            true => (&mut self.held_out_crops, &self.held_out),
            false => (&mut self.crops, &self.places),
        };
        crops.take_blocking(square, places, &self.statistics.bands, monitor)
    }

    /// A sample to validate on: of a held-out place any, of a training place one whose last day is not learnt from.
    pub fn validation_blocking(
        &mut self,
        is_held_out: bool,
        square: Square,
        bin: usize,
        chance: &mut Stream,
        monitor: &Monitor<'_>,
    ) -> JobResult<Option<Chosen>> {
        let sizes = [self.images, self.weather_days];
        let last = match is_held_out {
            true => i32::MIN,
            false => self
                .last_days
                .get(square.place)
                .copied()
                .unwrap_or(i32::MAX),
        };
        let Some(crop) = self.crop_blocking(is_held_out, square, monitor)? else {
            return Ok(None);
        };
        let Some(place) = self.place(is_held_out, square) else {
            return Ok(None);
        };
        let usable = usable(place, &crop);
        Ok(draw(
            &usable,
            sizes,
            |_| true,
            |image| image.day > last,
            Some(bin),
            chance,
        ))
    }

    /// A sample to learn from.
    fn training_blocking(
        &mut self,
        number: u64,
        seed: u64,
        chance: &mut Stream,
        monitor: &Monitor<'_>,
    ) -> JobResult<Option<(Square, Rc<Crop>, Chosen)>> {
        for _ in 0..TRIES {
            let Some(square) = self.crops.draw(number, seed, chance) else {
                return Ok(None);
            };
            let last = self
                .last_days
                .get(square.place)
                .copied()
                .unwrap_or(i32::MAX);
            let Some(crop) = self.crop_blocking(false, square, monitor)? else {
                return Ok(None);
            };
            let Some(place) = self.place(false, square) else {
                return Ok(None);
            };
            let usable = usable(place, &crop);
            let is_learnt = |image: &Usable| image.day <= last;
            let chosen = draw(
                &usable,
                [self.images, self.weather_days],
                is_learnt,
                is_learnt,
                None,
                chance,
            );
            if let Some(chosen) = chosen {
                return Ok(Some((square, crop, chosen)));
            }
        }
        Ok(None)
    }
}

fn usable(place: &OpenPlace, crop: &Crop) -> Vec<Usable> {
    crop.images
        .iter()
        .enumerate()
        .filter(|(at, _)| crop.share_of(*at) >= LEAST_VALID)
        .filter_map(|(image, number)| {
            let own = place.site.images.get(*number)?;
            Some(Usable {
                image,
                day: own.day,
                day_of_year: day_of_year(own.date),
            })
        })
        .collect()
}

pub fn chosen_sample<'a>(
    place: &'a OpenPlace,
    crop: &'a Crop,
    chosen: &Chosen,
    turn: u8,
) -> Sample<'a> {
    Sample {
        site: &place.site,
        weather: &place.weather,
        crop,
        images: chosen.images.clone(),
        targets: chosen.targets.clone(),
        turn,
    }
}

/// The run.
pub struct Pretraining {
    pub examples: Examples,
    pub validation: Validation,
    /// With gradients.
    pub device: Device,
    pub batch: usize,
    pub parts: u64,
    pub patch_px: usize,
    pub masked_steps: u64,
    pub steps: u64,
    /// Steps between validations.
    pub every: u64,
    pub index: Option<IndexBands>,
    /// The best so far: its error as a share of persistence, its step, its figures.
    pub best: Option<(f64, u64, Vec<BinSkill>)>,
    /// Figures of the last validation.
    pub last: Vec<BinSkill>,
    pub training: serde_json::Value,
}

/// What a sample is of, and how it is turned.
type Found = (Square, Rc<Crop>, Chosen, u8);

impl Pretraining {
    /// The samples of a draw, and the chance that goes on after them.
    pub fn found_blocking(
        &mut self,
        drawn: Draw,
        monitor: &Monitor<'_>,
    ) -> JobResult<(Vec<Found>, Stream)> {
        let name = format!("samples {} {}", drawn.step, drawn.part);
        let mut chance = Stream::new(drawn.seed, &name);
        let number = (drawn.step * self.parts + drawn.part) * self.batch as u64;
        let mut found = Vec::with_capacity(self.batch);
        for at in 0..self.batch {
            monitor.check()?;
            let sample = self.examples.training_blocking(
                number + at as u64,
                drawn.seed,
                &mut chance,
                monitor,
            )?;
            if let Some((square, crop, chosen)) = sample {
                found.push((square, crop, chosen, pick(8, &mut chance) as u8));
            }
        }
        Ok((found, chance))
    }

    pub fn best_path(run: &RunFolder) -> PathBuf {
        run.path().join(BEST)
    }

    /// What the weights' file says.
    pub fn about(&self, skill: &[BinSkill], step: u64) -> KgvsfAbout {
        let mut training = self.training.clone();
        if let Some(map) = training.as_object_mut() {
            map.insert("steps".to_owned(), step.into());
        }
        KgvsfAbout {
            bands: self.examples.statistics.bands.clone(),
            drivers: self.examples.statistics.drivers.clone(),
            gsd_m: self.examples.statistics.gsd_m,
            skill: skill.to_vec(),
            training,
        }
    }

    pub fn save(
        &self,
        model: &Kgvsf,
        path: &std::path::Path,
        is_half: bool,
        about: &KgvsfAbout,
    ) -> Result<(), Failure> {
        let about = serde_json::to_value(about).map_err(|error| {
            Failure::new("the notes cannot be written down").with_details(error)
        })?;
        guarded(|| save_kgvsf(model, path, is_half, &about).map_err(|error| error.to_string()))
    }
}

impl Task for Pretraining {
    type Model = MaskedKgvsf;

    fn rate(&self, step: u64, schedule: &Schedule) -> f64 {
        // Each phase has its own rise and fall.
        let (from, to) = match step < self.masked_steps {
            true => (0, self.masked_steps),
            false => (self.masked_steps, self.steps),
        };
        let steps = to - from;
        let phase = Schedule {
            warmup_steps: (steps as f64 * WARM_UP) as u64,
            steps,
            ..*schedule
        };
        phase.rate_down_to(step - from, LAST_RATE)
    }

    fn loss(&mut self, model: &MaskedKgvsf, drawn: Draw, monitor: &Monitor<'_>) -> JobResult<Loss> {
        let (found, mut chance) = self.found_blocking(drawn, monitor)?;
        if found.is_empty() {
            return Err(Failure::new(
                "no crop has an image and a later one to forecast: half of a crop must be clear in both; add images, or masks \
                 that hide less",
            )
            .into());
        }
        let samples: Vec<Sample<'_>> = found
            .iter()
            .filter_map(|(square, crop, chosen, turn)| {
                let place = self.examples.place(false, *square)?;
                Some(chosen_sample(place, crop, chosen, *turn))
            })
            .collect();
        let batch = batch_of(
            &samples,
            self.examples.images,
            self.examples.weather_days,
            &self.device,
        );
        if drawn.step < self.masked_steps {
            let hidden = HiddenParts::draw(&batch.series, self.patch_px, &mut chance);
            let losses = model.losses(&batch.series, &hidden);
            return Ok(Loss {
                total: losses.sum(),
                parts: vec![
                    ("image_loss", losses.image),
                    ("weather_loss", losses.weather),
                    ("sequence_loss", losses.sequence),
                ],
            });
        }
        let state = model.model.encode(&batch.series);
        let values = model
            .model
            .forecast(&state, &batch.series, &batch.days)
            .values;
        let image = masked_huber(values.clone(), batch.truth.clone(), batch.is_known.clone());
        let mut total = image.clone();
        let mut parts = vec![("forecast_loss", image)];
        if let Some(bands) = &self.index {
            let index = masked_index_error(values, batch.truth, batch.is_known, bands);
            total = total + index.clone() * INDEX_WEIGHT;
            parts.push(("index_loss", index));
        }
        Ok(Loss { total, parts })
    }

    fn after_step(
        &mut self,
        model: &MaskedKgvsf,
        step: u64,
        run: &RunFolder,
        figures: &mut Vec<(String, f64)>,
        monitor: &Monitor<'_>,
    ) -> JobResult<Flow> {
        let is_time = step == self.steps || step.is_multiple_of(self.every.max(1));
        if step <= self.masked_steps || !is_time || self.validation.kept.is_empty() {
            return Ok(Flow::GoOn);
        }
        let plain = model.model.valid();
        let device = self.device.clone().without_autodiff();
        let skill = self
            .validation
            .skill_blocking(&plain, &mut self.examples, &device, monitor)?;
        for bin in &skill {
            if let Some(value) = bin.skill() {
                figures.push((format!("skill_{}_{}", bin.days.0, bin.days.1), value));
            }
        }
        if let Some(ratio) = mean_ratio(&skill) {
            figures.push(("error_to_persistence".to_owned(), ratio));
            if self.best.as_ref().is_none_or(|(best, _, _)| ratio < *best) {
                let about = self.about(&skill, step);
                self.save(&plain, &Self::best_path(run), false, &about)?;
                self.best = Some((ratio, step, skill.clone()));
            }
        }
        self.last = skill;
        let path = run.preview_path(step)?;
        self.validation
            .write_blocking(&plain, &mut self.examples, &device, &path, monitor)?;
        monitor.preview(&path);
        Ok(Flow::GoOn)
    }
}
