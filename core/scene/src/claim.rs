//! A claim on a file that is about to be written, so that two copies of Terroir never write one file at once.
//! Knows paths and locks; knows nothing of what is written.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::beside::with_suffix;
use crate::{SceneError, SceneResult};

/// How long a small file that another process writes is waited for.
const WAIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Held while a long job writes `out`; the mark `<out>.lock.part` goes with it. A mark that a killed process left behind
/// holds nobody up.
pub struct Claim {
    mark: PathBuf,
    _file: File,
}

impl Claim {
    /// `None` where no mark can be made: without the folder, on a read-only disk. The writing itself says that better.
    ///
    /// # Errors
    /// Another process holds the claim.
    pub fn take(out: &Path) -> SceneResult<Option<Self>> {
        let mark = with_suffix(out, ".lock.part");
        loop {
            let Ok(file) = open(&mark) else {
                return Ok(None);
            };
            if let Err(TryLockError::WouldBlock) = file.try_lock() {
                return Err(SceneError::write(
                    out,
                    "another Terroir is writing this file; wait until it is done, or choose another name",
                ));
            }
            if is_at(&file, &mark) {
                return Ok(Some(Self { mark, _file: file }));
            }
        }
    }

    /// Takes away the mark of a claim that this process holds and cannot drop.
    pub fn leave(out: &Path) {
        std::fs::remove_file(with_suffix(out, ".lock.part")).ok();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Before the lock goes: whoever waits for it then finds that the mark is not the one it opened.
        std::fs::remove_file(&self.mark).ok();
    }
}

/// Opens a small temporary for writing once no other process writes it, and empties it.
///
/// # Errors
/// What stops the opening; `ResourceBusy` after some seconds of waiting.
pub(crate) fn open_alone(part: &Path) -> std::io::Result<File> {
    let deadline = Instant::now() + WAIT;
    loop {
        let file = open(part)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            if Instant::now() > deadline {
                return Err(std::io::ErrorKind::ResourceBusy.into());
            }
            std::thread::sleep(PAUSE);
        } else if is_at(&file, part) {
            // A device or a pipe in its place has no length; writing says what is wrong with it.
            if file.metadata()?.is_file() {
                file.set_len(0)?;
            }
            return Ok(file);
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// Whether the open file still has this name: its owner renames or removes it while it holds the lock.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let same = file.metadata().and_then(|open| {
            let named = std::fs::metadata(path)?;
            Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
        });
        same.unwrap_or(false)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_a_mark_left_behind_is_no_claim() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("map.tif");
        let mark = folder.path().join("map.tif.lock.part");
        let first = Claim::take(&out).unwrap().expect("a claim");
        let refused = Claim::take(&out).err().expect("refused").to_string();
        assert!(
            refused.contains("another Terroir") && refused.ends_with("map.tif"),
            "{refused}"
        );
        drop(first);
        assert!(!mark.exists());
        std::fs::write(&mark, "").unwrap();
        drop(Claim::take(&out).unwrap().expect("a claim"));
        assert!(!mark.exists());
        assert!(
            Claim::take(&folder.path().join("no/folder/map.tif"))
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_temporary_is_waited_for_and_never_shared() {
        let folder = tempfile::tempdir().unwrap();
        let (part, path) = (folder.path().join("a.part"), folder.path().join("a"));
        let writers: Vec<_> = (0..8_u8)
            .map(|number| {
                let (part, path) = (part.clone(), path.clone());
                std::thread::Builder::new()
                    .spawn(move || {
                        for _ in 0..20 {
                            use std::io::Write;
                            let mut file = open_alone(&part).unwrap();
                            for _ in 0..10 {
                                file.write_all(&[number; 100]).unwrap();
                            }
                            std::fs::rename(&part, &path).unwrap();
                        }
                    })
                    .unwrap()
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 1000);
        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
    }
}
