//! `terroir export`: maps as pictures or as fresh GeoTIFFs, labels as other vector formats.

use std::path::{Path, PathBuf};

use clap::Args;
use terroir_engine::{ExportFieldSpec, ExportRasterSpec, JobSpec};
use terroir_scene::{
    Claim, Class, Labels, MapKind, MapWriter, PaletteEntry, Provenance, Raster, RasterInfo,
    Resampling, Window, credit_of, default_style_blocking, export_labels, import_labels,
    open_project, write_beside,
};

use super::area::AreaOption;
use super::companions::CompanionOption;
use super::embed_series::parse_window;
use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, report, run_job};
use super::legend::svg_with_legend;
use super::output::Output;
use super::picture::{write_png, write_world_file};
use super::render::draw;

/// Rows copied at once; memory stays small whatever the map's height.
const ROWS_AT_ONCE: usize = 256;

#[derive(Debug, Args)]
#[command(after_help = "What goes to what:
  any raster           .png (with a .pgw world file), drawn as the window first shows it
                       .tif (GeoTIFF of the same numbers, of the bands and the part named)
  class map            .svg (picture with legend), .tif (fresh GeoTIFF with colours, names and side-cars)
  embedding field      .tif (the same numbers in the AlphaEarth coding)
  labels or project    .gpkg, .geojson, .shp, .csv (a point for each labelled pixel)")]
pub struct ExportArgs {
    /// A class map, any other raster, a label file or a project (.terroir)
    input: PathBuf,
    /// Where the result goes; its ending says what it becomes
    #[arg(long)]
    out: PathBuf,
    /// Raster whose grid the labels belong to (labels are stored on a grid); not needed for projects
    #[arg(long)]
    scene: Option<PathBuf>,
    /// Attribute of the label file that holds the class; well-known names are tried without this
    #[arg(long)]
    class_attribute: Option<String>,
    /// Longer side of a picture in pixels
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=32768))]
    size: Option<u32>,
    /// Bands that are written, counted from 1; all without this
    #[arg(long, value_name = "BAND", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    bands: Vec<u32>,
    /// Only this part, in pixels
    #[arg(long, value_name = "COL,ROW,WIDTH,HEIGHT", value_parser = parse_window)]
    window: Option<Window>,
    #[command(flatten)]
    area: AreaOption,
    #[command(flatten)]
    companions: CompanionOption,
}

impl ExportArgs {
    /// Whether only some of a raster is wanted.
    fn is_part(&self) -> bool {
        !self.bands.is_empty() || self.window.is_some() || self.area.spec().is_some()
    }
}

pub fn run(args: &ExportArgs, output: Output) -> CliResult {
    let is_tif = matches!(ending(&args.out).as_str(), "tif" | "tiff");
    if !is_tif && args.is_part() {
        return Err(CliError::usage(
            "--bands, --window and --aoi are for rasters that are written as .tif.",
        ));
    }
    let input = is_tif.then(|| Raster::open(&args.input)).transpose()?;
    let has_classes =
        |raster: &Raster| raster.info().is_class_map() && classes_of(raster.info()).is_ok();
    let is_copy = input
        .as_ref()
        .is_some_and(|raster| args.is_part() || !(raster.info().is_field() || has_classes(raster)));
    if is_copy {
        let spec = JobSpec::ExportRaster(ExportRasterSpec {
            raster: args.input.clone(),
            bands: args.bands.iter().map(|band| *band as usize - 1).collect(),
            window: args.window,
            aoi: args.area.spec(),
            out: args.out.clone(),
        });
        let mut outcome = run_job(&spec, output, &CancelFlag::on_ctrl_c()?)?;
        args.companions.add_to(&mut outcome.files)?;
        return report(&outcome, output);
    }
    if input.is_some_and(|raster| raster.info().is_field()) {
        let spec = JobSpec::ExportField(ExportFieldSpec {
            field: args.input.clone(),
            out: args.out.clone(),
        });
        let mut outcome = run_job(&spec, output, &CancelFlag::on_ctrl_c()?)?;
        args.companions.add_to(&mut outcome.files)?;
        return report(&outcome, output);
    }
    if !is_tif && !args.companions.beside.is_empty() {
        return Err(CliError::usage(
            "--beside is for maps and fields that are written as .tif.",
        ));
    }
    let mut files = match ending(&args.out).as_str() {
        "gpkg" | "geojson" | "json" | "shp" | "csv" => vector(args)?,
        "png" => picture(args)?,
        "svg" => vec![legend_picture(args)?],
        "tif" | "tiff" => class_map(args)?,
        _ => {
            return Err(CliError::usage(format!(
                "--out {}: the ending must be .png, .svg, .tif, .gpkg, .geojson, .shp or .csv.",
                args.out.display()
            )));
        }
    };
    args.companions.add_to(&mut files)?;
    if output.json {
        return output.print_json(&serde_json::json!({ "files": files }));
    }
    output.print(
        &files
            .iter()
            .map(|file| format!("{}\n", file.display()))
            .collect::<String>(),
    )
}

fn vector(args: &ExportArgs) -> CliResult<Vec<PathBuf>> {
    let labels = read_labels(args)?;
    if labels.is_empty() {
        return Err(CliError::failed(format!(
            "There are no labels to export.\n{}",
            args.input.display()
        )));
    }
    export_labels(&labels, &args.out)?;
    Ok(vec![args.out.clone()])
}

fn read_labels(args: &ExportArgs) -> CliResult<Labels> {
    if ending(&args.input) == "terroir" {
        let project = open_project(&args.input)?;
        return project.document.labels.ok_or_else(|| {
            CliError::failed(format!(
                "The project holds no labels to export.\n{}",
                args.input.display()
            ))
        });
    }
    let Some(scene) = &args.scene else {
        return Err(CliError::usage(
            "--scene is missing: name the raster the labels belong to.",
        ));
    };
    let grid = Raster::open(scene)?.info().grid.clone();
    let (labels, report) = import_labels(&args.input, &grid, args.class_attribute.as_deref())?;
    let skipped = report.outside + report.empty + report.invalid + report.without_class;
    if skipped > 0 {
        super::output::say(&format!(
            "warning: {skipped} shapes were left out ({} outside the scene, {} empty, {} invalid, {} without a class).",
            report.outside, report.empty, report.invalid, report.without_class
        ));
    }
    Ok(labels)
}

fn picture(args: &ExportArgs) -> CliResult<Vec<PathBuf>> {
    let raster = Raster::open(&args.input)?;
    let still = draw(
        &raster,
        &default_style_blocking(&raster)?,
        None,
        None,
        args.size,
    )?;
    write_png(&still, credit_of(raster.info()).as_deref(), &args.out)?;
    let mut files = vec![args.out.clone()];
    files.extend(write_world_file(&still, &args.out)?);
    Ok(files)
}

fn legend_picture(args: &ExportArgs) -> CliResult<PathBuf> {
    let raster = Raster::open(&args.input)?;
    let classes = classes_of(raster.info())?;
    let still = draw(
        &raster,
        &default_style_blocking(&raster)?,
        None,
        None,
        args.size,
    )?;
    let title = args
        .input
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let svg = svg_with_legend(&still, &title, &classes)?;
    write_beside(&args.out, svg.as_bytes())?;
    Ok(args.out.clone())
}

/// Writes the map again with everything other programs read: also the cure for a map that lost its side-cars.
fn class_map(args: &ExportArgs) -> CliResult<Vec<PathBuf>> {
    let raster = Raster::open(&args.input)?;
    let info = raster.info();
    let classes = classes_of(info)?;
    let same = |a: &Path, b: &Path| {
        a.canonicalize()
            .is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
    };
    if same(&args.input, &args.out) {
        return Err(CliError::usage(
            "--out is the input itself: choose another name.",
        ));
    }
    let _claim = Claim::take(&args.out)?;
    let mut writer = MapWriter::create(&args.out, &info.grid, MapKind::Classes(classes))?;
    let whole = info.grid.window();
    for row in (0..whole.height).step_by(ROWS_AT_ONCE) {
        let window = Window {
            col: 0,
            row,
            width: whole.width,
            height: ROWS_AT_ONCE.min(whole.height - row),
        };
        let block = raster.read_blocking(
            &[0],
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )?;
        let codes: Vec<u8> = block
            .values
            .iter()
            .zip(&block.valid)
            .map(|(value, valid)| {
                if *valid {
                    value.clamp(0.0, 255.0) as u8
                } else {
                    0
                }
            })
            .collect();
        writer.write_bytes(window, &codes)?;
    }
    let provenance: Provenance = info
        .metadata
        .iter()
        .filter_map(|(key, value)| {
            let key = match key.as_str() {
                "ATTRIBUTION" | "LICENSE" => key,
                _ => key.strip_prefix("TERROIR_")?,
            };
            Some((key.to_owned(), value.clone()))
        })
        .collect();
    Ok(writer.finish(&provenance)?)
}

/// Classes of a class map from its colours and names; anything else is no class map.
fn classes_of(info: &RasterInfo) -> CliResult<Vec<Class>> {
    let class = |entry: &PaletteEntry| {
        let id = u8::try_from(entry.value).ok().filter(|id| *id > 0)?;
        let [red, green, blue, _] = entry.rgba;
        Some(Class {
            id,
            name: entry.name.clone(),
            color: [red, green, blue],
        })
    };
    let classes: Vec<Class> = info
        .bands
        .first()
        .filter(|_| info.is_class_map())
        .map(|band| {
            band.palette
                .iter()
                .filter(|entry| !entry.name.is_empty())
                .filter_map(class)
                .collect()
        })
        .unwrap_or_default();
    if classes.is_empty() {
        return Err(CliError::failed(format!(
            "This is no class map with named classes, so it has no legend. Export it as .png instead.\n{}",
            info.path.display()
        )));
    }
    Ok(classes)
}

fn ending(path: &Path) -> String {
    path.extension()
        .map(|ending| ending.to_string_lossy().to_lowercase())
        .unwrap_or_default()
}
