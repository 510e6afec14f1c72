//! Tensors of a file that belong to no network: what a user worked out elsewhere.
//! Knows names, shapes and numbers. Knows nothing of what they mean.

use std::path::Path;

use crate::error::ModelError;
use crate::export::NamedTensor;
use crate::weights_file::WeightsFile;

/// All tensors of a `.safetensors`, `.pth` or `.bpk` file.
///
/// # Errors
/// Unreadable, no such file, no floats, or values that are not finite.
pub fn read_tensors(path: &Path) -> Result<Vec<NamedTensor>, ModelError> {
    let mut file = WeightsFile::open(path)?;
    let names: Vec<String> = file.names().map(str::to_owned).collect();
    let mut tensors = Vec::with_capacity(names.len());
    for name in names {
        let shape = file.shape(&name).unwrap_or_default().to_vec();
        let values = file.take(&name)?;
        tensors.push(NamedTensor {
            name,
            shape,
            values,
        });
    }
    Ok(tensors)
}
