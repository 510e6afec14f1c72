//! Weather tables as text: preamble, header and rows of all sources, as columns of numbers with a time each (tasks.md 3.2).
//! Knows CSV and what stands before it; units and days are made of it in `weather_days.rs`.

use std::collections::HashMap;
use std::path::Path;

use crate::weather_columns::{Layout, Measured, layout_of, measured, name_and_unit};
use crate::weather_preamble::{Preamble, lines, read_preamble};
use crate::weather_times::{Stamp, TimeColumns};
use crate::{SceneError, SceneResult, WeatherReading};

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

impl RawTable {
    /// Whether days have several rows.
    pub fn is_by_hours(&self) -> bool {
        let pairs = self.stamps.iter().zip(self.stamps.iter().skip(1));
        pairs.into_iter().any(|(a, b)| a.date == b.date)
    }
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
