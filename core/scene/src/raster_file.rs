//! Raster files: opening anything GDAL opens, with errors a user can act on.
//! The only place, with its readers `raster_header.rs` and `raster_read.rs`, that converts GDAL's band numbers
//! (from 1) to ours (from 0). One `Raster` per thread.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gdal::{Dataset, DatasetOptions, GdalOpenFlags, Metadata};

use crate::assigned_crs::assigned_to;
use crate::containers::{path_of, resolve, variable_of};
use crate::crashed_files::about_to_open;
use crate::field_product::first_day_of;
use crate::field_values::{holds_unit_vectors, no_field_because};
use crate::gdal_setup::{MEMORY_ADVICE, gdal_setup, lacks_memory, take_gdal_messages};
use crate::product::Product;
use crate::product_stack::stack_of_blocking;
use crate::product_vrt::Stack;
use crate::raster_header::{self, BandStorage};
use crate::raw_bands::check_raw_bands;
use crate::remote::{self, is_remote, passage, remote_path};
use crate::{RasterInfo, SceneError, SceneResult};

/// An open raster. Holds a GDAL handle: stays on the thread that opened it.
pub struct Raster {
    pub(crate) dataset: Dataset,
    pub(crate) info: RasterInfo,
    /// One a band: how its stored numbers are read.
    pub(crate) storage: Vec<BandStorage>,
    /// Set to end a read under way.
    pub(crate) stop: Arc<AtomicBool>,
}

/// All that is known of an open raster but its handle.
pub(crate) struct Twin {
    name: String,
    info: RasterInfo,
    storage: Vec<BandStorage>,
}

impl Twin {
    pub fn open(self) -> SceneResult<Raster> {
        Ok(Raster {
            dataset: open_plain(Path::new(&self.name))?,
            info: self.info,
            storage: self.storage,
            stop: Arc::default(),
        })
    }
}

/// One raster inside a container file (NetCDF variable, TIFF page, ...).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subdataset {
    /// Opens with [`Raster::open`].
    pub name: String,
    pub description: String,
}

impl Raster {
    /// Opens read-only. Accepts paths, `FILE:variable` and GDAL sub-dataset names. A container of several sub-datasets without
    /// rasters of its own is an error that lists them; one with a single sub-dataset opens that.
    ///
    /// A sensor product (its folder, archive or description, or the common beginning of its band files' names) opens as
    /// one raster of all its bands; see [`crate::recognise_product`].
    pub fn open(path: &Path) -> SceneResult<Self> {
        if is_remote(path) {
            let dataset = open_plain(path)?;
            if dataset.raster_count() == 0 {
                return Err(no_bands(path, &subdatasets_of(&dataset)));
            }
            let name = remote_path(&path.to_string_lossy());
            return Self::described(dataset, name.as_deref().unwrap_or(path), None);
        }
        if let Some(stack) = stack_of_blocking(path)? {
            return Self::open_stack(&stack);
        }
        if let Some((name, file)) = resolve(path)? {
            let mut raster = Self::described(open_plain(&name)?, path, None)?;
            raster.info.size_bytes = std::fs::metadata(file).map_or(0, |found| found.len());
            return Ok(raster);
        }
        let mut dataset = open_plain(path)?;
        if dataset.raster_count() == 0 {
            let inner = subdatasets_of(&dataset);
            match inner.as_slice() {
                [only] => {
                    dataset =
                        open_plain(Path::new(&only.name)).map_err(|_| no_bands(path, &inner))?
                }
                _ => return Err(no_bands(path, &inner)),
            }
            if dataset.raster_count() == 0 {
                return Err(no_bands(path, &[]));
            }
        }
        Self::described(dataset, path, None)
    }

    /// What opens the same raster on another thread, without asking again what the file says about itself.
    pub(crate) fn twin(&self) -> Twin {
        Twin {
            name: self.dataset.description().unwrap_or_default(),
            info: self.info.clone(),
            storage: self.storage.clone(),
        }
    }

    fn open_stack(stack: &Stack) -> SceneResult<Self> {
        let product = &stack.product;
        let dataset = open_plain(Path::new(&stack.xml)).map_err(|error| {
            let details = error.details().unwrap_or_default().to_owned();
            let what = format!(
                "the files of this {} cannot be opened as one raster",
                product.kind.label()
            );
            SceneError::file(&product.path, what).with_details(details)
        })?;
        let mut raster = Self::described(dataset, &product.path, Some(product))?;
        raster.info.driver = product.kind.label().to_owned();
        raster.info.size_bytes = stack.size_bytes;
        Ok(raster)
    }

    fn described(dataset: Dataset, path: &Path, product: Option<&Product>) -> SceneResult<Self> {
        let (mut info, storage) = raster_header::read(&dataset, path, product)?;
        // A file that names its system is right.
        if info.grid.georef.ground_crs().is_none()
            && let Some(crs) = assigned_to(path)
        {
            info.grid.georef.assign_crs(crs);
        }
        // Warnings of a file that opened well are not errors of the next call.
        if let Some(words) = take_gdal_messages() {
            log::debug!("{}: {words}", path.display());
        }
        let mut raster = Self {
            dataset,
            info,
            storage,
            stop: Arc::default(),
        };
        raster.info.unit_vectors = holds_unit_vectors(&raster);
        take_gdal_messages();
        if raster.info.unit_vectors == Some(true) && raster.info.date.is_none() {
            raster.info.date = first_day_of(&raster.info);
        }
        if let Some(note) = no_field_because(&raster.info) {
            raster_header::add_note(&mut raster.info.grid.georef, note);
        }
        Ok(raster)
    }

    pub fn info(&self) -> &RasterInfo {
        &self.info
    }

    /// Reads under way and later ones end with [`SceneError::Cancelled`] once `flag` is set, between two blocks.
    pub fn stop_with(&mut self, flag: Arc<AtomicBool>) {
        self.stop = flag;
    }

    /// The GDAL handle, for writers that copy what this crate does not model. Read-only.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }
}

/// The rasters inside a container file; empty for plain files.
pub fn subdatasets(path: &Path) -> SceneResult<Vec<Subdataset>> {
    Ok(subdatasets_of(&open_plain(path)?))
}

pub(crate) fn subdatasets_of(dataset: &Dataset) -> Vec<Subdataset> {
    let items = raster_header::metadata(dataset.c_dataset(), Some(c"SUBDATASETS"));
    let value = |key: String| {
        items
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v.clone())
    };
    (1..)
        .map_while(|index| {
            let name = value(format!("SUBDATASET_{index}_NAME"))?;
            Some(Subdataset {
                name,
                description: value(format!("SUBDATASET_{index}_DESC")).unwrap_or_default(),
            })
        })
        .collect()
}

fn no_bands(path: &Path, inner: &[Subdataset]) -> SceneError {
    const LISTED: usize = 20;
    if inner.is_empty() {
        return SceneError::file(
            path,
            "the file holds no raster bands; is it a vector or table file?",
        );
    }
    let mut what = format!(
        "the file is a container of {} rasters; open one of them:",
        inner.len()
    );
    for one in inner.iter().take(LISTED) {
        let name = path_of(path, &variable_of(&one.name));
        what.push_str(&format!("\n  {}  ({})", name.display(), one.description));
    }
    if inner.len() > LISTED {
        what.push_str(&format!("\n  and {} more", inner.len() - LISTED));
    }
    SceneError::file(path, what)
}

pub(crate) fn open_plain(path: &Path) -> SceneResult<Dataset> {
    gdal_setup();
    take_gdal_messages();
    let remote = is_remote(path)
        .then(|| remote_path(&path.to_string_lossy()).unwrap_or_else(|| path.to_owned()));
    let name = remote.as_deref().unwrap_or(path);
    let passage = match &remote {
        Some(name) => Some(passage(name)?),
        None => {
            check_readable(path)?;
            check_raw_bands(path)?;
            about_to_open(path)?;
            None
        }
    };
    let options = DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_READONLY
            | GdalOpenFlags::GDAL_OF_RASTER
            | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR,
        ..DatasetOptions::default()
    };
    let opened = Dataset::open_ex(name, options);
    drop(passage);
    opened.map_err(|error| {
        let words = take_gdal_messages().unwrap_or_else(|| error.to_string());
        let what = if remote.is_some() {
            remote::failure(&words)
        } else {
            open_failure(path, &words)
        };
        SceneError::file(path, what).with_details(words)
    })
}

/// Says what the system knows before GDAL is asked: missing, unreadable, empty.
fn check_readable(path: &Path) -> SceneResult<()> {
    let refuse = |what: &str| Err(SceneError::file(path, what));
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => match std::fs::File::open(path) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => refuse(
                "no permission to read the file; ask its owner or copy it to a folder of yours",
            ),
            Err(error) => {
                Err(SceneError::file(path, "the file cannot be read").with_details(error))
            }
            Ok(_) if found.len() == 0 => refuse("the file is empty; copy or download it again"),
            Ok(_) => Ok(()),
        },
        // Some formats are folders.
        Ok(_) => Ok(()),
        Err(_) if is_gdal_name(path) => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            refuse("no permission to look into the folder of this file; ask its owner")
        }
        Err(_) => refuse("there is no such file; check the path"),
    }
}

/// `NETCDF:"file.nc":variable`, `/vsizip/...`, inline VRT: names that only GDAL understands.
fn is_gdal_name(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let has_prefix = text.split_once(':').is_some_and(|(prefix, _)| {
        // One letter is a Windows drive.
        prefix.len() > 1
            && prefix
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    has_prefix || text.starts_with("/vsi") || text.trim_start().starts_with('<')
}

fn open_failure(path: &Path, words: &str) -> String {
    if path.join("zarr.json").is_file() {
        return format!(
            "this is a Zarr store of version 3, which GDAL {} does not read; convert it to GeoTIFF with a newer GDAL, or open \
             the files it was made of",
            gdal::version::VersionInfo::release_name()
        );
    }
    if lacks_memory(words) {
        return format!("the raster cannot be opened; {MEMORY_ADVICE}");
    }
    if let Some((_, rest)) = words.split_once("missing codec of code ") {
        let code: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let codec = match code.as_str() {
            "50001" => "WebP",
            "50000" => "ZSTD",
            "34887" => "LERC",
            "50002" => "JPEG XL",
            "34925" => "LZMA",
            "34712" => "JPEG 2000",
            _ => "unknown",
        };
        return format!(
            "its compression ({codec}, code {code}) is not built into this GDAL; convert the file with another GDAL, for \
             example `gdal_translate -co COMPRESS=DEFLATE`"
        );
    }
    if words.contains("not recognized as a supported file format")
        || words.contains("not recognized as being in a supported")
    {
        if path.is_dir() {
            let products = crate::products_in(path);
            if let Some(first) = products.first() {
                return format!(
                    "this folder holds {} products; open one of them, for example {}",
                    products.len(),
                    first.path.file_name().unwrap_or_default().to_string_lossy()
                );
            }
            return "this folder is no product that Terroir knows; open a raster inside it".into();
        }
        return "this is no raster that GDAL knows; check that the file is complete and of a raster format".into();
    }
    "the raster cannot be opened; the file is probably damaged or incomplete, copy or download it again".into()
}
