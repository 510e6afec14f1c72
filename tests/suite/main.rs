//! Integration tests.

mod golden;

mod checkpoints;
mod parity;
