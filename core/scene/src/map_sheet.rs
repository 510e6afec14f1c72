//! A raster as a map sheet: its picture, the legend of its style, what a scale bar and an arrow need. Knows rasters and styles;
//! places nothing on a page.

use crate::{
    Crs, MapGeometry, PaletteEntry, Raster, RasterInfo, SceneResult, Sheet, SheetClass,
    SheetContent, SheetLegend, SheetSize, Still, Style, pattern_of,
};

/// What a user says of a sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct SheetWords {
    pub title: String,
    pub attribution: String,
    pub date: String,
    pub size: SheetSize,
    /// Lines of longitude and latitude over the picture.
    pub has_graticule: bool,
}

/// Composes a sheet of a picture of a whole raster, drawn in `map_crs` or the raster's own system.
pub fn sheet_of_still(
    still: Still,
    info: &RasterInfo,
    style: &Style,
    map_crs: Option<&Crs>,
    words: &SheetWords,
) -> Sheet {
    let crs = map_crs.or(info.grid.crs());
    let (mut metres_per_pixel, mut north) = (None, None);
    if let (Some(extent), Some(geometry)) =
        (still.extent, crs.and_then(|crs| MapGeometry::new(crs).ok()))
    {
        let middle = (
            (extent.min_x + extent.max_x) / 2.0,
            (extent.min_y + extent.max_y) / 2.0,
        );
        let across = ((extent.min_x, middle.1), (extent.max_x, middle.1));
        metres_per_pixel = geometry
            .metres_between(across.0, across.1)
            .map(|metres| metres / still.width.max(1) as f64);
        north = geometry.north(middle);
    }
    let (legend_title, legend) = legend_of(style, info);
    let graticule = still.extent.and_then(|extent| Some((crs?.clone(), extent)));
    let content = SheetContent {
        title: words.title.clone(),
        picture: still,
        legend_title,
        legend,
        metres_per_pixel,
        north,
        date: words.date.clone(),
        system: crs.map_or_else(String::new, system_text),
        attribution: words.attribution.clone(),
        graticule: graticule.filter(|_| words.has_graticule),
    };
    Sheet::new(content, words.size)
}

/// `WGS 84 / UTM zone 29N (EPSG:32629)`.
pub fn system_text(crs: &Crs) -> String {
    match crs.epsg {
        Some(code) => format!("{} (EPSG:{code})", crs.name),
        None => crs.name.clone(),
    }
}

/// What the colours of a style mean: a heading and the legend.
pub fn legend_of(style: &Style, info: &RasterInfo) -> (String, SheetLegend) {
    let band_name = |band: usize| {
        info.bands
            .get(band)
            .map_or_else(|| format!("Band {}", band + 1), |band| band.name.clone())
    };
    let words = |lines: Vec<String>| (String::new(), SheetLegend::Words(lines));
    match style {
        Style::Palette {
            entries, hidden, ..
        } => {
            let rgb = |entry: &PaletteEntry| [entry.rgba[0], entry.rgba[1], entry.rgba[2]];
            let shown = entries
                .iter()
                .filter(|entry| entry.rgba[3] > 0 && !hidden.contains(&entry.value))
                .filter(|entry| !(entry.value == 0 && entry.name.is_empty()));
            let rows = shown.map(|entry| SheetClass {
                color: rgb(entry),
                pattern: pattern_of(entry.value, rgb(entry)),
                name: if entry.name.is_empty() {
                    entry.value.to_string()
                } else {
                    entry.name.clone()
                },
            });
            ("Classes".to_owned(), SheetLegend::Classes(rows.collect()))
        }
        Style::FieldClasses { head } => {
            let rows = head.classes.iter().map(|class| SheetClass {
                color: class.color,
                pattern: pattern_of(i64::from(class.id), class.color),
                name: class.name.clone(),
            });
            ("Classes".to_owned(), SheetLegend::Classes(rows.collect()))
        }
        Style::Rgb { bands, .. } => {
            let colors = ["Red", "Green", "Blue"].iter().zip(bands);
            words(
                colors
                    .map(|(color, band)| format!("{color}: {}", band_name(*band)))
                    .collect(),
            )
        }
        Style::Gray {
            band,
            stretch,
            ramp,
            ..
        } => {
            let unit = info.bands.get(*band).map_or("", |band| band.unit.as_str());
            ramp_of(
                &band_name(*band),
                ramp.colors(),
                (stretch.low, stretch.high),
                unit,
            )
        }
        Style::Derived {
            derivation,
            stretch,
            ramp,
            ..
        } => ramp_of(
            derivation.label(),
            ramp.colors(),
            (stretch.low, stretch.high),
            "",
        ),
        Style::FieldConfidence { .. } => {
            let colors = crate::ramp("cividis")
                .iter()
                .map(|c| [c[0], c[1], c[2], 255]);
            ramp_of("Confidence", colors.collect(), (0.0, 1.0), "")
        }
        Style::FieldUncertainty { .. } => {
            let colors = crate::ramp("grays").iter().map(|c| [c[0], c[1], c[2], 255]);
            ramp_of("Uncertainty", colors.collect(), (0.0, 1.0), "")
        }
        Style::FieldPca { axes, .. } => {
            let colors = ["Red", "Green", "Blue"].iter().zip(axes);
            words(
                colors
                    .map(|(color, axis)| format!("{color}: component {}", axis + 1))
                    .collect(),
            )
        }
        _ => words(Vec::new()),
    }
}

fn ramp_of(
    title: &str,
    colors: Vec<[u8; 4]>,
    (low, high): (f32, f32),
    unit: &str,
) -> (String, SheetLegend) {
    let text = |value: f32| {
        let number = crate::profile_number(
            f64::from((value * 1e4).round() / 1e4),
            crate::ProfileValues::Scaled,
        );
        match unit {
            "" | "1" => number,
            unit => format!("{number} {unit}"),
        }
    };
    let legend = SheetLegend::Ramp {
        colors: colors.iter().map(|c| [c[0], c[1], c[2]]).collect(),
        low: text(low),
        high: text(high),
    };
    (title.to_owned(), legend)
}

/// Draws a raster finely enough for a page at so many dots an inch, and composes its sheet. `over` may draw on the picture.
///
/// # Errors
/// As [`crate::render_still_blocking`], and what `over` meets.
pub fn map_sheet_blocking<E: From<crate::SceneError>>(
    raster: &Raster,
    style: &Style,
    map_crs: Option<&Crs>,
    words: &SheetWords,
    dots_an_inch: f64,
    over: impl FnOnce(&mut Still) -> Result<(), E>,
) -> Result<Sheet, E> {
    let (width, height) = words.size.points();
    let most = (width.max(height) / 72.0 * dots_an_inch).ceil().max(1.0) as usize;
    let drawn: SceneResult<Still> =
        crate::render_still_blocking(raster, style, None, map_crs, most, most);
    let mut still = drawn.map_err(E::from)?;
    over(&mut still)?;
    Ok(sheet_of_still(still, raster.info(), style, map_crs, words))
}
