//! `terroir bench brush`: what one sample of a brush stroke costs on labels of several sizes. It should depend on the brush
//! and not on the raster, nor on what is labelled elsewhere. Draws nothing.

use std::time::Instant;

use clap::Args;
use serde_json::json;
use terroir_scene::{Document, Georef, Grid, History, Labels};

use super::{at_share, median};
use crate::cli::failure::{CliError, CliResult};
use crate::cli::output::{Output, table};

/// Pixels between two samples of a stroke: a quick hand.
const STEP: f64 = 12.0;
/// Strokes that lie on the labels before, 5 pixels wide and across the whole raster.
const OTHER_STROKES: usize = 64;

#[derive(Debug, Args)]
pub struct BrushBenchArgs {
    /// Sides of the rasters in pixels; may be given again
    #[arg(long, default_values_t = [1_000, 10_000, 40_000])]
    side: Vec<usize>,
    /// Diameters of the brush in pixels; may be given again
    #[arg(long, default_values_t = [1, 10, 50, 200])]
    diameter: Vec<u32>,
    /// Samples of a stroke
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    samples: u32,
}

/// One raster and one brush; microseconds.
struct Row {
    side: usize,
    labelled_blocks: usize,
    diameter: u32,
    median_us: f64,
    most_us: f64,
}

pub fn run(args: &BrushBenchArgs, output: Output) -> CliResult {
    let mut rows = Vec::new();
    for side in &args.side {
        for strokes in [0, OTHER_STROKES] {
            for diameter in &args.diameter {
                rows.push(measure(*side, strokes, *diameter, args.samples)?);
            }
        }
    }
    if output.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "side": row.side,
                    "labelled_blocks": row.labelled_blocks,
                    "diameter": row.diameter,
                    "median_us": row.median_us,
                    "p99_us": row.most_us,
                })
            })
            .collect();
        return output.print_json(&rows);
    }
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.side.to_string(),
                row.labelled_blocks.to_string(),
                row.diameter.to_string(),
                format!("{:.1}", row.median_us),
                format!("{:.1}", row.most_us),
            ]
        })
        .collect();
    let header = [
        "raster side px",
        "blocks labelled before",
        "brush px",
        "a sample µs, median",
        "99 %",
    ];
    output.print(&table(&header, &lines))
}

/// One stroke as the window draws it: a gesture of many changes, to and fro around the middle.
fn measure(side: usize, strokes: usize, diameter: u32, samples: u32) -> CliResult<Row> {
    let mut labels = Labels::new(Grid {
        width: side,
        height: side,
        georef: Georef::default(),
    });
    let full = || CliError::failed("There is no room for a class.");
    let class_id = labels.add_class("Brush").ok_or_else(full)?;
    let other = labels.add_class("Other").ok_or_else(full)?;
    let end = side as f64;
    for stroke in 0..strokes {
        let y = end * (stroke as f64 + 0.5) / strokes as f64;
        labels.paint_stroke((0.0, y), (end, y), 5.0, other, false);
    }
    let labelled_blocks = labels.blocks.len();
    let mut history = History::new(Document {
        labels: Some(labels),
        ..Document::default()
    });
    history.begin_gesture("Paint");
    let reach = (end * 0.4).min(4000.0);
    let middle = end / 2.0;
    let mut at = (middle, middle);
    let mut times_us = Vec::with_capacity(samples as usize);
    for sample in 0..samples {
        let angle = f64::from(sample) * STEP / reach;
        let radius = reach * (0.2 + 0.8 * (f64::from(sample) / f64::from(samples)));
        let to = (middle + radius * angle.cos(), middle + radius * angle.sin());
        let from = if sample == 0 { to } else { at };
        let start = Instant::now();
        history.change("Paint", |document| {
            if let Some(labels) = &mut document.labels {
                labels.paint_stroke(from, to, f64::from(diameter), class_id, false);
            }
        });
        times_us.push(start.elapsed().as_secs_f64() * 1e6);
        at = to;
    }
    history.end_gesture();
    Ok(Row {
        side,
        labelled_blocks,
        diameter,
        median_us: median(&times_us).unwrap_or(0.0),
        most_us: at_share(&times_us, 0.99).unwrap_or(0.0),
    })
}
