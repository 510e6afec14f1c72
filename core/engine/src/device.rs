//! Compute devices: the processor and every graphics adapter, by name. The only file of the engine that names wgpu.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::Builder;
use std::time::Duration;

use burn::tensor::{Device, DeviceKind, Tensor};

use crate::DeviceInfo;
use crate::freed_memory;
use crate::kept_kernels;
use crate::lost_device;
use crate::worker::failure_of_panic;

/// The processor's name, as the user types it.
pub const CPU: &str = "cpu";
/// Lets the engine choose.
pub const AUTO: &str = "auto";

/// A device ready for tensors. Clones share it.
#[derive(Clone, Debug)]
pub struct Compute {
    pub device: Device,
    /// As `devices` lists it.
    pub name: String,
    /// Why it is not the one asked for.
    pub fallback: Option<String>,
}

impl Compute {
    pub fn cpu() -> Self {
        Self {
            device: Device::flex(),
            name: CPU.to_owned(),
            fallback: None,
        }
    }

    pub fn is_cpu(&self) -> bool {
        self.name == CPU
    }

    /// Waits for the device; the text says why it is lost.
    pub fn sync(&self) -> Result<(), String> {
        // Waiting for it would never end.
        if !self.is_cpu() && lost_device::has_happened() {
            return Err("the device was lost".to_owned());
        }
        match catch_unwind(AssertUnwindSafe(|| self.device.sync())) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("{error:?}")),
            Err(payload) => Err(failure_of_panic(payload.as_ref()).to_string()),
        }
    }
}

/// Compute devices of this machine: the processor first, then the graphics adapters.
/// Asks the drivers once in a process; the first call may take a second.
pub fn devices() -> Vec<DeviceInfo> {
    let cpu = DeviceInfo {
        name: CPU.to_owned(),
        backend: "CPU".to_owned(),
        kind: "cpu".to_owned(),
        memory_bytes: system_memory_bytes(),
        driver: None,
    };
    std::iter::once(cpu)
        .chain(adapters().iter().map(|adapter| adapter.info.clone()))
        .collect()
}

/// Memory of the machine, total; `None` where the system does not say.
fn system_memory_bytes() -> Option<u64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    Some(system.total_memory()).filter(|bytes| *bytes > 0)
}

/// Opens the device of a name: `auto`, `cpu` or a name (or a part of one) that `devices` lists.
/// Never fails: what cannot be had is replaced by the processor, and `fallback` says why.
pub fn open(name: &str) -> Compute {
    let compute = choose(name);
    if compute.is_cpu() {
        freed_memory::keep();
    }
    compute
}

fn choose(name: &str) -> Compute {
    let wanted = name.trim();
    if wanted.eq_ignore_ascii_case(CPU) {
        return Compute::cpu();
    }
    let adapters = adapters();
    let chosen = if wanted.is_empty() || wanted.eq_ignore_ascii_case(AUTO) {
        // A graphics card first, then one inside the processor; a software rasteriser is slower than our own CPU path.
        let by_kind = |kind: &str| adapters.iter().find(|adapter| adapter.info.kind == kind);
        match by_kind("discrete").or_else(|| by_kind("integrated")) {
            Some(adapter) => adapter,
            None => return Compute::cpu(),
        }
    } else {
        match find(adapters, wanted) {
            Ok(adapter) => adapter,
            Err(reason) => {
                return Compute {
                    fallback: Some(reason),
                    ..Compute::cpu()
                };
            }
        }
    };
    match adapter_device(chosen) {
        Ok(device) => Compute {
            device,
            name: chosen.info.name.clone(),
            fallback: None,
        },
        Err(reason) => {
            let fallback = Some(format!(
                "{} cannot be used ({reason}); the job runs on the CPU",
                chosen.info.name
            ));
            Compute {
                fallback,
                ..Compute::cpu()
            }
        }
    }
}

struct Adapter {
    info: DeviceInfo,
    kind: DeviceKind,
}

fn find<'a>(adapters: &'a [Adapter], wanted: &str) -> Result<&'a Adapter, String> {
    let wanted_lower = wanted.to_lowercase();
    if let Some(exact) = adapters
        .iter()
        .find(|adapter| adapter.info.name.to_lowercase() == wanted_lower)
    {
        return Ok(exact);
    }
    let mut partial = adapters
        .iter()
        .filter(|adapter| adapter.info.name.to_lowercase().contains(&wanted_lower));
    match (partial.next(), partial.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(format!(
            "\"{wanted}\" names several devices; `terroir devices` lists their full names; the job runs on the CPU"
        )),
        (None, _) => {
            let names: Vec<&str> = adapters
                .iter()
                .map(|adapter| adapter.info.name.as_str())
                .collect();
            let others = if names.is_empty() {
                "no graphics adapter was found".to_owned()
            } else {
                format!("found: {}", names.join(", "))
            };
            Err(format!(
                "there is no device \"{wanted}\" ({others}); the job runs on the CPU"
            ))
        }
    }
}

fn adapters() -> &'static [Adapter] {
    static ADAPTERS: OnceLock<Vec<Adapter>> = OnceLock::new();
    ADAPTERS.get_or_init(|| {
        // A broken driver must not take the process down.
        catch_unwind(list_adapters).unwrap_or_else(|payload| {
            log::error!(
                "the graphics adapters cannot be listed: {}",
                failure_of_panic(payload.as_ref())
            );
            Vec::new()
        })
    })
}

/// Adapters of the first graphics interface that has any, in the order in which Burn counts them.
/// OpenGL is left out: compute kernels fail its checks.
fn list_adapters() -> Vec<Adapter> {
    let interfaces: &[(wgpu::Backends, &str)] = if cfg!(target_os = "macos") {
        &[(wgpu::Backends::METAL, "Metal")]
    } else {
        &[
            (wgpu::Backends::VULKAN, "Vulkan"),
            (wgpu::Backends::DX12, "DirectX 12"),
        ]
    };
    for (backends, label) in interfaces {
        let descriptor = wgpu::InstanceDescriptor {
            backends: *backends,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        };
        let instance = wgpu::Instance::new(descriptor);
        let found = now(instance.enumerate_adapters(*backends)).unwrap_or_default();
        if !found.is_empty() {
            let infos: Vec<wgpu::AdapterInfo> = found.iter().map(wgpu::Adapter::get_info).collect();
            return name_adapters(&infos, label);
        }
    }
    Vec::new()
}

fn name_adapters(infos: &[wgpu::AdapterInfo], label: &str) -> Vec<Adapter> {
    let mut adapters: Vec<Adapter> = Vec::with_capacity(infos.len());
    for (position, info) in infos.iter().enumerate() {
        // Burn counts each kind from zero.
        let number = infos[..position]
            .iter()
            .filter(|other| other.device_type == info.device_type)
            .count();
        let (kind, word) = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => (DeviceKind::DiscreteGpu(number), "discrete"),
            wgpu::DeviceType::IntegratedGpu => (DeviceKind::IntegratedGpu(number), "integrated"),
            wgpu::DeviceType::VirtualGpu => (DeviceKind::VirtualGpu(number), "virtual"),
            wgpu::DeviceType::Cpu if number == 0 => (DeviceKind::Cpu, "software"),
            // Burn cannot address a second software rasteriser or adapters of no kind.
            wgpu::DeviceType::Cpu | wgpu::DeviceType::Other => continue,
        };
        let twins = infos[..position]
            .iter()
            .filter(|other| other.name == info.name)
            .count();
        let name = if twins == 0 {
            info.name.clone()
        } else {
            format!("{} #{}", info.name, twins + 1)
        };
        let info = DeviceInfo {
            name,
            backend: label.to_owned(),
            kind: word.to_owned(),
            memory_bytes: None,
            driver: Some(
                format!("{} {}", info.driver, info.driver_info)
                    .trim()
                    .to_owned(),
            )
            .filter(|driver| !driver.is_empty()),
        };
        adapters.push(Adapter { info, kind });
    }
    adapters
}

/// Native adapter lists are ready at once; nothing here needs a runtime.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Burn initialises a selector once in a process, so opened devices are kept, and so are the ones that failed.
fn adapter_device(adapter: &Adapter) -> Result<Device, String> {
    type Opened = (String, Result<Device, String>);
    static OPENED: Mutex<Vec<Opened>> = Mutex::new(Vec::new());
    if lost_device::has_happened() {
        return Err("it was lost; a new start of the program may have it again".to_owned());
    }
    lost_device::listen();
    kept_kernels::keep();
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, device)) = opened.iter().find(|(name, _)| *name == adapter.info.name) {
        return device.clone();
    }
    let device = make_watched(adapter.kind.clone());
    if device.is_err() {
        // The job has not begun with it.
        lost_device::give_up();
    }
    opened.push((adapter.info.name.clone(), device.clone()));
    device
}

/// Makes a device on a thread of its own, which may wait for ever if the device is lost while it is tried out.
fn make_watched(kind: DeviceKind) -> Result<Device, String> {
    let (answer, answered) = sync_channel(1);
    Builder::new()
        .name("device".to_owned())
        .stack_size(16 << 20)
        .spawn(move || {
            answer.send(make_and_try(kind)).ok();
        })
        .map_err(|error| error.to_string())?;
    loop {
        match answered.recv_timeout(Duration::from_millis(20)) {
            Ok(device) => return device,
            Err(RecvTimeoutError::Disconnected) => return Err("its trial ended".to_owned()),
            Err(RecvTimeoutError::Timeout) if lost_device::is_trial_over() => {
                return Err("it was lost while it was tried out".to_owned());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn make_and_try(kind: DeviceKind) -> Result<Device, String> {
    let result = catch_unwind(|| {
        let device = Device::wgpu_options()
            .device_kind(kind)
            .init()
            .map_err(|error| error.to_string())?;
        try_out(&device)?;
        Ok(device)
    });
    result.unwrap_or_else(|payload| {
        let failure = failure_of_panic(payload.as_ref());
        Err(failure.details.unwrap_or(failure.what))
    })
}

/// A small product whose answer is known from the processor: a device that miscounts is as bad as none.
fn try_out(device: &Device) -> Result<(), String> {
    let side = 64;
    let values = |phase: usize| -> Vec<f32> {
        (0..side * side)
            .map(|i| ((i * 7 + phase) % 13) as f32 / 13.0)
            .collect()
    };
    let product = |device: &Device| -> Result<Vec<f32>, String> {
        let a = Tensor::<1>::from_floats(values(0).as_slice(), device).reshape([side, side]);
        let b = Tensor::<1>::from_floats(values(5).as_slice(), device).reshape([side, side]);
        a.matmul(b)
            .into_data()
            .try_to_vec::<f32>()
            .map_err(|error| format!("{error:?}"))
    };
    let (here, there) = (product(&Device::flex())?, product(device)?);
    let worst = here
        .iter()
        .zip(&there)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0f32, f32::max);
    if worst <= 0.05 {
        Ok(())
    } else {
        Err("a test calculation on it gave wrong numbers".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_always_there_and_first() {
        let devices = devices();
        assert_eq!(devices[0].name, CPU);
        assert!(devices[0].memory_bytes.unwrap() > 0);
    }

    #[test]
    fn a_missing_device_falls_back_with_a_reason() {
        let compute = open("Imaginary 9000");
        assert!(compute.is_cpu());
        assert!(compute.fallback.unwrap().contains("Imaginary 9000"));
        assert!(open("CPU").fallback.is_none());
    }

    #[test]
    fn auto_never_takes_a_software_rasteriser() {
        let compute = open(AUTO);
        let kind = devices()
            .into_iter()
            .find(|device| device.name == compute.name)
            .unwrap()
            .kind;
        assert_ne!(kind, "software");
    }
}
