//! What a job that maps crops is told: plain words, as in `job`, and the files it leaves.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use terroir_models::CATALOGUE;
use terroir_scene::{ArchiveSpec, HeadKind, WeatherSpec};

use crate::embed_series::archive_words;
use crate::{FORECAST_MODELS, SERIES_MODELS, Shots};

/// Dated images, labels and, for models that read it, daily weather to crop maps, one a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CropSpec {
    pub archive: ArchiveSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weather: Option<WeatherSpec>,
    pub labels: PathBuf,
    /// `None` = the well-known names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_attribute: Option<String>,
    /// Each makes a field that is compared with the raw images; the first one's becomes the map.
    pub models: Vec<CropModel>,
    /// First day of the season; `None` = that of the first image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// A map as of each of these days, of images and weather before it; empty = one of all images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub as_of: Vec<Date>,
    /// Classifier of the map.
    pub kind: HeadKind,
    /// File of fixed splits; `None` = blocks and polygons are dealt out by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<PathBuf>,
    /// Labels a class the accuracy is measured with.
    pub shots: Vec<Shots>,
    /// Splits the accuracy is the mean of.
    pub seeds: usize,
    #[serde(default)]
    pub seed: u64,
    /// `auto`, `cpu` or an adapter's name as `devices` lists it.
    pub device: String,
    /// The map; with days, each is added to the name. Fields, classifier, accuracy and the results (`<stem>.json`, `.html`) go
    /// beside it.
    pub out: PathBuf,
}

/// A model that makes a field of the images of a season.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CropModel {
    /// As `models` lists it: of KG-VSF, STP or DOFA.
    pub name: String,
    pub weights: PathBuf,
}

/// What a model reads of a season.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CropFamily {
    /// KG-VSF: images and the weather of every day.
    Weather,
    /// STP: images of several sensors.
    Series,
    /// DOFA: the clearest image.
    Single,
}

impl CropFamily {
    /// Of a model by its name; `None` for one that is not known.
    pub fn of(model: &str) -> Option<Self> {
        if FORECAST_MODELS.contains(&model) {
            Some(Self::Weather)
        } else if SERIES_MODELS.contains(&model) {
            Some(Self::Series)
        } else {
            CATALOGUE.contains(&model).then_some(Self::Single)
        }
    }
}

impl CropSpec {
    /// Labels a class, unless said otherwise.
    pub const SHOTS: [Shots; 2] = [Shots::Few(10), Shots::Max];

    /// Rasters the job reads.
    pub(crate) fn rasters(&self) -> Vec<&Path> {
        self.archive.files.iter().map(|file| &**file).collect()
    }

    /// The maps, one a day.
    pub fn map_paths(&self) -> Vec<PathBuf> {
        match self.as_of.as_slice() {
            [] => vec![self.out.clone()],
            days => days
                .iter()
                .map(|day| self.beside(Some(*day), "", "tif"))
                .collect(),
        }
    }

    /// Where the results of all days are told.
    pub fn results_path(&self) -> PathBuf {
        self.out.with_extension("json")
    }

    /// `crops.tif` as of a day: `crops_2018-07-01<what>.<ending>`.
    pub(super) fn beside(&self, as_of: Option<Date>, what: &str, ending: &str) -> PathBuf {
        let stem = self.out.file_stem().unwrap_or_default().to_string_lossy();
        let day = as_of.map_or_else(String::new, |day| format!("_{day}"));
        self.out
            .with_file_name(format!("{stem}{day}{what}.{ending}"))
    }

    /// Options of the command line that say the same.
    pub(crate) fn words(&self) -> Vec<(String, Option<String>)> {
        let mut words = archive_words(&self.archive);
        let mut add = |word: &str, value: String| words.push((word.to_owned(), Some(value)));
        if let Some(weather) = &self.weather {
            add("--weather", weather.path.display().to_string());
        }
        add("--labels", self.labels.display().to_string());
        if let Some(attribute) = &self.class_attribute {
            add("--class-attribute", attribute.clone());
        }
        for model in &self.models {
            add(
                "--model",
                format!("{}={}", model.name, model.weights.display()),
            );
        }
        if let Some(from) = self.from {
            add("--from", from.to_string());
        }
        for day in &self.as_of {
            add("--as-of", day.to_string());
        }
        add("--kind", self.kind.word().to_owned());
        if let Some(split) = &self.split {
            add("--split", split.display().to_string());
        }
        let shots: Vec<String> = self.shots.iter().map(Shots::to_string).collect();
        add("--shots", shots.join(","));
        add("--seeds", self.seeds.to_string());
        if self.seed != 0 {
            add("--seed", self.seed.to_string());
        }
        add("--device", self.device.clone());
        add("--out", self.out.display().to_string());
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobSpec, command_line};

    fn spec() -> CropSpec {
        CropSpec {
            archive: ArchiveSpec {
                files: vec!["my images".into()],
                reference: None,
            },
            weather: Some(WeatherSpec::new(Path::new("w.csv"))),
            labels: "l.gpkg".into(),
            class_attribute: None,
            models: ["kgvsf-tiny", "dofa-tiny"]
                .map(|name| CropModel {
                    name: name.to_owned(),
                    weights: format!("{name}.safetensors").into(),
                })
                .to_vec(),
            from: "2018-03-01".parse().ok(),
            as_of: vec!["2018-06-01".parse().unwrap()],
            kind: HeadKind::Forest,
            split: None,
            shots: CropSpec::SHOTS.to_vec(),
            seeds: 5,
            seed: 0,
            device: "cpu".into(),
            out: "out/crops.tif".into(),
        }
    }

    #[test]
    fn the_command_line_says_everything() {
        let job = JobSpec::Crop(spec());
        assert_eq!(
            command_line(&job),
            "terroir crop 'my images' --weather w.csv --labels l.gpkg --model kgvsf-tiny=kgvsf-tiny.safetensors \
             --model dofa-tiny=dofa-tiny.safetensors --from 2018-03-01 --as-of 2018-06-01 --kind forest --shots 10,max --seeds 5 \
             --device cpu --out out/crops.tif"
        );
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<JobSpec>(&text).unwrap(), job);
    }

    #[test]
    fn files_are_called_after_their_days() {
        let mut spec = spec();
        assert_eq!(
            spec.map_paths(),
            [Path::new("out/crops_2018-06-01.tif").to_owned()]
        );
        spec.as_of.clear();
        assert_eq!(spec.map_paths(), [Path::new("out/crops.tif").to_owned()]);
        assert_eq!(spec.results_path(), Path::new("out/crops.json"));
    }

    #[test]
    fn every_family_is_known_by_its_models() {
        assert_eq!(CropFamily::of("kgvsf-small"), Some(CropFamily::Weather));
        assert_eq!(CropFamily::of("stp-tiny"), Some(CropFamily::Series));
        assert_eq!(CropFamily::of("dofa-base"), Some(CropFamily::Single));
        assert_eq!(CropFamily::of("resnet"), None);
    }
}
