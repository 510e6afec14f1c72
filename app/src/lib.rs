//! Terroir's window and command line: two faces of the same engine.

pub mod assets;
pub mod canvas;
pub mod cli;

mod actions;
mod clouds;
mod commands;
mod dialogs;
mod export;
mod files;
mod import;
mod in_view;
mod jobs;
mod live_head;
mod memory;
mod menu;
mod messages;
mod news;
mod open_series;
mod opening;
mod panels;
mod places;
mod play;
mod probe;
mod questions;
mod recovery;
mod session;
mod settings;
mod slot;
mod state;
mod statistics;
mod status_bar;
mod stretching;
mod theme;
mod time_points;
mod tools;
pub mod window;
