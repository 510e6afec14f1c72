//! What a network that is taught sees of the windows of a place: images, the numbers of every pixel and, while the network stays as
//! it is, its embeddings. What was read once is kept as far as memory allows. Knows windows and tensors; knows no labels.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;

use burn::tensor::{Device, Tensor, TensorData};

use crate::embed_season::{Course, SeasonImages, pixel_numbers, usable_images, width_of};
use crate::monitor::{JobResult, Monitor};
use crate::setup::guarded;
use crate::weather_series::{
    Batch, Crop, Sample, WindowPlan, batch_of, read_mirrored_crop_blocking,
};

/// Windows embedded at once.
pub const TOGETHER: usize = 8;
/// What is kept of windows that were read, bytes.
pub const KEPT_BYTES: usize = 512 << 20;

/// First row and first column of a window, which may lie beyond the grid.
pub type Place = (isize, isize);

/// What is seen of a window.
pub struct Look {
    crop: Crop,
    /// Places among the crop's images of those that show enough.
    images: Vec<usize>,
    /// [F, side, side]
    own: Vec<f32>,
    /// Pixels that were ever seen.
    pub is_seen: Vec<bool>,
    /// [images, N, D] of the network as it is.
    tokens: OnceCell<Vec<f32>>,
}

/// Windows that were read.
pub struct Looks {
    pub setup: SeasonImages,
    pub plan: WindowPlan,
    /// F
    pub own: usize,
    known: HashMap<Place, Option<Rc<Look>>>,
    bytes: usize,
}

/// How the pixels' own numbers are brought to one scale: their mean and 1 / deviation.
#[derive(Clone, Debug)]
pub struct OwnScale {
    mean: Vec<f32>,
    inverse: Vec<f32>,
}

impl OwnScale {
    /// Of all pixels of some windows that were ever seen.
    pub fn of(looks: &[&Look], numbers: usize) -> Self {
        /// What hardly differs keeps small.
        const LEAST: f64 = 0.02;
        let (mut sums, mut squares) = (vec![0.0_f64; numbers], vec![0.0_f64; numbers]);
        let mut count = 0_u64;
        for look in looks {
            let pixels = look.is_seen.len();
            count += look.is_seen.iter().filter(|is| **is).count() as u64;
            for (number, plane) in look.own.chunks_exact(pixels.max(1)).enumerate() {
                for (value, is_seen) in plane.iter().zip(&look.is_seen) {
                    if *is_seen {
                        sums[number] += f64::from(*value);
                        squares[number] += f64::from(*value).powi(2);
                    }
                }
            }
        }
        let count = count.max(1) as f64;
        let mean: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
        let inverse = squares.iter().zip(&mean).map(|(square, mean)| {
            let deviation = (square / count - mean * mean).max(0.0).sqrt();
            (1.0 / deviation.max(LEAST)) as f32
        });
        Self {
            inverse: inverse.collect(),
            mean: mean.into_iter().map(|mean| mean as f32).collect(),
        }
    }
}

/// Windows as a head reads them.
pub struct HeadBatch {
    /// [B, T, N, D]
    pub embedding: Tensor<4>,
    pub is_padding: Vec<bool>,
    /// [B, F, side, side]
    pub own: Tensor<4>,
}

impl Looks {
    pub fn new(setup: SeasonImages) -> Self {
        let config = setup.model.config();
        let plan = WindowPlan {
            size: config.image_px,
            overlap: (4 * config.patch_px).min(config.image_px / 2),
            region: setup.site.archive.grid.window(),
        };
        Self {
            plan,
            own: width_of(setup.about.bands.len(), setup.pair, Course::Binned),
            setup,
            known: HashMap::new(),
            bytes: 0,
        }
    }

    /// Windows that are kept at most.
    pub fn most(&self) -> usize {
        let config = self.setup.model.config();
        let pixels = config.image_px * config.image_px;
        let tokens = pixels / (config.patch_px * config.patch_px).max(1);
        let images = self.setup.images.len();
        let one = images * pixels * (4 * config.bands + 1)
            + 4 * self.own * pixels
            + 4 * images.min(24) * tokens * config.width;
        (KEPT_BYTES / one.max(1)).max(TOGETHER)
    }

    /// What is seen of a window; `None` where no image shows half of it.
    ///
    /// # Errors
    /// A file that cannot be read; a cancel.
    pub fn look_blocking(
        &mut self,
        place: Place,
        monitor: &Monitor<'_>,
    ) -> JobResult<Option<Rc<Look>>> {
        if let Some(known) = self.known.get(&place) {
            return Ok(known.clone());
        }
        monitor.check()?;
        let look = self.read_blocking(place, monitor)?.map(Rc::new);
        let bytes = look.as_ref().map_or(0, |look| look.bytes(&self.setup));
        if self.bytes + bytes <= KEPT_BYTES {
            self.bytes += bytes;
            self.known.insert(place, look.clone());
        }
        Ok(look)
    }

    fn read_blocking(&self, place: Place, monitor: &Monitor<'_>) -> JobResult<Option<Look>> {
        let setup = &self.setup;
        let bands = &setup.about.bands;
        let images = setup.images.clone();
        let crop = read_mirrored_crop_blocking(
            &setup.site,
            bands,
            place,
            self.plan.size,
            images,
            monitor,
        )?;
        let images = usable_images(&crop);
        if images.is_empty() {
            return Ok(None);
        }
        let numbers = pixel_numbers(
            &crop,
            &setup.site,
            bands,
            setup.pair,
            setup.season,
            Course::Binned,
        );
        let pixels = self.plan.size * self.plan.size;
        let mut own = vec![0.0; numbers.width * pixels];
        for (pixel, of_pixel) in numbers
            .values
            .chunks_exact(numbers.width.max(1))
            .enumerate()
        {
            for (number, value) in of_pixel.iter().enumerate() {
                own[number * pixels + pixel] = *value;
            }
        }
        Ok(Some(Look {
            crop,
            images,
            own,
            is_seen: numbers.is_seen,
            tokens: OnceCell::new(),
        }))
    }

    /// Embeds what has not been, by the network as it is.
    ///
    /// # Errors
    /// A device that fails; a cancel.
    pub fn embed(&self, looks: &[&Look], monitor: &Monitor<'_>) -> JobResult<()> {
        let missing: Vec<&Look> = looks
            .iter()
            .copied()
            .filter(|look| look.tokens.get().is_none())
            .collect();
        for part in missing.chunks(TOGETHER) {
            monitor.check()?;
            let batch = self.batch(part, &[], &self.setup.device);
            let values = guarded(|| {
                self.setup
                    .model
                    .encode(&batch.series)
                    .embedding()
                    .into_data()
                    .try_into_vec::<f32>()
                    .map_err(|error| {
                        format!("the device did not give the embedding back: {error:?}")
                    })
            })?;
            let most = most_images(part);
            let of_image = values.len() / (part.len() * most).max(1);
            for (look, values) in part
                .iter()
                .zip(values.chunks_exact((most * of_image).max(1)))
            {
                let padding = (most - look.images.len()) * of_image;
                // Set by nobody else: filtered above.
                let _ = look.tokens.set(values[padding..].to_vec());
            }
        }
        Ok(())
    }

    /// Images and weather of windows as the network reads them. `turns`: of each window, 0 where there is none.
    pub fn batch(&self, looks: &[&Look], turns: &[u8], device: &Device) -> Batch {
        let samples: Vec<Sample<'_>> = looks
            .iter()
            .enumerate()
            .map(|(at, look)| look.sample(&self.setup, turns.get(at).copied().unwrap_or(0)))
            .collect();
        let days = self.setup.model.config().weather_days;
        batch_of(&samples, most_images(looks), days, device)
    }

    /// The pixels' own numbers [B, F, side, side], scaled and turned.
    pub fn own(
        &self,
        looks: &[&Look],
        turns: &[u8],
        scale: &OwnScale,
        device: &Device,
    ) -> Tensor<4> {
        let size = self.own * self.plan.size * self.plan.size;
        let mut values = vec![0.0_f32; looks.len() * size];
        for (at, (look, into)) in looks
            .iter()
            .zip(values.chunks_exact_mut(size.max(1)))
            .enumerate()
        {
            let turn = turns.get(at).copied().unwrap_or(0);
            look.sample(&self.setup, turn)
                .write_turned(&look.own, into, self.own);
            let pixels = self.plan.size * self.plan.size;
            let scales = scale.mean.iter().zip(&scale.inverse);
            for (plane, (mean, inverse)) in into.chunks_exact_mut(pixels).zip(scales) {
                plane
                    .iter_mut()
                    .for_each(|value| *value = (*value - mean) * inverse);
            }
        }
        let shape = [looks.len(), self.own, self.plan.size, self.plan.size];
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// The same windows for a head on the network as it is; they must have been embedded.
    pub fn head_batch(&self, looks: &[&Look], scale: &OwnScale, device: &Device) -> HeadBatch {
        let config = self.setup.model.config();
        let tokens = self.plan.size * self.plan.size / (config.patch_px * config.patch_px).max(1);
        let (most, of_image) = (most_images(looks), tokens * config.width);
        let mut values = Vec::with_capacity(looks.len() * most * of_image);
        let mut is_padding = Vec::with_capacity(looks.len() * most);
        for look in looks {
            let missing = most - look.images.len();
            values.resize(values.len() + missing * of_image, 0.0);
            let known = look.tokens.get().map(Vec::as_slice).unwrap_or_default();
            values.extend_from_slice(known);
            is_padding.extend((0..most).map(|image| image < missing));
        }
        let shape = [looks.len(), most, tokens, config.width];
        HeadBatch {
            embedding: Tensor::from_data(TensorData::new(values, shape), device),
            is_padding,
            own: self.own(looks, &[], scale, device),
        }
    }
}

impl Look {
    fn bytes(&self, setup: &SeasonImages) -> usize {
        let config = setup.model.config();
        let pixels = config.image_px * config.image_px;
        let tokens = pixels / (config.patch_px * config.patch_px).max(1);
        self.crop.bytes()
            + 4 * self.own.len()
            + pixels
            + 4 * self.images.len() * tokens * config.width
    }

    fn sample<'a>(&'a self, setup: &'a SeasonImages, turn: u8) -> Sample<'a> {
        Sample {
            site: &setup.site,
            weather: &setup.weather,
            crop: &self.crop,
            images: self.images.clone(),
            targets: Vec::new(),
            turn,
        }
    }

    /// Labels of the window's pixels as its images are turned.
    pub fn turned_labels(&self, setup: &SeasonImages, labels: &[u8], turn: u8) -> Vec<u8> {
        let mut out = labels.to_vec();
        self.sample(setup, turn).write_turned(labels, &mut out, 1);
        out
    }
}

fn most_images(looks: &[&Look]) -> usize {
    looks
        .iter()
        .map(|look| look.images.len())
        .max()
        .unwrap_or(1)
}
