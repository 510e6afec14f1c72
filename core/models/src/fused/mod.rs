//! Operations of a transformer block fused for the processor. The library's own go over the numbers one operation and one
//! core at a time, which took longer than the matrix products between them. On other devices, and for anything but
//! 32-bit floats, the library's operations run; both give the same numbers but for rounding.
//! Knows layers and tensors. Knows nothing of networks.

mod backward;
mod by_row;
mod convolution;
mod forward;
mod maps;
mod pixels;
mod pixels_backward;
mod product;
mod recurrent;
mod rows;
#[cfg(target_arch = "x86_64")]
mod tile_maps;
#[cfg(target_arch = "x86_64")]
mod tile_panels;
#[cfg(target_arch = "x86_64")]
mod tile_steps;
#[cfg(target_arch = "x86_64")]
mod tiles;
mod written;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, DispatchDevice, Flex, backend_extension};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::activation::gelu;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{DType, Tensor};

use rows::AdamWStep;

pub(crate) use by_row::{attention_of_rows, linear_by_row, pooled};
pub(crate) use forward::Reach;
pub(crate) use pixels::{
    blocks, channels_first, channels_last, convolution, convolution_gelu, convolution_onto,
    enlarged, gelu_of, group_norm, ordered, unblocked_onto, unit,
};
pub(crate) use recurrent::lstm;

/// More tokens than this are left to the library's attention, which does not hold all their pairs at once.
const MOST_TOKENS: usize = 2_048;

/// Layers whose weights are [K, N] on inputs [.., K].
#[backend_extension(Autodiff, Flex)]
pub trait FusedOps: Backend {
    /// x w + b
    fn fused_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// gelu(x w + b)
    fn fused_linear_gelu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// base + x w + b
    fn fused_linear_onto(
        base: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// [.., .., 3 D], rows q | k | v, each split into heads in order -> [.., .., D]
    fn fused_attention(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self>;

    /// Layer norm over the last axis.
    fn fused_norm(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        offset: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;
}

impl FusedOps for Flex {
    fn fused_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        forward::linear(None, &x, &weight, &bias)
    }

    fn fused_linear_gelu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        forward::gelu(forward::linear(None, &x, &weight, &bias))
    }

    fn fused_linear_onto(
        base: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        forward::linear(Some(&base), &x, &weight, &bias)
    }

    fn fused_attention(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self> {
        forward::attention(&qkv, heads)
    }

    fn fused_norm(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        offset: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        forward::norm(&x, &scale, &offset, epsilon)
    }
}

/// What an optimiser does to a parameter, without gradients.
#[backend_extension(Flex)]
pub trait FusedStep: Backend {
    /// Values and both moments after a step.
    fn fused_adamw(
        values: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        moment_1: FloatTensor<Self>,
        moment_2: FloatTensor<Self>,
        step: AdamWStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl FusedStep for Flex {
    fn fused_adamw(
        values: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        moment_1: FloatTensor<Self>,
        moment_2: FloatTensor<Self>,
        step: AdamWStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let whole = |x: FloatTensor<Self>| match x.is_contiguous() {
            true => x,
            false => x.to_contiguous(),
        };
        let (mut values, mut moment_1, mut moment_2) =
            (whole(values), whole(moment_1), whole(moment_2));
        rows::adamw(
            values.storage_mut(),
            gradient.to_contiguous().storage(),
            moment_1.storage_mut(),
            moment_2.storage_mut(),
            step,
        );
        (values, moment_1, moment_2)
    }
}

fn is_served<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32
        && matches!(
            x.device().without_autodiff().as_dispatch(),
            DispatchDevice::Flex(_)
        )
}

/// The layer's forward pass.
pub(crate) fn linear<const D: usize>(layer: &Linear, x: Tensor<D>) -> Tensor<D> {
    match &layer.bias {
        Some(bias) => affine(x, layer.weight.val(), bias.val()),
        None => layer.forward(x),
    }
}

/// x w + b: [.., K] x [K, N] + [N] -> [.., N]
pub(crate) fn affine<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Tensor<1>,
) -> Tensor<D> {
    if !is_served(&x) {
        return burn::tensor::module::linear(x, weight, Some(bias));
    }
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// [M, K] x [K, N] -> [M, N] as the layers of the networks multiply, which bounds the speed of each.
pub fn layer_product(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let bias = Tensor::zeros([weight.dims()[1]], &x.device());
    affine(x, weight, bias)
}

/// Whether networks on the processor multiply on its tile unit.
pub fn has_tiles() -> bool {
    #[cfg(target_arch = "x86_64")]
    return tiles::are_there();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// GELU of the layer's forward pass.
pub(crate) fn linear_gelu<const D: usize>(layer: &Linear, x: Tensor<D>) -> Tensor<D> {
    let Some(bias) = layer.bias.as_ref().filter(|_| is_served(&x)) else {
        return gelu(layer.forward(x));
    };
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_linear_gelu(
        x.into_dispatch(),
        layer.weight.val().into_dispatch(),
        bias.val().into_dispatch(),
    ))
}

/// `base` plus the layer's forward pass.
pub(crate) fn linear_onto<const D: usize>(
    base: Tensor<D>,
    layer: &Linear,
    x: Tensor<D>,
) -> Tensor<D> {
    let Some(bias) = layer.bias.as_ref().filter(|_| is_served(&x)) else {
        return base + layer.forward(x);
    };
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_linear_onto(
        base.into_dispatch(),
        x.into_dispatch(),
        layer.weight.val().into_dispatch(),
        bias.val().into_dispatch(),
    ))
}

/// Attention of all tokens to all tokens: [B, N, 3 D], rows q | k | v, each split into heads in order -> [B, N, D].
pub(crate) fn attention(qkv: Tensor<3>, heads: usize) -> Tensor<3> {
    let [_, tokens, _] = qkv.dims();
    if is_served(&qkv) && tokens <= MOST_TOKENS {
        let mixed = <Dispatch as FusedOps>::fused_attention(qkv.into_dispatch(), heads);
        return Tensor::from_dispatch(mixed);
    }
    attention_in_reach(qkv, heads, Reach::All)
}

/// [`attention`] of the library, to the tokens in reach.
fn attention_in_reach(qkv: Tensor<3>, heads: usize, reach: Reach) -> Tensor<3> {
    let [batch, tokens, width] = qkv.dims();
    let d = width / 3;
    let head = |part: usize| {
        qkv.clone()
            .narrow(2, part * d, d)
            .reshape([batch, tokens, heads, d / heads])
            .swap_dims(1, 2)
    };
    let options = AttentionModuleOptions {
        is_causal: reach == Reach::Before,
        ..Default::default()
    };
    burn::tensor::module::attention(head(0), head(1), head(2), None, None, options)
        .swap_dims(1, 2)
        .reshape([batch, tokens, d])
}

/// The layer's forward pass; `epsilon` as it was made with, which a layer does not tell.
pub(crate) fn norm<const D: usize>(layer: &LayerNorm, x: Tensor<D>, epsilon: f64) -> Tensor<D> {
    let Some(beta) = layer.beta.as_ref().filter(|_| is_served(&x)) else {
        return layer.forward(x);
    };
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_norm(
        x.into_dispatch(),
        layer.gamma.val().into_dispatch(),
        beta.val().into_dispatch(),
        epsilon,
    ))
}

/// A step of AdamW in one pass over the numbers, as `Optimizer::step` of the library does it in a dozen.
#[derive(Clone, Copy, Debug)]
pub struct FusedAdamW {
    pub beta_1: f32,
    pub beta_2: f32,
    pub epsilon: f32,
    pub decay: f32,
}

impl FusedAdamW {
    /// Whether a step can be done here: on the processor, in 32-bit floats.
    pub fn serves<const D: usize>(values: &Tensor<D>) -> bool {
        is_served(values)
    }

    /// Values and both moments after step number `time` (from 1). All of one shape, without gradients.
    pub fn step<const D: usize>(
        &self,
        rate: f64,
        time: usize,
        values: Tensor<D>,
        gradient: Tensor<D>,
        moments: [Tensor<D>; 2],
    ) -> (Tensor<D>, [Tensor<D>; 2]) {
        let time = i32::try_from(time).unwrap_or(i32::MAX);
        let step = AdamWStep {
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
            keep: (1.0 - rate * f64::from(self.decay)) as f32,
            rate: rate as f32,
            corrections: [1.0 - self.beta_1.powi(time), 1.0 - self.beta_2.powi(time)],
        };
        let [moment_1, moment_2] = moments;
        let (values, moment_1, moment_2) = <Dispatch as FusedStep>::fused_adamw(
            values.into_dispatch(),
            gradient.into_dispatch(),
            moment_1.into_dispatch(),
            moment_2.into_dispatch(),
            step,
        );
        (
            Tensor::from_dispatch(values),
            [
                Tensor::from_dispatch(moment_1),
                Tensor::from_dispatch(moment_2),
            ],
        )
    }
}

#[cfg(test)]
mod by_row_tests;
#[cfg(test)]
mod pixels_tests;
#[cfg(test)]
mod tests;
