//! Shards: a job's grid cut into parts of whole rows that are worked on by themselves, on one machine or on many, and joined
//! by the merge job. The plan of windows stays that of the whole, so that joined shards hold the bytes of a single run.
//! Knows rows and names of files; knows nothing of what a job computes.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use terroir_scene::{
    Grid, MapKind, MapPart, MapWriter, Provenance, Raster, SceneResult, Window, allow_address,
    is_store, store_path,
};

use crate::monitor::{JobResult, Monitor};
use crate::projection::hex;
use crate::provenance::value_of;
use crate::{Failure, JobSpec, Outcome};

/// Shards begin at multiples of this many rows: the largest side of a block, which all smaller sides divide.
pub(crate) const SHARD_ROWS: usize = 256;
/// More shards than rows any scene has are a mistake.
const MOST_SHARDS: usize = 1_000_000;
/// Between the name of the whole and the numbers of a shard.
const INFIX: &str = ".shard-";

/// One of several shares of a job, counted from 1; `2/4` in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: usize,
    count: usize,
}

impl Shard {
    pub fn number(self) -> usize {
        self.number
    }

    pub fn count(self) -> usize {
        self.count
    }

    /// The others of the same job and itself, in their order.
    pub fn all(count: usize) -> impl Iterator<Item = Self> {
        (1..=count).map(move |number| Self { number, count })
    }

    /// `map.tif` -> `map.shard-2-of-4.tif`: what a shard of that file is called.
    pub fn path_of(self, whole: &Path) -> PathBuf {
        let mut name = whole.file_stem().unwrap_or_default().to_owned();
        name.push(format!("{INFIX}{}-of-{}", self.number, self.count));
        if let Some(extension) = whole.extension() {
            name.push(".");
            name.push(extension);
        }
        whole.with_file_name(name)
    }

    /// Shards of `whole` that lie beside it, by number.
    pub fn beside_blocking(whole: &Path) -> Vec<(Self, PathBuf)> {
        let folder = match whole.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let stem = whole.file_stem().unwrap_or_default().to_string_lossy();
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found: Vec<(Self, PathBuf)> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                let rest = name.to_str()?.strip_prefix(&*stem)?.strip_prefix(INFIX)?;
                let (numbers, _) = rest.split_once('.')?;
                let (number, count) = numbers.split_once("-of-")?;
                let shard = format!("{number}/{count}").parse::<Self>().ok()?;
                let path = shard.path_of(whole);
                (path.file_name() == Some(&name)).then_some((shard, path))
            })
            .collect();
        found.sort();
        found
    }

    /// Which of `units` this shard has: shares differ by one at most; the last ones are empty where there are too few.
    fn share_of(self, units: usize) -> Range<usize> {
        if self.count >= units {
            return (self.number - 1).min(units)..self.number.min(units);
        }
        let start = |number: usize| (number as u128 * units as u128 / self.count as u128) as usize;
        start(self.number - 1)..start(self.number)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, count)| {
            let number = number.trim().parse::<usize>().ok()?;
            Some((number, count.trim().parse::<usize>().ok()?))
        });
        match numbers {
            Some((number, count)) if (1..=count).contains(&number) && count <= MOST_SHARDS => {
                Ok(Self { number, count })
            }
            Some((_, count)) if count > MOST_SHARDS => {
                Err(format!("there can be at most {MOST_SHARDS} shards"))
            }
            _ => Err(
                "a shard is named as its number and how many there are, from 1/4 to 4/4".to_owned(),
            ),
        }
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

/// A share of another job: what `--shard` makes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardSpec {
    pub shard: Shard,
    /// Its output is the whole's; the shard's files are called after it.
    pub of: Box<JobSpec>,
}

/// How much of its grid a job works on: all of it, or a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share(Option<Shard>);

impl Share {
    pub const WHOLE: Self = Self(None);

    pub fn of(shard: Shard) -> Self {
        Self(Some(shard))
    }

    /// Whether it is a part only.
    pub fn is_shard(self) -> bool {
        self.0.is_some()
    }

    /// The job as it goes into the provenance of the files.
    pub fn job(self, job: JobSpec) -> JobSpec {
        match self.0 {
            None => job,
            Some(shard) => JobSpec::Shard(ShardSpec {
                shard,
                of: Box::new(job),
            }),
        }
    }

    /// Where an output of the job goes.
    pub fn path_of(self, whole: &Path) -> PathBuf {
        self.0
            .map_or_else(|| whole.to_owned(), |shard| shard.path_of(whole))
    }

    /// The rows to work on; height 0 where there are more shards than `SHARD_ROWS` rows.
    pub fn rows(self, extent: Window) -> Window {
        let starts: Vec<usize> = (0..extent.height).step_by(SHARD_ROWS).collect();
        self.rows_between(extent, &starts)
    }

    /// The same where shards may begin at certain rows of `extent` only, counted from its first.
    pub fn rows_between(self, extent: Window, starts: &[usize]) -> Window {
        let Some(shard) = self.0 else {
            return extent;
        };
        let units = shard.share_of(starts.len());
        let start = |unit: usize| starts.get(unit).copied().unwrap_or(extent.height);
        let (first, end) = (start(units.start), start(units.end));
        Window {
            row: extent.row + first,
            height: end - first,
            ..extent
        }
    }

    /// The grid of the rows' own files.
    pub fn grid(self, grid: &Grid, rows: Window) -> Grid {
        match self.0 {
            None => grid.clone(),
            Some(_) => part_of(grid, rows, MapKind::Field).own_grid(),
        }
    }

    /// A writer of `rows` for the output called `whole`; windows are counted as in the whole grid.
    pub fn writer(
        self,
        whole: &Path,
        grid: &Grid,
        rows: Window,
        kind: MapKind,
    ) -> SceneResult<MapWriter> {
        match self.0 {
            None => MapWriter::create(whole, grid, kind),
            Some(shard) => MapWriter::create_part(&shard.path_of(whole), part_of(grid, rows, kind)),
        }
    }

    /// What a shard's files say beside what those of the whole say; `key` stands for all that went into it.
    pub fn provenance(self, key: &str) -> Provenance {
        let shard = self.0.map(|shard| {
            let text = json!({"shard": shard.to_string(), "key": key}).to_string();
            (SHARD_KEY.to_owned(), text)
        });
        shard.into_iter().collect()
    }

    /// The outcome of a shard that needs no work: it has no rows, or its files are there and were made of the same.
    pub fn done_blocking(
        self,
        rows: Window,
        outputs: &[PathBuf],
        key: &str,
        monitor: &Monitor<'_>,
    ) -> Option<Outcome> {
        let shard = self.0?;
        if rows.height == 0 {
            return Some(Outcome {
                summary: format!(
                    "There are more shards than rows of blocks of {SHARD_ROWS} pixels; shard {shard} has nothing to do"
                ),
                warnings: monitor.warnings(),
                ..Outcome::default()
            });
        }
        let files: Vec<PathBuf> = outputs
            .iter()
            .map(|whole| store_path(&shard.path_of(whole)))
            .collect();
        let is_done = |path: &PathBuf| {
            // Naming a place for results is asking for it, and for the shard's name there.
            if is_store(path) {
                allow_address(path);
            }
            (is_store(path) || path.exists())
                && Raster::open(path).is_ok_and(|raster| {
                    let said = value_of(raster.info(), &format!("TERROIR_{SHARD_KEY}"));
                    said.is_some_and(|said| said.contains(&format!("\"{key}\"")))
                })
        };
        files.iter().all(is_done).then(|| Outcome {
            files,
            summary: format!("Shard {shard} is finished already; nothing was done"),
            metrics: Vec::new(),
            warnings: monitor.warnings(),
        })
    }
}

/// Key of the provenance that says which shard a file is and of what it was made.
pub(crate) const SHARD_KEY: &str = "SHARD";

fn part_of(grid: &Grid, window: Window, kind: MapKind) -> MapPart {
    MapPart {
        grid: grid.clone(),
        window,
        kind,
    }
}

/// A short text that two runs share only if all of `parts` are the same.
pub(crate) fn key_of(job: &JobSpec, parts: &[&str]) -> Result<String, Failure> {
    let job = serde_json::to_string(job)
        .map_err(|error| Failure::new("the job cannot be written down").with_details(error))?;
    let text = format!("{}\n{job}\n{}", env!("CARGO_PKG_VERSION"), parts.join("\n"));
    Ok(hex(&Sha256::digest(text.as_bytes())))
}

/// Says which jobs can be sharded.
pub(crate) fn cannot_be_sharded() -> Failure {
    Failure::new(
        "this job cannot be done in shards; embed, predict, calc, composite, change, regress, similar and soil can",
    )
}

/// Words around the outcome of a job that was one shard.
pub(crate) fn shard_outcome(shard: Shard, outcome: JobResult<Outcome>) -> JobResult<Outcome> {
    let mut outcome = outcome?;
    if !outcome.files.is_empty() && !outcome.summary.starts_with("Shard") {
        outcome.summary = format!("Shard {shard}: {}", outcome.summary);
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(text: &str) -> Shard {
        text.parse().unwrap()
    }

    #[test]
    fn shards_are_named_by_number_and_count() {
        assert_eq!(shard("2/4").to_string(), "2/4");
        assert_eq!(shard(" 1 / 1 ").to_string(), "1/1");
        for text in ["0/4", "5/4", "2", "2/", "/4", "-1/4", "a/b", "1/0", "2/4/8"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert!(
            "1/9999999"
                .parse::<Shard>()
                .unwrap_err()
                .contains("at most")
        );
        let text = serde_json::to_string(&shard("3/7")).unwrap();
        assert_eq!(text, "\"3/7\"");
        assert!(serde_json::from_str::<Shard>("\"0/7\"").is_err());
    }

    #[test]
    fn every_row_belongs_to_one_shard_and_shares_are_even() {
        let extent = |height: usize| Window {
            col: 0,
            row: 0,
            width: 10,
            height,
        };
        for (height, count) in [(1, 1), (5, 3), (256, 2), (257, 2), (2_000, 3), (40_000, 7)] {
            let mut next = 0;
            let mut rows = Vec::new();
            for shard in Shard::all(count) {
                let own = Share::of(shard).rows(extent(height));
                assert_eq!((own.row, own.width), (next, 10), "{shard} of {height}");
                assert_eq!(own.row % SHARD_ROWS % height, 0);
                next = own.end_row();
                rows.push(own.height.div_ceil(SHARD_ROWS));
            }
            assert_eq!(next, height);
            let spread = rows.iter().max().unwrap() - rows.iter().min().unwrap();
            assert!(spread <= 1, "{rows:?}");
        }
        assert_eq!(Share::of(shard("9/9")).rows(extent(700)).height, 0);
        assert_eq!(Share::of(shard("3/9")).rows(extent(700)).height, 188);
        assert_eq!(Share::WHOLE.rows(extent(700)), extent(700));
    }

    #[test]
    fn rows_may_be_cut_only_where_blocks_begin() {
        let extent = Window {
            col: 3,
            row: 20,
            width: 5,
            height: 100,
        };
        let rows = |text: &str| Share::of(shard(text)).rows_between(extent, &[0, 48, 96]);
        let found: Vec<(usize, usize)> = ["1/2", "2/2"].map(rows).map(|w| (w.row, w.height)).into();
        assert_eq!(found, [(20, 48), (68, 52)]);
    }

    #[test]
    fn files_of_shards_are_called_after_the_whole_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("a.map.tif");
        let one = shard("2/12").path_of(&whole);
        assert_eq!(one.file_name().unwrap(), "a.map.shard-2-of-12.tif");
        for name in [
            "a.map.shard-10-of-12.tif",
            "a.map.shard-2-of-12.tif",
            "a.map.shard-2-of-12.tif.aux.xml",
            "a.map.shard-02-of-12.tif",
            "a.map.shard-2-of-12.qml",
            "a.map.shard-13-of-12.tif",
            "a.map_confidence.shard-2-of-12.tif",
            "a.map.tif",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = Shard::beside_blocking(&whole);
        let numbers: Vec<usize> = found.iter().map(|(shard, _)| shard.number()).collect();
        assert_eq!(numbers, [2, 10]);
        assert_eq!(found[0].1, one);
    }
}
