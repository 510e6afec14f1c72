//! What a soil-moisture job is told: plain words, as in `job`.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use terroir_scene::{ArchiveSpec, FutureWeather, StationReading, WeatherSpec};

/// Stations and weather, and images where there are some, to estimates of soil moisture, their accuracy, and maps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoilSpec {
    /// Tables of values, places and weather, ISMN files, folders of these.
    pub stations: Vec<PathBuf>,
    #[serde(default)]
    pub reading: StationReading,
    /// Tables of daily weather; those of the stations count without being named here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weather: Vec<WeatherSpec>,
    /// Dated images around the stations; without them there is no map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveSpec>,
    /// Days to map; empty = the day of the last image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<Date>,
    /// Weather of days behind the end of the tables, for maps of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future: Option<FutureWeather>,
    /// Weights of a forecasting network whose embeddings a head is taught on; `None` = ridge regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// A field of the place, by whatever model, whose numbers stand beside weather and images in the regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<PathBuf>,
    /// `auto`, `cpu` or an adapter's name as `devices` lists it.
    #[serde(default = "auto")]
    pub device: String,
    /// Also maps how far five fits on different stations lie apart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncertainty: bool,
    /// Deals the stations to the parts of the validation.
    #[serde(default)]
    pub seed: u64,
    /// Folder of the report, the estimates and the maps.
    pub out: PathBuf,
}

impl SoilSpec {
    /// Files the job reads.
    pub(crate) fn rasters(&self) -> Vec<&Path> {
        let images = self.archive.iter().flat_map(|archive| &archive.files);
        images.chain(&self.field).map(|file| &**file).collect()
    }

    /// Where the map of a day goes.
    pub fn map_path(&self, date: Date) -> PathBuf {
        self.out.join(format!("soil_moisture_{date}.tif"))
    }

    /// Options of the command line that say the same, what is as by default left out.
    pub(crate) fn words(&self) -> Vec<(String, Option<String>)> {
        let mut words: Vec<(String, Option<String>)> = Vec::new();
        let mut list = |option: &str, files: &[PathBuf]| {
            if !files.is_empty() {
                words.push((option.to_owned(), None));
                words.extend(files.iter().map(|file| (file.display().to_string(), None)));
            }
        };
        list("--stations", &self.stations);
        let weather: Vec<PathBuf> = self.weather.iter().map(|of| of.path.clone()).collect();
        list("--weather", &weather);
        if let Some(archive) = &self.archive {
            list("--images", &archive.files);
        }
        let mut add = |option: &str, value: String| words.push((option.to_owned(), Some(value)));
        if let Some(reference) = self
            .archive
            .as_ref()
            .and_then(|archive| archive.reference.as_ref())
        {
            add("--reference", reference.display().to_string());
        }
        let default = StationReading::default();
        if self.reading.depth_m != default.depth_m {
            let (from, to) = self.reading.depth_m;
            add("--depth", format!("{from},{to}"));
        }
        if self.reading.flags != default.flags {
            add("--flags", self.reading.flags.join(","));
        }
        if let Some(time) = self.reading.time_of_day {
            add("--at", time.to_string());
        }
        if let Some(column) = &self.reading.column {
            add("--value-column", column.clone());
        }
        // All tables are read in one way.
        if let Some(first) = self.weather.first() {
            for (key, unit) in &first.reading.units {
                add("--unit", format!("{key}={}", unit.name()));
            }
            for (key, column) in &first.reading.columns {
                add("--column", format!("{key}={column}"));
            }
        }
        match &self.future {
            Some(FutureWeather::Table(path)) => add("--future", path.display().to_string()),
            Some(FutureWeather::Climatology { members, .. }) => {
                add("--members", members.to_string());
            }
            Some(FutureWeather::Scenario {
                warmer_c,
                rain_factor,
            }) => {
                add("--warmer", warmer_c.to_string());
                add("--rain", rain_factor.to_string());
            }
            None => {}
        }
        if let Some(field) = &self.field {
            add("--field", field.display().to_string());
        }
        if let Some(model) = &self.model {
            add("--model", model.display().to_string());
            add("--device", self.device.clone());
        }
        for date in &self.dates {
            add("--date", date.to_string());
        }
        if self.seed != 0 {
            add("--seed", self.seed.to_string());
        }
        add("--out", self.out.display().to_string());
        if self.reading.is_percent {
            words.push(("--percent".to_owned(), None));
        }
        if matches!(self.future, Some(FutureWeather::Climatology { .. })) {
            words.push(("--climatology".to_owned(), None));
        }
        if self.uncertainty {
            words.push(("--uncertainty".to_owned(), None));
        }
        words
    }
}

fn auto() -> String {
    "auto".to_owned()
}
