//! The operations on rows of frames against the library's own, numbers and gradients.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use super::tests::{assert_same, random};
use super::*;

/// Frames of three rows.
const COUNTS: [usize; 3] = [3, 1, 4];

/// What `of_row` makes of the frames of each row, joined.
fn joined<const D: usize, const E: usize>(
    x: &Tensor<D>,
    of_row: impl Fn(usize, Tensor<D>) -> Tensor<E>,
) -> Tensor<E> {
    let mut from = 0;
    let parts = COUNTS.iter().enumerate().map(|(row, count)| {
        let part = x.clone().narrow(0, from, *count);
        from += count;
        of_row(row, part)
    });
    Tensor::cat(parts.collect(), 0)
}

#[test]
fn attention_of_rows_is_that_of_every_row_alone() {
    let device = Device::flex().autodiff();
    let qkv = random([8, 5, 24], &device).require_grad();
    assert_same(
        std::slice::from_ref(&qkv),
        attention_of_rows(qkv.clone(), 2, Reach::All, &COUNTS),
        joined(&qkv, |_, qkv| {
            attention(qkv.swap_dims(0, 1), 2).swap_dims(0, 1)
        }),
        &[],
        &[],
    );
}

#[test]
fn attention_to_frames_before_sees_no_later_one() {
    let device = Device::flex().autodiff();
    let qkv = random([8, 5, 24], &device).require_grad();
    assert_same(
        std::slice::from_ref(&qkv),
        attention_of_rows(qkv.clone(), 2, Reach::Before, &COUNTS),
        joined(&qkv, |_, qkv| {
            let [frames, _, _] = qkv.dims();
            let mixed = (0..frames)
                .map(|frame| {
                    let seen = qkv.clone().narrow(0, 0, frame + 1).swap_dims(0, 1);
                    attention(seen, 2).narrow(1, frame, 1).swap_dims(0, 1)
                })
                .collect();
            Tensor::cat(mixed, 0)
        }),
        &[],
        &[],
    );
}

#[test]
fn layers_by_row_have_the_weights_of_their_row() {
    let device = Device::flex().autodiff();
    let x = random([8, 5, 6], &device).require_grad();
    let weight = random([3, 6, 4], &device).require_grad();
    let bias = random([3, 4], &device).require_grad();
    let theirs = joined(&x, |row, x| {
        let weight = weight.clone().narrow(0, row, 1).squeeze_dim::<2>(0);
        let bias = bias.clone().narrow(0, row, 1).squeeze_dim::<1>(0);
        burn::tensor::module::linear(x, weight, Some(bias))
    });
    let ours = linear_by_row(x.clone(), weight.clone(), bias.clone(), &COUNTS);
    assert_same(&[x, weight], ours, theirs, &[], &[bias]);
}

#[test]
fn pooling_is_that_of_every_row_alone() {
    let device = Device::flex().autodiff();
    let logits = (random([8, 130, 2], &device) * 3.0).require_grad();
    let frames = random([8, 130, 6], &device).require_grad();
    let both = Tensor::cat(vec![logits.clone(), frames.clone()], 2);
    let theirs = joined(&both, |_, both| {
        let shares = softmax(both.clone().narrow(2, 0, 2), 0);
        let frames = both.narrow(2, 2, 6);
        let heads = (0..2)
            .map(|head| (shares.clone().narrow(2, head, 1) * frames.clone()).sum_dim(0))
            .collect();
        Tensor::cat(heads, 0).swap_dims(0, 1).unsqueeze_dim::<4>(0)
    });
    let ours = pooled(logits.clone(), frames.clone(), &COUNTS);
    let flat = |x: Tensor<4>| x.reshape([3, 130, 12]);
    assert_same(&[logits, frames], flat(ours), flat(theirs), &[], &[]);
}
