//! What is known of the images a field of a series is made of: sensors, dates, files, the grid. Read on a file thread, shown by
//! the form. Knows archives. Knows nothing of windows or jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use terroir_engine::sources_of_weights;
use terroir_scene::{Archive, ArchiveSpec, Grid, Period, Source};

use crate::language::t;

/// Fewer files than this of a folder are named one by one.
const MOST_NAMED: usize = 4;

/// What is asked: these files, as a model with these weights sees them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArchiveQuestion {
    pub files: Vec<PathBuf>,
    pub weights: Option<PathBuf>,
}

/// One image.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFacts {
    pub date: Date,
    pub name: String,
    /// The files it is read from.
    pub files: Vec<PathBuf>,
}

/// The images of one sensor, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorFacts {
    pub name: String,
    pub bands: String,
    /// Its images are looked at.
    pub is_input: bool,
    /// A model can draw it.
    pub is_target: bool,
    pub images: Vec<ImageFacts>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ArchiveFacts {
    /// The files of the question, whole folders by their name.
    pub files: Vec<PathBuf>,
    pub grid: Grid,
    pub sensors: Vec<SensorFacts>,
    pub notes: Vec<String>,
}

/// Where a period lies among the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// So many images lie in it.
    Seen(usize),
    /// None lies in it, but before and after.
    Gap,
    /// Before or after all images.
    Beyond,
}

impl Standing {
    pub fn text(self) -> String {
        match self {
            Self::Seen(count) => t!("archive-images", count = count),
            Self::Gap => t!("archive-gap").to_owned(),
            Self::Beyond => t!("archive-beyond").to_owned(),
        }
    }
}

impl ArchiveFacts {
    /// Looks at headers and a few pixels. Blocks on the disk.
    ///
    /// # Errors
    /// What is wrong with the images or the weights, in words.
    pub fn read_blocking(question: &ArchiveQuestion) -> Result<Self, String> {
        let known: Option<Vec<Source>> = match &question.weights {
            Some(weights) => Some(sources_of_weights(weights).map_err(|failure| failure.what)?),
            None => None,
        };
        let spec = ArchiveSpec {
            files: whole_folders_blocking(&question.files),
            reference: None,
        };
        let archive = Archive::open(&spec, known.as_deref()).map_err(|error| error.to_string())?;
        let sensors = archive.sources.iter().map(|found| SensorFacts {
            name: found.source.name.clone(),
            bands: found.source.band_names(),
            is_input: found.source.is_input,
            is_target: found.source.is_target,
            images: found
                .frames
                .iter()
                .filter(|frame| !frame.is_static)
                .map(|frame| ImageFacts {
                    date: frame.date,
                    name: frame.name.clone(),
                    files: frame.files().into_iter().map(Path::to_owned).collect(),
                })
                .collect(),
        });
        Ok(Self {
            files: spec.files.clone(),
            grid: archive.grid.clone(),
            sensors: sensors.collect(),
            notes: archive.notes.clone(),
        })
    }

    fn dates(&self) -> impl Iterator<Item = Date> + '_ {
        let inputs = self.sensors.iter().filter(|sensor| sensor.is_input);
        inputs.flat_map(|sensor| sensor.images.iter().map(|image| image.date))
    }

    /// From the first to the last image.
    pub fn span(&self) -> Option<Period> {
        Period::of_dates(self.dates())
    }

    /// How many images of each sensor inside a period: `sentinel-2 118, sentinel-1 159`.
    pub fn counts_text(&self, period: Option<&Period>) -> String {
        let is_in = |date: Date| period.is_none_or(|period| period.contains(date));
        let counts = self.sensors.iter().filter_map(|sensor| {
            let images = sensor.images.iter();
            let count = images.filter(|image| is_in(image.date)).count();
            (sensor.is_input && count > 0).then(|| format!("{} {count}", sensor.name))
        });
        counts.collect::<Vec<_>>().join(", ")
    }

    /// Where a period lies among the images of the support.
    pub fn standing(&self, period: &Period, support: Option<&Period>) -> Standing {
        let (mut inside, mut before, mut after) = (0, false, false);
        for date in self
            .dates()
            .filter(|date| support.is_none_or(|support| support.contains(*date)))
        {
            inside += usize::from(period.contains(date));
            before |= date < period.from;
            after |= date >= period.to;
        }
        match (inside, before && after) {
            (0, true) => Standing::Gap,
            (0, false) => Standing::Beyond,
            (count, _) => Standing::Seen(count),
        }
    }

    /// The image of a sensor nearest to a day, the earlier of two.
    pub fn nearest(&self, sensor: &str, date: Date) -> Option<&ImageFacts> {
        let sensor = self.sensors.iter().find(|known| known.name == sensor)?;
        let days = |image: &&ImageFacts| (image.date - date).get_days().unsigned_abs();
        sensor.images.iter().min_by_key(days)
    }
}

/// Files that are all there is in their folder become the folder: a command line of one word instead of hundreds.
fn whole_folders_blocking(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    for file in files {
        if let Some(folder) = file.parent() {
            folders.entry(folder).or_default().insert(file);
        }
    }
    let whole: BTreeSet<&Path> = folders
        .iter()
        .filter(|(folder, own)| own.len() >= MOST_NAMED && is_all_of_blocking(folder, own))
        .map(|(folder, _)| *folder)
        .collect();
    let mut named: Vec<PathBuf> = Vec::new();
    for file in files {
        let name = match file.parent() {
            Some(folder) if whole.contains(folder) => folder,
            _ => file,
        };
        if !named.iter().any(|known| known == name) {
            named.push(name.to_owned());
        }
    }
    named
}

/// Whether a folder holds no other file of a kind these are of, and no folder that would be looked into.
fn is_all_of_blocking(folder: &Path, own: &BTreeSet<&Path>) -> bool {
    let kinds: BTreeSet<_> = own.iter().filter_map(|file| file.extension()).collect();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().all(|entry| {
        let path = entry.path();
        let is_of_kind = path.extension().is_some_and(|kind| kinds.contains(kind));
        own.contains(path.as_path()) || (!is_of_kind && !path.is_dir())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(dates: &[&str]) -> ArchiveFacts {
        let images = dates.iter().map(|date| ImageFacts {
            date: date.parse().unwrap(),
            name: format!("{date}.tif"),
            files: vec![format!("{date}.tif").into()],
        });
        ArchiveFacts {
            files: Vec::new(),
            grid: Grid {
                width: 8,
                height: 8,
                georef: terroir_scene::Georef::default(),
            },
            sensors: vec![SensorFacts {
                name: "sentinel-2".to_owned(),
                bands: "B02".to_owned(),
                is_input: true,
                is_target: true,
                images: images.collect(),
            }],
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_period_is_seen_in_a_gap_or_beyond() {
        let facts = facts(&["2018-03-02", "2018-03-20", "2018-07-01"]);
        let standing = |text: &str| facts.standing(&text.parse().unwrap(), None);
        assert_eq!(standing("2018-03"), Standing::Seen(2));
        assert_eq!(standing("2018-05"), Standing::Gap);
        assert_eq!(standing("2019"), Standing::Beyond);
        let support = "2018-06..2018-09".parse().unwrap();
        let march = "2018-03".parse().unwrap();
        assert_eq!(facts.standing(&march, Some(&support)), Standing::Beyond);
        assert_eq!(facts.counts_text(Some(&march)), "sentinel-2 2");
        assert_eq!(
            facts.span().map(|span| span.to_string()).as_deref(),
            Some("2018-03-02..2018-07-02")
        );
        let near = |day: &str| {
            let image = facts.nearest("sentinel-2", day.parse().unwrap());
            image.map(|image| image.name.clone())
        };
        assert_eq!(near("2018-03-11").as_deref(), Some("2018-03-02.tif"));
        assert_eq!(near("2020-01-01").as_deref(), Some("2018-07-01.tif"));
        assert_eq!(
            facts.nearest("landsat", "2018-03-11".parse().unwrap()),
            None
        );
    }

    #[test]
    fn whole_folders_are_named_once() {
        let home = tempfile::tempdir().unwrap();
        let make = |folder: &str, name: &str| {
            let path = home.path().join(folder).join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, b"").unwrap();
            path
        };
        let mut files: Vec<PathBuf> = (1..=5)
            .map(|day| make("s2", &format!("a_2018-05-0{day}.tif")))
            .collect();
        make("s2", "dates.csv");
        files.push(make("", "s1_vv.tif"));
        files.push(make("", "s1_vh.tif"));
        let named = whole_folders_blocking(&files);
        let expected = ["s2", "s1_vv.tif", "s1_vh.tif"].map(|name| home.path().join(name));
        assert_eq!(named, expected);
        // One more image there, and the folder would say too much.
        make("s2", "other_2018-05-06.tif");
        assert_eq!(whole_folders_blocking(&files).len(), 7);
    }
}
