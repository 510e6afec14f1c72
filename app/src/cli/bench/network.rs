//! `terroir bench dofa`, `stp` and `kgvsf`: how fast a network runs and trains on this machine and how much memory that
//! takes, and how PyTorch does with the same network in the same run. Each measurement has a process of its own, ours and the rival's
//! take turns. Knows nothing of scenes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde::{Deserialize, Serialize};
use terroir_engine::{
    KgvsfSpeedCase, Speed, SpeedCase, SpeedKind, StpSpeedCase, join_cores, measure_kgvsf_speed,
    measure_speed, measure_stp_speed,
};

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
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
pub struct StpBenchArgs {
    /// Models to measure, as `terroir models` lists them; their weights do not matter and are seeded
    #[arg(long, default_values = ["stp-tiny", "stp-small"])]
    model: Vec<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
pub struct KgvsfBenchArgs {
    /// Models to measure: kgvsf-tiny, kgvsf-small, kgvsf-base; their weights do not matter and are seeded
    #[arg(long, default_values = ["kgvsf-tiny", "kgvsf-small"])]
    model: Vec<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Device to measure, as `terroir devices` lists it
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Timed runs of a process, after one that is not timed
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
    /// Processes a case; ours and the rival's take turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Measure the same with PyTorch through this script: tests/peers/torch_dofa.py, torch_stp.py or torch_kgvsf.py
    #[arg(long, value_name = "SCRIPT")]
    rival: Option<PathBuf>,
    /// Python of the rival, with torch (and torchvision, timm and torchgeo for DOFA)
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,
    /// Write the result as a table in Markdown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure one case (JSON) in this process and print JSON
    #[arg(long, hide = true)]
    alone: Option<String>,
}

/// What a process measures.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Case {
    Dofa(SpeedCase),
    Stp(StpSpeedCase),
    Kgvsf(KgvsfSpeedCase),
}

impl Case {
    fn kind(&self) -> SpeedKind {
        match self {
            Self::Dofa(case) => case.kind,
            Self::Stp(case) => case.kind,
            Self::Kgvsf(case) => case.kind,
        }
    }

    fn measure(&self) -> CliResult<Speed> {
        Ok(match self {
            Self::Dofa(case) => measure_speed(case)?,
            Self::Stp(case) => measure_stp_speed(case)?,
            Self::Kgvsf(case) => measure_kgvsf_speed(case)?,
        })
    }
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
    what: String,
    kind: SpeedKind,
    gflop: f64,
    ours: Side,
    rival: Option<Side>,
    /// The rival with products of rounded factors, as its matrix units have them; of a card only.
    rival_tf32: Option<Side>,
    /// The rival in half precision, where it was asked.
    rival_bfloat16: Option<Side>,
}

const DOFA_CASES: [(&str, SpeedKind, usize); 4] = [
    ("forward, 1 image", SpeedKind::Forward, 1),
    ("forward, 8 images", SpeedKind::Forward, 8),
    (
        "forward, 1 image, frozen (kernel kept)",
        SpeedKind::ForwardKept,
        1,
    ),
    ("training step, 4 images", SpeedKind::TrainingStep, 4),
];

/// Kind, side of a chip in pixels, rows.
const STP_CASES: [(&str, SpeedKind, usize, usize); 2] = [
    ("forward, 1 chip of 128 pixels", SpeedKind::Forward, 128, 1),
    (
        "training step, 4 chips of 64 pixels",
        SpeedKind::TrainingStep,
        64,
        4,
    ),
];
/// Of Sentinel-2 and Sentinel-1.
const STP_FRAMES: [usize; 2] = [16, 8];

pub fn run_dofa(args: &DofaBenchArgs, output: Output) -> CliResult {
    crate::cli::embed::known_model(&args.model)?;
    let case = |kind, batch| {
        Case::Dofa(SpeedCase {
            kind,
            model: args.model.clone(),
            device: args.how.device.clone(),
            batch,
            wavelengths_um: WAVELENGTHS_UM.to_vec(),
            repeats: args.how.repeats as usize,
        })
    };
    let cases = DOFA_CASES.map(|(what, kind, batch)| (what.to_owned(), case(kind, batch)));
    let title = format!("{}, {} bands", args.model, WAVELENGTHS_UM.len());
    run(&args.how, &title, cases.to_vec(), output)
}

pub fn run_stp(args: &StpBenchArgs, output: Output) -> CliResult {
    let mut cases = Vec::new();
    for model in &args.model {
        for (what, kind, side, batch) in STP_CASES {
            let case = Case::Stp(StpSpeedCase {
                kind,
                model: model.clone(),
                device: args.how.device.clone(),
                batch,
                side,
                frames: STP_FRAMES,
                repeats: args.how.repeats as usize,
            });
            cases.push((format!("{model}, {what}"), case));
        }
    }
    let [optical, radar] = STP_FRAMES;
    let title = format!("Rows of {optical} Sentinel-2 and {radar} Sentinel-1 frames");
    run(&args.how, &title, cases, output)
}

/// Kind and crops of the model's own size; sixteen crops of 64 pixels are a view of 256.
const KGVSF_CASES: [(&str, SpeedKind, usize); 3] = [
    ("forward, 8 crops", SpeedKind::Forward, 8),
    ("training step, 8 crops", SpeedKind::TrainingStep, 8),
    ("other weather, 16 crops", SpeedKind::ForwardKept, 16),
];

pub fn run_kgvsf(args: &KgvsfBenchArgs, output: Output) -> CliResult {
    let mut cases = Vec::new();
    for model in &args.model {
        for (what, kind, batch) in KGVSF_CASES {
            let case = Case::Kgvsf(KgvsfSpeedCase {
                kind,
                model: model.clone(),
                device: args.how.device.clone(),
                batch,
                repeats: args.how.repeats as usize,
            });
            cases.push((format!("{model}, {what}"), case));
        }
    }
    let title = "Six bands, five drivers, a forecast from every image";
    run(&args.how, title, cases, output)
}

fn run(how: &How, title: &str, mut cases: Vec<(String, Case)>, output: Output) -> CliResult {
    if let Some(case) = &how.alone {
        let case: Case = serde_json::from_str(case)
            .map_err(|error| CliError::usage(format!("--alone: {error}")))?;
        join_cores();
        let speed = case.measure()?;
        let peak_mb = resident_mb("VmHWM");
        return output.print_json(&Measured { speed, peak_mb });
    }
    // What the device reaches at its best, to set the networks against.
    let product = SpeedCase {
        kind: SpeedKind::Product,
        model: "dofa-tiny".to_owned(),
        device: how.device.clone(),
        batch: 1,
        wavelengths_um: WAVELENGTHS_UM.to_vec(),
        repeats: how.repeats as usize,
    };
    cases.push((
        "product of two square matrices".to_owned(),
        Case::Dofa(product),
    ));
    let mut rival_name = None;
    let mut rows = Vec::new();
    for (what, case) in cases {
        output.remark(&format!("{what} …"));
        let row = measure_case(how, what, &case, &mut rival_name)?;
        // A card's first minute goes into trials of kernels: what is there already is said.
        output.remark(&words_of(&row));
        rows.push(row);
    }
    if output.json {
        return output.print_json(&rows);
    }
    let lines = lines_of(&rows);
    if let Some(out) = &how.out {
        std::fs::write(out, markdown(how, title, rival_name.as_deref(), &lines))
            .map_err(|error| CliError::file("The table could not be written.", out, &error))?;
    }
    output.print(&table(&HEADER, &lines))
}

fn words_of(row: &Row) -> String {
    let of = |who: &str, side: Option<&Side>| {
        let seconds = median(&side?.seconds)?;
        Some(format!("{who} {seconds:.4} s"))
    };
    let sides = [
        of("Terroir", Some(&row.ours)),
        of("PyTorch", row.rival.as_ref()),
        of("in TF32", row.rival_tf32.as_ref()),
        of("in bf16", row.rival_bfloat16.as_ref()),
    ];
    let sides: Vec<String> = sides.into_iter().flatten().collect();
    format!("  {}", sides.join(", "))
}

fn measure_case(
    how: &How,
    what: String,
    case: &Case,
    rival_name: &mut Option<String>,
) -> CliResult<Row> {
    let mut row = Row {
        what,
        kind: case.kind(),
        gflop: 0.0,
        ours: Side::default(),
        rival: None,
        rival_tf32: None,
        rival_bfloat16: None,
    };
    // What the rival has no counterpart of is ours alone.
    let is_shared = matches!(row.kind, SpeedKind::Forward | SpeedKind::TrainingStep);
    for _ in 0..how.rounds {
        let ours = measure_apart(case)?;
        row.gflop = ours.speed.gflop;
        let peak_mb = ours.speed.card_mb.unwrap_or(ours.peak_mb);
        row.ours.add(&ours.speed.seconds, peak_mb);
        let Some(script) = how.rival.as_ref().filter(|_| is_shared) else {
            continue;
        };
        let sides = [
            (&mut row.rival, Precision::Single),
            (&mut row.rival_tf32, Precision::Tf32),
            (&mut row.rival_bfloat16, Precision::Half),
        ];
        for (side, precision) in sides {
            if precision == Precision::Tf32 && !is_on_card(&ours.speed) {
                continue;
            }
            let theirs = run_rival(how, script, row.kind, &ours.speed, precision)?;
            side.get_or_insert_default()
                .add(&theirs.seconds, theirs.peak_mb);
            *rival_name = Some(theirs.name);
        }
    }
    Ok(row)
}

/// The same command in a process of its own, so that memory is this case's alone.
fn measure_apart(case: &Case) -> CliResult<Measured> {
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
    how: &How,
    script: &Path,
    kind: SpeedKind,
    ours: &Speed,
    precision: Precision,
) -> CliResult<RivalMeasured> {
    let mut plan = ours.shape.clone();
    plan["kind"] = serde_json::json!(kind);
    plan["repeats"] = how.repeats.into();
    plan["threads"] = threads().into();
    plan["warm_ups"] = ours.warm_ups.into();
    plan["tf32"] = (precision == Precision::Tf32).into();
    plan["bfloat16"] = (precision == Precision::Half).into();
    plan["device"] = if is_on_card(ours) { "cuda" } else { "cpu" }.into();
    let needs = "Python with torch (and torchvision, timm and torchgeo for DOFA)";
    ask_rival(&how.python, script, &plan, needs)
}

/// What the rival calculates in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Precision {
    Single,
    Tf32,
    Half,
}

fn is_on_card(speed: &Speed) -> bool {
    speed.device != terroir_engine::CPU
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

const HEADER: [&str; 9] = [
    "measured",
    "Terroir s",
    "PyTorch s",
    "times faster",
    "Terroir MiB",
    "PyTorch MiB",
    "share of the product's speed",
    "PyTorch TF32 s",
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
            let of = |side: &Option<Side>| side.as_ref().and_then(|side| median(&side.seconds));
            let share = ratio(speed(row), peak).map(|share| format!("{:.0} %", 100.0 * share));
            vec![
                row.what.clone(),
                number(ours, 4),
                number(of(&row.rival), 4),
                number(ratio(of(&row.rival), ours), 2),
                number(Some(row.ours.peak_mb), 0),
                number(row.rival.as_ref().map(|side| side.peak_mb), 0),
                share.unwrap_or_else(|| "–".to_owned()),
                number(of(&row.rival_tf32), 4),
                number(of(&row.rival_bfloat16), 4),
            ]
        })
        .collect()
}

fn markdown(how: &How, title: &str, rival: Option<&str>, lines: &[Vec<String>]) -> String {
    let mut text = format!(
        "{title}, device {}, {} threads, {}; medians of {} runs in {} processes taking turns; memory is the peak of the \
         whole process, of a card what the program holds of its memory.\n\n",
        how.device,
        threads(),
        rival.unwrap_or("no rival"),
        how.repeats * how.rounds,
        how.rounds,
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
