//! What every training shares: optimiser, schedule, the loop over steps, and the run folder that a killed run goes on from.
//! Knows modules and losses. Knows nothing of what is trained, on which data, or for what.
//!
//! A training is a [`Task`]: it says what the loss of a draw is. [`train`] does the rest: it draws, accumulates gradients,
//! steps, writes one line of figures a step into the run folder, keeps a checkpoint, and stops within one draw of a cancel.
//! A draw depends on the seed, the step and its part alone, so that a resumed run sees what the uninterrupted one saw.

mod checkpoint;
mod first_step;
mod optimiser;
mod picture;
mod run_folder;
mod schedule;
mod trainer;

pub(crate) use first_step::{time_of_batch, time_step};
pub use optimiser::{AdamWSettings, Optimiser};
pub use picture::write_picture;
pub(crate) use run_folder::run_of_job;
pub use run_folder::{RunFolder, run_folder_of};
pub use schedule::{Fall, Schedule};
pub use trainer::{Draw, Flow, Loss, Plan, Task, Trained, train};
