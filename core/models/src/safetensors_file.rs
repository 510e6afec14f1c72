//! The header of a `.safetensors` file: a length, a JSON object of tensors, then their numbers without gaps.
//! Knows where things lie, and trusts no number of the header before it is checked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use serde_json::Value;

use crate::stored::{Numbers, Place, StoredTensor, count_of};

/// A large model's header has 60 kB.
const LONGEST_HEADER: u64 = 16 << 20;

/// Tensors of the file by name, and the head count its writer may have noted.
pub(crate) fn safetensors_tensors(
    file: &File,
    length: u64,
) -> Result<(BTreeMap<String, StoredTensor>, Option<usize>), String> {
    let cut = |error: std::io::Error| format!("it is cut short ({error})");
    let mut own = file.try_clone().map_err(cut)?;
    let mut size = [0; 8];
    own.seek(SeekFrom::Start(0))
        .and_then(|_| own.read_exact(&mut size))
        .map_err(cut)?;
    let size = u64::from_le_bytes(size);
    let start = size
        .checked_add(8)
        .filter(|start| size <= LONGEST_HEADER && *start <= length)
        .ok_or_else(|| format!("it is cut short or damaged (its header claims {size} bytes)"))?;
    let mut text = vec![0; size as usize];
    own.read_exact(&mut text).map_err(cut)?;
    let header: serde_json::Map<String, Value> = serde_json::from_slice(&text)
        .map_err(|error| format!("its header is damaged ({error})"))?;

    let mut tensors = BTreeMap::new();
    let mut runs = Vec::new();
    let mut heads = None;
    for (name, entry) in header {
        if name == "__metadata__" {
            heads = entry
                .get("num_heads")
                .and_then(Value::as_str)
                .and_then(|text| text.parse().ok());
            continue;
        }
        let shown = name.escape_debug().take(80).collect::<String>();
        let wrong =
            |what: &str| format!("the header's entry of tensor {shown} is damaged ({what})");
        let numbers = match entry.get("dtype").and_then(Value::as_str) {
            Some("F64") => Numbers::F64,
            Some("F32") => Numbers::F32,
            Some("F16") => Numbers::F16,
            Some("BF16") => Numbers::BF16,
            Some("I64" | "U64") => Numbers::Other("whole numbers", 8),
            Some("I32" | "U32") => Numbers::Other("whole numbers", 4),
            Some("I16" | "U16") => Numbers::Other("whole numbers", 2),
            Some("I8" | "U8") => Numbers::Other("whole numbers", 1),
            Some("BOOL") => Numbers::Other("true and false", 1),
            _ => return Err(wrong("number format")),
        };
        let whole = |value: &Value| value.as_u64();
        let shape: Vec<usize> = entry
            .get("shape")
            .and_then(Value::as_array)
            .and_then(|sizes| {
                sizes
                    .iter()
                    .map(|size| usize::try_from(whole(size)?).ok())
                    .collect()
            })
            .ok_or_else(|| wrong("shape"))?;
        let offsets = entry
            .get("data_offsets")
            .and_then(Value::as_array)
            .and_then(|pair| match pair.as_slice() {
                [from, to] => Some((whole(from)?, whole(to)?)),
                _ => None,
            })
            .ok_or_else(|| wrong("place"))?;
        let bytes = count_of(&shape).and_then(|count| count.checked_mul(numbers.size()));
        let (from, to) = offsets;
        if to.checked_sub(from) != bytes || bytes.is_none() {
            return Err(wrong("its shape and its place speak of different sizes"));
        }
        let end = to.checked_add(start).filter(|end| *end <= length);
        if end.is_none() {
            return Err(format!(
                "it is cut short or damaged (tensor {shown} ends beyond the file)"
            ));
        }
        runs.push(offsets);
        let place = Place::Run {
            start: start + from,
            crc: None,
        };
        tensors.insert(
            name,
            StoredTensor {
                numbers,
                shape,
                place,
                is_transposed: false,
            },
        );
    }
    runs.sort_unstable();
    let mut end = 0;
    for (from, to) in runs {
        if from < end {
            return Err("two tensors of it share their numbers".to_owned());
        }
        end = to;
    }
    Ok((tensors, heads))
}
