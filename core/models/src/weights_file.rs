//! Weights files as named tensors: PyTorch `.pth` and `.safetensors`, told apart by their first bytes.
//! Knows no network. Executes nothing: the pickle reader rebuilds dictionaries and tensors and calls no Python.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use burn::store::burn_pack::Tensor as StoredTensor;
use burn::store::pytorch_reader::{PytorchError, PytorchReader};
use burn::store::{ModuleStore, SafetensorsStore, bridge};
use burn::tensor::DType;
use sha2::{Digest, Sha256};

use crate::error::ModelError;

/// An open weights file: names and shapes are read, values on demand.
pub(crate) struct WeightsFile {
    path: PathBuf,
    tensors: BTreeMap<String, StoredTensor>,
    heads: Option<usize>,
}

impl WeightsFile {
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let head = head(path)?;
        let mut heads = None;
        let tensors = match sniff(&head) {
            Ok(Format::Safetensors) => {
                heads = head_count(path);
                safetensors(path)
            }
            Ok(Format::Pytorch) => pytorch(path),
            Err(reason) => Err(reason),
        }
        .map_err(|reason| ModelError::NotWeights {
            path: path.to_path_buf(),
            reason,
        })?;
        if tensors.is_empty() {
            let reason = "it holds no tensors".to_owned();
            return Err(ModelError::NotWeights {
                path: path.to_path_buf(),
                reason,
            });
        }
        Ok(Self {
            path: path.to_path_buf(),
            tensors,
            heads,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Attention heads, if the file's writer noted them.
    pub fn heads(&self) -> Option<usize> {
        self.heads
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| &*tensor.shape)
    }

    /// Values as f32 (half and double precision are converted), taken out of the file.
    ///
    /// # Errors
    /// Not there, damaged, not floating point, or not finite.
    pub fn take(&mut self, name: &str) -> Result<Vec<f32>, ModelError> {
        let bad = |path: &Path, what: String| ModelError::Values {
            path: path.to_path_buf(),
            key: name.to_owned(),
            what,
        };
        let Some(tensor) = self.tensors.remove(name) else {
            return Err(bad(&self.path, "nothing".to_owned()));
        };
        if !matches!(
            tensor.dtype,
            DType::F64 | DType::F32 | DType::F16 | DType::BF16
        ) {
            return Err(bad(
                &self.path,
                format!("{:?} numbers instead of floating point", tensor.dtype),
            ));
        }
        let data = bridge::into_data(tensor)
            .map_err(|error| bad(&self.path, format!("unreadable data ({error:?})")))?
            .convert_dtype(DType::F32);
        let values = data
            .try_into_vec::<f32>()
            .map_err(|error| bad(&self.path, format!("unreadable data ({error:?})")))?;
        match values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(bad(&self.path, format!("{value} among its values"))),
            None => Ok(values),
        }
    }
}

/// SHA-256 of the whole file, 64 hexadecimal digits.
pub(crate) fn sha256(path: &Path) -> Result<String, ModelError> {
    let mut file = File::open(path).map_err(|source| unreadable(path, source))?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).map_err(|source| unreadable(path, source))?;
    Ok(format!("{:x}", hasher.finalize()))
}

#[derive(Debug, PartialEq)]
enum Format {
    Safetensors,
    Pytorch,
}

/// Bytes looked at to tell what a file is.
const HEAD: u64 = 512;

fn head(path: &Path) -> Result<Vec<u8>, ModelError> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(HEAD).read_to_end(&mut head))
        .map_err(|source| unreadable(path, source))?;
    Ok(head)
}

fn unreadable(path: &Path, source: std::io::Error) -> ModelError {
    ModelError::Read {
        path: path.to_path_buf(),
        source,
    }
}

/// The format by content; names of downloads lie too often. `Err` says in words what the file is instead.
fn sniff(head: &[u8]) -> Result<Format, String> {
    // A safetensors file: 64-bit length of a JSON object, then the object.
    if head.get(8) == Some(&b'{') && head.get(5..8) == Some(&[0, 0, 0]) {
        return Ok(Format::Safetensors);
    }
    let text = head.trim_ascii_start();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.starts_with(b"<") {
        return Err("it is a web page, so the download went wrong".to_owned());
    }
    if text.starts_with(b"version https://git-lfs") {
        return Err("it is a Git LFS pointer; fetch the file itself".to_owned());
    }
    Ok(Format::Pytorch)
}

fn safetensors(path: &Path) -> Result<BTreeMap<String, StoredTensor>, String> {
    // Renumbering would hide a missing block.
    let mut store = SafetensorsStore::from_file(path).map_indices_contiguous(false);
    match store.get_all_tensors() {
        Ok(tensors) => Ok(tensors.clone()),
        Err(error) => Err(format!("it is cut short or damaged ({error})")),
    }
}

/// `num_heads` of a safetensors header's free metadata. A file without it is fine.
fn head_count(path: &Path) -> Option<usize> {
    /// The reader refuses longer headers too.
    const LONGEST: u64 = 100_000_000;
    let mut file = File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let header = file.take(u64::from_le_bytes(length).min(LONGEST));
    let header: serde_json::Value =
        serde_json::from_reader(std::io::BufReader::new(header)).ok()?;
    header
        .get("__metadata__")?
        .get("num_heads")?
        .as_str()?
        .parse()
        .ok()
}

fn pytorch(path: &Path) -> Result<BTreeMap<String, StoredTensor>, String> {
    let reader = PytorchReader::new(path).map_err(|error| match error {
        PytorchError::InvalidFormat(_) => {
            "it is neither a PyTorch nor a safetensors file".to_owned()
        }
        PytorchError::Zip(error) => format!("it is cut short or damaged ({error})"),
        error => format!("it is damaged or holds other things than tensors ({error})"),
    })?;
    Ok(reader
        .into_tensors()
        .into_iter()
        .map(|(name, tensor)| (name, bridge::from_pytorch(tensor)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_the_format() {
        assert_eq!(
            sniff(b"\x40\0\0\0\0\0\0\0{\"a\":1}"),
            Ok(Format::Safetensors)
        );
        assert_eq!(sniff(b"PK\x03\x04...."), Ok(Format::Pytorch));
        assert!(sniff(b"").unwrap_err().contains("empty"));
        assert!(
            sniff(b"  \n<!DOCTYPE html>")
                .unwrap_err()
                .contains("web page")
        );
        assert!(
            sniff(b"version https://git-lfs.github.com/spec/v1\n")
                .unwrap_err()
                .contains("LFS")
        );
    }
}
