//! The labelled pixels nearest to each pixel of a block, several pixels side by side in the widest registers the machine has.
//! Knows decoded blocks and packed vectors; knows nothing of classes, votes or files.

use pulp::{Arch, Simd, WithSimd};

use crate::FIELD_AXES;
use crate::field_block::{BLOCK, Forms, GROUP, PixelBlock, WIDE_REGISTERS, dots, lanes};

/// The best of a block, rank by rank: `likeness[rank][pixel]` falls with the rank, `index` names the labelled pixel.
/// Ranks that fewer vectors than asked for leave empty are minus infinity.
pub(crate) struct Nearest {
    pub likeness: Vec<[f32; BLOCK]>,
    pub index: Vec<[u32; BLOCK]>,
}

impl Nearest {
    /// Ranks the vectors of `forms` by their dots with the pixels, best first; of equals the one that comes first.
    pub(crate) fn of(block: &PixelBlock, forms: &Forms, ranks: usize) -> Self {
        let mut nearest = Self {
            likeness: vec![[f32::NEG_INFINITY; BLOCK]; ranks],
            index: vec![[0; BLOCK]; ranks],
        };
        if ranks > 0 {
            Arch::new().dispatch(Ranking {
                block,
                forms,
                nearest: &mut nearest,
            });
        }
        nearest
    }
}

struct Ranking<'a> {
    block: &'a PixelBlock,
    forms: &'a Forms,
    nearest: &'a mut Nearest,
}

impl WithSimd for Ranking<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= WIDE_REGISTERS {
            self.run::<S, 2>(simd);
        } else {
            self.run::<S, 1>(simd);
        }
    }
}

impl Ranking<'_> {
    #[inline(always)]
    fn run<S: Simd, const WIDTH: usize>(mut self, simd: S) {
        let nothing = simd.splat_f32s(0.0);
        let mut pixels = [[nothing; WIDTH]; FIELD_AXES];
        for base in (0..self.block.count.div_ceil(S::F32_LANES)).step_by(WIDTH) {
            for (pixels, values) in pixels.iter_mut().zip(self.block.values.iter()) {
                *pixels = lanes::<S, WIDTH>(values, base);
            }
            // The worst that is still kept: only what beats it is looked at.
            let mut bars = [simd.splat_f32s(f32::NEG_INFINITY); WIDTH];
            for (group, weights) in self.forms.groups().iter().enumerate() {
                let sums = dots(simd, pixels.iter().copied(), weights);
                let members = (self.forms.count - group * GROUP).min(GROUP);
                for (member, dots) in sums.iter().enumerate().take(members) {
                    for (at, (dots, bar)) in dots.iter().zip(&mut bars).enumerate() {
                        if any::<S>(simd.greater_than_f32s(*dots, *bar)) {
                            let index = (group * GROUP + member) as u32;
                            *bar = self.insert(simd, base + at, *dots, index);
                        }
                    }
                }
            }
        }
    }

    /// Puts the labelled pixel where its dots belong; returns the worst that is left.
    #[inline(always)]
    fn insert<S: Simd>(&mut self, simd: S, at: usize, dots: S::f32s, index: u32) -> S::f32s {
        let (mut dots, mut index) = (dots, simd.splat_u32s(index));
        let mut is_placed = simd.greater_than_f32s(dots, dots);
        let ranks = self
            .nearest
            .likeness
            .iter_mut()
            .zip(&mut self.nearest.index);
        for (likeness, known) in ranks {
            let likeness = &mut S::as_mut_simd_f32s(likeness).0[at];
            let known = &mut S::as_mut_simd_u32s(known).0[at];
            // What has given way moves on, also past its equals.
            is_placed = simd.or_m32s(is_placed, simd.greater_than_f32s(dots, *likeness));
            let (before, known_before) = (*likeness, *known);
            *likeness = simd.select_f32s(is_placed, dots, before);
            *known = simd.select_u32s(is_placed, index, known_before);
            dots = simd.select_f32s(is_placed, before, dots);
            index = simd.select_u32s(is_placed, known_before, index);
        }
        self.nearest
            .likeness
            .last()
            .map_or(dots, |worst| S::as_simd_f32s(worst).0[at])
    }
}

#[inline(always)]
fn any<S: Simd>(mask: S::m32s) -> bool {
    let bytes = bytemuck::bytes_of(&mask);
    bytes.iter().fold(0, |all, byte| all | byte) != 0
}

#[cfg(test)]
mod tests {
    use pulp::Scalar;

    use super::*;
    use crate::folds::splitmix64;

    /// `BLOCK + 45` pixels of small codes, many of them alike, and as many vectors.
    fn some(count: usize) -> (Vec<i8>, Vec<Vec<f32>>, usize) {
        let plane = BLOCK + 45;
        let mut state = 3u64;
        let mut random = || {
            state = splitmix64(state);
            (state >> 40) as i64
        };
        let codes = (0..FIELD_AXES * plane)
            .map(|_| (random() % 5) as i8 * 20 - 40)
            .collect();
        let vectors = (0..count)
            .map(|_| (0..FIELD_AXES).map(|_| (random() % 3) as f32).collect())
            .collect();
        (codes, vectors, plane)
    }

    #[test]
    fn ranks_are_those_of_sorting() {
        for (count, ranks) in [(1, 1), (2, 5), (9, 3), (70, 25), (131, 3)] {
            let (codes, mut vectors, plane) = some(count);
            // Equals, so that which of them comes first is asked for, too.
            for index in 1..count {
                if index % 3 == 0 {
                    vectors[index] = vectors[index - 1].clone();
                }
            }
            let forms = Forms::new(vectors.iter().map(Vec::as_slice), &[]);
            for start in [0, BLOCK] {
                let mut block = PixelBlock::new();
                block.decode(Scalar::new(), &codes, plane, start);
                let nearest = Nearest::of(&block, &forms, ranks);
                for pixel in 0..block.count {
                    let dot = |vector: &Vec<f32>| -> f32 {
                        let pairs = vector.iter().zip(block.values.iter());
                        pairs.map(|(weight, values)| weight * values[pixel]).sum()
                    };
                    // Whole numbers: every order of adding gives the same sum.
                    let dots: Vec<f32> = vectors.iter().map(dot).collect();
                    let mut order: Vec<usize> = (0..count).collect();
                    order.sort_by(|a, b| dots[*b].total_cmp(&dots[*a]));
                    for rank in 0..ranks {
                        let likeness = nearest.likeness[rank][pixel];
                        match order.get(rank) {
                            Some(expected) => {
                                assert_eq!(likeness, dots[*expected]);
                                assert_eq!(nearest.index[rank][pixel] as usize, *expected);
                            }
                            None => assert_eq!(likeness, f32::NEG_INFINITY),
                        }
                    }
                }
            }
        }
    }
}
