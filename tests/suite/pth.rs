//! Writes `.pth` archives by hand, honest ones and others: what a weights file from anywhere may look like.

use std::io::{Seek as _, SeekFrom, Write as _};

/// A record of the archive, with what its headers claim.
#[derive(Clone)]
pub struct Record {
    pub name: String,
    pub bytes: Vec<u8>,
    /// 0 = stored, 8 = deflated.
    pub method: u16,
    /// Size the headers claim where it is not that of `bytes` and `zeros`.
    pub claimed: Option<u32>,
    /// So many zeros follow.
    zeros: usize,
}

impl Record {
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.to_owned(),
            bytes: bytes.into(),
            method: 0,
            claimed: None,
            zeros: 0,
        }
    }
}

/// An archive of these records. Checksums are left 0, which stands for "never made".
pub fn archive(records: &[Record]) -> Vec<u8> {
    let mut file = Vec::new();
    for (at, piece) in pieces(records) {
        file.resize(at, 0);
        file.extend(piece);
    }
    file
}

/// The same piece by piece, each with its place in the file; zeros lie between them.
fn pieces(records: &[Record]) -> Vec<(usize, Vec<u8>)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut directory = Vec::new();
    for record in records {
        let start = at as u32;
        let packed = (record.bytes.len() + record.zeros) as u32;
        let size = record.claimed.unwrap_or(packed);
        let packed = if record.method == 0 { size } else { packed };
        let common = |out: &mut Vec<u8>| {
            out.extend([20, 0, 0, 0]);
            out.extend(record.method.to_le_bytes());
            out.extend([0; 4]);
            out.extend(0_u32.to_le_bytes());
            out.extend(packed.to_le_bytes());
            out.extend(size.to_le_bytes());
            out.extend((record.name.len() as u16).to_le_bytes());
            out.extend([0; 2]);
        };
        let mut piece = b"PK\x03\x04".to_vec();
        common(&mut piece);
        piece.extend(record.name.as_bytes());
        piece.extend(&record.bytes);
        directory.extend(b"PK\x01\x02\x14\x00");
        common(&mut directory);
        directory.extend([0; 10]);
        directory.extend(start.to_le_bytes());
        directory.extend(record.name.as_bytes());
        let length = piece.len() + record.zeros;
        pieces.push((at, piece));
        at += length;
    }
    let (start, size) = (at as u32, directory.len() as u32);
    let mut end = directory;
    end.extend(b"PK\x05\x06");
    end.extend([0; 4]);
    end.extend((records.len() as u16).to_le_bytes());
    end.extend((records.len() as u16).to_le_bytes());
    end.extend(size.to_le_bytes());
    end.extend(start.to_le_bytes());
    end.extend([0; 2]);
    pieces.push((at, end));
    pieces
}

/// A string of a pickle.
pub fn text(value: &str) -> Vec<u8> {
    let mut bytes = vec![b'X'];
    bytes.extend((value.len() as u32).to_le_bytes());
    bytes.extend(value.as_bytes());
    bytes
}

fn whole(value: usize) -> Vec<u8> {
    let mut bytes = vec![b'J'];
    bytes.extend((value as i32).to_le_bytes());
    bytes
}

/// A tensor of a pickle, its numbers in record `key` of `storage` (`FloatStorage`, …).
pub fn tensor(storage: &str, key: &str, shape: &[usize]) -> Vec<u8> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let mut bytes = b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec();
    bytes.extend(text("storage"));
    bytes.extend(format!("ctorch\n{storage}\n").as_bytes());
    bytes.extend(text(key));
    bytes.extend(text("cpu"));
    bytes.extend(whole(shape.iter().product()));
    bytes.extend(b"tQK\x00");
    for sizes in [shape, strides.as_slice()] {
        bytes.push(b'(');
        sizes.iter().for_each(|size| bytes.extend(whole(*size)));
        bytes.push(b't');
    }
    bytes.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    bytes
}

/// `OrderedDict` of names and values that are pickles already.
pub fn dictionary<'a>(entries: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Vec<u8> {
    let mut bytes = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (name, value) in entries {
        bytes.extend(text(name));
        bytes.extend(value);
    }
    bytes.extend(b"u.");
    bytes
}

/// A whole checkpoint of zeros with these shapes, as `torch.save` writes one; each tensor in a record of its own. The zeros
/// take no room on most disks.
pub fn write_zeros(path: &std::path::Path, shapes: &[(String, Vec<usize>)]) {
    let keys: Vec<String> = (0..shapes.len()).map(|index| index.to_string()).collect();
    let entries = shapes
        .iter()
        .zip(&keys)
        .map(|((name, shape), key)| (name.as_str(), tensor("FloatStorage", key, shape)));
    let mut records = vec![
        Record::new("made/data.pkl", dictionary(entries)),
        Record::new("made/byteorder", "little"),
    ];
    for ((_, shape), key) in shapes.iter().zip(&keys) {
        let count: usize = shape.iter().product();
        records.push(Record {
            zeros: 4 * count,
            ..Record::new(&format!("made/data/{key}"), Vec::new())
        });
    }
    let mut file = std::fs::File::create(path).unwrap();
    for (at, piece) in pieces(&records) {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&piece).unwrap();
    }
}
