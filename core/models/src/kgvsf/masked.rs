//! The first phase of learning: parts of images, weather and sequence are hidden and told again from the rest
//! (specification section 5, phase 1). Knows the network and what is hidden. Knows nothing of steps or files.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};

use super::block::EPSILON;
use super::series::indices;
use super::{ImageSeries, Kgvsf, KgvsfConfig, masked_huber};
use crate::fused::{self, Reach};
use crate::parameters::ParameterList;
use crate::weights::{Layers, Seeded, Stream};

/// Share of an image's tokens that are hidden, of the days, and of the tokens of the sequence.
const HIDDEN_TOKENS: f64 = 0.75;
const HIDDEN_DAYS: f64 = 0.3;
const HIDDEN_PLACES: f64 = 0.3;
/// Longest run of hidden days.
const LONGEST_RUN: usize = 10;

/// The network with the head that tells hidden weather, which is not part of what is kept.
#[derive(Module, Debug)]
pub struct MaskedKgvsf {
    pub model: Kgvsf,
    w_rec: Linear,
}

/// What is hidden of a batch of M images there, N tokens each, and of B places with L days.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenParts {
    /// Tokens of each image that are seen, rising, as many of every image: M lists in a row.
    seen: Vec<usize>,
    seen_an_image: usize,
    /// B * L
    days: Vec<bool>,
    /// M * N
    places: Vec<bool>,
}

/// The three parts of the loss, unweighted.
#[derive(Clone, Debug)]
pub struct MaskedLosses {
    pub image: Tensor<1>,
    pub weather: Tensor<1>,
    pub sequence: Tensor<1>,
}

impl MaskedLosses {
    /// With the weights of the specification.
    pub fn sum(&self) -> Tensor<1> {
        self.image.clone() + self.weather.clone() * 0.1 + self.sequence.clone() * 0.1
    }
}

impl HiddenParts {
    /// Draws what is hidden of a series cut into patches of `patch_px`.
    pub fn draw(series: &ImageSeries, patch_px: usize, stream: &mut Stream) -> Self {
        let [_, _, _, height, width] = series.values.dims();
        let tokens = (height / patch_px.max(1)) * (width / patch_px.max(1));
        let images = series.is_padding.iter().filter(|pad| !**pad).count();
        let seen_an_image = tokens - (tokens as f64 * HIDDEN_TOKENS) as usize;
        let mut seen = Vec::with_capacity(images * seen_an_image);
        for _ in 0..images {
            let mut order: Vec<usize> = (0..tokens).collect();
            for at in 0..seen_an_image {
                order.swap(at, at + draw(stream, tokens - at));
            }
            order.truncate(seen_an_image);
            order.sort_unstable();
            seen.extend(order);
        }
        let places = series.values.dims()[0];
        let days = series.weather.days;
        let mut is_hidden = vec![false; places * days];
        for row in is_hidden.chunks_mut(days.max(1)) {
            let wanted = (days as f64 * HIDDEN_DAYS) as usize;
            let mut hidden = 0;
            while hidden < wanted {
                let from = draw(stream, days);
                let run = 1 + draw(stream, LONGEST_RUN);
                for is_hidden in row.iter_mut().skip(from).take(run) {
                    if !*is_hidden && hidden < wanted {
                        *is_hidden = true;
                        hidden += 1;
                    }
                }
            }
        }
        Self {
            seen,
            seen_an_image,
            days: is_hidden,
            places: (0..images * tokens)
                .map(|_| stream.uniform() < HIDDEN_PLACES)
                .collect(),
        }
    }
}

#[cfg(test)]
impl HiddenParts {
    /// Tokens that are seen, and days that are hidden.
    pub fn counts(&self) -> (usize, usize) {
        let days = self.days.iter().filter(|is_hidden| **is_hidden);
        (self.seen.len(), days.count())
    }
}

/// A number below `count`.
fn draw(stream: &mut Stream, count: usize) -> usize {
    ((stream.uniform() * count as f64) as usize).min(count.saturating_sub(1))
}

impl MaskedKgvsf {
    /// The head starts by the seed.
    pub fn new(model: Kgvsf, seed: u64, device: &Device) -> Self {
        let KgvsfConfig { width, drivers, .. } = *model.config();
        let mut list = ParameterList(Vec::new());
        list.linear("w_rec", width, drivers);
        let mut weights = Seeded::new(seed, list.0);
        let mut layers = Layers {
            weights: &mut weights,
            device,
        };
        let Ok(w_rec) = layers.linear("w_rec", width, drivers);
        Self { model, w_rec }
    }

    /// How well the hidden parts are told.
    ///
    /// # Panics
    /// If the parts were drawn for another batch.
    pub fn losses(&self, series: &ImageSeries, hidden: &HiddenParts) -> MaskedLosses {
        let model = &self.model;
        let (there, counts) = series.images_there();
        let (tokens, positions) = model.patch_tokens(series, &there);
        let [maps, count, d] = tokens.dims();
        let device = tokens.device();
        assert_eq!(hidden.places.len(), maps * count, "parts of this batch");
        let tokens = self.seen_and_gaps(tokens, positions, hidden);
        // Hidden days are zero in what the network is given.
        let mut given = series.clone();
        let drivers = given.weather.drivers;
        for (day, is_hidden) in given
            .weather
            .values
            .chunks_mut(drivers.max(1))
            .zip(&hidden.days)
        {
            if *is_hidden {
                day.fill(0.0);
            }
        }
        let weather = model.weather_states(&given);
        let fused = model.fuse(&given, &there, tokens.clone(), &weather);
        MaskedLosses {
            image: self.image_loss(series, &there, tokens, hidden),
            weather: self.weather_loss(series, weather, hidden),
            sequence: {
                let is_hidden = flags(&hidden.places, &device).reshape([maps, count, 1]);
                let mask = model.mask_tok.val().unsqueeze::<3>();
                let given =
                    fused.clone() * (is_hidden.clone() * -1.0 + 1.0) + is_hidden.clone() * mask;
                let told = model.over_time(given, Reach::All, &counts);
                let truth = plain_norm(fused.detach());
                let shape = [1, 1, maps * count, d];
                masked_huber(
                    told.reshape(shape),
                    truth.reshape(shape),
                    is_hidden.expand([maps, count, d]).reshape(shape),
                )
            },
        }
    }

    /// Encodes the seen tokens alone and puts the mask's token into the gaps: [M, N, D].
    fn seen_and_gaps(
        &self,
        tokens: Tensor<3>,
        positions: Tensor<3>,
        hidden: &HiddenParts,
    ) -> Tensor<3> {
        let model = &self.model;
        let [maps, count, d] = tokens.dims();
        let device = tokens.device();
        let seen_an_image = hidden.seen_an_image;
        let mut place_of = vec![maps * seen_an_image; maps * count];
        let mut rows = Vec::with_capacity(maps * seen_an_image);
        for (number, token) in hidden.seen.iter().enumerate() {
            let row = number / seen_an_image.max(1) * count + token;
            rows.push(row);
            place_of[row] = number;
        }
        let is_gap: Vec<bool> = place_of
            .iter()
            .map(|place| *place == maps * seen_an_image)
            .collect();
        let seen = tokens
            .reshape([maps * count, d])
            .select(0, indices(&rows, &device))
            .reshape([maps, seen_an_image, d]);
        let seen = model.image_encoder(seen).reshape([maps * seen_an_image, d]);
        let with_mask = Tensor::cat(vec![seen, model.mask_tok.val().unsqueeze()], 0);
        let all = with_mask
            .select(0, indices(&place_of, &device))
            .reshape([maps, count, d]);
        all + flags(&is_gap, &device).reshape([maps, count, 1]) * positions
    }

    /// Over valid pixels of hidden patches; nothing is known before.
    fn image_loss(
        &self,
        series: &ImageSeries,
        there: &[usize],
        tokens: Tensor<3>,
        hidden: &HiddenParts,
    ) -> Tensor<1> {
        let model = &self.model;
        let p = model.config.patch_px;
        let [places, images, bands, height, width] = series.values.dims();
        let device = tokens.device();
        let [rows, columns] = [height / p, width / p];
        let [maps, count, _] = tokens.dims();
        let told = model.draw_patches(tokens, rows, columns);
        let there = indices(there, &device);
        let patches = |x: Tensor<4>, bands: usize| {
            let x = fused::channels_last(x.select(0, there.clone()));
            fused::blocks(x, p).reshape([1, 1, maps * count, p * p * bands])
        };
        let truth = patches(
            series
                .values
                .clone()
                .reshape([places * images, bands, height, width]),
            bands,
        );
        let valid = series
            .is_valid
            .clone()
            .reshape([places * images, 1, height, width])
            .expand([places * images, bands, height, width]);
        let mut is_hidden = vec![true; maps * count];
        for (number, token) in hidden.seen.iter().enumerate() {
            is_hidden[number / hidden.seen_an_image.max(1) * count + token] = false;
        }
        let is_hidden = flags(&is_hidden, &device).reshape([1, 1, maps * count, 1]);
        let told = told.reshape([1, 1, maps * count, p * p * bands]);
        masked_huber(told, truth, patches(valid, bands) * is_hidden)
    }

    /// Mean square of what is told of the hidden days.
    fn weather_loss(
        &self,
        series: &ImageSeries,
        weather: Tensor<3>,
        hidden: &HiddenParts,
    ) -> Tensor<1> {
        let [places, days, _] = weather.dims();
        let device = weather.device();
        let truth = series.weather.tensor(places, &device);
        let is_hidden = flags(&hidden.days, &device).reshape([places, days, 1]);
        let count = is_hidden.clone().sum() * series.weather.drivers as f32 + 1e-6;
        let off = (fused::linear(&self.w_rec, weather) - truth).square();
        (off * is_hidden).sum() / count
    }
}

fn flags(values: &[bool], device: &Device) -> Tensor<1> {
    let values: Vec<f32> = values.iter().map(|is| f32::from(u8::from(*is))).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

/// Layer norm without scale or offset.
fn plain_norm(x: Tensor<3>) -> Tensor<3> {
    let centred = x.clone() - x.mean_dim(2);
    let deviation = (centred.clone().square().mean_dim(2) + EPSILON).sqrt();
    centred / deviation
}
