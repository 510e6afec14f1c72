//! `terroir render`: a raster, or the layers of a project, as a PNG picture, drawn with the shaders' Rust twins; needs no GPU.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use terroir_scene::{
    Crs, Derivation, FIELD_AXES, Hillshade, Look, MapRect, MaskSource, PaletteEntry, PcaBasis,
    PcaStretch, Raster, Still, Stretch, Style, band_statistics_blocking,
    channel_statistics_blocking, class_color, credit_of, default_style_blocking, extent_in_map,
    fit_pca_blocking, hide_in_still_blocking, radar_style_blocking, render_still_blocking,
};

use super::bands::{named_preset, parse_bands, parse_rgb};
use super::calc::{check_formula, known_index};
use super::failure::{CliError, CliResult};
use super::output::Output;
use super::overlay::draw_over;
use super::picture::{write_png, write_world_file};
use super::series::{frame_of_date, one_series};
use super::view::{
    Side, USUAL_SIDE, credits_of, draw_view, is_project, map_of, open_view, parse_bounds,
    refuse_for_projects,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StyleChoice {
    /// Three bands as red, green, blue
    Rgb,
    /// One band through a colour ramp
    Gray,
    /// A field as its first three principal components
    Pca,
    /// A class map in its own colours
    Classes,
    /// The relief of an elevation band
    Hillshade,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StretchChoice {
    Percentile,
    Sd,
    Minmax,
}

#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Any raster GDAL opens; with --date a folder or a stack of dated images; or a project (.terroir), whose visible layers
    /// are drawn as it was saved
    file: PathBuf,
    /// Draw the image of this date of a series, YYYY-MM-DD (YYYY-MM-DD/2: the second of that day)
    #[arg(long)]
    date: Option<String>,
    /// Where the picture goes (.png)
    #[arg(long)]
    out: PathBuf,
    /// Leave pixels under clouds, shadows and snow transparent, by the mask of the image
    #[arg(long)]
    hide_clouds: bool,
    /// Red, green and blue by wavelength (665nm,560nm,490nm), number (4,3,2), name, or a combination such as natural-colour
    #[arg(long)]
    bands: Option<String>,
    /// How to draw; chosen by the raster without this
    #[arg(long, value_enum)]
    style: Option<StyleChoice>,
    /// Draw a spectral index: ndvi, evi, savi, ndre, ndmi, nbr, ndwi, mndwi, ndbi, ndsi
    #[arg(long, conflicts_with_all = ["bands", "style", "expression"])]
    index: Option<String>,
    /// Draw a formula over the bands, as `terroir calc` takes it
    #[arg(long, conflicts_with_all = ["bands", "style"])]
    expression: Option<String>,
    /// Draw a field in the colours of this basis, as `terroir pca` or the window writes it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bands", "style", "index", "expression", "axes"])]
    basis: Option<PathBuf>,
    /// Components of a field as red, green and blue, counted from 1; a minus turns one round, such as 1,-3,2
    #[arg(long, value_name = "R,G,B", allow_hyphen_values = true, conflicts_with_all = ["bands", "index", "expression", "axes"])]
    components: Option<String>,
    /// Limits of the components: 2 to 98 % of the pixels, the mean with two standard deviations to each side, or all
    #[arg(long, value_enum, default_value_t = StretchChoice::Percentile)]
    stretch: StretchChoice,
    /// Three axes of a field as red, green and blue, as they are, such as A01,A16,A09
    #[arg(long, value_name = "R,G,B", conflicts_with_all = ["bands", "style", "index", "expression"])]
    axes: Option<String>,
    /// Limits of --axes, such as -0.25,0.25
    #[arg(
        long,
        value_name = "LOW,HIGH",
        allow_hyphen_values = true,
        default_value = "-0.3,0.3",
        requires = "axes"
    )]
    limits: String,
    /// Colour ramp of --style gray and --expression
    #[arg(long, default_value = "grays")]
    ramp: String,
    /// Draw pixels without a value in this colour, such as #ff00ff, instead of transparent
    #[arg(long, value_name = "#RRGGBB", value_parser = parse_color)]
    nodata_color: Option<[u8; 3]>,
    /// Coordinate system to draw in, e.g. EPSG:3857; the raster's or the project's own without this
    #[arg(long)]
    crs: Option<String>,
    /// Draw only this part of the map, in the coordinates of the system that is drawn in; all of it without this
    #[arg(long, value_name = "WEST,SOUTH,EAST,NORTH", allow_hyphen_values = true, value_parser = parse_bounds)]
    bounds: Option<MapRect>,
    /// Longer side of the picture in pixels; the raster's own size, at most 2048, without this
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=32768))]
    size: Option<u32>,
    /// Write a world file (.pgw) beside the picture
    #[arg(long)]
    world_file: bool,
    /// Draw a vector file over the raster; `file:layer` names one of its layers; may be given again
    #[arg(long, value_name = "FILE")]
    vectors: Vec<String>,
    /// Colour the shapes of --vectors by the values of this attribute
    #[arg(long, value_name = "ATTRIBUTE", requires = "vectors")]
    style_by: Option<String>,
}

pub fn run(args: &RenderArgs, output: Output) -> CliResult {
    let crs = args
        .crs
        .as_deref()
        .map(Crs::parse)
        .transpose()
        .map_err(|error| CliError::usage(format!("--crs: {error}")))?;
    let Drawn {
        mut still,
        extent,
        crs,
        credit,
    } = if is_project(&args.file) {
        project_picture(args, crs, output)?
    } else {
        raster_picture(args, crs, output)?
    };
    let style_by = args.style_by.as_deref();
    draw_over(
        &mut still,
        extent,
        crs.as_ref(),
        &args.vectors,
        style_by,
        output,
    )?;
    write_png(&still, credit.as_deref(), &args.out)?;
    let mut files = vec![args.out.clone()];
    if args.world_file {
        files.extend(write_world_file(&still, &args.out)?);
    }
    if output.json {
        let value =
            serde_json::json!({ "files": files, "width": still.width, "height": still.height });
        return output.print_json(&value);
    }
    output.print(&format!(
        "{} ({} x {} pixels)\n",
        args.out.display(),
        still.width,
        still.height
    ))
}

/// A picture of a part of a map.
struct Drawn {
    still: Still,
    extent: MapRect,
    crs: Option<Crs>,
    /// Whom to credit for it.
    credit: Option<String>,
}

fn project_picture(args: &RenderArgs, crs: Option<Crs>, output: Output) -> CliResult<Drawn> {
    refuse_for_projects(&[
        ("--date", args.date.is_some()),
        ("--hide-clouds", args.hide_clouds),
        ("--bands", args.bands.is_some()),
        ("--style", args.style.is_some()),
        ("--index", args.index.is_some()),
        ("--expression", args.expression.is_some()),
        ("--basis", args.basis.is_some()),
        ("--components", args.components.is_some()),
        ("--axes", args.axes.is_some()),
        ("--stretch", args.stretch != StretchChoice::Percentile),
        ("--ramp", args.ramp != "grays"),
        ("--nodata-color", args.nodata_color.is_some()),
    ])?;
    let document = open_view(&args.file, output)?;
    let side = Side::of(args.size);
    let (still, extent) = draw_view(&document, crs.as_ref(), args.bounds, side, output)?;
    let credits = credits_of(&document);
    let credit = (!credits.is_empty()).then(|| credits.join("; "));
    Ok(Drawn {
        still,
        extent,
        crs: crs.or(document.map_crs),
        credit,
    })
}

fn raster_picture(args: &RenderArgs, crs: Option<Crs>, output: Output) -> CliResult<Drawn> {
    let frame = match &args.date {
        Some(date) => {
            let series = one_series(std::slice::from_ref(&args.file))?;
            Some(frame_of_date(&series, date)?.clone())
        }
        None => None,
    };
    let path = frame
        .as_ref()
        .and_then(|frame| frame.info.as_ref())
        .map_or_else(|| args.file.clone(), |info| info.path.clone());
    let raster = Raster::open(&path)?;
    let info = raster.info();
    let style = chosen_style(args, &raster)?;
    let mut still = match args.bounds {
        Some(_) => {
            let map = map_of(&raster, &style, args.nodata_color);
            let side = Side::of(args.size);
            draw_view(&map, crs.as_ref(), args.bounds, side, output)?.0
        }
        None => draw(&raster, &style, args.nodata_color, crs.as_ref(), args.size)?,
    };
    if args.hide_clouds {
        let mask = match &frame {
            Some(frame) => frame.mask.clone(),
            None => MaskSource::find_blocking(info),
        };
        let Some(mask) = mask else {
            return Err(CliError::failed(format!(
                "--hide-clouds: no mask of clouds was found among the bands or beside the file.\n{}",
                args.file.display()
            )));
        };
        let missing = args.nodata_color;
        hide_in_still_blocking(&mask, &info.grid, crs.as_ref(), missing, &mut still)?;
    }
    let grid = &info.grid;
    let whole = || extent_in_map(&grid.transform(), grid.width, grid.height);
    Ok(Drawn {
        extent: still.extent.unwrap_or_else(whole),
        still,
        crs: crs.or(grid.crs().cloned()),
        credit: credit_of(info),
    })
}

/// `#rrggbb` as a colour.
fn parse_color(text: &str) -> Result<[u8; 3], String> {
    terroir_scene::rgb_from_hex(text)
        .ok_or_else(|| "a colour is six hexadecimal digits, such as #ff00ff".to_owned())
}

/// The whole raster in `style`, north up in `crs` or its own system, missing pixels in the colour `missing`; `size` bounds the
/// longer side. Small rasters are enlarged by whole pixels.
pub fn draw(
    raster: &Raster,
    style: &Style,
    missing: Option<[u8; 3]>,
    crs: Option<&Crs>,
    size: Option<u32>,
) -> CliResult<Still> {
    let grid = &raster.info().grid;
    let wanted = size.map_or_else(
        || grid.width.max(grid.height).min(USUAL_SIDE),
        |size| size as usize,
    );
    let drawn = render_still_blocking(raster, style, missing, crs, wanted, wanted)?;
    let longer = drawn.width.max(drawn.height).max(1);
    Ok(drawn.enlarged(wanted / longer))
}

fn chosen_style(args: &RenderArgs, raster: &Raster) -> CliResult<Style> {
    let info = raster.info();
    if let Some(style) = field_style(args, raster)? {
        return Ok(style);
    }
    if let Some(id) = &args.index {
        return Ok(known_index(id)?.style(&info.bands)?);
    }
    if let Some(text) = &args.expression {
        check_formula(text)?;
        check_ramp(&args.ramp)?;
        let mut style = Style::Derived {
            derivation: Derivation::formula("", text, &info.bands)?,
            stretch: PLAIN,
            ramp: args.ramp.as_str().into(),
            look: Look::default(),
        };
        if let [channel] = style.channels().as_slice() {
            let found = channel_statistics_blocking(raster, channel, None)?.stretch();
            style.stretches_mut().fill(found);
        }
        return Ok(style);
    }
    let choice = match (args.style, &args.bands) {
        (Some(choice), _) => choice,
        (None, Some(_)) => StyleChoice::Rgb,
        (None, None) => return Ok(default_style_blocking(raster)?),
    };
    match choice {
        StyleChoice::Rgb => {
            let bands = match &args.bands {
                Some(text) => {
                    if let Some(preset) = named_preset(text, info)
                        && preset.third != terroir_scene::Third::Band
                    {
                        let [co, cross, _] = preset.bands;
                        return Ok(radar_style_blocking(raster, [co, cross])?);
                    }
                    parse_rgb(text, info)?
                }
                None => terroir_scene::default_rgb(&info.bands),
            };
            rgb_style(raster, bands)
        }
        StyleChoice::Gray => {
            let band = match &args.bands {
                Some(text) => match parse_bands(text, info)?.as_slice() {
                    [band] => *band,
                    more => {
                        return Err(CliError::usage(format!(
                            "--style gray draws one band, {} given.",
                            more.len()
                        )));
                    }
                },
                None => 0,
            };
            check_ramp(&args.ramp)?;
            let stretch = stretches(raster, &[band])?
                .first()
                .copied()
                .unwrap_or(PLAIN);
            Ok(Style::gray(band, stretch, args.ramp.as_str()))
        }
        // Drawn above.
        StyleChoice::Pca => Ok(default_style_blocking(raster)?),
        StyleChoice::Classes => class_style(raster),
        StyleChoice::Hillshade => {
            let band = match &args.bands {
                Some(text) => parse_bands(text, info)?.first().copied().unwrap_or(0),
                None => 0,
            };
            Ok(Style::hillshade(Hillshade::of_band(band)))
        }
    }
}

/// A field in its components or axes, where these are asked for.
fn field_style(args: &RenderArgs, raster: &Raster) -> CliResult<Option<Style>> {
    let info = raster.info();
    let wants_components = args.basis.is_some()
        || args.components.is_some()
        || args.style == Some(StyleChoice::Pca)
        || args.stretch != StretchChoice::Percentile;
    if !wants_components && args.axes.is_none() {
        return Ok(None);
    }
    if !info.is_field() {
        return Err(not_a(
            "an embedding field (64 bands of signed bytes); `terroir embed` makes one",
            &info.path,
        ));
    }
    if let Some(text) = &args.axes {
        let axes = three(text, |word| {
            let number: usize = word.trim_start_matches(['A', 'a']).parse().ok()?;
            (number < FIELD_AXES).then_some(number)
        })
        .ok_or_else(|| {
            CliError::usage(format!(
                "--axes {text}: three axes from A00 to A63 are needed, such as A01,A16,A09."
            ))
        })?;
        let limits: Vec<f32> = args
            .limits
            .split(',')
            .filter_map(|word| word.trim().parse().ok())
            .collect();
        let [low, high] = limits[..] else {
            return Err(CliError::usage(format!(
                "--limits {}: two numbers are needed, such as -0.25,0.25.",
                args.limits
            )));
        };
        if high <= low || !low.is_finite() || !high.is_finite() {
            return Err(CliError::usage(format!(
                "--limits {}: the second must be larger than the first.",
                args.limits
            )));
        }
        return Ok(Some(Style::FieldAxes { axes, low, high }));
    }
    let basis = match &args.basis {
        Some(path) => PcaBasis::load(path)?,
        None => fit_pca_blocking(raster)?,
    };
    let count = basis.components.len();
    let (mut axes, mut flips) = ([0, 1, 2], [false; 3]);
    if let Some(text) = &args.components {
        let chosen = three(text, |word| {
            let number: i64 = word.parse().ok()?;
            let index = usize::try_from(number.abs()).ok()?.checked_sub(1)?;
            (index < count).then_some((index, number < 0))
        })
        .ok_or_else(|| {
            CliError::usage(format!(
                "--components {text}: three components from 1 to {count} are needed, such as 1,2,3."
            ))
        })?;
        axes = chosen.map(|(index, _)| index);
        flips = chosen.map(|(_, flips)| flips);
    }
    let stretch = match args.stretch {
        StretchChoice::Percentile => PcaStretch::Percentile,
        StretchChoice::Sd => PcaStretch::Deviation,
        StretchChoice::Minmax => PcaStretch::Range,
    };
    Ok(Some(Style::FieldPca {
        basis,
        axes,
        flips,
        stretch,
    }))
}

/// Three words with commas between them.
fn three<T>(text: &str, each: impl Fn(&str) -> Option<T>) -> Option<[T; 3]> {
    let parts: Vec<T> = text
        .split(',')
        .map(|word| each(word.trim()))
        .collect::<Option<_>>()?;
    parts.try_into().ok()
}

const PLAIN: Stretch = Stretch {
    low: 0.0,
    high: 1.0,
    gamma: 1.0,
};

fn check_ramp(name: &str) -> CliResult {
    if terroir_scene::ramp_names().contains(&name) {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "--ramp {name}: no such ramp; known are {}.",
        terroir_scene::ramp_names().join(", ")
    )))
}

/// Three bands with the stretch a freshly opened raster would get.
pub fn rgb_style(raster: &Raster, bands: [usize; 3]) -> CliResult<Style> {
    // 8-bit pictures are shown as they are; the scene knows that rule.
    let default = default_style_blocking(raster)?;
    if matches!(&default, Style::Rgb { bands: first, .. } if *first == bands) {
        return Ok(default);
    }
    let found = stretches(raster, &bands)?;
    let stretch = <[Stretch; 3]>::try_from(found).map_err(|_| {
        CliError::failed(format!(
            "The bands could not be measured.\n{}",
            raster.info().path.display()
        ))
    })?;
    Ok(Style::rgb(bands, stretch))
}

/// 2-98 % of each band, in the order given; a band without a valid pixel gets 0..1.
fn stretches(raster: &Raster, bands: &[usize]) -> CliResult<Vec<Stretch>> {
    let is_8bit = |band: usize| {
        raster
            .info()
            .bands
            .get(band)
            .is_some_and(|band| band.sample_type == terroir_scene::SampleType::UInt8)
    };
    if bands.len() == 3 && bands.iter().all(|band| is_8bit(*band)) {
        return Ok(vec![
            Stretch {
                low: 0.0,
                high: 255.0,
                gamma: 1.0
            };
            3
        ]);
    }
    let statistics = band_statistics_blocking(raster, bands)?;
    Ok(bands
        .iter()
        .map(
            |band| match statistics.iter().find(|one| one.band == *band) {
                Some(found) if found.count > 0 => Stretch {
                    low: found.low as f32,
                    high: found.high as f32,
                    gamma: 1.0,
                },
                _ => Stretch {
                    low: 0.0,
                    high: 1.0,
                    gamma: 1.0,
                },
            },
        )
        .collect())
}

/// The file's own colours, or the house colours for codes without any.
fn class_style(raster: &Raster) -> CliResult<Style> {
    let info = raster.info();
    let Some(band) = info.bands.first() else {
        return Err(not_a("a raster with a band", &info.path));
    };
    if !band.palette.is_empty() {
        return Ok(Style::palette(0, band.palette.clone()));
    }
    let statistics = band_statistics_blocking(raster, &[0])?;
    let highest = statistics.first().map_or(0.0, |found| found.max);
    if !(0.0..=255.0).contains(&highest) {
        return Err(not_a(
            "a class map: its values are not codes from 0 to 255",
            &info.path,
        ));
    }
    let entries = (1..=highest as u8)
        .map(|code| {
            let [red, green, blue] = class_color(code);
            PaletteEntry {
                value: i64::from(code),
                name: code.to_string(),
                rgba: [red, green, blue, 255],
            }
        })
        .collect();
    Ok(Style::palette(0, entries))
}

fn not_a(what: &str, path: &Path) -> CliError {
    CliError::failed(format!(
        "The chosen --style needs {what}.\n{}",
        path.display()
    ))
}
