//! KG-VSF, knowledge guided variable-step forecasting (arXiv 2407.19660), as specification section 4 builds it: images of a
//! place and its weather up to a day become an embedding; the weather that follows drives it to any later day.
//! Knows tensors, days and masks. Knows nothing of rasters, bands, units or normalisation.

mod block;
mod config;
mod crops;
mod file;
mod forecaster;
mod losses;
mod masked;
mod series;
mod soil;

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor, TensorData};

pub use config::{KGVSF_NAMES, KgvsfConfig, WeatherUse};
pub use crops::{CropHead, CropHeadConfig, CropNetwork, KgvsfTuning};
pub use file::{LoadedKgvsf, about_kgvsf, load_kgvsf, save_kgvsf};
pub use forecaster::Forecast;
pub use losses::{IndexBands, masked_huber, masked_index_error};
pub use masked::{HiddenParts, MaskedKgvsf, MaskedLosses};
pub use series::{ForecastDays, ImageSeries, WeatherRows, day_of_year_code, gap_code};
pub use soil::{SoilHead, SoilHeadConfig, soil_loss};

use block::{EPSILON, TokenBlock};
use series::{indices, is_all, table};

use crate::fused::{self, Reach};
use crate::position::sin_cos_rows_first;
use crate::weights::{Layers, Seeded, Weights};

/// A patch of which less than this is valid is a cloud (specification 4.4, step 2).
const LEAST_VALID: f32 = 0.25;

/// The network.
#[derive(Module, Debug)]
pub struct Kgvsf {
    embed: Linear,
    embed_n: LayerNorm,
    cloud: Param<Tensor<1>>,
    mask_tok: Param<Tensor<1>>,
    vit: Vec<TokenBlock>,
    vit_n: LayerNorm,
    lstm: WeatherEncoder,
    h_n: LayerNorm,
    doy: Linear,
    delta: Linear,
    w_in: Linear,
    fuse_n: LayerNorm,
    fu1: Linear,
    fu2: Linear,
    seq: Vec<TokenBlock>,
    seq_n: LayerNorm,
    drive_h: Linear,
    drive_a: Linear,
    cn: LayerNorm,
    film: Linear,
    state_n: LayerNorm,
    f1: Linear,
    f2: Linear,
    dec: Vec<TokenBlock>,
    dec_n: LayerNorm,
    out: Linear,
    #[module(skip)]
    config: KgvsfConfig,
}

/// Long short-term memory over the days, forward only: a day knows those before it.
#[derive(Module, Debug)]
struct WeatherEncoder {
    input: Linear,
    /// [D, 4 D]
    hidden: Param<Tensor<2>>,
    hidden_bias: Param<Tensor<1>>,
}

/// What a network knows of the places of a batch: embeddings at every image, and the weather's state at every day.
#[derive(Clone, Debug)]
pub struct SeriesState {
    /// [M, N, D] of the M images that are there, place by place: image i, all before it, and weather up to its day.
    embedding: Tensor<3>,
    /// Number in `embedding` of each of the B * T images.
    number_of: Vec<Option<usize>>,
    /// T
    images: usize,
    /// [B, L, D]
    weather: Tensor<3>,
}

impl KgvsfConfig {
    /// An **untrained** network of this size. The same seed gives the same values on every device.
    pub fn init(&self, seed: u64, device: &Device) -> Kgvsf {
        let mut weights = Seeded::new(seed, self.parameters());
        let Ok(model) = Kgvsf::build(self, &mut weights, device);
        model
    }
}

impl WeatherEncoder {
    fn build<W: Weights>(
        layers: &mut Layers<'_, W>,
        [drivers, d]: [usize; 2],
    ) -> Result<Self, W::Error> {
        let hidden = layers
            .weights
            .take_transposed("lstm.weight_hh_l0", 4 * d, d)?;
        Ok(Self {
            input: layers.linear_named("lstm.weight_ih_l0", "lstm.bias_ih_l0", drivers, 4 * d)?,
            hidden: Param::from_data(TensorData::new(hidden, [d, 4 * d]), layers.device),
            hidden_bias: layers.tensor("lstm.bias_hh_l0", [4 * d])?,
        })
    }

    /// [B, L, V] -> [B, L, D]; what the days give to the gates is one product for all of them. A day waits for the one before:
    /// a graphics card would spend its time on starting kernels, thousands of them, so the processor does it where no
    /// gradients are asked for, which do not come back from there.
    fn forward(&self, weather: Tensor<3>) -> Tensor<3> {
        let device = weather.device();
        let processor = Device::flex();
        let bias = match &self.input.bias {
            Some(bias) => bias.val() + self.hidden_bias.val(),
            None => self.hidden_bias.val(),
        };
        let (weight, hidden) = (self.input.weight.val(), self.hidden.val());
        if device.is_autodiff() || device == processor {
            return fused::lstm(fused::affine(weather, weight, bias), hidden);
        }
        let given = fused::affine(
            weather.to_device(&processor),
            weight.to_device(&processor),
            bias.to_device(&processor),
        );
        fused::lstm(given, hidden.to_device(&processor)).to_device(&device)
    }
}

impl Kgvsf {
    pub(crate) fn build<W: Weights>(
        config: &KgvsfConfig,
        weights: &mut W,
        device: &Device,
    ) -> Result<Self, W::Error> {
        let d = config.width;
        let mut layers = Layers { weights, device };
        let layers = &mut layers;
        let sizes = [d, config.mlp, config.heads];
        Ok(Self {
            embed: layers.linear("embed", config.patch_numbers(), d)?,
            embed_n: layers.norm("embed_n", d, EPSILON)?,
            cloud: layers.tensor("cloud", [d])?,
            mask_tok: layers.tensor("mask_tok", [d])?,
            vit: TokenBlock::build_all(layers, "vit", config.image_blocks, sizes)?,
            vit_n: layers.norm("vit_n", d, EPSILON)?,
            lstm: WeatherEncoder::build(layers, [config.drivers, d])?,
            h_n: layers.norm("h_n", d, EPSILON)?,
            doy: layers.linear("doy", config::DAY_FEATURES, d)?,
            delta: layers.linear("delta", config::GAP_FEATURES, d)?,
            w_in: layers.linear("w_in", d, d)?,
            fuse_n: layers.norm("fuse_n", d, EPSILON)?,
            fu1: layers.linear("fu1", d, 2 * d)?,
            fu2: layers.linear("fu2", 2 * d, d)?,
            seq: TokenBlock::build_all(layers, "seq", config.sequence_blocks, sizes)?,
            seq_n: layers.norm("seq_n", d, EPSILON)?,
            drive_h: layers.linear("drive_h", 2 * d, d)?,
            drive_a: layers.linear("drive_a", 4 * config.drivers + 1, d)?,
            cn: layers.norm("cn", d, EPSILON)?,
            film: layers.linear("film", d, 2 * d)?,
            state_n: layers.norm("fn", d, EPSILON)?,
            f1: layers.linear("f1", d, 2 * d)?,
            f2: layers.linear("f2", 2 * d, d)?,
            dec: TokenBlock::build_all(layers, "dec", config.decoder_blocks, sizes)?,
            dec_n: layers.norm("dec_n", d, EPSILON)?,
            out: layers.linear("out", d, config.patch_px * config.patch_px * config.bands)?,
            config: config.clone(),
        })
    }

    pub fn config(&self) -> &KgvsfConfig {
        &self.config
    }

    /// Embeds all images of a batch; each knows the images before it and the weather up to its day, nothing later
    /// (specification 4.4, steps 1 to 8).
    ///
    /// # Panics
    /// If the parts of the batch do not fit each other or the config.
    pub fn encode(&self, series: &ImageSeries) -> SeriesState {
        let (there, counts) = series.images_there();
        let tokens = self.image_tokens(series, &there);
        let weather = self.weather_states(series);
        let fused = self.fuse(series, &there, tokens, &weather);
        let [_, images] = series.places_and_images();
        let mut number_of = vec![None; series.is_padding.len()];
        for (number, place) in there.iter().enumerate() {
            number_of[*place] = Some(number);
        }
        SeriesState {
            embedding: self.over_time(fused, Reach::Before, &counts),
            number_of,
            images,
            weather,
        }
    }

    /// The same embeddings under the weather of `series`, which differs from that of `state` only after the last image of each
    /// place: embeddings know nothing later, so that only the weather's states are worked out again.
    pub fn under_weather(&self, state: &SeriesState, series: &ImageSeries) -> SeriesState {
        SeriesState {
            weather: self.weather_states(series),
            ..state.clone()
        }
    }

    /// The same images under the weather that `series` holds now: it may differ only after the last image, which the embeddings
    /// do not know.
    ///
    /// # Panics
    /// As [`Self::encode`].
    pub fn with_weather(&self, state: &SeriesState, series: &ImageSeries) -> SeriesState {
        SeriesState {
            weather: self.weather_states(series),
            ..state.clone()
        }
    }

    /// Steps 1 to 4: [M, N, D] of the images at the places `there` of B * T.
    fn image_tokens(&self, series: &ImageSeries, there: &[usize]) -> Tensor<3> {
        let (tokens, _) = self.patch_tokens(series, there);
        self.image_encoder(tokens)
    }

    fn image_encoder(&self, mut tokens: Tensor<3>) -> Tensor<3> {
        for block in &self.vit {
            tokens = block.over_image(tokens);
        }
        fused::norm(&self.vit_n, tokens, EPSILON)
    }

    /// Steps 1 to 3: tokens with their positions, [M, N, D], and the positions, [1, N, D].
    fn patch_tokens(&self, series: &ImageSeries, there: &[usize]) -> (Tensor<3>, Tensor<3>) {
        series.check(self.config.patch_px);
        let [places, images, bands, height, width] = series.values.dims();
        assert_eq!(bands, self.config.bands, "bands the network knows");
        let count = places * images;
        let device = series.values.device();
        let (mut x, mut m) = (
            series.values.clone().reshape([count, bands, height, width]),
            series.is_valid.clone().reshape([count, 1, height, width]),
        );
        if !is_all(there, count) {
            let there = indices(there, &device);
            (x, m) = (x.select(0, there.clone()), m.select(0, there));
        }
        let p = self.config.patch_px;
        let [rows, columns] = [height / p, width / p];
        let [maps, tokens] = [x.dims()[0], rows * columns];
        let z = Tensor::cat(vec![x * m.clone(), m.clone()], 1);
        let patches = fused::blocks(fused::channels_last(z), p);
        let patches = patches.reshape([maps, tokens, self.config.patch_numbers()]);
        let seen = fused::norm(&self.embed_n, fused::linear(&self.embed, patches), EPSILON);
        let share = fused::blocks(m.reshape([maps, height, width, 1]), p).mean_dim(3);
        let is_cloud = share
            .reshape([maps, tokens, 1])
            .lower_elem(LEAST_VALID)
            .float();
        let positions = self.positions(rows, columns, &device);
        let cloud = is_cloud.clone() * self.cloud.val().unsqueeze::<3>();
        let tokens = seen * (is_cloud * -1.0 + 1.0) + cloud + positions.clone();
        (tokens, positions)
    }

    fn positions(&self, rows: usize, columns: usize, device: &Device) -> Tensor<3> {
        let d = self.config.width;
        let values = sin_cos_rows_first(rows, columns, d);
        Tensor::from_data(TensorData::new(values, [1, rows * columns, d]), device)
    }

    /// Step 5: the weather's state at every day, [B, L, D].
    fn weather_states(&self, series: &ImageSeries) -> Tensor<3> {
        let [places, _] = series.places_and_images();
        let device = series.values.device();
        let weather = match self.config.weather {
            WeatherUse::None => series.weather.zeroed().tensor(places, &device),
            _ => series.weather.tensor(places, &device),
        };
        fused::norm(&self.h_n, self.lstm.forward(weather), EPSILON)
    }

    /// States [Q, D] of `weather` [B, L, D] at days of places.
    fn states_at(
        &self,
        weather: &Tensor<3>,
        rows: impl Iterator<Item = (usize, usize)>,
    ) -> Tensor<2> {
        let [places, days, d] = weather.dims();
        let rows: Vec<usize> = rows.map(|(place, row)| place * days + row).collect();
        let device = weather.device();
        weather
            .clone()
            .reshape([places * days, d])
            .select(0, indices(&rows, &device))
    }

    /// What the day of the year and a gap add, [Q, D] (step 6).
    fn time_code(
        &self,
        days: impl Iterator<Item = (f32, usize)> + Clone,
        device: &Device,
    ) -> Tensor<2> {
        let of_year = table(days.clone().map(|(day, _)| day_of_year_code(day)), device);
        let of_gap = table(days.map(|(_, gap)| gap_code(gap)), device);
        fused::linear_onto(fused::linear(&self.doy, of_year), &self.delta, of_gap)
    }

    /// Step 7: tokens [M, N, D] with what their days bring.
    fn fuse(
        &self,
        series: &ImageSeries,
        there: &[usize],
        tokens: Tensor<3>,
        weather: &Tensor<3>,
    ) -> Tensor<3> {
        let [_, images] = series.places_and_images();
        let gap = |at: usize| {
            let is_first = at.is_multiple_of(images.max(1)) || series.is_padding[at - 1];
            match is_first {
                true => 0,
                false => series.weather_row[at].saturating_sub(series.weather_row[at - 1]),
            }
        };
        let device = tokens.device();
        let states = self.states_at(
            weather,
            there
                .iter()
                .map(|at| (at / images.max(1), series.weather_row[*at])),
        );
        let days = there.iter().map(|at| (series.day_of_year[*at], gap(*at)));
        let u = fused::linear_onto(self.time_code(days, &device), &self.w_in, states);
        let z = fused::norm(&self.fuse_n, tokens + u.unsqueeze_dim::<3>(1), EPSILON);
        let hidden = fused::linear_gelu(&self.fu1, z.clone());
        fused::linear_onto(z, &self.fu2, hidden)
    }

    /// Step 8: images of a place look at each other.
    fn over_time(&self, mut z: Tensor<3>, reach: Reach, counts: &[usize]) -> Tensor<3> {
        for block in &self.seq {
            z = block.over_time(z, reach, counts);
        }
        fused::norm(&self.seq_n, z, EPSILON)
    }
}

impl SeriesState {
    /// [B, T, N, D]; 0 for padding.
    pub fn embedding(&self) -> Tensor<4> {
        let [there, tokens, d] = self.embedding.dims();
        let count = self.number_of.len();
        let shape = [count / self.images.max(1), self.images, tokens, d];
        if there == count {
            return self.embedding.clone().reshape(shape);
        }
        let device = self.embedding.device();
        let padded = Tensor::cat(
            vec![
                self.embedding.clone(),
                Tensor::zeros([1, tokens, d], &device),
            ],
            0,
        );
        let numbers: Vec<usize> = self
            .number_of
            .iter()
            .map(|number| number.unwrap_or(there))
            .collect();
        padded.select(0, indices(&numbers, &device)).reshape(shape)
    }

    /// The weather's state at every day, [B, L, D].
    pub fn weather(&self) -> Tensor<3> {
        self.weather.clone()
    }
}

#[cfg(test)]
mod tests;
