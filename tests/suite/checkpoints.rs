//! Weights files, good and bad: what loads, and what is said about what does not.

use std::path::{Path, PathBuf};

use burn::store::{ModuleSnapshot, bridge};
use burn::tensor::{Device, Tensor};
use terroir_models::{Dofa, LoadedDofa, ModelError, load_dofa, load_dofa_as};

use crate::golden::{Golden, Written, file, write_safetensors};
use crate::pth::{Record, archive};

const HEADS: usize = 4;

fn load(path: &Path) -> Result<LoadedDofa, ModelError> {
    load_dofa_as(path, HEADS, &Device::flex())
}

/// The message of a file that must not load.
fn refusal(path: &Path) -> String {
    match load(path) {
        Ok(_) => panic!("{} was accepted", path.display()),
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.contains(&path.display().to_string()),
                "the file is not named: {text}"
            );
            text
        }
    }
}

/// The reference encoder's tensors, to be spoilt.
fn reference() -> Option<Written> {
    let golden = Golden::open(&file("golden/dofa/encoder.safetensors")?);
    Some(
        golden
            .iter()
            .map(|(name, data)| {
                (
                    name.clone(),
                    (data.shape().to_vec(), data.try_to_vec().unwrap()),
                )
            })
            .collect(),
    )
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn bytes(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn tensors(&self, tensors: &Written) -> PathBuf {
        let path = self.0.path().join("weights.safetensors");
        write_safetensors(&path, tensors, "F32");
        path
    }
}

fn values(model: &Dofa) -> Vec<(String, Vec<f32>)> {
    model
        .collect(None, None, false)
        .iter()
        .map(|tensor| {
            (
                tensor.name.clone(),
                bridge::to_data(tensor)
                    .unwrap()
                    .try_to_vec::<f32>()
                    .unwrap(),
            )
        })
        .collect()
}

#[test]
fn both_formats_give_equal_weights() {
    let (Some(pth), Some(safetensors)) = (
        file("golden/dofa/encoder.pth"),
        file("golden/dofa/encoder.safetensors"),
    ) else {
        return;
    };
    let (one, two) = (load(&pth).unwrap(), load(&safetensors).unwrap());
    assert_eq!(values(&one.model), values(&two.model));
    assert_eq!(one.sha256.len(), 64);
    assert_ne!(one.sha256, two.sha256);
    // Nobody publishes weights of that size, so there is nothing to be missed.
    assert!(
        !one.notes.iter().any(|note| note.contains("published")),
        "{:?}",
        one.notes
    );
    let config = one.model.config();
    assert_eq!(
        (config.image, config.patch, config.width, config.depth),
        (16, 4, 32, 2)
    );
}

#[test]
fn heads_come_from_the_header_or_are_announced() {
    let (Some(pth), Some(safetensors)) = (
        file("golden/dofa/encoder.pth"),
        file("golden/dofa/encoder.safetensors"),
    ) else {
        return;
    };
    let device = Device::flex();
    assert_eq!(
        load_dofa(&safetensors, &device)
            .unwrap()
            .model
            .config()
            .heads,
        4
    );
    let loaded = load_dofa(&pth, &device).unwrap();
    assert!(
        loaded
            .notes
            .iter()
            .any(|note| note.contains("attention heads")),
        "{:?}",
        loaded.notes
    );
    assert!(matches!(
        load_dofa_as(&pth, 5, &device),
        Err(ModelError::Heads { .. })
    ));
}

#[test]
fn wrappers_are_taken_off() {
    let Some(tensors) = reference() else { return };
    let folder = Folder::new();
    for wrapper in ["model.", "encoder.", "module.", "module.encoder."] {
        let wrapped = tensors
            .iter()
            .map(|(name, value)| (format!("{wrapper}{name}"), value.clone()))
            .collect();
        load(&folder.tensors(&wrapped)).unwrap();
    }
    let foreign = tensors
        .iter()
        .map(|(name, value)| (format!("teacher.{name}"), value.clone()))
        .collect();
    assert!(refusal(&folder.tensors(&foreign)).contains("none of its tensors"));
}

#[test]
fn half_precision_is_widened() {
    let Some(tensors) = reference() else { return };
    let folder = Folder::new();
    let path = folder.0.path().join("half.safetensors");
    write_safetensors(&path, &tensors, "BF16");
    let half = load(&path).unwrap();
    let full = load(&folder.tensors(&tensors)).unwrap();
    let token = |model: &Dofa| {
        let kernel = model.patch_kernel(&[0.6]).unwrap();
        model
            .features(Tensor::ones([1, 1, 16, 16], &Device::flex()), &kernel)
            .into_data()
            .try_to_vec::<f32>()
            .unwrap()
    };
    let difference = crate::golden::largest_difference(&token(&half.model), &token(&full.model));
    assert!(difference > 0.0 && difference < 0.2, "{difference}");
}

#[test]
fn integers_are_refused() {
    let Some(tensors) = reference() else { return };
    let folder = Folder::new();
    let path = folder.0.path().join("integers.safetensors");
    write_safetensors(&path, &tensors, "I32");
    assert!(refusal(&path).contains("instead of floating point"));
}

#[test]
fn every_wrong_key_is_named() {
    let Some(tensors) = reference() else { return };
    let folder = Folder::new();

    for key in tensors.keys() {
        let optional = ["mask_token", "projector.weight", "projector.bias"].contains(&key.as_str());
        let mut without = tensors.clone();
        without.remove(key);
        let path = folder.tensors(&without);
        match optional {
            true => drop(load(&path).unwrap()),
            false => assert!(refusal(&path).contains(&format!("missing: {key}")), "{key}"),
        }
    }

    let mut extra = tensors.clone();
    extra.insert(
        "decoder_embed.weight".to_owned(),
        (vec![2, 2], vec![0.0; 4]),
    );
    let text = refusal(&folder.tensors(&extra));
    assert!(
        text.contains("not part of the encoder: decoder_embed.weight"),
        "{text}"
    );

    for (key, shape) in [
        ("cls_token", vec![1, 1, 16]),
        ("pos_embed", vec![1, 17, 8]),
        ("norm.weight", vec![64]),
        ("blocks.1.attn.qkv.weight", vec![96, 16]),
        ("blocks.0.norm1.weight", vec![4, 8]),
        (
            "patch_embed.weight_generator.fc_weight.weight",
            vec![128, 512],
        ),
        ("patch_embed.weight_generator.weight_tokens", vec![64, 128]),
    ] {
        let mut bent = tensors.clone();
        bent.insert(
            key.to_owned(),
            (shape.clone(), vec![0.5; shape.iter().product()]),
        );
        let text = refusal(&folder.tensors(&bent));
        assert!(
            text.contains(&format!("wrong shape: {key} (is {shape:?}")),
            "{text}"
        );
        assert!(
            !text.contains("missing") && text.matches("must be").count() == 1,
            "{text}"
        );
    }
}

#[test]
fn a_copy_without_training_tensors_loads() {
    let Some(mut tensors) = reference() else {
        return;
    };
    for key in [
        "mask_token",
        "projector.weight",
        "projector.bias",
        "norm.weight",
        "norm.bias",
    ] {
        tensors.remove(key);
    }
    let loaded = load(&Folder::new().tensors(&tensors)).unwrap();
    assert!(
        loaded
            .notes
            .iter()
            .any(|note| note.contains("no final norm")),
        "{:?}",
        loaded.notes
    );
}

#[test]
fn values_that_are_not_finite_are_refused() {
    let Some(tensors) = reference() else { return };
    let folder = Folder::new();
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut spoilt = tensors.clone();
        spoilt.get_mut("blocks.1.mlp.fc2.weight").unwrap().1[77] = value;
        let text = refusal(&folder.tensors(&spoilt));
        assert!(
            text.contains("blocks.1.mlp.fc2.weight") && text.contains(&value.to_string()),
            "{text}"
        );
    }
}

#[test]
fn other_files_are_told_apart() {
    let folder = Folder::new();
    let noise: Vec<u8> = (0..4000_u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    assert!(refusal(&folder.bytes("empty.pth", b"")).contains("empty"));
    assert!(
        refusal(&folder.bytes("page.pth", b"<!DOCTYPE html><html>Not found</html>"))
            .contains("web page")
    );
    assert!(refusal(&folder.bytes("noise.pth", &noise)).contains("not a weights file"));
    assert!(
        refusal(&folder.bytes("text.safetensors", b"hello, world, this is text"))
            .contains("not a weights file")
    );
    assert!(refusal(&folder.0.path().join("absent.pth")).contains("cannot be read"));
    assert!(refusal(folder.0.path()).contains("cannot be read"));
    // A pickle that would run a shell command under Python: read, never run, and of no use.
    let ran = folder.0.path().join("ran");
    let pickle = format!("\x28cposix\nsystem\n(S'touch {}'\ntR.", ran.display());
    assert!(
        refusal(&folder.bytes("foreign.pth", pickle.as_bytes())).contains("not a weights file")
    );
    assert!(!ran.exists());
    let dictionary =
        b"\x80\x02}q\x00X\x04\x00\x00\x00lossq\x01G?\xb9\x99\x99\x99\x99\x99\x9as.".to_vec();
    assert!(refusal(&folder.bytes("bare.pth", &dictionary)).contains("not an archive"));
    let archived = archive(&[Record::new("made/data.pkl", dictionary.clone())]);
    assert!(refusal(&folder.bytes("numbers.pth", &archived)).contains("no tensors"));
    let cut = archive(&[Record::new("made/data.pkl", &dictionary[..12])]);
    assert!(refusal(&folder.bytes("cut.pth", &cut)).contains("cut short"));
}

#[test]
fn truncated_files_are_refused_at_any_length() {
    let (Some(pth), Some(safetensors)) = (
        file("golden/dofa/encoder.pth"),
        file("golden/dofa/encoder.safetensors"),
    ) else {
        return;
    };
    let folder = Folder::new();
    for path in [pth, safetensors] {
        let whole = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        for part in [1, 7, 8, 9, 100, 5000, whole.len() / 2, whole.len() - 1] {
            let text = refusal(&folder.bytes(name, &whole[..part]));
            assert!(text.contains("not a weights file"), "{part} bytes: {text}");
        }
        // Damage in the middle of the header or directory must be an error or leave finite weights, never a panic.
        for place in (0..whole.len()).step_by(whole.len() / 40 + 1) {
            let mut spoilt = whole.clone();
            spoilt[place] ^= 0xff;
            let _outcome: Result<LoadedDofa, ModelError> = load(&folder.bytes(name, &spoilt));
        }
    }
}
