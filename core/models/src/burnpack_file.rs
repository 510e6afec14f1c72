//! A burnpack (`.bpk`), Burn's own container: with the published names, or with those of our network's modules.
//! Knows names. The container itself is read by Burn, lazily.

use std::collections::BTreeMap;
use std::path::Path;

use burn::store::burn_pack::{DType, Reader};

use crate::export::{in_version, published_name};
use crate::stored::{Numbers, Place, StoredTensor};

/// First bytes of the container.
pub(crate) const MAGIC: &[u8; 4] = b"NRUB";

/// Tensors of a burnpack by name; none of their numbers is read.
pub(crate) fn burnpack_tensors(path: &Path) -> Result<BTreeMap<String, StoredTensor>, String> {
    let damaged = |error| format!("it is cut short or damaged ({error})");
    let tensors = Reader::from_file_exact(path)
        .and_then(Reader::into_tensors)
        .map_err(damaged)?;
    Ok(tensors
        .into_iter()
        .map(|tensor| {
            let stored = StoredTensor {
                numbers: match tensor.dtype {
                    DType::F64 => Numbers::F64,
                    DType::F32 => Numbers::F32,
                    DType::F16 => Numbers::F16,
                    DType::BF16 => Numbers::BF16,
                    // Quantised weights are smaller than a byte; one is the least a claim can be.
                    _ => Numbers::Other("whole or quantised numbers", 1),
                },
                shape: tensor.shape.to_vec(),
                place: Place::Pack(Box::new(tensor.clone())),
                is_transposed: false,
            };
            (tensor.name, stored)
        })
        .collect())
}

/// Gives tensors that carry the names of our network's modules their published names and shapes.
pub(crate) fn with_published_names(
    tensors: BTreeMap<String, StoredTensor>,
) -> BTreeMap<String, StoredTensor> {
    if !tensors.contains_key("generator.weight_tokens") {
        return tensors;
    }
    let layer_scale = tensors.contains_key("blocks.0.scale1");
    tensors
        .into_iter()
        .map(|(path, mut stored)| {
            let Some(name) = published_name(&path) else {
                return (path, stored);
            };
            // Burn's linear layers keep [in, out].
            if stored.shape.len() == 2 && path.ends_with(".weight") {
                stored.shape.reverse();
                stored.is_transposed = true;
            }
            (in_version(name, layer_scale), stored)
        })
        .collect()
}
