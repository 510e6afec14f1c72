//! Integration tests.

mod golden;

mod checkpoints;
mod parity;

mod program;

mod command_line;
mod faults;
mod layers;
mod real_scenes;
mod real_window;
