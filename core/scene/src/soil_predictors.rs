//! What soil moisture is estimated from without a network: the weather before a day, the season, and what the last clear
//! images showed of a pixel (specification of tasks, section 6.3). Knows weather and archives; knows nothing of fits.

use std::f64::consts::TAU;

use jiff::civil::Date;

use crate::station::days_between;
use crate::{
    Archive, Measure, SceneResult, SourceBand, StationWeather, TimeStack, WeatherDay, Window,
    ndvi_bands,
};

/// Share of yesterday's antecedent precipitation that is left today.
const API_KEPT: f64 = 0.9;
/// Days of the mean temperature.
const TEMPERATURE_DAYS: usize = 7;
/// Days without precipitation data that count as dry; after more of them the index is unknown for a while.
const LONGEST_GAP: usize = 5;
/// Days after a longer gap until the index is believed again: less than 5 % of what is unknown is left.
const RECOVERY_DAYS: usize = 30;
/// Windows of sums and means of the long weather, days.
const RAIN_DAYS: [usize; 7] = [1, 3, 7, 14, 30, 60, 90];
const OTHER_DAYS: [usize; 3] = [7, 30, 90];
/// Wavelengths of the narrow near infrared and of the first short-wave infrared, nm, and how far off a band may be.
const NEAR_INFRARED: (f64, f64) = (865.0, 45.0);
const SHORT_WAVE: (f64, f64) = (1610.0, 60.0);

/// Which weather is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeatherReach {
    /// Antecedent precipitation index, 7-day mean temperature, sine and cosine of the day of the year.
    Index,
    /// Means over 1 to 90 days of every variable there is, and the season.
    Long {
        has_radiation: bool,
        has_vapour: bool,
    },
}

impl WeatherReach {
    /// Names of the predictors, in the order of their numbers.
    pub fn names(self) -> Vec<String> {
        let mut names = match self {
            Self::Index => vec![
                "antecedent precipitation index (mm)".to_owned(),
                format!("{TEMPERATURE_DAYS}-day mean temperature (degC)"),
            ],
            Self::Long {
                has_radiation,
                has_vapour,
            } => {
                let mut names: Vec<String> = RAIN_DAYS
                    .iter()
                    .map(|days| format!("precipitation over {days} days (mm/day)"))
                    .collect();
                for (is_there, what) in [
                    (true, "temperature (degC)"),
                    (has_radiation, "radiation (MJ/m2)"),
                    (has_vapour, "vapour pressure (kPa)"),
                ] {
                    if is_there {
                        names.extend(
                            OTHER_DAYS
                                .iter()
                                .map(|days| format!("{what} over {days} days")),
                        );
                    }
                }
                names
            }
        };
        names.extend(
            [
                "sine of the day of the year",
                "cosine of the day of the year",
            ]
            .map(str::to_owned),
        );
        names
    }
}

/// The predictors of every day of a weather table.
#[derive(Clone, Debug, PartialEq)]
pub struct WeatherPredictors {
    first: Date,
    /// `None` where too much weather is missing before the day.
    days: Vec<Option<Vec<f32>>>,
}

impl WeatherPredictors {
    /// The index starts at the level that the table's mean precipitation would keep up.
    pub fn of(weather: &StationWeather, reach: WeatherReach) -> Self {
        let rain: Vec<Option<f32>> = weather.days.iter().map(|day| day.prcp_mm).collect();
        let rain_is_known = known_enough(&rain);
        let warmth = Running::of(weather, |day| day.mean_temperature_c());
        let season = |index: usize| -> Option<[f32; 2]> {
            let date = weather
                .first
                .checked_add(jiff::Span::new().days(index as i64))
                .ok()?;
            let turn = TAU * f64::from(date.day_of_year()) / 365.25;
            Some([turn.sin() as f32, turn.cos() as f32])
        };
        let days = match reach {
            WeatherReach::Index => {
                let api = antecedent_precipitation(&rain);
                (0..weather.days.len())
                    .map(|index| {
                        let api = rain_is_known[index].then(|| api[index] as f32)?;
                        let warmth = warmth.mean(index, TEMPERATURE_DAYS)?;
                        let mut row = vec![api, warmth];
                        row.extend(season(index)?);
                        Some(row)
                    })
                    .collect()
            }
            WeatherReach::Long {
                has_radiation,
                has_vapour,
            } => {
                let fallen = Running::of(weather, |day| day.prcp_mm);
                let mut others = vec![warmth];
                if has_radiation {
                    others.push(Running::of(weather, |day| day.srad_mj));
                }
                if has_vapour {
                    others.push(Running::of(weather, |day| day.vp_kpa));
                }
                (0..weather.days.len())
                    .map(|index| {
                        let mut row = Vec::new();
                        for days in RAIN_DAYS {
                            // A dry spell between two rain gauges' readings is not a missing one.
                            row.push(
                                fallen
                                    .mean(index, days)
                                    .or_else(|| rain_is_known[index].then_some(0.0))?,
                            );
                        }
                        for other in &others {
                            for days in OTHER_DAYS {
                                row.push(other.mean(index, days)?);
                            }
                        }
                        row.extend(season(index)?);
                        Some(row)
                    })
                    .collect()
            }
        };
        Self {
            first: weather.first,
            days,
        }
    }

    /// `None` off the table, and where too much weather before the day is missing.
    pub fn on(&self, date: Date) -> Option<&[f32]> {
        let index = usize::try_from(days_between(self.first, date)).ok()?;
        self.days.get(index)?.as_deref()
    }
}

/// `API_d = 0.9 API_(d-1) + P_d`.
fn antecedent_precipitation(rain_mm: &[Option<f32>]) -> Vec<f64> {
    let known: Vec<f64> = rain_mm.iter().flatten().map(|mm| f64::from(*mm)).collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    let mut level = mean / (1.0 - API_KEPT);
    rain_mm
        .iter()
        .map(|mm| {
            level = API_KEPT * level + mm.map_or(0.0, f64::from);
            level
        })
        .collect()
}

/// Whether no long gap lies in the month before each day.
fn known_enough(values: &[Option<f32>]) -> Vec<bool> {
    let (mut gap, mut since_long_gap) = (0, RECOVERY_DAYS);
    values
        .iter()
        .map(|value| {
            match value {
                Some(_) => {
                    if gap > LONGEST_GAP {
                        since_long_gap = 0;
                    }
                    gap = 0;
                    since_long_gap += 1;
                }
                None => gap += 1,
            }
            gap <= LONGEST_GAP && since_long_gap >= RECOVERY_DAYS
        })
        .collect()
}

/// Means of windows of days, from running sums.
struct Running {
    /// Sum and count of all days before each.
    sums: Vec<(f64, usize)>,
}

impl Running {
    fn of(weather: &StationWeather, value: impl Fn(&WeatherDay) -> Option<f32>) -> Self {
        let mut sums = vec![(0.0, 0)];
        let mut sum = (0.0, 0);
        for day in &weather.days {
            if let Some(value) = value(day).filter(|value| value.is_finite()) {
                sum = (sum.0 + f64::from(value), sum.1 + 1);
            }
            sums.push(sum);
        }
        Self { sums }
    }

    /// Over the days up to and with this one, fewer at the beginning of the table; `None` where fewer than half are known.
    fn mean(&self, index: usize, days: usize) -> Option<f32> {
        let from = (index + 1).saturating_sub(days);
        let (end, start) = (self.sums.get(index + 1)?, self.sums.get(from)?);
        let count = end.1 - start.1;
        let is_enough = count > 0 && 2 * count >= index + 1 - from;
        is_enough.then(|| ((end.0 - start.0) / count as f64) as f32)
    }
}

/// A number that images give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePredictor {
    Vv,
    Vh,
    Ndvi,
    Ndmi,
}

impl ImagePredictor {
    pub fn name(self) -> &'static str {
        match self {
            Self::Vv => "VV (dB)",
            Self::Vh => "VH (dB)",
            Self::Ndvi => "NDVI",
            Self::Ndmi => "NDMI",
        }
    }
}

/// Which sensor and bands give each number.
#[derive(Clone, Debug, PartialEq)]
struct ImageBands {
    what: ImagePredictor,
    source: usize,
    /// One band, or the two of a normalised difference.
    bands: (usize, Option<usize>),
}

/// The numbers an archive can give of a pixel: VV and VH of a radar, NDVI and NDMI of an optical sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct ImagePredictors {
    bands: Vec<ImageBands>,
}

/// The numbers of one pixel through time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PixelHistory {
    /// Of each predictor day and value of its clear images, the earliest first.
    values: Vec<Vec<(f64, f32)>>,
}

impl PixelHistory {
    /// The values of the last clear images up to the end of a day; `None` where one is missing or older than `most_days`.
    pub fn on(&self, date: Date, most_days: f64) -> Option<Vec<f32>> {
        let end = crate::day_number(date) + 1.0;
        self.values
            .iter()
            .map(|values| {
                let after = values.partition_point(|(day, _)| *day < end);
                let (day, value) = values.get(after.checked_sub(1)?)?;
                (end - day <= most_days + 1.0).then_some(*value)
            })
            .collect()
    }

    /// The mean over pixels, on the days on which a quarter of them at least is clear.
    pub fn mean_of(pixels: &[Self]) -> Self {
        let predictors = pixels.first().map_or(0, |pixel| pixel.values.len());
        let mean = |predictor: usize| {
            let mut all: Vec<(f64, f32)> = pixels
                .iter()
                .filter_map(|pixel| pixel.values.get(predictor))
                .flatten()
                .copied()
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            all.chunk_by(|a, b| a.0 == b.0)
                .filter(|day| 4 * day.len() >= pixels.len())
                .filter_map(|day| {
                    let sum: f64 = day.iter().map(|(_, value)| f64::from(*value)).sum();
                    Some((day.first()?.0, (sum / day.len() as f64) as f32))
                })
                .collect()
        };
        Self {
            values: (0..predictors).map(mean).collect(),
        }
    }

    /// Days with a clear image of any predictor.
    pub fn clear_days(&self) -> usize {
        self.values.iter().map(Vec::len).max().unwrap_or(0)
    }
}

impl ImagePredictors {
    /// What the dated images of an archive offer; the first sensor that has a number gives it.
    pub fn of(archive: &Archive) -> Self {
        let mut bands: Vec<ImageBands> = Vec::new();
        for (source, found) in archive.sources.iter().enumerate() {
            if found.frames_in(None).is_empty() {
                continue;
            }
            let list = &found.source.bands;
            let radar = |wanted: &str| {
                list.iter().position(|band| {
                    band.measure == Measure::Decibel && band.polarisation() == Some(wanted)
                })
            };
            let optical: Vec<SourceBand> = list
                .iter()
                .map(|band| match band.measure {
                    Measure::Reflectance => band.clone(),
                    _ => SourceBand {
                        wavelength_nm: None,
                        ..band.clone()
                    },
                })
                .collect();
            let ndvi = ndvi_bands(&optical).map(|(red, infrared)| (infrared, Some(red)));
            let ndmi = nearest(&optical, NEAR_INFRARED)
                .zip(nearest(&optical, SHORT_WAVE))
                .map(|(infrared, short)| (infrared, Some(short)));
            for (what, found) in [
                (ImagePredictor::Vv, radar("VV").map(|band| (band, None))),
                (ImagePredictor::Vh, radar("VH").map(|band| (band, None))),
                (ImagePredictor::Ndvi, ndvi),
                (ImagePredictor::Ndmi, ndmi),
            ] {
                let is_new = !bands.iter().any(|known| known.what == what);
                if let Some(found) = found.filter(|_| is_new) {
                    bands.push(ImageBands {
                        what,
                        source,
                        bands: found,
                    });
                }
            }
        }
        Self { bands }
    }

    pub fn is_empty(&self) -> bool {
        self.bands.is_empty()
    }

    pub fn names(&self) -> Vec<String> {
        self.bands
            .iter()
            .map(|band| band.what.name().to_owned())
            .collect()
    }

    /// Reads some pixels of a window (counted along its rows) through all dated images up to a day.
    ///
    /// # Errors
    /// A file that cannot be read; [`crate::SceneError::Cancelled`] once `go_on` says no.
    pub fn read_blocking(
        &self,
        archive: &Archive,
        window: Window,
        pixels: &[usize],
        (from, until): (Option<Date>, Option<Date>),
        go_on: &mut dyn FnMut() -> bool,
    ) -> SceneResult<Vec<PixelHistory>> {
        let mut out: Vec<PixelHistory> = pixels
            .iter()
            .map(|_| PixelHistory {
                values: vec![Vec::new(); self.bands.len()],
            })
            .collect();
        let mut sources: Vec<usize> = self.bands.iter().map(|band| band.source).collect();
        sources.sort_unstable();
        sources.dedup();
        for source in sources {
            let Some(found) = archive.sources.get(source) else {
                continue;
            };
            let mut frames: Vec<usize> = found
                .frames_in(None)
                .into_iter()
                .filter(|frame| {
                    let date = found.frames[*frame].date;
                    from.is_none_or(|from| date >= from) && until.is_none_or(|until| date <= until)
                })
                .collect();
            frames.sort_by(|a, b| found.frames[*a].day.total_cmp(&found.frames[*b].day));
            let stack = TimeStack::read_blocking(archive, source, &frames, window, pixels, go_on)?;
            for (pixel, history) in out.iter_mut().enumerate() {
                for (place, band) in self.bands.iter().enumerate() {
                    if band.source == source {
                        history.values[place] = line_of(&stack, pixel, band.bands);
                    }
                }
            }
        }
        Ok(out)
    }
}

/// Day and value of one band, or of the normalised difference of two; days on which either is missing are left out.
fn line_of(
    stack: &TimeStack,
    pixel: usize,
    (first, second): (usize, Option<usize>),
) -> Vec<(f64, f32)> {
    let a = stack.line(pixel, first);
    let Some(second) = second else {
        return a.known().collect();
    };
    let b = stack.line(pixel, second);
    a.days
        .iter()
        .zip(a.values.iter().zip(a.is_there))
        .zip(b.values.iter().zip(b.is_there))
        .filter(|((_, (_, a_there)), (_, b_there))| **a_there && **b_there)
        .filter_map(|((day, (a, _)), (b, _))| {
            // Dark noise below nought is no reflectance.
            let (a, b) = (a.max(0.0), b.max(0.0));
            (a + b > 0.0).then(|| (*day, (a - b) / (a + b)))
        })
        .collect()
}

fn nearest(bands: &[SourceBand], (wanted, reach): (f64, f64)) -> Option<usize> {
    bands
        .iter()
        .enumerate()
        .filter_map(|(index, band)| Some((index, (band.wavelength_nm? - wanted).abs())))
        .filter(|(_, apart)| *apart <= reach)
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weather(rain: &[Option<f32>], warmth: &[Option<f32>]) -> StationWeather {
        StationWeather {
            source: "made".to_owned(),
            first: Date::constant(2020, 1, 1),
            days: rain
                .iter()
                .zip(warmth)
                .map(|(prcp_mm, tmean_c)| WeatherDay {
                    prcp_mm: *prcp_mm,
                    tmean_c: *tmean_c,
                    ..WeatherDay::default()
                })
                .collect(),
        }
    }

    #[test]
    fn the_index_remembers_rain_and_starts_at_its_level() {
        let rain = vec![Some(2.0); 40];
        let warmth: Vec<Option<f32>> = (0..40).map(|day| Some(day as f32)).collect();
        let found = WeatherPredictors::of(&weather(&rain, &warmth), WeatherReach::Index);
        let row = found.on(Date::constant(2020, 1, 1)).expect("a row");
        // 2 / (1 - 0.9), from the first day on.
        assert!((row[0] - 20.0).abs() < 1e-4 && row[1] == 0.0);
        let row = found.on(Date::constant(2020, 1, 10)).expect("a row");
        assert!((row[0] - 20.0).abs() < 1e-4 && row[1] == 6.0);
        assert!((row[2] - (TAU * 10.0 / 365.25).sin() as f32).abs() < 1e-6);
        assert_eq!(WeatherReach::Index.names().len(), row.len());
        assert_eq!(found.on(Date::constant(2019, 12, 31)), None);
        assert_eq!(found.on(Date::constant(2020, 3, 1)), None);
        let mut wet = rain.clone();
        wet[5] = Some(12.0);
        let index = antecedent_precipitation(&wet);
        assert!((index[7] - 0.9 * index[6] - 2.0).abs() < 1e-9 && index[5] > index[4]);
    }

    #[test]
    fn long_gaps_are_not_bridged() {
        let mut rain = vec![Some(1.0); 90];
        rain[10..15].fill(None);
        rain[40..47].fill(None);
        let found = WeatherPredictors::of(&weather(&rain, &[Some(5.0); 90]), WeatherReach::Index);
        let is_there: Vec<bool> = found.days.iter().map(Option::is_some).collect();
        assert!(is_there[12] && is_there[44] && !is_there[45] && !is_there[50]);
        assert!(!is_there[75] && is_there[76]);
        let cold = vec![None; 90];
        let found = WeatherPredictors::of(&weather(&rain, &cold), WeatherReach::Index);
        assert!(found.days.iter().all(Option::is_none));
    }

    #[test]
    fn long_weather_has_as_many_numbers_as_names() {
        for (has_radiation, has_vapour) in [(false, false), (true, false), (true, true)] {
            let reach = WeatherReach::Long {
                has_radiation,
                has_vapour,
            };
            let mut table = weather(&[Some(1.0); 100], &[Some(5.0); 100]);
            for day in &mut table.days {
                (day.srad_mj, day.vp_kpa) = (Some(10.0), Some(1.0));
            }
            let found = WeatherPredictors::of(&table, reach);
            let row = found.on(Date::constant(2020, 1, 20)).expect("a row");
            assert_eq!(row.len(), reach.names().len());
            assert_eq!((row[0], row[6]), (1.0, 1.0));
        }
    }

    #[test]
    fn the_last_clear_image_counts_and_old_ones_do_not() {
        let day = |date: &str| crate::day_number(date.parse().expect("a date")) + 0.4;
        let history = PixelHistory {
            values: vec![
                vec![(day("2020-05-01"), 0.2), (day("2020-05-10"), 0.5)],
                vec![(day("2020-05-09"), -12.0)],
            ],
        };
        let on = |date: &str| history.on(date.parse().expect("a date"), 20.0);
        assert_eq!(on("2020-05-09"), Some(vec![0.2, -12.0]));
        assert_eq!(on("2020-05-10"), Some(vec![0.5, -12.0]));
        assert_eq!(on("2020-05-08"), None);
        assert_eq!(on("2020-06-10"), None);
        assert_eq!(history.clear_days(), 2);
    }
}
