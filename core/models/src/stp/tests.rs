//! What every STP network must hold (specification 5.8), and that its file gives it back.

use burn::tensor::Distribution;

use super::*;

fn config() -> StpConfig {
    let sources = [("a", 3), ("b", 2)].map(|(name, bands)| StpSource {
        name: name.to_owned(),
        bands,
    });
    let targets = [("a", 3, 0), ("b", 2, 2)].map(|(name, outputs, meta)| StpTarget {
        name: name.to_owned(),
        outputs,
        meta,
    });
    StpConfig::by_name("stp-tiny", sources.to_vec(), targets.to_vec()).unwrap()
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec::<f32>().unwrap()
}

/// Frames of both sources, 3 and 2 in each of two rows.
fn batch(device: &Device) -> FrameBatch {
    device.seed(4);
    let random = |shape: [usize; 5]| Tensor::random(shape, Distribution::Normal(0.0, 1.0), device);
    FrameBatch {
        frames: vec![
            Some(random([2, 3, 3, 32, 32])),
            Some(random([2, 2, 2, 32, 32])),
        ],
        days: vec![
            100.0, 130.5, 170.0, 110.0, 200.25, 400.0, 430.0, 471.0, 410.0, 500.0,
        ],
        is_there: vec![
            true, true, false, true, true, true, false, true, true, false,
        ],
    }
}

const PERIODS: [(f64, f64); 2] = [(90.0, 220.0), (390.0, 520.0)];

#[test]
fn pixels_of_masked_frames_have_no_effect() {
    let device = Device::flex();
    let model = config().init(1, &device);
    let mut batch = batch(&device);
    let mu = numbers(model.summarise(&model.encode(&batch), &PERIODS));
    if let Some(frames) = &mut batch.frames[0] {
        let masked = frames.clone().narrow(0, 0, 1).narrow(1, 2, 1);
        *frames = frames
            .clone()
            .slice_assign([0..1, 2..3, 0..3, 0..32, 0..32], masked * 0.0 + 1e6);
    }
    assert_eq!(
        numbers(model.summarise(&model.encode(&batch), &PERIODS)),
        mu
    );
    assert!(mu.iter().all(|value| value.is_finite()));
}

#[test]
fn embeddings_have_length_one_and_depend_on_the_period() {
    let device = Device::flex();
    let model = config().init(1, &device);
    let encoded = model.encode(&batch(&device));
    let mu = model.summarise(&encoded, &PERIODS);
    assert_eq!(mu.dims(), [2, 64, 32, 32]);
    let lengths = numbers(mu.clone().square().sum_dim(1).sqrt());
    assert!(lengths.iter().all(|length| (length - 1.0).abs() < 1e-5));
    let other = model.summarise(&encoded, &[(90.0, 120.0), (390.0, 420.0)]);
    let most = (mu - other).abs().max().into_scalar::<f32>();
    assert!(most > 1e-4, "{most}");
}

#[test]
fn frames_may_come_in_any_order() {
    let device = Device::flex();
    let model = config().init(1, &device);
    let mut batch = batch(&device);
    let mu = numbers(model.summarise(&model.encode(&batch), &PERIODS));
    // Frames 0 and 1 of source a change places, with their times and masks.
    if let Some(frames) = &mut batch.frames[0] {
        let part = |from: usize| frames.clone().narrow(1, from, 1);
        *frames = Tensor::cat(vec![part(1), part(0), part(2)], 1);
    }
    for row in 0..2 {
        batch.days.swap(5 * row, 5 * row + 1);
        batch.is_there.swap(5 * row, 5 * row + 1);
    }
    let other = numbers(model.summarise(&model.encode(&batch), &PERIODS));
    let most = mu
        .iter()
        .zip(&other)
        .fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(most < 2e-5, "{most}");
}

#[test]
fn a_row_without_frames_is_finite_and_sides_are_free() {
    let device = Device::flex();
    let model = config().init(1, &device);
    let mut batch = batch(&device);
    batch.is_there[..5].fill(false);
    let mu = numbers(model.summarise(&model.encode(&batch), &PERIODS));
    assert!(mu.iter().all(|value| value.is_finite()));
    batch.is_there.fill(false);
    let mu = numbers(model.summarise(&model.encode(&batch), &PERIODS));
    assert!(mu.iter().all(|value| value.is_finite()));
    let one = FrameBatch {
        frames: vec![Some(Tensor::ones([1, 1, 3, 48, 48], &device)), None],
        days: vec![3.0],
        is_there: vec![true],
    };
    let mu = model.summarise(&model.encode(&one), &[(0.0, 9.0)]);
    assert_eq!(mu.dims(), [1, 64, 48, 48]);
}

#[test]
fn a_file_gives_the_network_back() {
    let device = Device::flex();
    let config = config();
    let model = config.init(1, &device);
    let expected: Vec<(String, Vec<usize>)> = config
        .parameters()
        .into_iter()
        .map(|parameter| (parameter.name, parameter.shape))
        .collect();
    let tensors = file::named_tensors(&model).unwrap();
    let found: Vec<_> = tensors
        .iter()
        .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(model.num_params(), config.parameter_count());
    // What is written is what was drawn.
    let mut drawn = Seeded::new(1, config.parameters());
    for tensor in &tensors {
        let Ok(values) = drawn.take(&tensor.name, &tensor.shape);
        assert_eq!(values, tensor.values, "{}", tensor.name);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stp.safetensors");
    let about = serde_json::json!({ "sources": ["a", "b"] });
    save_stp(&model, &path, false, &about).unwrap();
    let loaded = load_stp(&path, &device).unwrap();
    assert_eq!((loaded.about, loaded.model.config()), (about, &config));
    let batch = batch(&device);
    let mu = |model: &Stp| numbers(model.summarise(&model.encode(&batch), &PERIODS));
    assert_eq!(mu(&loaded.model), mu(&model));
    // Another file, and one of another network, are told apart.
    std::fs::write(&path, b"no weights").unwrap();
    assert!(matches!(
        load_stp(&path, &device),
        Err(crate::ModelError::NotStp { .. })
    ));
}

#[test]
fn gradients_reach_every_parameter() {
    let device = Device::flex().autodiff();
    let model = config().init(1, &device);
    let encoded = model.encode(&batch(&device));
    let mu = model.summarise(&encoded, &PERIODS);
    let meta = Tensor::ones([2, 2], &device);
    let a = model.decode(0, mu.clone(), &[0.2, 0.7], None);
    let b = model.decode(1, mu, &[0.2, 0.7], Some(meta));
    let loss = a.square().sum() + b.abs().sum();
    let grads = loss.backward();
    let params = burn::optim::GradientsParams::from_grads(grads, &model);
    let mut without = Vec::new();
    struct Visit<'a>(&'a burn::optim::GradientsParams, &'a mut Vec<String>);
    impl burn::module::ModuleVisitor for Visit<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if self.0.get::<D>(param.id).is_none() {
                self.1.push(format!("{:?}", param.lazy_shape()));
            }
        }
    }
    model.visit(&mut Visit(&params, &mut without));
    assert!(without.is_empty(), "{without:?}");
}
