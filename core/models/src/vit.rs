//! The transformer block (specification 3.1, with the LayerScale of 3.4).
//! Knows tokens. Knows nothing of where they come from.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;
use burn::tensor::activation::gelu;
use burn::tensor::module::attention;

use crate::DofaConfig;
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
        let mixed = self.mix(self.norm1.forward(x.clone()));
        let x = x + scaled(mixed, &self.scale1);
        let fed = self
            .fc2
            .forward(gelu(self.fc1.forward(self.norm2.forward(x.clone()))));
        x + scaled(fed, &self.scale2)
    }

    /// Attention of all tokens to all tokens; the rows of `qkv` are q | k | v, each split into heads in order.
    fn mix(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, tokens, d] = x.dims();
        let qkv = self.qkv.forward(x);
        let head = |part: usize| {
            qkv.clone()
                .narrow(2, part * d, d)
                .reshape([batch, tokens, self.heads, d / self.heads])
                .swap_dims(1, 2)
        };
        let mixed = attention(head(0), head(1), head(2), None, None, Default::default());
        self.proj
            .forward(mixed.swap_dims(1, 2).reshape([batch, tokens, d]))
    }
}

fn scaled(x: Tensor<3>, scale: &Option<Param<Tensor<1>>>) -> Tensor<3> {
    match scale {
        Some(scale) => x * scale.val().unsqueeze(),
        None => x,
    }
}
