//! Weather tables of a soil-moisture job: opened, their units confirmed, and the nearest given to each station. Knows tables and
//! stations.

use std::sync::Arc;

use terroir_scene::{
    SceneError, Station, StationPlace, StationTables, StationWeather, WeatherSpec, WeatherTable,
};

use crate::monitor::{JobResult, Monitor};
use crate::provenance::file_name;

/// Gives every station the nearest of the tables; without tables each keeps what came with it.
///
/// # Errors
/// A table that cannot be read, or whose units must be confirmed first.
pub(super) fn give_weather(
    specs: &[WeatherSpec],
    tables: &mut StationTables,
    monitor: &Monitor<'_>,
) -> JobResult<()> {
    let middle = middle_of(&tables.stations);
    let mut opened: Vec<(WeatherTable, Arc<StationWeather>)> = Vec::new();
    for spec in specs {
        monitor.check()?;
        let mut spec = spec.clone();
        // Of a file with several places the one nearest to the stations.
        spec.reading.place = spec.reading.place.or(middle);
        let table = spec.open_blocking()?;
        if let Some(doubt) = table.doubts.iter().find(|doubt| doubt.drives()) {
            return Err(SceneError::file(&spec.path, doubt.question()).into());
        }
        for note in &table.notes {
            monitor.warn(format!("weather of {}: {note}", file_name(&spec.path)));
        }
        let source = format!("{} ({})", table.source, file_name(&spec.path));
        let weather = Arc::new(StationWeather::of_table(&table, &source));
        opened.push((table, weather));
    }
    for station in &mut tables.stations {
        let nearest = opened.iter().min_by(|a, b| {
            let off = |table: &WeatherTable| distance(station, table.place);
            off(&a.0).total_cmp(&off(&b.0))
        });
        if let Some((_, weather)) = nearest {
            station.weather = Some(weather.clone());
        }
    }
    Ok(())
}

/// Mean (latitude, longitude) of the stations that say theirs.
fn middle_of(stations: &[Station]) -> Option<(f64, f64)> {
    let places: Vec<(f64, f64)> = stations
        .iter()
        .filter_map(|station| match station.place? {
            StationPlace::LonLat { lon, lat } => Some((lat, lon)),
            StationPlace::Map { .. } => None,
        })
        .collect();
    let count = places.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| places.iter().map(value).sum::<f64>() / count;
    (!places.is_empty()).then(|| (mean(|place| place.0), mean(|place| place.1)))
}

/// In degrees along a meridian; the same for all where a place is not known.
fn distance(station: &Station, table: Option<(f64, f64)>) -> f64 {
    match (station.place, table) {
        (Some(StationPlace::LonLat { lon, lat }), Some((y, x))) => {
            let across = (x - lon) * lat.to_radians().cos();
            across.hypot(y - lat)
        }
        _ => 0.0,
    }
}
