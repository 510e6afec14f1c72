//! The folder of a training run: what it was told, one line of figures a step, the newest checkpoint, previews.
//! Knows files. Knows nothing of tensors.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::Failure;
use crate::monitor::Monitor;
use crate::projection::write_renamed;

const CONFIG: &str = "config.json";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINT: &str = "checkpoint.bpk";
const PREVIEWS: &str = "previews";

/// The run folder of an output file: `<stem>.run` beside it.
pub fn run_folder_of(out: &Path) -> PathBuf {
    let mut name = out.file_stem().unwrap_or_default().to_owned();
    name.push(".run");
    out.with_file_name(name)
}

/// Entries of a job that a run gone on with may give otherwise, whatever is trained.
const MAY_DIFFER: [&str; 5] = ["resume", "device", "checkpoint_every", "out", "half"];

/// The run folder of a job, new or gone on with. `steps`: how long the run is to be, which may become more; `also`: other entries
/// that may differ.
///
/// # Errors
/// Those of [`RunFolder::create`] and [`RunFolder::resume`].
pub(crate) fn run_of_job(
    job: &impl Serialize,
    out: &Path,
    resume: bool,
    steps: u64,
    also: &[&str],
    monitor: &Monitor<'_>,
) -> Result<RunFolder, Failure> {
    let config = serde_json::to_value(job)
        .map_err(|error| Failure::new("the job cannot be written down").with_details(error))?;
    let folder = run_folder_of(out);
    if !resume {
        return RunFolder::create(&folder, &config);
    }
    let planned = RunFolder::setting(&folder, "steps").filter(|planned| *planned < steps);
    let longer = planned.map(|_| "steps");
    let may_differ: Vec<&str> = MAY_DIFFER
        .iter()
        .chain(also)
        .copied()
        .chain(longer)
        .collect();
    let run = RunFolder::resume(&folder, &config, &may_differ)?;
    if let Some(planned) = planned {
        monitor.warn(format!(
            "the run was planned for {planned} steps and goes on to {steps}; its learning rate follows the new length"
        ));
    }
    Ok(run)
}

/// An open run folder.
pub struct RunFolder {
    path: PathBuf,
    metrics: File,
}

impl RunFolder {
    /// A folder for a new run. `config`: what the run is told, an object.
    ///
    /// # Errors
    /// A run with a checkpoint lies there, or the folder cannot be written.
    pub fn create(path: &Path, config: &Value) -> Result<Self, Failure> {
        if path.join(CHECKPOINT).exists() {
            return Err(Failure::new(format!(
                "a training run lies there already; go on with it (--resume), remove it, or choose another output\n{}",
                path.display()
            )));
        }
        std::fs::create_dir_all(path)
            .map_err(|error| Failure::io("the run folder cannot be made", path, &error))?;
        let text = serde_json::to_string_pretty(config)
            .map_err(|error| Failure::new("the run cannot be written down").with_details(error))?;
        write_renamed(&path.join(CONFIG), text.as_bytes())?;
        let mut folder = Self::open(path)?;
        folder.keep_metrics(0)?;
        Ok(folder)
    }

    /// The folder of a run to go on with.
    ///
    /// # Errors
    /// No run with a checkpoint lies there, or it was told something else: the differing entries are named, but for those in
    /// `may_differ`. From then on the folder holds the new settings.
    pub fn resume(path: &Path, config: &Value, may_differ: &[&str]) -> Result<Self, Failure> {
        if !path.join(CHECKPOINT).exists() {
            return Err(Failure::new(format!(
                "there is no training run to go on with; begin it without --resume\n{}",
                path.display()
            )));
        }
        let config_path = path.join(CONFIG);
        let text = std::fs::read_to_string(&config_path).map_err(|error| {
            Failure::io("the run's settings cannot be read", &config_path, &error)
        })?;
        let kept: Value = serde_json::from_str(&text).map_err(|error| {
            Failure::new(format!(
                "the run's settings cannot be understood; begin the run anew\n{}",
                config_path.display()
            ))
            .with_details(error)
        })?;
        let differing = differing(&kept, config, may_differ);
        if !differing.is_empty() {
            return Err(Failure::new(format!(
                "the run was begun with other settings: {}; give the same ones, or begin a run with another output\n{}",
                differing.join(", "),
                path.display()
            )));
        }
        let text = serde_json::to_string_pretty(config)
            .map_err(|error| Failure::new("the run cannot be written down").with_details(error))?;
        write_renamed(&config_path, text.as_bytes())?;
        // What a killed run was writing.
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            let is_scratch = entry.file_name().to_string_lossy().ends_with(".tmp");
            if is_scratch && let Err(error) = std::fs::remove_file(entry.path()) {
                log::warn!("{} could not be removed: {error}", entry.path().display());
            }
        }
        Self::open(path)
    }

    /// A number of the settings of the run that lies in a folder.
    pub fn setting(path: &Path, name: &str) -> Option<u64> {
        let text = std::fs::read_to_string(path.join(CONFIG)).ok()?;
        serde_json::from_str::<Value>(&text)
            .ok()?
            .get(name)?
            .as_u64()
    }

    fn open(path: &Path) -> Result<Self, Failure> {
        let metrics_path = path.join(METRICS);
        let metrics = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&metrics_path)
            .map_err(|error| Failure::io("the figures cannot be opened", &metrics_path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            metrics,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the newest checkpoint lies, if there is one yet.
    pub fn checkpoint_path(&self) -> PathBuf {
        self.path.join(CHECKPOINT)
    }

    pub fn metrics_path(&self) -> PathBuf {
        self.path.join(METRICS)
    }

    /// Where the picture of a step goes; makes the folder.
    pub fn preview_path(&self, step: u64) -> Result<PathBuf, Failure> {
        let folder = self.path.join(PREVIEWS);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Failure::io("the previews' folder cannot be made", &folder, &error))?;
        Ok(folder.join(format!("step-{step:06}.png")))
    }

    /// Appends a line of figures.
    pub fn note(&mut self, figures: &Value) -> Result<(), Failure> {
        let line = format!("{figures}\n");
        self.metrics.write_all(line.as_bytes()).map_err(|error| {
            Failure::io(
                "the figures cannot be written; the last checkpoint is kept",
                &self.metrics_path(),
                &error,
            )
        })
    }

    /// Drops figures of steps after `step` (and lines cut short by a kill): they will be made again.
    pub fn keep_metrics(&mut self, step: u64) -> Result<(), Failure> {
        let path = self.metrics_path();
        let failed =
            |error: std::io::Error| Failure::io("the figures cannot be written", &path, &error);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let is_kept = |line: &&str| {
            serde_json::from_str::<Value>(line)
                .is_ok_and(|line| line["step"].as_u64().is_some_and(|at| at <= step))
        };
        let mut kept: String = text.lines().filter(is_kept).collect::<Vec<_>>().join("\n");
        if !kept.is_empty() {
            kept.push('\n');
        }
        self.metrics.set_len(0).map_err(failed)?;
        self.metrics.seek(SeekFrom::Start(0)).map_err(failed)?;
        self.metrics.write_all(kept.as_bytes()).map_err(failed)
    }
}

/// `steps (was 100, is 200)` for every entry that is not the same.
fn differing(kept: &Value, now: &Value, may_differ: &[&str]) -> Vec<String> {
    let empty = serde_json::Map::new();
    let (kept, now) = (
        kept.as_object().unwrap_or(&empty),
        now.as_object().unwrap_or(&empty),
    );
    let mut names: Vec<&String> = kept.keys().chain(now.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| !may_differ.contains(&name.as_str()))
        .filter_map(|name| {
            let (was, is) = (
                kept.get(name).unwrap_or(&Value::Null),
                now.get(name).unwrap_or(&Value::Null),
            );
            (was != is).then(|| format!("{name} (was {was}, is {is})"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_is_not_overwritten_and_other_settings_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.run");
        let config = json!({ "steps": 10, "device": "cpu" });
        assert!(
            RunFolder::resume(&path, &config, &[])
                .err()
                .unwrap()
                .what
                .contains("no training run")
        );
        drop(RunFolder::create(&path, &config).unwrap());
        // Without a checkpoint there is nothing to lose.
        drop(RunFolder::create(&path, &config).unwrap());
        std::fs::write(path.join(CHECKPOINT), "x").unwrap();
        std::fs::write(path.join("checkpoint.bpk.1-1.tmp"), "x").unwrap();
        let refused = RunFolder::create(&path, &config).err().unwrap();
        assert!(refused.what.contains("--resume"), "{refused}");
        let other = json!({ "steps": 20, "device": "gpu" });
        let refused = RunFolder::resume(&path, &other, &["device"]).err().unwrap();
        assert!(refused.what.contains("steps (was 10, is 20)"), "{refused}");
        assert!(!refused.what.contains("gpu"), "{refused}");
        drop(
            RunFolder::resume(&path, &json!({ "steps": 10, "device": "gpu" }), &["device"])
                .unwrap(),
        );
        assert!(!path.join("checkpoint.bpk.1-1.tmp").exists());
    }

    #[test]
    fn figures_after_the_checkpoint_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.run");
        let mut run = RunFolder::create(&path, &json!({})).unwrap();
        for step in 1..=3 {
            run.note(&json!({ "step": step, "loss": 0.5 })).unwrap();
        }
        run.metrics.write_all(b"{\"step\": 4, \"lo").unwrap();
        run.keep_metrics(2).unwrap();
        run.note(&json!({ "step": 3, "loss": 0.25 })).unwrap();
        let text = std::fs::read_to_string(run.metrics_path()).unwrap();
        assert_eq!(
            text,
            "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":0.5}\n{\"step\":3,\"loss\":0.25}\n"
        );
    }
}
