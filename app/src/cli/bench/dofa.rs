//! `terroir bench dofa`: how fast a DOFA network runs and trains on this machine and how much memory that takes, and how
//! PyTorch does with the same network in the same run. Each measurement has a process of its own, ours and the rival's
//! take turns. Knows nothing of scenes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde::{Deserialize, Serialize};
use terroir_engine::{Speed, SpeedCase, SpeedKind, measure_speed};

use super::{ask_rival, median, resident_mb};
use crate::cli::failure::{CliError, CliResult};
use crate::cli::output::{Output, table};

/// Nine bands of Sentinel-2, in micrometres.
const WAVELENGTHS_UM: [f32; 9] = [0.665, 0.56, 0.49, 0.705, 0.74, 0.783, 0.842, 1.61, 2.19];

#[derive(Debug, Args)]
pub struct DofaBenchArgs {
    /// Model to measure, as `terroir models` lists it; its weights do not matter and are seeded
    #[arg(long, default_value = "dofa-base")]
    model: String,
    /// Device to measure, as `terroir devices` lists it
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Timed runs of a process, after one that is not timed
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
    /// Processes a case; ours and the rival's take turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Measure the same with PyTorch through this script, e.g. tests/peers/torch_dofa.py
    #[arg(long, value_name = "SCRIPT")]
    rival: Option<PathBuf>,
    /// Python of the rival, with torch, torchvision, timm and torchgeo
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,
    /// Write the result as a table in Markdown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure one case (JSON) in this process and print JSON
    #[arg(long, hide = true)]
    alone: Option<String>,
}

/// One process's answer.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    speed: Speed,
    peak_mb: f64,
}

#[derive(Debug, Deserialize)]
struct RivalMeasured {
    name: String,
    seconds: Vec<f64>,
    peak_mb: f64,
}

/// Figures of one side over all rounds.
#[derive(Debug, Default, Serialize)]
struct Side {
    seconds: Vec<f64>,
    peak_mb: f64,
}

impl Side {
    fn add(&mut self, seconds: &[f64], peak_mb: f64) {
        self.seconds.extend(seconds);
        self.peak_mb = self.peak_mb.max(peak_mb);
    }
}

#[derive(Debug, Serialize)]
struct Row {
    what: &'static str,
    kind: SpeedKind,
    batch: usize,
    gflop: f64,
    ours: Side,
    rival: Option<Side>,
    /// The rival in half precision, where it was asked.
    rival_bfloat16: Option<Side>,
}

const CASES: [(&str, SpeedKind, usize); 5] = [
    ("forward, 1 image", SpeedKind::Forward, 1),
    ("forward, 8 images", SpeedKind::Forward, 8),
    (
        "forward, 1 image, frozen (kernel kept)",
        SpeedKind::ForwardKept,
        1,
    ),
    ("training step, 4 images", SpeedKind::TrainingStep, 4),
    ("product of two 2048 x 2048 matrices", SpeedKind::Product, 1),
];

pub fn run(args: &DofaBenchArgs, output: Output) -> CliResult {
    if let Some(case) = &args.alone {
        let case: SpeedCase = serde_json::from_str(case)
            .map_err(|error| CliError::usage(format!("--alone: {error}")))?;
        let speed = measure_speed(&case)?;
        let peak_mb = resident_mb("VmHWM");
        return output.print_json(&Measured { speed, peak_mb });
    }
    crate::cli::embed::known_model(&args.model)?;
    let mut rival_name = None;
    let mut rows = Vec::new();
    for (what, kind, batch) in CASES {
        output.remark(&format!("{what} …"));
        rows.push(measure_case(args, what, kind, batch, &mut rival_name)?);
    }
    if output.json {
        return output.print_json(&rows);
    }
    let lines = lines_of(&rows);
    if let Some(out) = &args.out {
        std::fs::write(out, markdown(args, rival_name.as_deref(), &lines))
            .map_err(|error| CliError::file("The table could not be written.", out, &error))?;
    }
    output.print(&table(&HEADER, &lines))
}

fn measure_case(
    args: &DofaBenchArgs,
    what: &'static str,
    kind: SpeedKind,
    batch: usize,
    rival_name: &mut Option<String>,
) -> CliResult<Row> {
    let case = SpeedCase {
        kind,
        model: args.model.clone(),
        device: args.device.clone(),
        batch,
        wavelengths_um: WAVELENGTHS_UM.to_vec(),
        repeats: args.repeats as usize,
    };
    let mut row = Row {
        what,
        kind,
        batch,
        gflop: 0.0,
        ours: Side::default(),
        rival: None,
        rival_bfloat16: None,
    };
    // What the rival has no counterpart of is ours alone.
    let is_shared = matches!(kind, SpeedKind::Forward | SpeedKind::TrainingStep);
    for _ in 0..args.rounds {
        let ours = measure_apart(&case)?;
        row.gflop = ours.speed.gflop;
        row.ours.add(&ours.speed.seconds, ours.peak_mb);
        let Some(script) = args.rival.as_ref().filter(|_| is_shared) else {
            continue;
        };
        for (side, bfloat16) in [(&mut row.rival, false), (&mut row.rival_bfloat16, true)] {
            let theirs = run_rival(args, script, &case, &ours.speed, bfloat16)?;
            side.get_or_insert_default()
                .add(&theirs.seconds, theirs.peak_mb);
            *rival_name = Some(theirs.name);
        }
    }
    Ok(row)
}

/// The same command in a process of its own, so that memory is this case's alone.
fn measure_apart(case: &SpeedCase) -> CliResult<Measured> {
    let failed = |details: String| CliError::Failed {
        what: "The measurement did not come to an end; the reason stands above or in the details."
            .to_owned(),
        details: Some(details),
    };
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let case = serde_json::to_string(case).map_err(|error| failed(error.to_string()))?;
    let child = Command::new(program)
        .args(["bench", "dofa", "--json", "--alone", &case])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&child.stdout).map_err(|error| failed(error.to_string()))
}

fn run_rival(
    args: &DofaBenchArgs,
    script: &Path,
    case: &SpeedCase,
    ours: &Speed,
    bfloat16: bool,
) -> CliResult<RivalMeasured> {
    let shape = ours.shape;
    let plan = serde_json::json!({
        "kind": case.kind,
        "width": shape.width,
        "depth": shape.depth,
        "heads": shape.heads,
        "patch": shape.patch,
        "image": shape.image,
        "batch": case.batch,
        "wavelengths_um": case.wavelengths_um,
        "repeats": case.repeats,
        "threads": threads(),
        "bfloat16": bfloat16,
    });
    let needs = "Python with torch, torchvision, timm and torchgeo";
    ask_rival(&args.python, script, &plan, needs)
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

const HEADER: [&str; 8] = [
    "measured",
    "Terroir s",
    "PyTorch s",
    "times faster",
    "Terroir MiB",
    "PyTorch MiB",
    "share of the product's speed",
    "PyTorch bf16 s",
];

fn lines_of(rows: &[Row]) -> Vec<Vec<String>> {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
    };
    let ratio = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) if b > 0.0 => Some(a / b),
        _ => None,
    };
    let speed = |row: &Row| ratio(Some(row.gflop), median(&row.ours.seconds));
    let peak = rows
        .iter()
        .find(|row| row.kind == SpeedKind::Product)
        .and_then(speed);
    rows.iter()
        .map(|row| {
            let ours = median(&row.ours.seconds);
            let theirs = row.rival.as_ref().and_then(|side| median(&side.seconds));
            let half = row
                .rival_bfloat16
                .as_ref()
                .and_then(|side| median(&side.seconds));
            let share = ratio(speed(row), peak).map(|share| format!("{:.0} %", 100.0 * share));
            vec![
                row.what.to_owned(),
                number(ours, 3),
                number(theirs, 3),
                number(ratio(theirs, ours), 2),
                number(Some(row.ours.peak_mb), 0),
                number(row.rival.as_ref().map(|side| side.peak_mb), 0),
                share.unwrap_or_else(|| "–".to_owned()),
                number(half, 3),
            ]
        })
        .collect()
}

fn markdown(args: &DofaBenchArgs, rival: Option<&str>, lines: &[Vec<String>]) -> String {
    let mut text = format!(
        "{}, {} bands, device {}, {} threads, {}; medians of {} runs in {} processes taking turns; memory is the peak of \
         the whole process.\n\n",
        args.model,
        WAVELENGTHS_UM.len(),
        args.device,
        threads(),
        rival.unwrap_or("no rival"),
        args.repeats * args.rounds,
        args.rounds,
    );
    text += &format!(
        "| {} |\n|{}\n",
        HEADER.join(" | "),
        "---|".repeat(HEADER.len())
    );
    for line in lines {
        text += &format!("| {} |\n", line.join(" | "));
    }
    text
}
