//! What the embedding says a sensor saw: a small network for every pixel (specification 5.6).
//! Knows embeddings and times within a valid period. Knows no sensor.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData};

use super::config::EMBEDDING;
use super::{StpConfig, StpTarget, relative_code};
use crate::fused;
use crate::weights::{Layers, Weights};

#[derive(Module, Debug)]
pub(super) struct Decoder {
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
    meta: usize,
}

impl Decoder {
    pub fn build<W: Weights>(
        layers: &mut Layers<'_, W>,
        config: &StpConfig,
        target: &StpTarget,
    ) -> Result<Self, W::Error> {
        let root = format!("dec.{}", target.name);
        let inputs = EMBEDDING + config.relative_code + target.meta;
        let w = config.decoder;
        Ok(Self {
            fc1: layers.linear(&format!("{root}.fc1"), inputs, w)?,
            fc2: layers.linear(&format!("{root}.fc2"), w, w)?,
            fc3: layers.linear(&format!("{root}.fc3"), w, target.outputs)?,
            meta: target.meta,
        })
    }

    /// `u` [B, 64, L, L], one time a row, `meta` [B, m] -> [B, outputs, L, L]
    ///
    /// # Panics
    /// If there is not one time a row, or metadata is missing.
    pub fn forward(
        &self,
        u: Tensor<4>,
        times: &[f64],
        meta: Option<Tensor<2>>,
        code: usize,
    ) -> Tensor<4> {
        let [rows, axes, height, width] = u.dims();
        assert_eq!(times.len(), rows, "one time a row");
        let device = u.device();
        let values: Vec<f32> = times.iter().flat_map(|t| relative_code(*t, code)).collect();
        let told: Tensor<2> = Tensor::from_data(TensorData::new(values, [rows, code]), &device);
        let told = match (meta, self.meta) {
            (_, 0) => told,
            (Some(meta), _) => Tensor::cat(vec![told, meta], 1),
            (None, count) => panic!("a decoder that takes {count} numbers of metadata got none"),
        };
        // What is the same for all pixels of a row goes through the first layer once.
        let weight = self.fc1.weight.val();
        let [inputs, hidden] = weight.dims();
        let of_pixels = weight.clone().narrow(0, 0, axes);
        let of_rows = weight.narrow(0, axes, inputs - axes);
        let bias = match &self.fc1.bias {
            Some(bias) => bias.val(),
            None => Tensor::zeros([hidden], &device),
        };
        let offsets = fused::affine(told, of_rows, bias);
        let pixels = fused::channels_last(u).reshape([rows, height * width, axes]);
        let of_pixels = of_pixels.unsqueeze_dim::<3>(0).expand([rows, axes, hidden]);
        let first = fused::linear_by_row(pixels, of_pixels, offsets, &vec![1; rows]);
        let first = fused::gelu_of(first.reshape([rows, height, width, hidden]));
        let x = fused::linear_gelu(&self.fc2, first);
        let x = fused::linear(&self.fc3, x);
        fused::channels_first(x)
    }
}
