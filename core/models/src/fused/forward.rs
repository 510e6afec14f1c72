//! The fused operations on the processor's tensors: one matrix product over the tokens of all images, and one pass over the
//! numbers for what stands around it. Knows nothing of gradients.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Shape, TensorData};
use rayon::prelude::*;

use super::product::{Cores, Matrix, add_product, product};
use super::rows;

pub(super) type Numbers = FloatTensor<Flex>;

pub(super) fn dims(x: &Numbers) -> Vec<usize> {
    x.layout().shape().to_vec()
}

/// A tensor of these numbers, without a copy.
pub(super) fn tensor(values: Vec<f32>, dims: Vec<usize>) -> Numbers {
    Numbers::from_data(TensorData::new(values, Shape::from(dims)))
}

/// [.., K] as M rows of K; contiguous.
pub(super) struct Rows {
    x: Numbers,
    pub count: usize,
    pub width: usize,
}

impl Rows {
    pub fn new(x: &Numbers) -> Self {
        let dims = dims(x);
        let width = dims.last().copied().unwrap_or(1);
        Self {
            x: x.to_contiguous(),
            count: dims.iter().product::<usize>() / width.max(1),
            width,
        }
    }

    pub fn values(&self) -> &[f32] {
        self.x.storage()
    }

    pub fn matrix(&self) -> Matrix<'_> {
        Matrix::new(self.values(), self.count, self.width)
    }
}

/// `dims` with another last axis.
fn with_last(mut dims: Vec<usize>, width: usize) -> Vec<usize> {
    if let Some(last) = dims.last_mut() {
        *last = width;
    }
    dims
}

/// x w + b: [.., K] x [K, N] + [N] -> [.., N], onto `base` if there is one.
pub(super) fn linear(
    base: Option<&Numbers>,
    x: &Numbers,
    weight: &Numbers,
    bias: &Numbers,
) -> Numbers {
    let (rows, weight, bias) = (Rows::new(x), Rows::new(weight), Rows::new(bias));
    let mut out = vec![0.0; rows.count * weight.width];
    match base {
        Some(base) => rows::sum_of_base_and_bias(&mut out, Rows::new(base).values(), bias.values()),
        None => rows::fill_rows(&mut out, bias.values()),
    }
    add_product(&mut out, rows.matrix(), weight.matrix(), Cores::All);
    tensor(out, with_last(dims(x), weight.width))
}

/// GELU, in place where nothing else holds the numbers.
pub(super) fn gelu(mut x: Numbers) -> Numbers {
    match x.try_storage_mut() {
        Some(values) => {
            rows::gelu(values);
            x
        }
        None => {
            let mut values = vec![0.0; x.storage::<f32>().len()];
            rows::gelu_of(x.storage(), &mut values);
            tensor(values, dims(&x))
        }
    }
}

pub(super) fn norm(x: &Numbers, scale: &Numbers, offset: &Numbers, epsilon: f64) -> Numbers {
    let rows = Rows::new(x);
    let mut out = vec![0.0; rows.values().len()];
    rows::norm(
        rows.values(),
        Rows::new(scale).values(),
        Rows::new(offset).values(),
        epsilon as f32,
        &mut out,
    );
    tensor(out, dims(x))
}

/// Queries, keys and values in the rows of `qkv` [B, N, 3 D].
pub(super) struct Heads {
    qkv: Rows,
    pub heads: usize,
    pub head_width: usize,
    pub tokens: usize,
    pub images: usize,
}

impl Heads {
    pub fn new(qkv: &Numbers, heads: usize) -> Self {
        let rows = Rows::new(qkv);
        let tokens = match dims(qkv).as_slice() {
            [_, tokens, _] => *tokens,
            _ => rows.count,
        };
        Self {
            heads,
            head_width: rows.width / (3 * heads).max(1),
            tokens,
            images: rows.count / tokens.max(1),
            qkv: rows,
        }
    }

    /// D
    pub fn width(&self) -> usize {
        self.heads * self.head_width
    }

    /// Numbers of one head of one image.
    pub fn size(&self) -> usize {
        self.tokens * self.head_width
    }

    /// [N, d] of image `index / heads`, head `index % heads`; `part`: 0 queries, 1 keys, 2 values.
    pub fn part(&self, index: usize, part: usize) -> Matrix<'_> {
        let (image, head) = (index / self.heads, index % self.heads);
        let row = 3 * self.width();
        let at = image * self.tokens * row + part * self.width() + head * self.head_width;
        let values = self.qkv.values().get(at..).unwrap_or_default();
        Matrix::with_step(values, self.tokens, self.head_width, row)
    }

    pub fn scale(&self) -> f32 {
        1.0 / (self.head_width as f32).sqrt()
    }

    /// How much each token takes from each, [N, N].
    pub fn shares(&self, index: usize, shares: &mut [f32]) {
        let keys = self.part(index, 1).transposed();
        product(shares, self.part(index, 0), keys, Cores::This);
        rows::softmax(shares, self.tokens, self.scale());
    }
}

/// Attention of all tokens of an image to all its tokens: `qkv` [B, N, 3 D], rows q | k | v -> [B, N, D].
pub(super) fn attention(qkv: &Numbers, heads: usize) -> Numbers {
    let heads = Heads::new(qkv, heads);
    let mut mixed = vec![0.0; heads.images * heads.heads * heads.size()];
    mixed
        .par_chunks_mut(heads.size().max(1))
        .enumerate()
        .for_each_init(
            || vec![0.0; heads.tokens * heads.tokens],
            |shares, (index, mixed)| {
                heads.shares(index, shares);
                let shares = Matrix::new(shares, heads.tokens, heads.tokens);
                product(mixed, shares, heads.part(index, 2), Cores::This);
            },
        );
    let mut out = vec![0.0; mixed.len()];
    rows::join_heads(
        [&mixed],
        heads.tokens,
        heads.heads,
        heads.head_width,
        &mut out,
    );
    tensor(out, with_last(dims(qkv), heads.width()))
}
