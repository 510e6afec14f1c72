//! Writing weights as a `.safetensors` file in the published key names, so that whatever reads those reads ours.
//! Knows names and layouts. Knows nothing of how the weights came about.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use burn::module::Module;
use burn::store::{ModuleSnapshot, bridge};
use burn::tensor::DType;

use crate::dofa::Dofa;
use crate::error::ModelError;

/// A tensor as a weights file holds it: linear weights are [out, in].
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// The published name of a parameter by its path in [`Dofa`] or [`crate::MaskedDofa`]; `None` for other paths.
pub fn published_name(path: &str) -> Option<String> {
    let path = path.strip_prefix("encoder.").unwrap_or(path);
    if let Some(rest) = path.strip_prefix("decoder.") {
        let (part, inner) = rest.split_once('.').unwrap_or((rest, ""));
        return match part {
            "mask_token" => Some("mask_token".to_owned()),
            "embed" => Some(format!("decoder_embed.{inner}")),
            "positions" => Some("decoder_pos_embed".to_owned()),
            "blocks" => in_block(inner).map(|inner| format!("decoder_blocks.{inner}")),
            "norm" => Some(format!("decoder_norm.{}", in_norm(inner))),
            "generator" => Some(in_generator("decoder_pred.weight_generator", inner)),
            _ => None,
        };
    }
    let (part, inner) = path.split_once('.').unwrap_or((path, ""));
    match part {
        "class_token" => Some("cls_token".to_owned()),
        "positions" => Some("pos_embed".to_owned()),
        "wave_layer" => Some(format!("patch_embed.fclayer.{inner}")),
        "generator" => Some(in_generator("patch_embed.weight_generator", inner)),
        "blocks" => in_block(inner).map(|inner| format!("blocks.{inner}")),
        "norm" => Some(format!("norm.{}", in_norm(inner))),
        "projector" => Some(path.to_owned()),
        _ => None,
    }
}

fn in_norm(part: &str) -> &str {
    match part {
        "gamma" => "weight",
        "beta" => "bias",
        other => other,
    }
}

fn in_generator(root: &str, path: &str) -> String {
    let layer = format!("{root}.transformer_encoder.layers.0");
    let (part, inner) = path.split_once('.').unwrap_or((path, ""));
    match part {
        "in_proj" => format!("{layer}.self_attn.in_proj_{inner}"),
        "out_proj" => format!("{layer}.self_attn.out_proj.{inner}"),
        "norm1" | "norm2" => format!("{layer}.{part}.{}", in_norm(inner)),
        "linear1" | "linear2" => format!("{layer}.{part}.{inner}"),
        _ => format!("{root}.{path}"),
    }
}

/// `3.qkv.weight` to `3.attn.qkv.weight`.
fn in_block(path: &str) -> Option<String> {
    let (index, inside) = path.split_once('.')?;
    let (part, inner) = inside.split_once('.').unwrap_or((inside, ""));
    Some(match part {
        "norm1" | "norm2" => format!("{index}.{part}.{}", in_norm(inner)),
        "qkv" | "proj" => format!("{index}.attn.{part}.{inner}"),
        "fc1" | "fc2" => format!("{index}.mlp.{part}.{inner}"),
        "scale1" => format!("{index}.ls1.gamma"),
        "scale2" => format!("{index}.ls2.gamma"),
        _ => return None,
    })
}

/// Tensors of an encoder or a masked autoencoder in the published names and layouts, sorted by name.
///
/// # Errors
/// The device cannot give a tensor back.
pub fn named_tensors<M: Module>(
    model: &M,
    layer_scale: bool,
) -> Result<Vec<NamedTensor>, ModelError> {
    let unreadable = |error: String| ModelError::Device { reason: error };
    let mut tensors = Vec::new();
    for tensor in model.collect(None, None, true) {
        let path = tensor.name.clone();
        let Some(name) = published_name(&path) else {
            continue;
        };
        let data = bridge::into_data(tensor)
            .map_err(|error| unreadable(format!("{error:?}")))?
            .convert_dtype(DType::F32);
        let mut shape: Vec<usize> = data.shape().to_vec();
        let mut values = data
            .try_into_vec::<f32>()
            .map_err(|error| unreadable(format!("{error:?}")))?;
        // Burn's linear layers keep [in, out].
        if let ([inputs, outputs], true) = (shape.as_slice(), path.ends_with(".weight")) {
            values = crate::weights::transposed(&values, *inputs, *outputs);
            shape.reverse();
        }
        tensors.push(NamedTensor {
            name: in_version(name, layer_scale),
            shape,
            values,
        });
    }
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tensors)
}

/// Version 2 wraps its transformer into a `model`.
pub(crate) fn in_version(name: String, layer_scale: bool) -> String {
    let is_wrapped = ["cls_token", "pos_embed", "blocks.", "norm."]
        .iter()
        .any(|start| name.starts_with(start));
    if layer_scale && is_wrapped {
        format!("model.{name}")
    } else {
        name
    }
}

/// Writes an encoder as a file that [`crate::load_dofa`] reads; `is_half` halves its size. `notes` go into the file's free
/// metadata beside the head count. Written beside its place and renamed.
///
/// # Errors
/// The device cannot give the weights back, or the file cannot be written.
pub fn save_dofa(
    model: &Dofa,
    path: &Path,
    is_half: bool,
    notes: &BTreeMap<String, String>,
) -> Result<(), ModelError> {
    let config = model.config();
    let tensors = named_tensors(model, config.layer_scale)?;
    let mut notes = notes.clone();
    notes.insert("num_heads".to_owned(), config.heads.to_string());
    write_safetensors(path, &tensors, is_half, &notes)
}

/// Writes tensors as a `.safetensors` file of f32 or f16, beside its place first.
///
/// # Errors
/// The file cannot be written.
pub fn write_safetensors(
    path: &Path,
    tensors: &[NamedTensor],
    is_half: bool,
    notes: &BTreeMap<String, String>,
) -> Result<(), ModelError> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = std::path::PathBuf::from(part);
    let result =
        write_whole(&part, tensors, is_half, notes).and_then(|()| std::fs::rename(&part, path));
    result.map_err(|source| {
        std::fs::remove_file(&part).ok();
        ModelError::Write {
            path: path.to_path_buf(),
            source,
        }
    })
}

fn write_whole(
    path: &Path,
    tensors: &[NamedTensor],
    is_half: bool,
    notes: &BTreeMap<String, String>,
) -> std::io::Result<()> {
    let (dtype, size) = if is_half { ("F16", 2) } else { ("F32", 4) };
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".to_owned(), serde_json::json!(notes));
    let mut end = 0;
    for tensor in tensors {
        let start = end;
        end += size * tensor.values.len();
        header.insert(
            tensor.name.clone(),
            serde_json::json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, end] }),
        );
    }
    let mut text = serde_json::to_string(&header).map_err(std::io::Error::other)?;
    // The format wants the data on a multiple of eight.
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    file.write_all(&(text.len() as u64).to_le_bytes())?;
    file.write_all(text.as_bytes())?;
    for tensor in tensors {
        if is_half {
            let data = burn::tensor::TensorData::from(tensor.values.as_slice());
            file.write_all(data.convert_dtype(DType::F16).as_bytes())?;
        } else {
            for value in &tensor.values {
                file.write_all(&value.to_le_bytes())?;
            }
        }
    }
    file.flush()?;
    file.get_ref().sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DofaConfig, MaskedConfig};
    use burn::tensor::Device;

    fn config(layer_scale: bool) -> DofaConfig {
        DofaConfig {
            image: 16,
            patch: 4,
            width: 32,
            depth: 2,
            heads: 4,
            layer_scale,
        }
    }

    #[test]
    fn every_parameter_has_its_published_name_and_shape() {
        let device = Device::flex();
        for layer_scale in [false, true] {
            let config = config(layer_scale);
            let mut expected: Vec<(String, Vec<usize>)> = config
                .parameters()
                .into_iter()
                .map(|parameter| (parameter.name, parameter.shape))
                .collect();
            expected.sort();
            let model = config.init(1, &device);
            let found: Vec<(String, Vec<usize>)> = named_tensors(&model, layer_scale)
                .unwrap()
                .into_iter()
                .map(|tensor| (tensor.name, tensor.shape))
                .collect();
            assert_eq!(found, expected);
        }
        let masked = MaskedConfig::of(config(false), 16);
        let mut expected: Vec<(String, Vec<usize>)> = masked
            .encoder
            .parameters()
            .into_iter()
            .chain(masked.decoder_parameters())
            .map(|parameter| (parameter.name, parameter.shape))
            .collect();
        expected.sort();
        let encoder = masked.encoder.init(1, &device);
        let model = masked.around(encoder, 1, &device).unwrap();
        let found: Vec<(String, Vec<usize>)> = named_tensors(&model, false)
            .unwrap()
            .into_iter()
            .map(|tensor| (tensor.name, tensor.shape))
            .collect();
        assert_eq!(found, expected);
    }
}
