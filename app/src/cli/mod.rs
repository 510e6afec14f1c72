//! The command line: one file a subcommand. Knows the engine and the scene; draws no window itself.

mod area;
mod assess;
mod bands;
mod bench;
mod calc;
mod change;
mod classes;
mod cluster;
mod companions;
mod composite;
mod crop;
mod demo;
mod devices;
mod doctor;
mod embed;
mod embed_series;
mod evaluate;
mod export;
mod failure;
mod finetune;
mod forecast;
mod info;
mod job;
mod layout;
mod legend;
mod merge;
mod models;
mod output;
mod overlay;
mod overviews;
mod pca;
mod picture;
mod polygons;
mod predict;
mod pretrain;
mod pretrain_kgvsf;
mod pretrain_stp;
mod profile;
mod reconstruct;
mod regress;
mod render;
mod reproduce;
mod sample;
mod series;
mod shard;
mod similar;
mod soil;
mod suggest;
mod time_profile;
mod train;
mod vector_info;
mod view;
mod weather;
mod weather_reading;
mod worker;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use terroir_scene::{
    AssignedCrs, Crs, allow_address, assign_systems, is_remote, recognise_product,
};

use failure::{CliError, CliResult};
use output::Output;
pub(crate) use output::size_text;

use crate::window::{Language, WindowOptions};

/// Classify Earth-observation scenes: from a scene and a few labels to a map with its accuracy.
///
/// Without a subcommand a window opens, showing FILES or the bundled sample.
#[derive(Debug, Parser)]
#[command(
    name = "terroir",
    version = crate::version::text(),
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage. Results go to standard output, everything else to standard error."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Rasters, sensor products, addresses, vector files or a project (.terroir) to open in the window
    files: Vec<PathBuf>,

    /// Write a picture of the window once everything is drawn, then close it
    #[arg(long, value_name = "PNG")]
    screenshot: Option<PathBuf>,

    /// Language of the window for this time: en, de, fr, es, pt or zh
    #[arg(long, value_name = "CODE", value_parser = language_of)]
    language: Option<Language>,

    /// Write how long the frames took to this file when the window closes
    #[arg(long, value_name = "TXT")]
    frame_log: Option<PathBuf>,

    #[command(flatten)]
    global: GlobalOptions,
}

#[derive(Clone, Debug, Args)]
struct GlobalOptions {
    /// Print the result as one JSON document
    #[arg(long, global = true)]
    json: bool,
    /// Show the details of errors and what the libraries say
    #[arg(long, short, global = true)]
    verbose: bool,
    /// No progress and no remarks, only results, warnings and errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// The coordinate system of a raster whose file names none, or of those in a folder, as EPSG code, WKT or PROJ string; may be
    /// repeated. The files stay as they are
    #[arg(long, global = true, value_name = "FILE=SYSTEM", value_parser = assigned_crs, help_heading = "Options")]
    assign_crs: Vec<AssignedCrs>,
}

/// `scene.tif=EPSG:32629`; the first `=` parts, since WKT and PROJ strings hold more of them.
fn assigned_crs(text: &str) -> Result<AssignedCrs, String> {
    let (path, crs) = text
        .split_once('=')
        .ok_or("write FILE=SYSTEM, for example scene.tif=EPSG:32629")?;
    Ok(AssignedCrs {
        path: path.into(),
        crs: Crs::parse(crs).map_err(|error| error.to_string())?,
    })
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a raster or vector file holds, or which dates a series has and how cloudy they are
    Info(info::InfoArgs),
    /// Draw a raster to a PNG picture; needs no GPU
    Render(render::RenderArgs),
    /// Follow a place through the dates of a series: bands and indices, clouds marked
    TimeProfile(time_profile::TimeProfileArgs),
    /// Show what the bands of rasters hold at a place
    Profile(profile::ProfileArgs),
    /// Show daily weather of any known source, check it against images, convert and draw it
    Weather(weather::WeatherArgs),
    /// Compute the field of a scene, or of dated images: 64 numbers a pixel that heads are trained on
    Embed(embed::EmbedArgs),
    /// Draw what a model over time believes a sensor would have seen on a day
    Reconstruct(reconstruct::ReconstructArgs),
    /// Fit a head on a field and labels, with blocked cross-validation
    Train(train::TrainArgs),
    /// Fine-tune a model on a scene and its labels: classes of pixels or patches, or measured values
    Finetune(finetune::FinetuneArgs),
    /// Say where to label next: places a head is unsure of and unlike what is labelled
    Suggest(suggest::SuggestArgs),
    /// Make a map: from a field and a head, or from a scene and a fine-tuned model
    Predict(predict::PredictArgs),
    /// Compare a map with reference labels: confusion matrix and accuracy
    Assess(assess::AssessArgs),
    /// Draw a random sample of a map to be checked, so that its areas can be estimated
    Sample(sample::SampleArgs),
    /// Outline the classes of a map as polygons with their areas
    Polygons(polygons::PolygonsArgs),
    /// Lay a raster out as a map sheet: title, legend, scale bar, north arrow, date and attribution (PDF, PNG, SVG)
    Layout(layout::LayoutArgs),
    /// Find what in a field is like some places: as a mask, as polygons, as a list
    Similar(similar::SimilarArgs),
    /// Fit colours on one or several fields, so that pictures of years and places can be compared
    Pca(pca::PcaArgs),
    /// Work out a formula or a spectral index over a scene's bands
    Calc(calc::CalcArgs),
    /// Make one image out of many dated ones: median, mean, greenest, or the waves of the year
    Composite(composite::CompositeArgs),
    /// Map crops from images, weather and labels, also of a season that has not ended
    ///
    /// A field of images and weather up to a day, its accuracy beside the raw images', a classifier and a map; each step is a command
    /// of its own, too (embed, evaluate field, train, predict).
    Crop(Box<crop::CropArgs>),
    /// Forecast images of days that were not seen, or fill the gaps of those that were
    Forecast(Box<forecast::ForecastArgs>),
    /// Find what changed between two fields of one place
    Change(change::ChangeArgs),
    /// Group the pixels of a field by what they are like, without labels
    Cluster(cluster::ClusterArgs),
    /// Map a value that was measured at some places, from a field
    Regress(regress::RegressArgs),
    /// Estimate soil moisture from stations, weather and dated images; validated at stations held out
    Soil(soil::SoilArgs),
    /// Compare fields and other descriptions of the ground on your own labels
    Evaluate(evaluate::EvaluateArgs),
    /// List the classes of a table, style, project or map, and write them as another table; of a project also what is labelled
    Classes(classes::ClassesArgs),
    /// Convert maps to pictures and labels to other vector formats
    Export(export::ExportArgs),
    /// Join the shards of a field or a map, made with --shard, to the file a single run would have made
    Merge(merge::MergeArgs),
    /// Build overviews of a raster, so that the whole of it is drawn at once
    Overviews(overviews::OverviewsArgs),
    /// Train a model on your own scenes without labels
    Pretrain(pretrain::PretrainArgs),
    /// List the compute devices of this machine
    Devices,
    /// Check what Terroir needs on this machine, and say what to do about what is broken
    Doctor,
    /// List the models this build can run; get, import, verify and remove their weights
    Models(models::ModelsArgs),
    /// Do the whole job on the bundled sample without a window
    Demo(demo::DemoArgs),
    /// Measure how fast models embed and the canvas draws on this machine
    Bench(bench::BenchArgs),
    /// Run the job again that made a field or a map
    Reproduce(reproduce::ReproduceArgs),
    /// Serve jobs over standard input and output (the window starts this)
    Worker,
    /// Open files before the window does, over standard input and output (the window starts this)
    #[command(hide = true)]
    Trial,
}

/// Runs the command line; 0 = done, 1 = failed, 2 = wrong usage.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    // Naming an address on the command line is asking for it.
    for arg in args.iter().map(Path::new).filter(|arg| is_remote(arg)) {
        allow_address(arg);
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version arrive here too, with exit code 0 and meant for standard output.
            error.print().ok();
            return if error.use_stderr() {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let output = Output {
        json: cli.global.json,
        verbose: cli.global.verbose,
        quiet: cli.global.quiet,
    };
    assign_systems(cli.global.assign_crs.clone());
    install_panic_words(output.verbose);
    install_log(output.verbose, cli.command.is_none());
    let result = std::panic::catch_unwind(|| dispatch(cli, output));
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            let message = error.message(output.verbose);
            if !message.is_empty() {
                output::say(message.trim_end());
            }
            error.exit_code()
        }
        // The hook has already said what there is to say.
        Err(_) => ExitCode::from(1),
    }
}

fn dispatch(cli: Cli, output: Output) -> CliResult {
    match cli.command {
        None => open_window(&cli.files, cli.screenshot, cli.language, cli.frame_log),
        Some(Command::Info(args)) => info::run(&args, output),
        Some(Command::Render(args)) => render::run(&args, output),
        Some(Command::TimeProfile(args)) => time_profile::run(&args, output),
        Some(Command::Profile(args)) => profile::run(&args, output),
        Some(Command::Weather(args)) => weather::run(&args, output),
        Some(Command::Embed(args)) => embed::run(&args, output),
        Some(Command::Reconstruct(args)) => reconstruct::run(&args, output),
        Some(Command::Train(args)) => train::run(&args, output),
        Some(Command::Finetune(args)) => finetune::run(&args, output),
        Some(Command::Suggest(args)) => suggest::run(&args, output),
        Some(Command::Predict(args)) => predict::run(&args, output),
        Some(Command::Assess(args)) => assess::run(&args, output),
        Some(Command::Sample(args)) => sample::run(&args, output),
        Some(Command::Polygons(args)) => polygons::run(&args, output),
        Some(Command::Layout(args)) => layout::run(&args, output),
        Some(Command::Similar(args)) => similar::run(&args, output),
        Some(Command::Pca(args)) => pca::run(&args, output),
        Some(Command::Calc(args)) => calc::run(&args, output),
        Some(Command::Composite(args)) => composite::run(&args, output),
        Some(Command::Crop(args)) => crop::run(&args, output),
        Some(Command::Forecast(args)) => forecast::run(&args, output),
        Some(Command::Change(args)) => change::run(&args, output),
        Some(Command::Cluster(args)) => cluster::run(&args, output),
        Some(Command::Regress(args)) => regress::run(&args, output),
        Some(Command::Soil(args)) => soil::run(&args, output),
        Some(Command::Evaluate(args)) => evaluate::run(&args, output),
        Some(Command::Classes(args)) => classes::run(&args, output),
        Some(Command::Export(args)) => export::run(&args, output),
        Some(Command::Merge(args)) => merge::run(&args, output),
        Some(Command::Overviews(args)) => overviews::run(&args, output),
        Some(Command::Pretrain(args)) => pretrain::run(&args, output),
        Some(Command::Devices) => devices::run(output),
        Some(Command::Doctor) => doctor::run(output),
        Some(Command::Models(args)) => models::run(&args, output),
        Some(Command::Demo(args)) => demo::run(&args, output),
        Some(Command::Bench(args)) => bench::run(&args, output),
        Some(Command::Reproduce(args)) => reproduce::run(&args, output),
        Some(Command::Worker) => worker::run(),
        Some(Command::Trial) => {
            terroir_engine::trial_main();
            Ok(())
        }
    }
}

fn language_of(code: &str) -> Result<Language, String> {
    let found = Language::ALL.into_iter().find(|known| known.code() == code);
    found.ok_or_else(|| "The window speaks en, de, fr, es, pt and zh.".to_owned())
}

/// Opens the window on files that exist; a word that is no file is taken for a mistyped subcommand.
fn open_window(
    files: &[PathBuf],
    screenshot: Option<PathBuf>,
    language: Option<Language>,
    frame_log: Option<PathBuf>,
) -> CliResult {
    let is_there = |file: &PathBuf| file.exists() || recognise_product(file).is_some();
    for file in files.iter().filter(|file| !is_there(file)) {
        let name = file.to_string_lossy();
        // Names of sub-datasets (NETCDF:"a.nc":band) are for GDAL to judge.
        if name.contains(':') {
            continue;
        }
        if name.contains(['.', '/', '\\']) {
            return Err(CliError::failed(format!(
                "There is no such file; check the path.\n{name}"
            )));
        }
        return Err(CliError::usage(format!(
            "There is no subcommand and no file called {name}."
        )));
    }
    if cfg!(target_os = "linux") {
        let has = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
            .into_iter()
            .any(has)
        {
            return Err(CliError::failed(
                "There is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set). \
                 `terroir demo` does the whole job without a window.",
            ));
        }
    }
    let options = WindowOptions {
        files: files.to_vec(),
        sample: true,
        screenshot,
        language,
        system_language: Language::of_system(),
        types_paths: false,
        frame_log,
        ..WindowOptions::default()
    };
    crate::window::open_window(options).map_err(|error| CliError::failed(format!("{error:#}")))
}

/// A fault of our own ends in words, not in a trace; the place is kept for a report.
fn install_panic_words(verbose: bool) {
    std::panic::set_hook(Box::new(move |info| {
        output::say(if info.payload_as_str().is_some_and(is_starved) {
            "terroir: There is not enough memory to start the threads of this task. Your files are as they were. Close other programs and run it again."
        } else {
            "terroir: Terroir met a fault of its own and stopped this task. Your files are as they were. Please report it with the command you ran."
        });
        if verbose {
            let place = info
                .location()
                .map(|place| format!(" ({}:{})", place.file(), place.line()))
                .unwrap_or_default();
            let words = info.payload_as_str().unwrap_or("no further words");
            output::say(&format!("Details: {words}{place}"));
        } else {
            output::say("(--verbose shows the details.)");
        }
    }));
}

/// Whether a library gave up because the system let it have no thread, which is what no memory looks like first.
fn is_starved(words: &str) -> bool {
    words.contains("ThreadPoolBuildError") || words.contains("failed to spawn thread")
}

/// What libraries log: to standard error with `--verbose`, and into the log panel of a window.
struct Log {
    prints: bool,
    records: bool,
}

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        self.prints || self.records && crate::log_records::is_kept(metadata)
    }
    fn log(&self, record: &log::Record) {
        if self.records {
            crate::log_records::keep(record);
        }
        if self.prints {
            output::say(&format!(
                "{}: {}: {}",
                record.level().as_str().to_lowercase(),
                record.target(),
                record.args()
            ));
        }
    }
    fn flush(&self) {}
}

fn install_log(prints: bool, records: bool) {
    if !prints && !records {
        return;
    }
    let log = Box::new(Log { prints, records });
    if log::set_boxed_logger(log).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
}
