//! The system's file manager and browser: where a file lies, and what is in it. Knows paths; knows nothing of layers.

use std::path::Path;
use std::process::{Command, Stdio};

use terroir_scene::{SceneError, SceneResult};

use crate::language::t;

/// Opens the folder of a file, with the file chosen where the system can do that.
///
/// # Errors
/// The folder is gone, or the system has no file manager.
pub fn show_blocking(path: &Path) -> SceneResult<()> {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = whole.parent().filter(|folder| folder.is_dir());
    let Some(folder) = folder else {
        return Err(SceneError::file(path, t!("file-manager-no-folder")));
    };
    let command = if cfg!(target_os = "macos") {
        let mut command = Command::new("open");
        command.arg("-R").arg(&whole);
        command
    } else if cfg!(target_os = "windows") {
        let mut command = Command::new("explorer");
        command.arg(folder);
        command
    } else {
        let mut command = Command::new("xdg-open");
        command.arg(folder);
        command
    };
    start(command, path, t!("file-manager-not-started"))
}

/// Opens a file with the program the system has for its kind: a page in the browser.
///
/// # Errors
/// The file is gone, or the system has no such program.
pub fn open_blocking(path: &Path) -> SceneResult<()> {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if !whole.is_file() {
        return Err(SceneError::file(path, t!("file-manager-no-file")));
    }
    let mut command = Command::new(if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(target_os = "windows") {
        "explorer"
    } else {
        "xdg-open"
    });
    command.arg(&whole);
    start(command, path, t!("file-manager-no-program"))
}

fn start(mut command: Command, path: &Path, otherwise: &'static str) -> SceneResult<()> {
    let started = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(mut child) => {
            // The file manager lives on; its starter ends soon and must not stay behind.
            std::thread::Builder::new()
                .name("file manager".to_owned())
                .spawn(move || child.wait())
                .ok();
            Ok(())
        }
        Err(error) => Err(SceneError::file(path, otherwise).with_details(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_folder_is_said() {
        let error = show_blocking(Path::new("/no/such/folder/scene.tif")).unwrap_err();
        assert!(error.to_string().contains("not there"));
    }
}
