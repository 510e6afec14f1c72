//! A forecasting network with a head for soil moisture (specification kg-vsf 7.2): its embedding of a place, moved to a day by
//! the weather, tells the head how wet a pixel is. The network stays as it is; only the head learns, from the stations.
//! Knows archives, weather and tensors. Knows nothing of reports.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use terroir_models::{Kgvsf, SoilHead, SoilHeadConfig, Stream, soil_loss};
use terroir_scene::{
    ArchiveSpec, OLDEST_IMAGE_DAYS, SoilRow, StationTables, StationWeather, WeatherTable,
    WeatherVariable, Window, day_number,
};

use super::images::Images;
use super::network_rows::NetworkRows;
use crate::monitor::{JobResult, Monitor};
use crate::setup::guarded;
use crate::training::{AdamWSettings, Optimiser};
use crate::weather_series::{
    Crop, KgvsfAbout, Sample, SampleTarget, Site, SiteWeather, batch_of, day_of_year, known_model,
    read_crop_blocking,
};
use crate::{Failure, device};

/// Share of a window that must be clear for an image of it to be looked at (specification 5.2).
const LEAST_CLEAR: f64 = 0.5;
/// Steps of the head, rows of each, and the learning rate at the start.
const STEPS: u64 = 400;
const ROWS: usize = 256;
const RATE: f64 = 3e-3;
/// Places embedded at once.
const PLACES: usize = 4;

/// The network, its images and its weather.
pub(super) struct Network {
    model: Kgvsf,
    pub about: KgvsfAbout,
    pub sha256: String,
    pub site: Site,
    compute: Device,
    pub device: String,
}

/// A day to be told from an image.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wanted {
    row: usize,
    day: i32,
    day_of_year: f32,
}

impl Network {
    /// # Errors
    /// Weights that are none of such a network, images without its bands, weather without its drivers.
    pub fn open(
        weights: &Path,
        archive: &ArchiveSpec,
        wanted_device: &str,
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        let compute = device::open(wanted_device);
        let (model, about, sha256) = known_model(weights, &compute.device)?;
        let site = Site::open("the stations".to_owned(), archive, &about.bands)?;
        site.notes
            .iter()
            .for_each(|note| monitor.warn(note.clone()));
        Ok(Self {
            model,
            about,
            sha256,
            site,
            device: compute.name.clone(),
            compute: compute.device,
        })
    }

    /// Its size and where it learnt, for people.
    pub fn sentence(&self) -> String {
        let name = self.model.config().name().unwrap_or("kgvsf");
        format!(
            "{name}, weights {}",
            self.sha256.get(..12).unwrap_or(&self.sha256)
        )
    }

    /// Standardised weather of a table.
    ///
    /// # Errors
    /// A driver that is missing, or a long gap.
    pub fn weather_of(&self, weather: &StationWeather) -> JobResult<SiteWeather> {
        let table = table_of(weather)?;
        Ok(SiteWeather::of(&table, &self.about.drivers, None)?)
    }

    fn side(&self) -> usize {
        self.model.config().image_px
    }

    fn patch(&self) -> usize {
        self.model.config().patch_px
    }

    /// The window around a pixel, as near to its middle as the grid allows; whole patches from the grid's corner of the window.
    fn window_around(&self, (col, row): (usize, usize)) -> Window {
        let grid = &self.site.archive.grid;
        let along = |at: usize, size: usize| {
            let side = self.side().min(size);
            (at.saturating_sub(side / 2).min(size - side), side)
        };
        let ((col, width), (row, height)) = (along(col, grid.width), along(row, grid.height));
        Window {
            col,
            row,
            width,
            height,
        }
    }

    fn crop(&self, window: Window, until: Option<i32>, monitor: &Monitor<'_>) -> JobResult<Crop> {
        let images: Vec<usize> = (0..self.site.images.len())
            .filter(|image| until.is_none_or(|until| self.site.images[*image].day <= until))
            .collect();
        // Older images than a network looks at need not be read for one day.
        let images = match until {
            Some(_) => {
                let most = 3 * self.model.config().images;
                images[images.len().saturating_sub(most)..].to_vec()
            }
            None => images,
        };
        let side = self.side();
        read_crop_blocking(
            &self.site,
            &self.about.bands,
            window,
            [side, side],
            images,
            true,
            monitor,
        )
    }

    /// Places among a crop's images that are clear enough, and the day of each.
    fn usable(&self, crop: &Crop) -> Vec<(usize, i32)> {
        (0..crop.images.len())
            .filter(|at| crop.share_of(*at) >= LEAST_CLEAR)
            .filter_map(|at| Some((at, self.site.images.get(*crop.images.get(at)?)?.day)))
            .collect()
    }

    /// Embeds every station and moves it to the days of its rows.
    ///
    /// # Errors
    /// Weather that lacks a driver, a file that cannot be read, a device that fails.
    pub fn rows_blocking(
        &self,
        tables: &StationTables,
        images: &Images,
        rows: &[SoilRow],
        monitor: &Monitor<'_>,
    ) -> JobResult<NetworkRows> {
        let width = self.model.config().width;
        let bands = self.about.bands.len();
        let mut out = NetworkRows {
            width,
            bands,
            tokens: vec![0.0; rows.len() * width],
            places: vec![0; rows.len()],
            extras: vec![0.0; rows.len() * bands],
            is_there: vec![false; rows.len()],
        };
        let count = tables.stations.len();
        for (number, station) in tables.stations.iter().enumerate() {
            monitor.check()?;
            monitor.progress("embedding the stations", number as u64, count as u64);
            let (Some(weather), Some(pixel)) = (&station.weather, images.pixels.get(number)) else {
                continue;
            };
            let weather = self.weather_of(weather)?;
            let window = self.window_around(*pixel);
            let crop = self.crop(window, None, monitor)?;
            let usable = self.usable(&crop);
            let (x, y) = (pixel.0 - window.col, pixel.1 - window.row);
            let (patch, side) = (self.patch(), self.side());
            let token = (y / patch) * (side / patch) + x / patch;
            let place = (y % patch) * patch + x % patch;
            let mut by_anchor: Vec<(usize, Vec<Wanted>)> = Vec::new();
            for (row, _) in rows
                .iter()
                .enumerate()
                .filter(|(_, row)| row.station == number)
            {
                let date = rows[row].date;
                let day = day_number(date).floor() as i32;
                let after = usable.partition_point(|(_, image)| *image <= day);
                let Some(anchor) = after.checked_sub(1) else {
                    continue;
                };
                if f64::from(day - usable[anchor].1) > OLDEST_IMAGE_DAYS {
                    continue;
                }
                let extras = &mut out.extras[row * bands..(row + 1) * bands];
                self.last_valid(&crop, day, y * side + x, extras);
                out.places[row] = place;
                out.is_there[row] = true;
                let wanted = Wanted {
                    row,
                    day,
                    day_of_year: day_of_year(date),
                };
                match by_anchor.last_mut().filter(|(known, _)| *known == anchor) {
                    Some((_, list)) => list.push(wanted),
                    None => by_anchor.push((anchor, vec![wanted])),
                }
            }
            for part in by_anchor.chunks(PLACES) {
                monitor.check()?;
                let samples: Vec<Sample<'_>> = part
                    .iter()
                    .map(|(anchor, wanted)| self.sample(&crop, &weather, &usable, *anchor, wanted))
                    .collect();
                let moved = self.moved(&samples)?;
                let tokens = (side / patch) * (side / patch);
                let all = part.iter().flat_map(|(_, wanted)| wanted);
                for (wanted, state) in all.zip(moved.chunks_exact(tokens * width)) {
                    let own = state
                        .get(token * width..(token + 1) * width)
                        .unwrap_or_default();
                    out.tokens[wanted.row * width..(wanted.row + 1) * width].copy_from_slice(own);
                }
            }
        }
        Ok(out)
    }

    fn sample<'a>(
        &'a self,
        crop: &'a Crop,
        weather: &'a SiteWeather,
        usable: &[(usize, i32)],
        anchor: usize,
        wanted: &[Wanted],
    ) -> Sample<'a> {
        let most = self.model.config().images;
        let from = (anchor + 1).saturating_sub(most);
        let images: Vec<usize> = usable[from..=anchor].iter().map(|(at, _)| *at).collect();
        Sample {
            site: &self.site,
            weather,
            crop,
            targets: wanted
                .iter()
                .map(|wanted| SampleTarget {
                    anchor: images.len() - 1,
                    day: wanted.day,
                    day_of_year: wanted.day_of_year,
                    truth: None,
                })
                .collect(),
            images,
            turn: 0,
        }
    }

    /// [targets, N, D] of all targets of some samples.
    fn moved(&self, samples: &[Sample<'_>]) -> JobResult<Vec<f32>> {
        let config = self.model.config();
        let batch = batch_of(samples, config.images, config.weather_days, &self.compute);
        Ok(guarded(|| {
            let state = self.model.encode(&batch.series);
            self.model
                .move_to(&state, &batch.series, &batch.days)
                .into_data()
                .try_to_vec::<f32>()
                .map_err(|error| format!("{error:?}"))
        })?)
    }

    /// The last valid values of a pixel up to a day; 0, the mean, where there are none. Returns the day of them.
    fn last_valid(&self, crop: &Crop, day: i32, pixel: usize, into: &mut [f32]) -> Option<i32> {
        let pixels = crop.height * crop.width;
        let found = (0..crop.images.len()).rev().find_map(|at| {
            let own = self.site.images.get(*crop.images.get(at)?)?.day;
            (own <= day && *crop.valid_of(at).get(pixel)?).then_some((at, own))
        });
        let (at, own) = found?;
        let values = crop.values_of(at);
        for (band, into) in into.iter_mut().enumerate() {
            *into = values.get(band * pixels + pixel).copied().unwrap_or(0.0);
        }
        Some(own)
    }

    /// Learns a head from some rows.
    ///
    /// # Errors
    /// A cancel, or a device that fails.
    pub fn learn(
        &self,
        rows: &NetworkRows,
        values: &[f64],
        train: &[usize],
        seed: u64,
        monitor: &Monitor<'_>,
    ) -> JobResult<SoilHead> {
        let config = SoilHeadConfig {
            width: rows.width,
            patch_px: self.patch(),
            extras: rows.bands,
        };
        // The head is small: the processor is quicker than a device that must be asked for every step.
        let device = Device::flex().autodiff();
        let mut head = config.init(seed, &device);
        let train: Vec<usize> = train
            .iter()
            .copied()
            .filter(|row| rows.is_there.get(*row) == Some(&true))
            .collect();
        if train.is_empty() {
            return Err(Failure::new("no value to learn from has an image before its day").into());
        }
        let mut optimiser = Optimiser::new(AdamWSettings {
            clip_norm: Some(1.0),
            ..AdamWSettings::default()
        });
        let mut stream = Stream::new(seed, "rows of soil moisture");
        for step in 0..STEPS {
            monitor.check()?;
            let drawn: Vec<usize> = (0..ROWS.min(train.len()))
                .filter_map(|_| {
                    let at = (stream.uniform() * train.len() as f64) as usize;
                    train.get(at.min(train.len() - 1)).copied()
                })
                .collect();
            let truth: Vec<f32> = drawn
                .iter()
                .map(|row| values.get(*row).copied().unwrap_or(0.0) as f32)
                .collect();
            let turn = std::f64::consts::PI * step as f64 / STEPS as f64;
            let rate = RATE * 0.5 * (1.0 + turn.cos()).max(0.02);
            let loss_of = || {
                let estimate = rows.estimate(&head, &drawn, &device);
                let truth = Tensor::from_data(TensorData::new(truth, [drawn.len()]), &device);
                Ok(soil_loss(estimate, truth).backward())
            };
            let gradients = guarded(loss_of)?;
            optimiser.add(&head, gradients);
            head = optimiser.step(head, rate);
        }
        Ok(head.valid())
    }

    /// Soil moisture of every pixel of a window on a day, by each head; NaN where no image of the days before shows it. The
    /// window is cut into the network's images; each gives its middle, so that no pixel hangs on how it is cut off.
    ///
    /// # Errors
    /// A file that cannot be read, a cancel, a device that fails.
    pub fn map_blocking(
        &self,
        heads: &[SoilHead],
        weather: &SiteWeather,
        (date, oldest_days): (jiff::civil::Date, f64),
        window: Window,
        monitor: &Monitor<'_>,
    ) -> JobResult<Vec<Vec<f32>>> {
        let day = day_number(date).floor() as i32;
        let mut out = vec![vec![f32::NAN; window.pixels()]; heads.len()];
        let crop = self.crop(window, Some(day), monitor)?;
        let usable = self.usable(&crop);
        let Some(anchor) = usable.len().checked_sub(1) else {
            return Ok(out);
        };
        if f64::from(day - usable[anchor].1) > oldest_days {
            return Ok(out);
        }
        let wanted = [Wanted {
            row: 0,
            day,
            day_of_year: day_of_year(date),
        }];
        let tokens = self.moved(&[self.sample(&crop, weather, &usable, anchor, &wanted)])?;
        let (patch, side, bands) = (self.patch(), self.side(), self.about.bands.len());
        let (across, width) = (side / patch, self.model.config().width);
        let mut extras = vec![0.0_f32; side * side * bands];
        let mut is_seen = vec![false; side * side];
        for row in 0..window.height.min(side) {
            for col in 0..window.width.min(side) {
                let token = (row / patch) * across + col / patch;
                let place = (row % patch) * patch + col % patch;
                let at = (token * patch * patch + place) * bands;
                let own = extras.get_mut(at..at + bands).unwrap_or_default();
                let seen = self.last_valid(&crop, day, row * side + col, own);
                is_seen[row * side + col] =
                    seen.is_some_and(|seen| f64::from(day - seen) <= oldest_days);
            }
        }
        let device = Device::flex();
        let shape = [across * across, width];
        for (head, out) in heads.iter().zip(&mut out) {
            let values = guarded(|| {
                let tokens = Tensor::from_data(TensorData::new(tokens.clone(), shape), &device);
                let extras = Tensor::from_data(
                    TensorData::new(extras.clone(), [across * across, patch * patch, bands]),
                    &device,
                );
                head.patches(tokens, extras)
                    .into_data()
                    .try_to_vec::<f32>()
                    .map_err(|error| format!("{error:?}"))
            })?;
            for row in 0..window.height.min(side) {
                for col in 0..window.width.min(side) {
                    if is_seen[row * side + col] {
                        let token = (row / patch) * across + col / patch;
                        let place = (row % patch) * patch + col % patch;
                        out[row * window.width + col] = values[token * patch * patch + place];
                    }
                }
            }
        }
        Ok(out)
    }

    /// The windows a map is made of, and the part of each that is kept: all of the grid once.
    pub fn windows(&self) -> Vec<(Window, Window)> {
        let grid = &self.site.archive.grid;
        let margin = self.patch();
        let (rows, cols) = (
            spans(grid.height, self.side(), margin),
            spans(grid.width, self.side(), margin),
        );
        rows.iter()
            .flat_map(|(row, kept_rows)| {
                cols.iter().map(move |(col, kept_cols)| {
                    let window = Window {
                        col: col.0,
                        row: row.0,
                        width: col.1,
                        height: row.1,
                    };
                    let kept = Window {
                        col: kept_cols.0,
                        row: kept_rows.0,
                        width: kept_cols.1,
                        height: kept_rows.1,
                    };
                    (window, kept)
                })
            })
            .collect()
    }
}

/// Start and length.
type Span = (usize, usize);

/// Spans of `side` that overlap by two margins, and what is kept of each: everything once, without the margins but at the ends.
fn spans(length: usize, side: usize, margin: usize) -> Vec<(Span, Span)> {
    if length <= side {
        return vec![((0, length), (0, length))];
    }
    let stride = side.saturating_sub(2 * margin).max(1);
    let mut out: Vec<(Span, Span)> = Vec::new();
    let mut kept_until = 0;
    let mut start = 0;
    loop {
        let is_last = start + side >= length;
        let from = if is_last { length - side } else { start };
        let until = if is_last {
            length
        } else {
            from + side - margin
        };
        out.push(((from, side), (kept_until, until - kept_until)));
        kept_until = until;
        if is_last {
            return out;
        }
        start += stride;
    }
}

/// The weather of a station as a table.
pub(super) fn table_of(weather: &StationWeather) -> JobResult<WeatherTable> {
    let column =
        |value: fn(&terroir_scene::WeatherDay) -> Option<f32>| -> Option<Vec<Option<f32>>> {
            let values: Vec<Option<f32>> = weather.days.iter().map(value).collect();
            values.iter().any(Option::is_some).then_some(values)
        };
    let columns = [
        (WeatherVariable::Tmin, column(|day| day.tmin_c)),
        (WeatherVariable::Tmax, column(|day| day.tmax_c)),
        (WeatherVariable::Prcp, column(|day| day.prcp_mm)),
        (WeatherVariable::Srad, column(|day| day.srad_mj)),
        (WeatherVariable::Vp, column(|day| day.vp_kpa)),
    ];
    let known = columns
        .into_iter()
        .filter_map(|(variable, values)| Some((variable, values?)));
    Ok(WeatherTable::new(
        weather.source.clone(),
        weather.first,
        known,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_keep_everything_once() {
        for (length, side, margin) in [
            (10, 32, 4),
            (32, 32, 4),
            (33, 32, 4),
            (200, 32, 4),
            (97, 32, 4),
        ] {
            let mut next = 0;
            for ((from, span), (kept, count)) in spans(length, side, margin) {
                assert_eq!(kept, next);
                assert!(kept >= from && kept + count <= from + span && from + span <= length);
                next += count;
            }
            assert_eq!(next, length);
        }
    }
}
