//! `terroir bench field`: how fast heads are fitted and fields mapped on this machine, and how NumPy and scikit-learn do with
//! the same arrays in the same run. What streams over a large field is measured in a process of its own, whose memory is read.
//! Knows heads and fields; knows nothing of scenes or networks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terroir_engine::{JobSpec, PredictSpec, run_here};
use terroir_scene::{
    Class, FIELD_AXES, FitOptions, GeoTransform, Georef, Grid, Head, HeadKind, LabelUse, Labels,
    MapKind, MapWriter, NO_CLASS, Predictor, Raster, Style, TrainingPixel, class_color,
    decode_pixel, encode_pixel, field_composite, fit_pca_of_blocking,
};

use super::{ask_rival, median, resident_mb};
use crate::cli::failure::{CliError, CliResult};
use crate::cli::output::{Output, table};

const CLASSES: usize = 8;
const TRAINING: usize = 2_000;
const MANY_TRAINING: usize = 10_000;
const NEIGHBOURS: usize = 500;
/// Distinct pixels the arrays repeat.
const DISTINCT: usize = 1 << 16;
/// Side of the tile that large fields repeat.
const TILE: usize = 1_024;
/// A full-HD view.
const VIEW: (usize, usize) = (1_920, 1_080);

#[derive(Debug, Args)]
pub struct FieldBenchArgs {
    /// Pixels of the linear prediction
    #[arg(long, default_value_t = 4_194_304, value_parser = clap::value_parser!(u32).range(1024..=33_554_432))]
    pixels: u32,
    /// Pixels of the nearest neighbours and of the forest
    #[arg(long, default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(1024..=4_194_304))]
    few_pixels: u32,
    /// Side of the field whose principal components are fitted, pixels: 10000 are a hundred million
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(64..=100_000))]
    pca_side: u32,
    /// Side of the field that is mapped from file to file, pixels
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(64..=100_000))]
    map_side: u32,
    /// Memory the mapping process may take, MiB
    #[arg(long, default_value_t = 2_048)]
    memory_mb: u32,
    /// Timed runs, after one that is not timed
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    repeats: u32,
    /// Measure the same with NumPy and scikit-learn through this script, e.g. tests/peers/sklearn_field.py
    #[arg(long, value_name = "SCRIPT")]
    rival: Option<PathBuf>,
    /// Python of the rival, with numpy and scikit-learn
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,
    /// Write the result as a table in Markdown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure one streaming case (JSON) in this process and print JSON
    #[arg(long, hide = true)]
    alone: Option<String>,
}

/// What one process streams over.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "case")]
enum Alone {
    Pca {
        field: PathBuf,
    },
    Map {
        field: PathBuf,
        head: PathBuf,
        out: PathBuf,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    seconds: f64,
    peak_mb: f64,
}

#[derive(Debug, Deserialize)]
struct RivalMeasured {
    name: String,
    seconds: Vec<f64>,
    pixels: usize,
}

#[derive(Debug, Serialize)]
struct Row {
    what: String,
    ours_seconds: f64,
    rival: Option<String>,
    rival_seconds: Option<f64>,
    times_faster: Option<f64>,
    /// Share of pixels both give the same class.
    agreement: Option<f64>,
    million_pixels_a_second: Option<f64>,
    peak_mb: Option<f64>,
}

pub fn run(args: &FieldBenchArgs, output: Output) -> CliResult {
    if let Some(case) = &args.alone {
        let case: Alone = serde_json::from_str(case)
            .map_err(|error| CliError::usage(format!("--alone: {error}")))?;
        return output.print_json(&measure_alone(&case)?);
    }
    let folder = std::env::temp_dir().join(format!("terroir-bench-field-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .map_err(|error| CliError::file("The folder could not be made.", &folder, &error))?;
    let measured = Bench {
        args,
        output,
        folder: &folder,
        rows: Vec::new(),
    }
    .run();
    std::fs::remove_dir_all(&folder).ok();
    let rows = measured?;
    if output.json {
        return output.print_json(&rows);
    }
    let lines = lines_of(&rows);
    if let Some(out) = &args.out {
        std::fs::write(out, markdown(args, &lines))
            .map_err(|error| CliError::file("The table could not be written.", out, &error))?;
    }
    output.print(&table(&HEADER, &lines))
}

/// Numbers that look random and are always the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// -1 to 1.
    fn even(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

/// Pixels of eight kinds of ground that overlap: the code of each axis, and the class.
fn ground(count: usize, seed: u64) -> Vec<([i8; FIELD_AXES], usize)> {
    let mut middles = Random(0x5EED_1234_5678_9ABD);
    let middles: Vec<[f32; FIELD_AXES]> = (0..CLASSES)
        .map(|_| std::array::from_fn(|_| middles.even()))
        .collect();
    let mut random = Random(seed | 1);
    (0..count)
        .map(|index| {
            let class = index % CLASSES;
            let vector = std::array::from_fn(|axis| middles[class][axis] + 1.6 * random.even());
            (encode_pixel(&vector), class)
        })
        .collect()
}

fn planar(pixels: &[([i8; FIELD_AXES], usize)], count: usize) -> Vec<i8> {
    (0..FIELD_AXES)
        .flat_map(|axis| {
            pixels
                .iter()
                .cycle()
                .take(count)
                .map(move |(codes, _)| codes[axis])
        })
        .collect()
}

fn training(count: usize) -> Vec<TrainingPixel> {
    ground(count, 99)
        .iter()
        .filter_map(|(codes, class)| {
            Some(TrainingPixel {
                vector: decode_pixel(codes)?,
                class: *class,
                weight: 1.0,
            })
        })
        .collect()
}

fn classes() -> Vec<Class> {
    (1..=CLASSES as u8)
        .map(|id| Class {
            id,
            name: format!("class {id}"),
            color: class_color(id),
        })
        .collect()
}

fn fitted(kind: HeadKind, pixels: &[TrainingPixel]) -> CliResult<Head> {
    Ok(Head::fit(
        &FitOptions::new(kind),
        &classes(),
        pixels,
        &|| false,
    )?)
}

struct Bench<'a> {
    args: &'a FieldBenchArgs,
    output: Output,
    folder: &'a Path,
    rows: Vec<Row>,
}

impl Bench<'_> {
    fn run(mut self) -> CliResult<Vec<Row>> {
        let pixels = ground(DISTINCT, 7);
        self.live_loop()?;
        for (task, kind) in [("logistic", HeadKind::Logistic), ("ridge", HeadKind::Ridge)] {
            let what = format!("fit {}, {TRAINING} pixels", kind.name().to_lowercase());
            self.fit(&what, task, kind, TRAINING)?;
        }
        let many = self.args.pixels as usize;
        let codes = planar(&pixels, many);
        self.map(
            "linear prediction",
            &["linear"],
            HeadKind::Logistic,
            TRAINING,
            &codes,
            many,
        )?;
        drop(codes);
        let few = self.args.few_pixels as usize;
        let codes = planar(&pixels, few);
        let what = format!("nearest neighbours, {NEIGHBOURS} labelled pixels");
        let rivals = ["knn_loop", "knn_product"];
        self.map(
            &what,
            &rivals,
            HeadKind::Neighbours,
            NEIGHBOURS,
            &codes,
            few,
        )?;
        for count in [TRAINING, MANY_TRAINING] {
            let what = format!("fit random forest, {count} pixels");
            self.fit(&what, "forest_fit", HeadKind::Forest, count)?;
        }
        let rivals = ["forest_predict"];
        self.map(
            "random forest prediction",
            &rivals,
            HeadKind::Forest,
            TRAINING,
            &codes,
            few,
        )?;
        drop(codes);
        self.streaming(&pixels)?;
        Ok(self.rows)
    }

    /// Median seconds of some work, after once without the clock.
    fn time<T>(&self, mut work: impl FnMut() -> CliResult<T>) -> CliResult<(f64, T)> {
        let mut answer = work()?;
        let mut seconds = Vec::new();
        for _ in 0..self.args.repeats {
            let start = Instant::now();
            answer = work()?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        Ok((median(&seconds).unwrap_or(0.0), answer))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> CliResult<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, bytes)
            .map_err(|error| CliError::file("The arrays could not be written.", &path, &error))?;
        Ok(path)
    }

    fn alone(&mut self, what: &str, ours_seconds: f64) {
        self.rows.push(Row {
            what: what.to_owned(),
            ours_seconds,
            rival: None,
            rival_seconds: None,
            times_faster: None,
            agreement: None,
            million_pixels_a_second: None,
            peak_mb: None,
        });
    }

    /// What follows a stroke, part by part, on the processor; the canvas draws the last part on the graphics device.
    fn live_loop(&mut self) -> CliResult<()> {
        self.output.remark("from stroke to map …");
        let grid = Grid {
            width: VIEW.0,
            height: VIEW.1,
            georef: Georef::default(),
        };
        let mut labels = Labels::new(grid);
        for class in classes() {
            labels.set_class(class);
        }
        for stroke in 0..CLASSES {
            let (x, y) = (60.5 + 200.0 * stroke as f64, 300.5);
            labels.paint_stroke((x, y), (x + 45.0, y), 5.0, stroke as u8 + 1, false);
        }
        let (seconds, pixels) = self.time(|| Ok(labels.pixels_for(LabelUse::Train)))?;
        self.alone(
            &format!("stroke: {} labelled pixels listed", pixels.len()),
            seconds,
        );
        let train = training(TRAINING);
        let names = classes();
        let (seconds, head) = self.time(|| {
            let head =
                terroir_scene::LinearHead::fit(HeadKind::Logistic, &names, &train, &|| false)?;
            Ok(head)
        })?;
        self.alone(
            &format!("stroke: head fitted, {TRAINING} pixels, {CLASSES} classes"),
            seconds,
        );
        let count = VIEW.0 * VIEW.1;
        let codes = planar(&ground(DISTINCT, 7), count);
        let style = Style::FieldClasses { head };
        let (seconds, _) = self.time(|| Ok(field_composite(&codes, count, &style)))?;
        self.alone(
            "stroke: full-HD view coloured by the shader's twin",
            seconds,
        );
        Ok(())
    }

    fn fit(&mut self, what: &str, task: &str, kind: HeadKind, count: usize) -> CliResult<()> {
        self.output.remark(&format!("{what} …"));
        let pixels = training(count);
        let (seconds, _) = self.time(|| fitted(kind, &pixels))?;
        let plan = self.plan(task, &pixels, None)?;
        let rival = self.rival(&plan)?;
        self.compare(what, seconds, count, rival, None);
        Ok(())
    }

    fn map(
        &mut self,
        what: &str,
        tasks: &[&str],
        kind: HeadKind,
        count: usize,
        codes: &[i8],
        pixels: usize,
    ) -> CliResult<()> {
        self.output.remark(&format!("{what} …"));
        let train = training(count);
        let head = fitted(kind, &train)?;
        let predictor = Predictor::new(&head);
        let (seconds, verdicts) = self.time(|| Ok(predictor.judge(codes, pixels, None, false)))?;
        for task in tasks {
            // A loop over pixels in Python is left with what it can do in a minute.
            let part = if *task == "knn_loop" {
                pixels.min(4_096)
            } else {
                pixels
            };
            let own: Vec<i8> = (0..FIELD_AXES)
                .flat_map(|axis| codes[axis * pixels..axis * pixels + part].iter().copied())
                .collect();
            let mut plan = self.plan(task, &train, Some((&own, part)))?;
            if let Some(linear) = head.linear() {
                let weights: Vec<f32> = linear.weights.concat();
                plan["weights"] = json!(self.file("weights.f32", bytemuck::cast_slice(&weights))?);
                plan["bias"] = json!(self.file("bias.f32", bytemuck::cast_slice(&linear.bias))?);
            }
            let rival = self.rival(&plan)?;
            let answers = rival
                .is_some()
                .then(|| std::fs::read(self.folder.join("answers.u8")).ok())
                .flatten();
            let agreement = answers.map(|answers| {
                let same = answers
                    .iter()
                    .zip(&verdicts.class)
                    .filter(|(a, b)| a == b && **b != NO_CLASS)
                    .count();
                same as f64 / answers.len().max(1) as f64
            });
            let name = match *task {
                "knn_loop" => format!("{what}; beside a loop in float64"),
                "knn_product" => format!("{what}; beside one product in float32"),
                _ => what.to_owned(),
            };
            self.compare(&name, seconds, pixels, rival, agreement);
            if let Some(row) = self.rows.last_mut() {
                row.million_pixels_a_second = Some(pixels as f64 / 1e6 / seconds);
            }
        }
        Ok(())
    }

    fn plan(
        &self,
        task: &str,
        train: &[TrainingPixel],
        field: Option<(&[i8], usize)>,
    ) -> CliResult<serde_json::Value> {
        let vectors: Vec<f32> = train.iter().flat_map(|pixel| pixel.vector).collect();
        let labels: Vec<u8> = train.iter().map(|pixel| pixel.class as u8).collect();
        let (codes, pixels) = match field {
            Some((codes, pixels)) if self.args.rival.is_some() => (
                Some(self.file("codes.i8", bytemuck::cast_slice(codes))?),
                pixels,
            ),
            _ => (None, 0),
        };
        Ok(json!({
            "task": task,
            "vectors": self.file("vectors.f32", bytemuck::cast_slice(&vectors))?,
            "labels": self.file("labels.u8", &labels)?,
            "rows": train.len(), "classes": CLASSES, "codes": codes, "pixels": pixels,
            "repeats": self.args.repeats, "threads": threads(), "answers": self.folder.join("answers.u8"),
        }))
    }

    fn rival(&self, plan: &serde_json::Value) -> CliResult<Option<RivalMeasured>> {
        let Some(script) = &self.args.rival else {
            return Ok(None);
        };
        let needs = "Python with numpy and scikit-learn";
        ask_rival(&self.args.python, script, plan, needs).map(Some)
    }

    /// Seconds of the rival are scaled where it did fewer pixels.
    fn compare(
        &mut self,
        what: &str,
        seconds: f64,
        pixels: usize,
        rival: Option<RivalMeasured>,
        agreement: Option<f64>,
    ) {
        self.alone(what, seconds);
        let (Some(row), Some(rival)) = (self.rows.last_mut(), rival) else {
            return;
        };
        let share = if rival.pixels > 0 {
            pixels as f64 / rival.pixels as f64
        } else {
            1.0
        };
        let theirs = median(&rival.seconds).map(|seconds| seconds * share);
        row.times_faster = theirs
            .filter(|_| seconds > 0.0)
            .map(|theirs| theirs / seconds);
        row.rival_seconds = theirs;
        row.rival = Some(rival.name);
        row.agreement = agreement;
    }

    /// Principal components and a map of fields too large for memory.
    fn streaming(&mut self, pixels: &[([i8; FIELD_AXES], usize)]) -> CliResult<()> {
        let tile = self.folder.join("tile.tif");
        write_tile(&tile, pixels)?;
        let pca_field = self.folder.join("pca_field.vrt");
        write_repeats(&pca_field, &tile, self.args.pca_side as usize)?;
        let count = f64::from(self.args.pca_side).powi(2);
        self.output.remark("principal components …");
        let measured = self.apart(&Alone::Pca { field: pca_field }, None)?;
        let what = format!("principal components of {:.1} million pixels", count / 1e6);
        self.streamed(&what, &measured, count);
        if self.args.rival.is_some() {
            let part = self.args.pixels as usize;
            let codes = planar(pixels, part);
            let plan = self.plan("pca", &training(16), Some((&codes, part)))?;
            let rival = self.rival(&plan)?;
            let row = self.rows.pop();
            self.compare(&what, measured.seconds, count as usize, rival, None);
            if let (Some(new), Some(old)) = (self.rows.last_mut(), row) {
                new.million_pixels_a_second = old.million_pixels_a_second;
                new.peak_mb = old.peak_mb;
            }
        }

        let head = self.folder.join("head.json");
        fitted(HeadKind::Logistic, &training(TRAINING))?.save(&head)?;
        let field = self.folder.join("map_field.vrt");
        write_repeats(&field, &tile, self.args.map_side as usize)?;
        let count = f64::from(self.args.map_side).powi(2);
        self.output.remark("a map from file to file …");
        let out = self.folder.join("map.tif");
        let case = Alone::Map { field, head, out };
        let measured = self.apart(&case, Some(self.args.memory_mb))?;
        let what = format!(
            "map of {:.1} million pixels from file to file, {} MiB allowed",
            count / 1e6,
            self.args.memory_mb
        );
        self.streamed(&what, &measured, count);
        Ok(())
    }

    fn streamed(&mut self, what: &str, measured: &Measured, pixels: f64) {
        self.alone(what, measured.seconds);
        if let Some(row) = self.rows.last_mut() {
            row.million_pixels_a_second = Some(pixels / 1e6 / measured.seconds.max(1e-9));
            row.peak_mb = Some(measured.peak_mb);
        }
    }

    /// The same command in a process of its own, under a limit of its address space where one is given.
    fn apart(&self, case: &Alone, limit_mb: Option<u32>) -> CliResult<Measured> {
        let failed = |details: String| CliError::Failed {
            what:
                "The measurement did not come to an end; the reason stands above or in the details."
                    .to_owned(),
            details: Some(details),
        };
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let case = serde_json::to_string(case).map_err(|error| failed(error.to_string()))?;
        let mut command = match limit_mb {
            Some(limit) if cfg!(unix) => {
                let mut shell = Command::new("sh");
                let limit = format!("ulimit -v {}; exec \"$0\" \"$@\"", u64::from(limit) * 1024);
                shell.args(["-c", &limit]).arg(program);
                shell
            }
            _ => Command::new(program),
        };
        let child = command
            .args(["bench", "field", "--json", "--alone", &case])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&child.stdout).map_err(|error| failed(error.to_string()))
    }
}

fn measure_alone(case: &Alone) -> CliResult<Measured> {
    let start = Instant::now();
    match case {
        Alone::Pca { field } => {
            fit_pca_of_blocking(&[Raster::open(field)?], true, &mut |_| true)?;
        }
        Alone::Map { field, head, out } => {
            let spec = JobSpec::Predict(PredictSpec {
                probabilities: false,
                field: field.clone(),
                head: head.clone(),
                uncertainty: None,
                out: out.clone(),
                aoi: None,
            });
            run_here(&spec, &mut |_| {}, &|| false)?;
        }
    }
    Ok(Measured {
        seconds: start.elapsed().as_secs_f64(),
        peak_mb: resident_mb("VmHWM"),
    })
}

/// A field of [`TILE`] pixels a side in patches of 16 pixels, so that it takes little space and little time to unpack.
fn write_tile(path: &Path, pixels: &[([i8; FIELD_AXES], usize)]) -> CliResult<()> {
    let grid = Grid {
        width: TILE,
        height: TILE,
        georef: Georef {
            transform: Some(GeoTransform([
                500_000.0,
                10.0,
                0.0,
                4_000_000.0,
                0.0,
                -10.0,
            ])),
            ..Georef::default()
        },
    };
    let mut codes = vec![0u8; FIELD_AXES * TILE * TILE];
    for (axis, plane) in codes.chunks_exact_mut(TILE * TILE).enumerate() {
        for (at, code) in plane.iter_mut().enumerate() {
            let patch = (at / TILE / 16) * (TILE / 16) + at % TILE / 16;
            *code = pixels[(patch * 31) % pixels.len()].0[axis] as u8;
        }
    }
    let mut writer = MapWriter::create(path, &grid, MapKind::Field)?;
    writer.write_bytes(grid.window(), &codes)?;
    writer.finish(&Vec::new())?;
    Ok(())
}

/// A virtual raster that repeats the tile to a square of `side` pixels, so that a field of any size takes no space.
fn write_repeats(path: &Path, tile: &Path, side: usize) -> CliResult<()> {
    let tile_info = Raster::open(tile)?;
    let name = tile.file_name().unwrap_or_default().to_string_lossy();
    for signed in [true, false] {
        let mut text = format!(
            "<VRTDataset rasterXSize=\"{side}\" rasterYSize=\"{side}\">\n\
             <GeoTransform>500000, 10, 0, 4000000, 0, -10</GeoTransform>\n"
        );
        for (number, band) in (1..).zip(&tile_info.info().bands) {
            let (kind, mark) = if signed {
                ("Int8", "")
            } else {
                (
                    "Byte",
                    "<Metadata domain=\"IMAGE_STRUCTURE\"><MDI key=\"PIXELTYPE\">SIGNEDBYTE</MDI></Metadata>",
                )
            };
            text += &format!(
                "<VRTRasterBand dataType=\"{kind}\" band=\"{number}\" blockXSize=\"512\" blockYSize=\"512\">\
                 <Description>{}</Description>{mark}<NoDataValue>-128</NoDataValue>\n",
                band.name
            );
            for row in (0..side).step_by(TILE) {
                for col in (0..side).step_by(TILE) {
                    let (width, height) = (TILE.min(side - col), TILE.min(side - row));
                    text += &format!(
                        "<SimpleSource><SourceFilename relativeToVRT=\"1\" shared=\"1\">{name}</SourceFilename>\
                         <SourceBand>{number}</SourceBand>\
                         <SourceProperties RasterXSize=\"{TILE}\" RasterYSize=\"{TILE}\" DataType=\"{kind}\" BlockXSize=\"512\" BlockYSize=\"512\"/>\
                         <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{width}\" ySize=\"{height}\"/>\
                         <DstRect xOff=\"{col}\" yOff=\"{row}\" xSize=\"{width}\" ySize=\"{height}\"/></SimpleSource>\n"
                    );
                }
            }
            text += "</VRTRasterBand>\n";
        }
        text += "</VRTDataset>\n";
        std::fs::write(path, text)
            .map_err(|error| CliError::file("The field could not be written.", path, &error))?;
        // Which way of saying "signed bytes" is understood depends on the version of GDAL.
        if Raster::open(path).is_ok_and(|raster| raster.info().is_field()) {
            return Ok(());
        }
    }
    Err(CliError::failed(
        "A large field could not be put together: GDAL reads the repeats of signed bytes in no way tried.",
    ))
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

const HEADER: [&str; 7] = [
    "measured",
    "Terroir s",
    "other s",
    "times faster",
    "same answers",
    "Mpixel/s",
    "peak MiB",
];

fn lines_of(rows: &[Row]) -> Vec<Vec<String>> {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
    };
    rows.iter()
        .map(|row| {
            let what = match &row.rival {
                Some(rival) => format!("{} ({rival})", row.what),
                None => row.what.clone(),
            };
            vec![
                what,
                format!("{:.4}", row.ours_seconds),
                number(row.rival_seconds, 4),
                number(row.times_faster, 1),
                row.agreement
                    .map_or_else(|| "–".to_owned(), |share| format!("{:.2} %", 100.0 * share)),
                number(row.million_pixels_a_second, 2),
                number(row.peak_mb, 0),
            ]
        })
        .collect()
}

fn markdown(args: &FieldBenchArgs, lines: &[Vec<String>]) -> String {
    let mut text = format!(
        "{FIELD_AXES} axes, {CLASSES} classes, {} threads; medians of {} runs after one that was not timed, both sides in one \
         run on the same arrays; {} pixels for the linear prediction, {} for neighbours and forest.\n\n",
        threads(),
        args.repeats,
        args.pixels,
        args.few_pixels
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
