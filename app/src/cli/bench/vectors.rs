//! `terroir bench vectors`: how fast the shapes of a file are read, drawn and moved on the canvas, what they take in memory, and
//! what a frame costs the window's thread meanwhile. Knows nothing of rasters.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use terroir_scene::{
    Blend, Crs, Layer, LayerId, LayerSource, VectorLabel, VectorLayer, VectorSource, VectorStyle,
    file_and_layer, read_vector_blocking,
};

use super::canvas::{Random, Stage, size_from};
use super::{at_share, median, resident_mb};
use crate::canvas::{CanvasLayer, VectorInput, Viewport};
use crate::cli::failure::{CliError, CliResult};
use crate::cli::output::{Output, table};

/// Points around a click, as the window looks.
const REACH: f32 = 6.0;
/// Clicks that are timed.
const CLICKS: usize = 200;
const LAYER: LayerId = LayerId(1);

#[derive(Debug, Args)]
pub struct VectorBenchArgs {
    /// A vector file, or `file:layer`
    file: String,
    /// Size of the picture in pixels
    #[arg(long, default_value = "1920x1080", value_parser = size_from)]
    size: [u32; 2],
    /// Times the file is opened; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
    /// Views to draw after the first, zoomed in and moved at random
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    views: u32,
    /// The map's coordinate system; the file's without this
    #[arg(long, value_name = "SYSTEM")]
    crs: Option<String>,
    /// Write this attribute beside the shapes
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
}

/// Seconds, milliseconds and MiB.
#[derive(Default)]
struct Measured {
    read_s: Vec<f64>,
    open_s: Vec<f64>,
    views_s: Vec<f64>,
    /// Frames while tiles of a view are on their way.
    waiting_ms: Vec<f64>,
    /// Frames that move by a few points, and by a third of the picture.
    moving_ms: Vec<f64>,
    panning_ms: Vec<f64>,
    clicks_ms: Vec<f64>,
}

pub fn run(args: &VectorBenchArgs, output: Output) -> CliResult {
    let mut stage = Stage::new(args.size)?;
    stage.frame()?;
    let base_mb = resident_mb("VmRSS");
    let mut found = Measured::default();
    let (path, table_name) = file_and_layer(&args.file);
    let map_crs = args.crs.as_deref().map(Crs::parse).transpose()?;
    let mut data = None;
    for _ in 0..args.repeats {
        stage.renew();
        data = None;
        let start = Instant::now();
        let read = read_vector_blocking(&path, table_name.as_deref(), &Default::default())?;
        found.read_s.push(start.elapsed().as_secs_f64());
        let read = data.insert(Arc::new(read));
        show(&mut stage, read, &path, map_crs.as_ref(), args)?;
        found
            .open_s
            .push(settle(&mut stage, start, &mut found.waiting_ms)?);
    }
    let Some(data) = data else {
        return Err(CliError::usage("--repeats 1 is the least."));
    };
    let whole = *stage.canvas.viewport();
    let mut random = Random(1);
    for _ in 0..args.views {
        let rect = whole.rect();
        let view = Viewport {
            center: (
                rect.min_x + (rect.max_x - rect.min_x) * (0.2 + 0.6 * random.share()),
                rect.min_y + (rect.max_y - rect.min_y) * (0.2 + 0.6 * random.share()),
            ),
            // To a fiftieth of the whole.
            units_per_point: whole.units_per_point * 0.02_f64.powf(random.share()),
            ..whole
        };
        let start = Instant::now();
        stage.canvas.set_viewport(view);
        found
            .views_s
            .push(settle(&mut stage, start, &mut found.waiting_ms)?);
    }
    // The whole layer: every shape is in the view.
    stage.canvas.set_viewport(whole);
    settle(&mut stage, Instant::now(), &mut found.waiting_ms)?;
    for step in 0..120 {
        let mut view = whole;
        view.center.0 += f64::from(8 - (step % 16_i32 - 8).abs()) * whole.units_per_point;
        stage.canvas.set_viewport(view);
        found.moving_ms.push(thread_ms(&mut stage)?);
    }
    for step in 0..60 {
        let mut view = whole;
        view.units_per_point /= 8.0;
        let share = f64::from(step) / 60.0 - 0.5;
        view.center.0 += share * f64::from(whole.size.0) * whole.units_per_point;
        stage.canvas.set_viewport(view);
        found.panning_ms.push(thread_ms(&mut stage)?);
    }
    stage.canvas.set_viewport(whole);
    settle(&mut stage, Instant::now(), &mut found.waiting_ms)?;
    let rect = whole.rect();
    for _ in 0..CLICKS {
        let at = (
            rect.min_x + (rect.max_x - rect.min_x) * random.share(),
            rect.min_y + (rect.max_y - rect.min_y) * random.share(),
        );
        let start = Instant::now();
        std::hint::black_box(stage.canvas.features_at(LAYER, at, REACH));
        found.clicks_ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let more_mb = resident_mb("VmHWM") - base_mb;
    report(&data, &found, more_mb, output)
}

fn show(
    stage: &mut Stage,
    data: &Arc<VectorLayer>,
    path: &Path,
    map_crs: Option<&Crs>,
    args: &VectorBenchArgs,
) -> CliResult {
    let mut style = VectorStyle::fresh(data, 0);
    if let Some(attribute) = &args.label {
        style.label = Some(VectorLabel {
            attribute: attribute.clone(),
            size: 12.0,
        });
    }
    let layer = Arc::new(Layer {
        id: LAYER,
        name: "shapes".to_owned(),
        source: LayerSource::Vector(Box::new(VectorSource {
            path: path.to_owned(),
            table: data.table.clone(),
            crs: data.crs.clone(),
            style,
        })),
        style: None,
        visible: true,
        opacity: 1.0,
        blend: Blend::Normal,
        missing_color: None,
        edited_wavelengths: Vec::new(),
        attribution: None,
    });
    stage.crs = map_crs.or(data.crs.as_ref()).cloned();
    let input = VectorInput {
        data: data.clone(),
        chosen: Arc::new([]),
    };
    stage.canvas.set_vectors(HashMap::from([(LAYER, input)]));
    stage.layers = vec![CanvasLayer::new(layer.clone())];
    // The view of the layer is made with the first frame.
    stage.frame()?;
    let extent = stage
        .canvas
        .layer_extent(&layer, stage.crs.as_ref())
        .ok_or_else(|| CliError::failed("The shapes have no place on the map."))?;
    stage.canvas.zoom_to(extent);
    Ok(())
}

/// As [`Stage::settle`], with what each frame costs.
fn settle(stage: &mut Stage, start: Instant, frames_ms: &mut Vec<f64>) -> CliResult<f64> {
    let whole = stage.settle_with(start, |cost| {
        frames_ms.push(cost.thread.as_secs_f64() * 1e3);
    })?;
    Ok(whole.whole.as_secs_f64())
}

fn thread_ms(stage: &mut Stage) -> CliResult<f64> {
    Ok(stage.frame()?.thread.as_secs_f64() * 1e3)
}

fn report(data: &VectorLayer, found: &Measured, more_mb: f64, output: Output) -> CliResult {
    let most = |values: &[f64]| at_share(values, 1.0).unwrap_or(0.0);
    let middle = |values: &[f64]| median(values).unwrap_or(0.0);
    let rows = [
        ("read, median, s", middle(&found.read_s)),
        ("open to whole picture, median, s", middle(&found.open_s)),
        (
            "new view to whole picture, median, s",
            middle(&found.views_s),
        ),
        (
            "new view to whole picture, slowest, s",
            most(&found.views_s),
        ),
        (
            "frame while it is drawn, median, ms",
            middle(&found.waiting_ms),
        ),
        (
            "frame while it is drawn, slowest, ms",
            most(&found.waiting_ms),
        ),
        (
            "frame while moving a little, median, ms",
            middle(&found.moving_ms),
        ),
        (
            "frame while moving a little, slowest, ms",
            most(&found.moving_ms),
        ),
        (
            "frame while moving on, median, ms",
            middle(&found.panning_ms),
        ),
        (
            "frame while moving on, slowest, ms",
            most(&found.panning_ms),
        ),
        ("click, median, ms", middle(&found.clicks_ms)),
        ("click, slowest, ms", most(&found.clicks_ms)),
        ("memory beyond the empty canvas, peak, MiB", more_mb),
    ];
    let (features, vertices) = (data.features(), data.shapes.vertices());
    if output.json {
        let figures: HashMap<&str, f64> = rows.into_iter().collect();
        return output.print_json(
            &json!({ "features": features, "vertices": vertices, "figures": figures }),
        );
    }
    output.remark(&format!("{features} shapes, {vertices} vertices"));
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|(what, value)| vec![(*what).to_owned(), format!("{value:.2}")])
        .collect();
    output.print(&table(&["measured", "Terroir"], &lines))
}
