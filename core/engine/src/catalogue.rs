//! Models by name: loading, and keeping one warm between jobs with the kernels it made.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use terroir_models::{CATALOGUE, Dofa, DofaConfig, ModelError, PatchKernel, load_dofa};

use crate::Failure;
use crate::device::Compute;

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

/// Kernels kept beside the model, floats; a kernel of base size for nine bands has 1.8 million.
const KERNEL_FLOATS: usize = 64 << 20;

/// The model of the last job, kept for the next one, with the kernels generated for its bands: with frozen weights they
/// depend on the wavelengths alone.
#[derive(Default)]
pub struct ModelShelf {
    kept: Option<(Key, Identity, Dofa)>,
    /// Newest last.
    kernels: Vec<(Vec<f32>, PatchKernel)>,
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
        self.clear();
        let (identity, model) = make(name, weights, seed, compute)?;
        self.kept = Some((key, identity.clone(), model.clone()));
        Ok((identity, model))
    }

    /// The patch kernel of the kept model for these wavelengths, from the shelf or generated.
    ///
    /// # Errors
    /// No model was taken yet, or wavelengths no kernel can be made for.
    pub fn kernel(&mut self, wavelengths_um: &[f32]) -> Result<PatchKernel, Failure> {
        let Some((_, _, model)) = &self.kept else {
            return Err(Failure::new("no model is loaded"));
        };
        if let Some((_, kernel)) = self
            .kernels
            .iter()
            .find(|(known, _)| known == wavelengths_um)
        {
            return Ok(kernel.clone());
        }
        let kernel = model
            .patch_kernel(wavelengths_um)
            .map_err(|error: ModelError| Failure::new(error.to_string()))?;
        self.kernels.push((wavelengths_um.to_vec(), kernel.clone()));
        let floats =
            |(_, kernel): &(Vec<f32>, PatchKernel)| kernel.weight.dims().iter().product::<usize>();
        while self.kernels.len() > 1
            && self.kernels.iter().map(floats).sum::<usize>() > KERNEL_FLOATS
        {
            self.kernels.remove(0);
        }
        Ok(kernel)
    }

    /// Forgets everything, as after a device was lost.
    pub fn clear(&mut self) {
        self.kept = None;
        self.kernels.clear();
    }
}

/// Loads weights onto a device and says what they are of: for measuring.
///
/// # Errors
/// As the loading of a model.
pub fn load_weights(path: &Path, device: &str) -> Result<String, Failure> {
    let compute = crate::device::open(device);
    let loaded =
        load_dofa(path, &compute.device).map_err(|error| Failure::new(error.to_string()))?;
    let config = loaded.model.config();
    Ok(config.name().map_or_else(
        || format!("DOFA of width {} and depth {}", config.width, config.depth),
        str::to_owned,
    ))
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
    fn a_kept_kernel_is_the_fresh_one() {
        let mut shelf = ModelShelf::default();
        assert!(shelf.kernel(&[0.6]).is_err());
        let (_, model) = shelf.take("dofa-tiny", None, 3, &Compute::cpu()).unwrap();
        let values = |kernel: &PatchKernel| {
            let weight = kernel
                .weight
                .clone()
                .into_data()
                .try_to_vec::<f32>()
                .unwrap();
            (
                weight,
                kernel.bias.clone().into_data().try_to_vec::<f32>().unwrap(),
            )
        };
        for bands in [&[0.665, 0.56, 0.49][..], &[0.49, 0.56, 0.665], &[1.61]] {
            let fresh = values(&model.patch_kernel(bands).unwrap());
            assert_eq!(values(&shelf.kernel(bands).unwrap()), fresh);
            assert_eq!(
                values(&shelf.kernel(bands).unwrap()),
                fresh,
                "the second time"
            );
        }
        assert_eq!(shelf.kernels.len(), 3, "each list of wavelengths once");
        // Other weights, other kernels.
        shelf.take("dofa-tiny", None, 4, &Compute::cpu()).unwrap();
        assert!(shelf.kernels.is_empty());
        let other = values(&shelf.kernel(&[1.61]).unwrap());
        assert_ne!(other, values(&model.patch_kernel(&[1.61]).unwrap()));
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let failure = make("dofa-giant", None, 0, &Compute::cpu()).unwrap_err();
        assert!(failure.what.contains("dofa-tiny"), "{failure}");
    }
}
