//! Files of the International Soil Moisture Network (`.stm`), both formats, whatever their line ends. Knows this one layout.

use std::path::Path;

use jiff::civil::{Date, Time};

use crate::station::text_blocking;
use crate::station_days::{RawSeries, RawValue};
use crate::{SceneError, SceneResult, StationPlace};

/// Quantities an ISMN file name may tell.
const QUANTITIES: [&str; 8] = ["sm", "su", "ts", "ta", "p", "tsf", "sd", "sweq"];

/// The series of a file; `None` where it holds another quantity and was not named itself.
///
/// # Errors
/// A file that is no ISMN file, or of another quantity.
pub(crate) fn read_ismn_blocking(path: &Path, is_named: bool) -> SceneResult<Option<RawSeries>> {
    if let Some(other) = quantity_in_name(path).filter(|quantity| quantity != "sm") {
        if is_named {
            return Err(SceneError::file(
                path,
                format!("this ISMN file holds `{other}`, not soil moisture (`sm`); choose another"),
            ));
        }
        return Ok(None);
    }
    parse(&text_blocking(path)?)
        .map(Some)
        .map_err(|what| SceneError::file(path, what))
}

/// The third field from the left if station and network have no `_`: the last known word before two depths.
fn quantity_in_name(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let fields: Vec<&str> = stem.split('_').collect();
    fields
        .windows(3)
        .rev()
        .find(|three| {
            QUANTITIES.contains(&three[0])
                && three[1..].iter().all(|depth| depth.parse::<f64>().is_ok())
        })
        .map(|three| three[0].to_owned())
}

/// Lines end with any run of CR and LF; some end with LF CR.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(
        text.split(['\r', '\n'])
            .map(str::trim)
            .filter(|line| !line.is_empty()),
    )
}

fn parse(text: &str) -> Result<RawSeries, String> {
    let first = lines(text)
        .next()
        .map(|(_, line)| line.trim_start_matches('\u{feff}'))
        .ok_or("this ISMN file is empty")?;
    let token = first.split_whitespace().next().unwrap_or_default();
    if date(token).is_some() {
        ceop(text)
    } else {
        header_values(first, text)
    }
}

/// Header: CSE network station latitude longitude elevation depth_from depth_to sensor; then date, time, value, flags.
fn header_values(header: &str, text: &str) -> Result<RawSeries, String> {
    let words: Vec<&str> = header.split_whitespace().collect();
    let numbers_at = |at: usize| -> Option<[f64; 5]> {
        let found: Vec<f64> = words
            .get(at..at + 5)?
            .iter()
            .map_while(|word| word.parse().ok())
            .collect();
        found.try_into().ok()
    };
    let found = (3..words.len()).find_map(|at| Some((at, numbers_at(at)?)));
    let Some((at, [lat, lon, _, from, to])) = found else {
        return Err("this is no ISMN file: its first line is neither a date nor `CSE network station latitude longitude elevation depth \
                    depth sensor`"
            .to_owned());
    };
    let mut series = RawSeries {
        station: named(words[1], &words[2..at]),
        place: place(lat, lon)?,
        depth_m: Some((from, to)),
        ..RawSeries::default()
    };
    for (line, text) in lines(text).skip(1) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [day, hour, value, rest @ ..] = words.as_slice() else {
            return Err(cut(line));
        };
        series
            .values
            .push(value_of(line, (day, hour), value, rest.first())?);
    }
    Ok(series)
}

/// Nominal date and time, actual date and time, CSE, network, station, latitude, longitude, elevation, depth from, depth to,
/// value, flag, the provider's flag.
fn ceop(text: &str) -> Result<RawSeries, String> {
    const BEFORE_STATION: usize = 6;
    let mut series = RawSeries::default();
    for (line, text) in lines(text) {
        let words: Vec<&str> = text
            .trim_start_matches('\u{feff}')
            .split_whitespace()
            .collect();
        // Numbers stand behind a station whose name may be of several words.
        let numbers = (BEFORE_STATION + 1..words.len()).find_map(|at| {
            let found: Vec<f64> = words
                .get(at..at + 6)?
                .iter()
                .map_while(|word| word.parse().ok())
                .collect();
            let found: [f64; 6] = found.try_into().ok()?;
            Some((at, found))
        });
        let Some((at, [lat, lon, _, from, to, _])) = numbers else {
            return Err(cut(line));
        };
        if series.values.is_empty() {
            series.station = named(words[5], &words[BEFORE_STATION..at]);
            series.place = place(lat, lon)?;
            series.depth_m = Some((from, to));
        }
        series.values.push(value_of(
            line,
            (words[0], words[1]),
            words[at + 5],
            words.get(at + 6),
        )?);
    }
    Ok(series)
}

fn cut(line: usize) -> String {
    format!("line {line} of this ISMN file is cut short; fetch the file again, or remove the line")
}

fn named(network: &str, station: &[&str]) -> String {
    format!("{network} {}", station.join(" "))
}

fn place(lat: f64, lon: f64) -> Result<Option<StationPlace>, String> {
    if !(-90.0..=90.0).contains(&lat) || !(-360.0..=360.0).contains(&lon) {
        return Err(format!(
            "the station lies at latitude {lat}, longitude {lon}, which is nowhere on Earth; check the file"
        ));
    }
    Ok(Some(StationPlace::LonLat { lon, lat }))
}

fn value_of(
    line: usize,
    (day, hour): (&str, &str),
    value: &str,
    flag: Option<&&str>,
) -> Result<RawValue, String> {
    let date =
        date(day).ok_or_else(|| format!("line {line} of this ISMN file has no date (`{day}`)"))?;
    let time = time(hour)
        .ok_or_else(|| format!("line {line} of this ISMN file has no time (`{hour}`)"))?;
    let value = value
        .parse::<f64>()
        .map_err(|_| format!("line {line} of this ISMN file has no value (`{value}`)"))?;
    Ok(RawValue {
        date,
        time: Some(time),
        value,
        flag: Some(flag.map_or_else(String::new, |flag| (*flag).to_owned())),
        line,
    })
}

/// `2017/08/10`.
fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// `13:00`.
fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let minute = minute.split(':').next()?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}
