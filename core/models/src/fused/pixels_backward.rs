//! Gradients of the operations on maps. What is kept for them: the inputs, and before a GELU what it was given.
//! Proved against the library's own operations in the tests beside.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Flex};

use super::backward::{Tracked, own, vector};
use super::convolution;
use super::forward::{self, Numbers, Rows, dims, tensor};
use super::maps;
use super::pixels::{
    MapOps, blocked, convolved, in_order, normed, shape_of, spread, turned, unit_rows,
};
use super::rows;

/// Registers an operation with what it keeps and what it gives.
macro_rules! tracked {
    ($operation:expr, $strategy:ty, [$($parent:expr),+], $kept:expr, $out:expr) => {
        match $operation
            .prepare::<$strategy>([$($parent.node()),+])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish($kept, $out),
            OpsKind::UnTracked(prep) => prep.finish($out),
        }
    };
}

impl<C: CheckpointStrategy> MapOps for Autodiff<Flex, C> {
    fn map_convolution(
        x: Tracked<C>,
        weight: Tracked<C>,
        bias: Tracked<C>,
        stride: usize,
    ) -> Tracked<C> {
        let out = convolved(
            None,
            x.primitive(),
            weight.primitive(),
            bias.primitive(),
            stride,
        );
        tracked!(
            Convolution,
            C,
            [x, weight, bias],
            (x.into_primitive(), weight.into_primitive(), stride),
            out
        )
    }

    fn map_convolution_gelu(
        x: Tracked<C>,
        weight: Tracked<C>,
        bias: Tracked<C>,
        stride: usize,
    ) -> Tracked<C> {
        let before = convolved(
            None,
            x.primitive(),
            weight.primitive(),
            bias.primitive(),
            stride,
        );
        match ConvolutionGelu
            .prepare::<C>([x.node(), weight.node(), bias.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let out = forward::gelu(before.clone());
                prep.finish(
                    (x.into_primitive(), weight.into_primitive(), before, stride),
                    out,
                )
            }
            OpsKind::UnTracked(prep) => prep.finish(forward::gelu(before)),
        }
    }

    fn map_convolution_onto(
        base: Tracked<C>,
        x: Tracked<C>,
        weight: Tracked<C>,
        bias: Tracked<C>,
    ) -> Tracked<C> {
        let out = convolved(
            Some(base.primitive()),
            x.primitive(),
            weight.primitive(),
            bias.primitive(),
            1,
        );
        tracked!(
            ConvolutionOnto,
            C,
            [base, x, weight, bias],
            (x.into_primitive(), weight.into_primitive()),
            out
        )
    }

    fn map_group_norm(
        x: Tracked<C>,
        scale: Tracked<C>,
        offset: Tracked<C>,
        groups: usize,
        epsilon: f64,
    ) -> Tracked<C> {
        let out = normed(
            x.primitive(),
            scale.primitive(),
            offset.primitive(),
            groups,
            epsilon,
        );
        tracked!(
            GroupNorm,
            C,
            [x, scale, offset],
            (
                x.into_primitive(),
                scale.into_primitive(),
                (groups, epsilon)
            ),
            out
        )
    }

    fn map_turned(x: Tracked<C>) -> Tracked<C> {
        let out = turned(x.primitive());
        tracked!(Turned, C, [x], (), out)
    }

    fn map_ordered(x: Tracked<C>, order: Vec<usize>) -> Tracked<C> {
        let out = in_order(x.primitive(), &order);
        tracked!(Ordered, C, [x], order, out)
    }

    fn map_gelu(x: Tracked<C>) -> Tracked<C> {
        let before = x.primitive().to_contiguous();
        match Gelu.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let out = forward::gelu(before.clone());
                prep.finish(before, out)
            }
            OpsKind::UnTracked(prep) => prep.finish(forward::gelu(before)),
        }
    }

    fn map_unit(x: Tracked<C>, shortest: f32) -> Tracked<C> {
        let out = unit_rows(x.primitive(), shortest);
        tracked!(Unit, C, [x], (x.into_primitive(), shortest), out)
    }

    fn map_blocks(x: Tracked<C>, side: usize) -> Tracked<C> {
        let out = blocked(x.primitive(), side);
        tracked!(BlocksOf, C, [x], side, out)
    }

    fn map_unblocked(x: Tracked<C>, side: usize) -> Tracked<C> {
        let out = spread(None, x.primitive(), side);
        tracked!(Unblocked, C, [x], side, out)
    }

    fn map_unblocked_onto(base: Tracked<C>, x: Tracked<C>, side: usize) -> Tracked<C> {
        let out = spread(Some(base.primitive()), x.primitive(), side);
        tracked!(UnblockedOnto, C, [base, x], side, out)
    }
}

/// Gradients of x, weight and bias from that of their convolution.
fn convolution_backward(
    [of_x, of_weight, of_bias]: [Option<NodeId>; 3],
    (x, weight, stride): (&Numbers, &Numbers, usize),
    gradient: &Numbers,
    grads: &mut Gradients,
) {
    let shape = shape_of(x, weight, stride);
    let gradient = Rows::new(gradient);
    if let Some(node) = of_bias {
        let sum = rows::sum_of_rows(gradient.values(), gradient.width);
        grads.register::<Flex>(node, vector(sum));
    }
    if let Some(node) = of_weight {
        let out = convolution::of_weight(shape, Rows::new(x).values(), gradient.values());
        grads.register::<Flex>(node, tensor(out, dims(weight)));
    }
    if let Some(node) = of_x {
        let out = convolution::of_input(shape, Rows::new(weight).values(), gradient.values());
        grads.register::<Flex>(node, tensor(out, dims(x)));
    }
}

#[derive(Debug)]
struct Convolution;

impl Backward<Flex, 3> for Convolution {
    /// Input, weight and stride.
    type State = (Numbers, Numbers, usize);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let (x, weight, stride) = ops.state;
        let parents = ops.parents.map(|parent| parent.map(|node| node.id));
        convolution_backward(parents, (&x, &weight, stride), &gradient, grads);
    }
}

#[derive(Debug)]
struct ConvolutionGelu;

impl Backward<Flex, 3> for ConvolutionGelu {
    /// Input, weight, what GELU was given, and the stride.
    type State = (Numbers, Numbers, Numbers, usize);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        let (x, weight, before, stride) = ops.state;
        rows::times_gelu_slope(gradient.storage_mut(), Rows::new(&before).values());
        let parents = ops.parents.map(|parent| parent.map(|node| node.id));
        convolution_backward(parents, (&x, &weight, stride), &gradient, grads);
    }
}

#[derive(Debug)]
struct ConvolutionOnto;

impl Backward<Flex, 4> for ConvolutionOnto {
    /// Input and weight.
    type State = (Numbers, Numbers);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let (x, weight) = ops.state;
        let [base, a, b, c] = ops.parents.map(|parent| parent.map(|node| node.id));
        convolution_backward([a, b, c], (&x, &weight, 1), &gradient, grads);
        if let Some(node) = base {
            grads.register::<Flex>(node, gradient);
        }
    }
}

#[derive(Debug)]
struct GroupNorm;

impl Backward<Flex, 3> for GroupNorm {
    /// Input, scale, groups and epsilon.
    type State = (Numbers, Numbers, (usize, f64));

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        let (x, scale, (groups, epsilon)) = ops.state;
        let map_size = dims(&x).iter().skip(1).product();
        let (of_scale, of_offset) = maps::group_norm_backward(
            gradient.storage_mut(),
            Rows::new(&x).values(),
            Rows::new(&scale).values(),
            groups,
            epsilon as f32,
            map_size,
        );
        let [x_node, scale_node, offset_node] = ops.parents;
        for (node, values) in [(scale_node, of_scale), (offset_node, of_offset)] {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, vector(values));
            }
        }
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct BlocksOf;

impl Backward<Flex, 1> for BlocksOf {
    type State = usize;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        if let [Some(node)] = ops.parents {
            grads.register::<Flex>(node.id, spread(None, &gradient, ops.state));
        }
    }
}

#[derive(Debug)]
struct Unblocked;

impl Backward<Flex, 1> for Unblocked {
    type State = usize;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        if let [Some(node)] = ops.parents {
            grads.register::<Flex>(node.id, blocked(&gradient, ops.state));
        }
    }
}

#[derive(Debug)]
struct UnblockedOnto;

impl Backward<Flex, 2> for UnblockedOnto {
    type State = usize;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let [base, x] = ops.parents;
        if let Some(node) = x {
            grads.register::<Flex>(node.id, blocked(&gradient, ops.state));
        }
        if let Some(node) = base {
            grads.register::<Flex>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct Turned;

impl Backward<Flex, 1> for Turned {
    type State = ();

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        if let [Some(node)] = ops.parents {
            grads.register::<Flex>(node.id, turned(&gradient));
        }
    }
}

#[derive(Debug)]
struct Ordered;

impl Backward<Flex, 1> for Ordered {
    type State = Vec<usize>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let mut back = vec![0; ops.state.len()];
        for (to, from) in ops.state.iter().enumerate() {
            if let Some(place) = back.get_mut(*from) {
                *place = to;
            }
        }
        if let [Some(node)] = ops.parents {
            grads.register::<Flex>(node.id, in_order(&gradient, &back));
        }
    }
}

#[derive(Debug)]
struct Gelu;

impl Backward<Flex, 1> for Gelu {
    /// What GELU was given.
    type State = Numbers;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        rows::times_gelu_slope(gradient.storage_mut(), Rows::new(&ops.state).values());
        if let [Some(node)] = ops.parents {
            grads.register::<Flex>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct Unit;

impl Backward<Flex, 1> for Unit {
    /// Input and the shortest length.
    type State = (Numbers, f32);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        let (x, shortest) = ops.state;
        let x = Rows::new(&x);
        rows::unit_backward(gradient.storage_mut(), x.values(), x.width, shortest);
        if let [Some(node)] = ops.parents {
            grads.register::<Flex>(node.id, gradient);
        }
    }
}
