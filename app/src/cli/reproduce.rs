//! `terroir reproduce`: runs the job that made a field or a map again, and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use terroir_engine::{
    CropFigure, CropResults, CropSeason, CropSpec, Evaluation, ForecastMethod, JobSpec,
    command_line, reproduce_spec,
};
use terroir_scene::{
    ArchiveSpec, AreaSpec, AssignedCrs, Block, FutureWeather, Period, Raster, RasterInfo,
    Resampling, Window, assign_systems, file_and_layer, find_series_blocking, is_remote,
};

use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, run_job};
use super::output::Output;

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

fn find_crop_inputs(spec: &mut CropSpec, folder: &Path) -> CliResult {
    find_archive(&mut spec.archive, &mut None, folder)?;
    for model in &mut spec.models {
        find_input(&mut model.weights, folder)?;
    }
    if let Some(weather) = &mut spec.weather {
        find_input(&mut weather.path, folder)?;
    }
    if let Some(split) = &mut spec.split {
        find_input(split, folder)?;
    }
    find_input(&mut spec.labels, folder)
}

/// Takes an input from where it was, else from the folder of the result.
///
/// An address stays what it is: the file at hand named it, not the user, so that only its own command line connects to it.
fn find_input(path: &mut PathBuf, folder: &Path) -> CliResult {
    if path.exists() || is_remote(path) {
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

/// The same for dated images, their grid and the weights of the model that reads them.
fn find_archive(
    archive: &mut ArchiveSpec,
    weights: &mut Option<PathBuf>,
    folder: &Path,
) -> CliResult {
    for file in &mut archive.files {
        find_input(file, folder)?;
    }
    if let Some(reference) = &mut archive.reference {
        find_input(reference, folder)?;
    }
    if let Some(weights) = weights {
        find_input(weights, folder)?;
    }
    Ok(())
}

/// The same for an area of interest.
fn find_area(aoi: &mut Option<AreaSpec>, folder: &Path) -> CliResult {
    match aoi {
        Some(area) => find_named(&mut area.file, folder),
        None => Ok(()),
    }
}

/// The same for shapes that may name a layer of their file.
fn find_shapes(name: &mut Option<String>, folder: &Path) -> CliResult {
    match name {
        Some(name) => find_named(name, folder),
        None => Ok(()),
    }
}

fn find_named(name: &mut String, folder: &Path) -> CliResult {
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

/// What two files of one job differ in, dates and seconds aside.
struct Differences {
    has_equal_bytes: bool,
    pixels: u64,
    /// What is said about the file or a band: name, before, after.
    items: Vec<(String, String, String)>,
}

impl Differences {
    fn between(first: &Raster, second: &Raster) -> CliResult<Self> {
        Ok(Self {
            has_equal_bytes: same_bytes(&first.info().path, &second.info().path).unwrap_or(false),
            pixels: differing_pixels(first, second)?,
            items: differing_items(first.info(), second.info()),
        })
    }

    fn text(&self) -> String {
        if self.has_equal_bytes {
            return "Every byte is the same as before.\n".to_owned();
        }
        let mut text = match self.pixels {
            0 => "Every pixel is the same as before.\n".to_owned(),
            1 => "1 pixel differs from before.\n".to_owned(),
            count => format!("{count} pixels differ from before.\n"),
        };
        if self.items.is_empty() {
            text += "All that is said about the file is the same, dates and seconds aside.\n";
        }
        for (item, before, after) in &self.items {
            text += &format!("{item}\n  before: {before}\n  now:    {after}\n");
        }
        text
    }
}

/// Whether two files are the same, read piece by piece.
fn same_bytes(first: &Path, second: &Path) -> std::io::Result<bool> {
    const PIECE: u64 = 1 << 20;
    let (mut a, mut b) = (File::open(first)?, File::open(second)?);
    let (mut one, mut other) = (Vec::new(), Vec::new());
    loop {
        one.clear();
        other.clear();
        a.by_ref().take(PIECE).read_to_end(&mut one)?;
        b.by_ref().take(PIECE).read_to_end(&mut other)?;
        if one != other || one.is_empty() {
            return Ok(one == other);
        }
    }
}

fn differing_items(first: &RasterInfo, second: &RasterInfo) -> Vec<(String, String, String)> {
    let (before, after) = (items_of(first), items_of(second));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let missing = || "not there".to_owned();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let value = |items: &BTreeMap<String, String>| {
                items.get(name).map_or_else(missing, |text| shortened(text))
            };
            (name.clone(), value(&before), value(&after))
        })
        .collect()
}

fn shortened(text: &str) -> String {
    const MOST: usize = 200;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MOST).collect();
    format!("{kept}…")
}

/// Everything a file says about itself that a second run should say again.
fn items_of(info: &RasterInfo) -> BTreeMap<String, String> {
    let mut items: BTreeMap<String, String> = info
        .metadata
        .iter()
        .filter(|(key, _)| key != "TIFFTAG_DATETIME")
        .map(|(key, value)| (key.clone(), without_time_and_place(value)))
        .collect();
    let grid = &info.grid;
    items.insert(
        "size".to_owned(),
        format!("{} x {}", grid.width, grid.height),
    );
    items.insert(
        "transform".to_owned(),
        format!("{:?}", grid.georef.transform.map(|transform| transform.0)),
    );
    items.insert(
        "coordinate system".to_owned(),
        grid.crs().map(|crs| crs.wkt.clone()).unwrap_or_default(),
    );
    items.insert("bands".to_owned(), info.bands.len().to_string());
    for band in &info.bands {
        let name = |what: &str| format!("band {}: {what}", band.index + 1);
        let palette: Vec<String> = band
            .palette
            .iter()
            .map(|entry| format!("{} {} {:?}", entry.value, entry.name, entry.rgba))
            .collect();
        items.insert(name("name"), band.name.clone());
        items.insert(name("type"), format!("{:?}", band.sample_type));
        items.insert(name("no-data"), format!("{:?}", band.nodata));
        items.insert(name("scale"), format!("{} {}", band.scale, band.offset));
        items.insert(name("colours"), palette.join(", "));
    }
    items
}

/// A value without what changes from run to run: seconds, the command (told by its parts), where the result went, and
/// folders of files.
fn without_time_and_place(text: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    if let Some(object) = value.as_object_mut() {
        object.remove("seconds");
        object.remove("command");
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("out");
            // The whole of which a shard was made.
            if let Some(whole) = spec.get_mut("of").and_then(Value::as_object_mut) {
                whole.remove("out");
            }
        }
        if object.contains_key("shard") {
            object.remove("key");
        }
    }
    keep_names(&mut value);
    value.to_string()
}

fn keep_names(value: &mut Value) {
    match value {
        Value::String(text) => {
            let name = text.rsplit(['/', '\\']).next().map(str::to_owned);
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                *text = name;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(keep_names),
        Value::Object(object) => object.values_mut().for_each(keep_names),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
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

    #[test]
    fn time_and_place_are_no_difference_but_parameters_are() {
        let run = |seconds: f64, folder: &str, seed: u64| {
            json!({
                "seconds": seconds, "command": format!("terroir embed {folder}/a.tif"),
                "spec": {"scene": format!("{folder}/a.tif"), "out": format!("{folder}/o.tif"), "seed": seed},
            })
            .to_string()
        };
        let plain = |text: String| without_time_and_place(&text);
        assert_eq!(plain(run(1.0, "/x", 3)), plain(run(2.5, "/y/z", 3)));
        assert_ne!(plain(run(1.0, "/x", 3)), plain(run(1.0, "/x", 4)));
        let shard = |out: &str| {
            let of = json!({"scene": "a.tif", "out": out});
            json!({"spec": {"job": "shard", "shard": "1/2", "of": of}}).to_string()
        };
        assert_eq!(plain(shard("a.tif")), plain(shard("b.tif")));
        assert_eq!(
            without_time_and_place("no json / at all"),
            "no json / at all"
        );
    }
}
