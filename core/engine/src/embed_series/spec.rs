//! What a job that makes fields of a series is told: plain words, as in `job`, and which files it leaves.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use terroir_scene::{ArchiveSpec, Period, Window};

/// Dated images of several sensors to fields, one a valid period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedSeriesSpec {
    pub archive: ArchiveSpec,
    /// `stp-tiny`, `stp-small`, `stp-base`, `stp-paper`.
    pub model: String,
    /// Weights file; `None` = seeded, untrained.
    #[serde(default)]
    pub weights: Option<PathBuf>,
    /// Days whose images are looked at; `None` = all of the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<Period>,
    /// Days each field sums up, one file each; empty = the support. They may lie in a gap of the support or beyond it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub periods: Vec<Period>,
    /// `auto`, `cpu` or an adapter's name as `devices` lists it.
    pub device: String,
    /// With several periods, the period is added to the name: `field_2018-05.tif`.
    pub out: PathBuf,
    #[serde(default)]
    pub seed: u64,
    /// Only pixels inside these polygons; the others become nodata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aoi: Option<terroir_scene::AreaSpec>,
    /// Only this part of the grid; the files have just this part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

impl EmbedSeriesSpec {
    /// The fields it writes, one a period, in their order.
    pub fn field_paths(&self) -> Vec<PathBuf> {
        match self.periods.as_slice() {
            [] | [_] => vec![self.out.clone()],
            periods => periods
                .iter()
                .map(|period| with_ending(&self.out, &format!("_{}", period.file_name())))
                .collect(),
        }
    }

    /// Where the numbers of images a pixel go, `<stem>_frames.tif`.
    pub fn frames_path(&self) -> PathBuf {
        with_ending(&self.out, "_frames")
    }

    /// Options of the command line that say the same.
    pub(crate) fn words(&self) -> Vec<(String, Option<String>)> {
        let mut words = archive_words(&self.archive);
        words.extend(model_words(
            &self.model,
            self.weights.as_deref(),
            self.seed,
            &self.device,
        ));
        let mut add = |word: &str, value: String| words.push((word.to_owned(), Some(value)));
        if let Some(support) = &self.support {
            add("--support", support.to_string());
        }
        for period in &self.periods {
            add("--valid", period.to_string());
        }
        if let Some(window) = &self.window {
            add("--window", window_text(window));
        }
        for (word, value) in self.aoi.iter().flat_map(|aoi| aoi.words()) {
            add(word, value);
        }
        add("--out", self.out.display().to_string());
        words
    }
}

/// The files as plain words, and the reference.
pub(crate) fn archive_words(archive: &ArchiveSpec) -> Vec<(String, Option<String>)> {
    let mut words: Vec<(String, Option<String>)> = archive
        .files
        .iter()
        .map(|path| (path.display().to_string(), None))
        .collect();
    if let Some(reference) = &archive.reference {
        words.push((
            "--reference".to_owned(),
            Some(reference.display().to_string()),
        ));
    }
    words
}

pub(crate) fn model_words(
    model: &str,
    weights: Option<&Path>,
    seed: u64,
    device: &str,
) -> Vec<(String, Option<String>)> {
    let mut words = vec![("--model".to_owned(), Some(model.to_owned()))];
    match weights {
        Some(weights) => words.push(("--weights".to_owned(), Some(weights.display().to_string()))),
        // Without it, weights installed since would be taken.
        None => words.push(("--untrained".to_owned(), None)),
    }
    words.push(("--device".to_owned(), Some(device.to_owned())));
    if seed != 0 {
        words.push(("--seed".to_owned(), Some(seed.to_string())));
    }
    words
}

/// `column,row,width,height`, from 0.
fn window_text(window: &Window) -> String {
    format!(
        "{},{},{},{}",
        window.col, window.row, window.width, window.height
    )
}

/// `dir/field.tif` -> `dir/field<ending>.tif`.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(ending);
    name.push(".tif");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobSpec, command_line};

    fn spec() -> EmbedSeriesSpec {
        EmbedSeriesSpec {
            archive: ArchiveSpec {
                files: vec!["my images".into(), "s1".into()],
                reference: Some("grid.tif".into()),
            },
            model: "stp-tiny".into(),
            weights: None,
            support: "2018".parse().ok(),
            periods: vec!["2018-05".parse().unwrap(), "2018-06-03".parse().unwrap()],
            device: "cpu".into(),
            out: "out/field.tif".into(),
            seed: 7,
            aoi: None,
            window: Some(Window {
                col: 3,
                row: 4,
                width: 50,
                height: 60,
            }),
        }
    }

    #[test]
    fn files_are_named_by_their_periods() {
        let mut spec = spec();
        let names = |spec: &EmbedSeriesSpec| -> Vec<String> {
            spec.field_paths()
                .iter()
                .map(|path| path.display().to_string())
                .collect()
        };
        assert_eq!(
            names(&spec),
            [
                "out/field_2018-05.tif",
                "out/field_2018-06-03_2018-06-04.tif"
            ]
        );
        spec.periods.truncate(1);
        assert_eq!(names(&spec), ["out/field.tif"]);
        assert_eq!(spec.frames_path(), Path::new("out/field_frames.tif"));
    }

    #[test]
    fn the_command_line_says_everything() {
        let job = JobSpec::EmbedSeries(spec());
        assert_eq!(
            command_line(&job),
            "terroir embed 'my images' s1 --reference grid.tif --model stp-tiny --untrained --device cpu --seed 7 \
             --support 2018-01-01..2019-01-01 --valid 2018-05-01..2018-06-01 --valid 2018-06-03..2018-06-04 \
             --window 3,4,50,60 --out out/field.tif"
        );
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<JobSpec>(&text).unwrap(), job);
    }
}
