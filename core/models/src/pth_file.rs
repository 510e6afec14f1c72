//! The archive of a `.pth` file: a ZIP of one pickle and a record per tensor, none of them compressed.
//! Knows where things lie. Unpacks nothing to the disk and runs nothing (see `pickle`).

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use zip::{CompressionMethod, ZipArchive};

use crate::pickle::{LONGEST_PICKLE, tensors_of_pickle};
use crate::stored::{Place, StoredTensor, count_of};

/// A large model has some 700 records.
const MOST_RECORDS: usize = 100_000;

/// A record of the archive.
struct Entry {
    start: u64,
    size: u64,
    crc: u32,
}

/// Tensors of the archive by name; none of their numbers is read.
pub(crate) fn pth_tensors(
    file: &File,
    length: u64,
) -> Result<BTreeMap<String, StoredTensor>, String> {
    let mut archive = open(file)?;
    let entries = entries(&mut archive, length)?;
    let root = entries
        .keys()
        .filter_map(|name| name.strip_suffix("data.pkl"))
        .filter(|root| root.is_empty() || root.ends_with('/'))
        .min_by_key(|root| root.len())
        .ok_or("it is a ZIP archive, but not one that PyTorch wrote (there is no data.pkl inside)")?
        .to_owned();
    if let Some(order) = entries.get(&format!("{root}byteorder"))
        && read(file, order, 16)? != b"little"
    {
        return Err(
            "it was written on a machine of the other byte order; save it again on a common one"
                .to_owned(),
        );
    }
    let pickle = entries
        .get(&format!("{root}data.pkl"))
        .ok_or("its list of tensors is missing")?;
    let listed = tensors_of_pickle(&read(file, pickle, LONGEST_PICKLE)?)?;

    let mut tensors = BTreeMap::new();
    for (name, tensor) in listed {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if tensor.record.is_empty() || !tensor.record.chars().all(plain) {
            return Err(format!(
                "tensor {} points outside its archive",
                name.escape_debug().take(80).collect::<String>()
            ));
        }
        let entry = entries
            .get(&format!("{root}data/{}", tensor.record))
            .ok_or_else(|| format!("the numbers of tensor {name} are missing"))?;
        let bytes = |count: u64| count.checked_mul(tensor.numbers.size());
        let range = count_of(&tensor.shape)
            .and_then(bytes)
            .zip(bytes(tensor.offset))
            .filter(|(size, skipped)| {
                skipped
                    .checked_add(*size)
                    .is_some_and(|end| end <= entry.size)
            });
        let place = match range {
            _ if !tensor.is_contiguous => Place::Scattered,
            Some((size, skipped)) => Place::Run {
                start: entry.start + skipped,
                // Zero stands for a sum that was never made.
                crc: (size == entry.size && entry.crc != 0).then_some(entry.crc),
            },
            None => {
                return Err(format!(
                    "tensor {name} of shape {:?} is larger than its record of {} bytes",
                    tensor.shape, entry.size
                ));
            }
        };
        tensors.insert(
            name,
            StoredTensor {
                numbers: tensor.numbers,
                shape: tensor.shape,
                place,
                is_transposed: false,
            },
        );
    }
    Ok(tensors)
}

fn open(file: &File) -> Result<ZipArchive<BufReader<File>>, String> {
    let mut start = [0; 4];
    let mut own = file.try_clone().map_err(|error| error.to_string())?;
    own.seek(SeekFrom::Start(0))
        .and_then(|_| own.read_exact(&mut start))
        .map_err(|_| "it is neither a PyTorch, a safetensors nor a burnpack file".to_owned())?;
    if &start[..2] != b"PK" {
        // A bare pickle, a tar file, or the form PyTorch wrote before version 1.6.
        return Err(match start[0] {
            0x80 | b'(' | b'c' | b'}' | b']' => {
                "it is a pickle and not an archive of tensors; files from before PyTorch 1.6 must be saved again with a newer one".to_owned()
            }
            _ => "it is neither a PyTorch, a safetensors nor a burnpack file".to_owned(),
        });
    }
    ZipArchive::new(BufReader::new(own))
        .map_err(|error| format!("it is cut short or damaged ({error})"))
}

/// All records by name, each checked against the length of the file.
fn entries(
    archive: &mut ZipArchive<BufReader<File>>,
    length: u64,
) -> Result<HashMap<String, Entry>, String> {
    if archive.len() > MOST_RECORDS {
        return Err(format!(
            "it holds {} records, far more than any model",
            archive.len()
        ));
    }
    if archive.has_duplicate_names() {
        return Err("two records of it have one name".to_owned());
    }
    let mut entries = HashMap::new();
    for index in 0..archive.len() {
        let damaged = |error| format!("it is cut short or damaged ({error})");
        let entry = archive.by_index_raw(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let shown = name.escape_debug().take(80).collect::<String>();
        if name.starts_with('/')
            || name.contains(['\\', ':', '\0'])
            || name.split('/').any(|part| part == "..")
        {
            return Err(format!("record {shown} points outside its archive"));
        }
        if entry.compression() != CompressionMethod::Stored
            || entry.size() != entry.compressed_size()
        {
            return Err(format!(
                "record {shown} is compressed, which PyTorch never does"
            ));
        }
        if entry.encrypted() {
            return Err(format!("record {shown} is encrypted"));
        }
        let start = entry
            .data_start()
            .ok_or_else(|| format!("record {shown} has no place"))?;
        let size = entry.size();
        if start.checked_add(size).is_none_or(|end| end > length) {
            return Err(format!(
                "it is cut short or damaged (record {shown} ends beyond the file)"
            ));
        }
        let crc = entry.crc32();
        drop(entry);
        entries.insert(name, Entry { start, size, crc });
    }
    Ok(entries)
}

fn read(file: &File, entry: &Entry, longest: u64) -> Result<Vec<u8>, String> {
    if entry.size > longest {
        return Err(format!(
            "its list of tensors has {} bytes, far more than any model's",
            entry.size
        ));
    }
    let mut own = file.try_clone().map_err(|error| error.to_string())?;
    let mut bytes = vec![0; entry.size as usize];
    own.seek(SeekFrom::Start(entry.start))
        .and_then(|_| own.read_exact(&mut bytes))
        .map_err(|error| format!("it is cut short ({error})"))?;
    Ok(bytes)
}
