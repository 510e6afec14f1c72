//! Small files written beside their target and renamed into place, so that a full disk or a crash leaves the old one whole.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::{SceneError, SceneResult};

/// `<folder>/<name><suffix>`.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
}

/// Writes `bytes` to `path` through a temporary in the same folder.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> SceneResult<()> {
    let part = with_suffix(path, ".part");
    let written = std::fs::File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(|error| {
            std::fs::remove_file(&part).ok();
            write_error(path, &error)
        })
}

/// Says what stopped a write and what to do about it.
pub(crate) fn write_error(path: &Path, error: &std::io::Error) -> SceneError {
    use std::io::ErrorKind;
    let what = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full; free some space or choose another folder"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "this folder or file may not be written; choose another folder"
        }
        ErrorKind::NotFound => "this folder does not exist; choose another one",
        ErrorKind::IsADirectory => "a folder of this name is in the way; choose another name",
        _ => "the file could not be written; choose another folder",
    };
    SceneError::write(path, what).with_details(error)
}
