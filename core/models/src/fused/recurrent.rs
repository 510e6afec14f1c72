//! The recurrence of a long short-term memory over the days of several sequences. On the processor each core goes through the
//! days of its own sequences, one small product a day; elsewhere as the library's operations. Knows tensors. Knows no weather.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, tanh};
use rayon::prelude::*;

use super::backward::Tracked;
use super::forward::{Numbers, Rows, dims, tensor};
use super::is_served;
use super::product::{Cores, Matrix, new_product, product};
use super::rows::{exp, vectorised};
use super::written::zeros;

#[backend_extension(Autodiff, Flex)]
pub trait RecurrentOps: Backend {
    /// `given` [B, L, 4 D], `weight` [D, 4 D] -> [B, L, D]
    fn recurrent_lstm(given: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl RecurrentOps for Flex {
    fn recurrent_lstm(given: Numbers, weight: Numbers) -> Numbers {
        remembered(&given, &weight).state
    }
}

/// What the sequences went through.
#[derive(Clone, Debug)]
struct Memory {
    /// [B, L, D]
    state: Numbers,
    /// [B, L, 4 D]: i, f, g, o after their activations.
    gates: Numbers,
    /// [B, L, D]
    cells: Numbers,
}

#[inline(always)]
fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn hyperbolic(x: f32) -> f32 {
    2.0 * logistic(2.0 * x) - 1.0
}

/// Batch, days and width of `given`.
fn sizes(given: &Numbers) -> [usize; 3] {
    match dims(given).as_slice() {
        [batch, days, gates] => [*batch, *days, gates / 4],
        _ => [0; 3],
    }
}

/// Sequences a core takes at a time.
fn sequences_a_task(batch: usize) -> usize {
    batch.div_ceil(rayon::current_num_threads().max(1)).max(1)
}

fn remembered(given: &Numbers, weight: &Numbers) -> Memory {
    let [batch, days, width] = sizes(given);
    let (given, weight) = (Rows::new(given), Rows::new(weight));
    let (of_state, of_gates) = (days * width, days * 4 * width);
    let mut state = zeros(batch * of_state);
    let mut gates = zeros(batch * of_gates);
    let mut cells = zeros(batch * of_state);
    let task = sequences_a_task(batch);
    state
        .par_chunks_mut((task * of_state).max(1))
        .zip(gates.par_chunks_mut((task * of_gates).max(1)))
        .zip(cells.par_chunks_mut((task * of_state).max(1)))
        .zip(given.values().par_chunks((task * of_gates).max(1)))
        .for_each(|(((state, gates), cells), given)| {
            let count = given.len() / of_gates.max(1);
            let mut carried = vec![0.0; count * 4 * width];
            for day in 0..days {
                if day > 0 {
                    let before = state.get((day - 1) * width..).unwrap_or_default();
                    let before = Matrix::with_step(before, count, width, of_state).of_a_batch();
                    product(&mut carried, before, weight.matrix(), Cores::This);
                }
                for sequence in 0..count {
                    let row = sequence * days + day;
                    let wide = row * 4 * width..(row + 1) * 4 * width;
                    let carried = &carried[sequence * 4 * width..(sequence + 1) * 4 * width];
                    let (earlier, now) = cells.split_at_mut(row * width);
                    let earlier = match day {
                        0 => None,
                        _ => earlier.get((row - 1) * width..),
                    };
                    remember(
                        [&given[wide.clone()], carried],
                        earlier,
                        &mut gates[wide],
                        &mut now[..width],
                        &mut state[row * width..(row + 1) * width],
                    );
                }
            }
        });
    Memory {
        state: tensor(state, vec![batch, days, width]),
        gates: tensor(gates, vec![batch, days, 4 * width]),
        cells: tensor(cells, vec![batch, days, width]),
    }
}

/// One day of one sequence.
fn remember(
    [given, carried]: [&[f32]; 2],
    earlier: Option<&[f32]>,
    gates: &mut [f32],
    cell: &mut [f32],
    state: &mut [f32],
) {
    let width = cell.len();
    vectorised(|| {
        for ((gate, given), carried) in gates.iter_mut().zip(given).zip(carried) {
            *gate = given + carried;
        }
        let (input, rest) = gates.split_at_mut(width);
        let (forget, rest) = rest.split_at_mut(width);
        let (new, output) = rest.split_at_mut(width);
        for gate in input
            .iter_mut()
            .chain(forget.iter_mut())
            .chain(output.iter_mut())
        {
            *gate = logistic(*gate);
        }
        for gate in new.iter_mut() {
            *gate = hyperbolic(*gate);
        }
        for ((cell, input), new) in cell.iter_mut().zip(&*input).zip(&*new) {
            *cell = input * new;
        }
        if let Some(earlier) = earlier {
            for ((cell, forget), earlier) in cell.iter_mut().zip(&*forget).zip(earlier) {
                *cell += forget * earlier;
            }
        }
        for ((state, output), cell) in state.iter_mut().zip(&*output).zip(&*cell) {
            *state = output * hyperbolic(*cell);
        }
    });
}

/// Gradient of `given` from that of the states.
fn remembered_backward(memory: &Memory, weight: &Numbers, gradient: &Numbers) -> Vec<f32> {
    let [batch, days, width] = sizes(&memory.gates);
    let (of_state, of_gates) = (days * width, days * 4 * width);
    let (gates, cells) = (Rows::new(&memory.gates), Rows::new(&memory.cells));
    let (gradient, weight) = (Rows::new(gradient), Rows::new(weight));
    let mut out = zeros(batch * of_gates);
    let task = sequences_a_task(batch);
    out.par_chunks_mut((task * of_gates).max(1))
        .zip(gates.values().par_chunks((task * of_gates).max(1)))
        .zip(cells.values().par_chunks((task * of_state).max(1)))
        .zip(gradient.values().par_chunks((task * of_state).max(1)))
        .for_each(|(((out, gates), cells), gradient)| {
            let count = out.len() / of_gates.max(1);
            let mut of_state_now = vec![0.0; count * width];
            let mut of_cell = vec![0.0; count * width];
            for day in (0..days).rev() {
                for sequence in 0..count {
                    let row = sequence * days + day;
                    let narrow = row * width..(row + 1) * width;
                    let wide = row * 4 * width..(row + 1) * 4 * width;
                    let own = sequence * width..(sequence + 1) * width;
                    let earlier = match day {
                        0 => None,
                        _ => Some(&cells[(row - 1) * width..row * width]),
                    };
                    forget(
                        [&of_state_now[own.clone()], &gradient[narrow.clone()]],
                        &gates[wide.clone()],
                        (&cells[narrow], earlier),
                        &mut of_cell[own],
                        &mut out[wide],
                    );
                }
                if day > 0 {
                    let now = out.get(day * 4 * width..).unwrap_or_default();
                    let now = Matrix::with_step(now, count, 4 * width, of_gates).of_a_batch();
                    let back = weight.matrix().transposed();
                    product(&mut of_state_now, now, back, Cores::This);
                }
            }
        });
    out
}

/// One day of one sequence backwards: `of_cell` becomes the gradient of the cell of the day before, `out` that of the gates.
fn forget(
    of_state: [&[f32]; 2],
    gates: &[f32],
    (cell, earlier): (&[f32], Option<&[f32]>),
    of_cell: &mut [f32],
    out: &mut [f32],
) {
    let width = cell.len();
    let [later, direct] = of_state;
    vectorised(|| {
        let (input, rest) = gates.split_at(width);
        let (keep, rest) = rest.split_at(width);
        let (new, output) = rest.split_at(width);
        let (of_input, rest) = out.split_at_mut(width);
        let (of_keep, rest) = rest.split_at_mut(width);
        let (of_new, of_output) = rest.split_at_mut(width);
        for at in 0..width {
            let of_state = later[at] + direct[at];
            let shown = hyperbolic(cell[at]);
            of_output[at] = of_state * shown * output[at] * (1.0 - output[at]);
            let of_this = of_cell[at] + of_state * output[at] * (1.0 - shown * shown);
            of_input[at] = of_this * new[at] * input[at] * (1.0 - input[at]);
            of_new[at] = of_this * input[at] * (1.0 - new[at] * new[at]);
            let before = earlier.map_or(0.0, |earlier| earlier[at]);
            of_keep[at] = of_this * before * keep[at] * (1.0 - keep[at]);
            of_cell[at] = of_this * keep[at];
        }
    });
}

/// States of the day before, zeros on the first: [B * L, D].
fn delayed(state: &Numbers) -> Vec<f32> {
    let [batch, days, width]: [usize; 3] = dims(state).try_into().unwrap_or([0; 3]);
    let rows = Rows::new(state);
    let size = days * width;
    let mut out = zeros(batch * size);
    for (out, state) in out
        .chunks_exact_mut(size.max(1))
        .zip(rows.values().chunks_exact(size.max(1)))
    {
        out[width..].copy_from_slice(&state[..size - width]);
    }
    out
}

impl<C: CheckpointStrategy> RecurrentOps for Autodiff<Flex, C> {
    fn recurrent_lstm(given: Tracked<C>, weight: Tracked<C>) -> Tracked<C> {
        let memory = remembered(given.primitive(), weight.primitive());
        match Lstm
            .prepare::<C>([given.node(), weight.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let state = memory.state.clone();
                prep.finish((memory, weight.into_primitive()), state)
            }
            OpsKind::UnTracked(prep) => prep.finish(memory.state),
        }
    }
}

#[derive(Debug)]
struct Lstm;

impl Backward<Flex, 2> for Lstm {
    type State = (Memory, Numbers);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let (memory, weight) = ops.state;
        let [batch, days, width] = sizes(&memory.gates);
        let of_given = remembered_backward(&memory, &weight, &gradient);
        let [given_node, weight_node] = ops.parents;
        if let Some(node) = weight_node {
            let before = delayed(&memory.state);
            let before = Matrix::new(&before, batch * days, width).transposed();
            let now = Matrix::new(&of_given, batch * days, 4 * width);
            let out = new_product(before, now, Cores::All);
            grads.register::<Flex>(node.id, tensor(out, vec![width, 4 * width]));
        }
        if let Some(node) = given_node {
            grads.register::<Flex>(node.id, tensor(of_given, dims(&memory.gates)));
        }
    }
}

/// States of sequences that start at zero: `given` [B, L, 4 D] is what each day's input gives to the gates i, f, g, o with
/// all biases, `weight` [D, 4 D] what the state of the day before gives. Returns [B, L, D].
pub(crate) fn lstm(given: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    if is_served(&given) {
        return Tensor::from_dispatch(<Dispatch as RecurrentOps>::recurrent_lstm(
            given.into_dispatch(),
            weight.into_dispatch(),
        ));
    }
    day_by_day(given, weight)
}

fn day_by_day(given: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    let [batch, days, gates] = given.dims();
    let width = gates / 4;
    let device = given.device();
    let mut state = Tensor::<2>::zeros([batch, width], &device);
    let mut cell = Tensor::<2>::zeros([batch, width], &device);
    let states = (0..days)
        .map(|day| {
            let now = given.clone().narrow(1, day, 1).reshape([batch, gates])
                + state.clone().matmul(weight.clone());
            let gate = |index: usize| now.clone().narrow(1, index * width, width);
            cell = sigmoid(gate(1)) * cell.clone() + sigmoid(gate(0)) * tanh(gate(2));
            state = sigmoid(gate(3)) * tanh(cell.clone());
            state.clone().unsqueeze_dim::<3>(1)
        })
        .collect();
    Tensor::cat(states, 1)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::tests::{assert_same, random};
    use super::*;

    #[test]
    fn the_recurrence_is_that_of_its_definition() {
        let device = Device::flex().autodiff();
        let given = random([3, 6, 20], &device).require_grad();
        let weight = random([5, 20], &device).require_grad();
        let ours = lstm(given.clone(), weight.clone());
        let theirs = day_by_day(given.clone(), weight.clone());
        assert_same(&[given], ours, theirs, &[], &[weight]);
    }
}
