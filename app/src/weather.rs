//! The weather of the project in the window: added, read, its units confirmed, checked against the images. What is drawn of it
//! stands in `panels/weather.rs`; files are read by the file threads.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use terroir_scene::{
    Crs, Reprojection, SceneResult, WeatherCheck, WeatherSpec, WeatherTable, WeatherUnit,
};

use crate::arrangement::Panel;
use crate::files::FileTask;
use crate::language::t;
use crate::messages::Level;
use crate::state::State;

/// Where the images lie: easting and northing, and their system.
pub type Place = (f64, f64, Crs);

/// What the window knows of the project's weather; not saved, not undone.
#[derive(Default)]
pub struct WeatherView {
    /// The Time panel shows the weather instead of the values of places.
    pub is_shown: bool,
    /// What was asked for.
    of: Option<WeatherSpec>,
    pub table: Option<Arc<WeatherTable>>,
    /// Why there is none.
    pub error: Option<String>,
    checked: Option<(Vec<Date>, Arc<[WeatherCheck]>)>,
}

/// Reads weather; of files with several places or cells the one near the images, which is then part of the answer.
///
/// # Errors
/// Those of [`WeatherTable::open_blocking`].
pub fn read_weather_blocking(
    mut spec: WeatherSpec,
    near: Option<Place>,
) -> SceneResult<(WeatherSpec, WeatherTable)> {
    let error = match spec.open_blocking() {
        Ok(table) => return Ok((spec, table)),
        Err(error) => error,
    };
    let (None, Some((x, y, crs))) = (spec.reading.place, near) else {
        return Err(error);
    };
    let Some((longitude, latitude)) = Reprojection::new(&crs, &Crs::wgs84()?)?.point(x, y) else {
        return Err(error);
    };
    spec.reading.place = Some((latitude, longitude));
    let table = spec.open_blocking()?;
    Ok((spec, table))
}

impl State {
    /// Days with an image in the series on show, in order.
    pub fn image_days(&self) -> Vec<Date> {
        let layer = self.series_layer();
        let frames = layer
            .as_ref()
            .and_then(|layer| layer.series())
            .map(|series| series.frames());
        let mut days: Vec<Date> = frames
            .into_iter()
            .flatten()
            .filter_map(|frame| frame.date)
            .collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// The middle of the scene, for files that hold the weather of several places.
    fn scene_place(&self) -> Option<Place> {
        let layer = self.scene_layer().or_else(|| self.active_raster())?;
        let grid = &layer.raster_info()?.grid;
        let (x, y) = grid.ground_from_pixel(grid.width as f64 / 2.0, grid.height as f64 / 2.0)?;
        Some((x, y, grid.georef.ground_crs()?.clone()))
    }

    /// Opens the Weather panel.
    pub fn show_weather(&mut self) {
        self.session.weather.is_shown = true;
        self.arrangement.show(Panel::Time);
    }

    /// Reads a file; once it is read it becomes the weather of the project.
    pub fn add_weather(&mut self, path: PathBuf) {
        self.show_weather();
        let near = self.scene_place();
        self.send(FileTask::ReadWeather {
            spec: Box::new(WeatherSpec::new(path)),
            near: near.map(Box::new),
            adds: true,
        });
    }

    /// Reads the project's weather, once.
    pub fn want_weather(&mut self) {
        let spec = self.history.document().weather.clone();
        if self.session.weather.of == spec {
            return;
        }
        let view = &mut self.session.weather;
        view.of.clone_from(&spec);
        (view.table, view.error, view.checked) = (None, None, None);
        if let Some(spec) = spec {
            self.send(FileTask::ReadWeather {
                spec: Box::new(spec),
                near: None,
                adds: false,
            });
        }
    }

    /// Weather was read, or could not be.
    pub fn take_weather(
        &mut self,
        spec: WeatherSpec,
        adds: bool,
        table: Result<WeatherTable, String>,
    ) {
        match (adds, table) {
            (true, Ok(table)) => {
                let view = &mut self.session.weather;
                view.of = Some(spec.clone());
                (view.table, view.error, view.checked) = (Some(Arc::new(table)), None, None);
                self.history.change(t!("weather-add-step"), |document| {
                    document.weather = Some(spec);
                });
            }
            (true, Err(why)) => self.messages.show(Level::Error, why),
            (false, table) if self.session.weather.of.as_ref() == Some(&spec) => {
                let view = &mut self.session.weather;
                view.checked = None;
                match table {
                    Ok(table) => (view.table, view.error) = (Some(Arc::new(table)), None),
                    Err(why) => (view.table, view.error) = (None, Some(why)),
                }
            }
            _ => {}
        }
    }

    pub fn remove_weather(&mut self) {
        self.history.change(t!("weather-remove-step"), |document| {
            document.weather = None;
        });
    }

    /// A person says what a column is in; `key` is the column's name in the daily table.
    pub fn confirm_weather_unit(&mut self, key: &str, unit: WeatherUnit) {
        let step = t!("weather-unit-step", column = key, unit = unit.to_string());
        self.history.change(&step, |document| {
            if let Some(weather) = &mut document.weather {
                weather.reading.units.insert(key.to_owned(), unit);
            }
        });
    }

    /// What is doubtful about the weather beside the images on show.
    pub fn weather_checks(&mut self) -> Arc<[WeatherCheck]> {
        let days = self.image_days();
        let view = &mut self.session.weather;
        let Some(table) = &view.table else {
            return Arc::default();
        };
        if let Some((checked, checks)) = &view.checked
            && *checked == days
        {
            return checks.clone();
        }
        let checks: Arc<[WeatherCheck]> = table.checks(&days).into();
        view.checked = Some((days, checks.clone()));
        checks
    }
}
