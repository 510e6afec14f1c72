//! Gradients of the fused operations. What is kept for them: the inputs, and before a GELU what it was given; shares of
//! attention and moments of norms are worked out again. Proved against the library's own operations in the tests beside.

use super::forward::{self, Along, Heads, Numbers, Reach, Rows, dims, sequences_of, tensor};
use super::product::{Cores, new_product};
use super::written::zeros;
use super::{FusedOps, rows};
use burn::backend::Autodiff;
use burn::backend::Flex;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;

pub(super) type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

impl<C: CheckpointStrategy> FusedOps for Autodiff<Flex, C> {
    fn fused_linear(x: Tracked<C>, weight: Tracked<C>, bias: Tracked<C>) -> Tracked<C> {
        match Linear
            .prepare::<C>([x.node(), weight.node(), bias.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let out =
                    forward::linear(None, x.primitive(), weight.primitive(), bias.primitive());
                prep.finish((x.into_primitive(), weight.into_primitive()), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(forward::linear(
                None,
                x.primitive(),
                weight.primitive(),
                bias.primitive(),
            )),
        }
    }

    fn fused_linear_gelu(x: Tracked<C>, weight: Tracked<C>, bias: Tracked<C>) -> Tracked<C> {
        let before = forward::linear(None, x.primitive(), weight.primitive(), bias.primitive());
        match LinearGelu
            .prepare::<C>([x.node(), weight.node(), bias.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let out = forward::gelu(before.clone());
                prep.finish((x.into_primitive(), weight.into_primitive(), before), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(forward::gelu(before)),
        }
    }

    fn fused_linear_onto(
        base: Tracked<C>,
        x: Tracked<C>,
        weight: Tracked<C>,
        bias: Tracked<C>,
    ) -> Tracked<C> {
        let out = forward::linear(
            Some(base.primitive()),
            x.primitive(),
            weight.primitive(),
            bias.primitive(),
        );
        match LinearOnto
            .prepare::<C>([base.node(), x.node(), weight.node(), bias.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                prep.finish((x.into_primitive(), weight.into_primitive()), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn fused_attention(qkv: Tracked<C>, heads: usize) -> Tracked<C> {
        let out = forward::attention(qkv.primitive(), heads);
        match Attention
            .prepare::<C>([qkv.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish((qkv.into_primitive(), heads), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn fused_norm(
        x: Tracked<C>,
        scale: Tracked<C>,
        offset: Tracked<C>,
        epsilon: f64,
    ) -> Tracked<C> {
        let out = forward::norm(
            x.primitive(),
            scale.primitive(),
            offset.primitive(),
            epsilon,
        );
        match Norm
            .prepare::<C>([x.node(), scale.node(), offset.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                prep.finish((x.into_primitive(), scale.into_primitive(), epsilon), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }
}

/// A gradient whose numbers may be written over.
pub(super) fn own(gradient: Numbers) -> Numbers {
    gradient.to_contiguous()
}

pub(super) fn vector(values: Vec<f32>) -> Numbers {
    let count = values.len();
    tensor(values, vec![count])
}

/// Gradients of x, weight and bias from that of x w + b.
fn linear_backward(
    [of_x, of_weight, of_bias]: [Option<NodeId>; 3],
    (x, weight): (&Numbers, &Numbers),
    gradient: &Numbers,
    grads: &mut Gradients,
) {
    let gradient = Rows::new(gradient);
    if let Some(node) = of_bias {
        let sum = rows::sum_of_rows(gradient.values(), gradient.width);
        grads.register::<Flex>(node, vector(sum));
    }
    if let Some(node) = of_weight {
        let rows = Rows::new(x);
        let inputs = rows.matrix().transposed();
        let out = new_product(inputs, gradient.matrix(), Cores::All);
        grads.register::<Flex>(node, tensor(out, vec![rows.width, gradient.width]));
    }
    if let Some(node) = of_x {
        let weight = Rows::new(weight);
        let weight = weight.matrix().transposed();
        let out = new_product(gradient.matrix(), weight, Cores::All);
        grads.register::<Flex>(node, tensor(out, dims(x)));
    }
}

#[derive(Debug)]
struct Linear;

impl Backward<Flex, 3> for Linear {
    /// Input and weight.
    type State = (Numbers, Numbers);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let (x, weight) = ops.state;
        let parents = ops.parents.map(|parent| parent.map(|node| node.id));
        linear_backward(parents, (&x, &weight), &gradient, grads);
    }
}

#[derive(Debug)]
struct LinearGelu;

impl Backward<Flex, 3> for LinearGelu {
    /// Input, weight, and what GELU was given.
    type State = (Numbers, Numbers, Numbers);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        let (x, weight, before) = ops.state;
        rows::times_gelu_slope(gradient.storage_mut(), Rows::new(&before).values());
        let parents = ops.parents.map(|parent| parent.map(|node| node.id));
        linear_backward(parents, (&x, &weight), &gradient, grads);
    }
}

#[derive(Debug)]
struct LinearOnto;

impl Backward<Flex, 4> for LinearOnto {
    /// Input and weight.
    type State = (Numbers, Numbers);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let (x, weight) = ops.state;
        let [base, a, b, c] = ops.parents.map(|parent| parent.map(|node| node.id));
        linear_backward([a, b, c], (&x, &weight), &gradient, grads);
        if let Some(node) = base {
            grads.register::<Flex>(node, gradient);
        }
    }
}

#[derive(Debug)]
struct Attention;

impl Backward<Flex, 1> for Attention {
    /// Queries, keys and values, and the number of heads.
    type State = (Numbers, usize);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let [Some(node)] = ops.parents else { return };
        let (qkv, heads) = ops.state;
        let (rows, gradient) = (Rows::new(&qkv), Rows::new(&gradient));
        let heads = Heads::new(
            rows.values(),
            sequences_of(&qkv),
            heads,
            (Along::Second, Reach::All),
        );
        let mut out = zeros(rows.values().len());
        heads.attend_backward(gradient.values(), &mut out);
        grads.register::<Flex>(node.id, tensor(out, dims(&qkv)));
    }
}

#[derive(Debug)]
struct Norm;

impl Backward<Flex, 3> for Norm {
    /// Input, scale and epsilon.
    type State = (Numbers, Numbers, f64);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = own(grads.consume::<Flex>(&ops.node));
        let (x, scale, epsilon) = ops.state;
        let (of_scale, of_offset) = rows::norm_backward(
            gradient.storage_mut(),
            Rows::new(&x).values(),
            Rows::new(&scale).values(),
            epsilon as f32,
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
