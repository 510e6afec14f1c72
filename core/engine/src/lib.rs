//! The engine: jobs from scene to map, run in the worker process or in the command line's own.
//! Knows scenes and models. Knows nothing of windows.

mod job;
mod link;

pub use job::*;
pub use link::*;
