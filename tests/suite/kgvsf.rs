//! The KG-VSF network against its reference numbers: small arithmetic, and a whole small network.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use serde_json::Value;
use terroir_models::{
    ForecastDays, ImageSeries, Kgvsf, KgvsfConfig, NamedTensor, WeatherRows, WeatherUse,
    day_of_year_code, gap_code, load_kgvsf, masked_huber, write_safetensors,
};

use crate::golden::{file, gpu, largest_difference};

fn json(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(file(name)?).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// All numbers of nested lists, row by row.
fn floats(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(values) => values.iter().flat_map(floats).collect(),
        number => vec![number.as_f64().unwrap() as f32],
    }
}

fn whole(value: &Value) -> Vec<usize> {
    floats(value)
        .into_iter()
        .map(|number| number as usize)
        .collect()
}

#[track_caller]
fn near(found: &[f32], expected: &[f32], tolerance: f32) -> f32 {
    let worst = largest_difference(found, expected);
    assert!(worst <= tolerance, "differs by {worst:e}");
    worst
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec().unwrap()
}

#[test]
fn small_arithmetic_is_the_published_one() {
    let Some(golden) = json("golden/metrics/kgvsf_math.json") else {
        return;
    };
    let cases = |key: &str| golden[key].as_array().unwrap().clone();
    for case in cases("doy_features") {
        let day = case["doy"].as_f64().unwrap() as f32;
        near(&day_of_year_code(day), &floats(&case["expected"]), 1e-5);
    }
    for case in cases("delta_features") {
        let days = case["days"].as_u64().unwrap() as usize;
        near(&gap_code(days), &floats(&case["expected"]), 1e-5);
    }
    let aggregate = &golden["drive_aggregate"];
    let table = aggregate["weather"].as_array().unwrap();
    let weather = WeatherRows {
        values: floats(&aggregate["weather"]),
        days: table.len(),
        drivers: table[0].as_array().unwrap().len(),
    };
    for case in aggregate["cases"].as_array().unwrap() {
        let day = |key: &str| case[key].as_u64().unwrap() as usize;
        let found = weather.aggregate(0, day("d0"), day("d1"));
        near(&found, &floats(&case["expected"]), 1e-5);
    }
    let device = Device::flex();
    let huber = &golden["masked_huber"];
    let shape = shape_of(&huber["prediction"]);
    let full: [usize; 4] = shape.clone().try_into().unwrap();
    let mask = shape_of(&huber["valid"]);
    let mask = [mask[0], 1, mask[1], mask[2]];
    let loss = masked_huber(
        tensor(floats(&huber["prediction"]), full, &device),
        tensor(floats(&huber["target"]), full, &device),
        tensor(floats(&huber["valid"]), mask, &device),
    );
    near(
        &numbers(loss),
        &[huber["expected"].as_f64().unwrap() as f32],
        1e-5,
    );
}

fn shape_of(value: &Value) -> Vec<usize> {
    match value.as_array() {
        Some(list) => std::iter::once(list.len())
            .chain(shape_of(&list[0]))
            .collect(),
        None => Vec::new(),
    }
}

/// The reference network, from a file of ours that holds its tensors.
fn reference(golden: &Value, folder: &Path, device: &Device) -> Kgvsf {
    let size = |key: &str| golden["config"][key].as_u64().unwrap() as usize;
    let config = KgvsfConfig {
        image_px: size("img"),
        patch_px: size("p"),
        width: size("D"),
        heads: size("heads"),
        mlp: size("mlp"),
        image_blocks: size("vit"),
        sequence_blocks: size("seq"),
        decoder_blocks: size("dec"),
        images: 3,
        weather_days: 14,
        bands: size("C"),
        drivers: size("V"),
        weather: WeatherUse::Driver,
    };
    assert_eq!(config.parameter_count(), 14_064);
    let tensors: Vec<NamedTensor> = golden["weights"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "pos")
        .map(|(name, tensor)| NamedTensor {
            name: name.clone(),
            shape: whole(&tensor["shape"]),
            values: floats(&tensor["data"]),
        })
        .collect();
    let header = serde_json::json!({ "kgvsf": config, "about": {} }).to_string();
    let notes = BTreeMap::from([("terroir".to_owned(), header)]);
    let path = folder.join("reference.safetensors");
    write_safetensors(&path, &tensors, false, &notes).unwrap();
    load_kgvsf(&path, device).unwrap().model
}

fn check_network(device: &Device, tolerance: f32) {
    let Some(golden) = json("golden/metrics/kgvsf_micro.json") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let model = reference(&golden, folder.path(), device);
    let input = |key: &str| floats(&golden["inputs"][key]["data"]);
    let output = |key: &str| floats(&golden["outputs"][key]["data"]);
    let series = ImageSeries {
        values: tensor(input("x"), [2, 3, 3, 8, 8], device),
        is_valid: tensor(input("m"), [2, 3, 8, 8], device),
        weather_row: whole(&golden["inputs"]["day"]["data"]),
        day_of_year: input("doy"),
        is_padding: vec![false; 6],
        weather: WeatherRows {
            values: input("weather"),
            days: 14,
            drivers: 3,
        },
    };
    let mut days = ForecastDays::default();
    let rows = whole(&golden["inputs"]["q_day"]["data"]);
    for (index, day_of_year) in input("q_doy").into_iter().enumerate() {
        days.push(index / 3, index % 3, rows[index], day_of_year);
    }
    let state = model.encode(&series);
    let told = |what: &str, found: Vec<f32>, key: &str| {
        eprintln!("{what}: {:.1e}", near(&found, &output(key), tolerance));
    };
    told("weather", numbers(state.weather()), "h");
    told("embedding", numbers(state.embedding()), "E");
    let forecast = model.forecast(&state, &series, &days);
    told("moved state", numbers(forecast.state), "E_hat");
    told("base", numbers(forecast.base.clone()), "base");
    let residual = forecast.values.clone() - forecast.base;
    told("residual", numbers(residual), "residual");
    told("forecast", numbers(forecast.values.clone()), "prediction");
    let loss = masked_huber(
        forecast.values,
        tensor(input("target"), [6, 3, 8, 8], device),
        tensor(input("target_valid"), [6, 1, 8, 8], device),
    );
    let expected = golden["outputs"]["masked_huber"].as_f64().unwrap() as f32;
    near(&numbers(loss), &[expected], tolerance);
}

#[test]
fn the_forecaster_agrees_with_its_reference_on_the_processor() {
    check_network(&Device::flex(), 1e-5);
}

#[test]
fn the_forecaster_agrees_with_its_reference_on_wgpu() {
    if let Some(device) = gpu() {
        check_network(&device, 1e-4);
    }
}

#[test]
fn both_devices_forecast_the_same() {
    let Some(gpu) = gpu() else {
        return;
    };
    let outcome = |device: &Device| {
        let model = KgvsfConfig::by_name("kgvsf-tiny", 6, 5)
            .unwrap()
            .init(3, device);
        let wave = |count: usize| {
            (0..count)
                .map(|at| (at as f32 * 0.37).sin())
                .collect::<Vec<f32>>()
        };
        let series = ImageSeries {
            values: tensor(wave(4 * 6 * 32 * 32), [1, 4, 6, 32, 32], device),
            is_valid: Tensor::ones([1, 4, 32, 32], device),
            weather_row: vec![5, 10, 20, 30],
            day_of_year: vec![100.0, 105.0, 115.0, 125.0],
            is_padding: vec![true, false, false, false],
            weather: WeatherRows {
                values: wave(60 * 5),
                days: 60,
                drivers: 5,
            },
        };
        let mut days = ForecastDays::default();
        days.push(0, 3, 59, 154.0);
        let state = model.encode(&series);
        numbers(model.forecast(&state, &series, &days).values)
    };
    near(&outcome(&gpu), &outcome(&Device::flex()), 1e-3);
}
