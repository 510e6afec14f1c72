//! `terroir bench`: how fast models embed and load on this machine, how well their fields do on labelled scenes, and how
//! fast the canvas and the networks are beside others.

mod brush;
mod canvas;
mod field;
mod load;
mod network;
mod vectors;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::json;
use terroir_engine::{BenchRow, EmbedSpec, JobSpec, bench_field};
use terroir_scene::Raster;

use crate::assets::sample;

use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, run_job};
use super::output::{Output, table};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: Option<BenchWhat>,
    /// The scene to embed; the bundled sample without this
    file: Option<PathBuf>,
    /// Models to measure, as `terroir models` lists them; may be given again
    #[arg(long, default_value = "dofa-tiny")]
    model: Vec<String>,
    /// Device to measure, as `terroir devices` lists it
    #[arg(long, default_value = "auto")]
    device: String,
    /// Measure accuracy instead of speed: few-shot accuracy of fields on the labelled scenes and points in this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["file", "model", "device"])]
    accuracy: Option<PathBuf>,
    /// With --accuracy: only the field design in use, not those it was chosen from, and every kind of head
    #[arg(long, requires = "accuracy")]
    quick: bool,
    /// With --accuracy: trained weights of the model; it is untrained without them
    #[arg(long, requires = "accuracy", value_name = "FILE")]
    weights: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum BenchWhat {
    /// Measure what a sample of a brush stroke costs on rasters of several sizes
    Brush(brush::BrushBenchArgs),
    /// Measure how fast rasters open and move on the canvas, and how much memory that takes
    Canvas(canvas::CanvasBenchArgs),
    /// Measure how fast a DOFA network runs and trains, and how much memory that takes
    Dofa(network::DofaBenchArgs),
    /// Measure how fast heads are fitted and fields mapped, beside NumPy and scikit-learn
    Field(field::FieldBenchArgs),
    /// Measure how fast KG-VSF networks run, train and forecast again under other weather, and how much memory that takes
    Kgvsf(network::KgvsfBenchArgs),
    /// Measure how long weights take to load, beside the time of reading their file
    Load(load::LoadBenchArgs),
    /// Measure how fast STP networks run and train, and how much memory that takes
    Stp(network::StpBenchArgs),
    /// Measure how fast the shapes of a file are read, drawn and moved on the canvas, and how much memory that takes
    Vectors(vectors::VectorBenchArgs),
}

pub fn run(args: &BenchArgs, output: Output) -> CliResult {
    match &args.what {
        Some(BenchWhat::Brush(args)) => return brush::run(args, output),
        Some(BenchWhat::Vectors(args)) => return vectors::run(args, output),
        Some(BenchWhat::Canvas(args)) => return canvas::run(args, output),
        Some(BenchWhat::Dofa(args)) => return network::run_dofa(args, output),
        Some(BenchWhat::Field(args)) => return field::run(args, output),
        Some(BenchWhat::Load(args)) => return load::run(args, output),
        Some(BenchWhat::Kgvsf(args)) => return network::run_kgvsf(args, output),
        Some(BenchWhat::Stp(args)) => return network::run_stp(args, output),
        None => {}
    }
    match &args.accuracy {
        Some(folder) => measure_accuracy(folder, args.quick, args.weights.as_deref(), output),
        None => measure_speed(args, output),
    }
}

fn measure_accuracy(
    folder: &Path,
    quick: bool,
    weights: Option<&Path>,
    output: Output,
) -> CliResult {
    let cancel = CancelFlag::on_ctrl_c()?;
    let mut rows: Vec<BenchRow> = Vec::new();
    let mut on_row = |row: &BenchRow| {
        output.remark(&format!(
            "{}, {}, {}, {} labels: {:.1} %",
            row.scene, row.design, row.head, row.labels, row.overall
        ));
        rows.push(row.clone());
    };
    let result = bench_field(folder, quick, weights, &mut on_row, &|| cancel.is_raised());
    if cancel.is_raised() {
        return Err(CliError::Cancelled);
    }
    result?;
    if output.json {
        return output.print_json(&rows);
    }
    let spread = |mean: f64, spread: f64| format!("{mean:.1} ± {spread:.1}");
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let forest = row
                .forest
                .map(|(overall, f1)| (format!("{overall:.1}"), format!("{f1:.1}")))
                .unwrap_or_default();
            vec![
                row.scene.clone(),
                row.design.clone(),
                row.head.clone(),
                row.labels.clone(),
                spread(row.overall, row.overall_spread),
                spread(row.macro_f1, row.macro_f1_spread),
                forest.0,
                forest.1,
            ]
        })
        .collect();
    let header = [
        "scene",
        "field",
        "head",
        "labels",
        "OA %",
        "macro-F1 %",
        "forest OA %",
        "forest macro-F1 %",
    ];
    output.print(&table(&header, &lines))
}

fn measure_speed(args: &BenchArgs, output: Output) -> CliResult {
    for model in &args.model {
        super::embed::known_model(model)?;
    }
    let scene = match &args.file {
        Some(file) => file.clone(),
        None => sample().map(|sample| sample.scene()).ok_or_else(|| {
            CliError::failed(
                "The bundled sample was not found. Name a scene, or set TERROIR_ASSETS.",
            )
        })?,
    };
    let grid = Raster::open(&scene)?.info().grid.clone();
    let pixels = (grid.width * grid.height) as f64;
    let folder = std::env::temp_dir().join(format!("terroir-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .map_err(|error| CliError::file("The folder could not be made.", &folder, &error))?;
    let cancel = CancelFlag::on_ctrl_c()?;
    let mut measured = Vec::new();
    let result: CliResult = args.model.iter().try_for_each(|model| {
        let spec = JobSpec::Embed(EmbedSpec {
            scene: scene.clone(),
            model: model.clone(),
            weights: None,
            device: args.device.clone(),
            out: folder.join(format!("{model}.tif")),
            wavelengths_nm: Vec::new(),
            bands: Vec::new(),
            seed: 0,
            aoi: None,
        });
        let start = Instant::now();
        run_job(&spec, output, &cancel)?;
        measured.push((model.clone(), start.elapsed().as_secs_f64()));
        Ok(())
    });
    // The fields were only made to be timed.
    std::fs::remove_dir_all(&folder).ok();
    result?;
    if output.json {
        let rows: Vec<_> = measured
            .iter()
            .map(|(model, seconds)| {
                json!({ "model": model, "device": args.device, "seconds": seconds, "pixels": pixels, "pixels_per_second": pixels / seconds })
            })
            .collect();
        return output.print_json(&rows);
    }
    let rows: Vec<Vec<String>> = measured
        .iter()
        .map(|(model, seconds)| {
            vec![
                model.clone(),
                format!("{seconds:.2}"),
                format!("{:.0}", pixels / seconds),
            ]
        })
        .collect();
    output.print(&format!(
        "{} x {} pixels, device {}, from open to closed file\n{}",
        grid.width,
        grid.height,
        args.device,
        table(&["model", "seconds", "pixels a second"], &rows)
    ))
}

/// Gives a rival's script its plan and reads its answer; `needs` says what must be installed for it.
pub(super) fn ask_rival<T: DeserializeOwned>(
    python: &Path,
    script: &Path,
    plan: &serde_json::Value,
    needs: &str,
) -> CliResult<T> {
    let failed = |details: String| CliError::Failed {
        what: format!(
            "The rival's side was not measured: is {needs} installed?\n{}",
            script.display()
        ),
        details: Some(details),
    };
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(plan.to_string().as_bytes())
            .map_err(|error| failed(error.to_string()))?;
    }
    let answer = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&answer.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&answer.stderr);
        failed(format!("{error}\n{}", said.trim_end()))
    })
}

/// `VmRSS` or `VmHWM` (the peak) of this process in MiB; 0 where the system does not say.
pub(super) fn resident_mb(field: &str) -> f64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find(|line| line.starts_with(field))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        })
        .map_or(0.0, |kib| kib / 1024.0)
}

pub(super) fn at_share(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64).round() as usize).copied()
}

pub(super) fn median(values: &[f64]) -> Option<f64> {
    at_share(values, 0.5)
}
