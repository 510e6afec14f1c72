//! Project files (`.terroir`): JSON with a schema version, relative paths, no pixel data; labels in a GeoPackage beside it.
//! Written beside, flushed, renamed, one `.bak` kept. A newer schema opens read-only.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::beside::{with_suffix, write_beside, write_error};
use crate::containers::container_of;
use crate::exact_labels::ExactGrid;
use crate::series_entry::SeriesEntry;
use crate::{
    AreaPart, Blend, Crs, Document, DrawnSample, FollowedPlace, Layer, LayerId, LayerSource,
    LiveOpacity, Method, Profile, Raster, SceneError, SceneResult, Style, VectorSource,
    VectorStyle, Wavelength, WeatherReading, WeatherSpec, export_labels, import_labels, is_remote,
    recognise_product,
};

pub const PROJECT_SCHEMA: u32 = 1;

#[derive(Debug)]
pub struct OpenedProject {
    pub document: Document,
    /// Newer schema: must not be saved over.
    pub read_only: bool,
    /// e.g. missing files (their layers stay, greyed).
    pub warnings: Vec<String>,
}

/// The file, in the order it is written. Layers are read one by one, so that one a newer program wrote differently does
/// not take the others with it.
#[derive(Serialize, Deserialize)]
struct ProjectFile {
    schema: u32,
    program: String,
    #[serde(default)]
    map_crs: Option<Crs>,
    #[serde(default)]
    active: Option<LayerId>,
    #[serde(default)]
    next_layer_id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    area_of_interest: Option<LayerId>,
    /// Read apart, like layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    area_part: Option<Value>,
    /// Top first.
    #[serde(default)]
    layers: Vec<Value>,
    #[serde(default)]
    labels: Option<LabelsEntry>,
    /// Read one by one, like layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    profiles: Vec<Value>,
    /// Read one by one, like layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    followed_places: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sample: Option<SampleEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    /// Read apart, like layers.
    weather: Option<Value>,
    /// Read apart: a kind a newer program knows costs the method, not the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<Value>,
    #[serde(default, skip_serializing_if = "is_usual")]
    live_opacity: LiveOpacity,
}

fn is_usual(opacity: &LiveOpacity) -> bool {
    *opacity == LiveOpacity::default()
}

/// A weather file and how it is read.
#[derive(Serialize, Deserialize)]
struct WeatherEntry {
    file: FileEntry,
    #[serde(flatten)]
    reading: WeatherReading,
}

/// A validation sample and its map.
#[derive(Serialize, Deserialize)]
struct SampleEntry {
    map: FileEntry,
    points: FileEntry,
}

/// A kept profile and where its raster lies.
#[derive(Serialize, Deserialize)]
struct ProfileEntry {
    file: FileEntry,
    #[serde(flatten)]
    profile: Profile,
}

#[derive(Serialize, Deserialize)]
struct LabelsEntry {
    file: FileEntry,
    grid: ExactGrid,
}

/// Where a file lies: relative to the project with `/`, and where it lay when the project was saved.
#[derive(Serialize, Deserialize)]
pub(crate) struct FileEntry {
    path: String,
    #[serde(default)]
    was_at: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct LayerEntry {
    id: LayerId,
    name: String,
    /// `raster`, `series`, `vector` or `labels`.
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<FileEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    series: Option<SeriesEntry>,
    visible: bool,
    opacity: f32,
    #[serde(default)]
    blend: Blend,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing_color: Option<[u8; 3]>,
    #[serde(default)]
    style: Option<Style>,
    /// Bands count from 0; nanometres.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    edited_wavelengths: Vec<(usize, Wavelength)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribution: Option<String>,
    /// Named by the user, because the file names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assigned_crs: Option<Crs>,
    /// What only a vector layer has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vector: Option<VectorEntry>,
}

#[derive(Serialize, Deserialize)]
struct VectorEntry {
    #[serde(default)]
    table: String,
    #[serde(default)]
    crs: Option<Crs>,
    #[serde(default)]
    style: VectorStyle,
}

/// The GeoPackage with a project's labels: `<stem>.labels.gpkg` beside it.
fn labels_path(project: &Path) -> PathBuf {
    project.with_extension("labels.gpkg")
}

/// Saves the document and its labels. Labels are written first and whole, then the project; the project before this one
/// stays as `<name>.bak`. Whatever interrupts it, the file at `path` is the old one or the new one.
///
/// # Errors
/// Writing failed, or the file there was written by a newer Terroir (save under another name).
pub fn save_project(document: &Document, path: &Path) -> SceneResult<()> {
    let old = match std::fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(write_error(path, &error)),
    };
    if old
        .as_deref()
        .and_then(schema_of)
        .is_some_and(|schema| schema > PROJECT_SCHEMA)
    {
        return Err(SceneError::write(
            path,
            "this project was saved by a newer Terroir and would lose what only that one knows; save under another name",
        ));
    }
    let folder = folder_of(path)?;
    let labels = match &document.labels {
        None => None,
        Some(labels) => {
            let file = labels_path(path);
            export_labels(labels, &file)?;
            Some(LabelsEntry {
                file: FileEntry {
                    path: relative(&folder, &file),
                    was_at: None,
                },
                grid: ExactGrid::new(&labels.grid),
            })
        }
    };
    let project = project_file(document, labels, &folder, path)?;
    let mut text =
        serde_json::to_string_pretty(&project).map_err(|error| unwritable(path, &error))?;
    text.push('\n');
    // A damaged file must not push a good copy out.
    if let Some(old) = old.filter(|old| schema_of(old).is_some()) {
        write_beside(&with_suffix(path, ".bak"), &old)?;
    }
    write_beside(path, text.as_bytes())
}

/// What of a document stands in a project in `folder`.
fn project_file(
    document: &Document,
    labels: Option<LabelsEntry>,
    folder: &Path,
    path: &Path,
) -> SceneResult<ProjectFile> {
    Ok(ProjectFile {
        schema: PROJECT_SCHEMA,
        program: format!("Terroir {}", env!("CARGO_PKG_VERSION")),
        map_crs: document.map_crs.clone(),
        active: document.active,
        next_layer_id: document.next_layer_id,
        area_of_interest: document.area_of_interest,
        area_part: document
            .area_part
            .as_ref()
            .map(serde_json::to_value)
            .transpose()
            .map_err(|error| unwritable(path, &error))?,
        layers: document
            .layers
            .iter()
            .map(|layer| serde_json::to_value(layer_entry(layer, folder)))
            .collect::<Result<_, _>>()
            .map_err(|error| unwritable(path, &error))?,
        labels,
        profiles: document
            .profiles
            .iter()
            .map(|profile| {
                serde_json::to_value(ProfileEntry {
                    file: file_entry(folder, &profile.file),
                    profile: Profile::clone(profile),
                })
            })
            .collect::<Result<_, _>>()
            .map_err(|error| unwritable(path, &error))?,
        followed_places: document
            .followed
            .iter()
            .map(serde_json::to_value)
            .collect::<Result<_, _>>()
            .map_err(|error| unwritable(path, &error))?,
        sample: document.sample.as_ref().map(|sample| SampleEntry {
            map: file_entry(folder, &sample.map),
            points: file_entry(folder, &sample.points),
        }),
        weather: document
            .weather
            .as_ref()
            .map(|weather| {
                serde_json::to_value(WeatherEntry {
                    file: file_entry(folder, &weather.path),
                    reading: weather.reading.clone(),
                })
            })
            .transpose()
            .map_err(|error| unwritable(path, &error))?,
        method: (document.method != Method::default())
            .then(|| serde_json::to_value(&document.method))
            .transpose()
            .map_err(|error| unwritable(path, &error))?,
        live_opacity: document.live_opacity,
    })
}

/// The text of a project at `path` without its labels, in one line.
pub(crate) fn project_line(document: &Document, path: &Path) -> SceneResult<String> {
    let project = project_file(document, None, &folder_of(path)?, path)?;
    serde_json::to_string(&project).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &serde_json::Error) -> SceneError {
    SceneError::write(
        path,
        "the project holds a value that cannot be written; undo the last change and save again",
    )
    .with_details(error)
}

/// Schema version of a project's text; `None` when it is none.
fn schema_of(bytes: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    serde_json::from_slice::<Version>(bytes)
        .ok()
        .map(|version| version.schema)
}

fn layer_entry(layer: &Layer, folder: &Path) -> LayerEntry {
    let (kind, file, series) = match &layer.source {
        LayerSource::Labels => ("labels", None, None),
        LayerSource::Raster { path, .. } => ("raster", Some(file_entry(folder, path)), None),
        LayerSource::Series(series) => ("series", None, Some(SeriesEntry::new(series, folder))),
        LayerSource::Vector(source) => ("vector", Some(file_entry(folder, &source.path)), None),
    };
    LayerEntry {
        id: layer.id,
        name: layer.name.clone(),
        kind: kind.to_owned(),
        file,
        series,
        visible: layer.visible,
        opacity: layer.opacity,
        blend: layer.blend,
        missing_color: layer.missing_color,
        style: layer.style.clone(),
        edited_wavelengths: layer.edited_wavelengths.clone(),
        attribution: layer.attribution.clone(),
        vector: layer.vector().map(|source| VectorEntry {
            table: source.table.clone(),
            crs: source.crs.clone(),
            style: source.style.clone(),
        }),
        assigned_crs: layer.assigned_crs().cloned(),
    }
}

/// Names that GDAL takes apart itself (`NETCDF:"file":variable`, `/vsizip/...`) are no paths.
fn is_gdal_name(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let prefix = text.split(':').next().unwrap_or_default();
    text.starts_with("/vsi")
        || (text.contains(':')
            && prefix.len() > 1
            && prefix
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

pub(crate) fn file_entry(folder: &Path, path: &Path) -> FileEntry {
    if is_gdal_name(path) {
        return FileEntry {
            path: path.to_string_lossy().into_owned(),
            was_at: None,
        };
    }
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    FileEntry {
        path: relative(folder, &whole),
        was_at: Some(without_home(&whole)),
    }
}

fn folder_of(path: &Path) -> SceneResult<PathBuf> {
    let whole = std::path::absolute(path).map_err(|error| write_error(path, &error))?;
    Ok(whole.parent().map(Path::to_path_buf).unwrap_or_default())
}

/// `path` as seen from `folder`, with `/`; as it is when they share no root.
fn relative(folder: &Path, path: &Path) -> String {
    let clean = |path: &Path| {
        path.components()
            .filter(|part| *part != Component::CurDir)
            .map(|part| part.as_os_str().to_owned())
            .collect::<Vec<_>>()
    };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (from, to) = (clean(folder), clean(&path));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if shared == 0 {
        return path.to_string_lossy().into_owned();
    }
    let up = std::iter::repeat_n("..".to_owned(), from.len() - shared);
    let down = to[shared..]
        .iter()
        .map(|part| part.to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// User names stay out of the file: the home folder is written as `~`.
fn without_home(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    let home = std::env::home_dir()
        .map(|home| home.to_string_lossy().replace('\\', "/"))
        .filter(|home| home.len() > 1);
    match home.and_then(|home| {
        text.strip_prefix(&format!("{}/", home.trim_end_matches('/')))
            .map(str::to_owned)
    }) {
        Some(rest) => format!("~/{rest}"),
        None => text,
    }
}

/// Where a file of the project lies now: beside the project as before, else where it was, else (missing) the former.
pub(crate) fn located(entry: &FileEntry, folder: &Path) -> PathBuf {
    let stored = Path::new(&entry.path);
    if is_gdal_name(stored) {
        return stored.to_owned();
    }
    let beside = normal(&folder.join(stored));
    if is_there(&beside) {
        return beside;
    }
    let was_at =
        entry.was_at.as_deref().map(
            |text| match (text.strip_prefix("~/"), std::env::home_dir()) {
                (Some(rest), Some(home)) => home.join(rest),
                _ => PathBuf::from(text),
            },
        );
    was_at.filter(|path| is_there(path)).unwrap_or(beside)
}

/// Files, folders, rasters inside a container (`FILE:variable`) and products named by the beginning of their files.
fn is_there(path: &Path) -> bool {
    path.exists() || container_of(path).is_some() || recognise_product(path).is_some()
}

/// `a/b/../c` as `a/c`, without asking the disk.
fn normal(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts
}

/// The file with a project's labels; `None` when it has none. Opens no layer.
///
/// # Errors
/// Not readable, or not a project.
pub(crate) fn labels_file_of_project(path: &Path) -> SceneResult<Option<PathBuf>> {
    #[derive(Deserialize)]
    struct OnlyLabels {
        #[serde(default)]
        labels: Option<OnlyFile>,
    }
    #[derive(Deserialize)]
    struct OnlyFile {
        file: FileEntry,
    }
    let what = "this project cannot be read; check that the file is there and is a project";
    let bytes =
        std::fs::read(path).map_err(|error| SceneError::file(path, what).with_details(error))?;
    let project: OnlyLabels = serde_json::from_slice(&bytes)
        .map_err(|error| SceneError::file(path, what).with_details(error))?;
    let folder = folder_of(path)?;
    Ok(project.labels.map(|entry| located(&entry.file, &folder)))
}

/// Opens; missing rasters keep their layer with `info: None`.
///
/// # Errors
/// Not readable, not a project, or damaged (then the copy from the save before is named, if there is one).
pub fn open_project(path: &Path) -> SceneResult<OpenedProject> {
    let bytes = std::fs::read(path).map_err(|error| {
        SceneError::file(
            path,
            "this project cannot be opened; check that the file is there and may be read",
        )
        .with_details(error)
    })?;
    open_project_text(&bytes, path)
}

/// The same of the text of a project at `path`.
pub(crate) fn open_project_text(bytes: &[u8], path: &Path) -> SceneResult<OpenedProject> {
    let damaged = |error: &dyn std::fmt::Display| {
        let bak = with_suffix(path, ".bak");
        let next = match bak.file_name().filter(|_| bak.is_file()) {
            Some(name) => format!(
                "the copy from the save before is {}: open that",
                name.to_string_lossy()
            ),
            None => "choose another one".to_owned(),
        };
        SceneError::file(
            path,
            format!("this is no Terroir project, or it is damaged; {next}"),
        )
        .with_details(error)
    };
    let schema = schema_of(bytes).ok_or_else(|| damaged(&"no schema version on top"))?;
    let project: ProjectFile = serde_json::from_slice(bytes).map_err(|error| damaged(&error))?;
    let mut warnings = Vec::new();
    if schema > PROJECT_SCHEMA {
        warnings.push(format!(
            "this project was saved by a newer Terroir ({}); it is open for reading, save it under another name",
            project.program
        ));
    }
    let folder = folder_of(path)?;
    let mut layers = Vec::new();
    for (place, value) in project.layers.into_iter().enumerate() {
        match serde_json::from_value::<LayerEntry>(value)
            .map_err(|error| error.to_string())
            .and_then(|entry| open_layer(entry, &folder, &mut warnings))
        {
            Ok(layer) => layers.push(Arc::new(layer)),
            Err(error) => warnings.push(format!(
                "layer {} of this project is not understood and was left out ({error})",
                place + 1
            )),
        }
    }
    let labels = project.labels.and_then(|entry| {
        let file = located(&entry.file, &folder);
        let grid = entry
            .grid
            .grid()
            .ok_or_else(|| SceneError::input("their grid is damaged in the project file"));
        match grid.and_then(|grid| import_labels(&file, &grid, None)) {
            Ok((labels, _)) => Some(labels),
            Err(error) => {
                warnings.push(format!(
                    "the labels of this project cannot be read: {error}"
                ));
                None
            }
        }
    });
    let mut profiles = Vec::new();
    for (place, value) in project.profiles.into_iter().enumerate() {
        match serde_json::from_value::<ProfileEntry>(value) {
            Ok(entry) => profiles.push(Arc::new(Profile {
                file: located(&entry.file, &folder),
                ..entry.profile
            })),
            Err(error) => warnings.push(format!(
                "profile {} of this project is not understood and was left out ({error})",
                place + 1
            )),
        }
    }
    let mut followed = Vec::new();
    for (place, value) in project.followed_places.into_iter().enumerate() {
        match serde_json::from_value::<FollowedPlace>(value) {
            Ok(one) => followed.push(one),
            Err(error) => warnings.push(format!(
                "place {} followed over time is not understood and was left out ({error})",
                place + 1
            )),
        }
    }
    let next_layer_id = layers
        .iter()
        .map(|layer| layer.id.0 + 1)
        .max()
        .unwrap_or(0)
        .max(project.next_layer_id);
    let active = project
        .active
        .filter(|id| layers.iter().any(|layer| layer.id == *id));
    let mut area_of_interest = project
        .area_of_interest
        .filter(|id| layers.iter().any(|layer| layer.id == *id));
    let area_part = project.area_part.map(serde_json::from_value::<AreaPart>);
    let area_part = area_part.transpose().unwrap_or_else(|_| {
        // All shapes would be another area.
        area_of_interest = None;
        warnings
            .push("the area of interest of this project is not understood; choose it again".into());
        None
    });
    let weather = project.weather.and_then(|entry| {
        match serde_json::from_value::<WeatherEntry>(entry) {
            Ok(entry) => Some(WeatherSpec {
                path: located(&entry.file, &folder),
                reading: entry.reading,
            }),
            Err(_) => {
                warnings.push(
                    "the weather of the project cannot be read, a newer Terroir may have written it; add it again".into(),
                );
                None
            }
        }
    });
    let method = project.method.map(serde_json::from_value::<Method>);
    let method = method.unwrap_or(Ok(Method::default())).unwrap_or_else(|_| {
        warnings.push(
            "the method of the class map is one of a newer Terroir; choose another one".into(),
        );
        Method::default()
    });
    let document = Document {
        area_part: area_part.filter(|_| area_of_interest.is_some()),
        area_of_interest,
        layers,
        active,
        map_crs: project.map_crs,
        labels,
        next_layer_id,
        profiles,
        followed,
        sample: project.sample.map(|sample| DrawnSample {
            map: located(&sample.map, &folder),
            points: located(&sample.points, &folder),
        }),
        weather,
        answers: Arc::default(),
        method,
        live_opacity: LiveOpacity(project.live_opacity.0.clamp(0.0, 1.0)),
    };
    Ok(OpenedProject {
        document,
        read_only: schema > PROJECT_SCHEMA,
        warnings,
    })
}

fn open_layer(
    entry: LayerEntry,
    folder: &Path,
    warnings: &mut Vec<String>,
) -> Result<Layer, String> {
    let source = match (entry.kind.as_str(), entry.file, entry.series) {
        ("labels", ..) => LayerSource::Labels,
        ("series", _, Some(series)) => {
            let (mut series, missing) = series.open_blocking(folder);
            if let Some(crs) = &entry.assigned_crs {
                series.assign_crs(crs);
            }
            warnings.extend(
                missing
                    .into_iter()
                    .map(|text| format!("{}: {text}", entry.name)),
            );
            LayerSource::Series(series)
        }
        ("raster", Some(file), _) => {
            let path = located(&file, folder);
            // Opening a project is no leave to use the network.
            let info = if is_remote(&path) {
                None
            } else {
                match Raster::open(&path) {
                    Ok(raster) => {
                        let mut info = raster.info().clone();
                        // A file that names its system by now is right.
                        if let Some(crs) = entry.assigned_crs
                            && info.grid.georef.ground_crs().is_none()
                        {
                            info.grid.georef.assign_crs(crs);
                        }
                        Some(Arc::new(info))
                    }
                    Err(error) => {
                        warnings.push(format!("{}: {error}", entry.name));
                        None
                    }
                }
            };
            LayerSource::Raster { path, info }
        }
        ("vector", Some(file), _) => {
            let path = located(&file, folder);
            let vector = entry.vector.ok_or("a vector layer without its style")?;
            if !path.exists() && !is_gdal_name(&path) {
                warnings.push(format!(
                    "{}: the file is not there; its layer stays empty\n{}",
                    entry.name,
                    path.display()
                ));
            }
            LayerSource::Vector(Box::new(VectorSource {
                path,
                table: vector.table,
                crs: vector.crs,
                style: vector.style,
            }))
        }
        (kind, ..) => return Err(format!("kind {kind}")),
    };
    Ok(Layer {
        id: entry.id,
        name: entry.name,
        source,
        style: entry.style,
        visible: entry.visible,
        opacity: if entry.opacity.is_finite() {
            entry.opacity.clamp(0.0, 1.0)
        } else {
            1.0
        },
        blend: entry.blend,
        missing_color: entry.missing_color,
        edited_wavelengths: entry.edited_wavelengths,
        attribution: entry.attribution,
    })
}

#[cfg(test)]
#[path = "project_tests.rs"]
mod tests;
