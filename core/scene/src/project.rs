//! Project files (`.terroir`): JSON with a schema version, relative paths, no pixel data; labels in a GeoPackage beside it.
//! Written beside, flushed, renamed, one `.bak` kept. A newer schema opens read-only.

use std::path::Path;

use crate::{Document, SceneResult};

pub const PROJECT_SCHEMA: u32 = 1;

#[derive(Debug)]
pub struct OpenedProject {
    pub document: Document,
    /// Newer schema: must not be saved over.
    pub read_only: bool,
    /// e.g. missing files (their layers stay, greyed).
    pub warnings: Vec<String>,
}

/// Saves the document and its labels.
pub fn save_project(_document: &Document, _path: &Path) -> SceneResult<()> {
    todo!()
}

/// Opens; missing rasters keep their layer with `info: None`.
pub fn open_project(_path: &Path) -> SceneResult<OpenedProject> {
    todo!()
}

/// Labels autosave used every 30 s and before training: written beside and renamed; exact pixels.
pub fn autosave_labels(_labels: &crate::Labels, _path: &Path) -> SceneResult<()> {
    todo!()
}

pub fn restore_labels(_path: &Path) -> SceneResult<crate::Labels> {
    todo!()
}
