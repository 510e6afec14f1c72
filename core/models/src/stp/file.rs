//! The weights file of an STP network: a `.safetensors` file whose header tells the size, the sensors and whatever the trainer
//! noted (what its bands are and how they were normalised). Knows names and layouts. Knows nothing of sensors or training.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::store::{ModuleSnapshot, bridge};
use burn::tensor::{DType, Device};
use serde::{Deserialize, Serialize};

use super::{Stp, StpConfig};
use crate::error::{KeyMismatch, Misshapen, ModelError};
use crate::export::{NamedTensor, write_safetensors};
use crate::tuned::{ABOUT, header_text};
use crate::weights::{Weights, transposed};
use crate::weights_file::{WeightsFile, sha256};

/// As it stands in a sentence.
const NETWORK: &str = "an STP network";

/// Layers of a network whose convolutions run backwards.
const TRANSPOSED: [&str; 4] = ["up_st", "up_tp", "out_st", "out_tp"];

#[derive(Serialize, Deserialize)]
struct Header {
    stp: StpConfig,
    #[serde(default)]
    about: serde_json::Value,
}

/// A network with the weights of a file.
pub struct LoadedStp {
    pub model: Stp,
    /// What the trainer noted.
    pub about: serde_json::Value,
    /// Of the whole file, 64 hexadecimal digits.
    pub sha256: String,
    /// The file keeps half precision, which was widened.
    pub is_half: bool,
}

/// What a file says of itself, without its tensors.
///
/// # Errors
/// Unreadable, or no weights of an STP network.
pub fn about_stp(path: &Path) -> Result<(StpConfig, serde_json::Value), ModelError> {
    let not_ours = |reason: &str| ModelError::NotStp {
        path: path.to_path_buf(),
        reason: reason.to_owned(),
    };
    let text = header_text(path)
        .map_err(|source| ModelError::Read {
            path: path.to_path_buf(),
            source,
        })?
        .ok_or_else(|| not_ours("its header does not tell its size and sensors"))?;
    let header: Header = serde_json::from_str(&text)
        .map_err(|error| not_ours(&format!("its header cannot be read ({error})")))?;
    if let Some(complaint) = header.stp.complaint() {
        return Err(not_ours(&complaint));
    }
    Ok((header.stp, header.about))
}

/// Loads a network; half precision is widened.
///
/// # Errors
/// Unreadable or another file, keys missing, extra or of wrong shape (all named), values that are not finite.
pub fn load_stp(path: &Path, device: &Device) -> Result<LoadedStp, ModelError> {
    let (config, about) = about_stp(path)?;
    let file = WeightsFile::open(path)?;
    let is_half = file.is_half();
    check(&config, &file)?;
    let model = Stp::build(&config, &mut OfFile(file), device)?;
    device.sync().map_err(|error| ModelError::Device {
        reason: error.to_string(),
    })?;
    Ok(LoadedStp {
        model,
        about,
        sha256: sha256(path)?,
        is_half,
    })
}

fn check(config: &StpConfig, file: &WeightsFile) -> Result<(), ModelError> {
    let mut mismatch = KeyMismatch::default();
    let mut known = BTreeSet::new();
    for parameter in config.parameters() {
        match file.shape(&parameter.name) {
            None => mismatch.missing.push(parameter.name.clone()),
            Some(found) if found != parameter.shape => mismatch.misshapen.push(Misshapen {
                key: parameter.name.clone(),
                expected: parameter.shape.clone(),
                found: found.to_vec(),
            }),
            Some(_) => {}
        }
        known.insert(parameter.name);
    }
    let extra = file.names().filter(|name| !known.contains(*name));
    mismatch.extra = extra.map(str::to_owned).collect();
    match mismatch.is_empty() {
        true => Ok(()),
        false => Err(ModelError::OtherNetwork {
            network: NETWORK,
            path: file.path().to_path_buf(),
            mismatch,
        }),
    }
}

struct OfFile(WeightsFile);

impl Weights for OfFile {
    type Error = ModelError;

    fn take(&mut self, name: &str, _: &[usize]) -> Result<Vec<f32>, ModelError> {
        self.0.take(name)
    }
}

/// Writes a network with its config and `about` in the header, beside its place and renamed; `is_half` halves its size.
///
/// # Errors
/// The device cannot give the weights back, or the file cannot be written.
pub fn save_stp(
    model: &Stp,
    path: &Path,
    is_half: bool,
    about: &serde_json::Value,
) -> Result<(), ModelError> {
    let header = Header {
        stp: model.config().clone(),
        about: about.clone(),
    };
    let text = serde_json::to_string(&header).map_err(|error| ModelError::Write {
        path: path.to_path_buf(),
        source: std::io::Error::other(error),
    })?;
    let mut notes = BTreeMap::from([(ABOUT.to_owned(), text)]);
    notes.insert("format".to_owned(), "pt".to_owned());
    write_safetensors(path, &named_tensors(model)?, is_half, &notes)
}

/// Every tensor in the names and layouts of [`StpConfig::parameters`], in that order.
pub(super) fn named_tensors(model: &Stp) -> Result<Vec<NamedTensor>, ModelError> {
    let config = model.config();
    let unreadable = |error: String| ModelError::Device { reason: error };
    let mut own: BTreeMap<String, (Vec<usize>, Vec<f32>)> = BTreeMap::new();
    for tensor in model.collect(None, None, true) {
        let path = tensor.name.clone();
        let data = bridge::into_data(tensor)
            .map_err(|error| unreadable(format!("{error:?}")))?
            .convert_dtype(DType::F32);
        let shape = data.shape().to_vec();
        let values = data
            .try_into_vec::<f32>()
            .map_err(|error| unreadable(format!("{error:?}")))?;
        own.insert(path, (shape, values));
    }
    let mut tensors = Vec::new();
    for parameter in config.parameters() {
        let (path, third) = path_of(&parameter.name, config);
        let Some((shape, values)) = own.get(&path) else {
            return Err(unreadable(format!("{path} is no tensor of the network")));
        };
        let values = match third {
            Some(part) => third_of(values, shape, part),
            None => values.clone(),
        };
        let values = stored(&parameter.name, &parameter.shape, values);
        tensors.push(NamedTensor {
            name: parameter.name,
            shape: parameter.shape,
            values,
        });
    }
    Ok(tensors)
}

/// The path of a parameter in [`Stp`], and which third of it, where queries, keys and values are one tensor.
fn path_of(name: &str, config: &StpConfig) -> (String, Option<usize>) {
    let (layer, part) = name.rsplit_once('.').unwrap_or((name, ""));
    let number = |names: Vec<&str>, name: &str| names.iter().position(|known| *known == name);
    let source = |name: &str| {
        let names = config.sources.iter().map(|source| source.name.as_str());
        number(names.collect(), name).unwrap_or(usize::MAX)
    };
    let pieces: Vec<&str> = layer.split('.').collect();
    // Norms of our own and of the library call their tensors gamma and beta.
    let is_norm = pieces
        .last()
        .is_some_and(|last| matches!(*last, "ln" | "ln1" | "ln2" | "gn"));
    let part = match (is_norm, part) {
        (true, "weight") => "gamma",
        (true, "bias") => "beta",
        _ => part,
    };
    match pieces.as_slice() {
        ["q0"] => ("summary.q0".to_owned(), None),
        ["src"] => (format!("projectors.{}.source", source(part)), None),
        ["proj", name, conv @ ("conv1" | "conv2")] => (
            format!("projectors.{}.{conv}.linear.{part}", source(name)),
            None,
        ),
        ["proj", name, rest] => (format!("projectors.{}.{rest}.{part}", source(name)), None),
        ["blocks", index, "prec", conv @ ("conv1" | "conv2")] => {
            (format!("blocks.{index}.{conv}.linear.{part}"), None)
        }
        ["blocks", index, "prec", rest] => (format!("blocks.{index}.{rest}.{part}"), None),
        ["blocks", index, "ex", down @ ("down_pt" | "down_ts")] => {
            (format!("blocks.{index}.{down}.linear.{part}"), None)
        }
        ["blocks", index, "ex", up] => (format!("blocks.{index}.{up}.{part}"), None),
        ["blocks", index, path, "attn", "o"] => (format!("blocks.{index}.{path}.o.{part}"), None),
        ["blocks", index, path, "attn", letter] => {
            let third = number(vec!["q", "k", "v"], letter);
            (format!("blocks.{index}.{path}.qkv.{part}"), third)
        }
        ["blocks", index, path, "mlp", fc] => (format!("blocks.{index}.{path}.{fc}.{part}"), None),
        [reduce @ ("in_pt" | "in_ts")] => (format!("{reduce}.linear.{part}"), None),
        ["query", "fc1"] => (format!("summary.query1.{part}"), None),
        ["query", "fc2"] => (format!("summary.query2.{part}"), None),
        ["pool", letter] => (format!("summary.{letter}.{part}"), None),
        [own @ ("kcode" | "head")] => (format!("summary.{own}.{part}"), None),
        ["up"] if part == "bias" => ("summary.up_bias".to_owned(), None),
        ["up"] => ("summary.up".to_owned(), None),
        ["dec", name, fc] => {
            let names = config.targets.iter().map(|target| target.name.as_str());
            let index = number(names.collect(), name).unwrap_or(usize::MAX);
            (format!("decoders.{index}.{fc}.{part}"), None)
        }
        _ => (format!("{layer}.{part}"), None),
    }
}

/// One of three equal parts of the last axis.
fn third_of(values: &[f32], shape: &[usize], part: usize) -> Vec<f32> {
    let width = shape.last().copied().unwrap_or(3).max(3);
    let third = width / 3;
    values
        .chunks_exact(width)
        .flat_map(|row| row[part * third..(part + 1) * third].to_vec())
        .collect()
}

/// Values as the file has them, of the layer's own.
fn stored(name: &str, shape: &[usize], values: Vec<f32>) -> Vec<f32> {
    let layer = name.rsplit('.').nth(1).unwrap_or_default();
    match shape {
        [outputs, inputs] => transposed(&values, *inputs, *outputs),
        [_, _, _, _] if layer == "up" => values,
        [inputs, outputs, k, _] if TRANSPOSED.contains(&layer) => {
            // [in, k, k, out] to [in, out, k, k]
            let taps = k * k;
            let mut out = vec![0.0; values.len()];
            for input in 0..*inputs {
                for output in 0..*outputs {
                    for tap in 0..taps {
                        out[(input * outputs + output) * taps + tap] =
                            values[(input * taps + tap) * outputs + output];
                    }
                }
            }
            out
        }
        [outputs, inputs, k, _] => {
            // [k, k, in, out] to [out, in, k, k]
            let taps = k * k;
            let mut out = vec![0.0; values.len()];
            for output in 0..*outputs {
                for input in 0..*inputs {
                    for tap in 0..taps {
                        out[(output * inputs + input) * taps + tap] =
                            values[(tap * inputs + input) * outputs + output];
                    }
                }
            }
            out
        }
        _ => values,
    }
}
