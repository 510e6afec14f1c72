//! GDAL's read calls: bands and masks of a window into buffers, stoppable between blocks.
//! Knows nothing of nodata; see `raster_read.rs`.

#![expect(
    unsafe_code,
    reason = "reading with resampling and masks has no safe form"
)]

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gdal_sys::{GDALDataType, GDALRIOResampleAlg, GDALRasterBandH, GDALRasterIOExtraArg};

use crate::gdal_setup::{MEMORY_ADVICE, lacks_memory, take_gdal_messages};
use crate::raster_header::band_handle;
use crate::remote::{failure, is_remote};
use crate::{Raster, Resampling, SceneError, SceneResult, Window};

const GMF_PER_DATASET: c_int = 2;
const GMF_ALPHA: c_int = 4;
const GMF_NODATA: c_int = 8;
const GMF_ALL_VALID: c_int = 1;

/// A window and the size it is wanted at.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub window: Window,
    pub width: usize,
    pub height: usize,
}

impl Shape {
    pub fn pixels(&self) -> usize {
        self.width * self.height
    }
}

impl Raster {
    /// Hands over the mask bands and alpha of `bands`: with the place in `bands` of the one it belongs to, or `None` for all.
    /// Masks made from nodata alone are our own business.
    pub(crate) fn apply_masks(
        &self,
        bands: &[usize],
        shape: Shape,
        resampling: Resampling,
        mut take: impl FnMut(Option<usize>, &[u8]),
    ) -> SceneResult<()> {
        let mut has_shared = false;
        let mut mask = Vec::new();
        for (at, &index) in bands.iter().enumerate() {
            let Some(band) = band_handle(&self.dataset, index) else {
                continue;
            };
            // SAFETY: a valid band of the open dataset.
            let flags = unsafe { gdal_sys::GDALGetMaskFlags(band) };
            let is_shared = flags & (GMF_PER_DATASET | GMF_ALPHA) != 0;
            // Nodata of the whole dataset (all bands at once) is more than the bands' own values say.
            let is_ours = flags & GMF_NODATA != 0 && flags & GMF_PER_DATASET == 0;
            if flags & GMF_ALL_VALID != 0 || is_ours || (is_shared && has_shared) {
                continue;
            }
            has_shared |= is_shared;
            // SAFETY: as above; GDAL always gives a mask band.
            let mask_band = unsafe { gdal_sys::GDALGetMaskBand(band) };
            if mask_band.is_null() {
                continue;
            }
            mask.clear();
            mask.resize(shape.pixels(), 0u8);
            self.mask_io(mask_band, shape, resampling, &mut mask)?;
            take((!is_shared).then_some(at), &mask);
        }
        Ok(())
    }

    /// One GDAL read of planar bands into `out` (`bands * height * width`).
    pub(crate) fn raster_io<T>(
        &self,
        bands: &[usize],
        shape: Shape,
        data_type: GDALDataType::Type,
        resampling: Resampling,
        out: &mut [T],
    ) -> SceneResult<()> {
        debug_assert_eq!(out.len(), bands.len() * shape.pixels());
        let mut numbers: Vec<c_int> = bands
            .iter()
            .filter_map(|band| c_int::try_from(band + 1).ok())
            .collect();
        let (Some(count), Some(place)) =
            (c_int::try_from(numbers.len()).ok(), WindowInts::of(shape))
        else {
            return Err(self.read_error(bands, shape.window));
        };
        let mut extra = self.extra_arguments(resampling);
        // SAFETY: the dataset is open, the window lies inside, and `out` has room for every value of `data_type`
        // (spacings of 0 mean planar without gaps).
        let status = unsafe {
            gdal_sys::GDALDatasetRasterIOEx(
                self.dataset.c_dataset(),
                gdal_sys::GDALRWFlag::GF_Read,
                place.col,
                place.row,
                place.width,
                place.height,
                out.as_mut_ptr().cast::<c_void>(),
                place.out_width,
                place.out_height,
                data_type,
                count,
                numbers.as_mut_ptr(),
                0,
                0,
                0,
                &mut extra,
            )
        };
        if status >= gdal_sys::CPLErr::CE_Failure {
            Err(self.read_error(bands, shape.window))
        } else {
            Ok(())
        }
    }

    fn mask_io(
        &self,
        mask: GDALRasterBandH,
        shape: Shape,
        resampling: Resampling,
        out: &mut [u8],
    ) -> SceneResult<()> {
        let Some(place) = WindowInts::of(shape) else {
            return Err(self.read_error(&[], shape.window));
        };
        let resampling = match resampling {
            Resampling::Nearest | Resampling::Mode => Resampling::Nearest,
            smooth => smooth,
        };
        let mut extra = self.extra_arguments(resampling);
        // SAFETY: the mask belongs to the open dataset and has its size; `out` holds every byte of the block.
        let status = unsafe {
            gdal_sys::GDALRasterIOEx(
                mask,
                gdal_sys::GDALRWFlag::GF_Read,
                place.col,
                place.row,
                place.width,
                place.height,
                out.as_mut_ptr().cast::<c_void>(),
                place.out_width,
                place.out_height,
                GDALDataType::GDT_Byte,
                0,
                0,
                &mut extra,
            )
        };
        if status >= gdal_sys::CPLErr::CE_Failure {
            Err(self.read_error(&[], shape.window))
        } else {
            Ok(())
        }
    }

    fn extra_arguments(&self, resampling: Resampling) -> GDALRasterIOExtraArg {
        // SAFETY: numbers, an optional function and a pointer, all of which may be zero; newer GDALs have more fields.
        let mut extra: GDALRasterIOExtraArg = unsafe { std::mem::zeroed() };
        extra.nVersion = 1;
        extra.eResampleAlg = match resampling {
            Resampling::Nearest => GDALRIOResampleAlg::GRIORA_NearestNeighbour,
            Resampling::Average => GDALRIOResampleAlg::GRIORA_Average,
            Resampling::Bilinear => GDALRIOResampleAlg::GRIORA_Bilinear,
            Resampling::Mode => GDALRIOResampleAlg::GRIORA_Mode,
        };
        extra.pfnProgress = Some(go_on);
        extra.pProgressData = Arc::as_ptr(&self.stop).cast_mut().cast();
        extra
    }

    pub(crate) fn read_error(&self, bands: &[usize], window: Window) -> SceneError {
        if self.stop.load(Ordering::Relaxed) {
            take_gdal_messages();
            return SceneError::Cancelled;
        }
        let part = match bands {
            [] => "its mask".to_owned(),
            [band] => format!("band {}", band + 1),
            [first, .., last] => format!("bands {} to {}", first + 1, last + 1),
        };
        let words = take_gdal_messages();
        let why = if words.as_deref().is_some_and(lacks_memory) {
            MEMORY_ADVICE.to_owned()
        } else if is_remote(&self.info.path) {
            failure(words.as_deref().unwrap_or_default())
        } else {
            "the file is probably damaged or incomplete, copy or download it again".to_owned()
        };
        let error = SceneError::file(
            &self.info.path,
            format!(
                "{part} cannot be read at column {}, row {} ({} x {} pixels); {why}",
                window.col, window.row, window.width, window.height
            ),
        );
        match words {
            Some(words) => error.with_details(words),
            None => error,
        }
    }
}

struct WindowInts {
    col: c_int,
    row: c_int,
    width: c_int,
    height: c_int,
    out_width: c_int,
    out_height: c_int,
}

impl WindowInts {
    fn of(shape: Shape) -> Option<Self> {
        Some(Self {
            col: c_int::try_from(shape.window.col).ok()?,
            row: c_int::try_from(shape.window.row).ok()?,
            width: c_int::try_from(shape.window.width).ok()?,
            height: c_int::try_from(shape.window.height).ok()?,
            out_width: c_int::try_from(shape.width).ok()?,
            out_height: c_int::try_from(shape.height).ok()?,
        })
    }
}

/// Asked by GDAL between blocks; 0 ends the read.
unsafe extern "C" fn go_on(_share: f64, _text: *const c_char, stop: *mut c_void) -> c_int {
    // SAFETY: `stop` points to the flag of the raster whose read is under way.
    let stop = unsafe { &*stop.cast_const().cast::<AtomicBool>() };
    c_int::from(!stop.load(Ordering::Relaxed))
}
