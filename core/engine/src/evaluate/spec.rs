//! What an evaluation is told: plain words, as in `job`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use terroir_scene::{ArchiveSpec, CompositeStatistic, Period, Probe};

/// How many labels train: of each class, or of all values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shots {
    Few(usize),
    /// All there are, up to [`EvaluateSpec::most`].
    Max,
}

impl fmt::Display for Shots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Few(count) => write!(f, "{count}"),
            Self::Max => f.write_str("max"),
        }
    }
}

impl FromStr for Shots {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "max" => Ok(Self::Max),
            number => match number.parse() {
                Ok(count) if count > 0 => Ok(Self::Few(count)),
                _ => Err(format!(
                    "{text}: give a number of labels, 1 or more, or max"
                )),
            },
        }
    }
}

impl Serialize for Shots {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Shots {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One of the representations that are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// What it is called in the report.
    pub name: String,
    pub source: CandidateSource,
}

/// Where the numbers of a place come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateSource {
    /// The 64 numbers of a field.
    Field(PathBuf),
    /// Two fields of one place, for labels of change: both beside each other, and how far they lie apart.
    Pair { before: PathBuf, after: PathBuf },
    /// Of the archive: one value a band for all dates.
    Composite(CompositeStatistic),
    /// Of the archive: mean and waves of the year, band by band.
    Harmonics,
    /// Of the archive: all bands of all dates.
    Stack,
}

impl CandidateSource {
    /// What is worked out of the archive unless something else is said.
    pub const OF_ARCHIVE: [Self; 3] = [
        Self::Composite(CompositeStatistic::Median),
        Self::Harmonics,
        Self::Stack,
    ];

    /// The word of the command line, for what is worked out of the archive.
    pub fn archive_word(&self) -> Option<&'static str> {
        match self {
            Self::Composite(statistic) => Some(statistic.word()),
            Self::Harmonics => Some("harmonics"),
            Self::Stack => Some("stack"),
            Self::Field(_) | Self::Pair { .. } => None,
        }
    }

    /// What it is called in the report, for what is worked out of the archive.
    pub fn archive_name(&self) -> Option<&'static str> {
        match self {
            Self::Composite(CompositeStatistic::Median) => Some("median composite"),
            Self::Composite(CompositeStatistic::Mean) => Some("mean composite"),
            Self::Composite(CompositeStatistic::MaxNdvi) => Some("greenest image"),
            Self::Harmonics => Some("harmonics"),
            Self::Stack => Some("raw stack"),
            Self::Field(_) | Self::Pair { .. } => None,
        }
    }
}

impl Candidate {
    pub fn field(name: &str, path: &Path) -> Self {
        Self {
            name: name.to_owned(),
            source: CandidateSource::Field(path.to_owned()),
        }
    }

    /// Rasters it reads.
    pub fn rasters(&self) -> Vec<&Path> {
        match &self.source {
            CandidateSource::Field(path) => vec![path],
            CandidateSource::Pair { before, after } => vec![before, after],
            CandidateSource::Composite(_) | CandidateSource::Harmonics | CandidateSource::Stack => {
                Vec::new()
            }
        }
    }
}

/// Representations and labels to how well simple heads do on each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluateSpec {
    pub candidates: Vec<Candidate>,
    /// Dated images that composites, harmonics and stacks are worked out of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveSpec>,
    /// Images of the archive that are used; `None` = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Raster (band 1 class, band 2 polygon), vector file or table of points, or a layer of a file (`file:layer`).
    pub labels: String,
    /// `None` = the well-known names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_attribute: Option<String>,
    /// Column with measured values: predicts these instead of classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// In a label raster 0 is a class of its own, not "no label".
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub zero_is_class: bool,
    /// File of fixed splits; `None` = blocks and polygons are dealt out by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<PathBuf>,
    pub heads: Vec<Probe>,
    pub shots: Vec<Shots>,
    /// Labels a class that [`Shots::Max`] means at most; of values ten times as many in all.
    pub most: usize,
    /// Splits that are drawn, each with labels of its own.
    pub seeds: usize,
    /// The first of them.
    #[serde(default)]
    pub seed: u64,
    /// `report.json`; the page goes beside it (`.html`).
    pub out: PathBuf,
}

impl EvaluateSpec {
    /// Labels a class of the published protocol (specification of STP, section 12.1).
    pub const MOST: usize = 300;
    pub const SEEDS: usize = 5;
    /// More splits than this are refused.
    pub const MOST_SEEDS: usize = 1000;

    /// Labels a class, unless said otherwise.
    pub const CLASS_SHOTS: [Shots; 3] = [Shots::Few(1), Shots::Few(10), Shots::Max];
    /// Values in all, unless said otherwise.
    pub const VALUE_SHOTS: [Shots; 2] = [Shots::Few(100), Shots::Max];

    /// Those of the task, unless said otherwise.
    pub fn default_shots(has_values: bool) -> Vec<Shots> {
        if has_values {
            Self::VALUE_SHOTS.to_vec()
        } else {
            Self::CLASS_SHOTS.to_vec()
        }
    }

    /// What a figure is called among the job's metrics: the main measure of one head on one candidate.
    pub fn metric_name(candidate: &str, head: Probe, shots: Shots) -> String {
        format!("{candidate}/{}/{shots}", head.word())
    }

    /// Rasters it reads beside the labels; of an archive the files and folders named.
    pub fn rasters(&self) -> Vec<&Path> {
        let archive = self.archive.iter().flat_map(|archive| &archive.files);
        self.candidates
            .iter()
            .flat_map(Candidate::rasters)
            .chain(archive.map(PathBuf::as_path))
            .collect()
    }

    /// Lets `change` look at every input file but the labels, and put another path in its place.
    ///
    /// # Errors
    /// The first that `change` gives.
    pub fn each_input<E>(
        &mut self,
        mut change: impl FnMut(&mut PathBuf) -> Result<(), E>,
    ) -> Result<(), E> {
        for candidate in &mut self.candidates {
            match &mut candidate.source {
                CandidateSource::Field(path) => change(path)?,
                CandidateSource::Pair { before, after } => {
                    change(before)?;
                    change(after)?;
                }
                CandidateSource::Composite(_)
                | CandidateSource::Harmonics
                | CandidateSource::Stack => {}
            }
        }
        if let Some(archive) = &mut self.archive {
            archive.files.iter_mut().try_for_each(&mut change)?;
            archive.reference.as_mut().map_or(Ok(()), &mut change)?;
        }
        self.split.as_mut().map_or(Ok(()), change)
    }

    /// Words of the command line that say the same, what is as by default left out.
    pub(crate) fn words(&self) -> Vec<(String, Vec<String>)> {
        let text = |path: &Path| path.display().to_string();
        let mut words = vec![("field".to_owned(), Vec::new())];
        let mut pairs = Vec::new();
        for candidate in &self.candidates {
            let name = &candidate.name;
            match &candidate.source {
                CandidateSource::Field(path) => {
                    words.push((format!("{name}={}", text(path)), Vec::new()));
                }
                CandidateSource::Pair { before, after } => pairs.push((
                    "--pair".to_owned(),
                    vec![format!("{name}={}", text(before)), text(after)],
                )),
                CandidateSource::Composite(_)
                | CandidateSource::Harmonics
                | CandidateSource::Stack => {}
            }
        }
        words.extend(pairs);
        if let Some(archive) = &self.archive {
            let files = archive.files.iter().map(|file| text(file)).collect();
            words.push(("--archive".to_owned(), files));
            if let Some(reference) = &archive.reference {
                words.push(("--reference".to_owned(), vec![text(reference)]));
            }
            let compared: Vec<&CandidateSource> = self
                .candidates
                .iter()
                .map(|candidate| &candidate.source)
                .filter(|source| source.archive_word().is_some())
                .collect();
            if !compared.iter().copied().eq(&CandidateSource::OF_ARCHIVE) {
                let list: Vec<&str> = compared.iter().filter_map(|s| s.archive_word()).collect();
                words.push(("--compare".to_owned(), vec![list.join(",")]));
            }
            if let Some(period) = &self.period {
                words.push(("--period".to_owned(), vec![period.to_string()]));
            }
        }
        let mut add = |word: &str, value: String| words.push((word.to_owned(), vec![value]));
        add("--labels", self.labels.clone());
        if let Some(attribute) = &self.class_attribute {
            add("--class-attribute", attribute.clone());
        }
        if let Some(value) = &self.value {
            add("--value", value.clone());
        }
        if let Some(split) = &self.split {
            add("--split", text(split));
        }
        if self.heads != Probe::ALL {
            let heads: Vec<&str> = self.heads.iter().map(|head| head.word()).collect();
            add("--heads", heads.join(","));
        }
        if self.shots != Self::default_shots(self.value.is_some()) {
            let shots: Vec<String> = self.shots.iter().map(Shots::to_string).collect();
            add("--shots", shots.join(","));
        }
        if self.most != Self::MOST {
            add("--most", self.most.to_string());
        }
        if self.seeds != Self::SEEDS {
            add("--seeds", self.seeds.to_string());
        }
        if self.seed != 0 {
            add("--seed", self.seed.to_string());
        }
        add("--out", text(&self.out));
        if self.zero_is_class {
            words.push(("--zero-is-class".to_owned(), Vec::new()));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobSpec, command_line};

    fn spec() -> EvaluateSpec {
        EvaluateSpec {
            candidates: vec![
                Candidate::field("mine", Path::new("a.tif")),
                Candidate {
                    name: "years".to_owned(),
                    source: CandidateSource::Pair {
                        before: "2019.tif".into(),
                        after: "my 2020.tif".into(),
                    },
                },
            ],
            archive: None,
            period: None,
            labels: "labels.tif".to_owned(),
            class_attribute: None,
            value: None,
            zero_is_class: true,
            split: None,
            heads: Probe::ALL.to_vec(),
            shots: EvaluateSpec::CLASS_SHOTS.to_vec(),
            most: EvaluateSpec::MOST,
            seeds: 5,
            seed: 0,
            out: "r.json".into(),
        }
    }

    #[test]
    fn what_is_as_by_default_is_not_said() {
        let mut spec = spec();
        assert_eq!(
            command_line(&JobSpec::Evaluate(spec.clone())),
            "terroir evaluate field mine=a.tif --pair years=2019.tif 'my 2020.tif' --labels labels.tif --out r.json --zero-is-class"
        );
        spec.candidates.pop();
        spec.zero_is_class = false;
        spec.heads = vec![Probe::Linear];
        spec.shots = vec![Shots::Few(5), Shots::Max];
        (spec.seeds, spec.seed, spec.most) = (20, 3, 50);
        spec.split = Some("s.json".into());
        assert_eq!(
            command_line(&JobSpec::Evaluate(spec.clone())),
            "terroir evaluate field mine=a.tif --labels labels.tif --split s.json --heads linear --shots 5,max --most 50 --seeds 20 --seed 3 --out r.json"
        );
        spec.archive = Some(ArchiveSpec {
            files: vec!["s2".into(), "l8".into()],
            reference: None,
        });
        spec.period = "2018".parse().ok();
        let stack = Candidate {
            name: "raw stack".to_owned(),
            source: CandidateSource::Stack,
        };
        spec.candidates.push(stack);
        let line = command_line(&JobSpec::Evaluate(spec.clone()));
        assert!(
            line.contains("mine=a.tif --archive s2 l8 --compare stack --period 2018-01-01..2019-01-01 --labels"),
            "{line}"
        );
        let text = serde_json::to_string(&spec).unwrap();
        assert!(text.contains(r#""shots":["5","max"]"#), "{text}");
        assert_eq!(serde_json::from_str::<EvaluateSpec>(&text).unwrap(), spec);
    }

    #[test]
    fn shots_are_numbers_or_max() {
        assert_eq!("10".parse(), Ok(Shots::Few(10)));
        assert_eq!(" max".parse(), Ok(Shots::Max));
        for wrong in ["0", "-1", "all", ""] {
            assert!(wrong.parse::<Shots>().is_err(), "{wrong}");
        }
    }
}
