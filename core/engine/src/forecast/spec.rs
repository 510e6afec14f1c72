//! What a forecast is told: plain words, as in `job`.

use std::path::PathBuf;

use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use terroir_scene::{ArchiveSpec, Baseline, FutureWeather, WeatherSpec, Window};

use crate::embed_series::archive_words;
use crate::weather_words::reading_words;

/// Days between forecasts and days ahead, where nothing is said.
pub const USUAL_STEP_DAYS: u16 = 10;
pub const USUAL_HORIZON_DAYS: u16 = 60;

/// How an image is made that was not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForecastMethod {
    /// A rule without a model.
    Baseline(Baseline),
    /// A network that weather drives.
    Model(Box<ModelForecast>),
}

/// A network of KG-VSF and the weather it is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelForecast {
    pub weights: PathBuf,
    /// `auto`, `cpu` or an adapter's name as `devices` lists it.
    pub device: String,
    /// The weather of the place up to the last image, or beyond it.
    pub weather: WeatherSpec,
    /// The weather of the days to come; `None` = what the table holds of them, else its climatology.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future: Option<FutureWeather>,
    /// The same once more under other weather, beside the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIf>,
}

/// How the weather of the days to come is changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// Added to all temperatures, degC.
    pub warmer_c: f64,
    /// What rain is multiplied by.
    pub rain_factor: f64,
}

impl WhatIf {
    /// As people say it: `2 degC warmer, rain x 0.5`.
    pub fn text(&self) -> String {
        let mut parts = Vec::new();
        match self.warmer_c {
            0.0 => {}
            warmer if warmer > 0.0 => parts.push(format!("{warmer} degC warmer")),
            colder => parts.push(format!("{} degC colder", -colder)),
        }
        if self.rain_factor != 1.0 {
            parts.push(format!("rain x {}", self.rain_factor));
        }
        match parts.is_empty() {
            true => "unchanged".to_owned(),
            false => parts.join(", "),
        }
    }
}

impl ForecastMethod {
    /// The word of the command line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Baseline(rule) => rule.word(),
            Self::Model(_) => "kgvsf",
        }
    }

    /// As people call it.
    pub fn title(&self) -> String {
        match self {
            Self::Baseline(rule) => rule.title().to_owned(),
            Self::Model(_) => "KG-VSF".to_owned(),
        }
    }

    /// The rule, where it is one.
    pub fn rule(&self) -> Option<Baseline> {
        match self {
            Self::Baseline(rule) => Some(*rule),
            Self::Model(_) => None,
        }
    }
}

/// The days to forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetDays {
    Dates(Vec<Date>),
    /// Every so many days after the last image, up to a horizon.
    Every {
        days: u16,
        horizon: u16,
    },
    /// The days of the images after the last one that is used, up to a horizon: forecasts that can be compared with them.
    Images {
        horizon: u16,
    },
}

impl Default for TargetDays {
    fn default() -> Self {
        Self::Every {
            days: USUAL_STEP_DAYS,
            horizon: USUAL_HORIZON_DAYS,
        }
    }
}

impl TargetDays {
    /// In order, each once. `last`: day of the last image used; `images`: days of all images.
    pub fn resolve(&self, last: Date, images: &[Date]) -> Vec<Date> {
        let end = |horizon: u16| last.saturating_add(Span::new().days(i64::from(horizon)));
        let mut days: Vec<Date> = match self {
            Self::Dates(dates) => dates.clone(),
            Self::Every { days, horizon } => (1..)
                .map_while(|step: i64| {
                    let ahead = step * i64::from((*days).max(1));
                    (ahead <= i64::from(*horizon))
                        .then(|| last.checked_add(Span::new().days(ahead)).ok())?
                })
                .collect(),
            Self::Images { horizon } => images
                .iter()
                .copied()
                .filter(|day| *day > last && *day <= end(*horizon))
                .collect(),
        };
        days.sort_unstable();
        days.dedup();
        days
    }
}

/// Dated images to images of other days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastSpec {
    pub archive: ArchiveSpec,
    /// Name of the sensor; `None` = the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensor: Option<String>,
    pub method: ForecastMethod,
    /// The last day whose images are used; later ones are what forecasts are compared with. `None` = all are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    #[serde(default)]
    pub days: TargetDays,
    /// Fill the gaps of the images there are, instead of looking ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<FillSpec>,
    /// Land cover on the same grid, codes of ESA WorldCover, by which greenness is scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub land_cover: Option<PathBuf>,
    /// Only this part of the grid; the files have just this part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Folder of the results.
    pub out: PathBuf,
}

/// Which gaps are filled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FillSpec {
    /// Days whose images are filled; empty = of all images. A day without an image is made whole.
    #[serde(default)]
    pub dates: Vec<Date>,
    /// Puts made values where values were seen, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces_seen: bool,
}

impl ForecastSpec {
    /// Where the network runs, if there is one.
    pub(crate) fn device(&self) -> Option<&str> {
        match &self.method {
            ForecastMethod::Model(model) => Some(&model.device),
            ForecastMethod::Baseline(_) => None,
        }
    }

    /// Words of the command line that say the same.
    pub(crate) fn words(&self) -> Vec<(String, Option<String>)> {
        let mut words = archive_words(&self.archive);
        let mut add = |word: &str, value: Option<String>| words.push((word.to_owned(), value));
        if let Some(sensor) = &self.sensor {
            add("--sensor", Some(sensor.clone()));
        }
        add("--method", Some(self.method.word().to_owned()));
        if let ForecastMethod::Model(model) = &self.method {
            for (word, value) in model.words() {
                add(&word, value);
            }
        }
        if let Some(until) = &self.until {
            add("--until", Some(until.to_string()));
        }
        match &self.fill {
            Some(fill) => {
                add("--fill", None);
                if !fill.dates.is_empty() {
                    add("--dates", Some(dates_text(&fill.dates)));
                }
                if fill.replaces_seen {
                    add("--replace-seen", None);
                }
            }
            None => match &self.days {
                TargetDays::Dates(dates) => add("--dates", Some(dates_text(dates))),
                TargetDays::Every { days, horizon } => {
                    add("--every", Some(days.to_string()));
                    add("--horizon", Some(horizon.to_string()));
                }
                TargetDays::Images { horizon } => {
                    add("--at-images", None);
                    add("--horizon", Some(horizon.to_string()));
                }
            },
        }
        if let Some(cover) = &self.land_cover {
            add("--land-cover", Some(cover.display().to_string()));
        }
        if let Some(window) = &self.window {
            let Window {
                col,
                row,
                width,
                height,
            } = window;
            add("--window", Some(format!("{col},{row},{width},{height}")));
        }
        add("--out", Some(self.out.display().to_string()));
        words
    }
}

impl ModelForecast {
    fn words(&self) -> Vec<(String, Option<String>)> {
        let mut words = Vec::new();
        let mut add = |word: &str, value: String| words.push((word.to_owned(), Some(value)));
        add("--weights", self.weights.display().to_string());
        add("--device", self.device.clone());
        add("--weather", self.weather.path.display().to_string());
        for (key, value) in reading_words(&self.weather.reading) {
            add(key, value);
        }
        match &self.future {
            None => {}
            Some(FutureWeather::Table(path)) => add("--future-weather", path.display().to_string()),
            Some(FutureWeather::Climatology { members, seed }) => {
                add("--weather-members", members.to_string());
                if *seed != 0 {
                    add("--weather-seed", seed.to_string());
                }
            }
            Some(FutureWeather::Scenario {
                warmer_c,
                rain_factor,
            }) => add("--scenario", format!("{warmer_c},{rain_factor}")),
        }
        if let Some(what_if) = &self.what_if {
            add(
                "--what-if",
                format!("{},{}", what_if.warmer_c, what_if.rain_factor),
            );
        }
        words
    }
}

fn dates_text(dates: &[Date]) -> String {
    let list: Vec<String> = dates.iter().map(Date::to_string).collect();
    list.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().expect("a date")
    }

    #[test]
    fn days_are_counted_from_the_last_image() {
        let last = date("2021-06-28");
        let images = ["2021-06-28", "2021-07-03", "2021-07-28", "2021-12-01"].map(date);
        let every = TargetDays::Every {
            days: 10,
            horizon: 25,
        };
        assert_eq!(
            every.resolve(last, &images),
            ["2021-07-08", "2021-07-18"].map(date)
        );
        let at_images = TargetDays::Images { horizon: 60 };
        assert_eq!(
            at_images.resolve(last, &images),
            ["2021-07-03", "2021-07-28"].map(date)
        );
        let twice = TargetDays::Dates(vec![
            date("2021-08-01"),
            date("2021-07-01"),
            date("2021-08-01"),
        ]);
        assert_eq!(
            twice.resolve(last, &images),
            ["2021-07-01", "2021-08-01"].map(date)
        );
        let never = TargetDays::Every {
            days: 0,
            horizon: 3,
        };
        assert_eq!(never.resolve(last, &images).len(), 3);
    }
}
