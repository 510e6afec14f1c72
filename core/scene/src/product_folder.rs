//! Finding products: a folder, an archive, a description or the common beginning of band files, judged by names.
//! Reads folder listings and descriptions, never pixels.

#![expect(unsafe_code, reason = "GDAL's lists of archives have no safe form")]

use std::ffi::{CString, c_char};
use std::path::{Path, PathBuf};

use crate::gdal_setup::{gdal_setup, owned_list, take_gdal_messages};
use crate::product::{Product, ProductKind};
use crate::product_band_files::{self, Group};
use crate::product_vrt::has_one_band_blocking;
use crate::{
    product_enmap, product_landsat, product_planet, product_sentinel1, product_sentinel2,
    product_stac,
};

/// Entries looked at in one folder; more are no product.
const MOST_ENTRIES: usize = 20_000;
/// Describes a Sentinel-1 product.
const MANIFEST: &str = "manifest.safe";
/// From a product's folder down to its band files.
const DEEPEST: usize = 5;
/// Product descriptions are a few MiB at most.
const LARGEST_DESCRIPTION_BYTES: u64 = 64 << 20;

/// A product that [`crate::Raster::open`] opens as one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundProduct {
    pub kind: ProductKind,
    /// What to open and to keep: the product's folder, archive or description, or the common beginning of its files'
    /// names (`folder/HLS.S30.T15TVK.2021154T170851.v2.0`), which is no file of its own.
    pub path: PathBuf,
}

impl FoundProduct {
    /// Whether a file or folder beside the product is the product or one of its files, judged by names.
    pub fn owns(&self, path: &Path) -> bool {
        if path == self.path {
            return true;
        }
        let name = |path: &Path| {
            path.file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        let (Some(own), Some(other)) = (name(&self.path), name(path)) else {
            return false;
        };
        let stem = ["txt", "xml", "json"]
            .iter()
            .find(|extension| has_extension(&own, extension))
            .and_then(|_| own.rsplit_once('.'))
            .map_or(own.as_str(), |(stem, _)| stem);
        let beginning = ["_MTL", "-METADATA", "_metadata"]
            .iter()
            .find_map(|end| stem.strip_suffix(end))
            .unwrap_or(stem);
        path.parent() == self.path.parent() && other.starts_with(beginning)
    }
}

/// The product a path means: its folder, archive or description, or the common beginning of its files' names. Looks
/// at names, and into JSON files for STAC items; reads no pixels. `None` for plain rasters, for their folders, and
/// for folders of several products (see [`products_in`]).
pub fn recognise_product(path: &Path) -> Option<FoundProduct> {
    locate(path).map(|found| FoundProduct {
        kind: found.kind(),
        path: found.path,
    })
}

/// The products in a folder: itself, else each sub-folder and archive that is one and each scene whose files lie side
/// by side; or the items of a STAC collection file. In the order of their names; empty for a folder of plain rasters.
pub fn products_in(folder: &Path) -> Vec<FoundProduct> {
    if let Some(product) = recognise_product(folder) {
        return vec![product];
    }
    if folder.is_file() {
        return product_stac::items_blocking(folder)
            .iter()
            .map(|id| FoundProduct {
                kind: ProductKind::Stac,
                path: folder.join(id),
            })
            .collect();
    }
    let Some(entries) = entries(folder) else {
        return Vec::new();
    };
    let mut found: Vec<FoundProduct> = entries
        .folders
        .iter()
        .chain(entries.files.iter().filter(|name| is_archive(name)))
        .filter_map(|name| recognise_product(&folder.join(name)))
        .collect();
    let mut described: Vec<String> = Vec::new();
    for name in &entries.files {
        if is_description(name)
            && let Some(product) = recognise_product(&folder.join(name))
            && !found.contains(&product)
        {
            described.push(beginning_of(name).to_owned());
            found.push(product);
        }
    }
    for group in product_band_files::groups(&entries.files) {
        if !described.contains(&group.prefix) && !group.prefix.is_empty() {
            let path = folder.join(&group.prefix);
            found.extend(recognise_product(&path));
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The files of a folder or archive, with `/`, relative to `root`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Folder {
    /// A path, or `/vsizip/...`.
    pub root: PathBuf,
    pub files: Vec<String>,
}

impl Folder {
    pub fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The file of that name, whatever its case.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        self.files
            .iter()
            .find(|file| file.eq_ignore_ascii_case(name))
            .map(|file| self.path(file))
    }

    /// Everything below, in the order of names.
    fn whole(root: &Path) -> Self {
        let mut files = if is_virtual(root) {
            virtual_files(root)
        } else {
            let mut files = Vec::new();
            walk(root, "", DEEPEST, &mut files);
            files
        };
        files.sort();
        Self {
            root: root.to_owned(),
            files,
        }
    }

    /// What lies directly in it.
    fn flat(root: &Path) -> Self {
        let mut files = if is_virtual(root) {
            virtual_files(root)
                .into_iter()
                .filter(|file| !file.contains('/'))
                .collect()
        } else {
            entries(root).map(|e| e.files).unwrap_or_default()
        };
        files.sort();
        Self {
            root: root.to_owned(),
            files,
        }
    }
}

/// Where a product is and how it is described.
struct Located {
    path: PathBuf,
    what: What,
}

enum What {
    /// `manifest.safe` in that folder.
    Sentinel1 {
        root: PathBuf,
        description: PathBuf,
    },
    /// `MTD_MSIL*.xml` in that folder.
    Sentinel2 {
        root: PathBuf,
        description: PathBuf,
    },
    Landsat {
        description: PathBuf,
    },
    EnMap {
        description: PathBuf,
    },
    Planet {
        image: PathBuf,
    },
    /// One item of the file; its only one when not named.
    Stac {
        file: PathBuf,
        id: Option<String>,
    },
    Files {
        root: PathBuf,
        group: Group,
    },
}

impl Located {
    fn kind(&self) -> ProductKind {
        match &self.what {
            What::Sentinel1 { .. } => ProductKind::Sentinel1,
            What::Sentinel2 { .. } => ProductKind::Sentinel2,
            What::Landsat { .. } => ProductKind::Landsat,
            What::EnMap { .. } => ProductKind::EnMap,
            What::Planet { .. } => ProductKind::PlanetScope,
            What::Stac { .. } => ProductKind::Stac,
            What::Files { group, .. } if group.is_hls() => ProductKind::Hls,
            What::Files { .. } => ProductKind::BandFiles,
        }
    }
}

/// The product a path means, described; `None` when it is none or its description cannot be read.
pub(crate) fn find_product(path: &Path) -> Option<Product> {
    let Located { path, what } = locate(path)?;
    Some(match what {
        What::Sentinel1 { root, description } => {
            let folder = Folder::whole(&root);
            let mut product = product_sentinel1::read(&folder, &text(&description)?);
            product.path = path;
            product
        }
        What::Sentinel2 { root, description } => {
            let folder = Folder::whole(&root);
            let mut product = product_sentinel2::read(&folder, &text(&description)?);
            product.path = path;
            product
        }
        What::Landsat { description } => {
            let folder = Folder::flat(description.parent()?);
            product_landsat::read(&folder, path, &text(&description)?)
        }
        What::EnMap { description } => {
            let folder = Folder::flat(description.parent()?);
            product_enmap::read(&folder, path, &description, &text(&description)?)
        }
        What::Planet { image } => {
            let folder = Folder::flat(image.parent()?);
            let description = product_planet::description(&folder, &image).and_then(|p| text(&p));
            product_planet::read(&folder, path, &image, description.as_deref())
        }
        What::Stac { file, id } => product_stac::read(&file, path, id.as_deref(), &text(&file)?)?,
        What::Files { root, group } => product_band_files::read(&Folder::flat(&root), path, &group),
    })
}

fn locate(path: &Path) -> Option<Located> {
    // The text of a virtual raster.
    if path.as_os_str().as_encoded_bytes().starts_with(b"<") {
        return None;
    }
    let name = path.file_name()?.to_string_lossy().into_owned();
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => in_folder(path, true),
        Ok(_) if is_archive(&name) => in_archive(path, &name),
        Ok(_) => by_description(path, &name),
        Err(_) if is_virtual(path) => None,
        Err(_) => by_beginning(path, &name),
    }
}

fn in_folder(folder: &Path, looks_deeper: bool) -> Option<Located> {
    let entries = entries(folder)?;
    let here = |what: What| {
        Some(Located {
            path: folder.to_owned(),
            what,
        })
    };
    if let Some(name) = entries.files.iter().find(|name| is_sentinel2(name)) {
        return here(What::Sentinel2 {
            root: folder.to_owned(),
            description: folder.join(name),
        });
    }
    let own = folder.file_name().map(|name| name.to_string_lossy());
    if entries.files.iter().any(|name| name == MANIFEST)
        && own.is_some_and(|name| product_sentinel1::is_folder(&name))
    {
        return here(What::Sentinel1 {
            root: folder.to_owned(),
            description: folder.join(MANIFEST),
        });
    }
    if let Some(description) = only_description(&entries.files, is_landsat) {
        return here(What::Landsat {
            description: folder.join(description),
        });
    }
    if let Some(description) = only_description(&entries.files, is_enmap) {
        return here(What::EnMap {
            description: folder.join(description),
        });
    }
    let mut images = entries
        .files
        .iter()
        .filter(|name| product_planet::is_image(name));
    if let (Some(image), None) = (images.next(), images.next()) {
        return here(What::Planet {
            image: folder.join(image),
        });
    }
    let mut groups = product_band_files::groups(&entries.files);
    let is_hls = groups.len() == 1 && groups.iter().any(Group::is_hls);
    if !is_hls && let Some(item) = product_stac::only_item(folder, &entries.files) {
        return here(What::Stac {
            file: item,
            id: None,
        });
    }
    if groups.len() == 1
        && let Some(group) = groups.pop()
        && holds_bands_blocking(folder, &group)
    {
        return here(What::Files {
            root: folder.to_owned(),
            group,
        });
    }
    // What an archive was unpacked into, with the product one level down.
    let has_rasters = entries.files.iter().any(|name| is_raster(name));
    match entries.folders.as_slice() {
        [only] if looks_deeper && !has_rasters => in_folder(&folder.join(only), false),
        _ => None,
    }
}

fn by_description(path: &Path, name: &str) -> Option<Located> {
    let parent = path.parent()?;
    if is_sentinel2(name) {
        // The folder is what has the product's name.
        let path = if parent.as_os_str().is_empty() {
            path
        } else {
            parent
        };
        return Some(Located {
            path: path.to_owned(),
            what: What::Sentinel2 {
                root: parent.to_owned(),
                description: parent.join(name),
            },
        });
    }
    if name == MANIFEST {
        return in_folder(parent, false).filter(|found| found.kind() == ProductKind::Sentinel1);
    }
    let whole = |what: What| {
        Some(Located {
            path: path.to_owned(),
            what,
        })
    };
    if is_landsat(name) {
        return whole(What::Landsat {
            description: path.to_owned(),
        });
    }
    if is_enmap(name) {
        return whole(What::EnMap {
            description: path.to_owned(),
        });
    }
    if product_planet::is_description(name) {
        let image = product_planet::image_of(&Folder::flat(parent), name)?;
        return whole(What::Planet { image });
    }
    if has_extension(name, "json") && product_stac::is_item(path) {
        return whole(What::Stac {
            file: path.to_owned(),
            id: None,
        });
    }
    None
}

/// No such file, but band files whose names begin so, or an item of the collection file it stands behind.
fn by_beginning(path: &Path, name: &str) -> Option<Located> {
    let parent = match path.parent()? {
        parent if parent.as_os_str().is_empty() => Path::new("."),
        parent => parent,
    };
    if parent.is_file() {
        let is_in_it = product_stac::items_blocking(parent)
            .iter()
            .any(|id| id == name);
        return is_in_it.then(|| Located {
            path: path.to_owned(),
            what: What::Stac {
                file: parent.to_owned(),
                id: Some(name.to_owned()),
            },
        });
    }
    let group = product_band_files::groups(&entries(parent)?.files)
        .into_iter()
        .find(|group| group.prefix == name)
        .filter(|group| holds_bands_blocking(parent, group))?;
    Some(Located {
        path: path.to_owned(),
        what: What::Files {
            root: parent.to_owned(),
            group,
        },
    })
}

/// Files named after bands may hold a time series each; then they are no scene.
fn holds_bands_blocking(folder: &Path, group: &Group) -> bool {
    group.is_hls()
        || group
            .files
            .iter()
            .take(2)
            .all(|(_, file)| has_one_band_blocking(&folder.join(file)))
}

/// A Sentinel-2 or Landsat product as it is downloaded, without unpacking.
fn in_archive(path: &Path, name: &str) -> Option<Located> {
    let system = if has_extension(name, "zip") {
        "/vsizip/"
    } else {
        "/vsitar/"
    };
    let archive = PathBuf::from(format!(
        "{system}{}",
        std::path::absolute(path).ok()?.display()
    ));
    let files = virtual_files(&archive);
    let depth = |file: &&String| file.matches('/').count();
    let description = files
        .iter()
        .filter(|file| {
            let last = file.rsplit('/').next().unwrap_or(file);
            depth(file) <= 1 && (is_sentinel2(last) || is_landsat(last))
        })
        .min_by_key(|file| (depth(file), (*file).clone()))?;
    let inside = archive.join(description);
    let what = if is_sentinel2(description.rsplit('/').next()?) {
        What::Sentinel2 {
            root: inside.parent()?.to_owned(),
            description: inside,
        }
    } else {
        What::Landsat {
            description: inside,
        }
    };
    Some(Located {
        path: path.to_owned(),
        what,
    })
}

/// The one description of that kind; a scene may have it in several forms, of which the plainest is taken.
fn only_description(files: &[String], is_one: fn(&str) -> bool) -> Option<&String> {
    let mut found: Vec<&String> = files.iter().filter(|name| is_one(name)).collect();
    found.sort_by_key(|name| !has_extension(name, "txt"));
    let first = found.first().copied()?;
    found
        .iter()
        .all(|name| beginning_of(name) == beginning_of(first))
        .then_some(first)
}

fn beginning_of(name: &str) -> &str {
    name.rsplit_once(['_', '-'])
        .map_or(name, |(beginning, _)| beginning)
}

fn is_description(name: &str) -> bool {
    is_landsat(name)
        || is_enmap(name)
        || product_planet::is_description(name)
        || has_extension(name, "json")
}

fn is_sentinel2(name: &str) -> bool {
    matches!(name, "MTD_MSIL1C.xml" | "MTD_MSIL2A.xml")
}

fn is_landsat(name: &str) -> bool {
    let upper = name.to_uppercase();
    upper.starts_with('L')
        && ["_MTL.TXT", "_MTL.JSON", "_MTL.XML"]
            .iter()
            .any(|end| upper.ends_with(end))
}

fn is_enmap(name: &str) -> bool {
    let upper = name.to_uppercase();
    upper.starts_with("ENMAP") && upper.ends_with("-METADATA.XML")
}

fn is_archive(name: &str) -> bool {
    has_extension(name, "zip") || has_extension(name, "tar")
}

fn is_raster(name: &str) -> bool {
    ["tif", "tiff", "jp2", "img", "nc", "h5"]
        .iter()
        .any(|extension| has_extension(name, extension))
}

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, own)| own.eq_ignore_ascii_case(extension))
}

fn is_virtual(path: &Path) -> bool {
    path.to_string_lossy().starts_with("/vsi")
}

struct Entries {
    files: Vec<String>,
    folders: Vec<String>,
}

/// Names in a folder, sorted; `None` when it cannot be read or holds too many.
fn entries(folder: &Path) -> Option<Entries> {
    let mut found = Entries {
        files: Vec::new(),
        folders: Vec::new(),
    };
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        // Follows links, as people use them for archives on other disks.
        let is_folder = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => entry.path().is_dir(),
            Ok(kind) => kind.is_dir(),
            Err(_) => continue,
        };
        let names = if is_folder {
            &mut found.folders
        } else {
            &mut found.files
        };
        names.push(name);
        if found.files.len() + found.folders.len() > MOST_ENTRIES {
            return None;
        }
    }
    found.files.sort();
    found.folders.sort();
    Some(found)
}

fn walk(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<String>) {
    let Some(entries) = entries(folder) else {
        return;
    };
    files.extend(entries.files.iter().map(|name| format!("{prefix}{name}")));
    if depth == 0 || files.len() > MOST_ENTRIES {
        return;
    }
    for name in entries.folders {
        walk(
            &folder.join(&name),
            &format!("{prefix}{name}/"),
            depth - 1,
            files,
        );
    }
}

/// Files in an archive, through GDAL's file systems.
fn virtual_files(root: &Path) -> Vec<String> {
    gdal_setup();
    let Ok(name) = CString::new(root.to_string_lossy().as_bytes()) else {
        return Vec::new();
    };
    // SAFETY: a NUL-terminated name; the list is ours and freed after it was copied.
    let files = unsafe {
        let list: *mut *mut c_char = gdal_sys::VSIReadDirRecursive(name.as_ptr());
        let files = owned_list(list);
        gdal_sys::CSLDestroy(list);
        files
    };
    take_gdal_messages();
    files
        .into_iter()
        .filter(|file| !file.ends_with('/'))
        .take(MOST_ENTRIES)
        .collect()
}

/// A description's text, from the disk or an archive; `None` when it is not there or too large.
pub(crate) fn text(path: &Path) -> Option<String> {
    if !is_virtual(path) {
        if std::fs::metadata(path).ok()?.len() > LARGEST_DESCRIPTION_BYTES {
            return None;
        }
        let bytes = std::fs::read(path).ok()?;
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    gdal_setup();
    let name = CString::new(path.to_string_lossy().as_bytes()).ok()?;
    let limit = i64::try_from(LARGEST_DESCRIPTION_BYTES).ok()?;
    let (mut bytes, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: a NUL-terminated name; GDAL allocates `size` bytes that are copied and freed here.
    let text = unsafe {
        let is_read = gdal_sys::VSIIngestFile(
            std::ptr::null_mut(),
            name.as_ptr(),
            &mut bytes,
            &mut size,
            limit,
        );
        if is_read == 0 || bytes.is_null() {
            None
        } else {
            let length = usize::try_from(size).unwrap_or(0);
            let text =
                String::from_utf8_lossy(std::slice::from_raw_parts(bytes, length)).into_owned();
            gdal_sys::VSIFree(bytes.cast());
            Some(text)
        }
    };
    take_gdal_messages();
    text
}
