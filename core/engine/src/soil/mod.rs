//! The soil-moisture job: stations, weather and dated images to estimates whose accuracy is that of stations and days that were
//! held out, and to maps of days. Simple estimates always stand beside. Knows the order of the steps.

mod field;
mod images;
mod map;
mod network;
mod network_rows;
mod report;
mod results;
mod spec;
mod weather;

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;
use terroir_models::SoilHead;
use terroir_scene::{
    FEWEST_STATIONS, SoilAccuracy, SoilBaseline, SoilRow, SoilSamples, SoilSplit, StationTables,
    Window, held_out,
};

use crate::cost::{self, ImagesMade};
use crate::device;
use crate::monitor::{JobResult, Monitor};
use crate::projection::write_renamed;
use crate::shard::Share;
use crate::{Estimate, Failure, JobSpec, Outcome, command_line};

use field::Field;
use images::Images;
use network::Network;
use network_rows::NetworkRows;
pub use results::{SoilCurve, SoilFigures, SoilResults};
pub use spec::SoilSpec;

/// Key of the network with its head in reports.
const NETWORK: &str = "kgvsf";

/// Tables of stations and a report of them take less, in memory and on the disk.
const STATIONS_BYTES: u64 = 64 << 20;

/// Estimates and figures of one method.
struct Method {
    key: &'static str,
    title: String,
    by_station: Option<Held>,
    by_time: Option<Held>,
}

/// What was estimated of held-out rows, and how well.
struct Held {
    /// One a row.
    estimates: Vec<Option<f64>>,
    accuracy: SoilAccuracy,
}

impl Method {
    /// The split that counts: by station where there are enough of them.
    fn headline(&self) -> Option<&Held> {
        self.by_station.as_ref().or(self.by_time.as_ref())
    }
}

/// A network whose embeddings a head was taught on.
struct Taught {
    network: Network,
    rows: NetworkRows,
    /// Each left out the stations of one part.
    heads: Vec<SoilHead>,
}

/// Everything the report says.
struct Findings<'a> {
    spec: &'a SoilSpec,
    tables: &'a StationTables,
    /// Longitude and latitude of every station, where they are known.
    places: Vec<Option<(f64, f64)>>,
    rows: &'a [SoilRow],
    predictors: &'a [String],
    methods: Vec<Method>,
    station_split: Option<SoilSplit>,
    time_split: Option<SoilSplit>,
    images: Option<&'a Images>,
    field: Option<&'a Field>,
    taught: Option<&'a Taught>,
    weather: String,
    warnings: Vec<String>,
    started: String,
}

impl Findings<'_> {
    /// The simple estimate that is mapped where no network is.
    fn simple(&self) -> SoilBaseline {
        match self.field {
            Some(_) => SoilBaseline::RidgeField,
            None => SoilBaseline::Ridge,
        }
    }

    /// The method whose map and curves are shown.
    fn shown(&self) -> Option<&Method> {
        let key = match self.taught {
            Some(_) => NETWORK,
            None => self.simple().key(),
        };
        self.methods.iter().find(|method| method.key == key)
    }
}

/// What the job will read and write. Without images there is nothing to map, and the stations take seconds.
pub(crate) fn estimate(spec: &SoilSpec, monitor: &Monitor<'_>) -> JobResult<Estimate> {
    let device = match spec.model {
        Some(_) => device::open(&spec.device).name,
        None => device::CPU.to_owned(),
    };
    let Some(archive) = &spec.archive else {
        return Ok(Estimate {
            pixels: 0,
            windows: 0,
            seconds: None,
            memory_bytes: STATIONS_BYTES,
            disk_bytes: STATIONS_BYTES,
            device,
            notes: Vec::new(),
        });
    };
    let made = ImagesMade {
        window: None,
        count: spec.dates.len().max(1) as u64,
        bands: 1 + u64::from(spec.uncertainty),
        is_timed: spec.model.is_none(),
        device,
    };
    cost::of_archive(archive, &made, monitor)
}

pub(crate) fn soil(spec: &SoilSpec, share: Share, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let begun = Instant::now();
    let started = jiff::Timestamp::now().to_string();
    monitor.started("cpu");
    if spec.out.is_file() {
        return Err(Failure::new(format!(
            "the results go into a folder, and this is a file; choose another name\n{}",
            spec.out.display()
        ))
        .into());
    }
    if spec.archive.is_none() && share.is_shard() {
        return Err(Failure::new(
            "shards share the rows of maps, which need dated images of the place; add them (--images), or leave --shard out",
        )
        .into());
    }
    if spec.archive.is_none() && spec.model.is_some() {
        return Err(Failure::new(
            "a network needs dated images of the stations; add them (--images), or leave the model out",
        )
        .into());
    }
    if spec.archive.is_none() && (spec.uncertainty || !spec.dates.is_empty()) {
        return Err(Failure::new(
            "a map of a day needs dated images of the place; add them (--images), or leave the day out",
        )
        .into());
    }
    if spec.archive.is_none() && spec.field.is_some() {
        return Err(Failure::new(
            "a field needs dated images of the place beside it, since it does not change from day to day; add them (--images), or leave \
             the field out",
        )
        .into());
    }
    monitor.progress("reading the stations", 0, 1);
    let mut tables = StationTables::open_blocking(&spec.stations, &spec.reading)?;
    tables
        .notes
        .iter()
        .for_each(|note| monitor.warn(note.clone()));
    weather::give_weather(&spec.weather, &mut tables, monitor)?;
    monitor.check()?;
    let images = match &spec.archive {
        Some(archive) => Some(Images::open(archive, &mut tables, monitor)?),
        None => None,
    };
    let found = images
        .as_ref()
        .map(|images| (images.names.as_slice(), images.histories.as_slice()));
    let mut samples = SoilSamples::of(&tables.stations, found)?;
    say_left_out(&samples, monitor);
    let field = with_field(spec, images.as_ref(), &mut samples, monitor)?;
    let mut taught = embedded(spec, &tables, images.as_ref(), &mut samples, monitor)?;
    monitor.check()?;
    let count = tables.stations.len();
    let station_split = SoilSplit::by_station(count, spec.seed);
    let time_split = SoilSplit::by_time(&samples.rows);
    if station_split.is_none() {
        monitor.warn(format!(
            "fewer than {FEWEST_STATIONS} stations: only days are held out, so what a map says between the stations is not validated"
        ));
    }
    if station_split.is_none() && time_split.is_none() {
        return Err(Failure::new(
            "all values are of one day of one place: nothing can be held out, and nothing learnt; add stations or days",
        )
        .into());
    }
    let mut methods = Vec::new();
    if let Some(taught) = &mut taught {
        let splits = [station_split.as_ref(), time_split.as_ref()];
        methods.push(network_method(
            spec, taught, &samples, splits, count, monitor,
        )?);
    }
    let baselines = SoilBaseline::of(&samples);
    let total = baselines.len() as u64;
    for (done, baseline) in baselines.into_iter().enumerate() {
        monitor.check()?;
        monitor.progress("validating", done as u64, total);
        let held = |split: Option<&SoilSplit>| -> JobResult<Option<Held>> {
            let Some(split) = split else {
                return Ok(None);
            };
            let estimates = baseline.held_out(&samples, split)?;
            let accuracy = SoilAccuracy::of(&samples.rows, &estimates, count);
            Ok(Some(Held {
                estimates,
                accuracy,
            }))
        };
        methods.push(Method {
            key: baseline.key(),
            title: baseline.title().to_owned(),
            by_station: held(station_split.as_ref())?,
            by_time: held(time_split.as_ref())?,
        });
    }
    say_standing(&methods, monitor);
    std::fs::create_dir_all(&spec.out)
        .map_err(|error| Failure::io("the folder cannot be made", &spec.out, &error))?;
    let places = places_of(&tables, images.as_ref());
    let findings = Findings {
        spec,
        tables: &tables,
        places,
        rows: &samples.rows,
        predictors: &samples.index.names,
        methods,
        station_split,
        time_split,
        images: images.as_ref(),
        field: field.as_ref(),
        taught: taught.as_ref(),
        weather: weather_of(&tables),
        warnings: monitor.warnings(),
        started,
    };
    let mut written = Vec::new();
    if let Some(images) = &images {
        written.extend(map::write_maps(
            &findings, images, &samples, share, monitor,
        )?);
    }
    // What was found on the stations is the same for all shards: a run without them writes it.
    if share.is_shard() {
        let seconds = begun.elapsed().as_secs_f64();
        return Ok(Outcome {
            summary: format!("{} maps, {seconds:.1} s", written.len()),
            files: written,
            metrics: metrics(&findings, seconds),
            warnings: monitor.warnings(),
        });
    }
    let mut all: Vec<PathBuf> = written.clone();
    all.extend(report::write_report(&findings)?);
    let job = JobSpec::Soil(spec.clone());
    let text = json!({"spec": job, "command": command_line(&job), "app_version": env!("CARGO_PKG_VERSION")});
    let job_file = spec.out.join("job.json");
    write_renamed(&job_file, format!("{text:#}\n").as_bytes())?;
    all.push(job_file);
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Outcome {
        files: all,
        summary: format!("{}, {seconds:.1} s", sentence(&findings)),
        metrics: metrics(&findings, seconds),
        warnings: monitor.warnings(),
    })
}

/// Opens the field and reads it at the stations; rows of stations it has no data at are left out for all methods.
/// The mean of rows of numbers; `None` without any.
fn mean_of(rows: &[Vec<f32>]) -> Option<Vec<f32>> {
    let first = rows.first()?;
    let mean = |at: usize| {
        let sum: f32 = rows.iter().filter_map(|row| row.get(at)).sum();
        sum / rows.len() as f32
    };
    Some((0..first.len()).map(mean).collect())
}

fn with_field(
    spec: &SoilSpec,
    images: Option<&Images>,
    samples: &mut SoilSamples,
    monitor: &Monitor<'_>,
) -> JobResult<Option<Field>> {
    let (Some(path), Some(images)) = (&spec.field, images) else {
        return Ok(None);
    };
    let field = Field::open(path, &images.archive.grid, monitor)?;
    let mut of_station = Vec::new();
    for ground in &images.grounds {
        let mut of_pixels = Vec::with_capacity(ground.len());
        for (col, row) in ground {
            let pixel = Window {
                col: *col,
                row: *row,
                width: 1,
                height: 1,
            };
            of_pixels.extend(field.read_blocking(pixel)?.into_iter().flatten());
        }
        of_station.push(mean_of(&of_pixels));
    }
    let lacking = samples.add_field(&field.names(), &of_station);
    if samples.rows.is_empty() {
        return Err(Failure::new(format!(
            "the field has no data at any station; choose a field of the same place\n{}",
            path.display()
        ))
        .into());
    }
    if lacking > 0 {
        monitor.warn(format!(
            "{lacking} values are left out: the field has no data at their station"
        ));
    }
    Ok(Some(field))
}

/// Opens the network and embeds the stations; rows without an image it can use are left out for all methods.
fn embedded(
    spec: &SoilSpec,
    tables: &StationTables,
    images: Option<&Images>,
    samples: &mut SoilSamples,
    monitor: &Monitor<'_>,
) -> JobResult<Option<Taught>> {
    let (Some(weights), Some(archive), Some(images)) = (&spec.model, &spec.archive, images) else {
        return Ok(None);
    };
    if tables
        .stations
        .iter()
        .any(|station| station.cell_m.is_some())
    {
        monitor.warn(
            "the network looks at the middle of each cell of a coarse grid, not at all of it",
        );
    }
    let network = Network::open(weights, archive, &spec.device, monitor)?;
    let mut rows = network.rows_blocking(tables, images, &samples.rows, monitor)?;
    let keep = rows.is_there.clone();
    let lacking = keep.iter().filter(|is_there| !**is_there).count();
    if lacking == keep.len() {
        return Err(Failure::new(
            "no value has an image before its day that is clear around its station, so the network has nothing to look at; choose \
             images of the same months",
        )
        .into());
    }
    if lacking > 0 {
        monitor.warn(format!(
            "{lacking} values are left out: no image of the 30 days before is clear enough around their station for the network"
        ));
        samples.keep(&keep);
        rows.keep(&keep);
    }
    Ok(Some(Taught {
        network,
        rows,
        heads: Vec::new(),
    }))
}

/// Teaches the head anew for every part; those of the stations are kept.
fn network_method(
    spec: &SoilSpec,
    taught: &mut Taught,
    samples: &SoilSamples,
    [by_station, by_time]: [Option<&SoilSplit>; 2],
    stations: usize,
    monitor: &Monitor<'_>,
) -> JobResult<Method> {
    let values: Vec<f64> = samples.rows.iter().map(|row| row.value).collect();
    let mut heads = Vec::new();
    let mut held = |split: Option<&SoilSplit>| -> JobResult<Option<Held>> {
        let Some(split) = split else {
            return Ok(None);
        };
        let mut part = 0;
        let estimates = held_out(&samples.rows, split, |train, test| -> JobResult<Vec<f64>> {
            monitor.progress("teaching the head", part, split.parts() as u64);
            part += 1;
            let head = taught
                .network
                .learn(&taught.rows, &values, train, spec.seed, monitor)?;
            let estimates = taught.rows.estimates(&head, test)?;
            if matches!(split, SoilSplit::Stations { .. }) {
                heads.push(head);
            }
            Ok(estimates)
        })?;
        Ok(Some(Held {
            accuracy: SoilAccuracy::of(&samples.rows, &estimates, stations),
            estimates,
        }))
    };
    let method = Method {
        key: NETWORK,
        title: "KG-VSF with a head".to_owned(),
        by_station: held(by_station)?,
        by_time: held(by_time)?,
    };
    taught.heads = heads;
    Ok(method)
}

/// Where a simple estimate does better than the network, that is said.
fn say_standing(methods: &[Method], monitor: &Monitor<'_>) {
    let rmse = |method: &Method| method.headline().and_then(|held| held.accuracy.pooled.rmse);
    let Some(own) = methods
        .iter()
        .find(|method| method.key == NETWORK)
        .and_then(rmse)
    else {
        return;
    };
    let best = methods
        .iter()
        .filter(|method| method.key != NETWORK)
        .filter_map(|method| Some((rmse(method)?, method)))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((simple, method)) = best.filter(|(simple, _)| *simple <= own) {
        monitor.warn(format!(
            "the network is no better here than the simple {}: RMSE {own:.4} against {simple:.4} m³/m³; believe its map no more than that",
            method.title
        ));
    }
}

/// `Ridge regression on 10614 values of 30 stations: RMSE 0.0812 m3/m3, R2 0.60 at stations held out (mean 0.1342)`.
fn sentence(findings: &Findings<'_>) -> String {
    let mut text = format!(
        "Soil moisture of {} values of {} stations",
        findings.rows.len(),
        findings.tables.stations.len()
    );
    let what = if findings.station_split.is_some() {
        "at stations held out"
    } else {
        "on the last days, held out"
    };
    let parts: Vec<String> = findings
        .methods
        .iter()
        .filter_map(|method| {
            let rmse = method.headline()?.accuracy.pooled.rmse?;
            Some(format!("{} {rmse:.4}", method.title))
        })
        .collect();
    text += &format!("; RMSE {what}, m3/m3: {}", parts.join(", "));
    text
}

fn metrics(findings: &Findings<'_>, seconds: f64) -> Vec<(String, f64)> {
    let mut metrics = vec![
        ("stations".to_owned(), findings.tables.stations.len() as f64),
        ("values".to_owned(), findings.rows.len() as f64),
        ("seconds".to_owned(), seconds),
    ];
    for method in &findings.methods {
        for (split, held) in [("station", &method.by_station), ("time", &method.by_time)] {
            let Some(held) = held else {
                continue;
            };
            for (name, value) in [
                ("rmse", held.accuracy.pooled.rmse),
                ("ubrmse", held.accuracy.pooled.ubrmse),
                ("r2", held.accuracy.pooled.r2_determination),
                ("station_ubrmse", held.accuracy.mean_over_stations.ubrmse),
                ("station_r", held.accuracy.mean_over_stations.r),
            ] {
                metrics
                    .extend(value.map(|value| (format!("{}_{split}_{name}", method.key), value)));
            }
        }
    }
    metrics
}

fn say_left_out(samples: &SoilSamples, monitor: &Monitor<'_>) {
    if samples.without_weather > 0 {
        monitor.warn(format!(
            "{} values are left out: too much weather before their day is missing",
            samples.without_weather
        ));
    }
    if samples.without_image > 0 {
        monitor.warn(format!(
            "{} values are left out: no clear image of the 30 days before shows their place",
            samples.without_image
        ));
    }
}

/// Where stations stand, degrees.
fn places_of(tables: &StationTables, images: Option<&Images>) -> Vec<Option<(f64, f64)>> {
    tables
        .stations
        .iter()
        .map(|station| match station.place? {
            terroir_scene::StationPlace::LonLat { lon, lat } => Some((lon, lat)),
            terroir_scene::StationPlace::Map { x, y } => images?.degrees_of(x, y),
        })
        .collect()
}

/// The tables the weather comes from.
fn weather_of(tables: &StationTables) -> String {
    let mut names: Vec<&str> = tables
        .stations
        .iter()
        .filter_map(|station| Some(station.weather.as_ref()?.source.as_str()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

#[cfg(test)]
mod tests;
