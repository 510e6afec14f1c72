//! A KG-VSF network that is taught crops: a head on it reads the embeddings of a season and each pixel's own course (specification
//! kg-vsf 7.1). Judged on every split like the other descriptions, and mapped. Knows the order of the steps.

mod lesson;
mod looks;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use terroir_models::KgvsfTuning;
use terroir_scene::{Archive, Grid, Period, WeatherSpec, Window};

use super::map::{CropMap, Labelled};
use super::spec::{CropModel, CropSpec};
use crate::device;
use crate::embed_season::{EmbedSeasonSpec, open_season};
use crate::evaluate::{Learner, Task};
use crate::monitor::{JobResult, Monitor};
use crate::weather_series::{BlendedRows, known_model};

use lesson::{Labels, Lesson, Taught};
use looks::{Look, Looks, TOGETHER};

/// What is added to a model's name where it is taught itself.
pub(super) const TAUGHT: &str = "taught";

/// Of the pixels of a window that is only timed, every so many have a class; and steps that are timed.
const MADE_UP_EVERY: usize = 5;
const TIMED_STEPS: u64 = 2;

/// What a lesson takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct LessonTime {
    step_secs: f64,
    /// Of a window that was read.
    ask_secs: f64,
    /// Of reading a window.
    pub read_secs: f64,
}

impl LessonTime {
    /// With so many windows asked after it.
    pub fn secs(&self, asked: usize) -> f64 {
        lesson::STEPS as f64 * self.step_secs + asked as f64 * self.ask_secs
    }
}

/// The network of a season.
pub(super) struct TaughtNetwork {
    looks: Looks,
    name: String,
    sentence: String,
    weights: PathBuf,
    pub device: String,
    /// `None` = by how many labels there are.
    tuning: Option<KgvsfTuning>,
}

impl TaughtNetwork {
    /// Opens a network with the images and the weather of a period.
    ///
    /// # Errors
    /// As a field of the same season.
    pub fn open(
        spec: &CropSpec,
        model: &CropModel,
        weather: &WeatherSpec,
        tuning: Option<KgvsfTuning>,
        period: Period,
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        let compute = device::open(&spec.device);
        let (network, about, sha256) = known_model(&model.weights, &compute.device)?;
        let season = EmbedSeasonSpec {
            archive: spec.archive.clone(),
            weather: weather.clone(),
            model: model.name.clone(),
            weights: model.weights.clone(),
            support: Some(period),
            device: spec.device.clone(),
            out: spec.out.clone(),
            aoi: None,
        };
        let sentence = format!(
            "{} with a head for crops, sha256 {sha256}",
            network.config().name().unwrap_or("kgvsf")
        );
        let setup = open_season(&season, network, about, compute.device.clone(), monitor)?;
        Ok(Self {
            looks: Looks::new(setup),
            name: taught_name(&model.name),
            sentence,
            weights: model.weights.clone(),
            device: compute.name,
            tuning,
        })
    }

    pub fn archive(&self) -> &Archive {
        &self.looks.setup.site.archive
    }

    fn teach(
        &mut self,
        labels: &Labels,
        classes: usize,
        seed: u64,
        monitor: &Monitor<'_>,
    ) -> JobResult<Taught> {
        let lesson = Lesson {
            labels,
            classes,
            tuning: self.tuning,
            weights: &self.weights,
            seed,
            steps: lesson::STEPS,
        };
        lesson.teach(&mut self.looks, monitor)
    }

    /// Windows over the place.
    pub fn windows(&self) -> usize {
        self.looks.plan.rows().len() * self.looks.plan.columns().len()
    }

    /// Network, gradients and moments of what learns, what was read, and what a step holds.
    pub fn memory_bytes(&self, tuning: KgvsfTuning) -> u64 {
        let config = self.looks.setup.model.config();
        let copies = if tuning == KgvsfTuning::Frozen { 1 } else { 4 };
        let tokens = config.images * (config.image_px / config.patch_px.max(1)).pow(2);
        let blocks = config.image_blocks + config.sequence_blocks;
        let of_step = TOGETHER * tokens * blocks * (8 * config.width + 2 * config.mlp);
        (4 * copies * config.parameter_count() + 4 * of_step + looks::KEPT_BYTES) as u64
    }

    /// Times a lesson and a window on the middle of the place, whose pixels are given two classes in turn.
    ///
    /// # Errors
    /// No image that shows half a window there, a file that cannot be read, a device that fails, a cancel.
    pub fn time_blocking(
        &mut self,
        tuning: KgvsfTuning,
        monitor: &Monitor<'_>,
    ) -> JobResult<LessonTime> {
        let plan = self.looks.plan;
        let region = plan.region;
        let middle = (
            region.row + region.height / 2,
            region.col + region.width / 2,
        );
        let reach = plan.size / 2;
        let labels: Labels = (0..plan.size * plan.size)
            .step_by(MADE_UP_EVERY)
            .map(|at| {
                let row = (middle.0 + at / plan.size).saturating_sub(reach);
                let col = (middle.1 + at % plan.size).saturating_sub(reach);
                ((row, col), u8::from((at / MADE_UP_EVERY).is_multiple_of(2)))
            })
            .filter(|((row, col), _)| *row < region.end_row() && *col < region.end_col())
            .collect();
        let clock = Instant::now();
        let mut looks = Vec::new();
        for place in plan.windows_over(middle) {
            looks.extend(self.looks.look_blocking(place, monitor)?);
        }
        let read_secs = clock.elapsed().as_secs_f64() / looks.len().max(1) as f64;
        let mut lesson = Lesson {
            labels: &labels,
            classes: 2,
            tuning: Some(tuning),
            weights: &self.weights,
            seed: 0,
            steps: 1,
        };
        // The first step reads, embeds and compiles kernels; those after it count.
        lesson.teach(&mut self.looks, monitor)?;
        lesson.steps = 1 + TIMED_STEPS;
        let clock = Instant::now();
        let taught = lesson.teach(&mut self.looks, monitor)?;
        let step_secs = clock.elapsed().as_secs_f64() / lesson.steps as f64;
        let some: Vec<&Look> = looks.iter().map(|look| &**look).collect();
        let clock = Instant::now();
        taught.shares(&self.looks, &some, monitor)?;
        Ok(LessonTime {
            step_secs,
            ask_secs: clock.elapsed().as_secs_f64() / some.len().max(1) as f64,
            read_secs,
        })
    }

    /// Teaches it all labels and writes the map; returns what was taught, in words.
    ///
    /// # Errors
    /// Nothing to learn from, a file that cannot be read or written, a device that fails, a cancel.
    pub fn map_blocking(
        &mut self,
        labelled: &Labelled,
        seed: u64,
        map: &mut CropMap,
        monitor: &Monitor<'_>,
    ) -> JobResult<String> {
        let labels: Labels = labelled
            .pixels
            .iter()
            .map(|pixel| {
                let class = u8::try_from(labelled.class_of(pixel)).unwrap_or(u8::MAX);
                ((pixel.row, pixel.col), class)
            })
            .collect();
        let classes = labelled.classes.len();
        let taught = self.teach(&labels, classes, seed, monitor)?;
        let plan = self.looks.plan;
        let mut strip = BlendedRows::new(plan, classes);
        let (rows, columns) = (plan.rows(), plan.columns());
        let total = (rows.len() * columns.len()) as u64;
        for (number, row) in rows.iter().enumerate() {
            for (part, of) in columns.chunks(TOGETHER).enumerate() {
                let done = number * columns.len() + part * TOGETHER;
                monitor.progress("classifying", done as u64, total);
                let mut seen: Vec<(isize, Rc<Look>)> = Vec::new();
                for column in of {
                    let look = self.looks.look_blocking((*row, *column), monitor)?;
                    seen.extend(look.map(|look| (*column, look)));
                }
                let looks: Vec<&Look> = seen.iter().map(|(_, look)| &**look).collect();
                if looks.is_empty() {
                    continue;
                }
                let shares = taught.shares(&self.looks, &looks, monitor)?;
                for ((column, _), shares) in seen.iter().zip(shares) {
                    strip.add(*column, &shares);
                }
            }
            if let Some((first, shares)) = strip.finish(number + 1 == rows.len()) {
                let width = plan.region.width;
                let window = Window {
                    col: 0,
                    row: first,
                    width,
                    height: shares.len() / (width * classes).max(1),
                };
                map.write(window, &shares)?;
            }
        }
        Ok(format!("{}, {}", self.sentence, words_of(taught.tuning)))
    }
}

/// `kgvsf-tiny, taught`.
pub(super) fn taught_name(model: &str) -> String {
    format!("{model}, {TAUGHT}")
}

/// What learnt, for people.
fn words_of(tuning: KgvsfTuning) -> &'static str {
    match tuning {
        KgvsfTuning::Frozen => "the network as it is",
        KgvsfTuning::Last => "its last layers taught, too",
        KgvsfTuning::Full => "all of the network taught, too",
    }
}

impl Learner for TaughtNetwork {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn about(&self) -> String {
        let what = match self.tuning {
            Some(tuning) => words_of(tuning),
            None => "as much of the network taught as the labels bear",
        };
        format!("{}, {what}", self.sentence)
    }

    fn numbers(&self) -> usize {
        self.looks.own
    }

    fn grid(&self) -> &Grid {
        &self.archive().grid
    }

    fn see_blocking(
        &mut self,
        places: &[Vec<(usize, usize)>],
        monitor: &Monitor<'_>,
    ) -> JobResult<Vec<bool>> {
        let mut is_seen = Vec::with_capacity(places.len());
        for (number, pixels) in places.iter().enumerate() {
            monitor.progress(
                "looking at the labelled places",
                number as u64,
                places.len() as u64,
            );
            let mut is = false;
            for (col, row) in pixels {
                is = is || self.sees_blocking((*row, *col), monitor)?;
            }
            is_seen.push(is);
        }
        Ok(is_seen)
    }

    fn classify(&mut self, task: &Task<'_>, monitor: &Monitor<'_>) -> JobResult<Vec<usize>> {
        let mut labels = Labels::new();
        for place in task.train {
            let class = task.class.get(*place).copied().unwrap_or(0);
            for (col, row) in task.pixels.get(*place).into_iter().flatten() {
                labels.insert((*row, *col), u8::try_from(class).unwrap_or(u8::MAX));
            }
        }
        let taught = self.teach(&labels, task.classes, task.seed, monitor)?;
        // Windows that show what is asked for, and sums of weighted shares of each pixel.
        let mut wanted: BTreeMap<looks::Place, Vec<(usize, usize)>> = BTreeMap::new();
        let mut sums: BTreeMap<(usize, usize), Vec<f32>> = BTreeMap::new();
        for place in task.test {
            for (col, row) in task.pixels.get(*place).into_iter().flatten() {
                let pixel = (*row, *col);
                if sums.insert(pixel, vec![0.0; task.classes]).is_none() {
                    for window in self.looks.plan.windows_over(pixel) {
                        wanted.entry(window).or_default().push(pixel);
                    }
                }
            }
        }
        let (size, weights) = (self.looks.plan.size, self.looks.plan.weights());
        let windows: Vec<(looks::Place, Vec<(usize, usize)>)> = wanted.into_iter().collect();
        for (number, part) in windows.chunks(TOGETHER).enumerate() {
            monitor.check()?;
            let done = (number * TOGETHER) as u64;
            monitor.progress("asking the network", done, windows.len() as u64);
            let mut seen = Vec::new();
            for (place, pixels) in part {
                let look = self.looks.look_blocking(*place, monitor)?;
                seen.extend(look.map(|look| (*place, pixels, look)));
            }
            let looks: Vec<&Look> = seen.iter().map(|(_, _, look)| &**look).collect();
            if looks.is_empty() {
                continue;
            }
            let shares = taught.shares(&self.looks, &looks, monitor)?;
            for ((place, pixels, _), shares) in seen.iter().zip(shares) {
                for pixel in *pixels {
                    let row = (pixel.0 as isize - place.0) as usize;
                    let col = (pixel.1 as isize - place.1) as usize;
                    let weight = |at: usize| weights.get(at).copied().unwrap_or(0.0);
                    let weight = weight(row) * weight(col);
                    let of_pixel = shares.iter().skip(row * size + col).step_by(size * size);
                    for (sum, share) in sums.entry(*pixel).or_default().iter_mut().zip(of_pixel) {
                        if share.is_finite() {
                            *sum += weight * share;
                        }
                    }
                }
            }
        }
        // Of a place of several pixels, what is largest over all of them.
        Ok(task
            .test
            .iter()
            .map(|place| {
                let mut total = vec![0.0_f32; task.classes];
                for (col, row) in task.pixels.get(*place).into_iter().flatten() {
                    for (total, sum) in total
                        .iter_mut()
                        .zip(sums.get(&(*row, *col)).into_iter().flatten())
                    {
                        *total += sum;
                    }
                }
                let best = total.iter().enumerate().max_by(|a, b| {
                    // Of equals the first.
                    a.1.total_cmp(b.1).then(b.0.cmp(&a.0))
                });
                best.map_or(0, |(class, _)| class)
            })
            .collect())
    }
}

impl TaughtNetwork {
    fn sees_blocking(&mut self, pixel: (usize, usize), monitor: &Monitor<'_>) -> JobResult<bool> {
        let size = self.looks.plan.size;
        for place in self.looks.plan.windows_over(pixel) {
            let Some(look) = self.looks.look_blocking(place, monitor)? else {
                continue;
            };
            let row = (pixel.0 as isize - place.0) as usize;
            let col = (pixel.1 as isize - place.1) as usize;
            if look.is_seen.get(row * size + col) == Some(&true) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
