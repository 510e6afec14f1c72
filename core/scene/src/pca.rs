//! Fitting colour bases of fields: principal components in one pass over any number of files of any size, with percentiles
//! from a reservoir that does not depend on the order in which pixels arrive. Knows nothing of how the colours are drawn.

use nalgebra::{DMatrix, SymmetricEigen};
use rayon::prelude::*;

use crate::folds::splitmix64;
use crate::similarity::squares_of;
use crate::{
    BlockPlan, Detail, FIELD_AXES, PcaBasis, Raster, RasterInfo, SceneError, SceneResult, Window,
    decode_planar_pixel,
};

/// Components a fit keeps.
const BASIS_COMPONENTS: usize = 8;
/// Pixels a preview looks at, at most, over all fields.
const PREVIEW_PIXELS: usize = 1_000_000;
/// Pixels kept for percentiles (25 MB): the 2nd percentile of 100,000 is known to +-0.1 %.
const RESERVOIR: usize = 100_000;
/// The reservoir is cut down when it holds this many: memory is bounded by it.
const RESERVOIR_FULL: usize = RESERVOIR + RESERVOIR / 4;
/// Parts of a chunk summed side by side; fixed, so that sums are the same on any number of cores.
const PARTS: usize = 8;
/// Pixels of a part that are multiplied together: a row of products is loaded once for all of them.
const TOGETHER: usize = 8;
/// Pixels decoded at a time.
const CHUNK: usize = 1 << 16;
/// Codes read at a time: 64 bytes a pixel, 16 MiB.
const READ_PIXELS: usize = 1 << 18;

/// Streaming fit: feed pixels, then finish. Sums in f64; memory does not grow beyond the reservoir.
#[derive(Clone, Debug)]
pub struct PcaFit {
    count: u64,
    sum: [f64; FIELD_AXES],
    /// Upper triangle of the sum of outer products, row by row in a full square.
    products: Vec<f64>,
    reservoir: Vec<(u64, [f32; FIELD_AXES])>,
    /// Only pixels whose hash lies below are kept; sinks as more arrive, so the kept set is that of the smallest hashes.
    keep_below: u64,
}

impl Default for PcaFit {
    fn default() -> Self {
        Self::new()
    }
}

impl PcaFit {
    pub fn new() -> Self {
        Self {
            count: 0,
            sum: [0.0; FIELD_AXES],
            products: vec![0.0; FIELD_AXES * FIELD_AXES],
            reservoir: Vec::new(),
            keep_below: u64::MAX,
        }
    }

    /// Starts a part of this fit: what it would drop anyway is not kept in the part either.
    fn part(&self) -> Self {
        Self {
            keep_below: self.keep_below,
            ..Self::new()
        }
    }

    /// Several vectors with their keys, at most `TOGETHER`: the same as pushing one after the other, but for rounding.
    fn push_together(&mut self, vectors: &[[f32; FIELD_AXES]], keys: &[u64]) {
        let mut wide = [[0.0f64; FIELD_AXES]; TOGETHER];
        for (wide, vector) in wide.iter_mut().zip(vectors) {
            *wide = vector.map(f64::from);
        }
        self.count += vectors.len().min(TOGETHER) as u64;
        for axis in 0..FIELD_AXES {
            self.sum[axis] += wide.iter().map(|vector| vector[axis]).sum::<f64>();
        }
        for (axis, row) in self.products.chunks_exact_mut(FIELD_AXES).enumerate() {
            let factors: [f64; TOGETHER] = std::array::from_fn(|at| wide[at][axis]);
            // Whole rows of eight from the diagonal on: what lies left of it is never looked at.
            for first in (axis / 8 * 8..FIELD_AXES).step_by(8) {
                let mut sums = [0.0f64; 8];
                for (vector, factor) in wide.iter().zip(&factors) {
                    for (sum, value) in sums.iter_mut().zip(&vector[first..first + 8]) {
                        *sum += factor * value;
                    }
                }
                for (product, sum) in row[first..first + 8].iter_mut().zip(&sums) {
                    *product += sum;
                }
            }
        }
        for (vector, key) in vectors.iter().zip(keys) {
            self.keep(vector, *key);
        }
    }

    fn keep(&mut self, vector: &[f32; FIELD_AXES], key: u64) {
        let hash = splitmix64(key);
        if hash <= self.keep_below {
            self.reservoir.push((hash, *vector));
            if self.reservoir.len() >= RESERVOIR_FULL {
                self.trim();
            }
        }
    }

    /// A unit-length (or raw decoded) vector of 64; others and non-finite ones are ignored.
    /// `key` names the pixel (e.g. `row * width + col`) and seeds the reservoir so that order does not matter.
    pub fn push(&mut self, vector: &[f32], key: u64) {
        let Ok(vector) = <&[f32; FIELD_AXES]>::try_from(vector) else {
            return;
        };
        if !vector.iter().all(|value| value.is_finite()) {
            return;
        }
        let wide = vector.map(f64::from);
        self.count += 1;
        for (sum, value) in self.sum.iter_mut().zip(&wide) {
            *sum += value;
        }
        for (axis, row) in self.products.chunks_exact_mut(FIELD_AXES).enumerate() {
            let value = wide[axis];
            for (product, other) in row[axis..].iter_mut().zip(&wide[axis..]) {
                *product += value * other;
            }
        }
        self.keep(vector, key);
    }

    /// Adds what another fit has seen (other pixels): the same as pushing them here, but for the rounding of sums.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum
            .iter_mut()
            .zip(&other.sum)
            .for_each(|(sum, more)| *sum += more);
        self.products
            .iter_mut()
            .zip(&other.products)
            .for_each(|(sum, more)| *sum += more);
        self.keep_below = self.keep_below.min(other.keep_below);
        self.reservoir.extend_from_slice(&other.reservoir);
        if self.reservoir.len() >= RESERVOIR_FULL {
            self.trim();
        }
    }

    /// Pixels seen so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Keeps the pixels of the smallest hashes.
    fn trim(&mut self) {
        if self.reservoir.len() <= RESERVOIR {
            return;
        }
        let (_, last, _) = self
            .reservoir
            .select_nth_unstable_by_key(RESERVOIR - 1, |(hash, _)| *hash);
        self.keep_below = last.0;
        self.reservoir.truncate(RESERVOIR);
    }

    /// First `count` components (at most 64). Needs at least two pixels.
    pub fn finish(&self, count: usize) -> SceneResult<PcaBasis> {
        if self.count < 2 {
            return Err(SceneError::input(format!(
                "colours of a field need at least two pixels with data, but there are {}; check that the field covers the scene",
                self.count
            )));
        }
        let n = self.count as f64;
        let mean = self.sum.map(|sum| sum / n);
        let covariance = DMatrix::from_fn(FIELD_AXES, FIELD_AXES, |i, j| {
            let (row, col) = (i.min(j), i.max(j));
            (self.products[row * FIELD_AXES + col] - n * mean[row] * mean[col]) / (n - 1.0)
        });
        let eigen = SymmetricEigen::try_new(covariance, 1e-15, 10_000).ok_or_else(|| {
            SceneError::input("the field's principal components could not be computed")
        })?;
        let mut order: Vec<usize> = (0..FIELD_AXES).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let total: f64 = eigen.eigenvalues.iter().map(|value| value.max(0.0)).sum();

        // The smallest hashes again, so that a reservoir filled in another order gives the same percentiles.
        let mut kept: Vec<&(u64, [f32; FIELD_AXES])> = self.reservoir.iter().collect();
        kept.sort_unstable_by_key(|(hash, _)| *hash);
        kept.truncate(RESERVOIR);

        let mut basis = PcaBasis {
            mean: mean.map(|value| value as f32).to_vec(),
            pixels: self.count,
            ..PcaBasis::default()
        };
        for &index in order.iter().take(count) {
            let column = eigen.eigenvectors.column(index);
            let largest = column
                .iter()
                .copied()
                .reduce(|a, b| if b.abs() > a.abs() { b } else { a })
                .unwrap_or(1.0);
            let component: [f64; FIELD_AXES] =
                std::array::from_fn(|axis| column[axis] * largest.signum());
            let mut projected: Vec<f64> = kept
                .par_iter()
                .map(|(_, vector)| {
                    (0..FIELD_AXES)
                        .map(|axis| component[axis] * (f64::from(vector[axis]) - mean[axis]))
                        .sum()
                })
                .collect();
            projected.sort_unstable_by(f64::total_cmp);
            let low = percentile(&projected, 0.02);
            // A component without variance still needs a span to divide by.
            let high = percentile(&projected, 0.98).max(low + 1e-6);
            basis
                .components
                .push(component.map(|value| value as f32).to_vec());
            basis.shares.push(if total > 0.0 {
                (eigen.eigenvalues[index].max(0.0) / total) as f32
            } else {
                0.0
            });
            basis.low.push(low as f32);
            basis.high.push(high as f32);
            let deviation = eigen.eigenvalues[index].max(0.0).sqrt().max(1e-6);
            basis.deviations.push(deviation as f32);
            let least = projected.first().copied().unwrap_or(0.0);
            let greatest = projected.last().copied().unwrap_or(0.0);
            basis.least.push(least as f32);
            basis.greatest.push(greatest.max(least + 1e-6) as f32);
        }
        Ok(basis)
    }
}

/// Linear interpolation between order statistics, `pos = q (n - 1)`; 0 for no values.
fn percentile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let position = q * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

/// Fits the first 8 components on at most 10^6 pixels of a field raster (all of them when there are fewer,
/// else evenly thinned through its overviews, or from some of its blocks where it is large and has none).
pub fn fit_pca_blocking(field: &Raster) -> SceneResult<PcaBasis> {
    fit_pca_of_blocking(std::slice::from_ref(field), false, &mut |_| true)
}

/// Fits one basis on several fields (section 3.1): colours that mean the same in all of them. `whole` takes every pixel in
/// one pass over the files, block by block; otherwise at most 10^6 evenly thinned ones. Memory does not depend on the
/// files' size. `go_on` hears the share done and stops the fit by returning false.
///
/// # Errors
/// [`SceneError::Cancelled`], a raster that is no field, one that cannot be read, or fewer than two pixels with data.
pub fn fit_pca_of_blocking(
    fields: &[Raster],
    whole: bool,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> SceneResult<PcaBasis> {
    let Some(first) = fields.first() else {
        return Err(SceneError::input("colours need at least one field"));
    };
    let pixels = |field: &Raster| field.info().grid.width as f64 * field.info().grid.height as f64;
    let total: f64 = fields.iter().map(pixels).sum();
    let step = if whole {
        1
    } else {
        ((total / PREVIEW_PIXELS as f64).sqrt().ceil() as usize).max(1)
    };
    let mut fit = PcaFit::new();
    let mut done = 0.0;
    for (number, field) in fields.iter().enumerate() {
        let grid = &field.info().grid;
        let out_width = grid.width.div_ceil(step);
        if let Some(windows) = sampled_windows(field.info(), step) {
            for window in &windows {
                if !go_on(done / total) {
                    return Err(SceneError::Cancelled);
                }
                let codes = field.read_codes_blocking(*window, window.width, window.height)?;
                let key_of = |index: usize| {
                    let (row, col) = (index / window.width, index % window.width);
                    let pixel = (window.row + row) * grid.width + window.col + col;
                    splitmix64(number as u64) ^ pixel as u64
                };
                add_codes(&mut fit, &codes, window.pixels(), &key_of);
                done += pixels(field) / windows.len() as f64;
            }
            continue;
        }
        for window in reading_windows(field.info(), step) {
            if !go_on(done / total) {
                return Err(SceneError::Cancelled);
            }
            let (width, height) = (window.width.div_ceil(step), window.height.div_ceil(step));
            let codes = field.read_codes_blocking(window, width, height)?;
            let key_of = |index: usize| {
                let row = window.row / step + index / width;
                let col = window.col / step + index % width;
                // Other fields take other keys, so that the same pixel of two years is drawn twice or not, by chance.
                splitmix64(number as u64) ^ (row * out_width + col) as u64
            };
            add_codes(&mut fit, &codes, width * height, &key_of);
            done += window.pixels() as f64;
        }
    }
    if fit.count() < 2 {
        return Err(SceneError::file(
            &first.info().path,
            "the field has fewer than two pixels with data, so it has no colours to show",
        ));
    }
    let mut basis = fit.finish(BASIS_COMPONENTS)?;
    basis.is_whole = step == 1;
    basis.sources = fields
        .iter()
        .map(|field| field.info().path.clone())
        .collect();
    Ok(basis)
}

/// Windows in some of the file's blocks where thinning would decode all of them: no overview answers, and they are many.
fn sampled_windows(info: &RasterInfo, step: usize) -> Option<Vec<Window>> {
    let (grid, bands) = (&info.grid, (0..info.bands.len()).collect::<Vec<_>>());
    let thinned = (grid.width / step, grid.height / step);
    let plan = BlockPlan::new(info, &bands, grid.window(), thinned, Detail::Coarse)?;
    let each = (PREVIEW_PIXELS / plan.blocks().max(1)).clamp(1, CHUNK);
    plan.is_sampled().then(|| plan.middles(each))
}

/// Windows that read every block of the file once: whole blocks side by side where blocks are small, parts of one block row
/// after row where they are large (GDAL keeps the block in between). Sides are whole steps, but at the right and below.
fn reading_windows(info: &RasterInfo, step: usize) -> Vec<Window> {
    let grid = &info.grid;
    let block = info
        .bands
        .first()
        .map_or((256, 256), |band| band.block_size);
    if step > 1 {
        // Thinned rows stay evenly spaced in strips of whole steps; overviews answer them.
        let width = grid.width.div_ceil(step).max(1);
        let rows = ((CHUNK / width).max(1) * step).min(grid.height.max(1));
        return strips(grid.window(), rows);
    }
    let (wide, high) = (block.0.clamp(1, grid.width), block.1.clamp(1, grid.height));
    if wide * high >= READ_PIXELS {
        let rows = (READ_PIXELS / wide).clamp(1, high);
        let blocks = (0..grid.height)
            .step_by(high)
            .flat_map(|row| (0..grid.width).step_by(wide).map(move |col| (col, row)));
        return blocks
            .flat_map(|(col, row)| {
                let block = Window {
                    col,
                    row,
                    width: wide.min(grid.width - col),
                    height: high.min(grid.height - row),
                };
                strips(block, rows)
            })
            .collect();
    }
    let across = (READ_PIXELS / (wide * high)).max(1) * wide;
    if across >= grid.width {
        let rows = (READ_PIXELS / grid.width.max(1)) / high * high;
        return strips(grid.window(), rows.max(high));
    }
    // Wider than high: as many whole blocks as fit, a row of blocks at a time.
    strips(grid.window(), high)
        .into_iter()
        .flat_map(|strip| {
            squares_of(Window { height: 1, ..strip }, across)
                .into_iter()
                .map(move |part| Window {
                    height: strip.height,
                    ..part
                })
        })
        .collect()
}

fn strips(whole: Window, rows: usize) -> Vec<Window> {
    (0..whole.height)
        .step_by(rows.max(1))
        .map(|row| Window {
            row: whole.row + row,
            height: rows.min(whole.height - row),
            ..whole
        })
        .collect()
}

/// Adds the pixels of planar codes that hold data.
fn add_codes(
    fit: &mut PcaFit,
    codes: &[i8],
    pixels: usize,
    key_of: &(dyn Fn(usize) -> u64 + Sync),
) {
    for first in (0..pixels).step_by(CHUNK) {
        let count = CHUNK.min(pixels - first);
        let empty = fit.part();
        // Fixed parts merged in order: the same sums on any number of cores.
        let parts: Vec<PcaFit> = (0..PARTS)
            .into_par_iter()
            .map(|part| {
                let mut sums = empty.clone();
                let mut vectors = Vec::with_capacity(TOGETHER);
                let mut keys = Vec::with_capacity(TOGETHER);
                for index in first + part * count / PARTS..first + (part + 1) * count / PARTS {
                    if let Some(vector) = decode_planar_pixel(codes, pixels, index) {
                        vectors.push(vector);
                        keys.push(key_of(index));
                        if vectors.len() == TOGETHER {
                            sums.push_together(&vectors, &keys);
                            vectors.clear();
                            keys.clear();
                        }
                    }
                }
                sums.push_together(&vectors, &keys);
                sums
            })
            .collect();
        parts.iter().for_each(|part| fit.merge(part));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::{golden, numbers, points, raw, shared};

    fn check(basis: &PcaBasis, golden: &serde_json::Value, vectors: &[[f32; FIELD_AXES]]) {
        for (value, expected) in basis.mean.iter().zip(numbers(&golden["mean"])) {
            assert!((f64::from(*value) - expected).abs() < 1e-6);
        }
        for (value, expected) in basis
            .shares
            .iter()
            .zip(numbers(&golden["explained_ratio_first8"]))
        {
            assert!(
                (f64::from(*value) - expected).abs() < 1e-6,
                "{value} {expected}"
            );
        }
        for (k, expected) in golden["components_first3"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
        {
            for (value, expected) in basis.components[k].iter().zip(numbers(expected)) {
                assert!((f64::from(*value) - expected).abs() < 1e-4, "component {k}");
            }
            assert!((f64::from(basis.low[k]) - numbers(&golden["p02"])[k]).abs() < 1e-4);
            assert!((f64::from(basis.high[k]) - numbers(&golden["p98"])[k]).abs() < 1e-4);
        }
        for (vector, expected) in vectors
            .iter()
            .zip(golden["projection_first"].as_array().unwrap())
        {
            for (k, expected) in numbers(expected).iter().enumerate() {
                assert!((f64::from(basis.project(vector, k)) - expected).abs() < 1e-4);
            }
        }
        for (vector, expected) in vectors.iter().zip(golden["rgb_first"].as_array().unwrap()) {
            for (k, expected) in numbers(expected).iter().enumerate() {
                let share =
                    (basis.project(vector, k) - basis.low[k]) / (basis.high[k] - basis.low[k]);
                assert!(
                    (f64::from((255.0 * share.clamp(0.0, 1.0) + 0.5).floor()) - expected).abs()
                        <= 1.0
                );
            }
        }
    }

    fn fitted(vectors: &[[f32; FIELD_AXES]]) -> PcaBasis {
        let mut fit = PcaFit::new();
        vectors
            .iter()
            .enumerate()
            .for_each(|(key, vector)| fit.push(vector, key as u64));
        fit.finish(8).unwrap()
    }

    #[test]
    fn seeded_vectors_give_the_golden_basis() {
        let Some((golden, path)) =
            golden("aef/pca_seeded.json").zip(shared("golden/aef/pca_codes_512x64.i8"))
        else {
            return;
        };
        let bytes = std::fs::read(path).unwrap();
        let vectors: Vec<_> = bytes
            .as_chunks::<FIELD_AXES>()
            .0
            .iter()
            .map(|codes| raw(&codes.map(|byte| byte as i8)))
            .collect();
        check(&fitted(&vectors), &golden, &vectors);
    }

    #[test]
    fn real_points_give_the_golden_basis() {
        let Some((golden, rows)) = golden("aef/pca_iowa.json").zip(points("iowa_ag")) else {
            return;
        };
        let vectors: Vec<_> = rows.iter().map(|(_, codes)| raw(codes)).collect();
        check(&fitted(&vectors), &golden, &vectors);
    }

    #[test]
    fn a_field_file_gives_the_golden_basis_whichever_way_it_is_stored() {
        let Some((golden, folder)) = golden("aef/scene_iowa.json").zip(shared("data/aef")) else {
            return;
        };
        let open = |name: &str| Raster::open(&folder.join(name)).unwrap();
        let (first, second) = (
            open("layout_iowa_ag_y0_northup.tif"),
            open("layout_iowa_ag_y1_bottomup.tif"),
        );
        let (width, height) = (first.info().grid.width, first.info().grid.height);
        let window = Window {
            col: 0,
            row: 0,
            width,
            height,
        };
        let codes = [&first, &second]
            .map(|raster| raster.read_codes_blocking(window, width, height).unwrap());
        // The golden basis is that of decoded vectors as they are; ours scales each to length 1 first (a change below 1 %).
        let mut unscaled = PcaFit::new();
        for index in 0..width * height {
            let pixel: [i8; FIELD_AXES] =
                std::array::from_fn(|axis| codes[0][axis * width * height + index]);
            if pixel[0] != crate::FIELD_NODATA {
                unscaled.push(&raw(&pixel), index as u64);
            }
        }
        let unscaled = unscaled.finish(8).unwrap();
        check(&unscaled, &golden["pca"], &[]);
        let basis = fit_pca_blocking(&first).unwrap();
        for (ours, theirs) in basis.components.iter().zip(&unscaled.components).take(3) {
            let dot: f32 = ours.iter().zip(theirs).map(|(a, b)| a * b).sum();
            assert!(dot > 0.999, "{dot}");
        }
        // The transforms say which rows are the same place.
        let second_from_map = second.info().grid.transform().inverse().unwrap();
        let mut dots = Vec::new();
        for index in 0..width * height {
            let (col, row) = ((index % width) as f64 + 0.5, (index / width) as f64 + 0.5);
            let (x, y) = first.info().grid.transform().map_from_pixel(col, row);
            let (col, row) = second_from_map.map_from_pixel(x, y);
            let there = row as usize * width + col as usize;
            let pair = decode_planar_pixel(&codes[0], width * height, index)
                .zip(decode_planar_pixel(&codes[1], width * height, there));
            dots.extend(pair.map(|(a, b)| f64::from(crate::similarity(&a, &b))));
        }
        let below = |limit: f64| dots.iter().filter(|dot| **dot < limit).count() as u64;
        assert_eq!(dots.len() as u64, golden["valid_pixels"].as_u64().unwrap());
        assert_eq!(
            (width * height - dots.len()) as u64,
            golden["nodata_pixels"].as_u64().unwrap()
        );
        assert_eq!(below(0.8), golden["dot_lt_0.8_pixels"].as_u64().unwrap());
        assert_eq!(below(0.95), golden["dot_lt_0.95_pixels"].as_u64().unwrap());
        let mean = dots.iter().sum::<f64>() / dots.len() as f64;
        assert!(
            (mean - golden["mean_dot_valid"].as_f64().unwrap()).abs() < 1e-4,
            "{mean}"
        );
    }

    #[test]
    fn every_pixel_is_read_once_whatever_the_blocks() {
        let grid = |width, height| crate::Grid {
            width,
            height,
            georef: crate::Georef::default(),
        };
        let Some(folder) = shared("data/aef") else {
            return;
        };
        let field = Raster::open(&folder.join("layout_iowa_ag_y0_northup.tif")).unwrap();
        for (width, height, block) in [
            (96, 96, (32, 32)),
            (8192, 3000, (1024, 1024)),
            (5000, 700, (5000, 1)),
            (700, 900, (256, 256)),
            (20_000, 1300, (512, 512)),
            (3, 5, (1024, 1024)),
        ] {
            let mut info = field.info().clone();
            info.grid = grid(width, height);
            info.bands[0].block_size = block;
            for step in [1, 7] {
                let windows = reading_windows(&info, step);
                let area: usize = windows.iter().map(Window::pixels).sum();
                assert_eq!(area, width * height, "{width} x {height}, {block:?}");
                let most = windows
                    .iter()
                    .map(|window| window.width.div_ceil(step) * window.height.div_ceil(step));
                assert!(most.max().unwrap() <= 2 * READ_PIXELS);
                for window in &windows {
                    assert!(window.end_col() <= width && window.end_row() <= height);
                    assert!(window.col % step == 0 && window.row % step == 0);
                }
            }
        }
    }

    #[test]
    fn one_basis_of_two_years_is_that_of_their_union() {
        let Some(folder) = shared("data/aef") else {
            return;
        };
        let fields = [
            "layout_iowa_ag_y0_northup.tif",
            "layout_iowa_ag_y1_bottomup.tif",
        ]
        .map(|name| Raster::open(&folder.join(name)).unwrap());
        let shared = fit_pca_of_blocking(&fields, true, &mut |_| true).unwrap();
        let mut union = PcaFit::new();
        for (number, field) in fields.iter().enumerate() {
            let window = field.info().grid.window();
            let codes = field
                .read_codes_blocking(window, window.width, window.height)
                .unwrap();
            for index in 0..window.pixels() {
                if let Some(vector) = decode_planar_pixel(&codes, window.pixels(), index) {
                    union.push(&vector, splitmix64(number as u64) ^ index as u64);
                }
            }
        }
        let union = union.finish(BASIS_COMPONENTS).unwrap();
        assert_eq!(shared.pixels, union.pixels);
        assert!(shared.is_whole && shared.sources.len() == 2);
        for k in 0..BASIS_COMPONENTS {
            for (a, b) in shared.components[k].iter().zip(&union.components[k]) {
                assert!((a - b).abs() < 1e-5);
            }
            for stretch in crate::PcaStretch::ALL {
                let (a, b) = (shared.limits(k, stretch), union.limits(k, stretch));
                assert!(
                    (a.0 - b.0).abs() < 1e-5 && (a.1 - b.1).abs() < 1e-5,
                    "{a:?} {b:?}"
                );
            }
        }
        // A preview of so few pixels is all of them.
        let preview = fit_pca_of_blocking(&fields, false, &mut |_| true).unwrap();
        assert_eq!(preview.components, shared.components);
        let stopped = fit_pca_of_blocking(&fields, true, &mut |_| false);
        assert!(matches!(stopped, Err(SceneError::Cancelled)));
    }

    #[test]
    fn order_and_merging_do_not_matter() {
        let count = 2 * RESERVOIR as u64 + 1_000;
        let vector = |key: u64| -> [f32; FIELD_AXES] {
            std::array::from_fn(|axis| {
                if axis < 3 {
                    (splitmix64(key * 3 + axis as u64) >> 40) as f32 / 1.7e7
                } else {
                    0.0
                }
            })
        };
        let mut forward = PcaFit::new();
        (0..count).for_each(|key| forward.push(&vector(key), key));
        let mut parts = [PcaFit::new(), PcaFit::new()];
        (0..count)
            .rev()
            .for_each(|key| parts[(key % 2) as usize].push(&vector(key), key));
        let [mut backward, odd] = parts;
        backward.merge(&odd);
        let (a, b) = (forward.finish(3).unwrap(), backward.finish(3).unwrap());
        for k in 0..3 {
            assert!((a.low[k] - b.low[k]).abs() < 1e-5 && (a.high[k] - b.high[k]).abs() < 1e-5);
        }
        assert_eq!(forward.count(), backward.count());
    }

    #[test]
    fn too_few_or_equal_pixels_are_handled() {
        let mut fit = PcaFit::new();
        fit.push(&[0.125; FIELD_AXES], 0);
        fit.push(&[f32::NAN; FIELD_AXES], 1);
        assert!(fit.finish(3).is_err());
        fit.push(&[0.125; FIELD_AXES], 2);
        let basis = fit.finish(3).unwrap();
        assert!(
            basis
                .high
                .iter()
                .zip(&basis.low)
                .all(|(high, low)| high > low)
        );
        assert!(basis.shares.iter().all(|share| share.is_finite()));
    }
}
