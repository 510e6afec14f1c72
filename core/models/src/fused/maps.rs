//! Group norm, pooling over frames and blocks of pixels of channel-last maps, on slices.
//! Knows slices. Knows no tensors.

use rayon::prelude::*;

use super::rows::{exp, vectorised};
use super::written::{write_from_three, write_rows, written};

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

/// Group norm of every map of `x` [maps, pixels, C].
pub fn group_norm(
    x: &[f32],
    (scale, offset): (&[f32], &[f32]),
    groups: usize,
    epsilon: f32,
    map_size: usize,
) -> Vec<f32> {
    let channels = scale.len().max(1);
    written(x.len(), map_size, |map, place| {
        let x = &x[map * map_size..][..place.len()];
        vectorised(|| {
            let (means, inverse) = moments(x, channels, groups, epsilon);
            let slopes: Vec<f32> = inverse.iter().zip(scale).map(|(a, b)| a * b).collect();
            let steps: Vec<f32> = (0..channels)
                .map(|channel| offset[channel] - means[channel] * slopes[channel])
                .collect();
            write_rows(place, channels, |pixel, place| {
                let x = &x[pixel * channels..];
                write_from_three(place, [x, &slopes, &steps], |x, slope, step| {
                    x * slope + step
                })
            })
        })
    })
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

    /// Numbers that lie together both among the pixels and among the blocks.
    fn run(self) -> usize {
        self.side * self.channels
    }

    /// The blocks of `pixels`.
    pub fn gather(self, pixels: &[f32]) -> Vec<f32> {
        let (line, run) = (self.line(), self.run());
        written(pixels.len(), line, |index, place| {
            let pixels = &pixels[index * line..];
            write_rows(place, run, |at, place| {
                let (column, row) = (at / self.side, at % self.side);
                place.write_copy_of_slice(&pixels[(row * self.columns + column) * run..][..run])
            })
        })
    }

    /// The pixels of `blocks`, plus `base`.
    pub fn spread(self, blocks: &[f32], base: Option<&[f32]>) -> Vec<f32> {
        let (line, run) = (self.line(), self.run());
        written(blocks.len(), line, |index, place| {
            let blocks = &blocks[index * line..];
            write_rows(place, run, |at, place| {
                let (row, column) = (at / self.columns, at % self.columns);
                let there = &blocks[(column * self.side + row) * run..][..run];
                match base {
                    None => place.write_copy_of_slice(there),
                    Some(base) => {
                        let base = &base[index * line + at * run..][..run];
                        write_from_three(place, [there, base, base], |x, base, _| x + base)
                    }
                }
            })
        })
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
pub fn ordered(maps: &[f32], size: usize, order: &[usize]) -> Vec<f32> {
    written(order.len() * size, size, |map, place| {
        place.write_copy_of_slice(&maps[order[map] * size..][..size])
    })
}
