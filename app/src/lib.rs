//! Terroir's window and command line: two faces of the same engine.

pub mod assets;
pub mod canvas;
pub mod cli;
