//! Soil moisture from stations: what its panel asks, the job, and what becomes of the results. Knows forms, jobs and layers;
//! draws nothing and reads no file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use terroir_engine::{JobSpec, SoilResults, SoilSpec};
use terroir_scene::{ArchiveSpec, Layer, LayerId, StationReading, WeatherSpec};

use crate::analyses::Coloring;
use crate::files::{FileTask, OpenRole};
use crate::jobs::{Job, JobState};
use crate::language::t;
use crate::news::job_name;
use crate::state::State;

/// What the panel asks before a run, and the results on show.
pub struct SoilForm {
    /// Tables and folders of stations, places and weather.
    pub stations: Vec<PathBuf>,
    /// Whether the project's weather is used; `None` = where images are.
    pub uses_project_weather: Option<bool>,
    /// Tables of weather that come on their own.
    pub weather: Vec<PathBuf>,
    /// Open series whose images are not used.
    pub left_out: HashSet<LayerId>,
    /// cm below the ground.
    pub depth_from_cm: f64,
    pub depth_to_cm: f64,
    /// Accepted flags, with commas between them.
    pub flags: String,
    pub is_percent: bool,
    /// The day to map, as typed; empty = the day of the last image.
    pub date: String,
    pub uncertainty: bool,
    /// Name of the network whose embeddings are used; `None` = ridge regression.
    pub model: Option<String>,
    /// The field that stands beside weather and images; `None` = none.
    pub field: Option<PathBuf>,
    /// Empty = beside the first table.
    pub out: String,
    pub results: Option<Arc<SoilResults>>,
    /// Place of the station whose curve is shown.
    pub station: usize,
    /// The figures of the last days instead of those of whole stations.
    pub shows_time: bool,
}

impl Default for SoilForm {
    fn default() -> Self {
        let reading = StationReading::default();
        Self {
            stations: Vec::new(),
            uses_project_weather: None,
            weather: Vec::new(),
            left_out: HashSet::new(),
            depth_from_cm: 100.0 * reading.depth_m.0,
            depth_to_cm: 100.0 * reading.depth_m.1,
            flags: reading.flags.join(","),
            is_percent: false,
            date: String::new(),
            uncertainty: false,
            model: None,
            field: None,
            out: String::new(),
            results: None,
            station: 0,
            shows_time: false,
        }
    }
}

impl SoilForm {
    /// Adds files that are not there yet.
    pub fn add(list: &mut Vec<PathBuf>, files: Vec<PathBuf>) {
        for file in files {
            if file.is_absolute() && !list.contains(&file) {
                list.push(file);
            }
        }
    }
}

impl State {
    /// Series whose images are used.
    fn soil_series(&self) -> Vec<Arc<Layer>> {
        let mut series = self.image_series();
        series.retain(|layer| !self.soil.left_out.contains(&layer.id));
        series
    }

    /// The run the form describes.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn soil_spec(&self) -> Result<JobSpec, String> {
        let form = &self.soil;
        if form.stations.is_empty() {
            return Err(t!("soil-needs-stations").to_owned());
        }
        if form.depth_from_cm > form.depth_to_cm {
            return Err(t!("soil-depths-turned").to_owned());
        }
        let files = Self::files_of_series(&self.soil_series());
        let has_images = !files.is_empty();
        let dates = match form.date.trim() {
            "" => Vec::new(),
            _ if !has_images => Vec::new(),
            text => vec![
                text.parse::<Date>()
                    .map_err(|_| t!("soil-no-date").to_owned())?,
            ],
        };
        let flags: Vec<String> = form
            .flags
            .split(',')
            .map(|flag| flag.trim().to_owned())
            .filter(|flag| !flag.is_empty())
            .collect();
        Ok(JobSpec::Soil(SoilSpec {
            stations: form.stations.clone(),
            reading: StationReading {
                is_percent: form.is_percent,
                depth_m: (form.depth_from_cm / 100.0, form.depth_to_cm / 100.0),
                flags,
                ..StationReading::default()
            },
            weather: self.soil_weather(has_images),
            future: None,
            model: form
                .model
                .as_deref()
                .filter(|_| has_images)
                .and_then(|name| self.models.weights_of(name)),
            // It may have left the project since it was chosen.
            field: form
                .field
                .clone()
                .filter(|path| has_images && self.fields().iter().any(|field| field.path == *path)),
            device: "auto".to_owned(),
            archive: has_images.then_some(ArchiveSpec {
                files,
                reference: None,
            }),
            dates,
            uncertainty: form.uncertainty && has_images,
            seed: 0,
            out: self.soil_out_path().ok_or(t!("soil-needs-folder"))?,
        }))
    }

    /// The project's weather where it is used, and the tables named here.
    fn soil_weather(&self, has_images: bool) -> Vec<WeatherSpec> {
        let is_used = self.soil.uses_project_weather.unwrap_or(has_images);
        let of_project = self.history.document().weather.clone();
        let mut weather: Vec<WeatherSpec> = of_project.filter(|_| is_used).into_iter().collect();
        weather.extend(self.soil.weather.iter().map(WeatherSpec::new));
        weather
    }

    /// Whether any series is used.
    pub fn soil_has_images(&self) -> bool {
        !self.soil_series().is_empty()
    }

    /// The folder of the results: as typed, or beside the first table and called after it.
    pub fn soil_out_path(&self) -> Option<PathBuf> {
        match self.soil.out.trim() {
            "" => {
                let first = self.soil.stations.first()?;
                let stem = first.file_stem()?.to_string_lossy();
                Some(first.with_file_name(format!("{stem}_soil")))
            }
            text => Some(PathBuf::from(text)),
        }
    }

    /// The newest run.
    pub fn soil_job(&self) -> Option<&Job> {
        let jobs = self.jobs.list.iter().rev();
        jobs.into_iter()
            .find(|job| matches!(job.spec, JobSpec::Soil(_)))
    }

    pub fn start_soil(&mut self, spec: JobSpec) {
        self.soil.results = None;
        self.jobs.run(job_name(&spec), spec);
    }

    /// Maps become layers, and the figures are read for the window.
    pub fn take_soil(&mut self, spec: &SoilSpec, files: Vec<PathBuf>) {
        let is_map = |file: &PathBuf| {
            file.parent() == Some(&*spec.out)
                && file.extension().is_some_and(|ending| ending == "tif")
        };
        let maps: Vec<PathBuf> = files.into_iter().filter(is_map).collect();
        if let Some(first) = maps.first() {
            let coloring = Coloring::Ramp("moisture".to_owned());
            self.session.analyses.to_color = Some((first.clone(), coloring));
        }
        for file in maps {
            self.open_raster(file, OpenRole::Result);
        }
        self.send(FileTask::ReadSoil {
            folder: spec.out.clone(),
        });
    }

    pub fn take_soil_results(&mut self, results: SoilResults) {
        let worst = results.stations.len().saturating_sub(1);
        self.soil.station = self.soil.station.min(worst);
        self.soil.shows_time &= !results.by_time.is_empty();
        self.soil.results = Some(Arc::new(results));
    }

    /// Whether the newest run is going on.
    pub fn soil_runs(&self) -> bool {
        self.soil_job()
            .is_some_and(|job| matches!(job.state, JobState::Waiting | JobState::Running))
    }
}

/// The last part of a path, for lists.
pub fn short_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}
