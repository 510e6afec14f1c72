//! Operations on frames of several places at once, [M, P, ..], where the frames of a place, a row of the batch, lie one after
//! the other and have to do with each other alone. Asking for the rows one by one would give every row's gradient the size of
//! all. Knows tensors. Knows nothing of networks.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use super::backward::Tracked;
use super::forward::{Along, Heads, Numbers, Reach, Rows, dims, tensor};
use super::maps::Pooling;
use super::product::{Cores, Matrix, product};
use super::written::zeros;
use super::{attention_in_reach, is_served, rows};

/// `counts`: how many frames each row has.
#[backend_extension(Autodiff, Flex)]
pub trait RowOps: Backend {
    fn row_attention(
        qkv: FloatTensor<Self>,
        heads: usize,
        reach: Reach,
        counts: Vec<usize>,
    ) -> FloatTensor<Self>;

    fn row_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        counts: Vec<usize>,
    ) -> FloatTensor<Self>;

    fn row_pooled(
        logits: FloatTensor<Self>,
        frames: FloatTensor<Self>,
        counts: Vec<usize>,
    ) -> FloatTensor<Self>;
}

impl RowOps for Flex {
    fn row_attention(qkv: Numbers, heads: usize, reach: Reach, counts: Vec<usize>) -> Numbers {
        attended(&qkv, heads, reach, &counts)
    }

    fn row_linear(x: Numbers, weight: Numbers, bias: Numbers, counts: Vec<usize>) -> Numbers {
        multiplied(&x, &weight, &bias, &counts)
    }

    fn row_pooled(logits: Numbers, frames: Numbers, counts: Vec<usize>) -> Numbers {
        pooled_frames(&logits, &frames, &counts)
    }
}

/// Sizes of three axes.
fn three(x: &Numbers) -> [usize; 3] {
    dims(x).try_into().unwrap_or([0; 3])
}

/// Takes the numbers of the next `count` off the front.
fn next<'a>(rest: &mut &'a [f32], count: usize) -> &'a [f32] {
    let (part, after) = rest.split_at(count.min(rest.len()));
    *rest = after;
    part
}

fn next_mut<'a>(rest: &mut &'a mut [f32], count: usize) -> &'a mut [f32] {
    let all = std::mem::take(rest);
    let (part, after) = all.split_at_mut(count.min(all.len()));
    *rest = after;
    part
}

fn attended(qkv: &Numbers, heads: usize, reach: Reach, counts: &[usize]) -> Numbers {
    let [frames, pixels, width] = three(qkv);
    let d = width / 3;
    let rows = Rows::new(qkv);
    let mut out = zeros(frames * pixels * d);
    let (mut of_qkv, mut of_out) = (rows.values(), out.as_mut_slice());
    for count in counts.iter().copied() {
        let qkv = next(&mut of_qkv, count * pixels * width);
        let out = next_mut(&mut of_out, count * pixels * d);
        Heads::new(qkv, [count, pixels], heads, (Along::First, reach)).attend(out);
    }
    tensor(out, vec![frames, pixels, d])
}

/// [M, P, K] times [B, K, N] plus [B, N]
fn multiplied(x: &Numbers, weight: &Numbers, bias: &Numbers, counts: &[usize]) -> Numbers {
    let ([frames, pixels, _], [_, inputs, outputs]) = (three(x), three(weight));
    let (x, weight, bias) = (Rows::new(x), Rows::new(weight), Rows::new(bias));
    let mut out = zeros(frames * pixels * outputs);
    let (mut of_x, mut of_out) = (x.values(), out.as_mut_slice());
    let (mut of_weight, mut of_bias) = (weight.values(), bias.values());
    for count in counts.iter().copied() {
        let out = next_mut(&mut of_out, count * pixels * outputs);
        let x = next(&mut of_x, count * pixels * inputs);
        product(
            out,
            Matrix::new(x, count * pixels, inputs).of_a_batch(),
            Matrix::new(next(&mut of_weight, inputs * outputs), inputs, outputs),
            Cores::All,
        );
        rows::add_row(out, next(&mut of_bias, outputs));
    }
    tensor(out, vec![frames, pixels, outputs])
}

fn pooling(count: usize, logits: &Numbers, frames: &Numbers) -> Pooling {
    let [_, pixels, width] = three(frames);
    Pooling {
        frames: count,
        pixels,
        heads: three(logits)[2],
        width,
    }
}

fn pooled_frames(logits: &Numbers, frames: &Numbers, counts: &[usize]) -> Numbers {
    let whole = pooling(0, logits, frames);
    let (of_logits, of_frames) = (Rows::new(logits), Rows::new(frames));
    let (mut l, mut f) = (of_logits.values(), of_frames.values());
    let size = whole.pixels * whole.heads * whole.width;
    let mut out = zeros(counts.len() * size);
    for (out, count) in out.chunks_exact_mut(size.max(1)).zip(counts) {
        let logits = next(&mut l, count * whole.pixels * whole.heads);
        let frames = next(&mut f, count * whole.pixels * whole.width);
        Pooling {
            frames: *count,
            ..whole
        }
        .forward(logits, frames, out);
    }
    tensor(
        out,
        vec![counts.len(), whole.pixels, whole.heads, whole.width],
    )
}

impl<C: CheckpointStrategy> RowOps for Autodiff<Flex, C> {
    fn row_attention(
        qkv: Tracked<C>,
        heads: usize,
        reach: Reach,
        counts: Vec<usize>,
    ) -> Tracked<C> {
        let out = attended(qkv.primitive(), heads, reach, &counts);
        match RowAttention
            .prepare::<C>([qkv.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                prep.finish((qkv.into_primitive(), heads, reach, counts), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn row_linear(
        x: Tracked<C>,
        weight: Tracked<C>,
        bias: Tracked<C>,
        counts: Vec<usize>,
    ) -> Tracked<C> {
        let out = multiplied(x.primitive(), weight.primitive(), bias.primitive(), &counts);
        match RowLinear
            .prepare::<C>([x.node(), weight.node(), bias.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                prep.finish((x.into_primitive(), weight.into_primitive(), counts), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn row_pooled(logits: Tracked<C>, frames: Tracked<C>, counts: Vec<usize>) -> Tracked<C> {
        let out = pooled_frames(logits.primitive(), frames.primitive(), &counts);
        match RowPooled
            .prepare::<C>([logits.node(), frames.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(
                (logits.into_primitive(), frames.into_primitive(), counts),
                out,
            ),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }
}

#[derive(Debug)]
struct RowAttention;

impl Backward<Flex, 1> for RowAttention {
    /// Queries, keys and values, the number of heads, which frames each takes from, and the frames of each row.
    type State = (Numbers, usize, Reach, Vec<usize>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let [Some(node)] = ops.parents else { return };
        let (qkv, heads, reach, counts) = ops.state;
        let [_, pixels, width] = three(&qkv);
        let (rows, gradient) = (Rows::new(&qkv), Rows::new(&gradient));
        let mut out = zeros(rows.values().len());
        let (mut of_qkv, mut of_out) = (rows.values(), out.as_mut_slice());
        let mut of_gradient = gradient.values();
        for count in counts {
            let size = count * pixels * width;
            let qkv = next(&mut of_qkv, size);
            let gradient = next(&mut of_gradient, size / 3);
            Heads::new(qkv, [count, pixels], heads, (Along::First, reach))
                .attend_backward(gradient, next_mut(&mut of_out, size));
        }
        grads.register::<Flex>(node.id, tensor(out, dims(&qkv)));
    }
}

#[derive(Debug)]
struct RowLinear;

impl Backward<Flex, 3> for RowLinear {
    /// Input, weights, and the frames of each row.
    type State = (Numbers, Numbers, Vec<usize>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let (x, weight, counts) = ops.state;
        let ([_, pixels, inputs], [_, _, outputs]) = (three(&x), three(&weight));
        let (of_x, of_weight, of_gradient) =
            (Rows::new(&x), Rows::new(&weight), Rows::new(&gradient));
        let [x_node, weight_node, bias_node] = ops.parents;
        if let Some(node) = bias_node {
            let mut g = of_gradient.values();
            let sums: Vec<f32> = counts
                .iter()
                .flat_map(|count| {
                    rows::sum_of_rows(next(&mut g, count * pixels * outputs), outputs)
                })
                .collect();
            grads.register::<Flex>(node.id, tensor(sums, vec![counts.len(), outputs]));
        }
        if let Some(node) = weight_node {
            let (mut g, mut x) = (of_gradient.values(), of_x.values());
            let mut out = zeros(of_weight.values().len());
            for (out, count) in out.chunks_exact_mut((inputs * outputs).max(1)).zip(&counts) {
                let count = count * pixels;
                let x = Matrix::new(next(&mut x, count * inputs), count, inputs);
                let g = Matrix::new(next(&mut g, count * outputs), count, outputs);
                product(out, x.transposed(), g, Cores::All);
            }
            grads.register::<Flex>(node.id, tensor(out, dims(&weight)));
        }
        if let Some(node) = x_node {
            let (mut g, mut w) = (of_gradient.values(), of_weight.values());
            let mut out = zeros(of_x.values().len());
            let mut rest = out.as_mut_slice();
            for count in &counts {
                let count = count * pixels;
                let g = Matrix::new(next(&mut g, count * outputs), count, outputs);
                let w = Matrix::new(next(&mut w, inputs * outputs), inputs, outputs);
                product(
                    next_mut(&mut rest, count * inputs),
                    g,
                    w.transposed(),
                    Cores::All,
                );
            }
            grads.register::<Flex>(node.id, tensor(out, dims(&x)));
        }
    }
}

#[derive(Debug)]
struct RowPooled;

impl Backward<Flex, 2> for RowPooled {
    /// Logits, frames, and the frames of each row.
    type State = (Numbers, Numbers, Vec<usize>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let (logits, frames, counts) = ops.state;
        let whole = pooling(0, &logits, &frames);
        let (of_logits, of_frames, of_gradient) =
            (Rows::new(&logits), Rows::new(&frames), Rows::new(&gradient));
        let (mut l, mut f, mut g) = (of_logits.values(), of_frames.values(), of_gradient.values());
        let (mut to_logits, mut to_frames) = (zeros(l.len()), zeros(f.len()));
        let (mut l_out, mut f_out) = (to_logits.as_mut_slice(), to_frames.as_mut_slice());
        for count in counts {
            let (shares, numbers) = (
                count * whole.pixels * whole.heads,
                count * whole.pixels * whole.width,
            );
            Pooling {
                frames: count,
                ..whole
            }
            .backward(
                (next(&mut l, shares), next(&mut f, numbers)),
                next(&mut g, whole.pixels * whole.heads * whole.width),
                (next_mut(&mut l_out, shares), next_mut(&mut f_out, numbers)),
            );
        }
        let [logits_node, frames_node] = ops.parents;
        if let Some(node) = logits_node {
            grads.register::<Flex>(node.id, tensor(to_logits, dims(&logits)));
        }
        if let Some(node) = frames_node {
            grads.register::<Flex>(node.id, tensor(to_frames, dims(&frames)));
        }
    }
}

/// The parts of the rows that have frames, each with its place among the rows.
fn parts<const D: usize>(x: &Tensor<D>, counts: &[usize]) -> Vec<(usize, Tensor<D>)> {
    let mut from = 0;
    let mut parts = Vec::with_capacity(counts.len());
    for (row, count) in counts.iter().copied().enumerate() {
        if count > 0 {
            parts.push((row, x.clone().narrow(0, from, count)));
        }
        from += count;
    }
    parts
}

/// Attention of every pixel's frames to the frames of their row that are in reach: [M, P, 3 D], rows q | k | v, -> [M, P, D].
pub(crate) fn attention_of_rows(
    qkv: Tensor<3>,
    heads: usize,
    reach: Reach,
    counts: &[usize],
) -> Tensor<3> {
    if is_served(&qkv) {
        let mixed =
            <Dispatch as RowOps>::row_attention(qkv.into_dispatch(), heads, reach, counts.to_vec());
        return Tensor::from_dispatch(mixed);
    }
    let [frames, pixels, width] = qkv.dims();
    match counts {
        // Rows of one length are mixed at once.
        [first, rest @ ..] if *first > 0 && rest.iter().all(|count| count == first) => {
            let rows = counts.len();
            let qkv = qkv
                .reshape([rows, *first, pixels, width])
                .swap_dims(1, 2)
                .reshape([rows * pixels, *first, width]);
            attention_in_reach(qkv, heads, reach)
                .reshape([rows, pixels, *first, width / 3])
                .swap_dims(1, 2)
                .reshape([frames, pixels, width / 3])
        }
        _ => {
            let mixed = parts(&qkv, counts)
                .into_iter()
                .map(|(_, qkv)| {
                    attention_in_reach(qkv.swap_dims(0, 1), heads, reach).swap_dims(0, 1)
                })
                .collect();
            Tensor::cat(mixed, 0)
        }
    }
}

/// A linear layer with weights of its own for every row: [M, P, K] x [B, K, N] + [B, N] -> [M, P, N].
pub(crate) fn linear_by_row(
    x: Tensor<3>,
    weight: Tensor<3>,
    bias: Tensor<2>,
    counts: &[usize],
) -> Tensor<3> {
    if is_served(&x) {
        return Tensor::from_dispatch(<Dispatch as RowOps>::row_linear(
            x.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
            counts.to_vec(),
        ));
    }
    let out = parts(&x, counts)
        .into_iter()
        .map(|(row, x)| {
            let weight = weight.clone().narrow(0, row, 1).squeeze_dim::<2>(0);
            let bias = bias.clone().narrow(0, row, 1).squeeze_dim::<1>(0);
            burn::tensor::module::linear(x, weight, Some(bias))
        })
        .collect();
    Tensor::cat(out, 0)
}

/// Frames [M, P, D] of each row pooled at every pixel with the softmax of `logits` [M, P, heads] over them:
/// [B, P, heads, D]; zero for a row without frames.
pub(crate) fn pooled(logits: Tensor<3>, frames: Tensor<3>, counts: &[usize]) -> Tensor<4> {
    if is_served(&frames) {
        return Tensor::from_dispatch(<Dispatch as RowOps>::row_pooled(
            logits.into_dispatch(),
            frames.into_dispatch(),
            counts.to_vec(),
        ));
    }
    let [_, pixels, heads] = logits.dims();
    let [_, _, width] = frames.dims();
    let device = frames.device();
    let mut rows = vec![None; counts.len()];
    for ((row, logits), (_, frames)) in parts(&logits, counts)
        .into_iter()
        .zip(parts(&frames, counts))
    {
        let shares = softmax(logits, 0);
        let pooled = (0..heads)
            .map(|head| (shares.clone().narrow(2, head, 1) * frames.clone()).sum_dim(0))
            .collect();
        // heads of [1, P, D]
        rows[row] = Some(Tensor::cat(pooled, 0).swap_dims(0, 1).unsqueeze_dim::<4>(0));
    }
    let zero = || Tensor::zeros([1, pixels, heads, width], &device);
    Tensor::cat(
        rows.into_iter()
            .map(|row| row.unwrap_or_else(zero))
            .collect(),
        0,
    )
}
