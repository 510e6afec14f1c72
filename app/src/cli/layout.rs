//! `terroir layout`: a raster as a map sheet with title, legend, scale bar, north arrow, graticule, date and attribution, as PDF,
//! PNG or SVG.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use terroir_scene::{
    Crs, Raster, SheetFormat, SheetSize, SheetWords, credit_of, default_style_blocking,
    map_sheet_blocking,
};

use super::failure::{CliError, CliResult};
use super::output::Output;
use super::overlay::draw_over;

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
    /// Any raster GDAL opens; drawn as the window first shows it
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
    /// Coordinate system to draw in, e.g. EPSG:3857; the raster's own without this
    #[arg(long)]
    crs: Option<String>,
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
    let raster = Raster::open(&args.file)?;
    let info = raster.info();
    let style = default_style_blocking(&raster)?;
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let words = SheetWords {
        title: args.title.clone().unwrap_or_else(|| stem.into_owned()),
        attribution: args
            .attribution
            .clone()
            .or_else(|| credit_of(info))
            .unwrap_or_default(),
        date: args
            .date
            .clone()
            .or_else(|| info.date.clone())
            .unwrap_or_default(),
        size: args.page.into(),
        has_graticule: args.graticule,
    };
    let dpi = f64::from(args.dpi);
    let sheet = map_sheet_blocking(&raster, &style, crs.as_ref(), &words, dpi, |still| {
        draw_over(still, &info.grid, crs.as_ref(), &args.vectors, None, output)
    })?;
    let bytes = sheet
        .file(format, dpi)
        .map_err(|error| CliError::file("The sheet could not be drawn.", &args.out, &error))?;
    terroir_scene::write_beside(&args.out, &bytes)?;
    if output.json {
        return output.print_json(&serde_json::json!({ "files": [args.out] }));
    }
    output.print(&format!("{}\n", args.out.display()))
}
