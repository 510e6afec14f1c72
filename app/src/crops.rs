//! Crop maps of a season from open series: what its panel asks, the job, and what becomes of the results. Knows forms, jobs and
//! layers; draws nothing and reads no file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use terroir_engine::{
    CropFamily, CropMapOf, CropModel, CropResults, CropSpec, CropTuning, EvaluateSpec, JobSpec,
    ModelInfo,
};
use terroir_scene::{ArchiveSpec, HeadKind, Layer, LayerId, Series};

use crate::files::{FileTask, OpenRole};
use crate::jobs::{Job, JobState, beside};
use crate::language::t;
use crate::state::State;

/// More days are no season any more; each needs a field of every model.
const MOST_DAYS: usize = 36;

/// What the panel asks before a run, and the results on show.
pub struct CropForm {
    /// Open series whose images are not used.
    pub left_out: HashSet<LayerId>,
    /// Names of the models that are compared; `None` = what suits what is open.
    pub models: Option<Vec<String>>,
    /// The one whose field becomes the map; `None` = the first that is compared.
    pub mapped_by: Option<String>,
    /// Whether the network is taught the labels itself, and how.
    pub taught: Option<CropTuning>,
    pub map_of: CropMapOf,
    /// First day of the season, as typed; empty = that of the first image.
    pub from: String,
    /// Days of the maps, as typed, with commas between them; empty = one map of all images.
    pub as_of: String,
    pub kind: HeadKind,
    pub seeds: usize,
    /// Empty = beside the first image.
    pub out: String,
    /// What the newest run found, and its file.
    pub results: Option<(PathBuf, Arc<CropResults>)>,
    /// Which number of labels the figures are of.
    pub shots: Option<String>,
}

impl Default for CropForm {
    fn default() -> Self {
        Self {
            left_out: HashSet::new(),
            models: None,
            mapped_by: None,
            taught: None,
            map_of: CropMapOf::Field,
            from: String::new(),
            as_of: String::new(),
            kind: HeadKind::Forest,
            seeds: EvaluateSpec::SEEDS,
            out: String::new(),
            results: None,
            shots: None,
        }
    }
}

impl CropForm {
    /// What the map is made from: a network that is not taught makes none.
    pub fn map_of_or_field(&self, is_taught: bool) -> CropMapOf {
        match self.map_of {
            CropMapOf::Taught if !is_taught => CropMapOf::Field,
            map_of => map_of,
        }
    }
}

/// Days that were typed, in their order, each once.
///
/// # Errors
/// Which text is no day, or that there are too many.
fn days_of_text(text: &str) -> Result<Vec<Date>, String> {
    let mut days: Vec<Date> = Vec::new();
    for part in text.split([',', ';', ' ', '\n']).map(str::trim) {
        if part.is_empty() {
            continue;
        }
        let day: Date = part.parse().map_err(|_| t!("crops-no-day", text = part))?;
        if !days.contains(&day) {
            days.push(day);
        }
    }
    if days.len() > MOST_DAYS {
        return Err(t!("crops-many-days", most = MOST_DAYS));
    }
    days.sort_unstable();
    Ok(days)
}

/// The first of every month with images before it.
fn months_between(first: Date, last: Date) -> Vec<Date> {
    let month = jiff::Span::new().months(1);
    let mut days = Vec::new();
    let mut day = first.first_of_month();
    while day <= last && days.len() < MOST_DAYS {
        let Ok(next) = day.checked_add(month) else {
            break;
        };
        day = next;
        days.push(day);
    }
    days
}

impl State {
    /// Series whose images are used.
    fn crop_series(&self) -> Vec<Arc<Layer>> {
        let mut series = self.image_series();
        series.retain(|layer| !self.crops.left_out.contains(&layer.id));
        series
    }

    /// Files of series, each once, however many dates it holds.
    pub fn files_of_series(series: &[Arc<Layer>]) -> Vec<PathBuf> {
        let mut known: HashSet<&Path> = HashSet::new();
        series
            .iter()
            .filter_map(|layer| layer.series())
            .flat_map(Series::frames)
            .flat_map(|frame| &frame.parts)
            .filter(|part| known.insert(&part.path))
            .map(|part| part.path.clone())
            .collect()
    }

    /// Models that have weights, and read nothing that is missing.
    pub fn crop_models(&self) -> Vec<ModelInfo> {
        let has_weather = self.history.document().weather.is_some();
        let mut models = self.models.all();
        models.retain(|model| {
            let is_usable = match CropFamily::of(&model.name) {
                Some(CropFamily::Weather) => has_weather,
                Some(CropFamily::Series | CropFamily::Single) => true,
                None => false,
            };
            is_usable && self.models.weights_of(&model.name).is_some()
        });
        models
    }

    /// Names of the models that are compared, the one that maps first.
    pub fn chosen_crop_models(&self) -> Vec<String> {
        let usable: Vec<String> = self.crop_models().into_iter().map(|of| of.name).collect();
        let mut chosen = match &self.crops.models {
            Some(chosen) => chosen.clone(),
            None => {
                let of_weather = |name: &&String| CropFamily::of(name) == Some(CropFamily::Weather);
                let best = usable.iter().find(of_weather).or(usable.first());
                best.cloned().into_iter().collect()
            }
        };
        chosen.retain(|name| usable.contains(name));
        if let Some(at) = self
            .crops
            .mapped_by
            .as_ref()
            .and_then(|first| chosen.iter().position(|name| name == first))
        {
            chosen.swap(0, at);
        }
        chosen
    }

    /// Whether one of the models that are compared can be taught the labels itself.
    pub fn can_teach_crops(&self) -> bool {
        let chosen = self.chosen_crop_models();
        chosen
            .iter()
            .any(|name| CropFamily::of(name) == Some(CropFamily::Weather))
    }

    /// The first of every month the images cover, to be typed into the form.
    pub fn crop_months(&self) -> String {
        let series = self.crop_series();
        let dates = series
            .iter()
            .filter_map(|layer| layer.series())
            .flat_map(Series::frames)
            .filter_map(|frame| frame.date);
        let (first, last) = (dates.clone().min(), dates.max());
        let from = self.crops.from.trim().parse().ok().or(first);
        let days = match (from, last) {
            (Some(from), Some(last)) => months_between(from, last),
            _ => Vec::new(),
        };
        let days: Vec<String> = days.iter().map(Date::to_string).collect();
        days.join(", ")
    }

    /// The run the form describes.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn crop_spec(&self) -> Result<CropSpec, String> {
        let form = &self.crops;
        let files = Self::files_of_series(&self.crop_series());
        if files.is_empty() {
            return Err(t!("crops-needs-series").to_owned());
        }
        if self.labelled_classes() < 2 {
            return Err(t!("crops-needs-labels").to_owned());
        }
        let models: Vec<CropModel> = self
            .chosen_crop_models()
            .into_iter()
            .filter_map(|name| {
                let weights = self.models.weights_of(&name)?;
                Some(CropModel { name, weights })
            })
            .collect();
        if models.is_empty() {
            return Err(t!("crops-needs-model").to_owned());
        }
        let from = match form.from.trim() {
            "" => None,
            text => Some(
                text.parse::<Date>()
                    .map_err(|_| t!("crops-no-day", text = text))?,
            ),
        };
        let out = self
            .crop_out_path()
            .ok_or_else(|| t!("crops-needs-file").to_owned())?;
        let reads_weather =
            |model: &CropModel| CropFamily::of(&model.name) == Some(CropFamily::Weather);
        let of_project = self.history.document().weather.clone();
        let taught = form.taught.filter(|_| models.iter().any(reads_weather));
        Ok(CropSpec {
            weather: of_project.filter(|_| models.iter().any(reads_weather)),
            archive: ArchiveSpec {
                files,
                reference: None,
            },
            labels: beside(&out, "labels", "gpkg"),
            class_attribute: None,
            models,
            taught,
            map_of: form.map_of_or_field(taught.is_some()),
            from,
            as_of: days_of_text(&form.as_of)?,
            kind: form.kind,
            split: None,
            shots: CropSpec::SHOTS.to_vec(),
            seeds: form.seeds,
            seed: 0,
            device: self.run.device.clone(),
            out,
        })
    }

    /// The map: as typed, or beside the first image.
    pub fn crop_out_path(&self) -> Option<PathBuf> {
        match self.crops.out.trim() {
            "" => {
                let series = self.crop_series();
                let first = series.first()?;
                let image = first.series()?.frames().first()?;
                let stem = first.name.replace(['/', '\\', ':'], "_");
                let name = format!("{stem}_crops.tif");
                let folder = crate::assets::folder_for_results(image.path());
                Some(match folder {
                    Some(folder) => folder.join(name),
                    // Not among the images, or they would be taken for one of them.
                    None => image.path().parent()?.with_file_name(name),
                })
            }
            text => Some(PathBuf::from(text)),
        }
    }

    /// Saves the labels, then maps.
    pub fn start_crops(&mut self, spec: CropSpec) {
        let Some(labels) = self.history.document().labels.clone() else {
            return;
        };
        self.crops.results = None;
        self.send(FileTask::SaveLabels {
            labels,
            path: spec.labels.clone(),
            job: Box::new(JobSpec::Crop(spec)),
        });
    }

    /// The newest run.
    pub fn crop_job(&self) -> Option<&Job> {
        let jobs = self.jobs.list.iter().rev();
        jobs.into_iter()
            .find(|job| matches!(job.spec, JobSpec::Crop(_)))
    }

    /// Whether the newest run is going on.
    pub fn crops_run(&self) -> bool {
        self.crop_job()
            .is_some_and(|job| matches!(job.state, JobState::Waiting | JobState::Running))
    }

    /// Reads what a run found.
    pub fn take_crops(&mut self, spec: &CropSpec) {
        self.send(FileTask::ReadCrops {
            path: spec.results_path(),
        });
    }

    /// Maps become layers, the last day's on top, and the figures are shown. A day without any usable image has no map.
    pub fn take_crop_results(&mut self, path: PathBuf, results: CropResults) {
        for season in &results.seasons {
            self.open_raster(path.with_file_name(&season.map), OpenRole::Result);
        }
        let is_known = |shots: &String| results.shots().contains(&shots.as_str());
        self.crops.shots = self.crops.shots.take().filter(is_known);
        self.crops.results = Some((path, Arc::new(results)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_sorted_once_each_and_wrong_ones_are_named() {
        let days = days_of_text("2018-07-01, 2018-06-01;2018-07-01\n").unwrap();
        let days: Vec<String> = days.iter().map(Date::to_string).collect();
        assert_eq!(days, ["2018-06-01", "2018-07-01"]);
        assert!(days_of_text(" ").unwrap().is_empty());
        assert!(days_of_text("June").unwrap_err().contains("June"));
        let many: Vec<String> = (1..=31)
            .flat_map(|day| [format!("2018-07-{day:02}"), format!("2018-08-{day:02}")])
            .collect();
        assert!(days_of_text(&many.join(",")).is_err());
    }

    #[test]
    fn every_month_with_images_before_it_is_offered() {
        let months = |first: &str, last: &str| -> Vec<String> {
            let days = months_between(first.parse().unwrap(), last.parse().unwrap());
            days.iter().map(Date::to_string).collect()
        };
        assert_eq!(
            months("2018-03-10", "2018-05-02"),
            ["2018-04-01", "2018-05-01", "2018-06-01"]
        );
        assert_eq!(months("2018-03-01", "2018-03-01"), ["2018-04-01"]);
        assert_eq!(months("0001-01-01", "9999-12-31").len(), MOST_DAYS);
    }
}
