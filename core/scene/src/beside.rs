//! Files written beside their target and renamed into place, so that a full disk or a crash leaves the old ones whole.
//! Knows paths and bytes; knows nothing of what they mean.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::claim::open_alone;
use crate::store::is_store;
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
    let write = || -> std::io::Result<()> {
        let mut file = open_alone(&part)?;
        let written = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&part, path));
        if written.is_err() {
            std::fs::remove_file(&part).ok();
        }
        written
    };
    write().map_err(|error| write_error(path, &error))?;
    sync_folder_of(path);
    Ok(())
}

/// Writes and flushes to the disk, so that "disk full" shows here and not after the rename.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A target the user protected against writing is left alone, although renaming over it would work.
pub(crate) fn refuse_protected(path: &Path) -> SceneResult<()> {
    if is_store(path) {
        return Err(SceneError::write(
            path,
            "this kind of file goes to a folder, not to a store; write it to a folder and copy it there",
        ));
    }
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

/// Puts every written file in its place, or none: what stood at a target comes back if a later step fails. The first pair is
/// the file the others belong to. Whatever ends the process in between, that one is the old or the new file, and what lies
/// beside it is of the same making or missing. `outdated` are files that belonged to the old one and would be taken for the
/// new one's.
pub(crate) fn replace_together(
    pairs: &[(PathBuf, PathBuf)],
    outdated: &[PathBuf],
) -> std::io::Result<()> {
    let mut done: Vec<Step> = Vec::new();
    for step in steps(pairs, outdated) {
        match step.take() {
            Ok(()) => done.push(step),
            Err(error) => {
                done.iter().rev().for_each(Step::take_back);
                return Err(error);
            }
        }
    }
    for target in pairs.iter().map(|(_, target)| target).chain(outdated) {
        std::fs::remove_file(kept_name(target)).ok();
    }
    if let Some((_, target)) = pairs.first() {
        sync_folder_of(target);
    }
    Ok(())
}

/// Where a file lies while its successor takes its place. Our own ending: nothing of the user's is called so.
fn kept_name(target: &Path) -> PathBuf {
    with_suffix(target, ".old.part")
}

/// One change of names, which can be taken back.
#[derive(Debug)]
enum Step {
    /// The file gets a second name and keeps its own.
    Keep {
        target: PathBuf,
        kept: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
}

/// What beside the main file is old goes first and what is new comes last, so that neither is seen beside the other's main file.
fn steps(pairs: &[(PathBuf, PathBuf)], outdated: &[PathBuf]) -> Vec<Step> {
    let Some((main, others)) = pairs.split_first() else {
        return Vec::new();
    };
    let companions = others.iter().map(|(_, target)| target).chain(outdated);
    let mut steps: Vec<Step> = companions
        .filter(|target| target.exists())
        .map(|target| Step::Rename {
            from: target.clone(),
            to: kept_name(target),
        })
        .collect();
    if main.1.exists() {
        steps.push(Step::Keep {
            target: main.1.clone(),
            kept: kept_name(&main.1),
        });
    }
    steps.extend(pairs.iter().map(|(part, target)| Step::Rename {
        from: part.clone(),
        to: target.clone(),
    }));
    steps
}

impl Step {
    fn take(&self) -> std::io::Result<()> {
        match self {
            Self::Rename { from, to } => std::fs::rename(from, to),
            Self::Keep { target, kept } => {
                // Of a process that was killed: the file at the target is newer.
                std::fs::remove_file(kept).ok();
                // File systems without links: the old file has to step aside.
                std::fs::hard_link(target, kept).or_else(|_| std::fs::rename(target, kept))
            }
        }
    }

    fn take_back(&self) {
        match self {
            Self::Rename { from, to } => std::fs::rename(to, from).unwrap_or_default(),
            Self::Keep { target, kept } => {
                // Renaming one of two names of one file to the other leaves both.
                if std::fs::rename(kept, target).is_ok() {
                    std::fs::remove_file(kept).ok();
                }
            }
        }
    }
}

/// Makes new names in a folder outlive a power cut. Systems that cannot do that for folders do it by themselves or not at all.
pub(crate) fn sync_folder_of(path: &Path) {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .unwrap_or_default();
    }
    #[cfg(not(unix))]
    let _ = path;
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
        ErrorKind::ResourceBusy => {
            "another Terroir is writing this file; try again in a moment, or choose another name"
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

    /// Whatever ends the process between two changes of names: the map is the old or the new one, and nothing of the other
    /// lies beside it; the next run puts everything in order.
    #[test]
    fn a_crash_between_two_renames_leaves_one_map_whole() {
        let setting = |folder: &Path| {
            let at = |name: &str| folder.join(name);
            for (name, words) in [
                ("map.tif", "old"),
                ("map.tif.aux.xml", "old"),
                ("map.qml", "old"),
                ("map.ovr", "old"),
                ("map.part.tif", "new"),
                ("map.part.qml", "new"),
                ("map.part.sld", "new"),
            ] {
                std::fs::write(at(name), words).unwrap();
            }
            let pairs = vec![
                (at("map.part.tif"), at("map.tif")),
                (at("map.part.qml"), at("map.qml")),
                (at("map.part.sld"), at("map.sld")),
            ];
            (pairs, vec![at("map.tif.aux.xml"), at("map.ovr")])
        };
        for ended_after in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let (pairs, outdated) = setting(folder.path());
            let all = steps(&pairs, &outdated);
            if ended_after > all.len() {
                break;
            }
            for step in &all[..ended_after] {
                step.take().unwrap();
            }
            let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).ok();
            let map = read("map.tif").expect("the map is there");
            for name in ["map.tif.aux.xml", "map.qml", "map.sld", "map.ovr"] {
                assert!(
                    read(name).is_none_or(|words| words == map),
                    "{name} is not of the {map} map after {ended_after} steps"
                );
            }
            let (pairs, outdated) = setting(folder.path());
            replace_together(&pairs, &outdated).unwrap();
            let mut left: Vec<_> = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            left.sort();
            assert_eq!(left, ["map.qml", "map.sld", "map.tif"]);
            assert_eq!(read("map.tif").as_deref(), Some("new"));
        }
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
        for store in [
            "/vsis3/bucket/head.json",
            "/vsimem/head.json",
            "s3://bucket/head.json",
        ] {
            let words = write_beside(Path::new(store), b"").unwrap_err().to_string();
            assert!(
                words.contains("write it to a folder") && words.ends_with(store),
                "{words}"
            );
        }
        let missing = folder.path().join("no/such/head.json");
        assert!(
            write_beside(&missing, b"")
                .unwrap_err()
                .to_string()
                .contains("does not exist")
        );
    }
}
