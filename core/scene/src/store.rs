//! Results for a store behind one of GDAL's names (`/vsis3/bucket/map.tif`, `s3://bucket/map.tif`): made and checked in a folder
//! of this machine, then carried there file by file, the main one last. A store cannot rename, but what is carried there appears
//! only when all of it has arrived. Knows paths and bytes; knows nothing of what they mean.

#![expect(
    unsafe_code,
    reason = "GDAL's files behind its names are opened through C"
)]

use std::ffi::CString;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::gdal_setup::{gdal_setup, take_gdal_messages};
use crate::remote::{allow_address, is_remote, passage};
use crate::{SceneError, SceneResult};

/// Beginning of the names of folders in which results for stores are made.
const FOLDER: &str = "terroir-store-";
/// Bytes carried at once.
const PIECE: usize = 4 << 20;
/// The largest file that is fetched whole.
const LARGEST_FETCHED: usize = 256 << 20;

/// Whether a path is no file of this machine.
pub fn is_store(path: &Path) -> bool {
    path.to_string_lossy().starts_with("/vsi") || is_remote(path)
}

/// What GDAL calls the place of a result; `None` for an address that can only be read.
fn name_for_writing(path: &Path) -> Option<String> {
    let text = path.to_string_lossy().into_owned();
    if text.starts_with("/vsi") {
        return (!text.contains("/vsicurl")).then_some(text);
    }
    let (scheme, rest) = text.split_once("://")?;
    match scheme.to_lowercase().as_str() {
        "s3" => Some(format!("/vsis3/{rest}")),
        "gs" => Some(format!("/vsigs/{rest}")),
        _ => None,
    }
}

/// A result's path as it is read again: `s3://bucket/map.tif` is `/vsis3/bucket/map.tif`, which keys open, and not the public
/// address of the same object.
pub fn store_path(path: &Path) -> PathBuf {
    match is_store(path) {
        true => name_for_writing(path).map_or_else(|| path.to_owned(), PathBuf::from),
        false => path.to_owned(),
    }
}

/// Where a result is made before it goes to its place: the place itself, or for a store a folder of its own among the
/// temporary ones of this machine, the same for the same name.
pub fn workplace(path: &Path) -> PathBuf {
    if !is_store(path) {
        return path.to_owned();
    }
    let path = &store_path(path);
    let name = path.file_name().unwrap_or_default();
    let folder = path.with_file_name("");
    // FNV-1a: names of folders must not change with the compiler.
    let hash = folder
        .to_string_lossy()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    std::env::temp_dir()
        .join(format!("{FOLDER}{hash:016x}"))
        .join(name)
}

/// The same, with its folder made.
///
/// # Errors
/// An address that can only be read, and a folder that cannot be made.
pub fn workplace_blocking(path: &Path) -> SceneResult<PathBuf> {
    if !is_store(path) {
        return Ok(path.to_owned());
    }
    if name_for_writing(path).is_none() {
        return Err(SceneError::write(
            path,
            "this address can only be read; write to a folder or to a store such as /vsis3/bucket/map.tif",
        ));
    }
    let local = workplace(path);
    if let Some(folder) = local.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            SceneError::write(folder, "the folder in which results for a store are made cannot be made; set TMPDIR to another one")
                .with_details(error)
        })?;
    }
    Ok(local)
}

/// Carries a finished file to a store and removes it here.
///
/// # Errors
/// What stops it; the file stays where it was made, and what stood in the store stays, too.
pub fn deliver_blocking(local: &Path, target: &Path) -> SceneResult<()> {
    gdal_setup();
    take_gdal_messages();
    let failed = |what: &str| {
        let error = SceneError::write(
            target,
            format!(
                "{what}; the finished file waits at {}, run it again or copy it yourself",
                local.display()
            ),
        );
        match take_gdal_messages() {
            Some(words) => error.with_details(words),
            None => error,
        }
    };
    let refused = "the store cannot be written; check its name and your access to it";
    let name = name_for_writing(target).ok_or_else(|| failed(refused))?;
    let text = CString::new(name.as_str()).map_err(|_| failed(refused))?;
    let mut file = std::fs::File::open(local).map_err(|_| failed("the file cannot be read"))?;
    // Naming a place for results is asking for it.
    let _passage = match is_remote(Path::new(&name)) {
        true => {
            allow_address(Path::new(&name));
            Some(passage(Path::new(&name))?)
        }
        false => None,
    };
    // SAFETY: NUL-terminated texts, and as many bytes as are said to be there; the handle is closed once on every way.
    unsafe {
        let out = gdal_sys::VSIFOpenL(text.as_ptr(), c"wb".as_ptr());
        if out.is_null() {
            return Err(failed(refused));
        }
        let mut piece = vec![0u8; PIECE];
        let mut is_whole = true;
        loop {
            match file.read(&mut piece) {
                Ok(0) => break,
                Ok(count)
                    if gdal_sys::VSIFWriteL(piece.as_ptr().cast(), 1, count, out) == count => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                _ => {
                    is_whole = false;
                    break;
                }
            }
        }
        // The last part, and with it the whole, arrives now.
        let is_closed = gdal_sys::VSIFCloseL(out) == 0;
        if !is_whole || !is_closed {
            return Err(failed("the file did not reach the store"));
        }
    }
    std::fs::remove_file(local).ok();
    leave_workplace(local);
    Ok(())
}

/// Removes the folder in which a result for a store was made, once nothing is left in it.
pub(crate) fn leave_workplace(local: &Path) {
    let folder = local.parent().unwrap_or(local);
    let name = folder.file_name().unwrap_or_default();
    if name.to_string_lossy().starts_with(FOLDER) {
        std::fs::remove_dir(folder).ok();
    }
}

/// A small file, wherever it lies; `None` if it is not there.
///
/// # Errors
/// It is there and cannot be read, or is larger than what is fetched at once.
pub fn fetch_blocking(path: &Path) -> SceneResult<Option<Vec<u8>>> {
    let failed =
        |words: &str| SceneError::file(path, "the file cannot be read").with_details(words);
    if !is_store(path) {
        return match std::fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error.to_string())),
        };
    }
    gdal_setup();
    let name = crate::remote_path(&path.to_string_lossy()).unwrap_or_else(|| path.to_owned());
    let text = CString::new(name.to_string_lossy().as_bytes()).map_err(|_| failed("its name"))?;
    let _passage = match is_remote(&name) {
        true => Some(passage(&name)?),
        false => None,
    };
    let mut bytes = Vec::new();
    // SAFETY: NUL-terminated texts, and a buffer as long as is said; the handle is closed once on every way.
    unsafe {
        let file = gdal_sys::VSIFOpenL(text.as_ptr(), c"rb".as_ptr());
        if file.is_null() {
            take_gdal_messages();
            return Ok(None);
        }
        let mut piece = vec![0u8; PIECE];
        loop {
            let count = gdal_sys::VSIFReadL(piece.as_mut_ptr().cast(), 1, PIECE, file);
            bytes.extend(piece.iter().take(count));
            if count < PIECE || bytes.len() > LARGEST_FETCHED {
                break;
            }
        }
        gdal_sys::VSIFCloseL(file);
    }
    if bytes.len() > LARGEST_FETCHED {
        return Err(failed("it is too large to be fetched whole"));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_and_addresses_are_told_apart() {
        for (text, name) in [
            ("/vsis3/b/k.tif", Some("/vsis3/b/k.tif")),
            ("s3://b/k.tif", Some("/vsis3/b/k.tif")),
            ("gs://b/k.tif", Some("/vsigs/b/k.tif")),
            ("/vsicurl/https://a.org/k.tif", None),
            ("https://a.org/k.tif", None),
        ] {
            let path = Path::new(text);
            assert!(is_store(path));
            assert_eq!(store_path(path), Path::new(name.unwrap_or(text)));
            assert_eq!(name_for_writing(path).as_deref(), name, "{text}");
            assert_eq!(workplace_blocking(path).is_ok(), name.is_some(), "{text}");
            assert_eq!(workplace(path).file_name().unwrap(), "k.tif");
            assert!(!is_store(&workplace(path)));
        }
        assert_ne!(
            workplace(Path::new("/vsis3/a/k.tif")),
            workplace(Path::new("/vsis3/b/k.tif"))
        );
        let local = Path::new("/data/k.tif");
        assert_eq!(workplace(local), local);
    }

    #[test]
    fn a_file_is_carried_whole_and_removed_here() {
        let folder = tempfile::tempdir().unwrap();
        let (local, target) = (
            folder.path().join("a.bin"),
            Path::new("/vsimem/store/a.bin"),
        );
        let bytes: Vec<u8> = (0..PIECE + 77).map(|at| (at % 251) as u8).collect();
        std::fs::write(&local, &bytes).unwrap();
        deliver_blocking(&local, target).unwrap();
        assert!(!local.exists());
        assert!(fetch_blocking(target).unwrap().unwrap() == bytes);
        assert!(
            fetch_blocking(Path::new("/vsimem/store/b.bin"))
                .unwrap()
                .is_none()
        );
    }
}
