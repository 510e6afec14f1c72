//! The network of a forecast: its weights on a device, what it is given of a window, and what it makes of it under each course
//! of the weather. Knows tensors and days; knows no files of results.

use burn::tensor::{Tensor, TensorData};
use jiff::civil::Date;
use terroir_models::{ForecastDays, ImageSeries, Kgvsf, KgvsfConfig, WeatherRows};

use crate::Failure;
use crate::device::{self, Compute};
use crate::monitor::{JobResult, Monitor};
use crate::setup::{give_up_device, guarded};
use crate::weather_series::{KgvsfAbout, SiteWeather, day_of_year, known_model};

use super::images::days_between;
use super::spec::ModelForecast;

/// Days of weather before the first image that are looked at, as in training.
const DAYS_BEFORE: i32 = 60;

/// A network ready to forecast.
pub(super) struct ModelRun {
    model: Kgvsf,
    pub about: KgvsfAbout,
    pub compute: Compute,
    pub name: String,
    pub sha256: String,
}

/// One image of a window.
pub(super) struct ContextImage {
    pub date: Date,
    /// [C, H, W], standardised, 0 where not seen.
    pub values: Vec<f32>,
    /// [H, W]
    pub is_seen: Vec<bool>,
}

/// What a window was, up to the last image.
pub(super) struct WindowPast {
    /// In order of time, at least one and at most as many as the network takes.
    pub images: Vec<ContextImage>,
    /// [C, H, W], standardised: the last value seen in older images where the images above show nothing; 0 elsewhere.
    pub older: Vec<f32>,
    /// [H, W]: seen at all.
    pub is_known: Vec<bool>,
}

/// Means and deviations over the members of the weather, [target, band, H, W], and of NDVI, [target, H, W].
pub(super) struct Ensemble {
    pub mean: Vec<f32>,
    pub spread: Vec<f32>,
    pub ndvi_spread: Vec<f32>,
}

impl ModelRun {
    pub fn open(spec: &ModelForecast, monitor: &Monitor<'_>) -> JobResult<Self> {
        monitor.progress("opening the device", 0, 1);
        let mut compute = device::open(&spec.device);
        if let Some(reason) = &compute.fallback {
            monitor.warn(reason.clone());
        }
        monitor.progress("preparing the model", 0, 1);
        let (model, about, sha256) = match known_model(&spec.weights, &compute.device) {
            Err(failure) if !compute.is_cpu() => {
                compute = give_up_device(&compute, &failure, monitor);
                known_model(&spec.weights, &compute.device)?
            }
            other => other?,
        };
        monitor.started(&compute.name);
        Ok(Self {
            name: model.config().name().unwrap_or("kgvsf").to_owned(),
            model,
            about,
            compute,
            sha256,
        })
    }

    pub fn config(&self) -> &KgvsfConfig {
        self.model.config()
    }

    /// Forecasts windows under each of the groups of weather: one list of ensembles a window, one a group. `ndvi`: places of red
    /// and near infrared among the bands. A device that fails is left for the processor.
    pub fn forecast(
        &mut self,
        spec: &ModelForecast,
        windows: &[WindowPast],
        days: &[Date],
        weather: &[&[SiteWeather]],
        ndvi: Option<(usize, usize)>,
        monitor: &Monitor<'_>,
    ) -> JobResult<Vec<Vec<Ensemble>>> {
        match self.try_forecast(windows, days, weather, ndvi) {
            Err(failure) if !self.compute.is_cpu() => {
                self.compute = give_up_device(&self.compute, &failure, monitor);
                let (model, _, _) = known_model(&spec.weights, &self.compute.device)?;
                self.model = model;
                Ok(self.try_forecast(windows, days, weather, ndvi)?)
            }
            other => Ok(other?),
        }
    }

    fn try_forecast(
        &self,
        windows: &[WindowPast],
        days: &[Date],
        weather: &[&[SiteWeather]],
        ndvi: Option<(usize, usize)>,
    ) -> Result<Vec<Vec<Ensemble>>, Failure> {
        let first_member = weather.first().and_then(|group| group.first());
        let (Some(first_member), Some(last)) = (first_member, days.iter().max()) else {
            return Ok(windows.iter().map(|_| Vec::new()).collect());
        };
        let config = self.model.config();
        let rows = WeatherSpan::of(windows, *last, config.weather_days);
        guarded(|| {
            let mut series = self.series(windows, first_member, &rows);
            let asked = self.asked(windows.len(), days, &rows);
            let mut state = self.model.encode(&series);
            let mut groups: Vec<Vec<MemberSums>> = Vec::new();
            for (number, group) in weather.iter().enumerate() {
                let mut sums: Vec<MemberSums> = windows
                    .iter()
                    .map(|_| MemberSums::new(days.len(), config, ndvi))
                    .collect();
                for (place, member) in group.iter().enumerate() {
                    if number + place > 0 {
                        series.weather = rows.table(member, windows.len());
                        state = self.model.with_weather(&state, &series);
                    }
                    let made = self.model.forecast(&state, &series, &asked);
                    let values = made
                        .values
                        .into_data()
                        .try_to_vec::<f32>()
                        .map_err(|error| format!("{error:?}"))?;
                    let each = values.len() / windows.len().max(1);
                    for ((sums, window), values) in sums
                        .iter_mut()
                        .zip(windows)
                        .zip(values.chunks_exact(each.max(1)))
                    {
                        sums.add(values, window, &self.about);
                    }
                }
                groups.push(sums);
            }
            Ok((0..windows.len())
                .map(|window| {
                    groups
                        .iter()
                        .filter_map(|sums| Some(sums.get(window)?.ensemble()))
                        .collect()
                })
                .collect())
        })
    }

    fn series(
        &self,
        windows: &[WindowPast],
        member: &SiteWeather,
        rows: &WeatherSpan,
    ) -> ImageSeries {
        let config = self.model.config();
        let (places, images) = (windows.len(), config.images);
        let (bands, size) = (config.bands, config.image_px);
        let pixels = size * size;
        let mut values = vec![0.0_f32; places * images * bands * pixels];
        let mut is_valid = vec![0.0_f32; places * images * pixels];
        let mut weather_row = Vec::with_capacity(places * images);
        let mut days_of_year = Vec::with_capacity(places * images);
        let mut is_padding = Vec::with_capacity(places * images);
        for (place, window) in windows.iter().enumerate() {
            let missing = images - window.images.len().min(images);
            for step in 0..images {
                let image = window.images.get(step.saturating_sub(missing));
                is_padding.push(step < missing);
                weather_row.push(image.map_or(0, |image| rows.row(image.date)));
                days_of_year.push(image.map_or(1.0, |image| day_of_year(image.date)));
                let Some(image) = image.filter(|_| step >= missing) else {
                    continue;
                };
                let at = place * images + step;
                values[at * bands * pixels..(at + 1) * bands * pixels]
                    .copy_from_slice(&image.values);
                for (to, seen) in is_valid[at * pixels..(at + 1) * pixels]
                    .iter_mut()
                    .zip(&image.is_seen)
                {
                    *to = f32::from(u8::from(*seen));
                }
            }
        }
        let device = &self.compute.device;
        ImageSeries {
            values: Tensor::from_data(
                TensorData::new(values, [places, images, bands, size, size]),
                device,
            ),
            is_valid: Tensor::from_data(
                TensorData::new(is_valid, [places, images, size, size]),
                device,
            ),
            weather_row,
            day_of_year: days_of_year,
            is_padding,
            weather: rows.table(member, places),
        }
    }

    fn asked(&self, places: usize, days: &[Date], rows: &WeatherSpan) -> ForecastDays {
        let anchor = self.model.config().images - 1;
        let mut asked = ForecastDays::default();
        for place in 0..places {
            for day in days {
                asked.push(place, anchor, rows.row(*day), day_of_year(*day));
            }
        }
        asked
    }
}

/// The days of weather a batch looks at.
struct WeatherSpan {
    /// Whole days since 2017-01-01.
    first: i32,
    days: usize,
}

fn whole_day(date: Date) -> i32 {
    terroir_scene::day_number(date).floor() as i32
}

impl WeatherSpan {
    fn of(windows: &[WindowPast], last: Date, most_days: usize) -> Self {
        let first_image = windows
            .iter()
            .filter_map(|window| window.images.first())
            .map(|image| image.date)
            .min()
            .unwrap_or(last);
        let longest = days_between(first_image, last) as i32 + 1;
        let days = (longest + DAYS_BEFORE)
            .min(most_days as i32)
            .max(longest)
            .max(1);
        Self {
            first: whole_day(last) - days + 1,
            days: days as usize,
        }
    }

    fn row(&self, day: Date) -> usize {
        (whole_day(day) - self.first).clamp(0, self.days as i32 - 1) as usize
    }

    fn table(&self, member: &SiteWeather, places: usize) -> WeatherRows {
        let one: Vec<f32> = (0..self.days as i32)
            .flat_map(|day| member.row(self.first + day).iter().copied())
            .collect();
        WeatherRows {
            values: one.repeat(places),
            days: self.days,
            drivers: member.drivers,
        }
    }
}

/// Sums over the members of the weather.
struct MemberSums {
    members: f64,
    pixels: usize,
    bands: usize,
    ndvi: Option<(usize, usize)>,
    sum: Vec<f64>,
    squares: Vec<f64>,
    ndvi_sum: Vec<f64>,
    ndvi_squares: Vec<f64>,
}

impl MemberSums {
    fn new(days: usize, config: &KgvsfConfig, ndvi: Option<(usize, usize)>) -> Self {
        let (bands, pixels) = (config.bands, config.image_px * config.image_px);
        Self {
            members: 0.0,
            pixels,
            bands,
            ndvi,
            sum: vec![0.0; days * bands * pixels],
            squares: vec![0.0; days * bands * pixels],
            ndvi_sum: vec![0.0; days * pixels],
            ndvi_squares: vec![0.0; days * pixels],
        }
    }

    /// One member, [target, band, H, W], standardised.
    fn add(&mut self, values: &[f32], window: &WindowPast, about: &KgvsfAbout) {
        self.members += 1.0;
        let (pixels, bands) = (self.pixels, self.bands);
        let mut physical = vec![0.0_f32; bands * pixels];
        for (day, values) in values.chunks_exact(bands * pixels).enumerate() {
            for (band, model) in about.bands.iter().enumerate() {
                for at in band * pixels..(band + 1) * pixels {
                    let value = model.physical(values[at] + window.older[at]);
                    physical[at] = value;
                    let to = day * bands * pixels + at;
                    self.sum[to] += f64::from(value);
                    self.squares[to] += f64::from(value) * f64::from(value);
                }
            }
            let Some((red, infrared)) = self.ndvi else {
                continue;
            };
            for pixel in 0..pixels {
                let of = |band: usize| f64::from(physical[band * pixels + pixel]);
                let greenness = terroir_scene::ndvi(of(red), of(infrared)).unwrap_or(0.0);
                self.ndvi_sum[day * pixels + pixel] += greenness;
                self.ndvi_squares[day * pixels + pixel] += greenness * greenness;
            }
        }
    }

    fn ensemble(&self) -> Ensemble {
        let n = self.members.max(1.0);
        let deviation = |sum: &[f64], squares: &[f64]| -> Vec<f32> {
            sum.iter()
                .zip(squares)
                .map(|(sum, square)| {
                    let mean = sum / n;
                    (square / n - mean * mean).max(0.0).sqrt() as f32
                })
                .collect()
        };
        Ensemble {
            mean: self.sum.iter().map(|sum| (sum / n) as f32).collect(),
            spread: deviation(&self.sum, &self.squares),
            ndvi_spread: deviation(&self.ndvi_sum, &self.ndvi_squares),
        }
    }
}
