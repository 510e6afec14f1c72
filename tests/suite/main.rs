//! Integration tests.

#![expect(
    clippy::unwrap_used,
    reason = "a test says no by panicking, in its helpers too"
)]

mod golden;

mod checkpoints;
mod finetune;
mod hostile;
mod hostile_network;
mod hostile_weights;
mod jobs;
mod kgvsf;
mod masked;
mod models;
mod models_window;
mod parity;
mod pth;
mod stp;
mod tuning;
mod worker;

mod access;
mod analyses_window;
mod areas;
mod canvas;
mod motion;
mod overviews;
mod panel_pictures;
mod panels;
mod shaders;
mod statistics;

mod profile;
mod program;

mod change;
mod clusters;
mod command_line;
mod compare;
mod comparison_window;
mod costs;
mod crops;
mod derived;
mod determinism;
mod doctor;
mod documents;
mod evaluate;
mod exports;
mod fault_table;
mod faults;
mod fields;
mod forecast;
mod forecast_window;
mod heads;
mod kept_kernels;
mod kept_styles;
mod killed;
mod label_tools;
mod layers;
mod maps;
mod monkey;
mod pictures;
mod place;
mod pretraining;
mod pretraining_kgvsf;
mod pretraining_stp;
mod real_scenes;

mod products;
mod real_window;
mod remote;
mod report_pages;
mod sample_window;
mod saving;
mod season_field;
mod season_window;
mod series;
mod series_fields;
mod series_window;
mod sessions;
mod shards;
mod similarity;
mod soil;
mod style_panel;
mod suggestions;
mod supply;
mod training_window;
mod trial;
mod tricky;
mod values;
mod vector_window;
mod vectors;
mod weather;
mod weather_world;
mod web_server;
mod weights_hub;
mod window;
