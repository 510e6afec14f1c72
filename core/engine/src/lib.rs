//! The engine: jobs from scene to map, run in the worker process or in the command line's own.
//! Knows scenes and models. Knows nothing of windows.

mod device;
mod engine;
mod job;
mod link;
mod monitor;
mod queue;
mod worker;

pub use device::devices;
pub use engine::{run_here, worker_main};
pub use job::*;
pub use link::*;
