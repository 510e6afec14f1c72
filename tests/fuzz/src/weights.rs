//! The readers of weights files, without what Burn makes of them.

use std::fs::File;
use std::io::Write;

use crate::stored::{StoredTensor, check_claims};

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile_in(if std::path::Path::new("/dev/shm").is_dir() {
        "/dev/shm".into()
    } else {
        std::env::temp_dir()
    })
    .expect("a file");
    file.write_all(bytes).expect("written");
    file
}

/// What the loader relies on once a file is accepted.
fn hold_to_claims(tensors: &std::collections::BTreeMap<String, StoredTensor>, length: u64) {
    if check_claims(tensors.iter(), length).is_err() {
        return;
    }
    for tensor in tensors.values() {
        if let crate::stored::Place::Run { start, .. } = tensor.place {
            let count: u64 = tensor.shape.iter().map(|size| *size as u64).product();
            assert!(start + count * tensor.numbers.size() <= length);
        }
    }
}

pub fn pickle(bytes: &[u8]) {
    crate::pickle::tensors_of_pickle(bytes).ok();
}

pub fn pth(bytes: &[u8]) {
    let length = bytes.len() as u64;
    match crate::pth_file::pth_tensors(&file_of(bytes), length) {
        Ok(tensors) => hold_to_claims(&tensors, length),
        Err(words) => assert!(!words.trim().is_empty()),
    }
}

pub fn safetensors(bytes: &[u8]) {
    let length = bytes.len() as u64;
    match crate::safetensors_file::safetensors_tensors(&file_of(bytes), length) {
        Ok((tensors, _)) => hold_to_claims(&tensors, length),
        Err(words) => assert!(!words.trim().is_empty()),
    }
}
