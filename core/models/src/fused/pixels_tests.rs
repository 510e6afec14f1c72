//! The operations on maps against the library's own, numbers and gradients.

use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::gelu;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Tensor};

use super::pixels::unblocked;
use super::tests::{assert_same, random};
use super::*;

/// The library's convolution of channel-last maps.
fn theirs(layer: &Linear, x: Tensor<4>, stride: usize) -> Tensor<4> {
    let [_, _, _, inputs] = x.dims();
    let [_, outputs] = layer.weight.dims();
    let weight = layer
        .weight
        .val()
        .reshape([3, 3, inputs, outputs])
        .permute([3, 2, 0, 1]);
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    let options = ConvOptions::new([stride, stride], [1, 1], [1, 1], 1);
    conv2d(x.permute([0, 3, 1, 2]), weight, bias, options).permute([0, 2, 3, 1])
}

#[test]
fn convolutions_and_their_gradients_equal_the_librarys() {
    let device = Device::flex().autodiff();
    // Odd sizes, and maps of more rows than a task takes.
    for (size, inputs, outputs, stride) in [
        ([2, 6, 10], 5, 7, 1),
        ([3, 8, 6], 5, 7, 2),
        ([1, 128, 128], 9, 4, 1),
        ([1, 1, 1], 3, 2, 1),
        // Enough channels for tiles, one row of them and several; widths that end within a tile and a step.
        ([2, 9, 13], 8, 20, 1),
        ([1, 20, 64], 20, 40, 1),
        ([1, 50, 37], 37, 11, 1),
        ([2, 9, 45], 10, 16, 2),
    ] {
        let [maps, height, width] = size;
        let layer = LinearConfig::new(9 * inputs, outputs).init(&device);
        let x = random([maps, height, width, inputs], &device).require_grad();
        let bias = layer.bias.as_ref().map(|bias| bias.val()).unwrap();
        assert_same(
            std::slice::from_ref(&x),
            convolution(&layer, x.clone(), stride),
            theirs(&layer, x.clone(), stride),
            std::slice::from_ref(&bias),
            &[layer.weight.val()],
        );
        if stride > 1 {
            continue;
        }
        assert_same(
            std::slice::from_ref(&x),
            convolution_gelu(&layer, x.clone()),
            gelu(theirs(&layer, x.clone(), 1)),
            std::slice::from_ref(&bias),
            &[layer.weight.val()],
        );
        let base = random([maps, height, width, outputs], &device).require_grad();
        assert_same(
            &[x.clone(), base.clone()],
            convolution_onto(base.clone(), &layer, x.clone()),
            base + theirs(&layer, x, 1),
            &[bias],
            &[layer.weight.val()],
        );
    }
}

#[test]
fn enlarging_equals_the_librarys_transposed_convolution() {
    let device = Device::flex().autodiff();
    let x = random([2, 5, 6, 3], &device).require_grad();
    let weight = random([3, 4, 4, 4], &device).require_grad();
    let bias = random([4], &device).require_grad();
    let options = ConvTransposeOptions::new([2, 2], [1, 1], [0, 0], [1, 1], 1);
    let theirs = conv_transpose2d(
        x.clone().permute([0, 3, 1, 2]),
        weight.clone(),
        Some(bias.clone()),
        options,
    )
    .permute([0, 2, 3, 1]);
    let ours = enlarged(x.clone(), weight.clone(), bias.clone());
    assert_same(&[x, weight], ours, theirs, &[bias], &[]);
}

#[test]
fn group_norms_equal_the_operations_of_the_library() {
    let device = Device::flex().autodiff();
    let x = (random([3, 5, 7, 12], &device) * 2.0 + 3.0).require_grad();
    let (scale, offset) = (
        random([12], &device).require_grad(),
        random([12], &device).require_grad(),
    );
    for groups in [1, 4, 12] {
        let theirs = {
            let of_group = 12 / groups;
            let rows = x
                .clone()
                .reshape([3, 35, groups, of_group])
                .swap_dims(1, 2)
                .reshape([3, groups, 35 * of_group]);
            let centred = rows.clone() - rows.mean_dim(2);
            let variance = centred.clone().square().mean_dim(2);
            let rows = (centred / (variance + 1e-5).sqrt())
                .reshape([3, groups, 35, of_group])
                .swap_dims(1, 2)
                .reshape([3, 5, 7, 12]);
            rows * scale.clone().unsqueeze() + offset.clone().unsqueeze()
        };
        let ours = group_norm(x.clone(), scale.clone(), offset.clone(), groups, 1e-5);
        assert_same(
            std::slice::from_ref(&x),
            ours,
            theirs,
            &[scale.clone(), offset.clone()],
            &[],
        );
    }
}

#[test]
fn blocks_of_pixels_and_back() {
    let device = Device::flex().autodiff();
    let x = random([2, 8, 12, 3], &device).require_grad();
    let theirs = x
        .clone()
        .reshape([2, 2, 4, 3, 4, 3])
        .swap_dims(2, 3)
        .reshape([2, 2, 3, 48]);
    // Going back through a graph uses it up.
    let ours = || blocks(x.clone(), 4);
    assert_same(std::slice::from_ref(&x), ours(), theirs, &[], &[]);
    let back = unblocked(ours(), 4);
    assert_same(std::slice::from_ref(&x), back, x.clone() * 1.0, &[], &[]);
    let base = random([2, 8, 12, 3], &device).require_grad();
    assert_same(
        &[x.clone(), base.clone()],
        unblocked_onto(base.clone(), ours(), 4),
        base + x.clone(),
        &[],
        &[],
    );
}

#[test]
fn orders_lengths_and_turns_equal_the_librarys() {
    let device = Device::flex().autodiff();
    let x = random([5, 3, 4, 6], &device).require_grad();
    let one = std::slice::from_ref(&x);
    let order = [3, 0, 4, 2, 1];
    let indices = Tensor::<1, burn::tensor::Int>::from_ints([3, 0, 4, 2, 1], &device);
    assert_same(
        one,
        ordered(x.clone(), &order),
        x.clone().select(0, indices),
        &[],
        &[],
    );
    assert_same(one, gelu_of(x.clone()), gelu(x.clone()), &[], &[]);
    let length = x.clone().square().sum_dim(3).sqrt();
    assert_same(one, unit(x.clone(), 1e-6), x.clone() / length, &[], &[]);
    // Shorter rows than that are only divided.
    assert_same(one, unit(x.clone(), 1e3), x.clone() / 1e3, &[], &[]);
    let theirs = x.clone().permute([0, 2, 3, 1]);
    assert_same(one, channels_last(x.clone()), theirs, &[], &[]);
    let theirs = x.clone().permute([0, 3, 1, 2]);
    assert_same(one, channels_first(x.clone()), theirs, &[], &[]);
}
