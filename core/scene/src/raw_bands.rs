//! Virtual rasters whose bands are the bytes of any file (`VRTRawRasterBand`): held to the folder of their description, as
//! GDAL does from version 3.8 on. Judges the text as it stands and refuses what it is not sure of.

use std::io::Read;
use std::path::{Component, Path};

use crate::{SceneError, SceneResult};

/// GDAL looks for the root element in so many bytes.
const HEAD_BYTES: u64 = 1024;
/// Descriptions of a hundred thousand tiles are smaller.
const LARGEST_DESCRIPTION_BYTES: u64 = 256 << 20;

/// # Errors
/// The file, or the text given as a name, is a virtual raster with bands that may show another folder's bytes.
pub(crate) fn check_raw_bands(path: &Path) -> SceneResult<()> {
    let named = path.to_string_lossy();
    let text = if named.trim_start().starts_with('<') {
        named.into_owned()
    } else {
        match description_of(path) {
            Some(text) => text,
            None => return Ok(()),
        }
    };
    let lower = text.to_ascii_lowercase();
    // Letters may be written as numbers.
    let is_hidden = lower.contains("&#") && lower.contains("subclass");
    if !lower.contains("vrtrawrasterband") && !is_hidden {
        return Ok(());
    }
    let stays = lower.split("<sourcefilename").skip(1).all(stays_beside);
    if stays {
        return Ok(());
    }
    Err(SceneError::file(
        path,
        "this virtual raster shows the bytes of a file outside its folder as pixels, and is not opened; move the raw file \
         beside it and name it there without a folder",
    ))
}

/// The whole text of a virtual raster's file; `None` for every other file.
fn description_of(path: &Path) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    (&mut file).take(HEAD_BYTES).read_to_end(&mut bytes).ok()?;
    let is_description = bytes
        .windows(11)
        .any(|part| part.eq_ignore_ascii_case(b"<VRTDataset"));
    if !is_description {
        return None;
    }
    file.take(LARGEST_DESCRIPTION_BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What follows `<sourcefilename`: attributes, the name, and the rest of the document.
fn stays_beside(rest: &str) -> bool {
    let Some((attributes, name)) = rest
        .split_once('>')
        .and_then(|(attributes, rest)| Some((attributes, rest.split_once('<')?.0)))
    else {
        return false;
    };
    let attributes = attributes.replace(char::is_whitespace, "");
    let is_relative = ["relativetovrt=\"1\"", "relativetovrt='1'"]
        .iter()
        .any(|mark| attributes.contains(mark));
    let is_plain = !name.contains(['&', ':', '\\']);
    is_relative
        && is_plain
        && Path::new(name.trim())
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
