//! Weather tables as text: preamble, header and rows of all sources, as columns of numbers with a time each (tasks.md 3.2).
//! Knows CSV and what stands before it; units and days are made of it in `weather_days.rs`.

use std::collections::HashMap;
use std::path::Path;

use jiff::civil::Date;

use crate::weather_columns::{Layout, Measured, layout_of, measured, name_and_unit, plain_name};
use crate::{SceneError, SceneResult, WeatherReading};

/// When a row is: its day and, in tables of hours, the minute of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub date: Date,
    pub minute: Option<u16>,
}

/// One column as it stands in the file.
#[derive(Clone, Debug)]
pub(crate) struct RawColumn {
    pub measured: Measured,
    /// As the file calls it.
    pub name: String,
    pub unit: Option<String>,
    pub values: Vec<Option<f64>>,
}

/// Rows of one place under one header.
#[derive(Clone, Debug)]
pub(crate) struct RawTable {
    pub layout: Layout,
    pub stamps: Vec<Stamp>,
    pub columns: Vec<RawColumn>,
    /// (latitude, longitude).
    pub place: Option<(f64, f64)>,
    pub elevation_m: Option<f64>,
    /// Name of the place where a file has several.
    pub station: String,
    pub notes: Vec<String>,
}

/// What stands before the header.
#[derive(Default)]
struct Preamble {
    layout: Option<Layout>,
    place: Option<(f64, f64)>,
    elevation_m: Option<f64>,
    utc_offset_s: i64,
    /// Units of columns by plain name.
    units: HashMap<String, String>,
    /// By the identifier in the column `location_id`.
    locations: HashMap<String, Location>,
    /// Byte at which the header begins.
    start: usize,
}

#[derive(Clone, Copy, Default)]
struct Location {
    place: Option<(f64, f64)>,
    elevation_m: Option<f64>,
    utc_offset_s: i64,
}

/// Reads the tables of a text, one per block and place. Line ends of any kind, a byte order mark, and Latin-1 where the text is
/// not UTF-8 are understood.
///
/// # Errors
/// No header with a date and a known column, a date that is none.
pub(crate) fn raw_tables(
    path: &Path,
    bytes: &[u8],
    reading: &WeatherReading,
) -> SceneResult<Vec<RawTable>> {
    let text = plain_text(bytes);
    let preamble = read_preamble(&text);
    let body = text.get(preamble.start..).unwrap_or_default();
    let is_in_blocks = preamble.layout == Some(Layout::OpenMeteo);
    let mut tables = Vec::new();
    for block in blocks(body, is_in_blocks) {
        tables.extend(read_block(path, &text, block, &preamble, reading)?);
    }
    if tables.iter().all(|table| table.stamps.is_empty()) {
        return Err(SceneError::file(
            path,
            "the weather table has a header but no rows; choose another file",
        ));
    }
    Ok(tables)
}

/// UTF-8 with `\n` at the ends of lines and nothing before the first letter.
fn plain_text(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // The degree sign of older tables.
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let text = text.trim_start_matches('\u{feff}');
    if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.to_owned()
    }
}

/// Lines with the byte they begin at.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim())
    })
}

fn read_preamble(text: &str) -> Preamble {
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

/// The header and rows of each block: all of it, or what blank lines part.
fn blocks(body: &str, is_in_blocks: bool) -> Vec<&str> {
    if !is_in_blocks {
        return vec![body];
    }
    let mut blocks = Vec::new();
    let mut start = None;
    for (at, line) in lines(body) {
        match (line.is_empty(), start) {
            (true, Some(from)) => {
                blocks.extend(body.get(from..at));
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    blocks.extend(start.and_then(|from| body.get(from..)));
    blocks
}

/// Where in a row the time stands.
enum TimeColumns {
    YearAndDay(usize, usize),
    Parts {
        year: usize,
        month: usize,
        day: usize,
        hour: Option<usize>,
    },
    Text(usize, Option<usize>),
}

impl TimeColumns {
    fn find(names: &[String]) -> Option<Self> {
        let at = |wanted: &[&str]| {
            wanted
                .iter()
                .find_map(|wanted| names.iter().position(|name| name == wanted))
        };
        let hour = at(&["hr", "hour"]);
        if let Some(year) = at(&["year", "yyyy"]) {
            if let Some(day) = at(&["yday", "doy", "day_of_year", "julian_day"]) {
                return Some(Self::YearAndDay(year, day));
            }
            if let (Some(month), Some(day)) = (at(&["mo", "month", "mm"]), at(&["dy", "day", "dd"]))
            {
                return Some(Self::Parts {
                    year,
                    month,
                    day,
                    hour,
                });
            }
        }
        let time = at(&[
            "date",
            "datetime",
            "time",
            "valid_time",
            "timestamp",
            "date_time",
            "day",
            "lst_date",
            "local_date",
            "utc_date",
            "system_time_start",
            "system_index",
        ])?;
        Some(Self::Text(time, hour))
    }

    fn all(&self) -> Vec<usize> {
        match self {
            Self::YearAndDay(year, day) => vec![*year, *day],
            Self::Parts {
                year, month, day, ..
            } => vec![*year, *month, *day],
            Self::Text(time, _) => vec![*time],
        }
    }

    fn stamp(&self, record: &csv::StringRecord, utc_offset_s: i64) -> Option<Stamp> {
        // Years and days are written `1980.0` in older files.
        let whole = |at: usize| {
            let value: f64 = record.get(at)?.trim().parse().ok()?;
            (value.fract() == 0.0 && value.abs() < 1e6).then_some(value as i32)
        };
        let minute = |hour: &Option<usize>| {
            let hour = whole((*hour)?)?;
            u16::try_from(hour)
                .ok()
                .filter(|hour| *hour < 24)
                .map(|hour| hour * 60)
        };
        match self {
            Self::YearAndDay(year, day) => {
                let (year, day) = (i16::try_from(whole(*year)?).ok()?, whole(*day)?);
                let first = Date::new(year, 1, 1).ok()?;
                let most = i32::from(first.days_in_year());
                let date = (1..=most)
                    .contains(&day)
                    .then(|| crate::weather::later(first, i64::from(day) - 1))?;
                Some(Stamp { date, minute: None })
            }
            Self::Parts {
                year,
                month,
                day,
                hour,
            } => Some(Stamp {
                date: Date::new(
                    i16::try_from(whole(*year)?).ok()?,
                    i8::try_from(whole(*month)?).ok()?,
                    i8::try_from(whole(*day)?).ok()?,
                )
                .ok()?,
                minute: minute(hour),
            }),
            Self::Text(time, hour) => {
                let stamp = stamp_of(record.get(*time)?, utc_offset_s)?;
                Some(Stamp {
                    minute: stamp.minute.or_else(|| minute(hour)),
                    ..stamp
                })
            }
        }
    }
}

/// `2021-06-03`, `2021-06-03T14:30`, `20210603`, seconds or milliseconds since 1970, `Jun 3, 2021`.
pub(crate) fn stamp_of(text: &str, utc_offset_s: i64) -> Option<Stamp> {
    let text = text.trim();
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() == 8 && is_digits(text) {
        let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
        let date = Date::new(
            part(0..4)?,
            i8::try_from(part(4..6)?).ok()?,
            i8::try_from(part(6..8)?).ok()?,
        );
        return date.ok().map(|date| Stamp { date, minute: None });
    }
    if let Ok(number) = text.parse::<f64>() {
        if !(1e8..1e14).contains(&number) {
            return None;
        }
        // Milliseconds are past 1973 from 1e11 on; seconds reach that in the year 5138.
        let seconds = if number >= 1e11 {
            number / 1000.0
        } else {
            number
        };
        let time = jiff::Timestamp::from_second(seconds as i64 + utc_offset_s).ok()?;
        let time = jiff::tz::Offset::UTC.to_datetime(time);
        return Some(Stamp {
            date: time.date(),
            minute: Some(
                u16::try_from(time.hour()).ok()? * 60 + u16::try_from(time.minute()).ok()?,
            ),
        });
    }
    if let Some(date) = text.get(..10).and_then(split_date) {
        let rest = text
            .get(10..)
            .unwrap_or_default()
            .trim_start_matches(['T', ' ', '_']);
        let minute = if rest.is_empty() {
            None
        } else {
            let mut parts = rest.splitn(3, ':');
            let hour: u16 = parts.next()?.get(..2)?.parse().ok()?;
            let minute: u16 = parts
                .next()
                .map_or(Some(0), |part| part.get(..2)?.parse().ok())?;
            if hour > 23 || minute > 59 {
                return None;
            }
            Some(hour * 60 + minute)
        };
        return Some(Stamp { date, minute });
    }
    let date = Date::strptime("%b %d, %Y", text).ok()?;
    Some(Stamp { date, minute: None })
}

/// Year, month and day with `-`, `/` or `.` between.
fn split_date(text: &str) -> Option<Date> {
    let mut parts = text.split(['-', '/', '.']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_plain = year.len() == 4 && month.len() == 2 && day.len() == 2 && parts.next().is_none();
    if !is_plain {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// A cell of a column of numbers.
enum Cell {
    Value(f64),
    Missing,
    Odd,
}

fn cell(text: &str, layout: Layout, has_decimal_commas: bool) -> Cell {
    let text = text.trim();
    let lower = text.to_lowercase();
    if matches!(
        lower.as_str(),
        "" | "nan" | "na" | "n/a" | "null" | "none" | "-" | "--"
    ) {
        return Cell::Missing;
    }
    let number = if has_decimal_commas {
        text.replace(',', ".").parse::<f64>()
    } else {
        text.parse::<f64>()
    };
    match number {
        Ok(value) if value == -9999.0 || value == -999.0 || value == -99999.0 => Cell::Missing,
        Ok(value) if value == -99.0 && layout == Layout::NasaPower => Cell::Missing,
        Ok(value) if value.is_finite() => Cell::Value(value),
        _ => Cell::Odd,
    }
}

/// A column to be read: where it stands and what it is.
struct Wanted {
    at: usize,
    measured: Measured,
    name: String,
    unit: Option<String>,
}

fn wanted_columns(
    path: &Path,
    layout: Layout,
    header: &[(String, Option<String>)],
    cells: &csv::StringRecord,
    preamble: &Preamble,
    reading: &WeatherReading,
) -> SceneResult<Vec<Wanted>> {
    let mut best: Vec<(usize, Wanted)> = Vec::new();
    let wanted = |at: usize, measured: Measured| {
        let (name, unit) = header.get(at)?;
        Some(Wanted {
            at,
            measured,
            name: cells.get(at).unwrap_or(name).trim().to_owned(),
            unit: unit.clone().or_else(|| preamble.units.get(name).cloned()),
        })
    };
    for (key, column) in &reading.columns {
        let Some(measured) = Measured::of_key(key) else {
            return Err(SceneError::input(format!(
                "{key} is no weather variable; known are tmin, tmax, tmean, prcp, srad, vp, tdew, rh, wind, et0, swe and sm1"
            )));
        };
        let name = name_and_unit(column).0;
        let Some(found) = header
            .iter()
            .position(|(known, _)| *known == name)
            .and_then(|at| wanted(at, measured))
        else {
            let names: Vec<&str> = header.iter().map(|(name, _)| name.as_str()).collect();
            return Err(SceneError::file(
                path,
                format!(
                    "there is no column {column} for {key}; the columns are {}",
                    names.join(", ")
                ),
            ));
        };
        best.push((0, found));
    }
    for (at, (name, _)) in header.iter().enumerate() {
        let is_named = best.iter().any(|(_, wanted)| wanted.at == at);
        let Some((kind, rank)) = measured(layout, name).filter(|_| !is_named) else {
            continue;
        };
        let Some(found) = wanted(at, kind) else {
            continue;
        };
        match best.iter_mut().find(|(_, other)| other.measured == kind) {
            Some(other) if rank + 1 < other.0 => *other = (rank + 1, found),
            Some(_) => {}
            None => best.push((rank + 1, found)),
        }
    }
    Ok(best.into_iter().map(|(_, wanted)| wanted).collect())
}

fn read_block(
    path: &Path,
    text: &str,
    block: &str,
    preamble: &Preamble,
    reading: &WeatherReading,
) -> SceneResult<Vec<RawTable>> {
    let head = block.lines().next().unwrap_or_default();
    let count = |letter: char| head.matches(letter).count();
    let delimiter = [';', '\t', ',']
        .into_iter()
        .max_by_key(|letter| count(*letter))
        .unwrap_or(',');
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(delimiter as u8)
        .from_reader(block.as_bytes());
    let not_csv = |error: csv::Error| {
        SceneError::file(path, "the weather table cannot be read as CSV").with_details(error)
    };
    let cells = reader.headers().map_err(not_csv)?.clone();
    let header: Vec<(String, Option<String>)> = cells.iter().map(name_and_unit).collect();
    let names: Vec<String> = header.iter().map(|(name, _)| name.clone()).collect();
    let layout = preamble.layout.unwrap_or_else(|| layout_of(&names));
    let wanted = wanted_columns(path, layout, &header, &cells, preamble, reading)?;
    let Some(time) = TimeColumns::find(&names) else {
        return Err(SceneError::file(
            path,
            format!(
                "this is no weather table: it has no column date (or year and yday); its first line is \"{}\"",
                shortened(head)
            ),
        ));
    };
    if wanted.is_empty() {
        return Err(SceneError::file(
            path,
            format!(
                "no column of the table is known; name them tmin, tmax, prcp, srad, vp, or say which they are (--column \
                 tmax=NAME); its columns are {}",
                shortened(&names.join(", "))
            ),
        ));
    }
    let at = |wanted: &[&str]| {
        names
            .iter()
            .position(|name| wanted.contains(&name.as_str()))
    };
    let (latitude, longitude) = (
        at(&["latitude", "lat"]),
        at(&["longitude", "lon", "lng", "long"]),
    );
    let station = at(&["location_id", "station", "station_id", "site", "wban"]);
    let mut tables: Vec<RawTable> = Vec::new();
    let mut by_key: HashMap<String, usize> = HashMap::new();
    let mut odd: Vec<(usize, String)> = vec![(0, String::new()); wanted.len()];
    // The block is a part of the text.
    let start = (block.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let first_line = text.get(..start).unwrap_or_default().matches('\n').count();
    for record in reader.records() {
        let record = record.map_err(not_csv)?;
        let line = first_line + record.position().map_or(0, |position| position.line()) as usize;
        let is_blank = record.iter().all(|cell| cell.trim().is_empty());
        if is_blank || record.get(0).is_some_and(|cell| cell.starts_with('#')) {
            continue;
        }
        let of = |column: Option<usize>| column.and_then(|at| record.get(at)).map(str::trim);
        let id = of(station).unwrap_or_default().to_owned();
        let location = preamble.locations.get(&id).copied();
        let offset = location.map_or(preamble.utc_offset_s, |location| location.utc_offset_s);
        let Some(stamp) = time.stamp(&record, offset) else {
            let written: Vec<&str> = time.all().iter().filter_map(|at| record.get(*at)).collect();
            return Err(SceneError::file(
                path,
                format!(
                    "line {line} of the weather table has no date: \"{}\"; write dates as 2021-06-03 (with hours: \
                     2021-06-03T14:00)",
                    shortened(&written.join(" "))
                ),
            ));
        };
        let key = format!(
            "{id} {} {}",
            of(latitude).unwrap_or_default(),
            of(longitude).unwrap_or_default()
        );
        let index = *by_key.entry(key).or_insert_with(|| {
            let number = |column| of(column)?.parse::<f64>().ok();
            tables.push(RawTable {
                layout,
                stamps: Vec::new(),
                columns: wanted
                    .iter()
                    .map(|wanted| RawColumn {
                        measured: wanted.measured,
                        name: wanted.name.clone(),
                        unit: wanted.unit.clone(),
                        values: Vec::new(),
                    })
                    .collect(),
                place: number(latitude)
                    .zip(number(longitude))
                    .or_else(|| location.and_then(|location| location.place))
                    .or(preamble.place),
                elevation_m: location
                    .and_then(|location| location.elevation_m)
                    .or(preamble.elevation_m),
                station: id,
                notes: Vec::new(),
            });
            tables.len() - 1
        });
        let Some(table) = tables.get_mut(index) else {
            continue;
        };
        table.stamps.push(stamp);
        for ((column, wanted), odd) in table.columns.iter_mut().zip(&wanted).zip(&mut odd) {
            let text = record.get(wanted.at).unwrap_or_default();
            column
                .values
                .push(match cell(text, layout, delimiter == ';') {
                    Cell::Value(value) => Some(value),
                    Cell::Missing => None,
                    Cell::Odd => {
                        odd.0 += 1;
                        if odd.1.is_empty() {
                            odd.1 = format!("line {line}: \"{}\"", shortened(text));
                        }
                        None
                    }
                });
        }
    }
    for ((count, example), wanted) in odd.iter().zip(&wanted) {
        if *count > 0
            && let Some(table) = tables.first_mut()
        {
            table.notes.push(format!(
                "{count} cells of {} are no numbers and count as missing ({example})",
                wanted.name
            ));
        }
    }
    Ok(tables)
}

/// At most eighty letters of what a file says.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_sources_write_them() {
        let day = Date::constant(2021, 6, 3);
        let at = |text: &str| stamp_of(text, 0);
        for text in [
            "2021-06-03",
            "20210603",
            "2021/06/03",
            "Jun 3, 2021",
            "Jun 03, 2021",
        ] {
            assert_eq!(
                at(text),
                Some(Stamp {
                    date: day,
                    minute: None
                }),
                "{text}"
            );
        }
        for text in [
            "2021-06-03T14:30",
            "2021-06-03 14:30:00",
            "2021-06-03T14:30:00Z",
            "1622730600",
            "1622730600000",
            "1.6227306E12",
        ] {
            let minute = Some(14 * 60 + 30);
            assert_eq!(at(text), Some(Stamp { date: day, minute }), "{text}");
        }
        // Seconds are UTC; the day is the place's.
        let late = stamp_of("1622761200", 7200);
        assert_eq!(
            late.map(|stamp| stamp.date),
            Some(Date::constant(2021, 6, 4))
        );
        for text in [
            "",
            "03.06.2021",
            "2021-13-01",
            "2021-02-30",
            "5",
            "2021-06-03T25:00",
            "x",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
