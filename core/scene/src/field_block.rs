//! Blocks of field pixels as the processor likes them: decoded axis by axis, multiplied with linear forms, turned into
//! verdicts. The widest registers the machine has are used; elsewhere the same loops run narrower.
//! Knows codes and numbers; knows nothing of classes, heads or files.

#![expect(
    unsafe_code,
    reason = "a loop is compiled for the registers found at run time"
)]

use crate::{FIELD_AXES, FIELD_NODATA};

/// Pixels of a block: decoded they fit the innermost cache.
pub(crate) const BLOCK: usize = 128;
/// Pixels that are multiplied side by side: with eight forms, what sixteen registers of eight hold.
pub(crate) const LANES: usize = 8;
/// Pixels that are compared side by side.
const WIDE: usize = 16;
/// Forms that are packed together.
pub(crate) const GROUP: usize = 8;
/// `0.5^2` in squared codes: shorter vectors are fill.
const SHORTEST_SQUARED: f32 = 0.25 * 127.5 * 127.5 * 127.5 * 127.5;

/// What the processor can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registers {
    #[cfg(target_arch = "x86_64")]
    Wide256,
    Plain,
}

impl Registers {
    pub(crate) fn of_machine() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            // Registers of 512 bits were tried and are no quicker: the compiler fills them badly.
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Wide256;
            }
        }
        Self::Plain
    }
}

/// Work done on a block by code that is compiled once for each kind of register.
pub(crate) trait BlockWork {
    /// `FUSED`: multiply and add in one rounding, where the machine does that at no cost.
    fn run<const FUSED: bool>(&mut self);
}

/// Runs `work` with the registers of this machine. Its `run`, and all it calls, must be `#[inline(always)]` to profit.
pub(crate) fn run_with(registers: Registers, work: &mut impl BlockWork) {
    match registers {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Registers::of_machine` found these features on this processor.
        Registers::Wide256 => unsafe { run_256(work) },
        Registers::Plain => work.run::<false>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_256(work: &mut impl BlockWork) {
    work.run::<true>();
}

#[inline(always)]
pub(crate) fn multiply_add<const FUSED: bool>(a: f32, b: f32, sum: f32) -> f32 {
    if FUSED {
        a.mul_add(b, sum)
    } else {
        a * b + sum
    }
}

/// Decoded pixels, axis by axis. Values are `code * |code|`: the unit vector times its length in squared codes.
pub(crate) struct PixelBlock {
    pub values: Box<[[f32; BLOCK]; FIELD_AXES]>,
    /// Brings values to a unit vector; 0 where the pixel is missing.
    pub inverse: [f32; BLOCK],
    pub count: usize,
}

impl PixelBlock {
    pub(crate) fn new() -> Self {
        Self {
            values: Box::new([[0.0; BLOCK]; FIELD_AXES]),
            inverse: [0.0; BLOCK],
            count: 0,
        }
    }

    /// Takes up to [`BLOCK`] pixels from `start` on of planar codes with `plane` pixels an axis.
    #[inline(always)]
    pub(crate) fn decode<const FUSED: bool>(&mut self, codes: &[i8], plane: usize, start: usize) {
        let count = plane.saturating_sub(start).min(BLOCK);
        self.count = count;
        let mut squares = [0.0f32; BLOCK];
        let mut missing = [0u8; BLOCK];
        for (axis, values) in self.values.iter_mut().enumerate() {
            let from = axis * plane + start;
            let Some(codes) = codes.get(from..from + count) else {
                self.inverse = [0.0; BLOCK];
                return;
            };
            for (((value, square), missing), &code) in values
                .iter_mut()
                .zip(&mut squares)
                .zip(&mut missing)
                .zip(codes)
            {
                *missing |= u8::from(code == FIELD_NODATA);
                let wide = i16::from(code);
                let decoded = f32::from(wide * wide.wrapping_abs());
                *value = decoded;
                *square = multiply_add::<FUSED>(decoded, decoded, *square);
            }
        }
        for ((inverse, square), missing) in self.inverse.iter_mut().zip(&squares).zip(&missing) {
            let is_place = *missing == 0 && *square >= SHORTEST_SQUARED;
            *inverse = if is_place { 1.0 / square.sqrt() } else { 0.0 };
        }
        self.inverse[count..].fill(0.0);
    }
}

/// Linear forms of unit vectors, packed for the block loop.
pub(crate) struct Forms {
    /// Per group of [`GROUP`] forms: axis by axis, the weight of each.
    weights: Vec<[[f32; GROUP]; FIELD_AXES]>,
    bias: Vec<f32>,
    pub count: usize,
}

impl Forms {
    /// Rows shorter than 64 are filled with zeros.
    pub(crate) fn new<'a>(rows: impl Iterator<Item = &'a [f32]>, bias: &[f32]) -> Self {
        let mut weights: Vec<[[f32; GROUP]; FIELD_AXES]> = Vec::new();
        let mut count = 0;
        for row in rows {
            if count % GROUP == 0 {
                weights.push([[0.0; GROUP]; FIELD_AXES]);
            }
            if let Some(group) = weights.last_mut() {
                for (slots, weight) in group.iter_mut().zip(row) {
                    slots[count % GROUP] = *weight;
                }
            }
            count += 1;
        }
        let mut bias = bias.to_vec();
        bias.resize(weights.len() * GROUP, 0.0);
        Self {
            weights,
            bias,
            count,
        }
    }

    /// Dots of the forms of `group` with [`LANES`] pixels from `base` on, not scaled and without bias.
    #[inline(always)]
    pub(crate) fn dots<const FUSED: bool>(
        &self,
        group: usize,
        block: &PixelBlock,
        base: usize,
    ) -> [[f32; LANES]; GROUP] {
        let mut sums = [[0.0f32; LANES]; GROUP];
        for (values, weights) in block.values.iter().zip(&self.weights[group]) {
            let mut lanes = [0.0f32; LANES];
            lanes.copy_from_slice(&values[base..base + LANES]);
            for (sums, weight) in sums.iter_mut().zip(weights) {
                for (sum, value) in sums.iter_mut().zip(&lanes) {
                    *sum = multiply_add::<FUSED>(*weight, *value, *sum);
                }
            }
        }
        sums
    }

    pub(crate) fn groups(&self) -> usize {
        self.weights.len()
    }

    /// All forms of a block: `out[form * BLOCK + pixel]`, scaled to unit vectors, with bias. `out` holds whole groups.
    #[inline(always)]
    pub(crate) fn apply<const FUSED: bool>(&self, block: &PixelBlock, out: &mut [f32]) {
        for base in (0..block.count).step_by(LANES) {
            let mut inverse = [0.0f32; LANES];
            inverse.copy_from_slice(&block.inverse[base..base + LANES]);
            for group in 0..self.weights.len() {
                let sums = self.dots::<FUSED>(group, block, base);
                for (form, sums) in sums.iter().enumerate() {
                    let form = group * GROUP + form;
                    let bias = self.bias[form];
                    let target = &mut out[form * BLOCK + base..form * BLOCK + base + LANES];
                    for ((out, sum), scale) in target.iter_mut().zip(sums).zip(&inverse) {
                        *out = multiply_add::<FUSED>(*sum, *scale, bias);
                    }
                }
            }
        }
    }
}

/// What scores say of the pixels of a block.
pub(crate) struct BlockVerdicts {
    /// Index of the winner, the first of equals.
    pub class: [u32; BLOCK],
    pub probability: [f32; BLOCK],
    /// Probability of the class after it.
    pub second: [f32; BLOCK],
    /// Nats.
    pub entropy: [f32; BLOCK],
}

impl BlockVerdicts {
    pub(crate) fn new() -> Self {
        Self {
            class: [0; BLOCK],
            probability: [0.0; BLOCK],
            second: [0.0; BLOCK],
            entropy: [0.0; BLOCK],
        }
    }

    /// From `scores[class * BLOCK + pixel]`: winner and softmax of `temperature * scores`.
    #[inline(always)]
    pub(crate) fn judge<const FUSED: bool>(
        &mut self,
        scores: &[f32],
        classes: usize,
        temperature: f32,
        with_entropy: bool,
    ) {
        for base in (0..BLOCK).step_by(WIDE) {
            let (mut first, mut second) = ([f32::MIN; WIDE], [f32::MIN; WIDE]);
            let mut winner = [0u32; WIDE];
            for class in 0..classes {
                let row = &scores[class * BLOCK + base..class * BLOCK + base + WIDE];
                for lane in 0..WIDE {
                    let score = row[lane];
                    let wins = score > first[lane];
                    let rest = if wins { first[lane] } else { score };
                    second[lane] = if rest > second[lane] {
                        rest
                    } else {
                        second[lane]
                    };
                    first[lane] = if wins { score } else { first[lane] };
                    winner[lane] = if wins { class as u32 } else { winner[lane] };
                }
            }
            let (mut total, mut weighted) = ([0.0f32; WIDE], [0.0f32; WIDE]);
            for class in 0..classes {
                let row = &scores[class * BLOCK + base..class * BLOCK + base + WIDE];
                for lane in 0..WIDE {
                    let below = temperature * (row[lane] - first[lane]);
                    let share = exp_of_negative::<FUSED>(below);
                    total[lane] += share;
                    weighted[lane] = multiply_add::<FUSED>(share, below.max(-80.0), weighted[lane]);
                }
            }
            for lane in 0..WIDE {
                let scale = 1.0 / total[lane];
                self.class[base + lane] = winner[lane];
                self.probability[base + lane] = scale;
                let below = temperature * (second[lane] - first[lane]);
                self.second[base + lane] = scale * exp_of_negative::<FUSED>(below);
                self.entropy[base + lane] = weighted[lane] * scale;
            }
            if with_entropy {
                let entropy = &mut self.entropy[base..base + WIDE];
                for (entropy, total) in entropy.iter_mut().zip(&total) {
                    *entropy = (total.ln() - *entropy).max(0.0);
                }
            }
        }
    }
}

/// `exp(x)` for x <= 0 to a relative 2e-7, in steps that fit wide registers; 0 below -87.
#[inline(always)]
pub(crate) fn exp_of_negative<const FUSED: bool>(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // ln 2 in two parts, the first of which multiplies small integers without rounding.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding it leaves the nearest integer in the last bits.
    const ROUNDING: f32 = 12_582_912.0;
    let clamped = if x > -87.0 { x } else { -87.0 };
    let shifted = multiply_add::<FUSED>(clamped, LOG2_E, ROUNDING);
    let power = shifted - ROUNDING;
    let rest = multiply_add::<FUSED>(power, -LN_2_HIGH, clamped);
    let rest = multiply_add::<FUSED>(power, -LN_2_LOW, rest);
    let mut sum = 1.987_569_2e-4;
    for factor in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5e-1,
    ] {
        sum = multiply_add::<FUSED>(sum, rest, factor);
    }
    let sum = multiply_add::<FUSED>(sum * rest, rest, rest) + 1.0;
    let scale = f32::from_bits(((power as i32 + 127) << 23) as u32);
    if x > -87.0 { sum * scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode_pixel, similarity};

    struct All<'a> {
        codes: &'a [i8],
        plane: usize,
        start: usize,
        forms: &'a Forms,
        block: PixelBlock,
        out: Vec<f32>,
        verdicts: BlockVerdicts,
    }

    impl BlockWork for All<'_> {
        #[inline(always)]
        fn run<const FUSED: bool>(&mut self) {
            self.block
                .decode::<FUSED>(self.codes, self.plane, self.start);
            self.forms.apply::<FUSED>(&self.block, &mut self.out);
            self.verdicts
                .judge::<FUSED>(&self.out, self.forms.count, 1.5, true);
        }
    }

    #[test]
    fn exponentials_are_close() {
        for step in 0..8700 {
            let x = -(step as f32) / 100.0;
            let (found, expected) = (exp_of_negative::<false>(x), x.exp());
            assert!(
                (found - expected).abs() <= 3e-7 * expected,
                "{x}: {found} {expected}"
            );
        }
        assert_eq!(exp_of_negative::<false>(0.0), 1.0);
        assert_eq!(exp_of_negative::<false>(-500.0), 0.0);
        assert_eq!(exp_of_negative::<false>(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn blocks_say_what_pixels_say() {
        let plane = 300;
        let mut state = 7u64;
        let mut random = || {
            state = crate::folds::splitmix64(state);
            state
        };
        let mut codes: Vec<i8> = (0..FIELD_AXES * plane)
            .map(|_| ((random() >> 40) % 120) as i8 - 60)
            .collect();
        for axis in 0..FIELD_AXES {
            codes[axis * plane + 17] = 0;
        }
        codes[5 * plane + 33] = FIELD_NODATA;
        let rows: Vec<Vec<f32>> = (0..11)
            .map(|_| {
                (0..FIELD_AXES)
                    .map(|_| (random() >> 40) as f32 / 8_388_608.0 - 1.0)
                    .collect()
            })
            .collect();
        let bias: Vec<f32> = (0..11).map(|k| k as f32 * 0.05).collect();
        let forms = Forms::new(rows.iter().map(Vec::as_slice), &bias);
        for registers in [Registers::of_machine(), Registers::Plain] {
            for start in (0..plane).step_by(BLOCK) {
                let mut all = All {
                    codes: &codes,
                    plane,
                    start,
                    forms: &forms,
                    block: PixelBlock::new(),
                    out: vec![0.0; forms.groups() * GROUP * BLOCK],
                    verdicts: BlockVerdicts::new(),
                };
                run_with(registers, &mut all);
                for pixel in 0..all.block.count {
                    let own = std::array::from_fn(|axis| codes[axis * plane + start + pixel]);
                    let Some(unit) = decode_pixel(&own) else {
                        assert_eq!(all.block.inverse[pixel], 0.0);
                        assert!([17, 33].contains(&(start + pixel)));
                        continue;
                    };
                    let mut scores = Vec::new();
                    for (k, row) in rows.iter().enumerate() {
                        let row: [f32; 64] = row.as_slice().try_into().unwrap();
                        let score = similarity(&row, &unit) + bias[k];
                        assert!((all.out[k * BLOCK + pixel] - score).abs() < 1e-5);
                        scores.push(f64::from(score));
                    }
                    let highest = scores.iter().copied().fold(f64::MIN, f64::max);
                    let shares: Vec<f64> = scores
                        .iter()
                        .map(|score| (1.5 * (score - highest)).exp())
                        .collect();
                    let total: f64 = shares.iter().sum();
                    let mut sorted: Vec<f64> = shares.iter().map(|share| share / total).collect();
                    let entropy: f64 = -sorted.iter().map(|p| p * p.ln()).sum::<f64>();
                    sorted.sort_by(|a, b| b.total_cmp(a));
                    let verdicts = &all.verdicts;
                    let close = |a: f32, b: f64| (f64::from(a) - b).abs() < 2e-5;
                    assert!(close(verdicts.probability[pixel], sorted[0]));
                    assert!(close(verdicts.second[pixel], sorted[1]));
                    assert!(close(verdicts.entropy[pixel], entropy));
                    let winner = verdicts.class[pixel] as usize;
                    assert!(scores[winner] > highest - 1e-5);
                }
            }
        }
    }
}
