//! The STP network against its reference numbers: time codes, draws, losses, and a whole small network.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use serde_json::Value;
use terroir_models::{
    FrameBatch, LoadedStp, NamedTensor, Stp, StpConfig, StpSource, StpTarget, clip, consistency,
    day_of, load_stp, masked_l1, mean_resultant, regridded, relative_code, shift_invariant,
    time_code, uniformity, write_safetensors,
};

use crate::golden::{Golden, file, gpu, hardware_gpu};

fn json(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(file(name)?).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

fn floats(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

/// The reference network, from a file of ours that holds its tensors.
fn reference(folder: &Path, device: &Device) -> Option<(Stp, Golden, Value)> {
    let golden = Golden::open(&file("golden/aef/stp_tiny.safetensors")?);
    let about = json("golden/aef/stp_tiny.json")?;
    let size = |key: &str| about["config"][key].as_u64().unwrap() as usize;
    let config = StpConfig {
        precision: size("dp"),
        time: size("dt"),
        space: size("ds"),
        blocks: size("blocks"),
        space_heads: size("hs"),
        time_heads: size("ht"),
        pool_heads: size("hp"),
        decoder: size("dw"),
        code: size("ncode"),
        relative_code: size("nrel"),
        sources: [("s2", 3), ("s1", 2)]
            .map(|(name, bands)| StpSource {
                name: name.to_owned(),
                bands,
            })
            .to_vec(),
        targets: [("s2", 3, 0), ("s1", 2, 2)]
            .map(|(name, outputs, meta)| StpTarget {
                name: name.to_owned(),
                outputs,
                meta,
            })
            .to_vec(),
    };
    assert_eq!(config.parameter_count(), 70_853);
    let tensors: Vec<NamedTensor> = golden
        .iter()
        .filter_map(|(name, data)| {
            Some(NamedTensor {
                name: name.strip_prefix("w.")?.to_owned(),
                shape: data.shape().to_vec(),
                values: data.try_to_vec().unwrap(),
            })
        })
        .collect();
    let header = serde_json::json!({ "stp": config, "about": {} }).to_string();
    let notes = BTreeMap::from([("terroir".to_owned(), header)]);
    let path = folder.join("reference.safetensors");
    write_safetensors(&path, &tensors, false, &notes).unwrap();
    let LoadedStp { model, .. } = load_stp(&path, device).unwrap();
    Some((model, golden, about))
}

fn every<const D: usize>(x: Tensor<D>, dims: [usize; 2], step: usize) -> Tensor<D> {
    dims.into_iter().fold(x, |x, dim| {
        let indices: Vec<i32> = (0..x.dims()[dim]).step_by(step).map(|i| i as i32).collect();
        let count = indices.len();
        let indices = Tensor::from_data(TensorData::new(indices, [count]), &x.device());
        x.select(dim, indices)
    })
}

fn check_network(device: &Device, tolerance: f32) {
    let folder = tempfile::tempdir().unwrap();
    let Some((model, golden, about)) = reference(folder.path(), device) else {
        return;
    };
    let days = |source: &str| floats(&about["days"][source][0]);
    let mask = |source: &str| -> Vec<bool> {
        let list = about["mask"][source][0].as_array().unwrap();
        list.iter().map(|there| there.as_bool().unwrap()).collect()
    };
    let period = |key: &str| {
        let ends = floats(&about[key][0]);
        (ends[0], ends[1])
    };
    let batch = FrameBatch {
        frames: vec![
            Some(golden.tensor("in.s2", device)),
            Some(golden.tensor("in.s1", device)),
        ],
        days: [days("s2"), days("s1")].concat(),
        is_there: [mask("s2"), mask("s1")].concat(),
    };
    let encoded = model.encode(&batch);
    let features = every(encoded.features(model.config()), [3, 4], 2);
    let worst = golden.check("out.features", features, tolerance);
    eprintln!("features: {worst:.1e}");
    let mu = model.summarise(&encoded, &[period("valid_period_days")]);
    eprintln!("mu: {:.1e}", golden.check("out.mu", mu.clone(), tolerance));
    let other = model.summarise(&encoded, &[period("valid_period2_days")]);
    let worst = golden.check("out.mu_period2", every(other, [2, 3], 4), tolerance);
    eprintln!("mu of another period: {worst:.1e}");
    let drawn = model.decode(0, mu.clone(), &[0.37], None);
    eprintln!("s2: {:.1e}", golden.check("out.rec_s2", drawn, tolerance));
    let meta = Tensor::from_data([[0.25f32, -0.5]], device);
    let drawn = model.decode(1, mu, &[0.11], Some(meta));
    eprintln!("s1: {:.1e}", golden.check("out.rec_s1", drawn, tolerance));
}

#[test]
fn the_network_agrees_with_its_reference_on_the_processor() {
    check_network(&Device::flex(), 2e-5);
}

#[test]
fn the_network_agrees_with_its_reference_on_wgpu() {
    if let Some(device) = gpu() {
        check_network(&device, 5e-4);
    }
}

#[test]
fn time_codes_are_the_published_ones() {
    let Some(golden) = json("golden/aef/timecode.json") else {
        return;
    };
    let near = |found: &[f32], expected: &Value| {
        for (found, expected) in found.iter().zip(floats(expected)) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-6,
                "{found} {expected}"
            );
        }
    };
    for (index, ms) in golden["ms"].as_array().unwrap().iter().enumerate() {
        let day = day_of(ms.as_i64().unwrap());
        assert!((day - golden["days"][index].as_f64().unwrap()).abs() < 1e-9);
        let code = time_code(day, 64);
        assert_eq!(code.len(), golden["code"][index].as_array().unwrap().len());
        near(&code, &golden["code"][index]);
    }
    let relative = &golden["relative"];
    for (index, tau) in floats(&relative["tau"]).into_iter().enumerate() {
        let count = relative["n"].as_u64().unwrap() as usize;
        near(&relative_code(tau, count), &relative["code"][index]);
    }
}

#[test]
fn mean_resultants_are_the_published_ones() {
    let Some(golden) = json("golden/aef/vmf.json") else {
        return;
    };
    for row in golden["table"].as_array().unwrap() {
        let expected = row["mean_cosine_A"].as_f64().unwrap();
        let found = mean_resultant(row["kappa"].as_f64().unwrap(), 64);
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}

/// The portable generator of the reference data.
fn lcg(count: usize, seed: u32) -> Vec<f64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state) / 2f64.powi(31) - 1.0
        })
        .collect()
}

fn tensor<const D: usize>(values: &[f64], shape: [usize; D], device: &Device) -> Tensor<D> {
    let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn unit<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone() / x.square().sum_dim(1).sqrt()
}

fn check_losses(device: &Device, tolerance: f64) {
    let Some(golden) = json("golden/aef/losses.json") else {
        return;
    };
    let near = |name: &str, found: Tensor<1>, expected: f64| {
        let found = f64::from(found.into_scalar::<f32>());
        assert!(
            (found - expected).abs() < tolerance,
            "{name}: {found} {expected}"
        );
    };
    let number = |key: &str| golden[key].as_f64().unwrap();
    let shape = [4, 64, 4, 4];
    let mu = unit(tensor(&lcg(4096, 1001), shape, device));
    let student = unit(mu.clone() + tensor(&lcg(4096, 1002), shape, device) * 0.3);
    near(
        "uniformity",
        uniformity(mu.clone()),
        number("uniformity_mean_abs_dot_roll_batch"),
    );
    near(
        "consistency",
        consistency(mu, student),
        number("consistency_mean_half_1_minus_dot"),
    );

    let (rows, channels, side) = (4, 3, 12);
    let truth = lcg(rows * channels * side * side, 1003);
    let noise = lcg(rows * channels * side * side, 1004);
    let mut predicted = vec![0.0; truth.len()];
    for plane in 0..rows * channels {
        for row in 0..side {
            for column in 0..side {
                // Rolled by one row down and one column to the left.
                let from = (row + side - 1) % side * side + (column + 1) % side;
                let at = plane * side * side + row * side + column;
                predicted[at] = truth[plane * side * side + from] + 0.05 * noise[at];
            }
        }
    }
    let weight: Vec<f64> = lcg(rows * side * side, 1005)
        .into_iter()
        .map(|value| f64::from(u8::from(value > -0.7)))
        .collect();
    let shape = [1, channels, side, side];
    for row in 0..rows {
        let part = |values: &[f64], count: usize| values[row * count..(row + 1) * count].to_vec();
        let of_maps = channels * side * side;
        let predicted = tensor(&part(&predicted, of_maps), shape, device);
        let truth = tensor(&part(&truth, of_maps), shape, device);
        let weight = tensor(&part(&weight, side * side), [1, 1, side, side], device);
        let expected = |key: &str| floats(&golden[key])[row];
        let all = || (predicted.clone(), truth.clone(), weight.clone());
        let (a, b, w) = all();
        near("l1", masked_l1(a, b, w), expected("masked_l1_per_sample"));
        let (a, b, w) = all();
        near(
            "shift",
            shift_invariant(a, b, w, 2),
            expected("shift_invariant_r2_disk_per_sample"),
        );
        let (a, b, w) = all();
        near(
            "regrid",
            regridded(a, b, w, 3, (0, 0)),
            expected("regrid3_l1_per_sample"),
        );
    }
    // All rows at once: their mean; a row that nothing is known of drops out.
    let all = [rows, channels, side, side];
    let (a, b) = (tensor(&predicted, all, device), tensor(&truth, all, device));
    let mean = floats(&golden["shift_invariant_r2_disk_per_sample"]);
    let w = tensor(&weight, [rows, 1, side, side], device);
    let loss = shift_invariant(a.clone(), b.clone(), w.clone(), 2);
    near("shift of all", loss, mean.iter().sum::<f64>() / 4.0);
    let known = w * tensor(&[1.0, 0.0, 1.0, 1.0], [rows, 1, 1, 1], device);
    let loss = shift_invariant(a, b, known, 2);
    near("three rows", loss, (mean[0] + mean[2] + mean[3]) / 3.0);

    let images = unit(tensor(&lcg(256, 1006), [4, 64], device));
    let texts = unit(images.clone() + tensor(&lcg(256, 1007), [4, 64], device) * 0.2);
    let scale = Tensor::from_data([1.0f32 / 0.07], device);
    near(
        "clip",
        clip(images, texts, scale),
        number("clip_scale_1_over_0.07"),
    );
}

#[test]
fn losses_agree_with_their_reference_on_the_processor() {
    check_losses(&Device::flex(), 1e-5);
}

#[test]
fn losses_agree_with_their_reference_on_wgpu() {
    if let Some(device) = hardware_gpu() {
        check_losses(&device, 5e-4);
    }
}
