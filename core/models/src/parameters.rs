//! The parameters of an encoder: name, shape and start value, from the size alone.
//! One table serves building, seeded start, loading and checking. Allocates nothing but names.

use crate::DofaConfig;
use crate::wavelength::{FEED_FORWARD, GENERATOR_WIDTH, WEIGHT_TOKENS};

/// A tensor of the encoder, named and shaped as in the published weights files (linear weights are [out, in]).
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    pub name: String,
    pub shape: Vec<usize>,
    pub start: Start,
}

/// Value of a parameter before any training (specification 2.6; the pass of the whole masked autoencoder wins:
/// linear biases 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// Normal with mean 0 and this deviation.
    Normal(f32),
    /// Uniform in ±sqrt(6 / (in + out)).
    Xavier,
    Constant(f32),
    /// The fixed sine-cosine table of section 3.2.
    Positions {
        side: usize,
        width: usize,
    },
}

impl Parameter {
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl DofaConfig {
    /// Prefix of the transformer's names: version 2 wraps it into a `model`.
    pub(crate) fn backbone(&self) -> &'static str {
        if self.layer_scale { "model." } else { "" }
    }

    /// Every tensor the encoder computes with, in the order of the published files.
    pub fn parameters(&self) -> Vec<Parameter> {
        let d = self.width;
        let root = self.backbone();
        let side = self.table_side();
        let tokens = side * side + 1;
        let mut list = ParameterList(Vec::new());
        list.add(format!("{root}cls_token"), &[1, 1, d], Start::Normal(0.02));
        list.add(
            format!("{root}pos_embed"),
            &[1, tokens, d],
            Start::Positions { side, width: d },
        );

        let e = GENERATOR_WIDTH;
        let generator = "patch_embed.weight_generator";
        let layer = format!("{generator}.transformer_encoder.layers.0");
        list.add(
            format!("{generator}.weight_tokens"),
            &[WEIGHT_TOKENS, e],
            Start::Normal(0.02),
        );
        list.add(
            format!("{generator}.bias_token"),
            &[1, e],
            Start::Normal(0.02),
        );
        list.add(
            format!("{layer}.self_attn.in_proj_weight"),
            &[3 * e, e],
            Start::Xavier,
        );
        list.add(
            format!("{layer}.self_attn.in_proj_bias"),
            &[3 * e],
            Start::Constant(0.0),
        );
        list.linear(&format!("{layer}.self_attn.out_proj"), e, e);
        list.linear(&format!("{layer}.linear1"), e, FEED_FORWARD);
        list.linear(&format!("{layer}.linear2"), FEED_FORWARD, e);
        list.norm(&format!("{layer}.norm1"), e);
        list.norm(&format!("{layer}.norm2"), e);
        list.linear(
            &format!("{generator}.fc_weight"),
            e,
            self.patch * self.patch * d,
        );
        list.linear(&format!("{generator}.fc_bias"), e, d);
        list.linear("patch_embed.fclayer.w1", e, e);
        list.linear("patch_embed.fclayer.w2", e, e);

        for index in 0..self.depth {
            let block = format!("{root}blocks.{index}");
            list.norm(&format!("{block}.norm1"), d);
            list.linear(&format!("{block}.attn.qkv"), d, 3 * d);
            list.linear(&format!("{block}.attn.proj"), d, d);
            if self.layer_scale {
                list.add(format!("{block}.ls1.gamma"), &[d], Start::Constant(1e-5));
            }
            list.norm(&format!("{block}.norm2"), d);
            list.linear(&format!("{block}.mlp.fc1"), d, 4 * d);
            list.linear(&format!("{block}.mlp.fc2"), 4 * d, d);
            if self.layer_scale {
                list.add(format!("{block}.ls2.gamma"), &[d], Start::Constant(1e-5));
            }
        }
        list.norm(&format!("{root}norm"), d);
        list.0
    }

    /// Number of floats the encoder computes with, position table included.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(Parameter::len).sum()
    }
}

struct ParameterList(Vec<Parameter>);

impl ParameterList {
    fn add(&mut self, name: String, shape: &[usize], start: Start) {
        self.0.push(Parameter {
            name,
            shape: shape.to_vec(),
            start,
        });
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.add(format!("{name}.weight"), &[outputs, inputs], Start::Xavier);
        self.add(format!("{name}.bias"), &[outputs], Start::Constant(0.0));
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.add(format!("{name}.weight"), &[width], Start::Constant(1.0));
        self.add(format!("{name}.bias"), &[width], Start::Constant(0.0));
    }
}
