//! `terroir info`: what a raster or vector file holds, for people and for machines.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};
use terroir_engine::{Event, JobSpec, StatisticsSpec};
use terroir_scene::{
    BandInfo, BandStatistics, Contained, FieldProduct, FoundRasters, Raster, RasterInfo,
    band_presets, band_statistics_blocking, contained_blocking, is_zarr,
};

use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, run_and_listen};
use super::output::{Output, size_text, table};
use super::series::{found_series, list_json, list_text};
use super::vector_info;

/// Bands listed for people unless `--all-bands` is given: thousands of lines help nobody.
const BANDS_SHOWN: usize = 30;

#[derive(Debug, Args)]
pub struct InfoArgs {
    /// Any raster or vector file GDAL opens, a sensor product, FILE:VARIABLE of a container, or an address (https://...);
    /// a folder or several files of dated images
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Add statistics of every band: range, mean, standard deviation, 2nd and 98th percentile (sampled on large rasters)
    #[arg(long)]
    stats: bool,
    /// The same, and all percentiles with --json, of every pixel instead of a sample
    #[arg(long)]
    exact: bool,
    /// List every band, however many there are
    #[arg(long)]
    all_bands: bool,
}

pub fn run(args: &InfoArgs, output: Output) -> CliResult {
    if let [only] = args.files.as_slice()
        // What cannot be opened is told below, unless it is a folder of images.
        && let Ok(Some(inside)) = contained_blocking(only)
    {
        return list_container(only, &inside, output);
    }
    // A store is no folder of files: why it cannot be opened is the answer.
    if let [only] = args.files.as_slice()
        && is_zarr(only)
    {
        Raster::open(only)?;
    }
    // What GDAL knows as no raster may hold shapes; a single file that exists and is none is tried as such.
    if let [only] = args.files.as_slice()
        && only.is_file()
        && Raster::open(only).is_err()
        && vector_info::run(only, output)?.is_some()
    {
        return Ok(());
    }
    let found = found_series(&args.files)?;
    let file = match args.files.as_slice() {
        [only] if found.is_none() || !only.is_dir() => only,
        _ => return list(found.unwrap_or_default(), output),
    };
    let raster = Raster::open(file)?;
    let info = raster.info();
    let statistics = if args.exact {
        Some(exact_statistics(file, output)?)
    } else if args.stats {
        let bands: Vec<usize> = (0..info.bands.len()).collect();
        Some(band_statistics_blocking(&raster, &bands)?)
    } else {
        None
    };
    if output.json {
        let mut value = as_json(info, statistics.as_deref())?;
        if let (Some(found), Value::Object(fields)) = (found, &mut value) {
            fields.extend(match list_json(found) {
                Value::Object(list) => list,
                _ => Map::new(),
            });
        }
        return output.print_json(&value);
    }
    let mut text = as_text(info, statistics.as_deref(), args.all_bands);
    if let Some(found) = found {
        text.push('\n');
        text += &list_text(found);
    }
    output.print(&text)
}

/// Figures of every pixel, by the job the window starts.
fn exact_statistics(file: &Path, output: Output) -> CliResult<Vec<BandStatistics>> {
    let spec = JobSpec::Statistics(StatisticsSpec {
        raster: file.to_owned(),
    });
    let mut found = Vec::new();
    run_and_listen(&spec, output, &CancelFlag::on_ctrl_c()?, &mut |event| {
        if let Event::Statistics { statistics, .. } = event {
            found.push(statistics);
        }
    })?;
    Ok(found)
}

/// Folders and lists of files: their series, and what belongs to none.
fn list(found: FoundRasters, output: Output) -> CliResult {
    for (path, error) in &found.failed {
        let reason = error.lines().next().unwrap_or_default();
        output.warn(&format!("{reason}: {}", path.display()));
    }
    if found.series.is_empty() && found.singles.is_empty() {
        return Err(CliError::failed(
            "There is no raster here that can be opened.",
        ));
    }
    if output.json {
        output.print_json(&list_json(found))
    } else {
        output.print(&list_text(found))
    }
}

/// What a container of several rasters holds.
fn list_container(file: &Path, inside: &[Contained], output: Output) -> CliResult {
    if output.json {
        return output.print_json(&json!({ "path": file, "rasters": inside }));
    }
    let rows: Vec<Vec<String>> = inside
        .iter()
        .map(|one| {
            let (size, kind) = match one.sample_type {
                Some(kind) => (
                    format!("{} x {} x {}", one.width, one.height, one.bands),
                    kind.label().to_owned(),
                ),
                None => (String::new(), "no raster".to_owned()),
            };
            let dates = one
                .dates
                .as_ref()
                .map(|(first, last)| format!("{first} to {last}"))
                .unwrap_or_default();
            vec![one.variable.clone(), size, kind, dates, one.title.clone()]
        })
        .collect();
    let mut text = format!(
        "{} holds {} rasters; name one as FILE:VARIABLE\n\n",
        file.display(),
        inside.len()
    );
    text += &table(&["variable", "size", "type", "dates", "what it is"], &rows);
    output.print(&text)
}

/// Everything of `RasterInfo`, with wavelengths flattened into each band and bands also numbered from 1.
fn as_json(info: &RasterInfo, statistics: Option<&[BandStatistics]>) -> CliResult<Value> {
    let unwritable = |error: serde_json::Error| CliError::Failed {
        what: format!(
            "The description of the raster could not be written as JSON.\n{}",
            info.path.display()
        ),
        details: Some(error.to_string()),
    };
    let mut root = serde_json::to_value(info).map_err(unwritable)?;
    if let Some(product) = FieldProduct::of(info) {
        root["field"] = json!({
            "product": product.name, "year": product.year, "attribution": product.attribution,
            "licence": product.licence, "note": product.note,
        });
    }
    let bands: Vec<Value> = info
        .bands
        .iter()
        .map(|band| {
            let mut fields = match serde_json::to_value(band) {
                Ok(Value::Object(fields)) => fields,
                _ => Map::new(),
            };
            fields.remove("wavelength");
            fields.insert("number".into(), json!(band.index + 1));
            fields.insert(
                "wavelength_nm".into(),
                json!(band.wavelength.map(|w| w.center.nm())),
            );
            fields.insert(
                "fwhm_nm".into(),
                json!(band.wavelength.and_then(|w| w.fwhm_nm)),
            );
            fields.insert(
                "wavelength_source".into(),
                json!(band.wavelength.map(|w| w.source)),
            );
            // JSON has no NaN: said as text, so that "no nodata" and "nodata is NaN" differ.
            if let Some(nodata) = band.nodata.filter(|value| !value.is_finite()) {
                fields.insert("nodata".into(), json!(nodata.to_string()));
            }
            if let Some(found) =
                statistics.and_then(|all| all.iter().find(|one| one.band == band.index))
            {
                fields.insert(
                    "statistics".into(),
                    serde_json::to_value(found).unwrap_or(Value::Null),
                );
            }
            Value::Object(fields)
        })
        .collect();
    if let Value::Object(fields) = &mut root {
        fields.insert("width".into(), json!(info.grid.width));
        fields.insert("height".into(), json!(info.grid.height));
        fields.insert("band_count".into(), json!(info.bands.len()));
        fields.insert(
            "epsg".into(),
            json!(info.grid.georef.ground_crs().and_then(|crs| crs.epsg)),
        );
        fields.insert("is_field".into(), json!(info.is_field()));
        fields.insert("is_class_map".into(), json!(info.is_class_map()));
        let presets: Vec<Value> = band_presets(&info.bands)
            .iter()
            .map(
                |preset| json!({ "name": preset.name, "bands": preset.bands.map(|band| band + 1) }),
            )
            .collect();
        fields.insert("combinations".into(), Value::Array(presets));
        fields.insert("bands".into(), Value::Array(bands));
    }
    Ok(root)
}

fn as_text(info: &RasterInfo, statistics: Option<&[BandStatistics]>, all_bands: bool) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            text += &format!("{name:<13}{value}\n");
        }
    };
    line("File", info.path.display().to_string());
    let compression = info
        .compression
        .as_ref()
        .map(|name| format!(", {name}"))
        .unwrap_or_default();
    line(
        "Format",
        format!(
            "{}, {}{compression}",
            info.driver,
            size_text(info.size_bytes)
        ),
    );
    line(
        "Size",
        format!(
            "{} x {} pixels, {}",
            info.grid.width,
            info.grid.height,
            counted(info.bands.len(), "band")
        ),
    );
    line("Place", place_text(info));
    if let Some(transform) = info.grid.georef.transform {
        let (width, height) = transform.pixel_size();
        line(
            "Pixel",
            format!("{} x {} {}", short(width), short(height), map_unit(info)),
        );
    }
    line("Note", info.grid.georef.note.clone().unwrap_or_default());
    line("Date", info.date.clone().unwrap_or_default());
    line("Sensor", info.sensor.clone().unwrap_or_default());
    if let Some(product) = FieldProduct::of(info) {
        line("Kind", "embedding field".into());
        line("Product", product.name);
        line(
            "Year",
            product
                .year
                .map(|year| year.to_string())
                .unwrap_or_default(),
        );
        line("Remark", product.note.unwrap_or_default());
        line("Attribution", product.attribution.unwrap_or_default());
        line("Licence", product.licence.unwrap_or_default());
    } else if info.is_class_map() {
        line("Kind", "class map".into());
    }
    if let Some(band) = info.bands.first() {
        let (width, height) = band.block_size;
        let levels = band.overviews.len();
        let overviews = if levels == 0 {
            "no overviews".into()
        } else {
            counted(levels, "overview level")
        };
        line("Blocks", format!("{width} x {height}, {overviews}"));
    }
    let presets = band_presets(&info.bands);
    line(
        "Combinations",
        presets
            .iter()
            .map(|preset| preset.name)
            .collect::<Vec<_>>()
            .join(", "),
    );
    if info.bands.iter().all(|band| band.wavelength.is_none())
        && !info.is_class_map()
        && !info.is_field()
    {
        line(
            "Wavelengths",
            "none known; give them with `embed --wavelengths` or in the Bands panel".into(),
        );
    }
    text.push('\n');
    text += &band_table(&info.bands, statistics, all_bands);
    if let Some(classes) = info.bands.first().filter(|_| info.is_class_map()) {
        text.push('\n');
        let rows: Vec<Vec<String>> = classes
            .palette
            .iter()
            .filter(|entry| !entry.name.is_empty())
            .map(|entry| {
                let [red, green, blue, _] = entry.rgba;
                vec![
                    entry.value.to_string(),
                    format!("#{red:02x}{green:02x}{blue:02x}"),
                    entry.name.clone(),
                ]
            })
            .collect();
        text += &table(&["class", "colour", "name"], &rows);
    }
    text
}

fn band_table(
    bands: &[BandInfo],
    statistics: Option<&[BandStatistics]>,
    all_bands: bool,
) -> String {
    let mut header = vec!["band", "name", "nm", "from", "type", "nodata", "scale"];
    if statistics.is_some() {
        header.extend(["min", "2 %", "mean", "98 %", "max", "sd"]);
    }
    let shown = if all_bands {
        bands.len()
    } else {
        bands.len().min(BANDS_SHOWN)
    };
    let rows: Vec<Vec<String>> = bands
        .iter()
        .take(shown)
        .map(|band| {
            let mut row = vec![
                (band.index + 1).to_string(),
                band.name.clone(),
                band.wavelength
                    .map(|w| short(w.center.nm()))
                    .unwrap_or_default(),
                band.wavelength
                    .map(|w| w.source.label().to_owned())
                    .unwrap_or_default(),
                format!("{:?}", band.sample_type).to_lowercase(),
                band.nodata
                    .map(|value| value.to_string())
                    .unwrap_or_default(),
                scale_text(band),
            ];
            if let Some(found) =
                statistics.and_then(|all| all.iter().find(|one| one.band == band.index))
            {
                if found.count == 0 {
                    row.push("no valid pixel".into());
                } else {
                    let (low, high) = (found.low, found.high);
                    row.extend([found.min, low, found.mean, high, found.max, found.std].map(short));
                }
            }
            if band.is_bad {
                row[1] += " (marked bad)";
            }
            row
        })
        .collect();
    let mut text = table(&header, &rows);
    if shown < bands.len() {
        text += &format!(
            "… and {} more (--all-bands lists them)\n",
            bands.len() - shown
        );
    }
    text
}

fn scale_text(band: &BandInfo) -> String {
    if band.scale == 1.0 && band.offset == 0.0 {
        String::new()
    } else if band.offset == 0.0 {
        format!("x {}", band.scale)
    } else {
        format!("x {} {:+}", band.scale, band.offset)
    }
}

fn place_text(info: &RasterInfo) -> String {
    match (info.grid.georef.ground_crs(), info.grid.georef.transform) {
        (Some(crs), _) => match crs.epsg {
            Some(code) => format!("{} (EPSG:{code})", crs.name),
            None => crs.name.clone(),
        },
        (None, Some(_)) => "no coordinate reference system".into(),
        (None, None) => "not placed on the ground: pixel coordinates".into(),
    }
}

fn map_unit(info: &RasterInfo) -> &'static str {
    match info.grid.crs() {
        Some(crs) if crs.is_geographic => "degrees",
        Some(_) => "map units",
        None => "",
    }
}

/// At most seven significant digits, without trailing zeros.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = (6 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_but_exact_enough() {
        assert_eq!(short(20.0), "20");
        assert_eq!(short(664.6), "664.6");
        assert_eq!(short(0.000_089_831_5), "0.0000898315");
        assert_eq!(short(1.0 / 3.0), "0.3333333");
        assert_eq!(short(f64::NAN), "NaN");
    }
}
