//! `terroir reproduce`: runs the job that made a field or a map again, and compares.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use terroir_engine::{JobSpec, command_line, reproduce_spec};
use terroir_scene::{Block, Raster, Resampling, Window, file_and_layer};

use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, run_job};
use super::output::Output;

#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// A field or a map written by Terroir
    file: PathBuf,
    /// Where the second one goes; <stem>_again.tif beside the first without this
    #[arg(long)]
    out: Option<PathBuf>,
    /// Only print the command line that does it
    #[arg(long)]
    print: bool,
}

pub fn run(args: &ReproduceArgs, output: Output) -> CliResult {
    let raster = Raster::open(&args.file)?;
    let out = args.out.clone().unwrap_or_else(|| again(&args.file));
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
    match &mut spec {
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
        JobSpec::Train(_)
        | JobSpec::Assess(_)
        | JobSpec::Overviews(_)
        | JobSpec::Pretrain(_)
        | JobSpec::Models(_)
        | JobSpec::Finetune(_)
        | JobSpec::Sample(_) => {
            return Err(CliError::failed(format!(
                "Only fields and maps can be made again.\n{}",
                args.file.display()
            )));
        }
    }
    if args.print {
        return output.print(&(command_line(&spec) + "\n"));
    }
    let cancel = CancelFlag::on_ctrl_c()?;
    run_job(&spec, output, &cancel)?;
    let differing = differing_pixels(&raster, &Raster::open(&out)?)?;
    if output.json {
        return output.print_json(
            &json!({ "file": out, "command": command_line(&spec), "differing_pixels": differing }),
        );
    }
    output.print(&match differing {
        0 => format!("Every pixel is the same as before.\n  {}\n", out.display()),
        count => format!("{count} pixels differ from before.\n  {}\n", out.display()),
    })
}

/// Takes an input from where it was, else from the folder of the result.
fn find_input(path: &mut PathBuf, folder: &Path) -> CliResult {
    if path.exists() {
        return Ok(());
    }
    if let Some(beside) = path
        .file_name()
        .map(|name| folder.join(name))
        .filter(|beside| beside.exists())
    {
        *path = beside;
        return Ok(());
    }
    Err(CliError::failed(format!(
        "A file the job needs is gone. Put it back, or beside the result, and try again.\n{}",
        path.display()
    )))
}

/// The same for an area of interest, which may name a layer of its file.
fn find_area(aoi: &mut Option<String>, folder: &Path) -> CliResult {
    let Some(name) = aoi else { return Ok(()) };
    if file_and_layer(name).0.exists() {
        return Ok(());
    }
    let (file, layer) = match name.rsplit_once(':') {
        Some((file, layer)) if !layer.contains(['/', '\\']) => (file, Some(layer)),
        _ => (name.as_str(), None),
    };
    let mut path = PathBuf::from(file);
    find_input(&mut path, folder)?;
    *name = match layer {
        Some(layer) => format!("{}:{layer}", path.display()),
        None => path.display().to_string(),
    };
    Ok(())
}

fn again(path: &Path) -> PathBuf {
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    path.with_file_name(format!("{stem}_again.tif"))
}

/// Pixels where any band differs, compared row by row.
fn differing_pixels(first: &Raster, second: &Raster) -> CliResult<u64> {
    let grid = &first.info().grid;
    if !grid.same_as(&second.info().grid) || first.info().bands.len() != second.info().bands.len() {
        return Ok((grid.width * grid.height) as u64);
    }
    let bands: Vec<usize> = (0..first.info().bands.len()).collect();
    let mut differing = 0;
    for row in 0..grid.height {
        let window = Window {
            col: 0,
            row,
            width: grid.width,
            height: 1,
        };
        let read = |raster: &Raster| {
            raster.read_blocking(&bands, window, grid.width, 1, Resampling::Nearest)
        };
        let (a, b) = (read(first)?, read(second)?);
        let pixel = |block: &Block, col: usize| -> Option<Vec<f32>> {
            let is_valid = block.valid.get(col) == Some(&true);
            is_valid.then(|| {
                block
                    .values
                    .iter()
                    .skip(col)
                    .step_by(grid.width)
                    .copied()
                    .collect()
            })
        };
        differing += (0..grid.width)
            .filter(|&col| pixel(&a, col) != pixel(&b, col))
            .count() as u64;
    }
    Ok(differing)
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
