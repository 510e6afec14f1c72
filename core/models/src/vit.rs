//! The transformer block (specification 3.1, with the LayerScale of 3.4).
//! Knows tokens. Knows nothing of where they come from.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;

use crate::DofaConfig;
use crate::fused;
use crate::weights::{Layers, Weights};

/// Epsilon of every layer norm of the transformer.
pub(crate) const EPSILON: f64 = 1e-6;

/// Pre-norm block: attention, then MLP with exact GELU, each added to its input.
#[derive(Module, Debug)]
pub(crate) struct Block {
    norm1: LayerNorm,
    qkv: Linear,
    proj: Linear,
    scale1: Option<Param<Tensor<1>>>,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    scale2: Option<Param<Tensor<1>>>,
    heads: usize,
}

impl Block {
    /// `name`: `blocks.3` or `model.blocks.3`.
    pub fn build<W: Weights>(
        layers: &mut Layers<W>,
        name: &str,
        config: &DofaConfig,
    ) -> Result<Self, W::Error> {
        let d = config.width;
        let scale = |layers: &mut Layers<W>, part: &str| match config.layer_scale {
            true => layers
                .tensor(&format!("{name}.{part}.gamma"), [d])
                .map(Some),
            false => Ok(None),
        };
        Ok(Self {
            norm1: layers.norm(&format!("{name}.norm1"), d, EPSILON)?,
            qkv: layers.linear(&format!("{name}.attn.qkv"), d, 3 * d)?,
            proj: layers.linear(&format!("{name}.attn.proj"), d, d)?,
            scale1: scale(layers, "ls1")?,
            norm2: layers.norm(&format!("{name}.norm2"), d, EPSILON)?,
            fc1: layers.linear(&format!("{name}.mlp.fc1"), d, 4 * d)?,
            fc2: layers.linear(&format!("{name}.mlp.fc2"), 4 * d, d)?,
            scale2: scale(layers, "ls2")?,
            heads: config.heads,
        })
    }

    /// [B, N, D] -> [B, N, D]
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let mixed = self.mix(fused::norm(&self.norm1, x.clone(), EPSILON));
        let x = added(x, &self.proj, mixed, &self.scale1);
        let fed = fused::linear_gelu(&self.fc1, fused::norm(&self.norm2, x.clone(), EPSILON));
        added(x, &self.fc2, fed, &self.scale2)
    }

    /// Attention of all tokens to all tokens before its projection; the rows of `qkv` are q | k | v, each split into heads in order.
    fn mix(&self, x: Tensor<3>) -> Tensor<3> {
        fused::attention(fused::linear(&self.qkv, x), self.heads)
    }
}

/// `base` plus the layer's result, scaled if there is a scale.
fn added(
    base: Tensor<3>,
    layer: &Linear,
    x: Tensor<3>,
    scale: &Option<Param<Tensor<1>>>,
) -> Tensor<3> {
    match scale {
        Some(scale) => base + fused::linear(layer, x) * scale.val().unsqueeze(),
        None => fused::linear_onto(base, layer, x),
    }
}
