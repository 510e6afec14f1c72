//! Where the values of a network come from, and the Burn layers made of them.
//! Knows names and values. Knows no file format and no network.

use std::collections::HashMap;
use std::convert::Infallible;

use burn::module::{Param, RunningState};
use burn::nn::{BatchNorm, BatchNormConfig, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Tensor, TensorData};

use crate::parameters::{Parameter, Start};
use crate::position::sin_cos_table;

/// Gives the values of a parameter by name, in the order and layout of the published files.
pub(crate) trait Weights {
    type Error;
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Self::Error>;

    /// A matrix [rows, columns] of the published files as [columns, rows], the order Burn's layers keep.
    fn take_transposed(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Vec<f32>, Self::Error> {
        Ok(transposed(
            &self.take(name, &[rows, columns])?,
            rows,
            columns,
        ))
    }
}

/// What a pixel gives to the four pixels around it along an axis when a map is enlarged twice linearly.
const ENLARGING: [f32; 4] = [0.25, 0.75, 0.75, 0.25];

/// Start values drawn on the processor, so that every device begins with the same numbers. Each parameter has its own
/// stream, named by seed and parameter: adding a block changes no other tensor.
pub(crate) struct Seeded {
    seed: u64,
    start_of: HashMap<String, Start>,
}

impl Seeded {
    pub fn new(seed: u64, parameters: Vec<Parameter>) -> Self {
        Self {
            seed,
            start_of: parameters.into_iter().map(|p| (p.name, p.start)).collect(),
        }
    }
}

impl Weights for Seeded {
    type Error = Infallible;

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Infallible> {
        let count: usize = shape.iter().product();
        let start = self
            .start_of
            .get(name)
            .copied()
            .unwrap_or(Start::Constant(0.0));
        let mut stream = Stream::new(self.seed, name);
        Ok(match start {
            Start::Constant(value) => vec![value; count],
            Start::Normal(deviation) => (0..count).map(|_| deviation * stream.normal()).collect(),
            Start::Xavier => {
                let fans: usize = shape.iter().sum();
                stream.uniforms((6.0 / fans as f64).sqrt(), count)
            }
            Start::Uniform(limit) => stream.uniforms(f64::from(limit), count),
            Start::Enlarging(limit) => stream
                .uniforms(f64::from(limit), count / ENLARGING.len().pow(2))
                .into_iter()
                .flat_map(|mix| {
                    ENLARGING
                        .into_iter()
                        .flat_map(move |y| ENLARGING.map(|x| mix * y * x))
                })
                .collect(),
            Start::Positions { side, width } => sin_cos_table(side, width),
        })
    }
}

/// Numbers by chance that are the same for the same seed and name, in every process and on every device.
///
/// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state are plenty for start values and crops, and ten lines keep the
/// numbers the same across Burn's versions.
#[derive(Clone, Debug)]
pub struct Stream(u64);

impl Stream {
    /// The stream of a name; streams of other names or seeds have nothing to do with it.
    pub fn new(seed: u64, name: &str) -> Self {
        // FNV-1a of the name, mixed with the seed.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut stream = Self(seed);
        stream.0 = stream.next() ^ hash;
        stream
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In (0, 1): 53 bits, never 0, so that its logarithm exists.
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// `count` numbers in ± limit.
    fn uniforms(&mut self, limit: f64, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| (limit * (2.0 * self.uniform() - 1.0)) as f32)
            .collect()
    }

    /// `count` factors that leave numbers out by chance: 0 for this share of them, and what makes up for it for the others.
    pub(crate) fn kept(&mut self, left_out: f64, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| match self.uniform() < left_out {
                true => 0.0,
                false => (1.0 / (1.0 - left_out)) as f32,
            })
            .collect()
    }

    /// `count` normal numbers of this deviation, both of each of Box and Muller's pairs.
    pub fn normals(&mut self, deviation: f32, count: usize) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(count + 1);
        while numbers.len() < count {
            let radius = deviation * (-2.0 * self.uniform().ln()).sqrt() as f32;
            let (sine, cosine) = (std::f32::consts::TAU * self.uniform() as f32).sin_cos();
            numbers.extend([radius * cosine, radius * sine]);
        }
        numbers.truncate(count);
        numbers
    }

    /// Box-Muller, one of the pair.
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.uniform()).cos()) as f32
    }
}

/// Makes Burn's layers of named weights.
pub(crate) struct Layers<'a, W> {
    pub weights: &'a mut W,
    pub device: &'a Device,
}

impl<W: Weights> Layers<'_, W> {
    pub fn tensor<const D: usize>(
        &mut self,
        name: &str,
        shape: [usize; D],
    ) -> Result<Param<Tensor<D>>, W::Error> {
        let values = self.weights.take(name, &shape)?;
        Ok(Param::from_data(
            TensorData::new(values, shape),
            self.device,
        ))
    }

    /// `weight` and `bias` of a linear layer; the file keeps [out, in], Burn multiplies by [in, out].
    pub fn linear(
        &mut self,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Linear, W::Error> {
        self.linear_named(
            &format!("{name}.weight"),
            &format!("{name}.bias"),
            inputs,
            outputs,
        )
    }

    pub fn linear_named(
        &mut self,
        weight: &str,
        bias: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Linear, W::Error> {
        let values = self.weights.take_transposed(weight, outputs, inputs)?;
        let weight = Param::from_data(TensorData::new(values, [inputs, outputs]), self.device);
        Ok(Linear {
            weight,
            bias: Some(self.tensor(bias, [outputs])?),
        })
    }

    pub fn norm(&mut self, name: &str, width: usize, epsilon: f64) -> Result<LayerNorm, W::Error> {
        let mut norm = LayerNormConfig::new(width)
            .with_epsilon(epsilon)
            .init(self.device);
        norm.gamma = self.tensor(&format!("{name}.weight"), [width])?;
        norm.beta = Some(self.tensor(&format!("{name}.bias"), [width])?);
        Ok(norm)
    }

    /// Batch norm with momentum 0.1; `weight`, `bias` and the running statistics as PyTorch names them.
    pub fn batch_norm(
        &mut self,
        name: &str,
        width: usize,
        epsilon: f64,
    ) -> Result<BatchNorm, W::Error> {
        let mut norm = BatchNormConfig::new(width)
            .with_epsilon(epsilon)
            .init(self.device);
        norm.gamma = self.tensor(&format!("{name}.weight"), [width])?;
        norm.beta = self.tensor(&format!("{name}.bias"), [width])?;
        norm.running_mean = self.running(&format!("{name}.running_mean"), width)?;
        norm.running_var = self.running(&format!("{name}.running_var"), width)?;
        Ok(norm)
    }

    fn running(&mut self, name: &str, width: usize) -> Result<RunningState<Tensor<1>>, W::Error> {
        let values = self.weights.take(name, &[width])?;
        let data = TensorData::new(values, [width]);
        Ok(RunningState::new(Tensor::from_data(data, self.device)))
    }
}

/// Row-major [rows, columns] to [columns, rows], in squares that stay in the cache.
pub(crate) fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    const SIDE: usize = 32;
    let mut out = vec![0.0; values.len()];
    for row_start in (0..rows).step_by(SIDE) {
        for column_start in (0..columns).step_by(SIDE) {
            for row in row_start..(row_start + SIDE).min(rows) {
                for column in column_start..(column_start + SIDE).min(columns) {
                    out[column * rows + row] = values[row * columns + column];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes_ragged_matrices() {
        let values: Vec<f32> = (0..33 * 70).map(|v| v as f32).collect();
        let out = transposed(&values, 33, 70);
        assert_eq!(out[5 * 33 + 32], values[32 * 70 + 5]);
        assert_eq!(transposed(&out, 70, 33), values);
    }

    #[test]
    fn draws_have_their_moments_and_repeat() {
        let parameters = vec![
            Parameter {
                name: "n".into(),
                shape: vec![200, 200],
                start: Start::Normal(0.02),
            },
            Parameter {
                name: "x".into(),
                shape: vec![200, 100],
                start: Start::Xavier,
            },
        ];
        let mut one = Seeded::new(7, parameters.clone());
        let mut same = Seeded::new(7, parameters.clone());
        let mut other = Seeded::new(8, parameters);
        let normal = one.take("n", &[200, 200]).unwrap();
        assert_eq!(normal, same.take("n", &[200, 200]).unwrap());
        assert_ne!(normal, other.take("n", &[200, 200]).unwrap());
        let mean = normal.iter().sum::<f32>() / 40_000.0;
        let deviation = (normal.iter().map(|v| v * v).sum::<f32>() / 40_000.0).sqrt();
        assert!(
            mean.abs() < 5e-4 && (deviation - 0.02).abs() < 5e-4,
            "{mean} {deviation}"
        );
        let uniform = one.take("x", &[200, 100]).unwrap();
        let limit = (6.0_f32 / 300.0).sqrt();
        assert!(uniform.iter().all(|v| v.abs() <= limit));
        assert!(uniform.iter().any(|v| v.abs() > 0.99 * limit));
    }

    #[test]
    fn an_enlarging_start_keeps_a_flat_map_flat() {
        let shape = [3, 2, 4, 4];
        let mut start = Seeded::new(
            1,
            vec![Parameter {
                name: "up".into(),
                shape: shape.to_vec(),
                start: Start::Enlarging(0.5),
            }],
        );
        let weight = start.take("up", &shape).unwrap();
        for kernel in weight.chunks_exact(16) {
            // Each of the four pixels of a block gathers two taps along each axis: even ones 1 and 3, odd ones 0 and 2.
            let sum = |rows: [usize; 2], columns: [usize; 2]| -> f32 {
                rows.into_iter()
                    .flat_map(|row| columns.map(|column| kernel[4 * row + column]))
                    .sum()
            };
            let first = sum([1, 3], [1, 3]);
            assert!(first != 0.0 && first.abs() <= 0.5);
            for other in [
                sum([0, 2], [0, 2]),
                sum([1, 3], [0, 2]),
                sum([0, 2], [1, 3]),
            ] {
                assert!((other - first).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn first_numbers_never_change() {
        // A saved project names only the seed: these bits are part of its meaning.
        let mut stream = Stream::new(0, "cls_token");
        assert_eq!(stream.next(), Stream::new(0, "cls_token").next());
        let known = Stream(0).next();
        assert_eq!(
            known, 0xe220_a839_7b1d_cdaf,
            "SplitMix64's published first output for seed 0"
        );
    }
}
