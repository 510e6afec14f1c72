//! Reference data of the networks, and devices to compare on.
//! `TERROIR_SHARED` names the folder with the reference data; tests without it say SKIPPED.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use burn::store::{ModuleStore, SafetensorsStore, bridge};
use burn::tensor::{Device, Tensor, TensorData};

/// `name` inside the reference folder, or `None` with a word on stderr.
pub fn file(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TERROIR_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
        PathBuf::from,
    );
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: no reference data at {} (set TERROIR_SHARED)",
        path.display()
    );
    None
}

/// The wgpu device of this process, opened once, or `None` with a word on stderr.
pub fn gpu() -> Option<Device> {
    opened_gpu().map(|(device, _)| device)
}

/// The same where it is real hardware: a software rasteriser takes minutes to compile the kernels of convolutions and of
/// their gradients.
pub fn hardware_gpu() -> Option<Device> {
    let (device, is_software) = opened_gpu()?;
    if is_software {
        eprintln!("SKIPPED on wgpu: the adapter is a software rasteriser");
        return None;
    }
    Some(device)
}

/// The device and whether it is a software rasteriser.
fn opened_gpu() -> Option<(Device, bool)> {
    static GPU: OnceLock<Result<(Device, bool), String>> = OnceLock::new();
    let opened = GPU.get_or_init(|| {
        Device::wgpu_options()
            .init_with_setup()
            .map(|(device, setup)| {
                let info = setup.adapter.get_info();
                eprintln!("comparing on {}", info.name);
                (device, info.device_type == wgpu::DeviceType::Cpu)
            })
            .map_err(|error| error.to_string())
    });
    match opened {
        Ok(opened) => Some(opened.clone()),
        Err(error) => {
            eprintln!("SKIPPED on wgpu: {error}");
            None
        }
    }
}

/// Named tensors of a safetensors file.
pub struct Golden(BTreeMap<String, TensorData>);

impl Golden {
    pub fn open(path: &Path) -> Self {
        let mut store = SafetensorsStore::from_file(path).map_indices_contiguous(false);
        let tensors = store.get_all_tensors().unwrap();
        Self(
            tensors
                .iter()
                .map(|(name, tensor)| (name.clone(), bridge::to_data(tensor).unwrap()))
                .collect(),
        )
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn data(&self, name: &str) -> &TensorData {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("reference data without {name}"))
    }

    pub fn values(&self, name: &str) -> Vec<f32> {
        self.data(name).try_to_vec().unwrap()
    }

    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        Tensor::from_data(self.data(name).clone(), device)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &TensorData)> {
        self.0.iter()
    }

    /// Largest difference to the reference; panics beyond `tolerance` or on another shape.
    pub fn check<const D: usize>(&self, name: &str, found: Tensor<D>, tolerance: f32) -> f32 {
        let expected = self.data(name);
        let found = found.into_data();
        assert_eq!(found.shape(), expected.shape(), "{name}");
        let worst = largest_difference(
            &found.try_to_vec::<f32>().unwrap(),
            &expected.try_to_vec::<f32>().unwrap(),
        );
        assert!(
            worst <= tolerance,
            "{name}: differs by {worst:e}, allowed {tolerance:e}"
        );
        worst
    }
}

/// Largest absolute difference; a NaN on either side is infinite.
pub fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |worst: f32, d| {
            if d.is_nan() {
                f32::INFINITY
            } else {
                worst.max(d)
            }
        })
}

/// Values to write into a safetensors file: name, shape, floats.
pub type Written = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Writes a safetensors file of f32, or of bf16 or i32 where `dtype` says so.
pub fn write_safetensors(path: &Path, tensors: &Written, dtype: &str) {
    let mut header = serde_json::Map::new();
    let mut body: Vec<u8> = Vec::new();
    for (name, (shape, values)) in tensors {
        let start = body.len();
        for value in values {
            match dtype {
                "F32" => body.extend(value.to_le_bytes()),
                // The upper half of an f32.
                "BF16" => body.extend(((value.to_bits() >> 16) as u16).to_le_bytes()),
                "I32" => body.extend((*value as i32).to_le_bytes()),
                other => panic!("no writer for {other}"),
            }
        }
        header.insert(
            name.clone(),
            serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, body.len()] }),
        );
    }
    let mut text = serde_json::to_string(&header).unwrap();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes.extend(body);
    std::fs::write(path, bytes).unwrap();
}
