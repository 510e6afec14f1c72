//! Arithmetic of the fused operations on rows of plain numbers: both cores, and whatever vector instructions the processor
//! has, chosen when the program runs. Sums run over fixed pieces in a fixed order, so that they do not depend on the number
//! of cores. Knows slices. Knows no tensors.

use std::f32::consts::{FRAC_1_SQRT_2, LOG2_E};
use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::written::{write_from, write_from_three, write_rows, written};

/// Rows a task takes at a time.
const TASK_ROWS: usize = 16;
/// Numbers a task takes at a time where there are no rows.
const TASK_NUMBERS: usize = 1 << 14;
/// Running sums beside each other.
const LANES: usize = 16;
/// 1 / sqrt(2 pi)
const NORMAL_PEAK: f32 = 0.398_942_3;

/// Runs `work` compiled for the widest vectors the processor has; what it calls must be `inline(always)`.
#[inline]
pub(super) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// e^x to one or two units in the last place from -87 to 88, held at the ends beyond; NaN stays NaN.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding this rounds to whole numbers and leaves them in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // Comparisons, not `max` and `min`: those would turn NaN into a number.
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first short enough for n times it to be exact.
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let p = 1.0 / 5040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    power * p
}

/// Share of the normal distribution below `x`, and e^(-x^2 / 2). Absolute error below 1e-7 (Abramowitz and Stegun 7.1.26).
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    let t = 1.0 / (1.0 + 0.327_591_1 * (x.abs() * FRAC_1_SQRT_2));
    let bell = exp(-0.5 * x * x);
    let p = 1.061_405_4;
    let p = p * t - 1.453_152;
    let p = p * t + 1.421_413_7;
    let p = p * t - 0.284_496_74;
    let p = p * t + 0.254_829_6;
    let tail = 0.5 * bell * t * p;
    (if x < 0.0 { tail } else { 1.0 - tail }, bell)
}

#[inline(always)]
fn sum(row: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (blocks, rest) = row.as_chunks::<LANES>();
    for block in blocks {
        for (lane, value) in lanes.iter_mut().zip(block) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// Sum of `f` over the pairs of two rows.
#[inline(always)]
fn sum_of(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] += f(a[lane], b[lane]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| f(*a, *b)).sum();
    lanes.iter().sum::<f32>() + rest
}

/// Adds `row` to every row.
pub fn add_row(rows: &mut [f32], row: &[f32]) {
    let width = row.len().max(1);
    rows.par_chunks_mut(width * TASK_ROWS).for_each(|rows| {
        vectorised(|| {
            for out in rows.chunks_exact_mut(width) {
                for (value, bias) in out.iter_mut().zip(row) {
                    *value += bias;
                }
            }
        });
    });
}

/// Adds the row of `base` and `bias` to every row.
pub fn add_base_and_bias(rows: &mut [f32], base: &[f32], bias: &[f32]) {
    let width = bias.len().max(1);
    rows.par_chunks_mut(width * TASK_ROWS)
        .zip(base.par_chunks(width * TASK_ROWS))
        .for_each(|(rows, base)| {
            vectorised(|| {
                let rows = rows.chunks_exact_mut(width);
                for (row, base) in rows.zip(base.chunks_exact(width)) {
                    for ((value, bias), base) in row.iter_mut().zip(bias).zip(base) {
                        *value += bias + base;
                    }
                }
            });
        });
}

/// Exact GELU in place: x times the share of the normal distribution below x.
pub fn gelu(values: &mut [f32]) {
    values.par_chunks_mut(TASK_NUMBERS).for_each(|values| {
        vectorised(|| {
            for value in values {
                *value *= normal(*value).0;
            }
        });
    });
}

/// Exact GELU of `x`, on this core.
pub fn gelu_of<'a>(x: &[f32], place: &'a mut [MaybeUninit<f32>]) -> &'a mut [f32] {
    vectorised(|| write_from(place, x, |x| x * normal(x).0))
}

/// `values` times the derivative of GELU at `at`, in place.
pub fn times_gelu_slope(values: &mut [f32], at: &[f32]) {
    values
        .par_chunks_mut(TASK_NUMBERS)
        .zip(at.par_chunks(TASK_NUMBERS))
        .for_each(|(values, at)| {
            vectorised(|| {
                for (value, x) in values.iter_mut().zip(at) {
                    let (below, bell) = normal(*x);
                    *value *= below + *x * NORMAL_PEAK * bell;
                }
            });
        });
}

/// Softmax of every row times `scale`, in place, on this core.
pub fn softmax(rows: &mut [f32], width: usize, scale: f32) {
    struct Softmax<'a>(&'a mut [f32], usize, f32);
    impl pulp::WithSimd for Softmax<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) {
            let Self(rows, width, scale) = self;
            for row in rows.chunks_exact_mut(width) {
                let mut highest = [f32::NEG_INFINITY; LANES];
                let (blocks, rest) = row.as_chunks::<LANES>();
                for block in blocks {
                    for (highest, value) in highest.iter_mut().zip(block) {
                        *highest = if value > highest { *value } else { *highest };
                    }
                }
                let highest = highest
                    .iter()
                    .chain(rest)
                    .fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a });
                for value in row.iter_mut() {
                    *value = exp((*value - highest) * scale);
                }
                let inverse = 1.0 / sum(row);
                for value in row.iter_mut() {
                    *value *= inverse;
                }
            }
        }
    }
    pulp::Arch::new().dispatch(Softmax(rows, width.max(1), scale));
}

/// [`softmax`] of every row of a square up to its diagonal; 0 behind it. On this core.
pub fn softmax_before(rows: &mut [f32], width: usize, scale: f32) {
    let width = width.max(1);
    for (index, row) in rows.chunks_exact_mut(width).enumerate() {
        let (before, behind) = row.split_at_mut((index + 1).min(width));
        softmax(before, before.len(), scale);
        behind.fill(0.0);
    }
}

/// Gradient of the scores before [`softmax`] from the gradient of the shares, in place, on this core.
pub fn softmax_backward(gradient: &mut [f32], shares: &[f32], width: usize, scale: f32) {
    struct Backward<'a>(&'a mut [f32], &'a [f32], usize, f32);
    impl pulp::WithSimd for Backward<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) {
            let Self(gradient, shares, width, scale) = self;
            let rows = gradient.chunks_exact_mut(width);
            for (gradient, shares) in rows.zip(shares.chunks_exact(width)) {
                let common = sum_of(gradient, shares, |g, p| g * p);
                for (value, share) in gradient.iter_mut().zip(shares) {
                    *value = (*value - common) * share * scale;
                }
            }
        }
    }
    pulp::Arch::new().dispatch(Backward(gradient, shares, width.max(1), scale));
}

/// Mean and 1 / deviation of a row.
#[inline(always)]
fn moments(row: &[f32], epsilon: f32) -> (f32, f32) {
    let count = row.len() as f32;
    let mean = sum(row) / count;
    let variance = sum_of(row, row, |a, b| (a - mean) * (b - mean)) / count;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// Layer norm of every row of `x`.
pub fn norm(x: &[f32], scale: &[f32], offset: &[f32], epsilon: f32) -> Vec<f32> {
    let width = scale.len().max(1);
    let size = width * TASK_ROWS;
    written(x.len(), size, |part, place| {
        let x = &x[part * size..];
        vectorised(|| {
            write_rows(place, width, |row, place| {
                let x = &x[row * width..(row + 1) * width];
                let (mean, inverse) = moments(x, epsilon);
                write_from_three(place, [x, scale, offset], |x, scale, offset| {
                    (x - mean) * inverse * scale + offset
                })
            })
        })
    })
}

/// Gradients of layer norm. `gradient` holds that of the result and becomes that of `x`; returns those of scale and offset.
pub fn norm_backward(
    gradient: &mut [f32],
    x: &[f32],
    scale: &[f32],
    epsilon: f32,
) -> (Vec<f32>, Vec<f32>) {
    struct Backward<'a> {
        gradient: &'a mut [f32],
        x: &'a [f32],
        scale: &'a [f32],
        epsilon: f32,
    }
    impl pulp::WithSimd for Backward<'_> {
        type Output = (Vec<f32>, Vec<f32>);

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
            let width = self.scale.len().max(1);
            let (mut of_scale, mut of_offset) = (vec![0.0; width], vec![0.0; width]);
            let (mut deviations, mut scaled) = (vec![0.0; width], vec![0.0; width]);
            let rows = self.gradient.chunks_exact_mut(width);
            for (gradient, x) in rows.zip(self.x.chunks_exact(width)) {
                let (mean, inverse) = moments(x, self.epsilon);
                for (deviation, x) in deviations.iter_mut().zip(x) {
                    *deviation = (x - mean) * inverse;
                }
                for (total, g) in of_offset.iter_mut().zip(gradient.iter()) {
                    *total += g;
                }
                let pairs = gradient.iter().zip(&deviations);
                for (total, (g, deviation)) in of_scale.iter_mut().zip(pairs) {
                    *total += g * deviation;
                }
                let pairs = gradient.iter().zip(self.scale);
                for (scaled, (g, scale)) in scaled.iter_mut().zip(pairs) {
                    *scaled = g * scale;
                }
                let count = width as f32;
                let level = sum(&scaled) / count;
                let slope = sum_of(&scaled, &deviations, |g, deviation| g * deviation) / count;
                let pairs = scaled.iter().zip(&deviations);
                for (out, (scaled, deviation)) in gradient.iter_mut().zip(pairs) {
                    *out = inverse * (scaled - level - deviation * slope);
                }
            }
            (of_scale, of_offset)
        }
    }
    let width = scale.len().max(1);
    let parts: Vec<(Vec<f32>, Vec<f32>)> = gradient
        .par_chunks_mut(width * TASK_ROWS)
        .zip(x.par_chunks(width * TASK_ROWS))
        .map(|(gradient, x)| {
            pulp::Arch::new().dispatch(Backward {
                gradient,
                x,
                scale,
                epsilon,
            })
        })
        .collect();
    let (mut of_scale, mut of_offset) = (vec![0.0; width], vec![0.0; width]);
    for (scale, offset) in &parts {
        add_onto(&mut of_scale, scale);
        add_onto(&mut of_offset, offset);
    }
    (of_scale, of_offset)
}

fn add_onto(total: &mut [f32], more: &[f32]) {
    total
        .iter_mut()
        .zip(more)
        .for_each(|(total, more)| *total += more);
}

/// Rows of `x` at length 1, or divided by `shortest` where they are shorter than that, into `out`.
pub fn unit(x: &[f32], width: usize, shortest: f32, out: &mut [f32]) {
    let size = width.max(1) * TASK_ROWS;
    out.par_chunks_mut(size)
        .zip(x.par_chunks(size))
        .for_each(|(out, x)| {
            vectorised(|| {
                let rows = out.chunks_exact_mut(width.max(1));
                for (out, x) in rows.zip(x.chunks_exact(width.max(1))) {
                    let length = sum_of(x, x, |a, b| a * b).sqrt();
                    let inverse = 1.0 / if length > shortest { length } else { shortest };
                    for (out, x) in out.iter_mut().zip(x) {
                        *out = x * inverse;
                    }
                }
            });
        });
}

/// Gradient of [`unit`] in place: `gradient` of the result becomes that of `x`.
pub fn unit_backward(gradient: &mut [f32], x: &[f32], width: usize, shortest: f32) {
    let size = width.max(1) * TASK_ROWS;
    gradient
        .par_chunks_mut(size)
        .zip(x.par_chunks(size))
        .for_each(|(gradient, x)| {
            vectorised(|| {
                let rows = gradient.chunks_exact_mut(width.max(1));
                for (gradient, x) in rows.zip(x.chunks_exact(width.max(1))) {
                    let length = sum_of(x, x, |a, b| a * b).sqrt();
                    let is_long = length > shortest;
                    let inverse = 1.0 / if is_long { length } else { shortest };
                    let along = if is_long {
                        sum_of(gradient, x, |a, b| a * b) * inverse * inverse
                    } else {
                        0.0
                    };
                    for (g, x) in gradient.iter_mut().zip(x) {
                        *g = (*g - x * along) * inverse;
                    }
                }
            });
        });
}

/// Sum of all rows: the gradient of a bias.
pub fn sum_of_rows(rows: &[f32], width: usize) -> Vec<f32> {
    let width = width.max(1);
    let parts: Vec<Vec<f32>> = rows
        .par_chunks(width * 4 * TASK_ROWS)
        .map(|rows| {
            let mut total = vec![0.0; width];
            vectorised(|| {
                for row in rows.chunks_exact(width) {
                    for (total, value) in total.iter_mut().zip(row) {
                        *total += value;
                    }
                }
            });
            total
        })
        .collect();
    let mut total = vec![0.0; width];
    parts.iter().for_each(|part| add_onto(&mut total, part));
    total
}

/// Rows [.., P, H, d] from P arrays [B, H, N, d]; `place_of` a row: its sequence b and token n.
pub fn join_heads<const P: usize>(
    parts: [&[f32]; P],
    tokens: usize,
    heads: usize,
    head_width: usize,
    out: &mut [f32],
    place_of: impl Fn(usize) -> (usize, usize) + Sync,
) {
    let row = (P * heads * head_width).max(1);
    out.par_chunks_mut(row * TASK_ROWS)
        .enumerate()
        .for_each(|(task, rows)| {
            for (index, row) in rows.chunks_exact_mut(row).enumerate() {
                let (sequence, token) = place_of(task * TASK_ROWS + index);
                for (slot, out) in row.chunks_exact_mut(head_width).enumerate() {
                    let (part, head) = (slot / heads, slot % heads);
                    let at = ((sequence * heads + head) * tokens + token) * head_width;
                    out.copy_from_slice(&parts[part][at..at + head_width]);
                }
            }
        });
}

/// What a step of AdamW is told, corrections for the first steps worked out.
#[derive(Clone, Copy, Debug)]
pub struct AdamWStep {
    pub beta_1: f32,
    pub beta_2: f32,
    pub epsilon: f32,
    /// 1 - rate * decay.
    pub keep: f32,
    pub rate: f32,
    /// 1 - beta_1^t and 1 - beta_2^t.
    pub corrections: [f32; 2],
}

/// One step of AdamW in place.
pub fn adamw(
    values: &mut [f32],
    gradient: &[f32],
    moment_1: &mut [f32],
    moment_2: &mut [f32],
    step: AdamWStep,
) {
    let AdamWStep {
        beta_1,
        beta_2,
        epsilon,
        keep,
        rate,
        corrections,
    } = step;
    values
        .par_chunks_mut(TASK_NUMBERS)
        .zip(gradient.par_chunks(TASK_NUMBERS))
        .zip(moment_1.par_chunks_mut(TASK_NUMBERS))
        .zip(moment_2.par_chunks_mut(TASK_NUMBERS))
        .for_each(|(((values, gradient), moment_1), moment_2)| {
            vectorised(|| {
                let moments = moment_1.iter_mut().zip(moment_2);
                for ((value, g), (m, v)) in values.iter_mut().zip(gradient).zip(moments) {
                    *m = *m * beta_1 + g * (1.0 - beta_1);
                    *v = *v * beta_2 + g * g * (1.0 - beta_2);
                    let length = (*v / corrections[1]).sqrt() + epsilon;
                    *value = *value * keep - rate * (*m / corrections[0] / length);
                }
            });
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_the_last_places_and_keeps_nan() {
        for step in -8_700..=8_800 {
            let x = step as f32 / 100.0;
            let expected = f64::from(x).exp();
            assert!(
                (f64::from(exp(x)) / expected - 1.0).abs() < 3e-7,
                "{x}: {} {expected}",
                exp(x)
            );
        }
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(-1e9) < 1e-37 && exp(f32::NEG_INFINITY) < 1e-37);
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn the_normal_share_has_its_known_values() {
        // Tables of the normal distribution.
        for (x, share) in [
            (0.0, 0.5),
            (0.5, 0.691_462_461_27),
            (1.0, 0.841_344_746_07),
            (-1.0, 0.158_655_253_93),
            (1.96, 0.975_002_104_85),
            (-3.0, 0.001_349_898_03),
            (6.0, 0.999_999_999_01),
        ] {
            assert!((f64::from(normal(x).0) - share).abs() < 1.2e-7, "{x}");
        }
        let mut values = [f32::NAN, -50.0, 50.0];
        gelu(&mut values);
        assert!(values[0].is_nan());
        assert!(values[1].abs() < 1e-20 && values[2] == 50.0);
    }
}
