//! Writes the files fuzzing begins with into `<folder>/<target>`, from the readers' own and from folders named beside:
//! `seeds <folder> [<folder of difficult rasters> ...]`. It is a target that ends before it fuzzes: code compiled for coverage
//! links with libFuzzer alone.
#![no_main]

use std::io::Write;
use std::path::{Path, PathBuf};

use terroir_fuzz::readers::{TARGETS, readers_of};

/// Larger files teach a fuzzer little and slow it down.
const LARGEST_BYTES: u64 = 64 << 10;

libfuzzer_sys::fuzz_target!(init: write_seeds(), |_bytes: &[u8]| {});

fn write_seeds() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let out = arguments.next().expect("seeds <folder> [<folder> ...]");
    for target in TARGETS {
        let folder = out.join(target);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (number, reader) in readers_of(target).into_iter().enumerate() {
            let place = tempfile::tempdir().expect("a folder");
            for (at, seed) in (reader.seeds)(place.path()).into_iter().enumerate() {
                keep(&folder, &format!("{number}-{at}"), Some(number as u8), &seed);
            }
        }
    }
    for target in ["pickle", "pth", "safetensors"] {
        std::fs::create_dir_all(out.join(target)).expect("a folder");
    }
    weights(&out);
    for folder in arguments {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_small = entry.metadata().is_ok_and(|meta| meta.len() <= LARGEST_BYTES);
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_small && name.ends_with(".tif") {
                let bytes = std::fs::read(&path).expect("read");
                keep(&out.join("raster"), &name, Some(0), &bytes);
            }
        }
    }
    std::process::exit(0);
}

fn keep(folder: &Path, name: &str, choice: Option<u8>, bytes: &[u8]) {
    let mut whole: Vec<u8> = choice.into_iter().collect();
    whole.extend_from_slice(bytes);
    std::fs::write(folder.join(name), whole).expect("written");
}

/// A dictionary of two tensors as `torch.save` writes it, the same as an archive, and as safetensors.
fn weights(out: &Path) {
    let tensor = |name: &str, record: &str| {
        let mut bytes = vec![b'X'];
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX");
        bytes.extend((record.len() as u32).to_le_bytes());
        bytes.extend(record.as_bytes());
        bytes.extend(b"X\x03\0\0\0cpuK\x04tQK\0K\x02K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtR");
        bytes
    };
    let mut pickle = b"\x80\x02}q\0(".to_vec();
    pickle.extend(tensor("cls_token", "0"));
    pickle.extend(tensor("blocks.0.weight", "1"));
    pickle.extend(b"u.");
    keep(&out.join("pickle"), "two", None, &pickle);

    let path = out.join("pth/two");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).expect("a file"));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in [
        ("made/data.pkl", pickle.as_slice()),
        ("made/byteorder", b"little"),
        ("made/data/0", &[0; 16]),
        ("made/data/1", &[0; 16]),
    ] {
        archive.start_file(name, options).expect("a record");
        archive.write_all(content).expect("written");
    }
    archive.finish().expect("finished");

    let header = r#"{"__metadata__":{"num_heads":"4"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0; 22]);
    keep(&out.join("safetensors"), "two", None, &bytes);
}
