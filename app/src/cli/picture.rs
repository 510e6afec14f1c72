//! Pictures on disk: PNG and world file, written beside and renamed, so that a failure leaves nothing half-done.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use terroir_scene::Still;

use super::failure::{CliError, CliResult};

/// Writes RGBA bytes (straight alpha) as PNG.
pub fn write_png(still: &Still, path: &Path) -> CliResult {
    if path
        .extension()
        .is_none_or(|extension| !extension.eq_ignore_ascii_case("png"))
    {
        return Err(CliError::usage(format!(
            "--out {}: pictures are written as .png.",
            path.display()
        )));
    }
    let bytes = still
        .png()
        .map_err(|error| CliError::file("The picture could not be encoded.", path, &error))?;
    write_beside(path, |file| file.write_all(&bytes))
}

/// The six lines that place a picture on the ground, beside it as `.pgw`; `None` when the raster has no place.
pub fn write_world_file(still: &Still, picture: &Path) -> CliResult<Option<PathBuf>> {
    let Some(extent) = still.extent else {
        return Ok(None);
    };
    let path = picture.with_extension("pgw");
    let across = extent.width() / still.width as f64;
    let down = extent.height() / still.height as f64;
    // World files name the centre of the first pixel.
    let text = format!(
        "{across}\n0\n0\n{}\n{}\n{}\n",
        -down,
        extent.min_x + across / 2.0,
        extent.max_y - down / 2.0
    );
    write_beside(&path, |file| file.write_all(text.as_bytes()))?;
    Ok(Some(path))
}

/// Writes `path` through `write` into a temporary file beside it, then renames; on failure only the temporary is lost.
pub fn write_beside(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> CliResult {
    let mut part = OsString::from(path.as_os_str());
    part.push(".part");
    let part = PathBuf::from(part);
    let written = File::create(&part).and_then(|file| {
        let mut buffered = BufWriter::new(file);
        write(&mut buffered)?;
        let file = buffered.into_inner().map_err(|error| error.into_error())?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&part, path))
        .map_err(|error| {
            fs::remove_file(&part).ok();
            CliError::file("The file could not be written.", path, &error)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = std::env::temp_dir().join(format!("terroir-picture-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("view.png");
        let result = write_beside(&path, |_| Err(std::io::Error::other("no")));
        assert!(result.is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir(&folder).unwrap();
    }
}
