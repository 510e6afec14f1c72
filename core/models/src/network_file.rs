//! What the weights files of our own networks have in common: a `.safetensors` file whose header tells what the network is,
//! checked key by key. Knows names, shapes and files. Knows no network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::module::Module;
use burn::store::{ModuleSnapshot, bridge};
use burn::tensor::DType;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{KeyMismatch, Misshapen, ModelError};
use crate::export::{NamedTensor, write_safetensors};
use crate::parameters::Parameter;
use crate::tuned::{ABOUT, header_text};
use crate::weights::Weights;
use crate::weights_file::WeightsFile;

/// The header of a file. `told`: what it must tell, as it stands in a sentence; `not_ours` makes the error of a reason.
///
/// # Errors
/// Unreadable, or the file of something else.
pub(crate) fn header_of<H: DeserializeOwned>(
    path: &Path,
    told: &str,
    not_ours: impl Fn(String) -> ModelError,
) -> Result<H, ModelError> {
    let text = header_text(path)
        .map_err(|source| ModelError::Read {
            path: path.to_path_buf(),
            source,
        })?
        .ok_or_else(|| not_ours(format!("its header does not tell {told}")))?;
    serde_json::from_str(&text)
        .map_err(|error| not_ours(format!("its header cannot be read ({error})")))
}

/// A file whose tensors are exactly those of a network.
pub(crate) struct CheckedFile(WeightsFile);

/// Opens a file and checks its keys. `network`: as it stands in a sentence.
///
/// # Errors
/// Unreadable, or keys missing, extra or of wrong shape: all named.
pub(crate) fn checked_file(
    path: &Path,
    network: &'static str,
    parameters: Vec<Parameter>,
) -> Result<CheckedFile, ModelError> {
    let file = WeightsFile::open(path)?;
    let mut mismatch = KeyMismatch::default();
    let mut known = BTreeSet::new();
    for parameter in parameters {
        match file.shape(&parameter.name) {
            None => mismatch.missing.push(parameter.name.clone()),
            Some(found) if found != parameter.shape => mismatch.misshapen.push(Misshapen {
                key: parameter.name.clone(),
                expected: parameter.shape,
                found: found.to_vec(),
            }),
            Some(_) => {}
        }
        known.insert(parameter.name);
    }
    let extra = file.names().filter(|name| !known.contains(*name));
    mismatch.extra = extra.map(str::to_owned).collect();
    match mismatch.is_empty() {
        true => Ok(CheckedFile(file)),
        false => Err(ModelError::OtherNetwork {
            network,
            path: path.to_path_buf(),
            mismatch,
        }),
    }
}

impl CheckedFile {
    /// It keeps half precision, which is widened.
    pub fn is_half(&self) -> bool {
        self.0.is_half()
    }
}

impl Weights for CheckedFile {
    type Error = ModelError;

    fn take(&mut self, name: &str, _: &[usize]) -> Result<Vec<f32>, ModelError> {
        self.0.take(name)
    }
}

/// A tensor as a network holds it.
pub(crate) struct Stored {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// The tensors of a network by their paths in it.
pub(crate) struct OwnTensors(BTreeMap<String, Stored>);

impl OwnTensors {
    /// # Errors
    /// The network has no tensor there.
    pub fn of(&self, path: &str) -> Result<&Stored, ModelError> {
        self.0.get(path).ok_or_else(|| ModelError::Device {
            reason: format!("{path} is no tensor of the network"),
        })
    }
}

/// Every parameter with the values that `stored` finds for it among the network's own.
///
/// # Errors
/// The device cannot give the weights back.
pub(crate) fn tensors_of(
    model: &impl Module,
    parameters: Vec<Parameter>,
    stored: impl Fn(&Parameter, &OwnTensors) -> Result<Vec<f32>, ModelError>,
) -> Result<Vec<NamedTensor>, ModelError> {
    let unreadable = |error: String| ModelError::Device { reason: error };
    let mut own = BTreeMap::new();
    for tensor in model.collect(None, None, true) {
        let path = tensor.name.clone();
        let data = bridge::into_data(tensor)
            .map_err(|error| unreadable(format!("{error:?}")))?
            .convert_dtype(DType::F32);
        let shape = data.shape().to_vec();
        let values = data
            .try_into_vec::<f32>()
            .map_err(|error| unreadable(format!("{error:?}")))?;
        own.insert(path, Stored { shape, values });
    }
    let own = OwnTensors(own);
    let tensor = |parameter: Parameter| {
        Ok(NamedTensor {
            values: stored(&parameter, &own)?,
            name: parameter.name,
            shape: parameter.shape,
        })
    };
    parameters.into_iter().map(tensor).collect()
}

/// Writes tensors with what the header tells, beside their place and renamed; `is_half` halves their size.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write(
    path: &Path,
    header: &impl Serialize,
    tensors: &[NamedTensor],
    is_half: bool,
) -> Result<(), ModelError> {
    let text = serde_json::to_string(header).map_err(|error| ModelError::Write {
        path: path.to_path_buf(),
        source: std::io::Error::other(error),
    })?;
    let notes = BTreeMap::from([
        (ABOUT.to_owned(), text),
        ("format".to_owned(), "pt".to_owned()),
    ]);
    write_safetensors(path, tensors, is_half, &notes)
}
