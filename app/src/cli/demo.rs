//! `terroir demo`: the whole way once on the bundled sample, without a window and without a GPU.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::json;
use terroir_engine::{AssessSpec, EmbedSpec, JobSpec, Outcome, PredictSpec, TrainSpec};
use terroir_scene::{HeadKind, Raster, credit_of, default_style_blocking};

use crate::assets::{SAMPLE_ATTRIBUTION, SAMPLE_REFERENCE_ATTRIBUTION, Sample, sample};

use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, run_job};
use super::output::{Output, table};
use super::picture::write_png;
use super::render::draw;

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for everything the demo writes
    #[arg(long, default_value = "terroir-demo")]
    out: PathBuf,
    /// The model, as `terroir models` lists it
    #[arg(long, default_value = "dofa-tiny")]
    model: String,
    /// `auto`, `cpu` or a name as `terroir devices` lists it
    #[arg(long, default_value = "cpu")]
    device: String,
}

/// One step of the demo and what it measured.
struct Step {
    name: &'static str,
    seconds: f64,
    outcome: Outcome,
}

pub fn run(args: &DemoArgs, output: Output) -> CliResult {
    super::embed::known_model_of(&args.model, "DOFA")?;
    let sample = sample().ok_or_else(|| {
        CliError::failed(
            "The bundled sample was not found. Set TERROIR_ASSETS to the folder that holds `sample`, or install Terroir again.",
        )
    })?;
    std::fs::create_dir_all(&args.out)
        .map_err(|error| CliError::file("The folder could not be made.", &args.out, &error))?;
    let cancel = CancelFlag::on_ctrl_c()?;
    let mut steps = Vec::new();
    for (name, spec) in jobs(args, &sample) {
        output.remark(&format!("{name} …"));
        let start = Instant::now();
        let outcome = run_job(&spec, output, &cancel)?;
        steps.push(Step {
            name,
            seconds: start.elapsed().as_secs_f64(),
            outcome,
        });
    }
    let pictures = draw_pictures(&sample, &args.out)?;
    report(args, &steps, &pictures, output)
}

fn jobs(args: &DemoArgs, sample: &Sample) -> [(&'static str, JobSpec); 4] {
    let at = |name: &str| args.out.join(name);
    [
        (
            "Field of the scene",
            JobSpec::Embed(EmbedSpec {
                scene: sample.scene(),
                model: args.model.clone(),
                weights: super::embed::weights_of(&args.model, None, false),
                device: args.device.clone(),
                out: at("field.tif"),
                wavelengths_nm: Vec::new(),
                bands: Vec::new(),
                seed: 0,
                aoi: None,
            }),
        ),
        (
            "Head from the training labels",
            JobSpec::Train(TrainSpec {
                class_weights: Vec::new(),
                neighbours: None,
                field: at("field.tif"),
                labels: sample.labels(),
                class_attribute: Some("class".into()),
                kind: HeadKind::Logistic,
                out: at("head.json"),
                folds: 0,
                seed: 0,
            }),
        ),
        (
            "Class map and confidence",
            JobSpec::Predict(PredictSpec {
                probabilities: false,
                uncertainty: None,
                field: at("field.tif"),
                head: at("head.json"),
                out: at("map.tif"),
                aoi: None,
            }),
        ),
        (
            "Accuracy on the held-out reference",
            JobSpec::Assess(AssessSpec {
                map: at("map.tif"),
                reference: sample.reference(),
                class_attribute: None,
                is_stratified_sample: false,
                scene: Some(sample.scene()),
                with_kappa: false,
                out: at("report.json"),
            }),
        ),
    ]
}

/// Scene, field, map and confidence as pictures, each drawn as the window would first show it.
fn draw_pictures(sample: &Sample, folder: &Path) -> CliResult<Vec<PathBuf>> {
    let rasters = [
        (sample.scene(), "scene.png"),
        (folder.join("field.tif"), "field.png"),
        (folder.join("map.tif"), "map.png"),
        (folder.join("map_confidence.tif"), "confidence.png"),
    ];
    let mut pictures = Vec::new();
    for (path, name) in rasters {
        let raster = Raster::open(&path)?;
        let style = default_style_blocking(&raster)?;
        let picture = folder.join(name);
        let drawn = draw(&raster, &style, None, None, Some(912))?;
        write_png(&drawn, credit_of(raster.info()).as_deref(), &picture)?;
        pictures.push(picture);
    }
    Ok(pictures)
}

fn report(args: &DemoArgs, steps: &[Step], pictures: &[PathBuf], output: Output) -> CliResult {
    let folder = args.out.canonicalize().unwrap_or_else(|_| args.out.clone());
    let attributions = [SAMPLE_ATTRIBUTION, SAMPLE_REFERENCE_ATTRIBUTION];
    let weights = match super::embed::weights_of(&args.model, None, false) {
        Some(_) => "trained",
        None => "untrained",
    };
    if output.json {
        let steps: Vec<_> = steps
            .iter()
            .map(|step| json!({ "step": step.name, "seconds": step.seconds, "outcome": step.outcome }))
            .collect();
        return output.print_json(&json!({
            "folder": folder, "model": args.model, "weights": weights, "device": args.device,
            "steps": steps, "pictures": pictures, "attribution": attributions,
        }));
    }
    let mut text = format!(
        "Model {} ({weights}), device {}\n\n",
        args.model, args.device
    );
    for step in steps {
        text += &format!("{} ({:.1} s)\n", step.name, step.seconds);
        if !step.outcome.summary.is_empty() {
            text += &format!("  {}\n", step.outcome.summary);
        }
    }
    text += "\nWritten:\n";
    let files = steps
        .iter()
        .flat_map(|step| &step.outcome.files)
        .chain(pictures);
    for file in files {
        text += &format!("  {}\n", file.display());
    }
    let figures: Vec<Vec<String>> = steps
        .last()
        .map(|step| {
            step.outcome
                .metrics
                .iter()
                .map(|(name, value)| vec![name.clone(), figure(*value)])
                .collect()
        })
        .unwrap_or_default();
    text += "\nMeasured on reference pixels that trained nothing:\n";
    text += &table(&["figure", "value"], &figures);
    text += &format!("\n{}\n", attributions.join("\n"));
    output.print(&text)
}

fn figure(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}
