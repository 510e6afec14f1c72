//! What a job that makes a field of a season and its weather is told: plain words, as in `job`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use terroir_scene::{ArchiveSpec, Period, WeatherSpec};

use crate::embed_series::archive_words;
use crate::weather_words::reading_words;

/// Dated images and daily weather to one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedSeasonSpec {
    pub archive: ArchiveSpec,
    pub weather: WeatherSpec,
    /// `kgvsf-tiny`, `kgvsf-small`, `kgvsf-base`.
    pub model: String,
    /// Trained weights; they say which bands the model knows.
    pub weights: PathBuf,
    /// Days whose images are looked at; `None` = all that have weather. What comes later has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<Period>,
    /// `auto`, `cpu` or an adapter's name as `devices` lists it.
    pub device: String,
    pub out: PathBuf,
    /// Only pixels inside these polygons; the others become nodata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aoi: Option<terroir_scene::AreaSpec>,
}

impl EmbedSeasonSpec {
    /// Options of the command line that say the same.
    pub(crate) fn words(&self) -> Vec<(String, Option<String>)> {
        let mut words = archive_words(&self.archive);
        let mut add = |word: &str, value: String| words.push((word.to_owned(), Some(value)));
        add("--weather", self.weather.path.display().to_string());
        for (word, value) in reading_words(&self.weather.reading) {
            add(word, value);
        }
        add("--model", self.model.clone());
        add("--weights", self.weights.display().to_string());
        if let Some(support) = &self.support {
            add("--support", support.to_string());
        }
        add("--device", self.device.clone());
        for (word, value) in self.aoi.iter().flat_map(|aoi| aoi.words()) {
            add(word, value);
        }
        add("--out", self.out.display().to_string());
        words
    }
}
