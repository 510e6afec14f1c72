//! `terroir layout`: a raster, or the layers of a project, as a map sheet with title, legend, scale bar, north arrow,
//! graticule, date and attribution, as PDF, PNG or SVG.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use terroir_scene::{
    Crs, MapRect, Raster, SheetFormat, SheetLegend, SheetSize, SheetWords, credit_of,
    default_style_blocking, layer_of_legend, legend_of, sheet_of_still,
};

use super::failure::{CliError, CliResult};
use super::output::Output;
use super::overlay::draw_over;
use super::view::{Side, credits_of, draw_view, is_project, map_of, open_view, parse_bounds};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Page {
    A4,
    A4Portrait,
    A3,
    A3Portrait,
}

impl From<Page> for SheetSize {
    fn from(page: Page) -> Self {
        match page {
            Page::A4 => Self::A4Landscape,
            Page::A4Portrait => Self::A4Portrait,
            Page::A3 => Self::A3Landscape,
            Page::A3Portrait => Self::A3Portrait,
        }
    }
}

#[derive(Debug, Args)]
pub struct LayoutArgs {
    /// Any raster GDAL opens, drawn as the window first shows it; or a project (.terroir), whose visible layers are drawn as
    /// it was saved
    file: PathBuf,
    /// Where the sheet goes (.pdf, .png or .svg)
    #[arg(long)]
    out: PathBuf,
    /// Title; the file's name without this
    #[arg(long)]
    title: Option<String>,
    /// Whom the data must be credited to; what the file says without this
    #[arg(long)]
    attribution: Option<String>,
    /// Date of the data; what the file says without this
    #[arg(long)]
    date: Option<String>,
    /// Paper
    #[arg(long, value_enum, default_value = "a4")]
    page: Page,
    /// Dots an inch of the picture
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(20..=1200))]
    dpi: u32,
    /// Coordinate system to draw in, e.g. EPSG:3857; the raster's or the project's own without this
    #[arg(long)]
    crs: Option<String>,
    /// Draw only this part of the map, in the coordinates of the system that is drawn in; all of it without this
    #[arg(long, value_name = "WEST,SOUTH,EAST,NORTH", allow_hyphen_values = true, value_parser = parse_bounds)]
    bounds: Option<MapRect>,
    /// Lines of longitude and latitude over the picture, with their degrees around it
    #[arg(long)]
    graticule: bool,
    /// Draw a vector file over the raster; `file:layer` names one of its layers; may be given again
    #[arg(long, value_name = "FILE")]
    vectors: Vec<String>,
}

pub fn run(args: &LayoutArgs, output: Output) -> CliResult {
    let Some(format) = SheetFormat::of(&args.out) else {
        return Err(CliError::usage(format!(
            "--out {}: sheets are written as .pdf, .png or .svg.",
            args.out.display()
        )));
    };
    let crs = args
        .crs
        .as_deref()
        .map(Crs::parse)
        .transpose()
        .map_err(|error| CliError::usage(format!("--crs: {error}")))?;
    let is_project = is_project(&args.file);
    let document = if is_project {
        open_view(&args.file, output)?
    } else {
        let raster = Raster::open(&args.file)?;
        map_of(&raster, &default_style_blocking(&raster)?, None)
    };
    let shown = document.layers.iter().filter(|layer| layer.visible);
    let infos = || shown.clone().filter_map(|layer| layer.raster_info());
    let mut credits: Vec<String> = credits_of(&document).into_iter().map(Into::into).collect();
    if credits.is_empty() {
        credits.extend(infos().find_map(|info| credit_of(info)));
    }
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let words = SheetWords {
        title: args.title.clone().unwrap_or_else(|| stem.into_owned()),
        attribution: args
            .attribution
            .clone()
            .unwrap_or_else(|| credits.join("\n")),
        date: args
            .date
            .clone()
            .or_else(|| infos().find_map(|info| info.date.clone()))
            .unwrap_or_default(),
        size: args.page.into(),
        has_graticule: args.graticule,
    };
    let dpi = f64::from(args.dpi);
    let (width, height) = words.size.points();
    let side = (width.max(height) / 72.0 * dpi).ceil().max(1.0) as usize;
    let crs = crs.or_else(|| document.map_crs.clone());
    // Shapes and labels of a project are drawn as finely as the page shows them.
    let side = match is_project {
        true => Side::Exactly(side),
        false => Side::AtMost(side),
    };
    let (mut still, extent) = draw_view(&document, crs.as_ref(), args.bounds, side, output)?;
    let vectors = &args.vectors;
    draw_over(&mut still, extent, crs.as_ref(), vectors, None, output)?;
    let legend = layer_of_legend(shown)
        .and_then(|layer| Some(legend_of(layer.style.as_ref()?, layer.raster_info()?)))
        .unwrap_or_else(|| (String::new(), SheetLegend::Words(Vec::new())));
    let sheet = sheet_of_still(still, crs.as_ref(), legend, &words);
    let bytes = sheet
        .file(format, dpi)
        .map_err(|error| CliError::file("The sheet could not be drawn.", &args.out, &error))?;
    terroir_scene::write_beside(&args.out, &bytes)?;
    if output.json {
        return output.print_json(&serde_json::json!({ "files": [args.out] }));
    }
    output.print(&format!("{}\n", args.out.display()))
}
