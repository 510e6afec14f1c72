//! Reading pixels: windows of values with everything missing marked, at any size.
//! Nodata is compared in the band's own type; NaN and infinities are always missing; masks and alpha count.

use std::ffi::c_int;

use gdal_sys::GDALDataType;

use crate::gdal_setup::{lacks_memory, take_gdal_messages};
use crate::raster_header::{BandStorage, Nodata};
use crate::raster_io::Shape;
use crate::{
    Block, BlockPlan, Detail, Plane, Raster, Resampling, SampleType, SceneError, SceneResult,
    Window, overviews_path,
};

/// A file whose single blocks are larger than this cannot be read in windows.
const LARGEST_BLOCK_BYTES: u128 = 4 << 30;

impl Raster {
    /// Reads `bands` (from 0) of `window` (must lie inside) scaled to `out_width x out_height`; blocks on the disk.
    /// Uses overviews when reducing. Averages leave missing pixels out. Complex numbers are read as their magnitude,
    /// signed bytes and complex numbers always by nearest neighbour (GDAL before 3.7 would average the wrong numbers).
    pub fn read_blocking(
        &self,
        bands: &[usize],
        window: Window,
        out_width: usize,
        out_height: usize,
        resampling: Resampling,
    ) -> SceneResult<Block> {
        let planes = self.read_planes_blocking(
            bands,
            window,
            out_width,
            out_height,
            resampling,
            Detail::Full,
        )?;
        Ok(Block::of_planes(out_width, out_height, &planes))
    }

    /// The same band by band, each with its own missing pixels. Where the window holds more than `detail` allows and no
    /// overview helps, a sample of the file's blocks stands for all.
    pub fn read_planes_blocking(
        &self,
        bands: &[usize],
        window: Window,
        out_width: usize,
        out_height: usize,
        resampling: Resampling,
        detail: Detail,
    ) -> SceneResult<Vec<Plane>> {
        let shape = self.check(bands, window, out_width, out_height)?;
        let out = (out_width, out_height);
        let plan = BlockPlan::new(&self.info, bands, window, out, detail)
            .filter(|plan| plan.is_sampled() || resampling != Resampling::Nearest);
        let planes = match plan {
            Some(plan) => self.read_by_blocks(&plan, bands, resampling)?,
            None => self
                .read_planes(bands, shape, resampling)
                .map_err(|error| self.blame_overviews(error, bands, shape))?,
        };
        take_gdal_messages();
        Ok(planes)
    }

    /// A reduced window that cannot be read while an overview file lies beside: most likely it is that file.
    fn blame_overviews(&self, error: SceneError, bands: &[usize], shape: Shape) -> SceneError {
        let path = overviews_path(&self.info.path);
        let has_overviews = bands
            .first()
            .and_then(|band| self.info.bands.get(*band))
            .is_some_and(|band| !band.overviews.is_empty());
        let is_reduced = shape.window.width >= 2 * shape.width;
        let lacks_memory = error.details().is_some_and(lacks_memory);
        if matches!(error, SceneError::Cancelled)
            || lacks_memory
            || !has_overviews
            || !is_reduced
            || !path.exists()
        {
            return error;
        }
        SceneError::file(
            path,
            "the overviews of this raster cannot be read; they are probably damaged or incomplete: build them again or \
             delete this file",
        )
        .with_details(error.details().unwrap_or_default())
    }

    pub(crate) fn read_planes(
        &self,
        bands: &[usize],
        shape: Shape,
        resampling: Resampling,
    ) -> SceneResult<Vec<Plane>> {
        let pixels = shape.pixels();
        let mut planes = Vec::with_capacity(bands.len());
        let mut done = 0;
        while let Some(first) = bands.get(done) {
            // Neighbours of the same kind are read in one call, which pixel-interleaved files need to be fast.
            let storage = self.storage_of(*first)?;
            let kind = ReadKind::of(storage, resampling);
            let same = |band: &&usize| {
                self.storage
                    .get(**band)
                    .is_some_and(|s| ReadKind::of(*s, resampling) == kind)
            };
            let run = bands[done..].iter().take_while(same).count().max(1);
            let group = &bands[done..done + run];
            let mut values = self.buffer(0f32, run.saturating_mul(pixels))?;
            let mut valid = self.buffer(true, run.saturating_mul(pixels))?;
            self.read_group(kind, group, shape, resampling, &mut values, &mut valid)?;
            if run == 1 {
                planes.push(Plane { values, valid });
            } else {
                let split = values.chunks_exact(pixels).zip(valid.chunks_exact(pixels));
                planes.extend(split.map(|(values, valid)| Plane {
                    values: values.to_vec(),
                    valid: valid.to_vec(),
                }));
            }
            done += run;
        }
        self.apply_masks(bands, shape, resampling, |at, mask| {
            let hit = planes
                .iter_mut()
                .enumerate()
                .filter(|(index, _)| at.is_none_or(|at| at == *index));
            for (_, plane) in hit {
                hide(&mut plane.valid, mask);
            }
        })?;
        Ok(planes)
    }

    pub(crate) fn check(
        &self,
        bands: &[usize],
        window: Window,
        width: usize,
        height: usize,
    ) -> SceneResult<Shape> {
        let whole = self.info.grid.window();
        if window.pixels() == 0 || window.end_col() > whole.width || window.end_row() > whole.height
        {
            return Err(SceneError::input(format!(
                "columns {}..{} and rows {}..{} do not lie inside the raster of {} x {} pixels",
                window.col,
                window.end_col(),
                window.row,
                window.end_row(),
                whole.width,
                whole.height
            )));
        }
        if width == 0
            || height == 0
            || c_int::try_from(width).is_err()
            || c_int::try_from(height).is_err()
        {
            return Err(SceneError::input(format!(
                "a block of {width} x {height} pixels cannot be read"
            )));
        }
        for band in bands {
            self.storage_of(*band)?;
        }
        if bands.is_empty() {
            return Err(SceneError::input("no band was asked for"));
        }
        self.check_blocks(bands, window)?;
        Ok(Shape {
            window,
            width,
            height,
        })
    }

    /// Refuses files whose blocks alone would fill the memory.
    fn check_blocks(&self, bands: &[usize], window: Window) -> SceneResult<()> {
        let Some(band) = bands.first().and_then(|band| self.info.bands.get(*band)) else {
            return Ok(());
        };
        let together = if self.info.is_interleaved {
            self.info.bands.len()
        } else {
            1
        };
        let block = band.block_size.0 as u128
            * band.block_size.1 as u128
            * band.sample_type.bytes() as u128
            * together as u128;
        if block > LARGEST_BLOCK_BYTES
            && block > window.pixels() as u128 * band.sample_type.bytes() as u128
        {
            return Err(SceneError::file(
                &self.info.path,
                format!(
                    "its pixels are stored in blocks of {} GiB, which cannot be read in parts; convert it with \
                     `gdal_translate -co TILED=YES`",
                    block >> 30
                ),
            ));
        }
        Ok(())
    }

    pub(crate) fn storage_of(&self, band: usize) -> SceneResult<BandStorage> {
        self.storage.get(band).copied().ok_or_else(|| {
            SceneError::file(
                &self.info.path,
                format!(
                    "there is no band {}; the raster has {}",
                    band + 1,
                    self.info.bands.len()
                ),
            )
        })
    }

    pub(crate) fn buffer<T: Clone>(&self, fill: T, length: usize) -> SceneResult<Vec<T>> {
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(length).map_err(|_| {
            SceneError::file(
                &self.info.path,
                "not enough memory for a block of this size; ask for fewer bands or pixels",
            )
        })?;
        buffer.resize(length, fill);
        Ok(buffer)
    }

    fn read_group(
        &self,
        kind: ReadKind,
        bands: &[usize],
        shape: Shape,
        resampling: Resampling,
        target: &mut [f32],
        // One per value.
        valid: &mut [bool],
    ) -> SceneResult<()> {
        let pixels = shape.pixels();
        let each_band = |read: &mut dyn FnMut(usize, Option<Nodata>)| -> SceneResult<()> {
            for (at, band) in bands.iter().enumerate() {
                read(at, self.storage_of(*band)?.nodata);
            }
            Ok(())
        };
        match kind {
            ReadKind::Float => {
                self.raster_io(bands, shape, GDALDataType::GDT_Float32, resampling, target)?;
                each_band(&mut |at, nodata| {
                    let plane = &target[at * pixels..(at + 1) * pixels];
                    let missing = nodata.map(|nodata| MissingFloat::new(nodata.as_f64()));
                    let valid = &mut valid[at * pixels..(at + 1) * pixels];
                    for (value, valid) in plane.iter().zip(valid) {
                        *valid &= value.is_finite() && missing.is_none_or(|m| !m.matches(*value));
                    }
                })
            }
            ReadKind::SignedAsUnsigned => {
                let mut bytes = self.buffer(0u8, target.len())?;
                self.raster_io(
                    bands,
                    shape,
                    GDALDataType::GDT_Byte,
                    Resampling::Nearest,
                    &mut bytes,
                )?;
                for (value, byte) in target.iter_mut().zip(&bytes) {
                    *value = f32::from(byte.cast_signed());
                }
                each_band(&mut |at, nodata| {
                    let Some(nodata) = nodata else { return };
                    let range = at * pixels..(at + 1) * pixels;
                    for (byte, valid) in bytes[range.clone()].iter().zip(&mut valid[range]) {
                        *valid &= f64::from(byte.cast_signed()) != nodata.as_f64();
                    }
                })
            }
            ReadKind::Double => {
                let mut numbers = self.buffer(0f64, target.len())?;
                self.raster_io(
                    bands,
                    shape,
                    GDALDataType::GDT_Float64,
                    resampling,
                    &mut numbers,
                )?;
                for (value, number) in target.iter_mut().zip(&numbers) {
                    *value = *number as f32;
                }
                each_band(&mut |at, nodata| {
                    let nodata = nodata.map(Nodata::as_f64);
                    let range = at * pixels..(at + 1) * pixels;
                    for ((number, value), valid) in numbers[range.clone()]
                        .iter()
                        .zip(&target[range.clone()])
                        .zip(&mut valid[range])
                    {
                        *valid &= value.is_finite() && nodata != Some(*number);
                    }
                })
            }
            ReadKind::Signed64 => {
                let mut numbers = self.buffer(0i64, target.len())?;
                self.raster_io(
                    bands,
                    shape,
                    GDALDataType::GDT_Int64,
                    resampling,
                    &mut numbers,
                )?;
                for (value, number) in target.iter_mut().zip(&numbers) {
                    *value = *number as f32;
                }
                each_band(&mut |at, nodata| {
                    let range = at * pixels..(at + 1) * pixels;
                    for (number, valid) in numbers[range.clone()].iter().zip(&mut valid[range]) {
                        *valid &= nodata != Some(Nodata::Signed(*number));
                    }
                })
            }
            ReadKind::Unsigned64 => {
                let mut numbers = self.buffer(0u64, target.len())?;
                self.raster_io(
                    bands,
                    shape,
                    GDALDataType::GDT_UInt64,
                    resampling,
                    &mut numbers,
                )?;
                for (value, number) in target.iter_mut().zip(&numbers) {
                    *value = *number as f32;
                }
                each_band(&mut |at, nodata| {
                    let range = at * pixels..(at + 1) * pixels;
                    for (number, valid) in numbers[range.clone()].iter().zip(&mut valid[range]) {
                        *valid &= nodata != Some(Nodata::Unsigned(*number));
                    }
                })
            }
            ReadKind::Complex => {
                let mut numbers = self.buffer([0f32; 2], target.len())?;
                self.raster_io(
                    bands,
                    shape,
                    GDALDataType::GDT_CFloat32,
                    Resampling::Nearest,
                    &mut numbers,
                )?;
                for (value, [real, imaginary]) in target.iter_mut().zip(&numbers) {
                    *value = real.hypot(*imaginary);
                }
                each_band(&mut |at, nodata| {
                    let missing = nodata.map(|nodata| MissingFloat::new(nodata.as_f64()));
                    let range = at * pixels..(at + 1) * pixels;
                    for ([real, imaginary], valid) in
                        numbers[range.clone()].iter().zip(&mut valid[range])
                    {
                        let is_nodata =
                            missing.is_some_and(|m| m.matches(*real) && *imaginary == 0.0);
                        *valid &= real.is_finite() && imaginary.is_finite() && !is_nodata;
                    }
                })
            }
        }
    }
}

/// Clears `valid` where a mask band is 0. An average above zero has at least one visible pixel under it, the only ones averaged.
pub(crate) fn hide(valid: &mut [bool], mask: &[u8]) {
    for (valid, mask) in valid.iter_mut().zip(mask) {
        *valid &= *mask > 0;
    }
}

/// How a band is read so that nothing is lost before nodata is compared.
#[derive(Clone, Copy, PartialEq)]
enum ReadKind {
    /// Exact as f32: up to 16-bit integers and f32.
    Float,
    SignedAsUnsigned,
    Double,
    Signed64,
    Unsigned64,
    Complex,
}

impl ReadKind {
    fn of(storage: BandStorage, resampling: Resampling) -> Self {
        // Averages of 64-bit integers are computed as doubles anyway.
        let is_picked = matches!(resampling, Resampling::Nearest | Resampling::Mode);
        match storage.sample_type {
            SampleType::Int8 if storage.is_signed_as_unsigned => Self::SignedAsUnsigned,
            SampleType::UInt8
            | SampleType::Int8
            | SampleType::UInt16
            | SampleType::Int16
            | SampleType::Float32 => Self::Float,
            SampleType::Int64 if is_picked => Self::Signed64,
            SampleType::UInt64 if is_picked => Self::Unsigned64,
            SampleType::UInt32
            | SampleType::Int32
            | SampleType::Float64
            | SampleType::Int64
            | SampleType::UInt64 => Self::Double,
            SampleType::Complex => Self::Complex,
        }
    }
}

/// A nodata value compared as f32. Values written as text or as a rounded double still match.
#[derive(Clone, Copy)]
pub(crate) struct MissingFloat {
    value: f32,
    /// For fill values near the end of the range, everything beyond is fill too.
    is_huge: bool,
}

impl MissingFloat {
    pub(crate) fn new(nodata: f64) -> Self {
        let value = nodata.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        Self {
            value,
            is_huge: value.abs() > 1e37,
        }
    }

    pub(crate) fn matches(self, value: f32) -> bool {
        value == self.value
            || (self.is_huge
                && value.signum() == self.value.signum()
                && value.abs() >= self.value.abs() * 0.999_99)
    }
}
