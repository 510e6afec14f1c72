//! Samples of crops as one batch of a network: images padded to the same number, weather up to the last day wanted, truths
//! beside the forecasts (specification kg-vsf 5). Knows tensors and days.

use burn::tensor::{Device, Tensor, TensorData};
use terroir_models::{ForecastDays, ImageSeries, WeatherRows};

use super::crop::Crop;
use super::site::{Site, SiteWeather, day_of_year};

/// Days of weather before the first image.
const DAYS_BEFORE: i32 = 60;

/// A day to be forecast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SampleTarget {
    /// Place among the sample's images.
    pub anchor: usize,
    /// Days since 2017-01-01, and the day of its year.
    pub day: i32,
    pub day_of_year: f32,
    /// Place among the crop's images of what was seen that day.
    pub truth: Option<usize>,
}

/// Images of a crop and the days to forecast from them.
#[derive(Clone, Debug)]
pub(crate) struct Sample<'a> {
    pub site: &'a Site,
    pub weather: &'a SiteWeather,
    pub crop: &'a Crop,
    /// Places among the crop's images, rising.
    pub images: Vec<usize>,
    pub targets: Vec<SampleTarget>,
    /// Turn or mirror image of all images, 0 to 7.
    pub turn: u8,
}

/// What a network is given, and what was seen.
pub(crate) struct Batch {
    pub series: ImageSeries,
    pub days: ForecastDays,
    /// [Q, C, H, W] and [Q, 1, H, W], 0 where nothing is known.
    pub truth: Tensor<4>,
    pub is_known: Tensor<4>,
}

impl Sample<'_> {
    fn image_day(&self, at: usize) -> (i32, f32) {
        self.crop
            .images
            .get(at)
            .and_then(|image| self.site.images.get(*image))
            .map_or((0, 1.0), |image| (image.day, day_of_year(image.date)))
    }

    fn last_day(&self) -> i32 {
        let images = self.images.iter().map(|at| self.image_day(*at).0);
        let targets = self.targets.iter().map(|target| target.day);
        images.chain(targets).max().unwrap_or(0)
    }

    fn first_day(&self) -> i32 {
        self.images.first().map_or(0, |at| self.image_day(*at).0)
    }

    /// Writes an image of `bands` planes as this sample turns its images.
    pub fn write_turned<T: Copy>(&self, from: &[T], to: &mut [T], bands: usize) {
        let (height, width) = (self.crop.height, self.crop.width);
        for band in 0..bands {
            for row in 0..height {
                for col in 0..width {
                    let at = (band * height + row) * width + col;
                    let place = (band * height * width) + self.turned(row, col);
                    to[place] = from[at];
                }
            }
        }
    }

    fn turned(&self, row: usize, col: usize) -> usize {
        let (height, width) = (self.crop.height, self.crop.width);
        let col = if self.turn & 1 == 1 {
            width - 1 - col
        } else {
            col
        };
        let row = if self.turn & 2 == 2 {
            height - 1 - row
        } else {
            row
        };
        match self.turn & 4 == 4 && height == width {
            true => col * width + row,
            false => row * width + col,
        }
    }
}

/// Batches samples of crops of one size. `images`: at least as many as any sample has; `weather_days`: at most so many.
///
/// # Panics
/// If crops differ in size or bands, or a sample has more images.
pub(crate) fn batch_of(
    samples: &[Sample<'_>],
    images: usize,
    weather_days: usize,
    device: &Device,
) -> Batch {
    let places = samples.len();
    let (bands, height, width) = samples
        .first()
        .map_or((0, 0, 0), |s| (s.crop.bands, s.crop.height, s.crop.width));
    let pixels = height * width;
    let drivers = samples.first().map_or(0, |sample| sample.weather.drivers);
    // Weather reaches from a while before the first image to the last day wanted; every sample gets as much as the one that
    // needs most of it.
    let needed = samples
        .iter()
        .map(|sample| sample.last_day() - sample.first_day() + 1 + DAYS_BEFORE)
        .max()
        .unwrap_or(1);
    let longest = samples
        .iter()
        .map(|sample| sample.last_day() - sample.first_day() + 1)
        .max()
        .unwrap_or(1);
    let days_there = (needed.max(1) as usize)
        .min(weather_days)
        .max(longest.max(1) as usize);
    let mut values = vec![0.0_f32; places * images * bands * pixels];
    let mut is_valid = vec![0.0_f32; places * images * pixels];
    let (mut rows, mut years, mut padding) = (Vec::new(), Vec::new(), Vec::new());
    let mut weather = Vec::with_capacity(places * days_there * drivers);
    let mut days = ForecastDays::default();
    let (mut truth, mut is_known) = (Vec::new(), Vec::new());
    for (place, sample) in samples.iter().enumerate() {
        let last = sample.last_day();
        let row_of = |day: i32| (days_there as i32 - 1 - (last - day)).max(0) as usize;
        for day in last - days_there as i32 + 1..=last {
            weather.extend_from_slice(sample.weather.row(day));
        }
        let missing = images - sample.images.len();
        for at in 0..images {
            // Padding has the days of the first image.
            let real = at.saturating_sub(missing);
            let Some(number) = sample.images.get(real).copied() else {
                continue;
            };
            let (day, of_year) = sample.image_day(number);
            rows.push(row_of(day));
            years.push(of_year);
            padding.push(at < missing);
            if at < missing {
                continue;
            }
            let from = place * images + at;
            let to = &mut values[from * bands * pixels..(from + 1) * bands * pixels];
            sample.write_turned(sample.crop.values_of(number), to, bands);
            let flags = as_numbers(sample.crop.valid_of(number));
            let to = &mut is_valid[from * pixels..(from + 1) * pixels];
            sample.write_turned(&flags, to, 1);
        }
        for target in &sample.targets {
            days.push(
                place,
                missing + target.anchor,
                row_of(target.day),
                target.day_of_year,
            );
            let (mut seen, mut known) = (vec![0.0; bands * pixels], vec![0.0; pixels]);
            if let Some(number) = target.truth {
                sample.write_turned(sample.crop.values_of(number), &mut seen, bands);
                let flags = as_numbers(sample.crop.valid_of(number));
                sample.write_turned(&flags, &mut known, 1);
            }
            truth.extend(seen);
            is_known.extend(known);
        }
    }
    let count = days.len();
    let tensor = |values: Vec<f32>, shape: [usize; 4]| {
        Tensor::<4>::from_data(TensorData::new(values, shape), device)
    };
    Batch {
        series: ImageSeries {
            values: Tensor::from_data(
                TensorData::new(values, [places, images, bands, height, width]),
                device,
            ),
            is_valid: tensor(is_valid, [places, images, height, width]),
            weather_row: rows,
            day_of_year: years,
            is_padding: padding,
            weather: WeatherRows {
                values: weather,
                days: days_there,
                drivers,
            },
        },
        days,
        truth: tensor(truth, [count, bands, height, width]),
        is_known: tensor(is_known, [count, 1, height, width]),
    }
}

fn as_numbers(flags: &[bool]) -> Vec<f32> {
    flags.iter().map(|is| f32::from(u8::from(*is))).collect()
}
