//! An STP block: space, time and precision operators side by side, then the exchange between their resolutions
//! (specification 5.3). Knows frames as tensors and their time codes. Knows nothing of sensors.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;

use super::StpConfig;
use super::layers::{AttentionBlock, Convolution, Expand, GroupNorm, Reduce};
use crate::fused;
use crate::weights::{Layers, Weights};

/// What the three paths hold of M frames, channel-last.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// [M, L/2, L/2, D_P]
    pub precision: Tensor<4>,
    /// [M, L/8, L/8, D_T]
    pub time: Tensor<4>,
    /// [M, L/16, L/16, D_S]
    pub space: Tensor<4>,
}

#[derive(Module, Debug)]
pub(crate) struct StpBlock {
    space: AttentionBlock,
    time: AttentionBlock,
    tcode: Linear,
    gn: GroupNorm,
    conv1: Convolution,
    conv2: Convolution,
    down_pt: Reduce,
    down_ts: Reduce,
    up_st: Expand,
    up_tp: Expand,
}

impl StpBlock {
    pub fn build<W: Weights>(
        layers: &mut Layers<W>,
        name: &str,
        config: &StpConfig,
    ) -> Result<Self, W::Error> {
        let (p, t, s) = (config.precision, config.time, config.space);
        let hidden = config.hidden();
        Ok(Self {
            space: AttentionBlock::build(layers, &format!("{name}.space"), s, config.space_heads)?,
            time: AttentionBlock::build(layers, &format!("{name}.time"), t, config.time_heads)?,
            tcode: layers.linear(&format!("{name}.tcode"), config.code, t)?,
            gn: GroupNorm::build(layers, &format!("{name}.prec.gn"), p)?,
            conv1: Convolution::build(layers, &format!("{name}.prec.conv1"), [p, hidden], 1)?,
            conv2: Convolution::build(layers, &format!("{name}.prec.conv2"), [hidden, p], 1)?,
            down_pt: Reduce::build(layers, &format!("{name}.ex.down_pt"), [p, t], 4)?,
            down_ts: Reduce::build(layers, &format!("{name}.ex.down_ts"), [t, s], 2)?,
            up_st: Expand::build(layers, &format!("{name}.ex.up_st"), [s, t], 2)?,
            up_tp: Expand::build(layers, &format!("{name}.ex.up_tp"), [t, p], 4)?,
        })
    }

    /// `codes` [M, n]: time codes of the frames; `counts`: how many frames each row of the batch has, in their order.
    pub fn forward(&self, state: State, codes: &Tensor<2>, counts: &[usize]) -> State {
        let space = over_pixels(state.space, |x| self.space.forward(x));
        let time = self.over_time(state.time, codes, counts);
        let precision = self.precisely(state.precision);
        // What space gives to time goes to two sums.
        let c = self.up_st.blocks(space.clone());
        let coarse = self.up_st.spread_onto(time.clone(), c.clone());
        let fine = self.down_pt.onto(time, precision.clone());
        State {
            space: self.down_ts.onto(space, fine.clone()),
            time: self.up_st.spread_onto(fine, c),
            precision: self.up_tp.onto(precision, coarse),
        }
    }

    /// Attention of every pixel over the frames of its row, each frame under the code of its own time.
    fn over_time(&self, x: Tensor<4>, codes: &Tensor<2>, counts: &[usize]) -> Tensor<4> {
        let [frames, rows, columns, width] = x.dims();
        let pixels = rows * columns;
        let x = x.reshape([frames, pixels, width]);
        let code = fused::linear(&self.tcode, codes.clone()).unsqueeze_dim::<3>(1);
        let qkv = self.time.queries_keys_values(x.clone() + code);
        let mixed = self.time.mix_rows(qkv, counts);
        self.time
            .after_mixing(x, mixed)
            .reshape([frames, rows, columns, width])
    }

    fn precisely(&self, x: Tensor<4>) -> Tensor<4> {
        let hidden = self.conv1.forward_gelu(self.gn.forward(x.clone()));
        self.conv2.onto(x, hidden)
    }
}

/// Attention over the pixels of each frame.
fn over_pixels(x: Tensor<4>, attend: impl FnOnce(Tensor<3>) -> Tensor<3>) -> Tensor<4> {
    let [frames, rows, columns, width] = x.dims();
    attend(x.reshape([frames, rows * columns, width])).reshape([frames, rows, columns, width])
}
