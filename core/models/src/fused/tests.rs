//! The fused operations against the library's own, numbers and gradients.

use burn::module::Param;
use burn::nn::{LayerNormConfig, LinearConfig};
use burn::optim::{AdamWConfig, Optimizer};
use burn::tensor::{Device, Distribution, TensorData};

use super::*;
use crate::vit::EPSILON;

pub(super) fn random<const D: usize>(dims: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(dims, Distribution::Normal(0.0, 1.0), device)
}

fn values(data: TensorData) -> Vec<f32> {
    data.try_into_vec::<f32>().unwrap()
}

#[track_caller]
fn assert_near(ours: TensorData, theirs: TensorData, tolerance: f32) {
    assert_eq!(ours.shape(), theirs.shape());
    let (ours, theirs) = (values(ours), values(theirs));
    let size = theirs.iter().fold(0.0f32, |size, v| size.max(v.abs()));
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() <= tolerance * size.max(1.0), "{a} {b}");
    }
}

/// Values and all gradients of two ways to compute the same, weighted by random numbers.
#[track_caller]
pub(super) fn assert_same<const D: usize>(
    inputs: &[Tensor<D>],
    ours: Tensor<D>,
    theirs: Tensor<D>,
    vectors: &[Tensor<1>],
    matrices: &[Tensor<2>],
) {
    assert_near(ours.to_data(), theirs.to_data(), 2e-5);
    let weights = random(ours.dims(), &ours.device().without_autodiff());
    let weights = Tensor::from_inner(weights);
    let (a, b) = (
        (ours * weights.clone()).sum().backward(),
        (theirs * weights).sum().backward(),
    );
    fn both<const D: usize>(
        tensors: &[Tensor<D>],
        a: &burn::tensor::Gradients,
        b: &burn::tensor::Gradients,
    ) {
        for tensor in tensors {
            let (ours, theirs) = (tensor.grad(a).unwrap(), tensor.grad(b).unwrap());
            assert_near(ours.into_data(), theirs.into_data(), 3e-5);
        }
    }
    both(inputs, &a, &b);
    both(vectors, &a, &b);
    both(matrices, &a, &b);
}

#[test]
fn layers_and_their_gradients_equal_the_librarys() {
    let device = Device::flex().autodiff();
    let layer = LinearConfig::new(48, 37).init(&device);
    // 70 rows: more than one task, the last one not full.
    let x = random([2, 35, 48], &device).require_grad();
    let base = random([2, 35, 37], &device).require_grad();
    let bias = layer.bias.as_ref().map(Param::val).unwrap();
    let (weights, biases) = ([layer.weight.val()], [bias]);
    let x1 = std::slice::from_ref(&x);
    assert_same(
        x1,
        linear(&layer, x.clone()),
        layer.forward(x.clone()),
        &biases,
        &weights,
    );
    assert_same(
        x1,
        linear_gelu(&layer, x.clone()),
        gelu(layer.forward(x.clone())),
        &biases,
        &weights,
    );
    assert_same(
        &[x.clone(), base.clone()],
        linear_onto(base.clone(), &layer, x.clone()),
        base.clone() + layer.forward(x.clone()),
        &biases,
        &weights,
    );
    let mut layer = LayerNormConfig::new(48).with_epsilon(EPSILON).init(&device);
    let x = x * 3.0 + 1.0;
    let scale = random([48], &device).require_grad();
    let offset = random([48], &device).require_grad();
    layer.gamma = Param::from_tensor(scale);
    layer.beta = Some(Param::from_tensor(offset));
    let x = Tensor::from_inner(x.inner()).require_grad();
    let vectors = [
        layer.gamma.val(),
        layer.beta.as_ref().map(Param::val).unwrap(),
    ];
    assert_same(
        std::slice::from_ref(&x),
        norm(&layer, x.clone(), EPSILON),
        layer.forward(x.clone()),
        &vectors,
        &[],
    );
}

#[test]
fn attention_and_its_gradient_equal_the_librarys() {
    let device = Device::flex().autodiff();
    let (heads, d) = (3, 24);
    let qkv = random([2, 19, 3 * d], &device).require_grad();
    let head = |part: usize| {
        qkv.clone()
            .narrow(2, part * d, d)
            .reshape([2, 19, heads, d / heads])
            .swap_dims(1, 2)
    };
    let theirs =
        burn::tensor::module::attention(head(0), head(1), head(2), None, None, Default::default())
            .swap_dims(1, 2)
            .reshape([2, 19, d]);
    let ours = attention(qkv.clone(), heads);
    assert_same(std::slice::from_ref(&qkv), ours, theirs, &[], &[]);
}

#[test]
fn inputs_that_are_views_are_read_as_they_are() {
    let device = Device::flex();
    let layer = LinearConfig::new(8, 5).init(&device);
    let whole = random([4, 8, 6], &device);
    let view = whole.clone().swap_dims(1, 2).narrow(0, 1, 2);
    let copy = Tensor::<3>::from_data(view.to_data(), &device);
    assert_near(
        linear_gelu(&layer, view.clone()).into_data(),
        gelu(layer.forward(copy.clone())).into_data(),
        1e-6,
    );
    let normed = LayerNormConfig::new(8).with_epsilon(EPSILON).init(&device);
    assert_near(
        norm(&normed, view, EPSILON).into_data(),
        normed.forward(copy).into_data(),
        1e-5,
    );
    // What was read is as it was.
    assert_eq!(whole.dims(), [4, 8, 6]);
}

#[test]
fn steps_of_adamw_equal_the_librarys() {
    let device = Device::flex();
    let theirs = AdamWConfig::new()
        .with_beta_2(0.95)
        .with_epsilon(1e-8)
        .with_weight_decay(0.05)
        .build();
    let ours = FusedAdamW {
        beta_1: 0.9,
        beta_2: 0.95,
        epsilon: 1e-8,
        decay: 0.05,
    };
    let start = random([33, 7], &device);
    let (mut a, mut b) = (start.clone(), start.clone());
    let mut state = None;
    let mut moments = [start.zeros_like(), start.zeros_like()];
    for time in 1..=5 {
        let gradient = random([33, 7], &device);
        let (next, next_state) = theirs.step(1e-2, b, gradient.clone(), state);
        (b, state) = (next, next_state);
        (a, moments) = ours.step(1e-2, time, a, gradient, moments);
    }
    assert_near(a.into_data(), b.into_data(), 1e-6);
    // The tensor it began with is not written over while it is in use.
    assert_ne!(values(start.into_data()), vec![0.0; 231]);
}
