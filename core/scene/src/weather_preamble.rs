//! What stands before the header of a weather table: place, elevation, time zone and units as Daymet, Open-Meteo and NASA POWER
//! write them (tasks.md 3.2). Knows words; rows are read in `weather_text.rs`.

use std::collections::HashMap;

use crate::weather_columns::{Layout, plain_name};

/// What stands before the header.
#[derive(Default)]
pub(crate) struct Preamble {
    pub layout: Option<Layout>,
    pub place: Option<(f64, f64)>,
    pub elevation_m: Option<f64>,
    pub utc_offset_s: i64,
    /// Units of columns by plain name.
    pub units: HashMap<String, String>,
    /// By the identifier in the column `location_id`.
    pub locations: HashMap<String, Location>,
    /// Byte at which the header begins.
    pub start: usize,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Location {
    pub place: Option<(f64, f64)>,
    pub elevation_m: Option<f64>,
    pub utc_offset_s: i64,
}

/// Lines with the byte they begin at.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim())
    })
}

/// What stands before the header, by its first words.
pub(crate) fn read_preamble(text: &str) -> Preamble {
    let first = lines(text)
        .map(|(_, line)| line)
        .find(|line| !line.is_empty());
    let lower = first.unwrap_or_default().to_lowercase();
    if lower.contains("-begin header-") {
        power_preamble(text)
    } else if lower.contains("latitude,longitude,elevation,utc_offset_seconds") {
        open_meteo_preamble(text)
    } else if lower.starts_with("latitude:") {
        daymet_preamble(text)
    } else {
        let start = lines(text)
            .find(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map_or(0, |(start, _)| start);
        Preamble {
            start,
            ..Preamble::default()
        }
    }
}

fn power_preamble(text: &str) -> Preamble {
    let mut preamble = Preamble {
        layout: Some(Layout::NasaPower),
        start: text.len(),
        ..Preamble::default()
    };
    let mut is_over = false;
    for (start, line) in lines(text) {
        let lower = line.to_lowercase();
        if is_over && !line.is_empty() {
            preamble.start = start;
            break;
        }
        if lower.contains("-end header-") {
            is_over = true;
        } else if lower.starts_with("location:") {
            preamble.place = place_in(&lower);
        } else if lower.starts_with("elevation") {
            preamble.elevation_m = lower.rsplit('=').next().and_then(first_number);
        } else if let Some((name, rest)) = line.split_once(char::is_whitespace)
            && let Some((_, unit)) = rest.trim_end().rsplit_once('(')
            && let Some(unit) = unit.strip_suffix(')')
        {
            preamble
                .units
                .insert(plain_name(name), unit.trim().to_owned());
        }
    }
    preamble
}

fn daymet_preamble(text: &str) -> Preamble {
    let mut preamble = Preamble {
        layout: Some(Layout::Daymet),
        start: text.len(),
        ..Preamble::default()
    };
    for (start, line) in lines(text).take(40) {
        let lower = line.to_lowercase();
        if lower.starts_with("latitude:") {
            preamble.place = place_in(&lower);
        } else if lower.starts_with("elevation:") {
            preamble.elevation_m = first_number(&lower);
        } else if lower.replace(' ', "").starts_with("year,yday") {
            preamble.start = start;
            break;
        }
    }
    preamble
}

fn open_meteo_preamble(text: &str) -> Preamble {
    let mut preamble = Preamble {
        layout: Some(Layout::OpenMeteo),
        start: text.len(),
        ..Preamble::default()
    };
    let mut rows = lines(text).skip_while(|(_, line)| line.is_empty());
    let header: Vec<String> = rows
        .next()
        .map(|(_, line)| line.split(',').map(plain_name).collect())
        .unwrap_or_default();
    let mut is_over = false;
    for (start, line) in rows {
        if line.is_empty() {
            is_over = true;
            continue;
        }
        if is_over {
            preamble.start = start;
            break;
        }
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |name: &str| {
            let at = header.iter().position(|known| known == name)?;
            cells.get(at).copied()
        };
        let number = |name: &str| {
            cell(name)?
                .parse::<f64>()
                .ok()
                .filter(|value| value.is_finite())
        };
        let location = Location {
            place: number("latitude").zip(number("longitude")),
            elevation_m: number("elevation"),
            utc_offset_s: number("utc_offset_seconds").unwrap_or(0.0) as i64,
        };
        if preamble.locations.is_empty() {
            preamble.place = location.place;
            preamble.elevation_m = location.elevation_m;
            preamble.utc_offset_s = location.utc_offset_s;
        }
        let id = cell("location_id").unwrap_or("0").to_owned();
        preamble.locations.insert(id, location);
    }
    preamble
}

/// `latitude 38.9 longitude -77.0`, with or without colons, in lower case.
fn place_in(lower: &str) -> Option<(f64, f64)> {
    let after = |word: &str| first_number(lower.split_once(word)?.1);
    after("latitude").zip(after("longitude"))
}

fn first_number(text: &str) -> Option<f64> {
    text.split(|letter: char| letter.is_whitespace() || matches!(letter, ':' | ',' | ';'))
        .find_map(|word| word.parse().ok())
}
