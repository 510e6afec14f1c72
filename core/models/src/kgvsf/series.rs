//! What a KG-VSF network is given: dated images of a few places with the weather of every day, and the days to forecast.
//! Knows numbers and their places in a batch. Knows nothing of files, bands or units.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::config::{DAY_FEATURES, GAP_FEATURES};

/// Images of B places with their weather.
#[derive(Clone, Debug)]
pub struct ImageSeries {
    /// [B, T, C, H, W], standardised, 0 where invalid. H and W are multiples of the patch.
    pub values: Tensor<5>,
    /// [B, T, H, W]: 1 where valid, else 0.
    pub is_valid: Tensor<4>,
    /// B * T: row of the weather table of each image's day, rising along the images of a place.
    pub weather_row: Vec<usize>,
    /// B * T: 1 to 366.
    pub day_of_year: Vec<f32>,
    /// B * T: only there to fill up its row, before its images. Has no effect on anything.
    pub is_padding: Vec<bool>,
    pub weather: WeatherRows,
}

/// Weather of B places, day by day, standardised.
#[derive(Clone, Debug, PartialEq)]
pub struct WeatherRows {
    /// [B, L, V]
    pub values: Vec<f32>,
    /// L
    pub days: usize,
    /// V
    pub drivers: usize,
}

/// Days to forecast, one entry each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForecastDays {
    /// Place in the batch.
    pub place: Vec<usize>,
    /// Image to start from; must be no padding.
    pub anchor: Vec<usize>,
    /// Row of the weather table of the day, not before that of the anchor.
    pub weather_row: Vec<usize>,
    pub day_of_year: Vec<f32>,
}

impl ForecastDays {
    pub fn len(&self) -> usize {
        self.place.len()
    }

    pub fn is_empty(&self) -> bool {
        self.place.is_empty()
    }

    /// # Panics
    /// If the lists differ in length.
    pub fn push(&mut self, place: usize, anchor: usize, weather_row: usize, day_of_year: f32) {
        self.place.push(place);
        self.anchor.push(anchor);
        self.weather_row.push(weather_row);
        self.day_of_year.push(day_of_year);
    }
}

impl ImageSeries {
    /// B and T.
    pub fn places_and_images(&self) -> [usize; 2] {
        let [places, images, _, _, _] = self.values.dims();
        [places, images]
    }

    /// Panics where the parts do not fit each other; what a caller must hold.
    pub(super) fn check(&self, patch_px: usize) {
        let [places, images, _, height, width] = self.values.dims();
        assert_eq!(
            self.is_valid.dims(),
            [places, images, height, width],
            "a mask for every image"
        );
        assert!(
            height.is_multiple_of(patch_px) && width.is_multiple_of(patch_px),
            "whole patches"
        );
        let count = places * images;
        assert!(
            self.weather_row.len() == count
                && self.day_of_year.len() == count
                && self.is_padding.len() == count,
            "a day for every image"
        );
        assert_eq!(
            self.weather.values.len(),
            places * self.weather.days * self.weather.drivers,
            "weather for every place and day"
        );
        assert!(
            self.weather_row.iter().all(|row| *row < self.weather.days),
            "weather up to the last image"
        );
    }

    /// Places in B * T of the images that are there, and how many each row has.
    pub(super) fn images_there(&self) -> (Vec<usize>, Vec<usize>) {
        let [_, images] = self.places_and_images();
        let there: Vec<usize> = (0..self.is_padding.len())
            .filter(|index| !self.is_padding[*index])
            .collect();
        let counts = self
            .is_padding
            .chunks(images.max(1))
            .map(|row| row.iter().filter(|is_padding| !**is_padding).count())
            .collect();
        (there, counts)
    }
}

impl WeatherRows {
    pub(super) fn tensor(&self, places: usize, device: &Device) -> Tensor<3> {
        let data = TensorData::new(self.values.clone(), [places, self.days, self.drivers]);
        Tensor::from_data(data, device)
    }

    /// The same table with every value 0.
    pub(super) fn zeroed(&self) -> Self {
        Self {
            values: vec![0.0; self.values.len()],
            ..self.clone()
        }
    }

    /// What weather brought from the day after `anchor` to `day`: mean, least, most and a thirtieth of the sum of every
    /// driver, all means first, then a thirtieth of the days; all 0 when there are none (specification 4.4, step 9).
    pub fn aggregate(&self, place: usize, anchor: usize, day: usize) -> Vec<f32> {
        let v = self.drivers;
        let mut out = vec![0.0; 4 * v + 1];
        let days = day.saturating_sub(anchor);
        if days == 0 {
            return out;
        }
        let from = (place * self.days + anchor + 1) * v;
        let rows = self.values.get(from..from + days * v).unwrap_or_default();
        for driver in 0..v {
            let values = rows.iter().skip(driver).step_by(v.max(1));
            let sum: f64 = values.clone().map(|value| f64::from(*value)).sum();
            out[driver] = (sum / days as f64) as f32;
            out[v + driver] = values.clone().copied().fold(f32::INFINITY, f32::min);
            out[2 * v + driver] = values.copied().fold(f32::NEG_INFINITY, f32::max);
            out[3 * v + driver] = (sum / 30.0) as f32;
        }
        out[4 * v] = days as f32 / 30.0;
        out
    }
}

/// Sine and cosine of the day of the year, of one to four turns a year, interleaved (specification 4.4, step 6).
pub fn day_of_year_code(day_of_year: f32) -> [f32; DAY_FEATURES] {
    let turn = std::f64::consts::TAU * f64::from(day_of_year) / 365.25;
    let mut code = [0.0; DAY_FEATURES];
    for (pair, turns) in code.chunks_exact_mut(2).zip(1..) {
        let (sine, cosine) = (turn * f64::from(turns)).sin_cos();
        pair.copy_from_slice(&[sine as f32, cosine as f32]);
    }
    code
}

/// A gap in days as the network reads it (specification 4.4, step 6).
pub fn gap_code(days: usize) -> [f32; GAP_FEATURES] {
    let days = days as f64;
    [
        (days / 30.0) as f32,
        ((1.0 + days).ln() / 366_f64.ln()) as f32,
    ]
}

/// Rows of numbers as a tensor [rows, width].
pub(super) fn table<const W: usize>(
    rows: impl IntoIterator<Item = [f32; W]>,
    device: &Device,
) -> Tensor<2> {
    let values: Vec<f32> = rows.into_iter().flatten().collect();
    let count = values.len() / W.max(1);
    Tensor::from_data(TensorData::new(values, [count, W]), device)
}

pub(super) fn indices(places: &[usize], device: &Device) -> Tensor<1, Int> {
    let values: Vec<i32> = places.iter().map(|place| *place as i32).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

/// Whether `places` are all of `count`, in order.
pub(super) fn is_all(places: &[usize], count: usize) -> bool {
    places.len() == count && places.iter().enumerate().all(|(at, place)| at == *place)
}
