//! Files that made a library crash or hang in another process: they are not opened in this one. And word of which file is
//! opened just now, for a process that tries files before a window opens them.
//! Opens nothing itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::{SceneError, SceneResult};

static CRASHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
static LISTENER: OnceLock<fn(&Path)> = OnceLock::new();

/// From now on this process does not open the file (a path, or the name GDAL has for a part of it).
pub fn avoid_file(path: &Path) {
    lock().insert(path.to_owned());
}

/// The file may be opened again: it may be another one by now, or its user wants to see.
pub fn forgive_file(path: &Path) {
    lock().remove(path);
}

/// Files this process does not open.
pub fn avoided_files() -> Vec<PathBuf> {
    lock().iter().cloned().collect()
}

/// Calls `listener` with every file before a library gets it. Only the first call of a process counts.
pub fn listen_to_openings(listener: fn(&Path)) {
    LISTENER.set(listener).ok();
}

/// Called before a library gets a file.
///
/// # Errors
/// The file made a library crash or hang before.
pub(crate) fn about_to_open(path: &Path) -> SceneResult<()> {
    if lock().contains(path) {
        return Err(SceneError::file(
            path,
            "a library crashed or hung while it read this file in a process of its own, so it is not opened here; nothing is \
             lost. Get the file again, or convert it with another program, and open it anew",
        ));
    }
    if let Some(listener) = LISTENER.get() {
        listener(path);
    }
    Ok(())
}

fn lock() -> std::sync::MutexGuard<'static, BTreeSet<PathBuf>> {
    CRASHED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Raster;

    #[test]
    fn a_file_that_crashed_is_opened_again_only_once_it_is_forgiven() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scene.asc");
        let text = "ncols 2\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 10\n1 2\n";
        std::fs::write(&path, text).unwrap();
        avoid_file(&path);
        assert!(avoided_files().contains(&path));
        let words = Raster::open(&path).err().unwrap().to_string();
        assert!(words.contains("nothing is lost"), "{words}");
        forgive_file(&path);
        Raster::open(&path).unwrap();
    }
}
