//! `terroir bench`: how fast models embed on this machine, measured on a real scene.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use terroir_engine::{EmbedSpec, JobSpec};
use terroir_scene::Raster;

use crate::assets::sample;

use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, run_job};
use super::output::{Output, table};

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The scene to embed; the bundled sample without this
    file: Option<PathBuf>,
    /// Models to measure, as `terroir models` lists them; may be given again
    #[arg(long, default_value = "dofa-tiny")]
    model: Vec<String>,
    /// Device to measure, as `terroir devices` lists it
    #[arg(long, default_value = "auto")]
    device: String,
}

pub fn run(args: &BenchArgs, output: Output) -> CliResult {
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
