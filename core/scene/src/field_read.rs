//! Reading fields: the codes of a window, or what a sample of the file's blocks says of one too large to read.
//! Knows the coding of fields. Knows nothing of styles.

use std::ops::Range;

use gdal_sys::GDALDataType;
use pulp::Simd;

use crate::block_plan::Between;
use crate::block_read::{BlockSums, Walked, corners};
use crate::field_block::{BLOCK, BlockWork, PixelBlock, run_with_registers};
use crate::gdal_setup::take_gdal_messages;
use crate::raster_header::{GDT_INT8, Nodata};
use crate::raster_read::hide;
use crate::{
    BlockPlan, Detail, FIELD_AXES, FIELD_NODATA, Raster, Resampling, SampleType, SceneError,
    SceneResult, Window, encode_pixel, encode_value,
};

impl Raster {
    /// Signed bytes of all 64 bands, planar, for fields; missing pixels are -128 in every band. Float fields are coded
    /// on the way. Nearest neighbour (codes are never averaged); the file's overviews are used when reducing.
    pub fn read_codes_blocking(
        &self,
        window: Window,
        out_width: usize,
        out_height: usize,
    ) -> SceneResult<Vec<i8>> {
        let bands: Vec<usize> = (0..self.info.bands.len()).collect();
        if !self.info.is_field() {
            return Err(SceneError::file(
                &self.info.path,
                format!(
                    "this is not an embedding field: {FIELD_AXES} bands of signed bytes are needed"
                ),
            ));
        }
        let shape = self.check(&bands, window, out_width, out_height)?;
        let pixels = shape.pixels();
        let mut valid = vec![true; pixels];
        let mut codes = if self
            .info
            .bands
            .iter()
            .all(|band| band.sample_type == SampleType::Int8)
        {
            let mut codes = self.buffer(0i8, bands.len() * pixels)?;
            let is_native = !self
                .storage
                .first()
                .is_some_and(|s| s.is_signed_as_unsigned);
            // The same eight bits either way.
            let data_type = if is_native {
                GDT_INT8
            } else {
                GDALDataType::GDT_Byte
            };
            self.raster_io(&bands, shape, data_type, Resampling::Nearest, &mut codes)?;
            for (band, plane) in bands.iter().zip(codes.chunks_exact(pixels)) {
                let nodata = self.storage_of(*band)?.nodata.map(Nodata::as_f64);
                let own = (i8::MIN..=i8::MAX).find(|code| nodata == Some(f64::from(*code)));
                // Bytes are compared with bytes, many at a time.
                let own = own.unwrap_or(FIELD_NODATA);
                for (code, valid) in plane.iter().zip(&mut valid) {
                    *valid &= *code != FIELD_NODATA && *code != own;
                }
            }
            self.apply_masks(&bands, shape, Resampling::Nearest, |_, mask| {
                hide(&mut valid, mask);
            })?;
            codes
        } else {
            let block =
                self.read_blocking(&bands, window, out_width, out_height, Resampling::Nearest)?;
            valid.copy_from_slice(&block.valid);
            // Brought to length 1 before they are coded, like every vector.
            let mut lengths = vec![0.0f32; pixels];
            for plane in block.values.chunks_exact(pixels) {
                for (length, value) in lengths.iter_mut().zip(plane) {
                    *length += value * value;
                }
            }
            for (length, valid) in lengths.iter_mut().zip(&mut valid) {
                *length = length.sqrt();
                // NaN is no length either.
                *valid &= *length >= crate::field::SHORTEST_VECTOR;
            }
            let mut codes = self.buffer(FIELD_NODATA, bands.len() * pixels)?;
            for (plane, codes) in block
                .values
                .chunks_exact(pixels)
                .zip(codes.chunks_exact_mut(pixels))
            {
                for (at, code) in codes.iter_mut().enumerate() {
                    if valid[at] {
                        *code = encode_value(plane[at] / lengths[at]);
                    }
                }
            }
            codes
        };
        // A vector of zeros has no direction: exports fill with it.
        let mut is_zero = vec![true; pixels];
        for plane in codes.chunks_exact(pixels) {
            for (code, zero) in plane.iter().zip(&mut is_zero) {
                *zero &= *code == 0;
            }
        }
        for (valid, zero) in valid.iter_mut().zip(&is_zero) {
            *valid &= !zero;
        }
        if valid.contains(&false) {
            for plane in codes.chunks_exact_mut(pixels) {
                for (code, valid) in plane.iter_mut().zip(&valid) {
                    *code = if *valid { *code } else { FIELD_NODATA };
                }
            }
        }
        take_gdal_messages();
        Ok(codes)
    }

    /// The same to be looked at: where no overview helps, large windows are read block by block into means of vectors, brought
    /// to length 1; where they hold more than `detail` allows, a sample of the blocks stands for all.
    pub fn read_codes_to_detail_blocking(
        &self,
        window: Window,
        out_width: usize,
        out_height: usize,
        detail: Detail,
    ) -> SceneResult<Vec<i8>> {
        let bands: Vec<usize> = (0..self.info.bands.len()).collect();
        let out = (out_width, out_height);
        match BlockPlan::new(&self.info, &bands, window, out, detail)
            .filter(|_| self.info.is_field())
        {
            Some(plan) => {
                self.check(&bands, window, out_width, out_height)?;
                self.read_codes_by_blocks(&plan)
            }
            None => self.read_codes_blocking(window, out_width, out_height),
        }
    }

    /// Between blocks that are read lie the means of those around.
    fn read_codes_by_blocks(&self, plan: &BlockPlan) -> SceneResult<Vec<i8>> {
        let mut sums = FieldSums::new(plan.cols.nodes() * plan.rows.nodes());
        let walked = self.walk(plan, &mut sums)?;
        Ok(sums.picture(&walked))
    }
}

/// Sums of unit vectors, node by node.
struct FieldSums {
    sums: Vec<[f32; FIELD_AXES]>,
    counts: Vec<u32>,
    /// The window read last, and what brings each of its pixels to length 1: 0 where one is missing.
    codes: Vec<i8>,
    inverse: Vec<f32>,
}

impl FieldSums {
    fn new(nodes: usize) -> Self {
        Self {
            sums: vec![[0.0; FIELD_AXES]; nodes],
            counts: vec![0; nodes],
            codes: Vec::new(),
            inverse: Vec::new(),
        }
    }

    /// Planar codes of the texels.
    fn picture(&self, walked: &Walked) -> Vec<i8> {
        let (cols, rows) = (&walked.cols, &walked.rows);
        let texels = cols.len() * rows.len();
        let mut codes = vec![FIELD_NODATA; FIELD_AXES * texels];
        let places = rows
            .iter()
            .flat_map(|row| cols.iter().map(move |col| (row, col)));
        for (texel, (row, col)) in places.enumerate() {
            let Some(vector) = self.between(row, col, walked) else {
                continue;
            };
            for (axis, code) in encode_pixel(&vector).into_iter().enumerate() {
                codes[axis * texels + texel] = code;
            }
        }
        codes
    }

    fn between(&self, row: &Between, col: &Between, walked: &Walked) -> Option<[f32; FIELD_AXES]> {
        let mut vector = [0.0; FIELD_AXES];
        let mut weight = 0.0;
        for (node, part) in corners(row, col, walked.across) {
            let share = part * walked.share(node, self.counts[node]);
            weight += share;
            let scale = share / self.counts[node].max(1) as f32;
            for (value, sum) in vector.iter_mut().zip(&self.sums[node]) {
                *value += scale * sum;
            }
        }
        (weight >= walked.least_valid(row, col)).then_some(vector)
    }
}

impl BlockSums for FieldSums {
    /// 16 MiB of codes.
    const PIXELS_AT_ONCE: usize = 1 << 18;

    fn read(&mut self, raster: &Raster, window: Window) -> SceneResult<()> {
        self.codes = raster.read_codes_blocking(window, window.width, window.height)?;
        self.inverse.clear();
        let mut lengths = Lengths {
            codes: &self.codes,
            pixels: window.pixels(),
            block: PixelBlock::new(),
            inverse: &mut self.inverse,
        };
        run_with_registers(&mut lengths);
        Ok(())
    }

    fn add(&mut self, node: usize, range: Range<usize>) {
        let inverse = &self.inverse[range.clone()];
        let is_there = |scale: &&f32| **scale > 0.0;
        self.counts[node] += inverse.iter().filter(is_there).count() as u32;
        let planes = self.codes.chunks_exact(self.inverse.len());
        for (sum, plane) in self.sums[node].iter_mut().zip(planes) {
            for (code, scale) in plane[range.clone()].iter().zip(inverse) {
                let wide = i16::from(*code);
                *sum += f32::from(wide * wide.wrapping_abs()) * scale;
            }
        }
    }
}

/// What brings each pixel to length 1.
struct Lengths<'a> {
    codes: &'a [i8],
    pixels: usize,
    block: PixelBlock,
    inverse: &'a mut Vec<f32>,
}

impl BlockWork for Lengths<'_> {
    #[inline(always)]
    fn run<S: Simd>(&mut self, simd: S) {
        for start in (0..self.pixels).step_by(BLOCK) {
            self.block.decode(simd, self.codes, self.pixels, start);
            self.inverse
                .extend_from_slice(&self.block.inverse[..self.block.count]);
        }
    }
}

#[cfg(test)]
#[path = "field_read_tests.rs"]
mod tests;
