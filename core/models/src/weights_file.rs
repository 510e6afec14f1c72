//! Weights files as named tensors: PyTorch `.pth`, `.safetensors` and Burn's `.bpk`, told apart by their first bytes.
//! Knows no network. Executes nothing, and reserves no more memory than a file has bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use burn::store::bridge;
use burn::tensor::{DType, TensorData};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::burnpack_file::{MAGIC, burnpack_tensors, with_published_names};
use crate::error::ModelError;
use crate::pth_file::pth_tensors;
use crate::safetensors_file::safetensors_tensors;
use crate::stored::{Numbers, Place, StoredTensor, check_claims, count_of};
use crate::weights::transposed;

/// Numbers read at once: fits the processor's cache with what is made of it.
const BLOCK: usize = 1 << 17;

/// An open weights file: names and shapes are read, values on demand.
pub(crate) struct WeightsFile {
    path: PathBuf,
    file: File,
    tensors: BTreeMap<String, StoredTensor>,
    heads: Option<usize>,
}

impl WeightsFile {
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let failed = |source| unreadable(path, source);
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut head = Vec::new();
        (&mut file)
            .take(HEAD)
            .read_to_end(&mut head)
            .map_err(failed)?;
        let not_weights = |reason| ModelError::NotWeights {
            path: path.to_path_buf(),
            reason,
        };
        let mut heads = None;
        let tensors = match sniff(&head).map_err(not_weights)? {
            Format::Safetensors => safetensors_tensors(&file, length).map(|(tensors, noted)| {
                heads = noted;
                with_published_names(tensors)
            }),
            Format::Burnpack => burnpack_tensors(path).map(with_published_names),
            Format::Pytorch => pth_tensors(&file, length),
        }
        .map_err(not_weights)?;
        if tensors.is_empty() {
            return Err(not_weights("it holds no tensors".to_owned()));
        }
        check_claims(tensors.iter(), length).map_err(not_weights)?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
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
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// Whether any tensor is kept in fewer than 32 bits.
    pub fn is_half(&self) -> bool {
        self.tensors
            .values()
            .any(|tensor| matches!(tensor.numbers, Numbers::F16 | Numbers::BF16))
    }

    /// Values as f32 (half and double precision are converted), taken out of the file.
    ///
    /// # Errors
    /// Not there, damaged, not floating point, or not finite.
    pub fn take(&mut self, name: &str) -> Result<Vec<f32>, ModelError> {
        let tensor = self.remove(name)?;
        let shape = tensor.shape.clone();
        match (tensor.is_transposed, shape.as_slice()) {
            (true, &[rows, columns]) => {
                let values = self.values(name, tensor)?;
                Ok(transposed(&values, columns, rows))
            }
            _ => self.values(name, tensor),
        }
    }

    /// [`Self::take`] of a matrix [rows, columns], as [columns, rows].
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_transposed(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Vec<f32>, ModelError> {
        let tensor = self.remove(name)?;
        if tensor.is_transposed {
            return self.values(name, tensor);
        }
        let Place::Run { start, crc } = tensor.place else {
            return Ok(transposed(&self.values(name, tensor)?, rows, columns));
        };
        // Read and turned block by block, so that each number is touched once while it is in the cache.
        let mut out = vec![0.0; rows * columns];
        let rows_a_block = (BLOCK / columns.max(1)).max(1);
        let mut row = 0;
        self.blocks(
            name,
            tensor.numbers,
            start,
            rows * columns,
            crc,
            rows_a_block * columns,
            |block| {
                turn_into(block, columns, row, rows, &mut out);
                row += block.len() / columns.max(1);
            },
        )?;
        Ok(out)
    }

    /// Reads every tensor without keeping it.
    ///
    /// # Errors
    /// As [`Self::take`]; also when `go_on`, asked after each tensor with its bytes, says no: then `Ok(false)`.
    pub fn check_values(
        &mut self,
        names: &[String],
        mut go_on: impl FnMut(u64) -> bool,
    ) -> Result<bool, ModelError> {
        for name in names {
            let tensor = self.remove(name)?;
            let count = count_of(&tensor.shape).unwrap_or(0);
            let bytes = count * tensor.numbers.size();
            match tensor.place {
                Place::Run { start, crc } => {
                    self.blocks(
                        name,
                        tensor.numbers,
                        start,
                        count as usize,
                        crc,
                        BLOCK,
                        |_| {},
                    )?;
                }
                _ => drop(self.values(name, tensor)?),
            }
            if !go_on(bytes) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn remove(&mut self, name: &str) -> Result<StoredTensor, ModelError> {
        self.tensors
            .remove(name)
            .ok_or_else(|| self.bad(name, "nothing".to_owned()))
    }

    fn bad(&self, name: &str, what: String) -> ModelError {
        ModelError::Values {
            path: self.path.clone(),
            key: name.to_owned(),
            what,
        }
    }

    /// Values in the order the file has them.
    fn values(&mut self, name: &str, tensor: StoredTensor) -> Result<Vec<f32>, ModelError> {
        let count = count_of(&tensor.shape).unwrap_or(0) as usize;
        match tensor.place {
            Place::Run { start, crc } => {
                let mut out = Vec::with_capacity(count);
                self.blocks(name, tensor.numbers, start, count, crc, BLOCK, |block| {
                    out.extend_from_slice(block);
                })?;
                Ok(out)
            }
            Place::Scattered => Err(self.bad(
                name,
                "a view whose rows do not follow one another (save it with .contiguous())"
                    .to_owned(),
            )),
            Place::Pack(stored) => {
                if let Numbers::Other(what, _) = tensor.numbers {
                    return Err(self.bad(name, format!("{what} instead of floating point")));
                }
                let unreadable = |error| format!("unreadable data ({error})");
                let values = bridge::into_data(*stored)
                    .map_err(|error| self.bad(name, unreadable(error.to_string())))?
                    .convert_dtype(DType::F32)
                    .try_into_vec::<f32>()
                    .map_err(|error| self.bad(name, unreadable(format!("{error:?}"))))?;
                self.check_finite(name, &values)?;
                Ok(values)
            }
        }
    }

    /// Goes through a run of numbers in blocks of at most `block` numbers.
    fn blocks(
        &mut self,
        name: &str,
        numbers: Numbers,
        start: u64,
        count: usize,
        crc: Option<u32>,
        block: usize,
        mut each: impl FnMut(&[f32]),
    ) -> Result<(), ModelError> {
        if let Numbers::Other(what, _) = numbers {
            return Err(self.bad(name, format!("{what} instead of floating point")));
        }
        let cut = |file: &Self, error: std::io::Error| {
            file.bad(name, format!("unreadable data ({error})"))
        };
        self.file
            .seek(SeekFrom::Start(start))
            .map_err(|error| cut(self, error))?;
        let mut sum = crc32fast::Hasher::new();
        let mut buffer = vec![0.0_f32; block.min(count)];
        let mut left = count;
        while left > 0 {
            let now = left.min(block);
            left -= now;
            if numbers == Numbers::F32 {
                let values = &mut buffer[..now];
                let bytes: &mut [u8] = bytemuck::cast_slice_mut(values);
                self.file
                    .read_exact(bytes)
                    .map_err(|error| cut(self, error))?;
                if crc.is_some() {
                    sum.update(bytes);
                }
                if cfg!(target_endian = "big") {
                    for value in values.iter_mut() {
                        *value = f32::from_bits(u32::from_le(value.to_bits()));
                    }
                }
                self.check_finite(name, &buffer[..now])?;
                each(&buffer[..now]);
            } else {
                let mut bytes = vec![0; now * numbers.size() as usize];
                self.file
                    .read_exact(&mut bytes)
                    .map_err(|error| cut(self, error))?;
                if crc.is_some() {
                    sum.update(&bytes);
                }
                let dtype = match numbers {
                    Numbers::F64 => DType::F64,
                    Numbers::F16 => DType::F16,
                    _ => DType::BF16,
                };
                let values = TensorData::from_bytes_vec(bytes, [now], dtype)
                    .convert_dtype(DType::F32)
                    .try_into_vec::<f32>()
                    .map_err(|error| self.bad(name, format!("unreadable data ({error:?})")))?;
                self.check_finite(name, &values)?;
                each(&values);
            }
        }
        match crc {
            Some(expected) if sum.finalize() != expected => {
                Err(self.bad(name, "other numbers than its checksum says".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn check_finite(&self, name: &str, values: &[f32]) -> Result<(), ModelError> {
        // Without a branch per number, so that the processor takes many at once.
        if values
            .iter()
            .fold(true, |all, value| all & value.is_finite())
        {
            return Ok(());
        }
        let found = values.iter().find(|value| !value.is_finite());
        Err(self.bad(
            name,
            format!("{} among its values", found.copied().unwrap_or(f32::NAN)),
        ))
    }
}

/// Puts whole rows of `columns` numbers, the first of which is `row` of `rows`, into their columns of `out`. Strips of columns
/// are a thread's each: turning takes longer than reading from the system's cache.
fn turn_into(block: &[f32], columns: usize, row: usize, rows: usize, out: &mut [f32]) {
    const SIDE: usize = 16;
    if columns == 0 || rows == 0 {
        return;
    }
    let height = block.len() / columns;
    out.par_chunks_mut(SIDE * rows)
        .enumerate()
        .for_each(|(strip, out)| {
            for row_start in (0..height).step_by(SIDE) {
                let row_end = (row_start + SIDE).min(height);
                for (column, line) in out.chunks_exact_mut(rows).enumerate() {
                    let to = &mut line[row + row_start..row + row_end];
                    for (offset, value) in to.iter_mut().enumerate() {
                        *value = block[(row_start + offset) * columns + strip * SIDE + column];
                    }
                }
            }
        });
}

/// SHA-256 of the whole file, 64 hexadecimal digits.
pub(crate) fn sha256(path: &Path) -> Result<String, ModelError> {
    let failed = |source| unreadable(path, source);
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(format!("{:x}", hasher.finalize())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Format {
    Safetensors,
    Burnpack,
    Pytorch,
}

/// Bytes looked at to tell what a file is.
const HEAD: u64 = 512;

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
    if head.starts_with(MAGIC) {
        return Ok(Format::Burnpack);
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
        assert_eq!(sniff(b"NRUB\x01\0"), Ok(Format::Burnpack));
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

    #[test]
    fn blocks_turn_into_the_whole_transposed() {
        let (rows, columns) = (37, 21);
        let values: Vec<f32> = (0..rows * columns).map(|v| v as f32).collect();
        let mut out = vec![0.0; rows * columns];
        for (block, row) in values.chunks(5 * columns).zip((0..rows).step_by(5)) {
            turn_into(block, columns, row, rows, &mut out);
        }
        assert_eq!(out, transposed(&values, rows, columns));
    }
}
