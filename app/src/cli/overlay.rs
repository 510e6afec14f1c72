//! Vector layers over a picture: what `terroir render --vectors` draws, with the canvas' own drawing.

use std::sync::atomic::AtomicBool;

use terroir_scene::{
    Crs, Grid, PictureFrame, Shown, Still, VectorColoring, VectorLook, VectorStyle, categories,
    draw_vectors, extent_in_map, file_and_layer, place_vectors_blocking, read_vector_blocking,
};

use super::failure::{CliError, CliResult};
use super::output::Output;

/// Draws each file of `vectors` (`file` or `file:layer`), the first at the bottom, over the picture of a whole raster,
/// which is in `map_crs` or the raster's own reference system.
pub fn draw_over(
    still: &mut Still,
    grid: &Grid,
    map_crs: Option<&Crs>,
    vectors: &[String],
    style_by: Option<&str>,
    output: Output,
) -> CliResult {
    let extent = still
        .extent
        .unwrap_or_else(|| extent_in_map(&grid.transform(), grid.width, grid.height));
    let frame = PictureFrame {
        left: extent.min_x,
        top: extent.max_y,
        units_per_pixel: extent.width() / still.width.max(1) as f64,
        width: still.width as u32,
        height: still.height as u32,
        pixels_per_point: 1.0,
    };
    let stop = AtomicBool::new(false);
    for (number, name) in vectors.iter().enumerate() {
        let (path, table) = file_and_layer(name);
        let layer = read_vector_blocking(&path, table.as_deref(), &Default::default())?;
        if let Some(complaint) = layer.complaint() {
            output.warn(&format!("{complaint} {}", path.display()));
        }
        let mut style = VectorStyle::fresh(&layer, number);
        if let Some(attribute) = style_by {
            let before = VectorColoring::Single { color: [0; 3] };
            style.coloring = categories(&layer, attribute, &before)?;
        }
        let placed = place_vectors_blocking(&layer, map_crs.or(grid.crs()), &stop)?;
        let look = VectorLook::new(&layer, &style);
        let Some(drawn) = draw_vectors(&placed, &look, &frame, Shown::All, &stop) else {
            return Err(CliError::failed(format!(
                "The picture is too large to draw shapes on; give a smaller --size.\n{}",
                path.display()
            )));
        };
        blend(&mut still.rgba, &drawn);
    }
    Ok(())
}

/// Lays premultiplied pixels over straight ones.
fn blend(under: &mut [u8], over: &[u8]) {
    for (below, above) in under.chunks_exact_mut(4).zip(over.chunks_exact(4)) {
        let (alpha, before) = (f32::from(above[3]) / 255.0, f32::from(below[3]) / 255.0);
        if alpha == 0.0 {
            continue;
        }
        let after = alpha + before * (1.0 - alpha);
        for channel in 0..3 {
            let premultiplied =
                f32::from(above[channel]) + f32::from(below[channel]) * before * (1.0 - alpha);
            below[channel] = (premultiplied / after).round() as u8;
        }
        below[3] = (255.0 * after).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_cover_the_picture_by_their_opacity() {
        let mut under = vec![100, 100, 100, 255, 0, 0, 0, 0];
        blend(&mut under, &[100, 0, 0, 128, 0, 64, 0, 64]);
        assert_eq!(under, [150, 50, 50, 255, 0, 255, 0, 64]);
    }
}
