//! The DOFA encoder against the published implementation's numbers, on the processor and on wgpu.
//! Tolerances are those the reference data state, ten times wider on wgpu.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::store::{ModuleSnapshot, bridge};
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use terroir_models::{
    Dofa, DofaConfig, PatchKernel, Resampling, load_dofa_as, resample_table, sin_cos_table,
    sine_table,
};

use crate::golden::{Golden, Written, file, gpu, largest_difference, write_safetensors};

const CASES: [&str; 7] = ["s1", "s1v2", "s2", "rgb", "gaofen", "hyper24", "pan"];
const HEADS: usize = 4;
const GPU: f32 = 10.0;

fn encoder(device: &Device) -> Option<Dofa> {
    let path = file("golden/dofa/encoder.safetensors")?;
    Some(load_dofa_as(&path, HEADS, device).unwrap().model)
}

/// The kernel as the reference stores it: [D, C, P, P].
fn as_convolution(kernel: &PatchKernel, patch: usize) -> Tensor<4> {
    let [_, width] = kernel.weight.dims();
    kernel
        .weight
        .clone()
        .reshape([kernel.bands, patch, patch, width])
        .permute([3, 0, 1, 2])
}

fn check_cases(device: &Device, factor: f32) {
    let (Some(model), Some(path)) = (encoder(device), file("golden/dofa/io_encoder.safetensors"))
    else {
        return;
    };
    let golden = Golden::open(&path);
    let mut worst: Vec<(&str, f32)> = Vec::new();
    for case in CASES {
        let name = |part: &str| format!("{case}.{part}");
        let wavelengths = golden.values(&name("wavelengths"));
        let bands = wavelengths.len();
        let table = sine_table(&wavelengths).unwrap();
        let sines = Tensor::<2>::from_data(TensorData::new(table, [bands, 128]), device);
        worst.push((
            "wave_sincos",
            golden.check(&name("wave_sincos"), sines.clone(), 3e-4),
        ));

        // Twice: from our own sine table (whose reference is f32) and, tighter, from the reference's.
        for (sines, own) in [
            (sines, true),
            (golden.tensor(&name("wave_sincos"), device), false),
        ] {
            let within = |own_tolerance: f32| factor * if own { own_tolerance } else { 2e-5 };
            let mut note = |part: &'static str, difference: f32| {
                if own {
                    worst.push((part, difference))
                }
            };
            let waves = model.wave_features(sines);
            note(
                "wave_fc",
                golden.check(&name("wave_fc"), waves.clone(), within(5e-4)),
            );
            let (before, after) = model.generator_tokens(waves.clone());
            if golden.has(&name("gen_in")) {
                note(
                    "gen_in",
                    golden.check(&name("gen_in"), before, within(5e-4)),
                );
                note(
                    "gen_out",
                    golden.check(&name("gen_out"), after, within(5e-4)),
                );
            }
            let kernel = model.generate_kernel(waves);
            note(
                "kernel",
                golden.check(&name("kernel"), as_convolution(&kernel, 4), factor * 1e-5),
            );
            note(
                "bias",
                golden.check(&name("bias"), kernel.bias.clone(), factor * 1e-5),
            );

            let image: Tensor<4> = golden.tensor(&name("image"), device);
            let patches = model.patch_tokens(image.clone(), &kernel);
            note(
                "patch_tokens",
                golden.check(&name("patch_tokens"), patches, within(1e-4)),
            );
            let tokens = model.tokens(image.clone(), &kernel);
            note(
                "tokens_in",
                golden.check(&name("tokens_in"), tokens.clone(), within(1e-4)),
            );
            let after = model.run_blocks(tokens, &[0, 1]);
            note(
                "block0",
                golden.check(&name("block0"), after[0].clone(), within(5e-4)),
            );
            note(
                "block1",
                golden.check(&name("block1"), after[1].clone(), within(5e-4)),
            );

            let dense = model.blocks(image.clone(), &kernel, &[1]).remove(0);
            note(
                "pooled",
                golden.check(
                    &name("pooled"),
                    dense.mean_dim(1).squeeze_dim::<2>(1),
                    within(5e-4),
                ),
            );
            // The head's scale and shift are no part of the encoder.
            let row = |part: &str| {
                golden
                    .tensor::<1>(&format!("head.{part}"), device)
                    .unsqueeze::<2>()
            };
            let pooled = model.features(image.clone(), &kernel) * row("fc_norm.weight")
                + row("fc_norm.bias");
            note(
                "features_gap",
                golden.check(&name("features_gap"), pooled.clone(), within(5e-4)),
            );
            let head: Tensor<2> = golden.tensor("head.head.weight", device);
            let logits = pooled.matmul(head.transpose()) + row("head.bias");
            note(
                "logits",
                golden.check(&name("logits"), logits, within(5e-4)),
            );
            let class = model.class_features(image, &kernel);
            note(
                "features_cls",
                golden.check(&name("features_cls"), class, within(5e-4)),
            );
        }
    }
    for part in [
        "wave_sincos",
        "wave_fc",
        "gen_out",
        "kernel",
        "bias",
        "patch_tokens",
        "block1",
        "features_gap",
        "logits",
        "features_cls",
    ] {
        let most = worst
            .iter()
            .filter(|(name, _)| *name == part)
            .fold(0.0, |most: f32, (_, value)| most.max(*value));
        eprintln!("{part}: {most:.1e}");
    }
}

#[test]
fn encoder_agrees_with_the_reference_on_the_processor() {
    check_cases(&Device::flex(), 1.0);
}

#[test]
fn encoder_agrees_with_the_reference_on_wgpu() {
    if let Some(device) = gpu() {
        check_cases(&device, GPU);
    }
}

fn check_other_sizes(device: &Device, factor: f32) {
    let Some(path) = file("golden/dofa/io_posembed.safetensors") else {
        return;
    };
    let golden = Golden::open(&path);
    for (name, side, width) in [("sincos.d16.g4", 4, 16), ("sincos.d32.g4", 4, 32)] {
        let table = sin_cos_table(side, width);
        let table =
            Tensor::<3>::from_data(TensorData::new(table, [1, side * side + 1, width]), device);
        golden.check(name, table, 1e-5);
    }

    let Some(encoder_path) = file("golden/dofa/encoder.safetensors") else {
        return;
    };
    let table: Tensor<3> = Golden::open(&encoder_path).tensor("pos_embed", device);
    for (name, how) in [
        ("bicubic", Resampling::Bicubic),
        ("bilinear", Resampling::Bilinear),
        ("timm_bicubic_antialias", Resampling::BicubicAntialiased),
    ] {
        for side in [3, 6] {
            let found = resample_table(table.clone(), side, side, how);
            let worst = golden.check(&format!("resized.{name}.g{side}"), found, factor * 1e-5);
            eprintln!("{name} to {side}: {worst:.1e}");
        }
    }

    let Some(model) = encoder(device) else { return };
    // The reference made these with the bands of its `rgb` case.
    let kernel = model.patch_kernel(&[0.665, 0.56, 0.49]).unwrap();
    for name in ["size15x19", "size24"] {
        let image: Tensor<4> = golden.tensor(&format!("{name}.image"), device);
        let found = model.patch_tokens(image, &kernel);
        golden.check(&format!("{name}.patch_tokens"), found, factor * 1e-4);
    }
    let Some(io) = file("golden/dofa/io_encoder.safetensors") else {
        return;
    };
    let io = Golden::open(&io);
    let row = |part: &str| {
        io.tensor::<1>(&format!("head.fc_norm.{part}"), device)
            .unsqueeze::<2>()
    };
    let image: Tensor<4> = golden.tensor("size24.image", device);
    let found = model.features(image, &kernel) * row("weight") + row("bias");
    golden.check("size24.features_gap", found, factor * 5e-4);

    let image: Tensor<4> = golden.tensor("size15x19.image", device);
    let dense = model.blocks(image, &kernel, &[1]).remove(0);
    assert_eq!(dense.dims(), [1, 20, 32]);
    assert!(
        dense
            .into_data()
            .try_to_vec::<f32>()
            .unwrap()
            .iter()
            .all(|value| value.is_finite())
    );
}

#[test]
fn other_image_sizes_agree_on_the_processor() {
    check_other_sizes(&Device::flex(), 1.0);
}

#[test]
fn other_image_sizes_agree_on_wgpu() {
    if let Some(device) = gpu() {
        check_other_sizes(&device, GPU);
    }
}

#[test]
fn kernel_resize_agrees() {
    let Some(path) = file("golden/dofa/v2_backbone.safetensors") else {
        return;
    };
    let golden = Golden::open(&path);
    let device = Device::flex();
    // A kernel is a table of P x P places with D * C values each; the class row is not looked at.
    let kernel = golden
        .tensor::<4>("kernel14", &device)
        .reshape([12, 196])
        .transpose()
        .unsqueeze::<3>();
    let table = Tensor::cat(vec![Tensor::zeros([1, 1, 12], &device), kernel], 1);
    let found = resample_table(table, 16, 16, Resampling::Bicubic).narrow(1, 1, 256);
    let found = found
        .squeeze_dim::<2>(0)
        .transpose()
        .reshape([4, 3, 16, 16]);
    golden.check("kernel14_to_16", found, 1e-5);
}

/// Version 2: the loader's key names, LayerScale, the antialiased table and the final norm. The reference data hold no
/// patch embedding of that size, so a drawn one completes the file.
#[test]
fn version_2_backbone_agrees() {
    let Some(path) = file("golden/dofa/v2_backbone.safetensors") else {
        return;
    };
    let golden = Golden::open(&path);
    let device = Device::flex();
    let mut tensors = Written::new();
    for (name, data) in golden.iter() {
        if let Some(name) = name.strip_prefix("weights.") {
            tensors.insert(
                name.to_owned(),
                (data.shape().to_vec(), data.try_to_vec().unwrap()),
            );
        }
    }
    let config = DofaConfig {
        image: 224,
        patch: 14,
        width: 16,
        depth: 2,
        heads: 2,
        layer_scale: true,
    };
    for parameter in config.parameters() {
        let filler = (0..parameter.len())
            .map(|index| (index as f32 * 0.37).sin() * 0.1)
            .collect();
        tensors
            .entry(parameter.name.clone())
            .or_insert((parameter.shape.clone(), filler));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v2.safetensors");
    write_safetensors(&path, &tensors, "F32");
    let model = load_dofa_as(&path, V2_HEADS, &device).unwrap().model;
    assert_eq!(
        *model.config(),
        DofaConfig {
            heads: V2_HEADS,
            ..config
        }
    );

    let run = |name: &str, side: usize| {
        let tokens = model.with_positions(
            golden.tensor(&format!("{name}.patch_tokens"), &device),
            side,
            side,
        );
        model.run_blocks(tokens, &[0, 1])
    };
    let blocks = run("g16", 16);
    golden.check("g16.block0", blocks[0].clone(), 1e-5);
    golden.check("g16.block1", blocks[1].clone(), 1e-5);
    golden.check("g16.final_norm", model.final_norm(blocks[1].clone()), 1e-5);
    golden.check("g8.block1", run("g8", 8)[1].clone(), 1e-5);
}

const V2_HEADS: usize = 2;

#[test]
fn equal_wavelengths_give_equal_kernels() {
    let device = Device::flex();
    let Some(model) = encoder(&device) else {
        return;
    };
    let kernel = as_convolution(&model.patch_kernel(&[5.405, 0.6, 5.405]).unwrap(), 4);
    let band = |index| {
        kernel
            .clone()
            .narrow(1, index, 1)
            .into_data()
            .try_to_vec::<f32>()
            .unwrap()
    };
    assert!(largest_difference(&band(0), &band(2)) < 1e-7);
    assert!(largest_difference(&band(0), &band(1)) > 1e-4);
}

#[test]
fn bands_in_any_order_give_the_same_features() {
    let device = Device::flex();
    let (Some(model), Some(path)) = (encoder(&device), file("golden/dofa/io_encoder.safetensors"))
    else {
        return;
    };
    let golden = Golden::open(&path);
    let wavelengths = golden.values("s2.wavelengths");
    let image: Tensor<4> = golden.tensor("s2.image", &device);
    let order = [8, 3, 0, 5, 1, 7, 2, 6, 4];
    let shuffled: Vec<f32> = order
        .iter()
        .map(|&band| wavelengths[band as usize])
        .collect();
    let indices =
        Tensor::<1, Int>::from_data(TensorData::from(order.map(|band: i32| band)), &device);
    let features = |image: Tensor<4>, wavelengths: &[f32]| {
        let kernel = model.patch_kernel(wavelengths).unwrap();
        model
            .features(image, &kernel)
            .into_data()
            .try_to_vec::<f32>()
            .unwrap()
    };
    let straight = features(image.clone(), &wavelengths);
    let mixed = features(image.select(1, indices), &shuffled);
    assert!(largest_difference(&straight, &mixed) < 5e-6);
}

#[test]
fn the_same_seed_gives_the_same_values_on_every_device() {
    let config = DofaConfig {
        image: 16,
        patch: 4,
        width: 32,
        depth: 1,
        heads: 4,
        layer_scale: false,
    };
    let values = |seed: u64, device: &Device| -> Vec<(String, Vec<f32>)> {
        let tensors = config.init(seed, device).collect(None, None, false);
        tensors
            .iter()
            .map(|tensor| {
                (
                    tensor.name.clone(),
                    bridge::to_data(tensor)
                        .unwrap()
                        .try_to_vec::<f32>()
                        .unwrap(),
                )
            })
            .collect()
    };
    let processor = Device::flex();
    let one = values(3, &processor);
    assert_eq!(one, values(3, &processor));
    assert_ne!(one, values(4, &processor));
    let Some(gpu) = gpu() else { return };
    assert_eq!(one, values(3, &gpu));
}

#[test]
fn sizes_have_the_published_parameters() {
    let Some(path) = file("golden/dofa/manifests.json") else {
        return;
    };
    let manifests: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for (name, config) in [
        ("DOFA_ViT_base_e100.pth", DofaConfig::base()),
        ("DOFA_ViT_large_e100.pth", DofaConfig::large()),
        ("dofav2_vit_base_e150.pth", DofaConfig::base_v2()),
        ("dofav2_vit_large_e150.pth", DofaConfig::large_v2()),
    ] {
        let unused: &[&str] = if config.layer_scale {
            &["norm.weight", "norm.bias"]
        } else {
            &["mask_token", "projector.weight", "projector.bias"]
        };
        let mut published: Vec<(String, Vec<usize>)> = manifests[name]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| !unused.contains(&key.as_str()))
            .map(|(key, value)| {
                (
                    key.clone(),
                    serde_json::from_value(value[1].clone()).unwrap(),
                )
            })
            .collect();
        let mut ours: Vec<(String, Vec<usize>)> = config
            .parameters()
            .into_iter()
            .map(|parameter| (parameter.name, parameter.shape))
            .collect();
        published.sort();
        ours.sort();
        assert_eq!(ours, published, "{name}");
    }
    // What the published base file holds in all, with the three tensors that only training needs.
    assert_eq!(
        DofaConfig::base().parameter_count() + 512 + 768 * 768 + 768,
        111_903_232
    );
}

#[test]
fn the_table_of_parameters_is_what_is_built() {
    let device = Device::flex();
    let config = DofaConfig {
        image: 32,
        patch: 8,
        width: 64,
        depth: 2,
        heads: 1,
        layer_scale: true,
    };
    assert_eq!(
        config.init(0, &device).parameter_count(),
        config.parameter_count()
    );
    assert_eq!(
        DofaConfig::tiny().init(0, &device).parameter_count(),
        DofaConfig::tiny().parameter_count()
    );
}

/// What a user without weights gets: numbers of ordinary size that depend on the image, not on the place in it.
#[test]
fn an_untrained_encoder_looks_at_the_image() {
    let device = Device::flex();
    let config = DofaConfig::tiny();
    let model = config.init(0, &device);
    let kernel = model.patch_kernel(&[0.49, 0.56, 0.665]).unwrap();
    let side = config.image;
    // Left half dark, right half bright.
    let pixels: Vec<f32> = (0..3 * side * side)
        .map(|index| if index % side < side / 2 { -1.0 } else { 1.0 })
        .collect();
    let image = Tensor::<4>::from_data(TensorData::new(pixels, [1, 3, side, side]), &device);
    let dense = model.blocks(image, &kernel, &[config.depth - 1]).remove(0);
    let values: Vec<f32> = dense.into_data().try_into_vec().unwrap();
    let token =
        |row: usize, column: usize| &values[(row * 14 + column) * config.width..][..config.width];
    let same = largest_difference(token(3, 3), token(9, 4));
    let other = largest_difference(token(3, 3), token(3, 10));
    assert!(same < 0.01 * other, "{same} {other}");
    assert!(
        other > 0.5 && values.iter().all(|value| value.abs() < 100.0),
        "{other}"
    );
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

fn gradients(device: &Device) -> Option<BTreeMap<String, Option<Vec<f32>>>> {
    let model = encoder(device)?;
    let golden = Golden::open(&file("golden/dofa/io_encoder.safetensors")?);
    let kernel = model
        .patch_kernel(&golden.values("rgb.wavelengths"))
        .unwrap();
    let class = model.class_features(golden.tensor("rgb.image", device), &kernel);
    let gradients = class.powi_scalar(3).sum().backward();
    let mut reader = GradientReader {
        gradients: &gradients,
        path: Vec::new(),
        found: BTreeMap::new(),
    };
    model.visit(&mut reader);
    Some(reader.found)
}

/// Gather, resampling and attention differentiate, equally on both devices; only the frozen positions get nothing.
#[test]
fn gradients_agree_between_devices() {
    let Some(processor) = gradients(&Device::flex().autodiff()) else {
        return;
    };
    let without: Vec<&String> = processor
        .iter()
        .filter(|(_, gradient)| gradient.is_none())
        .map(|(path, _)| path)
        .collect();
    assert_eq!(without, ["positions"]);
    let Some(gpu) = gpu() else { return };
    let gpu = gradients(&gpu.autodiff()).unwrap();
    let mut worst = (0.0, String::new());
    for (path, gradient) in &processor {
        let (Some(expected), Some(found)) = (gradient, &gpu[path]) else {
            assert_eq!(gradient, &gpu[path], "{path}");
            continue;
        };
        let norm = expected
            .iter()
            .map(|value| value * value)
            .sum::<f32>()
            .sqrt();
        let relative = largest_difference(found, expected) / norm.max(1e-6);
        if relative > worst.0 {
            worst = (relative, path.clone());
        }
    }
    eprintln!(
        "gradients: {:.1e} of the tensor's norm at {}",
        worst.0, worst.1
    );
    assert!(worst.0 < 1e-3, "{worst:?}");
}
