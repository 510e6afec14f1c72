//! Models by name: what there is, loading and keeping one warm between jobs.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use terroir_models::{CATALOGUE, Dofa, DofaConfig, load_dofa};

use crate::device::Compute;
use crate::{Failure, ModelInfo};

/// Models this build can run.
pub fn models() -> Vec<ModelInfo> {
    CATALOGUE
        .iter()
        .filter_map(|name| {
            let config = DofaConfig::by_name(name)?;
            Some(ModelInfo {
                name: (*name).to_owned(),
                family: "DOFA".to_owned(),
                parameters: config.parameter_count() as u64,
                patch: config.patch,
                width: config.width,
                depth: config.depth,
                state: "untrained".to_owned(),
            })
        })
        .collect()
}

/// Which model with which weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    pub name: String,
    /// `untrained, seed 0` or `sha256 <64 digits>`.
    pub weights: String,
    pub is_trained: bool,
    pub parameters: u64,
    /// What the user should know about the weights file.
    pub notes: Vec<String>,
}

impl Identity {
    /// For provenance and notes.
    pub fn sentence(&self) -> String {
        format!(
            "{} ({} parameters, {})",
            self.name, self.parameters, self.weights
        )
    }

    /// For message strips.
    pub fn short(&self) -> String {
        format!(
            "{} ({})",
            self.name,
            if self.is_trained {
                "trained"
            } else {
                "untrained"
            }
        )
    }
}

/// The model of the last job, kept for the next one.
#[derive(Default)]
pub struct ModelShelf {
    kept: Option<(Key, Identity, Dofa)>,
}

#[derive(PartialEq)]
struct Key {
    name: String,
    weights: Option<(PathBuf, Option<SystemTime>)>,
    seed: u64,
    device: String,
}

impl ModelShelf {
    /// The model, from the shelf or made anew.
    pub fn take(
        &mut self,
        name: &str,
        weights: Option<&Path>,
        seed: u64,
        compute: &Compute,
    ) -> Result<(Identity, Dofa), Failure> {
        let modified = |path: &Path| {
            std::fs::metadata(path)
                .and_then(|meta| meta.modified())
                .ok()
        };
        let key = Key {
            name: name.to_owned(),
            weights: weights.map(|path| (path.to_owned(), modified(path))),
            seed,
            device: compute.name.clone(),
        };
        if let Some((kept, identity, model)) = &self.kept
            && *kept == key
        {
            return Ok((identity.clone(), model.clone()));
        }
        // Two large models at once may not fit.
        self.kept = None;
        let (identity, model) = make(name, weights, seed, compute)?;
        self.kept = Some((key, identity.clone(), model.clone()));
        Ok((identity, model))
    }

    /// Forgets everything on a device that is lost.
    pub fn clear(&mut self) {
        self.kept = None;
    }
}

fn make(
    name: &str,
    weights: Option<&Path>,
    seed: u64,
    compute: &Compute,
) -> Result<(Identity, Dofa), Failure> {
    let Some(config) = DofaConfig::by_name(name) else {
        return Err(Failure::new(format!(
            "there is no model \"{name}\"; choose one of {}",
            CATALOGUE.join(", ")
        )));
    };
    let Some(path) = weights else {
        let model = config.init(seed, &compute.device);
        let identity = Identity {
            name: name.to_owned(),
            weights: format!("untrained, seed {seed}"),
            is_trained: false,
            parameters: config.parameter_count() as u64,
            notes: Vec::new(),
        };
        return Ok((identity, model));
    };
    let loaded =
        load_dofa(path, &compute.device).map_err(|error| Failure::new(error.to_string()))?;
    let found = loaded.model.config();
    let mut notes = loaded.notes;
    if (found.width, found.depth) != (config.width, config.depth) {
        notes.push(format!(
            "the weights file holds a model of width {} and depth {}, not {name}; what the file holds is used",
            found.width, found.depth
        ));
    }
    let identity = Identity {
        name: name.to_owned(),
        weights: format!("sha256 {}", loaded.sha256),
        is_trained: true,
        parameters: loaded.model.parameter_count() as u64,
        notes,
    };
    Ok((identity, loaded.model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_counts_without_making_models() {
        let models = models();
        assert_eq!(models[0].name, "dofa-tiny");
        assert!(
            models
                .windows(2)
                .all(|pair| pair[0].parameters < pair[1].parameters)
        );
        assert!(models.iter().all(|model| model.state == "untrained"));
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let failure = make("dofa-giant", None, 0, &Compute::cpu()).unwrap_err();
        assert!(failure.what.contains("dofa-tiny"), "{failure}");
    }
}
