//! What `terroir render` and `terroir layout` draw beside whole rasters: the layers of a project, and parts of a map.

use std::path::Path;
use std::sync::Arc;

use terroir_scene::{
    Blend, Crs, Document, Layer, LayerId, LayerSource, MapRect, Raster, Still, Style, ViewOrder,
    open_project, render_view_blocking,
};

use super::failure::{CliError, CliResult};
use super::output::Output;

/// Longer side in pixels where nothing else is said.
pub const USUAL_SIDE: usize = 2048;

pub fn is_project(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("terroir"))
}

/// `west,south,east,north`.
pub fn parse_bounds(text: &str) -> Result<MapRect, String> {
    let numbers: Option<Vec<f64>> = text
        .split(',')
        .map(|word| word.trim().parse().ok().filter(|n: &f64| n.is_finite()))
        .collect();
    let Some(&[min_x, min_y, max_x, max_y]) = numbers.as_deref() else {
        return Err(
            "four numbers are needed: west,south,east,north, such as 500000,4190000,510000,4200000"
                .to_owned(),
        );
    };
    if max_x <= min_x || max_y <= min_y {
        return Err("east must be larger than west, and north larger than south".to_owned());
    }
    Ok(MapRect {
        min_x,
        min_y,
        max_x,
        max_y,
    })
}

/// A project as it was saved; what is missing or not understood is told.
pub fn open_view(path: &Path, output: Output) -> CliResult<Document> {
    let opened = open_project(path)?;
    for warning in &opened.warnings {
        output.warn(warning);
    }
    Ok(opened.document)
}

/// A raster as the only layer of a map.
pub fn map_of(raster: &Raster, style: &Style, missing: Option<[u8; 3]>) -> Document {
    let info = raster.info();
    let mut document = Document::default();
    document.add_layer(Layer {
        id: LayerId(0),
        name: info.path.display().to_string(),
        source: LayerSource::Raster {
            path: info.path.clone(),
            info: Some(Arc::new(info.clone())),
        },
        style: Some(style.clone()),
        visible: true,
        opacity: 1.0,
        blend: Blend::Normal,
        missing_color: missing,
        edited_wavelengths: Vec::new(),
        attribution: None,
    });
    document
}

/// The longer side of a picture in pixels.
#[derive(Clone, Copy)]
pub enum Side {
    /// This many, also where that enlarges what is drawn.
    Exactly(usize),
    AtMost(usize),
}

impl Side {
    pub fn of(wanted: Option<u32>) -> Self {
        wanted.map_or(Self::AtMost(USUAL_SIDE), |side| {
            Self::Exactly(side as usize)
        })
    }
}

/// The visible layers within `bounds`, and the part of the map that is seen. Layers that are left out are told.
pub fn draw_view(
    document: &Document,
    map_crs: Option<&Crs>,
    bounds: Option<MapRect>,
    side: Side,
    output: Output,
) -> CliResult<(Still, MapRect)> {
    let (Side::Exactly(pixels) | Side::AtMost(pixels)) = side;
    let order = ViewOrder {
        map_crs,
        bounds,
        max_width: pixels,
        max_height: pixels,
        may_enlarge: matches!(side, Side::Exactly(_)),
    };
    let view = render_view_blocking(document, &order)?;
    for why in &view.left_out {
        output.warn(&format!("left out of the picture: {why}"));
    }
    Ok((view.still, view.extent))
}

/// Whom the visible layers must be credited to, each once.
pub fn credits_of(document: &Document) -> Vec<&str> {
    let mut credits: Vec<&str> = Vec::new();
    for layer in document.layers.iter().filter(|layer| layer.visible) {
        if let Some(credit) = layer.attribution.as_deref()
            && !credits.contains(&credit)
        {
            credits.push(credit);
        }
    }
    credits
}

/// Refuses the options of single rasters: `given` are their names and whether they were given.
pub fn refuse_for_projects(given: &[(&str, bool)]) -> CliResult {
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(CliError::usage(format!(
            "{name} is for a raster; a project is drawn in the styles it was saved with."
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_four_numbers_in_order() {
        let rect = parse_bounds("1, -2.5,3e1,4").unwrap();
        assert_eq!(
            (rect.min_x, rect.min_y, rect.max_x, rect.max_y),
            (1.0, -2.5, 30.0, 4.0)
        );
        for bad in [
            "",
            "1,2,3",
            "1,2,3,4,5",
            "1,2,x,4",
            "3,2,1,4",
            "1,4,3,4",
            "nan,1,2,3",
        ] {
            assert!(parse_bounds(bad).is_err(), "{bad}");
        }
    }
}
