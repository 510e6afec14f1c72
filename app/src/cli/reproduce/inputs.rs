//! Inputs of a job that is run again: where they were, else beside the result. Knows paths; reads no file.

use std::path::{Path, PathBuf};

use terroir_engine::CropSpec;
use terroir_scene::{ArchiveSpec, AreaSpec, file_and_layer, is_remote};

use crate::cli::failure::{CliError, CliResult};

/// Finds what a crop map is made from.
pub(super) fn find_crop_inputs(spec: &mut CropSpec, folder: &Path) -> CliResult {
    find_archive(&mut spec.archive, &mut None, folder)?;
    for model in &mut spec.models {
        find_input(&mut model.weights, folder)?;
    }
    if let Some(weather) = &mut spec.weather {
        find_input(&mut weather.path, folder)?;
    }
    if let Some(split) = &mut spec.split {
        find_input(split, folder)?;
    }
    find_input(&mut spec.labels, folder)
}

/// Takes an input from where it was, else from the folder of the result.
///
/// An address stays what it is: the file at hand named it, not the user, so that only its own command line connects to it.
pub(super) fn find_input(path: &mut PathBuf, folder: &Path) -> CliResult {
    if path.exists() || is_remote(path) {
        return Ok(());
    }
    if let Some(beside) = path
        .file_name()
        .map(|name| folder.join(name))
        .filter(|beside| beside.exists())
    {
        *path = beside;
        return Ok(());
    }
    Err(CliError::failed(format!(
        "A file the job needs is gone. Put it back, or beside the result, and try again.\n{}",
        path.display()
    )))
}

/// The same for dated images, their grid and the weights of the model that reads them.
pub(super) fn find_archive(
    archive: &mut ArchiveSpec,
    weights: &mut Option<PathBuf>,
    folder: &Path,
) -> CliResult {
    for file in &mut archive.files {
        find_input(file, folder)?;
    }
    if let Some(reference) = &mut archive.reference {
        find_input(reference, folder)?;
    }
    if let Some(weights) = weights {
        find_input(weights, folder)?;
    }
    Ok(())
}

/// The same for an area of interest.
pub(super) fn find_area(aoi: &mut Option<AreaSpec>, folder: &Path) -> CliResult {
    match aoi {
        Some(area) => find_named(&mut area.file, folder),
        None => Ok(()),
    }
}

/// The same for shapes that may name a layer of their file.
pub(super) fn find_shapes(name: &mut Option<String>, folder: &Path) -> CliResult {
    match name {
        Some(name) => find_named(name, folder),
        None => Ok(()),
    }
}

fn find_named(name: &mut String, folder: &Path) -> CliResult {
    if file_and_layer(name).0.exists() {
        return Ok(());
    }
    let (file, layer) = match name.rsplit_once(':') {
        Some((file, layer)) if !layer.contains(['/', '\\']) => (file, Some(layer)),
        _ => (name.as_str(), None),
    };
    let mut path = PathBuf::from(file);
    find_input(&mut path, folder)?;
    *name = match layer {
        Some(layer) => format!("{}:{layer}", path.display()),
        None => path.display().to_string(),
    };
    Ok(())
}
