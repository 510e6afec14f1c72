//! The weights file of an STP network: a `.safetensors` file whose header tells the size, the sensors and whatever the trainer
//! noted (what its bands are and how they were normalised). Knows names and layouts. Knows nothing of sensors or training.

use std::path::Path;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{Stp, StpConfig};
use crate::error::ModelError;
use crate::export::NamedTensor;
use crate::network_file::{Stored, checked_file, header_of, tensors_of, write};
use crate::weights::transposed;
use crate::weights_file::sha256;

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
    let not_ours = |reason: String| ModelError::NotStp {
        path: path.to_path_buf(),
        reason,
    };
    let header: Header = header_of(path, "its size and sensors", not_ours)?;
    if let Some(complaint) = header.stp.complaint() {
        return Err(not_ours(complaint));
    }
    Ok((header.stp, header.about))
}

/// Loads a network; half precision is widened.
///
/// # Errors
/// Unreadable or another file, keys missing, extra or of wrong shape (all named), values that are not finite.
pub fn load_stp(path: &Path, device: &Device) -> Result<LoadedStp, ModelError> {
    let (config, about) = about_stp(path)?;
    let mut file = checked_file(path, NETWORK, config.parameters())?;
    let model = Stp::build(&config, &mut file, device)?;
    device.sync().map_err(|error| ModelError::Device {
        reason: error.to_string(),
    })?;
    Ok(LoadedStp {
        model,
        about,
        sha256: sha256(path)?,
        is_half: file.is_half(),
    })
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
    write(path, &header, &named_tensors(model)?, is_half)
}

/// Every tensor in the names and layouts of [`StpConfig::parameters`], in that order.
pub(super) fn named_tensors(model: &Stp) -> Result<Vec<NamedTensor>, ModelError> {
    let config = model.config();
    tensors_of(model, config.parameters(), |parameter, own| {
        let (path, third) = path_of(&parameter.name, config);
        let Stored { shape, values } = own.of(&path)?;
        let values = match third {
            Some(part) => third_of(values, shape, part),
            None => values.clone(),
        };
        Ok(stored(&parameter.name, &parameter.shape, values))
    })
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
