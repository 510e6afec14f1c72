//! The summary of a valid period: one query for all pixels pools the frames of a row, then the map is brought to full size and
//! onto the sphere (specification 5.5). The encoder's frames stay as they are: another period costs only this.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};

use super::{Encoded, StpConfig, codes, config::EMBEDDING, indices, time_code};
use crate::fused;
use crate::weights::{Layers, Weights};

/// Length below which a direction is not lengthened to 1.
const SHORTEST: f32 = 1e-6;

#[derive(Module, Debug)]
pub(super) struct Summary {
    q0: Param<Tensor<1>>,
    query1: Linear,
    query2: Linear,
    kcode: Linear,
    q: Linear,
    k: Linear,
    v: Linear,
    o: Linear,
    /// [in, out, 4, 4] of the transposed convolution to full size.
    up: Param<Tensor<4>>,
    up_bias: Param<Tensor<1>>,
    head: Linear,
}

impl Summary {
    pub fn build<W: Weights>(
        layers: &mut Layers<'_, W>,
        config: &StpConfig,
    ) -> Result<Self, W::Error> {
        let p = config.precision;
        let stored = layers.weights.take("head.weight", &[EMBEDDING, p, 1, 1])?;
        let turned = crate::weights::transposed(&stored, EMBEDDING, p);
        let head = Linear {
            weight: Param::from_data(TensorData::new(turned, [p, EMBEDDING]), layers.device),
            bias: Some(layers.tensor("head.bias", [EMBEDDING])?),
        };
        Ok(Self {
            q0: layers.tensor("q0", [p])?,
            query1: layers.linear("query.fc1", 2 * config.code, p)?,
            query2: layers.linear("query.fc2", p, p)?,
            kcode: layers.linear("kcode", config.code, p)?,
            q: layers.linear("pool.q", p, p)?,
            k: layers.linear("pool.k", p, p)?,
            v: layers.linear("pool.v", p, p)?,
            o: layers.linear("pool.o", p, p)?,
            up: layers.tensor("up.weight", [p, p, 4, 4])?,
            up_bias: layers.tensor("up.bias", [p])?,
            head,
        })
    }

    pub fn forward(
        &self,
        encoded: &Encoded,
        periods_days: &[(f64, f64)],
        config: &StpConfig,
    ) -> Tensor<4> {
        assert_eq!(periods_days.len(), encoded.rows(), "one valid period a row");
        let half = encoded.side / 2;
        let queries = self.queries(periods_days, config, &encoded.device);
        let context = match &encoded.frames {
            Some(frames) => self.pool(frames.clone(), encoded, queries, config),
            // Without frames there is no context: what is left is the output's bias.
            None => {
                let pixels = encoded.rows() * half * half;
                Tensor::zeros([pixels, config.precision], &encoded.device)
            }
        };
        let x =
            fused::linear(&self.o, context).reshape([encoded.rows(), half, half, config.precision]);
        let x = fused::enlarged(x, self.up.val(), self.up_bias.val());
        let x = fused::gelu_of(x);
        let x = fused::linear(&self.head, x);
        fused::channels_first(fused::unit(x, SHORTEST))
    }

    /// [B, D_P] of the periods' ends.
    fn queries(&self, periods: &[(f64, f64)], config: &StpConfig, device: &Device) -> Tensor<2> {
        let values: Vec<f32> = periods
            .iter()
            .flat_map(|(from, to)| {
                [time_code(*from, config.code), time_code(*to, config.code)].concat()
            })
            .collect();
        let data = TensorData::new(values, [periods.len(), 2 * config.code]);
        let hidden = fused::linear_gelu(&self.query1, Tensor::from_data(data, device));
        let query = fused::linear(&self.query2, hidden) + self.q0.val().unsqueeze();
        fused::linear(&self.q, query)
    }

    /// Frames [M, h, w, D_P] pooled row by row under the rows' queries [B, D_P]: [B * h * w, D_P], before the output layer.
    ///
    /// The query is the same for all pixels, so keys are never made: it is carried through their layer once, and values are
    /// pooled before theirs.
    fn pool(
        &self,
        frames: Tensor<4>,
        encoded: &Encoded,
        queries: Tensor<2>,
        config: &StpConfig,
    ) -> Tensor<2> {
        let [count, height, width, d] = frames.dims();
        let (heads, pixels, rows) = (config.pool_heads, height * width, encoded.rows());
        let of_head = d / heads;
        let device = frames.device();
        let queries = queries * (1.0 / (of_head as f32).sqrt());
        // [B, D, D]: column j of the keys times number j of the query; summed within the heads.
        let weighted = self.k.weight.val().unsqueeze_dim::<3>(0) * queries.clone().unsqueeze_dim(1);
        let directions = weighted
            .reshape([rows, d, heads, of_head])
            .sum_dim(3)
            .reshape([rows, d, heads]);
        let codes = fused::linear(&self.kcode, codes(&encoded.days, config.code, &device));
        let row_of_frame: Vec<usize> = encoded
            .counts
            .iter()
            .enumerate()
            .flat_map(|(row, count)| std::iter::repeat_n(row, *count))
            .collect();
        let of_frames = queries.select(0, indices(&row_of_frame, &device));
        let offsets = (fused::linear(&self.k, codes) * of_frames)
            .reshape([count, heads, of_head])
            .sum_dim(2)
            .reshape([count, 1, heads]);
        let frames = frames.reshape([count, pixels, d]);
        let none = Tensor::zeros([rows, heads], &device);
        let counts = &encoded.counts;
        let logits = fused::linear_by_row(frames.clone(), directions, none, counts) + offsets;
        let pooled = fused::pooled(logits, frames, counts);
        let value = self.v.weight.val();
        let context: Vec<Tensor<2>> = (0..heads)
            .map(|head| {
                let numbers = pooled
                    .clone()
                    .narrow(2, head, 1)
                    .reshape([rows * pixels, d]);
                let weight = value.clone().narrow(1, head * of_head, of_head);
                let bias = match &self.v.bias {
                    Some(bias) => bias.val().narrow(0, head * of_head, of_head),
                    None => Tensor::zeros([of_head], &device),
                };
                fused::affine(numbers, weight, bias)
            })
            .collect();
        let context = Tensor::cat(context, 1);
        if counts.iter().all(|count| *count > 0) {
            return context;
        }
        // A row without frames has no context.
        let known: Vec<f32> = counts
            .iter()
            .flat_map(|count| std::iter::repeat_n(f32::from(u8::from(*count > 0)), pixels))
            .collect();
        context * Tensor::from_data(TensorData::new(known, [rows * pixels, 1]), &device)
    }
}
