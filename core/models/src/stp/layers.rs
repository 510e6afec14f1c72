//! The layers STP is made of, on numbers that lie channel-last: [frames, rows, columns, channels]. So every layer but the
//! 3 x 3 convolutions is one matrix product over all pixels of all frames. Knows tensors. Knows nothing of sensors or time.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Tensor, TensorData};

use crate::fused::{self, Reach};
use crate::weights::{Layers, Weights};

/// Of layer and group norms.
pub(crate) const EPSILON: f64 = 1e-5;

/// Convolution whose kernel is as large as its stride: one product per block of pixels.
#[derive(Module, Debug)]
pub(crate) struct Reduce {
    /// [k * k * in, out], rows by kernel row, kernel column, channel.
    linear: Linear,
    side: usize,
}

impl Reduce {
    pub fn build<W: Weights>(
        layers: &mut Layers<W>,
        name: &str,
        [inputs, outputs]: [usize; 2],
        side: usize,
    ) -> Result<Self, W::Error> {
        Ok(Self {
            linear: convolution(layers, name, inputs, outputs, side)?,
            side,
        })
    }

    /// [M, k h, k w, in] -> [M, h, w, out]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        fused::linear(&self.linear, fused::blocks(x, self.side))
    }

    /// `base` plus the result.
    pub fn onto(&self, base: Tensor<4>, x: Tensor<4>) -> Tensor<4> {
        fused::linear_onto(base, &self.linear, fused::blocks(x, self.side))
    }
}

/// Transposed convolution whose kernel is as large as its stride: every pixel becomes a block.
#[derive(Module, Debug)]
pub(crate) struct Expand {
    /// [in, k * k * out], columns by kernel row, kernel column, channel.
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    side: usize,
}

impl Expand {
    pub fn build<W: Weights>(
        layers: &mut Layers<W>,
        name: &str,
        [inputs, outputs]: [usize; 2],
        side: usize,
    ) -> Result<Self, W::Error> {
        let stored = layers
            .weights
            .take(&format!("{name}.weight"), &[inputs, outputs, side, side])?;
        let values = channels_last(&stored, inputs, outputs, side);
        let data = TensorData::new(values, [inputs, side * side * outputs]);
        Ok(Self {
            weight: Param::from_data(data, layers.device),
            bias: layers.tensor(&format!("{name}.bias"), [outputs])?,
            side,
        })
    }

    /// `base` plus the result.
    pub fn onto(&self, base: Tensor<4>, x: Tensor<4>) -> Tensor<4> {
        self.spread_onto(base, self.blocks(x))
    }

    /// `base` plus what [`Self::blocks`] gave.
    pub fn spread_onto(&self, base: Tensor<4>, blocks: Tensor<4>) -> Tensor<4> {
        fused::unblocked_onto(base, blocks, self.side)
    }

    /// The result before its pixels are put in place: [M, h, w, k * k * out].
    pub fn blocks(&self, x: Tensor<4>) -> Tensor<4> {
        let bias = self.bias.val().repeat_dim(0, self.side * self.side);
        fused::affine(x, self.weight.val(), bias)
    }
}

/// 3 x 3 convolution with one pixel of zeros around.
#[derive(Module, Debug)]
pub(crate) struct Convolution {
    /// [9 * in, out], rows by kernel row, kernel column, channel.
    linear: Linear,
    stride: usize,
}

impl Convolution {
    pub fn build<W: Weights>(
        layers: &mut Layers<W>,
        name: &str,
        [inputs, outputs]: [usize; 2],
        stride: usize,
    ) -> Result<Self, W::Error> {
        Ok(Self {
            linear: convolution(layers, name, inputs, outputs, 3)?,
            stride,
        })
    }

    /// [M, H, W, in] -> [M, H / stride, W / stride, out]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        fused::convolution(&self.linear, x, self.stride)
    }

    /// GELU of the result, with stride 1.
    pub fn forward_gelu(&self, x: Tensor<4>) -> Tensor<4> {
        fused::convolution_gelu(&self.linear, x)
    }

    /// `base` plus the result, with stride 1.
    pub fn onto(&self, base: Tensor<4>, x: Tensor<4>) -> Tensor<4> {
        fused::convolution_onto(base, &self.linear, x)
    }
}

/// Group norm over the pixels and the channels of a group.
#[derive(Module, Debug)]
pub(crate) struct GroupNorm {
    gamma: Param<Tensor<1>>,
    beta: Param<Tensor<1>>,
    groups: usize,
}

impl GroupNorm {
    pub fn build<W: Weights>(
        layers: &mut Layers<W>,
        name: &str,
        channels: usize,
    ) -> Result<Self, W::Error> {
        let groups = [8, 4, 2, 1]
            .into_iter()
            .find(|groups| channels.is_multiple_of(*groups))
            .unwrap_or(1);
        Ok(Self {
            gamma: layers.tensor(&format!("{name}.weight"), [channels])?,
            beta: layers.tensor(&format!("{name}.bias"), [channels])?,
            groups,
        })
    }

    /// [M, H, W, C] -> [M, H, W, C]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        fused::group_norm(x, self.gamma.val(), self.beta.val(), self.groups, EPSILON)
    }
}

/// Attention and MLP, each after a layer norm and added to its input.
#[derive(Module, Debug)]
pub(crate) struct AttentionBlock {
    ln1: LayerNorm,
    /// Queries, keys and values in one product.
    qkv: Linear,
    o: Linear,
    ln2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    heads: usize,
}

impl AttentionBlock {
    pub fn build<W: Weights>(
        layers: &mut Layers<W>,
        name: &str,
        width: usize,
        heads: usize,
    ) -> Result<Self, W::Error> {
        let mut weight = vec![0.0; 3 * width * width];
        let mut bias = Vec::with_capacity(3 * width);
        for (part, letter) in ["q", "k", "v"].into_iter().enumerate() {
            let root = format!("{name}.attn.{letter}");
            let values = layers
                .weights
                .take_transposed(&format!("{root}.weight"), width, width)?;
            for (row, values) in values.chunks_exact(width.max(1)).enumerate() {
                let at = row * 3 * width + part * width;
                weight[at..at + width].copy_from_slice(values);
            }
            bias.extend(layers.weights.take(&format!("{root}.bias"), &[width])?);
        }
        let qkv = Linear {
            weight: Param::from_data(TensorData::new(weight, [width, 3 * width]), layers.device),
            bias: Some(Param::from_data(
                TensorData::new(bias, [3 * width]),
                layers.device,
            )),
        };
        Ok(Self {
            ln1: layers.norm(&format!("{name}.ln1"), width, EPSILON)?,
            qkv,
            o: layers.linear(&format!("{name}.attn.o"), width, width)?,
            ln2: layers.norm(&format!("{name}.ln2"), width, EPSILON)?,
            fc1: layers.linear(&format!("{name}.mlp.fc1"), width, 4 * width)?,
            fc2: layers.linear(&format!("{name}.mlp.fc2"), 4 * width, width)?,
            heads,
        })
    }

    /// Over the tokens of each sequence: [sequences, tokens, D].
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let qkv = self.queries_keys_values(x.clone());
        let mixed = fused::attention(qkv, self.heads);
        self.after_mixing(x, mixed)
    }

    /// [.., D] -> [.., 3 D]; the norm stands inside.
    pub fn queries_keys_values(&self, x: Tensor<3>) -> Tensor<3> {
        fused::linear(&self.qkv, fused::norm(&self.ln1, x, EPSILON))
    }

    /// The mixed values of `queries_keys_values` [M, P, 3 D] over the frames of each row: [M, P, D].
    pub fn mix_rows(&self, qkv: Tensor<3>, counts: &[usize]) -> Tensor<3> {
        fused::attention_of_rows(qkv, self.heads, Reach::All, counts)
    }

    /// Adds the attention's output and the MLP's to `x`.
    pub fn after_mixing(&self, x: Tensor<3>, mixed: Tensor<3>) -> Tensor<3> {
        let x = fused::linear_onto(x, &self.o, mixed);
        let fed = fused::linear_gelu(&self.fc1, fused::norm(&self.ln2, x.clone(), EPSILON));
        fused::linear_onto(x, &self.fc2, fed)
    }
}

/// A convolution's weights as a linear layer on its gathered pixels.
fn convolution<W: Weights>(
    layers: &mut Layers<W>,
    name: &str,
    inputs: usize,
    outputs: usize,
    side: usize,
) -> Result<Linear, W::Error> {
    let stored = layers
        .weights
        .take(&format!("{name}.weight"), &[outputs, inputs, side, side])?;
    let taps = side * side;
    let mut values = vec![0.0; stored.len()];
    for (output, stored) in stored.chunks_exact((inputs * taps).max(1)).enumerate() {
        for (input, stored) in stored.chunks_exact(taps).enumerate() {
            for (tap, value) in stored.iter().enumerate() {
                values[(tap * inputs + input) * outputs + output] = *value;
            }
        }
    }
    let data = TensorData::new(values, [taps * inputs, outputs]);
    Ok(Linear {
        weight: Param::from_data(data, layers.device),
        bias: Some(layers.tensor(&format!("{name}.bias"), [outputs])?),
    })
}

/// [in, out, k, k] to [in, k, k, out].
pub(crate) fn channels_last(
    stored: &[f32],
    inputs: usize,
    outputs: usize,
    side: usize,
) -> Vec<f32> {
    let taps = side * side;
    let mut values = vec![0.0; stored.len()];
    for input in 0..inputs {
        for output in 0..outputs {
            for tap in 0..taps {
                values[(input * taps + tap) * outputs + output] =
                    stored[(input * outputs + output) * taps + tap];
            }
        }
    }
    values
}
