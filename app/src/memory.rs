//! Memory of the window and its worker process, measured on its own thread every two seconds.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

const EVERY: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Shared {
    bytes: AtomicU64,
    /// 0 = no worker.
    worker: AtomicU32,
}

/// Dropping it ends the thread.
pub struct Memory(Arc<Shared>);

impl Memory {
    pub fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let weak = Arc::downgrade(&shared);
        std::thread::Builder::new()
            .name("memory".to_owned())
            .spawn(move || watch(&weak))?;
        Ok(Self(shared))
    }

    /// Of window and worker together; 0 before the first measurement.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    pub fn watch_worker(&self, process: Option<u32>) {
        self.0.worker.store(process.unwrap_or(0), Ordering::Relaxed);
    }
}

fn watch(shared: &Weak<Shared>) {
    // A system that does not say what processes use leaves the field empty.
    let Ok(mut system) = System::new() else {
        return;
    };
    while let Some(shared) = shared.upgrade() {
        let worker = shared.worker.load(Ordering::Relaxed);
        let processes: Vec<Pid> = [std::process::id(), worker]
            .into_iter()
            .filter(|process| *process != 0)
            .map(Pid::from_u32)
            .collect();
        let kind = ProcessRefreshKind::nothing().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&processes), true, kind);
        let bytes = processes
            .iter()
            .filter_map(|process| system.process(*process))
            .map(sysinfo::Process::memory)
            .sum();
        shared.bytes.store(bytes, Ordering::Relaxed);
        drop(shared);
        std::thread::sleep(EVERY);
    }
}
