//! Colour bases of fields: principal components fitted in one pass, with percentiles from a reservoir that
//! does not depend on the order in which pixels arrive. Knows nothing of how the colours are drawn.

use nalgebra::{DMatrix, SymmetricEigen};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::folds::splitmix64;
use crate::{FIELD_AXES, Raster, SceneError, SceneResult, Window, decode_planar_pixel};

/// Components `fit_pca_blocking` keeps.
const BASIS_COMPONENTS: usize = 8;
/// Pixels `fit_pca_blocking` looks at, at most.
const FIT_PIXELS: usize = 1_000_000;
/// Pixels kept for percentiles (25 MB): the 2nd percentile of 100,000 is known to +-0.1 %.
const RESERVOIR: usize = 100_000;
/// Parts of a strip summed side by side.
const PARTS: usize = 8;

/// A saved colour basis: projection is `components[k] . (u - mean)`, stretched to `low..high`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PcaBasis {
    pub mean: Vec<f32>,
    /// Each of length 64, descending variance, entry of largest magnitude positive.
    pub components: Vec<Vec<f32>>,
    /// Share of variance of each component.
    pub shares: Vec<f32>,
    /// 2nd and 98th percentile of each projected component.
    pub low: Vec<f32>,
    pub high: Vec<f32>,
}

impl PcaBasis {
    /// Projection of a vector on component `k`, before the stretch; 0 for a component the basis lacks.
    pub fn project(&self, vector: &[f32], k: usize) -> f32 {
        self.components.get(k).map_or(0.0, |component| {
            component
                .iter()
                .zip(vector)
                .zip(&self.mean)
                .map(|((c, v), m)| c * (v - m))
                .sum()
        })
    }
}

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
        let hash = splitmix64(key);
        if hash <= self.keep_below {
            self.reservoir.push((hash, *vector));
            if self.reservoir.len() >= 2 * RESERVOIR {
                self.trim();
            }
        }
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
        self.trim();
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
            components: Vec::new(),
            shares: Vec::new(),
            low: Vec::new(),
            high: Vec::new(),
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
/// else evenly thinned through its overviews).
pub fn fit_pca_blocking(field: &Raster) -> SceneResult<PcaBasis> {
    let info = field.info();
    let (width, height) = (info.grid.width, info.grid.height);
    let step = ((width as f64 * height as f64 / FIT_PIXELS as f64)
        .sqrt()
        .ceil() as usize)
        .max(1);
    let out_width = width.div_ceil(step);
    // Strips of about 4 MB of codes; whole steps, so that thinned rows stay evenly spaced.
    let strip = (65_536 / out_width.max(1)).max(1) * step;
    let mut fit = PcaFit::new();
    for row in (0..height).step_by(strip) {
        let rows = strip.min(height - row);
        let out_height = rows.div_ceil(step);
        let window = Window {
            col: 0,
            row,
            width,
            height: rows,
        };
        let codes = field.read_codes_blocking(window, out_width, out_height)?;
        let pixels = out_width * out_height;
        // Fixed parts merged in order: the same sums on any number of cores.
        let parts: Vec<PcaFit> = (0..PARTS)
            .into_par_iter()
            .map(|part| {
                let indices = part * pixels / PARTS..(part + 1) * pixels / PARTS;
                let mut part = PcaFit::new();
                for index in indices {
                    if let Some(vector) = decode_planar_pixel(&codes, pixels, index) {
                        let key = (row / step + index / out_width) as u64 * out_width as u64
                            + (index % out_width) as u64;
                        part.push(&vector, key);
                    }
                }
                part
            })
            .collect();
        parts.iter().for_each(|part| fit.merge(part));
    }
    if fit.count() < 2 {
        return Err(SceneError::file(
            &info.path,
            "the field has fewer than two pixels with data, so it has no colours to show",
        ));
    }
    fit.finish(BASIS_COMPONENTS)
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
