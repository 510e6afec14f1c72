//! What the geographic libraries of this machine are and can do: versions, data, formats. For reports of faults.
//! Knows GDAL. Knows no rasters.

#![expect(unsafe_code, reason = "versions and drivers are asked for through C")]

use std::ffi::{CString, c_int};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::gdal_setup::{gdal_setup, owned_list, owned_text, take_gdal_messages};

/// What GDAL can do with a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FormatUse {
    Missing,
    Reads,
    ReadsAndWrites,
}

/// One format of the list Terroir asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FormatFact {
    /// GDAL's short name.
    pub name: &'static str,
    pub can: FormatUse,
    /// Terroir cannot work without it.
    pub is_needed: bool,
    /// What is lost without it.
    pub holds: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LibraryFacts {
    /// `3.6.2`
    pub gdal_version: String,
    /// `9.1.1`
    pub proj_version: String,
    /// The database of coordinate systems; `None` when no place PROJ looks has it.
    pub proj_database: Option<PathBuf>,
    /// GDAL's tables; `None` when GDAL does not find them.
    pub gdal_data: Option<PathBuf>,
    pub raster_formats: usize,
    pub vector_formats: usize,
    pub formats: Vec<FormatFact>,
}

/// Name, whether Terroir needs it, and what it holds.
const FORMATS: [(&str, bool, &str); 17] = [
    (
        "GTiff",
        true,
        "GeoTIFF scenes and everything Terroir writes on the way",
    ),
    ("COG", true, "the maps and fields Terroir writes"),
    ("VRT", true, "bands of several files read as one scene"),
    ("MEM", true, "rasters made in memory"),
    ("GPKG", true, "labels and places of a project"),
    ("GeoJSON", true, "labels for exchange"),
    ("ESRI Shapefile", false, "Shapefiles"),
    ("FlatGeobuf", false, "FlatGeobuf"),
    ("KML", false, "KML"),
    ("netCDF", false, "netCDF: weather and climate grids"),
    ("HDF5", false, "HDF5: EnMAP, PRISMA, VIIRS"),
    ("HDF4", false, "HDF4: MODIS before collection 7"),
    ("Zarr", false, "Zarr"),
    ("JP2OpenJPEG", false, "JPEG 2000: Sentinel-2 as delivered"),
    ("ENVI", false, "ENVI: hyperspectral scenes"),
    ("HFA", false, "Erdas Imagine"),
    ("PNG", false, "PNG pictures"),
];

/// Other drivers of the same files.
const JPEG_2000: [&str; 3] = ["JP2KAK", "JP2ECW", "JP2MrSID"];

/// Asks GDAL and PROJ; looks at the disk.
pub fn library_facts_blocking() -> LibraryFacts {
    gdal_setup();
    let facts = LibraryFacts {
        gdal_version: gdal_version(),
        proj_version: proj_version(),
        proj_database: proj_database(),
        gdal_data: gdal_data(),
        raster_formats: count(c"DCAP_RASTER"),
        vector_formats: count(c"DCAP_VECTOR"),
        formats: FORMATS
            .into_iter()
            .map(|(name, is_needed, holds)| FormatFact {
                name,
                can: format_use(name),
                is_needed,
                holds,
            })
            .collect(),
    };
    // What was said on the way is about what is missing, which the facts say.
    take_gdal_messages();
    facts
}

/// Bytes free where `folder` lies; `None` where the system does not say.
pub fn free_space_bytes_blocking(folder: &Path) -> Option<u64> {
    let text = CString::new(folder.to_str()?).ok()?;
    // SAFETY: a NUL-terminated path.
    let bytes = unsafe { gdal_sys::VSIGetDiskFreeSpace(text.as_ptr()) };
    u64::try_from(bytes).ok()
}

fn gdal_version() -> String {
    // SAFETY: a NUL-terminated key; GDAL owns the answer.
    unsafe { owned_text(gdal_sys::GDALVersionInfo(c"RELEASE_NAME".as_ptr())) }
}

fn proj_version() -> String {
    let (mut major, mut minor, mut patch): (c_int, c_int, c_int) = (0, 0, 0);
    // SAFETY: three places for three numbers.
    unsafe { gdal_sys::OSRGetPROJVersion(&mut major, &mut minor, &mut patch) };
    format!("{major}.{minor}.{patch}")
}

fn proj_database() -> Option<PathBuf> {
    // SAFETY: GDAL hands over a list of its own, which is copied and given back.
    let from_gdal = unsafe {
        let list = gdal_sys::OSRGetPROJSearchPaths();
        let paths = owned_list(list);
        gdal_sys::CSLDestroy(list);
        paths
    };
    let separator = if cfg!(windows) { ';' } else { ':' };
    let from_proj = proj::Proj::new("+proj=noop")
        .ok()
        .and_then(|proj| proj.lib_info().ok())
        .map(|info| info.searchpath)
        .unwrap_or_default();
    from_gdal
        .iter()
        .map(String::as_str)
        .chain(from_proj.split(separator))
        .filter(|folder| !folder.is_empty())
        .map(|folder| Path::new(folder).join("proj.db"))
        .find(|file| file.is_file())
}

fn gdal_data() -> Option<PathBuf> {
    // SAFETY: NUL-terminated texts; GDAL owns the answer.
    let found = unsafe {
        owned_text(gdal_sys::CPLFindFile(
            c"gdal".as_ptr(),
            c"gdalvrt.xsd".as_ptr(),
        ))
    };
    Path::new(&found)
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(Path::to_path_buf)
}

fn has(driver: gdal_sys::GDALDriverH, capability: &std::ffi::CStr) -> bool {
    // SAFETY: a live driver and NUL-terminated texts.
    let answer = unsafe {
        owned_text(gdal_sys::GDALGetMetadataItem(
            driver,
            capability.as_ptr(),
            std::ptr::null(),
        ))
    };
    answer == "YES"
}

fn count(capability: &std::ffi::CStr) -> usize {
    register();
    // SAFETY: numbers below the count name drivers that live as long as the process.
    unsafe {
        (0..gdal_sys::GDALGetDriverCount())
            .map(|number| gdal_sys::GDALGetDriver(number))
            .filter(|driver| !driver.is_null() && has(*driver, capability))
            .count()
    }
}

fn format_use(name: &str) -> FormatUse {
    register();
    let others: &[&str] = if name == "JP2OpenJPEG" {
        &JPEG_2000
    } else {
        &[]
    };
    let found = std::iter::once(&name)
        .chain(others)
        .filter_map(|name| CString::new(*name).ok())
        // SAFETY: a NUL-terminated name; drivers live as long as the process.
        .map(|name| unsafe { gdal_sys::GDALGetDriverByName(name.as_ptr()) })
        .find(|driver| !driver.is_null());
    match found {
        None => FormatUse::Missing,
        Some(driver) if has(driver, c"DCAP_CREATE") || has(driver, c"DCAP_CREATECOPY") => {
            FormatUse::ReadsAndWrites
        }
        Some(_) => FormatUse::Reads,
    }
}

fn register() {
    // Counting registers GDAL's drivers, once a process.
    gdal::DriverManager::count();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_can_do_what_terroir_needs() {
        let facts = library_facts_blocking();
        assert!(facts.gdal_version.starts_with('3'), "{facts:?}");
        assert!(facts.proj_database.is_some_and(|file| file.is_file()));
        assert!(facts.raster_formats > 20 && facts.vector_formats > 5);
        for format in facts.formats.iter().filter(|format| format.is_needed) {
            assert_eq!(format.can, FormatUse::ReadsAndWrites, "{}", format.name);
        }
        assert_eq!(format_use("Imaginary"), FormatUse::Missing);
    }

    #[test]
    fn free_space_is_a_number_or_nothing() {
        assert!(free_space_bytes_blocking(&std::env::temp_dir()).is_some_and(|bytes| bytes > 0));
        assert_eq!(
            free_space_bytes_blocking(Path::new("/no/such/folder")),
            None
        );
    }
}
