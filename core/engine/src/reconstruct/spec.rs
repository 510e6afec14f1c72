//! What a reconstruction is told: plain words, as in `job`.

use std::path::PathBuf;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use terroir_scene::{ArchiveSpec, Period, Window};

use crate::EmbedSeriesSpec;
use crate::embed_series::{archive_words, model_words};

/// Days before and after the date that are summed up where no valid period is named.
const AROUND_DAYS: u16 = 15;

/// What a network believes a sensor would have seen on a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReconstructSpec {
    pub archive: ArchiveSpec,
    pub model: String,
    /// Weights file; `None` = seeded, untrained.
    #[serde(default)]
    pub weights: Option<PathBuf>,
    /// Days whose images are looked at; `None` = all of the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<Period>,
    /// Days the embedding sums up, with the date in them; `None` = 15 days before and after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<Period>,
    /// Sensor or map to draw, by the name the model knows it by.
    pub source: String,
    pub date: Date,
    pub device: String,
    #[serde(default)]
    pub seed: u64,
    /// Only this part of the grid; the file has just this part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// GeoTIFF of floats.
    pub out: PathBuf,
}

impl ReconstructSpec {
    pub fn valid_period(&self) -> Period {
        self.valid
            .unwrap_or_else(|| Period::around(self.date, AROUND_DAYS))
    }

    /// The field it is drawn from, which takes nearly all of its time.
    pub(crate) fn as_field(&self) -> EmbedSeriesSpec {
        EmbedSeriesSpec {
            archive: self.archive.clone(),
            model: self.model.clone(),
            weights: self.weights.clone(),
            support: self.support,
            periods: vec![self.valid_period()],
            device: self.device.clone(),
            out: self.out.clone(),
            seed: self.seed,
            aoi: None,
            window: self.window,
        }
    }

    /// Options of the command line that say the same.
    pub(crate) fn words(&self) -> Vec<(String, Option<String>)> {
        let mut words = archive_words(&self.archive);
        words.extend(model_words(
            &self.model,
            self.weights.as_deref(),
            self.seed,
            &self.device,
        ));
        let mut add = |word: &str, value: String| words.push((word.to_owned(), Some(value)));
        add("--source", self.source.clone());
        add("--date", self.date.to_string());
        if let Some(support) = &self.support {
            add("--support", support.to_string());
        }
        if let Some(valid) = &self.valid {
            add("--valid", valid.to_string());
        }
        if let Some(window) = &self.window {
            add(
                "--window",
                format!(
                    "{},{},{},{}",
                    window.col, window.row, window.width, window.height
                ),
            );
        }
        add("--out", self.out.display().to_string());
        words
    }
}
