//! Which parameters of an encoder learn: none, its last blocks, low-rank additions to its attention, or all.
//! Knows an encoder's blocks. Knows nothing of heads, losses or steps.

use burn::module::{Lora, LoraAdapter, Module, Param, ParamGroup, Reparameterizer};
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::Dofa;
use crate::weights::Stream;

/// What of an encoder learns. A head on it always does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trainable {
    Nothing,
    /// The deepest blocks, this many.
    LastBlocks(usize),
    /// Products of this rank, times alpha / rank, added to the weights of `qkv` and `proj` of every block.
    Lora {
        rank: usize,
        alpha: f64,
    },
    /// Everything but the position table, which the published training keeps fixed too.
    Everything,
}

impl Trainable {
    /// Marks what learns; `seed` names the start of low-rank additions, which begin without effect.
    pub fn apply(self, encoder: Dofa, seed: u64) -> Dofa {
        let depth = encoder.config().depth;
        match self {
            Self::LastBlocks(count) if count > 0 => {
                let paths = (depth.saturating_sub(count)..depth)
                    .map(|block| format!("blocks.{block}."))
                    .collect();
                encoder
                    .no_grad()
                    .set_require_grad_group(ParamGroup::from_any_predicates(paths), true)
            }
            Self::Nothing | Self::LastBlocks(_) => encoder.no_grad(),
            Self::Lora { rank, alpha } => {
                let paths: Vec<String> = (0..depth)
                    .flat_map(|block| {
                        ["qkv", "proj"].map(|layer| format!("blocks.{block}.{layer}.weight"))
                    })
                    .collect();
                let lora =
                    Lora::new(rank.max(1), alpha).set_param_group(ParamGroup::from_paths(paths));
                encoder.apply_reparameterization(SeededLora { lora, seed })
            }
            Self::Everything => encoder
                .set_require_grad(true)
                .set_require_grad_group(ParamGroup::from_path("positions"), false),
        }
    }

    /// Whether patch kernels change from step to step.
    pub fn moves_kernels(self) -> bool {
        self == Self::Everything
    }
}

/// Burn's low-rank additions, their first factor drawn on the processor: the same start on every device.
struct SeededLora {
    lora: Lora,
    seed: u64,
}

impl Reparameterizer for SeededLora {
    type Reparam = LoraAdapter;

    fn reparameterize<const D: usize>(
        &mut self,
        path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<LoraAdapter>) {
        let (base, adapter) = self.lora.reparameterize(path, param);
        let adapter = adapter.map(|mut adapter| {
            let first = adapter.a.val();
            let [inputs, rank] = first.dims();
            let mut stream = Stream::new(self.seed, path);
            let deviation = 1.0 / rank as f32;
            let values: Vec<f32> = (0..inputs * rank)
                .map(|_| deviation * stream.normal())
                .collect();
            adapter.a = Param::from_data(TensorData::new(values, [inputs, rank]), &first.device());
            adapter
        });
        (base, adapter)
    }
}
