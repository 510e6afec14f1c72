//! AdamW over a whole module in two groups: tensors of more than one axis, and biases, norms and other vectors. Gradients of
//! several draws are added up before a step. States are named by the path of their parameter, so that a checkpoint serves a
//! module that was made anew. Knows modules. Knows nothing of losses or files.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{
    AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, DynOptimizer, DynState,
    GradientsAccumulator, GradientsParams, Optimizer, StateSink, StateSource,
};
use burn::tensor::{Device, Gradients, Tensor};
use serde::{Deserialize, Serialize};
use terroir_models::FusedAdamW;

/// What AdamW is told. `Default` is the published masked pretraining (DOFA specification 4.6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamWSettings {
    pub beta_1: f32,
    pub beta_2: f32,
    pub epsilon: f32,
    /// Weight decay of tensors with more than one axis.
    pub decay: f32,
    /// Weight decay of biases, norms and other vectors.
    pub decay_of_vectors: f32,
    /// Factors on the learning rate by the start of a parameter's path; the longest that fits wins, others have 1.
    #[serde(default)]
    pub rate_factors: Vec<(String, f64)>,
    /// Gradients of a step are shortened to this norm over the whole module where they are longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f32>,
}

impl Default for AdamWSettings {
    fn default() -> Self {
        Self {
            beta_1: 0.9,
            beta_2: 0.95,
            epsilon: 1e-8,
            decay: 0.05,
            decay_of_vectors: 0.0,
            rate_factors: Vec::new(),
            clip_norm: None,
        }
    }
}

impl AdamWSettings {
    fn rate_factor(&self, path: &str) -> f64 {
        self.rate_factors
            .iter()
            .filter(|(start, _)| path.starts_with(start.as_str()))
            .max_by_key(|(start, _)| start.len())
            .map_or(1.0, |(_, factor)| *factor)
    }

    fn fused(&self, decay: f32) -> FusedAdamW {
        FusedAdamW {
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
            decay,
        }
    }

    fn group(&self, decay: f32) -> AdamW {
        AdamWConfig::new()
            .with_beta_1(self.beta_1)
            .with_beta_2(self.beta_2)
            .with_epsilon(self.epsilon)
            .with_weight_decay(decay)
            .build()
    }
}

/// AdamW with its states, and the gradients added up so far.
pub struct Optimiser<M> {
    settings: AdamWSettings,
    of_matrices: AdamW,
    of_vectors: AdamW,
    /// By the path of the parameter.
    states: BTreeMap<String, DynState>,
    gradients: GradientsAccumulator<M>,
}

impl<M: Module> Optimiser<M> {
    pub fn new(settings: AdamWSettings) -> Self {
        Self {
            of_matrices: settings.group(settings.decay),
            of_vectors: settings.group(settings.decay_of_vectors),
            settings,
            states: BTreeMap::new(),
            gradients: GradientsAccumulator::new(),
        }
    }

    /// Adds the gradients of a draw; the loss was divided by the number of draws of the step.
    pub fn add(&mut self, model: &M, gradients: Gradients) {
        let gradients = GradientsParams::from_grads(gradients, model);
        self.gradients.accumulate(model, gradients);
    }

    /// Forgets gradients of a step that is not to be finished.
    pub fn forget_gradients(&mut self) {
        self.gradients.grads();
    }

    /// The module after one step with what was added up. Parameters without a gradient stay as they are.
    pub fn step(&mut self, model: M, rate: f64) -> M {
        let gradients = self.gradients.grads();
        let shortened = self
            .settings
            .clip_norm
            .and_then(|most| Some(most / norm(&model, &gradients)?))
            .filter(|factor| *factor < 1.0);
        model.map(&mut Stepper {
            optimiser: self,
            gradients,
            shortened,
            rate,
            path: Vec::new(),
        })
    }

    /// States as named tensors and numbers; names begin with the path of the parameter.
    pub(crate) fn states(&self) -> StateSink {
        let mut sink = StateSink::default();
        for (path, state) in &self.states {
            // Both groups have the same kind of state.
            self.of_matrices.state_flatten(path, state, &mut sink);
        }
        sink
    }

    /// Takes states as [`Self::states`] gave them, for the parameters of `model`; returns how many were found.
    pub(crate) fn take_states(&mut self, model: &M, mut source: StateSource) -> usize {
        let mut paths = Paths::default();
        model.visit(&mut paths);
        self.states = paths
            .found
            .into_iter()
            .filter_map(|(path, rank, device)| {
                let state = self.of_matrices.state_unflatten(
                    rank,
                    &path,
                    &mut source,
                    &device.without_autodiff(),
                )?;
                Some((path, state))
            })
            .collect();
        self.states.len()
    }
}

/// Paths, ranks and devices of the float parameters of a module.
#[derive(Default)]
struct Paths {
    path: Vec<String>,
    found: Vec<(String, usize, Device)>,
}

impl ModuleVisitor for Paths {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found
            .push((self.path.join("."), D, param.lazy_device()));
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

/// Euclidean length of all gradients together; `None` where there are none or the device does not give them back.
fn norm<M: Module>(model: &M, gradients: &GradientsParams) -> Option<f32> {
    let mut squares = Squares {
        gradients,
        sums: Vec::new(),
    };
    model.visit(&mut squares);
    if squares.sums.is_empty() {
        return None;
    }
    let total = Tensor::cat(squares.sums, 0).sum().into_data();
    let total = total.try_into_vec::<f32>().ok()?;
    total.first().map(|total| total.sqrt())
}

/// Sums of the squares of gradients, one a parameter.
struct Squares<'a> {
    gradients: &'a GradientsParams,
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sums.push(gradient.square().sum());
        }
    }
}

struct Stepper<'a, M> {
    optimiser: &'a mut Optimiser<M>,
    gradients: GradientsParams,
    /// Factor on every gradient, where they are too long.
    shortened: Option<f32>,
    rate: f64,
    path: Vec<String>,
}

impl<M: Module> ModuleMapper for Stepper<'_, M> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else {
            return param;
        };
        let gradient = match self.shortened {
            Some(factor) => gradient * factor,
            None => gradient,
        };
        let path = self.path.join(".");
        let rate = self.rate * self.optimiser.settings.rate_factor(&path);
        let group = match D {
            0 | 1 => &self.optimiser.of_vectors,
            _ => &self.optimiser.of_matrices,
        };
        let state = self
            .optimiser
            .states
            .remove(&path)
            .map(DynState::downcast::<AdamWState<D>>);
        let decay = match D {
            0 | 1 => self.optimiser.settings.decay_of_vectors,
            _ => self.optimiser.settings.decay,
        };
        let fused = self.optimiser.settings.fused(decay);
        param.map(|tensor| {
            let checkpointing = tensor.gradient_checkpointing_strategy();
            let tensor = tensor.inner();
            let (updated, state) = match FusedAdamW::serves(&tensor) {
                true => fused_step(fused, rate, tensor, gradient, state),
                false => group.step(rate, tensor, gradient, state),
            };
            if let Some(state) = state {
                self.optimiser
                    .states
                    .insert(path, DynState::create(state, D));
            }
            let updated = Tensor::from_inner(updated);
            let updated = match checkpointing {
                Some(strategy) => updated.with_gradient_checkpointing_strategy(strategy),
                None => updated,
            };
            updated.require_grad()
        })
    }
}

/// A step on the processor, with the states of the library's optimiser.
fn fused_step<const D: usize>(
    optimiser: FusedAdamW,
    rate: f64,
    values: Tensor<D>,
    gradient: Tensor<D>,
    state: Option<AdamWState<D>>,
) -> (Tensor<D>, Option<AdamWState<D>>) {
    let (time, moments) = match state {
        Some(AdamWState { momentum }) => {
            (momentum.time + 1, [momentum.moment_1, momentum.moment_2])
        }
        None => (1, [values.zeros_like(), values.zeros_like()]),
    };
    let (values, [moment_1, moment_2]) = optimiser.step(rate, time, values, gradient, moments);
    let momentum = AdaptiveMomentumState::new(time, moment_1, moment_2);
    (values, Some(AdamWState::new(momentum)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};

    fn layer(device: &Device) -> Linear {
        LinearConfig::new(3, 2).init(device)
    }

    fn values(model: &Linear) -> (Vec<f32>, Vec<f32>) {
        let read = |data: burn::tensor::TensorData| data.try_into_vec::<f32>().unwrap();
        (
            read(model.weight.val().into_data()),
            read(model.bias.as_ref().unwrap().val().into_data()),
        )
    }

    #[test]
    fn only_matrices_decay_and_the_first_step_has_the_size_of_the_rate() {
        let device = Device::flex().autodiff();
        let model = layer(&device);
        let before = values(&model);
        let mut optimiser = Optimiser::new(AdamWSettings::default());
        let loss = model.forward(Tensor::<2>::ones([1, 3], &device)).sum();
        optimiser.add(&model, loss.backward());
        let after = values(&optimiser.step(model, 1e-2));
        // The gradient of every weight is 1: AdamW's first step is the rate, after the decay.
        for (old, new) in before.0.iter().zip(&after.0) {
            assert!((new - (old * (1.0 - 1e-2 * 0.05) - 1e-2)).abs() < 1e-6);
        }
        for (old, new) in before.1.iter().zip(&after.1) {
            assert!((new - (old - 1e-2)).abs() < 1e-6);
        }
    }

    #[test]
    fn a_step_keeps_how_gradients_are_checkpointed() {
        let device = Device::flex().autodiff().gradient_checkpointing();
        let mut model = layer(&device);
        let mut optimiser = Optimiser::new(AdamWSettings::default());
        for _ in 0..2 {
            let loss = model.forward(Tensor::<2>::ones([1, 3], &device)).sum();
            optimiser.add(&model, loss.backward());
            model = optimiser.step(model, 1e-3);
        }
        let kept = model.weight.val().gradient_checkpointing_strategy();
        assert_eq!(kept, device.gradient_checkpointing_strategy());
    }

    #[test]
    fn long_gradients_are_shortened_and_short_ones_left() {
        let device = Device::flex().autodiff();
        let model = layer(&device);
        // Eight gradients of 1: a norm of the root of eight. The second moment starts from their squares.
        for (most, expected) in [(1.0_f32, 1.0_f32 / 8.0), (100.0, 1.0)] {
            let mut optimiser = Optimiser::new(AdamWSettings {
                beta_2: 0.0,
                clip_norm: Some(most),
                ..AdamWSettings::default()
            });
            let loss = model.forward(Tensor::<2>::ones([1, 3], &device)).sum();
            optimiser.add(&model, loss.backward());
            optimiser.step(model.clone(), 1e-3);
            let states = optimiser.states();
            let seconds: Vec<f32> = states
                .tensors
                .iter()
                .filter(|(name, _)| name.contains("moment_2"))
                .flat_map(|(_, data)| data.clone().try_into_vec::<f32>().unwrap())
                .collect();
            assert_eq!(seconds.len(), 8);
            for value in seconds {
                assert!((value - expected).abs() < 1e-6, "{value} for {most}");
            }
        }
    }

    #[test]
    fn several_draws_add_up_to_one() {
        let device = Device::flex().autodiff();
        let model = layer(&device);
        let settings = AdamWSettings {
            rate_factors: vec![("bias".to_owned(), 0.0)],
            ..AdamWSettings::default()
        };
        let one = |scale: f32| Tensor::<2>::full([1, 3], scale, &device);
        let mut whole = Optimiser::new(settings.clone());
        whole.add(&model, model.forward(one(2.0)).sum().backward());
        let mut parts = Optimiser::new(settings);
        for scale in [1.0, 3.0] {
            let loss = model.forward(one(scale)).sum() / 2.0;
            parts.add(&model, loss.backward());
        }
        let bias = values(&model).1;
        let (a, b) = (
            values(&whole.step(model.clone(), 1e-2)),
            values(&parts.step(model, 1e-2)),
        );
        for (a, b) in a.0.iter().zip(&b.0) {
            assert!((a - b).abs() < 1e-6);
        }
        // Its rate factor is zero.
        assert_eq!(b.1, bias);
    }
}
