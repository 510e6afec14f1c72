//! Operations on maps that lie channel-last, [M, H, W, C]: convolutions, group norm, blocks of pixels, orders of axes.
//! On the processor in one pass each; elsewhere as the library's operations. Knows layers and tensors. Knows no networks.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::nn::Linear;
use burn::tensor::activation::gelu;
use burn::tensor::ops::PadMode;
use burn::tensor::{Int, Tensor, TensorData};

use super::convolution::{self, Shape, Start};
use super::forward::{self, Numbers, Rows, dims, tensor};
use super::maps::{self, Blocks};
use super::written::zeros;
use super::{is_served, rows};

/// Of the processor; shapes as the functions below have them.
#[backend_extension(Autodiff, Flex)]
pub trait MapOps: Backend {
    fn map_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self>;

    /// gelu(convolution)
    fn map_convolution_gelu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self>;

    /// base + convolution
    fn map_convolution_onto(
        base: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn map_group_norm(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        offset: FloatTensor<Self>,
        groups: usize,
        epsilon: f64,
    ) -> FloatTensor<Self>;

    /// [M, A, B] -> [M, B, A]
    fn map_turned(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Maps in another order, every one of them once.
    fn map_ordered(x: FloatTensor<Self>, order: Vec<usize>) -> FloatTensor<Self>;

    fn map_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;

    fn map_unit(x: FloatTensor<Self>, shortest: f32) -> FloatTensor<Self>;

    fn map_blocks(x: FloatTensor<Self>, side: usize) -> FloatTensor<Self>;

    fn map_unblocked(x: FloatTensor<Self>, side: usize) -> FloatTensor<Self>;

    /// base + the pixels of the blocks
    fn map_unblocked_onto(
        base: FloatTensor<Self>,
        x: FloatTensor<Self>,
        side: usize,
    ) -> FloatTensor<Self>;
}

impl MapOps for Flex {
    fn map_convolution(x: Numbers, weight: Numbers, bias: Numbers, stride: usize) -> Numbers {
        convolved(None, &x, &weight, &bias, stride)
    }

    fn map_convolution_gelu(x: Numbers, weight: Numbers, bias: Numbers, stride: usize) -> Numbers {
        forward::gelu(convolved(None, &x, &weight, &bias, stride))
    }

    fn map_convolution_onto(base: Numbers, x: Numbers, weight: Numbers, bias: Numbers) -> Numbers {
        convolved(Some(&base), &x, &weight, &bias, 1)
    }

    fn map_group_norm(
        x: Numbers,
        scale: Numbers,
        offset: Numbers,
        groups: usize,
        epsilon: f64,
    ) -> Numbers {
        normed(&x, &scale, &offset, groups, epsilon)
    }

    fn map_turned(x: Numbers) -> Numbers {
        turned(&x)
    }

    fn map_ordered(x: Numbers, order: Vec<usize>) -> Numbers {
        in_order(&x, &order)
    }

    fn map_gelu(x: Numbers) -> Numbers {
        forward::gelu(x.to_contiguous())
    }

    fn map_unit(x: Numbers, shortest: f32) -> Numbers {
        unit_rows(&x, shortest)
    }

    fn map_blocks(x: Numbers, side: usize) -> Numbers {
        blocked(&x, side)
    }

    fn map_unblocked(x: Numbers, side: usize) -> Numbers {
        spread(None, &x, side)
    }

    fn map_unblocked_onto(base: Numbers, x: Numbers, side: usize) -> Numbers {
        spread(Some(&base), &x, side)
    }
}

fn four(x: &Numbers) -> [usize; 4] {
    dims(x).try_into().unwrap_or([0; 4])
}

/// Sizes of the convolution of `x` with `weight`.
pub(super) fn shape_of(x: &Numbers, weight: &Numbers, stride: usize) -> Shape {
    let [maps, height, width, inputs] = four(x);
    Shape {
        maps,
        height,
        width,
        inputs,
        outputs: dims(weight).last().copied().unwrap_or(0),
        stride,
    }
}

pub(super) fn convolved(
    base: Option<&Numbers>,
    x: &Numbers,
    weight: &Numbers,
    bias: &Numbers,
    stride: usize,
) -> Numbers {
    let shape = shape_of(x, weight, stride);
    let (h, w) = (shape.out_height(), shape.out_width());
    let (bias, base) = (Rows::new(bias), base.map(Rows::new));
    let start = match &base {
        Some(base) => Start::BaseAndRow(base.values(), bias.values()),
        None => Start::Row(bias.values()),
    };
    let (x, weight) = (Rows::new(x), Rows::new(weight));
    let out = convolution::convolved(shape, x.values(), weight.values(), start);
    tensor(out, vec![shape.maps, h, w, shape.outputs])
}

pub(super) fn normed(
    x: &Numbers,
    scale: &Numbers,
    offset: &Numbers,
    groups: usize,
    epsilon: f64,
) -> Numbers {
    let [_, height, width, channels] = four(x);
    let (rows, scale, offset) = (Rows::new(x), Rows::new(scale), Rows::new(offset));
    let out = maps::group_norm(
        rows.values(),
        (scale.values(), offset.values()),
        groups,
        epsilon as f32,
        height * width * channels,
    );
    tensor(out, dims(x))
}

/// [M, A, B] -> [M, B, A]
pub(super) fn turned(x: &Numbers) -> Numbers {
    let sizes = dims(x);
    let size = |axis: usize| sizes.get(axis).copied().unwrap_or(1);
    let rows = Rows::new(x);
    let mut out = zeros(rows.values().len());
    maps::turned(rows.values(), [size(1), size(2)], &mut out);
    tensor(out, vec![size(0), size(2), size(1)])
}

pub(super) fn in_order(x: &Numbers, order: &[usize]) -> Numbers {
    let rows = Rows::new(x);
    let size = dims(x).iter().skip(1).product();
    let out = maps::ordered(rows.values(), size, order);
    tensor(out, dims(x))
}

/// Rows of the last axis at length 1.
pub(super) fn unit_rows(x: &Numbers, shortest: f32) -> Numbers {
    let rows = Rows::new(x);
    let mut out = zeros(rows.values().len());
    rows::unit(rows.values(), rows.width, shortest, &mut out);
    tensor(out, dims(x))
}

/// [M, k h, k w, C] -> [M, h, w, k * k * C]
pub(super) fn blocked(x: &Numbers, side: usize) -> Numbers {
    let [maps, height, width, channels] = four(x);
    let (h, w) = (height / side, width / side);
    let blocks = Blocks {
        columns: w,
        side,
        channels,
    };
    let out = blocks.gather(Rows::new(x).values());
    tensor(out, vec![maps, h, w, side * side * channels])
}

/// [M, h, w, k * k * C] -> [M, k h, k w, C], plus `base`.
pub(super) fn spread(base: Option<&Numbers>, x: &Numbers, side: usize) -> Numbers {
    let [maps, h, w, numbers] = four(x);
    let channels = numbers / (side * side).max(1);
    let blocks = Blocks {
        columns: w,
        side,
        channels,
    };
    let base = base.map(Rows::new);
    let base = base.as_ref().map(|base| base.values());
    let out = blocks.spread(Rows::new(x).values(), base);
    tensor(out, vec![maps, h * side, w * side, channels])
}

/// 3 x 3 convolution with one pixel of zeros around: [M, H, W, in] -> [M, H / stride, W / stride, out]. The layer's weights
/// are [9 * in, out], rows by kernel row, kernel column, channel.
pub(crate) fn convolution(layer: &Linear, x: Tensor<4>, stride: usize) -> Tensor<4> {
    let Some(bias) = layer.bias.as_ref().filter(|_| is_served(&x)) else {
        return layer.forward(gathered(x, stride));
    };
    Tensor::from_dispatch(<Dispatch as MapOps>::map_convolution(
        x.into_dispatch(),
        layer.weight.val().into_dispatch(),
        bias.val().into_dispatch(),
        stride,
    ))
}

/// GELU of [`convolution`] with stride 1.
pub(crate) fn convolution_gelu(layer: &Linear, x: Tensor<4>) -> Tensor<4> {
    let Some(bias) = layer.bias.as_ref().filter(|_| is_served(&x)) else {
        return gelu(layer.forward(gathered(x, 1)));
    };
    Tensor::from_dispatch(<Dispatch as MapOps>::map_convolution_gelu(
        x.into_dispatch(),
        layer.weight.val().into_dispatch(),
        bias.val().into_dispatch(),
        1,
    ))
}

/// `base` plus [`convolution`] with stride 1.
pub(crate) fn convolution_onto(base: Tensor<4>, layer: &Linear, x: Tensor<4>) -> Tensor<4> {
    let Some(bias) = layer.bias.as_ref().filter(|_| is_served(&x)) else {
        return base + layer.forward(gathered(x, 1));
    };
    Tensor::from_dispatch(<Dispatch as MapOps>::map_convolution_onto(
        base.into_dispatch(),
        x.into_dispatch(),
        layer.weight.val().into_dispatch(),
        bias.val().into_dispatch(),
    ))
}

/// The nine pixels around every pixel: [M, H, W, C] -> [M, H / stride, W / stride, 9 * C].
fn gathered(x: Tensor<4>, stride: usize) -> Tensor<4> {
    let [maps, height, width, channels] = x.dims();
    let (h, w) = (height / stride, width / stride);
    // Every second row: the rest of the last pair is cut off again.
    let padded = x
        .permute([0, 3, 1, 2])
        .pad([(1, stride), (1, stride)], PadMode::Constant(0.0))
        .permute([0, 2, 3, 1]);
    let taps = (0..9)
        .map(|tap| {
            let part = padded
                .clone()
                .narrow(1, tap / 3, height)
                .narrow(2, tap % 3, width);
            match stride {
                1 => part,
                _ => part
                    .reshape([maps, h, stride, w, stride, channels])
                    .narrow(2, 0, 1)
                    .narrow(4, 0, 1)
                    .reshape([maps, h, w, channels]),
            }
        })
        .collect();
    Tensor::cat(taps, 3)
}

/// Transposed 4 x 4 convolution to twice the size: [M, H, W, in] -> [M, 2 H, 2 W, out]; `weight` [in, out, 4, 4].
///
/// Each of the four pixels that one becomes is a sum over 2 x 2 of the 3 x 3 pixels around it: a convolution to four times
/// the channels.
pub(crate) fn enlarged(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let [inputs, outputs, _, _] = weight.dims();
    let device = weight.device();
    // Kernel row (and column) of the first and of the second pixel, under the three rows around; 4 is a row of zeros.
    let taps = Tensor::<1, Int>::from_data(TensorData::from([3i32, 1, 4, 4, 2, 0]), &device);
    let weight = weight
        .pad([(0, 1), (0, 1)], PadMode::Constant(0.0))
        .select(2, taps.clone())
        .select(3, taps)
        .reshape([inputs, outputs, 2, 3, 2, 3])
        .permute([3, 5, 0, 2, 4, 1])
        .reshape([9 * inputs, 4 * outputs]);
    let bias = bias.repeat_dim(0, 4);
    let blocks = match is_served(&x) {
        true => Tensor::from_dispatch(<Dispatch as MapOps>::map_convolution(
            x.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
            1,
        )),
        false => burn::tensor::module::linear(gathered(x, 1), weight, Some(bias)),
    };
    unblocked(blocks, 2)
}

/// Group norm over the pixels and the channels of a group of each map.
pub(crate) fn group_norm(
    x: Tensor<4>,
    scale: Tensor<1>,
    offset: Tensor<1>,
    groups: usize,
    epsilon: f64,
) -> Tensor<4> {
    if is_served(&x) {
        return Tensor::from_dispatch(<Dispatch as MapOps>::map_group_norm(
            x.into_dispatch(),
            scale.into_dispatch(),
            offset.into_dispatch(),
            groups,
            epsilon,
        ));
    }
    let [maps, height, width, channels] = x.dims();
    let (pixels, of_group) = (height * width, channels / groups);
    let x = x
        .reshape([maps, pixels, groups, of_group])
        .swap_dims(1, 2)
        .reshape([maps, groups, pixels * of_group]);
    let centred = x.clone() - x.mean_dim(2);
    let variance = centred.clone().square().mean_dim(2);
    let x = (centred / (variance + epsilon).sqrt())
        .reshape([maps, groups, pixels, of_group])
        .swap_dims(1, 2)
        .reshape([maps, height, width, channels]);
    x * scale.unsqueeze() + offset.unsqueeze()
}

/// Blocks of pixels as longer pixels: [M, k h, k w, C] -> [M, h, w, k * k * C].
pub(crate) fn blocks(x: Tensor<4>, side: usize) -> Tensor<4> {
    if is_served(&x) {
        return Tensor::from_dispatch(<Dispatch as MapOps>::map_blocks(x.into_dispatch(), side));
    }
    let [maps, height, width, channels] = x.dims();
    let (h, w) = (height / side, width / side);
    x.reshape([maps, h, side, w, side, channels])
        .swap_dims(2, 3)
        .reshape([maps, h, w, side * side * channels])
}

/// [`blocks`] back: [M, h, w, k * k * C] -> [M, k h, k w, C].
pub(crate) fn unblocked(x: Tensor<4>, side: usize) -> Tensor<4> {
    if is_served(&x) {
        return Tensor::from_dispatch(<Dispatch as MapOps>::map_unblocked(x.into_dispatch(), side));
    }
    let [maps, h, w, numbers] = x.dims();
    let channels = numbers / (side * side);
    x.reshape([maps, h, w, side, side, channels])
        .swap_dims(2, 3)
        .reshape([maps, h * side, w * side, channels])
}

/// `base` plus [`unblocked`].
pub(crate) fn unblocked_onto(base: Tensor<4>, x: Tensor<4>, side: usize) -> Tensor<4> {
    if !is_served(&x) {
        return base + unblocked(x, side);
    }
    Tensor::from_dispatch(<Dispatch as MapOps>::map_unblocked_onto(
        base.into_dispatch(),
        x.into_dispatch(),
        side,
    ))
}

/// GELU, exact.
pub(crate) fn gelu_of(x: Tensor<4>) -> Tensor<4> {
    match is_served(&x) {
        true => Tensor::from_dispatch(<Dispatch as MapOps>::map_gelu(x.into_dispatch())),
        false => gelu(x),
    }
}

/// Rows of the last axis at length 1, or divided by `shortest` where they are shorter than that.
pub(crate) fn unit(x: Tensor<4>, shortest: f32) -> Tensor<4> {
    if is_served(&x) {
        let unit = <Dispatch as MapOps>::map_unit(x.into_dispatch(), shortest);
        return Tensor::from_dispatch(unit);
    }
    let length = x.clone().square().sum_dim(3).sqrt().clamp_min(shortest);
    x / length
}

/// [M, C, H, W] -> [M, H, W, C]
pub(crate) fn channels_last(x: Tensor<4>) -> Tensor<4> {
    let [maps, channels, height, width] = x.dims();
    if !is_served(&x) {
        return x.permute([0, 2, 3, 1]);
    }
    let x = x.reshape([maps, channels, height * width]);
    let turned = <Dispatch as MapOps>::map_turned(x.into_dispatch());
    Tensor::<3>::from_dispatch(turned).reshape([maps, height, width, channels])
}

/// [M, H, W, C] -> [M, C, H, W]
pub(crate) fn channels_first(x: Tensor<4>) -> Tensor<4> {
    let [maps, height, width, channels] = x.dims();
    if !is_served(&x) {
        return x.permute([0, 3, 1, 2]);
    }
    let x = x.reshape([maps, height * width, channels]);
    let turned = <Dispatch as MapOps>::map_turned(x.into_dispatch());
    Tensor::<3>::from_dispatch(turned).reshape([maps, channels, height, width])
}

/// Maps in another order: map `order[i]` becomes map i; every map once.
pub(crate) fn ordered(x: Tensor<4>, order: &[usize]) -> Tensor<4> {
    if is_served(&x) {
        let ordered = <Dispatch as MapOps>::map_ordered(x.into_dispatch(), order.to_vec());
        return Tensor::from_dispatch(ordered);
    }
    let indices: Vec<i32> = order
        .iter()
        .map(|index| i32::try_from(*index).unwrap_or(i32::MAX))
        .collect();
    let data = TensorData::new(indices, [order.len()]);
    let indices = Tensor::<1, Int>::from_data(data, &x.device());
    x.select(0, indices)
}
