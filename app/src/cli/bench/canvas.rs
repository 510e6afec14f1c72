//! `terroir bench canvas`: how fast a raster opens and moves on the canvas, how much memory that takes, and how QGIS and
//! GDAL do on the same file in the same run. Each raster is measured in a process of its own. Knows nothing of models.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use clap::Args;
use serde::{Deserialize, Serialize};
use terroir_scene::{
    Crs, Layer, LayerId, LayerSource, MapRect, Raster, Resampling, Style, Window,
    default_style_blocking, keep_warm,
};

use super::{ask_rival, at_share, median, resident_mb};
use crate::canvas::offscreen::{FrameCost, Offscreen};
use crate::canvas::{Canvas, CanvasLayer, Viewport};
use crate::cli::failure::{CliError, CliResult};
use crate::cli::output::{Output, table};

/// Frames wait this long for the next tile before they look again, as the window does.
const TILE_WAIT: Duration = Duration::from_secs(1);
/// Wishes for a frame that may wait.
const WAKES: usize = 256;
/// A picture that is not whole by then is given up.
const PATIENCE: Duration = Duration::from_secs(300);
/// A rival gets no further repeats after this long.
const RIVAL_PATIENCE_S: u64 = 150;
/// Side of the region whose windows are read for throughput.
const READ_SIDE: usize = 4096;
const READ_WINDOW: usize = 512;

#[derive(Debug, Args)]
pub struct CanvasBenchArgs {
    /// Rasters to open, one after the other
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Size of the picture in pixels
    #[arg(long, default_value = "1920x1080", value_parser = size_from)]
    size: [u32; 2],
    /// Times a raster is opened; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
    /// Views to draw after the first, zoomed in and moved at random
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    views: u32,
    /// Draw the same with QGIS through this script, e.g. tests/peers/qgis_canvas.py
    #[arg(long, value_name = "SCRIPT")]
    rival: Option<PathBuf>,
    /// Write the result as a table in Markdown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure one raster in this process and print JSON
    #[arg(long, hide = true)]
    alone: bool,
}

pub(super) fn size_from(text: &str) -> Result<[u32; 2], String> {
    let size = text
        .split_once('x')
        .and_then(|(width, height)| Some([width.parse().ok()?, height.parse().ok()?]));
    match size {
        Some([width, height]) if (64..=8192).contains(&width) && (64..=8192).contains(&height) => {
            Ok([width, height])
        }
        _ => Err("a size is written 1920x1080, each side between 64 and 8192".to_owned()),
    }
}

/// What was measured of one raster; seconds and MiB.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    file: PathBuf,
    adapter: String,
    width: usize,
    height: usize,
    bands: usize,
    has_overviews: bool,
    /// The first picture is a sample of the file's blocks.
    is_coarse: bool,
    /// From opening the file to a picture without gaps, be it coarse, and to the view's own tiles.
    first_s: Vec<f64>,
    open_s: Vec<f64>,
    /// From a new view to its whole picture.
    views_s: Vec<f64>,
    /// Frames that move inside tiles in memory.
    moving_thread_ms: Vec<f64>,
    moving_device_ms: Vec<f64>,
    moving_reads: u64,
    /// From another stretch to the whole picture.
    restyle_s: f64,
    restyle_reads: u64,
    base_mb: f64,
    peak_mb: f64,
    /// Megapixels a second, one thread: our windows.
    read_mpx_s: f64,
    /// Map rectangles of the views, for the rival.
    extents: Vec<[f64; 4]>,
}

#[derive(Debug, Deserialize)]
struct Rival {
    name: String,
    open_s: Vec<f64>,
    views_s: Vec<f64>,
    base_mb: f64,
    peak_mb: f64,
}

/// A raster's side of the comparison, rivals included.
struct Row {
    ours: Measured,
    qgis: Option<Rival>,
    gdal_mpx_s: Option<f64>,
}

pub fn run(args: &CanvasBenchArgs, output: Output) -> CliResult {
    if args.alone {
        let file = args
            .files
            .first()
            .ok_or_else(|| CliError::usage("a raster is needed"))?;
        return output.print_json(&measure(file, args)?);
    }
    let mut rows = Vec::new();
    for file in &args.files {
        output.remark(&format!("{}: Terroir", file.display()));
        let ours = measure_apart(file, args)?;
        let gdal_mpx_s = gdal_translate(&ours);
        let qgis = match &args.rival {
            Some(script) => {
                output.remark(&format!("{}: rival", file.display()));
                Some(run_rival(script, args, &ours)?)
            }
            None => None,
        };
        rows.push(Row {
            ours,
            qgis,
            gdal_mpx_s,
        });
    }
    if output.json {
        let ours: Vec<&Measured> = rows.iter().map(|row| &row.ours).collect();
        return output.print_json(&ours);
    }
    let (header, lines) = lines_of(&rows);
    if let Some(out) = &args.out {
        let text = markdown(&rows, &header, &lines, args);
        std::fs::write(out, text)
            .map_err(|error| CliError::file("The table could not be written.", out, &error))?;
    }
    output.print(&table(&header, &lines))
}

/// The same command in a process of its own, so that memory is this raster's alone.
fn measure_apart(file: &Path, args: &CanvasBenchArgs) -> CliResult<Measured> {
    let program = std::env::current_exe().map_err(|error| {
        CliError::file("The program was not found.", Path::new("terroir"), &error)
    })?;
    let size = format!("{}x{}", args.size[0], args.size[1]);
    let child = Command::new(program)
        .args(["bench", "canvas", "--alone", "--size", &size])
        .args(["--repeats", &args.repeats.to_string()])
        .args(["--views", &args.views.to_string()])
        .arg(file)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| CliError::file("The measurement did not start.", file, &error))?;
    if !child.status.success() {
        return Err(CliError::failed(format!(
            "The raster could not be measured; the reason stands above.\n{}",
            file.display()
        )));
    }
    serde_json::from_slice(&child.stdout).map_err(|error| CliError::Failed {
        what: format!("The measurement was not readable.\n{}", file.display()),
        details: Some(error.to_string()),
    })
}

/// A canvas that is drawn into a texture.
pub(super) struct Stage {
    offscreen: Offscreen,
    pub canvas: Canvas,
    pub layers: Vec<CanvasLayer>,
    pub crs: Option<Crs>,
    /// When the canvas wants its next frame.
    woken: Receiver<Instant>,
}

/// How one picture came to be.
pub(super) struct Settled {
    first: Option<Duration>,
    pub whole: Duration,
}

impl Stage {
    pub fn new(size: [u32; 2]) -> CliResult<Self> {
        let offscreen = Offscreen::new(size).map_err(|error| CliError::Failed {
            what: "There is no graphics device to draw with, not even a software one.".to_owned(),
            details: Some(error),
        })?;
        let (canvas, woken) = canvas_on(&offscreen);
        Ok(Self {
            offscreen,
            canvas,
            layers: Vec::new(),
            crs: None,
            woken,
        })
    }

    /// Forgets every tile: a new canvas with new readers.
    pub fn renew(&mut self) {
        let (canvas, woken) = canvas_on(&self.offscreen);
        self.canvas = canvas;
        self.woken = woken;
    }

    pub fn frame(&mut self) -> CliResult<FrameCost> {
        let Self {
            offscreen,
            canvas,
            layers,
            crs,
            ..
        } = self;
        offscreen
            .frame(|ui| {
                canvas.show(ui, layers, crs.as_ref(), false);
            })
            .map_err(|error| CliError::Failed {
                what: "The graphics device does not answer any more.".to_owned(),
                details: Some(error),
            })
    }

    /// Draws frames as the window would, one whenever a tile arrives, until the picture is whole.
    fn settle(&mut self, start: Instant) -> CliResult<Settled> {
        self.settle_with(start, |_| ())
    }

    /// The same; `each` hears what every frame costs.
    pub fn settle_with(
        &mut self,
        start: Instant,
        mut each: impl FnMut(&FrameCost),
    ) -> CliResult<Settled> {
        let mut first = None;
        loop {
            // A frame shows all that is there: as in the window, wishes from before it are met.
            while self.woken.try_recv().is_ok() {}
            let cost = self.frame()?;
            each(&cost);
            if first.is_none() && self.canvas.is_covered() {
                first = Some(start.elapsed());
            }
            if !self.canvas.is_loading() {
                return Ok(Settled {
                    first,
                    whole: start.elapsed(),
                });
            }
            if start.elapsed() > PATIENCE {
                return Err(CliError::failed(
                    "The picture was not whole after five minutes.",
                ));
            }
            if !cost.wants_more {
                self.wait();
            }
        }
    }

    /// Until the canvas wants a frame.
    fn wait(&self) {
        let mut due = Instant::now() + TILE_WAIT;
        while let Ok(wanted) = self
            .woken
            .recv_timeout(due.saturating_duration_since(Instant::now()))
        {
            due = due.min(wanted);
        }
    }

    /// Goes on until nothing is read ahead of the view any more: what moving reads then, it reads for itself.
    fn rest(&mut self) -> CliResult {
        let start = Instant::now();
        while !self.canvas.is_at_rest() && start.elapsed() < PATIENCE {
            self.frame()?;
            self.wait();
        }
        Ok(())
    }
}

fn canvas_on(offscreen: &Offscreen) -> (Canvas, Receiver<Instant>) {
    let (sender, woken) = sync_channel(WAKES);
    let wake = Arc::new(move |wait| {
        // When many wait already, a frame comes soon anyway.
        sender.try_send(Instant::now() + wait).ok();
    });
    (Canvas::new(offscreen.render_state(), wake), woken)
}

fn layer_of(raster: &Raster, style: Style) -> CanvasLayer {
    let info = raster.info();
    let layer = Layer {
        id: LayerId(1),
        name: "scene".to_owned(),
        source: LayerSource::Raster {
            path: info.path.clone(),
            info: Some(Arc::new(info.clone())),
        },
        style: Some(style),
        visible: true,
        opacity: 1.0,
        blend: terroir_scene::Blend::Normal,
        missing_color: None,
        edited_wavelengths: Vec::new(),
        attribution: None,
    };
    CanvasLayer::new(Arc::new(layer))
}

fn measure(file: &Path, args: &CanvasBenchArgs) -> CliResult<Measured> {
    let mut stage = Stage::new(args.size)?;
    stage.frame()?;
    let base_mb = resident_mb("VmRSS");
    let (mut first_s, mut open_s) = (Vec::new(), Vec::new());
    let mut is_coarse = false;
    for _ in 0..args.repeats {
        stage.renew();
        stage.layers.clear();
        let start = Instant::now();
        let raster = Raster::open(file)?;
        let style = default_style_blocking(&raster)?;
        stage.crs = raster.info().grid.crs().cloned();
        let input = layer_of(&raster, style);
        keep_warm(raster);
        let extent = stage
            .canvas
            .layer_extent(&input.layer, stage.crs.as_ref())
            .ok_or_else(|| CliError::failed("The raster has no place on the map."))?;
        stage.layers = vec![input];
        stage.canvas.zoom_to(extent);
        let settled = stage.settle(start)?;
        first_s.push(settled.first.unwrap_or(settled.whole).as_secs_f64());
        open_s.push(settled.whole.as_secs_f64());
        is_coarse = !stage.canvas.coarse_layers().is_empty();
    }
    let raster = Raster::open(file)?;
    let info = raster.info();
    let extent = stage
        .layers
        .first()
        .and_then(|input| stage.canvas.layer_extent(&input.layer, stage.crs.as_ref()))
        .ok_or_else(|| CliError::failed("The raster has no place on the map."))?;
    let pixel = stage.canvas.viewport().units_per_point;
    let finest = (extent.max_x - extent.min_x) / info.grid.width as f64;

    // Views as a hand would choose them: somewhere, at any scale between all and single pixels.
    let mut random = Random(1);
    let mut extents = Vec::new();
    let mut views_s = Vec::new();
    for _ in 0..args.views {
        let view = Viewport {
            center: (
                extent.min_x + (extent.max_x - extent.min_x) * random.share(),
                extent.min_y + (extent.max_y - extent.min_y) * random.share(),
            ),
            units_per_point: pixel * (finest / pixel).min(1.0).powf(random.share()),
            size: (args.size[0] as f32, args.size[1] as f32),
        };
        let rect: MapRect = view.rect();
        extents.push([rect.min_x, rect.min_y, rect.max_x, rect.max_y]);
        let start = Instant::now();
        stage.canvas.set_viewport(view);
        views_s.push(stage.settle(start)?.whole.as_secs_f64());
    }

    // Moving inside tiles that are there: one point to and fro, and zooming a little.
    let settled = *stage.canvas.viewport();
    stage.rest()?;
    let before = stage.canvas.counts().reads.reads;
    let (mut moving_thread_ms, mut moving_device_ms) = (Vec::new(), Vec::new());
    for step in 0..120 {
        let shift = f64::from(8 - (step % 16_i32 - 8).abs()) * settled.units_per_point;
        let mut view = settled;
        view.center.0 += shift;
        view.center.1 -= shift / 2.0;
        stage.canvas.set_viewport(view);
        let cost = stage.frame()?;
        moving_thread_ms.push(cost.thread.as_secs_f64() * 1e3);
        moving_device_ms.push(cost.device.as_secs_f64() * 1e3);
    }
    stage.canvas.set_viewport(settled);
    stage.settle(Instant::now())?;
    let moving_reads = stage.canvas.counts().reads.reads - before;

    let before = stage.canvas.counts().reads.reads;
    let start = Instant::now();
    if let Some(input) = stage.layers.first_mut() {
        let mut layer = Layer::clone(&input.layer);
        if let Some(style) = &mut layer.style {
            darken(style);
        }
        input.layer = Arc::new(layer);
    }
    let restyle_s = stage.settle(start)?.whole.as_secs_f64();
    let restyle_reads = stage.canvas.counts().reads.reads - before;

    Ok(Measured {
        file: file.to_owned(),
        adapter: stage.offscreen.adapter_name(),
        width: info.grid.width,
        height: info.grid.height,
        bands: info.bands.len(),
        has_overviews: info
            .bands
            .first()
            .is_some_and(|band| !band.overviews.is_empty()),
        is_coarse,
        first_s,
        open_s,
        views_s,
        moving_thread_ms,
        moving_device_ms,
        moving_reads,
        restyle_s,
        restyle_reads,
        base_mb,
        peak_mb: resident_mb("VmHWM"),
        read_mpx_s: read_speed(&raster)?,
        extents,
    })
}

/// Another stretch of the same bands.
fn darken(style: &mut Style) {
    match style {
        Style::Rgb { stretch, .. } => stretch.iter_mut().for_each(|limits| limits.high *= 1.5),
        Style::Gray { stretch, .. } => stretch.high *= 1.5,
        _ => {}
    }
}

/// The region of `read_speed`: column, row, side.
fn read_region(width: usize, height: usize) -> Window {
    let side = READ_SIDE.min(width).min(height);
    Window {
        col: (width - side) / 2 / READ_WINDOW * READ_WINDOW,
        row: (height - side) / 2 / READ_WINDOW * READ_WINDOW,
        width: side,
        height: side,
    }
}

/// Three bands of a region in windows as the canvas reads them, one thread; megapixels (of one band) a second.
fn read_speed(raster: &Raster) -> CliResult<f64> {
    let info = raster.info();
    let bands: Vec<usize> = (0..info.bands.len().min(3)).collect();
    let region = read_region(info.grid.width, info.grid.height);
    let start = Instant::now();
    let mut pixels = 0;
    for row in (region.row..region.end_row()).step_by(READ_WINDOW) {
        for col in (region.col..region.end_col()).step_by(READ_WINDOW) {
            let window = Window {
                col,
                row,
                width: READ_WINDOW.min(region.end_col() - col),
                height: READ_WINDOW.min(region.end_row() - row),
            };
            raster.read_blocking(
                &bands,
                window,
                window.width,
                window.height,
                Resampling::Nearest,
            )?;
            pixels += window.pixels() * bands.len();
        }
    }
    Ok(pixels as f64 / 1e6 / start.elapsed().as_secs_f64())
}

/// The same region and bands through `gdal_translate` into memory; `None` where GDAL's tools are not installed.
fn gdal_translate(ours: &Measured) -> Option<f64> {
    let region = read_region(ours.width, ours.height);
    let bands = ours.bands.min(3);
    let mut command = Command::new("gdal_translate");
    command.args(["-q", "-of", "GTiff", "-co", "TILED=YES"]);
    for band in 1..=bands {
        command.args(["-b", &band.to_string()]);
    }
    let window = [region.col, region.row, region.width, region.height].map(|n| n.to_string());
    command.arg("-srcwin").args(window);
    command.arg(&ours.file).arg("/vsimem/windows.tif");
    let start = Instant::now();
    let status = command.stderr(Stdio::null()).status().ok()?;
    let seconds = start.elapsed().as_secs_f64();
    status
        .success()
        .then(|| (region.pixels() * bands) as f64 / 1e6 / seconds)
}

fn run_rival(script: &Path, args: &CanvasBenchArgs, ours: &Measured) -> CliResult<Rival> {
    let file = std::path::absolute(&ours.file).unwrap_or_else(|_| ours.file.clone());
    let plan = serde_json::json!({
        "file": file,
        "size": args.size,
        "repeats": args.repeats,
        "views": ours.extents,
        "patience_s": RIVAL_PATIENCE_S,
    });
    let python = Path::new("/usr/bin/python3");
    ask_rival(python, script, &plan, "QGIS with its Python bindings")
}

const HEADER: [&str; 4] = ["measured", "Terroir", "rival", "ratio"];

fn lines_of(rows: &[Row]) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let number = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3} {unit}"))
    };
    let mut lines = Vec::new();
    for row in rows {
        let Row {
            ours,
            qgis,
            gdal_mpx_s,
        } = row;
        let name = ours
            .file
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let name = if ours.is_coarse {
            format!("{name} (first picture: a sample of its blocks)")
        } else {
            name
        };
        let mut add = |what: &str, a: Option<f64>, b: Option<f64>, unit: &str| {
            let ratio = match (a, b) {
                (Some(a), Some(b)) if b > 0.0 => format!("{:.3}", a / b),
                _ => String::new(),
            };
            lines.push(vec![
                format!("{name}: {what}"),
                number(a, unit),
                number(b, unit),
                ratio,
            ]);
        };
        let theirs = |pick: fn(&Rival) -> &[f64]| qgis.as_ref().and_then(|q| median(pick(q)));
        add(
            "open to a picture without gaps",
            median(&ours.first_s),
            None,
            "s",
        );
        add(
            "open to whole picture (rival: QGIS)",
            median(&ours.open_s),
            theirs(|q| &q.open_s),
            "s",
        );
        add(
            "new view to whole picture, median (QGIS)",
            median(&ours.views_s),
            theirs(|q| &q.views_s),
            "s",
        );
        add(
            "new view to whole picture, slowest (QGIS)",
            at_share(&ours.views_s, 1.0),
            qgis.as_ref().and_then(|q| at_share(&q.views_s, 1.0)),
            "s",
        );
        add(
            "frame while moving, thread, median",
            median(&ours.moving_thread_ms),
            None,
            "ms",
        );
        add(
            "frame while moving, thread, 99 %",
            at_share(&ours.moving_thread_ms, 0.99),
            None,
            "ms",
        );
        add(
            "frame while moving, device, median",
            median(&ours.moving_device_ms),
            None,
            "ms",
        );
        add(
            "reads while moving",
            Some(ours.moving_reads as f64),
            None,
            "",
        );
        add(
            "other stretch to whole picture",
            Some(ours.restyle_s),
            None,
            "s",
        );
        add("reads for it", Some(ours.restyle_reads as f64), None, "");
        add(
            "memory beyond the empty window, peak (QGIS)",
            Some(ours.peak_mb - ours.base_mb),
            qgis.as_ref().map(|q| q.peak_mb - q.base_mb),
            "MiB",
        );
        add(
            "reading, one thread (gdal_translate)",
            Some(ours.read_mpx_s),
            *gdal_mpx_s,
            "Mpx/s",
        );
    }
    (HEADER.to_vec(), lines)
}

fn markdown(
    rows: &[Row],
    header: &[&str],
    lines: &[Vec<String>],
    args: &CanvasBenchArgs,
) -> String {
    let adapter = rows.first().map_or("", |row| row.ours.adapter.as_str());
    let rival = rows
        .iter()
        .find_map(|row| row.qgis.as_ref())
        .map_or("no rival", |qgis| qgis.name.as_str());
    let mut text = format!(
        "Picture {} x {}, {} threads, adapter {adapter}, {rival}; medians of {} opened files and {} views; files in the \
         system's cache.\n\n",
        args.size[0],
        args.size[1],
        std::thread::available_parallelism().map_or(1, usize::from),
        args.repeats,
        args.views,
    );
    text += &format!(
        "| {} |\n|{}\n",
        header.join(" | "),
        "---|".repeat(header.len())
    );
    for line in lines {
        text += &format!("| {} |\n", line.join(" | "));
    }
    text
}

/// A small generator, so that every run and the rival draw the same views.
pub(super) struct Random(pub u64);

impl Random {
    /// 0..1.
    pub fn share(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}
