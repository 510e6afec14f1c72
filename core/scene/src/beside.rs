//! Files written beside their target and renamed into place, so that a full disk or a crash leaves the old ones whole.
//! Knows paths and bytes; knows nothing of what they mean.

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
///
/// # Errors
/// What stops the writing, and a file that is write-protected; the old file stays as it was.
pub fn write_beside(path: &Path, bytes: &[u8]) -> SceneResult<()> {
    refuse_protected(path)?;
    let part = with_suffix(path, ".part");
    let written = write_synced(&part, bytes).and_then(|()| std::fs::rename(&part, path));
    written.map_err(|error| {
        std::fs::remove_file(&part).ok();
        write_error(path, &error)
    })
}

/// Writes and flushes to the disk, so that "disk full" shows here and not after the rename.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A target the user protected against writing is left alone, although renaming over it would work.
pub(crate) fn refuse_protected(path: &Path) -> SceneResult<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(SceneError::write(
            path,
            "a folder of this name is in the way; choose another name",
        )),
        Ok(found) if found.permissions().readonly() => Err(SceneError::write(
            path,
            "the existing file is write-protected; choose another name",
        )),
        _ => Ok(()),
    }
}

/// Renames every (written, target) pair, or none: what stood at a target comes back if a later one fails.
/// `outdated` are files that belonged to the old target and would be taken for the new one's.
pub(crate) fn replace_together(
    pairs: &[(PathBuf, PathBuf)],
    outdated: &[PathBuf],
) -> std::io::Result<()> {
    let mut kept: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut placed: Vec<&(PathBuf, PathBuf)> = Vec::new();
    let mut attempt = || -> std::io::Result<()> {
        for target in pairs.iter().map(|(_, target)| target).chain(outdated) {
            if target.exists() {
                let old = with_suffix(target, ".old");
                std::fs::rename(target, &old)?;
                kept.push((old, target.clone()));
            }
        }
        for pair in pairs {
            std::fs::rename(&pair.0, &pair.1)?;
            placed.push(pair);
        }
        Ok(())
    };
    let outcome = attempt();
    if outcome.is_err() {
        placed
            .iter()
            .for_each(|(part, target)| std::fs::rename(target, part).unwrap_or_default());
        kept.iter()
            .for_each(|(old, target)| std::fs::rename(old, target).unwrap_or_default());
    } else {
        kept.iter()
            .for_each(|(old, _)| std::fs::remove_file(old).unwrap_or_default());
    }
    outcome
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
        ErrorKind::NotADirectory => "a file stands where a folder is named; choose another folder",
        ErrorKind::IsADirectory => "a folder of this name is in the way; choose another name",
        _ => "the file could not be written; choose another folder",
    };
    SceneError::write(path, what).with_details(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_replaced_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let text = |name: &str| std::fs::read_to_string(at(name)).unwrap();
        for (name, words) in [
            ("map.tif", "old map"),
            ("map.ovr", "old overview"),
            ("new.tif", "new map"),
            ("new.qml", "new style"),
        ] {
            std::fs::write(at(name), words).unwrap();
        }
        let pairs = [
            (at("new.tif"), at("map.tif")),
            (at("absent.qml"), at("map.qml")),
        ];
        assert!(replace_together(&pairs, &[at("map.ovr")]).is_err());
        assert_eq!(
            (text("map.tif"), text("map.ovr"), text("new.tif")),
            ("old map".into(), "old overview".into(), "new map".into())
        );

        let pairs = [
            (at("new.tif"), at("map.tif")),
            (at("new.qml"), at("map.qml")),
        ];
        replace_together(&pairs, &[at("map.ovr")]).unwrap();
        assert_eq!(
            (text("map.tif"), text("map.qml")),
            ("new map".into(), "new style".into())
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn protected_and_missing_places_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.json");
        std::fs::write(&path, "mine").unwrap();
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&path, permissions).unwrap();
        assert!(
            write_beside(&path, b"other")
                .unwrap_err()
                .to_string()
                .contains("write-protected")
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        assert!(
            write_beside(folder.path(), b"")
                .unwrap_err()
                .to_string()
                .contains("folder of this name")
        );
        let missing = folder.path().join("no/such/head.json");
        assert!(
            write_beside(&missing, b"")
                .unwrap_err()
                .to_string()
                .contains("does not exist")
        );
    }
}
