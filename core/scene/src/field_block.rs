//! Blocks of field pixels as the processor likes them: decoded axis by axis, multiplied with linear forms, turned into
//! verdicts, in the widest registers the machine has.
//! Knows codes and numbers; knows nothing of classes, heads or files.

use pulp::{Arch, Simd, WithSimd};

use crate::{FIELD_AXES, FIELD_NODATA};

/// Pixels of a block: decoded they fit half of the innermost cache.
pub(crate) const BLOCK: usize = 64;
/// Forms that are packed together.
pub(crate) const GROUP: usize = 8;
/// `0.5^2` in squared codes: shorter vectors are fill.
const SHORTEST_SQUARED: f32 = 0.25 * 127.5 * 127.5 * 127.5 * 127.5;

/// Work done on blocks by code that is compiled once for each kind of register. Its `run`, and all it calls, must be
/// `#[inline(always)]` to profit.
pub(crate) trait BlockWork {
    fn run<S: Simd>(&mut self, simd: S);
}

/// Runs `work` with the registers of this machine.
pub(crate) fn run_with_registers(work: &mut impl BlockWork) {
    struct Chosen<'a, W>(&'a mut W);

    impl<W: BlockWork> WithSimd for Chosen<'_, W> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            self.0.run(simd);
        }
    }

    Arch::new().dispatch(Chosen(work));
}

/// So many registers of pixels from register `base` of a row on.
#[inline(always)]
pub(crate) fn lanes<S: Simd, const WIDTH: usize>(
    row: &[f32; BLOCK],
    base: usize,
) -> [S::f32s; WIDTH] {
    let (row, _) = S::as_simd_f32s(row);
    let mut lanes = [row[base]; WIDTH];
    lanes.copy_from_slice(&row[base..base + WIDTH]);
    lanes
}

/// Planar codes of some blocks, brought here at once: memory runs ahead of long reads, not of 64 short ones a plane apart.
pub(crate) struct Run(Box<[i8]>);

impl Run {
    pub(crate) const PIXELS: usize = 32 * BLOCK;
    /// Pixels an axis. Not a power of two: such rows would all want the same places of the cache.
    pub(crate) const PLANE: usize = Self::PIXELS + 64;

    pub(crate) fn new() -> Self {
        Self(vec![0; FIELD_AXES * Self::PLANE].into_boxed_slice())
    }

    /// Brings up to [`Self::PIXELS`] pixels from `start` on of planar codes with `plane` pixels an axis; what lies behind
    /// them is what was here before.
    pub(crate) fn fetch(&mut self, codes: &[i8], plane: usize, start: usize) {
        let count = plane.saturating_sub(start).min(Self::PIXELS);
        for (axis, own) in self.0.chunks_exact_mut(Self::PLANE).enumerate() {
            let from = axis * plane + start;
            if let Some(codes) = codes.get(from..from + count) {
                own[..count].copy_from_slice(codes);
            }
        }
    }

    pub(crate) fn codes(&self) -> &[i8] {
        &self.0
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
    pub(crate) fn decode<S: Simd>(&mut self, simd: S, codes: &[i8], plane: usize, start: usize) {
        let count = plane.saturating_sub(start).min(BLOCK);
        self.count = count;
        let mut missing = [0u8; BLOCK];
        for (axis, values) in self.values.iter_mut().enumerate() {
            let from = axis * plane + start;
            let Some(codes) = codes.get(from..from + count) else {
                self.inverse = [0.0; BLOCK];
                return;
            };
            // Whole blocks apart: their length is known, and the loop is done in registers without a rest.
            match <&[i8; BLOCK]>::try_from(codes) {
                Ok(codes) => decode_axis(codes, values, &mut missing),
                Err(_) => decode_axis(codes, values, &mut missing),
            }
        }
        let mut squares = [0.0f32; BLOCK];
        let (sums, _) = S::as_mut_simd_f32s(&mut squares);
        for (base, sum) in sums.iter_mut().enumerate() {
            for values in self.values.iter() {
                let [value] = lanes::<S, 1>(values, base);
                *sum = simd.mul_add_e_f32s(value, value, *sum);
            }
        }
        for ((inverse, square), missing) in self.inverse.iter_mut().zip(&squares).zip(&missing) {
            let is_place = *missing == 0 && *square >= SHORTEST_SQUARED;
            *inverse = if is_place { 1.0 / square.sqrt() } else { 0.0 };
        }
        self.inverse[count..].fill(0.0);
    }
}

#[inline(always)]
fn decode_axis(codes: &[i8], values: &mut [f32; BLOCK], missing: &mut [u8; BLOCK]) {
    for ((value, missing), &code) in values.iter_mut().zip(missing).zip(codes) {
        *missing |= u8::from(code == FIELD_NODATA);
        let wide = i16::from(code);
        *value = f32::from(wide * wide.wrapping_abs());
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

    /// Axis by axis the weights of [`GROUP`] forms; the last group is filled with zeros.
    pub(crate) fn groups(&self) -> &[[[f32; GROUP]; FIELD_AXES]] {
        &self.weights
    }

    /// All forms of a block: `out[form * BLOCK + pixel]`, scaled to unit vectors, with bias. `out` holds whole groups.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(&self, simd: S, block: &PixelBlock, out: &mut [f32]) {
        if S::REGISTER_COUNT >= WIDE_REGISTERS {
            self.apply_wide::<S, 2>(simd, block, out);
        } else {
            self.apply_wide::<S, 1>(simd, block, out);
        }
    }

    #[inline(always)]
    fn apply_wide<S: Simd, const WIDTH: usize>(
        &self,
        simd: S,
        block: &PixelBlock,
        out: &mut [f32],
    ) {
        let rows = out.chunks_exact_mut(GROUP * BLOCK);
        for ((weights, bias), out) in self.weights.iter().zip(self.bias.chunks(GROUP)).zip(rows) {
            for base in (0..BLOCK / S::F32_LANES).step_by(WIDTH) {
                let pixels = block.values.iter();
                let pixels = pixels.map(|values| lanes::<S, WIDTH>(values, base));
                let sums = dots(simd, pixels, weights);
                let inverse = lanes::<S, WIDTH>(&block.inverse, base);
                for ((sums, bias), out) in sums.iter().zip(bias).zip(out.chunks_exact_mut(BLOCK)) {
                    let bias = simd.splat_f32s(*bias);
                    let (out, _) = S::as_mut_simd_f32s(out);
                    for (at, (sum, scale)) in sums.iter().zip(inverse).enumerate() {
                        out[base + at] = simd.mul_add_e_f32s(*sum, scale, bias);
                    }
                }
            }
        }
    }
}

/// With so many registers, two of pixels are multiplied with eight forms at once; else one.
pub(crate) const WIDE_REGISTERS: usize = 32;

/// Dots of the forms of a group with some registers of pixels, given axis by axis; not scaled and without bias.
#[inline(always)]
pub(crate) fn dots<S: Simd, const WIDTH: usize>(
    simd: S,
    pixels: impl Iterator<Item = [S::f32s; WIDTH]>,
    weights: &[[f32; GROUP]; FIELD_AXES],
) -> [[S::f32s; WIDTH]; GROUP] {
    let mut sums = [[simd.splat_f32s(0.0); WIDTH]; GROUP];
    for (pixels, weights) in pixels.zip(weights) {
        for (sums, weight) in sums.iter_mut().zip(weights) {
            let weight = simd.splat_f32s(*weight);
            for (sum, pixels) in sums.iter_mut().zip(pixels) {
                *sum = simd.mul_add_e_f32s(weight, pixels, *sum);
            }
        }
    }
    sums
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
    pub(crate) fn judge<S: Simd>(
        &mut self,
        simd: S,
        scores: &[f32],
        classes: usize,
        temperature: f32,
        with_entropy: bool,
    ) {
        let rows = || scores.as_chunks::<BLOCK>().0.iter().take(classes);
        let (lowest, nothing) = (simd.splat_f32s(f32::MIN), simd.splat_f32s(0.0));
        let (one, deepest) = (simd.splat_f32s(1.0), simd.splat_f32s(-80.0));
        let temperature = simd.splat_f32s(temperature);
        for base in 0..BLOCK / S::F32_LANES {
            let (mut first, mut second) = (lowest, lowest);
            let mut winner = simd.splat_u32s(0);
            for (class, row) in rows().enumerate() {
                let [score] = lanes::<S, 1>(row, base);
                let wins = simd.greater_than_f32s(score, first);
                let rest = simd.select_f32s(wins, first, score);
                second = simd.select_f32s(simd.greater_than_f32s(rest, second), rest, second);
                first = simd.select_f32s(wins, score, first);
                winner = simd.select_u32s(wins, simd.splat_u32s(class as u32), winner);
            }
            let (mut total, mut weighted) = (nothing, nothing);
            for row in rows() {
                let [score] = lanes::<S, 1>(row, base);
                let below = simd.mul_f32s(temperature, simd.sub_f32s(score, first));
                let share = exp_of_negative(simd, below);
                total = simd.add_f32s(total, share);
                weighted = simd.mul_add_e_f32s(share, simd.max_f32s(below, deepest), weighted);
            }
            let scale = simd.div_f32s(one, total);
            let below = simd.mul_f32s(temperature, simd.sub_f32s(second, first));
            let share = simd.mul_f32s(scale, exp_of_negative(simd, below));
            S::as_mut_simd_u32s(&mut self.class).0[base] = winner;
            S::as_mut_simd_f32s(&mut self.probability).0[base] = scale;
            S::as_mut_simd_f32s(&mut self.second).0[base] = share;
            S::as_mut_simd_f32s(&mut self.entropy).0[base] = simd.mul_f32s(weighted, scale);
        }
        if with_entropy {
            // The total is one over the winner's share.
            for (entropy, share) in self.entropy.iter_mut().zip(&self.probability) {
                *entropy = (-share.ln() - *entropy).max(0.0);
            }
        }
    }
}

/// `exp(x)` for x <= 0 to a relative 2e-7, in steps that fit wide registers; 0 below -87.
#[inline(always)]
pub(crate) fn exp_of_negative<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // ln 2 in two parts, the first of which multiplies small integers without rounding.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding it leaves the nearest integer in the last bits.
    const ROUNDING: f32 = 12_582_912.0;
    let number = |value: f32| simd.splat_f32s(value);
    let (least, one, rounding) = (number(-87.0), number(1.0), number(ROUNDING));
    let is_seen = simd.greater_than_f32s(x, least);
    let clamped = simd.select_f32s(is_seen, x, least);
    let shifted = simd.mul_add_e_f32s(clamped, number(std::f32::consts::LOG2_E), rounding);
    let power = simd.sub_f32s(shifted, rounding);
    let rest = simd.mul_add_e_f32s(power, number(-LN_2_HIGH), clamped);
    let rest = simd.mul_add_e_f32s(power, number(-LN_2_LOW), rest);
    let mut sum = number(1.987_569_2e-4);
    for factor in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5e-1,
    ] {
        sum = simd.mul_add_e_f32s(sum, rest, number(factor));
    }
    let sum = simd.mul_add_e_f32s(simd.mul_f32s(sum, rest), rest, rest);
    let sum = simd.add_f32s(sum, one);
    // Two to the power: the integer becomes the exponent of a float, whose bits begin at the 23rd.
    let exponent = simd.add_u32s(
        simd.transmute_u32s_f32s(shifted),
        simd.splat_u32s(127_u32.wrapping_sub(ROUNDING.to_bits())),
    );
    let bits = simd.mul_u32s(exponent, simd.splat_u32s(1 << 23));
    let scale = simd.transmute_f32s_u32s(bits);
    simd.select_f32s(is_seen, simd.mul_f32s(sum, scale), number(0.0))
}

#[cfg(test)]
mod tests {
    use pulp::Scalar;

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
        fn run<S: Simd>(&mut self, simd: S) {
            self.block.decode(simd, self.codes, self.plane, self.start);
            self.forms.apply(simd, &self.block, &mut self.out);
            self.verdicts
                .judge(simd, &self.out, self.forms.count, 1.5, true);
        }
    }

    fn exp_of(x: f32) -> f32 {
        exp_of_negative(Scalar::new(), x)
    }

    #[test]
    fn exponentials_are_close() {
        for step in 0..8700 {
            let x = -(step as f32) / 100.0;
            let (found, expected) = (exp_of(x), x.exp());
            assert!(
                (found - expected).abs() <= 3e-7 * expected,
                "{x}: {found} {expected}"
            );
        }
        assert_eq!(exp_of(0.0), 1.0);
        assert_eq!(exp_of(-500.0), 0.0);
        assert_eq!(exp_of(f32::NEG_INFINITY), 0.0);
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
        for is_plain in [false, true] {
            for start in (0..plane).step_by(BLOCK) {
                let mut all = All {
                    codes: &codes,
                    plane,
                    start,
                    forms: &forms,
                    block: PixelBlock::new(),
                    out: vec![0.0; forms.groups().len() * GROUP * BLOCK],
                    verdicts: BlockVerdicts::new(),
                };
                if is_plain {
                    all.run(Scalar::new());
                } else {
                    run_with_registers(&mut all);
                }
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
