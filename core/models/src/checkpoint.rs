//! Loading a DOFA encoder from a published or own weights file.
//! Knows the files' key names. Knows nothing of where files come from or who asks.
//!
//! Keys used (E = 128, D width, P patch, N tokens; see [`DofaConfig::parameters`] for the full list):
//!
//! | key | shape |
//! |---|---|
//! | `cls_token`, `pos_embed` | [1, 1, D], [1, N + 1, D] |
//! | `patch_embed.weight_generator.{weight_tokens, bias_token}` | [128, E], [1, E] |
//! | `patch_embed.weight_generator.transformer_encoder.layers.0.*` | one post-norm layer of width E |
//! | `patch_embed.weight_generator.{fc_weight, fc_bias}.{weight, bias}` | [P P D, E], [D, E] |
//! | `patch_embed.fclayer.{w1, w2}.{weight, bias}` | [E, E], [E] |
//! | `blocks.{i}.{norm1, attn.qkv, attn.proj, norm2, mlp.fc1, mlp.fc2}.{weight, bias}` | as in a plain ViT |
//! | `norm.{weight, bias}` | [D] |
//!
//! Version 2 puts `model.` before `cls_token`, `pos_embed`, `blocks` and `norm`, and adds `ls1.gamma`, `ls2.gamma`.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use burn::tensor::Device;

use crate::DofaConfig;
use crate::dofa::Dofa;
use crate::error::{KeyMismatch, Misshapen, ModelError};
use crate::published::published_with_hash;
use crate::wavelength::GENERATOR_WIDTH;
use crate::weights::Weights;
use crate::weights_file::{WeightsFile, sha256};

/// In the published files, but only training needs them.
const TRAINING_ONLY: [&str; 3] = ["mask_token", "projector.weight", "projector.bias"];

/// Outer norm of version 2's files, never used by its authors' model.
const UNUSED_IN_V2: [&str; 2] = ["norm.weight", "norm.bias"];

/// Prefixes that training frameworks put before every key.
const WRAPPERS: [&str; 4] = ["model.", "encoder.", "module.", "state_dict."];

/// Stands first in the encoder's own names, also in version 2, whose `model.` is no wrapper.
const LANDMARK: &str = "patch_embed.";

/// An encoder with weights of a file.
pub struct LoadedDofa {
    pub model: Dofa,
    /// Of the whole file, 64 hexadecimal digits: goes into every result's provenance.
    pub sha256: String,
    /// What the user should know about the file, one sentence each.
    pub notes: Vec<String>,
}

/// Loads an encoder; its size is read off the shapes. `.pth`, `.safetensors` and `.bpk`, half precision is widened.
///
/// The head count is in no published file: taken from `num_heads` in the header of a `.safetensors` file if it is
/// there, else width / 64 as in all published sizes, else 4 with a note. Give it to [`load_dofa_as`] where that is wrong.
///
/// # Errors
/// Unreadable or not a weights file, keys missing, extra or of wrong shape (all named), values that are not finite.
pub fn load_dofa(path: &Path, device: &Device) -> Result<LoadedDofa, ModelError> {
    load(path, None, device)
}

/// [`load_dofa`] with a head count that is known from elsewhere.
///
/// # Errors
/// As [`load_dofa`].
pub fn load_dofa_as(path: &Path, heads: usize, device: &Device) -> Result<LoadedDofa, ModelError> {
    load(path, Some(heads), device)
}

fn load(path: &Path, heads: Option<usize>, device: &Device) -> Result<LoadedDofa, ModelError> {
    let Checked {
        file,
        layout,
        config,
        plain_norm,
        mut notes,
    } = Checked::open(path, heads)?;
    let mut values = FileValues {
        file,
        stored_name: layout.stored_name,
        plain_norm,
    };
    // Hashing takes about as long as everything else: it reads the file beside the loading.
    let (model, sha256) = std::thread::scope(|scope| {
        let hash = std::thread::Builder::new()
            .name("weights hash".to_owned())
            .spawn_scoped(scope, || sha256(path));
        let model = Dofa::build(&config, &mut values, device)?;
        // Uploads are lazy: a device without the memory says so here, not in the first window.
        device.sync().map_err(|error| ModelError::Device {
            reason: error.to_string(),
        })?;
        let hash = match hash {
            Ok(thread) => thread.join().unwrap_or_else(|_| sha256(path)),
            Err(_) => sha256(path),
        };
        Ok::<_, ModelError>((model, hash?))
    })?;
    notes.extend(origin(&sha256, &config));
    Ok(LoadedDofa {
        model,
        sha256,
        notes,
    })
}

/// What a weights file holds, seen from its names and shapes.
#[derive(Clone, Debug, PartialEq)]
pub struct DofaOutline {
    pub config: DofaConfig,
    /// Whether any tensor is kept in half precision; it is widened when it is loaded.
    pub is_half: bool,
    /// What the user should know about the file, one sentence each.
    pub notes: Vec<String>,
}

/// Checks a weights file as [`load_dofa`] does, names, shapes and values, without making a model.
/// `go_on` is asked after every tensor, with the bytes done and the bytes of all; `Ok(None)` if it says no.
///
/// # Errors
/// As [`load_dofa`].
pub fn outline_dofa(
    path: &Path,
    mut go_on: impl FnMut(u64, u64) -> bool,
) -> Result<Option<DofaOutline>, ModelError> {
    let Checked {
        mut file,
        layout,
        config,
        notes,
        ..
    } = Checked::open(path, None)?;
    let is_half = file.is_half();
    let names: Vec<String> = config
        .parameters()
        .iter()
        .filter_map(|parameter| layout.stored_name.get(&parameter.name).cloned())
        .collect();
    let all = 4 * config.parameter_count() as u64;
    let mut done = 0;
    let finished = file.check_values(&names, |bytes| {
        done += bytes;
        go_on(done.min(all), all)
    })?;
    Ok(finished.then_some(DofaOutline {
        config,
        is_half,
        notes,
    }))
}

/// A file whose names and shapes are those of an encoder.
struct Checked {
    file: WeightsFile,
    layout: Layout,
    config: DofaConfig,
    plain_norm: bool,
    notes: Vec<String>,
}

impl Checked {
    fn open(path: &Path, heads: Option<usize>) -> Result<Self, ModelError> {
        let file = WeightsFile::open(path)?;
        let mut notes = Vec::new();
        let layout = Layout::of(&file)?;
        let config = layout.config(heads.or(file.heads()), path, &mut notes)?;
        let plain_norm = layout.check(&config, &file)?;
        if plain_norm {
            notes.push(
                "the file has no final norm; the class token is normalised without scale and shift"
                    .to_owned(),
            );
        }
        Ok(Self {
            file,
            layout,
            config,
            plain_norm,
            notes,
        })
    }
}

/// One sentence about where a file with this hash and size comes from; nothing of sizes that nobody publishes.
pub fn origin(sha256: &str, config: &DofaConfig) -> Option<String> {
    match published_with_hash(sha256) {
        Some(file) => Some(format!("published weights {}", file.file)),
        None if [DofaConfig::base(), DofaConfig::large()].contains(config) => Some(
            "not one of the published files known here; files of this size from before 30 August 2024 were trained \
             with another kernel layout and give wrong features"
                .to_owned(),
        ),
        None => None,
    }
}

/// Names of a file with their wrapper taken off.
struct Layout {
    /// Name as [`DofaConfig::parameters`] has it to the name in the file.
    stored_name: HashMap<String, String>,
    /// Keys outside the wrapper: another model or an optimiser beside the encoder.
    outside: Vec<String>,
    shapes: HashMap<String, Vec<usize>>,
}

impl Layout {
    fn of(file: &WeightsFile) -> Result<Self, ModelError> {
        let wrapper = wrapper(file);
        let mut layout = Self {
            stored_name: HashMap::new(),
            outside: Vec::new(),
            shapes: HashMap::new(),
        };
        for stored in file.names() {
            match stored.strip_prefix(&wrapper) {
                Some(name) => {
                    layout
                        .stored_name
                        .insert(name.to_owned(), stored.to_owned());
                    layout.shapes.insert(
                        name.to_owned(),
                        file.shape(stored).unwrap_or_default().to_vec(),
                    );
                }
                None => layout.outside.push(stored.to_owned()),
            }
        }
        if !layout
            .shapes
            .keys()
            .any(|name| name.starts_with("patch_embed."))
        {
            let some: Vec<&str> = file.names().take(3).collect();
            let reason = format!(
                "none of its tensors belongs to a DOFA encoder (it holds {}, ...)",
                some.join(", ")
            );
            return Err(ModelError::NotWeights {
                path: file.path().to_path_buf(),
                reason,
            });
        }
        Ok(layout)
    }

    fn axis(&self, name: &str, axis: usize) -> Option<usize> {
        self.shapes.get(name)?.get(axis).copied()
    }

    /// The size all shapes together speak for.
    fn config(
        &self,
        heads: Option<usize>,
        path: &Path,
        notes: &mut Vec<String>,
    ) -> Result<DofaConfig, ModelError> {
        let layer_scale = self.shapes.keys().any(|name| name.ends_with(".ls1.gamma"));
        let root = if layer_scale { "model." } else { "" };
        let named = |name: &str| format!("{root}{name}");

        // The most frequent answer wins, so that one mis-shaped tensor is named instead of all the others.
        let generator = "patch_embed.weight_generator";
        let width = most_frequent([
            self.axis(&named("pos_embed"), 2),
            self.axis(&named("cls_token"), 2),
            self.axis(&named("norm.weight"), 0),
            self.axis(&named("blocks.0.norm1.weight"), 0),
            self.axis(&named("blocks.0.attn.proj.bias"), 0),
            self.axis(&format!("{generator}.fc_bias.weight"), 0),
            self.axis(&format!("{generator}.fc_bias.bias"), 0),
        ]);
        let patch_of = |rows: Option<usize>| root_of(rows? / width?.max(1));
        let fc_weight = format!("{generator}.fc_weight.weight");
        let patch = most_frequent([
            patch_of(self.axis(&fc_weight, 0))
                .filter(|_| self.axis(&fc_weight, 1) == Some(GENERATOR_WIDTH)),
            patch_of(self.axis(&format!("{generator}.fc_weight.bias"), 0)),
        ]);
        let side = self
            .axis(&named("pos_embed"), 1)
            .and_then(|tokens| root_of(tokens.checked_sub(1)?));
        let prefix = named("blocks.");
        let depth = self
            .shapes
            .keys()
            .filter_map(|name| {
                name.strip_prefix(&prefix)?
                    .split('.')
                    .next()?
                    .parse::<usize>()
                    .ok()
            })
            .max()
            .map(|last| last.saturating_add(1));

        let (Some(width), Some(patch), Some(depth)) = (width, patch, depth) else {
            let reason = "its tensors fit no size of a DOFA encoder (width, patch or depth cannot be read off)".to_owned();
            return Err(ModelError::NotWeights {
                path: path.to_path_buf(),
                reason,
            });
        };
        if depth > self.shapes.len() {
            // A made-up block number must not make us list millions of missing keys.
            let reason = format!(
                "it names block {} but holds {} tensors",
                depth - 1,
                self.shapes.len()
            );
            return Err(ModelError::NotWeights {
                path: path.to_path_buf(),
                reason,
            });
        }
        // Without a readable position table its absence is what must be reported: any side will do.
        let image = side.unwrap_or(14) * patch;
        let heads = match heads {
            Some(heads) => heads,
            None if width == 1280 => 16,
            None if width % 64 == 0 => width / 64,
            None => {
                notes.push(format!("the file does not tell its number of attention heads; 4 taken for width {width}"));
                4
            }
        };
        if heads == 0 || width % heads != 0 || width % 4 != 0 {
            return Err(ModelError::Heads {
                path: path.to_path_buf(),
                heads,
                width,
            });
        }
        Ok(DofaConfig {
            image,
            patch,
            width,
            depth,
            heads,
            layer_scale,
        })
    }

    /// Compares with the parameters of that size. `true`: the final norm is absent, as in copies made for the global
    /// pool only, which also lack everything else that training needs.
    fn check(&self, config: &DofaConfig, file: &WeightsFile) -> Result<bool, ModelError> {
        let norm = ["norm.weight", "norm.bias"];
        let bare = !config.layer_scale
            && TRAINING_ONLY
                .iter()
                .chain(&norm)
                .all(|name| !self.shapes.contains_key(*name));

        let mut mismatch = KeyMismatch {
            extra: self.outside.clone(),
            ..KeyMismatch::default()
        };
        let mut known: BTreeSet<String> = TRAINING_ONLY
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
        if config.layer_scale {
            known.extend(UNUSED_IN_V2.iter().map(|name| (*name).to_owned()));
        }
        for parameter in config.parameters() {
            match self.shapes.get(&parameter.name) {
                None if bare && norm.contains(&parameter.name.as_str()) => {}
                None => mismatch.missing.push(parameter.name.clone()),
                Some(found) if *found != parameter.shape => mismatch.misshapen.push(Misshapen {
                    key: parameter.name.clone(),
                    expected: parameter.shape.clone(),
                    found: found.clone(),
                }),
                Some(_) => {}
            }
            known.insert(parameter.name);
        }
        mismatch.extra.extend(
            self.shapes
                .keys()
                .filter(|name| !known.contains(*name))
                .cloned(),
        );
        mismatch.extra.sort();
        if mismatch.is_empty() {
            return Ok(bare);
        }
        Err(ModelError::Mismatch {
            path: file.path().to_path_buf(),
            mismatch,
        })
    }
}

/// What stands before the landmark, if it consists of known wrappers; otherwise nothing.
fn wrapper(file: &WeightsFile) -> String {
    for name in file.names() {
        let Some((prefix, _)) = name.split_once(LANDMARK) else {
            continue;
        };
        let mut rest = prefix;
        while let Some(shorter) = WRAPPERS
            .iter()
            .find_map(|wrapper| rest.strip_prefix(wrapper))
        {
            rest = shorter;
        }
        if rest.is_empty() {
            return prefix.to_owned();
        }
    }
    String::new()
}

/// The whole square root, if it is one.
fn root_of(square: usize) -> Option<usize> {
    let root = square.isqrt();
    (root > 0 && root * root == square).then_some(root)
}

/// First of the most frequent answers.
fn most_frequent<const N: usize>(answers: [Option<usize>; N]) -> Option<usize> {
    let votes = |value: usize| {
        answers
            .iter()
            .filter(|answer| **answer == Some(value))
            .count()
    };
    answers
        .iter()
        .rev()
        .flatten()
        .copied()
        .max_by_key(|value| votes(*value))
}

/// Values of a checked file.
struct FileValues {
    file: WeightsFile,
    stored_name: HashMap<String, String>,
    plain_norm: bool,
}

impl Weights for FileValues {
    type Error = ModelError;

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        match name {
            "norm.weight" if self.plain_norm => Ok(vec![1.0; shape.iter().product()]),
            "norm.bias" if self.plain_norm => Ok(vec![0.0; shape.iter().product()]),
            _ => self
                .file
                .take(self.stored_name.get(name).map_or(name, String::as_str)),
        }
    }

    fn take_transposed(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Vec<f32>, ModelError> {
        let stored = self.stored_name.get(name).map_or(name, String::as_str);
        self.file.take_transposed(stored, rows, columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_and_roots() {
        assert_eq!(
            most_frequent([Some(31), Some(32), None, Some(32)]),
            Some(32)
        );
        assert_eq!(most_frequent([Some(7), Some(8)]), Some(7));
        assert_eq!(most_frequent([None]), None);
        assert_eq!(
            (root_of(196), root_of(197), root_of(0)),
            (Some(14), None, None)
        );
    }
}
