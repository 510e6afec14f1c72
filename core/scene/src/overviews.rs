//! Building overviews beside a raster: smaller copies in `<file>.ovr`, which GDAL and every GIS on it find by themselves.
//! The raster itself is only read. Knows GDAL; knows nothing of jobs or windows.

#![expect(
    unsafe_code,
    reason = "GDAL's building of overviews with progress has no safe form"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr;

use crate::beside::{refuse_protected, with_suffix, write_error, write_synced};
use crate::complaints::Complaints;
use crate::gdal_setup::{lacks_memory, writing_threads};
use crate::{Raster, RasterInfo, Resampling, SampleType, SceneError, SceneResult, Window};

/// The smallest overview fits a square of this side.
const SMALLEST: usize = 256;
/// Beyond this many bands the overviews hold one band after the other, which bounds memory.
const BANDS_TOGETHER: usize = 16;

/// What was built.
#[derive(Clone, Debug, PartialEq)]
pub struct BuiltOverviews {
    pub path: PathBuf,
    pub levels: usize,
    pub resampling: Resampling,
    pub size_bytes: u64,
}

/// Where a raster's overviews go: `<file>.ovr`.
pub fn overviews_path(raster: &Path) -> PathBuf {
    with_suffix(raster, ".ovr")
}

/// How the pixels of a raster are made fewer when nobody says otherwise: classes keep the most frequent one, codes and
/// complex numbers are picked, everything else is averaged.
pub fn default_overview_resampling(info: &RasterInfo) -> Resampling {
    let any = |is: fn(SampleType) -> bool| info.bands.iter().any(|band| is(band.sample_type));
    if info.bands.iter().any(|band| !band.palette.is_empty()) {
        Resampling::Mode
    } else if info.is_field() || any(|kind| matches!(kind, SampleType::Complex | SampleType::Int8))
    {
        Resampling::Nearest
    } else {
        Resampling::Average
    }
}

/// Factors 2, 4, 8, ... until the raster fits a small square.
fn factors(width: usize, height: usize) -> Vec<c_int> {
    let side = width.max(height);
    (1..31)
        .map(|power| 1 << power)
        .take_while(|factor| side.div_ceil(*factor as usize / 2) > SMALLEST)
        .collect()
}

/// Builds overviews of a raster file. They are written in a folder beside it, checked and moved into place; when `progress`
/// (told the share that is done) returns false, nothing stays behind.
///
/// # Errors
/// Rasters inside containers, rasters that are small or hold overviews already, folders that cannot be written, full disks.
pub fn build_overviews_blocking(
    path: &Path,
    resampling: Option<Resampling>,
    progress: &mut dyn FnMut(f64) -> bool,
) -> SceneResult<BuiltOverviews> {
    let source = Raster::open(path)?;
    let info = source.info().clone();
    let target = overviews_path(path);
    if !path.is_file() {
        return Err(SceneError::file(
            path,
            "overviews can be built beside a file on this machine, not beside a part of a container or a remote file; save \
             it as GeoTIFF first",
        ));
    }
    let has_overviews = info
        .bands
        .first()
        .is_some_and(|band| !band.overviews.is_empty());
    if has_overviews && !target.exists() {
        return Err(SceneError::file(
            path,
            "this raster holds overviews already",
        ));
    }
    let factors = factors(info.grid.width, info.grid.height);
    if factors.is_empty() {
        return Err(SceneError::file(
            path,
            format!(
                "this raster of {} x {} pixels is so small that overviews would not help",
                info.grid.width, info.grid.height
            ),
        ));
    }
    let resampling = resampling.unwrap_or_else(|| default_overview_resampling(&info));
    refuse_protected(&target)?;
    let part = Part::create(&target)?;
    let written = build(&part, &source, &factors, resampling, progress)?;
    check(&written, &info, factors.len()).map_err(|details| {
        failure(&target, "the overviews came out incomplete; try again").with_details(details)
    })?;
    let size_bytes = std::fs::metadata(&written).map_or(0, |found| found.len());
    std::fs::rename(&written, &target).map_err(|error| in_folder(&target, &error))?;
    drop(source);
    let is_found = Raster::open(path).is_ok_and(|again| {
        let band = again.info().bands.first();
        band.is_some_and(|band| band.overviews.len() >= factors.len())
    });
    if !is_found {
        std::fs::remove_file(&target).ok();
        return Err(SceneError::file(
            path,
            format!(
                "files of this format ({}) take no overviews beside them; save it as GeoTIFF first",
                info.driver
            ),
        ));
    }
    Ok(BuiltOverviews {
        path: target,
        levels: factors.len(),
        resampling,
        size_bytes,
    })
}

/// The folder the overviews grow in; goes with everything in it.
struct Part(PathBuf);

impl Part {
    fn create(target: &Path) -> SceneResult<Self> {
        let folder = with_suffix(target, ".part");
        // Left behind by a process that was killed.
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir(&folder).map_err(|error| in_folder(target, &error))?;
        Ok(Self(folder))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            log::warn!("{} stays behind: {error}", self.0.display());
        }
    }
}

/// Overviews must lie beside their raster, so another folder is no way out.
fn in_folder(target: &Path, error: &std::io::Error) -> SceneError {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => SceneError::write(
            target,
            "overviews lie beside their raster, but its folder may not be written; copy the raster to a folder of yours and \
             build them there",
        )
        .with_details(error),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => SceneError::write(
            target,
            "the disk is full, so the overviews were not built; free some space, about a third of the raster's size, and try again",
        )
        .with_details(error),
        _ => write_error(target, error),
    }
}

/// GDAL keeps no error number: a small write beside tells whether the disk is full.
fn failure(target: &Path, what: &str) -> SceneError {
    let probe = with_suffix(target, ".probe.part");
    let probed = write_synced(&probe, &vec![0; 1 << 20]);
    std::fs::remove_file(&probe).ok();
    match probed {
        Err(error) => in_folder(target, &error),
        Ok(()) => SceneError::write(target, what),
    }
}

fn build(
    part: &Part,
    source: &Raster,
    factors: &[c_int],
    resampling: Resampling,
    progress: &mut dyn FnMut(f64) -> bool,
) -> SceneResult<PathBuf> {
    let target = overviews_path(&source.info().path);
    // Of a disk that broke before the file it was asked with could be taken away.
    std::fs::remove_file(with_suffix(&target, ".probe.part")).ok();
    // A virtual copy has another name, so GDAL writes its overviews there; the raster's own name stays free until the end.
    let copy = part.0.join("raster.vrt");
    let name = |path: &Path| {
        CString::new(path.to_string_lossy().as_bytes())
            .map_err(|_| SceneError::file(path, "the name of this file cannot be used"))
    };
    let copy_name = name(&copy)?;
    let complaints = Complaints::listen();
    let _options = options(source.info());
    let algorithm: &CStr = match resampling {
        Resampling::Nearest => c"NEAREST",
        Resampling::Mode => c"MODE",
        Resampling::Bilinear => c"BILINEAR",
        Resampling::Average => c"AVERAGE",
    };
    let mut watch = Watch {
        progress,
        is_stopped: false,
    };
    // SAFETY: the source is open; names, factors and `watch` outlive the calls; the copy is closed exactly once.
    let is_done = unsafe {
        let driver = gdal_sys::GDALGetDriverByName(c"VRT".as_ptr());
        let dataset = if driver.is_null() {
            ptr::null_mut()
        } else {
            gdal_sys::GDALCreateCopy(
                driver,
                copy_name.as_ptr(),
                source.dataset().c_dataset(),
                0,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
            )
        };
        if dataset.is_null() {
            false
        } else {
            gdal_sys::GDALFlushCache(dataset);
            let status = gdal_sys::GDALBuildOverviews(
                dataset,
                algorithm.as_ptr(),
                c_int::try_from(factors.len()).unwrap_or(0),
                factors.as_ptr(),
                0,
                ptr::null(),
                Some(report),
                ptr::from_mut(&mut watch).cast::<c_void>(),
            );
            gdal_sys::GDALClose(dataset);
            status == gdal_sys::CPLErr::CE_None
        }
    };
    if watch.is_stopped {
        return Err(SceneError::Cancelled);
    }
    // A flush that fails on closing is only heard.
    if !is_done || complaints.has_failed() {
        let words = complaints.text();
        if words.contains("No space left") || words.contains("file size") {
            let full = std::io::ErrorKind::StorageFull.into();
            return Err(in_folder(&target, &full).with_details(words));
        }
        if lacks_memory(&words) {
            let what = "there is not enough memory to build the overviews; close other programs and run it again";
            return Err(SceneError::write(&target, what).with_details(words));
        }
        return Err(failure(
            &target,
            "the overviews could not be built; close other programs if memory is short, or copy the raster to another folder, and try again",
        )
        .with_details(words));
    }
    let written = overviews_path(&copy);
    std::fs::File::open(&written)
        .and_then(|file| file.sync_all())
        .map_err(|error| in_folder(&target, &error))?;
    Ok(written)
}

/// Opens what was written and reads its smallest level and its last corner.
fn check(path: &Path, info: &RasterInfo, levels: usize) -> Result<(), String> {
    let words = |error: SceneError| error.to_string();
    let written = Raster::open(path).map_err(words)?;
    let (width, height) = (written.info().grid.width, written.info().grid.height);
    let halves = (info.grid.width.div_ceil(2), info.grid.height.div_ceil(2));
    let found = written
        .info()
        .bands
        .first()
        .map_or(0, |band| band.overviews.len() + 1);
    if (width, height) != halves || found < levels {
        return Err(format!(
            "{width} x {height} pixels in {found} levels, expected {} x {} in {levels}",
            halves.0, halves.1
        ));
    }
    let corner = Window {
        col: width - width.min(SMALLEST),
        row: height - height.min(SMALLEST),
        width: width.min(SMALLEST),
        height: height.min(SMALLEST),
    };
    let whole = written.info().grid.window();
    let small = (width.min(64), height.min(64));
    written
        .read_blocking(&[0], whole, small.0, small.1, Resampling::Nearest)
        .and_then(|_| {
            written.read_blocking(
                &[0],
                corner,
                corner.width,
                corner.height,
                Resampling::Nearest,
            )
        })
        .map(|_| ())
        .map_err(words)
}

struct Watch<'a> {
    progress: &'a mut dyn FnMut(f64) -> bool,
    is_stopped: bool,
}

unsafe extern "C" fn report(done: f64, _text: *const c_char, watch: *mut c_void) -> c_int {
    // SAFETY: `build` passes the address of its own `Watch`, alive during the call.
    let Some(watch) = (unsafe { watch.cast::<Watch>().as_mut() }) else {
        return 0;
    };
    watch.is_stopped |= !(watch.progress)(done.clamp(0.0, 1.0));
    c_int::from(!watch.is_stopped)
}

/// Settings of GDAL's overview writer for this thread; taken back when dropped.
struct ThreadOptions(Vec<CString>);

fn options(info: &RasterInfo) -> ThreadOptions {
    let kind = info.bands.first().map(|band| band.sample_type);
    let predictor = match kind {
        Some(SampleType::Float32 | SampleType::Float64) => "3",
        Some(SampleType::Int64 | SampleType::UInt64 | SampleType::Complex) | None => "1",
        Some(_) => "2",
    };
    let interleave = if info.is_interleaved && info.bands.len() <= BANDS_TOGETHER {
        "PIXEL"
    } else {
        "BAND"
    };
    let mut set = ThreadOptions(Vec::new());
    for (key, value) in [
        ("COMPRESS_OVERVIEW", "DEFLATE"),
        ("PREDICTOR_OVERVIEW", predictor),
        ("INTERLEAVE_OVERVIEW", interleave),
        ("BIGTIFF_OVERVIEW", "IF_SAFER"),
        ("GDAL_TIFF_OVR_BLOCKSIZE", "256"),
        ("GDAL_NUM_THREADS", writing_threads()),
    ] {
        let (Ok(key), Ok(value)) = (CString::new(key), CString::new(value)) else {
            continue;
        };
        // SAFETY: both strings are copied by GDAL.
        unsafe { gdal_sys::CPLSetThreadLocalConfigOption(key.as_ptr(), value.as_ptr()) };
        set.0.push(key);
    }
    set
}

impl Drop for ThreadOptions {
    fn drop(&mut self) {
        for key in &self.0 {
            // SAFETY: null takes the setting back.
            unsafe { gdal_sys::CPLSetThreadLocalConfigOption(key.as_ptr(), ptr::null()) };
        }
    }
}

#[cfg(test)]
#[path = "overviews_tests.rs"]
mod tests;
