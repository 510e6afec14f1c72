//! Pictures on disk: PNG and world file, written beside and renamed, so that a failure leaves nothing half-done.

use std::path::{Path, PathBuf};

use terroir_scene::{Still, write_beside};

use super::failure::{CliError, CliResult};

/// Writes RGBA bytes (straight alpha) as PNG, with whom to credit for them.
pub fn write_png(still: &Still, credit: Option<&str>, path: &Path) -> CliResult {
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
        .png_of(credit)
        .map_err(|error| CliError::file("The picture could not be encoded.", path, &error))?;
    Ok(write_beside(path, &bytes)?)
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
    write_beside(&path, text.as_bytes())?;
    Ok(Some(path))
}
