//! Teaching a network, or a head on it, the classes of labelled pixels (specification kg-vsf 7 and 7.1), and what it then says of
//! windows. Knows windows, labels and tensors; knows no files.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use terroir_models::{CropHead, CropHeadConfig, CropNetwork, KgvsfTuning, Stream, Target, VOID};

use super::looks::{Look, Looks, OwnScale, Place};
use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::setup::guarded;
use crate::training::{AdamWSettings, Fall, Optimiser, Schedule};
use crate::weather_series::known_model;

/// Steps of a lesson, windows of a step, and the learning rate after the first twentieth of them. Few labels are known by heart
/// soon; more steps made no difference on the labelled fields of Flanders.
pub const STEPS: u64 = 80;
const BATCH: usize = 4;
const RATE: f64 = 1e-3;
const WARM_UP: u64 = STEPS / 20;
/// Share of the rate at the end.
const LAST_RATE: f64 = 0.01;
/// Deviation of what is added to the pixels' own scaled numbers while learning.
///
/// Measured on the labelled fields of Flanders 2018 (March to October, 3 crops, five splits, a head alone, balanced accuracy): with
/// this and the numbers left out 56 % from all labels and 49 % from ten a class, without both 51 % and 49 %; without bringing the
/// numbers to one scale (and 200 steps) 43 % and 38 %.
const NOISE: f32 = 0.5;
/// The network's learning rate where all of it learns, against the head's.
const SLOW: f64 = 0.1;
/// Turns and mirror images of a square.
const TURNS: f64 = 8.0;

/// Class of pixels, from 0, by row and column.
pub type Labels = BTreeMap<(usize, usize), u8>;

/// What was taught, how much of the network learnt, and the scale of what is read of the pixels.
pub struct Taught {
    pub tuning: KgvsfTuning,
    what: What,
    scale: OwnScale,
}

enum What {
    /// The network stayed as it is.
    Head(Box<CropHead>),
    Whole(Box<CropNetwork>),
}

/// A window with labels in it.
struct Page {
    look: Rc<Look>,
    labels: Vec<u8>,
}

/// What a lesson is told.
pub struct Lesson<'a> {
    pub labels: &'a Labels,
    pub classes: usize,
    /// `None` = what suits so many labels.
    pub tuning: Option<KgvsfTuning>,
    pub weights: &'a Path,
    pub seed: u64,
    /// [`STEPS`], or fewer where they are only timed.
    pub steps: u64,
}

impl Lesson<'_> {
    pub fn tuning(&self) -> KgvsfTuning {
        self.tuning
            .unwrap_or_else(|| KgvsfTuning::for_labels(self.labels.len()))
    }

    /// Teaches.
    ///
    /// # Errors
    /// No label where the images show something, a file that cannot be read, a device that fails, a cancel.
    pub fn teach(&self, looks: &mut Looks, monitor: &Monitor<'_>) -> JobResult<Taught> {
        let pages = self.pages_blocking(looks, monitor)?;
        let looks = &*looks;
        let (weights, device) = (self.class_weights(), looks.setup.device.clone().autodiff());
        let config = looks.setup.model.config();
        let head = CropHeadConfig {
            width: config.width,
            patch_px: config.patch_px,
            own: looks.own,
            classes: self.classes,
        };
        let head = head.init(self.seed, &device);
        let all: Vec<&Look> = pages.iter().map(|page| &*page.look).collect();
        let scale = OwnScale::of(&all, looks.own);
        let tuning = self.tuning();
        if tuning == KgvsfTuning::Frozen {
            looks.embed(&all, monitor)?;
            let taught = self.steps(head, Vec::new(), monitor, |head, stream| {
                let drawn = draw(&pages, stream);
                let of: Vec<&Look> = drawn.iter().map(|page| &*page.look).collect();
                let batch = looks.head_batch(&of, &scale, &device);
                let own = noisy(batch.own, stream);
                let labels: Vec<u8> = drawn
                    .iter()
                    .flat_map(|page| &page.labels)
                    .copied()
                    .collect();
                let draw = Some(drop_of(stream));
                let scores = head.forward(batch.embedding, &batch.is_padding, own, draw);
                target(&labels, &of, looks, &weights, &device).loss(scores)
            })?;
            let what = What::Head(Box::new(taught.valid()));
            return Ok(Taught {
                tuning,
                what,
                scale,
            });
        }
        let (base, _, _) = known_model(self.weights, &device)?;
        let network = CropNetwork {
            base: tuning.apply(base),
            head,
        };
        let factors = match tuning {
            KgvsfTuning::Full => vec![("base".to_owned(), SLOW)],
            KgvsfTuning::Frozen | KgvsfTuning::Last => Vec::new(),
        };
        let taught = self.steps(network, factors, monitor, |network, stream| {
            let drawn = draw(&pages, stream);
            let turns: Vec<u8> = drawn
                .iter()
                .map(|_| (stream.uniform() * TURNS) as u8)
                .collect();
            let of: Vec<&Look> = drawn.iter().map(|page| &*page.look).collect();
            let labels: Vec<u8> = drawn
                .iter()
                .zip(&turns)
                .flat_map(|(page, turn)| page.look.turned_labels(&looks.setup, &page.labels, *turn))
                .collect();
            let batch = looks.batch(&of, &turns, &device);
            let own = noisy(looks.own(&of, &turns, &scale, &device), stream);
            let scores = network.forward(&batch.series, own, Some(drop_of(stream)));
            target(&labels, &of, looks, &weights, &device).loss(scores)
        })?;
        let what = What::Whole(Box::new(taught.valid()));
        Ok(Taught {
            tuning,
            what,
            scale,
        })
    }

    /// Windows that show labelled pixels; an even part of them where there are more than are kept.
    fn pages_blocking(&self, looks: &mut Looks, monitor: &Monitor<'_>) -> JobResult<Vec<Page>> {
        let mut places: BTreeMap<Place, Labels> = BTreeMap::new();
        for (pixel, class) in self.labels {
            for place in looks.plan.windows_over(*pixel) {
                places.entry(place).or_default().insert(*pixel, *class);
            }
        }
        let most = looks.most();
        let all = places.len();
        if all > most {
            monitor.warn(format!(
                "labels lie in {all} windows, of which the network is taught on {most}, spread evenly; a smaller area holds all"
            ));
        }
        let size = looks.plan.size;
        let mut pages = Vec::new();
        for (number, (place, pixels)) in places.into_iter().enumerate() {
            // Every window whose share of the way is a new whole number.
            if all > most && number * most / all == (number + 1) * most / all {
                continue;
            }
            monitor.progress("looking at the labels", number as u64, all as u64);
            let Some(look) = looks.look_blocking(place, monitor)? else {
                continue;
            };
            let mut labels = vec![VOID; size * size];
            for ((row, col), class) in pixels {
                let at =
                    (row as isize - place.0) as usize * size + (col as isize - place.1) as usize;
                if look.is_seen.get(at) == Some(&true)
                    && let Some(label) = labels.get_mut(at)
                {
                    *label = class;
                }
            }
            if labels.iter().any(|label| *label != VOID) {
                pages.push(Page { look, labels });
            }
        }
        if pages.is_empty() {
            return Err(Failure::new(
                "no image shows a labelled pixel in half a window, so that the network cannot be taught; label other places, or choose more days",
            )
            .into());
        }
        Ok(pages)
    }

    /// One by the root of how often a class is, 1 on average over the classes that are there.
    fn class_weights(&self) -> Vec<f32> {
        let mut counts = vec![0_u32; self.classes];
        for class in self.labels.values() {
            if let Some(count) = counts.get_mut(usize::from(*class)) {
                *count += 1;
            }
        }
        let raw: Vec<f64> = counts
            .iter()
            .map(|count| match count {
                0 => 0.0,
                count => 1.0 / f64::from(*count).sqrt(),
            })
            .collect();
        let there = raw.iter().filter(|weight| **weight > 0.0).count().max(1);
        let mean = raw.iter().sum::<f64>() / there as f64;
        raw.iter()
            .map(|weight| (weight / mean.max(f64::MIN_POSITIVE)) as f32)
            .collect()
    }

    fn steps<M: Module>(
        &self,
        mut model: M,
        rate_factors: Vec<(String, f64)>,
        monitor: &Monitor<'_>,
        mut loss: impl FnMut(&M, &mut Stream) -> Tensor<1>,
    ) -> JobResult<M> {
        let mut optimiser = Optimiser::new(AdamWSettings {
            clip_norm: Some(1.0),
            rate_factors,
            ..AdamWSettings::default()
        });
        let mut stream = Stream::new(self.seed, "windows of crops");
        for step in 0..self.steps {
            monitor.check()?;
            monitor.progress("teaching the network", step, self.steps);
            let gradients = guarded(|| Ok(loss(&model, &mut stream).backward()))?;
            optimiser.add(&model, gradients);
            model = optimiser.step(model, rate_at(step));
        }
        Ok(model)
    }
}

/// Risen over the warm-up, whose first step already moves, then along a cosine to a hundredth.
fn rate_at(step: u64) -> f64 {
    let schedule = Schedule {
        peak: RATE,
        warmup_steps: WARM_UP,
        steps: STEPS,
        fall: Fall::Cosine,
    };
    let at = step + u64::from(step < WARM_UP);
    schedule.rate_down_to(at, LAST_RATE)
}

/// The pixels' own numbers with noise, drawn on the processor.
fn noisy(own: Tensor<4>, stream: &mut Stream) -> Tensor<4> {
    let shape = own.dims();
    let noise = stream.normals(NOISE, shape.iter().product());
    own.clone() + Tensor::from_data(TensorData::new(noise, shape), &own.device())
}

fn drop_of(stream: &mut Stream) -> u64 {
    stream.uniform().to_bits()
}

fn draw<'a>(pages: &'a [Page], stream: &mut Stream) -> Vec<&'a Page> {
    (0..BATCH.min(pages.len()))
        .filter_map(|_| {
            let at = (stream.uniform() * pages.len() as f64) as usize;
            pages.get(at.min(pages.len() - 1))
        })
        .collect()
}

fn target(labels: &[u8], of: &[&Look], looks: &Looks, weights: &[f32], device: &Device) -> Target {
    let size = looks.plan.size;
    Target::classes(labels, [of.len(), size, size], weights, device)
}

impl Taught {
    /// Shares [K, side, side] of the classes in windows; NaN where a pixel was never seen.
    ///
    /// # Errors
    /// A device that fails; a cancel.
    pub fn shares(
        &self,
        looks: &Looks,
        of: &[&Look],
        monitor: &Monitor<'_>,
    ) -> JobResult<Vec<Vec<f32>>> {
        let device = &looks.setup.device;
        if let What::Head(_) = &self.what {
            looks.embed(of, monitor)?;
        }
        let values = guarded(|| {
            let scores = match &self.what {
                What::Head(head) => {
                    let batch = looks.head_batch(of, &self.scale, device);
                    head.forward(batch.embedding, &batch.is_padding, batch.own, None)
                }
                What::Whole(network) => {
                    let batch = looks.batch(of, &[], device);
                    network.forward(&batch.series, looks.own(of, &[], &self.scale, device), None)
                }
            };
            softmax(scores, 1)
                .into_data()
                .try_into_vec::<f32>()
                .map_err(|error| format!("the device did not give the shares back: {error:?}"))
        })?;
        let each = values.len() / of.len().max(1);
        let pixels = looks.plan.size * looks.plan.size;
        Ok(values
            .chunks_exact(each.max(1))
            .zip(of)
            .map(|(shares, look)| {
                let of_pixel = shares.iter().enumerate();
                of_pixel
                    .map(|(at, share)| match look.is_seen.get(at % pixels) {
                        Some(true) => *share,
                        _ => f32::NAN,
                    })
                    .collect()
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_classes_count_more_and_absent_ones_nothing() {
        let labels: Labels = (0..20).map(|at| ((0, at), u8::from(at >= 16))).collect();
        let lesson = Lesson {
            labels: &labels,
            classes: 3,
            tuning: None,
            weights: Path::new(""),
            seed: 0,
            steps: STEPS,
        };
        // 1/4 and 1/2, whose mean is 3/8.
        let weights = lesson.class_weights();
        assert!((weights[0] - 2.0 / 3.0).abs() < 1e-6, "{weights:?}");
        assert!((weights[1] - 4.0 / 3.0).abs() < 1e-6, "{weights:?}");
        assert_eq!(weights[2], 0.0);
        assert_eq!(lesson.tuning(), KgvsfTuning::Frozen);
    }

    #[test]
    fn the_rate_rises_and_falls() {
        assert!(rate_at(0) < RATE / 2.0);
        assert!((rate_at(WARM_UP) - RATE).abs() < 1e-9);
        assert!(rate_at(STEPS - 1) < RATE / 50.0);
    }
}
