//! Masked pretraining of DOFA against the published implementation's numbers, on the processor and on wgpu: decoder, losses,
//! gradients and the first step of AdamW. Tolerances are those the reference data state, ten times wider on wgpu.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use terroir_engine::training::{AdamWSettings, Optimiser};
use terroir_models::{
    DofaConfig, Mask, MaskedConfig, MaskedDofa, TargetOrder, Teacher, TeacherView, load_dofa_as,
    load_teacher, named_tensors, normalised_patches, published_name, save_dofa, target,
};

use crate::golden::{Golden, Written, file, gpu, largest_difference, write_safetensors};

const CASES: [&str; 3] = ["s2", "rgb", "s1"];
const HEADS: usize = 4;
const PATCH: usize = 4;
const GPU: f32 = 10.0;
/// Of every case: patches hidden by the reference.
const RATIO: f64 = 0.75;

fn reference_config(encoder: DofaConfig) -> MaskedConfig {
    MaskedConfig {
        encoder,
        image: 16,
        decoder_width: 16,
        decoder_depth: 1,
        decoder_heads: 4,
    }
}

fn reference(device: &Device) -> Option<(MaskedDofa, Golden)> {
    let encoder_file = file("golden/dofa/encoder.safetensors")?;
    let decoder_file = file("golden/dofa/mae_decoder.safetensors")?;
    let golden = Golden::open(&file("golden/dofa/io_mae.safetensors")?);
    let encoder = load_dofa_as(&encoder_file, HEADS, device).unwrap().model;
    let config = reference_config(encoder.config().clone());
    let files = [encoder_file.as_path(), decoder_file.as_path()];
    Some((config.load(encoder, &files, device).unwrap(), golden))
}

/// Bands of a case; images and wavelengths lie with the encoder's reference data.
struct Case {
    image: Tensor<4>,
    wavelengths: Vec<f32>,
    mask: Mask,
}

fn case(name: &str, golden: &Golden, device: &Device) -> Case {
    let inputs = Golden::open(&file("golden/dofa/io_encoder.safetensors").unwrap());
    Case {
        image: inputs.tensor(&format!("{name}.image"), device),
        wavelengths: inputs.values(&format!("{name}.wavelengths")),
        mask: Mask::from_noise(&golden.values(&format!("{name}.noise")), 16, RATIO),
    }
}

fn total_loss(
    model: &MaskedDofa,
    name: &str,
    case: &Case,
    golden: &Golden,
    is_normalised: bool,
) -> (Tensor<1>, Tensor<1>) {
    let device = case.image.device();
    let masked = model
        .masked_loss(
            case.image.clone(),
            &case.wavelengths,
            &case.mask,
            TargetOrder::Reference,
            is_normalised,
        )
        .unwrap();
    let view = TeacherView::of(&case.wavelengths).unwrap();
    let teacher = golden.tensor(&format!("{name}.z_t"), &device);
    let distilled = model
        .distillation_loss(case.image.clone(), &view, teacher)
        .unwrap();
    (masked, distilled)
}

fn check_cases(device: &Device, factor: f32) {
    let Some((model, golden)) = reference(device) else {
        return;
    };
    for name in CASES {
        let case = case(name, &golden, device);
        let key = |part: &str| format!("{name}.{part}");
        let mut worst = BTreeMap::new();
        let mut note = |part: &str, difference: f32| {
            worst.insert(part.to_owned(), format!("{difference:.1e}"));
        };

        assert_eq!(case.mask.hidden_values(), golden.values(&key("mask")));
        let restore: Vec<i64> = golden.data(&key("ids_restore")).try_to_vec().unwrap();
        let rank: Vec<i64> = case.mask.rank().iter().map(|rank| *rank as i64).collect();
        assert_eq!(rank, restore);

        let within = 2e-4 * factor;
        let waves = model.wave_features(&case.wavelengths).unwrap();
        let kernel = model.encoder().generate_kernel(waves.clone());
        let latent = model.encode(case.image.clone(), &kernel, &case.mask);
        note(
            "latent",
            golden.check(&key("latent"), latent.clone(), within),
        );
        let embedded = model.embed_latent(latent);
        note(
            "decoder_embedded",
            golden.check(&key("decoder_embedded"), embedded.clone(), within),
        );
        let tokens = model.decoder_tokens(embedded, &case.mask);
        note(
            "decoder_in",
            golden.check(&key("decoder_in"), tokens.clone(), within),
        );
        let tokens = model.decoder_block(0, tokens);
        note(
            "decoder_block0",
            golden.check(&key("decoder_block0"), tokens.clone(), within),
        );
        let pixel_kernel = model.pixel_kernel(waves);
        let bands = case.wavelengths.len();
        // The reference keeps it before the factor 0.01.
        let plain = (pixel_kernel.clone() * 100.0).reshape([bands, PATCH * PATCH * 16]);
        note(
            "decoder_gen_weight",
            golden.check(&key("decoder_gen_weight"), plain, 5e-4 * factor),
        );
        let predicted = model.predict(tokens, pixel_kernel);
        note(
            "pred",
            golden.check(&key("pred"), predicted.clone(), within),
        );
        let whole = model
            .reconstruct(case.image.clone(), &case.wavelengths, &case.mask)
            .unwrap();
        golden.check(&key("pred"), whole, within);

        let pixels = target(case.image.clone(), PATCH, TargetOrder::Reference);
        golden.check(&key("target"), pixels.clone(), 1e-6);
        let normalised = normalised_patches(pixels);
        golden.check(&key("target_norm"), normalised, 1e-5 * factor);

        let view = TeacherView::of(&case.wavelengths).unwrap();
        let shown = view.image(case.image.clone());
        golden.check(&key("teacher_image"), shown.clone(), 0.0);
        assert_eq!(
            view.wavelengths_um.to_vec(),
            golden.values(&key("teacher_wavelengths"))
        );
        let student = model.student(shown, &view.wavelengths_um).unwrap();
        note("z_s", golden.check(&key("z_s"), student, within));

        for (kind, is_normalised) in [("norm_pix", true), ("raw_pix", false)] {
            let (masked, distilled) = total_loss(&model, name, &case, &golden, is_normalised);
            let within = 1e-5 * factor;
            let key = |part: &str| format!("{name}.{part}.{kind}");
            note(
                "loss",
                golden.check(&key("loss_mim"), masked.clone(), within),
            );
            golden.check(&format!("{name}.loss_distill"), distilled.clone(), within);
            golden.check(&key("loss_total"), masked + distilled, within);
        }
        eprintln!("{name}: {worst:?}");
    }
}

#[test]
fn decoder_and_losses_agree_on_the_processor() {
    check_cases(&Device::flex(), 1.0);
}

#[test]
fn decoder_and_losses_agree_on_wgpu() {
    if let Some(device) = gpu() {
        check_cases(&device, GPU);
    }
}

/// Gradients by their published names, linear weights as [out, in]; `None` where none arrived.
struct Reader<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: BTreeMap<String, Option<Vec<f32>>>,
}

impl ModuleVisitor for Reader<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        let gradient = param.val().grad(self.gradients).map(|gradient| {
            let gradient = match (D, path.ends_with(".weight")) {
                (2, true) => gradient.swap_dims(0, 1),
                _ => gradient,
            };
            gradient.into_data().try_into_vec().unwrap()
        });
        self.found.insert(published_name(&path).unwrap(), gradient);
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

fn norm(values: &[f32]) -> f32 {
    values.iter().map(|value| value * value).sum::<f32>().sqrt()
}

fn check_gradients(device: &Device, factor: f32) {
    let device = device.clone().autodiff();
    let Some((model, golden)) = reference(&device) else {
        return;
    };
    let path = file("golden/dofa/mae_grad_norms.json").unwrap();
    let norms: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for name in CASES {
        let case = case(name, &golden, &device);
        let (masked, distilled) = total_loss(&model, name, &case, &golden, true);
        let gradients = (masked + distilled).backward();
        let mut reader = Reader {
            gradients: &gradients,
            path: Vec::new(),
            found: BTreeMap::new(),
        };
        model.visit(&mut reader);
        let found = reader.found;

        let expected = norms[name]["norms"].as_object().unwrap();
        let none: Vec<&str> = norms[name]["no_grad"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        assert_eq!(found.len(), expected.len() + none.len(), "{name}");
        let mut worst = (0.0, String::new());
        for (tensor, gradient) in &found {
            let Some(gradient) = gradient else {
                assert!(
                    none.contains(&tensor.as_str()),
                    "{name}: no gradient of {tensor}"
                );
                continue;
            };
            let expected = expected[tensor].as_f64().unwrap() as f32;
            let relative = (norm(gradient) - expected).abs() / expected;
            if relative > worst.0 {
                worst = (relative, tensor.clone());
            }
            let stored = format!("{name}.grad.{tensor}");
            if golden.has(&stored) {
                let difference = largest_difference(gradient, &golden.values(&stored));
                assert!(
                    difference <= 1e-3 * factor * expected,
                    "{stored}: {difference:e} of {expected:e}"
                );
            }
        }
        eprintln!("{name}: norms within {:.1e}, worst {}", worst.0, worst.1);
        assert!(worst.0 <= 1e-3 * factor, "{name}: {worst:?}");
    }

    // The first step of AdamW on everything, as the reference took it.
    let case = case("s2", &golden, &device);
    let (masked, distilled) = total_loss(&model, "s2", &case, &golden, true);
    let mut optimiser = Optimiser::new(AdamWSettings {
        decay_of_vectors: 0.05,
        ..AdamWSettings::default()
    });
    optimiser.add(&model, (masked + distilled).backward());
    let stepped = optimiser.step(model, 1e-3);
    let mut seen = 0;
    for tensor in named_tensors(&stepped, false).unwrap() {
        let key = format!("s2.adamw1.{}", tensor.name);
        if golden.has(&key) {
            seen += 1;
            let difference = largest_difference(&tensor.values, &golden.values(&key));
            assert!(difference <= 1e-5 * factor, "{key}: {difference:e}");
        }
    }
    assert_eq!(seen, 3);
}

#[test]
fn gradients_and_the_first_step_agree_on_the_processor() {
    check_gradients(&Device::flex(), 1.0);
}

#[test]
fn gradients_and_the_first_step_agree_on_wgpu() {
    if let Some(device) = gpu() {
        check_gradients(&device, GPU);
    }
}

#[test]
fn bands_in_any_order_give_the_same_loss() {
    let device = Device::flex();
    let Some((model, golden)) = reference(&device) else {
        return;
    };
    let case = case("s2", &golden, &device);
    let order = [8, 3, 0, 5, 1, 7, 2, 6, 4];
    let shuffled: Vec<f32> = order
        .iter()
        .map(|&band| case.wavelengths[band as usize])
        .collect();
    let indices =
        Tensor::<1, Int>::from_data(TensorData::from(order.map(|band: i32| band)), &device);
    let loss = |image: Tensor<4>, wavelengths: &[f32]| {
        let loss = model.masked_loss(image, wavelengths, &case.mask, TargetOrder::Bands, true);
        loss.unwrap().into_data().try_into_vec::<f32>().unwrap()
    };
    let straight = loss(case.image.clone(), &case.wavelengths);
    let mixed = loss(case.image.clone().select(1, indices), &shuffled);
    assert!(largest_difference(&straight, &mixed) < 5e-6);
}

/// A small autoencoder learns one batch by heart: smooth images, so that a narrow decoder can hold them.
#[test]
fn training_learns_one_batch_by_heart() {
    let device = Device::flex().autodiff();
    let config = DofaConfig {
        image: 16,
        patch: 4,
        width: 64,
        depth: 2,
        heads: 4,
        layer_scale: false,
    };
    let encoder = config.init_for_pretraining(1, &device);
    let mut model = MaskedConfig::of(config, 16)
        .around(encoder, 1, &device)
        .unwrap();
    let wavelengths = [0.49, 0.56, 0.665];
    let pixels: Vec<f32> = (0..2 * 3 * 16 * 16)
        .map(|at| {
            let (image, band, row, column) = (at / 768, at / 256 % 3, at / 16 % 16, at % 16);
            let phase = (image * 3 + band) as f32;
            (row as f32 * 0.5 + phase).sin() + (column as f32 * 0.4 - phase).cos()
        })
        .collect();
    let image = Tensor::<4>::from_data(TensorData::new(pixels, [2, 3, 16, 16]), &device);
    let noise: Vec<f32> = (0..32).map(|at| (at as f32 * 12.9898).sin()).collect();
    let mask = Mask::from_noise(&noise, 16, 0.75);
    let mut optimiser = Optimiser::new(AdamWSettings::default());
    let mut losses: Vec<f32> = Vec::new();
    for _ in 0..300 {
        let loss = model
            .masked_loss(image.clone(), &wavelengths, &mask, TargetOrder::Bands, true)
            .unwrap();
        losses.extend(loss.clone().into_data().try_into_vec::<f32>().unwrap());
        optimiser.add(&model, loss.backward());
        model = optimiser.step(model, 2e-3);
    }
    // At this rate single steps jump; what counts is how far down it comes.
    let end = &losses[losses.len() - 20..];
    let (first, last) = (losses[0], end.iter().copied().fold(f32::MAX, f32::min));
    eprintln!("{first} to {last}: {end:?}");
    assert!(first > 0.5 && last < 0.02, "{first} to {last}");
}

#[test]
fn saved_weights_are_loaded_again_in_both_precisions() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    for layer_scale in [false, true] {
        let config = DofaConfig {
            image: 16,
            patch: 4,
            width: 32,
            depth: 2,
            heads: 4,
            layer_scale,
        };
        let model = config.init(3, &device);
        let expected = named_tensors(&model, layer_scale).unwrap();
        for (is_half, within) in [(false, 0.0), (true, 1e-3)] {
            let path = folder.path().join("w.safetensors");
            save_dofa(&model, &path, is_half, &BTreeMap::new()).unwrap();
            let loaded = terroir_models::load_dofa(&path, &device).unwrap().model;
            assert_eq!(*loaded.config(), config);
            let found = named_tensors(&loaded, layer_scale).unwrap();
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(
                    (&found.name, &found.shape),
                    (&expected.name, &expected.shape)
                );
                let scale = expected
                    .values
                    .iter()
                    .fold(1.0f32, |most, v| most.max(v.abs()));
                let difference = largest_difference(&found.values, &expected.values);
                assert!(difference <= within * scale, "{}: {difference}", found.name);
            }
        }
        assert!(!folder.path().join("w.safetensors.part").exists());
    }
    let nowhere = folder.path().join("no such folder/w.safetensors");
    let model = DofaConfig::tiny().init(0, &device);
    let error = save_dofa(&model, &nowhere, true, &BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
}

/// Weights of a plain vision transformer as timm names them.
pub fn teacher_weights(width: usize, depth: usize, side: usize, layer_scale: bool) -> Written {
    let mut tensors = Written::new();
    let mut add = |name: &str, shape: &[usize]| {
        let count: usize = shape.iter().product();
        let seed = name.bytes().map(usize::from).sum::<usize>();
        let values = (0..count)
            .map(|at| ((at * 31 + seed) as f32 * 0.37).sin() * 0.3)
            .collect();
        tensors.insert(name.to_owned(), (shape.to_vec(), values));
    };
    add("cls_token", &[1, 1, width]);
    add("pos_embed", &[1, side * side + 1, width]);
    add("patch_embed.proj.weight", &[width, 3, PATCH, PATCH]);
    add("patch_embed.proj.bias", &[width]);
    for index in 0..depth {
        for norm in ["norm1", "norm2"] {
            add(&format!("blocks.{index}.{norm}.weight"), &[width]);
            add(&format!("blocks.{index}.{norm}.bias"), &[width]);
        }
        for (name, inputs, outputs) in [
            ("attn.qkv", width, 3 * width),
            ("attn.proj", width, width),
            ("mlp.fc1", width, 4 * width),
            ("mlp.fc2", 4 * width, width),
        ] {
            add(&format!("blocks.{index}.{name}.weight"), &[outputs, inputs]);
            add(&format!("blocks.{index}.{name}.bias"), &[outputs]);
        }
        if layer_scale {
            add(&format!("blocks.{index}.ls1.gamma"), &[width]);
            add(&format!("blocks.{index}.ls2.gamma"), &[width]);
        }
    }
    add("norm.weight", &[width]);
    add("norm.bias", &[width]);
    add("head.weight", &[10, width]);
    add("head.bias", &[10]);
    tensors
}

/// The same by plain loops in f64, one head.
fn teacher_by_hand(
    tensors: &Written,
    width: usize,
    blocks: usize,
    image: &[f32],
    side: usize,
) -> Vec<f64> {
    let get = |name: &str| -> Vec<f64> { tensors[name].1.iter().map(|v| f64::from(*v)).collect() };
    let linear = |name: &str, x: &[f64]| -> Vec<f64> {
        let (weight, bias) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
        weight
            .chunks_exact(x.len())
            .zip(&bias)
            .map(|(row, bias)| bias + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>())
            .collect()
    };
    let normed = |name: &str, x: &[f64]| -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / width as f64;
        let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / width as f64;
        let (weight, bias) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
        (0..width)
            .map(|at| (x[at] - mean) / (variance + 1e-6).sqrt() * weight[at] + bias[at])
            .collect()
    };
    // Abramowitz and Stegun 7.1.26 is good to 1.5e-7.
    let erf = |x: f64| {
        let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
        let poly = t
            * (0.254_829_592
                + t * (-0.284_496_736
                    + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
        (1.0 - poly * (-x * x).exp()).copysign(x)
    };
    let pixels = side * PATCH;
    let (class, positions) = (get("cls_token"), get("pos_embed"));
    let mut tokens = vec![class];
    for number in 0..side * side {
        let (top, left) = (number / side * PATCH, number % side * PATCH);
        let patch: Vec<f64> = (0..3 * PATCH * PATCH)
            .map(|at| {
                let (channel, row, column) = (at / (PATCH * PATCH), at / PATCH % PATCH, at % PATCH);
                f64::from(image[(channel * pixels + top + row) * pixels + left + column])
            })
            .collect();
        tokens.push(linear("patch_embed.proj", &patch));
    }
    for (number, token) in tokens.iter_mut().enumerate() {
        for (at, value) in token.iter_mut().enumerate() {
            *value += positions[number * width + at];
        }
    }
    for index in 0..blocks {
        let name = |part: &str| format!("blocks.{index}.{part}");
        let qkv: Vec<Vec<f64>> = tokens
            .iter()
            .map(|token| linear(&name("attn.qkv"), &normed(&name("norm1"), token)))
            .collect();
        let mixed: Vec<Vec<f64>> = qkv
            .iter()
            .map(|query| {
                let scores: Vec<f64> = qkv
                    .iter()
                    .map(|key| {
                        let product: f64 = (0..width).map(|at| query[at] * key[width + at]).sum();
                        (product / (width as f64).sqrt()).exp()
                    })
                    .collect();
                let sum: f64 = scores.iter().sum();
                let value: Vec<f64> = (0..width)
                    .map(|at| {
                        let weighed = scores.iter().zip(&qkv);
                        weighed.map(|(s, v)| s * v[2 * width + at]).sum::<f64>() / sum
                    })
                    .collect();
                linear(&name("attn.proj"), &value)
            })
            .collect();
        for (token, mixed) in tokens.iter_mut().zip(&mixed) {
            for (value, mixed) in token.iter_mut().zip(mixed) {
                *value += mixed;
            }
            let hidden: Vec<f64> = linear(&name("mlp.fc1"), &normed(&name("norm2"), token))
                .into_iter()
                .map(|x| 0.5 * x * (1.0 + erf(x / 2f64.sqrt())))
                .collect();
            for (value, fed) in token.iter_mut().zip(linear(&name("mlp.fc2"), &hidden)) {
                *value += fed;
            }
        }
    }
    (0..width)
        .map(|at| tokens.iter().map(|token| token[at]).sum::<f64>() / tokens.len() as f64)
        .collect()
}

fn teacher(path: &Path, device: &Device) -> Teacher {
    load_teacher(path, device).unwrap().0
}

#[test]
fn a_teacher_of_timm_s_names_agrees_with_plain_loops() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vit.safetensors");
    let (width, side) = (8, 2);
    let tensors = teacher_weights(width, 3, side, false);
    write_safetensors(&path, &tensors, "F32");
    let pixels: Vec<f32> = (0..3 * 64).map(|at| (at as f32 * 0.71).sin()).collect();
    let image = Tensor::<4>::from_data(TensorData::new(pixels.clone(), [1, 3, 8, 8]), &device);
    let model = teacher(&path, &device);
    assert_eq!(model.width(), width);
    let found = model
        .vector(image)
        .into_data()
        .try_into_vec::<f32>()
        .unwrap();
    // Three blocks: the last one is skipped.
    let expected = teacher_by_hand(&tensors, width, 2, &pixels, side);
    let worst = found
        .iter()
        .zip(&expected)
        .map(|(a, b)| (f64::from(*a) - b).abs())
        .fold(0.0, f64::max);
    assert!(worst < 1e-5, "{worst:e}");

    // Layer scale and other image sizes are taken too.
    write_safetensors(&path, &teacher_weights(width, 3, side, true), "F32");
    let larger = Tensor::<4>::ones([2, 3, 16, 12], &device);
    assert_eq!(teacher(&path, &device).vector(larger).dims(), [2, width]);
}

#[test]
fn what_is_no_teacher_is_refused_with_names() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vit.safetensors");
    let refusal = |tensors: &Written| {
        write_safetensors(&path, tensors, "F32");
        load_teacher(&path, &device).err().unwrap().to_string()
    };
    let good = teacher_weights(8, 2, 2, false);
    let mut registers = good.clone();
    registers.insert("reg_token".to_owned(), (vec![1, 4, 8], vec![0.0; 32]));
    assert!(refusal(&registers).contains("reg_token"));
    let mut short = good.clone();
    short.remove("blocks.1.mlp.fc1.bias");
    assert!(refusal(&short).contains("missing: blocks.1.mlp.fc1.bias"));
    let mut other = good.clone();
    other.remove("patch_embed.proj.weight");
    assert!(refusal(&other).contains("patch_embed.proj.weight"));
    let mut dofa = Written::new();
    dofa.insert(
        "patch_embed.fclayer.w1.bias".to_owned(),
        (vec![128], vec![0.0; 128]),
    );
    assert!(refusal(&dofa).contains("not a teacher"));
}
