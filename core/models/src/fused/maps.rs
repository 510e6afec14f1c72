//! Group norm, pooling over frames and blocks of pixels of channel-last maps, on slices.
//! Knows slices. Knows no tensors.

use rayon::prelude::*;

use super::rows::{exp, vectorised};

/// Sums of every channel of a map [pixels, C] of `f(value, channel)`.
#[inline(always)]
fn channel_sums(map: &[f32], channels: usize, f: impl Fn(f32, usize) -> f32) -> Vec<f32> {
    let mut sums = vec![0.0; channels];
    for pixel in map.chunks_exact(channels) {
        for (channel, (sum, value)) in sums.iter_mut().zip(pixel).enumerate() {
            *sum += f(*value, channel);
        }
    }
    sums
}

/// Mean over the channels of every group, spread to its channels.
#[inline(always)]
fn group_means(sums: &[f32], groups: usize, pixels: usize) -> Vec<f32> {
    let of_group = (sums.len() / groups.max(1)).max(1);
    let count = (pixels * of_group) as f32;
    sums.chunks_exact(of_group)
        .flat_map(|group| {
            let mean = group.iter().sum::<f32>() / count;
            std::iter::repeat_n(mean, of_group)
        })
        .collect()
}

/// Mean and 1 / deviation of every channel's group.
#[inline(always)]
fn moments(map: &[f32], channels: usize, groups: usize, epsilon: f32) -> (Vec<f32>, Vec<f32>) {
    let pixels = map.len() / channels.max(1);
    let means = group_means(&channel_sums(map, channels, |x, _| x), groups, pixels);
    let squares = channel_sums(map, channels, |x, channel| {
        let off = x - means[channel];
        off * off
    });
    let mut inverse = group_means(&squares, groups, pixels);
    inverse
        .iter_mut()
        .for_each(|variance| *variance = 1.0 / (*variance + epsilon).sqrt());
    (means, inverse)
}

/// Group norm of every map of `x` [maps, pixels, C] into `out`.
pub fn group_norm(
    x: &[f32],
    (scale, offset): (&[f32], &[f32]),
    groups: usize,
    epsilon: f32,
    map_size: usize,
    out: &mut [f32],
) {
    let channels = scale.len().max(1);
    out.par_chunks_mut(map_size.max(1))
        .zip(x.par_chunks(map_size.max(1)))
        .for_each(|(out, x)| {
            vectorised(|| {
                let (means, inverse) = moments(x, channels, groups, epsilon);
                let slopes: Vec<f32> = inverse.iter().zip(scale).map(|(a, b)| a * b).collect();
                let steps: Vec<f32> = (0..channels)
                    .map(|channel| offset[channel] - means[channel] * slopes[channel])
                    .collect();
                let pixels = out.chunks_exact_mut(channels).zip(x.chunks_exact(channels));
                for (out, x) in pixels {
                    for (((out, x), slope), step) in out.iter_mut().zip(x).zip(&slopes).zip(&steps)
                    {
                        *out = x * slope + step;
                    }
                }
            });
        });
}

/// Gradients of [`group_norm`]. `gradient` holds that of the result and becomes that of `x`; returns those of scale and
/// offset.
pub fn group_norm_backward(
    gradient: &mut [f32],
    x: &[f32],
    scale: &[f32],
    groups: usize,
    epsilon: f32,
    map_size: usize,
) -> (Vec<f32>, Vec<f32>) {
    let channels = scale.len().max(1);
    let parts: Vec<(Vec<f32>, Vec<f32>)> = gradient
        .par_chunks_mut(map_size.max(1))
        .zip(x.par_chunks(map_size.max(1)))
        .map(|(gradient, x)| {
            vectorised(|| {
                let (means, inverse) = moments(x, channels, groups, epsilon);
                let of_offset = channel_sums(gradient, channels, |g, _| g);
                let mut of_scale = vec![0.0; channels];
                let pixels = gradient
                    .chunks_exact(channels)
                    .zip(x.chunks_exact(channels));
                for (gradient, x) in pixels {
                    for channel in 0..channels {
                        let deviation = (x[channel] - means[channel]) * inverse[channel];
                        of_scale[channel] += gradient[channel] * deviation;
                    }
                }
                let pixels = x.len() / channels;
                let scaled = |sums: &[f32]| -> Vec<f32> {
                    let scaled: Vec<f32> = sums.iter().zip(scale).map(|(a, b)| a * b).collect();
                    group_means(&scaled, groups, pixels)
                };
                let (level, slope) = (scaled(&of_offset), scaled(&of_scale));
                let pixels = gradient
                    .chunks_exact_mut(channels)
                    .zip(x.chunks_exact(channels));
                for (gradient, x) in pixels {
                    for channel in 0..channels {
                        let deviation = (x[channel] - means[channel]) * inverse[channel];
                        gradient[channel] = inverse[channel]
                            * (gradient[channel] * scale[channel]
                                - level[channel]
                                - deviation * slope[channel]);
                    }
                }
                (of_scale, of_offset)
            })
        })
        .collect();
    let mut sums = (vec![0.0; channels], vec![0.0; channels]);
    for (scale, offset) in &parts {
        sums.0.iter_mut().zip(scale).for_each(|(a, b)| *a += b);
        sums.1.iter_mut().zip(offset).for_each(|(a, b)| *a += b);
    }
    sums
}

/// Frames pooled at every pixel.
#[derive(Clone, Copy)]
pub struct Pooling {
    pub frames: usize,
    pub pixels: usize,
    pub heads: usize,
    pub width: usize,
}

impl Pooling {
    /// Pixels a task takes.
    const TASK: usize = 64;

    /// How much each frame counts: softmax of `logits` [T, P, heads] over T.
    fn shares(self, logits: &[f32]) -> Vec<f32> {
        let plane = self.pixels * self.heads;
        let mut shares = logits.to_vec();
        let mut highest = vec![f32::NEG_INFINITY; plane];
        for logits in logits.chunks_exact(plane.max(1)) {
            for (highest, value) in highest.iter_mut().zip(logits) {
                *highest = if value > highest { *value } else { *highest };
            }
        }
        let mut sums = vec![0.0; plane];
        vectorised(|| {
            for shares in shares.chunks_exact_mut(plane.max(1)) {
                for ((share, highest), sum) in shares.iter_mut().zip(&highest).zip(&mut sums) {
                    *share = exp(*share - highest);
                    *sum += *share;
                }
            }
            for sum in &mut sums {
                *sum = 1.0 / *sum;
            }
            for shares in shares.chunks_exact_mut(plane.max(1)) {
                for (share, inverse) in shares.iter_mut().zip(&sums) {
                    *share *= inverse;
                }
            }
        });
        shares
    }

    /// [P, heads, D] of frames [T, P, D], added to `out`.
    pub fn forward(self, logits: &[f32], frames: &[f32], out: &mut [f32]) {
        let Self {
            pixels,
            heads,
            width,
            ..
        } = self;
        let shares = self.shares(logits);
        out.par_chunks_mut((Self::TASK * heads * width).max(1))
            .enumerate()
            .for_each(|(task, out)| {
                vectorised(|| {
                    for frame in 0..self.frames {
                        let first = frame * pixels + task * Self::TASK;
                        for (index, out) in out.chunks_exact_mut(heads * width).enumerate() {
                            let at = first + index;
                            let values = &frames[at * width..][..width];
                            let shares = &shares[at * heads..][..heads];
                            for (out, share) in out.chunks_exact_mut(width).zip(shares) {
                                for (out, value) in out.iter_mut().zip(values) {
                                    *out += share * value;
                                }
                            }
                        }
                    }
                });
            });
    }

    /// Gradients of logits and frames from that of the result, into zeros.
    pub fn backward(
        self,
        (logits, frames): (&[f32], &[f32]),
        gradient: &[f32],
        (of_shares, of_frames): (&mut [f32], &mut [f32]),
    ) {
        let Self {
            pixels,
            heads,
            width,
            ..
        } = self;
        let shares = self.shares(logits);
        let plane = (pixels * heads).max(1);
        of_frames
            .par_chunks_mut((pixels * width).max(1))
            .zip(of_shares.par_chunks_mut(plane))
            .enumerate()
            .for_each(|(frame, (of_frames, of_shares))| {
                vectorised(|| {
                    for pixel in 0..pixels {
                        let at = frame * pixels + pixel;
                        let values = &frames[at * width..][..width];
                        let out = &mut of_frames[pixel * width..][..width];
                        for head in 0..heads {
                            let gradient = &gradient[(pixel * heads + head) * width..][..width];
                            let share = shares[at * heads + head];
                            let mut dot = 0.0;
                            for ((out, value), g) in out.iter_mut().zip(values).zip(gradient) {
                                *out += share * g;
                                dot += value * g;
                            }
                            of_shares[pixel * heads + head] = dot;
                        }
                    }
                });
            });
        let mut common = vec![0.0; plane];
        for (shares, of_shares) in shares
            .chunks_exact(plane)
            .zip(of_shares.chunks_exact(plane))
        {
            for ((sum, share), g) in common.iter_mut().zip(shares).zip(of_shares) {
                *sum += share * g;
            }
        }
        for (shares, of_shares) in shares
            .chunks_exact(plane)
            .zip(of_shares.chunks_exact_mut(plane))
        {
            for ((g, share), common) in of_shares.iter_mut().zip(shares).zip(&common) {
                *g = share * (*g - common);
            }
        }
    }
}

/// Blocks of `side` x `side` pixels of maps [M, side h, side w, C] as [M, h, w, side * side * C], by row and column in the
/// block, or back.
#[derive(Clone, Copy)]
pub struct Blocks {
    /// w
    pub columns: usize,
    pub side: usize,
    pub channels: usize,
}

impl Blocks {
    /// Numbers of a row of blocks.
    fn line(self) -> usize {
        self.columns * self.side * self.side * self.channels
    }

    /// Calls `f` with every run of numbers that lies together: where it is among the pixels and where among the blocks.
    #[inline(always)]
    fn runs(self, mut f: impl FnMut(usize, usize, usize)) {
        let run = self.side * self.channels;
        for row in 0..self.side {
            for column in 0..self.columns {
                f(
                    (row * self.columns + column) * run,
                    (column * self.side + row) * run,
                    run,
                );
            }
        }
    }

    pub fn gather(self, pixels: &[f32], blocks: &mut [f32]) {
        let line = self.line().max(1);
        blocks
            .par_chunks_mut(line)
            .zip(pixels.par_chunks(line))
            .for_each(|(blocks, pixels)| {
                self.runs(|from, to, run| {
                    blocks[to..to + run].copy_from_slice(&pixels[from..from + run]);
                });
            });
    }

    /// Pixels become those of the blocks, plus `base`.
    pub fn spread(self, blocks: &[f32], base: Option<&[f32]>, pixels: &mut [f32]) {
        let line = self.line().max(1);
        pixels
            .par_chunks_mut(line)
            .zip(blocks.par_chunks(line))
            .enumerate()
            .for_each(|(index, (pixels, blocks))| match base {
                None => self.runs(|to, from, run| {
                    pixels[to..to + run].copy_from_slice(&blocks[from..from + run]);
                }),
                Some(base) => {
                    let base = &base[index * line..][..pixels.len()];
                    self.runs(|to, from, run| {
                        let numbers = base[to..to + run].iter().zip(&blocks[from..from + run]);
                        for (out, (a, b)) in pixels[to..to + run].iter_mut().zip(numbers) {
                            *out = a + b;
                        }
                    });
                }
            });
    }
}

/// Every map [A, B] of `maps` as [B, A].
pub fn turned(maps: &[f32], [a, b]: [usize; 2], out: &mut [f32]) {
    /// Sides of the squares that stay in the cache.
    const SIDE: usize = 16;
    let size = (a * b).max(1);
    out.par_chunks_mut(size)
        .zip(maps.par_chunks(size))
        .for_each(|(out, map)| {
            for first in (0..b).step_by(SIDE) {
                let last = (first + SIDE).min(b);
                for row in 0..a {
                    let values = &map[row * b + first..row * b + last];
                    for (column, value) in values.iter().enumerate() {
                        out[(first + column) * a + row] = *value;
                    }
                }
            }
        });
}

/// Maps of `size` numbers in another order: map `order[i]` becomes map i.
pub fn ordered(maps: &[f32], size: usize, order: &[usize], out: &mut [f32]) {
    out.par_chunks_mut(size.max(1))
        .zip(order)
        .for_each(|(out, from)| {
            out.copy_from_slice(&maps[from * size..(from + 1) * size]);
        });
}
