//! The weights a user has: files in one folder, each with a note beside it of what it is and where it came from.
//! Knows files and notes. Knows nothing of tensors, jobs or the network.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use terroir_models::{
    CATALOGUE, DofaConfig, KGVSF_NAMES, KgvsfConfig, PUBLISHED, STP_NAMES, StpConfig, StpSource,
    StpTarget,
};

use crate::{Failure, ModelInfo, PublishedWeights};

/// Names another folder for the weights.
const FOLDER_VARIABLE: &str = "TERROIR_MODELS";
/// Families of models: of single scenes, of archives, and of images with weather.
const DOFA: &str = "DOFA";
const STP: &str = "STP";
const KGVSF: &str = "KG-VSF";
/// Bands and drivers of the published sizes.
const KGVSF_INPUTS: [usize; 2] = [6, 5];
/// What weights files end in, for those built in.
const ENDINGS: [&str; 4] = ["safetensors", "bpk", "pth", "pt"];

/// Weights on this machine, as the note beside the file tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstalledWeights {
    /// The model of the catalogue they are of.
    pub model: String,
    /// Name of the file.
    pub file: String,
    /// Where it lies now.
    #[serde(default)]
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
    /// The published file it is, if its hash says so.
    #[serde(default)]
    pub published: Option<String>,
    /// The address or the file it came from.
    pub source: String,
    #[serde(default)]
    pub licence: Option<String>,
    /// Kept in half precision; widened when loaded.
    #[serde(default)]
    pub is_half: bool,
    /// What its user should know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// When it came here, UTC.
    pub installed: String,
    /// Whether a file of the noted size is there; only `verify` looks inside.
    #[serde(default)]
    pub is_there: bool,
}

/// The folder of this user's weights: `TERROIR_MODELS`, else `models` in the program's data folder.
///
/// # Errors
/// The system does not say where the user's files belong.
pub fn models_folder() -> Result<PathBuf, Failure> {
    if let Some(folder) = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()) {
        return Ok(PathBuf::from(folder));
    }
    directories::ProjectDirs::from("", "", "terroir")
        .map(|dirs| dirs.data_local_dir().join("models"))
        .ok_or_else(|| {
            Failure::new(format!(
                "this system does not say where a user's files belong; name a folder for weights in {FOLDER_VARIABLE}"
            ))
        })
}

/// A folder of weights.
#[derive(Clone, Debug)]
pub struct ModelStore {
    folder: PathBuf,
}

impl ModelStore {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every noted file, newest first. A folder that is not there holds none; notes that cannot be read are left out.
    pub fn installed_blocking(&self) -> Vec<InstalledWeights> {
        let mut found: Vec<InstalledWeights> = self
            .names()
            .into_iter()
            .filter(|name| name.ends_with(".json"))
            .filter_map(|name| {
                let text = std::fs::read_to_string(self.folder.join(&name)).ok()?;
                let mut weights: InstalledWeights = serde_json::from_str(&text).ok()?;
                // A note speaks of the file beside it and of no other.
                if name != format!("{}.json", weights.file) {
                    return None;
                }
                weights.path = self.folder.join(&weights.file);
                weights.is_there = std::fs::metadata(&weights.path)
                    .is_ok_and(|meta| meta.is_file() && meta.len() == weights.bytes);
                Some(weights)
            })
            .collect();
        found.sort_by(|a, b| (&b.installed, &a.file).cmp(&(&a.installed, &b.file)));
        found
    }

    /// Downloads that have not come to their end: name of the file and bytes that are there.
    pub fn unfinished_blocking(&self) -> Vec<(String, u64)> {
        self.names()
            .into_iter()
            .filter(|name| !name.ends_with(".lock.part") && !name.ends_with(".json.part"))
            .filter_map(|name| {
                let bytes = std::fs::metadata(self.folder.join(&name)).ok()?.len();
                Some((name.strip_suffix(".part")?.to_owned(), bytes))
            })
            .collect()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// The weights a model is run with if nothing else is said: the newest that are there.
    pub fn weights_of_blocking(&self, model: &str) -> Option<InstalledWeights> {
        self.installed_blocking()
            .into_iter()
            .find(|weights| weights.model == model && weights.is_there)
    }

    /// Everything a name stands for: a model, one of its files, or an unfinished download. Paths and bytes.
    pub fn removable_blocking(&self, name: &str) -> Vec<(PathBuf, u64)> {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
        let mut found: Vec<(PathBuf, u64)> = self
            .installed_blocking()
            .into_iter()
            .filter(|weights| weights.model == name || weights.file == name)
            .map(|weights| (weights.path.clone(), size(&weights.path)))
            .collect();
        let is_of_model = |file: &str| {
            PUBLISHED
                .iter()
                .any(|known| known.model == name && known.file == file)
        };
        for (file, bytes) in self.unfinished_blocking() {
            if file == name || is_of_model(&file) {
                found.push((self.part_path(&file), bytes));
            }
        }
        found
    }

    /// Deletes files named by [`Self::removable_blocking`], with their notes. Files outside the folder are left alone.
    ///
    /// # Errors
    /// A file that cannot be deleted.
    pub fn remove_blocking(&self, paths: &[PathBuf]) -> Result<(), Failure> {
        for path in paths
            .iter()
            .filter(|path| path.parent() == Some(&self.folder))
        {
            let gone = |path: &Path| match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Failure::io("the weights cannot be deleted", path, &error))
                }
                _ => Ok(()),
            };
            gone(path)?;
            gone(&note_path(path))?;
            gone(&crate::download::mark_path(path))?;
        }
        Ok(())
    }

    /// Where a file grows while it arrives.
    pub(crate) fn part_path(&self, file: &str) -> PathBuf {
        self.folder.join(format!("{file}.part"))
    }

    /// A name in the folder for a file of this name and hash; the hash tells two files of one name apart.
    pub(crate) fn free_name_blocking(&self, file: &str, sha256: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name: String = file
            .chars()
            .map(|c| if plain(c) { c } else { '_' })
            .collect();
        let name = name.trim_start_matches('.');
        let name = if name.is_empty() { "weights" } else { name };
        if !self.folder.join(name).exists() {
            return name.to_owned();
        }
        let start = sha256.get(..8).unwrap_or(sha256);
        match name.rsplit_once('.') {
            Some((stem, ending)) => format!("{stem}-{start}.{ending}"),
            None => format!("{name}-{start}"),
        }
    }

    /// Writes the note of a finished file and moves it to its place.
    pub(crate) fn keep_blocking(
        &self,
        part: &Path,
        weights: &InstalledWeights,
    ) -> Result<(), Failure> {
        let path = self.folder.join(&weights.file);
        let failed = |error: std::io::Error| {
            Failure::io("the weights cannot be put in their place", &path, &error)
        };
        let text = serde_json::to_string_pretty(weights).map_err(|error| {
            Failure::new("the note of the weights cannot be written").with_details(error)
        })?;
        // A note without its file says so; a file without its note would be taken for a stranger's.
        terroir_scene::write_beside(&note_path(&path), text.as_bytes())?;
        std::fs::rename(part, &path).map_err(failed)?;
        std::fs::remove_file(crate::download::mark_path(part)).ok();
        Ok(())
    }

    /// The catalogue with what is installed and what could be. `built_in` holds a folder for each model that comes with
    /// the program.
    pub fn models_blocking(&self, built_in: Option<&Path>) -> Vec<ModelInfo> {
        let installed = self.installed_blocking();
        let unfinished = self.unfinished_blocking();
        models()
            .into_iter()
            .map(|mut model| {
                model.installed = installed
                    .iter()
                    .filter(|weights| weights.model == model.name)
                    .cloned()
                    .collect();
                model.built_in =
                    built_in.and_then(|folder| built_in_weights_blocking(folder, &model.name));
                for published in &mut model.published {
                    published.bytes_there = unfinished
                        .iter()
                        .find(|(file, _)| *file == published.file)
                        .map_or(0, |(_, bytes)| *bytes);
                }
                if model.weights().is_some() {
                    "trained".clone_into(&mut model.state);
                }
                model
            })
            .collect()
    }
}

/// The weights that come with the program for a model: the first weights file in `<folder>/<model>`.
fn built_in_weights_blocking(folder: &Path, model: &str) -> Option<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join(model))
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .and_then(|ending| ending.to_str())
                .is_some_and(|ending| ENDINGS.contains(&ending))
        })
        .collect();
    files.sort();
    files.into_iter().next()
}

fn note_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".json");
    path.with_file_name(name)
}

/// Models this build can run, without a look at the disk.
pub fn models() -> Vec<ModelInfo> {
    CATALOGUE
        .iter()
        .filter_map(|name| {
            let config = DofaConfig::by_name(name)?;
            let published = PUBLISHED
                .iter()
                .filter(|file| file.model == *name)
                .map(|file| PublishedWeights {
                    file: file.file.to_owned(),
                    repository: file.repository.to_owned(),
                    bytes: file.about_bytes,
                    sha256: file.sha256.map(str::to_owned),
                    licence: file.licence.to_owned(),
                    note: file.note.to_owned(),
                    bytes_there: 0,
                })
                .collect();
            Some(ModelInfo {
                name: (*name).to_owned(),
                family: DOFA.to_owned(),
                parameters: config.parameter_count() as u64,
                patch: config.patch,
                width: config.width,
                depth: config.depth,
                state: "untrained".to_owned(),
                installed: Vec::new(),
                built_in: None,
                published,
            })
        })
        .chain(STP_NAMES.iter().filter_map(|name| stp_model(name)))
        .chain(KGVSF_NAMES.iter().filter_map(|name| kgvsf_model(name)))
        .collect()
}

/// A size of STP. How many parameters it has depends on its sensors; told is the number for the published ones.
fn stp_model(name: &str) -> Option<ModelInfo> {
    let source = |name: &str, bands| StpSource {
        name: name.to_owned(),
        bands,
    };
    let sources = [("sentinel-2", 5), ("sentinel-1", 5), ("landsat", 7)];
    let targets = sources.iter().chain(&[("elevation", 1)]);
    let targets = targets.map(|(name, outputs)| StpTarget {
        name: (*name).to_owned(),
        outputs: *outputs,
        meta: 0,
    });
    let inputs = sources.iter().map(|(name, bands)| source(name, *bands));
    let config = StpConfig::by_name(name, inputs.collect(), targets.collect())?;
    Some(ModelInfo {
        name: name.to_owned(),
        family: STP.to_owned(),
        parameters: config.parameter_count() as u64,
        patch: 1,
        width: config.precision,
        depth: config.blocks,
        state: "untrained".to_owned(),
        installed: Vec::new(),
        built_in: None,
        published: Vec::new(),
    })
}

/// A size of KG-VSF. How many parameters it has depends on its bands; told is the number for six.
fn kgvsf_model(name: &str) -> Option<ModelInfo> {
    let [bands, drivers] = KGVSF_INPUTS;
    let config = KgvsfConfig::by_name(name, bands, drivers)?;
    Some(ModelInfo {
        name: name.to_owned(),
        family: KGVSF.to_owned(),
        parameters: config.parameter_count() as u64,
        patch: config.patch_px,
        width: config.width,
        depth: config.image_blocks,
        state: "untrained".to_owned(),
        installed: Vec::new(),
        built_in: None,
        published: Vec::new(),
    })
}

/// `447.7 MB`, powers of ten as file managers count.
pub fn size_text(bytes: u64) -> String {
    match bytes {
        0..=999 => format!("{bytes} bytes"),
        1_000..=999_999 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..=999_999_999 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(model: &str, file: &str, installed: &str) -> InstalledWeights {
        InstalledWeights {
            model: model.to_owned(),
            file: file.to_owned(),
            path: PathBuf::new(),
            bytes: 3,
            sha256: "a".repeat(64),
            published: None,
            source: "here".to_owned(),
            licence: None,
            is_half: false,
            notes: Vec::new(),
            installed: installed.to_owned(),
            is_there: false,
        }
    }

    fn keep(store: &ModelStore, weights: &InstalledWeights) {
        let part = store.part_path(&weights.file);
        std::fs::write(&part, b"abc").unwrap();
        store.keep_blocking(&part, weights).unwrap();
    }

    #[test]
    fn the_newest_weights_that_are_there_are_used() {
        let folder = tempfile::tempdir().unwrap();
        let store = ModelStore::new(folder.path());
        assert!(store.installed_blocking().is_empty());
        keep(
            &store,
            &weights("dofa-tiny", "old.pth", "2026-01-01T00:00:00Z"),
        );
        keep(
            &store,
            &weights("dofa-tiny", "new.pth", "2026-02-01T00:00:00Z"),
        );
        assert_eq!(
            store.weights_of_blocking("dofa-tiny").unwrap().file,
            "new.pth"
        );
        assert!(store.weights_of_blocking("dofa-base").is_none());
        std::fs::write(folder.path().join("new.pth"), b"longer").unwrap();
        assert_eq!(
            store.weights_of_blocking("dofa-tiny").unwrap().file,
            "old.pth"
        );
        let tiny = store
            .models_blocking(None)
            .into_iter()
            .find(|model| model.name == "dofa-tiny")
            .unwrap();
        assert_eq!((tiny.state.as_str(), tiny.installed.len()), ("trained", 2));
        assert_eq!(tiny.weights().unwrap(), folder.path().join("old.pth"));
    }

    #[test]
    fn removing_takes_files_of_the_folder_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("models");
        std::fs::create_dir(&inside).unwrap();
        let store = ModelStore::new(&inside);
        let outside = folder.path().join("mine.pth");
        std::fs::write(&outside, b"abc").unwrap();
        keep(
            &store,
            &weights("dofa-tiny", "a.pth", "2026-01-01T00:00:00Z"),
        );
        std::fs::write(store.part_path("DOFA_ViT_base_e100.pth"), b"half").unwrap();
        // A note that speaks of another file is none.
        let forged = serde_json::to_string(&weights("dofa-tiny", "../mine.pth", "x")).unwrap();
        std::fs::write(inside.join("b.pth.json"), forged).unwrap();

        assert_eq!(
            store.removable_blocking("dofa-base"),
            [(store.part_path("DOFA_ViT_base_e100.pth"), 4)]
        );
        let found = store.removable_blocking("dofa-tiny");
        assert_eq!(found, [(inside.join("a.pth"), 3)]);
        store
            .remove_blocking(&[found[0].0.clone(), outside.clone()])
            .unwrap();
        assert!(outside.exists());
        assert!(store.installed_blocking().is_empty());
        assert!(!inside.join("a.pth.json").exists());
    }

    #[test]
    fn names_are_made_safe_and_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        let store = ModelStore::new(folder.path());
        let hash = "0123456789".repeat(6);
        assert_eq!(
            store.free_name_blocking("../my weights.pth", &hash),
            "_my_weights.pth"
        );
        assert_eq!(store.free_name_blocking("", &hash), "weights");
        std::fs::write(folder.path().join("a.pth"), b"x").unwrap();
        assert_eq!(store.free_name_blocking("a.pth", &hash), "a-01234567.pth");
    }

    #[test]
    fn the_catalogue_counts_without_making_models() {
        let models = models();
        assert_eq!(models[0].name, "dofa-tiny");
        for (family, least) in [(DOFA, 4), (STP, 4), (KGVSF, 3)] {
            let sizes: Vec<u64> = models
                .iter()
                .filter(|model| model.family == family)
                .map(|model| model.parameters)
                .collect();
            assert!(
                sizes.len() >= least && sizes.is_sorted(),
                "{family}: {sizes:?}"
            );
        }
        assert!(models.iter().all(|model| model.state == "untrained"));
        let base = models
            .iter()
            .find(|model| model.name == "dofa-base")
            .unwrap();
        assert_eq!(base.published.len(), 2);
    }
}
