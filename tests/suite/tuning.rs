//! Heads and fine-tuning of the encoder: against the reference's numbers, across devices, and through a file.
//! Tolerances are those the reference data state, ten times wider on wgpu.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use terroir_models::{
    DofaConfig, HeadShape, SegmentationHead, Target, Trainable, TunedModel, VOID, about_tuned,
    load_segmentation_head, load_tuned, resize_map,
};

use crate::golden::{Golden, file, gpu, hardware_gpu, largest_difference};

const GPU: f32 = 10.0;

fn head(device: &Device) -> Option<(SegmentationHead, Golden)> {
    let path = file("golden/dofa/seg_head.safetensors")?;
    let head = load_segmentation_head(&path, "weights.", device).unwrap();
    Some((head, Golden::open(&path)))
}

fn maps(golden: &Golden, device: &Device) -> Vec<Tensor<4>> {
    (0..4)
        .map(|level| golden.tensor(&format!("feature{level}"), device))
        .collect()
}

fn labels(golden: &Golden, device: &Device) -> Target {
    let labels: Vec<i64> = golden.data("labels").try_to_vec().unwrap();
    let labels: Vec<u8> = labels.iter().map(|label| *label as u8).collect();
    Target::classes(&labels, [2, 56, 56], &[1.0; 3], device)
}

fn check_head(device: &Device, factor: f32) {
    let Some((head, golden)) = head(device) else {
        return;
    };
    // Training mode is a matter of the device: batch statistics with gradients, running ones without.
    for (mode, device) in [
        ("eval", device.clone()),
        ("train", device.clone().autodiff()),
    ] {
        let head = if mode == "train" {
            head.clone().train()
        } else {
            head.clone()
        };
        let name = |part: &str| format!("{mode}.{part}");
        let said = head.forward(maps(&golden, &device), None);
        for (level, map) in said.pyramid.iter().enumerate() {
            golden.check(
                &name(&format!("pyramid{level}")),
                map.clone(),
                factor * 1e-4,
            );
        }
        let worst = golden.check(&name("decoder_logits"), said.scores.clone(), factor * 1e-4);
        golden.check(&name("aux_logits"), said.auxiliary.clone(), factor * 1e-4);
        let target = labels(&golden, &device);
        let main = target.loss(resize_map(said.scores, 56, 56));
        let auxiliary = target.loss(resize_map(said.auxiliary, 56, 56));
        let total = main.clone() + auxiliary.clone() * 0.4;
        let loss = golden.check(&name("loss_total"), total, factor * 1e-5);
        golden.check(&name("loss_main"), main, factor * 1e-5);
        golden.check(&name("loss_aux"), auxiliary, factor * 1e-5);
        eprintln!("{mode}: scores {worst:.1e}, loss {loss:.1e}");
    }
}

#[test]
fn segmentation_head_agrees_on_the_processor() {
    check_head(&Device::flex(), 1.0);
}

#[test]
fn segmentation_head_agrees_on_wgpu() {
    if let Some(device) = gpu() {
        check_head(&device, GPU);
    }
}

/// Gradient of every parameter by its path; `None` where none arrived.
struct GradientReader<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: BTreeMap<String, Option<Vec<f32>>>,
}

impl ModuleVisitor for GradientReader<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param
            .val()
            .grad(self.gradients)
            .map(|gradient| gradient.into_data().try_into_vec().unwrap());
        self.found.insert(self.path.join("."), gradient);
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

fn gradients_of<M: Module>(model: &M, loss: Tensor<1>) -> BTreeMap<String, Option<Vec<f32>>> {
    let gradients = loss.backward();
    let mut reader = GradientReader {
        gradients: &gradients,
        path: Vec::new(),
        found: BTreeMap::new(),
    };
    model.visit(&mut reader);
    reader.found
}

/// Largest difference in units of a tensor's gradient norm, over all tensors.
fn compare_gradients(
    expected: &BTreeMap<String, Option<Vec<f32>>>,
    found: &BTreeMap<String, Option<Vec<f32>>>,
) -> (f32, String) {
    let mut worst = (0.0, String::new());
    for (path, gradient) in expected {
        let (Some(expected), Some(found)) = (gradient, &found[path]) else {
            assert_eq!(gradient, &found[path], "{path}");
            continue;
        };
        let norm = expected.iter().map(|g| g * g).sum::<f32>().sqrt();
        let relative = largest_difference(found, expected) / norm.max(1e-4);
        if relative > worst.0 {
            worst = (relative, path.clone());
        }
    }
    worst
}

fn head_gradients(device: &Device) -> Option<BTreeMap<String, Option<Vec<f32>>>> {
    let (head, golden) = head(device)?;
    let said = head.forward(maps(&golden, device), None);
    let target = labels(&golden, device);
    let loss = target.loss(resize_map(said.scores, 56, 56))
        + target.loss(resize_map(said.auxiliary, 56, 56)) * 0.4;
    Some(gradients_of(&head, loss))
}

/// Convolutions, pooling, resizing and batch norm differentiate equally on both devices.
#[test]
fn gradients_through_the_head_agree_between_devices() {
    let Some(processor) = head_gradients(&Device::flex().autodiff()) else {
        return;
    };
    let without: Vec<&String> = processor
        .iter()
        .filter(|(path, gradient)| gradient.is_none() && !path.contains(".running_"))
        .map(|(path, _)| path)
        .collect();
    assert!(without.is_empty(), "no gradient for {without:?}");
    let Some(gpu) = hardware_gpu() else { return };
    let gpu = head_gradients(&gpu.autodiff()).unwrap();
    let worst = compare_gradients(&processor, &gpu);
    eprintln!(
        "gradients: {:.1e} of the tensor's norm at {}",
        worst.0, worst.1
    );
    assert!(worst.0 < 1e-3, "{worst:?}");
}

/// A step along the gradient changes the loss by the square of its norm: against numbers, not against another device.
#[test]
fn gradients_through_the_head_agree_with_differences() {
    let device = Device::flex().autodiff();
    let Some((head, golden)) = head(&device) else {
        return;
    };
    let target = labels(&golden, &device);
    // With statistics of the batch, two images and a pooled map of one pixel make a function of kinks only: the deepest map
    // is compared with running statistics alone.
    for (head, levels) in [(head.clone(), 0..3), (head.freeze(), 0..4)] {
        let loss_at = |maps: Vec<Tensor<4>>| {
            let said = head.forward(maps, None);
            target.loss(resize_map(said.scores, 56, 56))
                + target.loss(resize_map(said.auxiliary, 56, 56)) * 0.4
        };
        let inputs: Vec<Tensor<4>> = maps(&golden, &device)
            .into_iter()
            .map(Tensor::require_grad)
            .collect();
        let gradients = loss_at(inputs.clone()).backward();
        for level in levels {
            let gradient = inputs[level].grad(&gradients).unwrap();
            let squares = gradient.clone().square().sum().into_scalar::<f32>();
            let step = 0.01 / squares.sqrt();
            let moved = |sign: f32| {
                let mut maps = maps(&golden, &device);
                let by = Tensor::from_inner(gradient.clone()) * (sign * step);
                maps[level] = maps[level].clone() + by;
                loss_at(maps).into_scalar::<f32>()
            };
            let slope = (moved(1.0) - moved(-1.0)) / (2.0 * step);
            let off = (slope - squares).abs() / squares;
            eprintln!("map {level}: slope {slope:.4e}, gradient squared {squares:.4e}");
            assert!(off < 0.03, "map {level}: {slope} against {squares}");
        }
    }
}

fn small() -> DofaConfig {
    DofaConfig {
        image: 32,
        patch: 8,
        width: 32,
        depth: 3,
        heads: 2,
        layer_scale: false,
    }
}

fn image(device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..2 * 3 * 32 * 32)
        .map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0) * ((i / 700) as f32 * 0.1).cos())
        .collect();
    Tensor::from_data(TensorData::new(values, [2, 3, 32, 32]), device)
}

const WAVELENGTHS: [f32; 3] = [0.49, 0.56, 0.665];

fn tuned(head: HeadShape, device: &Device) -> TunedModel {
    let encoder = small().init_for_training(5, device);
    TunedModel::new(encoder, head, 3, 5, device)
}

fn scores(model: &TunedModel, device: &Device) -> Vec<f32> {
    let kernel = model.patch_kernel(&WAVELENGTHS).unwrap();
    let output = model.forward(image(device), &kernel, None);
    output.scores.into_data().try_to_vec().unwrap()
}

/// Gradients of a loss of all kinds of heads and all that may learn.
fn tuned_gradients(
    head: HeadShape,
    what: Trainable,
    device: &Device,
) -> BTreeMap<String, Option<Vec<f32>>> {
    let model = tuned(head, &device.clone().without_autodiff())
        .train()
        .learning(what, 9);
    let kernel = model.patch_kernel(&WAVELENGTHS).unwrap();
    let output = model.forward(image(device), &kernel, Some(3));
    let side = if head == HeadShape::Patch { 1 } else { 32 };
    let labels: Vec<u8> = (0..2 * side * side)
        .map(|i| match i % 5 {
            4 => VOID,
            other => (other % 3) as u8,
        })
        .collect();
    let target = Target::classes(&labels, [2, side, side], &[1.0, 2.0, 0.5], device);
    gradients_of(&model, output.loss(&target))
}

#[test]
fn what_learns_is_what_was_asked_for() {
    let device = Device::flex().autodiff();
    let learning = |what: Trainable| -> Vec<String> {
        tuned_gradients(HeadShape::Pixels, what, &device)
            .into_iter()
            .filter(|(_, gradient)| gradient.is_some())
            .map(|(path, _)| path)
            .filter(|path| path.starts_with("encoder."))
            .collect()
    };
    assert!(learning(Trainable::Nothing).is_empty());
    let last = learning(Trainable::LastBlocks(1));
    assert!(!last.is_empty());
    assert!(
        last.iter()
            .all(|path| path.starts_with("encoder.blocks.2.")),
        "{last:?}"
    );
    let lora = learning(Trainable::Lora {
        rank: 2,
        alpha: 4.0,
    });
    // Two factors for `qkv` and `proj` of three blocks.
    assert_eq!(lora.len(), 12, "{lora:?}");
    assert!(
        lora.iter()
            .all(|path| path.contains("qkv.weight") || path.contains("proj.weight")),
        "{lora:?}"
    );
    let all = learning(Trainable::Everything);
    assert!(all.iter().any(|path| path.contains("generator")));
    assert!(!all.iter().any(|path| path.contains("positions")));
}

#[test]
fn gradients_of_tuned_models_agree_between_devices() {
    let Some(gpu) = hardware_gpu() else { return };
    let lora = Trainable::Lora {
        rank: 2,
        alpha: 4.0,
    };
    for (head, what) in [
        (HeadShape::Pixels, Trainable::Everything),
        (HeadShape::PixelProbe, lora),
        (HeadShape::Patch, Trainable::LastBlocks(2)),
    ] {
        let expected = tuned_gradients(head, what, &Device::flex().autodiff());
        let found = tuned_gradients(head, what, &gpu.clone().autodiff());
        let worst = compare_gradients(&expected, &found);
        eprintln!("{head:?} {what:?}: {:.1e} at {}", worst.0, worst.1);
        assert!(worst.0 < 2e-3, "{head:?} {what:?}: {worst:?}");
    }
}

/// The factors are given values, so that they say something.
#[test]
fn low_rank_additions_start_without_effect_and_merge_into_equal_outputs() {
    struct Shake;
    impl burn::module::ModuleMapper for Shake {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if !param.is_require_grad() {
                return param;
            }
            param.map(|tensor| {
                let shape = tensor.dims();
                let count: usize = shape.iter().product();
                let values: Vec<f32> = (0..count).map(|i| (i as f32 * 0.7).sin() * 0.3).collect();
                let device = tensor.device();
                Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
            })
        }
    }
    let device = Device::flex();
    let plain = tuned(HeadShape::PixelProbe, &device);
    let before = scores(&plain, &device);
    let what = Trainable::Lora {
        rank: 3,
        alpha: 6.0,
    };
    let model = plain.train().learning(what, 1);
    assert!(largest_difference(&scores(&model.valid(), &device), &before) < 1e-6);
    let shaken = model.map(&mut Shake);
    let apart = scores(&shaken.valid(), &device);
    assert!(largest_difference(&apart, &before) > 1e-3);
    let merged = scores(&shaken.for_use(), &device);
    let difference = largest_difference(&apart, &merged);
    eprintln!("merged: {difference:.1e}");
    assert!(difference < 1e-5);
}

#[test]
fn a_tuned_model_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let about = serde_json::json!({ "classes": ["a", "b"], "mean": 0.1 });
    for head in [HeadShape::Pixels, HeadShape::PixelProbe, HeadShape::Patch] {
        let path = folder.path().join("tuned.safetensors");
        let model = tuned(head, &device).train().learning(
            Trainable::Lora {
                rank: 2,
                alpha: 2.0,
            },
            3,
        );
        // One look in training mode moves the running statistics, which must be in the file too.
        let train_device = device.clone().autodiff();
        let kernel = model.patch_kernel(&WAVELENGTHS).unwrap();
        model.forward(image(&train_device), &kernel, None);
        model.save(&path, &about).unwrap();
        let expected = scores(&model.for_use(), &device);
        let (loaded, found) = load_tuned(&path, &device).unwrap();
        assert_eq!(found, about);
        assert_eq!(loaded.config(), model.config());
        assert_eq!(about_tuned(&path).unwrap().0, *model.config());
        assert!(largest_difference(&scores(&loaded, &device), &expected) < 1e-6);
    }
}

#[test]
fn other_files_are_no_tuned_models_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let good = folder.path().join("good.safetensors");
    tuned(HeadShape::Patch, &device)
        .save(&good, &serde_json::json!({}))
        .unwrap();
    let bytes = std::fs::read(&good).unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        load_tuned(&path, &device).err().unwrap().to_string()
    };
    assert!(refused("empty", b"").contains("not a fine-tuned model"));
    assert!(refused("text", b"hello, this is text").contains("not a fine-tuned model"));
    let cut = refused("cut", &bytes[..bytes.len() * 2 / 3]);
    assert!(
        cut.contains("cut short") || cut.contains("missing"),
        "{cut}"
    );
    // A size that asks for more than the file could hold.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let at = text.find("\\\"width\\\":32").unwrap();
    let mut huge = bytes.clone();
    huge[at + 10..at + 12].copy_from_slice(b"96");
    let said = refused("huge", &huge);
    assert!(said.contains("wrong shape"), "{said}");
    if let Some(weights) = file("golden/dofa/encoder.safetensors") {
        let said = load_tuned(&weights, &device).err().unwrap().to_string();
        assert!(said.contains("finetune"), "{said}");
    }
}
