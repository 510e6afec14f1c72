//! What a crop job found, as it is kept beside its maps (`<stem>.json`): how well each description of the ground tells the crops
//! apart, day by day. Knows figures and names; works out nothing but which head does best.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use terroir_scene::Period;

use crate::{Evaluation, Failure};

/// Of `<stem>.json`.
pub const CROP_SCHEMA: u32 = 1;
/// Of `task` in it.
const TASK: &str = "crops";
/// Files larger than this are no results of ours.
const LARGEST_BYTES: u64 = 64 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CropResults {
    pub schema: u32,
    /// Always `crops`.
    pub task: String,
    /// When, by which version, with which command, and the job itself.
    pub job: Value,
    pub seasons: Vec<CropSeason>,
    pub warnings: Vec<String>,
}

/// What became of one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CropSeason {
    /// The day the map is as of; `None` = after the last image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Date>,
    /// Days whose images and weather are used.
    pub period: Period,
    /// Name of the map, which lies beside the results.
    pub map: PathBuf,
    /// What the map is made from: a name as those of the figures.
    #[serde(default)]
    pub map_of: String,
    /// Name of the report of all heads (`.html` beside it).
    pub accuracy: PathBuf,
    pub figures: Vec<CropFigure>,
}

/// How well one description does with some labels, by the head that does best on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CropFigure {
    /// Name of a model, `harmonics` or `raw stack`.
    pub candidate: String,
    /// Labels a class, or `max`.
    pub shots: String,
    /// What people call the head.
    pub head: String,
    /// Balanced accuracy, 0 to 1, mean over the splits.
    pub mean: f64,
    /// `None` for a single split.
    pub deviation: Option<f64>,
    pub splits: usize,
}

impl CropFigure {
    /// Percent with its deviation, `59.5 ± 6.0`.
    pub fn text(&self) -> String {
        match self.deviation {
            Some(deviation) => format!("{:.1} ± {:.1}", 100.0 * self.mean, 100.0 * deviation),
            None => format!("{:.1}", 100.0 * self.mean),
        }
    }
}

impl CropSeason {
    /// The last day whose images are used.
    pub fn up_to(&self) -> Date {
        self.period.to.yesterday().unwrap_or(self.period.to)
    }

    pub fn figure(&self, candidate: &str, shots: &str) -> Option<&CropFigure> {
        self.figures
            .iter()
            .find(|figure| figure.candidate == candidate && figure.shots == shots)
    }
}

impl CropResults {
    pub(super) fn new(job: Value, seasons: Vec<CropSeason>, warnings: Vec<String>) -> Self {
        Self {
            schema: CROP_SCHEMA,
            task: TASK.to_owned(),
            job,
            seasons,
            warnings,
        }
    }

    /// Reads results back.
    ///
    /// # Errors
    /// No such file, too large, or another kind of file.
    pub fn read_blocking(path: &Path) -> Result<Self, Failure> {
        let read = |error: &std::io::Error| Failure::io("the results cannot be read", path, error);
        let size = path.metadata().map_err(|error| read(&error))?.len();
        let other = || {
            Failure::new(format!(
                "these are no results of mapping crops, or of a newer version\n{}",
                path.display()
            ))
        };
        if size > LARGEST_BYTES {
            return Err(other());
        }
        let text = std::fs::read_to_string(path).map_err(|error| read(&error))?;
        let results: Self =
            serde_json::from_str(&text).map_err(|error| other().with_details(error))?;
        if results.schema > CROP_SCHEMA || results.task != TASK {
            return Err(other());
        }
        Ok(results)
    }

    /// What is compared, in the order of the job.
    pub fn candidates(&self) -> Vec<&str> {
        self.names(|figure| &figure.candidate)
    }

    /// Numbers of labels, in the order of the job.
    pub fn shots(&self) -> Vec<&str> {
        self.names(|figure| &figure.shots)
    }

    fn names(&self, name: impl Fn(&CropFigure) -> &String) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for figure in self.seasons.iter().flat_map(|season| &season.figures) {
            let name = name(figure).as_str();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// The best head of every candidate and number of labels.
pub(super) fn best_figures(report: &Evaluation) -> Vec<CropFigure> {
    let measure = report.measures()[0];
    let mut figures = Vec::new();
    for candidate in &report.candidates {
        for shots in report.shots() {
            let of_head = |head: String| {
                let found = report.measure(&candidate.name, &head, &shots, measure)?;
                Some((found.mean?, found, head))
            };
            let best = report
                .heads()
                .into_iter()
                .filter_map(of_head)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            figures.extend(best.map(|(mean, found, head)| CropFigure {
                candidate: candidate.name.clone(),
                head: crate::evaluate::head_name(&head),
                mean,
                deviation: found.deviation,
                splits: found.n,
                shots,
            }));
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(candidate: &str, shots: &str, mean: f64) -> CropFigure {
        CropFigure {
            candidate: candidate.to_owned(),
            shots: shots.to_owned(),
            head: "Linear".to_owned(),
            mean,
            deviation: Some(0.06),
            splits: 5,
        }
    }

    #[test]
    fn results_come_back_and_other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crops.json");
        let season = CropSeason {
            as_of: "2018-06-01".parse().ok(),
            period: "2018-03-01..2018-06-01".parse().unwrap(),
            map: "crops_2018-06-01.tif".into(),
            map_of: "kgvsf-tiny".to_owned(),
            accuracy: "crops_2018-06-01_accuracy.json".into(),
            figures: vec![
                figure("kgvsf-tiny", "10", 0.595),
                figure("raw stack", "10", 0.669),
            ],
        };
        let results = CropResults::new(Value::Null, vec![season], vec!["w".to_owned()]);
        std::fs::write(&path, serde_json::to_string(&results).unwrap()).unwrap();
        let read = CropResults::read_blocking(&path).unwrap();
        assert_eq!(read, results);
        assert_eq!(read.candidates(), ["kgvsf-tiny", "raw stack"]);
        assert_eq!(read.shots(), ["10"]);
        let season = &read.seasons[0];
        assert_eq!(season.up_to().to_string(), "2018-05-31");
        let text = season.figure("raw stack", "10").map(CropFigure::text);
        assert_eq!(text.as_deref(), Some("66.9 ± 6.0"));
        for text in ["", "{}", "{\"schema\":1,\"task\":\"evaluation\"}"] {
            std::fs::write(&path, text).unwrap();
            let error = CropResults::read_blocking(&path).unwrap_err();
            assert!(error.what.contains("crops.json"), "{}", error.what);
        }
    }
}
