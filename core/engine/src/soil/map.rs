//! The maps of a soil-moisture job: the estimate of every pixel on a day, and how far fits on different stations lie apart.
//! Streams window by window; memory does not depend on the area. Knows fits and images; validates nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use jiff::civil::Date;
use serde_json::{Value, json};
use terroir_models::SoilHead;
use terroir_scene::{
    FEWEST_STATIONS, LinearSoil, MapKind, OLDEST_IMAGE_DAYS, Provenance, SoilBaseline, SoilSamples,
    Station, StationPlace, StationWeather, TimeStack, WeatherPredictors, WeatherReach, Window,
    day_number, future_members,
};

use super::field::Field;
use super::images::Images;
use super::network::{Network, table_of};
use super::{Findings, Taught};
use crate::monitor::{JobResult, Monitor};
use crate::shard::Share;
use crate::weather_series::SiteWeather;
use crate::{Failure, JobSpec, command_line};

const NODATA: f32 = -9999.0;
const UNIT: &str = "m3/m3";

/// What draws the map: fits on all stations, and on all but some.
enum Estimator<'a> {
    Simple {
        baseline: SoilBaseline,
        fitted: LinearSoil,
        others: Vec<LinearSoil>,
        /// What stands beside the images.
        field: Option<&'a Field>,
    },
    Network {
        network: &'a Network,
        /// The first on all stations.
        heads: Vec<SoilHead>,
    },
}

/// Writes `soil_moisture_<date>.tif`, and `_std.tif` where the spread is wanted.
pub(super) fn write_maps(
    findings: &Findings<'_>,
    images: &Images,
    samples: &SoilSamples,
    share: Share,
    monitor: &Monitor<'_>,
) -> JobResult<Vec<PathBuf>> {
    let spec = findings.spec;
    let weather = nearest_weather(findings, images)
        .ok_or_else(|| Failure::new("no station has weather, so no day can be mapped"))?;
    let predictors = WeatherPredictors::of(&weather, WeatherReach::Index);
    let dates = if spec.dates.is_empty() {
        vec![last_day(images, &predictors)?]
    } else {
        spec.dates.clone()
    };
    let estimator = match findings.taught {
        Some(taught) => of_network(findings, taught, samples, monitor)?,
        None => of_regression(findings, samples)?,
    };
    if spec.uncertainty && findings.station_split.is_none() {
        monitor.warn(format!(
            "how far fits on different stations lie apart needs {FEWEST_STATIONS} stations at least; no such map is written"
        ));
    }
    let mut files = Vec::new();
    for date in dates {
        let day = Day::of(findings, images, &weather, date)?;
        files.extend(write_map(
            findings, images, &day, &estimator, share, monitor,
        )?);
    }
    Ok(files)
}

fn of_regression<'a>(findings: &Findings<'a>, samples: &SoilSamples) -> JobResult<Estimator<'a>> {
    let baseline = findings.simple();
    let fit = |rows: &[usize]| -> JobResult<LinearSoil> {
        baseline
            .fit_linear(samples, rows)?
            .ok_or_else(|| Failure::new("this method cannot be mapped").into())
    };
    let all: Vec<usize> = (0..samples.rows.len()).collect();
    let others = match (&findings.station_split, findings.spec.uncertainty) {
        (Some(split), true) => (0..split.parts())
            .map(|part| split.part(&samples.rows, part).0)
            .filter(|rows| !rows.is_empty())
            .map(|rows| fit(&rows))
            .collect::<JobResult<Vec<_>>>()?,
        _ => Vec::new(),
    };
    Ok(Estimator::Simple {
        baseline,
        fitted: fit(&all)?,
        others,
        field: findings.field,
    })
}

fn of_network<'a>(
    findings: &Findings<'_>,
    taught: &'a Taught,
    samples: &SoilSamples,
    monitor: &Monitor<'_>,
) -> JobResult<Estimator<'a>> {
    let values: Vec<f64> = samples.rows.iter().map(|row| row.value).collect();
    let all: Vec<usize> = (0..samples.rows.len()).collect();
    let seed = findings.spec.seed;
    let mut heads = vec![
        taught
            .network
            .learn(&taught.rows, &values, &all, seed, monitor)?,
    ];
    if findings.spec.uncertainty {
        heads.extend(taught.heads.iter().cloned());
    }
    Ok(Estimator::Network {
        network: &taught.network,
        heads,
    })
}

impl Estimator<'_> {
    /// Fits beside the one on all stations.
    fn others(&self) -> usize {
        match self {
            Self::Simple { others, .. } => others.len(),
            Self::Network { heads, .. } => heads.len().saturating_sub(1),
        }
    }

    /// Windows to be worked out, and the part of each that is kept.
    fn windows(&self, images: &Images) -> Vec<(Window, Window)> {
        match self {
            Self::Network { network, .. } => network.windows(),
            Self::Simple { .. } => {
                let sources = || images.archive.sources.iter();
                let frames = sources().map(|source| source.frames_in(None).len()).max();
                let bands = sources().map(|source| source.source.bands.len()).max();
                let side = TimeStack::side_for(frames.unwrap_or(1), bands.unwrap_or(1));
                let grid = &images.archive.grid;
                squares(grid.width, grid.height, side)
                    .into_iter()
                    .map(|window| (window, window))
                    .collect()
            }
        }
    }

    /// Estimate and spread of every pixel of a window; NaN where nothing shows it.
    fn estimate(
        &self,
        images: &Images,
        day: &Day,
        window: Window,
        monitor: &Monitor<'_>,
    ) -> JobResult<(Vec<f32>, Vec<f32>)> {
        match self {
            Self::Network { network, heads } => {
                // Members of the weather to come are averaged.
                let mut sums: Vec<Vec<f32>> = Vec::new();
                for weather in &day.weather {
                    let when = (day.date, day.oldest_days);
                    let found = network.map_blocking(heads, weather, when, window, monitor)?;
                    if sums.is_empty() {
                        sums = found.iter().map(|of| vec![0.0; of.len()]).collect();
                    }
                    for (sum, of) in sums.iter_mut().zip(&found) {
                        for (sum, value) in sum.iter_mut().zip(of) {
                            *sum += value / day.weather.len() as f32;
                        }
                    }
                }
                let others = sums.split_off(sums.len().min(1));
                let value = sums.pop().unwrap_or_default();
                let spread = (0..value.len())
                    .map(|pixel| deviation(others.iter().map(|of| f64::from(of[pixel]))) as f32)
                    .collect();
                Ok((value, spread))
            }
            Self::Simple {
                fitted,
                others,
                field,
                ..
            } => {
                let span = jiff::Span::new().days(day.oldest_days as i64);
                let from = day.date.checked_sub(span).ok();
                let pixels: Vec<usize> = (0..window.pixels()).collect();
                let mut go_on = || !monitor.is_cancelled();
                let histories = images.predictors.read_blocking(
                    &images.archive,
                    window,
                    &pixels,
                    (from, Some(day.date)),
                    &mut go_on,
                );
                monitor.check()?;
                let beside = match field {
                    Some(field) => field.read_blocking(window)?,
                    None => vec![Some(Vec::new()); window.pixels()],
                };
                let of_pixel = |(seen, beside): (Option<Vec<f32>>, &Option<Vec<f32>>)| {
                    let (Some(seen), Some(beside)) = (seen, beside) else {
                        return (f32::NAN, f32::NAN);
                    };
                    let row = [&*day.before, &seen, beside].concat();
                    let spread = deviation(others.iter().map(|other| other.predict(&row)));
                    (fitted.predict(&row) as f32, spread as f32)
                };
                Ok(histories?
                    .iter()
                    .map(|history| history.on(day.date, day.oldest_days))
                    .zip(&beside)
                    .map(of_pixel)
                    .unzip())
            }
        }
    }

    fn about(&self) -> Value {
        match self {
            Self::Simple {
                baseline,
                fitted,
                field: None,
                ..
            } => json!({"arch": baseline.key(), "fit": fitted}),
            Self::Simple {
                baseline,
                fitted,
                field: Some(field),
                ..
            } => json!({"arch": baseline.key(), "fit": fitted, "field": field.about()}),
            Self::Network { network, .. } => json!({
                "arch": super::NETWORK, "name": network.sentence(), "checkpoint_sha256": network.sha256,
                "head": "taught on the stations; the network stays as it is",
            }),
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Simple { field: None, .. } => {
                "ridge regression on weather and the last clear image of each pixel".to_owned()
            }
            Self::Simple { .. } => {
                "ridge regression on weather, the last clear image and a field of each pixel"
                    .to_owned()
            }
            Self::Network { network, .. } => {
                format!("a head on the embeddings of {}", network.sentence())
            }
        }
    }
}

/// A day to be mapped.
struct Day {
    date: Date,
    /// Predictors of the weather, the same everywhere; the mean of the members where the weather is still to come.
    before: Vec<f32>,
    /// For a network.
    weather: Vec<SiteWeather>,
    /// Where the weather is from.
    source: String,
    /// Older images than this are not used.
    oldest_days: f64,
    /// Days after the last image, where it is a forecast.
    ahead_days: Option<i64>,
}

impl Day {
    /// # Errors
    /// Weather that does not cover the day.
    fn of(
        findings: &Findings<'_>,
        images: &Images,
        weather: &StationWeather,
        date: Date,
    ) -> JobResult<Self> {
        let members: Vec<StationWeather> = match &findings.spec.future {
            Some(future) if date > weather.last() => {
                future_members(&table_of(weather)?, future, date)?
                    .iter()
                    .map(|table| StationWeather::of_table(table, &table.source))
                    .collect()
            }
            _ => vec![weather.clone()],
        };
        let uncovered = || {
            Failure::new(format!(
                "the weather of {} goes from {} to {} and does not cover the days before {date}; add weather of these days (--weather, or for \
                 days to come --future or --climatology), or map another day (--date)",
                weather.source,
                weather.first,
                weather.last()
            ))
        };
        let mut before: Vec<f32> = Vec::new();
        for member in &members {
            let predictors = WeatherPredictors::of(member, WeatherReach::Index);
            let row = predictors.on(date).ok_or_else(uncovered)?;
            before.resize(row.len(), 0.0);
            for (sum, value) in before.iter_mut().zip(row) {
                *sum += value / members.len() as f32;
            }
        }
        let last = image_days(images).last().copied();
        let ahead_days = last
            .map(|last| (day_number(date) - day_number(last)) as i64)
            .filter(|ahead| *ahead > 0);
        let weather = match findings.taught {
            Some(taught) => members
                .iter()
                .map(|member| taught.network.weather_of(member))
                .collect::<JobResult<Vec<_>>>()?,
            None => Vec::new(),
        };
        let source = members.first().map(|member| member.source.clone());
        Ok(Self {
            date,
            before,
            weather,
            source: match members.len() {
                0 | 1 => source.unwrap_or_default(),
                count => format!("{}, mean of {count} members", source.unwrap_or_default()),
            },
            oldest_days: OLDEST_IMAGE_DAYS + ahead_days.unwrap_or(0) as f64,
            ahead_days,
        })
    }
}

/// Days with an image, rising.
fn image_days(images: &Images) -> Vec<Date> {
    let sources = images.archive.sources.iter();
    let mut dates: Vec<Date> = sources
        .flat_map(|source| {
            let frames = source.frames_in(None).into_iter();
            frames.map(|frame| source.frames[frame].date)
        })
        .collect();
    dates.sort_unstable();
    dates
}

fn write_map(
    findings: &Findings<'_>,
    images: &Images,
    day: &Day,
    estimator: &Estimator<'_>,
    share: Share,
    monitor: &Monitor<'_>,
) -> JobResult<Vec<PathBuf>> {
    let begun = Instant::now();
    let path = findings.spec.map_path(day.date);
    let grid = images.archive.grid.clone();
    let kind = |name: &str, ramp: &str| MapKind::Measured {
        bands: vec![(name.to_owned(), UNIT.to_owned())],
        ramp: ramp.to_owned(),
        nodata: NODATA,
    };
    let rows = share.rows(grid.window());
    let job = share.job(JobSpec::Soil(findings.spec.clone()));
    if rows.height == 0 {
        return Ok(Vec::new());
    }
    let mut map = share.writer(&path, &grid, rows, kind("soil moisture", "moisture"))?;
    let spread_path = path.with_file_name(format!("soil_moisture_{}_std.tif", day.date));
    let mut spread = match estimator.others() > 1 {
        true => Some(share.writer(
            &spread_path,
            &grid,
            rows,
            kind("standard deviation of soil moisture", "viridis"),
        )?),
        false => None,
    };
    let windows = estimator.windows(images);
    let (mut mapped, mut sum) = (0_u64, 0.0_f64);
    for (done, (window, kept)) in windows.iter().enumerate() {
        monitor.check()?;
        let Some(kept) = kept.intersection(&rows) else {
            continue;
        };
        monitor.progress(
            &format!("mapping {}", day.date),
            done as u64,
            windows.len() as u64,
        );
        let (values, spreads) = estimator.estimate(images, day, *window, monitor)?;
        let values = part_of(&values, *window, kept);
        for value in values.iter().filter(|value| value.is_finite()) {
            mapped += 1;
            sum += f64::from(*value);
        }
        map.write_floats(kept, &values)?;
        if let Some(spread) = &mut spread {
            spread.write_floats(kept, &part_of(&spreads, *window, kept))?;
        }
    }
    if mapped == 0 && !share.is_shard() {
        return Err(Failure::new(format!(
            "no pixel is clear in any image of the {} days before {}; choose another day (--date) or more images",
            day.oldest_days,
            day.date
        ))
        .into());
    }
    let seconds = begun.elapsed().as_secs_f64();
    let keys = keys_of(findings, images, day, estimator, &job, seconds);
    monitor.progress("writing the map", 0, 1);
    let mut files = map.finish(&keys)?;
    if let Some(spread) = spread {
        let mut keys = keys;
        for (key, value) in &mut keys {
            if key == "DESCRIPTION" {
                *value = format!(
                    "Standard deviation of soil moisture on {} over {} fits that each left other stations out (m3/m3)",
                    day.date,
                    estimator.others()
                );
            }
        }
        files.extend(spread.finish(&keys)?);
    }
    if mapped > 0 {
        monitor.metric(&format!("mean_{}", day.date), sum / mapped as f64);
    }
    Ok(files)
}

/// The values of a part of a window.
fn part_of(values: &[f32], window: Window, kept: Window) -> Vec<f32> {
    (kept.row..kept.end_row())
        .flat_map(|row| {
            let from = (row - window.row) * window.width + (kept.col - window.col);
            values.get(from..from + kept.width).unwrap_or_default()
        })
        .copied()
        .collect()
}

fn squares(width: usize, height: usize, side: usize) -> Vec<Window> {
    (0..height)
        .step_by(side)
        .flat_map(|row| (0..width).step_by(side).map(move |col| (col, row)))
        .map(|(col, row)| Window {
            col,
            row,
            width: side.min(width - col),
            height: side.min(height - row),
        })
        .collect()
}

/// NaN of nothing.
fn deviation(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    (values.map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// The last day with an image whose weather is known.
fn last_day(images: &Images, predictors: &WeatherPredictors) -> Result<Date, Failure> {
    image_days(images)
        .into_iter()
        .rev()
        .find(|date| predictors.on(*date).is_some())
        .ok_or_else(|| {
            Failure::new("the weather covers the day of no image; add weather of the images' days (--weather), or images of the stations' days")
        })
}

/// The weather of the station nearest to the middle of the images.
fn nearest_weather(findings: &Findings<'_>, images: &Images) -> Option<Arc<StationWeather>> {
    let center = images.center();
    let distance = |station: &Station, place: &Option<(f64, f64)>| match (center, place) {
        (Some((lon, lat)), Some((x, y))) => {
            let across = (x - lon) * lat.to_radians().cos();
            across.hypot(y - lat)
        }
        // Without degrees, any is as near as another.
        _ => match station.place {
            Some(StationPlace::Map { .. }) => 0.0,
            _ => f64::MAX,
        },
    };
    findings
        .tables
        .stations
        .iter()
        .zip(&findings.places)
        .filter_map(|(station, place)| Some((distance(station, place), station.weather.clone()?)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, weather)| weather)
}

fn keys_of(
    findings: &Findings<'_>,
    images: &Images,
    day: &Day,
    estimator: &Estimator<'_>,
    job: &JobSpec,
    seconds: f64,
) -> Provenance {
    let run = json!({
        "spec": job, "command": command_line(job), "device": findings.taught.map_or("cpu", |taught| taught.network.device.as_str()), "precision": "f32",
        "seconds": (seconds * 10.0).round() / 10.0,
    });
    let depth = match findings.tables.depth_m() {
        Some((from, to)) if from == to => format!("{from} m"),
        Some((from, to)) => format!("{from} to {to} m"),
        None => "as the stations measure; their tables do not say one depth".to_owned(),
    };
    let accuracy = findings
        .shown()
        .and_then(super::Method::headline)
        .map(|held| {
            json!({
                "split": if findings.station_split.is_some() { "station" } else { "time" },
                "n": held.accuracy.pooled.n, "rmse": held.accuracy.pooled.rmse, "ubrmse": held.accuracy.pooled.ubrmse,
                "bias": held.accuracy.pooled.bias, "r2": held.accuracy.pooled.r2_determination,
            })
        })
        .unwrap_or_default();
    let inputs = json!({
        "images": images.archive.counts_text(None),
        "stations": findings.tables.stations.iter().map(|station| station.name.as_str()).collect::<Vec<_>>(),
        "values": findings.rows.len(),
    });
    let ahead = day.ahead_days.map_or_else(String::new, |days| {
        format!(
            "; a forecast, {days} days after the last image, with the weather of {}",
            day.source
        )
    });
    vec![
        (
            "DESCRIPTION".to_owned(),
            format!(
                "Soil moisture on {} (m3/m3), by {}; depth {depth}{ahead}",
                day.date,
                estimator.title()
            ),
        ),
        ("MODEL".to_owned(), estimator.about().to_string()),
        ("DATE".to_owned(), day.date.to_string()),
        ("DEPTH".to_owned(), depth),
        ("WEATHER".to_owned(), day.source.clone()),
        ("ACCURACY".to_owned(), accuracy.to_string()),
        (
            "INPUTS".to_owned(),
            crate::provenance::short(inputs.to_string()),
        ),
        ("RUN".to_owned(), run.to_string()),
    ]
}
