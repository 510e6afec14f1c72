//! Operations on maps that lie channel-last, [M, H, W, C]: convolutions, group norm, pooling over frames.
//! Knows layers and tensors. Knows nothing of networks.

use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};

/// 3 x 3 convolution with one pixel of zeros around: [M, H, W, in] -> [M, H / stride, W / stride, out]. The layer's weights
/// are [9 * in, out], rows by kernel row, kernel column, channel.
pub(crate) fn convolution(layer: &Linear, x: Tensor<4>, stride: usize) -> Tensor<4> {
    let [_, _, _, inputs] = x.dims();
    let weight = layer.weight.val();
    let [_, outputs] = weight.dims();
    let weight = weight
        .reshape([3, 3, inputs, outputs])
        .permute([3, 2, 0, 1]);
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    let options = ConvOptions::new([stride, stride], [1, 1], [1, 1], 1);
    conv2d(x.permute([0, 3, 1, 2]), weight, bias, options).permute([0, 2, 3, 1])
}

/// GELU of [`convolution`].
pub(crate) fn convolution_gelu(layer: &Linear, x: Tensor<4>, stride: usize) -> Tensor<4> {
    gelu(convolution(layer, x, stride))
}

/// Transposed 4 x 4 convolution to twice the size: [M, H, W, in] -> [M, 2 H, 2 W, out]; `weight` [in, out, 4, 4].
pub(crate) fn enlarged(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let options = ConvTransposeOptions::new([2, 2], [1, 1], [0, 0], [1, 1], 1);
    conv_transpose2d(x.permute([0, 3, 1, 2]), weight, Some(bias), options).permute([0, 2, 3, 1])
}

/// Group norm over the pixels and the channels of a group of each map.
pub(crate) fn group_norm(
    x: Tensor<4>,
    scale: Tensor<1>,
    offset: Tensor<1>,
    groups: usize,
    epsilon: f64,
) -> Tensor<4> {
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

/// Frames [T, P, D] pooled at every pixel with the softmax over T of `logits` [T, P, heads]: [P, heads, D].
pub(crate) fn pooled(logits: Tensor<3>, frames: Tensor<3>) -> Tensor<3> {
    let [_, _, heads] = logits.dims();
    let shares = softmax(logits, 0);
    let pooled = (0..heads)
        .map(|head| (shares.clone().narrow(2, head, 1) * frames.clone()).sum_dim(0))
        .collect();
    // heads of [1, P, D]
    Tensor::cat(pooled, 0).swap_dims(0, 1)
}
