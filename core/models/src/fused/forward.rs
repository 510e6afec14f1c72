//! The fused operations on the processor's tensors: one matrix product over the tokens of all images, and one pass over the
//! numbers for what stands around it. Knows nothing of gradients.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Shape, TensorData};
use rayon::prelude::*;

use super::product::{Cores, Matrix, new_product, product};
use super::rows;
use super::written::{NUMBERS, written, zeros};

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
    let mut out = new_product(rows.matrix().of_a_batch(), weight.matrix(), Cores::All);
    match base {
        Some(base) => rows::add_base_and_bias(&mut out, Rows::new(base).values(), bias.values()),
        None => rows::add_row(&mut out, bias.values()),
    }
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
            let before: &[f32] = x.storage();
            let values = written(before.len(), NUMBERS, |part, place| {
                let from = part * NUMBERS;
                rows::gelu_of(&before[from..from + place.len()], place)
            });
            tensor(values, dims(&x))
        }
    }
}

pub(super) fn norm(x: &Numbers, scale: &Numbers, offset: &Numbers, epsilon: f64) -> Numbers {
    let rows = Rows::new(x);
    let (scale, offset) = (Rows::new(scale), Rows::new(offset));
    let out = rows::norm(
        rows.values(),
        scale.values(),
        offset.values(),
        epsilon as f32,
    );
    tensor(out, dims(x))
}

/// Which axis of `qkv` the tokens of a sequence lie on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    /// [sequences, tokens, 3 D]
    Second,
    /// [tokens, sequences, 3 D]
    First,
}

/// Queries, keys and values in the rows of `qkv`, rows q | k | v, each split into heads in order.
pub(super) struct Heads<'a> {
    qkv: &'a [f32],
    pub heads: usize,
    pub head_width: usize,
    pub tokens: usize,
    pub sequences: usize,
    along: Along,
    reach: Reach,
}

/// Which tokens a token of a sequence takes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    All,
    /// Itself and those before it.
    Before,
}

impl<'a> Heads<'a> {
    pub fn new(
        qkv: &'a [f32],
        [tokens, sequences]: [usize; 2],
        heads: usize,
        (along, reach): (Along, Reach),
    ) -> Self {
        let row = qkv.len() / (tokens * sequences).max(1);
        Self {
            qkv,
            heads,
            head_width: row / (3 * heads).max(1),
            tokens,
            sequences,
            along,
            reach,
        }
    }

    /// D
    pub fn width(&self) -> usize {
        self.heads * self.head_width
    }

    /// Numbers of one head of one sequence.
    fn size(&self) -> usize {
        self.tokens * self.head_width
    }

    /// Rows from a sequence's first token to that of the next sequence, and from token to token.
    fn steps(&self) -> (usize, usize) {
        match self.along {
            Along::Second => (self.tokens, 1),
            Along::First => (1, self.sequences),
        }
    }

    /// [N, d] of sequence `index / heads`, head `index % heads`; `part`: 0 queries, 1 keys, 2 values.
    fn part(&self, index: usize, part: usize) -> Matrix<'a> {
        let offset = part * self.width() + index % self.heads * self.head_width;
        self.tokens_of(self.qkv, index, 3 * self.width(), offset)
    }

    /// [N, d] at `offset` of the rows of the tokens of sequence `index / heads`, in `values` of rows of `row` numbers.
    fn tokens_of<'b>(
        &self,
        values: &'b [f32],
        index: usize,
        row: usize,
        offset: usize,
    ) -> Matrix<'b> {
        let (to_sequence, to_token) = self.steps();
        let at = index / self.heads * to_sequence * row + offset;
        let values = values.get(at..).unwrap_or_default();
        Matrix::with_step(values, self.tokens, self.head_width, to_token * row)
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_width as f32).sqrt()
    }

    /// How much each token takes from each, [N, N].
    fn shares(&self, index: usize, shares: &mut [f32]) {
        let keys = self.part(index, 1).transposed();
        product(shares, self.part(index, 0), keys, Cores::This);
        match self.reach {
            Reach::All => rows::softmax(shares, self.tokens, self.scale()),
            Reach::Before => rows::softmax_before(shares, self.tokens, self.scale()),
        }
    }

    /// Rows of all tokens, as they lie in `qkv`, from P arrays [sequences, heads, N, d].
    fn join<const P: usize>(&self, parts: [&[f32]; P], out: &mut [f32]) {
        let (tokens, sequences) = (self.tokens.max(1), self.sequences.max(1));
        rows::join_heads(
            parts,
            tokens,
            self.heads,
            self.head_width,
            out,
            |row| match self.along {
                Along::Second => (row / tokens, row % tokens),
                Along::First => (row % sequences, row / sequences),
            },
        );
    }

    /// Attention of all tokens of a sequence to all its tokens, as they lie in `qkv`: rows of D numbers.
    pub fn attend(&self, out: &mut [f32]) {
        let mut mixed = zeros(self.sequences * self.heads * self.size());
        mixed
            .par_chunks_mut(self.size().max(1))
            .enumerate()
            .for_each_init(
                || vec![0.0; self.tokens * self.tokens],
                |shares, (index, mixed)| {
                    self.shares(index, shares);
                    let shares = Matrix::new(shares, self.tokens, self.tokens);
                    product(mixed, shares, self.part(index, 2), Cores::This);
                },
            );
        self.join([&mixed], out);
    }

    /// Gradient of `qkv` from that of [`Self::attend`].
    pub fn attend_backward(&self, gradient: &[f32], out: &mut [f32]) {
        let (tokens, width, size) = (self.tokens, self.width(), self.size());
        let all = self.sequences * self.heads * size;
        let (mut queries, mut keys, mut values) = (zeros(all), zeros(all), zeros(all));
        queries
            .par_chunks_mut(size.max(1))
            .zip(keys.par_chunks_mut(size.max(1)))
            .zip(values.par_chunks_mut(size.max(1)))
            .enumerate()
            .for_each_init(
                || [vec![0.0; tokens * tokens], vec![0.0; tokens * tokens]],
                |[shares, scores], (index, ((queries, keys), values))| {
                    let offset = index % self.heads * self.head_width;
                    let of_mixed = self.tokens_of(gradient, index, width, offset);
                    self.shares(index, shares);
                    let there = self.part(index, 2).transposed();
                    product(scores, of_mixed, there, Cores::This);
                    rows::softmax_backward(scores, shares, tokens, self.scale());
                    let shares = Matrix::new(shares, tokens, tokens);
                    let scores = Matrix::new(scores, tokens, tokens);
                    product(values, shares.transposed(), of_mixed, Cores::This);
                    product(queries, scores, self.part(index, 1), Cores::This);
                    product(keys, scores.transposed(), self.part(index, 0), Cores::This);
                },
            );
        self.join([&queries, &keys, &values], out);
    }
}

/// Tokens and sequences of `qkv` [sequences, tokens, 3 D].
pub(super) fn sequences_of(qkv: &Numbers) -> [usize; 2] {
    match dims(qkv).as_slice() {
        [sequences, tokens, _] => [*tokens, *sequences],
        _ => [0, 0],
    }
}

/// Attention of all tokens of an image to all its tokens: `qkv` [B, N, 3 D] -> [B, N, D].
pub(super) fn attention(qkv: &Numbers, heads: usize) -> Numbers {
    let rows = Rows::new(qkv);
    let heads = Heads::new(
        rows.values(),
        sequences_of(qkv),
        heads,
        (Along::Second, Reach::All),
    );
    let mut out = zeros(rows.count * heads.width());
    heads.attend(&mut out);
    tensor(out, with_last(dims(qkv), heads.width()))
}
