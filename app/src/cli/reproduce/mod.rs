//! `terroir reproduce`: runs the job that made a field or a map again, and compares.

mod differences;
mod inputs;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use terroir_engine::{
    CropFigure, CropResults, CropSeason, Evaluation, ForecastMethod, JobSpec, command_line,
    reproduce_spec,
};
use terroir_scene::{
    AssignedCrs, FutureWeather, Period, Raster, RasterInfo, assign_systems, find_series_blocking,
    is_remote,
};

use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, run_job};
use super::output::Output;

use differences::Differences;
use inputs::{find_archive, find_area, find_crop_inputs, find_input, find_shapes};

#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// A field or a map written by Terroir, the report of an evaluation or the results of crop maps (.json)
    file: PathBuf,
    /// Where the second one goes; <stem>_again beside the first without this
    #[arg(long)]
    out: Option<PathBuf>,
    /// Only print the command line that does it
    #[arg(long)]
    print: bool,
}

pub fn run(args: &ReproduceArgs, output: Output) -> CliResult {
    if args.file.extension().is_some_and(|ending| ending == "json") {
        return match CropResults::read_blocking(&args.file) {
            Ok(results) => crops_again(args, &results, output),
            Err(_) => evaluation_again(args, output),
        };
    }
    let raster = Raster::open(&args.file)?;
    let mut out = args.out.clone().unwrap_or_else(|| again(&args.file));
    if out
        .canonicalize()
        .is_ok_and(|out| args.file.canonicalize().is_ok_and(|file| file == out))
    {
        return Err(CliError::usage(
            "--out is the file itself: choose another name.",
        ));
    }
    // Also how its inputs were made; here only the last step counts, and its inputs must still be there.
    let Some(mut spec) = reproduce_spec(&args.file)?.pop() else {
        return Err(CliError::failed(format!(
            "The file does not say how it was made.\n{}",
            args.file.display()
        )));
    };
    let folder = args.file.parent().unwrap_or(Path::new(""));
    // Of a shard the same shard is made again, and only that.
    let (whole, shard) = match &mut spec {
        JobSpec::Shard(spec) => (&mut *spec.of, Some(spec.shard)),
        whole => (whole, None),
    };
    match whole {
        JobSpec::Embed(embed) => {
            find_input(&mut embed.scene, folder)?;
            if let Some(weights) = &mut embed.weights {
                find_input(weights, folder)?;
            }
            find_area(&mut embed.aoi, folder)?;
            embed.out = out.clone();
        }
        JobSpec::Predict(predict) => {
            find_input(&mut predict.field, folder)?;
            find_input(&mut predict.head, folder)?;
            find_area(&mut predict.aoi, folder)?;
            predict.out = out.clone();
        }
        JobSpec::Calc(calc) => {
            find_input(&mut calc.scene, folder)?;
            calc.out = out.clone();
        }
        JobSpec::MapScene(map) => {
            find_input(&mut map.scene, folder)?;
            find_input(&mut map.model_file, folder)?;
            find_area(&mut map.aoi, folder)?;
            map.out = out.clone();
        }
        JobSpec::Change(change) => {
            find_input(&mut change.before, folder)?;
            find_input(&mut change.after, folder)?;
            for field in &mut change.also {
                find_input(field, folder)?;
            }
            change.out = out.clone();
        }
        JobSpec::Cluster(cluster) => {
            find_input(&mut cluster.field, folder)?;
            if let Some(from) = &mut cluster.from {
                find_input(from, folder)?;
            }
            cluster.out = out.clone();
        }
        JobSpec::Regress(regress) => {
            find_input(&mut regress.field, folder)?;
            if let Some(head) = &mut regress.head {
                find_input(head, folder)?;
            }
            find_shapes(&mut regress.points, folder)?;
            regress.out = out.clone();
        }
        JobSpec::Similar(similar) => {
            find_input(&mut similar.field, folder)?;
            if let Some(from) = &mut similar.from {
                find_input(from, folder)?;
            }
            find_shapes(&mut similar.polygons, folder)?;
            find_area(&mut similar.aoi, folder)?;
            similar.places = 0;
            similar.out = vec![out.clone()];
        }
        JobSpec::EmbedSeries(embed) => {
            find_archive(&mut embed.archive, &mut embed.weights, folder)?;
            find_area(&mut embed.aoi, folder)?;
            embed.out = out.clone();
        }
        JobSpec::EmbedSeason(embed) => {
            let mut weights = Some(embed.weights.clone());
            find_archive(&mut embed.archive, &mut weights, folder)?;
            embed.weights = weights.unwrap_or_default();
            find_input(&mut embed.weather.path, folder)?;
            find_area(&mut embed.aoi, folder)?;
            embed.out = out.clone();
        }
        JobSpec::Reconstruct(picture) => {
            find_archive(&mut picture.archive, &mut picture.weights, folder)?;
            picture.out = out.clone();
        }
        JobSpec::Composite(composite) => {
            for file in &mut composite.archive.files {
                find_input(file, folder)?;
            }
            if let Some(reference) = &mut composite.archive.reference {
                find_input(reference, folder)?;
            }
            composite.out = out.clone();
        }
        JobSpec::Soil(soil) => {
            let weather = soil.weather.iter_mut().map(|of| &mut of.path);
            for file in soil
                .stations
                .iter_mut()
                .chain(weather)
                .chain(&mut soil.model)
                .chain(&mut soil.field)
            {
                find_input(file, folder)?;
            }
            if let Some(FutureWeather::Table(path)) = &mut soil.future {
                find_input(path, folder)?;
            }
            if let Some(archive) = &mut soil.archive {
                for file in &mut archive.files {
                    find_input(file, folder)?;
                }
                if let Some(reference) = &mut archive.reference {
                    find_input(reference, folder)?;
                }
            }
            // A folder of results, with the map of this day among them.
            soil.out = out.with_extension("");
            if let Some(name) = args.file.file_name() {
                out = soil.out.join(name);
            }
        }
        JobSpec::Forecast(forecast) => {
            find_archive(&mut forecast.archive, &mut None, folder)?;
            if let Some(cover) = &mut forecast.land_cover {
                find_input(cover, folder)?;
            }
            if let ForecastMethod::Model(model) = &mut forecast.method {
                find_input(&mut model.weights, folder)?;
                find_input(&mut model.weather.path, folder)?;
                if let Some(FutureWeather::Table(path)) = &mut model.future {
                    find_input(path, folder)?;
                }
            }
            // All its days are made again, into a folder.
            forecast.out = out.with_extension("");
            if let Some(name) = args.file.file_name() {
                out = forecast.out.join(name);
            }
        }
        // Of a map that is made from no field; others name the step that made them.
        JobSpec::Crop(crop) => {
            find_crop_inputs(crop, folder)?;
            crop.out = out.clone();
            if let [map] = crop.map_paths().as_slice() {
                out = map.clone();
            }
        }
        JobSpec::Train(_)
        | JobSpec::Assess(_)
        | JobSpec::Overviews(_)
        | JobSpec::Statistics(_)
        | JobSpec::Pretrain(_)
        | JobSpec::PretrainStp(_)
        | JobSpec::PretrainKgvsf(_)
        | JobSpec::Models(_)
        | JobSpec::Finetune(_)
        | JobSpec::Sample(_)
        | JobSpec::Polygons(_)
        | JobSpec::ExportField(_)
        | JobSpec::ExportRaster(_)
        | JobSpec::Pca(_)
        | JobSpec::Evaluate(_)
        | JobSpec::Shard(_)
        | JobSpec::Merge(_) => {
            return Err(CliError::failed(format!(
                "Only fields and maps can be made again.\n{}",
                args.file.display()
            )));
        }
    }
    take_named_systems(whole, &raster);
    if let Some(shard) = shard {
        out = shard.path_of(&out);
    }
    if args.print {
        return output.print(&(command_line(&spec) + "\n"));
    }
    let cancel = CancelFlag::on_ctrl_c()?;
    run_job(&spec, output, &cancel)?;
    let found = Differences::between(&raster, &Raster::open(&out)?)?;
    if output.json {
        let items: Vec<_> = found
            .items
            .iter()
            .map(|(item, before, after)| json!({"item": item, "before": before, "after": after}))
            .collect();
        return output.print_json(&json!({
            "file": out, "command": command_line(&spec), "equal_bytes": found.has_equal_bytes,
            "differing_pixels": found.pixels, "differing_items": items,
        }));
    }
    output.print(&format!("{}  {}\n", found.text(), out.display()))
}

/// Compares once more, and says which figures differ.
fn evaluation_again(args: &ReproduceArgs, output: Output) -> CliResult {
    let before = Evaluation::read(&args.file)?;
    let out = match &args.out {
        Some(out) => out.clone(),
        None => again(&args.file).with_extension("json"),
    };
    let Some(JobSpec::Evaluate(mut spec)) = before.spec() else {
        return Err(CliError::failed(format!(
            "The report does not say how it was made.\n{}",
            args.file.display()
        )));
    };
    if out == args.file {
        return Err(CliError::usage(
            "--out is the file itself: choose another name.",
        ));
    }
    let folder = args.file.parent().unwrap_or(Path::new(""));
    spec.each_input(|path| find_input(path, folder))?;
    let mut labels = Some(spec.labels.clone());
    find_shapes(&mut labels, folder)?;
    spec.labels = labels.unwrap_or_default();
    spec.out = out.clone();
    let spec = JobSpec::Evaluate(spec);
    if args.print {
        return output.print(&(command_line(&spec) + "\n"));
    }
    let cancel = CancelFlag::on_ctrl_c()?;
    let outcome = run_job(&spec, output, &cancel)?;
    let after = Evaluation::read(&out)?;
    // What learns by itself is compared by the job that teaches it, not by this one.
    let is_ours = |name: &str| after.candidates.iter().any(|of| of.name == name);
    let rows: Vec<_> = before
        .results
        .iter()
        .filter(|row| is_ours(&row.candidate))
        .collect();
    let differing = rows
        .iter()
        .filter(|row| !after.results.contains(row))
        .count();
    if output.json {
        return output.print_json(&json!({
            "file": out, "command": command_line(&spec), "differing_rows": differing, "rows": rows.len(),
        }));
    }
    super::evaluate::print(&outcome, output)?;
    output.print(&match differing {
        0 => "Every figure is the same as before.\n".to_owned(),
        _ => format!(
            "{differing} of {} rows of figures differ from before.\n",
            rows.len()
        ),
    })
}

/// Inputs that name no coordinate system had one by hand when the file was made that has one: they get it again.
fn take_named_systems(job: &JobSpec, made: &Raster) {
    let Some(crs) = made.info().grid.georef.ground_crs() else {
        return;
    };
    let is_nameless = |path: &&Path| {
        let lacks = |info: &RasterInfo| info.grid.georef.ground_crs().is_none();
        if is_remote(path) {
            return false;
        }
        match Raster::open(path) {
            Ok(raster) => lacks(raster.info()),
            Err(_) if path.is_dir() => {
                let found = find_series_blocking(&[path.to_path_buf()]);
                let mut frames = found.series.iter().flat_map(|series| &series.frames);
                frames.any(|frame| frame.info.as_deref().is_some_and(lacks))
            }
            Err(_) => false,
        }
    };
    let named = job
        .rasters()
        .into_iter()
        .filter(is_nameless)
        .map(|path| AssignedCrs {
            path: path.to_owned(),
            crs: crs.clone(),
        });
    let named: Vec<AssignedCrs> = named.collect();
    // What the command line names wins.
    if !named.is_empty() {
        assign_systems(named);
    }
}

/// Maps crops once more, and says which figures differ.
fn crops_again(args: &ReproduceArgs, before: &CropResults, output: Output) -> CliResult {
    let spec = before
        .job
        .get("spec")
        .and_then(|spec| serde_json::from_value(spec.clone()).ok());
    let Some(JobSpec::Crop(mut spec)) = spec else {
        return Err(CliError::failed(format!(
            "The results do not say how they were made.\n{}",
            args.file.display()
        )));
    };
    let folder = args.file.parent().unwrap_or(Path::new(""));
    find_crop_inputs(&mut spec, folder)?;
    spec.out = args.out.clone().unwrap_or_else(|| again(&args.file));
    let path = spec.results_path();
    if path == args.file {
        return Err(CliError::usage(
            "--out writes the file itself: choose another name.",
        ));
    }
    let spec = JobSpec::Crop(spec);
    if args.print {
        return output.print(&(command_line(&spec) + "\n"));
    }
    let cancel = CancelFlag::on_ctrl_c()?;
    run_job(&spec, output, &cancel)?;
    let after = CropResults::read_blocking(&path)?;
    let figures = |results: &CropResults| -> Vec<(Period, CropFigure)> {
        let of = |season: &CropSeason| {
            let period = season.period;
            season
                .figures
                .iter()
                .map(move |figure| (period, figure.clone()))
                .collect::<Vec<_>>()
        };
        results.seasons.iter().flat_map(of).collect()
    };
    let (before, after) = (figures(before), figures(&after));
    let differing = before
        .iter()
        .filter(|figure| !after.contains(figure))
        .count();
    if output.json {
        return output.print_json(&json!({
            "file": path, "command": command_line(&spec), "differing_figures": differing, "figures": before.len(),
        }));
    }
    let text = match differing {
        0 => "Every figure is the same as before.".to_owned(),
        _ => format!(
            "{differing} of {} figures differ from before.",
            before.len()
        ),
    };
    output.print(&format!("{text}  {}\n", path.display()))
}

fn again(path: &Path) -> PathBuf {
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    path.with_file_name(format!("{stem}_again.tif"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_file_never_replaces_the_first() {
        assert_eq!(
            again(Path::new("/data/map.tif")),
            Path::new("/data/map_again.tif")
        );
    }
}
