//! What the Training panel asks before a pretraining on archives, and that run as a job: open series of one place and folders.
//! Knows forms, layers and jobs. Draws nothing and reads no file.

use std::collections::HashSet;
use std::path::PathBuf;

use terroir_engine::{JobSpec, ModelInfo, PretrainStpSpec};
use terroir_scene::{ArchiveSpec, Grid, LayerId, LayerSource, Series};

use crate::jobs::beside;
use crate::language::t;
use crate::state::State;

/// The form of a pretraining on archives.
pub struct StpForm {
    pub model: String,
    /// Series that are open and not to be used.
    pub left_out: HashSet<LayerId>,
    /// Folders of dated scenes, an archive each.
    pub folders: Vec<PathBuf>,
    /// Go on from the model's weights instead of from nothing.
    pub from_weights: bool,
    pub steps: u64,
    pub batch: usize,
    pub rate: f64,
    pub side: usize,
    pub frames: usize,
}

impl Default for StpForm {
    fn default() -> Self {
        Self {
            model: "stp-tiny".to_owned(),
            left_out: HashSet::new(),
            folders: Vec::new(),
            from_weights: false,
            steps: 2000,
            batch: 8,
            rate: 2e-3,
            side: 32,
            frames: 24,
        }
    }
}

/// Series of one place: what one archive is made of.
pub struct SeriesGroup {
    pub layers: Vec<(LayerId, String)>,
    /// Dated images of all of them.
    pub frames: usize,
    grids: Vec<Grid>,
    files: Vec<PathBuf>,
}

impl SeriesGroup {
    /// What its images lie in.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What a result is named after and lies beside: the only file, or the folder of several, which is not written into.
    pub fn named_after(&self) -> Option<PathBuf> {
        match self.files.as_slice() {
            [first, _, ..] => first.parent().map(PathBuf::from),
            files => files.first().cloned(),
        }
    }
}

impl State {
    /// Sizes of a family, as far as they are known.
    pub fn models_of(&self, family: &str) -> Vec<ModelInfo> {
        let mut models = self.models.all();
        models.retain(|model| model.family == family);
        models
    }

    /// The weights a pretraining may go on from.
    pub fn stp_weights(&self) -> Option<PathBuf> {
        self.models.weights_of(&self.training.stp.model)
    }

    /// Open series, those of one place together. Series whose images are missing are left out.
    pub fn series_groups(&self) -> Vec<SeriesGroup> {
        let mut groups: Vec<SeriesGroup> = Vec::new();
        for layer in &self.history.document().layers {
            let LayerSource::Series(series) = &layer.source else {
                continue;
            };
            let (Some(info), dated) = (layer.raster_info(), series.dated()) else {
                continue;
            };
            if dated == 0 {
                continue;
            }
            let here = groups.iter().position(|group| {
                group
                    .grids
                    .iter()
                    .any(|grid| is_one_place(grid, &info.grid))
            });
            let group = match here.and_then(|at| groups.get_mut(at)) {
                Some(group) => group,
                None => {
                    groups.push(SeriesGroup {
                        layers: Vec::new(),
                        frames: 0,
                        grids: Vec::new(),
                        files: Vec::new(),
                    });
                    let Some(last) = groups.last_mut() else {
                        continue;
                    };
                    last
                }
            };
            group.layers.push((layer.id, layer.name.clone()));
            group.grids.push(info.grid.clone());
            if self.training.stp.left_out.contains(&layer.id) {
                continue;
            }
            group.frames += dated;
            for path in files_of(series) {
                if !group.files.contains(&path) {
                    group.files.push(path);
                }
            }
        }
        groups
    }

    /// Where the weights go if nothing else is said.
    pub fn stp_out_path(&self) -> Option<PathBuf> {
        let first = self
            .series_groups()
            .into_iter()
            .find_map(|group| group.named_after())
            // Beside a folder, not in it: what lies there is the archive.
            .or_else(|| self.training.stp.folders.first().cloned())?;
        let suffix = self.training.stp.model.replace('-', "_");
        Some(beside(&first, &suffix, "safetensors"))
    }

    /// The run the form describes; `Err` says what is missing.
    pub fn pretrain_stp_spec(&self) -> Result<JobSpec, &'static str> {
        let form = &self.training.stp;
        let of_series = self
            .series_groups()
            .into_iter()
            .filter(|group| !group.files.is_empty())
            .map(|group| group.files);
        let archives: Vec<ArchiveSpec> = of_series
            .chain(form.folders.iter().map(|folder| vec![folder.clone()]))
            .map(|files| ArchiveSpec {
                files,
                reference: None,
            })
            .collect();
        if archives.is_empty() {
            return Err(t!("training-archives-first"));
        }
        let out = match self.training.out.trim() {
            "" => self.stp_out_path().ok_or(t!("training-archives-first"))?,
            text => PathBuf::from(text),
        };
        Ok(JobSpec::PretrainStp(PretrainStpSpec {
            archives,
            model: form.model.clone(),
            weights: form.from_weights.then(|| self.stp_weights()).flatten(),
            steps: form.steps,
            batch: form.batch,
            accumulation: 1,
            learning_rate: form.rate,
            side: form.side,
            frames: form.frames,
            seed: 0,
            strata: None,
            text: None,
            labels: None,
            saves_memory: false,
            device: self.run.device.clone(),
            checkpoint_every: 100,
            resume: false,
            half: false,
            out,
        }))
    }

    /// A folder was chosen for the form.
    pub fn add_archive_folder(&mut self, folder: PathBuf) {
        let folders = &mut self.training.stp.folders;
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
}

/// Files of the dated images of a series.
fn files_of(series: &Series) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for frame in series.frames().iter().take(series.dated()) {
        for part in &frame.parts {
            if !files.contains(&part.path) {
                files.push(part.path.clone());
            }
        }
    }
    files
}

/// Whether two grids of one reference system overlap.
fn is_one_place(a: &Grid, b: &Grid) -> bool {
    let is_same_system = match (a.crs(), b.crs()) {
        (Some(a), Some(b)) => a.same_as(b),
        _ => false,
    };
    if !is_same_system {
        return false;
    }
    let extent = |grid: &Grid| {
        let transform = grid.transform();
        let (left, top) = transform.map_from_pixel(0.0, 0.0);
        let (right, bottom) = transform.map_from_pixel(grid.width as f64, grid.height as f64);
        (
            left.min(right),
            left.max(right),
            top.min(bottom),
            top.max(bottom),
        )
    };
    let (a, b) = (extent(a), extent(b));
    a.0 < b.1 && b.0 < a.1 && a.2 < b.3 && b.2 < a.3
}
