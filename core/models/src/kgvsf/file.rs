//! The weights file of a KG-VSF network: a `.safetensors` file with the names of the specification, whose header tells the size
//! and whatever the trainer noted (bands, drivers, how they were standardised). Knows names and layouts. Knows no bands.

use std::path::Path;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{Kgvsf, KgvsfConfig};
use crate::error::ModelError;
use crate::export::NamedTensor;
use crate::network_file::{checked_file, header_of, tensors_of, write};
use crate::weights::transposed;
use crate::weights_file::sha256;

/// As it stands in a sentence.
const NETWORK: &str = "a KG-VSF network";

#[derive(Serialize, Deserialize)]
struct Header {
    kgvsf: KgvsfConfig,
    #[serde(default)]
    about: serde_json::Value,
}

/// A network with the weights of a file.
pub struct LoadedKgvsf {
    pub model: Kgvsf,
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
/// Unreadable, or no weights of a KG-VSF network.
pub fn about_kgvsf(path: &Path) -> Result<(KgvsfConfig, serde_json::Value), ModelError> {
    let not_ours = |reason: String| ModelError::NotKgvsf {
        path: path.to_path_buf(),
        reason,
    };
    let header: Header = header_of(path, "its size", not_ours)?;
    if let Some(complaint) = header.kgvsf.complaint() {
        return Err(not_ours(complaint));
    }
    Ok((header.kgvsf, header.about))
}

/// Loads a network; half precision is widened.
///
/// # Errors
/// Unreadable or another file, keys missing, extra or of wrong shape (all named), values that are not finite.
pub fn load_kgvsf(path: &Path, device: &Device) -> Result<LoadedKgvsf, ModelError> {
    let (config, about) = about_kgvsf(path)?;
    let mut file = checked_file(path, NETWORK, config.parameters())?;
    let model = Kgvsf::build(&config, &mut file, device)?;
    device.sync().map_err(|error| ModelError::Device {
        reason: error.to_string(),
    })?;
    Ok(LoadedKgvsf {
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
pub fn save_kgvsf(
    model: &Kgvsf,
    path: &Path,
    is_half: bool,
    about: &serde_json::Value,
) -> Result<(), ModelError> {
    let header = Header {
        kgvsf: model.config().clone(),
        about: about.clone(),
    };
    write(path, &header, &named_tensors(model)?, is_half)
}

/// Every tensor in the names and layouts of [`KgvsfConfig::parameters`], in that order.
pub(super) fn named_tensors(model: &Kgvsf) -> Result<Vec<NamedTensor>, ModelError> {
    tensors_of(model, model.config().parameters(), |parameter, own| {
        let values = &own.of(&path_of(&parameter.name))?.values;
        Ok(match parameter.shape.as_slice() {
            // Burn's layers keep [in, out].
            [outputs, inputs] => transposed(values, *inputs, *outputs),
            _ => values.clone(),
        })
    })
}

/// The path of a parameter in [`Kgvsf`].
fn path_of(name: &str) -> String {
    match name {
        "lstm.weight_ih_l0" => return "lstm.input.weight".to_owned(),
        "lstm.bias_ih_l0" => return "lstm.input.bias".to_owned(),
        "lstm.weight_hh_l0" => return "lstm.hidden".to_owned(),
        "lstm.bias_hh_l0" => return "lstm.hidden_bias".to_owned(),
        _ => {}
    }
    let Some((layer, part)) = name.rsplit_once('.') else {
        return name.to_owned();
    };
    let last = layer.rsplit('.').next().unwrap_or(layer);
    let is_norm = last.ends_with("_n") || matches!(last, "n1" | "n2" | "cn" | "fn");
    let part = match (is_norm, part) {
        (true, "weight") => "gamma",
        (true, _) => "beta",
        _ => part,
    };
    let layer = if layer == "fn" { "state_n" } else { layer };
    format!("{layer}.{part}")
}
