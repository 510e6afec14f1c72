//! `terroir bench load`: how long weights take to load, beside the time of reading their file.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use terroir_engine::{load_weights, size_text};

use super::median;
use crate::cli::failure::{CliError, CliResult};
use crate::cli::output::{Output, table};

#[derive(Debug, Args)]
pub struct LoadBenchArgs {
    /// The weights: .pth, .safetensors or .bpk
    file: PathBuf,
    /// How often both are measured; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Device the weights go to, as `terroir devices` lists it
    #[arg(long, default_value = "cpu")]
    device: String,
}

pub fn run(args: &LoadBenchArgs, output: Output) -> CliResult {
    let unread = |error: std::io::Error| {
        CliError::file("The weights could not be read.", &args.file, &error)
    };
    let mut reading = Vec::new();
    let mut loading = Vec::new();
    let mut loaded = String::new();
    let mut bytes = 0;
    // One round beforehand brings the file into the system's cache, so that both read from there.
    for round in 0..=args.rounds.max(1) {
        let clock = Instant::now();
        let content = std::fs::read(&args.file).map_err(unread)?;
        let read = clock.elapsed().as_secs_f64();
        bytes = content.len() as u64;
        drop(content);
        let clock = Instant::now();
        loaded = load_weights(&args.file, &args.device)?;
        let load = clock.elapsed().as_secs_f64();
        output.remark(&format!(
            "round {round}: read {read:.3} s, load {load:.3} s"
        ));
        if round > 0 {
            reading.push(read);
            loading.push(load);
        }
    }
    // There is at least one round.
    let middle = |values: &[f64]| median(values).unwrap_or(f64::NAN);
    let (read, load) = (middle(&reading), middle(&loading));
    if output.json {
        return output.print_json(&json!({
            "file": args.file, "bytes": bytes, "model": loaded, "device": args.device,
            "read_seconds": read, "load_seconds": load, "ratio": load / read,
        }));
    }
    let row = vec![
        loaded,
        size_text(bytes),
        format!("{read:.3}"),
        format!("{load:.3}"),
        format!("{:.2}", load / read),
    ];
    output.print(&table(
        &["weights", "size", "read s", "load s", "ratio"],
        &[row],
    ))
}
