//! What can go wrong with a network or its weights file, in words a user can act on.
//! Knows nothing of how the message is shown.

use std::path::PathBuf;

/// Names listed in one message before "and n more".
const NAMES_SHOWN: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(
        "band {band} has wavelength {value} µm; values above {limit} µm are surely nanometres: divide by 1000"
    )]
    Nanometres { band: usize, value: f32, limit: f32 },
    #[error(
        "band {band} has wavelength {value} µm; a wavelength must be a number above zero: set it in the Bands panel"
    )]
    Wavelength { band: usize, value: f32 },
    #[error("no band was chosen; the model needs at least one band with a wavelength")]
    NoBands,
    #[error("the weights file cannot be read: {source}\n{}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("not a weights file: {reason}; choose a .pth, .safetensors or .bpk file of a DOFA encoder\n{}", path.display())]
    NotWeights { path: PathBuf, reason: String },
    #[error("the weights file does not fit a DOFA encoder: {}\n{}", mismatch, path.display())]
    Mismatch {
        path: PathBuf,
        mismatch: KeyMismatch,
    },
    #[error("tensor {key} of the weights file holds {what}; the file is damaged or its training failed: use another copy\n{}", path.display())]
    Values {
        path: PathBuf,
        key: String,
        what: String,
    },
    #[error("width {width} of the weights file cannot be split into {heads} attention heads\n{}", path.display())]
    Heads {
        path: PathBuf,
        heads: usize,
        width: usize,
    },
    #[error("the weights file does not fit {network}: {}\n{}", mismatch, path.display())]
    OtherNetwork {
        /// As it stands in a sentence: "a plain vision transformer".
        network: &'static str,
        path: PathBuf,
        mismatch: KeyMismatch,
    },
    #[error("not a teacher: {reason}; choose a plain vision transformer with timm's key names\n{}", path.display())]
    NotTeacher { path: PathBuf, reason: String },
    #[error("an image of {image} pixels a side cannot be cut into patches of {patch} pixels; choose a multiple of {patch}, at least {}", 2 * patch)]
    ImageSize { image: usize, patch: usize },
    #[error(
        "the encoder to go on from is {width} wide with patches of {patch} pixels, which is another size than the one asked for; choose the model its weights belong to"
    )]
    OtherEncoder { width: usize, patch: usize },
    #[error("the weights cannot be written{}\n{}", room(source), path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("not a fine-tuned model of Terroir: {reason}; choose a file that `terroir finetune` made\n{}", path.display())]
    NotTuned { path: PathBuf, reason: String },
    #[error("not the weights of an STP network: {reason}; choose a file that `terroir pretrain stp` made\n{}", path.display())]
    NotStp { path: PathBuf, reason: String },
    #[error("not the weights of a KG-VSF network: {reason}; choose a file that `terroir pretrain kgvsf` made\n{}", path.display())]
    NotKgvsf { path: PathBuf, reason: String },
    #[error("the device refused the weights: {reason}; choose another device or a smaller model")]
    Device { reason: String },
}

/// What to do about a failed write.
fn room(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::StorageFull => {
            ": the disk is full, free some space and run it again".to_owned()
        }
        _ => format!(": {error}"),
    }
}

/// Every key of a weights file that is not as the network needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyMismatch {
    pub missing: Vec<String>,
    pub extra: Vec<String>,
    pub misshapen: Vec<Misshapen>,
}

/// A tensor that is there, but not in the shape the others ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misshapen {
    pub key: String,
    pub expected: Vec<usize>,
    pub found: Vec<usize>,
}

impl KeyMismatch {
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.misshapen.is_empty()
    }
}

impl std::fmt::Display for KeyMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let misshapen: Vec<String> = self
            .misshapen
            .iter()
            .map(|m| format!("{} (is {:?}, must be {:?})", m.key, m.found, m.expected))
            .collect();
        let parts = [
            ("missing", &self.missing),
            ("wrong shape", &misshapen),
            ("not part of the encoder", &self.extra),
        ];
        let mut first = true;
        for (label, names) in parts.into_iter().filter(|(_, names)| !names.is_empty()) {
            if !first {
                f.write_str("; ")?;
            }
            first = false;
            let shown: Vec<&str> = names.iter().take(NAMES_SHOWN).map(String::as_str).collect();
            write!(f, "{label}: {}", shown.join(", "))?;
            if names.len() > NAMES_SHOWN {
                write!(f, " and {} more", names.len() - NAMES_SHOWN)?;
            }
        }
        Ok(())
    }
}
