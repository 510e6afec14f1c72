//! The transformer block of KG-VSF, over the tokens of an image or over the images of a place (specification 4.4).
//! Knows tokens. Knows nothing of where they come from.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;

use crate::fused::{self, Reach};
use crate::weights::{Layers, Weights};

/// Of every layer norm.
pub(super) const EPSILON: f64 = 1e-5;

/// Attention, then an MLP with exact GELU, each after a layer norm and added to its input.
#[derive(Module, Debug)]
pub(super) struct TokenBlock {
    n1: LayerNorm,
    qkv: Linear,
    proj: Linear,
    n2: LayerNorm,
    f1: Linear,
    f2: Linear,
    heads: usize,
}

impl TokenBlock {
    pub fn build_all<W: Weights>(
        layers: &mut Layers<'_, W>,
        root: &str,
        count: usize,
        [d, mlp, heads]: [usize; 3],
    ) -> Result<Vec<Self>, W::Error> {
        let block = |index: usize| {
            let name = format!("{root}.{index}");
            Ok(Self {
                n1: layers.norm(&format!("{name}.n1"), d, EPSILON)?,
                qkv: layers.linear(&format!("{name}.qkv"), d, 3 * d)?,
                proj: layers.linear(&format!("{name}.proj"), d, d)?,
                n2: layers.norm(&format!("{name}.n2"), d, EPSILON)?,
                f1: layers.linear(&format!("{name}.f1"), d, mlp)?,
                f2: layers.linear(&format!("{name}.f2"), mlp, d)?,
                heads,
            })
        };
        (0..count).map(block).collect()
    }

    /// Every token takes from all of its image: [M, N, D] -> [M, N, D].
    pub fn over_image(&self, x: Tensor<3>) -> Tensor<3> {
        let mixed = fused::attention(self.queries_keys_values(x.clone()), self.heads);
        self.after_mixing(x, mixed)
    }

    /// Every token takes from those at its place in the images of its row that are in reach: [M, N, D], `counts` images a row.
    pub fn over_time(&self, x: Tensor<3>, reach: Reach, counts: &[usize]) -> Tensor<3> {
        let qkv = self.queries_keys_values(x.clone());
        let mixed = fused::attention_of_rows(qkv, self.heads, reach, counts);
        self.after_mixing(x, mixed)
    }

    fn queries_keys_values(&self, x: Tensor<3>) -> Tensor<3> {
        fused::linear(&self.qkv, fused::norm(&self.n1, x, EPSILON))
    }

    fn after_mixing(&self, x: Tensor<3>, mixed: Tensor<3>) -> Tensor<3> {
        let x = fused::linear_onto(x, &self.proj, mixed);
        let fed = fused::linear_gelu(&self.f1, fused::norm(&self.n2, x.clone(), EPSILON));
        fused::linear_onto(x, &self.f2, fed)
    }
}
