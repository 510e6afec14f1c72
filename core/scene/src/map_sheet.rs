//! A picture of a map as a sheet: the legend of its layers, what a scale bar and an arrow need. Knows layers and styles;
//! places nothing on a page.

use std::sync::Arc;

use crate::{
    Crs, Layer, MapGeometry, PaletteEntry, RasterInfo, Sheet, SheetClass, SheetContent,
    SheetLegend, SheetSize, Still, Style, pattern_of,
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

/// Composes a sheet of a picture of the map in `crs`; `legend` is its heading and what the colours mean.
pub fn sheet_of_still(
    still: Still,
    crs: Option<&Crs>,
    (legend_title, legend): (String, SheetLegend),
    words: &SheetWords,
) -> Sheet {
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

/// The layer whose colours the legend of a map explains, of its layers from the top: the first with classes, else the first
/// raster.
pub fn layer_of_legend<'a>(
    mut layers: impl Iterator<Item = &'a Arc<Layer>> + Clone,
) -> Option<&'a Arc<Layer>> {
    let has_classes = |layer: &&Arc<Layer>| {
        matches!(
            layer.style,
            Some(Style::Palette { .. } | Style::FieldClasses { .. })
        )
    };
    let mut rasters = layers.clone();
    layers
        .find(has_classes)
        .or_else(|| rasters.find(|layer| layer.raster_info().is_some()))
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
