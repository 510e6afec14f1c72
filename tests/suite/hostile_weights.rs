//! Weights files made to do harm: nothing in them runs, nothing is written beside them, none makes the program reserve what
//! it does not have, and each is refused in words.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use terroir_models::load_dofa;

use crate::golden::file;
use crate::pth::{Record, archive, dictionary, tensor, text};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// An archive with this pickle and one record of sixteen numbers.
    fn pickle(&self, pickle: Vec<u8>) -> PathBuf {
        self.file(
            "made.pth",
            &archive(&[
                Record::new("made/data.pkl", pickle),
                Record::new("made/data/0", [0; 64]),
            ]),
        )
    }
}

/// Refused in words that hold `word` and name the file.
#[track_caller]
fn refused(path: &Path, word: &str) {
    let Err(error) = load_dofa(path, &Device::flex()) else {
        panic!("{} was accepted", path.display())
    };
    let text = error.to_string();
    assert!(text.contains(word), "no {word:?} in: {text}");
    assert!(text.ends_with(&path.display().to_string()), "{text}");
    assert!(text.len() < 1000, "{} characters", text.len());
}

#[test]
fn pickles_that_would_run_a_command_run_nothing() {
    let folder = Folder::new();
    let mark = folder.0.path().join("ran");
    let touch = format!("touch {}", mark.display());
    let call = |module: &str, name: &str| {
        let mut bytes = format!("c{module}\n{name}\n(").into_bytes();
        bytes.extend(text(&touch));
        bytes.extend(b"tR");
        bytes
    };
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("subprocess", "check_output"),
        ("builtins", "exec"),
        ("builtins", "eval"),
        ("runpy", "_run_code"),
        ("torch.hub", "load"),
        ("webbrowser", "open"),
        ("collections", "namedtuple"),
    ] {
        let named = format!("{module}.{name}");
        // As the whole pickle, as a value beside weights, as a key's place, and as attributes of the dictionary.
        let mut alone = b"\x80\x02".to_vec();
        alone.extend(call(module, name));
        alone.push(b'.');
        refused(&folder.pickle(alone), &named);
        let beside = dictionary([
            ("cls_token", tensor("FloatStorage", "0", &[1, 1, 16])),
            ("x", call(module, name)),
        ]);
        refused(&folder.pickle(beside), &named);
        let mut attributes = b"\x80\x02}".to_vec();
        attributes.extend(call(module, name));
        attributes.extend(b"b.");
        refused(&folder.pickle(attributes), &named);
        // Not in an archive at all.
        let mut bare = call(module, name);
        bare.push(b'.');
        refused(&folder.file("bare.pth", &bare), "not an archive");
    }
    // A storage of a class that is none, and a persistent name that is an object.
    refused(
        &folder.pickle(dictionary([("a", tensor("LazyStorage", "0", &[16]))])),
        "torch.LazyStorage",
    );
    refused(&folder.pickle(b"\x80\x02}Q.".to_vec()), "damaged");
    refused(
        &folder.pickle(b"\x80\x02(ios\nsystem\n.".to_vec()),
        "Python classes",
    );
    assert!(!mark.exists());
    let beside: Vec<_> = std::fs::read_dir(folder.0.path()).unwrap().collect();
    assert_eq!(beside.len(), 2, "{beside:?}");
}

#[test]
fn sizes_that_lie_reserve_nothing() {
    let folder = Folder::new();
    let one = |shape: &[usize]| dictionary([("cls_token", tensor("FloatStorage", "0", shape))]);
    refused(
        &folder.pickle(one(&[1 << 30, 1 << 30])),
        "larger than its record",
    );
    refused(&folder.pickle(one(&[1, 1, 17])), "larger than its record");
    // Strides of zero show the same number a billion times.
    let mut wide = one(&[1, 1, 16]);
    let strides = b"J\x10\0\0\0J\x10\0\0\0J\x01\0\0\0";
    let at = wide
        .windows(strides.len())
        .position(|bytes| bytes == strides)
        .unwrap();
    wide[at..at + 15].copy_from_slice(b"J\0\0\0\0J\0\0\0\0J\0\0\0\0");
    refused(&folder.pickle(wide), "none of its tensors");
    // Many tensors on one record: more than the file has, together.
    let names: Vec<String> = (0..400)
        .map(|index| format!("patch_embed.{index}"))
        .collect();
    let many = names
        .iter()
        .map(|name| (name.as_str(), tensor("FloatStorage", "0", &[16])));
    let mut bytes = archive(&[
        Record::new("made/data.pkl", dictionary(many.clone())),
        Record::new("made/data/0", [0; 64]),
    ]);
    // The list itself is long enough for 400 of them; one record of a megabyte, four hundred times, is not.
    refused(&folder.file("many.pth", &bytes), "fit no size");
    let megabyte = names
        .iter()
        .map(|name| (name.as_str(), tensor("FloatStorage", "0", &[1 << 18])));
    bytes = archive(&[
        Record::new("made/data.pkl", dictionary(megabyte)),
        Record::new("made/data/0", vec![0; 1 << 20]),
    ]);
    refused(
        &folder.file("many.pth", &bytes),
        "claim more bytes than the file has",
    );

    // Records that claim to reach beyond the file, or to be huge once unpacked.
    let mut long = Record::new("made/data/0", [0; 64]);
    long.claimed = Some(u32::MAX - 1);
    refused(
        &folder.file(
            "long.pth",
            &archive(&[Record::new("made/data.pkl", one(&[16])), long]),
        ),
        "cut short or damaged",
    );
    let mut bomb = Record::new("made/data.pkl", [0; 64]);
    (bomb.method, bomb.claimed) = (8, Some(4_000_000_000));
    refused(&folder.file("bomb.pth", &archive(&[bomb])), "compressed");
    let mut bomb = Record::new("made/data/0", [0; 64]);
    (bomb.method, bomb.claimed) = (8, Some(4_000_000_000));
    refused(
        &folder.file(
            "bomb.pth",
            &archive(&[Record::new("made/data.pkl", one(&[16])), bomb]),
        ),
        "compressed",
    );
    let long_list = vec![b'N'; 9 << 20];
    refused(&folder.pickle(long_list), "far more than any model");
    // A directory that speaks of 65,535 records and has two.
    let mut bytes = archive(&[Record::new("made/data.pkl", one(&[16]))]);
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].copy_from_slice(&[0xff; 4]);
    refused(&folder.file("counts.pth", &bytes), "not a weights file");
}

#[test]
fn names_that_point_elsewhere_are_refused() {
    let folder = Folder::new();
    let good = dictionary([("cls_token", tensor("FloatStorage", "0", &[16]))]);
    for name in [
        "../evil",
        "made/../../evil",
        "/etc/passwd",
        "c:\\evil",
        "made/..",
        "a\\b",
    ] {
        let bytes = archive(&[
            Record::new("made/data.pkl", good.clone()),
            Record::new(name, b"x".to_vec()),
        ]);
        refused(&folder.file("names.pth", &bytes), "points outside");
    }
    for key in ["../../0", "/0", "", "0\\1", "0/1"] {
        let pickle = dictionary([("cls_token", tensor("FloatStorage", key, &[16]))]);
        refused(&folder.pickle(pickle), "points outside");
    }
    let missing = dictionary([("cls_token", tensor("FloatStorage", "7", &[16]))]);
    refused(&folder.pickle(missing), "are missing");
    let other = archive(&[Record::new("word/document.xml", b"<x/>".to_vec())]);
    refused(
        &folder.file("letter.pth", &other),
        "not one that PyTorch wrote",
    );
    let big_endian = archive(&[
        Record::new("made/data.pkl", good),
        Record::new("made/byteorder", "big"),
        Record::new("made/data/0", [0; 64]),
    ]);
    refused(&folder.file("big.pth", &big_endian), "other byte order");
}

#[test]
fn headers_of_safetensors_that_lie_are_refused() {
    let folder = Folder::new();
    let with = |header: &str, body: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; body]);
        folder.file("made.safetensors", &bytes)
    };
    for (header, word) in [
        (
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}}"#,
            "different sizes",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#,
            "different sizes",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[8,24]}}"#,
            "beyond the file",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[18446744073709551600,18446744073709551615]}}"#,
            "different sizes",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,16]}}"#,
            "different sizes",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}"#,
            "shape",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[1e99],"data_offsets":[0,16]}}"#,
            "shape",
        ),
        (
            r#"{"a":{"dtype":"X","shape":[4],"data_offsets":[0,16]}}"#,
            "number format",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":"four","data_offsets":[0,16]}}"#,
            "shape",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0]}}"#,
            "place",
        ),
        (r#"{"a":7}"#, "number format"),
        (r#"{"a":"#, "header is damaged"),
        (r#"{"b":[]]}"#, "header is damaged"),
        (r"{}", "no tensors"),
        (
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
            "share their numbers",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[0,999999999999],"data_offsets":[0,0]}}"#,
            "claim more bytes",
        ),
    ] {
        refused(&with(header, 16), word);
    }
    // Nests too deep for any reader, and a length of nearly everything there is.
    refused(
        &with(&format!("{{\"a\":{}", "[".repeat(100_000)), 16),
        "header is damaged",
    );
    let mut bytes = 0x0000_00ff_ffff_ffff_u64.to_le_bytes().to_vec();
    bytes.extend(b"{\"a\":1}");
    let claims = folder.file("claims.safetensors", &bytes);
    refused(&claims, "header claims");
}

#[test]
fn burnpacks_that_lie_are_refused() {
    let folder = Folder::new();
    for bytes in [
        &b"NRUB"[..],
        b"NRUB\x01\x00",
        b"NRUB\x01\x00\xff\xff\xff\xff",
        b"NRUB\x01\x00\x04\x00\x00\x00abcd",
        b"NRUB\xff\xff\x00\x00\x00\x00",
    ] {
        refused(&folder.file("made.bpk", bytes), "cut short or damaged");
    }
}

#[test]
fn a_number_changed_inside_a_pth_is_noticed() {
    let Some(path) = file("golden/dofa/encoder.pth") else {
        return;
    };
    let folder = Folder::new();
    let mut bytes = std::fs::read(path).unwrap();
    // The largest tensor fills the middle of the file.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    refused_as_values(&folder.file("encoder.pth", &bytes));
}

#[track_caller]
fn refused_as_values(path: &Path) {
    let Err(error) = load_dofa(path, &Device::flex()) else {
        panic!("a changed number was not noticed")
    };
    assert!(error.to_string().contains("checksum"), "{error}");
}
