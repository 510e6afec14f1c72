//! A tensor as it lies in a weights file: number format, shape and place.
//! Knows no container and no network.

use burn::store::burn_pack::Tensor as PackTensor;

/// Format of a file's numbers, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    F64,
    F32,
    F16,
    BF16,
    /// Anything that is no weight: what it is in words, and bytes a number.
    Other(&'static str, u64),
}

impl Numbers {
    /// Bytes of one number.
    pub fn size(self) -> u64 {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Other(_, bytes) => bytes,
        }
    }
}

/// Where the numbers of a tensor are.
pub(crate) enum Place {
    /// One run of bytes in the file itself.
    Run { start: u64, crc: Option<u32> },
    /// Inside a burnpack, whose reader fetches it.
    Pack(Box<PackTensor>),
    /// In the file, but not row after row.
    Scattered,
}

pub(crate) struct StoredTensor {
    pub numbers: Numbers,
    /// As the published files have it.
    pub shape: Vec<usize>,
    pub place: Place,
    /// Its two axes lie the other way round in the file, as Burn's layers keep matrices.
    pub is_transposed: bool,
}

/// Numbers of a shape; `None` where the product is beyond all files.
pub(crate) fn count_of(shape: &[usize]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |product, size| {
        product.checked_mul(u64::try_from(*size).ok()?)
    })
}

/// Refuses a file whose tensors claim more bytes than it has: shapes may then be trusted for what is reserved.
pub(crate) fn check_claims<'a>(
    tensors: impl Iterator<Item = (&'a String, &'a StoredTensor)>,
    length: u64,
) -> Result<(), String> {
    let mut claimed = 0_u64;
    for (name, tensor) in tensors {
        let bytes = count_of(&tensor.shape)
            .and_then(|count| count.checked_mul(tensor.numbers.size()))
            .filter(|bytes| {
                *bytes <= length && tensor.shape.iter().all(|size| *size as u64 <= length)
            });
        claimed = match bytes {
            Some(bytes) => claimed.saturating_add(bytes),
            None => u64::MAX,
        };
        if claimed > length {
            return Err(format!(
                "its tensors claim more bytes than the file has ({} of shape {:?})",
                name.escape_debug().take(80).collect::<String>(),
                tensor.shape
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_beyond_the_file_are_refused() {
        let tensor = |shape: &[usize]| StoredTensor {
            numbers: Numbers::F32,
            shape: shape.to_vec(),
            place: Place::Scattered,
            is_transposed: false,
        };
        let check = |shapes: &[&[usize]]| {
            let named: Vec<(String, StoredTensor)> = shapes
                .iter()
                .map(|shape| ("x".to_owned(), tensor(shape)))
                .collect();
            check_claims(named.iter().map(|(name, tensor)| (name, tensor)), 100)
        };
        assert!(check(&[&[5, 5]]).is_ok());
        for shapes in [
            &[&[5, 5][..], &[1][..]][..],
            &[&[usize::MAX, usize::MAX][..]],
            &[&[0, usize::MAX][..]],
            &[&[usize::MAX / 2 + 2, 2][..]],
        ] {
            assert!(check(shapes).is_err(), "{shapes:?}");
        }
    }
}
