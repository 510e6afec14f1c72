//! A made world in which weather drives the land by known rules (specification kg-vsf 8), written as a user's files: dated images
//! of places and a table of daily weather each.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use terroir_models::Stream;
use terroir_scene::{Crs, GeoTransform, Georef, Grid, MapKind, MapWriter};

pub(crate) const SIDE: usize = 32;
const CLASSES: usize = 4;
/// Reflectance of bare soil and of plants in six bands.
const SOIL: [f64; 6] = [0.10, 0.14, 0.19, 0.28, 0.36, 0.32];
const PLANTS: [f64; 6] = [0.03, 0.06, 0.04, 0.45, 0.22, 0.10];
/// Bands by name and wavelength.
pub(crate) const BANDS: [&str; 6] = ["B02", "B03", "B04", "B8A", "B11", "B12"];
const GREENEST: [f64; CLASSES] = [0.95, 0.85, 0.80, 0.12];
const SLOWNESS: [f64; CLASSES] = [8.0, 20.0, 60.0, 10.0];
const HARVEST: [Option<i64>; CLASSES] = [Some(230), Some(280), None, None];

/// A place: images every five days and weather of every day.
pub(crate) struct WorldSite {
    pub images: PathBuf,
    pub weather: PathBuf,
}

struct Day {
    tmin: f64,
    tmax: f64,
    rain: f64,
    sun: f64,
    vapour: f64,
}

fn normal(chance: &mut Stream) -> f64 {
    f64::from(chance.normal())
}

/// Marsaglia and Tsang for a shape below 1.
fn gamma(shape: f64, scale: f64, chance: &mut Stream) -> f64 {
    let boost = chance.uniform().powf(1.0 / shape);
    let d = shape + 1.0 - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(chance);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && chance.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v * boost * scale;
        }
    }
}

fn weather(days: usize, dryness: f64, chance: &mut Stream) -> Vec<Day> {
    let (mut noise, mut is_wet) = (0.0, false);
    (0..days)
        .map(|day| {
            let turn = |shift: f64| std::f64::consts::TAU * (day as f64 - shift) / 365.25;
            noise = 0.8 * noise + 1.5 * normal(chance);
            let mean = 12.0 - 11.0 * turn(15.0).cos() + noise;
            is_wet = chance.uniform() < if is_wet { 0.55 } else { 0.15 };
            let rain = if is_wet {
                gamma(0.7, 9.0, chance) * dryness
            } else {
                0.0
            };
            let tmin = mean - 5.0;
            let shade = if is_wet { 0.55 } else { 1.0 };
            let sun = (15.0 + 9.0 * turn(172.0).cos()) * shade * (1.0 + 0.08 * normal(chance));
            Day {
                tmin,
                tmax: mean + if is_wet { 4.0 } else { 7.0 },
                rain,
                sun: sun.max(0.5),
                vapour: 0.6108 * (17.27 * tmin / (tmin + 237.3)).exp(),
            }
        })
        .collect()
}

/// Soil moisture of every day, and how green each class is.
fn land(weather: &[Day]) -> (Vec<f64>, Vec<[f64; CLASSES]>) {
    let (mut water, mut green) = (60.0_f64, [0.08; CLASSES]);
    let mut temperatures: Vec<f64> = Vec::new();
    let (mut moisture, mut greens) = (Vec::new(), Vec::new());
    for (number, day) in weather.iter().enumerate() {
        let mean = (day.tmin + day.tmax) / 2.0;
        let wanted = 0.2856 * day.sun / (1.0 + (-(mean - 5.0) / 3.0).exp());
        water += day.rain - wanted * (water / 60.0).min(1.0) - 0.1 * (water - 96.0).max(0.0);
        water = water.clamp(0.0, 120.0);
        moisture.push(0.05 + 0.40 * water / 120.0);
        temperatures.push(mean);
        let from = temperatures.len().saturating_sub(30);
        let recent = &temperatures[from..];
        let warmth = recent.iter().sum::<f64>() / recent.len() as f64;
        let day_of_year = (number % 365) as i64;
        for class in 0..CLASSES {
            let is_bare = HARVEST[class].is_some_and(|harvest| day_of_year > harvest);
            let is_fresh = HARVEST[class].is_some_and(|harvest| day_of_year <= harvest + 10);
            let grown = 0.08
                + (GREENEST[class] - 0.08)
                    * ((warmth - 5.0) / 15.0).clamp(0.0, 1.0)
                    * (water / 72.0).clamp(0.0, 1.0);
            let target = if is_bare { 0.08 } else { grown };
            let slowness = if is_bare && is_fresh {
                3.0
            } else {
                SLOWNESS[class]
            };
            green[class] += (target - green[class]) / slowness;
        }
        greens.push(green);
    }
    (moisture, greens)
}

fn grid(number: usize) -> Grid {
    let left = 500_000.0 + 10_000.0 * number as f64;
    Grid {
        width: SIDE,
        height: SIDE,
        georef: Georef {
            transform: Some(GeoTransform([left, 20.0, 0.0, 5_600_000.0, 0.0, -20.0])),
            crs: Crs::parse("EPSG:32631").ok(),
            ..Georef::default()
        },
    }
}

/// Writes a place of `days` days from 2018 on.
pub(crate) fn write_site(folder: &Path, number: usize, days: usize) -> WorldSite {
    let mut chance = Stream::new(11, &format!("site {number}"));
    let dryness = 0.3 + 1.2 * chance.uniform();
    let weather = weather(days, dryness, &mut chance);
    let (moisture, greens) = land(&weather);
    let fields: Vec<[f64; 2]> = (0..14)
        .map(|_| [0, 1].map(|_| SIDE as f64 * chance.uniform()))
        .collect();
    let kinds: Vec<(usize, f64, f64)> = fields
        .iter()
        .map(|_| {
            let class = ((chance.uniform() * CLASSES as f64) as usize).min(CLASSES - 1);
            (
                class,
                1.0 + 0.12 * normal(&mut chance),
                1.0 + 0.10 * normal(&mut chance),
            )
        })
        .collect();
    let field_at = |row: usize, col: usize| {
        let off =
            |field: &[f64; 2]| (field[0] - row as f64).powi(2) + (field[1] - col as f64).powi(2);
        (0..fields.len())
            .min_by(|a, b| off(&fields[*a]).total_cmp(&off(&fields[*b])))
            .unwrap()
    };
    let images = folder.join(format!("site_{number}"));
    fs::create_dir(&images).unwrap();
    let first = date(2018, 1, 1);
    for day in (0..days).step_by(5) {
        let kind = chance.uniform();
        if kind < 0.35 {
            continue;
        }
        let cloud = (kind < 0.60).then(|| {
            let middle = [0, 1].map(|_| SIDE as f64 * chance.uniform());
            (middle, 4.0 + 10.0 * chance.uniform())
        });
        let mut values = vec![0.0; 6 * SIDE * SIDE];
        for row in 0..SIDE {
            for col in 0..SIDE {
                let (class, vigour, brightness) = kinds[field_at(row, col)];
                let cover = (greens[day][class] * vigour).clamp(0.0, 1.0);
                let dark = 1.0 - 0.45 * (moisture[day] - 0.05) / 0.40;
                let is_cloud = cloud.is_some_and(|(middle, radius)| {
                    (middle[0] - row as f64).hypot(middle[1] - col as f64) < radius
                });
                for band in 0..6 {
                    let soil = SOIL[band] * dark * brightness;
                    let seen =
                        soil * (1.0 - cover) + PLANTS[band] * cover + 0.005 * normal(&mut chance);
                    values[(band * SIDE + row) * SIDE + col] =
                        if is_cloud { f32::NAN } else { seen as f32 };
                }
            }
        }
        write_image(&images, first, day, &grid(number), &values);
    }
    let mut text =
        "date,tmin (degC),tmax (degC),prcp (mm/day),srad (MJ/m2/day),vp (kPa)\n".to_owned();
    for (number, day) in weather.iter().enumerate() {
        let date = first + (number as i64).days();
        writeln!(
            text,
            "{date},{:.3},{:.3},{:.3},{:.3},{:.4}",
            day.tmin, day.tmax, day.rain, day.sun, day.vapour
        )
        .unwrap();
    }
    let table = folder.join(format!("site_{number}.csv"));
    fs::write(&table, text).unwrap();
    WorldSite {
        images,
        weather: table,
    }
}

fn write_image(folder: &Path, first: Date, day: usize, grid: &Grid, values: &[f32]) {
    let date = first + (day as i64).days();
    let bands: Vec<(String, String)> = BANDS
        .iter()
        .map(|band| ((*band).to_owned(), String::new()))
        .collect();
    let kind = MapKind::Continuous {
        bands,
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(&folder.join(format!("S2_{date}.tif")), grid, kind).unwrap();
    writer.write_floats(grid.window(), values).unwrap();
    writer.finish(&Vec::new()).unwrap();
}
