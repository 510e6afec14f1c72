//! Containers of several rasters (NetCDF, HDF5, Zarr): what is inside, and names that open one of them.
//! Opens headers, reads no pixels.

use std::path::{Path, PathBuf};

use gdal::Dataset;
use serde::{Deserialize, Serialize};

use crate::raster_file::{open_plain, subdatasets_of};
use crate::remote::is_remote;
use crate::{Raster, SampleType, SceneError, SceneResult, Subdataset};

/// Whether a folder is a Zarr store, of any version: no folder of files.
pub fn is_zarr(path: &Path) -> bool {
    ["zarr.json", ".zgroup", ".zarray", ".zmetadata"]
        .iter()
        .any(|name| path.join(name).is_file())
}

/// Rasters of a container that are looked into; more are listed by name.
const MOST_LOOKED_INTO: usize = 200;

/// One raster inside a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contained {
    /// What [`Raster::open`] takes: `FILE:variable`.
    pub path: PathBuf,
    /// e.g. `ndvi` or `group/ndvi`.
    pub variable: String,
    /// The long name its maker gave it; may be empty.
    pub title: String,
    pub width: usize,
    pub height: usize,
    pub bands: usize,
    /// `None` when it cannot be opened as a raster.
    pub sample_type: Option<SampleType>,
    /// First and last day of its bands, where they are dated.
    pub dates: Option<(String, String)>,
}

impl Contained {
    pub fn opens(&self) -> bool {
        self.sample_type.is_some()
    }
}

/// What is inside a container of several rasters; `None` for files that open by themselves.
///
/// # Errors
/// The file cannot be opened.
pub fn contained_blocking(path: &Path) -> SceneResult<Option<Vec<Contained>>> {
    if is_remote(path) || crate::recognise_product(path).is_some() || resolve(path)?.is_some() {
        return Ok(None);
    }
    let dataset = open_plain(path)?;
    let inner = subdatasets_of(&dataset);
    if dataset.raster_count() > 0 || inner.len() < 2 {
        return Ok(None);
    }
    drop(dataset);
    Ok(Some(
        inner
            .iter()
            .enumerate()
            .map(|(index, one)| describe(path, one, index < MOST_LOOKED_INTO))
            .collect(),
    ))
}

/// Which of them to offer first: those on the largest grid.
pub fn proposed_choice(inside: &[Contained]) -> Vec<bool> {
    let pixels = |one: &Contained| one.width * one.height;
    let most = inside
        .iter()
        .filter(|one| one.opens())
        .map(pixels)
        .max()
        .unwrap_or(0);
    inside
        .iter()
        .map(|one| one.opens() && pixels(one) == most)
        .collect()
}

fn describe(container: &Path, one: &Subdataset, is_opened: bool) -> Contained {
    let variable = variable_of(&one.name);
    let raster = if is_opened {
        Raster::open(Path::new(&one.name)).ok()
    } else {
        None
    };
    let mut found = Contained {
        path: path_of(container, &variable),
        title: String::new(),
        variable,
        width: 0,
        height: 0,
        bands: 0,
        sample_type: None,
        dates: None,
    };
    let Some(info) = raster.as_ref().map(Raster::info) else {
        return found;
    };
    let title = info
        .metadata_item(&format!("{}#long_name", found.variable))
        .or_else(|| info.bands.first()?.metadata_item("long_name"));
    found.title = title.unwrap_or_default().to_owned();
    found.width = info.grid.width;
    found.height = info.grid.height;
    found.bands = info.bands.len();
    found.sample_type = info.bands.first().map(|band| band.sample_type);
    let day = |band: Option<&crate::BandInfo>| {
        crate::dates::date_in_text(&band?.name).map(|date| date.to_string())
    };
    found.dates = day(info.bands.first()).zip(day(info.bands.last()));
    found
}

/// The part of GDAL's name after the file: `NETCDF:"a.nc":ndvi` is `ndvi`, `HDF5:"a.h5"://g/v` is `g/v`.
pub(crate) fn variable_of(name: &str) -> String {
    name.rsplit_once("\":")
        .or_else(|| name.rsplit_once(':'))
        .map_or(name, |(_, variable)| variable)
        .trim_start_matches('/')
        .to_owned()
}

pub(crate) fn path_of(container: &Path, variable: &str) -> PathBuf {
    let mut text = container.as_os_str().to_owned();
    text.push(":");
    text.push(variable);
    PathBuf::from(text)
}

/// The file a name of the form `FILE:variable` lies in; `None` for other names. Asks the disk.
pub(crate) fn container_of(path: &Path) -> Option<(PathBuf, String)> {
    let text = path.to_str()?;
    if text.starts_with('<') || path.exists() {
        return None;
    }
    text.match_indices(':').rev().find_map(|(at, _)| {
        let (file, variable) = (text.get(..at)?, text.get(at + 1..)?);
        // One letter is a Windows drive.
        let is_there = file.len() > 1 && !variable.is_empty() && Path::new(file).exists();
        is_there.then(|| (PathBuf::from(file), variable.to_owned()))
    })
}

/// GDAL's name of what `FILE:variable` means, and the file; `None` for other names.
///
/// # Errors
/// The file is there and has no such variable.
pub(crate) fn resolve(path: &Path) -> SceneResult<Option<(PathBuf, PathBuf)>> {
    let Some((file, variable)) = container_of(path) else {
        return Ok(None);
    };
    let dataset: Dataset = open_plain(&file)?;
    let inner = subdatasets_of(&dataset);
    let wanted = variable.trim_start_matches('/');
    if let Some(found) = inner.iter().find(|one| variable_of(&one.name) == wanted) {
        return Ok(Some((PathBuf::from(&found.name), file)));
    }
    // A file with one variable only has no list of them.
    if inner.is_empty() && dataset.raster_count() > 0 {
        let names = crate::raster_header::metadata(dataset.c_dataset(), None);
        let is_its = names
            .iter()
            .any(|(key, _)| key.starts_with(&format!("{wanted}#")));
        if is_its {
            return Ok(Some((file.clone(), file)));
        }
    }
    let names: Vec<String> = inner.iter().map(|one| variable_of(&one.name)).collect();
    let has = if names.is_empty() {
        "it is one raster; open the file itself".to_owned()
    } else {
        format!("it has {}", names.join(", "))
    };
    Err(SceneError::file(
        &file,
        format!("there is no `{variable}` in this file; {has}"),
    ))
}
