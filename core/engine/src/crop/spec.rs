//! What a job that maps crops is told: plain words, as in `job`, and the files it leaves.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use terroir_models::{CATALOGUE, KgvsfTuning};
use terroir_scene::{ArchiveSpec, HeadKind, WeatherSpec};

use crate::embed_series::archive_words;
use crate::weather_words::reading_words;
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
    /// Each makes a field that is compared with the raw images.
    pub models: Vec<CropModel>,
    /// The first model of KG-VSF is taught the labels itself, too (specification kg-vsf 7.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taught: Option<CropTuning>,
    /// What the map is made from.
    #[serde(default, skip_serializing_if = "CropMapOf::is_field")]
    pub map_of: CropMapOf,
    /// First day of the season; `None` = that of the first image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// A map as of each of these days, of images and weather before it; empty = one of all images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub as_of: Vec<Date>,
    /// Classifier of a map of a field.
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

/// How much of a network learns from the labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CropTuning {
    /// As much as there are labels for.
    #[default]
    Auto,
    /// A head; the network stays as it is.
    Frozen,
    /// The head and the network's last layers.
    Last,
    /// All of it.
    Full,
}

impl CropTuning {
    pub const ALL: [Self; 4] = [Self::Auto, Self::Frozen, Self::Last, Self::Full];

    /// The word of the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Frozen => "frozen",
            Self::Last => "last",
            Self::Full => "full",
        }
    }

    /// `None` = by how many labels there are.
    pub(super) fn fixed(self) -> Option<KgvsfTuning> {
        match self {
            Self::Auto => None,
            Self::Frozen => Some(KgvsfTuning::Frozen),
            Self::Last => Some(KgvsfTuning::Last),
            Self::Full => Some(KgvsfTuning::Full),
        }
    }
}

/// What a crop map is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CropMapOf {
    /// The first model's field.
    #[default]
    Field,
    /// The network that is taught.
    Taught,
    /// Harmonics of the images, by a random forest.
    Harmonics,
    /// All bands of all dates, by a random forest.
    Stack,
    /// Whatever told the crops apart best on the labels kept for testing.
    Best,
}

impl CropMapOf {
    pub const ALL: [Self; 5] = [
        Self::Field,
        Self::Taught,
        Self::Harmonics,
        Self::Stack,
        Self::Best,
    ];

    /// The word of the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Taught => "taught",
            Self::Harmonics => "harmonics",
            Self::Stack => "stack",
            Self::Best => "best",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_field(&self) -> bool {
        *self == Self::Field
    }
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

    /// The same job for one of its days.
    pub(super) fn of_day(&self, as_of: Option<Date>) -> Self {
        Self {
            as_of: as_of.into_iter().collect(),
            ..self.clone()
        }
    }

    /// The model that is taught itself, where one is to be.
    pub fn taught_model(&self) -> Option<&CropModel> {
        self.taught?;
        self.models
            .iter()
            .find(|model| CropFamily::of(&model.name) == Some(CropFamily::Weather))
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
            for (word, value) in reading_words(&weather.reading) {
                add(word, value);
            }
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
        if let Some(taught) = self.taught {
            add("--teach", taught.word().to_owned());
        }
        if self.map_of != CropMapOf::Field {
            add("--map-of", self.map_of.word().to_owned());
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
            taught: None,
            map_of: CropMapOf::Field,
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
        let mut weather = WeatherSpec::new(Path::new("w.csv"));
        weather.reading.columns = [("prcp".to_owned(), "rain".to_owned())].into();
        weather.reading.place = Some((51.0, 3.5));
        let read = CropSpec {
            weather: Some(weather),
            ..spec()
        };
        let line = command_line(&JobSpec::Crop(read));
        assert!(
            line.contains(
                " --weather w.csv --weather-column prcp=rain --weather-place 51,3.5 --labels"
            ),
            "{line}"
        );
        let taught = CropSpec {
            taught: Some(CropTuning::Last),
            map_of: CropMapOf::Best,
            ..spec()
        };
        assert_eq!(taught.taught_model().unwrap().name, "kgvsf-tiny");
        let line = command_line(&JobSpec::Crop(taught));
        assert!(
            line.contains(" --teach last --map-of best --from"),
            "{line}"
        );
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
