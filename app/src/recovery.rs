//! Crash recovery: each running window owns one folder with a lock; a folder whose lock nobody holds was left by a
//! window that stopped without closing. Blocks on the disk, so it runs on the file threads.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use terroir_scene::{Journal, SceneError, SceneResult};

use crate::files::write_error;
use crate::language::t;

pub fn journal_path(folder: &Path) -> PathBuf {
    folder.join("work.journal")
}

fn recovery_root(data_folder: &Path) -> PathBuf {
    data_folder.join("recovery")
}

/// This window's folder; removed with its content when the window closes in order.
pub struct RecoveryFolder {
    path: PathBuf,
    pub journal: Journal,
    /// Holds the lock while the window lives.
    _lock: File,
}

impl RecoveryFolder {
    pub fn create_blocking(data_folder: &Path) -> SceneResult<Self> {
        let now = jiff::Timestamp::now().as_millisecond();
        let path = recovery_root(data_folder).join(format!("{}-{now}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| write_error(&path, &error))?;
        let lock = File::create(path.join("lock")).map_err(|error| write_error(&path, &error))?;
        lock.lock().map_err(|error| write_error(&path, &error))?;
        Ok(Self {
            journal: Journal::new(journal_path(&path)),
            path,
            _lock: lock,
        })
    }
}

impl Drop for RecoveryFolder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.path).ok();
    }
}

/// The newest folder with a journal that no running window owns.
pub fn find_blocking(data_folder: &Path) -> Option<PathBuf> {
    let mut left: Vec<(std::time::SystemTime, PathBuf)> =
        std::fs::read_dir(recovery_root(data_folder))
            .ok()?
            .flatten()
            .filter_map(|entry| {
                let folder = entry.path();
                let changed = std::fs::metadata(journal_path(&folder))
                    .ok()?
                    .modified()
                    .ok()?;
                let lock = File::open(folder.join("lock")).ok()?;
                match lock.try_lock() {
                    Ok(()) => Some((changed, folder)),
                    Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
                }
            })
            .collect();
    left.sort();
    left.pop().map(|(_, folder)| folder)
}

pub fn discard_blocking(folder: &Path) -> SceneResult<()> {
    std::fs::remove_dir_all(folder)
        .map_err(|error| SceneError::write(folder, t!("news-recovery-kept")).with_details(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_without_a_window_are_offered() {
        let data = tempfile::tempdir().unwrap();
        let running = RecoveryFolder::create_blocking(data.path()).unwrap();
        std::fs::write(journal_path(&running.path), "{}").unwrap();
        assert_eq!(find_blocking(data.path()), None);

        let left = recovery_root(data.path()).join("1-1");
        std::fs::create_dir_all(&left).unwrap();
        std::fs::write(left.join("lock"), "").unwrap();
        std::fs::write(journal_path(&left), "{}").unwrap();
        assert_eq!(find_blocking(data.path()), Some(left.clone()));

        discard_blocking(&left).unwrap();
        assert_eq!(find_blocking(data.path()), None);
        let path = running.path.clone();
        drop(running);
        assert!(!path.exists());
    }
}
