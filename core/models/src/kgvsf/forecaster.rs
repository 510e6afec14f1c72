//! From an embedding to another day: weather drives the state, a light decoder draws what is different
//! (specification 4.4, steps 9 to 12; 7.4 for a missing image). Knows states and days. Knows nothing of bands.

use burn::tensor::activation::gelu;
use burn::tensor::{Tensor, TensorData};

use super::block::EPSILON;
use super::series::{indices, is_all};
use super::{ForecastDays, ImageSeries, Kgvsf, SeriesState, WeatherUse};
use crate::fused::{self, Reach};

/// Forecasts of Q days.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// [Q, N, D]: the embedding moved to the day.
    pub state: Tensor<3>,
    /// [Q, C, H, W], standardised.
    pub values: Tensor<4>,
    /// [Q, C, H, W]: what the forecast starts from, the last valid value of every pixel up to the anchor, 0 without one.
    pub base: Tensor<4>,
}

impl Kgvsf {
    /// Forecasts days from what [`Self::encode`] made of `series`.
    ///
    /// # Panics
    /// If a day lies outside the batch or its weather, or starts from padding.
    pub fn forecast(
        &self,
        state: &SeriesState,
        series: &ImageSeries,
        days: &ForecastDays,
    ) -> Forecast {
        let state = self.move_to(state, series, days);
        let base = last_valid(series, days);
        Forecast {
            values: self.draw(state.clone(), base.clone()),
            state,
            base,
        }
    }

    /// The embeddings of the anchors moved to their days, [Q, N, D] (steps 9 and 10).
    ///
    /// # Panics
    /// As [`Self::forecast`].
    pub fn move_to(
        &self,
        state: &SeriesState,
        series: &ImageSeries,
        days: &ForecastDays,
    ) -> Tensor<3> {
        let anchors: Vec<usize> = days
            .place
            .iter()
            .zip(&days.anchor)
            .map(|(place, anchor)| place * state.images + anchor)
            .collect();
        let numbers: Vec<usize> = anchors
            .iter()
            .filter_map(|at| state.number_of.get(*at).copied().flatten())
            .collect();
        assert_eq!(numbers.len(), days.len(), "a forecast starts from an image");
        let device = state.embedding.device();
        let [there, _, d] = state.embedding.dims();
        let anchored = match is_all(&numbers, there) {
            true => state.embedding.clone(),
            false => state
                .embedding
                .clone()
                .select(0, indices(&numbers, &device)),
        };
        let anchor_rows: Vec<usize> = anchors.iter().map(|at| series.weather_row[*at]).collect();
        let gaps: Vec<usize> = days
            .weather_row
            .iter()
            .zip(&anchor_rows)
            .map(|(day, anchor)| {
                assert!(day >= anchor, "a day before the image it starts from");
                day - anchor
            })
            .collect();
        let code_of = days.day_of_year.iter().copied().zip(gaps.iter().copied());
        let mut c = self.time_code(code_of, &device);
        if self.config.weather != WeatherUse::Context {
            let at = |rows: &[usize]| {
                let places = days.place.iter().copied();
                self.states_at(&state.weather, places.zip(rows.iter().copied()))
            };
            let both = Tensor::cat(vec![at(&days.weather_row), at(&anchor_rows)], 1);
            c = fused::linear_onto(c, &self.drive_h, both);
            let weather = match self.config.weather {
                WeatherUse::None => &series.weather.zeroed(),
                _ => &series.weather,
            };
            let brought: Vec<f32> = (0..days.len())
                .flat_map(|index| {
                    weather.aggregate(
                        days.place[index],
                        anchor_rows[index],
                        days.weather_row[index],
                    )
                })
                .collect();
            let shape = [days.len(), 4 * weather.drivers + 1];
            let brought = Tensor::from_data(TensorData::new(brought, shape), &device);
            c = fused::linear_onto(c, &self.drive_a, brought);
        }
        let c = fused::norm(&self.cn, c, EPSILON);
        let film = fused::linear(&self.film, gelu(c)).unsqueeze_dim::<3>(1);
        let [scale, offset] = [0, d].map(|from| film.clone().narrow(2, from, d));
        let y = fused::norm(&self.state_n, anchored.clone(), EPSILON) * (scale + 1.0) + offset;
        fused::linear_onto(anchored, &self.f2, fused::linear_gelu(&self.f1, y))
    }

    /// Step 11 and 12: states [Q, N, D] drawn onto `base` [Q, C, H, W].
    fn draw(&self, state: Tensor<3>, base: Tensor<4>) -> Tensor<4> {
        let p = self.config.patch_px;
        let [count, _, height, width] = base.dims();
        let [rows, columns] = [height / p, width / p];
        let out = self.draw_patches(state, rows, columns);
        let out = out.reshape([count, rows, columns, p * p * self.config.bands]);
        fused::channels_first(fused::unblocked_onto(fused::channels_last(base), out, p))
    }

    /// [Q, N, D] -> [Q, N, p * p * C]
    pub(super) fn draw_patches(&self, state: Tensor<3>, rows: usize, columns: usize) -> Tensor<3> {
        let device = state.device();
        let mut z = state + self.positions(rows, columns, &device);
        for block in &self.dec {
            z = block.over_image(z);
        }
        fused::linear(&self.out, fused::norm(&self.dec_n, z, EPSILON))
    }

    /// Draws images that were hidden, from all images around them, earlier and later (specification 7.4). `hidden`: their
    /// numbers among the B * T images, whose own values and masks are not looked at; `base` [Q, C, H, W].
    ///
    /// # Panics
    /// If a hidden image is padding, or there are not as many bases.
    pub fn fill(&self, series: &ImageSeries, hidden: &[usize], base: Tensor<4>) -> Tensor<4> {
        let (there, counts) = series.images_there();
        let (tokens, positions) = self.patch_tokens(series, &there);
        let tokens = self.image_encoder(tokens);
        let [maps, tokens_an_image, d] = tokens.dims();
        let device = tokens.device();
        let numbers: Vec<usize> = hidden
            .iter()
            .filter_map(|at| there.iter().position(|place| place == at))
            .collect();
        assert_eq!(numbers.len(), hidden.len(), "hidden images are there");
        let mut is_hidden = vec![0.0_f32; maps];
        numbers.iter().for_each(|number| is_hidden[*number] = 1.0);
        let is_hidden = Tensor::<1>::from_data(TensorData::new(is_hidden, [maps]), &device)
            .reshape([maps, 1, 1]);
        let mask =
            (positions + self.mask_tok.val().unsqueeze::<3>()).expand([maps, tokens_an_image, d]);
        let tokens = tokens * (is_hidden.clone() * -1.0 + 1.0) + mask * is_hidden;
        let weather = self.weather_states(series);
        let fused = self.fuse(series, &there, tokens, &weather);
        let state = self.over_time(fused, Reach::All, &counts);
        self.draw(state.select(0, indices(&numbers, &device)), base)
    }
}

/// The last valid value of every pixel among the images of its place up to the anchor, 0 without one: [Q, C, H, W] (step 12).
pub(super) fn last_valid(series: &ImageSeries, days: &ForecastDays) -> Tensor<4> {
    let [places, images, bands, height, width] = series.values.dims();
    let device = series.values.device();
    let mut last = Tensor::<4>::zeros([places, bands, height, width], &device);
    let mut steps = Vec::with_capacity(images);
    for image in 0..images {
        let x = series
            .values
            .clone()
            .narrow(1, image, 1)
            .reshape([places, bands, height, width]);
        let m = series.is_valid.clone().narrow(1, image, 1);
        last = x * m.clone() + last * (m * -1.0 + 1.0);
        steps.push(last.clone().unsqueeze_dim::<5>(1));
    }
    let all = Tensor::cat(steps, 1).reshape([places * images, bands, height, width]);
    let anchors: Vec<usize> = days
        .place
        .iter()
        .zip(&days.anchor)
        .map(|(place, anchor)| place * images + anchor)
        .collect();
    match is_all(&anchors, places * images) {
        true => all,
        false => all.select(0, indices(&anchors, &device)),
    }
}
